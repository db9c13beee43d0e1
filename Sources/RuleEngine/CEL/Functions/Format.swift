/// `"%s of %d".format([…])`.
extension FunctionLibrary {
    static func format(_ text: CELValue, _ arguments: CELValue, _ frame: inout Frame) throws(EvaluationError) -> CELValue {
        guard case .string(let pattern) = text, case .list(let values) = arguments else {
            throw .noOverload("format", text, arguments)
        }
        var formatter = Formatter(values: values)
        try formatter.run(pattern, &frame)
        return .string(formatter.result)
    }
}

private struct Formatter {
    let values: [CELValue]
    private(set) var result = ""
    private var used = 0

    /// Digits after the point somebody may ask for.
    private static let maxPrecision = 64

    init(values: [CELValue]) { self.values = values }

    mutating func run(_ pattern: String, _ frame: inout Frame) throws(EvaluationError) {
        try frame.charge(pattern.utf8.count / 16)
        let scalars = Array(pattern.unicodeScalars)
        var index = 0
        while index < scalars.count {
            let scalar = scalars[index]
            index += 1
            guard scalar == "%" else {
                result.unicodeScalars.append(scalar)
                continue
            }
            var precision: Int?
            if index < scalars.count, scalars[index] == "." {
                index += 1
                var digits = ""
                while index < scalars.count, ("0"..."9").contains(scalars[index]) {
                    digits.unicodeScalars.append(scalars[index])
                    index += 1
                }
                guard let given = Int(digits), given <= Formatter.maxPrecision else { throw .failed("format: no such precision") }
                precision = given
            }
            guard index < scalars.count else { throw .failed("format: the text ends after '%'") }
            let verb = scalars[index]
            index += 1
            if verb == "%" {
                result += "%"
                continue
            }
            guard values.indices.contains(used) else { throw .failed("format: there is no argument \(used)") }
            let value = values[used]
            used += 1
            try frame.charge(1 + value.weight + Formatter.cost(of: value))
            result += try formatted(value, verb, precision, &frame)
        }
    }

    /// All digits of a double are written out before it is rounded: more of them the farther it is from 1.
    private static func cost(of value: CELValue) -> Int {
        guard case .double(let double) = value, double.isFinite, double != 0 else { return 0 }
        let exponent = Int(double.exponent.magnitude)
        return exponent * exponent / 512
    }

    private func formatted(
        _ value: CELValue, _ verb: Unicode.Scalar, _ precision: Int?, _ frame: inout Frame
    ) throws(EvaluationError) -> String {
        switch (verb, value) {
        case ("s", _): return try Formatter.text(value, &frame)
        case ("d", .int(let int)): return String(int)
        case ("d", .uint(let uint)): return String(uint)
        case ("d", .double(let double)): return DecimalText.shortest(double)
        case ("f", _): return DecimalText.fixed(try number(value, verb), precision: precision ?? 6)
        case ("e", _): return DecimalText.scientific(try number(value, verb), precision: precision ?? 6)
        case ("b", .int(let int)): return String(int, radix: 2)
        case ("b", .uint(let uint)): return String(uint, radix: 2)
        case ("b", .bool(let bool)): return bool ? "1" : "0"
        case ("o", .int(let int)): return String(int, radix: 8)
        case ("o", .uint(let uint)): return String(uint, radix: 8)
        case ("x", .int(let int)), ("X", .int(let int)): return String(int, radix: 16, uppercase: verb == "X")
        case ("x", .uint(let uint)), ("X", .uint(let uint)): return String(uint, radix: 16, uppercase: verb == "X")
        case ("x", .string(let text)), ("X", .string(let text)): return Formatter.hex(text.utf8, isUpper: verb == "X")
        case ("x", .bytes(let bytes)), ("X", .bytes(let bytes)): return Formatter.hex(bytes, isUpper: verb == "X")
        case ("d", _), ("b", _), ("o", _), ("x", _), ("X", _): throw .failed("format: '%\(verb)' takes no \(value.typeName)")
        default: throw .failed("format: '%\(verb)' is not known")
        }
    }

    private func number(_ value: CELValue, _ verb: Unicode.Scalar) throws(EvaluationError) -> Double {
        switch value {
        case .double(let double): double
        case .int(let int): Double(int)
        case .uint(let uint): Double(uint)
        default: throw .failed("format: '%\(verb)' takes no \(value.typeName)")
        }
    }

    private static func hex(_ bytes: some Sequence<UInt8>, isUpper: Bool) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: isUpper) }.joined()
    }

    /// The value as `%s` writes it; a map's entries are in the order of their keys' texts.
    private static func text(_ value: CELValue, _ frame: inout Frame) throws(EvaluationError) -> String {
        try frame.charge(1 + value.weight)
        switch value {
        case .string(let text): return text
        case .null: return "null"
        case .bool(let bool): return bool ? "true" : "false"
        case .int(let int): return String(int)
        case .uint(let uint): return String(uint)
        case .double(let double): return DecimalText.shortest(double)
        case .bytes(let bytes): return String(decoding: bytes, as: UTF8.self)
        case .timestamp(let time): return TimeText.timestamp(time)
        case .duration(let span): return TimeText.duration(span)
        case .type(let name): return name
        case .ip(let ip): return ip.text
        case .cidr(let network): return network.text
        case .list(let list):
            var parts: [String] = []
            for element in list { parts.append(try text(element, &frame)) }
            return "[" + parts.joined(separator: ", ") + "]"
        case .map(let map):
            var parts: [(key: String, value: String)] = []
            for entry in map.entries { parts.append((try text(entry.key, &frame), try text(entry.value, &frame))) }
            parts.sort { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            return "{" + parts.map { "\($0.key): \($0.value)" }.joined(separator: ", ") + "}"
        case .optional: throw .failed("format: '%s' takes no optional_type")
        }
    }
}
