"""Recorded decisions, and what another file would make of them."""

import json
import re
import stat

from checks import check, contains, equal, eventually, expect, lacks
from commands import remote, run
from harness import ADMIN_KEY, USER_KEY, served
from limits import BOB
from records import ask, book
from upstream import status


def read(path):
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def recording(lab, count, more="", send=None):
    """proxyd that records, and the lines of so many requests."""
    path = lab.folder / "decisions.jsonl"
    p, up = book(lab, more=f"log: {{decisions: '{path}'}}\n{more}")
    send(p, up)
    eventually(lambda: len(read(path)) >= count, f"{count} decisions")
    return p, path


def tried(lab, p, path, *edits, options=()):
    """What `proxyd replay` says of the running file with these edits."""
    text = p.config.read_text()
    for old, new in edits:
        expect(old in text, f"{old!r} in the file", text)
        text = text.replace(old, new)
    file = lab.folder / "tried.yaml"
    file.write_text(text)
    file.chmod(0o600)
    return run(lab, "replay", "--decisions", path, "-c", file, "--format", "json", *options)


def mixed(p, up):
    for _ in range(3):
        served(ask(p))
    served(ask(p, "openai"))
    served(ask(p, "openai", key=BOB))
    equal(ask(p, model="nobody-knows").status, 404, "an unknown model")


@check("a line for each request, with what was read and decided, and neither prompt nor key")
def _(lab):
    p, path = recording(lab, 6, send=mixed)
    lines = read(path)
    equal(len(lines), 6, "lines")
    equal(stat.S_IMODE(path.stat().st_mode), 0o600, "mode of the file")
    first = lines[0]
    equal((first["v"], first["request"]["model"], first["key"]["name"]), (1, "claude-test", "user"), "the first")
    equal(first["key"]["tags"], {"team": "infra"}, "tags")
    decision = first["decision"]
    equal((decision["rule"], decision["upstream"], decision["model"], decision["status"]), ("claude", "claude", "claude-test", 200), "decided")
    expect(first["used"]["output"] > 0 and first["used"]["cost_nano"] > 0, "what it used", first["used"])
    equal((lines[5]["decision"]["refusal"], lines[5]["decision"]["status"]), ("notFound", 404), "the refused one")
    for secret in (USER_KEY, BOB, "provider-key-one", "hello"):
        lacks(path.read_text(), secret, "decisions")
    # A line describes a request as explain takes it.
    told = p.admin("POST", "/admin/explain", {name: first[name] for name in ("request", "key", "client")})
    equal(told.json()["rule"], "claude", "explained")


@check("the running file changes none; a changed one says which, by rule and key, and what it costs")
def _(lab):
    p, path = recording(lab, 6, send=mixed)
    same = tried(lab, p, path).good()
    report = json.loads(same.out)
    equal((report["requests"], report["changed"], report["undecided"]), (6, 0, 0), "the same file")
    equal(report["cost_usd_before"], report["cost_usd_after"], "its cost")
    # What a rule reads of a request's id is what it was.
    named = ('models: ["gpt-*"], tiers: [gpt]', """models: ["gpt-*"], when: 'request.id.startsWith("req_")', tiers: [gpt]""")
    equal(json.loads(tried(lab, p, path, named).good().out)["changed"], 0, "changed by a rule that reads the id")
    moved = json.loads(tried(lab, p, path, ('models: ["gpt-*"], tiers: [gpt]', 'models: ["gpt-*"], tiers: [resp]')).good().out)
    equal((moved["changed"], moved["changes"]["elsewhere"]), (2, 2), "moved")
    equal(moved["moves"], [{"from": "gpt/gpt-test", "to": "resp/gpt-test", "requests": 2}], "where to")
    by_rule = {one["rule"]: one["changed"] for one in moved["rules"]}
    equal((by_rule["gpt"], by_rule["claude"]), (2, 0), "by rule")
    by_key = {one["key"]: one["changed"] for one in moved["keys"]}
    equal((by_key["user"], by_key["bob"]), (1, 1), "by key")
    refused = json.loads(tried(lab, p, path, ("name: bob", "name: robert")).good().out)
    equal((refused["changed"], refused["changes"]["refused"]), (1, 1), "a key that is gone")
    # Prices alone change no request.
    text = p.config.read_text()
    price = re.search(r"claude-test: (\{[^}]*\})", text).group(1)
    halved = re.sub(r"\d+(\.\d+)?", lambda number: str(float(number.group()) / 2), price)
    cheaper = json.loads(tried(lab, p, path, (f"claude-test: {price}", f"claude-test: {halved}")).good().out)
    equal(cheaper["changed"], 0, "changed by a price")
    expect(cheaper["cost_usd_after"] < cheaper["cost_usd_before"], "cheaper", cheaper)


@check("--since: the rows of the running proxyd; a rule that reads what rows do not tell leaves its requests undecided")
def _(lab):
    p, _path = recording(lab, 6, send=mixed)
    eventually(lambda: len(p.admin("GET", "/admin/requests").json()["requests"]) == 5, "5 rows")

    def since(*edits):
        text = p.config.read_text()
        for old, new in edits:
            text = text.replace(old, new)
        file = lab.folder / "tried.yaml"
        file.write_text(text)
        file.chmod(0o600)
        ran = run(lab, "replay", "--since", "1h", "-c", file, "--format", "json", "--admin", f"http://127.0.0.1:{p.port}", env={"PROXYD_ADMIN_KEY": ADMIN_KEY})
        return json.loads(ran.good().out)

    for text in ("1h", "7d", "2026-01-01", "2026-01-01T00:00:00+08:00"):  # --since says the same everywhere
        remote(p, "audit", "--since", text).good()
        rows = json.loads(remote(p, "usage", "--from", text, "--json").good().out)["rows"]
        equal(sum(row["requests"] for row in rows), 5, f"requests used from {text}")
        whole = remote(p, "replay", "--since", text, "-c", p.config, "--format", "json").good()
        equal(json.loads(whole.out)["requests"], 5, f"requests decided since {text}")
    equal(remote(p, "replay", "--since", "nonsense", "-c", p.config).code, 64, "the exit code of no time")
    same = since()
    equal((same["requests"], same["changed"], same["undecided"]), (5, 0, 0), "the same file")
    moved = since(('models: ["gpt-*"], tiers: [gpt]', 'models: ["gpt-*"], tiers: [resp]'))
    equal(moved["changes"]["elsewhere"], 2, "moved")
    blind = since(('models: ["gpt-*"], tiers: [gpt]', 'models: ["gpt-*"], when: "request.has_tools", tiers: [gpt]'))
    equal((blind["undecided"], blind["changed"]), (2, 0), "what rows do not tell")
    pathed = since(('models: ["gpt-*"], tiers: [gpt]', 'models: ["gpt-*"], paths: ["/v1/embeddings"], tiers: [resp]'))
    equal((pathed["undecided"], pathed["changed"]), (2, 0), "a path, which rows do not tell either")
    gone = since(("name: bob", "name: robert"))
    equal(gone["changes"]["refused"], 1, "a declared key that is gone")


@check("--since: who answered was not out, who failed before was: the same file changes nothing where others stand behind, too")
def _(lab):
    rules = """
- {name: claude, models: ["claude-*"], tiers: [claude, gpt/gpt-test]}
- {name: gpt, models: ["gpt-*"], tiers: [gpt, claude/claude-test]}"""
    p, up = book(lab, rules=rules)
    served(ask(p))
    served(ask(p, "openai"))
    up.reply(status(500), model="claude-test")
    equal(served(ask(p)).header("x-proxyd-upstream"), "gpt", "who answered in the place of the first")
    up.reply(*[status(400)] * 2)
    equal(ask(p, "openai").status, 400, "what an upstream refuses")
    eventually(lambda: len(p.get("/admin/requests")["requests"]) == 4, "4 rows")
    file = lab.folder / "tried.yaml"

    def since(text):
        file.write_text(text)
        file.chmod(0o600)
        ran = run(lab, "replay", "--since", "1h", "-c", file, "--format", "json", "--admin", f"http://127.0.0.1:{p.port}", env={"PROXYD_ADMIN_KEY": ADMIN_KEY})
        return json.loads(ran.good().out)

    text = p.config.read_text()
    same = since(text)
    equal((same["requests"], same["changed"], same["undecided"]), (4, 0, 0), "the same file")
    turned = since(text.replace("tiers: [claude, gpt/gpt-test]", "tiers: [gpt/gpt-test, claude]"))
    equal([(one["from"], one["to"]) for one in turned["moves"]], [("claude/claude-test", "gpt/gpt-test")], "what moves where the order is another")


@check("--since: rows keep what the running file's conditions read, headers too, but no credential")
def _(lab):
    rules = """
- {name: blue, models: ["gpt-*"], when: "request.headers[?'x-team'].orValue('') == 'blue' && request.max_tokens < 9000", tiers: [resp/resp-test]}
- {name: gpt, models: ["gpt-*"], tiers: [gpt]}"""
    p, _up = book(lab, rules=rules)
    for headers in ([("x-team", "blue")], [("x-team", "red")], [("x-team", "blue"), ("x-build-token", "hush")]):
        served(p.ask("openai", "gpt-test", headers=headers))
    eventually(lambda: len(p.get("/admin/requests")["requests"]) == 3, "3 rows")
    p.restart(hard=True)
    told = p.get("/admin/requests")["requests"]
    lacks(json.dumps(told), "hush", "rows")
    equal(told[1]["inputs"]["request"]["headers"]["x-team"], "red", "what the row keeps")
    file = lab.folder / "tried.yaml"
    report = {}
    for name, old, new in (("same", "'blue' &&", "'blue' &&"), ("other", "'blue' &&", "'red' &&")):
        file.write_text(p.config.read_text().replace(old, new))
        file.chmod(0o600)
        ran = run(lab, "replay", "--since", "1h", "-c", file, "--format", "json", "--admin", f"http://127.0.0.1:{p.port}", env={"PROXYD_ADMIN_KEY": ADMIN_KEY})
        report[name] = json.loads(ran.good().out)
    equal((report["same"]["changed"], report["same"]["undecided"]), (0, 1), "the same file")
    equal((report["other"]["changed"], report["other"]["undecided"]), (2, 1), "another condition")


@check("--since: rows keep the path where a rule of the running file has paths")
def _(lab):
    rules = """
- {name: speech, models: ["gpt-*"], paths: ["/v1/audio/**"], tiers: [resp/resp-test]}
- {name: gpt, models: ["gpt-*"], tiers: [gpt]}"""
    p, _up = book(lab, rules=rules)
    for _ in range(2):
        served(p.ask("openai", "gpt-test"))
    eventually(lambda: len(p.get("/admin/requests")["requests"]) == 2, "2 rows")
    equal(p.get("/admin/requests")["requests"][0]["inputs"], {"request": {"path": "/v1/chat/completions", "method": "POST"}}, "what the row keeps")
    file = lab.folder / "tried.yaml"
    for path, changed in (("/v1/audio/**", 0), ("/v1/chat/**", 2)):
        file.write_text(p.config.read_text().replace("/v1/audio/**", path))
        file.chmod(0o600)
        ran = run(lab, "replay", "--since", "1h", "-c", file, "--format", "json", "--admin", f"http://127.0.0.1:{p.port}", env={"PROXYD_ADMIN_KEY": ADMIN_KEY})
        report = json.loads(ran.good().out)
        equal((report["changed"], report["undecided"]), (changed, 0), f"with {path}")


@check("exit codes: more than --max-changed, a file that does not load, no decisions, another version")
def _(lab):
    p, path = recording(lab, 6, send=mixed)
    edit = ('models: ["gpt-*"], tiers: [gpt]', 'models: ["gpt-*"], tiers: [resp]')
    equal(tried(lab, p, path, edit, options=("--max-changed", "50%")).code, 0, "under")
    over = tried(lab, p, path, edit, options=("--max-changed", "2%"))
    equal(over.code, 1, "over")
    contains(over.err, "--max-changed 2% allows", "why")
    equal(tried(lab, p, path, options=("--max-changed", "much")).code, 64, "no share")
    wrong = tried(lab, p, path, ("tiers: [gpt]", "tiers: [nobody]"))
    equal(wrong.code, 78, "a wrong file")
    contains(wrong.err, "nobody", "what is wrong")
    empty = lab.folder / "empty.jsonl"
    empty.write_text("")
    equal(tried(lab, p, empty).code, 1, "nothing recorded")
    blind = ('models: ["gpt-*"], tiers', 'models: ["gpt-*"], when: "request.headers.size() > 100", tiers')
    limited = lab.folder / "limited.jsonl"
    gpt = [line for line in path.read_text().splitlines() if json.loads(line)["decision"]["rule"] == "gpt"]
    limited.write_text("".join(line.replace('"decision":', '"dropped":{"headers":true},"decision":') + "\n" for line in gpt))
    unsure = tried(lab, p, limited, blind, options=("--max-changed", "100%"))
    equal(unsure.code, 1, "nothing could be decided")
    contains(unsure.err, "no request could be decided", "why")
    odd = lab.folder / "odd.jsonl"
    odd.write_text(path.read_text() + 'nonsense\n{"v": 7}\n')
    report = json.loads(tried(lab, p, odd).good().out)
    equal((report["requests"], report["bad_lines"]), (6, 2), "bad lines")
    equal([one["line"] for one in report["first_bad_lines"]], [7, 8], "their places")
    contains(report["first_bad_lines"][1]["reason"], "version 7", "the version is named")
    mixed_versions = tried(lab, p, odd, options=("--max-changed", "100%"))
    equal(mixed_versions.code, 1, "a gate with lines of another version")
    contains(mixed_versions.err, "1 lines are of another version", "why")
    odd.write_text('{"v": 7}\n')
    alone = tried(lab, p, odd)
    equal(alone.code, 1, "lines of another version alone")
    contains(alone.err, "line 1: it is of version 7", "why")


@check("rules see every header while decisions are recorded; what is not written is not guessed")
def _(lab):
    rules = """
- {name: called, models: ["gpt-*"], when: "request.headers[?'x-build-token'].orValue('') == 'blue'", tiers: [resp/resp-test]}
- {name: gpt, models: ["gpt-*"], tiers: [gpt]}"""
    path = lab.folder / "decisions.jsonl"
    p, _up = book(lab, more=f"log: {{decisions: '{path}'}}", rules=rules)
    for headers in ([("x-build-token", "blue")], [("x-note", "n" * 600)], []):
        served(p.ask("openai", "gpt-test", headers=headers))
    eventually(lambda: len(read(path)) == 3, "3 decisions")
    lines = read(path)
    equal([one["decision"]["rule"] for one in lines], ["called", "gpt", "gpt"], "who decided")
    lacks(path.read_text(), "blue", "decisions")
    equal([one.get("dropped") for one in lines], [{"headers": True}, {"headers": True}, None], "what was not written")
    report = json.loads(tried(lab, p, path).good().out)
    equal((report["changed"], report["undecided"]), (0, 2), "replayed")


@check("an account that rested is passed over again, and the predicted cost is what the ledger shows")
def _(lab):
    rules = """
- {name: gpt, models: ["gpt-*"], tiers: [gpt, resp/resp-test]}"""
    path = lab.folder / "decisions.jsonl"
    p, up = book(lab, more=f"log: {{decisions: '{path}'}}", rules=rules)
    served(ask(p, "openai"))
    up.reply(status(429, retry_after="600"), path="/v1/chat/completions")
    for _ in range(2):
        served(ask(p, "openai"))
    eventually(lambda: len(read(path)) == 3, "3 decisions")
    lines = read(path)
    equal([one["decision"]["upstream"] for one in lines], ["gpt", "gpt", "resp"], "who was asked first")
    report = json.loads(tried(lab, p, path).good().out)
    equal((report["changed"], report["undecided"]), (0, 0), "the same file")
    spent = p.admin("GET", "/admin/usage").json()["total_cost_usd"]
    expect(abs(report["cost_usd_after"] - spent) <= 0.01 * spent, "the cost", (report["cost_usd_after"], spent))
