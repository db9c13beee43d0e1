"""Reload: saving the file is the interface, however it is saved; what runs is never lost to an edit."""

import os
import re
import signal
import subprocess
import threading
import time

from checks import Failure, check, contains, equal, eventually, expect, lacks, one_of, stays
from dialects import ANTHROPIC
from harness import ADMIN_KEY, USER_KEY, served
from ports import free_port
from upstream import status, stream, whole


class Switch:
    """proxyd and a configuration whose only rule names an upstream that tells its own name."""

    def __init__(self, lab, more="", start=True):
        self.a, self.b = lab.upstream(), lab.upstream()
        for name, up in (("a", self.a), ("b", self.b)):
            up.reply(whole(ANTHROPIC.whole("m", name)), streamed=False)
        self.more = more
        self.p = lab.proxyd(self.text("a"), start=start)

    def text(self, name, more=None):
        return (
            f"upstreams:\n  a: {self.a.declare()}\n  b: {self.b.declare()}\n"
            f'rules: [{{name: rule {name}, models: ["*"], tiers: [{name}]}}]\n{self.more if more is None else more}\n'
        )

    def full(self, name, more=None):
        return self.p.compose(self.text(name, more))

    def now(self):
        return ANTHROPIC.text_of(served(self.p.ask()).body)

    def becomes(self, name, within=6.0):
        eventually(lambda: self.now() == name, f"answers of {name} after the file was saved", within, every=0.05)


def _install(path, text):
    """Saves as install(1) does: deletes the file, then writes a new one."""
    os.unlink(path)
    path.write_text(text)


def _slowly(path, text):
    """Saves in place, with the file empty and half written on the way."""
    with open(path, "w") as out:
        out.flush()
        time.sleep(0.03)
        out.write(text[: len(text) // 2])
        out.flush()
        time.sleep(0.03)
        out.write(text[len(text) // 2 :])


def _vim(path, text):
    """Saves as vim does with backupcopy=no: renames the old file away, then writes a new one."""
    os.rename(path, f"{path}~")
    path.write_text(text)
    os.unlink(f"{path}~")


def _by_rename(path, text):
    fresh = path.with_name(".proxy.yaml.swp")
    fresh.write_text(text)
    os.replace(fresh, path)


WAYS = {
    "written in place": lambda path, text: path.write_text(text),
    "written in place in pieces": _slowly,
    "renamed over": _by_rename,
    "deleted and created": _install,
    "moved away and created": _vim,
    "copied over by cp": lambda path, text: (
        path.with_name("new").write_text(text),
        subprocess.run(["cp", str(path.with_name("new")), str(path)], check=True),
    ),
}


@check("an edit {way} is in force by itself, twice", rows=list(WAYS))
def _(lab, way):
    s = Switch(lab)
    equal(s.now(), "a", "the answer before")
    for name in ("b", "a"):
        WAYS[way](s.p.config, s.full(name))
        s.becomes(name)


@check("a symlink that is pointed at another file is an edit")
def _(lab):
    s = Switch(lab, start=False)
    one, two = s.p.folder / "one.yaml", s.p.folder / "two.yaml"
    one.write_text(s.full("a"))
    two.write_text(s.full("b"))
    s.p.config.unlink()
    s.p.config.symlink_to(one)
    s.p.start()
    equal(s.now(), "a", "the answer before")
    for target, name in ((two, "b"), (one, "a")):
        fresh = s.p.folder / "link"
        fresh.symlink_to(target)
        os.replace(fresh, s.p.config)
        s.becomes(name)


@check("Kubernetes' swap of ..data is an edit, twice")
def _(lab):
    s = Switch(lab, start=False)
    mount = s.p.folder / "mount"
    for name in ("a", "b"):
        (mount / f"..version_{name}").mkdir(parents=True)
        (mount / f"..version_{name}" / "proxy.yaml").write_text(s.full(name))
    (mount / "..data").symlink_to("..version_a")
    (mount / "proxy.yaml").symlink_to("..data/proxy.yaml")
    s.p.config = mount / "proxy.yaml"
    s.p.start()
    equal(s.now(), "a", "the answer before")
    for name in ("b", "a"):
        (mount / "..data_tmp").symlink_to(f"..version_{name}")
        os.replace(mount / "..data_tmp", mount / "..data")
        s.becomes(name)


@check("a write to the target of a symlink in another folder is an edit")
def _(lab):
    s = Switch(lab, start=False)
    elsewhere = lab.folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "real.yaml").write_text(s.full("a"))
    s.p.config.unlink()
    s.p.config.symlink_to(elsewhere / "real.yaml")
    s.p.start()
    equal(s.now(), "a", "the answer before")
    (elsewhere / "real.yaml").write_text(s.full("b"))
    s.becomes("b", 12)
    _by_rename(elsewhere / "real.yaml", s.full("a"))
    s.becomes("a", 12)


@check("SIGHUP reads the file again")
def _(lab):
    s = Switch(lab)
    s.p.write(s.text("b"))
    s.p.signal(signal.SIGHUP)
    s.becomes("b")
    s.p.signal(signal.SIGHUP)
    stays(lambda: s.now() == "b", "the answer stays after a SIGHUP without an edit")


@check("an edit of an included file is in force by itself, and so is a file that is added")
def _(lab):
    s = Switch(lab, start=False)
    parts = s.p.folder / "conf.d"
    parts.mkdir()
    rules = 'rules: [{{name: r, models: ["*"], tiers: [{}]}}]\n'
    s.p.config.write_text(re.sub(r"(?m)^rules:.*$", "include: conf.d/*.yaml", s.full("a")))
    (parts / "10-rules.yaml").write_text(rules.format("a"))
    s.p.start()
    equal(s.now(), "a", "the answer before")
    (parts / "10-rules.yaml").write_text(rules.format("b"))
    s.becomes("b", 12)
    (parts / "20-policies.yaml").write_text('policies: {default: {models: ["gpt-*"]}}\n')
    eventually(lambda: s.p.ask().status == 403, "the policy of the added file in force", 12)


@check("half of a file is never in force, however slowly it is written", seconds=60)
def _(lab):
    s = Switch(lab)
    stop, bad = threading.Event(), []

    def watch():
        while not stop.is_set():
            try:
                answer = s.p.ask()
                if answer.status != 200:
                    bad.append(repr(answer))
            except (Failure, OSError) as failure:
                bad.append(str(failure))
            time.sleep(0.002)

    threads = [threading.Thread(target=watch) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for round_number in range(12):
            _slowly(s.p.config, s.full("ab"[round_number % 2], f"# {'padding ' * 500}\nlog: {{level: info}}"))
            time.sleep(0.12)
        s.becomes("b")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    equal(bad[:1], [], f"requests that failed ({len(bad)})")


BAD = {
    "an unknown key": "surprise: 1",
    "YAML that does not parse": "rules: [",
    "a tier nobody knows": None,
    "a reference that is missing": "log: {level: '${NOT_SET_ANYWHERE}'}",
    "nothing at all": "",
}


MISSING = {
    "an included file that is not there": "include: not-there.yaml",
    "a secret's file that is not there": "lark: {app_id: a, app_secret: '${file:/nonexistent/secret}'}",
    "an unknown key": "surprise: 1",
}


@check("an edit with {what} keeps what runs, is told in log and /health with its place, and a good edit mends it", rows=list(BAD))
def _(lab, what):
    s = Switch(lab)
    before = s.p.health()["config"]
    good = s.full("a")
    bad = (
        good.replace("tiers: [a]", "tiers: [nobody]")
        if what == "a tier nobody knows"
        else "" if what == "nothing at all" else good + BAD[what] + "\n"
    )
    s.p.config.write_text(bad)
    told = eventually(lambda: s.p.health()["config"]["error"], "an error in /health")
    told = told if isinstance(told, str) else str(told)
    if what != "nothing at all":
        expect(re.search(r"\b\d+:\d+\b", told) or re.search(r"line\D+\d+", told), "the place of the error in /health", told)
        s.p.wait_log("proxy.yaml:")
        expect(re.search(r"proxy\.yaml:\d+:\d+", s.p.output()), "file:line:col in the log", s.p.output()[-500:])
    equal(s.now(), "a", "the answer after the bad edit")
    now = s.p.health()
    equal(
        (now["status"], now["config"]["generation"], now["config"]["hash"]),
        ("ok", before["generation"], before["hash"]),
        "status, generation and hash",
    )
    s.p.config.write_text(s.full("b"))
    s.becomes("b")
    equal(s.p.health()["config"]["error"], None, "the error after a good edit")


@check("the file that runs, put back after one that was refused, is told in the log as the end of it, once")
def _(lab):
    s = Switch(lab)
    s.p.config.write_text(s.full("a") + "surprise: 1\n")
    s.p.wait_log("configuration refused")
    for _ in range(2):
        _by_rename(s.p.config, s.full("a"))
        s.p.wait_log("configuration is again what runs")
        time.sleep(0.7)
    equal(s.p.output().count("configuration is again what runs"), 1, "lines about it")
    equal(s.p.health()["config"]["error"], None, "the error after it")


@check("a save that is refused for {what} is told in the log once, and again when it is saved again", rows=list(MISSING))
def _(lab, what):
    s = Switch(lab)
    time.sleep(0.5)
    for count in (1, 2):
        s.p.config.write_text(s.full("b") + MISSING[what] + "\n")
        eventually(lambda: s.p.output().count("configuration refused") >= count, "a line about it", 5)
        time.sleep(1.5)
        equal(s.p.output().count("configuration refused"), count, "lines about it")
        s.p.config.write_text(s.full("a"))
        s.p.wait_log("configuration is again what runs")
        time.sleep(0.5)


@check("a file that vanishes keeps what runs")
def _(lab):
    s = Switch(lab)
    s.p.config.unlink()
    time.sleep(1.0)
    equal(s.now(), "a", "the answer without a file")
    s.p.config.write_text(s.full("b"))
    s.becomes("b", 12)


@check("saving the same content again changes no generation")
def _(lab):
    s = Switch(lab)
    before = s.p.health()["config"]
    for way in ("written in place", "renamed over"):
        WAYS[way](s.p.config, s.full("a"))
        time.sleep(0.7)
    equal(s.p.health()["config"], before, "the configuration in /health")
    s.p.config.write_text(s.full("b"))
    s.becomes("b")
    after = s.p.health()["config"]
    expect(after["generation"] > before["generation"] and after["hash"] != before["hash"], "another generation and hash", after)


@check("a reload is told in the log in one line, without secrets")
def _(lab):
    s = Switch(lab)
    before = len(s.p.output())
    s.p.config.write_text(s.full("b").replace(USER_KEY, "sk-another-secret-key") + "policies: {default: {}}\n")
    eventually(lambda: s.p.ask(key="sk-another-secret-key").status == 200, "the new key in force")
    eventually(lambda: s.p.output()[before:].strip(), "a line in the log")
    added = s.p.output()[before:]
    for secret in (USER_KEY, "sk-another-secret-key", "provider-key"):
        lacks(added, secret, "the log of the reload")


@check("keys that an edit removes are refused, keys that it adds are served, made keys stay")
def _(lab):
    s = Switch(lab)
    made = s.p.create_key()["api_key"]
    text = s.full("a").replace(USER_KEY, "sk-the-new-one").replace("name: user", "name: other")
    s.p.config.write_text(text)
    eventually(lambda: s.p.ask(key="sk-the-new-one").status == 200, "the added key in force")
    equal(s.p.ask().status, 401, "the status with the removed key")
    served(s.p.ask(key=made))


@check("cooldowns, counters and idle connections survive an edit of something else")
def _(lab):
    p, first, second = lab.tiers(2)
    first.reply(status(429, retry_after=600))
    served(p.ask())
    connections = second.connections
    generation = p.health()["config"]["generation"]
    p.config.write_text(p.config.read_text() + "policies: {default: {}}\n")
    eventually(lambda: p.health()["config"]["generation"] > generation, "the edit in force")
    answer = served(p.ask())
    equal((answer.header("x-proxyd-upstream"), answer.header("x-proxyd-attempts")), ("t2", "1"), "upstream and attempts")
    equal(len(first.requests), 1, "requests at the tier that cools down")
    expect(second.connections <= connections + 1, "the pool of connections kept", second.connections)
    eventually(lambda: p.get("/admin/usage")["total_requests"] == 2, "two requests in the usage")


@check("a stream that runs when the file is saved ends whole, from the upstream it began with")
def _(lab):
    s = Switch(lab)
    gate = threading.Event()
    lab.after(gate.set)
    pieces = [ANTHROPIC.begin("m"), ANTHROPIC.words("x"), ANTHROPIC.end()]

    def paced(request, wire):
        def gated():
            yield pieces[0]
            gate.wait(15)
            yield from pieces[1:]

        stream(gated())(request, wire)

    s.a.reply(paced, streamed=True)
    running = s.p.open_stream()
    running.next()
    s.p.config.write_text(s.full("b").replace(USER_KEY, "sk-new-key"))
    eventually(lambda: s.p.ask(key="sk-new-key").status == 200, "the edit in force")
    gate.set()
    answer = running.rest()
    equal((answer.body, answer.complete), (b"".join(pieces), True), "the stream that ran meanwhile")


@check("a client's connection outlives reloads and its next request goes by the new rules")
def _(lab):
    s = Switch(lab)
    connection = s.p.connect()
    ask = lambda: ANTHROPIC.text_of(
        served(connection.ask("POST", ANTHROPIC.path, s.p.headers(), ANTHROPIC.request())).body
    )  # noqa: E731
    equal(ask(), "a", "the answer before")
    s.p.config.write_text(s.full("b"))
    s.becomes("b")
    equal(ask(), "b", "the answer on the old connection")


@check("a new `listen` is bound before the old one goes, and its streams end whole")
def _(lab):
    s = Switch(lab)
    gate = threading.Event()
    lab.after(gate.set)
    pieces = [ANTHROPIC.begin("m"), ANTHROPIC.end()]

    def paced(request, wire):
        def gated():
            yield pieces[0]
            gate.wait(15)
            yield pieces[1]

        stream(gated())(request, wire)

    s.a.reply(paced, streamed=True)
    running = s.p.open_stream()
    running.next()
    old, new = s.p.port, free_port()
    s.p.config.write_text(s.full("b").replace(f":{old}", f":{new}"))
    s.p.port = new

    def moved():
        try:
            return s.now() == "b"
        except OSError:
            return False

    eventually(moved, f"answers on the new port {new}", 8)

    def refused():
        try:
            return s.p.send("GET", "/healthz", port=old, timeout=1).status != 200
        except (OSError, Failure):
            return True

    eventually(refused, "the old port closed", 8)
    gate.set()
    answer = running.rest()
    equal((answer.body, answer.complete), (b"".join(pieces), True), "the stream on the old listener")


@check("a new `listen` that cannot be bound keeps the old one, and says so")
def _(lab):
    s = Switch(lab)
    taken = s.a.port
    s.p.config.write_text(s.full("b").replace(f"127.0.0.1:{s.p.port}", f"127.0.0.1:{taken}", 1))
    told = eventually(lambda: s.p.health()["config"]["error"], "an error in /health", 8)
    contains(str(told), str(taken), "the error")
    equal(s.now(), "a", "the answer on the old port")


@check("a listener can be added and taken away")
def _(lab):
    s = Switch(lab)
    extra = free_port()
    s.p.config.write_text(
        s.full("a").replace(f"listen: 127.0.0.1:{s.p.port}", f"listen: ['127.0.0.1:{s.p.port}', '127.0.0.1:{extra}']")
    )

    def answers():
        try:
            return s.p.send("GET", "/healthz", port=extra, timeout=1).status == 200
        except OSError:
            return False

    eventually(answers, "an answer on the added listener", 8)
    s.p.config.write_text(s.full("a"))
    eventually(lambda: not answers(), "the added listener gone", 8)
    equal(s.now(), "a", "the answer on the first listener")


@check("one hundred reloads under load with open streams: none failed, none cut", seconds=120)
def _(lab):
    s = Switch(lab, "log: {requests: false}")
    stop, bad, count, lock = threading.Event(), [], [0], threading.Lock()
    for up in (s.a, s.b):
        up.reply(stream([ANTHROPIC.begin("m"), *[ANTHROPIC.words("x")] * 20, ANTHROPIC.end()], pause=0.02), streamed=True)
    whole_stream = ANTHROPIC.begin("m") + ANTHROPIC.words("x") * 20 + ANTHROPIC.end()

    def load(number):
        streamed = number % 2 == 0
        while not stop.is_set():
            try:
                answer = served(s.p.ask(stream=streamed))
                if streamed:
                    equal(answer.body, whole_stream, "a stream")
                with lock:
                    count[0] += 1
            except (Failure, OSError) as failure:
                bad.append(str(failure))
                return
            time.sleep(0.003)

    threads = [threading.Thread(target=load, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    generation = s.p.health()["config"]["generation"]
    try:
        for i in range(100):
            s.p.replace(
                s.text("ab"[(i + 1) % 2], f"policies: {{default: {{}}, p{i}: {{models: [m{i}]}}}}\nlog: {{requests: false}}")
            )
            equal(s.p.admin("POST", "/admin/reload").status, 200, f"the status of reload {i}")
            expect(not bad, "no request failed so far", bad[:1])
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    equal(bad[:1], [], f"requests that failed ({len(bad)})")
    expect(s.p.health()["config"]["generation"] >= generation + 100, "a hundred generations more", s.p.health()["config"])
    expect(count[0] > 100, "more than a hundred requests meanwhile", count[0])
    one_of(s.now(), ("a", "b"), "the answer afterwards")


@check("memory does not grow with reloads", seconds=60)
def _(lab):
    s = Switch(lab, "log: {requests: false}")

    def reloads(count):
        for i in range(count):
            s.p.replace(s.text("ab"[i % 2]))
            equal(s.p.admin("POST", "/admin/reload").status, 200, "the status of a reload")

    reloads(40)
    before = s.p.resident()
    reloads(100)
    grown = s.p.resident() - before
    expect(grown < 12 * 1024 * 1024, "less than 12 MB more after a hundred reloads", grown)


@check("after an edit of the admin key only the new one is accepted")
def _(lab):
    s = Switch(lab)
    s.p.config.write_text(s.full("b").replace(ADMIN_KEY, "sk-admin-new-0123456789"))
    s.becomes("b")
    equal(s.p.admin("GET", "/admin/keys").status, 403, "the status with the old key")
    equal(s.p.admin("GET", "/admin/keys", key="sk-admin-new-0123456789").status, 200, "the status with the new key")


@check("an upstream's quota is polled from the moment a reload brings it")
def _(lab):
    s = Switch(lab)
    s.b.health = {"status": "ok", "accounts": []}
    s.p.config.write_text(s.full("b").replace(s.b.declare(), s.b.declare(extra="quota: {poll: /health, interval: 1s}")))
    s.becomes("b")
    eventually(lambda: len(s.b.polls) >= 2, "polls of the upstream", 6)
    s.p.config.write_text(s.full("a"))
    s.becomes("a")
    time.sleep(1.2)
    polls = len(s.b.polls)
    time.sleep(2.2)
    equal(len(s.b.polls), polls, "polls after a reload took the quota away")


@check("a policy that is renamed together with its keys in one save refuses nobody", seconds=120)
def _(lab):
    up = lab.upstream()
    up.reply(whole(ANTHROPIC.whole("m", "here")), streamed=False)

    def text(policy):
        keys = "".join(f"  - {{name: user{n}, key: sk-user-{n}-0123456789abcdefgh, policy: {policy}}}\n" for n in range(400))
        rules = 'rules: [{name: r, models: ["*"], tiers: [u]}]'
        return f"upstreams:\n  u: {up.declare()}\n{rules}\npolicies: {{{policy}: {{models: ['*']}}}}\nkeys:\n{keys}"

    p = lab.proxyd(text("before"))
    stop, bad, served_count = threading.Event(), [], [0, 0, 0]

    def ask(client):
        number = client
        while not stop.is_set():
            number = (number + 3) % 400
            try:
                answer = p.ask(key=f"sk-user-{number}-0123456789abcdefgh")
                served_count[client] += 1
                if answer.status != 200:
                    bad.append(repr(answer))
            except (Failure, OSError) as failure:
                bad.append(str(failure))

    threads = [threading.Thread(target=ask, args=(client,)) for client in range(3)]
    for thread in threads:
        thread.start()
    try:
        # By hand: PROXYD_ROUNDS=100.
        for number in range(int(os.environ.get("PROXYD_ROUNDS", "15"))):
            p.write(text(("after", "before")[number % 2]))
            equal(p.admin("POST", "/admin/reload").status, 200, "the status of the reload")
            time.sleep(0.05)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    expect(min(served_count) > 20, "requests of every client", served_count)
    equal(bad[:1], [], f"requests that failed ({len(bad)} of {sum(served_count)})")
