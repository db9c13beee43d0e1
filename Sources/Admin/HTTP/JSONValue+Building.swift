import Basics
import Dialects
import ProxyCore

extension JSONValue {
    /// A string, or null.
    static func text(_ value: String?) -> JSONValue { value.map(JSONValue.string) ?? .null }

    /// An integer, or null.
    static func count(_ value: Int?) -> JSONValue { value.map(JSONValue.int) ?? .null }

    /// A share, a sum of money; null when it is not finite.
    static func fraction(_ value: Double) -> JSONValue { value.isFinite ? .number(value.description) : .null }

    /// Nano-dollars, told in dollars to the last digit.
    static func dollars(_ nanoDollars: Int) -> JSONValue { .number(UsageAmounts.dollars(nanoDollars)) }

    static func strings(_ values: some Sequence<String>) -> JSONValue { .array(values.map(JSONValue.string)) }

    /// Members in the order of their names.
    static func map(_ values: [String: String]) -> JSONValue {
        ordered(values.inKeyOrder().map { ($0.key, .string($0.value)) })
    }

    static func ordered(_ members: some Sequence<(String, JSONValue)>) -> JSONValue {
        .object(JSONObject(members.map { JSONObject.Member(key: $0.0, value: $0.1) }))
    }

    /// This object with further members at its end; anything else unchanged.
    func adding(_ further: KeyValuePairs<String, JSONValue>) -> JSONValue {
        guard case .object(var object) = self else { return self }
        for (name, value) in further { object.append(name, value) }
        return .object(object)
    }

    /// An object whose values are all strings; nil for anything else.
    var stringMap: [String: String]? {
        guard let object else { return nil }
        var map: [String: String] = [:]
        for member in object.members {
            guard let value = member.value.string else { return nil }
            map[member.key] = value
        }
        return map
    }
}
