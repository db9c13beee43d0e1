"""What each SDK has of its own: helpers that run tools, parse answers into classes, keep a chat, ask side by side."""

import asyncio
import json

import story
from checks import check, contains, equal, expect
from harness import USER_KEY
from sdk import SECONDS, load
from stage import UPSTREAMS

EVERYWHERE = [(upstream,) for upstream in UPSTREAMS]
FORECAST = (story.FORECAST["city"], story.FORECAST["degrees"])
STRICT_TOOL = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


def forecast_class():
    pydantic = load("pydantic")
    return pydantic.create_model("Forecast", city=(str, ...), degrees=(int, ...))


def get_weather(city: str) -> str:
    """The weather of a city.

    Args:
        city: its name
    """
    return f"21 in {city}"


def expect_cities(text):
    """The results of the three calls, given together."""
    for place in story.PLACES:
        contains(text, f"21 in {place['city']}", "the answer after the tools")


def together(ask, count=6):
    """Several questions at the same time."""

    async def gather():
        return await asyncio.gather(*(ask(number) for number in range(count)))

    return asyncio.run(gather())


# ---------------------------------------------------------------- anthropic


@check("anthropic over {upstream}: its tool runner, whole and streamed", rows=EVERYWHERE)
def _(stage, upstream):
    talk = stage.talk("anthropic", upstream)
    tool = talk.sdk.beta_tool(get_weather)
    asked = {"model": upstream, "max_tokens": 500, "tools": [tool], "messages": [{"role": "user", "content": "[tools]"}]}
    expect_cities(talk.client.beta.messages.tool_runner(**asked).until_done().content[0].text)
    last = None
    for stream in talk.client.beta.messages.tool_runner(**asked, stream=True):
        for _event in stream:
            pass
        last = stream.get_final_message()
    expect_cities(last.content[0].text)


@check("anthropic over {upstream}: an answer parsed into a class", rows=EVERYWHERE)
def _(stage, upstream):
    talk = stage.talk("anthropic", upstream)
    asked = {"model": upstream, "max_tokens": 500, "messages": [{"role": "user", "content": "[json]"}]}
    told = talk.client.messages.parse(**asked, output_format=forecast_class()).parsed_output
    equal((told.city, told.degrees), FORECAST, "the answer")


@check("anthropic over {upstream}: several streams at once, and every event in its place", rows=EVERYWHERE)
def _(stage, upstream):
    sdk = stage.talk("anthropic", upstream).sdk

    async def ask(number):
        async with sdk.AsyncAnthropic(
            base_url=f"http://127.0.0.1:{stage.proxy.port}", api_key=USER_KEY, max_retries=0, timeout=SECONDS
        ) as client:
            asked = {"model": upstream, "max_tokens": 500, "messages": [{"role": "user", "content": f"{number} [hello]"}]}
            return [event async for event in await client.messages.create(**asked, stream=True)]

    for events in together(ask):
        names = [event.type for event in events]
        deltas = names.count("content_block_delta")
        wanted = [
            "message_start",
            "content_block_start",
            *["content_block_delta"] * deltas,
            "content_block_stop",
            "message_delta",
            "message_stop",
        ]
        equal(names, wanted, "the events")
        equal("".join(event.delta.text for event in events if event.type == "content_block_delta"), story.HELLO, "the text")
        start = events[0].message
        equal((start.type, start.role, start.content, start.stop_reason), ("message", "assistant", [], None), "the first event")
        expect(start.id.startswith("msg_"), "an id of a message", start.id)


@check("anthropic over {upstream}: the head names the request and where it went", rows=EVERYWHERE)
def _(stage, upstream):
    talk = stage.talk("anthropic", upstream)
    asked = {"model": upstream, "max_tokens": 500, "messages": [{"role": "user", "content": "[hello]"}]}
    raw = talk.client.messages.with_raw_response.create(**asked)
    expect(raw.parse()._request_id, "a request id")
    equal(raw.headers.get("x-proxyd-upstream"), upstream, "x-proxyd-upstream")
    equal(raw.headers.get("x-proxyd-model"), UPSTREAMS[upstream][1], "x-proxyd-model")


# ---------------------------------------------------------------- openai


@check("chat over {upstream}: an answer and tool arguments parsed into classes", rows=EVERYWHERE)
def _(stage, upstream):
    talk = stage.talk("chat", upstream)
    asked = {"model": upstream, "messages": [{"role": "user", "content": "[json]"}]}
    told = talk.client.chat.completions.parse(**asked, response_format=forecast_class()).choices[0].message.parsed
    equal((told.city, told.degrees), FORECAST, "the answer")
    place = load("pydantic").create_model("get_weather", city=(str, ...))
    asked = {
        "model": upstream,
        "messages": [{"role": "user", "content": "[tools]"}],
        "tools": [talk.sdk.pydantic_function_tool(place)],
    }
    calls = talk.client.chat.completions.parse(**asked).choices[0].message.tool_calls
    equal([call.function.parsed_arguments.city for call in calls], [place["city"] for place in story.PLACES], "the arguments")


@check("chat over {upstream}: its stream helper", rows=EVERYWHERE)
def _(stage, upstream):
    talk = stage.talk("chat", upstream)
    function = {"name": "get_weather", "strict": True, "parameters": STRICT_TOOL}
    asked = {
        "model": upstream,
        "messages": [{"role": "user", "content": "[tools]"}],
        "tools": [{"type": "function", "function": function}],
    }
    with talk.client.chat.completions.stream(**asked) as stream:
        done = [event for event in stream if event.type == "tool_calls.function.arguments.done"]
        final = stream.get_final_completion().choices[0]
    equal([json.loads(event.arguments) for event in done], story.PLACES, "the calls, each told when it was done")
    equal((final.finish_reason, len(final.message.tool_calls)), ("tool_calls", 3), "the end")
    asked = {"model": upstream, "messages": [{"role": "user", "content": "[json]"}], "response_format": forecast_class()}
    with talk.client.chat.completions.stream(**asked) as stream:
        told = stream.get_final_completion().choices[0].message.parsed
    equal((told.city, told.degrees), FORECAST, "the answer")


@check("chat over {upstream}: several streams at once, usage only where it is asked for", rows=EVERYWHERE)
def _(stage, upstream):
    sdk = stage.talk("chat", upstream).sdk

    async def ask(number):
        async with sdk.AsyncOpenAI(
            base_url=f"http://127.0.0.1:{stage.proxy.port}/v1", api_key=USER_KEY, max_retries=0, timeout=SECONDS
        ) as client:
            asked = {"model": upstream, "messages": [{"role": "user", "content": f"{number} [hello]"}]}
            return [chunk async for chunk in await client.chat.completions.create(**asked, stream=True)]

    for chunks in together(ask):
        equal([chunk.usage for chunk in chunks if chunk.usage], [], "usage that nobody asked for")
        told = [chunk.choices[0] for chunk in chunks if chunk.choices]
        equal("".join(choice.delta.content or "" for choice in told), story.HELLO, "the text")
        equal([choice.finish_reason for choice in told if choice.finish_reason], ["stop"], "the finish reasons")


@check("responses over {upstream}: an answer and tool arguments parsed into classes", rows=EVERYWHERE)
def _(stage, upstream):
    talk = stage.talk("responses", upstream)
    told = talk.client.responses.parse(model=upstream, input="[json]", text_format=forecast_class()).output_parsed
    equal((told.city, told.degrees), FORECAST, "the answer")
    tool = talk.sdk.pydantic_function_tool(load("pydantic").create_model("get_weather", city=(str, ...)))
    flat = {"type": "function", **tool["function"]}
    calls = talk.client.responses.parse(model=upstream, input="[tools]", tools=[flat]).output
    equal([call.parsed_arguments for call in calls if call.type == "function_call"], story.PLACES, "the arguments")


@check("responses over {upstream}: its stream helper", rows=EVERYWHERE)
def _(stage, upstream):
    talk = stage.talk("responses", upstream)
    with talk.client.responses.stream(model=upstream, input="[hello]", instructions="Be kind.") as stream:
        names = [event.type for event in stream]
        final = stream.get_final_response()
    equal((final.output_text, final.status), (story.HELLO, "completed"), "text and status")
    deltas = names.count("response.output_text.delta")
    item = ["response.output_item.added", "response.content_part.added", *["response.output_text.delta"] * deltas]
    item += ["response.output_text.done", "response.content_part.done", "response.output_item.done"]
    equal(names, ["response.created", "response.in_progress", *item, "response.completed"], "the events")
    tool = {"type": "function", "name": "get_weather", "parameters": STRICT_TOOL, "strict": True}
    with talk.client.responses.stream(model=upstream, input="[tools]", tools=[tool]) as stream:
        done = [json.loads(event.arguments) for event in stream if event.type == "response.function_call_arguments.done"]
    equal(done, story.PLACES, "the calls, each told when it was done")


@check("responses over {upstream}: several answers at once, the request echoed", rows=EVERYWHERE)
def _(stage, upstream):
    sdk = stage.talk("responses", upstream).sdk

    async def ask(number):
        async with sdk.AsyncOpenAI(
            base_url=f"http://127.0.0.1:{stage.proxy.port}/v1", api_key=USER_KEY, max_retries=0, timeout=SECONDS
        ) as client:
            return await client.responses.create(model=upstream, input=f"{number} [hello]", max_output_tokens=300)

    for told in together(ask):
        equal(
            (told.output_text, told.status, told.max_output_tokens), (story.HELLO, "completed", 300), "text, status, most tokens"
        )
        expect(told.id.startswith("resp_") and told.created_at > 0, "an id and a time", told.id)
        equal((told.parallel_tool_calls, told.tools, told.previous_response_id), (True, [], None), "the request, echoed")


# ---------------------------------------------------------------- google-genai


@check("gemini over {upstream}: functions of Python that it calls by itself", rows=EVERYWHERE)
def _(stage, upstream):
    talk = stage.talk("gemini", upstream)
    config = talk.types.GenerateContentConfig(tools=[get_weather])
    expect_cities(talk.client.models.generate_content(model=upstream, contents="[tools]", config=config).text)
    chunks = talk.client.models.generate_content_stream(model=upstream, contents="[tools]", config=config)
    expect_cities("".join(chunk.text or "" for chunk in chunks))


@check("gemini over {upstream}: a chat that keeps its history, streamed and whole by turns", rows=EVERYWHERE)
def _(stage, upstream):
    talk = stage.talk("gemini", upstream)
    config = talk.types.GenerateContentConfig(tools=[get_weather], system_instruction="Be kind.")
    chat = talk.client.chats.create(model=upstream, config=config)
    expect_cities("".join(chunk.text or "" for chunk in chat.send_message_stream("[tools]")))
    equal(chat.send_message("[hello]").text, story.HELLO, "the text")
    expect_cities(chat.send_message("[tools]").text)
    equal("".join(chunk.text or "" for chunk in chat.send_message_stream("[hello]")), story.HELLO, "the text")
    equal(json.loads(chat.send_message("[echo]").text)["system"], "Be kind.", "the system prompt at the provider")


@check("gemini over {upstream}: an answer parsed into a class, by a schema in Google's own words", rows=EVERYWHERE)
def _(stage, upstream):
    talk = stage.talk("gemini", upstream)
    config = talk.types.GenerateContentConfig(response_mime_type="application/json", response_schema=forecast_class())
    told = talk.client.models.generate_content(model=upstream, contents="[json]", config=config).parsed
    equal((told.city, told.degrees), FORECAST, "the answer")


@check("gemini over {upstream}: a tool declared in Google's own words", rows=EVERYWHERE)
def _(stage, upstream):
    talk = stage.talk("gemini", upstream)
    types = talk.types
    kind = types.Type
    schema = types.Schema(
        type=kind.OBJECT,
        required=["city"],
        properties={
            "city": types.Schema(type=kind.STRING, enum=["Paris", "Rome"], nullable=True),
            "days": types.Schema(type=kind.ARRAY, items=types.Schema(type=kind.INTEGER), min_items=1),
            "place": types.Schema(any_of=[types.Schema(type=kind.NUMBER), types.Schema(type=kind.BOOLEAN)]),
        },
    )
    declared = types.FunctionDeclaration(name="get_weather", description="The weather.", parameters=schema)
    off = types.AutomaticFunctionCallingConfig(disable=True)
    config = types.GenerateContentConfig(tools=[types.Tool(function_declarations=[declared])], automatic_function_calling=off)
    told = talk.client.models.generate_content(model=upstream, contents="[schema]", config=config)
    equal(json.loads(told.text), ["city", "days", "place"], "the properties at the provider")
    if not upstream.startswith("gemini"):
        body = stage.asked(upstream).body.decode()
        for word in ("OBJECT", "STRING", "ARRAY", "INTEGER", "NUMBER", "BOOLEAN", "anyOf" if '"anyOf"' not in body else "\0"):
            expect(word not in body, f"no {word} at the provider", body)


@check("gemini over {upstream}: several streams at once", rows=EVERYWHERE)
def _(stage, upstream):
    talk = stage.talk("gemini", upstream)
    sdk, types = talk.sdk, talk.types

    async def ask(number):
        client = sdk.Client(
            api_key=USER_KEY,
            http_options=types.HttpOptions(
                base_url=f"http://127.0.0.1:{stage.proxy.port}", api_version="v1beta", timeout=SECONDS * 1000
            ),
        )
        chunks = await client.aio.models.generate_content_stream(model=upstream, contents=f"{number} [hello]")
        return "".join([chunk.text or "" async for chunk in chunks])

    equal(together(ask), [story.HELLO] * 6, "the texts")


@check("gemini over {upstream}: the SDK's own API version", rows=EVERYWHERE)
def _(stage, upstream):
    talk = stage.talk("gemini", upstream)
    client = talk.sdk.Client(
        api_key=USER_KEY, http_options=talk.types.HttpOptions(base_url=f"http://127.0.0.1:{stage.proxy.port}")
    )
    equal(client.models.generate_content(model=upstream, contents="[hello]").text, story.HELLO, "the text")
    chunks = client.models.generate_content_stream(model=upstream, contents="[hello]")
    equal("".join(chunk.text or "" for chunk in chunks), story.HELLO, "the streamed text")
    expect(0 < client.models.count_tokens(model=upstream, contents="How long?").total_tokens < 60, "a likely count")
    listed = [model.name for model in client.models.list()]
    expect(f"models/{upstream}" in listed, f"{upstream} among the models", listed)
    try:
        client.models.generate_content(model="no-such-model", contents="[hello]")
    except talk.sdk.errors.ClientError as error:
        equal((error.code, error.status), (404, "NOT_FOUND"), "code and status")
        contains(error.message, "no-such-model", "the message")
