/// Upstreams that speak Google's Gemini.
struct GeminiUpstream: UpstreamFormat {
    var label: String { "gemini" }
    var native: [ClientDialect] { [.gemini] }
    var kin: ClientDialect { .gemini }

    func write(_ request: HubRequest, _ work: inout RequestWork) throws(ConversionProblem) -> JSONObject {
        try GeminiRequestWriter.write(request, &work)
    }

    func path(model: String, isStreaming: Bool) throws(ConversionProblem) -> String {
        try Self.path(model, isStreaming ? "streamGenerateContent?alt=sse" : "generateContent")
    }

    private static func path(_ model: String, _ action: String) throws(ConversionProblem) -> String {
        guard let segment = PathSegment.encoded(model) else {
            throw ConversionProblem(.badRequest, "the model's name cannot stand in a path", param: "model")
        }
        return "/v1beta/models/\(segment):\(action)"
    }

    var toolNames: ToolNameRules { ToolNameRules(longest: 128, takesDots: true) }
    var takesModalities: Bool { true }

    func learn(_ name: String, isFirstParty: Bool, _ able: inout Capabilities) { able.gemini.learn(name) }

    func isFirstParty(host: String) -> Bool { host.hasSuffix("googleapis.com") }

    var countsTokens: Bool { true }

    func question(
        _ object: JSONObject, model: String
    ) throws(ConversionProblem) -> (body: JSONObject, path: String) {
        var request: JSONObject = ["model": .string("models/" + model)]
        for member in object.members where member.key != "generationConfig" && member.key != "serviceTier" {
            request.append(member.key, member.value)
        }
        return (["generateContentRequest": .object(request)], try Self.path(model, "countTokens"))
    }

    func count(in said: UnsafeRawBufferPointer) -> Int? { TokenCounting.integer("totalTokens", in: said) }

    var responseFormat: any ResponseFormat { FramedResponseFormat(SSEReader.self, GeminiResponseReader.self) }
    var signatures: SignatureEnvelope.Family { .gemini }
    func keepsThoughts(for client: ClientDialect) -> Bool { true }

    var namesModelInTarget: Bool { true }

    /// The client's action on the tier's model, under the version that the base has or Google's own.
    func target(passing path: UnsafeRawBufferPointer, model: String?, at place: UpstreamPlace) -> [UInt8]? {
        let version = ["/v1beta", "/v1alpha", "/v1"].first { place.basePath.hasSuffix($0) }
        guard let model, GeminiAction(path: path) != nil else {
            // Everything else says its version by itself, and an upload's stands within.
            return Array(place.basePath.utf8.dropLast(version?.utf8.count ?? 0)) + path
        }
        guard let segment = PathSegment.encoded(model) else { return nil }
        let own: StaticString = path.starts("/v1alpha/") ? "/v1alpha" : "/v1beta"
        var target = Array(place.basePath.utf8)
        target.append(contentsOf: (version == nil ? "\(own)/models/" : "/models/").utf8)
        target.append(contentsOf: segment.utf8)
        target.append(contentsOf: path[(path.lastIndex(of: 0x3A) ?? path.count)...])
        return target
    }

    func modelList(at place: UpstreamPlace) -> String {
        let hasVersion = place.basePath.hasSuffix("/v1beta") || place.basePath.hasSuffix("/v1")
        return place.basePath + (hasVersion ? "" : "/v1beta") + "/models" + modelListQuery
    }
    var modelListQuery: String { "?pageSize=1000" }

    var operatorParameters: [StaticString] { CredentialParameters.names }
    func signer(_ secret: String) -> RequestSigner { .fixed([CredentialField("x-goog-api-key", secret)]) }
}

/// What a path asks of a model; Gemini's clients may call its stable version, `/v1`, and its newest, `/v1alpha`, as well.
public enum GeminiAction: Sendable, Hashable {
    case generate, countTokens
    /// Something that passes as it is: embeddings, batches, images, videos.
    case other

    /// Nil for a path, without its query, that names none of these actions.
    public init?(path: UnsafeRawBufferPointer) {
        guard path.starts("/v1beta/models/") || path.starts("/v1/models/") || path.starts("/v1alpha/models/") else { return nil }
        if path.ends(":generateContent") || path.ends(":streamGenerateContent") {
            self = .generate
        } else if path.ends(":countTokens") {
            self = .countTokens
        } else if Self.others.contains(where: { path.ends($0) }) {
            self = .other
        } else {
            return nil
        }
    }

    /// https://ai.google.dev/api/all-methods (November 2026).
    private static let others: [StaticString] = [
        ":embedContent", ":batchEmbedContents", ":asyncBatchEmbedContent", ":batchGenerateContent", ":predict",
        ":predictLongRunning",
    ]
}

extension UnsafeRawBufferPointer {
    fileprivate func ends(_ text: StaticString) -> Bool {
        let length = text.utf8CodeUnitCount
        return count >= length && slice(count - length..<count).equals(text)
    }
}
