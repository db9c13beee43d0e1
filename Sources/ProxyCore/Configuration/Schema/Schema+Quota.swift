import HTTP1

/// What accounts may use where no vendor tells it, and vendors' own names of headers.
extension Schema {
    enum AccountQuotaKeys {
        static let declared = Key(
            "declared", DeclaredKeys.kind, .required,
            "What the vendor allows the account; counted here, from the start of the process.")

        static let kind: Kind<[LimitRate]> = .mapping(Mapping(declared)) { section in section[declared] }
    }

    /// Numbers of a vendor's windows; they bear the names of limits.
    enum DeclaredKeys {
        private static let many = 1...1_000_000_000_000

        private static func count(_ name: String, _ doc: String) -> Key<Int> {
            Key(name, .count(many), .none("not counted"), doc)
        }
        private static func money(_ name: String, _ doc: String) -> Key<Int> { Key(name, .fortune, .none("not counted"), doc) }

        static let requestsPerMinute = count("requests_per_minute", "Requests in a minute, which begins with its first.")
        static let requestsPerDay = count("requests_per_day", "Requests in a day of `timezone`.")
        static let tokensPerMinute = count("tokens_per_minute", "Tokens in a minute: all input and output.")
        static let tokensPerDay = count("tokens_per_day", "Tokens in a day of `timezone`.")
        static let tokensPerMonth = count("tokens_per_month", "Tokens in a calendar month of `timezone`.")
        static let budgetPerDay = money("budget_per_day", "What may be spent in a day of `timezone`, by `prices`.")
        static let budgetPerMonth = money("budget_per_month", "What may be spent in a calendar month of `timezone`.")

        static let kind: Kind<[LimitRate]> = .mapping(
            Mapping(
                requestsPerMinute, requestsPerDay, tokensPerMinute, tokensPerDay, tokensPerMonth, budgetPerDay, budgetPerMonth
            ).demanding(
                .any(
                    [
                        requestsPerMinute, requestsPerDay, tokensPerMinute, tokensPerDay, tokensPerMonth, budgetPerDay,
                        budgetPerMonth,
                    ]
                    .map { [$0.name] }))
        ) { section in
            let rates: [(Key<Int>, LimitRate.Kind, LimitRate.Window)] = [
                (requestsPerMinute, .requests, .minute), (requestsPerDay, .requests, .day), (tokensPerMinute, .tokens, .minute),
                (tokensPerDay, .tokens, .day), (tokensPerMonth, .tokens, .month), (budgetPerDay, .cost, .day),
                (budgetPerMonth, .cost, .month),
            ]
            if !rates.contains(where: { section.has($0.0) || section.isMisnamed($0.0) }) {
                let place = Located(value: (), location: section.location, path: section.path)
                section.context.error(place, "declares nothing: write a number, such as tokens_per_day or requests_per_minute")
            }
            return rates.compactMap { key, kind, window in section[key].map { LimitRate(kind, per: window, most: $0) } }
        }
    }

    /// Which headers tell of one kind of window.
    enum QuotaHeaderKeys {
        private static func names(_ kind: String, _ what: String) -> Key<QuotaHeaderNames> {
            Key(kind, QuotaHeaderNameKeys.kind(of: kind), .none("not told"), "Headers that tell of \(what).")
        }

        static let requests = names("requests", "requests")
        static let tokens = names("tokens", "tokens")
        static let inputTokens = names("input_tokens", "tokens of prompts")
        static let outputTokens = names("output_tokens", "tokens of answers")
        static let cost = names("cost", "money, in US dollars")

        static let kind: Kind<[QuotaHeaderNames]> = .mapping(
            Mapping(requests, tokens, inputTokens, outputTokens, cost)
        ) { section in
            [requests, tokens, inputTokens, outputTokens, cost].compactMap { section[$0] }
        }
    }

    enum QuotaHeaderNameKeys {
        static let limit = Key("limit", .fieldName, .none("not told"), "The header of how much there is in all.")
        static let remaining = Key("remaining", .fieldName, .required, "The header of how much is left.")
        static let reset = Key(
            "reset", .fieldName, .none("not told"), "The header of the reset: `6m0s`, seconds, or an instant in any common form.")

        static func kind(of kind: String) -> Kind<QuotaHeaderNames> {
            .mapping(Mapping(limit, remaining, reset)) { section in
                let limit = section[limit]
                let remaining = section[remaining]
                let reset = section[reset]
                return remaining.map { QuotaHeaderNames(kind: kind, limit: limit, remaining: $0, reset: reset) }
            }
        }
    }
}

extension Schema.Kind where Value == String {
    /// A header's name: a token of RFC 9110.
    static var fieldName: Self { field(Schema.Pattern.fieldName, but: []) }

    /// The name of a header that can carry a credential: none that says how a request is read.
    static var credentialField: Self { field(Schema.Pattern.credentialField, but: Schema.UpstreamKeys.keptFields) }

    private static func field(_ pattern: String, but kept: [String]) -> Self {
        scalar(Schema.Scalar(noun: "header name", json: Schema.Scalar.anyText, pattern: pattern)) {
            text throws(Schema.Problem) in
            guard !kept.contains(text.value.lowercased()) else {
                throw Schema.Problem("\(text.shown) is a header that proxyd writes itself; write one such as x-api-key")
            }
            guard text.value.utf8.allSatisfy(ByteScan.isToken), (1...96).contains(text.value.utf8.count) else {
                throw Schema.Problem("\(text.shown) is no header's name; write one such as x-ratelimit-remaining")
            }
            return text.value
        }
    }
}
