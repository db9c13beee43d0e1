import Foundation
import GRDB

/// What a node keeps of the store that it shares with others, and its own tables as they are copied there.
extension SQLiteStore {
    /// The names under which this state directory books in a shared store.
    struct Sharing: Sendable, Hashable {
        /// Made once, and in no other state directory but a copy of this one.
        var state: String
        /// Whether the keys of all nodes were here once.
        var hasKeys = false
        /// Whether something was booked beside the journal: all is to be put there anew.
        var wantsCopy = false
    }

    static func registerSharing(_ migrator: inout DatabaseMigrator) {
        migrator.registerMigration("c1: shared store") { database in
            try database.execute(
                sql: """
                    CREATE TABLE shared_store (         -- one row, where there is a shared store
                        id INTEGER PRIMARY KEY CHECK (id = 1),
                        state TEXT NOT NULL,
                        has_keys INTEGER NOT NULL,
                        wants_copy INTEGER NOT NULL
                    );
                    """)
        }
    }

    static func registerDirectory(_ migrator: inout DatabaseMigrator) {
        migrator.registerMigration("c2: state directory") { database in
            try database.execute(
                sql: """
                    CREATE TABLE state_directory (      -- one row, once limits were shared
                        id INTEGER PRIMARY KEY CHECK (id = 1),
                        name TEXT NOT NULL
                    );
                    """)
        }
    }

    /// Made once; a backup that is put back has it too.
    func directoryName() throws -> String {
        let name = try read { try Row.fetchOne($0, sql: "SELECT name FROM state_directory")?.text("name") }
        if let name, !name.isEmpty { return name }
        let fresh = NodeIdentity().instance
        try write { database in
            try database.execute(sql: "INSERT OR REPLACE INTO state_directory (id, name) VALUES (1, ?)", arguments: [fresh])
        }
        return fresh
    }

    func sharing() throws -> Sharing? {
        try read { database in
            try Row.fetchOne(database, sql: "SELECT * FROM shared_store").map {
                Sharing(
                    state: $0.text("state"), hasKeys: $0.integer("has_keys") != 0, wantsCopy: $0.integer("wants_copy") != 0)
            }
        }
    }

    func setSharing(_ sharing: Sharing) throws {
        try write { database in
            try database.execute(
                sql: "INSERT OR REPLACE INTO shared_store (id, state, has_keys, wants_copy) VALUES (1, ?, ?, ?)",
                arguments: [sharing.state, sharing.hasKeys, sharing.wantsCopy])
        }
    }

    /// Notes, where there is a shared store, whether all is to be put there anew.
    func setWantsCopy(_ wantsCopy: Bool) throws {
        try write { try $0.execute(sql: "UPDATE shared_store SET wants_copy = ?", arguments: [wantsCopy]) }
    }

    // MARK: - The tables as they are copied

    func places() throws -> [(id: Int, place: PostgresPlace)] {
        try read { database in
            try Row.fetchAll(database, sql: "SELECT id, upstream, account, rule, tags FROM place").map { row in
                let place = PostgresPlace(
                    upstream: row.text("upstream"), account: row.text("account"), rule: row.text("rule"), tags: row.text("tags"))
                return (row.integer("id"), place)
            }
        }
    }

    /// The newest records of the blocks: milliseconds since 1970.
    func blockTimes() throws -> [Int] {
        try read { try Int.fetchAll($0, sql: "SELECT CAST(newest AS INTEGER) FROM request") }
    }

    /// Rows of one batch.
    private static let batch = 2_000

    /// Shows the rows in batches, an array for each column.
    func forEachBatch(of table: SharedTable, _ body: ([PostgresValue], _ count: Int) throws -> Void) throws {
        let names = table.columns.map(\.name).joined(separator: ", ")
        try read { database in
            let rows = try Row.fetchCursor(database, sql: "SELECT \(names) FROM \(table.name)")
            var texts = [[String]](repeating: [], count: table.columns.count)
            var numbers = [[Int]](repeating: [], count: table.columns.count)
            var count = 0
            func show() throws {
                let columns = table.columns.indices.map { index in
                    table.columns[index].isText ? PostgresValue.texts(texts[index]) : .numbers(numbers[index])
                }
                try body(columns, count)
                for index in table.columns.indices { (texts[index], numbers[index]) = ([], []) }
                count = 0
            }
            while let row = try rows.next() {
                for (index, column) in table.columns.enumerated() {
                    switch column {
                    case .text: texts[index].append(row.text(at: index))
                    case .number: numbers[index].append(row.integer(at: index))
                    case .place: numbers[index].append(table.places[row.integer(at: index)] ?? 0)
                    }
                }
                count += 1
                if count == Self.batch { try show() }
            }
            if count > 0 { try show() }
        }
    }

    /// Shows the blocks of records, the oldest first.
    func forEachBlock(_ body: (RequestBlock) throws -> Void) throws {
        try read { database in
            let sql = "SELECT oldest, newest, count, keys, models, sessions, records FROM request ORDER BY id"
            let rows = try Row.fetchCursor(database, sql: sql)
            while let row = try rows.next() {
                guard let records = Data.fromDatabaseValue(row["records"]) else { continue }
                let masks = RequestBlock.Masks(
                    keys: row.integer("keys"), models: row.integer("models"), sessions: row.integer("sessions"))
                try body(
                    RequestBlock(
                        oldest: row.integer("oldest"), newest: row.integer("newest"), count: row.integer("count"), masks: masks,
                        bytes: [UInt8](records)))
            }
        }
    }

    /// Entries of the audit log after one, in order.
    func auditEntries(after last: Int, limit: Int) throws -> [AuditEntry] {
        try read { database in
            let sql = "SELECT * FROM audit WHERE id > ? ORDER BY id LIMIT ?"
            return try Row.fetchAll(database, sql: sql, arguments: [last, limit]).map(Self.auditEntry)
        }
    }

    /// The number of the last entry; 0 for none.
    func lastAuditEntry() throws -> Int {
        try read { try Int.fetchOne($0, sql: "SELECT CAST(max(id) AS INTEGER) FROM audit") ?? 0 }
    }

    func forEachAuditBatch(_ body: ([AuditEntry]) throws -> Void) throws {
        var last = 0
        while case let entries = try auditEntries(after: last, limit: Self.batch), let next = entries.last?.id {
            try body(entries)
            last = next
        }
    }
}

extension SharedTable.Column {
    fileprivate var name: String {
        switch self {
        case .text(let name), .number(let name), .place(let name): name
        }
    }

    fileprivate var isText: Bool {
        if case .text = self { return true }
        return false
    }
}
