import Basics
import Dialects
import HTTP1
import NIOCore

/// What an upstream's head says of its response, and what the first bytes of the body made of that.
struct ResponseTraits {
    var status = 0
    var framing = BodyFraming.none
    /// The content type of an error.
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
    /// The answer to a stream's request did not say that it is one: its first bytes will tell.
    var mayBeEvents = false
    /// The client's head lacks its content type, which what follows decides.
    var lacksContentType = false
    var retryAfterSeconds: Int?
    /// That is when a window begins anew.
    var tellsReset = false
    /// The head tells what is left of some quota.
    var tellsQuota = false
    /// The upstream's rate limits in the client's words, for a converted response.
    var limits = FieldBlock()

    var isCompressed: Bool { coding != .none }

    /// Reads them where they are.
    /// - Parameter now: seconds since 1970.
    mutating func read(_ head: borrowing HTTPResponseHead, bytes: UnsafeRawBufferPointer, now: Int) {
        status = head.status
        framing = head.framing
        var isExact = false
        for index in head.fields.indices {
            let field = head.fields[index]
            switch field.known {
            case .contentType:
                kind = ContentKind(field.value.bytes(in: bytes))
                isEventStream = kind == .events
                if kind == .page { isHTML = field.value.string(in: bytes).lowercased().contains("html") }
                if head.status >= 400 { contentType = field.value.string(in: bytes) }
            case .contentEncoding:
                let coding = ContentCoding(field.value.bytes(in: bytes))
                if coding == .none { continue }
                self.coding = self.coding == .none ? coding : .unknown
                codingName += (codingName.isEmpty ? "" : ",") + field.value.string(in: bytes)
            case .retryAfter where !isExact:
                // One that is none takes nothing from one that is; of two the longer counts.
                guard let seconds = RetryAfter.seconds(field.value.bytes(in: bytes), now: now) else { continue }
                retryAfterSeconds = max(retryAfterSeconds ?? 0, seconds)
            case .retryAfterMs:
                // It is the finer one of the two, by which vendors' own clients go.
                guard let seconds = RetryAfter.seconds(milliseconds: field.value.bytes(in: bytes), now: now) else { continue }
                retryAfterSeconds = isExact ? max(retryAfterSeconds ?? 0, seconds) : seconds
                isExact = true
            default: break
            }
        }
    }
}

/// How much of a response is held, and for how long.
enum RelayLimits {
    /// Up to here a whole response is held; a longer one goes out as it comes.
    static let heldBytes = 1 << 20
    /// Up to here it is held whoever else is; beyond, in the room that all share.
    static let shortBytes = 32 << 10
    /// How much of its end is kept of a long response that there is no room for.
    static let keptEnd = 8 << 10
    /// A response to be converted is held whole, up to here.
    static let convertedBytes = 64 << 20
    /// An error's body is read up to here.
    static let errorBytes = 64 << 10
    /// And for so long it may be silent; then what came of it is all there is.
    static let errorSilence = TimeAmount.seconds(5)
    /// A stream that says nothing meaningful in so many bytes is let through.
    static let peekedBytes = 256 << 10
    /// A stream of which no event of its format has come is held up to here: it may begin with an image.
    static let openingBytes = 32 << 20
}

/// What a response's head says that its body is.
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

/// What is between a response's bytes and its content.
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
