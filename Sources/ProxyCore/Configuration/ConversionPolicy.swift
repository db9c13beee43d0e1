import Dialects
import RuleEngine

/// How requests in other formats are said to an upstream, as far as that is its operator's choice.
public struct ConversionPolicy: Sendable {
    /// What happens with what the upstream's format cannot carry.
    public var lossy = LossPolicy.warn
    /// Whether a client's web search may become the vendor's own, which costs extra.
    public var allowsWebSearch = false
    /// Whether the client of a converted answer is told the upstream's rate limits.
    public var exposesRateLimits = false
    /// What its models can do where that differs from what is known of their names; later entries win.
    public var capabilities: [ModelCapabilities] = []

    public init() {}

    /// Everything it says, as texts that can be compared.
    var facts: [String] {
        [lossy.rawValue, "\(allowsWebSearch)", "\(exposesRateLimits)"]
            + capabilities.flatMap { [$0.models.text] + $0.values.flatMap { [$0.name, $0.value] } }
    }

    /// Capabilities of the models that a glob names, by their names in the file.
    public struct ModelCapabilities: Sendable {
        public var models: Glob
        public var values: [(name: String, value: String)]
    }
}

extension Upstream {
    /// What a model here can do: what is known of its name, then what the file says.
    func capabilities(of model: String) -> Capabilities {
        var result = Capabilities.known(dialect: dialect, model: model, isFirstParty: isFirstParty)
        if !takesStreamOptions { result.openAI.streamUsage = false }
        for entry in conversion.capabilities where entry.models.match(model) != nil {
            for (name, value) in entry.values { _ = result.set(name, to: value) }
        }
        return result
    }

    /// Azure's dated versions know `stream_options` since September 2024.
    var takesStreamOptions: Bool {
        guard dialect == .azure, let apiVersion else { return true }
        return apiVersion.prefix(7) >= "2024-09"
    }

    /// Whether it is its format's own vendor, whose fields go beyond what compatible servers know.
    var isFirstParty: Bool {
        let host = url.host
        return switch dialect {
        case .anthropic: host == "api.anthropic.com"
        case .openai, .responses: host == "api.openai.com" || host.hasSuffix(".api.openai.com")
        case .azure: true
        case .gemini: host.hasSuffix("googleapis.com")
        }
    }
}
