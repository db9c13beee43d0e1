"""GET /admin/requests: pages that stay what they were, what filters pick, what is no query, how long rows are kept."""

import time
from datetime import datetime, timedelta, timezone
from urllib.parse import quote
from zoneinfo import ZoneInfo

from checks import check, contains, equal, eventually, expect, one_of
from clock import Clock
from forwarding import ALONE
from harness import USER_KEY, served
from limits import BOB, key_id
from records import MODEL, ask, book, grouped, listed, page, rows, total
from upstream import status

# ---------------------------------------------------------------- pages


@check("rows come newest first, so many as `limit` says, and `next` leads on until there are none: each is told once")
def _(lab):
    p, _up = book(lab)
    sent = []
    for i in range(25):
        sent.append(served(ask(p, headers={"x-proxyd-session": f"s{i}"})).header("x-request-id"))
    rows(p, 25)
    seen, query = [], {"limit": 10}
    for size in (10, 10, 5):
        told = page(p, **query)
        equal(len(told["requests"]), size, "rows of a page")
        seen += told["requests"]
        query["before"] = told.get("next")
    equal(query["before"], None, "`next` of the last page")
    equal([one["id"] for one in seen], sent[::-1], "ids of all pages, the newest first")
    equal([one["session"] for one in seen], [f"s{i}" for i in range(24, -1, -1)], "sessions of all pages")


@check("pages stay what they were while new rows come, and where all rows of a page are of one moment")
def _(lab):
    p, _up = book(lab)
    for _ in range(12):
        served(ask(p, headers={"x-proxyd-session": "old"}))
    wanted = [one["id"] for one in rows(p, 12)]
    seen, query = [], {"limit": 1}
    while True:
        told = page(p, **query)
        seen += [one["id"] for one in told["requests"]]
        served(ask(p, headers={"x-proxyd-session": "new"}))
        if not told.get("next"):
            break
        query["before"] = told["next"]
        expect(len(seen) <= 12, "an end of the pages", seen)
    equal(seen, wanted, "ids of the pages")


@check("pages of what a filter picks: as many as asked for, though most rows are of another")
def _(lab):
    p, _up = book(lab)
    for i in range(30):
        served(ask(p, "openai" if i % 5 == 0 else "anthropic", headers={"x-proxyd-session": f"s{i}"}))
    rows(p, 30)
    first = page(p, model="gpt-test", limit=4)
    second = page(p, model="gpt-test", limit=4, before=first["next"])
    told = [one["session"] for one in first["requests"] + second["requests"]]
    equal(told, ["s25", "s20", "s15", "s10", "s5", "s0"], "sessions of the two pages")
    equal(second.get("next"), None, "`next` of the last page")


@check("a page that ends with the last row has no `next`, or one that leads to an empty page")
def _(lab):
    p, _up = book(lab)
    for _ in range(3):
        served(ask(p))
    rows(p, 3)
    told = page(p, limit=3)
    if told.get("next"):
        told = page(p, limit=3, before=told["next"])
        equal((told["requests"], told.get("next")), ([], None), "the page after it")


@check("without `limit` a page has a hundred rows; pages hold across a restart", seconds=90)
def _(lab):
    p, _up = book(lab)
    for _ in range(110):
        served(ask(p))
    told = eventually(lambda: page(p).get("next") and page(p), "a second page")
    equal(len(told["requests"]), 100, "rows of a page")
    p.restart(hard=True)
    equal(page(p)["requests"], told["requests"], "the page after a restart")
    equal(len(page(p, before=told["next"])["requests"]), 10, "rows of the second page, after a restart")


@check("nothing asked yet: no rows, no `next`")
def _(lab):
    p, _up = book(lab)
    equal((page(p)["requests"], page(p).get("next")), ([], None), "rows and next")


# ---------------------------------------------------------------- filters


@check("filters pick by key (id or name), model, status (one or a class), session, and all at once")
def _(lab):
    p, up = book(lab, more=ALONE)
    up.reply(status(429, retry_after=1), model="claude-busy")
    up.reply(status(500), model="claude-broken")
    made = p.create_key("made")
    asked = [  # session, keywords
        ("one", {}),
        ("two", {"key": BOB}),
        ("three", {"dialect": "openai"}),
        ("four", {"model": "claude-busy"}),
        ("five", {"model": "claude-broken", "key": BOB}),
        ("six", {"key": made["api_key"], "dialect": "gemini"}),
    ]
    for session, keywords in asked:
        ask(p, headers={"x-proxyd-session": session}, **keywords)
    rows(p, len(asked))

    def picked(**query):
        return [one["session"] for one in listed(p, **query)][::-1]

    equal(picked(), [session for session, _ in asked], "all")
    equal(picked(key="bob"), ["two", "five"], "key=bob")
    equal(picked(key=key_id(p, "bob")), ["two", "five"], "key= with an id")
    equal(picked(key=made["id"]), ["six"], "key= with the id of a key that was made")
    equal(picked(model="gpt-test"), ["three"], "model=gpt-test")
    equal(picked(status="200"), ["one", "two", "three", "six"], "status=200")
    equal(picked(status="429"), ["four"], "status=429")
    equal(picked(status="4xx"), ["four"], "status=4xx")
    equal(picked(status="5xx"), ["five"], "status=5xx")
    equal(picked(status="404"), [], "status=404")
    equal(picked(session="three"), ["three"], "session=three")
    equal(picked(session="nobody"), [], "session=nobody")
    equal(picked(key="bob", status="2xx", model=MODEL["anthropic"], session="two"), ["two"], "all at once")
    equal(picked(key="bob", status="2xx", session="five"), [], "all at once, of which one does not fit")


@check("a key that was renamed or deleted keeps its rows, found by its id")
def _(lab):
    p, _up = book(lab)
    made = p.create_key("made")
    served(ask(p, key=made["api_key"]))
    rows(p, 1)
    equal(p.admin("DELETE", f"/admin/keys/{made['id']}").status, 200, "the status of DELETE")
    told = listed(p, key=made["id"])
    equal([(one["key_id"], one["key"]) for one in told], [(made["id"], "made")], "rows of the key that was deleted")


@check("since: an instant with a zone, in UTC or another, and a day of the configured time zone")
def _(lab):
    p, _up = book(lab, more="timezone: Pacific/Kiritimati")
    served(ask(p, headers={"x-proxyd-session": "before"}))
    time.sleep(2.1)  # instants are told to the second
    middle = datetime.now(timezone.utc).replace(microsecond=0)
    served(ask(p, headers={"x-proxyd-session": "after"}))
    rows(p, 2)

    def since(text):
        return [one["session"] for one in listed(p, since=text)][::-1]

    equal(since(middle.strftime("%Y-%m-%dT%H:%M:%SZ")), ["after"], "since an instant in UTC")
    equal(since(middle.astimezone(ZoneInfo("America/New_York")).isoformat()), ["after"], "since an instant in another zone")
    equal(since((middle - timedelta(hours=1)).isoformat()), ["before", "after"], "since an hour ago")
    equal(since((middle + timedelta(hours=1)).isoformat()), [], "since an hour from now")
    equal([since(text) for text in ("1h", "7d")], [["before", "after"]] * 2, "since so long back")
    plain = (middle - timedelta(hours=1)).astimezone(ZoneInfo("Asia/Singapore")).isoformat()
    told = p.get(f"/admin/requests?since={plain}")["requests"]
    equal(len(told), 2, "rows since an hour ago, the + not encoded")
    there = datetime.now(ZoneInfo("Pacific/Kiritimati"))
    if (there - timedelta(seconds=30)).date() == there.date():
        equal(since(f"{there:%Y-%m-%d}"), ["before", "after"], "since today")
    equal(since(f"{there + timedelta(days=1):%Y-%m-%d}"), [], "since tomorrow")
    equal(since(f"{there - timedelta(days=400):%Y-%m-%d}"), ["before", "after"], "since a year ago")


BAD = [
    "limit=0", "limit=-1", "limit=x", "limit=1.5", "limit=99999999999999999999", "before=nonsense", "before=%00", "before=-1", "status=abc",
    "status=4x", "status=xx", "status=4xxx", "status=99999999999999999999", "since=yesterday", "since=2026-13-45", "since=2026-02-30",
    "since=2026-02-11T25:00:00Z", "since=2026-02-11T10:00:00", "since=99999999999999999999",
]  # fmt: skip


@check("GET /admin/requests with a query that is none is a 400 that names it")
def _(lab):
    p, _up = book(lab)
    served(ask(p))
    for query in BAD:
        answer = p.admin("GET", f"/admin/requests?{query}")
        equal(answer.status, 400, f"the status of ?{query}")
        contains(answer.json()["error"]["message"], query.partition("=")[0], f"the message for ?{query}")
    equal(len(rows(p, 1)), 1, "rows afterwards")


@check("a filter that looks like SQL, is very long or is no UTF-8 breaks nothing and picks nothing")
def _(lab):
    p, _up = book(lab)
    served(ask(p))
    rows(p, 1)
    for value in ("' OR 1=1 --", "x" * 4000, '"', "%", "*", "\0", "你好"):
        for name in ("model", "session"):
            answer = p.admin("GET", f"/admin/requests?{name}={quote(value)}")
            one_of(answer.status, (200, 400), f"the status with {name}={value[:20]!r}")
            expect(answer.status == 400 or answer.json()["requests"] == [], "no rows", answer.text)
    one_of(p.admin("GET", "/admin/requests?session=%ff%fe").status, (200, 400), "the status of no UTF-8")
    equal(len(listed(p)), 1, "rows afterwards")


@check("{path}: 401 without a key, 403 with a client's, GET alone", rows=["/admin/requests", "/admin/usage?group_by=key"])
def _(lab, path):
    p, _up = book(lab)
    served(ask(p))
    for key, wanted in ((None, 401), ("sk-wrong", 403), (USER_KEY, 403)):
        equal(p.admin("GET", path, key=key).status, wanted, f"the status with the key {key}")
    one_of(p.admin("POST", path, {}).status, (404, 405), "the status of POST")


@check("a viewer sees rows and reports, a key for metrics does not")
def _(lab):
    viewer, metrics = "sk-viewer-0123456789abcdefghijklmnop", "sk-metrics-0123456789abcdefghijklmnop"
    admin = f"""
admin:
  keys:
    - {{name: v, key: {viewer}, role: viewer}}
    - {{name: m, key: {metrics}, role: metrics}}
    - {{name: a, key: sk-admin-zyxwvutsrqponmlkjihgfedcba, role: admin}}"""
    p, _up = book(lab, more=admin)
    served(ask(p))
    for path in ("/admin/requests", "/admin/usage?group_by=key", "/admin/usage"):
        equal(p.admin("GET", path, key=viewer).status, 200, f"the status of GET {path} for a viewer")
        equal(p.admin("GET", path, key=metrics).status, 403, f"the status of GET {path} for a key of metrics")


# ---------------------------------------------------------------- how long


@check("keep_requests: 0 keeps no rows, and all sums")
def _(lab):
    p, _up = book(lab, more="usage: {keep_requests: 0}")
    for _ in range(3):
        served(ask(p))
    eventually(lambda: total(grouped(p, "key"), "requests") == 3, "three requests in the report")
    equal(listed(p), [], "rows")
    equal(p.get("/admin/usage")["total_requests"], 3, "requests of the old shape")
    p.restart(hard=True)
    equal((listed(p), total(grouped(p, "key"), "requests")), ([], 3), "rows and requests after a restart")


@check("keep_requests: what is older goes, what is younger stays, sums stay for ever", seconds=60)
def _(lab):
    clock = Clock(lab)
    clock.set(time.time() - 3 * 86_400)
    p, _up = book(lab, more="usage: {keep_requests: 2d}", env=clock.env)
    served(ask(p, headers={"x-proxyd-session": "old"}))
    rows(p, 1)
    p.stop()
    clock.set(time.time())
    p.start()
    served(ask(p, headers={"x-proxyd-session": "young"}))
    equal(len(rows(p, 2)), 2, "rows as long as the clock may be one that somebody sets right")
    clock.go_on(660)
    eventually(lambda: [one["session"] for one in listed(p)] == ["young"], "the young row alone", 20)
    equal(total(grouped(p, "key", **{"from": "2020-01-01", "to": "2099-12-31"}), "requests"), 2, "requests of the report")
    equal(p.get("/admin/usage")["total_requests"], 2, "requests of the old shape")


@check("keep_requests: 30d is what holds where the file says nothing: rows of 29 days ago are there", seconds=60)
def _(lab):
    clock = Clock(lab)
    clock.set(time.time() - 29 * 86_400)
    p, _up = book(lab, env=clock.env)
    served(ask(p))
    rows(p, 1)
    p.stop()
    clock.set(time.time())
    p.start()
    served(ask(p))
    equal(len(rows(p, 2)), 2, "rows")


@check("keep_requests that becomes 0 while proxyd runs: no rows any more, sums stay")
def _(lab):
    p, _up = book(lab, more="usage: {keep_requests: 30d}")
    served(ask(p))
    rows(p, 1)
    p.config.write_text(p.config.read_text().replace("keep_requests: 30d", "keep_requests: 0"))
    equal(p.admin("POST", "/admin/reload").status, 200, "the status of the reload")
    served(ask(p))
    rows(p, 0)
    eventually(lambda: total(grouped(p, "key"), "requests") == 2, "two requests in the report")


WRONG = ["-1d", "soon", "30", "99999999999999999999d", "[]"]


@check("keep_requests: {value} is an error of the file at its place", rows=WRONG)
def _(lab, value):
    p, _up = book(lab, start=False)
    p.config.write_text(p.config.read_text() + f"\nusage: {{keep_requests: {value}}}\n")
    p.spawn("--config", str(p.config), "--check-config")
    expect(p.wait(20) not in (0, None), "an exit status that is not 0")
    contains(p.output(), "keep_requests", "what is said")
