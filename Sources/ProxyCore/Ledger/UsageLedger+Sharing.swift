import Dispatch
import Logging

/// What nodes share of usage.
extension UsageLedger {
    /// Runs `query` on what holds the usage of all nodes, after what was appended here is booked there.
    func reported<Result: Sendable>(_ query: @escaping @Sendable (any Store) throws -> Result) async throws -> Result {
        guard let shared else { return try await afterFlush(query) }
        do {
            return try await shared.report(query)
        } catch let failure as PostgresFailure {
            throw SharedStoreFailure(store: shared.settings.shown, reason: failure.description)
        }
    }

    /// How the shared store is doing; nil where there is none.
    public var sharing: SharingStatus? { shared?.lag() }

    /// The same for those who ask often: no file is looked at.
    var storeStanding: ClusterStore? {
        guard let shared else { return nil }
        let trouble = shared.trouble
        return ClusterStore(
            address: shared.settings.shown, trouble: trouble.name, reason: trouble.reason, awaySince: trouble.since)
    }

    /// Where nodes of one store know of one another; nil where there is none.
    var nodeBoard: (any NodeBoard)? { shared.map { PostgresNodes($0.settings.address) } }

    public var sharedStoreState: String? { shared.map { $0.trouble.name ?? "ok" } }

    /// Whether there is a shared store that cannot be used; asked with requests.
    var isSharedStoreAway: Bool { shared?.trouble.isThere ?? false }

    /// Whether keys of other nodes cannot be seen now; asked with requests.
    var areSharedKeysUnseen: Bool { shared?.trouble.areKeysUnseen ?? false }

    static func share(
        _ store: any Store, _ journal: UsageJournal, _ queue: DispatchQueue, _ begun: LedgerBeginning, timeZone: Zone,
        logger: Logger, options: Options
    ) throws -> SharedBooking? {
        guard let settings = options.shared, let local = store as? SQLiteStore else { return nil }
        var rollup = UsageRollup(timeZone: timeZone)
        rollup.keepsRequests = options.keepsRequests
        let source = SharedBooking.Journal(
            directory: journal.directory, start: begun.recovered.start, end: { journal.end },
            copy: { path in
                try queue.sync {
                    _ = try StateFiles.create(path)
                    try local.copy(to: path)
                }
            }, limitTime: options.limitTime)
        return try SharedBooking(settings, local: local, journal: source, rollup: rollup, logger: logger)
    }
}

/// A report that needs the shared store, which cannot be used.
public struct SharedStoreFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// The store's address, without what is secret.
    public var store: String
    public var reason: String

    public var description: String { "the usage of all nodes is in \(store), which cannot be used: \(reason)" }
}

/// libpq is not there; with the package that has it.
public struct SharedLibraryFailure: Error, Sendable, Hashable, CustomStringConvertible {
    public var description: String
}

extension SharedBooking {
    /// Loads what a shared store needs.
    /// - Throws: `SharedLibraryFailure`.
    public static func loadLibrary() throws(SharedLibraryFailure) {
        do throws(PostgresFailure) {
            _ = try PostgresLibrary.loaded()
        } catch {
            throw SharedLibraryFailure(description: error.description)
        }
    }
}
