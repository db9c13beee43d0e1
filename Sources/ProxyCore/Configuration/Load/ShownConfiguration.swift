import Basics

/// The file that runs as `GET /admin/config` shows it: every key of the schema under its own name, secrets redacted, and where a
/// value is inherited, the one that is in force.
struct ShownConfiguration {
    private var root: SmallJSON
    private let compiled: ConfigurationCompiler.Compiled

    /// - Parameter context: one that nobody asks for problems; the file has none.
    init(_ file: YAMLNode, _ compiled: ConfigurationCompiler.Compiled, _ context: LoadContext) {
        root = Schema.Root.mapping.shown(file, context)
        self.compiled = compiled
        let policy = Schema.PolicyKeys.kind.shape.shown(context.node(ofDefault: "{}"), context)
        root[Schema.Root.policies.name].add("default", policy)
        fillIn()
    }

    var text: String { root.text() }

    private mutating func fillIn() {
        let proxies = compiled.configuration.proxies
        root[Schema.Root.httpsProxy.name].inherit(Self.shown(proxies.https))
        root[Schema.Root.keys.name].changeItems { _, key in key[Schema.KeyKeys.policy.name].inherit(.string("default")) }
        let unknown = compiled.configuration.unknownPrice.rawValue
        root[Schema.Root.prices.name].changeMembers { name, price in
            if name == Schema.PricesKeys.unknown.name, compiled.configuration.prices[name] == nil {
                price = .string(unknown)
                return
            }
            let input = price[Schema.PriceKeys.input.name]
            for key in [Schema.PriceKeys.cacheRead.name, Schema.PriceKeys.cacheWrite.name] { price[key].inherit(input) }
            price[Schema.PriceKeys.cacheWriteHour.name].inherit(price[Schema.PriceKeys.cacheWrite.name])
            price[Schema.PriceKeys.reasoning.name].inherit(price[Schema.PriceKeys.output.name])
        }
        fillInUpstreams()
        fillInRules()
        let threshold = root[Schema.Root.fallback.name][Schema.FallbackKeys.threshold.name]
        root[Schema.Root.upstreams.name].changeMembers { $1[Schema.UpstreamKeys.threshold.name].inherit(threshold) }
    }

    private mutating func fillInUpstreams() {
        let timeouts = root[Schema.Root.timeouts.name]
        let proxies = Dictionary(compiled.configuration.upstreams.map { ($0.name, Self.shown($0.proxy)) }) { first, _ in first }
        root[Schema.Root.upstreams.name].changeMembers { name, upstream in
            upstream[Schema.UpstreamKeys.timeouts.name].inherit(timeouts)
            upstream[Schema.UpstreamKeys.proxy.name].inherit(proxies[name] ?? .null)
        }
    }

    private mutating func fillInRules() {
        typealias Keys = Schema.RuleKeys
        typealias Target = Schema.TargetKeys
        let upstreams = root[Schema.Root.upstreams.name].byName
        let fallback = root[Schema.Root.fallback.name]
        let names = compiled.routes.map(\.name)
        root[Schema.Root.rules.name].changeItems { index, rule in
            if names.indices.contains(index) { rule[Keys.name.name].inherit(.string(names[index])) }
            rule[Keys.fallback.name].inherit(fallback)
            let threshold = rule[Keys.fallback.name][Schema.FallbackKeys.threshold.name]
            func fillIn(_ target: inout SmallJSON) {
                guard case .string(let name) = target[Target.upstream.name] else { return }
                let upstream = upstreams[name] ?? .null
                target[Target.threshold.name].inherit(upstream[Schema.UpstreamKeys.threshold.name])
                target[Target.threshold.name].inherit(threshold)
                target[Target.timeouts.name].inherit(upstream[Schema.UpstreamKeys.timeouts.name])
            }
            rule[Keys.tiers.name].changeItems { _, tier in
                let all = tier
                tier[Schema.TierKeys.any.name].changeItems { _, target in
                    for key in [Target.threshold.name, Target.maxTokens.name, Target.timeouts.name] {
                        target[key].inherit(all[key])
                    }
                    fillIn(&target)
                }
                fillIn(&tier)
            }
        }
    }

    private static func shown(_ proxy: ForwardProxy?) -> SmallJSON { proxy.map { .string("http://\($0.authority)") } ?? .null }
}

extension SmallJSON {
    /// A member's value; null where there is none. Setting changes only a member that is there.
    fileprivate subscript(name: String) -> SmallJSON {
        get {
            guard case .object(let members) = self else { return .null }
            return members.first { $0.0 == name }?.1 ?? .null
        }
        set {
            guard case .object(var members) = self, let index = members.firstIndex(where: { $0.0 == name }) else { return }
            members[index].1 = newValue
            self = .object(members)
        }
    }

    /// The members by their names; of several of one name the first.
    fileprivate var byName: [String: SmallJSON] {
        guard case .object(let members) = self else { return [:] }
        return Dictionary(members) { first, _ in first }
    }

    fileprivate mutating func add(_ name: String, _ value: SmallJSON) {
        guard case .object(let members) = self, !members.contains(where: { $0.0 == name }) else { return }
        self = .object(members + [(name, value)])
    }

    /// Takes what is null here from another value, member by member.
    fileprivate mutating func inherit(_ other: SmallJSON) {
        switch self {
        case .literal("null"): self = other
        case .object(let members):
            self = .object(
                members.map { name, value in
                    var value = value
                    value.inherit(other[name])
                    return (name, value)
                })
        case .array, .string, .literal: break
        }
    }

    fileprivate mutating func changeItems(_ change: (Int, inout SmallJSON) -> Void) {
        guard case .array(var items) = self else { return }
        for index in items.indices { change(index, &items[index]) }
        self = .array(items)
    }

    fileprivate mutating func changeMembers(_ change: (String, inout SmallJSON) -> Void) {
        guard case .object(var members) = self else { return }
        for index in members.indices { change(members[index].0, &members[index].1) }
        self = .object(members)
    }
}
