"""One proxyd before one provider for each upstream dialect (and model family); all checks share it."""

from harness import Lab
from provider_chat import AzureProvider, ChatProvider
from provider_gemini import GeminiProvider
from provider_messages import MessagesProvider
from provider_responses import ResponsesProvider
from sdk_anthropic import AnthropicTalk
from sdk_gemini import GeminiTalk
from sdk_openai import ChatTalk, ResponsesTalk
from serve import Serve

CLIENTS = {talk.name: talk for talk in (AnthropicTalk, ChatTalk, ResponsesTalk, GeminiTalk)}

# What clients ask for → the dialect and the model behind it.
UPSTREAMS = {
    "anthropic": ("anthropic", "claude-sonnet-4-5"),
    "anthropic-adaptive": ("anthropic", "claude-opus-4-8"),
    "chat": ("openai", "gpt-4o"),
    "chat-reasoning": ("openai", "deepseek-reasoner"),
    "responses": ("responses", "gpt-5"),
    "azure": ("azure", "gpt-5"),
    "gemini-2.5": ("gemini", "gemini-2.5-flash"),
    "gemini-3": ("gemini", "gemini-3-pro-preview"),
}
SAME = {  # which upstreams speak a client's own format, so that the body passes as it is
    "anthropic": ("anthropic", "anthropic-adaptive"),
    "chat": ("chat", "chat-reasoning", "azure"),
    "responses": ("responses", "azure"),
    "gemini": ("gemini-2.5", "gemini-3"),
}
SIGNED = (
    "anthropic",
    "anthropic-adaptive",
    "chat-reasoning",
    "responses",
    "gemini-2.5",
    "gemini-3",
)  # whose thoughts can be seen


class Stage(Lab):
    def __init__(self, binary):
        super().__init__(binary)
        responses = ResponsesProvider()
        self.providers = {
            "anthropic": MessagesProvider(),
            "anthropic-adaptive": MessagesProvider(adaptive=True),
            "chat": ChatProvider(),
            "chat-reasoning": ChatProvider("visible"),
            "responses": responses,
            "azure": AzureProvider(responses),
            "gemini-2.5": GeminiProvider(),
            "gemini-3": GeminiProvider(third=True),
        }
        self.upstreams = list(self.providers.values())
        declared, rules = [], []
        for name, (dialect, model) in UPSTREAMS.items():
            extra = f"deployments: {{{model}: {AzureProvider.deployment}}}" if dialect == "azure" else ""
            declared.append(f"  {name}: {self.providers[name].declare(dialect, extra=extra)}")
            rules.append(f"  - {{name: {name}, models: [{name}], tiers: [{name}/{model}]}}")
        # One provider each and no fallback, so that a failure is the client's to see.
        self.config = "\n".join(["fallback: {enabled: false}", "upstreams:", *declared, "rules:", *rules]) + "\n"
        self.proxy = self.proxyd(self.config)
        self.serve = Serve(self)

    def talk(self, client, upstream, **options):
        self.mark()
        return CLIENTS[client](self, upstream, **options)

    def mark(self):
        for provider in self.providers.values():
            provider.requests.clear()

    def asked(self, upstream):
        """The last request at a provider."""
        return self.providers[upstream].requests[-1]

    def story(self):
        """For a failure: whether proxyd died of it, and what the providers were asked last."""
        told = super().story()
        for name, provider in self.providers.items():
            for request in provider.requests[-1:]:
                told += f"; {name} was asked {request.target} {request.body.decode('utf-8', 'replace')[:3000]}"
        return told

    def close(self):
        """Between two checks; the stage is kept."""

    def end(self):
        self.serve.end()
        super().close()
