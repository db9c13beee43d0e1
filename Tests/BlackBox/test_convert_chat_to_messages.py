"""A Chat client before an Anthropic upstream: the request that the upstream gets, beside its history and its tools."""

from checks import check, contains, equal, expect, lacks
from dialects import OPENAI, compact
from harness import served
from messages_chat import FUNCTION, SCHEMA_STRICT, USER, ask_chat, image_part, lossy_of, matches, refused

TOP = [
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


@check("Chat → Messages: {what}", rows=TOP, together=True)
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


REFUSED = [
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


@check("Chat → Messages: {what} is a 400 that names it", rows=REFUSED, together=True)
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
