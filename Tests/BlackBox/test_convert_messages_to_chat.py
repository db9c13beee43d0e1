"""An Anthropic Messages client before a Chat upstream: the request that the upstream gets, beside its history and its tools."""

from checks import check, equal, lacks
from dialects import ANTHROPIC
from harness import served
from messages_chat import SCHEMA_LOOSE, SCHEMA_STRICT, TOOL, ask_messages, digest, lossy_of, matches, refused


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


@check("Messages → Chat: {what}", rows=TOP, together=True)
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
        "messages.0.content.0",
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


@check("Messages → Chat: {what} is a 400 that names it", rows=REFUSED, together=True)
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
