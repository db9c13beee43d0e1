/// `int(x)`, `string(x)`, `type(x)` and the like.
extension FunctionLibrary {
    static let conversions: [Function] = [
        Function("int", globals([.int, .uint, .double, .string, .timestamp, .duration], .int), .unary(toInt)),
        Function("uint", globals([.int, .uint, .double, .string], .uint), .unary(toUInt)),
        Function("double", globals([.int, .uint, .double, .string], .double), .unary(toDouble)),
        Function("bool", globals([.bool, .string], .bool), .unary(toBool)),
        Function(
            "string", globals([.bool, .int, .uint, .double, .string, .bytes, .timestamp, .duration, .ip, .cidr], .string),
            .unary(toString)),
        Function("bytes", globals([.bytes, .string], .bytes), .unary(toBytes)),
        Function("timestamp", globals([.timestamp, .string, .int], .timestamp), .unary(toTimestamp)),
        Function("duration", globals([.duration, .string], .duration), .unary(toDuration)),
        Function("type", [.global([.a], .type)], .unary { value, _ in .type(value.typeName) }),
        Function("dyn", [.global([.a], .dyn)], .unary { value, _ in value }),
    ]

    private static func globals(_ types: [CELType], _ result: CELType) -> [Overload] { types.map { .global([$0], result) } }

    private static func toInt(_ value: CELValue, _ frame: inout Frame) throws(EvaluationError) -> CELValue {
        try frame.charge(value.weight)
        let result: Int?
        switch value {
        case .int: return value
        case .uint(let uint): result = Int(exactly: uint)
        case .double(let double):
            // Both ends are excluded: past 2^53 a double no longer says which integer was meant.
            result = double > -0x1p63 && double < 0x1p63 ? Int(exactly: double.rounded(.towardZero)) : nil
        case .string(let text): result = Int(text)
        case .timestamp(let time): result = time.seconds
        case .duration(let span): result = span / 1_000_000_000
        default: throw .noOverload("int", value)
        }
        guard let result else { throw .failed("\(value.shown) is no int") }
        return .int(result)
    }

    private static func toUInt(_ value: CELValue, _ frame: inout Frame) throws(EvaluationError) -> CELValue {
        try frame.charge(value.weight)
        let result: UInt?
        switch value {
        case .uint: return value
        case .int(let int): result = UInt(exactly: int)
        case .double(let double): result = double >= 0 && double < 0x1p64 ? UInt(exactly: double.rounded(.towardZero)) : nil
        case .string(let text): result = UInt(text)
        default: throw .noOverload("uint", value)
        }
        guard let result else { throw .failed("\(value.shown) is no uint") }
        return .uint(result)
    }

    private static func toDouble(_ value: CELValue, _ frame: inout Frame) throws(EvaluationError) -> CELValue {
        try frame.charge(value.weight)
        switch value {
        case .double: return value
        case .int(let int): return .double(Double(int))
        case .uint(let uint): return .double(Double(uint))
        case .string(let text):
            guard let double = parse(double: text) else { throw .failed("\(value.shown) is no double") }
            return .double(double)
        default: throw .noOverload("double", value)
        }
    }

    /// Decimal only: Swift's own reads hexadecimal and `nan(0x1)` too.
    private static func parse(double text: String) -> Double? {
        switch text {
        case "NaN", "nan": return .nan
        case "Infinity", "+Infinity", "inf", "+inf", "Inf", "+Inf": return .infinity
        case "-Infinity", "-inf", "-Inf": return -.infinity
        default: break
        }
        let isDecimal = text.utf8.allSatisfy { $0.isDigit || "+-.eE".utf8.contains($0) }
        guard isDecimal, let value = Double(text), value.isFinite else { return nil }
        return value
    }

    private static func toBool(_ value: CELValue, _ frame: inout Frame) throws(EvaluationError) -> CELValue {
        switch value {
        case .bool: return value
        case .string("true"), .string("True"), .string("TRUE"), .string("t"), .string("1"): return .bool(true)
        case .string("false"), .string("False"), .string("FALSE"), .string("f"), .string("0"): return .bool(false)
        case .string: throw .failed("\(value.shown) is no bool")
        default: throw .noOverload("bool", value)
        }
    }

    private static func toString(_ value: CELValue, _ frame: inout Frame) throws(EvaluationError) -> CELValue {
        switch value {
        case .string: return value
        case .bool(let bool): return .string(bool ? "true" : "false")
        case .int(let int): return .string(String(int))
        case .uint(let uint): return .string(String(uint))
        case .double(let double): return .string(DecimalText.shortest(double))
        case .bytes(let bytes):
            try frame.charge(bytes.count / 32)
            guard let text = String(validating: bytes, as: UTF8.self) else { throw .failed("the bytes are not valid UTF-8") }
            return .string(text)
        case .timestamp(let time): return .string(TimeText.timestamp(time))
        case .duration(let span): return .string(TimeText.duration(span))
        case .ip(let ip): return .string(ip.text)
        case .cidr(let network): return .string(network.text)
        default: throw .noOverload("string", value)
        }
    }

    private static func toBytes(_ value: CELValue, _ frame: inout Frame) throws(EvaluationError) -> CELValue {
        switch value {
        case .bytes: return value
        case .string(let text):
            try frame.charge(text.utf8.count / 32)
            return .bytes(Array(text.utf8))
        default: throw .noOverload("bytes", value)
        }
    }

    private static func toTimestamp(_ value: CELValue, _ frame: inout Frame) throws(EvaluationError) -> CELValue {
        try frame.charge(value.weight)
        let time: Facts.Timestamp?
        switch value {
        case .timestamp: return value
        case .int(let seconds): time = Facts.Timestamp.checked(seconds: seconds, nanoseconds: 0)
        case .string(let text): time = TimeText.parse(timestamp: text)
        default: throw .noOverload("timestamp", value)
        }
        guard let time else { throw .failed("\(value.shown) is no timestamp; write \"2026-01-31T12:00:00Z\"") }
        return .timestamp(time)
    }

    private static func toDuration(_ value: CELValue, _ frame: inout Frame) throws(EvaluationError) -> CELValue {
        try frame.charge(value.weight)
        switch value {
        case .duration: return value
        case .string(let text):
            guard let span = TimeText.parse(duration: text) else {
                throw .failed("\(value.shown) is no duration; write \"1h30m\", with h, m, s, ms, us, ns")
            }
            return .duration(span)
        default: throw .noOverload("duration", value)
        }
    }
}
