"""Keys: who is let in, what an answer says to who is not, what providers and files never see."""

import hashlib
import time

from checks import check, contains, equal, eventually, expect, lacks, one_of
from dialects import ANTHROPIC, DIALECTS, GEMINI, OPENAI
from harness import ADMIN_KEY, USER_KEY, served
from upstream import says

HEADERS = {
    "x-api-key": [("x-api-key", USER_KEY)],
    "Authorization: Bearer": [("Authorization", f"Bearer {USER_KEY}")],
    "authorization: bearer in lower case": [("authorization", f"bearer {USER_KEY}")],
    "api-key": [("api-key", USER_KEY)],
    "x-goog-api-key": [("x-goog-api-key", USER_KEY)],
    "X-API-KEY in capitals": [("X-API-KEY", USER_KEY)],
}


@check("{dialect}: a key shown as {form} is accepted", rows=[(d, f) for d in ("anthropic", "openai") for f in HEADERS])
def _(lab, dialect, form):
    p, _up = lab.simple()
    served(p.ask(dialect, key=None, headers=HEADERS[form]))


WRONG = {
    "no key": [],
    "a wrong key": [("x-api-key", "sk-wrong"), ("authorization", "Bearer sk-wrong"), ("x-goog-api-key", "sk-wrong")],
}


@check("{dialect}: {what} is a 401 in the dialect's shape", rows=[(d, w) for d in DIALECTS for w in WRONG])
def _(lab, dialect, what):
    p, up = lab.simple()
    answer = p.ask(dialect, key=None, headers=WRONG[what])
    equal(answer.status, 401, "the status")
    contains(answer.header("content-type") or "", "application/json", "the content type")
    error = DIALECTS[dialect].error_of(answer)
    if dialect in ("openai", "responses"):
        equal((error["type"], error["code"]), ("invalid_request_error", "invalid_api_key"), "type and code of the error")
    equal(up.requests, [], "requests at the upstream")


@check("a streamed request with a wrong key is a 401 with a JSON body, no stream")
def _(lab):
    p, _up = lab.simple()
    for dialect in ("anthropic", "openai"):
        answer = p.ask(dialect, stream=True, key="sk-wrong")
        equal(answer.status, 401, "the status")
        DIALECTS[dialect].error_of(answer)


NEARLY = {
    "an empty x-api-key": [("x-api-key", "")],
    "a Bearer without a key": [("Authorization", "Bearer")],
    "the key as Basic": [("Authorization", f"Basic {USER_KEY}")],
    "the key without its last character": [("x-api-key", USER_KEY[:-1])],
    "the key with a character more": [("x-api-key", USER_KEY + "x")],
    "the key in another case": [("x-api-key", USER_KEY.upper())],
    "the key in a cookie": [("Cookie", f"key={USER_KEY}")],
    "the key's own hash": [("x-api-key", hashlib.sha256(USER_KEY.encode()).hexdigest())],
    "the key's hash as it is declared": [("x-api-key", "sha256:" + hashlib.sha256(USER_KEY.encode()).hexdigest())],
    "the provider's key": [("x-api-key", "provider-key-one")],
}


@check("{what} is a 401", rows=list(NEARLY))
def _(lab, what):
    p, up = lab.simple()
    equal(p.ask(key=None, headers=NEARLY[what]).status, 401, "the status")
    equal(up.requests, [], "requests at the upstream")


@check("where two headers show different keys, the one native to the path counts")
def _(lab):
    p, _up = lab.simple()
    served(p.ask("anthropic", key=None, headers=[("x-api-key", USER_KEY), ("api-key", "sk-wrong")]), "x-api-key right")
    served(p.ask("openai", key=None, headers=[("api-key", "sk-wrong"), ("Authorization", f"Bearer {USER_KEY}")]), "Bearer right")


TWICE = {
    "x-api-key": [("x-api-key", USER_KEY), ("X-Api-Key", "sk-other")],
    "authorization": [("Authorization", f"Bearer {USER_KEY}"), ("authorization", "bearer sk-other")],
    "api-key": [("api-key", USER_KEY), ("api-key", "sk-other")],
    "x-goog-api-key": [("x-goog-api-key", USER_KEY), ("x-goog-api-key", "sk-other")],
    "x-proxyd-key": [("x-proxyd-key", USER_KEY), ("x-proxyd-key", "sk-other")],
}


@check("two different keys in one header are a 400, whichever comes first: {name}", rows=list(TWICE))
def _(lab, name):
    p, up = lab.simple()
    for dialect in ("anthropic", "openai"):
        for headers in (TWICE[name], TWICE[name][::-1]):
            answer = p.ask(dialect, key=None, headers=headers)
            equal(answer.status, 400, "the status")
            equal(answer.json()["error"]["type"], "invalid_request_error", "the error's type")
            lacks(answer.text, USER_KEY, "the answer")
    equal(up.requests, [], "requests at the upstream")
    first = TWICE[name][0]
    served(p.ask(key=None, headers=[first, first]), "the same key twice")


@check("a key declared by its hash is accepted")
def _(lab):
    key = "sk-hashed-0123456789"
    digest = hashlib.sha256(key.encode()).hexdigest()
    p, _up = lab.simple(more=f'keys: [{{name: alice, hash: "sha256:{digest}"}}]')
    served(p.ask(key=key))
    equal(p.ask(key="sk-other").status, 401, "the status for another key")
    equal(p.ask(key=f"sha256:{digest}").status, 401, "the status for the hash itself")


@check("a declared key may come from a file, and its last line break is not part of it")
def _(lab):
    (lab.folder / "key").write_text("sk-from-a-file\n")
    p, _up = lab.simple(more=f'keys: [{{name: ci, key: "${{file:{lab.folder}/key}}"}}]')
    served(p.ask(key="sk-from-a-file"))


@check("a key that the admin API made is accepted at once, in every header form")
def _(lab):
    p, _up = lab.simple()
    key = p.create_key()["api_key"]
    for name, value in (("x-api-key", key), ("Authorization", f"Bearer {key}"), ("api-key", key), ("x-goog-api-key", key)):
        served(p.ask(key=None, headers=[(name, value)]), f"the answer with {name}")


@check(
    "{dialect}: a disabled key is a 403 from the next request on, an enabled one is served again", rows=["anthropic", "openai"]
)
def _(lab, dialect):
    p, up = lab.simple()
    made = p.create_key()
    served(p.ask(dialect, key=made["api_key"]))
    equal(p.admin("POST", f"/admin/keys/{made['id']}/disable").status, 200, "the status of disable")
    answer = p.ask(dialect, key=made["api_key"])
    equal(answer.status, 403, "the status with the disabled key")
    DIALECTS[dialect].error_of(answer)
    equal(len(up.requests), 1, "requests at the upstream")
    equal(p.admin("POST", f"/admin/keys/{made['id']}/enable").status, 200, "the status of enable")
    served(p.ask(dialect, key=made["api_key"]))


@check("disabling a key is seen by the next request of a connection that is open")
def _(lab):
    p, _up = lab.simple()
    made = p.create_key()
    connection, body = p.connect(), ANTHROPIC.request()
    headers = p.headers(made["api_key"], {"Content-Type": "application/json"})
    equal(connection.ask("POST", ANTHROPIC.path, headers, body).status, 200, "the status before")
    p.admin("POST", f"/admin/keys/{made['id']}/disable")
    equal(connection.ask("POST", ANTHROPIC.path, headers, body).status, 403, "the status after")


@check("a deleted key is a 401 from the next request on")
def _(lab):
    p, _up = lab.simple()
    made = p.create_key()
    served(p.ask(key=made["api_key"]))
    equal(p.admin("DELETE", f"/admin/keys/{made['id']}").status, 200, "the status of DELETE")
    equal(p.ask(key=made["api_key"]).status, 401, "the status with the deleted key")


@check("a key that expires is refused once its time has come")
def _(lab):
    p, _up = lab.simple()
    expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3))
    made = p.create_key(expires=expires)
    served(p.ask(key=made["api_key"]))
    eventually(lambda: p.ask(key=made["api_key"]).status in (401, 403), "a refusal of the expired key", 6, every=0.3)


POLICIES = """
policies:
  default: {}
  some: {models: ["gpt-*", claude-small, "gemini-*"]}
  far: {allow_from: [10.0.0.0/8, "2001:db8::/32"]}
  near: {allow_from: [192.168.0.0/16, 127.0.0.0/8]}
keys:
  - {name: some, key: sk-some, policy: some}
  - {name: far, key: sk-far, policy: far}
  - {name: near, key: sk-near, policy: near}
  - {name: plain, key: sk-plain}
"""


@check("{dialect}: a model that the key's policy does not allow is a 403", rows=["anthropic", "openai"])
def _(lab, dialect):
    p, up = lab.simple(POLICIES, rules='- {name: all, models: ["*"], tiers: [claude]}')
    answer = p.ask(dialect, "o3-mini", key="sk-some")
    equal(answer.status, 403, "the status")
    DIALECTS[dialect].error_of(answer)
    equal(up.requests, [], "requests at the upstream")


@check("a policy's model list is globs and plain names")
def _(lab):
    p, _up = lab.simple(POLICIES)
    served(p.ask("anthropic", "claude-small", key="sk-some"))
    served(p.ask("openai", "gpt-4o", key="sk-some"))
    equal(p.ask("anthropic", "claude-smaller", key="sk-some").status, 403, "the status of claude-smaller")
    served(p.ask("anthropic", "claude-smaller", key="sk-plain"))


@check("a policy's model list holds for Gemini, whose model is in the path")
def _(lab):
    p, _up = lab.simple(POLICIES.replace('"gemini-*"', '"gemini-pro"'))
    answer = p.send("POST", "/v1beta/models/gemini-big:generateContent", GEMINI.request(), key="sk-some")
    equal(answer.status, 403, "the status")
    GEMINI.error_of(answer)


@check("a policy's allow_from lets a client in by its address, or not")
def _(lab):
    p, up = lab.simple(POLICIES)
    answer = p.ask(key="sk-far")
    equal(answer.status, 403, "the status from 127.0.0.1 where only 10.0.0.0/8 may")
    ANTHROPIC.error_of(answer)
    served(p.ask(key="sk-near"), "the answer where 127.0.0.0/8 may")
    answer = p.ask(key="sk-far", headers={"X-Forwarded-For": "10.1.2.3"})
    equal(answer.status, 403, "the status with a forged X-Forwarded-For")
    equal(len(up.requests), 1, "requests at the upstream")


@check("a key without a policy has the policy `default`")
def _(lab):
    p, _up = lab.simple(POLICIES.replace("default: {}", 'default: {models: ["gpt-*"]}'))
    equal(p.ask("anthropic", "claude-x", key="sk-plain").status, 403, "the status of claude-x")
    served(p.ask("openai", "gpt-x", key="sk-plain"))
    equal(p.ask("anthropic", "claude-x", key=p.create_key()["api_key"]).status, 403, "the status with a made key")


@check("a key made with a policy has it")
def _(lab):
    p, _up = lab.simple(POLICIES)
    key = p.create_key(policy="some")["api_key"]
    served(p.ask("openai", "gpt-x", key=key))
    equal(p.ask("anthropic", "claude-x", key=key).status, 403, "the status of claude-x")


# ---------------------------------------------------------------- what the provider sees

PERSONAL = [
    ("x-api-key", "sk-client-secret-1"),
    ("api-key", "sk-client-secret-2"),
    ("x-goog-api-key", "sk-client-secret-3"),
    ("Cookie", "session=sk-client-secret-4"),
]


@check(
    "{dialect}: no client key and no cookie reaches the upstream, the provider's own key does",
    rows=["anthropic", "openai", "gemini"],
)
def _(lab, dialect):
    p, up = lab.simple()
    served(
        p.send(
            "POST",
            DIALECTS[dialect].path + "?key=sk-client-secret-5",
            DIALECTS[dialect].request(),
            headers=PERSONAL if dialect == "openai" else PERSONAL[1:2] + PERSONAL[3:],
        )
    )
    seen = up.last.raw_head
    lacks(seen, b"sk-client-secret", "the head at the upstream")
    lacks(seen, USER_KEY.encode(), "the head at the upstream")
    lacks(seen.lower(), b"\r\ncookie:", "the head at the upstream")
    equal(up.last.credential, "provider-key-one", "the credential at the upstream")
    contains(
        up.last.raw_head.decode().lower(),
        {
            "anthropic": "provider-key-one",
            "openai": "authorization: bearer provider-key-one",
            "gemini": "x-goog-api-key: provider-key-one",
        }[dialect],
        "the head at the upstream",
    )
    equal(seen.count(b"provider-key-one"), 1, "how often the provider's key is in the head")


@check("an upstream without accounts is asked without any key")
def _(lab):
    up = lab.upstream()
    p = lab.proxyd(f'upstreams: {{free: {up.declare(accounts=())}}}\nrules: [{{name: all, models: ["*"], tiers: [free]}}]')
    served(p.ask(headers=PERSONAL[1:]))
    equal(up.last.credential, None, "the credential at the upstream")
    lacks(up.last.raw_head, USER_KEY.encode(), "the head at the upstream")


@check("headers of the hop do not reach the upstream, nor those that Connection names")
def _(lab):
    p, up = lab.simple()
    served(
        p.ask(
            headers=[
                ("Connection", "keep-alive, x-private"),
                ("Keep-Alive", "timeout=5"),
                ("X-Private", "secret-hop"),
                ("Proxy-Connection", "keep-alive"),
                ("Proxy-Authorization", "Basic c2VjcmV0"),
                ("TE", "trailers"),
                ("Trailer", "x-checksum"),
                ("Upgrade", "h2c"),
            ]
        )
    )
    for name in ("x-private", "keep-alive", "proxy-connection", "proxy-authorization", "te", "trailer", "upgrade"):
        equal(up.last.header(name), None, f"{name} at the upstream")


@check("every other header reaches the upstream as it was sent")
def _(lab):
    p, up = lab.simple()
    sent = [
        ("anthropic-version", "2026-10-21"),
        ("anthropic-beta", "interleaved-thinking-2025-05-14,x-unknown"),
        ("User-Agent", "Anthropic/Python 2.11.0"),
        ("Accept", "application/json"),
        ("X-Stainless-Lang", "python"),
        ("X-Team", "  spaces within  are kept "),
        ("x-empty", ""),
        ("Accept-Language", "de;q=0.9, *;q=0.1"),
        ("x-latin", "gr\xfc\xdfe"),
        ("Idempotency-Key", "abc-123"),
        ("Content-Type", "application/json; charset=utf-8"),
    ]
    served(p.ask(headers=sent))
    for name, value in sent:
        equal(up.last.header(name), value.strip(), f"{name} at the upstream")


@check("several lines of one header all reach the upstream, in order")
def _(lab):
    p, up = lab.simple()
    served(p.ask(headers=[("anthropic-beta", "one"), ("x-other", "1"), ("anthropic-beta", "two")]))
    equal([v.strip() for v in ",".join(up.last.all("anthropic-beta")).split(",")], ["one", "two"], "anthropic-beta upstream")


@check("the Host header at the upstream is the upstream's")
def _(lab):
    p, up = lab.simple()
    served(p.ask(headers={"Host": "proxy.example.com"}))
    equal(up.last.all("host"), [f"127.0.0.1:{up.port}"], "Host at the upstream")


# ---------------------------------------------------------------- what is never written

SECRETS = [USER_KEY, ADMIN_KEY, "provider-key-one", "sk-wrong-but-private-key"]


def _secrets_absent(p, secrets):
    for name, data in p.written().items():
        for secret in secrets:
            lacks(data, secret.encode(), f"what proxyd wrote to {name}")


@check("no key is written to the log ({form}, level debug) or to a state file", rows=["text", "json"])
def _(lab, form):
    p, up = lab.simple(f"log: {{level: debug, format: {form}, requests: true}}")
    made = p.create_key()
    secrets = [*SECRETS, made["api_key"]]
    up.reply(says(500, "the key provider-key-one is broken"), model="claude-broken")
    for dialect in ("anthropic", "openai", "gemini"):
        served(p.ask(dialect, key=made["api_key"]))
        p.ask(dialect, key="sk-wrong-but-private-key")
        p.send("POST", DIALECTS[dialect].path + "?key=sk-wrong-but-private-key", DIALECTS[dialect].request(), key=None)
    served(p.ask(stream=True, key=None, headers={"x-goog-api-key": USER_KEY}))
    p.ask(model="claude-broken")
    p.send("GET", f"/v1/models?key={USER_KEY}")
    p.admin("GET", "/admin/keys", key="sk-wrong-but-private-key")
    p.admin("GET", f"/admin/keys/{made['api_key']}/usage")
    p.admin("POST", f"/admin/keys/{made['api_key']}/disable")
    p.admin("POST", "/admin/reload")
    p.send("BAD REQUEST", f"/{USER_KEY}")
    p.stop()
    _secrets_absent(p, secrets)


@check("only a digest of a made key is kept, also after a restart and a SIGKILL")
def _(lab):
    p, _up = lab.simple()
    keys = [p.create_key(f"key {i}")["api_key"] for i in range(5)]
    p.restart(hard=True)
    for key in keys:
        served(p.ask(key=key))
    p.restart()
    expect(any(p.state.rglob("*")), "that something is kept under `state`")
    _secrets_absent(p, keys)
    for key in keys:
        _secrets_absent(p, [key[3:]])  # nor without its prefix


@check("neither prompts nor answers are written to log or state")
def _(lab):
    p, _up = lab.simple("log: {level: debug, format: text, requests: true}")
    for stream in (False, True):
        served(p.ask(text="the-private-prompt", stream=stream))
    p.stop()
    _secrets_absent(p, ["the-private-prompt", "grüß Gott"])


@check("made keys begin with sk-, are long, and no two are alike")
def _(lab):
    p, _up = lab.simple()
    keys = [p.create_key(f"key {i}")["api_key"] for i in range(8)]
    equal(len(set(keys)), 8, "different keys")
    for key in keys:
        expect(key.startswith("sk-") and len(key) >= 24, "a key that begins with sk- and cannot be guessed", key)


@check("an upstream that repeats its key in an error does not make proxyd tell it to the client")
def _(lab):
    p, up = lab.simple()
    up.reply(says(401, "invalid key provider-key-one"))
    for dialect in (ANTHROPIC, OPENAI):
        answer = p.ask(dialect)
        one_of(answer.status, (502,), "the status")
        lacks(answer.text, "provider-key-one", "the body")
