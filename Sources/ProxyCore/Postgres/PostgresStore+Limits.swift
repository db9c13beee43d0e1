/// Keeping what limits of this node have used. Where nodes share limits, that is another's: `cluster.limits`.
extension PostgresStore {
    func limitSums(day: LocalDate, monthStart: LocalDate, usedSince since: Int) throws -> [LimitSums] {
        func sums(_ condition: String) -> String {
            PostgresSchema.limitNames.map { name in
                "least(coalesce(sum(\(name)) FILTER (WHERE \(condition)), 0), \(UsageAmounts.limit))::bigint"
            }.joined(separator: ", ")
        }
        let sql = """
            SELECT limit_id, bucket, max(last_used), \(sums("day = $2")), \(sums("day >= $3")), \(sums("true"))
            FROM proxyd_limit_day WHERE source = $1 AND day >= 0 GROUP BY limit_id, bucket HAVING max(last_used) >= $4
            """
        return try read { connection, session in
            let values: [PostgresValue] = [
                .number(session.source), .number(day.number), .number(monthStart.number), .number(since),
            ]
            return try connection.execute(sql, values).map { row in
                LimitSums(
                    limit: row.text(0), bucket: row.text(1), day: Self.limitAmounts(row, at: 3),
                    month: Self.limitAmounts(row, at: 7), total: Self.limitAmounts(row, at: 11), lastUsed: row.amount(2))
            }
        }
    }

    func limitDays(after day: LocalDate) throws -> [LimitDay] {
        let sql = """
            SELECT limit_id, bucket, day, \(PostgresSchema.limitNames.joined(separator: ", ")) FROM proxyd_limit_day
            WHERE source = $1 AND day > $2
            """
        return try read { connection, session in
            try connection.execute(sql, [.number(session.source), .number(day.number)]).map { row in
                LimitDay(limit: row.text(0), bucket: row.text(1), day: row.amount(2), amounts: Self.limitAmounts(row, at: 3))
            }
        }
    }

    private static func limitAmounts(_ row: PostgresRow, at first: Int) -> LimitAmounts {
        LimitAmounts(
            requests: row.amount(first), tokens: row.amount(first + 1), cachedTokens: row.amount(first + 2),
            nanoDollars: row.amount(first + 3))
    }

    func knowsLimit(_ limit: String, bucket: String) throws -> Bool {
        let sql = """
            SELECT EXISTS (SELECT 1 FROM proxyd_limit_day WHERE source = $1 AND limit_id = $2 AND bucket = $3)
                OR EXISTS (SELECT 1 FROM proxyd_limit_block WHERE source = $1 AND limit_id = $2 AND bucket = $3)
            """
        return try read { connection, session in
            try connection.execute(sql, [.number(session.source), .text(limit), .text(bucket)]).first?.flag(0) ?? false
        }
    }

    func resetLimit(_ reset: LimitReset, on day: LocalDate) throws {
        let what =
            switch reset.kind {
            case nil: "DELETE FROM proxyd_limit_day"
            case .requests: "UPDATE proxyd_limit_day SET requests = 0"
            case .tokens: "UPDATE proxyd_limit_day SET tokens = 0, cached = 0"
            case .cost: "UPDATE proxyd_limit_day SET cost = 0"
            // What is in flight is nothing that is kept.
            case .concurrency: "UPDATE proxyd_limit_day SET requests = requests"
            }
        try write { connection, session in
            let names: [PostgresValue] = [.number(session.source), .text(reset.limit), .text(reset.bucket)]
            if reset.window == nil {
                try connection.execute(what + " WHERE source = $1 AND limit_id = $2 AND bucket = $3", names)
            }
            for move in reset.moves(on: day) {
                try connection.execute(
                    Self.moving(move, reset),
                    names + [.number(move.place), .number(move.days.lowerBound), .number(move.days.upperBound)])
            }
            guard reset.isOfMinute else { return }
            try connection.execute(
                """
                INSERT INTO proxyd_limit_reset (source, limit_id, bucket, kind, time) VALUES ($1, $2, $3, $4, $5)
                ON CONFLICT (source, limit_id, bucket, kind) DO UPDATE SET time = excluded.time
                """, names + [.text(reset.kind?.rawValue ?? ""), .number(reset.time)])
            try connection.execute(
                "DELETE FROM proxyd_limit_reset WHERE source = $1 AND time < $2",
                [.number(session.source), .number(reset.time - SQLiteStore.resetsAreKept)])
        }
    }

    private static func moving(_ move: LimitReset.Move, _ reset: LimitReset) -> String {
        let columns = PostgresSchema.limitNames
        let sums = columns.map { name in
            reset.isOf(column: name) ? "(\(move.sign) * least(sum(\(name)), \(UsageAmounts.limit)))::bigint" : "0"
        }
        let set = columns.map { "\($0) = least(t.\($0) + excluded.\($0), \(UsageAmounts.limit))" }.joined(separator: ", ")
        return """
            INSERT INTO proxyd_limit_day AS t (source, limit_id, bucket, day, \(columns.joined(separator: ", ")), last_used)
            SELECT source, limit_id, bucket, $4::bigint, \(sums.joined(separator: ", ")), max(last_used) FROM proxyd_limit_day
            WHERE source = $1 AND limit_id = $2 AND bucket = $3 AND day BETWEEN $5 AND $6 GROUP BY source, limit_id, bucket
            ON CONFLICT (source, limit_id, bucket, day) DO UPDATE SET \(set),
                last_used = greatest(t.last_used, excluded.last_used)
            """
    }

    func limitResets() throws -> [LimitReset] {
        let sql = "SELECT limit_id, bucket, kind, time FROM proxyd_limit_reset WHERE source = $1 ORDER BY time"
        return try read { connection, session in
            try connection.execute(sql, [.number(session.source)]).map {
                LimitReset(
                    limit: $0.text(0), bucket: $0.text(1), kind: LimitRate.Kind(rawValue: $0.text(2)), time: $0.integer(3))
            }
        }
    }

    func setLimitBlock(_ limit: String, bucket: String, until: Int?, title: String) throws {
        try write { connection, session in
            let names: [PostgresValue] = [.number(session.source), .text(limit), .text(bucket)]
            guard let until else {
                try connection.execute(
                    "DELETE FROM proxyd_limit_block WHERE source = $1 AND limit_id = $2 AND bucket = $3", names)
                return
            }
            try connection.execute(
                """
                INSERT INTO proxyd_limit_block (source, limit_id, bucket, until, title) VALUES ($1, $2, $3, $4, $5)
                ON CONFLICT (source, limit_id, bucket) DO UPDATE SET until = excluded.until, title = excluded.title
                """, names + [.number(until), .text(title)])
        }
    }

    func limitBlocks() throws -> [LimitBlock] {
        let sql = """
            SELECT limit_id, bucket, until, title FROM proxyd_limit_block WHERE source = $1
            ORDER BY limit_id COLLATE "C", bucket COLLATE "C"
            """
        return try read { connection, session in
            try connection.execute(sql, [.number(session.source)]).map {
                LimitBlock(limit: $0.text(0), bucket: $0.text(1), until: $0.integer(2), title: $0.text(3))
            }
        }
    }

    func reviveLimits(usedSince since: Int) throws {
        let columns = PostgresSchema.limitNames.joined(separator: ", ")
        let sql = """
            WITH revived AS (
                DELETE FROM proxyd_limit_day WHERE source = $1 AND day < 0 AND (limit_id, bucket) IN (
                    SELECT limit_id, bucket FROM proxyd_limit_day WHERE source = $1 AND day < 0 GROUP BY limit_id, bucket
                    HAVING max(last_used) >= $2)
                RETURNING *)
            INSERT INTO proxyd_limit_day AS t (source, limit_id, bucket, day, \(columns), last_used)
            SELECT source, limit_id, bucket, -1 - day, \(columns), last_used FROM revived
            ON CONFLICT (source, limit_id, bucket, day) DO UPDATE SET \(Self.additions)
            """
        try write { connection, session in
            _ = try connection.execute(sql, [.number(session.source), .number(since)])
        }
    }

    private static let additions =
        PostgresSchema.limitNames.map { "\($0) = least(t.\($0) + excluded.\($0), \(UsageAmounts.limit))" }.joined(separator: ", ")
        + ", last_used = greatest(t.last_used, excluded.last_used)"

    /// What was forgotten before it was used again: its days are kept below 0, as the other store does.
    static func setAside(_ charges: [UsageBatch.Charge], _ source: Int, _ connection: PostgresConnection) throws {
        let old = """
            (limit_id, bucket) IN (
                SELECT limit_id, bucket
                FROM unnest($2::text[], $3::text[], $4::bigint[]) AS u (limit_id, bucket, kept)
                JOIN proxyd_limit_day AS t USING (limit_id, bucket)
                WHERE t.source = $1 AND t.day >= 0 GROUP BY limit_id, bucket HAVING max(t.last_used) < min(u.kept))
            """
        let values: [PostgresValue] = [
            .number(source), .texts(charges.map(\.limit)), .texts(charges.map(\.bucket)), .numbers(charges.map(\.keptSince)),
        ]
        for sql in ["DELETE FROM proxyd_limit_day WHERE day < 0", "UPDATE proxyd_limit_day SET day = -1 - day WHERE day >= 0"] {
            try connection.execute(sql + " AND source = $1 AND " + old, values)
        }
    }

    func forgetLimits(unusedSince: Int) throws {
        let sql = """
            DELETE FROM proxyd_limit_day WHERE source = $1 AND (limit_id, bucket, day < 0) IN (
                SELECT limit_id, bucket, day < 0 FROM proxyd_limit_day WHERE source = $1 GROUP BY 1, 2, 3
                HAVING max(last_used) < $2)
            """
        try write { connection, session in
            try connection.execute(sql, [.number(session.source), .number(unusedSince)])
            try connection.execute(
                "DELETE FROM proxyd_limit_block WHERE source = $1 AND until < $2",
                [.number(session.source), .number(UsageAmounts.clamped(unusedSince) * 1_000)])
        }
    }

    func foldLimits(before day: LocalDate, limit: Int) throws -> Bool {
        let columns = PostgresSchema.limitNames
        let sums = columns.map { "least(sum(\($0)), \(UsageAmounts.limit))::bigint" }.joined(separator: ", ")
        let set = columns.map { "\($0) = least(t.\($0) + excluded.\($0), \(UsageAmounts.limit))" }.joined(separator: ", ")
        let sql = """
            WITH old AS (
                DELETE FROM proxyd_limit_day WHERE source = $1 AND (limit_id, bucket, day) IN (
                    SELECT limit_id, bucket, day FROM proxyd_limit_day WHERE source = $1 AND day > 0 AND day < $2
                    ORDER BY limit_id, bucket, day LIMIT $3)
                RETURNING *),
            folded AS (
                INSERT INTO proxyd_limit_day AS t (source, limit_id, bucket, day, \(columns.joined(separator: ", ")), last_used)
                SELECT $1::integer, limit_id, bucket, 0, \(sums), max(last_used) FROM old GROUP BY limit_id, bucket
                ON CONFLICT (source, limit_id, bucket, day) DO UPDATE SET \(set),
                    last_used = greatest(t.last_used, excluded.last_used))
            SELECT count(*) FROM old
            """
        return try write { connection, session in
            try connection.execute(sql, [.number(session.source), .number(day.number), .number(limit)])
                .first?.integer(0) ?? 0 >= limit
        }
    }
}
