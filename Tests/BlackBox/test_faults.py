"""Disks that fail, kills at the worst moments, and what is large, in small: `faults.py` and `scale.py` have all of it."""

import contextlib
import errno
import io

import faults
import scale
import strace
from checks import Failure, check
from torture import Table


class Strict(Table):
    """The first wrong answer fails the check."""

    def line(self, what, value, fine=None, more=()):
        if fine is False:
            raise Failure(f"{what}: {value} {[str(one)[:200] for one in list(more)[:3]]}")


def strictly(part, *arguments):
    with contextlib.redirect_stdout(io.StringIO()):
        part(Strict(), *arguments)


SOME = [
    ("journal, write", errno.ENOSPC, faults.REFUSE),
    ("journal, write", errno.EIO, faults.CONTINUE),
    ("journal, fdatasync", errno.EIO, faults.POWER),
    ("journal, open", errno.EMFILE, faults.REFUSE),
    ("journal, pread64", errno.EIO, faults.REFUSE),
    ("database, pwrite64 of the log", errno.ENOSPC, faults.REFUSE),
    ("database, pwrite64 in place", errno.EIO, faults.REFUSE),
    ("all of the state, openat", errno.EMFILE, faults.REFUSE),
    ("in flight, fallocate", errno.ENOSPC, faults.REFUSE),
    ("request log, write", errno.ENOSPC, faults.REFUSE),
]


@check(
    "{name} fails with {word} ({usage}): nothing is lost in silence, and it goes on when that is over",
    rows=[(name, errno.errorcode[code], usage) for name, code, usage in SOME],
    seconds=90,
)
def _(lab, name, word, usage):
    strace.needed()
    strictly(faults.fail_at, lab, name, getattr(errno, word), usage, 2)


@check("a full disk ({usage}): nothing is lost in silence, and it goes on when there is room", rows=[faults.REFUSE, faults.CONTINUE], seconds=90)
def _(lab, usage):
    strictly(faults.full, lab, 2, usage, 1.0)


@check("SIGKILL at {point}, {mode}: the ledger is what the upstream told", rows=[(point, ("whole", "streamed")[i % 2]) for i, point in enumerate(faults.POINTS)])
def _(lab, point, mode):
    strace.needed()
    strictly(faults.kill_at, lab, 1, "suite", mode == "streamed", [point])


@check("SIGKILL at the first system calls from some moment on, {mode}: the ledger is what the upstream told", rows=["whole", "streamed"], seconds=90)
def _(lab, mode):
    strace.needed()
    strictly(faults.sweep, lab, 4, mode == "streamed")


@check("a start that fails with EIO at its first system calls says so, and the next one has everything", seconds=120)
def _(lab):
    strace.needed()
    strictly(faults.fail_while_starting, lab, errno.EIO, 2, ("write", "pwrite64", "pread64", "getdents64"))


@check("a start{what} that is killed at its first system calls is followed by one that has everything", rows=["", " that rescues a damaged database"], seconds=120)
def _(lab, what):
    strace.needed()
    strictly(faults.kill_starts, lab, 2, bool(what), ("write", "fdatasync", "unlink", "rename"))


@check("some thousand requests of which a part is in the journal alone when it is killed: a start has them all", seconds=90)
def _(lab):
    strictly(scale.rows, lab, 3_000, 2, 1_000)


@check("some hundred keys: listed by page, found by name and tag, there after a kill", seconds=90)
def _(lab):
    strictly(scale.keys, lab, 300)


@check("some days of many keys: reports are the sums of what was used", seconds=90)
def _(lab):
    strictly(scale.year, lab, 3, 6, 2, 2)
