import Dialects
import NIOCore

/// A value on the heap, changed in place.
final class Box<Value> {
    var value: Value

    init(_ value: Value) {
        self.value = value
    }
}

@available(*, unavailable)
extension Box: Sendable {}

/// How far the answer of the attempt at hand has come on its way to the client.
struct RelayState {
    /// Why bytes are held back, or that they are not.
    enum Mode: Equatable {
        /// No head yet.
        case none
        /// An error's body is read before it is decided who gets it.
        case judging
        /// A whole answer is kept until it is complete, so that one that is cut can still be asked for elsewhere.
        case holding
        /// A stream is kept until its first meaningful event.
        case gating(until: NIODeadline)
        /// The head has gone out; bytes go out as they come.
        case passing
        case ended
    }

    /// Up to here an answer is held; a longer one goes out as it comes.
    static let heldBytes = 1 << 20
    /// An answer to be converted is held whole, up to here.
    static let convertedBytes = 64 << 20
    /// An error's body is read up to here.
    static let errorBytes = 64 << 10
    /// A stream that says nothing meaningful in so many bytes, or so much time, is let through.
    static let gateBytes = 256 << 10
    static let gateTime = TimeAmount.seconds(15)

    var mode = Mode.none
    var status = 0
    /// The client's head but for its framing.
    var head = ByteBuffer()
    var held = ByteBuffer()
    /// Where the body begins in `head`, when a whole answer is gathered there in the form in which it will go out.
    var bodyStart: Int?
    var framing = BodyFraming.none
    var contentType = ""
    var isEventStream = false
    var isCompressed = false
    var retryAfterSeconds: Int?
    /// That is when a window begins anew.
    var tellsReset = false
    /// How the body is framed towards the client.
    var isChunked = false
    var hasEnded = false
    var closesAfter = false

    /// Shows what is held of the body.
    func withHeldBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        guard let bodyStart else { return held.withUnsafeReadableBytes(body) }
        return head.withUnsafeReadableBytes { body(UnsafeRawBufferPointer(rebasing: $0[min(bodyStart, $0.count)...])) }
    }

    var heldCount: Int { bodyStart.map { head.readableBytes - $0 } ?? held.readableBytes }

    // Kilobytes that only streams need: a whole answer does not carry them.
    var meter: Box<StreamMeter>?
    var filter: Box<UsageChunkFilter>?
    var converter: Box<StreamConverter>?
    /// Of a whole answer.
    var usage: TokenUsage?
}
