import RuleEngine

extension Schema {
    /// The numbers of a limit: a policy's for each of its keys, or those of an entry of `usage_limits`.
    enum RateKeys {
        private static let many = 1...1_000_000_000_000

        private static func count(_ name: String, _ doc: String) -> Key<Int> { Key(name, .count(many), .none("no limit"), doc) }
        private static func money(_ name: String, _ doc: String) -> Key<Int> { Key(name, .money, .none("no limit"), doc) }

        static let requestsPerMinute = count("requests_per_minute", "Requests in any 60 seconds.")
        static let requestsPerDay = count("requests_per_day", "Requests in a day of `timezone`.")
        static let tokensPerMinute = count("tokens_per_minute", "Tokens in any 60 seconds: input, cache writes and output.")
        static let tokensPerDay = count("tokens_per_day", "Tokens in a day of `timezone`.")
        static let tokensPerMonth = count("tokens_per_month", "Tokens in a calendar month of `timezone`.")
        static let budgetPerDay = money("budget_per_day", "What may be spent in a day of `timezone`, by `prices`.")
        static let budgetPerMonth = money("budget_per_month", "What may be spent in a calendar month of `timezone`.")
        static let budgetTotal = money("budget_total", "What may be spent at all; forgotten after 30 days without use.")
        static let concurrentRequests = Key("concurrent_requests", .count(1...1_000_000), .none("no limit"), "Requests at once.")
        static let countCached = Key(
            "count_cached", .boolean, .value("false"),
            "Whether input read from a prompt cache counts as tokens. Money counts all.")
        static let reserve = Key(
            "reserve", Kind<UsageLimit.Reserve>.choice("way to reserve"), .value("full"),
            "Reserved for an answer until it is there: `full` the most that it may be, `typical` what answers of the model mostly are."
        )

        static let all: [any AnyKey] = [
            requestsPerMinute, requestsPerDay, tokensPerMinute, tokensPerDay, tokensPerMonth, budgetPerDay, budgetPerMonth,
            budgetTotal, concurrentRequests, countCached, reserve,
        ]

        static func numbers(_ section: Section) -> LimitNumbers {
            let rates: [(Key<Int>, LimitRate.Kind, LimitRate.Window)] = [
                (requestsPerMinute, .requests, .minute), (requestsPerDay, .requests, .day), (tokensPerMinute, .tokens, .minute),
                (tokensPerDay, .tokens, .day), (tokensPerMonth, .tokens, .month), (budgetPerDay, .cost, .day),
                (budgetPerMonth, .cost, .month), (budgetTotal, .cost, .total), (concurrentRequests, .concurrency, .now),
            ]
            return LimitNumbers(
                rates: rates.compactMap { key, kind, window in section[key].map { LimitRate(kind, per: window, most: $0) } },
                countsCached: section[countCached, or: false], reserve: section[reserve, or: .full])
        }
    }

    enum UsageLimitKeys {
        static let name = Key("name", .located(.text("a name")), .required, "What refusals and the admin API call it.")
        static let per = Key(
            "per", .located(.bucket), .required,
            "A text in CEL: each one it gives has counts of its own. The empty text: the limit does not apply.")
        static let when = Key("when", .located(.limitCondition), .none("always"), "A condition in CEL that narrows it.")
        static let onExhausted = Key(
            "on_exhausted", ExhaustedKeys.kind, .none("a refusal"), "What is done instead of refusing.")

        private static let mapping = Mapping(keys: [name, per, when, onExhausted] + RateKeys.all).demanding(
            .any(RateKeys.all.map { [$0.name] }.filter { $0 != ["count_cached"] && $0 != ["reserve"] }))

        static let kind = Kind<DecodedLimit>(
            shape: .mapping(mapping)
        ) { node, path, context in
            Section(node, path, mapping, context).flatMap {
                DecodedLimit($0)
            }
        }
    }

    enum ExhaustedKeys {
        static let tiers = Key(
            "tiers", TierKeys.list, .required, "Where the request goes then, in order; it does not count in this limit."
        ).nonEmpty

        static let kind: Kind<[DecodedTier]> = .mapping(Mapping(tiers)) { section in
            if let empty = section.place(ofEmpty: tiers) {
                section.context.error(empty, "is empty: the request would have nowhere to go")
            }
            return section[tiers]
        }
    }
}

extension Schema.Kind where Value == BucketExpression {
    static var bucket: Self {
        expression("expression", hidden: "what the reference stands for is no expression that gives a text") {
            text throws(Condition.Problem) in try BucketExpression(text, utcOffset: Zones.offset)
        }
    }
}

extension Schema.Kind where Value == Condition {
    static var limitCondition: Self {
        expression("condition", json: [.string, .boolean], hidden: "what the reference stands for is no condition") {
            text throws(Condition.Problem) in
            try Condition(ofLimit: text, utcOffset: Zones.offset)
        }
    }
}
