import Dialects
import Foundation
import RuleEngine

/// One configuration, compiled and immutable. An exchange reads the current one once and keeps it to its end.
///
/// Counters, cooldowns and pools are not here: they live beside it, keyed by name, and outlive a reload.
public final class Snapshot: Sendable {
    /// 1 for the file read at the start; one more for every reload that applied.
    public let generation: Int
    private let hashes: Hashes
    public let configuration: Configuration
    public let rules: RuleSet
    /// One for each of `rules.rules`, in the same order; behind them those of limits that send requests elsewhere.
    public let routes: [Route]
    public let limits: LimitSet
    /// The keys of the file, ready to be looked up.
    public let declaredKeys: KeyTable
    /// The account ids of each of `configuration.upstreams`, in the same order.
    let accountIDs: [[AccountID]]
    /// The same accounts as plans choose among them.
    let accounts: [UpstreamAccounts]
    let tables: Tables
    /// One for each of `routes`.
    let traits: [RouteTraits]
    /// What the operator's own names stand for.
    public let aliases: [String: AliasTarget]
    /// The file as `GET /admin/config` shows it: JSON, secrets redacted.
    public let shown: String
    /// What was worth a warning when the file was read.
    public let warnings: [Diagnostic]
    public let loadedAt: Date
    /// nil where no file is ever on trial.
    let canary: Canary?

    private struct Hashes {
        let files: String
        let texts: String
    }

    /// What event loops look up, made where no request waits for it.
    struct Tables: Sendable {
        let policies: PolicyTable
        let prices: PriceList
        /// Which connections requests may go over.
        let poolKeys: Set<PoolKey>
        let duties: Duties

        init(_ configuration: Configuration) {
            duties = Duties(configuration)
            policies = PolicyTable(configuration.policies)
            prices = PriceList(configuration)
            poolKeys = Set(configuration.upstreams.map { PoolKey($0) })
        }
    }

    /// What the file wants of every request beside an answer: to ask its sections would copy them.
    struct Duties: OptionSet, Sendable {
        let rawValue: UInt8
        static let traces = Duties(rawValue: 1)
        static let events = Duties(rawValue: 2)
        static let decisions = Duties(rawValue: 4)
        /// Nobody is served while usage cannot be stored here, or by the nodes' store.
        static let stores = Duties(rawValue: 8)
        static let sharedStores = Duties(rawValue: 16)

        init(rawValue: UInt8) { self.rawValue = rawValue }

        init(_ configuration: Configuration) {
            self = []
            if configuration.telemetry != nil { insert(.traces) }
            if configuration.events != nil { insert(.events) }
            if configuration.log.decisions != nil { insert(.decisions) }
            if configuration.usage.onStorageFailure == .refuse { insert(.stores) }
            if configuration.cluster?.whenUnreachable.store == .refuse { insert(.sharedStores) }
        }
    }

    /// What a trial of another file is measured by, and that trial while there is one.
    struct Canary: Sendable {
        let figures: FileFigures
        var trial: Trial?
    }

    public convenience init(
        generation: Int, hash: String, textHash: String? = nil, configuration: Configuration, rules: RuleSet, routes: [Route],
        shown: String = "{}", warnings: [Diagnostic] = [], loadedAt: Date = Date()
    ) {
        self.init(
            generation: generation, hashes: Hashes(files: hash, texts: textHash ?? hash), configuration: configuration,
            rules: rules, routes: routes, shown: shown, warnings: warnings, loadedAt: loadedAt,
            counting: configuration.reload.canary.map { FileFigures(share: KeyShare($0.share)) })
    }

    private init(
        generation: Int, hashes: Hashes, configuration: Configuration, rules: RuleSet, routes: [Route],
        shown: String, warnings: [Diagnostic], loadedAt: Date, counting figures: FileFigures?
    ) {
        self.generation = generation
        self.hashes = hashes
        self.configuration = configuration
        self.rules = rules
        self.routes = routes
        declaredKeys = KeyTable(configuration.keys.map { ClientKey(declared: $0, created: Int(loadedAt.timeIntervalSince1970)) })
        limits = LimitSet(
            policies: configuration.policies, entries: configuration.usageLimits, dividedBy: configuration.cluster?.divisor ?? 1)
        let accounts = configuration.upstreams.map { UpstreamAccounts($0) }
        accountIDs = accounts.map(\.ids)
        self.accounts = accounts
        tables = Tables(configuration)
        traits = routes.map { RouteTraits($0, accounts) }
        aliases = AliasTarget.table(configuration.aliases, routes: routes)
        self.shown = shown
        self.warnings = warnings
        self.loadedAt = loadedAt
        canary = figures.map { Canary(figures: $0) }
    }

    private init(_ other: Snapshot, generation: Int, canary: Canary?) {
        self.generation = generation
        hashes = other.hashes
        configuration = other.configuration
        rules = other.rules
        routes = other.routes
        limits = other.limits
        declaredKeys = other.declaredKeys
        accountIDs = other.accountIDs
        accounts = other.accounts
        tables = other.tables
        traits = other.traits
        aliases = other.aliases
        shown = other.shown
        warnings = other.warnings
        loadedAt = other.loadedAt
        self.canary = canary
    }

    /// Whoever goes over to another file last may be an event loop, and to free thousands of keys and rules takes longer than requests
    /// should wait: what a snapshot is made of is let go elsewhere, a moment later.
    deinit {
        let parts: [any Sendable] = [
            configuration, rules, routes, limits, declaredKeys, accountIDs, accounts, tables, traits, aliases, shown, warnings,
        ]
        DispatchQueue.global(qos: .utility).asyncAfter(deadline: .now() + .milliseconds(50)) { withExtendedLifetime(parts) {} }
    }

    public func withGeneration(_ generation: Int) -> Snapshot { Snapshot(self, generation: generation, canary: canary) }

    var figures: FileFigures? { canary?.figures }
    /// The file that some keys go by instead.
    public var trial: Trial? { canary?.trial }

    /// The same with another file on trial beside it.
    func trying(_ trial: Trial) -> Snapshot {
        Snapshot(self, generation: generation, canary: Canary(figures: trial.old, trial: trial))
    }

    /// The same as a file on trial.
    /// - Parameter apart: the upstreams whose accounts have health of their own.
    func onTrial(_ apart: Set<String>, counting figures: FileFigures) -> Snapshot {
        var configuration = configuration
        for index in configuration.upstreams.indices where apart.contains(configuration.upstreams[index].name) {
            configuration.upstreams[index].isOnTrial = true
        }
        return Snapshot(
            generation: generation, hashes: hashes, configuration: configuration, rules: rules, routes: routes, shown: shown,
            warnings: warnings, loadedAt: loadedAt, counting: figures)
    }

    /// SHA-256 of all files read, those that references name too; hex.
    public var hash: String { hashes.files }
    /// SHA-256 of the configuration's own texts, hex: what nodes compare.
    var textHash: String { hashes.texts }

    /// Whether requests go by it at this moment, or by what it was before a trial began or ended.
    func isInForce(where running: Snapshot) -> Bool {
        generation == running.generation || generation == running.trial?.snapshot.generation
    }
}

/// A rule's consequences, resolved: which upstreams by index, with which numbers.
///
/// One reference, because every request passes it on.
public final class Route: Sendable {
    public let name: String
    public let tiers: [ResolvedTier]
    public let fallback: FallbackPolicy
    /// Request fields to override.
    public let set: RequestOverrides
    /// Fields that its upstreams do not get.
    public let drops: [FieldPath]
    public let tags: [String: String]
    /// Changes when anything in the rule does; says what a reload changed.
    public let digest: String

    public init(
        name: String, tiers: [ResolvedTier], fallback: FallbackPolicy, set: RequestOverrides = .none,
        drops: [FieldPath] = [], tags: [String: String] = [:], digest: String = ""
    ) {
        self.name = name
        self.tiers = tiers
        self.fallback = fallback
        self.set = set
        self.drops = drops
        self.tags = tags
        self.digest = digest
    }
}

/// A tier whose names have become indices and whose left-out numbers have their defaults.
public struct ResolvedTier: Sendable {
    public let text: String
    public let targets: [Target]
    public let choice: Tier.Choice
    /// The affinity of a tier with several targets; a tier with one goes by its upstream's.
    public let affinity: AffinityKind
    /// What stands for the tier, where it has several targets and a client key stays with one.
    let severalScope: UInt64

    public struct Target: Sendable {
        /// Index into `Configuration.upstreams`.
        public let upstream: Int
        public let tierTarget: Tier.Target
        /// Share 0–1; the tier's, else the upstream's, else the rule's, else the file's.
        public let threshold: Double
        public let timeouts: Timeouts

        public init(upstream: Int, tierTarget: Tier.Target, threshold: Double, timeouts: Timeouts) {
            self.upstream = upstream
            self.tierTarget = tierTarget
            self.threshold = threshold
            self.timeouts = timeouts
        }
    }

    public init(text: String, targets: [Target], choice: Tier.Choice, affinity: AffinityKind = .conversation) {
        self.text = text
        self.targets = targets
        self.choice = choice
        self.affinity = affinity
        severalScope = TextMark.of("tier", text)
    }
}
