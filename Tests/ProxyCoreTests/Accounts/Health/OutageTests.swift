import RuleEngine
import Testing

@testable import ProxyCore

/// Accounts that all fail, as the plan, the book and the budget together meet it. The clock is a number.
struct OutageTests {
    private static let upstream = Upstream(
        name: "a", url: UpstreamURL(isTLS: false, host: "127.0.0.1", port: 1, basePath: ""), dialect: .anthropic,
        accounts: ["one", "two", "three"].map { Account(name: $0, key: nil) })

    private static let route = Route(
        name: "r",
        tiers: [
            ResolvedTier(
                text: "a/m",
                targets: [
                    .init(
                        upstream: 0, tierTarget: Tier.Target(upstream: "a", model: "m"), threshold: 0.05, timeouts: Timeouts())
                ],
                choice: .weighted)
        ], fallback: FallbackPolicy())

    /// Asks as stage Dispatch does until `serves` lets an account serve.
    /// - Returns: who was asked.
    private static func ask(
        _ book: AccountBook, _ budget: RetryBudget, now: Int, reason: CooldownReason, serves: (String) -> Bool = { _ in false }
    ) -> [String] {
        var plan = AttemptPlan(
            routes: [route], rule: 0, accounts: [UpstreamAccounts(upstream)], askedFor: "m", capture: nil, seed: 1)
        var asked: [String] = []
        while let candidate = plan.next(book.states.current, now: now) {
            let id = upstream.accountIDs[candidate.account]
            let awaits = book.states.current.accounts[id]?.awaitsProbe == true
            let claim = awaits ? book.claim(id, now: now) : .free
            guard claim != .taken || plan.isLastResort else {
                plan.passOverForProbe(candidate)
                continue
            }
            if asked.isEmpty { budget.countRequest() } else if !budget.spend(nowMilliseconds: now) { break }
            asked.append(id.account)
            plan.wasAsked(candidate)
            guard !serves(id.account) else {
                book.succeed(id, model: "m", now: now)
                break
            }
            book.fail(
                id, AccountFailure(reason: reason, model: "m", modelStatus: .known, isProbe: claim == .probe, successes: 0),
                now: now)
        }
        return asked
    }

    @Test(
        arguments: [.response(.statusClass(5)), .failure(.unreachable(.refused)), .failure(.firstByteTimeout)] as [CooldownReason]
    )
    func `when nobody serves, a thousand requests are at most twelve hundred attempts, and each asks somebody`(
        reason: CooldownReason
    ) {
        let (book, budget) = (AccountBook(), RetryBudget())
        var attempts = 0
        for number in 0..<1_000 {
            let asked = Self.ask(book, budget, now: 1_000_000 + number * 50, reason: reason)
            #expect(!asked.isEmpty)
            attempts += asked.count
        }
        #expect(attempts <= 1_200, "\(attempts) attempts")
    }

    @Test func `an account that fails is asked by one probe at a time, and by everybody once that has been served`() {
        let (book, budget) = (AccountBook(), RetryBudget())
        var now = 1_000_000
        let isTwo = { (account: String) in account == "two" }
        for _ in 0..<Breaker.row {
            #expect(Self.ask(book, budget, now: now, reason: .response(.statusClass(5)), serves: isTwo) == ["one", "two"])
            now += 1_000
        }
        now -= 1_000
        for _ in 0..<10 {
            #expect(Self.ask(book, budget, now: now, reason: .response(.statusClass(5)), serves: isTwo) == ["two"])
        }
        now += Breaker.firstRest
        // While one tries, the others go where they are served.
        #expect(book.claim(Self.upstream.accountIDs[0], now: now) == .probe)
        for _ in 0..<10 {
            #expect(Self.ask(book, budget, now: now, reason: .response(.statusClass(5)), serves: isTwo) == ["two"])
        }
        book.succeed(Self.upstream.accountIDs[0], model: "m", now: now)
        #expect(Self.ask(book, budget, now: now, reason: .response(.statusClass(5)), serves: { $0 == "one" }) == ["one"])
    }
}
