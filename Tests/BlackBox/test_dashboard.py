"""The dashboard: its script is run before proxyd, and what it shows is read. Skipped, and said so, without Node."""

import json
import pathlib
import re
import shutil
import subprocess
from datetime import date

from checks import Skip, check, contains, equal, eventually, expect, lacks
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


def page(p, *steps, key=ADMIN_KEY):
    """What the page shows to who opens it with this key, after these steps (dashboard.js tells them)."""
    node = shutil.which("node")
    version = subprocess.run([node, "--version"], capture_output=True, text=True).stdout if node else ""
    if not version or int(re.match(r"v(\d+)", version).group(1)) < 18:
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


@check("without a click the dashboard tells what was spent today and this month")
def _(lab):
    p, _up = spending(lab)
    told = page(p)
    today = date.fromisoformat(p.get("/admin/usage")["today"])
    contains(told["shown"]["totals"], "Spent today $43.88", "the tiles")
    contains(told["shown"]["totals"], f"Spent in {today:%B} $43.88", "the tiles")
    contains(told["shown"]["totals"], "Since the beginning $43.88", "the tiles")
    contains(told["shown"]["totals"], "and 1 request of a model without a price", "the tiles")
    contains(told["shown"]["totals"], "4 requests", "the tiles")
    equal(told["label"], f"Spend by day in {today:%B}: $43.88 in all, most on day {today.day}: $43.88", "the chart")


@check("without a click the dashboard tells who spent it: by key, by model, by tag, against the limits")
def _(lab):
    p, _up = spending(lab)
    shown = page(p)["shown"]
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
    latest = sorted((row[0].split()[1], row[1], row[3], row[4]) for row in shown["latest"])
    equal([row[:2] for row in latest], [("200", "bob"), ("200", "carol"), ("200", "user"), ("200", "user")], "the latest requests")
    equal(latest[0][2:], ("19 → 7", "$14.63 19 → 7"), "bob's request")
    contains(latest[1][3], "no price", "carol's request")


@check("a viewer's key sees all that the admin's sees")
def _(lab):
    p, _up = spending(lab)
    admin, viewer = page(p), page(p, key=VIEWER)
    equal(viewer["hidden"], admin["hidden"], "what is hidden")
    for part in ("totals", "who", "models", "tags", "latest", "keys", "accounts"):
        equal(viewer["shown"][part], admin["shown"][part], f"what is in {part}")


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
    expect(page(p)["shown"]["who"], "the table of keys before", "empty")
    is_locked(page(p, "click leave"))
    told = page(p, "click leave", "later", "click chart-tokens")
    is_locked(told)
    is_locked(page(p, "during limits click leave"))
    equal(page(p, "click leave", "later")["calls"], [], "calls after the key was forgotten")


@check("a dashboard that is left open asks for reports only when something was used")
def _(lab):
    p, _up = spending(lab)

    def reports(*steps):
        return [call for call in page(p, *steps)["calls"] if "group_by" in call]

    equal(reports("later"), [], "reports asked for again though nothing was used")
    body = compact(json.loads(ANTHROPIC.request())).decode()
    asked = reports(f"post http://127.0.0.1:{p.port}/v1/messages {USER_KEY} {body}", "later")
    expect(any("day%2Cmodel" in call for call in asked), "the report by day is asked for again", asked)
    expect(any("group_by=key" in call for call in asked), "the report by key is asked for again", asked)


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
    lacks(json.dumps(page(p)["shown"]["who"]), "blocked", "the keys before")
    equal(steer(p, "team", "block", bucket=key_id(p, "bob")).status, 200, "the status of the block")
    shown = page(p)["shown"]
    equal([row[0].split()[0] for row in shown["who"] if "blocked" in row[-1]], ["bob"], "who is blocked")
    equal([row[0].split()[0] for row in shown["limits"] if "blocked" in row[1]], ["bob"], "which limits are blocked")


@check("the dashboard tells spending by whichever tag is chosen")
def _(lab):
    p, _up = spending(lab)
    dora = p.create_key("dora", tags={"team": "infra", "project": "atlas"})["api_key"]
    served(p.ask(key=dora))
    used(p, 5)
    expect("tag-name" not in page(p)["hidden"], "the tags can be chosen", "hidden")
    told = page(p, "choose tag-name project")
    equal(told["shown"]["tag-title"], "Spent by tag", "the title")
    rows = {row[0]: row[1:] for row in told["shown"]["tags"]}
    equal(rows["atlas"], ["$14.63", "$14.63", "25%"], "the project's row")
    equal(rows["no project"][1], "$43.88 + 1 unpriced", "the others' month")


@check("the dashboard has keys by page, and finds them")
def _(lab):
    p, _up = lab.simple(house())
    for number in range(60):
        p.create_key(f"student {number:02}", tags={"course": "even" if number % 2 == 0 else "odd"})
    told = page(p)
    equal(len(told["shown"]["keys"]), 50, "the keys at first")
    equal(told["shown"]["keys-sum"], "the newest 50 of 63", "how many there are")
    equal(len(page(p, "click more-keys")["shown"]["keys"]), 63, "the keys after one click")
    equal([row[0].split(" ", 2)[:2] for row in page(p, "type find dent 07")["shown"]["keys"]], [["student", "07"]], "what is found")
    equal(len(page(p, "type find course=odd")["shown"]["keys"]), 30, "the keys with a tag")
