import Foundation
import GRDB

/// Keeping keys.
extension SQLiteStore {
    func keys() throws -> [StoredKey] {
        try read { database in
            try Row.fetchAll(database, sql: "SELECT * FROM key ORDER BY created, id").map { row in
                let digest = Data.fromDatabaseValue(row["digest"])
                return StoredKey(
                    id: row.text("id"), name: row.text("name"), digest: digest.flatMap { KeyDigest(bytes: $0) },
                    masked: row.text("masked"), policy: row.text("policy"), tags: Self.tags(fromJSON: row.text("tags")),
                    enabled: row.integer("enabled") != 0, created: row.time("created") ?? 0, expires: row.time("expires"),
                    source: ClientKey.Source(rawValue: row.text("origin")) ?? .admin, deleted: row.time("deleted"))
            }
        }
    }

    func save(_ keys: [StoredKey]) throws {
        guard !keys.isEmpty else { return }
        try write { database in
            let statement = try database.cachedStatement(
                sql: """
                    INSERT INTO key (id, name, digest, masked, policy, tags, enabled, created, expires, origin, deleted)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                    ON CONFLICT (id) DO UPDATE SET name = excluded.name, digest = excluded.digest, masked = excluded.masked,
                        policy = excluded.policy, tags = excluded.tags, enabled = excluded.enabled, created = excluded.created,
                        expires = excluded.expires, origin = excluded.origin, deleted = excluded.deleted
                    """)
            for key in keys {
                let tags = try JSONEncoder().encode(key.tags)
                try statement.execute(arguments: [
                    key.id, key.name, key.digest.map { Data($0.bytes) }, key.masked, key.policy,
                    String(decoding: tags, as: UTF8.self),
                    key.enabled, key.created, key.expires, key.source.rawValue, key.deleted,
                ])
            }
        }
    }

    private static func tags(fromJSON text: String) -> [String: String] {
        (try? JSONDecoder().decode([String: String].self, from: Data(text.utf8))) ?? [:]
    }
}
