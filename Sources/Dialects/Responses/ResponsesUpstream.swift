import Basics

/// Upstreams that speak OpenAI Responses.
struct ResponsesUpstream: UpstreamFormat {
    var label: String { "responses" }
    var native: [ClientDialect] { [.responses] }
    var kin: ClientDialect { .responses }

    func write(_ request: HubRequest, _ work: inout RequestWork) throws(ConversionProblem) -> JSONObject {
        try ResponsesRequestWriter.write(request, &work)
    }

    func path(model: String, isStreaming: Bool) -> String { "/v1/responses" }
    func toolID(_ id: String) -> String { id.isEmpty || id.utf8.count > 64 ? "call_" + SHA256.hex(id, 32) : id }

    func learn(_ name: String, isFirstParty: Bool, _ able: inout Capabilities) {
        able.openAI.learn(name, isFirstParty: isFirstParty)
    }

    func isFirstParty(host: String) -> Bool { ChatUpstream().isFirstParty(host: host) }

    var countsTokens: Bool { true }

    func question(_ object: JSONObject, model: String) -> (body: JSONObject, path: String) {
        let counted: Set<String> = [
            "model", "input", "instructions", "tools", "tool_choice", "parallel_tool_calls", "reasoning", "text", "truncation",
        ]
        var object = object
        for member in object.members where !counted.contains(member.key) { object[member.key] = nil }
        return (object, "/v1/responses/input_tokens")
    }

    var responseFormat: any ResponseFormat { FramedResponseFormat(SSEReader.self, ResponsesResponseReader.self) }
    var signatures: SignatureEnvelope.Family { .openai }
}
