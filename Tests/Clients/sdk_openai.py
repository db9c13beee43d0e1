"""The SDK `openai`: Chat Completions and Responses."""

import base64
import json

from checks import equal, expect
from sdk import SECONDS, Talk, Told, Usage, kept, load, one


def _url(kind, data):
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


class OpenAITalk(Talk):
    def open(self, url, key):
        self.sdk = load("openai")
        self.client = kept(
            lambda: self.sdk.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=SECONDS), "openai", url, key
        )
        self.items = []

    def listed(self):
        return [model.id for model in self.client.models.list()]

    def error_class(self, status):
        names = {400: "BadRequestError", 401: "AuthenticationError", 404: "NotFoundError", 429: "RateLimitError"}
        return getattr(self.sdk, names.get(status, "InternalServerError"))

    def any_error(self):
        return self.sdk.APIError

    @staticmethod
    def status(error):
        return error.status_code

    @staticmethod
    def said(error):
        return error.body["message"]


class ChatTalk(OpenAITalk):
    name = "chat"
    stops = {"end": "stop", "tool": "tool_calls", "length": "length", "refusal": "content_filter", "stop": "stop"}

    def say(self, text, images=()):
        parts = [self.image(kind, data) for kind, data in images]
        self.items.append({"role": "user", "content": [*parts, {"type": "text", "text": text}] if parts else text})

    @staticmethod
    def image(kind, data):
        if kind == "application/pdf":
            return {"type": "file", "file": {"filename": "plan.pdf", "file_data": _url(kind, data)}}
        return {"type": "image_url", "image_url": {"url": _url(kind, data)}}

    def give(self, calls, results):
        for (id_, _, _), result in zip(calls, results):
            text = ("Error: " if result.is_error else "") + result.text
            self.items.append({"role": "tool", "tool_call_id": id_, "content": text})

    def asking(self):
        wish = self.options
        system = [{"role": "system", "content": wish.system}] if wish.system else []
        asked = {"model": self.model, "messages": [*system, *self.items], "max_completion_tokens": wish.max_tokens}
        if wish.tools:
            asked["tools"] = self.tools(
                lambda name, text, schema: {
                    "type": "function",
                    "function": {"name": name, "description": text, "parameters": schema},
                }
            )
        if wish.choice:
            named = {"type": "function", "function": {"name": wish.choice}}
            asked["tool_choice"] = {"any": "required", "none": "none"}.get(wish.choice, named)
        if wish.stops:
            asked["stop"] = list(wish.stops)
        if wish.thinking:
            asked["reasoning_effort"] = "high"
        if wish.schema:
            asked["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "forecast", "strict": True, "schema": wish.schema},
            }
        if wish.temperature is not None:
            asked["temperature"] = wish.temperature
        return asked

    def whole(self):
        completion = self.client.chat.completions.create(**self.asking())
        equal((completion.object, len(completion.choices)), ("chat.completion", 1), "object and choices")
        expect(isinstance(completion.created, int) and completion.id, "an id and a time", completion.id)
        choice = completion.choices[0]
        return self.told(choice.message.model_dump(exclude_none=True), choice.finish_reason, completion.model, completion.usage)

    def streamed(self):
        told, finish, usage, heads = {"role": None, "content": None}, [], [], []
        for chunk in self.client.chat.completions.create(**self.asking(), stream=True, stream_options={"include_usage": True}):
            expect(not usage or not chunk.choices, "no choice behind the usage", chunk)
            usage += [chunk.usage] if chunk.usage else []
            if not chunk.choices:
                continue
            heads.append((chunk.id, chunk.model, chunk.object))
            choice = chunk.choices[0]
            expect(not finish, "nothing of the choice behind its finish_reason", finish)
            finish += [choice.finish_reason] if choice.finish_reason else []
            self.add(told, choice.delta)
        equal((len(finish), len(usage)), (1, 1), "how often the end and the usage came")
        _, model, kind = one(heads, "id, model and object")
        equal((kind, told["role"]), ("chat.completion.chunk", "assistant"), "object and role")
        if "tool_calls" in told:
            told["tool_calls"] = list(told["tool_calls"].values())
        return self.told({key: value for key, value in told.items() if value is not None}, finish[0], model, usage[0])

    @staticmethod
    def add(told, delta):
        told["role"] = told["role"] or delta.role
        for name in ("content", "refusal", "reasoning_content"):
            if (piece := getattr(delta, name, None)) is not None:
                told[name] = (told.get(name) or "") + piece
        for call in delta.tool_calls or []:
            calls = told.setdefault("tool_calls", {})
            expect(call.index in calls or call.index == len(calls), "tool calls counted from 0", call.index)
            kept = calls.setdefault(call.index, {"id": call.id, "type": call.type, "function": {"name": "", "arguments": ""}})
            if extra := (call.model_extra or {}).get("extra_content"):
                kept["extra_content"] = extra
            kept["function"]["name"] += call.function.name or ""
            kept["function"]["arguments"] += call.function.arguments or ""

    def told(self, message, finish, model, usage):
        thoughts = message.pop("reasoning_content", None)
        # As many agents do: what the vendor added is handed back, reasoning only where it has to be.
        self.items.append({"content": None, **message, **({"reasoning_content": thoughts} if thoughts and self.echoes else {})})
        calls = message.get("tool_calls") or []
        expect(all(call["id"] and call["type"] == "function" for call in calls), "calls with an id and a type", calls)
        details = usage.prompt_tokens_details
        equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens, "total_tokens")
        return Told(
            text=message.get("content") or "",
            thoughts=thoughts or "",
            calls=[(call["id"], call["function"]["name"], json.loads(call["function"]["arguments"])) for call in calls],
            stop=finish,
            model=model,
            usage=Usage(usage.prompt_tokens, (details.cached_tokens or 0) if details else 0, usage.completion_tokens),
        )

    echoes = False


class ResponsesTalk(OpenAITalk):
    name = "responses"
    stops = {
        "end": "completed",
        "tool": "completed",
        "length": "max_output_tokens",
        "refusal": "content_filter",
        "stop": "completed",
    }

    def say(self, text, images=()):
        parts = [self.image(kind, data) for kind, data in images]
        self.items.append({"role": "user", "content": [*parts, {"type": "input_text", "text": text}] if parts else text})

    @staticmethod
    def image(kind, data):
        if kind == "application/pdf":
            return {"type": "input_file", "filename": "plan.pdf", "file_data": _url(kind, data)}
        return {"type": "input_image", "image_url": _url(kind, data), "detail": "auto"}

    def give(self, calls, results):
        for (id_, _, _), result in zip(calls, results):
            text = ("Error: " if result.is_error else "") + result.text
            pictures = [self.image(kind, data) for kind, data in result.images]
            output = [{"type": "input_text", "text": text}, *pictures] if pictures else text
            self.items.append({"type": "function_call_output", "call_id": id_, "output": output})

    def asking(self):
        wish = self.options
        asked = {"model": self.model, "input": self.items, "max_output_tokens": wish.max_tokens, "store": False}
        if wish.system:
            asked["instructions"] = wish.system
        if wish.tools:
            asked["tools"] = self.tools(
                lambda name, text, schema: {
                    "type": "function",
                    "name": name,
                    "description": text,
                    "parameters": schema,
                    "strict": False,
                }
            )
        if wish.choice:
            named = {"type": "function", "name": wish.choice}
            asked["tool_choice"] = {"any": "required", "none": "none"}.get(wish.choice, named)
        if wish.thinking:
            asked["reasoning"] = {"effort": "high", "summary": "auto"}
            asked["include"] = ["reasoning.encrypted_content"]
        if wish.schema:
            asked["text"] = {"format": {"type": "json_schema", "name": "forecast", "strict": True, "schema": wish.schema}}
        if wish.temperature is not None:
            asked["temperature"] = wish.temperature
        return asked

    def whole(self):
        return self.told(self.client.responses.create(**self.asking(), **({"stream": False} if self.says_stream else {})))

    def streamed(self):
        numbers, text, thoughts, arguments, ends, done = [], [], [], {}, [], []
        for event in self.client.responses.create(**self.asking(), stream=True):
            numbers.append(event.sequence_number)
            if event.type == "response.output_text.delta":
                text.append(event.delta)
            elif event.type == "response.reasoning_summary_text.delta":
                thoughts.append(event.delta)
            elif event.type == "response.function_call_arguments.delta":
                arguments.setdefault(event.output_index, []).append(event.delta)
            elif event.type == "response.output_item.done":
                # `transformers serve` counts its calls from 1, sends no pieces of them, and ends with another order of the items.
                expect(event.output_index == len(done) or self.says_stream, f"output_index {len(done)}", event.output_index)
                done.append(event.item)
            elif event.type in ("response.completed", "response.incomplete", "response.failed"):
                ends.append(event.response)
            elif event.type == "error":
                raise self.sdk.APIError(event.message, None, body=None)
        equal(len(ends), 1, "how often the stream ended")
        if ends[0].status == "failed":
            raise self.sdk.APIError(ends[0].error.message, None, body=None)
        equal(numbers, list(range(len(numbers))), "sequence numbers")
        if not self.says_stream:
            equal([item.to_dict() for item in ends[0].output], [item.to_dict() for item in done], "the items of the end")
        told = self.told(ends[0])
        equal(("".join(text), "".join(thoughts)), (told.text, told.thoughts), "the deltas, joined")
        calls = [item.arguments for item in done if item.type == "function_call"]
        if not self.says_stream:
            equal(["".join(pieces) for _, pieces in sorted(arguments.items())], calls, "the pieces of the arguments, joined")
        return told

    def told(self, response):
        self.items += [item.to_dict() for item in response.output]
        for item in response.output:
            expect(item.type in ("message", "reasoning", "function_call"), "an item that was asked for", item.type)
        equal((response.object, response.error), ("response", None), "object and error")
        usage = response.usage
        equal(usage.total_tokens, usage.input_tokens + usage.output_tokens, "total_tokens")
        return Told(
            text=response.output_text,
            thoughts="".join(part.text for item in response.output if item.type == "reasoning" for part in item.summary),
            calls=[
                (item.call_id, item.name, json.loads(item.arguments)) for item in response.output if item.type == "function_call"
            ],
            stop=response.incomplete_details.reason if response.status == "incomplete" else response.status,
            model=response.model,
            usage=Usage(usage.input_tokens, usage.input_tokens_details.cached_tokens, usage.output_tokens),
        )

    def count(self):
        return self.client.responses.input_tokens.count(model=self.model, input=self.items).input_tokens
