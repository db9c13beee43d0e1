"""`key: client`: the client's own credential at the vendor passes through, its key for proxyd comes in a header of its own."""

from checks import check, contains, equal, expect, lacks
from commands import run
from dialects import DIALECTS
from harness import USER_KEY, served
from records import row
from upstream import healthy, status

OWN = "sk-ant-oat01-the-clients-own-login-0123456789"
SHOWN = {"anthropic": [("Authorization", f"Bearer {OWN}"), ("x-api-key", OWN)], "openai": [("Authorization", f"Bearer {OWN}")], "gemini": [("x-goog-api-key", OWN)]}


def house(lab, dialect="anthropic", form="key: client", more="", rule="tiers: [a, b]"):
    a, b = lab.upstream(), lab.upstream()
    path = "/v1" if dialect == "openai" else ""
    p = lab.proxyd(f"""
upstreams:
  a: {{url: '{a.url}{path}', dialect: {dialect}, {form}, models: {{discover: false}}}}
  b: {b.declare(dialect)}
rules: [{{name: all, models: ["*"], {rule}}}]
{more}
""")
    return p, a, b


def ask(p, dialect, shown, key=USER_KEY, stream=False):
    one = DIALECTS[dialect]
    headers = [shown, *([("x-proxyd-key", key)] if key else [])]
    return p.send("POST", one.path, one.request("claude-x", stream), key=None, headers=[*headers, ("Content-Type", "application/json")])


@check("{dialect}: the credential in {name} goes upstream, the key for proxyd does not; {form}",
       rows=[(d, s[0], f) for d, all_ in SHOWN.items() for s in all_ for f in ("key: client", "accounts: [{name: own, key: client}]")])  # fmt: skip
def _(lab, dialect, name, form):
    p, a, _b = house(lab, dialect, form)
    shown = next(one for one in SHOWN[dialect] if one[0] == name)
    for streamed in (False, True):
        served(ask(p, dialect, shown, stream=streamed))
        head = a.last.raw_head.decode("latin-1")
        equal(a.last.header(name), shown[1], "the credential upstream")
        lacks(head, USER_KEY, "the head upstream")
        lacks(head.lower(), "x-proxyd-key", "the head upstream")


@check("without a key for proxyd it is a 401, whatever the credential: {key}", rows=["none", "a wrong one"])
def _(lab, key):
    p, a, b = house(lab)
    answer = ask(p, "anthropic", SHOWN["anthropic"][0], None if key == "none" else "sk-wrong-0123456789")
    equal(answer.status, 401, "the status")
    equal((a.requests, b.requests), ([], []), "requests upstream")


@check("without a credential of its own the client is told, or the next tier serves")
def _(lab):
    p, a, b = house(lab)
    answer = p.ask("anthropic", "claude-x", key=None, headers=[("x-proxyd-key", USER_KEY)])
    if answer.status == 200:
        equal(b.last.credential, "provider-key-one", "the next tier's credential")
    else:
        expect(400 <= answer.status < 500, "a refusal", repr(answer))
    for request in a.requests:
        lacks(request.raw_head.decode("latin-1"), USER_KEY, "the head upstream")


@check("the key for proxyd alone, in the usual header, is not passed to the vendor")
def _(lab):
    p, a, _b = house(lab)
    p.ask("anthropic", "claude-x")
    for request in a.requests:
        lacks(request.raw_head.decode("latin-1"), USER_KEY, "the head upstream")


@check("another upstream never sees the client's credential: the next tier has its own")
def _(lab):
    p, a, b = house(lab)
    a.reply(status(529))
    served(ask(p, "anthropic", SHOWN["anthropic"][0]))
    equal(b.last.credential, "provider-key-one", "the credential there")
    lacks(b.last.raw_head.decode("latin-1"), OWN, "the head there")


@check("a refusal of the client's credential is the client's, and takes nobody else out")
def _(lab):
    p, a, _b = house(lab, rule="tiers: [a]", more="fallback: {enabled: false}")
    a.reply(status(401))
    answer = ask(p, "anthropic", SHOWN["anthropic"][0])
    expect(answer.status in (401, 502), "the vendor's refusal", repr(answer))
    a.reply(healthy)
    served(ask(p, "anthropic", ("x-api-key", "another-persons-login")), "the next person's request")


@check("the client's credential is in no log, metric, file or answer")
def _(lab):
    p, a, _b = house(lab, more="log: {level: debug}")
    served(ask(p, "anthropic", SHOWN["anthropic"][0]))
    a.reply(status(400, b'{"type":"error","error":{"type":"invalid_request_error","message":"bad key ' + OWN.encode() + b'"}}'))
    answer = ask(p, "anthropic", SHOWN["anthropic"][0])
    lacks(answer.text, OWN, "the error")
    for text in (p.output(), p.admin("GET", "/metrics").text, p.admin("GET", "/admin/config").text, p.admin("GET", "/admin/fallback").text):
        lacks(text, OWN, "what is told")
    lacks(b"".join(p.written().values()), OWN.encode(), "what is on the disk")


@check("the ledger counts it under the key for proxyd")
def _(lab):
    p, _a, _b = house(lab)
    served(ask(p, "anthropic", SHOWN["anthropic"][0]))
    one = row(p)
    equal((one["key"], one["input"], one["output"]), ("user", 11, 7), "key and tokens")


@check("`key: client` beside `quota.poll` is an error of the file")
def _(lab):
    p = lab.proxyd("upstreams: {a: {url: 'http://127.0.0.1:9', dialect: anthropic, key: client, quota: {poll: /health}}}\nrules: [{name: r, tiers: [a]}]", start=False)
    made = run(lab, "--check-config", "-c", p.config)
    equal(made.code, 78, "the exit status")
    contains(made.out + made.err, "quota", "what it says")


@check("elsewhere a client's `x-proxyd-key` is its key, and never goes upstream")
def _(lab):
    p, up = lab.simple()
    served(p.ask("anthropic", "claude-x", key=None, headers=[("x-proxyd-key", USER_KEY)]))
    lacks(up.last.raw_head.decode("latin-1"), USER_KEY, "the head upstream")
