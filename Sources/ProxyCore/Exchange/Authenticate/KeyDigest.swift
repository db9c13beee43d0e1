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
        let digits = hex.utf8.compactMap { Self.value(ofHexDigit: $0) }
        guard digits.count == 64, hex.utf8.count == 64 else { return nil }
        self.init(bytes: stride(from: 0, to: 64, by: 2).map { digits[$0] << 4 | digits[$0 + 1] })
    }

    public var hex: String {
        let list = [words.0, words.1, words.2, words.3]
        return list.map { word in
            let text = String(word, radix: 16)
            return String(repeating: "0", count: 16 - text.count) + text
        }.joined()
    }

    private static func value(ofHexDigit digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    public static func == (a: KeyDigest, b: KeyDigest) -> Bool { a.words == b.words }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
    }
}
