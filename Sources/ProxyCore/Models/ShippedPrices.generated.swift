// Made of etc/prices.yaml by `make catalog`.
// swift-format-ignore-file

extension ShippedPrices {
    /// `etc/prices.yaml`.
    static let source = ##"""
        anthropic:
          page: https://platform.claude.com/docs/en/about-claude/pricing
          date: 2026-06
          models:
            claude-opus-4-7: {input: 5, output: 25, cache_read: 0.5, cache_write: 6.25, cache_write_1h: 10, context: 1000000, max_output: 128000}
            claude-opus-4-6: {input: 5, output: 25, cache_read: 0.5, cache_write: 6.25, cache_write_1h: 10, context: 1000000, max_output: 128000}
            claude-opus-4-5: {input: 5, output: 25, cache_read: 0.5, cache_write: 6.25, cache_write_1h: 10, context: 200000, max_output: 64000}
            claude-opus-4-1: {input: 15, output: 75, cache_read: 1.5, cache_write: 18.75, cache_write_1h: 30, context: 200000, max_output: 32000}
            claude-opus-4: {input: 15, output: 75, cache_read: 1.5, cache_write: 18.75, cache_write_1h: 30, context: 200000, max_output: 32000}
            claude-opus-4-0: {input: 15, output: 75, cache_read: 1.5, cache_write: 18.75, cache_write_1h: 30, context: 200000, max_output: 32000}
            claude-sonnet-4-6: {input: 3, output: 15, cache_read: 0.3, cache_write: 3.75, cache_write_1h: 6, context: 1000000, max_output: 64000}
            claude-sonnet-4-5: {input: 3, output: 15, cache_read: 0.3, cache_write: 3.75, cache_write_1h: 6, context: 200000, max_output: 64000}
            claude-sonnet-4: {input: 3, output: 15, cache_read: 0.3, cache_write: 3.75, cache_write_1h: 6, context: 200000, max_output: 64000}
            claude-sonnet-4-0: {input: 3, output: 15, cache_read: 0.3, cache_write: 3.75, cache_write_1h: 6, context: 200000, max_output: 64000}
            claude-3-7-sonnet: {input: 3, output: 15, cache_read: 0.3, cache_write: 3.75, cache_write_1h: 6, context: 200000, max_output: 64000}
            claude-haiku-4-5: {input: 1, output: 5, cache_read: 0.1, cache_write: 1.25, cache_write_1h: 2, context: 200000, max_output: 64000}
            claude-3-5-haiku: {input: 0.8, output: 4, cache_read: 0.08, cache_write: 1, cache_write_1h: 1.6, context: 200000, max_output: 8192}
            claude-3-haiku: {input: 0.25, output: 1.25, cache_read: 0.03, cache_write: 0.3, cache_write_1h: 0.5, context: 200000, max_output: 4096}
        openai:
          also: [openai-responses, azure]
          page: https://openai.com/api/pricing/
          date: 2026-06
          models:
            gpt-5.5: {input: 5, output: 30, cache_read: 0.5, context: 1050000, max_output: 128000}
            gpt-5.5-pro: {input: 30, output: 180, context: 1050000, max_output: 128000}
            gpt-5.4: {input: 2.5, output: 15, cache_read: 0.25, context: 1050000, max_output: 128000}
            gpt-5.4-mini: {input: 0.75, output: 4.5, cache_read: 0.075, context: 400000, max_output: 128000}
            gpt-5.4-nano: {input: 0.2, output: 1.25, cache_read: 0.02, context: 400000, max_output: 128000}
            gpt-5.4-pro: {input: 30, output: 180, context: 1050000, max_output: 128000}
            gpt-5.3-codex: {input: 1.75, output: 14, cache_read: 0.175, context: 400000, max_output: 128000}
            gpt-5.2: {input: 1.75, output: 14, cache_read: 0.175, context: 400000, max_output: 128000}
            gpt-5.2-codex: {input: 1.75, output: 14, cache_read: 0.175, context: 400000, max_output: 128000}
            gpt-5.2-pro: {input: 21, output: 168, context: 400000, max_output: 128000}
            gpt-5.1: {input: 1.25, output: 10, cache_read: 0.125, context: 400000, max_output: 128000}
            gpt-5.1-codex: {input: 1.25, output: 10, cache_read: 0.125, context: 400000, max_output: 128000}
            gpt-5.1-codex-max: {input: 1.25, output: 10, cache_read: 0.125, context: 400000, max_output: 128000}
            gpt-5.1-codex-mini: {input: 0.25, output: 2, cache_read: 0.025, context: 400000, max_output: 128000}
            gpt-5: {input: 1.25, output: 10, cache_read: 0.125, context: 400000, max_output: 128000}
            gpt-5-codex: {input: 1.25, output: 10, cache_read: 0.125, context: 400000, max_output: 128000}
            gpt-5-mini: {input: 0.25, output: 2, cache_read: 0.025, context: 400000, max_output: 128000}
            gpt-5-nano: {input: 0.05, output: 0.4, cache_read: 0.005, context: 400000, max_output: 128000}
            gpt-5-pro: {input: 15, output: 120, context: 400000, max_output: 272000}
            gpt-4.1: {input: 2, output: 8, cache_read: 0.5, context: 1047576, max_output: 32768}
            gpt-4.1-mini: {input: 0.4, output: 1.6, cache_read: 0.1, context: 1047576, max_output: 32768}
            gpt-4.1-nano: {input: 0.1, output: 0.4, cache_read: 0.025, context: 1047576, max_output: 32768}
            gpt-4o: {input: 2.5, output: 10, cache_read: 1.25, context: 128000, max_output: 16384}
            gpt-4o-mini: {input: 0.15, output: 0.6, cache_read: 0.075, context: 128000, max_output: 16384}
            o3: {input: 2, output: 8, cache_read: 0.5, context: 200000, max_output: 100000}
            o3-pro: {input: 20, output: 80, context: 200000, max_output: 100000}
            o3-mini: {input: 1.1, output: 4.4, cache_read: 0.55, context: 200000, max_output: 100000}
            o4-mini: {input: 1.1, output: 4.4, cache_read: 0.275, context: 200000, max_output: 100000}
            text-embedding-3-small: {input: 0.02, output: 0, context: 8192}
            text-embedding-3-large: {input: 0.13, output: 0, context: 8192}
        gemini:
          also: [gemini-openai]
          page: https://ai.google.dev/gemini-api/docs/pricing
          date: 2026-06
          models:
            gemini-3.5-flash: {input: 1.5, output: 9, cache_read: 0.15, context: 1048576, max_output: 65536}
            gemini-3.1-pro: {input: 2, output: 12, cache_read: 0.2, context: 1048576, max_output: 65536}
            gemini-3.1-flash-lite: {input: 0.25, output: 1.5, cache_read: 0.025, context: 1048576, max_output: 65536}
            gemini-3-pro: {input: 2, output: 12, cache_read: 0.2, context: 1048576, max_output: 65536}
            gemini-3-flash: {input: 0.5, output: 3, cache_read: 0.05, context: 1048576, max_output: 65536}
            gemini-2.5-pro: {input: 1.25, output: 10, cache_read: 0.125, context: 1048576, max_output: 65536}
            gemini-2.5-flash: {input: 0.3, output: 2.5, cache_read: 0.03, context: 1048576, max_output: 65536}
            gemini-2.5-flash-lite: {input: 0.1, output: 0.4, cache_read: 0.01, context: 1048576, max_output: 65536}
            gemini-embedding-001: {input: 0.15, output: 0, context: 2048}
        openrouter:
          page: https://openrouter.ai/docs/use-cases/usage-accounting
          date: 2026-06
          reports: true
        moonshot:
          page: https://platform.moonshot.ai/docs/pricing/chat
          date: 2026-06
          models:
            kimi-k2.6: {input: 0.95, output: 4, cache_read: 0.16, context: 262144}
            kimi-k2.5: {input: 0.6, output: 3, cache_read: 0.1, context: 262144}
            kimi-k2-thinking: {input: 0.6, output: 2.5, cache_read: 0.15, context: 262144}
            kimi-k2-thinking-turbo: {input: 1.15, output: 8, cache_read: 0.15, context: 262144}
            kimi-k2-0905-preview: {input: 0.6, output: 2.5, cache_read: 0.15, context: 262144}
            kimi-k2-turbo-preview: {input: 1.15, output: 8, cache_read: 0.15, context: 262144}
        deepseek:
          page: https://api-docs.deepseek.com/quick_start/pricing
          date: 2026-06
          models:
            deepseek-v4-flash: {input: 0.14, output: 0.28, cache_read: 0.028, context: 1000000}
            deepseek-chat: {input: 0.28, output: 0.42, cache_read: 0.028, context: 128000, max_output: 8192}
            deepseek-reasoner: {input: 0.28, output: 0.42, cache_read: 0.028, context: 128000, max_output: 65536}
        zai:
          page: https://docs.z.ai/guides/overview/pricing
          date: 2026-04
          models:
            glm-5: {input: 1, output: 3.2, cache_read: 0.2, context: 200000, max_output: 128000}
            glm-4.7: {input: 0.6, output: 2.2, cache_read: 0.11, context: 200000, max_output: 128000}
            glm-4.6: {input: 0.6, output: 2.2, cache_read: 0.11, context: 200000, max_output: 128000}
            glm-4.5: {input: 0.6, output: 2.2, cache_read: 0.11, context: 128000, max_output: 96000}
            glm-4.5-air: {input: 0.2, output: 1.1, cache_read: 0.03, context: 128000, max_output: 96000}
        minimax:
          page: https://platform.minimax.io/docs/guides/pricing
          date: 2026-04
          models:
            MiniMax-M2.5: {input: 0.3, output: 1.2, cache_read: 0.03, cache_write: 0.375, context: 204800}
            MiniMax-M2.1: {input: 0.3, output: 1.2, cache_read: 0.03, cache_write: 0.375, context: 204800}
            MiniMax-M2: {input: 0.3, output: 1.2, cache_read: 0.03, cache_write: 0.375, context: 204800}
        mistral:
          page: https://mistral.ai/pricing
          date: 2026-04
          models:
            mistral-large: {input: 0.5, output: 1.5, context: 262144}
            mistral-medium: {input: 0.4, output: 2, context: 131072}
            mistral-small: {input: 0.1, output: 0.3, context: 131072}
            magistral-medium: {input: 2, output: 5, context: 131072}
            magistral-small: {input: 0.5, output: 1.5, context: 131072}
            codestral: {input: 0.3, output: 0.9, context: 262144}
            devstral-medium: {input: 0.4, output: 2, context: 262144}
        xai:
          page: https://docs.x.ai/docs/models
          date: 2026-04
          reports: true
          models:
            grok-4: {input: 3, output: 15, cache_read: 0.75, context: 256000}
            grok-4-fast-*: {input: 0.2, output: 0.5, cache_read: 0.05, context: 2000000}
            grok-4-1-fast-*: {input: 0.2, output: 0.5, cache_read: 0.05, context: 2000000}
            grok-code-fast-1: {input: 0.2, output: 1.5, cache_read: 0.02, context: 256000}
            grok-3: {input: 3, output: 15, cache_read: 0.75, context: 131072}
            grok-3-mini: {input: 0.3, output: 0.5, cache_read: 0.075, context: 131072}
        groq:
          page: https://groq.com/pricing
          date: 2026-04
          models:
            llama-3.3-70b-versatile: {input: 0.59, output: 0.79, context: 131072, max_output: 32768}
            llama-3.1-8b-instant: {input: 0.05, output: 0.08, context: 131072, max_output: 131072}
            openai/gpt-oss-120b: {input: 0.15, output: 0.6, cache_read: 0.075, context: 131072, max_output: 65536}
            openai/gpt-oss-20b: {input: 0.075, output: 0.3, cache_read: 0.0375, context: 131072, max_output: 65536}
        perplexity:
          page: https://docs.perplexity.ai/getting-started/pricing
          date: 2026-04
          reports: true
          models:
            sonar: {input: 1, output: 1, context: 128000}
            sonar-pro: {input: 3, output: 15, context: 200000}
            sonar-reasoning-pro: {input: 2, output: 8, context: 128000}
        cohere:
          page: https://cohere.com/pricing
          date: 2026-04
          models:
            command-a-*: {input: 2.5, output: 10, context: 256000, max_output: 8192}
            command-r-plus: {input: 2.5, output: 10, context: 128000, max_output: 4096}
            command-r7b-*: {input: 0.0375, output: 0.15, context: 128000, max_output: 4096}
            command-r: {input: 0.15, output: 0.6, context: 128000, max_output: 4096}
        """##
}
