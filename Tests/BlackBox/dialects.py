"""The wire formats as the checks need them: what is asked, what a provider answers, what an error looks like.

Every healthy answer costs the same: 19 tokens in (11 fresh, 5 read from a cache, 3 written to it) and 7 out.
"""

import json

from checks import equal, expect, fail, one_of, short
from wire import events

TOKENS_IN, TOKENS_OUT = 19, 7
HELLO = "Hello — grüß Gott, 你好 🌊"


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


class Anthropic:
    name = "anthropic"
    path = "/v1/messages"
    model = "claude-test"
    types = {
        400: "invalid_request_error",
        401: "authentication_error",
        403: "permission_error",
        404: "not_found_error",
        413: "request_too_large",
        429: "rate_limit_error",
        500: "api_error",
        502: "api_error",
        503: "overloaded_error",
        504: "timeout_error",
        529: "overloaded_error",
    }

    def request(self, model=None, stream=False, text="Hi", **more):
        body = {"model": model or self.model, "max_tokens": 64, "messages": [{"role": "user", "content": text}]}
        return compact({**body, **({"stream": True} if stream else {}), **more})

    def model_of(self, request):
        return request.model or "none"

    def asks_usage(self, _request):
        return True

    def usage(self, **more):
        return {"input_tokens": 11, "cache_creation_input_tokens": 3, "cache_read_input_tokens": 5, "output_tokens": 7, **more}

    def whole(self, model, text=HELLO, **more):
        return compact(
            {
                "id": "msg_01Whole",
                "type": "message",
                "role": "assistant",
                "model": model,
                "content": [{"type": "text", "text": text}],
                "stop_reason": "end_turn",
                "stop_sequence": None,
                "usage": self.usage(),
                **more,
            }
        )

    def start(self, model, usage=None):
        return self.event(
            {
                "type": "message_start",
                "message": {
                    "id": "msg_01Stream",
                    "type": "message",
                    "role": "assistant",
                    "model": model,
                    "content": [],
                    "stop_reason": None,
                    "stop_sequence": None,
                    "usage": usage or self.usage(output_tokens=1),
                },
            }
        )

    def words(self, *texts):
        return b"".join(
            self.event({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}})
            for text in texts
        )

    def begin(self, model):
        """A stream up to its first words."""
        return (
            self.start(model)
            + self.event({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})
            + self.words("Hello")
        )

    def end(self, usage=None, reason="end_turn"):
        return (
            self.event({"type": "content_block_stop", "index": 0})
            + self.event(
                {
                    "type": "message_delta",
                    "delta": {"stop_reason": reason, "stop_sequence": None},
                    "usage": usage or {"output_tokens": 7},
                }
            )
            + self.event({"type": "message_stop"})
        )

    def stream(self, model, text=HELLO, usage_asked=True):
        return self.begin(model) + self.words(text[5:]) + self.end()

    def event(self, value):
        return b"event: " + value["type"].encode() + b"\ndata: " + compact(value) + b"\n\n"

    def error(self, code, message):
        return compact({"type": "error", "error": {"type": self.types.get(code, "api_error"), "message": message}})

    def stream_error(self, message, kind="overloaded_error"):
        return self.event({"type": "error", "error": {"type": kind, "message": message}})

    def text_of(self, body):
        return "".join(block["text"] for block in json.loads(body)["content"] if block["type"] == "text")

    def text_of_stream(self, body):
        told = [json.loads(data) for _, data in events(body)]
        return "".join(event["delta"].get("text", "") for event in told if event["type"] == "content_block_delta")

    def finished(self, body):
        """Whether a stream came to the end that its format knows."""
        return any('"message_stop"' in data or '"stop_reason":"end_turn"' in data for _, data in events(body))

    def error_in(self, body):
        """The error event of a stream, None when there is none."""
        for name, data in events(body):
            value = json.loads(data)
            if value.get("type") == "error":
                equal(name, "error", "the name of the error event")
                return _shaped(value.get("error"), ("type", "message"), "the error event")
        return None

    def error_of(self, answer):
        """The error object of an answer, its shape checked."""
        value = answer.json()
        expect(
            isinstance(value, dict) and value.get("type") == "error",
            'an Anthropic error body {"type":"error","error":{…}}',
            answer.text,
        )
        error = _shaped(value.get("error"), ("type", "message"), "the error body")
        if answer.status in self.types:
            allowed = {self.types[answer.status]} | ({"api_error"} if answer.status >= 500 else set())
            one_of(error["type"], allowed, f"error.type with the status {answer.status}")
        return error


class OpenAI:
    name = "openai"
    path = "/v1/chat/completions"
    model = "gpt-test"

    def request(self, model=None, stream=False, text="Hi", **more):
        body = {"model": model or self.model, "messages": [{"role": "user", "content": text}]}
        return compact({**body, **({"stream": True} if stream else {}), **more})

    def model_of(self, request):
        return request.model or "none"

    def asks_usage(self, request):
        return (request.fields.get("stream_options") or {}).get("include_usage") is True

    def usage(self, **more):
        return {
            "prompt_tokens": 19,
            "completion_tokens": 7,
            "total_tokens": 26,
            "prompt_tokens_details": {"cached_tokens": 5},
            **more,
        }

    def whole(self, model, text=HELLO, **more):
        return compact(
            {
                "id": "chatcmpl-whole",
                "object": "chat.completion",
                "created": 1770000000,
                "model": model,
                "choices": [
                    {
                        "index": 0,
                        "message": {"role": "assistant", "content": text, "refusal": None},
                        "logprobs": None,
                        "finish_reason": "stop",
                    }
                ],
                "usage": self.usage(),
                **more,
            }
        )

    def chunk(self, model, delta, finish=None, **more):
        return (
            b"data: "
            + compact(
                {
                    "id": "chatcmpl-stream",
                    "object": "chat.completion.chunk",
                    "created": 1770000000,
                    "model": model,
                    "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
                    **more,
                }
            )
            + b"\n\n"
        )

    def usage_chunk(self, model):
        return (
            b"data: "
            + compact(
                {
                    "id": "chatcmpl-stream",
                    "object": "chat.completion.chunk",
                    "created": 1770000000,
                    "model": model,
                    "choices": [],
                    "usage": self.usage(),
                }
            )
            + b"\n\n"
        )

    def start(self, model):
        return self.chunk(model, {"role": "assistant", "content": ""})

    def begin(self, model):
        return self.start(model) + self.chunk(model, {"content": "Hello"})

    def words(self, *texts, model="gpt-test"):
        return b"".join(self.chunk(model, {"content": text}) for text in texts)

    def stream(self, model, text=HELLO, usage_asked=True):
        return (
            self.begin(model)
            + self.words(text[5:], model=model)
            + self.chunk(model, {}, "stop")
            + (self.usage_chunk(model) if usage_asked else b"")
            + b"data: [DONE]\n\n"
        )

    def error(self, code, message):
        return compact(
            {
                "error": {
                    "message": message,
                    "type": "server_error" if code >= 500 else "invalid_request_error",
                    "param": None,
                    "code": None,
                }
            }
        )

    def stream_error(self, message, kind="server_error"):
        return b"data: " + compact({"error": {"message": message, "type": kind, "param": None, "code": None}}) + b"\n\n"

    def text_of(self, body):
        return json.loads(body)["choices"][0]["message"]["content"]

    def text_of_stream(self, body):
        told = [json.loads(data) for _, data in events(body) if data != "[DONE]"]
        return "".join(event["choices"][0]["delta"].get("content") or "" for event in told if event.get("choices"))

    def finished(self, body):
        return any('"finish_reason":"stop"' in data for _, data in events(body))

    def error_in(self, body):
        for _, data in events(body):
            if data != "[DONE]":
                value = json.loads(data)
                if value.get("error"):
                    return _shaped(value["error"], ("message", "type", "param", "code"), "the error chunk")
        return None

    def error_of(self, answer):
        value = answer.json()
        expect(
            isinstance(value, dict) and set(value) <= {"error", "request_id"}, 'an OpenAI error body {"error":{…}}', answer.text
        )
        return _shaped(value.get("error"), ("message", "type", "param", "code"), "the error body")


class Responses(OpenAI):
    name = "responses"
    path = "/v1/responses"

    def request(self, model=None, stream=False, text="Hi", **more):
        return compact({"model": model or self.model, "input": text, **({"stream": True} if stream else {}), **more})

    def response(self, model, text, status="completed"):
        return {
            "id": "resp_0123456789abcdef",
            "object": "response",
            "created_at": 1770000000,
            "status": status,
            "model": model,
            "error": None,
            "incomplete_details": None,
            "output": [
                {
                    "type": "message",
                    "id": "msg_1",
                    "status": "completed",
                    "role": "assistant",
                    "content": [{"type": "output_text", "text": text, "annotations": []}],
                }
            ],
            "usage": {
                "input_tokens": 19,
                "input_tokens_details": {"cached_tokens": 5},
                "output_tokens": 7,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": 26,
            },
        }

    def whole(self, model, text=HELLO, **more):
        return compact({**self.response(model, text), **more})

    def stream(self, model, text=HELLO, usage_asked=True):
        steps = [
            {"type": "response.created", "response": {**self.response(model, text, "in_progress"), "output": []}},
            {"type": "response.output_text.delta", "item_id": "msg_1", "output_index": 0, "content_index": 0, "delta": text},
            {"type": "response.completed", "response": self.response(model, text)},
        ]
        return b"".join(
            b"event: " + step["type"].encode() + b"\ndata: " + compact({**step, "sequence_number": i}) + b"\n\n"
            for i, step in enumerate(steps)
        )

    def finished(self, body):
        return any('"response.completed"' in data for _, data in events(body))


class Gemini:
    name = "gemini"
    path = "/v1beta/models/gemini-test:generateContent"
    model = "gemini-test"
    states = {
        400: "INVALID_ARGUMENT",
        401: "UNAUTHENTICATED",
        403: "PERMISSION_DENIED",
        404: "NOT_FOUND",
        429: "RESOURCE_EXHAUSTED",
        503: "UNAVAILABLE",
    }

    def request(self, model=None, stream=False, text="Hi", **more):
        return compact({"contents": [{"role": "user", "parts": [{"text": text}]}], **more})

    def model_of(self, request):
        return request.path.rpartition("/")[2].partition(":")[0]

    def asks_usage(self, _request):
        return True

    def answer(self, model, text):
        return {
            "candidates": [{"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": "STOP", "index": 0}],
            "usageMetadata": {
                "promptTokenCount": 19,
                "cachedContentTokenCount": 5,
                "candidatesTokenCount": 7,
                "totalTokenCount": 26,
            },
            "modelVersion": model,
            "responseId": "r-1",
        }

    def whole(self, model, text=HELLO, **more):
        return compact({**self.answer(model, text), **more})

    def stream(self, model, text=HELLO, usage_asked=True):
        return b"data: " + compact(self.answer(model, text)) + b"\r\n\r\n"

    def error(self, code, message):
        return compact({"error": {"code": code, "message": message, "status": self.states.get(code, "INTERNAL")}})

    def error_of(self, answer):
        error = _shaped(answer.json().get("error"), ("code", "message", "status"), "the error body")
        equal(error["code"], answer.status, "error.code")
        if answer.status in self.states:
            equal(error["status"], self.states[answer.status], "error.status")
        return error


def _shaped(error, names, what):
    if not isinstance(error, dict) or any(name not in error for name in names):
        fail(f"{what}: expected an error with {', '.join(names)}, got {short(error)}")
    expect(isinstance(error["message"], str) and error["message"], f"{what}: a message that is not empty", error)
    return error


ANTHROPIC, OPENAI, RESPONSES, GEMINI = Anthropic(), OpenAI(), Responses(), Gemini()
DIALECTS = {dialect.name: dialect for dialect in (ANTHROPIC, OPENAI, RESPONSES, GEMINI)}


def of_path(path):
    if path.startswith("/v1beta"):
        return GEMINI
    if path.endswith("/responses"):
        return RESPONSES
    return ANTHROPIC if "/messages" in path else OPENAI
