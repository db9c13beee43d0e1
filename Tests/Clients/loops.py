"""Tool loops of the clients that people use, run by the Python of the environment that has them: one line of JSON for each.

    python loops.py CLIENT URL KEY MODEL…

The question is "[weather]": the provider calls `get_weather` three times at once, then says what the tools said.
"""

import asyncio
import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile

QUESTION = "How is the weather? [weather]"
SYSTEM = "You are an agent."
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def get_weather(city: str) -> str:
    """The weather of a city."""
    return f"21 in {city}"


CHAT_TOOL = {"type": "function", "function": {"name": "get_weather", "description": "The weather.", "parameters": SCHEMA}}


# ---------------------------------------------------------------- the vendors' SDKs


def openai_chat(url, key, model, streamed):
    import openai

    client = openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)
    items = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": QUESTION}]
    for _turn in range(4):
        if streamed:
            with client.chat.completions.stream(model=model, messages=items, tools=[CHAT_TOOL]) as stream:
                message = stream.get_final_completion().choices[0].message
        else:
            message = client.chat.completions.create(model=model, messages=items, tools=[CHAT_TOOL]).choices[0].message
        if not message.tool_calls:
            return message.content
        items.append({"content": None, **message.model_dump(exclude_none=True, exclude={"tool_calls": {"__all__": {"index": True, "function": {"parsed_arguments"}}}, "parsed": True})})
        for call in message.tool_calls:
            items.append({"role": "tool", "tool_call_id": call.id, "content": get_weather(**json.loads(call.function.arguments))})


def openai_responses(url, key, model, streamed):
    import openai

    client = openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)
    tool = {"type": "function", "name": "get_weather", "description": "The weather.", "parameters": SCHEMA, "strict": False}
    items = [{"role": "user", "content": QUESTION}]
    for _turn in range(4):
        asked = {"model": model, "input": items, "tools": [tool], "instructions": SYSTEM, "store": False, "include": ["reasoning.encrypted_content"]}
        if streamed:
            with client.responses.stream(**asked) as stream:
                told = stream.get_final_response()
        else:
            told = client.responses.create(**asked)
        calls = [item for item in told.output if item.type == "function_call"]
        if not calls:
            return told.output_text
        items += [item.model_dump(exclude_none=True, exclude={"status", "parsed_arguments"}) for item in told.output]
        items += [{"type": "function_call_output", "call_id": call.call_id, "output": get_weather(**json.loads(call.arguments))} for call in calls]


def anthropic(url, key, model, streamed):
    import anthropic as sdk

    client = sdk.Anthropic(base_url=url, api_key=key, max_retries=0)
    items = [{"role": "user", "content": QUESTION}]
    tool = {"name": "get_weather", "description": "The weather.", "input_schema": SCHEMA}
    for _turn in range(4):
        asked = {"model": model, "max_tokens": 4096, "system": SYSTEM, "messages": items, "tools": [tool]}
        if streamed:
            with client.messages.stream(**asked) as stream:
                told = stream.get_final_message()
        else:
            told = client.messages.create(**asked)
        uses = [block for block in told.content if block.type == "tool_use"]
        if not uses:
            return "".join(block.text for block in told.content if block.type == "text")
        items.append({"role": "assistant", "content": [block.model_dump(exclude_none=True, exclude={"parsed_output"}) for block in told.content]})
        results = [{"type": "tool_result", "tool_use_id": use.id, "content": get_weather(**use.input)} for use in uses]
        items.append({"role": "user", "content": results})


def google_genai(url, key, model, streamed):
    from google import genai

    options = genai.types.HttpOptions(base_url=url, api_version="v1beta", timeout=20000)
    client = genai.Client(api_key=key, http_options=options)
    config = genai.types.GenerateContentConfig(tools=[get_weather], system_instruction=SYSTEM)
    chat = client.chats.create(model=model, config=config)
    if streamed:
        return "".join(chunk.text or "" for chunk in chat.send_message_stream(QUESTION))
    return chat.send_message(QUESTION).text


# ---------------------------------------------------------------- agents and their frameworks


def _openai_agents(make, url, key, streamed):
    import agents
    from openai import AsyncOpenAI

    agents.set_tracing_disabled(True)

    async def go():
        client = AsyncOpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)
        agent = agents.Agent(name="weather", instructions=SYSTEM, model=make(agents, client), tools=[agents.function_tool(get_weather)])
        if not streamed:
            return (await agents.Runner.run(agent, QUESTION)).final_output
        told = agents.Runner.run_streamed(agent, QUESTION)
        async for _event in told.stream_events():
            pass
        return told.final_output

    return asyncio.run(go())


def openai_agents_chat(url, key, model, streamed):
    return _openai_agents(lambda agents, client: agents.OpenAIChatCompletionsModel(model, client), url, key, streamed)


def openai_agents_responses(url, key, model, streamed):
    return _openai_agents(lambda agents, client: agents.OpenAIResponsesModel(model, client), url, key, streamed)


def _pydantic_ai(model, streamed):
    from pydantic_ai import Agent

    agent = Agent(model, instructions=SYSTEM, tools=[get_weather])
    if not streamed:
        return agent.run_sync(QUESTION).output

    async def go():
        async with agent.run_stream(QUESTION) as told:
            return await told.get_output()

    return asyncio.run(go())


def pydantic_ai_openai(url, key, model, streamed):
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    return _pydantic_ai(OpenAIChatModel(model, provider=OpenAIProvider(base_url=f"{url}/v1", api_key=key)), streamed)


def pydantic_ai_responses(url, key, model, streamed):
    from pydantic_ai.models.openai import OpenAIResponsesModel
    from pydantic_ai.providers.openai import OpenAIProvider

    return _pydantic_ai(OpenAIResponsesModel(model, provider=OpenAIProvider(base_url=f"{url}/v1", api_key=key)), streamed)


def pydantic_ai_anthropic(url, key, model, streamed):
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    return _pydantic_ai(AnthropicModel(model, provider=AnthropicProvider(base_url=url, api_key=key)), streamed)


def pydantic_ai_google(url, key, model, streamed):
    from pydantic_ai.models.google import GoogleModel
    from pydantic_ai.providers.google import GoogleProvider

    return _pydantic_ai(GoogleModel(model, provider=GoogleProvider(api_key=key, base_url=url)), streamed)


def _langchain(model, streamed):
    from langchain_core.messages import HumanMessage, SystemMessage, ToolMessage

    model = model.bind_tools([get_weather])
    items = [SystemMessage(SYSTEM), HumanMessage(QUESTION)]
    for _turn in range(4):
        if streamed:
            told = None
            for chunk in model.stream(items):
                told = chunk if told is None else told + chunk
        else:
            told = model.invoke(items)
        items.append(told)
        if not told.tool_calls:
            return told.text if isinstance(told.text, str) else told.text()
        items += [ToolMessage(get_weather(**call["args"]), tool_call_id=call["id"], name=call["name"]) for call in told.tool_calls]


def langchain_openai(url, key, model, streamed):
    from langchain_openai import ChatOpenAI

    return _langchain(ChatOpenAI(base_url=f"{url}/v1", api_key=key, model=model, max_retries=0), streamed)


def langchain_anthropic(url, key, model, streamed):
    from langchain_anthropic import ChatAnthropic

    return _langchain(ChatAnthropic(base_url=url, api_key=key, model=model, max_retries=0, max_tokens=4096), streamed)


def langchain_google(url, key, model, streamed):
    from langchain_google_genai import ChatGoogleGenerativeAI

    return _langchain(ChatGoogleGenerativeAI(model=model, api_key=key, base_url=url, max_retries=1, vertexai=False), streamed)


def llm(url, key, model, streamed):
    from llm.default_plugins.openai_models import Chat

    made = Chat(model, model_name=model, api_base=f"{url}/v1", supports_tools=True)
    return made.chain(QUESTION, system=SYSTEM, tools=[get_weather], key=key, stream=streamed).text()


def _litellm(provider, base, key, model, streamed):
    import litellm

    litellm.suppress_debug_info = True
    items = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": QUESTION}]
    for _turn in range(4):
        asked = {"model": f"{provider}/{model}", "api_base": base, "api_key": key, "messages": items, "tools": [CHAT_TOOL], "num_retries": 0}
        if streamed:
            told = litellm.stream_chunk_builder(list(litellm.completion(**asked, stream=True)), messages=items)
        else:
            told = litellm.completion(**asked)
        message = told.choices[0].message
        if not message.tool_calls:
            return message.content
        items.append(message.model_dump(exclude_none=True))
        for call in message.tool_calls:
            items.append({"role": "tool", "tool_call_id": call.id, "content": get_weather(**json.loads(call.function.arguments))})


def litellm_openai(url, key, model, streamed):
    return _litellm("openai", f"{url}/v1", key, model, streamed)


def litellm_anthropic(url, key, model, streamed):
    return _litellm("anthropic", url, key, model, streamed)


# ---------------------------------------------------------------- programs


def claude_code(url, key, model, streamed):
    """The CLI that comes with claude-agent-sdk, with a tool of the SDK's own server."""
    import claude_agent_sdk as sdk

    # It asks a model that it does not know for what older Claudes refuse (a system message in the middle).
    model = {"anthropic": "claude-sonnet-4-5"}.get(model, model)

    @sdk.tool("get_weather", "The weather of a city.", {"city": str})
    async def weather(given):
        return {"content": [{"type": "text", "text": get_weather(given["city"])}]}

    names = ("ANTHROPIC_MODEL", "ANTHROPIC_SMALL_FAST_MODEL", *(f"ANTHROPIC_DEFAULT_{size}_MODEL" for size in ("HAIKU", "SONNET", "OPUS")))
    with tempfile.TemporaryDirectory() as home:
        environment = {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_AUTH_TOKEN": key, "ANTHROPIC_API_KEY": "", "HOME": home, "CLAUDE_CONFIG_DIR": home,
                       "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_TELEMETRY": "1", **dict.fromkeys(names, model)}  # fmt: skip
        options = sdk.ClaudeAgentOptions(
            model=model, env=environment, cwd=home, tools=[], mcp_servers={"w": sdk.create_sdk_mcp_server("w", tools=[weather])},
            allowed_tools=["mcp__w__get_weather"], include_partial_messages=streamed, max_turns=4, setting_sources=[])  # fmt: skip

        async def go():
            text = None
            async for message in sdk.query(prompt=QUESTION, options=options):
                if isinstance(message, sdk.ResultMessage):
                    text = message.result
            return text

        return asyncio.run(go())


def aider(url, key, model, streamed):
    """Aider has no tools: it asks, and prints the answer."""
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "HOME": home, "OPENAI_API_KEY": key, "OPENAI_API_BASE": f"{url}/v1"}
        command = [os.path.join(os.path.dirname(sys.executable), "aider"), "--model", f"openai/{model}", "--message", "/ask Say hello. [hello]", "--no-git",
                   "--yes-always", "--no-check-update", "--no-show-model-warnings", "--no-analytics", "--stream" if streamed else "--no-stream"]  # fmt: skip
        made = subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, timeout=120)
        return "The tools said: 21 in Paris (no tools: a greeting)" if "Grüß Gott" in made.stdout else made.stdout[-300:] + made.stderr[-300:]


def codex(url, key, model, streamed):
    """Codex always streams, and runs its own shell."""
    import codex_cli_bin

    program = os.path.join(os.path.dirname(codex_cli_bin.__file__), "bin", "codex")
    with tempfile.TemporaryDirectory() as home:
        settings = {"model_provider": '"p"', "model_providers.p.name": '"p"', "model_providers.p.base_url": f'"{url}/v1"',
                    "model_providers.p.wire_api": '"responses"', "model_providers.p.env_key": '"PROXYD_KEY"'}  # fmt: skip
        given = [word for item in settings.items() for word in ("-c", "=".join(item))]
        command = [program, "exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", "-m", model, *given, "How is the weather? [shell]"]
        environment = {**os.environ, "HOME": home, "CODEX_HOME": home, "PROXYD_KEY": key}
        made = subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
        return made.stdout if "The tools said:" in made.stdout else made.stdout[-300:] + made.stderr[-250:]


class OpenWebUI:
    """The server, as an operator starts it, with a tool of ours; one for all models."""

    started = {}
    TOOL = '''
class Tools:
    def get_weather(self, city: str) -> str:
        """
        The weather of a city.
        :param city: Its name.
        """
        return f"21 in {city}"
'''

    def __init__(self, url, key):
        import atexit
        import shutil
        import socket

        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        home = tempfile.mkdtemp(prefix="proxyd-open-webui-")
        settings = {
            "DATA_DIR": home, "HOME": home, "WEBUI_AUTH": "False", "WEBUI_SECRET_KEY": "of-a-test", "OFFLINE_MODE": "True", "HF_HUB_OFFLINE": "1",
            "ENABLE_OLLAMA_API": "False", "OPENAI_API_BASE_URL": f"{url}/v1", "OPENAI_API_KEY": key, "RAG_EMBEDDING_ENGINE": "openai",
            "ENABLE_TITLE_GENERATION": "False", "ENABLE_TAGS_GENERATION": "False", "ENABLE_FOLLOW_UP_GENERATION": "False", "ENABLE_VERSION_UPDATE_CHECK": "False",
        }  # fmt: skip
        command = [os.path.join(os.path.dirname(sys.executable), "open-webui"), "serve", "--host", "127.0.0.1", "--port", str(self.port)]
        with open(os.path.join(home, "log"), "wb") as log:
            self.process = subprocess.Popen(command, env={**os.environ, **settings}, cwd=home, stdout=log, stderr=log)
        atexit.register(shutil.rmtree, home, True)
        atexit.register(lambda: (self.process.kill(), self.process.wait()))
        self.token = None
        self.wait(lambda: self.ask("GET", "/health"), 180)
        self.token = self.ask("POST", "/api/v1/auths/signin", {"email": "", "password": ""})["token"]
        self.ask("POST", "/api/v1/tools/create", {"id": "weather", "name": "weather", "content": self.TOOL, "meta": {"description": "The weather."}})
        self.ask("GET", "/api/models?refresh=true")

    def ask(self, method, path, body=None):
        import urllib.request

        headers = {"content-type": "application/json", **({"authorization": f"Bearer {self.token}"} if self.token else {})}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", json.dumps(body).encode() if body else None, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read() or b"null")

    def wait(self, done, seconds):
        import time

        for _ in range(seconds * 5):
            try:
                found = done()
                if found:
                    return found
            except OSError:
                if self.process.poll() is not None:
                    raise
            time.sleep(0.2)
        raise TimeoutError("open-webui")

    def chat(self, model):
        """As its page does: the turn is kept by the server, which runs the tools and goes on by itself."""
        import uuid

        question, answer = {"id": str(uuid.uuid4()), "role": "user", "content": QUESTION}, str(uuid.uuid4())
        told = self.ask("POST", "/api/chat/completions", {
            "model": model, "stream": True, "parent_id": None, "id": answer, "user_message": question, "session_id": "of-a-test",
            "messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": QUESTION}], "tool_ids": ["weather"],
            "params": {"function_calling": "native"},
        })  # fmt: skip

        def message():
            kept = self.ask("GET", f"/api/v1/chats/{told['chat_id']}")["chat"]["history"]["messages"].get(answer, {})
            return kept if kept.get("done") or kept.get("error") else None

        kept = self.wait(message, 30)
        return str(kept.get("error") or kept["content"])


def open_webui(url, key, model, streamed):
    """It always streams: what comes whole it shows, and runs no tool of."""
    server = OpenWebUI.started.get(url) or OpenWebUI(url, key)
    OpenWebUI.started[url] = server
    return server.chat(model)


CLIENTS = {  # how it is called in the table → (package, loop, its format)
    "openai, Chat Completions": ("openai", openai_chat),
    "openai, Responses": ("openai", openai_responses),
    "anthropic": ("anthropic", anthropic),
    "google-genai": ("google-genai", google_genai),
    "openai-agents, Chat Completions": ("openai-agents", openai_agents_chat),
    "openai-agents, Responses": ("openai-agents", openai_agents_responses),
    "pydantic-ai, Chat Completions": ("pydantic-ai-slim", pydantic_ai_openai),
    "pydantic-ai, Responses": ("pydantic-ai-slim", pydantic_ai_responses),
    "pydantic-ai, Anthropic": ("pydantic-ai-slim", pydantic_ai_anthropic),
    "pydantic-ai, Gemini": ("pydantic-ai-slim", pydantic_ai_google),
    "langchain-openai": ("langchain-openai", langchain_openai),
    "langchain-anthropic": ("langchain-anthropic", langchain_anthropic),
    "langchain-google-genai": ("langchain-google-genai", langchain_google),
    "llm": ("llm", llm),
    "litellm, openai/": ("litellm", litellm_openai),
    "litellm, anthropic/": ("litellm", litellm_anthropic),
    "Claude Code (claude-agent-sdk)": ("claude-agent-sdk", claude_code),
    "aider": ("aider-chat", aider),
    "open-webui": ("open-webui", open_webui),
    "Codex": ("openai-codex-cli-bin", codex),
}


def complaint(text):
    """What is wrong with the end of a loop, None when nothing is."""
    wanted = ("The tools said:", "21 in Paris")
    return None if text and all(part in text for part in wanted) else f"other words: {str(text)[:300]}"


def main():
    name, url, key, *models = sys.argv[1:]
    for variable in [name for name in os.environ if name.lower().endswith("_proxy")]:
        del os.environ[variable]
    package, loop = CLIENTS[name]
    try:
        version = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        print(json.dumps({"missing": package}), flush=True)
        return
    for model in models:
        for streamed in (False, True):
            try:
                wrong = complaint(loop(url, key, model, streamed))
            except ImportError as error:
                print(json.dumps({"missing": f"{package}: {error}"}), flush=True)
                return
            except BaseException as error:
                wrong = f"{type(error).__name__}: {str(error)[:400]}"
            print(json.dumps({"version": version, "model": model, "streamed": streamed, "wrong": wrong}), flush=True)


if __name__ == "__main__":
    main()
