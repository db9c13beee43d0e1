/// A type the checker knows.
indirect enum CELType: Sendable, Hashable {
    /// Anything; checked when it is evaluated.
    case dyn
    case null, bool, int, uint, double, string, bytes, timestamp, duration, type, ip, cidr
    case list(CELType)
    case map(CELType, CELType)
    case optional(CELType)
    /// A parameter of an overload: one type throughout a signature.
    case parameter(Int)
    /// A type that is to be found out while checking.
    case unknown(Int)

    var text: String {
        switch self {
        case .dyn, .parameter, .unknown: "dyn"
        case .null: "null"
        case .bool: "bool"
        case .int: "int"
        case .uint: "uint"
        case .double: "double"
        case .string: "string"
        case .bytes: "bytes"
        case .timestamp: "timestamp"
        case .duration: "duration"
        case .type: "type"
        case .ip: "net.IP"
        case .cidr: "net.CIDR"
        case .list(let element): "list(\(element.text))"
        case .map(let key, let value): "map(\(key.text), \(value.text))"
        case .optional(let value): "optional(\(value.text))"
        }
    }

    /// The type of a value, as far as it can be told from it.
    init(of value: CELValue) {
        switch value {
        case .null: self = .null
        case .bool: self = .bool
        case .int: self = .int
        case .uint: self = .uint
        case .double: self = .double
        case .string: self = .string
        case .bytes: self = .bytes
        case .timestamp: self = .timestamp
        case .duration: self = .duration
        case .type: self = .type
        case .ip: self = .ip
        case .cidr: self = .cidr
        case .list: self = .list(.dyn)
        case .map: self = .map(.dyn, .dyn)
        case .optional: self = .optional(.dyn)
        }
    }

    /// The names of types that are values: `type(1) == int`.
    static let names: [String: String] = [
        "bool": "bool", "int": "int", "uint": "uint", "double": "double", "string": "string", "bytes": "bytes", "list": "list",
        "map": "map", "null_type": "null_type", "type": "type", "google.protobuf.Timestamp": "google.protobuf.Timestamp",
        "google.protobuf.Duration": "google.protobuf.Duration", "net.IP": "net.IP", "net.CIDR": "net.CIDR",
        "optional_type": "optional_type",
    ]
}
