"""Many requests at once, each with a body and an answer of its own: nothing of one ever shows up in another."""

import collections
import hashlib
import random
import threading
import time

from checks import Failure, check, equal, expect
from dialects import ANTHROPIC, OPENAI
from upstream import head, whole
from wire import Connection

CLIENTS = 64


def text_of(number, salt, longest):
    """A text that nobody else has, of a length of its own: mostly short, now and then long."""
    dice = random.Random(f"{number} {salt}")
    word = hashlib.sha256(f"{number} {salt}".encode()).hexdigest()[:16]
    length = dice.choice([20, 100, 1000, 5000, 15000, 17000, 40000, longest])
    return f"<{number}>" + word * (length // 16) + f"</{number}>"


class Echo:
    """An upstream's answers: each belongs to the request's number, and so must the body that came with it."""

    def __init__(self, dialect, trouble):
        self.dialect, self.trouble = dialect, trouble
        self.wrong, self.lock = [], threading.Lock()
        self.asked = collections.Counter()

    def __call__(self, request, wire):
        number = int(request.header("x-number") or -1)
        with self.lock:
            self.asked[number] += 1
            turn = sum(self.asked.values())
        fields = request.fields
        if not fields or fields["messages"][-1]["content"] != text_of(number, "question", 300_000):
            self.wrong.append((number, request.body[:100], len(request.body)))
        if turn % 12 == 5 and self.trouble:
            return self.trouble[turn // 12 % len(self.trouble)](request, wire)
        answer = text_of(number, "answer", 200_000)
        if not request.streamed:
            return whole(self.dialect.whole(fields["model"], answer))(request, wire)
        body = self.dialect.stream(fields["model"], "Hello" + answer)
        size = 1 + random.Random(number).choice([300, 4000, 70_000])
        wire.send(head(200, [("Content-Type", "text/event-stream")], "chunked", 0))
        for at in range(0, len(body), size):
            piece = body[at : at + size]
            wire.send(b"%x\r\n%s\r\n" % (len(piece), piece))
        wire.send(b"0\r\n\r\n")


def overloaded(request, wire):
    number = request.header("x-number")
    whole(ANTHROPIC.error(529, f"overloaded: <{number}>" + "o" * (int(number) % 5000)), 529)(request, wire)


def breaks_off(_request, wire):
    wire.close()


def resets_halfway(_request, wire):
    wire.send(head(200, [("Content-Type", "application/json")], "length", 1000) + b'{"half": "')
    time.sleep(0.01)
    wire.reset()


def ends_after(request, wire):
    """A good answer, and the end of the connection that it promised to keep."""
    answer = text_of(int(request.header("x-number")), "answer", 200_000)
    if request.streamed:
        whole(ANTHROPIC.stream(request.model, "Hello" + answer), content_type="text/event-stream")(request, wire)
    else:
        whole(ANTHROPIC.whole(request.model, answer))(request, wire)
    wire.close()


class Client:
    """Asks again and again, on a connection that it keeps or on new ones; goes away in the middle now and then."""

    def __init__(self, p, rows, answered, failures):
        self.p, self.rows, self.answered, self.failures = p, rows, answered, failures
        self.connection = None

    def run(self, numbers):
        for number in numbers:
            try:
                self.one(number)
            except (Failure, OSError, ValueError, KeyError) as failure:
                self.failures.append(f"request {number}: {failure!r}")
                self.drop()
        self.drop()

    def drop(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def one(self, number):
        dice = random.Random(f"{number} client")
        model, answers = dice.choice(self.rows)
        streamed, goes = dice.random() < 0.4, dice.random() < 0.12
        if self.connection is None:
            self.connection = Connection(self.p.port, timeout=60)
        body = ANTHROPIC.request(model, streamed, text=text_of(number, "question", 300_000))
        headers = self.p.headers(headers={"X-Number": str(number)})
        self.connection.request("POST", ANTHROPIC.path, headers, body)
        if goes:
            if dice.random() < 0.5:
                time.sleep(dice.random() * 0.05)
            else:
                self.connection.fill()
            self.connection.abort()
            self.connection = None
            return
        answer = self.connection.answer()
        if not answer.complete:
            self.drop()
        self.judge(number, answer, answers, streamed)
        if dice.random() < 0.3 or (answer.header("connection") or "").lower() == "close":
            self.drop()

    def judge(self, number, answer, answers, streamed):
        if answer.status != 200:
            # Every tier had its trouble, or the budget for asking again was used up: then the error is this request's own.
            told = ANTHROPIC.error_of(answer)["message"]
            expect(f"<{number}>" in told if "overloaded:" in told else "<" not in told, "an error of its own", told)
            return
        wanted = text_of(number, "answer", 200_000)
        if streamed:
            equal(ANTHROPIC.text_of_stream(answer.body), "Hello" + wanted, "the text of the stream")
            expect(answer.complete and ANTHROPIC.finished(answer.body), "a whole stream", answer.body[-100:])
        else:
            equal(ANTHROPIC.text_of(answer.body), wanted, "the text")
        one = answer.header("x-proxyd-upstream")
        expect(one in answers, f"an answer of {answers}", one)
        self.answered.append(number)


@check(
    "three thousand requests of sixty-four clients, through fallbacks, cuts and cancellations: nothing is mixed up",
    seconds=240,
)
def _(lab):
    flaky, steady, far = lab.upstream(), lab.upstream(), lab.upstream()
    echoes = [
        Echo(ANTHROPIC, [overloaded, breaks_off, ends_after, resets_halfway]),
        Echo(ANTHROPIC, [ends_after]),
        Echo(OPENAI, []),
    ]
    for up, echo in zip((flaky, steady, far), echoes):
        up.reply(echo)
    p = lab.proxyd(f"""
upstreams:
  flaky: {flaky.declare()}
  steady: {steady.declare()}
  far: {far.declare("openai")}
fallback: {{cooldown: 0s}}
log: {{requests: false}}
rules:
  - {{models: ["claude-mixed"], tiers: [flaky/real-one, steady/real-two, far/real-three]}}
  - {{models: ["claude-straight"], tiers: [steady]}}
  - {{models: ["claude-alone"], tiers: [flaky/real-one], fallback: {{enabled: false}}}}
  - {{models: ["claude-far"], tiers: [far/real-three]}}
""")
    rows = [
        ("claude-mixed", ("flaky", "steady", "far")),
        ("claude-straight", ("steady",)),
        ("claude-mixed", ("flaky", "steady", "far")),
        ("claude-alone", ("flaky",)),
        ("claude-far", ("far",)),
    ]
    answered, failures, count = [], [], 3072
    clients = [Client(p, rows, answered, failures) for _ in range(CLIENTS)]
    threads = [
        threading.Thread(target=client.run, args=(range(i, count, CLIENTS),), daemon=True) for i, client in enumerate(clients)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name, echo in zip(("flaky", "steady", "far"), echoes):
        equal(echo.wrong[:1], [], f"requests with another's body at `{name}` ({len(echo.wrong)})")
    equal(failures[:2], [], f"requests with a wrong answer or none ({len(failures)} of {count})")
    expect(len(answered) > count * 0.7, "most of them served", len(answered))
    asked = sum((echo.asked for echo in echoes), collections.Counter())
    expect(set(asked) <= set(range(count)), "no request but those that were made", sorted(set(asked) - set(range(count)))[:5])
    booked = p.get("/admin/usage")["total_requests"]
    expect(len(answered) <= booked <= count, f"between {len(answered)} (served) and {count} (made) requests booked", booked)
