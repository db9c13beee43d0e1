import Testing

@testable import ProxyCore

@Suite struct SpentBudgetTests {
    private static let day = LimitRate(.cost, per: .day, most: 1_000)
    private static let limit = LimitTableTests.limit(day, LimitRate(.tokens, per: .day, most: 1_000_000))

    private static func spend(_ amount: Int, of bucket: String, in table: LimitTable, at now: Int) throws {
        let need = LimitAmounts(requests: 1, tokens: 5, nanoDollars: amount)
        let held = try table.reserve([LimitUse(limit, bucket: bucket)], { _ in need }, now: .at(now))
        table.settle(held, used: need, now: .at(now))
    }

    private static func spent(_ table: LimitTable, from share: Double = 0.8, most: Int = 100, at now: Int) -> [String] {
        LimitLook(table, now: .at(now)).spent([limit], from: share, most: most).map {
            "\($0.bucket) \($0.limit) \($0.used)\($0.isRefusing ? " refuses" : "")"
        }
    }

    @Test func bucketsThatHaveSpentTheShareAreFoundUntilTheirWindowEnds() throws {
        let table = LimitTableTests.table()
        let now = LimitTableTests.noon
        try Self.spend(799, of: "a", in: table, at: now)
        try Self.spend(800, of: "b", in: table, at: now)
        try Self.spend(1_000, of: "c", in: table, at: now)
        #expect(Self.spent(table, at: now) == ["b team.budget_per_day 800", "c team.budget_per_day 1000"])
        #expect(Self.spent(table, from: 1, at: now) == ["c team.budget_per_day 1000"])
        #expect(Self.spent(table, at: now + 86_400_000).isEmpty)
    }

    @Test func aRefusalCountsForAllOfItWhereMostIsSpent() throws {
        let table = LimitTableTests.table()
        let now = LimitTableTests.noon
        try Self.spend(500, of: "a", in: table, at: now)
        try Self.spend(900, of: "b", in: table, at: now)
        for bucket in ["a", "b"] { #expect(throws: LimitRefusals.self) { try Self.spend(600, of: bucket, in: table, at: now) } }
        #expect(Self.spent(table, from: 1, at: now) == ["b team.budget_per_day 900 refuses"])
        // Another day: what refused is past.
        let later = now + 86_400_000
        try Self.spend(900, of: "b", in: table, at: later)
        #expect(Self.spent(table, from: 1, at: later).isEmpty)
        table.reset(limit: Self.limit.id, bucket: "b", kind: .cost)
        #expect(Self.spent(table, from: 0.001, at: later).isEmpty)
    }

    @Test func oneTooLargeRequestUsesNoBudgetUp() throws {
        let table = LimitTableTests.table()
        let now = LimitTableTests.noon
        for _ in 0..<9 { try Self.spend(100, of: "a", in: table, at: now) }
        #expect(throws: LimitRefusals.self) { try Self.spend(600, of: "a", in: table, at: now) }
        #expect(Self.spent(table, from: 1, at: now).isEmpty)
        // A usual one does not fit either.
        try Self.spend(50, of: "a", in: table, at: now)
        #expect(throws: LimitRefusals.self) { try Self.spend(100, of: "a", in: table, at: now) }
        #expect(Self.spent(table, from: 1, at: now) == ["a team.budget_per_day 950 refuses"])
        // Next to nothing is left.
        for _ in 0..<99 { try Self.spend(10, of: "b", in: table, at: now) }
        #expect(throws: LimitRefusals.self) { try Self.spend(600, of: "b", in: table, at: now) }
        #expect(Self.spent(table, from: 1, at: now).last == "b team.budget_per_day 990 refuses")
    }

    @Test func theDaysRefusalIsNotTheMonths() throws {
        let month = LimitRate(.cost, per: .month, most: 1_100)
        let limit = LimitTableTests.limit(Self.day, month)
        let table = LimitTableTests.table()
        let now = LimitTableTests.noon
        let need = LimitAmounts(requests: 1, tokens: 5, nanoDollars: 900)
        let held = try table.reserve([LimitUse(limit, bucket: "a")], { _ in need }, now: .at(now))
        table.settle(held, used: need, now: .at(now))
        let small = LimitAmounts(requests: 1, tokens: 5, nanoDollars: 150)
        #expect(throws: LimitRefusals.self) { try table.reserve([LimitUse(limit, bucket: "a")], { _ in small }, now: .at(now)) }
        let spent = LimitLook(table, now: .at(now)).spent([limit], from: 1, most: 10)
        #expect(spent.map(\.rate) == [Self.day])
    }

    @Test func manyAreLookedAtAndNoMoreGivenThanWanted() throws {
        let table = LimitTableTests.table()
        let now = LimitTableTests.noon
        for index in 0..<2_500 { try Self.spend(index == 2_400 ? 900 : 1, of: "\(index)", in: table, at: now) }
        #expect(Self.spent(table, at: now) == ["2400 team.budget_per_day 900"])
        #expect(Self.spent(table, from: 0.0005, most: 10, at: now).count == 10)
    }
}
