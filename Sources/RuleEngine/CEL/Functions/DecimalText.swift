/// Doubles as decimal text, exactly rounded, without a C library.
enum DecimalText {
    /// The shortest text that reads back as the same number; whole numbers without a point.
    static func shortest(_ value: Double) -> String {
        if let special = special(value) { return special }
        let text = value.description
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }

    /// So many digits after the point; halves go to the even digit.
    static func fixed(_ value: Double, precision: Int) -> String {
        if let special = special(value) { return special }
        var digits = Digits(value.magnitude)
        digits.round(toPlaces: precision)
        let sign = value.sign == .minus ? "-" : ""
        let whole = digits.text(places: digits.point...)
        guard precision > 0 else { return sign + whole }
        return sign + whole + "." + digits.text(places: -precision..<0)
    }

    /// One digit before the point, so many after it, and an exponent of at least two digits.
    static func scientific(_ value: Double, precision: Int) -> String {
        if let special = special(value) { return special }
        var digits = Digits(value.magnitude)
        var exponent = digits.leading
        digits.round(toPlaces: precision - exponent)
        if !digits.isZero, digits.leading != exponent { exponent = digits.leading }
        let sign = value.sign == .minus ? "-" : ""
        let fraction = precision > 0 ? "." + digits.text(places: (exponent - precision)..<exponent) : ""
        let power = String(exponent.magnitude)
        return sign + digits.text(places: exponent..<(exponent + 1)) + fraction
            + (exponent < 0 ? "e-" : "e+") + (power.utf8.count < 2 ? "0" + power : power)
    }

    private static func special(_ value: Double) -> String? {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
        return nil
    }
}

/// Every decimal digit of a double, least first. A finite double has at most 1,075 of them on either side of the point.
private struct Digits {
    private var digits: [UInt8]
    /// How many of them stand after the point.
    private(set) var fraction: Int

    init(_ value: Double) {
        guard value > 0 else {
            (digits, fraction) = ([], 0)
            return
        }
        // value = significand × 2^exponent, and 2^-n = 5^n / 10^n.
        var limbs = [UInt64(value.significandBitPattern) | (value.isNormal ? 1 << 52 : 0)]
        let exponent = Int(max(value.exponentBitPattern, 1)) - 1075
        Digits.spread(&limbs)
        for _ in 0..<exponent.magnitude { Digits.multiply(&limbs, by: exponent > 0 ? 2 : 5) }
        fraction = max(0, -exponent)
        digits = []
        for limb in limbs {
            var rest = limb
            for _ in 0..<9 {
                digits.append(UInt8(truncatingIfNeeded: rest % 10))
                rest /= 10
            }
        }
        while digits.last == 0 { digits.removeLast() }
    }

    private static let base: UInt64 = 1_000_000_000

    /// One number to limbs of nine digits.
    private static func spread(_ limbs: inout [UInt64]) {
        var rest = limbs[0]
        limbs = []
        repeat {
            limbs.append(rest % base)
            rest /= base
        } while rest > 0
    }

    private static func multiply(_ limbs: inout [UInt64], by factor: UInt64) {
        var carry: UInt64 = 0
        for index in limbs.indices {
            let product = limbs[index] * factor + carry
            limbs[index] = product % base
            carry = product / base
        }
        if carry > 0 { limbs.append(carry) }
    }

    var isZero: Bool { digits.isEmpty }

    /// The place of the first digit: 0 for ones, -1 for tenths.
    var leading: Int { digits.isEmpty ? 0 : digits.count - 1 - fraction }

    /// All places from the ones up.
    var point: Int { 0 }

    private func digit(_ place: Int) -> UInt8 {
        let index = place + fraction
        return digits.indices.contains(index) ? digits[index] : 0
    }

    /// Rounds to places from 10^-places up, halves to even.
    mutating func round(toPlaces places: Int) {
        let dropped = fraction - places
        guard dropped > 0 else { return }
        guard dropped <= digits.count else {
            (digits, fraction) = ([], max(places, 0))
            return
        }
        let half = digits[dropped - 1]
        let isTie = half == 5 && !digits[..<(dropped - 1)].contains { $0 != 0 }
        digits.removeFirst(dropped)
        fraction = places
        let isOdd = (digits.first ?? 0) % 2 == 1
        guard half > 5 || (half == 5 && (!isTie || isOdd)) else {
            while digits.last == 0 { digits.removeLast() }
            return
        }
        var index = 0
        while index < digits.count, digits[index] == 9 {
            digits[index] = 0
            index += 1
        }
        if index < digits.count { digits[index] += 1 } else { digits.append(1) }
        while digits.last == 0 { digits.removeLast() }
    }

    func text(places: Range<Int>) -> String {
        String(decoding: places.reversed().map { digit($0) + 0x30 }, as: UTF8.self)
    }

    func text(places: PartialRangeFrom<Int>) -> String {
        text(places: places.lowerBound..<max(places.lowerBound + 1, leading + 1))
    }
}
