/// What a condition may name: each variable's type, where its value is, and which group of facts it belongs to.
enum ConditionVariables {
    static let environment: Environment = {
        var environment = Environment()
        environment.strictness = .complete
        for variable in request + key + rest { environment.declare(variable) }
        environment.declare(quota)
        environment.declare(quotaRunsOut)
        environment.declare(healthy)
        environment.declare(limit)
        return environment
    }()

    /// What a limit's `per` may ask of a request: all but how much limits have left. A tag that the key lacks is the empty text.
    static let bucketEnvironment: Environment = {
        var environment = Environment()
        environment.strictness = .complete
        for variable in request + key + rest where variable.name != "key.tags" { environment.declare(variable) }
        environment.declare(
            Variable(name: "key.tags", type: .map(.string, .string), reads: .key) {
                .map(CELMap($0.key.tags, missing: ""))
            })
        environment.declare(quota)
        environment.declare(quotaRunsOut)
        environment.declare(healthy)
        return environment
    }()

    /// What a limit's `when` may ask: the same, and what other limits have left.
    static let limitEnvironment: Environment = {
        var environment = bucketEnvironment
        environment.declare(limit)
        return environment
    }()

    private static let request: [Variable] = [
        Variable(name: "request.model", type: .string, reads: .model) { .string($0.request.model) },
        Variable(name: "request.path", type: .string, reads: .line) { .string($0.request.path) },
        Variable(name: "request.method", type: .string, reads: .line) { .string($0.request.method) },
        Variable(name: "request.dialect", type: .string, reads: .line) { .string($0.request.dialect) },
        Variable(name: "request.id", type: .string, reads: .line) { .string($0.request.id) },
        Variable(name: "request.stream", type: .bool, reads: .parameters) { .bool($0.request.stream) },
        Variable(name: "request.has_tools", type: .bool, reads: .body) { .bool($0.request.hasTools) },
        Variable(name: "request.has_images", type: .bool, reads: .body) { .bool($0.request.hasImages) },
        Variable(name: "request.thinking", type: .bool, reads: .body) { .bool($0.request.thinking) },
        Variable(name: "request.size", type: .int, reads: .parameters) { .int($0.request.size) },
        Variable(name: "request.input_tokens", type: .int, reads: .body) { .int($0.request.inputTokens) },
        Variable(name: "request.max_tokens", type: .int, reads: .parameters) { .int($0.request.maxTokens) },
        Variable(name: "request.messages", type: .int, reads: .body) { .int($0.request.messages) },
        Variable(name: "request.headers", type: .map(.string, .string), reads: .headers, hasLowercaseKeys: true) {
            .map(CELMap($0.request.headers))
        },
        Variable(name: "request.metadata", type: .map(.string, .string), reads: .metadata) { .map(CELMap($0.request.metadata)) },
        Variable(name: "request.session", type: .string, reads: .origin) { .string($0.request.session) },
        Variable(name: "request.agent", type: .string, reads: .origin) { .string($0.request.agent) },
        Variable(name: "request.parent_agent", type: .string, reads: .origin) { .string($0.request.parentAgent) },
    ]

    private static let key: [Variable] = [
        Variable(name: "key.id", type: .string, reads: .key) { .string($0.key.id) },
        Variable(name: "key.name", type: .string, reads: .key) { .string($0.key.name) },
        Variable(name: "key.policy", type: .string, reads: .key) { .string($0.key.policy) },
        Variable(name: "key.tags", type: .map(.string, .string), reads: .key) { .map(CELMap($0.key.tags)) },
        Variable(name: "key.tokens_today", type: .int, reads: .usage) { .int($0.key.tokensToday) },
        Variable(name: "key.requests_today", type: .int, reads: .usage) { .int($0.key.requestsToday) },
        Variable(name: "key.spend_today", type: .double, reads: .usage) { .double($0.key.spendToday) },
    ]

    private static let rest: [Variable] = [
        Variable(name: "client.ip", type: .string, reads: .client) { .string($0.clientIP) },
        Variable(name: "now", type: .timestamp, reads: .time) { .timestamp($0.now) },
    ]

    private static let quota = Function(
        "quota", [.global([.string, .string], .double)],
        .overFacts { arguments, facts, frame throws(EvaluationError) in
            guard arguments.count == 2, case .string(let upstream) = arguments[0], case .string(let model) = arguments[1]
            else { throw .noOverload("quota", arguments) }
            let share = facts.quota(upstream, model)
            frame.trace?.note("quota(\(arguments[0].shown), \(arguments[1].shown))", CELValue.double(share).shown)
            return .double(share)
        }, isPure: false, reads: .quota)

    private static let quotaRunsOut = Function(
        "quota_runs_out", [.global([.string, .string], .timestamp)],
        .overFacts { arguments, facts, frame throws(EvaluationError) in
            guard arguments.count == 2, case .string(let upstream) = arguments[0], case .string(let model) = arguments[1]
            else { throw .noOverload("quota_runs_out", arguments) }
            let time = CELValue.timestamp(facts.quotaRunsOut(upstream, model))
            frame.trace?.note("quota_runs_out(\(arguments[0].shown), \(arguments[1].shown))", time.shown)
            return time
        }, isPure: false, reads: .quota)

    private static let healthy = Function(
        "healthy", [.global([.string], .bool)],
        .overFacts { arguments, facts, frame throws(EvaluationError) in
            guard arguments.count == 1, case .string(let upstream) = arguments[0] else { throw .noOverload("healthy", arguments) }
            let isHealthy = facts.healthy(upstream)
            frame.trace?.note("healthy(\(arguments[0].shown))", isHealthy ? "true" : "false")
            return .bool(isHealthy)
        }, isPure: false, reads: .health)

    private static let limit = Function(
        "limit", [.global([.string], .double)],
        .overFacts { arguments, facts, frame throws(EvaluationError) in
            guard arguments.count == 1, case .string(let name) = arguments[0] else { throw .noOverload("limit", arguments) }
            let share = facts.limit(name)
            frame.trace?.note("limit(\(arguments[0].shown))", CELValue.double(share).shown)
            return .double(share)
        }, isPure: false, reads: .limits)
}
