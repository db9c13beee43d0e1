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
    /// A stream of which no event of its format has come is held up to here: it may begin with an image.
    static let openingBytes = 32 << 20
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
    var kind = ContentKind.unsaid
    /// A page of HTML, as its head says.
    var isHTML = false
    var isEventStream = false
    var coding = ContentCoding.none
    /// The codings' names, where they cannot be read.
    var codingName = ""
    /// The body is decoded before it is looked at, and goes out without its coding.
    var takesCodingOff = false
    /// Takes the coding off: of a body that is read, or of a copy of one that passes.
    var inflater: Inflater?
    /// The answer to a stream's request did not say that it is one: its first bytes will tell.
    var mayBeEvents = false
    /// The head lacks its content type, which what follows decides.
    var lacksContentType = false
    var retryAfterSeconds: Int?
    /// That is when a window begins anew.
    var tellsReset = false
    /// How the body is framed towards the client.
    var isChunked = false
    var hasEnded = false
    /// The stream reported an error: it and what follows may quote what the upstream was sent.
    var masks = false
    /// The stream was cut where no event of ours may stand.
    var endsUntold = false
    /// Of a long answer whose length the client knows: how much of it is to come, and the byte that waits until it is judged.
    var lengthLeft: Int?
    var lastByte: UInt8?
    /// The last byte of a long answer that is no white space.
    var lastSolid: UInt8 = 0
    var closesAfter = false

    /// Shows what is held of the body.
    func withHeldBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        guard let bodyStart else { return held.withUnsafeReadableBytes(body) }
        return head.withUnsafeReadableBytes { body(UnsafeRawBufferPointer(rebasing: $0[min(bodyStart, $0.count)...])) }
    }

    var isCompressed: Bool { coding != .none }

    var heldCount: Int { bodyStart.map { head.readableBytes - $0 } ?? held.readableBytes }

    // Kilobytes that only streams need: a whole answer does not carry them.
    var meter: Box<StreamMeter>?
    var filter: Box<UsageChunkFilter>?
    var converter: Box<StreamConverter>?
    /// Of a whole answer.
    var usage: TokenUsage?
}

/// What an answer's head says that its body is.
enum ContentKind: Equatable {
    case unsaid, json, events
    /// What a browser would show, scripts and all.
    case page
    case other

    init(_ value: UnsafeRawBufferPointer) {
        let end = value.firstIndex { $0 == UInt8(ascii: ";") || $0 == 0x20 || $0 == 0x09 } ?? value.count
        let type = UnsafeRawBufferPointer(rebasing: value[..<end])
        if type.isEmpty {
            self = .unsaid
        } else if equalsIgnoringCase(type, "application/json") {
            self = .json
        } else if equalsIgnoringCase(type, "text/event-stream") {
            self = .events
        } else if Self.has(type, "html") || Self.has(type, "xml") || Self.has(type, "svg") {
            self = .page
        } else if equalsIgnoringCase(type, "application/stream+json") {
            // Lines, each a document.
            self = .other
        } else if type.count > 5, equalsIgnoringCase(UnsafeRawBufferPointer(rebasing: type[(type.count - 5)...]), "+json") {
            self = .json
        } else {
            self = equalsIgnoringCase(type, "text/json") ? .json : .other
        }
    }

    private static func has(_ type: UnsafeRawBufferPointer, _ ending: StaticString) -> Bool {
        let count = ending.utf8CodeUnitCount
        guard type.count >= count else { return false }
        // `text/html`, `application/xhtml+xml`, `image/svg+xml`.
        return equalsIgnoringCase(UnsafeRawBufferPointer(rebasing: type[(type.count - count)...]), ending)
    }
}

/// What stands between an answer's bytes and its content.
enum ContentCoding: Equatable {
    case none, gzip, deflate
    /// One that cannot be read here.
    case unknown

    /// `gzip, identity` is gzip; two codings one over the other are not read.
    init(_ value: UnsafeRawBufferPointer) {
        self = .none
        for name in value.split(separator: UInt8(ascii: ",")) {
            let coding = Self.named(UnsafeRawBufferPointer(rebasing: name))
            if coding != .none { self = self == .none ? coding : .unknown }
        }
    }

    private static func named(_ name: UnsafeRawBufferPointer) -> ContentCoding {
        guard let start = name.firstIndex(where: { $0 > 0x20 }), let end = name.lastIndex(where: { $0 > 0x20 }) else {
            return .none
        }
        let name = UnsafeRawBufferPointer(rebasing: name[start...end])
        if equalsIgnoringCase(name, "identity") { return .none }
        if equalsIgnoringCase(name, "gzip") || equalsIgnoringCase(name, "x-gzip") { return .gzip }
        return equalsIgnoringCase(name, "deflate") ? .deflate : .unknown
    }

    /// Nil where there is nothing to take off, or it cannot be.
    func makeInflater() -> Inflater? {
        switch self {
        case .none, .unknown: nil
        case .gzip: Inflater(.gzip)
        case .deflate: Inflater(.deflate)
        }
    }
}
