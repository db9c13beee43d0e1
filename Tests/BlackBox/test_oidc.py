"""Logins by OpenID Connect: there and back with PKCE, what an ID token has to be, and what its claims give."""

import re
import time
from urllib.parse import parse_qs, urlencode, urlparse

from check_config import GOOD, Checked
from checks import check, contains, equal, eventually, expect, lacks, one_of
from harness import ADMIN_KEY
from issuer import KEYS, Browser, Issuer, url64
from upstream import status

ROLES = "'ops' in claims.groups ? 'admin' : 'staff' in claims.groups ? 'viewer' : ''"
SECRETS = ("private client secret", "private-code", "private-access")


def _house(lab, roles=ROLES, more="", admin="", **keywords):
    issuer = Issuer(lab, **keywords)
    p, _up = lab.simple(f"admin: {{key: {ADMIN_KEY}, {admin}{issuer.section(roles, more)}}}")
    return p, issuer


def _refused(p, browser, answer, code=403):
    equal(answer.status, code, "the status")
    contains(answer.header("content-type"), "text/html", "the content type")
    expect("proxyd_session" not in browser.cookies, "no session", browser.set)
    equal(browser.go("/admin/keys").status, 401, "the status of a call after it")
    _silent(p)


def _silent(p):
    for secret in SECRETS:
        lacks(p.output(), secret, "the log")


@check("there and back: {key} signs, {method} shows the secret, and the cookie opens the admin plane", rows=[
    ("first", "client_secret_basic"), ("curve", "client_secret_post"),
])
def _(lab, key, method):
    p, issuer = _house(lab, method=method, path="/realms/main" if key == "curve" else "")
    issuer.key, issuer.published = KEYS[key], [KEYS["second"], KEYS[key]]
    browser = Browser(p)
    answer = browser.login(issuer)
    equal((answer.status, urlparse(answer.header("location")).path), (302, "/admin/"), "the end of the login")
    session = next(value for value in browser.set if value.startswith("proxyd_session="))
    for part in ("HttpOnly", "SameSite=", "Path=/admin"):
        contains(session, part, "the session's cookie")
    lacks(session, "Secure", "a cookie given over plain HTTP")
    equal(browser.go("/admin/keys").status, 200, "the status of a call")
    equal(browser.go("/admin/keys", "POST", b'{"name":"made"}').status, 200, "the status of a change")
    entries = [(e["who"], e["action"], e["result"]) for e in p.get("/admin/audit")["audit"]]
    contains(entries, ("ann@example.com", "key.create", "ok"), "the audit log")
    contains(entries, ("ann@example.com", "session.begin", "ok"), "the audit log")
    _silent(p)


@check("the login names state, nonce and challenge anew each time, and comes back to the address it began at")
def _(lab):
    p, issuer = _house(lab)
    seen = []
    for _n in range(3):
        answer = Browser(p, "proxy.example.com:8443").go("/admin/oidc/login")
        query = parse_qs(urlparse(answer.header("location")).query)
        equal(query["redirect_uri"], ["http://proxy.example.com:8443/admin/oidc/callback"], "redirect_uri")
        seen.append((query["state"][0], query["nonce"][0], query["code_challenge"][0]))
        expect(all(len(text) >= 22 for text in seen[-1]), "texts that cannot be guessed", seen)
    equal(len({text for row in seen for text in row}), 9, "different texts")
    equal(issuer.asked["discovery"], 1, "questions for the issuer's configuration")
    equal(Browser(p).go("/admin/oidc/login", "HEAD").status, 302, "the status of HEAD")
    equal(Browser(p).go("/admin/oidc/login", "POST").status, 405, "the status of POST")


@check("behind a trusted proxy that speaks TLS, and only then, it comes back by https and the cookie is Secure")
def _(lab):
    issuer = Issuer(lab)
    config = f"admin: {{key: {ADMIN_KEY}, {issuer.section(ROLES)}}}\n"
    p, _up = lab.simple(config + "trusted_proxies: [127.0.0.1]")
    q, _up = lab.simple(config)
    for proxy, scheme in ((p, "https"), (q, "http")):
        answer = Browser(proxy).go("/admin/oidc/login", headers=[("X-Forwarded-Proto", "https")])
        contains(answer.header("location"), f"redirect_uri={scheme}%3A%2F%2F", "the location")
        equal("Secure" in answer.header("set-cookie"), scheme == "https", "whether the cookie is Secure")


@check("redirect_url is taken as it is written")
def _(lab):
    p, issuer = _house(lab, more="redirect_url: 'https://proxy.example/admin/oidc/callback'")
    browser = Browser(p)
    answer = browser.go("/admin/oidc/login")
    contains(answer.header("location"), urlencode({"redirect_uri": "https://proxy.example/admin/oidc/callback"}), "the location")
    equal(browser.go(issuer.authorize(answer.header("location"))).status, 302, "the status of the callback")


PEOPLE = {  # claims -> the status of the callback, of a look, of a change
    "an admin": ({"groups": ["ops"]}, 302, 200, 200),
    "a viewer": ({"groups": ["staff"]}, 302, 200, 403),
    "nobody": ({"groups": ["guests"]}, 403, 401, 401),
    "somebody without the claim": ({"groups": None}, 403, 401, 401),
    "somebody whose claim is a text": ({"groups": 3}, 403, 401, 401),
}


@check("{who} may do what the expression gives", rows=list(PEOPLE))
def _(lab, who):
    p, issuer = _house(lab)
    claims, back, look, change = PEOPLE[who]
    issuer.claims = {"sub": "u-7", "email": "eve@example.com", **claims}
    browser = Browser(p)
    answer = browser.login(issuer)
    equal(answer.status, back, "the status of the callback")
    equal(browser.go("/admin/keys").status, look, "the status of a look")
    equal(browser.go("/admin/reload", "POST").status, change, "the status of a change")
    if back == 403:
        contains(answer.text, "eve@example.com", "the page")
        contains(p.output(), "login without a role", "the log")


@check("claims are seen whole: nested, numbers, lists of objects")
def _(lab):
    roles = "claims.realm.roles.exists(r, r.name == 'chief' && r.level >= 3) && claims.acr == 1.5 ? 'admin' : ''"
    p, issuer = _house(lab, roles)
    issuer.claims = {"sub": "u", "acr": 1.5, "realm": {"roles": [{"name": "x", "level": 9}, {"name": "chief", "level": 3}]}}
    equal(Browser(p).login(issuer).status, 302, "the status of the callback")
    issuer.claims["realm"]["roles"][1]["level"] = 2
    equal(Browser(p).login(issuer).status, 403, "the status of the callback")


@check("a role that is none is no role")
def _(lab):
    p, issuer = _house(lab, "claims.role")
    issuer.claims["role"] = "<b>root</b>"
    browser = Browser(p)
    answer = browser.login(issuer)
    lacks(answer.text, "<b>root", "the page")
    _refused(p, browser, answer)


BAD = {  # what is wrong -> how the issuer comes to say it
    "another audience": lambda i: i.claims.update(aud="other"),
    "two audiences without azp": lambda i: i.claims.update(aud=[i.client, "other"]),
    "azp of another client": lambda i: i.claims.update(azp="other"),
    "another issuer": lambda i: i.claims.update(iss="http://127.0.0.1:1"),
    "no issuer": lambda i: i.claims.update(iss=None),
    "an exp that is over": lambda i: i.claims.update(exp=int(time.time()) - 120),
    "no exp": lambda i: i.claims.update(exp=None),
    "an iat of tomorrow": lambda i: i.claims.update(iat=int(time.time()) + 86400),
    "another nonce": lambda i: i.claims.update(nonce="other"),
    "no nonce": lambda i: i.claims.update(nonce=None),
    "no sub": lambda i: i.claims.update(sub=None),
    "HS256": lambda i: i.header.update(alg="HS256"),
    "none in the header, signed": lambda i: i.header.update(alg="none"),
    "an extension that must be understood": lambda i: i.header.update(crit=["b64"]),
    "the algorithm of another key": lambda i: i.header.update(alg="ES256"),
    "a key that is not published": lambda i: setattr(i, "key", KEYS["second"]),
    "a published key's id and another's signature": lambda i: (i.header.update(kid="first"), setattr(i, "key", KEYS["second"])),
    "two dots and nothing": lambda i: setattr(i, "raw_token", ".."),
    "no token at all": lambda i: setattr(i, "raw_token", "x"),
    "a token of 300 KB": lambda i: i.claims.update(padding="x" * 300_000),
    "a signature cut off": lambda i: setattr(i, "sign", lambda nonce, sign=i.sign: sign(nonce)[:-40]),
    "no signature": lambda i: setattr(i, "sign", lambda nonce, i=i, sign=i.sign: sign(nonce).rsplit(".", 1)[0] + "."),
    "claims that are no UTF-8": lambda i: setattr(
        i, "sign", lambda nonce, i=i: (h := url64(b'{"alg":"RS256","kid":"first"}') + "." + url64(b'{"sub":"\xff"}'))
        + "." + url64(i.key.sign(h.encode()))
    ),
}


@check("an ID token is refused for: {what}", rows=list(BAD))
def _(lab, what):
    p, issuer = _house(lab)
    BAD[what](issuer)
    browser = Browser(p)
    _refused(p, browser, browser.login(issuer))
    p.expect_alive()


@check("an unsigned token is refused, whatever it says")
def _(lab):
    p, issuer = _house(lab)
    sign = issuer.sign
    issuer.sign = lambda nonce: ".".join([url64(b'{"alg":"none"}'), sign(nonce).split(".")[1], ""])
    browser = Browser(p)
    _refused(p, browser, browser.login(issuer))


@check("new keys of the issuer's are fetched when one is unknown, and not more often")
def _(lab):
    p, issuer = _house(lab)
    equal(Browser(p).login(issuer).status, 302, "the status with the first key")
    equal(Browser(p).login(issuer).status, 302, "the status of a second login")
    equal(issuer.asked["keys"], 1, "questions for the keys")
    issuer.key, issuer.published = KEYS["second"], [KEYS["second"]]
    equal(Browser(p).login(issuer).status, 302, "the status with the second key")
    equal(issuer.asked["keys"], 2, "questions for the keys")
    issuer.header = {"kid": "nobody's"}
    for _n in range(12):
        one_of(Browser(p).login(issuer).status, (403, 429), "the status with an unknown key")
    expect(issuer.asked["keys"] <= 10, "few questions for the keys", issuer.asked)


@check("a callback is refused: {what}", rows=[
    "without a state", "with a made-up state", "with a state of another browser", "without the cookie", "a second time",
    "of another issuer (iss)", "without a code",
])
def _(lab, what):
    p, issuer = _house(lab)
    browser, other = Browser(p), Browser(p)
    target = issuer.authorize(browser.go("/admin/oidc/login").header("location"))
    foreign = issuer.authorize(other.go("/admin/oidc/login").header("location"))
    state = parse_qs(urlparse(target).query)["state"][0]
    asked = {
        "without a state": "/admin/oidc/callback?code=x",
        "with a made-up state": f"/admin/oidc/callback?code=x&state={state[:-1]}{'0' if state[-1] != '0' else '1'}",
        "with a state of another browser": foreign,
        "without a code": f"/admin/oidc/callback?state={state}",
        "of another issuer (iss)": target + "&iss=https%3A%2F%2Fevil.example",
    }.get(what, target)
    if what == "without the cookie":
        browser.cookies.clear()
    if what == "a second time":
        kept = dict(browser.cookies)
        equal(browser.go(target).status, 302, "the status of the first time")
        browser = Browser(p)
        browser.cookies = kept
    calls = issuer.asked["token"]
    answer = browser.go(asked)
    equal(issuer.asked["token"], calls, "questions for a token")
    _refused(p, browser, answer, 400)


@check("what the issuer says against it is shown, escaped ({where})", rows=["in the callback", "for the code"])
def _(lab, where):
    p, issuer = _house(lab)
    words = "no <script>alert('x')</script> & \"you\""
    browser = Browser(p)
    if where == "for the code":
        issuer.failure = words
        answer = browser.login(issuer)
    else:
        state = parse_qs(urlparse(browser.go("/admin/oidc/login").header("location")).query)["state"][0]
        query = urlencode({"error": "access_denied", "error_description": words, "state": state})
        answer = browser.go(f"/admin/oidc/callback?{query}")
    lacks(answer.text, "<script", "the page")
    contains(answer.text, "&lt;script", "the page")
    contains(answer.header("content-security-policy"), "default-src 'none'", "the policy of the page")
    _refused(p, browser, answer)


@check("an issuer that is {what} is told on a page, and costs nobody else anything", rows=["away", "broken", "another one"])
def _(lab, what):
    p, issuer = _house(lab)
    path = "/.well-known/openid-configuration"
    if what == "away":
        issuer.server.close()
    elif what == "broken":
        issuer.server.reply(status(500, b"private trace"), path=path)
    else:
        issuer.document["issuer"] = "https://<b>evil</b>.example"
    answer = Browser(p).go("/admin/oidc/login")
    equal(answer.status, 502, "the status")
    for part in ("<b>evil", "private trace"):
        lacks(answer.text, part, "the page")
    equal(p.send("GET", "/health", key=None).status, 200, "the status of /health")
    equal(p.admin("GET", "/admin/keys").status, 200, "the status of a call by key")


@check("an issuer that was away for a moment is asked again")
def _(lab):
    p, issuer = _house(lab)
    path = "/.well-known/openid-configuration"
    issuer.server.reply(status(503), path=path)
    equal(Browser(p).go("/admin/oidc/login").status, 502, "the status while it is away")
    issuer.server.reply(issuer._discovery, path=path)
    eventually(lambda: Browser(p).go("/admin/oidc/login").status == 302, "a login", 8)


@check("wrong callbacks count as guesses do: the address has to wait")
def _(lab):
    p, issuer = _house(lab)
    browser = Browser(p)
    browser.go("/admin/oidc/login")
    for n in range(10):
        browser.go(f"/admin/oidc/callback?code=x&state=1.{n}.ab")
    answer = browser.go("/admin/oidc/callback?code=x&state=1.2.ab")
    equal(answer.status, 429, "the status of the next")
    expect(answer.header("retry-after"), "retry-after", answer)
    equal(p.admin("GET", "/admin/keys").status, 429, "the status of a call from there")


@check("without a key in the file people log in all the same; without oidc nobody does")
def _(lab):
    issuer = Issuer(lab)
    p, _up = lab.simple(f"admin: {{{issuer.section(ROLES)}}}")
    browser = Browser(p)
    equal(browser.go("/admin/keys").status, 401, "the status without a session")
    equal(browser.go("/admin/login").json(), {"ways": [{"kind": "oidc", "begin": "/admin/oidc/login"}]}, "the ways in")
    equal(browser.login(issuer).status, 302, "the status of the callback")
    equal(browser.go("/admin/keys").status, 200, "the status of a call")
    q, _up = lab.simple()
    for target in ("/admin/oidc/login", "/admin/oidc/callback?code=x&state=y"):
        equal(q.admin("GET", target, key=None).status, 404, f"the status of {target} without oidc")


@check("allow_from holds for logins too")
def _(lab):
    p, _issuer = _house(lab, admin="allow_from: [10.0.0.0/8], ")
    equal(Browser(p).go("/admin/oidc/login").status, 403, "the status")


@check("a saved file that gives other roles ends the sessions of the old ones")
def _(lab):
    p, issuer = _house(lab)
    browser = Browser(p)
    browser.login(issuer)
    equal(browser.go("/admin/keys").status, 200, "the status before")
    text = p.config.read_text()
    expect("'admin'" in text, "the role in the file", text)
    p.config.write_text(text.replace("'admin'", "'viewer'"))
    eventually(lambda: browser.go("/admin/keys").status == 401, "the session's end", 8)
    equal(browser.login(issuer).status, 302, "the status of a new login")
    equal(browser.go("/admin/reload", "POST").status, 403, "the status of a change as viewer")


MISTAKES = {  # what -> (the section, line and column of the error, a part of it)
    "an http issuer elsewhere": ("issuer: 'http://login.example', client_id: a, roles: '\"\"'", (2, 24), "https"),
    "the address of what an issuer tells of itself": (
        "issuer: 'https://l.example/.well-known/openid-configuration', client_id: a, roles: '\"\"'", (2, 24), "is appended to it",
    ),
    "no issuer": ("client_id: a, roles: '\"\"'", (2, 15), "'issuer' is missing"),
    "no roles": ("issuer: 'https://login.example', client_id: a", (2, 15), "'roles' is missing"),
    "roles that are no text": ("issuer: 'https://l.example', client_id: a, roles: claims.sub == 'x'", None, "must be a text"),
    "a variable that is not there": ("issuer: 'https://l.example', client_id: a, roles: clams.sub", (2, 66), "claims"),
    "a role that is none": ("issuer: 'https://l.example', client_id: a, roles: \"true ? 'admn' : ''\"", (2, 74), "'admin'"),
    "an unknown key": ("issuer: 'https://l.example', clientid: a, client_id: b, roles: '\"\"'", (2, 45), "client_id"),
    "a redirect elsewhere": (
        "issuer: 'https://l.example', client_id: a, roles: '\"\"', redirect_url: 'https://p.example/'",
        None,
        "/admin/oidc/callback",
    ),
}


@check("--check-config tells of {what} with its place", rows=list(MISTAKES))
def _(lab, what):
    section, place, part = MISTAKES[what]
    checked = Checked(lab, GOOD.replace("state: ./state\n", f"admin: {{oidc: {{{section}}}}}\nstate: ./state\n")).bad()
    equal(len(checked.errors), 1, f"errors in {checked.errors}")
    contains(checked.errors[0][3], part, "the message")
    if place:
        equal(checked.errors[0][:2], place, "the place")


@check("an http issuer on loopback is a good one: {url}", rows=["http://localhost:9", "http://127.0.0.1:9/x", "http://[::1]:9"])
def _(lab, url):
    section = f"issuer: '{url}', client_id: a, client_secret: '${{SECRET}}', roles: '\"viewer\"'"
    text = GOOD.replace("state: ./state\n", f"admin: {{oidc: {{{section}}}}}\nstate: ./state\n")
    Checked(lab, text, env={"SECRET": "x"}).good()


@check("GET /admin/config shows who logs in, and not the client's secret")
def _(lab):
    p, issuer = _house(lab)
    shown = p.get("/admin/config")["config"]["admin"]["oidc"]
    equal((shown["issuer"], shown["client_id"], shown["roles"]), (issuer.url, issuer.client, ROLES), "what is shown")
    expect(not re.search("private client", str(shown)), "no secret", shown)
