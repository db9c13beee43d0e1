import Foundation
import GRDB

/// Keeping keys.
extension SQLiteStore {
    func keys() throws -> [StoredKey] {
        try read { database in
            try Row.fetchAll(database, sql: "SELECT * FROM key ORDER BY created, id").map { row in
                let digest: Data? = row["digest"]
                return StoredKey(
                    id: row["id"], name: row["name"], digest: digest.flatMap { KeyDigest(bytes: $0) }, masked: row["masked"],
                    policy: row["policy"], tags: Self.tags(fromJSON: row["tags"]), enabled: row["enabled"],
                    created: row["created"], expires: row["expires"],
                    origin: ClientKey.Origin(rawValue: row["origin"]) ?? .admin, deleted: row["deleted"])
            }
        }
    }

    func save(_ key: StoredKey) throws {
        let tags = try JSONEncoder().encode(key.tags)
        try write { database in
            try database.execute(
                sql: """
                    INSERT INTO key (id, name, digest, masked, policy, tags, enabled, created, expires, origin, deleted)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                    ON CONFLICT (id) DO UPDATE SET name = excluded.name, digest = excluded.digest, masked = excluded.masked,
                        policy = excluded.policy, tags = excluded.tags, enabled = excluded.enabled, created = excluded.created,
                        expires = excluded.expires, origin = excluded.origin, deleted = excluded.deleted
                    """,
                arguments: [
                    key.id, key.name, key.digest.map { Data($0.bytes) }, key.masked, key.policy,
                    String(decoding: tags, as: UTF8.self),
                    key.enabled, key.created, key.expires, key.origin.rawValue, key.deleted,
                ])
        }
    }

    private static func tags(fromJSON text: String) -> [String: String] {
        (try? JSONDecoder().decode([String: String].self, from: Data(text.utf8))) ?? [:]
    }
}
