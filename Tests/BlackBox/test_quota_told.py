"""One line of the log for each change of a quota's threshold; the times of each attempt in a request's row."""

import json
import time

from accounts import House, rate, told
from checks import check, contains, equal, eventually, expect, lacks, stays
from harness import served
from upstream import status

UNDER, OVER = "quota is under its threshold", "quota is not under its threshold any more"


def lines(p, message):
    return [line for line in p.output().splitlines() if f" {message}" in line]


def polled(share):
    models = {"m": {"remainingFraction": share, "resetTime": "2099-01-01T00:00:00Z"}}
    return {"status": "ok", "accounts": [{"name": "one", "status": "ok", "models": models}]}


@check("a window that passes under its threshold is one line, and one that it is back; not one for each request or poll")
def _(lab):
    house = House(
        lab, 1, polled=polled(0.8), clock=False, fallback="threshold: 20%", extra="affinity: none, quota: {poll: /health, interval: 200ms}"
    )
    p = house.p
    house.who()
    stays(lambda: not lines(p, UNDER) and not lines(p, OVER), "no line while all is well", 1)
    house.a.health = polled(0.15)
    eventually(lambda: lines(p, UNDER), "a line", 5)
    line = lines(p, UNDER)[0]
    for word in (" warning ", "upstream=a", "account=one", "window=share", "model=m", "remaining=15%", "threshold=20%", "until="):
        contains(line, word, "the line")
    for _ in range(3):
        house.who()
    house.a.health = polled(0.1)
    p.wait_polled(house.a)
    stays(lambda: len(lines(p, UNDER)) == 1, "one line", 1)
    house.a.health = polled(0.9)
    eventually(lambda: lines(p, OVER), "a line that it is back", 5)
    for word in (" notice ", "upstream=a", "account=one", "window=share", "model=m", "remaining=90%", "threshold=20%"):
        contains(lines(p, OVER)[0], word, "the line")
    house.a.health = polled(0)
    eventually(lambda: "state=out_of_quota" in p.output(), "a line that it is used up", 5)
    stays(lambda: (len(lines(p, UNDER)), len(lines(p, OVER))) == (1, 1), "what is used up is one line of its own", 1)


@check("a threshold that the file changes is looked at anew, and one of no rule is nobody's news")
def _(lab):
    house = House(
        lab, 1, polled=polled(0.3), clock=False, fallback="threshold: 20%", extra="affinity: none, quota: {poll: /health, interval: 200ms}"
    )
    p = house.p
    stays(lambda: not lines(p, UNDER), "no line", 0.8)
    p.replace(house.config.replace("threshold: 20%", "threshold: 40%"))
    eventually(lambda: lines(p, UNDER), "a line", 5)
    contains(lines(p, UNDER)[0], "threshold=40%", "the line")


@check("a rate that keeps requests away is a line at info, and one that it does not; not one for each request", seconds=60)
def _(lab):
    house = House(lab, 2, "openai", clock=False)
    p = house.p
    told(house, rate("requests", "3s", remaining=2))
    equal([house.who(), house.who()], ["one", "two"], "who serves")
    low, over = "a rate is under its threshold", "a rate is not under its threshold any more"
    eventually(lambda: lines(p, low), "a line", 3)
    for word in (" info ", "upstream=a", "account=one", "window=requests", "model=m", "remaining=2%", "threshold=5%", "until="):
        contains(lines(p, low)[0], word, "the line")
    eventually(lambda: lines(p, over), "a line that it is over", 8)
    for word in (" info ", "upstream=a", "account=one", "window=requests", "model=m", "remaining=100%"):
        contains(lines(p, over)[0], word, "the line")
    for _ in range(3):
        house.who()
        time.sleep(1)
    equal((len(lines(p, low)), len(lines(p, over))), (1, 1), "lines of a rate that is low again and again")


@check("each attempt of a request's row has its start, its first byte and how long it took; so have events", seconds=60)
def _(lab):
    events = lab.folder / "events.jsonl"
    p, first, second = lab.tiers(more=f"events: {{file: '{events}'}}")
    first.reply(status(503))
    served(p.ask())
    rows = eventually(lambda: p.get("/admin/requests")["requests"], "a row", 5)
    failed, answered = rows[0]["attempts"]
    equal((failed["status"], answered["status"]), (503, 200), "the attempts")
    for attempt in (failed, answered):
        for name in ("start_ms", "first_byte_ms", "duration_ms"):
            expect(isinstance(attempt[name], int) and attempt[name] >= 0, name, attempt)
        expect(attempt["first_byte_ms"] <= attempt["duration_ms"], "the first byte before the end", attempt)
    expect(answered["start_ms"] >= failed["start_ms"] + failed["duration_ms"] - 1, "one after the other", rows[0]["attempts"])
    expect(answered["start_ms"] + answered["duration_ms"] <= rows[0]["duration_ms"] + 1, "within the request", rows[0])
    eventually(lambda: events.exists() and events.read_text().strip(), "an event", 5)
    equal(json.loads(events.read_text().splitlines()[0])["attempts"], rows[0]["attempts"], "the event's attempts")
    p.restart(hard=True)
    equal(p.get("/admin/requests")["requests"][0]["attempts"], rows[0]["attempts"], "the same after a crash")


@check("who was passed over, and who gave no answer, has no times that there were not")
def _(lab):
    p, first, _second = lab.tiers(fallback="cooldown: 60s")
    first.reply(status(429, retry_after=60))
    served(p.ask())
    served(p.ask())
    rows = eventually(lambda: (lambda found: found if len(found) == 2 else None)(p.get("/admin/requests")["requests"]), "rows", 5)
    passed = rows[0]["attempts"][0]
    equal((passed["status"], passed["start_ms"], passed["duration_ms"]), (0, None, None), "who was passed over")
    times = [attempt[name] for row in rows for attempt in row["attempts"] for name in ("start_ms", "first_byte_ms", "duration_ms")]
    expect(all(time is None or time >= 0 for time in times), "no time before the beginning", times)
