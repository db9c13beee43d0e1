/// What vendors say instead of an answer.
extension Provider {
    /// What comes in place of a response; nil for failures that happen to the response itself.
    static func instead(
        of model: String, _ failure: SimulatedFailure, _ format: WireFormat, isStream: Bool
    ) -> SimulatedResponse? {
        switch failure.kind {
        case .status(let status):
            var response = SimulatedResponse.json(format.error(status, "Simulated failure \(status) of \(model)"), status: status)
            if let seconds = failure.retryAfter { response.headers.append(("retry-after", String(seconds))) }
            return response
        case .exhausted: return exhausted(model, seconds: failure.retryAfter ?? 60, format)
        case .unauthorized: return refusedKey(format)
        case .disabled: return .json(format.error(403, "This organization has been disabled."), status: 403)
        case .forbiddenModel:
            return .json(format.error(403, "Your project does not have access to model `\(model)`."), status: 403)
        case .money: return withoutMoney(format)
        case .burst: return limited("Number of requests has exceeded your rate limit", seconds: failure.retryAfter ?? 2, format)
        case .garbage:
            let text = "<html><body>It works!</body></html>"
            return SimulatedResponse(headers: [("content-type", "text/html")], body: .whole(text, length: text.utf8.count))
        case .drop: return SimulatedResponse(body: .nothing)
        case .errorEvent: return isStream ? nil : .json(format.error(529, "Overloaded"), status: 529)
        case .slow, .cut: return nil
        }
    }

    /// What an account that has used up its allowance says.
    static func refusal(_ refusal: SimulatedAllowance.Refusal, _ model: String, _ format: WireFormat) -> SimulatedResponse {
        switch refusal {
        case .money: withoutMoney(format)
        case .window(let window, let seconds) where window.isCodex: usageLimit(seconds: seconds)
        case .window(let window, let seconds):
            switch format {
            case .messages: limited("This request would exceed your account's rate limit", seconds: seconds, format)
            case .chat, .responses:
                limited("Rate limit reached for \(model) on \(window.kind): Limit \(Int(window.limit))", seconds: seconds, format)
            }
        }
    }

    private static func limited(_ words: String, seconds: Int, _ format: WireFormat) -> SimulatedResponse {
        let text = words + (format == .messages ? ". Please try again later." : ". Please try again in \(seconds)s.")
        var response = SimulatedResponse.json(format.error(429, text), status: 429)
        response.headers.append(("retry-after", String(seconds)))
        return response
    }

    /// ChatGPT's subscriptions name the wait in the body alone.
    private static func usageLimit(seconds: Int) -> SimulatedResponse {
        .json(
            #"{"error":{"type":"usage_limit_reached","message":"The usage limit has been reached","plan_type":"pro","#
                + #""resets_in_seconds":\#(seconds)}}"#, status: 429)
    }

    private static func withoutMoney(_ format: WireFormat) -> SimulatedResponse {
        switch format {
        case .messages:
            let text =
                "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to purchase credits."
            return .json(format.error(400, text), status: 400)
        case .chat, .responses: return .json(format.error(402, "Insufficient Balance"), status: 402)
        }
    }

    static func exhausted(_ model: String, seconds: Int, _ format: WireFormat) -> SimulatedResponse {
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60)
        let wait = (hours > 0 ? "\(hours)h" : "") + (hours > 0 || minutes > 0 ? "\(minutes)m" : "") + "\(seconds % 60)s"
        switch format {
        case .messages:
            // 400, so that Claude Code does not try again: Antigravity's way, without a Retry-After.
            return .json(
                format.error(400, "You have exhausted your capacity on \(model). Quota will reset after \(wait)."), status: 400)
        case .chat, .responses:
            let text = "You exceeded your current quota for \(model), please check your plan and billing details."
            var response = SimulatedResponse.json(format.error(429, text, code: "insufficient_quota"), status: 429)
            response.headers.append(("retry-after", String(seconds)))
            return response
        }
    }

    static func refusedKey(_ format: WireFormat) -> SimulatedResponse {
        .json(format.error(401, format == .messages ? "invalid x-api-key" : "Incorrect API key provided."), status: 401)
    }
}
