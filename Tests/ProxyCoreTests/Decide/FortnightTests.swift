import Basics
import Dialects
import RuleEngine
import Testing

@testable import ProxyCore

/// A fortnight in virtual time: five accounts with windows of five hours and of seven days, a day's and a week's load, the same
/// requests for every word of `choose`.
struct FortnightTests {
    private typealias Fixture = ChoosingFixture
    private static let hour = 3_600_000
    private static let day = 24 * hour
    private static let requests = 6_000

    /// An account as its vendor counts: five hours begin with the first request, seven days have their own beginning.
    private struct Subscription {
        let shortLimit: Double
        let longLimit: Double
        var short = 0.0
        var long = 0.0
        var shortEnd: Int?
        var longEnd: Int
        /// What was left at resets, in shares of a window.
        var lostShort = 0.0
        var lostLong = 0.0

        var shortShare: Double { max(0, 1 - short / shortLimit) }
        var longShare: Double { max(0, 1 - long / longLimit) }
        var hasQuota: Bool { shortShare > 0 && longShare > 0 }

        mutating func advance(to now: Int) {
            if let end = shortEnd, end <= now {
                lostShort += shortShare
                (short, shortEnd) = (0, nil)
            }
            while longEnd <= now {
                lostLong += longShare
                long = 0
                longEnd += 7 * FortnightTests.day
            }
        }

        mutating func serve(_ amount: Double, at now: Int) {
            if shortEnd == nil { shortEnd = now + 5 * FortnightTests.hour }
            short += amount
            long += amount
        }

        /// What the heads of its answers tell.
        func windows(at now: Int) -> AccountWindows {
            var told = [(kind: "7d", share: longShare, resetsAt: longEnd)]
            if let shortEnd { told.append((kind: "5h", share: shortShare, resetsAt: shortEnd)) }
            return Fixture.windows(told, at: now)
        }
    }

    struct Outcome {
        var refused = 0
        /// Of them those that another account would have served.
        var needless = 0
        var attempts = 0
        var lostLong = 0.0
        var lostShort = 0.0
    }

    /// How much is asked at a time of the week, 0 to 1: two peaks a day, an evening, little at weekends.
    private static func load(at time: Int) -> Double {
        let hours = Double(time % day) / Double(hour)
        func hill(_ middle: Double, _ width: Double, _ height: Double) -> Double {
            let distance = abs(hours - middle) / width
            return distance < 1 ? height * (1 - distance * distance) : 0
        }
        let working = max(hill(11, 4, 1), hill(16, 4, 0.9), hill(21.5, 2.5, 0.25), 0.03)
        return time / day % 7 >= 5 ? working * 0.35 : working
    }

    /// When requests come and how much each takes.
    private static let trace: [(time: Int, amount: Double)] = {
        var random = SplitMix64(state: 14)
        func unit() -> Double { Double(random.next() >> 11) / Double(1 << 53) }
        var times: [Int] = []
        while times.count < requests {
            let time = Int(unit() * Double(14 * day))
            if unit() < load(at: time) { times.append(time) }
        }
        return times.sorted().map { ($0, 0.25 + 1.5 * unit()) }
    }()

    private struct Case: Hashable {
        let choice: Tier.Choice
        let demand: Double
    }

    /// Each case is run once, for all that look at it.
    private static let outcomes: [Case: Outcome] = {
        var outcomes: [Case: Outcome] = [:]
        for choice in Tier.Choice.allCases {
            for demand in [0.85, 1.1] { outcomes[Case(choice: choice, demand: demand)] = run(choice, demand: demand) }
        }
        return outcomes
    }()

    private static func outcome(_ choice: Tier.Choice, demand: Double) throws -> Outcome {
        try #require(outcomes[Case(choice: choice, demand: demand)])
    }

    /// - Parameter demand: what is asked in the fortnight, in shares of what all accounts have in it.
    private static func run(_ choice: Tier.Choice, demand: Double) -> Outcome {
        let total = trace.reduce(0) { $0 + $1.amount }
        let long = total / demand / 10
        var accounts = [0.9, 2.4, 3.7, 5.1, 6.6].map { days in
            Subscription(shortLimit: long / 8, longLimit: long, longEnd: Fixture.now + Int(days * Double(day)))
        }
        let upstreams = [Fixture.upstream(accounts.count, choice)]
        let (route, choosing) = (Fixture.route(upstreams), upstreams.map { UpstreamAccounts($0) })
        var states = AccountStates()
        var outcome = Outcome()
        for (number, request) in trace.enumerated() {
            let now = Fixture.now + request.time
            for index in accounts.indices { accounts[index].advance(to: now) }
            var plan = Fixture.plan(route, choosing, seed: UInt64(number) &* 0x9e37_79b9_7f4a_7c15)
            var isServed = false
            while !isServed, let next = plan.next(states, now: now) {
                plan.wasAsked(next)
                outcome.attempts += 1
                isServed = accounts[next.account].hasQuota
                if isServed { accounts[next.account].serve(request.amount, at: now) }
                states.windows[choosing[0].ids[next.account]] = accounts[next.account].windows(at: now)
            }
            if isServed { continue }
            outcome.refused += 1
            if accounts.contains(where: \.hasQuota) { outcome.needless += 1 }
        }
        outcome.lostLong = accounts.reduce(0) { $0 + $1.lostLong }
        outcome.lostShort = accounts.reduce(0) { $0 + $1.lostShort }
        return outcome
    }

    @Test(arguments: Tier.Choice.allCases)
    func `nobody is refused while any account has quota`(choice: Tier.Choice) throws {
        for demand in [0.85, 1.1] {
            let outcome = try Self.outcome(choice, demand: demand)
            #expect(outcome.needless == 0, "\(choice) at \(demand): \(outcome)")
            #expect(Double(outcome.attempts) <= 1.2 * Double(Self.requests), "\(choice) at \(demand): \(outcome)")
        }
    }

    @Test func `what expires first is spent first: less is lost at resets than by turns or in order`() throws {
        let soonest = try Self.outcome(.soonestReset, demand: 0.85)
        let turns = try Self.outcome(.weighted, demand: 0.85)
        let order = try Self.outcome(.first, demand: 0.85)
        #expect(soonest.lostLong < 0.8 * turns.lostLong, "\(soonest) against \(turns)")
        #expect(soonest.lostLong < 0.6 * order.lostLong, "\(soonest) against \(order)")
        #expect(soonest.lostShort < 0.5 * turns.lostShort, "\(soonest) against \(turns)")
        #expect(soonest.refused == 0, "\(soonest)")
    }

    @Test func `where more is asked than there is, fewer are refused`() throws {
        let soonest = try Self.outcome(.soonestReset, demand: 1.1)
        let order = try Self.outcome(.first, demand: 1.1)
        #expect(soonest.refused * 2 < order.refused, "\(soonest) against \(order)")
    }
}
