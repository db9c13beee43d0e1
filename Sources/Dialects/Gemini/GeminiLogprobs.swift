/// Gemini's log probabilities as OpenAI has them.
enum GeminiLogprobs {
    /// The elements of `logprobs.content`, commas between; empty when there are none.
    static func content(_ result: JSONValue) -> [UInt8] {
        var out: [UInt8] = []
        let others = result["topCandidates"]?.array ?? []
        for (index, chosen) in (result["chosenCandidates"]?.array ?? []).enumerated() {
            guard var token = token(chosen) else { continue }
            let top = others.indices.contains(index) ? others[index]["candidates"]?.array ?? [] : []
            token.append("top_logprobs", .array(top.compactMap { Self.token($0).map { .object($0) } }))
            if !out.isEmpty { out.append(0x2C) }
            JSONValue.object(token).write(to: &out)
        }
        return out
    }

    private static func token(_ candidate: JSONValue) -> JSONObject? {
        guard let text = candidate["token"], let string = text.string else { return nil }
        // A probability of nothing is a number that JSON has not.
        let chance = candidate["logProbability"].flatMap { $0.double == nil ? nil : $0 } ?? .number("-9999.0")
        return ["token": text, "logprob": chance, "bytes": .array(string.utf8.map { .int(Int($0)) })]
    }
}
