import Basics
import RuleEngine

extension ConfigurationCompiler {
    /// What `models:` says. An alias with an upstream is a rule of its own; the others go through the rules, one step.
    /// - Returns: a route for each alias that names an upstream.
    func compileAliases(_ rules: RuleSet) -> [Route] {
        var routes: [Route] = []
        let next = Dictionary(
            file.models.lazy.filter { [indices] in Self.upstream(of: $0.value, indices) == nil }
                .map { ($0.name.value, $0.value.to.value) }, uniquingKeysWith: { first, _ in first })
        let names = Set(file.models.map(\.name.value))
        var circling: Set<String> = []
        for (name, decoded) in file.models {
            if let problem = Self.problem(withName: name.value) { context.error(name, problem) }
            let target = DecodedTarget.split(decoded.to.value)
            if let problem = ModelName.blanks(target.model ?? decoded.to.value) { context.error(decoded.to, problem) }
            if let model = target.model, Self.upstream(of: decoded, indices) != nil {
                usedUpstreams.insert(target.upstream)
                configuration.aliases.append(
                    ModelAlias(name: name.value, model: model, upstream: target.upstream, displayName: decoded.displayName))
                routes.append(route(to: target.upstream, model, of: decoded, named: name))
                continue
            }
            configuration.aliases.append(ModelAlias(name: name.value, model: decoded.to.value, displayName: decoded.displayName))
            if decoded.to.value.contains("*") {
                context.error(decoded.to, "the '*' has nothing to take: an alias stands for one model")
            } else if let circle = Self.circle(from: name.value, next), circle.count > 1 || decoded.displayName == nil {
                guard circling.isDisjoint(with: circle) else { continue }
                circling.formUnion(circle)
                let shown = (circle + [name.value]).map { LoadContext.shortened(SecretWords.name($0)) }.joined(separator: " → ")
                context.error(
                    decoded.to,
                    circle.count > 1 ? "leads back to itself: \(shown)" : "is its own name; an alias stands for another model")
            } else if names.contains(decoded.to.value), decoded.to.value != name.value {
                context.warning(decoded.to, "\(decoded.to.shown) is an alias itself; an alias goes one step: rules see that name")
            } else if !rules.rules.contains(where: { $0.match(decoded.to.value) != nil }) {
                // What no rule takes was meant for an upstream, or is no name of a model.
                if let model = target.model, !model.isEmpty, file.upstreamNames.contains(where: { $0.value == target.upstream }) {
                    continue
                }
                let hint = target.model == nil ? nil : unknownUpstream(upstream(of: decoded.to, target.upstream))
                context.error(decoded.to, hint ?? "no rule matches \(decoded.to.shown)")
            } else if let near = nearUpstream(target, rules) {
                context.warning(
                    decoded.to,
                    "\(decoded.to.shown) is the name of a model, for no upstream is called so (did you mean '\(near)/…'?)")
            }
        }
        return routes
    }

    /// The upstream that an alias names; nil where its model goes through the rules.
    private static func upstream(of alias: DecodedAlias, _ indices: [String: Int]) -> String? {
        let target = DecodedTarget.split(alias.to.value)
        return target.model?.isEmpty == false && indices[target.upstream] != nil ? target.upstream : nil
    }

    /// The names on the way from an alias back to it; nil where none leads there.
    private static func circle(from name: String, _ next: [String: String]) -> [String]? {
        var way = [name]
        while let step = next[way[way.count - 1]], way.count <= next.count {
            if step == name { return way }
            way.append(step)
        }
        return nil
    }

    /// The upstream whose name was perhaps meant by one that there is not, nor a rule that names it.
    private func nearUpstream(_ target: (upstream: String, model: String?), _ rules: RuleSet) -> String? {
        let names = file.upstreamNames.map(\.value)
        guard target.model?.isEmpty == false, !names.contains(target.upstream),
            !rules.rules.contains(where: { $0.models.contains { $0.text.hasPrefix("\(target.upstream)/") } })
        else { return nil }
        return Suggestion.nearest(to: target.upstream, among: names)
    }

    private func upstream(of to: Located<String>, _ name: String) -> Located<String> {
        var place = to
        place.value = name
        place.length = name.unicodeScalars.count
        return place
    }

    private func route(to upstream: String, _ model: String, of alias: DecodedAlias, named name: Located<String>) -> Route {
        let fallback = configuration.fallback
        let target = Tier.Target(upstream: upstream, model: model)
        var targets: [ResolvedTier.Target] = []
        if let index = indices[upstream] {
            let own = configuration.upstreams[index]
            targets.append(
                ResolvedTier.Target(
                    upstream: index, tierTarget: target, threshold: own.threshold ?? fallback.threshold, timeouts: own.timeouts))
        }
        if model.contains("*") { context.error(alias.to, "the '*' has nothing to take: an alias stands for one model") }
        let tier = ResolvedTier(text: alias.to.value, targets: targets, choice: .first)
        return Route(name: name.path, tiers: [tier], fallback: fallback, digest: alias.to.value)
    }

    private static func problem(withName name: String) -> String? {
        if name.isEmpty { return "an alias needs a name" }
        if name.contains("*") { return "an alias is a name, no glob" }
        return ModelName.problem(name) ?? ModelName.blanks(name)
    }

    /// Tells of models that are asked for by name and have no price, where the file counts money or a preset has prices.
    func warnAboutPrices(_ rules: RuleSet, _ routes: [Route]) {
        let list = PriceList(configuration)
        let countsMoney =
            !configuration.prices.isEmpty || configuration.unknownPrice == .refuse
            || configuration.policies.values.contains { $0.numbers.rates.contains { $0.kind == .cost } }
            || configuration.usageLimits.contains { $0.limit.rates.contains { $0.kind == .cost } }
        guard configuration.unknownPrice != .nothing else { return }
        var told: Set<String> = []
        for (index, rule) in rules.rules.enumerated() where routes.indices.contains(index) {
            let literal = rule.models.map(\.text).filter { !$0.holds("*") }
            for (tier, decoded) in zip(routes[index].tiers, file.rules[index].tiers) {
                for target in tier.targets {
                    let upstream = configuration.upstreams[target.upstream]
                    guard countsMoney || upstream.namesPreset, !list.isReported(at: target.upstream) else { continue }
                    let models = target.tierTarget.model.map { $0.holds("*") ? [] : [$0] } ?? literal
                    for model in models where list.price(of: model, at: target.upstream) == nil {
                        guard told.insert("\(upstream.name)/\(model)").inserted else { continue }
                        let what = configuration.unknownPrice == .refuse ? "it is not served" : "what it costs is not known"
                        context.warning(
                            Located(value: (), location: decoded.location, length: decoded.length, path: decoded.path),
                            "'\(LoadContext.shortened(model))' has no price at '\(upstream.name)': \(what); 'prices' can say it")
                    }
                }
            }
        }
    }
}
