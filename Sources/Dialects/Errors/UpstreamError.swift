import Basics

/// What an upstream said when it refused or failed, read from whatever shape it said it in.
public struct UpstreamError: Error, Sendable, Hashable {
    public var errorClass: ErrorClass
    /// The HTTP status; for an error inside a stream the one its class stands for.
    public var status: Int
    /// The upstream's own words, keys redacted, at most 2,000 characters.
    public var message: String
    /// The upstream's own `type`, and `code` or `status` word.
    public var type: String?
    public var code: String?
    /// The body speaks of exhausted, capacity, quota, credit, balance or rate limit: another account or tier may serve.
    public var isExhausted: Bool
    /// How long to wait, where the body says so; rounded up.
    public var retryAfterSeconds: Int?
    /// The wait is the reset of a quota or a window, not a courtesy.
    public var tellsReset: Bool
    /// When a plan's window begins anew, where the body tells the time instead: seconds since 1970.
    public var resetsAt: Int?
    /// What a refusal is about; nil where it does not say.
    public var subject: RefusalSubject?
    /// Whether the body is an error as a vendor's API writes it, or empty; false for what some firewall on the way may have said.
    public var isVendors = true
    /// The word of a detail.
    var reason: String?
    /// The status by which its words were understood.
    var readAs: Int?

    public init(
        errorClass: ErrorClass, status: Int, message: String, type: String? = nil, code: String? = nil,
        isExhausted: Bool = false, retryAfterSeconds: Int? = nil, tellsReset: Bool = false, subject: RefusalSubject? = nil
    ) {
        self.errorClass = errorClass
        self.status = status
        self.message = message
        self.type = type
        self.code = code
        self.isExhausted = isExhausted
        self.retryAfterSeconds = retryAfterSeconds
        self.tellsReset = tellsReset
        self.subject = subject
    }

    /// It says that something is used up for a while.
    public var isLimit: Bool { status == 429 || isExhausted || subject == .limit }

    /// Reads the body of a response with `status` (400 or above). Never fails: an unknown shape gives its text.
    public static func read(status: Int, body: UnsafeRawBufferPointer) -> UpstreamError {
        let body = body.withoutMark.slice(0..<65_536)
        let fields = ErrorFields(body)
        let message = fields.message ?? plainText(body)
        let own = VendorWords(message: message, [fields.type, fields.code, fields.reason])
        let coded = VendorCodes.meaning(fields.code, status: status)
        let subject = coded.map(\.subject) ?? RefusalWords.subject(status: status, own)
        let stated = statedWait(fields, body)
        var error = UpstreamError(
            errorClass: coded?.errorClass ?? classify(status: status, subject, body), status: status,
            message: Redaction.redact(message ?? "the upstream answered \(status)"), type: fields.type, code: fields.code,
            isExhausted: isExhausted(status, fields.message ?? "", own, body),
            retryAfterSeconds: stated?.seconds, tellsReset: stated?.isReset ?? false,
            subject: subject
        )
        error.resetsAt = fields.resetsAt ?? VendorCodes.reset(fields.code, in: message ?? "")
        error.reason = fields.reason
        error.isVendors = fields.isVendors || message == nil
        error.readAs = status
        // Whatever a server calls it, nothing is wrong with it, and no repetition helps.
        if status >= 500, error.errorClass == .contextTooLong { error.status = 400 }
        return error
    }

    /// The wait that a body tells in a field, else in words. Where the field is made for any wait, and words tell of a reset that is no
    /// sooner, that counts.
    private static func statedWait(_ fields: ErrorFields, _ body: UnsafeRawBufferPointer) -> (seconds: Int, isReset: Bool)? {
        let words = RetryAfter.wait(inMessage: body)
        guard let seconds = fields.retryAfterSeconds else { return words }
        if !fields.tellsReset, let words, words.isReset, words.seconds >= seconds - waitSlack {
            return (max(words.seconds, seconds), true)
        }
        return (seconds, fields.tellsReset)
    }

    /// Takes over the wait that the head names: it is until a reset where the head says so, or the body tells of one at that time.
    public mutating func take(wait seconds: Int, isReset: Bool) {
        let isTheBodys = tellsReset && abs((retryAfterSeconds ?? 0) - seconds) <= Self.waitSlack
        retryAfterSeconds = seconds
        tellsReset = isReset || isTheBodys
    }

    /// Two waits that differ by no more are one, in seconds.
    private static let waitSlack = 60

    /// The same as far as the vendor says it: without what `names` of the client's put into its words.
    public func heard(without names: [String]) -> UpstreamError {
        // A number says the same whatever a client is called.
        guard VendorCodes.meaning(code, status: readAs ?? self.status) == nil else { return self }
        let client = ClientWords(names)
        let text = client.blanked(message)
        let rest = [type, code, reason]
        let own = VendorWords(message: text, rest, client: client)
        let status = readAs ?? status
        guard readAs != nil, text != message || Self.subject(own, status, of: self) != subject else { return self }
        var error = self
        error.subject = RefusalWords.subject(status: status, own)
        var words = Array(text.utf8)
        for case let word? in rest {
            words.append(UInt8(ascii: " "))
            words += word.utf8
        }
        words.withUnsafeBytes { words in
            error.errorClass = Self.classify(status: status, error.subject, words)
            error.isExhausted = isExhausted && Self.isExhausted(status, text, own, words)
        }
        if status != self.status { error.status = error.errorClass.status(for: .openai) }
        let stated = Self.wait(in: message)
        if let stated, stated == retryAfterSeconds, Self.wait(in: text) != stated {
            error.retryAfterSeconds = nil
            error.tellsReset = false
        }
        return error
    }

    /// What an error is about without the client's words; what took nobody out needs no second look.
    private static func subject(_ own: VendorWords, _ status: Int, of error: UpstreamError) -> RefusalSubject? {
        switch error.subject {
        case .credential, .money, .limit: RefusalWords.subject(status: status, own)
        case .model, .request, .content, nil: error.subject
        }
    }

    private static func wait(in text: String) -> Int? {
        var text = text
        return text.withUTF8 { RetryAfter.wait(inMessage: UnsafeRawBufferPointer($0))?.seconds }
    }

    /// The same for one that came with a success: what it calls bad, or lost, the status did not. Limits, whatever they are called,
    /// keys, money, what was flagged and a prompt that is too long are what they are; all else is an upstream that gave no response.
    public var withinSuccess: UpstreamError {
        var error = self
        switch errorClass {
        case .rateLimit, .overloaded, .authentication, .billing, .permission, .contentPolicy, .contextTooLong: return self
        case .badRequest, .unsupported, .notFound, .methodNotAllowed, .tooLarge, .conflict:
            if subject == .content {
                error.errorClass = .contentPolicy
                return error
            }
            if isExhausted {
                (error.errorClass, error.status) = (.rateLimit, 429)
                return error
            }
            // It says nothing of what others ask for.
            error.subject = .request
        case .timeout, .upstreamBroken, .internalError: if subject != .money { error.subject = nil }
        }
        error.errorClass = .upstreamBroken
        error.status = 502
        return error
    }

    /// A request that is refused as bad is often quoted: a client that calls a tool `credit` has exhausted nothing.
    private static func isExhausted(
        _ status: Int, _ message: String, _ own: VendorWords, _ body: UnsafeRawBufferPointer
    ) -> Bool {
        guard status >= 400, speaksOfExhaustion(body) else { return false }
        guard blamesRequest(status) else { return true }
        var message = message
        return own.speaksOfExhaustion || !message.withUTF8 { speaksOfExhaustion(UnsafeRawBufferPointer($0)) }
    }

    /// Reads an error that came as an event of a stream.
    public static func readEvent(_ data: UnsafeRawBufferPointer, dialect: ClientDialect) -> UpstreamError {
        let fields = ErrorFields(data.slice(0..<65_536))
        let isTooLong = ContextLimit.says(data.slice(0..<65_536))
        let status =
            fields.status ?? ErrorClass(word: fields.type, fields.code)?.status(for: dialect) ?? (isTooLong ? 400 : 500)
        var error = read(status: status, body: data)
        // Its words may say more than its type did.
        if fields.status == nil { error.status = error.errorClass.status(for: dialect) }
        return error
    }

    /// Whether a body speaks of a limit that another account or tier may not have (config.md, `exhausted`).
    static func speaksOfExhaustion(_ body: UnsafeRawBufferPointer) -> Bool {
        exhaustion.contains { ByteSearch.contains($0, in: body) }
    }

    static let exhaustion: [StaticString] = [
        "exhausted", "capacity", "quota", "credit", "balance", "rate limit", "rate_limit", "rate-limit", "ratelimit",
        "throttlingexception",
    ]

    // MARK: Classes

    /// The class: by status first, refined by what the body says (conversion.md 7.2).
    private static func classify(
        status: Int, _ subject: RefusalSubject?, _ body: UnsafeRawBufferPointer
    ) -> ErrorClass {
        func says(_ phrases: StaticString...) -> Bool { phrases.contains { ByteSearch.contains($0, in: body) } }
        if says("exhausted your capacity", "exhausted capacity", "quota will reset after") { return .rateLimit }
        // Bedrock and what stands before it, with any status.
        if says("throttlingexception") { return .rateLimit }
        switch status {
        case 429, 402:
            let isBilling = says("insufficient_quota", "credit_balance_exhausted", "billing_hard_limit_reached")
            return isBilling || status == 402 || subject == .money ? .billing : .rateLimit
        case 400, 404, 413, 422:
            if ContextLimit.says(body) { return .contextTooLong }
            if subject == .content { return .contentPolicy }
            if subject == .money { return .billing }
            if subject == .credential { return .authentication }
            if says("model_not_found", "deploymentnotfound", "model not exist", "invalid_model") { return .notFound }
            if says("model"), says("does not exist") { return .notFound }
            if says("content_policy_violation", "content_filter") { return .contentPolicy }
            return status == 404 ? .notFound : status == 413 ? .tooLarge : .badRequest
        case 401 where subject == .limit, 403 where subject == .limit: return .rateLimit
        case 403 where subject == .content: return .contentPolicy
        case 403 where says("api_key_invalid"): return .authentication
        case 500..<600 where ContextLimit.says(body): return .contextTooLong
        case 500..<600 where says("overloaded"): return .overloaded
        default: return ErrorClass(status: status)
        }
    }

    /// The text of a body that is no JSON: what is outside of tags, scripts and styles, the first 500 bytes.
    private static func plainText(_ body: UnsafeRawBufferPointer) -> String? {
        var text: [UInt8] = []
        var index = 0
        while index < body.count, text.count < 500 {
            let byte = body[index]
            if byte == UInt8(ascii: "<") {
                index = tagEnd(body, index)
                if let last = text.last, last != UInt8(ascii: " ") { text.append(UInt8(ascii: " ")) }
                continue
            }
            index += 1
            if byte > 0x20, byte != 0x7F {
                text.append(byte)
            } else if let last = text.last, last != UInt8(ascii: " ") {
                text.append(UInt8(ascii: " "))
            }
        }
        while text.last == UInt8(ascii: " ") { text.removeLast() }
        return text.isEmpty ? nil : String(decoding: text, as: UTF8.self)
    }

    /// Past the tag at `index`; past the end of a script or a style, which are no words.
    private static func tagEnd(_ body: UnsafeRawBufferPointer, _ index: Int) -> Int {
        let rest = body.slice(index..<body.count)
        for (open, close) in [("<script", "</script"), ("<style", "</style"), ("<!--", "-->")] as [(StaticString, StaticString)] {
            let isHere = ByteSearch.firstIndex(of: open, in: rest.slice(0..<open.utf8CodeUnitCount), from: 0) != nil
            guard isHere else { continue }
            guard let end = ByteSearch.firstIndex(of: close, in: body, from: index) else { return body.count }
            return end + close.utf8CodeUnitCount
        }
        guard let end = rest.firstIndex(of: UInt8(ascii: ">")) else { return body.count }
        return index + end + 1
    }
}

extension ErrorClass {
    /// The class that an error's own words name, as far as they do.
    init?(word type: String?, _ code: String?) {
        switch type ?? "" {
        case "invalid_request_error": self = .badRequest
        case "authentication_error": self = .authentication
        case "billing_error", "insufficient_quota": self = .billing
        case "permission_error": self = .permission
        case "not_found_error": self = .notFound
        case "request_too_large": self = .tooLarge
        case "rate_limit_error", "requests", "tokens", "rate_limit_exceeded", "usage_limit_reached": self = .rateLimit
        case "timeout_error": self = .timeout
        case "overloaded_error", "service_unavailable_error": self = .overloaded
        case "conflict_error": self = .conflict
        case "api_error", "server_error": self = .internalError
        default:
            switch code ?? "" {
            case "RESOURCE_EXHAUSTED", "rate_limit_exceeded": self = .rateLimit
            case "UNAVAILABLE", "server_is_overloaded", "slow_down": self = .overloaded
            case "INVALID_ARGUMENT", "FAILED_PRECONDITION", "invalid_prompt": self = .badRequest
            case "UNAUTHENTICATED", "invalid_api_key": self = .authentication
            case "PERMISSION_DENIED": self = .permission
            case "NOT_FOUND", "model_not_found": self = .notFound
            case "DEADLINE_EXCEEDED", "timeout": self = .timeout
            case "context_length_exceeded": self = .contextTooLong
            case "insufficient_quota": self = .billing
            case "INTERNAL", "server_error": self = .internalError
            default: return nil
            }
        }
    }
}
