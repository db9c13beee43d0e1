#!/usr/bin/env python3
"""Disks that fail and kills at the worst moments: the N-th write or sync goes wrong, the disk is full, SIGKILL comes at a system call.

    python3 Tests/BlackBox/faults.py --proxyd .build/release/proxyd --faults 100 --kills 200 --sweep 60

strace makes system calls of proxyd fail, one in ten, until each of the first 100 of a thread has failed; or kills it at one. The truth is
kept by the scripted upstream. Nothing may be lost in silence: what reached the upstream is in the ledger once, or is counted among what was
lost and told; it goes on when the fault is over. A line for each question; the exit status is 1 when an answer is wrong.
"""

import argparse
import collections
import contextlib
import dataclasses
import errno
import io
import itertools
import multiprocessing
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

import strace  # noqa: E402
from checks import Failure, Skip, eventually  # noqa: E402
from harness import Lab, served  # noqa: E402
from limits import rows as limit_rows  # noqa: E402
from records import book, grouped, start  # noqa: E402
from torture import SUMS, WIDE, Provider, Table, ask, compare_report, every_row, limits_are_rows, quiet  # noqa: E402

BOTH, FEW = (errno.ENOSPC, errno.EIO), (errno.EMFILE, errno.EIO)
AFRESH = ("fdatasync:error=EIO:when=1+2",)  # a sync that fails is followed by a new segment, a checkpoint, and the end of the old segment


@dataclasses.dataclass
class Fault:
    """A system call that fails where it touches these files; what else must fail for it to be made at all; how it can fail."""

    call: str
    paths: object
    also: tuple = ()
    codes: tuple = BOTH
    step: int = 10  # from one call that fails to the next
    policy: str = WIDE  # what limits have charged keeps segments for a minute
    most: int = 10**9  # of such calls of a thread


FAULTS = {
    "journal, write": Fault("write", strace.journal),
    "journal, fdatasync": Fault("fdatasync", strace.journal),
    "journal, fsync of the folder": Fault("fsync", strace.folder, AFRESH, step=2),
    "journal, open": Fault("openat", strace.journal, codes=FEW),
    "journal, pread64": Fault("pread64", strace.journal, codes=(errno.EIO,)),
    "journal, unlink": Fault("unlink", strace.journal, AFRESH, codes=(errno.EIO,), step=2, policy=""),
    "database, pwrite64 of the log": Fault("pwrite64", strace.log),
    "database, pwrite64 in place": Fault("pwrite64", strace.database, AFRESH),
    "database, pread64": Fault("pread64", lambda p: [*strace.database(p), *strace.log(p)], codes=(errno.EIO,)),
    "all of the state, write": Fault("write", strace.state),
    "all of the state, pwrite64": Fault("pwrite64", strace.state),
    "all of the state, fdatasync": Fault("fdatasync", strace.state, step=3),
    "all of the state, ftruncate": Fault("ftruncate", strace.state, ("write:error=ENOSPC:when=3+7",)),
    "all of the state, openat": Fault("openat", strace.state, AFRESH, codes=(errno.EMFILE, errno.ENOSPC), step=3),
    "in flight, fallocate": Fault("fallocate", strace.in_flight, step=1, most=1),
    "request log, write": Fault("write", strace.output),
}
REFUSE, CONTINUE, POWER = "on_storage_failure: refuse", "on_storage_failure: continue", "on_storage_failure: refuse, durability: power"


class Brief(Table):
    """Says what is wrong, and figures; of what is right, how much."""

    def __init__(self, every=False):
        super().__init__()
        self.every = every

    def line(self, what, value, fine=None, more=()):
        if self.every or not fine:
            super().line(what, value, fine, more)


class Load:
    """Clients that ask one after another for as long as it lasts; the provider knows the truth, this what they were told."""

    def __init__(self, lab, usage, more="", policy=WIDE):
        self.p, self.up = book(lab, policy=policy, more=f"usage: {{{usage}}}\ntimeouts: {{drain: 1s}}\n{more}", start=False)
        self.provider, self.numbers, self.lock = Provider(self.up), itertools.count(), threading.Lock()
        self.silent, self.keys, self.refused = [], [], set()
        self.streamed = None  # both

    def make(self):
        with self.lock:
            number = next(self.numbers)
        job = self.provider.make(number, random.Random(f"faults {number}"))
        if self.streamed is not None:
            job.streamed = self.streamed
        job.words = 20
        return job

    def one(self):
        job, begun = self.make(), time.monotonic()
        ask(self.p, job)
        if time.monotonic() - begun > 12:
            self.silent.append(f"{job.name}: {time.monotonic() - begun:.0f} s")
        return job

    @contextlib.contextmanager
    def running(self, clients=2, pause=0.01):
        stop = threading.Event()

        def work():
            while not stop.is_set():
                finished = self.one().finished
                time.sleep(pause if finished else 0.05)

        def operate():  # keys are made as well: one that is told is there for good
            while not stop.wait(0.3):
                with contextlib.suppress(Failure, OSError):
                    name = f"key {len(self.keys)} {time.monotonic()}"
                    answer = self.p.admin("POST", "/admin/keys", {"name": name})
                    if answer.status in (200, 201) and answer.complete:
                        self.keys.append(name)

        workers = [threading.Thread(target=work, daemon=True) for _ in range(clients)]
        workers.append(threading.Thread(target=operate, daemon=True))
        for worker in workers:
            worker.start()
        try:
            yield
        finally:
            stop.set()
            for worker in workers:
                worker.join()

    def well(self):
        """It is well again: a request is served, storage is ok."""

        def fine():
            served(ask_plain(self))
            return self.p.health()["services"]["storage"] == "ok"

        eventually(fine, "requests that are served and storage that is ok", 30, every=0.3)

    def counted_lost(self):
        found = re.search(r"^proxyd_unaccounted_requests_total ([0-9.e+]+)$", self.p.admin("GET", "/metrics").text, re.M)
        return int(float(found.group(1)))


def ask_plain(load):
    job = load.make()
    job.streamed = False
    with start(load.p, job.dialect, text=job.name, headers={"x-proxyd-session": job.name}) as connection:
        answer = connection.answer()
    job.finished = answer.status == 200 and answer.complete
    return answer


def judge(table, load, lost=0, may_lose=False):
    """Compares what clients and the upstream know with the ledger."""
    p, jobs = load.p, load.provider.jobs
    leaks, rows = quiet(p), every_row(load.p)
    by_name = {}
    for row in rows:
        by_name.setdefault(row["session"], []).append(row)
    finished = [job for job in jobs.values() if job.finished]
    bare = [job.name for job in finished if job.name not in by_name]
    table.line(f"of {len(finished)} answers seen whole: without a row (lost and told: {lost})", len(bare), len(bare) <= (lost if may_lose else 0), bare)
    twice = [name for name, found in by_name.items() if len(found) > 1]
    table.line("requests with more than one row", len(twice), not twice, [by_name[name] for name in twice])
    gone = [job.name for job in jobs.values() if job.reached and job.name not in by_name and job.name not in load.refused]
    table.line("requests at the upstream that have no row, less what is told as lost", len(gone) - lost, len(gone) <= lost, gone)
    off = [row for row in rows if row["source"] == "reported" and {n: row[n] for n in SUMS} != jobs[row["session"]].exact]
    table.line(f"of {len(rows)} rows: called reported and not what the upstream told", len(off), not off, off)
    wrong = [n for job in finished for n in by_name.get(job.name, []) if {s: n[s] for s in SUMS} != job.exact or n["source"] != "reported"]
    table.line("answers seen whole whose row is not what the upstream told", len(wrong), not wrong, wrong)
    table.line("requests that nobody answered for 12 s", len(load.silent), not load.silent, load.silent)
    table.line("limits of which something is still reserved", len(leaks), not leaks, leaks)
    compare_report(table, p, rows)
    there = {key["name"] for key in p.get("/admin/keys")["keys"]}
    missing = [name for name in load.keys if name not in there]
    table.line(f"of {len(load.keys)} keys that were made: not there", len(missing), not missing, missing)
    return rows


# ---------------------------------------------------------------- the N-th call fails


def fail_at(table, lab, name, code, usage, most):
    """Each of the first `most` calls of a thread fails once, one in some at a time."""
    fault, word = FAULTS[name], errno.errorcode[code]
    load = Load(lab, usage, f"log: {{requests: {'true' if name.startswith('request log') else 'false'}}}", fault.policy)
    p, hits, begun, most = load.p.start(), [], time.monotonic(), min(most, fault.most)
    if fault.most > 1:
        served(ask_plain(load))
    for first in range(1, min(fault.step, most) + 1):
        injections = [f"{fault.call}:error={word}:when={first}+{fault.step}", *fault.also]
        with strace.Tampering(p, injections, [*fault.paths(p), *(strace.journal(p) if fault.also else [])]) as tampering, load.running():
            until = time.monotonic() + 2.5 * most  # some of them are a second apart
            while time.monotonic() < until and not enough(tampering, fault.call, most) and p.process.poll() is None:
                time.sleep(0.1)
        hits += re.findall(rf"^\d+\s+{fault.call}\((?:AT_FDCWD<[^>]*>, )?.*?([^/<>]+)(?:>|\").* = -1 {word} .*\(INJECTED\)", tampering.text, re.M)
        if p.process.poll() is not None:
            break
        load.well()
    what = f"{name}, {word}, {usage.replace('on_storage_failure: ', '')}"
    table.head(f"{what}: {len(hits)} calls failed, {len(load.provider.jobs)} requests, {time.monotonic() - begun:.0f} s")
    table.line("calls that failed", len(hits), bool(hits))
    files = collections.Counter("a segment" if name.endswith(".journal") else name for name in hits)
    table.line("of " + ", ".join(f"{name}: {count}" for name, count in files.items()), "")
    died = p.death()
    table.line("died of it", died or "no", not died)
    if died:
        return
    lost = load.counted_lost()
    time.sleep(1.5)  # what came late is told late
    told = sum(told_lost(p))
    table.line("lost by the metric, less what the log told", lost - told, lost == told)
    judge(table, load, lost, may_lose=CONTINUE in usage)
    p.restart(hard=True)
    rows = judge(table, load, lost, may_lose=CONTINUE in usage)
    if fault.policy:
        limits_are_rows(table, p, rows)
    load.well()


def told_lost(p):
    """What the log says of lost requests, line by line."""
    return [int(count) for count in re.findall(r"usage (?:is written again|was not written).* lost_requests=(\d+)", p.output())]


def enough(tampering, call, most):
    made = {}
    for thread in re.findall(rf"^(\d+)\s+{call}\(", tampering.text, re.M):
        made[thread] = made.get(thread, 0) + 1
    return max(made.values(), default=0) >= most


def held(p):
    """All that the ledger says: rows by id, and under words of their own what limits and the report come to."""
    told = {row["id"]: row for row in every_row(p)}
    told["limits"] = {(one["limit"], one["bucket"]): one["used"] for one in limit_rows(p) if one["window"] in ("day", "month", "total")}
    told["report"] = sorted(grouped(p, "key,model"), key=str)
    return told


STARTING = ("write", "pwrite64", "fdatasync", "fsync", "ftruncate", "fallocate", "unlink", "openat", "read", "pread64", "getdents64")
CHANGING = ("write", "pwrite64", "fdatasync", "fsync", "ftruncate", "fallocate", "unlink", "rename", "openat")


def fail_while_starting(table, lab, code, most, calls=STARTING):
    """The N-th call of a start fails: it starts all the same or says what is wrong and ends; the next start has everything."""
    load = Load(lab, REFUSE)
    p = load.p.start()
    with load.running(3):
        time.sleep(0.4)
        p.kill()
    kept = p.folder / "kept"
    shutil.copytree(p.state, kept)
    p.start()
    wanted, word = held(p), errno.errorcode[code]
    p.kill()
    crashed = {i for i, row in wanted.items() if isinstance(row, dict) and row.get("outcome") == "crash"}
    table.head(f"{word} while it starts, {len(wanted) - 2} rows of which {len(crashed)} were in flight")
    for call in calls:
        went, ended, told_of, wrong = 0, 0, 0, []
        for number in range(1, most + 1):
            shutil.rmtree(p.state)
            shutil.copytree(kept, p.state)
            (p.folder / "stderr.log").write_bytes(b"")
            (p.folder / "stdout.log").write_bytes(b"")
            told = strace.spawned(p, [f"{call}:error={word}:when={number}"], strace.state(p))
            if strace.started(p):
                went += 1
                p.kill()
                if not told.injected:
                    break
            else:
                ended += 1
                if not 0 < p.process.returncode < 128 or not re.search(r"error|damaged|cannot", p.output()[-1500:]):
                    wrong.append(f"{number}: status {p.process.returncode}: {p.output()[-200:]}")
            p.start()
            now = held(p)
            differ = sorted(i for i in {*now, *wanted} if now.get(i) != wanted.get(i))
            aside = list((p.state / "journal").glob("*.damaged")) and "cannot be read and is passed over" in p.output()
            unseen = "in flight when proxyd ended cannot be read" in p.output() and crashed.issuperset(differ)
            passed = aside or unseen
            told_of += bool(differ and passed)
            if differ and not passed:
                wrong.append(f"{call} {number}: {len(differ)} rows of {len(wanted)} differ: {now.get(differ[0])}, not {wanted.get(differ[0])}")
            p.kill()
        table.line(f"{call}: {went} starts went on, {ended} ended with a word, {told_of} told what they could not read; wrong", len(wrong), not wrong, wrong)


# ---------------------------------------------------------------- no space


@contextlib.contextmanager
def small_disk(lab, p, size="6m"):
    """The state directory is a file system of that size; gives what fills it, and what frees it. Where nothing can be mounted, no file may grow."""
    p.state.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "none", str(p.state)]
    if shutil.which("mount") and subprocess.run(mount, capture_output=True, check=False).returncode == 0:
        lab.after(lambda: subprocess.run(["umount", "-l", str(p.state)], capture_output=True, check=False))
        filler = p.state / "filler"

        def fill():
            with open(filler, "ab", buffering=0) as file, contextlib.suppress(OSError):
                while file.write(b"x" * 65536):
                    pass
                file.write(b"x" * 512)

        yield "a full disk", fill, lambda: filler.unlink(missing_ok=True)
        return
    most = lambda value: resource.prlimit(p.process.pid, resource.RLIMIT_FSIZE, (value, resource.RLIM_INFINITY))  # noqa: E731
    yield "files that may not grow", lambda: most(4096), lambda: most(resource.RLIM_INFINITY)


def full(table, lab, rounds, usage, seconds=2.0):
    load = Load(lab, usage, "log: {requests: false}")
    p, begun = load.p, time.monotonic()
    with small_disk(lab, p) as (what, fill, free):
        p.start()
        for turn in range(rounds):
            with load.running(3):
                time.sleep(0.3)
                fill()
                until = time.monotonic() + seconds
                while time.monotonic() < until:
                    time.sleep(0.1)
                    fill()
                free()
                time.sleep(0.2)
            if p.process.poll() is not None:
                break
            load.well()
            if turn % 2 and what == "a full disk":  # a start on a full disk: it runs, or says what it lacks
                p.kill()
                fill()
                p.spawn("--config", str(p.config))
                if not strace.started(p) and not 0 < p.process.returncode < 128:
                    table.line("a start on a full disk ended with", p.process.returncode, False, [p.output()[-300:]])
                p.kill()
                free()
                p.start()
        table.head(f"{what}, {rounds} times, {usage}: {len(load.provider.jobs)} requests, {time.monotonic() - begun:.0f} s")
        died = p.death()
        table.line("died of it", died or "no", not died)
        if died:
            return
        time.sleep(1.5)
        said = told_lost(p)
        table.line("times that it told that usage is not written", len(said), bool(said))
        lost = sum(said)
        judge(table, load, lost, may_lose=CONTINUE in usage)
        p.restart(hard=True)
        rows = judge(table, load, lost, may_lose=CONTINUE in usage)
        limits_are_rows(table, p, rows)


# ---------------------------------------------------------------- kills

ROTATE = "fdatasync:error=EIO:when=1"  # a sync that fails is followed by a new segment, a checkpoint, and the end of the old segment

SPOILS = ["write:error=EIO:when=1+1", "ftruncate:error=EIO:when=1+1"]

# Where it is killed: the system call, of which files, what else must happen.
POINTS = {
    "the journal's write": ("write", strace.journal, ()),
    "the journal's fdatasync": ("fdatasync", strace.journal, ()),
    "the write of a new segment's head": ("write", strace.journal, (ROTATE,)),
    "the fsync of the journal's folder": ("fsync", strace.folder, (ROTATE,)),
    "SQLite's write of its log": ("pwrite64", strace.log, ()),
    "a checkpoint's sync of the log": ("fdatasync", strace.log, (ROTATE,)),
    "a checkpoint's write of the database": ("pwrite64", strace.database, (ROTATE,)),
    "a checkpoint's sync of the database": ("fdatasync", strace.database, (ROTATE,)),
    "a checkpoint's end of the log": ("ftruncate", strace.log, (ROTATE,)),
    "the unlink of a segment": ("unlink", strace.journal, (ROTATE,)),  # none that a limit has charges of within a minute
    "the growth of what is in flight": ("fallocate", strace.in_flight, ()),
}
FIRST_ONLY = {"the growth of what is in flight", "the fsync of the journal's folder", "the unlink of a segment", "a checkpoint's end of the log",
              "a checkpoint's sync of the log", "a checkpoint's sync of the database"}  # fmt: skip


def kill_at(table, lab, count, chance, streamed, names=tuple(POINTS)):
    """SIGKILL at each point in turn, under load; then what is there is the truth."""
    dice, begun = random.Random(f"points {chance}"), time.monotonic()
    # Segments that limits have charges of stay for a minute: that one is met without limits.
    unlimited = [name for name in names if name == "the unlink of a segment"]
    limited = [name for name in names if name not in unlimited]
    for some, policy in ((limited, WIDE), (unlimited, "")):
        if some:
            kill_points(table, lab, -(-count * len(some) // len(names)), itertools.cycle(some), dice, streamed, policy)
    table.line("seconds for all of them", f"{time.monotonic() - begun:.0f}")


def kill_points(table, lab, count, names, dice, streamed, policy):
    load = Load(lab, REFUSE, "log: {requests: false}", policy)
    load.streamed = streamed
    p, starts, missed, hits = load.p.start(), [], [], 0
    for _ in range(count):
        name = next(names)
        call, paths, also = POINTS[name]
        number = 1 if name in FIRST_ONLY else dice.randrange(1, 4 if also else 9)
        if name == "the growth of what is in flight":  # it grows with the first request of a loop
            p.restart(hard=True)
        hit = kill_once(p, load, number, call, paths, also)
        hits += hit
        if not hit:
            missed.append(f"{name}, {number}")
        since = time.monotonic()
        p.start()
        starts.append(time.monotonic() - since)
    what = {True: "streamed", False: "whole", None: "both"}[streamed]
    table.head(f"{hits} of {count} SIGKILLs at named points, {what}{'' if policy else ', without limits'}; {len(load.provider.jobs)} requests")
    table.line("kills that came at their point", hits, len(missed) <= count // 10, missed)
    rows = judge(table, load)
    if policy:
        limits_are_rows(table, p, rows)
    p.stop()
    table.line("seconds from a start to its first answer, most", f"{max(starts, default=0):.2f}")


def kill_once(p, load, number, call, paths, also):
    """Whether it was killed at the point, and not only for want of it."""
    if also and call == "fdatasync":
        # A call fails in one way at a time. A write that fails, and cannot be taken back, has a new segment follow too, a second later.
        with strace.Tampering(p, SPOILS, strace.journal(p)) as spoiling, load.running(3), contextlib.suppress(Failure):
            eventually(lambda: re.search(r"ftruncate.*INJECTED", spoiling.text), "a segment that is spoiled", 5)
        load.refused |= {job.name for job in load.provider.jobs.values() if not job.finished}  # and told so
        also = ()
    injections, files = [f"{call}:signal=SIGKILL:when={number}", *also], [*paths(p), *(strace.journal(p) if also else [])]
    ended = False
    with strace.Tampering(p, injections, files), load.running(3):
        with contextlib.suppress(Failure):
            ended = eventually(lambda: p.process.poll() is not None, "the kill", 8)
        p.kill()
    return ended and p.process.returncode == -signal.SIGKILL


def sweep(table, lab, count, streamed):
    """SIGKILL at the first, the second, the third… system call of a thread from some moment on: whatever lies between two of them is met."""
    load = Load(lab, REFUSE, "log: {requests: false}")
    load.streamed = streamed
    p, begun, fell = load.p.start(), time.monotonic(), 0
    for number in range(1, count + 1):
        served(ask_plain(load))
        with strace.Tampering(p, [f"all:signal=SIGKILL:when={number}"]), load.running(1):
            with contextlib.suppress(Failure):
                fell += eventually(lambda: p.process.poll() is not None, "the kill", 6)
            p.kill()
        p.start()
    what = "streamed" if streamed else "whole"
    table.head(f"SIGKILL at each of {count} system calls, {what}, {time.monotonic() - begun:.0f} s; {len(load.provider.jobs)} requests")
    table.line("kills that came", fell, fell == count)
    rows = judge(table, load)
    limits_are_rows(table, p, rows)


def kill_starts(table, lab, most, damage=False, calls=CHANGING):
    """SIGKILL at each system call of a start that changes the state: the next start has what an undisturbed one has."""
    load = Load(lab, REFUSE, policy=WIDE if damage else "")  # what limits have charged keeps segments for a minute: nothing is unlinked
    p = load.p.start()
    with load.running(3):
        time.sleep(0.5)
        p.kill()
    if damage:
        p.start()
        p.stop()
        path = p.state / "proxyd.sqlite"
        path.write_bytes(path.read_bytes()[:4096] + b"\xa5" * 4096 + path.read_bytes()[8192:])
    kept = p.folder / "kept"
    shutil.copytree(p.state, kept)
    p.start()
    wanted = held(p)
    p.kill()
    table.head(f"SIGKILL at each call of a start{' that rescues a damaged database' if damage else ''}, {len(wanted) - 2} rows")
    for call in calls:
        fell, wrong = 0, []
        for number in range(1, most + 1):
            shutil.rmtree(p.state)
            shutil.copytree(kept, p.state)
            strace.spawned(p, [f"{call}:signal=SIGKILL:when={number}"], [] if call == "rename" else strace.state(p))
            ran = strace.started(p)
            p.kill()
            if ran:
                break
            fell += 1
            p.start()
            now = held(p)
            differ = sorted(i for i in {*now, *wanted} if now.get(i) != wanted.get(i))
            if differ:
                wrong.append(f"{call} {number}: {len(differ)} rows of {len(wanted)} differ: {now.get(differ[0])}, not {wanted.get(differ[0])}")
            p.kill()
        table.line(f"{call}: {fell} kills; starts after them that had something else", len(wrong), not wrong, wrong)


# ---------------------------------------------------------------- all of it


def parts(options):
    """(what it is called, what runs it)."""
    if options.faults:
        for name, usage in itertools.product(FAULTS, (REFUSE, CONTINUE, POWER)):
            if usage == REFUSE or (name, usage) in (("journal, write", CONTINUE), ("journal, fdatasync", POWER)):
                for code in FAULTS[name].codes:
                    yield f"fail {name}", lambda table, lab, n=name, c=code, u=usage: fail_at(table, lab, n, c, u, options.faults)
        for code in BOTH:
            yield "fail start", lambda table, lab, c=code: fail_while_starting(table, lab, c, options.faults)
    if options.full:
        for usage in (REFUSE, CONTINUE):
            yield "full", lambda table, lab, u=usage: full(table, lab, options.full, u)
    for streamed in (False, True):
        if options.kills:
            yield "kill points", lambda table, lab, s=streamed: kill_at(table, lab, (options.kills + 1) // 2, options.seed, s)
        if options.sweep:
            yield "kill sweep", lambda table, lab, s=streamed: sweep(table, lab, options.sweep, s)
    if options.starts:
        for damage in (False, True):
            yield "kill starts", lambda table, lab, d=damage: kill_starts(table, lab, options.starts, d)


def run(binary, part, every=False):
    """Runs one part; gives what it printed and how much was wrong."""
    table, words, lab = Brief(every), io.StringIO(), Lab(binary)
    with contextlib.redirect_stdout(words):
        try:
            part(table, lab)
            lab.expect_alive()
        except Skip as skip:
            table.head(f"skipped: {skip}")
        except Failure as failure:
            table.line(str(failure)[:72], "", False, [str(failure), lab.story()])
        except Exception as error:
            table.line(f"{type(error).__name__}: {error}"[:72], "", False, traceback.format_exc().splitlines()[-4:])
        finally:
            lab.close()
    return words.getvalue(), table.bad


CHOSEN = []  # before the workers are forked


def run_chosen(job):
    index, binary, every = job
    return run(binary, CHOSEN[index], every)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--proxyd", default=os.environ.get("PROXYD", ".build/release/proxyd"), metavar="PATH", help="the binary under test")
    parser.add_argument("--faults", type=int, default=20, metavar="N", help="of each kind of call the first N fail (default: 20)")
    parser.add_argument("--full", type=int, default=3, metavar="N", help="times that the disk is full (default: 3)")
    parser.add_argument("--kills", type=int, default=44, metavar="N", help="SIGKILLs at named points (default: 44)")
    parser.add_argument("--sweep", type=int, default=20, metavar="N", help="SIGKILLs at the N first system calls (default: 20)")
    parser.add_argument("--starts", type=int, default=10, metavar="N", help="SIGKILLs at each of the N first calls of a start (default: 10)")
    parser.add_argument("-k", default="", metavar="SUBSTRING", help="only parts whose name contains it")
    parser.add_argument("-j", type=int, default=1, metavar="N", help="parts at once: most of the time they wait (default: 1)")
    parser.add_argument("-v", action="store_true", help="what is right too")
    parser.add_argument("--seed", default=str(random.randrange(10**6)), help="what chance begins with")
    options = parser.parse_args()
    try:
        strace.needed()
    except Skip as skip:
        print(f"skipped: {skip}")
        return 0
    binary, bad = os.path.abspath(options.proxyd), 0
    print(f"seed {options.seed}")
    CHOSEN.extend(part for name, part in parts(options) if options.k in name)
    with multiprocessing.get_context("fork").Pool(max(1, options.j), maxtasksperchild=1) as pool:
        for words, wrong in pool.imap(run_chosen, [(index, binary, options.v) for index in range(len(CHOSEN))], 1):
            print(words, end="", flush=True)
            bad += wrong
    print(f"\n{bad} wrong" if bad else "\nall as it should be")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
