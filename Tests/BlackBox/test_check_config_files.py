"""What a file can say: references, units, every key, includes. And what no file can do: take memory or time, or crash."""

import os
import resource

from check_config import GOOD, Checked, edited
from checks import check, contains, equal, expect
from commands import run
from harness import USER_KEY, served


@check("references with defaults, files, credentials and $$ are read")
def _(lab):
    (lab.folder / "secret").write_text("from-a-file\n")
    (lab.folder / "credentials").mkdir()
    (lab.folder / "credentials" / "azure").write_text("from-a-credential")
    text = edited(
        GOOD,
        ("http://localhost:8080", "${SET:-unused}${UNSET:-/base}"),
        (
            "state: ./state",
            f"""\
state: ${{STATE_DIRECTORY:-./state}}
admin: {{key: "${{file:{lab.folder}/secret}}"}}
keys:
  - {{name: one, key: "${{credential:azure}}"}}
  - {{name: two, key: "sk-with-a-$$-dollar"}}""",
        ),
    )
    Checked(lab, text, env={"SET": "http://localhost:9", "CREDENTIALS_DIRECTORY": str(lab.folder / "credentials")}).good()


@check("check takes several files, and exits with 78 where one is wrong")
def _(lab):
    good, bad = lab.folder / "proxy.yaml", lab.folder / "other.yaml"
    good.write_text(GOOD)
    bad.write_text(GOOD + "\nsurprise: 1\n")
    for file in (good, bad):
        file.chmod(0o600)
    equal(run(lab, "check", good, good).code, 0, "the exit code of good ones")
    ran = run(lab, "check", good, bad, good)
    equal(ran.code, 78, "the exit code")
    contains(ran.err, "surprise", "what it says")
    equal(ran.out.count("proxy.yaml: ok"), 2, "the others are told of too")


@check("a reference in a key is read as one in a value, and told at its place where it is missing")
def _(lab):
    up = lab.upstream()
    p = lab.proxyd(
        f"""
upstreams: {{"${{UP}}": {up.declare()}}}
rules: [{{models: ["*"], tiers: [main]}}]
policies: {{default: {{}}, "${{NOPE:-team}}": {{models: [other]}}}}
keys: [{{name: user, key: {USER_KEY}}}, {{name: u, key: sk-user-of-the-team-0123456789, policy: team}}]""",
        env={"UP": "main"},
    )
    served(p.ask())
    equal(p.ask(key="sk-user-of-the-team-0123456789").status, 403, "the status of a key whose policy a reference names")
    told = Checked(lab, edited(GOOD, ("state: ./state", 'prices: {"${NOT_SET_ANYWHERE}": {input: 1, output: 2}}'))).bad()
    equal([e[:2] for e in told.errors], [(2, 10)], "the place")
    contains(told.errors[0][3], "the environment has no NOT_SET_ANYWHERE", "the error")


@check("a byte order mark before a file's text is no part of it")
def _(lab):
    (lab.folder / "key").write_bytes(b"\xef\xbb\xbf" + USER_KEY.encode() + b"\r\n")
    p, _up = lab.simple(f'keys: [{{name: u, key: "${{file:{lab.folder}/key}}"}}]')
    served(p.ask(key=USER_KEY))


@check("a reference that is set but empty is no value")
def _(lab):
    text = edited(GOOD, ("state: ./state", 'admin: {key: "${EMPTY_SECRET}"}'))
    equal(Checked(lab, text, env={"EMPTY_SECRET": ""}).code, 78, "the exit code")


@check("$$ in a key is one dollar")
def _(lab):
    p, _up = lab.simple('keys: [{name: u, key: "sk-with-a-$$-dollar"}]')
    served(p.ask(key="sk-with-a-$-dollar"))
    equal(p.ask(key="sk-with-a-$$-dollar").status, 401, "the status with two dollars")


@check("units are read as users write them")
def _(lab):
    Checked(
        lab,
        edited(
            GOOD,
            (
                "state: ./state",
                """\
timeouts: {head: 500ms, connect: 5s, first_byte: 5m, idle: 1h}
limits: {body: 10MB, headers: 32KiB, connections: 10000}
fallback: {threshold: 0.05, cooldown: 7d, on: [429, 5xx, exhausted, unauthorized, unreachable, timeout]}
policies:
  default: {requests_per_minute: 120, tokens_per_minute: 400k, tokens_per_day: 20M, budget_per_month: 200 USD, concurrent_requests: 16}
prices: {claude: {input: 15, output: 75.5, cache_read: 1.5, cache_write: 18.75}}""",
            ),
        ),
    ).good()


@check("every documented key is read; what is not active yet is at most a warning")
def _(lab):
    (lab.folder / "pem").write_text("")
    text = """\
listen:
  - 127.0.0.1:8180
  - {address: 127.0.0.1:8181, headers: {proxyd: false}}
admin: {key: "${PROXYD_ADMIN_KEY}", listen: 127.0.0.1:8182, allow_from: [127.0.0.0/8, "::1"]}
state: ${STATE_DIRECTORY:-./state}
timezone: Asia/Singapore
timeouts: {head: 30s, connect: 5s, first_byte: 120s, idle: 120s}
limits: {body: 32MiB, headers: 32KiB, connections: 10000}
upstreams:
  antigravity:
    url: ${UPSTREAM_URL:-http://localhost:8080}
    dialect: anthropic
    quota: {poll: /health, interval: 30s, timeout: 5s}
    threshold: 10%
    timeouts: {first_byte: 300s}
  openai:
    url: https://api.openai.com/v1
    dialect: openai
    accounts:
      - {name: main, key: "${OPENAI_API_KEY}"}
      - {name: spare, key: "${OPENAI_API_KEY}", weight: 2}
    quota: {headers: true}
  azure-eu:
    url: https://example.openai.azure.com
    dialect: azure
    deployments: {gpt-4o: my-gpt4o}
    accounts: [{name: eu, key: "${OPENAI_API_KEY}"}]
  gemini: {url: "https://generativelanguage.googleapis.com", dialect: gemini, accounts: [{name: main, key: "${OPENAI_API_KEY}"}]}
fallback: {enabled: true, threshold: 5%, on: [429, 5xx, exhausted, unauthorized, unreachable, timeout], cooldown: 60s}
rules:
  - {name: no opus, when: 'key.policy == "free" && request.model.startsWith("claude-opus")', reject: {status: 403, message: Opus needs a paid key}}
  - {name: long prompts, models: ["claude-*"], when: request.input_tokens > 180000, tiers: [gemini/gemini-2.5-pro]}
  - name: opus
    models: [claude-opus-4-6-thinking, "claude-opus-*"]
    fallback: {threshold: 1%}
    set: {temperature: 0.5, service_tier: auto}
    tags: {project: x}
    tiers: &opus
      - antigravity/claude-opus-4-6-thinking
      - {upstream: openai, model: gpt-5, max_tokens: 8192, threshold: 10%, timeouts: {idle: 60s}}
  - {name: same, models: [same], tiers: *opus}
  - {name: gpt, models: ["gpt-*", "o3*"], tiers: [{any: [openai, {upstream: azure-eu, weight: 2}], choose: weighted}, "antigravity/*"]}
  - {name: everything else, models: ["*"], tiers: [antigravity]}
policies:
  default: {}
  team: {models: ["claude-*"], requests_per_minute: 120, tokens_per_minute: 400k, tokens_per_day: 20M, budget_per_month: 200 USD,
         concurrent_requests: 16, allow_from: [10.0.0.0/8]}
  free: {requests_per_minute: 10, tokens_per_day: 100k, models: ["gemini-*"]}
keys:
  - {name: ci, key: "${OPENAI_API_KEY}", policy: free, tags: {team: build}}
  - {name: alice, hash: "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", policy: team}
prices:
  claude-opus-4-6-thinking: {input: 15, output: 75, cache_read: 1.5, cache_write: 18.75}
log: {level: info, format: text, requests: true}
lark:
  app_id: cli_example
  app_secret: ${OPENAI_API_KEY}
  token_file: /var/lib/proxyd/lark-user-token.json
  forward_cards_to: http://127.0.0.1:18789/webhook/lark
  check_state: false
  verification_token: ${OPENAI_API_KEY}
  encrypt_key: ${OPENAI_API_KEY}
  api: https://open.larksuite.com
"""
    Checked(
        lab, text, env={"PROXYD_ADMIN_KEY": "sk-admin-from-the-environment", "OPENAI_API_KEY": "sk-openai-from-the-environment"}
    ).good()


@check("`choose: {how}` is read", rows=["first", "weighted", "least_busy", "fastest", "cheapest", "most_quota", "soonest_reset"])
def _(lab, how):
    Checked(lab, edited(GOOD, ("tiers: [antigravity]", f"tiers: [{{any: [antigravity/a, antigravity/b], choose: {how}}}]"))).good()


@check("include merges files in the order of their names, and a key in two of them names both places")
def _(lab):
    (lab.folder / "conf.d").mkdir()
    (lab.folder / "conf.d" / "10-log.yaml").write_text("log: {level: debug}\n")
    (lab.folder / "conf.d" / "20-zone.yaml").write_text("timezone: UTC\n")
    Checked(lab, GOOD + "include: conf.d/*.yaml\n").good()
    (lab.folder / "conf.d" / "30-zone.yaml").write_text("\ntimezone: Asia/Singapore\n")
    told = Checked(lab, GOOD + "include: conf.d/*.yaml\n")
    equal(told.code, 78, "the exit code with a key in two files")
    for place in ("30-zone.yaml:2:1", "20-zone.yaml:1"):
        contains(told.text, place, "the output")


@check("an error in an included file names that file")
def _(lab):
    (lab.folder / "conf.d").mkdir()
    (lab.folder / "conf.d" / "a.yaml").write_text("log:\n  levl: debug\n")
    told = Checked(lab, GOOD + "include: conf.d/*.yaml\n")
    equal(told.code, 78, "the exit code")
    contains(told.text, "a.yaml:2:3: error:", "the output")


@check("a file that two spellings of its path include is taken once, and each that is missing is told at its place")
def _(lab):
    (lab.folder / "more.yaml").write_text("log: {level: debug}\n")
    Checked(lab, GOOD + "include: [./more.yaml, more.yaml, '*.yaml', ./proxy.yaml]\n").good()
    told = Checked(lab, GOOD + "include: [./more.yaml, nope.yaml, neither.yaml]\n").bad()
    equal([e[:2] for e in told.errors], [(11, 24), (11, 35)], "the places")
    contains(told.errors[0][3], "include[1]: there is no such file", "the error")


@check("a file that includes itself is an error, not a loop")
def _(lab):
    told = Checked(lab, GOOD + "include: proxy.yaml\n")
    expect(told.seconds < 5 and told.code in (0, 78), "an end within 5 s", (told.code, told.seconds))


# ---------------------------------------------------------------- files that mean harm, and files that are none

BOMBS = {
    "billion laughs": "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12)),
    "quadratic aliases": "a: &a [" + "x, " * 20000 + "x]\nb: [" + "*a, " * 20000 + "*a]\n",
    "deep nesting in flow": "a: " + "[" * 200_000 + "]" * 200_000 + "\n",
    "deep nesting in block": "".join(" " * i + f"k{i}:\n" for i in range(3000)),
    "an alias that holds itself": "a: &a [*a]\n",
    "a huge file": "# " + "x" * 60_000_000 + "\n",
    "merge keys in a tower": "a0: &a0 {k: v}\n"
    + "".join(f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 10)}]}}\n" for i in range(1, 12)),
}


@check("no file can exhaust memory or time: {what}", rows=list(BOMBS))
def _(lab, what):
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    told = Checked(lab, BOMBS[what] + GOOD)
    expect(told.code == 78, "exit 78", (told.code, told.text[:300]))
    expect(told.seconds < 8, "an end within 8 s", told.seconds)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    expect(peak == before or peak < 400_000, "a peak below 400 MB", peak)
    expect(len(told.text) < 200_000, "an output that can be read", len(told.text))


@check("what is to be written and cannot be there is an error at its place: {written}", rows=[
    "lark: {app_id: a, app_secret: b-secret,\n  token_file: /tmp}", "log: {decisions: no-such-folder/x}",
    "lark: {app_id: a, app_secret: b-secret,\n  token_file: /dev/null/x/t.json}", "events: {file: no-such-folder/x}",
])  # fmt: skip
def _(lab, written):
    good = GOOD.replace("state: ./state\n", "")
    told = Checked(lab, good + written + "\n").bad()
    line = good.count("\n") + 1 + written.count("\n")
    contains([error[0] for error in told.errors], line, "lines of the errors")
    contains(told.text, "cannot be written: ", "the error")
    contains(told.text, "^", "the caret")


@check("a file in a folder that the service manager makes before each start is none that cannot be written")
def _(lab):
    for folder in ("/var/log/proxyd", "/run/proxyd"):
        if not os.path.exists(folder):
            Checked(lab, GOOD + f"log: {{file: {folder}/proxyd.log}}\nevents: {{file: {folder}/events.jsonl}}\n").good()
            Checked(lab, GOOD + f"log: {{file: {folder}/more/proxyd.log}}\n").bad()


@check("a file that is to be written for {two} is an error at the second", rows=[
    "log: {file: one.log, decisions: one.log}", "log: {file: one.log}\nevents: {file: one.log}",
    "log: {decisions: one.log}\nlark: {app_id: a, app_secret: b-secret, token_file: one.log}",
])  # fmt: skip
def _(lab, two):
    told = Checked(lab, GOOD + two + "\n").bad()
    equal([error[0] for error in told.errors], [GOOD.count("\n") + 1 + two.count("\n")], "the line of the one error")
    contains(told.text, "cannot be written: it is that of log.", "the error")


@check("a state directory that is to be below a file is an error at its place: {state}", rows=["proxy.yaml", "proxy.yaml/a/b", "/dev/null", "new/a"])
def _(lab, state):
    told = Checked(lab, GOOD.replace("state: ./state\n", f"state: {state}\n"))
    if state == "new/a":
        equal(told.code, 0, "the exit code of one whose folders are made")
        return
    told.bad()
    contains(told.text, f"error: state: cannot be used: '{state.partition('/a')[0]}' is no directory", "the error")
    equal([error[0] for error in told.errors], [2], "its line")


@check("what is written of the log and means something else is told with what to write: {written}", rows=[
    ("{file: /dev/stdout}", "it is no regular file; without 'file' lines go to standard output"),
    ("{file: stdout}", "warning: log.file: is a file of that name; without 'file' lines go to standard output"),
    ("{file: x.log, rotate: daily}", "'daily' is not a size; write 32KiB or 10MB"),
    ("{file: x.log, rotate: 24h}", "; a time is written {every: 24h}"),
])  # fmt: skip
def _(lab, written, told):
    contains(Checked(lab, GOOD + f"log: {written}\n").text, told, "what the check says")


@check("a '~' that no shell reads is a warning")
def _(lab):
    told = Checked(lab, GOOD.replace("state: ./state\n", "state: ~/proxyd\n"))
    equal(told.code, 0, "the exit code")
    contains(told.text, "'~' is no home directory here", "the warning")
    for written, error in {
        "log: {file: ~/x/proxyd.log}": "log.file: '~/x/proxyd.log' cannot be written: there is no folder '~/x'; '~' is",
        "include: ~/x.yaml": "include: there is no such file; '~' is",
        "admin: {key: '${file:~/key}'}": "admin.key: ~/key: No such file or directory; '~' is",
    }.items():
        told = Checked(lab, GOOD + written + "\n")
        equal((told.code, told.text.count("'~' is no home directory here")), (78, 1), f"the exit code, and times that it is told ({written})")
        contains(told.text, error, "the error")
    contains(Checked(lab, GOOD + "include: ~/conf.d/*.yaml\n").text, "warning: include: '~' is no home", "the warning of a pattern")


@check(
    "a file of {what} is an error with a place, not a crash",
    rows=["binary bytes", "invalid UTF-8", "UTF-16", "a NUL", "nothing", "only comments"],
)
def _(lab, what):
    data = {
        "binary bytes": bytes(range(256)),
        "invalid UTF-8": GOOD.encode().replace(b"all", b"\xff\xfe\xc0"),
        "UTF-16": GOOD.encode("utf-16"),
        "a NUL": GOOD.encode().replace(b"all", b"a\x00l"),
        "nothing": b"",
        "only comments": b"# nothing\n",
    }[what]
    told = Checked(lab, data)
    expect(told.code == 78 or (what == "UTF-16" and told.code == 0), "exit 78", (told.code, told.text))
    contains(told.text + ("proxy.yaml" if told.code == 0 else ""), "proxy.yaml", "the output")
