/// Numbers byte strings of two pieces from 0 on, in the order in which they come.
struct ByteIndex {
    typealias Pieces = (UnsafeRawBufferPointer, UnsafeRawBufferPointer)
    private struct Entry {
        let bytes: [UInt8]
        let split: Int
        let salt: Int
    }

    private var entries: [Entry] = []
    /// Hash → index into `entries`; where two share a hash, the next free number is taken.
    private var slots: [Int: Int] = [:]

    /// The number of `pieces`; a new one where they are met for the first time.
    mutating func find(_ pieces: Pieces, salt: Int = 0) -> Int {
        var hasher = Hasher()
        hasher.combine(salt)
        hasher.combine(pieces.0.count)
        hasher.combine(bytes: pieces.0)
        hasher.combine(bytes: pieces.1)
        var slot = hasher.finalize()
        while let known = slots[slot] {
            if has(pieces, at: known, salt: salt) { return known }
            slot &+= 1
        }
        slots[slot] = entries.count
        entries.append(Entry(bytes: Array(pieces.0) + Array(pieces.1), split: pieces.0.count, salt: salt))
        return entries.count - 1
    }

    func has(_ pieces: Pieces, at index: Int, salt: Int = 0) -> Bool {
        let entry = entries[index]
        guard entry.salt == salt, entry.split == pieces.0.count, entry.bytes.count == entry.split + pieces.1.count else {
            return false
        }
        return entry.bytes.withUnsafeBytes { bytes in
            UnsafeRawBufferPointer(rebasing: bytes[..<entry.split]).hasSameBytes(as: pieces.0)
                && UnsafeRawBufferPointer(rebasing: bytes[entry.split...]).hasSameBytes(as: pieces.1)
        }
    }

    mutating func removeAll() {
        entries = []
        slots.removeAll(keepingCapacity: true)
    }
}
