import GRDB

/// Copying and checking the database as a whole.
extension SQLiteStore {
    func copy(to path: String) throws {
        // The file is there already, empty and its owner's alone: what SQLite makes itself others may read.
        try read { try $0.execute(sql: "VACUUM INTO ?", arguments: [path]) }
    }

    func check() throws -> [String] {
        try read { database in
            let lines = try String.fetchAll(database, sql: "PRAGMA integrity_check(20)")
            return lines == ["ok"] ? [] : lines.map { "the database: \($0)" }
        }
    }

    func counts() throws -> (keys: Int, requests: Int)? {
        try read { database in
            // In the words of the first schema: who looks changes none.
            guard try database.tableExists("key"), try database.tableExists("usage_key") else { return nil }
            let keys = try Int.fetchOne(database, sql: "SELECT count(*) FROM key WHERE deleted IS NULL")
            let requests = try Row.fetchOne(
                database, sql: "SELECT CAST(total(requests) AS INTEGER) AS requests FROM usage_key")
            return (keys ?? 0, requests?.amount("requests") ?? 0)
        }
    }

    /// Whether a copy is a database of ours that this version can run on.
    ///
    /// - Throws: `StateFailure`.
    static func inspect(copy path: String) throws {
        do {
            // What is there of a newer version is refused before anything is changed.
            let store = try SQLiteStore(path: path)
            defer { try? store.close() }
            let damages = try store.check()
            guard damages.isEmpty else { throw StateFailure.unusable(path: path, reason: damages.joined(separator: "; ")) }
            let isOurs = try store.read { database in
                try ["key", "usage_hour", "journal_position"].allSatisfy { try database.tableExists($0) }
            }
            guard isOurs else { throw StateFailure.unusable(path: path, reason: "it is no copy of proxyd's state") }
        } catch let failure as StateFailure {
            throw failure
        } catch {
            throw StateFailure.unusable(path: path, reason: "\(error)")
        }
    }
}

/// What a store can do as a whole.
protocol StoreCopying: Sendable {
    /// Writes all that is committed into the file, which must be empty or not there.
    func copy(to path: String) throws
    /// What is damaged, a sentence each.
    func check() throws -> [String]
    /// Keys that are not deleted, and requests that are booked; nil where there is nothing that could hold any.
    func counts() throws -> (keys: Int, requests: Int)?
}
