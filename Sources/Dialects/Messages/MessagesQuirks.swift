/// What servers that speak Anthropic's format say wrongly (conversion.md 9.3).
public enum MessagesQuirks {
    /// Whether an answer, whole or the beginning of a stream, is the text that stands for none.
    public static func isEmptyAnswer(_ bytes: UnsafeRawBufferPointer) -> Bool {
        ByteSearch.contains("\"[no response after retries", in: bytes)
    }

    /// A whole answer put right, as long as it was: `end_turn` with a call is `tool_use`, and `thoughtSignature` goes. Nil when
    /// there is nothing to do, as with every answer without a call.
    public static func mended(_ body: UnsafeRawBufferPointer) -> [UInt8]? {
        guard ByteSearch.contains("\"tool_use\"", in: body) else { return nil }
        let reason = JSONScan.find("stop_reason", of: body)
        let isWrong = reason.map { body.slice($0.value).equals("\"end_turn\"") } ?? false
        let hasCall = isWrong && Self.hasCall(body)
        let hasSignature = ThoughtSignature.stands(in: body)
        guard hasCall || hasSignature else { return nil }
        var bytes = Array(body)
        if hasCall, let range = reason?.value { bytes.replaceSubrange(range, with: Array("\"tool_use\"".utf8)) }
        if hasSignature { ThoughtSignature.blot(&bytes) }
        return bytes
    }

    private static func hasCall(_ body: UnsafeRawBufferPointer) -> Bool {
        guard let content = JSONScan.find("content", of: body), content.kind == .array else { return false }
        var cursor = JSONCursor(body, in: content.value)
        guard (try? cursor.open(.array)) != nil else { return false }
        while let block = (try? cursor.nextElement()) ?? nil {
            if block.kind == .object, body.inner(of: "type", in: block.value).equals("tool_use") { return true }
        }
        return false
    }
}
