"""Days and hours of reports by the calendar of the configured zone: daylight-saving changes, half hours, clocks that jump."""

from datetime import datetime, timezone
from zoneinfo import ZoneInfo

from checks import check, equal, eventually, expect
from clock import Clock
from harness import served
from limits import house, key_id
from records import ask, book, grouped, listed, near, rows, start, total
from upstream import hang

ALWAYS = {"from": "2000-01-01", "to": "2999-12-31"}

MOMENTS = {  # a zone -> instants in UTC; what is asked at each stands in the local day and hour
    # The hour from two to three is left out, and comes twice.
    "Europe/Berlin": ["2026-03-29T00:59:20", "2026-03-29T01:00:01", "2026-10-25T00:30:00", "2026-10-25T01:30:00", "2026-10-25T02:00:01"],
    "America/New_York": ["2026-03-08T06:59:20", "2026-03-08T07:00:01", "2026-11-01T05:30:00", "2026-11-01T06:30:00", "2026-11-02T04:59:20"],
    # Half an hour is left out, and comes twice.
    "Australia/Lord_Howe": ["2026-04-04T14:45:00", "2026-04-04T15:15:00", "2026-10-03T15:29:20", "2026-10-03T15:30:01"],
    # The day begins at one o'clock, and its last hour comes twice.
    "America/Santiago": ["2026-04-05T02:30:00", "2026-04-05T03:30:00", "2026-04-05T04:00:01", "2026-09-06T03:59:20", "2026-09-06T04:00:01"],
    "Asia/Kolkata": ["2026-02-10T18:29:20", "2026-02-10T18:30:01", "2026-02-28T18:30:01", "2026-12-31T18:30:01"],
    "Asia/Kathmandu": ["2026-02-10T18:14:20", "2026-02-10T18:15:01", "2028-02-28T18:15:01", "2028-02-29T18:15:01"],
    "America/St_Johns": ["2026-03-08T05:29:20", "2026-03-08T05:30:01", "2026-11-01T04:15:00", "2026-11-01T04:45:00"],
    "Pacific/Kiritimati": ["2026-02-10T09:59:20", "2026-02-10T10:00:01"],
    "Pacific/Pago_Pago": ["2026-02-11T10:59:20", "2026-02-11T11:00:01"],
}


def _utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


def _counts(texts):
    return {text: texts.count(text) for text in texts}


@check("{zone}: each request stands in its local day and hour, in reports, in the old shapes, and in its row's time", rows=list(MOMENTS), seconds=60)
def _(lab, zone):
    clock, moments = Clock(lab), [_utc(text) for text in MOMENTS[zone]]
    clock.set(moments[0])
    p, _up = book(lab, more=f"timezone: {zone}\nusage: {{keep_requests: 3650d}}", env=clock.env)
    for moment in moments:
        clock.set(moment)
        served(ask(p))
        clock.set(moment)  # so that what is asked next does not come after a moment that is near
    told = rows(p, len(moments))
    local = [moment.astimezone(ZoneInfo(zone)) for moment in moments]
    days, hours = _counts([f"{t:%Y-%m-%d}" for t in local]), _counts([f"{t:%Y-%m-%d %H}:00" for t in local])

    for one, moment in zip(told[::-1], moments):
        at = datetime.fromisoformat(one["time"].replace("Z", "+00:00"))
        expect(0 <= (at - moment).total_seconds() < 35, f"a time soon after {moment}", one["time"])
        if at.utcoffset() != timezone.utc.utcoffset(None):
            equal(at.utcoffset(), moment.astimezone(ZoneInfo(zone)).utcoffset(), "the zone's offset at that time")
    equal({one["day"]: one["requests"] for one in grouped(p, "day", **ALWAYS)}, days, "requests by day")
    equal({one["hour"]: one["requests"] for one in grouped(p, "hour", **ALWAYS)}, hours, "requests by hour")
    equal([one["day"] for one in grouped(p, "day", **ALWAYS)], sorted(days), "days in order of time")
    for day, count in days.items():
        equal(total(grouped(p, "model", **{"from": day, "to": day}), "requests"), count, f"requests of {day} alone")
        told_day = p.get(f"/admin/usage/daily?date={day}")["days"]
        equal([(d["date"], d["total_requests"]) for d in told_day], [(day, count)], f"the old shape of {day}")
        near(told_day[0]["cost_usd"], count * 14.625, f"the cost of {day}")
    old = {h["hour"]: h["by_model"]["claude-test"]["requests"] for h in p.get("/admin/usage/hourly")["hours"] if h["by_model"]}
    equal(old, hours, "the old shape by hour")
    equal({day: v["requests"] for day, v in p.get(f"/admin/keys/{key_id(p)}/usage")["usage"]["daily"].items()}, days, "the key's days")
    first, last = min(days), max(days)
    equal(total(grouped(p, "key", **{"from": first, "to": last}), "requests"), len(moments), "requests from the first day to the last")
    usage = p.get("/admin/usage")
    equal((usage["today"], usage["time_zone"]), (f"{local[-1]:%Y-%m-%d}", zone), "today and time_zone")


@check("another `timezone` in the file: what is booked keeps its day, what comes has the new zone's", seconds=60)
def _(lab):
    clock = Clock(lab)
    clock.set(_utc("2026-02-10T18:00:00"))
    p, _up = book(lab, more="timezone: UTC", env=clock.env)
    served(ask(p))
    rows(p, 1)
    p.config.write_text(p.config.read_text().replace("timezone: UTC", "timezone: Asia/Tokyo"))
    equal(p.admin("POST", "/admin/reload").status, 200, "the status of the reload")
    served(ask(p))
    rows(p, 2)
    equal({one["day"]: one["requests"] for one in grouped(p, "day", **ALWAYS)}, {"2026-02-10": 1, "2026-02-11": 1}, "requests by day")
    equal((p.get("/admin/usage")["today"], p.get("/admin/usage")["time_zone"]), ("2026-02-11", "Asia/Tokyo"), "today and time_zone")


JUMPS = {"back an hour": -3600, "back two days": -2 * 86_400, "forward an hour": 3600, "forward a month": 31 * 86_400}


@check("a clock that goes {how} while a request runs: no negative time, no row lost, sums to the token, pages to their end", rows=list(JUMPS), seconds=60)
def _(lab, how):
    clock = Clock(lab)
    p, up = book(lab, env=clock.env, more="usage: {keep_requests: 3650d}")
    for _ in range(3):
        served(ask(p))
    rows(p, 3)
    held = [_slow(p, up) for _ in range(2)]
    clock.step(JUMPS[how])
    for connection in held:
        connection.abort()
    rows(p, 5)
    for _ in range(3):
        served(ask(p))
    told = rows(p, 8)
    for one in told:
        expect(0 <= (one["first_byte_ms"] or 0) <= 20_000 and 0 <= one["duration_ms"] <= 20_000, "times that a request may take", one)
    seen, query = [], {"limit": 3}
    while True:
        page = p.get("/admin/requests?" + "&".join(f"{name}={value}" for name, value in query.items()))
        seen += [one["id"] for one in page["requests"]]
        expect(len(seen) <= 8, "each row once", seen)
        if not page.get("next"):
            break
        query["before"] = page["next"]
    equal(sorted(seen), sorted(one["id"] for one in told), "ids of all pages")
    equal(total(grouped(p, "model", **ALWAYS), "requests"), 8, "requests of the report")
    p.restart(hard=True)
    equal((len(listed(p)), total(grouped(p, "model", **ALWAYS), "requests")), (8, 8), "rows and requests after a restart")


def _slow(p, up):
    count = len(up.requests)
    up.reply(hang, model="claude-slow")
    connection = start(p, model="claude-slow")
    up.wait(count + 1)
    return connection


@check("a client that leaves while midnight passes stands in the day in which it ended, once", seconds=60)
def _(lab):
    clock = Clock(lab)
    clock.set(_utc("2026-02-10T23:59:50"))
    p, up = book(lab, more="timezone: UTC", env=clock.env)
    connection = _slow(p, up)
    clock.set(_utc("2026-02-11T00:00:05"))
    connection.abort()
    rows(p, 1)
    found = {one["day"]: one["requests"] for one in grouped(p, "day", **ALWAYS)}
    expect(found in ({"2026-02-11": 1}, {"2026-02-10": 1}, {}), "one day at most", found)
    served(ask(p))
    eventually(lambda: {one["day"] for one in grouped(p, "day", **ALWAYS)} >= {"2026-02-11"}, "the new day in the report")


@check("today: sums of today alone begin anew at midnight, those of the month go on", seconds=60)
def _(lab):
    clock = Clock(lab)
    clock.set(_utc("2026-02-10T23:59:30"))
    entries = "- {name: day, per: key.id, budget_per_day: 1000 USD}\n- {name: month, per: key.id, budget_per_month: 1000 USD}"
    up = lab.upstream()
    config = f"upstreams: {{claude: {up.declare()}}}\nrules: [{{name: all, tiers: [claude]}}]\n{house('', entries)}\ntimezone: UTC"
    p = lab.proxyd(config, env=clock.env)
    served(p.ask())
    rows(p, 1)
    clock.set(_utc("2026-02-11T00:00:05"))
    served(p.ask())
    rows(p, 2)
    told = {one["limit"]: one["used"] for one in p.get("/admin/limits")["limits"]}
    equal(told, {"day": 14.625, "month": 29.25}, "used of the day and of the month")
    equal(total(grouped(p, "key", **{"from": "2026-02-11", "to": "2026-02-11"}), "cost_usd"), 14.625, "the cost of today")
    equal(total(grouped(p, "key", **{"from": "2026-02-01", "to": "2026-02-11"}), "cost_usd"), 29.25, "the cost of the month")
