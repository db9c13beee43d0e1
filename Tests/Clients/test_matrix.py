"""Every SDK over every upstream dialect, streamed and whole."""

import json

import story
from checks import check, contains, equal, expect, fail, lacks, one_of
from stage import CLIENTS, SAME, SIGNED, UPSTREAMS
from story import Result

MODES = ("whole", "streamed")
ALL = [(client, upstream, mode) for client in CLIENTS for upstream in UPSTREAMS for mode in MODES]
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c49444154789c63f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)
PDF = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\ntrailer<</Root 1 0 R>>\n%%EOF\n"


def matrix(sentence, rows=ALL):
    return check(f"{{client}} over {{upstream}}, {{mode}}: {sentence}", rows=rows)


def thinking(client, upstream):
    """How a client asks for thoughts: its own vendor insists on the form of the model."""
    if client == "anthropic" and upstream == "anthropic-adaptive":
        return "adaptive"
    if client == "gemini" and upstream == "gemini-3":
        return "level"
    return "budget"


def can_think(client, upstream):
    """gpt-4o does not, and its own format says so."""
    return not (client == "chat" and upstream == "chat")


def spent(client, upstream, out=story.OUT):
    """Tokens as any client counts them: all input, of it cached, output. Gemini knows no cache writes."""
    written = 0 if upstream.startswith("gemini") else story.WRITTEN
    return story.FRESH + story.CACHED + written, story.CACHED, out


def right_model(told, upstream):
    equal(told.model, UPSTREAMS[upstream][1], "the model that answered")


@matrix("a greeting with all its characters, model, stop reason and usage")
def _(stage, client, upstream, mode):
    talk = stage.talk(client, upstream)
    told = talk.question("[hello]", mode == "streamed")
    equal((told.text, told.stop, told.calls), (story.HELLO, talk.stops["end"], []), "text, stop reason, calls")
    right_model(told, upstream)
    equal((told.usage.total_in, told.usage.cached, told.usage.out), spent(client, upstream), "tokens in, cached, out")


@matrix("a conversation of several turns with a system prompt")
def _(stage, client, upstream, mode):
    talk = stage.talk(client, upstream, system="Be brief.\nAnd kind.", max_tokens=2000)
    for text in ("[hello]", "one more [hello]"):
        equal(talk.question(text, mode == "streamed").text, story.HELLO, "the text")
    echoed = json.loads(talk.question("[echo]", mode == "streamed").text)
    equal(echoed["system"], "Be brief.\nAnd kind.", "the system prompt at the provider")
    equal(echoed["max_tokens"], 2000, "the most tokens, at the provider")


@matrix("a tool call with hard arguments, its result, the answer")
def _(stage, client, upstream, mode):
    talk = stage.talk(client, upstream, tools=story.TOOLS)
    told = talk.question("How is it in München? [tool]", mode == "streamed")
    equal(told.asked(), [("get_weather", story.WEATHER)], "the calls")
    equal(told.stop, talk.stops["tool"], "the stop reason")
    talk.give(told.calls, [Result('{"degrees": 21, "sky": "wolkig ☁️"}')])
    told = talk.turn(mode == "streamed")
    equal(
        (told.text, told.stop),
        ('The tools said: {"degrees": 21, "sky": "wolkig ☁️"}.', talk.stops["end"]),
        "text and stop reason",
    )


@matrix("three calls at once, one of which fails, and a further question")
def _(stage, client, upstream, mode):
    talk = stage.talk(client, upstream, tools=story.TOOLS)
    told = talk.question("[tools]", mode == "streamed")
    equal(told.asked(), [("get_weather", place) for place in story.PLACES], "the calls")
    ids = [id_ for id_, _, _ in told.calls]
    expect(len(set(ids)) == 3 or client == "gemini" and set(ids) == {None}, "three ids", ids)
    equal(told.stop, talk.stops["tool"], "the stop reason")
    talk.give(told.calls, [Result("21 degrees"), Result("no such city", is_error=True), Result("晴れ")])
    told = talk.turn(mode == "streamed")
    # A Chat or Responses client has nothing but words for a failure.
    told.text = told.text.replace("Error: ", "error: ")
    equal(told.text, "The tools said: 21 degrees | error: no such city | 晴れ.", "the text")
    equal(talk.question("thanks [hello]", mode == "streamed").text, story.HELLO, "the text after the tools")


@matrix("a call without arguments")
def _(stage, client, upstream, mode):
    talk = stage.talk(client, upstream, tools=story.TOOLS)
    told = talk.question("[bare]", mode == "streamed")
    equal([(name, arguments or {}) for name, arguments in told.asked()], [("get_time", {})], "the calls")
    talk.give(told.calls, [Result("12:00")])
    equal(talk.turn(mode == "streamed").text, "The tools said: 12:00.", "the text")


@matrix("text before two different calls")
def _(stage, client, upstream, mode):
    talk = stage.talk(client, upstream, tools=story.TOOLS)
    told = talk.question("[mixed]", mode == "streamed")
    equal(told.text, "Let me look. ", "the text")
    equal([name for name, _ in told.asked()], ["get_time", "get_weather"], "the calls")
    talk.give(told.calls, [Result("12:00"), Result("")])
    equal(talk.turn(mode == "streamed").text, "The tools said: 12:00 | .", "the text")


@matrix("the tool's schema arrives, a forced tool is forced, forbidden tools are forbidden")
def _(stage, client, upstream, mode):
    talk = stage.talk(client, upstream, tools=story.TOOLS)
    equal(json.loads(talk.question("[schema]", mode == "streamed").text), ["city", "days", "deep", "note"], "the properties")
    for choice, scene in (("any", "forced"), ("get_time", "forced"), ("none", "forbidden")):
        talk = stage.talk(client, upstream, tools=story.TOOLS, choice=choice)
        told = talk.question(f"[{scene}]", mode == "streamed")
        equal((told.text, len(told.calls)), (story.HELLO, 0) if choice == "none" else ("", 1), f"text and calls with {choice}")


@matrix("thoughts are asked for, shown apart from the text, and counted", [row for row in ALL if can_think(*row[:2])])
def _(stage, client, upstream, mode):
    talk = stage.talk(client, upstream, thinking=thinking(client, upstream))
    told = talk.question("[think]", mode == "streamed")
    equal((told.text, told.stop), (story.HELLO, talk.stops["end"]), "text and stop reason")
    shown = upstream in SIGNED or (client, upstream) == ("responses", "azure")
    equal(told.thoughts, story.MUSING if shown else "", "the thoughts")
    equal((told.usage.total_in, told.usage.cached, told.usage.out), spent(client, upstream), "tokens in, cached, out")
    equal(talk.question("[hello]", mode == "streamed").text, story.HELLO, "the next turn's text")


@matrix("thoughts before a tool call, through the loop and beyond", [row for row in ALL if can_think(*row[:2])])
def _(stage, client, upstream, mode):
    talk = stage.talk(client, upstream, thinking=thinking(client, upstream), tools=story.TOOLS)
    talk.echoes = upstream == "chat-reasoning"
    told = talk.question("[think-tool]", mode == "streamed")
    equal(told.asked(), [("get_weather", {"city": "Paris"})], "the calls")
    talk.give(told.calls, [Result("21 degrees")])
    told = talk.turn(mode == "streamed")
    contains(told.text, "The tools said: 21 degrees.", "the text")
    if keeps_signatures(client, upstream):
        contains(told.text, "Thoughts came back.", "the text (the provider's own signature)")
    equal(talk.question("[hello]", mode == "streamed").text, story.HELLO, "the next turn's text")


def keeps_signatures(client, upstream):
    """Where the provider's own signature has to find its way back, through the client or remembered by proxyd."""
    if upstream in ("chat", "azure", "gemini-2.5"):  # none that could be seen
        return (client, upstream) == ("responses", "azure")
    # A Chat client has no place for OpenAI's encrypted reasoning, and nobody asks proxyd to remember it.
    return (client, upstream) != ("chat", "responses")


@matrix("a structured answer")
def _(stage, client, upstream, mode):
    talk = stage.talk(client, upstream, schema=story.FORECAST_SCHEMA)
    equal(json.loads(talk.question("[json]", mode == "streamed").text), story.FORECAST, "the answer")


@matrix("an answer that was too long, and one that was refused")
def _(stage, client, upstream, mode):
    talk = stage.talk(client, upstream)
    told = talk.question("[long]", mode == "streamed")
    equal((told.text, told.stop), ("It goes on and", talk.stops["length"]), "text and stop reason")
    talk = stage.talk(client, upstream)
    told = talk.question("[refuse]", mode == "streamed")
    equal(told.stop, talk.stops["refusal"], "the stop reason")


@matrix("a stop sequence stops", [row for row in ALL if row[0] != "responses" and row[:2] not in (("chat", "azure"),)])
def _(stage, client, upstream, mode):
    talk = stage.talk(client, upstream, stops=["###"])
    told = talk.question("[stop]", mode == "streamed")
    equal(told.text, "before ", "the text")
    one_of(told.stop, (talk.stops["end"], talk.stops["stop"]), "the stop reason")


@matrix("a picture and a document arrive")
def _(stage, client, upstream, mode):
    talk = stage.talk(client, upstream)
    told = talk.question("What is this? [image]", mode == "streamed", [("image/png", PNG), ("application/pdf", PDF)])
    equal(told.text, f"<image/png {len(PNG)}> <application/pdf {len(PDF)}>", "the text")


@matrix("a tool with a long name is called by its name")
def _(stage, client, upstream, mode):
    name = "a_tool_with_a_name_as_servers_of_tools_make_them_" + "x" * 15
    longer = name if client in ("chat", "responses") else name + "__and_a_little_more"  # OpenAI ends at 64
    tools = [{"name": longer, "description": "", "schema": story.TOOLS[1]["schema"]}]
    talk = stage.talk(client, upstream, tools=tools)
    told = talk.question("[first]", mode == "streamed")
    equal([called for called, _ in told.asked()], [longer], "the call")
    talk.give(told.calls, [Result("done")])
    equal(talk.turn(mode == "streamed").text, "The tools said: done.", "the text")


def takes_result_pictures(client, upstream):
    """A Chat client cannot say it; a provider that is asked in its own format may not take it."""
    if upstream in SAME[client]:
        return upstream in ("anthropic", "anthropic-adaptive", "responses", "gemini-3") or (client, upstream) == (
            "responses",
            "azure",
        )
    return client != "chat"


@matrix("a picture in a tool's result arrives", [row for row in ALL if takes_result_pictures(*row[:2])])
def _(stage, client, upstream, mode):
    talk = stage.talk(client, upstream, tools=story.TOOLS)
    told = talk.question("[tool]", mode == "streamed")
    talk.give(told.calls, [Result("a radar image", images=[("image/png", PNG)])])
    contains(talk.turn(mode == "streamed").text, f"<image/png {len(PNG)}>", "the text")


@matrix("a temperature arrives where the model has one", [row for row in ALL if row[0] != "anthropic"])
def _(stage, client, upstream, mode):
    if upstream in SAME[client] and upstream in ("responses", "azure"):
        return  # the vendor refuses it, and the client asked for it in the vendor's own words
    talk = stage.talk(client, upstream, temperature=0.5)
    echoed = json.loads(talk.question("[echo]", mode == "streamed").text)
    wanted = None if upstream in ("responses", "azure", "anthropic-adaptive") else 0.5
    equal(echoed["temperature"], wanted, "the temperature at the provider")


ERRORS = ((429, 429), (400, 400), (404, 404), (500, None), (503, None))


@matrix("errors are of the SDK's own classes and keep the provider's words")
def _(stage, client, upstream, mode):
    for status, wanted in ERRORS:
        talk = stage.talk(client, upstream)
        error = raised(talk, f"[error {status}]", mode)
        expect(
            isinstance(error, talk.error_class(status)),
            f"{talk.error_class(status).__name__} for {status}",
            f"{type(error).__name__}: {error}",
        )
        if wanted:
            equal(talk.status(error), wanted, "the status")
        contains(talk.said(error), f"the provider says {status}", "the message")


@matrix("a prompt that is too long is told as the client's format tells it")
def _(stage, client, upstream, mode):
    talk = stage.talk(client, upstream)
    error = raised(talk, "[error 400 context]", mode)
    equal(talk.status(error), 400, "the status")
    if upstream in SAME[client]:
        return
    if client == "anthropic":
        contains(talk.said(error), "prompt is too long", "the message")
    elif client in ("chat", "responses"):
        equal(error.code, "context_length_exceeded", "the code")


def raised(talk, question, mode):
    try:
        told = talk.question(question, mode == "streamed")
    except talk.any_error() as error:
        return error
    fail(f"expected an error, got {told}")


@check("{client} over {upstream}: a stream that is cut raises", rows=[(c, u) for c in CLIENTS for u in UPSTREAMS])
def _(stage, client, upstream):
    talk = stage.talk(client, upstream)
    try:
        told = talk.question("[cut]", True)
    except Exception as error:  # the SDKs differ: their own class, or the HTTP library's for a broken body
        lacks(type(error).__name__, "Failure", "the error")
        return
    fail(f"expected an error, got {told}")


@check(
    "{client} over {upstream}: an error in a stream raises and keeps the provider's words",
    rows=[(c, u) for c in CLIENTS for u in UPSTREAMS],
)
def _(stage, client, upstream):
    talk = stage.talk(client, upstream)
    error = raised(talk, "[fail]", "streamed")
    contains(str(error), "Overloaded", "the error")


@check("{client} over {upstream}: tokens are counted", rows=[(c, u) for c in CLIENTS if c != "chat" for u in UPSTREAMS])
def _(stage, client, upstream):
    talk = stage.talk(client, upstream)
    talk.say("How long is this?")
    count = talk.count()
    if upstream in SAME[client] and (client, upstream) != ("responses", "azure"):
        equal(count, 41, "the provider's count")
    else:
        expect(isinstance(count, int) and 0 < count < 60, "a likely count", count)


@check("{client}: a wrong key, and none of the models, raise what they should", rows=[(c,) for c in CLIENTS])
def _(stage, client):
    talk = stage.talk(client, "anthropic", key="sk-wrong")
    for mode in MODES:
        error = raised(talk, "[hello]", mode)
        expect(isinstance(error, talk.error_class(401)) and talk.status(error) == 401, "an error of authentication", repr(error))
        error = raised(stage.talk(client, "no-such-model"), "[hello]", mode)
        expect(
            isinstance(error, talk.error_class(404)) and talk.status(error) == 404, "an error that nothing is there", repr(error)
        )
        contains(talk.said(error), "no-such-model", "the message")


@check("{client}: the list of models", rows=[(c,) for c in CLIENTS])
def _(stage, client):
    listed = stage.talk(client, "anthropic").listed()
    for upstream in UPSTREAMS:
        expect(upstream in listed, f"{upstream} among the models", listed)


@matrix("instructions in the middle of a conversation", [row for row in ALL if row[0] in ("chat", "responses")])
def _(stage, client, upstream, mode):
    talk = stage.talk(client, upstream, tools=story.TOOLS)
    told = talk.question("[tool]", mode == "streamed")
    talk.give(told.calls, [Result("21 degrees")])
    talk.items.append({"role": "developer" if client == "responses" else "system", "content": "From now on be kind."})
    contains(talk.question("[hello]", mode == "streamed").text, story.HELLO, "the text")
    contains(stage.asked(upstream).body.decode(), "From now on be kind.", "the request at the provider")


@matrix("a history of all the others is taken up")
def _(stage, client, upstream, mode):
    """Mid-conversation fallback: thoughts, calls, results and answers that other vendors made."""
    talk = stage.talk(client, "anthropic", tools=story.TOOLS)
    for other in UPSTREAMS:
        talk.model = other
        talk.options.thinking = thinking(client, other) if can_think(client, other) else None
        told = talk.question("[think-tool]", mode == "streamed")
        # The tool loop goes on somewhere else.
        talk.model = upstream
        talk.options.thinking = thinking(client, upstream) if can_think(client, upstream) else None
        talk.give(told.calls, [Result(f"21 from {other}")])
        contains(talk.turn(mode == "streamed").text, f"The tools said: 21 from {other}.", f"the text after {other}")
    equal(talk.question("[hello]", mode == "streamed").text, story.HELLO, "the last text")
