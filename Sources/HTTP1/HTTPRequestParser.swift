import Basics

/// Reads request heads, one after the other, from the bytes of a connection.
///
/// Give it all unread bytes of the connection. On `.incomplete` call again with the same bytes, more after them, and the
/// same head; on `.complete` drop `head.byteCount` bytes, and the parser is ready for the next request.
public struct HTTPRequestParser: Sendable {
    private var parser: HeadParser<HTTPRequestHead>

    public init(limits: HTTPLimits = HTTPLimits()) {
        parser = HeadParser(limits: limits)
    }

    /// A head begins, under other limits perhaps. Not amid one.
    public mutating func expectHead(_ limits: HTTPLimits) { parser.expectHead(limits) }

    /// Reads on, and fills in `head`.
    public mutating func parse(_ bytes: UnsafeRawBufferPointer, into head: inout HTTPRequestHead) -> HTTPParseResult {
        parser.parse(bytes, (), into: &head)
    }
}

extension HTTPRequestHead: ParsableHead {
    /// Empty lines that may stand before a request; some clients send one after a body (RFC 9112 §2.2).
    private static let emptyLinesTolerated = 4

    static var endlessFirstLine: HTTPViolation { .targetTooLong }

    @inline(__always)
    mutating func readFirstLine(_ reader: inout HeadReader, _ base: UnsafeRawPointer, end: Int) -> HeadReader.Outcome {
        let line: Int
        switch Self.skipEmptyLines(&reader, base, end: end) {
        case .read(let start): line = start
        case .starved: return .starved
        case .refused(let violation): return .refused(violation)
        }
        // What does not even begin like a request (a TLS hello, say) need not be waited for.
        guard ByteScan.isToken(base.byte(at: line)) else { return .refused(.method) }
        let methodEnd = ByteScan.firstNonToken(base, from: line, to: end)
        let targetEnd = ByteScan.firstNonTarget(base, from: min(methodEnd &+ 1, end), to: end)
        guard targetEnd &+ 11 <= end, base.byte(at: methodEnd) == HTTPByte.space, base.byte(at: targetEnd) == HTTPByte.space,
            targetEnd > methodEnd &+ 1, let version = HTTPVersion.minor(base + targetEnd + 1),
            base.loadUnaligned(fromByteOffset: targetEnd &+ 9, as: UInt16.self) == HTTPByte.lineBreak
        else { return Self.refuseRequestLine(&reader, base, line, end) }
        method = HTTPMethod(base + line, count: methodEnd &- line)
        methodToken = ByteSlice(from: line, to: methodEnd)
        target = ByteSlice(from: methodEnd &+ 1, to: targetEnd)
        minorVersion = version
        let asked = UnsafeRawBufferPointer(start: base + methodEnd + 1, count: targetEnd &- methodEnd &- 1)
        // CONNECT is not served: one with a path is no worse than one with an authority, and is told the same.
        guard base.byte(at: methodEnd &+ 1) == HTTPByte.slash || Self.isTarget(asked, of: method)
        else { return .refused(.target) }
        return .read(targetEnd &+ 11)
    }

    /// So much is kept of a target that does not end.
    static let longestEndlessTarget = 1024

    /// Takes method and target alone, of a head that cannot be taken whole; of a target with something in it that belongs in none,
    /// what stands before that. Whether they are there.
    public mutating func readRequestLine(of bytes: UnsafeRawBufferPointer) -> Bool {
        reset()
        guard let base = bytes.baseAddress else { return false }
        var line = 0
        while line < bytes.count, bytes[line] == HTTPByte.carriageReturn || bytes[line] == HTTPByte.lineFeed { line += 1 }
        let methodEnd = ByteScan.firstNonToken(base, from: line, to: bytes.count)
        guard methodEnd > line, methodEnd < bytes.count, bytes[methodEnd] == HTTPByte.space else { return false }
        var start = methodEnd + 1
        while start < bytes.count, bytes[start] == HTTPByte.space { start += 1 }
        var targetEnd = ByteScan.firstNonTarget(base, from: start, to: bytes.count)
        guard targetEnd > start else { return false }
        if targetEnd == bytes.count {
            guard targetEnd - start > Self.longestEndlessTarget else { return false }
            targetEnd = start + Self.longestEndlessTarget
        } else if bytes[targetEnd] != HTTPByte.space, bytes[start] != HTTPByte.slash {
            return false
        }
        method = HTTPMethod(base + line, count: methodEnd - line)
        methodToken = ByteSlice(from: line, to: methodEnd)
        target = ByteSlice(from: start, to: targetEnd)
        return true
    }

    /// Where the request line begins.
    @inline(__always)
    private static func skipEmptyLines(
        _ reader: inout HeadReader, _ base: UnsafeRawPointer, end: Int
    ) -> HeadReader.Outcome {
        while reader.lineStart < end, base.byte(at: reader.lineStart) == HTTPByte.carriageReturn {
            guard reader.lineStart &+ 1 < end else { return reader.starve(end: end) }
            guard base.byte(at: reader.lineStart &+ 1) == HTTPByte.lineFeed else {
                return reader.refuse(.bareLineBreak, base, end: end)
            }
            reader.lineStart &+= 2
            guard reader.lineStart <= 2 * emptyLinesTolerated else { return .refused(.requestLine) }
        }
        return reader.lineStart < end ? .read(reader.lineStart) : reader.starve(end: end)
    }

    /// Says what is wrong with the request line, once it is there.
    private static func refuseRequestLine(
        _ reader: inout HeadReader, _ base: UnsafeRawPointer, _ line: Int, _ end: Int
    ) -> HeadReader.Outcome {
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
    private static func isTarget(_ target: UnsafeRawBufferPointer, of method: HTTPMethod) -> Bool {
        if method == .connect { return isAuthority(target, portRequired: true) }
        if target.first == HTTPByte.asterisk { return target.count == 1 && method == .options }
        guard let start = schemeLength(target) else { return false }
        var end = start
        while end < target.count, target[end] != HTTPByte.slash, target[end] != HTTPByte.questionMark { end += 1 }
        return isAuthority(UnsafeRawBufferPointer(rebasing: target[start..<end]))
    }

    mutating func conclude(_ control: ControlFields, _: Void) -> HTTPViolation? {
        if minorVersion == 0 {
            if control.isChunked { return .transferEncodingInHTTP10 }
        } else if control.hostCount == 0 {
            return .missingHost
        }
        if control.isChunked {
            framing = .chunked
        } else if let length = control.contentLength {
            framing = .length(length)
        }
        let hasBody = framing != .none && framing != .length(0)
        expectsContinue = control.saysContinue && hasBody && minorVersion == 1
        return nil
    }
}
