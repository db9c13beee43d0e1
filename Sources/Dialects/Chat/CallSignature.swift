/// Google's thought signatures in the chat format: a member of the calls themselves, which its models from Gemini 3 on demand back
/// (conversion.md 4.5).
enum CallSignature {
    private static let member = "extra_content"
    private static let vendor = "google"
    private static let name = "thought_signature"

    /// The signature on a call as a server gave it; empty where it gave none.
    static func read(_ data: UnsafeRawBufferPointer, _ call: Range<Int>) -> RawText {
        guard let extra = JSONScan.find("extra_content", of: data, in: call), extra.kind == .object,
            let own = JSONScan.find("google", of: data, in: extra.value), own.kind == .object
        else { return RawText(start: nil, count: 0) }
        return data.inner(of: "thought_signature", in: own.value)
    }

    /// A signature of a Chat server's call, out of the envelope in which a client carried it; nil for any other.
    static func own(_ text: String?) -> String? {
        guard let text, SignatureEnvelope.isEnvelope(text), let opened = SignatureEnvelope(text), opened.family == .compat,
            opened.kind == .call, !opened.original.isEmpty
        else { return nil }
        return opened.original
    }

    static func isOn(_ call: JSONValue) -> Bool { call[member]?[vendor]?[name]?.string?.isEmpty == false }

    static func put(_ signature: String, on call: inout JSONObject) {
        var extra = call[member]?.object ?? [:]
        var own = extra[vendor]?.object ?? [:]
        own[name] = .string(signature)
        extra[vendor] = .object(own)
        call[member] = .object(extra)
    }

    /// Gives the first call of each of the model's steps after the user's last words a signature if it has none. What a server said
    /// of its thoughts in a form of its own takes its place.
    /// - Returns: whether one was missing.
    @discardableResult
    static func signCurrentTurn(_ messages: inout [JSONValue]) -> Bool {
        let start = messages.lastIndex { $0["role"] == "user" } ?? -1
        var isChanged = false
        for index in messages.indices where index > start {
            guard var message = messages[index].object, message["role"] == "assistant", message["reasoning_details"] == nil,
                var calls = message["tool_calls"]?.array, let first = calls.first, !isOn(first), var call = first.object
            else { continue }
            put(GeminiHistoryWriter.skippedSignature, on: &call)
            calls[0] = .object(call)
            message["tool_calls"] = .array(calls)
            messages[index] = .object(message)
            isChanged = true
        }
        return isChanged
    }
}
