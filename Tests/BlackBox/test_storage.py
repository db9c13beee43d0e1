"""Storage that fails, and state that is another's: what is lost is told, what is kept is served, and a start says what is wrong."""

import os
import re
import shutil
import sqlite3
import time

from checks import check, contains, equal, eventually, expect, lacks
from commands import run
from harness import ADMIN_KEY, served


def _metric(p, name):
    found = re.search(rf"^{name}(?:{{[^}}]*}})? ([0-9.e+]+)$", p.admin("GET", "/metrics").body.decode(), re.M)
    return float(found.group(1)) if found else None


def _requests(p):
    return p.get("/admin/usage")["total_requests"]


@check("a database that somebody holds for {seconds} s: requests are served and journalled, /readyz stays, all is counted later", rows=["2", "7"], seconds=60)
def _(lab, seconds):
    p, _up = lab.simple("usage: {on_storage_failure: refuse}")
    served(p.ask())
    eventually(lambda: _requests(p) == 1, "the first request in the books")
    holder = sqlite3.connect(p.state / "proxyd.sqlite", timeout=5, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    count, until = 1, time.monotonic() + float(seconds)
    while time.monotonic() < until:
        served(p.ask())
        count += 1
        equal(p.send("GET", "/readyz", key=None).status, 200, "the status of /readyz")
        expect(p.health()["services"]["storage"] in ("ok", "degraded"), "storage ok or degraded", p.health())
        time.sleep(0.1)
    holder.execute("ROLLBACK")
    holder.close()
    eventually(lambda: _requests(p) == count, f"{count} requests in the books", 15)
    eventually(lambda: p.health()["services"]["storage"] == "ok", "storage ok again", 10)
    equal(_metric(p, "proxyd_unaccounted_requests_total"), 0, "what was lost")


@check("a reader that holds a snapshot of the database, and a backup of it, hold nothing up")
def _(lab):
    p, _up = lab.simple()
    served(p.ask())
    eventually(lambda: _requests(p) == 1, "the first request in the books")
    reader = sqlite3.connect(p.state / "proxyd.sqlite", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM usage_key").fetchall()
    copy = sqlite3.connect(p.folder / "copy.sqlite")
    reader.backup(copy)
    copy.close()
    for _ in range(3):
        served(p.ask())
    eventually(lambda: _requests(p) == 4, "four requests in the books")
    equal(p.health()["services"]["storage"], "ok", "storage")
    reader.execute("COMMIT")
    reader.close()


@check("metrics tell of storage: {name}", rows=["proxyd_storage_failing", "proxyd_unaccounted_requests_total", "proxyd_unaccounted_tokens_total"])
def _(lab, name):
    p, _up = lab.simple()
    equal(_metric(p, name), 0, name)


@check("a changed `state` is refused in words at its place, what ran goes on, and the old value is taken again")
def _(lab):
    p, _up = lab.simple()
    key = p.create_key("alice")["api_key"]
    text = p.config.read_text()
    for other in ("elsewhere", "./elsewhere", str(p.folder / "x" / "y")):
        p.config.write_text(re.sub(r"^state:.*$", f"state: {other}", text, flags=re.M))
        answer = p.admin("POST", "/admin/reload")
        equal(answer.status, 422, "the status of the reload")
        contains(answer.json()["error"]["message"], "state: cannot change while proxyd runs", "the message")
        contains(answer.json()["error"]["message"], f":{[i for i, l in enumerate(text.splitlines(), 1) if l.startswith('state:')][0]}:", "its place")
        contains(p.health()["config"]["error"] or "", "state", "the error in /health")
        served(p.ask(key=key))
        expect(not (p.folder / other).exists(), "no directory of that name")
    p.config.write_text(text)
    eventually(lambda: p.health()["config"]["error"] is None, "no error any more", 15)
    p.config.write_text(re.sub(r"^state:.*$", f"state: {p.state}/.", text, flags=re.M))
    equal(p.admin("POST", "/admin/reload").status, 200, "the same directory in other words")


@check("a state directory of a newer version ({what}) is refused by name, with a status, and not written to", rows=["schema", "journal"])
def _(lab, what):
    p, _up = lab.simple()
    served(p.ask())
    p.stop()
    path = p.state / "proxyd.sqlite"
    if what == "schema":
        database = sqlite3.connect(path)
        database.execute("INSERT INTO grdb_migrations VALUES ('2: from the future')")
        database.commit()
        database.close()
    else:
        path = p.state / "journal" / "0000000000000099.journal"
        path.write_bytes(b"proxydJ2" + (99).to_bytes(8, "little") + b"x" * 50)
    before = path.read_bytes()
    p.spawn("--config", str(p.config))
    expect(p.wait(10) in (69, 78), "an exit status of 69 or 78")
    contains(p.output(), "newer version of proxyd", "the log")
    equal(path.read_bytes(), before, "what lies in the directory")


ODD = {
    "nothing": b"",
    "text": b"x" * 40,
    "zeroes": bytes(5_000),
    "a header of another": b"proxydJ1" + (5).to_bytes(8, "little"),
    "a header and nonsense": None,
}


@check(
    "a journal file {name} that holds {what} does not stop the start, nor what comes after",
    rows=[(name, what) for name in ("9223372036854775807", "9223372036854775806", "0000000000000042", "1", "18446744073709551616") for what in ODD],
)
def _(lab, name, what):
    p, _up = lab.simple()
    served(p.ask())
    p.stop()
    content = ODD[what]
    if content is None:
        content = b"proxydJ1" + (int(name) % 2**64).to_bytes(8, "little") + os.urandom(200)
    (p.state / "journal" / f"{name}.journal").write_bytes(content)
    for count in (2, 3):
        p.start()
        served(p.ask())
        eventually(lambda: _requests(p) == count, f"{count} requests in the books")
        equal(p.stop(), 0, "the status at the end")


VALUES = ["-1", "-9223372036854775808", "9223372036854775807", "'text'", "1e300", "x'00ff'"]
COLUMNS = ["usage_hour.hour", "usage_hour.output", "usage_key.last_used", "usage_key.requests", "key.created", "key.expires", "key.tags", "journal_position.segment", "journal_position.offset"]


@check("{column} = {value} in the database: proxyd starts and answers, or says what is wrong and ends with a status", rows=[(c, v) for c in COLUMNS for v in VALUES])
def _(lab, column, value):
    p, _up = lab.simple()
    p.create_key("alice", expires=2_000_000_000)
    served(p.ask())
    p.stop()
    table, name = column.split(".")
    database = sqlite3.connect(p.state / "proxyd.sqlite")
    database.execute(f'UPDATE OR IGNORE {table} SET "{name}" = {value}')
    database.commit()
    database.close()
    p.spawn("--config", str(p.config))
    eventually(lambda: p.process.poll() is not None or "proxyd runs" in p.output()[-2000:] and _answers(p), "a start or an end", 10)
    if p.process.poll() is not None:
        expect(0 < p.wait() < 128, "an exit status")
        contains(p.output(), "damaged", "the log")
        return
    for path in ("/admin/keys", "/admin/usage", "/admin/usage/daily", "/admin/usage/hourly"):
        p.get(path)
    for key in p.get("/admin/keys")["keys"]:
        p.get(f"/admin/keys/{key['id']}/usage")
    served(p.ask())


def _answers(p):
    try:
        return p.send("GET", "/healthz", key=None).status == 200
    except Exception:
        return False


@check("a journal that is shorter than what is booked of it is told, by ledger verify too; what is booked stays ({how})", rows=["stopped", "killed"])
def _(lab, how):
    p, _up = lab.simple()
    for _ in range(3):
        served(p.ask())
    eventually(lambda: _requests(p) == 3, "three requests in the books")
    p.stop() if how == "stopped" else p.kill()
    journal = max((p.state / "journal").glob("*.journal"))
    journal.write_bytes(journal.read_bytes()[:-5])
    told = run(lab, "ledger", "verify", "--state", p.state)
    equal(told.code, 1, "the exit code of ledger verify")
    contains(told.out, "the database has booked more than the journal holds", "what it says")
    p.start()
    contains(p.output(), "the usage journal ends before what is booked of it", "the log")
    served(p.ask())
    eventually(lambda: _requests(p) == 4, "four requests in the books")


@check("a second proxyd on the same state directory says whose it is and ends; the first goes on")
def _(lab):
    p, _up = lab.simple()
    other, _up2 = lab.simple(start=False)
    other.config.write_text(re.sub(r"^state:.*$", f"state: {p.state}", other.config.read_text(), flags=re.M))
    other.spawn("--config", str(other.config))
    equal(other.wait(10), 69, "its status")
    contains(other.output(), str(p.process.pid), "whose it is")
    served(p.ask())


@check("{name} in the state directory being {what} is named at the start, and ends it with a status", rows=[("proxyd.sqlite", "a folder"), ("journal", "a file"), ("proxyd.lock", "a folder")])
def _(lab, name, what):
    p, _up = lab.simple()
    p.stop()
    path = p.state / name
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    for suffix in ("-wal", "-shm"):
        (p.state / f"{name}{suffix}").unlink(missing_ok=True)
    path.mkdir() if what == "a folder" else path.write_bytes(b"nonsense" * 1000)
    p.spawn("--config", str(p.config))
    equal(p.wait(10), 69, "the status")
    contains(p.output(), name, "the log")
    lacks(p.output(), ADMIN_KEY, "the log")


@check("a database that is {what}, though its journal is there, is told in the log, and what the journal has is booked", rows=["gone", "empty"])
def _(lab, what):
    p, _up = lab.simple()
    served(p.ask())
    eventually(lambda: p.get("/admin/usage")["total_requests"] == 1, "a request in the usage")
    p.stop()
    for suffix in ("", "-wal", "-shm"):
        (p.state / f"proxyd.sqlite{suffix}").unlink(missing_ok=True)
    if what == "empty":
        (p.state / "proxyd.sqlite").touch(mode=0o600)
        ran = run(lab, "ledger", "verify", "--state", p.state)
        equal(ran.code, 1, "the exit code of `ledger verify`")
        contains(ran.out + ran.err, "gone or empty", "what `ledger verify` says")
    lacks(p.output(), "gone or empty", "the log of the first start")
    p.start()
    contains(p.output(), "the state database is gone or empty", "the log")
    served(p.ask())
    eventually(lambda: p.get("/admin/usage")["total_requests"] == 2, "what the journal had, and what came since", 8)
    p.restart()
    equal(p.output().count("gone or empty"), 1, "how often it is told")


@check("a database that is {what} is set aside under a name that says so, told in the log, and built anew", rows=["nonsense", "damaged in its middle"])
def _(lab, what):
    p, _up = lab.simple()
    served(p.ask())
    p.stop()
    path = p.state / "proxyd.sqlite"
    if what == "nonsense":
        path.write_bytes(b"nonsense" * 1000)
    else:
        data = bytearray(path.read_bytes())
        for start in range(4096, len(data), 4096):
            data[start : start + 32] = b"\xa5" * 32
        path.write_bytes(data)
    for suffix in ("-wal", "-shm"):
        (p.state / f"proxyd.sqlite{suffix}").unlink(missing_ok=True)
    p.start()
    expect([f.name for f in p.state.iterdir() if f.name.startswith("proxyd.sqlite.damaged-")], "the file set aside", "none")
    contains(p.output(), "is damaged", "the log")
    served(p.ask())
    eventually(lambda: p.get("/admin/usage")["total_requests"] >= 1, "what is booked from now on", 8)
