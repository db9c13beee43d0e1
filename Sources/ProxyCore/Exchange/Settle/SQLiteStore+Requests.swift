import Foundation
import GRDB

/// Keeping the records of requests, in blocks.
extension SQLiteStore {
    func requests(_ filter: RequestFilter) throws -> RequestPage {
        try read { database in
            var page = RequestPage()
            var isOver = false
            try Self.forEachBlock(filter, database) { block, payloads in
                for index in payloads.indices.reversed() {
                    if let before = filter.before, block == before.block, index >= before.index { continue }
                    guard let usage = EncodedUsage(payloads[index]), filter.matches(usage), let record = usage.record() else {
                        continue
                    }
                    guard page.records.count < filter.limit else {
                        isOver = true
                        return false
                    }
                    page.records.append(record)
                    page.next = RequestCursor(block: block, index: index)
                }
                return true
            }
            if !isOver { page.next = nil }
            return page
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

    /// Shows the blocks that may hold what the filter lets through, the newest first, until `body` says that it is enough.
    static func forEachBlock(
        _ filter: RequestFilter, _ database: Database, _ body: (_ block: Int, _ payloads: [UnsafeRawBufferPointer]) throws -> Bool
    ) throws {
        var conditions = ["id >= ?", "id <= ?"]
        var arguments: StatementArguments = [filter.since.map(firstID) ?? 0, filter.before?.block ?? Int.max]
        func require(_ column: String, _ mask: Int?) {
            guard let mask else { return }
            conditions.append("\(column) & ? = ?")
            arguments += [mask, mask]
        }
        require("models", filter.model.map { RequestBlock.Masks.mask($0) })
        require("sessions", filter.session.map { RequestBlock.Masks.mask($0) })
        if let keys = filter.keyIDs, keys.count == 1 { require("keys", keys.first.map { RequestBlock.Masks.mask($0) }) }
        if let until = filter.until {
            conditions.append("oldest <= ?")
            arguments += [until]
        }
        let sql = "SELECT id, records FROM request WHERE \(conditions.joined(separator: " AND ")) ORDER BY id DESC"
        let rows = try Row.fetchCursor(database, sql: sql, arguments: arguments)
        while let row = try rows.next() {
            guard let data = Data.fromDatabaseValue(row["records"]) else { continue }
            let block = row.integer("id")
            let goesOn = try data.withUnsafeBytes { try body(block, RequestBlock.payloads(in: $0)) }
            guard goesOn else { return }
        }
    }

    /// The number of a block is the time of its newest record and what tells blocks of one millisecond apart. A clock that is put
    /// back does not take it with it: no block's number is less than its time's.
    private static func firstID(at milliseconds: Int) -> Int { min(max(milliseconds, 0), 1 << 42) << 20 }
}
