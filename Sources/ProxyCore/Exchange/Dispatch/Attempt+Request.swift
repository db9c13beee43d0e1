import Dialects
import NIOCore

/// What is sent to an upstream for one attempt, the head's lines apart.
struct UpstreamRequest {
    /// Path and query.
    var target: [UInt8]
    var body: ByteBuffer
    /// The body is proxyd's own: the client's content headers do not describe it.
    var isConverted: Bool
    /// Of Anthropic's API, where the client names none.
    var apiVersion = "2023-06-01"
}

extension Attempt {
    /// The request to the candidate, converted or patched. Nil: it cannot be said there, which is noted as a failure.
    func makeRequest() -> UpstreamRequest? {
        do throws(ConversionProblem) {
            // What a tier makes of a client's name by its `*`.
            guard candidate.model.utf8.count <= ModelName.maximumBytes, !candidate.model.isEmpty else {
                throw ConversionProblem(.badRequest, ModelName.tooLong, param: "model")
            }
            guard isSpoken else {
                let converted = try convertedRequest()
                guard RequestTarget.isWritable(converted.target) else { throw Self.unwritable }
                return converted
            }
            return UpstreamRequest(target: try requestTarget(), body: try scrubbed(patchedBody()), isConverted: false)
        } catch {
            exchange.trail.failures.append(AttemptFailure(cause: .conversion(error), attempt: self))
            return nil
        }
    }

    /// Whether the upstream understands the client's own bytes.
    private var isSpoken: Bool {
        switch request.endpoint {
        case .generate(let client): dialect == client || ((client == .openai || client == .responses) && dialect == .azure)
        case .countTokens(let client): dialect == client
        case .named, .other, .local: true
        }
    }

    // MARK: Target

    private func requestTarget() throws(ConversionProblem) -> [UInt8] {
        let target: [UInt8]? = request.withHead { bytes in
            let asked = request.head.target.bytes(in: bytes)
            switch dialect {
            case .anthropic, .openai, .responses: return upstream.target(for: asked) { checkedTarget(for: asked) }
            // Their targets name the model.
            case .gemini, .azure: return checkedTarget(for: asked)
            }
        }
        guard let target else { throw Self.unwritable }
        return target
    }

    /// The second wall: whatever made it, a target that is not read back whole by our own parser is never sent.
    private func checkedTarget(for asked: UnsafeRawBufferPointer) -> [UInt8]? {
        guard let made = target(for: asked), RequestTarget.isWritable(made) else { return nil }
        return made
    }

    private static var unwritable: ConversionProblem {
        ConversionProblem(.badRequest, "the request cannot be addressed to this upstream", param: "model")
    }

    private func target(for asked: UnsafeRawBufferPointer) -> [UInt8]? {
        let upstream = upstream.upstream
        let (path, query) = splitTarget(asked)
        let made =
            dialect == .azure
            ? UpstreamTarget.azure(upstream, path: request.path, model: request.content.namesNoModel ? nil : candidate.model)
            : UpstreamTarget.join(upstream, path: path, geminiModel: candidate.model)
        guard var text = made else { return nil }
        guard let query, !query.isEmpty else { return text }
        let kept = QueryString.removing(upstream.operatorParameters, from: query)
        guard !kept.isEmpty else { return text }
        text.append(text.contains(UInt8(ascii: "?")) ? UInt8(ascii: "&") : UInt8(ascii: "?"))
        text.append(contentsOf: kept)
        return text
    }

    // MARK: Body

    /// The name under which the upstream knows the candidate's model.
    var modelName: String {
        dialect == .azure ? upstream.upstream.deployments[candidate.model] ?? candidate.model : candidate.model
    }

    /// The client's body; byte for byte the same unless the rule or the tier changes something.
    func patchedBody() -> ByteBuffer {
        if let form = request.content.form { return patched(form) }
        guard let object = request.content.object else { return request.body }
        let cap = target.maxTokens
        let model = modelName
        let isAzure = dialect == .azure
        let content = request.content
        let wantsModel = model != content.model && content.namesModel
        let wantsUsage = request.endpoint == .generate(.openai) && content.streams && upstream.upstream.takesStreamOptions
        guard wantsModel || wantsUsage || cap != nil || !content.batch.isEmpty || !route.set.isEmpty else { return request.body }
        return request.withBody { bytes in
            var patch = JSONPatch(object: object, members: request.members)
            if wantsModel { patch.set("model", toString: model, in: bytes) }
            patchBatch(&patch)
            for (member, json) in route.set { patch.set(member, to: json, in: bytes) }
            if let cap {
                for member in ["max_tokens", "max_completion_tokens", "max_output_tokens"] {
                    patch.cap(member, at: cap, in: bytes)
                }
            }
            if wantsUsage, dialect == .openai || isAzure { changes.hidesUsageChunk = !patch.includeUsage(in: bytes) }
            return patch.isEmpty ? request.body : ByteBuffer(bytes: patch.apply(to: bytes))
        }
    }

    /// Gives each request of a batch the model that this tier, or its own rule's first, asks for.
    private func patchBatch(_ patch: inout JSONPatch) {
        for batched in request.content.batch {
            let tiers = exchange.snapshot.routes[batched.rule].tiers
            let target =
                batched.rule == exchange.rule ? tiers[candidate.tier].targets[candidate.target] : tiers.first?.targets.first
            guard let model = target?.tierTarget.model(askedFor: batched.name, capture: batched.capture), model != batched.name
            else { continue }
            patch.replaceUntouched(batched.range, toString: model)
        }
    }

    /// A form whose field names the tier's model instead of the one asked for.
    private func patched(_ form: FormModel) -> ByteBuffer {
        let model = modelName
        guard model != form.name else { return request.body }
        return request.withBody { bytes in
            var out = ByteBuffer()
            out.writeBytes(UnsafeRawBufferPointer(rebasing: bytes[..<form.range.lowerBound]))
            out.writeBytes(form.replacement(model))
            out.writeBytes(UnsafeRawBufferPointer(rebasing: bytes[form.range.upperBound...]))
            return out
        }
    }

    // MARK: Head

    /// Writes the request's head: the client's own lines but for those that name keys, hops or framing.
    func writeHead(of sent: UpstreamRequest, into out: inout ByteBuffer) {
        let (upstream, method) = (upstream, request.method)
        // Every line of the client's grows by at most the blank behind its colon.
        let room =
            request.head.byteCount + 2 * request.head.fields.count + sent.target.count + upstream.fixedLines.count + 512
            + upstream.credentialLines[candidate.account].count + upstream.targetPrefix.count
        request.withHead { bytes in
            let listed = request.head.connectionOptions(in: bytes)
            out.writeHead(room: room) { cursor in
                cursor.requestLine(
                    method: request.head.methodToken.bytes(in: bytes), prefix: upstream.targetPrefix, target: sent.target)
                cursor.append(upstream.fixedLines)
                cursor.append(upstream.credentialLines[candidate.account])
                var saysVersion = false
                for field in request.head.fields {
                    guard Self.isForwarded(field.known, isConverted: sent.isConverted) else { continue }
                    let name = field.name.bytes(in: bytes)
                    if !listed.isEmpty, listed.contains(where: { equalsIgnoringCase(name, $0) }) { continue }
                    if field.known == .other, DisguisedField.isOne(name) { continue }
                    if !upstream.replacedNames.isEmpty, upstream.replacedNames.contains(where: { equalsIgnoringCase(name, $0) }) {
                        continue
                    }
                    if field.known == .anthropicVersion { saysVersion = true }
                    cursor.line(name, field.value.bytes(in: bytes))
                }
                if upstream.dialect == .anthropic, !saysVersion, !upstream.replacedNames.contains(Array("anthropic-version".utf8))
                {
                    cursor.field("anthropic-version", text: sent.apiVersion)
                }
                if sent.isConverted { cursor.field("content-type", "application/json") }
                if sent.body.readableBytes > 0 || method == .post || method == .put || method == .patch {
                    cursor.field("content-length", decimal: sent.body.readableBytes)
                }
                cursor.endHead()
            }
        }
    }

    private static func isForwarded(_ name: FieldName, isConverted: Bool) -> Bool {
        switch name {
        case .contentLength, .transferEncoding, .host, .connection, .expect, .keepAlive, .proxyConnection, .te, .trailer,
            .upgrade,
            .authorization, .proxyAuthorization, .proxyAuthenticate, .xApiKey, .apiKey, .xGoogApiKey, .cookie, .acceptEncoding,
            .proxyd, .accessControl,
            // A body's codings were taken off.
            .contentEncoding:
            false
        case .anthropicVersion, .anthropicBeta, .openaiOrganization, .openaiProject, .contentType: !isConverted
        default: true
        }
    }
}

extension HTTPRequestHead {
    func connectionOptions(in bytes: UnsafeRawBufferPointer) -> [[UInt8]] { fields.connectionOptions(in: bytes) }
}

extension HTTPResponseHead {
    func connectionOptions(in bytes: UnsafeRawBufferPointer) -> [[UInt8]] { fields.connectionOptions(in: bytes) }
}

extension [HTTPField] {
    /// The names that `Connection` lists: hop-by-hop by the sender's word (RFC 9110 §7.6.1). Mostly none.
    fileprivate func connectionOptions(in bytes: UnsafeRawBufferPointer) -> [[UInt8]] {
        var options: [[UInt8]] = []
        for field in self where field.known == .connection {
            forEachListMember(field.value.bytes(in: bytes)) { option in
                if equalsIgnoringCase(option, "close") || equalsIgnoringCase(option, "keep-alive") { return }
                options.append([UInt8](option))
            }
        }
        return options
    }
}

func equalsIgnoringCase(_ bytes: UnsafeRawBufferPointer, _ other: [UInt8]) -> Bool {
    bytes.count == other.count && zip(bytes, other).allSatisfy { lowercased($0) == lowercased($1) }
}

private func lowercased(_ byte: UInt8) -> UInt8 {
    byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
}

/// What a request line can carry.
enum RequestTarget {
    /// Whether our own parser reads all of it back, and nothing else: a path, and no byte that could end the target.
    static func isWritable(_ target: [UInt8]) -> Bool {
        target.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress, bytes.first == HTTPByte.slash else { return false }
            return ByteScan.firstNonTarget(base, from: 0, to: bytes.count) == bytes.count
        }
    }
}

/// Addresses at an upstream.
enum UpstreamTarget {
    /// The client's path under the upstream's base: `/v1` is not said twice, nor where the base has a version of its own.
    ///
    /// Nil where the model cannot stand in a path.
    static func join(_ upstream: Upstream, path: UnsafeRawBufferPointer, geminiModel: String) -> [UInt8]? {
        var target = Array(upstream.url.basePath.utf8)
        if upstream.dialect == .gemini, Endpoint.namesGeminiAction(path) {
            guard let segment = PathSegment.encoded(geminiModel) else { return nil }
            let action = path.lastIndex(of: UInt8(ascii: ":")) ?? path.count
            if upstream.url.basePath.hasSuffix("/v1beta") || upstream.url.basePath.hasSuffix("/v1") {
                target.append(contentsOf: "/models/".utf8)
            } else {
                target.append(contentsOf: "/v1beta/models/".utf8)
            }
            target.append(contentsOf: segment.utf8)
            target.append(contentsOf: path[action...])
            return target
        }
        let skip = path.starts(with: "/v1/") && hasVersion(upstream) ? 3 : 0
        target.append(contentsOf: path[skip...])
        return target
    }

    static func join(_ upstream: Upstream, path: String) -> [UInt8] {
        let path = hasVersion(upstream) && path.hasPrefix("/v1/") ? String(path.dropFirst(3)) : path
        return Array((upstream.url.basePath + path).utf8)
    }

    /// Anthropic's addresses are given without `/v1`, OpenAI's with it, as their SDKs have it; either is understood.
    private static func hasVersion(_ upstream: Upstream) -> Bool {
        switch upstream.dialect {
        case .anthropic, .gemini: upstream.url.basePath.hasSuffix("/v1")
        case .openai, .responses, .azure: !upstream.url.basePath.isEmpty
        }
    }

    /// Dated addresses name the deployment in the path; the others are OpenAI's under `/openai/v1`.
    ///
    /// Nil where the model cannot stand in a path; a request without a model has no deployment in it.
    static func azure(_ upstream: Upstream, path: String, model: String?) -> [UInt8]? {
        let call = path.hasPrefix("/v1/") ? String(path.dropFirst(4)) : path
        // The portal shows the address with and without the part that all calls begin with.
        var base = upstream.url.basePath
        for end in ["/", "/v1", "/openai"] where base.hasSuffix(end) { base.removeLast(end.utf8.count) }
        guard let version = upstream.apiVersion else { return Array("\(base)/openai/v1/\(call)".utf8) }
        guard call != "responses", let model else { return Array("\(base)/openai/\(call)?api-version=\(version)".utf8) }
        guard let segment = PathSegment.encoded(upstream.deployments[model] ?? model) else { return nil }
        return Array("\(base)/openai/deployments/\(segment)/\(call)?api-version=\(version)".utf8)
    }
}

extension Upstream {
    /// Parameters of a query that are the operator's to write: credentials, and the version of dated addresses.
    var operatorParameters: [StaticString] {
        switch dialect {
        case .gemini: ["key", "access_token", "oauth_token"]
        case .azure: ["key", "api-key", "api-version", "subscription-key"]
        case .anthropic, .openai, .responses: ["key", "api_key", "api-key"]
        }
    }
}
