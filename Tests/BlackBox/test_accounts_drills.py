"""The fire drills of docs/fire-drills.md, as they stand there: the house, each drill's curl, and who answers then."""

import json
import pathlib
import re
import shlex
import subprocess

import wire
from checks import Skip, check, equal, eventually, expect
from harness import served
from ports import free_port

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "fire-drills.md"
SONNET, OPUS = "claude-sonnet-4-6", "claude-opus-4-6-thinking"

# Each drill: the models that are asked for, one after the other, the accounts that answer, the state of `a` (None: any).
DRILLS = {
    "A rate limit": ([SONNET, SONNET, OPUS], ["b", "b", "a"], "cooling"),
    "A burst": ([SONNET], ["b"], "cooling"),
    "Five hours are used up": ([SONNET, OPUS, SONNET], ["b", "b", "b"], "out_of_quota"),
    "Five hours are nearly used up": ([SONNET, SONNET], ["a", "b"], "ready"),
    "A week of one model is used up": ([OPUS, SONNET, OPUS], ["b", "a", "b"], None),
    "Requests a minute": ([SONNET, SONNET], ["a", "b"], "ready"),
    "A subscription of ChatGPT": ([SONNET, OPUS], ["b", "b"], "out_of_quota"),
    "Quota that is polled": (["polled-model"], ["a"], None),
    "A vendor that lies": ([SONNET, SONNET], ["a", "a"], "ready"),
    "The money runs out": ([SONNET, OPUS], ["b", "b"], "out_of_money"),
    "A key is revoked": ([SONNET, OPUS], ["b", "b"], "refused"),
    "An organization is closed": ([SONNET, OPUS], ["b", "b"], "refused"),
    "A model that an account may not have": ([OPUS, SONNET], ["b", "a"], None),
    "You take an account out": ([SONNET], ["b"], "drained"),
    "A vendor that is out of order": ([SONNET] * 6, ["b"] * 6, "failing"),
    "A vendor that is slow": ([SONNET] * 3, ["b"] * 3, "failing"),
    "An answer that breaks off at its start": ([SONNET, SONNET], ["b", "a"], "ready"),
    "A vendor that answers nonsense": ([SONNET, SONNET], ["b", "a"], "ready"),
    "Everybody is limited": ([SONNET], ["d"], None),
}


def page():
    if not PAGE.exists():
        raise Skip("docs/fire-drills.md is not here")
    return PAGE.read_text()


def block(text, kind):
    found = re.search(rf"```{kind}\n(.*?)```", text, re.S)
    expect(found, f"a block of {kind}", text[:200])
    return found.group(1)


def sections(text):
    """{title: what stands below it}"""
    parts = re.split(r"^## (.+)$", text, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


class Drill:
    """The page's house with ports of its own."""

    def __init__(self, lab):
        self.text = page()
        self.ports = {"8180": str(free_port()), "9180": str(free_port()), "9181": str(free_port())}
        commands = block(sections(self.text)["The house"], "sh").splitlines()
        for command in commands:
            words = shlex.split(self.moved(command))
            expect(words[0] == "proxyd", "a command of proxyd", command)
            if words[1] == "simulate":
                self.simulate(lab, words[1:])
        config = self.moved(block(self.text, "yaml"))
        self.p = lab.proxyd(f"{config}\nstate: '@DIR@/state'\n", start=False)
        self.p.port = int(self.ports["8180"])
        self.p.start()

    def moved(self, text):
        """With this run's ports; `--port 9180` and `127.0.0.1:9180` are where they stand."""
        return re.sub(r"(?<=--port )(\d+)|(?<=127\.0\.0\.1:)(\d+)", lambda found: self.ports[found.group(0)], text)

    def simulate(self, lab, words):
        process = subprocess.Popen([lab.binary, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

        def end():
            process.kill()
            process.wait()
            process.stdout.close()

        lab.after(end)
        line = process.stdout.readline().decode()
        expect("simulating" in line, "the simulator listens", line)

    def curl(self, command):
        """What curl would do with these words."""
        words = shlex.split(self.moved(command))
        expect(words.pop(0) == "curl", "a curl", command)
        method, headers, body, url = None, [], None, None
        while words:
            word = words.pop(0)
            if word == "-X":
                method = words.pop(0)
            elif word == "-H":
                headers.append(tuple(words.pop(0).split(": ", 1)))
            elif word == "-d":
                body = words.pop(0).encode()
            else:
                url = word
        port, path = re.match(r"http://127\.0\.0\.1:(\d+)(/.*)$", url).groups()
        with wire.Connection(int(port)) as connection:
            return connection.ask(method or ("POST" if body else "GET"), path, headers, body)

    def ask(self, model):
        body = {"model": model, "max_tokens": 50, "messages": [{"role": "user", "content": "Hello"}]}
        return self.p.send("POST", "/v1/messages", body, key="sk-client-key-of-the-fire-drills")

    def state(self):
        answer = self.p.admin("GET", "/admin/fallback", key="sk-admin-key-of-the-fire-drills")
        return next(a for a in answer.json()["accounts"] if a["upstream"] == "main" and a["account"] == "a")["state"]


@check("fire drill: {title}", rows=list(DRILLS), seconds=60)
def _(lab, title):
    drill = Drill(lab)
    models, wanted, state = DRILLS[title]
    equal(served(drill.ask(SONNET)).header("x-proxyd-account"), "a", "who answers before the drill")
    answer = drill.curl(block(sections(drill.text)[title], "sh").strip())
    equal(answer.status, 200, f"the status of the drill's curl ({answer.text[:200]})")
    if title == "Quota that is polled":
        eventually(lambda: drill.ask("polled-model").header("x-proxyd-account") == "a", "the one that has quota", 8, every=0.2)
    got = [served(drill.ask(model)).header("x-proxyd-account") for model in models]
    equal(got, wanted, "who answers")
    if state:
        equal(drill.state(), state, "the state of `a`")


@check("every fire drill of the page is checked, and every one that is checked is on the page")
def _(lab):
    titles = [title for title, text in sections(page()).items() if "```sh\ncurl " in text and title != "The house"]
    equal(titles, list(DRILLS), "the drills of the page, in order")


@check("the simulator tells what is set, and takes it back")
def _(lab):
    drill = Drill(lab)
    for path, body in (
        ("/simulate", {"fail": "429", "times": 3}),
        ("/simulate/windows", {"account": "a", "kind": "5h", "limit": 200, "remaining": 20}),
        ("/simulate/money", {"account": "b", "usd": 0.5}),
    ):
        equal(drill.curl(f"curl http://127.0.0.1:9180{path} -d '{json.dumps(body)}'").status, 200, path)
    told = drill.curl("curl http://127.0.0.1:9180/simulate").json()
    equal([(f["fail"], f["times"]) for f in told["failures"]], [("429", 3)], "the failures")
    accounts = {each["account"]: each for each in told["accounts"]}
    equal([(w["kind"], w["remaining"]) for w in accounts["a"]["windows"]], [("5h", 20)], "windows of a")
    equal(accounts["b"]["usd"], 0.5, "the money of b")
    equal(drill.curl("curl -X DELETE http://127.0.0.1:9180/simulate").status, 200, "the status of taking it back")
    told = drill.curl("curl http://127.0.0.1:9180/simulate").json()
    left = (told["failures"], told["accounts"][0]["windows"], told["accounts"][1]["usd"])
    equal(left, ([], [], None), "what is set afterwards")


@check(
    "{arguments}: proxyd simulate says what is wrong with it, and exits 64",
    rows=["--window 5h", "--window days=3", "--headers latin"],
)
def _(lab, arguments):
    done = subprocess.run([lab.binary, "simulate", *arguments.split()], capture_output=True, timeout=10)
    equal(done.returncode, 64, "the exit code")
    expect(arguments.split()[1].encode() in done.stderr, "what is wrong in its words", done.stderr)
