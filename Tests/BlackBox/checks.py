"""How a check is declared, what it says when it fails, and how one is run.

A check is a function with a sentence as its name:

    @check("a request without a key is answered 401")
    def _(lab):
        ...

or a table of them, one check for each row, the row's values named after the function's parameters:

    @check("a key in {header} is accepted", rows=[("x-api-key",), ("api-key",)])
    def _(lab, header):
        ...
"""

import inspect
import os
import signal
import sys
import time
import traceback
from dataclasses import dataclass, field


class Failure(AssertionError):
    """The contract was not kept; the text says what was expected and what came."""


class Skip(Exception):
    """The check cannot be made here; the text says why."""


@dataclass
class Check:
    name: str
    module: str
    function: object
    values: dict = field(default_factory=dict)
    seconds: int = 45
    together: bool = False


@dataclass
class Result:
    name: str
    module: str
    outcome: str  # passed | failed | skipped
    text: str = ""
    seconds: float = 0.0
    processor: float = 0.0


REGISTRY = []
NAMES = set()


def check(name, rows=None, seconds=45, together=False):
    """Registers a function as a check (or one for each row). `seconds` is how long it may take at most. Rows that may be asked `together`
    leave what they start as they found it: those of one configuration share one proxyd, one after another."""

    def register(function):
        parameters = list(inspect.signature(function).parameters)[1:]
        for row in rows if rows is not None else [()]:
            row = row if isinstance(row, tuple) else (row,)
            if len(row) != len(parameters):
                raise TypeError(f"{name!r}: the row {row!r} does not fill {parameters}")
            values = dict(zip(parameters, row))
            full = name.format(**values)
            if full in NAMES:
                raise ValueError(f"two checks are called {full!r}")
            NAMES.add(full)
            REGISTRY.append(Check(full, function.__module__, function, values, seconds, together))
        return function

    return register


# ---------------------------------------------------------------- what a check says


def short(value, limit=420):
    if isinstance(value, bytes) and len(value) > 2 * limit:  # not all of a large body, to throw most of it away
        return f"{repr(value[:limit])[:limit * 2 // 3]} … {repr(value[-limit:])[-limit // 3:]} ({len(value)} in all)"
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= limit else f"{text[:limit * 2 // 3]} … {text[-limit // 3:]} ({len(text)} in all)"


def fail(text):
    raise Failure(text)


def expect(condition, what, got=None):
    """`what` is the sentence that should be true."""
    if not condition:
        fail(f"expected: {what}" + ("" if got is None else f"; got: {short(got)}"))


def equal(got, wanted, what):
    if got != wanted:
        fail(f"{what}: expected {difference(wanted, got)}")


def difference(wanted, got):
    """Long values are shown around the first place where they differ."""
    if isinstance(wanted, (bytes, str)) and isinstance(got, type(wanted)) and max(len(wanted), len(got)) > 400:
        at = next((i for i, (a, b) in enumerate(zip(wanted, got)) if a != b), min(len(wanted), len(got)))
        start = max(0, at - 40)
        return (
            f"{len(wanted)} long, got {len(got)} long; at {at} expected {wanted[start:at + 80]!r}, " f"got {got[start:at + 80]!r}"
        )
    return f"{short(wanted)}, got {short(got)}"


def one_of(got, wanted, what):
    if got not in wanted:
        fail(f"{what}: expected one of {wanted!r}, got {short(got)}")


def contains(whole, part, what):
    if part not in whole:
        fail(f"{what}: expected it to contain {short(part)}, got {short(whole)}")


def lacks(whole, part, what):
    if part in whole:
        at = whole.index(part) if isinstance(whole, (str, bytes)) else 0
        shown = whole[max(0, at - 120) : at + 120] if isinstance(whole, (str, bytes)) else whole
        fail(f"{what}: expected no {short(part)}, got {short(shown)}")


def eventually(attempt, what, within=5.0, every=0.03):
    """Calls `attempt` until it gives something true and raises no Failure; its last word is in the failure."""
    deadline = time.monotonic() + within
    last = None
    while True:
        try:
            last = attempt()
            if last:
                return last
        except Failure as failure:
            last = failure
        if time.monotonic() > deadline:
            fail(f"expected within {within:g} s: {what}; last: {short(str(last))}")
        time.sleep(every)


def stays(attempt, what, seconds=0.5, every=0.05):
    """Calls `attempt` for a while; it must be true each time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        expect(attempt(), what)
        time.sleep(every)


# ---------------------------------------------------------------- how one is run


class _TookTooLong(BaseException):
    pass


def may_be_killed():
    """Between checks there is nothing to end: a SIGTERM need not find Python awake."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def run(several, make_lab, verbose=False):
    """Runs checks in this process, in one lab; after a failure in another one. Whatever they started is ended afterwards, however they end."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    results, lab = [], None
    try:
        for number, one in enumerate(several, 1):
            begun, used = time.monotonic(), _processor()
            lab = lab or make_lab()
            outcome, text = _judged(one, lab)
            if outcome == "failed" and verbose:
                text += "\n" + lab.logs()
            ended, lab = lab, lab if outcome == "passed" and number < len(several) else None
            trouble = _ended(ended.renew if lab else ended.close)
            if trouble and outcome != "failed":
                outcome, text = "failed", trouble
            results.append(Result(one.name, one.module, outcome, text, time.monotonic() - begun, _processor() - used))
    finally:
        if lab:
            _ended(lab.close)
        may_be_killed()
    return results


def _processor():
    """Seconds of a processor that this process and those it waited for took."""
    return sum(os.times()[:4])


def _judged(one, lab):
    """Calls the check; gives its outcome, and what there is to say of it."""

    def alarm(_signal, frame):
        where = traceback.extract_stack(frame)
        mine = [entry for entry in where if os.path.basename(entry.filename).startswith("test_")]
        raise _TookTooLong(f"at {os.path.basename(mine[-1].filename)}:{mine[-1].lineno}" if mine else "")

    signal.signal(signal.SIGALRM, alarm)
    try:
        signal.alarm(one.seconds)
        try:
            one.function(lab, **one.values)
            lab.expect_alive()
        finally:
            signal.alarm(0)
        return "passed", ""
    except Skip as skip:
        return "skipped", str(skip)
    except Failure as failure:
        return "failed", f"{_place()}{failure}{lab.story()}"
    except _TookTooLong as place:
        return "failed", f"took longer than {one.seconds} s {place}{lab.story()}"
    except Exception as error:  # a connection that breaks, a body that is no JSON: a failed check too
        return "failed", f"{_place()}{type(error).__name__}: {short(str(error))}{lab.story()}"


def _ended(end):
    """Ends what a check started, and gives what went wrong with it. A signal to end this process waits until that is done."""
    came = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda number, _frame: came.append(number)) for number in numbers]
    try:
        end()
    except Exception as error:
        return f"what it started did not end as it should: {type(error).__name__}: {short(str(error))}"
    finally:
        for number, handler in zip(numbers, before):
            signal.signal(number, handler)
        if came:
            sys.exit(128 + came[0])


def _place():
    frames = traceback.extract_tb(sys.exc_info()[2])
    mine = [frame for frame in frames if os.path.basename(frame.filename).startswith("test_")]
    return f"[{os.path.basename(mine[-1].filename)}:{mine[-1].lineno}] " if mine else ""
