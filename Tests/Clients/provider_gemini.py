"""Gemini as its vendor serves it: the 2.5 family with thinking budgets, the 3 family with levels and mandatory signatures."""

import base64
import hashlib
import itertools
import re

import story
from provider import Provider, compact, known, picture, sse
from story import Ask, Result, Text, Thought, demand, pieces

MEMBERS = "contents systemInstruction tools toolConfig generationConfig safetySettings serviceTier cachedContent labels".split()
GENERATION = (
    "temperature topP topK maxOutputTokens stopSequences candidateCount responseMimeType responseSchema responseJsonSchema "
    "thinkingConfig seed presencePenalty frequencyPenalty responseModalities responseLogprobs logprobs mediaResolution"
).split()
STOPS = {"end": "STOP", "tool": "STOP", "length": "MAX_TOKENS", "refusal": "SAFETY", "stop": "STOP"}
STATES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}
NAME = re.compile(r"^[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}$")
NO_CHECK = ("skip/thought/signature/validator", "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=")
SCHEMA_WORDS = (
    "type format title description nullable enum items maxItems minItems properties required minProperties maxProperties "
    "minLength maxLength pattern example anyOf propertyOrdering default minimum maximum"
).split()


def signature(text):
    """What the vendor signs a part with; nobody else can make it."""
    return base64.b64encode(hashlib.sha256(b"google" + text.encode()).digest()).decode()


class GeminiProvider(Provider):
    dialect = "gemini"

    def __init__(self, third=False):
        super().__init__()
        self.third = third

    def besides(self, request):
        if request.path.endswith(":countTokens"):
            self.authenticate(request)
            body = request.fields
            demand("contents" in body or "generateContentRequest" in body, "contents is not specified")
            return {"totalTokens": 41, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 41}]}
        return None

    # ------------------------------------------------------------ requests

    def read(self, request, body):
        body = camel(body)
        place = re.fullmatch(r"/v1(?:beta)?/models/([^/:]+):(generateContent|streamGenerateContent)", request.path)
        demand(place, f"no such path: {request.path}")
        known(body, *MEMBERS)
        ask = Ask(place[1], streamed=place[2] == "streamGenerateContent")
        if ask.streamed:
            demand("alt=sse" in request.query, "a stream without alt=sse is an array")
        ask.system = "\n\n".join(part["text"] for part in body.get("systemInstruction", {}).get("parts", []))
        self.declared(body, ask)
        self.generation(body.get("generationConfig", {}), ask)
        self.history(body["contents"], ask)
        return ask

    def generation(self, config, ask):
        known(config, *GENERATION)
        ask.max_tokens, ask.temperature = config.get("maxOutputTokens"), config.get("temperature")
        ask.stops = config.get("stopSequences", [])
        demand(len(ask.stops) <= 5, "stop_sequences: at most 5")
        demand(
            not {"responseSchema", "responseJsonSchema"} <= set(config), "only one of response_schema and response_json_schema"
        )
        ask.schema = config.get("responseJsonSchema", config.get("responseSchema"))
        demand(
            ask.schema is None or config.get("responseMimeType") == "application/json",
            "response_mime_type must be application/json",
        )
        thinking = config.get("thinkingConfig", {})
        known(thinking, "includeThoughts", "thinkingBudget", "thinkingLevel")
        demand(
            not {"thinkingBudget", "thinkingLevel"} <= set(thinking),
            "You can only set only one of thinking budget and thinking level.",
        )
        demand("thinkingLevel" not in thinking or self.third, "Thinking level is not supported for this model.")
        demand(thinking.get("thinkingBudget", 0) <= 24576, "The thinking budget is invalid.")
        ask.thinks = ask.shows_thoughts = thinking.get("includeThoughts", False)

    def declared(self, body, ask):
        for tool in body.get("tools", []):
            known(tool, "functionDeclarations")
            for declared in tool["functionDeclarations"]:
                known(
                    declared,
                    "name",
                    "description",
                    "parameters",
                    "parametersJsonSchema",
                    "response",
                    "responseJsonSchema",
                    "behavior",
                )
                demand(NAME.match(declared["name"]), f"Invalid function name: {declared['name']!r}")
                demand(
                    not {"parameters", "parametersJsonSchema"} <= set(declared),
                    "only one of parameters and parameters_json_schema",
                )
                if "parameters" in declared:
                    _check_schema(declared["parameters"])
                ask.tools.append(declared["name"])
                ask.schemas[declared["name"]] = declared.get("parametersJsonSchema") or declared.get("parameters") or {}
        config = body.get("toolConfig", {}).get("functionCallingConfig", {})
        mode, names = config.get("mode"), config.get("allowedFunctionNames")
        demand(not names or mode in ("ANY", "VALIDATED"), "allowed_function_names needs the mode ANY")
        ask.choice = names[0] if names and len(names) == 1 else {"ANY": "any", "NONE": "none", "AUTO": "auto"}.get(mode)

    def history(self, contents, ask):
        demand(contents, "contents is not specified")
        ask.turns, calls, step = len(contents), [], []
        for content in contents:
            known(content, "role", "parts")
            demand(content["parts"], "contents.parts must not be empty")
        for role, group in itertools.groupby(contents, lambda content: content.get("role", "user")):
            # The SDK's chats keep a streamed answer chunk by chunk, a content each: they are one turn.
            parts = [part for content in group for part in content["parts"]]
            demand(role in ("user", "model"), f"Please use a valid role: user, model; not {role!r}")
            if role == "model":
                calls = [part for part in parts if "functionCall" in part]
                step += calls[:1]
                self.answered(parts, ask)
                ask.results = []
                continue
            results = [part["functionResponse"] for part in parts if "functionResponse" in part]
            demand(
                len(results) == len(calls),
                "Please ensure that the number of function response parts is equal to the number of function call parts of the "
                f"function call turn: {len(results)}, {len(calls)}",
            )
            self.asked(parts, results, calls, ask)
            if any("text" in part for part in parts) and not results:
                step = []  # a new turn: what was called before needs no signature any more
            calls = []
        demand(not calls, "a function call turn must be followed by a function response turn")
        demand(contents[-1].get("role", "user") == "user", "Please ensure that the conversation ends with a user turn")
        if self.third:
            for part in step:
                given = standard(part.get("thoughtSignature", ""))
                demand(
                    given, f"Function call is missing a thought_signature in functionCall parts: {part['functionCall']['name']}"
                )
                demand(given in NO_CHECK or given == signature(part["functionCall"]["name"]), "Thought signature is not valid")

    def answered(self, parts, ask):
        for part in parts:
            known(part, "text", "thought", "thoughtSignature", "functionCall")
            if "functionCall" in part:
                call = part["functionCall"]
                known(call, "id", "name", "args")
                demand(isinstance(call.get("args", {}), dict), "function_call.args: not a Struct")
            if (given := standard(part.get("thoughtSignature", "")) or None) is not None and given not in NO_CHECK:
                texts = [call["functionCall"]["name"] for call in parts if "functionCall" in call]
                texts += [story.HELLO, story.MUSING, "Let me look. "]
                demand(given in [signature(text) for text in texts], "Thought signature is not valid")
                ask.signatures += 1

    def asked(self, parts, results, calls, ask):
        ask.results, ask.images, said = [], [], []
        for result, call in zip(results, calls):
            known(result, "id", "name", "response", "parts")
            demand(
                result["name"] == call["functionCall"]["name"],
                f"the response to {call['functionCall']['name']} is named {result['name']}",
            )
            demand(isinstance(result["response"], dict), "function_response.response: not a Struct")
            value = result["response"]
            text = value.get("error", value.get("output", value.get("result", compact(value))))
            images = [self.image(part) for part in result.get("parts", [])]
            demand(not images or self.third, "Multimodal function responses are not supported by this model")
            ask.results.append(Result(text if isinstance(text, str) else compact(text), "error" in value, images))
        for part in parts:
            known(part, "text", "inlineData", "functionResponse", "fileData", "thoughtSignature")
            if "text" in part:
                demand(part["text"], "a part must have data: text is empty")
                said.append(part["text"])
            elif "inlineData" in part:
                (ask.results[-1].images if results else ask.images).append(self.image(part))
        if said:
            ask.question = "\n".join(said)
            ask.results = [] if ask.scene_in(said) else ask.results

    @staticmethod
    def image(part):
        return picture(standard(part["inlineData"]["data"]), part["inlineData"]["mimeType"])

    # ------------------------------------------------------------ answers

    def usage(self, played):
        thought = story.THOUGHT if played.thoughts else 0
        usage = {
            "promptTokenCount": story.FRESH + story.CACHED,
            "cachedContentTokenCount": story.CACHED,
            "candidatesTokenCount": story.OUT - thought,
            "totalTokenCount": story.FRESH + story.CACHED + story.OUT,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": story.FRESH + story.CACHED}],
        }
        return {**usage, "thoughtsTokenCount": thought} if thought else usage

    def parts(self, played, text=lambda text: [text]):
        first_call = True
        for block in played.blocks:
            if isinstance(block, Thought):
                yield from ({"text": piece, "thought": True} for piece in text(block.text))
            elif isinstance(block, Text):
                yield from ({"text": piece} for piece in text(block.text))
            else:
                part = {"functionCall": {"name": block.name, "args": block.arguments}}
                if self.third and first_call:
                    part["thoughtSignature"] = signature(block.name)
                first_call = False
                yield part

    def answer_of(self, ask, parts, finish=None, usage=None):
        candidate = {"content": {"role": "model", "parts": parts}, "index": 0}
        if finish:
            candidate["finishReason"] = finish
        more = {"usageMetadata": usage} if usage else {}
        return {"candidates": [candidate], **more, "modelVersion": ask.model, "responseId": f"Scene{self.serial}"}

    def whole(self, ask, played):
        return self.answer_of(ask, list(self.parts(played)), STOPS[played.stop], self.usage(played))

    def stream(self, ask, played):
        early = {"promptTokenCount": story.FRESH + story.CACHED, "totalTokenCount": story.FRESH + story.CACHED}
        events = [self.answer_of(ask, [part], usage=early) for part in self.parts(played, pieces)]
        return [sse(event) for event in (*events, self.answer_of(ask, [{"text": ""}], STOPS[played.stop], self.usage(played)))]

    def error(self, status, text, kind=None):
        if kind == "context":
            text = "The input token count (1210000) exceeds the maximum number of tokens allowed (1048576)."
        details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "6.2s"}] if status == 429 else []
        return {"error": {"code": status, "message": text, "status": STATES.get(status, "UNKNOWN"), "details": details}}

    def inband(self):
        return sse(self.error(503, "Overloaded"))


FREE = ("args", "response", "parameters", "parametersJsonSchema", "responseSchema", "responseJsonSchema")


def camel(value):
    """The vendor takes the names of its members in both spellings; those inside a user's own values are left alone."""
    if isinstance(value, list):
        return [camel(item) for item in value]
    if not isinstance(value, dict):
        return value
    renamed = {camel_name(name): item for name, item in value.items()}
    return {name: item if name in FREE else camel(item) for name, item in renamed.items()}


def camel_name(name):
    return re.sub(r"_(\w)", lambda found: found[1].upper(), name)


def standard(data):
    """The vendor takes both alphabets of base64; its own SDK sends the one for URLs."""
    return data.replace("-", "+").replace("_", "/")


def _check_schema(schema):
    """The OpenAPI subset of `parameters`, in both spellings."""
    schema = {camel_name(name): value for name, value in schema.items()}
    extra = set(schema) - set(SCHEMA_WORDS)
    demand(not extra, f"Invalid JSON payload received. Unknown name {sorted(extra)} at 'tools.function_declarations.parameters'")
    for child in schema.get("properties", {}).values():
        _check_schema(child)
    if "items" in schema:
        _check_schema(schema["items"])
