/// Finding bytes eight at a time. Every function stays inside the buffer it is given.
///
/// Words are compared by the arithmetic that finds a zero byte in one: exact for the lowest hit, which is the one that counts.
/// (SIMD16 was measured 60 times slower: its comparisons stay generic calls.)
enum ByteSearch {
    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let highs: UInt64 = 0x8080_8080_8080_8080

    @inline(__always)
    private static func word(_ base: UnsafeRawPointer, _ index: Int) -> UInt64 {
        UInt64(littleEndian: base.loadUnaligned(fromByteOffset: index, as: UInt64.self))
    }

    /// The high bit of each byte of `word` that is `byte`.
    @inline(__always)
    private static func hits(_ word: UInt64, _ byte: UInt8) -> UInt64 {
        let zeroed = word ^ (ones &* UInt64(byte))
        return (zeroed &- ones) & ~zeroed & highs
    }

    /// The high bit of each byte of `word` below 0x20.
    @inline(__always)
    private static func controls(_ word: UInt64) -> UInt64 { (word &- ones &* 0x20) & ~word & highs }

    @inline(__always)
    private static func byte(_ base: UnsafeRawPointer, _ index: Int) -> UInt8 { base.load(fromByteOffset: index, as: UInt8.self) }

    /// The first index in `start..<end` that holds LF or CR; `end` when none does.
    @inline(__always)
    static func lineEnd(_ base: UnsafeRawPointer, from start: Int, to end: Int) -> Int {
        var index = start
        while index &+ 8 <= end {
            let word = word(base, index)
            let found = hits(word, 0x0A) | hits(word, 0x0D)
            if found != 0 { return index &+ (found.trailingZeroBitCount &>> 3) }
            index &+= 8
        }
        while index < end {
            if byte(base, index) == 0x0A || byte(base, index) == 0x0D { return index }
            index &+= 1
        }
        return end
    }

    /// The first index in `start..<end` that a JSON string cannot pass over: a quote, a backslash, a control character.
    @inline(__always)
    static func plainEnd(_ base: UnsafeRawPointer, from start: Int, to end: Int) -> Int {
        var index = start
        while index &+ 8 <= end {
            let word = word(base, index)
            let found = hits(word, 0x22) | hits(word, 0x5C) | controls(word)
            if found != 0 { return index &+ (found.trailingZeroBitCount &>> 3) }
            index &+= 8
        }
        while index < end {
            let byte = byte(base, index)
            if byte == 0x22 || byte == 0x5C || byte < 0x20 { return index }
            index &+= 1
        }
        return end
    }

    /// The first index in `start..<end` that holds a backslash or what is not ASCII; `end` when none does.
    @inline(__always)
    static func simpleEnd(_ base: UnsafeRawPointer, from start: Int, to end: Int) -> Int {
        var index = start
        while index &+ 8 <= end {
            let word = word(base, index)
            let found = hits(word, 0x5C) | (word & highs)
            if found != 0 { return index &+ (found.trailingZeroBitCount &>> 3) }
            index &+= 8
        }
        while index < end {
            if byte(base, index) == 0x5C || byte(base, index) >= 0x80 { return index }
            index &+= 1
        }
        return end
    }

    /// The first index in `start..<end` where a quote stands before `a`, `b` or `c`. JSON keys are found by it: inside a string
    /// every quote has a backslash before it, so hits are few.
    @inline(__always)
    static func quoted(
        _ base: UnsafeRawPointer, from start: Int, to end: Int, _ a: UInt8, _ b: UInt8, _ c: UInt8
    ) -> Int {
        var index = start
        while index &+ 9 <= end {
            var found = hits(word(base, index), 0x22)
            while found != 0 {
                let place = index &+ (found.trailingZeroBitCount &>> 3)
                let next = byte(base, place &+ 1)
                // A borrow may flag a byte above a true hit, so the quote itself is looked at again.
                if next == a || next == b || next == c, byte(base, place) == 0x22 { return place }
                found &= found &- 1
            }
            index &+= 8
        }
        while index &+ 1 < end {
            if byte(base, index) == 0x22 {
                let next = byte(base, index &+ 1)
                if next == a || next == b || next == c { return index }
            }
            index &+= 1
        }
        return end
    }

    /// Whether `text` stands at `index`.
    @inline(__always)
    static func has(_ text: StaticString, _ base: UnsafeRawPointer, at index: Int, to end: Int) -> Bool {
        let count = text.utf8CodeUnitCount
        guard end &- index >= count else { return false }
        let wanted = text.utf8Start
        var offset = 0
        while offset < count {
            if base.load(fromByteOffset: index &+ offset, as: UInt8.self) != wanted[offset] { return false }
            offset &+= 1
        }
        return true
    }

    /// Whether ASCII `needle` (given in lower case) stands anywhere in `hay`, upper and lower case alike.
    static func contains(_ needle: StaticString, in hay: UnsafeRawBufferPointer) -> Bool {
        firstIndex(of: needle, in: hay, from: 0) != nil
    }

    /// Where ASCII `needle` (given in lower case) first stands in `hay`, upper and lower case alike.
    static func firstIndex(of needle: StaticString, in hay: UnsafeRawBufferPointer, from start: Int) -> Int? {
        let count = needle.utf8CodeUnitCount
        guard count > 0, hay.count - start >= count else { return nil }
        let wanted = needle.utf8Start
        var index = start
        while index &+ count <= hay.count {
            var offset = 0
            while offset < count, lowered(hay[index &+ offset]) == wanted[offset] { offset &+= 1 }
            if offset == count { return index }
            index &+= 1
        }
        return nil
    }

    @inline(__always)
    static func lowered(_ byte: UInt8) -> UInt8 {
        byte &- 0x41 < 26 ? byte | 0x20 : byte
    }
}

extension UnsafeRawBufferPointer {
    /// The part of this buffer in `range`, cut to what there is.
    @inline(__always)
    func slice(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        let lower = Swift.min(Swift.max(range.lowerBound, 0), count)
        let upper = Swift.min(Swift.max(range.upperBound, lower), count)
        return UnsafeRawBufferPointer(rebasing: self[lower..<upper])
    }

    /// Whether these bytes are exactly `text`.
    @inline(__always)
    func equals(_ text: StaticString) -> Bool {
        guard count == text.utf8CodeUnitCount, let base = baseAddress else { return count == text.utf8CodeUnitCount }
        return ByteSearch.has(text, base, at: 0, to: count)
    }

    /// Whether these bytes begin with `text`.
    @inline(__always)
    func starts(_ text: StaticString) -> Bool {
        guard let base = baseAddress else { return text.utf8CodeUnitCount == 0 }
        return ByteSearch.has(text, base, at: 0, to: count)
    }
}
