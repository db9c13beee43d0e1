import Testing

@testable import ProxyCore

@Suite("The bucket that is nearest to its limit")
struct TightestLimitTests {
    private static func use(_ table: LimitTable, _ limit: UsageLimit, _ bucket: String, _ used: LimitAmounts) throws {
        let now = LimitTime.at(LimitTableTests.noon)
        let reservation = try table.reserve([LimitUse(limit, bucket: bucket)], { _ in LimitAmounts(requests: 1) }, now: now)
        table.settle(reservation, used: used, now: now)
    }

    private static func figures(_ table: LimitTable, _ limits: UsageLimit...) -> [String] {
        table.tightest(limits, now: .at(LimitTableTests.noon)).map { figure in
            "\(figure.limit) \(figure.rate.kind) \(figure.bucket): \(figure.used) of \(figure.rate.most)"
        }
    }

    @Test("of each number of a policy another key may be the nearest; what nobody uses is told with 0")
    func policy() throws {
        let table = LimitTableTests.table()
        let limit = LimitTableTests.limit(
            LimitRate(.tokens, per: .day, most: 1_000), LimitRate(.cost, per: .month, most: 5_000),
            LimitRate(.concurrency, per: .now, most: 3))
        try Self.use(table, limit, "k", LimitAmounts(requests: 1, tokens: 900, nanoDollars: 10))
        try Self.use(table, limit, "l", LimitAmounts(requests: 1, tokens: 10, nanoDollars: 4_000))
        let idle = UsageLimit(.entry, name: "idle", rates: [LimitRate(.requests, per: .total, most: 7)], noun: "team")
        #expect(
            Self.figures(table, limit, idle) == [
                "team.tokens_per_day tokens k: 900 of 1000", "team.budget_per_month cost l: 4000 of 5000",
                "team.concurrent_requests concurrency : 0 of 3", "idle requests : 0 of 7",
            ])
    }

    @Test("an entry with two numbers of one kind is told once, by the number that is nearer to its end")
    func entry() throws {
        let table = LimitTableTests.table()
        let limit = UsageLimit(
            .entry, name: "odd",
            rates: [LimitRate(.tokens, per: .day, most: 1_000), LimitRate(.tokens, per: .month, most: 1_500)],
            noun: "team")
        #expect(Self.figures(table, limit) == ["odd tokens : 0 of 1000"])
        try Self.use(table, limit, "infra", LimitAmounts(requests: 1, tokens: 300, nanoDollars: 0))
        #expect(Self.figures(table, limit) == ["odd tokens infra: 300 of 1000"])
    }
}
