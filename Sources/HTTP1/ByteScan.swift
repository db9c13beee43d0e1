import Basics

/// Looking at many bytes at once. Every function stays below `end`; callers give `start <= end`.
public enum ByteScan {
    /// The first `wanted` byte, or `end`.
    @inlinable @inline(__always)
    public static func firstIndex(of wanted: UInt8, _ base: UnsafeRawPointer, from start: Int, to end: Int) -> Int {
        var index = start
        while index &+ 16 <= end {
            let found = ByteLanes.beforeFirst(base.lanes(at: index) .== ByteLanes.all(wanted))
            if found < 16 { return index &+ found }
            index &+= 16
        }
        while index < end, base.byte(at: index) != wanted { index &+= 1 }
        return index
    }

    /// The first control character other than a tab, or `end`. Where a field value, a reason phrase or an extension ends.
    @inlinable @inline(__always)
    public static func firstControl(_ base: UnsafeRawPointer, from start: Int, to end: Int) -> Int {
        var index = start
        while index &+ 16 <= end {
            let bytes = base.lanes(at: index)
            let controls =
                ((bytes .< ByteLanes.all(0x20)) .& (bytes .!= ByteLanes.all(HTTPByte.tab)))
                .| (bytes .== ByteLanes.all(HTTPByte.delete))
            let found = ByteLanes.beforeFirst(controls)
            if found < 16 { return index &+ found }
            index &+= 16
        }
        while index < end, !isControl(base.byte(at: index)) { index &+= 1 }
        return index
    }

    /// The first byte that a request target cannot hold, or `end`: controls, white space, `#`, DEL, and everything beyond ASCII.
    @inlinable @inline(__always)
    public static func firstNonTarget(_ base: UnsafeRawPointer, from start: Int, to end: Int) -> Int {
        var index = start
        while index &+ 16 <= end {
            let bytes = base.lanes(at: index)
            let found = ByteLanes.beforeFirst(
                (bytes .<= ByteLanes.all(0x20)) .| (bytes .>= ByteLanes.all(HTTPByte.delete))
                    .| (bytes .== ByteLanes.all(HTTPByte.hash)))
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
    @inlinable @inline(__always)
    public static func firstNonToken(_ base: UnsafeRawPointer, from start: Int, to end: Int) -> Int {
        var index = start
        while index &+ 16 <= end {
            // Letters, digits and hyphens are what names are made of; the rarer characters are looked up one by one.
            let bytes = base.lanes(at: index)
            let letters = ((bytes | ByteLanes.all(0x20)) &- ByteLanes.all(0x61)) .< ByteLanes.all(26)
            let digits = (bytes &- ByteLanes.all(0x30)) .< ByteLanes.all(10)
            let found = ByteLanes.beforeFirst(.!(letters .| digits .| (bytes .== ByteLanes.all(HTTPByte.hyphen))))
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
    @inlinable @inline(__always)
    public static func isControl(_ byte: UInt8) -> Bool {
        (byte < 0x20 && byte != HTTPByte.tab) || byte == HTTPByte.delete
    }

    /// Whether this is optional white space.
    @inlinable @inline(__always)
    public static func isBlank(_ byte: UInt8) -> Bool {
        byte == HTTPByte.space || byte == HTTPByte.tab
    }

    /// `tchar` of RFC 9110 §5.6.2.
    @inlinable @inline(__always)
    public static func isToken(_ byte: UInt8) -> Bool {
        // One bit per character: ! # $ % & ' * + - . 0-9, then A-Z ^ _ ` a-z | ~
        let low: UInt64 = 0x03ff_6cfa_0000_0000
        let high: UInt64 = 0x57ff_ffff_c7ff_fffe
        guard byte < 0x80 else { return false }
        return ((byte < 0x40 ? low : high) &>> UInt64(byte & 0x3f)) & 1 == 1
    }

    /// Whether the bytes at `pointer`, at least as many as `text` has, are `text`.
    @inlinable @inline(__always)
    public static func isExactly(_ pointer: UnsafeRawPointer, _ text: StaticString) -> Bool {
        matches(pointer, text, ignoring: 0)
    }

    /// Whether the token characters at `pointer`, at least as many as `text` has, spell `text` in any case.
    /// `text` is lower case and made of letters, digits and hyphens.
    @inlinable @inline(__always)
    public static func isSpelled(_ pointer: UnsafeRawPointer, _ text: StaticString) -> Bool {
        matches(pointer, text, ignoring: 0x2020_2020_2020_2020)
    }

    /// Compares word by word; the last word overlaps the one before it. With a literal for `text` this is straight-line code.
    @inlinable @inline(__always)
    static func matches(_ pointer: UnsafeRawPointer, _ text: StaticString, ignoring bits: UInt64) -> Bool {
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

    @inlinable @inline(__always)
    static func differs<Word: FixedWidthInteger & BitwiseCopyable>(
        _ pointer: UnsafeRawPointer, _ wanted: UnsafeRawPointer, at index: Int, _: Word.Type, _ bits: UInt64
    ) -> Bool {
        let given = pointer.loadUnaligned(fromByteOffset: index, as: Word.self) | Word(truncatingIfNeeded: bits)
        return given != wanted.loadUnaligned(fromByteOffset: index, as: Word.self)
    }
}
