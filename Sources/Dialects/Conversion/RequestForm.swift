import Basics

/// What a request's body is, for the fields that a rule or a tier changes in it.
public struct RequestForm: Sendable {
    public enum Kind: Sendable, CaseIterable {
        case messages, chat
        /// OpenAI's older one, whose limit has one name.
        case completions
        case responses, gemini
        /// It asks for no answer of a model's: nothing of what an answer is like stands in it.
        case plain
        /// What it is, is not known.
        case unread

        public init(_ dialect: ClientDialect) {
            switch dialect {
            case .anthropic: self = .messages
            case .openai: self = .chat
            case .responses: self = .responses
            case .gemini: self = .gemini
            }
        }

        var isChat: Bool { self == .chat || self == .completions }
    }

    public let kind: Kind
    private let able: Capabilities

    public init(_ kind: Kind, _ able: Capabilities = Capabilities()) {
        self.kind = kind
        self.able = able
    }

    // MARK: The limit of an answer

    /// Names that the limit has in OpenAI's formats, the one that counts first.
    private static let limits = ["max_completion_tokens", "max_tokens", "max_output_tokens"]

    /// Gives a chat body its limit: under the name it has there, else under the one the server takes; never under two.
    func setLimit(_ json: [UInt8], written: String, in patch: inout JSONPatch, _ bytes: UnsafeRawBufferPointer) {
        let name: String
        if kind == .completions {
            name = "max_tokens"
        } else if written == "max_completion_tokens" {
            name = written
        } else {
            let usesNewName = able.openAI.usesMaxCompletionTokens || able.openAI.isReasoning
            name =
                Self.limits.prefix(2).first { patch.value(of: $0, in: bytes) != nil }
                ?? (usesNewName ? "max_completion_tokens" : "max_tokens")
        }
        for other in Self.limits where other != name { patch.remove(other, in: bytes) }
        patch.set(name, to: json, in: bytes)
    }

    /// Lowers the limit that the client set to `cap`.
    public func cap(_ patch: inout JSONPatch, at cap: Int, in bytes: UnsafeRawBufferPointer) {
        guard kind == .gemini else {
            for name in Self.limits { patch.cap(name, at: cap, in: bytes) }
            return
        }
        for name in ["generationConfig", "generation_config"] {
            guard let range = patch.value(of: name, in: bytes) else { continue }
            for name in ["maxOutputTokens", "max_output_tokens"] as [StaticString] {
                guard let limit = JSONScan.find(name, of: bytes, in: range) else { continue }
                patch.cap(limit, at: cap, in: bytes)
            }
        }
    }

    /// The same in Gemini's configuration that is written anew.
    func cap(_ config: inout JSONObject, at cap: Int?) {
        guard let cap else { return }
        for name in ["maxOutputTokens", "max_output_tokens"] {
            guard let said = config[name], !said.isNull else { continue }
            // Google reads numbers in quotes too.
            let number = said.int ?? said.string.flatMap { Int($0) }
            if number.map({ $0 > cap }) ?? true { config[name] = .int(cap) }
        }
    }

    // MARK: Thinking

    /// A level as the model takes it: as a budget where it knows no levels.
    func fitted(_ setting: RequestOverrides.Setting) -> (path: [String], value: JSONValue) {
        guard kind == .gemini, setting.path.last == "thinkingLevel",
            let level = setting.value.string.flatMap({ ReasoningLevel($0) })
        else { return (setting.path, setting.value) }
        if able.gemini.thinking == .budget {
            let path = Array(setting.path.dropLast()) + ["thinkingBudget"]
            let least = able.gemini.minThinkingBudget ?? 0
            return (path, .int(min(max(level.budget(cap: able.gemini.maxThinkingBudget), least), able.gemini.maxThinkingBudget)))
        }
        switch level {
        case .none, .minimal: return (setting.path, able.gemini.minimalThinking ? "minimal" : "low")
        case .low, .medium, .high: return (setting.path, setting.value)
        case .xhigh, .max: return (setting.path, "high")
        }
    }
}
