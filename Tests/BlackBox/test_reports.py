"""GET /admin/usage by groups: each group word and all together, days that are asked for, as values separated by commas."""

import itertools
import time
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from checks import check, contains, equal, eventually, expect
from forwarding import ALONE
from harness import served
from limits import BOB, house, key_id
from records import FORMATS, FRESH, MODEL, NANO, SUMS, as_csv, ask, book, grouped, listed, near, rows, total
from upstream import status, whole

ZONE = "Asia/Singapore"  # what the harness gives a configuration that names none
ALWAYS = {"from": "2000-01-01", "to": "2999-12-31"}


def _day(offset=0):
    return (datetime.now(ZoneInfo(ZONE)) + timedelta(days=offset)).strftime("%Y-%m-%d")


def _many(p, more=()):
    """Twelve requests of two keys in all dialects, in three sessions of two agents."""
    for i, dialect in enumerate(FORMATS * 3):
        headers = {"x-proxyd-session": f"s{i % 3}", "x-claude-code-agent-id": f"a{i % 2}"}
        served(ask(p, dialect, stream=i % 2 == 0, headers=headers, **({"key": BOB} if i >= 8 else {})))
    return rows(p, 12)


def _sum_of(told, group_of):
    """Rows of requests, summed up by hand: {group: (requests, input, output, cache_read, cache_write, cost)}."""
    sums = {}
    for one in told:
        so_far = sums.setdefault(group_of(one), [0] * 6)
        for i, name in enumerate((None, "input", "output", "cache_read", "cache_write", "cost_nano")):
            so_far[i] += 1 if name is None else one[name]
    return {group: tuple(values[:5]) + (values[5] / 1e9,) for group, values in sums.items()}


def _told(rows_, *names):
    return {
        tuple(one[name] for name in names): (one["requests"], one["input"], one["output"], one["cache_read"], one["cache_write"], one["cost_usd"])
        for one in rows_
    }


GROUPS = {  # a group -> the member of a row of GET /admin/requests that says the same
    "key": lambda one: one["key"],
    "model": lambda one: one["model"],
    "upstream": lambda one: one["upstream"],
    "account": lambda one: one["account"],
    "rule": lambda one: one["rule"],
    "session": lambda one: one["session"],
    "agent": lambda one: one["agent"],
    "tag:team": lambda one: one["tags"].get("team", ""),
    "tag:vendor": lambda one: one["tags"].get("vendor", ""),
    "tag:nothing": lambda one: "",
    "day": lambda one: _local(one).strftime("%Y-%m-%d"),
    "hour": lambda one: _local(one).strftime("%Y-%m-%d %H:00"),
}


def _local(one):
    return datetime.fromisoformat(one["time"].replace("Z", "+00:00")).astimezone(ZoneInfo(ZONE))


@check("group_by={word}: a row for each, with its own word, sums that the requests come to, and no other", rows=list(GROUPS))
def _(lab, word):
    p, _up = book(lab)
    told = _many(p)
    found = grouped(p, word)
    for one in found:
        equal(set(SUMS) - set(one), set(), "sums that a row lacks")
        equal((one["counted_requests"], one["unpriced_requests"], one["reasoning"]), (0, 0, 0), "counted, unpriced, reasoning")
    equal(len(found), len(_told(found, word)), "rows, each group once")
    equal(_told(found, word), {(group,): sums for group, sums in _sum_of(told, GROUPS[word]).items()}, f"sums by {word}")


SEVERAL = [
    "key,model", "model,key", "day,key,upstream", "tag:team,model", "rule,account,hour", "key,tag:team,tag:vendor",
    "key,model,day,hour,upstream,account,rule,session,agent,tag:team",
]  # fmt: skip


@check("groups of several words are told apart by all of them, in any order: {words}", rows=SEVERAL)
def _(lab, words):
    p, _up = book(lab)
    told, names = _many(p), words.split(",")
    wanted = _sum_of(told, lambda one: tuple(GROUPS[name](one) for name in names))
    equal(_told(grouped(p, words), *names), wanted, f"sums by {words}")


@check("group key: a row has the name and the id; two keys of which one is deleted and the other has its name stay two rows")
def _(lab):
    p, _up = book(lab)
    old = p.create_key("made")
    served(ask(p, key=old["api_key"]))
    rows(p, 1)
    equal(p.admin("DELETE", f"/admin/keys/{old['id']}").status, 200, "the status of DELETE")
    new = p.create_key("made")
    served(ask(p, key=new["api_key"])), served(ask(p, key=new["api_key"]))
    rows(p, 3)
    found = {one["key_id"]: (one["key"], one["requests"]) for one in grouped(p, "key")}
    equal(found, {old["id"]: ("made", 1), new["id"]: ("made", 2)}, "keys by id")


@check("a key that is renamed: its rows bear the new name, its sums stay one")
def _(lab):
    p, _up = book(lab)
    made = p.create_key("before")
    served(ask(p, key=made["api_key"]))
    rows(p, 1)
    equal(p.admin("PATCH", f"/admin/keys/{made['id']}", {"name": "after"}).status, 200, "the status of PATCH")
    served(ask(p, key=made["api_key"]))
    rows(p, 2)
    equal([(one["key"], one["requests"]) for one in grouped(p, "key")], [("after", 2)], "keys and requests")


@check("tags are those that a key had when it asked: what is booked stays with its team when the key goes to another")
def _(lab):
    p, _up = book(lab)
    made = p.create_key("made", tags={"team": "red"})
    served(ask(p, key=made["api_key"]))
    rows(p, 1)
    equal(p.admin("PATCH", f"/admin/keys/{made['id']}", {"tags": {"team": "blue"}}).status, 200, "the status of PATCH")
    served(ask(p, key=made["api_key"])), served(ask(p, key=made["api_key"]))
    rows(p, 3)
    equal({one["tag:team"]: one["requests"] for one in grouped(p, "tag:team")}, {"red": 1, "blue": 2}, "requests by team")


@check("after a fallback: what was used stands at the upstream, account and model that served")
def _(lab):
    p, first, _second = lab.tiers(2, more=house(models=("model-1", "model-2")))
    first.reply(status(529))
    served(p.ask())
    rows(p, 1)
    found = [(one["upstream"], one["account"], one["model"], one["rule"], one["requests"]) for one in grouped(p, "upstream,account,model,rule")]
    equal(found, [("t2", "one", "model-2", "all", 1)], "where it stands")


@check("failed requests and counts of tokens are in no report; what they are beside is")
def _(lab):
    p, up = book(lab, more=ALONE)
    up.reply(status(500), model="claude-broken")
    up.reply(whole({"input_tokens": 12}), path="/v1/messages/count_tokens")
    ask(p, model="claude-broken")
    served(p.send("POST", "/v1/messages/count_tokens", {"model": "claude-test", "messages": []}))
    served(ask(p))
    rows(p, 3)
    equal([(one["model"], one["requests"]) for one in grouped(p, "model")], [("claude-test", 1)], "models and requests")


@check("reports, the old shapes, the keys' list and the rows come to the same sums")
def _(lab):
    p, _up = book(lab)
    told = _many(p)
    wanted = (12, total(told, "input"), total(told, "output"), total(told, "cache_read"), total(told, "cache_write"))
    for word in GROUPS:
        found = grouped(p, word)
        sums = tuple(total(found, name) for name in ("requests", "input", "output", "cache_read", "cache_write"))
        equal(sums, wanted, f"sums of all rows by {word}")
        near(total(found, "cost_usd"), total(told, "cost_nano") / 1e9, f"cost of all rows by {word}")
    all_in = wanted[1] + wanted[3] + wanted[4]
    old = p.get("/admin/usage")
    equal((old["total_requests"], old["total_input_tokens"], old["total_output_tokens"]), (12, all_in, wanted[2]), "the old shape")
    near(old["total_cost_usd"], total(told, "cost_nano") / 1e9, "total_cost_usd")
    days = p.get("/admin/usage/daily")["days"]
    equal((total(days, "total_requests"), total(days, "total_input"), total(days, "total_output")), (12, all_in, wanted[2]), "days")
    near(total(days, "cost_usd"), total(told, "cost_nano") / 1e9, "cost of the days")
    hours = [model for hour in p.get("/admin/usage/hourly")["hours"] for model in hour["by_model"].values()]
    equal((total(hours, "requests"), total(hours, "total")), (12, all_in + wanted[2]), "hours")
    near(total(hours, "cost_usd"), total(told, "cost_nano") / 1e9, "cost of the hours")
    keys = p.get("/admin/keys")["keys"]
    equal((total(keys, "total_requests"), total(keys, "total_input"), total(keys, "total_output")), (12, all_in, wanted[2]), "keys")
    near(total(keys, "cost_usd"), total(told, "cost_nano") / 1e9, "cost of the keys")


@check("a key's own report: totals, days and hours by model, requests and cost beside the tokens, to the letter of the old shape")
def _(lab):
    p, _up = book(lab)
    told = [one for one in _many(p) if one["key"] == "bob"]
    usage = p.get(f"/admin/keys/{key_id(p, 'bob')}/usage")["usage"]
    by_model = {
        model: (sum(one["model"] == model for one in told), sum(sum(FRESH[d]) for d in FORMATS if MODEL[d] == model))
        for model in {one["model"] for one in told}
    }
    wanted = {model: {"total": count * each, "requests": count} for model, (count, each) in by_model.items()}
    cost = {model: sum(one["cost_nano"] for one in told if one["model"] == model) / 1e9 for model in wanted}

    def right(found, what):
        plain = {model: {"total": v["total"], "requests": v["requests"]} for model, v in found.items()}
        equal(plain, wanted, f"{what} by model")
        for model, v in found.items():
            near(v["cost_usd"], cost[model], f"cost_usd of {model} in {what}")

    right(usage["total_by_model"], "total_by_model")
    equal(len(usage["daily"]), 1, "days")
    for day, of_day in usage["daily"].items():
        right(of_day["by_model"], f"daily {day}")
        equal((of_day["requests"], of_day["output"]), (len(told), total(told, "output")), "requests and output of the day")
        near(of_day["cost_usd"], sum(cost.values()), "cost_usd of the day")
    expect(1 <= len(usage["hourly"]) <= 2, "an hour, or two", usage["hourly"])
    if len(usage["hourly"]) == 1:
        for hour, of_hour in usage["hourly"].items():
            right(of_hour["by_model"], f"hourly {hour}")
    near(usage["cost_usd"], sum(cost.values()), "cost_usd of the key")


# ---------------------------------------------------------------- days


@check("from and to are days of the configured zone, both included; each may be left out")
def _(lab):
    p, _up = book(lab)
    before = _day()
    served(ask(p))
    rows(p, 1)
    if _day() != before:
        return  # midnight passed
    for query, wanted in [
        ({"from": _day(), "to": _day()}, 1),
        ({"from": _day(-1), "to": _day(1)}, 1),
        ({"from": _day(1), "to": _day(2)}, 0),
        ({"from": _day(-2), "to": _day(-1)}, 0),
        ({"from": _day()}, 1),
        ({"to": _day()}, 1),
        ({"to": _day(-1)}, 0),
        ({"from": _day(1)}, 0),
        (ALWAYS, 1),
    ]:
        equal(total(grouped(p, "model", **query), "requests"), wanted, f"requests of {query}")


@check("GET /admin/usage: from and to take instants and seconds too: their hour in the configured time zone")
def _(lab):
    p, _up = book(lab, "timezone: Asia/Singapore")
    served(ask(p))
    now = time.time()
    far = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now + 14 * 86400)) + "+08:00"
    before = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now - 14 * 86400))
    for query, wanted in [
        (f"from={before}&to={far}", 1),
        (f"from={int(now)}", 1),
        (f"to={int(now) + 60}", 1),
        (f"from={far}", 0),
        (f"to={before}", 0),
        (f"from={int(now) + 3660}", 0),
        (f"to={int(now) - 3600}", 0),
        (f"from={int(now) - 3600}&to={int(now) + 3600}", 1),
        (f"from={int(now) - 3600}&to={far}", 1),
        (f"from={before}&to={int(now) + 3600}", 1),
        (f"from={before}&to={int(now) - 3600}", 0),
    ]:
        for group in ("model", "session,key"):
            told = p.get(f"/admin/usage?group_by={group}&{query}")["rows"]
            equal((sum(one["requests"] for one in told), len(told)), (wanted, wanted), f"requests of {query} by {group}, and rows")
        told = p.get(f"/admin/usage?group_by=hour,model&{query}")["rows"]
        equal(sum(one["requests"] for one in told), wanted, f"requests of {query} by hours")


BAD = [  # a query, and what its message names
    ("group_by=nonsense", "nonsense"), ("group_by=key,", "group_by"), ("group_by=key,nonsense", "nonsense"), ("group_by=tag:", "tag:"),
    ("group_by=tag", "'tag'"), ("group_by=KEY", "KEY"), ("group_by=key&from=yesterday", "from"), ("group_by=key&to=2026-02-30", "to"),
    ("group_by=key&from=2026-13-01", "from"), ("group_by=key&from=2026-2-1", "from"), ("group_by=key&from=2026-02-02&to=2026-02-01", "from"),
    ("group_by=key&to=99999-01-01", "to"), ("group_by=key&format=xml", "format"), ("group_by=key&from=2026-02-11T00:00:00", "from"),
]  # fmt: skip


@check("GET /admin/usage with a query that is none is a 400 that names it")
def _(lab):
    p, _up = book(lab)
    served(ask(p))
    for query, part in BAD:
        answer = p.admin("GET", f"/admin/usage?{query}")
        equal(answer.status, 400, f"the status of ?{query}")
        contains(answer.json()["error"]["message"], part, f"the message for ?{query}")


ODD = [  # a call of the admin API, its query to be looked at whole
    "requests?key=%FF", "requests?session=%FF", "requests?limit=%FF", "limits?limit=%FF", "limits?bucket=%FF", "usage?group_by=%FF",
    "usage?group_by=key&from=%FF", "usage/daily?date=%FF", "usage/hourly?date=%", "keys?q=%FF", "audit?before=%FF", "models?policy=%FF",
    "fallback?x=%FF", "usage?group_by=key&group_by=model", "requests?key=a&key=b", "limits?limit=a&limit=b", "keys?limit=1&limit=2",
    "requests?limit=1&%6Cimit=2", "whoami?%FF=1",
]  # fmt: skip


@check("a query that is no UTF-8, or has a parameter twice, is a 400 and no answer to another question")
def _(lab):
    p, _up = book(lab)
    served(ask(p))
    for call in ODD:
        answer = p.admin("GET", f"/admin/{call}")
        equal(answer.status, 400, f"the status of {call}")
        contains(answer.json()["error"]["message"], "query", f"the message for {call}")
    for call in ("limits?bucket=a&bucket=b", "usage?group_by=model&only=a&only=b", "requests?session=%E2%82%AC", "keys?q=a+b"):
        equal(p.admin("GET", f"/admin/{call}").status, 200, f"the status of {call}")


@check("nothing used yet, and days without usage: no rows")
def _(lab):
    p, _up = book(lab)
    for word in GROUPS:
        equal(grouped(p, word), [], f"rows by {word}")


@check("reports by session and agent come to what the others come to, also of requests whose rows are gone ({words})", rows=[
    "session", "agent", "session,agent", "key,session", "model,agent,day",
])
def _(lab, words):
    p, _up = book(lab, more="usage: {keep_requests: 30d}")
    told = _many(p)
    p.config.write_text(p.config.read_text().replace("keep_requests: 30d", "keep_requests: 0"))
    equal(p.admin("POST", "/admin/reload").status, 200, "the status of the reload")
    eventually(lambda: not listed(p), "no rows of requests", 10)
    served(ask(p, headers={"x-proxyd-session": "s9", "x-claude-code-agent-id": "a9"}))
    eventually(lambda: p.get("/admin/usage")["total_requests"] == len(told) + 1, "all requests")
    names = [word for word in words.split(",") if word not in ("session", "agent")]
    found = grouped(p, words)
    expect(all(one[word] == "" for one in found for word in words.split(",") if word not in names), "rows of no name", found)
    equal(_told(found, *names), _told(grouped(p, ",".join(names)), *names), "the sums")


# ---------------------------------------------------------------- values separated by commas


@check(
    "format=csv has a line for each row, its members as columns, names with commas and quotes whole ({words})",
    rows=["key", "key,model", "day,tag:team", "session,agent"],
)
def _(lab, words):
    p, _up = book(lab)
    for name in ("Smith, Jane", 'the "best"', "a;b", "团队 ü"):
        made = p.create_key(name, tags={"team": name})
        served(ask(p, key=made["api_key"], headers={"x-proxyd-session": name.encode("ascii", "ignore").decode()}))
    rows(p, 4)
    answer, lines = as_csv(p, words)
    contains(answer.header("content-type") or "", "text/csv", "the content type")
    found = grouped(p, words)
    equal(len(lines), len(found), "lines, and rows as JSON")
    for line, one in itertools.zip_longest(lines, found):
        for name, value in one.items():
            expect(name in line, f"a column {name!r}", line)
            if isinstance(value, str):
                equal(line[name], value, f"the column {name}")
            else:
                near(float(line[name]), value, f"the column {name}")


@check("format=csv: what a spreadsheet would run as a formula is no formula there, and has lost nothing else")
def _(lab):
    p, _up = book(lab)
    made = p.create_key("=HYPERLINK(1)")
    served(ask(p, key=made["api_key"]))
    rows(p, 1)
    _answer, lines = as_csv(p, "key")
    expect(lines[0]["key"].endswith("=HYPERLINK(1)") and not lines[0]["key"].startswith("="), "a name that is no formula", lines)


@check("format=csv without usage is a line of names and no other; format=json is what comes without a format")
def _(lab):
    p, _up = book(lab)
    answer, lines = as_csv(p, "model")
    equal((lines, len(answer.text.strip().splitlines())), ([], 1), "lines of values, and all lines")
    served(ask(p))
    rows(p, 1)
    equal(grouped(p, "model", format="json"), grouped(p, "model"), "rows")


# ---------------------------------------------------------------- never lost


@check("reports say the same after a restart with {how}", rows=["SIGTERM", "SIGKILL"])
def _(lab, how):
    p, _up = book(lab)
    _many(p)
    words = [word for word in GROUPS]
    before, listed_before = {word: grouped(p, word) for word in words}, listed(p)
    p.restart(hard=how == "SIGKILL")
    equal(listed(p), listed_before, "rows of requests after the restart")
    for word in words:
        equal(grouped(p, word), before[word], f"the report by {word} after the restart")


@check("what a report says of a price stays, when the price in the file changes: old requests keep what they cost")
def _(lab):
    p, _up = book(lab)
    served(ask(p))
    rows(p, 1)
    text = p.config.read_text()
    p.config.write_text(text.replace("input: 500000", "input: 900000"))
    equal(p.admin("POST", "/admin/reload").status, 200, "the status of the reload")
    near(total(grouped(p, "key"), "cost_usd"), NANO["anthropic"] / 1e9, "the cost of the old request")
    served(ask(p))
    rows(p, 2)
    near(total(grouped(p, "key"), "cost_usd"), 2 * NANO["anthropic"] / 1e9 + 11 * 0.4, "the cost of both")
    eventually(lambda: p.get("/admin/usage")["total_requests"] == 2, "two requests")
