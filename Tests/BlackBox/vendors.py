"""For the checks of presets and quirks: servers of Chat Completions as strict as their vendors, told as data.

A server plays one scene whatever it is asked in: it calls `look` once, then twice at once, then it answers in words; after a
further question it answers in words again. What a vendor refuses is refused with its status and in its words, and remembered in
`refusals`, so that a check can say what was wrong.
"""

import json
import re
from dataclasses import dataclass, field

from dialects import compact
from upstream import stream, whole

CALLS = [[("look", {"at": "Paris"})], [("look", {"at": "Rome"}), ("look", {"at": "東京"})]]
WORDS = "It is 21 degrees — grüß Gott 🌊."
MUSING = "Hm, I should look\nfirst."
USAGE = {"prompt_tokens": 19, "completion_tokens": 7, "total_tokens": 26}

MEMBERS = set(
    "model messages max_tokens max_completion_tokens temperature top_p n stop stream stream_options tools tool_choice "
    "parallel_tool_calls response_format reasoning_effort seed user presence_penalty frequency_penalty logprobs top_logprobs "
    "logit_bias".split()
)
FIRST_PARTY = set("safety_identifier prompt_cache_key service_tier store metadata verbosity modalities prediction".split())
NAME = re.compile(r"^[a-zA-Z0-9_-]{1,64}$")


class Refused(Exception):
    """What the vendor does not take: the member, and what it says of it."""

    def __init__(self, member, text=None, status=None):
        super().__init__(text or member)
        self.member, self.text, self.status = member, text, status


def plain_error(_status, member, text):
    return {"error": {"message": text or f"Unrecognized request argument supplied: {member}", "type": "invalid_request_error",
                      "param": member, "code": None}}  # fmt: skip


def _never(_body):
    return False


def member_is(path, *values):
    """Whether the member at this path (with dots) of a body is one of the values."""

    def holds(body):
        for name in path.split("."):
            body = body.get(name) if isinstance(body, dict) else None
        return body in values

    return holds


@dataclass
class Vendor:
    """A server of Chat Completions, as its vendor runs it."""

    model: str
    takes: set = field(default_factory=set)  # members beside MEMBERS
    refuses: set = field(default_factory=set)  # members of MEMBERS that it does not take
    status: int = 400
    error: object = plain_error
    ids: str = r"^.{1,64}$"
    demands: tuple = ()  # functions of the body that raise Refused
    thinks: str = None  # reasoning_content | reasoning | reasoning_details | tags | parts | None
    by_default: bool = False  # whether it thinks where nobody says anything
    is_on: object = _never
    is_off: object = _never
    echo: bool = False  # an assistant message with calls must bring the thoughts back while it thinks
    on: dict = field(default_factory=dict)  # its own words, for a client of its own format
    off: dict = field(default_factory=dict)
    assistant: set = field(default_factory=set)  # members of an assistant's message beside the usual ones
    roles: tuple = ("system", "user", "assistant", "tool")
    usage: str = "asked"  # asked (a chunk of its own, with stream_options) | last | choice | x_groq
    choices: tuple = ("auto", "none", "required")  # texts of tool_choice
    named_choice: bool = True
    tools: bool = True
    switchable: bool = True  # whether thinking can be switched off in its words
    cost: float = None
    call_id: object = None  # function of turn, index, name and the answer's number


class Server:
    """`Upstream.reply(Server(vendor))`."""

    lists = True

    def __init__(self, vendor):
        self.vendor, self.refusals, self.thought, self.bodies = vendor, [], [], []
        self.serial = 0  # of answers: no two calls of a server have the same id, unless its vendor makes them so
        self.beside = None  # what answers at /responses, where the vendor has it

    def __call__(self, request, wire):
        if request.method == "GET":
            return whole({"object": "list", "data": [{"id": self.vendor.model, "object": "model"}]})(request, wire)
        if self.beside and request.path.endswith("/responses"):
            return self.beside(request, wire)
        try:
            body = json.loads(request.body)
            self.bodies.append(body)
            turn = self.read(body)
            self.serial += 1
        except Refused as refused:
            self.refusals.append(f"{refused.member}: {refused.text or 'not taken'}")
            status = refused.status or self.vendor.status
            said = self.vendor.error(status, refused.member, refused.text)
            return whole(said, status)(request, wire)
        except (KeyError, TypeError, ValueError, AttributeError) as odd:
            self.refusals.append(f"malformed: {type(odd).__name__} {odd}")
            return whole(plain_error(400, "messages", f"malformed: {odd}"), 400)(request, wire)
        thinks = self.thinking(body)
        self.thought.append(thinks)
        if body.get("stream"):
            return stream(b"".join(self.chunks(body, turn, thinks)))(request, wire)
        return whole(self.answer(body, turn, thinks))(request, wire)

    def thinking(self, body):
        vendor = self.vendor
        return bool(vendor.thinks) and (vendor.is_on(body) or vendor.by_default) and not vendor.is_off(body)

    # ------------------------------------------------------------ requests

    def read(self, body):
        """The turn a request is at: 0 and 1 have calls, 2 has words."""
        vendor = self.vendor
        for member in body:
            if member in vendor.refuses or member not in MEMBERS | vendor.takes:
                raise Refused(member)
        if body["model"] != vendor.model:
            raise Refused("model", f"no such model: {body['model']}", 404)
        if "stream_options" in body and not body.get("stream"):
            raise Refused("stream_options", "stream_options is only allowed when streaming")
        self.declared(body)
        for demand in vendor.demands:
            demand(body)
        return self.history(body)

    def declared(self, body):
        tools = body.get("tools")
        if tools is None:
            if "tool_choice" in body or "parallel_tool_calls" in body:
                raise Refused("tool_choice", "tool_choice needs tools")
            return
        if not self.vendor.tools or not tools:
            raise Refused("tools")
        for tool in tools:
            if tool["type"] != "function" or set(tool) - {"type", "function", "cache_control"}:
                raise Refused("tools", f"a tool of an unknown form: {tool}")
            function = tool["function"]
            if not NAME.match(function["name"]) or set(function) - {"name", "description", "parameters", "strict"}:
                raise Refused("tools", f"a function of an unknown form: {function}")
            if function.get("parameters", {}).get("type") != "object":
                raise Refused("tools", f"parameters are no object: {function}")
        choice = body.get("tool_choice", "auto")
        if isinstance(choice, str) and choice not in self.vendor.choices or isinstance(choice, dict) and not self.vendor.named_choice:
            raise Refused("tool_choice", f"tool_choice {choice!r} is not supported")

    def history(self, body):
        vendor, turn, waiting, known = self.vendor, 0, [], set()
        for index, message in enumerate(body["messages"]):
            role = message["role"]
            if role not in vendor.roles:
                raise Refused("messages", f"unknown variant `{role}` at messages[{index}].role")
            if role == "tool":
                if message["tool_call_id"] not in waiting:
                    raise Refused("messages", f"tool message {message['tool_call_id']!r} answers no call of {waiting}")
                waiting.remove(message["tool_call_id"])
                continue
            if waiting:
                raise Refused("messages", f"no result for {waiting}")
            if role == "assistant":
                waiting = self.answered(body, index, message)
                if known & set(waiting):
                    raise Refused("messages", f"an id twice: {waiting}")
                known |= set(waiting)
                turn += bool(waiting)
            elif message.get("content") in (None, "", []):
                raise Refused("messages", f"messages[{index}].content is empty")
        if waiting:
            raise Refused("messages", f"no result for {waiting}")
        return min(turn, 2)

    def answered(self, body, index, message):
        vendor = self.vendor
        extra = set(message) - {"role", "content", "tool_calls", "name", "refusal"} - vendor.assistant
        if extra:
            raise Refused("messages", f"messages.{index}: property {sorted(extra)[0]!r} is unsupported")
        calls = message.get("tool_calls") or []
        if message.get("content") is None and not calls:
            raise Refused("messages", f"messages[{index}].content is missing")
        for call in calls:
            if not re.match(vendor.ids, call["id"]):
                raise Refused("messages", f"Tool call id was {call['id']} but must match {vendor.ids}")
            if not isinstance(json.loads(call["function"]["arguments"]), dict):
                raise Refused("messages", "arguments hold no object")
        if calls and vendor.echo and self.thinking(body):
            given = message.get(vendor.thinks)
            if not given:
                raise Refused("messages", f"thinking is enabled but {vendor.thinks} is missing in assistant tool call message at index {index}")
            if vendor.thinks != "reasoning_details" and MUSING not in str(given) and self.thought and all(self.thought):
                raise Refused("messages", f"other thoughts than ours came back at index {index}: {given!r}")
        return [call["id"] for call in calls]

    # ------------------------------------------------------------ answers

    def id_of(self, turn, index, name):
        if self.vendor.call_id:
            return self.vendor.call_id(turn, index, name, self.serial)
        return f"call_{turn}{index}{self.serial:05}ghijklmnopqrstuv"

    def calls(self, turn):
        return [
            {"index": index, "id": self.id_of(turn, index, name), "type": "function",
             "function": {"name": name, "arguments": compact(arguments).decode()}}
            for index, (name, arguments) in enumerate(CALLS[turn] if turn < 2 else [])
        ]  # fmt: skip

    def thoughts(self, turn, text=MUSING):
        """Members of a message or a delta that hold thoughts."""
        field_ = self.vendor.thinks
        if field_ == "tags":  # MiniMax, asked for them apart
            return {"reasoning_details": [{"type": "reasoning.text", "id": "reasoning-text-1", "format": "MiniMax-response-v1", "index": 0, "text": text}]}
        if field_ == "reasoning_details":
            sealed = [{"type": "reasoning.encrypted", "data": "RU5D", "format": "google-gemini-v1", "id": self.id_of(turn, 0, "look"), "index": 0}]
            details = [{"type": "reasoning.text", "text": text, "format": "google-gemini-v1", "index": 0}]
            return {"reasoning": text, "reasoning_details": details + (sealed if turn < 2 else [])}
        return {field_: text} if field_ in ("reasoning_content", "reasoning") else {}

    def text(self, body, turn, thinks):
        text = WORDS if turn == 2 else ""
        if thinks and self.vendor.thinks == "tags" and not body.get("reasoning_split"):
            return f"<think>\n{MUSING}\n</think>\n\n{text}"
        return text

    def frame(self, body, kind):
        return {"id": "chatcmpl-strict", "object": kind, "created": 1770000000, "model": body["model"]}

    def used(self):
        return USAGE | ({"cost": self.vendor.cost} if self.vendor.cost is not None else {})

    def answer(self, body, turn, thinks):
        content = self.text(body, turn, thinks) or None
        if thinks and self.vendor.thinks == "parts":
            content = _parts(MUSING) + ([{"type": "text", "text": WORDS}] if turn == 2 else [])
        apart = thinks and (self.vendor.thinks != "tags" or body.get("reasoning_split"))
        message = {"role": "assistant", "content": content, **(self.thoughts(turn) if apart else {})}
        calls = [{key: value for key, value in call.items() if key != "index"} for call in self.calls(turn)]
        if calls:
            message["tool_calls"] = calls
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if calls else "stop"}
        return {**self.frame(body, "chat.completion"), "choices": [choice], "usage": self.used()}

    def chunks(self, body, turn, thinks):
        place, asked = self.vendor.usage, (body.get("stream_options") or {}).get("include_usage")

        def chunk(delta, finish=None, choice=None, **more):
            one = {"index": 0, "delta": delta, "finish_reason": finish, **(choice or {})}
            return b"data: " + compact({**self.frame(body, "chat.completion.chunk"), "choices": [one], **more}) + b"\n\n"

        yield chunk({"role": "assistant", "content": ""})
        if thinks and self.vendor.thinks == "parts":
            yield chunk({"content": _parts(MUSING[:7])})
            yield chunk({"content": _parts(MUSING[7:])})
        elif thinks and (self.vendor.thinks == "reasoning_details" or body.get("reasoning_split")):
            yield chunk({"content": "", **self.thoughts(turn)})
        elif thinks and self.vendor.thinks != "tags":
            yield chunk(self.thoughts(turn, MUSING[:7]))
            yield chunk(self.thoughts(turn, MUSING[7:]))
        text = self.text(body, turn, thinks)
        for at in range(0, len(text), 5):
            yield chunk({"content": text[at : at + 5]})
        calls = self.calls(turn)
        for call in calls:
            arguments = call["function"]["arguments"]
            yield chunk({"tool_calls": [{**call, "function": {"name": call["function"]["name"], "arguments": ""}}]})
            yield chunk({"tool_calls": [{"index": call["index"], "function": {"arguments": arguments[:4]}}]})
            yield chunk({"tool_calls": [{"index": call["index"], "function": {"arguments": arguments[4:]}}]})
        choice = {"usage": self.used()} if place == "choice" else {}
        more = {"usage": self.used()} if place == "last" else {"x_groq": {"usage": self.used()}} if place == "x_groq" else {}
        yield chunk({}, "tool_calls" if calls else "stop", choice, **more)
        if place == "asked" and asked:
            yield b"data: " + compact({**self.frame(body, "chat.completion.chunk"), "choices": [], "usage": self.used()}) + b"\n\n"
        yield b"data: [DONE]\n\n"


def _parts(text):
    return [{"type": "thinking", "thinking": [{"type": "text", "text": text}]}]


# ---------------------------------------------------------------- what each refuses, from its pages


def one_of(path, *values):
    """The member may be absent, or one of these."""

    def demand(body):
        value = body
        for name in path.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        if value is not None and value not in values:
            raise Refused(path, f"invalid {path}: {value!r}; only {values} are allowed for this model")

    return demand


def system_first(body):
    """A chat template that knows a system message at the start only."""
    for index, message in enumerate(body["messages"]):
        if message["role"] == "system" and index > 0:
            raise Refused("messages", "System message must be at the beginning.")


def no_pictures(body):
    for message in body["messages"]:
        for part in message["content"] if isinstance(message.get("content"), list) else []:
            if part["type"] != "text":
                raise Refused("messages", f"unknown variant `{part['type']}`, expected `text`")


def no_effort_beside_off(body):
    if (body.get("thinking") or {}).get("type") == "disabled" and body.get("reasoning_effort") not in (None, "none"):
        raise Refused("reasoning_effort", "reasoning_effort cannot be set while thinking is disabled")


def no_effort_beside_tools(body):
    if body.get("tools") and body.get("reasoning_effort", "none") != "none":
        raise Refused("reasoning_effort", "Function tools with reasoning_effort are not supported for this model in /v1/chat/completions. "
                      "Please use /v1/responses or set reasoning_effort to 'none'.")  # fmt: skip


def no_plain_maximum(body):
    if "max_tokens" in body:
        raise Refused("max_tokens", "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.")


def kimi_sampling(body):
    off = member_is("thinking.type", "disabled")(body)
    one_of("temperature", 0.6 if off else 1, 0.6 if off else 1.0)(body)
    one_of("top_p", 0.95)(body)


def mistral_error(status, member, text):
    if text is None:
        detail = [{"type": "extra_forbidden", "loc": ["body", member], "msg": "Extra inputs are not permitted", "input": "x"}]
        return {"object": "error", "message": {"detail": detail}, "type": "invalid_request_error", "param": None, "code": None}
    return {"object": "error", "message": text, "type": "invalid_request_error", "param": None, "code": "3280"}


def groq_error(_status, member, text):
    return {"error": {"message": text or f"property '{member}' is unsupported", "type": "invalid_request_error"}}


def cerebras_error(_status, member, text):
    said = text or f"property '{member}' is unsupported"
    return {"message": said, "type": "invalid_request_error", "param": member, "code": "wrong_api_format"}


def xai_error(_status, member, text):
    return {"code": "Client specified an invalid argument", "error": text or f"Argument not supported on this model: {member}"}


def glm_error(_status, member, text):
    return {"error": {"code": "1210", "message": text or f"Invalid API parameter: {member}"}}


def google_error(status, member, text):
    said = text or f'Invalid JSON payload received. Unknown name "{member}": Cannot find field.'
    return [{"error": {"code": status, "message": said, "status": "INVALID_ARGUMENT"}}]


def fireworks_error(_status, member, text):
    said = text or f"Extra inputs are not permitted, field: '{member}', value: 'x'"
    return {"error": {"object": "error", "type": "invalid_request_error", "code": "invalid_request_error", "message": said}}


def nvidia_error(status, member, text):
    return {"type": "about:blank", "title": "Bad Request", "status": status, "detail": text or f"Unsupported parameter(s): `{member}`"}


def nine(turn, index, _name, serial):
    return f"aB{turn}{index}{serial:05}"


ON, OFF = {"thinking": {"type": "enabled"}}, {"thinking": {"type": "disabled"}}
SWITCH = {"is_on": member_is("thinking.type", "enabled"), "is_off": member_is("thinking.type", "disabled"), "on": ON, "off": OFF}
GLM = Vendor("glm-4.7", {"thinking", "do_sample", "tool_stream", "request_id", "user_id"},
             error=glm_error, thinks="reasoning_content", by_default=True, assistant={"reasoning_content"}, choices=("auto", "none"),
             named_choice=False, demands=(no_effort_beside_off,), usage="last", **SWITCH)  # fmt: skip
KIMI = Vendor("kimi-k2.5", {"thinking", "prompt_cache_key", "safety_identifier"}, {"reasoning_effort"}, thinks="reasoning_content",
              by_default=True, echo=True, assistant={"reasoning_content"}, choices=("auto", "none"), named_choice=False,
              demands=(kimi_sampling,), usage="choice", call_id=lambda turn, index, name, _serial: f"functions.{name}:{turn * 2 + index}", **SWITCH)  # fmt: skip
DEEPSEEK = Vendor("deepseek-v4-pro", {"thinking", "user_id"}, thinks="reasoning_content", by_default=True, echo=True,
                  assistant={"reasoning_content", "prefix"}, demands=(no_effort_beside_off, no_pictures, one_of("reasoning_effort", "high", "max", "low", "medium", "xhigh", "none"),
                  one_of("response_format.type", "text", "json_object")), **SWITCH)  # fmt: skip
LOCAL = {"chat_template_kwargs", "top_k", "min_p", "repetition_penalty"} | FIRST_PARTY
OPEN = {"reasoning_content", "reasoning"}  # what servers of open models take of thoughts in a history

VENDORS = {
    "moonshot": KIMI,
    "moonshot-cn": KIMI,
    "deepseek": DEEPSEEK,
    "zhipu": GLM,
    "zai": GLM,
    "zhipu-coding": GLM,
    "qwen": Vendor("qwen3-max", {"enable_thinking", "thinking_budget", "top_k", "preserve_thinking"}, {"reasoning_effort", "logit_bias"},
                   thinks="reasoning_content", is_on=member_is("enable_thinking", True), is_off=member_is("enable_thinking", False), on={"enable_thinking": True},
                   off={"enable_thinking": False}, assistant={"reasoning_content"}, demands=(system_first,), choices=("auto", "none")),
    "minimax": Vendor("MiniMax-M2.7", {"reasoning_split", "thinking", "top_k"}, {"reasoning_effort", "logit_bias"}, thinks="tags", by_default=True,
                      assistant={"reasoning_details", "reasoning_content"}, usage="last", switchable=False),
    "mistral": Vendor("mistral-large-latest", {"random_seed", "prompt_mode", "safe_prompt", "prediction", "metadata", "prompt_cache_key"},
                      {"user", "seed", "stream_options", "max_completion_tokens", "logprobs", "top_logprobs", "logit_bias", "reasoning_effort"}, 422,
                      mistral_error, r"^[a-zA-Z0-9]{9}$", choices=("auto", "none", "any", "required"), assistant={"prefix"}, usage="last", call_id=nine),
    "xai": Vendor("grok-4", {"search_parameters", "deferred", "prompt_cache_key"}, {"stop", "presence_penalty", "frequency_penalty", "reasoning_effort", "logit_bias"},
                  error=xai_error, assistant={"reasoning_content"}),
    "groq": Vendor("openai/gpt-oss-120b", {"reasoning_format", "include_reasoning", "service_tier"}, {"logprobs", "top_logprobs", "logit_bias"},
                   error=groq_error, thinks="reasoning", by_default=True, assistant={"reasoning"}, demands=(one_of("reasoning_effort", "low", "medium", "high"),
                   one_of("n", 1)), on={"reasoning_effort": "high"}, off={"reasoning_effort": "low"}, usage="x_groq", switchable=False),
    "cerebras": Vendor("gpt-oss-120b", {"service_tier", "clear_thinking"}, {"logit_bias", "presence_penalty", "frequency_penalty"}, error=cerebras_error,
                       thinks="reasoning", by_default=True, assistant={"reasoning"}, demands=(one_of("reasoning_effort", "low", "medium", "high"),),
                       on={"reasoning_effort": "high"}, off={"reasoning_effort": "low"}, switchable=False),
    "together": Vendor("openai/gpt-oss-120b", {"top_k", "repetition_penalty", "chat_template_kwargs", "safety_model", "reasoning"},
                       thinks="reasoning", by_default=True, assistant=OPEN, on={"reasoning_effort": "high"}, off={"reasoning_effort": "low"}, switchable=False),
    "fireworks": Vendor("accounts/fireworks/models/kimi-k2-instruct", {"top_k", "prompt_truncate_len", "context_length_exceeded_behavior", "prompt_cache_key", "thinking"},
                        error=fireworks_error, assistant={"reasoning_content"}, usage="last"),
    "perplexity": Vendor("sonar-pro", {"search_mode", "web_search_options", "top_k"}, {"tools", "tool_choice", "parallel_tool_calls", "seed", "user"}, tools=False),
    "cohere": Vendor("command-a-03-2025", set(), {"parallel_tool_calls", "logit_bias", "top_logprobs", "n", "user", "max_completion_tokens"}, 422,
                     lambda status, member, text: {"id": "x", "message": text or f"unknown field: parameter '{member}' is not a valid field"},
                     demands=(one_of("reasoning_effort", "none", "high"),), on={"reasoning_effort": "high"}, off={"reasoning_effort": "none"}, choices=("none", "required", "auto")),
    "nvidia": Vendor("deepseek-ai/deepseek-v3.1", {"chat_template_kwargs", "top_k", "min_p", "nvext"},
                     error=nvidia_error, assistant=OPEN),
    "github-models": Vendor("openai/gpt-4.1", {"modalities", "metadata"}, {"reasoning_effort"}),
    "gemini-openai": Vendor("gemini-2.5-flash", {"extra_body", "modalities"}, {"user", "seed", "logprobs", "top_logprobs", "logit_bias"}, error=google_error,
                            demands=(one_of("reasoning_effort", "none", "minimal", "low", "medium", "high"),), on={"reasoning_effort": "high"}, off={"reasoning_effort": "none"}),
    "openrouter": Vendor("google/gemini-3-pro", FIRST_PARTY | {"reasoning", "usage", "include_reasoning", "provider", "models", "transforms", "top_k", "session_id"},
                         set(), thinks="reasoning_details", is_on=lambda body: member_is("reasoning.effort", "low", "medium", "high", "xhigh")(body) or member_is("reasoning.enabled", True)(body)
                         or (body.get("reasoning") or {}).get("max_tokens") or body.get("reasoning_effort") in ("low", "medium", "high", "xhigh"),
                         is_off=lambda body: member_is("reasoning.enabled", False)(body) or member_is("reasoning.effort", "none")(body) or body.get("reasoning_effort") == "none",
                         echo=True, assistant={"reasoning", "reasoning_details"}, cost=0.000123, on={"reasoning": {"effort": "high"}}, off={"reasoning": {"enabled": False}}),
    "ollama": Vendor("qwen3:8b", {"reasoning", "think", "keep_alive", "options"}, assistant=OPEN),
    "lmstudio": Vendor("qwen/qwen3-8b", {"top_k", "repeat_penalty", "min_p"}, named_choice=False, demands=(one_of("response_format.type", "text", "json_schema"),), assistant=OPEN),
    "llamacpp": Vendor("gpt-oss-20b", LOCAL, assistant=OPEN, usage="asked"),
    "vllm": Vendor("Qwen/Qwen3-32B", LOCAL, assistant=OPEN, demands=(system_first,)),
    "sglang": Vendor("zai-org/GLM-4.6", LOCAL, assistant=OPEN),
    "litellm": Vendor("gpt-4o", FIRST_PARTY | {"thinking", "reasoning"}, assistant=OPEN),
    "openai": Vendor("gpt-5.6-terra", FIRST_PARTY | {"web_search_options"}, {"temperature", "top_p", "logprobs", "top_logprobs", "stop", "presence_penalty", "frequency_penalty"},
                     demands=(no_effort_beside_tools, no_plain_maximum, one_of("reasoning_effort", "none", "low", "medium", "high", "xhigh")),
                     roles=("system", "developer", "user", "assistant", "tool"), off={"reasoning_effort": "none"}, ids=r"^.{1,40}$"),
}  # fmt: skip
