import Basics
import Dialects

/// Keeping keys, and telling what of them has changed.
extension PostgresStore {
    /// A key with what its last change has as a number: greater with every change of any key.
    struct VersionedKey: Sendable {
        var key: StoredKey
        var version: Int
    }

    func keys() throws -> [StoredKey] {
        try keys(changedSince: 0).map(\.key).sorted {
            ($0.created, $0.createdMicroseconds, $0.id) < ($1.created, $1.createdMicroseconds, $1.id)
        }
    }

    /// The keys in the order in which they were changed.
    func keys(changedSince version: Int) throws -> [VersionedKey] {
        try read { connection, _ in try Self.keys(changedSince: version, connection) }
    }

    static func keys(changedSince version: Int, _ connection: PostgresConnection) throws -> [VersionedKey] {
        let sql = """
            SELECT id, name, digest, masked, policy, tags, enabled, created, expires, origin, deleted, retired, version,
                created_micros
            FROM proxyd_key WHERE version > $1 ORDER BY version
            """
        return try connection.execute(sql, [.number(version)]).map { row in
            let key = StoredKey(
                id: row.text(0), name: row.text(1), digest: row.bytes(2).flatMap { KeyDigest(bytes: $0) }, masked: row.text(3),
                policy: row.text(4), tags: tags(fromJSON: row.text(5)), enabled: row.flag(6), created: time(row.integer(7)),
                expires: row.optionalInteger(8).map(time), source: ClientKey.Source(rawValue: row.text(9)) ?? .admin,
                deleted: row.optionalInteger(10).map(time), retired: retired(row.text(11)),
                createdMicroseconds: row.integer(13))
            return VersionedKey(key: key, version: row.integer(12))
        }
    }

    func keyNames() throws -> [String: String] {
        try read { connection, _ in
            let rows = try connection.execute("SELECT id, name FROM proxyd_key").map { ($0.text(0), $0.text(1)) }
            return Dictionary(rows, uniquingKeysWith: { first, _ in first })
        }
    }

    func save(_ keys: [StoredKey]) throws { try save(keys, knowing: [:]) }

    /// - Parameters:
    ///   - versions: what is known of them; one that another node has changed since is a conflict.
    ///   - beforehand: what is done before they are there; where it throws, they are not.
    func save(_ keys: [StoredKey], knowing versions: [String: Int], beforehand: () throws -> Void = {}) throws {
        guard !keys.isEmpty else { return try beforehand() }
        try write { connection, _ in
            try Self.lockKeys(connection)
            for key in keys {
                try Self.refuseConflicts(key, versions[key.id], connection)
                try Self.save(key, ifThere: true, connection)
            }
            try connection.execute("NOTIFY \(PostgresSchema.channel)")
            try beforehand()
        }
    }

    /// Adds those that are not there by their ids; what is there stays. What this node has booked for a declared key is remembered there.
    func offer(_ keys: [StoredKey]) throws {
        guard !keys.isEmpty else { return }
        try write { connection, _ in
            try Self.lockKeys(connection)
            let rows = try connection.execute("SELECT id, retired FROM proxyd_key").map { ($0.text(0), $0.text(1)) }
            let known = Dictionary(rows, uniquingKeysWith: { first, _ in first })
            let digests = Set(
                try connection.execute("SELECT digest FROM proxyd_key WHERE digest IS NOT NULL").map { $0.text(0) })
            var isNew = false
            for key in keys {
                if let there = known[key.id] {
                    isNew = try Self.remember(key, Self.retired(there), connection) || isNew
                    continue
                }
                // Two nodes may have taken over the same key under two ids: the first one's stays.
                if let digest = key.digest, digests.contains("\\x\(Hex.text(digest.bytes))") { continue }
                try Self.save(key, ifThere: false, connection)
                isNew = true
            }
            if isNew { try connection.execute("NOTIFY \(PostgresSchema.channel)") }
        }
    }

    /// - Parameter there: the texts that were booked for a declared key, as far as they are there.
    /// - Returns: whether this node knew of more.
    private static func remember(_ key: StoredKey, _ there: [RetiredSecret], _ connection: PostgresConnection) throws -> Bool {
        let known = Set(there.map(\.digest))
        let new = key.retired.filter { !known.contains($0.digest) }
        guard key.source == .declared, !new.isEmpty else { return false }
        let sql = "UPDATE proxyd_key SET retired = $1, version = nextval('proxyd_key_version') WHERE id = $2"
        try connection.execute(sql, [.text(text(of: there + new)), .text(key.id)])
        return true
    }

    /// Changes of keys come one after the other: whoever sees one has seen all before.
    private static func lockKeys(_ connection: PostgresConnection) throws {
        try connection.execute("SELECT pg_advisory_xact_lock(\(PostgresSchema.lockClass), \(PostgresSchema.keyLock))")
    }

    private static func refuseConflicts(_ key: StoredKey, _ version: Int?, _ connection: PostgresConnection) throws {
        let there = try connection.execute("SELECT version FROM proxyd_key WHERE id = $1", [.text(key.id)]).first?.integer(0)
        if let there, let version, there != version {
            throw PostgresFailure.conflict("the key '\(key.name)' was changed on another node at the same time: try again")
        }
        guard key.source == .admin, key.deleted == nil else { return }
        let sql = "SELECT id FROM proxyd_key WHERE name = $1 AND id <> $2 AND deleted IS NULL AND origin = 'admin'"
        guard there == nil, let other = try connection.execute(sql, [.text(key.name), .text(key.id)]).first else { return }
        throw KeyFailure.taken(name: key.name, id: other.text(0))
    }

    private static func save(_ key: StoredKey, ifThere replaces: Bool, _ connection: PostgresConnection) throws {
        let update = """
            DO UPDATE SET name = excluded.name, digest = excluded.digest, masked = excluded.masked, policy = excluded.policy,
                tags = excluded.tags, enabled = excluded.enabled, created = excluded.created, expires = excluded.expires,
                origin = excluded.origin, deleted = excluded.deleted, version = excluded.version,
                created_micros = excluded.created_micros,
                retired = CASE WHEN excluded.origin = 'declared' AND excluded.retired = '' THEN proxyd_key.retired
                    ELSE excluded.retired END
            """
        try connection.execute(
            """
            INSERT INTO proxyd_key
                (id, name, digest, masked, policy, tags, enabled, created, expires, origin, deleted, retired, created_micros,
                version)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, nextval('proxyd_key_version'))
            ON CONFLICT (id) \(replaces ? update : "DO NOTHING")
            """,
            [
                .text(key.id), .text(key.name), key.digest.map { .bytes($0.bytes) } ?? .null, .text(key.masked),
                .text(key.policy), .text(json(of: key.tags)), .text(key.enabled ? "t" : "f"), .number(key.created),
                PostgresValue(key.expires), .text(key.source.rawValue), PostgresValue(key.deleted), .text(text(of: key.retired)),
                .number(key.createdMicroseconds),
            ])
    }

    private static func text(of retired: [RetiredSecret]) -> String {
        retired.map { "\($0.digest.hex):\($0.until)" }.joined(separator: ",")
    }

    private static func retired(_ text: String) -> [RetiredSecret] {
        text.split(separator: ",").compactMap { part in
            let halves = part.split(separator: ":")
            guard halves.count == 2, let digest = KeyDigest(hex: halves[0]), let until = Int(halves[1]) else { return nil }
            return RetiredSecret(digest: digest, until: time(until))
        }
    }

    /// The nearest time within the years that can be written.
    private static func time(_ seconds: Int) -> Int { min(max(seconds, 0), 253_402_300_799) }

    private static func json(of tags: [String: String]) -> String {
        let members = tags.inKeyOrder().map { JSONObject.Member(key: $0.key, value: .string($0.value)) }
        return String(decoding: JSONValue.object(JSONObject(members)).bytes, as: UTF8.self)
    }

    private static func tags(fromJSON text: String) -> [String: String] {
        guard case .object(let object)? = try? JSONValue(parsing: Array(text.utf8)) else { return [:] }
        var tags: [String: String] = [:]
        for member in object.members { tags[member.key] = member.value.string }
        return tags
    }

    func add(_ keys: [(key: StoredKey, usage: ImportedKey)]) throws {
        let rows = keys.flatMap { key, usage in usage.rows.map { SQLiteStore.row($0, of: key) } }
        let places = try read { connection, session in
            try Self.places(rows.map(PostgresPlace.init), &session, connection)
        }
        try save(keys.map(\.key))
        try write { connection, session in
            try Self.add(rows, places, session.source, connection, totals: keys.map { ($0.key.id, $0.usage) })
            try Self.add(keys.flatMap { $0.usage.charges(to: $0.key) }, session.source, connection)
        }
    }
}
