/// The ends of cached prefixes, as OpenAI has them on parts (conversion.md 3.1.4).
enum ChatCacheMarks {
    static let key = "prompt_cache_breakpoint"
    /// The same as Anthropic has it, for servers that pass it on to Claude.
    static let anthropicKey = "cache_control"
    /// The most a request may have.
    private static let most = 4

    /// The messages with no more marks than may be: the last ones stay.
    static func limited(_ messages: [JSONValue], _ key: String) -> [JSONValue] {
        var left = most
        return messages.reversed().map { message in
            guard var object = message.object, let parts = object["content"]?.array else { return message }
            object["content"] = .array(
                parts.reversed().map { part in
                    guard var inner = part.object, inner[key] != nil else { return part }
                    left -= 1
                    if left < 0 { inner[key] = nil }
                    return .object(inner)
                }.reversed())
            return .object(object)
        }.reversed()
    }
}
