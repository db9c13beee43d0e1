"""The official Python SDKs as clients. Skipped, and said so, where they are not installed (requirements.txt)."""

import importlib
import os

from checks import Skip, check, contains, equal, expect, fail, lacks
from dialects import ANTHROPIC, HELLO, OPENAI, TOKENS_OUT
from harness import USER_KEY
from upstream import hang, says, status, stream, whole


def _sdk(name):
    for variable in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        os.environ.pop(variable, None)
    try:
        return importlib.import_module(name)
    except ImportError:
        raise Skip(f"the SDK `{name}` is not installed (pip install -r Tests/BlackBox/requirements.txt)") from None


def _anthropic(lab, p, key=USER_KEY, **more):
    sdk = _sdk("anthropic")
    client = sdk.Anthropic(base_url=f"http://127.0.0.1:{p.port}", api_key=key, max_retries=0, timeout=10, **more)
    lab.after(client.close)
    return sdk, client


def _openai(lab, p, key=USER_KEY, **more):
    sdk = _sdk("openai")
    client = sdk.OpenAI(base_url=f"http://127.0.0.1:{p.port}/v1", api_key=key, max_retries=0, timeout=10, **more)
    lab.after(client.close)
    return sdk, client


ASK = {"model": "claude-test", "max_tokens": 64, "messages": [{"role": "user", "content": "Hi"}]}
CHAT = {"model": "gpt-test", "messages": [{"role": "user", "content": "Hi"}]}


@check("anthropic SDK: a whole message")
def _(lab):
    p, up = lab.simple()
    _sdk_, client = _anthropic(lab, p)
    message = client.messages.create(**ASK)
    equal(
        (message.content[0].text, message.usage.output_tokens, message.stop_reason),
        (HELLO, TOKENS_OUT, "end_turn"),
        "the message",
    )
    equal(up.last.credential, "provider-key-one", "the credential at the upstream")
    lacks(up.last.raw_head, USER_KEY.encode(), "the head at the upstream")
    expect(message._request_id, "a request id", message._request_id)


@check("anthropic SDK: a streamed message")
def _(lab):
    p, _up = lab.simple()
    _sdk_, client = _anthropic(lab, p)
    with client.messages.stream(**ASK) as told:
        equal("".join(told.text_stream), HELLO, "the text")
        equal(told.get_final_message().usage.output_tokens, TOKENS_OUT, "output tokens")


@check("anthropic SDK: a wrong key raises AuthenticationError")
def _(lab):
    p, _up = lab.simple()
    sdk, client = _anthropic(lab, p, "sk-wrong")
    try:
        client.messages.create(**ASK)
    except sdk.AuthenticationError as error:
        equal((error.status_code, error.body["error"]["type"]), (401, "authentication_error"), "status and type")
        return
    fail("expected an AuthenticationError")


@check("anthropic SDK: an unknown model raises NotFoundError, an overloaded provider an error of its kind")
def _(lab):
    p, up = lab.simple()
    sdk, client = _anthropic(lab, p)
    try:
        client.messages.create(**{**ASK, "model": "nope"})
        fail("expected a NotFoundError")
    except sdk.NotFoundError as error:
        contains(str(error), "nope", "the message")
    up.reply(says(429, "slow down", retry_after=3))
    try:
        client.messages.create(**ASK)
        fail("expected a RateLimitError")
    except sdk.RateLimitError as error:
        equal(error.response.headers["retry-after"], "3", "retry-after")


@check("anthropic SDK: a stream that breaks raises")
def _(lab):
    p, up = lab.simple()
    up.reply(stream(ANTHROPIC.begin("m"), ends=False, then="reset"))
    sdk, client = _anthropic(lab, p)
    try:
        with client.messages.stream(**ASK) as told:
            list(told.text_stream)
    except sdk.APIError:
        return
    fail("expected an APIError")


@check("anthropic SDK: a fallback to an OpenAI tier, whole and streamed")
def _(lab):
    near, far = lab.upstream(), lab.upstream()
    near.reply(status(529))
    p = lab.proxyd(
        f"upstreams: {{near: {near.declare()}, far: {far.declare('openai')}}}\nrules: [{{name: all, tiers: [near, far/gpt-x]}}]"
    )
    _sdk_, client = _anthropic(lab, p)
    message = client.messages.create(**ASK)
    equal((message.content[0].text, message.usage.input_tokens, message.stop_reason), (HELLO, 14, "end_turn"), "the message")
    with client.messages.stream(**ASK) as told:
        equal("".join(told.text_stream), HELLO, "the streamed text")
        equal(told.get_final_message().usage.output_tokens, TOKENS_OUT, "output tokens")


@check("anthropic SDK: the list of models")
def _(lab):
    p, _up = lab.simple(rules='- {models: [claude-listed, "claude-*"], tiers: [claude]}')
    _sdk_, client = _anthropic(lab, p)
    expect("claude-listed" in [model.id for model in client.models.list()], "claude-listed among the models")


@check("openai SDK: a whole completion")
def _(lab):
    p, up = lab.simple()
    _sdk_, client = _openai(lab, p)
    told = client.chat.completions.create(**CHAT)
    equal((told.choices[0].message.content, told.usage.completion_tokens), (HELLO, TOKENS_OUT), "the completion")
    equal(up.last.header("authorization"), "Bearer provider-key-one", "authorization at the upstream")


@check("openai SDK: a streamed completion, with and without usage")
def _(lab):
    p, _up = lab.simple()
    _sdk_, client = _openai(lab, p)
    chunks = list(client.chat.completions.create(**CHAT, stream=True))
    equal("".join(chunk.choices[0].delta.content or "" for chunk in chunks), HELLO, "the text")
    equal([chunk.usage for chunk in chunks if chunk.usage], [], "usage that was not asked for")
    chunks = list(client.chat.completions.create(**CHAT, stream=True, stream_options={"include_usage": True}))
    equal(chunks[-1].usage.completion_tokens, TOKENS_OUT, "usage of the last chunk")


@check("openai SDK: a wrong key raises AuthenticationError")
def _(lab):
    p, _up = lab.simple()
    sdk, client = _openai(lab, p, "sk-wrong")
    try:
        client.chat.completions.create(**CHAT)
    except sdk.AuthenticationError as error:
        equal(
            (error.status_code, error.code, error.type), (401, "invalid_api_key", "invalid_request_error"), "status, code, type"
        )
        return
    fail("expected an AuthenticationError")


@check("openai SDK: a stream that breaks raises, one that hangs is given up")
def _(lab):
    p, up = lab.simple("timeouts: {first_byte: 500ms}")
    sdk, client = _openai(lab, p)
    up.reply(stream(OPENAI.begin("m"), ends=False, then="reset"))
    try:
        list(client.chat.completions.create(**CHAT, stream=True))
        fail("expected an APIError")
    except sdk.APIError:
        pass
    up.reply(hang)
    try:
        client.chat.completions.create(**CHAT)
        fail("expected an InternalServerError")
    except sdk.InternalServerError as error:
        equal(error.status_code, 504, "the status")


@check("openai SDK: the list of models and embeddings")
def _(lab):
    p, up = lab.simple(rules='- {models: [gpt-listed, "gpt-*"], tiers: [gpt]}')
    _sdk_, client = _openai(lab, p)
    expect("gpt-listed" in [model.id for model in client.models.list()], "gpt-listed among the models")
    up.reply(
        whole(
            {
                "object": "list",
                "model": "gpt-e",
                "data": [{"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}],
                "usage": {"prompt_tokens": 2, "total_tokens": 2},
            }
        )
    )
    told = client.embeddings.create(model="gpt-e", input="x", encoding_format="float")
    equal(told.data[0].embedding, [0.5, 0.25], "the embedding")
