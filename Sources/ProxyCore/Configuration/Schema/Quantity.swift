/// Numbers with units, read exactly.
enum Quantity {
    enum Failure: Error { case notANumber, noUnit, unknownUnit, tooLarge, notWhole }

    /// `1.5` with `places` 3 is 1500. Digits, at most one point, no sign, no exponent.
    static func decimal(_ text: some StringProtocol, places: Int) throws(Failure) -> Int {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 2, let whole = parts.first, !whole.isEmpty, isDigits(whole) else { throw .notANumber }
        var fraction = ""
        if parts.count == 2 {
            guard !parts[1].isEmpty, isDigits(parts[1]) else { throw .notANumber }
            fraction = String(parts[1])
        }
        while fraction.utf8.count > places {
            guard fraction.removeLast() == "0" else { throw .notWhole }
        }
        fraction += String(repeating: "0", count: places - fraction.utf8.count)
        guard let value = Int(whole + fraction) else { throw .tooLarge }
        return value
    }

    /// A number and one of `units`, in the smallest of them: `32KiB` with `KiB` 1024 is 32768.
    static func withUnit(_ text: String, units: [(name: String, factor: Int)]) throws(Failure) -> Int {
        let number = text.prefix { ("0"..."9").contains($0) || $0 == "." }
        guard !number.isEmpty else { throw .notANumber }
        let unit = text.dropFirst(number.count)
        guard let factor = units.first(where: { $0.name == unit })?.factor else {
            throw unit.isEmpty ? .noUnit : .unknownUnit
        }
        let product = Int128(try decimal(number, places: 6)) * Int128(factor)
        guard product.isMultiple(of: 1_000_000) else { throw .notWhole }
        guard let value = Int(exactly: product / 1_000_000) else { throw .tooLarge }
        return value
    }

    /// What `1m30s` or `5 s` stands for elsewhere; nil for what is no duration there either.
    static func sum(_ text: String) -> Duration? {
        var rest = text[...]
        var total = 0
        while !rest.isEmpty {
            let number = rest.prefix { ("0"..."9").contains($0) || $0 == "." }
            let behind = rest.dropFirst(number.count).drop { $0 == " " }
            let unit = behind.prefix { $0.isLetter }
            guard let part = try? withUnit("\(number)\(unit)", units: durations) else { return nil }
            let (sum, overflow) = total.addingReportingOverflow(part)
            guard !overflow else { return nil }
            total = sum
            rest = behind.dropFirst(unit.count).drop { $0 == " " }
        }
        return total == 0 ? nil : .nanoseconds(total)
    }

    private static func isDigits(_ text: some StringProtocol) -> Bool {
        text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }
}

extension Quantity {
    static let durations: [(name: String, factor: Int)] = [
        ("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000), ("h", 3_600_000_000_000), ("d", 86_400_000_000_000),
    ]
    static let sizes: [(name: String, factor: Int)] = [
        ("B", 1), ("KB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30),
    ]
    static let counts: [(name: String, factor: Int)] = [("", 1), ("k", 1_000), ("M", 1_000_000), ("G", 1_000_000_000)]

    /// `5m`, `1500ms`: the largest unit that says it whole.
    static func text(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        let (nanoseconds, overflow) = Int(clamping: seconds).multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return "\(seconds)s" }
        let total = nanoseconds &+ Int(attoseconds / 1_000_000_000)
        guard total != 0, let unit = durations.last(where: { total.isMultiple(of: $0.factor) }) else {
            return total == 0 ? "0s" : "\(duration)"
        }
        return "\(total / unit.factor)\(unit.name)"
    }

    /// `1.5` for 1500 with `places` 3.
    static func text(_ value: Int, places: Int) -> String {
        var scale: UInt = 1
        for _ in 0..<places { scale &*= 10 }
        var (whole, fraction) = value.magnitude.quotientAndRemainder(dividingBy: max(scale, 1))
        let sign = value < 0 ? "-" : ""
        guard fraction > 0 else { return sign + String(whole) }
        while fraction.isMultiple(of: 10) { (fraction, scale) = (fraction / 10, scale / 10) }
        // The scale in front keeps the zeroes behind the point.
        return "\(sign)\(whole).\(String(scale + fraction).dropFirst())"
    }

    /// `32MiB`, `100B`.
    static func text(bytes: Int) -> String {
        let unit = [sizes[6], sizes[5], sizes[4]].first { bytes != 0 && bytes.isMultiple(of: $0.factor) } ?? sizes[0]
        return "\(bytes / unit.factor)\(unit.name)"
    }
}
