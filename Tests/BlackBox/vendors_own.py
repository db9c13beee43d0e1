"""As vendors.py, for the formats of Anthropic, Google and OpenAI's Responses: strict servers that play the same scene."""

import json
import re

from dialects import compact
from upstream import stream, whole
from vendors import CALLS, MUSING, WORDS, Refused

MESSAGES = set(
    "model max_tokens messages system tools tool_choice thinking output_config stream temperature top_p top_k stop_sequences metadata "
    "service_tier cache_control context_management container mcp_servers inference_geo speed".split()
)
RESPONSES = set(
    "model input instructions tools tool_choice parallel_tool_calls reasoning text include store stream max_output_tokens metadata "
    "temperature top_p prompt_cache_key prompt_cache_retention safety_identifier service_tier truncation user previous_response_id "
    "client_metadata stream_options top_logprobs background max_tool_calls conversation prompt context_management".split()
)
GEMINI = set("contents systemInstruction tools toolConfig generationConfig safetySettings cachedContent serviceTier labels store".split())


class Own:
    """A server of one format; a subclass reads and writes it."""

    lists = True

    def __init__(self, model):
        self.model, self.refusals, self.bodies, self.thought = model, [], [], []
        self.serial = 0  # of answers: no two calls have the same id

    def __call__(self, request, wire):
        if request.method == "GET":
            return whole({"object": "list", "data": []})(request, wire)
        try:
            body = json.loads(request.body)
            self.bodies.append(body)
            turn = self.read(body, request)
        except Refused as refused:
            self.refusals.append(f"{refused.member}: {refused.text or 'not taken'}")
            return whole(self.error(f"{refused.member}: {refused.text or 'Extra inputs are not permitted'}"), 400)(request, wire)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as odd:
            self.refusals.append(f"malformed: {type(odd).__name__} {odd}")
            return whole(self.error(f"malformed: {odd}"), 400)(request, wire)
        self.serial += 1
        thinks = self.thinks(body)
        self.thought.append(thinks)
        if request.streamed:
            return stream(self.stream(body, turn, thinks))(request, wire)
        return whole(self.whole(body, turn, thinks))(request, wire)

    def error(self, text):
        return {"error": {"message": text, "type": "invalid_request_error", "param": None, "code": None}}

    def known(self, body, names):
        for name in body:
            if name not in names:
                raise Refused(name)
        if "model" in names and body["model"] != self.model:
            raise Refused("model", f"no such model: {body['model']}")


class Messages(Own):
    """Anthropic's, or a compatible one: `signed` says whether its thoughts are, `always` whether it thinks unless told not to."""

    def __init__(self, model, signed=True, always=False):
        super().__init__(model)
        self.signed, self.always = signed, always

    def error(self, text):
        return {"type": "error", "error": {"type": "invalid_request_error", "message": text}, "request_id": "req_1"}

    def thinks(self, body):
        kind = (body.get("thinking") or {}).get("type")
        return kind in ("enabled", "adaptive") or self.always and kind != "disabled"

    def read(self, body, _request):
        self.known(body, MESSAGES)
        turn, waiting, last = 0, [], None
        asked = max(index for index, message in enumerate(body["messages"]) if message["role"] == "user" and not _results(message))
        for index, message in enumerate(body["messages"]):
            if message["role"] not in ("user", "assistant") or message["role"] == last:
                raise Refused("messages", f"roles must alternate: {index} {message['role']}")
            last = message["role"]
            blocks = message["content"] if isinstance(message["content"], list) else [{"type": "text", "text": message["content"]}]
            if not blocks or any(block["type"] == "text" and not block["text"].strip() for block in blocks):
                raise Refused("messages", "text content blocks must be non-empty")
            results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
            if sorted(results) != sorted(waiting):
                raise Refused("messages", f"tool_use ids {waiting} were found without tool_result blocks: {results}")
            waiting = [block["id"] for block in blocks if block["type"] == "tool_use"]
            if any(not re.match(r"^[a-zA-Z0-9_-]+$", id_) for id_ in waiting) and self.signed:
                raise Refused("messages", f"String should match pattern '^[a-zA-Z0-9_-]+$': {waiting}")
            turn += bool(waiting)
            strict = (body.get("thinking") or {}).get("type") == "enabled" or self.always
            if waiting and index > asked and strict and self.thinks(body) and blocks[0]["type"] not in ("thinking", "redacted_thinking"):
                raise Refused("messages", f"Expected `thinking`, but found `{blocks[0]['type']}` at messages.{index}")
            for block in blocks:
                if block["type"] == "thinking" and self.signed and block.get("signature") != "c2lnbmVk":
                    raise Refused("messages", "Invalid `signature` in `thinking` block")
        if last != "user":
            raise Refused("messages", "the last message must be the user's")
        return min(turn, 2)

    def blocks(self, turn, thinks):
        signature = {"signature": "c2lnbmVk"} if self.signed else {}
        found = [{"type": "thinking", "thinking": MUSING, **signature}] if thinks else []
        if turn == 2:
            return [*found, {"type": "text", "text": WORDS}]
        return found + [
            {"type": "tool_use", "id": f"toolu_{turn}{index}{self.serial:05}abcdefgh", "name": name, "input": arguments}
            for index, (name, arguments) in enumerate(CALLS[turn])
        ]

    def message(self, body, **more):
        return {"id": "msg_01strict", "type": "message", "role": "assistant", "model": body["model"], "stop_sequence": None,
                "usage": {"input_tokens": 19, "output_tokens": 7}, **more}  # fmt: skip

    def whole(self, body, turn, thinks):
        return self.message(body, content=self.blocks(turn, thinks), stop_reason="end_turn" if turn == 2 else "tool_use")

    def stream(self, body, turn, thinks):
        events = [{"type": "message_start", "message": self.message(body, content=[], stop_reason=None)}]
        for index, block in enumerate(self.blocks(turn, thinks)):
            kind, empty = block["type"], {"text": {"text": ""}, "thinking": {"thinking": "", "signature": ""}, "tool_use": {"input": {}}}
            deltas = {
                "text": [{"type": "text_delta", "text": block.get("text")}],
                "thinking": [{"type": "thinking_delta", "thinking": block.get("thinking")}],
                "tool_use": [{"type": "input_json_delta", "partial_json": compact(block.get("input")).decode()}],
            }[kind]
            if block.get("signature"):
                deltas.append({"type": "signature_delta", "signature": block["signature"]})
            start = {key: block[key] for key in ("type", "id", "name") if key in block}
            events.append({"type": "content_block_start", "index": index, "content_block": {**start, **empty[kind]}})
            events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
            events.append({"type": "content_block_stop", "index": index})
        reason = "end_turn" if turn == 2 else "tool_use"
        events += [{"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}, "usage": {"output_tokens": 7}}]
        return b"".join(b"event: " + e["type"].encode() + b"\ndata: " + compact(e) + b"\n\n" for e in [*events, {"type": "message_stop"}])


def _results(message):
    """Whether a user's message has results of tools and nothing else to ask."""
    content = message["content"]
    return isinstance(content, list) and any(block["type"] == "tool_result" for block in content)


class Responses(Own):
    def thinks(self, body):
        return (body.get("reasoning") or {}).get("effort") not in (None, "none")

    def read(self, body, _request):
        self.known(body, RESPONSES)
        turn, waiting = 0, []
        items = body["input"] if isinstance(body["input"], list) else []
        before = None
        for item in items:
            kind = item.get("type", "message")
            if kind == "function_call":
                turn += before != "function_call"
                waiting.append(item["call_id"])
                if len(item["call_id"]) > 64 or "id" in item and not item["id"].startswith("fc"):
                    raise Refused("input", f"invalid id: {item}")
            elif kind == "function_call_output":
                if item["call_id"] not in waiting:
                    raise Refused("input", f"No tool call found for function call output with call_id {item['call_id']}.")
                waiting.remove(item["call_id"])
            elif kind == "reasoning":
                if not body.get("store", True) and item.get("encrypted_content") != "c2VhbGVk":
                    raise Refused("input", f"the encrypted content could not be verified: {item}")
            elif kind != "message":
                raise Refused("input", f"Invalid value: {kind!r}")
            before = kind
        if waiting:
            raise Refused("input", f"No tool output found for function call {waiting[0]}.")
        for tool in body.get("tools", []):
            if tool["type"] == "function" and set(tool) - {"type", "name", "description", "parameters", "strict"}:
                raise Refused("tools", str(tool))
        return min(turn, 2)

    def items(self, turn, thinks):
        found = [{"type": "reasoning", "id": f"rs_{self.serial}", "summary": [{"type": "summary_text", "text": MUSING}], "encrypted_content": "c2VhbGVk"}] if thinks else []
        if turn == 2:
            part = {"type": "output_text", "text": WORDS, "annotations": []}
            return [*found, {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [part]}]
        return found + [
            {"type": "function_call", "id": f"fc_{turn}{index}{self.serial:05}", "call_id": f"call_{turn}{index}{self.serial:05}abcdef", "name": name, "status": "completed",
             "arguments": compact(arguments).decode()} for index, (name, arguments) in enumerate(CALLS[turn])
        ]  # fmt: skip

    def whole(self, body, turn, thinks, status="completed"):
        usage = {"input_tokens": 19, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 7, "total_tokens": 26,
                 "output_tokens_details": {"reasoning_tokens": 0}}  # fmt: skip
        return {"id": "resp_strict", "object": "response", "created_at": 1770000000, "status": status, "model": body["model"], "error": None,
                "incomplete_details": None, "output": self.items(turn, thinks) if status == "completed" else [], "usage": usage}  # fmt: skip

    def stream(self, body, turn, thinks):
        events = [{"type": "response.created", "response": self.whole(body, turn, thinks, "in_progress")}]
        for index, item in enumerate(self.items(turn, thinks)):
            place = {"output_index": index, "item_id": item["id"]}
            if item["type"] == "function_call":
                events.append({"type": "response.output_item.added", "output_index": index, "item": {**item, "arguments": "", "status": "in_progress"}})
                events.append({"type": "response.function_call_arguments.delta", **place, "delta": item["arguments"]})
                events.append({"type": "response.function_call_arguments.done", **place, "arguments": item["arguments"]})
            elif item["type"] == "message":
                part = {**place, "content_index": 0}
                events.append({"type": "response.output_item.added", "output_index": index, "item": {**item, "content": [], "status": "in_progress"}})
                events.append({"type": "response.content_part.added", **part, "part": {"type": "output_text", "text": "", "annotations": []}})
                events.append({"type": "response.output_text.delta", **part, "delta": WORDS})
                events.append({"type": "response.output_text.done", **part, "text": WORDS})
                events.append({"type": "response.content_part.done", **part, "part": item["content"][0]})
            else:
                part = {**place, "summary_index": 0}
                events.append({"type": "response.output_item.added", "output_index": index, "item": {**item, "summary": []}})
                events.append({"type": "response.reasoning_summary_text.delta", **part, "delta": MUSING})
                events.append({"type": "response.reasoning_summary_text.done", **part, "text": MUSING})
            events.append({"type": "response.output_item.done", "output_index": index, "item": item})
        events.append({"type": "response.completed", "response": self.whole(body, turn, thinks)})
        return b"".join(
            b"event: " + event["type"].encode() + b"\ndata: " + compact({**event, "sequence_number": i}) + b"\n\n"
            for i, event in enumerate(events)
        )


class Gemini(Own):
    def thinks(self, body):
        config = body.get("generationConfig", {}).get("thinkingConfig", {})
        return bool(config.get("includeThoughts"))

    def error(self, text):
        return {"error": {"code": 400, "message": text, "status": "INVALID_ARGUMENT"}}

    def read(self, body, request):
        self.known(body, GEMINI)
        if f"/{self.model}:" not in request.path:
            raise Refused("model", f"models/{self.model} is not in {request.path}")
        turn, waiting, last = 0, 0, None
        for content in body["contents"]:
            calls = [part for part in content["parts"] if "functionCall" in part]
            results = [part for part in content["parts"] if "functionResponse" in part]
            if not content["parts"] or any(not set(part) - {"thoughtSignature", "thought"} for part in content["parts"]):
                raise Refused("contents", "a part must have one initialized field")
            if len(results) != waiting:
                raise Refused("contents", "the number of function response parts is not equal to the number of function call parts")
            if calls and last not in ("user", None) or content["role"] not in ("user", "model"):
                raise Refused("contents", "a function call turn comes immediately after a user turn")
            if calls and self.model.startswith("gemini-3") and "thoughtSignature" not in calls[0]:
                raise Refused("contents", "Function call is missing a thought_signature in functionCall parts")
            waiting, last = len(calls), content["role"]
            turn += bool(calls)
        return min(turn, 2)

    def whole(self, body, turn, thinks):
        parts = [{"text": MUSING, "thought": True}] if thinks else []
        if turn == 2:
            parts.append({"text": WORDS})
        else:
            calls = [{"functionCall": {"name": name, "args": arguments}} for name, arguments in CALLS[turn]]
            calls[0]["thoughtSignature"] = "c2lnbmVk"
            parts += calls
        return {"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0}], "modelVersion": self.model,
                "usageMetadata": {"promptTokenCount": 19, "candidatesTokenCount": 7, "totalTokenCount": 26}, "responseId": f"r-{len(body['contents'])}"}  # fmt: skip

    def stream(self, body, turn, thinks):
        return b"data: " + compact(self.whole(body, turn, thinks)) + b"\r\n\r\n"
