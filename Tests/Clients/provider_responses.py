"""OpenAI Responses as its vendor serves a reasoning model."""

import hashlib
import re

import story
from provider import Provider, arguments, compact, data_url, known, sse
from story import Ask, Call, Refused, Result, Text, Thought, demand, pieces

MEMBERS = (
    "model input instructions max_output_tokens temperature top_p stream stream_options tools tool_choice parallel_tool_calls "
    "text reasoning store include metadata user safety_identifier prompt_cache_key service_tier truncation client_metadata"
).split()
HOSTED = ("namespace", "custom", "web_search", "tool_search", "image_generation", "local_shell")  # as Codex declares them
NAME = re.compile(r"^[a-zA-Z0-9_-]{1,64}$")


def encrypted(text):
    """The vendor's own record of a thought; nobody else can make it."""
    return "gAAAA" + hashlib.sha256(b"openai" + text.encode()).hexdigest()


class ResponsesProvider(Provider):
    dialect = "responses"
    paths = ("/v1/responses", "/openai/v1/responses")

    def besides(self, request):
        if request.path == "/v1/responses/input_tokens":
            self.authenticate(request)
            known(
                request.fields,
                "model",
                "input",
                "instructions",
                "tools",
                "tool_choice",
                "text",
                "reasoning",
                "parallel_tool_calls",
            )
            return {"object": "response.input_tokens", "input_tokens": 41}
        return None

    # ------------------------------------------------------------ requests

    def read(self, request, body):
        demand(request.path in self.paths, f"no such path: {request.path}")
        known(body, *MEMBERS)
        ask = Ask(body["model"], streamed=body.get("stream", False), max_tokens=body.get("max_output_tokens"))
        for name in ("temperature", "top_p"):
            demand(body.get(name) is None, f"Unsupported parameter: '{name}' is not supported with this model.")
        ask.system = body.get("instructions") or ""
        self.declared(body, ask)
        items = body["input"]
        self.history([{"role": "user", "content": items}] if isinstance(items, str) else items, ask)
        form = body.get("text", {}).get("format", {"type": "text"})
        if form["type"] == "json_schema":
            demand(NAME.match(form["name"]), "text.format.name")
            ask.schema = form["schema"]
        reasoning = body.get("reasoning") or {}
        ask.thinks = reasoning.get("effort") not in (None, "none")
        ask.shows_thoughts = reasoning.get("summary") is not None
        self.encrypts = "reasoning.encrypted_content" in (body.get("include") or [])
        return ask

    def declared(self, body, ask):
        for tool in body.get("tools") or []:
            if tool["type"] in HOSTED:
                ask.tools += [one["name"] for one in tool.get("tools", [])]
                continue
            demand(tool["type"] == "function", f"tools.type: {tool['type']}")
            known(tool, "type", "name", "description", "parameters", "strict")
            demand(NAME.match(tool["name"]), f"tools.name: {tool['name']!r}")
            demand(tool["parameters"].get("type") == "object", f"Invalid schema for function {tool['name']!r}")
            ask.tools.append(tool["name"])
            ask.schemas[tool["name"]] = tool["parameters"]
        choice = body.get("tool_choice")
        demand(choice in (None, "auto", "none") or ask.tools, "tool_choice without tools")
        ask.choice = choice["name"] if isinstance(choice, dict) else "any" if choice == "required" else choice

    def history(self, items, ask):
        demand(items, "input: empty array")
        open_calls, ask.turns = [], len(items)
        for item in items:
            kind = item.get("type", "message")
            if kind == "message":
                self.message(item, ask)
            elif kind == "function_call":
                demand(0 < len(item["call_id"]) <= 64, "input.call_id: too long")
                demand(not item.get("id") or item["id"].startswith("fc"), f"Invalid 'input.id': {item.get('id')!r}")
                known(item, "type", "id", "call_id", "name", "arguments", "status", "namespace", "caller")
                arguments(item["arguments"])
                open_calls.append(item["call_id"])
                ask.results = []
            elif kind == "function_call_output":
                demand(
                    item["call_id"] in open_calls, f"No tool call found for function call output with call_id {item['call_id']}."
                )
                known(item, "type", "id", "call_id", "output", "status")
                open_calls.remove(item["call_id"])
                text, images = self.parts(item["output"], ("input_text", "input_image", "input_file"))
                is_error = text.startswith("Error: ")
                ask.results.append(Result(text.removeprefix("Error: "), is_error, images))
            elif kind == "reasoning":
                known(item, "type", "id", "summary", "content", "encrypted_content", "status")
                demand(isinstance(item["summary"], list), "input.summary")
                demand(item.get("encrypted_content") == encrypted(story.MUSING), "The encrypted content could not be verified.")
                ask.signatures += 1
            else:
                raise Refused(400, f"Invalid value: {kind!r}")
        demand(not open_calls, f"No tool output found for function call {open_calls}.")

    def message(self, item, ask):
        role = item["role"]
        demand(role in ("user", "assistant", "system", "developer"), f"Invalid value: {role!r}")
        demand(not item.get("id") or item["id"].startswith("msg"), f"Invalid 'input.id': {item.get('id')!r}")
        if role == "assistant":
            self.parts(item["content"], ("output_text", "refusal"))
            ask.results = []
            return
        text, images = self.parts(item["content"], ("input_text", "input_image", "input_file"))
        if role == "user":
            ask.question, ask.images, ask.results = text, images, []
        else:
            ask.system = f"{ask.system}\n\n{text}" if ask.system else text

    @staticmethod
    def parts(content, kinds):
        if isinstance(content, str):
            return content, []
        demand(isinstance(content, list), "content: expected a string or an array")
        texts, images = [], []
        for part in content:
            demand(part["type"] in kinds, f"Invalid value: {part['type']!r}. Supported values are: {kinds}")
            if part["type"] == "input_image":
                images.append(data_url(part["image_url"]))
            elif part["type"] == "input_file":
                demand(part["filename"].endswith(".pdf"), f"input_file.filename: {part['filename']}")
                images.append(data_url(part["file_data"]))
            else:
                texts.append(part.get("text", part.get("refusal")))
        return "\n".join(texts), images

    # ------------------------------------------------------------ answers

    def response(self, ask, status, output, usage=None, reason=None):
        return {
            "id": f"resp_scene{self.serial}",
            "object": "response",
            "created_at": 1770000000,
            "status": status,
            "background": False,
            "error": None,
            "incomplete_details": {"reason": reason} if reason else None,
            "instructions": ask.system or None,
            "max_output_tokens": ask.max_tokens,
            "model": "gpt-5",  # also where Azure calls its deployment otherwise
            "output": output,
            "parallel_tool_calls": True,
            "previous_response_id": None,
            "reasoning": {"effort": "high", "summary": "detailed"},
            "service_tier": "default",
            "store": False,
            "temperature": 1.0,
            "text": {"format": {"type": "text"}},
            "tool_choice": "auto",
            "tools": [],
            "top_p": 1.0,
            "truncation": "disabled",
            "usage": usage,
            "metadata": {},
        }

    def usage(self, played):
        total_in = story.FRESH + story.CACHED + story.WRITTEN
        return {
            "input_tokens": total_in,
            "input_tokens_details": {"cached_tokens": story.CACHED, "cache_write_tokens": story.WRITTEN},
            "output_tokens": story.OUT,
            "output_tokens_details": {"reasoning_tokens": story.THOUGHT if played.thoughts else 0},
            "total_tokens": total_in + story.OUT,
        }

    def item(self, ask, block, index):
        if isinstance(block, Thought):
            summary = [{"type": "summary_text", "text": block.text}] if ask.shows_thoughts else []
            more = {"encrypted_content": encrypted(block.text)} if self.encrypts else {}
            return {"id": f"rs_{self.serial}x{index}", "type": "reasoning", "summary": summary, **more}
        if isinstance(block, Text):
            part = {"type": "output_text", "text": block.text, "annotations": [], "logprobs": []}
            return {
                "id": f"msg_{self.serial}x{index}",
                "type": "message",
                "status": "completed",
                "role": "assistant",
                "content": [part],
            }
        return {
            "id": f"fc_{self.serial}x{index}",
            "type": "function_call",
            "status": "completed",
            "call_id": f"call_Scene{self.serial}x{index}",
            "name": block.name,
            "arguments": compact(block.arguments),
        }

    def finished(self, ask, played):
        output = [self.item(ask, block, index) for index, block in enumerate(played.blocks)]
        reason = {"length": "max_output_tokens", "refusal": "content_filter"}.get(played.stop)
        return self.response(ask, "incomplete" if reason else "completed", output, self.usage(played), reason)

    def whole(self, ask, played):
        return self.finished(ask, played)

    def stream(self, ask, played):
        events = [
            {"type": "response.created", "response": self.response(ask, "in_progress", [])},
            {"type": "response.in_progress", "response": self.response(ask, "in_progress", [])},
        ]
        for index, block in enumerate(played.blocks):
            events += self.item_events(ask, block, index)
        end = self.finished(ask, played)
        events.append({"type": f"response.{end['status']}", "response": end})
        return [sse({**event, "sequence_number": number}, event["type"]) for number, event in enumerate(events)]

    def item_events(self, ask, block, index):
        done = self.item(ask, block, index)
        empty = {"reasoning": {"summary": []}, "message": {"content": []}, "function_call": {"arguments": ""}}[done["type"]]
        status = {} if isinstance(block, Thought) else {"status": "in_progress"}
        yield {"type": "response.output_item.added", "output_index": index, "item": {**done, **empty, **status}}
        at = {"item_id": done["id"], "output_index": index}
        if isinstance(block, Call):
            for piece in pieces(done["arguments"]):
                yield {"type": "response.function_call_arguments.delta", **at, "delta": piece, "obfuscation": "Xy"}
            yield {"type": "response.function_call_arguments.done", **at, "arguments": done["arguments"]}
        elif isinstance(block, Text):
            part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
            yield {"type": "response.content_part.added", **at, "content_index": 0, "part": part}
            for piece in pieces(block.text):
                yield {
                    "type": "response.output_text.delta",
                    **at,
                    "content_index": 0,
                    "delta": piece,
                    "logprobs": [],
                    "obfuscation": "q",
                }
            yield {"type": "response.output_text.done", **at, "content_index": 0, "text": block.text, "logprobs": []}
            yield {"type": "response.content_part.done", **at, "content_index": 0, "part": done["content"][0]}
        elif ask.shows_thoughts:
            part = {"type": "summary_text", "text": ""}
            yield {"type": "response.reasoning_summary_part.added", **at, "summary_index": 0, "part": part}
            for piece in pieces(block.text):
                yield {"type": "response.reasoning_summary_text.delta", **at, "summary_index": 0, "delta": piece}
            yield {"type": "response.reasoning_summary_text.done", **at, "summary_index": 0, "text": block.text}
            yield {"type": "response.reasoning_summary_part.done", **at, "summary_index": 0, "part": done["summary"][0]}
        yield {"type": "response.output_item.done", "output_index": index, "item": done}

    def error(self, status, text, kind=None):
        if kind == "context":
            text = "Your input exceeds the context window of this model. Please adjust your input and try again."
            return {
                "error": {"message": text, "type": "invalid_request_error", "param": "input", "code": "context_length_exceeded"}
            }
        names = {400: "invalid_request_error", 401: "invalid_request_error", 404: "invalid_request_error", 429: "requests"}
        codes = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded", 503: "server_is_overloaded"}
        return {"error": {"message": text, "type": names.get(status, "server_error"), "param": None, "code": codes.get(status)}}

    def inband(self):
        error = {"type": "server_error", "code": "server_error", "message": "Overloaded", "param": None}
        failed = {**self.response(Ask("gpt-5"), "failed", []), "error": {"code": "server_error", "message": "Overloaded"}}
        return sse({"type": "error", "sequence_number": 90, "error": error}, "error") + sse(
            {"type": "response.failed", "sequence_number": 91, "response": failed}, "response.failed"
        )
