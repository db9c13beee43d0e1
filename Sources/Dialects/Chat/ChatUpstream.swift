import Basics

/// Upstreams that speak OpenAI Chat Completions.
struct ChatUpstream: UpstreamFormat {
    var label: String { "openai" }
    var native: [ClientDialect] { [.openai] }
    var kin: ClientDialect { .openai }

    func write(_ request: HubRequest, _ work: inout RequestWork) throws(ConversionProblem) -> JSONObject {
        try ChatRequestWriter.write(request, &work)
    }

    func path(model: String, isStreaming: Bool) -> String { "/v1/chat/completions" }
    func toolID(_ id: String) -> String { id.utf8.count > 40 ? "call_" + SHA256.hex(id, 32) : id }

    func learn(_ name: String, isFirstParty: Bool, _ able: inout Capabilities) {
        able.openAI.learn(name, isFirstParty: isFirstParty)
    }

    func isFirstParty(host: String) -> Bool { host == "api.openai.com" || host.hasSuffix(".api.openai.com") }

    var responseFormat: any ResponseFormat { FramedResponseFormat(SSEReader.self, ChatResponseReader.self) }
}
