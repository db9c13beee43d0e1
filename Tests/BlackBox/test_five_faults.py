"""A newcomer's five faults: each is found from the log alone, from what the page draws alone, and from the alert alone.

A key that the vendor revoked, an upstream where nobody is, a disk that is full, a certificate that is wrong, a budget that is spent. Each
place names the cause and the place in words; none needs another one to be understood.
"""

import socket
import threading
import time

import certificates
from checks import check, contains, equal, eventually, expect
from commands import run
from dialects import ANTHROPIC
from faults import small_disk
from harness import USER_KEY, served
from limits import costs
from ports import free_port
from test_alerts import Hook
from upstream import healthy, status

REVOKED = {"type": "error", "error": {"type": "authentication_error", "message": "invalid x-api-key"}}
LAST = "rules: [{name: all, models: ['*'], tiers: [vendor]}]\n"


class Found:
    """What log, page and webhook say of a fault; `words` have to be in each of the three."""

    def __init__(self, p, hook):
        self.p, self.hook = p, hook

    def lines(self, level, message):
        return [line for line in self.p.output().splitlines() if message in line and f" {level} " in line]

    def log(self, level, message, *words):
        """One line, no line for each request, with all that it takes to go there and mend it."""
        eventually(lambda: self.lines(level, message), f"a line {level} {message}", 10)
        line = self.lines(level, message)[0]
        for word in words:
            contains(line, word, f"the line {line!r}")
        return line

    def alert(self, kind, severity, *words):
        """Told to the webhook, and shown as the same on the page."""
        eventually(lambda: self.hook.of(kind), f"a message of {kind}", 15)
        message = self.hook.of(kind)[0]
        equal(message["severity"], severity, f"the severity of {message}")
        for word in words:
            contains(message["text"], word, "the alert's text")
        shown = [each for each in self.p.get("/admin/alerts")["alerts"] if each["alert"] == kind]
        expect(shown and shown[0]["text"] == message["text"], "the page's list of alerts", shown)
        return message

    def health(self, *words, code):
        """`proxyd health`, and what it draws on."""
        probe = run(self.p.lab, "health", "--url", f"http://127.0.0.1:{self.p.port}")
        equal(probe.code, code, f"the exit code of proxyd health ({probe})")
        for word in words:
            contains(probe.out + probe.err, word, "what proxyd health says")

    def over(self, kind):
        eventually(lambda: self.hook.of(kind)[-1]["severity"] == "resolved", f"the end of {kind}", 20)


def vendor(lab, declared, more=""):
    hook = Hook(lab)
    config = f"upstreams: {{vendor: {declared}}}\n{LAST}{hook.alerts()}\n{more}"
    p = lab.proxyd(config)
    return Found(p, hook)


@check("a key that the vendor revoked: log, page and alert name upstream, account and the vendor's words")
def _(lab):
    up = lab.upstream()
    found = vendor(lab, up.declare("anthropic", ("main",)))
    served(found.p.ask())
    up.reply(status(401, REVOKED), healthy)
    answer = found.p.ask()
    equal(answer.status, 502, "the status for the client")
    contains(ANTHROPIC.error_of(answer)["message"], "invalid x-api-key", "the client's words")
    found.log("warning", "an account is out", "upstream=vendor", "account=main", "state=refused", "status=401", "invalid x-api-key")
    message = found.alert("account_out", "warning", "'main' of 'vendor' is refused", "invalid x-api-key")
    equal({name: message["labels"][name] for name in ("upstream", "account", "state")},
          {"upstream": "vendor", "account": "main", "state": "refused"}, "labels")
    equal(found.hook.of("upstream_dead"), [], "a second alert of the same fault")
    account = found.p.get("/admin/fallback")["accounts"][0]
    equal((account["account"], account["state"]), ("main", "refused"), "the page's account")
    contains(str(account), "invalid x-api-key", "the page's reason")
    found.health("upstreams down: vendor", "refused", code=1)
    equal(found.p.admin("POST", "/admin/accounts/vendor/main/free").status, 200, "the status of freeing it")
    served(found.p.ask())
    found.log("notice", "an account is back", "account=main")
    found.over("account_out")
    found.health("ready", code=0)


@check("an upstream where nobody is: log, page and alert name its address and what came of it, after one request")
def _(lab):
    port = free_port()
    found = vendor(lab, f"{{url: 'http://127.0.0.1:{port}', dialect: anthropic, accounts: [{{name: main, key: sk-vendor}}]}}")
    answer = found.p.ask()
    equal(answer.status, 502, "the status for the client")
    found.log("warning", "an upstream cannot be connected to", "upstream=vendor", f"127.0.0.1:{port}", "refused")
    message = found.alert("upstream_dead", "critical", "'vendor' can serve nothing", f"cannot be connected to (127.0.0.1:{port})", "refused")
    equal(message["labels"]["upstream"], "vendor", "labels")
    page = found.p.get("/admin/fallback")
    account = page["accounts"][0]
    equal(account["failures"], 1, "the page's account")
    contains(str(account["last_error"]), "refused the connection", "the page's reason")
    # It is no fault of this process: who looks after it need not start it anew.
    found.health("upstreams down: vendor", "connect", code=0)


@check("an upstream whose certificate is wrong: log, page and alert say that it is the certificate")
def _(lab):
    port = Tls(lab).port
    found = vendor(lab, f"{{url: 'https://localhost:{port}', dialect: anthropic, accounts: [{{name: main, key: sk-vendor}}]}}")
    equal(found.p.ask().status, 502, "the status for the client")
    line = found.log("warning", "an upstream cannot be connected to", "upstream=vendor", f"localhost:{port}")
    contains(line.lower(), "certificate", "the line")
    message = found.alert("upstream_dead", "critical", "'vendor' can serve nothing")
    contains(message["text"].lower(), "certificate", "the alert's text")
    contains(str(found.p.get("/admin/fallback")["accounts"][0]).lower(), "certificate", "the page's reason")
    found.health("upstreams down: vendor", "certificate", code=0)


class Tls:
    """A server that shows a certificate which nobody here trusts."""

    def __init__(self, lab):
        context = certificates.server_context("server")
        listening = socket.create_server(("127.0.0.1", 0))
        self.port = listening.getsockname()[1]

        def serve():
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                try:
                    connection.settimeout(2)
                    context.wrap_socket(connection, server_side=True).close()
                except OSError:
                    connection.close()

        threading.Thread(target=serve, daemon=True).start()
        lab.after(listening.close)


@check("a certificate of proxyd's own that does not fit its key: log, page and alert name file and place, and what ran goes on")
def _(lab):
    up, hook = lab.upstream(), Hook(lab)
    p = lab.proxyd(f"""
listen: [127.0.0.1:@PORT@, {{address: "127.0.0.1:@TLS@", tls: {{certificate: server.pem, key: server.key}}}}]
upstreams: {{vendor: {up.declare("anthropic")}}}
{LAST}{hook.alerts()}
""", start=False, TLS=free_port())
    certificates.copy(p.folder, "server.pem", "server.key")
    p.start()
    found = Found(p, hook)
    certificates.put(p.folder, "server.key", "client.key")
    found.log("error", "configuration refused, what ran goes on", "proxy.yaml:", "server.key")
    message = found.alert("configuration_refused", "warning", "server.key")
    equal(message["labels"]["file"], "proxy.yaml", "labels")
    contains(str(p.get("/admin/config")), "server.key", "the page's configuration")
    contains(p.health()["config"]["error"], "server.key", "GET /health")
    found.health("the file was refused", "server.key", code=0)
    served(p.ask())
    certificates.copy(p.folder, "server.key")
    found.over("configuration_refused")


@check("a disk that is full: log, page and alert say that usage cannot be written, and why", seconds=60)
def _(lab):
    up, hook = lab.upstream(), Hook(lab)
    p = lab.proxyd(f"upstreams: {{vendor: {up.declare('anthropic')}}}\n{LAST}{hook.alerts()}\nlog: {{requests: false}}\n", start=False)
    found = Found(p, hook)
    with small_disk(lab, p) as (_what, fill, free):
        p.start()
        served(p.ask())
        fill()
        deadline = time.monotonic() + 25
        while not any(each["labels"]["state"] == "failing" for each in hook.of("storage_failing")) and time.monotonic() < deadline:
            p.ask()
            fill()
        line = found.log("error", "usage cannot be written", "error=")
        expect("space" in line or "large" in line, "why, in words", line)
        message = [each for each in hook.of("storage_failing") if each["labels"]["state"] == "failing"][0]
        equal(message["severity"], "critical", "the severity")
        contains(message["text"], "usage cannot be written", "the alert's text")
        expect("space" in message["text"] or "large" in message["text"], "why, in words", message["text"])
        equal(p.health()["services"]["storage"], "failing", "GET /health")
        contains(p.get("/admin/alerts")["alerts"][0]["text"], "usage cannot be written", "the page's list of alerts")
        found.health("storage is failing", code=1)
        answer = p.ask()
        equal(answer.status, 503, "the status for a client")
        contains(ANTHROPIC.error_of(answer)["message"], "storage", "the client's words")
        free()
        deadline = time.monotonic() + 20
        while hook.of("storage_failing")[-1]["severity"] != "resolved" and time.monotonic() < deadline:
            p.ask()
            time.sleep(0.2)
        found.log("notice", "usage is written again")
        found.over("storage_failing")
        served(p.ask())
        found.health("ready", code=0)


@check("a budget that is spent: log, page and alert name the limit, whose it is, what is spent, and when it begins anew")
def _(lab):
    up, hook = lab.upstream(), Hook(lab)
    p = lab.proxyd(f"""
upstreams: {{vendor: {up.declare("anthropic")}}}
{LAST}{hook.alerts("budgets: [100%]")}
policies: {{default: {{budget_per_day: 1000 USD}}}}
prices: {{claude-test: {{input: 500000, output: 1000000}}}}
""")
    found = Found(p, hook)
    up.reply(costs(2000, 1))
    served(p.ask("anthropic", "claude-test", max_tokens=1))
    eventually(lambda: p.get("/admin/limits")["limits"][0]["used"] >= 1000, "what is used", 5)
    answer = p.ask("anthropic", "claude-test", max_tokens=1)
    equal(answer.status, 429, "the status for the client")
    for word in ("default.budget_per_day", "1000"):
        contains(ANTHROPIC.error_of(answer)["message"], word, "the client's words")
    found.log("warning", "a limit is reached", "limit=default.budget_per_day", "bucket=user", "1000", "until=")
    message = found.alert("budget", "critical", "the budget 'default.budget_per_day' (key user)", "of 1000 USD")
    equal((message["labels"]["key"], message["labels"]["share"]), ("user", "100%"), "labels")
    figure = p.get("/admin/limits")["limits"][0]
    equal((figure["limit"], figure["max"]), ("default.budget_per_day", 1000), "the page's limit")
    expect(figure["used"] >= 1000 and figure["resets_at"], "the page's figures", figure)
    expect(USER_KEY not in p.output(), "no key in the log")
