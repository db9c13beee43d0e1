"""Every file under etc/ from end to end: strict providers on loopback in the place of its vendors, lists of models, tool loops."""

import ctypes.util
import dataclasses
import functools
import itertools
import pathlib
import re

import certificates
import vendors_own as own
from agents import AGENTS, told_all
from checks import check, equal, eventually, expect
from harness import ADMIN_KEY, USER_KEY
from ports import free_port
from upstream import health, status, whole
from vendors import DEEPSEEK, FIRST_PARTY, GLM, KIMI, LOCAL, VENDORS, Server, Vendor

ETC = pathlib.Path(__file__).resolve().parents[2] / "etc"
FILES = [ETC / "proxy.yaml", *sorted((ETC / "examples").glob("*.yaml"))]
LISTED = {  # what a vendor lists, by the place of its address
    "anthropic": ["claude-haiku-4-5", "claude-opus-4-1", "claude-sonnet-4-5"],
    "antigravity": ["claude-opus-4-6-thinking", "gemini-3-pro-high", "claude-haiku-4-5"],
    "openai": ["gpt-4o", "gpt-4.1"],
    "kimi": ["kimi-k2.5", "kimi-k2.6"],
    "moonshot": ["kimi-k2.5", "kimi-k2.6"],
    "deepseek": ["deepseek-v4-pro", "deepseek-v4-flash"],
    "mistral": ["mistral-large-latest"],
    "gemini": ["gemini-2.5-flash", "gemini-3-pro-preview"],
    "gpu-a": ["qwen3-coder-30b"],
    "gpu-b": ["qwen3-coder-30b"],
    "azure": ["gpt-4o", "gpt-4.1"],
    "claude": ["claude-haiku-4-5", "claude-opus-4-1", "claude-sonnet-4-5"],
}
# Servers of a cluster that are away: nobody is at the port.
SERVERS = {"VALKEY_URL": "redis://127.0.0.1:9/0", "POSTGRES_URL": "postgres://proxyd@127.0.0.1:9/proxyd"}
PROGRAMS = {  # the keys of clients, by the names that the files have for them
    **dict.fromkeys(("MY_KEY", "CI_KEY", "ALICE_KEY", "AGENTS_KEY"), USER_KEY),
    **{name: f"{USER_KEY}-{name.lower()}" for name in ("BOB_KEY", "NIGHTLY_KEY")},
}


@functools.lru_cache(maxsize=None)
def vendor_of(model):
    """How strict the vendor of a model is, by the model's name."""
    for start, vendor in (("kimi", KIMI), ("deepseek", DEEPSEEK), ("glm", GLM), ("mistral", VENDORS["mistral"]), ("MiniMax", VENDORS["minimax"])):
        if model.startswith(start):
            return dataclasses.replace(vendor, model=model)
    if re.match(r"gpt-5|o\d", model):
        return dataclasses.replace(VENDORS["openai"], model=model)
    roles = ("system", "developer", "user", "assistant", "tool")
    takes = LOCAL if model.startswith(("qwen3-", "local-")) else FIRST_PARTY
    return Vendor(model, takes, {"reasoning_effort", "verbosity"} if model.startswith("gpt-") else set(), roles=roles)


class Provider:
    """One vendor under one address: whatever format is asked, strictly; each model has a server of its own."""

    lists = True

    def __init__(self, name):
        self.listed = LISTED.get(name, ["local-model"])
        self.servers, self.refusals = {}, []

    def __call__(self, request, wire_):
        if request.method == "GET":
            return self.list(request)(request, wire_)
        if request.path.endswith("/count_tokens"):
            return whole({"input_tokens": 10})(request, wire_)
        model = request.model or request.path.rpartition("/")[2].partition(":")[0]
        kind = "messages" if request.path.endswith("/messages") else "responses" if request.path.endswith("/responses") else \
            "chat" if request.path.endswith("/chat/completions") else "gemini" if ":" in request.path else None  # fmt: skip
        if kind is None:
            self.refusals.append(f"no such path: {request.path}")
            return status(404)(request, wire_)
        return self.server(kind, model)(request, wire_)

    def server(self, kind, model):
        if (kind, model) not in self.servers:
            make = {"messages": own.Messages, "responses": own.Responses, "gemini": own.Gemini}
            server = make[kind](model) if kind in make else Server(vendor_of(model))
            server.refusals = self.refusals
            self.servers[kind, model] = server
        return self.servers[kind, model]

    def list(self, request):
        if request.path.rpartition("/")[2] != "models":
            return status(404)
        if request.path.startswith("/v1beta"):
            methods = ["generateContent", "countTokens"]
            return whole({"models": [{"name": f"models/{name}", "supportedGenerationMethods": methods} for name in self.listed]})
        if request.header("anthropic-version"):
            data = [{"type": "model", "id": name, "display_name": name, "created_at": "2026-01-01T00:00:00Z"} for name in self.listed]
            return whole({"data": data, "has_more": False, "first_id": self.listed[0], "last_id": self.listed[-1]})
        return whole({"object": "list", "data": [{"id": name, "object": "model", "created": 1, "owned_by": "x"} for name in self.listed]})


class Example:
    """proxyd with one of the files, as it is but for addresses, files and secrets; `edits` are further texts to put in others' place."""

    def __init__(self, lab, file, env=None, edits=None):
        self.lab, self.providers, self.ups = lab, {}, {}
        self.proxy = lab.proxyd("rules: [{name: x, reject: {status: 403, message: x}}]", start=False, env=env)
        folder = self.proxy.folder
        text = self.upstreams(file.read_text(), folder)
        if not ctypes.util.find_library("pq"):  # which a start with a store wants
            text = re.sub(r"^  store: .*\n", "", text, flags=re.M)
        for old, new in (edits or {}).items():
            expect(old in text, f"{old!r} in {file.name}")
            text = text.replace(old, new)
        text = re.sub(r"^listen: [\d.]+:\d+", f"listen: 127.0.0.1:{self.proxy.port}", text, flags=re.M)
        text = text.replace("- 127.0.0.1:8180", f"- 127.0.0.1:{self.proxy.port}").replace("0.0.0.0:443", f"127.0.0.1:{free_port()}")
        if re.search(r"^  listen: 127.0.0.1:8181", text, re.M):
            self.proxy.admin_port = free_port()
            text = text.replace("127.0.0.1:8181", f"127.0.0.1:{self.proxy.admin_port}")
        text = text.replace("/run/secrets/proxyd", str(folder / "secrets")).replace("/var/lib/proxyd", str(folder / "state"))
        self.secrets(text, folder)
        self.proxy.write(text)
        self.proxy.start()
        if re.search(r"^keys: \[\]", text, re.M):
            self.key = self.proxy.create_key()["api_key"]
        else:
            self.key = USER_KEY

    def upstreams(self, text, folder):
        """The file with each address, and each preset without one, led to a provider of its own."""
        lines, name, inside = [], None, False
        given = text.splitlines()
        for at, line in enumerate(given):
            if re.match(r"^\S", line):
                inside = line.startswith("upstreams:")
            found = re.match(r"^  ([\w-]+):", line)
            if inside and found:
                name = found.group(1)
            of_it = itertools.takewhile(lambda other: not re.match(r"^ {0,2}[\w-]", other), given[at + 1 :])
            has_url = re.match(r"^    preset:", line) and any(re.match(r"^    url:", other) for other in of_it)
            if inside and name and not has_url:
                line = self.led(line, name, "/v1" if re.search(r"/v\d", line) else "", folder)
            lines.append(line)
        return "\n".join(lines) + "\n"

    def led(self, line, name, path, folder):
        code = line.partition("  #")[0]
        if "url:" in code:
            given = re.search(r"url:\s*(\"[^\"]*\"|'[^']*'|\$\{[^}]*\}|[^\s,}]+)", code)
            return line.replace(given.group(1), f"'{self.address(name, 'internal' in given.group(1))}{path}'", 1)
        preset = re.search(r"\bpreset:\s*([\w-]+)", code)
        if preset:
            url = self.address(preset.group(1), False) + ("" if preset.group(1) in ("anthropic", "antigravity", "gemini", "proxyd") else "/v1")
            if "{" in code:
                return line.replace(preset.group(0), f"{preset.group(0)}, url: '{url}'", 1)
            return f"{line}\n{re.match(' *', line).group(0)}url: '{url}'"
        return line

    def address(self, name, tls):
        up = self.lab.upstream()
        provider = self.providers.setdefault(f"{name}{len(self.ups)}", Provider(name))
        self.ups[f"{name}{len(self.ups)}"] = up
        up.reply(provider)
        up.health = health({model: 0.9 for model in provider.listed})
        if tls:
            up.over_tls(certificates.server_context("server"))
            return up.url.replace("http://127.0.0.1", "https://localhost")
        return up.url

    def secrets(self, text, folder):
        for path in re.findall(r"\$\{file:([^}]+)\}", text):
            place = folder / path
            place.parent.mkdir(exist_ok=True)
            place.write_text(ADMIN_KEY if "admin" in path else USER_KEY if "agents" in path else "provider-key-one")
        (folder / "credentials").mkdir()
        for name in re.findall(r"\$\{credential:([^}]+)\}", text):
            (folder / "credentials" / name).write_text("provider-key-one")
        if "tls/" in text:
            (folder / "tls").mkdir()
            certificates.put(folder / "tls", "fullchain.pem", "server.pem")
            certificates.put(folder / "tls", "privkey.pem", "server.key")
            certificates.put(folder / "tls", "internal-ca.pem", "root.pem")
        known = {"PROXYD_ADMIN_KEY": ADMIN_KEY, **PROGRAMS, **SERVERS}
        for name in re.findall(r"\$\{([A-Z][A-Z0-9_]*)\}", text):
            self.proxy.env[name] = known.get(name, f"provider-key-{name.lower()}")
        self.proxy.env["CREDENTIALS_DIRECTORY"] = str(folder / "credentials")

    def at(self, name):
        """The server in the place of this upstream, or of the vendor of this name."""
        return next(up for key, up in self.ups.items() if key.rstrip("0123456789") == name)

    def listed(self):
        """What GET /v1/models lists, when something is."""

        def names():
            answer = self.proxy.send("GET", "/v1/models", key=self.key)
            expect(answer.status == 200, "200 of GET /v1/models", repr(answer))
            return [one["id"] for one in answer.json()["data"]]

        return eventually(names, "a list of models that is not empty", 4)


class As:
    """The same proxy, asked with another key."""

    def __init__(self, example):
        self.example = example

    def send(self, method, target, body, headers=()):
        return self.example.proxy.send(method, target, body, key=self.example.key, headers=headers)


@check("{name}: what can be asked for is listed, and what is listed can be asked for", rows=[str(file.relative_to(ETC)) for file in FILES])
def _(lab, name):
    example = Example(lab, ETC / name)
    found = example.listed()
    equal(found, sorted(set(found)), "the list, sorted, without doubles")

    def ask(model):
        agent = AGENTS["openai"](As(example), model, False)
        agent.say("Hi")
        agent.tools = False
        agent.turn()
        one = example.proxy.send("GET", f"/v1/models/{model}", key=example.key)
        equal((one.status, one.json().get("id")), (200, model), "the model alone")

    told_all({model: functools.partial(ask, model) for model in found[:8]})


@check("{name}: tool loops of three turns from {client} clients, whole and streamed",
       rows=[(str(file.relative_to(ETC)), client) for file in FILES for client in AGENTS])  # fmt: skip
def _(lab, name, client):
    example = Example(lab, ETC / name)
    models = [model for model in ("claude-haiku-4-5", "claude-opus-4-1", "gpt-4o", *example.listed()[:4])
              if client != "gemini" or "/" not in model]  # fmt: skip

    def loop(model, streamed, thinking):
        one = AGENTS[client](As(example), model, streamed, thinking)
        one.keeps = True  # a vendor of its own format wants its thoughts back
        one.run()

    served = []
    for model in dict.fromkeys(models):
        one = example.proxy.send("POST", "/v1/chat/completions", {"model": model, "messages": [{"role": "user", "content": "Hi"}]}, key=example.key)
        if one.status not in (403, 404):
            served.append(model)
    expect(served, "a model that this file serves", models)
    for provider in example.providers.values():
        provider.refusals.clear()
    ways = [(model, streamed, None if client == "openai" else thinking) for model in served for streamed, thinking in ((False, None), (True, True))]
    told_all({f"{model} {streamed} {thinking}": functools.partial(loop, model, streamed, thinking) for model, streamed, thinking in ways})
    refused = [text for provider in example.providers.values() for text in provider.refusals]
    equal(refused, [], "what the vendors refused")


@check("the first vendor of etc/proxy.yaml fails: the loop goes on at the second, thoughts or not")
def _(lab):
    example = Example(lab, ETC / "proxy.yaml")
    agent = AGENTS["anthropic"](As(example), "claude-sonnet-4-5", True)
    agent.say("How warm is it?")
    calls, _text = agent.turn()
    first = list(example.ups.values())[0]
    first.reply(status(529))
    agent.give(calls, [f"{call[2]['at']}: 21" for call in calls])
    calls, _text = agent.turn()
    equal(len(calls), 2, "calls of the second vendor")
    agent.give(calls, [f"{call[2]['at']}: 21" for call in calls])
    equal(agent.turn()[0], [], "calls at the end")
    equal([text for provider in example.providers.values() for text in provider.refusals], [], "what the vendors refused")


@check("every file under etc/ is exercised here")
def _(lab):
    equal(sorted(path.name for path in ETC.rglob("*.yaml") if path.name != "prices.yaml"), sorted(file.name for file in FILES), "the files")
