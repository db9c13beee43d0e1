import Foundation
import GRDB

/// Keeping keys.
extension SQLiteStore {
    func keys() throws -> [StoredKey] {
        try read { database in
            var retired: [String: [RetiredSecret]] = [:]
            for row in try Row.fetchAll(database, sql: "SELECT * FROM retired_secret ORDER BY until") {
                guard let bytes = Data.fromDatabaseValue(row["digest"]), let digest = KeyDigest(bytes: bytes) else { continue }
                retired[row.text("key_id"), default: []].append(RetiredSecret(digest: digest, until: row.time("until") ?? 0))
            }
            return try Row.fetchAll(database, sql: "SELECT * FROM key ORDER BY created, created_micros, id").map { row in
                let digest = Data.fromDatabaseValue(row["digest"])
                return StoredKey(
                    id: row.text("id"), name: row.text("name"), digest: digest.flatMap { KeyDigest(bytes: $0) },
                    masked: row.text("masked"), policy: row.text("policy"), tags: Self.tags(fromJSON: row.text("tags")),
                    enabled: row.integer("enabled") != 0, created: row.time("created") ?? 0, expires: row.time("expires"),
                    source: ClientKey.Source(rawValue: row.text("origin")) ?? .admin, deleted: row.time("deleted"),
                    retired: retired[row.text("id")] ?? [], createdMicroseconds: row.integer("created_micros"))
            }
        }
    }

    func save(_ keys: [StoredKey]) throws {
        guard !keys.isEmpty else { return }
        try write { try Self.save(keys, $0) }
    }

    static func save(_ keys: [StoredKey], _ database: Database) throws {
        let statement = try database.cachedStatement(
            sql: """
                INSERT INTO key (id, name, digest, masked, policy, tags, enabled, created, created_micros, expires, origin, deleted)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (id) DO UPDATE SET name = excluded.name, digest = excluded.digest, masked = excluded.masked,
                    policy = excluded.policy, tags = excluded.tags, enabled = excluded.enabled, created = excluded.created,
                    created_micros = excluded.created_micros, expires = excluded.expires, origin = excluded.origin, deleted = excluded.deleted
                """)
        for key in keys {
            let tags = try JSONEncoder().encode(key.tags)
            try statement.execute(arguments: [
                key.id, key.name, key.digest.map { Data($0.bytes) }, key.masked, key.policy,
                String(decoding: tags, as: UTF8.self),
                key.enabled, key.created, key.createdMicroseconds, key.expires, key.source.rawValue, key.deleted,
            ])
            // What was booked for a declared key is remembered: the file does not know it, and takes nothing of it away.
            if key.source == .admin {
                let forget = try database.cachedStatement(sql: "DELETE FROM retired_secret WHERE key_id = ?")
                try forget.execute(arguments: [key.id])
            }
            for secret in key.retired {
                let keep = try database.cachedStatement(
                    sql: "INSERT OR REPLACE INTO retired_secret (digest, key_id, until) VALUES (?, ?, ?)")
                try keep.execute(arguments: [Data(secret.digest.bytes), key.id, secret.until])
            }
        }
    }

    private static func tags(fromJSON text: String) -> [String: String] {
        (try? JSONDecoder().decode([String: String].self, from: Data(text.utf8))) ?? [:]
    }
}
