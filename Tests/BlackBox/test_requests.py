"""What a client may write into a request: models, paths, methods, bodies in every shape, codings, upgrades, browsers."""

import gzip
import json
import re
import zlib
from urllib.parse import unquote

import wire
from checks import check, contains, equal, expect, lacks, one_of
from harness import USER_KEY, indented, served
from upstream import whole


def _house(lab, rules, more=""):
    """proxyd before one provider with the upstreams a (Anthropic), o (OpenAI) and g (Gemini)."""
    up = lab.upstream()
    config = f"""
upstreams:
  a: {up.declare("anthropic", ["a"])}
  o: {up.declare("openai", ["o"])}
  g: {up.declare("gemini", ["g"])}
rules:{indented(rules, 2)}
{more}
"""
    return lab.proxyd(config), up


ALL = """
- {name: no opus, models: ["claude-opus*"], reject: {status: 403, message: no opus}}
- {name: claude, models: ["claude-*"], tiers: [a]}
- {name: gemini, models: ["gemini-*", "g/*"], tiers: [g]}
- {name: rest, models: ["*"], tiers: [o]}
"""


def _refused(p, up, method, path, body, status=400, headers=None):
    before = len(up.requests)
    answer = p.send(method, path, body, headers=headers or {"content-type": "application/json"})
    equal(len(up.requests) - before, 0, f"requests at the upstream for {method} {path} {body!r:.80}")
    equal(answer.status, status, f"the status of {method} {path} {body!r:.80}")
    expect(json.loads(answer.body).get("error"), f"an error's body for {path}")
    return answer


def _chat(model):
    return json.dumps({"model": model, "messages": [{"role": "user", "content": "Hi"}]}).encode()


@check("a model that no line can carry is a 400 in every dialect: {model!r:.24}", rows=[
    "a\r\nx: y", "a\nb", "\x00", "a\x7f", "a\x85", "a\u2028b", "g" * 257, "é" * 129, "*", ""])
def _(lab, model):
    p, up = _house(lab, ALL)
    for path in ("/v1/chat/completions", "/v1/messages", "/v1/responses", "/v1/embeddings", "/v1/messages/count_tokens", "/v1/x"):
        body = json.dumps({"model": model, "max_tokens": 1, "messages": [], "input": "x"}).encode()
        _refused(p, up, "POST", path, body)
    _refused(p, up, "POST", "/v1/chat/completions", b'{"model":"a\xff","messages":[]}')
    _refused(p, up, "POST", "/v1/chat/completions", b'{"model":"a\\ud800","messages":[]}')


@check("a model is one segment of a Gemini upstream's path: {model}", rows=[
    "gemini-1/../gemini-2", "gemini-a b", "gemini-?x=", "gemini-#", "gemini-%2e%2e", "gemini-a:b", "gemini-é", "gemini-a;b", "g/.."])
def _(lab, model):
    p, up = _house(lab, ALL)
    for path, body in (("/v1/chat/completions", _chat(model)),
                       ("/v1/messages", json.dumps({"model": model, "max_tokens": 5, "messages": [{"role": "user", "content": "Hi"}]}).encode())):
        p.send("POST", path, body, headers={"content-type": "application/json"})
        found = re.fullmatch(r"/v1beta/models/([A-Za-z0-9._~%-]+):generateContent", up.last.path)
        expect(found, f"one segment, not {up.last.path!r}")
        equal(unquote(found[1]), model, "the model")


PATHS = ["/v1//chat/completions", "/v1/./chat/completions", "/v1/x/../chat/completions", "/v1/%63hat/completions", "/v1/chat%2fcompletions",
         "/v1/chat/completions;a=b", "/v1/chat\\completions", "/v1/chat/%2e%2e/completions", "/v1/chat/completions%00", "/v1/%zz",
         "/v1/projects/p/../q/publishers/google/models/gemini-1:generateContent", "/openai/deployments/d/chat/completions;a",
         "/v1beta1/projects/p;a=b/publishers/google/models/gemini-1:generateContent",
         "/chat//completions", "/chat/../chat/completions", "/chat\\completions", "/openai/deployments//d/chat/completions", "//host/v1/messages",
         "//v1/chat/completions", "/%76%31/chat/completions", "/v1beta/models/a/../b:generateContent", "/v1beta//models/a:generateContent"]


@check("a path that can be read in two ways is a 400: {path}", rows=PATHS, together=True)
def _(lab, path):
    p, up = _house(lab, ALL)
    for method in ("POST", "GET", "PUT", "DELETE"):
        _refused(p, up, method, path, _chat("gpt-4o"))


@check("an endpoint in another spelling is nobody's: {path}", rows=["/V1/Chat/Completions", "/v1/Chat/completions", "/v1/v1/chat/completions", "/v1/Models"])
def _(lab, path):
    p, up = _house(lab, ALL)
    _refused(p, up, "POST", path, _chat("gpt-4o"), 404)


@check("{method} {path} is a 405 that says what is allowed", rows=[
    ("PUT", "/v1/chat/completions"), ("GET", "/v1/messages"), ("DELETE", "/v1/responses"), ("TRACE", "/v1/x"), ("BREW", "/v1/x"),
    ("get", "/v1/models"), ("GET", "/v1beta/models/x:generateContent"), ("TRACE", "/health"), ("CONNECT", "/v1/x"), ("CONNECT", "x:443")])
def _(lab, method, path):
    p, up = _house(lab, ALL)
    answer = _refused(p, up, method, path, b"", 405)
    expect(answer.header("allow"), "an Allow field")


@check("a body of JSON that is no UTF-8 is a 400 on every path: {wrong}", rows=[
    b"\xff", b"\xc3(", b"m\xc1\xafdel", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"gr\xfc\xdf"])
def _(lab, wrong):
    p, up = _house(lab, ALL)
    for path, body in (("/v1/chat/completions", b'{"model":"gpt-4o","messages":[{"role":"user","content":"%s"}]}'),
                       ("/v1/messages", b'{"model":"claude-1","max_tokens":1,"messages":[{"role":"user","content":"Hi"}],"metadata":{"%s":1}}'),
                       ("/v1/messages/count_tokens", b'{"model":"claude-1","messages":[],"%s":1}'), ("/v1/responses", b'{"model":"gpt-4o","%s":"claude-1"}'),
                       ("/v1/embeddings", b'{"model":"gpt-4o","input":"%s"}'), ("/v1beta/models/gemini-1:generateContent", b'{"contents":[{"parts":[{"text":"%s"}]}]}'),
                       ("/v1/x", b'{"%s":1}'), ("/v1/files", b'["%s"]')):
        answer = _refused(p, up, "POST", path, body % wrong)
        contains(answer.body, b"UTF-8", "what is wrong with it")
    answer = p.send("POST", "/v1/chat/completions", '{"model":"gpt-4o","messages":[{"role":"user","content":"grüß 日本 🌊"}]}'.encode())
    equal(answer.status, 200, "the status of a text that is one")


@check("a body that names the model twice, or in other letters, is a 400 on every path: {body}", rows=[
    '{"model":"gpt-4o","model":"claude-opus"}', '{"model":"gpt-4o","Model":"claude-opus"}', '{"MODEL":"claude-opus"}',
    '{"model":"gpt-4o","mod\\u0065l":"claude-opus"}', '{"\\u004dodel":"claude-opus","model":"gpt-4o"}', '{"model":["claude-opus"]}'])
def _(lab, body):
    p, up = _house(lab, ALL)
    for path in ("/v1/chat/completions", "/v1/x", "/v1/messages/batches", "/v1beta/models/gemini-1:generateContent"):
        for headers in ({"content-type": "application/json"}, {"content-type": ""}, {"content-type": "application/vnd.x+json; charset=utf-8"}):
            if path.startswith("/v1beta") and "[" in body:
                continue
            _refused(p, up, "POST", path, body.encode(), headers=headers)


@check("a body that says it is JSON and is none is a 400 on every path: {body!r}", rows=[
    b"{", b"\xef\xbb\xbf{\"model\":\"claude-opus\"}", '{"model":"claude-opus"}'.encode("utf-16"), b"{} {}", b"[1,", b"model=claude-opus"])
def _(lab, body):
    p, up = _house(lab, ALL)
    for headers in ({"content-type": "application/json"}, {"content-type": ""}, {"content-type": "a/b+json"}):
        _refused(p, up, "POST", "/v1/x", body, headers=headers)


@check("a batch's models are seen by rules and policies, and renamed where a tier does")
def _(lab):
    p, up = _house(lab, """
- {name: no opus, models: ["claude-opus*"], reject: {status: 403, message: no opus}}
- {name: fast, models: ["claude-fast"], tiers: [a/claude-haiku]}
- {name: claude, models: ["claude-*"], tiers: [a]}
- {name: rest, models: ["*"], tiers: [o]}
""")
    def batch(*models):
        return json.dumps({"requests": [{"custom_id": str(i), "params": {"model": m, "max_tokens": 1}} for i, m in enumerate(models)]}).encode()
    _refused(p, up, "POST", "/v1/messages/batches", batch("claude-a", "claude-opus"), 403)
    _refused(p, up, "POST", "/v1/messages/batches", batch("claude-a", "gpt-4o"))
    _refused(p, up, "POST", "/v1/messages/batches", batch("claude-a", "a\nb"))
    _refused(p, up, "POST", "/v1/messages/batches", batch("claude-a").replace(b'"model"', b'"Model"'))
    _refused(p, up, "POST", "/v1/messages/batches", b'{"requests":[{"params":{"model":"claude-a","model":"claude-opus"}}]}')
    for beside, code in (('"models":["claude-opus"]', 403), ('"fallbacks":[{"model":"claude-opus"}]', 403), ('"Models":["claude-b","gpt-4o"]', 400),
                         ('"fallbacks":["a\\nb"]', 400)):
        body = b'{"requests":[{"params":{"model":"claude-a","max_tokens":1,%s}}]}' % beside.encode()
        _refused(p, up, "POST", "/v1/messages/batches", body, code)
        _refused(p, up, "POST", "/v1/x", body.replace(b"params", b"body"), code)
    _refused(p, up, "POST", "/v1/messages/batches", b'{"requests":[{"params":{"models":["claude-a"]}}]}')
    p.send("POST", "/v1/messages/batches", batch("claude-a", "claude-fast"), headers={"content-type": "application/json"})
    equal([r["params"]["model"] for r in json.loads(up.last.body)["requests"]], ["claude-a", "claude-haiku"], "the models")


def _form(*fields):
    return b"".join(b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (n.encode(), v.encode()) for n, v in fields) + b"--b--\r\n"


MULTI = {"content-type": "multipart/form-data; boundary=b"}
FORM = {"content-type": "application/x-www-form-urlencoded"}


@check("a form's model goes by the rules, is replaced by the tier's, and is refused where it can be read in two ways")
def _(lab):
    p, up = _house(lab, """
- {name: no, models: ["claude-opus*"], reject: {status: 403, message: no}}
- {name: w, models: ["whisper-*"], tiers: [o/scribe]}
- {name: rest, models: ["*"], tiers: [o]}
""")
    answer = p.send("POST", "/v1/audio/transcriptions", _form(("file", "x"), ("model", "whisper-1")), headers=MULTI)
    equal(answer.header("x-proxyd-rule"), "w", "the rule")
    equal(up.last.body, _form(("file", "x"), ("model", "scribe")), "the form")
    answer = p.send("POST", "/v1/x", b"a=b&model=whisper-1", headers=FORM)
    equal((answer.header("x-proxyd-rule"), up.last.body), ("w", b"a=b&model=scribe"), "rule and form")
    _refused(p, up, "POST", "/v1/x", _form(("model", "claude-opus")), 403, MULTI)
    _refused(p, up, "POST", "/v1/x", b"mod%65l=claude-opus", 403, FORM)
    for body in (_form(("model", "a"), ("model", "b")), _form(("Model", "a")), _form(("model", "a"))[:-6], b"x" + _form(("model", "a"))):
        _refused(p, up, "POST", "/v1/x", body, headers=MULTI)
    for body in (b"model=a&model=b", b"MODEL=a", b"model=%", b'{"a":"&model=a&","model":"b"}', b'{"a":"&model=a&model=c&","model":"b"}',
                 b'{"a":"50% &Model=a","model":"b"}', b'{"a":"x;model=a","model":"b"}'):
        _refused(p, up, "POST", "/v1/x", body, headers=FORM)
    p.send("POST", "/v1/x", b'{"model":"whisper-1"}', headers=FORM)
    equal(json.loads(up.last.body)["model"], "scribe", "the model of what curl calls a form")
    p.send("POST", "/v1/x", b'{"a":"50% &= the model; x=y & model","model":"whisper-1"}', headers=FORM)
    equal(json.loads(up.last.body)["model"], "scribe", "the model of what holds the signs of a form alone")


@check("a path without a model meets a rule by its path, and a policy with models by its own")
def _(lab):
    key = "sk-narrow-key-for-the-black-box-suite-1"
    p, up = _house(lab, """
- {name: files, models: ["none"], paths: ["/v1/files/**"], tiers: [o]}
- {name: gpt, models: ["gpt-*"], tiers: [o]}
""", f"""
policies: {{narrow: {{models: ["gpt-*"], paths: ["/v1/files/*"]}}}}
keys: [{{name: user, key: "{USER_KEY}"}}, {{name: n, key: "{key}", policy: narrow}}]
""")
    equal(p.send("GET", "/v1/files").header("x-proxyd-rule"), "files", "the rule")
    equal(p.send("GET", "/v1/batches").status, 404, "a path of no rule")
    equal(p.send("GET", "/v1/files/1", key=key).header("x-proxyd-rule"), "files", "the rule for a key that may")
    equal(p.send("GET", "/v1/files/1/content", key=key).status, 403, "deeper than its policy's glob")


@check("no body opens what belongs to the account to a key that some models are for")
def _(lab):
    key = "sk-narrow-key-for-the-black-box-suite-2"
    p, up = _house(lab, ALL, f"""
policies: {{narrow: {{models: ["gpt-*"]}}}}
keys: [{{name: user, key: "{USER_KEY}"}}, {{name: n, key: "{key}", policy: narrow}}]
""")
    named, batch = b'{"model":"gpt-1"}', b'{"requests":[{"body":{"model":"gpt-1"}}]}'
    beside = b'{"requests":[{"body":{"models":["gpt-1"],"fallbacks":["gpt-1"]}}]}'
    for method, path in (
        ("GET", "/v1/files/file-1/content"), ("GET", "/v1/responses/r1"), ("DELETE", "/v1/responses/r1"), ("POST", "/v1/responses/r1/cancel"),
        ("POST", "/v1/batches"), ("DELETE", "/v1/files/x"), ("POST", "/v1/files"), ("GET", "/v1/organization/admin_api_keys"),
        ("POST", "/openai/deployments/gpt-1/files"), ("POST", "/v1/conversations"), ("GET", "/v1/messages/batches")):
        for body, kind in ((named, "application/json"), (beside, "application/json"), (b"model=gpt-1", FORM["content-type"]), (_form(("model", "gpt-1")), MULTI["content-type"])):
            answer = p.send(method, path, body, key=key, headers={"content-type": kind})
            # Of a batch that names no model is said what is wrong with it.
            status = 400 if body == beside and path == "/v1/messages/batches" else 403
            equal((answer.status, len(up.requests)), (status, 0), f"{method} {path} as {kind}: status, requests upstream")
    equal(p.send("GET", "/v1/files/x", batch, key=key, headers={"content-type": "application/json"}).status, 403, "a batch's models at a file")
    for path, body in (("/v1/images/generations", named), ("/v1/x", named), ("/v1/batches", batch)):
        served(p.send("POST", path, body, key=key, headers={"content-type": "application/json"}))


@check("models within a Gemini batch go by the rules and get the tier's name: {action}, {config}", rows=[
    ("batchGenerateContent", "inputConfig"), ("batchGenerateContent", "input_config"), ("asyncBatchEmbedContent", "inputConfig")])
def _(lab, action, config):
    p, up = _house(lab, """
- {name: renamed, models: ["gemini-asked"], tiers: [g/gemini-far]}
- {name: gemini, models: ["gemini-*"], tiers: [g]}
""")
    def batch(model):
        return {"batch": {config: {"requests": {"requests": [{"request": {"model": model, "contents": []}}]}}}}
    _refused(p, up, "POST", f"/v1beta/models/gemini-ok:{action}", json.dumps(batch("models/gemini-no")).encode())
    served(p.send("POST", f"/v1beta/models/gemini-asked:{action}", batch("models/gemini-asked")))
    equal(up.last.target.split("?")[0].rsplit("/", 1)[1], f"gemini-far:{action}", "the path upstream")
    equal(json.loads(up.last.body), batch("models/gemini-far"), "the body upstream")


@check("a compressed body is read as what it is: {coding}", rows=["gzip", "x-gzip", "deflate", "raw", "gzip, identity", "deflate, gzip"])
def _(lab, coding):
    p, up = _house(lab, ALL)
    body = _chat("gpt-4o")
    raw = zlib.compressobj(9, zlib.DEFLATED, -15)
    made = {"gzip": gzip.compress(body), "x-gzip": gzip.compress(body), "deflate": zlib.compress(body), "raw": raw.compress(body) + raw.flush(),
            "gzip, identity": gzip.compress(body), "deflate, gzip": gzip.compress(zlib.compress(body))}[coding]
    headers = {"content-type": "application/json", "content-encoding": "deflate" if coding == "raw" else coding}
    served(p.send("POST", "/v1/chat/completions", made, headers=headers))
    equal(up.last.body, body, "the body upstream")
    equal(up.last.header("content-encoding"), None, "content-encoding upstream")
    _refused(p, up, "POST", "/v1/chat/completions", made[:-3], headers=headers)
    hidden = _chat("claude-opus")
    if coding == "gzip":
        _refused(p, up, "POST", "/v1/chat/completions", gzip.compress(hidden), 403, headers)
        _refused(p, up, "POST", "/v1/chat/completions", gzip.compress(b" " * (30 << 20)), 413, headers)


@check("a coding that is not understood is a 415 that says so: {coding}", rows=["zstd", "br", "gzip, br", "compress", "gzip, gzip, gzip"])
def _(lab, coding):
    p, up = _house(lab, ALL)
    answer = _refused(p, up, "POST", "/v1/responses", b"xx", 415, {"content-encoding": coding})
    contains(answer.header("accept-encoding"), "gzip", "what is accepted")


@check("a WebSocket upgrade is a 426 at once: {path}", rows=["/v1/responses", "/v1/realtime?model=gpt-realtime", "/v1/x", "/v1/models"])
def _(lab, path):
    p, up = _house(lab, ALL)
    answer = _refused(p, up, "GET", path, b"", 426, {"connection": "Upgrade", "upgrade": "websocket", "sec-websocket-key": "x"})
    equal(answer.header("upgrade"), "HTTP/1.1", "what it is to be upgraded to")
    contains((answer.header("connection") or "").lower(), "upgrade", "Connection")


@check("a header that names a key or a hop stays here: {name}", rows=[
    "x-admin-key", "X_Admin_Key", "Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port",
    "X_Forwarded_For", "X-Forwarded-Access-Token", "X-Real-IP", "Via", "Cookie", "api_key", "x-api_key", "X_HTTP_Method_Override",
    "X_Original-URL", "True_Client_IP"])
def _(lab, name):
    p, up = _house(lab, ALL)
    p.send("POST", "/v1/chat/completions", _chat("gpt-4o"), headers={"content-type": "application/json", name: "192.0.2.77", "x-mine": "yes"})
    equal((up.last.header(name), up.last.header("x-mine")), (None, "yes"), "what came upstream")


@check("a header that the file sets itself is no client's, {what}: {name}", rows=[
    (what, name) for what, names in {"the key's": ("X-Corp-Key", "x_corp_key"), "another": ("x-tenant", "X_Tenant")}.items() for name in names])
def _(lab, what, name):
    up = lab.upstream()
    p = lab.proxyd(f"""
upstreams: {{o: {up.declare("openai", ["o"], "key_header: x-corp-key, headers: {x-tenant: acme}")}}}
rules: [{{models: ["*"], tiers: [o]}}]
""")
    served(p.send("POST", "/v1/chat/completions", _chat("gpt-4o"), headers={"content-type": "application/json", name: "another's"}))
    equal((up.last.all("x-corp-key"), up.last.all("x-tenant")), (["provider-key-o"], ["acme"]), "what came upstream")
    lacks(up.last.raw_head, b"another's", "the head upstream")


@check("models that a body names beside its own are asked about as well: {field}", rows=["models", "fallbacks", "Models", "fallbacks of objects"])
def _(lab, field):
    p, up = _house(lab, ALL, "policies: {default: {models: ['gpt-*', 'claude-*']}}")

    def ask(path, *models):
        listed = [{"model": model} for model in models] if field.endswith("objects") else list(models)
        body = {"model": "gpt-4o", "max_tokens": 1, "messages": [{"role": "user", "content": "Hi"}], field.split()[0]: listed}
        return "POST", path, json.dumps(body).encode()

    for path in ("/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/rerank"):
        contains(_refused(p, up, *ask(path, "gpt-5", "o3"), 403).text, "o3", "what the policy says")
        contains(_refused(p, up, *ask(path, "claude-opus-5"), 403).text, "no opus", "what the rule says")
        contains(_refused(p, up, *ask(path, "claude-haiku")).text, "more than one upstream", "what is said of another upstream's")
        _refused(p, up, *ask(path, "g" * 257))
    method, path, body = ask("/v1/chat/completions", "gpt-5", "gpt-5-mini")
    served(p.send(method, path, body, headers={"content-type": "application/json"}))
    equal(up.last.body, body, "the body upstream")
    # Nor may the address name another one.
    for path in ("/v1/chat/completions", "/v1/x"):
        for _ in range(2):
            p.send("POST", path + "?a=1&model=claude-opus&Mod%65l=b", body, headers={"content-type": "application/json"})
            equal((up.last.path, up.last.query), (path, "a=1"), "path and query upstream")


@check("a model that a tool names must be one that the policy allows: {member}", rows=['"model"', '"m\\u006fdel"', '"Model"'])
def _(lab, member):
    p, up = _house(lab, ALL, "policies: {default: {models: ['claude-haiku*']}, open: {}}")

    def ask(model):
        tool = f'{{"type":"advisor_20260301","name":"advisor",{member}:"{model}"}}'
        said = f'{{"model":"claude-haiku","max_tokens":1,"messages":[{{"role":"user","content":"Hi"}}],"tools":[{tool}]}}'
        return "POST", "/v1/messages", said.encode()

    contains(_refused(p, up, *ask("claude-dear"), 403).text, "claude-dear", "what is said of it")
    batch = b'{"requests":[{"custom_id":"1","params":%s}]}' % ask("claude-dear")[2]
    contains(_refused(p, up, "POST", "/v1/messages/batches", batch, 403).text, "claude-dear", "what is said of it within a batch")
    method, path, body = ask("claude-haiku-5")
    served(p.send(method, path, body, headers={"content-type": "application/json"}))
    made = p.create_key("made", policy="open")["api_key"]
    method, path, body = ask("claude-dear")
    served(p.send(method, path, body, key=made, headers={"content-type": "application/json"}))
    equal(up.last.body, body, "the body upstream")


@check("who may use models is told of them, whatever body its client sends along: {method} {path}", rows=[
    (method, path) for method in ("GET", "HEAD") for path in ("/v1/models", "/v1beta/models", "/models")])
def _(lab, method, path):
    p, _up = _house(lab, ALL)
    for framing, body in ((("content-length", "2"), b"{}"), (("transfer-encoding", "chunked"), b"0\r\n\r\n")):
        for key, status in ((USER_KEY, 200), ("sk-wrong", 401)):
            with wire.Connection(p.port) as connection:
                equal(connection.ask(method, path, p.headers(key, [framing]), body).status, status, f"the status with {framing}")


@check("a Gemini body names its path's model and no other: {action}", rows=["generateContent", "countTokens"])
def _(lab, action):
    p, up = _house(lab, """
- {name: far, models: ["gemini-asked"], tiers: [g/gemini-far]}
- {name: rest, models: ["*"], tiers: [g]}
""")
    said = [{"role": "user", "parts": [{"text": "Hi"}]}]
    if action == "countTokens":
        up.reply(whole({"totalTokens": 1}))

    def ask(path_model, **body):
        return f"/v1beta/models/{path_model}:{action}", json.dumps({"contents": said, **body}).encode()

    for other in ("gemini-dear", "models/gemini-dear", "tunedModels/gemini-1", "xgemini-1", "publishers/other/models/gemini-1"):
        _refused(p, up, "POST", *ask("gemini-1", model=other))
        if action == "countTokens":
            _refused(p, up, "POST", *ask("gemini-1", generateContentRequest={"model": other, "contents": said}))
    for prefix in ("", "models/", "projects/p/locations/l/publishers/google/models/"):
        for asked, sent in (("gemini-1", "gemini-1"), ("gemini-asked", "gemini-far")):
            path, body = ask(asked, model=prefix + asked)
            p.send("POST", path, body, headers={"content-type": "application/json"})
            equal((up.last.path, json.loads(up.last.body)["model"]), (f"/v1beta/models/{sent}:{action}", prefix + sent), "path and model")
            if action == "countTokens":
                path, body = ask(asked, generateContentRequest={"model": prefix + asked, "contents": said})
                p.send("POST", path, body, headers={"content-type": "application/json"})
                equal(json.loads(up.last.body)["generateContentRequest"]["model"], prefix + sent, "the counted request's model")


@check("text that begins as an object and is none for a strict reader is a 400 whatever its type: {kind}", rows=[
    "text/plain", "application/x-www-form-urlencoded", "application/javascript", "x/y"])
def _(lab, kind):
    p, up = _house(lab, ALL)
    for body in (b'{"model":"claude-opus",}', b' {"model":"claude-opus"} x', b"{'model':'claude-opus'}"):
        _refused(p, up, "POST", "/v1/x", body, headers={"content-type": kind})
        for free in ("application/x-ndjson", "application/octet-stream", "audio/wav"):
            p.send("POST", "/v1/x", body, headers={"content-type": free})
            equal(up.last.body, body, f"the body upstream as {free}")


@check("a preflight's list of fields comes back only if it is one: {what}", rows=["not ASCII", "quotes", "long"])
def _(lab, what):
    up = lab.upstream()
    p = lab.proxyd(f"""
listen: {{address: "127.0.0.1:@PORT@", cors: "*"}}
upstreams: {{o: {up.declare("openai", ["o"])}}}
rules: [{{models: ["*"], tiers: [o]}}]
""")
    asked = {"not ASCII": b"\xe9" * 2000, "quotes": b'x-a, "b"', "long": b"x-a, " * 1000 + b"x-b"}[what]
    with wire.Connection(p.port) as connection:
        connection.socket.sendall(
            b"OPTIONS /v1/chat/completions HTTP/1.1\r\nhost: x\r\norigin: https://a.example\r\naccess-control-request-method: POST\r\n"
            b"access-control-request-headers: " + asked + b"\r\n\r\n")
        answer = connection.answer("OPTIONS")
    equal((answer.status, answer.header("access-control-allow-headers")), (204, "*"), "the preflight")


@check("a browser's page may ask where the listener lets it: cors {cors}", rows=["*", '["https://app.example"]', "false"])
def _(lab, cors):
    up = lab.upstream()
    p = lab.proxyd(f"""
listen: {{address: "127.0.0.1:@PORT@", cors: {cors if cors != "*" else '"*"'}}}
upstreams: {{o: {up.declare("openai", ["o"])}}}
rules: [{{models: ["*"], tiers: [o]}}]
""")
    here, elsewhere = {"*": ("*", "*"), "false": (None, None)}.get(cors, ("https://app.example", None))
    for origin, allowed in (("https://app.example", here), ("https://x.example", elsewhere)):
        asks = {"origin": origin, "access-control-request-method": "POST", "access-control-request-headers": "authorization,x-y"}
        answer = p.send("OPTIONS", "/v1/chat/completions", headers=asks, key=None)
        equal((answer.status == 204, answer.header("access-control-allow-origin")), (allowed is not None, allowed), "the preflight")
        if allowed:
            equal(answer.header("access-control-allow-headers"), "authorization,x-y", "the fields it may send")
        for method, path, body in (("POST", "/v1/chat/completions", _chat("gpt-4o")), ("GET", "/v1/models", None), ("GET", "/v1//x", None)):
            answer = p.send(method, path, body, headers={"origin": origin})
            equal(answer.header("access-control-allow-origin"), allowed, f"{method} {path} from {origin}")
            if allowed:
                contains(answer.header("access-control-expose-headers"), "x-request-id", "what pages may read")
            if cors.startswith("["):
                contains(answer.header("vary"), "origin", "what caches are told")
        equal(p.send("OPTIONS", "/admin/keys", headers=asks, key=None).header("access-control-allow-origin"), None, "the admin plane")
    answer = p.send("GET", "/v1/files")
    equal(answer.header("access-control-allow-origin"), None, "without Origin")
    equal(answer.header("vary"), "origin" if cors.startswith("[") else None, "vary without Origin")
    equal([r.method for r in up.requests if r.method == "OPTIONS"], [], "preflights upstream")


@check("a body for what is not served, or from who may not send it, is answered at the head: {path}", rows=[
    "/nothing-here", "/admin/keys", "/admin/nothing", "/health", "/oauth/callback", "/v1", "/v1/models", "/V1/Chat/Completions"])
def _(lab, path):
    p, up = _house(lab, ALL)
    for length in (b"2", b"1048576"):
        with wire.Connection(p.port) as connection:
            connection.socket.sendall(b"POST " + path.encode() + b" HTTP/1.1\r\nhost: x\r\ncontent-length: " + length + b"\r\n\r\nxx")
            answer = connection.answer("POST")
        one_of(answer.status, (400, 401, 403, 404, 405, 413), f"the status of POST {path} with {length} bytes")
    equal(p.send("GET", "/healthz", key=None).status, 200, "the process afterwards")
