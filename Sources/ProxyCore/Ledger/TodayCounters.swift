import Synchronization

/// What one key has used since local midnight.
public struct KeyToday: Sendable, Hashable {
    public var tokens = 0
    public var requests = 0
    public var nanoDollars = 0

    public init() {}
}

/// The current day's numbers per key, counted as records are booked: rules and limits look at them with every request.
///
/// The days before are not forgotten at once: a clock that was ahead, and is set right, finds the real day as it left it.
final class TodayCounters: Sendable {
    private struct Day {
        /// Seconds since 1970.
        var range: Range<Int>
        var keys: [String: KeyToday] = [:]
    }

    private struct State {
        var clock: LocalClock
        /// The one that was counted in last comes first.
        var days: [Day] = []
        /// Something is booked on a day that comes after those at hand.
        var isAhead = false
        /// A day began that is before another: what was booked on it is not counted.
        var lacksBooked = false
    }

    private static let mostDays = 3
    private let state: Mutex<State>

    init(timeZone: Zone) {
        state = Mutex(State(clock: LocalClock(timeZone)))
    }

    func add(_ days: [PendingUsage.Day]) {
        state.withLock { state in
            for day in days {
                if state.days.first?.range.contains(day.time) != true { Self.turn(to: day.time, &state) }
                state.days[0].keys[day.keyID, default: KeyToday()].add(day.sum)
            }
        }
    }

    /// - Parameter now: seconds since 1970.
    func today(keyID: String, now: Int) -> KeyToday {
        state.withLock { state in
            state.days.first { $0.range.contains(now) }?.keys[keyID] ?? KeyToday()
        }
    }

    /// Starts again from what was booked on the day that holds `now`, and on the two after it: by a calendar further east they had begun.
    /// - Parameter latest: the last day on which something is booked.
    func restart(
        timeZone: Zone, now: Int, latest: LocalDate? = nil, booked: (LocalDate) throws -> [String: UsageAmounts]
    ) rethrows {
        let clock = LocalClock(timeZone)
        var days: [Day] = []
        var (time, last) = (now, LocalDate(number: 0))
        for _ in 0..<Self.mostDays {
            let (date, range) = clock.day(at: time)
            let keys = try booked(date).mapValues { amounts in
                var today = KeyToday()
                today.add(amounts)
                return today
            }
            if days.isEmpty || !keys.isEmpty { days.append(Day(range: range, keys: keys)) }
            (time, last) = (range.upperBound, date)
        }
        let isAhead = latest.map { $0 > last } ?? false
        state.withLock { state in
            // What has come meanwhile is not booked.
            for index in days.indices {
                guard let same = state.days.first(where: { $0.range == days[index].range }) else { continue }
                days[index].keys.merge(same.keys) { $0.orMore($1) }
            }
            state = State(clock: clock, days: days, isAhead: isAhead)
        }
    }

    /// Whether it should be started again: a day has begun that is not at hand, and may have been booked on. Tells it once.
    func takeDoubt() -> Bool {
        state.withLock { state in
            defer { state.lacksBooked = false }
            return state.lacksBooked
        }
    }

    /// Puts the day that holds `time` first.
    private static func turn(to time: Int, _ state: inout State) {
        if let index = state.days.firstIndex(where: { $0.range.contains(time) }) {
            state.days.insert(state.days.remove(at: index), at: 0)
            return
        }
        let range = state.clock.day(at: time).range
        if state.isAhead || state.days.contains(where: { $0.range.lowerBound > range.lowerBound }) { state.lacksBooked = true }
        state.days.insert(Day(range: range), at: 0)
        guard state.days.count > mostDays, let gone = state.days.popLast() else { return }
        if gone.range.lowerBound > range.lowerBound { state.isAhead = true }
    }
}

extension KeyToday {
    fileprivate func orMore(_ other: KeyToday) -> KeyToday {
        var more = self
        more.tokens = max(tokens, other.tokens)
        more.requests = max(requests, other.requests)
        more.nanoDollars = max(nanoDollars, other.nanoDollars)
        return more
    }

    fileprivate mutating func add(_ amounts: UsageAmounts) {
        tokens = UsageAmounts.sum(tokens, amounts.total)
        requests = UsageAmounts.sum(requests, amounts.requests)
        nanoDollars = UsageAmounts.sum(nanoDollars, amounts.costNanoDollars)
    }
}
