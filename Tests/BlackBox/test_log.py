"""The log tells what goes wrong: what happened is found from it alone; its levels, its files and their rotation."""

import json
import os
import re
import resource
import signal
import stat

import certificates
from checks import check, contains, equal, eventually, expect, lacks
from dialects import ANTHROPIC
from faults import small_disk
from harness import served
from limits import limited
from upstream import says, status, whole

TEXT = "log: {level: info, format: text}"


def lines(p, part):
    return [line for line in p.output().splitlines() if part in line]


def one(p, part, *more):
    """The one line that has this, which has the rest too."""
    eventually(lambda: lines(p, part), f"a line with {part!r}")
    found = lines(p, part)
    equal(len(found), 1, f"lines with {part!r}")
    for word in more:
        contains(found[0], word, "the line")
    return found[0]


@check("the line of a request that is refused by its key names no model; one of a path that has none names *")
def _(lab):
    p, up = lab.tiers(1, more=TEXT)
    equal(p.ask(key="sk-wrong-key-wrong-key-wrong-key").status, 401, "the status")
    eventually(lambda: lines(p, "status=401"), "the line")
    lacks(lines(p, "status=401")[0], "model=", "the line")
    up.reply(whole({}))
    p.send("GET", "/v1/files")
    eventually(lambda: lines(p, "path=/v1/files"), "the line")
    contains(lines(p, "path=/v1/files")[0], "model=*", "the line")


# ---------------------------------------------------------------- five faults of a newcomer


@check("a revoked key: one warning with upstream, account, status, the vendor's words and until when; one notice when it is back")
def _(lab):
    p, up = lab.tiers(1, more=TEXT)
    up.reply(says(401, "this key was revoked"), says(401, "this key was revoked"), whole(ANTHROPIC.whole("m", "hello")))
    for _ in range(3):
        p.ask()
    told = one(p, "an account is out", " warning ", "upstream=t1", "account=one", "state=refused", "status=401", "revoked", "until=")
    expect(re.search(r" until=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+08:00( |$)", told), "until when, in the zone of the line's time", told)
    p.admin("POST", "/admin/accounts/t1/one/free")
    one(p, "an account is back", " notice ", "upstream=t1", "account=one", "state=ready", "reason=freed")


@check("a dead upstream: one warning with its name, its address and the reason in words, however many requests")
def _(lab):
    dead = lab.dead_url()
    p = lab.proxyd(
        f"""
upstreams: {{gone: {{url: '{dead}', dialect: anthropic, key: provider-key-one, models: {{discover: false}}}}}}
rules: [{{name: all, models: ['*'], tiers: [gone/model-1]}}]
fallback: {{cooldown: 0s}}
{TEXT}
"""
    )
    for _ in range(3):
        p.ask()
    one(p, "cannot be connected to", " warning ", "upstream=gone", f"address={dead.removeprefix('http://')}", "what=")
    eventually(lambda: len(lines(p, "warning request ")) == 3, "three warnings of three requests")
    contains(lines(p, "warning request ")[0], 'tried="gone/', "who was tried")


@check("a wrong certificate of an upstream: one warning with its name and what is wrong with it")
def _(lab):
    up = lab.upstream()
    up.over_tls(certificates.server_context("expired"))
    p = lab.proxyd(
        f"""
upstreams: {{a: {{url: 'https://localhost:{up.port}', dialect: anthropic, key: provider-key-one, models: {{discover: false}}, tls: {{ca: ca.pem}}}}}}
rules: [{{name: all, models: ['*'], tiers: [a/model-1]}}]
{TEXT}
""",
        start=False,
    )
    certificates.put(p.folder, "ca.pem", "root.pem")
    p.start()
    for _ in range(2):
        p.ask()
    one(p, "cannot be connected to", " warning ", "upstream=a", "certificate has expired")


@check("a full disk: one error with the reason, one notice when usage is written again", seconds=60)
def _(lab):
    p, _up = lab.simple("usage: {on_storage_failure: refuse}\n" + TEXT, start=False)
    with small_disk(lab, p) as (_what, fill, free):
        p.start()
        served(p.ask())
        fill()
        eventually(lambda: p.ask().status >= 500, "a refusal", 20)
        line = one(p, "usage cannot be written", " error ")
        expect(re.search("space|large", line), "the reason in the line", line)
        free()
        eventually(lambda: p.ask().status == 200, "requests are served again", 20)
        one(p, "usage is written again", " notice ")


@check("a spent budget: one warning with the limit, whose it is and why; an operator's reset and the next request end it")
def _(lab):
    p, _up = limited(lab, "requests_per_day: 1", more=TEXT)
    served(p.ask())
    for _ in range(3):
        equal(p.ask().status, 429, "the status")
    one(p, "a limit is reached", " warning ", "limit=team.requests_per_day", "bucket=user", "is used up", "until=")
    equal(len(lines(p, "warning request ")), 0, "warnings of requests that a limit refuses")
    key = next(row["bucket"] for row in p.get("/admin/limits")["limits"] if row["limit"] == "team.requests_per_day")
    equal(p.admin("POST", "/admin/limits/team.requests_per_day/reset", {"bucket": key}).status, 200, "the status of a reset")
    served(p.ask())
    one(p, "a limit lets requests through again", " notice ", "limit=team.requests_per_day", "bucket=user")
    one(p, "a limit begins at zero", " notice ")
    equal(p.admin("POST", "/admin/limits/team.requests_per_day/block", {"bucket": key}).status, 200, "the status of a block")
    one(p, "a limit is blocked", " notice ", f"bucket={key}")


@check("a refused configuration: one error with file, line, column and what is wrong")
def _(lab):
    p, _up = lab.simple(TEXT)
    p.replace(p.config.read_text().replace("tiers: [claude]", "tiers: [cloud]", 1))
    one(p, "configuration refused", " error ", "proxy.yaml:", "cloud")
    equal(len(lines(p, "configuration error")), 0, "further lines for one error")


# ---------------------------------------------------------------- requests


@check("a request that goes on after a failure: a warning names who failed and how, the request's line who was tried")
def _(lab):
    p, first, _second = lab.tiers(2, more=TEXT)
    first.reply(status(503))
    served(p.ask())
    one(p, "a request goes on elsewhere", " warning ", "from=t1/one", "upstream=t2", "reason=5xx", "503")
    one(p, "info request id=", "attempts=2", 'tried="t1/one 503 ', "status=200")


@check("a 5xx is a warning, also where only warnings are written; what the client did wrong is none")
def _(lab):
    p, first = lab.tiers(1, more="log: {level: WARNING, format: json}", fallback="cooldown: 0s")
    first.reply(status(500), status(400), whole(ANTHROPIC.whole("m", "hello")))
    for _ in range(3):
        p.ask()
    eventually(lambda: lines(p, '"message":"request"'), "the line")
    found = [json.loads(line) for line in lines(p, '"message":"request"')]
    equal([(row["level"], row["status"] >= 500) for row in found], [("warning", True)], "lines of requests")
    contains(found[0]["tried"], "t1/one 500", "who was tried")


@check("log.admin {admin}: probes, scrapes and admin calls have lines, marked, or none", rows=["true", "false"])
def _(lab, admin):
    p, _up = lab.simple(f"log: {{admin: {admin}}}")
    for path in ("/health", "/healthz", "/readyz"):
        p.send("GET", path, key=None)
    p.admin("GET", "/metrics")
    p.admin("GET", "/admin/limits")
    p.send("GET", "/v1/models")
    served(p.ask())
    p.wait_log("path=/v1/messages")
    marked = {re.search(r"path=(\S+)", line).group(1) for line in lines(p, " request event=admin ")}
    wanted = {"/health", "/healthz", "/readyz", "/metrics", "/admin/limits"} if admin == "true" else set()
    equal(marked, wanted, "paths with a line")
    plain = {re.search(r"path=(\S+)", line).group(1) for line in lines(p, " info request id=")}
    equal(plain, {"/v1/models", "/v1/messages"}, "paths of requests")


@check("log.requests false leaves requests out, not what operators ask; admin {admin}", rows=["true", "false"])
def _(lab, admin):
    p, _up = lab.simple(f"log: {{requests: false, admin: {admin}}}")
    served(p.ask())
    p.admin("GET", "/admin/limits")
    p.admin("POST", "/admin/reload")
    if admin == "true":
        eventually(lambda: [line for line in lines(p, " request event=admin ") if "path=/admin/" in str(line)], "a line of an admin call")
    equal(lines(p, "path=/v1/messages"), [], "lines of requests")
    equal(bool(lines(p, "path=/admin/")), admin == "true", "whether admin calls have lines")


@check("debug tells what was decided, trace sizes and times; neither what was said")
def _(lab):
    p, first, second = lab.tiers(2, more="log: {level: Debug}")
    first.reply(status(503))
    prompt = "the-secret-prompt"
    served(p.ask(text=prompt))
    one(p, "rules tried", " debug ", 'rules="all: decides"', "id=req_")
    asked = eventually(lambda: lines(p, "an account is asked")[1:] and lines(p, "an account is asked"), "two accounts asked")
    contains(asked[0], "upstream=t1", "who is asked first")
    contains(asked[1], "upstream=t2", "who is asked then")
    equal(lines(p, " trace "), [], "trace lines at debug")
    p.replace(p.config.read_text().replace("level: Debug", "level: TRACE"))
    p.wait_log("configuration applied")
    second.reply(whole(ANTHROPIC.whole("m", "the-secret-answer")))
    served(p.ask(text=prompt))
    for word in ("request read", "response head read", "response bytes read", "response ended"):
        p.wait_log(word)
        contains(lines(p, word)[0], "us=", "the line")
    lacks(p.output(), "the-secret", "the log")


# ---------------------------------------------------------------- files


def reading(p, name="proxyd.log"):
    try:
        return (p.folder / name).read_text()
    except FileNotFoundError:
        return ""


def in_file(lab, more="", **keywords):
    return lab.simple(f"log: {{file: '@DIR@/proxyd.log'{more}}}", **keywords)


@check("log.file takes the lines, with mode 0640; SIGUSR1 opens it anew")
def _(lab):
    p, _up = in_file(lab)
    served(p.ask())
    eventually(lambda: "path=/v1/messages" in reading(p), "the request's line in the file")
    lacks(p.output(), "path=/v1/messages", "standard output")
    equal(stat.S_IMODE((p.folder / "proxyd.log").stat().st_mode) & 0o037, 0, "others' rights to the file")
    os.rename(p.folder / "proxyd.log", p.folder / "old.log")
    p.signal(signal.SIGUSR1)
    eventually(lambda: "open anew" in reading(p), "a line in the new file")
    served(p.ask())
    eventually(lambda: "path=/v1/messages" in reading(p), "the next request's line in the new file")
    equal(reading(p, "old.log").count("path=/v1/messages"), 1, "requests in the old file")
    os.remove(p.folder / "proxyd.log")
    served(p.ask())
    eventually(lambda: "path=/v1/messages" in reading(p), "the next line in a file that is made anew")


@check("a file that is full becomes .1, and no line is lost; {count} are kept", rows=["2", "50"])
def _(lab, count):
    p, _up = in_file(lab, f", rotate: 2KiB, keep: {count}")
    ids = [served(p.ask()).header("x-request-id") for _ in range(40)]
    # Looked at once nothing writes any more: a file that moves on while it is read is read twice, or not at all.
    equal(p.stop(), 0, "the exit code")
    files = sorted(p.folder.glob("proxyd.log*"))
    for file in files:
        expect(file.stat().st_size <= 2048, f"{file.name} has at most 2 KiB", file.stat().st_size)
        expect(file.read_text().endswith("\n"), f"{file.name} ends with a whole line")
    if count == "2":
        equal([file.name for file in files], ["proxyd.log", "proxyd.log.1", "proxyd.log.2"], "files")
    else:
        text = "".join(file.read_text() for file in files)
        equal([i for i in ids if text.count(f"id={i} ") != 1], [], "requests that have not one line")


@check("rotation by age, and what a reload says about it, hold without a restart")
def _(lab):
    p, _up = in_file(lab)
    served(p.ask())
    eventually(lambda: "path=/v1/messages" in reading(p), "a line")
    p.replace(p.config.read_text().replace("proxyd.log'", "proxyd.log', rotate: {every: 1s}"))
    eventually(lambda: "configuration applied" in reading(p) + reading(p, "proxyd.log.1"), "the reload")

    def rotated():
        p.ask()
        return (p.folder / "proxyd.log.1").exists()

    eventually(rotated, "a rotated file", every=0.3)


@check("a reload moves the log to another file and back to standard output; one that cannot be written is refused with its place")
def _(lab):
    p, _up = lab.simple("log: {level: info}")
    before = p.config.read_text()
    p.replace(before.replace("log: {level: info}", "log: {level: info, file: '@DIR@/b.log'}"))
    eventually(lambda: "configuration applied" in p.output() + reading(p, "b.log"), "the reload")
    served(p.ask())
    eventually(lambda: "path=/v1/messages" in reading(p, "b.log"), "the line in the file")
    p.replace(before.replace("log: {level: info}", "log: {level: info, file: '@DIR@/none/b.log'}"))
    eventually(lambda: "configuration refused" in reading(p, "b.log"), "the refusal")
    line = next(line for line in reading(p, "b.log").splitlines() if "configuration refused" in line)
    expect(re.search(r"proxy\.yaml:\d+:\d+: error: log\.file", line), "the place", line)
    p.replace(before)
    eventually(lambda: p.ask() and "path=/v1/messages" in p.output(), "the line at standard output", 8)


@check("a log that cannot be written any more goes to standard error, is told of once, and back")
def _(lab):
    p, _up = in_file(lab)
    served(p.ask())
    eventually(lambda: "path=/v1/messages" in reading(p), "a line")
    size = (p.folder / "proxyd.log").stat().st_size
    resource.prlimit(p.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    p.send("GET", "/v1/models")
    error = p.folder / "stderr.log"
    eventually(lambda: "the log's file cannot be written" in error.read_text(), "a line at standard error")
    eventually(lambda: "path=/v1/models" in error.read_text(), "the request's line there")
    p.send("GET", "/v1/models")
    eventually(lambda: error.read_text().count("path=/v1/models") == 2, "the next one too")
    equal(error.read_text().count("cannot be written"), 1, "how often it is told")
    resource.prlimit(p.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    served(p.send("GET", "/v1/models"))
    eventually(lambda: "can be written again" in reading(p), "the file works again")


@check("{written}: refused with line, column and the words that may stand there", rows=[
    ("log: {level: loud}", "trace, debug, info, notice, warning, error, critical"), ("log: {rotate: much, file: x}", "is not a size"),
    ("log: {rotate: {}, file: x}", "neither 'size' nor 'every'"), ("log: {keep: 0, file: x}", "outside"),
    ("log: {file: /}", "is a directory"), ("log: {file: no-such-folder/x}", "there is no folder"), ("log: {file: proxy.yaml}", "configuration itself")])  # fmt: skip
def _(lab, written, words):
    p, _up = lab.simple(written, start=False)
    checked = p.spawn("--check-config", "--config", "proxy.yaml")
    equal(checked.wait(), 78, "the exit code")
    expect(re.search(r"proxy\.yaml:\d+:\d+: error: log\.", p.output()), "the place", p.output())
    contains(p.output(), words, "the error")
