/// What is known of well-known families of models, by their names, at any server that is not the format's own vendor: capabilities as
/// the configuration writes them. Later rows win; presets and the file win over all of them.
enum KnownQuirks {
    struct Row {
        /// Beginnings of names, without what stands before the last `/`.
        let names: [String]
        /// What must be in the name besides.
        var word = ""
        let values: [(String, String)]
    }

    /// Sets what is known of `bare`, a model's name in lower case.
    static func learn(_ bare: String, _ able: inout Capabilities, from rows: [Row]) {
        for row in rows where row.names.contains(where: { bare.hasPrefix($0) }) && (row.word.isEmpty || bare.contains(row.word)) {
            for (name, value) in row.values { _ = able.set(name, to: value) }
        }
    }

    private static let switched = "thinking.type=disabled"

    private static let opened = ("oai.think_tags", "opened")

    /// Servers that speak Chat. An issue or a page that a row names says where to look; not all of
    /// them were read whole.
    static let chat: [Row] = [
        // api-docs.deepseek.com: thinking mode, JSON output.
        Row(
            names: ["deepseek"],
            values: [
                ("oai.reasoning_echo", "reasoning_content"), ("oai.json_schema", "object"), ("oai.thinking_off", switched),
                ("oai.efforts", "low,medium,high,xhigh,max"), ("oai.effort_words", "xhigh=max"),
            ]),
        Row(
            names: [
                "deepseek-v4", "deepseek-v5", "deepseek-v3.2", "deepseek-v3p2", "deepseek-reasoner", "deepseek-flash",
                "deepseek-pro",
            ],
            values: [("oai.echo_always", "true")]),
        Row(names: ["deepseek-chat"], values: [("oai.thinking_on", "thinking.type=enabled")]),
        Row(names: ["deepseek-r1", "deepseek-reasoner"], values: [("oai.thinking_off", "never")]),
        // The chat templates of these end in `<think>`: without a reasoning parser the answer begins within the thought.
        Row(names: ["deepseek-r1", "qwq", "kimi-k2-thinking", "minimax-m"], values: [opened]),
        Row(names: ["qwen3"], word: "thinking", values: [opened]),
        // platform.kimi.ai: Kimi K2.5, thinking models, migrating from OpenAI.
        Row(names: ["kimi", "moonshot"], values: [("oai.reasoning_echo", "reasoning_content")]),
        Row(
            names: ["kimi-k2.", "kimi-k2p", "kimi-k3", "kimi-k4", "kimi-latest", "kimi-for-coding"],
            values: [
                ("oai.echo_always", "true"), ("oai.thinking_off", switched), ("oai.effort_field", "none"),
                ("oai.fixed", "temperature=,top_p=,n=,presence_penalty=,frequency_penalty="),
            ]),
        Row(names: ["kimi-k2-thinking", "kimi-thinking"], values: [("oai.echo_always", "true"), ("oai.thinking_off", "never")]),
        // docs.bigmodel.cn and docs.z.ai: thinking mode.
        Row(names: ["glm"], values: [("oai.reasoning_echo", "reasoning_content"), ("oai.thinking_off", switched)]),
        // platform.minimax.io: OpenAI-compatible API, interleaved thinking.
        Row(
            names: ["minimax"],
            values: [
                ("oai.think_tags", "true"), ("oai.reasoning_echo", "reasoning_details"), ("oai.add", "reasoning_split=true"),
                ("oai.thinking_off", "never"), ("oai.effort_field", "none"),
            ]),
        // Qwen's chat templates, and Alibaba Cloud Model Studio: deep thinking.
        Row(names: ["qwen", "qwq", "qvq"], values: [("oai.system_first", "true")]),
        Row(
            names: ["qwen3", "qwen4"],
            values: [("oai.thinking_off", "enable_thinking=false,chat_template_kwargs.enable_thinking=false")]),
        Row(
            names: ["qwen3-max", "qwen-plus", "qwen-flash", "qwen-turbo"],
            values: [
                ("oai.thinking_off", "enable_thinking=false"), ("oai.thinking_on", "enable_thinking=true"),
                ("oai.effort_field", "none"),
            ]),
        Row(names: ["qwen3-coder"], values: [("oai.thinking_off", "")]),
        Row(names: ["qwq", "qvq"], values: [("oai.thinking_off", "never")]),
        // docs.mistral.ai: chat completion endpoint, which refuses what it does not know.
        Row(
            names: [
                "mistral", "magistral", "codestral", "devstral", "ministral", "pixtral", "mixtral", "open-mi", "voxtral", "labs-",
            ],
            values: [
                (
                    "oai.drop",
                    "user,safety_identifier,stream_options,service_tier,verbosity,prompt_cache_key,logit_bias,logprobs,"
                        + "top_logprobs,store,seed"
                ),
                ("oai.rename", "seed=random_seed,max_completion_tokens=max_tokens"), ("oai.call_ids", "alnum:9"),
                ("oai.tool_choice_any", "any"),
                // 422 for messages.assistant.reasoning_content (charmbracelet/crush#1590).
                ("oai.reasoning_echo", "none"),
            ]),
        // Reasoning models refuse penalties and stop sequences, and most an effort: "does not support parameter reasoningEffort"
        // (NousResearch/hermes-agent#23435, mnfst/modelparams.dev#330, enricoros/big-AGI#1104, which quote docs.x.ai).
        Row(names: ["grok-3-mini"], values: [("oai.effort_field", "reasoning_effort"), ("oai.efforts", "low,high")]),
        Row(
            names: ["grok-3-mini", "grok-4", "grok-5", "grok-code"],
            values: [("oai.drop", "presence_penalty,frequency_penalty"), ("oai.max_stops", "0")]),
        Row(names: ["grok-4", "grok-code"], values: [("oai.effort_field", "none")]),
        Row(names: ["grok-4.3"], values: [("oai.effort_field", "reasoning_effort"), ("oai.efforts", "none,low,medium,high")]),
        Row(
            names: ["grok-4.5", "grok-5"],
            values: [("oai.effort_field", "reasoning_effort"), ("oai.efforts", "low,medium,high")]),
        Row(
            names: ["grok-4.6", "grok-4.20-multi-agent"],
            values: [("oai.effort_field", "reasoning_effort"), ("oai.efforts", "low,medium,high,xhigh")]),
        Row(names: ["gpt-oss"], values: [("oai.effort_field", "reasoning_effort"), ("oai.efforts", "low,medium,high")]),
        // ai.google.dev: thought signatures, OpenAI compatibility.
        Row(names: ["gemini-3", "gemini-4", "gemini-5"], values: [("oai.call_signatures", "true")]),
        // openrouter.ai: prompt caching; LiteLLM passes the marks on as well.
        Row(names: ["claude"], values: [("oai.cache_marks", "true")]),
    ]

    /// Servers that speak Anthropic's format and are not Anthropic.
    static let messages: [Row] = [
        Row(
            names: ["deepseek", "kimi", "moonshot", "glm", "minimax", "qwen3"],
            values: [("claude.unsigned_thinking", "true")]),
        Row(names: ["deepseek"], values: [("claude.efforts", "low,high,max"), ("claude.effort", "true")]),
        Row(
            names: ["kimi-k2-thinking", "minimax", "deepseek-r1", "deepseek-reasoner"], values: [("claude.thinking_off", "never")]
        ),
    ]
}
