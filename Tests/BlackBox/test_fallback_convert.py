"""A tier that speaks another dialect: text goes there and comes back in the client's dialect, streamed and whole."""

import json
import threading

from checks import check, contains, equal, eventually, expect, lacks, one_of
from dialects import ANTHROPIC, DIALECTS, HELLO, OPENAI, compact
from harness import served
from upstream import drop, head, healthy, raw, says, status, stream, whole
from wire import events

MB = 1 << 20
MODES = ("whole", "streamed")


def _across(lab, first="anthropic", second="openai", more=""):
    """A first tier of one dialect and a second of another."""
    one, two = lab.upstream(), lab.upstream()
    p = lab.proxyd(f"""
upstreams: {{near: {one.declare(first)}, far: {two.declare(second)}}}
rules: [{{name: all, tiers: [near, far/far-model]}}]
{more}""")
    return p, one, two


def _anthropic_events(body):
    """The events of an Anthropic stream, their names and order checked."""
    told = []
    for name, data in events(body):
        value = json.loads(data)
        equal(name, value["type"], "the name of an event")
        if name != "ping":
            told.append(value)
    return told


@check("Anthropic client, OpenAI tier after a failure, {mode}: the text comes back in the client's dialect", rows=list(MODES))
def _(lab, mode):
    p, first, _far = _across(lab)
    first.reply(status(529))
    answer = served(p.ask(stream=mode == "streamed"))
    equal(
        (answer.header("x-proxyd-upstream"), answer.header("x-proxyd-tier"), answer.header("x-proxyd-model")),
        ("far", "far/far-model", "far-model"),
        "upstream, tier, model",
    )
    if mode == "streamed":
        contains(answer.header("content-type") or "", "text/event-stream", "the content type")
        equal(ANTHROPIC.text_of_stream(answer.body), HELLO, "the text")
        lacks(answer.body, b"[DONE]", "the stream")
    else:
        contains(answer.header("content-type") or "", "application/json", "the content type")
        equal(ANTHROPIC.text_of(answer.body), HELLO, "the text")


@check("Anthropic client, OpenAI tier: the request is one an OpenAI provider understands, {mode}", rows=list(MODES))
def _(lab, mode):
    p, first, far = _across(lab)
    first.reply(status(503))
    served(
        p.ask(
            stream=mode == "streamed",
            system="Be brief.",
            temperature=0.5,
            top_p=0.9,
            stop_sequences=["END"],
            messages=[
                {"role": "user", "content": 'grüß "1"'},
                {"role": "assistant", "content": [{"type": "text", "text": "2"}]},
                {"role": "user", "content": [{"type": "text", "text": "3"}]},
            ],
        )
    )
    equal((far.last.method, far.last.path), ("POST", "/v1/chat/completions"), "method and path")
    equal(far.last.header("authorization"), "Bearer provider-key-one", "authorization")
    equal((far.last.header("x-api-key"), far.last.header("anthropic-version")), (None, None), "Anthropic's headers")
    sent = far.last.json()
    equal(sent["model"], "far-model", "model")
    equal(_flat(sent["messages"]), [("system", "Be brief."), ("user", 'grüß "1"'), ("assistant", "2"), ("user", "3")], "messages")
    equal(sent.get("max_tokens", sent.get("max_completion_tokens")), 64, "max_tokens or max_completion_tokens")
    equal((sent["temperature"], sent["top_p"], sent["stop"]), (0.5, 0.9, ["END"]), "temperature, top_p, stop")
    equal(set(sent) & {"system", "stop_sequences"}, set(), "members that only Anthropic knows")
    if mode == "streamed":
        equal((sent["stream"], sent["stream_options"]["include_usage"]), (True, True), "stream, include_usage")
    else:
        one_of(sent.get("stream"), (None, False), "stream")
        expect("stream_options" not in sent, "no stream_options without a stream", sent)


def _flat(messages):
    """Messages as (role, text), whether content is text or parts."""
    return [
        (m["role"], m["content"] if isinstance(m["content"], str) else "".join(part["text"] for part in m["content"]))
        for m in messages
    ]


@check("Anthropic client, OpenAI tier, whole: the message has every member with its own meaning")
def _(lab):
    p, first, far = _across(lab)
    first.reply(drop)
    far.reply(
        whole(
            {
                **json.loads(OPENAI.whole("really-this")),
                "usage": {
                    "prompt_tokens": 120,
                    "completion_tokens": 9,
                    "total_tokens": 129,
                    "prompt_tokens_details": {"cached_tokens": 30},
                },
            }
        )
    )
    message = served(p.ask()).json()
    equal(
        (message["type"], message["role"], message["content"]),
        ("message", "assistant", [{"type": "text", "text": HELLO}]),
        "type, role, content",
    )
    equal((message["stop_reason"], message["stop_sequence"]), ("end_turn", None), "stop_reason, stop_sequence")
    one_of(message["model"], ("really-this", "far-model"), "model")
    expect(isinstance(message["id"], str) and message["id"].startswith("msg_"), "an id that begins with msg_", message["id"])
    usage = message["usage"]
    equal(
        (usage["input_tokens"], usage["cache_read_input_tokens"], usage["output_tokens"]),
        (90, 30, 9),
        "input, cache read, output",
    )
    equal(usage.get("cache_creation_input_tokens", 0), 0, "cache creation")


STOPS = [("stop", "end_turn"), ("length", "max_tokens"), ("content_filter", "refusal")]


@check("OpenAI's finish_reason {finish} is Anthropic's {stop}, whole and streamed", rows=STOPS)
def _(lab, finish, stop):
    p, first, far = _across(lab)
    first.reply(status(503))
    far.reply(
        whole(OPENAI.whole("m").replace(b'"finish_reason":"stop"', b'"finish_reason":"%s"' % finish.encode())), streamed=False
    )
    equal(served(p.ask()).json()["stop_reason"], stop, "stop_reason of a whole answer")
    far.reply(
        stream(OPENAI.begin("m") + OPENAI.chunk("m", {}, finish) + OPENAI.usage_chunk("m") + b"data: [DONE]\n\n"), streamed=True
    )
    told = _anthropic_events(served(p.ask(stream=True)).body)
    equal([e["delta"]["stop_reason"] for e in told if e["type"] == "message_delta"], [stop], "stop_reason of a stream")


CUTS = {
    "event by event": lambda body: [event + b"\n\n" for event in body.split(b"\n\n") if event],
    "byte by byte": lambda body: [body[i : i + 1] for i in range(len(body))],
    "with CRLF": lambda body: [body.replace(b"\n", b"\r\n")],
    "with comments": lambda body: [b": PROCESSING\n\n" + body.replace(b"\n\n", b"\n\n: still there\n\n")],
    "without the blank after data:": lambda body: [body.replace(b"data: ", b"data:")],
    "without [DONE]": lambda body: [body.replace(b"data: [DONE]\n\n", b"")],
}


@check("Anthropic client, OpenAI tier, streamed {cut}: the events come in Anthropic's order", rows=list(CUTS))
def _(lab, cut):
    p, first, far = _across(lab)
    first.reply(status(503))
    far.reply(stream(CUTS[cut](OPENAI.stream("really-this"))))
    told = _anthropic_events(served(p.ask(stream=True)).body)
    kinds = [event["type"] for event in told]
    deltas = kinds.count("content_block_delta")
    equal(
        kinds,
        [
            "message_start",
            "content_block_start",
            *["content_block_delta"] * deltas,
            "content_block_stop",
            "message_delta",
            "message_stop",
        ],
        "the events",
    )
    start = told[0]["message"]
    equal(
        (start["type"], start["role"], start["content"], start["stop_reason"], start["stop_sequence"]),
        ("message", "assistant", [], None, None),
        "the message of message_start",
    )
    expect({"input_tokens", "output_tokens"} <= set(start["usage"]), "usage in message_start", start)
    equal((told[1]["index"], told[1]["content_block"]), (0, {"type": "text", "text": ""}), "content_block_start")
    equal("".join(event["delta"]["text"] for event in told[2 : 2 + deltas]), HELLO, "the text, its first word included")
    equal(told[-2]["delta"], {"stop_reason": "end_turn", "stop_sequence": None}, "the delta of message_delta")
    usage = told[-2]["usage"]
    equal((usage["output_tokens"], usage.get("input_tokens"), usage.get("cache_read_input_tokens")), (7, 14, 5), "usage")


@check("Anthropic client, OpenAI tier: each piece of text goes on when it comes")
def _(lab):
    p, first, far = _across(lab)
    first.reply(status(503))
    gate = threading.Event()
    lab.after(gate.set)

    def paced(_request, wire):
        wire.send(head(200, [("Content-Type", "text/event-stream")], "close", 0) + OPENAI.begin("m"))
        gate.wait(10)
        wire.send(OPENAI.chunk("m", {}, "stop") + b"data: [DONE]\n\n")
        wire.close()

    far.reply(paced)
    told = p.open_stream()
    names = []
    while not names or names[-1] != "content_block_delta":
        names.append(told.next()[0])
    gate.set()
    contains(told.rest().body, b"message_stop", "the rest of the stream")


@check(
    "Anthropic client, OpenAI tier: an error answer comes back in the client's dialect with its status ({code})", rows=[400, 404]
)
def _(lab, code):
    p, first, far = _across(lab)
    first.reply(status(503))
    far.reply(says(code, "words of the far provider"))
    for streamed in (False, True):
        answer = p.ask(stream=streamed)
        equal(answer.status, code, "the status")
        contains(ANTHROPIC.error_of(answer)["message"], "words of the far provider", "the message")


@check("Anthropic client, OpenAI tier: a 429 of the last tier comes back in the client's dialect, with Retry-After")
def _(lab):
    p, first, far = _across(lab)
    first.reply(drop)
    far.reply(says(429, "too many for the far provider", retry_after=11))
    answer = p.ask()
    equal((answer.status, ANTHROPIC.error_of(answer)["type"]), (429, "rate_limit_error"), "status and type")
    contains(answer.text, "too many for the far provider", "the message")
    one_of(answer.header("retry-after"), ("11", "10"), "retry-after")


FAR_ENDS = {
    "is reset": lambda: stream(OPENAI.begin("m"), ends=False, then="reset"),
    "ends without a finish_reason": lambda: stream(OPENAI.begin("m")),
    "sends an error chunk": lambda: stream(OPENAI.begin("m") + OPENAI.stream_error("words of the far provider")),
    "breaks its chunks": lambda: raw(
        head(200, [("Content-Type", "text/event-stream")], "chunked", 0)
        + b"%x\r\n%s\r\nzz\r\n" % (len(OPENAI.begin("m")), OPENAI.begin("m"))
    ),
}


@check("Anthropic client, OpenAI tier that {what} in mid-stream: an error event, no ending", rows=list(FAR_ENDS))
def _(lab, what):
    p, first, far = _across(lab)
    first.reply(status(503))
    far.reply(FAR_ENDS[what]())
    answer = p.ask(stream=True)
    contains(ANTHROPIC.text_of_stream(answer.body), "Hello", "the text before it")
    error = ANTHROPIC.error_in(answer.body)
    expect(error, "an error event", repr(answer))
    if what == "sends an error chunk":
        contains(error["message"], "words of the far provider", "the message")
    expect(not ANTHROPIC.finished(answer.body), "no message_stop", repr(answer))


@check("an OpenAI stream that opens with an error falls back to an Anthropic tier without conversion")
def _(lab):
    far, near = lab.upstream(), lab.upstream()
    p = lab.proxyd(
        f"upstreams: {{far: {far.declare('openai')}, near: {near.declare()}}}\nrules: [{{name: all, tiers: [far, near]}}]"
    )
    far.reply(stream(OPENAI.stream_error("overloaded")))
    body = ANTHROPIC.request(stream=True).replace(b":", b": ")
    equal(served(p.send("POST", ANTHROPIC.path, body)).body, ANTHROPIC.stream("claude-test"), "the stream at the client")
    equal(near.last.body, body, "the body at the Anthropic tier")


@check("Anthropic client, OpenAI tier, {mode}: the usage is counted", rows=list(MODES))
def _(lab, mode):
    p, first, _far = _across(lab)
    first.reply(status(503))
    served(p.ask(stream=mode == "streamed"))
    eventually(lambda: p.get("/admin/usage")["total_requests"] >= 1, "a request in the usage")
    told = p.get("/admin/usage")
    equal((told["total_input_tokens"], told["total_output_tokens"]), (19, 7), "tokens in and out")


@check("OpenAI client, Anthropic tier, {mode}: the text comes back in the client's dialect", rows=list(MODES))
def _(lab, mode):
    p, first, far = _across(lab, "openai", "anthropic")
    first.reply(status(503))
    fields = {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}], "max_tokens": 33}
    if mode == "streamed":
        answer = served(p.ask("openai", stream=True, stream_options={"include_usage": True}, **fields))
        equal(OPENAI.text_of_stream(answer.body), HELLO, "the text")
        chunks = [json.loads(data) for _, data in events(answer.body) if data != "[DONE]"]
        equal(events(answer.body)[-1][1], "[DONE]", "the last event")
        equal({chunk["object"] for chunk in chunks}, {"chat.completion.chunk"}, "object")
        equal(len({chunk["id"] for chunk in chunks}), 1, "ids")
        usage = chunks[-1]["usage"]
        equal([c["choices"][0]["finish_reason"] for c in chunks if c["choices"]][-1], "stop", "the last finish_reason")
    else:
        told = served(p.ask("openai", **fields)).json()
        equal(
            (told["object"], told["choices"][0]["message"]["role"], told["choices"][0]["finish_reason"]),
            ("chat.completion", "assistant", "stop"),
            "object, role, finish_reason",
        )
        equal(told["choices"][0]["message"]["content"], HELLO, "the text")
        usage = told["usage"]
    equal((usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]), (19, 7, 26), "usage")
    equal(usage["prompt_tokens_details"]["cached_tokens"], 5, "cached_tokens")
    sent = far.last.json()
    equal((far.last.path, sent["model"], sent["max_tokens"]), ("/v1/messages", "far-model", 33), "path, model, max_tokens")
    equal(_flat(sent["messages"]), [("user", "Hi")], "messages")
    contains(compact(sent["system"]), b"Be brief.", "system")
    expect(far.last.header("anthropic-version"), "an anthropic-version", far.last.raw_head)


@check("OpenAI client, Anthropic tier: without include_usage no chunk with usage is sent")
def _(lab):
    p, first, _far = _across(lab, "openai", "anthropic")
    first.reply(status(503))
    answer = served(p.ask("openai", stream=True))
    chunks = [json.loads(data) for _, data in events(answer.body) if data != "[DONE]"]
    expect(all(chunk["choices"] for chunk in chunks), "no chunk without choices", chunks[-1])


@check("a member in which the dialects differ is named in x-proxyd-lossy")
def _(lab):
    p, first, _far = _across(lab)
    first.reply(status(503))
    answer = served(p.ask(top_k=5))
    contains(answer.header("x-proxyd-lossy") or "", "top_k", "x-proxyd-lossy")


@check("a member that another tier's conversion left out is not named in an error of a tier that left nothing out")
def _(lab):
    p, first, far = _across(lab, more="fallback: {cooldown: 0s}")
    first.reply(status(529))
    far.reply(status(500))
    answer = p.ask(top_k=5)
    equal((len(first.requests), len(far.requests)), (1, 1), "requests at the tiers")
    expect("top_k" not in far.last.fields, "top_k left out for the second tier", far.last.body)
    equal((answer.status, answer.header("x-proxyd-upstream")), (529, "near"), "the error that the client gets")
    equal(answer.header("x-proxyd-lossy"), None, "x-proxyd-lossy")
    first.reply(status(500))
    far.reply(status(529))
    answer = p.ask(top_k=5)
    equal(answer.header("x-proxyd-upstream"), "far", "whose error the client gets when the second tier's is the better one")
    contains(answer.header("x-proxyd-lossy") or "", "top_k", "x-proxyd-lossy of that one")


@check(
    "{client} client, {upstream} tier: an endless whole answer is given up at 64 MiB, 502, and memory stays bounded",
    rows=[("anthropic", "openai"), ("openai", "anthropic")],
    seconds=60,
)
def _(lab, client, upstream):
    p, up = lab.tiers(1, upstream, "enabled: false")
    served(p.ask(client))
    before, most = p.resident(), [0]
    began, _, _ = DIALECTS[upstream].whole("m", "MARK").partition(b"MARK")
    piece = b"100000\r\n" + b"x" * MB + b"\r\n"
    sent = []

    def endless(request, wire):
        wire.send(head(200, [("Content-Type", "application/json")], "chunked", 0) + b"%x\r\n%s\r\n" % (len(began), began))
        try:
            for i in range(128):
                wire.send(piece)
                sent.append(i)
                most[0] = max(most[0], p.resident() - before) if i % 4 == 0 else most[0]
        except OSError:
            request.gone.set()
        wire.close()

    up.reply(endless)
    answer = p.ask(client)
    equal(answer.status, 502, "the status")
    DIALECTS[client].error_of(answer)
    expect(up.last.gone.wait(5), "the upstream's connection ends before 128 MiB were sent", len(sent))
    expect(62 <= len(sent) <= 84, "64 MiB that were taken, and what the kernel holds (62 to 84 MiB sent)", len(sent))
    expect(most[0] < 160 * MB, "proxyd's memory grows by less than 160 MB", most[0])
    up.reply(healthy)
    equal(DIALECTS[client].text_of(served(p.ask(client)).body), HELLO, "the next answer")
