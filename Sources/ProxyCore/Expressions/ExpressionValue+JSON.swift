import Basics
import Dialects
import RuleEngine

/// Values as JSON that keeps their types: `{"int": "1"}`, `{"bytes": "00ff"}`, `{"map": [[{"string": "a"}, {"bool": true}]]}`.
extension ExpressionValue {
    private static let maximumDepth = 64

    /// An object with one member that is named as a type is that type's value; any other JSON is what it looks like: a whole
    /// number an int, every other a double. nil for what cannot be.
    init?(json: JSONValue, depth: Int) {
        guard depth <= Self.maximumDepth else { return nil }
        switch json {
        case .null: self = .null
        case .bool(let value): self = .bool(value)
        case .string(let text): self = .string(text)
        case .unpaired: return nil
        case .number(let text):
            if text.utf8.allSatisfy({ $0 == UInt8(ascii: "-") || ASCII.isDigit($0) }) {
                guard let value = Int(text) else { return nil }
                self = .int(value)
            } else {
                guard let value = Self.double(text) else { return nil }
                self = .double(value)
            }
        case .array(let elements):
            guard let values = Self.list(elements, depth) else { return nil }
            self = .list(values)
        case .object(let object):
            if object.count == 1, let member = object.members.first, Self.types.contains(member.key) {
                self.init(type: member.key, member.value, depth)
                return
            }
            var entries: [Entry] = []
            for member in object.members {
                guard let value = ExpressionValue(json: member.value, depth: depth + 1) else { return nil }
                entries.append(Entry(.string(member.key), value))
            }
            self = .map(entries)
        }
    }

    private static let types: Set<String> = [
        "null", "bool", "int", "uint", "double", "string", "bytes", "list", "map", "type", "timestamp", "duration", "optional",
        "ip",
        "cidr",
    ]

    private init?(type: String, _ content: JSONValue, _ depth: Int) {
        let text = Self.text(content)
        let value: ExpressionValue? =
            switch type {
            case "null": content.isNull ? .null : nil
            case "bool": content.bool.map { .bool($0) }
            case "int": text.flatMap { Int($0) }.map { .int($0) }
            case "uint": text.flatMap { UInt($0) }.map { .uint($0) }
            case "double": text.flatMap { Self.double($0) }.map { .double($0) }
            case "bytes": text.flatMap { Hex.bytes($0) }.map { .bytes($0) }
            case "list": content.array.flatMap { Self.list($0, depth) }.map { .list($0) }
            case "map": content.array.flatMap { Self.map($0, depth) }
            case "timestamp": text.flatMap { Self.timestamp(text: $0) }
            case "duration": text.flatMap { Self.duration(text: $0) }
            case "optional": Self.optional(content, depth)
            default: Self.named(type, content)
            }
        guard let value else { return nil }
        self = value
    }

    /// What is a text and nothing else.
    private static func named(_ type: String, _ content: JSONValue) -> ExpressionValue? {
        guard case .string(let text) = content else { return nil }
        return switch type {
        case "string": .string(text)
        case "type": .type(text)
        case "ip": .ip(text)
        case "cidr": .cidr(text)
        default: nil
        }
    }

    /// Numbers may be written as numbers too.
    private static func text(_ content: JSONValue) -> String? {
        switch content {
        case .string(let text), .number(let text): text
        case .null, .bool, .unpaired, .array, .object: nil
        }
    }

    private static func double(_ text: String) -> Double? {
        switch text {
        case "NaN", "nan": return .nan
        case "Infinity", "+Infinity", "inf", "+inf": return .infinity
        case "-Infinity", "-inf": return -.infinity
        default: break
        }
        guard SmallJSON.isNumber(text), let value = Double(text), value.isFinite else { return nil }
        return value
    }

    private static func list(_ elements: [JSONValue], _ depth: Int) -> [ExpressionValue]? {
        var values: [ExpressionValue] = []
        values.reserveCapacity(elements.count)
        for element in elements {
            guard let value = ExpressionValue(json: element, depth: depth + 1) else { return nil }
            values.append(value)
        }
        return values
    }

    private static func map(_ pairs: [JSONValue], _ depth: Int) -> ExpressionValue? {
        var entries: [Entry] = []
        for pair in pairs {
            guard let pair = pair.array, pair.count == 2, let key = ExpressionValue(json: pair[0], depth: depth + 1),
                let value = ExpressionValue(json: pair[1], depth: depth + 1)
            else { return nil }
            entries.append(Entry(key, value))
        }
        return .map(entries)
    }

    private static func optional(_ content: JSONValue, _ depth: Int) -> ExpressionValue? {
        if content.isNull { return .optional(nil) }
        return ExpressionValue(json: content, depth: depth + 1).map { .optional($0) }
    }

    /// Numbers are texts: JSON's own would lose some of their digits on the way.
    public var json: JSONValue {
        switch self {
        case .null: .members(("null", .null))
        case .bool(let value): .members(("bool", .bool(value)))
        case .int(let value): .members(("int", .string(String(value))))
        case .uint(let value): .members(("uint", .string(String(value))))
        case .double(let value): .members(("double", .string(Self.text(value))))
        case .string(let value): .members(("string", .string(value)))
        case .bytes(let value): .members(("bytes", .string(Hex.text(value))))
        case .type(let name): .members(("type", .string(name)))
        case .ip(let text): .members(("ip", .string(text)))
        case .cidr(let text): .members(("cidr", .string(text)))
        case .timestamp: .members(("timestamp", .string(timeText ?? "")))
        case .duration: .members(("duration", .string(timeText ?? "")))
        case .optional(let inner): .members(("optional", inner?.json ?? .null))
        case .list(let elements): .members(("list", .array(elements.map(\.json))))
        case .map(let entries): .members(("map", .array(entries.map { .array([$0.key.json, $0.value.json]) })))
        }
    }

    private static func text(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
        return value.description
    }
}
