/// Numbers byte strings of two pieces from 0 on, in the order in which they come.
struct ByteIndex {
    typealias Pieces = (UnsafeRawBufferPointer, UnsafeRawBufferPointer)
    private struct Entry {
        let bytes: [UInt8]
        let split: Int
        let salt: Int
        let hash: UInt64
    }

    private static let fewest = 16
    private let keyed = KeyedHash()
    private var entries: [Entry] = []
    /// One more than an index into `entries`, at the low bits of its hash or as soon after as was free; 0 where it is free. At
    /// least half of them are.
    private var slots = [Int](repeating: 0, count: ByteIndex.fewest)

    /// The number of `pieces`; a new one where they are met for the first time.
    mutating func find(_ pieces: Pieces, salt: Int = 0) -> Int {
        let first = keyed.hash(pieces.0, seed: UInt64(truncatingIfNeeded: salt))
        let hash = pieces.1.isEmpty ? first : keyed.hash(pieces.1, seed: first)
        let mask = slots.count &- 1
        var slot = Int(truncatingIfNeeded: hash) & mask
        while slots[slot] != 0 {
            let known = slots[slot] &- 1
            if entries[known].hash == hash, has(pieces, at: known, salt: salt) { return known }
            slot = (slot &+ 1) & mask
        }
        entries.append(Entry(bytes: Array(pieces.0) + Array(pieces.1), split: pieces.0.count, salt: salt, hash: hash))
        slots[slot] = entries.count
        if entries.count * 2 >= slots.count { grow() }
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
        guard !entries.isEmpty else { return }
        entries = []
        slots = [Int](repeating: 0, count: Self.fewest)
    }

    private mutating func grow() {
        slots = [Int](repeating: 0, count: 2 * slots.count)
        let mask = slots.count - 1
        for (index, entry) in entries.enumerated() {
            var slot = Int(truncatingIfNeeded: entry.hash) & mask
            while slots[slot] != 0 { slot = (slot + 1) & mask }
            slots[slot] = index + 1
        }
    }
}
