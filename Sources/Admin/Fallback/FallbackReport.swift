import Dialects
import ProxyCore
import RuleEngine

/// `GET /admin/fallback`: the first chain as the predecessor told it, then every rule and every account.
struct FallbackReport {
    let snapshot: Snapshot
    let accounts: AccountView

    func json() -> JSONValue {
        let chain = chainIndex.map(tiers) ?? []
        return [
            "enabled": .bool(configuration.fallback.enabled),
            "tiers": .array(chain.map(\.summary)),
            "last_health_poll": .text(lastPoll.map { zone.iso(seconds: $0) }),
            "rules": .array(snapshot.routes.indices.map(rule)),
            "accounts": .array(configuration.upstreams.flatMap(accounts)),
            "upstreams": .array(configuration.upstreams.map(upstream)),
        ]
    }

    private var configuration: Configuration { snapshot.configuration }
    private var zone: ZonedTime { ZonedTime(zone: configuration.timeZone) }
    private var chainIndex: Int? { snapshot.routes.firstIndex { !$0.tiers.isEmpty } }
    private var lastPoll: Int? { configuration.upstreams.compactMap { accounts.poll(of: $0.name)?.time ?? nil }.max() }

    private func tiers(ofRoute index: Int) -> [TierView] {
        snapshot.routes[index].tiers.map {
            TierView($0, model: exampleModel(ofRoute: index), capture: nil, configuration: configuration, accounts: accounts)
        }
    }

    /// A tier that keeps the model asked for is shown for the first model that its rule names in full.
    private func exampleModel(ofRoute index: Int) -> String? {
        guard snapshot.rules.rules.indices.contains(index) else { return nil }
        return snapshot.rules.rules[index].models.first { !$0.text.contains("*") }?.text
    }

    private func rule(_ index: Int) -> JSONValue {
        let route = snapshot.routes[index]
        return [
            "name": .string(route.name),
            "enabled": .bool(route.fallback.enabled),
            "tiers": .array(tiers(ofRoute: index).map { $0.detail(zone: zone) }),
        ]
    }

    private func accounts(_ upstream: Upstream) -> [JSONValue] {
        upstream.accounts.map { account in
            let condition = accounts.condition(upstream: upstream.name, account: account.name)
            let state = condition.refusedUntil != nil ? "refused" : condition.cooldowns.isEmpty ? "ready" : "cooling_down"
            return [
                "upstream": .string(upstream.name),
                "name": .string(account.name),
                "state": .string(state),
                "refused_until": .text(condition.refusedUntil.map { zone.iso(seconds: $0) }),
                "cooldowns": .array(
                    condition.cooldowns.sorted { $0.model < $1.model }.map {
                        [
                            "model": .string($0.model), "until": .string(zone.iso(seconds: $0.until)),
                            "reason": .string($0.reason),
                        ]
                    }),
            ]
        }
    }

    private func upstream(_ upstream: Upstream) -> JSONValue {
        let poll = accounts.poll(of: upstream.name)
        return [
            "name": .string(upstream.name),
            "type": .string(upstream.dialect.rawValue),
            "serving": .bool(accounts.isServing(upstream)),
            "last_health_poll": .text(poll?.time.map { zone.iso(seconds: $0) }),
            "poll_error": .text(poll?.failure),
            "reported_accounts": .array((poll?.accounts ?? []).map(reported)),
        ]
    }

    private func reported(_ account: PollReport.Account) -> JSONValue {
        let models = account.models.sorted { $0.name < $1.name }.map { model -> (String, JSONValue) in
            let reset = model.reset.map { zone.iso(seconds: $0) }
            return (model.name, ["remaining": .string(Percent.text(model.remaining)), "reset": .text(reset)])
        }
        return ["name": .string(account.name), "models": .ordered(models)]
    }
}
