import Dialects
import RuleEngine

/// What `proxy.yaml` means, every default filled in and every reference resolved. The defaults are the schema's.
public struct Configuration: Sendable {
    public var listeners: [Listener] = []
    public var trustedProxies = TrustedProxies()
    public var admin: Admin?
    /// Directory of keys and usage.
    public var statePath = Schema.Root.state.byDefault
    /// Where a day and an hour begin, for usage and budgets.
    public var timeZone = Schema.Root.timezone.byDefault
    public var timeouts = Timeouts()
    public var limits = Limits()
    /// Proxies on the way out, where an upstream names none itself.
    public var proxies = ProxyRules()
    public var upstreams: [Upstream] = []
    public var fallback = FallbackPolicy()
    public var policies: [String: KeyPolicy] = ["default": KeyPolicy(name: "default")]
    public var keys: [DeclaredKey] = []
    public var prices: [String: Price] = [:]
    public var unknownPrice = Schema.PricesKeys.unknown.byDefault
    /// The operator's own names of models, in the file's order.
    public var aliases: [ModelAlias] = []
    /// Limits beside the policies', in the file's order.
    public var usageLimits: [LimitEntry] = []
    public var log = Log()
    public var lark: Lark?
    public var alerts = Alerts()
    public var usage = Usage()
    public var events: Events?
    public var telemetry: Telemetry?
    /// nil: this node stands alone.
    public var cluster: ClusterSettings?
    public var reload = Reload()

    public init() {}

    public struct Admin: Sendable, Hashable {
        /// `admin.key`, where there is one, under the name `admin`; then those of `admin.keys`.
        public var keys: [AdminKey]
        public var listener: Listener?
        public var allowFrom: [AddressRange]
        /// Whether `/metrics` asks for no key.
        public var hasOpenMetrics = false
        /// Who says who people are that log in without a key.
        public var oidc: OIDC?
        public var lark: LarkLogin?

        /// Whether anybody could be let in: else `/metrics` is all there is, for whoever asks.
        public var takesCalls: Bool { !keys.isEmpty || oidc != nil || lark != nil }

        public init(keys: [AdminKey], listener: Listener? = nil, allowFrom: [AddressRange] = []) {
            self.keys = keys
            self.listener = listener
            self.allowFrom = allowFrom
        }

        /// One key that may do everything.
        public init(key: Secret, listener: Listener? = nil, allowFrom: [AddressRange] = []) {
            self.init(keys: [AdminKey(key: key)], listener: listener, allowFrom: allowFrom)
        }
    }

    public struct Usage: Sendable, Hashable {
        /// What happens when the usage journal cannot be written: responses go on unaccounted (with an alarm), or are refused.
        public var onStorageFailure = Schema.UsageKeys.onStorageFailure.byDefault
        /// Tokens that limits reserve for an answer of which nobody says how long it may be.
        public var assumedOutput = Schema.UsageKeys.assumedOutput.byDefault
        /// How long the records of requests are kept; zero: not at all.
        public var keepRequests = Schema.UsageKeys.keepRequests.byDefault
        public var durability = Schema.UsageKeys.durability.byDefault

        public var keepsRequests: Bool { keepRequests.components.seconds > 0 }

        public init() {}
    }

    public struct Log: Sendable, Hashable {
        public enum Format: String, Sendable, CaseIterable { case text, json }
        public enum Level: String, Sendable, CaseIterable { case trace, debug, info, notice, warning, error, critical }

        public var level = Schema.LogKeys.level.byDefault
        public var format = Schema.LogKeys.format.byDefault
        /// One line per request.
        public var requests = Schema.LogKeys.requests.byDefault
        /// Lines for probes, scrapes and admin calls too.
        public var admin = Schema.LogKeys.admin.byDefault
        /// nil: standard output.
        public var file: String?
        public var rotation = Schema.LogKeys.rotate.byDefault
        /// nil: decisions are not recorded.
        public var decisions: String?

        public init() {}
    }

    public struct Lark: Sendable, Hashable {
        public var appID: String
        public var appSecret: Secret
        public var tokenFile: String
        public var forwardCardsTo: String?
        public var checkState = Schema.LarkKeys.checkState.byDefault
        public var verificationToken: Secret?
        public var encryptKey: Secret?
        public var api = Schema.LarkKeys.api.byDefault

        public init(appID: String, appSecret: Secret, tokenFile: String) {
            self.appID = appID
            self.appSecret = appSecret
            self.tokenFile = tokenFile
        }
    }

    public enum StorageFailurePolicy: String, Sendable, CaseIterable { case `continue`, refuse }

    /// What the record of a request survives before its answer ends.
    public enum Durability: String, Sendable, CaseIterable { case crash, power }
}

/// How long each part of a request may take.
public struct Timeouts: Sendable, Hashable {
    /// The time from the first byte of a request to the end of its head.
    public var head = Schema.TimeoutKeys.head.byDefault
    public var connect = Schema.TimeoutKeys.connect.byDefault
    /// The time from the request's end to the response's first event.
    public var firstByte = Schema.TimeoutKeys.firstByte.byDefault
    /// The time between two bytes of a response, and of a request's body.
    public var idle = Schema.TimeoutKeys.idle.byDefault
    /// What requests in flight get when the process stops.
    public var drain = Schema.TimeoutKeys.drain.byDefault

    public init() {}
}

/// Bounds of what clients may send and keep open.
public struct Limits: Sendable, Hashable {
    /// Bytes.
    public var body = Schema.LimitKeys.body.byDefault
    /// Bytes of a head.
    public var headers = Schema.LimitKeys.headers.byDefault
    public var connections = Schema.LimitKeys.connections.byDefault
    /// Requests that wait for quota at once.
    public var waiting = Schema.LimitKeys.waiting.byDefault

    public init() {}
}
