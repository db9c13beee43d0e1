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
