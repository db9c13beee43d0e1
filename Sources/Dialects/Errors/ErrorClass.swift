/// What went wrong, in words no vendor owns; each client format has its own status and names for it (conversion.md 7.2).
public enum ErrorClass: String, Sendable, Hashable, CaseIterable {
    case badRequest
    case contextTooLong
    /// The request asks for what the conversion or the upstream cannot carry.
    case unsupported
    /// The client's key is missing or wrong.
    case authentication
    /// Money or quota is used up; waiting a little does not help.
    case billing
    case permission
    /// The model or the route is not known.
    case notFound
    case methodNotAllowed
    case tooLarge
    case conflict
    case rateLimit
    case overloaded
    case timeout
    /// The upstream is unreachable, cut off, or does not speak HTTP.
    case upstreamBroken
    case internalError
    /// The vendor refused the request for what it says.
    case contentPolicy
}

extension ErrorClass {
    /// The HTTP status a client of `dialect` expects for this class.
    public func status(for dialect: ClientDialect) -> Int {
        switch self {
        case .badRequest, .contextTooLong, .unsupported, .contentPolicy: 400
        case .authentication: 401
        case .billing: dialect == .anthropic ? 402 : 429
        case .permission: 403
        case .notFound: 404
        case .methodNotAllowed: 405
        case .tooLarge: 413
        case .conflict: 409
        case .rateLimit: 429
        case .overloaded: dialect == .anthropic ? 529 : 503
        case .timeout: 504
        case .upstreamBroken: dialect == .gemini ? 500 : 502
        case .internalError: 500
        }
    }

    /// The class that an HTTP status alone stands for.
    public init(status: Int) {
        switch status {
        case 401: self = .authentication
        case 402: self = .billing
        case 403: self = .permission
        case 404: self = .notFound
        case 405: self = .methodNotAllowed
        case 408, 504: self = .timeout
        case 409: self = .conflict
        case 413: self = .tooLarge
        case 429: self = .rateLimit
        case 500: self = .internalError
        case 501: self = .unsupported
        case 503, 529: self = .overloaded
        case 400..<500: self = .badRequest
        default: self = .upstreamBroken
        }
    }

    /// The vendor's words as clients of `dialect` have to read them.
    func shown(_ message: String, to dialect: ClientDialect) -> String {
        self == .contextTooLong ? ContextLimit.phrase(message, for: dialect) : message
    }

    /// Anthropic's `error.type`.
    var anthropicType: StaticString {
        switch self {
        case .badRequest, .contextTooLong, .unsupported, .contentPolicy, .methodNotAllowed: "invalid_request_error"
        case .authentication: "authentication_error"
        case .billing: "billing_error"
        case .permission: "permission_error"
        case .notFound: "not_found_error"
        case .tooLarge: "request_too_large"
        case .conflict: "conflict_error"
        case .rateLimit: "rate_limit_error"
        case .overloaded: "overloaded_error"
        case .timeout: "timeout_error"
        case .upstreamBroken, .internalError: "api_error"
        }
    }

    /// OpenAI's `error.type`.
    var openAIType: StaticString {
        switch self {
        case .badRequest, .contextTooLong, .unsupported, .contentPolicy, .methodNotAllowed, .authentication, .permission,
            .notFound, .tooLarge, .conflict:
            "invalid_request_error"
        case .billing: "insufficient_quota"
        case .rateLimit: "requests"
        case .overloaded: "service_unavailable_error"
        case .timeout, .upstreamBroken, .internalError: "server_error"
        }
    }

    /// OpenAI's `error.code`.
    var openAICode: String? {
        switch self {
        case .contextTooLong: "context_length_exceeded"
        case .unsupported: "unsupported_parameter"
        case .authentication: "invalid_api_key"
        case .billing: "insufficient_quota"
        case .notFound: "model_not_found"
        case .rateLimit: "rate_limit_exceeded"
        case .overloaded: "server_is_overloaded"
        case .timeout: "timeout"
        case .contentPolicy: "content_policy_violation"
        case .badRequest, .permission, .methodNotAllowed, .tooLarge, .conflict, .upstreamBroken, .internalError: nil
        }
    }

    /// The few codes that the `error` of a failed response may have; Codex goes by them.
    var responsesCode: String {
        switch self {
        case .rateLimit: "rate_limit_exceeded"
        case .billing: "insufficient_quota"
        case .contextTooLong: "context_length_exceeded"
        case .badRequest, .unsupported, .contentPolicy: "invalid_prompt"
        case .authentication, .permission, .notFound, .methodNotAllowed, .tooLarge, .conflict, .overloaded, .timeout,
            .upstreamBroken, .internalError:
            "server_error"
        }
    }

    /// Gemini's `error.status`.
    var geminiStatus: StaticString {
        switch self {
        case .badRequest, .contextTooLong, .unsupported, .contentPolicy, .methodNotAllowed, .tooLarge: "INVALID_ARGUMENT"
        case .authentication: "UNAUTHENTICATED"
        case .billing, .rateLimit: "RESOURCE_EXHAUSTED"
        case .permission: "PERMISSION_DENIED"
        case .notFound: "NOT_FOUND"
        case .conflict: "ABORTED"
        case .overloaded: "UNAVAILABLE"
        case .timeout: "DEADLINE_EXCEEDED"
        case .upstreamBroken, .internalError: "INTERNAL"
        }
    }
}
