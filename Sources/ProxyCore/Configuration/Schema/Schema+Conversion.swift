import Basics
import Dialects
import RuleEngine

extension Schema {
    /// Keys of an upstream that say how requests in other formats reach it.
    enum ConversionKeys {
        static let lossy = Key(
            "lossy", Kind<LossPolicy>.choice("policy"), .value("warn"),
            "What happens with what its format cannot carry: `warn` names it in `x-proxyd-lossy`, `silent` does not, `strict` refuses "
                + "the request with a 400.")
        static let capabilities = Key(
            "capabilities", .entries(.entries(.anyText, naming: "capability"), naming: "model"), .value("{}"),
            "What models can do where that differs from what is known of their names, by a glob over the model that is asked for: "
                + "`{\"gpt-*\": {oai.top_k: true}}`. The names are in docs/conversion.md.")
        static let drop = Key(
            "drop", .list(.fieldPath), .value("[]"),
            "Fields of request bodies that its server refuses: `[user, stream_options, tools.function.strict]`. They are taken out, also "
                + "where a request passes as it is, and named in `x-proxyd-lossy`.")
        static let webSearch = Key(
            "web_search", .boolean, .value("false"),
            "Whether a Chat or Responses client's web search becomes the vendor's own, which costs extra.")
        static let exposeRateLimits = Key(
            "expose_rate_limits", .boolean, .value("false"),
            "Whether clients of another format are told its rate limits, in their format's headers.")

        static func read(_ section: Section) -> ConversionPolicy {
            var policy = ConversionPolicy()
            policy.lossy = section[lossy, or: policy.lossy]
            policy.allowsWebSearch = section[webSearch, or: false]
            policy.exposesRateLimits = section[exposeRateLimits, or: false]
            policy.drop = section[drop, or: []]
            for (models, values) in section[capabilities, or: []] {
                var probe = Capabilities()
                for (name, value) in values where !probe.set(name.value, to: value) {
                    section.context.error(name, problem(withCapability: name.value))
                }
                policy.capabilities.append(
                    ConversionPolicy.ModelCapabilities(
                        models: Glob(models.value),
                        values: values.map { ConversionPolicy.Capability(name: $0.name.value, value: $0.value) }))
            }
            return policy
        }

        private static func problem(withCapability name: String) -> String {
            guard !Capabilities.names.contains(name) else {
                return "does not take this value (docs/conversion.md has those it takes)"
            }
            // Without the format before its dot it is the name of one, or of several.
            let meant = Capabilities.names.filter { $0.hasSuffix(".\(name)") }
            guard meant.isEmpty else {
                return "there is no such capability (did you mean \(meant.map { "'\($0)'" }.joined(separator: " or "))?)"
            }
            let hint = Suggestion.text(for: name, among: Capabilities.names)
            return "there is no such capability\(hint.isEmpty ? "; docs/conversion.md has their names" : hint)"
        }
    }
}

extension Schema.Kind where Value == FieldPath {
    /// A member of a request's body that an upstream may refuse.
    static var fieldPath: Self {
        scalar(Schema.Scalar(noun: "field", json: Schema.Scalar.anyText, pattern: Schema.Pattern.fieldPath)) {
            text throws(Schema.Problem) in
            guard let path = FieldPath(text.value) else {
                throw Schema.Problem("\(text.shown) is not a field; write user or tools.function.strict")
            }
            guard !["model", "messages", "input", "contents"].contains(path.member) else {
                throw Schema.Problem("\(text.shown) is what a request is made of; it cannot be left out")
            }
            return path
        }
    }
}
