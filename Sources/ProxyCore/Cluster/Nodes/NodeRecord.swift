import Basics
import Dialects

/// What a node tells of itself with each heartbeat.
struct NodeRecord: Sendable, Hashable {
    var version: String
    var generation: Int
    /// The hash of the configuration file, before references are resolved.
    var hash: String
    /// Milliseconds since 1970, by the server's clock where it is known.
    var startedAt: Int
    /// How far its clock is ahead of the server's, in milliseconds; nil until it has asked.
    var clockAhead: Int?
    /// Age of the oldest record that its ledger has not booked, in milliseconds; nil where it is not known.
    var ledgerLag: Int?
    var process: String

    var text: String {
        SmallJSON.object([
            ("version", .string(version)), ("generation", .literal("\(generation)")), ("hash", .string(hash)),
            ("started", .literal("\(startedAt)")), ("clock", clockAhead.map { .literal("\($0)") } ?? .literal("null")),
            ("lag", ledgerLag.map { .literal("\($0)") } ?? .literal("null")), ("process", .string(process)),
        ]).text()
    }

    init(
        version: String, generation: Int, hash: String, startedAt: Int, clockAhead: Int? = nil, ledgerLag: Int? = nil,
        process: String
    ) {
        self.version = version
        self.generation = generation
        self.hash = hash
        self.startedAt = startedAt
        self.clockAhead = clockAhead
        self.ledgerLag = ledgerLag
        self.process = process
    }

    /// nil for what no node would write.
    init?(_ text: some StringProtocol) {
        guard text.utf8.count <= 2_000, let json = try? JSONValue(parsing: String(text)),
            let version = Self.word(json["version"]),
            let hash = Self.word(json["hash"])
        else { return nil }
        self.init(
            version: version, generation: json["generation"]?.int ?? 0, hash: hash, startedAt: json["started"]?.int ?? 0,
            clockAhead: json["clock"]?.int, ledgerLag: json["lag"]?.int, process: json["process"]?.string ?? "")
    }

    private static func word(_ value: JSONValue?) -> String? {
        guard let text = value?.string, text.utf8.count <= 128, text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            return nil
        }
        return text
    }
}

/// A node as others see it.
public struct ClusterNode: Sendable, Hashable {
    public var name: String
    public var instance: String
    public var version: String
    public var generation: Int
    public var hash: String
    /// Milliseconds since 1970.
    public var startedAt: Int
    /// Milliseconds since its last heartbeat.
    public var age: Int
    /// How far its clock is ahead of the server's, in milliseconds; nil where it is not known.
    public var clockAhead: Int?
    public var ledgerLag: Int?
    public var isSelf: Bool
    /// It was live when it was told of, and had not missed a beat.
    private let wasLive: Bool
    /// Nobody tells of others any more.
    private var isUnheard = false

    public var isLive: Bool { age < NodeRoster.lifetime }

    init(name: String, instance: String, _ record: NodeRecord, age: Int, isSelf: Bool) {
        self.name = name
        self.instance = instance
        version = record.version
        generation = record.generation
        hash = record.hash
        startedAt = record.startedAt
        self.age = age
        clockAhead = record.clockAhead
        ledgerLag = record.ledgerLag
        self.isSelf = isSelf
        wasLive = age < NodeRoster.onTime
    }

    /// The same so many milliseconds later.
    /// - Parameter isUnheard: nobody tells of others meanwhile.
    func aged(by milliseconds: Int, isUnheard: Bool) -> ClusterNode {
        var node = self
        node.age += max(0, milliseconds)
        node.isUnheard = self.isUnheard || isUnheard
        return node
    }

    /// The state in one word. Nobody knows that a node is gone that was live when others were last told of it.
    public var state: String { isLive ? "live" : wasLive && isUnheard ? "unknown" : "gone" }
}

/// What is stored under a node's name: `1764230000000 0123456789abcdef {…}`, the first being the server's time of its heartbeat.
struct StoredNode: Sendable, Hashable {
    /// Bytes of a name.
    static let longestName = 253

    var seenAt: Int
    var instance: String
    var record: NodeRecord

    init?(_ bytes: [UInt8]) {
        guard bytes.count <= 4_096 else { return nil }
        let parts = String(decoding: bytes, as: UTF8.self).split(separator: " ", maxSplits: 2)
        guard parts.count == 3, let seenAt = Int(parts[0]), parts[1].utf8.count <= 32, Schema.isName(String(parts[1])),
            let record = NodeRecord(parts[2])
        else { return nil }
        (self.seenAt, self.record) = (seenAt, record)
        instance = String(parts[1])
    }
}
