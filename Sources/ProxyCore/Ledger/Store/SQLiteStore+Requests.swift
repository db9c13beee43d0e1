import Foundation
import GRDB

/// Keeping the records of requests, in blocks.
extension SQLiteStore {
    func requests(_ filter: RequestFilter) throws -> RequestPage {
        let wanted = RequestPattern(filter)
        var page = RequestPage()
        let end = try look(for: wanted) { RequestBlock.look(at: $1, $0, for: wanted, &page) }
        page.next = end
        return page
    }

    func forEachRequest(_ filter: RequestFilter, _ body: (EncodedUsage) -> Void) throws -> RequestCursor? {
        let wanted = RequestPattern(filter)
        return try look(for: wanted) {
            RequestBlock.show($1, for: wanted, body)
            return nil
        }
    }

    /// Shows blocks that may hold what is wanted, until `body` says where it ended.
    /// - Returns: where it ended, because of that or because it has taken long; the next page begins there.
    private func look(
        for wanted: RequestPattern, _ body: (_ block: Int, _ records: UnsafeRawBufferPointer) -> RequestCursor?
    ) throws -> RequestCursor? {
        try read { database in
            var end: RequestCursor?
            var work = 0
            try Self.forEachBlock(wanted, database) { block, count, data in
                work += data == nil ? 1 : Self.workOfBlock + count
                if let data { end = data.withUnsafeBytes { body(block, $0) } }
                if end == nil, work >= wanted.filter.mostWork { end = RequestCursor(block: block, index: 0) }
                return end == nil
            }
            return end
        }
    }

    /// A block costs about as much as some records in it, and one that is passed over as much as one.
    private static let workOfBlock = 20

    func forEachRequest(ofLatest most: Int, _ body: (EncodedUsage) -> Void) throws {
        try read { database in
            var blocks: [Int] = []
            var count = 0
            let newest = try Row.fetchCursor(database, sql: "SELECT id, count FROM request ORDER BY id DESC")
            while let row = try newest.next() {
                count = UsageAmounts.sum(count, max(row.integer("count"), 1))
                guard count <= most else { break }
                blocks.append(row.integer("id"))
            }
            for block in blocks.reversed() {
                let sql = "SELECT records FROM request WHERE id = ?"
                guard let row = try Row.fetchOne(database, sql: sql, arguments: [block]),
                    let data = Data.fromDatabaseValue(row["records"])
                else { continue }
                data.withUnsafeBytes { bytes in
                    for payload in RequestBlock.payloads(in: bytes) {
                        if let usage = EncodedUsage(payload) { body(usage) }
                    }
                }
            }
        }
    }

    func newestRequest() throws -> Int? {
        try read { database in
            let newest = try Int.fetchOne(database, sql: "SELECT CAST(max(newest) AS INTEGER) FROM request")
            let used = try Int.fetchOne(database, sql: "SELECT CAST(max(last_used) AS INTEGER) FROM limit_day")
            return [newest, used.map { UsageAmounts.clamped($0) * 1_000 }].compactMap { $0 }.max()
        }
    }

    func deleteRequests(before: Int, limit: Int) throws -> Bool {
        var isFull = false
        try write { database in
            // Not by their numbers: after a clock that was ahead, these are too.
            let sql = "DELETE FROM request WHERE id IN (SELECT id FROM request WHERE newest < ? ORDER BY newest LIMIT ?)"
            try database.execute(sql: sql, arguments: [before, limit])
            isFull = database.changesCount >= limit
        }
        return isFull
    }

    static func book(_ requests: [RequestBlock], _ database: Database) throws {
        guard !requests.isEmpty else { return }
        var last = try Int.fetchOne(database, sql: "SELECT CAST(max(id) AS INTEGER) FROM request") ?? 0
        let statement = try database.cachedStatement(
            sql:
                "INSERT INTO request (id, oldest, newest, count, keys, models, sessions, records) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        )
        for block in requests {
            last = max(last &+ 1, firstID(at: block.newest))
            try statement.execute(arguments: [
                last, block.oldest, block.newest, block.count, block.masks.keys, block.masks.models, block.masks.sessions,
                Data(block.bytes),
            ])
        }
    }

    /// Shows the blocks of the time that is asked for, the newest first, until `body` says that it is enough; without the records
    /// where the masks say that none is wanted.
    private static func forEachBlock(
        _ wanted: RequestPattern, _ database: Database, _ body: (_ block: Int, _ count: Int, _ records: Data?) -> Bool
    ) throws {
        let filter = wanted.filter
        // A page that ended at the first record of a block has all of it.
        let last = filter.before.map { $0.index > 0 ? $0.block : $0.block &- 1 } ?? Int.max
        let sql = """
            SELECT id, count, CASE WHEN keys & :keys = :keys AND models & :models = :models AND sessions & :sessions = :sessions
                AND oldest <= :until AND newest >= :since THEN records END
            FROM request WHERE id >= :first AND id <= :last ORDER BY id DESC
            """
        let arguments: StatementArguments = [
            "keys": wanted.masks.keys, "models": wanted.masks.models, "sessions": wanted.masks.sessions,
            "until": filter.until ?? .max, "since": filter.since ?? .min, "first": filter.since.map(firstID) ?? 0, "last": last,
        ]
        let rows = try Row.fetchCursor(database, sql: sql, arguments: arguments)
        while let row = try rows.next() {
            let count = min(row.amount(at: 1), RequestBlock.maximumCount)
            guard body(row.integer(at: 0), count, Data.fromDatabaseValue(row[2])) else { return }
        }
    }

    /// The number of a block is the time of its newest record and what tells blocks of one millisecond apart. A clock that is put
    /// back does not take it with it: no block's number is less than its time's.
    private static func firstID(at milliseconds: Int) -> Int { min(max(milliseconds, 0), 1 << 42) << 20 }
}
