/// Finding bytes sixteen at a time. Every function stays inside the buffer it is given.
public enum ByteSearch {
    /// The first index in `start..<end` that holds LF or CR; `end` when none does.
    @inlinable @inline(__always)
    public static func lineEnd(_ base: UnsafeRawPointer, from start: Int, to end: Int) -> Int {
        let lineFeed = SIMD16<UInt8>(repeating: 0x0A)
        let carriageReturn = SIMD16<UInt8>(repeating: 0x0D)
        var index = start
        while index &+ 16 <= end {
            let chunk = base.lanes(at: index)
            let found = ByteLanes.beforeFirst((chunk .== lineFeed) .| (chunk .== carriageReturn))
            if found < 16 { return index &+ found }
            index &+= 16
        }
        while index < end {
            if base.byte(at: index) == 0x0A || base.byte(at: index) == 0x0D { return index }
            index &+= 1
        }
        return end
    }

    /// The first index in `start..<end` that a JSON string cannot pass over: a quote, a backslash, a control character.
    @inlinable @inline(__always)
    public static func plainEnd(_ base: UnsafeRawPointer, from start: Int, to end: Int) -> Int {
        // With its second bit turned a quote is what a space was, and a space is more: one comparison finds it and all controls.
        let turn = SIMD16<UInt8>(repeating: 0x02)
        let space = SIMD16<UInt8>(repeating: 0x20)
        let backslash = SIMD16<UInt8>(repeating: 0x5C)
        var index = start
        while index &+ 16 <= end {
            let chunk = base.lanes(at: index)
            let found = ByteLanes.beforeFirst(((chunk ^ turn) .<= space) .| (chunk .== backslash))
            if found < 16 { return index &+ found }
            index &+= 16
            // Past a first chunk the text is long: two at a time, until one of them holds the end.
            while index &+ 32 <= end {
                let first = base.lanes(at: index)
                let second = base.lanes(at: index &+ 16)
                let hit =
                    ((first ^ turn) .<= space) .| (first .== backslash) .| ((second ^ turn) .<= space) .| (second .== backslash)
                let halves = unsafeBitCast(hit, to: SIMD2<UInt64>.self)
                if halves[0] | halves[1] != 0 { break }
                index &+= 32
            }
        }
        while index < end {
            let byte = base.byte(at: index)
            if byte == 0x22 || byte == 0x5C || byte < 0x20 { return index }
            index &+= 1
        }
        return end
    }

    /// The first index in `start..<end` that holds a quote or a backslash; `end` when none does. Quick with long texts.
    @inlinable @inline(__always)
    public static func quoteOrEscape(_ base: UnsafeRawPointer, from start: Int, to end: Int) -> Int {
        let quote = SIMD16<UInt8>(repeating: 0x22)
        let backslash = SIMD16<UInt8>(repeating: 0x5C)
        var index = start
        while index &+ 16 <= end {
            let chunk = base.lanes(at: index)
            let found = ByteLanes.beforeFirst((chunk .== quote) .| (chunk .== backslash))
            if found < 16 { return index &+ found }
            index &+= 16
            // Past a first chunk the text is long: two at a time, until one of them holds the end.
            while index &+ 32 <= end {
                let first = base.lanes(at: index)
                let second = base.lanes(at: index &+ 16)
                let hit = (first .== quote) .| (first .== backslash) .| (second .== quote) .| (second .== backslash)
                let halves = unsafeBitCast(hit, to: SIMD2<UInt64>.self)
                if halves[0] | halves[1] != 0 { break }
                index &+= 32
            }
        }
        while index < end {
            let byte = base.byte(at: index)
            if byte == 0x22 || byte == 0x5C { return index }
            index &+= 1
        }
        return end
    }

    /// The first index in `start..<end` that holds a quote, a brace or a bracket; `end` when none does.
    @inlinable @inline(__always)
    public static func structure(_ base: UnsafeRawPointer, from start: Int, to end: Int) -> Int {
        let quote = SIMD16<UInt8>(repeating: 0x22)
        let opening = SIMD16<UInt8>(repeating: 0x7B)
        let closing = SIMD16<UInt8>(repeating: 0x7D)
        // Sets the one bit in which a bracket differs from its brace.
        let bit = SIMD16<UInt8>(repeating: 0x20)
        var index = start
        while index &+ 16 <= end {
            let chunk = base.lanes(at: index)
            let folded = chunk | bit
            let found = ByteLanes.beforeFirst((chunk .== quote) .| (folded .== opening) .| (folded .== closing))
            if found < 16 { return index &+ found }
            index &+= 16
        }
        while index < end {
            let byte = base.byte(at: index)
            if byte == 0x22 || byte | 0x20 == 0x7B || byte | 0x20 == 0x7D { return index }
            index &+= 1
        }
        return end
    }

    /// The first index in `start..<end` that holds a backslash or what is not ASCII; `end` when none does.
    @inlinable @inline(__always)
    public static func simpleEnd(_ base: UnsafeRawPointer, from start: Int, to end: Int) -> Int {
        let backslash = SIMD16<UInt8>(repeating: 0x5C)
        let ascii = SIMD16<UInt8>(repeating: 0x7F)
        var index = start
        while index &+ 16 <= end {
            let chunk = base.lanes(at: index)
            let found = ByteLanes.beforeFirst((chunk .== backslash) .| (chunk .> ascii))
            if found < 16 { return index &+ found }
            index &+= 16
        }
        while index < end {
            if base.byte(at: index) == 0x5C || base.byte(at: index) >= 0x80 { return index }
            index &+= 1
        }
        return end
    }

    /// The first index in `start..<end` where a quote is before `a`, `b` or `c`. JSON keys are found by it: inside a string
    /// every quote has a backslash before it, so hits are few.
    @inlinable @inline(__always)
    public static func quoted(
        _ base: UnsafeRawPointer, from start: Int, to end: Int, _ a: UInt8, _ b: UInt8, _ c: UInt8
    ) -> Int {
        let quote = SIMD16<UInt8>(repeating: 0x22)
        let first = SIMD16<UInt8>(repeating: a)
        let second = SIMD16<UInt8>(repeating: b)
        let third = SIMD16<UInt8>(repeating: c)
        var index = start
        while index &+ 17 <= end {
            let next = base.lanes(at: index &+ 1)
            let hit = (base.lanes(at: index) .== quote) .& ((next .== first) .| (next .== second) .| (next .== third))
            let found = ByteLanes.beforeFirst(hit)
            if found < 16 { return index &+ found }
            index &+= 16
            // Text has few quotes: two at a time, until one of them holds one.
            while index &+ 32 <= end {
                let quotes = (base.lanes(at: index) .== quote) .| (base.lanes(at: index &+ 16) .== quote)
                let halves = unsafeBitCast(quotes, to: SIMD2<UInt64>.self)
                if halves[0] | halves[1] != 0 { break }
                index &+= 32
            }
        }
        while index &+ 1 < end {
            if base.byte(at: index) == 0x22 {
                let next = base.byte(at: index &+ 1)
                if next == a || next == b || next == c { return index }
            }
            index &+= 1
        }
        return end
    }

    /// Whether `text` is at `index`.
    @inlinable @inline(__always)
    public static func has(_ text: StaticString, _ base: UnsafeRawPointer, at index: Int, to end: Int) -> Bool {
        let count = text.utf8CodeUnitCount
        return end &- index >= count && same(UnsafeRawPointer(text.utf8Start), base + index, count)
    }

    /// Whether the first `count` bytes of both are the same.
    @inlinable @inline(__always)
    public static func same(_ left: UnsafeRawPointer, _ right: UnsafeRawPointer, _ count: Int) -> Bool {
        var offset = 0
        while offset &+ 8 <= count {
            let word = left.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            if right.loadUnaligned(fromByteOffset: offset, as: UInt64.self) != word { return false }
            offset &+= 8
        }
        while offset < count {
            if right.load(fromByteOffset: offset, as: UInt8.self) != left.load(fromByteOffset: offset, as: UInt8.self) {
                return false
            }
            offset &+= 1
        }
        return true
    }

    /// Whether ASCII `needle` (given in lower case) is anywhere in `hay`, upper and lower case alike.
    public static func contains(_ needle: StaticString, in hay: UnsafeRawBufferPointer) -> Bool {
        firstIndex(of: needle, in: hay, from: 0) != nil
    }

    /// Where ASCII `needle` (given in lower case) first is in `hay`, upper and lower case alike.
    public static func firstIndex(of needle: StaticString, in hay: UnsafeRawBufferPointer, from start: Int) -> Int? {
        let count = needle.utf8CodeUnitCount
        guard count > 0, hay.count - start >= count else { return nil }
        let wanted = needle.utf8Start
        var index = start
        // A needle that begins with a quote is looked for by its first two bytes.
        let isQuoted = count > 1 && wanted[0] == 0x22
        let upper = isQuoted && wanted[1] &- 0x61 < 26 ? wanted[1] &- 0x20 : isQuoted ? wanted[1] : 0
        while index &+ count <= hay.count {
            if isQuoted, let base = hay.baseAddress {
                index = quoted(base, from: index, to: hay.count, wanted[1], upper, upper)
                guard index &+ count <= hay.count else { return nil }
            }
            var offset = 0
            while offset < count, ASCII.lowercased(hay[index &+ offset]) == wanted[offset] { offset &+= 1 }
            if offset == count { return index }
            index &+= 1
        }
        return nil
    }
}

extension UnsafeRawBufferPointer {
    /// The part of this buffer in `range`, cut to what there is.
    @inlinable @inline(__always)
    public func slice(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        let lower = Swift.min(Swift.max(range.lowerBound, 0), count)
        let upper = Swift.min(Swift.max(range.upperBound, lower), count)
        return UnsafeRawBufferPointer(rebasing: self[lower..<upper])
    }

    /// These bytes without the byte order mark that some servers write before their JSON, and its readers may ignore (RFC 8259 8.1).
    @inlinable @inline(__always)
    public var withoutMark: UnsafeRawBufferPointer {
        count >= 3 && self[0] == 0xEF && self[1] == 0xBB && self[2] == 0xBF ? slice(3..<count) : self
    }

    /// Whether these bytes are exactly `text`.
    @inlinable @inline(__always)
    public func equals(_ text: StaticString) -> Bool {
        guard count == text.utf8CodeUnitCount, let base = baseAddress else { return count == text.utf8CodeUnitCount }
        return ByteSearch.has(text, base, at: 0, to: count)
    }

    /// Whether these bytes begin with `text`.
    @inlinable @inline(__always)
    public func starts(_ text: StaticString) -> Bool {
        guard let base = baseAddress else { return text.utf8CodeUnitCount == 0 }
        return ByteSearch.has(text, base, at: 0, to: count)
    }
}
