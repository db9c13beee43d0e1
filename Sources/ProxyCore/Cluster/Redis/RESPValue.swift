/// A reply of a Redis or Valkey server, in the third version of its protocol or the second.
public indirect enum RESPValue: Sendable, Equatable {
    case null
    case boolean(Bool)
    case integer(Int)
    case double(Double)
    /// A short text, a bulk of bytes, or a verbatim text without its kind.
    case bytes([UInt8])
    /// A number too large for `integer`, as its digits.
    case bigNumber([UInt8])
    /// `WRONGPASS invalid username-password pair`
    case error(String)
    case array([RESPValue])
    case set([RESPValue])
    case map([(key: RESPValue, value: RESPValue)])
    /// What the server says unasked.
    case push([RESPValue])

    public static func == (a: RESPValue, b: RESPValue) -> Bool {
        switch (a, b) {
        case (.null, .null): true
        case (.boolean(let a), .boolean(let b)): a == b
        case (.integer(let a), .integer(let b)): a == b
        case (.double(let a), .double(let b)): a == b || a.isNaN && b.isNaN
        case (.bytes(let a), .bytes(let b)), (.bigNumber(let a), .bigNumber(let b)): a == b
        case (.error(let a), .error(let b)): a == b
        case (.array(let a), .array(let b)), (.set(let a), .set(let b)), (.push(let a), .push(let b)): a == b
        case (.map(let a), .map(let b)): a.count == b.count && zip(a, b).allSatisfy { $0.key == $1.key && $0.value == $1.value }
        default: false
        }
    }

    /// A whole number, also where it came as text; a boolean is 1 or 0.
    public var integer: Int? {
        switch self {
        case .integer(let number): number
        case .boolean(let value): value ? 1 : 0
        case .bytes(let bytes), .bigNumber(let bytes): Int(String(decoding: bytes, as: UTF8.self))
        case .double(let number): Int(exactly: number.rounded())
        default: nil
        }
    }

    public var bytes: [UInt8]? {
        if case .bytes(let bytes) = self { bytes } else { nil }
    }

    public var text: String? {
        bytes.map { String(decoding: $0, as: UTF8.self) }
    }

    /// The items of an array, a set or a push; of a map its keys and values in turn.
    public var items: [RESPValue]? {
        switch self {
        case .array(let items), .set(let items), .push(let items): items
        case .map(let entries): entries.flatMap { [$0.key, $0.value] }
        default: nil
        }
    }

    /// The value of a map's key, or of what follows a text of that name in an array.
    public subscript(_ name: String) -> RESPValue? {
        let wanted = Array(name.utf8)
        switch self {
        case .map(let entries): return entries.first { $0.key.bytes == wanted }?.value
        case .array(let items):
            for index in stride(from: 0, to: items.count - 1, by: 2) where items[index].bytes == wanted {
                return items[index + 1]
            }
            return nil
        default: return nil
        }
    }
}
