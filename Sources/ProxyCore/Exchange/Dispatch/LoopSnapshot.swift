import Dialects

/// A snapshot as one loop uses it: connection pools found, header lines written out once.
final class LoopSnapshot {
    let snapshot: Snapshot
    private(set) var upstreams: [UpstreamView] = []
    private var origins: [Origin: [UInt8]] = [:]
    private var lastOrigin: Origin?
    private var lastLines: [UInt8] = []
    let policies: PolicyTable
    let prices: PriceList

    /// What the `x-proxyd-*` lines depend on, the model and the count of attempts apart.
    private struct Origin: Hashable {
        let route: Int
        let tier: Int
        let upstream: Int
        let account: Int
    }

    init(_ snapshot: Snapshot, loop: LoopContext) {
        self.snapshot = snapshot
        policies = PolicyTable(snapshot.configuration.policies)
        prices = PriceList(snapshot.configuration.prices)
        upstreams = snapshot.configuration.upstreams.map { UpstreamView($0, loop: loop) }
    }

    /// `x-proxyd-rule`, `-tier`, `-upstream`, `-account`, each with its line end.
    func originLines(route: Int, candidate: Candidate) -> [UInt8] {
        let key = Origin(route: route, tier: candidate.tier, upstream: candidate.upstream, account: candidate.account)
        // Most requests go where the last one went.
        if key == lastOrigin { return lastLines }
        defer {
            lastOrigin = key
            lastLines = origins[key] ?? []
        }
        if let lines = origins[key] { return lines }
        let upstream = snapshot.configuration.upstreams[candidate.upstream]
        let rule = snapshot.routes[route]
        var text = ""
        for (name, value) in [
            ("rule", rule.name), ("tier", rule.tiers[candidate.tier].text), ("upstream", upstream.name),
            ("account", upstream.accounts[candidate.account].name),
        ] {
            text += "x-proxyd-\(name): \(HeaderText.encode(value))\r\n"
        }
        let lines = Array(text.utf8)
        origins[key] = lines
        return lines
    }
}

@available(*, unavailable)
extension LoopSnapshot: Sendable {}

/// An upstream with what every request to it carries, written out. One reference, where the configuration's value is a dozen.
final class UpstreamView {
    let upstream: Upstream
    /// Of each account.
    let ids: [AccountID]
    let pool: ConnectionPool
    /// `host: …\r\n` and the configured headers.
    let fixedLines: [UInt8]
    /// The credential's line of each account; empty without a key.
    let credentialLines: [[UInt8]]
    let dialect: Dialect
    /// Names of configured headers in lower case: they replace the client's.
    let replacedNames: [[UInt8]]

    init(_ upstream: Upstream, loop: LoopContext) {
        self.upstream = upstream
        ids = upstream.accounts.map { AccountID(upstream: upstream.name, account: $0.name) }
        pool = loop.pool(PoolKey(upstream.url, trustedAuthorities: upstream.trustedAuthorities))
        dialect = upstream.dialect
        var lines = "host: \(upstream.url.authority)\r\naccept-encoding: identity\r\n"
        for (name, value) in upstream.headers { lines += "\(name.lowercased()): \(HeaderText.encode(value))\r\n" }
        fixedLines = Array(lines.utf8)
        replacedNames = upstream.headers.map { Array($0.name.lowercased().utf8) }
        credentialLines = upstream.accounts.map { account in
            guard let key = account.key else { return [] }
            let value = HeaderText.encode(key.reveal())
            return switch upstream.dialect {
            case .anthropic: Array("x-api-key: \(value)\r\n".utf8)
            case .openai, .responses: Array("authorization: Bearer \(value)\r\n".utf8)
            case .azure: Array("api-key: \(value)\r\n".utf8)
            case .gemini: Array("x-goog-api-key: \(value)\r\n".utf8)
            }
        }
    }
}

@available(*, unavailable)
extension UpstreamView: Sendable {}

/// Text for a header line: what could end the line, or is not ASCII, is percent-encoded.
enum HeaderText {
    static func encode(_ text: String) -> String {
        if text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7f }) { return text }
        var encoded = ""
        for byte in text.utf8 {
            if byte >= 0x20 && byte < 0x7f {
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                encoded += digits.count == 1 ? "%0\(digits)" : "%\(digits)"
            }
        }
        return encoded
    }
}
