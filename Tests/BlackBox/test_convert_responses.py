"""Responses on either side: what the other side is asked, and what comes back, whole and streamed."""

from checks import check, equal, expect, lacks
from conversions import PDF, PNG, SCHEMA, Pair, data_events, least, named_events, same
from upstream import stream, whole

DATA_URL = f"data:image/png;base64,{PNG}"
WEATHER = {"type": "function", "name": "weather", "description": "The weather", "parameters": SCHEMA}

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
IMAGE_BLOCK = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}


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
            "tools": [{"name": "weather", "description": "The weather", "input_schema": SCHEMA}],
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
            "tools": [
                {"type": "function", "function": {"name": "weather", "description": "The weather", "parameters": SCHEMA}}
            ],
        },
        "the request",
    )


@check("Responses client, Gemini upstream: a conversation with parallel calls, a late message and an image in a result")
def _(lab):
    sent, _lossy = Pair(lab, "gemini", "gemini-2.5-flash").request("responses", CONVERSATION)
    image = {"inlineData": {"mimeType": "image/png", "data": PNG}}
    same(
        sent,
        {
            "systemInstruction": {"parts": [{"text": "Be brief."}, {"text": "In English."}]},
            "contents": [
                {"role": "user", "parts": [{"text": "What is this?"}, image]},
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
                        image,
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
        "gemini-2.5-pro",
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
    known = {"model", "messages", "contents", "tools", "output_config", *wanted} | ({"prompt_cache_key"} if upstream == "openai" else set())
    equal(set(sent) - known, set(), "members the upstream would not know")


SIMPLE = {"role": "user", "content": "Hi"}
REFUSED = [
    ("previous_response_id", {"input": "Hi", "previous_response_id": "resp_1"}, "previous_response_id"),
    ("conversation", {"input": "Hi", "conversation": "conv_1"}, "conversation"),
    ("background", {"input": "Hi", "background": True}, "background"),
    ("prompt", {"input": "Hi", "prompt": {"id": "pmpt_1"}}, "prompt"),
    ("an item reference", {"input": [SIMPLE, {"type": "item_reference", "id": "msg_1"}]}, "input[1]"),
    ("a hosted tool that is forced", {"input": "Hi", "tools": [{"type": "file_search"}], "tool_choice": {"type": "file_search"}}, "tool_choice"),
    (
        "an image by file id",
        {"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "file-1"}]}]},
        "input[0].content[0].file_id",
    ),
]
PAIRED_REFUSALS = [(what, upstream, body, param) for what, body, param in REFUSED for upstream in ("anthropic", "openai", "gemini")]


@check("Responses client, {upstream} upstream: {what} is refused and named", rows=PAIRED_REFUSALS)
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
            SIMPLE,
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


def chat_answer(text=None, finish=None, usage=None, **message):
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "really",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text, **message},
                "finish_reason": finish or ("tool_calls" if "tool_calls" in message else "stop"),
            }
        ],
        "usage": usage or {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    }


def gemini_answer(*parts, finish="STOP", usage=None):
    return {
        "candidates": [{"content": {"role": "model", "parts": list(parts)}, "finishReason": finish, "index": 0}],
        "usageMetadata": usage or {"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15},
        "modelVersion": "really",
        "responseId": "r-1",
    }


# ---------------------------------------------------------------- answers to a Responses client

FROM_ANTHROPIC = [
    {
        "type": "message_start",
        "message": {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "really",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": 11, "cache_creation_input_tokens": 3, "cache_read_input_tokens": 5, "output_tokens": 1},
        },
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "", "signature": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm"}},
    {"type": "ping"},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "m."}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "sig-A"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "Hel"}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "lo"}},
    {"type": "content_block_stop", "index": 1},
    {"type": "content_block_start", "index": 2, "content_block": {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}}},
    {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": '{"city":'}},
    {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": '"Rom"}'}},
    {"type": "content_block_stop", "index": 2},
    {"type": "content_block_start", "index": 3, "content_block": {"type": "tool_use", "id": "toolu_2", "name": "now", "input": {}}},
    {"type": "content_block_stop", "index": 3},
    {"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": None}, "usage": {"output_tokens": 7}},
    {"type": "message_stop"},
]
ITEM_EVENTS = [
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.reasoning_summary_part.added",
    "response.reasoning_summary_text.delta",
    "response.reasoning_summary_text.delta",
    "response.reasoning_summary_text.done",
    "response.reasoning_summary_part.done",
    "response.output_item.done",
    "response.output_item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.output_item.added",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
    "response.output_item.done",
    "response.output_item.added",
    "response.function_call_arguments.done",
    "response.output_item.done",
    "response.completed",
]
RESPONSE_MEMBERS = {
    "id", "object", "created_at", "status", "error", "incomplete_details", "instructions", "max_output_tokens", "metadata", "model",
    "output", "parallel_tool_calls", "previous_response_id", "reasoning", "store", "temperature", "text", "tool_choice", "tools",
    "top_p", "truncation", "usage",
}  # fmt: skip


def checked_events(got):
    """A Responses stream whose names, numbers and indexes are right; gives the values."""
    for number, (name, value) in enumerate(got):
        equal(name, value["type"], "the name of an event")
        equal(value["sequence_number"], number, f"the sequence number of {name}")
        if name.startswith("response.output_item"):
            expect("output_index" in value and value["item"]["id"], "index and id", value)
        elif name not in ("response.created", "response.in_progress", "response.completed", "response.incomplete", "response.failed"):
            expect({"item_id", "output_index"} <= set(value), f"{name} has item_id and output_index", value)
            if "summary" in name:
                equal(value["summary_index"], 0, "summary_index")
            elif "text" in name or "part" in name or "refusal" in name:
                equal(value["content_index"], 0, "content_index")
    added = [value["output_index"] for name, value in got if name == "response.output_item.added"]
    equal(added, list(range(len(added))), "output_index of the items")
    done = [value["item"] for name, value in got if name == "response.output_item.done"]
    last = got[-1][1]["response"]
    equal(last["output"], done, "the output of the last event is the items that were done")
    expect(RESPONSE_MEMBERS <= set(last), f"the response has {RESPONSE_MEMBERS - set(last)}", last)
    for name, value in got[:2]:
        equal((value["response"]["status"], value["response"]["output"]), ("in_progress", []), name)
    return [value for _, value in got]


@check("Responses client, Anthropic upstream, streamed: thoughts, text and two calls as items, every event in its place")
def _(lab):
    got = Pair(lab, "anthropic").stream("responses", named_events(*FROM_ANTHROPIC), {"input": "Hi", "metadata": {"a": "b"}})
    values = [value for value in checked_events(got) if not (value["type"].endswith("arguments.delta") and value["output_index"] == 3)]
    equal([value["type"] for value in values], ITEM_EVENTS, "the events")
    last = values[-1]["response"]
    reasoning, message, first, second = last["output"]
    equal(reasoning["summary"], [{"type": "summary_text", "text": "Hmm."}], "the summary")
    expect(reasoning["encrypted_content"].startswith("pxd1."), "the seal in its envelope", reasoning)
    equal((message["status"], message["role"]), ("completed", "assistant"), "status and role")
    equal(message["content"][0]["text"], "Hello", "the text")
    equal(
        [(call["call_id"], call["name"], call["arguments"], call["status"]) for call in (first, second)],
        [("toolu_1", "weather", '{"city":"Rom"}', "completed"), ("toolu_2", "now", "{}", "completed")],
        "the calls",
    )
    equal((reasoning["id"][:3], message["id"][:4], first["id"][:3], last["id"][:5]), ("rs_", "msg_", "fc_", "resp_"), "the ids")
    equal((last["status"], last["model"], last["store"], last["metadata"]), ("completed", "really", False, {"a": "b"}), "status …")
    same(
        last["usage"],
        {
            "input_tokens": 19,
            "input_tokens_details": {"cached_tokens": 5, "cache_write_tokens": 3},
            "output_tokens": 7,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 26,
        },
        "usage",
    )


@check("Responses client, Anthropic upstream: the thought goes back to Anthropic as it came, the call with it")
def _(lab):
    pair = Pair(lab, "anthropic", "claude-sonnet-4-5")
    got = pair.stream("responses", named_events(*FROM_ANTHROPIC), {"input": "Hi", "reasoning": {"effort": "high", "summary": "auto"}})
    output = got[-1][1]["response"]["output"]
    results = [{"type": "function_call_output", "call_id": call, "output": "x"} for call in ("toolu_1", "toolu_2")]
    sent, _lossy = pair.request(
        "responses", {"input": [SIMPLE, *output, *results], "tools": [WEATHER], "reasoning": {"effort": "high", "summary": "auto"}}
    )
    same(
        sent["messages"][1]["content"],
        [
            {"type": "thinking", "thinking": "Hmm.", "signature": "sig-A"},
            {"type": "text", "text": "Hello"},
            {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Rom"}},
            {"type": "tool_use", "id": "toolu_2", "name": "now", "input": {}},
        ],
        "the assistant's turn",
    )
    equal(sent["thinking"]["type"], "enabled", "thinking stays on")


@check("Responses client, Chat upstream, streamed: reasoning, text, parallel calls that interleave")
def _(lab):
    def chunk(delta, finish=None):
        return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "really", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}

    def call(index, **function):
        return {"tool_calls": [{"index": index, **({"id": function.pop("id")} if "id" in function else {}), "type": "function", "function": function}]}

    said = data_events(
        {"id": "", "choices": [], "prompt_filter_results": []},
        chunk({"role": "assistant", "content": ""}),
        chunk({"reasoning_content": "Hmm."}),
        chunk({"reasoning_content": "", "content": "Hello"}),
        chunk(call(1, id="a", name="weather", arguments="")),
        chunk(call(1, arguments='{"city":')),
        chunk(call(2, id="b", name="weather", arguments="{}")),
        chunk(call(1, arguments='"Rom"}')),
        chunk({}, "tool_calls"),
        {"id": "c", "choices": [], "usage": {"prompt_tokens": 120, "completion_tokens": 9, "total_tokens": 129,
         "prompt_tokens_details": {"cached_tokens": 30, "cache_write_tokens": 20}, "completion_tokens_details": {"reasoning_tokens": 4}}},
        done=True,
    )  # fmt: skip
    values = checked_events(Pair(lab, "openai").stream("responses", said))
    last = values[-1]["response"]
    equal([item["type"] for item in last["output"]], ["reasoning", "message", "function_call", "function_call"], "the items")
    equal([item["arguments"] for item in last["output"][2:]], ['{"city":"Rom"}', "{}"], "the arguments")
    equal([item["call_id"] for item in last["output"][2:]], ["a", "b"], "the call ids")
    same(
        last["usage"],
        {
            "input_tokens": 120,
            "input_tokens_details": {"cached_tokens": 30, "cache_write_tokens": 20},
            "output_tokens": 9,
            "output_tokens_details": {"reasoning_tokens": 4},
            "total_tokens": 129,
        },
        "usage",
    )


@check("Responses client: an answer with only a call has no ghost of a message, {upstream} upstream", rows=["anthropic", "openai", "gemini"])
def _(lab, upstream):
    said = {
        "anthropic": named_events(FROM_ANTHROPIC[0], *[e | {"index": 0} for e in FROM_ANTHROPIC[11:15]], *FROM_ANTHROPIC[-2:]),
        "openai": data_events(
            {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"role": "assistant", "content": "", "tool_calls": [
                {"index": 0, "id": "a", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Rom"}'}}]},
                "finish_reason": None}]},
            {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "stop"}]},
            done=True,
        ),
        "gemini": data_events(gemini_answer({"functionCall": {"name": "weather", "args": {"city": "Rom"}}})),
    }[upstream]  # fmt: skip
    values = checked_events(Pair(lab, upstream).stream("responses", said))
    equal(
        [(item["type"], item["name"], item["arguments"]) for item in values[-1]["response"]["output"]],
        [("function_call", "weather", '{"city":"Rom"}')],
        "the output",
    )
    expect(values[-1]["response"]["output"][0]["call_id"], "a call id", values[-1])


STOPS = [
    ("anthropic", "max_tokens", "incomplete", "max_output_tokens"),
    ("anthropic", "model_context_window_exceeded", "incomplete", "max_output_tokens"),
    ("anthropic", "refusal", "incomplete", "content_filter"),
    ("anthropic", "pause_turn", "completed", None),
    ("anthropic", "stop_sequence", "completed", None),
    ("openai", "length", "incomplete", "max_output_tokens"),
    ("openai", "content_filter", "incomplete", "content_filter"),
    ("gemini", "MAX_TOKENS", "incomplete", "max_output_tokens"),
    ("gemini", "SAFETY", "incomplete", "content_filter"),
    ("gemini", "STOP", "completed", None),
]


@check("Responses client: {upstream}'s {reason} is {status}, whole and streamed", rows=[row for row in STOPS])
def _(lab, upstream, reason, status, detail):
    pair = Pair(lab, upstream)
    if upstream == "anthropic":
        answer = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [{"type": "text", "text": "Hi"}],
                  "stop_reason": reason, "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1}}  # fmt: skip
        said = named_events(*FROM_ANTHROPIC[:1], *[e | {"index": 0} for e in FROM_ANTHROPIC[7:11]],
                            {**FROM_ANTHROPIC[-2], "delta": {"stop_reason": reason, "stop_sequence": None}}, FROM_ANTHROPIC[-1])  # fmt: skip
    elif upstream == "openai":
        answer = chat_answer("Hi", reason)
        said = data_events(
            {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": None}]},
            {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]},
            done=True,
        )
    else:
        answer = gemini_answer({"text": "Hi"}, finish=reason)
        said = data_events(answer)
    wholly = pair.whole("responses", answer)
    equal((wholly["status"], (wholly["incomplete_details"] or {}).get("reason")), (status, detail), "of a whole answer")
    name, last = pair.stream("responses", said)[-1]
    equal((name, last["response"]["status"]), (f"response.{status}", status), "of a stream")
    equal((last["response"]["incomplete_details"] or {}).get("reason"), detail, "the reason of a stream")


@check("Responses client, Anthropic upstream: a call cut by the limit keeps its raw arguments and is incomplete")
def _(lab):
    said = named_events(
        FROM_ANTHROPIC[0],
        FROM_ANTHROPIC[11] | {"index": 0},
        FROM_ANTHROPIC[12] | {"index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "max_tokens", "stop_sequence": None}, "usage": {"output_tokens": 9}},
        {"type": "message_stop"},
    )
    values = checked_events(Pair(lab, "anthropic").stream("responses", said))
    call = values[-1]["response"]["output"][0]
    equal((call["arguments"], call["status"]), ('{"city":', "incomplete"), "arguments and status")
    equal(values[-1]["type"], "response.incomplete", "the last event")


@check("Responses client: a free-text tool is a function upstream, and its call comes back as free text, {upstream}", rows=["anthropic", "openai", "gemini"])
def _(lab, upstream):
    pair = Pair(lab, upstream)
    body = {
        "input": [SIMPLE, {"type": "custom_tool_call", "call_id": "c0", "name": "patch", "input": "*** a"},
                  {"type": "custom_tool_call_output", "call_id": "c0", "output": "done"}],
        "tools": [{"type": "custom", "name": "patch", "description": "Patch", "format": {"type": "text"}}],
    }  # fmt: skip
    arguments = {"input": "*** Begin\n\"x\""}
    said = {
        "anthropic": named_events(
            FROM_ANTHROPIC[0],
            {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "id": "t", "name": "patch", "input": {}}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": '{"input":"*** Beg'}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": 'in\\n\\"x\\""}'}},
            {"type": "content_block_stop", "index": 0},
            *FROM_ANTHROPIC[-2:],
        ),
        "openai": data_events(
            {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "id": "t", "type": "function",
             "function": {"name": "patch", "arguments": '{"input":"*** Begin\\n\\"x\\""}'}}]}, "finish_reason": "tool_calls"}]},
            done=True,
        ),
        "gemini": data_events(gemini_answer({"functionCall": {"id": "t", "name": "patch", "args": arguments}})),
    }[upstream]  # fmt: skip
    values = checked_events(pair.stream("responses", said, body))
    item = values[-1]["response"]["output"][0]
    equal((item["type"], item["name"], item["input"]), ("custom_tool_call", "patch", arguments["input"]), "the call")
    kinds = [value["type"] for value in values]
    expect("response.custom_tool_call_input.done" in kinds and "response.function_call_arguments.done" not in kinds, "its events", kinds)


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


# ---------------------------------------------------------------- a Responses upstream

MESSAGES = {
    "max_tokens": 100,
    "system": [{"type": "text", "text": "One."}, {"type": "text", "text": "Two."}],
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "Look"}, IMAGE_BLOCK,
                                     {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}, "title": "a.pdf"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "I look."}, {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Köln", "n": 12345678901234567890}},
                                          {"type": "tool_use", "id": "toolu_2", "name": "weather", "input": {}}]},
        {"role": "user", "content": [{"type": "text", "text": "and then"}, {"type": "tool_result", "tool_use_id": "toolu_1", "content": "sunny"},
                                     {"type": "tool_result", "tool_use_id": "toolu_2", "is_error": True, "content": [{"type": "text", "text": "no"}, IMAGE_BLOCK]}]},
    ],
    "tools": [{"name": "weather", "description": "The weather", "input_schema": SCHEMA}],
    "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
    "metadata": {"user_id": "u-1"},
    "stop_sequences": ["END"],
    "temperature": 0.5,
    "top_k": 3,
}  # fmt: skip
AS_ITEMS = {
    "model": "far-model",
    "instructions": "One.\n\nTwo.",
    "input": [
        {"type": "message", "role": "user", "content": [
            {"type": "input_text", "text": "Look"},
            {"type": "input_image", "image_url": DATA_URL, "detail": "auto"},
            {"type": "input_file", "filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look.", "annotations": []}]},
        {"type": "function_call", "call_id": "toolu_1", "name": "weather", "arguments": '{"city":"Köln","n":12345678901234567890}'},
        {"type": "function_call", "call_id": "toolu_2", "name": "weather", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "toolu_1", "output": "sunny"},
        {"type": "function_call_output", "call_id": "toolu_2", "output": [
            {"type": "input_text", "text": "Error: no"}, {"type": "input_image", "image_url": DATA_URL, "detail": "auto"}]},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "and then"}]},
    ],
    "max_output_tokens": 100,
    "temperature": 0.5,
    "tools": [{"type": "function", "name": "weather", "description": "The weather", "parameters": SCHEMA, "strict": False}],
    "tool_choice": "required",
    "parallel_tool_calls": False,
    "store": False,
    "include": ["reasoning.encrypted_content"],
    "safety_identifier": "u-1",
}  # fmt: skip


@check("Anthropic client, Responses upstream: a conversation becomes items, nothing is stored, {mode}", rows=["whole", "streamed"])
def _(lab, mode):
    pair = Pair(lab, "responses")
    sent, lossy = pair.request("anthropic", MESSAGES, mode == "streamed")
    same(sent, AS_ITEMS | {"stream": mode == "streamed"}, "request")
    equal(pair.up.last.path, "/v1/responses", "the path")
    equal(set((lossy or "").split(";")), {"stop_sequences=emulated", "top_k=dropped"}, "x-proxyd-lossy")
    equal((pair.up.last.header("authorization"), pair.up.last.header("anthropic-version")), ("Bearer provider-key-one", None), "headers")


@check("Chat client, Responses upstream: messages, format and reasoning become what Responses has for them")
def _(lab):
    pair = Pair(lab, "responses", "gpt-5.1")
    body = {
        "messages": [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": None, "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ""}}]},
            {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
            {"role": "system", "content": "Faster."},
        ],
        "tools": [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA, "strict": True}}],
        "reasoning_effort": "high",
        "verbosity": "low",
        "temperature": 1.5,
        "max_completion_tokens": 10,
        "response_format": {"type": "json_schema", "json_schema": {"name": "out", "schema": SCHEMA, "strict": True}},
    }  # fmt: skip
    sent, lossy = pair.request("openai", body)
    same(
        sent,
        {
            "model": "gpt-5.1",
            "instructions": "Be brief.",
            "input": [
                {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
                {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "call_1", "output": "sunny"},
                {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "Faster."}]},
            ],
            "max_output_tokens": 10,
            "tools": [{"type": "function", "name": "weather", "parameters": SCHEMA, "strict": True}],
            "reasoning": {"effort": "high", "summary": "auto"},
            "text": {"format": {"type": "json_schema", "name": "out", "schema": SCHEMA, "strict": True}, "verbosity": "low"},
            "store": False,
            "include": ["reasoning.encrypted_content"],
            "stream": False,
        },
        "request",
    )
    equal(lossy, "temperature=dropped", "x-proxyd-lossy")


def response(*output, status="completed", **more):
    return {
        "id": "resp_up", "object": "response", "created_at": 1, "status": status, "model": "really", "error": None,
        "incomplete_details": None, "output": list(output),
        "usage": {"input_tokens": 120, "input_tokens_details": {"cached_tokens": 30, "cache_write_tokens": 20}, "output_tokens": 9,
                  "output_tokens_details": {"reasoning_tokens": 4}, "total_tokens": 129},
        **more,
    }  # fmt: skip


REASONING = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}, {"type": "summary_text", "text": "So."}], "encrypted_content": "enc-1"}
TEXT = {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [{"type": "output_text", "text": "Hello", "annotations": []}]}
CALL_1 = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "weather", "arguments": '{"city":"Rom"}', "status": "completed"}
CALL_2 = {"type": "function_call", "id": "fc_2", "call_id": "call_2", "name": "weather", "arguments": "{}", "status": "completed"}


def streamed_response(interleaved=True):
    def event(kind, **more):
        return {"type": kind, **more}

    return named_events(
        event("response.created", response=response(status="in_progress")),
        event("response.in_progress", response=response(status="in_progress")),
        event("response.output_item.added", output_index=0, item=REASONING | {"summary": [], "encrypted_content": "part"}),
        event("response.reasoning_summary_part.added", item_id="rs_1", output_index=0, summary_index=0, part={"type": "summary_text", "text": ""}),
        event("response.reasoning_summary_text.delta", item_id="rs_1", output_index=0, summary_index=0, delta="Hm."),
        event("response.reasoning_summary_text.done", item_id="rs_1", output_index=0, summary_index=0, text="Hm."),
        event("response.reasoning_summary_part.added", item_id="rs_1", output_index=0, summary_index=1, part={"type": "summary_text", "text": ""}),
        event("response.reasoning_summary_text.delta", item_id="rs_1", output_index=0, summary_index=1, delta="So."),
        event("response.output_item.done", output_index=0, item=REASONING),
        event("response.output_item.added", output_index=1, item=TEXT | {"content": [], "status": "in_progress"}),
        event("response.content_part.added", item_id="msg_1", output_index=1, content_index=0, part={"type": "output_text", "text": ""}),
        event("response.output_text.delta", item_id="msg_1", output_index=1, content_index=0, delta="Hel"),
        event("response.never_heard_of", output_index=1),
        event("response.output_text.delta", item_id="msg_1", output_index=1, content_index=0, delta="lo"),
        event("response.output_item.done", output_index=1, item=TEXT),
        event("response.output_item.added", output_index=2, item=CALL_1 | {"arguments": ""}),
        event("response.output_item.added", output_index=3, item=CALL_2 | {"arguments": ""}),
        event("response.function_call_arguments.delta", item_id="fc_1", output_index=2, delta='{"city":'),
        event("response.function_call_arguments.delta", item_id="fc_2", output_index=3, delta="{}"),
        event("response.function_call_arguments.delta", item_id="fc_1", output_index=2, delta='"Rom"}'),
        event("response.output_item.done", output_index=2, item=CALL_1),
        event("response.output_item.done", output_index=3, item=CALL_2),
        event("response.completed", response=response(REASONING, TEXT, CALL_1, CALL_2)),
    )  # fmt: skip


THINKS = {"max_tokens": 2000, "thinking": {"type": "adaptive"}, "messages": [SIMPLE]}


def folded_messages(got):
    """An Anthropic stream as its blocks and its last delta; the order of its events is checked."""
    blocks, open_index, last = [], None, None
    equal((got[0][0], got[-1][0]), ("message_start", "message_stop"), "first and last event")
    for name, value in got:
        equal(name, value["type"], "the name of an event")
        if name == "content_block_start":
            equal((open_index, value["index"]), (None, len(blocks)), "no other block is open, and the next index")
            open_index = value["index"]
            blocks.append(dict(value["content_block"]))
            blocks[-1]["json"] = ""
        elif name == "content_block_delta":
            equal(value["index"], open_index, "the index of the open block")
            delta = value["delta"]
            block = blocks[-1]
            kinds = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "thinking", "input_json_delta": "tool_use"}
            equal(block["type"], kinds[delta["type"]], "the block's kind for this delta")
            block["text"] = block.get("text", "") + delta.get("text", "")
            block["thinking"] = block.get("thinking", "") + delta.get("thinking", "")
            block["json"] += delta.get("partial_json", "")
            block["signature"] = delta.get("signature", block.get("signature"))
        elif name == "content_block_stop":
            equal(value["index"], open_index, "the index of the open block")
            open_index = None
        elif name == "message_delta":
            last = value
    equal(open_index, None, "no block is left open")
    return blocks, last


@check("Anthropic client, Responses upstream, streamed: thoughts with their seal, text, interleaved calls one after the other")
def _(lab):
    pair = Pair(lab, "responses", "gpt-5")
    blocks, last = folded_messages(pair.stream("anthropic", streamed_response(), THINKS))
    equal([b["type"] for b in blocks], ["thinking", "text", "tool_use", "tool_use"], "the blocks")
    equal((blocks[0]["thinking"], blocks[0]["signature"][:5], blocks[1]["text"]), ("Hm.\n\nSo.", "pxd1.", "Hello"), "thought, seal, text")
    equal([(b["id"], b["name"], b["json"] or "{}") for b in blocks[2:]], [("call_1", "weather", '{"city":"Rom"}'), ("call_2", "weather", "{}")], "the calls")
    equal(last["delta"], {"stop_reason": "tool_use", "stop_sequence": None}, "the delta")
    usage = {"input_tokens": 70, "cache_read_input_tokens": 30, "cache_creation_input_tokens": 20, "output_tokens": 9}
    same({key: last["usage"][key] for key in usage}, usage, "usage")


@check("Anthropic client, Responses upstream: the sealed thought goes back as a reasoning item before its call")
def _(lab):
    pair = Pair(lab, "responses", "gpt-5")
    got = pair.whole("anthropic", response(REASONING, TEXT, CALL_1), THINKS)
    equal([b["type"] for b in got["content"]], ["thinking", "text", "tool_use"], "the blocks")
    equal((got["content"][0]["thinking"], got["stop_reason"], got["type"], got["role"]), ("Hm.\n\nSo.", "tool_use", "message", "assistant"), "…")
    answered = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": "x"}]}
    sent, _lossy = pair.request("anthropic", THINKS | {"messages": [SIMPLE, {"role": "assistant", "content": got["content"]}, answered]})
    equal([item["type"] for item in sent["input"]], ["message", "reasoning", "message", "function_call", "function_call_output"], "the items")
    equal((sent["input"][1]["encrypted_content"], sent["input"][1]["summary"]), ("enc-1", [{"type": "summary_text", "text": "Hm.\n\nSo."}]), "the reasoning item")


@check("Anthropic client that did not ask for thinking sees none of a Responses upstream's, {mode}", rows=["whole", "streamed"])
def _(lab, mode):
    pair = Pair(lab, "responses", "gpt-5")
    if mode == "whole":
        content = pair.whole("anthropic", response(REASONING, TEXT))["content"]
    else:
        content = folded_messages(pair.stream("anthropic", streamed_response()))[0][:1]
    equal((content[0]["type"], content[0]["text"]), ("text", "Hello"), "the first block")


@check("Chat client, Responses upstream, streamed: reasoning_content, text, calls by index, one finish, usage, [DONE]")
def _(lab):
    got = [value for _, value in Pair(lab, "responses", "gpt-5").stream("openai", streamed_response())]
    equal(got[-1], "[DONE]", "the last event")
    usage = got[-2]
    equal((usage["choices"], usage["usage"]["prompt_tokens"], usage["usage"]["prompt_tokens_details"]["cached_tokens"]), ([], 120, 30), "usage")
    equal((usage["usage"]["completion_tokens"], usage["usage"]["completion_tokens_details"]["reasoning_tokens"], usage["usage"]["total_tokens"]), (9, 4, 129), "usage")
    chunks = got[:-2]
    expect(len({(c["id"], c["created"], c["model"], c["object"]) for c in chunks}) == 1, "one id, time and model", chunks)
    deltas = [c["choices"][0]["delta"] for c in chunks]
    equal("".join(d.get("reasoning_content") or "" for d in deltas), "Hm.\n\nSo.", "reasoning_content")
    equal("".join(d.get("content") or "" for d in deltas), "Hello", "content")
    calls = {}
    for call in [call for d in deltas for call in d.get("tool_calls", [])]:
        known = calls.setdefault(call["index"], {"arguments": ""})
        known.update({"id": call.get("id", known.get("id")), "name": call["function"].get("name", known.get("name"))})
        known["arguments"] += call["function"].get("arguments", "")
    equal(calls, {0: {"id": "call_1", "name": "weather", "arguments": '{"city":"Rom"}'}, 1: {"id": "call_2", "name": "weather", "arguments": "{}"}}, "calls")
    equal([c["choices"][0]["finish_reason"] for c in chunks if c["choices"][0]["finish_reason"]], ["tool_calls"], "finish_reason")


@check("Gemini client, Responses upstream: text, whole calls and usage, {mode}", rows=["whole", "streamed"])
def _(lab, mode):
    pair = Pair(lab, "responses", "gpt-5")
    body = {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}], "generationConfig": {"thinkingConfig": {"includeThoughts": True}}}
    if mode == "whole":
        got = [pair.whole("gemini", response(REASONING, TEXT, CALL_1, CALL_2), body)]
    else:
        got = [value for _, value in pair.stream("gemini", streamed_response(), body)]
    parts = [part for value in got for part in value["candidates"][0]["content"]["parts"]]
    equal("".join(p["text"] for p in parts if p.get("thought") and "text" in p), "Hm.\n\nSo.", "the thoughts")
    equal("".join(p["text"] for p in parts if "text" in p and not p.get("thought")), "Hello", "the text")
    calls = [part["functionCall"] for part in parts if "functionCall" in part]
    equal([(c["name"], c["args"]) for c in calls], [("weather", {"city": "Rom"}), ("weather", {})], "the calls")
    finishes = [value["candidates"][0].get("finishReason") for value in got]
    equal([f for f in finishes if f], ["STOP"], "finishReason")
    usage = got[-1]["usageMetadata"]
    same(usage, {"promptTokenCount": 120, "cachedContentTokenCount": 30, "candidatesTokenCount": 5, "thoughtsTokenCount": 4, "totalTokenCount": 129}, "usage")
    expect(all(value["modelVersion"] == "really" and value["responseId"] for value in got), "model and id in each", got)


ENDINGS = [
    ("anthropic", {"reason": "max_output_tokens"}, "max_tokens"),
    ("anthropic", {"reason": "content_filter"}, "refusal"),
    ("openai", {"reason": "max_output_tokens"}, "length"),
    ("openai", {"reason": "content_filter"}, "content_filter"),
    ("gemini", {"reason": "max_output_tokens"}, "MAX_TOKENS"),
    ("gemini", {"reason": "content_filter"}, "SAFETY"),
]


def stop_of(client, value):
    return {"anthropic": lambda: value["stop_reason"], "openai": lambda: value["choices"][0]["finish_reason"],
            "gemini": lambda: value["candidates"][0]["finishReason"]}[client]()  # fmt: skip


@check("{client} client: a Responses answer that is incomplete because of {details} is {stop}", rows=ENDINGS)
def _(lab, client, details, stop):
    got = Pair(lab, "responses").whole(client, response(TEXT, status="incomplete", incomplete_details=details))
    equal(stop_of(client, got), stop, "the reason")


@check("a refusal of a Responses upstream is one for a {client} client", rows=["anthropic", "openai"])
def _(lab, client):
    refusal = TEXT | {"content": [{"type": "refusal", "refusal": "I will not."}]}
    got = Pair(lab, "responses").whole(client, response(refusal))
    if client == "openai":
        message = got["choices"][0]["message"]
        equal((message["content"], message["refusal"]), (None, "I will not."), "content, refusal")
    else:
        equal((got["stop_reason"], got["content"]), ("refusal", []), "stop_reason, content")
        same(got["stop_details"], {"type": "refusal", "category": None, "explanation": "I will not."}, "stop_details")


@check("{client} client: a stop sequence is looked for in a Responses upstream's stream, cut anywhere", rows=["anthropic", "openai"])
def _(lab, client):
    pair = Pair(lab, "responses")
    words = ["one tw", "o ST", "OP three", " four"]
    said = named_events(
        {"type": "response.created", "response": response(status="in_progress")},
        *({"type": "response.output_text.delta", "item_id": "m", "output_index": 0, "content_index": 0, "delta": w} for w in words),
        {"type": "response.completed", "response": response(TEXT)},
    )
    field = "stop_sequences" if client == "anthropic" else "stop"
    got = [value for _, value in pair.stream(client, said, least(client) | {field: ["STOP"]})]
    if client == "anthropic":
        text = "".join(v["delta"].get("text", "") for v in got if v["type"] == "content_block_delta")
        delta = next(v["delta"] for v in got if v["type"] == "message_delta")
        equal((text, delta["stop_reason"], delta["stop_sequence"]), ("one two ", "stop_sequence", "STOP"), "text and reason")
    else:
        chunks = [v for v in got if v != "[DONE]" and v["choices"]]
        text = "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks)
        equal((text, chunks[-1]["choices"][0]["finish_reason"]), ("one two ", "stop"), "text and reason")
    lacks(str(pair.up.last.json()), "STOP", "the request")


@check("a Responses upstream that answers a streamed request whole is streamed to a {client} client", rows=["anthropic", "openai", "gemini"])
def _(lab, client):
    pair = Pair(lab, "responses")
    pair.up.reply(whole(response(TEXT)))
    answer = pair.ask(client, least(client), streamed=True)
    equal(answer.status, 200, "the status")
    expect((answer.header("content-type") or "").startswith("text/event-stream"), "a stream", answer.header("content-type"))
    expect(b"Hello" in answer.body, "the text", answer.body)


@check("a Responses upstream's stream without names of events is read by their type")
def _(lab):
    pair = Pair(lab, "responses")
    said = b"".join(line + b"\n\n" for line in streamed_response().split(b"\n") if line.startswith(b"data"))
    pair.up.reply(stream(said))
    answer = pair.ask("anthropic", THINKS, streamed=True)
    expect(b"message_stop" in answer.body and b'"Rom\\"}' in answer.body, "the whole answer", answer.body)
