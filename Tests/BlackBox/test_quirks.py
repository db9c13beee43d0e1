"""Servers as they really are, without a preset: families of models by their names, `drop`, capabilities in the file, their answers' words."""

import dataclasses
import functools
import json

from agents import AGENTS, told_all
from answers import chat_answer, folded_messages
from checks import check, contains, equal, eventually, expect, lacks, one_of
from conversions import Pair, data_events, least, named_events, told, without_options
from dialects import DIALECTS, RESPONSES
from harness import served
from records import row
from test_presets import loops
from upstream import status, stream, whole
from vendors import DEEPSEEK, GLM, KIMI, MUSING, VENDORS, WORDS, Server, Vendor

FAMILIES = {
    "kimi-k2.5": KIMI,
    "kimi-k2.6": dataclasses.replace(KIMI, model="kimi-k2.6"),
    "moonshotai/Kimi-K2.5": dataclasses.replace(KIMI, model="moonshotai/Kimi-K2.5"),
    "deepseek-v4-pro": DEEPSEEK,
    "deepseek-v4-flash": dataclasses.replace(DEEPSEEK, model="deepseek-v4-flash"),
    "glm-4.7": GLM,
    "glm-5": dataclasses.replace(GLM, model="glm-5"),
    "MiniMax-M2.7": VENDORS["minimax"],
    "mistral-large-latest": VENDORS["mistral"],
    "mistral-medium-latest": dataclasses.replace(VENDORS["mistral"], model="mistral-medium-latest"),
    "devstral-medium-2512": dataclasses.replace(VENDORS["mistral"], model="devstral-medium-2512"),
    "qwen3-max": VENDORS["qwen"],
    "grok-4": VENDORS["xai"],
    "grok-4-0709": dataclasses.replace(VENDORS["xai"], model="grok-4-0709"),
    "gpt-5.6-terra": VENDORS["openai"],
    "gpt-5.4": dataclasses.replace(VENDORS["openai"], model="gpt-5.4"),
}


def before(lab, vendor, extra="", dialect="openai"):
    """proxyd before a strict server, no preset."""
    pair = Pair(lab, dialect, vendor.model, extra=extra, more="fallback: {enabled: false}\n")
    server = Server(vendor)
    pair.up.reply(server)
    return pair, server


@check("{model} by its name, {client} client: a tool loop of three turns, streamed and whole, thinking on and off",
       rows=[(model, client) for model in FAMILIES for client in AGENTS if client != "openai"])  # fmt: skip
def _(lab, model, client):
    pair, server = before(lab, FAMILIES[model])
    loops(pair.proxy, server, client, "openai")


@check("{model} by its name: the vendor thinks unasked, and its thoughts go back all the same, {client} client",
       rows=[(model, client) for model in ("kimi-k2.5", "deepseek-v4-pro") for client in ("anthropic", "responses", "gemini")])  # fmt: skip
def _(lab, model, client):
    pair, server = before(lab, FAMILIES[model])

    def attempt(streamed):
        AGENTS[client](pair.proxy, "asked", streamed, None).run()
        for message in server.bodies[-1]["messages"]:
            if message.get("tool_calls") and server.thought[-1]:
                equal(message.get("reasoning_content"), MUSING, "the thoughts")

    told_all({"whole": functools.partial(attempt, False), "streamed": functools.partial(attempt, True)})


@check("a history with calls of another model goes on at {model}: a placeholder stands for thoughts that nobody knows",
       rows=["kimi-k2.5", "deepseek-v4-pro"])  # fmt: skip
def _(lab, model):
    pair, server = before(lab, FAMILIES[model])
    server.thought.append(False)  # it never thought: any text will do
    history = [{"role": "user", "content": "Go"}, {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_0A", "name": "look", "input": {}}]},
               {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_0A", "content": "x"}]}]  # fmt: skip
    tools = [{"name": "look", "input_schema": {"type": "object", "properties": {}}}]
    answer = pair.ask("anthropic", {"max_tokens": 64, "messages": history, "tools": tools})
    equal((answer.status, server.refusals), (200, []), "status, what the vendor refused")


@check("calls of other vendors' ids are led to {model} in its alphabet, the same on call and result",
       rows=["mistral-large-latest", "mistral-medium-latest"])  # fmt: skip
def _(lab, model):
    pair, server = before(lab, FAMILIES[model])
    for ids in (["toolu_01AbC", "call_-_x.y:z"], ["functions.look:0", "functions.look:1"], ["a" * 60, "a" * 59 + "b"]):
        uses = [{"type": "tool_use", "id": id_, "name": "look", "input": {"at": id_[-1]}} for id_ in ids]
        results = [{"type": "tool_result", "tool_use_id": id_, "content": f"r{i}"} for i, id_ in enumerate(ids)]
        history = [{"role": "user", "content": "Go"}, {"role": "assistant", "content": uses}, {"role": "user", "content": results}]
        tools = [{"name": "look", "input_schema": {"type": "object", "properties": {}}}]
        answer = pair.ask("anthropic", {"max_tokens": 64, "messages": history, "tools": tools})
        equal((answer.status, server.refusals), (200, []), f"status, what the vendor refused of {ids}")
        sent = server.bodies[-1]["messages"]
        calls = next(message for message in sent if message.get("tool_calls"))["tool_calls"]
        given = {message["tool_call_id"]: message["content"] for message in sent if message["role"] == "tool"}
        equal([given[call["id"]] for call in calls], ["r0", "r1"], "each result at its own call")


@check("a fixed temperature of {model} takes the place of the client's, and is told: {client} client",
       rows=[(model, client) for model in ("kimi-k2.5", "kimi-k2.6") for client in ("anthropic", "responses", "gemini")])  # fmt: skip
def _(lab, model, client):
    pair, server = before(lab, FAMILIES[model])
    body = least(client) | ({"generationConfig": {"temperature": 0.2}} if client == "gemini" else {"temperature": 0.2})
    answer = pair.ask(client, {key: value for key, value in body.items() if key != "stream_options"})
    equal((answer.status, server.refusals), (200, []), "status, what the vendor refused")
    contains(answer.header("x-proxyd-lossy") or "", "temperature", "x-proxyd-lossy")


# ---------------------------------------------------------------- what the file says

OLD = Vendor("house-model", {"house"}, {"user", "seed", "stop", "parallel_tool_calls", "stream_options"}, 422, choices=("auto", "none", "any"), ids=r"^[a-z0-9]{12}$",
             call_id=lambda turn, index, name, serial: f"abcdef{serial:04}{turn}{index}", usage="last")  # fmt: skip
FIELDS = "drop: [user, seed, stop, parallel_tool_calls, stream_options, 'stream_options.include_usage']"


@check("`drop` takes fields away, in the client's own format too, and tells: {client} client", rows=["openai", "anthropic", "responses", "gemini"])
def _(lab, client):
    pair, server = before(lab, OLD, FIELDS)
    more = {
        "openai": {"user": "u", "seed": 1, "stop": ["x"]},
        "anthropic": {"stop_sequences": ["x"], "metadata": {"user_id": "u"}},
        "responses": {"user": "u", "parallel_tool_calls": True},
        "gemini": {"generationConfig": {"seed": 1, "stopSequences": ["x"]}},
    }[client]
    for streamed in (False, True):
        body = {**least(client), **more}
        if client == "openai":
            body.pop("stream_options")
            body.update({"stream_options": {"include_usage": True}} if streamed else {})
        answer = pair.ask(client, body, streamed)
        equal((answer.status, server.refusals), (200, []), "status, what the server refused")
        wanted = {"openai": "seed", "anthropic": "", "responses": "", "gemini": "seed"}[client]
        contains(answer.header("x-proxyd-lossy") or "", wanted, "x-proxyd-lossy")


@check("`drop` leaves the rest of a body of the client's own format as it was, byte for byte")
def _(lab):
    pair, server = before(lab, OLD, FIELDS)
    body = b'{ "seed": 7, "model":"asked","messages" : [{"role":"user","content":"\\u00fc  x"}],"temperature": 0.50, "user":"u"}'
    answer = pair.proxy.send("POST", "/v1/chat/completions", body)
    equal((answer.status, server.refusals), (200, []), "status, what the server refused")
    sent = pair.up.last.body
    contains(sent, b'"messages" : [{"role":"user","content":"\\u00fc  x"}]', "the body")
    contains(sent, b'"temperature": 0.50', "the body")
    equal(sorted(json.loads(sent)), ["messages", "model", "temperature"], "its members")


@check("`drop` in a body whose members come twice, empty or nested takes all of them")
def _(lab):
    pair, server = before(lab, dataclasses.replace(OLD, refuses={"user", "seed"}), "drop: [user, seed, extra_body.top]")
    body = {"model": "asked", "messages": [{"role": "user", "content": "Hi"}], "user": None, "seed": {"user": 1}}
    equal(pair.ask("openai", body).status, 200, "the status")
    equal(server.refusals, [], "what the server refused")


@check("an upstream without `drop` passes the same body untouched")
def _(lab):
    pair = Pair(lab, "openai", "asked")
    body = b'{"model":"asked","messages":[{"role":"user","content":"Hi"}],"user":"u","seed":3,"odd":[1,2]}'
    equal(pair.proxy.send("POST", "/v1/chat/completions", body).status, 200, "the status")
    equal(pair.up.last.body, body, "the body")


WORDS_OF_THE_FILE = [
    ("oai.tool_choice_any: any", {"tool_choice": {"type": "any"}}, ("tool_choice", "any")),
    ("oai.tool_choice_any: required", {"tool_choice": {"type": "any"}}, ("tool_choice", "required")),
    ("oai.thinking_off: enable_thinking=false", {"thinking": {"type": "disabled"}}, ("enable_thinking", False)),
    ("oai.thinking_off: thinking.type=disabled", {"thinking": {"type": "disabled"}}, ("thinking", {"type": "disabled"})),
    ("oai.thinking_off: chat_template_kwargs.enable_thinking=false", {"thinking": {"type": "disabled"}}, ("chat_template_kwargs", {"enable_thinking": False})),
    ("oai.thinking_off: reasoning_effort=none", {"thinking": {"type": "disabled"}}, ("reasoning_effort", "none")),
    ("oai.effort_field: reasoning.effort", {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}}, ("reasoning", {"effort": "high"})),
    ("oai.effort_field: none", {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}}, ("reasoning_effort", None)),
    ("oai.effort_field: reasoning_effort, oai.effort_words: 'high=max,max=max'", {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}}, ("reasoning_effort", "max")),
    ("oai.fixed: temperature=", {"temperature": 0.5}, ("temperature", None)),
    ("oai.drop: temperature", {"temperature": 0.5}, ("temperature", None)),
]  # fmt: skip


@check("a capability in the file: {line}", rows=[(line, fields, wanted) for line, fields, wanted in WORDS_OF_THE_FILE])
def _(lab, line, fields, wanted):
    pair = Pair(lab, "openai", "house-model", extra="capabilities: {'house-*': {%s}}" % line)
    body = {"max_tokens": 4096, "messages": [{"role": "user", "content": "Hi"}], "tools": [{"name": "look", "input_schema": {"type": "object", "properties": {}}}]}
    if "tool_choice" not in fields:
        body.pop("tools")
    answer = pair.ask("anthropic", {**body, **fields})
    equal(answer.status, 200, "the status")
    name, value = wanted
    equal(pair.up.last.json().get(name), value, f"{name} at the server")
    if value is None:
        expect(answer.header("x-proxyd-lossy"), "a note of what was left out", answer.headers)


@check("thinking that cannot be switched off is told")
def _(lab):
    pair = Pair(lab, "openai", "house-model", extra="capabilities: {'*': {oai.thinking_off: never}}")
    answer = pair.ask("anthropic", least("anthropic") | {"thinking": {"type": "disabled"}})
    equal(answer.status, 200, "the status")
    contains(answer.header("x-proxyd-lossy") or "", "thinking", "x-proxyd-lossy")


@check("Codex' fields go only where they are taken: {model}", rows=["gpt-4o", "llama-3.3-70b", "kimi-k2.5", "gpt-5.2"])
def _(lab, model):
    pair = Pair(lab, "openai", model)
    body = least("responses") | {"text": {"verbosity": "low"}, "prompt_cache_key": "k", "client_metadata": {"a": "b"}}
    equal(pair.ask("responses", body).status, 200, "the status")
    sent = pair.up.last.json()
    if model != "gpt-5.2":
        lacks(sent, "verbosity", "the request")
    lacks(sent, "client_metadata", "the request")
    if model.startswith("llama"):
        lacks(sent, "prompt_cache_key", "the request")


# ---------------------------------------------------------------- answers

PLACES = ("in a chunk of its own", "in the last chunk", "in the choice", "in x_groq")


@check("usage is read where the server puts it, {mode}: {place}", rows=[(mode, place) for mode in ("converted", "in the same format") for place in PLACES])
def _(lab, mode, place):
    usage = {"prompt_tokens": 41, "completion_tokens": 17, "total_tokens": 58}
    last = {"index": 0, "delta": {}, "finish_reason": "stop"}
    chunks = [{"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [{"index": 0, "delta": {"role": "assistant", "content": "x"}}]}]
    frame = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    chunks += {
        "in a chunk of its own": [{**frame, "choices": [last]}, {**frame, "choices": [], "usage": usage}],
        "in the last chunk": [{**frame, "choices": [last], "usage": usage}],
        "in the choice": [{**frame, "choices": [{**last, "usage": usage}]}],
        "in x_groq": [{**frame, "choices": [last], "x_groq": {"id": "r", "usage": usage}}],
    }[place]
    pair = Pair(lab, "openai")
    got = pair.stream("anthropic" if mode == "converted" else "openai", data_events(*chunks, done=True))
    if mode == "converted":
        _blocks, end = folded_messages(got)
        equal((end["usage"].get("input_tokens"), end["usage"]["output_tokens"]), (41, 17), "tokens")
    one = row(pair.proxy)
    equal((one["input"], one["output"], one["source"]), (41, 17, "reported"), "tokens in the record")


FINISHES = {  # what a server says → what an Anthropic client may see; nothing good for what went wrong
    "sensitive": ("refusal",),
    "content_filter": ("refusal",),
    "model_context_window_exceeded": ("model_context_window_exceeded", "max_tokens"),
    "max_output": ("max_tokens",),
    "model_length": ("max_tokens",),
    "eos": ("end_turn",),
    "eos_token": ("end_turn",),
    "stop_sequence": ("stop_sequence", "end_turn"),
}


@check("the finish reason {word} in the nearest words of an Anthropic client, {mode}", rows=[(w, m) for w in FINISHES for m in ("whole", "streamed")])
def _(lab, word, mode):
    pair = Pair(lab, "openai")
    if mode == "whole":
        got = pair.whole("anthropic", chat_answer("half", word))["stop_reason"]
    else:
        frame = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
        chunks = [{**frame, "choices": [{"index": 0, "delta": {"content": "half"}, "finish_reason": end}]} for end in (None, word)]
        got = folded_messages(pair.stream("anthropic", data_events(*chunks, done=True)))[1]["delta"]["stop_reason"]
    one_of(got, FINISHES[word], "stop_reason")


@check("a finish reason that means a failure ends no answer well: {word}", rows=["network_error", "insufficient_system_resource", "error"])
def _(lab, word):
    pair = Pair(lab, "openai")
    frame = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    chunks = [{**frame, "choices": [{"index": 0, "delta": {"content": "half"}, "finish_reason": end}]} for end in (None, word)]
    pair.up.reply(stream(data_events(*chunks, done=True)))
    answer = pair.ask("anthropic", least("anthropic"), streamed=True)
    names = [name for name, _ in told(answer.body)] if answer.status == 200 else ["error"]
    contains(names, "error", "the events")
    lacks(names, "message_stop", "the events")


def answers_with(part):
    """Answers of each format that hold a text and a part that nobody knows; what is told of it."""
    return {
        "anthropic": ({**ANTHROPIC_ANSWER, "content": [{"type": "text", "text": "half"}, part]}, "content.hologram"),
        "openai": ({**chat_answer("half", "stop"), "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": [{"type": "text", "text": "half"}, part]}}]}, "message.content.hologram"),
        "responses": ({"id": "r", "object": "response", "status": "completed", "model": "m", "usage": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}, "output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "half", "annotations": []}]}, part]}, "output.hologram"),
        "gemini": ({"candidates": [{"content": {"role": "model", "parts": [{"text": "half"}, {"hologram": {"x": 1}}]}, "finishReason": "STOP"}], "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}}, "parts.hologram"),
    }  # fmt: skip


ANTHROPIC_ANSWER = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn", "stop_sequence": None,
                    "usage": {"input_tokens": 1, "output_tokens": 1}}  # fmt: skip


@check("a part of an answer that nobody knows is left out and told, by {upstream} to {client}",
       rows=[(upstream, client) for upstream in ("anthropic", "openai", "responses", "gemini") for client in ("anthropic", "openai") if upstream != client])  # fmt: skip
def _(lab, upstream, client):
    pair = Pair(lab, upstream)
    said, told_of = answers_with({"type": "hologram", "id": "h", "secret": "of an answer"})[upstream]
    pair.up.reply(whole(said))
    answer = served(pair.ask(client, least(client)))
    contains(answer.text, "half", "the answer")
    equal(answer.header("x-proxyd-lossy"), f"{told_of}=dropped", "x-proxyd-lossy")
    eventually(lambda: f"reason={told_of}" in pair.proxy.output(), f"the log tells of {told_of}")
    lacks(pair.proxy.output(), "of an answer", "the log")


@check("a call of a kind that nobody knows is told, and ends no answer as a call, {mode}", rows=["whole", "streamed"])
def _(lab, mode):
    pair = Pair(lab, "openai")
    call = {"index": 0, "id": "c1", "type": "hologram", "hologram": {"x": 1}}
    if mode == "whole":
        said = chat_answer("half", "tool_calls")
        said["choices"][0]["message"]["tool_calls"] = [call]
        pair.up.reply(whole(said))
        answer = served(pair.ask("anthropic", least("anthropic")))
        equal(answer.header("x-proxyd-lossy"), "tool_calls.hologram=dropped", "x-proxyd-lossy")
        equal(answer.json()["stop_reason"], "end_turn", "stop_reason")
    else:
        frame = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
        deltas = ({"content": "half"}, {"tool_calls": [call]}, {})
        chunks = [{**frame, "choices": [{"index": 0, "delta": delta, "finish_reason": None if delta else "tool_calls"}]} for delta in deltas]
        equal(folded_messages(pair.stream("anthropic", data_events(*chunks, done=True)))[1]["delta"]["stop_reason"], "end_turn", "stop_reason")
    eventually(lambda: "reason=tool_calls.hologram" in pair.proxy.output(), "the log tells")


@check("an event, a member of a message and a status that nobody knows are told: {what}", rows=["event", "delta", "member", "status", "anthropic event"])
def _(lab, what):
    pair = Pair(lab, {"event": "responses", "status": "responses", "delta": "anthropic", "anthropic event": "anthropic"}.get(what, "openai"))
    client = "openai" if pair.dialect != "openai" else "anthropic"
    if what == "member":
        said = chat_answer("half")
        said["choices"][0]["message"]["hologram"] = [{"x": "of an answer"}]
        pair.up.reply(whole(said))
        equal(served(pair.ask(client, least(client))).header("x-proxyd-lossy"), "message.hologram=dropped", "x-proxyd-lossy")
        told_of = "message.hologram"
    elif what == "status":
        pair.up.reply(whole({**json.loads(RESPONSES.whole("m", "half")), "status": "hologram"}))
        contains(served(pair.ask(client, least(client))).text, "half", "the answer")
        told_of = "hologram"
    else:
        odd = {"event": {"type": "response.hologram.delta", "delta": "of an answer"}, "anthropic event": {"type": "hologram", "x": "of an answer"},
               "delta": {"type": "content_block_delta", "index": 0, "delta": {"type": "hologram_delta", "x": "of an answer"}}}[what]  # fmt: skip
        pieces = DIALECTS[pair.dialect].stream("m", "Hellohalf").split(b"\n\n")
        pieces.insert(2, named_events(odd).strip())
        contains(str(pair.stream(client, b"\n\n".join(pieces))), "half", "the answer")
        told_of = {"event": "event.response.hologram.delta", "anthropic event": "event.hologram", "delta": "content.delta.hologram_delta"}[what]
    eventually(lambda: told_of in pair.proxy.output(), f"the log tells of {told_of}")
    lacks(pair.proxy.output(), "of an answer", "the log")


@check("pictures that a Chat server's model made reach a client of another format as words that say so, {mode}", rows=["whole", "streamed"])
def _(lab, mode):
    pair = Pair(lab, "openai")
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    if mode == "whole":
        said = chat_answer("Here:")
        said["choices"][0]["message"]["images"] = [picture]
        pair.up.reply(whole(said))
        text = served(pair.ask("anthropic", least("anthropic"))).text
    else:
        frame = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
        deltas = ({"content": "Here:"}, {"images": [picture]}, {})
        chunks = [{**frame, "choices": [{"index": 0, "delta": delta, "finish_reason": None if delta else "stop"}]} for delta in deltas]
        text = str(folded_messages(pair.stream("anthropic", data_events(*chunks, done=True))))
    contains(text, "[image omitted]", "the answer")


@check("what a Chat server found on the web comes with its answer, for {client} clients, {mode}",
       rows=[(client, mode) for client in ("responses", "gemini") for mode in ("whole", "streamed")])  # fmt: skip
def _(lab, client, mode):
    found = {"citations": ["https://a.example/1"], "search_results": [{"title": "A page", "url": "https://a.example/1", "date": "2026-01-01"}]}
    pair = Pair(lab, "openai")
    if mode == "whole":
        pair.up.reply(whole(chat_answer("As it is told [1].") | found))
        text = served(pair.ask(client, least(client))).text
    else:
        frame = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", **found}
        deltas = ({"content": "As it is "}, {"content": "told [1]."}, {})
        chunks = [{**frame, "choices": [{"index": 0, "delta": delta, "finish_reason": None if delta else "stop"}]} for delta in deltas]
        text = str(pair.stream(client, data_events(*chunks, done=True)))
    contains(text, "https://a.example/1", "the answer")


LIMIT, TOKENS = 131072, 140291
TOO_LONG = {  # how servers say it: status, body
    "vLLM": (400, {"object": "error", "message": f"This model's maximum context length is {LIMIT} tokens. However, you requested {TOKENS} tokens in the messages, Please reduce the length of the messages.", "type": "BadRequestError", "param": None, "code": 400}),
    "SGLang": (400, {"object": "error", "message": f"The input ({TOKENS} tokens) is longer than the model's context length ({LIMIT} tokens).", "type": "BadRequestError", "code": 400}),
    "llama.cpp": (400, {"error": {"code": 400, "message": "the request exceeds the available context size, try increasing it", "type": "exceed_context_size_error", "n_prompt_tokens": TOKENS, "n_ctx": LIMIT}}),
    "Kimi": (400, {"error": {"message": f"Invalid request: Your request exceeded model token limit: {LIMIT}", "type": "invalid_request_error"}}),
    "DeepSeek": (400, {"error": {"message": f"This model's maximum context length is {LIMIT} tokens. However, you requested {TOKENS} tokens ({TOKENS} in the messages, 0 in the completion). Please reduce the length of the messages or completion.", "type": "invalid_request_error", "param": None, "code": "invalid_request_error"}}),
    "Z.ai": (400, {"error": {"code": "1261", "message": "Prompt exceeds max length"}}),
    "Qwen": (400, {"error": {"code": "invalid_parameter_error", "message": f"<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, {LIMIT}]", "param": None, "type": "invalid_request_error"}}),
    "Mistral": (400, {"object": "error", "message": f"Prompt contains {TOKENS} tokens and 0 draft tokens, too large for model with {LIMIT} maximum context length", "type": "invalid_request_prompt_too_long", "param": None, "code": "3051"}),
    "xAI": (400, {"code": "Client specified an invalid argument", "error": f"This model's maximum prompt length is {LIMIT} but the request contains {TOKENS} tokens."}),
    "Groq": (413, {"error": {"message": "Please reduce the length of the messages or completion.", "type": "invalid_request_error", "param": "messages", "code": "context_length_exceeded"}}),
    "Together": (400, {"id": "x", "error": {"message": f"Input validation error: `inputs` tokens + `max_new_tokens` must be <= {LIMIT}. Given: {TOKENS} `inputs` tokens and 0 `max_new_tokens`", "type": "invalid_request_error", "param": None, "code": None}}),
    "Fireworks": (400, {"error": {"object": "error", "type": "invalid_request_error", "code": "invalid_request_error", "message": f"The prompt is too long: {TOKENS}, model maximum context length: {LIMIT - 1}"}}),
    "Cerebras": (400, {"message": f"Please reduce the length of the messages or completion. Current length is {TOKENS} while limit is {LIMIT}", "type": "invalid_request_error", "param": "messages", "code": "context_length_exceeded"}),
    "OpenRouter": (400, {"error": {"message": f"This endpoint's maximum context length is {LIMIT} tokens. However, you requested about {TOKENS} tokens ({TOKENS} of text input). Please reduce the length of either one, or use the \"middle-out\" transform.", "code": 400}}),
    "MiniMax": (200, {"id": "", "choices": None, "base_resp": {"status_code": 2013, "status_msg": "invalid params, context window exceeds limit (2013)"}}),
}  # fmt: skip


@check("a context that is too long in {server}'s words makes {client} clients compact", rows=[(s, c) for s in TOO_LONG for c in ("anthropic", "responses", "gemini")])
def _(lab, server, client):
    code, body = TOO_LONG[server]
    pair = Pair(lab, "openai", more="fallback: {enabled: false}\n")
    pair.up.reply(whole(body, code) if code == 200 else status(code, json.dumps(body).encode()))
    answer = pair.ask(client, least(client))
    one_of(answer.status, (400, 413), "the status")
    error = answer.json()["error"]
    if client == "anthropic":
        equal(error["type"], "invalid_request_error", "error.type")
        contains(error["message"], "prompt is too long", "the message")
        said = json.dumps(body)
        if str(TOKENS) in said and f"{LIMIT} " in said:
            contains(error["message"], f"{TOKENS} tokens > {LIMIT} maximum", "the message, with the numbers")
    elif client == "responses":
        equal(error["code"], "context_length_exceeded", "error.code")
        contains(error["message"].lower(), "maximum context length", "the message")
        contains(error["message"], "prompt is too long", "the message")
    else:
        equal(error["status"], "INVALID_ARGUMENT", "error.status")


@check("MiniMax' 200 with an error inside is an error: {code}", rows=[1002, 1004, 1008, 2013, 1000])
def _(lab, code):
    pair = Pair(lab, "openai", more="fallback: {enabled: false}\n")
    said = {"id": "x", "choices": None, "base_resp": {"status_code": code, "status_msg": "no"}}
    pair.up.reply(whole(said))
    for streamed in (False, True):
        for client in ("anthropic", "responses"):
            answer = pair.ask(client, least(client), streamed)
            expect(answer.status >= 400, "an error", repr(answer))


@check("MiniMax' 200 that says the money is spent takes the account out as a 402 does, and no repetition is asked for")
def _(lab):
    pair = Pair(lab, "openai")
    pair.up.reply(whole({"id": "x", "choices": None, "base_resp": {"status_code": 1008, "status_msg": "no"}}))
    answer = pair.ask("anthropic", least("anthropic"))
    one_of(answer.status, (402, 429), "the status")
    equal((answer.json()["error"]["type"], answer.header("x-should-retry")), ("billing_error", "false"), "error.type, x-should-retry")
    account = pair.proxy.admin("GET", "/admin/fallback").json()["accounts"][0]
    equal(account["state"], "out_of_money", "the account's state")


@check("`drop` of a rule holds for what goes by that rule, {client} client", rows=["openai", "anthropic"])
def _(lab, client):
    up = lab.upstream()
    up.reply(lambda request, wire: whole(chat_answer("Hi"))(request, wire))
    upstream = f"o: {{url: '{up.url}/v1', dialect: openai, key: k, models: {{discover: false}}}}"
    rules = '[{name: less, models: ["less-*"], tiers: ["o/m"], drop: [temperature]}, {name: all, models: ["*"], tiers: ["o/m"]}]'
    p = lab.proxyd(f"upstreams: {{{upstream}}}\nrules: {rules}\n")
    path = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}[client]
    for model, kept in (("less-1", False), ("other", True)):
        answer = served(p.send("POST", path, {**without_options(least(client)), "model": model, "temperature": 0.5}))
        equal("temperature" in json.loads(up.requests[-1].body), kept, f"temperature of {model}")
        equal(answer.header("x-proxyd-lossy"), None if kept else "temperature=dropped", "x-proxyd-lossy")


@check("thoughts between <think> and </think> are thoughts for {client} clients, however the stream is cut", rows=["anthropic", "responses", "gemini"])
def _(lab, client):
    marked = f"{MUSING}\n</think>\n\n{WORDS}"
    frame = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    pair = Pair(lab, "openai", "MiniMax-M2.7")

    # Its template may have opened them.
    def attempt(size, opening):
        text = opening + marked
        parts = [text[at : at + size] for at in range(0, len(text), size)]
        chunks = [{**frame, "choices": [{"index": 0, "delta": {"content": part}, "finish_reason": None}]} for part in parts]
        chunks.append({**frame, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        agent = AGENTS[client](pair.proxy, "asked", True, None)
        pair.up.reply(stream(data_events(*chunks, done=True)))
        agent.say("Hi")
        equal(agent.turn()[1].strip(), WORDS, "the words")

    told_all({
        f"{size} letters behind {opening!r}": functools.partial(attempt, size, opening)
        for size in (1, 3, 7, 500) for opening in ("<think>\n", "")
    })

