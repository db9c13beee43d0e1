"""The command line of operators: keys, usage, limits, backup, restore, verify, sealed secrets."""

import json
import os
import pwd
import re
import subprocess

from checks import Skip, check, contains, equal, eventually, expect, lacks
from commands import remote, run
from harness import ADMIN_KEY, USER_KEY, served
from ports import free_port


@check("keys: made, listed, disabled, enabled, rotated and deleted over the admin API of the running proxyd")
def _(lab):
    p, _up = lab.simple()
    key = remote(p, "keys", "create", "alice", "--tag", "team=red").good().out.strip()
    expect(re.fullmatch(r"sk-[0-9A-Za-z]{48}", key), "the key alone", key)
    served(p.ask(key=key))
    listed = remote(p, "keys", "list").good().out
    contains(listed, "alice", "the table")
    contains(listed, "team=red", "the table")
    lacks(listed, key, "the table")
    keys = json.loads(remote(p, "keys", "list", "--json").good().out)["keys"]
    equal(sorted(k["name"] for k in keys), ["alice", "user"], "the names in JSON")
    remote(p, "keys", "disable", "alice").good()
    equal(p.ask(key=key).status, 403, "the status of the disabled key")
    remote(p, "keys", "enable", "alice").good()
    fresh = remote(p, "keys", "rotate", "alice", "--overlap", "1h").good().out.strip()
    served(p.ask(key=key))
    served(p.ask(key=fresh))
    remote(p, "keys", "delete", "alice").good()
    equal((p.ask(key=key).status, p.ask(key=fresh).status), (401, 401), "the statuses of a deleted key")
    contains(remote(p, "audit").good().out, "key.rotate", "the audit log")


FAILURES = {
    "a name that is taken": (1, ("keys", "create", "user"), ADMIN_KEY),
    "a key that is not there": (1, ("keys", "disable", "nobody"), ADMIN_KEY),
    "a wrong admin key": (1, ("keys", "list"), "sk-wrong"),
    "no admin key": (64, ("keys", "list"), None),
    "an unknown option": (64, ("keys", "list", "--nonsense"), ADMIN_KEY),
    "a missing argument": (64, ("keys", "create"), ADMIN_KEY),
    "a tag without a value": (64, ("keys", "create", "x", "--tag", "team"), ADMIN_KEY),
}


@check("{what} ends with its exit code, and says why", rows=list(FAILURES))
def _(lab, what):
    p, _up = lab.simple()
    code, arguments, key = FAILURES[what]
    ran = remote(p, *arguments, key=key)
    equal(ran.code, code, "the exit code")
    expect(len(ran.err) > 10, "words on standard error", ran)
    equal(ran.out, "", "what is printed")


@check("nobody there is exit 69; a role that is not enough is 1")
def _(lab):
    viewer = "sk-viewer-0123456789abcdefgh"
    ran = run(lab, "keys", "list", "--admin", f"http://127.0.0.1:{free_port()}", env={"PROXYD_ADMIN_KEY": "x"})
    equal(ran.code, 69, "the exit code without a proxyd")
    p, _up = lab.simple(f"admin: {{key: {ADMIN_KEY}, keys: [{{name: v, key: {viewer}, role: viewer}}]}}")
    remote(p, "keys", "list", key=viewer).good()
    ran = remote(p, "keys", "create", "x", key=viewer)
    equal(ran.code, 1, "the exit code of a viewer")
    contains(ran.err, "viewer", "what it says")


@check("-c FILE finds the address of the running proxyd, a Unix socket too")
def _(lab):
    p, _up = lab.simple()
    ran = run(lab, "keys", "list", "-c", p.config, env={"PROXYD_ADMIN_KEY": ADMIN_KEY}).good()
    contains(ran.out, "user", "the table")
    q, _up = lab.simple(f"admin: {{key: {ADMIN_KEY}, listen: 'unix:@DIR@/admin.sock'}}")
    ran = run(lab, "keys", "list", "-c", q.config, env={"PROXYD_ADMIN_KEY": ADMIN_KEY}).good()
    contains(ran.out, "user", "the table over the socket")


@check("-c FILE brings its admin key, to its own address and to one that --admin names beside it")
def _(lab):
    p, _up = lab.simple()
    run(lab, "keys", "list", "-c", p.config).good()
    run(lab, "keys", "list", "-c", p.config, env={"PROXYD_ADMIN_KEY": ""}).good()
    run(lab, "keys", "list", "-c", p.config, "--admin", f"http://127.0.0.1:{p.port}").good()
    ran = run(lab, "keys", "list", "--admin", f"http://127.0.0.1:{p.port}")
    equal(ran.code, 64, "the exit code without a key")
    contains(ran.err, "PROXYD_ADMIN_KEY is not set: put an admin key into the environment, or name the file that has one by --config", "what it says")


@check("-c FILE says where to ask though the shell does not know its admin key: {where}", rows=["beside clients", "an address of its own", "keys"])
def _(lab, where):
    own = f", listen: 127.0.0.1:{free_port()}" if where == "an address of its own" else ""
    admin = "{keys: [{name: ops, key: '${THE_ADMIN}', role: admin}]}" if where == "keys" else "{key: '${THE_ADMIN}'" + own + "}"
    p, _up = lab.simple(f"admin: {admin}", env={"THE_ADMIN": ADMIN_KEY})
    ran = run(lab, "keys", "list", "-c", p.config, env={"PROXYD_ADMIN_KEY": ADMIN_KEY}).good()
    contains(ran.out, "user", "the table")
    ran = run(lab, "keys", "list", "-c", p.config)
    equal((ran.code, "PROXYD_ADMIN_KEY is not set" in ran.err), (64, True), "the exit code without a key, and what it says")


@check("without a key at hand nobody there is exit 69: {command}", rows=["reload", "keys list", "models", "ledger verify"])
def _(lab, command):
    address = f"http://127.0.0.1:{free_port()}"
    for env in ({}, {"PROXYD_ADMIN_KEY": ""}):
        equal(run(lab, *command.split(), "--admin", address, env=env).code, 69, f"the exit code with {env}")


@check("demo before a file of one's own names no key that the file does not have")
def _(lab):
    own = lab.folder / "own.yaml"
    own.write_text(
        f"listen: 127.0.0.1:{free_port()}\nstate: {lab.folder}/own\nadmin: {{key: '{ADMIN_KEY}'}}\nkeys: [{{name: u, key: '{USER_KEY}'}}]\n"
        "upstreams: {a: {url: 'http://127.0.0.1:9180', dialect: anthropic}}\nrules: [{name: all, models: ['*'], tiers: [a]}]\n"
    )
    own.chmod(0o600)
    demo = subprocess.Popen([lab.binary, "demo", "-c", own], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    told = ""
    for line in demo.stderr:
        told += line
        if "The configuration:" in line:
            break
    demo.terminate()
    demo.communicate(timeout=20)
    if "cannot listen on 127.0.0.1:918" in told:
        raise Skip("somebody else's demo has its ports")
    contains(told, "<a key of", "what stands for a key")
    lacks(told, "first-try", "what it says")
    lacks(told, USER_KEY, "what it says")


@check("a file that cannot be made is exit 73: {command}", rows=["backup", "demo"])
def _(lab, command):
    p, _up = lab.simple()
    place = str(lab.folder / "no" / "such" / "folder" / "x")
    ran = remote(p, "backup", place) if command == "backup" else run(lab, "demo", "-c", place)
    equal(ran.code, 73, "the exit code")
    contains(ran.err, "No such file", "what it says")


@check("variables out of a pipe serve a command that asks for them twice")
def _(lab):
    p, _up = lab.simple("admin: {key: '${THE_ADMIN}'}", env={"THE_ADMIN": ADMIN_KEY})
    file = lab.folder / "copy"
    run(lab, "backup", file, "-c", p.config, "--env-file", "/dev/stdin", stdin=f"THE_ADMIN={ADMIN_KEY}\n".encode()).good()
    expect(file.exists(), "the copy")


@check("what is wrong with a file of variables is counted for that file")
def _(lab):
    p, _up = lab.simple(start=False)
    p.config.chmod(0o600)
    ran = run(lab, "check", p.config, "--env-file", "missing.env")
    equal((ran.code, ran.out), (78, f"missing.env: 1 error\n{p.config}: ok\n"), "the exit code, and what is printed")
    contains(ran.err, "missing.env:1:1: error: cannot be read: No such file", "what it says")


@check("what is mistyped is told with what to write: {typed}", rows=[
    ("run p.yaml", "unexpected argument 'p.yaml'; a configuration file is given as `-c p.yaml`"),
    ("check --config=", "--config is empty: a variable of the shell may not be set"),
    ("explain --model x --input-tokens -5", "the value '-5' is invalid for '--input-tokens <input-tokens>': it is less than 0"),
    ("explain --model x --max-tokens=-5", "--max-tokens is a whole number, 0 or more, not -5"),
    ("explain --model x --tag a=b --tag a=c", "--tag gives 'a' twice"),
    ("keys create x --tag a=b --tag a=c", "--tag gives 'a' twice"),
    ("keys create --name x", "unknown option `--name`; <name> stands by itself"),
])  # fmt: skip
def _(lab, typed, told):
    ran = run(lab, *typed.split(), env={"PROXYD_ADMIN_KEY": ADMIN_KEY})
    equal((ran.code, ran.out), (64, ""), "the exit code, and what is printed")
    equal(ran.err.splitlines()[0], f"proxyd: {told}", "what it says")


# ---------------------------------------------------------------- backup, restore, verify


def _filled(lab):
    p, _up = lab.simple()
    made = p.create_key("alice")
    for _request in range(5):
        served(p.ask(key=made["api_key"]))
    return p, made


def _expect_filled(p, made, requests=5):
    served(p.ask(key=made["api_key"]))
    keys = {k["name"]: k for k in p.get("/admin/keys")["keys"]}
    equal(keys["alice"]["total_requests"], requests + 1, "requests of alice")
    equal(keys["alice"]["id"], made["id"], "the id of alice")


@check("backup of a running proxyd, restored elsewhere, has keys, usage and the audit log")
def _(lab):
    p, made = _filled(lab)
    file = lab.folder / "copy"
    remote(p, "backup", file).good()
    equal(os.stat(file).st_mode & 0o777, 0o600, "the mode of the file")
    equal(remote(p, "backup", file).code, 73, "the exit code where the file is there")
    lacks(file.read_bytes(), made["api_key"].encode(), "the file")
    equal([f.name for f in p.state.iterdir() if f.name.startswith("backup")], [], "what is left in the state directory")
    q, _up = lab.simple(start=False)
    run(lab, "restore", file, "--state", q.state).good()
    q.start()
    _expect_filled(q, made)
    contains([e["action"] for e in q.get("/admin/audit")["audit"]], "key.create", "the audit log")


@check("backup and restore of a stopped proxyd; what is there is replaced only when that is said, and kept beside")
def _(lab):
    p, made = _filled(lab)
    eventually(lambda: list((p.state / "config-history").glob("*.json")), "a version of the file in the state directory")
    p.kill()
    # The file that ran there last tells the time zone of what is in the journal alone.
    run(lab, "backup", lab.folder / "other", "--state", p.state).good()
    file = lab.folder / "copy"
    run(lab, "backup", file, "-c", p.config).good()
    q, _up = lab.simple()
    q.create_key("other")
    equal(run(lab, "restore", file, "--state", q.state).code, 69, "the exit code while proxyd runs")
    equal(remote(q, "restore", file).code, 64, "the exit code where only a running proxyd is named")
    for word in ("--admin", "the running one is asked"):
        lacks(run(lab, "restore", "--help").good().out, word, "the help of a command that asks nobody")
    q.stop()
    equal(run(lab, "restore", file, "-c", q.config).code, 73, "the exit code where something is there")
    for _time in range(2):  # within one second, too
        run(lab, "restore", file, "-c", q.config, "--replace").good()
    q.start()
    _expect_filled(q, made)
    equal(len([f for f in q.state.iterdir() if f.name.startswith("replaced-")]), 2, "old states beside")
    ran = run(lab, "restore", q.config, "--state", lab.folder / "new")
    equal(ran.code, 69, "the exit code of what is no backup")
    contains(ran.err, f"proxyd: {q.config} cannot be restored: it is no copy of proxyd's state", "what it says")
    cut = lab.folder / "cut"
    cut.write_bytes(file.read_bytes()[:5000])
    ran = run(lab, "restore", cut, "--state", lab.folder / "new" / "deep")
    equal(ran.code, 69, "the exit code of half a backup")
    contains(ran.err, f"{cut} cannot be restored", "what it says")
    contains(ran.err, "nothing was changed", "what it says")
    lacks(ran.err, "restoring", "what it says")
    expect(not (lab.folder / "new").exists(), "nothing is left of it")


@check("what root does in the service's state directory leaves it the service's: {what}", rows=["restore", "backup", "ledger verify"])
def _(lab, what):
    service = _service()
    p, _made = _filled(lab)
    file = lab.folder / "copy"
    remote(p, "backup", file).good()
    p.kill()
    for path in (p.state, *p.state.rglob("*")):
        os.chown(path, service, service)
    more = {"restore": (file, "--replace"), "backup": (lab.folder / "second",), "ledger verify": ()}[what]
    run(lab, *what.split(), *more, "-c", p.config).good()
    others = [str(path) for path in (p.state, *p.state.rglob("*")) if path.stat().st_uid != service]
    equal(others, [], "what the service could not open")


def _service():
    """Another user, as whom the service runs."""
    if os.getuid() != 0:
        raise Skip("only root works in others' directories")
    return pwd.getpwnam("nobody").pw_uid


@check("ledger verify: whole is 0, on a running and a stopped proxyd; damage is 1, and its place is told")
def _(lab):
    p, _made = _filled(lab)
    contains(remote(p, "ledger", "verify").good().out, "the ledger is whole", "what is said")
    p.kill()
    contains(run(lab, "ledger", "verify", "--state", p.state).good().out, "the ledger is whole", "what is said")
    segments = sorted((p.state / "journal").glob("*.journal"), key=lambda f: f.stat().st_size)
    data = bytearray(segments[-1].read_bytes())
    data[len(data) // 2] ^= 0xFF
    segments[-1].write_bytes(data)
    ran = run(lab, "ledger", "verify", "--state", p.state)
    equal(ran.code, 1, "the exit code of a damaged journal")
    contains(ran.out, "journal segment", "what is said")


# ---------------------------------------------------------------- sealed secrets


@check("seal, unseal and reseal; a proxyd with both keys opens either")
def _(lab):
    old, new = (run(lab, "seal", "--new-key").good().out.strip() for _key in range(2))
    sealed = run(lab, "seal", env={"PROXYD_SEAL_KEY": old}, stdin=b"sk-sealed-0123456789abc\n").good().out.strip()
    plain = run(lab, "unseal", env={"PROXYD_SEAL_KEY": old}, stdin=sealed.encode()).good().out
    equal(plain, "sk-sealed-0123456789abc\n", "the secret")
    equal(run(lab, "unseal", env={"PROXYD_SEAL_KEY": new}, stdin=sealed.encode()).code, 1, "the exit code of another key")
    for words, key, secret in ((("seal",), "nonsense", b"x"), (("unseal",), "nonsense", b"v1:x"), (("seal",), old, b"sk-\xff\xfe")):
        ran = run(lab, *words, env={"PROXYD_SEAL_KEY": key}, stdin=secret)
        equal((ran.code, ran.out), (64, ""), f"the exit code of {words} with {key} and {secret}, and what is printed")
    contains(ran.err, "not UTF-8", "what it says")
    contains(run(lab, "seal").err, "Usage: proxyd seal", "the usage of the command")
    both = {"PROXYD_SEAL_KEY": new, "PROXYD_SEAL_KEY_OLD": old}
    p, _up = lab.simple(f'keys: [{{name: user, key: "{sealed}"}}]', env=both)
    served(p.ask(key="sk-sealed-0123456789abc"))
    before = p.config.read_text()
    contains(run(lab, "reseal", p.config, env=both).good().out, "1 sealed anew", "what is said")
    lacks(p.config.read_text(), sealed, "the file")
    equal(len(p.config.read_text()), len(before), "the length of the file")
    contains(run(lab, "reseal", p.config, env=both).good().out, "0 sealed anew", "what is said the second time")
    p.env = {"PROXYD_SEAL_KEY": new}
    p.restart()
    served(p.ask(key="sk-sealed-0123456789abc"))


@check("a file that root seals anew keeps its owner and its mode, also after an attempt that was cut off")
def _(lab):
    service = _service()
    old, new = (run(lab, "seal", "--new-key").good().out.strip() for _key in range(2))
    sealed = run(lab, "seal", env={"PROXYD_SEAL_KEY": old}, stdin=b"sk-sealed-0123456789abc\n").good().out.strip()
    file = lab.folder / "sealed.yaml"
    file.write_text(f'keys: [{{name: user, key: "{sealed}"}}]\n')
    (lab.folder / "sealed.yaml.resealed").write_text("half")
    os.chown(file, service, service)
    file.chmod(0o640)
    run(lab, "reseal", file, env={"PROXYD_SEAL_KEY": new, "PROXYD_SEAL_KEY_OLD": old}).good()
    status = file.stat()
    equal((status.st_uid, status.st_gid, status.st_mode & 0o777), (service, service, 0o640), "owner, group and mode")
    lacks(file.read_text(), sealed, "the file")
    expect(not (lab.folder / "sealed.yaml.resealed").exists(), "nothing beside it")
