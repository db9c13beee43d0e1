"""Chat Completions as three vendors serve it that are no OpenAI: Moonshot, DeepSeek, Mistral. For the table of clients."""

import re

from provider_chat import MEMBERS, ChatProvider
from story import demand


class MoonshotProvider(ChatProvider):
    """Thinks unless told not to, and wants the thoughts of every call back."""

    members = [name for name in MEMBERS if name not in ("reasoning_effort", "verbosity", "service_tier", "store", "metadata")] + ["thinking"]

    def __init__(self):
        super().__init__("visible")

    def limits(self, body, ask):
        super().limits(body, ask)
        demand(body.get("temperature") in (None, 1, 0.6), "invalid temperature: only 1 is allowed for this model")
        demand(body.get("tool_choice") in (None, "auto", "none"), "tool_choice 'specified' is incompatible with thinking enabled")
        self.thought = (body.get("thinking") or {}).get("type") != "disabled"

    def answered(self, message, ask):
        if message.get("tool_calls") and self.thought:
            demand(message.get("reasoning_content"), "thinking is enabled but reasoning_content is missing in assistant tool call message")
        return super().answered(message, ask)

    def call(self, index, block, text):
        return {**super().call(index, block, text), "id": f"functions.{block.name}:{self.serial * 10 + index}"}


class DeepSeekProvider(MoonshotProvider):
    members = [name for name in MEMBERS if name not in ("verbosity", "service_tier", "store", "metadata", "seed", "n")] + ["thinking"]

    def limits(self, body, ask):
        ChatProvider.limits(self, body, ask)
        self.thought = (body.get("thinking") or {}).get("type") != "disabled"
        demand(self.thought or body.get("reasoning_effort") in (None, "none"), "reasoning_effort cannot be set while thinking is disabled")

    def call(self, index, block, text):
        return {**ChatProvider.call(self, index, block, text), "id": f"call_{index:02}_{self.serial}aB3"}


class MistralProvider(ChatProvider):
    """Answers 422 to members that it does not know; ids of calls are nine letters and digits."""

    members = (
        "model messages max_tokens temperature top_p n stop stream tools tool_choice parallel_tool_calls response_format random_seed "
        "safe_prompt prompt_mode presence_penalty frequency_penalty prediction metadata prompt_cache_key"
    ).split()

    def refusal(self, request, refused):
        if "Unrecognized" in refused.text:
            refused.status = 422
        return super().refusal(request, refused)

    def answered(self, message, ask):
        for call in message.get("tool_calls") or []:
            demand(re.fullmatch(r"[a-zA-Z0-9]{9}", call["id"]), f"Tool call id was {call['id']} but must be a-z, A-Z, 0-9, with a length of 9.")
        return super().answered(message, ask)

    def call(self, index, block, text):
        return {**super().call(index, block, text), "id": f"aB{self.serial % 10000:04}cD{index}"}

    def stream(self, ask, played):
        ask.wants_usage = False
        *events, _done = super().stream(ask, played)
        last = events[-1].replace(b'"choices"', b'"usage":' + _usage(self.usage(played)) + b',"choices"')
        return [*events[:-1], last, b"data: [DONE]\n\n"]

    def error(self, status, text, kind=None):
        return {"object": "error", "message": text, "type": "invalid_request_error", "param": None, "code": None}


def _usage(usage):
    return str({key: usage[key] for key in ("prompt_tokens", "completion_tokens", "total_tokens")}).replace("'", '"').encode()


PRESETS = {  # the preset → its provider and the model that is asked of it
    "moonshot": (MoonshotProvider, "kimi-k2.5"),
    "deepseek": (DeepSeekProvider, "deepseek-v4-pro"),
    "mistral": (MistralProvider, "mistral-large-latest"),
}
