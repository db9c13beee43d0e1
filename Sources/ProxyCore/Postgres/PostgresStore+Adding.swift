/// Adding to what is booked: a batch is a statement for each table, whatever it holds.
extension PostgresStore {
    /// Adds rows to a table by upsert: what is of one row is added up first.
    struct Addition: Sendable {
        /// `$1` is the source, then an array for each of the keys, the amounts, and the latest.
        let sql: String

        /// - Parameters:
        ///   - keys: name and type of what tells rows apart, besides the source.
        ///   - latest: of two values the greater one stays.
        init(table: String, keys: [(name: String, type: String)], names: [String], latest: String? = nil) {
            let columns = keys.map(\.name) + names + (latest.map { [$0] } ?? [])
            let types = keys.map(\.type) + Array(repeating: "bigint", count: columns.count - keys.count)
            let arrays = types.indices.map { "$\($0 + 2)::\(types[$0])[]" }.joined(separator: ", ")
            let keyNames = keys.map(\.name).joined(separator: ", ")
            let added = names.map { "least(sum(\($0)), \(UsageAmounts.limit))::bigint" } + (latest.map { ["max(\($0))"] } ?? [])
            let set =
                names.map { "\($0) = least(t.\($0) + excluded.\($0), \(UsageAmounts.limit))" }
                + (latest.map { ["\($0) = greatest(t.\($0), excluded.\($0))"] } ?? [])
            sql = """
                INSERT INTO \(table) AS t (source, \(columns.joined(separator: ", ")))
                SELECT $1::integer, \(keyNames), \(added.joined(separator: ", "))
                FROM unnest(\(arrays)) AS u (\(columns.joined(separator: ", "))) GROUP BY \(keyNames)
                ON CONFLICT (source, \(keyNames)) DO UPDATE SET \(set.joined(separator: ", "))
                """
        }
    }

    static let toKey = Addition(
        table: "proxyd_usage_key", keys: [("key_id", "text")], names: PostgresSchema.amountNames, latest: "last_used"
    )
    static let toHour = Addition(
        table: "proxyd_usage_hour", keys: [("hour", "bigint"), ("key_id", "text"), ("model", "text")],
        names: PostgresSchema.amountNames
    )
    static let toPlace = adding(toPlacesOf: "hour", "proxyd_usage_place")
    static let toPlaceDay = adding(toPlacesOf: "day", "proxyd_usage_place_day")
    static let toLimit = Addition(
        table: "proxyd_limit_day", keys: [("limit_id", "text"), ("bucket", "text"), ("day", "bigint")],
        names: PostgresSchema.limitNames, latest: "last_used"
    )

    private static func adding(toPlacesOf period: String, _ table: String) -> Addition {
        Addition(
            table: table, keys: [(period, "bigint"), ("key_id", "text"), ("model", "text"), ("place", "bigint")],
            names: PostgresSchema.placeNames
        )
    }

    /// Adds rows to keys, hours, and places.
    /// - Parameter totals: what keys have in all, where that is not what the rows come to.
    static func add(
        _ rows: [UsageBatch.Row], _ places: [PostgresPlace: Int], _ source: Int, _ connection: PostgresConnection,
        totals: [(key: String, usage: ImportedKey)]? = nil
    ) throws {
        let node = PostgresValue.number(source)
        let sums =
            totals?.map { ($0.key, UsageAmounts(imported: $0.usage.totals), $0.usage.lastUsed ?? 0) }
            ?? rows.map { ($0.keyID, $0.amounts, $0.lastUsed) }
        guard !sums.isEmpty else { return }
        try connection.execute(
            toKey.sql, [node, .texts(sums.map(\.0))] + PostgresValue.columns(sums.map(\.1)) + [.numbers(sums.map(\.2))])
        guard !rows.isEmpty else { return }
        let keys = PostgresValue.texts(rows.map(\.keyID))
        let models = PostgresValue.texts(rows.map(\.model))
        let amounts = rows.map(\.amounts)
        let columns = PostgresValue.columns(amounts)
        try connection.execute(toHour.sql, [node, .numbers(rows.map(\.hour.number)), keys, models] + columns)
        let numbers = PostgresValue.numbers(rows.map { places[PostgresPlace($0)] ?? 0 })
        let counts = PostgresValue.placeColumns(amounts, counted: rows.map(\.countedRequests))
        try connection.execute(toPlace.sql, [node, .numbers(rows.map(\.hour.number)), keys, models, numbers] + counts)
        try connection.execute(toPlaceDay.sql, [node, .numbers(rows.map(\.hour.date.number)), keys, models, numbers] + counts)
    }

    static func add(_ charges: [UsageBatch.Charge], _ source: Int, _ connection: PostgresConnection) throws {
        guard !charges.isEmpty else { return }
        try setAside(charges, source, connection)
        try connection.execute(
            toLimit.sql,
            [
                .number(source), .texts(charges.map(\.limit)), .texts(charges.map(\.bucket)),
                .numbers(charges.map(\.day.number)), .numbers(charges.map(\.amounts.requests)),
                .numbers(charges.map(\.amounts.tokens)), .numbers(charges.map(\.amounts.cachedTokens)),
                .numbers(charges.map(\.amounts.nanoDollars)), .numbers(charges.map(\.lastUsed)),
            ])
    }

    // MARK: - Places

    private static let mostPlaces = 10_000
    private static let digest = """
        sha256(convert_to(concat(length(upstream), ':', upstream, length(account), ':', account, length(rule), ':', rule, tags), \
        'UTF8'))
        """

    /// The numbers of places; those that are new are made.
    static func places(
        _ wanted: [PostgresPlace], _ session: inout Session, _ connection: PostgresConnection
    ) throws -> [PostgresPlace: Int] {
        let unknown = Array(Set(wanted).filter { session.places[$0] == nil })
        if session.places.count + unknown.count > mostPlaces { session.places = [:] }
        let missing = Array(Set(wanted).filter { session.places[$0] == nil })
        if !missing.isEmpty {
            let values: [PostgresValue] = [
                .texts(missing.map(\.upstream)), .texts(missing.map(\.account)), .texts(missing.map(\.rule)),
                .texts(missing.map(\.tags)),
            ]
            let names = "unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS u (upstream, account, rule, tags)"
            // In one order on all nodes, so that none waits for one that waits for it.
            try connection.execute(
                """
                INSERT INTO proxyd_place (digest, upstream, account, rule, tags)
                SELECT \(digest), upstream, account, rule, tags FROM \(names) ORDER BY 1 ON CONFLICT (digest) DO NOTHING
                """, values)
            let found = try connection.execute(
                """
                SELECT n, id FROM (SELECT \(digest) AS digest, n FROM ROWS FROM (
                    unnest($1::text[]), unnest($2::text[]), unnest($3::text[]), unnest($4::text[])) WITH ORDINALITY
                    AS u (upstream, account, rule, tags, n)) AS wanted JOIN proxyd_place USING (digest)
                """, values)
            for row in found.map({ $0 }) where missing.indices.contains(row.integer(0) - 1) {
                session.places[missing[row.integer(0) - 1]] = row.integer(1)
            }
        }
        return Dictionary(
            Set(wanted).compactMap { place in session.places[place].map { (place, $0) } }, uniquingKeysWith: { first, _ in first }
        )
    }
}

extension PostgresValue {
    /// One array for each of the amounts that keys and hours have.
    static func columns(_ amounts: [UsageAmounts]) -> [PostgresValue] {
        [
            .numbers(amounts.map(\.requests)), .numbers(amounts.map(\.uncachedInput)), .numbers(amounts.map(\.cacheRead)),
            .numbers(amounts.map(\.cacheWrite)), .numbers(amounts.map(\.output)), .numbers(amounts.map(\.reasoning)),
            .numbers(amounts.map(\.costNanoDollars)), .numbers(amounts.map(\.partial)), .numbers(amounts.map(\.unknown)),
            .numbers(amounts.map(\.unpriced)),
        ]
    }

    /// One array for each of the amounts that places have.
    static func placeColumns(_ amounts: [UsageAmounts], counted: [Int]) -> [PostgresValue] {
        Array(columns(amounts)[..<7]) + [
            .numbers(counted), .numbers(amounts.map(\.unpriced)), .numbers(amounts.map(\.images)),
            .numbers(amounts.map(\.audioMilliseconds)), .numbers(amounts.map(\.cacheWriteHour)),
        ]
    }
}
