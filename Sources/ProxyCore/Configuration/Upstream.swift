import Dialects
import RuleEngine

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
    /// Whether it is of a file on trial, and asked otherwise than before: its accounts have health of their own.
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

    /// What is written in the place of a key that is each client's own.
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
