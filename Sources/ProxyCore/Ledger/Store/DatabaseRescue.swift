import GRDB
import Logging

#if canImport(Glibc)
import Glibc
#endif

/// Opens a store. A database that is damaged is built anew from what can be read of it: keys, totals, the audit log, and the
/// journal's position, from which the journal goes on. The damaged one is kept under a name that says so.
///
/// **At no moment is there nothing.** The new database is filled beside the damaged one under a name that nobody looks for. Once it
/// is whole and on the disk it gets a name that counts (`.rescued-`), and only then the damaged one moves. Whatever the process dies
/// of, or the disk is full of, the next start finds the damaged one with all its rows, and rescues it from the beginning; or the new one
/// whole, and puts it in its place.
struct DatabaseRescue {
    let path: String
    let logger: Logger
    /// Seconds since 1970.
    let now: Int
    /// What is done to the new database before anything is in it.
    var prepare: @Sendable (Database) throws -> Void = { _ in }

    /// - Parameters:
    ///   - open: makes a store of the file.
    ///   - begin: reads of the store what the process goes on from; damage that it meets is rescued as well, and it is asked again.
    /// - Throws: `StateFailure`, or what `open` and `begin` throw.
    func open<Beginning>(
        _ open: (_ path: String) throws -> any Store, _ begin: (any Store) throws -> Beginning
    ) throws -> (store: any Store, beginning: Beginning) {
        func attempt() throws -> (any Store, Beginning) {
            let store = try open(path)
            do {
                return (store, try begin(store))
            } catch {
                try? store.close()
                throw error
            }
        }
        if Self.isLost(path) {
            logger.error("\(Self.loss); a new one begins with what the journal has", metadata: [LogKeys.file: "\(path)"])
        }
        if StateFiles.size(Self.request(path)) != nil { try rebuild("found while it was in use") }
        do {
            return try attempt()
        } catch {
            guard let reason = Self.damage(error) else { throw error }
            try rebuild(reason)
            return try attempt()
        }
    }

    /// SQLite begins a new database where there is none: a journal beside it is of one that was there.
    static func isLost(_ path: String) -> Bool {
        (StateFiles.size(path) ?? 0) == 0 && !StateFiles.segments(in: folder(of: path) + "/journal").isEmpty
    }

    static let loss = "the state database is gone or empty, though there is a journal: keys and usage are missing"

    /// Has the next start build the database anew, whatever it looks like then: damage was met where no start looks.
    static func ask(for path: String) {
        let number = Glibc.open(request(path), O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        if number >= 0 { close(number) }
    }

    /// Another database is there now.
    static func forget(_ path: String) { unlink(request(path)) }

    /// What is damaged; nil for an error that says nothing of the kind.
    private static func damage(_ error: any Error) -> String? {
        if case StateFailure.damaged(_, let reason) = error { return reason }
        return SQLiteStore.isDamage(error) ? "\(error)" : nil
    }

    private func rebuild(_ reason: String) throws {
        let number = Self.freeNumber(path, from: now)
        let fresh = path + ".rescue"
        logger.error(
            "the state database is damaged; it is set aside and built anew from what can be read of it and from the journal",
            metadata: [LogKeys.file: "\(path)", LogKeys.keptAs: "\(Self.aside(path, number))", LogKeys.reason: "\(reason)"])
        Self.remove(fresh)
        let salvage: DatabaseSalvage
        do {
            // SQLite would make it for others to read.
            let file = try StateFiles.create(fresh)
            salvage = try DatabaseSalvage(of: path, into: fresh, prepare)
            guard fsync(file.number) == 0 else { throw StateFiles.failure(fresh, "cannot be made durable") }
        } catch {
            Self.remove(fresh)
            throw StateFailure.unusable(path: path, reason: "damaged (\(reason)), and cannot be built anew: \(error)")
        }
        logger.error(
            salvage.isWhole
                ? "rows saved from the damaged database" : "rows saved from the damaged database: keys or usage are missing",
            metadata: salvage.saved)
        try StateFiles.move(fresh, to: Self.whole(path, number))
        StateFiles.sync(directory: Self.folder(of: path))
        try Self.finish(path)
    }

    /// Puts a database that was built anew in its place. Does nothing where there is none.
    static func finish(_ path: String) throws(StateFailure) {
        let folder = folder(of: path)
        guard let number = try numbers(in: folder, of: whole(path, nil)).last else { return }
        let isFree = StateFiles.size(aside(path, number)) == nil
        let aside = aside(path, isFree ? number : freeNumber(path, from: number))
        // SQLite reads a log into whatever database has its name: it goes first, and with the damaged one.
        for suffix in ["-wal", "-shm"] { try StateFiles.move(path + suffix, to: aside + suffix) }
        // An empty one is no database: a process opened the directory when the damaged one had gone.
        if (StateFiles.size(path) ?? 0) > 0 { try StateFiles.move(path, to: aside) }
        StateFiles.sync(directory: folder)
        try StateFiles.move(whole(path, number), to: path)
        forget(path)
        StateFiles.sync(directory: folder)
    }

    /// Whether a database that was built anew waits for its place, or may.
    static func isPending(_ path: String) -> Bool {
        guard let numbers = try? numbers(in: folder(of: path), of: whole(path, nil)) else { return true }
        return !numbers.isEmpty
    }

    // MARK: - Names

    private static func aside(_ path: String, _ number: Int) -> String { "\(path).damaged-\(number)" }

    private static func request(_ path: String) -> String { path + ".is-damaged" }

    private static func whole(_ path: String, _ number: Int?) -> String {
        "\(path).rescued-" + (number.map(String.init) ?? "")
    }

    private static func folder(of path: String) -> String {
        path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
    }

    /// The numbers of files whose names begin like `path`, in order.
    private static func numbers(in folder: String, of path: String) throws(StateFailure) -> [Int] {
        let name = path[(path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex)...]
        return try StateFiles.list(folder).compactMap { $0.hasPrefix(name) ? Int($0.dropFirst(name.count)) : nil }.sorted()
    }

    /// What was set aside before is not written over.
    private static func freeNumber(_ path: String, from first: Int) -> Int {
        var number = max(0, first)
        while ["", "-wal"].contains(where: { StateFiles.size(aside(path, number) + $0) != nil }) { number += 1 }
        return number
    }

    private static func remove(_ database: String) {
        for suffix in ["", "-journal", "-wal", "-shm"] { unlink(database + suffix) }
    }
}

extension SQLiteStore {
    /// Errors that say that a database is not what SQLite wrote.
    static func isDamage(_ error: any Error) -> Bool {
        if error is StoreFailure { return true }
        guard let error = error as? DatabaseError else { return false }
        return error.resultCode.primaryResultCode == .SQLITE_CORRUPT || error.resultCode.primaryResultCode == .SQLITE_NOTADB
    }

    /// A database to which a look at all of it costs next to nothing; bytes.
    static let smallDatabase = 32 << 20
    /// Tables that stay small, whatever is served.
    private static let smallTables = ["key", "retired_secret", "usage_key", "place", "limit_block", "limit_reset"]

    /// Looks whether the database can be read: through and through where it has less than `small` bytes, which reads each row; else
    /// through what is read and written all the time, and at the ends of each table.
    /// - Parameter tables: those that are there: an older schema has fewer.
    static func probe(_ database: Database, _ tables: [String] = SQLiteStore.tables, small: Int) throws {
        let pages = try Int.fetchOne(database, sql: "PRAGMA page_count") ?? 0
        let pageSize = try Int.fetchOne(database, sql: "PRAGMA page_size") ?? 0
        let isSmall = pages < small / max(pageSize, 1)
        for what in isSmall ? ["1"] : smallTables.filter(tables.contains).map({ "'\($0)'" }) {
            let problem = try String.fetchOne(database, sql: "PRAGMA quick_check(\(what))") ?? "ok"
            guard problem == "ok" else { throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: problem) }
        }
        if isSmall, try tables.allSatisfy({ try database.tableExists($0) }) { return }
        for table in tables {
            let key = try database.primaryKey(table).columns.joined(separator: ", ")
            let last = key.split(separator: ",").map { "\($0) DESC" }.joined(separator: ", ")
            for order in [key, last] { _ = try Row.fetchOne(database, sql: "SELECT * FROM \(table) ORDER BY \(order) LIMIT 1") }
        }
    }
}
