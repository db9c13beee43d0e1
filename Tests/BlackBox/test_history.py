"""reload_guard, what a reload says, the history of the file, and the way back."""

import json
import os
import pathlib
import re
import stat
import time

from checks import check, contains, equal, eventually, expect, lacks
from commands import remote, run
from harness import ADMIN_KEY, USER_KEY
from test_reload import Switch

SEAL = "ab" * 32


def history(p):
    return p.get("/admin/config/history")["history"]


def save(p, text):
    """Saves by rename, and waits until it was taken over or refused."""
    before = len(history(p))
    p.replace(text)
    eventually(lambda: len(history(p)) > before or (history(p)[0]["number"] or 0) >= 50, "one step more in the history")
    return history(p)[0]


POLICIES = "policies: {one: {models: ['*']}, two: {}, three: {}, four: {}}\n"


@check("reload_guard refuses a save that removes more {section} than it lets, by name and with the numbers; --force passes it",
       rows=["upstreams", "rules", "keys", "policies"])
def _(lab, section):
    up = lab.upstream()
    names = ["one", "two", "three", "four"]

    def text(kept):
        at = {name: names if name != section else kept for name in ("upstreams", "rules", "keys", "policies")}
        return (
            "reload_guard: {max_removed: 50%}\nupstreams:\n" + "".join(f"  {n}: {up.declare()}\n" for n in at["upstreams"])
            + "rules:\n" + "".join(f"  - {{name: {n}, models: ['{n}'], tiers: [{at['upstreams'][0]}]}}\n" for n in at["rules"])
            + "keys:\n" + "".join(f"  - {{name: {n}, key: {USER_KEY}-{n}}}\n" for n in at["keys"])
            + "policies:\n" + "".join(f"  {n}: {{}}\n" for n in at["policies"])
        )

    p = lab.proxyd(text(names))
    step = save(p, text(names[:1]))
    equal(step["state"], "refused", "the state of a save that removes three of four")
    told = step["errors"][0]["message"]
    contains(told, f"3 of 4 {section}", "the message")
    contains(told, "75%", "the message")
    contains(told, "50%", "the message")
    equal(p.health()["config"]["generation"], 1, "the generation")
    ran = remote(p, "reload")
    equal(ran.code, 78, "the exit code of reload")
    contains(ran.err, "reload_guard", "what reload says")
    equal(p.admin("POST", "/admin/reload?force=perhaps").status, 400, "the status of a force that is neither")
    ran = remote(p, "reload", "--force").good()
    contains(ran.out, "applied", "what reload --force says")
    equal(p.health()["config"]["generation"], 2, "the generation")
    equal(p.health()["config"]["error"], None, "the error")


@check("half of them may go, and the guard of the file that runs counts")
def _(lab):
    up = lab.upstream()

    def text(kept, guard="reload_guard: {max_removed: 50%}"):
        return f"{guard}\nupstreams:\n" + "".join(f"  {n}: {up.declare()}\n" for n in kept) + f"rules: [{{name: r, tiers: [{kept[0]}]}}]\n"

    p = lab.proxyd(text(["one", "two", "three", "four"]))
    equal(save(p, text(["one", "two"]))["state"], "applied", "two of four removed")
    equal(save(p, text(["three"], guard=""))["state"], "refused", "the guard is taken out in the same save")
    equal(save(p, text(["one", "two"], guard=""))["state"], "applied", "it is taken out alone")
    equal(save(p, text(["three"], guard=""))["state"], "applied", "without a guard")


@check("what a reload changed is said in words: log, answer, history; secrets never")
def _(lab):
    s = Switch(lab, "policies: {team: {requests_per_minute: 60}, other: {}}\n")
    p = s.p
    first = s.full("a").replace("rules: [", "rules: [{name: opus, models: [opus], tiers: [a]}, {name: new, models: [n], tiers: [a]}, ")
    p.config.write_text(first)
    eventually(lambda: p.health()["config"]["generation"] == 2, "the first edit in force")
    kimi = f"  kimi: {s.a.declare()}\nrules: "
    second = first.replace("rules: ", kimi, 1).replace("requests_per_minute: 60", "requests_per_minute: 120")
    second = second.replace("[{name: opus, models: [opus], tiers: [a]}, {name: new, models: [n], tiers: [a]}, ", "[{name: new, models: [n], tiers: [a]}, {name: opus, models: [opus], tiers: [a]}, ")
    second = second.replace(f"key: {USER_KEY}", f"key: {USER_KEY}, policy: team").replace("provider-key-one", "provider-key-two", 1)
    fresh = p.folder / "fresh"
    fresh.write_text(second)
    os.replace(fresh, p.config)
    eventually(lambda: p.health()["config"]["generation"] == 3, "the second edit in force")
    words = history(p)[0]["words"]
    told = "; ".join(words)
    for part in ("upstream kimi added", "policy team: requests_per_minute 60 → 120", "key user: policy default → team",
                 "account one has another key"):
        contains(told, part, "the words of the history")
    expect("'opus' now before" in told or "'new' now before 'opus'" in told, "the move of a rule", told)
    contains(p.output(), "upstream kimi added", "the log")
    third = p.config.read_text().replace("requests_per_minute: 120", "requests_per_minute: 5")
    p.config.write_text(third)
    answer = p.admin("POST", "/admin/reload").json()
    if answer["changed"]:
        contains("; ".join(answer["words"]), "120 → 5", "the words of the answer")
    for secret in (USER_KEY, ADMIN_KEY, "provider-key-two"):
        lacks(p.output() + json.dumps(history(p)), secret, "log and history")


@check("a secret that is no key is told to be another, and never what it is: {where}", rows=["alerts.webhook", "telemetry.headers.x-key", "an upstream's header"])
def _(lab, where):
    section, words = {
        "alerts.webhook": ("alerts: {webhook: 'http://127.0.0.1:9/hidden-one'}\n", "alerts.webhook has another value"),
        "telemetry.headers.x-key": (
            "telemetry: {otlp: 'http://127.0.0.1:9', headers: {x-key: hidden-one}}\n", "telemetry.headers.x-key has another value",
        ),
        "an upstream's header": ("", "upstream a: header x-key has another value"),
    }[where]
    up = lab.upstream()
    extra = "headers: {x-key: hidden-one}" if where == "an upstream's header" else ""
    p = lab.proxyd(f"{section}upstreams: {{a: {up.declare(extra=extra)}}}\nrules: [{{name: r, tiers: [a]}}]\n")
    equal(save(p, p.config.read_text().replace("hidden-one", "hidden-two"))["words"], [words], "the words")
    contains(p.output(), words, "the log")
    lacks(p.output() + json.dumps(history(p)), "hidden-two", "log and history")


@check("the history has every save: when, how, who, its hash, what changed, what became of it; and outlives a restart", seconds=60)
def _(lab):
    s = Switch(lab)
    p = s.p
    save(p, s.text("b"))
    p.replace(s.text("a"))
    p.admin("POST", "/admin/reload")
    eventually(lambda: len([one for one in history(p) if one["state"] == "applied"]) >= 3, "two saves in the history")
    save(p, s.text("b") + "surprise: 1\n")
    p.replace(s.text("b"))
    eventually(lambda: s.now() == "b", "the last save in force")
    steps = history(p)
    refused = next(one for one in steps if one["state"] == "refused")
    contains(refused["errors"][0]["text"], "surprise", "why it was refused")
    equal(refused["can_roll_back"], False, "can_roll_back of a refused file")
    numbers = [one["number"] for one in steps]
    equal(numbers, sorted(numbers, reverse=True), "the numbers, the newest first")
    for one in steps:
        expect(one["time"] and one["hash"], "a time and a hash", one)
    contains(steps[0]["summary"], "rule b", "the summary")
    equal(steps[0]["hash"], p.health()["config"]["hash"], "the hash of what runs")
    expect(refused["hash"] not in {one["hash"] for one in steps if one is not refused}, "a hash of its own for the refused file", steps)
    p.restart()
    again = history(p)
    equal([one["number"] for one in again if one["result"] != "started"][:3], [n for n in numbers if n != 1][:3], "the numbers after a restart")
    folder = p.state / "config-history"
    equal(stat.S_IMODE(os.stat(folder).st_mode), 0o700, "the mode of the folder")
    for file in folder.iterdir():
        equal(stat.S_IMODE(os.stat(file).st_mode), 0o600, f"the mode of {file.name}")


@check("a version's text is shown with its secrets masked, and no file of the history has one: {how}", rows=["with a seal key", "without"])
def _(lab, how):
    s = Switch(lab, f"# an old one: key: sk-commented-0123456789abcdef\n", start=False)
    s.p.env = {"PROXYD_SEAL_KEY": SEAL} if how == "with a seal key" else {}
    s.p.start()
    eventually(lambda: history(s.p)[0]["number"], "what it has started with has its number")
    number = history(s.p)[0]["number"]
    version = s.p.get(f"/admin/config/history/{number}")
    text = version["files"][0]["text"]
    contains(text, "<redacted>", "the text")
    contains(text, "rule a", "the text")
    kept = "".join(file.read_text() for file in (s.p.state / "config-history").iterdir())
    for secret in (USER_KEY, ADMIN_KEY, "provider-key-one", "sk-commented"):
        lacks(text, secret, "the text")
        lacks(kept, secret, "the files of the history")
    equal(bool(version["missing_secrets"]), how == "without", "whether secrets are missing")
    equal(s.p.admin("GET", "/admin/config/history/999").status, 404, "the status of a version that is not there")
    equal(s.p.admin("GET", "/admin/config/history/x").status, 404, "the status of what is no version")


@check("rollback puts the version before back, by rename, with its mode; and the way there again is a rollback too")
def _(lab):
    s = Switch(lab)
    os.chmod(s.p.config, 0o640)
    before = s.p.config.read_text()
    s.p.config.write_text(s.full("b"))
    s.becomes("b")
    inode = os.stat(s.p.config).st_ino
    ran = run(lab, "rollback", "-c", s.p.config).good()
    contains(ran.out, "version 1", "what rollback says")
    s.becomes("a")
    equal(s.p.config.read_text(), before, "the file")
    equal(stat.S_IMODE(os.stat(s.p.config).st_mode), 0o640, "its mode")
    expect(os.stat(s.p.config).st_ino != inode, "another file of the same name", inode)
    run(lab, "rollback", "2", "-c", s.p.config).good()
    s.becomes("b")
    ran = run(lab, "rollback", "77", "-c", s.p.config)
    equal(ran.code, 1, "the exit code for a version that is not there")
    contains(ran.err, "versions 1 to", "what it says")
    # By the clock of the file, as the log is; also where the file is no YAML any more.
    for more in ("", "upstreams: {a\n"):
        s.p.config.write_text(s.full("b") + more)
        listed = run(lab, "rollback", "--list", "-c", s.p.config).good().out.splitlines()
        wrong = [line for line in listed if not re.match(r"\d+  \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+08:00  (started|applied|refused)  ", line)]
        equal((wrong, len(listed) > 1), ([], True), "lines of the list with other times, and whether there are some")


@check("rollback done twice goes back by two, and not to what it came from")
def _(lab):
    s = Switch(lab)
    for number in (2, 3):
        s.p.replace(s.text("b", f"# {number}\n"))
        equal(s.p.admin("POST", "/admin/reload").status, 200, "the status of a reload")
    for version in (2, 1):
        ran = run(lab, "rollback", "-c", s.p.config).good()
        contains(ran.out, f"version {version} of", "what rollback says")
        equal(s.p.admin("POST", "/admin/reload").status, 200, "the status of a reload")
    s.becomes("a")
    equal(run(lab, "rollback", "-c", s.p.config).code, 1, "the exit code where nothing is before")


@check("a text that is refused again and again is one version, and pushes no other out")
def _(lab):
    s = Switch(lab)
    s.p.replace(s.text("b") + "surprise: 1\n")
    for _ in range(3):
        equal(s.p.admin("POST", "/admin/reload").status, 422, "the status of a reload")
    equal([one["number"] for one in history(s.p)], [2, 1], "the versions")


@check("rollback refuses a version whose secrets were not kept, and says which; given, or sealed, it goes back")
def _(lab):
    for sealed in (False, True):
        s = Switch(lab, start=False)
        env = {"PROXYD_SEAL_KEY": SEAL} if sealed else {}
        s.p.env = env
        s.p.start()
        before = s.p.config.read_text()
        s.p.config.write_text(s.full("b").replace("provider-key-one", "provider-key-other"))
        s.becomes("b")
        if sealed:
            run(lab, "rollback", "-c", s.p.config, env=env).good()
        else:
            ran = run(lab, "rollback", "1", "-c", s.p.config)
            equal(ran.code, 78, "the exit code")
            contains(ran.err, f"{s.p.config}:", "the place of the missing secret")
            equal(history(s.p)[-1]["can_roll_back"], False, "can_roll_back of the first version")
            given = lab.folder / "given"
            given.write_text("provider-key-one\n")
            run(lab, "rollback", "1", "-c", s.p.config, "--secrets", given).good()
        s.becomes("a")
        equal(s.p.config.read_text(), before, f"the file, sealed: {sealed}")
        if sealed:  # and where the file is no YAML any more
            s.p.config.write_text(before + "\nx: [")
            eventually(lambda: history(s.p)[0]["state"] == "refused", "the file that is no YAML is refused")
            run(lab, "rollback", "-c", s.p.config, env=env).good()
            equal(s.p.config.read_text(), before, "the file that was no YAML")


@check("rollback writes nothing that would not run")
def _(lab):
    s = Switch(lab, "log: {level: '${LEVEL_OF_LOG}'}\n", start=False)
    s.p.env = {"LEVEL_OF_LOG": "info"}
    s.p.start()
    s.p.config.write_text(s.full("b", ""))
    s.becomes("b")
    now = s.p.config.read_text()
    ran = run(lab, "rollback", "-c", s.p.config)
    equal(ran.code, 78, "the exit code")
    contains(ran.err, "LEVEL_OF_LOG", "what it says")
    equal(s.p.config.read_text(), now, "the file")


@check("rollback puts included files back too")
def _(lab):
    s = Switch(lab, start=False)
    parts = s.p.folder / "conf.d"
    parts.mkdir()
    (parts / "10.yaml").write_text("policies: {x: {models: [one]}}\n")
    s.p.config.write_text(s.full("a", "include: conf.d/*.yaml"))
    s.p.start()
    (parts / "10.yaml").write_text("policies: {x: {models: [two]}}\n")
    eventually(lambda: s.p.health()["config"]["generation"] == 2, "the edit in force")
    run(lab, "rollback", "-c", s.p.config).good()
    contains((parts / "10.yaml").read_text(), "one", "the included file")
    eventually(lambda: s.p.health()["config"]["generation"] == 3, "the rollback in force")
    (parts / "20.yaml").write_text("policies: {y: {}}\n")
    eventually(lambda: s.p.health()["config"]["generation"] == 4, "another file in force")
    ran = run(lab, "rollback", "1", "-c", s.p.config)
    equal(ran.code, 78, "the exit code")
    contains(ran.err, "20.yaml", "what it says")


@check("fifty versions are kept, and a SIGKILL at any time leaves a history that reads", seconds=90)
def _(lab):
    s = Switch(lab)
    for number in range(56):
        s.p.replace(s.text("ab"[number % 2], f"# {number}\n"))
        equal(s.p.admin("POST", "/admin/reload").status, 200, "the status of a reload")
        if number in (20, 40):
            s.p.restart(hard=True)
    steps = {one["number"] for one in history(s.p)}
    files = [file for file in os.listdir(s.p.state / "config-history") if file.endswith(".json")]
    equal(len(files), 50, "versions in the state directory")
    expect(max(steps) >= 57, "numbers that go on", max(steps))
    for file in files:
        json.loads((s.p.state / "config-history" / file).read_text())
    (s.p.state / "config-history" / files[3]).write_text('{"format":1')
    (s.p.state / "config-history" / "new").write_text("half")
    s.p.restart()
    eventually(lambda: len(history(s.p)) > 10, "a history although one of its files is damaged")
    s.p.wait_log(files[3])  # the damaged one is told by its name
    contains(run(lab, "rollback", "--list", "-c", s.p.config).good().err, files[3], "what the list of versions says of it")
