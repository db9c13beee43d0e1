"""`proxyd init` and `proxyd demo`: a first file, on a terminal and without one."""

import os
import pty
import re
import select
import socket
import subprocess
import time

from checks import check, contains, equal, expect, lacks
from commands import run
from harness import served
from ports import free_port


def _first(lab, *arguments, **keywords):
    return run(lab, "init", *arguments, **keywords)


@check("init writes a file that passes the check and runs, for its owner alone, and never over another")
def _(lab):
    port, up = free_port(), lab.upstream()
    file = lab.folder / "first.yaml"
    ran = _first(
        lab, "--preset", "anthropic", "--key", "sk-up'stream:$x#1", "--url", up.url, "--listen", f"127.0.0.1:{port}",
        "--output", file, "--yes",
    ).good()
    equal(os.stat(file).st_mode & 0o777, 0o600, "the mode of the file")
    equal(run(lab, "check", file).good().out, f"{file}: ok\n", "what check says")
    keys = re.findall(r"sk-[0-9A-Za-z-]{40,}", ran.out)
    expect(len(set(keys)) == 2, "an admin key and a client key", ran.out)
    contains(ran.out, f"proxyd run -c {file}", "what to type next")
    p, _up = lab.simple(start=False)
    p.config.write_text(file.read_text())
    p.port = port
    p.start()
    admin = next(key for key in keys if key.startswith("sk-admin-"))
    client = next(key for key in keys if not key.startswith("sk-admin-"))
    served(p.ask(key=client))
    equal(up.requests[-1].header("x-api-key"), "sk-up'stream:$x#1", "the key that the upstream got")
    equal(p.admin("GET", "/admin/keys", key=admin).status, 200, "the status of an admin call")
    before = file.read_text()
    again = _first(lab, "--preset", "openai", "--key", "x", "--output", file, "--yes")
    equal((again.code, file.read_text()), (73, before), "the exit code, and the file")
    contains(again.err, "there already", "what it says")


@check("init: {what}", rows=["--yes alone", "nobody to ask", "a reference as the key", "answers in a pipe", "the key in a pipe"])
def _(lab, what):
    file = lab.folder / "proxy.yaml"
    arguments, stdin, env = {
        "--yes alone": (("--yes",), b"", {}),
        "nobody to ask": ((), b"", {}),
        "a reference as the key": (("--preset", "openai", "--key", "${MY_KEY}"), b"", {"MY_KEY": "sk-of-mine"}),
        "answers in a pipe": ((), b"openai\nsk-typed-0123456789\n127.0.0.1:9999\n", {}),
        "the key in a pipe": (("--preset", "openai", "--key", "-"), b"sk-typed-0123456789\n", {}),
    }[what]
    ran = _first(lab, *arguments, "--output", file, stdin=stdin, env=env).good()
    run(lab, "check", file, env=env).good()
    text = file.read_text()
    if what == "a reference as the key":
        contains(text, "${MY_KEY}", "the file")
        lacks(text, "sk-of-mine", "the file")
    if "pipe" in what:
        contains(text, "sk-typed-0123456789", "the file")
        contains(text, "preset: openai", "the file")
    if what == "answers in a pipe":
        contains(text, "9999", "the file")
        asked = [line for line in ran.err.splitlines() if "?" in line]
        equal([line.count("?") for line in asked], [1, 1, 1], "questions in a line")


@check("init --listen {address} prints a call that reaches this machine", rows=[":8180", "*:8180", "0.0.0.0:8180", "127.0.0.1:8180"])
def _(lab, address):
    ran = _first(lab, "--preset", "anthropic", "--key", "x", "--listen", address, "--output", lab.folder / "p.yaml", "--yes").good()
    contains(ran.out, "http://127.0.0.1:8180/v1/models", "what to type next")


@check("init tells what the check would warn of: {what}", rows=["an open address", "an endpoint's path", "nothing"])
def _(lab, what):
    arguments, note = {
        "an open address": (("--listen", "0.0.0.0:8180"), "note: --listen: 0.0.0.0:8180 can be reached from elsewhere"),
        "an endpoint's path": (("--url", "https://h.example/v1/messages"), "leave out '/messages'"),
        "nothing": ((), ""),
    }[what]
    ran = _first(lab, "--preset", "anthropic", "--key", "sk-0123456789ab", *arguments, "--output", lab.folder / "p.yaml", "--yes").good()
    contains(ran.err, note, "what it says")
    if what == "nothing":
        equal(ran.err, "", "what it says")


SIMULATED = {
    "a port that is none": (64, ("--port", "99999"), "--port"),
    "a share that is none": (64, ("--drain", "7"), "--drain"),
    "an account without a name": (64, ("--account", "=x"), "--account"),
    "a host that is none": (69, ("--host", "nonsense.invalid", "--port", "0"), "cannot listen"),
}


@check("simulate with {what} ends with its exit code, and says why", rows=list(SIMULATED))
def _(lab, what):
    code, arguments, words = SIMULATED[what]
    ran = run(lab, "simulate", *arguments)
    equal(ran.code, code, "the exit code")
    contains(ran.err, words, "what it says")


def demo_port():
    """A port that is free, as are those 1000 and 1001 above it."""
    for port in (free_port() for _ in range(100)):
        with socket.socket() as one, socket.socket() as two:
            try:
                one.bind(("127.0.0.1", port + 1_000))
                two.bind(("127.0.0.1", port + 1_001))
                return port
            except (OSError, OverflowError):
                pass
    raise AssertionError("there are no three ports for a demo")


@check("demo where a port is taken is exit 69, in words, and leaves no file behind; --port takes others")
def _(lab):
    file = lab.folder / "demo.yaml"
    base = demo_port()
    for above, who in ((0, "the demo"), (1_000, "the simulated provider"), (1_001, "the simulated provider")):
        with socket.socket() as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                taken.bind(("127.0.0.1", base + above))
                taken.listen()
            except OSError:  # somebody else has it
                pass
            ran = run(lab, "demo", "-c", file, "--port", base)
        equal((ran.code, ran.out, file.exists()), (69, "", False), "the exit code, what is printed, and whether there is a file")
        other = f"--port {base + 100} takes {base + 100}, {base + 1_100} and {base + 1_101}"
        equal(ran.err, f"proxyd: {who} cannot listen on 127.0.0.1:{base + above}: Address already in use; {other}\n", "what it says")
    for wrong in ("0", "64535", "x"):
        equal(run(lab, "demo", "-c", file, "--port", wrong).code, 64, f"the exit code of --port {wrong}")
    file.write_text(f"state: {lab.folder}/state\n")
    ran = run(lab, "demo", "-c", file, "--port", base)
    equal((ran.code, "says its ports itself" in ran.err), (64, True), "the exit code where the file is there, and what it says")


@check("demo --port listens there, and the next demo by the file that it wrote where that says")
def _(lab):
    file = lab.folder / "demo.yaml"
    base = demo_port()
    for more in (("--port", str(base)), ()):
        demo = subprocess.Popen(
            [lab.binary, "demo", "-c", file, *more], env={"PATH": "/usr/bin:/bin", "STATE_DIRECTORY": str(lab.folder / "demo")},
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        told = ""
        for line in demo.stderr:
            told += line
            if "The configuration:" in line:
                break
        demo.terminate()
        demo.communicate(timeout=20)
        contains(told, f"listens on http://127.0.0.1:{base},", f"what demo {more} says")
        contains(told, f"curl http://127.0.0.1:{base + 1_000}/simulate", f"what demo {more} says")


WRONG = {
    "a preset that is none": (64, ("--preset", "anthropci"), "anthropic"),
    "an address that is none": (64, ("--listen", "nonsense"), "--listen"),
    "an empty key": (64, ("--key", ""), "--key"),
    "a key of two lines": (64, ("--key", "a\nb: c"), "control character"),
    "a key with a blank in it": (64, ("--key", "sk one"), "white space"),
    "a preset without an address": (64, ("--preset", "azure", "--key", "x"), "--url"),
    "a folder that is not there": (73, ("--output", "nowhere/proxy.yaml"), "nowhere"),
}


@check("init with {what} ends with its exit code, says why, and writes nothing", rows=list(WRONG))
def _(lab, what):
    code, arguments, words = WRONG[what]
    before = set(lab.folder.iterdir())
    place = () if "--output" in arguments else ("--output", lab.folder / "proxy.yaml")
    ran = _first(lab, *arguments, *place, "--yes")
    equal((ran.code, ran.out), (code, ""), "the exit code, and what is printed")
    contains(ran.err, words, "what it says")
    equal(set(lab.folder.iterdir()), before, "the files")


@check("init asks on a terminal, does not show the key, and leaves the terminal as it was when interrupted")
def _(lab):
    def typed(*lines):
        leader, follower = pty.openpty()
        process = subprocess.Popen(
            [lab.binary, "init", "--output", str(lab.folder / "typed.yaml")], stdin=follower, stdout=follower, stderr=follower,
            cwd=lab.folder, env={"PATH": os.environ["PATH"]},
        )
        os.close(follower)
        lab.after(process.kill)
        seen, pending, deadline = b"", list(lines), time.monotonic() + 20
        while time.monotonic() < deadline:
            if pending and seen.count(b"]") + seen.count(b"? [") >= 2 * (len(lines) - len(pending)) + 2:
                time.sleep(0.2)  # the echo is turned off right after the question
                os.write(leader, pending.pop(0))
            ready, _, _ = select.select([leader], [], [], 0.1)
            if ready:
                try:
                    data = os.read(leader, 4096)
                except OSError:
                    break
                if not data:
                    break
                seen += data
        os.close(leader)
        return process.wait(10), seen.decode("utf-8", "replace")

    code, seen = typed(b"openai\n", b"sk-typed-0123456789\n", b"127.0.0.1:9999\n")
    equal(code, 0, f"the exit code ({seen[-600:]!r})")
    lacks(seen, "sk-typed-0123456789", "what the terminal shows")
    contains((lab.folder / "typed.yaml").read_text(), "sk-typed-0123456789", "the file")
    (lab.folder / "typed.yaml").unlink()
    code, seen = typed(b"openai\n", b"sk-ty\x03")
    expect(code != 0 and not (lab.folder / "typed.yaml").exists(), "an end without a file", (code, seen[-300:]))
