"""Bad edits of a good file by classes, each with the place where its message has to be."""

import random
import re

BASE = """\
listen: 127.0.0.1:8180
state: ./state
timezone: Asia/Singapore
timeouts: {connect: 5s, first_byte: 120s}
limits:
  body: 32MiB
  connections: 10000
admin:
  key: ${ADMIN_KEY}
  allow_from: [127.0.0.0/8, "::1"]
upstreams:
  openai:
    url: https://api.openai.com/v1
    dialect: openai
    threshold: 10%
    accounts:
      - {name: main, key: "${OPENAI_KEY}"}
      - {name: spare, key: "${SPARE_KEY}", weight: 2}
  local:
    url: http://localhost:8080
    dialect: anthropic
    key: ${LOCAL_KEY}
    quota: {poll: /health, interval: 30s}
fallback:
  enabled: true
  cooldown: 60s
rules:
  - name: long prompts
    models: ["claude-*"]
    when: request.input_tokens > 180000 && request.stream
    tiers: [openai/gpt-4.1]
  - name: no opus
    models: ["opus-*"]
    when: key.policy == "free"
    reject: {status: 403, message: Not on this key}
  - name: everything else
    models: ["*"]
    tiers:
      - local
      - upstream: openai
        model: gpt-4.1
        threshold: 5%
policies:
  team:
    models: ["*"]
    requests_per_minute: 120
    budget_per_month: 200 USD
keys:
  - {name: ci, key: "${CI_KEY}", policy: team}
log:
  level: info
  format: text
"""
ENVIRONMENT = {
    name: f"4f9a6b2c4d8e1f3a5b7c9d2e{name.lower()}" for name in ("ADMIN_KEY", "OPENAI_KEY", "SPARE_KEY", "LOCAL_KEY", "CI_KEY")
}
LINES = BASE.split("\n")


def swapped(word, random_):
    """Two letters in the middle change places; the first stays, so that no other known word comes of it."""
    places = [i for i in range(1, len(word) - 1) if word[i] != word[i + 1]]
    at = random_.choice(places)
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def swapped_member(word, random_):
    before, name = word.split(".")
    return f"{before}.{swapped(name, random_)}"


def by_pattern(pattern, instead, group=1, shift=0):
    """Replaces a group of the pattern in one of the lines that have it; the place is the group's."""

    def edit(random_):
        found = [(n, m) for n, line in enumerate(LINES) for m in re.finditer(pattern, line)]
        number, match = random_.choice(found)
        new = instead(match.group(group), random_) if callable(instead) else instead
        line = LINES[number]
        lines = LINES[:]
        lines[number] = line[: match.start(group)] + new + line[match.end(group) :]
        return "\n".join(lines), number + 1, match.start(group) + 1 + shift

    return edit


def indented(random_):
    """A key of a mapping with others before it, one column to the left of them."""
    places = [n for n, line in enumerate(LINES) if re.match(r"    (dialect|threshold|models|when|tiers|reject|key|quota|budget_per_month)\b", line)]
    number = random_.choice([n for n in places if not re.match(r"  \S", LINES[n - 1]) or LINES[n - 1].lstrip().startswith("- ")])
    return "\n".join([*LINES[:number], LINES[number][1:], *LINES[number + 1 :]]), number + 1, 4


def deeper(random_):
    """A key below one whose value is complete, two columns to the right of it."""
    places = [
        n for n, line in enumerate(LINES)
        if re.match(r"    (dialect|when|tiers|reject|requests_per_minute|budget_per_month): \S", line) and re.search(r": [^\[{\"]\S*$|\]$", LINES[n - 1])
        and not LINES[n - 1].endswith("]")
    ]  # fmt: skip
    number = random_.choice(places)
    return "\n".join([*LINES[:number], "  " + LINES[number], *LINES[number + 1 :]]), number + 1, 7


def twice(random_):
    number = random_.choice([n for n, line in enumerate(LINES) if re.match(r"(  |    )?[a-z_]+: \S", line)])
    line = LINES[number]
    return "\n".join([*LINES[: number + 1], line, *LINES[number + 1 :]]), number + 2, len(line) - len(line.lstrip()) + 1


def second_document(random_):
    number = random_.choice([n for n, line in enumerate(LINES) if n and re.match(r"[a-z]", line)])
    return "\n".join([*LINES[:number], "---", *LINES[number:]]), number + 1, 1


KEY = r"^(?:  )*(?:- )?([a-z_]{5,}):(?: |$)"
CLASSES = {
    "a key with a slip": by_pattern(KEY.replace("{5,}", "{6,}"), swapped),
    "a duration without a unit": by_pattern(r"\b(\d+s)\b", lambda word, _: word[:-1]),
    "a size with a wrong unit": by_pattern(r"(32MiB)", lambda word, r: "32" + r.choice(["Mo", "megs", "mib"])),
    "a share of more than all": by_pattern(r"(\d+%)", lambda word, r: f"{r.randrange(101, 999)}%"),
    "a word with a slip": by_pattern(r"(?:dialect|level|format): ([a-z]{4,})", swapped),
    "a tab": by_pattern(r"^(  )  ? ?[a-z]", "\t"),
    "no blank behind a colon": by_pattern(r"^ *[a-z_]+(: )[\w./$]", ":"),
    "an equals sign": by_pattern(r"^ *(?:state|timezone|body|connections|dialect|cooldown|level|format)(: )", " = ", shift=1),
    "no colon": by_pattern(r"^ *((?:state|timezone|body|dialect|enabled|level): )", lambda word, _: word[:-2] + " "),
    "a key too far left": indented,
    "a key too far right": deeper,
    "a quote that stays open": by_pattern(r"^ *(?:- )?(?:name|dialect|timezone|state|level): (.)", lambda letter, r: r.choice("\"'") + letter),
    "a bracket that stays open": by_pattern(r"(?:models|tiers): (\[[^\]]*\])$", lambda text, _: text[:-1]),
    "a star without quotes": by_pattern(r'models: \[("\*")\]', lambda word, r: r.choice(["*", "*-mini", "*gpt*"])),
    "an upstream that is not there": by_pattern(r"(?:tiers: \[|- upstream: )(openai)", swapped),
    "a policy that is not there": by_pattern(r"policy: (team)", lambda word, r: r.choice(["tema", "teams", "admins"])),
    "a key written twice": twice,
    "a second document": second_document,
    "a yes": by_pattern(r"enabled: (true)", lambda word, r: r.choice(["yes", "on", "Yes", "1", "enabled"])),
    "a word for a sign": by_pattern(r"180000 (&&) ", lambda word, r: r.choice(["and", "AND", "or", "&", "|"])),
    "a variable that is not there": by_pattern(r"(request\.input_tokens|request\.stream|key\.policy)\b", swapped_member),
    "another program's reference": by_pattern(
        r"key: (\$\{[A-Z_]+\})$", lambda word, r: r.choice(["$API_KEY", "os.environ/API_KEY", '"{env.API_KEY}"', "$(API_KEY)", "env(API_KEY)"])
    ),
    "another program's key": by_pattern(
        r"^    (url|key|dialect|requests_per_minute|budget_per_month): ",
        lambda word, r: r.choice(
            {"url": ["base_url", "api_base", "endpoint", "proxy_pass"], "key": ["api_key", "token", "apiKey"], "dialect": ["type", "format", "api_type"],
             "requests_per_minute": ["rpm", "rate_limit"], "budget_per_month": ["max_budget", "budget"]}[word]
        ),
    ),  # fmt: skip
    "an address without a scheme": by_pattern(r"url: (\S+)", lambda word, _: word.split("//")[1]),
    "a list for a mapping": by_pattern(r"(?:timeouts|quota): (\{[^}]*\})", lambda word, r: r.choice(["[5s]", "5s", "[]"])),
    "a reference to nothing": by_pattern(r'(?:key: "?)(\$\{[A-Z_]+\})', lambda word, r: "${" + r.choice(["NOBODY", "NO_KEY", "file:/nonexistent"]) + "}"),
    "an address that is none": by_pattern(r"(127\.0\.0\.0/8|127\.0\.0\.1:8180)", lambda word, r: word.replace("127.0.0", r.choice(["127.0.0.0", "127.0.x", "1270"]))),
}


def edits(seed, count):
    """(class, file, line, column), the classes in turn."""
    random_ = random.Random(seed)
    names = sorted(CLASSES)
    for index in range(count):
        name = names[index % len(names)]
        yield (name, *CLASSES[name](random_))
