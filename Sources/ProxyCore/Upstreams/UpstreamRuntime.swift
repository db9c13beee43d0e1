import Dialects
import HTTP1

/// An upstream with what every request to it carries, written out. One reference, where the configuration's value is a dozen.
///
/// What a request asks of the upstream's format is worked out here, once for a snapshot: on its way through the proxy a request looks
/// at plain values.
final class UpstreamRuntime {
    let upstream: Upstream
    /// The id of each account.
    let ids: [AccountID]
    let pool: ConnectionPool
    /// What a target begins with: the origin where a proxy is asked (RFC 9112 §3.2.2), nothing else.
    let targetPrefix: [UInt8]
    /// The host and the configured headers, each with its line end.
    let fixedLines: [UInt8]
    /// The credential of each account.
    let credentials: [AccountCredential]
    let format: UpstreamDialect
    /// The client's format whose shapes the upstream's own responses and errors share.
    let kin: ClientDialect
    /// Whether models are asked for under the names of deployments.
    let hasDeployments: Bool
    /// Whether a request that names no version of Anthropic's API gets one.
    let addsAnthropicVersion: Bool
    /// Names, in lower case, of the headers that the file sets, that of the account's key among them: they replace the client's.
    let replacedNames: [[UInt8]]
    /// The clients whose bytes pass as they are: for responses, and for counts of tokens.
    private let passed: (responses: ClientDialects, counts: ClientDialects)
    private let namesModelInTarget: Bool
    private let place: UpstreamPlace
    private let operatorParameters: [StaticString]
    /// The last target that a client asked for, and what it is here: clients ask for few.
    private var lastTarget: (namesModel: Bool, asked: [UInt8], target: [UInt8]) = (false, [], [])

    init(_ upstream: Upstream, loop: LoopContext) {
        self.upstream = upstream
        ids = upstream.accountIDs
        pool = loop.pool(PoolKey(upstream))
        format = upstream.dialect
        kin = format.kin
        hasDeployments = format.hasDeployments
        passed = (ClientDialects(format.native), ClientDialects(format.nativeCounts))
        namesModelInTarget = format.namesModelInTarget
        operatorParameters = format.operatorParameters + [UploadTicket.parameter]
        place = upstream.place
        let proxied = ProxiedLines(upstream.url, upstream.proxy)
        targetPrefix = Array(proxied.targetPrefix.utf8)
        var fixed = FieldBlock()
        fixed.add("host", upstream.url.authority)
        fixed.add("accept-encoding", "identity")
        fixed.add(proxied.credentials)
        for header in upstream.headers { fixed.add(header.name.lowercased(), header.value) }
        fixedLines = fixed.bytes
        let names = upstream.headers.map { Array($0.name.lowercased().utf8) }
        // The login of a client comes under the name that its own program gives it.
        let keyName = upstream.accounts.contains { $0.key != nil } ? upstream.keyHeader : nil
        replacedNames = names + (keyName.map { [Array($0.lowercased().utf8)] } ?? [])
        addsAnthropicVersion = format.wantsAnthropicVersion && !names.contains(Array("anthropic-version".utf8))
        credentials = upstream.accounts.map { account in
            AccountCredential(account.key.map { upstream.signer($0.reveal()) }, host: upstream.url.authority)
        }
    }

    /// Whether heads of responses are read for what is left.
    var readsQuota: Bool { upstream.quota?.headers ?? true }
    /// The names that its quota has in headers, beside the vendors' own.
    var quotaNames: [QuotaHeaderNames] { upstream.quota?.headerNames ?? [] }

    /// Whether the file says itself what this header of a client's would say, for a server that reads `_` as `-` too.
    func replaces(_ name: UnsafeRawBufferPointer) -> Bool {
        replacedNames.contains { other in other.withUnsafeBytes { DisguisedField.isRead(name, as: $0) } }
    }

    // MARK: Formats

    /// Whether the upstream understands the client's own bytes.
    func passes(_ endpoint: Endpoint) -> Bool {
        switch endpoint {
        case .generate(let client): passed.responses.contains(client)
        case .countTokens(let client): passed.counts.contains(client)
        case .named, .other, .local: true
        }
    }

    /// The dialect of a response that passes as it is.
    func dialect(of endpoint: Endpoint) -> ClientDialect {
        switch endpoint {
        case .generate(let client), .countTokens(let client): passed.responses.contains(client) ? client : kin
        case .named, .other, .local: kin
        }
    }

    /// Whether chat requests pass, and so may be asked for their usage.
    var passesChat: Bool { passed.responses.contains(.openai) }

    /// The name under which the upstream knows a model.
    func modelName(_ model: String) -> String { hasDeployments ? upstream.deployments[model] ?? model : model }

    // MARK: Targets

    /// Path and query of a request that passes, `asked` being the client's. Nil: it cannot be said there, or our own parser would not
    /// read it back whole; that is the second wall, whatever made it.
    /// - Parameter model: what is asked for, which no query then names once more; nil where the request names none.
    func target(passing asked: UnsafeRawBufferPointer, model: String?) -> [UInt8]? {
        guard !namesModelInTarget else { return checkedTarget(asked, model) }
        if lastTarget.namesModel == (model != nil), asked.hasSameBytes(as: lastTarget.asked) { return lastTarget.target }
        guard let target = checkedTarget(asked, model) else { return nil }
        lastTarget = (model != nil, Array(asked), target)
        return target
    }

    /// Path and query of a converted request; nil where the model cannot stand in a path.
    func target(converted path: String, model: String) -> [UInt8]? {
        format.target(converted: path, model: model, at: place)
    }

    private func checkedTarget(_ asked: UnsafeRawBufferPointer, _ model: String?) -> [UInt8]? {
        let (path, query) = splitTarget(asked)
        guard var target = format.target(passing: path, model: model, at: place) else { return nil }
        if let query, !query.isEmpty {
            let kept = QueryString.removing(model == nil ? operatorParameters : operatorParameters + ["model"], from: query)
            if !kept.isEmpty {
                target.append(target.contains(UInt8(ascii: "?")) ? UInt8(ascii: "&") : UInt8(ascii: "?"))
                target.append(contentsOf: kept)
            }
        }
        return RequestTarget.isWritable(target) ? target : nil
    }
}

@available(*, unavailable)
extension UpstreamRuntime: Sendable {}

/// Some of the clients' formats.
private struct ClientDialects {
    private var bits: UInt8 = 0

    init(_ dialects: [ClientDialect]) {
        for dialect in dialects { bits |= Self.bit(dialect) }
    }

    func contains(_ dialect: ClientDialect) -> Bool { bits & Self.bit(dialect) != 0 }

    private static func bit(_ dialect: ClientDialect) -> UInt8 {
        switch dialect {
        case .anthropic: 1
        case .openai: 2
        case .responses: 4
        case .gemini: 8
        }
    }
}
