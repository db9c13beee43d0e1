"""For the checks of forwarding: answers that say whose they are, and how one is asked for."""

from dialects import ANTHROPIC
from harness import served
from upstream import whole

KB, MB = 1 << 10, 1 << 20
ALONE = "fallback: {enabled: false}"
EVENTS = [("Content-Type", "text/event-stream")]
JSON = [("Content-Type", "application/json")]
FINE = ANTHROPIC.whole("claude-test", "fine")


def says(word):
    """A whole answer of this text."""
    return whole(ANTHROPIC.whole("claude-test", word))


def said(answer):
    return ANTHROPIC.text_of(served(answer).body)


def post(connection, p, body):
    return connection.ask("POST", ANTHROPIC.path, p.headers(), body)


def in_chunks(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def booked(p):
    return p.get("/admin/usage")["total_requests"]
