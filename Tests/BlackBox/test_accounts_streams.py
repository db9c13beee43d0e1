"""What a stream tells after its first words, when nobody else can be asked, takes out what it would as a status."""

import zlib

from accounts import House
from checks import check, contains, equal
from dialects import ANTHROPIC, DIALECTS, GEMINI, OPENAI, RESPONSES, compact
from upstream import healthy, stream, whole

# The client's format where the stream is converted.
OTHERS = {"anthropic": "openai", "openai": "anthropic", "responses": "anthropic", "gemini": "openai"}


def sse(value, name=None):
    return (b"event: " + name.encode() + b"\n" if name else b"") + b"data: " + compact(value) + b"\n\n"


def first_words(dialect, model):
    if dialect == "anthropic":
        return ANTHROPIC.begin(model)
    if dialect == "openai":
        return OPENAI.chunk(model, {"role": "assistant", "content": "Hello"})
    if dialect == "responses":
        return b"\n\n".join(RESPONSES.stream(model).split(b"\n\n")[:2]) + b"\n\n"
    answer = GEMINI.answer(model, "Hello")
    del answer["candidates"][0]["finishReason"]
    return sse(answer)


def chat(code, message, kind="tokens", **more):
    return sse({"error": {"message": message, "type": kind, "param": None, "code": code, **more}})


def failed(code, message):
    error = {"code": code, "message": message}
    return sse({"type": "response.failed", "sequence_number": 2, "response": {**RESPONSES.response("m", "", "failed"), "error": error}}, "response.failed")


def exhausted(delay):
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}
    return sse({"error": {"code": 429, "message": "Resource has been exhausted", "status": "RESOURCE_EXHAUSTED", "details": [info]}})


# What the stream tells, whom that is about, for how many seconds (None: an operator ends it), the account's state (None: any that is out).
CASES = {
    "anthropic: a rate limit": (ANTHROPIC.stream_error("This would exceed your rate limit.", "rate_limit_error"), "model", 30, "cooling"),
    "anthropic: a rate limit that names a wait": (ANTHROPIC.stream_error("Please try again in 40s.", "rate_limit_error"), "model", 40, "cooling"),
    "anthropic: a quota and its reset": (
        ANTHROPIC.stream_error("You have exhausted your capacity on m. Quota will reset after 1h2m3s.", "rate_limit_error"), "model", 3723, None,
    ),
    "anthropic: an overload that names a wait": (ANTHROPIC.stream_error("Overloaded, retry in 90s", "overloaded_error"), "model", 90, "cooling"),
    "anthropic: an empty balance": (ANTHROPIC.stream_error("Your credit balance is too low.", "billing_error"), "account", None, "out_of_money"),
    "anthropic: a refused key": (ANTHROPIC.stream_error("invalid x-api-key", "authentication_error"), "account", 300, "refused"),
    "anthropic: an empty balance in words alone": (
        ANTHROPIC.stream_error("Your credit balance is too low to access the Anthropic API.", "invalid_request_error"),
        "account", None, "out_of_money",
    ),
    "anthropic: a quota in words alone": (
        ANTHROPIC.stream_error("You exceeded your current quota, please check your plan.", "invalid_request_error"),
        "model", 30, "cooling",
    ),
    "anthropic: a suspended account in words alone": (
        ANTHROPIC.stream_error("Your account has been suspended.", "permission_error"), "account", 300, "refused",
    ),
    "anthropic: a suspended account whose name is in the words": (
        ANTHROPIC.stream_error("Your account org-1f2e<ak-3d> has been suspended.", "permission_error"), "account", 300, "refused",
    ),
    "openai: a rate limit": (chat("rate_limit_exceeded", "Rate limit reached for m. Please try again in 40s."), "model", 40, "cooling"),
    "openai: a plan's window": (chat(None, "The usage limit has been reached", "usage_limit_reached", resets_in_seconds=5000), "model", 5000, None),
    "openai: an empty balance": (chat("insufficient_quota", "You exceeded your current quota.", "insufficient_quota"), "account", None, "out_of_money"),
    "responses: a rate limit": (failed("rate_limit_exceeded", "Rate limit reached for m. Please try again in 40s."), "model", 40, "cooling"),
    "responses: a rate limit as an error event": (
        sse({"type": "error", "code": "rate_limit_exceeded", "message": "Rate limit reached.", "param": None, "sequence_number": 2}, "error"),
        "model", 30, "cooling",
    ),
    "responses: an empty balance": (failed("insufficient_quota", "You exceeded your current quota."), "account", None, "out_of_money"),
    "gemini: a rate limit": (exhausted("40s"), "model", 40, "cooling"),
    "gemini: a quota": (exhausted("7200s"), "model", 7200, None),
}  # fmt: skip
# One of each format is enough where what comes is the same.
PLAIN = ("anthropic: a rate limit", "openai: a rate limit", "responses: a rate limit", "gemini: a rate limit")


def breaking_off(dialect, error, way):
    """An answer for the model `m` that tells an error after its first words; other models are served."""

    def reply(request, wire):
        model = GEMINI.model_of(request) if dialect == "gemini" else request.model
        if model != "m":
            return healthy(request, wire)
        pieces, headers = [first_words(dialect, model), error], []
        if way == "as an array":
            chunks = [piece.strip().removeprefix(b"data: ") for piece in pieces]
            return whole(b"[" + b",\r\n".join(chunks) + b"]", framing="chunked")(request, wire)
        if way == "in one piece":
            pieces = [b"".join(pieces)]
        elif way == "compressed":
            packer = zlib.compressobj(wbits=31)
            pieces = [packer.compress(piece) + packer.flush(zlib.Z_SYNC_FLUSH) for piece in pieces] + [packer.flush()]
            headers = [("Content-Encoding", "gzip")]
        stream(pieces, pause=0.03, headers=headers)(request, wire)

    return reply


@check(
    "{way}, {count} account(s): a stream that tells {what} after its first words takes out what it is about, as long as it says",
    rows=[("as it is", n, w) for n in (1, 3) for w in CASES]
    + [(way, 3, what) for way in ("converted", "compressed") for what in PLAIN]
    + [("in one piece", 3, PLAIN[0]), ("as an array", 3, PLAIN[-1])],
    seconds=60,
)
def _(lab, way, count, what):
    error, scope, wait, state = CASES[what]
    dialect = what.partition(":")[0]
    client = OTHERS[dialect] if way == "converted" else dialect
    house = House(lab, count, dialect=dialect, fallback="cooldown: 30s")
    house.a.reply(breaking_off(dialect, error, way), key="one")

    def who(model="m"):
        house.asked += 1
        told = DIALECTS[client]
        query = "" if way == "as an array" else "?alt=sse"
        path = f"/v1beta/models/{model}:streamGenerateContent{query}" if client == "gemini" else told.path
        body = told.request(model, True, text=f"conversation {house.asked}")
        answer = house.p.send("POST", path, body, headers=[("Accept-Encoding", "gzip")] if way == "compressed" else [])
        equal(answer.status, 200, "the status")
        return answer.header("x-proxyd-account")

    house.since()
    equal(who(), "one", "who begins to answer")
    equal([who(), who(), house.times()], [house.instead()] * 2 + [1], "who serves while it is out, and times that it was asked")
    equal(who("other"), house.instead() if scope == "account" else "one", "who serves another model")
    equal(house.state() == state if state else house.state() != "refused", True, f"its state, {house.state()}, is {state}")
    lines = house.changes()
    equal(len(lines), 1, f"lines that tell that it is out ({lines})")
    for part in ("reason=", "until="):
        contains(lines[0], part, "the line")
    house.a.reply(healthy)
    if wait is None:
        equal(house.free().status, 200, "the status of /free")
    else:
        house.pass_to(wait - 5)
        equal(who(), house.instead(), "who serves shortly before it is back")
        house.pass_to(wait + 2)
    equal((who(), house.state()), ("one", "ready"), "who serves when it is over, its state")


@check("what a stream tells late of its request says nothing of the account, and what it tells of a limit counts once")
def _(lab):
    house = House(lab, 1, fallback="cooldown: 600s")
    words = "credit balance is too low: no such tool"
    house.a.reply(stream([ANTHROPIC.begin("m"), ANTHROPIC.stream_error(words, "invalid_request_error")], pause=0.03), key="one")
    for _ in range(3):
        equal(house.ask(stream=True, text=words).header("x-proxyd-account"), "one", "who begins to answer")
    equal((house.state(), house.changes()), ("ready", []), "its state, and lines that tell of it")
    house.a.reply(stream([ANTHROPIC.begin("m"), ANTHROPIC.stream_error("no", "rate_limit_error")], ends=False, then="reset"), key="one")
    house.ask(stream=True)
    equal((house.account()["failures"], len(house.changes())), (1, 1), "failures, and lines, where the connection breaks off besides")


@check("a stream that opens with a quota in the words of a bad request is told as a limit, and rests the model")
def _(lab):
    house = House(lab, 1, spare=False, fallback="cooldown: 30s", clock=False)
    words = "You exceeded your current quota, please check your plan."
    house.a.reply(stream([ANTHROPIC.stream_error(words, "invalid_request_error")]), key="one", model="m")
    answer = house.ask(stream=True)
    equal((answer.status, answer.header("retry-after")), (429, "30"), "the status, and when to come back")
    contains(answer.text, words, "what it says")
    equal((house.state(), house.who("other")), ("cooling", "one"), "its state, and who serves another model")
