/// What the header lines of one message say about its framing and its connection, gathered while they are read.
struct ControlFields: Sendable {
    private(set) var contentLength: Int?
    private(set) var isChunked = false
    private(set) var hostCount = 0
    private(set) var saysClose = false
    private(set) var saysKeepAlive = false
    private(set) var saysContinue = false

    /// Takes in a value whose name `steersFraming`. What is ambiguous is refused: two parties that read it differently would
    /// disagree on where the message ends (RFC 9112 §11.2).
    mutating func note(_ name: FieldName, _ value: UnsafeRawBufferPointer) -> HTTPViolation? {
        switch name {
        case .contentLength: return noteContentLength(value)
        case .transferEncoding: return noteTransferEncoding(value)
        case .host:
            hostCount &+= 1
            if hostCount > 1 { return .repeatedHost }
            return isAuthority(value) ? nil : .host
        case .connection:
            // Nearly always it is this one word.
            if equalsIgnoringCase(value, "keep-alive") {
                saysKeepAlive = true
                return nil
            }
            forEachListMember(value) { member in
                if equalsIgnoringCase(member, "keep-alive") { saysKeepAlive = true }
                if equalsIgnoringCase(member, "close") { saysClose = true }
            }
            return nil
        case .expect:
            if equalsIgnoringCase(value, "100-continue") { saysContinue = true }
            return nil
        default: return nil
        }
    }

    /// Whether the connection lives on (RFC 9112 §9.3).
    func keepsAlive(minorVersion: UInt8) -> Bool {
        minorVersion >= 1 ? !saysClose : saysKeepAlive && !saysClose
    }

    private mutating func noteContentLength(_ value: UnsafeRawBufferPointer) -> HTTPViolation? {
        // Even two equal values are refused: nobody who speaks HTTP sends them, and somebody who smuggles does.
        if contentLength != nil { return .repeatedContentLength }
        if isChunked { return .lengthAndTransferEncoding }
        guard let length = parseDecimal(value) else { return .contentLength }
        contentLength = length
        return nil
    }

    private mutating func noteTransferEncoding(_ value: UnsafeRawBufferPointer) -> HTTPViolation? {
        if isChunked { return .repeatedTransferEncoding }
        if contentLength != nil { return .lengthAndTransferEncoding }
        guard equalsIgnoringCase(value, "chunked") else { return Self.refusal(ofTransferEncoding: value) }
        isChunked = true
        return nil
    }

    /// Says 501 for a list of codings nobody here knows, 400 for what is no such list or has `chunked` at a wrong place.
    private static func refusal(ofTransferEncoding value: UnsafeRawBufferPointer) -> HTTPViolation {
        var sawChunked = false
        var start = 0
        while true {
            var end = start
            while end < value.count, value[end] != HTTPByte.comma { end += 1 }
            let member = trimmed(UnsafeRawBufferPointer(rebasing: value[start..<end]))
            if sawChunked || member.isEmpty { return .transferEncoding }
            guard member.allSatisfy(ByteScan.isToken) else { return .transferEncoding }
            sawChunked = equalsIgnoringCase(member, "chunked")
            if end == value.count { return .unknownTransferCoding }
            start = end + 1
        }
    }
}
