"""Every example sends requests where its first lines say: the file itself, with vendors on loopback in the place of its vendors."""

import datetime
import pathlib
import subprocess

from checks import check, contains, equal, expect
from clock import Clock
from harness import ADMIN_KEY
from test_examples import ETC, FILES, PROGRAMS, Example
from upstream import health, status

TOOL = {"type": "function", "function": {"name": "look", "description": "x", "parameters": {"type": "object", "properties": {}}}}


class Told:
    """What became of one request, by the headers of its answer."""

    def __init__(self, answer):
        self.status, self.text = answer.status, answer.body.decode("utf-8", "replace")
        for name in ("rule", "tier", "upstream", "account", "model", "limit"):
            setattr(self, name, answer.header(f"x-proxyd-{name}"))

    def __repr__(self):
        return f"{self.status} {self.rule} {self.tier} {self.account} {self.limit} {self.text[:200]}"


def example(lab, name, **more):
    return Example(lab, ETC / "examples" / f"{name}.yaml", **more)


def ask(one, model, by="MY_KEY", text="Hi", headers=(), path="/v1/chat/completions", **fields):
    body = {"model": model, "messages": [{"role": "user", "content": text}], **fields}
    return Told(one.proxy.send("POST", path, body, key=PROGRAMS[by], headers=headers, timeout=30))


def goes(told, rule, tier, what):
    equal((told.status, told.rule, told.tier), (200, rule, tier), f"{what} ({told})")


@check("example single-upstream: what is asked for goes to the one vendor")
def _(lab):
    goes(ask(example(lab, "single-upstream"), "claude-sonnet-4-5"), "everything", "anthropic", "a request")


@check("example team-budgets: a key has its budget, a team shares one, and who has spent it gets a cheaper model")
def _(lab):
    one = example(lab, "team-budgets", edits={"requests_per_day: 500": "requests_per_day: 2"})
    dear = {"model": "claude-opus-4-1", "max_tokens": 100_000}  # 7.50 USD at most
    refused = ask(one, **dear, by="BOB_KEY")
    equal((refused.status, refused.limit), (429, "default.budget_per_day"), f"a request past 5 USD ({refused})")
    goes(ask(one, **dear, by="ALICE_KEY"), "claude", "anthropic", "the same of a lead")
    goes(ask(one, "claude-opus-4-1", by="BOB_KEY", max_tokens=50), "claude", "anthropic", "the team's second")
    told = ask(one, "claude-opus-4-1", by="BOB_KEY", max_tokens=50)
    equal((told.status, told.tier, told.model), (200, "anthropic/claude-sonnet-4-5", "claude-sonnet-4-5"), f"the team's third ({told})")
    goes(ask(one, "claude-haiku-4-5", by="BOB_KEY", max_tokens=50), "claude", "anthropic", "another model")


@check("example claude-code: a session stays at its account, goes on at another, and a new one goes where quota ends first")
def _(lab):
    one = example(lab, "claude-code")

    def turn(session):
        return ask(one, "claude-sonnet-4-5", by="ALICE_KEY", path="/v1/messages", max_tokens=50, headers={"x-claude-code-session-id": session})

    first = turn("one")
    goes(first, "claude", "claude", "a first turn")
    equal([turn("one").account for _ in range(3)], [first.account] * 3, "the account of the same session")
    one.at("anthropic").reply(status(429, retry_after=600), one.providers["anthropic0"])
    moved = turn("one")
    goes(moved, "claude", "claude", "a turn whose account is used up")
    expect(moved.account != first.account, "another account", moved)
    equal(ask(one, "gpt-4o", by="BOB_KEY").status, 403, "a model that the policy does not have")


@check("example openai-azure: Azure serves what OpenAI does not, by the name of its deployment; embeddings stay")
def _(lab):
    one = example(lab, "openai-azure")
    goes(ask(one, "gpt-4o"), "gpt", "openai", "a request")
    one.at("openai").reply(status(503))
    goes(ask(one, "gpt-4o"), "gpt", "azure", "a request while OpenAI is away")
    equal(one.at("azure").requests[-1].model, "gpt-4o-eu", "what Azure is asked for")
    told = ask(one, "text-embedding-3-small", path="/v1/embeddings", input="x")
    equal((told.status, told.rule), (503, "embeddings stay where the index was made"), f"an embedding ({told})")


@check("example self-hosted: two servers share, a vendor stands behind them, and each prefix has its server")
def _(lab):
    one = example(lab, "self-hosted")
    asked = {ask(one, "qwen3-coder-30b", text=f"question {n}").upstream for n in range(6)}
    expect(asked <= {"gpu-a", "gpu-b"}, "the two servers alone", asked)
    goes(ask(one, "ollama/qwen3:4b"), "small", "ollama/*", "a small one")
    equal(one.at("ollama").requests[-1].model, "qwen3:4b", "what Ollama is asked for")
    goes(ask(one, "local/gpt-oss"), "this machine", "llamacpp/*", "one of this machine")
    one.at("gpu-a").reply(status(503))
    goes_to = ask(one, "qwen3-coder-30b")
    equal((goes_to.status, goes_to.upstream), (200, "gpu-b"), f"while one is away ({goes_to})")
    one.at("gpu-b").reply(status(503))
    goes(ask(one, "qwen3-coder-30b"), "qwen", "openai/gpt-4o", "while both are away")


@check("example long-context: a long prompt goes to who takes it, one that nobody takes is refused in words")
def _(lab):
    one = example(lab, "long-context")
    goes(ask(one, "claude-sonnet-4-5", max_tokens=50), "claude", "anthropic", "a short one")
    goes(ask(one, "claude-sonnet-4-5", text="word " * 200_000, max_tokens=50), "long", "gemini/gemini-2.5-pro", "a long one")
    refused = ask(one, "claude-sonnet-4-5", text="word " * 1_200_000)
    equal(refused.status, 413, f"one that is too long ({refused})")
    contains(refused.text, "Begin a new one", "the message")


@check("example time-of-day: working hours, nights, weekends and batches, by the clock of Singapore")
def _(lab):
    clock = Clock(lab)
    one = example(lab, "time-of-day", env=dict(clock.env))
    zone = datetime.timezone(datetime.timedelta(hours=8))
    for day, hour, rule, tier in (
        (12, 10, "working hours", "anthropic"),  # a Thursday
        (12, 22, "off hours", "deepseek/deepseek-v4-flash"),
        (14, 10, "off hours", "deepseek/deepseek-v4-flash"),
        (16, 9, "working hours", "anthropic"),
    ):
        clock.set(datetime.datetime(2099, 2, day, hour, 5, tzinfo=zone))
        goes(ask(one, "claude-sonnet-4-5", max_tokens=50), rule, tier, f"the {day}th at {hour}:05")
    batch = ask(one, "claude-sonnet-4-5", by="NIGHTLY_KEY", max_tokens=50)
    equal(batch.status, 429, f"a batch by day ({batch})")
    contains(batch.text, "Batches run between", "the message")
    clock.set(datetime.datetime(2099, 2, 16, 19, 5, tzinfo=zone))
    goes(ask(one, "claude-sonnet-4-5", by="NIGHTLY_KEY", max_tokens=50), "off hours", "deepseek/deepseek-v4-flash", "a batch by night")


@check("example cost-first: the small model, then the cheapest that answers, then the dear one")
def _(lab):
    one = example(lab, "cost-first")
    goes(ask(one, "auto"), "small talk", "deepseek/deepseek-v4-flash", "small talk")
    told = ask(one, "auto", tools=[TOOL])
    equal((told.status, told.rule, told.model), (200, "auto", "deepseek-v4-pro"), f"the cheapest ({told})")
    one.at("deepseek").reply(status(503))
    told = ask(one, "auto", text="Another question", tools=[TOOL])
    equal((told.status, told.upstream), (200, "moonshot"), f"the next ({told})")
    one.at("moonshot").reply(status(503))
    told = ask(one, "auto", text="One more", tools=[TOOL])
    equal((told.status, told.upstream), (200, "openrouter"), f"the last ({told})")


@check("example agents: sub-agents get the small model, and the stop button stops one session alone")
def _(lab):
    one = example(lab, "agents")

    def turn(session, **headers):
        headers = {"x-claude-code-session-id": session, **headers}
        return ask(one, "claude-sonnet-4-5", by="AGENTS_KEY", path="/v1/messages", max_tokens=50, headers=headers)

    goes(turn("s1"), "agents", "anthropic", "an agent")
    child = {"x-claude-code-agent-id": "a2", "x-claude-code-parent-agent-id": "a1"}
    goes(turn("s1", **child), "sub-agents get the small model", "anthropic/claude-haiku-4-5", "its child")
    stop = [lab.binary, "limits", "block", "runaway session", "s1", "--admin", f"http://127.0.0.1:{one.proxy.port}"]
    done = subprocess.run(stop, capture_output=True, text=True, env={"PROXYD_ADMIN_KEY": ADMIN_KEY})
    equal(done.returncode, 0, f"the stop button: {done.stdout}{done.stderr}")
    refused = turn("s1")
    equal((refused.status, refused.limit), (429, "runaway session"), f"a session that is stopped ({refused})")
    goes(turn("s2"), "agents", "anthropic", "another session")


@check("example kubernetes: keys are mounted files, and each rule has its upstream")
def _(lab):
    one = example(lab, "kubernetes")
    goes(ask(one, "claude-sonnet-4-5", max_tokens=50), "claude", "anthropic", "Claude")
    goes(ask(one, "qwen3-coder-30b"), "everything else", "local", "another model")
    equal(one.at("local").requests[-1].header("x-cluster"), "main", "the header of this cluster")


@check("example cluster: with both servers away a node serves all the same, with its part of each limit")
def _(lab):
    one = example(lab, "cluster", edits={"requests_per_minute: 600": "requests_per_minute: 9"})
    told = [ask(one, "claude-sonnet-4-5", by="AGENTS_KEY", text=f"question {n}", max_tokens=50) for n in range(12)]
    goes(told[0], "claude", "anthropic", "the first request")
    equal({each.status for each in told} - {200, 429}, set(), "statuses")
    expect([each.status for each in told].count(200) <= 9, "no more than the limit", told)
    equal(told[-1].limit, "default.requests_per_minute", "the limit")


@check("example fallback: low quota and failures lead on, but for the rule that says no")
def _(lab):
    one = example(lab, "fallback", edits={"interval: 30s": "interval: 100ms"})
    goes(ask(one, "claude-opus-4-6"), "opus", "antigravity/claude-opus-4-6-thinking", "enough quota")
    one.at("antigravity").health = health({"claude-opus-4-6-thinking": 0.05, "gemini-3-pro-high": 0.5})
    one.proxy.wait_polled(one.at("antigravity"), more=2)
    goes(ask(one, "claude-opus-4-6", text="Again"), "opus", "antigravity/gemini-3-pro-high", "too little quota")
    one.at("antigravity").reply(status(503))
    equal(ask(one, "claude-opus-4-6", text="Once more").upstream, "anthropic", "a vendor that fails")
    equal(ask(one, "claude-haiku-4-5").status, 503, "small talk")


@check("example keys-and-policies: a free key asks for no opus, and for nothing that its policy does not have")
def _(lab):
    one = example(lab, "keys-and-policies")
    refused = ask(one, "claude-opus-4-1", by="CI_KEY")
    equal(refused.status, 403, f"opus ({refused})")
    goes(ask(one, "claude-haiku-4-5", by="CI_KEY", max_tokens=50), "claude", "anthropic", "haiku")


@check("example several-accounts: another account takes over, and the vendor's clients see nothing of it")
def _(lab):
    one = example(lab, "several-accounts")
    first = ask(one, "gpt-4o")
    goes(first, "everything", "openai", "a request")
    one.at("openai").reply(status(429, retry_after=600), one.providers["openai0"])
    second = ask(one, "gpt-4o")
    goes(second, "everything", "openai", "a request while the account is limited")
    expect(first.account != second.account, "another account", (first, second))


@check("example conversion: Claude's names go to the other vendor, its own names as they are")
def _(lab):
    one = example(lab, "conversion")
    told = ask(one, "claude-sonnet-4-5", path="/v1/messages", max_tokens=50)
    goes(told, "claude on kimi", "kimi/kimi-k2.5", "a request")
    equal(one.at("moonshot").requests[-1].fields.get("max_tokens"), 8192, "what the rule sets")
    goes(ask(one, "kimi/kimi-k2.5"), "by its own name", "kimi/*", "the vendor's own name")


@check("every example under etc/examples has a check of its own here, or is named with where it has")
def _(lab):
    text = pathlib.Path(__file__).read_text()
    elsewhere = {"presets": "test_presets", "tls": "test_certificates", "lark": "test_lark", "observability": "test_traces"}
    names = {file.stem for file in (ETC / "examples").glob("*.yaml")}
    equal({name for name in names if f'example(lab, "{name}"' not in text and name not in elsewhere}, set(), "examples without a check")


@check("etc/{name} is checked without a warning, with something behind each of its references", rows=[str(file.relative_to(ETC)) for file in FILES])
def _(lab, name):
    one = Example.__new__(Example)
    one.proxy = lab.proxyd("rules: []", start=False)
    folder = one.proxy.folder
    text = (ETC / name).read_text()
    placed = text.replace("/run/secrets/proxyd", str(folder / "secrets"))
    one.secrets(placed, folder)
    if "tls/" in text:  # the certificate is one for the names of tests
        placed = placed.replace("llm.internal.example", "localhost")
    one.proxy.config.write_text(placed)
    one.proxy.config.chmod(0o600)
    done = subprocess.run([lab.binary, "check", one.proxy.config], capture_output=True, text=True, env=one.proxy.env, cwd=folder)
    # A pod's listener is one for everybody, and TLS ends before it.
    warned = [line for line in (done.stdout + done.stderr).splitlines() if ": warning: " in line and "without TLS" not in line]
    equal((done.returncode, warned), (0, []), f"{done.stdout}{done.stderr}")
