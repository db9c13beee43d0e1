/// Finding bytes sixteen at a time. Every function stays inside the buffer it is given.
@usableFromInline
enum ByteSearch {
    /// The lanes of a comparison that hold, as the index of the first one; nil when none does.
    @inline(__always)
    static func firstLane(_ mask: SIMDMask<SIMD16<Int8>>) -> Int? {
        let halves = unsafeBitCast(mask, to: SIMD2<UInt64>.self)
        if halves[0] != 0 { return halves[0].trailingZeroBitCount &>> 3 }
        if halves[1] != 0 { return 8 &+ (halves[1].trailingZeroBitCount &>> 3) }
        return nil
    }

    /// The first index in `start..<end` that holds LF or CR; `end` when none does.
    @inline(__always)
    static func lineEnd(_ base: UnsafeRawPointer, from start: Int, to end: Int) -> Int {
        var index = start
        while index &+ 16 <= end {
            let chunk = base.loadUnaligned(fromByteOffset: index, as: SIMD16<UInt8>.self)
            if let lane = firstLane((chunk .== 0x0A) .| (chunk .== 0x0D)) { return index &+ lane }
            index &+= 16
        }
        while index < end {
            let byte = base.load(fromByteOffset: index, as: UInt8.self)
            if byte == 0x0A || byte == 0x0D { return index }
            index &+= 1
        }
        return end
    }

    /// The first index in `start..<end` that a JSON string cannot pass over: a quote, a backslash, a control character.
    @inline(__always)
    static func plainEnd(_ base: UnsafeRawPointer, from start: Int, to end: Int) -> Int {
        var index = start
        while index &+ 16 <= end {
            let chunk = base.loadUnaligned(fromByteOffset: index, as: SIMD16<UInt8>.self)
            if let lane = firstLane((chunk .== 0x22) .| (chunk .== 0x5C) .| (chunk .< 0x20)) { return index &+ lane }
            index &+= 16
        }
        while index < end {
            let byte = base.load(fromByteOffset: index, as: UInt8.self)
            if byte == 0x22 || byte == 0x5C || byte < 0x20 { return index }
            index &+= 1
        }
        return end
    }

    /// The first index in `start..<end` that a JSON writer must look at: as `plainEnd`, and whatever is not ASCII.
    @inline(__always)
    static func plainASCIIEnd(_ base: UnsafeRawPointer, from start: Int, to end: Int) -> Int {
        var index = start
        while index &+ 16 <= end {
            let chunk = base.loadUnaligned(fromByteOffset: index, as: SIMD16<UInt8>.self)
            let special = (chunk .== 0x22) .| (chunk .== 0x5C) .| (chunk .< 0x20) .| (chunk .>= 0x80)
            if let lane = firstLane(special) { return index &+ lane }
            index &+= 16
        }
        while index < end {
            let byte = base.load(fromByteOffset: index, as: UInt8.self)
            if byte == 0x22 || byte == 0x5C || byte < 0x20 || byte >= 0x80 { return index }
            index &+= 1
        }
        return end
    }

    /// The first index in `start..<end` where one of up to three two-byte openings stands: a quote, then `a`, `b` or `c`.
    /// JSON keys are found by it: inside a string every quote has a backslash before it, so hits are few.
    @inline(__always)
    static func quoted(
        _ base: UnsafeRawPointer, from start: Int, to end: Int, _ a: UInt8, _ b: UInt8, _ c: UInt8
    ) -> Int {
        var index = start
        while index &+ 17 <= end {
            let chunk = base.loadUnaligned(fromByteOffset: index, as: SIMD16<UInt8>.self)
            let next = base.loadUnaligned(fromByteOffset: index &+ 1, as: SIMD16<UInt8>.self)
            let hit = (chunk .== 0x22) .& ((next .== a) .| (next .== b) .| (next .== c))
            if let lane = firstLane(hit) { return index &+ lane }
            index &+= 16
        }
        while index &+ 1 < end {
            if base.load(fromByteOffset: index, as: UInt8.self) == 0x22 {
                let next = base.load(fromByteOffset: index &+ 1, as: UInt8.self)
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
