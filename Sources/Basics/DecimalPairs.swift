/// Decimal digits, two at a time.
public enum DecimalPairs {
    private static let digits: StaticString =
        """
        00010203040506070809101112131415161718192021222324252627282930313233343536373839\
        40414243444546474849505152535455565758596061626364656667686970717273747576777879\
        8081828384858687888990919293949596979899
        """

    /// Writes a number under 100 as two digits.
    @inline(__always)
    public static func write(_ number: UInt, to place: UnsafeMutableRawPointer) {
        let pair = UnsafeRawPointer(digits.utf8Start).loadUnaligned(
            fromByteOffset: 2 &* Int(truncatingIfNeeded: min(number, 99)), as: UInt16.self)
        place.storeBytes(of: pair, as: UInt16.self)
    }

    /// Writes all digits of a number, the last ones first.
    /// - Parameters:
    ///   - digits: how many it has, by `count`.
    ///   - place: room for as many bytes.
    public static func write(_ number: UInt, digits: Int, to place: UnsafeMutableRawPointer) {
        var left = number
        var end = place + digits
        while left >= 10 {
            let rest = left / 100
            end -= 2
            write(left &- rest &* 100, to: end)
            left = rest
            if left == 0 { return }
        }
        (end - 1).storeBytes(of: UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: left), as: UInt8.self)
    }

    /// How many digits a number has that an `Int` can be too.
    public static func count(_ number: UInt) -> Int {
        var (count, left) = (0, number)
        // Eight digits at a time: most numbers are shorter.
        while left >= 100_000_000 {
            left /= 100_000_000
            count &+= 8
        }
        if left < 10_000 { return count &+ (left < 100 ? (left < 10 ? 1 : 2) : (left < 1_000 ? 3 : 4)) }
        return count &+ (left < 1_000_000 ? (left < 100_000 ? 5 : 6) : (left < 10_000_000 ? 7 : 8))
    }
}
