import Testing

@testable import ProxyCore

/// Who is told what is wrong, as the file says it.
@Suite struct AlertKeysTests {
    private static func load(_ alerts: String) -> LoadResult {
        ConfigurationFixture.load(
            """
            upstreams:
              a: {url: "http://localhost:8080", dialect: openai}
            rules:
              - {name: all, tiers: [a]}
            alerts: \(alerts)
            """)
    }

    @Test func whatIsLeftOutHasItsDefault() throws {
        let alerts = try #require(Self.load("{}").snapshot).configuration.alerts
        #expect(alerts == Configuration.Alerts())
        #expect(alerts.webhook == nil && alerts.format == .generic && alerts.budgets == [0.8, 1])
        #expect(alerts.certificate == .seconds(14 * 86_400))
    }

    @Test func everyKeyIsRead() throws {
        let text =
            "{webhook: 'https://hooks.slack.com/services/T0/B0/x?y=z', format: slack, budgets: [100%, 50%, 0.5], certificate: 30d}"
        let snapshot = try #require(Self.load(text).snapshot)
        let alerts = snapshot.configuration.alerts
        #expect(alerts.webhook?.reveal() == "https://hooks.slack.com/services/T0/B0/x?y=z")
        #expect(alerts.format == .slack && alerts.budgets == [0.5, 1] && alerts.certificate == .seconds(30 * 86_400))
        #expect(!snapshot.shown.contains("hooks.slack.com"))
        #expect(snapshot.shown.contains("\"webhook\":\"<redacted>\""))
    }

    @Test(
        arguments: [
            ("{webhook: 'https://hooks.slack.com/x'}", "alerts.webhook: messages are of the format 'generic'"),
            ("{webhook: 'https://open.feishu.cn/x', format: slack}", "address does not take; write format: lark"),
            ("{webhook: 'https://open.larksuite.com/x', format: lark}", ""), ("{webhook: 'https://hooks.example/x'}", ""),
        ])
    func anAddressThatTakesAnotherFormatIsWarnedAbout(_ alerts: String, _ message: String) {
        let told = Self.load(alerts).diagnostics.filter { $0.severity == .warning && $0.path.hasPrefix("alerts") }
            .map { "\($0.path): \($0.message)" }.filter { !$0.contains("written out") }
        #expect(told.count == (message.isEmpty ? 0 : 1), "\(told)")
        #expect(told.allSatisfy { $0.contains(message) && !$0.contains("https://") }, "\(told)")
    }

    @Test(
        arguments: [
            ("{webhook: 'ftp://secret-host/x'}", "alerts.webhook: a URL begins with http:// or https://"),
            ("{webhook: 'http://secret host/x'}", "alerts.webhook: the URL names no valid host"),
            ("{webhook: 'http://a:b@secret-host/x'}", "alerts.webhook: a URL holds no user or password"),
            ("{format: teams}", "alerts.format: 'teams' is not a format (generic, slack, lark)"),
            ("{budgets: [0%]}", "alerts.budgets: 0% of a budget is spent from the start"),
            ("{budgets: [120%]}", "alerts.budgets[0]: '120%' is more than all"),
            ("{certificate: soon}", "alerts.certificate: 'soon'"),
            ("{webhok: x}", "alerts: unknown key 'webhok' (did you mean 'webhook'?)"),
        ])
    func aMistakeIsToldAtItsPlaceAndNoAddressIsRepeated(_ alerts: String, _ message: String) {
        let result = Self.load(alerts)
        #expect(result.snapshot == nil)
        let told = ConfigurationFixture.messages(result).joined(separator: "\n")
        #expect(told.contains(message), "\(told)")
        #expect(!told.contains("secret"))
    }
}
