import Testing

@testable import ProxyCore

@Suite struct ListenerPlanTests {
    private static func plan(_ addresses: [(String, Int)], admin: (String, Int)? = nil) -> [String] {
        var configuration = Configuration()
        configuration.listeners = addresses.map { Listener(host: $0.0, port: $0.1) }
        configuration.admin = Configuration.Admin(
            key: Secret("x"), listener: admin.map { Listener(host: $0.0, port: $0.1) })
        return ListenerPlan(configuration).entries.map { "\($0.id) \($0.settings.plane)" }
    }

    @Test func anAdminAddressTakesThePlaneAway() {
        #expect(Self.plan([("127.0.0.1", 1), ("::1", 2)]) == ["127.0.0.1:1 both", "[::1]:2 both"])
        #expect(Self.plan([("127.0.0.1", 1)], admin: ("127.0.0.1", 2)) == ["127.0.0.1:1 data", "127.0.0.1:2 admin"])
    }

    @Test func eachKnowsItsPlaceInTheFile() {
        var configuration = Configuration()
        configuration.listeners = [Listener(host: "127.0.0.1", port: 1), Listener(host: "127.0.0.1", port: 2)]
        configuration.admin = Configuration.Admin(key: Secret("x"), listener: Listener(host: "127.0.0.1", port: 3))
        #expect(ListenerPlan(configuration).entries.map(\.key) == ["listen[0]", "listen[1]", "admin.listen"])
    }

    @Test func anAdminAddressThatIsAlsoAnotherIsOneListener() {
        #expect(
            Self.plan([("127.0.0.1", 1), ("127.0.0.1", 2)], admin: ("127.0.0.1", 2))
                == ["127.0.0.1:1 data", "127.0.0.1:2 both"])
    }

    @Test func eachPortThatTheKernelChoosesIsAListener() {
        let ids = Set(Self.ids([("127.0.0.1", 0), ("127.0.0.1", 0), ("::1", 0)], admin: ("127.0.0.1", 0)))
        #expect(ids.count == 4)
    }

    private static func ids(_ addresses: [(String, Int)], admin: (String, Int)) -> [ListenerID] {
        var configuration = Configuration()
        configuration.listeners = addresses.map { Listener(host: $0.0, port: $0.1) }
        configuration.admin = Configuration.Admin(key: Secret("x"), listener: Listener(host: admin.0, port: admin.1))
        return ListenerPlan(configuration).entries.map(\.id)
    }

    @Test(
        "Which listener covers which",
        arguments: [
            ("0.0.0.0", 1, "127.0.0.1", 1, true, true), ("127.0.0.1", 1, "0.0.0.0", 1, false, true),
            ("0.0.0.0", 1, "127.0.0.1", 2, false, false), ("::", 1, "127.0.0.1", 1, true, true),
            ("::", 1, "0.0.0.0", 1, true, true), ("0.0.0.0", 1, "::1", 1, false, true),
            ("127.0.0.1", 1, "127.0.0.2", 1, false, false), ("::1", 1, "0:0:0:0:0:0:0:1", 1, true, true),
            ("0.0.0.0", 0, "127.0.0.1", 0, false, false),
        ])
    func covers(host: String, port: Int, other: String, otherPort: Int, covers: Bool, overlaps: Bool) {
        let one = ListenerID.tcp(host: host, port: port, ordinal: 0)
        let two = ListenerID.tcp(host: other, port: otherPort, ordinal: 0)
        #expect(one.covers(two) == covers)
        #expect(one.overlaps(two) == overlaps && two.overlaps(one) == overlaps)
    }
}
