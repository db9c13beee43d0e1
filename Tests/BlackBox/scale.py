#!/usr/bin/env python3
"""How long what is large takes: a million rows, ten thousand keys, a year of usage; what a second settles.

    python3 Tests/BlackBox/scale.py --proxyd .build/release/proxyd --rows 1000000 --keys 10000 --days 365

Figures are for somebody to read: they depend on the machine, and none of them fails. What fails is a wrong answer: a request that is
not in the ledger once, a key that a list lacks, a sum that is not what was used. The exit status is 1 then.
"""

import argparse
import contextlib
import datetime
import os
import pathlib
import shutil
import sqlite3
import statistics
import subprocess
import sys
import time
from urllib.parse import urlencode

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

import wire  # noqa: E402
from checks import Failure, Skip, eventually  # noqa: E402
from dialects import ANTHROPIC, compact  # noqa: E402
from harness import ADMIN_KEY, USER_KEY, served  # noqa: E402
from limits import PRICE  # noqa: E402
from ports import free_port  # noqa: E402
from torture import WIDE, Table  # noqa: E402

INPUT, OUTPUT = 19, 7  # tokens of each answer: all that goes in, what comes out
SUMS = ("requests", "input", "output", "cache_read", "cache_write", "reasoning")


class Crowd:
    """A provider and clients in C: what they count is the truth."""

    def __init__(self, lab):
        compiler = next((path for path in map(shutil.which, ("cc", "gcc", "clang")) if path), None)
        if compiler is None:
            raise Skip("no C compiler to make clients with")
        self.lab, self.binary, self.port = lab, lab.folder / "scale", free_port()
        made = subprocess.run([compiler, "-O2", "-o", self.binary, pathlib.Path(HERE, "scale.c")], capture_output=True, check=False)
        if made.returncode:
            raise Skip(f"the clients cannot be compiled: {made.stderr.decode(errors='replace')[:200]}")
        body = ANTHROPIC.whole("claude-test")
        answer = lab.folder / "answer"
        answer.write_bytes(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        self.provider = subprocess.Popen([self.binary, "provider", str(self.port), answer], stdout=subprocess.PIPE)
        lab.after(lambda: self.provider.poll() is None and self.provider.kill())
        self.url = f"http://127.0.0.1:{self.port}"
        request = ANTHROPIC.request("claude-test")
        lines = [b"POST /v1/messages HTTP/1.1", b"Host: x", b"Authorization: Bearer " + USER_KEY.encode(), b"Content-Type: application/json"]
        self.request = lab.folder / "request"
        self.request.write_bytes(b"\r\n".join([*lines, b"Content-Length: %d" % len(request)]) + b"\r\n\r\n" + request)

    def begin(self, p, count, at_once):
        words = [self.binary, "clients", str(p.port), str(count), str(at_once), self.request]
        return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def stop_provider(self):
        self.provider.terminate()
        return int(self.provider.communicate(timeout=20)[0])


class Machine:
    """proxyd before a provider that costs next to nothing, and clients that do as well."""

    def __init__(self, lab, policy=WIDE):
        self.lab, self.crowd, self.sent = lab, Crowd(lab), 0
        self.p = lab.proxyd(
            f"""
upstreams: {{claude: {{url: '{self.crowd.url}', dialect: anthropic, accounts: [{{name: one, key: provider-key-one}}]}}}}
policies: {{default: {{}}, team: {{{policy}}}}}
keys: [{{name: user, key: {USER_KEY}, policy: team, tags: {{team: infra}}}}]
prices: {{claude-test: {PRICE}}}
rules: [{{name: all, models: ["*"], tiers: [claude]}}]
log: {{requests: false}}
"""
        )

    def load(self, count, at_once=64):
        """So many requests; gives the seconds they took and the processor time of proxyd."""
        before, clients = self.cpu(), self.crowd.begin(self.p, count, at_once)
        out, errors = clients.communicate()
        if clients.returncode:
            raise Failure(f"clients ended with {clients.returncode}: {errors}")
        good, bad, seconds = out.split()
        if int(bad) or int(good) != count:
            raise Failure(f"{good} of {count} requests were served, {bad} were not")
        self.sent += int(good)
        return float(seconds), self.cpu() - before

    def cpu(self):
        fields = pathlib.Path(f"/proc/{self.p.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def timed(one):
    begun = time.monotonic()
    value = one()
    return time.monotonic() - begun, value


def admin(p, path, timeout=300):
    answer = p.send("GET", path, key=ADMIN_KEY, timeout=timeout)
    if answer.status != 200:
        raise Failure(f"{answer.status} of GET {path}: {answer.text[:200]}")
    return answer.json()


def megabytes(p):
    return sum(path.stat().st_size for path in p.state.rglob("*") if path.is_file()) / 1e6


# ---------------------------------------------------------------- a million rows


def rows(table, lab, count, starts, tail):
    """Requests until there are so many rows; then starts with a tail of the journal that was not booked when the process was killed."""
    machine = Machine(lab)
    p = machine.p
    table.head(f"{count} requests, then {starts} starts with {tail} that are not booked")
    machine.load(min(count, 1000))
    left = count - min(count, 1000)
    if left:
        seconds, cpu = machine.load(left)
        table.line("requests settled a second, clients and provider beside it on the same machine", f"{left / seconds:.0f}")
        table.line("microseconds of proxyd's processor time for each, booking included", f"{cpu / left * 1e6:.1f}")
    waited, _ = timed(lambda: eventually(lambda: admin(p, "/admin/usage")["total_requests"] == machine.sent, "all booked", 300))
    table.line("seconds until all were booked after the last answer", f"{waited:.2f}")
    table.line("megabytes of the state", f"{megabytes(p):.0f}")
    times, off = [], 0
    for _ in range(starts):
        with unbooked(machine, tail):
            p.kill()
        seconds, _ = timed(p.start)
        times.append(seconds)
        told = admin(p, "/admin/usage")["total_requests"]
        off += told != machine.sent
    table.line("seconds from a start to its first answer, median and most", f"{statistics.median(times):.2f} {max(times):.2f}" if times else "-")
    table.line("starts whose ledger had not every request that was answered", off, off == 0)
    seconds, page = timed(lambda: admin(p, "/admin/requests?limit=100"))
    table.line("seconds for the newest hundred rows", f"{seconds:.3f}")
    table.line("rows of that page", len(page["requests"]), len(page["requests"]) == min(100, machine.sent))
    seconds, found = timed(lambda: sum(1 for _ in every_id(p)))
    table.line(f"seconds for all rows by pages of 1000: {seconds:.1f}; rows less requests", found - machine.sent, found == machine.sent)
    seconds, report = timed(lambda: admin(p, "/admin/usage?group_by=key,model")["rows"])
    table.line("seconds for a report of all by key and model", f"{seconds:.3f}")
    told = [sum(row["requests"] for row in report), sum(row["input"] + row["cache_read"] + row["cache_write"] for row in report), sum(row["output"] for row in report)]
    table.line("its requests and tokens less what was used", told[0] - machine.sent, told == [machine.sent, machine.sent * INPUT, machine.sent * OUTPUT], [told])
    table.line("resident megabytes of proxyd", f"{p.resident() / 1e6:.0f}")
    asked = machine.crowd.stop_provider()
    table.line("requests at the provider less those answered", asked - machine.sent, asked == machine.sent)


@contextlib.contextmanager
def unbooked(machine, count):
    """Somebody holds the database while so many requests are served: the journal alone has them."""
    holder = sqlite3.connect(machine.p.state / "proxyd.sqlite", timeout=30, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        if count:
            machine.load(count)
        yield
    finally:
        holder.execute("ROLLBACK")
        holder.close()


def every_id(p):
    query, seen = "limit=1000", set()
    while query:
        page = admin(p, f"/admin/requests?{query}")
        for row in page["requests"]:
            if row["id"] in seen:
                raise Failure(f"{row['id']} is listed twice")
            seen.add(row["id"])
            yield row["id"]
        query = page.get("next") and f"limit=1000&before={page['next']}"


# ---------------------------------------------------------------- keys


def keys(table, lab, count):
    p, _up = lab.simple()
    table.head(f"{count} keys made through the admin API")
    made, seconds = {}, []
    with wire.Connection(p.port, timeout=60) as connection:
        begun = time.monotonic()
        for number in range(count):
            body = compact({"name": f"key {number:05d}", "tags": {"team": f"team-{number % 100:02d}"}})
            headers = [("Authorization", f"Bearer {ADMIN_KEY}"), ("Content-Type", "application/json")]
            answer = connection.ask("POST", "/admin/keys", headers, body)
            if answer.status not in (200, 201):
                raise Failure(f"{answer.status} for key {number}: {answer.text[:200]}")
            made[f"key {number:05d}"] = answer.json()
            if number % 1000 == 999 or number == count - 1:
                seconds.append(time.monotonic() - begun)
                begun = time.monotonic()
    table.line("seconds for each thousand: " + " ".join(f"{one:.2f}" for one in seconds), "")

    def pages():
        listed, query = [], "limit=500"
        while query:
            page = admin(p, f"/admin/keys?{query}")
            listed += page["keys"]
            query = page["next"] and f"limit=500&before={page['next']}"
        return listed

    took, listed = timed(pages)
    names = [key["name"] for key in listed if key["name"] != "user"]
    wrong = len(names) != count or set(names) != set(made)
    table.line(f"listed by pages of 500, {took:.2f} s: keys less those made", len(names) - count, not wrong)
    took, whole = timed(lambda: admin(p, "/admin/keys")["keys"])
    table.line(f"listed at once, {took:.2f} s: keys less those made", len(whole) - 1 - count, len(whole) == count + 1)
    some = f"key {count // 2:05d}"
    took, found = timed(lambda: admin(p, f"/admin/keys?{urlencode({'q': some, 'limit': 100})}")["keys"])
    table.line(f"one found by its name, {took:.3f} s", len(found), [key["name"] for key in found] == [some], [found])
    took, found = timed(lambda: admin(p, f"/admin/keys?{urlencode({'q': 'team=team-07', 'limit': 1000})}")["keys"])
    wanted = len([number for number in range(count) if number % 100 == 7])
    table.line(f"those of a team found, {took:.3f} s: found less those made", len(found) - wanted, len(found) == wanted)
    for name in (f"key {0:05d}", some, f"key {count - 1:05d}"):
        served(p.ask(key=made[name]["api_key"]), f"the answer to {name}")
    p.kill()
    took, _ = timed(p.start)
    table.line("seconds of a start with them", f"{took:.2f}")
    served(p.ask(key=made[some]["api_key"]), "the answer to a key after a kill")
    total = len(admin(p, "/admin/keys")["keys"])
    table.line("keys after a kill less those made", total - 1 - count, total == count + 1)


# ---------------------------------------------------------------- a year


def year(table, lab, days, team=60, models=3, hours=10):
    """A year of usage: a request of each key for each model, whose sums are then put into every hour of every day."""
    p, _up = lab.simple()
    table.head(f"{days} days of {team} keys, {models} models, {hours} hours")
    made = [p.create_key(f"key {number:02d}", tags={"team": f"team-{number % 6}"})["api_key"] for number in range(team)]
    names = [f"claude-{number}" for number in range(models)]
    for key in made:
        for name in names:
            served(p.ask(model=name, key=key))
    eventually(lambda: admin(p, "/admin/usage")["total_requests"] == team * models, "all booked", 20)
    (one,) = admin(p, "/admin/usage?group_by=day")["rows"]
    p.stop()
    last = datetime.date.fromisoformat(one["day"]) - datetime.timedelta(days=1)
    dates = [last - datetime.timedelta(days=back) for back in range(days)]
    spread(p.state / "proxyd.sqlite", dates, range(8, 8 + hours))
    table.line("megabytes of the state", f"{megabytes(p):.0f}")
    seconds, _ = timed(p.start)
    table.line("seconds of a start with it", f"{seconds:.2f}")
    begin, end = dates[min(29, days - 1)], dates[0]
    month = len([date for date in dates if begin <= date <= end])
    for groups, count in (
        ("key,model", team * models), ("day", month), ("key", team), ("model", models), ("tag:team", min(6, team)), ("key,model,day", team * models * month),
        ("hour", month * hours), ("upstream,account,rule", 1),
    ):  # fmt: skip
        query = urlencode({"group_by": groups, "from": begin.isoformat(), "to": end.isoformat()})
        report(table, p, f"/admin/usage?{query}", f"a month by {groups}", count, {name: one[name] * month * hours for name in SUMS})
    query = urlencode({"group_by": "key,model", "from": dates[-1].isoformat(), "to": end.isoformat()})
    report(table, p, f"/admin/usage?{query}", "the year by key,model", team * models, {name: one[name] * days * hours for name in SUMS})
    for path in ("/admin/usage/daily", "/admin/usage/hourly", f"/admin/usage/daily?date={end.isoformat()}", "/admin/keys"):
        took = statistics.median(timed(lambda path=path: admin(p, path))[0] for _ in range(3))
        table.line(f"milliseconds for {path.partition('?')[0]}", f"{took * 1000:.0f}")


def report(table, p, path, what, count, sums):
    times, told = [], None
    for _ in range(5):
        took, told = timed(lambda: admin(p, path)["rows"])
        times.append(took * 1000)
    got = {name: sum(row[name] for row in told) for name in SUMS}
    right = got == sums and len(told) == count
    table.line(f"{what}: {count} rows; milliseconds, median and most", f"{statistics.median(times):.0f} {max(times):.0f}", right, [(len(told), got, sums)])


def spread(path, dates, hours):
    """What is booked in the one hour there is, in these hours of these days too."""
    database = sqlite3.connect(path)
    database.execute("CREATE TEMP TABLE slot (hour INTEGER, day INTEGER)")
    numbers = [int(date.strftime("%Y%m%d")) for date in dates]
    database.executemany("INSERT INTO slot VALUES (?, ?)", [(day * 100 + hour, day) for day in numbers for hour in hours])
    for name in ("usage_hour", "usage_place"):
        kept = [row[1] for row in database.execute(f"PRAGMA table_info({name})")][1:]
        columns = ", ".join(kept)
        database.execute(f"CREATE TEMP TABLE one AS SELECT {columns} FROM {name}")
        database.execute(f"INSERT INTO {name} (hour, {columns}) SELECT hour, {columns} FROM slot, one ORDER BY hour")
        database.execute("DROP TABLE one")
    if database.execute("SELECT 1 FROM sqlite_master WHERE name = 'usage_place_day'").fetchone():
        kept = [row[1] for row in database.execute("PRAGMA table_info(usage_place_day)")][1:]
        columns, most = ", ".join(kept), len(list(hours))
        sums = ", ".join(column if column in ("key_id", "model", "place") else f"{column} * {most}" for column in kept)
        database.execute(f"CREATE TEMP TABLE one AS SELECT {sums} FROM usage_place_day")
        database.execute(f"INSERT INTO usage_place_day (day, {columns}) SELECT slot.day, one.* FROM (SELECT DISTINCT day FROM slot) AS slot, one ORDER BY slot.day")
        database.execute("DROP TABLE one")
    database.commit()
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()


# ---------------------------------------------------------------- all of it


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--proxyd", default=os.environ.get("PROXYD", ".build/release/proxyd"), metavar="PATH", help="the binary under test")
    parser.add_argument("--rows", type=int, default=20_000, metavar="N", help="requests (default: 20000)")
    parser.add_argument("--starts", type=int, default=10, metavar="N", help="starts with them (default: 10)")
    parser.add_argument("--tail", type=int, default=5_000, metavar="N", help="requests that are in the journal alone at each start (default: 5000)")
    parser.add_argument("--keys", type=int, default=1_000, metavar="N", help="keys (default: 1000)")
    parser.add_argument("--days", type=int, default=35, metavar="N", help="days of usage (default: 35)")
    options = parser.parse_args()
    binary, table = os.path.abspath(options.proxyd), Table()
    parts = (
        (options.rows, lambda lab: rows(table, lab, options.rows, options.starts, options.tail)),
        (options.keys, lambda lab: keys(table, lab, options.keys)),
        (options.days, lambda lab: year(table, lab, options.days)),
    )
    return table.run(binary, parts)


if __name__ == "__main__":
    sys.exit(main())
