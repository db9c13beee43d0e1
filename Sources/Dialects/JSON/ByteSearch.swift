/// Finding bytes sixteen at a time. Every function stays inside the buffer it is given.
///
/// Vectors are compared with vectors, never with a scalar: those comparisons stay generic calls, measured 60 times slower.
enum ByteSearch {
    @inline(__always)
    private static func chunk(_ base: UnsafeRawPointer, _ index: Int) -> SIMD16<UInt8> {
        base.loadUnaligned(fromByteOffset: index, as: SIMD16<UInt8>.self)
    }

    @inline(__always)
    private static func byte(_ base: UnsafeRawPointer, _ index: Int) -> UInt8 { base.load(fromByteOffset: index, as: UInt8.self) }

    /// The first lane of a comparison that holds; nil when none does.
    @inline(__always)
    private static func lane(_ mask: SIMDMask<SIMD16<Int8>>) -> Int? {
        let halves = unsafeBitCast(mask, to: SIMD2<UInt64>.self)
        if halves[0] != 0 { return halves[0].trailingZeroBitCount &>> 3 }
        if halves[1] != 0 { return 8 &+ (halves[1].trailingZeroBitCount &>> 3) }
        return nil
    }

    /// The first index in `start..<end` that holds LF or CR; `end` when none does.
    @inline(__always)
    static func lineEnd(_ base: UnsafeRawPointer, from start: Int, to end: Int) -> Int {
        let lineFeed = SIMD16<UInt8>(repeating: 0x0A)
        let carriageReturn = SIMD16<UInt8>(repeating: 0x0D)
        var index = start
        while index &+ 16 <= end {
            let chunk = chunk(base, index)
            if let lane = lane((chunk .== lineFeed) .| (chunk .== carriageReturn)) { return index &+ lane }
            index &+= 16
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
        let quote = SIMD16<UInt8>(repeating: 0x22)
        let backslash = SIMD16<UInt8>(repeating: 0x5C)
        let space = SIMD16<UInt8>(repeating: 0x20)
        var index = start
        while index &+ 16 <= end {
            let chunk = chunk(base, index)
            if let lane = lane((chunk .== quote) .| (chunk .== backslash) .| (chunk .< space)) { return index &+ lane }
            index &+= 16
            // Past a first chunk the text is long: two at a time, until one of them holds the end.
            while index &+ 32 <= end {
                let first = self.chunk(base, index)
                let second = self.chunk(base, index &+ 16)
                let hit =
                    (first .== quote) .| (first .== backslash) .| (first .< space) .| (second .== quote) .| (second .== backslash)
                    .| (second .< space)
                let halves = unsafeBitCast(hit, to: SIMD2<UInt64>.self)
                if halves[0] | halves[1] != 0 { break }
                index &+= 32
            }
        }
        while index < end {
            let byte = byte(base, index)
            if byte == 0x22 || byte == 0x5C || byte < 0x20 { return index }
            index &+= 1
        }
        return end
    }

    /// The first index in `start..<end` that holds a quote or a backslash; `end` when none does. Quick with long texts.
    @inline(__always)
    static func quoteOrEscape(_ base: UnsafeRawPointer, from start: Int, to end: Int) -> Int {
        let quote = SIMD16<UInt8>(repeating: 0x22)
        let backslash = SIMD16<UInt8>(repeating: 0x5C)
        var index = start
        while index &+ 16 <= end {
            let chunk = chunk(base, index)
            if let lane = lane((chunk .== quote) .| (chunk .== backslash)) { return index &+ lane }
            index &+= 16
            // Past a first chunk the text is long: two at a time, until one of them holds the end.
            while index &+ 32 <= end {
                let first = self.chunk(base, index)
                let second = self.chunk(base, index &+ 16)
                let hit = (first .== quote) .| (first .== backslash) .| (second .== quote) .| (second .== backslash)
                let halves = unsafeBitCast(hit, to: SIMD2<UInt64>.self)
                if halves[0] | halves[1] != 0 { break }
                index &+= 32
            }
        }
        while index < end {
            let byte = byte(base, index)
            if byte == 0x22 || byte == 0x5C { return index }
            index &+= 1
        }
        return end
    }

    /// The first index in `start..<end` that holds a quote, a brace or a bracket; `end` when none does.
    @inline(__always)
    static func structure(_ base: UnsafeRawPointer, from start: Int, to end: Int) -> Int {
        let quote = SIMD16<UInt8>(repeating: 0x22)
        let opening = SIMD16<UInt8>(repeating: 0x7B)
        let closing = SIMD16<UInt8>(repeating: 0x7D)
        // Sets the one bit in which a bracket differs from its brace.
        let bit = SIMD16<UInt8>(repeating: 0x20)
        var index = start
        while index &+ 16 <= end {
            let chunk = chunk(base, index)
            let folded = chunk | bit
            if let lane = lane((chunk .== quote) .| (folded .== opening) .| (folded .== closing)) { return index &+ lane }
            index &+= 16
        }
        while index < end {
            let byte = byte(base, index)
            if byte == 0x22 || byte | 0x20 == 0x7B || byte | 0x20 == 0x7D { return index }
            index &+= 1
        }
        return end
    }

    /// The first index in `start..<end` that holds a backslash or what is not ASCII; `end` when none does.
    @inline(__always)
    static func simpleEnd(_ base: UnsafeRawPointer, from start: Int, to end: Int) -> Int {
        let backslash = SIMD16<UInt8>(repeating: 0x5C)
        let ascii = SIMD16<UInt8>(repeating: 0x7F)
        var index = start
        while index &+ 16 <= end {
            let chunk = chunk(base, index)
            if let lane = lane((chunk .== backslash) .| (chunk .> ascii)) { return index &+ lane }
            index &+= 16
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
        let quote = SIMD16<UInt8>(repeating: 0x22)
        let first = SIMD16<UInt8>(repeating: a)
        let second = SIMD16<UInt8>(repeating: b)
        let third = SIMD16<UInt8>(repeating: c)
        var index = start
        while index &+ 17 <= end {
            let next = chunk(base, index &+ 1)
            let hit = (chunk(base, index) .== quote) .& ((next .== first) .| (next .== second) .| (next .== third))
            if let lane = lane(hit) { return index &+ lane }
            index &+= 16
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
        while offset &+ 8 <= count {
            let word = UnsafeRawPointer(wanted).loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            if base.loadUnaligned(fromByteOffset: index &+ offset, as: UInt64.self) != word { return false }
            offset &+= 8
        }
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
        // A needle that begins with a quote is looked for by its first two bytes.
        let isQuoted = count > 1 && wanted[0] == 0x22
        let upper = isQuoted && wanted[1] &- 0x61 < 26 ? wanted[1] &- 0x20 : isQuoted ? wanted[1] : 0
        while index &+ count <= hay.count {
            if isQuoted, let base = hay.baseAddress {
                index = quoted(base, from: index, to: hay.count, wanted[1], upper, upper)
                guard index &+ count <= hay.count else { return nil }
            }
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
