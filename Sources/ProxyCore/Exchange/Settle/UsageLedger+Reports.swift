/// Reports over what was booked.
extension UsageLedger {
    /// Usage by whatever is asked for, in the order of the groups' values. Sessions and agents are told as far as records are kept.
    public func grouped(by groups: [UsageGroup], from first: LocalDate?, to last: LocalDate?) async throws -> [GroupedUsage] {
        guard groups.contains(where: \.isOfRecords) else {
            return try await afterFlush { try $0.grouped(by: groups, from: first, to: last) }
        }
        return try await groupedRecords(by: groups, from: first, to: last)
    }

    /// The names of all keys there ever were, by id.
    public func keyNames() async throws -> [String: String] {
        try await afterFlush { try $0.keyNames() }
    }

    private func groupedRecords(by groups: [UsageGroup], from first: LocalDate?, to last: LocalDate?) async throws
        -> [GroupedUsage]
    {
        var clock = LocalClock(try await afterFlush { [self] _ in timeZone })
        var rows: [[String]: GroupedUsage] = [:]
        var filter = RequestFilter()
        filter.limit = 1_000
        // No place on earth is further than a day from UTC.
        filter.since = first.map { ($0.secondsUTC - 86_400) * 1000 }
        filter.until = last.map { ($0.secondsUTC + 2 * 86_400) * 1000 }
        while true {
            let page = try await requests(filter)
            for record in page.records where record.isCounted {
                let hour = clock.hour(at: record.time)
                guard first.map({ $0 <= hour.date }) ?? true, last.map({ hour.date <= $0 }) ?? true else { continue }
                let values = groups.map { Self.value($0, record, hour) }
                var one = GroupedUsage(values: values)
                one.amounts = UsageAmounts(
                    record.usage, costNanoDollars: record.cost, provenance: record.provenance, isPriced: record.priced)
                one.countedRequests = record.provenance.isCounted ? 1 : 0
                rows[values, default: GroupedUsage(values: values)].add(one)
            }
            guard let next = page.next else { break }
            filter.before = next
        }
        return rows.values.sorted { $0.values.lexicographicallyPrecedes($1.values) }
    }

    private static func value(_ group: UsageGroup, _ record: UsageRecord, _ hour: LocalHour) -> String {
        switch group {
        case .key: record.keyID
        case .model: record.model
        case .day: hour.date.description
        case .hour: hour.description
        case .upstream: record.labels.upstream
        case .account: record.labels.account
        case .rule: record.labels.rule
        case .session: record.question.session
        case .agent: record.question.agent
        case .tag(let name): record.tags[name] ?? ""
        }
    }
}
