"""The SDK `google-genai`."""

import logging

from checks import equal, expect
from sdk import SECONDS, Talk, Told, Usage, kept, load, one


class GeminiTalk(Talk):
    name = "gemini"
    version = "v1beta"  # None is the SDK's own choice
    stops = {"end": "STOP", "tool": "STOP", "length": "MAX_TOKENS", "refusal": "SAFETY", "stop": "STOP"}

    def open(self, url, key):
        self.sdk = load("google.genai")
        self.types = load("google.genai.types")
        logging.getLogger("google_genai").setLevel(logging.ERROR)  # it advises against some of its own calls
        types, version = self.types, self.version
        retries = types.HttpRetryOptions(attempts=1)
        options = types.HttpOptions(base_url=url, timeout=SECONDS * 1000, retry_options=retries, api_version=version)
        self.client = kept(lambda: self.sdk.Client(api_key=key, http_options=options), self.name, url, key, version)
        self.contents = []

    def say(self, text, images=()):
        parts = [self.types.Part.from_bytes(data=data, mime_type=kind) for kind, data in images]
        self.contents.append(self.types.Content(role="user", parts=[*parts, self.types.Part(text=text)]))

    def give(self, calls, results):
        types, parts = self.types, []
        for (id_, name, _), result in zip(calls, results):
            pictures = [
                types.FunctionResponsePart(inline_data=types.FunctionResponseBlob(mime_type=kind, data=data))
                for kind, data in result.images
            ]
            response = {"error" if result.is_error else "output": result.text}
            parts.append(
                types.Part(function_response=types.FunctionResponse(id=id_, name=name, response=response, parts=pictures or None))
            )
        self.contents.append(types.Content(role="user", parts=parts))

    def asking(self):
        wish, types = self.options, self.types
        config = {
            "max_output_tokens": wish.max_tokens,
            "automatic_function_calling": types.AutomaticFunctionCallingConfig(disable=True),
            "system_instruction": wish.system,
            "temperature": wish.temperature,
            "stop_sequences": list(wish.stops) or None,
        }
        if wish.tools:
            declared = self.tools(
                lambda name, text, schema: types.FunctionDeclaration(name=name, description=text, parameters_json_schema=schema)
            )
            config["tools"] = [types.Tool(function_declarations=declared)]
        if wish.choice:
            mode = {"any": "ANY", "none": "NONE"}.get(wish.choice)
            named = {"mode": mode} if mode else {"mode": "ANY", "allowed_function_names": [wish.choice]}
            config["tool_config"] = types.ToolConfig(function_calling_config=types.FunctionCallingConfig(**named))
        if wish.thinking:
            adaptive = {"thinking_level": "HIGH"} if wish.thinking == "level" else {"thinking_budget": 2048}
            config["thinking_config"] = types.ThinkingConfig(include_thoughts=True, **adaptive)
        if wish.schema:
            config |= {"response_mime_type": "application/json", "response_json_schema": wish.schema}
        return {"model": self.model, "contents": self.contents, "config": types.GenerateContentConfig(**config)}

    def whole(self):
        answer = self.client.models.generate_content(**self.asking())
        content = answer.candidates[0].content
        return self.told(content.parts if content else [], answer)

    def streamed(self):
        parts, heads, last, finishes = [], [], None, []
        for chunk in self.client.models.generate_content_stream(**self.asking()):
            heads.append((chunk.model_version, chunk.response_id))
            expect(not finishes, "nothing behind the finish reason", chunk)
            for candidate in chunk.candidates or []:
                finishes += [candidate.finish_reason] if candidate.finish_reason else []
                for part in (candidate.content.parts if candidate.content else None) or []:
                    self.add(parts, part)
            last = chunk
        one(heads, "model and id")
        return self.told(parts, last)

    @staticmethod
    def add(parts, part):
        """Pieces of one text are one part."""
        before = parts[-1] if parts else None
        if (
            part.text is not None
            and before is not None
            and before.text is not None
            and bool(part.thought) == bool(before.thought)
        ):
            before.text += part.text
            before.thought_signature = part.thought_signature or before.thought_signature
        else:
            parts.append(part)

    def told(self, parts, answer):
        self.contents.append(self.types.Content(role="model", parts=[part for part in parts or [] if part.text != ""]))
        usage, candidate = answer.usage_metadata, answer.candidates[0]
        out = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
        equal(usage.total_token_count, usage.prompt_token_count + out, "total_token_count")
        calls = [part.function_call for part in parts or [] if part.function_call]
        return Told(
            text="".join(part.text for part in parts or [] if part.text and not part.thought),
            thoughts="".join(part.text for part in parts or [] if part.text and part.thought),
            calls=[(call.id, call.name, call.args) for call in calls],
            stop=candidate.finish_reason.value if candidate.finish_reason else None,
            model=answer.model_version,
            usage=Usage(usage.prompt_token_count, usage.cached_content_token_count or 0, out),
        )

    def count(self):
        return self.client.models.count_tokens(model=self.model, contents=self.contents).total_tokens

    def listed(self):
        return [model.name.removeprefix("models/") for model in self.client.models.list()]

    def error_class(self, status):
        return self.sdk.errors.ServerError if status >= 500 else self.sdk.errors.ClientError

    def any_error(self):
        return self.sdk.errors.APIError

    @staticmethod
    def status(error):
        return error.code

    @staticmethod
    def said(error):
        return error.message
