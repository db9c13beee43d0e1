import ProxyCore
import Testing

@testable import ProxyCore

@Suite("Limit refusals")
struct LimitRefusalTests {
    @Test(
        "Money has two places, more where the number has them",
        arguments: [
            (1_999_200_000_000, "1999.20 USD"), (3_100_000_000, "3.10 USD"), (2_000_000_000_000, "2000 USD"),
            (10_500_000, "0.0105 USD"), (1, "0 USD"), (0, "0 USD"), (1_234_567_890, "1.234568 USD"),
            (999_999_999_900, "1000 USD"),
        ])
    func money(nanoDollars: Int, text: String) {
        #expect(LimitRefusal.money(nanoDollars) == text)
        let exact = text.contains(".") ? text : text.replacing(" USD", with: ".00 USD")
        #expect(LimitRefusal.money(nanoDollars, isExact: true) == exact)
    }

    static func refusal(_ rate: LimitRate?, used: Int = 0, reserved: Int = 0, needed: Int = 1, resetsAt: Int? = nil)
        -> LimitRefusal
    {
        let limit = UsageLimit(.entry, name: "team budget", rates: [], noun: "team")
        return LimitRefusal(
            limit: limit, rate: rate, label: "infra", used: used, reserved: reserved, needed: needed, resetsAt: resetsAt,
            wait: .unknown)
    }

    @Test("The message names the limit, its window, what is used and when it ends")
    func message() {
        let spent = Self.refusal(
            LimitRate(.cost, per: .month, most: 2_000_000_000_000), used: 1_999_200_000_000, needed: 3_100_000_000, resetsAt: 5)
        #expect(
            spent.message { "instant \($0)" }
                == "the limit 'team budget' (budget_per_month 2000 USD, team infra) is used up: 1999.20 USD used, 3.10 USD needed, begins anew instant 5"
        )
        let never = Self.refusal(LimitRate(.tokens, per: .day, most: 10), needed: 11, resetsAt: 5)
        #expect(never.message { "\($0)" }.hasSuffix("0 used, 11 needed, more than it ever has"))
        let busy = Self.refusal(LimitRate(.concurrency, per: .now, most: 2), used: 2)
        #expect(busy.message { "\($0)" }.hasSuffix("(concurrent_requests 2, team infra) is used up: 2 in flight"))
        #expect(Self.refusal(nil).message { "\($0)" } == "the limit 'team budget' (team infra) is blocked")
    }

    @Test("A time has its offset, also where that is none")
    func instants() throws {
        let blocked = LimitRefusal(
            limit: UsageLimit(.entry, name: "team budget", rates: [], noun: "team"), rate: nil, label: "infra", used: 0,
            reserved: 0, needed: 1, resetsAt: 1_772_294_400_000, wait: .unknown)
        #expect(blocked.message(in: .utc).hasSuffix("is blocked until 2026-02-28T16:00:00+00:00"))
        #expect(blocked.message(in: try #require(Zone("Asia/Tokyo"))).hasSuffix("until 2026-03-01T01:00:00+09:00"))
    }

    @Test("What is blocked is of the kind of the number that it was blocked by")
    func kinds() {
        let rates = [LimitRate(.requests, per: .day, most: 9), LimitRate(.cost, per: .total, most: 9)]
        func kind(_ origin: UsageLimit.Origin, _ rates: [LimitRate], _ title: String) -> LimitRate.Kind {
            var refusal = LimitRefusal(
                limit: UsageLimit(origin, name: "team", rates: rates, noun: "team"), rate: nil, label: "infra", used: 0,
                reserved: 0,
                needed: 1, resetsAt: nil, wait: .never)
            refusal.title = title
            return refusal.kind
        }
        #expect(kind(.policy, rates, "team.budget_total") == .cost)
        #expect(kind(.policy, rates, "team.requests_per_day") == .requests)
        #expect(kind(.policy, rates, "") == .requests)
        #expect(kind(.entry, rates, "") == .requests)
        #expect(kind(.entry, [LimitRate(.cost, per: .day, most: 9)], "team") == .cost)
    }
}
