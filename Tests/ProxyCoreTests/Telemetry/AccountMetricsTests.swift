import RuleEngine
import Testing

@testable import ProxyCore

@Suite("Account metrics")
struct AccountMetricsTests {
    private static let now = 1_000_000
    private static let one = AccountID(upstream: "a", account: "one")

    private static func upstream(_ accounts: [String]) -> Upstream {
        Upstream(
            name: "a", url: UpstreamURL(isTLS: false, host: "localhost", port: 8080, basePath: ""), dialect: .anthropic,
            accounts: accounts.map { Account(name: $0, key: Secret("sk-\($0)")) })
    }

    private static func snapshot(_ accounts: [String]) -> Snapshot {
        var configuration = Configuration()
        configuration.upstreams = [upstream(accounts)]
        return Snapshot(generation: 1, hash: "", configuration: configuration, rules: RuleSet([]), routes: [])
    }

    @Test("what is told of accounts has their names and kinds of windows, the tightest of a kind, and never a model")
    func told() {
        let registry = MetricsRegistry()
        let book = AccountBook()
        AccountMetrics.install(
            in: registry, accounts: book, snapshots: SnapshotStore(Self.snapshot(["one", "two"])), now: { Self.now })
        let windows = [("m", 0.5), ("n", 0.25)].map { model, share in
            QuotaWindow(
                .model(model), kind: "requests", share: share, resetsAt: Self.now + 90_000, source: .headers, takenAt: Self.now)
        }
        let wide = QuotaWindow(.all, kind: "5h", share: 0.75, source: .headers, takenAt: Self.now)
        book.quota.record(Self.one, windows + [wide], now: Self.now)
        book.drain(AccountID(upstream: "a", account: "two"))
        for result in [AffinityTable.Result.begun, .kept, .kept] {
            book.load(of: Self.one).cell(of: registry).noteAffinity(result)
        }
        let text = MetricsRegistryTests.text(registry)
        for line in [
            #"proxyd_account_up{upstream="a",account="one"} 1"#,
            #"proxyd_account_up{upstream="a",account="two"} 0"#,
            #"proxyd_account_in_flight{upstream="a",account="one"} 0"#,
            #"proxyd_account_quota_share{upstream="a",account="one",window="requests"} 0.25"#,
            #"proxyd_account_quota_share{upstream="a",account="one",window="5h"} 0.75"#,
            #"proxyd_account_quota_resets_seconds{upstream="a",account="one",window="requests"} 90"#,
            #"proxyd_affinity_total{upstream="a",account="one",result="kept"} 2"#,
            #"proxyd_affinity_total{upstream="a",account="one",result="begun"} 1"#,
            #"proxyd_affinity_total{upstream="a",account="two",result="moved"} 0"#,
        ] {
            #expect(text.contains(line + "\n"), "\(line)")
        }
        #expect(!text.contains(#"proxyd_account_quota_resets_seconds{upstream="a",account="one",window="5h"}"#))
        #expect(!text.contains("model="))
    }

    @Test("who waits to be tried once more is not up again")
    func due() {
        let registry = MetricsRegistry()
        let book = AccountBook()
        let one = Self.one
        AccountMetrics.install(
            in: registry, accounts: book, snapshots: SnapshotStore(Self.snapshot(["one"])), now: { Self.now + 900_000 })
        book.refuse(one, AccountState.Refusal(until: Self.now + 300_000), now: Self.now)
        #expect(MetricsRegistryTests.text(registry).contains(#"proxyd_account_up{upstream="a",account="one"} 0"# + "\n"))
        book.succeed(one, model: "m", now: Self.now + 900_000)
        #expect(MetricsRegistryTests.text(registry).contains(#"proxyd_account_up{upstream="a",account="one"} 1"# + "\n"))
    }

    @Test("what was left of a window at its reset is counted as wasted")
    func wasted() {
        let registry = MetricsRegistry()
        let book = AccountBook()
        AccountMetrics.install(
            in: registry, accounts: book, snapshots: SnapshotStore(Self.snapshot(["one"])), now: { Self.now + 4_000_000 })
        let window = QuotaWindow(
            .all, kind: "5h", share: 0.4, resetsAt: Self.now + 3_600_000, source: .headers, takenAt: Self.now)
        book.quota.record(Self.one, [window], now: Self.now)
        let line = #"proxyd_quota_wasted_share_total{upstream="a",account="one",window="5h"} 0.4"#
        #expect(MetricsRegistryTests.text(registry).contains(line))
        #expect(MetricsRegistryTests.text(registry).contains(line), "asked again it is the same")
    }

    @Test("an account that the file no longer has is not told of any more")
    func gone() {
        let registry = MetricsRegistry()
        let book = AccountBook()
        let store = SnapshotStore(Self.snapshot(["one", "two"]))
        AccountMetrics.install(in: registry, accounts: book, snapshots: store, now: { Self.now })
        let window = QuotaWindow(
            .all, kind: "5h", share: 0.5, resetsAt: Self.now - 1, source: .headers, takenAt: Self.now - 1_000)
        book.quota.record(Self.one, [window], now: Self.now - 1_000)
        #expect(MetricsRegistryTests.text(registry).contains(#"proxyd_quota_wasted_share_total{upstream="a",account="one""#))
        store.publish(Self.snapshot(["two"]))
        book.keepOnly([Self.upstream(["two"])])
        #expect(!MetricsRegistryTests.text(registry).contains(#"account="one""#))
    }
}
