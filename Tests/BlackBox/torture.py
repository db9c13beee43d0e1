#!/usr/bin/env python3
"""What takes longer than a check may: clients that leave at random, kills under load, crowds at the last of a limit.

    python3 Tests/BlackBox/torture.py --proxyd .build/release/proxyd --aborts 10000 --kills 200 --rounds 100

The truth is kept by the scripted upstream: what it was asked, what it told, how much it wrote. A line for each question, its answer,
and what is wrong; the exit status is 1 when something is. A part that is given 0 is left out.
"""

import argparse
import collections
import json
import os
import random
import re
import statistics
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

from checks import Failure, Skip, eventually  # noqa: E402
from dialects import ANTHROPIC, DIALECTS, compact  # noqa: E402
from harness import Lab, indented  # noqa: E402
from limits import taken, together  # noqa: E402
from limits import rows as limit_rows  # noqa: E402
from records import FORMATS, TOLD, book, grouped, pieces, start  # noqa: E402
from upstream import _framed, after, head, whole  # noqa: E402
from wire import events  # noqa: E402

WIDE = (  # every number, none of which is ever reached
    "requests_per_minute: 1000000000, requests_per_day: 1000000000, tokens_per_minute: 1000000M, tokens_per_day: 1000000M, "
    "tokens_per_month: 1000000M, budget_per_day: 1000000000 USD, budget_per_month: 1000000000 USD, budget_total: 1000000000 USD, "
    "concurrent_requests: 10000"
)
SUMS = ("input", "cache_read", "cache_write", "output")
TAIL = {"anthropic": ANTHROPIC.event({"type": "message_stop"}), "openai": b"data: [DONE]\n\n", "responses": b"", "gemini": b""}
OPTIONS = {"openai": {"stream_options": {"include_usage": True}}}  # or the client would not see the last word


# ---------------------------------------------------------------- the upstream, and what it knows


class Job:
    """One request: how it is asked, what its upstream does and knows, what its client saw."""

    def __init__(self, number, chance):
        self.name = f"job-{number}-x"
        self.dialect = chance.choice(FORMATS)
        self.streamed = chance.random() < 0.7
        self.words = chance.choice((20, 200, 1500))  # of the prompt
        write = chance.randrange(400) if self.dialect == "anthropic" else 0
        self.usage = (chance.randrange(1, 9000), chance.randrange(3000), write, chance.randrange(600, 4000))
        self.leaves = None  # after so many events, or seconds where it waits for a whole answer
        self.pause = 0.0
        # The upstream's.
        self.reached, self.letters, self.told = 0, 0, False
        # The client's.
        self.seen, self.finished, self.id = 0, False, None

    def steps(self):
        """The stream: (bytes, letters so far, whether all usage is told)."""
        fresh, read, write, out = (b"%d" % n for n in self.usage)
        told = b"%d" % (self.usage[0] + self.usage[1])
        had, has = {  # the figures of the stream as it is written, and the job's own
            "anthropic": (
                (b'"input_tokens":11,"cache_creation_input_tokens":3,"cache_read_input_tokens":5', b'"output_tokens":%d' % TOLD),
                (b'"input_tokens":%s,"cache_creation_input_tokens":%s,"cache_read_input_tokens":%s' % (fresh, write, read), b'"output_tokens":%s' % out),
            ),
            "openai": (
                (b'"prompt_tokens":19', b'"cached_tokens":5', b'"completion_tokens":%d' % TOLD),
                (b'"prompt_tokens":%s' % told, b'"cached_tokens":%s' % read, b'"completion_tokens":%s' % out),
            ),
            "responses": (
                (b'"input_tokens":19', b'"cached_tokens":5', b'"output_tokens":%d' % TOLD),
                (b'"input_tokens":%s' % told, b'"cached_tokens":%s' % read, b'"output_tokens":%s' % out),
            ),
            "gemini": (
                (b'"promptTokenCount":19', b'"cachedContentTokenCount":5', b'"candidatesTokenCount":%d' % TOLD),
                (b'"promptTokenCount":%s' % told, b'"cachedContentTokenCount":%s' % read, b'"candidatesTokenCount":%s' % out),
            ),
        }[self.dialect]
        edits = list(zip(had, has))
        for data, letters, final in STEPS[self.dialect]:
            for old, new in edits:
                data = data.replace(old, new)
            yield data, letters, final

    def whole(self):
        fresh, read, write, out = self.usage
        usage = {
            "anthropic": {"input_tokens": fresh, "cache_read_input_tokens": read, "cache_creation_input_tokens": write, "output_tokens": out},
            "openai": {"prompt_tokens": fresh + read, "completion_tokens": out, "prompt_tokens_details": {"cached_tokens": read}},
            "responses": {"input_tokens": fresh + read, "output_tokens": out, "input_tokens_details": {"cached_tokens": read}},
            "gemini": {"promptTokenCount": fresh + read, "candidatesTokenCount": out, "cachedContentTokenCount": read},
        }[self.dialect]  # fmt: skip
        body = json.loads(DIALECTS[self.dialect].whole("m"))
        return compact({**body, ("usageMetadata" if self.dialect == "gemini" else "usage"): usage})

    @property
    def exact(self):
        return dict(zip(SUMS, self.usage))


SAID = {dialect: pieces(dialect) for dialect in FORMATS}
STEPS = {
    dialect: [(data + (TAIL[dialect] if final else b""), letters, final) for data, letters, final in steps]
    for dialect, steps in SAID.items()
}
EVENTS = {dialect: len(events(b"".join(data for data, *_ in steps))) for dialect, steps in STEPS.items()}


class Provider:
    """Answers each job as the job says, and notes in it what it did."""

    def __init__(self, up):
        self.jobs, self.lock = {}, threading.Lock()
        up.reply(self.answer)

    def make(self, number, chance):
        job = Job(number, chance)
        with self.lock:
            self.jobs[job.name] = job
        return job

    def answer(self, request, wire):
        found = re.search(rb"job-\d+-x", request.body)
        job = self.jobs[found.group().decode()]
        job.reached += 1
        if not job.streamed:
            if wire.wait_gone(job.pause):
                return wire.close()
            job.told = True
            return whole(job.whole())(request, wire)
        wire.send(head(200, [("Content-Type", "text/event-stream")], "chunked", 0))
        for data, letters, final in job.steps():
            if job.pause and wire.wait_gone(job.pause):
                return wire.close()
            wire.send(_framed(data, "chunked"))
            job.letters, job.told = letters, job.told or final
        wire.send(b"0\r\n\r\n")


def ask(p, job):
    """What the job's client does: reads to the end, or leaves."""
    options = {"stream": job.streamed, "text": "word " * job.words + job.name, "headers": {"x-proxyd-session": job.name}}
    if job.streamed:
        options.update(OPTIONS.get(job.dialect, {}))
    try:
        with start(p, job.dialect, **options) as connection:
            if not job.streamed:
                if job.leaves is not None:
                    time.sleep(job.leaves)
                    return connection.abort()
                answer = connection.answer()
                job.id, job.finished = answer.header("x-request-id"), answer.status == 200 and answer.complete
                return None
            if job.leaves == 0:
                return connection.abort()
            told = connection.stream()
            while job.leaves is None or job.seen < job.leaves:
                if told.next() is None:
                    break
                job.seen += 1
            if job.leaves is not None and not told.answer.complete:
                return connection.abort()
            body = told.text
            dialect = DIALECTS[job.dialect]
            ends = {"anthropic": b"message_stop", "openai": b"[DONE]", "gemini": b'"STOP"'}
            finished = dialect.finished(body) if job.dialect == "responses" else ends[job.dialect] in body
            job.id, job.finished = told.answer.header("x-request-id"), told.answer.status == 200 and told.answer.complete and finished
    except (Failure, OSError, ValueError):
        pass
    return None


def every_row(p):
    rows, query = [], "limit=1000"
    while query:
        page = p.get(f"/admin/requests?{query}")
        rows += page["requests"]
        query = page.get("next") and f"limit=1000&before={page['next']}"
    return rows


def spend(count, one, threads=8):
    """Calls `one(i)` for each number below `count`, in so many threads."""
    numbers = iter(range(count))
    lock = threading.Lock()

    def work():
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            one(number)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


# ---------------------------------------------------------------- the table


class Table:
    def __init__(self):
        self.bad = 0

    def head(self, text):
        print(f"\n{text}", flush=True)

    def line(self, what, value, fine=None, more=()):
        mark = "" if fine is None else "ok" if fine else "WRONG"
        self.bad += fine is False
        print(f"  {what:<72} {value!s:>16} {mark}", flush=True)
        for each in [] if fine else list(more)[:5]:
            print(f"      {str(each)[:300]}", flush=True)

    def run(self, binary, parts):
        """Runs each part that is asked for (its count above 0) in a lab of its own; gives the exit status."""
        for count, part in parts:
            if count <= 0:
                continue
            lab = Lab(binary)
            try:
                part(lab)
                lab.expect_alive()
            except Skip as skip:
                self.head(f"skipped: {skip}")
            except Failure as failure:
                self.line(str(failure)[:72], "", False, [str(failure)])
            finally:
                lab.close()
        print(f"\n{self.bad} wrong" if self.bad else "\nall as it should be")
        return 1 if self.bad else 0


def reserved(p):
    return [one for one in limit_rows(p) if one["reserved"] or one["kind"] == "concurrency" and taken(one)]


def quiet(p):
    """Waits until nothing is reserved and rows no longer come; gives what is still reserved."""
    try:
        eventually(lambda: not reserved(p), "nothing reserved", 20, every=0.2)
        count, since = -1, time.monotonic()
        while time.monotonic() < since + 20:
            now = p.get("/admin/usage")["total_requests"]
            if now == count:
                break
            count = now
            time.sleep(0.6)
    except Failure:
        pass
    return reserved(p)


def sums(rows):
    return {name: sum(one[name] for one in rows) for name in SUMS}


def compare_report(table, p, rows):
    report = grouped(p, "key,model")
    told, listed = sums(report), sums(rows)
    table.line("tokens of the report less tokens of the rows", {k: told[k] - listed[k] for k in SUMS} if told != listed else 0, told == listed)
    cost = sum(one["cost_nano"] or 0 for one in rows) / 1e9
    off = abs(sum(one["cost_usd"] for one in report) - cost)
    table.line("USD of the report less USD of the rows", f"{off:.6f}", off <= 1e-6 * max(1.0, cost))


# ---------------------------------------------------------------- aborts


def aborts(table, lab, count, chance):
    p, up = book(lab, policy=WIDE, more="log: {requests: false}")
    provider = Provider(up)
    begun = time.monotonic()

    def one(number):
        job = provider.make(number, random.Random(f"{chance}-{number}"))
        dice = random.Random(f"leave {chance}-{number}")
        job.pause = dice.choice((0.0, 0.001, 0.004)) if job.streamed else dice.choice((0.0, 0.02, 0.05))
        job.leaves = dice.randrange(EVENTS[job.dialect] + 1) if job.streamed else dice.random() * 0.06
        ask(p, job)

    spend(count, one)
    leaks = quiet(p)
    jobs, rows = provider.jobs, every_row(p)
    by_name = collections.Counter(row["session"] for row in rows)
    reached = [job for job in jobs.values() if job.reached]
    table.head(f"{count} clients that leave at random, {time.monotonic() - begun:.0f} s; {len(reached)} reached the upstream")
    missing = [job.name for job in reached if not by_name[job.name]]
    table.line("requests that reached the upstream and have no row", len(missing), not missing, missing)
    twice = [name for name, times in by_name.items() if times > 1]
    table.line("requests with more than one row", len(twice), not twice, twice)
    nobody = [row for row in rows if not jobs[row["session"]].reached and any(row[name] for name in SUMS)]
    table.line("rows with usage that never reached the upstream", len(nobody), not nobody, nobody)
    wrong = [row for row in rows if row["source"] == "reported" and {n: row[n] for n in SUMS} != jobs[row["session"]].exact]
    exact = sum(row["source"] == "reported" for row in rows)
    table.line(f"of {exact} rows called reported: not what the upstream told", len(wrong), not wrong, [(w["session"], w) for w in wrong])
    told = [row for row in rows if saw_all(jobs[row["session"]])]
    off = [row for row in told if {n: row[n] for n in SUMS} != jobs[row["session"]].exact]
    shown = [(row["session"], jobs[row["session"]].exact, row) for row in off]
    table.line(f"of {len(told)} whose client saw the last word: not exactly that", len(off), not off, shown)
    counted = [row for row in rows if row["source"] == "counted" and not jobs[row["session"]].told]
    by_letters = sum(jobs[row["session"]].letters / 4 for row in counted)
    output = sum(row["output"] for row in counted)
    close = abs(output - by_letters) <= 0.3 * by_letters + 50
    table.line(f"of {len(counted)} counted rows: output counted, by the upstream's letters", f"{output / max(1.0, by_letters):.3f}", close)
    untold = [row for row in counted if row["dialect"] != "anthropic"]
    words, inputs = sum(jobs[row["session"]].words * 1.25 for row in untold), sum(row["input"] + row["cache_read"] for row in untold)
    close = abs(inputs - words) <= 0.3 * words + 50
    table.line(f"of {len(untold)} of them whose input was not told: counted, by letters", f"{inputs / max(1.0, words):.3f}", close)
    unmarked = [row for row in rows if row["source"] == "none" and (row["output"] or row["input"])]
    table.line("rows with usage and source none", len(unmarked), not unmarked, unmarked)
    compare_report(table, p, rows)
    table.line("limits of which something is still reserved", len(leaks), not leaks, leaks)
    limits_are_rows(table, p, rows)


def saw_all(job):
    """Whether the client read the event that tells all usage."""
    return job.finished or job.streamed and job.seen >= EVENTS[job.dialect] - bool(TAIL[job.dialect])


def limits_are_rows(table, p, rows):
    used = {one["limit"]: one["used"] for one in limit_rows(p)}
    tokens = sum(row["input"] + row["cache_write"] + row["output"] for row in rows)
    cost = sum(row["cost_nano"] or 0 for row in rows) / 1e9
    off = used.get("team.tokens_per_month", 0) - tokens
    table.line("tokens used of the limit less tokens of the rows", off, off == 0)
    off = used.get("team.budget_total", 0) - cost
    table.line("USD used of the limit less USD of the rows", f"{off:.6f}", abs(off) <= 1e-6 * max(1.0, cost))


# ---------------------------------------------------------------- kills


def kills(table, lab, count, chance):
    p, up = book(lab, policy=WIDE, more="log: {requests: false}\ntimeouts: {drain: 1s}")
    provider, numbers, lock, stop = Provider(up), iter(range(10**9)), threading.Lock(), threading.Event()
    dice = random.Random(f"kills {chance}")

    def load():
        while not stop.is_set():
            with lock:
                number = next(numbers)
            job = provider.make(number, random.Random(f"{chance} {number}"))
            job.pause = 0.002 if number % 3 else 0.0
            ask(p, job)
            if not job.finished:
                time.sleep(0.02)

    begun, starts, fallen = time.monotonic(), [], []
    workers = [threading.Thread(target=load) for _ in range(6)]
    for worker in workers:
        worker.start()
    try:
        for number in range(count):
            time.sleep(0.05 + dice.random() * 0.4)
            p.kill()
            since = time.monotonic()
            try:
                p.start()
            except Failure as failure:
                fallen.append(f"kill {number}: {failure}")
                break
            starts.append(time.monotonic() - since)
    finally:
        stop.set()
        for worker in workers:
            worker.join()
    leaks = quiet(p)
    jobs, rows = provider.jobs, every_row(p)
    by_name = collections.defaultdict(list)
    for row in rows:
        by_name[row["session"]].append(row)
    finished = [job for job in jobs.values() if job.finished]
    table.head(f"{count} SIGKILLs under load, {time.monotonic() - begun:.0f} s; {len(jobs)} requests, {len(finished)} seen whole")
    table.line("starts that failed", len(fallen), not fallen, fallen)
    missing = [job.name for job in finished if not by_name[job.name]]
    table.line("answers seen whole that have no row", len(missing), not missing, missing)
    twice = [name for name, found in by_name.items() if len(found) > 1]
    table.line("requests with more than one row", len(twice), not twice, [by_name[name] for name in twice])
    wrong = [
        job.name
        for job in finished
        for row in by_name[job.name]
        if {n: row[n] for n in SUMS} != job.exact or row["source"] != "reported"
    ]
    table.line("answers seen whole whose row is not what the upstream told", len(wrong), not wrong, [by_name[name] for name in wrong])
    off = [row for row in rows if row["source"] == "reported" and {n: row[n] for n in SUMS} != jobs[row["session"]].exact]
    table.line("rows called reported that are not what the upstream told", len(off), not off, off)
    lost = [job.name for job in jobs.values() if job.reached and not by_name[job.name]]
    table.line("requests that reached the upstream and have no row", len(lost), not lost, lost)
    crashed = [row for row in rows if row["outcome"] == "crash"]
    table.line("rows marked crash", len(crashed), bool(crashed) or count == 0)
    compare_report(table, p, rows)
    table.line("limits of which something is still reserved", len(leaks), not leaks, leaks)
    limits_are_rows(table, p, rows)
    if starts:
        middle, most = statistics.median(starts), max(starts)
        table.line(f"seconds from a start to its first answer, median and most, {len(rows)} rows", f"{middle:.2f} {most:.2f}", most < 1.0)


# ---------------------------------------------------------------- crowds

CLIENTS = 64
FINE = whole({**json.loads(ANTHROPIC.whole("claude-test")), "usage": {"input_tokens": 1, "output_tokens": 64}})  # less than reserved
FIRST = {"tokens": 800, "cost": 700, "requests": 1}  # tokens of the answer that spends most of a limit
CROWD = {
    "tokens_per_day": ("1000", "tokens"), "tokens_per_minute": ("1000", "tokens"), "budget_per_month": ("500 USD", "cost"),
    "budget_total": ("500 USD", "cost"), "requests_per_day": ("8", "requests"), "concurrent_requests": ("5", "concurrency"),
}  # fmt: skip


def crowds(table, lab, count):
    entry = """\n- {{name: {0}, per: 'request.headers["x-{0}"]', when: '"x-{0}" in request.headers', {0}: {1}}}"""
    entries = "".join(entry.format(number, most) for number, (most, _) in CROWD.items())
    p, up = book(lab, more=f"log: {{requests: false}}\nusage_limits:{indented(entries, 2)}")
    table.head(f"{CLIENTS} clients at the last of a limit, {count} rounds each")
    for number, (_, kind) in CROWD.items():
        over, leaks, starved, begun = [], [], 0, time.monotonic()
        gauge = Gauge()
        for turn in range(count):
            bucket, headers = f"r{turn}", {f"x-{number}": f"r{turn}"}
            if kind in FIRST:
                usage = {"input_tokens": FIRST[kind], "output_tokens": 0}
                up.reply(whole({**json.loads(ANTHROPIC.whole("claude-test")), "usage": usage}))
                ask_once(p, headers)
            gauge.most = 0
            up.reply(lambda request, wire: gauge(after(0.01, FINE), request, wire))
            statuses = together(CLIENTS, lambda _i: ask_once(p, headers))
            starved += statuses.count(200) == 0

            def standing():
                told = limit_rows(p, limit=number, bucket=bucket)
                return [one for one in told if one["reserved"] or kind == "concurrency" and taken(one)]

            try:
                eventually(lambda: not standing(), "nothing reserved", 5)
            except Failure:
                leaks += standing()
            over += [one for one in limit_rows(p, limit=number, bucket=bucket) if one["used"] > one["max"]]
            if kind == "concurrency" and gauge.most > 5:
                over.append(f"{gauge.most} at the upstream at once")
            if set(statuses) - {200, 429}:
                over.append(f"answers {set(statuses)}")
        what = f"{number}: rounds with overshoot, leaks, nobody served; {time.monotonic() - begun:.0f} s"
        table.line(what, f"{len(over)} {len(leaks)} {starved}", not (over or leaks or starved), [*over, *leaks])


class Gauge:
    """How many are at the upstream at once, and at most."""

    def __init__(self):
        self.now, self.most, self.lock = 0, 0, threading.Lock()

    def __call__(self, reply, request, wire):
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)

        def leave():
            with self.lock:
                self.now -= 1

        reply(request, Leaving(wire, leave))


class Leaving:
    """The wire of a reply that is gone before its bytes are: what comes after it may be there already when they went."""

    def __init__(self, wire, leave):
        self._wire, self._leave = wire, leave

    def __getattr__(self, name):
        return getattr(self._wire, name)

    def send(self, data):
        self._leave()
        self._wire.send(data)


def ask_once(p, headers):
    with start(p, max_tokens=64, headers=headers) as connection:
        return connection.answer().status


# ---------------------------------------------------------------- all of it


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--proxyd", default=os.environ.get("PROXYD", ".build/release/proxyd"), metavar="PATH", help="the binary under test")
    parser.add_argument("--aborts", type=int, default=1000, metavar="N", help="clients that leave (default: 1000)")
    parser.add_argument("--kills", type=int, default=20, metavar="N", help="SIGKILLs under load (default: 20)")
    parser.add_argument("--rounds", type=int, default=10, metavar="N", help="rounds of 64 clients for each limit (default: 10)")
    parser.add_argument("--seed", default=str(random.randrange(10**6)), help="what chance begins with")
    options = parser.parse_args()
    binary, table = os.path.abspath(options.proxyd), Table()
    print(f"seed {options.seed}")
    parts = (
        (options.aborts, lambda lab: aborts(table, lab, options.aborts, options.seed)),
        (options.kills, lambda lab: kills(table, lab, options.kills, options.seed)),
        (options.rounds, lambda lab: crowds(table, lab, options.rounds)),
    )
    return table.run(binary, parts)


if __name__ == "__main__":
    sys.exit(main())
