import Basics

extension Schema.Kind where Value == Duration {
    /// `500ms`, `30s`, `5m`, `1h`, `7d`.
    static func duration(_ bounds: ClosedRange<Duration> = .milliseconds(1)...(.seconds(7 * 86_400))) -> Self {
        scalar(
            Schema.Scalar(
                noun: "duration", pattern: durationPattern, bounds: text(bounds), shown: Schema.Shown.duration)
        ) { text throws(Schema.Problem) in try read(text, bounds) }
    }

    /// How long something is kept: a duration, or `0` for not at all.
    static func period(upTo most: Duration) -> Self {
        let bounds = .seconds(1)...most
        return scalar(
            Schema.Scalar(
                noun: "duration", json: [.string, .integer], least: 0, most: 0, pattern: "0|" + durationPattern,
                bounds: "0, or " + text(bounds),
                shown: { $0 == "0" ? .literal("0") : Schema.Shown.duration($0) })
        ) { text throws(Schema.Problem) in text.value == "0" ? .zero : try read(text, bounds) }
    }

    private static var durationPattern: String { Schema.Pattern.duration }

    private static func text(_ bounds: ClosedRange<Duration>) -> String {
        "\(Quantity.text(bounds.lowerBound))–\(Quantity.text(bounds.upperBound))"
    }

    private static func read(_ text: Schema.Text, _ bounds: ClosedRange<Duration>) throws(Schema.Problem) -> Duration {
        let units = "write 500ms, 30s, 5m, 1h or 7d"
        let nanoseconds: Int
        do throws(Quantity.Failure) {
            nanoseconds = try Quantity.withUnit(text.value, units: Quantity.durations)
        } catch {
            switch error {
            case .noUnit: throw Schema.Problem("\(text.shown) has no unit; \(units)")
            case .unknownUnit:
                if !text.holdsReference, let whole = Quantity.sum(text.value) {
                    throw Schema.Problem("\(text.shown) is not one number with one unit; write \(Quantity.text(whole))")
                }
                throw Schema.Problem("\(text.shown) has a unit that is not known; the units are ms, s, m, h, d")
            case .tooLarge: throw Schema.Problem("\(text.shown) is too long")
            case .notANumber, .notWhole: throw Schema.Problem("\(text.shown) is not a duration; \(units)")
            }
        }
        let duration = Duration.nanoseconds(nanoseconds)
        guard bounds.contains(duration) else { throw Schema.Problem("\(text.shown) is outside \(Self.text(bounds))") }
        return duration
    }
}

extension Schema.Kind where Value == Int {
    /// Bytes: `32KiB`, `10MB`; a bare number is bytes.
    /// - Parameter advice: what may be meant by what is none.
    static func size(_ bounds: ClosedRange<Int>, else advice: String = "") -> Self {
        scalar(
            Schema.Scalar(
                noun: "size", json: [.string, .integer], least: bounds.lowerBound, most: bounds.upperBound,
                pattern: Schema.Pattern.size,
                bounds: "\(Quantity.text(bytes: bounds.lowerBound))–\(Quantity.text(bytes: bounds.upperBound))",
                shown: { Schema.Shown.number($0, units: Quantity.sizes + [("", 1)]) })
        ) { text throws(Schema.Problem) in
            guard let bytes = try? Quantity.withUnit(text.value, units: Quantity.sizes + [("", 1)]) else {
                let units = "B, KB, MB, GB, KiB, MiB, GiB"
                throw Schema.Problem("\(text.shown) is not a size; write 32KiB or 10MB (units: \(units))\(advice)")
            }
            guard bounds.contains(bytes) else {
                throw Schema.Problem(
                    "\(text.shown) is outside \(Quantity.text(bytes: bounds.lowerBound))–\(Quantity.text(bytes: bounds.upperBound))"
                )
            }
            return bytes
        }
    }

    /// Digits, or `400k`, `20M`.
    static func count(_ bounds: ClosedRange<Int>) -> Self {
        scalar(
            Schema.Scalar(
                noun: "count", json: [.string, .integer], least: bounds.lowerBound, most: bounds.upperBound,
                pattern: Schema.Pattern.count,
                bounds: "\(bounds.lowerBound)–\(bounds.upperBound)", shown: { Schema.Shown.number($0, units: Quantity.counts) })
        ) { text throws(Schema.Problem) in
            guard let count = try? Quantity.withUnit(text.value, units: Quantity.counts) else {
                throw Schema.Problem("\(text.shown) is not a count; write digits, 400k or 20M")
            }
            guard bounds.contains(count) else {
                throw Schema.Problem("\(text.shown) is outside \(bounds.lowerBound)–\(bounds.upperBound)")
            }
            return count
        }
    }

    static func integer(_ bounds: ClosedRange<Int>, noun: String = "whole number") -> Self {
        scalar(
            Schema.Scalar(
                noun: noun, json: [.integer], least: bounds.lowerBound, most: bounds.upperBound, pattern: "[0-9]+",
                bounds: "\(bounds.lowerBound)–\(bounds.upperBound)",
                shown: { Schema.Shown.number($0, units: [("", 1)]) })
        ) { text throws(Schema.Problem) in
            guard let value = try? Quantity.decimal(text.value, places: 0), !text.value.holds(".") else {
                throw Schema.Problem("\(text.shown) is not \(Article.with(noun))")
            }
            guard bounds.contains(value) else {
                throw Schema.Problem("\(text.shown) is outside \(bounds.lowerBound)–\(bounds.upperBound)")
            }
            return value
        }
    }

    /// `200 USD`, in nano-dollars.
    static var money: Self { money(pattern: Schema.Pattern.money, least: 0) }

    /// The same of what somebody has to spend: more than nothing.
    static var fortune: Self { money(pattern: Schema.Pattern.fortune, least: 1) }

    private static func money(pattern: String, least: Int) -> Self {
        scalar(Schema.Scalar(noun: "amount of money", pattern: pattern, shown: Schema.Shown.dollars)) {
            text throws(Schema.Problem) in
            guard text.value.hasSuffix("USD") else {
                if text.value.contains(where: \.isLetter) {
                    let number = text.value.prefix { $0.isNumber || $0 == "." }
                    throw Schema.Problem("\(text.shown) is not in USD; write \(number.isEmpty ? "200" : number) USD")
                }
                throw Schema.Problem("\(text.shown) has no currency; write 200 USD")
            }
            let number = text.value.dropLast(3)
            let digits = number.last == " " ? number.dropLast() : number
            guard let value = try? Quantity.decimal(digits, places: 9) else {
                throw Schema.Problem("\(text.shown) is not an amount of money; write 200 USD, with at most nine decimals")
            }
            guard value >= least else { throw Schema.Problem("\(text.shown) is nothing to spend; write more than 0 USD") }
            return value
        }
    }

    /// USD per million tokens as a plain number, in nano-dollars.
    static var price: Self {
        scalar(
            Schema.Scalar(
                noun: "price", json: [.number], least: 0, most: 1_000_000, pattern: Schema.Pattern.price, bounds: "0–1000000",
                shown: Schema.Shown.dollars)
        ) { text throws(Schema.Problem) in
            guard let value = try? Quantity.decimal(text.value, places: 9), value <= 1_000_000_000_000_000 else {
                throw Schema.Problem(
                    "\(text.shown) is not a price; write USD per million tokens as a number, such as 15 or 0.075")
            }
            return value
        }
    }
}

extension Schema.Kind where Value == Double {
    /// `5%` or `0.05`.
    static var share: Self {
        scalar(
            Schema.Scalar(
                noun: "share", json: [.string, .number], least: 0, most: 1, pattern: Schema.Pattern.share, bounds: "0–100%",
                shown: Schema.Shown.share)
        ) { text throws(Schema.Problem) in
            let isPercent = text.value.hasSuffix("%")
            let number = isPercent ? text.value.dropLast() : text.value[...]
            guard let scaled = try? Quantity.decimal(number, places: 12) else {
                throw Schema.Problem("\(text.shown) is not a share; write 5% or 0.05")
            }
            guard scaled <= (isPercent ? 100 : 1) * 1_000_000_000_000 else {
                throw Schema.Problem("\(text.shown) is more than all; write a share such as 5% or 0.05")
            }
            return Double(scaled) / (isPercent ? 1e14 : 1e12)
        }
    }
}

extension Schema.Kind where Value == Bool {
    static var boolean: Self {
        scalar(
            Schema.Scalar(noun: "true or false", json: [.boolean], pattern: Schema.Pattern.boolean, shown: Schema.Shown.boolean)
        ) {
            text throws(Schema.Problem) in
            switch text.value {
            case "true", "True", "TRUE": return true
            case "false", "False", "FALSE": return false
            case "yes", "Yes", "YES", "on", "On", "ON", "y", "Y":
                throw Schema.Problem("\(text.shown) is neither true nor false; write true")
            case "no", "No", "NO", "off", "Off", "OFF", "n", "N":
                throw Schema.Problem("\(text.shown) is neither true nor false; write false")
            default: throw Schema.Problem("\(text.shown) is neither true nor false")
            }
        }
    }
}
