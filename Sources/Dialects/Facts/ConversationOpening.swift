import Basics

/// What a conversation begins with and keeps to its end: system prompt, tools, and all up to the first message of the user.
///
/// Marks of what is to be cached move from turn to turn, so of a content that consists of parts only the texts count. Of each piece
/// its first 16 KiB and its length: two prompts that differ only behind that are one conversation to whoever asks.
public enum ConversationOpening {
    private static let mostBytes = 16 << 10
    private static let mostParts = 16
    /// Bytes of the messages in which the user's first is looked for. Where it does not end there, they begin with what tells enough.
    private static let window = 32 << 10

    /// Gives the pieces one after the other, in one order whichever a body has them in.
    /// - Parameter members: those of `body`, as `JSONScan.members` lists them.
    public static func visit(
        _ body: UnsafeRawBufferPointer, _ members: [JSONMember], _ take: (UnsafeRawBufferPointer, _ length: Int) -> Void
    ) {
        var (system, tools, talk) = (-1, -1, -1)
        for index in members.indices {
            switch Place(body.slice(members[index].key)) {
            case .elsewhere: break
            case .tools: tools = index
            case .system: system = index
            case .messages: talk = index
            }
        }
        if system >= 0 { content(body, members[system].value, members[system].kind, take) }
        if tools >= 0 { give(body, members[tools].value, take) }
        guard talk >= 0 else { return }
        if members[talk].kind == .array {
            messages(body, members[talk].value, take)
        } else {
            give(body, members[talk].value, take)
        }
    }

    /// What a member of the body holds.
    private enum Place {
        case tools, system, messages, elsewhere

        @inline(__always)
        init(_ key: UnsafeRawBufferPointer) {
            switch key.count {
            case 5 where key.equals("tools"): self = .tools
            case 6 where key.equals("system"), 12 where key.equals("instructions"), 17 where key.equals("systemInstruction"),
                18 where key.equals("system_instruction"):
                self = .system
            case 8 where key.equals("messages") || key.equals("contents"), 5 where key.equals("input"): self = .messages
            default: self = .elsewhere
            }
        }
    }

    private static func give(
        _ body: UnsafeRawBufferPointer, _ range: Range<Int>, _ take: (UnsafeRawBufferPointer, Int) -> Void
    ) {
        take(body.slice(range.lowerBound..<min(range.upperBound, range.lowerBound &+ mostBytes)), range.count)
    }

    /// All up to the first that is the user's.
    private static func messages(
        _ body: UnsafeRawBufferPointer, _ range: Range<Int>, _ take: (UnsafeRawBufferPointer, Int) -> Void
    ) {
        var left = mostParts
        var cursor = JSONCursor(body, in: range.lowerBound..<min(range.upperBound, range.lowerBound &+ window))
        do throws(JSONScan.Problem) {
            try cursor.open(.array)
            while try cursor.reachElement() {
                guard cursor.isAt(0x7B) else {
                    let start = cursor.position
                    _ = try cursor.skipValue()
                    return give(body, start..<cursor.position, take)
                }
                let message = try Message(body, &cursor)
                left &-= 1
                if let (parts, kind) = message.content {
                    content(body, parts, kind, take)
                } else {
                    give(body, message.range, take)
                }
                if left == 0 || message.isUsers { return }
            }
        } catch { take(body.slice(range.lowerBound..<min(range.upperBound, range.lowerBound &+ mostBytes)), 0) }
    }

    /// What tells one message's place in the beginning, found in one pass over it, of the user's up to what it says.
    private struct Message {
        var range: Range<Int>
        var content: (value: Range<Int>, kind: JSONKind)?
        var isUsers = false

        /// - Parameter cursor: stands at the message; behind it afterwards.
        init(_ body: UnsafeRawBufferPointer, _ cursor: inout JSONCursor) throws(JSONScan.Problem) {
            let start = cursor.position
            var parts: (Range<Int>, JSONKind)?
            var hasRole = false
            try cursor.open(.object)
            while let (key, isEscaped) = try cursor.nextKey() {
                let from = cursor.position
                let (kind, _) = try cursor.skipValue()
                let value = from..<cursor.position
                switch Member(body, key, isEscaped) {
                case .role:
                    hasRole = true
                    isUsers = body.slice(value).equals("\"user\"")
                case .content: content = (value, kind)
                case .parts: parts = (value, kind)
                case .other: break
                }
                // Nothing is looked at that follows.
                if isUsers, content != nil { break }
            }
            // A message of Gemini's that names no role is the user's.
            if !hasRole, parts != nil { isUsers = true }
            content = content ?? parts
            range = start..<cursor.position
            cursor.leave()
        }

        private enum Member {
            case role, content, parts, other

            @inline(__always)
            init(_ body: UnsafeRawBufferPointer, _ key: Range<Int>, _ isEscaped: Bool) {
                let name = body.slice(key)
                if isEscaped {
                    let words: [String: Member] = ["role": .role, "content": .content, "parts": .parts]
                    self = words[JSONText.decode(name)] ?? .other
                    return
                }
                switch name.count {
                case 4 where name.equals("role"): self = .role
                case 7 where name.equals("content"): self = .content
                case 5 where name.equals("parts"): self = .parts
                default: self = .other
                }
            }
        }
    }

    private static func content(
        _ body: UnsafeRawBufferPointer, _ range: Range<Int>, _ kind: JSONKind,
        _ take: (UnsafeRawBufferPointer, Int) -> Void
    ) {
        switch kind {
        case .array:
            var left = mostParts
            elements(body, range) { element in
                left -= 1
                if element.kind == .object, let text = JSONScan.find("text", of: body, in: element.value) {
                    give(body, text.value, take)
                } else {
                    give(body, element.value, take)
                }
                return left > 0
            }
        case .object:
            if let parts = JSONScan.find("parts", of: body, in: range), parts.kind == .array {
                content(body, parts.value, parts.kind, take)
            } else {
                give(body, range, take)
            }
        case .string, .number, .true, .false, .null: give(body, range, take)
        }
    }

    /// - Parameter goesOn: whether the next element is wanted.
    private static func elements(
        _ body: UnsafeRawBufferPointer, _ range: Range<Int>, _ goesOn: (JSONElement) -> Bool
    ) {
        var cursor = JSONCursor(body, in: range)
        do throws(JSONScan.Problem) {
            try cursor.open(.array)
            while let element = try cursor.nextElement(), goesOn(element) {}
        } catch { return }
    }
}
