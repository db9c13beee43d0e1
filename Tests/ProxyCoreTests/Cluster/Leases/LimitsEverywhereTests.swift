import Testing

@testable import ProxyCore

/// What holds for limits whoever keeps them: one node by itself, or three by lease.
@Suite struct LimitsEverywhereTests {
    enum Keeper: CaseIterable {
        case oneNode, leases
    }

    private static func run(
        _ keeper: Keeper, _ rates: LimitRate..., for milliseconds: Int = 4_000, every: Int = 2,
        need: LimitAmounts = LimitAmounts(requests: 1), used: LimitAmounts = LimitAmounts(requests: 1), lasts: Int = 20
    ) -> LeaseWorld {
        let limit = UsageLimit(.entry, name: "team", rates: rates, noun: "team")
        var world =
            keeper == .oneNode
            ? LeaseWorld(nodes: 1, limits: [limit], terms: nil) : LeaseWorld(nodes: 3, limits: [limit])
        world.run(for: 600)
        LeaseTests.go(&world, limit, for: milliseconds, every: every, need: need, used: used, lasts: lasts)
        // What nobody uses is given back, and one node uses it to its last: several may each hold less than a request needs.
        world.run(for: 3_000)
        for _ in 0..<20 {
            world.ask(0, limit, bucket: "b", need: need, used: used, lasts: lasts)
            world.run(for: 60)
        }
        return world
    }

    @Test(arguments: Keeper.allCases)
    func requestsAreLetThroughToTheLast(_ keeper: Keeper) {
        for window in [LimitRate.Window.day, .month, .total] {
            let world = Self.run(keeper, LimitRate(.requests, per: window, most: 200))
            #expect(world.admitted["b"]?.count == 200)
        }
    }

    @Test(arguments: Keeper.allCases)
    func noMinuteHoldsMore(_ keeper: Keeper) {
        let world = Self.run(keeper, LimitRate(.requests, per: .minute, most: 20), for: 62_000, every: 100)
        #expect(world.mostInAMinute("b") == 20)
    }

    @Test(arguments: Keeper.allCases)
    func noMoreAreInFlight(_ keeper: Keeper) {
        let world = Self.run(keeper, LimitRate(.concurrency, per: .now, most: 4), lasts: 150)
        #expect(world.mostInFlight["b"] == 4)
    }

    @Test(arguments: Keeper.allCases)
    func whatIsReservedAndNotUsedIsThereAgain(_ keeper: Keeper) {
        let world = Self.run(
            keeper, LimitRate(.tokens, per: .day, most: 10_000), need: LimitAmounts(requests: 1, tokens: 400),
            used: LimitAmounts(requests: 1, tokens: 100))
        // As long as one more may use all that it reserves.
        #expect(world.admitted["b"]?.count == 97)
    }

    @Test(arguments: Keeper.allCases)
    func moneyIsSpentToTheLast(_ keeper: Keeper) {
        let amounts = LimitAmounts(requests: 1, nanoDollars: 7)
        let world = Self.run(keeper, LimitRate(.cost, per: .month, most: 700), need: amounts, used: amounts)
        #expect(world.admitted["b"]?.count == 100)
    }

    @Test(arguments: Keeper.allCases)
    func theTightestOfSeveralNumbersDecides(_ keeper: Keeper) {
        let amounts = LimitAmounts(requests: 1, tokens: 10)
        let world = Self.run(
            keeper, LimitRate(.requests, per: .day, most: 500), LimitRate(.tokens, per: .day, most: 900),
            LimitRate(.tokens, per: .total, most: 5_000), need: amounts, used: amounts)
        #expect(world.admitted["b"]?.count == 90)
    }

    @Test(arguments: Keeper.allCases)
    func aRequestThatUsedNothingGivesItselfBack(_ keeper: Keeper) {
        let world = Self.run(keeper, LimitRate(.requests, per: .day, most: 5), used: .zero)
        #expect(world.admitted["b"]?.count ?? 0 > 50)
        #expect(world.mostInFlight["b"] ?? 0 <= 5)
    }
}
