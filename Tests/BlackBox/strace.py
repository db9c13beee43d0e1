"""System calls of proxyd that fail, or at which it is killed: strace in front of it, from its start or for a while."""

import os
import re
import shutil
import signal
import subprocess

from checks import Failure, Skip, eventually

SEGMENTS = 80  # of the journal, from the newest on: those that a run may come to


def needed():
    """The check cannot be made where strace is missing or may not trace."""
    if not shutil.which("strace"):
        raise Skip("strace is missing")
    tried = subprocess.run(["strace", "-o", os.devnull, "-e", "inject=getpid:error=EIO", "true"], capture_output=True, check=False)
    if tried.returncode:
        raise Skip("strace may not trace here")


def newest(p):
    numbers = [int(path.stem) for path in (p.state / "journal").glob("*.journal") if path.stem.isdigit()]
    return max(numbers, default=0)


def journal(p):
    """The segments of the journal: those that are there, and those that come next."""
    first = max(1, newest(p) - 10)
    return [p.state / "journal" / f"{number:016d}.journal" for number in range(first, first + SEGMENTS)]


def database(p):
    return [p.state / "proxyd.sqlite"]


def log(p):
    return [p.state / "proxyd.sqlite-wal"]


def shared(p):
    return [p.state / "proxyd.sqlite-shm"]


def in_flight(p):
    return [p.state / "inflight"]


def folder(p):
    return [p.state / "journal"]


def output(p):
    return [p.folder / "stdout.log", p.folder / "stderr.log"]


def state(p):
    """All that storage is made of, names that come with a rescue included."""
    rescue = [p.state / f"proxyd.sqlite{suffix}" for suffix in (".rescue", ".rescue-journal", ".rescue-wal", ".is-damaged")]
    return [*journal(p), *database(p), *log(p), *shared(p), *in_flight(p), *folder(p), *rescue]


def arguments(told, injections, paths):
    """`injections` as strace has them: `write:error=EIO:when=3`. Calls that touch none of `paths` are not counted; all where there is none."""
    calls = ",".join(dict.fromkeys(one.partition(":")[0] for one in injections))
    listed = [part for path in paths for part in ("-P", str(path))]
    return ["strace", "-f", "-y", "-o", str(told), "-e", f"trace={calls}", *[f"--inject={one}" for one in injections], *listed]


class Told:
    """What strace wrote."""

    def __init__(self, path):
        self.path = path

    @property
    def text(self):
        return self.path.read_text("utf-8", "replace") if self.path.exists() else ""

    @property
    def injected(self):
        return self.text.count("(INJECTED)")


class Tampering(Told):
    """While it lasts, system calls of the running proxyd do as `injections` say."""

    number = 0

    def __init__(self, p, injections, paths=()):
        Tampering.number += 1
        super().__init__(p.folder / f"strace-{Tampering.number}.log")
        self._words = p.folder / f"strace-{Tampering.number}.err"
        command = [*arguments(self.path, injections, paths), "-p", str(p.process.pid)]
        with open(self._words, "wb") as words:
            self._tracer = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=words)
        p.lab.after(self.end)

    def __enter__(self):
        def attached():
            said = self._words.read_text("utf-8", "replace")
            if self._tracer.poll() is not None and "attached" not in said:
                raise Skip(f"strace cannot attach: {said[:200]}")
            return "attached" in said

        try:
            eventually(attached, "strace attached", 10)
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        if self._tracer.poll() is None:
            self._tracer.send_signal(signal.SIGINT)
            try:
                self._tracer.wait(10)
            except subprocess.TimeoutExpired:
                self._tracer.kill()
                self._tracer.wait()


def spawned(p, injections, paths, name="start"):
    """proxyd is started with strace behind it from its first moment on; gives what strace tells. The process is proxyd itself."""
    told = Told(p.folder / f"strace-{name}.log")
    if told.path.exists():
        told.path.unlink()
    binary = p.lab.binary
    script = p.folder / "traced"
    quoted = " ".join(f"'{part}'" for part in ["strace", "-D", *arguments(told.path, injections, paths)[1:], binary])
    script.write_text(f'#!/bin/sh\nexec {quoted} "$@"\n')
    script.chmod(0o755)
    p.lab.binary = str(script)
    try:
        p.spawn("--config", str(p.config))
    finally:
        p.lab.binary = binary
    return told


def started(p, within=20.0):
    """Whether what was spawned runs; False where it ended."""
    try:
        p.wait_ready(within)
        return True
    except Failure:
        if p.process.poll() is None:
            raise
        return False
