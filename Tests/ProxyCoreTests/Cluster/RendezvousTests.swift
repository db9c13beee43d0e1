import RuleEngine
import Testing

@testable import ProxyCore

/// Where lots are drawn, nodes draw the same for one conversation.
@Suite struct RendezvousTests {
    private static func upstream(_ weights: [Int], _ choice: Tier.Choice) -> Upstream {
        let url = UpstreamURL(isTLS: false, host: "localhost", port: 80, basePath: "")
        let accounts = weights.enumerated().map { Account(name: "a\($0)", key: nil, weight: $1) }
        var upstream = Upstream(name: "up", url: url, dialect: .openai, accounts: accounts)
        upstream.choice = choice
        return upstream
    }

    private static func first(_ upstream: Upstream, lot: UInt64, seed: UInt64, _ states: AccountStates = AccountStates())
        -> String
    {
        var plan = ChoosingFixture.plan(ChoosingFixture.route([upstream]), [upstream], seed: seed)
        plan.lot = lot
        return ChoosingFixture.walk(plan, [upstream], states).first ?? ""
    }

    @Test(arguments: [Tier.Choice.weighted, .leastBusy, .fastest])
    func nodesAgreeAboutEveryConversation(_ choice: Tier.Choice) {
        let upstream = Self.upstream([1, 1, 1], choice)
        for lot in UInt64(1)...200 {
            #expect(Self.first(upstream, lot: lot, seed: 1) == Self.first(upstream, lot: lot, seed: lot &* 77))
        }
    }

    @Test func weightsHoldAndWhoIsOutLosesOnlyItsOwn() {
        let upstream = Self.upstream([1, 3], .weighted)
        let firsts = (UInt64(1)...4_000).map { Self.first(upstream, lot: $0 &* 0x9E37_79B9, seed: 1) }
        let share = Double(firsts.count { $0 == "up/a1" }) / 4_000
        #expect((0.70...0.80).contains(share), "\(share)")
        let three = Self.upstream([1, 1, 1], .weighted)
        var states = AccountStates()
        var out = AccountState()
        out.isDrained = true
        states.accounts[AccountID(upstream: "up", account: "a0")] = out
        for lot in UInt64(1)...300 {
            let before = Self.first(three, lot: lot, seed: 1)
            if before != "up/a0" { #expect(Self.first(three, lot: lot, seed: 2, states) == before) }
        }
    }

    @Test func whatStandsForAnAccountIsTheSameEverywhere() {
        let lots = UpstreamAccounts(Self.upstream([1, 1], .weighted)).lots
        var mark = TextMark(.everywhere)
        mark.add("up")
        mark.add("a0")
        #expect(lots.first == mark.value && Set(lots).count == 2)
    }
}
