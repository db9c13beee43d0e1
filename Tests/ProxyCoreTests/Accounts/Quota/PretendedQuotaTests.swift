import Testing

@testable import ProxyCore

@Suite struct PretendedQuotaTests {
    private func states() -> AccountStates {
        var states = AccountStates([
            Upstream(
                name: "a", url: UpstreamURL(isTLS: false, host: "localhost", port: 1, basePath: ""), dialect: .anthropic,
                accounts: [Account(name: "one", key: Secret("x")), Account(name: "two", key: Secret("y"))])
        ])
        let window = QuotaWindow(.all, kind: "share", share: 0, resetsAt: 9_000, source: .poll, takenAt: 0)
        for id in states.accountIDs["a"] ?? [] { _ = states.windows[id, default: AccountWindows()].take([window], now: 0) }
        return states
    }

    @Test("What is pretended counts, for every account and that model alone, whatever is known")
    func counts() {
        var states = states()
        let id = AccountID(upstream: "a", account: "two")
        #expect(states.availability(of: id, model: "m", now: 1) == .outOfQuota(until: 9_000))
        states.pretend(.known(0.03), of: "m", at: "a")
        #expect(states.availability(of: id, model: "m", now: 1) == .ready)
        #expect(states.share(of: id, model: "m", now: 1) == .known(0.03))
        #expect(states.quotaLevel(upstream: "a", model: "m", now: 1) == .known(0.03))
        #expect(states.availability(of: id, model: "other", now: 1) == .outOfQuota(until: 9_000))
        states.pretend(.unknown, of: "m", at: "a")
        #expect(states.share(of: id, model: "m", now: 1) == .unknown)
        #expect(states.availability(of: id, model: "m", now: 1) == .ready)
    }

    @Test("Nothing left is nothing left, also where nothing was known")
    func empty() {
        var states = AccountStates()
        #expect(states.leastLevel == 1)
        states.pretend(.known(0), of: "m", at: "a")
        #expect(states.leastLevel == 0)
        guard case .outOfQuota = states.availability(of: AccountID(upstream: "a", account: "x"), model: "m", now: 1) else {
            Issue.record("it has nothing left")
            return
        }
    }
}
