"""Addresses as clients use them: without /v1, Azure's, Gemini's beside generation, forms, batches, what stands at the root."""


from checks import check, contains, equal, expect, lacks, one_of
from dialects import HELLO, OPENAI, compact
from harness import USER_KEY, indented, served
from upstream import status, whole

CHAT = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]}


def house(lab, rules='- {name: all, models: ["*"], tiers: [o]}', more=""):
    """proxyd before the upstreams o (OpenAI), a (Anthropic) and g (Gemini), one provider."""
    up = lab.upstream()
    return lab.proxyd(f"""
upstreams:
  o: {up.declare("openai", ["o"])}
  a: {up.declare("anthropic", ["a"])}
  g: {up.declare("gemini", ["g"])}
rules:{indented(rules, 2)}
fallback: {{enabled: false}}
{more}
"""), up


def posts(up):
    return up.requests


ALIASES = [
    ("/chat/completions", CHAT, "/v1/chat/completions"),
    ("/v1/chat/completions/", CHAT, "/v1/chat/completions"),
    ("/openai/v1/chat/completions", CHAT, "/v1/chat/completions"),
    ("/openai/v1/responses", {"model": "gpt-4o", "input": "Hi"}, "/v1/responses"),
    ("/responses", {"model": "gpt-4o", "input": "Hi"}, "/v1/responses"),
    ("/completions", {"model": "gpt-4o", "prompt": "Hi"}, "/v1/completions"),
    ("/embeddings", {"model": "gpt-4o", "input": "Hi"}, "/v1/embeddings"),
    ("/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21", {"messages": CHAT["messages"]}, "/v1/chat/completions"),
    ("/openai/deployments/gpt-4o/embeddings?api-version=2024-10-21", {"input": "Hi"}, "/v1/embeddings"),
]


@check("an alias: {target}", rows=ALIASES, together=True)
def _(lab, target, body, wanted):
    p, up = house(lab, '- {name: g, models: ["gpt-*"], tiers: [o]}')
    if "responses" in wanted:
        up.reply(status(404), path="/v1/responses")  # the upstream o speaks Chat: it is converted, or passed
    if "embeddings" in wanted:
        up.reply(whole({"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.1]}], "model": "gpt-4o"}))
    answer = p.send("POST", target, body)
    if "responses" not in wanted:
        equal(answer.status, 200, "the status")
        sent = posts(up)[-1]
        equal((sent.path, sent.model), (wanted, "gpt-4o"), "path and model upstream")
        lacks(sent.target, "api-version", "the target")
    else:
        one_of(answer.status, (200, 404), "the status")
    equal(p.send("POST", target, body, key=None).status, 401, "without a key")
    equal(p.send("POST", target, body, key="sk-wrong").status, 401, "with a wrong one")


@check("{target}: a client's format before an Anthropic upstream is converted", rows=["/chat/completions", "/openai/v1/chat/completions", "/v1/chat/completions/", "/openai/deployments/claude-x/chat/completions"])
def _(lab, target):
    p, up = house(lab, '- {name: c, models: ["claude-*"], tiers: [a]}')
    answer = served(p.send("POST", target, {**CHAT, "model": "claude-x"}))
    equal((posts(up)[-1].path, OPENAI.text_of(answer.body)), ("/v1/messages", HELLO), "path upstream, the text")


@check("Azure's clients show their key as `api-key`, and stream")
def _(lab):
    p, up = house(lab)
    target = "/openai/deployments/gpt-4o/chat/completions?api-version=2025-01-01-preview"
    answer = served(p.send("POST", target, {"messages": CHAT["messages"], "stream": True}, key=None, headers={"api-key": USER_KEY}))
    equal(OPENAI.text_of_stream(answer.body), HELLO, "the text")
    equal((posts(up)[-1].model, posts(up)[-1].credential), ("gpt-4o", "provider-key-o"), "model and credential")


@check("a body that names another model than the deployment is not led by either in silence")
def _(lab):
    p, up = house(lab, '- {name: no, models: ["gpt-5"], reject: {status: 403, message: no}}\n- {name: g, models: ["gpt-4*"], tiers: [o]}')
    answer = p.send("POST", "/openai/deployments/gpt-4o/chat/completions", {**CHAT, "model": "gpt-5"})
    if answer.status == 200:
        equal(posts(up)[-1].model, "gpt-4o", "the model upstream: the path's")
    else:
        one_of(answer.status, (400, 403), "the status")


@check("doubled and unknown addresses are a 404, with a hint: {target}", rows=["/v2/chat", "/api/chat", "/openai/deployments/x", "/chat/completion"])
def _(lab, target):
    p, up = house(lab)
    answer = p.send("POST", target, CHAT)
    one_of(answer.status, (404, 405), "the status")
    expect(answer.json()["error"]["message"], "words", answer.text)
    equal(posts(up), [], "requests upstream")


@check("{method} {path} is a 200 without a key", rows=[("HEAD", "/"), ("HEAD", "/api/hello")])
def _(lab, method, path):
    p, up = house(lab)
    equal(p.send(method, path, key=None).status, 200, "the status")
    equal(posts(up), [], "requests upstream")


# ---------------------------------------------------------------- Gemini beside generation

BESIDE = [
    ("POST", "/v1beta/models/gemini-embedding-001:embedContent", {"content": {"parts": [{"text": "x"}]}}),
    ("POST", "/v1beta/models/gemini-embedding-001:batchEmbedContents", {"requests": [{"model": "models/gemini-embedding-001", "content": {"parts": [{"text": "x"}]}}]}),
    ("POST", "/v1/models/gemini-embedding-001:embedContent", {"content": {"parts": [{"text": "x"}]}}),
    ("POST", "/v1beta/models/gemini-2.5-flash:batchGenerateContent", {"batch": {"display_name": "x"}}),
    ("POST", "/v1alpha/models/gemini-2.5-flash:generateContent", {"contents": [{"role": "user", "parts": [{"text": "x"}]}]}),
    ("POST", "/v1beta1/publishers/google/models/gemini-2.5-flash:generateContent", {"contents": [{"role": "user", "parts": [{"text": "x"}]}]}),
]  # fmt: skip


@check("Gemini: the model of {target} is what rules and policies see", rows=[(t, b) for _m, t, b in BESIDE], together=True)
def _(lab, target, body):
    p, up = house(lab, '- {name: m, models: ["gemini-*"], tiers: [g]}', f"""
policies: {{none: {{models: ["other-*"]}}}}
keys: [{{name: user, key: "{USER_KEY}"}}, {{name: n, key: sk-narrow-key-for-the-black-box-suite-4, policy: none}}]""")
    said = {"content": {"role": "model", "parts": [{"text": "x"}]}, "finishReason": "STOP", "index": 0}
    up.reply(whole({"candidates": [said]} if target.endswith(":generateContent") else {"embedding": {"values": [0.1]}}))
    answer = served(p.send("POST", target, body, key=None, headers={"x-goog-api-key": USER_KEY}))
    equal((answer.header("x-proxyd-rule"), posts(up)[-1].credential), ("m", "provider-key-g"), "rule, credential")
    method = target.rpartition(":")[2]
    contains(posts(up)[-1].path, f"{target.rpartition('/')[2].partition(':')[0]}:{method}", "the path upstream")
    refused = p.send("POST", target, body, key="sk-narrow-key-for-the-black-box-suite-4")
    equal(refused.status, 403, "a key that may not")
    equal(refused.json()["error"]["status"], "PERMISSION_DENIED", "an error in Gemini's shape")


@check("Gemini: {method} {target} passes to the rule of its path or of `*`", rows=[
    ("GET", "/v1beta/files"), ("GET", "/v1beta/files/abc"), ("DELETE", "/v1beta/files/abc"), ("POST", "/v1beta/cachedContents"),
    ("GET", "/v1beta/cachedContents/x"), ("GET", "/v1beta/batches/1"), ("GET", "/v1alpha/files")], together=True)  # fmt: skip
def _(lab, method, target):
    p, up = house(lab, '- {name: m, models: ["*"], tiers: [g]}')
    up.reply(whole({"ok": True}))
    body = {"model": "models/gemini-2.5-flash", "contents": []} if method == "POST" else None
    answer = p.send(method, target, body, key=None, headers={"x-goog-api-key": USER_KEY})
    equal(answer.status, 200, "the status")
    equal((posts(up)[-1].method, posts(up)[-1].path, posts(up)[-1].credential), (method, target, "provider-key-g"), "method, path, credential")


@check("Gemini: an upload that can be resumed leads back through proxyd, key and bytes")
def _(lab):
    p, up = house(lab, '- {name: m, models: ["*"], tiers: [g]}')
    session = f"{up.url}/upload/v1beta/files?upload_id=abc&upload_protocol=resumable"
    up.reply(whole({}, headers=[("x-goog-upload-url", session), ("x-goog-upload-status", "active")]), whole({"file": {"name": "files/1"}}))
    start = {"x-goog-api-key": USER_KEY, "x-goog-upload-protocol": "resumable", "x-goog-upload-command": "start"}
    answer = served(p.send("POST", "/upload/v1beta/files", {"file": {"display_name": "x"}}, key=None, headers=start))
    led = answer.header("x-goog-upload-url") or ""
    lacks(led, str(up.port), "the address of the upload")
    contains(led, f":{p.port}/", "the address of the upload")
    target = led.partition(f":{p.port}")[2]
    more = {"x-goog-api-key": USER_KEY, "x-goog-upload-command": "upload, finalize", "x-goog-upload-offset": "0", "content-type": "application/pdf"}
    served(p.send("POST", target, b"%PDF-bytes", key=None, headers=more))
    equal((posts(up)[-1].body, posts(up)[-1].credential), (b"%PDF-bytes", "provider-key-g"), "bytes, credential")
    contains(posts(up)[-1].target, "upload_id=abc", "the target")


@check("Gemini: errors of {target} are in Gemini's shape", rows=["/v1beta/files", "/upload/v1beta/files", "/v1alpha/files", "/v1beta/models/x:embedContent"])
def _(lab, target):
    p, _up = house(lab)
    answer = p.send("POST", target, {}, key="sk-wrong")
    equal((answer.status, answer.json()["error"]["code"], answer.json()["error"]["status"]), (401, 401, "UNAUTHENTICATED"), "status and shape")


TOLD = [
    (b"nope", "text/plain"), (b"", "application/json"), (b'{"detail":"nope"}', "application/json"), (b'{"message":"nope"}', "application/json"),
    (b'[{"error":{"message":"nope"}}]', "application/json"), (b'{"error":{"message":"nope","ty', "application/json")]
BESIDE = [
    ("POST", "/v1/messages/batches", "a"), ("GET", "/v1/files/f", "o"), ("POST", "/v1/images/generations", "o"), ("POST", "/v1/moderations", "o"),
    ("POST", "/v1/audio/speech", "o"), ("POST", "/v1beta/models/x:embedContent", "g"), ("GET", "/v1beta/files/f", "g")]


def shape(path, error):
    """Whether it is an error as clients of the path read it."""
    inner = error["error"]
    if path.startswith("/v1beta"):
        return isinstance(inner["code"], int) and isinstance(inner["status"], str) and isinstance(inner["message"], str)
    return isinstance(inner["message"], str) and (error.get("type") == "error") == path.startswith("/v1/messages")


@check("{method} {path}: an upstream's error comes in the shape of the path's clients", rows=BESIDE)
def _(lab, method, path, upstream):
    p, up = house(lab, f'- {{name: all, models: ["*"], tiers: [{upstream}]}}')
    body = None if method == "GET" else {"requests": []} if "batches" in path else {"model": "x", "input": "x"}
    if "embed" in path:
        body = {"content": {"parts": [{"text": "x"}]}}
    for said, kind in [*TOLD, (b'{"error":{"message":"nope","type":"x"}}', "application/json")]:
        up.reply(whole(said, 404, content_type=kind))
        answer = p.send(method, path, body)
        equal((answer.status, shape(path, answer.json())), (404, True), f"status and shape for {said}")
        equal(answer.header("content-type"), "application/json", "the content type")
    right = {
        "a": b'{"type":"error","error":{"type":"not_found_error","message":"nope"} }', "o": b'{"error":{"message":"nope","type":"x"} }',
        "g": b'{"error":{"code":404,"message":"nope","status":"NOT_FOUND"} }'}[upstream]
    up.reply(whole(right, 404))
    equal(p.send(method, path, body).body, right, "an error of the right shape, byte for byte")


@check("{path}: a success that holds nothing but an error is none", rows=["/v1/images/generations", "/v1/messages/batches", "/v1beta/models/x:embedContent"])
def _(lab, path):
    p, up = house(lab, f'- {{name: all, models: ["*"], tiers: [{"g" if "embed" in path else "a" if "messages" in path else "o"}]}}')
    body = {"requests": []} if "batches" in path else {"model": "x"} if "images" in path else {"content": {}}
    up.reply(whole({"error": {"code": 503, "message": "overloaded", "type": "overloaded_error", "status": "UNAVAILABLE"}}))
    answer = p.send("POST", path, body)
    expect(answer.status >= 400, "an error's status", answer.status)
    equal(shape(path, answer.json()), True, "the shape")
    for said in (b"{}", b'{"id":"x","error":{"message":"of one request"}}'):
        up.reply(whole(said))
        equal(served(p.send("POST", path, body)).body, said, "an answer")


@check("a model with an escaped slash is one model of Gemini's paths")
def _(lab):
    p, up = house(lab, '- {name: g, models: ["openai/*"], tiers: [g]}')
    up.reply(whole({"totalTokens": 3}))
    answer = p.send("POST", "/v1beta/models/openai%2Fgpt-4:countTokens", {"contents": [{"parts": [{"text": "x"}]}]})
    equal((answer.status, answer.header("x-proxyd-rule"), up.last.path.count("/")), (200, "g", 3), "status, rule, segments upstream")
    equal(p.send("POST", "/v1beta/models/a%2f..%2fb:countTokens", {"contents": []}).status, 400, "steps")
    equal(p.send("POST", "/v1/chat%2fcompletions", {"model": "openai/x"}).status, 400, "another path")


# ---------------------------------------------------------------- forms, batches


def form(*fields):
    return b"".join(b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (n.encode(), v.encode()) for n, v in fields) + b"--b--\r\n"


MULTI = {"content-type": "multipart/form-data; boundary=b"}


@check("a form at {path}: its model is what rules and policies see, and the tier's is put in", rows=[
    "/v1/audio/transcriptions", "/v1/audio/translations", "/v1/images/edits", "/v1/videos", "/openai/v1/audio/transcriptions"])
def _(lab, path):
    p, up = house(lab, '- {name: w, models: ["whisper-*"], tiers: [o/whisper-real]}', f"""
policies: {{w: {{models: ["whisper-*"]}}}}
keys: [{{name: user, key: "{USER_KEY}", policy: w}}]""")
    up.reply(whole({"text": "hello"}))
    served(p.send("POST", path, form(("model", "whisper-1"), ("file", "bytes")), headers=MULTI))
    equal(posts(up)[-1].body, form(("model", "whisper-real"), ("file", "bytes")), "the form upstream")


@check("a Chat body without a model is not given one, {path}", rows=["/v1/batches", "/v1/vector_stores", "/v1/realtime/client_secrets"])
def _(lab, path):
    p, up = house(lab, '- {name: all, models: ["*"], tiers: [o/fixed-model]}')
    body = compact({"name": "x", "input_file_id": "file-1"})
    p.send("POST", path, body)
    equal(posts(up)[-1].body, body, "the body upstream")


@check("a batch's results are fetched through proxyd")
def _(lab):
    p, up = house(lab, '- {name: all, models: ["*"], tiers: [a]}')
    result = f"{up.url}/v1/messages/batches/msgbatch_1/results"
    up.reply(whole({"id": "msgbatch_1", "type": "message_batch", "processing_status": "ended", "results_url": result}), path="/v1/messages/batches/msgbatch_1")
    up.reply(whole(b'{"custom_id":"a"}\n', content_type="application/x-jsonl"), path="/v1/messages/batches/msgbatch_1/results")
    headers = {"x-api-key": USER_KEY, "anthropic-version": "2023-06-01"}
    told = served(p.send("GET", "/v1/messages/batches/msgbatch_1", key=None, headers=headers)).json()["results_url"]
    contains(told, f":{p.port}/", "results_url")
    answer = served(p.send("GET", told.partition(f":{p.port}")[2], key=None, headers=headers))
    equal(answer.body, b'{"custom_id":"a"}\n', "the results")
    equal(posts(up)[-1].credential, "provider-key-a", "the credential")


@check("a batch's results lead back to {scheme}, said {said} by {who}", rows=[
    ("http", None, "a proxy"), ("https", "https", "a proxy"), ("https", "HTTPS , http", "a proxy"), ("http", "http, https", "a proxy"),
    ("http", "https", "a stranger")])  # fmt: skip
def _(lab, scheme, said, who):
    p, up = house(lab, '- {name: all, models: ["*"], tiers: [a]}', "trusted_proxies: [127.0.0.1]" if who == "a proxy" else "")
    up.reply(whole({"id": "b", "type": "message_batch", "results_url": f"{up.url}/v1/messages/batches/b/results"}))
    headers = {"x-api-key": USER_KEY, "anthropic-version": "2023-06-01", **({"x-forwarded-proto": said} if said else {})}
    told = served(p.send("GET", "/v1/messages/batches/b", key=None, headers=headers)).json()["results_url"]
    equal(told.partition("://")[0], scheme, "the scheme")


@check("a policy that allows no path without a model says which path it is")
def _(lab):
    p, _up = house(lab, more=f'policies: {{w: {{models: ["gpt-*"]}}}}\nkeys: [{{name: user, key: "{USER_KEY}", policy: w}}]')
    answer = p.send("GET", "/v1/organization/users")
    equal(answer.status, 403, "the status")
    lacks(answer.json()["error"]["message"], "'*'", "the message")


@check("a preflight of a browser needs no key: {path}", rows=["/chat/completions", "/v1/chat/completions", "/v1beta/models/gemini-2.5-flash:generateContent", "/openai/deployments/gpt-4o/chat/completions"])
def _(lab, path):
    up = lab.upstream()
    p = lab.proxyd(f'listen: {{address: "127.0.0.1:@PORT@", cors: "*"}}\nupstreams: {{o: {up.declare("openai", ["o"])}}}\nrules: [{{models: ["*"], tiers: [o]}}]')
    asks = {"origin": "https://app.example", "access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    answer = p.send("OPTIONS", path, headers=asks, key=None)
    equal((answer.status, answer.header("access-control-allow-origin")), (204, "*"), "the preflight")
