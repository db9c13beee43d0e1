import Basics

/// Keeping the records of requests, in blocks, by months.
extension PostgresStore {
    func requests(_ filter: RequestFilter) throws -> RequestPage {
        let wanted = RequestPattern(filter)
        return try read { connection, _ in
            var page = RequestPage()
            let end = try Self.look(for: wanted, connection) { block, data in
                data.withUnsafeBytes { RequestBlock.look(at: $0, block, for: wanted, &page) }
            }
            page.next = end
            return page
        }
    }

    func forEachRequest(_ filter: RequestFilter, _ body: (EncodedUsage) -> Void) throws -> RequestCursor? {
        let wanted = RequestPattern(filter)
        // What is read may begin again; what is shown is shown once.
        let (blocks, end) = try read { connection, _ in
            var blocks: [[UInt8]] = []
            let end = try Self.look(for: wanted, connection) { _, data in
                blocks.append(data)
                return nil
            }
            return (blocks, end)
        }
        for block in blocks { block.withUnsafeBytes { RequestBlock.show($0, for: wanted, body) } }
        return end
    }

    /// Shows blocks that may hold what is wanted, until `body` says where it ended.
    /// - Returns: where it ended, because of that or because it has taken long; the next page begins there.
    private static func look(
        for wanted: RequestPattern, _ connection: PostgresConnection, _ body: (_ block: Int, _ records: [UInt8]) -> RequestCursor?
    ) throws -> RequestCursor? {
        var end: RequestCursor?
        var work = 0
        try forEachBlock(wanted, connection) { block, count, data in
            work += data == nil ? 1 : 20 + count
            if let data { end = body(block, data) }
            if end == nil, work >= wanted.filter.mostWork { end = RequestCursor(block: block, index: 0) }
            return end == nil
        }
        return end
    }

    /// So many blocks are asked for at once: what is wanted is mostly in the first.
    private static let fewBlocks = 8

    private static func forEachBlock(
        _ wanted: RequestPattern, _ connection: PostgresConnection,
        _ body: (_ block: Int, _ count: Int, _ records: [UInt8]?) -> Bool
    ) throws {
        let filter = wanted.filter
        // A page that ended at the first record of a block has all of it.
        var last = filter.before.map { $0.index > 0 ? $0.block : $0.block &- 1 } ?? Int.max
        let masks = wanted.masks
        let sql = """
            SELECT id, count, CASE WHEN keys & $3 = $3 AND models & $4 = $4 AND sessions & $5 = $5
                AND oldest <= $6 AND newest >= $7 THEN records END
            FROM proxyd_request WHERE id >= $1 AND id <= $2 ORDER BY id DESC LIMIT \(fewBlocks)
            """
        while true {
            let rows = try connection.execute(
                sql,
                [
                    .number(filter.since.map(firstID) ?? 0), .number(last), .number(masks.keys), .number(masks.models),
                    .number(masks.sessions), .number(filter.until ?? .max), .number(filter.since ?? .min),
                ])
            for row in rows.map({ $0 }) {
                last = row.integer(0) &- 1
                guard body(row.integer(0), min(row.amount(1), RequestBlock.maximumCount), row.bytes(2)) else { return }
            }
            guard rows.rows.count == fewBlocks else { return }
        }
    }

    func forEachRequest(ofLatest most: Int, _ body: (EncodedUsage) -> Void) throws {
        let blocks = try read { connection, session in
            var blocks: [[UInt8]] = []
            var count = 0
            let sql = "SELECT id, count FROM proxyd_request WHERE source = $1 ORDER BY id DESC LIMIT \(most)"
            for row in try connection.execute(sql, [.number(session.source)]).map({ $0 }) {
                count = UsageAmounts.sum(count, max(row.integer(1), 1))
                guard count <= most else { break }
                let one = "SELECT records FROM proxyd_request WHERE source = $1 AND id = $2"
                let records = try connection.execute(one, [.number(session.source), .number(row.integer(0))]).first
                if let bytes = records?.bytes(0) { blocks.append(bytes) }
            }
            return blocks
        }
        for block in blocks.reversed() {
            block.withUnsafeBytes { bytes in
                for payload in RequestBlock.payloads(in: bytes) {
                    if let usage = EncodedUsage(payload) { body(usage) }
                }
            }
        }
    }

    func newestRequest() throws -> Int? {
        try read { connection, session in
            let newest = try connection.execute(
                "SELECT max(newest) FROM proxyd_request WHERE source = $1", [.number(session.source)])
            let used = try connection.execute(
                "SELECT max(last_used) FROM proxyd_limit_day WHERE source = $1", [.number(session.source)])
            let times = [
                newest.first?.optionalInteger(0), used.first?.optionalInteger(0).map { UsageAmounts.clamped($0) * 1_000 },
            ]
            return times.compactMap { $0 }.max()
        }
    }

    /// Each node deletes what is its own. A month that is too old as a whole goes with all that is in it, whoever booked it.
    func deleteRequests(before: Int, limit: Int) throws -> Bool {
        let (deleted, old) = try write { connection, session in
            let sql = """
                DELETE FROM proxyd_request WHERE (id, source) IN (
                    SELECT id, source FROM proxyd_request WHERE source = $1 AND newest < $2 ORDER BY newest LIMIT $3)
                """
            let deleted = try connection.execute(sql, [.number(session.source), .number(before), .number(limit)]).affected
            return (deleted, before == .max ? [] : try Self.months(connection).filter { Self.end(ofMonth: $0) <= before })
        }
        if !old.isEmpty {
            try write { connection, session in
                try connection.execute("SELECT pg_advisory_xact_lock(\(PostgresSchema.lockClass), \(PostgresSchema.monthLock))")
                for month in old {
                    try connection.execute("DROP TABLE IF EXISTS \(Self.table(ofMonth: month))")
                    session.months.remove(month)
                }
            }
        }
        return deleted >= limit
    }

    static func add(_ requests: [RequestBlock], _ session: inout Session, _ connection: PostgresConnection) throws {
        for block in requests {
            let id = nextBlock(after: session.lastBlock, at: block.newest, source: session.source)
            try connection.execute(
                """
                INSERT INTO proxyd_request (id, source, oldest, newest, count, keys, models, sessions, records)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
                """,
                [
                    .number(id), .number(session.source), .number(block.oldest), .number(block.newest), .number(block.count),
                    .number(block.masks.keys), .number(block.masks.models), .number(block.masks.sessions), .bytes(block.bytes),
                ])
            session.lastBlock = id
        }
    }

    // MARK: - Numbers

    /// The first number of a record, made as SQLite's are: from the time of the newest record, 2^20 numbers for each millisecond.
    /// Ten bits of them are the source's, so that what two nodes book at once has two numbers.
    static func firstID(at milliseconds: Int) -> Int { min(max(milliseconds, 0), 1 << 42) << 20 }

    static func nextBlock(after last: Int, at milliseconds: Int, source: Int) -> Int {
        let ours = (source & 1_023) << 10
        let first = firstID(at: milliseconds) | ours
        guard first <= last else { return first }
        let next = last + 1
        return next & 1_023 == 0 ? (last >> 20 + 1) << 20 | ours : next
    }

    // MARK: - Months

    /// 202602 for the February of 2026 in UTC.
    private static func month(at milliseconds: Int) -> Int {
        let date = CivilDate(daysSince1970: min(max(milliseconds, 0), 1 << 42) / 86_400_000)
        return date.year * 100 + date.month
    }

    private static func start(ofMonth month: Int) -> Int {
        CivilDate(year: month / 100, month: month % 100, day: 1).daysSince1970 * 86_400_000
    }

    private static func end(ofMonth month: Int) -> Int {
        start(ofMonth: month % 100 == 12 ? month + 89 : month + 1)
    }

    private static func table(ofMonth month: Int) -> String { "proxyd_request_\(month)" }

    /// Those that have a table.
    private static func months(_ connection: PostgresConnection) throws -> [Int] {
        let sql = "SELECT relid::regclass::text FROM pg_partition_tree('proxyd_request') WHERE isleaf"
        return try connection.execute(sql).map { Int($0.text(0).suffix(6)) }.compactMap { $0 }.filter { $0 % 100 <= 12 }
    }

    /// Makes the tables of the months of these times.
    static func prepareMonths(of times: [Int], _ session: inout Session, _ connection: PostgresConnection) throws {
        // A block that is later than its own time, since one of that time was there, is little later.
        let wanted = Set(times.flatMap { [month(at: $0), month(at: $0 + 60_000)] })
        guard !wanted.isSubset(of: session.months) else { return }
        session.months = Set(try months(connection))
        for month in wanted.subtracting(session.months).sorted() {
            try connection.transaction { connection in
                try connection.execute("SELECT pg_advisory_xact_lock(\(PostgresSchema.lockClass), \(PostgresSchema.monthLock))")
                try connection.execute(
                    """
                    CREATE TABLE IF NOT EXISTS \(table(ofMonth: month)) PARTITION OF proxyd_request
                    FOR VALUES FROM (\(firstID(at: start(ofMonth: month)))) TO (\(firstID(at: end(ofMonth: month))))
                    """)
            }
            session.months.insert(month)
        }
    }
}
