import Basics

/// Reads response heads, one after the other, from the bytes of a connection, as strictly as requests are read.
///
/// Give it all unread bytes of the connection. On `.incomplete` call again with the same bytes, more after them, and the
/// same head; on `.complete` drop `head.byteCount` bytes, and the parser is ready for the next response. An interim response
/// (1xx) comes as a head of its own, without a body; the final one follows it.
public struct HTTPResponseParser: Sendable {
    private let limits: HTTPLimits
    private var reader = HeadReader()

    public init(limits: HTTPLimits = HTTPLimits()) {
        self.limits = limits
    }

    /// `method` is that of the request that is answered, for it decides whether there is a body.
    public mutating func parse(
        _ bytes: UnsafeRawBufferPointer, request method: HTTPMethod, into head: inout HTTPResponseHead
    ) -> HTTPParseResult {
        let end = min(bytes.count, limits.headBytes)
        guard let base = bytes.baseAddress, end > 0 else { return .incomplete }
        switch advance(base, end: end, &head) {
        case .read(let byteCount):
            let facts = reader.facts
            reader = HeadReader()
            return finish(&head, facts, method, byteCount: byteCount)
        case .starved:
            guard bytes.count >= limits.headBytes else { return .incomplete }
            reader = HeadReader()
            return .invalid(.headTooLarge)
        case .refused(let violation):
            reader = HeadReader()
            return .invalid(violation)
        }
    }

    @inline(__always)
    private mutating func advance(_ base: UnsafeRawPointer, end: Int, _ head: inout HTTPResponseHead) -> HeadReader.Outcome {
        guard reader.mayProceed(base, end: end) else { return .starved }
        if !reader.startLineIsRead {
            head.reset()
            let outcome = readStatusLine(base, end: end, &head)
            guard case .read(let next) = outcome else { return outcome }
            reader.lineStart = next
            reader.startLineIsRead = true
        }
        return reader.readFields(base, end: end, limit: limits.fieldCount, into: &head.fields)
    }

    /// Reads `HTTP/1.1 200 OK`. The reason may be empty, and then the space before it may be missing: RFC 9112 §4 lets the
    /// space be any white space and trailing white space be ignored, and there is nothing to misread.
    @inline(__always)
    private mutating func readStatusLine(
        _ base: UnsafeRawPointer, end: Int, _ head: inout HTTPResponseHead
    ) -> HeadReader.Outcome {
        // What does not even begin like a response need not be waited for.
        guard base.byte(at: 0) == UInt8(ascii: "H") else { return .refused(.statusLine) }
        guard end >= 14, let minorVersion = HTTPVersion.minor(base), base.byte(at: 8) == HTTPByte.space,
            let status = Self.status(base + 9)
        else { return refuseStatusLine(base, end) }
        let reasonStart = base.byte(at: 12) == HTTPByte.space ? 13 : 12
        let reasonEnd = reasonStart == 12 ? 12 : ByteScan.firstControl(base, from: reasonStart, to: end)
        guard reasonEnd &+ 1 < end, base.loadUnaligned(fromByteOffset: reasonEnd, as: UInt16.self) == HTTPByte.lineBreak
        else { return refuseStatusLine(base, end) }
        head.status = status
        head.reason = ByteSlice(from: reasonStart, to: reasonEnd)
        head.minorVersion = minorVersion
        return .read(reasonEnd &+ 2)
    }

    /// The status that the three bytes at `digits` write; nil below 100.
    @inline(__always)
    private static func status(_ digits: UnsafeRawPointer) -> Int? {
        let hundreds = digits.byte(at: 0) &- HTTPByte.zero
        let tens = digits.byte(at: 1) &- HTTPByte.zero
        let ones = digits.byte(at: 2) &- HTTPByte.zero
        guard hundreds &- 1 < 9, tens < 10, ones < 10 else { return nil }
        return Int(hundreds) &* 100 &+ Int(tens) &* 10 &+ Int(ones)
    }

    /// Says what is wrong with the status line, once it is there.
    private mutating func refuseStatusLine(_ base: UnsafeRawPointer, _ end: Int) -> HeadReader.Outcome {
        let lineFeed = ByteScan.firstIndex(of: HTTPByte.lineFeed, base, from: 0, to: end)
        guard lineFeed < end else { return reader.starve(end: end) }
        guard lineFeed > 0, base.byte(at: lineFeed &- 1) == HTTPByte.carriageReturn else { return .refused(.bareLineBreak) }
        let version = UnsafeRawBufferPointer(start: base, count: min(lineFeed, 8))
        return .refused(HTTPVersion.isOther(version) ? .version : .statusLine)
    }

    private func finish(
        _ head: inout HTTPResponseHead, _ facts: MessageFacts, _ method: HTTPMethod, byteCount: Int
    ) -> HTTPParseResult {
        if head.minorVersion == 0, facts.isChunked { return .invalid(.transferEncodingInHTTP10) }
        head.byteCount = byteCount
        head.keepsAlive = facts.keepsAlive(minorVersion: head.minorVersion)
        let isInterim = head.status < 200
        if isInterim || head.status == 204 || head.status == 304 || method == .head {
            // A 204 has no body (RFC 9112 §6.3), but one that announces a body may well be followed by it: what comes
            // next on that connection must not be taken for an answer.
            if head.status == 204, facts.isChunked || facts.contentLength.map({ $0 > 0 }) == true { head.keepsAlive = false }
            return .complete
        }
        if method == .connect, head.status < 300 {
            head.keepsAlive = false
        } else if facts.isChunked {
            head.framing = .chunked
        } else if let length = facts.contentLength {
            head.framing = .length(length)
        } else {
            head.framing = .untilClose
            head.keepsAlive = false
        }
        return .complete
    }
}
