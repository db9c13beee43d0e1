import GRDB
import Logging

/// Fills a new database with what can be read of a damaged one.
///
/// Only what reading the damaged one says is damage. What writing the new one says, a full disk above all, ends it: half of what
/// could have been saved is never taken for all of it.
struct DatabaseSalvage {
    /// Rows by table, and where they are not all.
    private(set) var saved: Logger.Metadata = [:]
    /// Whether all there was is saved.
    private(set) var isWhole = true
    private var incomplete: Set<String> = []

    /// - Parameters:
    ///   - path: an empty file; it counts for nothing until this returns, and is not durable then.
    ///   - prepare: called with the new database before anything is in it.
    /// - Throws: `DatabaseError`.
    init(of damaged: String, into path: String, _ prepare: @escaping @Sendable (Database) throws -> Void) throws {
        var configuration = GRDB.Configuration()
        configuration.label = "proxyd.rescue"
        configuration.foreignKeysEnabled = false
        configuration.prepareDatabase { database in
            try database.execute(sql: "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF")
            try prepare(database)
        }
        let target = try DatabaseQueue(path: path, configuration: configuration)
        if let source = try Self.open(damaged) {
            try save(source, target)
            try? source.close()
        } else {
            try SQLiteStore.migrator.migrate(target)
            isWhole = false
            saved["key"] = "0 (nothing can be read)"
        }
        try target.close()
    }

    /// The tables get the shape that they have in the damaged database, and then the steps that this one lacks: what an upgrade
    /// makes of old rows it makes of the rows that are saved.
    private mutating func save(_ source: DatabaseQueue, _ target: DatabaseQueue) throws {
        try SQLiteStore.migrator.migrate(target, upTo: try Self.version(of: source))
        let old = try target.read { database in try SQLiteStore.tables.filter { try database.tableExists($0) } }
        for table in old { try save(table, source, target) }
        try SQLiteStore.migrator.migrate(target)
        for table in SQLiteStore.tables where !old.contains(table) { try save(table, source, target) }
        try mend(target)
    }

    /// Copies the rows of a table that can be read: from its beginning up to where it is damaged, and from its end.
    private mutating func save(_ table: String, _ source: DatabaseQueue, _ target: DatabaseQueue) throws {
        guard try Self.readable({ try source.unsafeRead { try $0.tableExists(table) } }) ?? true else { return }
        var (rows, isComplete) = (0, true)
        try target.write { database in
            let there = try Self.readable { try source.unsafeRead { try Set($0.columns(in: table).map(\.name)) } }
            guard let there else { return isComplete = false }
            // An older schema has fewer: the new ones have their defaults.
            let columns = try database.columns(in: table).map(\.name).filter(there.contains)
            let names = columns.joined(separator: ", ")
            let marks = columns.map { _ in "?" }.joined(separator: ", ")
            let key = try database.primaryKey(table).columns
            let statement = try database.makeStatement(sql: "INSERT OR IGNORE INTO \(table) (\(names)) VALUES (\(marks))")
            for direction in ["ASC", "DESC"] {
                let order = key.map { "\($0) \(direction)" }.joined(separator: ", ")
                var isOver = false
                try source.unsafeRead { source in
                    let sql = "SELECT \(names) FROM \(table) NOT INDEXED ORDER BY \(order)"
                    guard let cursor = try Self.readable({ try Row.fetchCursor(source, sql: sql) }) else { return }
                    while let row = try Self.readable({ try cursor.next() }) {
                        guard let row else { return isOver = true }
                        statement.setUncheckedArguments(StatementArguments(row.databaseValues))
                        let isSaved = try Self.execute(statement, database)
                        rows += isSaved ? 1 : 0
                        // On the way back there are rows that the way there has saved.
                        if !isSaved, direction == "ASC" { isComplete = false }
                    }
                }
                if isOver, direction == "ASC" { break }
                isComplete = false
            }
        }
        note(table, rows, isComplete)
    }

    /// Rows that point to what is lost, and sums that can be made again.
    private mutating func mend(_ target: DatabaseQueue) throws {
        var isPossible = true
        let lacksDays = incomplete.contains("usage_place_day") && !incomplete.contains("usage_place")
        try target.write { database in
            if lacksDays { try database.execute(sql: "DELETE FROM usage_place_day; \(SQLiteStore.daysOfPlaces())") }
            // Their numbers would be given to the next places that come, and nobody would see the usage until then.
            try database.execute(
                sql: """
                    INSERT OR IGNORE INTO place (id, upstream, account, rule, tags)
                        SELECT place, '?', '', 'lost place ' || place, '{}'
                        FROM (SELECT place FROM usage_place UNION SELECT place FROM usage_place_day)
                        WHERE typeof(place) = 'integer' AND place NOT IN (SELECT id FROM place)
                    """)
            guard let row = try Row.fetchOne(database, sql: "SELECT segment, offset FROM journal_position") else { return }
            if let segment = Int.fromDatabaseValue(row["segment"]), let offset = Int.fromDatabaseValue(row["offset"]) {
                isPossible = JournalPosition(segment: segment, offset: offset).isPossible
            } else {
                isPossible = false
            }
            if !isPossible { try database.execute(sql: "DELETE FROM journal_position") }
        }
        if !isPossible { note("journal_position", 0, false) }
    }

    private mutating func note(_ table: String, _ rows: Int, _ isComplete: Bool) {
        saved[table] = "\(rows)\(isComplete ? "" : " (not all)")"
        isWhole = isWhole && isComplete
        if !isComplete { incomplete.insert(table) }
    }

    // MARK: - Reading what is damaged, writing what is not

    /// nil when nothing of it can be read.
    private static func open(_ path: String) throws -> DatabaseQueue? {
        var configuration = GRDB.Configuration()
        configuration.label = "proxyd.damaged"
        // What it is stays as it is, its log too.
        configuration.readonly = true
        configuration.busyMode = .timeout(5)
        return try readable {
            let database = try DatabaseQueue(path: path, configuration: configuration)
            _ = try database.unsafeRead { try Int.fetchOne($0, sql: "SELECT count(*) FROM sqlite_master") }
            return database
        }
    }

    /// The last step of the schema that the database has.
    private static func version(of source: DatabaseQueue) throws -> String {
        let steps = SQLiteStore.migrator.migrations
        let applied = try readable { try source.unsafeRead { try SQLiteStore.migrator.appliedIdentifiers($0) } } ?? []
        let known = steps.prefix { applied.contains($0) }.last
        let hasPlaces = try readable { try source.unsafeRead { try $0.tableExists("usage_place") } } ?? true
        // What it says of itself may be damaged too.
        let isOlder = hasPlaces && (known == nil || known == steps.first)
        return (isOlder ? steps.last : known ?? steps.first) ?? ""
    }

    /// nil where damage keeps `body` from reading; other errors are thrown.
    private static func readable<Result>(_ body: () throws -> Result) throws -> Result? {
        do {
            return try body()
        } catch let error as DatabaseError where isDamage(error.extendedResultCode) {
            return nil
        }
    }

    /// Whether the error is the file's; others are the moment's: memory, locks, files that cannot be opened, a disk without room.
    private static func isDamage(_ code: ResultCode) -> Bool {
        switch code.primaryResultCode {
        case .SQLITE_NOMEM, .SQLITE_BUSY, .SQLITE_LOCKED, .SQLITE_CANTOPEN, .SQLITE_FULL, .SQLITE_INTERRUPT, .SQLITE_PERM,
            .SQLITE_READONLY:
            false
        case .SQLITE_IOERR: code == .SQLITE_IOERR_READ || code == .SQLITE_IOERR_SHORT_READ
        default: true
        }
    }

    /// false for a row that the table does not take: it is there already, or is none that it could have held.
    private static func execute(_ statement: Statement, _ database: Database) throws -> Bool {
        do {
            try statement.execute()
            return database.changesCount > 0
        } catch let error as DatabaseError
            where [.SQLITE_CONSTRAINT, .SQLITE_MISMATCH].contains(error.resultCode.primaryResultCode)
        {
            return false
        }
    }
}
