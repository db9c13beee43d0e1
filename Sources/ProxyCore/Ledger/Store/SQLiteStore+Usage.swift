import GRDB

/// Booking and reading usage.
extension SQLiteStore {
    func bookedPosition() throws -> JournalPosition? {
        try read { try Self.position($0) }
    }

    func book(_ batch: UsageBatch) throws {
        try write { database in
            let position = try Self.position(database) ?? batch.from
            // A commit that was reported as failed may have happened all the same.
            guard position < batch.upTo else { return }
            guard position == batch.from else { throw BookingFailure.gap(booked: position, from: batch.from) }
            for row in batch.rows {
                let model = try bookedModels.withLock { models in
                    try models.name(for: row) { day in
                        let sql = "SELECT DISTINCT model FROM usage_hour WHERE key_id = ? AND hour BETWEEN ? AND ?"
                        return try String.fetchAll(database, sql: sql, arguments: [row.keyID, day * 100, day * 100 + 99])
                    }
                }
                try Self.book(row, model: model, database)
                try Self.book(row.amounts, ofKey: row.keyID, lastUsed: row.lastUsed, database)
            }
            try Self.book(batch.charges, database)
            try Self.book(batch.requests, database)
            try Self.setPosition(batch.upTo, database)
        }
    }

    func move(to position: JournalPosition) throws {
        try write { try Self.setPosition(position, $0) }
    }

    func totals() throws -> UsageAmounts {
        try read { database in
            let row = try Row.fetchOne(database, sql: "SELECT \(Self.sums) FROM usage_key")
            return row.map { Self.amounts($0) } ?? UsageAmounts()
        }
    }

    func keyTotals() throws -> [String: KeyTotals] {
        try read { database in
            var totals: [String: KeyTotals] = [:]
            let rows = try Row.fetchCursor(database, sql: "SELECT key_id, last_used, \(Self.columns) FROM usage_key")
            while let row = try rows.next() {
                totals[row.text("key_id")] = KeyTotals(amounts: Self.amounts(row), lastUsed: Self.lastUsed(row))
            }
            return totals
        }
    }

    func usage(ofKey id: String, mostHours: Int) throws -> KeyUsage {
        try read { database in
            var usage = KeyUsage()
            let total = "SELECT last_used, \(Self.columns) FROM usage_key WHERE key_id = ?"
            guard let row = try Row.fetchOne(database, sql: total, arguments: [id]) else { return usage }
            usage.totals = KeyTotals(amounts: Self.amounts(row), lastUsed: Self.lastUsed(row))

            let days = """
                SELECT hour / 100 AS day, model, \(Self.sums) FROM usage_hour WHERE key_id = ? AND \(Self.isHour)
                GROUP BY day, model ORDER BY day, model
                """
            let dayRows = try Row.fetchCursor(database, sql: days, arguments: [id])
            while let row = try dayRows.next() {
                usage.daily.add(Self.amounts(row), of: row.text("model"), in: LocalDate(number: row.integer("day")))
            }
            let hours = """
                SELECT hour, model, \(Self.sums) FROM usage_hour WHERE key_id = :key AND \(Self.isHour)
                    AND \(Self.isKnownHour) AND hour IN (
                        SELECT DISTINCT hour FROM usage_hour WHERE key_id = :key AND \(Self.isHour) AND \(Self.isKnownHour)
                        ORDER BY hour DESC LIMIT :most)
                GROUP BY hour, model ORDER BY hour, model
                """
            let hourRows = try Row.fetchCursor(database, sql: hours, arguments: ["key": id, "most": mostHours])
            while let row = try hourRows.next() {
                usage.hourly.add(Self.amounts(row), of: row.text("model"), in: LocalHour(number: row.integer("hour")))
            }

            let models = "SELECT model, \(Self.sums) FROM usage_hour WHERE key_id = ? GROUP BY model ORDER BY model"
            usage.byModel = try Row.fetchAll(database, sql: models, arguments: [id]).map { ($0.text("model"), Self.amounts($0)) }
            return usage
        }
    }

    func keyAmounts(on date: LocalDate) throws -> [String: UsageAmounts] {
        try read { database in
            var amounts: [String: UsageAmounts] = [:]
            let sql = "SELECT key_id, \(Self.sums) FROM usage_hour WHERE hour BETWEEN ? AND ? GROUP BY key_id"
            let rows = try Row.fetchCursor(database, sql: sql, arguments: [date.number * 100, date.number * 100 + 99])
            while let row = try rows.next() { amounts[row.text("key_id")] = Self.amounts(row) }
            return amounts
        }
    }

    func latestDay() throws -> LocalDate? {
        try read { database in
            try Self.latest("day", of: "usage_place_day", in: 1..<99_999_999, 1, database).first.map(LocalDate.init(number:))
        }
    }

    func days(_ date: LocalDate?, before end: LocalDate?, limit: Int, names: [String: String]) throws -> [DayUsage] {
        try read { database in
            let range = date.map { $0.number..<($0.number + 1) } ?? 1..<max(end?.number ?? 99_999_999, 1)
            let dates = try Self.latest("day", of: "usage_place_day", in: range, limit, database)
            guard let first = dates.first, let last = dates.last else { return [] }
            var days: [DayUsage] = []
            // The order is the one in which they lie there: nothing is sorted.
            let sql = """
                SELECT day, key_id, model, \(Self.placeColumns) FROM usage_place_day WHERE day BETWEEN ? AND ?
                ORDER BY day, key_id, model
                """
            let rows = try Row.fetchCursor(database, sql: sql, arguments: [first, last])
            while let row = try rows.next() {
                let date = LocalDate(number: row.integer(at: 0))
                if days.last?.date != date { days.append(DayUsage(date: date)) }
                days[days.count - 1].add(Self.placeAmounts(row, at: 3), ofKey: row.text(at: 1), model: row.text(at: 2))
            }
            for index in days.indices { days[index].nameKeys(names) }
            return days
        }
    }

    func hours(_ date: LocalDate?, before end: LocalHour?, limit: Int) throws -> [HourUsage] {
        try read { database in
            let range =
                date.map { $0.number * 100..<($0.number * 100 + 100) } ?? 0..<max(end?.number ?? 9_999_999_999, 0)
            let numbers = try Self.latest(
                "hour", of: "usage_hour", in: range, where: " AND \(Self.isKnownHour)", limit, database)
            guard let first = numbers.first, let last = numbers.last else { return [] }
            var hours: [HourUsage] = []
            let sql =
                "SELECT hour, model, \(Self.sums) FROM usage_hour WHERE hour BETWEEN ? AND ? AND \(Self.isKnownHour) GROUP BY hour, model ORDER BY hour"
            let rows = try Row.fetchCursor(database, sql: sql, arguments: [first, last])
            while let row = try rows.next() {
                let hour = LocalHour(number: row.integer("hour"))
                if hours.last?.hour != hour { hours.append(HourUsage(hour: hour)) }
                hours[hours.count - 1].byModel[row.text("model")] = Self.amounts(row)
            }
            return hours
        }
    }

    /// The stretch before a batch is not booked.
    enum BookingFailure: Error, Hashable {
        case gap(booked: JournalPosition, from: JournalPosition)
    }

    /// The journal's position in the database cannot be one.
    enum StoreFailure: Error, Hashable, CustomStringConvertible {
        case impossiblePosition(segment: String, offset: String)

        var description: String {
            switch self {
            case .impossiblePosition(let segment, let offset):
                "proxyd.sqlite is damaged: its journal_position is segment \(segment), offset \(offset)"
            }
        }
    }

    // MARK: - SQL

    private static let amountNames = [
        "requests", "uncached_input", "cache_read", "cache_write", "output", "reasoning", "cost", "partial", "unknown",
        "unpriced",
    ]
    /// What else is there is no hour of a calendar.
    private static let isHour = "hour BETWEEN 0 AND 9999123123"
    /// What was taken over from another system may have a day and no hour: `ImportedKey.When`.
    private static let isKnownHour = "hour % 100 < 24"
    private static let columns = amountNames.joined(separator: ", ")
    /// `sum()` fails where a sum overflows; this is exact up to 2⁵³ and stays at the greatest number.
    private static let sums = amountNames.map { "CAST(total(\($0)) AS INTEGER) AS \($0)" }.joined(separator: ", ")
    private static let marks = amountNames.map { _ in "?" }.joined(separator: ", ")
    private static let additions = amountNames.map { "\($0) = min(\($0) + excluded.\($0), \(UsageAmounts.limit))" }
        .joined(separator: ", ")
    private static let addToHour = """
        INSERT INTO usage_hour (hour, key_id, model, \(columns)) VALUES (?, ?, ?, \(marks))
        ON CONFLICT DO UPDATE SET \(additions)
        """
    private static let addToKey = """
        INSERT INTO usage_key (key_id, last_used, \(columns)) VALUES (?, ?, \(marks))
        ON CONFLICT DO UPDATE SET last_used = max(last_used, excluded.last_used), \(additions)
        """

    /// What `usage_place` and `usage_place_day` count.
    static let placeNames = [
        "requests", "uncached_input", "cache_read", "cache_write", "output", "reasoning", "cost", "counted", "unpriced", "images",
        "audio_ms", "cache_write_1h",
    ]
    static let placeColumns = placeNames.joined(separator: ", ")
    private static let addToPlace = adding(to: "usage_place", per: "hour")
    private static let addToPlaceDay = adding(to: "usage_place_day", per: "day")

    private static func adding(to table: String, per period: String) -> String {
        """
        INSERT INTO \(table) (\(period), key_id, model, place, \(placeColumns))
        VALUES (?, ?, ?, ?, \(placeNames.map { _ in "?" }.joined(separator: ", ")))
        ON CONFLICT DO UPDATE SET \
        \(placeNames.map { "\($0) = min(\($0) + excluded.\($0), \(UsageAmounts.limit))" }.joined(separator: ", "))
        """
    }

    /// Adds a row to what is told per hour, and to what is told per place.
    static func book(_ row: UsageBatch.Row, model: String, _ database: Database) throws {
        let hours = try database.cachedStatement(sql: addToHour)
        try hours.execute(arguments: [row.hour.number, row.keyID, model] + arguments(row.amounts))
        try bookPlace(row, model: model, database)
    }

    /// - Parameter lastUsed: seconds since 1970; 0 where nobody knows.
    static func book(_ amounts: UsageAmounts, ofKey id: String, lastUsed: Int, _ database: Database) throws {
        let keys = try database.cachedStatement(sql: addToKey)
        try keys.execute(arguments: [id, lastUsed] + arguments(amounts))
    }

    private static func bookPlace(_ row: UsageBatch.Row, model: String, _ database: Database) throws {
        let place = row.place ?? UsagePlace(keyID: row.keyID, model: row.model)
        let names: StatementArguments = [place.upstream, place.account, place.rule, place.tags]
        let find = try database.cachedStatement(
            sql: "SELECT id FROM place WHERE upstream = ? AND account = ? AND rule = ? AND tags = ?")
        var id = try Int.fetchOne(find, arguments: names)
        if id == nil {
            let add = try database.cachedStatement(sql: "INSERT INTO place (upstream, account, rule, tags) VALUES (?, ?, ?, ?)")
            try add.execute(arguments: names)
            id = try Int.fetchOne(find, arguments: names)
        }
        let amounts = row.amounts
        let counts: StatementArguments = [
            row.keyID, model, id, amounts.requests, amounts.uncachedInput, amounts.cacheRead, amounts.cacheWrite,
            amounts.output, amounts.reasoning, amounts.costNanoDollars, row.countedRequests, amounts.unpriced,
            amounts.images, amounts.audioMilliseconds, amounts.cacheWriteHour,
        ]
        try database.cachedStatement(sql: addToPlace).execute(arguments: [row.hour.number] + counts)
        try database.cachedStatement(sql: addToPlaceDay).execute(arguments: [row.hour.date.number] + counts)
    }

    private static func arguments(_ amounts: UsageAmounts) -> StatementArguments {
        [
            amounts.requests, amounts.uncachedInput, amounts.cacheRead, amounts.cacheWrite, amounts.output, amounts.reasoning,
            amounts.costNanoDollars, amounts.partial, amounts.unknown, amounts.unpriced,
        ]
    }

    /// 0 is what stands for a time that nobody knows.
    private static func lastUsed(_ row: Row) -> Int? { row.time("last_used").flatMap { $0 > 0 ? $0 : nil } }

    /// What is kept per place does not tell `partial` from `unknown`.
    static func amounts(_ row: Row) -> UsageAmounts {
        var amounts = UsageAmounts()
        amounts.requests = row.amount("requests")
        amounts.uncachedInput = row.amount("uncached_input")
        amounts.cacheRead = row.amount("cache_read")
        amounts.cacheWrite = row.amount("cache_write")
        amounts.output = row.amount("output")
        amounts.reasoning = row.amount("reasoning")
        amounts.costNanoDollars = row.amount("cost")
        if row.hasColumn("partial") {
            (amounts.partial, amounts.unknown) = (row.amount("partial"), row.amount("unknown"))
        }
        amounts.unpriced = row.amount("unpriced")
        return amounts
    }

    /// What `placeNames` are, from the place of the first on, but for the requests that are counted: `placeCounted` further.
    static func placeAmounts(_ row: Row, at first: Int) -> UsageAmounts {
        var amounts = UsageAmounts()
        amounts.requests = row.amount(at: first)
        amounts.uncachedInput = row.amount(at: first + 1)
        amounts.cacheRead = row.amount(at: first + 2)
        amounts.cacheWrite = row.amount(at: first + 3)
        amounts.output = row.amount(at: first + 4)
        amounts.reasoning = row.amount(at: first + 5)
        amounts.costNanoDollars = row.amount(at: first + 6)
        amounts.unpriced = row.amount(at: first + 8)
        amounts.images = row.amount(at: first + 9)
        amounts.audioMilliseconds = row.amount(at: first + 10)
        amounts.cacheWriteHour = row.amount(at: first + 11)
        return amounts
    }
    static let placeCounted = 7

    private static func position(_ database: Database) throws -> JournalPosition? {
        guard let row = try Row.fetchOne(database, sql: "SELECT segment, offset FROM journal_position") else { return nil }
        guard let segment = Int.fromDatabaseValue(row["segment"]), let offset = Int.fromDatabaseValue(row["offset"]),
            case let position = JournalPosition(segment: segment, offset: offset), position.isPossible
        else {
            throw StoreFailure.impossiblePosition(
                segment: "\(row["segment"] as DatabaseValue)", offset: "\(row["offset"] as DatabaseValue)")
        }
        return position
    }

    private static func setPosition(_ position: JournalPosition, _ database: Database) throws {
        try database.execute(
            sql: "INSERT OR REPLACE INTO journal_position (id, segment, offset) VALUES (1, ?, ?)",
            arguments: [position.segment, position.offset])
    }

    /// Key id → name, of deleted keys too.
    private static func keyNames(_ database: Database) throws -> [String: String] {
        let rows = try Row.fetchAll(database, sql: "SELECT id, name FROM key")
        return Dictionary(rows.map { ($0.text("id"), $0.text("name")) }, uniquingKeysWith: { first, _ in first })
    }

    func keyNames() throws -> [String: String] {
        try read { try Self.keyNames($0) }
    }

    /// The latest numbers of a column that begins its table's primary key, in order.
    ///
    /// One step down the index for each, however many rows there are.
    private static func latest(
        _ column: String, of table: String, in range: Range<Int>, where condition: String = "", _ limit: Int,
        _ database: Database
    ) throws -> [Int] {
        var end = range.upperBound
        var numbers: [Int] = []
        let statement = try database.cachedStatement(
            sql: "SELECT CAST(max(\(column)) AS INTEGER) FROM \(table) WHERE \(column) >= ? AND \(column) < ?" + condition)
        while numbers.count < limit, let number = try Int.fetchOne(statement, arguments: [range.lowerBound, end]) {
            numbers.append(number)
            end = number
        }
        return numbers.reversed()
    }
}

extension DayUsage {
    /// What is of one key comes one after the other.
    mutating func add(_ sum: UsageAmounts, ofKey id: String, model: String) {
        amounts += sum
        byModel[model, default: UsageAmounts()] += sum
        if keys.last?.id == id {
            keys[keys.count - 1].amounts += sum
        } else {
            keys.append(Key(id: id, name: id, amounts: sum))
        }
    }

    mutating func nameKeys(_ names: [String: String]) {
        for index in keys.indices { keys[index].name = names[keys[index].id] ?? keys[index].id }
        keys.sort { ($0.name, $0.id) < ($1.name, $1.id) }
    }
}
