"""Requests across formats: what is carried, named as lost, or refused, where only a close reading of the specification tells."""

from checks import check, contains, equal, expect, lacks
from conversions import USER, Pair, least
from dialects import ANTHROPIC, OPENAI, compact
from upstream import status, stream

KEY_INVALID = {
    "error": {
        "code": 400,
        "message": "API key not valid.",
        "status": "INVALID_ARGUMENT",
        "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}],
    }
}


@check("a key that Gemini calls a bad request is proxyd's own credential: {client} client gets 502", rows=["anthropic", "openai", "responses", "gemini"])
def _(lab, client):
    pair = Pair(lab, "gemini")
    pair.up.reply(status(400, compact(KEY_INVALID)))
    equal(pair.ask(client, least(client)).status, 502, "the status")


@check("Responses client, openai upstream: verbosity, tier and cache key go as Chat has them, where they are taken")
def _(lab):
    taken = "capabilities: {'*': {oai.verbosity: true, oai.cache_key: true}}"
    sent, lossy = Pair(lab, "openai", extra=taken).request(
        "responses", {"input": "Hi", "text": {"verbosity": "low"}, "service_tier": "flex", "prompt_cache_key": "k"}
    )
    equal((sent["verbosity"], sent["service_tier"], sent["prompt_cache_key"]), ("low", "flex", "k"), "the members")
    equal(lossy, None, "x-proxyd-lossy")


@check("Responses client, openai upstream: the tier goes as Chat has it; verbosity and cache key are for servers that take them")
def _(lab):
    sent, lossy = Pair(lab, "openai").request(
        "responses", {"input": "Hi", "text": {"verbosity": "low"}, "service_tier": "flex", "prompt_cache_key": "k"}
    )
    equal((sent.get("verbosity"), sent["service_tier"], sent.get("prompt_cache_key")), (None, "flex", None), "the members")
    equal(lossy, "text.verbosity=dropped", "x-proxyd-lossy")


@check("Chat client, gemini upstream: modalities are asked for in its words")
def _(lab):
    sent, lossy = Pair(lab, "gemini").request("openai", {"messages": [USER], "modalities": ["text", "image"]})
    equal((sent["generationConfig"]["responseModalities"], lossy), (["TEXT", "IMAGE"], None), "modalities")


@check("Chat client, anthropic upstream: modalities that it lacks are named")
def _(lab):
    _sent, lossy = Pair(lab, "anthropic").request("openai", {"messages": [USER], "modalities": ["text", "image"]})
    contains(lossy, "modalities=dropped", "x-proxyd-lossy")


@check("Responses client, gemini upstream: a summary without effort asks for visible thoughts")
def _(lab):
    sent, _lossy = Pair(lab, "gemini", "gemini-2.5-pro").request("responses", {"input": "Hi", "reasoning": {"summary": "auto"}})
    equal(sent["generationConfig"]["thinkingConfig"], {"includeThoughts": True}, "thinkingConfig")


@check("Anthropic client, responses upstream: a forced web search is a choice of the built-in tool")
def _(lab):
    pair = Pair(lab, "responses", "gpt-5")
    tool = {"type": "web_search_20250305", "name": "web_search"}
    sent, _lossy = pair.request(
        "anthropic", {"max_tokens": 64, "messages": [USER], "tools": [tool], "tool_choice": {"type": "tool", "name": "web_search"}}
    )
    equal((sent["tools"], sent["tool_choice"]), ([{"type": "web_search"}], {"type": "web_search"}), "tools and choice")


REFUSED = {
    "a stop that is a number": ("openai", {"messages": [USER], "stop": 5}, "stop"),
    "an effort that nobody has": ("openai", {"messages": [USER], "reasoning_effort": "huge"}, "reasoning_effort"),
    "an effort that nobody has, Responses": ("responses", {"input": "Hi", "reasoning": {"effort": "huge"}}, "reasoning.effort"),
    "only blocks that nobody knows": ("anthropic", {"max_tokens": 64, "messages": [{"role": "user", "content": [{"type": "whatever"}]}]}, "messages"),
    "a file of Google's store": ("gemini", {"contents": [{"role": "user", "parts": [{"fileData": {"mimeType": "image/png", "fileUri": "gs://b/x.png"}}]}]}, "fileData"),
}


@check("refused with the field's name: {what}", rows=REFUSED)
def _(lab, what):
    client, body, param = REFUSED[what]
    upstream = "openai" if client != "openai" else "anthropic"
    pair = Pair(lab, upstream)
    answer = pair.ask(client, body)
    equal((answer.status, len(pair.up.requests)), (400, 0), "status, requests at the upstream")
    contains(answer.body, param.encode(), "the error")


FOREIGN = {
    "model": "asked",
    "max_tokens": 4000,
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "messages": [
        USER,
        {"role": "assistant", "content": [{"type": "tool_use", "id": "call_1", "name": "f", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": "x"}]},
    ],
}


@check("Anthropic client and upstream: thinking that cannot go on after another vendor's calls is named, and refused under strict")
def _(lab):
    pair = Pair(lab, "anthropic", "claude-sonnet-4-5")
    sent, lossy = pair.request("anthropic", FOREIGN)
    expect("thinking" not in sent, "no thinking", sent)
    contains(lossy or "", "thinking=dropped", "x-proxyd-lossy")
    asked = len(pair.up.requests)
    answer = pair.ask("anthropic", FOREIGN, headers=[("x-proxyd-strict", "true")])
    equal((answer.status, len(pair.up.requests)), (400, asked), "status under strict, requests at the upstream")


@check("{name} client: of an event too long to be held back, cut in the middle, the error behind it stays readable", rows=["anthropic", "openai"])
def _(lab, name):
    dialect = {"anthropic": ANTHROPIC, "openai": OPENAI}[name]
    pair = Pair(lab, name)
    pair.up.reply(stream([dialect.begin("m") + dialect.words("x" * 70000)[:-30]], ends=False, then="close"))
    answer = pair.ask(name, least(name), streamed=True)
    last = answer.body.rstrip(b"\n").split(b"\n\n")[-1]
    contains(last, b'"error"', "the last event")
    lacks(last, b"xxxx", "the last event")


FAR_IMAGE = "https://x.example/a.png"
PLACES = {  # a part that a Gemini upstream does not take, behind one that it does, and what an error calls it
    "anthropic": (
        {"max_tokens": 64, "messages": [{"role": "user", "content": [{"type": "text", "text": "x"}, {"type": "image", "source": {"type": "url", "url": FAR_IMAGE}}]}]},
        "messages.0.content.1",
    ),
    "openai": (
        {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": [{"type": "text", "text": "x"}, {"type": "image_url", "image_url": {"url": FAR_IMAGE}}]}]},
        "messages[1].content[1]",
    ),
    "responses": (
        {"input": [
            {"role": "user", "content": "x"},
            {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
            {"role": "user", "content": "y"},
            {"type": "function_call_output", "call_id": "a", "output": [{"type": "input_text", "text": "t"}, {"type": "input_image", "image_url": FAR_IMAGE}]},
        ]},
        "input[3].output[1]",
    ),
}  # fmt: skip


@check("a part that the upstream does not take is named by its own place: {client} client", rows=list(PLACES))
def _(lab, client):
    body, place = PLACES[client]
    error = Pair(lab, "gemini").refused(client, body, place)
    expect(error["message"].startswith(place + ": "), f"a message that begins with {place}", error)


@check("a sound that the upstream does not take is named by its own place: {upstream} upstream", rows=["anthropic", "responses"])
def _(lab, upstream):
    parts = [{"type": "text", "text": "x"}, {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}]
    Pair(lab, upstream).refused("openai", {"messages": [{"role": "user", "content": parts}]}, "messages[0].content[1]")


@check("what is lost of a {client} client's parameters is named by its own field", rows=["gemini", "responses"])
def _(lab, client):
    if client == "gemini":
        more = {"generationConfig": {"seed": 1, "presencePenalty": 0.5, "temperature": 1.5}}
        told = ["generationConfig.presencePenalty=dropped", "generationConfig.seed=dropped", "generationConfig.temperature=clamped"]
    else:
        more = {"text": {"verbosity": "low"}}
        told = ["text.verbosity=dropped"]
    _body, lossy = Pair(lab, "anthropic", "claude-sonnet-4-5").request(client, least(client) | more)
    equal(sorted((lossy or "").split(";")), told, "x-proxyd-lossy")


@check("Gemini client, {upstream} upstream: JSON is spoken of where the format demands it", rows=["openai", "responses"])
def _(lab, upstream):
    wish = {"generationConfig": {"responseMimeType": "application/json"}}
    sent, _lossy = Pair(lab, upstream).request("gemini", least("gemini") | wish)
    words = sent["messages"][0]["content"] if upstream == "openai" else sent["instructions"]
    contains(words, "JSON", "the words before the request")
    sent, _lossy = Pair(lab, upstream).request("gemini", wish | {"contents": [{"role": "user", "parts": [{"text": "As json"}]}]})
    equal("instructions" in sent or sent.get("messages", [{}])[0].get("role") == "system", False, f"words of proxyd's in {sent}")


@check("Gemini client, Azure upstream: a schema of a list, which OpenAI refuses, is said in words")
def _(lab):
    schema = {"type": "ARRAY", "items": {"type": "STRING"}}
    wish = {"generationConfig": {"responseMimeType": "application/json", "responseSchema": schema}}
    sent, lossy = Pair(lab, "azure", "gpt-4o").request("gemini", least("gemini") | wish)
    equal(("response_format" in sent, lossy), (False, "generationConfig.responseSchema=approximated"), "the format, x-proxyd-lossy")
    contains(sent["messages"][0]["content"], '"items"', "the words before the request")


NULLS = {"type": "object", "properties": {"a": {"type": "string", "enum": None, "default": None}}, "required": None}


@check("keywords that say null are left out of a tool's schema: {upstream} upstream", rows=["anthropic", "openai", "responses", "gemini"])
def _(lab, upstream):
    tools = [{"type": "function", "name": "f", "parameters": NULLS}, {"type": "function", "name": "g", "parameters": {"type": "object", "properties": None}}]
    if upstream == "responses":
        tools, client = [{"type": "function", "function": {"name": one["name"], "parameters": one["parameters"]}} for one in tools], "openai"
    else:
        client = "responses"
    sent, _lossy = Pair(lab, upstream).request(client, least(client) | {"tools": tools})
    if upstream == "gemini":
        one, other = [tool.get("parametersJsonSchema") for tool in sent["tools"][0]["functionDeclarations"]]
    else:
        one, other = [(tool.get("function") or tool).get("parameters" if upstream != "anthropic" else "input_schema") for tool in sent["tools"]]
    equal(one, {"type": "object", "properties": {"a": {"type": "string", "default": None}}}, "the schema")
    equal(other in (None, {"type": "object"}, {"type": "object", "properties": {}}), True, f"the schema of no properties, {other}")


@check("Chat client, Gemini upstream of OpenAPI's subset: a list says what is in it, no choice is empty")
def _(lab):
    schema = {"properties": {"a": {"type": "array"}, "b": {"type": "string", "enum": ["", "x"]}, "c": {"enum": [""]}}}
    tool = {"type": "function", "function": {"name": "f", "parameters": schema}}
    subset = "capabilities: {'*': {gem.json_schema_tools: false}}"
    sent, _lossy = Pair(lab, "gemini", extra=subset).request("openai", {"messages": [USER], "tools": [tool]})
    wanted = {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "string"}}, "b": {"type": "string", "enum": ["x"]}, "c": {"type": "string"}}}
    equal(sent["tools"][0]["functionDeclarations"][0]["parameters"], wanted, "the schema")
