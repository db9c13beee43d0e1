import Foundation
import Testing

@testable import ProxyCore

/// What the file says of several nodes.
@Suite struct ClusterKeysTests {
    private static func load(_ cluster: String) -> LoadResult {
        ConfigurationFixture.load(file(cluster))
    }

    private static func file(_ cluster: String) -> String {
        """
        upstreams:
          a: {url: "http://localhost:8080", dialect: openai}
        rules:
          - {name: all, tiers: [a]}
        cluster: \(cluster)
        """
    }

    @Test func whatIsLeftOutHasItsDefault() throws {
        let cluster = try #require(Self.load("{limits: 'redis://localhost'}").snapshot?.configuration.cluster)
        #expect(cluster.node == Schema.ClusterKeys.hostName() && cluster.nodes == nil && cluster.store == nil)
        #expect(cluster.lease.share == 0.1 && cluster.lease.duration == .seconds(2))
        #expect(cluster.whenUnreachable.limits == .local && cluster.whenUnreachable.store == .local)
        #expect(cluster.limits == [LimitServerAddress(.tcp(host: "localhost", port: 6379))])
    }

    /// Neither a shell nor systemd passes the variable on.
    @Test func theHostsNameIsKnownWithoutTheVariable() throws {
        let host = Schema.ClusterKeys.hostName()
        for (text, environment, name) in [
            ("${HOSTNAME}", [:], host), ("${HOSTNAME}-1", [:], host + "-1"), ("${HOSTNAME}", ["HOSTNAME": "h"], "h"),
            ("${HOSTNAME:-n}", [:], "n"),
        ] {
            let loaded = ConfigurationFixture.load(Self.file("{node: '\(text)', nodes: 2}"), environment: environment)
            #expect(loaded.snapshot?.configuration.cluster?.node == name, "\(text): \(loaded.diagnostics)")
        }
    }

    @Test func everyKeyIsRead() throws {
        let text = """
            {node: a, nodes: 3, limits: ['rediss://u:p%40x@h1,h2:7000/4?master=m'],
             store: 'postgres://p:geheim@db/x?sslmode=verify-full',
             lease: {share: 5%, for: 3s}, when_unreachable: {limits: refuse, store: refuse}}
            """
        let snapshot = try #require(Self.load(text).snapshot)
        let cluster = try #require(snapshot.configuration.cluster)
        #expect(cluster.node == "a" && cluster.nodes == 3 && cluster.lease.share == 0.05 && cluster.lease.duration == .seconds(3))
        #expect(cluster.limits.map(\.description) == ["rediss://h1:6379/4", "rediss://h2:7000/4"])
        #expect(cluster.limits.allSatisfy { $0.user == "u" && $0.password?.reveal() == "p@x" && $0.master == "m" && $0.isTLS })
        #expect(cluster.store?.sslMode == "verify-full" && cluster.store?.description == "postgres://db/x")
        #expect(cluster.whenUnreachable.limits == .refuse && cluster.whenUnreachable.store == .refuse)
        #expect(!snapshot.shown.contains("geheim") && !snapshot.shown.contains("p%40x") && !snapshot.shown.contains("p@x"))
    }

    @Test(
        arguments: [
            ("redis://:pw@[::1]:6380", "redis://[::1]:6380"), ("unix:///run/redis.sock?db=2", "unix:///run/redis.sock"),
            ("unix://:pw@/run/redis.sock", "unix:///run/redis.sock"), ("redis://h/0", "redis://h:6379"),
        ])
    func anAddressIsShownWithoutItsPassword(_ text: String, _ shown: String) throws {
        let addresses = try LimitServerAddress.parse(text)
        #expect(addresses.map(\.description) == [shown])
    }

    /// What a generator of passwords gives is no part of an address: it is taken as it is.
    @Test func aPasswordThatAReferenceStandsForIsWrittenAsItIs() throws {
        let word = "p@s/w?o#r%d[:+= é"
        let text = """
            {limits: 'redis://${USER}:${WORD}@${HOST}:6380/4?master=m', store: 'postgres://u:${WORD}@db/x?application_name=a@b'}
            """
        for (password, means) in [(word, word), ("p%40s", "p@s"), ("100%", "100%")] {
            let environment = ["USER": "u", "WORD": password, "HOST": "h"]
            let loaded = ConfigurationFixture.load(Self.file(text), environment: environment)
            let snapshot = try #require(loaded.snapshot, "\(loaded.diagnostics)")
            let cluster = try #require(snapshot.configuration.cluster)
            #expect(snapshot.shown.contains("redis://h:6380/4") && snapshot.shown.contains("postgres://db/x"))
            #expect(!snapshot.shown.contains("s/w") && !snapshot.shown.contains("p@s"))
            #expect(cluster.limits.map(\.description) == ["redis://h:6380/4"])
            #expect(cluster.limits.allSatisfy { $0.user == "u" && $0.password?.reveal() == means && $0.master == "m" })
            let uri = try #require(cluster.store?.uri.reveal())
            let shown = uri.dropFirst("postgres://u:".count).dropLast("@db/x?application_name=a@b".count)
            #expect(String(shown).removingPercentEncoding == means && uri.hasSuffix("@db/x?application_name=a@b"))
        }
    }

    @Test(
        arguments: [
            ("{limits: 'redis://:geheim@'}", "cluster.limits: the address names no valid host"),
            ("{limits: 'http://:geheim@h'}", "cluster.limits: the address begins with redis://, rediss:// or unix://"),
            ("{limits: 'redis://geheim@h'}", "cluster.limits: the address has a user and no password"),
            ("{limits: 'redis://:geheim@h:0'}", "cluster.limits: the address has a port that is none"),
            ("{limits: 'redis://:geheim@h/a'}", "cluster.limits: what follows the host is the number of a database"),
            ("{limits: 'redis://:geheim@h?x=y'}", "cluster.limits: the address's query may say master=NAME"),
            ("{limits: 'unix://run/geheim'}", "cluster.limits: a socket is written unix:///run/redis.sock"),
            ("{limits: []}", "cluster.limits: is empty"),
            ("{store: 'mysql://u:geheim@h/d'}", "cluster.store: the address begins with postgres://"),
            ("{store: 'postgres://u:geheim@h/d?sslmode=on'}", "cluster.store: the address's sslmode is none"),
            ("{store: 'postgres://'}", "cluster.store: the address names neither host nor database"),
            ("{store: 'postgres://u:geheim@/'}", "cluster.store: the address names neither host nor database"),
            ("{node: \(String(repeating: "n", count: 254))}", "cluster.node: is longer than the 253 bytes"),
            ("{node: 'a b'}", "cluster.node: 'a b' is not a node's name"),
            ("{lease: {share: 0%}, limits: 'redis://h'}", "cluster.lease.share: is nothing"),
            ("{lease: {for: 1ms}, limits: 'redis://h'}", "cluster.lease.for: '1ms' is outside"),
            ("{limit: 'redis://h'}", "cluster: unknown key 'limit' (did you mean 'limits'?)"),
            ("{when_unreachable: {limits: stop}}", "cluster.when_unreachable.limits: 'stop' is not a policy (local, refuse)"),
        ])
    func aMistakeIsToldAtItsPlaceAndNoPasswordIsRepeated(_ cluster: String, _ message: String) {
        let result = Self.load(cluster)
        #expect(result.snapshot == nil)
        let told = ConfigurationFixture.messages(result).joined(separator: "\n")
        #expect(told.contains(message), "\(told)")
        #expect(!told.contains("geheim"))
    }

    @Test(
        arguments: [
            ("{lease: {share: 5%}}", "changes nothing without 'limits'"),
            ("{when_unreachable: {store: refuse}}", "store: refuse changes nothing without 'store'"),
        ])
    func whatChangesNothingIsAWarning(_ cluster: String, _ message: String) {
        let result = Self.load(cluster)
        #expect(result.snapshot != nil)
        #expect(ConfigurationFixture.messages(result).joined().contains(message))
    }
}
