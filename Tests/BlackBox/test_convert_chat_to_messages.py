"""A Chat client before an Anthropic upstream: the request that the upstream gets."""

from checks import check, contains, equal, expect, lacks
from dialects import ANTHROPIC, OPENAI, compact
from harness import served
from messages_chat import (
    AEND,
    FUNCTION,
    PDF,
    PNG,
    SCHEMA_STRICT,
    THINKING,
    TOOL,
    USER,
    ask_chat,
    ask_messages,
    block_events,
    calling_message,
    calling_turn,
    completion_of,
    image_part,
    lossy_of,
    matches,
    plain,
    refused,
    result_turn,
    text_part,
    tool_message,
    tool_stream,
    tool_use,
)
from upstream import stream, whole

# ---------------------------------------------------------------- top level

CTOP = [
    (
        "max_completion_tokens first",
        "claude-sonnet-4-5",
        {"max_tokens": 5, "max_completion_tokens": 6},
        {"max_tokens": 6, "max_completion_tokens": ...},
        {},
    ),
    ("null is passed over", "claude-sonnet-4-5", {"max_tokens": 5, "max_completion_tokens": None}, {"max_tokens": 5}, {}),
    ("a default bound", "claude-sonnet-4-5", {}, {"max_tokens": 8192}, {}),
    ("a default within the model's cap", "claude-3-opus-20240229", {}, {"max_tokens": 4096}, {}),
    ("the model's cap", "claude-3-opus-20240229", {"max_tokens": 100000}, {"max_tokens": 4096}, {}),
    ("temperature clamped", "claude-sonnet-4-5", {"temperature": 1.7}, {"temperature": 1}, {"temperature": "clamped"}),
    ("temperature as it is", "claude-sonnet-4-5", {"temperature": 0.3}, {"temperature": 0.3}, {}),
    (
        "no temperature for a newer model",
        "claude-opus-4-7",
        {"temperature": 0.3, "top_p": 0.5},
        {"temperature": ..., "top_p": ...},
        {"temperature": "dropped", "top_p": "dropped"},
    ),
    ("top_p as it is", "claude-sonnet-4-5", {"top_p": 0.5}, {"top_p": 0.5}, {}),
    (
        "not temperature and top_p",
        "claude-opus-4-1",
        {"temperature": 0.3, "top_p": 0.5},
        {"temperature": 0.3, "top_p": ...},
        {"top_p": "dropped"},
    ),
    ("n 1 is nothing", "claude-sonnet-4-5", {"n": 1}, {"n": ...}, {}),
    ("a stop text", "claude-sonnet-4-5", {"stop": "E"}, {"stop_sequences": ["E"], "stop": ...}, {}),
    ("stops that are blank go", "claude-sonnet-4-5", {"stop": ["", " \n", "E"]}, {"stop_sequences": ["E"]}, {}),
    ("only blank stops", "claude-sonnet-4-5", {"stop": ["", " "]}, {"stop_sequences": ...}, {}),
    ("the user", "claude-sonnet-4-5", {"user": "u", "safety_identifier": "s"}, {"metadata": {"user_id": "s"}}, {}),
    ("service_tier priority", "claude-sonnet-4-5", {"service_tier": "priority"}, {"service_tier": "auto"}, {}),
    ("service_tier flex", "claude-sonnet-4-5", {"service_tier": "flex"}, {"service_tier": "standard_only"}, {}),
    (
        "hints dropped silently",
        "claude-sonnet-4-5",
        {
            "store": True,
            "metadata": {"a": "b"},
            "prompt_cache_key": "k",
            "prompt_cache_retention": "24h",
            "stream_options": {"include_usage": True},
        },
        {"store": ..., "metadata": ..., "prompt_cache_key": ..., "prompt_cache_retention": ...},
        {},
    ),
    (
        "what changes answers is named",
        "claude-sonnet-4-5",
        {
            "seed": 1,
            "logit_bias": {"1": 2},
            "presence_penalty": 0.5,
            "frequency_penalty": 0.5,
            "logprobs": True,
            "top_logprobs": 2,
            "verbosity": "low",
        },
        {"seed": ..., "logprobs": ...},
        {
            k: "dropped"
            for k in ("seed", "logit_bias", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "verbosity")
        },
    ),
    (
        "a json_schema",
        "claude-sonnet-4-5",
        {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "strict": True, "schema": SCHEMA_STRICT}}},
        {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA_STRICT}}, "response_format": ...},
        {},
    ),
    (
        "text is no format",
        "claude-sonnet-4-5",
        {"response_format": {"type": "text"}},
        {"output_config": ..., "system": ...},
        {},
    ),
    (
        "effort for an adaptive model",
        "claude-opus-4-6",
        {"reasoning_effort": "medium"},
        {"thinking": {"type": "adaptive"}, "output_config": {"effort": "medium"}},
        {},
    ),
    (
        "minimal is low",
        "claude-opus-4-6",
        {"reasoning_effort": "minimal"},
        {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}},
        {},
    ),
    (
        "xhigh degraded",
        "claude-opus-4-6",
        {"reasoning_effort": "xhigh"},
        {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}},
        {},
    ),
    ("none, and it can be off", "claude-sonnet-4-5", {"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}}, {}),
    (
        "none, and it cannot be off",
        "claude-opus-4-7",
        {"reasoning_effort": "none"},
        {"thinking": ..., "output_config": {"effort": "low"}},
        {},
    ),
    (
        "a forced tool leaves an adaptive model its effort",
        "claude-opus-4-6",
        {"reasoning_effort": "high", "tools": [FUNCTION], "tool_choice": "required"},
        {"thinking": ..., "output_config": {"effort": "high"}, "tool_choice": {"type": "any"}},
        {"reasoning_effort": "dropped"},
    ),
    (
        "effort as a budget, with room",
        "claude-sonnet-4-5",
        {"reasoning_effort": "medium", "max_tokens": 500},
        {"thinking": {"type": "enabled", "budget_tokens": 8192}, "max_tokens": 8692, "reasoning_effort": ...},
        {},
    ),
    (
        "low as a budget",
        "claude-sonnet-4-5",
        {"reasoning_effort": "low", "max_tokens": 4000},
        {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 4000},
        {},
    ),
    (
        "no temperature while thinking",
        "claude-sonnet-4-5",
        {"reasoning_effort": "low", "max_tokens": 4000, "temperature": 0.3},
        {"thinking": {"type": "enabled", "budget_tokens": 1024}, "temperature": ...},
        {"temperature": "dropped"},
    ),
    (
        "a forced tool switches budget thinking off",
        "claude-sonnet-4-5",
        {"reasoning_effort": "low", "tools": [FUNCTION], "tool_choice": "required"},
        {"thinking": ..., "tool_choice": {"type": "any"}},
        {"reasoning_effort": "dropped"},
    ),
]


@check("Chat → Messages: {what}", rows=CTOP)
def _(lab, what, model, fields, wanted, lossy):
    answer, request = ask_chat(lab, fields, model)
    served(answer)
    matches(request.json(), wanted, "the request")
    equal(lossy_of(answer), lossy, "x-proxyd-lossy")


@check("Chat → Messages: path, version, key; no header that is OpenAI's")
def _(lab):
    _answer, request = ask_chat(lab, {}, headers={"OpenAI-Organization": "org-1", "anthropic-beta": "nothing-2020-01-01"})
    equal((request.path, request.header("anthropic-version")), ("/v1/messages", "2023-06-01"), "path, anthropic-version")
    equal(request.credential, "provider-key-one", "the key")
    equal(
        (request.header("openai-organization"), request.header("anthropic-beta")),
        (None, None),
        "headers that do not belong there",
    )


@check("Chat → Messages: JSON formats a model does not know are asked for in words, and named")
def _(lab):
    for model, given in (
        ("claude-sonnet-4-5", {"type": "json_object"}),
        (
            "claude-3-haiku-20240307",
            {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object", "properties": {"zebra": {}}}}},
        ),
    ):
        answer, request = ask_chat(
            lab, {"response_format": given, "messages": [{"role": "system", "content": "Be brief."}, USER]}, model
        )
        sent = request.json()
        texts = [block["text"] for block in sent["system"]]
        equal((texts[0], len(texts), "output_config" in sent), ("Be brief.", 2, False), "system and output_config")
        contains(texts[1], "JSON", "the instruction")
        if given["type"] == "json_schema":
            contains(texts[1], "zebra", "the schema in the instruction")
        contains(answer.header("x-proxyd-lossy") or "", "response_format", "x-proxyd-lossy")


@check("Chat → Messages: what structured outputs do not enforce is said in words")
def _(lab):
    schema = {
        "type": "object",
        "properties": {
            "n": {"type": "integer", "minimum": 3, "description": "A count."},
            "s": {"type": "string", "maxLength": 9, "format": "weird"},
            "l": {
                "type": "array",
                "items": {"type": "object", "properties": {"minimum": {"type": "string"}}},
                "minItems": 2,
                "maxItems": 4,
            },
        },
    }
    _answer, request = ask_chat(
        lab, {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}}
    )
    sent = request.json()["output_config"]["format"]["schema"]
    equal(
        (sent["additionalProperties"], sent["properties"]["l"]["items"]["additionalProperties"]),
        (False, False),
        "additionalProperties",
    )
    lacks(compact(sent), b'"minimum":3', "the schema")
    for name, gone, said in (
        ("n", {"minimum"}, "3"),
        ("s", {"maxLength", "format"}, "9"),
        ("l", {"minItems", "maxItems"}, "4"),
    ):
        expect(not gone & set(sent["properties"][name]), f"no {gone} left", sent["properties"][name])
        contains(sent["properties"][name]["description"], said, "the description")
    contains(sent["properties"]["n"]["description"], "A count.", "the description")
    equal(
        sent["properties"]["l"]["items"]["properties"],
        {"minimum": {"type": "string"}},
        "a property that is called like a keyword",
    )


CREFUSED = [
    ("n above 1", {"n": 2}, "n"),
    ("audio", {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}}, "modalities"),
    ("web search", {"web_search_options": {}}, "web_search_options"),
    (
        "an audio part",
        {
            "messages": [
                {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}]}
            ]
        },
        None,
    ),
    (
        "a file by id",
        {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "file-1"}}]}]},
        "messages[0].content[0].file_id",
    ),
    (
        "an image Anthropic does not read",
        {"messages": [{"role": "user", "content": [image_part("AAAA", "image/bmp")]}]},
        "messages[0].content[0].image_url",
    ),
    (
        "a file Anthropic does not read",
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "file", "file": {"filename": "x.zip", "file_data": "data:application/zip;base64,UEsDBA=="}}
                    ],
                }
            ]
        },
        "messages[0].content[0].file",
    ),
    (
        "a schema that contains itself",
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {
                    "name": "n",
                    "schema": {
                        "$ref": "#/$defs/node",
                        "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}},
                    },
                },
            }
        },
        "response_format",
    ),
    ("no messages", {"messages": None}, "messages"),
]


@check("Chat → Messages: {what} is a 400 that names it", rows=CREFUSED)
def _(lab, what, fields, param):
    answer, request = ask_chat(lab, fields)
    error = refused(answer, request, OPENAI)
    if param:
        equal(error["param"], param, "error.param")
    else:
        expect(error["param"], "an error.param", error)


@check("Chat → Messages: with x-proxyd-strict a loss is a 400 with its param")
def _(lab):
    answer, request = ask_chat(lab, {"seed": 1}, headers={"x-proxyd-strict": "true"})
    error = refused(answer, request, OPENAI)
    equal((error["param"], error["code"]), ("seed", "unsupported_parameter"), "param, code")


# ---------------------------------------------------------------- history


def _ablocks(*texts):
    return [text_part(text) for text in texts]


def _aresult(ident, content=None, **more):
    return {"type": "tool_result", "tool_use_id": ident, **({"content": content} if content is not None else {}), **more}


def _auser(*blocks):
    return {"role": "user", "content": list(blocks)}


def _ause(*ids, name="look", before=()):
    return {
        "role": "assistant",
        "content": [*before, *({"type": "tool_use", "id": i, "name": name, "input": {"at": i}} for i in ids)],
    }


HI = _auser(text_part("Hi"))

AIMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}

CHISTORY = [
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
        [_auser(*_ablocks("Hi", "again")), {"role": "assistant", "content": _ablocks("A", "B")}, HI],
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
        [HI, _ause("a", "b", before=[text_part("I look.")]), _auser(_aresult("a", "1"), _aresult("b", "2"), text_part("and?"))],
    ),
    (
        "results move to their call",
        [USER, calling_message("a"), {"role": "user", "content": "wait"}, tool_message("a", "1")],
        [HI, _ause("a"), _auser(_aresult("a", "1"), text_part("wait"))],
    ),
    (
        "a result that comes twice",
        [USER, calling_message("a", "b"), tool_message("a", "1"), tool_message("b", "2"), tool_message("a", "3")],
        [HI, _ause("a", "b"), _auser(_aresult("a", "3"), _aresult("b", "2"))],
    ),
    (
        "a call without a result",
        [USER, calling_message("a"), {"role": "user", "content": "so?"}],
        [HI, _ause("a"), _auser(_aresult("a", "No result was provided.", is_error=True), text_part("so?"))],
    ),
    (
        "a result without a call",
        [USER, tool_message("gone", "42"), tool_message("empty", "")],
        [_auser(*_ablocks("Hi", "Tool result: 42"))],
    ),
    (
        "an assistant message first",
        [{"role": "assistant", "content": "Hello."}, USER],
        [_auser(text_part(".")), {"role": "assistant", "content": _ablocks("Hello.")}, HI],
    ),
    ("only a system message", [{"role": "system", "content": "Be brief."}], [_auser(text_part("."))]),
    (
        "an empty user message",
        [USER, {"role": "assistant", "content": "A"}, {"role": "user", "content": ""}],
        [HI, {"role": "assistant", "content": _ablocks("A")}, _auser(text_part("."))],
    ),
    (
        "white space at the end of a prefill",
        [USER, {"role": "assistant", "content": "So \n"}],
        [HI, {"role": "assistant", "content": _ablocks("So")}],
    ),
    ("texts of white space alone", [{"role": "user", "content": [text_part(" \n"), text_part("Hi")]}], [HI]),
    (
        "a character of several bytes in an id",
        [USER, calling_message("é.1"), tool_message("é.1", "1")],
        [HI, {"role": "assistant", "content": [tool_use("__1", "look", {"at": "é.1"})]}, _auser(_aresult("__1", "1"))],
    ),
    (
        "an id that each turn uses anew",
        [USER, calling_message("a"), tool_message("a", "1"), calling_message("a"), tool_message("a", "2")],
        [
            HI,
            _ause("a"),
            _auser(_aresult("a", "1")),
            {"role": "assistant", "content": [tool_use("a_2", "look", {"at": "a"})]},
            _auser(_aresult("a_2", "2")),
        ],
    ),
    (
        "a cache mark on a message that calls",
        [USER, {**calling_message("a"), "cache_control": {"type": "ephemeral"}}, tool_message("a", "1")],
        [
            HI,
            {"role": "assistant", "content": [{**tool_use("a", "look", {"at": "a"}), "cache_control": {"type": "ephemeral"}}]},
            _auser(_aresult("a", "1")),
        ],
    ),
    (
        "empty results have no content",
        [USER, calling_message("a"), tool_message("a", "")],
        [HI, _ause("a"), _auser(_aresult("a"))],
    ),
    (
        "an image in a result",
        [USER, calling_message("a"), tool_message("a", [text_part("seen"), image_part()])],
        [HI, _ause("a"), _auser(_aresult("a", [text_part("seen"), AIMAGE]))],
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
            _auser(_aresult("f_a_0", "1"), _aresult("f_a_0_2", "2")),
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
            _auser(_aresult("call_fn_1", "1")),
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
            _auser(
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
            _auser(
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
        [HI, {"role": "assistant", "content": _ablocks("No.")}, HI],
    ),
    (
        "reasoning is not sent",
        [USER, {"role": "assistant", "content": "A", "reasoning_content": "Hm."}, USER],
        [HI, {"role": "assistant", "content": _ablocks("A")}, HI],
    ),
    (
        "a later system message",
        [USER, {"role": "system", "content": "Now French."}, {"role": "assistant", "content": "Oui"}, USER],
        None,
    ),
    (
        "cache marks of parts and messages",
        [
            {"role": "user", "content": [{**text_part("a"), "prompt_cache_breakpoint": {"mode": "explicit"}}, text_part("b")]},
            {"role": "user", "content": "c", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
        ],
        [
            _auser(
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
        [HI, _ause("a"), _auser(_aresult("a", [text_part("1"), AIMAGE], cache_control={"type": "ephemeral"}))],
    ),
    (
        "the last four cache marks stay",
        [{"role": "user", "content": [{**text_part(str(i)), "cache_control": {"type": "ephemeral"}} for i in range(6)]}],
        [_auser(*[{**text_part(str(i)), **({"cache_control": {"type": "ephemeral"}} if i > 1 else {})} for i in range(6)])],
    ),
]


@check("Chat → Messages, history: {what}", rows=[row for row in CHISTORY if row[2]])
def _(lab, what, messages, wanted):
    answer, request = ask_chat(lab, {"messages": messages, "tools": [FUNCTION]})
    served(answer)
    got = request.json()["messages"]
    for message in got:  # a text may be said as a string
        if isinstance(message["content"], str):
            message["content"] = _ablocks(message["content"])
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
    equal(last[0], _aresult("a", "1"), "the result, right behind its call")
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
        [{"role": "assistant", "content": _ablocks("So")}, _auser(text_part("Continue."))],
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
    ('{"a"', {"_invalid_arguments": '{"a"'}),
]


@check("Chat → Messages: arguments {given} are the input {wanted}", rows=ARGUMENTS)
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


# ---------------------------------------------------------------- tools

AEMPTY = {"type": "object", "properties": {}}

CTOOLS = [
    ("a function", FUNCTION, TOOL),
    ("no parameters", {"type": "function", "function": {"name": "look"}}, {"name": "look", "input_schema": AEMPTY}),
    (
        "null parameters",
        {"type": "function", "function": {"name": "look", "parameters": None}},
        {"name": "look", "input_schema": AEMPTY},
    ),
    (
        "empty parameters",
        {"type": "function", "function": {"name": "look", "parameters": {}}},
        {"name": "look", "input_schema": AEMPTY},
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
        {"name": "look", "input_schema": AEMPTY},
    ),
    (
        "strict",
        {"type": "function", "function": {"name": "look", "strict": True, "parameters": SCHEMA_STRICT}},
        {"name": "look", "input_schema": SCHEMA_STRICT, "strict": True},
    ),
    ("a cache mark", {**FUNCTION, "cache_control": {"type": "ephemeral"}}, {**TOOL, "cache_control": {"type": "ephemeral"}}),
]


@check("Chat → Messages, tool: {what}", rows=CTOOLS)
def _(lab, what, tool, wanted):
    _answer, request = ask_chat(lab, {"tools": [tool]})
    equal(request.json()["tools"], [wanted], "tools")


CCHOICES = [
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


@check("Chat → Messages: {given} is {wanted}", rows=CCHOICES)
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


@check("Chat → Messages: two names that Anthropic's rule makes one stay two")
def _(lab):
    tools = [{"type": "function", "function": {"name": name}} for name in ("crm.find", "crm_find")]
    _answer, request = ask_chat(lab, {"tools": tools})
    names = [tool["name"] for tool in request.json()["tools"]]
    expect(len(set(names)) == 2 and names[0] == "crm_find", "two names", names)
