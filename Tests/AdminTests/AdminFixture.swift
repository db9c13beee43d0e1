import Admin
import Crypto
import Dialects
import Foundation
import Logging
import ProxyCore
import RuleEngine
import Synchronization

/// An admin service on fakes, at one moment: 2026-02-11 14:03:20 in Singapore.
struct AdminFixture {
    static let now = 1_770_789_800
    static let adminKey = "admin-key-of-the-tests"

    var configuration = AdminFixture.configuration()
    var rules = AdminFixture.rules()
    /// What `GET /admin/config` shows of it.
    var shown = "{}"
    var keys = FakeKeys()
    var usage = FakeUsage()
    var limits = FakeLimits()
    var audit = FakeAudit()
    var state = FakeState()
    var reload = FakeReload()
    var caller = FakeCaller()
    let accounts = AccountBook()
    let metrics = MetricsRegistry()

    func store() -> SnapshotStore {
        SnapshotStore(
            Snapshot(
                generation: 3, hash: "9f86d0", configuration: configuration, rules: rules, routes: routes(), shown: shown,
                loadedAt: Date(timeIntervalSince1970: Double(Self.now - 3600))))
    }

    func service(now: Int = AdminFixture.now, alerts: AlertWatch? = nil, stateDirectory: String? = nil) -> AdminService {
        AdminService(
            snapshots: store(), keys: keys, usage: usage, limits: limits, audit: audit, state: state,
            accounts: accounts, reload: reload, metrics: metrics,
            caller: caller, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }), alerts: alerts,
            stateDirectory: stateDirectory,
            now: { Date(timeIntervalSince1970: Double(now)) }, steady: { now * 1000 })
    }

    func respond(to request: LocalRequest, now: Int = AdminFixture.now) async -> LocalResponse {
        await service(now: now).respond(to: request)
    }

    /// A call of the admin API, with the key.
    func admin(_ method: String, _ target: String, _ body: String = "") async -> LocalResponse {
        await respond(to: .to(method, target, headers: [("x-api-key", Self.adminKey)], body: body))
    }

    // MARK: - The configuration

    static func configuration() -> Configuration {
        var configuration = Configuration()
        configuration.listeners = [Listener(host: "127.0.0.1", port: 8180)]
        configuration.admin = Configuration.Admin(
            key: Secret(adminKey), allowFrom: [AddressRange("127.0.0.0/8"), AddressRange("::1")].compactMap(\.self))
        configuration.timeZone = Zone("Asia/Singapore") ?? .utc
        var polled = QuotaSource()
        polled.poll = "/health"
        configuration.upstreams = [
            Upstream(
                name: "antigravity", url: UpstreamURL(isTLS: false, host: "localhost", port: 8080, basePath: ""),
                dialect: .anthropic, quota: polled),
            Upstream(
                name: "openai", url: UpstreamURL(isTLS: true, host: "api.openai.com", port: 443, basePath: "/v1"),
                dialect: .openai,
                accounts: [
                    Account(name: "main", key: Secret("sk-upstream-main")),
                    Account(name: "spare", key: Secret("sk-upstream-spare"), weight: 2),
                ]),
        ]
        var free = KeyPolicy(name: "free")
        free.models = ["gpt-*"]
        configuration.policies["free"] = free
        configuration.keys = [
            DeclaredKey(name: "ci", digest: digest(of: "sk-declared-key-of-ci"), masked: "sk-decla...f-ci", policy: "free")
        ]
        return configuration
    }

    static func rules() -> RuleSet {
        RuleSet([
            Rule(
                name: "no opus for teams", models: [Glob("claude-opus-*")],
                condition: try? Condition(#""team" in key.tags"#),
                action: .reject(Rejection(status: 403, message: "teams have no opus"))),
            Rule(
                name: "opus", models: [Glob("claude-opus-4-6-thinking"), Glob("claude-opus-*")], condition: nil,
                action: .route([
                    Tier(text: "antigravity", targets: [Tier.Target(upstream: "antigravity", model: nil)]),
                    Tier(
                        text: "antigravity/gemini-3-pro-high",
                        targets: [Tier.Target(upstream: "antigravity", model: "gemini-3-pro-high")]),
                ])),
            Rule(
                name: "gpt", models: [Glob("gpt-*"), Glob("gpt-4o")], condition: nil,
                action: .route([Tier(text: "openai", targets: [Tier.Target(upstream: "openai", model: nil, maxTokens: 8192)])])),
            Rule(
                name: "nothing old", models: [Glob("claude-2")], condition: nil,
                action: .reject(Rejection(status: 404, message: "gone"))),
        ])
    }

    private func routes() -> [Route] {
        rules.rules.map { rule in
            guard case .route(let tiers) = rule.action else {
                return Route(name: rule.name, tiers: [], fallback: FallbackPolicy())
            }
            let resolved = tiers.map { tier in
                ResolvedTier(
                    text: tier.text,
                    targets: tier.targets.compactMap { target in
                        configuration.upstreams.firstIndex { $0.name == target.upstream }.map {
                            ResolvedTier.Target(upstream: $0, tierTarget: target, threshold: 0.05, timeouts: Timeouts())
                        }
                    }, choice: tier.choice)
            }
            return Route(name: rule.name, tiers: resolved, fallback: configuration.fallback)
        }
    }

    static func digest(of key: String) -> KeyDigest {
        KeyDigest(bytes: Array(SHA256.hash(data: Array(key.utf8)))) ?? AdminFixture.noDigest
    }

    private static let noDigest = KeyDigest(bytes: [UInt8](repeating: 0, count: 32)) ?? digest(of: "")
}

extension LocalRequest {
    /// `target` is path and query.
    static func to(
        _ method: String, _ target: String, headers: [(name: String, value: String)] = [], body: String = "",
        from address: String = "127.0.0.1", key: ClientKey? = nil, isAdminListener: Bool = false
    ) -> LocalRequest {
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        return LocalRequest(
            method: method, path: parts[0], query: parts.count == 2 ? parts[1] : "", headers: headers, body: Array(body.utf8),
            clientAddress: address, requestID: "req_1", key: key, plane: isAdminListener ? .admin : .data)
    }
}

extension LocalResponse {
    var text: String { String(decoding: body, as: UTF8.self) }
    var json: JSONValue? { try? JSONValue(parsing: body) }

    func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
}
