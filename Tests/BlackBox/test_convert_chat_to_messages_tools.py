"""A Chat client before an Anthropic upstream: tools, their names, and the choice among them."""

from checks import check, contains, equal, expect
from dialects import ANTHROPIC, compact
from harness import served
from messages_chat import (
    FUNCTION,
    SCHEMA_STRICT,
    TOOL,
    USER,
    ask_chat,
    calling_message,
    completion_of,
    tool_message,
    tool_stream,
)
from upstream import stream, whole

EMPTY = {"type": "object", "properties": {}}

TOOLS = [
    ("a function", FUNCTION, TOOL),
    ("no parameters", {"type": "function", "function": {"name": "look"}}, {"name": "look", "input_schema": EMPTY}),
    (
        "null parameters",
        {"type": "function", "function": {"name": "look", "parameters": None}},
        {"name": "look", "input_schema": EMPTY},
    ),
    (
        "empty parameters",
        {"type": "function", "function": {"name": "look", "parameters": {}}},
        {"name": "look", "input_schema": EMPTY},
    ),
    (
        "alternatives at the root",
        {
            "type": "function",
            "function": {
                "name": "look",
                "parameters": {
                    "anyOf": [
                        {"type": "object", "properties": {"a": {"type": "string"}, "c": {}}, "required": ["a", "c"]},
                        {"type": "object", "properties": {"b": {"type": "string"}, "c": {}}, "required": ["b", "c"]},
                    ]
                },
            },
        },
        {
            "name": "look",
            "input_schema": {
                "type": "object",
                "properties": {"a": {"type": "string"}, "c": {}, "b": {"type": "string"}},
                "required": ["c"],
            },
        },
    ),
    (
        "a list of types",
        {"type": "function", "function": {"name": "look", "parameters": {"type": ["object", "null"], "properties": {}}}},
        {"name": "look", "input_schema": EMPTY},
    ),
    (
        "strict",
        {"type": "function", "function": {"name": "look", "strict": True, "parameters": SCHEMA_STRICT}},
        {"name": "look", "input_schema": SCHEMA_STRICT, "strict": True},
    ),
    ("a cache mark", {**FUNCTION, "cache_control": {"type": "ephemeral"}}, {**TOOL, "cache_control": {"type": "ephemeral"}}),
]


@check("Chat → Messages, tool: {what}", rows=TOOLS, together=True)
def _(lab, what, tool, wanted):
    _answer, request = ask_chat(lab, {"tools": [tool]})
    equal(request.json()["tools"], [wanted], "tools")


CHOICES = [
    ({"tool_choice": "auto"}, {"type": "auto"}),
    ({"tool_choice": "none"}, {"type": "none"}),
    ({"tool_choice": "required"}, {"type": "any"}),
    ({"tool_choice": {"type": "function", "function": {"name": "look"}}}, {"type": "tool", "name": "look"}),
    ({"parallel_tool_calls": False}, {"type": "auto", "disable_parallel_tool_use": True}),
    ({"parallel_tool_calls": True}, None),
    ({"tool_choice": "required", "parallel_tool_calls": False}, {"type": "any", "disable_parallel_tool_use": True}),
    ({"tool_choice": "none", "parallel_tool_calls": False}, {"type": "none"}),
    (
        {
            "tool_choice": {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "look"}}]},
            }
        },
        {"type": "any"},
    ),
]


@check("Chat → Messages: {given} is {wanted}", rows=CHOICES, together=True)
def _(lab, given, wanted):
    other = {"type": "function", "function": {"name": "dig"}}
    _answer, request = ask_chat(lab, {"tools": [FUNCTION, other], **given})
    sent = request.json()
    equal(sent.get("tool_choice"), wanted, "tool_choice")
    names = [tool["name"] for tool in sent["tools"]]
    equal(names, ["look"] if "allowed_tools" in str(given) else ["look", "dig"], "tools")


@check("Chat → Messages: calls in the history without declarations get stubs")
def _(lab):
    _answer, request = ask_chat(lab, {"messages": [USER, calling_message("a"), tool_message("a", "1")]})
    sent = request.json()
    equal(
        (sent["tools"], sent["tool_choice"]),
        ([{"name": "look", "input_schema": {"type": "object"}}], {"type": "none"}),
        "tools, tool_choice",
    )


@check("Chat → Messages: older functions and function_call")
def _(lab):
    _answer, request = ask_chat(lab, {"functions": [FUNCTION["function"]], "function_call": {"name": "look"}})
    sent = request.json()
    equal((sent["tools"], sent["tool_choice"]), ([TOOL], {"type": "tool", "name": "look"}), "tools, tool_choice")


@check("Chat → Messages: a custom tool takes its text as one property and gives it back, {mode}", rows=["whole", "streamed"])
def _(lab, mode):
    text = 'say "hi"\n'
    block = {"type": "tool_use", "id": "toolu_1", "name": "free", "input": {"input": text}}
    reply = (
        whole(ANTHROPIC.whole("m", content=[block], stop_reason="tool_use"))
        if mode == "whole"
        else stream(
            tool_stream([("toolu_1", "free", [compact({"input": text}).decode()[:9], compact({"input": text}).decode()[9:]])])
        )
    )
    tool = {
        "type": "custom",
        "custom": {
            "name": "free",
            "description": "Free.",
            "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: WORD"}},
        },
    }
    past = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "a", "type": "custom", "custom": {"name": "free", "input": "x y"}}],
    }
    answer, request = ask_chat(
        lab,
        {
            "tools": [tool],
            "tool_choice": {"type": "custom", "custom": {"name": "free"}},
            "messages": [USER, past, tool_message("a", "1")],
        },
        reply=reply,
        streamed=mode == "streamed",
    )
    sent = request.json()
    equal(
        (sent["tools"][0]["name"], list(sent["tools"][0]["input_schema"]["properties"])), ("free", ["input"]), "the declaration"
    )
    contains(sent["tools"][0]["description"], "start: WORD", "the description")
    equal(sent["tool_choice"], {"type": "tool", "name": "free"}, "tool_choice")
    equal(sent["messages"][1]["content"][0]["input"], {"input": "x y"}, "the past call")
    call = completion_of(answer)["choices"][0]["message"]["tool_calls"][0]
    equal((call["type"], call["custom"]), ("custom", {"name": "free", "input": text}), "the call")


@check("Chat → Messages: a tool name Anthropic forbids is mapped there and back")
def _(lab):
    reply = whole(
        ANTHROPIC.whole(
            "m", content=[{"type": "tool_use", "id": "toolu_1", "name": "crm_find", "input": {}}], stop_reason="tool_use"
        )
    )
    answer, request = ask_chat(lab, {"tools": [{"type": "function", "function": {"name": "crm.find"}}]}, reply=reply)
    equal(request.json()["tools"][0]["name"], "crm_find", "the name at the upstream")
    equal(
        served(answer).json()["choices"][0]["message"]["tool_calls"][0]["function"],
        {"name": "crm.find", "arguments": "{}"},
        "the call",
    )


@check("Chat → Messages: two names that Anthropic's rule makes one stay two")
def _(lab):
    tools = [{"type": "function", "function": {"name": name}} for name in ("crm.find", "crm_find")]
    _answer, request = ask_chat(lab, {"tools": tools})
    names = [tool["name"] for tool in request.json()["tools"]]
    expect(len(set(names)) == 2 and names[0] == "crm_find", "two names", names)
