import HTTP1
import NIOCore

/// A client's connection, as an exchange sees it: one response is written to it. How that looks on the wire is the connection's own
/// business; there is one kind for each protocol that listeners speak.
///
/// A response is drafted (its fields are known), framed (its length is, or is not), sent, written, ended and finished, in this
/// order; until it is sent another draft may take its place.
protocol ResponseWriter: AnyObject {
    /// Whether the client takes more without its piling up here.
    var isWritable: Bool { get }
    /// Bytes that were flushed and the kernel has not taken yet.
    var bytesOnTheWay: Int { get }

    /// Begins a response; nothing of it goes out.
    /// - Parameter room: about how many bytes the fields take; more are found when they are needed.
    func draft(status: Int, room: Int, _ fields: (inout HeadCursor) -> Void) -> ResponseDraft
    /// Completes the draft's head by what says where the body ends; a length of nil is one that nobody knows yet.
    func frame(_ draft: inout ResponseDraft, length: Int?)
    /// Puts a framed draft, with what it holds of the body, on its way.
    func send(_ draft: inout ResponseDraft)
    /// A piece of the body.
    func write(_ bytes: UnsafeRawBufferPointer)
    /// The body is whole.
    func end()
    /// Gives what was written to the kernel.
    func flush()
    /// Takes back what was not flushed. Whether that is all of the response.
    func withdraw() -> Bool

    /// The response is over; the next request may come.
    /// - Parameter keepAlive: false: no further request is to come on this connection.
    func finish(keepAlive: Bool)
    /// The response cannot be completed: the client gets what there is of it, and must see that it is not all.
    func abort()
    /// The client takes nothing any more.
    func giveUp()
}

/// A response that has not been sent: its head, and perhaps its body behind it, in the form in which they go out.
struct ResponseDraft {
    var status = 0
    /// The head, complete or not, then what is held of the body.
    var bytes = ByteBuffer()
    /// Where the body begins, once the head is framed and the body is gathered behind it.
    private(set) var bodyStart: Int?

    var isFramed = false

    /// Says that what is appended from here on is the body.
    mutating func beginBody(capacity: Int) {
        bodyStart = bytes.readableBytes
        bytes.reserveCapacity(minimumWritableBytes: capacity)
    }

    var bodyCount: Int { bodyStart.map { bytes.readableBytes - $0 } ?? 0 }

    mutating func append(body: UnsafeRawBufferPointer) { bytes.writeBytes(body) }

    func withBody<Result>(_ read: (UnsafeRawBufferPointer) -> Result) -> Result {
        bytes.withUnsafeReadableBytes { whole in
            read(UnsafeRawBufferPointer(rebasing: whole[min(bodyStart ?? whole.count, whole.count)...]))
        }
    }

    mutating func replaceBody(_ body: [UInt8]) {
        guard let bodyStart else { return }
        bytes.setBytes(body, at: bytes.readerIndex + bodyStart)
    }

    /// Adds fields to a head that is not framed yet.
    mutating func add(room: Int, _ fields: (inout HeadCursor) -> Void) {
        bytes.writeHead(room: room, fields)
    }
}

extension ResponseWriter {
    /// A whole response of proxyd's own.
    func reply(status: Int, room: Int, body: [UInt8], _ fields: (inout HeadCursor) -> Void) {
        var draft = draft(status: status, room: room, fields)
        frame(&draft, length: status == 204 ? nil : body.count)
        send(&draft)
        body.withUnsafeBytes { write($0) }
    }
}
