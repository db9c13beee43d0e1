"""A Gemini upstream: the request that it gets from an Anthropic or a Chat client."""

from answers import gemini_answer
from checks import check, contains, equal, expect
from conversions import DATA_URL, FUNCTION, IMAGE_BLOCK, INLINE, PDF, SCHEMA, TOOL, USER, Pair, least, same, without_options

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
    sent, _lossy = Pair(lab, "gemini", "gemini-3-pro-preview").request("openai", body)
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


@check("Anthropic client, Gemini upstream: thinking, {what}", rows=THINKING, together=True)
def _(lab, what, model, asked, wanted):
    body = {"max_tokens": 64000, "messages": [USER], **asked}
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


@check("Chat client, {model} upstream: the effort {effort}", rows=EFFORTS, together=True)
def _(lab, model, effort, wanted):
    sent, _lossy = Pair(lab, "gemini", model).request("openai", least("openai") | {"reasoning_effort": effort})
    equal(sent["generationConfig"]["thinkingConfig"], wanted, "thinkingConfig")


@check("Anthropic client, {model} upstream: few tokens are raised by the budget for thoughts", rows=["gemini-2.5-flash", "gemini-3-pro-preview"])
def _(lab, model):
    body = {"max_tokens": 2000, "thinking": {"type": "enabled", "budget_tokens": 1500}, "messages": [USER]}
    pair = Pair(lab, "gemini", model)
    sent, _lossy = pair.request("anthropic", body)
    equal(sent["generationConfig"]["maxOutputTokens"], 3500, "maxOutputTokens")
    sent, _lossy = pair.request("openai", {"max_tokens": 500, "reasoning_effort": "medium", "messages": [USER]})
    equal(sent["generationConfig"]["maxOutputTokens"], 8692, "maxOutputTokens beside an effort")
    sent, _lossy = pair.request("openai", {"max_tokens": 500, "messages": [USER]})
    equal(sent["generationConfig"]["maxOutputTokens"], 500, "maxOutputTokens where nobody asks for thoughts")


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


@check("{client} client, Gemini upstream: {what} is refused", rows=REFUSED, together=True)
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
