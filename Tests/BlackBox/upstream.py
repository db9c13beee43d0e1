"""A scripted LLM provider on raw sockets. It keeps every request byte for byte and answers as a check tells it.

    up.reply(status(429, retry_after=3), healthy)          # the first request fails, every later one is served
    up.reply(hang, model="claude-slow")                    # only requests for this model
    up.health = health({"claude-opus": 0.8})               # what GET /health says; None is a 404

A reply is a function of (request, wire). The one that was scripted last and fits is used; its last step repeats.
"""

import json
import socket
import struct
import threading
import time
from datetime import datetime, timedelta, timezone

from checks import eventually
from dialects import of_path
from ports import listening_socket

REASONS = {
    200: "OK",
    201: "Created",
    204: "No Content",
    304: "Not Modified",
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    413: "Too Large",
    422: "Unprocessable",
    429: "Too Many Requests",
    500: "Server Error",
    502: "Bad Gateway",
    503: "Unavailable",
    504: "Timeout",
    529: "Overloaded",
}


LISTS = ("/v1/models", "/v1beta/models", "/models", "/openai/v1/models", "/openai/models")  # where proxyd asks what there is


class Request:
    def __init__(self, raw_head, connection):
        self.raw_head, self.connection, self.arrived = raw_head, connection, time.monotonic()
        first, *lines = raw_head.decode("latin-1").split("\r\n")
        self.method, self.target, self.version = first.split(" ")
        self.path, _, self.query = self.target.partition("?")
        self.headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        self.body = b""
        self.gone = threading.Event()  # set when proxyd went away before the answer ended

    def header(self, name):
        values = self.all(name)
        return ", ".join(values) if values else None

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def json(self):
        return json.loads(self.body)

    @property
    def fields(self):
        """The body's members, or nothing when it is no JSON object."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def model(self):
        return self.fields.get("model")

    @property
    def streamed(self):
        return self.fields.get("stream") is True or ":streamGenerateContent" in self.path

    @property
    def credential(self):
        """The provider key this request shows, in whichever header."""
        bearer = self.header("authorization") or ""
        shown = [
            self.header("x-api-key"),
            self.header("api-key"),
            self.header("x-goog-api-key"),
            bearer[7:] if bearer.lower().startswith("bearer ") else None,
        ]
        return next((key for key in shown if key), None)


class Wire:
    """The server's end of a connection, as a reply sees it. `number` counts the upstream's connections from 1."""

    def __init__(self, sock, number):
        self.socket, self.number, self.open, self.sent = sock, number, True, 0
        self.reader = sock.makefile("rb", buffering=65536)

    def read_head(self):
        """The head of the next request, None at the end of the connection."""
        lines = []
        while True:
            line = self.reader.readline()
            if not line:
                return None
            if line == b"\r\n":
                return Request(b"".join(lines)[:-2], self.number)
            lines.append(line)

    def read_body(self, request):
        if (request.header("transfer-encoding") or "").lower() == "chunked":
            pieces = []
            while True:
                size = int(self.reader.readline().split(b";")[0], 16)
                if size == 0:
                    while self.reader.readline() not in (b"\r\n", b""):
                        pass
                    break
                pieces.append(self.reader.read(size))
                self.reader.readline()
            request.body = b"".join(pieces)
        else:
            request.body = self.reader.read(int(request.header("content-length") or 0))
        return request

    def send(self, data):
        self.socket.sendall(data)
        self.sent += len(data)

    def close(self):
        """Ends the connection in order (FIN)."""
        self.open = False

    def reset(self):
        """Ends the connection with a reset (RST)."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.open = False

    def wait_gone(self, seconds):
        """Whether the peer ended the connection within this time."""
        self.socket.settimeout(seconds)
        try:
            return not self.socket.recv(1, socket.MSG_PEEK)
        except (socket.timeout, BlockingIOError):  # the latter where `seconds` is 0
            return False
        except OSError:
            return True
        finally:
            self.socket.settimeout(None)


class Upstream:
    def __init__(self):
        self.requests = []  # those to /health left out
        self.polls = []
        self.lists = []  # questions for the list of models; they are no requests
        self.health = None
        self.connections = 0
        self._scripts = []
        self._lock = threading.Lock()
        self._live = set()
        self._tls = None
        self._by_hand = None
        self._listener = listening_socket()
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def renew(self):
        """Forgets what it was asked and told to say; connections stay."""
        with self._lock:
            self.requests, self.polls, self.lists, self._scripts = [], [], [], []
        self.health, self._tls, self._by_hand = None, None, None

    def declare(self, dialect="anthropic", accounts=("one",), extra="", path=None):
        """This provider as it stands in proxy.yaml, on one line; the key of the account `one` is `provider-key-one`."""
        path = ("/v1" if dialect in ("openai", "responses") else "") if path is None else path
        listed = ", ".join(f"{{name: {name}, key: provider-key-{name}}}" for name in accounts)
        parts = [f"url: '{self.url}{path}'", f"dialect: {dialect}"]
        parts += [f"accounts: [{listed}]"] if accounts else []
        parts += [extra] if extra else []
        # A list that nobody asked for would be one connection and one request more than a check counts.
        parts += [] if "models:" in extra else ["models: {discover: false}"]
        return "{" + ", ".join(parts) + "}"

    def reply(self, *steps, model=None, key=None, path=None, streamed=None):
        """Scripts answers for the requests that fit; later calls come first."""
        wanted = {"model": model, "credential": f"provider-key-{key}" if key else None, "path": path, "streamed": streamed}
        with self._lock:
            self._scripts.insert(0, ({k: v for k, v in wanted.items() if v is not None}, list(steps)))

    def wait(self, count, within=5.0):
        """Waits until that many requests came, and gives them."""
        eventually(lambda: len(self.requests) >= count, f"{count} requests at the upstream", within)
        return list(self.requests)

    @property
    def last(self):
        return self.requests[-1]

    def models(self):
        return [request.model for request in self.requests]

    def over_tls(self, context):
        """From now on connections are TLS with this context."""
        self._tls = context

    def by_hand(self, serve):
        """From now on `serve(wire)` is given each connection, to read and say on it what it likes; nothing is kept of it."""
        self._by_hand = serve

    def close(self):
        self._shut(self._listener)
        self._acceptor.join(5)  # its descriptor may be another upstream's as soon as it is closed
        self._listener.close()
        for sock in self.hang_up():
            sock.close()

    def hang_up(self):
        """Ends every connection there is, and gives them."""
        live = list(self._live)
        for sock in live:
            self._shut(sock)
        return live

    @staticmethod
    def _shut(sock):
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    # ------------------------------------------------------------ serving

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._live.add(sock)
            self.connections += 1
            threading.Thread(target=self._serve, args=(sock, self.connections), daemon=True).start()

    def _serve(self, sock, number):
        if self._tls:
            try:
                sock = self._tls.wrap_socket(sock, server_side=True)
            except OSError:
                return sock.close()
        try:
            wire = Wire(sock, number)
        except OSError:
            return
        try:
            if self._by_hand:
                return self._by_hand(wire)
            while wire.open:
                request = wire.read_head()
                if request is None:
                    return
                if (request.header("expect") or "").lower() == "100-continue":
                    wire.send(b"HTTP/1.1 100 Continue\r\n\r\n")
                wire.read_body(request)
                try:
                    self._pick(request)(request, wire)
                except OSError:
                    request.gone.set()
                    return
        except (OSError, ValueError):
            pass
        finally:
            self._live.discard(sock)
            wire.reader.close()
            sock.close()

    def _pick(self, request):
        if request.path == "/health":
            self.polls.append(request)
            answer = self.health
            if answer is None:
                return status(404, b'{"error":"no health here"}')
            return answer if callable(answer) else whole(answer)
        if request.method == "GET" and request.path in LISTS:
            return self._list(request)
        with self._lock:
            self.requests.append(request)
            for wanted, steps in self._scripts:
                if all(getattr(request, name) == value for name, value in wanted.items()):
                    return steps.pop(0) if len(steps) > 1 else steps[0]
        return healthy

    def _list(self, request):
        """What is scripted for the path of a list of models, or by what knows that it may be asked for one; else an empty list."""
        with self._lock:
            self.lists.append(request)
            for wanted, steps in self._scripts:
                if wanted.get("path") == request.path or "path" not in wanted and getattr(steps[0], "lists", False):
                    return steps.pop(0) if len(steps) > 1 else steps[0]
        return whole({"object": "list", "data": []})


# ---------------------------------------------------------------- replies


def whole(body, code=200, headers=(), framing="length", content_type="application/json"):
    """A whole answer; `framing` is length, chunked or close."""
    body = body if isinstance(body, bytes) else json.dumps(body).encode()

    def reply(request, wire):
        data = head(code, [("Content-Type", content_type), *headers], framing, len(body))
        if request.method != "HEAD":
            data += _framed(body, framing) + (b"0\r\n\r\n" if framing == "chunked" else b"")
        wire.send(data)
        if framing == "close":
            wire.close()

    return reply


def stream(body, framing="chunked", pause=0.0, headers=(), ends=True, then="keep"):
    """An SSE answer. `body` is bytes or a list of pieces, sent one write each, `pause` seconds apart.

    With `ends=False` the body is left without its end, and `then` says what follows: close, reset or hang.
    """
    pieces = [body] if isinstance(body, bytes) else body

    def reply(_request, wire):
        total = sum(map(len, pieces)) if framing == "length" else 0
        wire.send(head(200, [("Content-Type", "text/event-stream"), *headers], framing, total))
        for piece in pieces:
            if pause:
                time.sleep(pause)
            wire.send(_framed(piece, framing))
        if ends and framing == "chunked":
            wire.send(b"0\r\n\r\n")
        if then == "reset":
            time.sleep(0.05)  # what was sent should arrive before the reset overtakes it
            wire.reset()
        elif then == "hang":
            wire.wait_gone(30)
            wire.close()
        elif then == "close" or framing == "close":
            wire.close()

    return reply


def status(code, body=None, retry_after=None, headers=()):
    """An error in the shape of the dialect that was asked (or `body`)."""
    extra = list(headers) + ([("Retry-After", str(retry_after))] if retry_after is not None else [])

    def reply(request, wire):
        text = body if body is not None else of_path(request.path).error(code, f"the provider says {code}")
        whole(text, code, extra)(request, wire)

    return reply


def says(code, message, **keywords):
    """An error with this message, in the shape of the dialect that was asked."""

    def reply(request, wire):
        status(code, of_path(request.path).error(code, message), **keywords)(request, wire)

    return reply


def raw(data, then="close"):
    """Just these bytes; then close, reset, keep or hang."""

    def reply(_request, wire):
        wire.send(data)
        if then == "reset":
            time.sleep(0.05)
            wire.reset()
        elif then == "hang":
            wire.wait_gone(30)
            wire.close()
        elif then == "close":
            wire.close()

    return reply


def hang(request, wire):
    """Never answers; notes when the other side gives up."""
    if wire.wait_gone(30):
        request.gone.set()
    wire.close()


def drop(_request, wire):
    """Ends the connection without a byte."""
    wire.close()


def reset(_request, wire):
    wire.reset()


def after(seconds, reply):
    def slow(request, wire):
        time.sleep(seconds)
        reply(request, wire)

    return slow


def endless(first, again, pause=0.02):
    """A stream that never ends by itself; notes when the other side goes."""

    def reply(request, wire):
        wire.send(head(200, [("Content-Type", "text/event-stream")], "chunked", 0) + _framed(first, "chunked"))
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if wire.wait_gone(pause):
                request.gone.set()
                break
            wire.send(_framed(again, "chunked"))
        wire.close()

    return reply


def healthy(request, wire):
    """The answer of a provider that is well, in the dialect and the mode it is asked for."""
    dialect = of_path(request.path)
    model = dialect.model_of(request)
    if request.method == "GET":
        whole({"object": "list", "data": []})(request, wire)
    elif request.streamed:
        stream(dialect.stream(model, usage_asked=dialect.asks_usage(request)))(request, wire)
    else:
        whole(dialect.whole(model))(request, wire)


def head(code, headers, framing, length):
    headers = list(headers)
    if framing == "length" and code not in (204, 304):
        headers.append(("Content-Length", str(length)))
    elif framing == "chunked":
        headers.append(("Transfer-Encoding", "chunked"))
    lines = [f"HTTP/1.1 {code} {REASONS.get(code, 'Status')}", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


def _framed(data, framing):
    return b"%x\r\n%s\r\n" % (len(data), data) if framing == "chunked" and data else data


# ---------------------------------------------------------------- /health


def health(*accounts):
    """What GET /health says. An account is {model: share}, or {model: (share, reset)}, or `account(…)`."""
    listed = [each if "email" in each else account(each, number=i) for i, each in enumerate(accounts)]
    return {
        "status": "ok",
        "timestamp": iso(0),
        "latencyMs": 3,
        "summary": f"{len(listed)} total, {len(listed)} available, 0 rate-limited, 0 invalid",
        "counts": {"total": len(listed), "available": len(listed), "rateLimited": 0, "invalid": 0},
        "accounts": listed,
    }


def account(models, state="ok", number=0, limited=None):
    """One account; `limited` is {model: seconds until its limit ends}."""
    told = {}
    for model, share in models.items():
        share, resets = share if isinstance(share, tuple) else (share, None)
        told[model] = {
            "remaining": "N/A" if share is None else f"{round(share * 100)}%",
            "remainingFraction": share,
            "resetTime": resets,
        }
    limits = {
        model: {"isRateLimited": True, "resetTime": int((time.time() + seconds) * 1000)}
        for model, seconds in (limited or {}).items()
    }
    answer = {
        "email": f"account{number}@example.com",
        "lastUsed": None,
        "modelRateLimits": limits,
        "rateLimitCooldownRemaining": 0,
        "status": state,
        "models": told,
    }
    if state in ("invalid", "error"):
        answer["error"] = "the token was revoked"
    return answer


def iso(seconds):
    """The time that many seconds from now, as the provider writes it."""
    return (datetime.now(timezone.utc) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
