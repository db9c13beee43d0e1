/// Booking usage, and telling it.
extension PostgresStore {
    func bookedPosition() throws -> JournalPosition? {
        try read { connection, session in try Self.position(session.source, connection) }
    }

    private static func position(_ source: Int, _ connection: PostgresConnection, lock: String = "") throws -> JournalPosition? {
        let row = try connection.execute(
            "SELECT segment, byte FROM proxyd_source WHERE id = $1" + lock, [.number(source)]
        ).first
        guard let segment = row?.optionalInteger(0), let offset = row?.optionalInteger(1) else { return nil }
        let position = JournalPosition(segment: segment, offset: offset)
        return position.isPossible ? position : nil
    }

    static func setPosition(_ position: JournalPosition, _ source: Int, _ connection: PostgresConnection) throws {
        try connection.execute(
            "UPDATE proxyd_source SET segment = $2, byte = $3, booked = now(), seen = now() WHERE id = $1",
            [.number(source), .number(position.segment), .number(position.offset)])
    }

    func book(_ batch: UsageBatch) throws {
        // What is no part of the batch is made sure of before: it stays also where the batch does not come about.
        let places = try read { connection, session in
            try Self.prepareMonths(of: batch.requests.map(\.newest), &session, connection)
            return try Self.places(batch.rows.map(PostgresPlace.init), &session, connection)
        }
        try write { connection, session in
            let source = session.source
            guard let position = try Self.position(source, connection, lock: " FOR UPDATE") else {
                // Another database than that in which this node has begun.
                throw PostgresFailure.gap(booked: "nothing", from: "\(batch.from)")
            }
            // A commit that was reported as failed may have happened all the same.
            guard position < batch.upTo else { return }
            guard position == batch.from else {
                throw PostgresFailure.gap(booked: "\(position)", from: "\(batch.from)")
            }
            var rows = batch.rows
            for index in rows.indices {
                rows[index].model = try session.models.name(for: rows[index]) { day in
                    let sql =
                        "SELECT DISTINCT model FROM proxyd_usage_hour WHERE source = $1 AND key_id = $2 "
                        + "AND hour BETWEEN $3 AND $4"
                    return try connection.execute(
                        sql,
                        [.number(source), .text(rows[index].keyID), .number(day * 100), .number(day * 100 + 99)]
                    ).map { $0.text(0) }
                }
            }
            try Self.add(rows, places, source, connection)
            try Self.add(batch.charges, source, connection)
            try Self.add(batch.requests, &session, connection)
            try Self.setPosition(batch.upTo, source, connection)
        }
    }

    func move(to position: JournalPosition) throws {
        try write { connection, session in try Self.setPosition(position, session.source, connection) }
    }

    // MARK: - Reports, over all nodes

    func totals() throws -> UsageAmounts {
        try read { connection, _ in
            try connection.execute("SELECT \(Self.sums) FROM proxyd_usage_key").first.map { Self.amounts($0, at: 0) }
                ?? UsageAmounts()
        }
    }

    func keyTotals() throws -> [String: KeyTotals] {
        try read { connection, _ in
            let sql = "SELECT key_id, max(last_used), \(Self.sums) FROM proxyd_usage_key GROUP BY key_id"
            let rows = try connection.execute(sql).map { ($0.text(0), Self.totals($0, at: 1)) }
            return Dictionary(rows, uniquingKeysWith: { first, _ in first })
        }
    }

    private static func totals(_ row: PostgresRow, at first: Int) -> KeyTotals {
        let used = row.integer(first)
        return KeyTotals(amounts: amounts(row, at: first + 1), lastUsed: used > 0 ? used : nil)
    }

    func usage(ofKey id: String, mostHours: Int) throws -> KeyUsage {
        try read { connection, _ in
            var usage = KeyUsage()
            let total = "SELECT max(last_used), \(Self.sums) FROM proxyd_usage_key WHERE key_id = $1 HAVING count(*) > 0"
            guard let row = try connection.execute(total, [.text(id)]).first else { return usage }
            usage.totals = Self.totals(row, at: 0)
            let days = """
                SELECT hour / 100, model, \(Self.sums) FROM proxyd_usage_hour WHERE key_id = $1 AND \(Self.isHour)
                GROUP BY 1, 2 ORDER BY 1, model COLLATE "C"
                """
            for row in try connection.execute(days, [.text(id)]).map({ $0 }) {
                usage.daily.add(Self.amounts(row, at: 2), of: row.text(1), in: LocalDate(number: row.integer(0)))
            }
            let hours = """
                SELECT hour, model, \(Self.sums) FROM proxyd_usage_hour WHERE key_id = $1 AND \(Self.isHour)
                    AND \(Self.isKnownHour) AND hour IN (
                        SELECT DISTINCT hour FROM proxyd_usage_hour WHERE key_id = $1 AND \(Self.isHour)
                            AND \(Self.isKnownHour) ORDER BY hour DESC LIMIT $2)
                GROUP BY 1, 2 ORDER BY 1, model COLLATE "C"
                """
            for row in try connection.execute(hours, [.text(id), .number(mostHours)]).map({ $0 }) {
                usage.hourly.add(Self.amounts(row, at: 2), of: row.text(1), in: LocalHour(number: row.integer(0)))
            }
            let models = """
                SELECT model, \(Self.sums) FROM proxyd_usage_hour WHERE key_id = $1 GROUP BY 1 ORDER BY model COLLATE "C"
                """
            usage.byModel = try connection.execute(models, [.text(id)]).map { ($0.text(0), Self.amounts($0, at: 1)) }
            return usage
        }
    }

    func keyAmounts(on date: LocalDate) throws -> [String: UsageAmounts] {
        try read { connection, _ in
            let sql = "SELECT key_id, \(Self.sums) FROM proxyd_usage_hour WHERE hour BETWEEN $1 AND $2 GROUP BY key_id"
            let rows = try connection.execute(sql, [.number(date.number * 100), .number(date.number * 100 + 99)])
            return Dictionary(rows.map { ($0.text(0), Self.amounts($0, at: 1)) }, uniquingKeysWith: { first, _ in first })
        }
    }

    func latestDay() throws -> LocalDate? {
        try read { connection, _ in
            try connection.execute("SELECT max(day) FROM proxyd_usage_place_day WHERE day > 0 AND day < 99999999", [])
                .first?.optionalInteger(0).map(LocalDate.init(number:))
        }
    }

    func days(_ date: LocalDate?, before end: LocalDate?, limit: Int, names: [String: String]) throws -> [DayUsage] {
        try read { connection, _ in
            let range = date.map { $0.number..<($0.number + 1) } ?? 1..<max(end?.number ?? 99_999_999, 1)
            let sql = """
                SELECT day, key_id, model, \(Self.placeSums) FROM proxyd_usage_place_day WHERE day IN (
                    SELECT DISTINCT day FROM proxyd_usage_place_day WHERE day >= $1 AND day < $2 ORDER BY day DESC LIMIT $3)
                GROUP BY 1, 2, 3 ORDER BY 1, key_id COLLATE "C", model COLLATE "C"
                """
            var days: [DayUsage] = []
            let values: [PostgresValue] = [.number(range.lowerBound), .number(range.upperBound), .number(max(limit, 0))]
            for row in try connection.execute(sql, values).map({ $0 }) {
                let date = LocalDate(number: row.integer(0))
                if days.last?.date != date { days.append(DayUsage(date: date)) }
                days[days.count - 1].add(Self.placeAmounts(row, at: 3), ofKey: row.text(1), model: row.text(2))
            }
            for index in days.indices { days[index].nameKeys(names) }
            return days
        }
    }

    func hours(_ date: LocalDate?, before end: LocalHour?, limit: Int) throws -> [HourUsage] {
        try read { connection, _ in
            let range = date.map { $0.number * 100..<($0.number * 100 + 100) } ?? 0..<max(end?.number ?? 9_999_999_999, 0)
            let sql = """
                SELECT hour, model, \(Self.sums) FROM proxyd_usage_hour WHERE \(Self.isKnownHour) AND hour IN (
                    SELECT DISTINCT hour FROM proxyd_usage_hour WHERE hour >= $1 AND hour < $2 AND \(Self.isKnownHour)
                    ORDER BY hour DESC LIMIT $3)
                GROUP BY 1, 2 ORDER BY 1
                """
            var hours: [HourUsage] = []
            let values: [PostgresValue] = [.number(range.lowerBound), .number(range.upperBound), .number(max(limit, 0))]
            for row in try connection.execute(sql, values).map({ $0 }) {
                let hour = LocalHour(number: row.integer(0))
                if hours.last?.hour != hour { hours.append(HourUsage(hour: hour)) }
                hours[hours.count - 1].byModel[row.text(1)] = Self.amounts(row, at: 2)
            }
            return hours
        }
    }

    func grouped(by groups: [UsageGroup], from first: LocalDate?, to last: LocalDate?) throws -> [GroupedUsage] {
        let isHourly = groups.contains(.hour)
        let (table, period, first, last) =
            isHourly
            ? ("proxyd_usage_place", "hour", first.map { $0.number * 100 }, last.map { $0.number * 100 + 99 })
            : ("proxyd_usage_place_day", "day", first?.number, last?.number)
        let columns = groups.map { SQLiteStore.column($0, isHourly: isHourly) }
        let join = groups.contains(where: \.isOfPlaces) ? " JOIN proxyd_place ON proxyd_place.id = \(table).place" : ""
        let selected = columns + [Self.placeSums]
        // Without groups a sum of nothing is no row.
        let grouping =
            groups.isEmpty ? "HAVING count(*) > 0" : "GROUP BY \(groups.indices.map { "\($0 + 1)" }.joined(separator: ", "))"
        let sql = """
            SELECT \(selected.joined(separator: ", ")) FROM \(table)\(join)
            WHERE \(period) BETWEEN $1 AND $2 \(grouping)
            """
        return try read { connection, _ in
            var merged: [[String]: GroupedUsage] = [:]
            for row in try connection.execute(sql, [.number(first ?? .min), .number(last ?? .max)]).map({ $0 }) {
                let values = groups.indices.map { SQLiteStore.value(groups[$0], number: row.integer($0), text: row.text($0)) }
                var group = GroupedUsage(values: values)
                group.amounts = Self.placeAmounts(row, at: groups.count)
                group.countedRequests = row.amount(groups.count + SQLiteStore.placeCounted)
                merged[values, default: GroupedUsage(values: values)].add(group)
            }
            return merged.values.sorted { $0.values.lexicographicallyPrecedes($1.values) }
        }
    }

    // MARK: - SQL

    /// What else is there is no hour of a calendar.
    private static let isHour = "hour BETWEEN 0 AND 9999123123"
    /// What was taken over from another system may have a day and no hour: `ImportedKey.When`.
    private static let isKnownHour = "hour % 100 < 24"

    /// Sums that stop at the greatest number.
    static func sums(_ names: [String]) -> String {
        // The least of nothing and a number is the number.
        names.map { "least(coalesce(sum(\($0)), 0), \(UsageAmounts.limit))::bigint" }.joined(separator: ", ")
    }
    private static let sums = sums(PostgresSchema.amountNames)
    private static let placeSums = sums(PostgresSchema.placeNames)

    private static func amounts(_ row: PostgresRow, at first: Int) -> UsageAmounts {
        var amounts = commonAmounts(row, at: first)
        amounts.partial = row.amount(first + 7)
        amounts.unknown = row.amount(first + 8)
        amounts.unpriced = row.amount(first + 9)
        return amounts
    }

    private static func placeAmounts(_ row: PostgresRow, at first: Int) -> UsageAmounts {
        var amounts = commonAmounts(row, at: first)
        amounts.unpriced = row.amount(first + 8)
        amounts.images = row.amount(first + 9)
        amounts.audioMilliseconds = row.amount(first + 10)
        amounts.cacheWriteHour = row.amount(first + 11)
        return amounts
    }

    /// The columns that both kinds of tables begin with.
    private static func commonAmounts(_ row: PostgresRow, at first: Int) -> UsageAmounts {
        var amounts = UsageAmounts()
        amounts.requests = row.amount(first)
        amounts.uncachedInput = row.amount(first + 1)
        amounts.cacheRead = row.amount(first + 2)
        amounts.cacheWrite = row.amount(first + 3)
        amounts.output = row.amount(first + 4)
        amounts.reasoning = row.amount(first + 5)
        amounts.costNanoDollars = row.amount(first + 6)
        return amounts
    }
}

extension PostgresPlace {
    init(_ row: UsageBatch.Row) {
        let place = row.place ?? UsagePlace(keyID: row.keyID, model: row.model)
        self.init(upstream: place.upstream, account: place.account, rule: place.rule, tags: place.tags)
    }
}
