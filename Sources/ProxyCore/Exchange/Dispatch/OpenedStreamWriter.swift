import Dialects
import HTTP1
import NIOCore

/// A client whose stream was opened before anybody answered: heads are not written any more, errors become the stream's last event.
final class OpenedStreamWriter: ResponseWriter {
    private enum Content {
        /// Nothing has come.
        case none
        case events
        /// What comes is the body of an error of this status, as it is or as what is no stream is said.
        case refusal(status: Int, [UInt8])
        case over
    }

    private let client: any ResponseWriter
    private let dialect: ClientDialect
    private let requestID: String
    private var content = Content.none

    /// Bytes of an error's body that are looked at.
    private static let mostRefused = 64 << 10

    init(_ client: any ResponseWriter, dialect: ClientDialect, requestID: String) {
        self.client = client
        self.dialect = dialect
        self.requestID = requestID
    }

    var isWritable: Bool { client.isWritable }
    var bytesOnTheWay: Int { client.bytesOnTheWay }

    func draft(status: Int, room: Int, _ fields: (inout HeadCursor) -> Void) -> ResponseDraft { ResponseDraft(status: status) }

    func frame(_ draft: inout ResponseDraft, length: Int?) { draft.isFramed = true }

    func send(_ draft: inout ResponseDraft) {
        if draft.status >= 400 { content = .refusal(status: draft.status, []) }
        draft.withBody { write($0) }
        draft = ResponseDraft()
    }

    func write(_ bytes: UnsafeRawBufferPointer) {
        guard let first = bytes.first else { return }
        switch content {
        case .none where !Self.beginsEvent(first): content = .refusal(status: 502, [])
        case .none, .events:
            content = .events
            client.write(bytes)
        case .refusal(let status, var body):
            // The list must not be shared while it grows.
            content = .over
            body.append(contentsOf: bytes.prefix(Self.mostRefused - min(body.count, Self.mostRefused)))
            content = .refusal(status: status, body)
        case .over: break
        }
    }

    /// A field, a comment, an empty line or a byte order mark; what is compressed or JSON is none of them.
    private static func beginsEvent(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: ":"), 0x0A, 0x0D, 0xEF: true
        default: false
        }
    }

    func end() {
        if case .over = content { return }
        if case .refusal(let status, let body) = content { tell(status, body) }
        content = .over
        client.end()
    }

    /// Says an error as the stream's last event.
    private func tell(_ status: Int, _ body: [UInt8]) {
        let message = body.withUnsafeBytes { bytes -> String? in
            guard let error = JSONScan.find("error", of: bytes), error.kind == .object,
                let message = JSONScan.find("message", of: bytes, in: error.value), message.kind == .string
            else { return nil }
            return JSONScan.string(of: bytes, in: message.value)
        }
        let event = ErrorBody.streamEvent(
            ErrorClass(status: status), message: message ?? "the upstream's answer is no stream of events", requestID: requestID,
            dialect: dialect)
        event.withUnsafeBytes { client.write($0) }
    }

    func flush() { client.flush() }

    func withdraw() -> Bool {
        _ = client.withdraw()
        return false
    }

    func finish(keepAlive: Bool) {
        end()
        client.finish(keepAlive: keepAlive)
    }

    func abort() { client.abort() }
    func giveUp() { client.giveUp() }
}
