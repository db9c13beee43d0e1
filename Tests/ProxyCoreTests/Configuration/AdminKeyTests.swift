import Testing

@testable import ProxyCore

@Suite struct AdminKeyTests {
    private static let long = "0123456789abcdef0123456789"

    private func load(_ admin: String) -> (keys: [String]?, messages: [String]) {
        let result = ConfigurationFixture.load(ConfigurationFixture.file("admin: \(admin)"))
        let keys = result.snapshot?.configuration.admin?.keys.map { "\($0.name) \($0.role) \($0.key.reveal().prefix(3))" }
        return (keys, ConfigurationFixture.messages(result))
    }

    @Test func keysHaveNamesAndRoles() {
        let keys = "[{name: ops, key: ops\(Self.long), role: admin}, {name: graf, key: gra\(Self.long), role: viewer}]"
        #expect(load("{keys: \(keys)}").keys == ["ops admin ops", "graf viewer gra"])
        #expect(load("{key: one\(Self.long), keys: \(keys)}").keys == ["admin admin one", "ops admin ops", "graf viewer gra"])
        #expect(load("{key: one\(Self.long)}").messages.isEmpty)
        #expect(load("{keys: \(keys)}").messages.isEmpty)
    }

    @Test(
        arguments: [
            ("{keys: [{name: a, key: K1, role: root}]}", "role"), ("{keys: [{name: a, key: K1}]}", "'role' is missing"),
            ("{keys: [{key: K1, role: admin}]}", "'name' is missing"), ("{keys: [{name: a, role: admin}]}", "'key' is missing"),
            ("{keys: [{name: a, key: K1, role: admin}, {name: a, key: K2, role: viewer}]}", "the name of another admin key"),
            ("{keys: [{name: a, key: K1, role: admin}, {name: b, key: K1, role: viewer}]}", "is the same key as 'a'"),
            ("{key: K1, keys: [{name: a, key: K1, role: viewer}]}", "is the same key as 'admin'"),
            ("{key: K1, keys: [{name: admin, key: K2, role: viewer}]}", "is the name of 'key'"),
            ("{keys: [{name: \" a\", key: K1, role: viewer}]}", "white space"), ("{keys: []}", "no admin API"),
            ("{metrics: closed, key: K1}", "access"),
        ])
    func whatIsWrongIsTold(_ admin: String, _ part: String) {
        let text = ["K1", "K2"].reduce(admin) { $0.replacing($1, with: "\($1)\(Self.long)") }
        let messages = load(text).messages
        #expect(messages.contains { $0.contains(part) }, "\(messages)")
        #expect(!messages.contains { $0.contains(Self.long) })
    }

    @Test(
        arguments: [
            ("{metrics: opened}", "admin.metrics: 'opened' is not an access (did you mean 'open'?)"),
            ("{metric: open}", "unknown key 'metric'"),
        ])
    func whatWasMeantToBeOpenIsToldOnce(_ admin: String, _ part: String) {
        let messages = load(admin).messages
        #expect(messages.count == 1 && messages[0].contains(part), "\(messages)")
    }

    @Test func metricsMayBeOpen() {
        let result = ConfigurationFixture.load(ConfigurationFixture.file("admin: {key: one\(Self.long), metrics: open}"))
        #expect(result.snapshot?.configuration.admin?.hasOpenMetrics == true)
    }
}
