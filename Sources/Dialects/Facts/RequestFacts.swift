import Basics

/// What the rules may ask about a request, read from its body in the client's own format.
public struct RequestFacts: Sendable, Hashable {
    /// The `model` member; empty where the format has it in the path (Gemini).
    public var model = ""
    public var stream = false
    public var hasTools = false
    public var hasImages = false
    /// The client asks for visible or budgeted thinking.
    public var thinking = false
    /// Turns in the history; an input that is one text counts as one.
    public var messages = 0
    /// 0 when the client set none.
    public var maxTokens = 0
    /// An estimate: see `TokenEstimate`.
    public var inputTokens = 0
    /// The string members of `metadata` (and Anthropic's `user_id` among them).
    public var metadata: [String: String] = [:]

    public init() {}

    /// Reads the facts of `body` by scan. The members are the ones `JSONScan.members` listed for it.
    public init(body: UnsafeRawBufferPointer, members: [JSONMember], dialect: ClientDialect) {
        inputTokens = TokenEstimate.tokens(body: body, members: members, dialect: dialect)
        hasImages = TokenEstimate.imageCount(in: body, dialect) > 0
        for member in members { read(member, body, dialect) }
    }

    private mutating func read(_ member: JSONMember, _ body: UnsafeRawBufferPointer, _ dialect: ClientDialect) {
        let key = body.slice(member.key)
        switch member.kind {
        case .string:
            if key.equals("model") { model = JSONScan.string(of: body, in: member.value) ?? "" }
            if key.equals("input") { messages = 1 }
            if key.equals("reasoning_effort") { thinking = !body.slice(member.value).equals("\"none\"") }
        case .true:
            if key.equals("stream") { stream = true }
        case .number:
            if key.equals("max_tokens") || key.equals("max_completion_tokens") || key.equals("max_output_tokens") {
                maxTokens = Swift.max(0, JSONScan.integer(of: body, in: member.value) ?? 0)
            }
        case .array:
            if key.equals("messages") || key.equals("contents") || key.equals("input") {
                messages = Self.count(body, member.value)
            }
            if key.equals("tools") || key.equals("functions") { hasTools = Self.count(body, member.value) > 0 }
        case .object: readObject(key, member.value, body)
        case .false, .null: break
        }
    }

    private mutating func readObject(_ key: UnsafeRawBufferPointer, _ range: Range<Int>, _ body: UnsafeRawBufferPointer) {
        if key.equals("thinking") {
            guard let type = JSONScan.find("type", of: body, in: range) else { return }
            let word = body.slice(type.value)
            thinking = !word.equals("\"disabled\"") && !word.equals("\"between_tools\"")
        } else if key.equals("reasoning") {
            guard let effort = JSONScan.find("effort", of: body, in: range), effort.kind == .string else { return }
            thinking = !body.slice(effort.value).equals("\"none\"")
        } else if key.equals("metadata") {
            readMetadata(range, body)
        } else if key.equals("generationConfig") || key.equals("generation_config") {
            let limit =
                JSONScan.find("maxOutputTokens", of: body, in: range) ?? JSONScan.find("max_output_tokens", of: body, in: range)
            if let limit { maxTokens = Swift.max(0, JSONScan.integer(of: body, in: limit.value) ?? 0) }
            let config =
                JSONScan.find("thinkingConfig", of: body, in: range) ?? JSONScan.find("thinking_config", of: body, in: range)
            if let config, config.kind == .object {
                let budget =
                    JSONScan.find("thinkingBudget", of: body, in: config.value)
                    ?? JSONScan.find("thinking_budget", of: body, in: config.value)
                thinking = budget.flatMap { JSONScan.integer(of: body, in: $0.value) } != 0
            }
        }
    }

    private mutating func readMetadata(_ range: Range<Int>, _ body: UnsafeRawBufferPointer) {
        var cursor = JSONCursor(body, in: range)
        guard (try? cursor.open(.object)) != nil else { return }
        while let member = (try? cursor.nextMember()) ?? nil, metadata.count < 64 {
            guard member.kind == .string, let text = JSONScan.string(of: body, in: member.value) else { continue }
            metadata[member.keyString(in: body)] = text
        }
    }

    private static func count(_ body: UnsafeRawBufferPointer, _ range: Range<Int>) -> Int {
        var cursor = JSONCursor(body, in: range)
        guard (try? cursor.open(.array)) != nil else { return 0 }
        var count = 0
        while ((try? cursor.nextElement()) ?? nil) != nil { count += 1 }
        return count
    }
}
