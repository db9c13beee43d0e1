import Dialects
import RuleEngine
import Testing

@testable import ProxyCore

@Suite struct ModelAliasTests {
    private static let file = """
        upstreams:
          kimi: {url: "http://127.0.0.1:1", dialect: openai}
          claude: {url: "http://127.0.0.1:2", dialect: anthropic}
        models:
          claude-kimi: {to: kimi/kimi-k2.5, display_name: Kimi}
          team: {to: claude-sonnet-4-6}
        rules:
          - {models: ["claude-*"], tiers: [claude]}
        """

    @Test func anAliasIsARuleOfItsOwnOrGoesThroughTheRules() throws {
        let snapshot = try #require(ConfigurationFixture.load(Self.file).snapshot)
        let policies = PolicyTable(snapshot.configuration.policies)
        let router = Router(snapshot: snapshot, policy: policies["default"], path: "/v1/messages")
        let own = try router.decide("claude-kimi") { Facts() }
        #expect(snapshot.routes[own.rule].tiers.first?.targets.first?.tierTarget.model == "kimi-k2.5")
        #expect(router.plan(own, model: "claude-kimi") { 0 }.attempts.askedFor == "kimi-k2.5")
        let through = try router.decide("team") { Facts() }
        #expect(through.rule == 0 && through.alias == "claude-sonnet-4-6")
        #expect(router.plan(through, model: "team") { 0 }.attempts.askedFor == "claude-sonnet-4-6")
        #expect(try router.decide("claude-x") { Facts() }.alias == nil)
    }

    @Test(
        arguments: [
            ("a: kimy/m", "no upstream is called 'kimy' (did you mean 'kimi'?)"), ("a: gpt-5", "no rule matches 'gpt-5'"),
            ("{a: claude-x, b: a}", "is an alias itself"), ("{claude-x: claude-x}", "is its own name"),
            ("{claude-x: claude-y, claude-y: claude-x}", "leads back to itself: claude-x → claude-y → claude-x"),
            ("{b: claude-x, claude-x: claude-y, claude-y: claude-x}", "leads back to itself: claude-x → claude-y → claude-x"),
            ("\"a*\": claude-x", "is a name, no glob"),
        ])
    func mistakesAreTold(_ models: String, _ expected: String) {
        let text = """
            upstreams: {kimi: {url: "http://127.0.0.1:1", dialect: openai}}
            models: \(models.hasPrefix("{") ? models : "{\(models)}")
            rules: [{models: ["claude-*"], tiers: [kimi]}]
            """
        let messages = ConfigurationFixture.load(text).diagnostics.map(\.message)
        #expect(messages.contains { $0.contains(expected) }, "\(messages)")
    }

    @Test func aCircleIsToldOnceAndATextForAListIsNone() {
        let rest = "\nupstreams: {o: {url: 'http://127.0.0.1:1', dialect: openai}}\nrules: [{models: ['*'], tiers: [o]}]"
        func told(_ models: String) -> [String] { ConfigurationFixture.load("models: \(models)" + rest).diagnostics.map(\.path) }
        #expect(told("{a: b, b: c, c: a, d: d}") == ["models.a", "models.d"])
        #expect(told("{a: {to: a, display_name: A}, b: o/b}").isEmpty)
    }

    @Test func unknownPricesAreARuleOfTheFile() throws {
        let text = Self.file + "\nprices: {unknown: refuse, claude-x: {input: 1}}\n"
        let configuration = try #require(ConfigurationFixture.load(text).snapshot).configuration
        #expect(configuration.unknownPrice == .refuse)
        #expect(configuration.prices.keys.sorted() == ["claude-x"])
    }
}
