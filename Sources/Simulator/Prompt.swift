import Foundation

/// What a request asks for, as far as a pretended model cares.
struct Prompt: Sendable, Hashable {
    var model: String
    var isStream: Bool
    /// The last thing the user said.
    var question: String
    var inputTokens: Int
    /// nil for no limit.
    var maximumTokens: Int?
    /// Whether a chat stream is to end with a chunk of its usage.
    var includesUsage: Bool

    /// Why a body is refused, in words for the client.
    struct Refusal: Error {
        var message: String
    }

    init(body: [UInt8], format: WireFormat) throws(Refusal) {
        guard let object = (try? JSONSerialization.jsonObject(with: Data(body))) as? [String: Any] else {
            throw Refusal(message: "the body is not a JSON object")
        }
        guard let model = object["model"] as? String, !model.isEmpty else { throw Refusal(message: "model: Field required") }
        self.model = model
        isStream = object["stream"] as? Bool ?? false
        includesUsage = (object["stream_options"] as? [String: Any])?["include_usage"] as? Bool ?? false
        let limit = object["max_completion_tokens"] ?? object["max_output_tokens"] ?? object["max_tokens"]
        maximumTokens = (limit as? Int).map { max($0, 1) }

        let messages: [(isUser: Bool, text: String)]
        switch (format, object["messages"], object["input"]) {
        case (.responses, _, let input as String): messages = [(true, input)]
        case (.responses, _, let list as [Any]), (.messages, let list as [Any], _), (.chat, let list as [Any], _):
            messages = list.compactMap { $0 as? [String: Any] }.map {
                ($0["role"] as? String == "user", Self.text($0["content"]))
            }
        case (.responses, _, _): throw Refusal(message: "input: Field required")
        case (.messages, _, _), (.chat, _, _): throw Refusal(message: "messages: Field required")
        }
        question = messages.last { $0.isUser && !$0.text.isEmpty }?.text ?? ""
        let instructions = [Self.text(object["system"]), Self.text(object["instructions"])]
        inputTokens = (messages.map(\.text) + instructions).reduce(0) { $0 + Self.words($1).count }
    }

    /// A content that is a string, or the texts of its parts.
    private static func text(_ content: Any?) -> String {
        if let text = content as? String { return text }
        let parts = (content as? [Any] ?? []).compactMap { ($0 as? [String: Any])?["text"] as? String }
        return parts.joined(separator: "\n")
    }

    /// A pretended model's tokens are words.
    static func words(_ text: String) -> [Substring] { text.split(whereSeparator: \.isWhitespace) }
}
