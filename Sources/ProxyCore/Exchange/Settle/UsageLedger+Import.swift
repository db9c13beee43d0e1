/// Taking over what another system kept, while proxyd runs.
extension UsageLedger {
    /// Books keys and what was used under them, all or none, after what was appended before. Their day goes on from there.
    ///
    /// Waits for the booking queue: it is for queues of the background, and never called on that one.
    func book(_ keys: [(key: StoredKey, usage: ImportedKey)]) throws {
        try waitForFlush { store in
            try store.add(keys)
            let now = UsageAmounts.clamped(now)
            let date = LocalClock(timeZone).day(at: now).date
            today.add(keys.map { PendingUsage.Day(keyID: $0.key.id, time: now, sum: $0.usage.amounts(on: date)) })
            // The journal cannot bring it back after a cut of power, as it does what was appended. Somebody who reads the database
            // right now only puts that off.
            try? store.checkpoint()
        }
    }
}
