import Dialects
import NIOCore

/// Requests to upstreams of another format.
extension Exchange {
    func convertedRequest(for candidate: Candidate, _ view: UpstreamView) throws(ConversionProblem) -> UpstreamRequest {
        let upstream = view.upstream
        let model = upstream.dialect == .azure ? upstream.deployments[candidate.model] ?? candidate.model : candidate.model
        let options = conversionOptions(for: candidate, upstream)
        // The rule's overrides are said in the client's format, before anything is converted.
        let body = patchedBody(for: candidate, view)
        var result: Result<ConvertedRequest, ConversionProblem>?
        body.withUnsafeReadableBytes { bytes in
            do throws(ConversionProblem) {
                result = .success(try convert(bytes, to: upstream.dialect, model: model, options: options))
            } catch {
                result = .failure(error)
            }
        }
        guard let converted = try result?.get() else {
            throw ConversionProblem(.internalError, "the request could not be converted")
        }
        conversion = converted.context
        lossy = converted.lossy
        let target =
            upstream.dialect == .azure
            ? UpstreamTarget.azure(upstream, path: converted.pathSuffix, model: candidate.model)
            : UpstreamTarget.join(upstream, path: converted.pathSuffix)
        guard let target else {
            throw ConversionProblem(.badRequest, "the model's name cannot stand in a path", param: "model")
        }
        return UpstreamRequest(
            target: target, body: ByteBuffer(bytes: converted.body), isConverted: true,
            apiVersion: options.capabilities.anthropic.version)
    }

    private func convert(
        _ body: UnsafeRawBufferPointer, to upstream: Dialect, model: String, options: ConversionOptions
    ) throws(ConversionProblem) -> ConvertedRequest {
        switch endpoint {
        case .generate(let client):
            return try RequestConverter.convert(body: body, from: client, to: upstream, model: model, options: options)
        case .countTokens(let client) where TokenCounting.isKnown(to: upstream):
            return try TokenCounting.convert(body: body, from: client, to: upstream, model: model, options: options)
        case .countTokens, .named, .other, .local:
            throw ConversionProblem(.unsupported, "this upstream cannot count tokens for \(clientDialect.rawValue) clients")
        }
    }

    private func conversionOptions(for candidate: Candidate, _ upstream: Upstream) -> ConversionOptions {
        let target = routeInUse.tiers[candidate.tier].targets[candidate.target].tierTarget
        let now = LoopContext.wallClock() / 1000
        let shared = loop.shared
        let scope = key?.id ?? ""
        return ConversionOptions(
            capabilities: upstream.capabilities(of: candidate.model),
            lossPolicy: asksForStrictness ? .strict : upstream.conversion.lossy, maxTokensCap: target.maxTokens,
            stream: request.streams, allowsWebSearch: upstream.conversion.allowsWebSearch,
            streamsAsArray: clientDialect == .gemini && !asksForEvents,
            recall: { id in shared.thoughts.withLock { $0.recall(id, scope: scope, now: now) } }, now: now, requestID: requestID)
    }

    /// `x-proxyd-strict: true`: the client would rather have an error than an approximation.
    private var asksForStrictness: Bool {
        connection.headBytes.withUnsafeReadableBytes { bytes in
            connection.head.fields.contains { field in
                field.known == .proxyd && equalsIgnoringCase(field.name.bytes(in: bytes), "x-proxyd-strict")
                    && equalsIgnoringCase(field.value.bytes(in: bytes), "true")
            }
        }
    }

    /// `alt=sse`: a Gemini client wants its stream as events.
    var asksForEvents: Bool {
        connection.headBytes.withUnsafeReadableBytes { bytes in
            guard let query = splitTarget(connection.head.target.bytes(in: bytes)).query,
                let value = QueryString.value(of: "alt", in: query)
            else { return false }
            return equalsIgnoringCase(value, "sse")
        }
    }

    // MARK: History

    /// A body that goes on in its own format, without what another vendor's answers left in it. Nearly always the body itself.
    func scrubbed(
        _ body: ByteBuffer, for candidate: Candidate, _ dialect: Dialect
    ) throws(ConversionProblem) -> ByteBuffer {
        switch endpoint {
        case .generate, .countTokens: break
        case .named, .other, .local: return body
        }
        switch dialect {
        case .openai: return body
        case .anthropic: if !request.holdsEnvelopes, !request.thinks { return body }
        case .responses, .azure: if !request.holdsEnvelopes { return body }
        case .gemini: break
        }
        let cleaned = body.withUnsafeReadableBytes { HistoryScrub.cleaned($0, for: dialect, model: candidate.model) }
        guard let cleaned else { return body }
        if request.thinks, dialect == .anthropic, cleaned.withUnsafeBytes({ JSONScan.find("thinking", of: $0) }) == nil {
            let note = LossyNote("thinking", .dropped)
            if asksForStrictness || view.upstreams[candidate.upstream].upstream.conversion.lossy == .strict {
                throw ConversionProblem(
                    .unsupported, "thinking: cannot go on after calls that another vendor made", param: "thinking")
            }
            lossy = [note]
        }
        return ByteBuffer(bytes: cleaned)
    }

    /// Keeps what a complete answer's calls want back, for clients that have no field for it.
    func keepThoughts(_ thoughts: [ToolThoughts]) {
        guard !thoughts.isEmpty else { return }
        loop.shared.thoughts.withLock {
            $0.keep(thoughts, scope: key?.id ?? "", now: LoopContext.wallClock() / 1000)
        }
    }

    // MARK: Errors

    /// Whether an error is in a shape in which the client would read nothing: a balancer's page, a web framework's `detail`, text.
    func hasForeignShape(_ failure: AttemptFailure) -> Bool {
        guard case .answer(_, let body, let contentType, _) = failure.cause else { return false }
        switch endpoint {
        case .generate, .countTokens, .named:
            return !body.withUnsafeBytes { ErrorBody.hasShape($0, of: clientDialect, isList: wantsArray) }
        case .other, .local:
            return contentType.utf8.withContiguousStorageIfAvailable { ContentKind(UnsafeRawBufferPointer($0)) } == .page
        }
    }

    // MARK: Counts

    /// Whether a failure only says that the upstream does not count tokens: another may, and an estimate is worth more than an error.
    func cannotCount(_ error: UpstreamError) -> Bool {
        guard case .countTokens = endpoint else { return false }
        return [404, 405, 501].contains(error.status)
    }

    func cannotCount(_ failure: AttemptFailure) -> Bool {
        switch failure.cause {
        case .conversion: true
        case .answer(let error, _, _, _): cannotCount(error)
        case .failure: false
        }
    }

    /// No tier can count tokens: an estimate is worth more to the client than an error (conversion.md 8.1).
    func answerEstimate() {
        let tokens = connection.body.withUnsafeReadableBytes { bytes in
            let prompt = UnsafeRawBufferPointer(rebasing: bytes[TokenCounting.prompt(of: bytes, clientDialect)])
            return PromptEstimate.tokens(body: prompt) ?? 1
        }
        let body = TokenCounting.body(tokens: tokens, for: clientDialect)
        LocalAnswer.write(
            status: 200, contentType: "application/json", body: body, keepAlive: clientKeepsAlive,
            headers: identityHeaders + [("x-proxyd-estimated", "tokens")], omitBody: isHead, to: &connection.outbound)
        figures.status = 200
        figures.bytesOut = body.count
        markFirstByte()
        finish(by: "done", in: "dispatch", reason: "estimated", keepAlive: true)
    }
}
