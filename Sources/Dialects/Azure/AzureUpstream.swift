/// OpenAI's formats behind Azure's addresses: what is converted goes there as Chat, what passes may be Chat or Responses.
struct AzureUpstream: UpstreamFormat {
    private let chat = ChatUpstream()

    var label: String { "azure" }
    var native: [ClientDialect] { [.openai, .responses] }
    var kin: ClientDialect { .openai }

    func write(_ request: HubRequest, _ work: inout RequestWork) throws(ConversionProblem) -> JSONObject {
        try chat.write(request, &work)
    }

    func path(model: String, isStreaming: Bool) -> String { chat.path(model: model, isStreaming: isStreaming) }
    func toolID(_ id: String) -> String { chat.toolID(id) }

    func learn(_ name: String, isFirstParty: Bool, _ able: inout Capabilities) {
        chat.learn(name, isFirstParty: true, &able)
    }

    func isFirstParty(host: String) -> Bool { true }

    var responseFormat: any ResponseFormat { chat.responseFormat }

    var namesModelInTarget: Bool { true }
    var hasDeployments: Bool { true }

    func target(passing path: UnsafeRawBufferPointer, model: String?, at place: UpstreamPlace) -> [UInt8]? {
        target(of: String(decoding: path, as: UTF8.self), model: model, at: place)
    }

    func target(converted path: String, model: String, at place: UpstreamPlace) -> [UInt8]? {
        target(of: path, model: model, at: place)
    }

    /// Dated addresses name the deployment in the path; the others are OpenAI's under `/openai/v1`.
    ///
    /// A request without a model has no deployment in its path.
    private func target(of path: String, model: String?, at place: UpstreamPlace) -> [UInt8]? {
        let call = path.hasPrefix("/v1/") ? String(path.dropFirst(4)) : path
        // The portal shows the address with and without the part that all calls begin with.
        var base = place.basePath
        for end in ["/", "/v1", "/openai"] where base.hasSuffix(end) { base.removeLast(end.utf8.count) }
        guard let version = place.apiVersion else { return Array("\(base)/openai/v1/\(call)".utf8) }
        guard call != "responses", let model else { return Array("\(base)/openai/\(call)?api-version=\(version)".utf8) }
        guard let segment = PathSegment.encoded(place.deployments[model] ?? model) else { return nil }
        return Array("\(base)/openai/deployments/\(segment)/\(call)?api-version=\(version)".utf8)
    }

    var operatorParameters: [StaticString] { CredentialParameters.names + ["api-version"] }
    func signer(_ secret: String) -> RequestSigner { .fixed([CredentialField("api-key", secret)]) }

    /// Azure's dated versions know `stream_options` since September 2024.
    func takesStreamOptions(apiVersion: String?) -> Bool { apiVersion.map { $0.prefix(7) >= "2024-09" } ?? true }
}
