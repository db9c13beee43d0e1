/// A value of the Common Expression Language, as it is given to an expression and comes out of one.
public indirect enum ExpressionValue: Sendable, Hashable {
    case null
    case bool(Bool)
    case int(Int)
    case uint(UInt)
    case double(Double)
    case string(String)
    case bytes([UInt8])
    case list([ExpressionValue])
    /// The entries are in the order they were written in.
    case map([Entry])
    /// Seconds since 1970-01-01T00:00:00Z and nanoseconds within the second; the years 1 to 9999.
    case timestamp(Facts.Timestamp)
    case duration(nanoseconds: Int)
    /// The name of a type.
    case type(String)
    case optional(ExpressionValue?)
    /// An address or a network, as it is written; these only come out.
    case ip(String)
    case cidr(String)

    public struct Entry: Sendable, Hashable {
        public let key: ExpressionValue
        public let value: ExpressionValue

        public init(_ key: ExpressionValue, _ value: ExpressionValue) { (self.key, self.value) = (key, value) }
    }

    /// `2026-02-11T07:00:00Z`; nil when it is none, or not in the years 1 to 9999.
    public static func timestamp(text: String) -> ExpressionValue? {
        TimeText.parse(timestamp: text).map { .timestamp($0) }
    }

    /// `1h30m`, `-1.5s`; nil when it is none, or does not fit.
    public static func duration(text: String) -> ExpressionValue? {
        TimeText.parse(duration: text).map { .duration(nanoseconds: $0) }
    }
}

// MARK: Into an expression and out of one

extension ExpressionValue {
    private static let maximumDepth = 64

    /// nil for what is nested too deep, and for a map that has a key twice or one that cannot be.
    func value(depth: Int) -> CELValue? {
        guard depth <= Self.maximumDepth else { return nil }
        switch self {
        case .null: return .null
        case .bool(let value): return .bool(value)
        case .int(let value): return .int(value)
        case .uint(let value): return .uint(value)
        case .double(let value): return .double(value)
        case .string(let value): return .string(value)
        case .bytes(let value): return .bytes(value)
        case .timestamp(let value):
            return Facts.Timestamp.checked(seconds: value.seconds, nanoseconds: value.nanoseconds).map { .timestamp($0) }
        case .duration(let value): return .duration(value)
        case .type(let name): return .type(name)
        case .ip(let text): return IPAddress(text).map { .ip($0) }
        case .cidr(let text): return IPNetwork(text).map { .cidr($0) }
        case .optional(nil): return .optional(nil)
        case .optional(let inner?): return inner.value(depth: depth + 1).map { .optional($0) }
        case .list(let elements):
            var values: [CELValue] = []
            values.reserveCapacity(elements.count)
            for element in elements {
                guard let value = element.value(depth: depth + 1) else { return nil }
                values.append(value)
            }
            return .list(values)
        case .map(let entries):
            var values: [(key: CELValue, value: CELValue)] = []
            values.reserveCapacity(entries.count)
            for entry in entries {
                guard let key = entry.key.value(depth: depth + 1), let value = entry.value.value(depth: depth + 1) else {
                    return nil
                }
                if case .double = key { return nil }
                values.append((key, value))
            }
            return CELMap(values).map { .map($0) }
        }
    }

    /// Every value costs a step, a long text more.
    init(_ value: CELValue, _ frame: inout Frame) throws(EvaluationError) {
        try frame.charge(1 + value.weight)
        switch value {
        case .null: self = .null
        case .bool(let value): self = .bool(value)
        case .int(let value): self = .int(value)
        case .uint(let value): self = .uint(value)
        case .double(let value): self = .double(value)
        case .string(let value): self = .string(value)
        case .bytes(let value): self = .bytes(value)
        case .timestamp(let value): self = .timestamp(value)
        case .duration(let value): self = .duration(nanoseconds: value)
        case .type(let name): self = .type(name)
        case .ip(let value): self = .ip(value.text)
        case .cidr(let value): self = .cidr(value.text)
        case .optional(nil): self = .optional(nil)
        case .optional(let inner?): self = .optional(try ExpressionValue(inner, &frame))
        case .list(let list):
            var elements: [ExpressionValue] = []
            elements.reserveCapacity(list.count)
            for element in list { elements.append(try ExpressionValue(element, &frame)) }
            self = .list(elements)
        case .map(let map):
            var entries: [Entry] = []
            entries.reserveCapacity(map.count)
            for entry in map.entries {
                entries.append(Entry(try ExpressionValue(entry.key, &frame), try ExpressionValue(entry.value, &frame)))
            }
            self = .map(entries)
        }
    }
}

// MARK: As text

extension ExpressionValue {
    /// The value as an expression would write it: `2u`, `b"\xff"`, `[1, 2.0]`, `duration("1.5s")`.
    public var text: String {
        var result = ""
        write(to: &result)
        return result
    }

    /// `2026-02-11T07:00:00.5Z`, `1.5s`; nil for every other type.
    public var timeText: String? {
        switch self {
        case .timestamp(let time): TimeText.timestamp(time)
        case .duration(let span): TimeText.duration(span)
        default: nil
        }
    }

    private func write(to result: inout String) {
        switch self {
        case .null: result += "null"
        case .bool(let value): result += value ? "true" : "false"
        case .int(let value): result += String(value)
        case .uint(let value): result += "\(value)u"
        case .double(let value):
            result += value.isFinite ? value.description : "double(\(CELValue.quoted(DecimalText.shortest(value))))"
        case .string(let value): result += Self.quoted(value)
        case .bytes(let value): result += Self.quoted(value)
        case .timestamp, .duration:
            let name = if case .timestamp = self { "timestamp" } else { "duration" }
            result += "\(name)(\(Self.quoted(timeText ?? "")))"
        case .type(let name): result += name
        case .ip(let text): result += "ip(\(Self.quoted(text)))"
        case .cidr(let text): result += "cidr(\(Self.quoted(text)))"
        case .optional(nil): result += "optional.none()"
        case .optional(let inner?):
            result += "optional.of("
            inner.write(to: &result)
            result += ")"
        case .list(let elements):
            result += "["
            for (index, element) in elements.enumerated() {
                if index > 0 { result += ", " }
                element.write(to: &result)
            }
            result += "]"
        case .map(let entries):
            result += "{"
            for (index, entry) in entries.enumerated() {
                if index > 0 { result += ", " }
                entry.key.write(to: &result)
                result += ": "
                entry.value.write(to: &result)
            }
            result += "}"
        }
    }

    /// What does not print is escaped: it could steer the reader's terminal.
    private static func quoted(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in CELValue.quoted(text).unicodeScalars {
            if scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value) {
                result.append(contentsOf: "\\u00\(hexadecimal(scalar.value))".unicodeScalars)
            } else {
                result.append(scalar)
            }
        }
        return String(result)
    }

    private static func quoted(_ bytes: [UInt8]) -> String {
        var result = "b\""
        for byte in bytes {
            switch byte {
            case ascii("\""): result += "\\\""
            case ascii("\\"): result += "\\\\"
            case 0x20...0x7E: result.unicodeScalars.append(Unicode.Scalar(byte))
            default: result += "\\x\(hexadecimal(UInt32(byte)))"
            }
        }
        return result + "\""
    }

    private static func hexadecimal(_ value: UInt32) -> String {
        let digits = String(value, radix: 16)
        return digits.utf8.count < 2 ? "0\(digits)" : digits
    }
}
