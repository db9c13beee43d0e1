import Basics

/// A value of the Common Expression Language.
enum CELValue: Sendable {
    case null
    case bool(Bool)
    case int(Int)
    case uint(UInt)
    case double(Double)
    case string(String)
    case bytes([UInt8])
    case list([CELValue])
    case map(CELMap)
    case timestamp(Facts.Timestamp)
    /// Nanoseconds.
    case duration(Int)
    /// The name of a type.
    case type(String)
    indirect case optional(CELValue?)
    indirect case ip(IPAddress)
    indirect case cidr(IPNetwork)

    /// The type as `type(x)` names it.
    var typeName: String {
        switch self {
        case .null: "null_type"
        case .bool: "bool"
        case .int: "int"
        case .uint: "uint"
        case .double: "double"
        case .string: "string"
        case .bytes: "bytes"
        case .list: "list"
        case .map: "map"
        case .timestamp: "google.protobuf.Timestamp"
        case .duration: "google.protobuf.Duration"
        case .type: "type"
        case .optional: "optional_type"
        case .ip: "net.IP"
        case .cidr: "net.CIDR"
        }
    }

    /// What `optional.ofNonZeroValue` takes for nothing.
    var isZero: Bool {
        switch self {
        case .null: true
        case .bool(let value): !value
        case .int(let value): value == 0
        case .uint(let value): value == 0
        case .double(let value): value == 0
        case .string(let value): value.isEmpty
        case .bytes(let value): value.isEmpty
        case .list(let value): value.isEmpty
        case .map(let value): value.count == 0
        case .timestamp(let value): value.seconds == 0 && value.nanoseconds == 0
        case .duration(let value): value == 0
        case .optional(let value): value == nil
        case .type, .ip, .cidr: false
        }
    }
}

// MARK: Equality

extension CELValue {
    /// CEL's `==`: numbers compare by value whatever their type, other types never equal one another.
    ///
    /// Every element costs a step: a list may hold the same list many times over, and be far larger than what made it.
    func equals(_ other: CELValue, _ frame: inout Frame) throws(EvaluationError) -> Bool {
        switch (self, other) {
        case (.list(let left), .list(let right)):
            guard left.count == right.count else { return false }
            for (left, right) in zip(left, right) {
                try frame.charge(1)
                if try !left.equals(right, &frame) { return false }
            }
            return true
        case (.map(let left), .map(let right)):
            guard left.count == right.count else { return false }
            for entry in left.entries {
                try frame.charge(1)
                guard let value = right.value(entry.key), try entry.value.equals(value, &frame) else { return false }
            }
            return true
        case (.optional(let left?), .optional(let right?)):
            return try left.equals(right, &frame)
        default:
            try frame.charge(min(weight, other.weight))
            return equalsScalar(other)
        }
    }

    private func equalsScalar(_ other: CELValue) -> Bool {
        switch (self, other) {
        case (.string(let left), .string(let right)): left.sameText(as: right)
        case (.int(let left), .int(let right)): left == right
        case (.bool(let left), .bool(let right)): left == right
        case (.null, .null), (.optional(nil), .optional(nil)): true
        case (.bytes(let left), .bytes(let right)): left == right
        case (.timestamp(let left), .timestamp(let right)): left == right
        case (.duration(let left), .duration(let right)): left == right
        case (.type(let left), .type(let right)): left == right
        case (.ip(let left), .ip(let right)): left.unmapped == right.unmapped
        case (.cidr(let left), .cidr(let right)): left == right
        default: compareNumbers(self, other) == .equal
        }
    }

    /// How much comparing or walking this value costs, in steps.
    var weight: Int {
        switch self {
        case .string(let value): value.utf8.count / 64
        case .bytes(let value): value.count / 64
        case .list(let value): value.count
        case .map(let value): value.count
        default: 0
        }
    }
}

/// How two values compare; NaN is unordered.
enum Comparison: Sendable {
    case less, equal, greater, unordered

    init<T: Comparable>(_ left: T, _ right: T) {
        self = left < right ? .less : left == right ? .equal : left > right ? .greater : .unordered
    }

    var flipped: Comparison {
        switch self {
        case .less: .greater
        case .greater: .less
        case .equal, .unordered: self
        }
    }
}

/// nil when one of them is no number.
func compareNumbers(_ left: CELValue, _ right: CELValue) -> Comparison? {
    switch (left, right) {
    case (.int(let left), .int(let right)): Comparison(left, right)
    case (.uint(let left), .uint(let right)): Comparison(left, right)
    case (.double(let left), .double(let right)): Comparison(left, right)
    case (.int(let left), .uint(let right)): left < 0 ? .less : Comparison(UInt(left), right)
    case (.uint(let left), .int(let right)): right < 0 ? .greater : Comparison(left, UInt(right))
    case (.int(let left), .double(let right)): compare(left, right)
    case (.uint(let left), .double(let right)): compare(left, right)
    case (.double(let left), .int(let right)): compare(right, left).flipped
    case (.double(let left), .uint(let right)): compare(right, left).flipped
    default: nil
    }
}

/// Compares as the language's reference does: past the integer's range the double decides, within it the integer is rounded.
private func compare<I: FixedWidthInteger>(_ left: I, _ right: Double) -> Comparison {
    // Powers of two, so both bounds are exact doubles.
    let limit = Double(sign: .plus, exponent: I.bitWidth - (I.isSigned ? 1 : 0), significand: 1)
    if right > limit { return .less }
    if right < (I.isSigned ? -limit : 0) { return .greater }
    return Comparison(Double(left), right)
}

extension String {
    /// Equality by code points; Swift's own takes canonically equivalent strings for the same.
    func sameText(as other: String) -> Bool {
        var (left, right) = (utf8, other.utf8)
        guard left.count == right.count else { return false }
        let quick = left.withContiguousStorageIfAvailable { left in
            right.withContiguousStorageIfAvailable { right in left.elementsEqual(right) }
        }
        if let quick, let answer = quick { return answer }
        (left, right) = (utf8, other.utf8)
        return left.elementsEqual(right)
    }
}
