import Basics
import Dialects
import ProxyCore

/// A `proxy.yaml` that does what the predecessor did, to be reviewed.
public struct ImportedConfiguration: Sendable {
    public var keys: PredecessorKeys?
    public var fallback: PredecessorFallback?
    public var environment: PredecessorEnvironment?
    /// Seals every secret that is written; nil writes them out.
    public var sealKey: Secret?

    /// Where the predecessor's own upstream is.
    private static let local = (name: "antigravity", url: "http://localhost:8080")

    public init(
        keys: PredecessorKeys? = nil, fallback: PredecessorFallback? = nil, environment: PredecessorEnvironment? = nil,
        sealKey: Secret? = nil
    ) {
        self.keys = keys
        self.fallback = fallback
        self.environment = environment
        self.sealKey = sealKey
    }

    /// - Throws: `Seal.Failure`.
    public func yaml() throws -> String {
        let upstreams = self.upstreams
        var lines = [
            "# Made by proxyd import. Review it, then: proxyd --check-config -c THIS_FILE",
            sealKey == nil
                ? "# It holds secrets: nobody else may read it (chmod 600), or give proxyd import a PROXYD_SEAL_KEY." : "",
            "listen: 127.0.0.1:8180", "",
        ].filter { $0 != "" || sealKey == nil }
        if let key = keys?.adminKey { lines += ["admin:", "  key: \(try secret(key))", ""] }
        lines += [
            "# Days and hours of the usage that was taken over are this zone's.", "timezone: Asia/Singapore", "", "upstreams:",
        ]
        for upstream in upstreams { lines += try written(upstream) }
        if let fallback {
            lines += ["", "fallback:", "  enabled: \(fallback.isEnabled)", "  threshold: \(Self.percent(fallback.threshold))"]
        }
        lines += ["", "rules:"] + rules(upstreams)
        if let keys, !keys.keys.isEmpty {
            lines += ["", "# The \(keys.keys.count) keys of clients are put into the state directory by proxyd import --write."]
        }
        return lines.joined(separator: "\n") + "\n"
    }

    // MARK: Upstreams

    private struct UpstreamPart {
        var name: String
        var url: String
        var dialect: String
        var keys: [Secret]
        var deployments: [String] = []
        var pollSeconds: Int?
        /// What the poll calls a model, where that is another name.
        var healthKeys: [(model: String, key: String)] = []
        var comments: [String] = []
        /// Which tiers it serves.
        var external: PredecessorFallback.External?
    }

    private var upstreams: [UpstreamPart] {
        var parts: [UpstreamPart] = []
        if let fallback {
            var own = UpstreamPart(name: Self.local.name, url: Self.local.url, dialect: "anthropic", keys: [])
            own.pollSeconds = fallback.pollSeconds
            for tier in fallback.tiers where tier.external == nil {
                guard let key = tier.healthKey, key != tier.model else { continue }
                if !own.healthKeys.contains(where: { $0.model == tier.model }) { own.healthKeys.append((tier.model, key)) }
            }
            parts.append(own)
            for tier in fallback.tiers {
                guard let external = tier.external, !parts.contains(where: { $0.external == external }) else { continue }
                let name = Self.free(Self.host(of: external.url), among: parts.map(\.name))
                var part = UpstreamPart(
                    name: name, url: external.url, dialect: Self.dialect(of: external.url), keys: external.key.map { [$0] } ?? [])
                part.external = external
                parts.append(part)
            }
        }
        if let environment {
            let name = Self.free(environment.provider.rawValue, among: parts.map(\.name))
            var part = UpstreamPart(
                name: name, url: environment.url, dialect: environment.provider.rawValue, keys: environment.keys)
            part.deployments = environment.deployments
            if environment.keys.isEmpty { part.comments.append("Its environment names no key of the provider.") }
            if environment.sealKey != nil {
                part.comments.append(
                    "ENCRYPTION_KEY of its environment can be PROXYD_SEAL_KEY, if it is 32 bytes in hexadecimal.")
            }
            parts.append(part)
        }
        if parts.isEmpty {
            parts.append(UpstreamPart(name: Self.local.name, url: Self.local.url, dialect: "anthropic", keys: []))
        }
        return parts
    }

    private func written(_ upstream: UpstreamPart) throws -> [String] {
        var lines = upstream.comments.map { "  # \(Self.oneLine($0))" }
        lines += ["  \(upstream.name):", "    url: \(Self.quoted(upstream.url))", "    dialect: \(upstream.dialect)"]
        if !upstream.keys.isEmpty {
            lines.append("    accounts:")
            for (index, key) in upstream.keys.enumerated() {
                lines.append("      - {name: \(index == 0 ? "main" : "key-\(index + 1)"), key: \(try secret(key))}")
            }
        }
        if let seconds = upstream.pollSeconds {
            let names = upstream.healthKeys.map { "\(Self.quoted($0.model)): \(Self.quoted($0.key))" }.joined(separator: ", ")
            let models = names.isEmpty ? "" : ", models: {\(names)}"
            lines.append("    quota: {poll: /health, interval: \(seconds)s\(models)}")
        }
        if !upstream.deployments.isEmpty {
            lines.append("    deployments:")
            for (model, deployment) in Self.models(of: upstream.deployments) {
                lines.append("      \(Self.quoted(model)): \(Self.quoted(deployment))")
            }
        }
        return lines
    }

    // MARK: Rules

    /// A request for a tier's model goes to that tier, and from there to the others in their order.
    private func rules(_ upstreams: [UpstreamPart]) -> [String] {
        var lines: [String] = []
        var names: Set<String> = []
        func add(_ name: String, _ models: [String], _ tiers: [String]) {
            let unique = Self.free(name, among: Array(names))
            names.insert(unique)
            lines.append("  - name: \(Self.quoted(unique))")
            lines.append("    models: [\(models.map(Self.quoted).joined(separator: ", "))]")
            lines.append("    tiers: [\(tiers.map(Self.quoted).joined(separator: ", "))]")
        }
        var all: [(model: String, tier: String, name: String)] = []
        for tier in fallback?.tiers ?? [] {
            let upstream = upstreams.first { $0.external == tier.external }?.name ?? Self.local.name
            all.append((tier.model, "\(upstream)/\(tier.model)", tier.name))
        }
        var seen: Set<String> = []
        for (index, tier) in all.enumerated() where seen.insert(tier.model).inserted {
            var order = [tier.tier]
            for other in all[..<index] + all[(index + 1)...] where !order.contains(other.tier) { order.append(other.tier) }
            add(Self.oneLine(tier.name), [tier.model], order)
        }
        if let environment,
            let upstream = upstreams.first(where: { $0.dialect == environment.provider.rawValue && $0.external == nil })
        {
            let models = Self.models(of: upstream.deployments).map(\.model).filter { !seen.contains($0) }
            let rest = upstream.deployments.isEmpty ? ["gpt-*", "o1*", "o3*", "o4*", "text-embedding-*"] : models
            if fallback == nil {
                add("everything", ["*"], [upstream.name])
            } else if !rest.isEmpty {
                add(upstream.name, rest, [upstream.name])
            }
        }
        if fallback != nil || environment == nil { add("everything else", ["*"], [Self.local.name]) }
        return lines
    }

    // MARK: Texts

    private func secret(_ secret: Secret) throws -> String {
        guard let sealKey else {
            // A dollar would begin a reference.
            return Self.quoted(secret.reveal().replacing("$", with: "$$"))
        }
        return Self.quoted("${sealed:\(try Seal.seal(secret.reveal(), key: sealKey.reveal()))}")
    }

    /// Azure writes `gpt-35-turbo` for what clients ask for as `gpt-3.5-turbo`.
    private static func models(of deployments: [String]) -> [(model: String, deployment: String)] {
        var seen: Set<String> = []
        let own = deployments.filter { seen.insert($0).inserted }
        return own.flatMap { name -> [(model: String, deployment: String)] in
            let common = name.replacing("gpt-35", with: "gpt-3.5")
            return seen.insert(common).inserted ? [(name, name), (common, name)] : [(name, name)]
        }
    }

    /// `api-moonshot-example` of `https://api.moonshot.example/v1`.
    private static func host(of url: String) -> String {
        let host = UpstreamURL(base: url)?.host ?? "external"
        let text = host.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" }
        return String(text)
    }

    private static func dialect(of url: String) -> String { url.contains("anthropic") ? "anthropic" : "openai" }

    private static func free(_ name: String, among taken: [String]) -> String {
        guard taken.contains(name) else { return name }
        var number = 2
        while taken.contains("\(name)-\(number)") { number += 1 }
        return "\(name)-\(number)"
    }

    private static func percent(_ share: Double) -> String {
        let hundredths = Int((share * 10_000).rounded())
        let (whole, rest) = hundredths.quotientAndRemainder(dividingBy: 100)
        guard rest > 0 else { return "\(whole)%" }
        let digits = rest < 10 ? "0\(rest)" : rest % 10 == 0 ? "\(rest / 10)" : "\(rest)"
        return "\(whole).\(digits)%"
    }

    /// Of a text of the old files: nothing in it begins a line or steers a terminal.
    public static func oneLine(_ text: String) -> String { TextTable.harmless(text) }

    /// A JSON string is a YAML one.
    private static func quoted(_ text: String) -> String {
        let plain = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "/"),
                UInt8(ascii: "-"),
                UInt8(ascii: "."), UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: false
            }
        }
        let beginsPlain = text.utf8.first.map { ($0 | 0x20) >= UInt8(ascii: "a") && ($0 | 0x20) <= UInt8(ascii: "z") } ?? false
        let isWord = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(text.lowercased())
        return plain && beginsPlain && !isWord ? text : String(decoding: JSONValue.string(text).bytes, as: UTF8.self)
    }
}
