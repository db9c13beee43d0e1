/// The way to a member of a body: `user`, `thinking.type`. Lists on the way are gone through.
public struct FieldPath: Sendable, Hashable, CustomStringConvertible {
    let names: [String]

    /// Nil for a path with an empty name in it.
    public init?(_ text: String) {
        let names = text.trimmingSpace.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard names.allSatisfy({ !$0.isEmpty }), names.count <= 8 else { return nil }
        self.names = names
    }

    public var description: String { names.joined(separator: ".") }

    /// The name of a member of the body itself; nil for what is deeper.
    public var member: String? { names.count == 1 ? names[0] : nil }

    /// Paths with commas between.
    static func list(_ text: String) -> [FieldPath]? {
        var paths: [FieldPath] = []
        for part in text.split(separator: ",") {
            guard let path = FieldPath(String(part)) else { return nil }
            paths.append(path)
        }
        return paths
    }

    /// Takes the member out, wherever the path leads to one. False: it led to none.
    public func remove(from object: inout JSONObject) -> Bool { Self.remove(names[...], from: &object) }

    private static func remove(_ names: ArraySlice<String>, from object: inout JSONObject) -> Bool {
        guard let name = names.first, var value = object[name] else { return false }
        guard names.count > 1 else {
            object[name] = nil
            return true
        }
        guard remove(names.dropFirst(), inside: &value) else { return false }
        object[name] = value.object?.isEmpty == true ? nil : value
        return true
    }

    private static func remove(_ names: ArraySlice<String>, inside value: inout JSONValue) -> Bool {
        switch value {
        case .object(var object):
            guard remove(names, from: &object) else { return false }
            value = .object(object)
            return true
        case .array(var elements):
            var isThere = false
            for index in elements.indices {
                guard var object = elements[index].object, remove(names, from: &object) else { continue }
                elements[index] = .object(object)
                isThere = true
            }
            if isThere { value = .array(elements) }
            return isThere
        case .null, .bool, .number, .string, .unpaired: return false
        }
    }

    /// The value there, where no list is on the way.
    func value(in object: JSONObject) -> JSONValue? {
        var value: JSONValue? = .object(object)
        for name in names { value = value?[name] }
        return value
    }

    /// Gives the member a value; what is on the way and no object becomes one.
    func set(_ value: JSONValue, in object: inout JSONObject) { Self.set(names[...], to: value, in: &object) }

    private static func set(_ names: ArraySlice<String>, to value: JSONValue, in object: inout JSONObject) {
        guard let name = names.first else { return }
        guard names.count > 1 else {
            object[name] = value
            return
        }
        var inner = object[name]?.object ?? JSONObject()
        set(names.dropFirst(), to: value, in: &inner)
        object[name] = .object(inner)
    }
}

/// A member of a body and what it is to be: `thinking.type=disabled`. Without a value it is to be left out.
public struct FieldValue: Sendable, Hashable {
    public let path: FieldPath
    public let value: JSONValue?

    /// Pairs with commas between. A value is a word of JSON's, a number or else a text.
    static func list(_ text: String) -> [FieldValue]? {
        var values: [FieldValue] = []
        for part in text.split(separator: ",") {
            guard let mark = part.firstIndex(of: "="), let path = FieldPath(String(part[..<mark])) else { return nil }
            let word = String(part[part.index(after: mark)...]).trimmingSpace
            values.append(FieldValue(path: path, value: word.isEmpty ? nil : literal(word)))
        }
        return values
    }

    private static func literal(_ word: String) -> JSONValue {
        switch word {
        case "true": true
        case "false": false
        case "null": .null
        default: Double(word)?.isFinite == true ? (try? JSONValue(parsing: word)) ?? .string(word) : .string(word)
        }
    }
}
