import Basics
import RuleEngine

/// Entries of `usage_limits`, with the chains that requests take instead of being refused.
extension ConfigurationCompiler {
    /// - Parameter first: the index of the first route that is given.
    func compileLimits(after first: Int) -> [Route] {
        var names: [String: Located<String>] = [:]
        var routes: [Route] = []
        let policyLimits = Set(
            configuration.policies.values.flatMap { policy in
                policy.numbers.rates.map { "\(policy.name).\($0.key)" }
            })
        for (index, decoded) in file.usageLimits.enumerated() {
            if let first = names[decoded.name.value] {
                context.error(
                    decoded.name, "\(decoded.name.shown) is the name of another limit; the first is at \(first.location)")
            } else if policyLimits.contains(decoded.name.value) {
                context.error(decoded.name, "\(decoded.name.shown) is what the policy's own limit is called")
            }
            names[decoded.name.value] = decoded.name
            checkUpstreams(in: decoded.per.value.source, decoded.per)
            if decoded.per.value.isAlwaysEmpty {
                context.warning(decoded.per, "is always the empty text: the limit holds for no request")
            }
            if let condition = decoded.condition {
                checkUpstreams(in: condition.value.source, condition)
                let later = file.usageLimits[index...].map(\.name.value)
                checkLimitMentions(condition, decoded.conditionNode, notYet: Set(later))
                if condition.value.isAlwaysFalse { context.warning(condition, "is always false: the limit holds for no request") }
            }
            var exhausted: Int?
            if !decoded.tiers.isEmpty {
                exhausted = first + routes.count
                routes.append(route(of: decoded))
            }
            let limit = UsageLimit(
                .entry, name: decoded.name.value, rates: decoded.numbers.rates, countsCached: decoded.numbers.countsCached,
                reserve: decoded.numbers.reserve, noun: decoded.per.value.noun)
            configuration.usageLimits.append(
                LimitEntry(limit: limit, per: decoded.per.value, condition: decoded.condition?.value, exhausted: exhausted))
        }
        return routes
    }

    private func route(of limit: DecodedLimit) -> Route {
        let tiers = limit.tiers.map { decoded in
            let (tier, targets) = compile(decoded, of: nil, configuration.fallback)
            return ResolvedTier(text: tier.text, targets: targets, choice: tier.choice, affinity: decoded.affinity)
        }
        return Route(name: limit.name.value, tiers: tiers, fallback: configuration.fallback)
    }

    private func checkUpstreams<Value>(in source: String, _ place: Located<Value>) {
        for mention in UpstreamMentions.find(in: source) {
            usedUpstreams.insert(mention.name)
            let name = Located(
                value: mention.name, location: place.location, path: place.path, isReference: place.isReference)
            guard let problem = unknownUpstream(name) else { continue }
            useNearest(to: mention.name)
            context.error(place, problem)
        }
    }

    /// A limit that is not there would have all left for ever.
    /// - Parameter later: limits that cannot be asked for here: a limit asks for those above it.
    func checkLimitMentions(_ condition: Located<Condition>, _ node: YAMLNode?, notYet later: Set<String> = []) {
        let names =
            file.usageLimits.map(\.name.value)
            + configuration.policies.values.flatMap { policy in policy.numbers.rates.map { "\(policy.name).\($0.key)" } }
        for mention in UpstreamMentions.find(in: condition.value.source, arguments: ["limit"]) {
            let isKnown = names.contains(mention.name)
            guard !isKnown || later.contains(mention.name) else { continue }
            let place = node.map { context.place(in: $0, offset: mention.offset, length: mention.name.unicodeScalars.count) }
            let shown = condition.isReference ? "what the reference stands for" : LoadContext.quoted(mention.name)
            context.error(
                at: place?.location ?? condition.location, condition.path,
                isKnown
                    ? "a limit can ask for those that stand above it; \(shown) does not"
                    : "no limit is called \(shown)\(Suggestion.text(for: mention.name, among: names))",
                length: place?.length ?? condition.length)
        }
    }
}
