import Dialects
import ProxyCore
import RuleEngine

/// `GET /admin/models`: what can be asked for, and where it would go by the rules as they stand.
///
/// `{"models": [{"model", "alias_of", "display_name", "routes": [{"rule", "when", "tiers": […], "reject"}]}]}`. Of the rules that
/// take a model those are listed that may decide: all up to the first without a condition.
struct ModelReport {
    let catalog: ModelCatalog

    /// - Parameter policy: what it allows is listed.
    func json(for policy: KeyPolicy) -> JSONValue {
        ["models": .array(catalog.models(for: policy).map(model))]
    }

    private func model(_ entry: ModelCatalog.Entry) -> JSONValue {
        let alias = catalog.snapshot.aliases[entry.id]
        return [
            "model": .string(entry.id),
            "alias_of": .text(alias?.model),
            "display_name": .text(entry.displayName),
            "routes": .array(routes(alias?.model ?? entry.id, own: alias?.route)),
        ]
    }

    private func routes(_ model: String, own: Int?) -> [JSONValue] {
        let snapshot = catalog.snapshot
        if let own {
            return snapshot.routes.indices.contains(own)
                ? [["rule": .null, "when": .null, "tiers": tiers(snapshot.routes[own], model, nil), "reject": .null]] : []
        }
        var found: [JSONValue] = []
        for (rule, route) in zip(snapshot.rules.rules, snapshot.routes) {
            guard let match = rule.match(model), rule.paths.isEmpty else { continue }
            var reject = JSONValue.null
            if case .reject(let rejection) = rule.action { reject = .int(rejection.status) }
            found.append([
                "rule": .string(rule.name), "when": .text(rule.condition?.source), "tiers": tiers(route, model, match.text),
                "reject": reject,
            ])
            if rule.condition == nil { break }
        }
        return found
    }

    /// A tier in words: `upstream/model`, equals with `|` between them.
    private func tiers(_ route: Route, _ model: String, _ capture: String?) -> JSONValue {
        .strings(
            route.tiers.map { tier in
                let targets = tier.targets.map { target in
                    let name = catalog.snapshot.configuration.upstream(at: target.upstream)?.name ?? "?"
                    return "\(name)/\(target.tierTarget.model(askedFor: model, capture: capture))"
                }
                return targets.joined(separator: " | ")
            })
    }
}
