import Dialects
import NIOCore

/// A whole response that is too long to be held to its end: it goes out as it comes, and is judged by what is kept of it.
struct LongResponse {
    /// Where the client knows the length: how much of it is to come.
    var left: Int?
    /// The byte that waits until the response is judged: without it the client sees that it has no response.
    var lastByte: UInt8?
    /// The last byte that is no white space.
    var lastSolid: UInt8 = 0
    /// A copy, for the usage at its end.
    var kept: ByteBuffer?

    /// Notes the next piece. How much of it may go out.
    mutating func take(_ bytes: UnsafeRawBufferPointer, keeping limit: Int) -> Int {
        if let count = kept?.readableBytes {
            if count > limit { kept = nil } else { kept?.writeBytes(bytes) }
        }
        if let solid = bytes.last(where: { $0 > 0x20 }) { lastSolid = solid }
        return passes(bytes)
    }

    /// How much of a piece may go out.
    mutating func passes(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard let left else { return bytes.count }
        self.left = left - bytes.count
        guard left <= bytes.count, let last = bytes.last else { return bytes.count }
        lastByte = last
        return bytes.count - 1
    }
}
