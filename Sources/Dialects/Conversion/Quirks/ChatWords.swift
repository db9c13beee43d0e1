import Basics

/// A Chat request in a server's own words, for a Chat client: what `ChatRequestWriter` writes of other clients' requests, changed in
/// place, everything else as the client said it. The format's own vendor is never second-guessed.
struct ChatWords: Sendable, Hashable {
    private let able: Capabilities.OpenAI
    private var quirks: ChatQuirks { able.quirks }

    /// Nil: the server's words are the format's.
    init?(_ able: Capabilities.OpenAI) {
        let quirks = able.quirks
        guard !able.isFirstParty,
            quirks.effortField != .known || !quirks.effortWords.isEmpty || quirks.effortWithTools != .taken
                || quirks.thinkingOff != .unknown || quirks.thinkingOn != .unknown || quirks.anyToolWord != "required"
                || quirks.callIDs != nil || quirks.jsonSchema != .schema || able.reasoningEcho != nil || able.refusesThoughts
                || quirks.callSignatures || !quirks.strictTools || !quirks.parallelCalls || !Self.refused(quirks).isEmpty
        else { return nil }
        self.able = able
    }

    /// Members that it is known not to take. Of the verbosity nothing is known but that OpenAI has it.
    private static func refused(_ quirks: ChatQuirks) -> [String] {
        (quirks.user ? [] : ["user", "safety_identifier"]) + (quirks.serviceTier == false ? ["service_tier"] : [])
            + (quirks.cacheKey == false ? ["prompt_cache_key"] : [])
    }

    /// Members of the body that may have to be changed.
    private static let concerned: Set<String> = [
        effort, "tool_choice", "response_format", "parallel_tool_calls", "user", "safety_identifier", "service_tier",
        "prompt_cache_key",
    ]

    /// Whether there is anything in a body that may have to be changed; in most there is not.
    private func concerns(_ body: UnsafeRawBufferPointer) -> Bool {
        var members: [JSONMember] = []
        guard (try? JSONScan.members(of: body, into: &members)) != nil else { return false }
        for member in members {
            let name = member.keyString(in: body)
            if Self.concerned.contains(name) || (name == "tools" && !quirks.strictTools) { return true }
            guard name == "messages" else { continue }
            let messages = body.slice(member.value)
            func holds(_ word: StaticString) -> Bool { ByteSearch.contains(word, in: messages) }
            if quirks.callIDs != nil || able.reasoningEcho != nil || quirks.callSignatures, holds("tool_call") { return true }
            if able.refusesThoughts, holds("reasoning") { return true }
            if !able.developerRole, holds("developer") { return true }
        }
        return false
    }

    /// What was known of a call's thoughts, and the model that is asked.
    struct Memory {
        let recall: ((String) -> ToolThoughts?)?
        let model: String

        /// What goes back with a call.
        func known(_ id: String) -> ToolThoughts? { recall?(id).flatMap { $0.isFor(.compat, model) ? $0 : nil } }
    }

    /// A request as the server takes it, and what was lost by that; nil where nothing had to be changed.
    func spoken(_ body: UnsafeRawBufferPointer, _ memory: Memory) -> (body: [UInt8], notes: [LossyNote])? {
        guard concerns(body), var request = (try? JSONValue(parsing: body))?.object else { return nil }
        var change = Change()
        speakEffort(&request, &change)
        speakToolChoice(&request, &change)
        leaveOut(&request, &change)
        let wish = speakFormat(&request, &change)
        if case .array(var messages)? = request["messages"] {
            let isThinkingOff = isThinkingOff(request)
            var ids = ToolIDs(ChatUpstream(), quirks.callIDs)
            for index in messages.indices {
                guard var message = messages[index].object else { continue }
                var isChanged = speakRole(&message)
                if able.refusesThoughts, Self.leaveThoughtsOut(&message) { isChanged = true }
                // What is remembered is so by the client's ids.
                if !isThinkingOff, giveThoughtsBack(&message, memory) { isChanged = true }
                if quirks.callSignatures, Self.giveSignaturesBack(&message, memory) { isChanged = true }
                if quirks.callIDs != nil, Self.rewriteIDs(&message, &ids) { isChanged = true }
                guard isChanged else { continue }
                messages[index] = .object(message)
                change.isMade = true
            }
            if quirks.callSignatures, CallSignature.signCurrentTurn(&messages) { change.isMade = true }
            if let wish { Self.add(wish, to: &messages) }
            if change.isMade { request["messages"] = .array(messages) }
        }
        return change.isMade ? (JSONValue.object(request).bytes, change.notes) : nil
    }

    private struct Change {
        var isMade = false
        var notes: [LossyNote] = []

        mutating func note(_ param: String, _ loss: LossyNote.Action?) {
            isMade = true
            if let loss { notes.append(LossyNote(param, loss)) }
        }
    }

    // MARK: Effort

    private static let effort = "reasoning_effort"

    /// A level in the format's own word; a word that is none of them, and what the client says in the server's, stays.
    private func speakEffort(_ request: inout JSONObject, _ change: inout Change) {
        guard let said = request[Self.effort]?.string, let level = ReasoningLevel(said) else { return }
        if level > .none, quirks.effortWithTools != .taken, request["tools"]?.array?.isEmpty == false {
            request[Self.effort] = nil
            if able.efforts.contains(.none) { (effortPath ?? Self.effortPath)?.set("none", in: &request) }
            return change.note(Self.effort, .dropped)
        }
        guard level > .none else { return speakThinkingOff(said, &request, &change) }
        request[Self.effort] = nil
        let switchesOn = Self.say(quirks.thinkingOn, in: &request)
        let word =
            quirks.effortField == .known ? quirks.effortWords[level.label] ?? said : quirks.word(for: level, of: able.efforts)
        if let path = effortPath, let word {
            // Its word for thinking may be this very member.
            if path.value(in: request) == nil { path.set(.string(word), in: &request) }
        }
        let isSame = !switchesOn && request[Self.effort]?.string == said
        if !isSame { change.note(Self.effort, effortPath != nil && word != nil ? nil : switchesOn ? .approximated : .dropped) }
    }

    private static let effortPath = FieldPath(effort)

    /// Where it wants an effort; nil: nowhere.
    private var effortPath: FieldPath? {
        switch quirks.effortField {
        case .known: Self.effortPath
        case .none: nil
        case .at(let path): path
        }
    }

    private func speakThinkingOff(_ said: String, _ request: inout JSONObject, _ change: inout Change) {
        switch quirks.thinkingOff {
        case .words(let words):
            if words.contains(where: { $0.path.member == Self.effort && $0.value == .string(said) }) { return }
            request[Self.effort] = nil
            Self.say(quirks.thinkingOff, in: &request)
            change.note(Self.effort, nil)
        case .never:
            request[Self.effort] = nil
            change.note(Self.effort, .dropped)
        case .unknown:
            guard quirks.effortField != .known else { return }
            request[Self.effort] = nil
            let word = effortPath == nil ? nil : quirks.word(for: .none, of: able.efforts)
            if let word { effortPath?.set(.string(word), in: &request) }
            if request[Self.effort]?.string != said { change.note(Self.effort, word == nil ? .dropped : nil) }
        }
    }

    /// Whether anything had to be said: what the client says itself holds.
    @discardableResult
    private static func say(_ words: ChatQuirks.ThinkingWords, in request: inout JSONObject) -> Bool {
        guard case .words(let fields) = words else { return false }
        for field in fields where field.path.value(in: request) == nil {
            if let value = field.value { field.path.set(value, in: &request) }
        }
        return !fields.isEmpty
    }

    private func isThinkingOff(_ request: JSONObject) -> Bool {
        guard case .words(let words) = quirks.thinkingOff else { return false }
        return words.contains { word in word.value != nil && word.path.value(in: request) == word.value }
    }

    // MARK: Tools and format

    private func speakToolChoice(_ request: inout JSONObject, _ change: inout Change) {
        guard quirks.anyToolWord != "required", let choice = request["tool_choice"] else { return }
        // What cannot force a tool while it thinks can where it was told not to.
        if quirks.anyToolWord == "auto", isThinkingOff(request) { return }
        if quirks.anyToolWord == "auto" {
            // Where no tool can be forced, none is named.
            guard choice == "required" || choice == "any" || choice.object != nil else { return }
            request["tool_choice"] = "auto"
            change.note("tool_choice", .approximated)
        } else if choice == "required" {
            request["tool_choice"] = .string(quirks.anyToolWord)
            change.note("tool_choice", nil)
        }
    }

    private func leaveOut(_ request: inout JSONObject, _ change: inout Change) {
        for name in Self.refused(quirks) where request[name] != nil {
            request[name] = nil
            // A key only says where to look for a prefix: without it nothing is lost but luck.
            change.note(name, name == "prompt_cache_key" ? nil : .dropped)
        }
        if !quirks.parallelCalls, let parallel = request["parallel_tool_calls"] {
            request["parallel_tool_calls"] = nil
            change.note("parallel_tool_calls", parallel == false ? .dropped : nil)
        }
        if !quirks.strictTools, Self.strict?.remove(from: &request) == true { change.note("tools.strict", .dropped) }
    }

    private static let strict = FieldPath("tools.function.strict")

    /// The words that stand for a schema which the server does not take.
    private func speakFormat(_ request: inout JSONObject, _ change: inout Change) -> String? {
        guard quirks.jsonSchema != .schema, let format = request["response_format"], let type = format["type"]?.string else {
            return nil
        }
        let schema: JSONValue?
        switch type {
        case "json_schema": schema = format["json_schema"]?["schema"]
        case "json_object" where quirks.jsonSchema == .none: schema = nil
        default: return nil
        }
        request["response_format"] = quirks.jsonSchema == .object ? ["type": "json_object"] : nil
        change.note("response_format", .approximated)
        return ChatRequestWriter.words(for: schema)
    }

    /// Joins the first system message, which some servers insist is the only one.
    private static func add(_ wish: String, to messages: inout [JSONValue]) {
        guard var first = messages.first?.object, ["system", "developer"].contains(first["role"]?.string) else {
            return messages.insert(["role": "system", "content": .string(wish)], at: 0)
        }
        switch first["content"] {
        case .array(let parts)?: first["content"] = .array(parts + [["type": "text", "text": .string(wish)]])
        case let content: first["content"] = .string((content?.string).map { $0 + "\n\n" + wish } ?? wish)
        }
        messages[0] = .object(first)
    }

    // MARK: History

    /// Only OpenAI's reasoning models tell a developer from the system.
    private func speakRole(_ message: inout JSONObject) -> Bool {
        guard !able.developerRole, message["role"] == "developer" else { return false }
        message["role"] = "system"
        return true
    }

    /// What another server thought is no loss to one that refuses to be told.
    private static func leaveThoughtsOut(_ message: inout JSONObject) -> Bool {
        guard message["role"] == "assistant" else { return false }
        let names = (names + [details]).filter { message[$0] != nil }
        for name in names { message[name] = nil }
        return !names.isEmpty
    }

    private static let details = "reasoning_details"
    /// What servers call their thoughts; a client gives them back by the name that they came under.
    private static let names = ["reasoning_content", "reasoning"]

    /// What is remembered of a message's calls, where the client did not give it back itself.
    private func giveThoughtsBack(_ message: inout JSONObject, _ memory: Memory) -> Bool {
        guard let field = able.reasoningEcho, message["role"] == "assistant", let calls = message["tool_calls"]?.array,
            !calls.isEmpty
        else { return false }
        func holds(_ name: String) -> Bool { message[name].map { !$0.isNull && !$0.isEmptyText } ?? false }
        guard !holds(field) else { return false }
        if field != Self.details, let other = Self.names.first(where: { $0 != field && holds($0) }) {
            message[field] = message[other]
            message[other] = nil
            return true
        }
        let given = message[Self.details]?.array ?? []
        let ids = calls.compactMap { $0["id"]?.string }
        var (texts, list) = ids.compactMap(memory.known).unsigned
        // A server's details hold its words, too.
        if texts.isEmpty { texts = given.compactMap { ($0["text"] ?? $0["summary"])?.string } }
        if !list.isEmpty, given.isEmpty, quirks.echoesDetails { message[Self.details] = .array(list) } else { list = [] }
        if field == Self.details { return !list.isEmpty }
        // Where a call must have thoughts, a blank stands for those that nobody knows.
        let words = texts.isEmpty && quirks.echoAlways ? " " : texts.joined(separator: "\n\n")
        guard !words.isEmpty else { return !list.isEmpty }
        message[field] = .string(words)
        return true
    }

    /// The signatures that came with a message's calls, where the client did not give them back itself.
    private static func giveSignaturesBack(_ message: inout JSONObject, _ memory: Memory) -> Bool {
        guard message["role"] == "assistant", var calls = message["tool_calls"]?.array else { return false }
        var isChanged = false
        for index in calls.indices where !CallSignature.isOn(calls[index]) {
            guard var call = calls[index].object, let id = call["id"]?.string, let signature = memory.known(id)?.signature else {
                continue
            }
            CallSignature.put(signature, on: &call)
            calls[index] = .object(call)
            isChanged = true
        }
        if isChanged { message["tool_calls"] = .array(calls) }
        return isChanged
    }

    // MARK: Ids

    /// The ids of calls and of their results, as the server takes them.
    private static func rewriteIDs(_ message: inout JSONObject, _ ids: inout ToolIDs) -> Bool {
        var isChanged = false
        func rewrite(_ name: String, of object: inout JSONObject) {
            guard let id = object[name]?.string else { return }
            let legal = ids.send(id)
            guard legal != id else { return }
            object[name] = .string(legal)
            isChanged = true
        }
        if case .array(var calls)? = message["tool_calls"] {
            for index in calls.indices {
                guard var call = calls[index].object else { continue }
                rewrite("id", of: &call)
                calls[index] = .object(call)
            }
            if isChanged { message["tool_calls"] = .array(calls) }
        }
        rewrite("tool_call_id", of: &message)
        return isChanged
    }
}
