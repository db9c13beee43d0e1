import GRDB

/// Keeping what operators did.
extension SQLiteStore {
    func add(_ entry: AuditEntry) throws {
        try write { database in
            try database.execute(
                sql: """
                    INSERT INTO audit (time, who, address, action, target, detail, result) VALUES (?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [entry.time, entry.who, entry.address, entry.action, entry.target, entry.detail, entry.result])
        }
    }

    func auditEntries(_ query: AuditQuery) throws -> [AuditEntry] {
        try read { database in
            let sql = """
                SELECT * FROM audit WHERE id < ? AND time >= ? AND time < ? ORDER BY id DESC LIMIT ?
                """
            let arguments: StatementArguments = [
                query.before ?? .max, query.since ?? .min, query.beforeTime ?? .max, query.limit,
            ]
            return try Row.fetchAll(database, sql: sql, arguments: arguments).map(Self.auditEntry)
        }
    }

    static func auditEntry(_ row: Row) -> AuditEntry {
        AuditEntry(
            id: row.integer("id"), time: row.time("time") ?? 0, who: row.text("who"), address: row.text("address"),
            action: row.text("action"), target: String.fromDatabaseValue(row["target"]),
            detail: String.fromDatabaseValue(row["detail"]), result: row.text("result"))
    }
}
