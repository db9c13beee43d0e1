import CChecksum

/// CRC-32C (Castagnoli; RFC 3720, appendix B.4), eight bytes a step.
enum CRC32C {
    private static let isInProcessor = crc32c_is_there()

    /// - Parameter previous: the checksum of what is before, to go on from it.
    static func checksum(_ bytes: UnsafeRawBufferPointer, after previous: UInt32 = 0) -> UInt32 {
        guard isInProcessor, let base = bytes.baseAddress else { return byTables(bytes, after: previous) }
        return ~crc32c_go_on(~previous, base, bytes.count)
    }

    /// The same on a processor without an instruction for it.
    static func byTables(_ bytes: UnsafeRawBufferPointer, after previous: UInt32 = 0) -> UInt32 {
        tables.withUnsafeBufferPointer { table in
            var crc = UInt64(~previous)
            var index = 0
            while index &+ 8 <= bytes.count {
                let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)) ^ crc
                // In pairs, so that no lookup waits for another.
                let low = table[1_792 &+ Int(word & 0xff)] ^ table[1_536 &+ Int(word >> 8 & 0xff)]
                let middle = table[1_280 &+ Int(word >> 16 & 0xff)] ^ table[1_024 &+ Int(word >> 24 & 0xff)]
                let high = table[768 &+ Int(word >> 32 & 0xff)] ^ table[512 &+ Int(word >> 40 & 0xff)]
                let top = table[256 &+ Int(word >> 48 & 0xff)] ^ table[Int(word >> 56)]
                let next = (low ^ middle) ^ (high ^ top)
                crc = UInt64(next)
                index &+= 8
            }
            while index < bytes.count {
                let byte = (crc ^ UInt64(bytes[index])) & 0xff
                crc = crc >> 8 ^ UInt64(table[Int(byte)])
                index &+= 1
            }
            return ~UInt32(truncatingIfNeeded: crc)
        }
    }

    /// Eight tables of 256: the n-th says what a byte does to the checksum when n more zero bytes follow.
    private static let tables: [UInt32] = {
        var tables: [UInt32] = []
        for byte in UInt32(0)..<256 {
            var crc = byte
            for _ in 0..<8 {
                let isOdd = crc & 1 == 1
                crc >>= 1
                if isOdd { crc ^= 0x82f6_3b78 }
            }
            tables.append(crc)
        }
        for index in 256..<2_048 {
            let crc = tables[index - 256]
            tables.append(crc >> 8 ^ tables[Int(crc & 0xff)])
        }
        return tables
    }()
}
