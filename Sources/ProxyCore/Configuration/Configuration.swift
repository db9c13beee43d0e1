import Dialects
import Foundation
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

/// An address that clients connect to.
public struct Listener: Sendable, Hashable {
    /// Textual IP address, without brackets; empty for a Unix socket.
    public var host: String
    public var port: Int
    /// The path of a Unix socket, instead of host and port.
    public var unixPath: String?
    public var tls: ServerTLS?
    /// Whether responses carry `x-proxyd-*`.
    public var proxydHeaders = true
    /// Whether connections begin with a PROXY header.
    public var proxyProtocol = false
    /// Whose pages may read responses of the data plane.
    public var cors = CrossOrigins.any

    public struct ServerTLS: Sendable, Hashable {
        /// Paths of PEM files.
        public var certificate: String
        public var key: String
        /// The file of the authorities that clients' certificates have to come from; nil when clients are not asked for any.
        public var clientCA: String?
        /// What the files held when the configuration was read.
        public var credentials: ServerCredentials

        public init(certificate: String, key: String, clientCA: String? = nil, credentials: ServerCredentials) {
            self.certificate = certificate
            self.key = key
            self.clientCA = clientCA
            self.credentials = credentials
        }

        var clientCADigest: String? { credentials.clientAuthorities?.digest }

        public static func == (a: ServerTLS, b: ServerTLS) -> Bool {
            a.certificate == b.certificate && a.key == b.key && a.clientCA == b.clientCA
                && a.credentials.digest == b.credentials.digest
        }

        public func hash(into hasher: inout Hasher) { hasher.combine(credentials.digest) }
    }

    public init(host: String, port: Int, tls: ServerTLS? = nil) {
        self.host = host
        self.port = port
        self.tls = tls
    }

    public init(unixPath: String) {
        host = ""
        port = 0
        self.unixPath = unixPath
    }

    /// Whether both are one socket. Each that asks for port 0 gets one of its own.
    func hasAddress(of other: Listener) -> Bool {
        if unixPath != nil || other.unixPath != nil { return unixPath == other.unixPath }
        return port != 0 && port == other.port && host == other.host
    }
}

/// Origins whose pages a browser lets read the responses.
public enum CrossOrigins: Sendable, Hashable {
    case any
    case none
    /// The origins as browsers write them: `https://app.example`.
    case only([String])
}

public struct Timeouts: Sendable, Hashable {
    /// From the first byte of a request to the end of its head.
    public var head = Schema.TimeoutKeys.head.byDefault
    public var connect = Schema.TimeoutKeys.connect.byDefault
    /// From the request's end to the response's first event.
    public var firstByte = Schema.TimeoutKeys.firstByte.byDefault
    /// Between two bytes of a response, and of a request's body.
    public var idle = Schema.TimeoutKeys.idle.byDefault
    /// What requests in flight get when the process stops.
    public var drain = Schema.TimeoutKeys.drain.byDefault

    public init() {}
}

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

/// A vendor's address, and the accounts proxyd has there.
public struct Upstream: Sendable, Hashable {
    public var name: String
    public var url: UpstreamURL
    public var dialect: UpstreamDialect
    /// In the file's order; an upstream without any has one nameless account without a key.
    public var accounts: [Account]
    /// Which account is asked first.
    public var choice = Schema.UpstreamKeys.choose.byDefault
    public var affinity = Schema.UpstreamKeys.affinity.byDefault
    public var quota: QuotaSource?
    /// Share 0–1; nil is the file's.
    public var threshold: Double?
    public var timeouts: Timeouts
    /// Azure: model asked for → deployment.
    public var deployments: [String: String] = [:]
    /// Azure: `api-version` of dated addresses.
    public var apiVersion: String?
    /// The only authorities to trust, instead of the system's.
    public var trustedAuthorities: TrustedAuthorities?
    /// The proxy that leads to it; nil: directly.
    public var proxy: ForwardProxy?
    /// How requests in other formats are said to it.
    public var conversion = ConversionPolicy()
    /// Further request headers that every request to this upstream carries.
    public var headers: [Header] = []
    /// Where the names of its models come from.
    public var models = ModelSource()
    /// The preset that it was made by, or else the one whose address and format it has: by it prices are named.
    public var preset: String?
    /// The file names it.
    var namesPreset = false
    /// The host of its preset's own address: whose server it is, or stands before, at whatever address.
    public var vendorHost: String?
    /// The header of its credential; nil: as its format has it.
    public var keyHeader: String?
    /// Of a file on trial, and asked otherwise than before: its accounts have health of their own.
    var isOnTrial = false

    public struct Header: Sendable, Hashable {
        public var name: String
        public var value: String

        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    public init(
        name: String, url: UpstreamURL, dialect: UpstreamDialect, accounts: [Account] = [Account(name: "default", key: nil)],
        quota: QuotaSource? = nil, timeouts: Timeouts = Timeouts()
    ) {
        self.name = name
        self.url = url
        self.dialect = dialect
        self.accounts = accounts
        self.quota = quota
        self.timeouts = timeouts
    }
}

/// One credential of an upstream.
public struct Account: Sendable, Hashable {
    public var name: String
    public var key: Secret?
    public var weight: Int
    /// What the vendor allows and does not tell; counted here.
    public var declared: [LimitRate] = []
    /// It has no credential of its own: the client's own login is passed on.
    public var isClients: Bool

    /// In the place of a key: it is each client's own.
    static let clientsWord = "client"

    /// - Parameter weight: nil is the schema's default.
    public init(name: String, key: Secret?, weight: Int? = nil) {
        self.name = name
        isClients = key?.reveal() == Self.clientsWord
        self.key = isClients ? nil : key
        self.weight = weight ?? Schema.AccountKeys.weight.byDefault
    }
}

/// Where an upstream's remaining quota is learnt from.
public struct QuotaSource: Sendable, Hashable {
    /// Path or absolute URL to GET; nil when not polled.
    public var poll: String?
    public var interval = Schema.QuotaKeys.interval.byDefault
    public var timeout = Schema.QuotaKeys.timeout.byDefault
    /// What the poll calls a model, by the name that is asked for.
    public var models: [String: String] = [:]
    /// Read rate-limit headers of responses.
    public var headers = Schema.QuotaKeys.headers.byDefault
    /// Those that the vendor calls in its own way, by kind of window.
    public var headerNames: [QuotaHeaderNames] = []

    public init() {}
}

/// What sends a request on to the next account or tier, and when a tier is passed over.
public struct FallbackPolicy: Sendable, Hashable {
    public var enabled = Schema.FallbackKeys.enabled.byDefault
    /// Share 0–1.
    public var threshold = Schema.FallbackKeys.threshold.byDefault
    public var on = Set(Schema.FallbackKeys.on.byDefault)
    public var cooldown = Schema.FallbackKeys.cooldown.byDefault
    /// No wait that an upstream asks for rests a tier for longer, but for the reset of a quota.
    public var maxCooldown = Schema.FallbackKeys.maxCooldown.byDefault
    /// How long a request waits where nobody has quota and somebody has it again within that time; zero: not at all.
    public var wait = Schema.FallbackKeys.wait.byDefault

    var waits: Bool { enabled && wait > .zero }

    public init() {}

    public enum Trigger: Sendable, Hashable, LosslessStringConvertible {
        case status(Int)
        /// 4 or 5: every 4xx or 5xx.
        case statusClass(Int)
        case exhausted
        case unauthorized
        case unreachable
        case timeout

        /// Those that are no status.
        static let kinds: [Trigger] = [.exhausted, .unauthorized, .unreachable, .timeout]

        /// `429`, `5xx`, `exhausted`
        public var description: String {
            switch self {
            case .status(let status): "\(status)"
            case .statusClass(let digit): "\(digit)xx"
            case .exhausted: "exhausted"
            case .unauthorized: "unauthorized"
            case .unreachable: "unreachable"
            case .timeout: "timeout"
            }
        }

        public init?(_ text: String) {
            let classes = [Trigger.statusClass(4), .statusClass(5)]
            if let kind = Self.kinds.first(where: { $0.description == text }) {
                self = kind
            } else if let known = classes.first(where: { text == $0.description || text == $0.description.uppercased() }) {
                self = known
            } else if let status = try? Quantity.decimal(text, places: 0), (400...599).contains(status) {
                self = .status(status)
            } else {
                return nil
            }
        }
    }
}

/// What a key may do.
public struct KeyPolicy: Sendable, Hashable {
    public var name: String
    /// Globs over the model asked for; nil allows all.
    public var models: [String]?
    /// Globs over paths that name no model; nil allows all of them to a policy that allows all models, else none.
    public var paths: [String]?
    /// Empty allows every address.
    public var allowFrom: [AddressRange] = []
    /// What each of its keys may use.
    public var numbers = LimitNumbers()

    public init(name: String) {
        self.name = name
    }
}

/// A key written in the file: in clear through a reference, or as its digest.
public struct DeclaredKey: Sendable, Hashable {
    public var name: String
    public var digest: KeyDigest
    /// `sk-abcde...wxyz`; empty when only the digest is known.
    public var masked: String
    public var policy: String
    public var tags: [String: String]
    public var enabled: Bool

    public init(
        name: String, digest: KeyDigest, masked: String, policy: String = "default", tags: [String: String] = [:],
        enabled: Bool = true
    ) {
        self.name = name
        self.digest = digest
        self.masked = masked
        self.policy = policy
        self.tags = tags
        self.enabled = enabled
    }

    /// What its usage is booked to: `declared:<name>`.
    var id: String { Self.prefix + name }

    /// Whether an id is a declared key's.
    public static func isID(_ id: String) -> Bool { id.hasPrefix(prefix) }

    private static let prefix = "declared:"

    /// Whether the file writes a key out or its digest changes how it is shown, and nothing else.
    public static func == (a: DeclaredKey, b: DeclaredKey) -> Bool {
        a.name == b.name && a.digest == b.digest && a.policy == b.policy && a.tags == b.tags && a.enabled == b.enabled
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(digest) }
}

/// Nano-dollars (10⁻⁹ USD) per million tokens.
public struct Price: Sendable, Hashable {
    public var input = Schema.PriceKeys.input.byDefault
    public var output = Schema.PriceKeys.output.byDefault
    public var cacheRead: Int?
    public var cacheWrite: Int?
    public var cacheWriteHour: Int?
    /// Output that was reasoning.
    public var reasoning: Int?

    public init() {}
}

/// What becomes of a request for a model without a price.
public enum UnknownPrice: String, Sendable, CaseIterable {
    /// It is served and told; what it cost is not known.
    case warn
    /// It is not served.
    case refuse
    /// It costs nothing.
    case nothing = "0"
}

/// A name of the operator's own for a model.
public struct ModelAlias: Sendable, Hashable {
    public var name: String
    /// The model it stands for; nil for the one asked for, at an upstream.
    public var model: String
    /// nil: the request goes on through the rules under `model`.
    public var upstream: String?
    public var displayName: String?

    public init(name: String, model: String, upstream: String? = nil, displayName: String? = nil) {
        self.name = name
        self.model = model
        self.upstream = upstream
        self.displayName = displayName
    }
}
