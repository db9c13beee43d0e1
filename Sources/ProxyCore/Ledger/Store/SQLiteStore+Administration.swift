import GRDB

/// Tables of what operators do: keys that are rotated, and the audit log.
extension SQLiteStore {
    static func registerAdministration(_ migrator: inout DatabaseMigrator) {
        migrator.registerMigration("k1: rotated keys") { database in
            try database.execute(
                sql: """
                    CREATE TABLE retired_secret (
                        digest BLOB PRIMARY KEY NOT NULL,   -- SHA-256 of what the key was before it was rotated
                        key_id TEXT NOT NULL,
                        until INTEGER NOT NULL              -- seconds since 1970
                    ) WITHOUT ROWID;
                    CREATE INDEX retired_secret_by_key ON retired_secret (key_id);
                    """)
        }
        migrator.registerMigration("k2: audit") { database in
            try database.execute(
                sql: """
                    CREATE TABLE audit (
                        id INTEGER PRIMARY KEY AUTOINCREMENT,
                        time INTEGER NOT NULL,              -- seconds since 1970
                        who TEXT NOT NULL,                  -- the name of the admin key
                        address TEXT NOT NULL,
                        action TEXT NOT NULL,
                        target TEXT,
                        detail TEXT,
                        result TEXT NOT NULL                -- ok, or the type of the refusal
                    );
                    CREATE INDEX audit_by_time ON audit (time);
                    CREATE TRIGGER audit_keeps_what_it_says BEFORE UPDATE ON audit
                        BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END;
                    CREATE TRIGGER audit_keeps_all BEFORE DELETE ON audit
                        BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END;
                    """)
        }
    }
}
