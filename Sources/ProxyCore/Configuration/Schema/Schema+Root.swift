import Foundation
import RuleEngine

extension Schema {
    /// The top level of the file.
    enum Root {
        static let listen = Key(
            "listen", .oneOrList(ListenerKeys.kind.located), .value("127.0.0.1:8180"),
            "Addresses that clients connect to. An item is an address or a mapping."
        ).nonEmpty
        static let admin = Key("admin", AdminKeys.kind, .none("no admin API"), "The admin API, its key and who may reach it.")
        static let trustedProxies = Key(
            "trusted_proxies", .list(.trustedProxy), .value("[]"),
            "Balancers in front, as addresses and CIDR blocks, or `unix` for whoever connects over a Unix socket. Of their "
                + "X-Forwarded-For the rightmost address that is not one of them is the client's; their PROXY headers are "
                + "believed.")
        static let state = Key(
            "state", .path("a directory"), .value("${STATE_DIRECTORY:-./state}"),
            "Directory of keys and usage, relative to where proxyd runs.")
        static let timezone = Key(
            "timezone", .timeZone, .value("UTC"), "Where a day and an hour begin, for usage and budgets.")
        static let timeouts = Key("timeouts", TimeoutKeys.fileKind, .value("{}"), "How long proxyd waits.")
        static let limits = Key("limits", LimitKeys.kind, .value("{}"), "What proxyd takes at most.")
        static let upstreams = Key(
            "upstreams", .entries(UpstreamKeys.kind, naming: "upstream"), .required, merge: .entries,
            "Vendors' addresses and the accounts there, by a name of yours."
        ).nonEmpty
        static let httpsProxy = Key(
            "https_proxy", .proxy, .none("that of the environment's HTTPS_PROXY, if any"),
            "Proxy on the way to `https` upstreams, `http://[user:password@]host:port`. This machine's own hosts are reached directly."
        )
        static let noProxy = Key(
            "no_proxy", .oneOrList(.directHosts), .none("that of the environment's NO_PROXY, if any"),
            "Hosts that are reached without a proxy: names (and all below them), addresses, CIDR blocks, `*`.")
        static let fallback = Key(
            "fallback", FallbackKeys.fileKind, .value("{}"), "When a request goes on to the next account or tier.")
        static let rules = Key(
            "rules", .list(RuleKeys.kind), .required, merge: .append,
            "One ordered list; the first rule that matches decides. No match is a 404 that names the model."
        ).nonEmpty
        static let policies = Key(
            "policies", .entries(PolicyKeys.kind, naming: "policy"), .value("{}"), merge: .entries,
            "What a key may do. A key without a policy has `default`.")
        static let keys = Key(
            "keys", .list(KeyKeys.kind), .value("[]"), merge: .append, "Clients' keys, beside those that the admin API makes.")
        static let prices = Key(
            "prices", PricesKeys.kind, .value("{}"), merge: .entries,
            "USD per million tokens, by the model that answered; a `*` takes any run of characters. They win over those that are "
                + "shipped (docs/models.md). `unknown` says what becomes of requests for models without a price: `warn` (the "
                + "default), `refuse`, or `0` (they cost nothing).")
        static let models = Key(
            "models", ModelAliasKeys.entries, .value("{}"), merge: .entries,
            "Names of your own for models: what clients may ask for beside what rules match.")
        static let usageLimits = Key(
            "usage_limits", .list(UsageLimitKeys.kind), .value("[]"), merge: .append,
            "Limits over anything that an expression can name, beside the policies'.")
        static let log = Key("log", LogKeys.kind, .value("{}"), "Log lines. Bodies and keys are never logged.")
        static let alerts = Key("alerts", AlertKeys.kind, .value("{}"), "Who is told when something is wrong, and of what.")
        static let usage = Key("usage", UsageKeys.kind, .value("{}"), "How usage is kept.")
        static let lark = Key("lark", LarkKeys.kind, .none("no Lark callbacks"), "OAuth and card callbacks of a Lark app.")
        static let events = Key(
            "events", EventKeys.kind, .none("nobody is told"),
            "A line of JSON for each request, with the members that `GET /admin/requests` has.")
        static let telemetry = Key(
            "telemetry", TelemetryKeys.kind, .none("no traces"), "Traces of requests, sent to an OpenTelemetry collector.")
        static let cluster = Key(
            "cluster", ClusterKeys.kind, .none("this node stands alone"),
            "What this node shares with others, and by which servers.")
        static let reload = Key(
            "reload", ReloadKeys.kind, .value("{}"), "What a saved file has to pass before everybody goes by it.")
        static let reloadGuard = Key(
            "reload_guard", ReloadGuardKeys.kind, .value("{}"), "What a save may not do by itself. The running file's counts.")
        static let include = Key(
            "include", .oneOrList(.located(.text("a path or glob"))), .value("[]"),
            "Further files, as globs relative to this file, read in name order. Each may hold any top-level key but this one: "
                + "entries of `upstreams`, `models`, `policies` and `prices` go together, `rules`, `keys` and `usage_limits` follow "
                + "one another, anything else may be written once. An entry or key written twice is an error.")

        static let mapping = Mapping(
            listen, trustedProxies, admin, state, timezone, timeouts, limits, httpsProxy, noProxy, upstreams, fallback, rules,
            models, policies, keys, prices, usageLimits,
            log, usage,
            lark, alerts, events, telemetry, cluster, reload, reloadGuard, include)
    }

    enum ListenerKeys {
        static let address = Key(
            "address", .located(.listener), .required,
            "`127.0.0.1:8180`, `localhost:8180`, `:8180`, `[::]:8180`, or a Unix socket: "
                + "`unix:/run/proxyd/proxyd.sock`, which user and group may connect to.")
        static let tls = Key("tls", ServerTLSKeys.kind, .none("plain HTTP"), "Certificate and key of the server.")
        static let headers = Key("headers", HeaderKeys.kind, .value("{}"), "Which headers answers carry.")

        static let proxyProtocol = Key(
            "proxy_protocol", .boolean, .value("false"),
            "Whether connections begin with a PROXY header, version 1 or 2, that names the client. Only `trusted_proxies` may "
                + "connect then; who sends none is refused.")
        static let cors = Key(
            "cors", .crossOrigins, .value("\"*\""),
            "Origins whose pages may read answers of the data plane: a list, `*` for all, `false` for none.")

        static let kind: Kind<Listener> = .either(
            .listener,
            .mapping(Mapping(address, tls, headers, proxyProtocol, cors)) { section in
                let address = section[Self.address]?.value
                let tls = section[Self.tls]
                let headers = section[Self.headers]
                guard var listener = address, tls != nil || !section.has(Self.tls) else { return nil }
                listener.tls = tls
                listener.proxydHeaders = headers ?? true
                listener.proxyProtocol = section[proxyProtocol, or: false]
                listener.cors = section[cors] ?? .any
                return listener
            }, spelledOut: { [(address.name, $0)] })
    }

    enum ServerTLSKeys {
        static let certificate = Key(
            "certificate", .inputFile("a PEM file"), .required, "PEM file of the certificate and its chain.")
        static let key = Key("key", .inputFile("a PEM file"), .required, "PEM file of the private key.")

        static let clientCA = Key(
            "client_ca", .inputFile("a PEM file"), .none("clients are not asked for certificates"),
            "PEM file of the authorities that a client's certificate has to come from; a client without one is refused.")

        static let kind: Kind<Listener.ServerTLS> = .mapping(Mapping(certificate, key, clientCA)) { section in
            let certificate = section[certificate]
            let key = section[key]
            let clientCA = section[clientCA]
            let authorities = clientCA.flatMap { CertificateFiles.authorities($0, section, Self.clientCA) }
            guard let certificate, let key, clientCA != nil || !section.has(Self.clientCA),
                clientCA == nil || authorities != nil,
                let credentials = CertificateFiles.credentials(certificate, key, authorities, section)
            else { return nil }
            return Listener.ServerTLS(certificate: certificate, key: key, clientCA: clientCA, credentials: credentials)
        }
    }

    enum HeaderKeys {
        static let proxyd = Key("proxyd", .boolean, .value("true"), "Whether answers carry `x-proxyd-*`.")

        static let kind: Kind<Bool> = .mapping(Mapping(proxyd)) { $0[proxyd] }
    }

    enum AdminKeys {
        static let key = Key(
            "key", .secret, .none("`keys` then"),
            "The admin key, shown by callers of `/admin` and `/metrics`. Its role is `admin`.")
        static let keys = Key(
            "keys", .list(AdminKeyKeys.kind), .value("[]"), "Further admin keys, each with a name and a role.")
        static let metrics = Key(
            "metrics", Kind<MetricsAccess>.choice("access"), .value("key"),
            "`key`: `/metrics` wants an admin key; `open`: it wants none, and is there although there is no key at all.")
        static let listen = Key(
            "listen", ListenerKeys.kind.located, .none("on the addresses of `listen`"),
            "Own address of /admin, /metrics and the dashboard.")
        static let allowFrom = Key(
            "allow_from", .list(.addressRange), .value("[]"), "Addresses that may call it; empty allows all.")
        static let oidc = Key(
            "oidc", OIDCKeys.kind, .none("admin keys alone"),
            "Logins of people by an OpenID Connect issuer, at /admin/oidc/login.")
        static let lark = Key(
            "lark", LarkLoginKeys.kind, .none("admin keys alone"),
            "Logins of people by the app of `lark`, at /admin/lark/login.")

        static let kind: Kind<DecodedAdmin> = .mapping(Mapping(key, keys, listen, allowFrom, metrics, oidc, lark)) { section in
            let key = section[key]
            let further = section[keys, or: []]
            let listener = section[listen]
            let allowed = section[allowFrom, or: []]
            section.warnAboutEmpty(allowFrom)
            let access = section[metrics]
            let oidc = section[oidc]
            let lark = section[lark]
            if let key, let weakness = WeakKeys.weakness(of: key), let place = section.place(Self.key) {
                section.context.warning(place, weakness)
            }
            // nil: what stands there is an error by itself.
            if access == .key, !section.isMisnamed(metrics), !section.has(Self.key), !section.has(Self.oidc),
                !section.has(Self.lark), !section.isMisnamed(Self.key),
                !section.has(Self.keys) || section.place(ofEmpty: Self.keys) != nil
            {
                let place = Located(value: (), location: section.location, path: section.path)
                section.context.warning(place, "without 'key' or 'keys' there is no admin API")
            }
            check(further, beside: key, section.context)
            let known = (key.map { [AdminKey(key: $0)] } ?? []) + further.map(\.key)
            let place = key == nil ? nil : section.place(Self.key)
            // Keys that the environment here does not have are errors; where the plane is to be found, the file says all the same.
            let isUnread = section.has(Self.key) || section.has(Self.keys) && section.place(ofEmpty: Self.keys) == nil
            guard !known.isEmpty || oidc != nil || lark != nil || access == .open || isUnread else { return nil }
            return DecodedAdmin(
                keys: known, keyPlaces: (place.map { [$0] } ?? []) + further.map(\.place), listener: listener,
                allowFrom: allowed, hasOpenMetrics: access == .open, oidc: oidc, lark: lark)
        }

        /// One name and one text are one key's: the audit log says who it was.
        private static func check(_ keys: [DecodedAdminKey], beside only: Secret?, _ context: LoadContext) {
            var names: Set<String> = only == nil ? [] : [AdminKey.only]
            var texts: [Secret: String] = only.map { [$0: AdminKey.only] } ?? [:]
            for decoded in keys {
                if !names.insert(decoded.name.value).inserted {
                    let isOnly = decoded.name.value == AdminKey.only && only != nil
                    context.error(
                        decoded.name, "\(decoded.name.shown) is the name of \(isOnly ? "'key'" : "another admin key")")
                }
                if let other = texts.updateValue(decoded.name.value, forKey: decoded.key.key) {
                    context.error(decoded.name, "is the same key as '\(other)'")
                }
            }
        }
    }

    enum AdminKeyKeys {
        static let name = Key(
            "name", .located(.text("a name")), .required, "Whose key it is: who did something, in the audit log.")
        static let key = Key("key", .secret, .required, "The key itself, best as a reference.")
        static let role = Key(
            "role", Kind<AdminRole>.choice("role"), .required,
            "`admin` may do everything, `viewer` looks at everything and changes nothing, `metrics` reads `/metrics` alone.")

        static let kind: Kind<DecodedAdminKey> = .mapping(Mapping(name, key, role)) { section in
            let name = section[name]
            let key = section[key]
            let role = section[role]
            if let name, let problem = KeyName.problem(with: name.value) { section.context.error(name, "an admin key\(problem)") }
            if let key, let weakness = WeakKeys.weakness(of: key), let place = section.place(Self.key) {
                section.context.warning(place, weakness)
            }
            guard let name, let key, let role else { return nil }
            return DecodedAdminKey(
                name: name, key: AdminKey(name: name.value, key: key, role: role),
                place: section.place(Self.key) ?? Located(value: (), location: name.location, path: name.path))
        }
    }

    enum TimeoutKeys {
        static let head = Key(
            "head", .duration(), .value("30s"), "From the first byte of a client's request to the end of its head.")
        static let connect = Key("connect", .duration(), .value("5s"), "Until an upstream's connection stands, TLS included.")
        static let firstByte = Key(
            "first_byte", .duration(), .value("120s"), "From the request's end to the answer's first event.")
        static let idle = Key(
            "idle", .duration(), .value("120s"), "Between two bytes of an answer, and of a request's body.")

        static let drain = Key(
            "drain", .duration(), .value("85s"),
            "How long requests in flight may go on when proxyd stops; systemd's `TimeoutStopSec` should be a little more.")

        static let fileKind: Kind<Timeouts> = .mapping(Mapping(head, connect, firstByte, idle, drain)) { section in
            var timeouts = Timeouts()
            timeouts.head = section[head, or: timeouts.head]
            timeouts.connect = section[connect, or: timeouts.connect]
            timeouts.firstByte = section[firstByte, or: timeouts.firstByte]
            timeouts.idle = section[idle, or: timeouts.idle]
            timeouts.drain = section[drain, or: timeouts.drain]
            return timeouts
        }

        /// The settings of an upstream or a tier, of which each may be left out.
        static func overrides(from owner: String) -> Kind<TimeoutOverrides> {
            let connect = Self.connect.inheriting("\(owner)'s")
            let firstByte = Self.firstByte.inheriting("\(owner)'s")
            let idle = Self.idle.inheriting("\(owner)'s")
            return .mapping(Mapping(connect, firstByte, idle)) { section in
                TimeoutOverrides(connect: section[connect], firstByte: section[firstByte], idle: section[idle])
            }
        }
    }

    enum LimitKeys {
        static let body = Key("body", .size(1...(1 << 30)), .value("32MiB"), "Largest request body; more is a 413.")
        static let headers = Key("headers", .size(256...(1 << 20)), .value("32KiB"), "Largest request head; more is a 431.")
        static let connections = Key("connections", .count(1...1_000_000), .value("10000"), "Connections of clients at once.")
        static let waiting = Key(
            "waiting", .count(1...1_000_000), .value("256"),
            "Requests that wait for quota at once (`fallback.wait`); one more is a 429.")

        static let kind: Kind<Limits> = .mapping(Mapping(body, headers, connections, waiting)) { section in
            var limits = Limits()
            limits.body = section[body, or: limits.body]
            limits.headers = section[headers, or: limits.headers]
            limits.connections = section[connections, or: limits.connections]
            limits.waiting = section[waiting, or: limits.waiting]
            return limits
        }
    }

    enum FallbackKeys {
        static let enabled = Key(
            "enabled", .boolean, .value("true"), "Off: the first tier is asked, and its answer is the client's, whatever it says."
        )
        static let threshold = Key(
            "threshold", .share, .value("5%"),
            "A tier with less of its quota left is passed over; exactly this much is enough. An upstream or a tier may set its own."
        )
        static let on = Key(
            "on", .list(.trigger), .value("[429, 5xx, exhausted, unauthorized, unreachable, timeout]"),
            "Answers that send a request on: statuses (400–599), `4xx`, `5xx`, `exhausted` (a 4xx or 5xx that speaks of exhausted "
                + "capacity, quota or credit), `unauthorized` (401, 402, 403; what it is about rests, and no more), `unreachable`, `timeout`."
        )
        static let cooldown = Key(
            "cooldown", .duration(.zero...(.seconds(7 * 86_400))), .value("60s"),
            "How long a model rests at an account after a 429 or an exhausted answer that names no time.")
        static let maxCooldown = Key(
            "max_cooldown", .duration(.seconds(1)...(.seconds(8 * 86_400))), .value("1h"),
            "The longest rest that an upstream's Retry-After can ask for. The reset of a quota or a window counts up to 8 days.")
        static let wait = Key(
            "wait", .duration(.zero...(.seconds(600))), .value("0s"),
            "Where every tier is out of quota or rests, and one is back within this time, the request waits for it; who would have "
                + "to wait for longer gets a 429 with Retry-After at once. `0s`: nobody waits.")

        static let fileKind: Kind<FallbackPolicy> = .mapping(
            Mapping(enabled, threshold, on, cooldown, maxCooldown, wait)
        ) { section in
            var policy = FallbackPolicy()
            policy.enabled = section[enabled, or: policy.enabled]
            policy.threshold = section[threshold, or: policy.threshold]
            policy.on = section[on].map(Set.init) ?? policy.on
            policy.cooldown = section[cooldown, or: policy.cooldown]
            policy.maxCooldown = section[maxCooldown, or: policy.maxCooldown]
            policy.wait = section[wait, or: policy.wait]
            return policy
        }

        static let ruleKind: Kind<FallbackOverrides> = {
            let enabled = Self.enabled.inheriting("the file's")
            let threshold = Self.threshold.inheriting("the file's")
            let on = Self.on.inheriting("the file's")
            let cooldown = Self.cooldown.inheriting("the file's")
            let maxCooldown = Self.maxCooldown.inheriting("the file's")
            let wait = Self.wait.inheriting("the file's")
            return .mapping(Mapping(enabled, threshold, on, cooldown, maxCooldown, wait)) { section in
                FallbackOverrides(
                    enabled: section[enabled], threshold: section[threshold], on: section[on].map(Set.init),
                    cooldown: section[cooldown], maxCooldown: section[maxCooldown], wait: section[wait])
            }
        }()
    }
}
