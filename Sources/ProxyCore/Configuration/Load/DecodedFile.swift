import Dialects
import Foundation
import RuleEngine

/// A configuration file's values by themselves; names are not looked up yet. A class, as it is far too large to be copied.
final class DecodedFile {
    var listeners: [Located<Listener>]
    var admin: DecodedAdmin?
    var upstreams: [(name: Located<String>, value: DecodedUpstream)]
    var rules: [DecodedRule]
    var policies: [(name: Located<String>, value: KeyPolicy)]
    /// The names of all upstreams and policies, of those too whose entry has an error: one mistake is told once.
    var upstreamNames: [Located<String>]
    var policyNames: [Located<String>]
    var keys: [DecodedKey]
    var usageLimits: [DecodedLimit]
    var models: [(name: Located<String>, value: DecodedAlias)]
    /// Places of lists and mappings that must not be empty, and are.
    var emptyListen: Located<Void>?
    var emptyUpstreams: Located<Void>?
    var emptyRules: Located<Void>?
    /// The proxy as written; nil where the environment decides.
    var httpsProxy: ForwardProxy?
    var noProxy: [String]?
    /// What needs no looking up.
    var plain: Configuration

    init(_ section: Schema.Section) {
        typealias Root = Schema.Root
        plain = Configuration()
        emptyListen = section.place(ofEmpty: Root.listen)
        emptyUpstreams = section.place(ofEmpty: Root.upstreams)
        emptyRules = section.place(ofEmpty: Root.rules)
        listeners = section[Root.listen, or: []]
        admin = section[Root.admin]
        httpsProxy = section[Root.httpsProxy]
        noProxy = section[Root.noProxy]
        plain.trustedProxies = TrustedProxies(section[Root.trustedProxies, or: []])
        plain.statePath = section[Root.state, or: plain.statePath]
        plain.timeZone = section[Root.timezone, or: plain.timeZone]
        plain.timeouts = section[Root.timeouts, or: plain.timeouts]
        plain.limits = section[Root.limits, or: plain.limits]
        upstreams = section[Root.upstreams, or: []]
        upstreamNames = section.names(in: Root.upstreams)
        policyNames = section.names(in: Root.policies)
        plain.fallback = section[Root.fallback, or: plain.fallback]
        rules = section[Root.rules, or: []]
        policies = section[Root.policies, or: []]
        keys = section[Root.keys, or: []]
        usageLimits = section[Root.usageLimits, or: []]
        let prices = section[Root.prices]
        plain.prices = prices?.byModel ?? [:]
        plain.unknownPrice = prices?.unknown ?? plain.unknownPrice
        models = section[Root.models, or: []]
        plain.log = section[Root.log, or: plain.log]
        plain.usage = section[Root.usage, or: plain.usage]
        plain.lark = section[Root.lark]
        plain.alerts = section[Root.alerts, or: plain.alerts]
        plain.events = section[Root.events]
        plain.telemetry = section[Root.telemetry]
        plain.cluster = section[Root.cluster]
        plain.reload = section[Root.reload, or: plain.reload]
        if section.has(Root.reloadGuard) { plain.reload.maxRemoved = section[Root.reloadGuard] }
    }
}

/// The section `admin`, as decoded.
struct DecodedAdmin: Sendable {
    var keys: [AdminKey]
    /// Where each of them stands.
    var keyPlaces: [Located<Void>]
    var listener: Located<Listener>?
    var allowFrom: [AddressRange]
    var hasOpenMetrics: Bool
    var oidc: Configuration.OIDC?
    /// The roles of those who log in by Lark.
    var lark: Located<RoleExpression>?
}

/// A key of the admin plane, as decoded.
struct DecodedAdminKey: Sendable {
    var name: Located<String>
    var key: AdminKey
    var place: Located<Void>
}

/// An upstream, as decoded: its preset merged, what the file's other sections decide still open.
struct DecodedUpstream: Sendable {
    var url: UpstreamURL
    var dialect: UpstreamDialect
    var accounts: [DecodedAccount]
    var choice: Tier.Choice
    var affinity: AffinityKind
    var quota: QuotaSource?
    var threshold: Double?
    var timeouts: TimeoutOverrides
    var deployments: [String: String]
    var apiVersion: String?
    var authority: TrustedAuthorities?
    /// nil: as the file or the environment says.
    var proxy: ProxyChoice?
    var conversion: ConversionPolicy
    var headers: [Upstream.Header]
    var models: ModelSource
    /// The preset that it was made by.
    var preset: Preset?
    var keyHeader: String?
}

/// An account of an upstream, as decoded.
struct DecodedAccount: Sendable {
    var account: Located<Account>
    /// Where its key stands; nil where it has none.
    var keyPlace: Located<Void>?
}

/// A client's key, as decoded.
struct DecodedKey: Sendable {
    var name: Located<String>
    var digest: KeyDigest
    var masked: String
    var policy: Located<String>?
    var tags: [String: String]
    var enabled: Bool
    /// Why the key can be guessed, and where it is.
    var weakness: String?
    var weakPlace: Located<Void>
}

/// Timeouts of which each may be left out.
struct TimeoutOverrides: Sendable {
    var connect: Duration?
    var firstByte: Duration?
    var idle: Duration?

    func applied(to base: Timeouts) -> Timeouts {
        var timeouts = base
        timeouts.connect = connect ?? base.connect
        timeouts.firstByte = firstByte ?? base.firstByte
        timeouts.idle = idle ?? base.idle
        return timeouts
    }
}

/// A rule's own fallback settings, of which each may be left out.
struct FallbackOverrides: Sendable {
    var enabled: Bool?
    var threshold: Double?
    var on: Set<FallbackPolicy.Trigger>?
    var cooldown: Duration?
    var maxCooldown: Duration?
    var wait: Duration?

    func applied(to base: FallbackPolicy) -> FallbackPolicy {
        var policy = base
        policy.enabled = enabled ?? base.enabled
        policy.threshold = threshold ?? base.threshold
        policy.on = on ?? base.on
        policy.cooldown = cooldown ?? base.cooldown
        policy.maxCooldown = maxCooldown ?? base.maxCooldown
        policy.wait = wait ?? base.wait
        return policy
    }
}
