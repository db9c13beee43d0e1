"""Requests that are no HTTP, or ambiguous, or too large: refused, and the connection ends with the refusal."""

import time

from checks import check, equal, eventually, expect, one_of
from dialects import ANTHROPIC
from harness import USER_KEY, served
from wire import chunked, request_bytes

KEY = f"x-api-key: {USER_KEY}\r\n".encode()
BODY = ANTHROPIC.request()
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
POST = b"POST /v1/messages HTTP/1.1\r\n"
HOST = b"Host: x\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


def _post(*lines, body=BODY):
    return POST + HOST + KEY + b"".join(lines) + b"\r\n" + body


MALFORMED = {
    "bare LF as line ends": _post(LENGTH).replace(b"\r\n", b"\n"),
    "one bare LF among the headers": POST + HOST + b"X-A: 1\n" + KEY + LENGTH + b"\r\n" + BODY,
    "a bare CR in a header": _post(b"X-A: 1\rX-B: 2\r\n", LENGTH),
    "a bare CR in the request line": POST[:-2] + b"\r\r\n" + HOST + KEY + LENGTH + b"\r\n" + BODY,
    "a folded header": _post(b"X-A: 1\r\n  folded\r\n", LENGTH),
    "a folded header with a tab": _post(b"X-A: 1\r\n\tfolded\r\n", LENGTH),
    "a first header that begins with a space": POST + b" X-A: 1\r\n" + HOST + KEY + LENGTH + b"\r\n" + BODY,
    "a space before the colon": _post(b"X-A : 1\r\n", LENGTH),
    "a space before the colon of Content-Length": _post(b"Content-Length : %d\r\n" % len(BODY)),
    "a tab before the colon of Transfer-Encoding": _post(b"Transfer-Encoding\t: chunked\r\n", body=chunked(BODY)),
    "a space in a header name": _post(b"X A: 1\r\n", LENGTH),
    "a header without a colon": _post(b"Nonsense\r\n", LENGTH),
    "a header without a name": _post(b": value\r\n", LENGTH),
    "a NUL in a header": _post(b"X-A: a\x00b\r\n", LENGTH),
    "a control character in a header": _post(b"X-A: a\x01b\r\n", LENGTH),
    "a control character in a header name": _post(b"X\x01A: b\r\n", LENGTH),
    "a slash in a header name": _post(b"X/A: b\r\n", LENGTH),
    "Content-Length with Transfer-Encoding": _post(LENGTH, CHUNKED, body=chunked(BODY)),
    "Transfer-Encoding with Content-Length": _post(CHUNKED, LENGTH, body=chunked(BODY)),
    "two Content-Lengths that differ": _post(LENGTH, b"Content-Length: 5\r\n"),
    "two Content-Lengths alike": _post(LENGTH, LENGTH),
    "a list as Content-Length": _post(b"Content-Length: %d, %d\r\n" % (len(BODY), len(BODY))),
    "a negative Content-Length": _post(b"Content-Length: -1\r\n"),
    "a Content-Length with a plus": _post(b"Content-Length: +%d\r\n" % len(BODY)),
    "a hexadecimal Content-Length": _post(b"Content-Length: 0x%x\r\n" % len(BODY)),
    "an empty Content-Length": _post(b"Content-Length:\r\n"),
    "a Content-Length with a fraction": _post(b"Content-Length: %d.0\r\n" % len(BODY)),
    "a Content-Length beyond 64 bits": _post(b"Content-Length: 18446744073709551617\r\n"),
    "a chunk size that is no number": _post(CHUNKED, body=b"zz\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "a chunk size with 0x": _post(CHUNKED, body=b"0x%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)),
    "a negative chunk size": _post(CHUNKED, body=b"-%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)),
    "a chunk size with a plus": _post(CHUNKED, body=b"+%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)),
    "an empty chunk size": _post(CHUNKED, body=b"\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "a chunk size beyond 64 bits": _post(CHUNKED, body=b"1000000000000000a\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "a chunk longer than its size": _post(CHUNKED, body=b"5\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "bare LF after a chunk size": _post(CHUNKED, body=b"%x\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)),
    "bare LF after a chunk": _post(CHUNKED, body=b"%x\r\n%s\n0\r\n\r\n" % (len(BODY), BODY)),
    "a space in front of a chunk size": _post(CHUNKED, body=b" %x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)),
    "a bare LF in a chunk extension": _post(CHUNKED, body=b"%x;a\nb\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)),
    "no Host": POST + KEY + LENGTH + b"\r\n" + BODY,
    "two Hosts": POST + HOST + b"Host: y\r\n" + KEY + LENGTH + b"\r\n" + BODY,
    "a request line without a version": b"POST /v1/messages\r\n" + HOST + KEY + LENGTH + b"\r\n" + BODY,
    "a request line without a path": b"POST HTTP/1.1\r\n" + HOST + KEY + LENGTH + b"\r\n" + BODY,
    "two spaces in the request line": b"POST  /v1/messages HTTP/1.1\r\n" + HOST + KEY + LENGTH + b"\r\n" + BODY,
    "a fourth word in the request line": b"POST /v1/messages x HTTP/1.1\r\n" + HOST + KEY + LENGTH + b"\r\n" + BODY,
    "a control character in the path": b"POST /v1/\x01messages HTTP/1.1\r\n" + HOST + KEY + LENGTH + b"\r\n" + BODY,
    "a method that is no token": b"PO(ST /v1/messages HTTP/1.1\r\n" + HOST + KEY + LENGTH + b"\r\n" + BODY,
    "a version in lower case": b"POST /v1/messages http/1.1\r\n" + HOST + KEY + LENGTH + b"\r\n" + BODY,
    "garbage": b"\x00\x01\x02\x03 garbage \xff\xfe\r\n\r\n",
    "a TLS hello": bytes.fromhex("160301002a0100002603030000000000000000000000000000000000000000000000000000000000000000")
    + b"\r\n\r\n",
}

# What asks for something we lack may be told so with a status of its own.
OTHERWISE = {
    "chunked not last": (_post(b"Transfer-Encoding: chunked, gzip\r\n", body=chunked(BODY)), (400, 501)),
    "chunked twice": (_post(b"Transfer-Encoding: chunked, chunked\r\n", body=chunked(BODY)), (400, 501)),
    "two Transfer-Encoding lines": (_post(CHUNKED, CHUNKED, body=chunked(BODY)), (400, 501)),
    "an unknown Transfer-Encoding": (_post(b"Transfer-Encoding: xchunked\r\n", body=chunked(BODY)), (400, 501)),
    "gzip as Transfer-Encoding": (_post(b"Transfer-Encoding: gzip, chunked\r\n", body=chunked(BODY)), (400, 501)),
    "Transfer-Encoding identity": (_post(b"Transfer-Encoding: identity\r\n"), (400, 501)),
    "HTTP/9.9": (b"POST /v1/messages HTTP/9.9\r\n" + HOST + KEY + LENGTH + b"\r\n" + BODY, (400, 505)),
    "the HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (400, 505)),
}
TABLE = {**{name: (data, (400,)) for name, data in MALFORMED.items()}, **OTHERWISE}


@check("malformed, {what}: refused with 400 and the connection ends", rows=list(TABLE), together=True)
def _(lab, what):
    data, statuses = TABLE[what]
    p, up = lab.simple()
    connection = p.connect(timeout=5)
    connection.send(data + b"GET /v1/smuggled HTTP/1.1\r\nHost: x\r\n" + KEY + b"\r\n")
    one_of(connection.answer().status, statuses, "the status")
    expect(connection.closes(), "the connection ends after the refusal")
    equal(connection.buffer, b"", "bytes after the refusal")
    equal(up.requests, [], "requests at the upstream")
    served(p.ask(), "the next client's answer")


@check("Transfer-Encoding in HTTP/1.0 is refused or ends the connection")
def _(lab):
    p, _up = lab.simple()
    connection = p.connect(timeout=5)
    connection.send(
        _post(CHUNKED, body=chunked(BODY)).replace(b"HTTP/1.1", b"HTTP/1.0", 1) + b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    )
    one_of(connection.answer().status, (200, 400, 501), "the status")
    expect(connection.closes(), "the connection ends after it")
    equal(connection.buffer, b"", "bytes after the answer")


@check(
    "what is odd but unambiguous is served: {what}",
    rows=[
        "empty lines before the request",
        "no space after a colon",
        "spaces around a value",
        "Content-Length with leading zeros",
        "an absolute target",
        "chunked in capitals",
        "a last chunk of several zeros",
        "a header value with high bytes",
    ],
)
def _(lab, what):
    p, up = lab.simple()
    data = {
        "empty lines before the request": b"\r\n" + _post(LENGTH),
        "no space after a colon": _post(b"X-A:1\r\n", LENGTH),
        "spaces around a value": _post(b"X-A: \t 1 \t \r\n", LENGTH),
        "Content-Length with leading zeros": _post(b"Content-Length: 000%d\r\n" % len(BODY)),
        "an absolute target": _post(LENGTH).replace(b"POST /v1", b"POST http://x/v1", 1),
        "chunked in capitals": _post(b"Transfer-Encoding: CHUNKED\r\n", body=chunked(BODY)),
        "a last chunk of several zeros": _post(CHUNKED, body=b"%x\r\n%s\r\n000\r\n\r\n" % (len(BODY), BODY)),
        "a header value with high bytes": _post("X-A: grüße\r\n".encode(), LENGTH),
    }[what]
    connection = p.connect()
    connection.send(data)
    served(connection.answer())
    equal(up.last.body, BODY, "the body at the upstream")


@check("{path} is refused before its body is read when its length is over the limit", rows=["/v1/messages", "/admin/keys"])
def _(lab, path):
    p, up = lab.simple("limits: {body: 64KiB}")
    connection = p.connect(timeout=5)
    connection.send(b"POST " + path.encode() + b" HTTP/1.1\r\n" + HOST + KEY + b"Content-Length: 65537\r\n\r\n")
    answer = connection.answer()
    if path == "/v1/messages":
        equal(answer.status, 413, "the status, no byte of the body sent")
        ANTHROPIC.error_of(answer)
    else:
        one_of(answer.status, (401, 403, 413), "the status, no byte of the body sent")
    expect(connection.closes(), "the connection ends after the refusal")
    equal(up.requests, [], "requests at the upstream")


@check("a body over the limit with Expect: 100-continue gets 413 and no 100")
def _(lab):
    p, _up = lab.simple("limits: {body: 64KiB}")
    connection = p.connect(timeout=5)
    connection.send(b"POST /v1/messages HTTP/1.1\r\n" + HOST + KEY + b"Expect: 100-continue\r\nContent-Length: 99999\r\n\r\n")
    answer = connection.answer()
    equal((answer.status, answer.interim), (413, []), "the status and what came before it")


@check("a chunked body over the limit is a 413, and the connection ends")
def _(lab):
    p, up = lab.simple("limits: {body: 64KiB}")
    connection = p.connect(timeout=5)
    connection.send(_post(CHUNKED, body=b"%x\r\n%s\r\n" % (40000, b"x" * 40000) * 2))
    equal(connection.answer().status, 413, "the status")
    expect(connection.closes(), "the connection ends after the refusal")
    equal(up.requests, [], "requests at the upstream")


@check("a client that goes on sending a body over the limit can still read the 413")
def _(lab):
    p, _up = lab.simple("limits: {body: 64KiB}")
    connection = p.connect(timeout=5)
    body = ANTHROPIC.request(text="z" * 3_000_000)
    try:
        connection.send(request_bytes("POST", ANTHROPIC.path, "x", p.headers(), body))
    except OSError:
        pass  # it may stop reading; the answer must be there all the same
    equal(connection.answer().status, 413, "the status")


@check("a body of exactly the limit is served, one byte more is a 413")
def _(lab):
    p, up = lab.simple("limits: {body: 4KiB}")
    body = ANTHROPIC.request(text="z" * (4096 - len(ANTHROPIC.request(text=""))))
    equal(len(body), 4096, "the length of the body")
    served(p.send("POST", ANTHROPIC.path, body))
    equal(up.last.body, body, "the body at the upstream")
    equal(p.send("POST", ANTHROPIC.path, body + b" ").status, 413, "the status of 4097 bytes")


@check("the default limit of a body is 32MiB")
def _(lab):
    p, _up = lab.simple()
    connection = p.connect(timeout=5)
    connection.send(b"POST /v1/messages HTTP/1.1\r\n" + HOST + KEY + b"Content-Length: %d\r\n\r\n" % (32 * 1024 * 1024 + 1))
    equal(connection.answer().status, 413, "the status")


@check(
    "headers over the limit are a 431, and the connection ends ({what})", rows=["one long header", "many headers", "a long path"]
)
def _(lab, what):
    p, up = lab.simple("limits: {headers: 8KiB}")
    head = {
        "one long header": _post(b"X-Long: " + b"a" * 9000 + b"\r\n", LENGTH),
        "many headers": _post(*(b"X-%d: abcdefghijklmnop\r\n" % i for i in range(600)), LENGTH),
        "a long path": _post(LENGTH).replace(b"/v1/messages", b"/v1/messages?" + b"a" * 9000, 1),
    }[what]
    connection = p.connect(timeout=5)
    connection.send(head)
    one_of(connection.answer().status, (431, 414) if what == "a long path" else (431,), "the status")
    expect(connection.closes(), "the connection ends after the refusal")
    equal(up.requests, [], "requests at the upstream")


@check("a head that is refused has an id, a line in the log and a place in the metrics")
def _(lab):
    p, _up = lab.simple("limits: {headers: 8KiB}")
    connection = p.connect(timeout=5)
    connection.send(_post(b"X-Long: " + b"a" * 9000 + b"\r\n", LENGTH))
    answer = connection.answer()
    equal((answer.status, answer.json()["type"]), (431, "error"), "status and shape")
    expect(answer.header("x-request-id") and answer.header("x-request-id") == answer.header("request-id"), "its id, by both names")
    p.wait_log("status=431")
    expect('"431"' in p.admin("GET", "/metrics").text, "a series of that status")


@check("a request line that is refused is answered in its path's format, with an id, and counted: {what}", rows=[
    "a fragment", "two blanks", "no version", "a path without an end", "a byte that is no ASCII"])
def _(lab, what):
    p, _up = lab.simple("limits: {headers: 8KiB}")
    line, status = {
        "a fragment": (b"POST /v1/messages?a=b#c HTTP/1.1\r\n", 400), "two blanks": (b"POST  /v1/messages HTTP/1.1\r\n", 400),
        "no version": (b"POST /v1/messages\r\n", 400), "a path without an end": (b"POST /v1/messages?a=" + b"a" * 9000, 414),
        "a byte that is no ASCII": (b"POST /v1/messages/\xc3\xa9 HTTP/1.1\r\n", 400),
    }[what]
    connection = p.connect(timeout=5)
    connection.send(line + HOST + KEY + LENGTH + b"\r\n" + BODY)
    answer = connection.answer()
    equal((answer.status, answer.json()["type"]), (status, "error"), "status and shape")
    expect(answer.header("x-request-id") and answer.header("x-request-id") == answer.header("request-id"), "its id, by both names")
    p.wait_log(f"status={status}")
    expect(f'"{status}"' in p.admin("GET", "/metrics").text, "a series of that status")


@check("headers that never end are refused at the limit, not collected")
def _(lab):
    p, _up = lab.simple("limits: {headers: 8KiB}")
    connection = p.connect(timeout=5)
    try:
        connection.send(POST + HOST + b"X-Long: " + b"a" * 200_000)
    except OSError:
        pass
    equal(connection.answer().status, 431, "the status")


@check("headers of 30 KB are served by default")
def _(lab):
    p, up = lab.simple()
    served(p.ask(headers={"X-Long": "a" * 30_000}))
    equal(len(up.last.header("x-long")), 30_000, "x-long at the upstream")


@check("a head that does not come within timeouts.head ends the connection")
def _(lab):
    p, _up = lab.simple("timeouts: {head: 500ms}")
    connection = p.connect()
    connection.send(POST + HOST)
    begun = time.monotonic()
    expect(connection.closes(5), "the connection ends")
    expect(time.monotonic() - begun > 0.3, "no sooner than the timeout")
    served(p.ask())


@check("connections over limits.connections are not served until one ends")
def _(lab):
    p, _up = lab.simple("limits: {connections: 4}")
    time.sleep(0.2)  # the connection that found proxyd ready has to be gone
    held = [p.connect() for _ in range(4)]
    for connection in held:
        # Whoever is at work gives way to nobody: half a body with a key.
        connection.send(POST + HOST + b"x-api-key: %s\r\ncontent-length: 90\r\n\r\n{" % USER_KEY.encode())
    time.sleep(0.3)
    fifth = p.connect(timeout=0.7)
    fifth.send(request_bytes("GET", "/v1/models", "x"))
    try:
        status = fifth.answer().status
    except AssertionError:
        status = None  # closed, or left waiting
    one_of(status, (None, 503), "the status of the fifth")
    fifth.close()
    for connection in held:
        connection.close()
    eventually(lambda: p.send("GET", "/healthz").status == 200, "service once the others are gone")
