"""A Responses client before every other upstream: the answer that the client gets, whole and streamed."""

from answers import FROM_ANTHROPIC, chat_answer, gemini_answer
from checks import check, equal, expect
from conversions import USER, WEATHER, Pair, data_events, named_events, same

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
    equal((last["status"], last["model"], last["store"], last["metadata"]), ("completed", "really", True, {"a": "b"}), "status …")
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
        "responses", {"input": [USER, *output, *results], "tools": [WEATHER], "reasoning": {"effort": "high", "summary": "auto"}}
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


@check("Responses client: {upstream}'s {reason} is {status}, whole and streamed", rows=[row for row in STOPS], together=True)
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
        "input": [USER, {"type": "custom_tool_call", "call_id": "c0", "name": "patch", "input": "*** a"},
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
