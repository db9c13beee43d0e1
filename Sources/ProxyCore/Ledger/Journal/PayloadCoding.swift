/// Writes numbers and texts of the journal. Its user has made room for all that is put.
struct PayloadWriter {
    let target: UnsafeMutableRawBufferPointer
    private(set) var count = 0

    init(target: UnsafeMutableRawBufferPointer) {
        self.target = target
    }

    mutating func put(byte: UInt8) {
        target[count] = byte
        count &+= 1
    }

    @inline(__always)
    mutating func put(number: Int) {
        // Most are lengths and counts.
        if number >= 0, number < 0x80 { put(byte: UInt8(truncatingIfNeeded: number)) } else { put(large: number) }
    }

    @inline(never)
    private mutating func put(large number: Int) {
        var rest = UInt64(min(max(number, 0), UsageRecord.maximumNumber))
        while rest >= 0x80 {
            put(byte: UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        put(byte: UInt8(truncatingIfNeeded: rest))
    }

    /// Bytes that a number takes.
    static func size(of number: Int) -> Int {
        let bits = Int.bitWidth - min(max(number, 0), UsageRecord.maximumNumber).leadingZeroBitCount
        return max(1, (bits + 6) / 7)
    }

    /// Bytes that are encoded already.
    mutating func put(raw bytes: UnsafeRawBufferPointer) {
        UnsafeMutableRawBufferPointer(rebasing: target[count...]).copyMemory(from: bytes)
        count &+= bytes.count
    }

    mutating func put(string: String) {
        if string.isEmpty { return put(byte: 0) }
        let done: Void? = string.utf8.withContiguousStorageIfAvailable { put(bytes: UnsafeRawBufferPointer($0)) }
        if done == nil { Array(string.utf8).withUnsafeBytes { put(bytes: $0) } }
    }

    private mutating func put(bytes: UnsafeRawBufferPointer) {
        var length = bytes.count
        if length > UsageRecord.maximumString {
            length = UsageRecord.maximumString
            // Never within a scalar: its further bytes begin with the bits 10.
            while length > 0, bytes[length] & 0xc0 == 0x80 { length -= 1 }
        }
        put(number: length)
        UnsafeMutableRawBufferPointer(rebasing: target[count...]).copyMemory(
            from: UnsafeRawBufferPointer(rebasing: bytes[..<length]))
        count &+= length
    }
}

/// Reads them back. nil where the bytes are none that the writer wrote.
struct PayloadReader {
    let source: UnsafeRawBufferPointer
    private(set) var position = 0

    init(source: UnsafeRawBufferPointer) {
        self.source = source
    }

    mutating func byte() -> UInt8? {
        guard position < source.count else { return nil }
        defer { position &+= 1 }
        return source[position]
    }

    /// Reads a number of at most nine bytes, at most `maximumNumber`.
    mutating func number() -> Int? {
        // Most are lengths and counts.
        if position < source.count, source[position] < 0x80 {
            defer { position &+= 1 }
            return Int(source[position])
        }
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 63, by: 7) {
            guard let byte = byte() else { return nil }
            value |= UInt64(byte & 0x7f) << shift
            if byte & 0x80 == 0 { return value <= UInt64(UsageRecord.maximumNumber) ? Int(value) : nil }
        }
        return nil
    }

    mutating func string() -> UnsafeRawBufferPointer? {
        guard let length = number(), length <= UsageRecord.maximumString, length <= source.count - position else { return nil }
        defer { position &+= length }
        return UnsafeRawBufferPointer(rebasing: source[position..<(position + length)])
    }

    /// So many bytes as they are.
    mutating func bytes(_ count: Int) -> UnsafeRawBufferPointer? {
        guard count >= 0, count <= source.count - position else { return nil }
        defer { position &+= count }
        return UnsafeRawBufferPointer(rebasing: source[position..<(position + count)])
    }

    mutating func text() -> String? { string().map { EncodedUsage.text($0) } }

    mutating func tags() -> [String: String]? {
        guard let count = number(), count <= UsageRecord.maximumTags else { return nil }
        var tags: [String: String] = [:]
        for _ in 0..<count {
            guard let name = text(), let value = text() else { return nil }
            tags[name] = value
        }
        return tags
    }

    /// Passes over tags.
    mutating func skipTags() -> Bool {
        guard let count = number(), count <= UsageRecord.maximumTags else { return false }
        for _ in 0..<2 * count where string() == nil { return false }
        return true
    }

    mutating func skipTexts(_ count: Int) -> Bool {
        for _ in 0..<count where string() == nil { return false }
        return true
    }
}
