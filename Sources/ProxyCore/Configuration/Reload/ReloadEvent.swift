import Dialects
import Foundation

/// One step in the life of the configuration since the process started: a start, a change that applied, a file that was refused.
public struct ReloadEvent: Sendable {
    /// So many are kept, the newest.
    public static let kept = 50

    public var time: Date
    /// nil for the start.
    public var trigger: ReloadTrigger?
    /// The generation that ran after it.
    public var generation: Int
    /// The hash of the files that were read, also where they were refused.
    public var hash: String
    /// What changed, in one line; empty where nothing did.
    public var summary = ""
    /// Value by value, secrets masked; at most `ConfigurationDifference.most`.
    public var changes: [ConfigurationDifference] = []
    /// What changed, one for each change.
    public var words: [String] = []
    /// Why the file was refused; empty where it applied.
    public var errors: [Diagnostic] = []
    public var state = State.applied
    /// Why a file on trial was taken back, or what ended its trial otherwise.
    public var why: String?
    /// The admin key whose call it was.
    public var who: String?
    /// The lines of `errors`, where it was refused before the process started.
    public var oldErrors: [String] = []
    /// The number, over all starts, of the version that is kept of it; nil where none is.
    public var number: Int?

    /// What became of it. The raw value is the word of the API.
    public enum State: String, Sendable, CaseIterable {
        case started, applied, refused
        /// Some keys go by it.
        case canary
        /// Some keys went by it, and it was taken back.
        case takenBack = "taken_back"
        /// It was on trial when another was saved.
        case replaced
    }

    public init(_ snapshot: Snapshot, at time: Date, trigger: ReloadTrigger? = nil) {
        self.time = time
        self.trigger = trigger
        generation = snapshot.generation
        hash = snapshot.hash
        if trigger == nil { state = .started }
    }

    /// One that is remembered.
    init(at time: Date, generation: Int, hash: String) {
        self.time = time
        self.generation = generation
        self.hash = hash
    }
}

/// One value of the file that is another than it was.
public struct ConfigurationDifference: Sendable, Hashable {
    /// `upstreams.openai.accounts[main].weight`.
    public var path: String
    /// JSON, at most 200 characters of it; nil where there was nothing.
    public var old: String?
    public var new: String?

    public static let most = 200
    private static let longest = 200

    /// What two files differ in, by what `GET /admin/config` shows of them: masked secrets are alike, inherited values count too.
    public static func between(_ old: String, _ new: String) -> [ConfigurationDifference] {
        guard old != new, let old = try? JSONValue(parsing: Array(old.utf8)), let new = try? JSONValue(parsing: Array(new.utf8))
        else { return [] }
        return between(old, new, path: "")
    }

    static func between(_ old: JSONValue, _ new: JSONValue, path: String) -> [ConfigurationDifference] {
        var found: [ConfigurationDifference] = []
        compare(old, new, path: path, into: &found)
        return found
    }

    private static func compare(
        _ old: JSONValue, _ new: JSONValue, path: String, into found: inout [ConfigurationDifference]
    ) {
        guard old != new, found.count < most else { return }
        if let before = old.object, let after = new.object {
            let names = before.members.map(\.key) + after.members.map(\.key).filter { before[$0] == nil }
            for name in names { compare(before[name], after[name], path: path.isEmpty ? name : "\(path).\(name)", into: &found) }
        } else if let before = named(old), let after = named(new) {
            let names = before.map(\.name) + after.map(\.name).filter { name in !before.contains { $0.name == name } }
            for name in names {
                let (a, b) = (before.first { $0.name == name }?.value, after.first { $0.name == name }?.value)
                compare(a, b, path: "\(path)[\(name)]", into: &found)
            }
            if before.map(\.name) != after.map(\.name), Set(before.map(\.name)) == Set(after.map(\.name)) {
                add(path, .array(before.map { .string($0.name) }), .array(after.map { .string($0.name) }), to: &found)
            }
        } else {
            add(path, old, new, to: &found)
        }
    }

    private static func compare(
        _ old: JSONValue?, _ new: JSONValue?, path: String, into found: inout [ConfigurationDifference]
    ) {
        if let old, let new { return compare(old, new, path: path, into: &found) }
        add(path, old, new, to: &found)
    }

    private static func add(_ path: String, _ old: JSONValue?, _ new: JSONValue?, to found: inout [ConfigurationDifference]) {
        guard found.count < most else { return }
        func text(_ value: JSONValue?) -> String? {
            value.map { value in
                let text = String(decoding: value.bytes, as: UTF8.self)
                return text.count > longest ? text.prefix(longest) + "…" : text
            }
        }
        found.append(ConfigurationDifference(path: path, old: text(old), new: text(new)))
    }

    /// The elements of a list by their names, or the addresses they listen on; nil where one has none, or two have the same, or there
    /// are too many to compare so.
    private static func named(_ value: JSONValue) -> [(name: String, value: JSONValue)]? {
        guard let array = value.array, array.count <= 1_000 else { return nil }
        let named = array.compactMap { element in
            (element["name"]?.string ?? element["address"]?.string).map { (name: $0, value: element) }
        }
        return named.count == array.count && Set(named.map(\.name)).count == named.count ? named : nil
    }
}
