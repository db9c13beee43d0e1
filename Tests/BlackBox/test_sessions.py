"""Sessions of the admin plane: a key becomes a cookie, a cookie ends, and pages of other origins change nothing by it."""

from urllib.parse import parse_qs, urlparse

from check_config import GOOD, Checked
from checks import check, contains, equal, eventually, expect, lacks, one_of
from harness import ADMIN_KEY, USER_KEY
from issuer import Browser
from upstream import whole

VIEWER = "sk-viewer-0123456789abcdefghijkl"
METRICS = "sk-metrics-0123456789abcdefghijk"
KEYS = (
    f"admin: {{keys: [{{name: ops, key: {ADMIN_KEY}, role: admin}}, {{name: grafana, key: {VIEWER}, role: viewer}}, "
    f"{{name: prometheus, key: {METRICS}, role: metrics}}]}}"
)


def _browser(lab, key=ADMIN_KEY, more=KEYS):
    p, _up = lab.simple(more)
    browser = Browser(p)
    answer = browser.go("/admin/login", "POST", headers=[("x-admin-key", key)])
    equal(answer.status, 200, "the status of the login")
    return p, browser, answer


@check("POST /admin/login gives a cookie for a key shown {how}", rows=["as x-admin-key", "as Bearer", "in the body"])
def _(lab, how):
    p, _up = lab.simple(KEYS)
    browser = Browser(p)
    shown = {"as x-admin-key": [("x-admin-key", ADMIN_KEY)], "as Bearer": [("Authorization", f"Bearer {ADMIN_KEY}")]}
    headers = shown.get(how, [])
    body = f'{{"key":"{ADMIN_KEY}"}}'.encode() if how == "in the body" else None
    answer = browser.go("/admin/login", "POST", body, headers=headers)
    equal(answer.status, 200, "the status")
    equal((answer.json()["name"], answer.json()["role"]), ("ops", "admin"), "the answer")
    cookie = browser.set[0]
    for part in ("proxyd_session=", "HttpOnly", "SameSite=Strict", "Path=/admin", "Max-Age="):
        contains(cookie, part, "the cookie")
    lacks(cookie, ADMIN_KEY, "the cookie")
    lacks(p.output(), browser.cookies["proxyd_session"], "the log")
    equal(browser.go("/admin/keys").status, 200, "the status of a call by it")


@check("a login is refused: {what}", rows=[
    ("a wrong key", 403), ("a client's key", 403), ("no key", 401), ("a body that is none", 400), ("a body of 5 KB", 413),
])
def _(lab, what, code):
    p, _up = lab.simple(KEYS)
    browser = Browser(p)
    key = {"a wrong key": "sk-wrong", "a client's key": USER_KEY}.get(what)
    body = {"a body that is none": b"key=x", "a body of 5 KB": b'{"key":"' + b"x" * 5000 + b'"}'}.get(what)
    answer = browser.go("/admin/login", "POST", body, headers=[("x-admin-key", key)] if key else [])
    equal(answer.status, code, "the status")
    equal(browser.set, [], "cookies")


@check("wrong keys at the login count as guesses")
def _(lab):
    p, _up = lab.simple(KEYS)
    for n in range(10):
        equal(Browser(p).go("/admin/login", "POST", headers=[("x-admin-key", f"sk-wrong-{n}")]).status, 403, "the status")
    answer = Browser(p).go("/admin/login", "POST", headers=[("x-admin-key", ADMIN_KEY)])
    equal(answer.status, 429, "the status of the next, right as it is")


@check("a session of the role {role} may {look} look, {change} change", rows=[
    ("admin", 200, 200), ("viewer", 200, 403), ("metrics", 403, 403),
])
def _(lab, role, look, change):
    key = {"admin": ADMIN_KEY, "viewer": VIEWER, "metrics": METRICS}[role]
    _p, browser, answer = _browser(lab, key)
    equal(answer.json()["role"], role, "the role")
    equal(browser.go("/admin/usage").status, look, "the status of a look")
    equal(browser.go("/admin/usage", "HEAD").status, look, "the status of a look by HEAD")
    equal(browser.go("/admin/keys", "POST", b'{"name":"made"}').status, change, "the status of a change")
    explained = browser.go("/admin/explain", "POST", b'{"model":"claude-x"}')
    equal(explained.status, 403 if role == "metrics" else 200, "the status of a question")


FROM = {  # where a change comes from -> headers, whether it is done
    "a page of its own (Origin)": ([("Origin", "http://{host}")], True),
    "a page of its own (Sec-Fetch-Site)": ([("Sec-Fetch-Site", "same-origin"), ("Origin", "http://{host}")], True),
    "another origin": ([("Origin", "https://evil.example")], False),
    "another port": ([("Origin", "http://127.0.0.1:1")], False),
    "null": ([("Origin", "null")], False),
    "another site (Sec-Fetch-Site)": ([("Sec-Fetch-Site", "cross-site")], False),
    "the same site": ([("Sec-Fetch-Site", "same-site"), ("Origin", "http://{host}")], False),
    "nobody knows where": ([], False),
}


@check("a change by cookie from {where}", rows=list(FROM))
def _(lab, where):
    p, browser, _answer = _browser(lab)
    headers, is_done = FROM[where]
    headers = [(name, value.format(host=browser.host)) for name, value in headers]
    answer = browser.go("/admin/keys", "POST", b'{"name":"made"}', headers=headers, own=False)
    equal(answer.status, 200 if is_done else 403, "the status")
    equal("made" in [key["name"] for key in p.get("/admin/keys")["keys"]], is_done, "whether it is done")
    # Who shows a key is no browser's page.
    equal(p.admin("POST", "/admin/reload", headers=headers).status, 200, "the status of a change by key")


@check("POST /admin/logout ends the session, and clears the cookie")
def _(lab):
    p, browser, _answer = _browser(lab)
    kept = dict(browser.cookies)
    answer = browser.go("/admin/logout", "POST")
    equal(answer.status, 200, "the status")
    contains(browser.set[-1], "Max-Age=0", "the cookie")
    equal(browser.cookies, {}, "cookies")
    browser.cookies = kept
    equal(browser.go("/admin/keys").status, 401, "the status of a call with the old cookie")
    equal(Browser(p).go("/admin/logout", "POST").status, 200, "the status without a session")
    actions = [(e["who"], e["action"]) for e in p.get("/admin/audit")["audit"]]
    expect({("ops", "session.begin"), ("ops", "session.end")} <= set(actions), "both in the audit log", actions)


@check("a made-up cookie is a 401, never a pause")
def _(lab):
    p, _up = lab.simple(KEYS)
    browser = Browser(p)
    for value in ("x", "", "A" * 43, "A" * 20000, "\u00ff", '"; DROP'):
        browser.cookies = {"proxyd_session": value}
        one_of(browser.go("/admin/keys").status, (400, 401), f"the status of {value[:20]!r}")
    for n in range(30):
        browser.cookies = {"proxyd_session": f"guess-{n}"}
        equal(browser.go("/admin/keys").status, 401, "the status")
    equal(browser.go("/admin/keys", "POST", b'{"name":"made"}').status, 401, "the status of a change")
    equal(p.admin("GET", "/admin/keys").status, 200, "the status of a call by key")


@check("the cookie opens no model")
def _(lab):
    p, browser, _answer = _browser(lab)
    cookie = [("Cookie", f"proxyd_session={browser.cookies['proxyd_session']}")]
    equal(p.send("POST", "/v1/messages", {"model": "claude-x"}, key=None, headers=cookie).status, 401, "the status of a model")


@check("a key that leaves the file, or whose role changes, ends its sessions at once; the others go on")
def _(lab):
    p, viewer, _answer = _browser(lab, VIEWER)
    ops = Browser(p)
    ops.go("/admin/login", "POST", headers=[("x-admin-key", ADMIN_KEY)])
    p.config.write_text(p.config.read_text().replace("role: viewer", "role: metrics"))
    eventually(lambda: viewer.go("/admin/keys").status == 401, "the end of the viewer's session", 8)
    equal(ops.go("/admin/keys").status, 200, "the status of the other session")


@check("GET /admin/login tells how to log in, and asks for no key")
def _(lab):
    p, _up = lab.simple(KEYS)
    equal(Browser(p).go("/admin/login").json(), {"ways": [{"kind": "key"}]}, "the ways in")


ROLES = {  # (method, path) -> the status for admin, viewer, metrics, nobody
    ("GET", "/metrics"): (200, 200, 200, 401),
    ("HEAD", "/metrics"): (200, 200, 200, 401),
    ("GET", "/health"): (200, 200, 200, 200),
    ("GET", "/admin/keys"): (200, 200, 403, 401),
    ("HEAD", "/admin/keys"): (200, 200, 403, 401),
    ("GET", "/admin/usage"): (200, 200, 403, 401),
    ("GET", "/admin/limits"): (200, 200, 403, 401),
    ("GET", "/admin/requests"): (200, 200, 403, 401),
    ("GET", "/admin/audit"): (200, 200, 403, 401),
    ("GET", "/admin/config"): (200, 200, 403, 401),
    ("GET", "/admin/fallback"): (200, 200, 403, 401),
    ("GET", "/admin/ledger/verify"): (200, 200, 403, 401),
    ("POST", "/admin/reload"): (200, 403, 403, 401),
    ("POST", "/admin/backup"): (200, 403, 403, 401),
    ("GET", "/admin/nothing"): (404, 404, 403, 401),
}


@check("every call answers each role as it may")
def _(lab):
    p, _up = lab.simple(KEYS)
    for (method, path), codes in ROLES.items():
        for key, code in zip((ADMIN_KEY, VIEWER, METRICS, None), codes):
            equal(p.admin(method, path, key=key).status, code, f"the status of {method} {path} with {key}")


@check("open metrics ask nobody for a key, and nothing else is open")
def _(lab):
    p, _up = lab.simple(KEYS[:-1] + ", metrics: open}")
    for method in ("GET", "HEAD"):
        equal(p.admin(method, "/metrics", key=None).status, 200, f"the status of {method} /metrics")
    equal(p.admin("GET", "/admin/keys", key=None).status, 401, "the status of a call")


@check("no secret is in what a viewer may read")
def _(lab):
    p, _up = lab.simple(KEYS)
    for path in ("/admin/config", "/admin/keys", "/admin/fallback", "/admin/audit", "/admin/usage", "/metrics"):
        answer = p.admin("GET", path, key=VIEWER)
        for secret in (ADMIN_KEY, VIEWER, METRICS, USER_KEY, "provider-key-one"):
            lacks(answer.text, secret, f"the answer of {path}")


@check("people log in by the Lark app of the file; its token goes into no file")
def _(lab):
    lark = lab.upstream()
    base = "/open-apis/auth"
    lark.reply(whole({"code": 0, "app_access_token": "private-app"}), path=f"{base}/v3/app_access_token/internal")
    lark.reply(whole({"code": 0, "data": {"access_token": "private-user"}}), path=f"{base}en/v1/oidc/access_token")
    user = {"open_id": "ou_1", "name": "Ann", "tenant_key": "ours", "enterprise_email": "ann@example.com"}
    lark.reply(whole({"code": 0, "data": user}), path=f"{base}en/v1/user_info")
    p, _up = lab.simple(
        f"admin: {{key: {ADMIN_KEY}, lark: {{roles: \"claims.tenant_key == 'ours' ? 'viewer' : ''\"}}}}\n"
        f"lark: {{app_id: cli_x, app_secret: private-secret, token_file: '@DIR@/token.json', api: '{lark.url}'}}"
    )
    browser = Browser(p)
    equal([way["kind"] for way in browser.go("/admin/login").json()["ways"]], ["key", "lark"], "the ways in")
    begun = browser.go("/admin/lark/login")
    query = parse_qs(urlparse(begun.header("location")).query)
    equal(urlparse(query["redirect_uri"][0]).path, "/admin/lark/callback", "redirect_uri")
    target = f"/admin/lark/callback?code=private-code&state={query['state'][0]}"
    equal(Browser(p).go(target).status, 400, "the status in another browser")
    equal(browser.go(target).status, 302, "the status of the callback")
    equal(browser.go("/admin/keys").status, 200, "the status of a look")
    equal(browser.go("/admin/reload", "POST").status, 403, "the status of a change")
    equal(lark.last.header("authorization"), "Bearer private-user", "authorization of the question who it is")
    contains([e["who"] for e in p.get("/admin/audit")["audit"]], "ann@example.com", "the audit log")
    expect(not (p.folder / "token.json").exists(), "no token file")
    for secret in ("private-app", "private-user", "private-secret", "private-code"):
        lacks(p.output(), secret, "the log")


@check("logins by Lark without a Lark app are an error with its place")
def _(lab):
    checked = Checked(lab, GOOD.replace("state: ./state\n", "admin: {lark: {roles: \"'viewer'\"}}\nstate: ./state\n")).bad()
    equal(checked.errors[0][:2], (2, 23), "the place")
    contains(checked.errors[0][3], "lark", "the message")
