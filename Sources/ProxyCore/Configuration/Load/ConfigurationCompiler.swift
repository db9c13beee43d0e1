import Basics
import Dialects
import RuleEngine

/// Looks names up, fills defaults in, and makes of a decoded file what the proxy runs on. A class, as it is far too large
/// to be copied.
final class ConfigurationCompiler {
    let file: DecodedFile
    let context: LoadContext
    var configuration: Configuration
    var indices: [String: Int] = [:]
    var usedUpstreams: Set<String> = []
    private var usedPolicies: Set<String> = ["default"]
    private let hasBrokenKeys: Bool
    private let hasBrokenTiers: Bool

    init(_ file: DecodedFile, _ context: LoadContext) {
        self.file = file
        self.context = context
        configuration = file.plain
        let broken = context.problems.filter { $0.severity == .error }.map(\.path)
        hasBrokenKeys = broken.contains { $0.hasPrefix("keys[") }
        hasBrokenTiers =
            file.rules.isEmpty
            || file.rules.contains { $0.isMisnamed || $0.emptyTiers != nil || $0.tiersPlace == nil && $0.rejectPlace == nil }
            || broken.contains { ($0.hasPrefix("rules[") || $0.hasPrefix("usage_limits[")) && $0.holds(".tiers") }
    }

    struct Compiled {
        var configuration: Configuration
        var rules: RuleSet
        var routes: [Route]
    }

    /// Meaningful when the context has no error in the end.
    func compile() -> Compiled {
        compileListeners()
        compileProxies()
        compileUpstreams()
        compilePolicies()
        compileKeys()
        let (rules, ruleRoutes) = compileRules()
        let others = ruleRoutes + compileLimits(after: ruleRoutes.count)
        let routes = others + compileAliases(rules)
        warnAboutPrices(rules, routes)
        warnAboutUnused()
        return Compiled(configuration: configuration, rules: rules, routes: routes)
    }

    // MARK: Listeners

    private func compileListeners() {
        var seen: [Located<Listener>] = []
        let own = file.admin?.listener.map { [$0] } ?? []
        if let empty = file.emptyListen { context.error(empty, "is empty: no client could connect") }
        for place in file.listeners + own {
            let listener = place.value
            if isShared(place, own, with: seen) { continue }
            if let other = seen.first(where: { $0.value.collides(with: listener) }) {
                context.error(place, "collides with \(other.path), which takes \(other.value.text)")
            }
            seen.append(place)
            if listener.proxyProtocol, let lack = file.plain.trustedProxies.lack(onUnixSocket: listener.unixPath != nil) {
                context.warning(place, "proxy_protocol without \(lack): every connection is refused")
            }
            if listener.tls == nil, !listener.isLoopback, place.location.file != "<default>" {
                context.warning(
                    place,
                    "\(listener.text) can be reached from elsewhere without TLS: keys and prompts cross the network in the clear")
            }
        }
        configuration.listeners = file.listeners.map(\.value)
        if let roles = file.admin?.lark, file.plain.lark == nil {
            context.error(roles, "people log in by the app of 'lark', and this file has none")
        }
        configuration.admin = file.admin.map {
            var admin = Configuration.Admin(keys: $0.keys, listener: $0.listener?.value, allowFrom: $0.allowFrom)
            admin.hasOpenMetrics = $0.hasOpenMetrics
            admin.oidc = $0.oidc
            if let roles = $0.lark?.value, let app = file.plain.lark {
                admin.lark = Configuration.LarkLogin(app: app, roles: roles)
            }
            return admin
        }
    }

    /// Whether it is the admin plane's, at an address of `listen` that it shares: one socket has one set of settings.
    private func isShared(_ place: Located<Listener>, _ own: [Located<Listener>], with seen: [Located<Listener>]) -> Bool {
        guard own.contains(where: { $0.path == place.path }),
            let other = seen.first(where: { $0.value.hasAddress(of: place.value) })
        else { return false }
        if place.value.tls != nil && place.value.tls != other.value.tls
            || !place.value.proxydHeaders && other.value.proxydHeaders
            || place.value.proxyProtocol && !other.value.proxyProtocol
        {
            context.error(
                place, "is the address of \(other.path), which says otherwise about tls, headers or proxy_protocol")
        }
        return true
    }

    /// What the file says holds; what it leaves out is the environment's.
    private func compileProxies() {
        configuration.proxies.https = file.httpsProxy ?? environmentsProxy("HTTPS_PROXY", "https_proxy")
        // A CGI's environment has the client's `Proxy` header there, which is no setting; proxyd is never one.
        configuration.proxies.http = environmentsProxy("HTTP_PROXY", "http_proxy")
        let exceptions = (file.noProxy ?? [environmentsExceptions()]).flatMap(ProxyRules.Exception.pieces)
        configuration.proxies.exceptions = exceptions.compactMap { ProxyRules.Exception($0) }
    }

    private func environmentsExceptions() -> String {
        for name in ["NO_PROXY", "no_proxy"] {
            guard let text = context.environment[name] else { continue }
            let pieces = ProxyRules.Exception.pieces(of: text)
            if configuration.proxies.https != nil || configuration.proxies.http != nil,
                let piece = pieces.first(where: { ProxyRules.Exception($0) == nil })
            {
                context.warning(environmentsPlace, "the environment's \(name) has '\(piece)', which names no host")
            }
            return text
        }
        return ""
    }

    /// Where what is wrong with the environment is told.
    private var environmentsPlace: Located<String> {
        file.upstreamNames.first ?? Located(value: "", location: SourceLocation(file: "", line: 1, column: 1), path: "")
    }

    private func environmentsProxy(_ names: String...) -> ForwardProxy? {
        for name in names {
            guard let text = context.environment[name], !text.isEmpty else { continue }
            do throws(Schema.Problem) {
                return try ForwardProxy.parse(text, needsScheme: false)
            } catch {
                context.error(environmentsPlace, "the environment's \(name) cannot be used: \(error.message)")
                return nil
            }
        }
        return nil
    }

    // MARK: Upstreams, policies, keys

    private func compileUpstreams() {
        if let empty = file.emptyUpstreams { context.error(empty, "is empty: there is nowhere to send a request") }
        for name in file.upstreamNames where !Schema.isName(name.value) {
            context.error(name, "an upstream's name may hold letters, digits, '.', '_' and '-'")
        }
        for (name, decoded) in file.upstreams {
            checkNames(of: decoded.accounts.map(\.account))
            warnAboutExamples(decoded)
            indices[name.value] = configuration.upstreams.count
            configuration.upstreams.append(upstream(name.value, decoded))
            if decoded.url.isTLS, decoded.authority == nil, !SystemAuthorities.areThere() {
                context.error(
                    name,
                    "this system has no certificate authorities, so that no certificate could be trusted: install "
                        + "ca-certificates, or name a file of authorities in tls.ca")
            }
        }
    }

    private func upstream(_ name: String, _ decoded: DecodedUpstream) -> Upstream {
        var upstream = Upstream(
            name: name, url: decoded.url, dialect: decoded.dialect, accounts: decoded.accounts.map(\.account.value),
            quota: decoded.quota, timeouts: decoded.timeouts.applied(to: configuration.timeouts))
        upstream.choice = decoded.choice
        upstream.affinity = decoded.affinity
        upstream.threshold = decoded.threshold
        upstream.deployments = decoded.deployments
        upstream.apiVersion = decoded.apiVersion
        upstream.trustedAuthorities = decoded.authority
        switch decoded.proxy {
        case .proxy(let proxy)?: upstream.proxy = proxy
        case .direct?: upstream.proxy = nil
        case nil: upstream.proxy = configuration.proxies.proxy(for: decoded.url)
        }
        upstream.headers = decoded.headers
        upstream.conversion = decoded.conversion
        upstream.models = decoded.models
        upstream.preset = decoded.preset?.name ?? context.presets.name(of: decoded.url, dialect: decoded.dialect.rawValue)
        upstream.namesPreset = decoded.preset != nil
        upstream.vendorHost = decoded.preset?.host
        upstream.keyHeader = decoded.keyHeader
        return upstream
    }

    private func compilePolicies() {
        for name in file.policyNames where !Schema.isName(name.value) {
            context.error(name, "a policy's name may hold letters, digits, '.', '_' and '-'")
        }
        for (name, decoded) in file.policies {
            var policy = decoded
            policy.name = name.value
            configuration.policies[name.value] = policy
        }
    }

    private func compileKeys() {
        var names: [String: Located<String>] = [:]
        var digests: [KeyDigest: Located<String>] = [:]
        var weak: [(key: DecodedKey, weakness: String)] = []
        let known = Set(["default"] + file.policyNames.map(\.value))
        for key in file.keys {
            if let first = names[key.name.value] {
                context.error(key.name, "\(key.name.shown) is the name of another key; the first is at \(first.location)")
            } else if let first = digests[key.digest] {
                context.error(key.name, "is the same key as \(first.shown) at \(first.location)")
            }
            if let weakness = key.weakness { weak.append((key, weakness)) }
            names[key.name.value] = key.name
            digests[key.digest] = key.name
            let policy = key.policy?.value ?? "default"
            if let place = key.policy, !known.contains(policy) {
                let hint = Suggestion.text(for: policy, among: known.sorted())
                context.error(place, "no policy is called \(place.shown)\(hint)")
                if let nearest = Suggestion.nearest(to: policy, among: known) { usedPolicies.insert(nearest) }
            }
            usedPolicies.insert(policy)
            configuration.keys.append(
                DeclaredKey(
                    name: key.name.value, digest: key.digest, masked: key.masked, policy: policy, tags: key.tags,
                    enabled: key.enabled))
        }
        warnAboutSharedKeys()
        for (key, weakness) in weak.prefix(Self.mostWeakKeys) { context.warning(key.weakPlace, weakness) }
        let further = weak.dropFirst(Self.mostWeakKeys)
        if let next = further.first {
            context.warning(next.key.weakPlace, "\(next.weakness); so it is with \(further.count - 1) more keys")
        }
    }

    /// How many weak keys have a warning each: a file may have thousands of them, and the log takes them all.
    private static let mostWeakKeys = 20

    /// One text that opens two doors, and those that everybody has.
    private func warnAboutSharedKeys() {
        let admins = Dictionary((file.admin?.keys ?? []).map { (KeyDigest(hashing: $0.key.reveal()), $0.name) }) { first, _ in
            first
        }
        let accounts = Set(
            configuration.upstreams.flatMap(\.accounts).compactMap { $0.key.map { KeyDigest(hashing: $0.reveal()) } })
        let isPlayground =
            configuration.listeners.allSatisfy(\.isLoopback) && configuration.upstreams.allSatisfy(\.url.isOnThisMachine)
        for key in file.keys {
            if admins[key.digest] != nil {
                context.warning(key.weakPlace, "is an admin key as well: whoever may ask a model may change the configuration")
            } else if accounts.contains(key.digest) {
                context.warning(key.weakPlace, "is an upstream's key as well: whoever has it needs no proxyd to spend it")
            }
            guard !isPlayground, let problem = WeakKeys.publication(of: key.digest) else { continue }
            context.warning(key.weakPlace, problem)
        }
        guard !isPlayground, let admin = file.admin else { return }
        for (key, place) in zip(admin.keys, admin.keyPlaces) {
            if let problem = WeakKeys.publication(of: KeyDigest(hashing: key.key.reveal())) { context.warning(place, problem) }
        }
    }

    /// Keys of vendors elsewhere that are an example's.
    private func warnAboutExamples(_ upstream: DecodedUpstream) {
        guard !upstream.url.isOnThisMachine else { return }
        for decoded in upstream.accounts {
            let account = decoded.account.value
            guard let key = account.key, !account.isClients, let place = decoded.keyPlace, SuspectValues.isExample(key) else {
                continue
            }
            context.warning(place, "is an example's, which the vendor will refuse")
        }
    }

    private func checkNames(of accounts: [Located<Account>]) {
        var seen: [String: SourceLocation] = [:]
        for account in accounts {
            if let first = seen[account.value.name] {
                context.error(account, "has the name of another account; the first is at \(first)")
            } else {
                seen[account.value.name] = account.location
            }
        }
    }

    private func warnAboutUnused() {
        // A tier or a key that could not be read may be the one that names it.
        for (name, _) in file.upstreams
        where !hasBrokenTiers && !usedUpstreams.contains(name.value) && Schema.isName(name.value) {
            context.warning(name, "no rule sends anything to \(name.shown)")
        }
        guard !hasBrokenKeys else { return }
        for (name, _) in file.policies where !usedPolicies.contains(name.value) {
            let others = configuration.admin?.takesCalls != true ? "" : " (keys of the admin API may)"
            context.warning(name, "no key of this file has the policy \(name.shown)\(others)")
        }
    }
}

// MARK: Rules

extension ConfigurationCompiler {
    private func compileRules() -> (RuleSet, [Route]) {
        if let empty = file.emptyRules { context.error(empty, "is empty: every request would be answered 404") }
        var names: [String: Located<String>] = [:]
        var rules: [Rule] = []
        var routes: [Route] = []
        for decoded in file.rules {
            if let name = decoded.name {
                if let first = names[name.value] {
                    context.error(name, "\(name.shown) is the name of another rule; the first is at \(first.location)")
                }
                names[name.value] = name
            }
            let (rule, route) = compile(decoded)
            rules.append(rule)
            routes.append(route)
        }
        let set = RuleSet(rules)
        warnAboutUnreachable(set)
        return (set, routes)
    }

    private func warnAboutUnreachable(_ set: RuleSet) {
        for rule in file.rules where rule.condition?.value.isAlwaysFalse == true {
            let place = Located(value: (), location: rule.location, path: rule.path)
            context.warning(place, "never reached, its condition is always false")
        }
        for (rule, takers) in set.unreachable() where !([rule] + takers).contains(where: { file.rules[$0].isBroken }) {
            let takesAll = takers.contains { taker in
                let models = set.rules[taker].models
                return models.isEmpty || models.contains { $0.covers(Glob("*")) }
            }
            let place = Located(value: (), location: file.rules[rule].location, path: file.rules[rule].path)
            let who = takers.map { file.rules[$0].path }.joined(separator: " and ")
            let verb = takers.count == 1 ? "already matches" : "already match"
            context.warning(place, "never reached, \(who) \(verb) every model\(takesAll ? "" : " it names")")
        }
    }

    private func compile(_ rule: DecodedRule) -> (Rule, Route) {
        let name = rule.name?.value ?? rule.path
        if let empty = rule.emptyModels {
            context.error(empty, "is empty: it matches nothing; leave it out to match every model")
        }
        switch (rule.tiersPlace, rule.rejectPlace) {
        case (let tiers?, _?):
            context.error(tiers, "'tiers' and 'reject' exclude one another")
        case (nil, nil) where rule.isMisnamed:
            break
        case (nil, nil):
            context.error(at: rule.location, rule.path, "either 'tiers' or 'reject' must say what happens")
        case (_?, nil):
            if let empty = rule.emptyTiers { context.error(empty, "is empty: the request would have nowhere to go") }
        case (nil, _?):
            break
        }
        checkMentions(rule)
        let fallback = rule.fallback.applied(to: configuration.fallback)
        var tiers: [Tier] = []
        var resolved: [ResolvedTier] = []
        for decoded in rule.tiers {
            let (tier, targets) = compile(decoded, of: rule, fallback)
            warnAboutRepeats(decoded, tier, of: rule, after: tiers)
            tiers.append(tier)
            resolved.append(ResolvedTier(text: tier.text, targets: targets, choice: tier.choice, affinity: decoded.affinity))
        }
        let action = rule.rejection.map { Rule.Action.reject($0) } ?? .route(tiers)
        let compiled = Rule(
            name: name, models: rule.models?.map(\.value) ?? [], paths: rule.paths, condition: rule.condition?.value,
            action: action)
        let route = Route(
            name: name, tiers: resolved, fallback: fallback, set: RequestOverrides(rule.set.map { ($0.member, $0.json) }),
            drops: rule.drops,
            tags: rule.tags, digest: rule.digest)
        return (compiled, route)
    }

    /// A tier of which everybody was asked before, and members of `any` that are there twice.
    private func warnAboutRepeats(_ decoded: DecodedTier, _ tier: Tier, of rule: DecodedRule, after tiers: [Tier]) {
        let own = tier.targets.map { Self.asked($0, rule) }
        for (index, target) in own.enumerated() where own[..<index].contains(target) && decoded.targets.indices.contains(index) {
            context.warning(
                decoded.targets[index].upstream,
                "is there already: the same would be asked again; a 'weight' gives it more of the requests")
        }
        var repeated: [String] = []
        for target in own {
            let before = zip(tiers, rule.tiers).first { $0.0.targets.contains { Self.asked($0, rule) == target } }
            guard let path = before?.1.path else { return }
            if !repeated.contains(path) { repeated.append(path) }
        }
        guard !repeated.isEmpty else { return }
        context.warning(
            Located(value: (), location: decoded.location, length: decoded.length, path: decoded.path),
            "repeats \(repeated.joined(separator: " and ")): the same would be asked again")
    }

    /// The target as far as another one of it would ask the same: a model that is the one asked for is not written.
    private static func asked(_ target: Tier.Target, _ rule: DecodedRule) -> Tier.Target {
        let globs = rule.models?.map(\.value.text) ?? []
        let isAsked = globs.count == 1 && target.model == globs[0]
        return Tier.Target(
            upstream: target.upstream, model: isAsked ? nil : target.model, threshold: target.threshold,
            maxTokens: target.maxTokens)
    }

    /// - Parameter rule: nil where no glob stands before it.
    func compile(
        _ tier: DecodedTier, of rule: DecodedRule?, _ fallback: FallbackPolicy
    ) -> (Tier, [ResolvedTier.Target]) {
        var targets: [Tier.Target] = []
        var resolved: [ResolvedTier.Target] = []
        for decoded in tier.targets {
            if let model = decoded.model, let problem = ModelName.blanks(model.value) { context.error(model, problem) }
            if let rule {
                checkStar(decoded, of: rule)
            } else if let model = decoded.model, model.value.holds("*") {
                context.error(model, "the '*' has nothing to take: a limit has no globs")
            }
            let target = Tier.Target(
                upstream: decoded.upstream.value, model: decoded.model?.value, weight: decoded.weight,
                threshold: decoded.threshold,
                maxTokens: decoded.maxTokens)
            targets.append(target)
            guard let index = indices[target.upstream] else {
                if let problem = unknownUpstream(decoded.upstream) {
                    context.error(decoded.upstream, problem)
                    useNearest(to: target.upstream)
                }
                continue
            }
            usedUpstreams.insert(target.upstream)
            let upstream = configuration.upstreams[index]
            resolved.append(
                ResolvedTier.Target(
                    upstream: index, tierTarget: target, threshold: decoded.threshold ?? upstream.threshold ?? fallback.threshold,
                    timeouts: decoded.timeouts.applied(to: upstream.timeouts)))
        }
        return (Tier(text: tier.text, targets: targets, choice: tier.choice), resolved)
    }

    private func checkMentions(_ rule: DecodedRule) {
        guard let condition = rule.condition else { return }
        checkLimitMentions(condition, rule.conditionNode)
        for mention in UpstreamMentions.find(in: condition.value.source) {
            usedUpstreams.insert(mention.name)
            let name = Located(
                value: mention.name, location: condition.location, path: condition.path, isReference: condition.isReference)
            guard let problem = unknownUpstream(name) else { continue }
            useNearest(to: mention.name)
            let place = rule.conditionNode.map {
                context.place(in: $0, offset: mention.offset, length: mention.name.unicodeScalars.count)
            }
            context.error(
                at: place?.location ?? condition.location, condition.path, problem, length: place?.length ?? condition.length)
        }
    }

    /// A name with a slip in it is meant for the one that is suggested: nobody is told that nothing uses that.
    func useNearest(to name: String) {
        if let nearest = Suggestion.nearest(to: name, among: file.upstreamNames.map(\.value)) { usedUpstreams.insert(nearest) }
    }

    /// nil when there is one of that name, or when the upstreams themselves could not be read.
    func unknownUpstream(_ name: Located<String>) -> String? {
        guard indices[name.value] == nil else { return nil }
        let names = file.upstreamNames.map(\.value)
        guard !names.isEmpty, !names.contains(name.value) else { return nil }
        // A name with a slash in it, which has its own error.
        guard !names.contains(where: { $0.hasPrefix(name.value + "/") }) else { return nil }
        return "no upstream is called \(name.shown)\(name.isReference ? "" : hint(for: name.value, among: names))"
    }

    private func hint(for name: String, among names: [String]) -> String {
        if let colon = name.firstIndex(of: ":"), names.contains(String(name[..<colon])) {
            return "; a model follows behind a slash: '\(name[..<colon])/…'"
        }
        let near = Suggestion.text(for: name, among: names)
        guard near.isEmpty else { return near }
        let some = names.prefix(6).map { LoadContext.name($0) }.joined(separator: ", ")
        return "; a tier is 'upstream' or 'upstream/model', and the upstreams are: \(some)\(names.count > 6 ? ", …" : "")"
    }

    /// A `*` in a tier's model takes what the glob's `*` took, so every glob of the rule must have one.
    private func checkStar(_ target: DecodedTarget, of rule: DecodedRule) {
        guard let model = target.model else { return }
        let stars = model.value.count { $0 == "*" }
        guard stars > 0 else { return }
        if stars > 1 {
            context.error(model, "a tier's model holds at most one '*'")
        } else if let models = rule.models, !models.isEmpty {
            guard let glob = models.first(where: { !$0.value.text.holds("*") }) else { return }
            context.error(model, "the '*' has nothing to take: \(glob.path) '\(LoadContext.shortened(glob.value.text))' has none")
        } else if !rule.namesModels {
            context.error(model, "the '*' has nothing to take: the rule names no models")
        }
    }
}

extension Listener {
    var isLoopback: Bool {
        if unixPath != nil { return true }
        guard let address = AddressRange.Address(host) else { return false }
        return ["127.0.0.0/8", "::1"].contains { AddressRange($0)?.contains(address) ?? false }
    }

    /// `127.0.0.1:8180`, `[::]:8180`.
    public var text: String {
        if let unixPath { return "unix:\(unixPath)" }
        return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    /// Whether both cannot be bound at once. Port 0 is any free port.
    func collides(with other: Listener) -> Bool {
        if hasAddress(of: other) { return true }
        guard port == other.port, port != 0 else { return false }
        return isWildcard || other.isWildcard
    }

    private var isWildcard: Bool { host == "0.0.0.0" || host == "::" }
}
