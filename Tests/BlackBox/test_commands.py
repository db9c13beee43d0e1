"""The commands people expect: run, check, health, reload, explain, models, completions, the manual page."""

import json
import re
import shutil
import socket
import subprocess

import certificates
from checks import check, contains, equal, eventually, expect, lacks
from commands import remote, run
from harness import ADMIN_KEY, USER_KEY, served
from ports import free_port

COMMANDS = (
    "run check reload explain usage keys limits models presets health init import backup restore seal simulate demo completions "
    "version"
).split()

# ---------------------------------------------------------------- words


@check("--help lists every command; each has help of its own; version and --version say the same")
def _(lab):
    listed = run(lab, "--help").good().out
    for command in COMMANDS:
        expect(re.search(rf"^  {command}\b", listed, re.M), f"{command} in the list", listed[-2000:])
        contains(run(lab, command, "--help").good().out, "USAGE", f"the help of {command}")
    equal(run(lab, "version").good().out, run(lab, "--version").good().out, "what version prints")


@check("a check that is spelled otherwise says the same, with the same exit code")
def _(lab):
    good, bad = (lab.folder / f"{name}.yaml" for name in ("good", "bad"))
    good.write_text("listen: 127.0.0.1:1\nupstreams: {u: {url: 'http://127.0.0.1:2', dialect: openai}}\nrules: [{models: ['*'], tiers: [u]}]\n")
    bad.write_text("listen: 127.0.0.1:1\nnonsense: true\n")
    for file, code in ((good, 0), (bad, 78)):
        spelled = (
            ("--check-config", "-c", file),
            ("serve", "--config", file, "--format", "text", "--check-config"),
            ("run", f"--config={file}", "--check-config"),
            ("--check-config", "-c", "none.yaml", "-c", file),
        )
        said = [(ran.code, ran.out, ran.err) for ran in (run(lab, *words) for words in spelled)]
        equal(said[0][0], code, "the exit code")
        for words, other in zip(spelled[1:], said[1:]):
            equal(other, said[0], f"the exit code, what is printed and what is said of {words}")
    for wrong in (("-c",), ("--check-config", "--format", "xml")):
        equal((ran := run(lab, *wrong)).code, 64, f"the exit code of {wrong}: {ran}")


MISTYPED = {
    "a command": (("chekc",), "did you mean `check`?"),
    "a command of keys": (("keys", "creat", "x"), "did you mean `keys create`?"),
    "an option": (("--check-confg",), "did you mean `--check-config`?"),
    "an option of a command": (("init", "--presets", "x"), "did you mean `--preset`?"),
    "what other programs call health": (("status",), "did you mean `health`?"),
    "what other programs call list": (("keys", "ls"), "did you mean `keys list`?"),
    "the version": (("-v",), "did you mean `--version`?"),
    "nothing alike": (("frobnicate",), "--help"),
    "a file": (("proxy.yaml",), "run -c proxy.yaml"),
    "a pipe for the configuration": (("health", "-c", "-"), "/dev/stdin"),
    "standard output for a backup": (("backup", "-"), "- is none"),
    "standard output for a first file": (("init", "--output", "-", "--yes"), "- is none"),
    "an address for one that asks nobody": (("rollback", "--admin", "http://127.0.0.1:1"), "writes the file itself"),
    "what another command calls it": (("usage", "--since", "7d"), "did you mean `--from`?"),
}


@check("{what} that is mistyped is exit 64, with what was meant", rows=list(MISTYPED))
def _(lab, what):
    arguments, meant = MISTYPED[what]
    ran = run(lab, *arguments)
    equal((ran.code, ran.out), (64, ""), "the exit code, and what is printed")
    contains(ran.err, meant, "what it says")


WRONG_LINES_OF_COMMANDS = {
    "a command without its argument": ("completions",),
    "an argument too many": ("version", "now"),
    "an option without its value": ("health", "--url"),
    "a value that is none of those there are": ("check", "--format", "xml"),
    "options that exclude one another": ("usage", "--csv", "--json"),
    "an unknown option": ("usage", "--cvs"),
    "an unknown command": ("usages-of-all",),
}


@check("{what} is told behind the program's name", rows=list(WRONG_LINES_OF_COMMANDS))
def _(lab, what):
    ran = run(lab, *WRONG_LINES_OF_COMMANDS[what])
    equal((ran.code, ran.out), (64, ""), "the exit code, and what is printed")
    expect(ran.err.startswith("proxyd: "), "the program's name first", ran)


@check("the value of an option that cannot be is exit 64, whoever finds it; what there is not is 1")
def _(lab):
    p, _up = lab.simple()
    for words in (
        ("usage", "--from", "nonsense"), ("usage", "--group-by", "nonsense"), ("audit", "--since", "nonsense"),
        ("audit", "--limit", "0"), ("keys", "create", "a", "--expires", "nonsense"), ("explain", "--model", "x", "--at", "nonsense"),
        ("explain", "--model", "x", "--quota", "a/b=nonsense"), ("keys", "create", "a", "--tag", "nonsense"),
        ("explain", "--model", "x", "--client", "nonsense"), ("explain", "--model", "x", "--path", "nonsense"),
        ("explain", "--model", "x", "--input-tokens=-1"),
    ):  # fmt: skip
        ran = remote(p, *words)
        equal((ran.code, ran.out), (64, ""), f"the exit code of {words}, and what is printed")
    ran = run(lab, "explain", "--offline", "-c", p.config, "--model", "x", "--client", "nonsense")
    equal((ran.code, "no address" in ran.err), (64, True), "the exit code of a client that is none, by the file alone, and why")
    remote(p, "explain", "--model", "x", "--client", "2001:db8::1", "--at", "1800000000", "--path", "/v1/messages").good()
    contains(remote(p, "keys", "create", "a", "--tag", "x").err, "Usage: proxyd keys create <name>", "the usage of the command")
    equal(remote(p, "keys", "rotate", "nobody").code, 1, "the exit code of a key that there is not")
    for words in (
        ("import", "--keys", "missing"), ("reseal", "missing"), ("restore", "missing", "--state", "new"),
        ("usage", "--reprice", "missing"), ("eval", "--expr", "1", "--bindings", "missing"),
        ("replay", "--decisions", "missing", "-c", p.config), ("explain", "--body", "missing"),
    ):  # fmt: skip
        ran = run(lab, *words, env={"PROXYD_SEAL_KEY": "00" * 32, "PROXYD_SEAL_KEY_OLD": "11" * 32})
        equal(ran.code, 64, f"the exit code of {words}: {ran.err}")
        contains(ran.err, "missing cannot be read: No such file", "what it says")
    for words in (("replay", "--decisions", ".", "-c", p.config), ("eval", "--expr", "1", "--bindings", "."), ("explain", "--body", ".")):
        ran = run(lab, *words)
        equal((ran.code, ran.err), (64, "proxyd: . cannot be read: Is a directory\n"), f"the exit code of {words}, and what it says")
    for words in (("help", "chekc"), ("help", "keys", "creat")):
        equal(run(lab, *words).code, 64, f"the exit code of {words}")
    contains(run(lab, "help", "keys", "create").good().out, "proxyd keys create", "the help of a command")


@check("a file may be a pipe: {what}", rows=["prices", "a body", "keys of a predecessor", "bindings", "secrets of a version", "variables"])
def _(lab, what):
    p, _up = lab.simple()
    text, words = {
        "a body": ('{"model": "claude-sonnet-4-6"}', ("explain", "-c", p.config, "--body", "/dev/stdin")),
        "keys of a predecessor": ('{"keys": {}}', ("import", "--keys", "/dev/stdin")),
        "prices": ("prices: {claude-x: {input: 3}}\n", ("usage", "-c", p.config, "--reprice", "/dev/stdin")),
        "bindings": ('{"x": 1}', ("eval", "--expr", "x", "--bindings", "/dev/stdin")),
        "variables": ("A=1\n", ("check", "-c", p.config, "--env-file", "/dev/stdin")),
        "secrets of a version": ("sk-one\nsk-two\n", ("rollback", "1", "--dry-run", "-c", p.config, "--secrets", "/dev/stdin")),
    }[what]
    run(lab, *words, stdin=text.encode()).good()


@check("completions of {shell} name the commands", rows=["bash", "zsh", "fish"])
def _(lab, shell):
    script = run(lab, "completions", shell).good().out
    for word in ("check", "reload", "env-file"):
        contains(script, word, "the script")
    if shutil.which(shell):
        done = subprocess.run([shell, "-n"], input=script.encode(), capture_output=True, timeout=20)
        equal(done.returncode, 0, f"whether {shell} reads it: {done.stderr[-200:]!r}")


@check("the manual page has every command and every exit code")
def _(lab):
    page = run(lab, "reference", "man").good().out
    for command in COMMANDS:
        contains(page, f".SS proxyd {command}\n", "the page")
    for code in (0, 1, 64, 69, 70, 73, 78):
        contains(page, f".TP\n{code}\n", "the page")
    lacks(page, ".TP\n77\n", "the page")
    if shutil.which("groff"):
        done = subprocess.run(["groff", "-man", "-ww", "-z", "-Tutf8"], input=page.encode(), capture_output=True, timeout=20)
        equal(done.stderr, b"", "what groff warns of")


# ---------------------------------------------------------------- check, run


@check("check says what --check-config says, with the same exit code, as {form}", rows=["text", "json"])
def _(lab, form):
    p, _up = lab.simple(start=False)
    broken = lab.folder / "broken.yaml"
    broken.write_text(p.config.read_text() + "\nrulez: []\n")
    for file, code in ((p.config, 0), (broken, 78)):
        old = run(lab, "--check-config", "-c", file, "--format", form)
        for words in (("check", "-c", file), ("check", file)):
            new = run(lab, *words, "--format", form)
            equal((new.code, new.out, new.err), (old.code, old.out, old.err), "what check says")
        equal(old.code, code, "the exit code")


@check("run serves as proxyd alone does, with the values of --env-file over those of the environment")
def _(lab):
    p, _up = lab.simple("keys: [{name: user, key: '${THE_KEY}'}]", start=False)
    file = lab.folder / "proxyd.env"
    file.write_text(f"# a comment\n\nexport THE_KEY='{USER_KEY}'  \n; another\n")
    equal(run(lab, "check", "-c", p.config).code, 78, "the exit code of a check without the file")
    run(lab, "check", "-c", p.config, "--env-file", file).good()
    p.spawn("run", "-c", str(p.config), "--env-file", str(file), env={"THE_KEY": "sk-from-the-environment-0123456789"})
    p.wait_ready()
    served(p.ask())


WRONG_LINES = {
    "no equals sign": ("A=1\nnonsense-secret\n", ":2:1:"),
    "a quote without an end": ("A='nonsense-secret\n", ":1:3:"),
    "a name that is none": ("1A=nonsense-secret\n", ":1:1:"),
}


@check("a line of --env-file with {what} is told with its place, and without its text", rows=list(WRONG_LINES))
def _(lab, what):
    text, place = WRONG_LINES[what]
    p, _up = lab.simple(start=False)
    file = lab.folder / "proxyd.env"
    file.write_text(text)
    for words in (("check", "-c", p.config), ("run", "-c", p.config)):
        ran = run(lab, *words, "--env-file", file)
        equal(ran.code, 78, "the exit code")
        contains(ran.err, f"{file}{place}", "what it says")
        lacks(ran.out + ran.err, "nonsense-secret", "what it says")
    # What the line leaves out is no second error.
    p.config.write_text(p.config.read_text() + "log: {level: '${A}'}\n")
    file.write_text("A: info\n")
    ran = run(lab, "check", "-c", p.config, "--env-file", file)
    errors = [line for line in ran.err.splitlines() if " error: " in line]
    equal((ran.code, errors), (78, [f"{file}:1:1: error: a line is NAME=value"]), "the exit code, and all errors")
    contains(ran.out, f"{file}: 1 error\n{p.config}: no error of its own", "how it counts")


# ---------------------------------------------------------------- health


@check("health: 0 of a proxyd that serves, by -c and by --url; 69 where nobody is")
def _(lab):
    p, _up = lab.simple()
    contains(run(lab, "health", "-c", p.config).good().out, "ready", "what it says")
    for path in ("", "/", "/health", "/readyz"):
        run(lab, "health", "--url", f"http://127.0.0.1:{p.port}{path}").good()
    p.stop()
    ran = run(lab, "health", "-c", p.config)
    equal((ran.code, ran.out), (69, ""), "the exit code, and what is printed")
    contains(ran.err, "nobody answers", "what it says")
    equal(run(lab, "health", "--url", "nonsense").code, 64, "the exit code of what is no address")


@check("health: 1 where what answers is no proxyd")
def _(lab):
    up = lab.upstream()
    other = run(lab, "health", "--url", up.url + "/nothing")
    equal(other.code, 1, "the exit code of a stranger")
    equal(len(other.out.splitlines()), 1, "lines that are printed")


PLACES = ["a Unix socket", "TLS with a certificate of its own", "admin.listen", "PROXY headers"]


@check("health finds {where} in the file", rows=PLACES)
def _(lab, where):
    more = {
        "a Unix socket": "listen: ['127.0.0.1:@PORT@', 'unix:@DIR@/p.sock']",
        "TLS with a certificate of its own": (
            "listen: ['127.0.0.1:@PORT@', {address: '127.0.0.1:@TLS@', "
            "tls: {certificate: '@LAB@/other-name.pem', key: '@LAB@/other-name.key'}}]"
        ),
        "admin.listen": f"admin: {{key: {ADMIN_KEY}, listen: '127.0.0.1:@TLS@'}}",
        "PROXY headers": (
            "listen: ['127.0.0.1:@PORT@', {address: '127.0.0.1:@TLS@', proxy_protocol: true}]\ntrusted_proxies: [127.0.0.1]"
        ),
    }[where]
    certificates.copy(lab.folder, "other-name.pem", "other-name.key")
    p, _up = lab.simple(more, TLS=free_port(), LAB=lab.folder)
    # The file as another machine's would be: that one listener alone.
    text = p.config.read_text()
    only = lab.folder / "only.yaml"
    only.write_text(text.replace(f"'127.0.0.1:{p.port}', ", ""))
    if where == "admin.listen":
        only.write_text(text.replace(f"listen: 127.0.0.1:{p.port}", f"listen: 127.0.0.1:{free_port()}"))
    ran = run(lab, "health", "-c", only)
    equal(ran.code, 0, f"the exit code ({ran!r})")


@check("health: a file that came to have errors still tells where the proxyd is that goes on with the old one")
def _(lab):
    p, _up = lab.simple()
    p.write(p.config.read_text() + "\nrulez: []\n")
    p.wait_log("configuration refused")
    contains(run(lab, "health", "-c", p.config).good().out, "refused", "what it says")
    # Also where it is no YAML any more, but for the lines that say where proxyd is: a container's check asks so.
    p.write(p.config.read_text().replace("rulez: []", "x: ["))
    eventually(lambda: "is not closed" in (p.health()["config"]["error"] or ""), "the error of a file that is no YAML")
    contains(run(lab, "health", "-c", p.config).good().out, "refused", "what it says of a file that is no YAML")
    run(lab, "keys", "list", "-c", p.config).good()
    equal(run(lab, "reload", "-c", p.config).code, 78, "the exit code of reload")


@check("health: 78 where the file that is named {what}, and nobody is asked", rows=["is no YAML", "is not there"])
def _(lab, what):
    file = lab.folder / "named.yaml"
    if what == "is no YAML":
        file.write_text("listen: [127.0.0.1:1\nupstreams: {")
    ran = run(lab, "health", "-c", file)
    equal((ran.code, ran.out), (78, ""), "the exit code, and what is printed")
    contains(ran.err, "named.yaml", "what it says")
    lacks(ran.err, "8180", "what it says")


# ---------------------------------------------------------------- reload


@check("reload: 0 where it is applied or unchanged, 78 where it is refused, as check tells it; 69 where nobody is")
def _(lab):
    p, _up = lab.simple()
    contains(remote(p, "reload").good().out, "unchanged", "what it says")
    good = p.config.read_text()
    p.config.write_text(good.replace("name: user", "name: other"))
    remote(p, "reload").good()
    eventually(lambda: p.get("/admin/keys")["keys"][0]["name"] == "other", "the new name of the key")
    p.config.write_text(good + "\nrulez: []\n")
    ran = remote(p, "reload")
    equal((ran.code, ran.out), (78, ""), "the exit code, and what is printed")
    told = run(lab, "check", p.config).err
    for line in told.splitlines():
        if ": error:" in line:
            contains(ran.err, line.split(": error:")[-1], "what it says")
    contains(ran.err, "^~~~", "what it says")
    contains(ran.err, "goes on", "what it says")
    served(p.ask())
    p.stop()
    equal(remote(p, "reload").code, 69, "the exit code where nobody is")


@check("reload -c FILE asks with the file's key at the file's address, also where both have just changed there")
def _(lab):
    p, _up = lab.simple()
    run(lab, "reload", "-c", p.config).good()
    p.write(p.config.read_text().replace(ADMIN_KEY, "sk-another-admin-0123456789abcdef"))
    run(lab, "reload", "-c", p.config).good()
    p.config.write_text(p.config.read_text() + "\nrulez: []\n")
    equal(run(lab, "reload", "-c", p.config).code, 78, "the exit code of a file with errors")


@check("reload of a service without an admin key: SIGHUP to MAINPID, and /health tells what came of it")
def _(lab):
    p, _up = lab.simple()
    text = re.sub(r"^admin:.*\n", "", p.config.read_text(), flags=re.M)
    p.config.write_text(text)
    main = {"MAINPID": str(p.process.pid)}
    run(lab, "reload", "-c", p.config, env=main).good()
    equal(p.admin("GET", "/admin/keys").status, 404, "the admin plane, which is gone")
    p.config.write_text(text + "\nrulez: []\n")
    ran = run(lab, "reload", "-c", p.config, env=main)
    equal(ran.code, 78, "the exit code of a file with errors")
    contains(ran.err, "rulez", "what it says")


@check("reload of a service whose admin API this machine may not ask: {why}", rows=["allow_from", "client_ca"])
def _(lab, why):
    other = free_port()
    if why == "allow_from":
        p, _up = lab.simple(f"admin: {{key: {ADMIN_KEY}, allow_from: [10.0.0.0/8]}}")
    else:
        tls = "tls: {certificate: server.pem, key: server.key, client_ca: root.pem}"
        more = f"admin: {{key: {ADMIN_KEY}, listen: {{address: '127.0.0.1:@OTHER@', {tls}}}}}"
        p, _up = lab.simple(more, start=False, OTHER=other)
        for name in ("server.pem", "server.key", "root.pem"):
            certificates.put(p.folder, name, name)
        p.start()
    main = {"MAINPID": str(p.process.pid)}
    text = p.config.read_text()
    p.config.write_text(text + "\nlog: {level: debug}\n")
    run(lab, "reload", "-c", p.config, env=main).good()
    equal(p.health()["config"]["error"], None, "the error in /health")
    p.config.write_text(text + "\nrulez: []\n")
    ran = run(lab, "reload", "-c", p.config, env=main)
    equal(ran.code, 78, "the exit code of a file with errors")
    contains(ran.err, "rulez", "what it says")


REFUSING = {
    "a key in the environment, and allow_from of others": f"admin: {{key: {ADMIN_KEY}, allow_from: [10.0.0.0/8]}}",
    "a key in the environment, and a file without one": "admin: {metrics: open}",
    "another key in the environment than what runs has": "admin: {key: '${PROXYD_ADMIN_KEY}'}",
}


@check("a service manager's reload goes by SIGHUP with {why}", rows=list(REFUSING))
def _(lab, why):
    p, _up = lab.simple(REFUSING[why], env={"PROXYD_ADMIN_KEY": ADMIN_KEY})
    key = "sk-a-new-admin-0123456789abcdef" if why.startswith("another") else ADMIN_KEY
    environment = {"MAINPID": str(p.process.pid), "PROXYD_ADMIN_KEY": key}
    text = p.config.read_text()
    p.config.write_text(text + "\nlog: {level: debug}\n")
    run(lab, "reload", "-c", p.config, env=environment).good()
    p.config.write_text(text + "\nrulez: []\n")
    ran = run(lab, "reload", "-c", p.config, env=environment)
    equal(ran.code, 78, "the exit code of a file with errors")
    contains(ran.err, "rulez", "what it says")


@check("a credential of proxyd's unit stops no command in a shell: {command}",
       rows=["keys list", "usage", "limits", "models", "audit", "ledger verify", "rollback --dry-run 1"])
def _(lab, command):
    up = lab.upstream()
    folder = lab.folder / "credentials"
    folder.mkdir()
    (folder / "v").write_text("sk-vendor-0123456789abcdef")
    p = lab.proxyd(
        f"upstreams:\n  a: {{url: '{up.url}', dialect: anthropic, key: '${{credential:v}}', models: {{discover: false}}}}\n"
        f"rules: [{{name: r, tiers: [a]}}]\nadmin: {{key: {ADMIN_KEY}}}\n",
        env={"CREDENTIALS_DIRECTORY": str(folder)},
    )
    words = command.split()
    run(lab, *words, "-c", p.config).good()


@check("an address that asks for a client's certificate is told in words")
def _(lab):
    other = free_port()
    tls = "tls: {certificate: server.pem, key: server.key, client_ca: root.pem}"
    p, _up = lab.simple(f"admin: {{key: {ADMIN_KEY}, listen: {{address: '127.0.0.1:@OTHER@', {tls}}}}}", start=False, OTHER=other)
    for name in ("server.pem", "server.key", "root.pem"):
        certificates.put(p.folder, name, name)
    p.start()
    ran = run(lab, "keys", "list", "-c", p.config)
    equal(ran.code, 69, "the exit code")
    contains(ran.err, "it asks for a client's certificate", "what it says")
    lacks(ran.err, "sslError", "what it says")


# ---------------------------------------------------------------- explain, models


@check("explain tells rule, tier and account of a described request and of a body, as text and JSON")
def _(lab):
    p, _up = lab.simple()
    text = remote(p, "explain", "--model", "claude-sonnet-4-6", "--key", "user").good().out
    contains(text, "it is sent on", "what it says")
    contains(text, "tiers, in order", "what it says")
    answer = json.loads(remote(p, "explain", "--model", "claude-sonnet-4-6", "--format", "json").good().out)
    expect("rules" in answer and "tiers" in answer, "rules and tiers", answer)
    body = lab.folder / "body.json"
    body.write_text('{"model": "claude-sonnet-4-6", "max_tokens": 5, "messages": []}')
    contains(remote(p, "explain", "--body", body).good().out, "claude-sonnet-4-6", "what it says")
    equal(remote(p, "explain").code, 64, "the exit code without a request")
    equal(remote(p, "explain", "--model", "x", "--dialect", "klingon").code, 64, "the exit code of a dialect that is none")


@check("models lists what can be asked for, with where it would go")
def _(lab):
    p, _up = lab.simple(
        rules="""
            - {name: one, models: [claude-a], tiers: [claude]}
            - {name: none, reject: {status: 403, message: "no"}}""")
    lines = remote(p, "models").good().out.splitlines()
    expect(any("claude-a" in line and "one" in line and "claude/claude-a" in line for line in lines), "a line of the model", lines)
    models = json.loads(remote(p, "models", "--format", "json").good().out)["models"]
    equal([model["model"] for model in models], ["claude-a"], "the models")
    equal(remote(p, "models", "--policy", "nobodys").code, 1, "the exit code of a policy that is none")
