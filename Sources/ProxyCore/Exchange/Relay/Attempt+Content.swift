import Basics
import Dialects
import NIOCore

/// Whether what came with a success is a response, and in which form.
extension Attempt {
    /// What the body has to be, as far as the head leaves it open.
    func expectContent() {
        switch request.endpoint {
        case .generate, .named, .countTokens: break
        case .other, .local: return
        }
        let (isConverted, isGenerating) = (changes.isConverted, request.isGenerating)
        // What has to become of another form is read, so it loses its coding.
        traits.takesCodingOff =
            !isConverted && isGenerating && traits.isCompressed && traits.coding != .unknown
            && traits.isEventStream != request.content.streams
        guard !traits.isEventStream else { return }
        // What is converted loses its coding anyway.
        let isRead = !traits.isCompressed || traits.takesCodingOff || isConverted
        traits.mayBeEvents = request.content.streams && isGenerating && isRead
        traits.lacksContentType = !isConverted && (traits.mayBeEvents || traits.kind != .json)
    }

    // MARK: Without a content type

    /// Whether what is held begins as events do; nil while it cannot be told.
    func looksLikeEvents() -> Bool? {
        withHeld { bytes in
            let text = bytes.withoutMark
            let rest = UnsafeRawBufferPointer(rebasing: text[(text.firstIndex { $0 > 0x20 } ?? text.count)...])
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

    /// Looks at the first bytes of a response that did not say what it is. Whether it goes on as a whole one.
    func staysWhole() -> Bool {
        guard let isStream = looksLikeEvents() else { return false }
        traits.mayBeEvents = false
        let isList = !isStream && looksLikeChunks
        guard isStream || isList else { return true }
        // Chunks are what a Gemini client without `alt=sse` waits for, and no other.
        if !changes.isConverted, request.wantsArray != isList { changes.conversion = mirror }
        traits.isEventStream = true
        if changes.isConverted { draftConvertedHead() } else { drafts(events: !isList, streams: true) }
        beginStream(isList: isList)
        let held = body.held
        body.held = ByteBuffer()
        held.withUnsafeReadableBytes { peek($0) }
        return false
    }

    /// Whether what is held begins as the array of chunks does that Gemini's streaming method gives without `alt=sse`.
    private var looksLikeChunks: Bool {
        guard case .generate = request.endpoint, dialect == .gemini else { return false }
        return withHeld { $0.withoutMark.first { $0 > 0x20 } } == UInt8(ascii: "[")
    }

    // MARK: Codings

    /// Decodes the body from here on.
    func takeCodingOff() {
        body.inflater = traits.coding.makeInflater()
        traits.takesCodingOff = body.inflater != nil
        guard traits.takesCodingOff else { return }
        traits.coding = .none
        // The length was that of the coded body.
        if case .length = traits.framing { traits.framing = .chunked }
    }

    /// Takes the coding off a piece of body. What cannot be read ends as a response that is none.
    func inflate(_ bytes: UnsafeRawBufferPointer, _ sink: (UnsafeRawBufferPointer) -> Void) {
        guard let inflater = body.inflater else { return }
        do throws(InflateFailure) {
            try inflater.inflate(bytes, limit: RelayLimits.convertedBytes, to: sink)
        } catch {
            codingFailed(error)
        }
    }

    func codingFailed(_ failure: InflateFailure) {
        switch relay.state {
        case .judging: body.held.clear()
        case .holding, .peeking: failed(failure == .tooLarge ? .tooLong : .emptyResponse)
        case .passing: if changes.isConverted || traits.takesCodingOff { failed(.emptyResponse) }
        case .awaitingHead, .recording, .over, .failed: break
        }
    }

    /// A body that ended before its coding did is cut off, whatever its framing says. Whether that was dealt with.
    func failsUndecoded() -> Bool {
        switch relay.state {
        case .holding, .peeking: giveUp(.emptyResponse, hasReceived: true)
        case .passing: cut(.truncated)
        case .awaitingHead, .judging, .recording, .over, .failed: return false
        }
        return true
    }

    /// Whether the client named the codings of its response, which cannot be read here, as ones that it takes.
    var asksForCoding: Bool {
        let accepted = request.withHead { bytes in
            request.head.fields.filter { $0.known == .acceptEncoding }.flatMap {
                $0.value.string(in: bytes).lowercased().split(separator: ",").map(Self.accepted)
            }
        }
        return traits.codingName.lowercased().split(separator: ",").map(Self.trimmed).allSatisfy { name in
            name.isEmpty || name == "identity" || accepted.contains(name)
        }
    }

    /// The coding that an element of `accept-encoding` takes; empty for one that it refuses.
    private static func accepted(_ element: Substring) -> String {
        let parts = element.split(separator: ";", omittingEmptySubsequences: false).map(trimmed)
        let isRefused = parts.dropFirst().contains { part in
            part.hasPrefix("q=") && part.dropFirst(2).allSatisfy { $0 == "0" || $0 == "." }
        }
        return isRefused ? "" : parts.first ?? ""
    }

    private static func trimmed(_ text: Substring) -> String { text.filter { $0 != " " && $0 != "\t" } }

    // MARK: Looking at what is held

    /// Shows what is held of the body.
    func withHeld<Result>(_ read: (UnsafeRawBufferPointer) -> Result) -> Result {
        draft.bodyStart == nil ? body.held.withUnsafeReadableBytes(read) : draft.withBody(read)
    }

    /// Shows it without its coding; nothing where that cannot be read, or is not whole.
    func withDecodedHeld<Result>(_ read: (UnsafeRawBufferPointer) -> Result) -> Result {
        guard traits.isCompressed, traits.coding != .unknown else { return withHeld(read) }
        let decoded = withHeld { traits.coding.decoded($0, limit: RelayLimits.convertedBytes) }
        return (decoded.isWhole ? decoded.bytes : ByteBuffer()).withUnsafeReadableBytes(read)
    }

    // MARK: Quirks

    /// Whether the upstream is one of those Anthropic-compatible servers that do what no client of the format expects
    /// (conversion.md 9.3).
    var mayHaveQuirks: Bool {
        guard request.endpoint == .generate(.anthropic) || changes.isConverted else { return false }
        return upstream.kin == .anthropic && !upstream.upstream.isFirstParty
    }

    /// Whether what is held of a response is no response at all, said as one.
    var holdsEmptyResponse: Bool {
        mayHaveQuirks && withHeld { $0.count < 4096 && MessagesQuirks.isEmptyResponse($0) }
    }

    /// Puts right what a whole response says wrongly, without changing its length.
    func repairHeld() {
        guard mayHaveQuirks, !changes.isConverted, !traits.isCompressed else { return }
        guard let bytes = withHeld({ MessagesQuirks.repaired($0) }) else { return }
        if draft.bodyStart == nil { body.held.setBytes(bytes, at: body.held.readerIndex) } else { draft.replaceBody(bytes) }
    }

    // MARK: Left or cut

    /// Keeps what the request's input may have cost, before its body goes: for a response that is left, or ends, before it tells.
    func estimatePrompt() {
        guard request.isGenerating || isGeminiEmbedding, traits.status < 400 else { return }
        if let told = body.pipe?.usage, told.input > 0, !told.lacks.contains(.input) { return }
        exchange.figures.promptTokens = promptEstimate
    }

    private var promptEstimate: Int {
        guard request.content.object != nil else { return 0 }
        return request.withBody { body in
            request.isGenerating ? TokenEstimate.quick(body: body, members: request.members) : TokenEstimate.response(body)
        }
    }

    /// Gemini tells no usage of these: what was sent is counted.
    private var isGeminiEmbedding: Bool {
        request.dialect == .gemini
            && (request.path.hasSuffix(":embedContent") || request.path.hasSuffix(":batchEmbedContents"))
    }

    /// What a whole response that tells nothing has cost, by an estimate of what came; nil where there is nothing to estimate by.
    var estimatedUsage: TokenUsage? {
        guard var usage = partialUsage(nil) else { return nil }
        if request.endpoint == .named, request.path.hasSuffix("/embeddings") { usage.output = 0 }
        if let later = backgroundOutput { usage.output = max(usage.output, later) }
        return usage
    }

    /// The most that an answer may have that is written in the background, after this response; nil for what is answered here.
    private var backgroundOutput: Int? {
        guard request.dialect == .responses, request.content.object != nil else { return nil }
        let allowance = request.withBody { bytes -> OutputAllowance? in
            let isLater = request.members.contains { $0.kind == .true && bytes.slice($0.key).equals("background") }
            guard isLater else { return nil }
            return OutputAllowance(
                body: bytes, members: request.members, most: exchange.plan?.route.set.maxTokens,
                count: exchange.plan?.route.set.choices)
        }
        return allowance.map { min($0.tokens ?? exchange.configuration.usage.assumedOutput, UsageAmounts.limit) }
    }

    /// What a response that was left or cut, or tells only a part, has cost: what the upstream told of it, or what came by an
    /// estimate, whichever is more.
    /// - Parameter isComplete: it is whole: what it does tell is exact.
    func partialUsage(_ reported: TokenUsage?, isComplete: Bool = false) -> TokenUsage? {
        var usage = reported ?? TokenUsage(lacks: [.input, .output])
        let noted = exchange.figures.promptTokens
        guard request.isGenerating else {
            guard reported == nil else { return usage.settled }
            return isGeminiEmbedding ? TokenUsage(uncachedInput: noted > 0 ? noted : promptEstimate) : nil
        }
        if usage.lacks.contains(.input) || (usage.input == 0 && !isComplete) {
            usage.estimate(input: noted > 0 ? noted : promptEstimate)
        }
        let isFinal = reported != nil && (isComplete || body.pipe?.isComplete ?? false)
        if !isFinal || usage.lacks.contains(.output) {
            usage.output = max(usage.output, body.pipe?.countedOutput ?? countedWhole)
        }
        return usage.settled
    }

    /// Tokens of output in what has come of a whole response; of a long one in what is kept of it.
    private var countedWhole: Int {
        if let passed = body.long.passedBytes { return TokenEstimate.response(byteCount: passed) }
        guard let kept = body.long.kept else { return withDecodedHeld { TokenEstimate.response($0) } }
        return kept.withUnsafeReadableBytes { bytes in
            guard traits.isCompressed else { return TokenEstimate.response(bytes) }
            guard traits.coding != .unknown else { return 0 }
            let decoded = traits.coding.decoded(bytes, limit: RelayLimits.convertedBytes)
            return decoded.bytes.withUnsafeReadableBytes { TokenEstimate.response($0) }
        }
    }
}

extension ContentCoding {
    /// What `bytes` hold, up to `limit`, and whether that is all of it; nothing of what cannot be read.
    func decoded(_ bytes: UnsafeRawBufferPointer, limit: Int) -> (bytes: ByteBuffer, isWhole: Bool) {
        var decoded = ByteBuffer()
        guard let inflater = makeInflater() else { return (decoded, false) }
        do throws(InflateFailure) {
            try inflater.inflate(bytes, limit: limit) { decoded.writeBytes($0) }
        } catch {
            return (error == .tooLarge ? decoded : ByteBuffer(), false)
        }
        return (decoded, inflater.isComplete)
    }
}
