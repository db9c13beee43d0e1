"""An OpenTelemetry collector for checks: spans as JSON or protobuf, read by the public definitions of the protocol.

The reader of protobuf's wire format and the numbers of the fields are written out here, so that proxyd's writer is judged by
something else than itself.
"""

import json
import struct

from checks import eventually, expect
from upstream import whole


class Span:
    """A span as it was sent, whatever its form."""

    def __init__(self, trace, span, parent, name, kind, start, end, attributes, status, state, flags, resource):
        self.trace, self.span, self.parent, self.name, self.kind = trace, span, parent, name, kind
        self.start, self.end, self.attributes, self.status = start, end, attributes, status
        self.state, self.flags, self.resource = state, flags, resource

    def __getitem__(self, name):
        return self.attributes.get(name)

    def __repr__(self):
        return f"<{self.name} {self.attributes} {self.status}>"


SERVER, CLIENT = 2, 3


# ---------------------------------------------------------------- JSON


def _value(value):
    expect(len(value) == 1, "one value of an attribute", value)
    (kind, held), = value.items()
    if kind == "intValue":
        expect(isinstance(held, str), "a 64-bit number as a string", value)
        return int(held)
    expect(kind in ("stringValue", "doubleValue", "boolValue"), "a known kind of value", value)
    return held


def _attributes(listed):
    return {one["key"]: _value(one["value"]) for one in listed or []}


def from_json(body):
    spans = []
    for resource in json.loads(body)["resourceSpans"]:
        about = _attributes(resource["resource"]["attributes"])
        for scope in resource["scopeSpans"]:
            for one in scope["spans"]:
                for name in ("startTimeUnixNano", "endTimeUnixNano"):
                    expect(isinstance(one[name], str), f"{name} as a string", one[name])
                status = one.get("status", {})
                spans.append(
                    Span(
                        one["traceId"], one["spanId"], one.get("parentSpanId", ""), one["name"], one["kind"],
                        int(one["startTimeUnixNano"]), int(one["endTimeUnixNano"]), _attributes(one.get("attributes")),
                        (status.get("code", 0), status.get("message", "")), one.get("traceState", ""), one.get("flags", 0), about,
                    )
                )  # fmt: skip
    return spans


# ---------------------------------------------------------------- protobuf


def _varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def fields(data):
    """(number, value) of each field of a message: numbers, or bytes."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind == 0:
            value, at = _varint(data, at)
        elif kind == 1:
            value, at = struct.unpack_from("<Q", data, at)[0], at + 8
        elif kind == 5:
            value, at = struct.unpack_from("<I", data, at)[0], at + 4
        else:
            expect(kind == 2, "a wire type that is in use", kind)
            length, at = _varint(data, at)
            value, at = data[at : at + length], at + length
            expect(len(value) == length, "a field as long as it says", (len(value), length))
        yield tag >> 3, value


def _first(data, number, otherwise=b""):
    return next((value for field, value in fields(data) if field == number), otherwise)


def _any(data):
    (number, value), = fields(data)
    if number == 1:
        return value.decode()
    if number == 3:
        return value - (1 << 64) if value >> 63 else value
    expect(number == 4, "a known kind of value", number)
    return struct.unpack("<d", struct.pack("<Q", value))[0]


def _pairs(data, number):
    return {_first(value, 1).decode(): _any(_first(value, 2)) for field, value in fields(data) if field == number}


def from_protobuf(body):
    spans = []
    for number, resource in fields(body):
        expect(number == 1, "resource_spans", number)
        about = _pairs(_first(resource, 1), 1)
        for field, scope in fields(resource):
            for inner, one in fields(scope) if field == 2 else ():
                if inner != 2:
                    continue
                status = _first(one, 15)
                spans.append(
                    Span(
                        _first(one, 1).hex(), _first(one, 2).hex(), _first(one, 4).hex(), _first(one, 5).decode(), _first(one, 6, 0),
                        _first(one, 7, 0), _first(one, 8, 0), _pairs(one, 9), (_first(status, 3, 0), _first(status, 2).decode()),
                        _first(one, 3).decode(), _first(one, 16, 0), about,
                    )
                )  # fmt: skip
    return spans


# ---------------------------------------------------------------- the collector


class Collector:
    """Takes spans of both forms; `answer` is what it says to each call."""

    def __init__(self, lab, answer=None):
        self.up = lab.upstream()
        self.url = self.up.url
        self.up.reply(answer or whole({}))

    @property
    def calls(self):
        return [one for one in list(self.up.requests) if one.path.endswith("/v1/traces")]

    @property
    def spans(self):
        read = {"application/json": from_json, "application/x-protobuf": from_protobuf}
        return [span for call in self.calls for span in read[call.header("content-type")](call.body)]

    def wait(self, count, within=5.0):
        eventually(lambda: len(self.spans) >= count, f"{count} spans at the collector", within)
        return self.spans

    def trace(self, within=5.0):
        """The request's span and those of its attempts, once they are there."""
        spans = self.wait(1, within)
        request, = [span for span in spans if span.kind == SERVER]
        return request, [span for span in spans if span.kind == CLIENT]
