import Basics

/// Upstreams that speak Anthropic Messages.
struct MessagesUpstream: UpstreamFormat {
    var label: String { "anthropic" }
    var native: [ClientDialect] { [.anthropic] }
    var kin: ClientDialect { .anthropic }

    func write(_ request: HubRequest, _ work: inout RequestWork) throws(ConversionProblem) -> JSONObject {
        try MessagesRequestWriter.write(request, &work)
    }

    func path(model: String, isStreaming: Bool) -> String { "/v1/messages" }

    var toolNames: ToolNameRules { ToolNameRules(longest: 128, takesDots: false) }

    func toolID(_ id: String) -> String {
        if id.isEmpty { return "toolu_" + SHA256.hex(id, 24) }
        let bytes = id.unicodeScalars.map { scalar in
            scalar.isASCII && ToolIDs.isWord(UInt8(truncatingIfNeeded: scalar.value))
                ? UInt8(truncatingIfNeeded: scalar.value) : 0x5F
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    func learn(_ name: String, isFirstParty: Bool, _ able: inout Capabilities) { able.anthropic.learn(name) }

    func isFirstParty(host: String) -> Bool { host == "api.anthropic.com" }

    var countsTokens: Bool { true }

    func question(_ object: JSONObject, model: String) -> (body: JSONObject, path: String) {
        var object = object
        for name in ["max_tokens", "stream", "metadata", "service_tier", "temperature", "top_p", "top_k", "stop_sequences"] {
            object[name] = nil
        }
        return (object, "/v1/messages/count_tokens")
    }

    var responseFormat: any ResponseFormat { FramedResponseFormat(SSEReader.self, MessagesResponseReader.self) }
    var signatures: SignatureEnvelope.Family { .anthropic }
    func keepsThoughts(for client: ClientDialect) -> Bool { client != .anthropic }

    /// Anthropic's addresses are given without `/v1`, as its SDKs have it; either is understood.
    func target(passing path: UnsafeRawBufferPointer, model: String?, at place: UpstreamPlace) -> [UInt8]? {
        place.joined(path, unlessVersion: place.basePath.hasSuffix("/v1"))
    }

    var modelListQuery: String { "?limit=1000" }

    func signer(_ secret: String) -> RequestSigner { .fixed([CredentialField("x-api-key", secret)]) }
    var wantsAnthropicVersion: Bool { true }
}
