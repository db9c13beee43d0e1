/// Writes server-sent events: LF line ends, one `data:` line each, as every client library reads them (conversion.md 6.2).
public enum SSEWriter {
    /// Begins an event: the `event:` line if it has a name, then `data: `. The JSON and `end` follow.
    @inline(__always)
    public static func begin(_ name: StaticString? = nil, into out: inout [UInt8]) {
        if let name {
            out.append("event: ")
            out.append(name)
            out.append(0x0A)
        }
        out.append("data: ")
    }

    /// Ends an event.
    @inline(__always)
    public static func end(into out: inout [UInt8]) {
        out.append(0x0A)
        out.append(0x0A)
    }

    /// One whole event. `data` has no line ends.
    public static func event(_ name: StaticString? = nil, data: [UInt8], into out: inout [UInt8]) {
        begin(name, into: &out)
        out.append(contentsOf: data)
        end(into: &out)
    }

    /// The end of a Chat Completions stream.
    public static func done(into out: inout [UInt8]) { out.append("data: [DONE]\n\n") }

    /// What keeps a silent stream alive; empty for Gemini, whose clients take no comments.
    public static func keepAlive(for dialect: ClientDialect) -> [UInt8] {
        switch dialect {
        case .anthropic: Array("event: ping\ndata: {\"type\":\"ping\"}\n\n".utf8)
        case .openai, .responses: Array(": keep-alive\n\n".utf8)
        case .gemini: []
        }
    }
}
