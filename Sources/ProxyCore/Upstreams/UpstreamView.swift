import Dialects

/// An upstream with what every request to it carries, written out. One reference, where the configuration's value is a dozen.
final class UpstreamView {
    let upstream: Upstream
    /// Of each account.
    let ids: [AccountID]
    let pool: ConnectionPool
    /// What a target begins with: the origin where a proxy is asked (RFC 9112 §3.2.2), nothing else.
    let targetPrefix: [UInt8]
    /// The host and the configured headers, each with its line end.
    let fixedLines: [UInt8]
    /// The credential's line of each account; empty without a key.
    let credentialLines: [[UInt8]]
    let dialect: Dialect
    /// Names of configured headers in lower case: they replace the client's.
    let replacedNames: [[UInt8]]
    /// The last target that a client asked for, and what it is here: clients ask for few.
    private var lastTarget: (asked: [UInt8], target: [UInt8]) = ([], [])

    init(_ upstream: Upstream, loop: LoopContext) {
        self.upstream = upstream
        ids = upstream.accountIDs
        pool = loop.pool(PoolKey(upstream.url, trustedAuthorities: upstream.trustedAuthorities, proxy: upstream.proxy))
        dialect = upstream.dialect
        let proxied = ProxiedLines(upstream.url, upstream.proxy)
        targetPrefix = Array(proxied.targetPrefix.utf8)
        var fixed = FieldBlock()
        fixed.add("host", upstream.url.authority)
        fixed.add("accept-encoding", "identity")
        fixed.add(proxied.credentials)
        for header in upstream.headers { fixed.add(header.name.lowercased(), header.value) }
        fixedLines = fixed.bytes
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

    /// Path and query here for a client's; `make` works them out, from the client's target alone.
    func target(for asked: UnsafeRawBufferPointer, make: () -> [UInt8]?) -> [UInt8]? {
        if asked.hasSameBytes(as: lastTarget.asked) { return lastTarget.target }
        guard let target = make() else { return nil }
        lastTarget = (Array(asked), target)
        return target
    }
}

@available(*, unavailable)
extension UpstreamView: Sendable {}
