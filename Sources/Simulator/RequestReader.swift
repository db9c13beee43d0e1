import HTTP1
import NIOCore

/// Takes requests, one after the other, from the bytes of a connection.
struct RequestReader: ~Copyable {
    /// What came of the bytes so far.
    enum Outcome {
        case incomplete
        case complete(Incoming)
        /// Answer with this status, and close.
        case refused(status: Int, String)
    }

    /// A request, and what its head says of the connection.
    struct Incoming {
        var request: Provider.Request
        /// Whether another may follow on the connection.
        var isKeptAlive: Bool
        /// The minor version of HTTP/1; version 1.0 knows no chunks.
        var minorVersion: UInt8
    }

    /// Bytes of a body.
    private let most: Int
    private var unread = ByteBuffer()
    private var parser = HTTPRequestParser()
    private var head = HTTPRequestHead()
    private var chunks = ChunkedDecoder()
    /// The request whose body is being read.
    private var incoming: Incoming?

    init(most: Int) {
        self.most = most
    }

    /// Whether a client sent more requests ahead than anybody would.
    var isFlooded: Bool { unread.readableBytes > most + (64 << 10) }

    mutating func append(_ bytes: inout ByteBuffer) {
        unread.discardReadBytes()
        unread.writeBuffer(&bytes)
    }

    /// Reads on.
    /// - Parameter onContinue: called where the client waits for a word before it sends the body.
    mutating func next(onContinue: () -> Void) -> Outcome {
        if incoming == nil {
            switch readHead() {
            case .incomplete: return .incomplete
            case .invalid(let violation): return .refused(status: violation.status, violation.message)
            case .complete: if head.expectsContinue { onContinue() }
            }
        }
        let hasEnded: Bool
        do throws(HTTPViolation) {
            hasEnded = try readBody()
        } catch {
            return .refused(status: error.status, error.message)
        }
        guard let read = incoming, read.request.body.count <= most else {
            return .refused(status: 413, "Request exceeds the maximum size")
        }
        guard hasEnded else { return .incomplete }
        incoming = nil
        return .complete(read)
    }

    private mutating func readHead() -> HTTPParseResult {
        let view = unread.readableBytesView
        let result = view.withUnsafeBytes { parser.parse($0, into: &head) }
        guard result == .complete else { return result }
        incoming = view.withUnsafeBytes { bytes in
            let path = splitTarget(head.target.bytes(in: bytes)).path
            let request = Provider.Request(
                method: head.methodToken.string(in: bytes), path: String(decoding: path, as: UTF8.self),
                key: Self.key(of: head.fields, bytes), isAnthropicClient: head.first(.anthropicVersion) != nil)
            return Incoming(request: request, isKeptAlive: head.keepsAlive, minorVersion: head.minorVersion)
        }
        unread.moveReaderIndex(forwardBy: head.byteCount)
        chunks = ChunkedDecoder()
        return result
    }

    private static func key(of fields: [HTTPField], _ bytes: UnsafeRawBufferPointer) -> String? {
        func value(_ name: FieldName) -> String? { fields.first { $0.known == name }?.value.string(in: bytes) }
        if let key = value(.xApiKey) ?? value(.apiKey) { return key }
        guard let field = value(.authorization), field.lowercased().hasPrefix("bearer ") else { return nil }
        return String(field.dropFirst("bearer ".count))
    }

    /// Whether the body has ended, or is longer than it may be.
    private mutating func readBody() throws(HTTPViolation) -> Bool {
        switch head.framing {
        case .none, .untilClose: return true
        case .length(let length):
            guard length <= most else {
                incoming = nil
                return true
            }
            let missing = length - (incoming?.request.body.count ?? length)
            let part = unread.readBytes(length: min(missing, unread.readableBytes)) ?? []
            incoming?.request.body += part
            return part.count == missing
        case .chunked:
            let view = unread.readableBytesView
            let (pass, consumed) = view.withUnsafeBytes { bytes in
                chunks.forEach(in: bytes) { piece in
                    incoming?.request.body += piece
                    return (incoming?.request.body.count ?? 0) <= most
                }
            }
            unread.moveReaderIndex(forwardBy: consumed)
            if case .invalid(let violation) = pass { throw violation }
            return pass != .needsMore
        }
    }
}
