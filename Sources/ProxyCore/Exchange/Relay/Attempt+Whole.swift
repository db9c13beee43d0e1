import Basics
import Dialects
import NIOCore

/// Whole responses: kept until they are complete and judged, or passed on where they are too long for that.
extension Attempt {
    /// A whole response whose length is known is gathered behind its head, ready to go out as it lies.
    func holdWhole() {
        relay.headCame(.hold)
        let hasBody = !request.isHead && traits.status != 204 && traits.status != 304
        // What is neither JSON nor events and is no model's response is passed on as it is made.
        if request.endpoint == .other, hasBody, traits.kind == .other || traits.kind == .page {
            if traits.isHTML, isPosted { return failResponse(.emptyResponse) }
            looksForEchoes()
            return commit()
        }
        // It passes unread, so that what it says of its end cannot be waited for.
        if traits.isEventStream, traits.coding == .unknown { return commit() }
        guard case .length(let length) = traits.framing, length <= RelayLimits.heldBytes, !request.isHead,
            !traits.lacksContentType, !isFolded, !mayLeadAway, !(request.content.streams && request.isGenerating),
            hasRoom(toHold: length)
        else { return }
        exchange.writer.frame(&draft, length: length)
        draft.beginBody(capacity: length)
    }

    /// A piece of a response that is looked at before any of it goes out.
    func hold(_ bytes: UnsafeRawBufferPointer) {
        if relay.isJudging {
            body.held.writeBytes(bytes)
            if body.held.readableBytes > RelayLimits.errorBytes { judgeHeld() }
            return
        }
        guard relay.isHolding else { return peekOrPass(bytes) }
        if draft.bodyStart != nil { return draft.append(body: bytes) }
        body.held.writeBytes(bytes)
        if traits.mayBeEvents, !staysWhole() { return }
        let count = body.held.readableBytes
        guard count > RelayLimits.shortBytes else { return }
        if changes.isConverted || isFolded {
            if count > RelayLimits.convertedBytes { failed(.tooLong) }
        } else if count > RelayLimits.heldBytes || !hasRoom(toHold: count) {
            passLong()
        }
    }

    /// Whether so much of a response may be kept: it is short, or there is room for it beside what others have.
    private func hasRoom(toHold count: Int) -> Bool {
        guard count > RelayLimits.shortBytes else { return true }
        let place = body.place ?? ResponseRoom.Place(loop.shared.clients.responses)
        body.place = place
        return place.grow(toHold: count)
    }

    /// All of the response is here.
    func endWhole() {
        if changes.isConverted, let conversion = changes.conversion {
            if holdsEmptyResponse { return failEmptyResponse() }
            return endConverted(conversion)
        }
        switch request.endpoint {
        case .generate, .named:
            if isFolded, request.endpoint == .named { return failResponse(.emptyResponse) }
            guard let response = judgedWhole() else { return }
            if response.mayBeEmptyResponse, holdsEmptyResponse { return failEmptyResponse() }
            if let mirror = neededMirror {
                changes.conversion = mirror
                return endConverted(mirror)
            }
            if response.mayHoldCalls { repairHeld() }
            listenToHeld()
            body.usage = response.usage
        case .countTokens:
            guard withDecodedHeld({ TokenCounting.isResponse($0, of: dialect) }) else { return failResponse(.noCount) }
        case .other, .local:
            if promisesDocument, holdsNoDocument { return failResponse(.emptyResponse) }
            if traits.kind != .other {
                let response = withHeld { BodyMeter($0, dialect: dialect, promise: .response) }
                if response.mayHoldError || traits.isCompressed, let (error, said) = errorInItsPlace {
                    return fail(with: error, said: said)
                }
                body.usage = response.usage
                body.media = withHeld { MediaUsage(in: $0, path: request.path) }
                if !traits.isCompressed, response.mayHoldError || echoesSecret { maskSecrets() }
                leadBack()
            }
        }
        drafts(events: false)
        noteSuccess()
        recordUsage()
    }

    // MARK: Judging

    /// The dialect that a whole response is read in.
    private var spoken: ClientDialect { request.endpoint == .named ? .openai : dialect }

    private var promise: BodyMeter.Promise {
        guard request.endpoint == .named else { return .response }
        return request.path.hasSuffix("/embeddings") ? .embeddings : .response
    }

    /// A stream where a whole response was asked for is put together.
    private var isFolded: Bool { traits.isEventStream && !request.content.streams && request.isGenerating }

    /// What brings a good response into the form that was asked for; nil where it is in it.
    private var neededMirror: ConversionContext? {
        // Not by `request`: what is yielded is taken out here, all of it.
        guard case .generate = exchange.request.endpoint, !traits.isCompressed else { return nil }
        if isFolded { return mirror }
        guard exchange.request.content.streams else { return nil }
        // An array of chunks is what a Gemini client without `alt=sse` waits for.
        if request.wantsArray, withHeld({ $0.withoutMark.first { $0 > 0x20 } }) == UInt8(ascii: "[") { return nil }
        return mirror
    }

    /// What a whole response says of itself; nil when it is no response, which has then been dealt with.
    private func judgedWhole() -> BodyMeter? {
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        // The fold judges it.
        if isFolded { return BodyMeter(nothing, dialect: dialect) }
        if traits.coding == .unknown {
            guard asksForCoding else {
                failResponse(.emptyResponse)
                return nil
            }
            return BodyMeter(nothing, dialect: dialect)
        }
        let (spoken, promise) = (spoken, promise)
        var error: UpstreamError?
        var said: [UInt8] = []
        let response = withDecodedHeld { bytes in
            let response = BodyMeter(bytes, dialect: spoken, promise: promise)
            if bytes.isEmpty, traits.isCompressed {
                error = UpstreamError(
                    errorClass: .upstreamBroken, status: 502,
                    message: "the upstream's answer is not what its content-encoding says")
            } else if !response.keepsPromise {
                error = ResponseFault.read(bytes, dialect: spoken)
                said = Array(bytes.prefix(RelayLimits.errorBytes))
            } else if response.mayHoldError {
                error = ResponseFault.error(in: bytes, dialect: spoken)
                if error != nil { said = Array(bytes.prefix(RelayLimits.errorBytes)) }
            }
            return response
        }
        guard let error else { return response }
        fail(with: error, said: said)
        return nil
    }

    /// Something was made of the request, and is told in the body.
    private var isPosted: Bool {
        request.method == .post && traits.status < 300 && traits.status != 204 && traits.status != 205
    }

    /// Whether there is a body, and all of it. What was deleted may be answered with nothing.
    private var promisesDocument: Bool {
        guard !request.isHead, traits.status < 300 else { return false }
        if traits.status == 204 || traits.status == 205 || traits.status == 206 { return false }
        return request.method != .delete || max(body.held.readableBytes, draft.bodyCount) > 0
    }

    /// The error that a vendor's endpoint calls a success: an object that says nothing beside it.
    private var errorInItsPlace: (UpstreamError, [UInt8])? {
        guard isPosted, traits.kind == .json, traits.coding != .unknown, Endpoint.hasFormat(request.path) else { return nil }
        return withDecodedHeld { held in
            let bytes = held.withoutMark
            guard bytes.count <= RelayLimits.errorBytes, JSONScan.find("error", of: bytes)?.kind == .object else { return nil }
            var members: [JSONMember] = []
            guard (try? JSONScan.outline(of: bytes, into: &members)) != nil else { return nil }
            let saysMore = members.contains { member in
                member.kind != .null
                    && !["error", "type", "request_id"].contains { (name: StaticString) in member.key(equals: name, in: bytes) }
            }
            guard !saysMore, let error = ResponseFault.error(in: bytes, dialect: dialect) else { return nil }
            return (error, Array(held))
        }
    }

    /// Whether a success quotes our credential. Words that serve as keys where none is asked for may stand in any answer.
    private var echoesSecret: Bool {
        let redactor = target.redactor
        return withHeld { redactor.stands(in: $0, shortest: MaskedEcho.shortest) }
    }

    /// Whether what calls itself JSON is none.
    private var holdsNoDocument: Bool {
        guard traits.kind == .json, traits.coding != .unknown else { return false }
        return withDecodedHeld { bytes in
            let text = bytes.withoutMark
            if (try? JSONScan.validate(text)) != nil { return false }
            // A file of lines, each a document, is called JSON by some, and so is a file that is no JSON at all.
            guard request.method == .get, !text.isEmpty else { return true }
            let first = text.first { $0 > 0x20 }
            guard first == UInt8(ascii: "{") || first == UInt8(ascii: "[") else { return false }
            return text.split(separator: UInt8(ascii: "\n")).contains { line in
                (try? JSONScan.validate(UnsafeRawBufferPointer(rebasing: line))) == nil
            }
        }
    }

    // MARK: Converting

    private func endCounted(from upstream: UpstreamDialect) {
        let held = body.held
        guard let counted = held.withUnsafeReadableBytes({ TokenCounting.response($0, from: upstream, to: request.dialect) })
        else {
            return fail(
                with: UpstreamError(
                    errorClass: .upstreamBroken, status: 502, message: "the upstream's answer holds no count"))
        }
        body.held = ByteBuffer(bytes: counted)
        noteSuccess()
        recordUsage()
    }

    private func endConverted(_ conversion: ConversionContext) {
        if !traits.isEventStream, looksLikeEvents() == true { traits.isEventStream = true }
        if case .countTokens = request.endpoint { return endCounted(from: conversion.upstream) }
        if request.content.streams { return streamWhole(conversion) }
        let held = body.held
        var result: Result<WholeResponse, UpstreamError>?
        held.withUnsafeReadableBytes { bytes in
            do throws(UpstreamError) {
                let convert = traits.isEventStream ? ResponseConverter.fold : ResponseConverter.convertWhole
                result = .success(try convert(bytes, conversion))
            } catch {
                result = .failure(error)
            }
        }
        switch result {
        case .success(let response):
            let isFolded = traits.isEventStream
            traits.isEventStream = false
            if isFolded { traits.lacksContentType = false }
            tellOfEnding(response.unknownEnding)
            tellOfParts(response.unknownParts)
            if isFolded || response.unknownEnding != nil || !response.unknownParts.isEmpty { draftConvertedHead() }
            keepThoughts(response.thoughts)
            keepResponse(response.remembered)
            body.usage = response.usage
            body.held = ByteBuffer(bytes: response.body)
            noteSuccess()
            recordUsage()
        case .failure(let error): fail(with: error)
        case nil: break
        }
    }

    /// A whole response where a stream was asked for becomes the stream.
    private func streamWhole(_ conversion: ConversionContext) {
        var converter = StreamConverter(conversion)
        var out: [UInt8] = []
        body.held.withUnsafeReadableBytes { bytes in
            let signals = converter.consumeWhole(bytes, into: &out)
            if !signals.contains(.error) { _ = converter.finish(into: &out) }
        }
        if let error = converter.error, out.isEmpty || !converter.isComplete { return fail(with: error) }
        keepThoughts(converter.thoughts)
        keepResponse(converter.remembered)
        body.pipe = BodyPipe(converter, redactor: target.redactor)
        traits.isEventStream = true
        traits.framing = .chunked
        draftConvertedHead()
        commit()
        out.withUnsafeBytes { emit($0) }
        recordUsage()
    }

    // MARK: Long responses

    private func passLong() {
        if request.isGenerating, !holdsBeginning { return failResponse(.emptyResponse) }
        if dialect == request.dialect { body.usage = nil }
        drafts(events: false)
        if request.isGenerating, !traits.takesCodingOff, case .length(let length) = traits.framing { body.long.left = length }
        if request.endpoint == .other { looksForEchoes() }
        commit()
        let held = body.held
        body.held = ByteBuffer()
        held.withUnsafeReadableBytes { bytes in
            guard body.maskedEcho == nil else { return passPiece(bytes) }
            let count = body.long.passes(bytes)
            emit(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
        }
        // Files and the like may be long, and tell no usage.
        if request.endpoint == .other { body.place = nil } else { keep(held) }
    }

    /// Keeps what is held of a long response for the usage at its end, or what it tells by now where there is no room for that.
    private func keep(_ held: ByteBuffer) {
        if hasRoom(toHold: held.readableBytes) { body.long.kept = held } else { keepEnd(of: held) }
    }

    func keepEnd(of beginning: ByteBuffer) {
        beginning.withUnsafeReadableBytes { body.long.keepEnd(of: $0, isCompressed: traits.isCompressed, dialect) }
        body.place = nil
    }

    /// Notes the next piece of it. How much of that may go out.
    private func takeLong(_ bytes: UnsafeRawBufferPointer) -> Int {
        if let count = body.long.kept?.readableBytes,
            count > exchange.configuration.limits.body || !hasRoom(toHold: count + bytes.count)
        {
            keepEnd(of: body.long.kept ?? ByteBuffer())
        }
        return body.long.take(bytes)
    }

    /// Whether a long response, of which more is to come, begins as one may: not with an error and nothing else.
    private var holdsBeginning: Bool {
        guard traits.coding != .unknown else { return true }
        guard traits.isCompressed else { return withHeld { isBeginning($0) } }
        let decoded = withHeld { traits.coding.decoded($0, limit: RelayLimits.heldBytes) }
        return decoded.bytes.withUnsafeReadableBytes { isBeginning($0) }
    }

    private func isBeginning(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let first = bytes.withoutMark.first(where: { $0 > 0x20 }) else { return false }
        guard first == UInt8(ascii: "{") || (first == UInt8(ascii: "[") && request.dialect == .gemini) else { return false }
        let response = BodyMeter(bytes, dialect: spoken, promise: promise)
        return response.showsPromise || !response.hasError
    }

    /// Looks for our credential in what passes from here on.
    private func looksForEchoes() {
        guard !traits.isCompressed, target.redactor.reach > 0 else { return }
        body.maskedEcho = MaskedEcho(target.redactor)
    }

    /// A piece of it.
    func passPiece(_ bytes: UnsafeRawBufferPointer) {
        guard body.maskedEcho == nil else {
            body.maskedEcho?.take(bytes) { emit($0) }
            return
        }
        guard body.maskedTail == nil else {
            body.maskedTail?.take(bytes) { emit($0) }
            return
        }
        let count = takeLong(bytes)
        emit(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
    }

    /// It has ended as its framing said. Whether it is a response; then it goes out to its end.
    func endsLong() -> Bool {
        body.maskedTail?.end { emit($0) }
        body.maskedEcho?.end { emit($0) }
        guard keepsPromise(body.long.kept) else { return false }
        if let last = body.long.lastByte { withUnsafeBytes(of: last) { emit($0) } }
        body.long.lastByte = nil
        return true
    }

    private func keepsPromise(_ whole: ByteBuffer?) -> Bool {
        guard request.isGenerating, traits.coding != .unknown else {
            body.usage = whole?.withUnsafeReadableBytes { BodyMeter.usage(of: $0, dialect: dialect) } ?? body.long.told(dialect)
            return true
        }
        guard var whole else {
            body.usage = body.long.told(dialect)
            // Too long to be kept: its last byte alone says whether it was closed.
            return traits.isCompressed || body.long.lastSolid == UInt8(ascii: "}") || body.long.lastSolid == UInt8(ascii: "]")
        }
        if traits.isCompressed {
            let decoded = whole.withUnsafeReadableBytes { traits.coding.decoded($0, limit: RelayLimits.convertedBytes) }
            // More than is ever read says nothing.
            guard decoded.isWhole else { return decoded.bytes.readableBytes > RelayLimits.convertedBytes - (64 << 10) }
            whole = decoded.bytes
        }
        let response = whole.withUnsafeReadableBytes { BodyMeter($0, dialect: spoken, promise: promise) }
        body.usage = response.usage
        return response.keepsPromise
    }
}
