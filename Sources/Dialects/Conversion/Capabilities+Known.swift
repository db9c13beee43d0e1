import Basics

extension Capabilities {
    /// What is known of a model by its name. An unknown name gets the defaults, which every server of the format should take.
    /// - Parameter isFirstParty: the upstream is the vendor itself (or Azure), not a compatible server.
    public static func known(dialect: UpstreamDialect, model: String, isFirstParty: Bool) -> Capabilities {
        var result = Capabilities()
        let name = model.lowercased()
        dialect.format.learn(name, isFirstParty: isFirstParty, &result)
        if !isFirstParty {
            let bare = name.split(separator: "/").last.map(String.init) ?? name
            switch dialect.format.kin {
            case .openai, .responses: KnownQuirks.learn(bare, &result, from: KnownQuirks.chat)
            case .anthropic: KnownQuirks.learn(bare, &result, from: KnownQuirks.messages)
            case .gemini: break
            }
        }
        return result
    }

    /// Sets one capability by the name it has in the configuration. False: no such name, or the value is not of its kind.
    public mutating func set(_ name: String, to value: String) -> Bool {
        if let isSet = setQuirk(name, to: value) { return isSet }
        let flag: Bool? = value == "true" ? true : value == "false" ? false : nil
        if let flag { return set(name, flag) }
        if let number = Int(value), number > 0 || (number == 0 && name == "oai.max_stops") { return set(name, number) }
        switch name {
        case "oai.max_tokens_field":
            guard value == "max_tokens" || value == "max_completion_tokens" else { return false }
            openAI.usesMaxCompletionTokens = value == "max_completion_tokens"
        case "oai.reasoning_echo":
            openAI.reasoningEcho = value == "none" ? nil : value
            openAI.quirks.echoesDetails = value != "none"
        case "oai.efforts":
            guard let efforts = Self.efforts(value) else { return false }
            openAI.efforts = efforts
        case "claude.efforts":
            guard let efforts = Self.efforts(value) else { return false }
            anthropic.efforts = efforts
        case "claude.version": anthropic.version = value
        case "gem.thinking":
            guard let kind = Gemini.Thinking(rawValue: value) else { return false }
            gemini.thinking = kind
        default: return false
        }
        return true
    }

    /// Levels in rising order, from their names with commas between.
    private static func efforts(_ names: String) -> [ReasoningLevel]? {
        var levels: [ReasoningLevel] = []
        for name in names.split(separator: ",") {
            guard let level = ReasoningLevel(String(name).trimmingSpace) else { return nil }
            levels.append(level)
        }
        return levels.sorted()
    }

    private mutating func set(_ name: String, _ flag: Bool) -> Bool {
        switch name {
        case "claude.sampling": anthropic.sampling = flag
        case "claude.temp_xor_top_p": anthropic.isTemperatureXorTopP = flag
        case "claude.adaptive_thinking": anthropic.adaptiveThinking = flag
        case "claude.budget_thinking": anthropic.budgetThinking = flag
        case "claude.disabled_thinking": anthropic.disabledThinking = flag
        case "claude.prefill": anthropic.prefill = flag
        case "claude.mid_system": anthropic.systemInMessages = flag
        case "claude.structured": anthropic.structuredOutput = flag
        case "oai.reasoning": openAI.isReasoning = flag
        case "oai.developer_role": openAI.developerRole = flag
        case "oai.stream_usage": openAI.streamUsage = flag
        case "oai.tool_content_parts": openAI.toolContentParts = flag
        case "oai.string_content_only": openAI.stringContentOnly = flag
        case "oai.system_first": openAI.systemFirst = flag
        case "oai.strict_alternation": openAI.strictAlternation = flag
        case "oai.empty_content": openAI.emptyContent = flag
        case "oai.explicit_cache": openAI.explicitCache = flag
        case "oai.top_k": openAI.topK = flag
        case "gem.json_schema_tools": gemini.jsonSchemaTools = flag
        case "gem.json_with_tools": gemini.jsonWithTools = flag
        case "gem.minimal_thinking": gemini.minimalThinking = flag
        case "gem.signatures": gemini.signatures = flag
        case "gem.multimodal_tool_result": gemini.multimodalToolResult = flag
        case "gem.fetches_urls": gemini.fetchesURLs = flag
        default: return false
        }
        return true
    }

    private mutating func set(_ name: String, _ number: Int) -> Bool {
        switch name {
        case "claude.max_output": anthropic.maxOutput = number
        case "oai.max_stops": openAI.maxStops = number
        case "gem.max_stops": gemini.maxStops = number
        case "gem.max_thinking_budget": gemini.maxThinkingBudget = number
        default: return false
        }
        return true
    }
}

extension Capabilities.Anthropic {
    /// Generations count: 3.5 is 305, 4 is 400, 4.6 is 406.
    mutating func learn(_ name: String) {
        guard name.contains("claude"), let version = ModelFamily.version(name) else { return }
        sampling = version < 407
        isTemperatureXorTopP = version == 401 || version == 405
        adaptiveThinking = version >= 406
        budgetThinking = version >= 307 && version < 407
        disabledThinking = version >= 307 && version < 407
        prefill = version < 406
        systemInMessages = version >= 408 && name.contains("opus")
        structuredOutput = version >= 405 || (version == 401 && name.contains("opus"))
        efforts = version >= 407 ? [.low, .medium, .high, .xhigh, .max] : [.low, .medium, .high, .max]
        switch version {
        case ..<305: maxOutput = 4_096
        case ..<307: maxOutput = 8_192
        case ..<405: maxOutput = name.contains("opus") ? 32_000 : 64_000
        case 405: maxOutput = 64_000
        default: maxOutput = 128_000
        }
    }
}

extension Capabilities.OpenAI {
    mutating func learn(_ name: String, isFirstParty: Bool) {
        self.isFirstParty = isFirstParty
        usesMaxCompletionTokens = isFirstParty
        let bare = name.split(separator: "/").last.map(String.init) ?? name
        let isSeries = bare.hasPrefix("o1") || bare.hasPrefix("o3") || bare.hasPrefix("o4") || bare.hasPrefix("codex-")
        let version = bare.hasPrefix("gpt-") ? ModelFamily.version(bare) ?? 0 : 0
        isReasoning = isSeries || (version >= 500 && !bare.contains("chat"))
        developerRole = isFirstParty && isReasoning && !bare.hasPrefix("o1-mini") && !bare.hasPrefix("o1-preview")
        if version >= 502 {
            efforts = [.none, .low, .medium, .high, .xhigh]
        } else if version >= 501 {
            efforts = [.none, .low, .medium, .high]
        } else if version >= 500 {
            efforts = [.minimal, .low, .medium, .high]
        }
        explicitCache = version >= 506
        if version >= 504, isReasoning { quirks.effortWithTools = .responses }
        quirks.hasResponses = isFirstParty
        quirks.verbosity = isFirstParty && version >= 500
        let wantsEcho = ["deepseek", "kimi", "glm", "moonshot"].contains { bare.contains($0) }
        if wantsEcho { reasoningEcho = "reasoning_content" }
    }
}

extension Capabilities.Gemini {
    mutating func learn(_ name: String) {
        guard name.contains("gemini"), let version = ModelFamily.version(name) else { return }
        jsonWithTools = version >= 300
        if version >= 300 {
            thinking = .level
            minimalThinking = name.contains("flash")
            signatures = true
            multimodalToolResult = true
        } else if version >= 205 {
            thinking = .budget
            let isPro = name.contains("pro")
            minThinkingBudget = isPro ? 128 : nil
            maxThinkingBudget = isPro ? 32_768 : 24_576
        } else {
            thinking = .none
        }
    }
}

/// Versions in model names.
enum ModelFamily {
    /// The first version number in a name, a hundred times the major part plus the minor: `claude-3-5-sonnet` 305, `gpt-5.2` 502.
    /// Dates are none.
    static func version(_ name: String) -> Int? {
        let words = name.split { $0 == "-" || $0 == "." || $0 == "_" || $0 == "@" || $0 == ":" || $0 == "/" }
        guard let place = words.firstIndex(where: { number($0) != nil }), let major = number(words[place]) else { return nil }
        let next = words.index(after: place)
        let minor = next < words.endIndex ? number(words[next]) ?? 0 : 0
        return major * 100 + minor
    }

    /// A model's name without where it is had and which build it is: `anthropic/claude-sonnet-4-5-20250929` and `claude-sonnet-4.5`
    /// are one.
    static func family(_ name: String) -> String {
        let bare = name.lowercased().split(separator: "/").last ?? ""
        let words = bare.split { $0 == "-" || $0 == "." || $0 == "_" || $0 == "@" || $0 == ":" }
        let builds: Set<Substring> = ["latest", "preview", "thinking"]
        return words.filter { !($0.utf8.count >= 6 && $0.utf8.allSatisfy { ASCII.isDigit($0) }) && !builds.contains($0) }
            .joined(separator: "-")
    }

    /// A part of a version: one or two digits.
    private static func number(_ word: Substring) -> Int? {
        guard word.utf8.count <= 2, word.utf8.allSatisfy({ ASCII.isDigit($0) }) else { return nil }
        return Int(word)
    }
}
