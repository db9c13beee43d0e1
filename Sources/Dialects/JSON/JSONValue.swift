/// A JSON value that comes out as it went in: member order, number text and unpaired surrogates are kept.
public enum JSONValue: Sendable, Hashable {
    case null
    case bool(Bool)
    /// A number, as its source text.
    case number(String)
    case string(String)
    /// A string that holds an unpaired surrogate, which no Swift String can: the bytes between its quotes, escapes and all.
    case unpaired([UInt8])
    case array([JSONValue])
    case object(JSONObject)
}

extension JSONValue {
    /// About the bytes that it is written with.
    var weight: Int {
        switch self {
        case .null, .bool: 4
        case .number(let text), .string(let text): text.utf8.count &+ 2
        case .unpaired(let bytes): bytes.count &+ 2
        case .array(let values): values.reduce(2) { $0 &+ $1.weight &+ 1 }
        case .object(let object): object.members.reduce(2) { $0 &+ $1.key.utf8.count &+ $1.value.weight &+ 4 }
        }
    }

    /// The text of a string; unpaired surrogates show as U+FFFD.
    public var string: String? {
        switch self {
        case .string(let text): text
        case .unpaired(let raw): raw.withUnsafeBytes { JSONText.decode($0) }
        case .null, .bool, .number, .array, .object: nil
        }
    }

    public var bool: Bool? {
        if case .bool(let value) = self { return value }
        return nil
    }

    public var array: [JSONValue]? {
        if case .array(let elements) = self { return elements }
        return nil
    }

    public var object: JSONObject? {
        if case .object(let members) = self { return members }
        return nil
    }

    public var isNull: Bool { self == .null }

    /// The number as an integer; nil for fractions and for what 64 bits cannot hold.
    public var int: Int? {
        guard case .number(let text) = self else { return nil }
        var copy = text
        return copy.withUTF8 { JSONScan.integer(of: UnsafeRawBufferPointer($0), in: 0..<$0.count) }
    }

    public var double: Double? {
        guard case .number(let text) = self else { return nil }
        return Double(text)
    }

    /// The member of an object; nil for anything else.
    public subscript(key: String) -> JSONValue? { object?[key] }

    public static func int(_ value: Int) -> JSONValue { .number(String(value)) }

    /// An object of these members, in this order.
    public static func members(_ members: (String, JSONValue)...) -> JSONValue {
        .object(JSONObject(members.map { JSONObject.Member(key: $0.0, value: $0.1) }))
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByArrayLiteral
{
    public init(stringLiteral value: String) { self = .string(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(integerLiteral value: Int) { self = .int(value) }
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
}

/// The members of an object, in order. A key that is there twice is kept twice; a look-up finds the last.
public struct JSONObject: Sendable, Hashable {
    public struct Member: Sendable, Hashable {
        public var key: String
        public var value: JSONValue

        public init(key: String, value: JSONValue) {
            self.key = key
            self.value = value
        }
    }

    public private(set) var members: [Member]

    public init(_ members: [Member] = []) { self.members = members }

    public var isEmpty: Bool { members.isEmpty }
    public var count: Int { members.count }

    /// The value of `key`. Setting replaces where it is, or appends; setting nil removes.
    public subscript(key: String) -> JSONValue? {
        get { members.last { $0.key == key }?.value }
        set {
            guard let newValue else {
                members.removeAll { $0.key == key }
                return
            }
            if let index = members.lastIndex(where: { $0.key == key }) {
                members[index].value = newValue
            } else {
                members.append(Member(key: key, value: newValue))
            }
        }
    }

    /// Changes the value of `key` where it is; one that is not there begins as null, at the end.
    mutating func change(_ key: String, _ body: (inout JSONValue) -> Void) {
        if let index = members.lastIndex(where: { $0.key == key }) {
            body(&members[index].value)
        } else {
            members.append(Member(key: key, value: .null))
            body(&members[members.count - 1].value)
        }
    }

    /// Adds a member at the end without looking whether the key is there.
    public mutating func append(_ key: String, _ value: JSONValue) {
        members.append(Member(key: key, value: value))
    }

    /// Adds a member at the end unless the value is nil.
    mutating func append(_ key: String, ifPresent value: JSONValue?) {
        if let value { append(key, value) }
    }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        self.init(elements.map { Member(key: $0.0, value: $0.1) })
    }
}

extension JSONValue: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(JSONObject(elements.map { JSONObject.Member(key: $0.0, value: $0.1) }))
    }
}
