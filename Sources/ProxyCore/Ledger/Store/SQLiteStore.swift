import Foundation
import GRDB
import Synchronization

/// Keys and usage in `proxyd.sqlite`.
///
/// There is one connection for reading, writing and checkpoints: SQLite before 3.51.3, Debian's 3.40 among them, can corrupt a
/// database in WAL mode when two connections write and checkpoint at the same time (sqlite.org/wal.html, "The WAL-Reset Bug").
/// `synchronous = NORMAL` may lose the last transactions in a power cut, but never some without the ones after: the journal
/// holds on to what no checkpoint has made durable, and is booked again from the position that survived.
final class SQLiteStore: Store {
    private let database: DatabaseQueue
    /// Set on the connection's queue.
    private let isClosed = Atomic<Bool>(false)
    /// Used on the connection's queue alone.
    let bookedModels = Mutex(BookedModels())

    /// - Parameter small: a database of fewer bytes is looked at through and through.
    /// - Throws: `StateFailure`.
    init(path: String, small: Int = SQLiteStore.smallDatabase) throws {
        var configuration = GRDB.Configuration()
        configuration.journalMode = .wal
        configuration.label = "proxyd.store"
        // Somebody may look into the file with sqlite3.
        configuration.busyMode = .timeout(5)
        configuration.foreignKeysEnabled = false
        configuration.prepareDatabase { database in
            try database.execute(sql: "PRAGMA synchronous = NORMAL")
            // What a deleted key's digest leaves behind in free pages is overwritten.
            try database.execute(sql: "PRAGMA secure_delete = ON")
        }
        let isProbed = try Self.look(at: path, small: small)
        do {
            database = try DatabaseQueue(path: path, configuration: configuration)
            try Self.migrator.migrate(database)
            if !isProbed { try database.unsafeRead { try Self.probe($0, small: small) } }
        } catch {
            if Self.isDamage(error) { throw StateFailure.damaged(path: path, reason: "\(error)") }
            throw StateFailure.unusable(path: path, reason: "\(error)")
        }
    }

    /// Opens a database to look at: of whatever version up to this one it is, it stays.
    ///
    /// What has come with a later step of the schema than it has cannot be read of it.
    /// - Throws: `StateFailure`.
    init(lookingAt path: String) throws {
        var configuration = GRDB.Configuration()
        configuration.label = "proxyd.look"
        configuration.readonly = true
        configuration.busyMode = .timeout(5)
        try Self.look(at: path, small: nil)
        do {
            database = try DatabaseQueue(path: path, configuration: configuration)
            _ = try database.unsafeRead { try Int.fetchOne($0, sql: "SELECT count(*) FROM sqlite_master") }
        } catch {
            if Self.isDamage(error) { throw StateFailure.damaged(path: path, reason: "\(error)") }
            throw StateFailure.unusable(path: path, reason: "\(error)")
        }
    }

    /// Looks before anything is written: what a newer version made of the database is not for this one to touch, and what is
    /// damaged is not to be written into. To open it for writing is to write: GRDB makes a table and drops it again.
    /// - Parameter small: as for `init`; nil to look at the schema's version alone.
    /// - Returns: whether it has been looked at as it will be: it is of this version, and can be read.
    /// - Throws: `StateFailure`.
    @discardableResult
    private static func look(at path: String, small: Int?) throws(StateFailure) -> Bool {
        var configuration = GRDB.Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(5)
        var applied: Set<String> = []
        var isProbed = false
        do {
            let database = try DatabaseQueue(path: path, configuration: configuration)
            defer { try? database.close() }
            applied = try database.unsafeRead { try migrator.appliedIdentifiers($0) }
            if let small, applied.isSubset(of: migrator.migrations) {
                isProbed = try database.unsafeRead { database in
                    let there = try tables.filter { try database.tableExists($0) }
                    try probe(database, there, small: small)
                    return there.count == tables.count
                }
            }
        } catch {
            // What cannot be opened to read is told when it is opened to write.
            if small != nil, isDamage(error) { throw .damaged(path: path, reason: "\(error)") }
        }
        let unknown = applied.subtracting(migrator.migrations).sorted()
        guard unknown.isEmpty else { throw .newerSchema(path: path, unknown: unknown) }
        return isProbed && applied.count == migrator.migrations.count
    }

    func checkpoint() throws {
        try read { _ = try $0.checkpoint(.truncate) }
    }

    func close() throws {
        database.unsafeRead { _ in isClosed.store(true, ordering: .relaxed) }
        try database.close()
    }

    /// Nobody else writes while `body` runs: there is one connection, and one queue for it.
    func read<Result>(_ body: (Database) throws -> Result) throws -> Result {
        try database.unsafeRead { database in
            // GRDB does not ask whether its connection is still there.
            guard !isClosed.load(ordering: .relaxed) else { throw LedgerFailure.closed }
            return try body(database)
        }
    }

    /// All of `body`, or nothing of it.
    func write(_ body: (Database) throws -> Void) throws {
        try read { database in
            try database.inTransaction(.immediate) {
                try body(database)
                return .commit
            }
        }
    }
}
