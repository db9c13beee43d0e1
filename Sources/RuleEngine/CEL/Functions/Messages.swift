import Basics

/// The messages that every CEL knows, each of which stands for a value of the language: `google.protobuf.Int32Value{value: 1}`
/// is an int. There are no others here.
struct WellKnownMessage: Sendable {
    /// `google.protobuf.Int32Value`
    let name: String
    let type: CELType
    let fields: [String: CELType]
    /// Makes the value of the fields that are set, in the order they were written.
    private let value: Make

    typealias Fields = [(name: String, value: CELValue)]
    private typealias Make = @Sendable (Fields, inout Frame) throws(EvaluationError) -> CELValue

    /// All of them, by their names.
    static let all: [String: WellKnownMessage] = Dictionary(
        uniqueKeysWithValues: (wrappers + structures).map { ($0.name, $0) })

    /// Values that stand behind a name of theirs: the one of the enum for null.
    static let constants: [String: CELValue] = ["google.protobuf.NullValue.NULL_VALUE": .int(0)]

    /// A function of the fields' values, for those that are written; the value of an optional field is an optional.
    func function(of names: [String], isOptional: [Bool]) -> Function {
        Function(
            name + "{…}", [],
            .variadic { values, frame throws(EvaluationError) in
                var fields: Fields = []
                for (index, name) in names.enumerated() where values.indices.contains(index) {
                    guard isOptional.indices.contains(index), isOptional[index] else {
                        fields.append((name, values[index]))
                        continue
                    }
                    guard case .optional(let inner) = values[index] else { throw .failed("an optional is expected after '?'") }
                    if let inner { fields.append((name, inner)) }
                }
                return try value(fields, &frame)
            })
    }

    private init(_ name: String, _ type: CELType, _ fields: [String: CELType], _ value: @escaping Make) {
        self.name = "google.protobuf.\(name)"
        (self.type, self.fields, self.value) = (type, fields, value)
    }

    // MARK: Wrappers

    private static let wrappers: [WellKnownMessage] = [
        wrapper("BoolValue", .bool, .bool(false)) { value in if case .bool = value { value } else { nil } },
        wrapper("StringValue", .string, .string("")) { value in if case .string = value { value } else { nil } },
        wrapper("BytesValue", .bytes, .bytes([])) { value in if case .bytes = value { value } else { nil } },
        wrapper("DoubleValue", .double, .double(0)) { value in if case .double = value { value } else { nil } },
        wrapper("FloatValue", .double, .double(0)) { value in
            if case .double(let double) = value { .double(Double(Float(double))) } else { nil }
        },
        wrapper("Int64Value", .int, .int(0)) { value in if case .int = value { value } else { nil } },
        wrapper("Int32Value", .int, .int(0)) { value in
            if case .int(let int) = value, Int32(exactly: int) != nil { value } else { nil }
        },
        wrapper("UInt64Value", .uint, .uint(0)) { value in if case .uint = value { value } else { nil } },
        wrapper("UInt32Value", .uint, .uint(0)) { value in
            if case .uint(let uint) = value, UInt32(exactly: uint) != nil { value } else { nil }
        },
    ]

    /// Its type is dyn: a wrapper may be compared with null as well as with what it holds.
    private static func wrapper(
        _ name: String, _ type: CELType, _ absent: CELValue, _ taken: @escaping @Sendable (CELValue) -> CELValue?
    ) -> WellKnownMessage {
        WellKnownMessage(name, .dyn, ["value": type]) { fields, _ throws(EvaluationError) in
            guard let given = fields.last?.value else { return absent }
            guard let value = taken(given) else { throw .failed("\(given.shown) is no \(name)") }
            return value
        }
    }

    // MARK: JSON and time

    private static let structures: [WellKnownMessage] = [
        WellKnownMessage("ListValue", .list(.dyn), ["values": .list(.dyn)]) { fields, frame throws(EvaluationError) in
            guard let given = fields.last?.value else { return .list([]) }
            guard case .list = given else { throw .noOverload("ListValue", given) }
            return try json(given, &frame)
        },
        WellKnownMessage(
            "Struct", .map(.string, .dyn), ["fields": .map(.string, .dyn)]
        ) { fields, frame throws(EvaluationError) in
            guard case .map(let map) = fields.last?.value ?? .map(CELMap([:])) else {
                throw .failed("a Struct's fields are a map")
            }
            for entry in map.entries { guard case .string = entry.key else { throw .failed("a Struct's keys are strings") } }
            return try json(.map(map), &frame)
        },
        WellKnownMessage(
            "Value", .dyn,
            [
                "null_value": .dyn, "bool_value": .bool, "number_value": .double, "string_value": .string,
                "struct_value": .map(.string, .dyn), "list_value": .list(.dyn),
            ], oneOf),
        WellKnownMessage("Timestamp", .timestamp, ["seconds": .int, "nanos": .int]) { fields, _ throws(EvaluationError) in
            let (seconds, nanoseconds) = try time(fields)
            guard nanoseconds >= 0, let time = Facts.Timestamp.checked(seconds: seconds, nanoseconds: nanoseconds) else {
                throw .overflow
            }
            return .timestamp(time)
        },
        WellKnownMessage("Duration", .duration, ["seconds": .int, "nanos": .int]) { fields, _ throws(EvaluationError) in
            let (seconds, nanoseconds) = try time(fields)
            let whole = try FunctionLibrary.fitting(seconds.multipliedReportingOverflow(by: 1_000_000_000))
            return .duration(try FunctionLibrary.fitting(whole.addingReportingOverflow(nanoseconds)))
        },
    ]

    private static func time(_ fields: Fields) throws(EvaluationError) -> (seconds: Int, nanoseconds: Int) {
        var numbers = ["seconds": 0, "nanos": 0]
        for field in fields {
            guard case .int(let int) = field.value else { throw .noOverload(field.name, field.value) }
            numbers[field.name] = int
        }
        guard let seconds = numbers["seconds"], let nanoseconds = numbers["nanos"], nanoseconds.magnitude <= 999_999_999 else {
            throw .overflow
        }
        return (seconds, nanoseconds)
    }

    /// The field that is set decides what a `Value` is; none is null.
    private static func oneOf(_ fields: Fields, _ frame: inout Frame) throws(EvaluationError) -> CELValue {
        guard let field = fields.last else { return .null }
        switch (field.name, field.value) {
        case ("null_value", .null), ("null_value", .int): return .null
        case ("bool_value", .bool), ("number_value", .double), ("string_value", .string), ("struct_value", .map),
            ("list_value", .list):
            return try json(field.value, &frame)
        default: throw .noOverload(field.name, field.value)
        }
    }

    /// A value as JSON has it: numbers are doubles, past 2^53 texts; the other types are texts too.
    private static func json(_ value: CELValue, _ frame: inout Frame) throws(EvaluationError) -> CELValue {
        try frame.charge(1 + value.weight)
        switch value {
        case .null, .bool, .double, .string: return value
        case .int(let int): return int.magnitude < 1 << 53 ? .double(Double(int)) : .string(String(int))
        case .uint(let uint): return uint < 1 << 53 ? .double(Double(uint)) : .string(String(uint))
        case .bytes(let bytes): return .string(Base64.encode(bytes))
        case .timestamp(let time): return .string(TimeText.timestamp(time))
        case .duration(let span): return .string(TimeText.duration(span))
        case .list(let list):
            var values: [CELValue] = []
            for element in list { values.append(try json(element, &frame)) }
            return .list(values)
        case .map(let map):
            var entries: [(key: CELValue, value: CELValue)] = []
            for entry in map.entries { entries.append((try name(entry.key), try json(entry.value, &frame))) }
            guard let map = CELMap(entries) else { throw .failed("a key is there twice") }
            return .map(map)
        case .type, .optional, .ip, .cidr: throw .failed("\(Article.with(value.typeName)) is nothing that JSON has")
        }
    }

    private static func name(_ key: CELValue) throws(EvaluationError) -> CELValue {
        switch key {
        case .string: return key
        case .bool(let bool): return .string(bool ? "true" : "false")
        case .int(let int): return .string(String(int))
        case .uint(let uint): return .string(String(uint))
        default: throw .failed("\(Article.with(key.typeName)) is no name in JSON")
        }
    }
}
