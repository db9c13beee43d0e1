"""For the checks of conversion: answers as upstreams of each format give them, and a stream as Anthropic's clients read it."""

from checks import equal


def chat_answer(text=None, finish=None, usage=None, **message):
    """A whole answer of a Chat upstream."""
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
    """A whole answer of a Gemini upstream, and a chunk of a stream that has all of it."""
    return {
        "candidates": [{"content": {"role": "model", "parts": list(parts)}, "finishReason": finish, "index": 0}],
        "usageMetadata": usage or {"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15},
        "modelVersion": "really",
        "responseId": "r-1",
    }


def response(*output, status="completed", **more):
    """A whole answer of a Responses upstream."""
    return {
        "id": "resp_up", "object": "response", "created_at": 1, "status": status, "model": "really", "error": None,
        "incomplete_details": None, "output": list(output),
        "usage": {"input_tokens": 120, "input_tokens_details": {"cached_tokens": 30, "cache_write_tokens": 20}, "output_tokens": 9,
                  "output_tokens_details": {"reasoning_tokens": 4}, "total_tokens": 129},
        **more,
    }  # fmt: skip


# The stream of an Anthropic upstream: thoughts with their signature, text, a call in pieces, one without arguments.
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
