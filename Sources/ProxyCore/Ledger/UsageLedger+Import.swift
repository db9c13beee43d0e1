/// Taking over what another system kept, while proxyd runs.
extension UsageLedger {
    /// Books keys and what was used under them, all or none, after what was appended before. Their day and their
    /// limits go on from there.
    ///
    /// Waits for the booking queue: it is for queues of the background, and never called on that one.
    func book(_ keys: [(key: StoredKey, usage: ImportedKey)]) throws {
        try waitForFlush { store in
            try store.add(keys)
            let now = UsageAmounts.clamped(now)
            let date = LocalClock(timeZone).day(at: now).date
            today.add(keys.map { PendingUsage.Day(keyID: $0.key.id, time: now, sum: $0.usage.amounts(on: date)) })
            let since = Self.limitsAreKept(since: now, timeZone)
            let sums = keys.compactMap { Self.sums(of: $0.usage.charges(to: $0.key), on: date, usedSince: since) }
            limits.restore(sums, [], [], [], now: limitTime)
            // The journal cannot bring it back after a cut of power, as it does what was appended. Somebody who reads the database
            // right now only puts that off.
            try? store.checkpoint()
        }
    }

    /// What a restart would find of charges to one bucket.
    private static func sums(of charges: [UsageBatch.Charge], on date: LocalDate, usedSince since: Int) -> LimitSums? {
        guard let first = charges.first else { return nil }
        let month = LocalDate(number: date.number / 100 * 100 + 1)
        let sums = LimitSums(
            limit: first.limit, bucket: first.bucket, day: amounts(of: charges) { $0 == date },
            month: amounts(of: charges) { $0 >= month }, total: amounts(of: charges) { _ in true },
            lastUsed: charges.reduce(first.lastUsed) { max($0, $1.lastUsed) })
        return sums.lastUsed >= since ? sums : nil
    }

    /// One loop that adds all three is one that the optimizer takes ten minutes for.
    private static func amounts(of charges: [UsageBatch.Charge], on isMeant: (LocalDate) -> Bool) -> LimitAmounts {
        charges.reduce(into: .zero) { sum, charge in
            if isMeant(charge.day) { sum += charge.amounts }
        }
    }
}
