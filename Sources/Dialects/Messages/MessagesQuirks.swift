import Basics

/// What servers that speak Anthropic's format say wrongly (conversion.md 9.3).
public enum MessagesQuirks {
    /// Whether a response, whole or the beginning of a stream, is the text that stands for none.
    public static func isEmptyResponse(_ bytes: UnsafeRawBufferPointer) -> Bool {
        ByteSearch.contains("\"[no response after retries", in: bytes)
    }

    /// Whether a text, escaped, is what such a server writes when it got nothing from its own.
    static func isPlaceholder(_ text: UnsafeRawBufferPointer) -> Bool {
        text.equals("[No response after retries - please try again]")
    }

    /// A whole response put right, as long as it was: `end_turn` with a call is `tool_use`, and a block's own `thoughtSignature`
    /// goes. Nil when there is nothing to do, as with every response without a call, and for what is no JSON.
    public static func repaired(_ body: UnsafeRawBufferPointer) -> [UInt8]? {
        guard ByteSearch.contains("\"tool_use\"", in: body) else { return nil }
        let hasSignature = ThoughtSignature.stands(in: body)
        var reason: Range<Int>?
        var hasCall = false
        var places: [Range<Int>] = []
        var cursor = JSONCursor(body)
        do throws(JSONScan.Problem) {
            try cursor.open(.object)
            while let member = try cursor.nextMember() {
                if member.key(equals: "stop_reason", in: body) {
                    reason = member.value
                } else if member.kind == .array, member.key(equals: "content", in: body) {
                    var blocks = JSONCursor(body, in: member.value)
                    try blocks.open(.array)
                    while let block = try blocks.nextElement() {
                        guard block.kind == .object else { continue }
                        if !hasCall { hasCall = body.inner(of: "type", in: block.value).equals("tool_use") }
                        if hasSignature { try ThoughtSignature.find(in: block.value, of: body, into: &places) }
                    }
                }
            }
            try cursor.finish()
        } catch { return nil }
        let wrong = hasCall ? reason.flatMap { body.slice($0).equals("\"end_turn\"") ? $0 : nil } : nil
        guard wrong != nil || !places.isEmpty else { return nil }
        var bytes = Array(body)
        if let wrong { bytes.replaceSubrange(wrong, with: Array("\"tool_use\"".utf8)) }
        for place in places {
            for index in place { bytes[index] = 0x20 }
        }
        return bytes
    }
}
