"""An Anthropic Messages client before a Chat upstream: the request that the upstream gets."""

from checks import check, contains, equal, expect, lacks, one_of
from dialects import ANTHROPIC, OPENAI
from harness import served
from messages_chat import (
    FUNCTION,
    PDF,
    PNG,
    SCHEMA_LOOSE,
    SCHEMA_STRICT,
    TOOL,
    USER,
    ask_messages,
    calling_message,
    calling_turn,
    digest,
    image_part,
    lossy_of,
    matches,
    message_of,
    plain,
    refused,
    result_turn,
    text_part,
    tool_message,
)
from upstream import stream, whole

# ---------------------------------------------------------------- top level


def _format(schema, strict):
    return {"type": "json_schema", "json_schema": {"name": "structured_output", "schema": schema, "strict": strict}}


TOP = [
    ("max_tokens for a compatible server", "gpt-4o", {}, {"max_tokens": 64, "max_completion_tokens": ...}, {}),
    ("max_completion_tokens for a reasoning model", "gpt-5", {}, {"max_completion_tokens": 64, "max_tokens": ...}, {}),
    ("the model by the rule", "gpt-4o", {}, {"model": "gpt-4o"}, {}),
    ("temperature as it is", "gpt-4o", {"temperature": 0.25}, {"temperature": 0.25}, {}),
    ("temperature not to a reasoning model", "o3", {"temperature": 0.25}, {"temperature": ...}, {"temperature": "dropped"}),
    ("top_p as it is", "gpt-4o", {"top_p": 0.5}, {"top_p": 0.5}, {}),
    ("top_p not to a reasoning model", "gpt-5-mini", {"top_p": 0.5}, {"top_p": ...}, {"top_p": "dropped"}),
    ("top_k dropped", "gpt-4o", {"top_k": 4}, {"top_k": ...}, {"top_k": "dropped"}),
    ("stop_sequences as a list", "gpt-4o", {"stop_sequences": ["E"]}, {"stop": ["E"], "stop_sequences": ...}, {}),
    ("stop_sequences not to a reasoning model", "o3", {"stop_sequences": ["E"]}, {"stop": ...}, {"stop_sequences": "emulated"}),
    ("no stream_options without stream", "gpt-4o", {}, {"stream_options": ..., "stream": ...}, {}),
    (
        "no tools, no choice",
        "gpt-4o",
        {"tools": [], "tool_choice": {"type": "auto"}},
        {"tools": ..., "tool_choice": ..., "parallel_tool_calls": ...},
        {},
    ),
    (
        "a budget of 8000 as an effort",
        "gpt-5",
        {"max_tokens": 9000, "thinking": {"type": "enabled", "budget_tokens": 8000}},
        {"reasoning_effort": "medium", "thinking": ...},
        {},
    ),
    (
        "a budget of 1024 as an effort",
        "o3",
        {"max_tokens": 9000, "thinking": {"type": "enabled", "budget_tokens": 1024}},
        {"reasoning_effort": "low"},
        {},
    ),
    (
        "a budget of 30000 as an effort",
        "o3",
        {"max_tokens": 40000, "thinking": {"type": "enabled", "budget_tokens": 30000}},
        {"reasoning_effort": "high"},
        {},
    ),
    (
        "an effort beats a budget",
        "o3",
        {"max_tokens": 9000, "thinking": {"type": "enabled", "budget_tokens": 8000}, "output_config": {"effort": "high"}},
        {"reasoning_effort": "high"},
        {},
    ),
    (
        "max falls to what there is",
        "o3",
        {"output_config": {"effort": "max"}},
        {"reasoning_effort": "high", "output_config": ...},
        {},
    ),
    ("adaptive alone says nothing", "gpt-5", {"thinking": {"type": "adaptive"}}, {"reasoning_effort": ...}, {}),
    ("thinking off, none there", "gpt-5.1", {"thinking": {"type": "disabled"}}, {"reasoning_effort": "none"}, {}),
    ("thinking off, no none", "o3", {"thinking": {"type": "disabled"}}, {"reasoning_effort": "low"}, {}),
    ("between_tools is off", "gpt-5", {"thinking": {"type": "between_tools"}}, {"reasoning_effort": "minimal"}, {}),
    (
        "an off beats an effort",
        "o3",
        {"thinking": {"type": "disabled"}, "output_config": {"effort": "high"}},
        {"reasoning_effort": "low"},
        {},
    ),
    ("thinking off, no reasoning model", "gpt-4o", {"thinking": {"type": "disabled"}}, {"reasoning_effort": ...}, {}),
    (
        "a strict format",
        "gpt-4o",
        {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA_STRICT}}},
        {"response_format": _format(SCHEMA_STRICT, True), "output_config": ...},
        {},
    ),
    (
        "a loose format",
        "gpt-4o",
        {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA_LOOSE}}},
        {"response_format": _format(SCHEMA_LOOSE, False)},
        {},
    ),
    (
        "output_format wins",
        "gpt-4o",
        {
            "output_format": {"type": "json_schema", "schema": SCHEMA_STRICT},
            "output_config": {"format": {"type": "json_schema", "schema": SCHEMA_LOOSE}},
        },
        {"response_format": _format(SCHEMA_STRICT, True), "output_format": ...},
        {},
    ),
    ("service_tier auto", "gpt-4o", {"service_tier": "auto"}, {"service_tier": "auto"}, {}),
    ("service_tier standard_only", "gpt-4o", {"service_tier": "standard_only"}, {"service_tier": "default"}, {}),
    (
        "speed fast only at OpenAI itself",
        "gpt-4o",
        {"speed": "fast"},
        {"service_tier": ..., "speed": ...},
        {"speed": "dropped"},
    ),
    ("cache_control dropped", "gpt-4o", {"cache_control": {"type": "ephemeral"}}, {"cache_control": ...}, {}),
    (
        "context_management dropped",
        "gpt-4o",
        {"context_management": {"edits": []}},
        {"context_management": ...},
        {"context_management": "dropped"},
    ),
    ("container dropped", "gpt-4o", {"container": "c"}, {"container": ...}, {"container": "dropped"}),
    (
        "diagnostics dropped silently",
        "gpt-4o",
        {"diagnostics": {"x": 1}, "inference_geo": "us", "mcp_servers": []},
        {"diagnostics": ..., "inference_geo": ..., "mcp_servers": ...},
        {},
    ),
]


@check("Messages → Chat: {what}", rows=TOP)
def _(lab, what, model, fields, wanted, lossy):
    answer, request = ask_messages(lab, fields, model)
    served(answer)
    matches(request.json(), wanted, "the request")
    equal(lossy_of(answer), lossy, "x-proxyd-lossy")


@check("Messages → Chat: a stream asks for usage")
def _(lab):
    answer, request = ask_messages(lab, {}, streamed=True)
    served(answer)
    matches(request.json(), {"stream": True, "stream_options": {"include_usage": True}}, "the request")


@check("Messages → Chat: metadata.user_id is the end user, its digest when it is long")
def _(lab):
    for given, wanted in (("u" * 128, "u" * 128), ("u" * 129, digest("u" * 129))):
        _answer, request = ask_messages(lab, {"metadata": {"user_id": given}})
        sent = request.json()
        equal(sent.get("safety_identifier") or sent.get("user"), wanted, "safety_identifier or user")
        lacks(request.body, b"metadata", "the request")


REFUSED = [
    ("max_tokens 0", {"max_tokens": 0}, "max_tokens"),
    ("no max_tokens", {"max_tokens": None}, "max_tokens"),
    ("mcp_servers", {"mcp_servers": [{"type": "url", "url": "https://x", "name": "x"}]}, "mcp_servers"),
    ("compaction", {"compaction": {"type": "auto"}}, "compaction"),
    ("thread continue", {"thread": {"type": "continue", "id": "t"}}, "thread"),
    (
        "a computer tool",
        {"tools": [{"type": "computer_20250124", "name": "computer", "display_width_px": 1, "display_height_px": 1}]},
        "computer",
    ),
    ("a search tool alone", {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "web_search"),
    (
        "a forced search tool",
        {
            "tools": [TOOL, {"type": "web_search_20250305", "name": "web_search"}],
            "tool_choice": {"type": "tool", "name": "web_search"},
        },
        "web_search",
    ),
    (
        "an image by file id",
        {"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "file", "file_id": "file_1"}}]}]},
        "not found in this provider's file store",
    ),
    (
        "a document by file id",
        {"messages": [{"role": "user", "content": [{"type": "document", "source": {"type": "file", "file_id": "file_1"}}]}]},
        "not found in this provider's file store",
    ),
    (
        "a document by address",
        {
            "messages": [
                {"role": "user", "content": [{"type": "document", "source": {"type": "url", "url": "https://x/y.pdf"}}]}
            ]
        },
        "messages.0.content",
    ),
    ("a role that is none", {"messages": [{"role": "robot", "content": "x"}]}, "role"),
    (
        "a system message that adds a tool",
        {
            "messages": [
                {"role": "user", "content": "x"},
                {"role": "system", "content": [{"type": "tool_addition", "tool": TOOL}]},
            ]
        },
        "tool_addition",
    ),
]


@check("Messages → Chat: {what} is a 400 that names it", rows=REFUSED)
def _(lab, what, fields, names):
    answer, request = ask_messages(lab, fields)
    refused(answer, request, ANTHROPIC, names)


@check("Messages → Chat: with x-proxyd-strict a loss is a 400 that names the field, and no loss none")
def _(lab):
    answer, request = ask_messages(lab, {"top_k": 3}, headers={"x-proxyd-strict": "true"})
    refused(answer, request, ANTHROPIC, "top_k")
    answer, _request = ask_messages(lab, {"temperature": 0.5}, headers={"x-proxyd-strict": "true"})
    served(answer)
    equal(answer.header("x-proxyd-lossy"), None, "x-proxyd-lossy")


# ---------------------------------------------------------------- history

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
    (
        "compaction's summary is text",
        {
            "messages": [
                USER,
                {"role": "assistant", "content": [{"type": "compaction", "content": "What was."}, text_part("Yes")]},
                USER,
            ]
        },
        None,
    ),
]


@check("Messages → Chat, history: {what}", rows=[row for row in HISTORY if row[2]])
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


# ---------------------------------------------------------------- tools


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


@check("Messages → Chat, tool: {what}", rows=TOOLS)
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


@check("Messages → Chat: tool_choice {given} is {wanted}", rows=CHOICES)
def _(lab, given, wanted, parallel):
    _answer, request = ask_messages(lab, {"tools": [TOOL], "tool_choice": given})
    sent = request.json()
    equal((sent.get("tool_choice"), sent.get("parallel_tool_calls")), (wanted, parallel), "tool_choice, parallel_tool_calls")
