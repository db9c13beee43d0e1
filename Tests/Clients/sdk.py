"""What every SDK is asked to do, in words that all four share."""

import importlib
import os
from dataclasses import dataclass, field

from checks import Skip, expect
from harness import USER_KEY

SECONDS = 20  # how long a call may take


@dataclass
class Options:
    """What a question is asked with."""

    system: str = None
    tools: list = ()
    choice: str = None  # none | any | a tool's name
    thinking: str = None  # budget | adaptive: how a client that names it does so
    schema: dict = None
    stops: list = ()
    max_tokens: int = 4096
    temperature: float = None


@dataclass
class Usage:
    total_in: int
    cached: int
    out: int


@dataclass
class Told:
    """What an answer said, read through the SDK's own types."""

    text: str
    stop: str
    model: str
    usage: Usage
    thoughts: str = ""
    calls: list = field(default_factory=list)  # (id, name, arguments)

    def asked(self):
        return [(name, arguments) for _, name, arguments in self.calls]


class Talk:
    """One conversation through one SDK; its history is kept in the SDK's own words and may move to another model."""

    name = None
    stops = {}  # end, tool, length, refusal → what this format calls them

    says_stream = False  # whether a whole answer is asked for in so many words

    def __init__(self, stage, model, key=USER_KEY, proxy=None, **options):
        self.model, self.options = model, Options(**options)
        self.open(f"http://127.0.0.1:{(proxy or stage.proxy).port}", key)

    def turn(self, streamed):
        """Asks, and keeps the answer."""
        return self.streamed() if streamed else self.whole()

    def question(self, text, streamed, images=()):
        self.say(text, images)
        return self.turn(streamed)

    def tools(self, shape):
        return [shape(tool["name"], tool["description"], tool["schema"]) for tool in self.options.tools]


def load(name):
    """The module of an SDK, or a check that is skipped."""
    for variable in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        os.environ.pop(variable, None)
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise Skip(f"`{name}` is not installed: {error}") from None


_clients = {}


def kept(make, *place):
    """One client for each place: making one takes longer than asking with it."""
    if place not in _clients:
        _clients[place] = make()
    return _clients[place]


def one(values, what):
    """The only one of some values that have to be the same everywhere."""
    values = set(values)
    expect(len(values) == 1, f"one {what} throughout the stream", sorted(map(str, values)))
    return values.pop()
