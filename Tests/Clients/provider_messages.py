"""Anthropic Messages as its vendor serves it."""

import hashlib
import re

import story
from provider import Provider, compact, known, picture, sse
from story import Ask, Call, Refused, Result, Text, Thought, demand, pieces

MEMBERS = (
    "model messages max_tokens system tools tool_choice temperature top_p top_k stop_sequences stream thinking output_config "
    "metadata service_tier cache_control thread context_management"
).split()
STOPS = {"end": "end_turn", "tool": "tool_use", "length": "max_tokens", "refusal": "refusal", "stop": "stop_sequence"}
TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    404: "not_found_error",
    429: "rate_limit_error",
    529: "overloaded_error",
}
NAME = re.compile(r"^[a-zA-Z0-9_-]{1,128}$")


def signature(text):
    """What the vendor signs a thought with; nobody else can make it."""
    return "ErUB" + hashlib.sha256(b"anthropic" + text.encode()).hexdigest() + "=="


class MessagesProvider(Provider):
    dialect = "anthropic"

    def __init__(self, adaptive=False):
        super().__init__()
        self.adaptive = adaptive  # the newer models: adaptive thinking only, no sampling

    def besides(self, request):
        if request.path == "/v1/messages/count_tokens":
            self.authenticate(request)
            demand("max_tokens" not in request.fields, "max_tokens: Extra inputs are not permitted")
            self.messages(request.fields)
            return {"input_tokens": 41}
        return None

    # ------------------------------------------------------------ requests

    def read(self, request, body):
        demand(request.path == "/v1/messages", f"no such path: {request.path}")
        version = request.header("anthropic-version") or ""
        demand(re.fullmatch(r"\d{4}-\d\d-\d\d", version), f"anthropic-version: {version!r}")
        known(body, *MEMBERS)
        # The SDK's tool runner asks for a thread; told like this that there is none, it sends the whole history each time.
        if "thread" in body:
            raise Refused(400, "thread: this provider keeps none", "thread")
        demand(isinstance(body["max_tokens"], int) and body["max_tokens"] >= 1, "max_tokens: a positive integer is required")
        ask = self.messages(body)
        ask.streamed = body.get("stream", False)
        ask.max_tokens, ask.temperature = body["max_tokens"], body.get("temperature")
        self.sampling(body, version, ask)
        self.thinking(body, ask)
        if (form := body.get("output_config", {}).get("format")) is not None:
            demand(form["type"] == "json_schema" and set(form) == {"type", "schema"}, f"output_config.format: {form}")
            demand(
                form["schema"].get("additionalProperties") is False,
                "output_config.format.schema: additionalProperties must be false",
            )
            ask.schema = form["schema"]
        ask.stops = body.get("stop_sequences", [])
        demand(all(stop.strip() for stop in ask.stops), "stop_sequences: each stop sequence must contain non-whitespace")
        return ask

    def sampling(self, body, version, ask):
        given = [name for name in ("temperature", "top_p", "top_k") if name in body]
        demand(not given or (version < "2026" and not self.adaptive), f"{given}: not supported by this model or version")
        demand(ask.temperature is None or 0 <= ask.temperature <= 1, "temperature: range: 0..1")
        demand(not {"temperature", "top_p"} <= set(given), "`temperature` and `top_p` cannot both be specified for this model")

    def thinking(self, body, ask):
        kind = body.get("thinking", {}).get("type")
        ask.thinks = kind in ("enabled", "adaptive")
        if kind == "enabled":
            demand(not self.adaptive, '"thinking.type.enabled" is not supported for this model')
            demand(
                1024 <= body["thinking"]["budget_tokens"] < ask.max_tokens,
                "thinking.budget_tokens: at least 1024, under max_tokens",
            )
            demand(ask.temperature in (None, 1), "`temperature` may only be set to 1 when thinking is enabled")
            demand(ask.choice in (None, "auto", "none"), "Thinking may not be enabled when tool_choice forces tool use")
            last = [m for m in body["messages"] if m["role"] == "assistant"][-1:]
            if ask.results and isinstance(last[0]["content"], list):
                first = last[0]["content"][0]["type"]
                demand(
                    first in ("thinking", "redacted_thinking"), f"Expected `thinking` or `redacted_thinking`, but found `{first}`"
                )
        elif kind == "adaptive":
            demand(self.adaptive, "adaptive thinking is not supported on this model")
        if self.adaptive and kind == "disabled":
            raise Refused(400, "thinking: disabled is not supported for this model")

    def messages(self, body):
        """The history, by the vendor's rules for it."""
        ask = Ask(body["model"], turns=len(body["messages"]))
        system = body.get("system", "")
        ask.system = system if isinstance(system, str) else "\n\n".join(block["text"] for block in system)
        for tool in body.get("tools", []):
            demand(NAME.match(tool["name"]), f"tools: the name {tool['name']!r}")
            demand(tool["input_schema"].get("type") == "object", "tools.input_schema.type: Field required")
            demand(
                not {"oneOf", "anyOf", "allOf"} & set(tool["input_schema"]),
                "input_schema does not support oneOf, allOf, or anyOf at the top",
            )
            known(tool, "name", "description", "input_schema", "strict", "type", "cache_control")
            ask.tools.append(tool["name"])
            ask.schemas[tool["name"]] = tool["input_schema"]
        if (choice := body.get("tool_choice")) is not None:
            demand(ask.tools, "tool_choice may only be specified while providing tools")
            ask.choice = choice["name"] if choice["type"] == "tool" else choice["type"]
        demand(body["messages"], "messages: at least one message is required")
        demand(body["messages"][0]["role"] == "user", 'messages: first message must use the "user" role')
        open_calls, before = [], None
        for message in body["messages"]:
            known(message, "role", "content")
            content = message["content"]
            blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
            demand(blocks, "messages: all messages must have non-empty content")
            if message["role"] == "assistant":
                demand(not open_calls, f"`tool_use` ids were found without `tool_result` blocks: {open_calls}")
                open_calls = self.answered(blocks, ask)
                ask.results = []
            elif message["role"] == "system":
                demand(self.adaptive and before == "user" and not open_calls, 'messages: Unexpected role "system"')
            else:
                demand(message["role"] == "user", f"messages: Unexpected role {message['role']!r}")
                self.asked(blocks, open_calls, ask)
                open_calls = []
            before = message["role"]
        demand(not open_calls, f"`tool_use` ids were found without `tool_result` blocks: {open_calls}")
        demand(
            body["messages"][-1]["role"] == "user" or not self.adaptive, "This model does not support assistant message prefill"
        )
        used = any(
            b["type"] in ("tool_use", "tool_result")
            for m in body["messages"]
            if isinstance(m["content"], list)
            for b in m["content"]
        )
        demand(ask.tools or not used, "Requests which include `tool_use` or `tool_result` blocks must define tools")
        return ask

    def answered(self, blocks, ask):
        calls = []
        for block in blocks:
            kind = block["type"]
            if kind == "text":
                demand(block["text"].strip(), "messages: text content blocks must contain non-whitespace text")
            elif kind == "thinking":
                demand(block["signature"] == signature(block["thinking"]), "Invalid `signature` in `thinking` block")
                ask.signatures += 1
            elif kind == "tool_use":
                demand(NAME.match(block["id"]), f"tool_use.id: {block['id']!r}")
                demand(isinstance(block["input"], dict), "tool_use.input: Input should be a valid dictionary")
                known(block, "type", "id", "name", "input", "cache_control", "caller")
                demand(block["id"] not in calls, "`tool_use` ids must be unique")
                calls.append(block["id"])
            else:
                raise Refused(400, f"an assistant's block of the type {kind}")
        return calls

    def asked(self, blocks, open_calls, ask):
        results = [block for block in blocks if block["type"] == "tool_result"]
        demand(blocks[: len(results)] == results, "`tool_result` blocks must come first")
        demand(
            sorted(block["tool_use_id"] for block in results) == sorted(open_calls),
            f"the `tool_result` blocks {[block['tool_use_id'] for block in results]} do not answer {open_calls}",
        )
        ask.results, ask.images, said = [], [], []
        for block in blocks:
            if block["type"] == "tool_result":
                content = block.get("content", "")
                parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
                text = "\n".join(part["text"] for part in parts if part["type"] == "text")
                images = [self.image(part) for part in parts if part["type"] == "image"]
                ask.results.append(Result(text, block.get("is_error", False), images))
            elif block["type"] == "text":
                demand(block["text"].strip(), "messages: text content blocks must be non-empty")
                said.append(block["text"])
            elif block["type"] in ("image", "document"):
                ask.images.append(self.image(block))
            else:
                raise Refused(400, f"a user's block of the type {block['type']}")
        if said:
            ask.question = "\n".join(said)
            ask.results = [] if ask.scene_in(said) else ask.results

    @staticmethod
    def image(block):
        source = block["source"]
        demand(source["type"] == "base64", f"image.source.type: {source['type']}")
        kinds = ("image/png", "image/jpeg", "image/gif", "image/webp") if block["type"] == "image" else ("application/pdf",)
        demand(source["media_type"] in kinds, f"{block['type']}.source.media_type: {source['media_type']}")
        return picture(source["data"], source["media_type"])

    # ------------------------------------------------------------ answers

    def usage(self, played, out=story.OUT):
        return {
            "input_tokens": story.FRESH,
            "cache_creation_input_tokens": story.WRITTEN,
            "cache_read_input_tokens": story.CACHED,
            "cache_creation": {"ephemeral_5m_input_tokens": story.WRITTEN, "ephemeral_1h_input_tokens": 0},
            "output_tokens": out,
            "output_tokens_details": {"thinking_tokens": story.THOUGHT if played.thoughts else 0},
            "service_tier": "standard",
        }

    def block(self, block, index):
        if isinstance(block, Thought):
            return {"type": "thinking", "thinking": block.text, "signature": signature(block.text)}
        if isinstance(block, Text):
            return {"type": "text", "text": block.text, "citations": None}
        return {
            "type": "tool_use",
            "id": f"toolu_01Scene{self.serial}x{index}",
            "name": block.name,
            "input": block.arguments,
            "caller": {"type": "direct"},
        }

    def message(self, ask, played, **more):
        return {
            "id": f"msg_01Scene{self.serial}",
            "type": "message",
            "role": "assistant",
            "model": ask.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "stop_details": None,
            "usage": self.usage(played, 1),
            **more,
        }

    def ends(self, played):
        details = (
            {"type": "refusal", "category": None, "explanation": "This is not for us."} if played.stop == "refusal" else None
        )
        return {"stop_reason": STOPS[played.stop], "stop_sequence": played.stop_sequence, "stop_details": details}

    def whole(self, ask, played):
        content = [self.block(block, index) for index, block in enumerate(played.blocks)]
        return self.message(ask, played, content=content, usage=self.usage(played), **self.ends(played))

    def stream(self, ask, played):
        yielded = [{"type": "message_start", "message": self.message(ask, played)}, {"type": "ping"}]
        for index, block in enumerate(played.blocks):
            yielded += self.block_events(block, index)
        yielded += [
            {"type": "message_delta", "delta": self.ends(played), "usage": self.usage(played)},
            {"type": "message_stop"},
        ]
        return [sse(event, event["type"]) for event in yielded]

    def block_events(self, block, index):
        shape = self.block(block, index)
        empty = {"thinking": {"thinking": "", "signature": ""}, "text": {"text": ""}, "tool_use": {"input": {}}}[shape["type"]]
        yield {"type": "content_block_start", "index": index, "content_block": {**shape, **empty}}
        if isinstance(block, Call):
            deltas = [{"type": "input_json_delta", "partial_json": ""}]
            text = compact(block.arguments) if block.arguments else ""
            deltas += [{"type": "input_json_delta", "partial_json": piece} for piece in pieces(text)]
        elif isinstance(block, Text):
            deltas = [{"type": "text_delta", "text": piece} for piece in pieces(block.text)]
        else:
            deltas = [{"type": "thinking_delta", "thinking": piece} for piece in pieces(block.text)]
            deltas.append({"type": "signature_delta", "signature": signature(block.text)})
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}

    def error(self, status, text, kind=None):
        if kind == "context":
            text = "prompt is too long: 210000 tokens > 200000 maximum"
        error = {"type": TYPES.get(status, "api_error"), "message": text}
        if kind == "thread":
            error["details"] = {"error_code": "thread_unsupported_request", "unsupported": ["thread"]}
        return {"type": "error", "error": error, "request_id": "req_provider"}

    def inband(self):
        return sse(self.error(529, "Overloaded"), "error")
