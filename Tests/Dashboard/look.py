#!/usr/bin/env python3
"""Opens the dashboard in Chromium: accessibility rules, paint, long tasks, sideways scroll, pictures for the docs.

    python3 Tests/Dashboard/look.py --proxyd .build/release/proxyd --keys 10000 --rows 1000000
    python3 Tests/Dashboard/look.py --proxyd .build/release/proxyd --pictures docs/images

It starts two simulated providers and proxyd on loopback with a store of so many keys and requests, and looks at every view at both
widths and in both themes. The exit status is 1 for a rule of axe-core that is broken, an error in the console, or a page that is wider
than the window; the times are for somebody to read. README.md says what it needs.
"""
import argparse
import datetime
import glob
import json
import os
import pathlib
import random
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

KEY = "sk-admin-zyxwvutsrqponmlkjihgfedcba"
CLIENT = "sk-user-0123456789abcdefghijklmnop"
VIEWS = ["now", "spend", "keys", "accounts", "limits", "requests", "explain", "try", "config", "alerts"]
NAMES = ["alice", "bob", "carol", "dora", "erik", "fatima", "grace", "henri", "ines", "jonas", "karin", "liam"]
CONFIG = """
listen: 127.0.0.1:{port}
admin: {{key: {admin}}}
state: {folder}/state
timezone: Asia/Singapore
policies:
  team: {{budget_per_month: 200 USD, requests_per_minute: 600, concurrent_requests: 16}}
  trial: {{budget_per_day: 0.05 USD}}
usage_limits:
  - {{name: team budget, per: 'key.tags["team"]', budget_per_month: 400 USD}}
upstreams:
  claude:
    url: http://127.0.0.1:{one}
    dialect: anthropic
    accounts: [{{name: main, key: one-key}}, {{name: spare, key: two-key}}]
  azure: {{url: 'http://127.0.0.1:{two}', dialect: openai, accounts: [{{name: main, key: three-key}}]}}
prices:
  claude-sonnet-4-5: {{input: 3, output: 15}}
  claude-haiku-4-5: {{input: 1, output: 5}}
  gpt-4o: {{input: 2.5, output: 10}}
rules:
  - {{name: opus for the few, models: ["claude-opus-*"], when: '!("opus" in key.tags)', reject: {{status: 403, message: ask for opus first}}}}
  - {{name: claude, models: ["claude-*"], tiers: [claude, azure/gpt-4o]}}
  - {{name: gpt, models: ["gpt-*"], tiers: [azure]}}
keys: [{{name: ci, key: {client}, policy: team, tags: {{team: build}}}}]
"""


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class House:
    """proxyd and two simulated providers in a folder of their own."""

    def __init__(self, binary):
        self.binary, self.running = binary, []
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="proxyd-dashboard-"))
        self.port, one, two = free_port(), free_port(), free_port()
        self.config = self.folder / "proxy.yaml"
        self.config.write_text(CONFIG.format(port=self.port, one=one, two=two, folder=self.folder, admin=KEY, client=CLIENT))
        self.config.chmod(0o600)
        self.spawn("simulate", "--port", str(one), "--words-per-second", "0", "--account", "main=one-key", "--account", "spare=two-key",
                   "--window", "5h=900", "--headers", "unified")
        self.spawn("simulate", "--port", str(two), "--words-per-second", "0")
        self.start()

    def spawn(self, *arguments):
        log = open(self.folder / "log", "ab")
        self.running.append(subprocess.Popen([self.binary, *arguments], stdout=log, stderr=log))
        return self.running[-1]

    def start(self):
        self.proxy = self.spawn("--config", str(self.config))
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz")
                return
            except OSError:
                time.sleep(0.05)
        raise SystemExit("proxyd does not start: " + (self.folder / "log").read_text()[-2000:])

    def stop(self):
        self.proxy.terminate()
        self.proxy.wait()

    def close(self):
        for one in self.running:
            one.kill()

    def call(self, method, path, body=None, **headers):
        data = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json", **(headers or {"x-admin-key": KEY})}
        try:
            with urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, headers, method=method)) as answer:
                return json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as refused:
            return {"status": refused.code}

    def use(self):
        """Some people, and an afternoon of theirs."""
        rng = random.Random(7)
        people = []
        for place, name in enumerate(NAMES):
            tags = {"team": ["infra", "web", "research"][place % 3], "project": ["atlas", "orion"][place % 2]}
            made = self.call("POST", "/admin/keys", {"name": name, "policy": "trial" if place == 7 else "team", "tags": tags})
            people.append(made["api_key"])
        for _ in range(500):
            person = people[min(int(rng.expovariate(0.35)), len(people) - 1)]
            model = rng.choice(["claude-sonnet-4-5"] * 4 + ["claude-haiku-4-5"] * 2 + ["gpt-4o"] * 2 + ["claude-opus-4-6", "nothing"])
            path = "/v1/messages" if model.startswith("claude") else "/v1/chat/completions"
            text = "word " * rng.randint(200, 20000)
            self.call("POST", path, {"model": model, "max_tokens": 400, "messages": [{"role": "user", "content": text}]},
                      authorization="Bearer " + person)

    def fill(self, keys, rows):
        """Makes the store large: what is there of usage, many times over and under other names."""
        self.stop()
        database = sqlite3.connect(self.folder / "state/proxyd.sqlite")
        columns = {table: [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
                   for table in ("key", "usage_key", "usage_place_day", "usage_place", "usage_hour", "request")}

        def copy(table, values, source):
            named = ", ".join(values.get(name, name) for name in columns[table])
            database.execute(f"INSERT OR IGNORE INTO {table} ({', '.join(columns[table])}) SELECT {named} FROM {source}")

        database.execute("CREATE TEMP TABLE n (i INTEGER PRIMARY KEY)")
        database.executemany("INSERT INTO n VALUES (?)", ((i,) for i in range(keys)))
        copy("key", {"id": "'key_many' || i", "name": "'student ' || i", "digest": "randomblob(32)", "created": "created + i"},
             "n, (SELECT * FROM key WHERE origin = 'admin' LIMIT 1)")
        models = "(SELECT * FROM {} WHERE cost > 0 GROUP BY model)"
        now = datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=8)))
        days = [now.date() - datetime.timedelta(days=back) for back in range(31)]
        each = max(1, rows // max(1, keys * len(days) * 3))
        for day in days:
            number = day.year * 10000 + day.month * 100 + day.day
            many = {"key_id": "'key_many' || i", "requests": f"requests * 0 + {each}", "cost": f"cost / requests * {each} * (1 + i % 7)", "day": str(number)}
            copy("usage_place_day", many, "n, " + models.format("usage_place_day"))
            many.update(hour=str(number * 100 + 11))
            copy("usage_place", many, "n, " + models.format("usage_place"))
            copy("usage_hour", many, "n, " + models.format("usage_hour"))
        copy("usage_key", {"key_id": "'key_many' || i"}, "n, (SELECT * FROM usage_key LIMIT 1)")
        blocks = database.execute("SELECT * FROM request WHERE count > 40").fetchall()
        held = sum(block[3] for block in blocks)
        for turn in range(max(0, rows // max(1, held))):
            back = (turn + 1) * 2_000_000
            database.executemany(
                "INSERT OR IGNORE INTO request VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                ((block[0] - (back << 20), block[1] - back, block[2] - back, *block[3:]) for block in blocks))
        database.commit()
        database.close()
        self.start()


WATCH = """
window.longTasks = [];
new PerformanceObserver(list => longTasks.push(...list.getEntries().map(one => Math.round(one.duration)))).observe({ type: "longtask", buffered: true });
"""


def prepare(page, view):
    """What somebody does on a view that is empty until then."""
    if view == "explain":
        page.fill("#explain-model", "claude-sonnet-4-5")
        page.fill("#explain-key", "alice")
        page.click("#describe button")
    elif view == "try":
        page.fill("#try-key", CLIENT)
        page.fill("#try-model", "claude-sonnet-4-5")
        page.fill("#try-text", "Is anybody there?")
        page.click("#try button.primary")
    elif view == "requests" and page.locator("#rows button").count():
        page.locator("#rows button").first.click()
    page.wait_for_timeout(500)


def look(page, axe, where, view, faults):
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    if wide > 0:
        faults.append(f"{where} {view}: {wide} px wider than the window")
    if axe:
        for rule in page.evaluate(axe + "; axe.run()")["violations"]:
            faults.append(f"{where} {view}: {rule['id']}: {rule['nodes'][0]['html'][:160]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--proxyd", default=".build/release/proxyd", metavar="PATH")
    parser.add_argument("--chromium", default=os.environ.get("CHROMIUM", "/usr/bin/chromium"), metavar="PATH")
    parser.add_argument("--keys", type=int, default=0, metavar="N")
    parser.add_argument("--rows", type=int, default=0, metavar="N")
    parser.add_argument("--admin", metavar="URL", help="the page of a proxyd that runs already, with this script's admin key")
    parser.add_argument("--pictures", metavar="FOLDER")
    parser.add_argument("--views", default=",".join(VIEWS))
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright

    found = [path for place in sys.path for path in glob.glob(place + "/axe_*/**/axe.min.js", recursive=True)]
    axe = pathlib.Path(found[0]).read_text() if found else print("no axe-core here: its rules are not looked at")
    house = None if options.admin else House(options.proxyd)
    faults, figures = [], []
    try:
        if house:
            house.use()
            if options.keys or options.rows:
                house.fill(options.keys, options.rows)
                house.call("POST", "/v1/messages", {"model": "claude-sonnet-4-5", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]},
                           authorization="Bearer " + CLIENT)
        address = options.admin or f"http://127.0.0.1:{house.port}/admin/"
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=options.chromium, args=["--no-sandbox"])
            for width, theme in ((1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")):
                context = browser.new_context(viewport={"width": width, "height": 860}, color_scheme=theme, bypass_csp=bool(axe))
                page = context.new_page()
                where = f"{width} {theme}"
                page.on("pageerror", lambda error, where=where: faults.append(f"{where}: {error}"))
                page.add_init_script(WATCH)
                page.goto(address)
                page.wait_for_selector("#door:not([hidden])")
                look(page, axe, where, "door", faults)
                page.fill("#secret", KEY)
                page.click("#unlock button")
                page.wait_for_selector("#house:not([hidden])")
                for view in options.views.split(","):
                    page.goto(f"{address}#{view}")
                    page.reload()
                    page.wait_for_selector(f"#view-{view}:not([hidden])")
                    page.wait_for_selector("#house:not([hidden])", timeout=60000)
                    page.wait_for_load_state("networkidle")
                    page.wait_for_timeout(300)
                    tasks = page.evaluate("longTasks")
                    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint').map(one => Math.round(one.startTime))[0]")
                    figures.append((where, view, paint, max(tasks, default=0)))
                    prepare(page, view)
                    look(page, axe, where, view, faults)
                    if options.pictures and (width, theme) in ((1280, "light"), (390, "dark")):
                        page.screenshot(path=f"{options.pictures}/dashboard-{view}-{width}-{theme}.png")
                context.close()
            browser.close()
    finally:
        if house:
            house.close()
    for where, view, paint, task in figures:
        print(f"{where:12} {view:9} first paint {paint} ms, longest task {task or 'under 50'} ms")
    print("\n".join(faults) or "no fault")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
