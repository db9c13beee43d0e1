/// Keeping what operators did, and the store as a whole.
extension PostgresStore {
    func add(_ entry: AuditEntry) throws {
        try write { connection, session in
            let last = try connection.execute(
                "SELECT coalesce(max(number), 0) FROM proxyd_audit WHERE source = $1", [.number(session.source)])
            var entry = entry
            entry.id = (last.first?.integer(0) ?? 0) + 1
            try Self.add([entry], session.source, connection)
        }
    }

    /// Adds what the node's own log has after what is here.
    /// - Returns: the number of the last entry that is here.
    @discardableResult
    func add(_ entries: [AuditEntry]) throws -> Int {
        try write { connection, session in
            try Self.add(entries, session.source, connection)
            return try Self.lastEntry(session.source, connection)
        }
    }

    /// The number of the last entry of this node's log that is here.
    func lastAuditEntry() throws -> Int {
        try read { connection, session in try Self.lastEntry(session.source, connection) }
    }

    private static func lastEntry(_ source: Int, _ connection: PostgresConnection) throws -> Int {
        try connection.execute("SELECT audit FROM proxyd_source WHERE id = $1", [.number(source)]).first?.integer(0) ?? 0
    }

    static func add(_ entries: [AuditEntry], _ source: Int, _ connection: PostgresConnection) throws {
        guard let last = entries.map(\.id).max() else { return }
        for entry in entries {
            try connection.execute(
                """
                INSERT INTO proxyd_audit (source, number, time, who, address, action, target, detail, result)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (source, number) DO NOTHING
                """,
                [
                    .number(source), .number(entry.id), .number(entry.time), .text(entry.who), .text(entry.address),
                    .text(entry.action), PostgresValue(entry.target), PostgresValue(entry.detail), .text(entry.result),
                ])
        }
        try connection.execute(
            "UPDATE proxyd_source SET audit = greatest(audit, $2) WHERE id = $1", [.number(source), .number(last)])
    }

    func auditEntries(_ query: AuditQuery) throws -> [AuditEntry] {
        let sql = """
            SELECT id, time, who, address, action, target, detail, result FROM proxyd_audit
            WHERE id < $1 AND time >= $2 AND time < $3 ORDER BY id DESC LIMIT $4
            """
        let values: [PostgresValue] = [
            .number(query.before ?? .max), .number(query.since ?? .min), .number(query.beforeTime ?? .max),
            .number(max(query.limit, 0)),
        ]
        return try read { connection, _ in
            try connection.execute(sql, values).map { row in
                AuditEntry(
                    id: row.integer(0), time: row.integer(1), who: row.text(2), address: row.text(3), action: row.text(4),
                    target: row.optionalText(5), detail: row.optionalText(6), result: row.text(7))
            }
        }
    }

    // MARK: - As a whole

    /// A copy of a database of PostgreSQL is made by its own tools.
    func copy(to path: String) throws {
        throw StateFailure.unusable(path: path, reason: "PostgreSQL is backed up with pg_dump")
    }

    func check() -> [String] { [] }

    func counts() throws -> (keys: Int, requests: Int)? {
        let counts = try read { connection, _ in
            let keys = try connection.execute("SELECT count(*) FROM proxyd_key WHERE deleted IS NULL").first?.integer(0)
            let requests = try connection.execute("SELECT coalesce(sum(requests), 0) FROM proxyd_usage_key").first?.integer(0)
            return [keys ?? 0, requests ?? 0]
        }
        return (counts[0], counts[1])
    }
}
