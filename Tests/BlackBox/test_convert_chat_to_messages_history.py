"""A Chat client before an Anthropic upstream: the conversation as the upstream gets it, and thoughts that come back to it."""

from checks import check, contains, equal, expect
from dialects import ANTHROPIC, compact
from harness import served
from messages_chat import (
    AEND,
    FUNCTION,
    PDF,
    PNG,
    THINKING,
    USER,
    ask_chat,
    block_events,
    calling_message,
    calling_turn,
    completion_of,
    image_part,
    lossy_of,
    plain,
    text_part,
    tool_message,
    tool_use,
)
from upstream import stream, whole


def _texts(*texts):
    return [text_part(text) for text in texts]


def _result(ident, content=None, **more):
    return {"type": "tool_result", "tool_use_id": ident, **({"content": content} if content is not None else {}), **more}


def _user(*blocks):
    return {"role": "user", "content": list(blocks)}


HI = _user(text_part("Hi"))

IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}

HISTORY = [
    ("a text", [USER], [HI]),
    (
        "runs of one role are one turn",
        [
            USER,
            {"role": "user", "content": "again"},
            {"role": "assistant", "content": "A"},
            {"role": "assistant", "content": "B"},
            USER,
        ],
        [_user(*_texts("Hi", "again")), {"role": "assistant", "content": _texts("A", "B")}, HI],
    ),
    (
        "results first, then the rest",
        [
            USER,
            calling_message("a", "b", content="I look."),
            tool_message("a", "1"),
            tool_message("b", "2"),
            {"role": "user", "content": "and?"},
        ],
        [
            HI,
            calling_turn("a", "b", more=[text_part("I look.")]),
            _user(_result("a", "1"), _result("b", "2"), text_part("and?")),
        ],
    ),
    (
        "results move to their call",
        [USER, calling_message("a"), {"role": "user", "content": "wait"}, tool_message("a", "1")],
        [HI, calling_turn("a"), _user(_result("a", "1"), text_part("wait"))],
    ),
    (
        "a result that comes twice",
        [USER, calling_message("a", "b"), tool_message("a", "1"), tool_message("b", "2"), tool_message("a", "3")],
        [HI, calling_turn("a", "b"), _user(_result("a", "3"), _result("b", "2"))],
    ),
    (
        "a call without a result",
        [USER, calling_message("a"), {"role": "user", "content": "so?"}],
        [HI, calling_turn("a"), _user(_result("a", "No result was provided.", is_error=True), text_part("so?"))],
    ),
    (
        "a result without a call",
        [USER, tool_message("gone", "42"), tool_message("empty", "")],
        [_user(*_texts("Hi", "Tool result: 42"))],
    ),
    (
        "an assistant message first",
        [{"role": "assistant", "content": "Hello."}, USER],
        [_user(text_part(".")), {"role": "assistant", "content": _texts("Hello.")}, HI],
    ),
    ("only a system message", [{"role": "system", "content": "Be brief."}], [_user(text_part("."))]),
    (
        "an empty user message",
        [USER, {"role": "assistant", "content": "A"}, {"role": "user", "content": ""}],
        [HI, {"role": "assistant", "content": _texts("A")}, _user(text_part("."))],
    ),
    (
        "white space at the end of a prefill",
        [USER, {"role": "assistant", "content": "So \n"}],
        [HI, {"role": "assistant", "content": _texts("So")}],
    ),
    ("texts of white space alone", [{"role": "user", "content": [text_part(" \n"), text_part("Hi")]}], [HI]),
    (
        "a character of several bytes in an id",
        [USER, calling_message("é.1"), tool_message("é.1", "1")],
        [HI, {"role": "assistant", "content": [tool_use("__1", "look", {"at": "é.1"})]}, _user(_result("__1", "1"))],
    ),
    (
        "an id that each turn uses anew",
        [USER, calling_message("a"), tool_message("a", "1"), calling_message("a"), tool_message("a", "2")],
        [
            HI,
            calling_turn("a"),
            _user(_result("a", "1")),
            {"role": "assistant", "content": [tool_use("a_2", "look", {"at": "a"})]},
            _user(_result("a_2", "2")),
        ],
    ),
    (
        "a cache mark on a message that calls",
        [USER, {**calling_message("a"), "cache_control": {"type": "ephemeral"}}, tool_message("a", "1")],
        [
            HI,
            {"role": "assistant", "content": [{**tool_use("a", "look", {"at": "a"}), "cache_control": {"type": "ephemeral"}}]},
            _user(_result("a", "1")),
        ],
    ),
    (
        "empty results have no content",
        [USER, calling_message("a"), tool_message("a", "")],
        [HI, calling_turn("a"), _user(_result("a"))],
    ),
    (
        "an image in a result",
        [USER, calling_message("a"), tool_message("a", [text_part("seen"), image_part()])],
        [HI, calling_turn("a"), _user(_result("a", [text_part("seen"), IMAGE]))],
    ),
    (
        "ids Anthropic forbids",
        [
            USER,
            {
                **calling_message("a"),
                "tool_calls": [
                    {"id": i, "type": "function", "function": {"name": "look", "arguments": "{}"}} for i in ("f.a:0", "f_a_0")
                ],
            },
            tool_message("f.a:0", "1"),
            tool_message("f_a_0", "2"),
        ],
        [
            HI,
            {"role": "assistant", "content": [tool_use("f_a_0", "look", {}), tool_use("f_a_0_2", "look", {})]},
            _user(_result("f_a_0", "1"), _result("f_a_0_2", "2")),
        ],
    ),
    (
        "older function calls",
        [
            USER,
            {"role": "assistant", "content": None, "function_call": {"name": "look", "arguments": '{"at":"x"}'}},
            {"role": "function", "name": "look", "content": "1"},
        ],
        [
            HI,
            {"role": "assistant", "content": [tool_use("call_fn_1", "look", {"at": "x"})]},
            _user(_result("call_fn_1", "1")),
        ],
    ),
    (
        "images and files",
        [
            {
                "role": "user",
                "content": [
                    image_part(kind="image/jpg"),
                    {"type": "image_url", "image_url": {"url": "https://x/y.gif", "detail": "low"}},
                    {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}},
                    {"type": "file", "file": {"filename": "a.txt", "file_data": "data:text/plain;base64,R3LDvMOfZQ=="}},
                ],
            }
        ],
        [
            _user(
                {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": PNG}},
                {"type": "image", "source": {"type": "url", "url": "https://x/y.gif"}},
                {
                    "type": "document",
                    "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
                    "title": "a.pdf",
                },
                {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Grüße"}, "title": "a.txt"},
            )
        ],
    ),
    (
        "bare base64 of a PDF",
        [{"role": "user", "content": [{"type": "file", "file": {"filename": "a.pdf", "file_data": PDF}}]}],
        [
            _user(
                {
                    "type": "document",
                    "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
                    "title": "a.pdf",
                }
            )
        ],
    ),
    (
        "refusals are text",
        [USER, {"role": "assistant", "content": None, "refusal": "No."}, USER],
        [HI, {"role": "assistant", "content": _texts("No.")}, HI],
    ),
    (
        "reasoning is not sent",
        [USER, {"role": "assistant", "content": "A", "reasoning_content": "Hm."}, USER],
        [HI, {"role": "assistant", "content": _texts("A")}, HI],
    ),
    (
        "cache marks of parts and messages",
        [
            {"role": "user", "content": [{**text_part("a"), "prompt_cache_breakpoint": {"mode": "explicit"}}, text_part("b")]},
            {"role": "user", "content": "c", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
        ],
        [
            _user(
                {**text_part("a"), "cache_control": {"type": "ephemeral"}},
                text_part("b"),
                {**text_part("c"), "cache_control": {"type": "ephemeral", "ttl": "1h"}},
            )
        ],
    ),
    (
        "a cache mark on a result",
        [
            USER,
            calling_message("a"),
            {**tool_message("a", [text_part("1"), image_part()]), "cache_control": {"type": "ephemeral"}},
        ],
        [HI, calling_turn("a"), _user(_result("a", [text_part("1"), IMAGE], cache_control={"type": "ephemeral"}))],
    ),
    (
        "the last four cache marks stay",
        [{"role": "user", "content": [{**text_part(str(i)), "cache_control": {"type": "ephemeral"}} for i in range(6)]}],
        [_user(*[{**text_part(str(i)), **({"cache_control": {"type": "ephemeral"}} if i > 1 else {})} for i in range(6)])],
    ),
]


@check("Chat → Messages, history: {what}", rows=HISTORY, together=True)
def _(lab, what, messages, wanted):
    answer, request = ask_chat(lab, {"messages": messages, "tools": [FUNCTION]})
    served(answer)
    got = request.json()["messages"]
    for message in got:  # a text may be said as a string
        if isinstance(message["content"], str):
            message["content"] = _texts(message["content"])
    equal(got, wanted, "messages")


@check("Chat → Messages: leading system and developer messages are the system, later ones a reminder in place")
def _(lab):
    _answer, request = ask_chat(
        lab,
        {
            "tools": [FUNCTION],
            "messages": [
                {"role": "system", "content": "One."},
                {"role": "developer", "content": [text_part("Two."), text_part("Three.")]},
                USER,
                calling_message("a"),
                {"role": "system", "content": "Now French."},
                tool_message("a", "1"),
            ],
        },
    )
    sent = request.json()
    equal([block["text"] for block in sent["system"]], ["One.", "Two.", "Three."], "system")
    equal([message["role"] for message in sent["messages"]], ["user", "assistant", "user"], "roles")
    last = sent["messages"][2]["content"]
    equal(last[0], _result("a", "1"), "the result, right behind its call")
    equal(last[1]["text"].replace("\n", ""), "<system-reminder>Now French.</system-reminder>", "the reminder")


@check("Chat → Messages: a model that takes system messages gets them in place, but only after a user turn")
def _(lab):
    _answer, request = ask_chat(
        lab,
        {
            "messages": [
                USER,
                {"role": "system", "content": "Now French."},
                {"role": "assistant", "content": "Oui"},
                {"role": "system", "content": "Now German."},
                USER,
            ]
        },
        "claude-opus-4-8",
    )
    sent = request.json()["messages"]
    equal([message["role"] for message in sent], ["user", "system", "assistant", "user"], "roles")
    equal(plain(sent[1]["content"]), "Now French.", "the system message")
    contains(plain(sent[3]["content"]), "<system-reminder>", "the later one")


@check("Chat → Messages: a newer model's prefill gets a user turn after it, and a note")
def _(lab):
    answer, request = ask_chat(lab, {"messages": [USER, {"role": "assistant", "content": "So "}]}, "claude-opus-4-6")
    equal(
        request.json()["messages"][1:],
        [{"role": "assistant", "content": _texts("So")}, _user(text_part("Continue."))],
        "the last messages",
    )
    expect(lossy_of(answer), "a note", answer.headers)


ARGUMENTS = [
    ("", {}),
    ("  ", {}),
    ("null", {}),
    ('{"a":1}', {"a": 1}),
    ({"a": 1}, {"a": 1}),
    ("[1]", {"value": [1]}),
    ('"x"', {"value": "x"}),
    ('"{\\"a\\":1}"', {"a": 1}),
    ('{"a"', {"_invalid_arguments": '{"a"'}),
]


@check("Chat → Messages: arguments {given} are the input {wanted}", rows=ARGUMENTS, together=True)
def _(lab, given, wanted):
    call = {"id": "a", "type": "function", "function": {"name": "look", "arguments": given}}
    _answer, request = ask_chat(
        lab,
        {
            "tools": [FUNCTION],
            "messages": [USER, {"role": "assistant", "content": None, "tool_calls": [call]}, tool_message("a", "1")],
        },
    )
    equal(request.json()["messages"][1]["content"][0]["input"], wanted, "input")


# ---------------------------------------------------------------- thoughts that come back


@check("Chat → Messages: the thoughts before a call come back with its result, {mode}", rows=["whole", "streamed"])
def _(lab, mode):
    thought = {"type": "thinking", "thinking": "Hm, so.", "signature": "EqQB"}
    hidden = {"type": "redacted_thinking", "data": "EmwK"}
    call = tool_use("toolu_1", "look", {"at": "x"})
    far = lab.upstream()
    p = lab.proxyd(
        f"upstreams: {{far: {far.declare('anthropic')}}}\nrules: [{{name: all, models: ['*'], tiers: ['far/claude-sonnet-4-5']}}]"
    )
    if mode == "whole":
        far.reply(whole(ANTHROPIC.whole("claude-sonnet-4-5-20250929", content=[thought, hidden, call], stop_reason="tool_use")))
    else:
        far.reply(
            stream(
                ANTHROPIC.start("claude-sonnet-4-5-20250929")
                + THINKING
                + block_events(1, "redacted_thinking", {"data": "EmwK"})
                + block_events(
                    2,
                    "tool_use",
                    {"id": "toolu_1", "name": "look", "input": {}},
                    {"type": "input_json_delta", "partial_json": '{"at":"x"}'},
                )
                + AEND.replace(b"end_turn", b"tool_use")
            )
        )
    asking = {"model": "x", "tools": [FUNCTION], "reasoning_effort": "low", "max_tokens": 4000, "messages": [USER]}
    told = completion_of(p.send("POST", "/v1/chat/completions", compact({**asking, "stream": mode == "streamed"})))["choices"][
        0
    ]["message"]
    equal(told["reasoning_content"], "Hm, so.", "reasoning_content")
    for again in range(2):
        served(
            p.send(
                "POST",
                "/v1/chat/completions",
                compact(
                    {
                        **asking,
                        "messages": [
                            USER,
                            {k: told[k] for k in ("role", "content", "tool_calls")},
                            tool_message("toolu_1", "1"),
                        ],
                    }
                ),
            )
        )
        sent = far.last.json()
        equal(sent["messages"][1]["content"], [thought, hidden, call], f"the assistant's turn, time {again}")
        equal(sent["thinking"], {"type": "enabled", "budget_tokens": 1024}, "thinking")


@check("Chat → Messages: a call whose thoughts are unknown switches budget thinking off")
def _(lab):
    answer, request = ask_chat(
        lab,
        {
            "tools": [FUNCTION],
            "reasoning_effort": "low",
            "messages": [USER, calling_message("unknown"), tool_message("unknown", "1")],
        },
    )
    expect("thinking" not in request.json(), "no thinking", request.json())
    equal(lossy_of(answer), {"reasoning_effort": "dropped"}, "x-proxyd-lossy")
