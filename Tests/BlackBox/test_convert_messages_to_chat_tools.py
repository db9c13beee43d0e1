"""An Anthropic Messages client before a Chat upstream: tools, their names, and the choice among them."""

from checks import check, contains, equal
from dialects import OPENAI
from messages_chat import (
    FUNCTION,
    SCHEMA_LOOSE,
    SCHEMA_STRICT,
    TOOL,
    USER,
    ask_messages,
    calling_turn,
    digest,
    message_of,
    result_turn,
)
from upstream import stream, whole


def _function(name="look", description=None, parameters=None, **more):
    said = {"description": description} if description else {}
    return {
        "type": "function",
        "function": {"name": name, **said, "parameters": parameters or {"type": "object", "properties": {}}, **more},
    }


TOOLS = [
    ("a plain one", TOOL, FUNCTION),
    (
        "custom, with what only Anthropic knows",
        {
            **TOOL,
            "type": "custom",
            "defer_loading": True,
            "allowed_callers": ["direct"],
            "eager_input_streaming": True,
            "cache_control": {"type": "ephemeral"},
        },
        FUNCTION,
    ),
    (
        "a schema without a type",
        {"name": "look", "input_schema": {"$schema": "http://json-schema.org/draft-07/schema#"}},
        _function(),
    ),
    (
        "an object without properties inside",
        {
            "name": "look",
            "input_schema": {"type": "object", "properties": {"o": {"type": "object"}, "properties": {"type": "string"}}},
        },
        _function(
            parameters={
                "type": "object",
                "properties": {"o": {"type": "object", "properties": {}}, "properties": {"type": "string"}},
            }
        ),
    ),
    (
        "strict, and it can be",
        {"name": "look", "strict": True, "input_schema": SCHEMA_STRICT},
        _function(parameters=SCHEMA_STRICT, strict=True),
    ),
    (
        "strict, but it cannot be",
        {"name": "look", "strict": True, "input_schema": SCHEMA_LOOSE},
        _function(parameters=SCHEMA_LOOSE),
    ),
]


@check("Messages → Chat, tool: {what}", rows=TOOLS, together=True)
def _(lab, what, tool, wanted):
    _answer, request = ask_messages(lab, {"tools": [tool]})
    equal(request.json()["tools"], [wanted], "tools")


@check("Messages → Chat, tool: examples go into the description")
def _(lab):
    _answer, request = ask_messages(lab, {"tools": [{**TOOL, "input_examples": [{"at": "x"}]}]})
    contains(request.json()["tools"][0]["function"]["description"], 'Examples: [{"at":"x"}]', "the description")


CLIENT_TOOLS = [
    ("bash_20250124", "bash", {"command", "restart"}, None),
    (
        "text_editor_20250124",
        "str_replace_editor",
        {"command", "path", "file_text", "old_str", "new_str", "insert_line", "view_range"},
        {"view", "create", "str_replace", "insert", "undo_edit"},
    ),
    (
        "text_editor_20250728",
        "str_replace_based_edit_tool",
        {"command", "path", "file_text", "old_str", "new_str", "insert_line", "view_range"},
        {"view", "create", "str_replace", "insert"},
    ),
    ("memory_20250818", "memory", None, {"view", "create", "str_replace", "insert", "delete", "rename"}),
]


@check("Messages → Chat, tool: {kind} is a function", rows=CLIENT_TOOLS)
def _(lab, kind, name, properties, commands):
    _answer, request = ask_messages(lab, {"tools": [{"type": kind, "name": name}]})
    function = request.json()["tools"][0]["function"]
    equal(function["name"], name, "its name")
    if properties:
        equal(set(function["parameters"]["properties"]), properties, "its properties")
    if commands:
        equal(set(function["parameters"]["properties"]["command"]["enum"]), commands, "its commands")


@check("Messages → Chat, tool: a search tool beside others is dropped with a note")
def _(lab):
    answer, request = ask_messages(lab, {"tools": [TOOL, {"type": "web_search_20250305", "name": "web_search"}]})
    equal(request.json()["tools"], [FUNCTION], "tools")
    contains(answer.header("x-proxyd-lossy") or "", "web_search", "x-proxyd-lossy")


LONG = "a_tool_with_a_name_that_goes_on_and_on_and_on_until_it_is_far_too_long_for_chat"

SHORT = LONG[:55] + "_" + digest(LONG)[:8]


@check("Messages → Chat, tool: a long name is shortened everywhere and comes back whole, {mode}", rows=["whole", "streamed"])
def _(lab, mode):
    answered = {"id": "call_1", "type": "function", "function": {"name": SHORT, "arguments": '{"at":"x"}'}}
    reply = (
        whole(
            OPENAI.whole(
                "m",
                choices=[
                    {
                        "index": 0,
                        "message": {"role": "assistant", "content": None, "tool_calls": [answered]},
                        "finish_reason": "tool_calls",
                    }
                ],
            )
        )
        if mode == "whole"
        else stream(
            OPENAI.start("m")
            + OPENAI.chunk("m", {"tool_calls": [{"index": 0, **answered}]})
            + OPENAI.chunk("m", {}, "tool_calls")
            + b"data: [DONE]\n\n"
        )
    )
    answer, request = ask_messages(
        lab,
        {
            "tools": [{**TOOL, "name": LONG}],
            "tool_choice": {"type": "tool", "name": LONG},
            "messages": [USER, calling_turn("a", name=LONG), result_turn(("a", "1"))],
        },
        reply=reply,
        streamed=mode == "streamed",
    )
    sent = request.json()
    equal(
        (
            sent["tools"][0]["function"]["name"],
            sent["tool_choice"]["function"]["name"],
            sent["messages"][1]["tool_calls"][0]["function"]["name"],
        ),
        (SHORT,) * 3,
        "the name in tools, tool_choice, history",
    )
    equal(message_of(answer)["content"][0]["name"], LONG, "the name in the answer")


CHOICES = [
    ({"type": "auto"}, "auto", None),
    ({"type": "any"}, "required", None),
    ({"type": "none"}, "none", None),
    ({"type": "tool", "name": "look"}, {"type": "function", "function": {"name": "look"}}, None),
    ({"type": "auto", "disable_parallel_tool_use": True}, "auto", False),
    ({"type": "any", "disable_parallel_tool_use": True}, "required", False),
]


@check("Messages → Chat: tool_choice {given} is {wanted}", rows=CHOICES, together=True)
def _(lab, given, wanted, parallel):
    _answer, request = ask_messages(lab, {"tools": [TOOL], "tool_choice": given})
    sent = request.json()
    equal((sent.get("tool_choice"), sent.get("parallel_tool_calls")), (wanted, parallel), "tool_choice, parallel_tool_calls")
