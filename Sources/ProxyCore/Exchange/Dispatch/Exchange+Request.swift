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

extension Exchange {
    /// The request for a candidate, converted or patched. Nil: it cannot be said there, which was noted as a failure.
    func makeRequest(for candidate: Candidate) -> UpstreamRequest? {
        let view = self.view.upstreams[candidate.upstream]
        do throws(ConversionProblem) {
            // What a tier makes of a client's name by its `*`.
            guard candidate.model.utf8.count <= ModelName.maximumBytes, !candidate.model.isEmpty else {
                throw ConversionProblem(.badRequest, ModelName.tooLong, param: "model")
            }
            guard isSpoken(by: view.dialect) else {
                let converted = try convertedRequest(for: candidate, view)
                try checkTarget(converted.target)
                return converted
            }
            return UpstreamRequest(
                target: try target(for: candidate, view),
                body: try scrubbed(patchedBody(for: candidate, view), for: candidate, view.dialect), isConverted: false)
        } catch {
            failures.append(
                AttemptFailure(cause: .conversion(error), candidate: candidate, refusesCredential: false, retryAfterSeconds: nil))
            return nil
        }
    }

    /// Whether an upstream understands the client's own bytes.
    private func isSpoken(by dialect: Dialect) -> Bool {
        switch endpoint {
        case .generate(let client): dialect == client || ((client == .openai || client == .responses) && dialect == .azure)
        case .countTokens(let client): dialect == client
        case .named, .other, .local: true
        }
    }

    // MARK: Target

    private func target(for candidate: Candidate, _ view: UpstreamView) throws(ConversionProblem) -> [UInt8] {
        let target: [UInt8]? = connection.headBytes.withUnsafeReadableBytes { bytes in
            let asked = connection.head.target.bytes(in: bytes)
            switch view.dialect {
            case .anthropic, .openai, .responses:
                return view.target(for: asked) { checkedTarget(for: asked, candidate, view.upstream) }
            // Their targets name the model.
            case .gemini, .azure: return checkedTarget(for: asked, candidate, view.upstream)
            }
        }
        guard let target else { throw Self.unwritable }
        return target
    }

    /// The second wall: whatever made it, a target that is not read back whole by our own parser is never sent.
    private func checkTarget(_ target: [UInt8]) throws(ConversionProblem) {
        guard RequestTarget.isWritable(target) else { throw Self.unwritable }
    }

    private func checkedTarget(for asked: UnsafeRawBufferPointer, _ candidate: Candidate, _ upstream: Upstream) -> [UInt8]? {
        guard let made = target(for: asked, candidate, upstream), RequestTarget.isWritable(made) else { return nil }
        return made
    }

    private static var unwritable: ConversionProblem {
        ConversionProblem(.badRequest, "the request cannot be addressed to this upstream", param: "model")
    }

    private func target(for asked: UnsafeRawBufferPointer, _ candidate: Candidate, _ upstream: Upstream) -> [UInt8]? {
        let (path, query) = splitTarget(asked)
        let made =
            upstream.dialect == .azure
            ? UpstreamTarget.azure(upstream, path: self.path, model: request.namesNoModel ? nil : candidate.model)
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

    /// The client's body; byte for byte the same unless the rule or the tier changes something.
    func patchedBody(for candidate: Candidate, _ view: UpstreamView) -> ByteBuffer {
        if let form = request.form { return patched(form, for: candidate, view) }
        guard let object = request.object else { return connection.body }
        let cap = origin?.maxTokens
        let isAzure = view.dialect == .azure
        let model = isAzure ? view.upstream.deployments[candidate.model] ?? candidate.model : candidate.model
        let wantsModel = model != request.model && request.namesModel
        let wantsUsage = endpoint == .generate(.openai) && request.streams && view.upstream.takesStreamOptions
        guard wantsModel || wantsUsage || cap != nil || !request.batch.isEmpty || !snapshot.routes[route].set.isEmpty else {
            return connection.body
        }
        return connection.body.withUnsafeReadableBytes { bytes in
            var patch = JSONPatch(object: object, members: connection.members)
            if wantsModel { patch.set("model", toString: model, in: bytes) }
            patchBatch(&patch, for: candidate)
            for (member, json) in snapshot.routes[route].set { patch.set(member, to: json, in: bytes) }
            if let cap {
                for member in ["max_tokens", "max_completion_tokens", "max_output_tokens"] {
                    patch.cap(member, at: cap, in: bytes)
                }
            }
            if wantsUsage, view.dialect == .openai || isAzure { hidesUsageChunk = !patch.includeUsage(in: bytes) }
            return patch.isEmpty ? connection.body : ByteBuffer(bytes: patch.apply(to: bytes))
        }
    }

    /// A form whose field names the tier's model instead of the one asked for.
    private func patched(_ form: FormModel, for candidate: Candidate, _ view: UpstreamView) -> ByteBuffer {
        let isAzure = view.dialect == .azure
        let model = isAzure ? view.upstream.deployments[candidate.model] ?? candidate.model : candidate.model
        guard model != form.name else { return connection.body }
        return connection.body.withUnsafeReadableBytes { bytes in
            var out = ByteBuffer()
            out.writeBytes(UnsafeRawBufferPointer(rebasing: bytes[..<form.range.lowerBound]))
            out.writeBytes(form.replacement(model))
            out.writeBytes(UnsafeRawBufferPointer(rebasing: bytes[form.range.upperBound...]))
            return out
        }
    }

    // MARK: Head

    /// Writes the request's head: the client's own lines but for those that name keys, hops or framing.
    func writeHead(of request: UpstreamRequest, for candidate: Candidate, into out: inout ByteBuffer) {
        let upstream = view.upstreams[candidate.upstream]
        let head = connection.head
        // Every line of the client's grows by at most the blank behind its colon.
        let room =
            head.byteCount + 2 * head.fields.count + request.target.count + upstream.fixedLines.count + 512
            + upstream.credentialLines[candidate.account].count + upstream.targetPrefix.count
        connection.headBytes.withUnsafeReadableBytes { bytes in
            let listed = head.connectionOptions(in: bytes)
            out.writeHead(room: room) { cursor in
                cursor.append(head.methodToken.bytes(in: bytes))
                cursor.append(" ")
                if !upstream.targetPrefix.isEmpty { cursor.append(upstream.targetPrefix) }
                cursor.append(request.target)
                cursor.append(" HTTP/1.1\r\n")
                cursor.append(upstream.fixedLines)
                cursor.append(upstream.credentialLines[candidate.account])
                var saysVersion = false
                for field in head.fields {
                    guard Self.isForwarded(field.known, isConverted: request.isConverted) else { continue }
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
                    cursor.append("anthropic-version: ")
                    cursor.append(text: request.apiVersion)
                    cursor.append("\r\n")
                }
                if request.isConverted { cursor.append("content-type: application/json\r\n") }
                if request.body.readableBytes > 0 || method == .post || method == .put || method == .patch {
                    cursor.append("content-length: ")
                    cursor.append(decimal: request.body.readableBytes)
                    cursor.append("\r\n")
                }
                cursor.append("\r\n")
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
