import Dialects
import ProxyCore

/// The predecessor's `fallback.json`: tiers in order, and when one is passed over.
public struct PredecessorFallback: Sendable {
    struct Tier: Sendable {
        var name: String
        var model: String
        /// nil for a tier of the predecessor's own upstream.
        var external: External?
        /// The name under which its quota poll knew the model.
        var healthKey: String?
    }

    struct External: Sendable, Hashable {
        var url: String
        var key: Secret?
    }

    let isEnabled: Bool
    let pollSeconds: Int
    /// Share 0–1.
    let threshold: Double
    let tiers: [Tier]

    /// - Throws: `ImportFailure`.
    public init(_ bytes: [UInt8]) throws {
        guard let file = PredecessorFile.object(bytes, count: 1_000_000) else {
            throw ImportFailure("the file of tiers is no JSON object")
        }
        func number(_ name: String, else missing: Double) throws(ImportFailure) -> Double {
            guard let value = file[name], !value.isNull else { return missing }
            guard let number = PredecessorFile.number(value) else { throw ImportFailure("'\(name)' of the tiers is no number") }
            return number
        }
        isEnabled = PredecessorFile.isOn(file["enabled"])
        pollSeconds = Int(min(max(try number("health_poll_interval_seconds", else: 30), 1), 86_400))
        threshold = min(max(try number("min_remaining_fraction", else: 0.05), 0), 1)
        if let tiers = file["tiers"], !tiers.isNull, tiers.array == nil { throw ImportFailure("'tiers' is no list") }
        tiers = try (file["tiers"]?.array ?? []).enumerated().map { index, value in
            guard let model = value["model"]?.string, !model.isEmpty else {
                throw ImportFailure("tier \(index + 1) has no model")
            }
            func said(_ name: String) -> String? { value[name]?.string.flatMap { $0.isEmpty ? nil : $0 } }
            var tier = Tier(name: said("name") ?? model, model: model, healthKey: said("health_key"))
            if value["type"]?.string?.lowercased() == "external" {
                guard let url = value["base_url"]?.string, UpstreamURL(base: url) != nil else {
                    throw ImportFailure("tier \(index + 1), '\(TextTable.harmless(tier.name))', has no base_url that can be used")
                }
                let key = said("api_key").map { Secret($0) }
                tier.external = External(url: url, key: key)
            }
            return tier
        }
    }
}

/// The second predecessor's environment: one provider, several of its keys.
public struct PredecessorEnvironment: Sendable {
    let provider: Provider
    let url: String
    let keys: [Secret]
    let deployments: [String]
    /// What it encrypted with, where that can be a key of ours.
    let sealKey: Secret?

    enum Provider: String { case azure, openai }

    /// - Throws: `ImportFailure`.
    public init(_ text: String) throws {
        let values = Self.values(text)
        func list(_ name: String) -> [String] {
            (values[name] ?? "").split(separator: ",").map {
                String($0.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
            }
            .filter { !$0.isEmpty }
        }
        let said = values["UPSTREAM_TYPE"].flatMap { $0.isEmpty ? nil : $0.lowercased() }
        let type = said ?? (values["AZURE_ENDPOINT"] != nil ? "azure" : "openai")
        guard let provider = Provider(rawValue: type) else {
            throw ImportFailure("the environment's UPSTREAM_TYPE is neither azure nor openai: '\(TextTable.harmless(type))'")
        }
        self.provider = provider
        let isAzure = provider == .azure
        url = (isAzure ? values["AZURE_ENDPOINT"] : values["OPENAI_BASE_URL"] ?? "https://api.openai.com/v1") ?? ""
        guard UpstreamURL(base: url) != nil else {
            throw ImportFailure("the environment's \(isAzure ? "AZURE_ENDPOINT" : "OPENAI_BASE_URL") is no address")
        }
        let names = isAzure ? ["AZURE_API_KEYS", "AZURE_API_KEY"] : ["OPENAI_API_KEYS", "OPENAI_API_KEY"]
        keys = names.flatMap(list).reduce(into: [Secret]()) { keys, text in
            if !keys.contains(Secret(text)) { keys.append(Secret(text)) }
        }
        deployments = list("AZURE_DEPLOYMENT_NAMES")
        sealKey = values["ENCRYPTION_KEY"].flatMap { $0.isEmpty ? nil : Secret($0) }
    }

    /// `NAME=value` lines; quotes around a value, `export` before a name, lines that begin with `#`, and what follows a ` #` or a
    /// quote that ends are understood.
    private static func values(_ text: String) -> [String: String] {
        var values: [String: String] = [:]
        for line in String(PredecessorFile.text(text)).split(whereSeparator: \.isNewline) {
            var line = line.drop { $0.isWhitespace }
            guard line.first != "#" else { continue }
            if line.hasPrefix("export ") { line = line.dropFirst(7) }
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { continue }
            let name = parts[0].filter { !$0.isWhitespace }
            var value = parts[1].drop { $0.isWhitespace }
            while value.last?.isWhitespace == true { value.removeLast() }
            values[name] = String(unquoted(value))
        }
        return values
    }

    /// The value without its quotes, and without the comment that may follow.
    private static func unquoted(_ value: Substring) -> Substring {
        var value = value
        if let quote = value.first, quote == "\"" || quote == "'", let end = value.dropFirst().firstIndex(of: quote),
            [nil, "#"].contains(value[value.index(after: end)...].drop(while: { $0.isWhitespace }).first)
        {
            return value.dropFirst().prefix(upTo: end)
        }
        if value.count >= 2, let quote = value.first, quote == "\"" || quote == "'", value.last == quote {
            return value.dropFirst().dropLast()
        }
        if let comment = value.indices.first(where: {
            value[$0] == "#" && $0 > value.startIndex && value[value.index(before: $0)].isWhitespace
        }) {
            value = value[..<comment]
        }
        while value.last?.isWhitespace == true { value.removeLast() }
        return value
    }
}
