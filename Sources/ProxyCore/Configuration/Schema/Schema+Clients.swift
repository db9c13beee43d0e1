import RuleEngine

extension Schema {
    enum PolicyKeys {
        static let models = Key(
            "models", .list(.modelGlob), .none("every model"), "Globs over the models it may ask for; any other is a 403.")
        static let paths = Key(
            "paths", .list(.pathGlob), .none("all without `models`, none with it"),
            "Globs over paths that name no model (files, batches, stored answers) and may be asked for; any other is a 403.")
        static let allowFrom = Key(
            "allow_from", .list(.addressRange), .value("[]"), "Addresses its keys may be used from; empty allows all.")

        static let kind: Kind<KeyPolicy> = .mapping(
            Mapping(keys: [models, paths, allowFrom] + RateKeys.all)
        ) { section in
            var policy = KeyPolicy(name: "")
            policy.models = section[models]?.map(\.text)
            policy.paths = section[paths]?.map(\.text)
            policy.allowFrom = section[allowFrom, or: []]
            policy.numbers = RateKeys.numbers(section)
            if let empty = section.place(ofEmpty: models) {
                section.context.warning(empty, "is empty: its keys may ask for no model; leave it out for every model")
            }
            section.warnAboutEmpty(allowFrom)
            return policy
        }
    }

    enum KeyKeys {
        static let name = Key("name", .located(.text("a name")), .required, "Whose key it is; what usage is booked to.")
        static let key = Key("key", .secret, .none("`hash` then"), "The key itself, best as a reference.")
        static let hash = Key("hash", .keyDigest, .none("`key` then"), "Its SHA-256: `sha256:` and 64 hexadecimal digits.")
        static let policy = Key("policy", .located(.text("a policy's name")), .none("default"), "Name of a policy.")
        static let tags = Key(
            "tags", .tags, .value("{}"), "`key.tags` of conditions; added to the usage record.")
        static let enabled = Key("enabled", .boolean, .value("true"), "Off refuses the key with a 403, and keeps its usage.")

        static let kind: Kind<DecodedKey> = .mapping(
            Mapping(name, key, hash, policy, tags, enabled).demanding(.one([["key"], ["hash"]]))
        ) { section in
            let name = section[name]
            let key = section[key]
            let hash = section[hash]
            let policy = section[policy]
            let tags = section[tags, or: []]
            let enabled = section[enabled, or: true]
            if section.has(Self.key), let place = section.place(Self.hash) {
                section.context.error(place, "'key' and 'hash' exclude one another")
            } else if !section.has(Self.key), !section.has(Self.hash), !section.isMisnamed(Self.key),
                !section.isMisnamed(Self.hash)
            {
                section.context.error(at: section.location, section.path, "'key' or 'hash' is missing")
            }
            guard let name, let digest = key.map({ KeyDigest(hashing: $0.reveal()) }) ?? hash else { return nil }
            if let problem = KeyName.problem(with: name.value) { section.context.error(name, "a key\(problem)") }
            let masked = key.map { DeclaredKey.masked($0) } ?? ""
            let place = section.place(key == nil ? Self.hash : Self.key)
            return DecodedKey(
                name: name, digest: digest, masked: masked, policy: policy,
                tags: Dictionary(tags.map { ($0.name.value, $0.value) }) { first, _ in first }, enabled: enabled,
                weakness: key.map { WeakKeys.weakness(of: $0) } ?? WeakKeys.weakness(of: digest),
                weakPlace: place ?? Located(value: (), location: name.location, path: name.path))
        }
    }

    enum PriceKeys {
        static let input = Key("input", .price, .value("0"), "Input that no cache held.")
        static let output = Key("output", .price, .value("0"), "Output, reasoning included.")
        static let cacheRead = Key("cache_read", .price, .inherited("input"), "Input read from a prompt cache.")
        static let cacheWrite = Key("cache_write", .price, .inherited("input"), "Input written to a prompt cache.")

        static let cacheWriteHour = Key(
            "cache_write_1h", .price, .inherited("cache_write"), "Input written to a prompt cache for an hour.")

        static let reasoning = Key(
            "reasoning", .price, .inherited("output"), "Output that was reasoning, where it has another price.")

        static let mapping = Mapping(input, output, cacheRead, cacheWrite, cacheWriteHour, reasoning)

        static let kind: Kind<Price> = .mapping(mapping) { price($0) }

        static func price(_ section: Section) -> Price {
            var price = Price()
            price.input = section[input, or: 0]
            price.output = section[output, or: 0]
            price.cacheRead = section[cacheRead]
            price.cacheWrite = section[cacheWrite]
            price.cacheWriteHour = section[cacheWriteHour]
            price.reasoning = section[reasoning]
            return price
        }
    }

    enum UsageKeys {
        static let onStorageFailure = Key(
            "on_storage_failure", Kind<Configuration.StorageFailurePolicy>.choice("way to go on"), .value("refuse"),
            "When usage cannot be written: `refuse` requests, or `continue` unaccounted, with an alarm.")

        static let assumedOutput = Key(
            "assumed_output", .count(1...100_000_000), .value("4096"),
            "Tokens that limits reserve for an answer of which neither the request nor the tier says how long it may be.")

        static let keepRequests = Key(
            "keep_requests", .period(upTo: .seconds(3_650 * 86_400)), .value("30d"),
            "How long the records of requests are kept (`GET /admin/requests`); `0` for none. Sums are kept for ever.")

        static let durability = Key(
            "durability", Kind<Configuration.Durability>.choice("durability"), .value("crash"),
            "What usage survives before an answer ends: a `crash` of proxyd, or a cut of `power`, which waits for the disk each time."
        )

        static let kind: Kind<Configuration.Usage> = .mapping(
            Mapping(onStorageFailure, assumedOutput, keepRequests, durability)
        ) { section in
            var usage = Configuration.Usage()
            usage.keepRequests = section[keepRequests, or: usage.keepRequests]
            usage.durability = section[durability, or: usage.durability]
            usage.onStorageFailure = section[onStorageFailure, or: usage.onStorageFailure]
            usage.assumedOutput = section[assumedOutput, or: usage.assumedOutput]
            return usage
        }
    }

    enum LarkKeys {
        static let appID = Key("app_id", .text("an app's id"), .required, "The app's id.")
        static let appSecret = Key("app_secret", .passphrase, .required, "The app's secret.")
        static let tokenFile = Key("token_file", .madeFile, .required, "Where the user's token is kept (0600).")
        static let forwardCardsTo = Key(
            "forward_cards_to", .webAddress("a URL"), .none("cards are not passed on"), "Who answers card actions, within 5 s.")
        static let checkState = Key(
            "check_state", .boolean, .value("true"), "Off for a flow that began elsewhere than at /oauth/login.")
        static let verificationToken = Key(
            "verification_token", .passphrase, .none("not checked"), "Verification token of the app's events.")
        static let encryptKey = Key("encrypt_key", .passphrase, .none("not encrypted"), "Encrypt key of the app's events.")
        static let api = Key("api", .webAddress("a URL"), .value("https://open.larksuite.com"), "Lark's address.")

        static let kind: Kind<Configuration.Lark> = .mapping(
            Mapping(appID, appSecret, tokenFile, forwardCardsTo, checkState, verificationToken, encryptKey, api)
        ) { section in
            let id = section[appID]
            let secret = section[appSecret]
            let file = section[tokenFile]
            var lark = Configuration.Lark(appID: id ?? "", appSecret: secret ?? Secret(""), tokenFile: file ?? "")
            lark.forwardCardsTo = section[forwardCardsTo]
            lark.checkState = section[checkState, or: true]
            lark.verificationToken = section[verificationToken]
            lark.encryptKey = section[encryptKey]
            lark.api = section[api, or: lark.api]
            if lark.forwardCardsTo != nil, lark.encryptKey == nil, lark.verificationToken == nil,
                !section.has(encryptKey), !section.has(verificationToken), let place = section.place(forwardCardsTo)
            {
                section.context.warning(
                    place,
                    "whoever finds /oauth/callback can press the buttons: set encrypt_key, or verification_token, of the Lark app"
                )
            }
            return id == nil || secret == nil || file == nil ? nil : lark
        }
    }
}

extension Schema.Kind where Value == KeyDigest {
    /// `sha256:` and 64 hexadecimal digits.
    static var keyDigest: Self {
        scalar(Schema.Scalar(noun: "key's hash", pattern: "sha256:[0-9a-fA-F]{64}", shown: Schema.Shown.redacted)) {
            text throws(Schema.Problem) in
            guard text.value.hasPrefix("sha256:"), let digest = KeyDigest(hex: text.value.dropFirst(7)) else {
                throw Schema.Problem("is not a key's hash; write 'sha256:' and 64 hexadecimal digits")
            }
            return digest
        }
    }
}

extension DeclaredKey {
    /// `sk-abcde...wxyz`: too little to be of use; of a short key nothing.
    static func masked(_ key: Secret) -> String {
        let text = key.reveal()
        return text.count < 24 ? "..." : "\(text.prefix(8))...\(text.suffix(4))"
    }
}
