import Basics
import Dialects
import ProxyCore
import RuleEngine

/// The models a key may ask for: names of the file, those the rules spell out, and those the upstreams list themselves, as far as
/// a rule leads them anywhere and the key's policy allows them.
struct ModelCatalog {
    let snapshot: Snapshot
    let accounts: LiveAccounts
    let listings: [String: ModelListing]
    private let prices: PriceList

    init(snapshot: Snapshot, accounts: LiveAccounts, listings: [String: ModelListing] = [:]) {
        self.snapshot = snapshot
        self.accounts = accounts
        self.listings = listings
        prices = PriceList(snapshot.configuration)
    }

    /// What is told of one model.
    struct Entry {
        let id: String
        var displayName: String?
        var details: ListedModel?
        var price: Price?
    }

    /// Sorted by name.
    func models(for policy: KeyPolicy) -> [Entry] {
        let allowed = policy.models.map { $0.map(Glob.init) }
        var found: [String: Source] = [:]
        func take(_ candidates: [(String, Source)]) {
            for (name, source) in candidates where found[name] == nil {
                guard allowed?.contains(where: { $0.matches(name) }) ?? true, leadsSomewhere(name) else { continue }
                found[name] = source
            }
        }
        let candidates = candidates
        take(candidates.named)
        // Where nobody names any, those of well-known vendors stand for what the globs take, then those that the policy spells out.
        if found.isEmpty { take(candidates.unnamed.flatMap { wellKnown($0.patterns, $0.route) }) }
        if found.isEmpty { take((policy.models ?? []).filter { !$0.contains("*") }.map { ($0, source(of: $0)) }) }
        return found.inKeyOrder().map { entry($0.key, $0.value) }
    }

    /// The model of a name, listed or not, if a request for it would be served; nil if not.
    func model(_ id: String, for policy: KeyPolicy) -> Entry? {
        let allowed = policy.models.map { $0.map(Glob.init) }
        guard !id.isEmpty, id != "*", id.utf8.count <= 256, allowed?.contains(where: { $0.matches(id) }) ?? true,
            leadsSomewhere(id)
        else { return nil }
        return entry(id, source(of: id))
    }

    // MARK: Names

    /// Where a name leads first, as far as that is known.
    private struct Source {
        var upstream: Int?
        /// What the upstream calls it.
        var model: String?
    }

    /// `unnamed` are rules of whose models nobody tells a name.
    private var candidates: (named: [(String, Source)], unnamed: [(patterns: [Glob], route: Route)]) {
        let own = snapshot.configuration.aliases.map { ($0.name, source(of: $0.name)) }
        var literal: [(String, Source)] = []
        var listed: [(String, Source)] = []
        var unnamed: [(patterns: [Glob], route: Route)] = []
        for (rule, route) in zip(snapshot.rules.rules, snapshot.routes) {
            literal += rule.models.map(\.text).filter { !$0.contains("*") }.map { ($0, source(of: $0)) }
            guard !route.tiers.isEmpty, takesRequests(rule) else { continue }
            let patterns = rule.models.filter { $0.text.contains("*") }
            guard rule.models.isEmpty || !patterns.isEmpty else { continue }
            var names: [(String, Source)] = []
            for target in route.tiers.flatMap(\.targets) { names += self.names(target, rule, patterns) }
            if names.isEmpty, patterns.count == rule.models.count { unnamed.append((patterns, route)) }
            listed += names
        }
        return (own + literal + listed, unnamed)
    }

    /// What a tier's target makes of its upstream's list, in the names that clients ask for.
    private func names(_ target: ResolvedTier.Target, _ rule: Rule, _ patterns: [Glob]) -> [(String, Source)] {
        guard let upstream = snapshot.configuration.upstream(at: target.upstream) else { return [] }
        func source(_ model: String) -> Source { Source(upstream: target.upstream, model: model) }
        guard let asked = target.tierTarget.model else {
            return own(upstream).filter { rule.match($0) != nil }.map { ($0, source($0)) }
        }
        guard asked.contains("*") else { return rule.match(asked) == nil ? [] : [(asked, source(asked))] }
        let glob = Glob(asked)
        return own(upstream).flatMap { model -> [(String, Source)] in
            guard let taken = glob.match(model)?.text else { return [] }
            return patterns.map { ($0.text.replacing("*", with: taken), source(model)) }
        }
    }

    /// What an upstream lists, what the file says it has, and what its polls name.
    private func own(_ upstream: Upstream) -> [String] {
        let told = (listings[upstream.name]?.models ?? []).map(\.id) + accounts.polledModels(of: upstream.name)
        return upstream.models.list + upstream.deployments.keys + told.filter { upstream.models.shows($0) }
    }

    /// The models of the route's presets; where these have none that are shipped, for a star those of the vendor whose format an
    /// upstream speaks, and for globs that say more those of all vendors.
    private func wellKnown(_ patterns: [Glob], _ route: Route) -> [(String, Source)] {
        let upstreams = route.tiers.flatMap(\.targets).compactMap { snapshot.configuration.upstream(at: $0.upstream) }
        var names = upstreams.compactMap(\.preset).flatMap { ShippedPrices.all.knownNames(ofPreset: $0) }
        if names.isEmpty {
            let takesAll = patterns.isEmpty || patterns.contains { $0.text == "*" }
            names = takesAll ? upstreams.flatMap(Self.vendorNames) : ShippedPrices.all.knownNames
        }
        return names.filter { name in patterns.isEmpty || patterns.contains { $0.matches(name) } }
            .map { ($0, source(of: $0)) }
    }

    /// What the vendor of an upstream's format has.
    private static func vendorNames(_ upstream: Upstream) -> [String] {
        ShippedPrices.all.knownNames(ofPreset: upstream.dialect == .responses ? "openai" : upstream.dialect.rawValue)
    }

    // MARK: Where they lead

    /// Whether some request for the model can reach a tier. A condition may go either way, so a rule with one decides
    /// only in favour.
    private func leadsSomewhere(_ name: String) -> Bool {
        var model = name
        if let alias = snapshot.aliases[name] {
            if let route = alias.route { return isAskedFor(alias.model, by: snapshot.routes[route], nil) }
            model = alias.model
        }
        for (rule, route) in zip(snapshot.rules.rules, snapshot.routes) {
            guard let match = rule.match(model), takesRequests(rule) else { continue }
            switch rule.action {
            case .route:
                if isAskedFor(model, by: route, match.text) { return true }
                if rule.condition == nil, rule.paths.isEmpty { return false }
            case .reject: if rule.condition == nil { return false }
            }
        }
        return false
    }

    /// Whether a route asks somebody for a model: not where a price is wanted that none of those has who are asked first.
    private func isAskedFor(_ model: String, by route: Route, _ capture: String?) -> Bool {
        guard let first = route.tiers.first?.targets, !first.isEmpty else { return true }
        return first.contains {
            !prices.refuses($0.tierTarget.model(askedFor: model, capture: capture), at: $0.upstream)
        }
    }

    /// Whether a rule takes some path that names models.
    private func takesRequests(_ rule: Rule) -> Bool {
        rule.paths.isEmpty || Self.paths.contains { path in rule.paths.contains { $0.matches(path) } }
    }

    private static let paths = [
        "/v1/chat/completions", "/v1/messages", "/v1/responses", "/v1/completions", "/v1/embeddings",
        "/v1beta/models/x:generateContent",
    ]

    /// The first target that a name leads to.
    private func source(of name: String) -> Source {
        var (model, route) = (name, Int?.none)
        if let alias = snapshot.aliases[name] { (model, route) = (alias.model, alias.route) }
        var capture: String?
        if route == nil {
            route = snapshot.rules.rules.indices.first { index in
                guard !snapshot.routes[index].tiers.isEmpty, let match = snapshot.rules.rules[index].match(model) else {
                    return false
                }
                capture = match.text
                return true
            }
        }
        guard let route, snapshot.routes.indices.contains(route),
            let target = snapshot.routes[route].tiers.first?.targets.first
        else { return Source() }
        return Source(upstream: target.upstream, model: target.tierTarget.model(askedFor: model, capture: capture))
    }

    private func entry(_ id: String, _ source: Source) -> Entry {
        var entry = Entry(id: id, displayName: snapshot.configuration.aliases.first { $0.name == id }?.displayName)
        guard let index = source.upstream, let model = source.model, let upstream = snapshot.configuration.upstream(at: index)
        else { return entry }
        var details = listings[upstream.name]?.models.first { $0.id == model } ?? ListedModel(id: model)
        if let known = ShippedPrices.all.known(model, preset: upstream.preset) {
            details.context = details.context ?? known.context
            details.maxOutput = details.maxOutput ?? known.maxOutput
        }
        entry.displayName = entry.displayName ?? details.displayName
        entry.price = prices.price(of: model, at: index) ?? details.price
        entry.details = details
        return entry
    }
}
