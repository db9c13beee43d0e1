"""proxyd eval: expressions in CEL by themselves, one and many; the public vectors; what is meant to hang, exhaust or trap."""

import json
import os
import pathlib
import resource
import subprocess
import time

from checks import check, contains, equal, expect
from commands import run

ROOT = pathlib.Path(__file__).resolve().parents[2]
VECTORS = pathlib.Path(os.environ.get("PROXYD_SHARED", ROOT.parent / "shared")) / "data/cel/simple.jsonl"


def asked(lab, lines):
    """The answers to lines, of which each is bytes, or what becomes JSON."""
    lines = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    ran = run(lab, "eval", "--jsonl", stdin=b"".join(line + b"\n" for line in lines)).good()
    answers = ran.out.splitlines()
    equal(len(answers), len(lines), "how many lines come back")
    return [json.loads(answer) for answer in answers]


def same(value, wanted):
    """Values as data/README.md writes them: doubles by number, maps in any order."""
    (kind, left), (other, right) = *value.items(), *wanted.items()
    if kind != other:
        return False
    if kind == "double":
        return float(left) == float(right) or float(left) != float(left) and float(right) != float(right)
    if kind == "list":
        return len(left) == len(right) and all(map(same, left, right))
    if kind == "map":
        return len(left) == len(right) and all(any(same(k, l) and same(v, w) for k, v in left) for l, w in right)
    return left == right


@check("the public conformance cases: 95 of 100 at least, and all but messages of somebody's own")
def _(lab):
    if not VECTORS.exists():
        print(f"{VECTORS} is not there; this check is skipped")
        return
    cases = [json.loads(line) for line in VECTORS.read_text().splitlines()]
    answers = asked(lab, [{"expr": case["expr"], "bindings": case.get("bindings", {})} for case in cases])
    wrong = []
    for case, answer in zip(cases, answers):
        good = "error" in answer if case.get("error") else "value" in answer and same(answer["value"], case["value"])
        if not good and "TestAllTypes" not in case["expr"]:
            wrong.append((case["expr"], answer))
    equal(wrong, [], "the cases that do not pass")


ONE = {
    "a number": (["1 + 1"], 0, "2\n"),
    "a list": (["[1u, 2.0, 'é', b'\\x00', null]"], 0, '[1u, 2.0, "é", b"\\x00", null]\n'),
    "a map as JSON": (["{'a': true}", "--format", "json"], 0, '{"value":{"map":[[{"string":"a"},{"bool":true}]]}}\n'),
    "a zone's clock": (["timestamp('2026-07-01T10:00:00Z').getHours('Europe/Berlin')"], 0, "12\n"),
    "a zone's clock in winter": (["timestamp('2026-01-01T10:00:00Z').getHours('Europe/Berlin')"], 0, "11\n"),
    "no value": (["1 / 0"], 1, "error: division by zero"),
    "no expression": (["1 +"], 64, "expression:1:4: error: a value is expected, not the end"),
    "a name that nobody gave": (["x == 1"], 64, "'x' is not known"),
    "a zone that is none": (["timestamp(0).getHours('Mars/Olympus')"], 1, "time zone 'Mars/Olympus' is not known"),
}


@check("eval --expr: {what}", rows=list(ONE))
def _(lab, what):
    arguments, code, said = ONE[what]
    ran = run(lab, "eval", "--expr", *arguments)
    equal(ran.code, code, "the exit code")
    if code == 0:
        equal((ran.out, ran.err), (said, ""), "what is printed")
    else:
        contains(ran.err, said, "what is said")
        equal(ran.out, "", "what is printed")


@check("eval --bindings: a request as JSON, values that keep their type; a file that is none is told")
def _(lab):
    file = lab.folder / "bindings.json"
    file.write_text('{"request": {"model": "claude-opus-4-6", "size": 2048}, "n": {"uint": "3"}, "t": {"timestamp": "2026-01-31T12:00:00Z"}}')
    rule = "request.model.startsWith('claude-opus') && request.size > 1024 && n == 3u && t.getDate() == 31"
    equal(run(lab, "eval", "--expr", rule, "--bindings", file).good().out, "true\n", "what is printed")
    equal(run(lab, "eval", "--expr", "x + 1", "--bindings", "-", stdin=b'{"x": 41}').good().out, "42\n", "from standard input")
    for text in ["", "{", "[]", '{"x": {"int": "one"}}', '{"x": 1, "x": 2}']:
        ran = run(lab, "eval", "--expr", "1", "--bindings", "-", stdin=text.encode())
        equal((ran.code, ran.out), (64, ""), f"the exit code, and what is printed, for {text!r}")
    equal(run(lab, "eval", "--expr", "1", "--bindings", lab.folder / "nowhere").code, 64, "the exit code without the file")
    equal(run(lab, "eval").code, 64, "the exit code without an expression")
    equal(run(lab, "eval", "--jsonl", "--expr", "1").code, 64, "the exit code with both")


@check("eval --jsonl: a line is answered at once, whatever it holds")
def _(lab):
    lines = [b"", b"{", b"\xff\xfe", b"[1]", b"null", b'{"expr": 1}', {"expr": "1", "bindings": {"x": {"int": "a"}}}, b'{"expr":"1"} x']
    answers = asked(lab, [*lines, {"expr": "6 * 7"}])
    expect(all(list(answer) == ["error"] for answer in answers[:-1]), "an error for each", answers)
    equal(answers[-1], {"value": {"int": "42"}}, "the answer to the last line")
    child = subprocess.Popen([lab.binary, "eval", "--jsonl"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        for number in range(3):
            child.stdin.write(json.dumps({"expr": f"{number} + 1"}).encode() + b"\n")
            child.stdin.flush()
            equal(json.loads(child.stdout.readline()), {"value": {"int": str(number + 1)}}, "the answer before the next line")
        child.stdin.write(b'{"expr": "7"}')
        child.stdin.close()
        equal(json.loads(child.stdout.readline()), {"value": {"int": "7"}}, "the answer to a last line without its end")
        equal(child.wait(10), 0, "the exit code")
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


def doubled(name, start, levels):
    body = f"{name}{levels}"
    for level in range(levels, 0, -1):
        before = f"{name}{level - 1}"
        body = f"cel.bind({name}{level}, {start.format(before)}, {body})"
    return f"cel.bind({name}0, ['x'], {body})"


HOSTILE = [
    "(" * 10_000,
    "[" * 8_000,
    "-" * 15_000 + "1",
    "a" + ".a" * 8_000,
    "1" + "+1" * 8_000,
    "true" + " ? true : true" * 1_000,
    "x" * 20_000,
    "'" + "\\" * 9_999,
    doubled("a", "[{0}, {0}]", 40),
    doubled("a", "{0} + {0}", 40),
    doubled("a", "{{1: {0}, 2: {0}}}", 40),
    "[0,1,2,3,4,5,6,7,8,9]" + "".join(f".map(v{n}, [0,1,2,3,4,5,6,7,8,9]" for n in range(30)) + ")" * 30,
    "'a'.matches('(((((a{1000}){1000}){1000}){1000}){1000})')",
    "('" + "a" * 5_000 + "').matches('(a*)*(a*)*(a*)*(a*)*b')",
    "'%.99999999999f'.format([1.0])",
    "'%.64f'.format([1e308])",
    "9223372036854775807 * 9223372036854775807",
    "-9223372036854775808 % -1",
    "timestamp('0001-01-01T00:00:00Z') - duration('9223372036s')",
    "[1][9223372036854775807]",
    "'a'.substring(9223372036854775807)",
    "'abc'.charAt(-9223372036854775808)",
    "math.bitShiftLeft(1, 9223372036854775807)",
    "'a'.split('', -9223372036854775808)",
    "'a'.replace('', 'b', 9223372036854775807)",
    "google.protobuf.Duration{seconds: 9223372036854775807}",
    "\u0000",
    "'\ud7ff\U0010ffff'.reverse()",
]


@check("eval --jsonl: what is meant to hang, exhaust or trap is answered in time and in little memory")
def _(lab):
    started = time.monotonic()
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    big = b'{"expr": "' + b"1" * (3 << 20) + b'"}'
    deep = b'{"expr": "1", "bindings": {"x": ' + b"[" * 300_000 + b"]" * 300_000 + b"}}"
    many = {"expr": "[" + "a," * 7_000 + "a]", "bindings": {f"name{n}" * 20: {"int": "1"} for n in range(2_000)}}
    answers = asked(lab, [big, deep, many, *({"expr": expr} for expr in HOSTILE), {"expr": "'alive'"}])
    equal(answers[-1], {"value": {"string": "alive"}}, "the answer to the last line")
    expect("error" in answers[0] and "error" in answers[1] and "error" in answers[2], "errors for what is too much", answers[:3])
    took = time.monotonic() - started
    expect(took < 10, "an end within 10 seconds", took)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    # What this process has is its child's too, until that has become the program.
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    expect(peak <= max(before, own, 200 << 10), "under 200 MB", peak)


@check("eval --jsonl: a long stream is answered in constant memory")
def _(lab):
    line = json.dumps({"expr": "x.map(v, v * 2).size()", "bindings": {"x": [1, 2, 3]}}).encode() + b"\n"
    ran = run(lab, "eval", "--jsonl", stdin=line * 20_000).good()
    equal(ran.out, '{"value":{"int":"3"}}\n' * 20_000, "the answers")
    expect(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 400 << 10, "under 400 MB", "more")


PLACES = {
    "plain": ("when: kye.id == 'x'", "kye"),
    "plain over two lines": ("when: request.stream &&\n      kye.id == 'x'", "kye"),
    "single quotes, doubled": ("when: 'key.id == ''a'' && kye.id == ''x'''", "kye"),
    "double quotes with escapes": ('when: "key.id == \\"a\\\\u00e9\\" && \\x6bye.id == \\"x\\""', "\\x6bye"),
    "double quotes over two lines": ('when: "request.stream && \\\n      kye.id == \'x\'"', "kye"),
    "literal": ("when: |\n      request.stream &&\n        kye.id == 'x'", "kye"),
    "folded": ("when: >-\n      request.stream &&\n\n      kye.id == 'x'", "kye"),
}


@check("an error in a condition is told where it is in the file: {form}", rows=list(PLACES))
def _(lab, form):
    when, word = PLACES[form]
    text = f"upstreams:\n  a: {{url: 'http://127.0.0.1:1', dialect: openai}}\nrules:\n  - {when}\n    tiers: [a]\n"
    file = lab.folder / "place.yaml"
    file.write_text(text)
    ran = run(lab, "--check-config", "-c", file)
    equal(ran.code, 78, "the exit code")
    line = next(number for number, line in enumerate(text.splitlines(), 1) if word in line)
    column = text.splitlines()[line - 1].index(word) + 1
    contains(ran.out + ran.err, f"place.yaml:{line}:{column}: error: rules[0].when: 'kye", "the place of the error")
