"""The process among others: signals, closed outputs, a log file that is rotated, the time to end in."""

import os
import signal
import subprocess
import time

from checks import check, contains, equal, eventually, expect, lacks
from dialects import ANTHROPIC
from harness import served
from upstream import after, hang, stream, whole
from wire import request_bytes


@check("{name} leaves the service as it is", rows=["SIGUSR1", "SIGUSR2", "SIGPIPE", "SIGXFSZ", "SIGHUP", "SIGWINCH", "SIGCONT", "SIGCHLD", "SIGURG"])
def _(lab, name):
    p, _up = lab.simple()
    for _ in range(3):
        p.signal(getattr(signal, name))
    time.sleep(0.3)
    served(p.ask())
    equal(p.stop(), 0, "the exit code")


@check("{name} while it starts does not end it", rows=["SIGHUP", "SIGUSR1", "SIGUSR2"])
def _(lab, name):
    p, _up = lab.simple(start=False)
    p.spawn("--config", str(p.config))
    status = f"/proc/{p.process.pid}/status"

    def ignores():
        masks = [line.split()[1] for line in open(status) if line.startswith(("SigIgn", "SigCgt"))]
        return any(int(mask, 16) >> (getattr(signal, name) - 1) & 1 for mask in masks)

    eventually(ignores, "the signal is expected", every=0.001)
    for _ in range(5):
        p.signal(getattr(signal, name))
    p.wait_ready()
    served(p.ask())


@check("SIGUSR1 opens the log's file anew, as logrotate wants it")
def _(lab):
    p, _up = lab.simple()
    log = p.folder / "stdout.log"
    served(p.ask())
    p.wait_log("id=req_")
    os.rename(log, p.folder / "stdout.log.1")
    served(p.ask())
    p.signal(signal.SIGUSR1)
    eventually(log.exists, "a new file")
    before = (p.folder / "stdout.log.1").read_bytes()
    served(p.ask())
    eventually(lambda: b"id=req_" in log.read_bytes(), "the next request's line in the new file")
    equal((p.folder / "stdout.log.1").read_bytes(), before, "the old file")


@check("SIGUSR1 where the log's file cannot be opened keeps the old one")
def _(lab):
    p, _up = lab.simple()
    log = p.folder / "stdout.log"
    os.rename(log, p.folder / "old.log")
    log.mkdir()
    p.signal(signal.SIGUSR1)
    eventually(lambda: b"cannot be opened anew" in (p.folder / "old.log").read_bytes(), "a warning in the old file")
    log.rmdir()
    served(p.ask())
    equal(p.stop(), 0, "the exit code")


@check("a stop waits for requests in flight, for timeouts.drain")
def _(lab):
    p, up = lab.simple("timeouts: {drain: 2s}")
    up.reply(after(1.2, whole(ANTHROPIC.whole("claude-test", "late"))), model="claude-1")
    up.reply(hang, model="claude-2")
    first, second = p.connect(), p.connect()
    first.send(request_bytes("POST", ANTHROPIC.path, "x", p.headers(), ANTHROPIC.request("claude-1")))
    second.send(request_bytes("POST", ANTHROPIC.path, "x", p.headers(), ANTHROPIC.request("claude-2")))
    time.sleep(0.4)
    began = time.monotonic()
    p.signal(signal.SIGTERM)
    equal(served(first.answer()).status, 200, "the answer that came in time")
    equal(p.wait(), 0, "the exit code")
    expect(1.5 < time.monotonic() - began < 5, "it ends after two seconds", time.monotonic() - began)


@check("what a stop cuts is told as the proxy's own doing ({kind})", rows=["whole", "streamed"])
def _(lab, kind):
    p, up = lab.simple("timeouts: {drain: 1s}")
    streamed = kind == "streamed"
    events = ANTHROPIC.stream("claude-test")
    up.reply(stream(events[: events.rindex(b"event: ")], ends=False, then="hang") if streamed else hang)
    connections = [p.connect() for _ in range(12)]
    for connection in connections:
        connection.send(request_bytes("POST", ANTHROPIC.path, "x", p.headers(), ANTHROPIC.request(stream=streamed)))
    up.wait(len(connections))
    time.sleep(0.3)
    p.signal(signal.SIGTERM)
    for connection in connections:
        contains(connection.answer().body.decode(), "the proxy is shutting down", "what the client is told")
    equal(p.wait(), 0, "the exit code")
    lines = [line for line in p.output().splitlines() if "reason=shutdown" in line]
    equal(len(lines), len(connections), f"lines in the log: {lines}")
    for line in lines:
        contains(line, f"outcome=proxy/{'relay' if streamed else 'dispatch'}", "a line of the log")


@check("a request that follows an accepted connection into a stop is answered")
def _(lab):
    p, _up = lab.simple()
    connection = p.connect()
    time.sleep(0.05)
    p.signal(signal.SIGTERM)
    time.sleep(0.1)
    answer = served(connection.ask("POST", ANTHROPIC.path, p.headers(), ANTHROPIC.request()))
    equal((answer.header("connection") or "").lower(), "close", "the connection header")
    equal(p.wait(), 0, "the exit code")


@check("a second SIGTERM ends it at once")
def _(lab):
    p, up = lab.simple()
    up.reply(hang)
    connection = p.connect()
    connection.send(request_bytes("POST", ANTHROPIC.path, "x", p.headers(), ANTHROPIC.request()))
    time.sleep(0.4)
    p.signal(signal.SIGTERM)
    time.sleep(0.5)
    expect(p.process.poll() is None, "it waits for the request")
    began = time.monotonic()
    p.signal(signal.SIGTERM)
    equal(p.wait(), 0, "the exit code")
    expect(time.monotonic() - began < 4, "it ends soon", time.monotonic() - began)


@check("with {closed} closed at the start nothing is written into other descriptors", rows=["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"])
def _(lab, closed):
    p, _up = lab.simple(start=False)
    p.process = subprocess.Popen(["sh", "-c", f'exec "$@" {closed}', "sh", p.lab.binary, "--config", str(p.config)], cwd=p.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    p.wait_ready()
    served(p.ask())
    for descriptor in (0, 1, 2):
        contains(os.readlink(f"/proc/{p.process.pid}/fd/{descriptor}"), "/dev/", f"descriptor {descriptor}")
    equal(p.stop(), 0, "the exit code")


@check("proxyd {arguments} into {where} ends with a status", rows=[(a, w) for w in ("a closed pipe", "/dev/full", "a closed descriptor") for a in ("--check-config", "--check-config --format json", "--version", "--help", "reference markdown", "seal --new-key", "--no-such-option")])
def _(lab, arguments, where):
    p, _up = lab.simple(start=False)
    words = arguments.split() + (["-c", str(p.config)] if "check" in arguments else [])
    if where == "a closed descriptor":
        process = subprocess.run(["sh", "-c", 'exec "$@" >&- 2>&-', "sh", p.lab.binary, *words], timeout=20)
    elif where == "/dev/full":
        with open("/dev/full", "w") as full:
            process = subprocess.run([p.lab.binary, *words], stdout=full, stderr=full, timeout=20)
    else:
        r, w = os.pipe()
        os.close(r)
        process = subprocess.run([p.lab.binary, *words], stdout=w, stderr=w, timeout=20)
        os.close(w)
    expect(process.returncode >= 0, "a status, no signal", process.returncode)
    lost = where == "/dev/full" and arguments in ("reference markdown", "seal --new-key")
    equal(process.returncode, 64 if arguments == "--no-such-option" else 1 if lost else 0, "the status")


@check("what a full disk does not take of {command} is exit 1, with words: it may have been shown for the only time", rows=["keys create x", "usage --csv", "presets", "completions bash"])
def _(lab, command):
    p, _up = lab.simple()
    more = ["-c", str(p.config)] if command.split()[0] in ("keys", "usage") else []
    with open("/dev/full", "w") as full:
        done = subprocess.run([lab.binary, *command.split(), *more], stdout=full, stderr=subprocess.PIPE, timeout=20)
    equal(done.returncode, 1, "the exit code")
    # Of what is longer than a buffer the reason may be gone by then.
    reason = "" if command == "completions bash" else ": No space left on device"
    contains(done.stderr.decode(), "could be written to standard output" + reason, "what it says")


@check("a reader of the log that goes away costs neither requests nor processor time")
def _(lab):
    p, _up = lab.simple(start=False)
    r, w = os.pipe()
    p.process = subprocess.Popen([p.lab.binary, "--config", str(p.config)], cwd=p.folder, stdout=w, stderr=w)
    os.close(w)
    p.wait_ready()
    os.close(r)
    for _ in range(20):
        served(p.ask())

    def cpu():
        fields = open(f"/proc/{p.process.pid}/stat").read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100

    before = cpu()
    time.sleep(1)
    expect(cpu() - before < 0.3, "no spinning", cpu() - before)
    equal(p.stop(), 0, "the exit code")


@check("few files for many connections are warned about at the start, and the soft limit is raised")
def _(lab):
    p, _up = lab.simple("limits: {connections: 1000}", start=False)
    p.process = subprocess.Popen(["sh", "-c", 'ulimit -Sn 256; ulimit -Hn 4096; exec "$@" > stdout.log', "sh", p.lab.binary, "--config", str(p.config)], cwd=p.folder)
    p.wait_ready()
    limits = [line.split() for line in open(f"/proc/{p.process.pid}/limits") if line.startswith("Max open files")][0]
    equal(limits[3], "4096", "the soft limit")
    lacks(p.output(), "LimitNOFILE", "the log")
    p.stop()
    p.process = subprocess.Popen(["sh", "-c", 'ulimit -n 300; exec "$@" > stdout.log', "sh", p.lab.binary, "--config", str(p.config)], cwd=p.folder)
    p.wait_ready()
    p.wait_log("LimitNOFILE")
