"""Codex and Claude Code as they are: WebSockets, compaction, tool search, freeform tools, web search with its sources, earlier responses."""

import json

from answers import chat_answer, gemini_answer, response
from checks import check, contains, equal, expect, lacks, one_of
from conversions import Pair, data_events, least, told
from dialects import ANTHROPIC, OPENAI, compact
from harness import USER_KEY, served
from upstream import stream, whole

UPSTREAMS = ("openai", "anthropic", "gemini")
SUMMARY = "They fixed the parser; the tests are still to be written."


def says(upstream, text):
    """A whole answer with this text."""
    if upstream == "openai":
        return whole(OPENAI.whole("m", text))
    if upstream == "anthropic":
        return whole(ANTHROPIC.whole("m", text))
    return whole(gemini_answer({"text": text}))


def says_streamed(upstream, text):
    if upstream == "openai":
        frame = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
        return stream(data_events({**frame, "choices": [{"index": 0, "delta": {"content": text}}]},
                                  {**frame, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}, done=True))  # fmt: skip
    if upstream == "anthropic":
        start = ANTHROPIC.event({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})
        return stream(ANTHROPIC.start("m") + start + ANTHROPIC.words(text) + ANTHROPIC.end())
    return stream(data_events(gemini_answer({"text": text})))


def user(text):
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


def items(answer):
    """The items of a Responses stream, when each is done."""
    events = told(answer.body)
    last = [value for _, value in events if value["type"] == "response.completed"]
    equal(len(last), 1, "response.completed events")
    done = [value["item"] for _, value in events if value["type"] == "response.output_item.done"]
    equal([item["type"] for item in last[0]["response"]["output"]], [item["type"] for item in done], "output of the end")
    return done


def compacted(pair, streamed=True):
    """Asks for a compaction, and gives the item."""
    pair.up.reply((says_streamed if streamed else says)(pair.dialect, SUMMARY))
    body = {"input": [user("Fix the parser."), user("It is long."), {"type": "compaction_trigger"}], "store": False, "instructions": "You are Codex."}
    answer = served(pair.ask("responses", body, streamed))
    found = items(answer) if streamed else answer.json()["output"]
    equal([item["type"] for item in found], ["compaction"], "the items: exactly one")
    return found[0]


@check("Codex' WebSocket attempt is a 426 at once, {upstream} upstream", rows=UPSTREAMS)
def _(lab, upstream):
    pair = Pair(lab, upstream)
    for path in ("/v1/responses", "/responses", "/openai/v1/responses", "/v1/realtime?model=gpt-realtime"):
        headers = {"connection": "Upgrade", "upgrade": "websocket", "sec-websocket-key": "x", "sec-websocket-version": "13"}
        answer = pair.proxy.send("GET", path, headers=headers)
        equal(answer.status, 426, f"the status of {path}")
        expect(answer.json()["error"]["message"], "a body in the client's shape", answer.text)
    equal(pair.up.requests, [], "requests upstream")


@check("a compaction is a summary that the upstream is asked for, sealed: {upstream} upstream, {mode}",
       rows=[(u, m) for u in UPSTREAMS for m in ("streamed", "whole")])  # fmt: skip
def _(lab, upstream, mode):
    pair = Pair(lab, upstream)
    item = compacted(pair, mode == "streamed")
    sent = pair.up.last.body.decode()
    contains(sent, "Fix the parser.", "the request for the summary")
    lacks(sent, "compaction_trigger", "the request for the summary")
    lacks(json.dumps(item), SUMMARY, "the sealed item")
    expect(item.get("encrypted_content"), "encrypted_content", item)


@check("our own compaction goes back as its summary, also after a restart and at another upstream: {upstream}", rows=UPSTREAMS)
def _(lab, upstream):
    pair = Pair(lab, upstream)
    item = compacted(pair)
    for _time in range(2):
        pair.up.reply(says(upstream, "Good."))
        served(pair.ask("responses", {"input": [item, user("Go on.")], "store": False}))
        contains(pair.up.last.body.decode(), SUMMARY, "the history upstream")
        pair.proxy.restart()


@check("a compaction of someone else is refused, not dropped: {upstream}", rows=UPSTREAMS)
def _(lab, upstream):
    pair = Pair(lab, upstream)
    for sealed in ("gAAAAABfremd", "", None, "x" * 5000):
        body = {"input": [{"type": "compaction", "id": "cmp_1", "encrypted_content": sealed}, user("Go on.")], "store": False}
        answer = pair.ask("responses", body)
        equal(answer.status, 400, "the status")
        contains(answer.json()["error"]["message"], "compaction", "the message")
    equal(pair.up.requests, [], "requests upstream")


@check("a compaction that was tampered with, or is of another key, is refused")
def _(lab):
    pair = Pair(lab, "openai")
    item = compacted(pair)
    before = len(pair.up.requests)
    sealed = item["encrypted_content"]
    for odd in (sealed[:-6] + "AAAAAA", sealed[: len(sealed) // 2], sealed + "AAAA"):
        answer = pair.ask("responses", {"input": [{**item, "encrypted_content": odd}, user("Go on.")], "store": False})
        equal(answer.status, 400, "the status")
    equal(len(pair.up.requests), before, "requests upstream")


@check("where the upstream fails at the summary, the compaction fails, {mode}", rows=["streamed", "whole"])
def _(lab, mode):
    pair = Pair(lab, "openai", more="fallback: {enabled: false}\n")
    pair.up.reply(whole(b'{"error":{"message":"down","type":"server_error"}}', 503))
    answer = pair.ask("responses", {"input": [user("x"), {"type": "compaction_trigger"}], "store": False}, mode == "streamed")
    expect(answer.status >= 500, "an error", repr(answer))


@check("POST /v1/responses/compact over a Chat upstream that has none is a JSON error that SDKs read")
def _(lab):
    pair = Pair(lab, "openai")
    pair.up.reply(whole(b'{"detail":"Not Found"}', 404))
    answer = pair.proxy.send("POST", "/v1/responses/compact", {"model": "asked", "input": [user("x")]})
    equal(answer.status, 404, "the status")
    expect(answer.json()["error"]["message"], "words", answer.text)


# ---------------------------------------------------------------- tool search, freeform tools

SEARCH = {"type": "tool_search", "execution": "client", "description": "Finds tools.",
          "parameters": {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]}}  # fmt: skip
FOUND = {"type": "function", "name": "jira_list", "description": "Lists.", "parameters": {"type": "object", "properties": {}}}


def call_of(upstream, name, arguments):
    if upstream == "openai":
        function = {"name": name, "arguments": compact(arguments).decode()}
        return whole(compact(chat_answer(None, tool_calls=[{"id": "call_1", "type": "function", "function": function}])))
    if upstream == "anthropic":
        block = {"type": "tool_use", "id": "toolu_1", "name": name, "input": arguments}
        return whole(ANTHROPIC.whole("m", content=[block], stop_reason="tool_use"))
    return whole(gemini_answer({"functionCall": {"name": name, "args": arguments}}))


def declared(pair):
    """Names of the functions that the upstream was offered."""
    tools = pair.up.last.json().get("tools") or []
    if pair.dialect == "openai":
        return [tool["function"]["name"] for tool in tools]
    if pair.dialect == "anthropic":
        return [tool["name"] for tool in tools]
    return [one["name"] for tool in tools for one in tool.get("functionDeclarations", [])]


@check("tool search of the client's side: offered, called, answered, its tools loaded: {upstream}", rows=UPSTREAMS)
def _(lab, upstream):
    pair = Pair(lab, upstream)
    pair.up.reply(call_of(upstream, "tool_search", {"query": "jira"}))
    asked = {"input": [user("List my issues.")], "tools": [SEARCH], "store": False}
    answer = served(pair.ask("responses", asked))
    equal(declared(pair), ["tool_search"], "what is offered")
    found = [item for item in answer.json()["output"] if item["type"] != "reasoning"]
    equal([item["type"] for item in found], ["tool_search_call"], "the item")
    call = found[0]
    expect(call["id"].startswith("tsc_") and call.get("call_id"), "ids", call)
    arguments = call["arguments"]
    equal(json.loads(arguments) if isinstance(arguments, str) else arguments, {"query": "jira"}, "its arguments")
    result = {"type": "tool_search_output", "call_id": call["call_id"], "execution": "client", "status": "completed", "tools": [FOUND]}
    pair.up.reply(call_of(upstream, "jira_list", {}))
    answer = served(pair.ask("responses", {**asked, "input": [user("List my issues."), call, result]}))
    equal(sorted(declared(pair)), ["jira_list", "tool_search"], "what is offered then")
    called = [item for item in answer.json()["output"] if item["type"] == "function_call"]
    equal([item["name"] for item in called], ["jira_list"], "the call")


@check("a freeform tool: whatever shape its argument has, the client gets the text: {arguments}",
       rows=[({"input": "*** Begin"},), ({"patch": "*** Begin"},), ({"content": "*** Begin"},)])  # fmt: skip
def _(lab, arguments):
    pair = Pair(lab, "openai")
    pair.up.reply(call_of("openai", "apply_patch", arguments))
    tool = {"type": "custom", "name": "apply_patch", "description": "Patches.", "format": {"type": "grammar", "syntax": "lark", "definition": "start: /.+/"}}
    output = served(pair.ask("responses", {"input": "Go", "tools": [tool]})).json()["output"]
    equal([(item["type"], item["name"], item["input"]) for item in output], [("custom_tool_call", "apply_patch", "*** Begin")], "the call")


@check("Codex' `phase` of messages comes to no Chat upstream, and no message of it is lost")
def _(lab):
    pair = Pair(lab, "openai")
    said = {"type": "message", "role": "assistant", "phase": "commentary", "content": [{"type": "output_text", "text": "Looking."}]}
    served(pair.ask("responses", {"input": [user("Go"), said, user("On")]}))
    lacks(pair.up.last.body, b"phase", "the request")
    contains(pair.up.last.body, b"Looking.", "the request")


# ---------------------------------------------------------------- earlier responses


@check("`previous_response_id` over {upstream}: the earlier turns go along, tool loop included", rows=UPSTREAMS)
def _(lab, upstream):
    pair = Pair(lab, upstream)
    pair.up.reply(call_of(upstream, "look", {"at": "Paris"}))
    tool = {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {"at": {"type": "string"}}}}
    first = served(pair.ask("responses", {"input": "How warm is Paris?", "tools": [tool]})).json()
    call = next(item for item in first["output"] if item["type"] == "function_call")
    pair.up.reply(says(upstream, "It is 21."))
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "21 degrees"}
    second = served(pair.ask("responses", {"input": [result], "tools": [tool], "previous_response_id": first["id"]})).json()
    equal(second["previous_response_id"], first["id"], "previous_response_id")
    sent = pair.up.last.body.decode()
    for part in ("How warm is Paris?", '"Paris"' if upstream != "openai" else "Paris", "21 degrees"):
        contains(sent, part, "the request")
    served(pair.ask("responses", {"input": "And now?", "previous_response_id": second["id"]}))
    for part in ("How warm is Paris?", "21 degrees", "It is 21.", "And now?"):
        contains(pair.up.last.body.decode(), part, "the third request")


@check("`previous_response_id` of a kept response is opened for a Responses upstream and for an estimate; the vendor's own passes")
def _(lab):
    chat, own = lab.upstream(), lab.upstream()
    p = lab.proxyd(
        f"upstreams: {{chat: {chat.declare('openai')}, own: {own.declare('responses')}}}\n"
        "rules: [{name: c, models: [chat], tiers: [chat/m]}, {name: o, models: [own], tiers: [own/m]}]\n"
    )
    chat.reply(says("openai", "It is 21."))
    first = served(p.send("POST", "/v1/responses", {"model": "chat", "input": "How warm is it?"})).json()["id"]
    served(p.send("POST", "/v1/responses", {"model": "own", "input": "And now?", "previous_response_id": first}))
    sent = own.last.json()
    expect("previous_response_id" not in sent, "no id that the vendor does not know", sent)
    for part in ("How warm is it?", "It is 21.", "And now?"):
        contains(json.dumps(sent["input"]), part, "the input")
    theirs = "resp_" + "0123456789abcdef" * 3
    served(p.send("POST", "/v1/responses", {"model": "own", "input": "x", "previous_response_id": theirs}))
    equal((own.last.json()["previous_response_id"], own.last.json()["input"]), (theirs, "x"), "the vendor's own id, the input")

    def count(**more):
        return p.send("POST", "/v1/responses/input_tokens", {"model": "chat", "input": "And now?", **more})

    grown = served(count(previous_response_id=first)).json()["input_tokens"] - served(count()).json()["input_tokens"]
    expect(grown >= 10, "the earlier turns in the count", grown)
    answer = count(previous_response_id=theirs)
    one_of(answer.status, (400, 404), "the status of a count that goes on from nothing")
    contains(answer.text.lower(), "previous", "the error")


@check("`previous_response_id`: what was not stored, is unknown or another key's is a clear 400")
def _(lab):
    other = "sk-other-key-for-the-black-box-suite-5"
    pair = Pair(lab, "openai", more=f'keys: [{{name: user, key: "{USER_KEY}"}}, {{name: other, key: "{other}"}}]\n')
    stored = served(pair.ask("responses", {"input": "secret words"})).json()["id"]
    unstored = served(pair.ask("responses", {"input": "x", "store": False})).json()["id"]
    before = len(pair.up.requests)
    for id_, key in ((unstored, USER_KEY), ("resp_unknown", USER_KEY), (stored, other), ("", USER_KEY)):
        answer = pair.proxy.send("POST", "/v1/responses", {"model": "asked", "input": "y", "previous_response_id": id_}, key=key)
        if id_:
            one_of(answer.status, (400, 404), f"the status with {id_}")
            contains(answer.text.lower(), "previous", "the error")
    expect(len(pair.up.requests) <= before + 1, "no request upstream")
    lacks(b"".join(pair.proxy.written().values()), b"secret words", "what is on the disk")


# ---------------------------------------------------------------- web search with its sources

GROUNDED = {
    "candidates": [{
        "content": {"role": "model", "parts": [{"text": "Äh. Swift 6 is out."}]}, "finishReason": "STOP", "index": 0,
        "groundingMetadata": {"webSearchQueries": ["swift 6"], "groundingChunks": [{"web": {"uri": "https://swift.org/blog", "title": "Swift"}}],
                              "groundingSupports": [{"segment": {"startIndex": 5, "endIndex": 20, "text": "Swift 6 is out."}, "groundingChunkIndices": [0]}]},
    }],
    "usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15}, "modelVersion": "really", "responseId": "r",
}  # fmt: skip
CITED = response(
    {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "swift 6"}},
    {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [{"type": "output_text", "text": "Swift 6 is out.", "annotations": [
        {"type": "url_citation", "start_index": 0, "end_index": 15, "url": "https://swift.org/blog", "title": "Swift"}]}]})  # fmt: skip
WEB = {"type": "web_search_20250305", "name": "web_search", "max_uses": 8}


@check("Claude Code's web search over {upstream}: its blocks with title and address, and how many searches", rows=["gemini", "responses"])
def _(lab, upstream):
    pair = Pair(lab, upstream, extra="web_search: true")
    pair.up.reply(whole(compact(GROUNDED if upstream == "gemini" else CITED)))
    value = served(pair.ask("anthropic", least("anthropic") | {"tools": [WEB]})).json()
    kinds = [block["type"] for block in value["content"]]
    expect(kinds.index("server_tool_use") < kinds.index("web_search_tool_result"), "a search, then its result", kinds)
    result = value["content"][kinds.index("web_search_tool_result")]
    use = value["content"][kinds.index("server_tool_use")]
    equal((use["name"], result["tool_use_id"]), ("web_search", use["id"]), "name, id")
    equal([(one["type"], one["url"], one["title"]) for one in result["content"]], [("web_search_result", "https://swift.org/blog", "Swift")], "the result")
    equal(value["usage"].get("server_tool_use", {}).get("web_search_requests"), 1, "searches")
    equal(value["stop_reason"], "end_turn", "the stop reason")
    # What a client got, it gives back.
    history = [*least("anthropic")["messages"], {"role": "assistant", "content": value["content"]}, {"role": "user", "content": "On"}]
    served(pair.ask("anthropic", least("anthropic") | {"tools": [WEB], "messages": history}))


@check("Claude Code's web search over gemini, streamed, has the same blocks")
def _(lab):
    pair = Pair(lab, "gemini", extra="web_search: true")
    pair.up.reply(stream(data_events(GROUNDED)))
    answer = served(pair.ask("anthropic", least("anthropic") | {"tools": [WEB]}, streamed=True))
    blocks = [value["content_block"] for name, value in told(answer.body) if name == "content_block_start"]
    found = [block for block in blocks if block["type"] == "web_search_tool_result"]
    equal([one["url"] for block in found for one in block["content"]], ["https://swift.org/blog"], "the results")


@check("{client} client, sources of a search over gemini: annotations", rows=["openai", "responses"])
def _(lab, client):
    pair = Pair(lab, "gemini", extra="web_search: true")
    pair.up.reply(whole(compact(GROUNDED)))
    if client == "openai":
        value = served(pair.ask("openai", {"messages": [{"role": "user", "content": "Hi"}], "web_search_options": {}})).json()
        notes = [one["url_citation"] for one in value["choices"][0]["message"].get("annotations") or []]
    else:
        value = served(pair.ask("responses", {"input": "Hi", "tools": [{"type": "web_search"}]})).json()
        notes = [one for item in value["output"] if item["type"] == "message" for part in item["content"] for one in part["annotations"]]
    equal([(one["url"], one["title"]) for one in notes], [("https://swift.org/blog", "Swift")], "the annotations")
    equal([(one["start_index"], one["end_index"]) for one in notes], [(4, 19)], "where they are, in characters")


@check("the list of models has Codex' member `models` beside `data`")
def _(lab):
    up = lab.upstream()
    p = lab.proxyd(f"upstreams: {{o: {up.declare('openai')}}}\nrules: [{{models: [gpt-mine], tiers: [o]}}]")
    value = served(p.send("GET", "/v1/models?client_version=0.163.0")).json()
    contains([one.get("slug", one.get("id")) for one in value.get("models", [])], "gpt-mine", "models")
    contains([one["id"] for one in value["data"]], "gpt-mine", "data")
