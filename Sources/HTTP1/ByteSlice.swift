/// A part of a head: where it begins, counted from the first byte given to the parser, and how many bytes it has.
///
/// It holds no memory. Whoever keeps it keeps the buffer it was cut from, too.
public struct ByteSlice: Sendable, Hashable {
    public var start: UInt32
    public var count: UInt32

    @inlinable public static var empty: ByteSlice { ByteSlice(start: 0, count: 0) }

    @inlinable public var isEmpty: Bool { count == 0 }
    /// Offsets as a range.
    @inlinable public var range: Range<Int> { Int(start)..<(Int(start) + Int(count)) }

    @inlinable
    public init(start: UInt32, count: UInt32) {
        self.start = start
        self.count = count
    }

    /// The bytes from `lower` up to `upper`; the parsers keep both within a head, far below what 32 bits hold.
    @inlinable @inline(__always)
    public init(from lower: Int, to upper: Int) {
        start = UInt32(truncatingIfNeeded: lower)
        count = UInt32(truncatingIfNeeded: upper &- lower)
    }

    /// The bytes themselves. A slice that does not fit the buffer is cut to what is there.
    @inlinable @inline(__always)
    public func bytes(in buffer: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        let lower = Swift.min(Int(start), buffer.count)
        let upper = Swift.min(lower &+ Int(count), buffer.count)
        guard let base = buffer.baseAddress, upper > lower else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        return UnsafeRawBufferPointer(start: base + lower, count: upper &- lower)
    }

    /// The bytes as text; what is no UTF-8 becomes U+FFFD.
    public func string(in buffer: UnsafeRawBufferPointer) -> String {
        String(decoding: bytes(in: buffer), as: UTF8.self)
    }
}
