"""Gemini on either side: what the other side is asked, and what comes back, whole and streamed."""

import base64
import json

from checks import check, contains, equal, expect, lacks
from conversions import (
    PDF, PNG, SCHEMA, STREAM_PATH, Pair, data_events, least, named_events, same, told, without_options,
)  # fmt: skip
from test_convert_responses import FROM_ANTHROPIC, chat_answer, folded_messages, gemini_answer
from upstream import stream, whole

INLINE = {"inlineData": {"mimeType": "image/png", "data": PNG}}
IMAGE_BLOCK = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
DATA_URL = f"data:image/png;base64,{PNG}"
TOOL = {"name": "weather", "description": "The weather", "input_schema": SCHEMA}
FUNCTION = {"type": "function", "function": {"name": "weather", "description": "The weather", "parameters": SCHEMA}}

MESSAGES = {
    "max_tokens": 100,
    "system": [{"type": "text", "text": "x-anthropic-billing-header: cc_version=1;"}, {"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "Look"}, IMAGE_BLOCK,
                                     {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}}]},
        {"role": "assistant", "content": [{"type": "text", "text": "I look."}, {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Köln", "n": 12345678901234567890}},
                                          {"type": "tool_use", "id": "toolu_2", "name": "now", "input": {}}]},
        {"role": "user", "content": [{"type": "text", "text": "and then"},
                                     {"type": "tool_result", "tool_use_id": "toolu_2", "is_error": True, "content": "no clock"},
                                     {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "sunny"}, IMAGE_BLOCK]}]},
    ],
    "tools": [TOOL, {"name": "now", "input_schema": {"type": "object", "properties": {}}}],
    "tool_choice": {"type": "auto"},
    "temperature": 0.5, "top_p": 0.9, "top_k": 40, "stop_sequences": ["A", "B"],
    "metadata": {"user_id": "u"},
    "service_tier": "standard_only",
}  # fmt: skip


def contents(image_inside):
    result = {"name": "weather", "response": {"output": "sunny"}} | ({"parts": [INLINE]} if image_inside else {})
    return [
        {"role": "user", "parts": [{"text": "Look"}, INLINE, {"inlineData": {"mimeType": "application/pdf", "data": PDF}}]},
        {"role": "model", "parts": [{"text": "I look."}, {"functionCall": {"name": "weather", "args": {"city": "Köln", "n": 12345678901234567890}}},
                                    {"functionCall": {"name": "now", "args": {}}}]},
        {"role": "user", "parts": [{"functionResponse": result}, {"functionResponse": {"name": "now", "response": {"error": "no clock"}}},
                                   *([] if image_inside else [INLINE]), {"text": "and then"}]},
    ]  # fmt: skip


@check("Anthropic client, Gemini 2.5 upstream: a conversation with everything in it, {mode}", rows=["whole", "streamed"])
def _(lab, mode):
    pair = Pair(lab, "gemini", "gemini-2.5-flash")
    sent, lossy = pair.request("anthropic", MESSAGES, mode == "streamed")
    same(
        sent,
        {
            "systemInstruction": {"parts": [{"text": "Be brief."}]},
            "contents": contents(image_inside=False),
            "tools": [{"functionDeclarations": [{"name": "weather", "description": "The weather", "parametersJsonSchema": SCHEMA}, {"name": "now"}]}],
            "toolConfig": {"functionCallingConfig": {"mode": "AUTO"}},
            "generationConfig": {"maxOutputTokens": 100, "temperature": 0.5, "topP": 0.9, "topK": 40, "stopSequences": ["A", "B"]},
            "serviceTier": "standard",
        },
        "request",
    )  # fmt: skip
    target = "/v1beta/models/gemini-2.5-flash:" + ("streamGenerateContent?alt=sse" if mode == "streamed" else "generateContent")
    equal(pair.up.last.target, target, "the target")
    equal((pair.up.last.header("x-goog-api-key"), pair.up.last.header("authorization")), ("provider-key-one", None), "credentials")
    equal((pair.up.last.header("anthropic-version"), pair.up.last.header("x-api-key")), (None, None), "Anthropic's headers")
    equal(lossy, None, "x-proxyd-lossy")


@check("Anthropic client, Gemini 3 upstream: images go inside the result, and the turn's first call gets a signature")
def _(lab):
    body = MESSAGES | {"messages": [*MESSAGES["messages"][:2], {"role": "user", "content": MESSAGES["messages"][2]["content"][1:]}]}
    sent, _lossy = Pair(lab, "gemini", "gemini-3-pro-preview").request("anthropic", body)
    wanted = contents(image_inside=True)
    wanted[2]["parts"].pop()
    wanted[1]["parts"][1]["thoughtSignature"] = "skip_thought_signature_validator"
    same(sent["contents"], wanted, "contents")


@check("Anthropic client, Gemini 3 upstream: only the turn at hand needs signatures, each step its own")
def _(lab):
    def step(number):
        return [
            {"role": "assistant", "content": [{"type": "tool_use", "id": f"t{number}", "name": "now", "input": {}},
                                              {"type": "tool_use", "id": f"u{number}", "name": "now", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": f"{c}{number}", "content": "x"} for c in "tu"]},
        ]  # fmt: skip

    body = {
        "max_tokens": 9,
        "tools": [TOOL],
        "messages": [{"role": "user", "content": "a"}, *step(1), {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}, *step(2), *step(3)],
    }
    sent, _lossy = Pair(lab, "gemini", "gemini-3-flash-preview").request("anthropic", body)
    signatures = [[p.get("thoughtSignature") for p in c["parts"]] for c in sent["contents"] if "functionCall" in c["parts"][0]]
    skip = "skip_thought_signature_validator"
    equal(signatures, [[None, None], [skip, None], [skip, None]], "the signatures of each step's calls")


@check("Chat client, Gemini upstream: messages, media and parameters become what Gemini has for them")
def _(lab):
    body = {
        "messages": [
            {"role": "system", "content": "One."},
            {"role": "developer", "content": [{"type": "text", "text": "Two."}]},
            {"role": "user", "content": [
                {"type": "text", "text": "Look"}, {"type": "image_url", "image_url": {"url": DATA_URL, "detail": "low"}},
                {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}}]},
            {"role": "system", "content": "Later."},
            {"role": "assistant", "content": None, "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Rom"}'},
                 "extra_content": {"google": {"thought_signature": "c2ln"}}}]},
            {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
        ],
        "tools": [FUNCTION],
        "tool_choice": "required",
        "max_completion_tokens": 77, "temperature": 1.5, "top_p": 0.5, "seed": 7, "presence_penalty": 0.1, "frequency_penalty": 0.2,
        "logprobs": True, "top_logprobs": 3, "stop": "END",
        "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}},
        "user": "u", "n": 1,
    }  # fmt: skip
    sent, _lossy = Pair(lab, "gemini", "gemini-2.5-pro").request("openai", body)
    same(
        sent,
        {
            "systemInstruction": {"parts": [{"text": "One."}, {"text": "Two."}]},
            "contents": [
                {"role": "user", "parts": [{"text": "Look"}, INLINE, {"inlineData": {"mimeType": "audio/wav", "data": "UklGRg=="}},
                                           {"inlineData": {"mimeType": "application/pdf", "data": PDF}},
                                           {"text": "<system-reminder>\nLater.\n</system-reminder>"}]},
                {"role": "model", "parts": [{"functionCall": {"name": "weather", "args": {"city": "Rom"}}, "thoughtSignature": "c2ln"}]},
                {"role": "user", "parts": [{"functionResponse": {"name": "weather", "response": {"output": "sunny"}}}]},
            ],
            "tools": [{"functionDeclarations": [{"name": "weather", "description": "The weather", "parametersJsonSchema": SCHEMA}]}],
            "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
            "generationConfig": {
                "maxOutputTokens": 77, "temperature": 1.5, "topP": 0.5, "stopSequences": ["END"], "seed": 7, "presencePenalty": 0.1,
                "frequencyPenalty": 0.2, "responseLogprobs": True, "logprobs": 3,
                "responseMimeType": "application/json", "responseJsonSchema": SCHEMA,
            },
        },
        "request",
    )  # fmt: skip


@check("Chat client, Gemini upstream: missing results are made up, orphans become text, a prefill is dropped")
def _(lab):
    def call(name):
        return {"id": name, "type": "function", "function": {"name": "weather", "arguments": "{}"}}

    body = {
        "messages": [
            {"role": "user", "content": "a"},
            {"role": "assistant", "tool_calls": [call("c1"), call("c2")]},
            {"role": "tool", "tool_call_id": "c2", "content": "two"},
            {"role": "tool", "tool_call_id": "gone", "content": "orphan"},
            {"role": "assistant", "content": "The ans"},
        ],
        "tools": [FUNCTION],
    }
    sent, lossy = Pair(lab, "gemini", "gemini-2.5-pro").request("openai", body)
    same(
        sent["contents"][2:],
        [
            {
                "role": "user",
                "parts": [
                    {"functionResponse": {"name": "weather", "response": {"error": "No result was provided."}}},
                    {"functionResponse": {"name": "weather", "response": {"output": "two"}}},
                    {"text": "Tool result: orphan"},
                ],
            }
        ],
        "what follows the calls",
    )
    contains(lossy or "", "dropped", "x-proxyd-lossy")


THINKING = [
    ("2.5 flash off", "gemini-2.5-flash", {"thinking": {"type": "disabled"}}, {"thinkingBudget": 0}),
    ("2.5 pro off", "gemini-2.5-pro", {"thinking": {"type": "disabled"}}, {"thinkingBudget": 128}),
    ("2.5 adaptive", "gemini-2.5-flash", {"thinking": {"type": "adaptive"}}, {"thinkingBudget": -1, "includeThoughts": True}),
    ("2.5 budget", "gemini-2.5-flash", {"thinking": {"type": "enabled", "budget_tokens": 2000}}, {"thinkingBudget": 2000, "includeThoughts": True}),
    ("2.5 too large a budget", "gemini-2.5-flash", {"thinking": {"type": "enabled", "budget_tokens": 60000}}, {"thinkingBudget": 24576, "includeThoughts": True}),
    ("2.5 effort", "gemini-2.5-flash", {"thinking": {"type": "adaptive"}, "output_config": {"effort": "medium"}}, {"thinkingBudget": 8192, "includeThoughts": True}),
    ("3 adaptive", "gemini-3-pro-preview", {"thinking": {"type": "adaptive"}}, {"includeThoughts": True}),
    ("3 effort", "gemini-3-pro-preview", {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}, {"thinkingLevel": "low", "includeThoughts": True}),
    ("3 effort max", "gemini-3-pro-preview", {"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}, {"thinkingLevel": "high", "includeThoughts": True}),
    ("3 budget", "gemini-3-pro-preview", {"thinking": {"type": "enabled", "budget_tokens": 20000}}, {"thinkingLevel": "high", "includeThoughts": True}),
    ("3 pro off", "gemini-3-pro-preview", {"thinking": {"type": "disabled"}}, {"thinkingLevel": "low"}),
    ("3 flash off", "gemini-3-flash-preview", {"thinking": {"type": "disabled"}}, {"thinkingLevel": "minimal"}),
    ("nothing", "gemini-2.5-pro", {}, None),
]  # fmt: skip


@check("Anthropic client, Gemini upstream: thinking, {what}", rows=THINKING)
def _(lab, what, model, asked, wanted):
    body = {"max_tokens": 64000, "messages": [{"role": "user", "content": "Hi"}], **asked}
    sent, _lossy = Pair(lab, "gemini", model).request("anthropic", body)
    equal(sent["generationConfig"].get("thinkingConfig"), wanted, "thinkingConfig")


EFFORTS = [
    ("gemini-2.5-flash", "none", {"thinkingBudget": 0}),
    ("gemini-2.5-flash", "minimal", {"thinkingBudget": 512, "includeThoughts": True}),
    ("gemini-2.5-flash", "low", {"thinkingBudget": 1024, "includeThoughts": True}),
    ("gemini-2.5-flash", "high", {"thinkingBudget": 24576, "includeThoughts": True}),
    ("gemini-3-pro-preview", "minimal", {"thinkingLevel": "low", "includeThoughts": True}),
    ("gemini-3-pro-preview", "xhigh", {"thinkingLevel": "high", "includeThoughts": True}),
]


@check("Chat client, {model} upstream: the effort {effort}", rows=EFFORTS)
def _(lab, model, effort, wanted):
    sent, _lossy = Pair(lab, "gemini", model).request("openai", least("openai") | {"reasoning_effort": effort})
    equal(sent["generationConfig"]["thinkingConfig"], wanted, "thinkingConfig")


@check("Anthropic client, Gemini upstream: few tokens are raised by the budget for thoughts")
def _(lab):
    body = {"max_tokens": 2000, "thinking": {"type": "enabled", "budget_tokens": 1500}, "messages": [{"role": "user", "content": "Hi"}]}
    sent, _lossy = Pair(lab, "gemini", "gemini-2.5-flash").request("anthropic", body)
    equal(sent["generationConfig"]["maxOutputTokens"], 3500, "maxOutputTokens")


CHOICES = [
    ({"type": "any"}, {"mode": "ANY"}),
    ({"type": "tool", "name": "weather"}, {"mode": "ANY", "allowedFunctionNames": ["weather"]}),
    ({"type": "none"}, {"mode": "NONE"}),
    ({"type": "auto", "disable_parallel_tool_use": True}, {"mode": "AUTO"}),
]


@check("Anthropic client, Gemini upstream: tool_choice {choice}", rows=CHOICES)
def _(lab, choice, wanted):
    sent, lossy = Pair(lab, "gemini").request("anthropic", least("anthropic") | {"tools": [TOOL], "tool_choice": choice})
    equal(sent["toolConfig"], {"functionCallingConfig": wanted}, "toolConfig")
    if "disable_parallel_tool_use" in choice:
        contains(lossy or "", "disable_parallel_tool_use=dropped", "x-proxyd-lossy")


@check("Anthropic client, Gemini upstream: strict tools are asked for as VALIDATED")
def _(lab):
    body = least("anthropic") | {"tools": [TOOL | {"strict": True}], "tool_choice": {"type": "auto"}}
    sent, _lossy = Pair(lab, "gemini").request("anthropic", body)
    equal(sent["toolConfig"], {"functionCallingConfig": {"mode": "VALIDATED"}}, "toolConfig")


@check("Anthropic client, Gemini upstream: web search alone is Google's; beside functions it is dropped and named")
def _(lab):
    pair = Pair(lab, "gemini")
    search = {"type": "web_search_20250305", "name": "web_search"}
    fetch = {"type": "web_fetch_20250910", "name": "web_fetch"}
    code = {"type": "code_execution_20250825", "name": "code_execution"}
    sent, _lossy = pair.request("anthropic", least("anthropic") | {"tools": [search, fetch, code]})
    equal(sent["tools"], [{"googleSearch": {}}, {"urlContext": {}}, {"codeExecution": {}}], "the built-in tools")
    sent, lossy = pair.request("anthropic", least("anthropic") | {"tools": [search, TOOL]})
    equal([list(tool) for tool in sent["tools"]], [["functionDeclarations"]], "the tools beside a function")
    contains(lossy or "", "web_search=dropped", "x-proxyd-lossy")


REFUSED = [
    ("anthropic", "an image by address", {"max_tokens": 9, "messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}]}]}),
    ("anthropic", "an image by file id", {"max_tokens": 9, "messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "file", "file_id": "file_1"}}]}]}),
    ("anthropic", "MCP servers", least("anthropic") | {"mcp_servers": [{"type": "url", "url": "https://x", "name": "x"}]}),
    ("anthropic", "max_tokens 0", least("anthropic") | {"max_tokens": 0}),
    ("anthropic", "a computer tool", least("anthropic") | {"tools": [TOOL, {"type": "computer_20250124", "name": "computer", "display_width_px": 1, "display_height_px": 1}]}),
    ("openai", "n above 1", least("openai") | {"n": 2}),
    ("openai", "audio output", least("openai") | {"modalities": ["text", "audio"], "audio": {"voice": "x", "format": "wav"}}),
    ("openai", "a file by id", {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "file-1"}}]}]}),
]  # fmt: skip


@check("{client} client, Gemini upstream: {what} is refused", rows=REFUSED)
def _(lab, client, what, body):
    Pair(lab, "gemini").refused(client, body)


OPENAPI = "gem.json_schema_tools"
DIRTY = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "$defs": {"Place": {"type": "object", "title": "Place", "properties": {"name": {"type": "string"}}}, "Loop": {"$ref": "#/$defs/Loop"}},
    "properties": {
        "title": {"type": "string", "minLength": 1, "pattern": "^a"},
        "format": {"type": ["string", "null"], "format": "uri", "default": "x"},
        "place": {"$ref": "#/$defs/Place"},
        "loop": {"$ref": "#/$defs/Loop"},
        "kind": {"const": "a"},
        "level": {"type": "integer", "enum": [1, 2], "exclusiveMinimum": 0},
        "either": {"oneOf": [{"type": "string"}, {"type": "integer"}]},
        "both": {"allOf": [{"type": "object", "properties": {"a": {"type": "string"}}}, {"properties": {"b": {"type": "string"}}, "required": ["b"]}]},
    },
    "required": ["title", "gone"],
}


@check("Anthropic client, Gemini upstream without JSON Schema: schemas are cleaned where they are schemas, and only there")
def _(lab):
    pair = Pair(lab, "gemini", extra=f"capabilities: {{'*': {{{OPENAPI}: false}}}}")
    sent, _lossy = pair.request("anthropic", least("anthropic") | {"tools": [{"name": "t", "input_schema": DIRTY}]})
    declared = sent["tools"][0]["functionDeclarations"][0]
    expect("parametersJsonSchema" not in declared, "parameters, no JSON Schema", declared)
    schema = declared["parameters"]
    equal(set(schema), {"type", "properties", "required"}, "the members of the root")
    equal(schema["required"], ["title"], "required")
    p = schema["properties"]
    equal(set(p), set(DIRTY["properties"]), "the properties, one called title and one called format")
    equal((p["title"]["type"], "pattern" in p["title"]), ("string", False), "title")
    contains(p["title"]["description"], "^a", "the pattern in words")
    equal((p["format"]["type"], p["format"]["nullable"], set(p["format"])), ("string", True, {"type", "nullable"}), "format")
    equal(p["place"], {"type": "object", "properties": {"name": {"type": "string"}}}, "the reference put in")
    equal(p["loop"], {"type": "object"}, "a reference to itself")
    equal(p["kind"]["enum"], ["a"], "a constant")
    equal((p["level"]["type"], "enum" in p["level"]), ("integer", False), "an enum of numbers")
    contains(p["level"]["description"], "1", "the numbers in words")
    equal(p["either"]["anyOf"], [{"type": "string"}, {"type": "integer"}], "oneOf")
    equal((set(p["both"]["properties"]), p["both"]["required"], "allOf" in p["both"]), ({"a", "b"}, ["b"], False), "allOf")


@check("{client} client, Gemini upstream: tool names that Gemini would refuse come back as they were", rows=["anthropic", "openai"])
def _(lab, client):
    pair = Pair(lab, "gemini")
    name = "1 weird/name" if client == "openai" else "1weird-name"
    tools = [TOOL | {"name": name}] if client == "anthropic" else [{"type": "function", "function": {"name": name, "parameters": SCHEMA}}]
    pair.request(client, least(client) | {"tools": tools})
    sent = pair.up.last.json()["tools"][0]["functionDeclarations"][0]["name"]
    expect(sent != name and (sent[0].isalpha() or sent[0] == "_") and all(c.isalnum() or c in "_.:-" for c in sent), "a legal name", sent)
    got = pair.whole(client, gemini_answer({"functionCall": {"name": sent, "args": {}}}), without_options(least(client)) | {"tools": tools})
    back = got["content"][0]["name"] if client == "anthropic" else got["choices"][0]["message"]["tool_calls"][0]["function"]["name"]
    equal(back, name, "the name in the answer")


# ---------------------------------------------------------------- answers of a Gemini upstream

PARTS = [
    {"text": "Hm", "thought": True},
    {"text": "m.", "thought": True},
    {"text": "Hel"},
    {"text": "lo"},
    {"functionCall": {"name": "weather", "args": {"city": "Rom"}}, "thoughtSignature": "c2lnLTE="},
    {"functionCall": {"name": "weather", "args": {}}},
]
USAGE = {"promptTokenCount": 120, "cachedContentTokenCount": 30, "candidatesTokenCount": 5, "thoughtsTokenCount": 4, "toolUsePromptTokenCount": 10, "totalTokenCount": 139}


def chunk(*parts, finish=None, usage=None):
    candidate = {"content": {"role": "model", "parts": list(parts)}, "index": 0} | ({"finishReason": finish} if finish else {})
    return {"candidates": [candidate], "modelVersion": "really", "responseId": "r-1"} | ({"usageMetadata": usage} if usage else {})


def gemini_stream():
    first = {"trafficType": "ON_DEMAND"}
    return data_events(*(chunk(part, usage=first) for part in PARTS), chunk({"text": ""}, finish="STOP", usage=USAGE))


THINKS = {
    "anthropic": {"max_tokens": 900, "thinking": {"type": "adaptive"}, "messages": [{"role": "user", "content": "Hi"}]},
    "openai": least("openai"),
    "responses": {"input": "Hi"},
}


@check("Anthropic client, Gemini upstream, {mode}: thoughts, text, calls with derived ids, the call's seal before it", rows=["whole", "streamed"])
def _(lab, mode):
    pair = Pair(lab, "gemini", "gemini-3-pro-preview")
    if mode == "whole":
        got = pair.whole("anthropic", gemini_answer(*PARTS, usage=USAGE), THINKS["anthropic"])
        blocks, usage, reason = got["content"], got["usage"], got["stop_reason"]
    else:
        blocks, last = folded_messages(pair.stream("anthropic", gemini_stream(), THINKS["anthropic"]))
        usage, reason = last["usage"], last["delta"]["stop_reason"]
        for block in blocks:
            block["input"] = json.loads(block["json"] or "{}")
    equal([b["type"] for b in blocks], ["thinking", "text", "thinking", "tool_use", "tool_use"], "the blocks")
    equal((blocks[0]["thinking"], blocks[1]["text"], reason), ("Hmm.", "Hello", "tool_use"), "thought, text, reason")
    expect(blocks[2]["signature"].startswith("pxd1."), "the seal of the call", blocks[2])
    equal([b["input"] for b in blocks[3:]], [{"city": "Rom"}, {}], "the arguments")
    ids = [b["id"] for b in blocks[3:]]
    expect(all(i.startswith("toolu_") and len(i) == 30 for i in ids) and ids[0] != ids[1], "two derived ids", ids)
    wanted = {"input_tokens": 100, "cache_read_input_tokens": 30, "cache_creation_input_tokens": 0, "output_tokens": 9}
    same({key: usage[key] for key in wanted}, wanted, "usage")


@check("Anthropic client, Gemini 3 upstream: the signature of a call goes back on that call and on no other")
def _(lab):
    pair = Pair(lab, "gemini", "gemini-3-pro-preview")
    content = pair.whole("anthropic", gemini_answer(*PARTS), THINKS["anthropic"])["content"]
    results = [{"type": "tool_result", "tool_use_id": b["id"], "content": "x"} for b in content if b["type"] == "tool_use"]
    again = THINKS["anthropic"] | {"messages": [*THINKS["anthropic"]["messages"], {"role": "assistant", "content": content}, {"role": "user", "content": results}]}
    sent, _lossy = pair.request("anthropic", again)
    same(
        sent["contents"][1],
        {
            "role": "model",
            "parts": [
                {"text": "Hello"},
                {"functionCall": {"name": "weather", "args": {"city": "Rom"}}, "thoughtSignature": "c2lnLTE="},
                {"functionCall": {"name": "weather", "args": {}}},
            ],
        },
        "the model's content",
    )
    again["messages"][1] = {"role": "assistant", "content": [b for b in content if b["type"] != "thinking"]}
    sent, _lossy = pair.request("anthropic", again)
    equal([p.get("thoughtSignature") for p in sent["contents"][1]["parts"]], [None, "c2lnLTE=", None], "remembered by the call's id")


def chat_calls(got):
    """The calls of a Chat stream, put together by their index."""
    calls = {}
    for call in [c for v in got if v != "[DONE]" and v["choices"] for c in v["choices"][0]["delta"].get("tool_calls", [])]:
        known = calls.setdefault(call["index"], {"function": {"name": "", "arguments": ""}})
        known["function"]["name"] += call["function"].get("name", "")
        known["function"]["arguments"] += call["function"].get("arguments", "")
        known.update({key: value for key, value in call.items() if key != "function"})
    return [calls[index] for index in sorted(calls)]


@check("Chat client, Gemini 3 upstream: a call's signature is given, and remembered by its id where the client drops it, {mode}", rows=["whole", "streamed"])
def _(lab, mode):
    pair = Pair(lab, "gemini", "gemini-3-pro-preview")
    if mode == "whole":
        calls = pair.whole("openai", gemini_answer(*PARTS), without_options(least("openai")))["choices"][0]["message"]["tool_calls"]
    else:
        got = [value for _, value in pair.stream("openai", gemini_stream())]
        calls = chat_calls(got)
    equal(calls[0]["extra_content"]["google"]["thought_signature"], "c2lnLTE=", "the plain signature")
    expect("extra_content" not in calls[1], "none on the second call", calls[1])
    kept = [{"id": c["id"], "type": "function", "function": c["function"]} for c in calls]
    results = [{"role": "tool", "tool_call_id": c["id"], "content": "x"} for c in calls]
    sent, _lossy = pair.request("openai", {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": kept}, *results]})
    equal([p.get("thoughtSignature") for p in sent["contents"][1]["parts"]], ["c2lnLTE=", None], "the signatures that go back")


@check("Chat client, Gemini upstream, streamed: reasoning, text, whole calls, one finish, inclusive usage")
def _(lab):
    got = [value for _, value in Pair(lab, "gemini").stream("openai", gemini_stream())]
    equal(got[-1], "[DONE]", "the last event")
    usage = got[-2]["usage"]
    equal((usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]), (130, 9, 139), "usage")
    equal((usage["prompt_tokens_details"]["cached_tokens"], usage["completion_tokens_details"]["reasoning_tokens"]), (30, 4), "details")
    deltas = [v["choices"][0]["delta"] for v in got[:-2]]
    equal("".join(d.get("reasoning_content") or "" for d in deltas), "Hmm.", "reasoning_content")
    equal("".join(d.get("content") or "" for d in deltas), "Hello", "content")
    calls = [call for d in deltas for call in d.get("tool_calls", [])]
    equal(sorted({c["index"] for c in calls}), [0, 1], "the indexes")
    expect(all(c["id"].startswith("call_") for c in calls if "id" in c), "derived ids", calls)
    text = {i: "".join(c["function"].get("arguments", "") for c in calls if c["index"] == i) for i in (0, 1)}
    equal(text, {0: '{"city":"Rom"}', 1: "{}"}, "the arguments")
    finishes = [v["choices"][0]["finish_reason"] for v in got[:-2]]
    equal((finishes[-1], [f for f in finishes if f]), ("tool_calls", ["tool_calls"]), "finish_reason")


@check("Responses client, Gemini upstream, streamed: reasoning with a seal, message, calls")
def _(lab):
    got = Pair(lab, "gemini").stream("responses", gemini_stream())
    output = got[-1][1]["response"]["output"]
    calls = [item for item in output if item["type"] == "function_call"]
    equal([c["arguments"] for c in calls], ['{"city":"Rom"}', "{}"], "the calls")
    equal("".join(s["text"] for i in output if i["type"] == "reasoning" for s in i["summary"]), "Hmm.", "the summary")
    equal([i["content"][0]["text"] for i in output if i["type"] == "message"], ["Hello"], "the message")
    expect(all(c["call_id"].startswith("call_") for c in calls), "derived ids", calls)
    usage = got[-1][1]["response"]["usage"]
    equal((usage["input_tokens"], usage["output_tokens"], usage["input_tokens_details"]["cached_tokens"]), (130, 9, 30), "usage")


@check("Responses client, Gemini 3 upstream: a call's signature comes back to it")
def _(lab):
    pair = Pair(lab, "gemini", "gemini-3-pro-preview")
    output = pair.whole("responses", gemini_answer(*PARTS))["output"]
    results = [{"type": "function_call_output", "call_id": i["call_id"], "output": "x"} for i in output if i["type"] == "function_call"]
    sent, _lossy = pair.request("responses", {"input": [{"role": "user", "content": "Hi"}, *output, *results]})
    equal([p.get("thoughtSignature") for p in sent["contents"][1]["parts"]], [None, "c2lnLTE=", None], "the signatures")


@check("a signature of a Gemini call does not go to another vendor: {upstream}", rows=["anthropic", "openai", "responses"])
def _(lab, upstream):
    gemini, other = lab.upstream(), lab.upstream()
    proxy = lab.proxyd(f"""
upstreams: {{g: {gemini.declare("gemini")}, o: {other.declare(upstream)}}}
rules: [{{name: a, models: [first], tiers: [g/gemini-3-pro-preview]}}, {{name: b, tiers: [o/far-model]}}]
""")
    gemini.reply(whole(gemini_answer(*PARTS)))
    content = proxy.ask("anthropic", "first", max_tokens=900, thinking={"type": "adaptive"}).json()["content"]
    results = [{"type": "tool_result", "tool_use_id": b["id"], "content": "x"} for b in content if b["type"] == "tool_use"]
    answer = proxy.ask("anthropic", "second", max_tokens=900, messages=[
        {"role": "user", "content": "Hi"}, {"role": "assistant", "content": content}, {"role": "user", "content": results}], tools=[TOOL])  # fmt: skip
    equal(answer.status, 200, "the status")
    lacks(other.last.body, b"pxd1.", "the request")
    lacks(other.last.body, b"c2lnLTE", "the request")
    contains(other.last.body, b"Rom", "the request keeps the call")


FINISHES = [
    ("MAX_TOKENS", "max_tokens", "length"),
    ("RECITATION", "refusal", "content_filter"),
    ("PROHIBITED_CONTENT", "refusal", "content_filter"),
    ("OTHER", "end_turn", "stop"),
    ("NEVER_HEARD_OF", "end_turn", "stop"),
]


@check("Gemini's finishReason {finish} is {messages} and {chat}, whole and streamed", rows=FINISHES)
def _(lab, finish, messages, chat):
    pair = Pair(lab, "gemini")
    answer = gemini_answer({"text": "Hi"}, finish=finish)
    equal(pair.whole("anthropic", answer)["stop_reason"], messages, "Anthropic, whole")
    equal(pair.whole("openai", answer, without_options(least("openai")))["choices"][0]["finish_reason"], chat, "Chat, whole")
    got = [value for _, value in pair.stream("anthropic", data_events(answer))]
    equal([v["delta"]["stop_reason"] for v in got if v["type"] == "message_delta"], [messages], "Anthropic, streamed")


@check("a Gemini answer of no candidates is a refusal when the prompt was blocked, {mode}", rows=["whole", "streamed"])
def _(lab, mode):
    pair = Pair(lab, "gemini")
    answer = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 9, "totalTokenCount": 9}, "modelVersion": "m"}
    if mode == "whole":
        got = pair.whole("anthropic", answer)
        equal((got["content"], got["stop_reason"]), ([], "refusal"), "content, stop_reason")
        message = pair.whole("openai", answer, without_options(least("openai")))["choices"][0]
        equal((message["message"]["content"], message["finish_reason"]), (None, "content_filter"), "content, finish_reason")
    else:
        blocks, last = folded_messages(pair.stream("anthropic", data_events(answer)))
        equal((blocks, last["delta"]["stop_reason"]), ([], "refusal"), "blocks, stop_reason")


EMPTY = [
    ("no candidates", {"candidates": [], "usageMetadata": {}}),
    ("a malformed call", {"candidates": [{"content": {}, "finishReason": "MALFORMED_FUNCTION_CALL"}]}),
    ("no part and OTHER", {"candidates": [{"content": {"parts": []}, "finishReason": "OTHER"}]}),
]


@check("a Gemini answer of {what} is an upstream failure, {mode}", rows=[(w, a, m) for w, a in EMPTY for m in ("whole", "streamed")])
def _(lab, what, answer, mode):
    pair = Pair(lab, "gemini")
    pair.up.reply(stream(data_events(answer)) if mode == "streamed" else whole(answer))
    got = pair.ask("anthropic", least("anthropic"), streamed=mode == "streamed")
    equal((got.status, got.json()["error"]["type"]), (502, "api_error"), "status and type")
    if "finishReason" in str(answer):
        contains(got.json()["error"]["message"], answer["candidates"][0]["finishReason"], "the message")


@check("candidates that include the thoughts are not counted twice")
def _(lab):
    usage = {"promptTokenCount": 10, "candidatesTokenCount": 9, "thoughtsTokenCount": 4, "totalTokenCount": 19}
    got = Pair(lab, "gemini").whole("anthropic", gemini_answer({"text": "Hi"}, usage=usage))
    equal((got["usage"]["input_tokens"], got["usage"]["output_tokens"]), (10, 9), "usage")


@check("Anthropic client, Gemini upstream: arguments that come in pieces are one call")
def _(lab):
    said = data_events(
        chunk({"functionCall": {"name": "weather", "willContinue": True}, "thoughtSignature": "c2ln"}),
        chunk({"functionCall": {"partialArgs": [{"jsonPath": "$.city", "stringValue": "R", "willContinue": True}], "willContinue": True}}),
        chunk({"functionCall": {"partialArgs": [{"jsonPath": "$.city", "stringValue": "om"}, {"jsonPath": "$.n", "numberValue": 2}], "willContinue": True}}),
        chunk({"functionCall": {}}),
        chunk({"functionCall": {"name": "now"}}),
        chunk({"text": ""}, finish="STOP", usage=USAGE),
    )
    blocks, last = folded_messages(Pair(lab, "gemini").stream("anthropic", said))
    equal([(b["name"], b["json"] or "{}") for b in blocks], [("weather", '{"city":"Rom","n":2}'), ("now", "{}")], "the calls")
    equal(last["delta"]["stop_reason"], "tool_use", "stop_reason")


@check("Gemini upstream: an image in an answer is a note for Anthropic and Markdown for Chat; code is fenced")
def _(lab):
    pair = Pair(lab, "gemini")
    answer = gemini_answer({"text": "See: "}, INLINE, {"executableCode": {"language": "PYTHON", "code": "print(1)"}}, {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}})
    text = "".join(b["text"] for b in pair.whole("anthropic", answer)["content"])
    lacks(text, PNG, "the text for Anthropic")
    contains(text, "image", "the note for Anthropic")
    contains(text, "```python\nprint(1)\n```", "the code")
    chat = pair.whole("openai", answer, without_options(least("openai")))["choices"][0]["message"]["content"]
    contains(chat, f"![image]({DATA_URL})", "the text for Chat")


# ---------------------------------------------------------------- a Gemini client

CONTENTS = {
    "system_instruction": {"parts": [{"text": "Be brief."}]},
    "contents": [
        {"role": "user", "parts": [{"text": "Look"}, {"inline_data": {"mime_type": "image/png", "data": PNG}}]},
        {"role": "model", "parts": [{"text": "Hmm.", "thought": True}, {"functionCall": {"name": "weather", "args": {"city": "Köln"}}},
                                    {"functionCall": {"name": "weather", "args": {"city": "Rom"}}}]},
        {"role": "function", "parts": [{"functionResponse": {"name": "weather", "response": {"output": "sunny"}}},
                                       {"functionResponse": {"name": "weather", "response": {"error": "no"}}}]},
    ],
    "tools": [{"functionDeclarations": [{"name": "weather", "description": "The weather", "parameters": {
        "type": "OBJECT", "properties": {"city": {"type": "STRING", "description": "Where"}, "days": {"type": "INTEGER"}}, "required": ["city"]}}]}],
    "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["weather"]}},
    "generationConfig": {"maxOutputTokens": 100, "temperature": 0.5, "topP": 0.9, "topK": 40, "stopSequences": ["END"]},
    "safetySettings": [{"category": "HARM_CATEGORY_HATE_SPEECH", "threshold": "OFF"}],
    "labels": {"a": "b"},
}  # fmt: skip


@check("Gemini client, Anthropic upstream: a conversation with calls that have no ids, {mode}", rows=["whole", "streamed"])
def _(lab, mode):
    pair = Pair(lab, "anthropic")
    sent, _lossy = pair.request("gemini", CONTENTS, mode == "streamed")
    ids = [b["id"] for b in sent["messages"][1]["content"]]
    equal(ids, ["call_1_0", "call_1_1"], "the ids, by turn and place")
    same(
        sent,
        {
            "model": "far-model",
            "max_tokens": 100,
            "system": [{"type": "text", "text": "Be brief."}],
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "Look"}, IMAGE_BLOCK]},
                {"role": "assistant", "content": [{"type": "tool_use", "id": ids[0], "name": "weather", "input": {"city": "Köln"}},
                                                  {"type": "tool_use", "id": ids[1], "name": "weather", "input": {"city": "Rom"}}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": ids[0], "content": "sunny"},
                                             {"type": "tool_result", "tool_use_id": ids[1], "is_error": True, "content": "no"}]},
            ],
            "tools": [{"name": "weather", "description": "The weather", "input_schema": SCHEMA}],
            "tool_choice": {"type": "tool", "name": "weather"},
            "temperature": 0.5,
            "top_p": 0.9,
            "top_k": 40,
            "stop_sequences": ["END"],
            **({"stream": True} if mode == "streamed" else {}),
        },
        "request",
    )  # fmt: skip
    equal((pair.up.last.header("x-api-key"), pair.up.last.header("x-goog-api-key")), ("provider-key-one", None), "credentials")
    equal(pair.up.last.header("anthropic-version"), "2023-06-01", "anthropic-version")


@check("Gemini client, Chat upstream: a conversation with calls that have no ids")
def _(lab):
    sent, lossy = Pair(lab, "openai").request("gemini", CONTENTS, True)
    same(
        sent,
        {
            "model": "far-model",
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": [{"type": "text", "text": "Look"}, {"type": "image_url", "image_url": {"url": DATA_URL}}]},
                {"role": "assistant", "content": None, "tool_calls": [
                    {"id": "call_1_0", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Köln"}'}},
                    {"id": "call_1_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Rom"}'}}]},
                {"role": "tool", "tool_call_id": "call_1_0", "content": "sunny"},
                {"role": "tool", "tool_call_id": "call_1_1", "content": "Error: no"},
            ],
            "max_tokens": 100, "temperature": 0.5, "top_p": 0.9, "stop": ["END"],
            "stream": True, "stream_options": {"include_usage": True},
            "tools": [FUNCTION],
            "tool_choice": {"type": "function", "function": {"name": "weather"}},
        },
        "request",
    )  # fmt: skip
    contains(lossy or "", "topK=dropped", "x-proxyd-lossy")
    contains(lossy, "safetySettings=dropped", "x-proxyd-lossy")


GEMINI_REFUSED = [
    ("cachedContent", {"cachedContent": "cachedContents/x"}),
    ("candidateCount", {"generationConfig": {"candidateCount": 2}}),
    ("responseModalities", {"generationConfig": {"responseModalities": ["AUDIO"]}}),
]


@check("Gemini client, {upstream} upstream: {what} is refused and named", rows=[(u, w, b) for w, b in GEMINI_REFUSED for u in ("anthropic", "openai")])
def _(lab, upstream, what, body):
    error = Pair(lab, upstream).refused("gemini", least("gemini") | body)
    contains(error["message"], what, "the message")


@check("Gemini client, Anthropic upstream: the schema and the thinking of generationConfig")
def _(lab):
    body = least("gemini") | {"generationConfig": {
        "responseMimeType": "application/json", "responseSchema": {"type": "OBJECT", "properties": {"a": {"type": "STRING", "nullable": True}}},
        "thinkingConfig": {"thinkingBudget": 2048, "includeThoughts": True}}}  # fmt: skip
    sent, _lossy = Pair(lab, "anthropic", "claude-sonnet-4-5").request("gemini", body)
    equal(sent["thinking"], {"type": "enabled", "budget_tokens": 2048}, "thinking")
    schema = sent["output_config"]["format"]["schema"]
    equal((schema["type"], schema["properties"]["a"]["type"]), ("object", ["string", "null"]), "the schema's types")


@check("Gemini client, Anthropic upstream, {mode}: thoughts with their seal, text, whole calls, usage", rows=["whole", "streamed"])
def _(lab, mode):
    pair = Pair(lab, "anthropic", "claude-sonnet-4-5")
    body = least("gemini") | {"generationConfig": {"thinkingConfig": {"thinkingBudget": 2048, "includeThoughts": True}}}
    if mode == "whole":
        answer = {
            **FROM_ANTHROPIC[0]["message"],
            "content": [{"type": "thinking", "thinking": "Hmm.", "signature": "sig-A"}, {"type": "text", "text": "Hello"},
                        {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Rom"}},
                        {"type": "tool_use", "id": "toolu_2", "name": "now", "input": {}}],
            "stop_reason": "tool_use",
            "usage": {"input_tokens": 11, "cache_creation_input_tokens": 3, "cache_read_input_tokens": 5, "output_tokens": 7},
        }  # fmt: skip
        got = [pair.whole("gemini", answer, body)]
    else:
        pair.up.reply(stream(named_events(*FROM_ANTHROPIC)))
        raw = pair.ask("gemini", body, streamed=True)
        lines = [line for line in raw.body.split(b"\n") if line]
        expect(all(line.startswith(b"data: {") for line in lines), "every line begins with `data: `", lines)
        got = [value for _, value in told(raw.body)]
    parts = [part for value in got for part in value["candidates"][0]["content"]["parts"]]
    equal("".join(p["text"] for p in parts if p.get("thought")), "Hmm.", "the thoughts")
    equal("".join(p["text"] for p in parts if "text" in p and not p.get("thought")), "Hello", "the text")
    calls = [part["functionCall"] for part in parts if "functionCall" in part]
    equal([(c["name"], c["args"]) for c in calls], [("weather", {"city": "Rom"}), ("now", {})], "the calls")
    equal([v["candidates"][0]["finishReason"] for v in got if "finishReason" in v["candidates"][0]], ["STOP"], "finishReason")
    same(got[-1]["usageMetadata"], {"promptTokenCount": 19, "cachedContentTokenCount": 5, "candidatesTokenCount": 7, "totalTokenCount": 26}, "usage")
    equal({(v["modelVersion"], v["candidates"][0]["content"]["role"]) for v in got}, {("really", "model")}, "model and role")

    seals = [p["thoughtSignature"] for p in parts if "thoughtSignature" in p]
    expect(len(seals) == 1 and base64.b64decode(seals[0], altchars=b"-_", validate=True), "one seal, and it is base64", seals)
    history = [{"role": "user", "parts": [{"text": "Hi"}]}, {"role": "model", "parts": parts},
               {"role": "user", "parts": [{"functionResponse": {"id": c["id"], "name": c["name"], "response": {"output": "x"}}} for c in calls]}]  # fmt: skip
    sent, _lossy = pair.request("gemini", body | {"contents": history, "tools": CONTENTS["tools"]})
    same(sent["messages"][1]["content"][0], {"type": "thinking", "thinking": "Hmm.", "signature": "sig-A"}, "the thought that goes back")


@check("Gemini client: without alt=sse a converted stream is a JSON array, {upstream} upstream", rows=["anthropic", "openai"])
def _(lab, upstream):
    pair = Pair(lab, upstream)
    answer = pair.ask("gemini", least("gemini"), path=STREAM_PATH.partition("?")[0])
    equal(answer.status, 200, "the status")
    contains(answer.header("content-type") or "", "application/json", "the content type")
    chunks = answer.json()
    expect(isinstance(chunks, list) and len(chunks) > 1, "an array of chunks", chunks)
    text = "".join(p.get("text", "") for c in chunks for p in c["candidates"][0]["content"]["parts"])
    expect(text.startswith("Hello"), "the text", text)
    equal(chunks[-1]["candidates"][0]["finishReason"], "STOP", "finishReason")


GEMINI_STOPS = [
    ("anthropic", "max_tokens", "MAX_TOKENS"),
    ("anthropic", "refusal", "SAFETY"),
    ("anthropic", "stop_sequence", "STOP"),
    ("openai", "length", "MAX_TOKENS"),
    ("openai", "content_filter", "SAFETY"),
]


@check("Gemini client: {upstream}'s {reason} is {finish}", rows=GEMINI_STOPS)
def _(lab, upstream, reason, finish):
    if upstream == "openai":
        answer = chat_answer("Hi", reason)
    else:
        answer = {**FROM_ANTHROPIC[0]["message"], "content": [{"type": "text", "text": "Hi"}], "stop_reason": reason}
    equal(Pair(lab, upstream).whole("gemini", answer)["candidates"][0]["finishReason"], finish, "finishReason")


@check("Gemini client, Chat upstream, streamed: reasoning, interleaved calls sent whole")
def _(lab):
    def piece(index, arguments, **more):
        function = {"arguments": arguments, **({"name": "weather"} if more else {})}
        return {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"tool_calls": [{"index": index, "function": function, **more}]}, "finish_reason": None}]}

    said = data_events(
        {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"reasoning": "Hm."}, "finish_reason": None}]},
        piece(0, '{"city":', id="a", type="function"),
        piece(1, "{}", id="b", type="function"),
        piece(0, '"Rom"}'),
        {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]},
        {"id": "c", "model": "m", "choices": [], "usage": {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15}},
        done=True,
    )
    body = least("gemini") | {"generationConfig": {"thinkingConfig": {"includeThoughts": True}}}
    got = [value for _, value in Pair(lab, "openai").stream("gemini", said, body)]
    parts = [p for v in got for p in v["candidates"][0]["content"]["parts"]]
    equal([p["functionCall"]["args"] for p in parts if "functionCall" in p], [{"city": "Rom"}, {}], "the calls")
    equal([p["text"] for p in parts if p.get("thought") and p.get("text")], ["Hm."], "the thought")
    equal(got[-1]["usageMetadata"], {"promptTokenCount": 12, "candidatesTokenCount": 3, "totalTokenCount": 15}, "usage")
