/// Looking at many bytes at once. Every function stays below `end`; callers give `start <= end`.
enum ByteScan {
    /// Sixteen bytes.
    typealias Lanes = SIMD16<UInt8>

    /// The number of lanes before the first that is set; 16 if none is.
    @inline(__always)
    static func lanesBeforeFirst(_ mask: SIMDMask<SIMD16<Int8>>) -> Int {
        let halves = unsafeBitCast(mask, to: SIMD2<UInt64>.self)
        if halves[0] != 0 { return halves[0].trailingZeroBitCount &>> 3 }
        if halves[1] != 0 { return 8 &+ halves[1].trailingZeroBitCount &>> 3 }
        return 16
    }

    /// The same byte in every lane. (The operators between a vector and a scalar are compiled lane by lane, thirty times slower
    /// than those between two vectors.)
    @inline(__always)
    static func all(_ byte: UInt8) -> Lanes { Lanes(repeating: byte) }

    /// The first `wanted` byte, or `end`.
    @inline(__always)
    static func firstIndex(of wanted: UInt8, _ base: UnsafeRawPointer, from start: Int, to end: Int) -> Int {
        var index = start
        while index &+ 16 <= end {
            let found = lanesBeforeFirst(base.lanes(at: index) .== all(wanted))
            if found < 16 { return index &+ found }
            index &+= 16
        }
        while index < end, base.byte(at: index) != wanted { index &+= 1 }
        return index
    }

    /// The first control character other than a tab, or `end`. Where a field value, a reason phrase or an extension ends.
    @inline(__always)
    static func firstControl(_ base: UnsafeRawPointer, from start: Int, to end: Int) -> Int {
        var index = start
        while index &+ 16 <= end {
            let bytes = base.lanes(at: index)
            let controls = ((bytes .< all(0x20)) .& (bytes .!= all(HTTPByte.tab))) .| (bytes .== all(HTTPByte.delete))
            let found = lanesBeforeFirst(controls)
            if found < 16 { return index &+ found }
            index &+= 16
        }
        while index < end, !isControl(base.byte(at: index)) { index &+= 1 }
        return index
    }

    /// The first byte that a request target cannot hold, or `end`: controls, white space, `#`, DEL, and everything beyond HTTPByte.
    @inline(__always)
    static func firstNonTarget(_ base: UnsafeRawPointer, from start: Int, to end: Int) -> Int {
        var index = start
        while index &+ 16 <= end {
            let bytes = base.lanes(at: index)
            let found = lanesBeforeFirst(
                (bytes .<= all(0x20)) .| (bytes .>= all(HTTPByte.delete)) .| (bytes .== all(HTTPByte.hash)))
            if found < 16 { return index &+ found }
            index &+= 16
        }
        while index < end {
            let byte = base.byte(at: index)
            if byte <= 0x20 || byte >= HTTPByte.delete || byte == HTTPByte.hash { break }
            index &+= 1
        }
        return index
    }

    /// The first byte that is no token character, or `end`.
    @inline(__always)
    static func firstNonToken(_ base: UnsafeRawPointer, from start: Int, to end: Int) -> Int {
        var index = start
        while index &+ 16 <= end {
            // Letters, digits and hyphens are what names are made of; the rarer characters are looked up one by one.
            let bytes = base.lanes(at: index)
            let letters = ((bytes | all(0x20)) &- all(0x61)) .< all(26)
            let digits = (bytes &- all(0x30)) .< all(10)
            let found = lanesBeforeFirst(.!(letters .| digits .| (bytes .== all(HTTPByte.hyphen))))
            index &+= found
            if found == 16 { continue }
            let byte = base.byte(at: index)
            if byte == HTTPByte.colon || !isToken(byte) { return index }
            index &+= 1
        }
        while index < end, isToken(base.byte(at: index)) { index &+= 1 }
        return index
    }

    /// Whether a field value must not hold this byte.
    @inline(__always)
    static func isControl(_ byte: UInt8) -> Bool {
        (byte < 0x20 && byte != HTTPByte.tab) || byte == HTTPByte.delete
    }

    /// Whether this is optional white space.
    @inline(__always)
    static func isBlank(_ byte: UInt8) -> Bool {
        byte == HTTPByte.space || byte == HTTPByte.tab
    }

    /// `tchar` of RFC 9110 §5.6.2.
    @inline(__always)
    static func isToken(_ byte: UInt8) -> Bool {
        // One bit per character: ! # $ % & ' * + - . 0-9, then A-Z ^ _ ` a-z | ~
        let low: UInt64 = 0x03ff_6cfa_0000_0000
        let high: UInt64 = 0x57ff_ffff_c7ff_fffe
        guard byte < 0x80 else { return false }
        return ((byte < 0x40 ? low : high) &>> UInt64(byte & 0x3f)) & 1 == 1
    }

    /// Whether the bytes at `pointer`, at least as many as `text` has, are `text`.
    @inline(__always)
    static func isExactly(_ pointer: UnsafeRawPointer, _ text: StaticString) -> Bool {
        matches(pointer, text, ignoring: 0)
    }

    /// Whether the token characters at `pointer`, at least as many as `text` has, spell `text` in any case.
    /// `text` is lower case and made of letters, digits and hyphens.
    @inline(__always)
    static func isSpelled(_ pointer: UnsafeRawPointer, _ text: StaticString) -> Bool {
        matches(pointer, text, ignoring: 0x2020_2020_2020_2020)
    }

    /// Compares word by word; the last word overlaps the one before it. With a literal for `text` this is straight-line code.
    @inline(__always)
    private static func matches(_ pointer: UnsafeRawPointer, _ text: StaticString, ignoring bits: UInt64) -> Bool {
        let count = text.utf8CodeUnitCount
        let wanted = UnsafeRawPointer(text.utf8Start)
        if count >= 8 {
            var index = 0
            while index &+ 8 <= count {
                if differs(pointer, wanted, at: index, UInt64.self, bits) { return false }
                index &+= 8
            }
            return !differs(pointer, wanted, at: count &- 8, UInt64.self, bits)
        }
        if count >= 4 {
            return !differs(pointer, wanted, at: 0, UInt32.self, bits)
                && !differs(pointer, wanted, at: count &- 4, UInt32.self, bits)
        }
        var index = 0
        while index < count {
            if differs(pointer, wanted, at: index, UInt8.self, bits) { return false }
            index &+= 1
        }
        return true
    }

    @inline(__always)
    private static func differs<Word: FixedWidthInteger & BitwiseCopyable>(
        _ pointer: UnsafeRawPointer, _ wanted: UnsafeRawPointer, at index: Int, _: Word.Type, _ bits: UInt64
    ) -> Bool {
        let given = pointer.loadUnaligned(fromByteOffset: index, as: Word.self) | Word(truncatingIfNeeded: bits)
        return given != wanted.loadUnaligned(fromByteOffset: index, as: Word.self)
    }
}

extension UnsafeRawPointer {
    @inline(__always)
    func lanes(at index: Int) -> ByteScan.Lanes {
        loadUnaligned(fromByteOffset: index, as: ByteScan.Lanes.self)
    }

    @inline(__always)
    func byte(at index: Int) -> UInt8 {
        load(fromByteOffset: index, as: UInt8.self)
    }
}
