/// Which of the formats a request speaks; its path tells.
enum WireFormat: Sendable, CaseIterable {
    /// Anthropic Messages.
    case messages
    /// OpenAI Chat Completions.
    case chat
    /// OpenAI Responses.
    case responses

    init?(path: String) {
        switch path {
        case "/v1/messages", "/v1/messages/count_tokens": self = .messages
        case "/v1/chat/completions", "/chat/completions": self = .chat
        case "/v1/responses", "/responses": self = .responses
        default: return nil
        }
    }

    /// The body of an error, as the vendor writes it (conversion.md 7).
    func error(_ status: Int, _ message: String, code: String? = nil) -> String {
        let code = code ?? self.code(of: status)
        switch self {
        case .messages:
            return #"{"type":"error","error":{"type":\#(quoted(type(of: status))),"message":\#(quoted(message))}}"#
        case .chat, .responses:
            let code = orNull(code.map(quoted))
            return #"{"error":{"message":\#(quoted(message)),"type":\#(quoted(type(of: status))),"param":null,"code":\#(code)}}"#
        }
    }

    /// The event that ends a stream which fails after its 200.
    func errorEvent(_ status: Int, _ message: String) -> String {
        switch self {
        case .messages: "event: error\ndata: \(error(status, message))\n\n"
        case .chat: "data: \(error(status, message))\n\n"
        case .responses:
            "event: error\ndata: "
                + #"{"type":"error","code":"server_error","message":\#(quoted(message)),"param":null,"sequence_number":0}"#
                + "\n\n"
        }
    }

    private func type(of status: Int) -> String {
        switch (self, status) {
        case (.messages, 400): "invalid_request_error"
        case (.messages, 401): "authentication_error"
        case (.messages, 402): "billing_error"
        case (.messages, 403): "permission_error"
        case (.messages, 404): "not_found_error"
        case (.messages, 413): "request_too_large"
        case (.messages, 429): "rate_limit_error"
        case (.messages, 504): "timeout_error"
        case (.messages, 529): "overloaded_error"
        case (.messages, _): "api_error"
        case (_, 429): "requests"
        case (_, 503), (_, 529): "service_unavailable_error"
        case (_, 500...599): "server_error"
        default: "invalid_request_error"
        }
    }

    private func code(of status: Int) -> String? {
        switch status {
        case 401: "invalid_api_key"
        case 404: "model_not_found"
        case 429: "rate_limit_exceeded"
        case 503, 529: "server_is_overloaded"
        default: nil
        }
    }
}

/// A number, or a text that is JSON already; `null` where there is none.
func orNull(_ value: (some CustomStringConvertible)?) -> String { value?.description ?? "null" }

/// A JSON string.
func quoted(_ text: String) -> String {
    var json = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": json += "\\\""
        case "\\": json += "\\\\"
        case "\n": json += "\\n"
        case "\r": json += "\\r"
        case "\t": json += "\\t"
        case "\u{0}"..."\u{1F}":
            let digits = String(scalar.value, radix: 16)
            json += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        default: json.unicodeScalars.append(scalar)
        }
    }
    return json + "\""
}
