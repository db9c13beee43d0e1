/// The key `thoughtSignature` that some Anthropic-compatible servers add to a `tool_use` block. No client of that format knows it.
public enum ThoughtSignature {
    private static let key: StaticString = "\"thoughtsignature\""

    /// Whether the key stands anywhere in `bytes`.
    public static func stands(in bytes: UnsafeRawBufferPointer) -> Bool {
        guard let base = bytes.baseAddress else { return false }
        var index = 0
        while true {
            index = ByteSearch.quoted(base, from: index, to: bytes.count, 0x74, 0x74, 0x74)
            guard index < bytes.count else { return false }
            if ByteSearch.firstIndex(of: key, in: bytes.slice(index..<index &+ key.utf8CodeUnitCount), from: 0) != nil {
                return true
            }
            index &+= 1
        }
    }

    /// Puts blanks in the place of the key, its text and the comma before or after it: the length stays what it was.
    public static func blot(_ bytes: inout [UInt8], from start: Int = 0) {
        var index = start
        while true {
            guard let found = bytes.withUnsafeBytes({ ByteSearch.firstIndex(of: key, in: $0, from: index) }) else { return }
            index = found + key.utf8CodeUnitCount
            guard let end = bytes.withUnsafeBytes({ valueEnd($0, from: index) }) else { continue }
            blank(&bytes, found, end, start)
            index = end
        }
    }

    private static func blank(_ bytes: inout [UInt8], _ start: Int, _ end: Int, _ floor: Int) {
        var (lower, upper) = (start, end)
        var before = start - 1
        while before >= floor, bytes[before] <= 0x20 { before -= 1 }
        if before >= floor, bytes[before] == 0x2C {
            lower = before
        } else {
            var after = end
            while after < bytes.count, bytes[after] <= 0x20 { after += 1 }
            if after < bytes.count, bytes[after] == 0x2C { upper = after + 1 }
        }
        for index in lower..<upper { bytes[index] = 0x20 }
    }

    /// Past the string that is the key's value; nil when what follows is no such thing.
    private static func valueEnd(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        var index = start
        while index < bytes.count, bytes[index] <= 0x20 || bytes[index] == 0x3A { index += 1 }
        guard index < bytes.count, bytes[index] == 0x22, index > start else { return nil }
        index += 1
        while index < bytes.count {
            if bytes[index] == 0x22 { return index + 1 }
            index += bytes[index] == 0x5C ? 2 : 1
        }
        return nil
    }
}
