"""The dashboard: its script is run before proxyd, and what it shows is read. Skipped, and said so, without Node."""

import functools
import json
import pathlib
import re
import shutil
import subprocess
from datetime import date

from checks import Skip, check, contains, equal, eventually, expect, lacks
from commands import remote
from dialects import ANTHROPIC, compact
from harness import ADMIN_KEY, USER_KEY, served
from limits import BOB, CAROL, house, key_id, steer
from upstream import stream

VIEWER, METRICS = "sk-viewer-0123456789abcdefgh", "sk-metrics-0123456789abcdefg"
ROLES = f"""
admin:
  key: {ADMIN_KEY}
  keys:
    - {{name: lead, key: {VIEWER}, role: viewer}}
    - {{name: scraper, key: {METRICS}, role: metrics}}
"""
TEAM = """- {name: team budget, per: 'key.tags["team"]', budget_per_month: 2000 USD}"""


@functools.cache
def node_of_18():
    node = shutil.which("node")
    version = subprocess.run([node, "--version"], capture_output=True, text=True).stdout if node else ""
    return node if version and int(re.match(r"v(\d+)", version).group(1)) >= 18 else None


def page(p, *steps, key=ADMIN_KEY):
    """What the page shows to who opens it with this key, after these steps (dashboard.js tells them)."""
    node = node_of_18()
    if not node:
        raise Skip("no Node of 18 or later here to run the page's script with")
    script = str(pathlib.Path(__file__).with_name("dashboard.js"))
    address = f"http://127.0.0.1:{p.admin_port or p.port}/admin/"
    ran = subprocess.run([node, script, address, key, json.dumps(steps)], capture_output=True, text=True, timeout=60)
    expect(ran.returncode == 0, "the page's script runs", ran.stderr[-2000:])
    told = json.loads(ran.stdout)
    equal(told["problems"], [], "what went wrong on the page")
    return told


def spending(lab):
    """proxyd after two requests of `user`, one of `bob`, each 14.625 USD, and one of `carol` to a model without a price."""
    more = house("budget_per_month: 1000 USD", TEAM, ROLES, models=("claude-test",))
    p, up = lab.simple(more)
    for key in (USER_KEY, USER_KEY, BOB):
        served(p.ask(key=key))
    served(p.ask("gemini", key=CAROL))
    used(p, 4)
    return p, up


def used(p, requests):
    eventually(lambda: p.get("/admin/usage")["total_requests"] == requests, f"{requests} requests in the usage")


def is_locked(told):
    expect("house" in told["hidden"] and "door" not in told["hidden"], "the page asks for a key", told["hidden"])
    filled = {name: told["shown"][name] for name in told["live"] if told["shown"][name]}
    equal(filled, {}, "what is left on the page")
    for word in ("$", "bob", "claude-test", "infra"):
        lacks(json.dumps(told["shown"]), word, "what is left on the page")


@check("the dashboard's view of spending tells what was spent today and this month")
def _(lab):
    p, _up = spending(lab)
    told = page(p, "go spend")
    today = date.fromisoformat(p.get("/admin/usage")["today"])
    contains(told["shown"]["totals"], "Spent today $43.88", "the tiles")
    contains(told["shown"]["totals"], f"Spent in {today:%B} $43.88", "the tiles")
    contains(told["shown"]["totals"], "Since the beginning $43.88", "the tiles")
    contains(told["shown"]["totals"], "and 1 request of a model without a price", "the tiles")
    contains(told["shown"]["totals"], "4 requests", "the tiles")
    equal(told["label"], f"Spend by day in {today:%B}: $43.88 in all, most on day {today.day}: $43.88", "the chart")


@check("the dashboard tells who spent it: by key, by model, by tag, against the limits")
def _(lab):
    p, _up = spending(lab)
    shown = page(p, "go spend")["shown"]
    who = {row[0].split()[0]: [row[1], row[2], row[3], row[5], row[6]] for row in shown["who"]}
    equal(list(who), ["user", "bob", "carol"], "the order of the keys")
    equal(who["user"], ["$29.25", "$29.25", "67%", "2", "$29.25 of $1,000 this month"], "the user's row")
    equal(who["bob"], ["$14.63", "$14.63", "33%", "1", "$14.63 of $1,000 this month"], "bob's row")
    equal(who["carol"], ["no price", "no price", "0%", "1", "–"], "carol's row")
    equal(
        shown["models"],
        [["claude-test", "$43.88", "$43.88", "100%"], ["gemini-test", "no price", "no price", "0%"]],
        "the models",
    )
    equal(
        shown["tags"],
        [
            ["infra $29.25 of $2,000 this month", "$29.25", "$29.25", "67%"],
            ["web $14.63 of $2,000 this month", "$14.63", "$14.63", "33%"],
            ["no team", "no price", "no price", "0%"],
        ],
        "the teams",
    )
    latest = sorted((row[0].split()[1], row[1], row[3], row[4]) for row in page(p)["shown"]["latest"])
    equal([row[:2] for row in latest], [("200", "bob"), ("200", "carol"), ("200", "user"), ("200", "user")], "the latest requests")
    equal(latest[0][2:], ("19 → 7", "$14.63 19 → 7"), "bob's request")
    contains(latest[1][3], "no price", "carol's request")


@check("without a click the dashboard tells what happens now")
def _(lab):
    p, _up = spending(lab)
    shown = page(p)["shown"]
    expect(re.search(r"Requests a minute 4 \d+ in flight, \d+ connections?\b", shown["live-tiles"]), "the tile of requests", shown["live-tiles"])
    contains(shown["live-tiles"], "Money a minute $43.88 $10.97 a request", "the tiles")
    contains(shown["live-requests"], "4 in the hour, 0 errors", "the hour")
    p.ask(model="nobody-has-this")
    contains(page(p)["shown"]["live-requests"], "5 in the hour, 1 refused, 0 errors", "the hour, once one was refused")


@check("a viewer's key sees what the admin's sees, and no button that it may not press")
def _(lab):
    p, _up = spending(lab)
    for view, parts in (("spend", ("totals", "who", "models", "tags")), ("accounts", ("accounts",)), ("keys", ("keys",)), ("limits", ("limits",))):
        admin, viewer = page(p, f"go {view}"), page(p, f"go {view}", key=VIEWER)
        for part in parts:
            rows = [told["shown"][part] for told in (admin, viewer)]
            if view != "spend":
                rows = [[row[:-1] for row in table] for table in rows]
                equal([row[-1] for row in viewer["shown"][part]], [""] * len(rows[1]), f"the buttons in {part}")
            equal(rows[1], rows[0], f"what is in {part}")
    equal(page(p, "go config", key=VIEWER)["shown"]["who-am-i"], "lead, viewer", "who is told to be in")
    expect("create-card" in page(p, "go keys", key=VIEWER)["hidden"], "no key is offered to be made", "shown")
    expect("reload" in page(p, "go config", key=VIEWER)["hidden"], "no reload is offered", "shown")


@check("the dashboard shows nothing to {whose}", rows=["a key for metrics", "a wrong key", "a client's key"])
def _(lab, whose):
    p, _up = spending(lab)
    key = {"a key for metrics": METRICS, "a wrong key": "sk-wrong", "a client's key": USER_KEY}[whose]
    told = page(p, key=key)
    expect(told["shown"]["notice"], "the page says why", told["shown"])
    expect("house" in told["hidden"], "the house is closed", told["hidden"])
    equal({name: told["shown"][name] for name in told["live"] if told["shown"][name]}, {}, "what is on the page")


@check("a key that is forgotten leaves nothing on the dashboard, and nothing is asked any more")
def _(lab):
    p, _up = spending(lab)
    expect(page(p, "go spend")["shown"]["who"], "the table of keys before", "empty")
    is_locked(page(p, "go spend", "click leave"))
    told = page(p, "go spend", "click leave", "later", "click chart-tokens")
    is_locked(told)
    is_locked(page(p, "go limits", "during limits?nearest=50 click leave"))
    equal(page(p, "click leave", "later")["calls"], [], "calls after the key was forgotten")


@check("who signs in at the dashboard's door has a session, and leaves none behind")
def _(lab):
    p, _up = spending(lab)
    enter = (f"write secret {VIEWER}", "submit unlock")
    told = page(p, *enter, "go spend", key="")
    equal(told["shown"]["who-am-i"], "lead, viewer", "who is in")
    expect("door" in told["hidden"] and told["shown"]["who"], "the house is open", told["hidden"])
    is_locked(page(p, *enter, "go spend", "click leave", key=""))
    wrong = page(p, "write secret sk-wrong", "submit unlock", key="")
    is_locked(wrong)
    expect(wrong["shown"]["notice"], "the page says why", wrong["shown"])
    equal(page(p, key="")["shown"]["notice"], "", "what is told to who was not there yet")


@check("a dashboard that is left open asks for reports only when something was used")
def _(lab):
    p, _up = spending(lab)

    def reports(*steps):
        return [call for call in page(p, "go spend", *steps)["calls"] if "group_by" in call]

    equal(reports("later"), [], "reports asked for again though nothing was used")
    body = compact(json.loads(ANTHROPIC.request())).decode()
    asked = reports(f"post http://127.0.0.1:{p.port}/v1/messages {USER_KEY} {body}", "later")
    expect(any("day%2Cmodel" in call for call in asked), "the report by day is asked for again", asked)
    expect(any("group_by=key" in call for call in asked), "the report by key is asked for again", asked)


@check("a dashboard whose proxyd is gone says so in words, keeps what it showed, and goes on when it is back")
def _(lab):
    p, _up = spending(lab)
    before = page(p, "go keys")["shown"]
    gone = page(p, "go keys", "part", "later")["shown"]
    contains(gone["notice"], "proxyd does not answer", "the notice")
    equal((gone["state"], gone["keys"]), ("no answer", before["keys"]), "the state, and the keys")
    back = page(p, "go keys", "part", "later", "meet", "later")["shown"]
    equal((back["notice"], back["state"], back["keys"]), ("", before["state"], before["keys"]), "what is told when it is back")


@check("a request whose usage is counted is marked so on the dashboard")
def _(lab):
    p, up = lab.simple(house(models=("claude-test",)))
    served(p.ask())
    up.reply(stream(ANTHROPIC.begin("claude-test"), ends=False, then="reset"))
    p.ask(stream=True)
    used(p, 2)
    latest = page(p)["shown"]["latest"]
    marked = [("counted" in row[3], row[3].startswith("≈"), row[4].startswith("≈"), "cut" in row[0]) for row in latest]
    equal(sorted(marked), [(False,) * 4, (True,) * 4], "which requests are marked")


@check("who is blocked is told on the dashboard")
def _(lab):
    p, _up = spending(lab)
    lacks(json.dumps(page(p, "go spend")["shown"]["who"]), "blocked", "the keys before")
    equal(steer(p, "team", "block", bucket=key_id(p, "bob")).status, 200, "the status of the block")
    shown = page(p, "go spend")["shown"]
    equal([row[0].split()[0] for row in shown["who"] if "blocked" in row[-1]], ["bob"], "who is blocked")
    limits = page(p, "go limits")["shown"]["limits"]
    equal([row[0].split()[0] for row in limits if "blocked" in row[1]], ["bob"], "which limits are blocked")
    equal(limits[0][0].split()[0], "bob", "who stands first")
    after = page(p, "go limits", "press Let_through bob")["shown"]["limits"]
    lacks(json.dumps(after), "blocked", "the limits after bob was let through")


@check("the dashboard tells spending by whichever tag is chosen")
def _(lab):
    p, _up = spending(lab)
    dora = p.create_key("dora", tags={"team": "infra", "project": "atlas"})["api_key"]
    served(p.ask(key=dora))
    used(p, 5)
    expect("tag-name" not in page(p, "go spend")["hidden"], "the tags can be chosen", "hidden")
    told = page(p, "go spend", "choose tag-name project")
    equal(told["shown"]["tag-title"], "Spent by tag", "the title")
    rows = {row[0]: row[1:] for row in told["shown"]["tags"]}
    equal(rows["atlas"], ["$14.63", "$14.63", "25%"], "the project's row")
    equal(rows["no project"][1], "$43.88 + 1 unpriced", "the others' month")


@check("the dashboard has keys by page, and finds them")
def _(lab):
    p, _up = lab.simple(house())
    for number in range(60):
        p.create_key(f"student {number:02}", tags={"course": "even" if number % 2 == 0 else "odd"})
    told = page(p, "go keys")
    equal(len(told["shown"]["keys"]), 50, "the keys at first")
    equal(told["shown"]["keys-sum"], "1 to 50 of 63, the newest first", "how many there are")
    older = page(p, "go keys", "click more-keys")["shown"]
    equal((len(older["keys"]), older["keys-sum"]), (13, "51 to 63 of 63, the newest first"), "the page after")
    equal(len(page(p, "go keys", "click more-keys", "click keys-newer")["shown"]["keys"]), 50, "the first page again")
    found = page(p, "go keys", "type find dent 07")["shown"]["keys"]
    equal([row[0].split(" ", 2)[:2] for row in found], [["student", "07"]], "what is found")
    equal(len(page(p, "go keys", "type find course=odd")["shown"]["keys"]), 30, "the keys with a tag")


@check("a key that has ended is told as such, on the dashboard and on the command line")
def _(lab):
    p, _up = lab.simple(house())
    p.create_key("short", expires="1s")
    p.create_key("long", expires="30d")
    eventually(lambda: "expired" in remote(p, "keys", "list", "--search", "short").good().out, "the key is told to have ended")
    listed = {line.split()[0]: line for line in remote(p, "keys", "list").good().out.splitlines()}
    contains(listed["long"], " enabled ", "the row of one that has not")
    rows = {row[0].split()[0]: row[0] for row in page(p, "go keys")["shown"]["keys"]}
    contains(rows["short"], "expired", "the key's row")
    contains(rows["short"], "ended ", "the key's row")
    contains(rows["long"], "ends ", "the row of one that has not")
    lacks(rows["long"], "expired", "the row of one that has not")


@check("a key is made, changed, rotated and deleted on the dashboard, and its text is shown once")
def _(lab):
    p, _up = lab.simple(house())
    make = ("go keys", "write key-name dora", "write key-tags team=web, project=atlas", "submit create")
    told = page(p, *make)
    key = re.search(r"sk-[\w-]{20,}", told["shown"]["fresh-key"])
    expect(key, "the new key is shown", told["shown"]["fresh-key"])
    equal(p.get(f"/admin/keys/{key.group(0)}/usage")["name"], "dora", "whose key it is")
    lacks(json.dumps(page(p, "go keys")["shown"]), key.group(0), "the page afterwards")
    equal(page(p, "go keys", "press Disable dora")["problems"], [], "problems")
    entry = next(one for one in p.get("/admin/keys")["keys"] if one["name"] == "dora")
    equal((entry["enabled"], entry["tags"]), (False, {"team": "web", "project": "atlas"}), "the key")
    changed = page(p, "go keys", "press Change dora", "write edit-tags team=ops", "submit edit")
    contains(json.dumps(changed["shown"]["keys"]), "team: ops", "the key's row")
    rotated = page(p, "go keys", "press Rotate dora")["shown"]["fresh-key"]
    lacks(rotated, key.group(0), "the key after its rotation")
    page(p, "go keys", "press Delete dora")
    equal([one["name"] for one in p.get("/admin/keys")["keys"] if one["name"] == "dora"], [], "the key after it was deleted")
    wrong = ("go keys", "write key-tags nothing", "write key-name eve", "submit create")
    contains(page(p, *wrong)["shown"]["notice"], "is no tag", "the notice")
    equal(page(p, *wrong, "go config")["shown"]["notice"], "", "the notice on another view")


@check("the dashboard finds requests and tells one's story, never its text")
def _(lab):
    p, _up = spending(lab)
    equal(len(page(p, "go requests")["shown"]["rows"]), 8, "rows, each with its story")
    bob = page(p, "go requests", "write filter-key bob", "submit filter")["shown"]["rows"]
    equal([row[1] for row in bob[::2]], ["bob"], "bob's requests")
    nothing = page(p, "go requests", "write filter-status 5xx", "submit filter")["shown"]["rows"]
    equal(nothing, [["No request is like this."]], "requests that failed")
    when = bob[0][0].split()[0]
    story = page(p, "go requests", "write filter-key bob", "submit filter", f"press Story {when}")["shown"]["rows"][1][0]
    for part in ("Answered by claude / one / claude-test", "Rule claude", "11 in", "policy", "asked at", "answered after"):
        contains(story, part, "the story")
    lacks(story, "Say hello", "the story")


@check("the dashboard explains what would happen to a request")
def _(lab):
    p, _up = spending(lab)
    told = page(p, "go explain", "write explain-model claude-test", "write explain-key carol", "submit describe")["shown"]["explained"]
    contains(told, "goes on by the rule “claude”", "the explanation")
    contains(told, "chosen", "the explanation")
    told = page(p, "go explain", "write explain-model unheard-of", "submit describe")["shown"]["explained"]
    contains(told, "no rule is for it", "the explanation")
    body = '{"model": "gpt-test", "messages": [{"role": "system", "content": "x"}]}'
    told = page(p, "go explain", f"write explain-body {body}", "submit describe")["shown"]["explained"]
    contains(told, '"path": "/v1/chat/completions"', "the explanation of a body")


@check("the dashboard tells what a reload changed, and why a file is refused, with its place")
def _(lab):
    p, _up = lab.simple(house())
    before = p.config.read_text()
    p.config.write_text(before + "timeouts: {drain: 7s}\n")
    eventually(lambda: p.get("/admin/config")["generation"] == 2, "the second generation")
    contains(page(p, "go config")["shown"]["history"], 'timeouts.drain', "the history")
    p.config.write_text(before + "timeoutz: {drain: 7s}\n")
    eventually(lambda: p.get("/admin/config")["error"], "the refusal")
    told = page(p, "go config")["shown"]
    contains(told["problems"], "timeoutz", "the problems")
    contains(told["problems"], "^~", "the problems")
    contains(told["state"], "file refused, generation 2", "the state")
    equal([step["result"] for step in p.get("/admin/config/history")["history"]], ["refused", "applied", "started"], "the history")


@check("the calls that the dashboard lives on are there, for a viewer too")
def _(lab):
    p, _up = spending(lab)
    equal(p.get("/admin/whoami")["role"], "admin", "the admin's role")
    live = p.get("/admin/now")
    equal(len(live["minutes"]), 60, "minutes")
    equal(sum(minute["requests"] for minute in live["minutes"]), 4, "requests of the hour")
    near = p.get("/admin/limits?nearest=2")
    equal(len(near["limits"]), 2, "limits")
    expect(near["used"] > 2, "more are used", near)
    top = p.get("/admin/usage?group_by=key&top=1")
    equal(([row["key"] for row in top["rows"]], top["others"]["groups"], top["others"]["requests"]), (["user"], 2, 2), "who used most")
    only = p.get("/admin/usage?group_by=model&only=claude-test")
    equal([row["model"] for row in only["rows"]], ["claude-test"], "the model asked for")
