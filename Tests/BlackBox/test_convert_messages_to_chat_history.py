"""An Anthropic Messages client before a Chat upstream: the conversation as the upstream gets it."""

from checks import check, contains, equal, expect, lacks, one_of
from harness import served
from messages_chat import (
    PDF,
    PNG,
    TOOL,
    USER,
    ask_messages,
    calling_message,
    calling_turn,
    digest,
    image_part,
    lossy_of,
    plain,
    result_turn,
    text_part,
    tool_message,
)

LONG_ID = "toolu_" + "x" * 40

HISTORY = [
    ("a system text comes first", {"system": "Be brief."}, [{"role": "system", "content": "Be brief."}, USER]),
    (
        "system blocks keep their order, Claude Code's attribution goes",
        {"system": [text_part("x-anthropic-billing-header: cc_version=1"), text_part("One."), text_part("Two.")]},
        [{"role": "system", "content": [text_part("One."), text_part("Two.")]}, USER],
    ),
    (
        "a system message stays where it is",
        {"messages": [USER, {"role": "assistant", "content": "Yes"}, {"role": "system", "content": "Now French."}, USER]},
        [USER, {"role": "assistant", "content": "Yes"}, {"role": "system", "content": "Now French."}, USER],
    ),
    (
        "results first, in their order, then the rest",
        {
            "messages": [
                USER,
                calling_turn("a", "b"),
                {
                    "role": "user",
                    "content": [text_part("before"), *result_turn(("b", "2"), ("a", "1"))["content"], text_part("after")],
                },
            ]
        },
        [
            USER,
            calling_message("a", "b"),
            tool_message("b", "2"),
            tool_message("a", "1"),
            {"role": "user", "content": [text_part("before"), text_part("after")]},
        ],
    ),
    (
        "no user message when there are only results",
        {"messages": [USER, calling_turn("a"), result_turn(("a", "1"))]},
        [USER, calling_message("a"), tool_message("a", "1")],
    ),
    (
        "text beside calls",
        {"messages": [USER, calling_turn("a", more=[text_part("Let me "), text_part("look.")]), result_turn(("a", "1"))]},
        [USER, calling_message("a", content="Let me look."), tool_message("a", "1")],
    ),
    (
        "texts with other blocks between are set apart",
        {
            "messages": [
                USER,
                {
                    "role": "assistant",
                    "content": [
                        text_part("I search."),
                        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}},
                        {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []},
                        text_part("It is "),
                        text_part("so."),
                    ],
                },
                USER,
            ]
        },
        [USER, {"role": "assistant", "content": "I search.\n\nIt is so."}, USER],
    ),
    (
        "thoughts never become text",
        {
            "messages": [
                USER,
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": "secret", "signature": "EqQB"},
                        {"type": "redacted_thinking", "data": "x"},
                        text_part("Yes"),
                    ],
                },
                USER,
            ]
        },
        [USER, {"role": "assistant", "content": "Yes"}, USER],
    ),
    (
        "a message of thoughts alone goes",
        {
            "messages": [
                USER,
                {"role": "assistant", "content": [{"type": "thinking", "thinking": "secret", "signature": "EqQB"}]},
                USER,
            ]
        },
        [USER, USER],
    ),
    (
        "messages of one role stay apart",
        {"messages": [USER, {"role": "user", "content": "again"}]},
        [USER, {"role": "user", "content": "again"}],
    ),
    (
        "results move up to their call",
        {"messages": [USER, calling_turn("a"), {"role": "user", "content": "wait"}, result_turn(("a", "1"))]},
        [USER, calling_message("a"), tool_message("a", "1"), {"role": "user", "content": "wait"}],
    ),
    (
        "a call without a result gets one",
        {"messages": [USER, calling_turn("a", "b"), result_turn(("a", "1"), more=[text_part("go on")])]},
        [
            USER,
            calling_message("a", "b"),
            tool_message("a", "1"),
            tool_message("b", "No result was provided for this tool call."),
            {"role": "user", "content": [text_part("go on")]},
        ],
    ),
    (
        "a call at the end gets a result",
        {"messages": [USER, calling_turn("a")]},
        [USER, calling_message("a"), tool_message("a", "No result was provided for this tool call.")],
    ),
    (
        "a result that comes twice",
        {"messages": [USER, calling_turn("a", "b"), result_turn(("a", "1"), ("b", "2"), ("a", "3"))]},
        [USER, calling_message("a", "b"), tool_message("a", "3"), tool_message("b", "2")],
    ),
    (
        "an id that each turn uses anew",
        {"messages": [USER, calling_turn("a"), result_turn(("a", "1")), calling_turn("a"), result_turn(("a", "2"))]},
        [USER, calling_message("a"), tool_message("a", "1"), calling_message("a"), tool_message("a", "2")],
    ),
    (
        "a long tool id",
        {
            "messages": [
                USER,
                {"role": "assistant", "content": [{"type": "tool_use", "id": LONG_ID, "name": "look", "input": {}}]},
                result_turn((LONG_ID, "1")),
            ]
        },
        [
            USER,
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "call_" + digest(LONG_ID)[:32], "type": "function", "function": {"name": "look", "arguments": "{}"}}
                ],
            },
            tool_message("call_" + digest(LONG_ID)[:32], "1"),
        ],
    ),
    (
        "empty texts are skipped",
        {"messages": [{"role": "user", "content": [text_part(""), text_part("x"), text_part("y")]}]},
        [{"role": "user", "content": [text_part("x"), text_part("y")]}],
    ),
    (
        "images by data and by address",
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
                        {"type": "image", "source": {"type": "base64", "data": PNG}},
                        {"type": "image", "source": {"type": "url", "url": "https://x/y.gif"}},
                    ],
                }
            ]
        },
        [
            {
                "role": "user",
                "content": [image_part(), image_part(), {"type": "image_url", "image_url": {"url": "https://x/y.gif"}}],
            }
        ],
    ),
    (
        "a PDF",
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "document",
                            "title": "a.pdf",
                            "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
                        },
                        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}},
                    ],
                }
            ]
        },
        [
            {
                "role": "user",
                "content": [
                    {"type": "file", "file": {"filename": name, "file_data": f"data:application/pdf;base64,{PDF}"}}
                    for name in ("a.pdf", "document.pdf")
                ],
            }
        ],
    ),
    (
        "results in all their forms",
        {
            "messages": [
                USER,
                calling_turn("a", "b", "c", "d"),
                result_turn(("a", "text"), ("b", [text_part("1"), text_part("2")]), ("c", {"k": [1, 1.0]}), ("d", None)),
            ]
        },
        [
            USER,
            calling_message("a", "b", "c", "d"),
            tool_message("a", "text"),
            tool_message("b", "1\n2"),
            tool_message("c", '{"k":[1,1.0]}'),
            tool_message("d", ""),
        ],
    ),
    (
        "an error is marked once",
        {
            "messages": [
                USER,
                calling_turn("a", "b"),
                {
                    "role": "user",
                    "content": [
                        {"type": "tool_result", "tool_use_id": "a", "content": "no such file", "is_error": True},
                        {"type": "tool_result", "tool_use_id": "b", "content": "error: disk full", "is_error": True},
                    ],
                },
            ]
        },
        [USER, calling_message("a", "b"), tool_message("a", "Error: no such file"), tool_message("b", "error: disk full")],
    ),
    (
        "a tool reference in a result",
        {"messages": [USER, calling_turn("a"), result_turn(("a", [{"type": "tool_reference", "tool_name": "dig"}]))]},
        [USER, calling_message("a"), tool_message("a", "Tool available: dig")],
    ),
]


@check("Messages → Chat, history: {what}", rows=HISTORY, together=True)
def _(lab, what, fields, wanted):
    answer, request = ask_messages(lab, {"tools": [TOOL], **fields})
    served(answer)
    equal(request.json()["messages"], wanted, "messages")


@check("Messages → Chat: an image in a result follows all results in a user message that names the call")
def _(lab):
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    _answer, request = ask_messages(
        lab,
        {
            "tools": [TOOL],
            "messages": [USER, calling_turn("a", "b"), result_turn(("a", [text_part("seen"), picture]), ("b", [picture]))],
        },
    )
    sent = request.json()["messages"]
    equal(
        sent[1:4],
        [calling_message("a", "b"), tool_message("a", "seen"), tool_message("b", "[image attached below]")],
        "calls and results",
    )
    equal((len(sent), sent[4]["role"]), (5, "user"), "the last message")
    parts = sent[4]["content"]
    equal([part["type"] for part in parts], ["text", "image_url", "text", "image_url"], "its parts")
    contains(parts[0]["text"], "a", "the first label")
    contains(parts[2]["text"], "b", "the second label")
    equal((parts[1], parts[3]), (image_part(), image_part()), "the images")


@check("Messages → Chat: text documents, search results, a compaction's summary are text")
def _(lab):
    _answer, request = ask_messages(
        lab,
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "document",
                            "title": "T1",
                            "context": "C1",
                            "source": {"type": "text", "media_type": "text/plain", "data": "D1"},
                        },
                        {
                            "type": "document",
                            "source": {
                                "type": "content",
                                "content": [
                                    text_part("D2"),
                                    {"type": "image", "source": {"type": "url", "url": "https://x/y"}},
                                ],
                            },
                        },
                        {"type": "search_result", "title": "T3", "source": "S3", "content": [text_part("D3")]},
                    ],
                },
                {"role": "assistant", "content": [{"type": "compaction", "content": "What was."}]},
                USER,
            ]
        },
    )
    sent = request.json()["messages"]
    parts = sent[0]["content"]
    for word in ("T1", "C1", "D1"):
        contains(parts[0]["text"], word, "the text document")
    equal(parts[1:3], [text_part("D2"), {"type": "image_url", "image_url": {"url": "https://x/y"}}], "the content document")
    equal(parts[3]["text"].split("\n"), ["T3", "S3", "D3"], "the search result")
    equal(plain(sent[1]["content"]), "What was.", "the summary")


@check("Messages → Chat: a prefill is history and named in x-proxyd-lossy")
def _(lab):
    answer, request = ask_messages(lab, {"messages": [USER, {"role": "assistant", "content": "{"}]})
    served(answer)
    equal(request.json()["messages"][-1], {"role": "assistant", "content": "{"}, "the last message")
    expect(lossy_of(answer), "a word in x-proxyd-lossy", answer.headers)


@check("Messages → Chat: a result without its call is text")
def _(lab):
    _answer, request = ask_messages(lab, {"messages": [result_turn(("gone", "42"))]})
    sent = request.json()["messages"]
    equal([message["role"] for message in sent], ["user"], "roles")
    equal(plain(sent[0]["content"]), "Tool result: 42", "the text")


@check("Messages → Chat: hosted calls in the history are dropped with a note")
def _(lab):
    answer, request = ask_messages(
        lab,
        {
            "messages": [
                USER,
                {
                    "role": "assistant",
                    "content": [
                        {"type": "mcp_tool_use", "id": "m", "name": "x", "server_name": "s", "input": {}},
                        text_part("Yes"),
                    ],
                },
                USER,
            ]
        },
    )
    equal(request.json()["messages"][1], {"role": "assistant", "content": "Yes"}, "the assistant message")
    contains(answer.header("x-proxyd-lossy") or "", "mcp_tool_use", "x-proxyd-lossy")


@check("Messages → Chat: numbers, key order, slashes and lone surrogates of arguments survive, the same way each time")
def _(lab):
    text = (
        '{"model":"x","max_tokens":9,"messages":[{"role":"user","content":"\\ud83d"},'
        '{"role":"assistant","content":[{"type":"tool_use",'
        '"id":"t","name":"look","input":{"z":12345678901234567890,"a":1.0,"p":"a/b\\u00e9","e":[]}}]},'
        '{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"ok"}]}]}'
    )
    far = lab.upstream()
    p = lab.proxyd(f"upstreams: {{far: {far.declare('openai')}}}\nrules: [{{name: all, models: ['*'], tiers: ['far/gpt-4o']}}]")
    for _turn in range(2):
        served(p.send("POST", "/v1/messages", text.encode()))
    equal(far.requests[0].body, far.requests[1].body, "the second conversion")
    sent = far.last.json()["messages"]
    equal(
        sent[1]["tool_calls"][0]["function"]["arguments"],
        '{"z":12345678901234567890,"a":1.0,"p":"a/b\u00e9","e":[]}',
        "arguments",
    )
    one_of(sent[0]["content"], ("\ud83d", "\ufffd"), "the lone surrogate")


@check("Messages → Chat: models that want their thoughts back get them beside their calls")
def _(lab):
    past = calling_turn(
        "a",
        more=[
            {
                "type": "thinking",
                "thinking": "Hm.",
                "signature": "pxd1.eyJ1IjoiY29tcGF0IiwibSI6ImRlZXBzZWVrIiwiayI6InRoaW5rIiwicyI6IiJ9",
            }
        ],
    )
    _answer, request = ask_messages(
        lab, {"tools": [TOOL], "messages": [USER, past, result_turn(("a", "1"))]}, "deepseek-reasoner"
    )
    equal(request.json()["messages"][1].get("reasoning_content"), "Hm.", "reasoning_content")
    lacks(request.body, b"pxd1.", "the request")
