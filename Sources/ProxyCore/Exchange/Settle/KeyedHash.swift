/// A hash of bytes that nobody outside can foresee: a multiplication for eight of them, folded.
///
/// It is for tables in memory that hold what others name. Each instance has keys of its own.
struct KeyedHash: Sendable {
    private let keys = (UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max))

    /// - Parameter seed: bytes that differ in it alone have hashes of their own.
    func hash(_ bytes: UnsafeRawBufferPointer, seed: UInt64 = 0) -> UInt64 {
        let count = bytes.count
        var hash = Self.fold(seed ^ keys.0, UInt64(truncatingIfNeeded: count) ^ keys.1)
        var offset = 0
        while offset &+ 8 <= count {
            hash = next(hash, bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            offset &+= 8
        }
        guard offset < count else { return hash }
        // The last eight have the rest in them.
        if count >= 8 { return next(hash, bytes.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)) }
        var rest: UInt64 = 0
        for byte in bytes { rest = rest << 8 | UInt64(byte) }
        return next(hash, rest)
    }

    private func next(_ hash: UInt64, _ word: UInt64) -> UInt64 { Self.fold(hash ^ word, keys.1 | 1) }

    private static func fold(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let product = a.multipliedFullWidth(by: b)
        return product.high ^ product.low
    }
}
