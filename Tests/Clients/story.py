"""What the scripted providers play. The question's last words choose the scene; a scene is the same at every provider.

"… [tools]"     → two tool calls at once
then results    → "The tools said: 21 degrees | error: no such city"
"""

import json
from dataclasses import dataclass, field

# ---------------------------------------------------------------- what a provider understood of a request


@dataclass
class Result:
    """What one tool gave back."""

    text: str
    is_error: bool = False
    images: list = field(default_factory=list)


@dataclass
class Ask:
    """A request in words that all formats share, filled in by a provider that reads its own format."""

    model: str
    streamed: bool = False
    system: str = ""
    question: str = ""  # the last thing the user said
    turns: int = 0
    images: list = field(default_factory=list)  # (media type, size in bytes) of the last user turn
    results: list = field(default_factory=list)  # tool results after the last answer
    tools: list = field(default_factory=list)
    schemas: dict = field(default_factory=dict)  # by tool
    choice: object = None  # auto | none | any | a tool's name
    schema: dict = None  # of a structured answer
    stops: list = field(default_factory=list)
    max_tokens: int = None
    temperature: float = None
    thinks: bool = False
    shows_thoughts: bool = False
    signatures: int = 0  # how many of this provider's own signatures came back
    wants_usage: bool = True  # of a stream

    @staticmethod
    def scene_in(texts):
        """Whether something new is asked beside the tools' results."""
        return any("[" in text for text in texts)

    @property
    def scene(self):
        start = self.question.rfind("[")
        return self.question[start + 1 : self.question.find("]", start)] if start >= 0 else ""


class Refused(Exception):
    """The provider does not take this request: a status, its kind and words."""

    def __init__(self, status, text, kind=None):
        super().__init__(text)
        self.status, self.text, self.kind = status, text, kind


def demand(condition, text):
    """What a provider insists on; anything else is its 400."""
    if not condition:
        raise Refused(400, text)


# ---------------------------------------------------------------- what it answers


@dataclass
class Text:
    text: str


@dataclass
class Thought:
    text: str


@dataclass
class Call:
    name: str
    arguments: dict


@dataclass
class Play:
    """An answer in words that all formats share."""

    blocks: list
    stop: str = "end"  # end | tool | length | refusal | stop
    stop_sequence: str = None
    ending: str = "whole"  # whole | cut | error: how a stream goes on after the first words

    @property
    def thoughts(self):
        return [block for block in self.blocks if isinstance(block, Thought)]


# Tokens of every answer: fresh, read from a cache, written to one, answered, and of those thought.
FRESH, CACHED, WRITTEN, OUT, THOUGHT = 70, 30, 20, 12, 5

HELLO = "Grüß Gott 你好 👩‍🚀 — “quoted”, back\\slash, new\nline."
MUSING = "They want a greeting 🤔.\nShort, then."
WEATHER = {
    "city": "München",
    "days": 3,
    "note": 'a "quote" & <tag> \\ / 🌧',
    "deep": {"list": [1, 2.5, None, True], "n": 9007199254740993},
}
PLACES = [{"city": "Paris"}, {"city": "São Paulo"}, {"city": "東京"}]
FORECAST = {"city": "Paris", "degrees": 21}

TOOLS = [
    {
        "name": "get_weather",
        "description": "The weather of a city.",
        "schema": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "its name"},
                "days": {"type": "integer"},
                "note": {"type": "string"},
                "deep": {"type": "object", "properties": {}},
            },
            "required": ["city"],
        },
    },
    {"name": "get_time", "description": "The time now.", "schema": {"type": "object", "properties": {}}},
]

FORECAST_SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "degrees": {"type": "integer"}},
    "required": ["city", "degrees"],
    "additionalProperties": False,
}


def play(ask):
    """The answer to a request, or Refused."""
    if ask.results:
        said = " | ".join(("error: " if result.is_error else "") + _seen(result) for result in ask.results)
        kept = " Thoughts came back." if ask.signatures and ask.scene == "think-tool" else ""
        return Play([Text(f"The tools said: {said}.{kept}")])
    scene, _, argument = ask.scene.partition(" ")
    if scene == "error":
        status, _, kind = argument.partition(" ")
        raise Refused(int(status), f"the provider says {kind or status}", kind or None)
    return SCENES.get(scene, _hello)(ask)


def _seen(result):
    return result.text + "".join(f" <{kind} {size}>" for kind, size in result.images)


def _hello(ask):
    return Play([Text(HELLO)])


def _thoughts(ask):
    return [Thought(MUSING)] if ask.thinks else []


def _echo(ask):
    return Play(
        [
            Text(
                json.dumps(
                    {"system": ask.system, "max_tokens": ask.max_tokens, "temperature": ask.temperature, "turns": ask.turns}
                )
            )
        ]
    )


def _offered(ask, name):
    demand(name in ask.tools, f"the tool {name} was not offered, only {ask.tools}")


def _tool(ask):
    _offered(ask, "get_weather")
    return Play([Call("get_weather", WEATHER)], "tool")


def _tools(ask):
    _offered(ask, "get_weather")
    return Play([Call("get_weather", place) for place in PLACES], "tool")


def _weather(ask):
    """As `tools`, thoughts before it where there are any; Claude Code puts a server's name before the tool's."""
    name = next((name for name in ask.tools if name.endswith("get_weather")), "get_weather")
    _offered(ask, name)
    return Play([*_thoughts(ask), *(Call(name, place) for place in PLACES)], "tool")


def _shell(ask):
    """Codex' own tool, whatever its version calls it."""
    line = "echo 21 in Paris"
    forms = {"exec_command": {"cmd": line}, "shell_command": {"command": line}, "shell": {"command": ["sh", "-c", line]}}
    name = next((name for name in forms if name in ask.tools), None)
    demand(name, f"no shell was offered, only {ask.tools}")
    return Play([*_thoughts(ask), Call(name, forms[name])], "tool")


def _first(ask):
    return Play([Call(ask.tools[0], {})], "tool")


def _bare(ask):
    _offered(ask, "get_time")
    return Play([Call("get_time", {})], "tool")


def _mixed(ask):
    return Play([Text("Let me look. "), Call("get_time", {}), Call("get_weather", {"city": "Paris"})], "tool")


def _thinking_tool(ask):
    return Play([*_thoughts(ask), Call("get_weather", {"city": "Paris"})], "tool")


def _forced(ask):
    demand(ask.choice in ("any", "get_time"), f"a tool was to be forced, not {ask.choice!r}")
    return _bare(ask)


def _forbidden(ask):
    demand(ask.choice == "none", f"tools were to be forbidden, not {ask.choice!r}")
    return _hello(ask)


def _structured(ask):
    demand(ask.schema is not None, "there is no schema for the answer")
    for name in ("city", "degrees"):
        demand(name in ask.schema.get("properties", {}), f"the schema lacks {name}: {ask.schema}")
    return Play([Text(json.dumps(FORECAST))])


def _schema(ask):
    _offered(ask, "get_weather")
    return Play([Text(json.dumps(sorted(ask.schemas["get_weather"].get("properties", {}))))])


def _stopped(ask):
    if "###" in ask.stops:
        return Play([Text("before ")], "stop", "###")
    return Play([Text("before ### after")])


def _images(ask):
    return Play([Text(" ".join(f"<{kind} {size}>" for kind, size in ask.images) or "nothing")])


SCENES = {
    "echo": _echo,
    "think": lambda ask: Play([*_thoughts(ask), Text(HELLO)]),
    "tool": _tool,
    "tools": _tools,
    "bare": _bare,
    "first": _first,
    "shell": _shell,
    "weather": _weather,
    "mixed": _mixed,
    "think-tool": _thinking_tool,
    "forced": _forced,
    "forbidden": _forbidden,
    "json": _structured,
    "schema": _schema,
    "long": lambda ask: Play([Text("It goes on and")], "length"),
    "refuse": lambda ask: Play([Text("I would")], "refusal"),
    "stop": _stopped,
    "image": _images,
    "cut": lambda ask: Play([Text(HELLO)], ending="cut"),
    "fail": lambda ask: Play([Text(HELLO)], ending="error"),
}


def pieces(text):
    """A text as a provider streams it: short and long pieces, whole characters each."""
    sizes, at, turn = (1, 4, 2, 9), 0, 0
    while at < len(text):
        yield text[at : at + sizes[turn % 4]]
        at += sizes[turn % 4]
        turn += 1
