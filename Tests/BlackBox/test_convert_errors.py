"""Errors and headers across formats: each class in each client's shape, retry hints, limits, broken and cut streams."""

import base64
import json

from answers import FROM_ANTHROPIC, response
from checks import check, contains, equal, expect, lacks, one_of
from conversions import Pair, data_events, least, named_events, told
from dialects import ANTHROPIC, GEMINI, OPENAI, RESPONSES, compact
from upstream import status, stream, whole

SAID = "the provider's own words"


def upstream_error(upstream, kind):
    """(status, body) in which an upstream says an error of this class."""
    rows = {
        "bad request": {"anthropic": (400, "invalid_request_error"), "openai": (400, "invalid_request_error", None), "gemini": (400, "INVALID_ARGUMENT")},
        "not found": {"anthropic": (404, "not_found_error"), "openai": (404, "invalid_request_error", "model_not_found"), "gemini": (404, "NOT_FOUND")},
        "rate limit": {"anthropic": (429, "rate_limit_error"), "openai": (429, "requests", "rate_limit_exceeded"), "gemini": (429, "RESOURCE_EXHAUSTED")},
        "quota": {"anthropic": (400, "invalid_request_error", "Your credit balance is too low"), "openai": (429, "insufficient_quota", "insufficient_quota"), "gemini": None},
        "overloaded": {"anthropic": (529, "overloaded_error"), "openai": (503, "service_unavailable_error", "server_is_overloaded"), "gemini": (503, "UNAVAILABLE")},
        "credential": {"anthropic": (401, "authentication_error"), "openai": (401, "invalid_request_error", "invalid_api_key"), "gemini": (403, "PERMISSION_DENIED")},
        "server": {"anthropic": (500, "api_error"), "openai": (500, "server_error", None), "gemini": (500, "INTERNAL")},
        "too large": {"anthropic": (413, "request_too_large"), "openai": (413, "invalid_request_error", None), "gemini": None},
    }  # fmt: skip
    row = rows[kind]["openai" if upstream == "responses" else upstream]
    if row is None:
        return None
    if upstream == "anthropic":
        return row[0], {"type": "error", "error": {"type": row[1], "message": row[2] if len(row) > 2 else SAID}}
    if upstream == "gemini":
        return row[0], {"error": {"code": row[0], "message": SAID, "status": row[1]}}
    return row[0], {"error": {"message": SAID, "type": row[1], "param": None, "code": row[2]}}


WANTED = {  # class: what each client is told, as (status, names)
    "bad request": {"anthropic": (400, "invalid_request_error"), "openai": (400, "invalid_request_error", None), "gemini": (400, "INVALID_ARGUMENT")},
    "not found": {"anthropic": (404, "not_found_error"), "openai": (404, "invalid_request_error", "model_not_found"), "gemini": (404, "NOT_FOUND")},
    "rate limit": {"anthropic": (429, "rate_limit_error"), "openai": (429, ("requests", "tokens"), "rate_limit_exceeded"), "gemini": (429, "RESOURCE_EXHAUSTED")},
    "quota": {"anthropic": (402, "billing_error"), "openai": (429, "insufficient_quota", "insufficient_quota"), "gemini": (429, "RESOURCE_EXHAUSTED")},
    "overloaded": {"anthropic": (529, "overloaded_error"), "openai": (503, "service_unavailable_error", ("server_is_overloaded", "slow_down")), "gemini": (503, "UNAVAILABLE")},
    "credential": {"anthropic": (502, "api_error"), "openai": (502, "server_error", None), "gemini": (502, "INTERNAL")},
    "server": {"anthropic": (500, "api_error"), "openai": (500, "server_error", None), "gemini": (500, "INTERNAL")},
    "too large": {"anthropic": (413, "request_too_large"), "openai": (413, "invalid_request_error", None), "gemini": (413, "INVALID_ARGUMENT")},
}  # fmt: skip
CLASSES = [
    (kind, client, upstream)
    for kind in WANTED
    for client in ("anthropic", "openai", "responses", "gemini")
    for upstream in ("anthropic", "openai", "responses", "gemini")
    if client != upstream and upstream_error(upstream, kind)
]


def among(got, wanted, what):
    one_of(got, wanted if isinstance(wanted, tuple) else (wanted,), what)


@check("{kind}: {upstream} upstream's error in the shape of a {client} client", rows=CLASSES)
def _(lab, kind, client, upstream):
    pair = Pair(lab, upstream)
    code, body = upstream_error(upstream, kind)
    pair.up.reply(whole(body, code))
    answer = pair.ask(client, least(client))
    wanted = WANTED[kind]["openai" if client == "responses" else client]
    equal(answer.status, wanted[0], "the status")
    value = answer.json()
    if client == "anthropic":
        equal((value["type"], value["error"]["type"]), ("error", wanted[1]), "type, error.type")
        expect(value["request_id"] == answer.header("request-id"), "request_id is the header's", value)
    elif client == "gemini":
        equal((value["error"]["code"], value["error"]["status"]), wanted, "code, status")
    else:
        among(value["error"]["type"], wanted[1], "error.type")
        among(value["error"]["code"], wanted[2], "error.code")
        expect("param" in value["error"], "a param", value)
    if kind not in ("credential", "quota"):
        contains(value["error"]["message"], SAID, "the message")
    expect(answer.header("x-request-id"), "x-request-id", answer.headers)
    if kind == "quota":
        equal(answer.header("x-should-retry"), "false", "x-should-retry")


LONG = [
    ("openai", 400, {"error": {"message": "This model's maximum context length is 8 tokens", "type": "invalid_request_error", "param": "messages", "code": "context_length_exceeded"}}),
    ("gemini", 400, {"error": {"code": 400, "message": "The input token count (9) exceeds the maximum number of tokens allowed (8).", "status": "INVALID_ARGUMENT"}}),
    ("responses", 400, {"error": {"message": "too long", "type": "invalid_request_error", "param": "input", "code": "context_length_exceeded"}}),
]  # fmt: skip


@check("a prompt that is too long for {upstream} makes Claude Code compact", rows=LONG)
def _(lab, upstream, code, body):
    pair = Pair(lab, upstream)
    pair.up.reply(whole(body, code))
    answer = pair.ask("anthropic", least("anthropic"))
    equal((answer.status, answer.json()["error"]["type"]), (400, "invalid_request_error"), "status, type")
    expect(answer.json()["error"]["message"].startswith("prompt is too long:"), "the phrase", answer.json())


@check("a prompt that is too long for Anthropic is context_length_exceeded for a {client} client", rows=["openai", "responses"])
def _(lab, client):
    pair = Pair(lab, "anthropic")
    pair.up.reply(status(400, ANTHROPIC.error(400, "prompt is too long: 9 tokens > 8 maximum")))
    error = pair.ask(client, least(client)).json()["error"]
    equal((error["type"], error["code"]), ("invalid_request_error", "context_length_exceeded"), "type, code")


SHAPES = [
    ("a text", b'{"error":"went wrong"}', "went wrong"),
    ("FastAPI's detail", b'{"detail":"went wrong"}', "went wrong"),
    ("FastAPI's list", b'{"detail":[{"loc":["body","x"],"msg":"went wrong","type":"missing"}]}', "went wrong"),
    ("a bare message", b'{"message":"went wrong"}', "went wrong"),
    ("HTML", b"<html><head><title>400</title></head><body><h1>went wrong</h1></body></html>", "went wrong"),
    ("a key in it", b'{"error":{"message":"went wrong with sk-abcdefghijklmnop1234567890"}}', "went wrong"),
]


@check("an upstream error that is {what} reaches the client in its words", rows=SHAPES)
def _(lab, what, body, words):
    pair = Pair(lab, "openai")
    pair.up.reply(whole(body, 400))
    answer = pair.ask("anthropic", least("anthropic"))
    equal(answer.status, 400, "the status")
    contains(answer.json()["error"]["message"], words, "the message")
    lacks(answer.text, "sk-abcdef", "the answer")
    lacks(answer.json()["error"]["message"], "<h1>", "the message")


# ---------------------------------------------------------------- retry hints


RETRIES = [
    ("retry-after", [("Retry-After", "7")], None, "7"),
    ("a fraction", [("Retry-After", "6.2")], None, "7"),
    ("milliseconds", [("retry-after-ms", "2500")], None, "3"),
    ("RetryInfo", [], {"error": {"code": 429, "message": "x", "status": "RESOURCE_EXHAUSTED", "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.4s"}]}}, "35"),
    ("a spent budget of requests", [("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "1m30s"), ("x-ratelimit-remaining-tokens", "9"), ("x-ratelimit-reset-tokens", "1h")], None, "90"),
    ("words", [], {"error": {"message": "Rate limit reached. Please try again in 1m2.5s.", "type": "tokens", "code": "rate_limit_exceeded"}}, "63"),
]  # fmt: skip


@check("a 429 with {what} tells an Anthropic client how long to wait", rows=RETRIES)
def _(lab, what, headers, body, seconds):
    pair = Pair(lab, "gemini" if what == "RetryInfo" else "openai")
    pair.up.reply(whole(body or {"error": {"message": "x", "type": "requests", "param": None, "code": "rate_limit_exceeded"}}, 429, headers))
    answer = pair.ask("anthropic", least("anthropic"))
    equal((answer.status, answer.header("retry-after")), (429, seconds), "status, retry-after")


@check("a spent Anthropic limit that names an instant tells a Chat client how long to wait")
def _(lab):
    pair = Pair(lab, "anthropic")
    headers = [
        ("Date", "Thu, 21 Aug 2025 12:40:00 GMT"),
        ("anthropic-ratelimit-requests-remaining", "0"),
        ("anthropic-ratelimit-requests-reset", "2025-08-21T12:40:59Z"),
    ]
    pair.up.reply(whole(ANTHROPIC.error(429, "slow"), 429, headers))
    answer = pair.ask("openai", {"messages": [{"role": "user", "content": "Hi"}]})
    equal((answer.status, answer.header("retry-after")), (429, "59"), "status, retry-after")


# ---------------------------------------------------------------- streams that break


def begun(upstream):
    """A stream up to some text, without its end."""
    if upstream == "anthropic":
        words = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}}
        return named_events(FROM_ANTHROPIC[0], FROM_ANTHROPIC[7] | {"index": 0}, words)
    if upstream == "openai":
        return data_events({"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Hello"}, "finish_reason": None}]})
    if upstream == "gemini":
        return data_events({"candidates": [{"content": {"role": "model", "parts": [{"text": "Hello"}]}, "index": 0}], "modelVersion": "m", "responseId": "r"})
    return named_events(
        {"type": "response.created", "response": response(status="in_progress")},
        {"type": "response.output_text.delta", "item_id": "m", "output_index": 0, "content_index": 0, "delta": "Hello"},
    )


PAIRS = [(c, u) for c in ("anthropic", "openai", "responses", "gemini") for u in ("anthropic", "openai", "responses", "gemini") if c != u]


def broken(client, answer):
    """The error that ends a client's stream; nothing may say that the answer ended well."""
    equal(answer.status, 200, "the status")
    got = told(answer.body)
    contains(answer.text, "Hello", "what was received")
    name, last = got[-1] if got[-1][1] != "[DONE]" else got[-2]
    if client == "anthropic":
        equal((name, last["type"]), ("error", "error"), "the last event")
        lacks(answer.text, "message_stop", "the stream")
        lacks(answer.text, '"stop_reason":"', "the stream")
    elif client == "responses":
        equal((name, last["type"], last["response"]["status"]), ("response.failed", "response.failed", "failed"), "the last event")
        equal([value["sequence_number"] for _, value in got], list(range(len(got))), "the sequence numbers")
        lacks(answer.text, "response.completed", "the stream")
        return last["response"]["error"]
    elif client == "openai":
        lacks(answer.text, '"finish_reason":"', "the stream")
        expect({"message", "type", "param", "code"} <= set(last["error"]), "an error chunk", last)
    else:
        lacks(answer.text, "finishReason", "the stream")
        expect({"code", "message", "status"} <= set(last["error"]), "an error chunk", last)
    return last["error"]


@check("a {upstream} stream that ends in its middle ends with an error for a {client} client", rows=PAIRS)
def _(lab, client, upstream):
    pair = Pair(lab, upstream)
    pair.up.reply(stream(begun(upstream)))
    error = broken(client, pair.ask(client, least(client), streamed=True))
    contains(error["message"], "upstream stream ended before completion", "the message")


@check("a {upstream} stream whose connection breaks ends with an error for a {client} client", rows=PAIRS)
def _(lab, client, upstream):
    pair = Pair(lab, upstream)
    pair.up.reply(stream(begun(upstream), ends=False, then="reset"))
    broken(client, pair.ask(client, least(client), streamed=True))


@check("a Responses stream that is cut ends, for a Responses client, with the number behind its last one")
def _(lab):
    pair = Pair(lab, "responses")
    begun = [
        {"type": "response.created", "response": response(status="in_progress")},
        {"type": "response.output_text.delta", "item_id": "m", "output_index": 0, "content_index": 0, "delta": "Hello"},
    ]
    pair.up.reply(stream(named_events(*({**value, "sequence_number": number} for number, value in enumerate(begun)))))
    broken("responses", pair.ask("responses", least("responses"), streamed=True))


def error_event(upstream):
    return {
        "anthropic": ANTHROPIC.stream_error(SAID),
        "openai": OPENAI.stream_error(SAID),
        "gemini": data_events({"error": {"code": 503, "message": SAID, "status": "UNAVAILABLE"}}),
        "responses": named_events({"type": "error", "error": {"type": "server_error", "code": "server_error", "message": SAID, "param": None}})
        + named_events({"type": "response.failed", "response": response(status="failed", error={"code": "server_error", "message": SAID})}),
    }[upstream]  # fmt: skip


@check("an error in the middle of a {upstream} stream is one for a {client} client, in its words, once", rows=PAIRS)
def _(lab, client, upstream):
    pair = Pair(lab, upstream)
    pair.up.reply(stream(begun(upstream) + error_event(upstream)))
    answer = pair.ask(client, least(client), streamed=True)
    error = broken(client, answer)
    contains(error["message"], SAID, "the message")
    equal(answer.text.count(SAID), 1, "how often it is said")
    if upstream == "anthropic":
        if client == "openai":
            equal((error["type"], error["code"]), ("service_unavailable_error", "server_is_overloaded"), "type, code")
        if client == "gemini":
            equal((error["code"], error["status"]), (503, "UNAVAILABLE"), "code, status")


@check("an error as the first event of a {upstream} stream is an HTTP error for a {client} client", rows=PAIRS)
def _(lab, client, upstream):
    pair = Pair(lab, upstream)
    pair.up.reply(stream(error_event(upstream)))
    answer = pair.ask(client, least(client), streamed=True)
    expect(answer.status >= 500, "a 5xx", answer)
    contains(answer.json()["error"]["message"], SAID, "the message")


NOISE = {
    "broken JSON": lambda name: b"data: {\"type\": \n\n",
    "unknown events": lambda name: b'event: surprise\ndata: {"type":"surprise","x":[1,{"y":2}]}\n\n',
    "comments": lambda name: b": PROCESSING\n\n",
    "no data": lambda name: b"event: empty\n\n",
}


@check("{what} in a {upstream} stream do not hurt", rows=[(w, u) for w in NOISE for u in ("anthropic", "openai", "responses", "gemini")])
def _(lab, what, upstream):
    client = "openai" if upstream == "anthropic" else "anthropic"
    pair = Pair(lab, upstream)
    dialect = {"anthropic": ANTHROPIC, "openai": OPENAI, "responses": RESPONSES, "gemini": GEMINI}[upstream]
    said = dialect.stream("m").replace(b"\r\n", b"\n")
    noisy = b"".join(event + b"\n\n" + NOISE[what](upstream) for event in said.split(b"\n\n") if event)
    pair.up.reply(stream(noisy))
    answer = pair.ask(client, least(client), streamed=True)
    equal(answer.status, 200, "the status")
    contains(answer.body, b"Hello", "the answer")
    contains(answer.body, b"message_stop" if client == "anthropic" else b'"finish_reason":"stop"', "its end")


NO_ANSWER = [("no JSON", b"<html>oops</html>"), ("an empty object", b"{}"), ("a cut object", b'{"id":"x","choices":[{"ind'), ("nothing", b"")]


@check("a whole answer that is {what} is a 502 for an Anthropic client of {upstream}", rows=[(w, b, u) for w, b in NO_ANSWER for u in ("openai", "responses", "gemini")])
def _(lab, what, body, upstream):
    pair = Pair(lab, upstream)
    pair.up.reply(whole(body))
    answer = pair.ask("anthropic", least("anthropic"))
    equal((answer.status, answer.json()["error"]["type"]), (502, "api_error"), "status, type")


# ---------------------------------------------------------------- headers

LIMITS = [
    ("Date", "Thu, 21 Aug 2025 12:40:00 GMT"),
    ("anthropic-ratelimit-requests-limit", "50"),
    ("anthropic-ratelimit-requests-remaining", "49"),
    ("anthropic-ratelimit-requests-reset", "2025-08-21T12:41:02Z"),
    ("anthropic-ratelimit-tokens-limit", "80000"),
    ("anthropic-ratelimit-tokens-remaining", "79000"),
    ("anthropic-ratelimit-tokens-reset", "2025-08-21T12:40:00.5Z"),
    ("anthropic-ratelimit-input-tokens-limit", "40000"),
    ("anthropic-organization-id", "org-secret"),
    ("openai-organization", "org-secret"),
    ("set-cookie", "a=b"),
    ("server", "cloudflare"),
]
OPENAI_LIMITS = [
    ("Date", "Thu, 21 Aug 2025 12:40:00 GMT"),
    ("x-ratelimit-limit-requests", "60"),
    ("x-ratelimit-remaining-requests", "59"),
    ("x-ratelimit-reset-requests", "1m2s"),
    ("x-ratelimit-limit-tokens", "150000"),
    ("x-ratelimit-remaining-tokens", "149984"),
    ("x-ratelimit-reset-tokens", "12ms"),
]
SHOWN = "expose_rate_limits: true"


@check("Chat client, Anthropic upstream: its limits are said as OpenAI says them when that is configured, {mode}", rows=["whole", "streamed"])
def _(lab, mode):
    pair = Pair(lab, "anthropic", extra=SHOWN)
    body = stream(ANTHROPIC.stream("m"), headers=LIMITS) if mode == "streamed" else whole(ANTHROPIC.whole("m"), headers=LIMITS)
    pair.up.reply(body)
    answer = pair.ask("openai", least("openai") if mode == "streamed" else {"messages": [{"role": "user", "content": "Hi"}]}, streamed=mode == "streamed")
    got = {name: answer.header(f"x-ratelimit-{name}") for name in ("limit-requests", "remaining-requests", "reset-requests", "limit-tokens", "remaining-tokens", "reset-tokens")}
    equal(
        got,
        {"limit-requests": "50", "remaining-requests": "49", "reset-requests": "1m2s", "limit-tokens": "80000", "remaining-tokens": "79000", "reset-tokens": "500ms"},
        "the limits",
    )  # fmt: skip
    expect(not any(name.lower().startswith("anthropic-") for name, _ in answer.headers), "none of Anthropic's names", answer.headers)


@check("Anthropic client, {upstream} upstream: its limits are said as Anthropic says them when that is configured", rows=["openai", "responses", "azure"])
def _(lab, upstream):
    pair = Pair(lab, upstream, extra=SHOWN)
    azure = upstream == "azure"
    limits = [(n, {"x-ratelimit-reset-requests": "62", "x-ratelimit-reset-tokens": "-1"}.get(n, v) if azure else v) for n, v in OPENAI_LIMITS]
    pair.up.reply(whole((RESPONSES if upstream == "responses" else OPENAI).whole("m"), headers=limits))
    answer = pair.ask("anthropic", least("anthropic"))
    equal(answer.status, 200, "the status")
    got = {n: answer.header(f"anthropic-ratelimit-{n}") for n in ("requests-limit", "requests-remaining", "requests-reset", "tokens-limit", "tokens-remaining", "tokens-reset")}
    equal(
        got,
        {"requests-limit": "60", "requests-remaining": "59", "requests-reset": "2025-08-21T12:41:02Z", "tokens-limit": "150000", "tokens-remaining": "149984",
         "tokens-reset": None if azure else "2025-08-21T12:40:01Z"},
        "the limits",
    )  # fmt: skip
    expect(not any(name.lower().startswith("x-ratelimit") for name, _ in answer.headers), "none of OpenAI's names", answer.headers)


@check("by default a converted answer carries no limits of the upstream, and none of its identity, {client} client", rows=["openai", "gemini", "responses"])
def _(lab, client):
    pair = Pair(lab, "anthropic")
    pair.up.reply(whole(ANTHROPIC.whole("m"), headers=LIMITS))
    body = {"messages": [{"role": "user", "content": "Hi"}]} if client == "openai" else least(client)
    answer = pair.ask(client, body)
    names = {name.lower() for name, _ in answer.headers}
    expect(not any("ratelimit" in n or "organization" in n or n in ("set-cookie", "server") for n in names), "no such header", names)


@check("an answer in the same format shows no organisation of the upstream's, {client}", rows=["anthropic", "openai"])
def _(lab, client):
    pair = Pair(lab, client)
    dialect = {"anthropic": ANTHROPIC, "openai": OPENAI}[client]
    pair.up.reply(whole(dialect.whole("m"), headers=LIMITS + [("anthropic-workspace-id", "w"), ("openai-project", "p")]))
    answer = pair.ask(client, {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 9})
    names = {name.lower() for name, _ in answer.headers}
    hidden = {"anthropic-organization-id", "anthropic-workspace-id", "openai-organization", "openai-project", "set-cookie", "server"}
    equal(names & hidden, set(), "headers that must not go on")


@check("request ids: {client} client", rows=["anthropic", "openai", "responses", "gemini"])
def _(lab, client):
    upstream = "openai" if client == "anthropic" else "anthropic"
    pair = Pair(lab, upstream)
    for streamed in (False, True):
        body = least(client)
        body.pop("stream_options", None)
        answer = pair.ask(client, body, streamed)
        equal(answer.status, 200, "the status")
        expect(answer.header("x-request-id"), "x-request-id", answer.headers)
        if client == "anthropic":
            expect((answer.header("request-id") or "").startswith("req_"), "request-id", answer.headers)


@check("{client} client, {upstream} upstream: no header of the client's format goes on", rows=[("anthropic", "openai"), ("openai", "anthropic"), ("gemini", "anthropic"), ("anthropic", "gemini")])
def _(lab, client, upstream):
    pair = Pair(lab, upstream)
    headers = [
        ("anthropic-beta", "interleaved-thinking-2025-05-14"), ("OpenAI-Organization", "org"), ("OpenAI-Project", "p"), ("Cookie", "a=b"),
        ("x-api-key", "sk-user-0123456789abcdefghijklmnop"), ("x-proxyd-strict", "false"),
    ]  # fmt: skip
    body = least(client)
    body.pop("stream_options", None)
    equal(pair.ask(client, body, headers=headers).status, 200, "the status")
    names = {name.lower() for name, _ in pair.up.last.headers}
    credential = {"openai": "authorization", "anthropic": "x-api-key", "gemini": "x-goog-api-key"}[upstream]
    secret = {"authorization", "x-api-key", "api-key", "x-goog-api-key"} & names
    equal(secret, {credential}, "the credential headers")
    expect(not names & {"anthropic-beta", "openai-organization", "openai-project", "cookie", "x-proxyd-strict"}, "none of these", names)


STRICT = [
    ("anthropic", "openai", least("anthropic") | {"top_k": 5}, "top_k"),
    ("openai", "anthropic", {"messages": [{"role": "user", "content": "Hi"}], "seed": 5}, "seed"),
    ("responses", "anthropic", {"input": "Hi", "tools": [{"type": "function", "name": "f"}, {"type": "file_search"}]}, "file_search"),
    ("gemini", "openai", least("gemini") | {"generationConfig": {"topK": 5}}, "topK"),
]


@check("{client} client, {upstream} upstream: what is lost is refused when {who} asks for strictness", rows=[(*row, who) for row in STRICT for who in ("the client", "the upstream")])
def _(lab, client, upstream, body, param, who):
    pair = Pair(lab, upstream, extra="lossy: strict" if who == "the upstream" else "")
    answer = pair.ask(client, body, headers=[("x-proxyd-strict", "true")] if who == "the client" else [])
    equal((answer.status, len(pair.up.requests)), (400, 0), "status, requests at the upstream")
    contains(json.dumps(answer.json()["error"]), param, "the error")


@check("what is lost is not said when the upstream is configured to be silent about it")
def _(lab):
    pair = Pair(lab, "openai", extra="lossy: silent")
    sent, lossy = pair.request("anthropic", least("anthropic") | {"top_k": 5})
    equal((lossy, "top_k" in sent), (None, False), "x-proxyd-lossy, top_k")


@check("what is lost is counted")
def _(lab):
    pair = Pair(lab, "openai")
    pair.request("anthropic", least("anthropic") | {"top_k": 5})
    metrics = pair.proxy.admin("GET", "/metrics").text
    lines = [line for line in metrics.splitlines() if line.startswith("proxyd_conversion_lossy_total{")]
    expect(any('top_k' in line and 'dropped' in line for line in lines), "a count of top_k", lines)


@check("{client} client: an error in no vendor's shape gets one on the way through its own format, {where}", rows=[(c, w) for c in ("anthropic", "openai", "responses") for w in ("delivered", "after all failed")])
def _(lab, client, where):
    pair = Pair(lab, client)
    pair.up.reply(whole({"detail": SAID}, 400 if where == "delivered" else 503))
    answer = pair.ask(client, {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 9, "input": "Hi"})
    equal(answer.status, 400 if where == "delivered" else 503, "the status")
    contains(answer.json()["error"]["message"], SAID, "the message")


@check("Anthropic client and upstream: a budget to think is not asked for when another vendor made the last calls")
def _(lab):
    pair = Pair(lab, "anthropic")
    calls = {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "f", "input": {}}]}
    results = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "x"}]}
    body = {
        "max_tokens": 4000,
        "messages": [{"role": "user", "content": "Hi"}, calls, results],
        "thinking": {"type": "enabled", "budget_tokens": 1024},
    }
    equal(pair.ask("anthropic", body).status, 200, "the status")
    expect("thinking" not in pair.up.last.json(), "no thinking", pair.up.last.json())
    calls["content"].insert(0, {"type": "thinking", "thinking": "x", "signature": "theirs"})
    equal(pair.ask("anthropic", body).status, 200, "the status")
    equal(pair.up.last.body, compact({"model": "far-model", **{k: v for k, v in {"model": "asked", **body}.items() if k != "model"}}), "the body, byte for byte")


@check("Anthropic client and upstream: a loop of calls is one turn, and its request stays byte for byte")
def _(lab):
    pair = Pair(lab, "anthropic")

    def round_of(call, *before):
        used = {"type": "tool_use", "id": call, "name": "f", "input": {}}
        result = {"type": "tool_result", "tool_use_id": call, "content": "x"}
        return [{"role": "assistant", "content": [*before, used]}, {"role": "user", "content": [result]}]

    thought = {"type": "thinking", "thinking": "x", "signature": "theirs"}
    first = {"role": "user", "content": "Hi"}
    for history in (
        [first, *round_of("toolu_1", thought), *round_of("toolu_2")],
        [first, *round_of("call_1", thought), *round_of("call_2")],
        [first, *round_of("toolu_1")],
        [first, *round_of("call_1"), {"role": "assistant", "content": "So."}, {"role": "user", "content": "And?"}],
        [first, *round_of("toolu_1", thought), {"role": "assistant", "content": []}, first],
    ):
        body = {"model": "far-model", "max_tokens": 4000, "thinking": {"type": "enabled", "budget_tokens": 1024}, "messages": history}
        equal(pair.ask("anthropic", body).status, 200, "the status")
        equal(pair.up.last.body, compact(body), "the body, byte for byte")


@check("{client} client, same format: what another vendor's answer left in the history does not reach the vendor", rows=["anthropic", "responses", "gemini"])
def _(lab, client):
    pair = Pair(lab, client, "gemini-3-pro-preview" if client == "gemini" else "far-model")
    seal = "pxd1.eyJ1IjoiY29tcGF0IiwibSI6Im0iLCJrIjoidGhpbmsiLCJzIjoiIn0"
    encoded = base64.b64encode(seal.encode()).decode()
    histories = {
        "anthropic": {"max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "Hm", "signature": seal}, {"type": "text", "text": "Yes"}]}, {"role": "user", "content": "So?"}]},
        "responses": {"input": [{"role": "user", "content": "Hi"}, {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": seal},
                                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Yes"}]}, {"role": "user", "content": "So?"}]},
        "gemini": {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}, {"role": "model", "parts": [
            {"text": "Hm", "thought": True, "thoughtSignature": encoded}, {"functionCall": {"name": "f", "args": {}}}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"output": "x"}}}]}]},
    }  # fmt: skip
    equal(pair.ask(client, histories[client]).status, 200, "the status")
    for secret in (b"pxd1", b"cHhkMS", b"Hm", b"rs_1"):
        lacks(pair.up.last.body, secret, "the request")
    if client == "gemini":
        part = pair.up.last.json()["contents"][1]["parts"][0]
        equal(part["thoughtSignature"], "skip_thought_signature_validator", "the call's signature")


@check("a {upstream} stream that answers a whole request is put together, {client} client", rows=[(c, u) for c, u in PAIRS if "gemini" not in (c, u)])
def _(lab, client, upstream):
    pair = Pair(lab, upstream)
    dialect = {"anthropic": ANTHROPIC, "openai": OPENAI, "responses": RESPONSES}[upstream]
    pair.up.reply(stream(dialect.stream("m")))
    body = least(client)
    body.pop("stream_options", None)
    answer = pair.ask(client, body)
    equal(answer.status, 200, "the status")
    contains(answer.header("content-type") or "", "application/json", "the content type")
    contains(json.dumps(answer.json(), ensure_ascii=False), "grüß Gott", "the text")
