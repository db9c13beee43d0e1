import Testing

@testable import ProxyCore

/// Where quota is learnt from, as the file says it.
struct QuotaKeysTests {
    private static func load(_ quota: String, account: String = "{name: x}") -> LoadResult {
        ConfigurationFixture.load(
            """
            upstreams:
              a:
                url: "http://localhost:8080"
                dialect: openai
                accounts: [\(account)]
                quota: \(quota)
            rules:
              - {name: all, tiers: [a]}
            """)
    }

    @Test func `heads of answers are read, unless the file says no`() throws {
        for (quota, isRead) in [("{}", true), ("{headers: true}", true), ("{headers: false}", false)] {
            let snapshot = try #require(Self.load(quota).snapshot)
            #expect(snapshot.configuration.upstreams[0].quota?.headers == isRead)
        }
        #expect(QuotaSource().headers)
        #expect(Self.load("{headers: true}").diagnostics.isEmpty)
    }

    @Test func `headers of other names are kept in lower case, by what they count`() throws {
        let result = Self.load(
            "{header_names: {requests: {limit: X-RateLimit-Limit, remaining: X-RateLimit-Remaining}, cost: {remaining: left, reset: r}}}"
        )
        #expect(result.diagnostics.isEmpty, "\(ConfigurationFixture.messages(result))")
        let names = try #require(result.snapshot).configuration.upstreams[0].quota?.headerNames
        #expect(
            names == [
                QuotaHeaderNames(kind: "requests", limit: "x-ratelimit-limit", remaining: "x-ratelimit-remaining", reset: nil),
                QuotaHeaderNames(kind: "cost", limit: nil, remaining: "left", reset: "r"),
            ])
    }

    @Test func `what an account may use is declared with units`() throws {
        let result = Self.load(
            "{}",
            account: "{name: x, quota: {declared: {tokens_per_day: 5M, requests_per_minute: 50, budget_per_month: 20 USD}}}")
        #expect(result.diagnostics.isEmpty, "\(ConfigurationFixture.messages(result))")
        let snapshot = try #require(result.snapshot)
        #expect(
            snapshot.configuration.upstreams[0].accounts[0].declared == [
                LimitRate(.requests, per: .minute, most: 50), LimitRate(.tokens, per: .day, most: 5_000_000),
                LimitRate(.cost, per: .month, most: 20_000_000_000),
            ])
    }

    @Test(arguments: [
        // quota, account, line and column, message
        (
            "{headers: false, header_names: {tokens: {remaining: left}}}", "{name: x}", "6:29",
            "upstreams.a.quota.header_names: is not read with `headers: false`"
        ),
        ("{header_names: {tokens: {limit: l}}}", "{name: x}", "6:36", "'remaining' is missing"),
        ("{header_names: {tokens: {remaining: no name}}}", "{name: x}", "6:48", "'no name' is no header's name"),
        ("{header_names: {images: {remaining: left}}}", "{name: x}", "6:28", "unknown key 'images'"),
        ("{}", "{name: x, quota: {}}", "5:33", "'declared' is missing"),
        ("{}", "{name: x, quota: {declared: {}}}", "5:44", "declares nothing"),
        ("{}", "{name: x, quota: {declared: {tokens_per_day: lots}}}", "5:61", "'lots' is not a count"),
        ("{}", "{name: x, quota: {declared: {tokens_per_dy: 5M}}}", "5:45", "unknown key 'tokens_per_dy'"),
        ("{}", "{name: x, quota: {declared: {requests_per_day: 0}}}", "5:63", "'0' is outside"),
        ("{}", "{name: x, quota: {declared: {budget_per_day: 0 USD}}}", "5:61", "'0 USD' is nothing to spend"),
        ("{}", "{name: x, quota: {declared: {budget_per_month: 0.0USD}}}", "5:63", "'0.0USD' is nothing to spend"),
    ])
    func `what cannot be meant is an error with its place`(quota: String, account: String, place: String, message: String) {
        let result = Self.load(quota, account: account)
        #expect(result.snapshot == nil)
        let messages = ConfigurationFixture.messages(result)
        #expect(messages.contains { $0.hasPrefix("proxy.yaml:\(place): error: ") && $0.contains(message) }, "\(messages)")
    }

    @Test func `an upstream that a condition names is one`() {
        let text = """
            upstreams:
              a: {url: "http://localhost:8080", dialect: openai}
            rules:
              - {name: soon, when: 'quota_runs_out("b", "m") < now', tiers: [a]}
              - {name: all, tiers: [a]}
            """
        let messages = ConfigurationFixture.messages(ConfigurationFixture.load(text))
        #expect(messages.contains { $0.contains("no upstream is called 'b'") }, "\(messages)")
    }
}
