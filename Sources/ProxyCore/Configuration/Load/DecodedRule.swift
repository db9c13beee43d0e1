import Crypto
import Dialects
import Foundation
import RuleEngine

/// A rule as the file has it.
struct DecodedRule: Sendable {
    var path: String
    var location: SourceLocation
    var name: Located<String>?
    var models: [Located<Glob>]?
    var namesModels: Bool
    var paths: [PathGlob]
    /// Where `models: []` and `tiers: []` stand, if they do.
    var emptyModels: Located<Void>?
    var emptyTiers: Located<Void>?
    var condition: Located<Condition>?
    var conditionNode: YAMLNode?
    var tiers: [DecodedTier]
    var tiersPlace: Located<Void>?
    var rejectPlace: Located<Void>?
    /// Whether another program's word or one with a slip stands for one of the two, which has its own error.
    var isMisnamed: Bool
    var rejection: Rejection?
    var fallback: FallbackOverrides
    var set: [RequestField]
    var drops: [FieldPath]
    var tags: [String: String]
    /// Whether it matches more than the file means, because its condition or a glob has an error.
    var isBroken: Bool
    /// Changes when anything in the rule does.
    var digest: String

    init(_ section: Schema.Section, digest: String) {
        typealias Keys = Schema.RuleKeys
        path = section.path
        location = section.location
        name = section[Keys.name]
        models = section[Keys.models]
        namesModels = section.has(Keys.models)
        paths = section[Keys.paths] ?? []
        emptyModels = section.place(ofEmpty: Keys.models)
        emptyTiers = section.place(ofEmpty: Keys.tiers)
        condition = section[Keys.when]
        conditionNode = section.node(Keys.when)
        tiers = section[Keys.tiers] ?? []
        // An alias or a list that failed has its own errors; what counts here is whether the file says `tiers`.
        tiersPlace = section.place(Keys.tiers)
        rejectPlace = section.place(Keys.reject)
        isMisnamed = section.isMisnamed(Keys.tiers) || section.isMisnamed(Keys.reject)
        rejection = section[Keys.reject]
        fallback = section[Keys.fallback] ?? FallbackOverrides()
        set = section[Keys.set] ?? []
        drops = section[Keys.drop] ?? []
        tags = Dictionary((section[Keys.tags] ?? []).map { ($0.name.value, $0.value) }) { first, _ in first }
        isBroken =
            section.has(Keys.when) && condition == nil || section.has(Keys.models) && models?.isEmpty != false
            || section.has(Keys.paths) && paths.isEmpty
        self.digest = digest
        warnAboutRefusal(section)
    }

    /// What is about the upstreams of a rule that asks none.
    private func warnAboutRefusal(_ section: Schema.Section) {
        typealias Keys = Schema.RuleKeys
        guard rejectPlace != nil, tiersPlace == nil else { return }
        let idle: [any Schema.AnyKey] = [Keys.fallback, Keys.set, Keys.drop]
        for key in idle {
            guard let place = section.place(key) else { continue }
            section.context.warning(place, "changes nothing: a rule that rejects asks no upstream")
        }
    }
}

/// One step of a rule's chain as the file has it.
struct DecodedTier: Sendable {
    var path: String
    var location: SourceLocation
    var length = 1
    var text: String
    var targets: [DecodedTarget]
    var choice = Tier.Choice.weighted
    var affinity = AffinityKind.conversation

    init(_ target: DecodedTarget, at node: YAMLNode, _ path: String) {
        self.path = path
        location = node.start
        length = target.upstream.length
        text = target.text
        targets = [target]
    }

    /// The long form: one upstream, or `any` of several.
    init?(_ section: Schema.Section) {
        typealias Keys = Schema.TierKeys
        typealias Target = Schema.TargetKeys
        path = section.path
        location = section.location
        let context = section.context
        guard section.has(Keys.any) else {
            if let choose = section.place(Keys.choose) {
                context.error(choose, "chooses among the upstreams of 'any', which is not there")
            }
            if let affinity = section.place(Keys.affinity) {
                context.error(affinity, "is about the upstreams of 'any', which is not there; accounts have their upstream's")
            }
            if let weight = section.place(Target.weight) {
                context.warning(weight, "changes nothing: it is a share of 'any', which is not there")
            }
            guard let target = Target.target(section) else { return nil }
            text = target.text
            targets = [target]
            return
        }
        let misplaced: [any Schema.AnyKey] = [Keys.upstream, Target.model, Target.weight]
        for key in misplaced {
            guard let place = section.place(key) else { continue }
            context.error(place, "cannot stand beside 'any'; it belongs into its entries")
        }
        choice = section[Keys.choose] ?? .weighted
        affinity = section[Keys.affinity] ?? .conversation
        let threshold = section[Target.threshold]
        let maxTokens = section[Target.maxTokens]
        let timeouts = section[Target.timeouts]
        let members = section[Keys.any] ?? []
        if let empty = section.place(ofEmpty: Keys.any) { context.error(empty, "is empty: there is nothing to choose from") }
        targets = members.map { member in
            var member = member
            member.threshold = member.threshold ?? threshold
            member.maxTokens = member.maxTokens ?? maxTokens
            member.timeouts = timeouts.map { member.timeouts.inheriting($0) } ?? member.timeouts
            return member
        }
        text = "any(\(targets.map(\.text).joined(separator: ", ")))"
        guard !targets.isEmpty else { return nil }
    }
}

/// An upstream and a model as the file has them.
struct DecodedTarget: Sendable {
    var upstream: Located<String>
    var model: Located<String>?
    var weight = Self.weightByDefault
    var threshold: Double?
    var maxTokens: Int?
    var timeouts = TimeoutOverrides()

    private static let weightByDefault = Schema.TargetKeys.weight.byDefault

    init(upstream: Located<String>) {
        self.upstream = upstream
    }

    /// `upstream/model` or `upstream`; a model may hold further slashes.
    init?(text: String, _ node: YAMLNode, _ path: String, _ context: LoadContext) {
        let (name, model) = Self.split(text)
        guard !name.isEmpty, model?.isEmpty != true else {
            context.error(at: node, path, "a tier is 'upstream/model' or 'upstream'")
            return nil
        }
        let length = name.unicodeScalars.count
        let place = context.place(in: node, offset: 0, length: length)
        upstream = Located(
            value: name, location: place.location, length: place.length, path: path, isReference: context.holdsReference(node))
        if let model {
            let place = context.place(in: node, offset: length + 1, length: model.unicodeScalars.count)
            self.model = Located(value: model, location: place.location, length: place.length, path: path)
        }
    }

    /// Splits a target at its first slash: a model may hold further ones.
    static func split(_ text: String) -> (upstream: String, model: String?) {
        let slash = text.firstIndex(of: "/")
        return (String(text[..<(slash ?? text.endIndex)]), slash.map { String(text[text.index(after: $0)...]) })
    }

    var text: String { model.map { "\(upstream.value)/\($0.value)" } ?? upstream.value }
}

extension TimeoutOverrides {
    func inheriting(_ base: TimeoutOverrides) -> TimeoutOverrides {
        TimeoutOverrides(connect: connect ?? base.connect, firstByte: firstByte ?? base.firstByte, idle: idle ?? base.idle)
    }
}

/// A short text that changes when a value of the file does.
enum NodeDigest {
    static func of(_ node: YAMLNode) -> String {
        var text: [UInt8] = []
        write(node, to: &text)
        return InputFiles.hex(SHA256.hash(data: text))
    }

    private static func write(_ node: YAMLNode, to text: inout [UInt8]) {
        switch node.content {
        case .scalar(let scalar):
            add(scalar.text, to: &text)
        case .sequence(let items):
            text.append(UInt8(ascii: "["))
            for item in items { write(item, to: &text) }
            text.append(UInt8(ascii: "]"))
        case .mapping(let entries):
            text.append(UInt8(ascii: "{"))
            for entry in entries {
                add(entry.key, to: &text)
                text.append(UInt8(ascii: "="))
                write(entry.value, to: &text)
            }
            text.append(UInt8(ascii: "}"))
        }
    }

    /// A text behind its length, so that no other ends or begins like it.
    private static func add(_ value: String, to text: inout [UInt8]) {
        text += String(value.utf8.count).utf8
        text.append(UInt8(ascii: ":"))
        text += value.utf8
    }
}
