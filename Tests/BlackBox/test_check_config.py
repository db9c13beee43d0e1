"""--check-config: every problem at once, with its place, a caret and a suggestion; nothing is started."""

import json
import os
import re
import subprocess

from check_config import GOOD, Checked, edited
from checks import check, contains, equal, expect, lacks
from harness import USER_KEY, served
from ports import listening_socket


@check("a good file exits 0")
def _(lab):
    Checked(lab, GOOD).good()


@check("a file that is not there exits 78 and is named")
def _(lab):
    done = subprocess.run([lab.binary, "--check-config", "-c", str(lab.folder / "missing.yaml")], capture_output=True, timeout=10)
    equal(done.returncode, 78, "the exit code")
    contains((done.stdout + done.stderr).decode(), "missing.yaml", "the output")


MISTAKES = {  # what -> (edit of GOOD, (line, column or None), parts of the message)
    "an unknown key": (("state: ./state", "stat: ./state"), (2, 1), ["stat", "state"]),
    "an unknown key of an upstream": (("    dialect: anthropic", "    dialekt: anthropic"), (6, 5), ["dialekt", "dialect"]),
    "an unknown key of a rule": (("    tiers: [antigravity]", "    tires: [antigravity]"), (10, 5), ["tires", "tiers"]),
    "an upstream that is not there": (
        ("tiers: [antigravity]", "tiers: [antigravty]"),
        (10, 13),
        ["antigravty", "did you mean", "antigravity"],
    ),
    "an upstream that is not there, with a model": (
        ("tiers: [antigravity]", "tiers:\n      - antigravty/claude"),
        (11, 9),
        ["rules[0].tiers[0]", "antigravty", "'antigravity'"],
    ),
    "a dialect nobody speaks": (("dialect: anthropic", "dialect: antropic"), (6, 14), ["antropic", "anthropic"]),
    "a url without a scheme": (("http://localhost:8080", "localhost:8080"), (5, 10), []),
    "a url of another scheme": (("http://localhost:8080", "ftp://localhost"), (5, 10), []),
    "a listen without a port": (("127.0.0.1:8180", "127.0.0.1"), (1, 9), []),
    "a port over 65535": (("127.0.0.1:8180", "127.0.0.1:81800"), (1, 9), []),
    "a duration that is a bare number": (("state: ./state", "timeouts: {head: 30}"), (2, 18), ["30", "s"]),
    "a duration in words": (("state: ./state", "timeouts: {head: soon}"), (2, 18), []),
    "a negative duration": (("state: ./state", "timeouts: {head: -5s}"), (2, 18), []),
    "a size without sense": (("state: ./state", "limits: {body: 32 pounds}"), (2, 16), []),
    "a share over 100%": (("state: ./state", "fallback: {threshold: 150%}"), (2, 23), []),
    "a share in words": (("state: ./state", "fallback: {threshold: little}"), (2, 23), []),
    "a yes for a truth value": (("state: ./state", "fallback: {enabled: maybe}"), (2, 21), []),
    "a time zone that does not exist": (("state: ./state", "timezone: Asia/Singapur"), (2, 11), ["Asia/Singapur"]),
    "an address range that is none": (("state: ./state", "admin: {key: abcdefgh, allow_from: [10.0.0.0/99]}"), (2, 37), []),
    "`on` with a name that means nothing": (
        ("state: ./state", "fallback: {on: [429, unreachabel]}"),
        (2, 22),
        ["unreachabel", "unreachable"],
    ),
    "`on` with a status that is none": (("state: ./state", "fallback: {on: [42]}"), (2, 17), []),
    "rules that are no list": (('rules:\n  - name: all\n    models: ["*"]\n    tiers: [antigravity]', "rules: none"), (7, 8), []),
    "a rule with tiers and reject": (('    models: ["*"]', "    reject: {status: 403, message: no}"), (None, None), ["rules[0]"]),
    "a rule with neither tiers nor reject": (("    tiers: [antigravity]\n", ""), (8, None), ["rules[0]"]),
    "a reject status that is none": (("tiers: [antigravity]", "reject: {status: 4000, message: no}"), (10, 22), []),
    "an empty list of tiers": (("tiers: [antigravity]", "tiers: []"), (10, None), []),
    "a condition with an unknown variable": (
        ('    models: ["*"]', '    when: key.plicy == "free"'),
        (9, None),
        ["rules[0].when", "plicy", "policy"],
    ),
    "a condition with an unknown root": (('    models: ["*"]', '    when: reqest.model == "x"'), (9, None), ["reqest"]),
    "a condition of the wrong type": (('    models: ["*"]', '    when: request.size == "big"'), (9, None), ["rules[0].when"]),
    "a condition that is no truth value": (('    models: ["*"]', "    when: request.model"), (9, None), ["rules[0].when"]),
    "a condition that does not parse": (('    models: ["*"]', "    when: request.size > > 5"), (9, None), ["rules[0].when"]),
    "a condition with an unknown function": (
        ('    models: ["*"]', '    when: request.model.startWith("x")'),
        (9, None),
        ["startWith"],
    ),
    "a condition that compares a fraction with a whole number": (
        ('    models: ["*"]', """    when: quota("antigravity", "m") == -1"""), (9, None), ["double == int", "both have a point, or neither"],
    ),
    "a condition with a broken pattern": (
        ('    models: ["*"]', '    when: request.model.matches("(")'),
        (9, None),
        ["rules[0].when"],
    ),
    "a condition with an unknown upstream": (('    models: ["*"]', '    when: healthy("nope")'), (9, None), ["nope"]),
    "a reference to an environment variable that is not set": (
        ("url: http://localhost:8080", "url: ${NOT_SET_ANYWHERE}"),
        (5, 10),
        ["NOT_SET_ANYWHERE"],
    ),
    "a reference to a file that is not there": (
        ("state: ./state", 'admin: {key: "${file:/nonexistent/key}"}'),
        (2, None),
        ["/nonexistent/key"],
    ),
    "a reference to a credential without a directory": (
        ("state: ./state", 'admin: {key: "${credential:nope}"}'),
        (2, None),
        ["nope"],
    ),
    "a reference that is not closed": (("url: http://localhost:8080", "url: ${UNCLOSED"), (5, 10), []),
    "a sealed value without PROXYD_SEAL_KEY": (
        ("state: ./state", 'admin: {key: "${sealed:v1:AAAA}"}'),
        (2, None),
        ["PROXYD_SEAL_KEY"],
    ),
    "a key twice in one mapping": (("state: ./state", "state: ./state\nlisten: 127.0.0.1:1"), (3, 1), ["listen"]),
    "YAML that does not parse": (("    dialect: anthropic", "    dialect: [anthropic"), (None, None), []),
    "a tab as indentation": (("    dialect: anthropic", "\tdialect: anthropic"), (6, None), []),
    "a blank of another kind before a key": (("    dialect: anthropic", "\u00a0   dialect: anthropic"), (6, 1), ["none to YAML (U+A0)"]),
    "another program's tag before a list": (
        ("tiers: [antigravity]", "tiers: !reference [antigravity]"), (10, 12), ["rules[0].tiers", "a tag before a list"],
    ),
    "a tag of others that names a file": (("state: ./state", "policies: !include p.yaml"), (2, 11), ["include: [conf.d/*.yaml]"]),
    "an any within another": (("[antigravity]", "[{any: [{any: [antigravity]}, antigravity]}]"), (10, 21), ["stands in no other"]),
    "another program's tag before a mapping": (("state: ./state", "limits: !Sub {connections: 10}"), (2, 9), ["limits", "means nothing here"]),
    "an alias without an anchor": (("tiers: [antigravity]", "tiers: *nowhere"), (10, None), ["no anchor of this name"]),
    "a key with an unknown policy": (
        ("state: ./state", "keys: [{name: a, key: sk-abcdefgh, policy: tem}]\npolicies: {default: {}, team: {}}"),
        (2, None),
        ["tem", "team"],
    ),
    "a key without a name": (("state: ./state", "keys: [{key: sk-abcdefgh}]"), (2, None), ["name"]),
    "a key with neither key nor hash": (("state: ./state", "keys: [{name: a}]"), (2, None), []),
    "a key with key and hash": (
        ("state: ./state", 'keys: [{name: a, key: sk-x, hash: "sha256:' + "0" * 64 + '"}]'),
        (2, None),
        [],
    ),
    "a hash that is none": (("state: ./state", 'keys: [{name: a, hash: "sha256:xyz"}]'), (2, None), []),
    "two keys of one name": (
        ("state: ./state", "keys: [{name: a, key: sk-abcdefgh}, {name: a, key: sk-ijklmnop}]"),
        (2, None),
        ["a"],
    ),
    "two accounts of one name": (
        ("    dialect: anthropic", "    dialect: anthropic\n    accounts: [{name: a, key: x1}, {name: a, key: x2}]"),
        (7, None),
        [],
    ),
    "a slip in what an account's quota declares": (
        ("    dialect: anthropic", "    dialect: anthropic\n    accounts: [{name: a, quota: {tokens_per_dya: 5M}}]"),
        (7, 34),
        ["did you mean 'declared: {tokens_per_day: …}'?"],
    ),
    "an upstream's quota at an account": (
        ("    dialect: anthropic", "    dialect: anthropic\n    accounts: [{name: a, quota: {headers: false}}]"),
        (7, 34),
        ["it belongs under 'upstreams.<upstream>.quota', "],
    ),
    "a `*` in a tier that no glob can fill": (
        ('    models: ["*"]\n    tiers: [antigravity]', '    models: [exact]\n    tiers: ["antigravity/*"]'),
        (10, None),
        [],
    ),
    "a glob among deployments": (
        ("    dialect: anthropic", "    dialect: azure\n    deployments: {'o3*': d}"),
        (7, 19),
        ["one model"],
    ),
    "a misspelt time zone in a condition": (
        ('    models: ["*"]', """    when: now.getHours("Asia/Singapur") > 5"""),
        (9, None),
        ["rules[0].when", "did you mean 'Asia/Singapore'?"],
    ),
    "a condition that divides by zero": (('    models: ["*"]', "    when: request.size / 0 > 1"), (9, 11), ["always fails", "division by zero"]),
    "a condition with an element that no list has": (
        ('    models: ["*"]', '    when: request.stream && [1, 2][5] == 1'),
        (9, 29),
        ["always fails", "index out of range: 5"],
    ),
    "a condition with a key that a map lacks": (
        ('    models: ["*"]', """    when: '{"a": 1}.b == 1'"""), (9, 12), ["always fails", "no such key: b"],
    ),
    "a condition with a place before a text's beginning": (
        ('    models: ["*"]', "    when: request.model.charAt(-1) == 'x'"), (9, 11), ["always fails", "index out of range: -1"],
    ),
    "a condition that asks a number for a text behind dyn": (
        ('    models: ["*"]', "    when: dyn(request.size).startsWith('a')"), (9, 11), ["always fails", "no such overload"],
    ),
    "a condition that is a number behind dyn": (('    models: ["*"]', "    when: dyn(1)"), (9, 11), ["true or false"]),
    "a header's name with capitals in a condition": (
        ('    models: ["*"]', """    when: request.headers["X-Team"] == 'red'"""), (9, 11), ["lower case", "X-Team"],
    ),
    "a misspelt capability": (
        ("    dialect: anthropic", '    dialect: anthropic\n    capabilities: {"*": {claude.prefil: false}}'),
        (7, 26),
        ["did you mean 'claude.prefill'?"],
    ),
    "a value that a capability does not take": (
        ("    dialect: anthropic", '    dialect: anthropic\n    capabilities: {"*": {claude.prefill: maybe}}'),
        (7, 26),
        ["does not take this value"],
    ),
    "a threshold that is a mapping": (("state: ./state", "fallback: {threshold: {a: 1}}"), (2, 23), []),
    "a log level nobody knows": (("state: ./state", "log: {level: loud}"), (2, 14), ["loud"]),
    "a log level that is short for one": (("state: ./state", "log: {level: WARN}"), (2, 14), ["'WARN'", "did you mean 'warning'?"]),
    "a model of a tier with a blank before it": (
        ("tiers: [antigravity]", 'tiers: ["antigravity/ x"]'), (10, 26), ["rules[0].tiers[0]", "white space at its ends"],
    ),
    "a glob with a blank behind it": (('models: ["*"]', 'models: ["x "]'), (9, 14), ["rules[0].models[0]", "white space at its ends"]),
    "an alias of a model with a blank behind it": (
        ("state: ./state", 'models: {fast: {to: "antigravity/x "}}'), (2, 21), ["models.fast.to", "white space at its ends"],
    ),
    "a text where `set` takes a number": (
        ("    tiers: [antigravity]", "    tiers: [antigravity]\n    set: {max_tokens: 8k}"), (11, 23), ["rules[0].set.max_tokens", "8192"],
    ),
    "an infinite number in `set`": (
        ("    tiers: [antigravity]", "    tiers: [antigravity]\n    set: {x: -.inf}"), (11, 14), ["a number that JSON cannot say"],
    ),
    "a `set` of what is said": (
        ("    tiers: [antigravity]", "    tiers: [antigravity]\n    set: {input: x}"), (11, 11), ["does not change what is said"],
    ),
    "false for no proxy": (
        ("    dialect: anthropic", "    dialect: anthropic\n    proxy: false"), (7, 12), ["that there is none: none"],
    ),
    "none for the file's proxy": (("state: ./state", "https_proxy: none"), (2, 14), ["no_proxy: ['*'] goes without one"]),
    "a default of a file's text": (
        ("state: ./state", 'admin: {key: "${file:/nonexistent/key:-x}"}'), (2, None), ["a file's text has no default"],
    ),
    "a document that is a list": ((GOOD, "- 1\n- 2\n"), (1, None), []),
    "a second document": (
        ("    tiers: [antigravity]\n", "    tiers: [antigravity]\n---\nlisten: 127.0.0.1:1\n"),
        (None, None),
        [],
    ),
}


@check("{what} is an error at its place", rows=list(MISTAKES))
def _(lab, what):
    edit, (line, column), parts = MISTAKES[what]
    told = Checked(lab, edited(GOOD, edit)).bad()
    mine = [e for e in told.errors if all(part in e[3] for part in parts)] or told.errors
    for part in parts:
        contains(mine[0][3], part, "the message")
    if line is not None:
        equal(mine[0][0], line, f"the line of {mine[0][3]!r}")
    if column is not None:
        equal(mine[0][1], column, f"the column of {mine[0][3]!r}")


@check("an account whose name cannot be is told as that alone, and not as one that lacks")
def _(lab):
    told = Checked(lab, edited(GOOD, ("dialect: anthropic", "dialect: anthropic\n    accounts: [{name: a b, key: k}]"))).bad()
    equal(len(told.errors), 1, "errors")
    contains(told.errors[0][3], "'a b' is not an account name", "the error")
    told = Checked(lab, edited(GOOD, ("  antigravity:", "  anti/gravity:"), ("tiers: [antigravity]", "tiers: [anti/gravity]"))).bad()
    equal([found[:3] for found in told.found], [(4, 3, "error")], "all that is told of an upstream whose name has a slash")


@check("an error shows the line and a caret under its place")
def _(lab):
    text = edited(GOOD, ("tiers: [antigravity]", "tiers:\n      - antigravty/claude-opus-4-6-thinking"))
    told = Checked(lab, text).bad()
    lines = told.text.splitlines()
    at = next(i for i, line in enumerate(lines) if ": error: " in line)
    expect(
        re.match(r"^\S*proxy\.yaml:11:9: error: rules\[0\]\.tiers\[0\]: .*antigravty.*did you mean 'antigravity'", lines[at]),
        "proxy.yaml:11:9: error: rules[0].tiers[0]: … 'antigravty' (did you mean 'antigravity'?)",
        lines[at],
    )
    expect(
        re.match(r"^\s*11 \|       - antigravty/claude-opus-4-6-thinking$", lines[at + 1]), "`11 | ` and the line", lines[at + 1]
    )
    expect(re.match(r"^\s*\|\s+\^~*$", lines[at + 2]), "a caret line", lines[at + 2])
    equal(lines[at + 2].index("^"), lines[at + 1].index("antigravty"), "the column of the caret")
    equal(lines[at + 2].count("^") + lines[at + 2].count("~"), len("antigravty"), "the length of the mark")


@check("every error is told at once, in the order of the file")
def _(lab):
    text = edited(
        GOOD,
        ("state: ./state", "stat: ./state"),
        ("dialect: anthropic", "dialect: antropic"),
        ('    models: ["*"]', '    when: key.plicy == "free"'),
        ("tiers: [antigravity]", "tiers: [antigravty]"),
    )
    told = Checked(lab, text).bad()
    equal([e[0] for e in told.errors], [2, 6, 9, 10], "the lines of the errors")


@check("of one value every error is told at once: {what}", rows=["a condition", "references"])
def _(lab, what):
    edit, places = {
        "a condition": (('    models: ["*"]', '    when: key.plicy == "a" && (request.stream || request.sise > 5) && 1'), [(9, 11), (9, 50), (9, 71)]),
        "references": (("state: ./state", "state: ${NOT_SET}/${NOT_SET_EITHER}/${file:/nonexistent}"), [(2, 8), (2, 19), (2, 37)]),
    }[what]
    told = Checked(lab, edited(GOOD, edit)).bad()
    equal([e[:2] for e in told.errors], places, f"the places of the errors: {told.text}")


@check("a message lists what is known where nothing is near")
def _(lab):
    told = Checked(lab, edited(GOOD, ('    models: ["*"]', '    when: key.plicy == "free"'))).bad()
    for name in ("id", "name", "policy", "tags"):
        contains(told.errors[0][3], name, "the message")


@check("--format json tells the same problems as JSON")
def _(lab):
    text = edited(GOOD, ("state: ./state", "stat: ./state"), ("tiers: [antigravity]", "tiers: [antigravty]"))
    told = Checked(lab, text, "--format", "json")
    equal(told.code, 78, "the exit code")
    value = json.loads(told.stdout)
    flat = json.dumps(value)
    for part in ("antigravty", "stat", '"line"', '"column"', "error"):
        contains(flat, part, "the JSON")
    found = []

    def walk(node):
        if isinstance(node, dict):
            if "line" in node:
                found.append(node["line"])
            for child in node.values():
                walk(child)
        elif isinstance(node, list):
            for child in node:
                walk(child)

    walk(value)
    expect({2, 10} <= set(found), "the lines 2 and 10 as numbers", found)
    told = Checked(lab, GOOD, "--format", "json")
    equal(told.code, 0, "the exit code of a good file")
    json.loads(told.stdout)


# ---------------------------------------------------------------- warnings

WARNINGS = {
    "a rule that is never reached": (
        edited(
            GOOD,
            (
                "    tiers: [antigravity]\n",
                "    tiers: [antigravity]\n  - name: late\n    models: [x]\n" "    tiers: [antigravity/y]\n",
            ),
        ),
        ["rules[1]"],
    ),
    "a rule after one without models and when": (
        edited(
            GOOD,
            ('    models: ["*"]\n', ""),
            (
                "    tiers: [antigravity]\n",
                "    tiers: [antigravity]\n  - name: late\n    models: [x]\n    tiers: [antigravity/y]\n",
            ),
        ),
        ["rules[1]"],
    ),
    "a tier that repeats": (
        edited(GOOD, ("tiers: [antigravity]", "tiers: [antigravity/a, antigravity/b, antigravity/a]")),
        ["rules[0].tiers[2]"],
    ),
    "a condition that is always false": (edited(GOOD, ('    models: ["*"]', '    when: "1 == 2"')), ["rules[0]", "always false"]),
    "a condition that a constant makes false": (
        edited(GOOD, ('    models: ["*"]', '    when: request.stream && 1 > 2')), ["rules[0]", "always false"],
    ),
    "a limit whose condition is always false": (
        GOOD + "usage_limits: [{name: a, per: key.id, when: 1 > 2, requests_per_day: 5}]\n",
        ["usage_limits[0].when: is always false"],
    ),
    "a condition that asks for a header in capitals": (
        edited(GOOD, ('    models: ["*"]', """    when: "'X-Team' in request.headers\"""")), ["rules[0]", "always false"],
    ),
    "a rule that two before it take together": (
        edited(
            GOOD,
            ('    models: ["*"]\n', '    models: ["a*"]\n'),
            (
                "    tiers: [antigravity]\n",
                "    tiers: [antigravity]\n  - {models: ['b*'], tiers: [antigravity]}\n  - {models: [ab, 'bc*'], tiers: [antigravity/y]}\n",
            ),
        ),
        ["rules[2]: never reached, rules[0] and rules[1]"],
    ),
    "a member of `any` that is there twice": (
        edited(GOOD, ("tiers: [antigravity]", "tiers: [{any: [antigravity, antigravity]}]")),
        ["rules[0].tiers[0].any[1]"],
    ),
    "an `any` that repeats in another order": (
        edited(GOOD, ("tiers: [antigravity]", "tiers: [{any: [antigravity/a, antigravity/b]}, {any: [antigravity/b, antigravity/a]}]")),
        ["rules[0].tiers[1]: repeats rules[0].tiers[0]"],
    ),
    "a tier that an `any` had": (
        edited(GOOD, ("tiers: [antigravity]", "tiers: [{any: [antigravity/a, antigravity/b]}, antigravity/a]")),
        ["rules[0].tiers[1]: repeats rules[0].tiers[0]"],
    ),
    "a tier that names the one model the rule is for": (
        edited(GOOD, ('models: ["*"]', "models: [x]"), ("tiers: [antigravity]", "tiers: [antigravity, antigravity/x]")),
        ["rules[0].tiers[1]: repeats rules[0].tiers[0]"],
    ),
    "an upstream nothing uses": (
        edited(GOOD, ("rules:", "  spare: {url: 'http://localhost:1', dialect: openai}\nrules:")),
        ["spare"],
    ),
    "what a rule that rejects sets": (
        edited(GOOD, ("tiers: [antigravity]", "reject: {message: no}\n    set: {x: 1}")), ["rules[0].set: changes nothing"],
    ),
    "what a rule that rejects drops": (
        edited(GOOD, ("tiers: [antigravity]", "reject: {message: no}\n    drop: [user]")), ["rules[0].drop: changes nothing"],
    ),
    "how a rule that rejects falls back": (
        edited(GOOD, ("tiers: [antigravity]", "reject: {message: no}\n    fallback: {wait: 5s}")), ["rules[0].fallback: changes nothing"],
    ),
    "a weight of one that stands alone": (
        edited(GOOD, ("tiers: [antigravity]", "tiers: [{upstream: antigravity, weight: 2}]")), ["rules[0].tiers[0].weight: changes nothing"],
    ),
    "another program's sign in a glob": (
        edited(GOOD, ('models: ["*"]', 'models: ["gpt-?", "*"]')), ["rules[0].models[0]: '?' stands for itself here"],
    ),
    "another program's sign in a policy's glob": (
        edited(GOOD, ("state: ./state", "policies: {default: {models: ['{a,b}']}}")), ["policies.default.models[0]: '{' stands for itself here"],
    ),
    "a policy that allows no model": (GOOD + "policies: {default: {models: []}}\n", ["policies.default.models: is empty"]),
    "a policy whose addresses are none, and so all": (
        GOOD + "policies: {default: {allow_from: []}}\n", ["policies.default.allow_from: is empty, and so allows every address"],
    ),
    "an admin API whose addresses are none, and so all": (
        GOOD + "admin: {key: 4f9a6b2c4d8e1f3a5b7c9d2e, allow_from: ~}\n", ["admin.allow_from: is empty, and so allows every address"],
    ),
    "trusted proxies that are everybody": (
        GOOD + "trusted_proxies: [10.0.0.0/8, 0.0.0.0/0]\n", ["trusted_proxies[1]: believes everybody"],
    ),
    "a policy nothing uses": (edited(GOOD, ("state: ./state", "policies: {default: {}, team: {}}")), ["team"]),
    "a public listener without TLS": (edited(GOOD, ("127.0.0.1:8180", "0.0.0.0:8180")), ["TLS"]),
}


@check("{what} is a warning, and the exit is 0", rows=list(WARNINGS))
def _(lab, what):
    text, parts = WARNINGS[what]
    told = Checked(lab, text).good()
    expect(told.warnings, "a warning", told.text)
    for part in parts:
        contains(" ".join(w[3] for w in told.warnings), part, "the warnings")


@check("a literal secret in a file that everybody may read is a warning, in one that only its owner may read it is not")
def _(lab):
    text = edited(GOOD, ("state: ./state", "admin: {key: literal-secret-value}"))
    told = Checked(lab, text, mode=0o644).good()
    expect(told.warnings, "a warning", told.text)
    lacks(told.text, "literal-secret-value", "the output")
    equal(Checked(lab, text, mode=0o600).good().warnings, [], "warnings for mode 600")


@check(
    "a limit that is configured ({limit}) is either kept or said not to be", rows=["requests_per_minute: 1", "tokens_per_day: 1"]
)
def _(lab, limit):
    p, _up = lab.simple(f"policies: {{default: {{{limit}}}}}")
    statuses = [p.ask().status for _ in range(3)]
    if 429 not in statuses:
        equal(statuses, [200] * 3, "the statuses of three requests")
        name = limit.split(":")[0]
        told = Checked(lab, p.config.read_text()).good()
        expect(any(name in warning[3] for warning in told.warnings), f"a warning about {name}", told.text)


@check("a slip is told once: nothing is called unused or missing for it")
def _(lab):
    for edit, message in (
        (("tiers: [antigravity]", "tiers: [antigravty]"), "no upstream is called 'antigravty'"),
        (("tiers: [antigravity]", "tiers: [[antigravity]]"), "found a list"),
        (("    tiers: [antigravity]", "    tires: [antigravity]"), "did you mean 'tiers'?"),
        (("    dialect: anthropic", "    dialekt: anthropic"), "did you mean 'dialect'?"),
        (("tiers: [antigravity]", "tiers: {}"), "expected a list, found a mapping"),
        (("tiers: [antigravity]", "tiers: [{any: {}}]"), "expected a list, found a mapping"),
        (("tiers: [antigravity]", "tiers:"), "is empty"),
        (("tiers: [antigravity]", "tiers: []"), "is empty"),
        (('models: ["*"]', "models: {}"), "expected a list, found a mapping"),
        (("listen: 127.0.0.1:8180", "listen: {}"), "'address' is missing"),
        (("listen: 127.0.0.1:8180", "listen:"), "has no value"),
        ((GOOD[GOOD.index("upstreams:") : GOOD.index("rules:")], "upstreams: []\n"), "expected a mapping, found a list"),
        ((GOOD[GOOD.index("rules:") :], "rules: {}\n"), "expected a list, found a mapping"),
        (("rules:", "ruls:"), "did you mean 'rules'?"),
        (("state: ./state", "events: {webhok: 'http://localhost:1'}"), "did you mean 'webhook'?"),
        (("state: ./state", "admin: {kee: 4f9a6b2c4d8e1f3a5b7c9d2e}"), "did you mean 'key'?"),
        (
            ("state: ./state", f"keys: [{{name: a, key: {USER_KEY}, policy: tem}}]\npolicies: {{team: {{}}}}"),
            "did you mean 'team'?",
        ),
    ):
        told = Checked(lab, edited(GOOD, edit)).bad()
        equal(len(told.found), 1, f"problems: {told.text}")
        contains(told.errors[0][3], message, "the error")


@check("an upstream that a condition reads is used, and a policy whose key has an error may be")
def _(lab):
    read = edited(
        GOOD,
        ("rules:", "  spare: {url: 'http://localhost:1', dialect: openai}\nrules:"),
        ('    models: ["*"]', "    when: healthy('spare')"),
    )
    equal(Checked(lab, read).good().warnings, [], "warnings")
    broken = edited(GOOD, ("state: ./state", "policies: {default: {}, team: {}}\nkeys: [{name: a, key: [x], policy: team}]"))
    lacks(Checked(lab, broken).bad().text, "no key of this file", "the output")


@check("a clean file has no warnings")
def _(lab):
    equal(Checked(lab, GOOD + "x-mine: !any [thing]\n").good().warnings, [], "warnings of what is the user's own")
    equal(Checked(lab, GOOD).good().warnings, [], "warnings")


# ---------------------------------------------------------------- nothing started, nothing told


@check("checking starts nothing: no listener, no state")
def _(lab):
    with listening_socket() as taken:
        Checked(lab, edited(GOOD, ("8180", str(taken.getsockname()[1])))).good()
    expect(not (lab.folder / "state").exists(), "no state folder", os.listdir(lab.folder))


@check("the line that is shown for an error has its secrets hidden")
def _(lab):
    told = Checked(lab, edited(GOOD, ("state: ./state", f"keys: [{{name: a, key: {USER_KEY}, polcy: x}}]"))).bad()
    lacks(told.text, USER_KEY, "the output")
    told = Checked(lab, edited(GOOD, ("state: ./state", "admin: {key: [private-admin-secret]}"))).bad()
    lacks(told.text, "private-admin-secret", "the output")
    told = Checked(lab, edited(GOOD, ("state: ./state", "admin:\n  kee: private-admin-secret")))
    lacks(
        Checked(lab, edited(GOOD, ("state: ./state", 'admin: {key: "${SECRET}x${NOPE}"}')), env={"SECRET": "private-value"}).text,
        "private-value",
        "the output",
    )
    equal(told.code, 78, "the exit code")


@check("an error beside a secret has its line and caret, too, with the secret masked")
def _(lab):
    text = edited(
        GOOD, ("state: ./state", f"keys: [{{name: a, key: {USER_KEY}, polcy: x}}]"), ("dialect: anthropic", "dialekt: anthropic")
    )
    lines = Checked(lab, text).bad().text.splitlines()
    at = next(i for i, line in enumerate(lines) if "unknown key 'polcy'" in line)
    equal(lines[at + 1], f"    2 | keys: [{{name: a, key: {'*' * len(USER_KEY)}, polcy: *}}]", "the line")
    equal(lines[at + 2].index("^"), lines[at + 1].index("polcy"), "the column of the caret")
    at = next(i for i, line in enumerate(lines) if "unknown key 'dialekt'" in line)
    equal(lines[at + 1], "    6 |     dialekt: anthropic", "the line of a slip that is no secret's")
    lacks("".join(lines), USER_KEY, "the output")


@check("proxyd does not start with a bad file: exit 78, the same errors")
def _(lab):
    path = lab.folder / "proxy.yaml"
    path.write_text(edited(GOOD, ("tiers: [antigravity]", "tiers: [antigravty]")))
    done = subprocess.run([lab.binary, "-c", str(path)], capture_output=True, timeout=10, cwd=lab.folder)
    equal(done.returncode, 78, "the exit code")
    contains((done.stdout + done.stderr).decode(), "proxy.yaml:10:13: error:", "the output")


@check("a file that passes --check-config starts, CRLF line ends and a BOM too")
def _(lab):
    up = lab.upstream()
    p = lab.proxyd(f"upstreams: {{a: {up.declare()}}}\nrules: [{{name: all, tiers: [a]}}]", start=False)
    p.config.write_bytes(b"\xef\xbb\xbf" + p.config.read_bytes().replace(b"\n", b"\r\n"))
    Checked(lab, p.config.read_bytes()).good()
    p.start()
    served(p.ask())
