"""Alerts of our own: each kind is told once when it begins and once when it is over, in the webhook's shape; no webhook holds a request up."""

import contextlib
import http.server
import json
import sqlite3
import threading
import time

import certificates
from accounts import House, told, unified
from checks import check, contains, equal, eventually, expect, lacks, stays
from harness import ADMIN_KEY, served
from limits import costs, key_id, limited, reload, settled, steer
from upstream import status

MEMBERS = {"alert", "severity", "text", "at", "labels"}


class Hook:
    """A webhook: what it was told, and how it answers."""

    def __init__(self, lab, answer=200, pause=0.0, body=b"ok"):
        self.bodies, self.paths, self.types, self.answer, self.pause, self.body = [], [], [], answer, pause, body
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                text = self.rfile.read(int(self.headers.get("content-length", 0)))
                time.sleep(hook.pause)
                hook.bodies.append(json.loads(text))
                hook.paths.append(self.path)
                hook.types.append(self.headers.get("content-type"))
                self.send_response(hook.answer)
                self.send_header("content-length", str(len(hook.body)))
                # Where the check has ended meanwhile, nobody listens any more.
                with contextlib.suppress(ConnectionError):
                    self.end_headers()
                    self.wfile.write(hook.body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        lab.after(self.server.server_close)
        lab.after(self.server.shutdown)
        self.url = f"http://127.0.0.1:{self.server.server_port}/services/hook-secret?token=query-secret"

    def alerts(self, more=""):
        return f"alerts: {{webhook: '{self.url}'{', ' + more if more else ''}}}"

    def of(self, kind):
        return [body for body in self.bodies if body["alert"] == kind]

    def wait(self, kind, count=1, within=10):
        """So many messages of this kind, and not one more; gives the last."""
        eventually(lambda: len(self.of(kind)) >= count, f"{count} messages of {kind}", within)
        equal(len(self.of(kind)), count, f"messages of {kind}: {self.of(kind)}")
        last = self.of(kind)[-1]
        equal(set(last), MEMBERS, "the members of a message")
        expect(all(isinstance(value, str) for value in last["labels"].values()), "labels of texts", last)
        return last

    def begun(self, kind, severity, **labels):
        return self._is(self.wait(kind, 1), severity, labels)

    def over(self, kind, **labels):
        return self._is(self.wait(kind, 2), "resolved", labels)

    def _is(self, message, severity, labels):
        equal(message["severity"], severity, f"the severity of {message}")
        equal({name: message["labels"].get(name) for name in labels}, labels, "the labels")
        return message


def shown(p):
    return [(each["alert"], each["severity"]) for each in p.get("/admin/alerts")["alerts"]]


@check("an only account that is refused is told, and that it is back; its upstream, where it is the same fault, is not")
def _(lab):
    hook = Hook(lab)
    house = House(lab, 1, more=hook.alerts(), clock=False)
    house.who()
    house.a.reply(status(401), key="one")
    house.ask()
    message = hook.begun("account_out", "warning", upstream="a", account="one", state="refused")
    contains(message["text"], "'one'", "the text")
    equal(shown(house.p), [("account_out", "warning")], "what is shown")
    for _ in range(3):
        house.ask()
    stays(lambda: len(hook.bodies) == 1, "nothing more is told", 1.5)
    house.free("one")
    hook.over("account_out", upstream="a", account="one")
    equal(shown(house.p), [], "what is shown")
    equal(len(hook.bodies), 2, "messages")
    equal(set(hook.types), {"application/json"}, "content types")


def _dead(lab):
    """An upstream whose accounts are all refused, which is told."""
    hook = Hook(lab)
    house = House(lab, 2, more=hook.alerts(), clock=False)
    for name in ("one", "two"):
        house.a.reply(status(401), key=name)
    house.ask()
    hook.wait("account_out", 2)
    hook.begun("upstream_dead", "critical", upstream="a")
    return hook, house


@check("an account that leaves the file, or that an operator drains, is not told to be back; nor does an upstream that leaves serve again")
def _(lab):
    hook, house = _dead(lab)
    house.p.admin("POST", "/admin/accounts/a/one/drain")
    contains(hook.wait("account_out", 3)["text"], "the account 'one' of 'a' is drained", "the text")
    house.p.replace(house.p.config.read_text().replace("  a:", "  another:").replace("[a,", "[another,"))
    contains(hook.wait("account_out", 4)["text"], "is no longer in the file", "the text")
    contains(hook.wait("upstream_dead", 2)["text"], "the upstream 'a' is no longer in the file", "the text")


@check("an upstream whose accounts are all refused is dead, and serves again with the first that is back")
def _(lab):
    hook, house = _dead(lab)
    house.free("one")
    hook.over("upstream_dead", upstream="a")


@check("a window that is used up is told once: of the account, not of the quota too")
def _(lab):
    hook = Hook(lab)
    house = House(lab, 2, more=hook.alerts(), clock=False)
    told(house, unified("5h", 0, time.time(), 2 * 3600))
    house.who()
    hook.begun("account_out", "warning", upstream="a", account="one", state="out_of_quota")
    stays(lambda: len(hook.bodies) == 1, "nothing more is told", 6)


@check("a budget is told at 80% and at 100%, with the key, and when it begins anew")
def _(lab):
    hook = Hook(lab)
    p, up = limited(lab, "budget_per_day: 1000 USD", more=hook.alerts())
    up.reply(costs(1599, 1))  # 800.50 USD
    served(p.ask(max_tokens=1))
    settled(p, "team.budget_per_day", 800.5)
    first = hook.begun("budget", "warning", limit="team.budget_per_day", bucket=key_id(p), key="user", share="80%")
    contains(first["text"], "800.5 of 1000 USD", "the text")
    up.reply(costs(397, 1))
    served(p.ask(max_tokens=1))
    settled(p, "team.budget_per_day", 1000)
    last = hook.wait("budget", 2)
    equal((last["severity"], last["labels"]["share"]), ("critical", "100%"), "the second message")
    equal(p.ask(max_tokens=1).status, 429, "the status of one request more")
    stays(lambda: len(hook.bodies) == 2, "nothing more is told", 1.2)
    equal(steer(p, "team.budget_per_day", "reset", bucket="user").status, 200, "the status of the reset")
    eventually(lambda: len(hook.bodies) == 4, "the ends of both", 5)
    equal([body["severity"] for body in hook.bodies[2:]], ["resolved", "resolved"], "the ends")


@check("a budget that refuses before its last cent is spent counts as spent")
def _(lab):
    hook = Hook(lab)
    p, up = limited(lab, "budget_per_day: 1000 USD", more=hook.alerts("budgets: [100%]"))
    up.reply(costs(1799, 1))
    served(p.ask(max_tokens=1))
    settled(p, "team.budget_per_day", 900.5)
    stays(lambda: hook.bodies == [], "nothing is told", 1.2)
    equal(p.ask(max_tokens=500).status, 429, "the status of what does not fit")
    contains(hook.begun("budget", "critical", share="100%")["text"], "requests are refused", "the text")
    reload(p, ("budgets: [100%]", "budgets: [50%]"))
    eventually(lambda: len(hook.of("budget")) == 3, "the end of one share, and the beginning of another", 5)
    ends = [message["text"] for message in hook.of("budget") if message["severity"] == "resolved"]
    equal(ends, ["the budget 'team.budget_per_day' is no longer told of at 100%"], "the end of a share that the file tells no more")


@check("one too large request that is refused uses no budget up")
def _(lab):
    hook = Hook(lab)
    p, up = limited(lab, "budget_per_day: 1000 USD", more=hook.alerts("budgets: [100%]"))
    for _ in range(3):
        up.reply(costs(599, 1))
        served(p.ask(max_tokens=1))
    settled(p, "team.budget_per_day", 901.5)
    equal(p.ask(max_tokens=900).status, 429, "the status of what does not fit")
    stays(lambda: hook.bodies == [], "nothing is told", 1.5)


@check("a quota that runs out before its reset is told, and that it lasts")
def _(lab):
    hook = Hook(lab)
    house = House(lab, 2, more=hook.alerts(), clock=False)
    told(house, unified("5h", 0.2, time.time(), 2 * 3600))
    house.who()
    message = hook.begun("quota_runs_out", "warning", upstream="a", account="one", window="5h")
    contains(message["text"], "20% is left", "the text")
    stays(lambda: len(hook.bodies) == 1, "nothing more is told", 1.2)
    told(house, unified("5h", 1, time.time(), 5 * 3600))
    house.who()
    hook.over("quota_runs_out", upstream="a", account="one", window="5h")


@check("a quota that lasts, and one that has just begun, are told to nobody")
def _(lab):
    hook = Hook(lab)
    house = House(lab, 2, more=hook.alerts(), clock=False)
    told(house, unified("5h", 0.5, time.time(), 2 * 3600) + unified("7d", 0.95, time.time(), 7 * 86_400 - 60))
    house.who()
    stays(lambda: hook.bodies == [], "nothing is told", 6)


@check("a file that is refused is told with its place, and when one is applied")
def _(lab):
    hook = Hook(lab)
    p, _up = lab.simple(hook.alerts())
    good = p.config.read_text()
    p.config.write_text(good + "\nnonsense_key: 1\n")
    expect(p.admin("POST", "/admin/reload").status >= 400, "an error of the reload")
    message = hook.begun("configuration_refused", "warning", file="proxy.yaml")
    contains(message["text"], "nonsense_key", "the text")
    lacks(message["text"], str(p.folder), "the text")
    p.config.write_text(good + "\nlog: {level: info}\n" if "\nlog:" not in good else good)
    p.admin("POST", "/admin/reload")
    hook.over("configuration_refused")


@check("a listener's certificate that ends soon is told, and one that lasts", seconds=60)
def _(lab):
    hook = Hook(lab)
    up = lab.upstream()
    text = f"""
listen: [127.0.0.1:@PORT@, {{address: "127.0.0.1:@TLS@", tls: {{certificate: server.pem, key: server.key}}}}]
upstreams: {{up: {up.declare("anthropic")}}}
rules: [{{name: all, models: ["*"], tiers: [up]}}]
{hook.alerts("certificate: 36500d")}
"""
    from ports import free_port

    p = lab.proxyd(text, start=False, TLS=free_port())
    certificates.copy(p.folder, "server.pem", "server.key")
    p.start()
    message = hook.begun("certificate_ends", "warning", listener=f"127.0.0.1:{p.places['TLS']}")
    contains(message["text"], "2125", "the text")
    p.replace(text.replace(", certificate: 36500d", ""))
    equal(p.admin("POST", "/admin/reload").status, 200, "the status of the reload")
    hook.over("certificate_ends")


@check("storage that fails is told, and that it works again", seconds=60)
def _(lab):
    hook = Hook(lab)
    p, _up = lab.simple(hook.alerts())
    served(p.ask())
    eventually(lambda: p.get("/admin/usage")["total_requests"] == 1, "the first request in the books")
    holder = sqlite3.connect(p.state / "proxyd.sqlite", timeout=5, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    deadline = time.monotonic() + 20
    while not hook.of("storage_failing") and time.monotonic() < deadline:
        served(p.ask())
        time.sleep(0.2)
    holder.execute("ROLLBACK")
    holder.close()
    eventually(lambda: hook.of("storage_failing")[-1]["severity"] == "resolved", "its end", 20)
    # Once more where it came to be critical meanwhile.
    severities = [message["severity"] for message in hook.of("storage_failing")]
    expect(severities in (["warning", "resolved"], ["critical", "resolved"], ["warning", "critical", "resolved"]), "each once", severities)


@check("in the format {format} a message is what the chat takes", rows=["slack", "lark"])
def _(lab, format):
    hook = Hook(lab, body=b'{"code":0}' if format == "lark" else b"ok")
    house = House(lab, 2, more=hook.alerts(f"format: {format}"), clock=False)
    house.a.reply(status(401), key="one")
    house.ask()
    eventually(lambda: hook.bodies, "a message", 5)
    text = hook.bodies[0]["text"] if format == "slack" else hook.bodies[0]["content"]["text"]
    equal(hook.bodies[0], {"text": text} if format == "slack" else {"msg_type": "text", "content": {"text": text}}, "its shape")
    contains(text, "the account 'one' of 'a' is refused", "the text")
    house.free("one")
    eventually(lambda: len(hook.bodies) == 2, "its end", 5)
    contains(json.dumps(hook.bodies[1]), "resolved", "the end")


@check("a webhook that is {what} holds no request up; what fails is told in the log, not where it is", rows=["slow", "dead", "failing"])
def _(lab, what):
    hook = Hook(lab, answer=500 if what == "failing" else 200, pause=15 if what == "slow" else 0)
    text = hook.alerts()
    if what == "dead":
        hook.server.shutdown()
        hook.server.server_close()
    house = House(lab, 2, more=text, clock=False)
    house.who()
    house.a.reply(status(401), key="one")
    house.ask()
    eventually(lambda: shown(house.p), "the alert is shown", 5)
    begun = time.monotonic()
    for _ in range(20):
        served(house.ask())
    expect(time.monotonic() - begun < 5, "twenty requests within 5 s", time.monotonic() - begun)
    house.p.wait_log("alerts cannot be delivered", 15)
    lacks(house.p.output(), "hook-secret", "the log")
    lacks(house.p.output(), "query-secret", "the log")


@check("a webhook that is slow to answer is told the same twice at most", seconds=60)
def _(lab):
    hook = Hook(lab, pause=12)
    house = House(lab, 2, more=hook.alerts(), clock=False)
    house.a.reply(status(401), key="one")
    house.ask()
    eventually(lambda: len(hook.bodies) == 2, "both tries", 35)
    stays(lambda: len(hook.bodies) == 2, "nothing more is told", 12)
    expect("proxyd_alerts_dropped_total 1" in house.p.admin("GET", "/metrics").text, "one that is counted as lost")


@check("a webhook that failed for a moment is told in the end, once")
def _(lab):
    hook = Hook(lab, answer=503)
    house = House(lab, 2, more=hook.alerts(), clock=False)
    house.a.reply(status(401), key="one")
    house.ask()
    eventually(lambda: hook.bodies, "a try", 5)
    hook.answer, before = 200, len(hook.bodies)
    eventually(lambda: len(hook.bodies) > before, "another try", 8)
    count = len(hook.bodies)
    stays(lambda: len(hook.bodies) == count, "nothing more is told", 2)


@check("another webhook is told from the next reload on; the address is shown to nobody")
def _(lab):
    first, second = Hook(lab), Hook(lab)
    house = House(lab, 2, more=first.alerts(), clock=False)
    house.a.reply(status(401), key="one")
    house.ask()
    first.begun("account_out", "warning")
    for part in ("hook-secret", "query-secret"):
        lacks(house.p.admin("GET", "/admin/config").text, part, "GET /admin/config")
    house.p.replace(house.config.replace(first.url, second.url))
    equal(house.p.admin("POST", "/admin/reload").status, 200, "the status of the reload")
    house.free("one")
    eventually(lambda: second.of("account_out"), "the end at the second", 5)
    equal([body["severity"] for body in second.bodies], ["resolved"], "what the second is told")
    equal(len(first.bodies), 1, "what the first is told")
    lacks(house.p.output(), "hook-secret", "the log")


@check("after a restart what still holds is told once more at most, and alerts without a webhook are shown")
def _(lab):
    hook = Hook(lab)
    up = lab.upstream()
    p = lab.proxyd(f"""
upstreams: {{up: {up.declare("anthropic")}}}
rules: [{{name: all, models: ["*"], tiers: [up]}}]
policies: {{default: {{budget_per_day: 4 USD}}}}
prices: {{claude-test: {{input: 100000, output: 100000}}}}
{hook.alerts("budgets: [50%]")}
""")
    served(p.ask("anthropic", "claude-test", max_tokens=1))
    hook.begun("budget", "warning", share="50%", key="user")
    p.restart()
    eventually(lambda: len(hook.of("budget")) == 2, "the same once more", 8)
    stays(lambda: len(hook.of("budget")) == 2, "nothing more", 1.5)
    p.config.write_text(p.config.read_text().replace(hook.alerts("budgets: [50%]"), "alerts: {budgets: [50%]}"))
    equal(p.admin("POST", "/admin/reload").status, 200, "the status of the reload")
    equal(shown(p), [("budget", "warning")], "what is shown")
    expect(p.get("/admin/alerts")["webhook"] is False, "no webhook", p.get("/admin/alerts"))


@check("who may look may see alerts; {role} gets {status}", rows=[("viewer", 200), ("metrics", 403), ("nobody", 401)])
def _(lab, role, status):
    keys = "admin: {key: %s, keys: [{name: v, key: viewer-key-0123456789abcdef, role: viewer}, {name: m, key: metrics-key-0123456789abcd, role: metrics}]}"
    p, _up = lab.simple(keys % ADMIN_KEY)
    key = {"viewer": "viewer-key-0123456789abcdef", "metrics": "metrics-key-0123456789abcd"}.get(role)
    equal(p.admin("GET", "/admin/alerts", key=key).status, status, "the status")
