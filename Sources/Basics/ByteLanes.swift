/// Sixteen bytes looked at at once.
///
/// Vectors are compared with vectors, never with a scalar: the compiler keeps those comparisons as generic calls, lane by lane,
/// which were measured 30 to 60 times slower.
public enum ByteLanes {
    public typealias Lanes = SIMD16<UInt8>

    /// The number of lanes before the first that is set; 16 if none is.
    @inlinable @inline(__always)
    public static func beforeFirst(_ mask: SIMDMask<SIMD16<Int8>>) -> Int {
        let halves = unsafeBitCast(mask, to: SIMD2<UInt64>.self)
        if halves[0] != 0 { return halves[0].trailingZeroBitCount &>> 3 }
        if halves[1] != 0 { return 8 &+ halves[1].trailingZeroBitCount &>> 3 }
        return 16
    }

    /// The same byte in every lane.
    @inlinable @inline(__always)
    public static func all(_ byte: UInt8) -> Lanes { Lanes(repeating: byte) }
}

extension UnsafeRawPointer {
    /// The sixteen bytes from `index` on; they must be there.
    @inlinable @inline(__always)
    public func lanes(at index: Int) -> ByteLanes.Lanes {
        loadUnaligned(fromByteOffset: index, as: ByteLanes.Lanes.self)
    }

    /// The byte at `index`; it must be there.
    @inlinable @inline(__always)
    public func byte(at index: Int) -> UInt8 {
        load(fromByteOffset: index, as: UInt8.self)
    }
}
