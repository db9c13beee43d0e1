import Dialects
import ProxyCore
import RuleEngine

/// `GET /admin/fallback`: the first chain as the predecessor told it, then every rule and every account.
struct FallbackReport {
    let snapshot: Snapshot
    let accounts: LiveAccounts

    func json() -> JSONValue {
        let chain = chainIndex.map(tiers) ?? []
        return [
            "enabled": .bool(configuration.fallback.enabled),
            "tiers": .array(chain.map(\.summary)),
            "last_health_poll": .text(lastPoll.map { zone.iso(seconds: $0) }),
            "rules": .array(snapshot.rules.rules.indices.map(rule)),
            "accounts": .array(configuration.upstreams.flatMap(accounts)),
            "upstreams": .array(configuration.upstreams.map(upstream)),
        ]
    }

    private var configuration: Configuration { snapshot.configuration }
    private var zone: ZonedTime { ZonedTime(zone: configuration.timeZone) }
    private var chainIndex: Int? { snapshot.routes.firstIndex { !$0.tiers.isEmpty } }
    private var lastPoll: Int? { configuration.upstreams.compactMap { accounts.poll(of: $0.name)?.time ?? nil }.max() }

    private func tiers(ofRoute index: Int) -> [TierReport] {
        snapshot.routes[index].tiers.map {
            TierReport($0, model: exampleModel(ofRoute: index), capture: nil, configuration: configuration, accounts: accounts)
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

    /// So many of a list that clients or upstreams make long are shown; how many more there are is told.
    private static let shown = 50

    private func accounts(_ upstream: Upstream) -> [JSONValue] {
        upstream.accounts.map { account in
            let condition = accounts.condition(upstream: upstream.name, account: account.name)
            let resting = condition.failing != nil ? "failing" : condition.cooldowns.isEmpty ? "ready" : "cooling_down"
            let open = condition.refusedUntil != nil ? condition.refusal?.kind.rawValue ?? "refused" : resting
            var members: [(String, JSONValue)] = [
                ("upstream", .string(upstream.name)),
                ("name", .string(account.name)),
                ("state", .string(condition.isDrained ? "drained" : open)),
                ("refused_until", .text(condition.refusedUntil.map { zone.iso(seconds: $0) })),
            ]
            if let refusal = condition.refusal {
                members.append(("status", .count(refusal.status)))
                members.append(("reason", .string(String(refusal.message.prefix(300)))))
            }
            if let failing = condition.failing, condition.refusal == nil {
                members.append(("until", .string(zone.iso(seconds: accounts.wallSeconds(failing.until)))))
                members.append(("reason", .string(failing.reason.words)))
            }
            // Those that last longest say most; in the order of their names.
            let shown = condition.cooldowns.sorted { $0.until > $1.until }.prefix(Self.shown).sorted { $0.model < $1.model }
            members.append(
                (
                    "cooldowns",
                    .array(
                        shown.map {
                            [
                                "model": .string($0.model), "until": .string(zone.iso(seconds: $0.until)),
                                "reason": .string($0.reason.description),
                            ]
                        })
                ))
            let more = condition.cooldowns.count - shown.count
            if more > 0 { members.append(("more_cooldowns", .count(more))) }
            return .ordered(members)
        }
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
        ]
        guard let more = poll.map({ $0.accounts.count - Self.shown }), more > 0 else { return report }
        return report.adding(["more_reported_accounts": .count(more)])
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
