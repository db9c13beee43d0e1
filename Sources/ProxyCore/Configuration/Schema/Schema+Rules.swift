import Dialects
import RuleEngine

extension Schema {
    enum RuleKeys {
        static let name = Key(
            "name", .located(.text("a name")), .none("its place, `rules[3]`"), "Shown in `x-proxyd-rule`, logs and metrics.")
        static let models = Key(
            "models", .list(.located(.modelGlob)), .none("every model"),
            "Globs over the model the client asked for. `*` takes any run of characters."
        ).nonEmpty
        static let paths = Key(
            "paths", .list(.pathGlob), .none("every path"),
            "Globs over the request's path: `*` takes what lies between two slashes, `**` any run, `/v1/files/**` also "
                + "`/v1/files`. A request that names no model matches there whatever `models` says.")
        static let when = Key(
            "when", .located(.condition), .none("always"),
            "A condition in CEL over `request`, `key`, `client`, `now`, `quota(…)`, `quota_runs_out(…)` and `healthy(…)`.")
        static let tiers = Key(
            "tiers", TierKeys.list, .none("`reject` then"),
            "Where it goes, in order: `upstream/model`, or `upstream` alone to keep the model asked for."
        ).nonEmpty
        static let reject = Key("reject", RejectKeys.kind, .none("`tiers` then"), "The answer that refuses it.")
        static let fallback = Key("fallback", FallbackKeys.ruleKind, .inherited("fallback"), "This rule's own settings.")
        static let set = Key(
            "set", .json, .value("{}"), "Request fields to override: `max_tokens`, `temperature`, `service_tier` and so on.")
        static let drop = Key(
            "drop", .list(.fieldPath), .value("[]"),
            "Fields to leave out of what its upstreams get, in their formats' words: `[user, tools.function.strict]`. What was there "
                + "is named in `x-proxyd-lossy`.")
        static let tags = Key(
            "tags", .tags, .value("{}"), "Added to the usage record.")

        static let mapping = Mapping(name, models, paths, when, tiers, reject, fallback, set, drop, tags).demanding(
            .one([["tiers"], ["reject"]]))

        static let kind = Kind<DecodedRule>(shape: .mapping(mapping)) { node, path, context in
            Section(node, path, mapping, context).map { DecodedRule($0, digest: NodeDigest.of(node)) }
        }
    }

    enum RejectKeys {
        static let status = Key("status", .integer(400...599, noun: "status"), .value("403"), "HTTP status, 400–599.")
        static let message = Key("message", .prose("a message"), .required, "What the client reads.")

        static let kind: Kind<Rejection> = .mapping(Mapping(status, message)) { section in
            let status = section[status]
            let message = section[message]
            guard let status, let message else { return nil }
            return Rejection(status: status, message: message)
        }
    }

    enum TargetKeys {
        static let upstream = Key(
            "upstream", .located(.text("an upstream's name")), .required, "Name of an upstream.")
        static let model = Key(
            "model", .located(.text("a model")), .none("the model asked for"),
            "Model to ask for; a `*` takes what the `*` of the rule's matching glob took.")
        static let weight = Key("weight", .integer(1...1000), .value("1"), "Share of an `any` that it takes.")
        static let threshold = Key(
            "threshold", .share, .inherited("the upstream's, else the rule's, else the file's"), FallbackKeys.threshold.doc)
        static let maxTokens = Key("max_tokens", .count(1...100_000_000), .none("no cap"), "Caps what the client asked for.")
        static let timeouts = Key(
            "timeouts", TimeoutKeys.overrides(from: "the upstream"), .inherited("the upstream's"), "Its own timeouts.")

        /// `upstream/model`, `upstream`, or the long form.
        static let kind: Kind<DecodedTarget> = .either(
            short, .mapping(Mapping(upstream, model, weight, threshold, maxTokens, timeouts)) { target($0) },
            spelledOut: spelledOut)

        /// `upstream/model` as two keys.
        static let spelledOut: @Sendable (String) -> [(key: String, value: String)] = { text in
            let (name, asked) = DecodedTarget.split(text)
            return [(upstream.name, name)] + (asked.map { [(model.name, $0)] } ?? [])
        }

        static let short: Kind<DecodedTarget> = Kind<String>.text("upstream/model", pattern: Pattern.tier).map {
            text, node, path, context in
            DecodedTarget(text: text, node, path, context)
        }

        static func target(_ section: Section) -> DecodedTarget? {
            let upstream = section[upstream]
            var target = DecodedTarget(upstream: upstream ?? Located(value: "", location: section.location, path: section.path))
            target.model = section[model]
            target.weight = section[weight, or: 1]
            target.threshold = section[threshold]
            target.maxTokens = section[maxTokens]
            target.timeouts = section[timeouts] ?? TimeoutOverrides()
            return upstream == nil ? nil : target
        }
    }

    enum TierKeys {
        static let upstream = TargetKeys.upstream.optional
        static let any = Key(
            "any", .list(TargetKeys.kind), .none("one upstream"), "Equals, among which `choose` decides."
        ).nonEmpty
        static let choose = Key(
            "choose", Kind<Tier.Choice>.choice("choice"), .value("weighted"),
            "Who of them is asked first: the `first` of the list, or by weight (`weighted`), fewest requests in flight "
                + "(`least_busy`), time to the first byte (`fastest`), price (`cheapest`), share left (`most_quota`), or whose "
                + "quota expires first (`soonest_reset`).")
        static let affinity = Key(
            "affinity", Kind<AffinityKind>.choice("kind of affinity"), .value("conversation"),
            "What stays with the one of them that served it: a `conversation`, all that a `key` asks, or `none`.")

        static let mapping = Mapping(
            upstream, TargetKeys.model, TargetKeys.weight, TargetKeys.threshold, TargetKeys.maxTokens, TargetKeys.timeouts, any,
            choose, affinity
        ).demanding(
            .one([["upstream"], ["any"]]), .not(["any", "model"]), .not(["any", "weight"]), .needs("choose", "any"),
            .needs("affinity", "any"))

        static let kind: Kind<DecodedTier> = .either(
            TargetKeys.short.map { target, node, path, _ in DecodedTier(target, at: node, path) },
            .mapping(mapping) { section in DecodedTier(section) }, spelledOut: TargetKeys.spelledOut)

        static let list = Kind<[DecodedTier]>.list(kind)
    }
}

extension Schema.Key {
    var optional: Schema.Key<Value> {
        Schema.Key(name, kind, .none("with `any`"), inactive: inactive, merge: merge, doc)
    }
}
