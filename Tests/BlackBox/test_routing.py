"""Rules: which one decides, what its conditions can see, what it changes; the other paths under /v1."""

import json

from checks import check, contains, equal, expect, lacks, one_of
from dialects import ANTHROPIC, DIALECTS, GEMINI, OPENAI, RESPONSES
from harness import indented, served
from upstream import account, health, whole


def _routed(lab, rules, more=""):
    """proxyd with the upstreams a, b (Anthropic) and o (OpenAI), all one provider that tells by its key who was asked."""
    up = lab.upstream()
    config = f"""
upstreams:
  a: {up.declare("anthropic", ["a"])}
  b: {up.declare("anthropic", ["b"])}
  o: {up.declare("openai", ["o"])}
rules:{indented(rules, 2)}
{more}
"""
    return lab.proxyd(config), up


def _went(p, up, model, **fields):
    """Where a request for that model went, as upstream/model, or its status when it went nowhere."""
    before = len(up.requests)
    answer = p.ask("anthropic", model, **fields)
    if len(up.requests) == before:
        return answer.status
    return f"{up.last.credential.removeprefix('provider-key-')}/{up.last.model}"


ONE_LIST = """
- {name: exact, models: [claude-opus-4-6-thinking], tiers: [b/exact]}
- {name: opus, models: ["claude-opus-*"], tiers: [a]}
- {name: two, models: ["x-*", "y-*-z", "*-end"], tiers: [b/two]}
- {name: shadowed, models: ["x-1"], tiers: [a/never]}
- {name: claude, models: ["claude-*"], tiers: [a/claude]}
"""


@check(
    "the first rule that matches decides: {model} goes to {place}",
    rows=[
        ("claude-opus-4-6-thinking", "b/exact"),
        ("claude-opus-4-6-thinkin", "a/claude-opus-4-6-thinkin"),
        ("claude-opus-", "a/claude-opus-"),
        ("claude-haiku", "a/claude"),
        ("x-1", "b/two"),
        ("y-in-the-z", "b/two"),
        ("y-z", 404),
        ("this-end", "b/two"),
        ("my-claude-opus-1", 404),
        ("x", 404),
        ("claude-a/b:c@d", "a/claude"),
    ],
)
def _(lab, model, place):
    p, up = _routed(lab, ONE_LIST)
    equal(_went(p, up, model), place, "where the request went")


@check(
    "a `*` in a tier takes what the glob's `*` took: {model} becomes {place}",
    rows=[("openai/gpt-4o", "b/gpt-4o"), ("openai/a/b", "b/a/b"), ("fast-sonnet", "a/claude-sonnet-fast"), ("plain", "a/plain")],
)
def _(lab, model, place):
    p, up = _routed(
        lab,
        """
- {models: ["openai/*"], tiers: ["b/*"]}
- {models: ["fast-*"], tiers: ["a/claude-*-fast"]}
- {models: ["*"], tiers: ["a/*"]}
""",
    )
    equal(_went(p, up, model), place, "where the request went")


@check("a tier that is an upstream alone keeps the model and the body's bytes; one with a model changes those bytes only")
def _(lab):
    p, up = _routed(lab, '- {models: ["keep-*"], tiers: [a]}\n- {models: ["change-*"], tiers: [a/real-model]}')
    for model, wanted in (("keep-1", "keep-1"), ("change-1", "real-model")):
        body = '{ "x":1.0,"metadata":{"model":"%s"}, "model" :  "%s" ,"messages":[], "s":"\\u00fc\\/" }'
        served(p.send("POST", "/v1/messages", (body % (model, model)).encode()))
        equal(up.last.body, (body % (model, wanted)).encode(), f"the body at the upstream for {model}")


@check("a model whose name needs escaping is written as JSON")
def _(lab):
    p, up = _routed(lab, """- {models: ["claude-*"], tiers: [{upstream: a, model: 'quote"back\\slash'}]}""")
    served(p.ask(model="claude-x"))
    equal(up.last.model, 'quote"back\\slash', "the model at the upstream")


@check("a rule without `models` and `when` matches everything")
def _(lab):
    p, up = _routed(lab, "- {name: all, tiers: [a]}")
    equal(_went(p, up, "whatever"), "a/whatever", "where the request went")


@check("a tier as a mapping caps max_tokens: {asked} becomes {sent}", rows=[(20000, 8192), (8192, 8192), (100, 100)])
def _(lab, asked, sent):
    p, up = _routed(lab, '- {models: ["*"], tiers: [{upstream: a, model: capped, max_tokens: 8192}]}')
    served(p.ask(max_tokens=asked))
    equal(up.last.fields["max_tokens"], sent, "max_tokens at the upstream")
    equal(up.last.model, "capped", "the model at the upstream")


@check("max_tokens is capped for OpenAI clients in the field they used ({name})", rows=["max_tokens", "max_completion_tokens"])
def _(lab, name):
    p, up = _routed(lab, '- {models: ["*"], tiers: [{upstream: o, max_tokens: 50}]}')
    served(p.ask("openai", **{name: 4000}))
    equal(up.last.fields[name], 50, f"{name} at the upstream")


@check("`set` overrides fields of the request and adds those it lacks")
def _(lab):
    p, up = _routed(lab, '- {models: ["*"], tiers: [a], set: {max_tokens: 7, temperature: 0.25, service_tier: standard_only}}')
    served(p.send("POST", "/v1/messages", b'{"model":"m","max_tokens":900, "big":12345678901234567890, "messages":[ ]}'))
    equal(
        up.last.fields,
        {
            "model": "m",
            "max_tokens": 7,
            "big": 12345678901234567890,
            "messages": [],
            "temperature": 0.25,
            "service_tier": "standard_only",
        },
        "the body at the upstream",
    )
    contains(up.last.body, b', "big":12345678901234567890, "messages":[ ]', "bytes that nothing had to change")


@check("`reject` answers with its status and message in the client's dialect ({dialect})", rows=["anthropic", "openai"])
def _(lab, dialect):
    p, up = _routed(lab, '- {models: ["*"], reject: {status: 403, message: Opus needs a paid key}}')
    for stream in (False, True):
        answer = p.ask(dialect, stream=stream)
        equal(answer.status, 403, "the status")
        equal(DIALECTS[dialect].error_of(answer)["message"], "Opus needs a paid key", "the message")
    equal(up.requests, [], "requests at the upstream")


@check("`reject` may answer with {code}", rows=[400, 404, 429, 503])
def _(lab, code):
    p, _up = _routed(lab, f'- {{models: ["*"], reject: {{status: {code}, message: not now}}}}')
    answer = p.ask()
    equal(answer.status, code, "the status")
    contains(ANTHROPIC.error_of(answer)["message"], "not now", "the message")


# ---------------------------------------------------------------- conditions

KEYS = """
policies: {default: {}, team: {}}
keys:
  - {name: alice, key: sk-user-0123456789abcdefghijklmnop, policy: team, tags: {team: build, level: "3"}}
"""
TOOLS = {"tools": [{"name": "t", "description": "d", "input_schema": {"type": "object"}}]}
IMAGE = {
    "messages": [
        {
            "role": "user",
            "content": [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}],
        }
    ]
}
THINKING = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
THREE = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}]}
LONG = {"text": "word " * 100_000}

CONDITIONS = [  # condition, what the request has, whether it holds
    ('request.model == "claude-x"', {}, True),
    ('request.model != "claude-x"', {}, False),
    ('request.model.startsWith("claude")', {}, True),
    ('request.model.endsWith("-x") && !request.model.contains("opus")', {}, True),
    ('request.model.matches("^claude-[a-z]$")', {}, True),
    ('request.model in ["a", "claude-x"]', {}, True),
    ('request.model in ["a", "b"]', {}, False),
    ("size(request.model) == 8", {}, True),
    ("request.model.size() > 8", {}, False),
    ("(request.stream ? 1 : 2) == 2", {}, True),
    ("request.stream", {"stream": True}, True),
    ("request.stream", {}, False),
    ("request.stream", {"stream": False}, False),
    ('request.path == "/v1/messages" && request.method == "POST"', {}, True),
    ('request.dialect == "anthropic"', {}, True),
    ('request.dialect == "openai"', {}, False),
    ("request.has_tools", TOOLS, True),
    ("request.has_tools", {}, False),
    ("request.has_tools", {"tools": []}, False),
    ("request.has_images", IMAGE, True),
    ("request.has_images", {}, False),
    ("request.thinking", THINKING, True),
    ("request.thinking", {"thinking": {"type": "disabled"}}, False),
    ("request.size > 100000", LONG, True),
    ("request.size < 1000", {}, True),
    ("request.input_tokens > 20000 && request.input_tokens < 1000000", LONG, True),
    ("request.input_tokens > 200", {}, False),
    ("request.max_tokens == 64", {}, True),
    ("request.max_tokens + 1 > 64 * 1 && request.max_tokens % 10 == 4", {}, True),
    ("request.messages == 3", THREE, True),
    ("request.messages == 3", {}, False),
    ('request.headers["x-team"] == "red"', {"headers": {"X-Team": "red"}}, True),
    ('request.headers["x-team"] == "red"', {"headers": {"X-Team": "blue"}}, False),
    ('"x-team" in request.headers', {"headers": {"X-Team": "red"}}, True),
    ('"x-team" in request.headers', {}, False),
    ('has(request.headers.accept) && request.headers.accept == "*/*"', {"headers": {"Accept": "*/*"}}, True),
    ('request.headers["x-absent"] == "red"', {}, False),
    ('request.metadata["user_id"] == "u1"', {"metadata": {"user_id": "u1"}}, True),
    ('"user_id" in request.metadata', {}, False),
    ('request.id != ""', {}, True),
    ('key.name == "alice" && key.policy == "team"', {}, True),
    ('key.id != ""', {}, True),
    ('key.tags["team"] == "build" && key.tags.level == "3"', {}, True),
    ('"nobody" in key.tags', {}, False),
    ("key.requests_today == 0 && key.tokens_today == 0 && key.spend_today == 0.0", {}, True),
    ('client.ip == "127.0.0.1"', {}, True),
    ('cidr("127.0.0.0/8").containsIP(client.ip)', {}, True),
    ('cidr("10.0.0.0/8").containsIP(client.ip)', {}, False),
    ('now > timestamp("2024-01-01T00:00:00Z")', {}, True),
    ('now.getFullYear() >= 2024 && now.getHours("Asia/Singapore") >= 0 && now.getHours("Asia/Singapore") <= 23', {}, True),
    ('now - timestamp("2024-01-01T00:00:00Z") > duration("24h")', {}, True),
    ('quota("a", "unknown-model") == -1.0', {}, True),
    ('healthy("a")', {}, True),
    ("false || true && !false", {}, True),
    ("1 + 2 * 3 == 7 && 7 / 2 == 3 && -7 % 3 == -1 && 1.5 < 2.0", {}, True),
    ('"b" > "a" && "ü" != "u" && "a" + "b" == "ab"', {}, True),
    ('request.headers["x-absent"] == "1" || true', {}, True),
]


@check(
    "when {condition} — {holds} (case {case})",
    rows=[(f"{condition}", "matches" if holds else "does not match", i) for i, (condition, _, holds) in enumerate(CONDITIONS)],
)
def _(lab, condition, holds, case):
    fields = CONDITIONS[case][1]
    rule = json.dumps({"name": "asked", "when": condition, "tiers": ["b"]})
    p, up = _routed(lab, f"- {rule}\n- {{name: else, tiers: [a]}}", KEYS)
    place = "b/claude-x" if holds == "matches" else "a/claude-x"
    equal(_went(p, up, "claude-x", **fields), place, "where the request went")


@check("`models` and `when` must both hold")
def _(lab):
    p, up = _routed(lab, '- {models: ["claude-*"], when: request.stream, tiers: [b]}\n- {tiers: [a]}')
    equal(_went(p, up, "claude-x", stream=True), "b/claude-x", "both hold")
    equal(_went(p, up, "claude-x"), "a/claude-x", "only models holds")
    equal(_went(p, up, "other", stream=True), "a/other", "only when holds")


@check("when sees the dialect and tools of OpenAI requests")
def _(lab):
    p, up = _routed(
        lab,
        """
- {when: 'request.dialect == "openai" && request.has_tools && request.messages == 1', tiers: [o/tools]}
- {when: 'request.has_images', tiers: [o/image]}
- {when: 'request.max_tokens == 77', tiers: [o/seventy]}
- {tiers: [o/plain]}
""",
    )
    picture = {
        "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,aa"}}]}]
    }
    for fields, model in (
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
        (picture, "image"),
        ({"max_completion_tokens": 77}, "seventy"),
        ({"max_tokens": 77}, "seventy"),
        ({}, "plain"),
    ):
        served(p.ask("openai", **fields))
        equal(up.last.model, model, f"the model at the upstream for {list(fields)}")


@check("key.requests_today and key.tokens_today grow with use")
def _(lab):
    p, up = _routed(lab, "- {when: key.requests_today >= 3 && key.tokens_today >= 78, tiers: [b]}\n- {tiers: [a]}")
    places = [_went(p, up, "m") for _ in range(4)]
    equal(places, ["a/m", "a/m", "a/m", "b/m"], "where four requests in a row went")


@check("quota() tells the best account's share, healthy() follows")
def _(lab):
    up = lab.upstream()
    up.health = health(account({"m": 0.2}), account({"m": 0.8}, number=1), account({"m": 1.0}, "invalid", 2))
    quota = up.declare(extra="quota: {poll: /health, interval: 1s, timeout: 1s}")
    p = lab.proxyd(f"""
upstreams: {{a: {quota}}}
rules:
  - {{name: high, when: 'quota("a", "m") > 0.79 && quota("a", "m") < 0.81 && quota("a", "n") == -1.0', tiers: [a/high]}}
  - {{name: low, tiers: [a/low]}}
""")
    p.wait_polled(up, more=1)
    served(p.ask(model="m"))
    equal(up.last.model, "high", "the model at the upstream")


@check("a rule's tags change nothing the client sees")
def _(lab):
    p, up = _routed(lab, '- {models: ["*"], tiers: [a], tags: {project: x, cost: "7"}}')
    equal(_went(p, up, "m"), "a/m", "where the request went")
    lacks(up.last.raw_head, b"project", "the head at the upstream")


@check("equals under `any` are all used")
def _(lab):
    p, up = _routed(lab, '- {models: ["*"], tiers: [{any: [a, {upstream: b, weight: 2}], choose: weighted, affinity: none}]}')
    seen = {_went(p, up, "m") for _ in range(40)}
    equal(seen, {"a/m", "b/m"}, "where forty requests went")


@check("a conversation stays with the one of `any` that served it")
def _(lab):
    p, up = _routed(lab, '- {models: ["*"], tiers: [{any: [a, b]}]}')
    for text in ("one", "two", "three", "four"):
        seen = {_went(p, up, "m", text=text) for _ in range(10)}
        equal(len(seen), 1, "places where ten turns of a conversation went")


@check("tiers through a YAML anchor are the same tiers")
def _(lab):
    p, up = _routed(
        lab,
        """
- {models: [one], tiers: &both [a/shared, b/spare]}
- {models: [two], tiers: *both}
""",
    )
    equal([_went(p, up, "one"), _went(p, up, "two")], ["a/shared", "a/shared"], "where the requests went")


# ---------------------------------------------------------------- addresses


@check("a query goes with the request to the upstream")
def _(lab):
    p, up = _routed(lab, "- {tiers: [a]}")
    served(p.send("POST", "/v1/messages?beta=true&x=%20y", ANTHROPIC.request()))
    equal(up.last.target, "/v1/messages?beta=true&x=%20y", "the target at the upstream")


@check(
    "an upstream's url {url} and {path} make {target}",
    rows=[
        ("", "/v1/messages", "/v1/messages"),
        ("/", "/v1/messages", "/v1/messages"),
        ("/base", "/v1/messages", "/base/v1/messages"),
        ("/v1", "/v1/chat/completions", "/v1/chat/completions"),
        ("/v1/", "/v1/chat/completions", "/v1/chat/completions"),
        ("/api/openai/v1", "/v1/chat/completions", "/api/openai/v1/chat/completions"),
    ],
)
def _(lab, url, path, target):
    up = lab.upstream()
    dialect = OPENAI if "chat" in path else ANTHROPIC
    p = lab.proxyd(f"upstreams: {{x: {up.declare(dialect.name, path=url)}}}\nrules: [{{name: all, tiers: [x]}}]")
    served(p.ask(dialect))
    equal(up.last.target, target, "the target at the upstream")


@check(
    "{method} {path} passes to the upstream of the rule that matches `*`",
    rows=[
        ("GET", "/v1/files"),
        ("GET", "/v1/files/abc/content?x=1"),
        ("DELETE", "/v1/files/abc"),
        ("PUT", "/v1/things/1"),
        ("POST", "/v1/uploads"),
        ("PATCH", "/v1/things/1"),
    ],
)
def _(lab, method, path):
    p, up = _routed(lab, '- {models: ["claude-*"], tiers: [a]}\n- {models: ["*"], tiers: [b]}')
    up.reply(whole(b"\x00binary\xff", content_type="application/octet-stream"))
    body = b"--x\r\nnot json\r\n--x--" if method in ("POST", "PUT", "PATCH") else None
    answer = served(p.send(method, path, body, headers={"Content-Type": "multipart/form-data; boundary=x"} if body else ()))
    equal((up.last.method, up.last.target, up.last.body), (method, path, body or b""), "the request at the upstream")
    equal(up.last.credential, "provider-key-b", "the credential at the upstream")
    equal(answer.body, b"\x00binary\xff", "the body at the client")


@check("another /v1 path with a model in its body goes where that model goes, under the same keys and policies")
def _(lab):
    p, up = _routed(
        lab,
        '- {models: ["tts-*"], tiers: [o]}\n- {models: ["*"], tiers: [a]}',
        """
policies: {default: {models: ["tts-*"]}}""",
    )
    up.reply(whole(b"audio", content_type="audio/mpeg"))
    body = b'{ "input":"x", "model":"tts-1"}'
    served(p.send("POST", "/v1/audio/speech", body))
    equal(
        (up.last.credential, up.last.target, up.last.body), ("provider-key-o", "/v1/audio/speech", body), "the request upstream"
    )
    equal(p.send("POST", "/v1/audio/speech", body, key="sk-wrong").status, 401, "the status with a wrong key")
    equal(p.send("POST", "/v1/audio/speech", b'{"model":"other"}').status, 403, "the status for a model that is not allowed")


@check("embeddings pass byte for byte, both ways")
def _(lab):
    p, up = _routed(lab, '- {models: ["text-*"], tiers: [o]}')
    told = b'{"object":"list","data":[{"embedding":[0.10, -1e-9]}],"usage":{"prompt_tokens":8,"total_tokens":8}}'
    up.reply(whole(told))
    body = b'{"model":"text-embedding-3-small" , "input":["a","b"]}'
    equal(served(p.send("POST", "/v1/embeddings", body)).body, told, "the body at the client")
    equal((up.last.target, up.last.body), ("/v1/embeddings", body), "the request at the upstream")


@check("legacy completions pass byte for byte")
def _(lab):
    p, up = _routed(lab, "- {tiers: [o]}")
    told = b'{"object":"text_completion","choices":[{"text":"x"}],"usage":{"prompt_tokens":3,"completion_tokens":1}}'
    up.reply(whole(told))
    equal(served(p.send("POST", "/v1/completions", b'{"model":"m","prompt":"p"}')).body, told, "the body at the client")
    equal(up.last.target, "/v1/completions", "the target at the upstream")


@check("count_tokens passes to an Anthropic upstream")
def _(lab):
    p, up = _routed(lab, '- {models: ["claude-*"], tiers: [a/real]}')
    up.reply(whole(b'{"input_tokens": 42}'))
    answer = served(p.send("POST", "/v1/messages/count_tokens", b'{"model":"claude-x","messages":[]}'))
    equal(answer.body, b'{"input_tokens": 42}', "the body at the client")
    equal((up.last.target, up.last.model), ("/v1/messages/count_tokens", "real"), "the request at the upstream")


@check("Responses pass byte for byte to an upstream of their dialect, {mode}", rows=["whole", "streamed"])
def _(lab, mode):
    up = lab.upstream()
    p = lab.proxyd(f"upstreams: {{r: {up.declare('responses')}}}\nrules: [{{name: all, tiers: [r]}}]")
    body = RESPONSES.request(stream=mode == "streamed")
    answer = served(p.send("POST", "/v1/responses", body))
    equal(answer.body, getattr(RESPONSES, "stream" if mode == "streamed" else "whole")("gpt-test"), "the body at the client")
    equal((up.last.target, up.last.body), ("/v1/responses", body), "the request at the upstream")


@check("Gemini passes byte for byte to an upstream of its dialect, {mode}", rows=["whole", "streamed"])
def _(lab, mode):
    p, up = lab.simple(rules='- {models: ["gemini-*"], tiers: [gemini]}')
    target = "/v1beta/models/gemini-test:" + ("streamGenerateContent?alt=sse" if mode == "streamed" else "generateContent")
    answer = served(p.send("POST", target, GEMINI.request()))
    equal(answer.body, getattr(GEMINI, "stream" if mode == "streamed" else "whole")("gemini-test"), "the body at the client")
    equal((up.last.target, up.last.body), (target, GEMINI.request()), "the request at the upstream")


@check("a Gemini tier with a model changes the path")
def _(lab):
    p, up = lab.simple(rules='- {models: ["gemini-*"], tiers: [gemini/gemini-real]}')
    served(p.send("POST", "/v1beta/models/gemini-asked:generateContent", GEMINI.request()))
    equal(up.last.path, "/v1beta/models/gemini-real:generateContent", "the path at the upstream")


# ---------------------------------------------------------------- model lists

LISTED = """
- {models: [claude-opus-4-6-thinking, "claude-opus-*"], tiers: [a]}
- {models: [gpt-4o, gpt-4o-mini], tiers: [o]}
"""
GUEST = (
    'policies: {default: {}, guest: {models: ["gpt-*"]}}\nkeys: [{name: u, key: sk-all}, {name: g, key: sk-guest, policy: guest}]'
)


@check("GET /v1/models has OpenAI's shape")
def _(lab):
    p, _up = _routed(lab, LISTED, GUEST)
    told = served(p.send("GET", "/v1/models", key="sk-all")).json()
    equal(told["object"], "list", "object")
    for model in told["data"]:
        equal(model.get("object"), "model", "data[].object")
        expect(isinstance(model.get("created"), int) and isinstance(model.get("owned_by"), str), "created and owned_by", model)
    ids = [model["id"] for model in told["data"]]
    equal({"claude-opus-4-6-thinking", "gpt-4o", "gpt-4o-mini"} - set(ids), set(), "models that are missing")
    equal(len(set(ids)), len(ids), "different ids")
    expect(not any("*" in model for model in ids), "no globs among the models", ids)


@check("GET /v1/models has Anthropic's shape for a client with an anthropic-version")
def _(lab):
    p, _up = _routed(lab, LISTED, GUEST)
    told = served(p.send("GET", "/v1/models", key="sk-all", headers={"anthropic-version": "2023-06-01"})).json()
    for model in told["data"]:
        equal(model.get("type"), "model", "data[].type")
        expect(
            isinstance(model.get("display_name"), str) and isinstance(model.get("created_at"), str),
            "display_name and created_at",
            model,
        )
    ids = [model["id"] for model in told["data"]]
    expect("claude-opus-4-6-thinking" in ids, "claude-opus-4-6-thinking among the models", ids)
    equal((told["has_more"], told["first_id"], told["last_id"]), (False, ids[0], ids[-1]), "has_more, first_id, last_id")


@check("GET /v1beta/models has Gemini's shape")
def _(lab):
    p, _up = _routed(lab, LISTED, GUEST)
    told = served(p.send("GET", "/v1beta/models", key=None, headers={"x-goog-api-key": "sk-all"})).json()
    names = [model["name"] for model in told["models"]]
    expect("models/gpt-4o" in names, "models/gpt-4o among the names", names)


@check("model lists hold only what the key may use")
def _(lab):
    p, _up = _routed(lab, LISTED, GUEST)
    for headers in ((), {"anthropic-version": "2023-06-01"}):
        ids = [model["id"] for model in served(p.send("GET", "/v1/models", key="sk-guest", headers=headers)).json()["data"]]
        equal(sorted(ids), ["gpt-4o", "gpt-4o-mini"], "the models of the guest's key")
    equal(
        p.send("GET", "/v1/models/claude-opus-4-6-thinking", key="sk-guest").status in (403, 404),
        True,
        "a refusal of a model that is not the guest's",
    )


@check("GET /v1/models/{{id}} tells one model, and 404 in the dialect's shape for none")
def _(lab):
    p, _up = _routed(lab, LISTED, GUEST)
    told = served(p.send("GET", "/v1/models/gpt-4o", key="sk-all")).json()
    equal((told["id"], told["object"]), ("gpt-4o", "model"), "id and object")
    told = served(p.send("GET", "/v1/models/gpt-4o", key="sk-all", headers={"anthropic-version": "2023-06-01"})).json()
    equal((told["id"], told["type"]), ("gpt-4o", "model"), "id and type")
    answer = p.send("GET", "/v1/models/nope", key="sk-all")
    equal(answer.status, 404, "the status")
    OPENAI.error_of(answer)
    answer = p.send("GET", "/v1/models/nope", key="sk-all", headers={"anthropic-version": "2023-06-01"})
    equal(answer.status, 404, "the status")
    ANTHROPIC.error_of(answer)


@check("model lists need a key")
def _(lab):
    p, up = _routed(lab, LISTED, GUEST)
    OPENAI.error_of(p.send("GET", "/v1/models", key=None))
    ANTHROPIC.error_of(p.send("GET", "/v1/models", key=None, headers={"anthropic-version": "2023-06-01"}))
    for path in ("/v1/models", "/v1/models/gpt-4o", "/v1beta/models"):
        equal(p.send("GET", path, key="sk-wrong").status, 401, f"the status of GET {path} with a wrong key")
    equal(up.requests, [], "requests at the upstream")


# ---------------------------------------------------------------- health of the process


@check("GET /health has the contract's shape, needs no key, and tells none")
def _(lab):
    p, _up = lab.simple()
    answer = served(p.send("GET", "/health", key=None))
    told = answer.json()
    equal(told["status"], "ok", "status")
    expect("upstream" in told, "the member upstream", told)
    equal((told["fallback_enabled"], told["services"]["storage"]), (True, "ok"), "fallback_enabled, services.storage")
    expect(type(told["tiers"]) is int and told["tiers"] >= 1, "tiers as a count", told)
    config = told["config"]
    expect(
        type(config["generation"]) is int and isinstance(config["hash"], str) and config["hash"], "generation and hash", config
    )
    equal(config["error"], None, "config.error")
    for secret in ("provider-key", "sk-user", "sk-admin"):
        lacks(answer.text, secret, "the body")


@check("GET /health says fallback_enabled: false when it is off")
def _(lab):
    p, _up = lab.simple("fallback: {enabled: false}")
    equal(p.health()["fallback_enabled"], False, "fallback_enabled")


@check("GET /healthz and /readyz are 200 without a key")
def _(lab):
    p, up = lab.simple()
    for path in ("/healthz", "/readyz"):
        equal(p.send("GET", path, key=None).status, 200, f"the status of {path}")
    one_of(p.send("POST", "/healthz", b"{}", key=None).status, (200, 404, 405), "the status of a POST")
    equal(up.requests, [], "requests at the upstream")
