import Dialects
import ProxyCore
import RuleEngine

/// `GET /admin/fallback`: the first chain as the predecessor told it, then every rule and every account.
struct FallbackReport {
    let snapshot: Snapshot
    let accounts: LiveAccounts
    var listings: [String: ModelListing] = [:]

    func json() -> JSONValue {
        let chain = chainIndex.map(tiers) ?? []
        let heard = Dictionary(configuration.upstreams.map { ($0.name, accounts.knownModels(of: $0.name)) }) { first, _ in first }
        return [
            "enabled": .bool(configuration.fallback.enabled),
            "tiers": .array(zip(chain, chainIndex.map { byModel(ofRoute: $0, heard) } ?? []).map { $0.summary.adding($1) }),
            "last_health_poll": .text(lastPoll.map { zone.iso(seconds: $0) }),
            "rules": .array(snapshot.rules.rules.indices.map { rule($0, heard) }),
            "accounts": .array(configuration.upstreams.flatMap(accounts)),
            "upstreams": .array(configuration.upstreams.map(upstream)),
        ]
    }

    private var configuration: Configuration { snapshot.configuration }
    private var zone: ZonedTime { ZonedTime(zone: configuration.timeZone) }
    private var chainIndex: Int? { snapshot.routes.firstIndex { !$0.tiers.isEmpty } }
    private var lastPoll: Int? { configuration.upstreams.compactMap { accounts.poll(of: $0.name)?.time ?? nil }.max() }

    // MARK: Model by model

    /// What each tier of a rule would do with models by name, where it keeps the model that is asked for, or a part of its name.
    /// - Parameter heard: the models of which something is known, by upstream.
    private func byModel(ofRoute index: Int, _ heard: [String: Set<String>]) -> [KeyValuePairs<String, JSONValue>] {
        let (route, globs) = (snapshot.routes[index], globs(ofRoute: index))
        return route.tiers.map { tier in
            guard tier.targets.contains(where: \.tierTarget.isOpen) else { return [:] }
            let names = models(of: tier, globs, heard)
            let shown = names.prefix(Self.shown).map { name -> JSONValue in
                let report = TierReport(
                    tier, model: name, capture: globs.lazy.compactMap { $0.match(name) }.first?.text, fallback: route.fallback,
                    configuration: configuration, accounts: accounts)
                return [
                    "model": .string(name), "available": .bool(report.isAvailable),
                    "remaining": .string(Percent.text(report.best?.remaining)),
                ]
            }
            guard names.count > shown.count else { return ["models": .array(shown)] }
            return ["models": .array(shown), "more_models": .count(names.count - shown.count)]
        }
    }

    /// The models of which something is known that this rule would send to the tier; those in trouble first, then by name.
    private func models(of tier: ResolvedTier, _ globs: [Glob], _ heard: [String: Set<String>]) -> [String] {
        var upstreams: [Upstream] = []
        var known = Set(globs.map(\.text).filter { !$0.contains("*") })
        for target in tier.targets where target.tierTarget.isOpen {
            guard let upstream = configuration.upstream(at: target.upstream), let names = heard[upstream.name] else { continue }
            upstreams.append(upstream)
            guard let pattern = target.tierTarget.model.map({ Glob($0) }) else {
                known.formUnion(names)
                continue
            }
            // What the upstream calls it has in the place of the star what the client's name has there.
            for taken in names.compactMap({ pattern.match($0)?.text }) { known.formUnion(globs.compactMap { $0.filled(taken) }) }
        }
        let meant = known.filter { name in globs.isEmpty || globs.contains { $0.matches(name) } }.sorted()
        guard meant.count > Self.shown else { return meant }
        let isLow = { (name: String) -> Bool in
            upstreams.contains { (accounts.remaining(upstream: $0.name, model: name) ?? 1) < 0.5 }
        }
        return meant.filter(isLow) + meant.filter { !isLow($0) }
    }

    /// A tier that keeps the model asked for is shown for the first model that its rule names in full, or the first that is there.
    private func tiers(ofRoute index: Int) -> [TierReport] {
        let (route, globs) = (snapshot.routes[index], globs(ofRoute: index))
        let named = globs.map(\.text).filter { !$0.contains("*") }
        return route.tiers.map { tier in
            func report(_ model: String?) -> TierReport {
                let capture = model.flatMap { name in globs.lazy.compactMap { $0.match(name) }.first?.text }
                return TierReport(
                    tier, model: model, capture: capture, fallback: route.fallback, configuration: configuration,
                    accounts: accounts)
            }
            let first = report(named.first)
            guard !first.isAvailable, tier.targets.contains(where: \.tierTarget.isOpen) else { return first }
            return named.dropFirst().lazy.map(report).first(where: \.isAvailable) ?? first
        }
    }

    private func globs(ofRoute index: Int) -> [Glob] {
        snapshot.rules.rules.indices.contains(index) ? snapshot.rules.rules[index].models : []
    }

    private func rule(_ index: Int, _ heard: [String: Set<String>]) -> JSONValue {
        let route = snapshot.routes[index]
        return [
            "name": .string(route.name),
            "enabled": .bool(route.fallback.enabled),
            "tiers": .array(zip(tiers(ofRoute: index), byModel(ofRoute: index, heard)).map { $0.detail(zone: zone).adding($1) }),
        ]
    }

    /// So many of a list that clients or upstreams make long are shown; how many more there are is told.
    private static let shown = 50

    private func accounts(_ upstream: Upstream) -> [JSONValue] {
        upstream.accounts.map { AccountReport(upstream: upstream.name, account: $0.name, live: accounts, zone: zone).json() }
    }

    private func upstream(_ upstream: Upstream) -> JSONValue {
        let poll = accounts.poll(of: upstream.name)
        let report: JSONValue = [
            "name": .string(upstream.name),
            "type": .string(upstream.dialect.rawValue),
            "serving": .bool(accounts.isServing(upstream)),
            "last_health_poll": .text(poll?.time.map { zone.iso(seconds: $0) }),
            "poll_error": .text(poll?.failure),
            "reported_accounts": .array((poll?.accounts ?? []).prefix(Self.shown).map(reported)),
            "models": models(of: upstream),
        ]
        guard let more = poll.map({ $0.accounts.count - Self.shown }), more > 0 else { return report }
        return report.adding(["more_reported_accounts": .count(more)])
    }

    /// What is known of the upstream's own list of models.
    private func models(of upstream: Upstream) -> JSONValue {
        let listing = listings[upstream.name] ?? ModelListing()
        let known = upstream.deployments.count + upstream.models.list.count
        return [
            "count": .int(listing.models.count + known),
            "fetched_at": .text(listing.fetchedAt.map { zone.iso(seconds: $0) }), "error": .text(listing.error),
        ]
    }

    private func reported(_ account: PollReport.Account) -> JSONValue {
        let models = account.models.sorted { $0.name < $1.name }.prefix(Self.shown).map { model -> (String, JSONValue) in
            let reset = model.reset.map { zone.iso(seconds: $0) }
            return (model.name, ["remaining": .string(Percent.text(model.remaining)), "reset": .text(reset)])
        }
        let report: JSONValue = ["name": .string(account.name), "models": .ordered(models)]
        let more = account.models.count - Self.shown
        return more > 0 ? report.adding(["more_models": .count(more)]) : report
    }
}

extension Tier.Target {
    /// It keeps the model that is asked for, or a part of its name.
    fileprivate var isOpen: Bool { model.map { $0.contains("*") } ?? true }
}

extension Glob {
    /// The name in which the one star took this; nil where there are none or several.
    fileprivate func filled(_ taken: String) -> String? {
        let parts = text.split(separator: "*", omittingEmptySubsequences: false)
        return parts.count == 2 ? parts[0] + taken + parts[1] : nil
    }
}
