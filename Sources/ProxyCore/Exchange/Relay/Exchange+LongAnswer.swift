import Dialects
import NIOCore

/// Whole answers that are too long to be held to their end, and those of paths that promise nothing of a model.
extension Exchange {
    // MARK: Long answers

    private func spoken(_ dialect: Dialect) -> Dialect { endpoint == .named ? .openai : dialect }

    /// Whether a long answer, of which more is to come, begins as one may: not with an error and nothing else.
    func holdsBeginning(_ dialect: Dialect) -> Bool {
        guard relay.coding != .unknown else { return true }
        guard relay.isCompressed else { return relay.withHeldBytes { isBeginning($0, dialect) } }
        let decoded = relay.withHeldBytes { relay.coding.decoded($0, limit: RelayState.heldBytes) }
        return decoded.bytes.withUnsafeReadableBytes { isBeginning($0, dialect) }
    }

    private func isBeginning(_ bytes: UnsafeRawBufferPointer, _ dialect: Dialect) -> Bool {
        guard let first = bytes.first(where: { $0 > 0x20 }) else { return false }
        guard first == UInt8(ascii: "{") || (first == UInt8(ascii: "[") && clientDialect == .gemini) else { return false }
        let answer = BodyMeter(bytes, dialect: spoken(dialect), promise: promise)
        return answer.showsPromise || !answer.hasError
    }

    /// A piece of a long answer. Where its length is told, its last byte waits until the whole is judged: without it the client
    /// sees that it has no answer.
    func emitLong(_ body: UnsafeRawBufferPointer) {
        guard let left = relay.lengthLeft else { return emit(body) }
        relay.lengthLeft = left - body.count
        guard left <= body.count, let last = body.last else { return emit(body) }
        relay.lastByte = last
        emit(UnsafeRawBufferPointer(rebasing: body.dropLast()))
    }

    /// A long answer has ended as its framing said. Whether it is one; then it goes out to its end.
    func endsLong() -> Bool {
        let whole = largeBody
        largeBody = nil
        guard keepsPromise(whole) else { return false }
        if let last = relay.lastByte { withUnsafeBytes(of: last) { emit($0) } }
        relay.lastByte = nil
        return true
    }

    private func keepsPromise(_ whole: ByteBuffer?) -> Bool {
        guard let candidate else { return true }
        let dialect = view.upstreams[candidate.upstream].dialect
        guard isGenerating, relay.coding != .unknown else {
            relay.usage = whole?.withUnsafeReadableBytes { BodyMeter.usage(of: $0, dialect: dialect) }
            return true
        }
        guard var whole else {
            // Too long to be kept: its last byte alone tells whether it was closed.
            return relay.isCompressed || relay.lastSolid == UInt8(ascii: "}") || relay.lastSolid == UInt8(ascii: "]")
        }
        if relay.isCompressed {
            let decoded = whole.withUnsafeReadableBytes { relay.coding.decoded($0, limit: RelayState.convertedBytes) }
            // More than is ever read says nothing.
            guard decoded.isWhole else { return decoded.bytes.readableBytes > RelayState.convertedBytes - (64 << 10) }
            whole = decoded.bytes
        }
        let answer = whole.withUnsafeReadableBytes { BodyMeter($0, dialect: spoken(dialect), promise: promise) }
        relay.usage = answer.usage
        return answer.keepsPromise
    }

    // MARK: Other paths

    var isPosted: Bool { method == .post && relay.status < 300 && relay.status != 204 && relay.status != 205 }

    /// Whether what calls itself JSON is none.
    func holdsNoDocument() -> Bool {
        guard relay.kind == .json, relay.coding != .unknown else { return false }
        return withDecodedHeld { bytes in
            let start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
            return (try? JSONScan.validate(UnsafeRawBufferPointer(rebasing: bytes[start...]))) == nil
        }
    }
}
