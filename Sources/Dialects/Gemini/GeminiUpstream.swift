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
        guard let model, GeminiAction(path: path) != nil else {
            return place.joined(path, unlessVersion: place.basePath.hasSuffix("/v1"))
        }
        guard let segment = PathSegment.encoded(model) else { return nil }
        let hasVersion = place.basePath.hasSuffix("/v1beta") || place.basePath.hasSuffix("/v1")
        var target = Array(place.basePath.utf8)
        target.append(contentsOf: (hasVersion ? "/models/" : "/v1beta/models/").utf8)
        target.append(contentsOf: segment.utf8)
        target.append(contentsOf: path[(path.lastIndex(of: 0x3A) ?? path.count)...])
        return target
    }

    var operatorParameters: [StaticString] { ["key", "access_token", "oauth_token"] }
    func signer(_ secret: String) -> RequestSigner { .fixed([CredentialField("x-goog-api-key", secret)]) }
}

/// What a path asks of a model; Gemini's clients may call its stable version, `/v1`, as well.
public enum GeminiAction: Sendable, Hashable {
    case generate, countTokens

    /// Nil for a path, without its query, that names none of these actions.
    public init?(path: UnsafeRawBufferPointer) {
        guard path.starts("/v1beta/models/") || path.starts("/v1/models/") else { return nil }
        if path.ends(":generateContent") || path.ends(":streamGenerateContent") {
            self = .generate
        } else if path.ends(":countTokens") {
            self = .countTokens
        } else {
            return nil
        }
    }
}

extension UnsafeRawBufferPointer {
    fileprivate func ends(_ text: StaticString) -> Bool {
        let length = text.utf8CodeUnitCount
        return count >= length && slice(count - length..<count).equals(text)
    }
}
