import Crypto

extension KeyDigest {
    /// Hashes a key as it is presented.
    public init(hashing bytes: UnsafeRawBufferPointer) {
        var hash = SHA256()
        hash.update(bufferPointer: bytes)
        self.init(hash.finalize())
    }

    /// What is kept of a key that is deleted: it tells whether a digest was that key's, and is none that a key could have.
    var trace: KeyDigest { bytes.withUnsafeBytes { KeyDigest(hashing: $0) } }

    public init(hashing text: String) {
        self.init(SHA256.hash(data: Array(text.utf8)))
    }

    private init(_ digest: SHA256Digest) {
        let words = digest.withUnsafeBytes { bytes in
            func word(_ index: Int) -> UInt64 {
                UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self))
            }
            return (word(0), word(1), word(2), word(3))
        }
        self.init(words: words)
    }

    /// 32 bytes.
    var bytes: [UInt8] {
        [words.0, words.1, words.2, words.3].flatMap { word in withUnsafeBytes(of: word.bigEndian) { Array($0) } }
    }
}
