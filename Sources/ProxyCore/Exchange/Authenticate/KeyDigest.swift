import Basics

/// SHA-256 of a client's key: the only form in which a key is kept.
public struct KeyDigest: Sendable, Hashable {
    public let words: (UInt64, UInt64, UInt64, UInt64)

    /// Eight bytes each, the first of them in the highest bits.
    init(words: (UInt64, UInt64, UInt64, UInt64)) {
        self.words = words
    }

    /// 32 bytes.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 32 else { return nil }
        var words: [UInt64] = [0, 0, 0, 0]
        for (index, byte) in bytes.enumerated() { words[index / 8] = words[index / 8] << 8 | UInt64(byte) }
        self.words = (words[0], words[1], words[2], words[3])
    }

    /// 64 hexadecimal digits.
    public init?(hex: some StringProtocol) {
        guard hex.utf8.count == 64, let bytes = Hex.bytes(hex) else { return nil }
        self.init(bytes: bytes)
    }

    public var hex: String {
        let list = [words.0, words.1, words.2, words.3]
        return list.map { word in
            let text = String(word, radix: 16)
            return String(repeating: "0", count: 16 - text.count) + text
        }.joined()
    }

    public static func == (a: KeyDigest, b: KeyDigest) -> Bool { a.words == b.words }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
    }
}
