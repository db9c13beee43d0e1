"""For the checks of presets, quirks and examples: clients of each format that run a tool loop, as agents do, and keep its history.

An agent asks, gets a call, gives its result, gets two calls at once, gives both results, gets words; then it asks once more.
"""

import json

from answers import folded_messages
from checks import equal, expect, short
from conversions import told
from vendors import CALLS, WORDS
from wire import events

SCHEMA = {"type": "object", "properties": {"at": {"type": "string", "description": "Where"}}, "required": ["at"]}
SYSTEM = "You are an agent."


class Agent:
    """One conversation of one client format. `thinking` is True, False, or None where nothing is said of it."""

    path = None

    def __init__(self, proxy, model, streamed=False, thinking=None, native=None, more=None, headers=()):
        self.proxy, self.model, self.streamed, self.thinking = proxy, model, streamed, thinking
        self.native = native  # the server's own words, where the client speaks its format
        self.more, self.headers, self.items, self.lossy = more or {}, headers, [], []
        self.tools = True
        self.keeps = native is not None  # whether a Chat client gives back what vendors put beside OpenAI's members

    def turn(self):
        """Asks; keeps the answer; gives its calls as (id, name, arguments) and its text."""
        body = {**self.body(), **self.more}
        answer = self.proxy.send("POST", self.target(), body, headers=self.headers)
        expect(answer.status == 200, f"a 200 in turn {len(self.lossy) + 1}", repr(answer))
        expect(answer.complete, "a whole answer", repr(answer))
        self.lossy.append(answer.header("x-proxyd-lossy") or "")
        return self.streamed_answer(answer) if self.streamed else self.whole_answer(answer.json())

    def target(self):
        return self.path

    def run(self):
        """The whole loop."""
        self.say("How warm is it?")
        for wanted in CALLS:
            calls, text = self.turn()
            equal([call[1:] for call in calls], wanted, "the calls")
            expect(text.strip() == "", "no words beside the calls", text)
            ids = [call[0] for call in calls]
            expect(len(set(ids)) == len(ids) or set(ids) == {None}, "an id for each call", ids)
            self.give(calls, [f"{arguments['at']}: 21" for _, _, arguments in calls])
        for question in (None, "Thanks!"):
            if question:
                self.say(question)
            calls, text = self.turn()
            equal((calls, text.strip()), ([], WORDS), "calls and words")
        return self


class MessagesAgent(Agent):
    """As Claude Code."""

    path = "/v1/messages?beta=true"

    def say(self, text):
        self.items.append({"role": "user", "content": text})

    def give(self, calls, results):
        blocks = [{"type": "tool_result", "tool_use_id": call[0], "content": result} for call, result in zip(calls, results)]
        self.items.append({"role": "user", "content": blocks})

    def body(self):
        body = {"model": self.model, "max_tokens": 4096, "system": [{"type": "text", "text": SYSTEM, "cache_control": {"type": "ephemeral"}}],
                "messages": self.items, "metadata": {"user_id": "user_0_account__session_1"}}  # fmt: skip
        if self.tools:
            body["tools"] = [{"name": "look", "description": "Looks.", "input_schema": SCHEMA}]
        if self.thinking is not None:
            body["thinking"] = {"type": "enabled", "budget_tokens": 2048} if self.thinking else {"type": "disabled"}
        return {**body, **({"stream": True} if self.streamed else {})}

    def whole_answer(self, value):
        blocks = value["content"]
        self.stopped(blocks, value["stop_reason"])
        return self.kept(blocks)

    def streamed_answer(self, answer):
        blocks, last = folded_messages([one for one in told(answer.body) if one[0] != "ping"])
        self.stopped(blocks, last["delta"]["stop_reason"])
        for block in blocks:
            text = block.pop("json")
            if block["type"] == "tool_use":
                block["input"] = json.loads(text or "{}")
        names = {"text": ("type", "text"), "thinking": ("type", "thinking", "signature"), "tool_use": ("type", "id", "name", "input")}
        return self.kept([{key: value for key, value in block.items() if key in names.get(block["type"], block)} for block in blocks])

    @staticmethod
    def stopped(blocks, reason):
        equal(reason, "tool_use" if any(block["type"] == "tool_use" for block in blocks) else "end_turn", "the stop reason")

    def kept(self, blocks):
        self.items.append({"role": "assistant", "content": blocks})
        calls = [(block["id"], block["name"], block["input"]) for block in blocks if block["type"] == "tool_use"]
        return calls, "".join(block["text"] for block in blocks if block["type"] == "text")


class ChatAgent(Agent):
    """As an SDK that keeps of an answer what OpenAI's format has, unless it speaks the server's own dialect of it."""

    path = "/v1/chat/completions"

    def say(self, text):
        self.items.append({"role": "user", "content": text})

    def give(self, calls, results):
        self.items += [{"role": "tool", "tool_call_id": call[0], "content": result} for call, result in zip(calls, results)]

    def body(self):
        body = {"model": self.model, "messages": [{"role": "system", "content": SYSTEM}, *self.items]}
        if self.tools:
            body["tools"] = [{"type": "function", "function": {"name": "look", "description": "Looks.", "parameters": SCHEMA}}]
        if self.native is not None:
            body.update(self.native)
        elif self.thinking is not None:
            body["reasoning_effort"] = "high" if self.thinking else "none"
        return {**body, **({"stream": True} if self.streamed else {})}

    def whole_answer(self, value):
        choice = value["choices"][0]
        return self.kept(choice["message"], choice["finish_reason"])

    def streamed_answer(self, answer):
        found = [data for _, data in events(answer.body)]
        equal(found[-1], "[DONE]", "the last event")
        message, finish, calls = {"role": "assistant", "content": None}, None, {}
        for chunk in map(json.loads, found[:-1]):
            for choice in chunk.get("choices") or []:
                finish = choice.get("finish_reason") or finish
                delta = choice.get("delta") or {}
                for name in ("content", "reasoning_content", "reasoning"):
                    if isinstance(delta.get(name), str):
                        message[name] = (message.get(name) or "") + delta[name]
                    elif delta.get(name):
                        message[name] = (message.get(name) or []) + delta[name]
                if delta.get("reasoning_details"):
                    message["reasoning_details"] = message.get("reasoning_details", []) + delta["reasoning_details"]
                for part in delta.get("tool_calls") or []:
                    call = calls.setdefault(part["index"], {"id": None, "type": "function", "function": {"name": "", "arguments": ""}})
                    call["id"] = part.get("id") or call["id"]
                    for name in ("name", "arguments"):
                        call["function"][name] += part.get("function", {}).get(name) or ""
                    if part.get("extra_content"):
                        call["extra_content"] = part["extra_content"]
        if calls:
            message["tool_calls"] = [calls[index] for index in sorted(calls)]
        return self.kept(message, finish)

    def kept(self, message, finish):
        calls = message.get("tool_calls") or []
        equal(finish, "tool_calls" if calls else "stop", "the finish reason")
        known = {"role", "content", "tool_calls"} | ({"reasoning_content", "reasoning", "reasoning_details"} if self.keeps else set())
        kept = {key: value for key, value in message.items() if key in known and (value or key == "content")}
        self.items.append(kept)
        text = message.get("content") or ""
        if isinstance(text, list):
            text = "".join(part.get("text", "") for part in text if part["type"] == "text")
        if self.keeps and "</think>" in text:
            text = text.partition("</think>")[2]
        return [(call["id"], call["function"]["name"], json.loads(call["function"]["arguments"] or "{}")) for call in calls], text


class ResponsesAgent(Agent):
    """As Codex."""

    path = "/v1/responses"

    def say(self, text):
        self.items.append({"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]})

    def give(self, calls, results):
        self.items += [{"type": "function_call_output", "call_id": call[0], "output": result} for call, result in zip(calls, results)]

    def body(self):
        developer = {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "Be brief."}]}
        body = {"model": self.model, "instructions": SYSTEM, "input": [developer, *self.items], "store": False, "parallel_tool_calls": True,
                "include": ["reasoning.encrypted_content"], "prompt_cache_key": "0f9b1c2d", "text": {"verbosity": "low"},
                "client_metadata": {"x-codex-installation-id": "1"}}  # fmt: skip
        if self.tools:
            tool = {"type": "function", "name": "look", "description": "Looks.", "parameters": SCHEMA, "strict": False}
            body.update(tools=[tool], tool_choice="auto")
        if self.thinking is not None:
            body["reasoning"] = {"effort": "high", "summary": "auto"} if self.thinking else {"effort": "none"}
        return {**body, **({"stream": True} if self.streamed else {})}

    def whole_answer(self, value):
        equal(value["status"], "completed", "the status")
        return self.kept(value["output"])

    def streamed_answer(self, answer):
        found = told(answer.body)
        last = [value for _, value in found if isinstance(value, dict) and value["type"] == "response.completed"]
        expect(len(last) == 1, "one response.completed", short(answer.text, 1200))
        done = [value["item"] for _, value in found if isinstance(value, dict) and value["type"] == "response.output_item.done"]
        return self.kept(done or last[0]["response"]["output"])

    def kept(self, items):
        self.items += [{key: value for key, value in item.items() if key != "status"} for item in items]
        calls = [(item["call_id"], item["name"], json.loads(item["arguments"])) for item in items if item["type"] == "function_call"]
        words = [part["text"] for item in items if item["type"] == "message" for part in item["content"] if part["type"] == "output_text"]
        return calls, "".join(words)


class GeminiAgent(Agent):
    """As Google's SDK."""

    def target(self):
        mode = "streamGenerateContent?alt=sse" if self.streamed else "generateContent"
        return f"/v1beta/models/{self.model}:{mode}"

    def say(self, text):
        self.items.append({"role": "user", "parts": [{"text": text}]})

    def give(self, calls, results):
        parts = []
        for call, result in zip(calls, results):
            response = {"name": call[1], "response": {"output": result}}
            parts.append({"functionResponse": {**response, **({"id": call[0]} if call[0] else {})}})
        self.items.append({"role": "user", "parts": parts})

    def body(self):
        config = {"maxOutputTokens": 4096}
        if self.thinking is not None:
            config["thinkingConfig"] = {"thinkingBudget": 2048, "includeThoughts": True} if self.thinking else {"thinkingBudget": 0}
        body = {"contents": self.items, "systemInstruction": {"parts": [{"text": SYSTEM}]}, "generationConfig": config}
        if self.tools:
            body["tools"] = [{"functionDeclarations": [{"name": "look", "description": "Looks.", "parameters": SCHEMA}]}]
        return body

    def whole_answer(self, value):
        return self.kept(value["candidates"][0].get("content", {}).get("parts", []), value["candidates"][0].get("finishReason"))

    def streamed_answer(self, answer):
        parts, finish = [], None
        for _, value in told(answer.body):
            for candidate in value.get("candidates", []):
                parts += candidate.get("content", {}).get("parts", [])
                finish = candidate.get("finishReason") or finish
        return self.kept(parts, finish)

    def kept(self, parts, finish):
        equal(finish, "STOP", "the finish reason")
        self.items.append({"role": "model", "parts": parts})
        calls = [part["functionCall"] for part in parts if "functionCall" in part]
        text = "".join(part["text"] for part in parts if "text" in part and not part.get("thought"))
        return [(call.get("id"), call["name"], call.get("args") or {}) for call in calls], text


AGENTS = {"anthropic": MessagesAgent, "openai": ChatAgent, "responses": ResponsesAgent, "gemini": GeminiAgent}
MODES = [(streamed, thinking) for streamed in (False, True) for thinking in (None, True, False)]


def told_all(attempts):
    """Calls each of {words: function}; the failures of all of them are one failure."""
    from checks import Failure

    failed = []
    for words, attempt in attempts.items():
        try:
            attempt()
        except Failure as failure:
            failed.append(f"{words}: {short(str(failure), 360)}")
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            failed.append(f"{words}: {type(error).__name__} {short(str(error), 200)}")
    expect(not failed, f"all {len(attempts)} to go well", f"{len(failed)} did not: " + " || ".join(failed[:3]))
