import Basics

/// Reads response heads, one after the other, from the bytes of a connection, as strictly as requests are read.
///
/// Give it all unread bytes of the connection. On `.incomplete` call again with the same bytes, more after them, and the
/// same head; on `.complete` drop `head.byteCount` bytes, and the parser is ready for the next response. An interim response
/// (1xx) comes as a head of its own, without a body; the final one follows it.
public struct HTTPResponseParser: Sendable {
    private var parser: HeadParser<HTTPResponseHead>

    public init(limits: HTTPLimits = HTTPLimits()) {
        parser = HeadParser(limits: limits)
    }

    /// Reads on, and fills in `head`. `method` is that of the request that is answered, for it decides whether there is a body.
    public mutating func parse(
        _ bytes: UnsafeRawBufferPointer, request method: HTTPMethod, into head: inout HTTPResponseHead
    ) -> HTTPParseResult {
        parser.parse(bytes, method, into: &head)
    }
}

extension HTTPResponseHead: ParsableHead {
    static var endlessFirstLine: HTTPViolation { .headTooLarge }

    /// Reads `HTTP/1.1 200 OK`. The reason may be empty, and then the space before it may be missing: RFC 9112 §4 lets the
    /// space be any white space and trailing white space be ignored, and there is nothing to misread.
    @inline(__always)
    mutating func readFirstLine(_ reader: inout HeadReader, _ base: UnsafeRawPointer, end: Int) -> HeadReader.Outcome {
        // What does not even begin like a response need not be waited for.
        guard base.byte(at: 0) == UInt8(ascii: "H") else { return .refused(.statusLine) }
        guard end >= 14, let version = HTTPVersion.minor(base), base.byte(at: 8) == HTTPByte.space,
            let code = Self.status(base + 9)
        else { return Self.refuseStatusLine(&reader, base, end) }
        let reasonStart = base.byte(at: 12) == HTTPByte.space ? 13 : 12
        let reasonEnd = reasonStart == 12 ? 12 : ByteScan.firstControl(base, from: reasonStart, to: end)
        guard reasonEnd &+ 1 < end, base.loadUnaligned(fromByteOffset: reasonEnd, as: UInt16.self) == HTTPByte.lineBreak
        else { return Self.refuseStatusLine(&reader, base, end) }
        status = code
        reason = ByteSlice(from: reasonStart, to: reasonEnd)
        minorVersion = version
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
    private static func refuseStatusLine(
        _ reader: inout HeadReader, _ base: UnsafeRawPointer, _ end: Int
    ) -> HeadReader.Outcome {
        let lineFeed = ByteScan.firstIndex(of: HTTPByte.lineFeed, base, from: 0, to: end)
        guard lineFeed < end else { return reader.starve(end: end) }
        guard lineFeed > 0, base.byte(at: lineFeed &- 1) == HTTPByte.carriageReturn else { return .refused(.bareLineBreak) }
        let version = UnsafeRawBufferPointer(start: base, count: min(lineFeed, 8))
        return .refused(HTTPVersion.isOther(version) ? .version : .statusLine)
    }

    mutating func conclude(_ control: ControlFields, _ method: HTTPMethod) -> HTTPViolation? {
        if minorVersion == 0, control.isChunked { return .transferEncodingInHTTP10 }
        let isInterim = status < 200
        if isInterim || status == 204 || status == 304 || method == .head {
            // A 204 has no body (RFC 9112 §6.3), but one that announces a body may well be followed by it: what comes
            // next on that connection must not be taken for a response.
            if status == 204, control.isChunked || control.contentLength.map({ $0 > 0 }) == true { keepsAlive = false }
        } else if method == .connect, status < 300 {
            keepsAlive = false
        } else if control.isChunked {
            framing = .chunked
        } else if let length = control.contentLength {
            framing = .length(length)
        } else {
            framing = .untilClose
            keepsAlive = false
        }
        return nil
    }
}
