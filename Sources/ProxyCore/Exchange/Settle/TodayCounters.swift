import Synchronization

/// What one key has used since local midnight.
public struct KeyToday: Sendable, Hashable {
    public var tokens = 0
    public var requests = 0
    public var nanoDollars = 0

    public init() {}
}

/// The current day's numbers per key, counted as records are booked: rules and limits look at them with every request.
final class TodayCounters: Sendable {
    private struct State {
        var clock: LocalClock
        var date = LocalDate(number: 0)
        /// Seconds since 1970.
        var day = 0..<0
        var keys: [String: KeyToday] = [:]
    }

    private let state: Mutex<State>

    init(timeZone: Zone) {
        state = Mutex(State(clock: LocalClock(timeZone)))
    }

    func add(_ days: [PendingUsage.Day]) {
        state.withLock { state in
            for day in days {
                if day.time >= state.day.upperBound { Self.begin(dayOf: day.time, &state) }
                // What ended yesterday and is booked today belongs to yesterday.
                guard day.time >= state.day.lowerBound else { continue }
                state.keys[day.keyID, default: KeyToday()].add(day.sum)
            }
        }
    }

    /// - Parameter now: seconds since 1970.
    func today(keyID: String, now: Int) -> KeyToday {
        state.withLock { state in
            guard state.day.contains(now) else { return KeyToday() }
            return state.keys[keyID] ?? KeyToday()
        }
    }

    /// Starts again from what was booked on the day that holds `now`.
    func restart(timeZone: Zone, now: Int, booked: (LocalDate) throws -> [String: UsageAmounts]) rethrows {
        let clock = LocalClock(timeZone)
        let (date, day) = clock.day(at: now)
        let keys = try booked(date).mapValues { amounts in
            var today = KeyToday()
            today.add(amounts)
            return today
        }
        state.withLock { $0 = State(clock: clock, date: date, day: day, keys: keys) }
    }

    private static func begin(dayOf time: Int, _ state: inout State) {
        (state.date, state.day) = state.clock.day(at: time)
        state.keys.removeAll(keepingCapacity: true)
    }
}

extension KeyToday {
    fileprivate mutating func add(_ amounts: UsageAmounts) {
        tokens = UsageAmounts.sum(tokens, amounts.total)
        requests = UsageAmounts.sum(requests, amounts.requests)
        nanoDollars = UsageAmounts.sum(nanoDollars, amounts.costNanoDollars)
    }
}
