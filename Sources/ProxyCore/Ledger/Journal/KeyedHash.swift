/// A hash of bytes that nobody outside can foresee: a multiplication for sixteen of them, folded.
///
/// It is for tables in memory that hold what others name. Each instance has keys of its own.
struct KeyedHash: Sendable {
    private let keys: (UInt64, UInt64)

    /// Nobody outside knows the keys.
    init() {
        self.init((UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max)))
    }

    init(_ keys: (UInt64, UInt64)) {
        self.keys = keys
    }

    /// - Parameter seed: bytes that differ in it alone have hashes of their own.
    func hash(_ bytes: UnsafeRawBufferPointer, seed: UInt64 = 0) -> UInt64 {
        let count = bytes.count
        var hash = hash(UInt64(truncatingIfNeeded: count), seed: seed)
        guard let base = bytes.baseAddress, count > 0 else { return hash }
        var offset = 0
        let (whole, fours, key) = (count & ~15, count & ~63, keys.1)
        while offset < fours {
            hash = Self.fold(Self.word(base, offset) ^ key, Self.word(base, offset &+ 8) ^ hash)
            hash = Self.fold(Self.word(base, offset &+ 16) ^ key, Self.word(base, offset &+ 24) ^ hash)
            hash = Self.fold(Self.word(base, offset &+ 32) ^ key, Self.word(base, offset &+ 40) ^ hash)
            hash = Self.fold(Self.word(base, offset &+ 48) ^ key, Self.word(base, offset &+ 56) ^ hash)
            offset &+= 64
        }
        while offset < whole {
            hash = Self.fold(Self.word(base, offset) ^ key, Self.word(base, offset &+ 8) ^ hash)
            offset &+= 16
        }
        guard offset < count else { return hash }
        // What is left, in two words that overlap where it is not sixteen bytes.
        if count >= 16 {
            hash = Self.fold(Self.word(base, count &- 16) ^ keys.1, Self.word(base, count &- 8) ^ hash)
        } else if count >= 8 {
            hash = Self.fold(Self.word(base, 0) ^ keys.1, Self.word(base, count &- 8) ^ hash)
        } else {
            var rest: UInt64 = 0
            for byte in bytes { rest = rest << 8 | UInt64(byte) }
            hash = self.hash(rest, seed: hash)
        }
        return hash
    }

    func hash(_ word: UInt64, seed: UInt64) -> UInt64 { Self.fold(word ^ keys.1, seed ^ keys.0) }

    private static func word(_ base: UnsafeRawPointer, _ offset: Int) -> UInt64 {
        base.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
    }

    private static func fold(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let product = a.multipliedFullWidth(by: b)
        return product.high ^ product.low
    }
}
