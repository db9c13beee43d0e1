"""Presets: each before a server that is as strict as its vendor; agents of every format run their loops; the command; a file's errors."""

import functools
import re
import subprocess

import vendors_own as own
import wire
from agents import AGENTS, MODES, told_all
from checks import check, contains, equal, expect
from dialects import compact
from vendors import VENDORS, Server

NAMES = (
    "anthropic openai openai-responses azure gemini gemini-openai antigravity openrouter moonshot moonshot-cn deepseek zhipu zai "
    "zhipu-coding qwen minimax mistral xai groq together fireworks cerebras perplexity cohere nvidia github-models ollama lmstudio "
    "llamacpp vllm sglang litellm proxyd"
).split()
ELSEWHERE = {  # what is asked of a preset whose format is not Chat's
    "anthropic": "claude-sonnet-4-5",
    "antigravity": "claude-sonnet-4-5",
    "proxyd": "claude-sonnet-4-5",
    "openai-responses": "gpt-5.2",
    "gemini": "gemini-3-pro-preview",
    "azure": "gpt-4.1",
}


@functools.lru_cache(maxsize=None)
def _printed(binary, name):
    """`proxyd presets NAME`: the body of an upstream."""
    made = subprocess.run([binary, "presets", name], capture_output=True, text=True, timeout=20)
    expect(made.returncode == 0, f"exit status 0 of `proxyd presets {name}`", (made.returncode, made.stderr or made.stdout))
    return made.stdout


def member(text, name):
    found = re.search(rf"^\s*{name}:\s*['\"]?([^'\"\s#]+)", text, re.M)
    return found.group(1) if found else None


def server_for(name, dialect):
    """The strict server behind a preset, in the format that the preset says."""
    if name in VENDORS and dialect in ("openai", "azure"):
        server = Server(VENDORS[name])
        if name == "openai":
            server.beside = own.Responses(server.vendor.model)
            server.beside.refusals = server.refusals
        return server
    model = VENDORS[name].model if name in VENDORS else ELSEWHERE[name]
    if dialect == "anthropic":
        genuine = name in ("anthropic", "antigravity", "proxyd", "litellm")
        return own.Messages(model, signed=genuine, always=not genuine)
    if dialect in ("openai", "azure"):
        from vendors import FIRST_PARTY, Vendor

        server = Server(Vendor(model, FIRST_PARTY, roles=("system", "developer", "user", "assistant", "tool")))
        if dialect == "azure":
            server.beside = own.Responses(model)
            server.beside.refusals = server.refusals
        return server
    return {"responses": own.Responses, "gemini": own.Gemini}[dialect](model)


def model_of(server):
    return server.vendor.model if isinstance(server, Server) else server.model


def before(lab, name, extra="", rest=""):
    """proxyd before the strict server of a preset, put in the place of its address."""
    dialect = member(_printed(lab.binary, name), "dialect")
    up, server = lab.upstream(), server_for(name, dialect)
    up.reply(server)
    path = {"openai": "/v1", "responses": "/v1"}.get(dialect, "")
    p = lab.proxyd(
        f"upstreams:\n  far:\n    preset: {name}\n    url: {up.url}{path}\n    key: provider-key-one\n    models: {{discover: false}}\n{extra}"
        f'fallback: {{enabled: false}}\nrules:\n  - {{name: all, models: ["*"], tiers: ["far/{model_of(server)}"]}}\n{rest}'
    )
    return p, up, server, dialect


def loops(p, server, client, dialect, tools=True, plain=False):
    """Every way one client may run its loop there; a refusal of the server's is in the failure. A `plain` one of Chat knows no words
    but OpenAI's, and gives back nothing else."""
    native = isinstance(server, Server) and client == "openai" and dialect in ("openai", "azure") and not plain

    def attempt(streamed, thinking):
        server.refusals.clear()
        server.thought.clear()
        words = None
        if native:
            words = {None: {}, True: server.vendor.on, False: server.vendor.off}[thinking]
        agent = AGENTS[client](p, "asked", streamed, thinking, words)
        agent.tools = tools
        try:
            if tools:
                agent.run()
            else:
                agent.say("Hi")
                agent.turn()
        finally:
            expect(not server.refusals, "a request as the vendor takes it", server.refusals)
        off = isinstance(server, Server) and server.vendor.thinks and server.vendor.switchable
        if thinking is not None and off:
            equal(set(server.thought), {thinking}, f"whether the server thought, asked {thinking}")
        elif thinking is False and isinstance(server, own.Messages):
            equal(set(server.thought), {False}, "whether the server thought")

    told_all(
        {
            f"{'streamed' if streamed else 'whole'}, thinking {({None: 'unsaid', True: 'on', False: 'off'})[thinking]}": functools.partial(
                attempt, streamed, thinking
            )
            for streamed, thinking in MODES
        }
    )


@check("preset {name}, {client} client: a tool loop of three turns, streamed and whole, thinking on and off",
       rows=[(name, client) for name in NAMES for client in AGENTS])  # fmt: skip
def _(lab, name, client):
    p, up, server, dialect = before(lab, name)
    loops(p, server, client, dialect, tools=(name, dialect) != ("perplexity", "openai"))
    for request in up.requests:
        equal(request.credential, "provider-key-one", "the credential")


CHAT = [name for name in VENDORS if name not in ("openai", "azure")]


# MiniMax' thoughts stand in the text, and go back with it.
@check("preset {name}, a client of OpenAI's that gives no thoughts back: a tool loop of three turns", rows=[name for name in CHAT if name != "minimax"])
def _(lab, name):
    p, up, server, dialect = before(lab, name)
    loops(p, server, "openai", dialect, tools=name != "perplexity", plain=True)


@check("preset {name}, a client of OpenAI's: its words, its ids and another model's history are led to the vendor's", rows=CHAT)
def _(lab, name):
    p, _, server, _ = before(lab, name)
    schema = {"type": "object", "properties": {"at": {"type": "string"}}, "required": ["at"], "additionalProperties": False}
    tool = {"type": "function", "function": {"name": "look", "parameters": schema, "strict": True}}
    call = {"id": "call_" + "0aZ-" * 6, "type": "function", "function": {"name": "look", "arguments": "{}"}}
    history = [
        {"role": "user", "content": "Go"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call["id"], "content": "21"},
    ]
    tools = {} if name == "perplexity" else {"tools": [tool], "parallel_tool_calls": True}
    bodies = {
        "a call is wanted": {"messages": history[:1], **tools, **({"tool_choice": "required"} if tools else {})},
        "a history": {"messages": history if tools else history[:1], **tools},
        "a limit": {"messages": history[:1], "max_completion_tokens": 64, "user": "u-1"},
        "JSON": {"messages": history[:1], "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}},
    }

    def attempt(body):
        server.refusals.clear()
        server.thought[:] = [False]  # it never thought: any text will do
        answer = p.send("POST", "/v1/chat/completions", {"model": "asked", **body})
        equal((server.refusals, answer.status), ([], 200), "what the vendor refused, status")

    told_all({what: functools.partial(attempt, body) for what, body in bodies.items()})


@check("`proxyd presets` lists all of them, a line each")
def _(lab):
    made = subprocess.run([lab.binary, "presets"], capture_output=True, text=True, timeout=20)
    equal(made.returncode, 0, "the exit status")
    listed = {line.split()[0] for line in made.stdout.splitlines() if line.strip()}
    expect(listed >= set(NAMES), "every preset of the contract", sorted(set(NAMES) - listed))


@check("`proxyd presets {name}` prints what can be pasted as the body of an upstream", rows=NAMES)
def _(lab, name):
    body = "".join(f"    {line}\n" for line in _printed(lab.binary, name).splitlines())
    given = [f"    {key}: {value}\n" for key, value in (("url", "https://example.com"), ("key", "k")) if not re.search(rf"^    {key}:", body, re.M)]
    p = lab.proxyd(f"upstreams:\n  far:\n{body}{''.join(given)}rules: [{{name: all, tiers: [far]}}]\n", start=False)
    made = subprocess.run([lab.binary, "--check-config", "-c", str(p.config)], capture_output=True, text=True, timeout=20, cwd=p.folder)
    equal((made.returncode, made.stderr.count("error:")), (0, 0), f"check-config of what is printed: {made.stdout}{made.stderr}")


@check("`proxyd presets` with a name that there is not ends with an error and a suggestion")
def _(lab):
    made = subprocess.run([lab.binary, "presets", "mistrl"], capture_output=True, text=True, timeout=20)
    expect(made.returncode != 0, "another exit status than 0", made.stdout)
    contains(made.stdout + made.stderr, "mistral", "what it says")


def _checked(lab, text):
    p = lab.proxyd(text, start=False)
    made = subprocess.run([lab.binary, "--check-config", "-c", str(p.config)], capture_output=True, text=True, timeout=20, cwd=p.folder)
    return made.returncode, made.stdout + made.stderr


@check("an unknown preset in the file is an error with its place and a suggestion")
def _(lab):
    code, said = _checked(lab, "upstreams:\n  far:\n    preset: moonshoot\n    key: k\nrules: [{name: all, tiers: [far]}]\n")
    equal(code, 78, "the exit status")
    contains(said, "moonshot", "the suggestion")
    expect(re.search(r"proxy\.yaml:\d+:\d+: error: upstreams\.far\.preset", said), "file, line and path", said)


@check("what is wrong beside a preset keeps its own place")
def _(lab):
    code, said = _checked(lab, "upstreams:\n  far:\n    preset: mistral\n    key: k\n    capabilites: {}\nrules: [{name: all, tiers: [far]}]\n")
    equal(code, 78, "the exit status")
    contains(said, "capabilities", "the suggestion")
    expect(re.search(r"proxy\.yaml:\d+:5: error", said), "line and column of what is wrong", said)


@check("a preset that cannot know its address asks for one: azure")
def _(lab):
    code, said = _checked(lab, "upstreams:\n  far: {preset: azure, key: k}\nrules: [{name: all, tiers: [far]}]\n")
    equal(code, 78, "the exit status")
    contains(said, "url", "what is missing")


@check("what is written beside a preset wins: {what}", rows=["a header", "a capability", "a list of models"])
def _(lab, what):
    line = {
        "a header": "    headers: {x-mine: yes-mine}\n",
        "a capability": "    capabilities: {'*': {oai.tool_choice_any: required}}\n",
        "a list of models": "",
    }[what]
    p, up, server, _dialect = before(lab, "mistral", line)
    if what == "a capability":
        tool = {"type": "any"}
        body = {"model": "asked", "max_tokens": 64, "messages": [{"role": "user", "content": "Hi"}], "tool_choice": tool,
                "tools": [{"name": "look", "input_schema": {"type": "object", "properties": {}}}]}  # fmt: skip
        equal(p.send("POST", "/v1/messages", body).status, 200, "the status")
        equal(server.bodies[-1]["tool_choice"], "required", "the word that the file says")
        return
    equal(p.ask("anthropic", "asked").status, 200, "the status")
    if what == "a header":
        equal(up.last.header("x-mine"), "yes-mine", "the header")


@check("a preset's address and format hold where the file says nothing: {name}", rows=["ollama", "lmstudio", "llamacpp", "vllm"])
def _(lab, name):
    text = _printed(lab.binary, name)
    port = {"ollama": "11434", "lmstudio": "1234", "llamacpp": "8080", "vllm": "8000"}[name]
    contains(member(text, "url") or "", f":{port}", "the usual port")
    code, said = _checked(lab, f"upstreams:\n  far: {{preset: {name}}}\nrules: [{{name: all, tiers: [far]}}]\n")
    equal(code, 0, said)


class _Straight:
    """In the place of proxyd: the server itself."""

    def __init__(self, up):
        self.port = up.port

    def send(self, method, target, body, headers=()):
        with wire.Connection(self.port) as connection:
            return connection.ask(method, target, [("Content-Type", "application/json"), *headers], compact(body))


@check("the strict servers and the agents understand each other without proxyd: {name}", rows=[*VENDORS, *ELSEWHERE])
def _(lab, name):
    up = lab.upstream()
    dialect = {"gemini": "gemini", "openai-responses": "responses", "azure": "openai"}.get(name, "openai" if name in VENDORS else "anthropic")
    server = server_for(name, dialect)
    up.reply(server)

    def attempt(streamed, thinking):
        words = None
        if dialect == "openai":
            words = {None: {}, True: server.vendor.on, False: server.vendor.off}[thinking]
        agent = AGENTS[dialect](_Straight(up), model_of(server), streamed, thinking, words)
        agent.tools = name != "perplexity"
        try:
            if agent.tools:
                agent.run()
        finally:
            equal(server.refusals, [], "what is refused")

    told_all({f"{mode}": functools.partial(attempt, *mode) for mode in MODES})
