import GRDB

/// Keeping what limits have used.
extension SQLiteStore {
    func limitSums(day: LocalDate, monthStart: LocalDate, usedSince since: Int) throws -> [LimitSums] {
        try read { database in
            var sums: [LimitSums] = []
            let rows = try Row.fetchCursor(
                database, sql: Self.sumOfLimits, arguments: ["day": day.number, "month": monthStart.number, "since": since])
            while let row = try rows.next() {
                sums.append(
                    LimitSums(
                        limit: row.text("limit_id"), bucket: row.text("bucket"), day: Self.limitAmounts(row, "day"),
                        month: Self.limitAmounts(row, "month"), total: Self.limitAmounts(row, "total"),
                        lastUsed: row.time("last_used") ?? 0))
            }
            return sums
        }
    }

    func limitDays(after day: LocalDate) throws -> [LimitDay] {
        try read { database in
            let sql = "SELECT limit_id, bucket, day, requests, tokens, cached, cost FROM limit_day WHERE day > ?"
            return try Row.fetchAll(database, sql: sql, arguments: [day.number]).map { row in
                LimitDay(
                    limit: row.text("limit_id"), bucket: row.text("bucket"), day: row.integer("day"),
                    amounts: LimitAmounts(
                        requests: row.amount("requests"), tokens: row.amount("tokens"), cachedTokens: row.amount("cached"),
                        nanoDollars: row.amount("cost")))
            }
        }
    }

    func knowsLimit(_ limit: String, bucket: String) throws -> Bool {
        try read { database in
            let sql = """
                SELECT EXISTS (SELECT 1 FROM limit_day WHERE limit_id = :limit AND bucket = :bucket)
                    OR EXISTS (SELECT 1 FROM limit_block WHERE limit_id = :limit AND bucket = :bucket)
                """
            return try Bool.fetchOne(database, sql: sql, arguments: ["limit": limit, "bucket": bucket]) ?? false
        }
    }

    func resetLimit(_ reset: LimitReset, on day: LocalDate) throws {
        try write { database in
            if reset.window == nil { try Self.clear(reset, database) }
            for move in reset.moves(on: day) { try Self.move(move, reset, database) }
            guard reset.isOfMinute else { return }
            try database.execute(
                sql: "INSERT OR REPLACE INTO limit_reset (limit_id, bucket, kind, time) VALUES (?, ?, ?, ?)",
                arguments: [reset.limit, reset.bucket, reset.kind?.rawValue ?? "", reset.time])
            // What is older than the last minute of any start to come is of no use.
            try database.execute(sql: "DELETE FROM limit_reset WHERE time < ?", arguments: [reset.time - Self.resetsAreKept])
        }
    }

    private static func clear(_ reset: LimitReset, _ database: Database) throws {
        let what =
            switch reset.kind {
            case nil: "DELETE FROM limit_day"
            case .requests: "UPDATE limit_day SET requests = 0"
            case .tokens: "UPDATE limit_day SET tokens = 0, cached = 0"
            case .cost: "UPDATE limit_day SET cost = 0"
            // What is in flight is nothing that is kept.
            case .concurrency: "UPDATE limit_day SET requests = requests"
            }
        try database.execute(sql: what + " WHERE limit_id = ? AND bucket = ?", arguments: [reset.limit, reset.bucket])
    }

    private static func move(_ move: LimitReset.Move, _ reset: LimitReset, _ database: Database) throws {
        let sums = columns.map { reset.isOf(column: $0) ? "\(move.sign) * CAST(total(\($0)) AS INTEGER)" : "0" }
        let sql = """
            INSERT INTO limit_day (limit_id, bucket, day, \(columns.joined(separator: ", ")), last_used)
                SELECT limit_id, bucket, :place, \(sums.joined(separator: ", ")), max(last_used) FROM limit_day
                WHERE limit_id = :limit AND bucket = :bucket AND day BETWEEN :first AND :last GROUP BY limit_id, bucket
            ON CONFLICT DO UPDATE SET \(additions)
            """
        try database.execute(
            sql: sql,
            arguments: [
                "place": move.place, "limit": reset.limit, "bucket": reset.bucket, "first": move.days.lowerBound,
                "last": move.days.upperBound,
            ])
    }

    /// Milliseconds.
    static let resetsAreKept = 3_600_000

    func limitResets() throws -> [LimitReset] {
        try read { database in
            try Row.fetchAll(database, sql: "SELECT limit_id, bucket, kind, time FROM limit_reset ORDER BY time").map {
                LimitReset(
                    limit: $0.text("limit_id"), bucket: $0.text("bucket"), kind: LimitRate.Kind(rawValue: $0.text("kind")),
                    time: $0.integer("time"))
            }
        }
    }

    func setLimitBlock(_ limit: String, bucket: String, until: Int?, title: String) throws {
        try write { database in
            guard let until else {
                let sql = "DELETE FROM limit_block WHERE limit_id = ? AND bucket = ?"
                return try database.execute(sql: sql, arguments: [limit, bucket])
            }
            let sql = "INSERT OR REPLACE INTO limit_block (limit_id, bucket, until, title) VALUES (?, ?, ?, ?)"
            try database.execute(sql: sql, arguments: [limit, bucket, until, title])
        }
    }

    func limitBlocks() throws -> [LimitBlock] {
        try read { database in
            let sql = "SELECT limit_id, bucket, until, title FROM limit_block ORDER BY limit_id, bucket"
            return try Row.fetchAll(database, sql: sql).map {
                LimitBlock(
                    limit: $0.text("limit_id"), bucket: $0.text("bucket"), until: $0.integer("until"), title: $0.text("title"))
            }
        }
    }

    func reviveLimits(usedSince since: Int) throws {
        try write { database in
            let revived = """
                FROM limit_day WHERE day < 0 AND (limit_id, bucket) IN (
                    SELECT limit_id, bucket FROM limit_day WHERE day < 0 GROUP BY limit_id, bucket HAVING max(last_used) >= ?)
                """
            let sql = """
                INSERT INTO limit_day (limit_id, bucket, day, \(Self.columns.joined(separator: ", ")), last_used)
                    SELECT limit_id, bucket, -1 - day, \(Self.columns.joined(separator: ", ")), last_used \(revived)
                ON CONFLICT DO UPDATE SET \(Self.additions)
                """
            try database.execute(sql: sql, arguments: [since])
            try database.execute(sql: "DELETE " + revived, arguments: [since])
        }
    }

    func limitsUnused(since: Int) throws -> [LimitUsedLast] {
        try read { database in
            let sql = """
                SELECT limit_id, bucket, max(last_used) AS last_used FROM limit_day WHERE day >= 0
                GROUP BY limit_id, bucket HAVING max(last_used) < ?
                """
            return try Row.fetchAll(database, sql: sql, arguments: [since]).map { row in
                let charge = LimitCharge(limit: row.text("limit_id"), bucket: row.text("bucket"))
                return LimitUsedLast(charge: charge, time: row.time("last_used") ?? 0)
            }
        }
    }

    func keepLimits(_ uses: [LimitUsedLast]) throws {
        guard !uses.isEmpty else { return }
        try write { database in
            let statement = try database.cachedStatement(
                sql: """
                    UPDATE limit_day SET last_used = max(last_used, ?) WHERE limit_id = ? AND bucket = ? AND day >= 0
                    """)
            for use in uses { try statement.execute(arguments: [use.time, use.charge.limit, use.charge.bucket]) }
        }
    }

    func forgetLimits(unusedSince: Int) throws {
        try write { database in
            // Rows of one bucket lie together: what has a younger row stays whole, for its total. What was set aside is a bucket of
            // its own.
            let sql = """
                DELETE FROM limit_day WHERE (limit_id, bucket, day < 0) IN (
                    SELECT limit_id, bucket, day < 0 FROM limit_day GROUP BY 1, 2, 3 HAVING max(last_used) < ?)
                """
            try database.execute(sql: sql, arguments: [unusedSince])
            try database.execute(
                sql: "DELETE FROM limit_block WHERE until < ?", arguments: [UsageAmounts.clamped(unusedSince) * 1_000])
        }
    }

    func foldLimits(before day: LocalDate, limit: Int) throws -> Bool {
        var isFull = false
        try write { database in
            // Both see the same rows: those of day 0 are in neither.
            let arguments: StatementArguments = ["day": day.number, "limit": limit]
            try database.execute(sql: Self.addOldDays, arguments: arguments)
            try database.execute(sql: Self.deleteOldDays, arguments: arguments)
            isFull = database.changesCount >= limit
        }
        return isFull
    }

    static func book(_ charges: [UsageBatch.Charge], _ database: Database) throws {
        guard !charges.isEmpty else { return }
        let statement = try database.cachedStatement(sql: addToLimit)
        for charge in charges {
            try setAside(charge, database)
            try statement.execute(arguments: [
                charge.limit, charge.bucket, charge.day.number, charge.amounts.requests, charge.amounts.tokens,
                charge.amounts.cachedTokens, charge.amounts.nanoDollars, charge.lastUsed,
            ])
        }
    }

    /// What was forgotten before it was used again is not deleted at once, since the clock may be ahead for a moment: its days are kept
    /// below 0, where they count nowhere.
    private static func setAside(_ charge: UsageBatch.Charge, _ database: Database) throws {
        let latest = try database.cachedStatement(
            sql: "SELECT max(last_used) FROM limit_day WHERE limit_id = ? AND bucket = ? AND day >= 0")
        guard let used = try Int.fetchOne(latest, arguments: [charge.limit, charge.bucket]), used < charge.keptSince else {
            return
        }
        for sql in ["DELETE FROM limit_day WHERE day < 0", "UPDATE limit_day SET day = -1 - day WHERE day >= 0"] {
            try database.execute(sql: sql + " AND limit_id = ? AND bucket = ?", arguments: [charge.limit, charge.bucket])
        }
    }

    // MARK: - SQL

    private static let columns = ["requests", "tokens", "cached", "cost"]
    private static let addToLimit = """
        INSERT INTO limit_day (limit_id, bucket, day, requests, tokens, cached, cost, last_used) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT DO UPDATE SET \(additions)
        """
    private static let additions =
        columns.map { "\($0) = min(\($0) + excluded.\($0), \(UsageAmounts.limit))" }.joined(separator: ", ")
        + ", last_used = max(last_used, excluded.last_used)"

    private static let oldDays = "FROM limit_day WHERE day > 0 AND day < :day ORDER BY limit_id, bucket, day LIMIT :limit"
    private static let addOldDays = """
        INSERT INTO limit_day (limit_id, bucket, day, \(columns.joined(separator: ", ")), last_used)
            SELECT limit_id, bucket, 0, \(columns.map { sum($0) }.joined(separator: ", ")), max(last_used)
            FROM (SELECT * \(oldDays)) WHERE TRUE GROUP BY limit_id, bucket
        ON CONFLICT DO UPDATE SET \(additions)
        """
    private static let deleteOldDays =
        "DELETE FROM limit_day WHERE (limit_id, bucket, day) IN (SELECT limit_id, bucket, day \(oldDays))"

    /// Exact up to 2⁵³, and at the greatest number where a sum overflows.
    private static let sumOfLimits: String = {
        func sums(_ name: String, _ condition: String) -> [String] {
            columns.map { "CAST(total(CASE WHEN \(condition) THEN \($0) END) AS INTEGER) AS \(name)_\($0)" }
        }
        let all = sums("day", "day = :day") + sums("month", "day >= :month") + sums("total", "TRUE")
        return """
            SELECT limit_id, bucket, max(last_used) AS last_used, \(all.joined(separator: ", ")) FROM limit_day
            WHERE day >= 0 GROUP BY limit_id, bucket HAVING max(last_used) >= :since
            """
    }()

    private static func limitAmounts(_ row: Row, _ name: String) -> LimitAmounts {
        LimitAmounts(
            requests: row.amount("\(name)_requests"), tokens: row.amount("\(name)_tokens"),
            cachedTokens: row.amount("\(name)_cached"), nanoDollars: row.amount("\(name)_cost"))
    }
}
