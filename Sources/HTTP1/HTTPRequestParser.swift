import Basics

/// Reads request heads, one after the other, from the bytes of a connection (RFC 9112, strictly: what can be read in two
/// ways is refused).
///
/// Give it all unread bytes of the connection. On `.incomplete` call again with the same bytes, more after them, and the
/// same head; on `.complete` drop `head.byteCount` bytes, and the parser is ready for the next request.
public struct HTTPRequestParser: Sendable {
    private let limits: HTTPLimits
    private var reader = HeadReader()

    /// Empty lines that may stand before a request; some clients send one after a body (RFC 9112 §2.2).
    private static let emptyLinesTolerated = 4

    public init(limits: HTTPLimits = HTTPLimits()) {
        self.limits = limits
    }

    public mutating func parse(_ bytes: UnsafeRawBufferPointer, into head: inout HTTPRequestHead) -> HTTPParseResult {
        let end = min(bytes.count, limits.headBytes)
        guard let base = bytes.baseAddress, end > 0 else { return .incomplete }
        switch advance(base, end: end, &head) {
        case .read(let byteCount):
            let facts = reader.facts
            reader = HeadReader()
            return finish(&head, facts, byteCount: byteCount)
        case .starved:
            guard bytes.count >= limits.headBytes else { return .incomplete }
            let violation = reader.startLineIsRead ? HTTPViolation.headTooLarge : .targetTooLong
            reader = HeadReader()
            return .invalid(violation)
        case .refused(let violation):
            reader = HeadReader()
            return .invalid(violation)
        }
    }

    @inline(__always)
    private mutating func advance(_ base: UnsafeRawPointer, end: Int, _ head: inout HTTPRequestHead) -> HeadReader.Outcome {
        guard reader.mayProceed(base, end: end) else { return .starved }
        if !reader.startLineIsRead {
            head.reset()
            let outcome = readRequestLine(base, end: end, &head)
            guard case .read(let next) = outcome else { return outcome }
            reader.lineStart = next
            reader.startLineIsRead = true
        }
        return reader.readFields(base, end: end, limit: limits.fieldCount, into: &head.fields)
    }

    @inline(__always)
    private mutating func readRequestLine(
        _ base: UnsafeRawPointer, end: Int, _ head: inout HTTPRequestHead
    ) -> HeadReader.Outcome {
        let line: Int
        switch skipEmptyLines(base, end: end) {
        case .read(let start): line = start
        case .starved: return .starved
        case .refused(let violation): return .refused(violation)
        }
        // What does not even begin like a request (a TLS hello, say) need not be waited for.
        guard ByteScan.isToken(base.byte(at: line)) else { return .refused(.method) }
        let methodEnd = ByteScan.firstNonToken(base, from: line, to: end)
        let targetEnd = ByteScan.firstNonTarget(base, from: min(methodEnd &+ 1, end), to: end)
        guard targetEnd &+ 11 <= end, base.byte(at: methodEnd) == HTTPByte.space, base.byte(at: targetEnd) == HTTPByte.space,
            targetEnd > methodEnd &+ 1, let minorVersion = HTTPVersion.minor(base + targetEnd + 1),
            base.loadUnaligned(fromByteOffset: targetEnd &+ 9, as: UInt16.self) == HTTPByte.lineBreak
        else { return refuseRequestLine(base, line, end) }
        head.method = HTTPMethod(base + line, count: methodEnd &- line)
        head.methodToken = ByteSlice(from: line, to: methodEnd)
        head.target = ByteSlice(from: methodEnd &+ 1, to: targetEnd)
        head.minorVersion = minorVersion
        let target = UnsafeRawBufferPointer(start: base + methodEnd + 1, count: targetEnd &- methodEnd &- 1)
        guard base.byte(at: methodEnd &+ 1) == HTTPByte.slash && head.method != .connect || isTarget(target, of: head.method)
        else { return .refused(.target) }
        return .read(targetEnd &+ 11)
    }

    /// Where the request line begins.
    @inline(__always)
    private mutating func skipEmptyLines(_ base: UnsafeRawPointer, end: Int) -> HeadReader.Outcome {
        while reader.lineStart < end, base.byte(at: reader.lineStart) == HTTPByte.carriageReturn {
            guard reader.lineStart &+ 1 < end else { return reader.starve(end: end) }
            guard base.byte(at: reader.lineStart &+ 1) == HTTPByte.lineFeed else {
                return reader.refuse(.bareLineBreak, base, end: end)
            }
            reader.lineStart &+= 2
            guard reader.lineStart <= 2 * Self.emptyLinesTolerated else { return .refused(.requestLine) }
        }
        return reader.lineStart < end ? .read(reader.lineStart) : reader.starve(end: end)
    }

    /// Says what is wrong with the request line, once it is there.
    private mutating func refuseRequestLine(_ base: UnsafeRawPointer, _ line: Int, _ end: Int) -> HeadReader.Outcome {
        let lineFeed = ByteScan.firstIndex(of: HTTPByte.lineFeed, base, from: line, to: end)
        guard lineFeed < end else { return reader.starve(end: end) }
        guard lineFeed > line, base.byte(at: lineFeed &- 1) == HTTPByte.carriageReturn else { return .refused(.bareLineBreak) }
        let lineEnd = lineFeed &- 1
        let methodEnd = ByteScan.firstNonToken(base, from: line, to: lineEnd)
        guard methodEnd < lineEnd else { return .refused(.requestLine) }
        guard base.byte(at: methodEnd) == HTTPByte.space else { return .refused(.method) }
        let targetEnd = ByteScan.firstNonTarget(base, from: methodEnd &+ 1, to: lineEnd)
        guard targetEnd < lineEnd else { return .refused(.requestLine) }
        guard base.byte(at: targetEnd) == HTTPByte.space, targetEnd > methodEnd &+ 1 else { return .refused(.target) }
        let version = UnsafeRawBufferPointer(start: base + targetEnd + 1, count: lineEnd &- targetEnd &- 1)
        return .refused(HTTPVersion.isOther(version) ? .version : .requestLine)
    }

    /// Whether the target has one of the four forms, and the one its method asks for (RFC 9112 §3.2).
    private func isTarget(_ target: UnsafeRawBufferPointer, of method: HTTPMethod) -> Bool {
        if method == .connect { return isAuthority(target, portRequired: true) }
        if target.first == HTTPByte.asterisk { return target.count == 1 && method == .options }
        guard let start = schemeLength(target) else { return false }
        var end = start
        while end < target.count, target[end] != HTTPByte.slash, target[end] != HTTPByte.questionMark { end += 1 }
        return isAuthority(UnsafeRawBufferPointer(rebasing: target[start..<end]))
    }

    private func finish(_ head: inout HTTPRequestHead, _ facts: MessageFacts, byteCount: Int) -> HTTPParseResult {
        if head.minorVersion == 0 {
            if facts.isChunked { return .invalid(.transferEncodingInHTTP10) }
        } else if facts.hostCount == 0 {
            return .invalid(.missingHost)
        }
        head.byteCount = byteCount
        head.keepsAlive = facts.keepsAlive(minorVersion: head.minorVersion)
        if facts.isChunked {
            head.framing = .chunked
        } else if let length = facts.contentLength {
            head.framing = .length(length)
        }
        let hasBody = head.framing != .none && head.framing != .length(0)
        head.expectsContinue = facts.saysContinue && hasBody && head.minorVersion == 1
        return .complete
    }
}
