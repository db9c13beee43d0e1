/// Whether bytes are text, looked at in place.
public enum UTF8Scan {
    /// Where the first byte stands that is no part of UTF-8 as RFC 3629 has it: no overlong forms, no surrogates. Nil for none.
    public static func firstInvalid(in bytes: UnsafeRawBufferPointer) -> Int? {
        guard let base = bytes.baseAddress else { return nil }
        var index = 0
        while true {
            index = beyond(base, from: index, to: bytes.count)
            guard index < bytes.count else { return nil }
            let length = length(base, at: index, to: bytes.count)
            guard length > 0 else { return index }
            index &+= length
        }
    }

    /// The first byte that is not ASCII, from `index` on; `end` where there is none.
    private static func beyond(_ base: UnsafeRawPointer, from index: Int, to end: Int) -> Int {
        var index = index
        let high: UInt64 = 0x8080_8080_8080_8080
        while index &+ 16 <= end {
            let halves = unsafeBitCast(base.lanes(at: index), to: SIMD2<UInt64>.self)
            if (halves[0] | halves[1]) & high != 0 {
                let first = UInt64(littleEndian: halves[0]) & high
                if first != 0 { return index &+ first.trailingZeroBitCount &>> 3 }
                return index &+ 8 &+ (UInt64(littleEndian: halves[1]) & high).trailingZeroBitCount &>> 3
            }
            index &+= 16
            // Past a first chunk the text is mostly ASCII: four at a time, until one of them holds something else.
            while index &+ 64 <= end {
                let front = base.lanes(at: index) | base.lanes(at: index &+ 16)
                let back = base.lanes(at: index &+ 32) | base.lanes(at: index &+ 48)
                let all = unsafeBitCast(front | back, to: SIMD2<UInt64>.self)
                if (all[0] | all[1]) & high != 0 { break }
                index &+= 64
            }
        }
        while index < end, base.byte(at: index) < 0x80 { index &+= 1 }
        return index
    }

    /// How many bytes the character has that begins at `index` with a byte above ASCII; 0 where it is none.
    private static func length(_ base: UnsafeRawPointer, at index: Int, to end: Int) -> Int {
        func isNext(_ offset: Int, _ range: ClosedRange<UInt8> = 0x80...0xBF) -> Bool {
            index &+ offset < end && range.contains(base.byte(at: index &+ offset))
        }
        let first = base.byte(at: index)
        switch first {
        case 0xC2...0xDF: return isNext(1) ? 2 : 0
        case 0xE0...0xEF:
            let second: ClosedRange<UInt8> = first == 0xE0 ? 0xA0...0xBF : first == 0xED ? 0x80...0x9F : 0x80...0xBF
            return isNext(1, second) && isNext(2) ? 3 : 0
        case 0xF0...0xF4:
            let second: ClosedRange<UInt8> = first == 0xF0 ? 0x90...0xBF : first == 0xF4 ? 0x80...0x8F : 0x80...0xBF
            return isNext(1, second) && isNext(2) && isNext(3) ? 4 : 0
        default: return 0
        }
    }
}
