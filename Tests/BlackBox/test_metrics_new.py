"""Metrics: each name of the contract, with the right number after traffic that is known; boards and alerts over them."""

import math
import re
import ssl
import time

import certificates
from certificates import FOLDER
from checks import check, contains, equal, eventually, expect, lacks
from dialects import ANTHROPIC
from harness import ADMIN_KEY, served
from limits import BOB, PRICE, limited, refused
from ports import free_port
from prometheus import Prometheus, panels, tool
from records import FORMATS, FRESH, MODEL, NANO, ask, book, grouped, near, rows, start
from upstream import endless, status, whole

COUNTERS = ("proxyd_telemetry_dropped_total", "proxyd_events_dropped_total", "proxyd_decisions_dropped_total", "proxyd_alerts_dropped_total", "proxyd_unaccounted_requests_total", "proxyd_admin_requests_total")


def text(p):
    return p.admin("GET", "/metrics").text


def samples(p, name, **wanted):
    """{labels: value} of a metric's series that have these labels; the labels as a dictionary's items, sorted."""
    found = {}
    for labels, value in re.findall(rf"^{name}(?:\{{(.*)\}})? (\S+)$", text(p), re.M):
        pairs = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels))
        if all(pairs.get(label) == value for label, value in wanted.items()):
            found[tuple(sorted(pairs.items()))] = float(value)
    return found


def total(p, name, **wanted):
    return sum(samples(p, name, **wanted).values())


def one(p, name, **wanted):
    found = samples(p, name, **wanted)
    equal(len(found), 1, f"series of {name} with {wanted}")
    return next(iter(found.values()))


def labels_of(p, name):
    return {label for series in samples(p, name) for label, _ in series}


@check("{dialect}: tokens to the token and money to the cent, by key, model and kind", rows=FORMATS)
def _(lab, dialect):
    p, _up = book(lab)
    for _ in range(3):
        served(ask(p, dialect))
    served(ask(p, dialect, key=BOB, stream=True))
    rows(p, 4)
    equal(labels_of(p, "proxyd_tokens_total"), {"key", "model", "kind"}, "labels of proxyd_tokens_total")
    fresh, read, written, out = FRESH[dialect]
    for key, times in (("user", 3), ("bob", 1)):
        counted = {kind: total(p, "proxyd_tokens_total", key=key, model=MODEL[dialect], kind=kind) for kind in ("input", "cache_read", "cache_write", "output")}
        equal(counted, {"input": times * fresh, "cache_read": times * read, "cache_write": times * written, "output": times * out}, f"tokens of {key}")
        near(one(p, "proxyd_cost_usd_total", key=key, model=MODEL[dialect]), times * NANO[dialect] / 1e9, f"USD of {key}")
    equal(total(p, "proxyd_tokens_total"), 4 * (fresh + read + written + out), "all kinds together are all tokens")


@check("what a client left and what no answer told is in the metrics as it is in the ledger")
def _(lab):
    p, up = book(lab)
    served(ask(p))
    up.reply(endless(ANTHROPIC.begin("claude-test"), ANTHROPIC.words("x y z")))
    connection = start(p, stream=True)
    connection.stream().next()
    connection.abort()
    rows(p, 2)
    (told,) = grouped(p, "key,model")
    for kind in ("input", "cache_read", "cache_write", "output"):
        equal(total(p, "proxyd_tokens_total", kind=kind), told[kind], f"{kind}: the ledger has the same")
    near(total(p, "proxyd_cost_usd_total"), told["cost_usd"], "USD: the ledger has the same")


@check("a model that the file does not name and that answers is counted by its name from the first request on")
def _(lab):
    p, _up = book(lab, rules="\n- {name: all, models: ['*'], tiers: [claude]}", prices="")
    served(ask(p, model="claude-unheard-of"))
    rows(p, 1)
    equal(one(p, "proxyd_tokens_total", model="claude-unheard-of", kind="output"), 7, "output")
    lacks(text(p), "sk-", "no key in the metrics")


@check("a model that nobody answers to is other, also where its tokens are counted")
def _(lab):
    p, up = book(lab, rules="\n- {name: all, models: ['*'], tiers: [claude]}", prices="")
    up.reply(status(404))
    for i in range(5):
        ask(p, model=f"nobody-{i}")
    eventually(lambda: total(p, "proxyd_requests_total", model="other") == 5, "five requests for a model that is none")
    lacks(text(p), "nobody-", "the metrics")


@check("probes, scrapes and admin calls are counted apart, and in nothing else")
def _(lab):
    p, _up = book(lab)
    for _ in range(3):
        served(ask(p))
    rows(p, 3)
    before = one(p, "proxyd_admin_requests_total")
    for path in ("/health", "/healthz", "/readyz", "/health/"):
        p.send("GET", path, key=None)
    p.admin("GET", "/admin/keys"), p.admin("GET", "/admin/nothing"), p.admin("GET", "/admin/keys", key="wrong"), p.admin("GET", "/metrics")
    equal(one(p, "proxyd_admin_requests_total") - before, 9, "eight calls, and the scrape before this one")
    equal(total(p, "proxyd_requests_total"), 3, "requests of clients")
    equal(total(p, "proxyd_outcomes_total"), 3, "their outcomes")
    for name in ("proxyd_request_seconds_count", "proxyd_first_byte_seconds_count"):
        equal(samples(p, name), {(("model", "claude-test"), ("upstream", "claude")): 3}, name)
    equal(p.send("GET", "/v1/models").status, 200, "a list of models")
    eventually(lambda: total(p, "proxyd_requests_total") == 4, "a list of models is a client's request")


@check("histograms by upstream and model: as many as there were requests, their times in the buckets")
def _(lab):
    p, up = book(lab)

    def slow(request, wire):
        time.sleep(0.3)
        whole(ANTHROPIC.whole("claude-test"))(request, wire)

    served(ask(p)), served(ask(p, "openai"))
    up.reply(slow)
    served(ask(p))
    rows(p, 3)
    for name in ("proxyd_request_seconds", "proxyd_first_byte_seconds"):
        equal(one(p, name + "_count", upstream="claude", model="claude-test"), 2, name)
        equal(one(p, name + "_count", upstream="gpt", model="gpt-test"), 1, name)
        equal(one(p, name + "_bucket", upstream="claude", le="0.25"), 1, f"{name} up to 0.25")
        equal(one(p, name + "_bucket", upstream="claude", le="+Inf"), 2, f"{name}, all")
        equal(labels_of(p, name + "_sum"), {"upstream", "model"}, f"labels of {name}")
        expect(0.3 <= one(p, name + "_sum", upstream="claude") < 5, "the sum of the times", text(p))
    contains(text(p), "# TYPE proxyd_request_seconds histogram", "metrics")


@check("limits: what is used, what may be, how many were refused")
def _(lab):
    p, _up = limited(
        lab, "requests_per_day: 3, budget_total: 1000 USD, concurrent_requests: 9",
        "- {name: team budget, per: 'key.tags[\"team\"]', tokens_per_day: 1000}\n- {name: unused, per: request.session, requests_per_day: 5}",
    )
    served(p.ask()), served(p.ask()), served(p.ask(key=BOB))
    eventually(lambda: total(p, "proxyd_limit_used", limit="team.requests_per_day") == 2, "two requests used")
    used = {(("kind", kind), ("limit", limit)): value for limit, kind, value in [
        ("team.requests_per_day", "requests", 2), ("team.budget_total", "cost", 29.25), ("team.concurrent_requests", "concurrency", 0),
        ("team budget", "tokens", 42), ("unused", "requests", 0),
    ]}  # fmt: skip
    equal(samples(p, "proxyd_limit_used"), used, "what is used, of the bucket that has used most")
    most = {(("kind", kind), ("limit", limit)): value for limit, kind, value in [
        ("team.requests_per_day", "requests", 3), ("team.budget_total", "cost", 1000), ("team.concurrent_requests", "concurrency", 9),
        ("team budget", "tokens", 1000), ("unused", "requests", 5),
    ]}  # fmt: skip
    equal(samples(p, "proxyd_limit_max"), most, "what may be used")
    served(p.ask())
    for _ in range(4):
        refused(p.ask(), "team.requests_per_day")
    equal(samples(p, "proxyd_limit_refused_total"), {(("limit", "team.requests_per_day"),): 4}, "refusals")
    equal(total(p, "proxyd_limit_refusals_total"), 4, "the same under the former name")
    p.write(p.config.read_text().replace("requests_per_day: 3", "requests_per_day: 8").replace("- {name: unused, per: request.session, requests_per_day: 5}", ""))
    p.admin("POST", "/admin/reload")
    equal(one(p, "proxyd_limit_max", limit="team.requests_per_day"), 8, "a new number holds at once")
    equal(samples(p, "proxyd_limit_max", limit="unused"), {}, "a limit that left the file")


@check("a listener's certificate: when it ends; a renewed one is told")
def _(lab):
    port = free_port()
    up = lab.upstream()
    p = lab.proxyd(
        "listen: ['127.0.0.1:@PORT@', {address: '127.0.0.1:@TLS@', tls: {certificate: pair.pem, key: pair.key}}]\n"
        f"upstreams: {{a: {up.declare()}}}\nrules: [{{name: all, models: ['*'], tiers: [a]}}]\n", start=False, TLS=port,
    )  # fmt: skip

    def ends(name):
        return ssl.cert_time_to_seconds(ssl._ssl._test_decode_cert(str(FOLDER / f"{name}.pem"))["notAfter"])

    certificates.place(p.folder, "pair", "server")
    p.start()
    equal(samples(p, "proxyd_tls_not_after_seconds"), {(("listener", f"127.0.0.1:{port}"),): ends("server")}, "the end of the certificate")
    certificates.place(p.folder, "pair", "renewed")
    eventually(lambda: one(p, "proxyd_tls_not_after_seconds") == ends("renewed"), "the end of the renewed one")


@check("the configuration that was read last: whether it runs, and when one last did")
def _(lab):
    begun = time.time()
    p, _up = book(lab)
    good = p.config.read_text()
    equal(one(p, "proxyd_config_last_reload_success"), 1, "after the start")
    first = one(p, "proxyd_config_last_reload_success_timestamp_seconds")
    expect(begun - 2 <= first <= time.time() + 2, "the time of the start", (begun, first))
    p.config.write_text(good + "\nnonsense: [")
    p.admin("POST", "/admin/reload")
    equal((one(p, "proxyd_config_last_reload_success"), one(p, "proxyd_config_failing")), (0, 1), "after a refusal")
    equal(one(p, "proxyd_config_last_reload_success_timestamp_seconds"), first, "the time of the last that runs")
    time.sleep(1.1)
    p.config.write_text(good + "\nlog: {requests: false}\n")
    p.admin("POST", "/admin/reload")
    equal(one(p, "proxyd_config_last_reload_success"), 1, "after one that runs")
    expect(one(p, "proxyd_config_last_reload_success_timestamp_seconds") > first, "a later time")


@check("POST /admin/reload counts as a reload, and when it was is never to come")
def _(lab):
    p, _up = lab.simple()
    for result, added in {"unchanged": "", "applied": "\nlog: {level: debug}\n", "failed": "\nrulez: []\n"}.items():
        before = sum(samples(p, "proxyd_config_reloads_total", result=result).values())
        if added:
            p.config.write_text(p.config.read_text() + added)
        p.admin("POST", "/admin/reload")
        expect(sum(samples(p, "proxyd_config_reloads_total", result=result).values()) > before, f"one more {result}")
        (at,) = samples(p, "proxyd_config_last_reload_success_timestamp_seconds").values()
        expect(at <= time.time(), "a time that is past", at)


@check("there from the start: {name}", rows=[*COUNTERS, "proxyd_storage_failing", "proxyd_build_info", "proxyd_active_requests"])
def _(lab, name):
    p, _up = book(lab)
    expect(len(samples(p, name)) == 1, "one series", text(p))


# ---------------------------------------------------------------- Prometheus itself


HOUSE = """
upstreams:
  a: {first}
  b: {second}
policies: {{default: {{}}, team: {{requests_per_day: 5000, budget_per_day: 1000 USD, concurrent_requests: 50}}, few: {{requests_per_day: 2}}}}
keys:
  - {{name: user, key: sk-user-0123456789abcdefghijklmnop, policy: team}}
  - {{name: bob, key: {bob}, policy: few}}
prices: {{claude-test: {price}}}
listen: ['127.0.0.1:@PORT@', {{address: '127.0.0.1:@TLS@', tls: {{certificate: pair.pem, key: pair.key}}}}]
admin: {{key: {admin}, keys: [{{name: prometheus, key: sk-scraper-0123456789abcdefghijkl, role: metrics}}]}}
rules: [{{name: all, models: ["*"], tiers: [a, b]}}]
"""


def lively(lab):
    """proxyd with everything that metrics tell of: TLS, quota, limits, two accounts, one of which is to fail now and then."""
    first, second = lab.upstream(), lab.upstream()
    quota = [("anthropic-ratelimit-requests-limit", "100"), ("anthropic-ratelimit-requests-remaining", "60")]
    quota.append(("anthropic-ratelimit-requests-reset", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))))
    answer = whole(ANTHROPIC.whole("claude-test"), headers=quota)
    first.reply(answer)
    second.reply(answer)
    p = lab.proxyd(
        HOUSE.format(first=first.declare("anthropic"), second=second.declare("anthropic"), bob=BOB, price=PRICE, admin=ADMIN_KEY),
        start=False, TLS=free_port(),
    )  # fmt: skip
    certificates.place(p.folder, "pair", "server")
    return p.start(), first, answer


def traffic(p, first, answer):
    first.reply(status(529), answer, answer, answer)
    for i in range(4):
        served(p.ask(headers={"x-proxyd-session": "s"}))
    p.ask(model="claude-unpriced"), p.ask(key="sk-nobody"), [p.ask(key=BOB) for _ in range(3)]


@check("promtool check metrics has nothing to say of what proxyd tells")
def _(lab):
    p, first, answer = lively(lab)
    traffic(p, first, answer)
    code, said = tool("check", "metrics", standard_input=text(p))
    equal((code, said.strip()), (0, ""), "promtool check metrics")


@check("promtool takes the scrape configuration and the alert rules, and their tests pass")
def _(lab):
    for arguments in (("check", "config", "scrape.yaml"), ("check", "rules", "alerts.yaml"), ("test", "rules", "alerts_test.yaml")):
        code, said = tool(*arguments)
        expect(code == 0, f"promtool {' '.join(arguments)}", said)


@check("every query of every board returns data from a Prometheus that scrapes proxyd, and each rule can be evaluated")
def _(lab):
    p, first, answer = lively(lab)
    prometheus = Prometheus(lab, p, "sk-scraper-0123456789abcdefghijkl")
    traffic(p, first, answer)
    time.sleep(0.6)
    traffic(p, first, answer)
    asked = panels()
    expect(len(asked) > 50, "queries", len(asked))

    def silent():
        def has_data(query):
            found = prometheus.ask(query)
            return found and any(not math.isnan(float(sample["value"][1])) for sample in found)

        return [(board, panel, query) for board, panel, query in asked if not has_data(query)]

    def all_told():
        equal(silent(), [], "queries without data")
        return True

    eventually(all_told, "data for each query", 8, 0.3)
    groups = prometheus.rules()
    equal([rule["health"] for rule in groups if rule["health"] != "ok"], [], "rules that cannot be evaluated")
    expect(len(groups) >= 14, "rules", groups)
