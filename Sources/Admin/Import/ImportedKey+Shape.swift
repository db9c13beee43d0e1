import Basics
import Dialects
import ProxyCore

/// How the admin API takes a key of another system, with what was used under it:
/// `{"name","digest","masked","enabled","created","last_used","requests","input","output","rows":[…]}`. The key itself is not
/// in it. Times are in seconds since 1970; `created_micros` is the fraction of `created`, where it has one.
extension ImportedKey {
    private static let members: Set<String> = [
        "name", "digest", "masked", "enabled", "created", "created_micros", "last_used", "requests", "input", "output", "rows",
    ]

    /// The key's JSON with some of its rows.
    func shape(_ rows: some Sequence<Row>) -> JSONValue {
        var object: JSONObject = [
            "name": .string(name), "digest": .string(digest.hex), "masked": .string(masked), "enabled": .bool(enabled),
            "created": .int(created), "last_used": .count(lastUsed), "requests": .int(totals.requests),
            "input": .int(totals.input), "output": .int(totals.output), "rows": .array(rows.map(\.shape)),
        ]
        if createdMicroseconds > 0 { object.append("created_micros", .int(createdMicroseconds)) }
        return .object(object)
    }

    init(_ value: JSONValue) throws(AdminFailure) {
        let object = try ImportMembers.object(value, of: "key", Self.members)
        guard let name = object["name"]?.string else { throw AdminFailure(.badRequest, "a key's name must be a text") }
        guard let digest = object["digest"]?.string.flatMap({ KeyDigest(hex: $0) }) else {
            throw AdminFailure(.badRequest, "a key's digest must be its SHA-256, 64 hexadecimal digits")
        }
        // Whoever writes the whole key here is stopped.
        guard let masked = object["masked"]?.string, masked.contains("..."), masked.count <= 15, masked.utf8.count <= 120,
            KeyName.isVisible(masked)
        else { throw AdminFailure(.badRequest, "masked must be like sk-abcde...wxyz, or '...'") }
        guard let enabled = object["enabled"]?.bool else { throw AdminFailure(.badRequest, "enabled must be true or false") }
        let last = object["last_used"]
        var rows: [Row] = []
        for row in object["rows"]?.array ?? [] { rows.append(try Row(row)) }
        self.init(
            name: name, digest: digest, masked: masked, enabled: enabled,
            created: try ImportMembers.number("created", of: object, upTo: AdminTime.lastSecond),
            lastUsed: last == nil || last == .null
                ? nil : try ImportMembers.number("last_used", of: object, upTo: AdminTime.lastSecond),
            totals: try Amounts(object), rows: rows)
        if object["created_micros"] != nil {
            createdMicroseconds = try ImportMembers.number("created_micros", of: object, upTo: 999_999)
        }
    }
}

/// `{"day":"2026-02-11","hour":13,"model","requests","input","output"}`; without the hour where nobody knows it, without the day too.
extension ImportedKey.Row {
    private static let members: Set<String> = ["day", "hour", "model", "requests", "input", "output"]

    var shape: JSONValue {
        var object: JSONObject = [:]
        switch when {
        case .hour(let date, let hour):
            object.append("day", .string(date.description))
            object.append("hour", .int(hour))
        case .day(let date): object.append("day", .string(date.description))
        case .ever: break
        }
        object.append("model", .string(model))
        object.append("requests", .int(amounts.requests))
        object.append("input", .int(amounts.input))
        object.append("output", .int(amounts.output))
        return .object(object)
    }

    init(_ value: JSONValue) throws(AdminFailure) {
        let object = try ImportMembers.object(value, of: "row", Self.members)
        guard let model = object["model"]?.string else { throw AdminFailure(.badRequest, "a row's model must be a text") }
        let when: ImportedKey.When
        if let day = object["day"] {
            guard let date = day.string.flatMap({ LocalDate($0) }) else {
                throw AdminFailure(.badRequest, "a row's day must be like 2026-02-11")
            }
            when = object["hour"] == nil ? .day(date) : .hour(date, try ImportMembers.number("hour", of: object, upTo: 23))
        } else {
            guard object["hour"] == nil else { throw AdminFailure(.badRequest, "a row with an hour has a day") }
            when = .ever
        }
        self.init(when: when, model: model, amounts: try ImportedKey.Amounts(object))
    }
}

extension ImportedKey.Amounts {
    /// A number that no other system came to; sums of two still fit.
    private static let most = 1 << 60

    fileprivate init(_ object: JSONObject) throws(AdminFailure) {
        self.init(
            requests: try ImportMembers.number("requests", of: object, upTo: Self.most),
            input: try ImportMembers.number("input", of: object, upTo: Self.most),
            output: try ImportMembers.number("output", of: object, upTo: Self.most))
    }
}

/// `{"imported":[name],"known":[name],"renamed":[{"from","to"}],"booked":[name]?}`.
extension ImportResult {
    var shape: JSONValue {
        let shape: JSONValue = [
            "imported": .strings(imported), "known": .strings(known),
            "renamed": .array(renamed.map { ["from": .string($0.from), "to": .string($0.to)] }),
        ]
        return booked.isEmpty ? shape : shape.adding(["booked": .strings(booked)])
    }

    /// nil for what is none.
    init?(_ value: JSONValue) {
        guard let imported = value["imported"]?.array, let known = value["known"]?.array, let renamed = value["renamed"]?.array
        else { return nil }
        self.init()
        self.imported = imported.compactMap(\.string)
        self.known = known.compactMap(\.string)
        booked = (value["booked"]?.array ?? []).compactMap(\.string)
        self.renamed = renamed.map { Renaming(from: $0["from"]?.string ?? "", to: $0["to"]?.string ?? "") }
    }
}

/// Reads members of an import, and refuses those that are not known.
enum ImportMembers {
    static func object(_ value: JSONValue, of what: String, _ known: Set<String>) throws(AdminFailure) -> JSONObject {
        guard let object = value.object else { throw AdminFailure(.badRequest, "\(Article.with(what)) must be an object") }
        guard object.members.allSatisfy({ known.contains($0.key) }) else {
            throw AdminFailure(.badRequest, "\(Article.with(what)) has \(known.sorted().joined(separator: ", "))")
        }
        return object
    }

    /// The whole number of that name, from 0 to `most`.
    static func number(_ name: String, of object: JSONObject, upTo most: Int) throws(AdminFailure) -> Int {
        guard let number = object[name]?.int, (0...most).contains(number) else {
            throw AdminFailure(.badRequest, "\(name) must be a whole number from 0 to \(most)")
        }
        return number
    }
}
