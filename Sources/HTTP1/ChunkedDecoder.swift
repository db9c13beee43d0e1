import Basics

/// Takes a chunked body apart (RFC 9112 §7.1), from pieces cut anywhere.
///
/// Call `next` with the bytes that are not consumed yet until it asks for more or ends. It keeps a few numbers and no bytes:
/// a step always consumes what it has looked at.
///
/// Chunk extensions and trailers are checked, bounded and left out. A relay that forwards the framing as it came need only do
/// likewise: while `isCanonical` every byte consumed so far may go on as it is, else the bytes of `omitted` stay behind, and
/// what remains is the same body without extensions and trailers, wherever it was cut.
public struct ChunkedDecoder: Sendable {
    public enum Step: Sendable, Hashable {
        /// Part of the body: the range in the bytes given. It ends where `consumed` ends, and may be empty.
        case data(Range<Int>, consumed: Int)
        /// Everything was consumed and the body has not ended.
        case needMore(consumed: Int)
        /// The body has ended; what is left belongs to the next message.
        case end(consumed: Int)
        case invalid(HTTPViolation)
    }

    private enum State: UInt8, Sendable {
        // Before a size line; in its digits; after `;`; after its CR.
        case size, digits, chunkExtension, sizeLineFeed
        // In the data, then before and after the CR that ends it.
        case data, dataReturn, dataLineFeed
        // Before a line of the trailer section; in a name; in a value; after the CR of a trailer; of the empty line.
        case trailer, trailerName, trailerValue, trailerLineFeed, lastLineFeed
        case ended
        case failed
    }

    /// Digits of a size: 15 hold more than an exabyte, and no sum of them overflows.
    private static let digitsAllowed: UInt8 = 15
    /// Bytes of one chunk's extensions.
    private static let extensionBytes = 1024
    /// Bytes of extensions that a body may have beyond what its data makes up for, so that tiny chunks with long extensions
    /// cannot make a small body cost much.
    private static let surplusBytes = 16 * 1024
    /// Bytes of the trailer section.
    private static let trailerBytes = 8 * 1024

    /// Whether no extension and no trailer has been seen so far.
    public private(set) var isCanonical = true
    /// What the last call consumed but a relay must not forward, as a range in the bytes given; usually empty.
    public private(set) var omitted = 0..<0
    /// Whether the body is at its beginning, or a chunk and its line break have just been read.
    public var isBetweenChunks: Bool { state == .size }

    private var state = State.size
    private var digitCount: UInt8 = 0
    private var remaining = 0
    private var extensionCount = 0
    private var surplus = 0
    private var trailerCount = 0
    private var violation = HTTPViolation.chunkSize

    public init() {}

    public mutating func next(_ bytes: UnsafeRawBufferPointer) -> Step {
        omitted = 0..<0
        guard let base = bytes.baseAddress else { return resting(0) }
        var index = 0
        let end = bytes.count
        while index < end {
            switch state {
            case .size, .digits:
                if let violation = readSize(base, &index, end) { return fail(violation) }
            case .chunkExtension:
                let start = index
                index = ByteScan.firstControl(base, from: index, to: end)
                omit(from: start, to: index)
                extensionCount &+= index &- start
                surplus &+= index &- start
                guard extensionCount <= Self.extensionBytes, surplus <= Self.surplusBytes else { return fail(.chunkExtension) }
                guard index < end else { break }
                guard base.byte(at: index) == HTTPByte.carriageReturn else { return fail(.chunkExtension) }
                index &+= 1
                state = .sizeLineFeed
            case .sizeLineFeed:
                guard base.byte(at: index) == HTTPByte.lineFeed else { return fail(.chunkSize) }
                index &+= 1
                state = remaining > 0 ? .data : .trailer
                surplus = max(0, surplus &- 16 &- min(remaining, Self.surplusBytes))
                // One range says what to omit, so a step ends behind a line that has extensions.
                if !omitted.isEmpty { return .data(index..<index, consumed: index) }
            case .data:
                let count = min(remaining, end &- index)
                let range = index..<(index &+ count)
                remaining &-= count
                if remaining == 0 { state = .dataReturn }
                return .data(range, consumed: range.upperBound)
            case .dataReturn:
                guard base.byte(at: index) == HTTPByte.carriageReturn else { return fail(.chunkEnd) }
                index &+= 1
                state = .dataLineFeed
            case .dataLineFeed:
                guard base.byte(at: index) == HTTPByte.lineFeed else { return fail(.chunkEnd) }
                index &+= 1
                state = .size
            case .trailer, .trailerName, .trailerValue, .trailerLineFeed:
                guard readTrailers(base, &index, end) else { return fail(.trailers) }
            case .lastLineFeed:
                guard base.byte(at: index) == HTTPByte.lineFeed else { return fail(.trailers) }
                state = .ended
                return .end(consumed: index &+ 1)
            case .ended, .failed:
                return resting(0)
            }
        }
        return resting(index)
    }

    /// What became of the bytes that `forEach` was given.
    public enum Pass: Sendable, Hashable {
        /// Everything was consumed and the body has not ended.
        case needsMore
        /// The body has ended; what is left belongs to the next message.
        case ended
        /// `body` asked to stop.
        case stopped
        case invalid(HTTPViolation)
    }

    /// Hands over the pieces of the body that `bytes` hold, until it ends or `body` returns false. Its argument is gone when it
    /// returns. Without bytes nothing is read, as before the first.
    /// - Returns: how it ended, and how many bytes were consumed.
    @inlinable @inline(__always)
    public mutating func forEach(
        in bytes: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Bool
    ) -> (pass: Pass, consumed: Int) {
        var used = 0
        while true {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[used...])
            switch next(rest) {
            case .data(let range, let consumed):
                used &+= consumed
                if !range.isEmpty, !body(UnsafeRawBufferPointer(rebasing: rest[range])) { return (.stopped, used) }
            case .needMore(let consumed): return (.needsMore, used &+ consumed)
            case .end(let consumed): return (.ended, used &+ consumed)
            case .invalid(let violation): return (.invalid(violation), used)
            }
        }
    }

    /// The step when there is nothing left to look at.
    private func resting(_ index: Int) -> Step {
        switch state {
        case .ended: .end(consumed: index)
        case .failed: .invalid(violation)
        case .size, .digits, .chunkExtension, .sizeLineFeed, .data, .dataReturn, .dataLineFeed, .trailer, .trailerName,
            .trailerValue, .trailerLineFeed, .lastLineFeed:
            .needMore(consumed: index)
        }
    }

    private mutating func fail(_ violation: HTTPViolation) -> Step {
        state = .failed
        self.violation = violation
        return .invalid(violation)
    }

    private mutating func omit(from start: Int, to end: Int) {
        isCanonical = false
        omitted = omitted.isEmpty ? start..<end : omitted.lowerBound..<end
    }

    /// Reads hex digits and the byte after them.
    @inline(__always)
    private mutating func readSize(_ base: UnsafeRawPointer, _ index: inout Int, _ end: Int) -> HTTPViolation? {
        if state == .size {
            digitCount = 0
            remaining = 0
            extensionCount = 0
            state = .digits
        }
        while index < end {
            let byte = base.byte(at: index)
            if let digit = Hex.value(byte) {
                guard digitCount < Self.digitsAllowed else { return .chunkSize }
                digitCount &+= 1
                remaining = remaining &<< 4 | Int(digit)
                index &+= 1
                continue
            }
            guard digitCount > 0 else { return .chunkSize }
            if byte == HTTPByte.carriageReturn {
                index &+= 1
                state = .sizeLineFeed
            } else if byte == HTTPByte.semicolon {
                omit(from: index, to: index &+ 1)
                index &+= 1
                extensionCount = 1
                state = .chunkExtension
            } else {
                return .chunkSize
            }
            return nil
        }
        return nil
    }

    /// Reads trailer lines up to the CR of the empty line; false if they are malformed or too many.
    private mutating func readTrailers(_ base: UnsafeRawPointer, _ index: inout Int, _ end: Int) -> Bool {
        while index < end {
            let start = index
            switch state {
            case .trailer:
                if base.byte(at: index) == HTTPByte.carriageReturn {
                    index &+= 1
                    state = .lastLineFeed
                    return true
                }
                guard ByteScan.isToken(base.byte(at: index)) else { return false }
                index &+= 1
                state = .trailerName
            case .trailerName:
                index = ByteScan.firstNonToken(base, from: index, to: end)
                if index < end {
                    guard base.byte(at: index) == HTTPByte.colon else { return false }
                    index &+= 1
                    state = .trailerValue
                }
            case .trailerValue:
                index = ByteScan.firstControl(base, from: index, to: end)
                if index < end {
                    guard base.byte(at: index) == HTTPByte.carriageReturn else { return false }
                    index &+= 1
                    state = .trailerLineFeed
                }
            case .trailerLineFeed:
                guard base.byte(at: index) == HTTPByte.lineFeed else { return false }
                index &+= 1
                state = .trailer
            case .size, .digits, .chunkExtension, .sizeLineFeed, .data, .dataReturn, .dataLineFeed, .lastLineFeed, .ended,
                .failed:
                return true
            }
            omit(from: start, to: index)
            trailerCount &+= index &- start
            guard trailerCount <= Self.trailerBytes else { return false }
        }
        return true
    }
}
