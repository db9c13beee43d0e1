import Basics

/// The fields of an error body, found in any of the shapes vendors and compatible servers use (conversion.md 7.1).
struct ErrorFields {
    var message: String?
    var type: String?
    var code: String?
    /// The word of a detail, such as Google's `ErrorInfo` has it.
    var reason: String?
    /// An HTTP status the body itself names.
    var status: Int?
    var retryAfterSeconds: Int?
    /// When a plan's window begins anew, in seconds since 1970.
    var resetsAt: Int?
    /// The wait is until a window begins anew.
    var tellsReset = false
    /// It is an object with words, and no mere `Forbidden` as gateways on the way have it.
    private(set) var isVendors = false

    init(_ body: UnsafeRawBufferPointer) {
        guard let value = try? JSONValue(parsing: body, limits: JSONValue.Limits(depth: 64, count: 10_000)) else { return }
        // Gemini wraps the error of a non-SSE stream in an array.
        let root = value.array?.first ?? value
        if let text = root.string {
            message = text
            return
        }
        guard root.object != nil else { return }
        let nested = root["response"]?["error"] ?? root["error"]
        if let error = nested, error.object != nil {
            read(error)
        } else if let text = nested?.string {
            message = text
            code = root["code"]?.string
            // TGI: the kind beside the words.
            type = root["error_type"]?.string
        } else {
            read(root)
            if message == nil { message = Self.detail(root["detail"]) ?? Self.detail(root["errors"]) }
            if message == nil { message = Self.odd(root) }
            // The type of the event itself is no error type.
            if type == "error" { type = nil }
        }
        if message == nil { message = root["message"]?.string }
        isVendors = nested != nil || type != nil || code != nil || (message.map { $0.lowercased() != "forbidden" } ?? false)
    }

    /// What Google asks to wait for is a rate's minute; a wait that is longer than this is a quota's, in seconds.
    private static let longestCourtesy = 3_600

    /// The names under which some servers have their words: Z.ai, MiniMax, FastChat, TGI, Bedrock, Baidu.
    private static func odd(_ error: JSONValue) -> String? {
        for key in ["msg", "error_msg", "errorMessage", "Message", "error_message", "status_msg", "error_description", "title"] {
            if let text = error[key]?.string, !text.isEmpty { return text }
        }
        return error["base_resp"]?["status_msg"]?.string
    }

    private mutating func read(_ error: JSONValue) {
        message = error["message"]?.string ?? Self.detail(error["message"]) ?? Self.odd(error)
        // llama.cpp: the numbers beside the words, where they are not in them.
        if let tokens = error["n_prompt_tokens"]?.int, let limit = error["n_ctx"]?.int, let said = message,
            !said.utf8.contains(where: { ASCII.isDigit($0) })
        {
            message = said + " (\(tokens) tokens > \(limit) maximum)"
        }
        // Amazon's services have it under a name of their own.
        type = error["type"]?.string ?? error["__type"]?.string
        code = error["code"]?.string ?? error["status"]?.string ?? error["details"]?["error_code"]?.string
        let number = error["code"]?.int ?? error["code"]?.string.flatMap { Int($0) } ?? error["http_status"]?.int
        if code == nil, let number, number >= 1_000, number < 10_000 { code = String(number) }
        if let number, number >= 400, number < 600 {
            status = number
            if code.flatMap({ Int($0) }) != nil { code = error["status"]?.string }
        }
        // Codex: its plan's window.
        if let seconds = error["resets_in_seconds"]?.int, seconds >= 0 {
            retryAfterSeconds = min(seconds, RetryAfter.longest)
            tellsReset = true
        }
        resetsAt = error["resets_at"]?.int.flatMap { RetryAfter.instant(Double($0)) }.map { Int($0) }
        // OpenRouter: the fields of its head, beside the words.
        if resetsAt == nil, let headers = error["metadata"]?["headers"], let reset = headers["X-RateLimit-Reset"] {
            resetsAt = (reset.int ?? reset.string.flatMap { Int($0) }).flatMap { RetryAfter.instant(Double($0)) }.map {
                Int($0.rounded(.up))
            }
        }
        if let raw = error["metadata"]?["raw"]?.string, message == nil || message == "Provider returned error" { message = raw }
        for detail in error["details"]?.array ?? [] {
            if !tellsReset, let delay = detail["retryDelay"]?.string {
                retryAfterSeconds = RetryAfter.seconds(duration: delay)
                // Google tells of a quota in the field that is made for any wait.
                tellsReset = code == "RESOURCE_EXHAUSTED" && (retryAfterSeconds ?? 0) > Self.longestCourtesy
            }
            // Google's Code Assist, Antigravity: how far a model's reset is off.
            if let delay = detail["metadata"]?["quotaResetDelay"]?.string, let seconds = RetryAfter.seconds(duration: delay) {
                (retryAfterSeconds, tellsReset) = (seconds, true)
            }
            if let word = detail["reason"]?.string {
                reason = reason ?? word
                code = code ?? word
            }
        }
    }

    /// FastAPI's `detail`: a text, an object with a message, or a list of `{loc, msg}`.
    private static func detail(_ value: JSONValue?) -> String? {
        switch value {
        case .string, .unpaired: return value?.string
        case .array(let items):
            let texts = items.prefix(5).compactMap { $0["msg"]?.string ?? $0["message"]?.string ?? $0.string }
            return texts.isEmpty ? nil : texts.joined(separator: "; ")
        case .object: return value?["message"]?.string ?? value?["msg"]?.string ?? value?["error"]?.string ?? value?.text
        case .null, .bool, .number, nil: return nil
        }
    }
}
