import Basics
import Dialects
import ProxyCore

/// The predecessor's `keys.json`: keys in clear, with what was used under each.
public struct PredecessorKeys: Sendable {
    public private(set) var keys: [ImportedKey] = []
    /// Its admin key.
    public private(set) var adminKey: Secret?
    /// What could not be taken over to the letter, a sentence each.
    public private(set) var notes: [String] = []

    /// - Parameter now: seconds since 1970; when a key without a time of its own was made.
    /// - Throws: `ImportFailure`.
    public init(_ bytes: [UInt8], now: Int) throws {
        guard let file = PredecessorFile.object(bytes, count: 50_000_000),
            let entries = file["keys"]?.object
        else { throw ImportFailure("the file of keys is no JSON object with 'keys'") }
        adminKey = file["admin_key"]?.string.flatMap { $0.isEmpty ? nil : Secret($0) }
        let texts = Set(entries.members.map(\.key))
        for entry in entries.members {
            guard !entry.key.isEmpty, let key = entry.value.object else {
                notes.append("an entry of 'keys' is no key and is left out")
                continue
            }
            // The text of a key is no name: names are told.
            let name = key["name"]?.string.flatMap { texts.contains($0) ? nil : $0 } ?? "imported"
            if let usage = key["usage"], !usage.isNull, usage.object == nil {
                notes.append("\(name): its usage is no object, and is left out")
            }
            var usage = PredecessorUsage(key["usage"]?.object ?? [:], of: name)
            usage.read()
            notes += usage.notes
            let created = Self.instant(key["created"])
            if created == nil, key["created"]?.isNull == false {
                notes.append("\(name): 'created' is no time; it is the time of the import")
            }
            var imported = ImportedKey(
                name: name, text: Secret(entry.key), enabled: PredecessorFile.isOn(key["enabled"]),
                created: created?.seconds ?? now, lastUsed: Self.instant(key["usage"]?["last_used"])?.seconds,
                totals: usage.totals, rows: usage.rows)
            if imported.lastUsed == nil, let used = key["usage"]?["last_used"], !used.isNull {
                notes.append("\(name): 'last_used' is no time, and is left out")
            }
            imported.createdMicroseconds = created?.microseconds ?? 0
            keys.append(imported)
        }
    }

    /// Times are written with their offset; one without is meant as the others are.
    private static func instant(_ value: JSONValue?) -> AdminTime.Instant? {
        guard let text = value?.string else { return nil }
        return AdminTime.instant(text) ?? AdminTime.instant(text + "+08:00")
    }
}

/// A file of the predecessors, as editors leave it: with a byte order mark or without.
enum PredecessorFile {
    /// nil for what is no JSON object.
    static func object(_ bytes: [UInt8], count: Int) -> JSONObject? {
        let text = bytes.starts(with: mark) ? Array(bytes.dropFirst(mark.count)) : bytes
        return (try? JSONValue(parsing: text, limits: JSONValue.Limits(depth: 64, count: count)))?.object
    }

    static func text(_ text: String) -> Substring.UnicodeScalarView {
        text.unicodeScalars.first == "\u{FEFF}" ? text.unicodeScalars.dropFirst() : text.unicodeScalars[...]
    }

    /// `true`, `false`, `1`, `0`, also as texts; what is without it was on.
    static func isOn(_ value: JSONValue?) -> Bool {
        guard let value, !value.isNull else { return true }
        if let bool = value.bool { return bool }
        if let number = value.double { return number != 0 }
        return !["false", "0", "no", "off", ""].contains(value.string?.lowercased() ?? "true")
    }

    /// A number, also as a text; nil for anything else.
    static func number(_ value: JSONValue) -> Double? {
        if let number = value.double { return number.isFinite ? number : nil }
        guard let text = value.string, text.utf8.allSatisfy({ "0123456789.eE+-".utf8.contains($0) }) else { return nil }
        return Double(text).flatMap { $0.isFinite ? $0 : nil }
    }

    private static let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
}

/// Why another system's files cannot be taken over.
public struct ImportFailure: Error, Sendable, Hashable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}
