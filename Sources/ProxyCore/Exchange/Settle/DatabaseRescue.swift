import GRDB
import Logging

#if canImport(Glibc)
import Glibc
#endif

/// Opens a store. A database that is damaged is set aside under a name that says so, and what can be read of it is saved into a
/// new one: keys, totals, and the journal's position, from which the journal goes on.
struct DatabaseRescue {
    let path: String
    let logger: Logger
    /// Seconds since 1970.
    let now: Int

    /// - Throws: `StateFailure`.
    func open(_ open: (_ path: String) throws -> any Store) throws -> any Store {
        do {
            return try open(path)
        } catch StateFailure.damaged(_, let reason) {
            return try rescue(reason)
        }
    }

    private func rescue(_ reason: String) throws -> any Store {
        let aside = "\(path).damaged-\(now)"
        // The log's pages belong to the database: they go with it.
        for suffix in ["", "-wal", "-shm"] where rename(path + suffix, aside + suffix) != 0 && (suffix.isEmpty || errno != ENOENT)
        {
            throw StateFailure.unusable(
                path: path, reason: "damaged (\(reason)), and cannot be set aside: \(LedgerFailure.text(ofErrno: errno))")
        }
        logger.error(
            "the state database is damaged; it is set aside and built anew from what can be read of it and from the journal",
            metadata: ["file": "\(path)", "kept_as": "\(aside)", "reason": "\(reason)"])
        let store = try SQLiteStore(path: path)
        var metadata: Logger.Metadata = [:]
        var isWhole = true
        if let damaged = SQLiteStore.openDamaged(aside) {
            for table in SQLiteStore.tables {
                let (rows, isComplete) = store.save(table, of: damaged)
                metadata[table] = "\(rows)\(isComplete ? "" : " (not all)")"
                isWhole = isWhole && isComplete
            }
            try? damaged.close()
        } else {
            isWhole = false
            metadata["key"] = "0 (nothing can be read)"
        }
        logger.error(
            isWhole ? "rows saved from the damaged database" : "rows saved from the damaged database: keys or usage are missing",
            metadata: metadata)
        return store
    }
}

extension SQLiteStore {
    /// Errors that say that a database is not what SQLite wrote.
    static func isDamage(_ error: any Error) -> Bool {
        guard let error = error as? DatabaseError else { return false }
        return error.resultCode.primaryResultCode == .SQLITE_CORRUPT || error.resultCode.primaryResultCode == .SQLITE_NOTADB
    }

    /// A database to which `checksAll` costs next to nothing; bytes.
    private static let smallDatabase = 32 << 20

    /// Looks whether the database can be read: through and through where it is small, else at the ends of each table.
    static func probe(_ database: Database) throws {
        let pages = try Int.fetchOne(database, sql: "PRAGMA page_count") ?? 0
        let pageSize = try Int.fetchOne(database, sql: "PRAGMA page_size") ?? 0
        if pages < smallDatabase / max(pageSize, 1) {
            let problem = try String.fetchOne(database, sql: "PRAGMA quick_check(1)") ?? "ok"
            guard problem == "ok" else { throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: problem) }
        }
        for table in tables {
            let key = try database.primaryKey(table).columns.joined(separator: ", ")
            let last = key.split(separator: ",").map { "\($0) DESC" }.joined(separator: ", ")
            for order in [key, last] { _ = try Row.fetchOne(database, sql: "SELECT * FROM \(table) ORDER BY \(order) LIMIT 1") }
        }
    }

    /// nil when nothing of it can be read.
    static func openDamaged(_ path: String) -> DatabaseQueue? {
        var configuration = GRDB.Configuration()
        configuration.label = "proxyd.damaged"
        guard let database = try? DatabaseQueue(path: path, configuration: configuration),
            (try? database.unsafeRead { try Int.fetchOne($0, sql: "SELECT count(*) FROM sqlite_master") }) != nil
        else { return nil }
        return database
    }

    /// Copies the rows of a table that can be read: from its beginning up to where it is damaged, and from its end.
    ///
    /// - Returns: how many, and whether they are all.
    func save(_ table: String, of damaged: DatabaseQueue) -> (rows: Int, isComplete: Bool) {
        var saved = 0
        var isComplete = true
        do {
            try write { database in
                // An older schema has fewer: the new ones have their defaults.
                let known = Set(try damaged.unsafeRead { try $0.columns(in: table).map(\.name) })
                let columns = try database.columns(in: table).map(\.name).filter(known.contains)
                let key = try database.primaryKey(table).columns
                let marks = columns.map { _ in "?" }.joined(separator: ", ")
                let statement = try database.makeStatement(
                    sql: "INSERT OR IGNORE INTO \(table) (\(columns.joined(separator: ", "))) VALUES (\(marks))")
                for direction in ["ASC", "DESC"] {
                    let order = key.map { "\($0) \(direction)" }.joined(separator: ", ")
                    do {
                        try damaged.unsafeRead { source in
                            let rows = try Row.fetchCursor(source, sql: "SELECT * FROM \(table) ORDER BY \(order)")
                            while let row = try rows.next() {
                                statement.setUncheckedArguments(
                                    StatementArguments(columns.map { row[$0] as DatabaseValue? ?? .null }))
                                try statement.execute()
                                saved += database.changesCount
                            }
                        }
                        break
                    } catch {
                        isComplete = false
                    }
                }
            }
        } catch {
            return (0, false)
        }
        return (saved, isComplete)
    }
}
