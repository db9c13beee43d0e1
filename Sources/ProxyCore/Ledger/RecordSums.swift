import Synchronization

/// Adds records up by what a report asks for. Texts are made for each sum, not for each record.
final class RecordSums: Sendable {
    private let sums: Mutex<Sums>

    /// - Parameters:
    ///   - groups: what is told apart.
    ///   - first: the first day that counts; nil for all.
    ///   - last: the last one.
    init(by groups: [UsageGroup], from first: LocalDate?, to last: LocalDate?, in timeZone: Zone) {
        sums = Mutex(Sums(by: groups, from: first, to: last, in: timeZone))
    }

    /// Adds what a store has of these, for a while.
    /// - Returns: where to go on; nil when that was all.
    func add(_ filter: RequestFilter, of store: any Store) throws -> RequestCursor? {
        try sums.withLock { sums in try store.forEachRequest(filter) { sums.add($0) } }
    }

    /// What was added, by the groups' values.
    var rows: [[String]: GroupedUsage] { sums.withLock { $0.rows } }
}

private struct Sums {
    private let groups: [UsageGroup]
    private let hours: ClosedRange<Int>
    private var clock: LocalClock
    private let isByHour: Bool
    private let isByDay: Bool
    private let isByPlace: Bool
    private let isBySession: Bool
    private let isByAgent: Bool
    private var places = ByteIndex()
    private var callers = ByteIndex()
    /// The values of the groups that stand for key, model and place; the others' are empty.
    private var placeValues: [[String]] = []
    private var callerValues: [(session: String, agent: String)] = []
    private var index: [Key: Int] = [:]
    private var found: [(key: Key, usage: GroupedUsage)] = []

    private struct Key: Hashable {
        /// As a `LocalHour` has it; 0 where neither hours nor days are told apart.
        var hour: Int
        var place: Int
        var caller: Int
    }

    private static var nothing: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: nil, count: 0) }

    init(by groups: [UsageGroup], from first: LocalDate?, to last: LocalDate?, in timeZone: Zone) {
        self.groups = groups
        let begin = first.map { $0.number * 100 } ?? .min
        hours = begin...max(begin, last.map { $0.number * 100 + 99 } ?? .max)
        clock = LocalClock(timeZone)
        isByHour = groups.contains(.hour)
        isByDay = groups.contains(.day)
        isBySession = groups.contains(.session)
        isByAgent = groups.contains(.agent)
        isByPlace = groups.contains { ![.hour, .day, .session, .agent].contains($0) }
    }

    mutating func add(_ record: EncodedUsage) {
        guard record.flags.contains(.isCounted) else { return }
        let hour = clock.hour(at: record.time)
        guard hours.contains(hour.number) else { return }
        let key = Key(
            hour: isByHour ? hour.number : isByDay ? hour.date.number * 100 : 0, place: isByPlace ? place(of: record) : 0,
            caller: caller(of: record))
        let row = index[key] ?? found.count
        if row == found.count {
            index[key] = row
            found.append((key, GroupedUsage(values: [])))
        }
        found[row].usage.amounts += UsageAmounts(
            record.usage, costNanoDollars: record.cost, provenance: record.provenance,
            isPriced: record.flags.contains(.isPriced), media: record.media)
        if record.provenance.isCounted { found[row].usage.countedRequests += 1 }
    }

    private mutating func place(of record: EncodedUsage) -> Int {
        let number = places.find(record.identity)
        if number == placeValues.count {
            let place = record.place()
            placeValues.append(groups.map { Self.value($0, place) })
        }
        return number
    }

    private mutating func caller(of record: EncodedUsage) -> Int {
        let (session, agent) = (
            isBySession ? record.question.session : Self.nothing, isByAgent ? record.question.agent : Self.nothing
        )
        let number = callers.find((session, agent))
        if number == callerValues.count { callerValues.append((EncodedUsage.text(session), EncodedUsage.text(agent))) }
        return number
    }

    private static func value(_ group: UsageGroup, _ place: UsagePlace) -> String {
        switch group {
        case .key: place.keyID
        case .model: place.model
        case .upstream: place.upstream
        case .account: place.account
        case .rule: place.rule
        case .tag: SQLiteStore.value(group, number: 0, text: place.tags)
        case .day, .hour, .session, .agent: ""
        }
    }

    var rows: [[String]: GroupedUsage] {
        var rows: [[String]: GroupedUsage] = [:]
        for (key, usage) in found {
            let values = groups.indices.map { value($0, key) }
            rows[values, default: GroupedUsage(values: values)].add(usage)
        }
        return rows
    }

    private func value(_ index: Int, _ key: Key) -> String {
        switch groups[index] {
        case .hour: LocalHour(number: key.hour).description
        case .day: LocalHour(number: key.hour).date.description
        case .session: callerValues[key.caller].session
        case .agent: callerValues[key.caller].agent
        case .key, .model, .upstream, .account, .rule, .tag: placeValues[key.place][index]
        }
    }
}
