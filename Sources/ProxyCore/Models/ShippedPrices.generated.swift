// Made of etc/prices.yaml by `make catalog`.
// swift-format-ignore-file

extension ShippedPrices {
    /// `etc/prices.yaml`.
    static let source = ##"""
        anthropic:
          page: https://platform.claude.com/docs/en/about-claude/pricing
          date: 2026-11
          models:
            claude-fable-5-2: {input: 8, output: 40, cache_read: 0.2, cache_write: 10, cache_write_1h: 16, context: 1000000, max_output: 128000}
            claude-fable-5-1: {input: 10, output: 50, cache_read: 0.25, cache_write: 12.5, cache_write_1h: 20, context: 1000000, max_output: 128000}
            claude-fable-5: {input: 10, output: 50, cache_read: 1, cache_write: 12.5, cache_write_1h: 20, context: 1000000, max_output: 128000}
            claude-mythos-5-2: {input: 8, output: 40, cache_read: 0.2, cache_write: 10, cache_write_1h: 16, context: 1000000, max_output: 128000}
            claude-mythos-5-1: {input: 10, output: 50, cache_read: 0.25, cache_write: 12.5, cache_write_1h: 20, context: 1000000, max_output: 128000}
            claude-mythos-5: {input: 10, output: 50, cache_read: 1, cache_write: 12.5, cache_write_1h: 20, context: 1000000, max_output: 128000}
            claude-opus-5-5: {input: 4, output: 20, cache_read: 0.2, cache_write: 5, cache_write_1h: 8, context: 1000000, max_output: 128000}
            claude-opus-5: {input: 5, output: 25, cache_read: 0.5, cache_write: 6.25, cache_write_1h: 10, context: 1000000, max_output: 128000}
            claude-opus-4-8: {input: 5, output: 25, cache_read: 0.5, cache_write: 6.25, cache_write_1h: 10, context: 1000000, max_output: 128000}
            claude-opus-4-7: {input: 5, output: 25, cache_read: 0.5, cache_write: 6.25, cache_write_1h: 10, context: 1000000, max_output: 128000}
            claude-opus-4-6: {input: 5, output: 25, cache_read: 0.5, cache_write: 6.25, cache_write_1h: 10, context: 1000000, max_output: 128000}
            claude-opus-4-5: {input: 5, output: 25, cache_read: 0.5, cache_write: 6.25, cache_write_1h: 10, context: 200000, max_output: 64000}
            claude-opus-4-1: {input: 15, output: 75, cache_read: 1.5, cache_write: 18.75, cache_write_1h: 30, context: 200000, max_output: 32000}
            claude-sonnet-5-5: {input: 2, output: 10, cache_read: 0.1, cache_write: 2.5, cache_write_1h: 4, context: 1000000, max_output: 128000}
            claude-sonnet-5: {input: 2, output: 10, cache_read: 0.2, cache_write: 2.5, cache_write_1h: 4, context: 1000000, max_output: 128000}
            claude-sonnet-4-6: {input: 3, output: 15, cache_read: 0.3, cache_write: 3.75, cache_write_1h: 6, context: 1000000}
            claude-sonnet-4-5: {input: 3, output: 15, cache_read: 0.3, cache_write: 3.75, cache_write_1h: 6, context: 200000, max_output: 64000}
            claude-haiku-5-5: {input: 0.1, output: 0.5, cache_read: 0.01, cache_write: 0.125, cache_write_1h: 0.2, context: 1000000, max_output: 128000}
            claude-haiku-4-5: {input: 1, output: 5, cache_read: 0.1, cache_write: 1.25, cache_write_1h: 2, context: 200000, max_output: 64000}
        openai:
          also: [openai-responses]
          page: https://developers.openai.com/api/docs/pricing
          date: 2026-11
          models:
            gpt-6.2-astra: {input: 8, output: 40, cache_read: 0.4, cache_write: 10, context: 1050000, max_output: 128000}
            gpt-6.2-sol: {input: 2, output: 10, cache_read: 0.1, cache_write: 2.5, context: 1050000, max_output: 128000}
            gpt-6.1-sol: {input: 2, output: 10, cache_read: 0.1, cache_write: 2.5, context: 1050000, max_output: 128000}
            gpt-6.1-terra: {input: 1, output: 5, cache_read: 0.05, cache_write: 1.25, context: 1050000, max_output: 128000}
            gpt-6-astra: {input: 10, output: 50, cache_read: 1, cache_write: 12.5, context: 1050000, max_output: 128000}
            gpt-6-sol: {input: 2, output: 10, cache_read: 0.2, cache_write: 2.5, context: 1050000, max_output: 128000}
            gpt-6-luna: {input: 0.1, output: 0.5, cache_read: 0.01, cache_write: 0.125, context: 1050000, max_output: 128000}
            gpt-5.6: {input: 4, output: 20, cache_read: 0.4, cache_write: 5, context: 1050000, max_output: 128000}
            gpt-5.6-sol: {input: 4, output: 20, cache_read: 0.4, cache_write: 5, context: 1050000, max_output: 128000}
            gpt-5.6-terra: {input: 2, output: 12, cache_read: 0.2, cache_write: 2.5, context: 1050000, max_output: 128000}
            gpt-5.6-luna: {input: 0.2, output: 1.2, cache_read: 0.02, cache_write: 0.25, context: 1050000, max_output: 128000}
            gpt-5.5: {input: 5, output: 30, cache_read: 0.5, context: 1050000, max_output: 128000}
            gpt-5.5-pro: {input: 30, output: 180, context: 1050000, max_output: 128000}
            gpt-5.4: {input: 2.5, output: 15, cache_read: 0.25, context: 1050000, max_output: 128000}
            gpt-5.4-mini: {input: 0.75, output: 4.5, cache_read: 0.075, context: 400000, max_output: 128000}
            gpt-5.4-nano: {input: 0.2, output: 1.25, cache_read: 0.02, context: 400000, max_output: 128000}
            gpt-5.4-pro: {input: 30, output: 180, context: 1050000, max_output: 128000}
            gpt-5.3-codex: {input: 1.75, output: 14, cache_read: 0.175, context: 400000, max_output: 128000}
            gpt-5.2: {input: 1.75, output: 14, cache_read: 0.175, context: 400000, max_output: 128000}
            gpt-5.2-pro: {input: 21, output: 168, context: 400000, max_output: 128000}
            gpt-5.1: {input: 1.25, output: 10, cache_read: 0.125, context: 400000, max_output: 128000}
            gpt-5: {input: 1.25, output: 10, cache_read: 0.125, context: 400000, max_output: 128000}
            gpt-5-mini: {input: 0.25, output: 2, cache_read: 0.025, context: 400000, max_output: 128000}
            gpt-5-nano: {input: 0.05, output: 0.4, cache_read: 0.005, context: 400000, max_output: 128000}
            gpt-5-pro: {input: 15, output: 120, context: 400000, max_output: 272000}
            gpt-4.1: {input: 2, output: 8, cache_read: 0.5, context: 1047576, max_output: 32768}
            gpt-4.1-mini: {input: 0.4, output: 1.6, cache_read: 0.1, context: 1047576, max_output: 32768}
            gpt-4o: {input: 2.5, output: 10, cache_read: 1.25, context: 128000, max_output: 16384}
            gpt-4o-mini: {input: 0.15, output: 0.6, cache_read: 0.075, context: 128000, max_output: 16384}
            o3: {input: 2, output: 8, cache_read: 0.5, context: 200000, max_output: 100000}
            o3-pro: {input: 20, output: 80, context: 200000, max_output: 100000}
            text-embedding-3-small: {input: 0.02, output: 0, context: 8191}
            text-embedding-3-large: {input: 0.13, output: 0, context: 8191}
        azure:
          page: https://azure.microsoft.com/en-us/pricing/details/azure-openai/
          date: 2026-11
          models:
            gpt-6.1-sol: {input: 2, output: 10, cache_read: 0.1, cache_write: 2.5, context: 1050000, max_output: 128000}
            gpt-6.1-terra: {input: 1, output: 5, cache_read: 0.05, cache_write: 1.25, context: 1050000, max_output: 128000}
            gpt-6-astra: {input: 10, output: 50, cache_read: 1, cache_write: 12.5, context: 1050000, max_output: 128000}
            gpt-6-sol: {input: 2, output: 10, cache_read: 0.2, cache_write: 2.5, context: 1050000, max_output: 128000}
            gpt-6-luna: {input: 0.1, output: 0.5, cache_read: 0.01, cache_write: 0.125, context: 1050000, max_output: 128000}
            gpt-5.6-sol: {input: 4, output: 20, cache_read: 0.4, cache_write: 5, context: 1050000, max_output: 128000}
            gpt-5.6-terra: {input: 2, output: 12, cache_read: 0.2, cache_write: 2.5, context: 1050000, max_output: 128000}
            gpt-5.6-luna: {input: 0.2, output: 1.2, cache_read: 0.02, cache_write: 0.25, context: 1050000, max_output: 128000}
            gpt-5.5: {input: 5, output: 30, cache_read: 0.5, context: 1050000, max_output: 128000}
            gpt-5.4: {input: 2.5, output: 15, cache_read: 0.25, context: 1050000, max_output: 128000}
            gpt-5.4-mini: {input: 0.75, output: 4.5, cache_read: 0.075, context: 400000, max_output: 128000}
            gpt-5.4-nano: {input: 0.2, output: 1.25, cache_read: 0.02, context: 400000, max_output: 128000}
            gpt-5.4-pro: {input: 30, output: 180, cache_read: 3, context: 1050000, max_output: 128000}
            gpt-5.3-codex: {input: 1.75, output: 14, cache_read: 0.175, context: 400000, max_output: 128000}
            gpt-5.2: {input: 1.75, output: 14, cache_read: 0.175, context: 400000, max_output: 128000}
            gpt-5.2-pro: {input: 21, output: 168, context: 400000, max_output: 128000}
            gpt-5.1: {input: 1.25, output: 10, cache_read: 0.125, context: 400000, max_output: 128000}
            gpt-5: {input: 1.25, output: 10, cache_read: 0.125, context: 400000, max_output: 128000}
            gpt-5-mini: {input: 0.25, output: 2, cache_read: 0.025, context: 400000, max_output: 128000}
            gpt-5-nano: {input: 0.05, output: 0.4, cache_read: 0.005, context: 400000, max_output: 128000}
            gpt-5-pro: {input: 15, output: 120, context: 400000, max_output: 128000}
            gpt-4.1: {input: 2, output: 8, cache_read: 0.5, context: 1047576, max_output: 32768}
            gpt-4.1-mini: {input: 0.4, output: 1.6, cache_read: 0.1, context: 1047576, max_output: 32768}
            gpt-4o: {input: 2.5, output: 10, cache_read: 1.25, context: 128000, max_output: 16384}
            gpt-4o-mini: {input: 0.15, output: 0.6, cache_read: 0.075, context: 128000, max_output: 16384}
            gpt-4.1-nano: {input: 0.1, output: 0.4, cache_read: 0.025, context: 1047576, max_output: 32768}
            gpt-5-codex: {input: 1.25, output: 10, cache_read: 0.125, context: 400000, max_output: 128000}
            gpt-5.1-codex: {input: 1.25, output: 10, cache_read: 0.125, context: 400000, max_output: 128000}
            gpt-5.1-codex-max: {input: 1.25, output: 10, cache_read: 0.125, context: 400000, max_output: 128000}
            gpt-5.1-codex-mini: {input: 0.25, output: 2, cache_read: 0.025, context: 400000, max_output: 128000}
            gpt-5.2-codex: {input: 1.75, output: 14, cache_read: 0.175, context: 400000, max_output: 128000}
        gemini:
          also: [gemini-openai]
          page: https://ai.google.dev/gemini-api/docs/pricing
          date: 2026-11
          models:
            gemini-4-argon: {input: 4, output: 20, cache_read: 0.2, context: 1048576, max_output: 1048576}
            gemini-4-carbon: {input: 4, output: 20, cache_read: 0.2, context: 1048576}
            gemini-4-neon: {input: 3, output: 15, cache_read: 0.15, context: 1048576, max_output: 65536}
            gemini-4-hydrogen: {input: 1.5, output: 7.5, cache_read: 0.075, context: 1048576}
            gemini-3.8-flash: {input: 0.75, output: 3.75, cache_read: 0.075, context: 1048576, max_output: 65536}
            gemini-3.7-flash: {input: 0.75, output: 3.75, cache_read: 0.075, context: 1048576, max_output: 65536}
            gemini-3.6-flash: {input: 0.75, output: 3.75, cache_read: 0.075, context: 1048576, max_output: 65536}
            gemini-3.5-flash: {input: 1.5, output: 9, cache_read: 0.15, context: 1048576, max_output: 65536}
            gemini-3.5-flash-lite: {input: 0.3, output: 2.5, cache_read: 0.03, context: 1048576, max_output: 65536}
            gemini-3.1-pro: {input: 2, output: 12, cache_read: 0.2, context: 1048576, max_output: 65536}
            gemini-3.1-flash-lite: {input: 0.25, output: 1.5, cache_read: 0.025, context: 1048576, max_output: 65536}
            gemini-3-flash: {input: 0.5, output: 3, cache_read: 0.05, context: 1048576, max_output: 65536}
            gemini-2.5-pro: {input: 1.25, output: 10, cache_read: 0.125, context: 1048576, max_output: 65536}
            gemini-2.5-flash: {input: 0.3, output: 2.5, cache_read: 0.03, context: 1048576, max_output: 65536}
            gemini-2.5-flash-lite: {input: 0.1, output: 0.4, cache_read: 0.01, context: 1048576, max_output: 65536}
            gemini-embedding-2: {input: 0.2, output: 0, context: 8192}
            gemini-embedding-001: {input: 0.15, output: 0, context: 2048}
        openrouter:
          page: https://openrouter.ai/docs/use-cases/usage-accounting
          date: 2026-06
          reports: true
        moonshot:
          page: https://platform.kimi.ai/docs/pricing/chat
          date: 2026-11
          models:
            kimi-k3.1-pro: {input: 2, output: 10, cache_read: 0.2, cache_write: 2, cache_write_1h: 4, context: 1048576}
            kimi-k3.1-pro-highspeed: {input: 4, output: 20, cache_read: 0.2, cache_write: 4, cache_write_1h: 8, context: 1048576}
            kimi-k3: {input: 3, output: 15, cache_read: 0.3, cache_write: 3, cache_write_1h: 6, context: 1048576}
            kimi-k2.7-code: {input: 0.95, output: 4, cache_read: 0.19, context: 262144}
            kimi-k2.7-code-highspeed: {input: 1.9, output: 8, cache_read: 0.38, context: 262144}
            kimi-k2.6: {input: 0.95, output: 4, cache_read: 0.16, context: 262144}
            kimi-k2.5: {input: 0.6, output: 3, cache_read: 0.1, context: 262144}
        deepseek:
          page: https://api-docs.deepseek.com/quick_start/pricing
          date: 2026-10
          models:
            deepseek-v4-pro: {input: 1.32, output: 3.96, cache_read: 0.044, context: 1000000, max_output: 393216}
            deepseek-flash: {input: 0.3, output: 1.2, cache_read: 0.006, context: 1000000, max_output: 393216}
            deepseek-v4-flash: {input: 0.3, output: 1.2, cache_read: 0.006, context: 1000000, max_output: 393216}
        zai:
          page: https://docs.z.ai/guides/overview/pricing
          date: 2026-11
          models:
            glm-5.3: {input: 1.4, output: 4.4, cache_read: 0.26, context: 1000000, max_output: 128000}
            glm-5.3-flash: {input: 0.15, output: 0.5, cache_read: 0.03, context: 1000000, max_output: 128000}
            glm-5.2: {input: 1.4, output: 4.4, cache_read: 0.26, context: 1000000, max_output: 128000}
            glm-5.1: {input: 1.4, output: 4.4, cache_read: 0.26, context: 200000, max_output: 128000}
            glm-5: {input: 1, output: 3.2, cache_read: 0.2, context: 200000, max_output: 128000}
            glm-4.7: {input: 0.6, output: 2.2, cache_read: 0.11, context: 200000, max_output: 128000}
            glm-4.7-flashx: {input: 0.07, output: 0.4, cache_read: 0.01, context: 200000, max_output: 128000}
            glm-4.7-flash: {input: 0, output: 0, context: 200000, max_output: 128000}
            glm-4.6: {input: 0.6, output: 2.2, cache_read: 0.11, context: 200000, max_output: 128000}
            glm-4.6v: {input: 0.3, output: 0.9, cache_read: 0.05, context: 128000, max_output: 32768}
            glm-4.5: {input: 0.6, output: 2.2, cache_read: 0.11, context: 128000, max_output: 96000}
            glm-4.5-air: {input: 0.2, output: 1.1, cache_read: 0.03, context: 128000, max_output: 96000}
            glm-4.5v: {input: 0.6, output: 1.8, cache_read: 0.11, context: 64000, max_output: 16384}
        minimax:
          page: https://platform.minimax.io/docs/pricing/overview
          date: 2026-11
          models:
            MiniMax-M3.1-Flash: {input: 0.15, output: 0.6, cache_read: 0.015, context: 1000000}
            MiniMax-M3: {input: 0.3, output: 1.2, cache_read: 0.06, context: 1000000, max_output: 128000}
            MiniMax-M2.7: {input: 0.3, output: 1.2, cache_read: 0.06, cache_write: 0.375, context: 204800}
            MiniMax-M2.7-highspeed: {input: 0.6, output: 2.4, cache_read: 0.06, cache_write: 0.375, context: 204800}
            MiniMax-M2.5: {input: 0.3, output: 1.2, cache_read: 0.03, cache_write: 0.375, context: 204800}
            MiniMax-M2.5-highspeed: {input: 0.6, output: 2.4, cache_read: 0.03, cache_write: 0.375, context: 204800}
            MiniMax-M2.1: {input: 0.3, output: 1.2, cache_read: 0.03, cache_write: 0.375, context: 204800}
            MiniMax-M2: {input: 0.3, output: 1.2, cache_read: 0.03, cache_write: 0.375, context: 204800}
        mistral:
          page: https://docs.mistral.ai/inference/pricing
          date: 2026-11
          models:
            mistral-large-4: {input: 0.7, output: 2.1, cache_read: 0.07, context: 1048576}
            mistral-large-4-0: {input: 0.7, output: 2.1, cache_read: 0.07, context: 1048576}
            mistral-large-latest: {input: 0.5, output: 1.5, cache_read: 0.05, context: 262144}
            mistral-large-2512: {input: 0.5, output: 1.5, cache_read: 0.05, context: 262144}
            mistral-medium-latest: {input: 1.5, output: 7.5, cache_read: 0.15, context: 262144}
            mistral-medium-3-5: {input: 1.5, output: 7.5, cache_read: 0.15, context: 262144}
            mistral-medium-3.5: {input: 1.5, output: 7.5, cache_read: 0.15, context: 262144}
            mistral-medium-2604: {input: 1.5, output: 7.5, cache_read: 0.15, context: 262144}
            mistral-small-latest: {input: 0.15, output: 0.6, cache_read: 0.015, context: 262144}
            mistral-small-2603: {input: 0.15, output: 0.6, cache_read: 0.015, context: 262144}
            codestral-latest: {input: 0.3, output: 0.9, cache_read: 0.03, context: 128000}
            codestral-2508: {input: 0.3, output: 0.9, cache_read: 0.03, context: 128000}
            ministral-14b-latest: {input: 0.2, output: 0.2, cache_read: 0.02, context: 262144}
            ministral-14b-2512: {input: 0.2, output: 0.2, cache_read: 0.02, context: 262144}
            ministral-8b-latest: {input: 0.15, output: 0.15, cache_read: 0.015, context: 262144}
            ministral-8b-2512: {input: 0.15, output: 0.15, cache_read: 0.015, context: 262144}
            ministral-3b-latest: {input: 0.1, output: 0.1, cache_read: 0.01, context: 131072}
            ministral-3b-2512: {input: 0.1, output: 0.1, cache_read: 0.01, context: 131072}
            mistral-embed: {input: 0.1, output: 0, context: 8192}
        xai:
          page: https://docs.x.ai/docs/models
          date: 2026-11
          reports: true
          models:
            grok-4.7: {input: 2, output: 6, cache_read: 0.5, context: 500000}
            grok-4.6: {input: 2, output: 6, cache_read: 0.5, context: 500000}
            grok-4.5: {input: 2, output: 6, cache_read: 0.3, context: 500000}
            grok-4.3: {input: 1.25, output: 2.5, cache_read: 0.2, context: 1000000}
            grok-4.20: {input: 1.25, output: 2.5, cache_read: 0.2, context: 1000000}
            grok-4.20-*: {input: 1.25, output: 2.5, cache_read: 0.2, context: 1000000}
            grok-build-0.1: {input: 1, output: 2, cache_read: 0.2, context: 256000}
        groq:
          page: https://console.groq.com/docs/models
          date: 2026-11
          models:
            openai/gpt-oss-120b: {input: 0.15, output: 0.6, cache_read: 0.075, context: 131072, max_output: 65536}
            openai/gpt-oss-20b: {input: 0.075, output: 0.3, cache_read: 0.0375, context: 131072, max_output: 65536}
            openai/gpt-oss-safeguard-20b: {input: 0.075, output: 0.3, cache_read: 0.0375, context: 131072, max_output: 65536}
            qwen/qwen3.8-27b: {input: 0.8, output: 4, context: 131072, max_output: 16384}
        cerebras:
          page: https://www.cerebras.ai/pricing
          date: 2026-11
          models:
            gpt-oss-120b: {input: 0.35, output: 0.75}
            qwen-3.8-27b: {input: 0.99, output: 1.49}
        fireworks:
          page: https://docs.fireworks.ai/serverless/pricing
          date: 2026-11
          models:
            accounts/fireworks/models/deepseek-v4p1-flash-1017: {input: 0.3, output: 1.2, cache_read: 0.006, context: 1048576}
            accounts/fireworks/models/glm-5p3: {input: 1.4, output: 4.4, cache_read: 0.26, context: 1048576}
            accounts/fireworks/models/glm-5p3-flash: {input: 0.15, output: 0.5, cache_read: 0.03, context: 1048576}
            accounts/fireworks/models/kimi-k3p1-pro: {input: 2, output: 10, cache_read: 0.2, context: 1048576}
            accounts/fireworks/models/kimi-k3: {input: 3, output: 15, cache_read: 0.3, context: 1048576}
            accounts/fireworks/models/minimax-m3: {input: 0.3, output: 1.2, cache_read: 0.06, context: 512000}
            accounts/fireworks/models/muse-spark-open: {input: 1.25, output: 4.25, cache_read: 0.15, context: 1048576}
            accounts/fireworks/models/qwen3p8-max: {input: 2, output: 6, cache_read: 0.25, context: 262144}
            accounts/fireworks/models/qwen3p7-plus: {input: 0.4, output: 1.6, cache_read: 0.08, context: 262144}
            accounts/fireworks/models/ember-1: {input: 3, output: 15, cache_read: 0.3, context: 1048576}
        together:
          page: https://www.together.ai/pricing
          date: 2026-11
          models:
            moonshotai/Kimi-K3.1-Pro: {input: 2, output: 10, cache_read: 0.2, context: 1048576}
            moonshotai/Kimi-K3: {input: 3, output: 15, cache_read: 0.3, context: 1048576}
            zai-org/GLM-5.3: {input: 1.4, output: 4.4, cache_read: 0.26, context: 1048575, max_output: 128000}
            zai-org/GLM-5.3-Flash: {input: 0.15, output: 0.5, cache_read: 0.03, context: 1048575, max_output: 128000}
            zai-org/GLM-5.2: {input: 1.4, output: 4.4, cache_read: 0.26, context: 1048575, max_output: 128000}
            deepseek-ai/DeepSeek-V4.1-Flash: {input: 0.3, output: 1.2, cache_read: 0.006, context: 1048576}
            deepseek-ai/DeepSeek-V4-Pro-0813: {input: 1.32, output: 3.96, cache_read: 0.13, context: 1048576}
            MiniMaxAI/MiniMax-M3.1-Flash: {input: 0.15, output: 0.6, cache_read: 0.015, context: 1048576}
            Qwen/Qwen3.8-Flash: {input: 0.15, output: 0.47, context: 1000000}
            Qwen/Qwen3.7-Max: {input: 2.5, output: 7.5, cache_read: 0.5, context: 1000000}
            Qwen/Qwen3.7-Plus: {input: 0.32, output: 1.28, context: 1000000}
            Qwen/Qwen3.6-Plus: {input: 0.5, output: 3, context: 1000000}
            Qwen/Qwen3.5-9B: {input: 0.17, output: 0.25, context: 262144}
            meta-models/Muse-Spark-Open-816B-A42B: {input: 1.25, output: 4.25, cache_read: 0.15, context: 1048576}
            meta-models/Muse-Glimmer-30B: {input: 0.35, output: 1.5, cache_read: 0.04, context: 131072}
            nvidia/NVIDIA-Nemotron-3.5-Super-VL: {input: 0.15, output: 0.5, cache_read: 0.02, context: 262144}
            reflection/Beam-1.0-501B-A23B: {input: 0.4, output: 1.2, cache_read: 0.04, context: 1048576}
            openai/gpt-oss-120b: {input: 0.15, output: 0.6, context: 131072}
        qwen:
          page: https://www.alibabacloud.com/help/en/model-studio/model-pricing
          date: 2026-11
          models:
            qwen3.8-max: {input: 2, output: 6, cache_read: 0.25, context: 1000000, max_output: 131072}
            qwen3.8-flash: {input: 0.15, output: 0.47, cache_read: 0.016, cache_write: 0.2, context: 1000000, max_output: 131072}
            qwen3.7-max: {input: 2.5, output: 7.5, cache_read: 0.5, cache_write: 3.125, context: 1000000, max_output: 65536}
            qwen3.7-plus: {input: 0.4, output: 1.6, cache_read: 0.08, context: 1000000, max_output: 65536}
            qwen3.5-plus: {input: 0.4, output: 2.4, context: 1000000, max_output: 65536}
            qwen-flash: {input: 0.05, output: 0.4, context: 1000000, max_output: 32768}
        perplexity:
          page: https://docs.perplexity.ai/docs/agent-api/models
          date: 2026-11
          reports: true
          models:
            perplexity/sonar: {input: 0.25, output: 2.5, cache_read: 0.0625}
            perplexity/glm-5.3: {input: 1.4, output: 4.4, cache_read: 0.26}
            perplexity/glm-5.3-flash: {input: 0.15, output: 0.5, cache_read: 0.03}
            perplexity/kimi-k3: {input: 3, output: 15, cache_read: 0.3}
            perplexity/deepseek-v4-pro-0813: {input: 1.32, output: 3.96, cache_read: 0.044}
            perplexity/nemotron-3.5-super-120b-a12b: {input: 0.2, output: 0.5, cache_read: 0.04}
        cohere:
          page: https://cohere.com/pricing
          date: 2026-11
          models:
            command-a-03-2025: {input: 2.5, output: 10, context: 256000, max_output: 8000}
            command-r-plus-08-2024: {input: 2.5, output: 10, context: 128000, max_output: 4096}
            command-r-08-2024: {input: 0.15, output: 0.6, context: 128000, max_output: 4096}
            command-r7b-12-2024: {input: 0.0375, output: 0.15, context: 128000, max_output: 4096}
            embed-v5.0-pro: {input: 0.12, output: 0, context: 128000}
            embed-v5.0-fast: {input: 0.08, output: 0, context: 128000}
            embed-v4.0: {input: 0.12, output: 0, context: 128000}
        """##
}
