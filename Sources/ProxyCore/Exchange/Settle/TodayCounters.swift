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
    func restart(timeZone: Zone, now: Int, booked: (LocalDate) throws -> [String: UsageAmounts]) rethrows {
        let clock = LocalClock(timeZone)
        var days: [Day] = []
        var time = now
        for _ in 0..<Self.mostDays {
            let (date, range) = clock.day(at: time)
            let keys = try booked(date).mapValues { amounts in
                var today = KeyToday()
                today.add(amounts)
                return today
            }
            if days.isEmpty || !keys.isEmpty { days.append(Day(range: range, keys: keys)) }
            time = range.upperBound
        }
        state.withLock { $0 = State(clock: clock, days: days) }
    }

    /// Whether it should be started again: the clock went back to a day that is not at hand. Tells it once.
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
        if state.days.contains(where: { $0.range.lowerBound > range.lowerBound }) { state.lacksBooked = true }
        state.days.insert(Day(range: range), at: 0)
        if state.days.count > mostDays { state.days.removeLast() }
    }
}

extension KeyToday {
    fileprivate mutating func add(_ amounts: UsageAmounts) {
        tokens = UsageAmounts.sum(tokens, amounts.total)
        requests = UsageAmounts.sum(requests, amounts.requests)
        nanoDollars = UsageAmounts.sum(nanoDollars, amounts.costNanoDollars)
    }
}
