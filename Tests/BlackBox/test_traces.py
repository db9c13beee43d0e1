"""Traces: spans of requests and attempts at a collector, in both forms; W3C context in and out; sampling; collectors that fail."""

import base64
import json
import re
import time

from check_config import GOOD, Checked
from checks import Skip, check, contains, equal, eventually, expect, lacks, stays
from collector import SERVER, Collector
from harness import ADMIN_KEY, USER_KEY, served
from upstream import drop, hang, healthy, status, stream, whole

FORMS = ["http/json", "http/protobuf"]
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"


def traced(lab, count=1, form="http/json", more="", collector=None, **keywords):
    collector = collector or Collector(lab)
    section = f"telemetry: {{otlp: '{collector.url}', protocol: {form}{more}}}"
    return (*lab.tiers(count, more=section, **keywords), collector)


def dropped(p, name="proxyd_telemetry_dropped_total"):
    text = p.send("GET", "/metrics", key=ADMIN_KEY).body.decode()
    found = re.search(rf"^{name} (\S+)$", text, re.M)
    return float(found.group(1)) if found else 0.0


def out(up):
    """What the upstream was told: version, trace, span, flags."""
    value = up.last.header("traceparent")
    expect(value and re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]", value), "a traceparent", value)
    return value.split("-")[1:]


# ---------------------------------------------------------------- spans


@check("{form}: a request is a span, and its attempt one below it, with what they are about and nothing of what was said", rows=FORMS)
def _(lab, form):
    p, up, collector = traced(lab, form=form)
    begun = time.time_ns()
    answer = served(p.ask(model="claude-test"))
    request, (attempt,) = collector.trace()
    ended = time.time_ns()
    call = collector.calls[0]
    equal((call.method, call.path), ("POST", "/v1/traces"), "the call of the collector")
    equal(request.resource["service.name"], "proxyd", "service.name")
    expect(request.resource["service.version"], "a version", request.resource)
    equal(request.name, "chat claude-test", "name of the request's span")
    equal(attempt.name, "attempt t1", "name of the attempt's span")
    expect(re.fullmatch("[0-9a-f]{32}", request.trace) and int(request.trace, 16), "a trace id", request.trace)
    equal((attempt.trace, attempt.parent), (request.trace, request.span), "trace and parent of the attempt")
    equal(request.parent, "", "parent of a trace that begins here")
    expect(begun - 10**7 <= request.start <= attempt.start <= attempt.end <= request.end <= ended + 10**7, "times in order", (begun, request.start, attempt.start, attempt.end, request.end, ended))
    wanted = {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "anthropic", "gen_ai.request.model": "claude-test",
        "gen_ai.response.model": "model-1", "proxyd.rule": "all", "proxyd.tier": "t1/model-1", "proxyd.key": "user",
        "http.response.status_code": 200, "proxyd.request_id": answer.header("x-request-id"),
    }  # fmt: skip
    equal({name: request[name] for name in wanted}, wanted, "attributes of the request")
    told = json.loads(p.admin("GET", "/admin/requests").body)["requests"][0]
    equal(request["gen_ai.usage.output_tokens"], told["output"], "output tokens")
    equal(request["gen_ai.usage.input_tokens"], told["input"] + told["cache_read"] + told["cache_write"], "input tokens")
    equal((request.status, attempt.status), ((0, ""), (0, "")), "status of spans where all went well")
    equal((attempt["http.response.status_code"], attempt["server.port"]), (200, up.port), "the attempt's status and port")
    alike = ("proxyd.key", "gen_ai.response.model", "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens")
    equal([attempt[name] for name in alike], [request[name] for name in alike], "key, model and usage of the attempt")
    for secret in (USER_KEY, "provider-key-one", "hello"):
        lacks(call.body, secret.encode(), "what the collector gets")


@check("{form}: each attempt is a span with its status and why it came to nothing", rows=FORMS)
def _(lab, form):
    p, first, second, third, collector = traced(lab, 3, form=form)
    first.reply(status(529))
    second.reply(drop)
    served(p.ask(model="claude-test"))
    request, attempts = collector.trace()
    equal([one.name for one in attempts], ["attempt t1", "attempt t2", "attempt t3"], "attempts")
    equal([one["http.response.status_code"] for one in attempts], [529, None, 200], "their statuses")
    equal([one.status[0] for one in attempts], [2, 2, 0], "codes of their status")
    expect(all(one["error.type"] for one in attempts[:2]), "error.type of those that failed", attempts)
    equal(attempts[2]["error.type"], None, "error.type of the one that served")
    equal({one["proxyd.key"] for one in attempts}, {"user"}, "the key of each")
    equal([one["gen_ai.response.model"] is None for one in attempts], [True, True, False], "who has no model of an answer")
    equal({one.parent for one in attempts}, {request.span}, "their parent")
    equal(len({one.span for one in attempts}), 3, "span ids of their own")
    sent = [one.last.header("traceparent").split("-")[2] for one in (first, second, third)]
    equal(sent, [one.span for one in attempts], "span ids that the upstreams were told")
    equal(request.status[0], 0, "status of a request that was served in the end")


def genuine(call):
    """The call's body as OpenTelemetry's own types have it; what they do not know fails."""
    try:
        from google.protobuf import json_format, unknown_fields
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
    except ImportError:
        raise Skip("OpenTelemetry's types are not installed (pip install -r Tests/BlackBox/requirements.txt)") from None
    if call.header("content-type") == "application/json":
        document = json.loads(call.body)
        for resource in document["resourceSpans"]:
            for span in (span for scope in resource["scopeSpans"] for span in scope["spans"]):
                # OTLP writes these in hexadecimal digits, where protobuf's own JSON has base64.
                span.update({name: base64.b64encode(bytes.fromhex(span[name])) for name in ("traceId", "spanId", "parentSpanId") if name in span})
        return json_format.ParseDict(document, ExportTraceServiceRequest())
    request = ExportTraceServiceRequest.FromString(call.body)
    rest = [request]
    while rest:
        message = rest.pop()
        equal(len(unknown_fields.UnknownFieldSet(message)), 0, f"fields of {message.DESCRIPTOR.name} that are unknown")
        for field, value in message.ListFields():
            if field.message_type:
                rest += value if hasattr(value, "append") else [value]
    return request


@check("{form}: OpenTelemetry's own types take what the collector gets", rows=FORMS)
def _(lab, form):
    p, first, _second, collector = traced(lab, 2, form=form)
    first.reply(status(529), healthy)
    served(p.ask(model="claude-test", headers={"traceparent": PARENT, "tracestate": "a=b,c=d"}))
    served(p.ask(model="claude-test", stream=True))
    equal(p.ask(model="claude-test", key="sk-nobody-0123456789").status, 401, "status of who is a stranger")
    collector.wait(6)
    spans = []
    for call in collector.calls:
        for resource in genuine(call).resource_spans:
            told = {one.key: one.value.string_value for one in resource.resource.attributes}
            equal(told["service.name"], "proxyd", "service.name")
            spans += [span for scope in resource.scope_spans for span in scope.spans]
    known = {(one.trace, one.span): one for one in collector.spans}
    equal(len(spans), len(known), "spans")
    for span in spans:
        ours = known[span.trace_id.hex(), span.span_id.hex()]
        equal((span.name, span.kind, span.status.code, span.trace_state, span.parent_span_id.hex(), span.flags),
              (ours.name, ours.kind, ours.status[0], ours.state, ours.parent, ours.flags), "the span")
        told = {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes}
        equal(told, ours.attributes, f"attributes of {span.name}")
    equal(sorted(span.trace_state for span in spans if span.trace_id.hex() == TRACE), ["a=b,c=d"] * 3, "tracestate of a client's trace")


@check("a request that fails is a span with an error; one that is refused for its client's doing is none with an error")
def _(lab):
    p, up, collector = traced(lab, fallback="enabled: false")
    up.reply(status(500), status(400))
    equal(p.ask(model="m").status, 500, "status of the answer")
    request, attempts = collector.trace()
    equal((request.status[0], [one.status[0] for one in attempts]), (2, [2]), "codes of the statuses")
    equal(p.ask(model="m").status, 400, "status of the answer")
    collector.wait(4)
    request = [one for one in collector.spans if one.kind == SERVER][1]
    equal((request.status[0], request["http.response.status_code"]), (0, 400), "status of the refused one")


@check("what is refused at its head for {what} has a span too", rows=["no key", "a wrong key"])
def _(lab, what):
    p, _up, collector = traced(lab)
    key = None if what == "no key" else "sk-nobody-0123456789"
    equal(p.ask(model="m", key=key, headers={"traceparent": PARENT}).status, 401, "the status of the answer")
    collector.wait(1)
    request = collector.spans[0]
    equal((request.trace, request.parent), (TRACE, SPAN), "the client's trace goes on")
    equal((request["http.response.status_code"], request.status[0]), (401, 0), "its status, which is no error")


@check("a stream's spans last until its end, and one that breaks off is told so")
def _(lab):
    p, up, collector = traced(lab)
    up.reply(healthy, stream([b"event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}}\n\n"], ends=False, then="reset"))
    served(p.ask(model="m", stream=True))
    request, (attempt,) = collector.trace()
    equal((request.status[0], attempt.status[0]), (0, 0), "statuses of a stream that ended well")
    try:
        p.ask(model="m", stream=True)
    except Exception:
        pass
    collector.wait(4)
    last = [one for one in collector.spans if one.kind == SERVER][-1]
    equal(last.status[0], 2, "status of a stream that broke off")


@check("embeddings are called embeddings; counts of tokens, lists and what operators ask are no chat")
def _(lab):
    up, collector = lab.upstream(), Collector(lab)
    p = lab.proxyd(
        f"upstreams: {{o: {up.declare('openai')}}}\nrules: [{{name: all, models: ['*'], tiers: [o]}}]\n"
        f"telemetry: {{otlp: '{collector.url}'}}"
    )
    up.reply(whole({"object": "list", "data": [], "model": "e", "usage": {"prompt_tokens": 3, "total_tokens": 3}}))
    p.send("POST", "/v1/embeddings", {"model": "e", "input": "x"})
    p.send("GET", "/v1/models")
    p.send("GET", "/health", key=None)
    p.send("GET", "/admin/keys", key=ADMIN_KEY)
    request, _ = collector.trace()
    equal((request.name, request["gen_ai.operation.name"], request["gen_ai.provider.name"]), ("embeddings e", "embeddings", "openai"), "span")
    stays(lambda: len([one for one in collector.spans if one.kind == SERVER]) == 1, "one request's span")


# ---------------------------------------------------------------- context


@check("a client's trace goes on: its id, its span as parent, its tracestate, its flag; the upstream gets a span of the attempt")
def _(lab):
    p, up, collector = traced(lab, more=", sample: 0%")
    served(p.ask(model="m", headers={"traceparent": PARENT, "tracestate": "one=1,two=2"}))
    request, (attempt,) = collector.trace()
    equal((request.trace, request.parent, request.state), (TRACE, SPAN, "one=1,two=2"), "trace, parent and state of the span")
    equal(out(up), [TRACE, attempt.span, "01"], "traceparent at the upstream")
    equal(up.last.all("traceparent"), [f"00-{TRACE}-{attempt.span}-01"], "lines called traceparent")
    equal(up.last.header("tracestate"), "one=1,two=2", "tracestate at the upstream")


@check("a client's flag says no: nothing is told, though all are sampled, and the upstream is told 00")
def _(lab):
    p, up, collector = traced(lab)
    served(p.ask(model="m", headers={"traceparent": f"00-{TRACE}-{SPAN}-00"}))
    trace, span, flags = out(up)
    equal((trace, flags), (TRACE, "00"), "trace and flags at the upstream")
    expect(span not in (SPAN, "0" * 16), "a span of the attempt", span)
    served(p.ask(model="m"))
    collector.trace()
    equal({one.trace == TRACE for one in collector.spans}, {False}, "spans of the trace")


@check(
    "a traceparent that is none is no context: {value}",
    rows=[
        "", "00", f"ff-{TRACE}-{SPAN}-01", f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01", f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more", f"00-{TRACE}-{SPAN}-0", f"00-{TRACE}-{SPAN}", f"00_{TRACE}_{SPAN}_01", f"00-{TRACE[:-1]}g-{SPAN}-01",
    ],
)  # fmt: skip
def _(lab, value):
    p, up, collector = traced(lab)
    served(p.ask(model="m", headers={"traceparent": value, "tracestate": "one=1"}))
    request, _ = collector.trace()
    expect(request.trace != TRACE and request.parent == "", "a trace that begins here", (request.trace, request.parent))
    equal((out(up)[0], up.last.header("tracestate")), (request.trace, None), "what the upstream is told")


@check("a later version's traceparent is read as far as it is known")
def _(lab):
    p, up, collector = traced(lab)
    served(p.ask(model="m", headers={"traceparent": f"cc-{TRACE}-{SPAN}-01-what-comes"}))
    request, _ = collector.trace()
    equal((request.trace, request.parent, out(up)[0]), (TRACE, SPAN, TRACE), "trace, parent, and trace at the upstream")


@check("without telemetry a client's context passes as any other header does")
def _(lab):
    p, up = lab.tiers(1)
    served(p.ask(model="m", headers={"traceparent": PARENT, "tracestate": "one=1"}))
    equal((up.last.header("traceparent"), up.last.header("tracestate")), (PARENT, "one=1"), "what the upstream gets")
    served(p.ask(model="m"))
    equal(up.last.header("traceparent"), None, "a traceparent that nobody asked for")


@check("`sample` is a share of the traces that begin here, and a trace's number alone decides")
def _(lab):
    p, up, collector = traced(lab, more=", sample: 50%")
    for _ in range(60):
        served(p.ask(model="m"))
    flags = {one.header("traceparent").split("-")[1]: one.header("traceparent")[-2:] for one in up.requests}
    sampled = {trace for trace, flag in flags.items() if flag == "01"}
    expect(10 <= len(sampled) <= 50, "about half of 60", len(sampled))
    collector.wait(2 * len(sampled))
    equal({one.trace for one in collector.spans}, sampled, "traces at the collector")
    bits = {trace: int(trace[16:], 16) >> 1 for trace in flags}
    equal(sampled, {trace for trace in flags if bits[trace] < 1 << 62}, "those whose number is low enough")


# ---------------------------------------------------------------- collectors


@check("the collector gets the headers of `telemetry.headers`, and /admin/config hides them")
def _(lab):
    p, _up, collector = traced(lab, more=", headers: {authorization: 'Bearer collector-secret'}")
    served(p.ask(model="m"))
    collector.trace()
    equal(collector.calls[0].header("authorization"), "Bearer collector-secret", "authorization")
    lacks(p.admin("GET", "/admin/config").body, b"collector-secret", "/admin/config")
    lacks(p.output(), "collector-secret", "the log")


@check("a collector that is {what} slows no request, and what it does not take is counted and told", rows=["dead", "slow", "refusing"], seconds=60)
def _(lab, what):
    collector = Collector(lab, {"slow": hang, "failing": status(503, b"{}"), "refusing": status(400, b"{}")}.get(what))
    if what == "dead":
        collector.url = lab.dead_url()
    p, _up, _ = traced(lab, collector=collector)
    for _ in range(20):
        begun = time.monotonic()
        served(p.ask(model="m"))
        expect(time.monotonic() - begun < 2, "an answer at once")
    eventually(lambda: dropped(p) >= 40, "drops of 20 requests' spans counted", within=30)
    p.wait_log("traces were lost")
    equal(dropped(p), 40, "spans lost, two for each request")


@check("a collector that comes back gets what waits")
def _(lab):
    p, _up, collector = traced(lab)
    collector.up.reply(status(503, b"{}"), status(503, b"{}"), whole({}))
    served(p.ask(model="m"))
    eventually(lambda: len(collector.calls) >= 3, "three tries", within=10)
    equal(len({one.span for one in collector.spans}), 2, "spans, the same at each try")
    time.sleep(0.3)
    equal((len(collector.calls), dropped(p)), (3, 0.0), "tries, and what was lost")


@check("a reload switches traces on, to another collector, and off")
def _(lab):
    p, up = lab.tiers(1)
    first, second = Collector(lab), Collector(lab)
    text = p.config.read_text()
    for collector in (first, second):
        p.replace(text + f"telemetry: {{otlp: '{collector.url}'}}\n")
        eventually(lambda: served(p.ask(model="m")) and collector.spans, "spans at the new collector")
    count = len(first.spans)
    p.replace(text)
    eventually(lambda: served(p.ask(model="m")) and up.last.header("traceparent") is None, "no traceparent any more")
    equal(len(first.spans), count, "spans at the first collector")


@check("what is there when proxyd stops is told before it ends")
def _(lab):
    p, _up, collector = traced(lab)
    served(p.ask(model="m"))
    p.stop()
    equal(len(collector.spans), 2, "spans at the collector")


@check("{what} is refused by its place", rows=[
    ("telemetry: {}", "'otlp' is missing"), ("telemetry: {otlp: 'localhost:4318'}", "http://"),
    ("telemetry: {otlp: 'http://127.0.0.1:4318/v1/traces'}", "appended"),
    ("telemetry: {otlp: 'http://127.0.0.1:4318', protocol: grpc}", "http/protobuf"),
    ("telemetry: {otlp: 'http://127.0.0.1:4318', sample: 110%}", "share"),
    ("telemetry: {otlp: 'http://127.0.0.1:4318', headers: {host: x}}", "header"),
    ("telemetry: {otlp: 'http://127.0.0.1:4318', headers: {Content-Type: x}}", "proxyd sets it itself"),
    ("telemetry: {otlp: 'http://127.0.0.1:4318', headers: {user-agent: x}}", "proxyd sets it itself"),
    ("telemetry: {otpl: x}", "otlp"),
])  # fmt: skip
def _(lab, what, says):
    told = Checked(lab, GOOD + what + "\n").bad()
    equal(told.errors[0][0], GOOD.count("\n") + 1, "line of the error")
    contains(told.errors[0][3], says, "the error")
