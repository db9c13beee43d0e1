import GRDB

/// Taking over what another system kept.
extension SQLiteStore {
    func add(_ keys: [(key: StoredKey, usage: ImportedKey)]) throws {
        guard !keys.isEmpty else { return }
        try write { database in
            try Self.save(keys.map(\.key), database)
            for (key, usage) in keys {
                // Nobody knows when: no time at all.
                try Self.book(UsageAmounts(imported: usage.totals), ofKey: key.id, lastUsed: usage.lastUsed ?? 0, database)
                for row in usage.rows { try Self.book(Self.row(row, of: key), model: row.model, database) }
                try Self.book(usage.charges(to: key), database)
            }
        }
    }

    /// What groupings have of it: nobody knows where it was served, and what it cost.
    static func row(_ row: ImportedKey.Row, of key: StoredKey) -> UsageBatch.Row {
        let amounts = UsageAmounts(imported: row.amounts)
        return UsageBatch.Row(
            hour: LocalHour(number: row.when.number), keyID: key.id, model: row.model, amounts: amounts, lastUsed: 0,
            place: UsagePlace(keyID: key.id, model: row.model, tags: key.tags))
    }
}

extension ImportedKey {
    /// What the limits of the key's policy have of it: what was used elsewhere today and this month is used.
    func charges(to key: StoredKey) -> [UsageBatch.Charge] {
        rows.map { row in
            let day = LocalDate(number: max(row.when.number, 0) / 100)
            let amounts = LimitAmounts(
                requests: row.amounts.requests, tokens: UsageAmounts.sum(row.amounts.input, row.amounts.output))
            return UsageBatch.Charge(
                limit: UsageLimit.id(ofPolicy: key.policy), bucket: key.id, day: day, amounts: amounts,
                lastUsed: lastUsed ?? (day.number > 0 ? day.secondsUTC : 0))
        }
    }
}
