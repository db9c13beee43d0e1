import GRDB

/// Taking over what another system kept.
extension SQLiteStore {
    /// Keys and their usage: all or none.
    func add(_ keys: [(key: StoredKey, usage: ImportedKey)]) throws {
        guard !keys.isEmpty else { return }
        try write { database in
            try Self.save(keys.map(\.key), database)
            for (key, usage) in keys {
                try database.execute(
                    sql: """
                        INSERT INTO usage_key (key_id, last_used, requests, uncached_input, cache_read, cache_write, output,
                            reasoning, cost, partial, unknown) VALUES (?, ?, ?, ?, 0, 0, ?, 0, 0, 0, 0)
                        """,
                    arguments: [
                        // Nobody knows when: no time at all.
                        key.id, usage.lastUsed ?? 0, usage.totals.requests, usage.totals.input, usage.totals.output,
                    ])
                let hour = try database.cachedStatement(
                    sql: """
                        INSERT INTO usage_hour (hour, key_id, model, requests, uncached_input, cache_read, cache_write, output,
                            reasoning, cost, partial, unknown) VALUES (?, ?, ?, ?, ?, 0, 0, ?, 0, 0, 0, 0)
                        ON CONFLICT DO UPDATE SET requests = min(requests + excluded.requests, \(UsageAmounts.limit)),
                            uncached_input = min(uncached_input + excluded.uncached_input, \(UsageAmounts.limit)),
                            output = min(output + excluded.output, \(UsageAmounts.limit))
                        """)
                for row in usage.rows {
                    try hour.execute(arguments: [
                        row.when.number, key.id, row.model, row.amounts.requests, row.amounts.input, row.amounts.output,
                    ])
                    try Self.bookPlace(Self.row(row, of: key), model: row.model, database)
                }
                try Self.book(usage.rows.map { Self.charge($0, of: key, usage) }, database)
            }
        }
    }

    /// What groupings have of it: nobody knows where it was served, and what it cost.
    private static func row(_ row: ImportedKey.Row, of key: StoredKey) -> UsageBatch.Row {
        var amounts = UsageAmounts()
        amounts.requests = row.amounts.requests
        amounts.uncachedInput = row.amounts.input
        amounts.output = row.amounts.output
        amounts.unpriced = row.amounts.requests
        var booked = UsageBatch.Row(
            hour: LocalHour(number: row.when.number), keyID: key.id, model: row.model, amounts: amounts, lastUsed: 0,
            place: UsagePlace(keyID: key.id, model: row.model, tags: key.tags))
        booked.counted = amounts
        return booked
    }

    /// What the limits of the key's policy have of it: what was used elsewhere today and this month is used.
    private static func charge(_ row: ImportedKey.Row, of key: StoredKey, _ usage: ImportedKey) -> UsageBatch.Charge {
        let day = LocalDate(number: max(row.when.number, 0) / 100)
        let amounts = LimitAmounts(
            requests: row.amounts.requests, tokens: UsageAmounts.sum(row.amounts.input, row.amounts.output), cachedTokens: 0,
            nanoDollars: 0)
        return UsageBatch.Charge(
            limit: UsageLimit.id(ofPolicy: key.policy), bucket: key.id, day: day, amounts: amounts,
            lastUsed: usage.lastUsed ?? (day.number > 0 ? day.secondsUTC : 0))
    }
}
