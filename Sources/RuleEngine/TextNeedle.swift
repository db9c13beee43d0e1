/// A run of bytes to look for, in time linear in both (Knuth, Morris, Pratt).
struct TextNeedle: Sendable {
    let bytes: [UInt8]
    /// How long the longest border of each prefix is, that is where to go on after a mismatch.
    private let border: [Int]

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        var border = [Int](repeating: 0, count: bytes.count)
        var length = 0
        for index in bytes.indices.dropFirst() {
            while length > 0, bytes[index] != bytes[length] { length = border[length - 1] }
            if bytes[index] == bytes[length] { length += 1 }
            border[index] = length
        }
        self.border = border
    }

    /// The first place in `from..<to` where the needle begins and ends within.
    func find(in hay: UnsafeBufferPointer<UInt8>, from: Int, to: Int) -> Int? {
        guard !bytes.isEmpty else { return from <= to ? from : nil }
        var length = 0
        var index = from
        while index < to {
            while length > 0, hay[index] != bytes[length] { length = border[length - 1] }
            if hay[index] == bytes[length] { length += 1 }
            index += 1
            if length == bytes.count { return index - length }
        }
        return nil
    }
}
