import Basics
import Dialects
import HTTP1
import NIOCore

/// What is sent to an upstream for one attempt, the head's lines apart.
struct UpstreamRequest: ~Copyable {
    /// Path and query.
    var target: [UInt8]
    var body: ByteBuffer
    /// The body is proxyd's own: the client's content headers do not describe it.
    var isConverted: Bool
    /// The version of Anthropic's API, where the client names none.
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
            if takesClientLogin { try checkClientLogin() }
            guard upstream.passes(request.endpoint) else {
                let converted = try convertedRequest()
                guard RequestTarget.isWritable(converted.target) else { throw Self.unwritable }
                return converted
            }
            guard request.isGenerating || upstream.kin == .gemini || !DataPath.isGeminis(request.path) else {
                throw ConversionProblem(.unsupported, "this is an address of Gemini's, and the upstream speaks something else")
            }
            // What is said a second time is told once.
            if !changes.lossy.isEmpty { changes.lossy = [] }
            return UpstreamRequest(
                target: try requestTarget(), body: try sanitized(withoutRefused(withRoomToThink(opened(patchedBody())))),
                isConverted: false)
        } catch {
            exchange.trail.failures.append(AttemptFailure(cause: .conversion(error), attempt: self))
            return nil
        }
    }

    // MARK: Target

    private func requestTarget() throws(ConversionProblem) -> [UInt8] {
        // Gemini's clients name theirs in the path.
        let namesNone = request.content.namesNoModel && request.call.gemini == nil
        let model = namesNone ? nil : candidate.model
        let target: [UInt8]? =
            if let meant = request.call.meantTarget {
                meant.withUnsafeBytes { upstream.target(passing: $0, model: model) }
            } else {
                request.withHead { upstream.target(passing: request.head.target.bytes(in: $0), model: model) }
            }
        guard let target else { throw Self.unwritable }
        return target
    }

    private static var unwritable: ConversionProblem {
        ConversionProblem(.badRequest, "the request cannot be addressed to this upstream", param: "model")
    }

    // MARK: Body

    /// The name under which the upstream knows the candidate's model.
    var modelName: String { upstream.modelName(candidate.model) }

    /// The client's body; byte for byte the same unless the rule or the tier changes something.
    func patchedBody(isConverted: Bool = false) -> ByteBuffer {
        if let form = request.content.form { return patched(form) }
        guard let object = request.content.object else { return request.body }
        let cap = target.maxTokens
        let model = modelName
        let wantsModel = request.content.namesModel && (model != request.content.model || request.content.isModelElsewhere)
        let wantsUsage =
            request.endpoint == .generate(.openai) && request.content.streams && able.takesStreamOptions
        guard
            wantsModel || wantsUsage || cap != nil || !request.content.batch.isEmpty || !route.set.isEmpty
                || !request.content.counted.isEmpty
        else {
            return request.body
        }
        return request.withBody { bytes in
            var patch = JSONPatch(object: object, members: request.members)
            if wantsModel { patch.set("model", toString: request.content.modelPrefix + model, in: bytes) }
            patchBatch(&patch, in: bytes)
            for counted in request.content.counted where model != counted.name {
                patch.replaceUntouched(counted.range, toString: counted.prefix + model)
            }
            if cap != nil || !route.set.isEmpty, request.content.batch.isEmpty {
                let form = RequestForm(formKind, able.capabilities)
                route.set.apply(to: &patch, in: bytes, as: form, cap: cap, isConverted: isConverted)
            }
            if wantsUsage, upstream.passesChat { changes.hidesUsageChunk = !patch.includeUsage(in: bytes) }
            return patch.isEmpty ? request.body : ByteBuffer(bytes: patch.apply(to: bytes))
        }
    }

    /// What the body is, for what a rule sets in it.
    private var formKind: RequestForm.Kind {
        switch request.endpoint {
        case .generate(let client): RequestForm.Kind(client)
        case .named: request.path == "/v1/embeddings" ? .plain : .completions
        case .countTokens: .plain
        case .other, .local: DataPath.isGeminis(request.path) ? .plain : .unread
        }
    }

    /// Gives each request of a batch the model that this tier, or its own rule's first, asks for, and what they set.
    private func patchBatch(_ patch: inout JSONPatch, in bytes: UnsafeRawBufferPointer) {
        for batched in request.content.batch {
            let model = exchange.model(of: batched, candidate)
            if let changed = patched(batched, model, in: bytes) {
                patch.replaceUntouched(changed.place, with: changed.json)
            } else if batched.isNamed, model != batched.name {
                patch.replaceUntouched(batched.range, toString: batched.prefix + model)
            }
        }
    }

    /// A request of a batch with what its rule sets and no more than its tier allows; nil where they say nothing.
    private func patched(
        _ batched: BatchModel, _ model: String, in bytes: UnsafeRawBufferPointer
    ) -> (place: Range<Int>, json: [UInt8])? {
        guard let holder = batched.holder else { return nil }
        let (set, cap) = exchange.changes(of: batched, candidate)
        guard cap != nil || !set.isEmpty else { return nil }
        let inner = bytes.slice(holder.place)
        var members: [JSONMember] = []
        guard let object = try? JSONScan.members(of: inner, into: &members) else { return nil }
        var patch = JSONPatch(object: object, members: members)
        if batched.isNamed { patch.set("model", toString: batched.prefix + model, in: inner) }
        set.apply(to: &patch, in: inner, as: RequestForm(holder.kind, able.capabilities), cap: cap)
        let json = patch.apply(to: inner)
        guard holder.kind == .messages else { return (holder.place, json) }
        let fitted = json.withUnsafeBytes { ThinkingRoom.fitted($0, from: inner) }
        if fitted?.isDropped == true, !changes.lossy.contains(Self.noThinking) { changes.lossy.append(Self.noThinking) }
        return (holder.place, fitted?.body ?? json)
    }

    private static let noThinking = LossyNote("thinking", .dropped)

    /// Whether the client or the rule gives a budget to think.
    private var thinks: Bool {
        request.withBody { bytes in request.members.contains { $0.kind == .object && $0.key(equals: "thinking", in: bytes) } }
            || route.set.written.contains { $0.member == "thinking" }
    }

    /// A body whose limit was lowered, with its budget to think under it. Nearly always the body itself.
    private func withRoomToThink(_ body: ByteBuffer) throws(ConversionProblem) -> ByteBuffer {
        guard target.maxTokens != nil || route.set.maxTokens != nil, request.endpoint == .generate(.anthropic), thinks else {
            return body
        }
        let fitted = body.withUnsafeReadableBytes { bytes in request.withBody { ThinkingRoom.fitted(bytes, from: $0) } }
        guard let fitted else { return body }
        if fitted.isDropped {
            if request.asksForStrictness || upstream.upstream.conversion.lossy == .strict {
                throw ConversionProblem(.unsupported, "thinking: the answer's limit leaves no room for it", param: "thinking")
            }
            if upstream.upstream.conversion.lossy != .silent { changes.lossy.append(Self.noThinking) }
        }
        return ByteBuffer(bytes: fitted.body)
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
    func writeHead(of sent: borrowing UpstreamRequest, into out: inout ByteBuffer) {
        let (upstream, method, takesLogin) = (upstream, request.method, takesClientLogin)
        let trace = exchange.trail.trace
        let credential = request.withHead { bytes in
            upstream.credentials[candidate.account].lines(
                method: request.head.methodToken.bytes(in: bytes), target: sent.target,
                body: { Array(sent.body.readableBytesView) })
        }
        // Every line of the client's grows by at most the blank behind its colon.
        let room =
            request.head.byteCount + 2 * request.head.fields.count + sent.target.count + upstream.fixedLines.count + 512
            + credential.count + upstream.targetPrefix.count
        request.withHead { bytes in
            let listed = request.head.connectionOptions(in: bytes)
            out.writeHead(room: room) { cursor in
                cursor.requestLine(
                    method: request.head.methodToken.bytes(in: bytes), prefix: upstream.targetPrefix, target: sent.target)
                cursor.append(upstream.fixedLines)
                cursor.append(credential)
                var saysVersion = false
                for field in request.head.fields {
                    guard Self.isForwarded(field.known, isConverted: sent.isConverted) || (takesLogin && isOwnLogin(field, bytes))
                    else { continue }
                    let name = field.name.bytes(in: bytes)
                    if !listed.isEmpty, listed.contains(where: { equalsIgnoringCase(name, $0) }) { continue }
                    if field.known == .other, DisguisedField.isOne(name) { continue }
                    if trace != nil, field.known == .traceparent || field.known == .tracestate { continue }
                    if !upstream.replacedNames.isEmpty, upstream.replaces(name) { continue }
                    if field.known == .anthropicVersion { saysVersion = true }
                    cursor.line(name, field.value.bytes(in: bytes))
                }
                if let trace { trace.write(into: &cursor) }
                if upstream.addsAnthropicVersion, !saysVersion {
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
            // What is beyond this hop need not know who asked through whom.
            .forwarded, .xForwardedFor, .xForwardedHost, .xForwardedProto, .xRealIP, .via,
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
    bytes.count == other.count && zip(bytes, other).allSatisfy { ASCII.lowercased($0) == ASCII.lowercased($1) }
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
