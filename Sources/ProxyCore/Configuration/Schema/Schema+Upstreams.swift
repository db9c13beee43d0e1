import Dialects
import HTTP1
import RuleEngine

extension Schema {
    enum UpstreamKeys {
        static let preset = Key(
            "preset", .preset, .none("all is written out"),
            "A vendor by name, `proxyd presets` lists them, or a file of one's own with a preset in it: fills in address, format and "
                + "what is particular to it. What is written beside it wins.")
        static let url = Key(
            "url", .url, .inherited("its preset's; without one an error"), "Address, up to the part that every path begins with.")
        static let dialect = Key(
            "dialect", Kind<UpstreamDialect>.choice("dialect"), .inherited("its preset's; without one an error"),
            "The format it speaks.")
        static let key = Key(
            "key", .secret, .none("no key"),
            "Short for one account called `default`. `client`: no key of the file's; the client's own login at the vendor is passed "
                + "on, and its key for proxyd comes as `x-proxyd-key`.")
        static let keyHeader = Key(
            "key_header", .credentialField, .none("its dialect's"),
            "The header that carries the credential; in `authorization` it is a bearer token.")
        static let accounts = Key(
            "accounts", .list(AccountKeys.kind), .none("one account without a key"),
            "Several credentials; each has its own health, cooldown and quota."
        ).nonEmpty
        static let choose = Key(
            "choose", Kind<Tier.Choice>.choice("choice"), .value("first"),
            "Which account is asked first: the `first` of the list, or by weight (`weighted`), fewest requests in flight "
                + "(`least_busy`), time to the first byte (`fastest`), price (`cheapest`), share left (`most_quota`), or whose "
                + "quota expires first (`soonest_reset`).")
        static let affinity = Key(
            "affinity", Kind<AffinityKind>.choice("kind of affinity"), .value("conversation"),
            "What stays with the account that served it, as long as that can serve: a `conversation`, whose prompt cache is there, "
                + "all that a `key` asks, or `none`.")
        static let quota = Key("quota", QuotaKeys.kind, .none("quota is unknown"), "Where the remaining quota is learnt from.")
        static let threshold = Key("threshold", .share, .inherited("fallback.threshold"), FallbackKeys.threshold.doc)
        static let timeouts = Key(
            "timeouts", TimeoutKeys.overrides(from: "the file"), .inherited("timeouts"), "Its own timeouts.")
        static let deployments = Key(
            "deployments", .entries(.text("deployment name"), naming: "model"), .value("{}"),
            "Azure: the deployment for a model asked for.")
        static let apiVersion = Key(
            "api_version", .name("API version"), .none("Azure's v1 addresses"), "Azure: `api-version` of dated addresses.")
        static let tls = Key("tls", ClientTLSKeys.kind, .value("{}"), "How its certificate is checked.")
        static let proxy = Key(
            "proxy", .proxyChoice, .inherited("https_proxy"),
            "Proxy on the way to it, `http://[user:password@]host:port`; `none` for a direct way.")
        static let headers = Key(
            "headers", .entries(.headerValue, naming: "header"), .value("{}"),
            "Further request headers that it gets with every request.")
        static let models = Key(
            "models", ModelSourceKeys.kind, .value("{}"), "Where the names of its models come from, for lists of models.")

        static let mapping = Mapping(
            preset, url, dialect, key, keyHeader, accounts, choose, affinity, quota, threshold, timeouts, deployments, apiVersion,
            tls, proxy,
            headers, models,
            ConversionKeys.lossy,
            ConversionKeys.capabilities, ConversionKeys.drop, ConversionKeys.webSearch, ConversionKeys.exposeRateLimits
        ).demanding(.any([["preset"], ["url", "dialect"]]), .not(["key", "accounts"]))

        static let kind: Kind<DecodedUpstream> = .mapping(mapping) { section in
            // All keys are read before anything is decided, so that every mistake is told at once.
            let preset = section[preset]
            let url = required(url, section, preset)
            let dialect = required(dialect, section, preset)
            let shortKey = section[key]
            let keyHeader = section[keyHeader]
            let accounts = section[accounts]
            let choice = section[choose, or: .first]
            let affinity = section[affinity, or: .conversation]
            let quota = section[quota]
            let threshold = section[threshold]
            let timeouts = section[timeouts]
            let deployments = section[deployments, or: []]
            let apiVersion = section[apiVersion]
            let authority = section[tls] ?? nil
            let proxy = section[proxy]
            let headers = section[headers, or: []]
            var models = section[models, or: ModelSource()]
            models.isWritten = section.place(Self.models) != nil
            let conversion = ConversionKeys.read(section)
            if let url, let node = section.node(Self.url), let problem = SuspectValues.problem(with: url) {
                section.context.warning(at: node, section.context.path(section.path, Self.url.name), problem)
            }
            if shortKey != nil, let place = section.place(Self.accounts) {
                section.context.error(place, "'key' is short for one account; with 'accounts' it cannot stand")
            }
            // Where all that are written are wrong, that is told of each.
            if accounts?.isEmpty == true, let place = section.place(ofEmpty: Self.accounts) {
                section.context.error(place, "is empty; leave it out for an upstream without a key")
            }
            for header in headers where !isHeaderName(header.name.value) {
                section.context.error(header.name, "no header can be called that, or proxyd sets it itself")
            }
            for deployment in deployments where deployment.name.value.contains("*") {
                section.context.error(deployment.name, "a deployment is of one model, which is written out: no glob is read here")
            }
            if let dialect, !dialect.hasDeployments {
                let able = UpstreamDialect.allCases.filter(\.hasDeployments).map { "`dialect: \($0.rawValue)`" }
                for place in [section.place(Self.deployments), section.place(Self.apiVersion)].compactMap({ $0 }) {
                    section.context.error(place, "is for \(able.joined(separator: ", ")) only")
                }
            }
            if let url, url.socketPath != nil, let place = section.place(Self.proxy) {
                section.context.error(place, "leads nowhere: the upstream is a socket of this machine")
            }
            let hasClients =
                shortKey?.reveal() == Account.clientsWord || accounts?.contains { $0.account.value.isClients } == true
            if hasClients, quota?.poll != nil, let place = section.place(Self.quota) {
                section.context.error(place, "'poll' asks with a key of the file's; with `key: client` there is none")
            }
            guard let url, let dialect else { return nil }
            return DecodedUpstream(
                url: url, dialect: dialect,
                accounts: accounts ?? [
                    DecodedAccount(
                        account: Located(
                            value: Account(name: "default", key: shortKey), location: section.location, path: section.path),
                        keyPlace: section.place(Self.key))
                ],
                choice: choice, affinity: affinity, quota: quota, threshold: threshold, timeouts: timeouts ?? TimeoutOverrides(),
                deployments: Dictionary(deployments.map { ($0.name.value, $0.value) }) { first, _ in first },
                apiVersion: apiVersion, authority: authority, proxy: proxy, conversion: conversion,
                headers: headers.map { Upstream.Header(name: $0.name.value, value: $0.value) }, models: models,
                preset: preset, keyHeader: keyHeader)
        }

        /// The value of a key that a preset may have filled in.
        private static func required<Value>(_ key: Key<Value>, _ section: Section, _ preset: Preset?) -> Value? {
            guard !section.has(key) else { return section[key] }
            // A preset that is not known has been told, and might have had it.
            guard preset != nil || !section.has(Self.preset), !section.isMisnamed(key) else { return nil }
            // `provider` may be its name for the preset.
            guard !section.isMisnamed(Self.preset) else { return nil }
            var problem = "'\(key.name)' is missing"
            if let preset {
                problem += "; the preset '\(preset.name)' cannot know yours"
                if key.name == url.name, let example = preset.url { problem += ", such as \(example)" }
            }
            section.context.error(at: section.location, section.path, problem)
            return nil
        }

        /// Headers that proxyd writes.
        static let ownFields = [
            "host", "content-length", "transfer-encoding", "connection", "expect", "upgrade", "te", "trailer",
        ]
        /// Headers that carry no credential.
        static let keptFields = ownFields + ["content-type", "content-encoding"]

        /// A token of RFC 9110, and not one that proxyd writes.
        static func isHeaderName(_ name: String) -> Bool {
            !name.isEmpty && !ownFields.contains(name.lowercased()) && name.utf8.allSatisfy(ByteScan.isToken)
        }
    }

    enum AccountKeys {
        static let name = Key("name", .name("account name"), .required, "Shown in `x-proxyd-account`, logs and metrics.")
        static let key = Key("key", .secret, .none("no key"), "The credential; `client`: each client's own.")
        static let weight = Key(
            "weight", .integer(1...1000), .value("1"),
            "How much of the load it takes beside the others, where `choose` is `weighted` or `least_busy`.")
        static let quota = Key(
            "quota", AccountQuotaKeys.kind, .none("as the vendor tells"), "What it may use, where the vendor does not tell.")

        static let kind: Kind<DecodedAccount> = .mapping(Mapping(name, key, weight, quota)) { section in
            let name = section[name.locatedName]
            let key = section[key]
            let weight = section[weight, or: 1]
            let declared = section[quota] ?? []
            return name.map {
                var account = Account(name: $0.value, key: key, weight: weight)
                account.declared = declared
                return DecodedAccount(
                    account: Located(value: account, location: $0.location, length: $0.length, path: $0.path),
                    keyPlace: section.place(Self.key))
            }
        }
    }

    enum QuotaKeys {
        static let poll = Key(
            "poll", .pathOrURL("a path or URL"), .none("not polled"),
            "Path below the URL's host, or a whole URL, that answers `accounts[].models{}.remainingFraction`.")
        static let interval = Key(
            "interval", .duration(.milliseconds(10)...(.seconds(86_400))), .value("30s"), "How often it is asked.")
        static let timeout = Key(
            "timeout", .duration(.milliseconds(10)...(.seconds(300))), .value("5s"), "How long an answer may take.")
        static let models = Key(
            "models", .entries(.text("name"), naming: "model"), .value("{}"),
            "Under which name the poll's answer has a model, where it is another than the one that is asked for.")
        static let headers = Key(
            "headers", .boolean, .value("true"),
            "Read what is left from `x-ratelimit-*`, `anthropic-ratelimit-*` and `x-codex-*` of answers.")
        static let headerNames = Key(
            "header_names", QuotaHeaderKeys.kind, .none("the vendors' own"),
            "Headers of other names that tell what is left, by what they count.")

        static let kind: Kind<QuotaSource> = .mapping(Mapping(poll, interval, timeout, models, headers, headerNames)) { section in
            var source = QuotaSource()
            source.poll = section[poll]
            source.interval = section[interval, or: source.interval]
            source.timeout = section[timeout, or: source.timeout]
            source.models = Dictionary(section[models, or: []].map { ($0.name.value, $0.value) }) { first, _ in first }
            source.headers = section[headers, or: true]
            source.headerNames = section[headerNames] ?? []
            // Names that a preset fills in say nothing of what somebody wants.
            let written = section.place(headers)?.location.file
            if !source.headers, let place = section.place(headerNames), place.location.file == written {
                section.context.error(place, "is not read with `headers: false`")
            }
            return source
        }
    }

    enum ClientTLSKeys {
        static let ca = Key(
            "ca", .inputFile("a PEM file"), .none("the system's authorities"),
            "PEM file of the only certificate authorities to trust.")

        static let kind: Kind<TrustedAuthorities?> = .mapping(Mapping(ca)) { section in
            // `.some(nil)` where nothing is written; after an error there is no file to come of it anyway.
            .some(section[ca].flatMap { CertificateFiles.authorities($0, section, ca) })
        }
    }
}

extension Schema.Key where Value == String {
    /// The same key, read with its place.
    var locatedName: Schema.Key<Located<String>> {
        Schema.Key<Located<String>>(name, kind.located, absence, inactive: inactive, merge: merge, doc)
    }
}

extension Schema.Kind where Value == String {
    /// What a header can carry. May be a credential, so it is never shown.
    static var headerValue: Self {
        let text = scalar(
            Schema.Scalar(
                noun: "header value", json: Schema.Scalar.anyText, pattern: Schema.Pattern.headerValue,
                shown: Schema.Shown.redacted)
        ) { text throws(Schema.Problem) in
            guard text.value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else {
                throw Schema.Problem("holds a character that no header can carry")
            }
            return text.value
        }
        return Self(shape: text.shape) { node, path, context in
            context.hide(node)
            guard let value = text.decode(node, path, context) else { return nil }
            // The path ends with the header's name.
            let name = path.split(separator: "headers").last ?? ""
            if !context.holdsReference(node), SecretWords.isOfSecret(header: name, value: value) {
                context.literalSecret(node, path)
            }
            return value
        }
    }
}
