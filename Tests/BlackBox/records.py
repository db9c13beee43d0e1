"""For the checks of records, reports and money: proxyd before upstreams that speak each format, what it tells, streams by pieces."""

import csv
import io
import threading
from urllib.parse import urlencode

from checks import equal, eventually, expect
from dialects import ANTHROPIC, OPENAI, RESPONSES, compact
from harness import USER_KEY, indented
from limits import BOB, PRICE, begin
from upstream import _framed, head

MODEL = {"anthropic": "claude-test", "openai": "gpt-test", "responses": "resp-test", "gemini": "gemini-test"}
FORMATS = list(MODEL)

# What a row has of one healthy answer: input without caches; caches; output.
FRESH = {"anthropic": (11, 5, 3, 7), "openai": (14, 5, 0, 7), "responses": (14, 5, 0, 7), "gemini": (14, 5, 0, 7)}
NANO = {"anthropic": 14_625_000_000, "openai": 14_250_000_000, "responses": 14_250_000_000, "gemini": 14_250_000_000}
MEMBERS = {
    "id", "time", "key", "key_id", "policy", "tags", "session", "agent", "dialect", "model_asked", "model", "rule", "tier", "upstream",
    "account", "attempts", "input", "output", "cache_read", "cache_write", "cache_write_1h", "reasoning", "images", "audio_ms", "cost_nano", "source",
    "first_byte_ms", "duration_ms", "status", "outcome",
}  # fmt: skip
SUMS = ("requests", "input", "output", "cache_read", "cache_write", "reasoning", "cost_usd", "counted_requests", "unpriced_requests")

RULES = """
- {name: claude, models: ["claude-*"], tiers: [claude], tags: {vendor: a}}
- {name: gpt, models: ["gpt-*"], tiers: [gpt]}
- {name: resp, models: ["resp-*"], tiers: [resp]}
- {name: gemini, models: ["gemini-*"], tiers: [gemini]}"""


def book(lab, more="", rules=RULES, prices=None, policy="", **keywords):
    """proxyd with the keys `user` (policy team, team infra) and `bob` (team web), before one provider that speaks each format.

    A client of any dialect is served in its own format. A token in costs 0.5 USD, one out 1 USD, where `prices` says nothing else.
    """
    up = lab.upstream()
    priced = prices if prices is not None else ", ".join(f"{model}: {PRICE}" for model in MODEL.values())
    config = f"""
upstreams:
  claude: {up.declare("anthropic")}
  gpt: {up.declare("openai")}
  resp: {up.declare("responses")}
  gemini: {up.declare("gemini")}
policies: {{default: {{}}, team: {{{policy}}}}}
keys:
  - {{name: user, key: {USER_KEY}, policy: team, tags: {{team: infra}}}}
  - {{name: bob, key: {BOB}, tags: {{team: web}}}}
prices: {{{priced}}}
rules:{indented(rules, 2)}
{more}
"""
    return lab.proxyd(config, **keywords), up


def start(p, dialect="anthropic", model=None, **more):
    """Sends a request whose answer is not waited for."""
    return begin(p, dialect, model or MODEL[dialect], **more)


def ask(p, dialect="anthropic", model=None, **more):
    """A request and its answer, read to its end."""
    with start(p, dialect, model, **more) as connection:
        return connection.answer()


# ---------------------------------------------------------------- what is told


def page(p, **query):
    """GET /admin/requests."""
    told = p.get("/admin/requests" + (f"?{urlencode(query)}" if query else ""))
    expect(isinstance(told.get("requests"), list), "a list of requests", told)
    return told


def listed(p, **query):
    """The rows of one page, the newest first."""
    return page(p, **query)["requests"]


def rows(p, count, **query):
    """Waits until there are so many rows, and gives them, the newest first."""

    def there():
        found = listed(p, **query)
        equal(len(found), count, "rows of GET /admin/requests")
        return found or True

    found = eventually(there, f"{count} rows in GET /admin/requests", 10)
    return [] if found is True else found


def row(p):
    """Waits for the only row there is."""
    return rows(p, 1)[0]


def grouped(p, by, **query):
    """The rows of GET /admin/usage by these groups."""
    told = p.get("/admin/usage?" + urlencode({"group_by": by, **query}))
    expect(isinstance(told.get("rows"), list), "rows", told)
    return told["rows"]


def as_csv(p, by, **query):
    """The same as comma-separated values; gives the answer and its lines by column."""
    answer = p.admin("GET", "/admin/usage?" + urlencode({"group_by": by, "format": "csv", **query}))
    expect(answer.status == 200, "200", repr(answer))
    return answer, list(csv.DictReader(io.StringIO(answer.text, newline="")))


def total(rows_, name):
    return sum(one[name] for one in rows_)


def near(got, wanted, what):
    """Money as a number: the same but for the last binary digits."""
    fine = isinstance(got, (int, float)) and not isinstance(got, bool) and abs(got - wanted) <= 1e-9 * max(1.0, abs(wanted))
    expect(fine, f"{what}: {wanted}", got)


def amounts(row_):
    return tuple(row_[name] for name in ("input", "cache_read", "cache_write", "output"))


# ---------------------------------------------------------------- answers in pieces

SENTENCE = "The river runs past the old mill and on to the sea. "
PIECE = SENTENCE * 8  # some 104 tokens: about four letters make one
LAST = "that is all"  # the last words of the call
CALL = compact({"text": PIECE + LAST}).decode()
TOLD = 700  # tokens of output that an upstream tells at the end: more than any count by letters
THOUGHT = {"type": "thinking", "thinking": "", "signature": ""}


def _a(index, kind, **delta):
    return ANTHROPIC.event({"type": "content_block_delta", "index": index, "delta": {"type": kind, **delta}})


def _block(index, **block):
    return ANTHROPIC.event({"type": "content_block_start", "index": index, "content_block": block})


def _stop(index):
    return ANTHROPIC.event({"type": "content_block_stop", "index": index})


def _r(kind, **members):
    return b"event: " + kind.encode() + b"\ndata: " + compact({"type": kind, **members}) + b"\n\n"


def _g(part, finish=None, usage=None):
    candidate = {"content": {"role": "model", "parts": [part]}, "index": 0, **({"finishReason": finish} if finish else {})}
    told = {"candidates": [candidate], "modelVersion": "m", "responseId": "r-1", **({"usageMetadata": usage} if usage else {})}
    return b"data: " + compact(told) + b"\r\n\r\n"


def _gemini_usage(output):
    return {"promptTokenCount": 19, "cachedContentTokenCount": 5, "candidatesTokenCount": output, "totalTokenCount": 19 + output}


def _responses_end():
    usage = {"input_tokens": 19, "input_tokens_details": {"cached_tokens": 5}, "output_tokens": TOLD, "total_tokens": 19 + TOLD}
    return _r("response.completed", response={**RESPONSES.response("resp-test", PIECE), "usage": usage}, sequence_number=9)


def pieces(dialect):
    """A stream as (bytes, letters that the model wrote so far, whether all usage is told): thoughts, text, a call, the end."""
    many = len(PIECE)
    steps = {
        "anthropic": [
            (ANTHROPIC.start("claude-test"), 0),
            (_block(0, **THOUGHT), 0),
            (_a(0, "thinking_delta", thinking=PIECE), many),
            (_stop(0) + _block(1, type="text", text=""), 0),
            (_a(1, "text_delta", text=PIECE), many),
            (_a(1, "text_delta", text=PIECE), many),
            (_stop(1) + _block(2, type="tool_use", id="toolu_1", name="say", input={}), 0),
            (_a(2, "input_json_delta", partial_json=CALL[:200]), 200),
            (_a(2, "input_json_delta", partial_json=CALL[200:]), len(CALL) - 200),
            (_stop(2), 0),
            (ANTHROPIC.end({"output_tokens": TOLD}, "tool_use").split(b"event: message_stop")[0].partition(b"\n\n")[2], None),
        ],
        "openai": [
            (OPENAI.start("gpt-test"), 0),
            (OPENAI.chunk("gpt-test", {"reasoning_content": PIECE}), many),
            (OPENAI.words(PIECE), many),
            (OPENAI.words(PIECE), many),
            (OPENAI.chunk("gpt-test", {"tool_calls": [_call(index=0, id="call_1", name="say", arguments="")]}), 0),
            (OPENAI.chunk("gpt-test", {"tool_calls": [_call(index=0, arguments=CALL[:200])]}), 200),
            (OPENAI.chunk("gpt-test", {"tool_calls": [_call(index=0, arguments=CALL[200:])]}), len(CALL) - 200),
            (OPENAI.chunk("gpt-test", {}, "tool_calls"), 0),
            (OPENAI.usage_chunk("gpt-test").replace(b'"completion_tokens":7', b'"completion_tokens":%d' % TOLD), None),
        ],
        "responses": [
            (_r("response.created", response={"id": "resp_1", "object": "response", "status": "in_progress", "output": []}), 0),
            (_r("response.reasoning_summary_text.delta", item_id="rs_1", output_index=0, summary_index=0, delta=PIECE), many),
            (_r("response.output_text.delta", item_id="msg_1", output_index=1, content_index=0, delta=PIECE), many),
            (_r("response.output_text.delta", item_id="msg_1", output_index=1, content_index=0, delta=PIECE), many),
            (_r("response.function_call_arguments.delta", item_id="fc_1", output_index=2, delta=CALL[:200]), 200),
            (_r("response.function_call_arguments.delta", item_id="fc_1", output_index=2, delta=CALL[200:]), len(CALL) - 200),
            (_responses_end(), None),
        ],
        "gemini": [
            (_g({"text": PIECE, "thought": True}), many),
            (_g({"text": PIECE}), many),
            (_g({"text": PIECE}), many),
            (_g({"functionCall": {"name": "say", "args": {"text": PIECE + LAST}}}), len(CALL)),
            (_g({"text": ""}, "STOP", _gemini_usage(TOLD)), None),
        ],
    }[dialect]  # fmt: skip
    done, letters = [], 0
    for data, more in steps:
        letters += more or 0
        done.append((data, letters, more is None))
    return done


def _call(index, id=None, name=None, arguments=""):
    function = {"arguments": arguments, **({"name": name} if name else {})}
    return {"index": index, **({"id": id, "type": "function"} if id else {}), "function": function}


class Pieces:
    """A reply that sends the first of these pieces and then waits for the other side to go, or does what `then` says."""

    def __init__(self, steps, then="hang"):
        self.steps, self.then, self.sent = steps, then, threading.Event()

    def __call__(self, request, wire):
        wire.send(head(200, [("Content-Type", "text/event-stream")], "chunked", 0))
        for data, *_ in self.steps:
            wire.send(_framed(data, "chunked"))
        self.sent.set()
        if self.then == "hang":
            wire.wait_gone(30)
            request.gone.set()
        elif self.then == "reset":
            wire.reset()
        wire.close()


def counted_well(row_, letters, what):
    """What was counted of so many letters, about four of which make a token: nobody calls it exact, nor may it be far off."""
    truth = letters / 4
    expect(truth * 0.5 <= row_["output"] <= truth * 2 + 24, f"{what}: some {truth:.0f} tokens of output", row_)
