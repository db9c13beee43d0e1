import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import HTTP1

/// NIOHTTP1's parser (llhttp) is the oracle: what is well-formed means the same to both.
@Suite("Agreement with NIOHTTP1")
struct HTTPOracleTests {
    @Test("Well-formed requests, one after another and cut anywhere, mean the same to both")
    func requestsAgree() throws {
        var generator = HTTPMessageGenerator(seed: HTTPSeed())
        let seed = generator.seed.seed
        for _ in 0..<300 {
            var bytes: [UInt8] = []
            for _ in 0..<Int.random(in: 1...3, using: &generator.seed) {
                let (request, isLast) = generator.request()
                bytes += request
                if isLast { break }
            }
            let ours = OurConnection.requests(bytes, cuts: generator.seed.cuts(bytes.count))
            let oracle = NIOConnection.requests(bytes, cuts: generator.seed.cuts(bytes.count))
            #expect(ours.violation == nil, "seed \(seed)")
            #expect(oracle.error == nil, "seed \(seed)")
            #expect(
                ours.plainMessages == oracle.messages, "seed \(seed): \(String(decoding: bytes, as: UTF8.self).debugDescription)")
            guard ours.violation == nil, ours.plainMessages == oracle.messages else { return }
        }
    }

    @Test("Well-formed responses, interim ones before them and cut anywhere, mean the same to both")
    func responsesAgree() throws {
        var generator = HTTPMessageGenerator(seed: HTTPSeed())
        let seed = generator.seed.seed
        for _ in 0..<300 {
            var bytes: [UInt8] = []
            var methods: [String] = []
            for _ in 0..<Int.random(in: 1...3, using: &generator.seed) {
                let method = generator.seed.pick(["GET", "POST", "HEAD"])
                methods.append(method)
                if generator.seed.chance(5) { bytes += generator.interim() }
                let (response, isLast) = generator.response(to: method)
                bytes += response
                if isLast { break }
            }
            let ours = OurConnection.responses(bytes, to: methods, cuts: generator.seed.cuts(bytes.count))
            let oracle = NIOConnection.responses(bytes, to: methods, cuts: generator.seed.cuts(bytes.count))
            #expect(ours.violation == nil, "seed \(seed)")
            #expect(oracle.error == nil, "seed \(seed)")
            #expect(
                ours.plainMessages == oracle.messages, "seed \(seed): \(String(decoding: bytes, as: UTF8.self).debugDescription)")
            guard ours.violation == nil, ours.plainMessages == oracle.messages else { return }
        }
    }

    /// Known differences:
    /// - NIO refuses methods that llhttp has not heard of; every token is a method to us.
    /// - NIO checks the grammar of chunk extensions; we bound and skip them, and pass none on.
    /// - What NIO takes and we refuse is not listed: that is what the codec is for. The tables of the other suites name it.
    @Test("A damaged request that we accept means the same to NIO")
    func damagedRequestsAgree() {
        var generator = HTTPMessageGenerator(seed: HTTPSeed())
        var accepted = 0
        for _ in 0..<500 {
            let bytes = generator.damaged(generator.request().bytes)
            let ours = OurConnection.requests(bytes, cuts: [bytes.count])
            let oracle = NIOConnection.requests(bytes, cuts: [bytes.count])
            guard ours.violation == nil, let first = ours.messages.first, Self.isKnownToNIO(first) else { continue }
            accepted += 1
            guard agree(first, oracle, bytes, generator.seed.seed) else { return }
        }
        #expect(accepted > 25, "seed \(generator.seed.seed): nearly nothing was accepted, so nothing was compared")
    }

    @Test("A damaged response that we accept means the same to NIO")
    func damagedResponsesAgree() {
        var generator = HTTPMessageGenerator(seed: HTTPSeed())
        var accepted = 0
        for _ in 0..<500 {
            let bytes = generator.damaged(generator.response(to: "POST").bytes)
            let ours = OurConnection.responses(bytes, to: ["POST"], cuts: [bytes.count])
            let oracle = NIOConnection.responses(bytes, to: ["POST"], cuts: [bytes.count])
            guard ours.violation == nil, let first = ours.messages.first else { continue }
            accepted += 1
            guard agree(first, oracle, bytes, generator.seed.seed) else { return }
        }
        #expect(accepted > 25, "seed \(generator.seed.seed): nearly nothing was accepted, so nothing was compared")
    }

    private func agree(_ ours: OracleMessage, _ oracle: NIOConnection, _ bytes: [UInt8], _ seed: UInt64) -> Bool {
        var expected = ours
        if ours.hasChunkExtras, oracle.error != nil, let read = oracle.messages.first?.body, ours.body.starts(with: read) {
            expected.body = read
            expected.isComplete = false
        }
        expected.hasChunkExtras = false
        // NIO's parser does not know `close` with a tab behind it; to close is never wrong.
        if !ours.keepsAlive, let read = oracle.messages.first { expected.keepsAlive = read.keepsAlive }
        // Nor does it know a tab as the white space around a length, which RFC 9110 §5.6.3 allows.
        if oracle.messages.isEmpty, oracle.error != nil, Self.hasTab(beside: "content-length:", bytes) { return true }
        // Around a coding neither: it then does not see the chunks, and finds another end of the body, or none.
        if Self.hasTab(beside: "transfer-encoding:", bytes) { return true }
        #expect(expected == oracle.messages.first, "seed \(seed): \(String(decoding: bytes, as: UTF8.self).debugDescription)")
        return expected == oracle.messages.first
    }

    private static func hasTab(beside name: String, _ bytes: [UInt8]) -> Bool {
        String(decoding: bytes, as: UTF8.self).split(separator: "\r\n").contains { line in
            line.lowercased().hasPrefix(name) && line.contains("\t")
        }
    }

    private static func isKnownToNIO(_ message: OracleMessage) -> Bool {
        let methods = [
            "GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "HEAD", "MKCOL", "REPORT", "LINK", "LOCK", "COPY", "MOVE", "BIND",
            "TRACE",
        ]
        return methods.contains { message.start.hasPrefix($0 + " ") }
    }
}

/// One message, in words that both parsers can say.
struct OracleMessage: Equatable {
    var start: String
    var fields: [String] = []
    var keepsAlive: Bool
    var body: [UInt8] = []
    var isComplete = false
    /// Whether its chunks had extensions or trailers; NIO does not tell.
    var hasChunkExtras = false
}

/// The project's codec, driven the way a connection drives it.
struct OurConnection {
    var messages: [OracleMessage] = []
    var violation: HTTPViolation?
    private var framing = BodyFraming.none
    private var decoder = ChunkedDecoder()
    private var isInBody = false

    /// The messages without what NIO cannot know.
    var plainMessages: [OracleMessage] {
        messages.map { message in
            var message = message
            message.hasChunkExtras = false
            return message
        }
    }

    static func requests(_ bytes: [UInt8], cuts: [Int]) -> OurConnection {
        var connection = OurConnection()
        var parser = HTTPRequestParser()
        var head = HTTPRequestHead()
        connection.feed(bytes, cuts) { piece in
            let result = parser.parse(piece, into: &head)
            guard result == .complete else { return .failure(result) }
            let start = "\(head.methodToken.string(in: piece)) \(head.target.string(in: piece)) 1.\(head.minorVersion)"
            return .success(
                Head(
                    message: OracleMessage(start: start, fields: fieldTexts(head.fields, piece), keepsAlive: head.keepsAlive),
                    framing: head.framing, byteCount: head.byteCount))
        }
        return connection
    }

    static func responses(_ bytes: [UInt8], to methods: [String], cuts: [Int]) -> OurConnection {
        var connection = OurConnection()
        var parser = HTTPResponseParser()
        var head = HTTPResponseHead()
        var methods = methods[...]
        connection.feed(bytes, cuts) { piece in
            let result = parser.parse(piece, request: methods.first == "HEAD" ? .head : .post, into: &head)
            guard result == .complete else { return .failure(result) }
            if head.status >= 200 { methods = methods.dropFirst() }
            // Of responses NIO does not say whether the connection lives on, nor what the reason was if it knows a better one.
            let start = "\(head.status) 1.\(head.minorVersion)"
            return .success(
                Head(
                    message: OracleMessage(start: start, fields: fieldTexts(head.fields, piece), keepsAlive: true),
                    framing: head.framing, byteCount: head.byteCount))
        }
        if connection.framing == .untilClose, connection.isInBody { connection.endMessage() }
        return connection
    }

    private struct Head {
        var message: OracleMessage
        var framing: BodyFraming
        var byteCount: Int
    }

    private enum Parsed {
        case success(Head)
        case failure(HTTPParseResult)
    }

    private mutating func feed(_ bytes: [UInt8], _ cuts: [Int], _ parse: (UnsafeRawBufferPointer) -> Parsed) {
        var start = 0
        for cut in cuts where violation == nil {
            bytes[start..<cut].withUnsafeBytes { piece in start += consume(piece, parse) }
        }
    }

    /// The number of bytes that were used up.
    private mutating func consume(_ piece: UnsafeRawBufferPointer, _ parse: (UnsafeRawBufferPointer) -> Parsed) -> Int {
        var used = 0
        while violation == nil {
            let rest = UnsafeRawBufferPointer(rebasing: piece[used...])
            if isInBody {
                let (count, isStuck) = consumeBody(rest)
                used += count
                if isStuck { return used }
                continue
            }
            switch parse(rest) {
            case .failure(.invalid(let violation)):
                self.violation = violation
            case .failure: return used
            case .success(let head):
                messages.append(head.message)
                used += head.byteCount
                framing = head.framing
                decoder = ChunkedDecoder()
                isInBody = true
                if framing == .none || framing == .length(0) { endMessage() }
            }
        }
        return used
    }

    private mutating func consumeBody(_ rest: UnsafeRawBufferPointer) -> (count: Int, isStuck: Bool) {
        switch framing {
        case .none: return (0, false)
        case .untilClose:
            append(rest[...])
            return (rest.count, true)
        case .length(let length):
            let count = min(length, rest.count)
            append(rest[..<count])
            framing = .length(length - count)
            if count == length { endMessage() }
            return (count, count < length)
        case .chunked:
            let step = decoder.next(rest)
            messages[messages.count - 1].hasChunkExtras = !decoder.isCanonical
            switch step {
            case .data(let range, let consumed):
                append(rest[range])
                return (consumed, false)
            case .needMore(let consumed): return (consumed, true)
            case .end(let consumed):
                endMessage()
                return (consumed, false)
            case .invalid(let violation):
                self.violation = violation
                return (0, true)
            }
        }
    }

    private mutating func append(_ bytes: Slice<UnsafeRawBufferPointer>) {
        messages[messages.count - 1].body += bytes
    }

    private mutating func endMessage() {
        messages[messages.count - 1].isComplete = true
        isInBody = false
    }

    private static func fieldTexts(_ fields: [HTTPField], _ bytes: UnsafeRawBufferPointer) -> [String] {
        fields.map { "\($0.name.string(in: bytes)): \($0.value.string(in: bytes))" }
    }
}

/// NIO's decoders in an embedded channel.
struct NIOConnection {
    var messages: [OracleMessage] = []
    var error: String?

    static func requests(_ bytes: [UInt8], cuts: [Int]) -> NIOConnection {
        var connection = NIOConnection()
        let channel = EmbeddedChannel(handler: ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes)))
        connection.feed(channel, bytes, cuts) { connection in
            while let part = try channel.readInbound(as: HTTPServerRequestPart.self) {
                switch part {
                case .head(let head):
                    let start = "\(head.method.rawValue) \(head.uri) \(head.version.major).\(head.version.minor)"
                    connection.messages.append(
                        OracleMessage(
                            start: start, fields: fieldTexts(head.headers), keepsAlive: head.isKeepAlive))
                case .body(let body): connection.append(body)
                case .end: connection.messages[connection.messages.count - 1].isComplete = true
                }
            }
        }
        return connection
    }

    static func responses(_ bytes: [UInt8], to methods: [String], cuts: [Int]) -> NIOConnection {
        var connection = NIOConnection()
        let decoder = HTTPResponseDecoder(leftOverBytesStrategy: .dropBytes, informationalResponseStrategy: .forward)
        let channel = EmbeddedChannel(handler: ByteToMessageHandler(decoder))
        for method in methods {
            let head = NIOHTTP1.HTTPRequestHead(version: .http1_1, method: NIOHTTP1.HTTPMethod(rawValue: method), uri: "/")
            channel.write(HTTPClientRequestPart.head(head), promise: nil)
        }
        connection.feed(channel, bytes, cuts) { connection in
            while let part = try channel.readInbound(as: HTTPClientResponsePart.self) {
                switch part {
                case .head(let head):
                    let start = "\(head.status.code) \(head.version.major).\(head.version.minor)"
                    connection.messages.append(
                        OracleMessage(
                            start: start, fields: fieldTexts(head.headers), keepsAlive: true,
                            isComplete: head.status.code < 200))
                case .body(let body): connection.append(body)
                case .end: connection.messages[connection.messages.count - 1].isComplete = true
                }
            }
        }
        return connection
    }

    /// NIO leaves white space behind a value where it is (RFC 9110 §5.5 says it is none of it).
    private static func fieldTexts(_ headers: HTTPHeaders) -> [String] {
        headers.map { name, value in
            let end = value.utf8.lastIndex { !ByteScan.isBlank($0) }.map(value.utf8.index(after:)) ?? value.startIndex
            return "\(name): \(value[..<end])"
        }
    }

    private mutating func append(_ body: ByteBuffer) {
        messages[messages.count - 1].body += body.readableBytesView
    }

    private mutating func feed(
        _ channel: EmbeddedChannel, _ bytes: [UInt8], _ cuts: [Int], _ drain: (inout NIOConnection) throws -> Void
    ) {
        do {
            var start = 0
            for cut in cuts {
                try channel.writeInbound(ByteBuffer(bytes: bytes[start..<cut]))
                start = cut
            }
            try drain(&self)
            // The end of the connection ends a response without a length.
            channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
            try drain(&self)
            _ = try channel.finish()
        } catch {
            try? drain(&self)
            self.error = "\(error)"
        }
        try? drain(&self)
    }
}
