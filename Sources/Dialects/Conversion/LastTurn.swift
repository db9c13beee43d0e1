import Basics

/// The assistant's last turn in the history of an Anthropic request, read in place: all its messages since the user's last words.
/// Messages that bring nothing but tool results are part of a turn (conversion.md 4.3).
struct LastTurn {
    private(set) var hasCall = false
    private(set) var hasThoughts = false
    /// A call has an id that Anthropic did not make.
    private(set) var hasForeignCall = false

    /// The body without its budget to think, if another vendor made the calls of the last turn and left no thoughts before them:
    /// Anthropic demands those from whoever thinks with a budget. All other bytes stay; nil when the body is fine as it is.
    /// - Parameter isConverted: another vendor's responses stood in the history. Without, foreign ids of calls tell. A client of
    ///   Anthropic's alone that lost its thoughts gets Anthropic's own response.
    static func withoutBudget(_ body: UnsafeRawBufferPointer, isConverted: Bool) -> [UInt8]? {
        var members: [JSONMember] = []
        var object = 0..<0
        do throws(JSONScan.Problem) { object = try JSONScan.members(of: body, into: &members) } catch { return nil }
        guard let thinking = members.first(where: { $0.key(equals: "thinking", in: body) }), thinking.kind == .object,
            body.inner(of: "type", in: thinking.value).equals("enabled"),
            let messages = members.first(where: { $0.key(equals: "messages", in: body) }), messages.kind == .array
        else { return nil }
        let turn = LastTurn(body, messages: messages.value)
        guard turn.hasCall, !turn.hasThoughts, isConverted || turn.hasForeignCall else { return nil }
        var patch = JSONPatch(object: object, members: members)
        patch.remove("thinking", in: body)
        return patch.apply(to: body)
    }

    init(_ body: UnsafeRawBufferPointer, messages: Range<Int>) {
        var list: [JSONElement] = []
        guard (try? JSONScan.elements(of: body, in: messages, into: &list)) != nil else { return }
        for message in list.reversed() where message.kind == .object {
            let role = body.inner(of: "role", in: message.value)
            let content = JSONScan.find("content", of: body, in: message.value)
            if role.equals("assistant") {
                if let content { read(body, content.value) }
            } else if role.equals("user") {
                guard let content, Self.holdsResultsAlone(body, content.value) else { return }
            }
        }
    }

    private mutating func read(_ body: UnsafeRawBufferPointer, _ content: Range<Int>) {
        Self.forEachBlock(of: body, in: content) { block, type in
            if type.equals("thinking") || type.equals("redacted_thinking") {
                hasThoughts = true
            } else if type.equals("tool_use") {
                hasCall = true
                let id = body.inner(of: "id", in: block)
                if !id.isEmpty, !id.starts("toolu_"), !id.starts("srvtoolu_") { hasForeignCall = true }
            }
            return true
        }
    }

    private static func holdsResultsAlone(_ body: UnsafeRawBufferPointer, _ content: Range<Int>) -> Bool {
        var isAlone = true
        let isList = forEachBlock(of: body, in: content) { _, type in
            isAlone = type.equals("tool_result")
            return isAlone
        }
        return isList && isAlone
    }

    /// Shows each block of a message and its type until `look` says no. False when the content is no list.
    @discardableResult
    private static func forEachBlock(
        of body: UnsafeRawBufferPointer, in content: Range<Int>, _ look: (Range<Int>, RawText) -> Bool
    ) -> Bool {
        var cursor = JSONCursor(body, in: content)
        guard cursor.isAt(0x5B), (try? cursor.open(.array)) != nil else { return false }
        while let block = (try? cursor.nextElement()) ?? nil {
            let type = block.kind == .object ? body.inner(of: "type", in: block.value) : RawText(start: nil, count: 0)
            guard look(block.value, type) else { break }
        }
        return true
    }
}
