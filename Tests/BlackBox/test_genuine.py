"""Who is who: guesses of the admin key, numbers and names of the admin API, events that say they are Lark's."""

import base64
import hashlib
import json
import os
import re
import time

from checks import check, contains, equal, expect, lacks, one_of
from harness import ADMIN_KEY, served
from upstream import whole

# ---------------------------------------------------------------- the admin key


@check("after ten wrong admin keys on {path} an address waits, longer each time; what it shows meanwhile is not looked at", rows=["/admin/keys", "/admin/config", "/metrics"])
def _(lab, path):
    p, _up = lab.simple()
    statuses = [p.send("GET", path, key=f"guess-{i}").status for i in range(10)]
    equal(set(statuses), {403}, "the first ten")
    answer = p.send("GET", path, key="guess-10")
    equal(answer.status, 429, "the eleventh")
    expect(1 <= int(answer.header("retry-after")) <= 2, "retry-after", answer.header("retry-after"))
    equal(p.send("GET", path, key=ADMIN_KEY).status, 429, "the right key during the pause")
    served(p.ask(), "a client's request meanwhile")
    time.sleep(1.2)
    equal(p.send("GET", path, key="guess-11").status, 403, "a guess after the pause")
    answer = p.send("GET", path, key="guess-12")
    equal((answer.status, answer.header("retry-after")), (429, "2"), "status and retry-after of the next")
    time.sleep(2.2)
    equal(p.send("GET", path, key=ADMIN_KEY).status, 200, "the right key after the pause")
    equal({p.send("GET", path, key=f"later-{i}").status for i in range(9)}, {403}, "the right key forgets the guesses")


@check("wrong admin keys are logged as what they are, once in a while, and counted")
def _(lab):
    p, _up = lab.simple()
    for i in range(60):
        p.send("GET", "/admin/keys", key=f"guess-{i}")
    lines = [line for line in p.output().splitlines() if "admin key refused" in line]
    equal(len(lines), 1, "lines")
    contains(lines[0], "127.0.0.1", "the line")
    lacks(p.output(), "guess-", "the log")
    time.sleep(1.1)
    text = p.admin("GET", "/metrics").body.decode()
    contains(text, 'proxyd_admin_keys_refused_total{result="wrong"} 10', "metrics")
    contains(text, 'proxyd_admin_keys_refused_total{result="paused"} 50', "metrics")


@check("no key, and the dashboard's page, are no guesses")
def _(lab):
    p, _up = lab.simple()
    equal({p.send("GET", "/admin/keys", key=None).status for _ in range(30)}, {401}, "without a key")
    equal({p.send("GET", "/admin/", key=None).status for _ in range(30)}, {200}, "the page")
    equal(p.admin("GET", "/admin/keys").status, 200, "the right key")


# ---------------------------------------------------------------- numbers and names

EXPIRES = {
    "9223372036854775807": 400, "9223372036854775806": 400, "4611686018427387904": 400, "253402300800000": 400, "-1": 400,
    "-9223372036854775808": 400, "1e300": 400, "1e999": 400, "0.5": 400, "true": 400, '"soon"': 400, '"1900000000"': 400, "[]": 400,
    '"10000-01-01T00:00:00Z"': 400, '"2030-02-30T00:00:00Z"': 400, "0": 400, "NaN": 400, "1900000000": 200, "1900000000000": 200,
    "253402300799": 200, "1900000000.75": 200, '"30d"': 200, '"90m"': 200, '"0s"': 400, '"9999-12-31T23:59:59Z"': 200, '"2031-01-01T00:00:00+05:30"': 200, "null": 200,
    '"2031-02-29"': 400, '"2031-03-31"': 200,
}


@check("expires {written} is a {status}, and all keys can be listed, also after a restart", rows=list(EXPIRES.items()))
def _(lab, written, status):
    p, _up = lab.simple()
    answer = p.send("POST", "/admin/keys", ('{"name":"a","expires":%s}' % written).encode(), ADMIN_KEY, {"Content-Type": "application/json"})
    equal(answer.status, status, "the status")
    p.get("/admin/keys")
    p.restart()
    keys = {key["name"]: key for key in p.get("/admin/keys")["keys"]}
    equal("a" in keys, status == 200, "whether the key is there")
    if status == 200 and written != "null":
        expect(re.match(r"\d{4}-\d\d-\d\dT", keys["a"]["expires"]), "a time of four digits", keys["a"]["expires"])


NAMES = {
    "blank": (" ", 400), "control": ("a\x07b", 400), "zero width": ("a\u200bb", 400), "right to left": ("a\u202eb", 400),
    "byte order mark": ("\ufeffa", 400), "no-break space": ("a\u00a0b", 400), "hangul filler": ("\u3164", 400), "line separator": ("a\u2028b", 400),
    "soft hyphen": ("a\u00adb", 400), "private use": ("\ue000", 400), "tag": ("a\U000e0041", 400), "201 bytes": ("x" * 201, 400),
    "200 bytes": ("x" * 200, 200), "a replacement": ("a\ufffdb", 400), "accents": ("Zoë 日本", 200), "around": ("  bob\t\n", 200),
}


@check("a key's name ({what}) is trimmed, visible and bounded", rows=list(NAMES))
def _(lab, what):
    name, status = NAMES[what]
    p, _up = lab.simple()
    answer = p.admin("POST", "/admin/keys", {"name": name})
    equal(answer.status, status, "the status")
    equal([key["name"] for key in p.get("/admin/keys")["keys"] if key["name"] != "user"], [name.strip()] if status == 200 else [], "the names")


@check("a name is one key's: {how} is a 409", rows=["the same again", "with blanks around", "in another normal form", "a declared key's"])
def _(lab, how):
    p, _up = lab.simple()
    p.create_key("José")
    again = {"the same again": "José", "with blanks around": " José ", "in another normal form": "Jose\u0301", "a declared key's": "user"}[how]
    answer = p.admin("POST", "/admin/keys", {"name": again})
    equal(answer.status, 409, "the status")
    equal(answer.json()["error"]["type"], "conflict", "the type")
    key = [key for key in p.get("/admin/keys")["keys"] if key["name"] == "José"][0]
    equal(p.admin("DELETE", f"/admin/keys/{key['id']}").status, 200, "deleting it")
    if how != "a declared key's":
        equal(p.admin("POST", "/admin/keys", {"name": again}).status, 200, "the name of a deleted key")


@check("a name that a declared key takes over from the file is ambiguous, with the ids in the message")
def _(lab):
    p, _up = lab.simple()
    made = p.create_key("ci")
    p.config.write_text(p.config.read_text().replace("keys: [", "keys: [{name: ci, key: sk-declared-ci-0123456789abcdef}, "))
    equal(p.admin("POST", "/admin/reload").status, 200, "the reload")
    for method, tail in (("POST", "/disable"), ("POST", "/enable"), ("DELETE", ""), ("GET", "/usage")):
        answer = p.admin(method, f"/admin/keys/ci{tail}")
        equal(answer.status, 409, f"the status of {method} {tail}")
        contains(answer.body.decode(), made["id"], "the message")
    equal(p.admin("POST", f"/admin/keys/{made['id']}/disable").status, 200, "by its id")


@check("what a new key cannot be ({what}) is a 4xx that says why", rows=["an unknown policy", "an unknown member", "a member twice", "33 tags", "a long tag", "an invisible tag", "half a pair", "half a pair in a tag", "half a pair as a tag", "no UTF-8", "2 MiB"])
def _(lab, what):
    p, _up = lab.simple()
    body = {
        "an unknown policy": b'{"name":"a","policy":"nope"}', "an unknown member": b'{"name":"a","polcy":"default"}',
        "a member twice": b'{"name":"a","name":"b"}', "33 tags": json.dumps({"name": "a", "tags": {f"t{i}": "x" for i in range(33)}}).encode(),
        "a long tag": json.dumps({"name": "a", "tags": {"t": "x" * 300}}).encode(), "an invisible tag": json.dumps({"name": "a", "tags": {"t": "\u200b"}}).encode(),
        "half a pair": b'{"name":"a\\ud800b"}', "half a pair in a tag": b'{"name":"a","tags":{"t":"\\udfff"}}', "half a pair as a tag": b'{"name":"a","tags":{"\\ud83d":"t"}}',
        "no UTF-8": b'{"name":"a\xff"}', "2 MiB": json.dumps({"name": "a" * (2 << 20)}).encode(),
    }[what]
    answer = p.send("POST", "/admin/keys", body, ADMIN_KEY, {"Content-Type": "application/json"})
    one_of(answer.status, (400, 413), "the status")
    expect(len(answer.json()["error"]["message"]) > 10, "a message")
    equal([key["name"] for key in p.get("/admin/keys")["keys"]], ["user"], "the keys")


@check("date={date} of usage is a {status}", rows=[("2026-02-31", 400), ("2026-13-01", 400), ("9999-12-31", 200), ("0000-01-01", 200), ("10000-01-01", 400), ("2026-02-29", 400), ("2024-02-29", 200), ("-026-01-01", 400), ("x", 400)])
def _(lab, date, status):
    p, _up = lab.simple()
    for path in ("daily", "hourly"):
        equal(p.admin("GET", f"/admin/usage/{path}?date={date}").status, status, path)


# ---------------------------------------------------------------- Lark

ENCRYPT_KEY = "the-encrypt-key"
CARD = b'{"schema":"2.0","header":{"event_type":"card.action.trigger"},"event":{"x":1}}'


def _lark(lab, more=f"encrypt_key: {ENCRYPT_KEY}"):
    target = lab.upstream()
    target.reply(whole({"toast": "done"}))
    p, _up = lab.simple(f"""
lark:
  app_id: cli_example
  app_secret: private-app-secret
  token_file: '@DIR@/token.json'
  forward_cards_to: '{target.url}/w'
  {more}
""")
    return p, target


def _event(p, body, at=None, nonce="n", key=ENCRYPT_KEY, signature=None, headers=None):
    at = str(int(time.time()) if at is None else at)
    signature = signature or hashlib.sha256((at + nonce + key).encode() + body).hexdigest()
    headers = headers or {"X-Lark-Request-Timestamp": at, "X-Lark-Request-Nonce": nonce, "X-Lark-Signature": signature}
    return p.send("POST", "/oauth/callback", body, None, {**headers, "Content-Type": "application/json"})


@check("a signature that is {age} s old is {what}", rows=[(0, "taken"), (290, "taken"), (-290, "taken"), (310, "refused"), (-310, "refused"), (10**9, "refused")])
def _(lab, age, what):
    p, target = _lark(lab)
    answer = _event(p, CARD, int(time.time()) - age)
    equal(answer.status, 200 if what == "taken" else 403, "the status")
    equal(len(target.requests), 1 if what == "taken" else 0, "what was passed on")


@check("a signed event counts once, however its signature is written")
def _(lab):
    p, target = _lark(lab)
    at, nonce = str(int(time.time())), "12"
    digest = hashlib.sha256((at + nonce + ENCRYPT_KEY).encode() + CARD).hexdigest()
    equal(_event(p, CARD, at, nonce).status, 200, "the first time")
    equal(_event(p, CARD, at, nonce).status, 403, "the second time")
    equal(_event(p, CARD, at, nonce, signature=digest.upper()).status, 403, "in capitals")
    equal(_event(p, CARD, at + "1", "2", signature=digest).status, 403, "with a digit of the nonce in the timestamp")
    equal(len(target.requests), 1, "what was passed on")
    equal(_event(p, CARD, at, "13").status, 200, "another nonce")


@check("everything about an event that does not fit has one answer")
def _(lab):
    p, target = _lark(lab, f"encrypt_key: {ENCRYPT_KEY}\n  verification_token: verify-me")
    seen = set()

    def note(answer):
        seen.add((answer.status, answer.body))

    for body in (b"", b"nonsense", b"{}", b"[]", CARD, b'{"encrypt":""}', b'{"encrypt":7}', b'{"encrypt":"!"}', b'{"challenge":"x"}'):
        note(_event(p, body, headers={"X-Other": "1"}))
        note(_event(p, body, key="another"))
        note(_event(p, body, 1_500_000_000))
    note(_event(p, CARD))  # genuine, but without the token
    for length in (16, 32, 48, 64, 4096):
        for _ in range(60):
            body = json.dumps({"encrypt": base64.b64encode(os.urandom(length)).decode()}).encode()
            note(_event(p, body, headers={"X-Other": "1"}))
    equal(len(seen), 1, "kinds of answers")
    equal(next(iter(seen))[0], 403, "the status")
    equal(target.requests, [], "what was passed on")


@check("the token file's folder is made, for its owner alone")
def _(lab):
    lark = lab.upstream()
    lark.reply(whole({"code": 0, "app_access_token": "a"}), path="/open-apis/auth/v3/app_access_token/internal")
    lark.reply(whole({"code": 0, "data": {"access_token": "u"}}), path="/open-apis/authen/v1/oidc/access_token")
    p, _up = lab.simple(f"""
lark: {{app_id: a, app_secret: private-app-secret, token_file: '@DIR@/new/deep/token.json', api: '{lark.url}', check_state: false}}
""")
    equal(p.send("GET", "/oauth/callback?code=x", key=None).status, 200, "the status")
    path = p.folder / "new" / "deep" / "token.json"
    equal([oct(place.stat().st_mode & 0o777) for place in (path, path.parent, path.parent.parent)], ["0o600", "0o700", "0o700"], "the modes")
