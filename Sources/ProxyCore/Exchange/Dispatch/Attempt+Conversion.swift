import Dialects
import NIOCore

/// Requests to upstreams of another format.
extension Attempt {
    func convertedRequest() throws(ConversionProblem) -> UpstreamRequest {
        let options = conversionOptions()
        // The rule's overrides are said in the client's format where that has them, before anything is converted.
        let body = patchedBody(isConverted: true)
        var result: Result<ConvertedRequest, ConversionProblem>?
        body.withUnsafeReadableBytes { bytes in
            do throws(ConversionProblem) {
                result = .success(try convert(bytes, options))
            } catch {
                result = .failure(error)
            }
        }
        guard let converted = try result?.get() else {
            throw ConversionProblem(.internalError, "the request could not be converted")
        }
        changes.conversion = converted.context
        changes.lossy = converted.lossy
        changes.raisedOutput = converted.raisedOutput
        guard let target = upstream.target(converted: converted.pathSuffix, model: candidate.model) else {
            throw ConversionProblem(.badRequest, "the model's name cannot stand in a path", param: "model")
        }
        return UpstreamRequest(
            target: target, body: ByteBuffer(bytes: converted.body), isConverted: true,
            apiVersion: options.capabilities.anthropic.version)
    }

    private func convert(
        _ body: UnsafeRawBufferPointer, _ options: ConversionOptions
    ) throws(ConversionProblem) -> ConvertedRequest {
        switch request.endpoint {
        case .generate(let client):
            return try RequestConverter.convert(body: body, from: client, to: upstream.format, model: modelName, options: options)
        case .countTokens(let client) where TokenCounting.isKnown(to: upstream.format):
            return try TokenCounting.convert(body: body, from: client, to: upstream.format, model: modelName, options: options)
        case .countTokens, .named, .other, .local:
            if request.dialect == .responses, let recall = options.recallResponse {
                try KeptHistory.check(body, recall: recall)
            }
            throw ConversionProblem(
                .unsupported, "this upstream cannot count tokens for \(request.dialect.rawValue) clients")
        }
    }

    /// What is remembered of a call for the key that asks, and later of what comes of this request.
    private func recall() -> @Sendable (String) -> ToolThoughts? {
        let scopes = thoughtScopes
        changes.scopes = scopes
        let (memory, now) = (loop.shared.memory, LoopContext.wallClock() / 1000)
        return { id in
            let scope = scopes.scope(of: id)
            return memory.thoughts.withLock { $0.recall(id, scope: scope, now: now) }
        }
    }

    private var thoughtScopes: ThoughtScopes {
        // Servers that want plain thoughts back are those that number calls.
        let conversation = able.capabilities.openAI.wantsThoughtsBack ? exchange.conversationMark() : 0
        return ThoughtScopes(key: exchange.caller?.key.id ?? "", conversation: conversation)
    }

    private func conversionOptions() -> ConversionOptions {
        let tier = route.tiers[candidate.tier].targets[candidate.target].tierTarget
        let upstream = upstream.upstream
        let now = LoopContext.wallClock() / 1000
        var options = ConversionOptions(
            capabilities: able.capabilities,
            lossPolicy: request.asksForStrictness ? .strict : upstream.conversion.lossy, maxTokensCap: tier.maxTokens,
            stream: request.content.streams, allowsWebSearch: upstream.conversion.allowsWebSearch,
            streamsAsArray: request.dialect == .gemini && !request.asksForEvents,
            recall: recall(), now: now,
            requestID: exchange.requestID)
        options.set = route.set
        options.sealing = loop.shared.memory.sealing
        options.recallResponse = exchange.recallResponse()
        return options
    }

    /// The form in which the client wants its response.
    private var wantedForm: ResponseForm {
        if !request.content.streams { return .whole }
        return request.wantsArray ? .array : .stream(includesUsage: !changes.hidesUsageChunk)
    }

    /// Brings a response of the client's own format into the form that it wants.
    var mirror: ConversionContext {
        var context = ConversionContext.mirror(
            request.dialect, model: candidate.model, now: LoopContext.wallClock() / 1000, requestID: exchange.requestID,
            form: wantedForm)
        if request.dialect == .openai { context.remembersThoughts(able.capabilities) }
        return context
    }

    // MARK: Quirks

    /// What the candidate's model can do.
    var able: AbleModel { target.able(candidate.model, at: upstream) }

    /// A body that goes on in its own format, in the server's words and without the fields and values that it is known to refuse.
    /// Nearly always the body itself.
    func withoutRefused(_ body: ByteBuffer) throws(ConversionProblem) -> ByteBuffer {
        let quirks: Box<RequestQuirks>?
        switch exchange.request.endpoint {
        case .generate(let client): quirks = able.quirks(of: client)
        case .named, .countTokens: quirks = able.drops
        case .other, .local: quirks = nil
        }
        guard let quirks else { return body }
        let recall = recall()
        guard let patched = body.withUnsafeReadableBytes({ quirks.value.patched($0, recall: recall) }) else { return body }
        if let first = patched.notes.first {
            if request.asksForStrictness || upstream.upstream.conversion.lossy == .strict {
                throw ConversionProblem(.unsupported, "\(first.param): this upstream does not take it", param: first.param)
            }
            if upstream.upstream.conversion.lossy != .silent { changes.lossy += patched.notes }
        }
        return ByteBuffer(bytes: patched.body)
    }

    // MARK: History

    /// A body that goes on in its own format, the whole conversation in its input where its client goes on from a response that is
    /// kept here: no vendor knows that one.
    func opened(_ body: ByteBuffer) -> ByteBuffer {
        guard request.endpoint == .generate(.responses) || request.endpoint == .countTokens(.responses) else { return body }
        let goesOn = request.withBody { bytes in
            request.members.contains { $0.kind == .string && $0.key(equals: "previous_response_id", in: bytes) }
        }
        guard goesOn else { return body }
        let recall = exchange.recallResponse()
        guard let opened = body.withUnsafeReadableBytes({ KeptHistory.opened($0, recall: recall) }) else { return body }
        let cleaned = opened.withUnsafeBytes {
            HistorySanitizer.cleaned($0, for: .responses, model: candidate.model, sealing: loop.shared.memory.sealing)
        }
        return ByteBuffer(bytes: cleaned ?? opened)
    }

    /// A body that goes on in its own format, without what another vendor's responses left in it. Nearly always the body itself.
    func sanitized(_ body: ByteBuffer) throws(ConversionProblem) -> ByteBuffer {
        switch request.endpoint {
        case .generate, .countTokens: break
        case .named, .other, .local: return body
        }
        let content = request.content
        switch dialect {
        case .openai: return body
        case .anthropic: if !content.holdsEnvelopes, !content.thinks { return body }
        case .responses: if !content.holdsEnvelopes { return body }
        case .gemini: break
        }
        let cleaned = body.withUnsafeReadableBytes {
            HistorySanitizer.cleaned($0, for: dialect, model: candidate.model, sealing: loop.shared.memory.sealing)
        }
        guard let cleaned else { return body }
        if content.thinks, dialect == .anthropic, cleaned.withUnsafeBytes({ JSONScan.find("thinking", of: $0) }) == nil {
            let note = LossyNote("thinking", .dropped)
            if request.asksForStrictness || upstream.upstream.conversion.lossy == .strict {
                throw ConversionProblem(
                    .unsupported, "thinking: cannot go on after calls that another vendor made", param: "thinking")
            }
            changes.lossy.append(note)
        }
        return ByteBuffer(bytes: cleaned)
    }

    private var mayLeaveThoughts: Bool {
        guard case .generate(.openai) = exchange.request.endpoint, dialect == .openai,
            able.capabilities.openAI.wantsThoughtsBack
        else { return false }
        return request.withBody { body in request.members.contains { $0.key(equals: "tools", in: body) } }
    }

    /// What reads along with a stream in the client's own format; nil for most servers, which want nothing back.
    var listener: ThoughtListener? { mayLeaveThoughts ? ThoughtListener(able.capabilities, model: candidate.model) : nil }

    /// The same for a whole response.
    func listenToHeld() {
        guard mayLeaveThoughts else { return }
        let (capabilities, model) = (able.capabilities, candidate.model)
        keepThoughts(withDecodedHeld { ThoughtListener.thoughts(in: $0, capabilities, model: model) })
    }

    /// Keeps what a complete response's calls want back, for clients that have no field for it.
    func keepThoughts(_ thoughts: [ToolThoughts]) {
        guard !thoughts.isEmpty else { return }
        let (scopes, now) = (changes.scopes ?? ThoughtScopes(key: exchange.caller?.key.id ?? ""), LoopContext.wallClock() / 1000)
        for thought in thoughts {
            let scope = scopes.scope(of: thought.id)
            loop.shared.memory.thoughts.withLock { $0.keep([thought], scope: scope, now: now) }
        }
    }
}
