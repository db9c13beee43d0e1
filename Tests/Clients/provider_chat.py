"""OpenAI Chat Completions as OpenAI, Azure and a compatible server with visible reasoning serve it."""

import re

import story
from provider import Provider, arguments, compact, data_url, known, sse
from story import Ask, Call, Result, Text, Thought, demand, pieces

MEMBERS = (
    "model messages max_tokens max_completion_tokens temperature top_p n stop stream stream_options tools tool_choice "
    "parallel_tool_calls response_format reasoning_effort seed user safety_identifier prompt_cache_key service_tier logprobs "
    "top_logprobs store metadata presence_penalty frequency_penalty verbosity"
).split()
STOPS = {"end": "stop", "tool": "tool_calls", "length": "length", "refusal": "content_filter", "stop": "stop"}
NAME = re.compile(r"^[a-zA-Z0-9_-]{1,64}$")


class ChatProvider(Provider):
    """`kind` is plain (no reasoning), reasoning (OpenAI's own: it stays hidden) or visible (`reasoning_content`)."""

    dialect = "openai"
    paths = ("/v1/chat/completions",)
    members = MEMBERS

    def __init__(self, kind="plain"):
        super().__init__()
        self.kind = kind

    # ------------------------------------------------------------ requests

    def read(self, request, body):
        demand(request.path in self.paths, f"no such path: {request.path}")
        known(body, *self.members)
        ask = Ask(body["model"], streamed=body.get("stream", False), turns=len(body["messages"]))
        demand(
            "stream_options" not in body or ask.streamed,
            "The 'stream_options' parameter is only allowed when 'stream' is enabled",
        )
        ask.wants_usage = body.get("stream_options", {}).get("include_usage", False)
        self.limits(body, ask)
        self.declared(body, ask)
        self.history(body["messages"], ask)
        form = body.get("response_format", {"type": "text"})
        if form["type"] == "json_schema":
            demand(NAME.match(form["json_schema"]["name"]), "response_format.json_schema.name")
            ask.schema = form["json_schema"]["schema"]
        ask.thinks = self.kind == "visible" or (self.kind == "reasoning" and body.get("reasoning_effort") not in (None, "none"))
        return ask

    def limits(self, body, ask):
        demand(
            not {"max_tokens", "max_completion_tokens"} <= set(body), "max_tokens and max_completion_tokens exclude each other"
        )
        ask.max_tokens = body.get("max_completion_tokens", body.get("max_tokens"))
        ask.temperature = body.get("temperature")
        ask.stops = [body["stop"]] if isinstance(body.get("stop"), str) else body.get("stop") or []
        demand(len(ask.stops) <= 4, "'stop' takes at most 4 sequences")
        if self.kind == "reasoning":
            for name in ("max_tokens", "temperature", "top_p", "stop", "presence_penalty", "frequency_penalty", "logprobs"):
                demand(body.get(name) is None, f"Unsupported parameter: '{name}' is not supported with this model.")
        if self.kind == "plain":
            demand("reasoning_effort" not in body, "Unrecognized request argument supplied: reasoning_effort")

    def declared(self, body, ask):
        demand(body.get("tools") != [], "[] is too short - 'tools'")
        for tool in body.get("tools", []):
            demand(tool["type"] == "function", f"tools.type: {tool['type']}")
            known(tool, "type", "function")
            function = tool["function"]
            known(function, "name", "description", "parameters", "strict")
            demand(NAME.match(function["name"]), f"tools.function.name: {function['name']!r}")
            schema = function.get("parameters", {"type": "object", "properties": {}})
            demand(schema.get("type") == "object" and "properties" in schema, f"Invalid schema for function {function['name']!r}")
            if function.get("strict"):
                demand(_is_strict(schema), f"Invalid schema for function {function['name']!r}: not strict")
            ask.tools.append(function["name"])
            ask.schemas[function["name"]] = schema
        for name in ("tool_choice", "parallel_tool_calls"):
            demand(name not in body or ask.tools, f"'{name}' is only allowed when 'tools' are specified.")
        choice = body.get("tool_choice")
        ask.choice = choice["function"]["name"] if isinstance(choice, dict) else "any" if choice == "required" else choice

    def history(self, messages, ask):
        open_calls = []
        for message in messages:
            role = message["role"]
            if role == "tool":
                demand(
                    message["tool_call_id"] in open_calls,
                    "messages with role 'tool' must be a response to a preceding 'tool_calls'",
                )
                known(message, "role", "tool_call_id", "content")
                open_calls.remove(message["tool_call_id"])
                text, images = self.parts(message["content"], ("text",))
                is_error = text.startswith("Error: ")
                ask.results.append(Result(text.removeprefix("Error: "), is_error, images))
                continue
            demand(not open_calls, f"'tool_calls' must be followed by tool messages; no response to {open_calls}")
            if role == "assistant":
                open_calls = self.answered(message, ask)
            elif role in ("system", "developer"):
                demand(role == "system" or self.kind == "reasoning", "Role 'developer' is not known")
                text, _ = self.parts(message["content"], ("text",))
                ask.system = f"{ask.system}\n\n{text}" if ask.system else text
            else:
                demand(role == "user", f"Invalid value: {role!r}")
                text, ask.images = self.parts(message["content"], ("text", "image_url", "file"))
                # Images of tool results come in a user message behind the results, since a tool message takes text only.
                if ask.results and ask.images:
                    ask.results[-1].images += ask.images
                else:
                    ask.question, ask.results = text, []
        demand(not open_calls, f"'tool_calls' must be followed by tool messages; no response to {open_calls}")

    def answered(self, message, ask):
        known(
            message,
            "role",
            "content",
            "tool_calls",
            "refusal",
            "name",
            "reasoning_content",
            "annotations",
            "audio",
            "function_call",
        )
        demand("reasoning_content" not in message or self.kind == "visible", "Unrecognized: reasoning_content")
        calls = message.get("tool_calls") or []
        demand(message.get("tool_calls") != [], "[] is too short - 'tool_calls'")
        demand(message.get("content") is not None or calls or message.get("refusal"), "expected a string for 'content', got null")
        if message.get("content") is not None:
            self.parts(message["content"], ("text", "refusal"))
        if message.get("reasoning_content") == story.MUSING:
            ask.signatures += 1
        for call in calls:
            demand(call["type"] == "function" and 0 < len(call["id"]) <= 40, f"tool_calls: {call}")
            known(call, "id", "type", "function", "extra_content")
            arguments(call["function"]["arguments"])
        ask.results = []
        return [call["id"] for call in calls]

    @staticmethod
    def parts(content, kinds):
        if isinstance(content, str):
            return content, []
        demand(isinstance(content, list) and content, f"Invalid type for content: {type(content).__name__}")
        texts, images = [], []
        for part in content:
            demand(part["type"] in kinds, f"a part of the type {part['type']} is not allowed here")
            if part["type"] == "image_url":
                images.append(data_url(part["image_url"]["url"]))
            elif part["type"] == "file":
                demand(part["file"]["filename"].endswith(".pdf"), f"file.filename: {part['file']['filename']}")
                images.append(data_url(part["file"]["file_data"]))
            else:
                texts.append(part[part["type"]])
        return "\n".join(texts), images

    # ------------------------------------------------------------ answers

    def usage(self, played):
        thought = story.THOUGHT if played.thoughts else 0
        total_in = story.FRESH + story.CACHED + story.WRITTEN
        return {
            "prompt_tokens": total_in,
            "completion_tokens": story.OUT,
            "total_tokens": total_in + story.OUT,
            "prompt_tokens_details": {"cached_tokens": story.CACHED, "cache_write_tokens": story.WRITTEN, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": thought, "audio_tokens": 0},
        }

    def call(self, index, block, text):
        # Compatible servers make ids of other characters than OpenAI's.
        start = f"functions.{block.name[:12]}:" if self.kind == "visible" else "call_Scene"
        return {"id": f"{start}{self.serial}x{index}", "type": "function", "function": {"name": block.name, "arguments": text}}

    def whole(self, ask, played):
        text = "".join(block.text for block in played.blocks if isinstance(block, Text))
        calls = [block for block in played.blocks if isinstance(block, Call)]
        message = {"role": "assistant", "content": text or None, "refusal": None, "annotations": []}
        if calls:
            message["tool_calls"] = [self.call(index, call, compact(call.arguments)) for index, call in enumerate(calls)]
        if self.kind == "visible":
            message["reasoning_content"] = "".join(block.text for block in played.thoughts) or None
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": STOPS[played.stop], **self.extras}
        return {**self.frame(ask, "chat.completion"), "choices": [choice], "usage": self.usage(played)}

    extras = {}

    def frame(self, ask, kind):
        return {
            "id": f"chatcmpl-Scene{self.serial}",
            "object": kind,
            "created": 1770000000,
            "model": ask.model,
            "service_tier": "default",
            "system_fingerprint": "fp_scene",
        }

    def stream(self, ask, played):
        def chunk(delta, finish=None):
            choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish, **self.extras}
            more = {"usage": None} if ask.wants_usage else {}
            return sse({**self.frame(ask, "chat.completion.chunk"), "choices": [choice], **more})

        events = [*self.first_events(ask), chunk({"role": "assistant", "content": "", "refusal": None})]
        index = 0
        for block in played.blocks:
            if isinstance(block, Text):
                events += [chunk({"content": piece}) for piece in pieces(block.text)]
            elif isinstance(block, Thought):
                visible = self.kind == "visible"
                events += [chunk({"content": None, "reasoning_content": piece}) for piece in pieces(block.text) if visible]
            else:
                events.append(chunk({"tool_calls": [{"index": index, **self.call(index, block, "")}]}))
                for piece in pieces(compact(block.arguments)):
                    events.append(chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]}))
                index += 1
        events.append(chunk({}, STOPS[played.stop]))
        if ask.wants_usage:
            events.append(sse({**self.frame(ask, "chat.completion.chunk"), "choices": [], "usage": self.usage(played)}))
        return [*events, b"data: [DONE]\n\n"]

    def first_events(self, ask):
        return []

    def error(self, status, text, kind=None):
        if kind == "context":
            text = "This model's maximum context length is 128000 tokens. However, your messages resulted in 210000 tokens."
            return {
                "error": {
                    "message": text,
                    "type": "invalid_request_error",
                    "param": "messages",
                    "code": "context_length_exceeded",
                }
            }
        if kind == "quota":
            return {"error": {"message": text, "type": "insufficient_quota", "param": None, "code": "insufficient_quota"}}
        names = {400: "invalid_request_error", 401: "invalid_request_error", 404: "invalid_request_error", 429: "requests"}
        codes = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded", 503: "server_is_overloaded"}
        return {"error": {"message": text, "type": names.get(status, "server_error"), "param": None, "code": codes.get(status)}}

    def inband(self):
        return sse({"error": {"message": "Overloaded", "type": "server_error", "param": None, "code": None}})


def _is_strict(schema):
    """Whether a schema is in the subset that strict function calls take."""
    if schema.get("type") == "object" or "properties" in schema:
        properties = schema.get("properties", {})
        if schema.get("additionalProperties") is not False or sorted(schema.get("required", [])) != sorted(properties):
            return False
        return all(_is_strict(value) for value in properties.values())
    return True


class AzureProvider(ChatProvider):
    """Azure's v1 addresses, its filters and its first chunk; the deployment is called otherwise than the model."""

    dialect = "azure"
    paths = ("/openai/v1/chat/completions",)
    deployment = "eu-deployment"
    extras = {"content_filter_results": {"hate": {"filtered": False, "severity": "safe"}}}

    def __init__(self, responses):
        super().__init__("reasoning")
        self.responses = responses

    def read(self, request, body):
        demand(body["model"] == self.deployment, f"The API deployment {body['model']!r} for this resource does not exist.")
        return super().read(request, body)

    def answer(self, request):
        if request.path == "/openai/v1/responses":
            return self.responses.answer(request)
        return super().answer(request)

    def authenticate(self, request):
        demand(request.header("api-key"), "Access denied due to missing api-key")
        super().authenticate(request)

    def frame(self, ask, kind):
        return {**super().frame(ask, kind), "model": "gpt-5"}

    def first_events(self, ask):
        filters = [{"prompt_index": 0, "content_filter_results": {"hate": {"filtered": False, "severity": "safe"}}}]
        return [sse({"id": "", "object": "", "created": 0, "model": "", "choices": [], "prompt_filter_results": filters})]

    def error(self, status, text, kind=None):
        body = super().error(status, text, kind)
        return {"error": {"code": str(body["error"]["code"] or status), "message": body["error"]["message"]}}
