/// Putting there anew what a node's own database has.
extension PostgresStore {
    /// What was put there.
    struct Copied: Sendable, Hashable {
        var position: JournalPosition
        var requests = 0
        var rows = 0
        var blocks = 0
        var entries = 0
    }

    /// Replaces all that this node has booked by what `copy` has, in one transaction: usage, records, and the journal's position. Keys and
    /// entries of the audit log that are not there are added. Whatever was lost there is there again, and nothing counts twice.
    func replace(by copy: SQLiteStore) throws -> Copied {
        guard let position = try copy.bookedPosition() else {
            throw StateFailure.unusable(path: "proxyd.sqlite", reason: "has no position of the journal")
        }
        try offer(try copy.keys())
        let shared = try copy.places()
        let places = try read { connection, session in
            try Self.places(shared.map(\.place), &session, connection)
        }
        let numbers = Dictionary(
            shared.compactMap { one in places[one.place].map { (one.id, $0) } }, uniquingKeysWith: { first, _ in first })
        let months = try copy.blockTimes()
        try read { connection, session in try Self.prepareMonths(of: months, &session, connection) }
        return try write { connection, session in
            try connection.execute("SET LOCAL statement_timeout = 0")
            let source = session.source
            try connection.execute("SELECT 1 FROM proxyd_source WHERE id = $1 FOR UPDATE", [.number(source)])
            for table in ["usage_key", "usage_hour", "usage_place", "usage_place_day", "request"] {
                try connection.execute("DELETE FROM proxyd_\(table) WHERE source = $1", [.number(source)], within: 600)
            }
            var copied = Copied(position: position)
            for table in SharedTable.all(numbers) {
                try copy.forEachBatch(of: table) { columns, count in
                    try connection.execute(table.addition.sql, [.number(source)] + columns)
                    copied.rows += count
                }
            }
            session.lastBlock = 0
            try copy.forEachBlock { block in
                try Self.add([block], &session, connection)
                copied.blocks += 1
            }
            try copy.forEachAuditBatch { entries in
                try Self.add(entries, source, connection)
                copied.entries += entries.count
            }
            try Self.setPosition(position, source, connection)
            copied.requests = try Self.verify(copied, against: copy, source, connection)
            return copied
        }
    }

    /// What is there now has to be what the copy has; else nothing of it comes about.
    private static func verify(
        _ copied: Copied, against copy: SQLiteStore, _ source: Int, _ connection: PostgresConnection
    ) throws -> Int {
        let expected = try copy.counts()?.requests ?? 0
        let keys = try connection.execute(
            "SELECT coalesce(sum(requests), 0) FROM proxyd_usage_key WHERE source = $1", [.number(source)])
        let blocks = try connection.execute("SELECT count(*) FROM proxyd_request WHERE source = $1", [.number(source)])
        let (found, kept) = (keys.first?.integer(0) ?? -1, blocks.first?.integer(0) ?? -1)
        guard found == expected, kept == copied.blocks else {
            throw PostgresFailure.conflict(
                "what was copied is not what is there: \(found) of \(expected) requests, \(kept) of \(copied.blocks) blocks")
        }
        return found
    }

    /// Goes on from there under a new identity: what was before is booked under another.
    func begin(at position: JournalPosition, auditEntry: Int) throws {
        try write { connection, session in
            try Self.setPosition(position, session.source, connection)
            try connection.execute(
                "UPDATE proxyd_source SET audit = greatest(audit, $2) WHERE id = $1",
                [.number(session.source), .number(auditEntry)])
        }
    }
}

/// A table of usage as it is copied: columns of the one database become arrays for the other.
struct SharedTable {
    enum Column {
        case text(String)
        case number(String)
        /// A place's number, which is another one there.
        case place(String)
    }

    /// The table's name in the database that is copied.
    var name: String
    var columns: [Column]
    var addition: PostgresStore.Addition
    var places: [Int: Int] = [:]

    static func all(_ places: [Int: Int]) -> [SharedTable] {
        let amounts = PostgresSchema.amountNames
        let counts = PostgresSchema.placeNames
        return [
            SharedTable(
                name: "usage_key", columns: [.text("key_id")] + amounts.map { .number($0) } + [.number("last_used")],
                addition: PostgresStore.toKey),
            SharedTable(
                name: "usage_hour",
                columns: [.number("hour"), .text("key_id"), .text("model")] + amounts.map { .number($0) },
                addition: PostgresStore.toHour),
            SharedTable(
                name: "usage_place",
                columns: [.number("hour"), .text("key_id"), .text("model"), .place("place")] + counts.map { .number($0) },
                addition: PostgresStore.toPlace, places: places),
            SharedTable(
                name: "usage_place_day",
                columns: [.number("day"), .text("key_id"), .text("model"), .place("place")] + counts.map { .number($0) },
                addition: PostgresStore.toPlaceDay, places: places),
        ]
    }
}
