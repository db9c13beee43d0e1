import Dialects
import NIOCore

/// Whether what came with a success is an answer.
extension Exchange {
    /// Whether the path promises a model's answer, so that what is none is not passed on.
    var isGenerating: Bool {
        switch endpoint {
        case .generate, .named: true
        case .countTokens, .other, .local: false
        }
    }

    /// A client may ask for a file that it has already.
    var mayBeNotModified: Bool { endpoint == .other && relay.status == 304 }

    /// A Gemini client that wants its stream as one array.
    var wantsArray: Bool { clientDialect == .gemini && request.streams && !asksForEvents }

    /// The form in which the client wants its answer.
    private var wantedForm: AnswerForm {
        if !request.streams { return .whole }
        return wantsArray ? .array : .stream(includesUsage: !hidesUsageChunk)
    }

    func mirror(_ dialect: Dialect) -> ConversionContext {
        .mirror(
            clientDialect, model: candidate?.model ?? "", now: LoopContext.wallClock() / 1000, requestID: requestID,
            form: wantedForm)
    }

    /// What the body has to be, as far as the head leaves it open.
    func expectContent() {
        switch endpoint {
        case .generate, .named, .countTokens: break
        case .other, .local: return
        }
        // What has to become of another form is read, so it loses its coding.
        relay.takesCodingOff =
            conversion == nil && isGenerating && relay.isCompressed && relay.coding != .unknown
            && relay.isEventStream != request.streams
        guard !relay.isEventStream else { return }
        relay.mayBeEvents = request.streams && isGenerating && (!relay.isCompressed || relay.takesCodingOff)
        relay.lacksContentType =
            conversion == nil && (relay.mayBeEvents || (relay.kind != .json && relay.kind != .unsaid))
    }

    // MARK: Without a content type

    /// Whether what is held begins as events do; nil while it cannot be told.
    func looksLikeEvents() -> Bool? {
        relay.withHeldBytes { bytes in
            var start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
            while start < bytes.count, bytes[start] <= 0x20 { start += 1 }
            let rest = UnsafeRawBufferPointer(rebasing: bytes[start...])
            guard let first = rest.first else { return nil }
            if first == UInt8(ascii: ":") { return true }
            for field in ["data:", "event:", "id:", "retry:"] as [StaticString] {
                if rest.starts(with: field) { return true }
                let isBeginning =
                    rest.count < field.utf8CodeUnitCount && (0..<rest.count).allSatisfy { rest[$0] == field.utf8Start[$0] }
                if isBeginning { return nil }
            }
            return false
        }
    }

    /// Looks at the first bytes of an answer that did not say what it is. Whether it goes on as a whole one.
    func turnsToEvents() -> Bool {
        guard let isStream = looksLikeEvents() else { return false }
        relay.mayBeEvents = false
        guard isStream, let candidate else { return true }
        relay.isEventStream = true
        if conversion != nil {
            renderConvertedHead()
        } else {
            writeContentType("content-type: text/event-stream; charset=utf-8\r\nx-accel-buffering: no\r\n")
        }
        beginStream(view.upstreams[candidate.upstream].dialect)
        let held = relay.held
        relay.held = ByteBuffer()
        held.withUnsafeReadableBytes { gate($0) }
        return false
    }

    // MARK: Codings

    /// Takes the coding off a piece of body. What cannot be read ends as an answer that is none, or as one that says no usage.
    func inflate(_ body: UnsafeRawBufferPointer, limit: Int, _ sink: (UnsafeRawBufferPointer) -> Void) {
        guard let inflater = relay.inflater else { return }
        do throws(InflateFailure) {
            try inflater.inflate(body, limit: limit, to: sink)
        } catch {
            switch relay.mode {
            case .judging: relay.held.clear()
            case .holding, .gating: failed(error == .tooLarge ? .tooLong : .noAnswer)
            case .passing: if conversion != nil || relay.takesCodingOff { failed(.noAnswer) }
            case .none, .ended: break
            }
        }
    }

    /// Shows what is held without its coding; nothing where it cannot be read, or is not whole.
    func withDecodedHeld<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        guard relay.isCompressed, relay.coding != .unknown else { return relay.withHeldBytes(body) }
        let decoded = relay.withHeldBytes { bytes in relay.coding.decoded(bytes, limit: RelayState.convertedBytes) }
        return (decoded.isWhole ? decoded.bytes : ByteBuffer()).withUnsafeReadableBytes(body)
    }

    // MARK: Whole answers

    var promise: BodyMeter.Promise {
        guard endpoint == .named else { return .answer }
        return path.hasSuffix("/embeddings") ? .embeddings : .answer
    }

    /// A stream where a whole answer was asked for is put together.
    var isFolded: Bool { relay.isEventStream && !request.streams && isGenerating }

    /// The context that brings a good answer into the form that was asked for; nil where it is in it.
    func neededMirror(_ dialect: Dialect) -> ConversionContext? {
        guard case .generate = endpoint, !relay.isCompressed else { return nil }
        if isFolded { return mirror(dialect) }
        guard request.streams else { return nil }
        // An array of chunks is what a Gemini client without `alt=sse` waits for.
        if wantsArray, relay.withHeldBytes({ $0.first { $0 > 0x20 } }) == UInt8(ascii: "[") { return nil }
        return mirror(dialect)
    }

    /// What a whole answer says of itself; nil when it is none, which has then been dealt with.
    func judgedWhole(_ dialect: Dialect) -> BodyMeter? {
        if isFolded {
            // The fold judges it.
            return BodyMeter(UnsafeRawBufferPointer(start: nil, count: 0), dialect: dialect)
        }
        if relay.coding == .unknown {
            guard asksForCoding() else {
                failAnswer(.noAnswer)
                return nil
            }
            return BodyMeter(UnsafeRawBufferPointer(start: nil, count: 0), dialect: dialect)
        }
        let spoken = endpoint == .named ? .openai : dialect
        let promise = promise
        var error: UpstreamError?
        var said: [UInt8] = []
        let answer = withDecodedHeld { bytes in
            let answer = BodyMeter(bytes, dialect: spoken, promise: promise)
            if bytes.isEmpty, relay.isCompressed {
                error = UpstreamError(
                    errorClass: .upstreamBroken, status: 502,
                    message: "the upstream's answer is not what its content-encoding says")
            } else if !answer.keepsPromise {
                error = AnswerFault.read(bytes, dialect: spoken)
                said = Array(bytes.prefix(RelayState.errorBytes))
            } else if answer.mayHoldError {
                error = AnswerFault.error(in: bytes, dialect: spoken)
                if error != nil { said = Array(bytes.prefix(RelayState.errorBytes)) }
            }
            return answer
        }
        guard let error else { return answer }
        fail(with: error, said: said)
        return nil
    }

    // MARK: Failing

    enum AnswerProblem { case noAnswer, noCount }

    /// The answer is none: another may give one.
    func failAnswer(_ problem: AnswerProblem) {
        let message =
            switch problem {
            case .noAnswer: UpstreamFailure.noAnswer.message
            case .noCount: "the upstream's answer holds no count"
            }
        let error = UpstreamError(errorClass: .upstreamBroken, status: 502, message: message)
        guard case .deliver = AnswerJudge.judge(error, policy: routeInUse.fallback) else { return fail(with: error, said: []) }
        // No status sends on; that the upstream is as good as not there may.
        relay.mode = .ended
        attemptFailed(.noAnswer, hasReceived: true)
    }

    /// Where an upstream points to is the operator's matter and nobody else's.
    func failRedirect() {
        let message =
            "the upstream answered with a redirect (\(relay.status)); its address in the configuration is not the right one"
        fail(with: UpstreamError(errorClass: .upstreamBroken, status: 502, message: message), said: [])
    }

    private func fail(with error: UpstreamError, said: [UInt8]) {
        relay.mode = .ended
        upstream?.cancel()
        upstream = nil
        relay.held.clear()
        relay.held.writeBytes(said)
        maskSecrets()
        let held = relay.held
        held.withUnsafeReadableBytes { judge(error, body: $0) }
    }

    /// The attempt has brought an answer.
    func noteSuccess() {
        guard relay.status < 400, let candidate, let origin else { return }
        origin.successes.increment()
        if loop.states.accounts[origin.id] != nil {
            loop.shared.accounts.succeed(
                origin.id, model: candidate.model, proves: reach == .generations ? .generation : .access)
        }
    }
}

/// An answer that is not heard to its end.
extension Exchange {
    /// Keeps what the request's input may have cost, before its body goes: for a stream that is left before it tells.
    func estimatePrompt() {
        guard relay.meter != nil || relay.converter != nil, isGenerating, relay.status < 400 else { return }
        let told = relay.converter?.value.usage ?? relay.meter?.value.usage
        if told?.input ?? 0 > 0 { return }
        figures.promptTokens = promptEstimate()
    }

    private func promptEstimate() -> Int {
        guard request.object != nil else { return 0 }
        return connection.body.withUnsafeReadableBytes { TokenEstimate.quick(body: $0, members: connection.members) }
    }

    /// What an answer that was left or cut has cost: what the upstream told of it, or what came by an estimate, whichever is more.
    func partialUsage(_ told: TokenUsage?) -> TokenUsage? {
        guard isGenerating else { return told }
        var usage = told ?? TokenUsage()
        let isFinal = told != nil && relay.meter?.value.isComplete ?? relay.converter?.value.isComplete ?? false
        if !isFinal {
            let counted = relay.converter?.value.countedOutput ?? relay.meter?.value.countedOutput
            usage.output = max(usage.output, counted ?? relay.withHeldBytes { TokenEstimate.answer($0) })
        }
        if usage.input == 0 { usage.uncachedInput = figures.promptTokens > 0 ? figures.promptTokens : promptEstimate() }
        return usage
    }
}
