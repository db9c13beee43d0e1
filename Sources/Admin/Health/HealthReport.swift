import Dialects
import ProxyCore

/// `/health`, `/healthz`, `/readyz`. Open to everyone: no secret, no key, no path of this machine.
struct HealthReport {
    let snapshot: Snapshot
    let accounts: LiveAccounts
    let reload: ReloadStatus
    let storage: LedgerHealth
    /// How the store that nodes share is doing; nil where there is none.
    var sharedStore: String?
    /// nil where this node stands alone.
    var cluster: ClusterStanding?

    /// 200 while requests can be served, else 503.
    func health() -> LocalResponse {
        let configuration = snapshot.configuration
        let serving = canServe
        var body: JSONValue = [
            "status": serving ? "ok" : "degraded",
            "upstream": .text(firstUpstream?.url.description),
            "fallback_enabled": .bool(configuration.fallback.enabled),
            "tiers": .int(snapshot.firstChain?.tiers.count ?? 0),
            "config": configurationReport,
            "services": services,
            "upstreams": .array(
                configuration.upstreams.map { upstream in
                    let name = JSONValue.string(upstream.name)
                    if accounts.isServing(upstream), !accounts.isSilent(upstream) { return ["name": name, "status": "ok"] }
                    return ["name": name, "status": "down", "reason": .string(reason(upstream))]
                }),
        ]
        if let cluster, case .object(var members) = body {
            members["cluster"] = NodeReport.health(cluster)
            body = .object(members)
        }
        return .json(body, status: serving ? 200 : 503)
    }

    /// Why an upstream is down, in our own words: a vendor's are not for everybody.
    private func reason(_ upstream: Upstream) -> String {
        if let trouble = accounts.states.unreachable(upstream) { return trouble.failure.message }
        let words = Set(upstream.accounts.map { accounts.standing(upstream: upstream.name, account: $0.name).word })
        let told = AccountStanding.Word.allCases.filter { words.contains($0) }.map { $0.rawValue.replacing("_", with: " ") }
        return "every account is " + told.joined(separator: " or ")
    }

    private var configurationReport: JSONValue {
        let report: JSONValue = [
            "generation": .int(snapshot.generation),
            "hash": .string(snapshot.hash),
            "error": .text(reload.lastErrors.firstError?.publicLine),
        ]
        guard let trial = reload.trial else { return report }
        return report.adding([
            "canary": [
                "generation": .int(trial.snapshot.generation), "hash": .string(trial.snapshot.hash),
                "requests": .int(trial.figures.new.requests),
            ]
        ])
    }

    private var services: JSONValue {
        guard let sharedStore else { return ["storage": .string(storageLabel)] }
        return ["storage": .string(storageLabel), "store": .string(sharedStore)]
    }

    /// Whether this process should be sent requests. An upstream that is down is no reason against: another process
    /// would reach it no better, and here the client gets a response in its dialect.
    func readiness() -> LocalResponse {
        guard let reason = unreadiness else { return .json(["status": "ready"]) }
        return .json(["status": "not ready", "reason": .string(reason)], status: 503)
    }

    private var unreadiness: String? {
        if !storageAllowsServing { return "usage cannot be stored" }
        guard let policies = snapshot.configuration.cluster?.whenUnreachable else { return nil }
        if policies.store == .refuse, let sharedStore, sharedStore != "ok" { return "the store that nodes share is away" }
        if policies.limits == .refuse, cluster?.areLimitsAway == true { return "the server of limits is away" }
        return nil
    }

    static func liveness() -> LocalResponse { .json(["status": "ok"]) }

    /// What the journal keeps is not lost, however long the database is not to be had.
    private var storageAllowsServing: Bool {
        switch storage {
        case .ok, .degraded: true
        case .failing: snapshot.configuration.usage.onStorageFailure == .continue
        }
    }

    private var storageLabel: String {
        switch storage {
        case .ok: "ok"
        case .degraded: "degraded"
        case .failing: "failing"
        }
    }

    private var canServe: Bool {
        let used = snapshot.usedUpstreams
        return unreadiness == nil && (used.isEmpty || used.contains { accounts.isServing($0) })
    }

    /// Where the first rule that goes anywhere goes first.
    private var firstUpstream: Upstream? {
        snapshot.firstChain?.tiers.first?.targets.first.flatMap { snapshot.configuration.upstream(at: $0.upstream) }
            ?? snapshot.configuration.upstreams.first
    }
}

extension Snapshot {
    /// The first rule that has tiers: what the predecessor, which had one chain, called the fallback.
    var firstChain: Route? { routes.first { !$0.tiers.isEmpty } }

    /// Upstreams that some rule leads to.
    var usedUpstreams: [Upstream] {
        let indices = Set(routes.flatMap(\.tiers).flatMap(\.targets).map(\.upstream))
        return indices.sorted().compactMap(configuration.upstream(at:))
    }
}

extension Configuration {
    func upstream(at index: Int) -> Upstream? { upstreams.indices.contains(index) ? upstreams[index] : nil }
}
