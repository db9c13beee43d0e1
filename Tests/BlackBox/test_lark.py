"""Lark: the login with its signed state, the token that is stored, card callbacks that are passed on."""

import hashlib
import json
import select
import stat
import time
from urllib.parse import parse_qs, urlparse

from checks import check, contains, equal, eventually, expect, lacks, one_of
from harness import served
from upstream import after, drop, status, whole

TOKEN = {
    "access_token": "u-private-access",
    "refresh_token": "ur-private-refresh",
    "token_type": "Bearer",
    "expires_in": 6900,
    "refresh_expires_in": 2591700,
    "scope": "auth:user.id:read",
    "name": "Grüße",
}
APP = "/open-apis/auth/v3/app_access_token/internal"
USER = "/open-apis/authen/v1/oidc/access_token"


def _lark(lab, more="", user=None, app=None, **keywords):
    """proxyd with a `lark` section, and the Lark it talks to."""
    lark = lab.upstream()
    lark.reply(app or whole({"code": 0, "msg": "ok", "app_access_token": "a-private-app", "expire": 7200}), path=APP)
    lark.reply(user or whole({"code": 0, "msg": "success", "data": TOKEN}), path=USER)
    p, _up = lab.simple(
        f"""
lark:
  app_id: cli_example
  app_secret: private-app-secret
  token_file: '@DIR@/token.json'
  api: '{lark.url}'
  {more}
""",
        **keywords,
    )
    return p, lark


def _state(p):
    answer = p.send("GET", "/oauth/login", key=None)
    one_of(answer.status, (302, 303, 307), "the status of /oauth/login")
    return parse_qs(urlparse(answer.header("location")).query)["state"][0]


def _callback(p, state=None, code="the-code", more=""):
    query = f"code={code}" + (f"&state={state}" if state is not None else "") + more
    return p.send("GET", f"/oauth/callback?{query}", key=None)


def _post(p, value, headers=()):
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return p.send("POST", "/oauth/callback", body, key=None, headers=headers)


@check("GET /oauth/login redirects to Lark with app_id, redirect_uri and a state")
def _(lab):
    p, lark = _lark(lab)
    answer = p.send("GET", "/oauth/login", key=None, headers={"Host": "proxy.example.com"})
    one_of(answer.status, (302, 303, 307), "the status")
    location = urlparse(answer.header("location"))
    query = parse_qs(location.query)
    equal(f"{location.scheme}://{location.netloc}", lark.url, "where it redirects to")
    equal(query["app_id"], ["cli_example"], "app_id")
    contains(query["redirect_uri"][0], "/oauth/callback", "redirect_uri")
    expect(len(query["state"][0]) >= 16, "a state that cannot be guessed", query)
    lacks(answer.header("location"), "private-app-secret", "location")


@check("each login has a state of its own")
def _(lab):
    p, _lark_ = _lark(lab)
    equal(len({_state(p) for _ in range(5)}), 5, "different states")


@check("a callback with a good state stores the user's token, mode 0600, and says so")
def _(lab):
    p, lark = _lark(lab)
    answer = _callback(p, _state(p))
    equal(answer.status, 200, "the status")
    contains(answer.header("content-type") or "", "text/", "the content type")
    for secret in ("u-private-access", "ur-private-refresh", "a-private-app", "private-app-secret"):
        lacks(answer.text, secret, "the page")
    equal(json.loads((p.folder / "token.json").read_text()), TOKEN, "the token file")
    equal(stat.S_IMODE((p.folder / "token.json").stat().st_mode), 0o600, "the mode of the token file")
    equal([r.target for r in lark.requests], [APP, USER], "what Lark was asked")
    app, user = lark.requests
    equal((app.method, app.json()), ("POST", {"app_id": "cli_example", "app_secret": "private-app-secret"}), "the first request")
    equal(user.header("authorization"), "Bearer a-private-app", "authorization of the second")
    equal((user.json()["grant_type"], user.json()["code"]), ("authorization_code", "the-code"), "the second request's body")
    equal([path.name for path in p.folder.iterdir() if "token" in path.name], ["token.json"], "files beside it")


@check("a second login replaces the token file as a whole")
def _(lab):
    p, lark = _lark(lab)
    _callback(p, _state(p))
    lark.reply(whole({"code": 0, "data": {"access_token": "second"}}), path=USER)
    equal(_callback(p, _state(p)).status, 200, "the status")
    equal(json.loads((p.folder / "token.json").read_text()), {"access_token": "second"}, "the token file")
    equal(stat.S_IMODE((p.folder / "token.json").stat().st_mode), 0o600, "the mode of the token file")


@check("what Lark says against it is shown, escaped, and nothing is stored ({step})", rows=["app token", "user token"])
def _(lab, step):
    no = whole({"code": 20003, "msg": "bad <script>alert('x')</script> & \"code\""})
    p, lark = _lark(lab, user=no if step == "user token" else None, app=no if step == "app token" else None)
    answer = _callback(p, _state(p))
    lacks(answer.text, "<script", "the page")
    contains(answer.text, "alert", "the page tells Lark's words")
    contains(answer.text, "20003" if "20003" in answer.text else "&lt;script", "the page")
    expect(not (p.folder / "token.json").exists(), "no token file")
    equal(len(lark.requests), 2 if step == "user token" else 1, "requests at Lark")


@check("Lark that is {what} makes a page that says so, and nothing is stored", rows=["silent", "broken", "no JSON", "a 500"])
def _(lab, what):
    reply = {"silent": after(20, drop), "broken": drop, "no JSON": whole(b"<html>"), "a 500": status(500, b"{}")}[what]
    p, _lark_ = _lark(lab, user=reply)
    begun = time.monotonic()
    answer = _callback(p, _state(p))
    expect(answer.status >= 200 and answer.text, "a page", repr(answer))
    expect(time.monotonic() - begun < 16, "an answer in less than 16 s")
    expect(not (p.folder / "token.json").exists(), "no token file")
    served(p.ask())


STATES = {
    "none": lambda s: None,
    "an empty one": lambda s: "",
    "a wrong one": lambda s: "0" * len(s),
    "one with its last character changed": lambda s: s[:-1] + ("A" if s[-1] != "A" else "B"),
    "one with its first character changed": lambda s: ("A" if s[0] != "A" else "B") + s[1:],
    "one that is cut": lambda s: s[:-4],
    "one with more behind it": lambda s: s + "AAAA",
}


@check("a callback with a state that is not ours ({what}) is refused and Lark is not asked", rows=list(STATES))
def _(lab, what):
    p, lark = _lark(lab)
    answer = _callback(p, STATES[what](_state(p)))
    expect(400 <= answer.status < 500, "a 4xx", repr(answer))
    equal(lark.requests, [], "requests at Lark")
    expect(not (p.folder / "token.json").exists(), "no token file")


@check("a state of another proxyd is refused")
def _(lab):
    p, lark = _lark(lab)
    other, _ = _lark(lab)
    expect(400 <= _callback(p, _state(other)).status < 500, "a 4xx")
    equal(lark.requests, [], "requests at Lark")


@check("with check_state: false any state will do, and none")
def _(lab):
    p, lark = _lark(lab, "check_state: false")
    equal(_callback(p, "made-elsewhere").status, 200, "the status with a foreign state")
    equal(_callback(p).status, 200, "the status without a state")
    equal(len(lark.requests), 4, "requests at Lark")


@check("a callback without a code is refused; the error of the user who said no is shown escaped")
def _(lab):
    p, lark = _lark(lab)
    expect(400 <= p.send("GET", f"/oauth/callback?state={_state(p)}", key=None).status < 500, "a 4xx without a code")
    answer = p.send("GET", f"/oauth/callback?error=access_denied%3Cscript%3E&state={_state(p)}", key=None)
    expect(answer.status < 500, "no error of ours", repr(answer))
    lacks(answer.text, "<script", "the page")
    equal(lark.requests, [], "requests at Lark")


@check("a code from the URL is escaped on its way to Lark and never logged, nor is a token")
def _(lab):
    p, lark = _lark(lab)
    _callback(p, _state(p), code="private%22%2C%22x%22%3A%22code")
    equal(lark.requests[1].json()["code"], 'private","x":"code', "the code at Lark")
    p.stop()
    for name, data in p.written().items():
        for secret in (b"private%22", b"u-private-access", b"a-private-app", b"private-app-secret"):
            lacks(data, secret, f"what proxyd wrote to {name}")


# ---------------------------------------------------------------- events


@check("a challenge is answered with itself")
def _(lab):
    p, _lark_ = _lark(lab)
    answer = _post(p, {"challenge": 'ajls384kdjx98XX"ü', "token": "xxxxxx", "type": "url_verification"})
    equal((answer.status, answer.json()), (200, {"challenge": 'ajls384kdjx98XX"ü'}), "status and body")


CARD = {
    "schema": "2.0",
    "header": {"event_id": "e1", "event_type": "card.action.trigger", "token": "verify-me"},
    "event": {"action": {"value": {"x": 1.0}}, "operator": {"open_id": "ou_1"}},
}


@check(
    "a {kind} event is passed on byte for byte, and its answer returned", rows=["card.action.trigger", "card.action.trigger_v1"]
)
def _(lab, kind):
    target = lab.upstream()
    target.reply(whole(b'{ "toast" : {"type":"success","content":"gr\xc3\xbc\xc3\x9f"} }'))
    p, lark = _lark(lab, f"forward_cards_to: '{target.url}/webhook/lark?x=1'")
    body = json.dumps(CARD, indent=3).replace("card.action.trigger", kind).encode()
    answer = _post(p, body, {"Content-Type": "application/json"})
    equal(
        (answer.status, answer.body), (200, b'{ "toast" : {"type":"success","content":"gr\xc3\xbc\xc3\x9f"} }'), "status and body"
    )
    contains(answer.header("content-type") or "", "application/json", "the content type")
    equal((target.last.method, target.last.target, target.last.body), ("POST", "/webhook/lark?x=1", body), "what was passed on")
    equal(lark.requests, [], "requests at Lark")


@check("a card event whose receiver is {what} is answered within 5 s and a little", rows=["silent", "gone", "a 500"], seconds=30)
def _(lab, what):
    target = lab.upstream()
    target.reply({"silent": after(15, drop), "gone": drop, "a 500": status(500, b'{"e":1}')}[what])
    p, _lark_ = _lark(lab, f"forward_cards_to: '{target.url}/w'")
    begun = time.monotonic()
    answer = _post(p, CARD)
    took = time.monotonic() - begun
    expect(answer.status >= 200, "an answer", repr(answer))
    expect(took < 7, "an answer within 7 s", took)
    served(p.ask())


@check("other events are answered with status ok and not passed on")
def _(lab):
    target = lab.upstream()
    p, _lark_ = _lark(lab, f"forward_cards_to: '{target.url}/w'")
    for kind in ("im.message.receive_v1", "contact.user.created_v3", "a.card.action.trigger"):
        answer = _post(p, {"schema": "2.0", "header": {"event_type": kind}, "event": {}})
        equal((answer.status, answer.json()), (200, {"status": "ok"}), f"status and body for {kind}")
    equal(target.requests, [], "what was passed on")


@check("a card event without forward_cards_to is answered")
def _(lab):
    p, _lark_ = _lark(lab)
    answer = _post(p, CARD)
    expect(answer.status == 200 and isinstance(answer.json(), dict), "200 and a JSON object", repr(answer))


@check(
    "a body that is no event ({what}) is a 4xx or ok, never an error of ours",
    rows=["no JSON", "an array", "empty", "deep nesting"],
)
def _(lab, what):
    p, _lark_ = _lark(lab)
    body = {"no JSON": b"<xml/>", "an array": b"[1]", "empty": b"", "deep nesting": b"[" * 100_000 + b"]" * 100_000}[what]
    expect(_post(p, body).status < 500, "a status below 500")
    served(p.ask())


@check("lark.verification_token: an event with another token is refused")
def _(lab):
    target = lab.upstream()
    target.reply(whole({"ok": True}))
    p, _lark_ = _lark(lab, f"forward_cards_to: '{target.url}/w'\n  verification_token: verify-me")
    equal(_post(p, CARD).status, 200, "the status with the right token")
    wrong = {**CARD, "header": {**CARD["header"], "token": "other"}}
    for event in (
        wrong,
        {**CARD, "header": {"event_type": "card.action.trigger"}},
        {"challenge": "x", "token": "other", "type": "url_verification"},
    ):
        expect(400 <= _post(p, event).status < 500, "a 4xx for another token")
    equal(len(target.requests), 1, "what was passed on")
    equal(
        _post(p, {"challenge": "x", "token": "verify-me", "type": "url_verification"}).json(), {"challenge": "x"}, "a challenge"
    )


# Made once with AES-256-CBC, key = SHA-256("the-encrypt-key"), the IV in front, as Lark does it.
SEALED_CHALLENGE = (
    "AAECAwQFBgcICQoLDA0OD6hWAmNJ+YxAW7KFIBvv5BMpytYWIo4w1uKN00BJCYMegWfT2f08azCbHs25Wt4rHM5jiMAQIyyQr0CR6u7/qc22yp"
    "l8L9AuJ5xUx28BPI2Q"
)
SEALED_CARD = (
    "EBESExQVFhcYGRobHB0eH92LVeWZ3v22d4ZT5uOkezSQsl0gd5JuefgJC+iXTKVg+k5aETcjV4ibihOnqSYTRbfW902RT9TAk52LGx1r6N1MiZ"
    "GNNL1dvVRHyZQWXLacSi6jUou6idA1J0DEou28Xtb1cmaR9qJK9nSR68SXFuucBb4NYkoNTFqtjFJu3m1e"
)


def _signed(body, key=b"the-encrypt-key", at=None):
    at = str(int(time.time()) if at is None else at)
    return {
        "X-Lark-Request-Timestamp": at,
        "X-Lark-Request-Nonce": "nonce-1",
        "Content-Type": "application/json",
        "X-Lark-Signature": hashlib.sha256(at.encode() + b"nonce-1" + key + body).hexdigest(),
    }


@check("lark.encrypt_key: a sealed challenge is opened and answered")
def _(lab):
    p, _lark_ = _lark(lab, "encrypt_key: the-encrypt-key")
    body = json.dumps({"encrypt": SEALED_CHALLENGE}).encode()
    answer = _post(p, body, _signed(body))
    equal((answer.status, answer.json()), (200, {"challenge": "sealed-challenge"}), "status and body")


@check("lark.encrypt_key: a sealed and signed card event is passed on, one with a wrong signature is not")
def _(lab):
    target = lab.upstream()
    target.reply(whole({"toast": {}}))
    p, _lark_ = _lark(lab, f"forward_cards_to: '{target.url}/w'\n  encrypt_key: the-encrypt-key")
    body = json.dumps({"encrypt": SEALED_CARD}).encode()
    answer = _post(p, body, _signed(body))
    equal((answer.status, answer.json()), (200, {"toast": {}}), "status and body")
    equal(len(target.requests), 1, "what was passed on")
    for headers in (_signed(body, b"another key"), _signed(body + b" "), {**_signed(body), "X-Lark-Request-Nonce": "nonce-2"}):
        expect(400 <= _post(p, body, headers).status < 500, "a 4xx for a wrong signature")
    broken = json.dumps({"encrypt": SEALED_CARD[:-8] + "AAAAAAA="}).encode()
    expect(400 <= _post(p, broken, _signed(broken)).status < 500, "a 4xx for a body that does not open")
    equal(len(target.requests), 1, "what was passed on afterwards")


@check("lark.encrypt_key: a signed event counts once, also after a restart ({how})", rows=["in order", "killed"])
def _(lab, how):
    target = lab.upstream()
    target.reply(whole({"toast": {}}))
    p, _lark_ = _lark(lab, f"forward_cards_to: '{target.url}/w'\n  encrypt_key: the-encrypt-key")
    body = json.dumps({"encrypt": SEALED_CARD}).encode()
    headers = _signed(body)
    equal(_post(p, body, headers).status, 200, "the first time")
    p.restart(hard=how == "killed")
    equal(_post(p, body, headers).status, 403, "the same after a restart")
    equal(len(target.requests), 1, "what was passed on")


@check("lark.encrypt_key: an event that is not sealed is refused")
def _(lab):
    target = lab.upstream()
    p, _lark_ = _lark(lab, f"forward_cards_to: '{target.url}/w'\n  encrypt_key: the-encrypt-key")
    expect(400 <= _post(p, CARD).status < 500, "a 4xx")
    equal(target.requests, [], "what was passed on")


@check("without a lark section the paths are a 404")
def _(lab):
    p, _up = lab.simple()
    for method, path in (("GET", "/oauth/login"), ("GET", "/oauth/callback?code=x"), ("POST", "/oauth/callback")):
        equal(p.send(method, path, b"{}" if method == "POST" else None, key=None).status, 404, f"the status of {method} {path}")


@check("a reload brings the lark section")
def _(lab):
    p, _up = lab.simple()
    p.config.write_text(p.config.read_text() + "lark: {app_id: cli_x, app_secret: private-secret, token_file: /tmp/none}\n")
    eventually(lambda: p.send("GET", "/oauth/login", key=None).status in (302, 303, 307), "a redirect of /oauth/login", 6)


@check("of strangers' long callbacks few are kept before they are whole, and a real one of 60 KiB is taken")
def _(lab):
    p, _lark_ = _lark(lab)
    head = b"POST /oauth/callback HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 60000\r\n\r\n"
    def begin(count):
        connection = p.connect()
        connection.send(head + b'{"a":"' + b"x" * count)
        return connection
    short = [begin(8000) for _ in range(40)]
    value = {"header": {"event_type": "im.message.receive_v1"}, "event": "x" * 60000}
    equal(_post(p, value).json(), {"status": "ok"}, "the answer to a long one")
    # Those that grow long are few; the rest are told so.
    long = [begin(40000) for _ in range(20)]
    time.sleep(1)
    refused = [connection for connection in long if select.select([connection.socket], [], [], 0)[0]]
    equal(len(refused), 12, "those that are refused")
    equal(refused[0].answer("POST").status, 503, "the status")
    for connection in long:
        connection.close()
    eventually(lambda: _post(p, value).status == 200, "a long one is taken again")
    for connection in short:
        connection.close()
