/// What is changed in requests because a server refuses fields or values, by its quirks.
///
/// Known once for a model; applied to a converted body, or to the few members of a body that passes as it is.
public struct RequestQuirks: Sendable, Hashable {
    public let drops: [FieldPath]
    public let fixed: [FieldValue]
    let renames: [FieldValue]
    let additions: [FieldValue]
    /// What a Chat client's request says otherwise; what is written for the server says it already.
    private let words: ChatWords?
    private let model: String

    /// The quirks that hold for bodies of `dialect`'s shape, which ask for `model`.
    public init(_ able: Capabilities, for dialect: ClientDialect, model: String = "") {
        words = dialect == .openai ? ChatWords(able.openAI) : nil
        self.model = model
        switch dialect {
        case .openai, .responses:
            let quirks = able.openAI.quirks
            drops = able.drops + quirks.drops.filter { !able.drops.contains($0) }
            fixed = quirks.fixed
            renames = quirks.renames
            additions = quirks.additions
        case .anthropic:
            drops = able.drops + able.anthropic.quirks.drops
            fixed = able.anthropic.quirks.fixed
            renames = []
            additions = []
        case .gemini:
            drops = able.drops
            fixed = []
            renames = []
            additions = []
        }
    }

    /// Leaves these fields out of bodies of any shape.
    public init(dropping paths: [FieldPath]) {
        drops = paths
        fixed = []
        renames = []
        additions = []
        words = nil
        model = ""
    }

    /// Whether bodies that pass as they are have anything to fear.
    public var isEmpty: Bool { drops.isEmpty && fixed.isEmpty && renames.isEmpty && words == nil }

    /// Changes a body that was written for the server; what is lost of the client's is told.
    func apply(to body: inout JSONObject, _ work: inout RequestWork) throws(ConversionProblem) {
        guard !isEmpty || !additions.isEmpty else { return }
        for rename in renames {
            guard let name = rename.value?.string, let value = rename.path.value(in: body), rename.path.remove(from: &body) else {
                continue
            }
            if body[name] == nil { body[name] = value }
        }
        for path in drops where path.remove(from: &body) {
            // The client loses nothing of what proxyd asks for itself.
            if path.names.first != "stream_options" { try work.note(Self.param(path, work), .dropped) }
        }
        for field in fixed {
            guard let given = field.path.value(in: body), given != field.value,
                given.double.map({ $0 != field.value?.double }) ?? true
            else { continue }
            if let value = field.value {
                field.path.set(value, in: &body)
                try work.note(Self.param(field.path, work), .clamped)
            } else if field.path.remove(from: &body) {
                try work.note(Self.param(field.path, work), .dropped)
            }
        }
        for field in additions {
            guard let value = field.value, field.path.value(in: body) == nil else { continue }
            field.path.set(value, in: &body)
        }
    }

    /// What the client calls a field of the server's.
    private static func param(_ path: FieldPath, _ work: RequestWork) -> String {
        switch path.description {
        case "user", "safety_identifier": work.client == .anthropic ? "metadata.user_id" : "user"
        case "reasoning_effort", "reasoning", "thinking": work.param(.reasoning)
        case "stop", "stop_sequences": work.param(.stops)
        case "response_format": work.param(.format)
        case "top_p": work.param(.topP)
        case "top_k": work.param(.topK)
        case "parallel_tool_calls": work.param(.parallelTools)
        default: work.param(openAI: path.description)
        }
    }

    /// A body that passes as it is, in the server's words and without what it refuses, and what was changed. Nil: there is none of
    /// it in the body.
    /// - Parameter recall: what is remembered of a call, by the client's id of it.
    public func patched(
        _ body: UnsafeRawBufferPointer, recall: ((String) -> ToolThoughts?)? = nil
    ) -> (body: [UInt8], notes: [LossyNote])? {
        guard let spoken = words?.spoken(body, ChatWords.Memory(recall: recall, model: model)) else {
            return withoutRefused(body)
        }
        guard let left = spoken.body.withUnsafeBytes({ withoutRefused($0) }) else { return spoken }
        return (left.body, spoken.notes + left.notes)
    }

    private func withoutRefused(_ body: UnsafeRawBufferPointer) -> (body: [UInt8], notes: [LossyNote])? {
        var members: [JSONMember] = []
        guard let object = try? JSONScan.members(of: body, into: &members) else { return nil }
        var patch = JSONPatch(object: object, members: members)
        var notes: [LossyNote] = []
        func value(_ name: String) -> Range<Int>? {
            members.last { $0.keyString(in: body) == name }?.value
        }
        var moved: Set<String> = []
        for rename in renames {
            guard let name = rename.path.member, let new = rename.value?.string, let range = value(name) else { continue }
            patch.remove(name, in: body)
            guard value(new) == nil else { continue }
            patch.set(new, to: Array(body.slice(range)), in: body)
            moved.insert(new)
        }
        // Several parts of one member may have to go: it is parsed once.
        var parsed: [String: JSONObject] = [:]
        for path in drops {
            guard let name = path.names.first, moved.contains(name) || value(name) != nil else { continue }
            if path.member != nil {
                patch.remove(name, in: body)
            } else {
                guard let range = value(name), var around = parsed[name] ?? Self.around(name, body.slice(range)) else { continue }
                let isThere = path.remove(from: &around)
                parsed[name] = around
                guard isThere else { continue }
                if let left = around[name] { patch.set(name, to: left.bytes, in: body) } else { patch.remove(name, in: body) }
            }
            if !renames.contains(where: { $0.path == path }) { notes.append(LossyNote(path.description, .dropped)) }
        }
        for field in fixed {
            guard let name = field.path.member, let range = value(name) else { continue }
            let given = try? JSONValue(parsing: body.slice(range))
            guard let given, given != field.value, given.double.map({ $0 != field.value?.double }) ?? true else { continue }
            if let value = field.value { patch.set(name, to: value.bytes, in: body) } else { patch.remove(name, in: body) }
            notes.append(LossyNote(name, field.value == nil ? .dropped : .clamped))
        }
        guard !patch.isEmpty else { return nil }
        return (patch.apply(to: body), notes)
    }

    private static func around(_ name: String, _ json: UnsafeRawBufferPointer) -> JSONObject? {
        (try? JSONValue(parsing: json)).map { JSONObject([JSONObject.Member(key: name, value: $0)]) }
    }
}
