"""For the checks of conversion: a client of one format before an upstream of another, and what goes there and back.

A request is written as the client sends it, without `model` and `stream`; an answer as the upstream gives it.
"""

import json

from checks import equal, expect
from dialects import compact
from harness import served
from upstream import stream, whole
from wire import events

PATHS = {
    "anthropic": "/v1/messages",
    "openai": "/v1/chat/completions",
    "responses": "/v1/responses",
    "gemini": "/v1beta/models/asked:generateContent",
}
STREAM_PATH = "/v1beta/models/asked:streamGenerateContent?alt=sse"
USER = {"role": "user", "content": "Hi"}
PDF = "JVBERi0xLjQK"

# An image: as Chat and Responses, as Anthropic, as Gemini take it.
PNG = "iVBORw0KGgo="
DATA_URL = f"data:image/png;base64,{PNG}"
IMAGE_BLOCK = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
INLINE = {"inlineData": {"mimeType": "image/png", "data": PNG}}

# A tool: as Anthropic, as Chat, as Responses take it.
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string", "description": "Where"}, "days": {"type": "integer"}},
    "required": ["city"],
}
TOOL = {"name": "weather", "description": "The weather", "input_schema": SCHEMA}
FUNCTION = {"type": "function", "function": {"name": "weather", "description": "The weather", "parameters": SCHEMA}}
WEATHER = {"type": "function", "name": "weather", "description": "The weather", "parameters": SCHEMA}


class Pair:
    """proxyd with one rule that leads to one upstream."""

    def __init__(self, lab, upstream, model="far-model", extra="", more="", path=None):
        self.dialect = upstream
        self.up = lab.upstream()
        self.proxy = lab.proxyd(
            f"upstreams: {{far: {self.up.declare(upstream, extra=extra, path=path)}}}\n"
            f"rules: [{{name: all, tiers: [far/{model}]}}]\n{more}"
        )

    def ask(self, client, body, streamed=False, headers=(), path=None):
        """Sends a client's request; gives the answer, whatever its status."""
        body = dict(body)
        if client == "gemini":
            target = path or (STREAM_PATH if streamed else PATHS[client])
        else:
            target = path or PATHS[client]
            body = {"model": "asked", **body, **({"stream": True} if streamed else {})}
        return self.proxy.send("POST", target, body, headers=headers)

    def request(self, client, body, streamed=False, headers=()):
        """What the upstream gets for a client's request, and the answer's header that names what was lost."""
        answer = served(self.ask(client, body, streamed, headers))
        return self.up.last.json(), answer.header("x-proxyd-lossy")

    def whole(self, client, said, request=None):
        """What a client gets when the upstream answers `said`, whole."""
        self.up.reply(whole(said if isinstance(said, bytes) else compact(said)))
        return served(self.ask(client, request or least(client))).json()

    def stream(self, client, said, request=None):
        """The events a client gets when the upstream streams `said`, each as (name, value); `[DONE]` stays a text."""
        self.up.reply(stream(said))
        answer = served(self.ask(client, request or least(client), streamed=True))
        expect((answer.header("content-type") or "").startswith("text/event-stream"), "a stream", answer.header("content-type"))
        return told(answer.body)

    def refused(self, client, body, param=None, streamed=False):
        """The request must be answered 400 without the upstream being asked; gives the error object."""
        answer = self.ask(client, body, streamed)
        equal(answer.status, 400, "the status")
        equal(len(self.up.requests), 0, "requests at the upstream")
        error = answer.json()["error"]
        if client in ("openai", "responses"):
            equal(error["type"], "invalid_request_error", "error.type")
            if param:
                equal((error["code"], error["param"]), ("unsupported_parameter", param), "code and param")
        elif client == "anthropic":
            equal((answer.json()["type"], error["type"]), ("error", "invalid_request_error"), "type, error.type")
        else:
            equal((error["code"], error["status"]), (400, "INVALID_ARGUMENT"), "code and status")
        if param:
            expect(param in error["message"] or error.get("param") == param, f"the message names {param}", error)
        return error


def told(body):
    return [(name, data if data == "[DONE]" else json.loads(data)) for name, data in events(body)]


def least(client):
    """The smallest request of a client."""
    return {
        "anthropic": {"max_tokens": 64, "messages": [USER]},
        "openai": {"messages": [USER], "stream_options": {"include_usage": True}},
        "responses": {"input": "Hi"},
        "gemini": {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]},
    }[client] | {}


def without_options(body):
    """A request of `least` for an answer that is whole."""
    return {key: value for key, value in body.items() if key != "stream_options"}


def named_events(*values):
    """An Anthropic or Responses stream of these events."""
    return b"".join(b"event: " + value["type"].encode() + b"\ndata: " + compact(value) + b"\n\n" for value in values)


def data_events(*values, done=False):
    """A Chat or Gemini stream of these events."""
    return b"".join(b"data: " + compact(value) + b"\n\n" for value in values) + (b"data: [DONE]\n\n" if done else b"")


def same(got, wanted, what):
    """Two JSON values are equal; a difference is told by its place."""
    place = difference(got, wanted, what)
    expect(place is None, f"the same JSON; {place}")


def difference(got, wanted, place):
    if isinstance(wanted, dict) and isinstance(got, dict):
        for key in wanted:
            if key not in got:
                return f"{place}.{key} is missing, expected {compact(wanted[key]).decode()[:300]}"
        for key in got:
            if key not in wanted:
                return f"{place}.{key} is too much: {compact(got[key]).decode()[:300]}"
        return next(filter(None, (difference(got[key], wanted[key], f"{place}.{key}") for key in wanted)), None)
    if isinstance(wanted, list) and isinstance(got, list):
        found = next(filter(None, (difference(a, b, f"{place}[{i}]") for i, (a, b) in enumerate(zip(got, wanted)))), None)
        if found or len(got) == len(wanted):
            return found
        return f"{place} has {len(got)} items instead of {len(wanted)}: {compact(got).decode()[:300]}"
    if got == wanted and isinstance(got, bool) == isinstance(wanted, bool):
        return None
    return f"{place} is {compact(got).decode()[:300]}, expected {compact(wanted).decode()[:300]}"
