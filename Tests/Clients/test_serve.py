"""Every SDK over `transformers serve`, asked by Chat Completions and by Responses, streamed and whole."""

import story
import tiny_llama
from checks import check, contains, equal, expect, fail
from serve import UPSTREAMS
from stage import CLIENTS
from story import Result

ALL = [(client, upstream, mode) for client in CLIENTS for upstream in UPSTREAMS for mode in ("whole", "streamed")]


def serve(sentence, rows=ALL):
    return check(f"{{client}} over {{upstream}}, {{mode}}: {sentence}", rows=rows, seconds=180)


def talk(stage, client, upstream, **options):
    stage.mark()
    made = CLIENTS[client](stage, upstream, proxy=stage.serve.ready(), **options)
    made.says_stream = True  # it streams what does not ask for the contrary
    return made


@serve("a greeting, and a second one")
def _(stage, client, upstream, mode):
    asking = talk(stage, client, upstream)
    told = asking.question("Say hello.", mode == "streamed")
    equal((told.text, told.calls, told.stop), (tiny_llama.HELLO, [], asking.stops["end"]), "text, calls, stop reason")
    expect(told.usage.total_in > 8 and told.usage.out > 8 and told.usage.cached == 0, "likely numbers of tokens", told.usage)
    contains(told.model, "tiny-llama", "the model that answered")
    equal(asking.question("Again.", mode == "streamed").text, "Hello again.", "the text of the second turn")


@serve("a system prompt")
def _(stage, client, upstream, mode):
    equal(talk(stage, client, upstream, system="Be brief.").question("Say hello.", mode == "streamed").text, "Hi.", "the text")


@serve("thoughts are kept apart from the text")
def _(stage, client, upstream, mode):
    asking = talk(stage, client, upstream, thinking="budget")
    told = asking.question("Think, then say hello.", mode == "streamed")
    equal(told.text, tiny_llama.HELLO, "the text")
    if (client, upstream) != ("responses", "serve-responses"):  # passed as it is: reasoning text, of which there is no summary
        equal(told.thoughts, tiny_llama.MUSING, "the thoughts")


@serve("a tool call, its result, the answer")
def _(stage, client, upstream, mode):
    asking = talk(stage, client, upstream, tools=story.TOOLS)
    told = asking.question("How is Paris?", mode == "streamed")
    equal((told.asked(), told.stop), ([("get_weather", tiny_llama.PARIS)], asking.stops["tool"]), "the call and the stop reason")
    asking.give(told.calls, [Result("12 degrees")])
    told = asking.turn(mode == "streamed")
    equal((told.text, told.stop), ("It is 12 degrees in Paris.", asking.stops["end"]), "text and stop reason")


@serve("two tool calls at once, their results, the answer")
def _(stage, client, upstream, mode):
    asking = talk(stage, client, upstream, tools=story.TOOLS)
    told = asking.question("How are Paris and Rome?", mode == "streamed")
    equal(told.asked(), [("get_weather", tiny_llama.PARIS), ("get_weather", tiny_llama.ROME)], "the calls")
    asking.give(told.calls, [Result("12 degrees"), Result("21 degrees")])
    equal(asking.turn(mode == "streamed").text, "12 degrees in Paris, 21 degrees in Rome.", "the text")


@serve("an answer that was too long", [row for row in ALL if row[1] == "serve"])
def _(stage, client, upstream, mode):
    asking = talk(stage, client, upstream, max_tokens=5)
    told = asking.question("Say hello.", mode == "streamed")
    expect(told.text and tiny_llama.HELLO.startswith(told.text), "the beginning of the greeting", told.text)
    equal((told.stop, told.usage.out), (asking.stops["length"], 5), "stop reason and tokens")


@serve("an error in FastAPI's shape")
def _(stage, client, upstream, mode):
    asking = talk(stage, client, f"{upstream}-other")
    try:
        told = asking.question("Say hello.", mode == "streamed")
    except asking.any_error() as error:
        expect(
            isinstance(error, asking.error_class(400)) and asking.status(error) == 400, "an error of a bad request", repr(error)
        )
        contains(str(error), "pinned to 'tiny-llama'", "the message")
        return
    fail(f"expected an error, got {told}")
