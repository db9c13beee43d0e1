"""An HTTP/1.1 client on raw sockets: what is sent is sent byte for byte, what comes is kept byte for byte."""

import json
import socket
import struct
import time

from checks import Failure, fail, short

TRACE = []  # what went over the wire in this check, for its failure


def note(text):
    TRACE.append(text)
    del TRACE[:-6]


class Answer:
    """A response. `complete` is False when the connection ended before its framing said so."""

    def __init__(self, version, status, reason, headers, raw_head):
        self.version, self.status, self.reason, self.headers, self.raw_head = version, status, reason, headers, raw_head
        self.body = b""
        self.complete = False
        self.interim = []

    def header(self, name):
        """The value; several lines joined by a comma; None when there is none."""
        values = self.all(name)
        return ", ".join(values) if values else None

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def json(self):
        try:
            return json.loads(self.body)
        except ValueError:
            fail(f"expected a JSON body with the status {self.status}, got {short(self.body)}")

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    def __repr__(self):
        return f"{self.status} {short(self.body, 300)}"


class Connection:
    """One client connection. Reads give up after `timeout` seconds of silence."""

    def __init__(self, port, host="127.0.0.1", timeout=15.0, receive_buffer=None):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        try:
            self.socket.connect((host, port))
        except BaseException:
            self.socket.close()
            raise
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.host = f"{host}:{port}"
        self.buffer = b""
        self.ended = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # ------------------------------------------------------------ out

    def send(self, data):
        note(f"sent {short(data, 260)}")
        self.socket.sendall(data)

    def request(self, method, target, headers=(), body=None):
        """Sends a request; Host and Content-Length are added where `headers` does not have them."""
        self.send(request_bytes(method, target, self.host, headers, body))

    def ask(self, method, target, headers=(), body=None):
        self.request(method, target, headers, body)
        return self.answer(method)

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def close(self):
        self.socket.close()

    def abort(self):
        """Ends the connection with a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    # ------------------------------------------------------------ in

    def fill(self):
        """Reads once; False at the end of the connection."""
        try:
            data = self.socket.recv(262144)
        except socket.timeout:
            fail(f"expected more bytes, got silence for {self.socket.gettimeout():g} s after {short(self.buffer)}")
        except (ConnectionResetError, BrokenPipeError):
            data = b""
        self.buffer += data
        self.ended = self.ended or not data
        return bool(data)

    def head(self):
        """The next response head, interim ones included."""
        while b"\r\n\r\n" not in self.buffer:
            if not self.fill():
                fail(f"expected a response, got the end of the connection after {short(self.buffer)}")
        raw, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        first, *lines = raw.split(b"\r\n")
        parts = first.decode("latin-1").split(" ", 2)
        if len(parts) < 2 or not parts[0].startswith("HTTP/1.") or not parts[1].isdigit():
            fail(f"expected a status line, got {short(first)}")
        headers = []
        for line in lines:
            name, colon, value = line.decode("latin-1").partition(":")
            if not colon or name != name.strip():
                fail(f"expected a header line, got {short(line)}")
            headers.append((name, value.strip(" \t")))
        return Answer(parts[0], int(parts[1]), parts[2] if len(parts) > 2 else "", headers, raw)

    def final_head(self):
        interim = []
        while True:
            answer = self.head()
            if answer.status >= 200:
                answer.interim = interim
                return answer
            interim.append(answer)

    def pieces(self, answer, method="GET"):
        """The body as it comes, its framing taken off; sets `answer.complete` at a proper end."""
        length, coding = answer.header("content-length"), answer.header("transfer-encoding")
        if length is not None and coding is not None:
            fail(f"expected one framing, got content-length {length} and transfer-encoding {coding}")
        if method == "HEAD" or answer.status in (204, 304):
            answer.complete = True
        elif coding is not None:
            yield from self._chunks(answer)
        elif length is not None:
            yield from self._counted(answer, int(length))
        else:
            while not self.ended or self.buffer:
                if self.buffer:
                    piece, self.buffer = self.buffer, b""
                    yield piece
                else:
                    self.fill()
            answer.complete = True

    def _counted(self, answer, left):
        while left:
            if not self.buffer and not self.fill():
                return
            piece, self.buffer = self.buffer[:left], self.buffer[left:]
            left -= len(piece)
            yield piece
        answer.complete = True

    def _chunks(self, answer):
        while True:
            line = self._line()
            if line is None:
                return
            size = int(line.split(b";")[0], 16)
            if size == 0:
                while line:
                    line = self._line()
                    if line is None:
                        return
                answer.complete = True
                return
            while size:
                if not self.buffer and not self.fill():
                    return
                piece, self.buffer = self.buffer[:size], self.buffer[size:]
                size -= len(piece)
                yield piece
            if self._line() is None:
                return

    def _line(self):
        while b"\r\n" not in self.buffer:
            if not self.fill():
                return None
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def body(self, answer, method="GET"):
        answer.body = b"".join(self.pieces(answer, method))
        note(f"got {answer!r}" + ("" if answer.complete else " and then the end of the connection"))
        return answer

    def answer(self, method="GET"):
        return self.body(self.final_head(), method)

    def stream(self, method="POST"):
        """The next response as a stream of events."""
        return EventStream(self, self.final_head(), method)

    def closes(self, within=3.0):
        """Whether the other side ends the connection; what it still sends is dropped."""
        deadline = time.monotonic() + within
        before = self.socket.gettimeout()
        try:
            while not self.ended and time.monotonic() < deadline:
                self.socket.settimeout(max(0.01, deadline - time.monotonic()))
                try:
                    self.fill()
                except Failure:
                    break
        finally:
            self.socket.settimeout(before)
        return self.ended


class EventStream:
    """A body read event by event."""

    def __init__(self, connection, answer, method):
        self.answer, self.connection = answer, connection
        self.text = b""
        self._pieces = connection.pieces(answer, method)
        self._given = 0

    def next(self):
        """The next event as (name or None, data), None at the end."""
        while True:
            found = events(self.text)
            whole = len(found) if self.text.endswith((b"\n\n", b"\r\n\r\n")) else max(0, len(found) - 1)
            if whole > self._given:
                self._given += 1
                return found[self._given - 1]
            piece = next(self._pieces, None)
            if piece is None:
                return None
            self.text += piece

    def rest(self):
        for piece in self._pieces:
            self.text += piece
        self.answer.body = self.text
        note(f"got {self.answer!r}" + ("" if self.answer.complete else " and then the end of the connection"))
        return self.answer


def events(body):
    """The events of an SSE body, as (name or None, data)."""
    text = body.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    found = []
    for block in text.split("\n\n"):
        name, data = None, []
        for line in block.split("\n"):
            field, _, value = line.partition(":")
            value = value[1:] if value.startswith(" ") else value
            if field == "event":
                name = value
            elif field == "data":
                data.append(value)
        if data:
            found.append((name, "\n".join(data)))
    return found


def request_bytes(method, target, host, headers=(), body=None):
    headers = list(headers.items()) if isinstance(headers, dict) else list(headers)
    names = {name.lower() for name, _ in headers}
    lines = [f"{method} {target} HTTP/1.1"]
    if "host" not in names:
        lines.append(f"Host: {host}")
    lines += [f"{name}: {value}" for name, value in headers]
    if body is not None and not names & {"content-length", "transfer-encoding"}:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b"")


def chunked(data, size=None):
    """The data in chunks of `size` bytes (all in one when None), with the last chunk."""
    size = size or max(1, len(data))
    parts = [data[i : i + size] for i in range(0, len(data), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
