import Basics

/// Request fields that a rule sets, in the words of each format: `max_tokens` is Gemini's `generationConfig.maxOutputTokens`.
///
/// Worked out once for a rule. A field that a format has no name for goes as it is written.
public struct RequestOverrides: Sendable {
    /// The members as the file has them, and their JSON.
    public let written: [(member: String, json: [UInt8])]
    /// The most an answer may have; nil where the rule sets none, or no number.
    public let maxTokens: Int?
    /// How many answers are asked for; nil where the rule does not say.
    public let choices: Int?
    private let format: FormatOverride?
    private let settings: [RequestForm.Kind: [Setting]]

    /// A value and its place in a body of some format.
    struct Setting: Sendable {
        var path: [String]
        var value: JSONValue
        /// What else stands beside it for the same, and goes.
        var rival: String?
        /// How the field is called in the file.
        var written: String
        /// The format has no name for the field: in a conversion it is no part of the client's body.
        var isNameless = false
    }

    public static let none = RequestOverrides([])

    public init(_ written: [(member: String, json: [UInt8])]) {
        self.written = written
        var fields: [(field: OverriddenField?, member: String, value: JSONValue)] = []
        for (member, json) in written {
            let value = (try? JSONValue(parsing: json)) ?? .null
            fields.append((OverriddenField(member), member, value))
            for (inner, value) in Self.parts(of: member, value) { fields.append((OverriddenField(inner), inner, value)) }
        }
        func number(_ field: OverriddenField) -> Int? {
            fields.last { $0.field == field }?.value.double.flatMap { $0 > 0 ? Int(exactly: min($0, 1e15).rounded(.up)) : nil }
        }
        maxTokens = number(.limit)
        choices = number(.choices)
        format = fields.last { $0.field == .format }.flatMap { FormatOverride($0.value) }
        var settings: [RequestForm.Kind: [Setting]] = [:]
        if !written.isEmpty {
            for kind in RequestForm.Kind.allCases {
                settings[kind] = written.flatMap { member, json in
                    Self.settings(member, (try? JSONValue(parsing: json)) ?? .null, kind)
                }
            }
        }
        self.settings = settings
    }

    public var isEmpty: Bool { written.isEmpty }

    /// Members of formats that hold fields others have beside one another.
    private static let holders: Set<String> = ["generationConfig", "generation_config", "reasoning", "output_config", "text"]

    /// What a member that holds fields says, by the names that the fields have alone.
    private static func parts(of member: String, _ value: JSONValue) -> [(String, JSONValue)] {
        guard holders.contains(member), let object = value.object else { return [] }
        return object.members.map { inner in
            if inner.key == "format", FormatOverride(inner.value) != nil { return ("response_format", inner.value) }
            return (member == "generation_config" ? GeminiKey.camel(inner.key) : inner.key, inner.value)
        }
    }

    /// The places of one written member in a body of one kind.
    private static func settings(_ member: String, _ value: JSONValue, _ kind: RequestForm.Kind) -> [Setting] {
        if kind == .unread { return [Setting(path: [member], value: value, written: member)] }
        // Chat servers take their thinking words in a member of this name too.
        let isWhole = kind.isChat && member == "reasoning"
        let parts = isWhole ? [] : parts(of: member, value)
        guard !parts.isEmpty else {
            // Images and voices have a format of their own by this name.
            let isPlain = member == "response_format" && (kind == .plain || FormatOverride(value) == nil)
            guard !isPlain, let field = OverriddenField(member) else {
                return [Setting(path: [member], value: value, written: member)]
            }
            if kind == .plain { return [] }
            return field.setting(value, in: kind, written: member)
                ?? [Setting(path: [member], value: value, written: member, isNameless: true)]
        }
        let holder = member == "generation_config" ? "generationConfig" : member
        if kind == .plain, holder == "generationConfig" { return [] }
        return parts.flatMap { name, value in
            let field = OverriddenField(name)
            let own = field == .format ? "format" : name
            return field?.setting(value, in: kind, written: name)
                ?? [Setting(path: [holder, own], value: value, written: name, isNameless: field != nil)]
        }
    }

    // MARK: Applying

    /// Sets the fields in a body, no limit of an answer above `cap`.
    /// - Parameter isConverted: the body is converted after this, and gets what its format has no name for on the way (`complete`).
    public func apply(
        to patch: inout JSONPatch, in bytes: UnsafeRawBufferPointer, as form: RequestForm, cap: Int? = nil,
        isConverted: Bool = false
    ) {
        var nested: [(holder: String, settings: [Setting])] = []
        var setsLimit = false
        for setting in settings[form.kind] ?? [] where !(isConverted && setting.isNameless) {
            var setting = setting
            let isLimit = OverriddenField(setting.written) == .limit
            if isLimit { setsLimit = true }
            if isLimit, let cap { setting.value = .int(min(maxTokens ?? cap, cap)) }
            if isLimit, form.kind.isChat, setting.path.count == 1 {
                form.setLimit(setting.value.bytes, written: setting.written, in: &patch, bytes)
            } else if setting.path.count == 1 {
                patch.set(setting.path[0], to: setting.value.bytes, in: bytes)
                if let rival = setting.rival { patch.remove(rival, in: bytes) }
            } else if let index = nested.firstIndex(where: { $0.holder == setting.path[0] }) {
                nested[index].settings.append(setting)
            } else {
                nested.append((setting.path[0], [setting]))
            }
        }
        // What the client says is none of what is sent where the rule says it.
        if let cap, !setsLimit { form.cap(&patch, at: cap, in: bytes) }
        for (holder, settings) in nested { apply(settings, inside: holder, to: &patch, bytes, form, cap) }
    }

    /// Sets in a request that is converted what its client's format has no name for.
    func complete(_ request: inout HubRequest, _ work: inout RequestWork) throws(ConversionProblem) {
        for setting in settings[RequestForm.Kind(work.client)] ?? [] where setting.isNameless {
            let value = setting.value
            switch OverriddenField(setting.written) {
            case .topK: request.topK = value
            case .stops: request.stops = value.string.map { [$0] } ?? value.array?.compactMap(\.string) ?? []
            case .seed: request.sampling["seed"] = value
            case .frequencyPenalty: request.sampling["frequency_penalty"] = value
            case .presencePenalty: request.sampling["presence_penalty"] = value
            case .verbosity: request.verbosity = value
            case .format: if let format { request.format = format.format }
            case .choices: if value.int ?? 1 > 1 { try work.note(setting.written, .dropped) }
            case .limit, .temperature, .topP, .effort, .serviceTier, nil: break
            }
        }
    }

    /// Whether the rule sets what the client calls `param`: what is lost of it, the client did not say.
    func sets(_ param: String, for client: ClientDialect) -> Bool {
        guard !isEmpty else { return false }
        return settings[RequestForm.Kind(client)]?.contains { setting in
            setting.written == param || setting.path.first == param || setting.path.joined(separator: ".") == param
                || (client == .gemini && GeminiKey.camel(setting.written) == param)
                || OverriddenField(setting.written)?.isAlso(param) ?? false
        } ?? false
    }

    /// What the file sets by itself in a member that is called `name` in the client's body, where the upstream may know it; nil where
    /// the client says it alone.
    func carried(_ name: String, from client: ClientDialect, to kin: ClientDialect) -> (member: String, value: JSONValue)? {
        guard !isEmpty, Self.own(kin)?.contains(name) ?? true else { return nil }
        let setting = settings[RequestForm.Kind(client)]?.last {
            !$0.isNameless && $0.path == [$0.written] && OverriddenField($0.written) == nil
                && ($0.written == name || (client == .gemini && GeminiKey.camel($0.written) == name))
        }
        return setting.map { ($0.written, $0.value) }
    }

    /// Members that a format has and the others do not; nil: servers of the format have members of their own.
    private static func own(_ kin: ClientDialect) -> Set<String>? {
        switch kin {
        case .openai: nil
        case .anthropic: ["cache_control", "container", "context_management", "inference_geo", "mcp_servers", "thinking"]
        case .responses: ["context_management", "max_tool_calls", "prompt_cache_retention", "truncation"]
        case .gemini: ["labels", "safetySettings"]
        }
    }

    /// Sets fields within a member, which is written anew.
    private func apply(
        _ settings: [Setting], inside holder: String, to patch: inout JSONPatch, _ bytes: UnsafeRawBufferPointer,
        _ form: RequestForm, _ cap: Int?
    ) {
        // Gemini's keys may be in either case.
        let name = patch.name(holder, in: bytes) { form.kind == .gemini ? GeminiKey.camel($0) : $0 }
        var object = patch.value(of: name, in: bytes).flatMap { try? JSONValue(parsing: bytes.slice($0)) }?.object ?? JSONObject()
        for setting in settings {
            let (path, value) = form.fitted(setting)
            Self.set(path.dropFirst(), to: value, without: setting.rival, in: &object, form.kind)
        }
        if form.kind == .gemini, holder == "generationConfig" { form.cap(&object, at: cap) }
        patch.set(name, to: JSONValue.object(object).bytes, in: bytes)
    }

    private static func set(
        _ path: ArraySlice<String>, to value: JSONValue, without rival: String?, in object: inout JSONObject,
        _ kind: RequestForm.Kind
    ) {
        guard let name = path.first else { return }
        func means(_ key: String, _ name: String) -> Bool { key == name || (kind == .gemini && GeminiKey.camel(key) == name) }
        let key = object.members.last { means($0.key, name) }?.key ?? name
        guard path.count > 1 else {
            for other in object.members where other.key != key {
                if means(other.key, name) || rival.map({ means(other.key, $0) }) ?? false { object[other.key] = nil }
            }
            object[key] = value
            return
        }
        var inner = object[key]?.object ?? JSONObject()
        set(path.dropFirst(), to: value, without: rival, in: &inner, kind)
        object[key] = .object(inner)
    }
}

/// Fields that formats have under names of their own.
enum OverriddenField: Sendable {
    case limit, temperature, topP, topK, stops, seed, frequencyPenalty, presencePenalty, choices, effort, verbosity, serviceTier
    case format

    /// The field that a name of any format's means.
    init?(_ name: String) {
        switch name {
        case "max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens": self = .limit
        case "temperature": self = .temperature
        case "top_p", "topP": self = .topP
        case "top_k", "topK": self = .topK
        case "stop", "stop_sequences", "stopSequences": self = .stops
        case "seed": self = .seed
        case "frequency_penalty", "frequencyPenalty": self = .frequencyPenalty
        case "presence_penalty", "presencePenalty": self = .presencePenalty
        case "n", "candidateCount": self = .choices
        case "reasoning_effort", "effort": self = .effort
        case "verbosity": self = .verbosity
        case "service_tier", "serviceTier": self = .serviceTier
        case "response_format": self = .format
        default: return nil
        }
    }

    /// Whether what is called `param` holds the field, and has another name.
    func isAlso(_ param: String) -> Bool {
        switch self {
        case .effort: ["thinking", "reasoning", "generationConfig.thinkingConfig"].contains(param)
        case .format: param == "generationConfig.responseSchema"
        default: false
        }
    }

    /// Where a body of the kind has it, and in which words; nil where it has no place for it.
    func setting(_ value: JSONValue, in kind: RequestForm.Kind, written: String) -> [RequestOverrides.Setting]? {
        if self == .format { return FormatOverride(value)?.settings(in: kind, written: written) }
        if self == .effort, let found = effort(value, in: kind, written: written) { return [found] }
        guard let path = path(in: kind) else { return nil }
        return [
            RequestOverrides.Setting(
                path: path, value: words(value, in: kind), rival: self == .serviceTier && kind == .gemini ? "service_tier" : nil,
                written: written)
        ]
    }

    private func path(in kind: RequestForm.Kind) -> [String]? {
        switch kind {
        case .messages: messagesName.map { [$0] }
        case .chat, .completions: chatName.map { [$0] }
        case .responses: self == .verbosity ? ["text", "verbosity"] : responsesName.map { [$0] }
        case .gemini: self == .serviceTier ? ["serviceTier"] : geminiName.map { ["generationConfig", $0] }
        case .plain, .unread: nil
        }
    }

    private var messagesName: String? {
        switch self {
        case .limit: "max_tokens"
        case .temperature: "temperature"
        case .topP: "top_p"
        case .topK: "top_k"
        case .stops: "stop_sequences"
        case .serviceTier: "service_tier"
        case .seed, .frequencyPenalty, .presencePenalty, .choices, .effort, .verbosity, .format: nil
        }
    }

    private var chatName: String? {
        switch self {
        case .limit: "max_tokens"
        case .temperature: "temperature"
        case .topP: "top_p"
        case .topK: "top_k"
        case .stops: "stop"
        case .seed: "seed"
        case .frequencyPenalty: "frequency_penalty"
        case .presencePenalty: "presence_penalty"
        case .choices: "n"
        case .effort: "reasoning_effort"
        case .verbosity: "verbosity"
        case .serviceTier: "service_tier"
        case .format: "response_format"
        }
    }

    private var responsesName: String? {
        switch self {
        case .limit: "max_output_tokens"
        case .temperature: "temperature"
        case .topP: "top_p"
        case .serviceTier: "service_tier"
        case .topK, .stops, .seed, .frequencyPenalty, .presencePenalty, .choices, .effort, .verbosity, .format: nil
        }
    }

    private var geminiName: String? {
        switch self {
        case .limit: "maxOutputTokens"
        case .temperature: "temperature"
        case .topP: "topP"
        case .topK: "topK"
        case .stops: "stopSequences"
        case .seed: "seed"
        case .frequencyPenalty: "frequencyPenalty"
        case .presencePenalty: "presencePenalty"
        case .choices: "candidateCount"
        case .effort, .verbosity, .serviceTier, .format: nil
        }
    }

    /// The same in the words of the format.
    private func words(_ value: JSONValue, in kind: RequestForm.Kind) -> JSONValue {
        switch (self, kind, value.string) {
        // One stop sequence may stand alone in OpenAI's formats only.
        case (.stops, .messages, _?), (.stops, .gemini, _?): [value]
        case (.serviceTier, .messages, "default"), (.serviceTier, .messages, "standard"), (.serviceTier, .messages, "flex"),
            (.serviceTier, .messages, "scale"):
            "standard_only"
        case (.serviceTier, .messages, "priority"), (.serviceTier, .messages, "fast"): "auto"
        case (.serviceTier, .gemini, "auto"), (.serviceTier, .gemini, "default"), (.serviceTier, .gemini, "standard_only"):
            "standard"
        case (.serviceTier, .chat, "standard_only"), (.serviceTier, .responses, "standard_only"): "default"
        default: value
        }
    }

    /// How hard to think: an object's part everywhere but in OpenAI's older format.
    private func effort(_ value: JSONValue, in kind: RequestForm.Kind, written: String) -> RequestOverrides.Setting? {
        func setting(_ path: [String], _ value: JSONValue, rival: String? = nil) -> RequestOverrides.Setting {
            RequestOverrides.Setting(path: path, value: value, rival: rival, written: written)
        }
        let level = value.string.flatMap { ReasoningLevel($0) }
        switch kind {
        case .messages:
            if level == ReasoningLevel.none { return setting(["thinking"], ["type": "disabled"]) }
            return setting(["output_config", "effort"], level == .minimal ? "low" : value)
        case .responses: return setting(["reasoning", "effort"], value)
        case .gemini:
            // A budget beside a level is refused.
            return setting(["generationConfig", "thinkingConfig", "thinkingLevel"], value, rival: "thinkingBudget")
        case .chat, .completions, .plain, .unread: return nil
        }
    }
}
