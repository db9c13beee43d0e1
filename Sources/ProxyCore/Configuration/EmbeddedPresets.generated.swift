// Made by `make catalog` from the files in Presets/; edit that instead.
// swift-format-ignore-file

/// The presets' files, by name.
enum EmbeddedPresets {
    static let texts: [(name: String, text: String)] = [
        (
            "anthropic",
            #"""
            # Anthropic, the Claude API
            # https://platform.claude.com/docs/en/api/overview (2026-11)
            url: https://api.anthropic.com
            dialect: anthropic

            """#
        ),
        (
            "antigravity",
            #"""
            # antigravity-claude-proxy on this machine: Google's Antigravity in Anthropic's format
            # https://github.com/badrisnarayanan/antigravity-claude-proxy (2026-11)
            url: http://localhost:8080
            dialect: anthropic
            # It tells what is left of each account and model.
            quota: {poll: /health, interval: 30s, timeout: 5s}

            """#
        ),
        (
            "azure",
            #"""
            # Azure OpenAI (Microsoft Foundry); the address is your resource's
            # https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle (2026-11)
            url: https://RESOURCE.openai.azure.com
            dialect: azure
            # It lists the models that the region has, not what you deployed: those are the keys of `deployments`.
            models: {discover: false}

            """#
        ),
        (
            "cerebras",
            #"""
            # Cerebras
            # https://inference-docs.cerebras.ai/resources/openai, …/capabilities/reasoning (2026-11)
            url: https://api.cerebras.ai/v1
            dialect: openai
            capabilities:
              "*":
                # 400 when they are there.
                oai.drop: frequency_penalty, presence_penalty, logit_bias, store, metadata, verbosity, prompt_cache_key, safety_identifier
                oai.reasoning_echo: reasoning
                oai.developer_role: false
              "gpt-oss-*":
                oai.effort_field: reasoning_effort
                oai.efforts: low,medium,high
                oai.thinking_off: never
              "qwen-*":
                oai.effort_field: reasoning_effort
                oai.efforts: none,low,medium,high
                oai.thinking_off: reasoning_effort=none
              "zai-glm-*":
                oai.thinking_off: reasoning_effort=none
            quota:
              header_names:
                tokens: {limit: x-ratelimit-limit-tokens-minute, remaining: x-ratelimit-remaining-tokens-minute, reset: x-ratelimit-reset-tokens-minute}
                requests: {limit: x-ratelimit-limit-requests-day, remaining: x-ratelimit-remaining-requests-day, reset: x-ratelimit-reset-requests-day}

            """#
        ),
        (
            "cohere",
            #"""
            # Cohere, the Compatibility API
            # https://docs.cohere.com/docs/compatibility-api (2026-11)
            url: https://api.cohere.ai/compatibility/v1
            dialect: openai
            capabilities:
              "*":
                oai.drop: audio, logit_bias, top_logprobs, n, modalities, prediction, service_tier, store, metadata, parallel_tool_calls, user, verbosity, prompt_cache_key, safety_identifier
                oai.rename: max_completion_tokens=max_tokens
                oai.strict_tools: false
                oai.user: false
                oai.service_tier: false
                oai.parallel_calls: false
                oai.reasoning_echo: none
                # Only "none" and "high".
                oai.efforts: none,high
                oai.thinking_off: reasoning_effort=none

            """#
        ),
        (
            "deepseek",
            #"""
            # DeepSeek; in Anthropic's format it is url: https://api.deepseek.com/anthropic
            # https://api-docs.deepseek.com/guides/thinking_mode, …/api/create-chat-completion, …/guides/anthropic_api (2026-11)
            url: https://api.deepseek.com
            dialect: openai
            capabilities:
              "*":
                # 400 "The reasoning_content in the thinking mode must be passed back to the API".
                oai.reasoning_echo: reasoning_content
                oai.echo_always: true
                oai.thinking_off: thinking.type=disabled
                oai.thinking_on: thinking.type=enabled
                oai.effort_field: reasoning_effort
                oai.efforts: low,medium,high,xhigh,max
                oai.effort_words: xhigh=max
                oai.json_schema: object
                oai.user: false
                # 400 "unknown variant `image_url`, expected `text`".
                oai.images: false
                oai.files: false
                oai.audio: false
                claude.thinking_off: disabled
                claude.unsigned_thinking: true
              "deepseek-reasoner*":
                oai.thinking_off: never

            """#
        ),
        (
            "fireworks",
            #"""
            # Fireworks AI
            # https://docs.fireworks.ai/tools-sdks/openai-compatibility, …/guides/reasoning (2026-11)
            url: https://api.fireworks.ai/inference/v1
            dialect: openai
            capabilities:
              "*":
                # What the models' own vendors take or refuse says nothing of this server.
                oai.tool_choice_any: required
                oai.json_schema: schema
                oai.drop: ""
                oai.rename: ""
                oai.reasoning_echo: reasoning_content
                oai.top_k: true
              "*deepseek-v*":
                oai.thinking_off: reasoning_effort=none
                oai.effort_field: reasoning_effort
                oai.efforts: none,low,medium,high
              "*glm-*":
                oai.thinking_off: reasoning_effort=none
                oai.effort_field: reasoning_effort
                oai.efforts: none,low,medium,high
              "*kimi-k2p*":
                oai.thinking_off: reasoning_effort=none
                oai.effort_field: reasoning_effort
                oai.efforts: none,low,medium,high
              "*qwen3*":
                oai.thinking_off: reasoning_effort=none
                oai.effort_field: reasoning_effort
                oai.efforts: none,low,medium,high

            """#
        ),
        (
            "gemini-openai",
            #"""
            # Google, the Gemini API in OpenAI's format
            # https://ai.google.dev/gemini-api/docs/openai (2026-11)
            url: https://generativelanguage.googleapis.com/v1beta/openai
            dialect: openai
            capabilities:
              "*":
                # It answers 400 to names that it does not know.
                oai.drop: store, metadata, user, safety_identifier, prompt_cache_key, prompt_cache_retention, verbosity, logit_bias, parallel_tool_calls, prediction, seed, logprobs, top_logprobs
                oai.user: false
                oai.parallel_calls: false
                oai.verbosity: false
                oai.cache_key: false
                oai.reasoning_echo: none
              "gemini-2.5-flash*":
                oai.effort_field: reasoning_effort
                oai.efforts: none,minimal,low,medium,high
                oai.thinking_off: reasoning_effort=none
              "gemini-2.5-pro*":
                oai.effort_field: reasoning_effort
                oai.efforts: minimal,low,medium,high
                oai.thinking_off: never
              "gemini-3*":
                oai.effort_field: reasoning_effort
                oai.efforts: minimal,low,medium,high
                oai.thinking_off: never
            # What is spoken with over a socket is not asked for in requests.
            models: {hide: ["*-live-*", "*-native-audio*"]}

            """#
        ),
        (
            "gemini",
            #"""
            # Google, the Gemini API
            # https://ai.google.dev/api (2026-11)
            url: https://generativelanguage.googleapis.com
            dialect: gemini
            # What is spoken with over a socket is not asked for in requests.
            models: {hide: ["*-live-*", "*-native-audio*"]}

            """#
        ),
        (
            "github-models",
            #"""
            # GitHub Models (retired by GitHub on 2026-07-30); the key is a token with the scope models:read
            # warning: GitHub retired its Models on 2026-07-30; the address answers no more
            # https://docs.github.com/en/rest/models/inference (2026-11)
            url: https://models.github.ai/inference
            dialect: openai
            headers:
              X-GitHub-Api-Version: "2022-11-28"
            capabilities:
              "*":
                oai.drop: store, metadata, service_tier, safety_identifier, prompt_cache_key, verbosity, user
                oai.user: false
                oai.service_tier: false
                oai.reasoning_echo: none
                # 400 "Unrecognized request argument supplied" of models that do not reason.
                oai.effort_field: none
              "openai/o*":
                oai.max_tokens_field: max_completion_tokens
                oai.reasoning: true
                oai.effort_field: reasoning_effort
              "openai/gpt-5*":
                oai.max_tokens_field: max_completion_tokens
                oai.reasoning: true
                oai.effort_field: reasoning_effort
            # Its list is elsewhere, at https://models.github.ai/catalog/models.
            models: {discover: false}

            """#
        ),
        (
            "groq",
            #"""
            # Groq
            # https://console.groq.com/docs/openai, …/docs/reasoning (2026-11)
            url: https://api.groq.com/openai/v1
            dialect: openai
            capabilities:
              "*":
                # 400 when they are there.
                oai.drop: logprobs, top_logprobs, logit_bias, messages.name, store, metadata, verbosity, prompt_cache_key, safety_identifier
                oai.reasoning_echo: none
                oai.effort_field: none
              "openai/gpt-oss-*":
                oai.effort_field: reasoning_effort
                oai.efforts: low,medium,high
                oai.thinking_off: never
              "qwen/*":
                oai.thinking_off: reasoning_effort=none
                oai.thinking_on: reasoning_effort=default
            models:
              hide: ["whisper-*", "*-tts*", "*orpheus*"]

            """#
        ),
        (
            "litellm",
            #"""
            # LiteLLM's proxy on this machine; in Anthropic's format it is url: http://localhost:4000 with dialect: anthropic
            # https://docs.litellm.ai/docs/proxy/user_keys (2026-11)
            url: http://localhost:4000/v1
            dialect: openai
            capabilities:
              "*":
                # What the models' own vendors take or refuse says nothing of this server.
                oai.tool_choice_any: required
                oai.json_schema: schema
                oai.drop: ""
                oai.rename: ""
                oai.reasoning_echo: reasoning_content
                oai.user: true
              "*claude*":
                oai.cache_marks: true

            """#
        ),
        (
            "llamacpp",
            #"""
            # llama.cpp's server on this machine
            # https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md (2026-11)
            url: http://localhost:8080/v1
            dialect: openai
            capabilities:
              "*":
                # What the models' own vendors take or refuse says nothing of this server.
                oai.tool_choice_any: required
                oai.json_schema: schema
                oai.drop: ""
                oai.rename: ""
                oai.thinking_off: chat_template_kwargs.enable_thinking=false
                oai.thinking_on: chat_template_kwargs.enable_thinking=true
                oai.effort_field: none
                oai.reasoning_echo: reasoning_content
                oai.system_first: true
                oai.top_k: true
              "*gpt-oss-*":
                oai.effort_field: reasoning_effort
                oai.efforts: low,medium,high
                oai.thinking_off: never

            """#
        ),
        (
            "lmstudio",
            #"""
            # LM Studio on this machine
            # https://lmstudio.ai/docs/developer/openai-compat (2026-11)
            url: http://localhost:1234/v1
            dialect: openai
            capabilities:
              "*":
                # What the models' own vendors take or refuse says nothing of this server.
                oai.tool_choice_any: required
                oai.json_schema: schema
                oai.drop: ""
                oai.rename: ""
                oai.think_tags: true
                oai.system_first: true
                oai.strict_tools: false
                oai.top_k: true
                oai.effort_field: none
                # Only by the model's own settings.
                oai.thinking_off: never
              "openai/gpt-oss-*":
                oai.effort_field: reasoning_effort
                oai.efforts: low,medium,high

            """#
        ),
        (
            "minimax",
            #"""
            # MiniMax, international; in China it is url: https://api.minimaxi.com/v1, in Anthropic's format …/anthropic
            # https://platform.minimax.io/docs/api-reference/text-openai-api (2026-11)
            url: https://api.minimax.io/v1
            dialect: openai
            capabilities:
              "*":
                # Thoughts stand in the text as <think>…</think>, unless they are asked for apart; they go back as they came.
                oai.think_tags: true
                oai.add: reasoning_split=true
                oai.reasoning_echo: reasoning_details
                oai.effort_field: none
                oai.tool_choice_any: auto
                oai.strict_tools: false
                oai.drop: logit_bias, presence_penalty, frequency_penalty
                claude.unsigned_thinking: true
              "MiniMax-M2*":
                oai.thinking_off: never
              "MiniMax-M3*":
                oai.thinking_off: thinking.type=disabled

            """#
        ),
        (
            "mistral",
            #"""
            # Mistral AI
            # https://docs.mistral.ai/api/endpoint/chat (2026-11)
            url: https://api.mistral.ai/v1
            dialect: openai
            capabilities:
              "*":
                # It answers 422 "Extra inputs are not permitted" to what it does not know.
                oai.drop: user, safety_identifier, store, stream_options, messages.name, logit_bias, logprobs, top_logprobs, service_tier, verbosity, prompt_cache_retention, modalities, audio, web_search_options
                oai.rename: seed=random_seed, max_completion_tokens=max_tokens
                oai.max_tokens_field: max_tokens
                oai.stream_usage: false
                oai.developer_role: false
                oai.reasoning_echo: none
                oai.effort_field: none
                oai.call_ids: alnum:9
                oai.tool_choice_any: any
                oai.user: false
                oai.service_tier: false
                oai.verbosity: false
                oai.cache_key: true
              "mistral-small*":
                oai.effort_field: reasoning_effort
                oai.efforts: none,high
              "mistral-medium-3.5*":
                oai.effort_field: reasoning_effort
                oai.efforts: none,high
            quota:
              header_names:
                tokens: {limit: x-ratelimit-limit-tokens-minute, remaining: x-ratelimit-remaining-tokens-minute}
                requests: {limit: x-ratelimit-limit-req-minute, remaining: x-ratelimit-remaining-req-minute}

            """#
        ),
        (
            "moonshot-cn",
            #"""
            # Moonshot AI (Kimi), China
            # https://platform.moonshot.cn/docs/api/chat (2026-11)
            url: https://api.moonshot.cn/v1
            dialect: openai
            capabilities:
              "kimi-*":
                oai.reasoning_echo: reasoning_content
                oai.echo_always: true
                oai.strict_tools: false
                # It takes its own values and no others; 400 "invalid temperature: only 1 is allowed for this model".
                oai.fixed: temperature=,top_p=,n=,presence_penalty=,frequency_penalty=
                # 400 "tool_choice required is incompatible with thinking enabled".
                oai.tool_choice_any: auto
              "kimi-k2.5*":
                oai.thinking_off: thinking.type=disabled
                oai.effort_field: none
              "kimi-k2.6*":
                oai.thinking_off: thinking.type=disabled
                oai.effort_field: none
              "kimi-k2.7*":
                oai.thinking_off: never
                oai.effort_field: none
              "kimi-k2-thinking*":
                oai.thinking_off: never
                oai.effort_field: none
              "kimi-k3*":
                oai.thinking_off: never
                oai.effort_field: reasoning_effort
                oai.efforts: low,high,max
                oai.tool_choice_any: required

            """#
        ),
        (
            "moonshot",
            #"""
            # Moonshot AI (Kimi), international
            # https://platform.kimi.ai/docs/api/chat, …/docs/guide/use-kimi-k2-thinking-model (2026-11)
            url: https://api.moonshot.ai/v1
            dialect: openai
            capabilities:
              "kimi-*":
                oai.reasoning_echo: reasoning_content
                oai.echo_always: true
                oai.strict_tools: false
                # It takes its own values and no others; 400 "invalid temperature: only 1 is allowed for this model".
                oai.fixed: temperature=,top_p=,n=,presence_penalty=,frequency_penalty=
                # 400 "tool_choice required is incompatible with thinking enabled".
                oai.tool_choice_any: auto
              "kimi-k2.5*":
                oai.thinking_off: thinking.type=disabled
                oai.effort_field: none
              "kimi-k2.6*":
                oai.thinking_off: thinking.type=disabled
                oai.effort_field: none
              "kimi-k2.7*":
                oai.thinking_off: never
                oai.effort_field: none
              "kimi-k2-thinking*":
                oai.thinking_off: never
                oai.effort_field: none
              "kimi-k3*":
                oai.thinking_off: never
                oai.effort_field: reasoning_effort
                oai.efforts: low,high,max
                oai.tool_choice_any: required

            """#
        ),
        (
            "nvidia",
            #"""
            # NVIDIA, the hosted NIMs of build.nvidia.com
            # https://docs.api.nvidia.com/nim/reference/llm-apis (2026-11)
            url: https://integrate.api.nvidia.com/v1
            dialect: openai
            capabilities:
              "*":
                # What the models' own vendors take or refuse says nothing of this server.
                oai.tool_choice_any: required
                oai.json_schema: schema
                # It answers 400 "Extra inputs are not permitted" to what a model's server does not know.
                oai.drop: store, metadata, service_tier, safety_identifier, prompt_cache_key, verbosity, user, parallel_tool_calls
                oai.user: false
                oai.parallel_calls: false
                oai.service_tier: false
                oai.effort_field: none
                oai.reasoning_echo: reasoning_content
              "qwen/*":
                oai.thinking_off: chat_template_kwargs.enable_thinking=false
                oai.thinking_on: chat_template_kwargs.enable_thinking=true
              "z-ai/*":
                oai.thinking_off: chat_template_kwargs.enable_thinking=false
                oai.thinking_on: chat_template_kwargs.enable_thinking=true
              "nvidia/*nemotron-3*":
                oai.thinking_off: chat_template_kwargs.enable_thinking=false
                oai.thinking_on: chat_template_kwargs.enable_thinking=true
              "openai/gpt-oss-*":
                oai.effort_field: reasoning_effort
                oai.thinking_off: never
              "moonshotai/*":
                oai.thinking_off: chat_template_kwargs.thinking=false
                oai.thinking_on: chat_template_kwargs.thinking=true
              "deepseek-ai/*":
                oai.thinking_off: chat_template_kwargs.thinking=false
                oai.thinking_on: chat_template_kwargs.thinking=true

            """#
        ),
        (
            "ollama",
            #"""
            # Ollama on this machine; in the cloud it is url: https://ollama.com/v1
            # https://docs.ollama.com/api/openai-compatibility (2026-11)
            url: http://localhost:11434/v1
            dialect: openai
            capabilities:
              "*":
                # What the models' own vendors take or refuse says nothing of this server.
                oai.tool_choice_any: required
                oai.json_schema: schema
                oai.drop: ""
                oai.rename: ""
                oai.thinking_off: reasoning_effort=none
                oai.effort_field: reasoning_effort
                oai.efforts: none,low,medium,high
                oai.reasoning_echo: reasoning
                oai.system_first: true

            """#
        ),
        (
            "openai-responses",
            #"""
            # OpenAI, Responses
            # https://platform.openai.com/docs/api-reference/responses (2026-11)
            url: https://api.openai.com/v1
            dialect: responses
            # What is spoken with over a socket is not asked for in requests.
            models: {hide: ["*-realtime*"]}

            """#
        ),
        (
            "openai",
            #"""
            # OpenAI, Chat Completions
            # https://platform.openai.com/docs/api-reference/chat (2026-11)
            url: https://api.openai.com/v1
            dialect: openai
            # What is spoken with over a socket is not asked for in requests.
            models: {hide: ["*-realtime*"]}

            """#
        ),
        (
            "openrouter",
            #"""
            # OpenRouter
            # https://openrouter.ai/docs/api-reference/overview, …/use-cases/reasoning-tokens, …/features/prompt-caching (2026-11)
            url: https://openrouter.ai/api/v1
            dialect: openai
            capabilities:
              "*":
                # What the models' own vendors take or refuse says nothing of this server.
                oai.tool_choice_any: required
                oai.json_schema: schema
                oai.drop: ""
                oai.rename: ""
                oai.reasoning_echo: reasoning_details
                oai.effort_field: reasoning.effort
                oai.effort_with_tools: true
                oai.thinking_off: reasoning.enabled=false
                oai.thinking_on: reasoning.enabled=true
                oai.top_k: true
                oai.user: true
                oai.verbosity: true
              "anthropic/*":
                oai.cache_marks: true
              "google/*":
                oai.cache_marks: true
              "mistralai/*":
                oai.call_ids: alnum:9
            quota:
              header_names:
                requests: {limit: x-ratelimit-limit, remaining: x-ratelimit-remaining, reset: x-ratelimit-reset}

            """#
        ),
        (
            "perplexity",
            #"""
            # Perplexity, the Agent API; Sonar's Chat Completions ended on 2026-09-27
            # https://docs.perplexity.ai/docs/agent-api/migrate-from-sonar/overview (2026-11)
            url: https://api.perplexity.ai/v1
            dialect: responses
            models: {list: [perplexity/sonar]}

            """#
        ),
        (
            "proxyd",
            #"""
            # Another proxyd
            # docs/reference/configuration.md (2026-11)
            url: http://localhost:8180
            dialect: anthropic

            """#
        ),
        (
            "qwen",
            #"""
            # Qwen (Alibaba Cloud Model Studio, DashScope), international; in China it is dashscope.aliyuncs.com
            # https://help.aliyun.com/en/model-studio/compatibility-of-openai-with-dashscope (2026-11)
            url: https://dashscope-intl.aliyuncs.com/compatible-mode/v1
            dialect: openai
            capabilities:
              "*":
                oai.thinking_off: enable_thinking=false
                oai.thinking_on: enable_thinking=true
                oai.effort_field: none
                oai.reasoning_echo: reasoning_content
                oai.system_first: true
                oai.top_k: true
                # "required" is refused; a function by its name only without thinking.
                oai.tool_choice_any: auto
                oai.user: false
                oai.drop: user, logit_bias
              "qwq*":
                oai.thinking_off: never
              "*-thinking*":
                oai.thinking_off: never

            """#
        ),
        (
            "sglang",
            #"""
            # SGLang on this machine
            # https://docs.sglang.ai/basic_usage/openai_api_completions.html, …/advanced_features/separate_reasoning.html (2026-11)
            url: http://localhost:30000/v1
            dialect: openai
            capabilities:
              "*":
                # What the models' own vendors take or refuse says nothing of this server.
                oai.tool_choice_any: required
                oai.json_schema: schema
                oai.drop: ""
                oai.rename: ""
                oai.thinking_off: chat_template_kwargs.enable_thinking=false
                oai.thinking_on: chat_template_kwargs.enable_thinking=true
                oai.effort_field: none
                oai.reasoning_echo: reasoning_content
                oai.system_first: true
                oai.top_k: true
              "*gpt-oss-*":
                oai.effort_field: reasoning_effort
                oai.efforts: low,medium,high
                oai.thinking_off: never

            """#
        ),
        (
            "together",
            #"""
            # Together AI
            # https://docs.together.ai/docs/inference/chat/reasoning, …/docs/rate-limits (2026-11)
            url: https://api.together.xyz/v1
            dialect: openai
            capabilities:
              "*":
                # What the models' own vendors take or refuse says nothing of this server.
                oai.tool_choice_any: required
                oai.json_schema: schema
                oai.drop: ""
                oai.rename: ""
                oai.reasoning_echo: reasoning
                oai.effort_field: none
                oai.top_k: true
              "moonshotai/*":
                oai.thinking_off: reasoning.enabled=false
                oai.thinking_on: reasoning.enabled=true
              "zai-org/*":
                oai.thinking_off: reasoning.enabled=false
                oai.thinking_on: reasoning.enabled=true
              "Qwen/*":
                oai.thinking_off: reasoning.enabled=false
                oai.thinking_on: reasoning.enabled=true
              "deepseek-ai/*":
                oai.thinking_off: reasoning.enabled=false
                oai.thinking_on: reasoning.enabled=true
              "openai/gpt-oss-*":
                oai.effort_field: reasoning_effort
                oai.efforts: low,medium,high
                oai.thinking_off: never
              "deepseek-ai/DeepSeek-V4*":
                oai.effort_field: reasoning_effort
                oai.efforts: high,max
              "MiniMaxAI/*":
                oai.thinking_off: never
            quota:
              header_names:
                requests: {limit: x-ratelimit-limit, remaining: x-ratelimit-remaining, reset: x-ratelimit-reset}
                # They begin anew together.
                tokens: {limit: x-tokenlimit-limit, remaining: x-tokenlimit-remaining, reset: x-ratelimit-reset}

            """#
        ),
        (
            "vllm",
            #"""
            # vLLM on this machine
            # https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html (2026-11)
            url: http://localhost:8000/v1
            dialect: openai
            capabilities:
              "*":
                # What the models' own vendors take or refuse says nothing of this server.
                oai.tool_choice_any: required
                oai.json_schema: schema
                oai.drop: ""
                oai.rename: ""
                oai.thinking_off: chat_template_kwargs.enable_thinking=false
                oai.thinking_on: chat_template_kwargs.enable_thinking=true
                oai.effort_field: none
                oai.reasoning_echo: reasoning
                oai.system_first: true
                oai.top_k: true
              "*gpt-oss-*":
                oai.effort_field: reasoning_effort
                oai.efforts: low,medium,high
                oai.thinking_off: never

            """#
        ),
        (
            "xai",
            #"""
            # xAI (Grok)
            # https://docs.x.ai/developers/model-capabilities/text/reasoning (2026-11)
            url: https://api.x.ai/v1
            dialect: openai
            capabilities:
              "*":
                # 400 "does not support parameter presencePenalty".
                oai.drop: presence_penalty, frequency_penalty, logit_bias
                oai.reasoning_echo: none
                oai.effort_field: none
                oai.thinking_off: never
              "grok-3-mini*":
                oai.drop: stop
                oai.max_stops: 0
                oai.effort_field: reasoning_effort
                oai.efforts: low,high
              "grok-4":
                oai.drop: stop
                oai.max_stops: 0
              "grok-4-*":
                oai.drop: stop
                oai.max_stops: 0
              "grok-code-*":
                oai.drop: stop
                oai.max_stops: 0
              "grok-build-*":
                oai.drop: stop
                oai.max_stops: 0
              "grok-4.3*":
                oai.drop: stop
                oai.max_stops: 0
                oai.effort_field: reasoning_effort
                oai.efforts: none,low,medium,high
                oai.thinking_off: reasoning_effort=none
              "grok-4.5*":
                oai.drop: stop
                oai.max_stops: 0
                oai.effort_field: reasoning_effort
                oai.efforts: low,medium,high
              "grok-4.6*":
                oai.drop: stop
                oai.max_stops: 0
                oai.effort_field: reasoning_effort
                oai.efforts: low,medium,high,xhigh
              # The others of 4.20 refuse an effort.
              "grok-4.20-multi-agent*":
                oai.effort_field: reasoning_effort
                oai.efforts: low,medium,high,xhigh

            """#
        ),
        (
            "zai",
            #"""
            # Z.ai (GLM), international; in Anthropic's format it is url: https://api.z.ai/api/anthropic
            # https://docs.z.ai/api-reference/llm/chat-completion (2026-11)
            url: https://api.z.ai/api/paas/v4
            dialect: openai
            capabilities:
              "*":
                oai.reasoning_echo: reasoning_content
                oai.thinking_off: thinking.type=disabled
                oai.thinking_on: thinking.type=enabled
                # Only "auto" is taken; a schema only as json_object.
                oai.tool_choice_any: auto
                oai.json_schema: object
                oai.max_stops: 1
                oai.effort_field: none
                claude.thinking_off: disabled
                claude.unsigned_thinking: true
              "glm-5.2*":
                oai.effort_field: reasoning_effort
                oai.efforts: none,minimal,low,medium,high,xhigh,max
              "glm-5.4*":
                oai.effort_field: reasoning_effort
                oai.efforts: none,minimal,low,medium,high,xhigh,max

            """#
        ),
        (
            "zhipu-coding",
            #"""
            # Z.ai's GLM Coding Plan; in China it is url: https://open.bigmodel.cn/api/coding/paas/v4
            # https://docs.z.ai/devpack/tool/others (2026-11)
            url: https://api.z.ai/api/coding/paas/v4
            dialect: openai
            capabilities:
              "*":
                oai.reasoning_echo: reasoning_content
                oai.thinking_off: thinking.type=disabled
                oai.thinking_on: thinking.type=enabled
                # Only "auto" is taken; a schema only as json_object.
                oai.tool_choice_any: auto
                oai.json_schema: object
                oai.max_stops: 1
                oai.effort_field: none
                claude.thinking_off: disabled
                claude.unsigned_thinking: true
              "glm-5.2*":
                oai.effort_field: reasoning_effort
                oai.efforts: none,minimal,low,medium,high,xhigh,max
              "glm-5.4*":
                oai.effort_field: reasoning_effort
                oai.efforts: none,minimal,low,medium,high,xhigh,max

            """#
        ),
        (
            "zhipu",
            #"""
            # Zhipu AI (GLM), China
            # https://docs.bigmodel.cn/api-reference/模型-api/对话补全 (2026-11)
            url: https://open.bigmodel.cn/api/paas/v4
            dialect: openai
            capabilities:
              "*":
                oai.reasoning_echo: reasoning_content
                oai.thinking_off: thinking.type=disabled
                oai.thinking_on: thinking.type=enabled
                # Only "auto" is taken; a schema only as json_object.
                oai.tool_choice_any: auto
                oai.json_schema: object
                oai.max_stops: 1
                oai.effort_field: none
                claude.thinking_off: disabled
                claude.unsigned_thinking: true
              "glm-5.2*":
                oai.effort_field: reasoning_effort
                oai.efforts: none,minimal,low,medium,high,xhigh,max
              "glm-5.4*":
                oai.effort_field: reasoning_effort
                oai.efforts: none,minimal,low,medium,high,xhigh,max

            """#
        ),
    ]
}
