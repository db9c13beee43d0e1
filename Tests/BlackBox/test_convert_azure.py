"""Azure's addresses and quirks, and the endpoints beside the answers: counts of tokens, lists of models."""

import json

from checks import check, contains, equal, expect
from conversions import PNG, SCHEMA, Pair, data_events, least, without_options
from dialects import compact
from harness import USER_KEY, served
from upstream import whole

DATED = "api_version: 2024-10-21, deployments: {gpt-4o: my-gpt4o}"
V1 = "deployments: {gpt-4o: my-gpt4o}"
TARGETS = [
    ("openai", "a dated", DATED, "/openai/deployments/my-gpt4o/chat/completions?api-version=2024-10-21"),
    ("openai", "a v1", V1, "/openai/v1/chat/completions"),
    ("anthropic", "a dated", DATED, "/openai/deployments/my-gpt4o/chat/completions?api-version=2024-10-21"),
    ("anthropic", "a v1", V1, "/openai/v1/chat/completions"),
    ("gemini", "a v1", V1, "/openai/v1/chat/completions"),
    ("responses", "a dated", DATED, "/openai/responses?api-version=2024-10-21"),
    ("responses", "a v1", V1, "/openai/v1/responses"),
]


@check("{client} client: {kind} Azure address, the deployment for the model, its key", rows=TARGETS)
def _(lab, client, kind, extra, target):
    pair = Pair(lab, "azure", "gpt-4o", extra=extra)
    body = least(client) if client != "openai" else without_options(least(client))
    served(pair.ask(client, body))
    equal(pair.up.last.target, target, "the target")
    equal((pair.up.last.header("api-key"), pair.up.last.header("authorization")), ("provider-key-one", None), "credentials")
    if kind == "a v1":
        equal(pair.up.last.json()["model"], "my-gpt4o", "the model is the deployment")


@check("an Azure address that already ends in {path} is not doubled", rows=["/openai/v1", "/openai/v1/", "/openai"])
def _(lab, path):
    pair = Pair(lab, "azure", "gpt-4o", path=path)
    served(pair.ask("anthropic", least("anthropic")))
    equal(pair.up.last.target, "/openai/v1/chat/completions", "the target")


@check("Azure's reasoning models get max_completion_tokens and no sampling")
def _(lab):
    sent, lossy = Pair(lab, "azure", "gpt-5").request("anthropic", least("anthropic") | {"temperature": 0.5})
    equal((sent.get("max_completion_tokens"), "max_tokens" in sent, "temperature" in sent), (64, False, False), "limits, sampling")
    equal(lossy, "temperature=dropped", "x-proxyd-lossy")


@check("an Azure version from before stream_options is not sent any, {client} client", rows=["anthropic", "openai"])
def _(lab, client):
    pair = Pair(lab, "azure", "gpt-4o", extra="api_version: 2024-06-01")
    body = least(client) if client == "anthropic" else without_options(least(client))
    sent, _lossy = pair.request(client, body, True)
    expect("stream_options" not in sent, "no stream_options", sent)


def azure_stream():
    def chunk(*choices, **more):
        return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-2024-08-06", "choices": list(choices), **more}

    def choice(delta, finish=None):
        return {"index": 0, "delta": delta, "finish_reason": finish, "content_filter_results": {"hate": {"filtered": False, "severity": "safe"}}, "logprobs": None}

    return data_events(
        {"id": "", "object": "", "created": 0, "model": "", "choices": [], "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {}}]},
        chunk(choice({"role": "assistant", "content": "", "refusal": None})),
        chunk(choice({"content": "Hel"})),
        chunk(choice({"content": "lo"})),
        chunk(choice({}, "stop")),
        {"id": "", "object": "", "created": 0, "model": "", "choices": [{"index": 0, "finish_reason": None, "content_filter_offsets": {"check_offset": 1}, "content_filter_results": {}}]},
        chunk(usage={"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15}),
        done=True,
    )  # fmt: skip


@check("Azure's first chunk without choices and its late filter chunks do not disturb {client} clients", rows=["anthropic", "gemini"])
def _(lab, client):
    got = [value for _, value in Pair(lab, "azure", "gpt-4o").stream(client, azure_stream())]
    if client == "anthropic":
        kinds = [v["type"] for v in got if v["type"] != "ping"]
        equal(kinds, ["message_start", "content_block_start", "content_block_delta", "content_block_delta", "content_block_stop", "message_delta", "message_stop"], "the events")
        equal(got[0]["message"]["model"], "gpt-4o-2024-08-06", "the model that answered")
        equal("".join(v["delta"].get("text", "") for v in got if v["type"] == "content_block_delta"), "Hello", "the text")
        equal((got[-2]["usage"]["input_tokens"], got[-2]["usage"]["output_tokens"]), (12, 3), "usage")
    else:
        equal("".join(p.get("text", "") for v in got for p in v["candidates"][0]["content"]["parts"]), "Hello", "the text")
        equal(got[-1]["usageMetadata"]["promptTokenCount"], 12, "usage")


@check("Azure's content filter at the request is a bad request for a {client} client", rows=["anthropic", "gemini"])
def _(lab, client):
    pair = Pair(lab, "azure", "gpt-4o")
    pair.up.reply(whole({"error": {"message": "The response was filtered", "param": "prompt", "code": "content_filter", "status": 400, "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": {}}}}, 400))
    answer = pair.ask(client, least(client))
    equal(answer.status, 400, "the status")
    contains(answer.json()["error"]["message"], "filtered", "the message")


@check("an Azure error whose code is a number in a string, and without a type, is of its status: {status} is {kind}", rows=[(404, "not_found_error"), (429, "rate_limit_error")])
def _(lab, status, kind):
    pair = Pair(lab, "azure", "gpt-4o")
    pair.up.reply(whole({"error": {"code": str(status), "message": "no"}}, status))
    answer = pair.ask("anthropic", least("anthropic"))
    equal((answer.status, answer.json()["error"]["type"]), (status, kind), "status, type")


# ---------------------------------------------------------------- counts of tokens

COUNTED = {
    "anthropic": {"model": "asked", "system": "Be brief.", "messages": [{"role": "user", "content": "Hi"}], "tools": [{"name": "f", "input_schema": SCHEMA}]},
    "responses": {"model": "asked", "instructions": "Be brief.", "input": "Hi", "tools": [{"type": "function", "name": "f", "parameters": SCHEMA}]},
    "gemini": {"generateContentRequest": {"model": "models/asked", "systemInstruction": {"parts": [{"text": "Be brief."}]}, "contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
               "tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": SCHEMA}]}]}},
}  # fmt: skip
COUNT_PATHS = {
    "anthropic": "/v1/messages/count_tokens",
    "responses": "/v1/responses/input_tokens",
    "gemini": "/v1beta/models/asked:countTokens",
}
FAR_PATHS = {**COUNT_PATHS, "gemini": "/v1beta/models/far-model:countTokens"}
SAYS = {
    "anthropic": {"input_tokens": 1234},
    "responses": {"object": "response.input_tokens", "input_tokens": 1234},
    "gemini": {"totalTokens": 1234, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 1234}]},
}
ACROSS = [(c, u) for c in COUNT_PATHS for u in COUNT_PATHS]


@check("tokens are counted by a {upstream} upstream for a {client} client", rows=ACROSS)
def _(lab, client, upstream):
    pair = Pair(lab, upstream)
    pair.up.reply(whole(SAYS[upstream]))
    answer = served(pair.proxy.send("POST", COUNT_PATHS[client], COUNTED[client]))
    equal(pair.up.last.path, FAR_PATHS[upstream], "the path")
    value = answer.json()
    wanted = {"anthropic": {"input_tokens": 1234}, "responses": SAYS["responses"], "gemini": {"totalTokens": 1234}}[client]
    equal({key: value.get(key) for key in wanted}, wanted, "the count")
    equal(answer.header("x-proxyd-estimated"), None, "x-proxyd-estimated")
    sent = pair.up.last.json()
    if upstream == "gemini":
        inner = sent.get("generateContentRequest", sent)
        equal(inner["contents"], [{"role": "user", "parts": [{"text": "Hi"}]}], "contents")
        equal(inner["systemInstruction"]["parts"], [{"text": "Be brief."}], "systemInstruction")
        expect(inner["tools"][0]["functionDeclarations"][0]["name"] == "f", "the tools", inner)
        if client != "gemini":
            equal(inner["model"], "models/far-model", "the model")
            expect("generationConfig" not in inner, "no configuration", inner)
    elif client != upstream:
        equal(sent["model"], "far-model", "the model")
        expect("tools" in sent and not set(sent) & {"max_tokens", "stream", "max_output_tokens", "store", "include"}, "only what is counted", sent)
        contains(json.dumps(sent), "Be brief.", "the system text")


@check("Gemini client: contents alone are counted by an Anthropic upstream")
def _(lab):
    pair = Pair(lab, "anthropic")
    pair.up.reply(whole({"input_tokens": 7}))
    answer = served(pair.proxy.send("POST", COUNT_PATHS["gemini"], {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}))
    equal((answer.json(), pair.up.last.json()["messages"]), ({"totalTokens": 7}, [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]), "count, messages")


@check("tokens are estimated for a {client} client where the upstream is {upstream}, which cannot count", rows=[(c, u) for c in COUNT_PATHS for u in ("openai", "azure")])
def _(lab, client, upstream):
    pair = Pair(lab, upstream)
    answer = served(pair.proxy.send("POST", COUNT_PATHS[client], COUNTED[client]))
    key = "totalTokens" if client == "gemini" else "input_tokens"
    equal((answer.header("x-proxyd-estimated"), len(pair.up.requests)), ("tokens", 0), "x-proxyd-estimated, requests at the upstream")
    expect(20 <= answer.json()[key] <= 200, "a count of that order", answer.json())
    if client == "responses":
        equal(answer.json()["object"], "response.input_tokens", "object")


@check("an estimate counts a message that names no role, and says who was to count unless that is hidden")
def _(lab):
    pair = Pair(lab, "openai")
    answer = served(pair.proxy.send("POST", COUNT_PATHS["responses"], {"model": "asked", "input": "Hello world"}))
    equal(answer.json()["input_tokens"], 8, "bytes by 3.6, and four for the message")
    wanted = {"rule": "all", "tier": "far/far-model", "upstream": "far", "model": "far-model", "estimated": "tokens"}
    equal({name: answer.header(f"x-proxyd-{name}") for name in wanted}, wanted, "the x-proxyd-* headers")
    answer = served(pair.proxy.send("POST", COUNT_PATHS["gemini"], {"contents": [{"parts": [{"text": "Hello"}]}]}))
    equal(answer.json()["totalTokens"], 6, "a Gemini client's count")
    quiet = Pair(lab, "openai", more="listen: [{address: '127.0.0.1:@PORT@', headers: {proxyd: false}}]\n")
    answer = served(quiet.proxy.send("POST", COUNT_PATHS["responses"], {"model": "asked", "input": "Hello world"}))
    equal([name for name, _ in answer.headers if name.lower().startswith("x-proxyd")], [], "x-proxyd headers")


@check("tokens are estimated where the upstream says {status}", rows=[404, 501])
def _(lab, status):
    pair = Pair(lab, "anthropic")
    pair.up.reply(whole({"type": "error", "error": {"type": "not_implemented", "message": "no"}}, status))
    answer = served(pair.proxy.send("POST", COUNT_PATHS["anthropic"], COUNTED["anthropic"]))
    equal(answer.header("x-proxyd-estimated"), "tokens", "x-proxyd-estimated")


@check("an estimate grows by an image, not by its bytes")
def _(lab):
    pair = Pair(lab, "openai")

    def count(*more):
        body = COUNTED["anthropic"] | {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}, *more]}]}
        return served(pair.proxy.send("POST", COUNT_PATHS["anthropic"], body)).json()["input_tokens"]

    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG + "A" * 400_000}}
    grown = count(image) - count()
    expect(1000 <= grown <= 2500, "about 1600 tokens more", grown)


# ---------------------------------------------------------------- lists of models


def catalog(lab):
    up = lab.upstream()
    return lab.proxyd(f"""
upstreams: {{far: {up.declare("openai")}}}
rules:
  - {{name: named, models: [m-one, m-two, claude-x, org/deep], tiers: [far]}}
""")


IDS = ["claude-x", "m-one", "m-two", "org/deep"]


@check("the list of models in OpenAI's shape")
def _(lab):
    value = served(catalog(lab).send("GET", "/v1/models")).json()
    equal((value["object"], [m["id"] for m in value["data"]]), ("list", IDS), "object, ids")
    for model in value["data"]:
        equal((model["object"], type(model["created"]), type(model["owned_by"])), ("model", int, str), "a model")


@check("the list of models in Anthropic's shape, page by page")
def _(lab):
    proxy = catalog(lab)
    headers = [("anthropic-version", "2023-06-01")]
    value = served(proxy.send("GET", "/v1/models?limit=3", headers=headers)).json()
    equal(([m["id"] for m in value["data"]], value["has_more"], value["first_id"], value["last_id"]), (IDS[:3], True, "claude-x", "m-two"), "the first page")
    for model in value["data"]:
        equal((model["type"], model["display_name"], model["lifecycle"]), ("model", model["id"], "active"), "a model")
        expect(model["created_at"].endswith("Z") and "T" in model["created_at"], "a time", model)
    value = served(proxy.send("GET", "/v1/models?limit=3&after_id=m-two", headers=headers)).json()
    equal(([m["id"] for m in value["data"]], value["has_more"]), (IDS[3:], False), "the second page")
    value = served(proxy.send("GET", "/v1/models?limit=1&before_id=m-two", headers=headers)).json()
    equal([m["id"] for m in value["data"]], ["m-one"], "the page before")


@check("the list of models in Gemini's shape, page by page, the key in {where}", rows=["the query", "x-goog-api-key"])
def _(lab, where):
    proxy = catalog(lab)
    query, headers = ("&key=" + USER_KEY, []) if where == "the query" else ("", [("x-goog-api-key", USER_KEY)])
    value = served(proxy.send("GET", "/v1beta/models?pageSize=3" + query, key=None, headers=headers)).json()
    equal([m["name"] for m in value["models"]], [f"models/{i}" for i in IDS[:3]], "the first page")
    equal(value["models"][0]["supportedGenerationMethods"], ["generateContent", "countTokens"], "the methods")
    more = served(proxy.send("GET", f"/v1beta/models?pageSize=3&pageToken={value['nextPageToken']}" + query, key=None, headers=headers)).json()
    equal(([m["name"] for m in more["models"]], "nextPageToken" in more), (["models/org/deep"], False), "the second page")


@check("one model by its id, in {shape} shape", rows=["OpenAI's", "Anthropic's", "Gemini's"])
def _(lab, shape):
    proxy = catalog(lab)
    headers = [("anthropic-version", "2023-06-01")] if shape == "Anthropic's" else []
    base = "/v1beta/models/" if shape == "Gemini's" else "/v1/models/"
    for model in ("m-one", "org/deep"):
        value = served(proxy.send("GET", base + model, headers=headers)).json()
        equal(value.get("name", value.get("id")), ("models/" if shape == "Gemini's" else "") + model, "its name")
    answer = proxy.send("GET", base + "gone", headers=headers)
    error = answer.json()["error"]
    equal(answer.status, 404, "the status")
    names = {"OpenAI's": ("invalid_request_error", "model_not_found"), "Anthropic's": ("not_found_error", None), "Gemini's": (None, 404)}[shape]
    equal((error.get("type"), error.get("code")), names, "type, code")


@check("the key in a Gemini request's query does not reach the upstream: {upstream}", rows=["gemini", "anthropic"])
def _(lab, upstream):
    pair = Pair(lab, upstream)
    answer = pair.proxy.send("POST", f"/v1beta/models/asked:generateContent?key={USER_KEY}", compact(least("gemini")), key=None)
    equal(answer.status, 200, "the status")
    expect(USER_KEY not in pair.up.last.raw_head.decode("latin-1"), "no key of the client's", pair.up.last.raw_head)


@check("Chat client, web search by option: {upstream} upstream refuses it unless it is allowed", rows=["anthropic", "gemini"])
def _(lab, upstream):
    Pair(lab, upstream).refused("openai", {"messages": [{"role": "user", "content": "Hi"}], "web_search_options": {}}, "web_search_options")
    pair = Pair(lab, upstream, extra="web_search: true")
    sent, _lossy = pair.request("openai", {"messages": [{"role": "user", "content": "Hi"}], "web_search_options": {}})
    if upstream == "anthropic":
        equal((sent["tools"][0]["type"], sent["tools"][0]["name"]), ("web_search_20250305", "web_search"), "the tool")
    else:
        equal(sent["tools"], [{"googleSearch": {}}], "the tool")


@check("Responses client, web search: {upstream} upstream has it when it is allowed", rows=["anthropic", "gemini"])
def _(lab, upstream):
    pair = Pair(lab, upstream, extra="web_search: true")
    sent, lossy = pair.request("responses", {"input": "Hi", "tools": [{"type": "web_search"}]})
    equal(lossy, None, "x-proxyd-lossy")
    if upstream == "anthropic":
        equal((sent["tools"][0]["type"], sent["tools"][0]["name"]), ("web_search_20250305", "web_search"), "the tool")
    else:
        equal(sent["tools"], [{"googleSearch": {}}], "the tool")


CAPABILITIES = [
    ("anthropic", "openai", "oai.max_tokens_field: max_completion_tokens", {"max_completion_tokens": 64}),
    ("anthropic", "openai", "oai.top_k: true", {"top_k": 5}),
    ("openai", "anthropic", "claude.sampling: false", {"temperature": None}),
    ("openai", "anthropic", "claude.max_output: 32", {"max_tokens": 32}),
]


@check("{client} client: a capability of an upstream's models is overridden by {line}", rows=CAPABILITIES)
def _(lab, client, upstream, line, wanted):
    pair = Pair(lab, upstream, extra="capabilities: {'other-*': {oai.top_k: false}, 'far-*': {%s}}" % line)
    body = least(client) | {"top_k": 5} if client == "anthropic" else {"messages": [{"role": "user", "content": "Hi"}], "temperature": 0.5, "max_tokens": 64}
    sent, _lossy = pair.request(client, body)
    equal({key: sent.get(key) for key in wanted}, wanted, "request")


@check("a configured version of Anthropic's API is named, and nothing goes there that it forbids")
def _(lab):
    pair = Pair(lab, "anthropic", extra="capabilities: {'*': {claude.version: '2026-10-21'}}")
    sent, _lossy = pair.request("openai", {"messages": [{"role": "user", "content": "Hi"}], "temperature": 0.5})
    equal((pair.up.last.header("anthropic-version"), "temperature" in sent), ("2026-10-21", False), "version, temperature")
