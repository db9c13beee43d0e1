import Dialects
import RuleEngine

/// How requests in other formats are said to an upstream, as far as that is its operator's choice.
public struct ConversionPolicy: Sendable, Hashable {
    /// What happens with what the upstream's format cannot carry.
    public var lossy = Schema.ConversionKeys.lossy.byDefault
    /// Whether a client's web search may become the vendor's own, which costs extra.
    public var allowsWebSearch = Schema.ConversionKeys.webSearch.byDefault
    /// Whether the client of a converted response is told the upstream's rate limits.
    public var exposesRateLimits = Schema.ConversionKeys.exposeRateLimits.byDefault
    /// What its models can do where that differs from what is known of their names; later entries win.
    public var capabilities: [ModelCapabilities] = []

    /// Fields that its server refuses, whatever the model.
    public var drop: [FieldPath] = []

    public init() {}

    /// Capabilities of the models that a glob names, by their names in the file.
    public struct ModelCapabilities: Sendable, Hashable {
        public var models: Glob
        public var values: [Capability]
    }

    public struct Capability: Sendable, Hashable {
        public var name: String
        public var value: String
    }
}

extension Upstream {
    /// What a model here can do: what is known of its name, then what the file says.
    func capabilities(of model: String) -> Capabilities {
        var result = Capabilities.known(dialect: dialect, model: model, isFirstParty: isFirstParty)
        if !takesStreamOptions { result.openAI.streamUsage = false }
        // Azure's dated addresses differ in what they know of Responses.
        if hasDatedAddress { result.openAI.quirks.hasResponses = false }
        result.drops = conversion.drop
        for entry in conversion.capabilities where entry.models.matches(model) {
            for capability in entry.values { _ = result.set(capability.name, to: capability.value) }
        }
        return result
    }

    /// The maximum that is put into a request of a client that named none, where the format here demands one; nil: none is.
    func outputPutIn(for client: ClientDialect, model: String) -> Int? {
        guard dialect.kin == .anthropic, client != .anthropic else { return nil }
        return min(ConversionOptions.maxTokensPutIn, capabilities(of: model).anthropic.maxOutput ?? .max)
    }

    private var hasDatedAddress: Bool { apiVersion != nil }

    /// Writes a credential into the heads of requests, under the header's own name where it has one.
    func signer(_ secret: String) -> RequestSigner {
        guard let name = keyHeader?.lowercased() else { return dialect.signer(secret) }
        return .fixed([CredentialField(name, name == "authorization" ? "Bearer \(secret)" : secret)])
    }

    /// Whether a chat stream may be asked for its usage.
    var takesStreamOptions: Bool { dialect.takesStreamOptions(apiVersion: apiVersion) }

    /// Whether it is its format's own vendor, whose fields go beyond what compatible servers know: by its preset, or its address.
    var isFirstParty: Bool { dialect.isFirstParty(host: vendorHost ?? url.host) }

    /// What targets of requests to it depend on.
    var place: UpstreamPlace {
        UpstreamPlace(basePath: url.basePath, apiVersion: apiVersion, deployments: deployments)
    }
}
