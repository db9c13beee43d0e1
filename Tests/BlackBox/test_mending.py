"""Messages that mend: what people bring from elsewhere is told in the form of ours, bad edits at their place, and the JSON Schema
says what the checker says."""

import json
import os
import re
import subprocess

import edits
import schema
from check_config import GOOD, Checked, edited
from checks import check, contains, equal, expect, lacks

EDITS = int(os.environ.get("PROXYD_EDITS", "108"))  # 500 and more where there is time
FILES = int(os.environ.get("PROXYD_SCHEMA_FILES", "120"))


@check("bad edits of 27 classes: none is taken, each is told at its line and column", seconds=300)
def _(lab):
    expect(len(edits.CLASSES) >= 25, "at least 25 classes", len(edits.CLASSES))
    Checked(lab, edits.BASE, env=edits.ENVIRONMENT).good()
    for name, text, line, column in edits.edits(20261127, EDITS):
        told = Checked(lab, text, env=edits.ENVIRONMENT).bad()
        places = [(e[0], e[1]) for e in told.errors]
        expect((line, column) in places, f"{name}: an error at {line}:{column}", told.text)
        for secret in edits.ENVIRONMENT.values():
            lacks(told.text, secret, f"the output about {name}")


class Mender:
    """Somebody who knows nothing but the messages: does what the first error says until there is none."""

    def __init__(self, lab, text, env):
        self.lab, self.lines, self.env = lab, text.split("\n"), env
        self.did = []

    def run(self):
        for _ in range(12):
            told = Checked(self.lab, "\n".join(self.lines), env=self.env)
            if told.code == 0:
                return told
            line, column, _, message = told.errors[0]
            before = list(self.lines)
            self.mend(line - 1, column - 1, message)
            expect(self.lines != before, "a message that says what to do", f"{message}\n{told.text}")
            self.did.append(message)
        raise AssertionError(f"not mended: {self.did}")

    def mend(self, at, column, message):
        line = self.lines[at]
        head, rest = line[:column], line[column:]
        word = re.match(r"[^\s:,\]}]+", rest)
        token = re.match(r"\"[^\"]*\"|'[^']*'|\{[^}]*\}|[^\s,}]+", rest)
        bare = re.match(r"[^\s,}\]]+", rest)

        def put(length, text):
            self.lines[at] = head + text + rest[length:]

        if found := re.search(r"unknown key '[^']*'; (?:here it is|it is written) '(\w+)'(?:: (.+?))?$", message):
            form = found.group(2) or ""
            put(len(rest), f"{found.group(1)}: {form}") if form[:1] == "{" and self.is_bare(at, column) else put(word.end(), found.group(1))
        elif found := re.search(r"write (\$\{\w+\})", message):
            put(token.end(), f'"{found.group(1)}"')
        elif "is only a port" in message:
            put(0, "127.0.0.1:")
        elif found := re.search(r"write (true|false)$", message):
            put(word.end(), found.group(1))
        elif found := re.search(r"did you mean '([^']+)'", message):
            put(word.end() if "/" not in word.group() else word.group().index("/"), found.group(1))
        elif re.search(r"text that begins with '.' needs quotes", message):
            put(bare.end(), f'"{bare.group()}"') if rest[0] != "!" else put(len(rest), f"'{rest}'")
        elif "a blank is missing behind" in message:
            put(1, rest[0] + " ")
        elif "a tab cannot indent" in message:
            self.lines[at] = line.replace("\t", "    ")
        elif found := re.search(r"(\d+) (?:spaces )?put it beside '", message):
            self.lines[at] = " " * int(found.group(1)) + line.lstrip()
        elif found := re.search(r"'([^']+)' is written '(!?)a\.(\w+)\(b\)'", message):
            sign, no, function = found.groups()
            self.lines[at] = re.sub(rf"(\S+) {re.escape(sign)} (\S+)", rf"{no}\1.{function}(\2)", line)
        elif found := re.search(r"'([^']+)' is written '([^']+)'", message):
            put(len(found.group(1)), found.group(2))
        elif "a list is written [a, b]" in message:
            put(len(rest), f"[{rest}]")
        elif "a key ends with a colon" in message:
            self.lines[at] = head.rstrip() + ":" + rest[1:]
        elif found := re.search(r"after '(\w+)' comes a colon", message):
            put(len(found.group(1)), found.group(1) + ":")
        elif "is not closed" in message:
            self.lines[at] = line + {"[": "]", "{": "}"}.get(rest[0], rest[0])
        elif "within [ ] and { } a reference needs quotes" in message:
            put(rest.index("}") + 1, f'"{rest[: rest.index("}") + 1]}"')
        elif "needs quotes" in message:
            key, colon, text = line.partition(": ")
            self.lines[at] = f"{key}{colon}'{text}'"
        elif found := re.search(r"no unit; write \S+ (\d*\w+)", message):
            put(word.end(), word.group() + "s")
        elif "has no currency" in message:
            put(word.end(), word.group() + " USD")
        elif "its name is the key" in message or "this line belongs to no item" in message:
            self.lines[at] = "  " + line

    def is_bare(self, at, column):
        """Whether the value is a single one where a mapping is to be written."""
        return bool(re.match(r"\w+: [^\[{\s]\S*$", self.lines[at][column:]))


# As people write it who come from elsewhere.
HABITS = {
    "LiteLLM's names of an upstream and its environment": """\
upstreams:
  openai:
    api_base: https://api.openai.com/v1
    type: openai
    api_key: os.environ/OPENAI_API_KEY
rules:
  - model_name: gpt-4o
    tiers: [openai]
""",
    "LiteLLM's limits": """\
upstreams: {up: {url: "http://localhost:1", dialect: openai}}
rules: [{tiers: [up]}]
policies:
  default:
    rpm: 100
    tpm: 400k
    max_budget: 20 USD
""",
    "LiteLLM's master key and port": """\
master_key: sk-4f9a6b2c4d8e1f3a5b7c9d2e
port: 4000
upstreams: {up: {url: "http://localhost:1", dialect: openai}}
rules: [{models: *, tiers: up}]
""",
    "nginx's names": """\
server: 127.0.0.1:8180
upstream:
  up:
    proxy_pass: http://localhost:8080
    dialect: anthropic
    proxy_set_header: {x-team: a}
location:
  - match: "claude-*"
    proxy_pass: up
""",
    "nginx's regular expressions and booleans": """\
upstreams: {up: {url: "http://localhost:1", dialect: openai}}
fallback: {enabled: on}
rules:
  - when: request.model =~ "gpt"
    reject: {status: 403, message: no}
  - tiers: [up]
""",
    "Compose's indentation and dollars": """\
upstreams:
  up:
    url: http://localhost:8080
      dialect: anthropic
    key: $UP_KEY
rules:
  - name: all
   tiers: [up]
""",
    "Compose's bare stars, ports and equals signs": """\
ports: 127.0.0.1:8180
state = ./state
upstreams: {up: {url: "http://localhost:1", dialect: openai}}
rules:
  - models: [*]
    tiers: [up]
""",
    "Caddy's and shells' references": """\
upstreams:
  up: {url: "http://localhost:1", dialect: openai, key: "{env.UP_KEY}"}
  other:
    url: http://localhost:2
    dialect: openai
    key: $(UP_KEY)
rules: [{tiers: [up, other]}]
""",
    "Python's words in conditions": """\
upstreams: {up: {url: "http://localhost:1", dialect: openai}}
rules:
  - when: request.stream and not request.has_tools
    tiers: [up]
  - when: key.policy is "free" or request.stream == True
    tiers: [up]
  - tiers: [up]
""",
    "slips of a hurry": """\
upstreams:
  up:
    url:http://localhost:8080
\tdialect: anthropc
    key: ${UP_KEY}
    timeouts: {connect: 5}
rules:
  - name: "all
    models: ["claude-*"
    tiers: [up]
""",
    "commas and capitals": """\
upstreams:
  up: {url: "http://localhost:1", dialect: openai}
  two: {baseUrl: "http://localhost:2", dialect: openai}
rules:
  - models: gpt-*, o3*
    tiers: up, two
""",
}  # fmt: skip
HABITS_ENVIRONMENT = {"OPENAI_API_KEY": "4f9a6b2c4d8e1f3a5b7c9d2e", "UP_KEY": "5f9a6b2c4d8e1f3a5b7c9d2e", "PROXYD_ADMIN_KEY": "7f9a6b2c4d8e1f3a5b7c9d2e"}


@check("{what} are mended from the messages alone", list(HABITS))
def _(lab, what):
    Mender(lab, HABITS[what], HABITS_ENVIRONMENT).run()


FOREIGN = {
    "LiteLLM's config.yaml": "model_list:\n  - model_name: gpt-4o\n    litellm_params: {model: openai/gpt-4o}\n",
    "nginx's configuration": "server {\n  listen 80;\n  location / { proxy_pass http://h; }\n}\n",
    "a Compose file": "services:\n  p:\n    image: x\n    ports: ['80:80']\n",
}


@check("{program} is recognised as a whole", list(FOREIGN))
def _(lab, program):
    told = Checked(lab, FOREIGN[program]).bad()
    equal(len(told.errors), 1, "the number of errors")
    contains(told.errors[0][3], f"this looks like {program}", "the message")


WARNINGS = {  # what -> (edit of GOOD, a part of the warning)
    "an endpoint's path": (("http://localhost:8080", "https://h.example/v1/chat/completions"), "leave out '/chat/completions'"),
    "a key in quotes": (("    dialect: anthropic", "    dialect: anthropic\n    key: '\"sk-abcdefghijkl\"'"), "begins with a quote"),
    "a key with a comma": (("    dialect: anthropic", "    dialect: anthropic\n    key: sk-abcdef,sk-ghijkl"), "holds a comma"),
    "an example's key": (
        ("    url: http://localhost:8080\n", "    url: https://h.example\n    key: your-key-here\n"),
        "is an example's",
    ),
    "an alias of an upstream with a slip": (
        ("state: ./state", "models: {fast: {to: antigravty/claude-haiku}}"), "did you mean 'antigravity/…'?",
    ),
    "a client's key that is the admin's": (
        ("state: ./state", "admin: {key: 4f9a6b2c4d8e1f3a5b7c9d2e}\nkeys: [{name: k, key: 4f9a6b2c4d8e1f3a5b7c9d2e}]"),
        "is an admin key as well",
    ),
}


@check("{what} is taken with a warning", list(WARNINGS))
def _(lab, what):
    edit, part = WARNINGS[what]
    told = Checked(lab, edited(GOOD, edit)).good()
    expect([w for w in told.warnings if part in w[3]], f"a warning: …{part}…", told.text)
    lacks(told.text, "4f9a6b2c4d8e1f3a5b7c9d2e", "the output")
    lacks(told.text, "sk-abcdef", "the output")


@check("Bearer in front of a key is an error that says so")
def _(lab):
    told = Checked(lab, edited(GOOD, ("    dialect: anthropic", "    dialect: anthropic\n    key: Bearer sk-abcdefghijkl"))).bad()
    contains(told.errors[0][3], "leave that out", "the message")
    lacks(told.text, "sk-abcdefghijkl", "the output")


TOLD = {  # what -> (edit of GOOD, the place of the error, a part of it)
    "a duration of two units": (("state: ./state", "timeouts: {idle: 1m30s}"), (2, 18), "write 90s"),
    "a blank in a duration": (("state: ./state", "timeouts: {idle: 5 s}"), (2, 18), "write 5s"),
    "a container's two ports": (("listen: 127.0.0.1:8180", "listen: '8180:8180'"), (1, 9), "write the one to listen on, as :8180"),
    "a word where a mapping is": (("state: ./state", "log: debug"), (2, 6), "expected a mapping of level, format"),
    "a folder that is included": (("state: ./state", "include: ."), (2, 10), "is a directory"),
    "a limit of a key": (
        ("state: ./state", "keys: [{name: k, key: 4f9a6b2c4d8e1f3a5b7c9d2e, rpm: 5}]"), (2, 49), "is its policy's: 'policies'",
    ),
    "models of a key": (
        ("state: ./state", "keys: [{name: k, key: 4f9a6b2c4d8e1f3a5b7c9d2e, models: [x]}]"), (2, 49), "'policies.<policy>'",
    ),
    "a rule that denies": (("    tiers: [antigravity]", "    deny: true"), (10, 5), "here it is 'reject': {status: 403"),
    "a certificate at the top": (("state: ./state", "ssl_certificate: /x.pem"), (2, 1), "tls: {certificate: cert.pem"),
    "a brace that stays open above a reference": (
        ("    dialect: anthropic", "    headers: {x: y\n    key: ${K}"), (6, 14), "the '{' that begins here is not closed",
    ),
    "a brace that stays open above an entry": (
        ("state: ./state", "policies:\n  default: {\n  team:\n    models: ['*']"), (3, 12), "the '{' that begins here is not closed",
    ),
    "another subject of a canary": (("state: ./state", "reload: {canary: {share: 5%, by: ip}}"), (2, 34), "'ip' is not a subject (key)"),
}


@check("{what} is told in words that mend it, at its place", list(TOLD))
def _(lab, what):
    edit, place, part = TOLD[what]
    told = Checked(lab, edited(GOOD, edit)).bad()
    expect([e for e in told.errors if (e[0], e[1]) == place and part in e[3]], f"an error at {place}: …{part}…", told.text)


SINGLE = {
    "models": ('models: ["*"]', 'models: "*"'),
    "tiers": ("tiers: [antigravity]", "tiers: antigravity"),
    "rules": ("  - name: all\n", "    name: all\n"),
    "allow_from": ("state: ./state", "admin: {key: 4f9a6b2c4d8e1f3a5b7c9d2e, allow_from: 127.0.0.1}"),
    "fallback.on": ("state: ./state", "fallback: {on: 429}"),
    "accounts": ("    dialect: anthropic", "    dialect: anthropic\n    accounts: {name: main, key: abc}"),
}


@check("a single item stands for a list of one: {what}", list(SINGLE))
def _(lab, what):
    Checked(lab, edited(GOOD, SINGLE[what])).good()


# What a schema cannot say, by the checker's words.
UNSAID = {
    "names that others refer to": r"no upstream is called|no policy is called|there is no preset|has nothing to take|this file has none",
    "names and keys that are there already": r"is the name of|is the same key as|collides with|is the address of|written twice|has the name of",
    "conditions": r"\.(when|per|roles): ",
    "numbers with units out of bounds": r"is outside|is too long|spent from the start",
    "references": r"the environment has no|\$\{|reference|No such file|is empty in the environment",
    "names that only code knows": r"is not a time zone|no such capability|does not take this value|is a directory|cannot be written|names no valid host|names no host|no address of this machine",
    "what depends on another value": r"is for `dialect|cannot know yours|is not read with|with `key: client`|without log.file|logins come back"
    r"|'(upstreams|rules)' is missing",
    "characters that do not show": r"visible characters|white space at its ends|without blanks around it|control character",
}
BOUND = 0.12  # of all files, for each class


@check("the JSON Schema and the checker agree on generated files, but for what a schema cannot say", seconds=300)
def _(lab):
    done = subprocess.run([lab.binary, "reference", "schema"], capture_output=True, timeout=20)
    validator = schema.Validator(json.loads(done.stdout))
    equal(validator.unknown_keywords(), set(), "the keywords that this check does not know")
    expect(validator.takes(schema.FULL), "a schema that takes a full file", "no")
    Checked(lab, json.dumps(schema.FULL)).good()
    unsaid = dict.fromkeys(UNSAID, 0)
    differing = []
    for what, file in schema.mutations(20261127, FILES):
        told = Checked(lab, json.dumps(file))
        if (told.code == 0) == validator.takes(file):
            continue
        reasons = [name for name, words in UNSAID.items() if told.errors and re.search(words, told.errors[0][3])]
        if "${" in json.dumps(file):
            reasons = ["references"]
        if told.code == 0 or not reasons:
            differing.append(f"{what}: the {'checker' if told.code == 0 else 'schema'} alone takes it: {told.errors[:1]}")
        else:
            unsaid[reasons[0]] += 1
    equal(differing, [], "the files that they judge differently")
    for name, count in unsaid.items():
        expect(count <= max(2, FILES * BOUND), f"at most {BOUND:.0%} of the files in '{name}'", count)
