import HTTP1

/// Header fields of a request that few send and that change how it is taken.
struct RareFields {
    /// It was sent by a script of a page (`Origin`).
    var hasOrigin = false
    /// It belongs to somebody else's trace (`traceparent`).
    var hasTrace = false
    /// `Upgrade` names `websocket`.
    var wantsWebSocket = false
    /// The codings in the order in which they were put on the body; `identity` left out.
    var codings: [Inflater.Format] = []
    /// `x-proxyd-explain`: what would become of it is asked, and nothing is to be sent. `false` asks nothing.
    var wantsExplanation = false
    /// A coding that is not understood here, cut to what a message can hold.
    var unknownCoding: String?

    /// No honest request has more than two codings, one on the other.
    private static let maximumCodings = 2

    init() {}

    @inline(__always)
    init(_ head: borrowing HTTPRequestHead, bytes: UnsafeRawBufferPointer) {
        for index in head.fields.indices {
            switch head.fields[index].known {
            case .origin: hasOrigin = true
            case .traceparent: hasTrace = true
            case .upgrade: note(upgrade: head.fields[index].value.bytes(in: bytes))
            case .contentEncoding: note(codings: head.fields[index].value.bytes(in: bytes))
            case .proxyd: note(own: head.fields[index], bytes: bytes)
            default: continue
            }
        }
    }

    private mutating func note(own field: HTTPField, bytes: UnsafeRawBufferPointer) {
        guard equalsIgnoringCase(field.name.bytes(in: bytes), "x-proxyd-explain") else { return }
        if !equalsIgnoringCase(trimmed(field.value.bytes(in: bytes)), "false") { wantsExplanation = true }
    }

    private mutating func note(upgrade value: UnsafeRawBufferPointer) {
        forEachListMember(value) { member in
            // A version may follow the name.
            let end = member.firstIndex(of: HTTPByte.slash) ?? member.count
            if equalsIgnoringCase(UnsafeRawBufferPointer(rebasing: member[..<end]), "websocket") { wantsWebSocket = true }
        }
    }

    private mutating func note(codings value: UnsafeRawBufferPointer) {
        forEachListMember(value) { coding in
            if equalsIgnoringCase(coding, "identity") { return }
            if equalsIgnoringCase(coding, "gzip") || equalsIgnoringCase(coding, "x-gzip") {
                codings.append(.gzip)
            } else if equalsIgnoringCase(coding, "deflate") {
                codings.append(.deflate)
            } else if unknownCoding == nil {
                unknownCoding = String(decoding: coding.prefix(40), as: UTF8.self)
            }
        }
        if codings.count > Self.maximumCodings { unknownCoding = unknownCoding ?? "several codings" }
    }
}
