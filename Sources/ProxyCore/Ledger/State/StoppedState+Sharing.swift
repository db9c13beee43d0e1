import Logging

/// What a state directory had that is now in the store that nodes share.
public struct SharingReport: Sendable, Hashable {
    public var store: String
    public var requests: Int
    public var keys: Int
    public var rows: Int
    public var blocks: Int
    public var entries: Int
}

extension StoppedState {
    /// Puts all that the directory has into the shared store: keys, usage, records and the audit log. All or nothing, and
    /// however often: what was put there before is replaced. A proxyd that starts on the directory goes on from there.
    ///
    /// - Throws: `StateFailure`, `LedgerFailure`.
    public func share(
        into settings: SharedBooking.Settings, timeZone: Zone, keepsRequests: Bool, logger: Logger
    ) async throws -> SharingReport {
        guard !StateFiles.isEmpty(path) else { throw StateFailure.unusable(path: path, reason: "there is nothing to migrate") }
        // What the last process left in its journal is booked first.
        let ledger = try UsageLedger(directory: path, timeZone: timeZone, keepsRequests: keepsRequests, logger: logger)
        await ledger.flush()
        let health = ledger.health
        await ledger.close()
        if case .degraded(let reason) = health { throw StateFailure.unusable(path: path, reason: reason) }
        if case .failing(let reason) = health { throw StateFailure.unusable(path: path, reason: reason) }

        let directory = try StateDirectory(path)
        defer { directory.unlock() }
        let local = try SQLiteStore(path: directory.database)
        defer { try? local.close() }
        let sharing = try local.sharing() ?? SQLiteStore.Sharing(state: SharedBooking.newState())
        try local.setSharing(sharing)
        let store = PostgresStore(
            settings.address, as: PostgresStore.Identity(state: sharing.state, node: settings.node), patience: settings.patience)
        defer { store.close() }
        do {
            if let there = try store.bookedPosition(), let here = try local.bookedPosition(), here < there {
                throw StateFailure.unusable(
                    path: path, reason: "\(settings.shown) has booked more of this state than is in it: a backup was put back")
            }
            let copied = try store.replace(by: local)
            try local.setWantsCopy(false)
            return SharingReport(
                store: settings.shown, requests: copied.requests, keys: try local.counts()?.keys ?? 0, rows: copied.rows,
                blocks: copied.blocks, entries: copied.entries)
        } catch let failure as PostgresFailure {
            throw StateFailure.unusable(path: settings.shown, reason: failure.description)
        }
    }
}
