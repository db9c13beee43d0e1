"""A Responses client before every other upstream: the request that the upstream gets."""

from answers import chat_answer, gemini_answer
from checks import check, equal, expect
from conversions import DATA_URL, FUNCTION, IMAGE_BLOCK, INLINE, SCHEMA, TOOL, USER, WEATHER, Pair, same

# A conversation with everything in it: two calls at once, a message between call and result, an image in a result.
CONVERSATION = {
    "instructions": "Be brief.",
    "input": [
        {"role": "developer", "content": "In English."},
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "What is this?"},
                {"type": "input_image", "image_url": DATA_URL, "detail": "original"},
            ],
        },
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Let me see.", "annotations": []}]},
        {"type": "function_call", "id": "fc_1", "call_id": "call_a", "name": "weather", "arguments": '{"city":"Köln","days":1.0}'},
        {"type": "function_call", "id": "fc_2", "call_id": "call_b", "name": "weather", "arguments": ""},
        {"role": "user", "content": "Hurry up"},
        {"type": "function_call_output", "call_id": "call_a", "output": "sunny"},
        {
            "type": "function_call_output",
            "call_id": "call_b",
            "output": [{"type": "input_text", "text": "a map"}, {"type": "input_image", "image_url": DATA_URL}],
        },
    ],
    "tools": [WEATHER],
    "max_output_tokens": 100,
}


@check("Responses client: messages of the model that follow one another are told apart at {upstream}", rows=["openai", "anthropic", "gemini"])
def _(lab, upstream):
    said = [{"role": "assistant", "content": [{"type": "output_text", "text": one} for one in texts]} for texts in (["On", "ly."], ["Two."])]
    sent, _ = Pair(lab, upstream).request("responses", {"input": [USER, *said, USER]})
    if upstream == "openai":
        equal(sent["messages"][1], {"role": "assistant", "content": "Only.\n\nTwo."}, "the model's message")
    else:
        turn = sent["messages"][1]["content"] if upstream == "anthropic" else sent["contents"][1]["parts"]
        equal([one["text"] for one in turn], ["On", "ly.", "Two."], "the model's texts")


@check("Responses client, Anthropic upstream: a conversation with parallel calls, a late message and an image in a result")
def _(lab):
    sent, lossy = Pair(lab, "anthropic").request("responses", CONVERSATION)
    same(
        sent,
        {
            "model": "far-model",
            "max_tokens": 100,
            "system": [{"type": "text", "text": "Be brief."}, {"type": "text", "text": "In English."}],
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "What is this?"}, IMAGE_BLOCK]},
                {
                    "role": "assistant",
                    "content": [
                        {"type": "text", "text": "Let me see."},
                        {"type": "tool_use", "id": "call_a", "name": "weather", "input": {"city": "Köln", "days": 1.0}},
                        {"type": "tool_use", "id": "call_b", "name": "weather", "input": {}},
                    ],
                },
                {
                    "role": "user",
                    "content": [
                        {"type": "tool_result", "tool_use_id": "call_a", "content": "sunny"},
                        {
                            "type": "tool_result",
                            "tool_use_id": "call_b",
                            "content": [{"type": "text", "text": "a map"}, IMAGE_BLOCK],
                        },
                        {"type": "text", "text": "Hurry up"},
                    ],
                },
            ],
            "tools": [TOOL],
        },
        "request",
    )
    equal(lossy, None, "x-proxyd-lossy")


@check("Responses client, Chat upstream: a conversation with parallel calls, a late message and an image in a result")
def _(lab):
    sent, _lossy = Pair(lab, "openai").request("responses", CONVERSATION)
    image = {"type": "image_url", "image_url": {"url": DATA_URL}}
    messages = sent["messages"]
    same(
        messages,
        [
            {"role": "system", "content": [{"type": "text", "text": "Be brief."}, {"type": "text", "text": "In English."}]},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is this?"},
                    {"type": "image_url", "image_url": {"url": DATA_URL, "detail": "high"}},
                ],
            },
            {
                "role": "assistant",
                "content": "Let me see.",
                "tool_calls": [
                    {"id": "call_a", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Köln","days":1.0}'}},
                    {"id": "call_b", "type": "function", "function": {"name": "weather", "arguments": "{}"}},
                ],
            },
            {"role": "tool", "tool_call_id": "call_a", "content": "sunny"},
            {"role": "tool", "tool_call_id": "call_b", "content": "a map"},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": messages[5]["content"][0]["text"]},
                    image,
                    {"type": "text", "text": "Hurry up"},
                ],
            },
        ],
        "messages",
    )
    expect("call_b" in messages[5]["content"][0]["text"], "the image is introduced by its call's id", messages[5])
    same(
        {key: value for key, value in sent.items() if key != "messages"},
        {
            "model": "far-model",
            "max_tokens": 100,
            "tools": [FUNCTION],
        },
        "the request",
    )


@check("Responses client, Gemini upstream: a conversation with parallel calls, a late message and an image in a result")
def _(lab):
    sent, _lossy = Pair(lab, "gemini", "gemini-2.5-flash").request("responses", CONVERSATION)
    same(
        sent,
        {
            "systemInstruction": {"parts": [{"text": "Be brief."}, {"text": "In English."}]},
            "contents": [
                {"role": "user", "parts": [{"text": "What is this?"}, INLINE]},
                {
                    "role": "model",
                    "parts": [
                        {"text": "Let me see."},
                        {"functionCall": {"name": "weather", "args": {"city": "Köln", "days": 1.0}}},
                        {"functionCall": {"name": "weather", "args": {}}},
                    ],
                },
                {
                    "role": "user",
                    "parts": [
                        {"functionResponse": {"name": "weather", "response": {"output": "sunny"}}},
                        {"functionResponse": {"name": "weather", "response": {"output": "a map"}}},
                        INLINE,
                        {"text": "Hurry up"},
                    ],
                },
            ],
            "tools": [
                {
                    "functionDeclarations": [
                        {"name": "weather", "description": "The weather", "parametersJsonSchema": SCHEMA}
                    ]
                }
            ],
            "generationConfig": {"maxOutputTokens": 100},
        },
        "request",
    )


OPTIONS = {
    "input": "Hi",
    "temperature": 0.5,
    "top_p": 0.25,
    "metadata": {"a": "b"},
    "user": "u-1",
    "safety_identifier": "s-1",
    "prompt_cache_key": "k",
    "store": True,
    "include": ["reasoning.encrypted_content"],
    "truncation": "auto",
    "max_output_tokens": 50,
    "tools": [WEATHER],
    "tool_choice": {"type": "function", "name": "weather"},
    "parallel_tool_calls": False,
    "text": {"format": {"type": "json_schema", "name": "out", "schema": SCHEMA, "strict": False}},
}
OPTION_ROWS = [
    (
        "anthropic",
        "claude-sonnet-4-5",
        {
            "temperature": 0.5,
            "metadata": {"user_id": "s-1"},
            "tool_choice": {"type": "tool", "name": "weather", "disable_parallel_tool_use": True},
            "max_tokens": 50,
        },
    ),
    (
        "openai",
        "far-model",
        {
            "temperature": 0.5,
            "top_p": 0.25,
            "user": "s-1",
            "tool_choice": {"type": "function", "function": {"name": "weather"}},
            "parallel_tool_calls": False,
            "max_tokens": 50,
            "response_format": {"type": "json_schema", "json_schema": {"name": "out", "schema": SCHEMA, "strict": False}},
        },
    ),
    (
        "gemini",
        "gemini-3-pro-preview",
        {
            "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["weather"]}},
            "generationConfig": {
                "maxOutputTokens": 50,
                "temperature": 0.5,
                "topP": 0.25,
                "responseMimeType": "application/json",
                "responseJsonSchema": SCHEMA,
            },
        },
    ),
]


@check("Responses client, {upstream} upstream: sampling, choice, format and user are said in its words", rows=OPTION_ROWS)
def _(lab, upstream, model, wanted):
    sent, _lossy = Pair(lab, upstream, model).request("responses", OPTIONS)
    same({key: sent.get(key) for key in wanted}, wanted, "request")
    known = {"model", "messages", "contents", "tools", "output_config", *wanted}
    equal(set(sent) - known, set(), "members the upstream would not know")


REFUSED = [
    ("conversation", {"input": "Hi", "conversation": "conv_1"}, "conversation"),
    ("background", {"input": "Hi", "background": True}, "background"),
    ("prompt", {"input": "Hi", "prompt": {"id": "pmpt_1"}}, "prompt"),
    ("an item reference", {"input": [USER, {"type": "item_reference", "id": "msg_1"}]}, "input[1]"),
    ("a hosted tool that is forced", {"input": "Hi", "tools": [{"type": "file_search"}], "tool_choice": {"type": "file_search"}}, "tool_choice"),
    (
        "an image by file id",
        {"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "file-1"}]}]},
        "input[0].content[0].file_id",
    ),
]
PAIRED_REFUSALS = [(what, upstream, body, param) for what, body, param in REFUSED for upstream in ("anthropic", "openai", "gemini")]


@check("Responses client, {upstream} upstream: {what} is refused and named", rows=PAIRED_REFUSALS, together=True)
def _(lab, what, upstream, body, param):
    Pair(lab, upstream).refused("responses", body, param)


@check("Responses client, {upstream} upstream: hosted tools are left out and named where others remain", rows=["anthropic", "openai", "gemini"])
def _(lab, upstream):
    tools = [WEATHER, {"type": "web_search"}, {"type": "file_search", "vector_store_ids": ["v"]}]
    sent, lossy = Pair(lab, upstream).request("responses", {"input": "Hi", "tools": tools})
    text = str(sent["tools"])
    expect("weather" in text and "search" not in text.lower(), "only the function is declared", sent["tools"])
    expect("web_search=dropped" in (lossy or "") and "file_search=dropped" in lossy, "both are named", lossy)


@check("Responses client, {upstream} upstream: namespaces are flattened, and split again in the answer", rows=["anthropic", "openai", "gemini"])
def _(lab, upstream):
    pair = Pair(lab, upstream)
    child = {"type": "function", "name": "find", "parameters": SCHEMA}
    body = {
        "input": [
            USER,
            {"type": "function_call", "call_id": "c1", "name": "find", "namespace": "crm", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": "none"},
        ],
        "tools": [{"type": "namespace", "name": "crm", "tools": [child]}, WEATHER],
    }
    answers = {
        "anthropic": {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "m",
            "content": [{"type": "tool_use", "id": "toolu_1", "name": "crm__find", "input": {"city": "Rom"}}],
            "stop_reason": "tool_use",
            "stop_sequence": None,
            "usage": {"input_tokens": 1, "output_tokens": 1},
        },
        "openai": chat_answer(tool_calls=[{"id": "call_1", "type": "function", "function": {"name": "crm__find", "arguments": '{"city":"Rom"}'}}]),
        "gemini": gemini_answer({"functionCall": {"name": "crm__find", "args": {"city": "Rom"}}}),
    }
    got = pair.whole("responses", answers[upstream], body)
    expect("crm__find" in str(pair.up.last.json()), "the flat name is sent", pair.up.last.json())
    call = got["output"][0]
    equal((call["type"], call["namespace"], call["name"], call["arguments"]), ("function_call", "crm", "find", '{"city":"Rom"}'), "the call")


@check("Responses client: reasoning effort, {upstream} {model}", rows=[
    ("anthropic", "claude-sonnet-4-5", {"thinking": {"type": "enabled", "budget_tokens": 8192}, "max_tokens": 10000}),
    ("anthropic", "claude-opus-4-7", {"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": "medium"}}),
    ("openai", "gpt-5", {"reasoning_effort": "medium"}),
    ("gemini", "gemini-2.5-flash", {"generationConfig": {"maxOutputTokens": 10000, "thinkingConfig": {"thinkingBudget": 8192, "includeThoughts": True}}}),
    ("gemini", "gemini-3-pro-preview", {"generationConfig": {"maxOutputTokens": 10000, "thinkingConfig": {"thinkingLevel": "medium", "includeThoughts": True}}}),
])  # fmt: skip
def _(lab, upstream, model, wanted):
    body = {"input": "Hi", "max_output_tokens": 10000, "reasoning": {"effort": "medium", "summary": "auto"}}
    sent, _lossy = Pair(lab, upstream, model).request("responses", body)
    same({key: sent.get(key) for key in wanted}, wanted, "request")
