@testable import HTTP1

/// Numbers that can be had again: whoever uses it names the seed in what a failure says.
struct HTTPSeed: RandomNumberGenerator {
    let seed: UInt64
    private var state: UInt64

    init(_ seed: UInt64 = UInt64.random(in: 0...UInt64.max)) {
        self.seed = seed
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    mutating func chance(_ oneIn: Int) -> Bool { Int.random(in: 0..<oneIn, using: &self) == 0 }

    mutating func pick<Element>(_ choices: [Element]) -> Element { choices[Int.random(in: 0..<choices.count, using: &self)] }

    /// Ascending places to cut `count` bytes at; the last is `count`.
    mutating func cuts(_ count: Int) -> [Int] {
        guard count > 0 else { return [0] }
        let few = (0..<Int.random(in: 0...6, using: &self)).map { _ in Int.random(in: 0...count, using: &self) }
        return few.sorted() + [count]
    }
}

/// A head with its slices resolved, to compare and to print.
struct ReadHead: Equatable {
    var start: [String]
    var minorVersion: UInt8
    var fields: [String]
    var framing: BodyFraming
    var keepsAlive: Bool
    var expectsContinue = false
    var byteCount: Int
}

enum HeadVerdict: Equatable {
    case complete(ReadHead)
    case incomplete
    case invalid(HTTPViolation)
}

/// Parses a request that arrives in pieces; every piece comes in memory of its own, so that nothing outside it can be read
/// unnoticed under a sanitizer and nothing can be remembered by address.
func readRequest(_ bytes: [UInt8], cuts: [Int]? = nil, limits: HTTPLimits = HTTPLimits()) -> HeadVerdict {
    var parser = HTTPRequestParser(limits: limits)
    var head = HTTPRequestHead()
    for cut in cuts ?? [bytes.count] {
        let verdict: HeadVerdict? = Array(bytes[..<cut]).withUnsafeBytes { piece in
            switch parser.parse(piece, into: &head) {
            case .incomplete: return nil
            case .invalid(let violation): return .invalid(violation)
            case .complete:
                return .complete(
                    ReadHead(
                        start: [head.methodToken.string(in: piece), head.target.string(in: piece)],
                        minorVersion: head.minorVersion,
                        fields: lines(head.fields, piece), framing: head.framing, keepsAlive: head.keepsAlive,
                        expectsContinue: head.expectsContinue, byteCount: head.byteCount))
            }
        }
        if let verdict { return verdict }
    }
    return .incomplete
}

/// Parses a response that arrives in pieces.
func readResponse(
    _ bytes: [UInt8], to method: HTTPMethod = .get, cuts: [Int]? = nil, limits: HTTPLimits = HTTPLimits()
) -> HeadVerdict {
    var parser = HTTPResponseParser(limits: limits)
    var head = HTTPResponseHead()
    for cut in cuts ?? [bytes.count] {
        let verdict: HeadVerdict? = Array(bytes[..<cut]).withUnsafeBytes { piece in
            switch parser.parse(piece, request: method, into: &head) {
            case .incomplete: return nil
            case .invalid(let violation): return .invalid(violation)
            case .complete:
                return .complete(
                    ReadHead(
                        start: [String(head.status), head.reason.string(in: piece)], minorVersion: head.minorVersion,
                        fields: lines(head.fields, piece), framing: head.framing, keepsAlive: head.keepsAlive,
                        byteCount: head.byteCount))
            }
        }
        if let verdict { return verdict }
    }
    return .incomplete
}

private func lines(_ fields: [HTTPField], _ bytes: UnsafeRawBufferPointer) -> [String] {
    fields.map { "\($0.name.string(in: bytes)): \($0.value.string(in: bytes))" }
}

/// What a chunked body came to.
struct ReadChunks: Equatable {
    enum Ending: Equatable {
        case ended
        case open
        case invalid(HTTPViolation)
    }

    var data: [UInt8] = []
    var ending = Ending.open
    /// Bytes that belong to the body with its framing; what was looked at before a violation does not count.
    var consumed = 0
    var isCanonical = true
    /// What a relay that leaves out `omitted` would have passed on.
    var relayed: [UInt8] = []
}

/// Decodes a chunked body that arrives in pieces.
func readChunks(_ bytes: [UInt8], cuts: [Int]? = nil) -> ReadChunks {
    var decoder = ChunkedDecoder()
    var result = ReadChunks()
    var start = 0
    for cut in cuts ?? [bytes.count] {
        var rest = Array(bytes[start..<cut])
        start = cut
        pieces: while true {
            let step = rest.withUnsafeBytes { decoder.next($0) }
            switch step {
            case .data(let range, let consumed):
                result.data += rest[range]
                keep(&rest, consumed, decoder, &result)
            case .needMore(let consumed):
                keep(&rest, consumed, decoder, &result)
                break pieces
            case .end(let consumed):
                keep(&rest, consumed, decoder, &result)
                result.ending = .ended
                return result
            case .invalid(let violation):
                result.ending = .invalid(violation)
                return result
            }
        }
    }
    return result
}

private func keep(_ rest: inout [UInt8], _ consumed: Int, _ decoder: ChunkedDecoder, _ result: inout ReadChunks) {
    result.relayed +=
        rest[..<decoder.omitted.lowerBound] + rest[decoder.omitted.upperBound..<max(consumed, decoder.omitted.upperBound)]
    result.consumed += consumed
    result.isCanonical = decoder.isCanonical
    rest.removeFirst(consumed)
}

/// Every way of cutting that the tests try: whole, byte by byte, and at random.
func waysToCut(_ count: Int, _ seed: inout HTTPSeed) -> [[Int]] {
    [[count], Array(0...count)] + (0..<4).map { _ in seed.cuts(count) }
}
