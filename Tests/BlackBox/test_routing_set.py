"""What a rule sets and a tier caps: in each format's own field, and as limits reserve it."""

from checks import check, equal, lacks
from harness import served


ASKED = {  # the most a client lets its answer be, in its own words
    "anthropic": {"max_tokens": 9000},
    "openai": {"max_completion_tokens": 9000},
    "responses": {"max_output_tokens": 9000},
    "gemini": {"generationConfig": {"maxOutputTokens": 9000, "topK": 3}},
}


def _limits(body):
    """Every limit of an answer that a body holds."""
    names = ("max_tokens", "max_completion_tokens", "max_output_tokens")
    return [body[name] for name in names if name in body] + [
        value for name, value in body.get("generationConfig", {}).items() if name == "maxOutputTokens"
    ]


def _any(lab, upstream, rule, tier="", more=""):
    """proxyd with one upstream of a format, for clients of all."""
    up = lab.upstream()
    config = f"""
upstreams: {{u: {up.declare(upstream)}}}
rules:
  - {{models: ["*"], tiers: [{{upstream: u{tier}}}]{rule}}}
{more}
"""
    return lab.proxyd(config), up


@check(
    "`set: {{max_tokens}}` reaches a {upstream} upstream from a {client} client, once",
    rows=[(client, upstream) for client in ASKED for upstream in ASKED],
)
def _(lab, client, upstream):
    p, up = _any(lab, upstream, ", set: {max_tokens: 77, temperature: 0.5}")
    answer = served(p.ask(client, **ASKED[client]))
    body = up.last.fields
    equal(_limits(body), [77], f"limits in {body}")
    equal((body.get("generationConfig") or body).get("temperature"), 0.5, f"temperature in {body}")
    equal("temperature" in body, upstream != "gemini", f"a temperature at the top level of {body}")
    lacks(answer.header("x-proxyd-lossy") or "", "okens", "x-proxyd-lossy")


@check("a tier's max_tokens caps what the client and what `set` ask for ({client} over {upstream})", rows=[("gemini", "gemini"), ("openai", "openai"), ("responses", "responses"), ("openai", "gemini")])
def _(lab, client, upstream):
    for rule in ("", ", set: {max_tokens: 77}"):
        p, up = _any(lab, upstream, rule, ", max_tokens: 50")
        served(p.ask(client, **ASKED[client]))
        equal(_limits(up.last.fields), [50], f"limits in {up.last.fields}")


@check("limits reserve what `set` sends ({client})", rows=list(ASKED))
def _(lab, client):
    keys = "policies: {t: {tokens_per_day: 1000}}\nkeys: [{name: user, key: sk-user-0123456789abcdefghijklmnop, policy: t}]"
    p, up = _any(lab, "anthropic", ", set: {max_output_tokens: 77}", more=keys)
    served(p.ask(client, **ASKED[client]))
    equal(_limits(up.last.fields), [77], f"limits in {up.last.fields}")
    p, up = _any(lab, "anthropic", ", set: {max_tokens: 5000}", more=keys)
    equal(p.ask(client).status, 429, "the status of a request whose answer may be more than is left")
    equal(up.requests, [], "requests at the upstream")


@check("`set` puts nothing of an answer into what asks for none ({path})", rows=["/v1/embeddings", "/v1/messages/count_tokens"])
def _(lab, path):
    p, up = _any(lab, "openai" if "emb" in path else "anthropic", ", set: {max_tokens: 7, temperature: 0.5, dimensions: 9}")
    p.send("POST", path, {"model": "m", "input": "x", "messages": [{"role": "user", "content": "Hi"}]})
    equal({"max_tokens", "temperature"} & set(up.last.fields), set(), f"fields of answers in {up.last.fields}")
    equal(up.last.fields["dimensions"], 9, "what no format has elsewhere")


@check("`set` and a tier's max_tokens are each request's of a batch")
def _(lab):
    p, up = _any(lab, "anthropic", ", set: {temperature: 0.5}", ", max_tokens: 50")
    said = {"role": "user", "content": "Hi"}
    params = {"model": "m", "max_tokens": 9000, "messages": [said]}
    p.send("POST", "/v1/messages/batches", {"requests": [{"custom_id": "a", "params": params}]})
    sent = {"model": "m", "max_tokens": 50, "messages": [said], "temperature": 0.5}
    equal(up.last.fields, {"requests": [{"custom_id": "a", "params": sent}]}, "the body at the upstream")


@check("`set` and a tier's max_tokens are each request's of a Gemini batch, named: {named}", rows=[False, True])
def _(lab, named):
    p, up = _any(lab, "gemini", ", set: {temperature: 0.5}", ", max_tokens: 50")
    said = {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}], "generationConfig": {"maxOutputTokens": 9000}}
    if named:
        said = {"model": "models/gemini-far", **said}

    def batch(request):
        return {"batch": {"displayName": "b", "inputConfig": {"requests": {"requests": [{"request": request, "metadata": {"key": "a"}}]}}}}

    served(p.send("POST", "/v1beta/models/gemini-far:batchGenerateContent", batch(said)))
    equal(up.last.fields, batch({**said, "generationConfig": {"maxOutputTokens": 50, "temperature": 0.5}}), "the body at the upstream")


@check("a lowered limit takes the budget to think along ({cap})", rows=[(2000, 1999), (50, None)])
def _(lab, cap, budget):
    for rule, tier in ((f", set: {{max_tokens: {cap}}}", ""), ("", f", max_tokens: {cap}")):
        p, up = _any(lab, "anthropic", rule, tier)
        answer = served(p.ask(max_tokens=9000, thinking={"type": "enabled", "budget_tokens": 4000}))
        equal(up.last.fields["max_tokens"], cap, "max_tokens at the upstream")
        equal(up.last.fields.get("thinking"), {"type": "enabled", "budget_tokens": budget} if budget else None, "thinking at the upstream")
        equal(answer.header("x-proxyd-lossy"), None if budget else "thinking=dropped", "x-proxyd-lossy")


NAMED = {  # what a rule sets, and where an upstream's format has it
    "top_k": {"anthropic": ("top_k",), "gemini": ("generationConfig", "topK")},
    "seed": {"openai": ("seed",), "gemini": ("generationConfig", "seed")},
    "presence_penalty": {"openai": ("presence_penalty",), "gemini": ("generationConfig", "presencePenalty")},
    "stop": {"anthropic": ("stop_sequences",), "openai": ("stop",), "gemini": ("generationConfig", "stopSequences")},
}
VALUES = {"top_k": 5, "seed": 7, "presence_penalty": 0.5, "stop": ["X"]}


@check(
    "`set: {{{field}}}` reaches a {upstream} upstream from a {client} client, whatever the client's format has no name for",
    rows=[(field, client, upstream) for field, places in NAMED.items() for upstream in places for client in ASKED if client != upstream],
)
def _(lab, field, client, upstream):
    p, up = _any(lab, upstream, f", set: {{{field}: {VALUES[field]}}}")
    answer = served(p.ask(client, headers=[("x-proxyd-strict", "true")]))
    at = up.last.fields
    for name in NAMED[field][upstream]:
        at = at.get(name, {})
    equal(at, VALUES[field], f"{field} in {up.last.fields}")
    lacks(answer.header("x-proxyd-lossy") or "", field, "x-proxyd-lossy")


@check("`set` reads {written} as {value!r}", rows=[
    ("x: True", True), ("x: FALSE", False), ("x: Null", None), ("x: 'True'", "True"), ("x: yes", "yes"),
    ("temperature: '0.5'", 0.5), ('temperature: "${T}"', 0.5), ("max_tokens: '77'", 77),
])  # fmt: skip
def _(lab, written, value):
    up = lab.upstream()
    p = lab.proxyd(
        f"upstreams: {{u: {up.declare('anthropic')}}}\nrules: [{{models: ['*'], tiers: [u], set: {{{written}}}}}]", env={"T": "0.5"}
    )
    served(p.ask())
    name = written.split(":")[0]
    equal((name in up.last.fields, up.last.fields.get(name)), (True, value), f"{name} in {up.last.fields}")


@check("what `set` says in a Chat server's own words reaches it from a {client} client", rows=["anthropic", "responses", "gemini"])
def _(lab, client):
    p, up = _any(lab, "openai", ", set: {chat_template_kwargs: {enable_thinking: false}, min_p: 0.1}")
    answer = served(p.ask(client))
    sent = {name: up.last.fields.get(name) for name in ("chat_template_kwargs", "min_p")}
    equal(sent, {"chat_template_kwargs": {"enable_thinking": False}, "min_p": 0.1}, f"the fields in {up.last.fields}")
    equal(answer.header("x-proxyd-lossy"), None, "x-proxyd-lossy")
    # The same from the client itself is nothing that the upstream's format is known to have.
    p, up = _any(lab, "openai", "")
    answer = served(p.ask(client, min_p=0.1))
    equal("min_p" in up.last.fields, False, f"min_p in {up.last.fields}")
    equal(answer.header("x-proxyd-lossy"), "minP=dropped" if client == "gemini" else "min_p=dropped", "x-proxyd-lossy")


@check("`set: {{n: 2}}` is told where only one answer is to be had ({client})", rows=["anthropic", "responses"])
def _(lab, client):
    p, up = _any(lab, "gemini", ", set: {n: 2}")
    answer = served(p.ask(client))
    equal(answer.header("x-proxyd-lossy"), "n=dropped", "x-proxyd-lossy")


OWN = {"anthropic": ("container", "c_1"), "responses": ("max_tool_calls", 3), "gemini": ("safetySettings", [])}


@check("what one format alone has, a rule sets for a {upstream} upstream and {client} clients", rows=[*(("openai", upstream) for upstream in OWN), ("responses", "anthropic"), ("anthropic", "responses"), ("anthropic", "gemini")])
def _(lab, client, upstream):
    name, value = OWN[upstream]
    p, up = _any(lab, upstream, f", set: {{{name}: {value}}}")
    answer = served(p.ask(client))
    equal(up.last.fields.get(name), value, f"{name} in {up.last.fields}")
    equal(answer.header("x-proxyd-lossy"), None, "x-proxyd-lossy")


FORM = "{type: json_schema, json_schema: {name: n, strict: true, schema: {type: object, properties: {a: {type: string}}, required: [a], additionalProperties: false}}}"
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}


def _schema(upstream, body):
    """The schema of an answer where an upstream's format has it."""
    return {
        "anthropic": lambda: body["output_config"]["format"]["schema"],
        "openai": lambda: body["response_format"]["json_schema"]["schema"],
        "responses": lambda: body["text"]["format"]["schema"],
        "gemini": lambda: body["generationConfig"].get("responseJsonSchema") or body["generationConfig"]["responseSchema"],
    }[upstream]()


@check("`set: {{response_format}}` reaches a {upstream} upstream from a {client} client", rows=[(client, upstream) for client in ASKED for upstream in ASKED])
def _(lab, client, upstream):
    model = {"gemini": "gemini-3-pro", "anthropic": "claude-opus-4-6"}.get(upstream, "m1")
    p, up = _any(lab, upstream, f", set: {{response_format: {FORM}}}", f", model: {model}")
    answer = served(p.ask(client))
    equal(_schema(upstream, up.last.fields), SCHEMA, f"the schema in {up.last.fields}")
    equal("response_format" in up.last.fields, upstream == "openai", f"Chat's own field in {up.last.fields}")
    lacks(answer.header("x-proxyd-lossy") or "", "ormat", "x-proxyd-lossy")


@check("what a rule sets refuses no client that wants nothing lost ({client})", rows=["anthropic", "openai", "responses"])
def _(lab, client):
    p, up = _any(lab, "gemini", ", set: {chat_template_kwargs: {a: 1}}", ", model: gemini-3-pro")
    served(p.ask(client, headers=[("x-proxyd-strict", "true")]))
    lacks(up.last.fields, "chat_template_kwargs", "what the upstream gets")
