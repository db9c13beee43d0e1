"""The SDK `anthropic`."""

import base64

from checks import equal, expect
from sdk import SECONDS, Talk, Told, Usage, kept, load


class AnthropicTalk(Talk):
    name = "anthropic"
    stops = {"end": "end_turn", "tool": "tool_use", "length": "max_tokens", "refusal": "refusal", "stop": "stop_sequence"}

    def open(self, url, key):
        self.sdk = load("anthropic")
        self.client = kept(
            lambda: self.sdk.Anthropic(base_url=url, api_key=key, max_retries=0, timeout=SECONDS), self.name, url, key
        )
        self.messages = []

    def say(self, text, images=()):
        blocks = [self.image(kind, data) for kind, data in images]
        self.messages.append({"role": "user", "content": [*blocks, {"type": "text", "text": text}] if blocks else text})

    def give(self, calls, results):
        blocks = []
        for (id_, _, _), result in zip(calls, results):
            content = result.text
            if result.images:
                content = [{"type": "text", "text": result.text}, *(self.image(kind, data) for kind, data in result.images)]
            blocks.append(
                {"type": "tool_result", "tool_use_id": id_, "content": content, **({"is_error": True} if result.is_error else {})}
            )
        self.messages.append({"role": "user", "content": blocks})

    @staticmethod
    def image(kind, data):
        source = {"type": "base64", "media_type": kind, "data": base64.b64encode(data).decode()}
        if kind == "application/pdf":
            return {"type": "document", "source": source, "title": "plan.pdf"}
        return {"type": "image", "source": source}

    def asking(self):
        wish = self.options
        asked = {"model": self.model, "max_tokens": wish.max_tokens, "messages": self.messages}
        if wish.system:
            asked["system"] = wish.system
        if wish.tools:
            asked["tools"] = self.tools(lambda name, text, schema: {"name": name, "description": text, "input_schema": schema})
        if wish.choice:
            asked["tool_choice"] = (
                {"type": wish.choice} if wish.choice in ("any", "none") else {"type": "tool", "name": wish.choice}
            )
        if wish.stops:
            asked["stop_sequences"] = list(wish.stops)
        if wish.thinking:
            adaptive = {"type": "adaptive", "display": "summarized"}
            asked["thinking"] = adaptive if wish.thinking == "adaptive" else {"type": "enabled", "budget_tokens": 2048}
        if wish.schema:
            asked["output_config"] = {"format": {"type": "json_schema", "schema": wish.schema}}
        return asked

    def whole(self):
        return self.told(self.client.messages.create(**self.asking()))

    def streamed(self):
        text, thoughts, partial, stops = [], [], {}, []
        with self.client.messages.stream(**self.asking()) as stream:
            for event in stream:
                if event.type == "content_block_delta":
                    delta = event.delta
                    text += [delta.text] if delta.type == "text_delta" else []
                    thoughts += [delta.thinking] if delta.type == "thinking_delta" else []
                    if delta.type == "input_json_delta":
                        partial.setdefault(event.index, []).append(delta.partial_json)
                elif event.type in ("message_stop", "message_delta"):
                    stops.append(event.type)
            told = self.told(stream.get_final_message())
        equal(stops, ["message_delta", "message_stop"], "the end of the stream")
        equal(("".join(text), "".join(thoughts)), (told.text, told.thoughts), "the deltas, joined")
        expect(set(partial) <= set(range(16)), "few blocks", partial)
        return told

    def told(self, message):
        self.messages.append({"role": "assistant", "content": message.content})
        for block in message.content:
            expect(block.type in ("text", "thinking", "redacted_thinking", "tool_use"), "a block that was asked for", block.type)
        equal((message.type, message.role), ("message", "assistant"), "type and role")
        usage = message.usage
        cached = usage.cache_read_input_tokens or 0
        return Told(
            text="".join(block.text for block in message.content if block.type == "text"),
            thoughts="".join(block.thinking for block in message.content if block.type == "thinking"),
            calls=[(block.id, block.name, block.input) for block in message.content if block.type == "tool_use"],
            stop=message.stop_reason,
            model=message.model,
            usage=Usage(usage.input_tokens + cached + (usage.cache_creation_input_tokens or 0), cached, usage.output_tokens),
        )

    def count(self):
        return self.client.messages.count_tokens(model=self.model, messages=self.messages).input_tokens

    def listed(self):
        return [model.id for model in self.client.models.list()]

    def error_class(self, status):
        names = {
            400: "BadRequestError",
            401: "AuthenticationError",
            404: "NotFoundError",
            413: "ContentTooLargeError",
            429: "RateLimitError",
        }
        return getattr(self.sdk, names.get(status, "InternalServerError"))

    def any_error(self):
        return self.sdk.APIError

    @staticmethod
    def status(error):
        return error.status_code

    @staticmethod
    def said(error):
        return error.body["error"]["message"]
