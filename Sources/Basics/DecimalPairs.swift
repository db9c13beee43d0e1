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

    /// How many digits a number has.
    @inline(__always)
    public static func count(_ number: UInt) -> Int {
        var (count, bound) = (1, UInt(10))
        while number >= bound, count < 19 {
            count &+= 1
            bound &*= 10
        }
        return count
    }
}
