import Basics
import Dialects
import HTTP1
import NIOCore

/// The client's head, made of the upstream's.
extension Attempt {
    /// Drafts the head, all but its framing.
    ///
    /// A page is shown by no browser as one of this origin, where the dashboard lives. What is decoded before it goes out has lost
    /// its coding.
    func draftHead(_ head: borrowing HTTPResponseHead, bytes: UnsafeRawBufferPointer) {
        if changes.isConverted { return draftConvertedHead() }
        let listed = head.connectionOptions(in: bytes)
        let fields = head.fields
        let (isStream, isPage, isHead) = (traits.isEventStream, traits.kind == .page, request.isHead)
        let isDecoded = traits.takesCodingOff || (traits.status >= 400 && traits.isCompressed)
        let leavesType = traits.lacksContentType
        let isRedirect = (300..<400).contains(traits.status)
        let isUpload = request.endpoint == .other && request.path.hasPrefix("/upload/")
        let limits = exchange.limitFields()
        draft = exchange.writer.draft(
            status: traits.status,
            room: head.byteCount + 24 * fields.count + exchange.identityRoom(self) + limits.room + 192
        ) { cursor in
            let start = cursor.count
            for field in fields {
                let name = field.name.bytes(in: bytes)
                if !listed.isEmpty, listed.contains(where: { equalsIgnoringCase(name, $0) }) { continue }
                switch field.known {
                case .contentLength where isHead:
                    // How long the body would be; there is none that could contradict it.
                    cursor.line(name, field.value.bytes(in: bytes))
                case .contentLength, .transferEncoding, .connection, .keepAlive, .proxyConnection, .proxyAuthenticate, .te,
                    .trailer, .upgrade, .setCookie, .server, .proxyd, .accessControl, .openaiOrganization, .openaiProject,
                    .anthropicOrganizationID, .anthropicWorkspaceID:
                    continue
                case .contentType where leavesType, .contentEncoding where isDecoded: continue
                case .requestID, .xRequestID: cursor.field("x-upstream-request-id", field.value.bytes(in: bytes))
                default:
                    if isStream, equalsIgnoringCase(name, "x-accel-buffering") { continue }
                    if isPage, Self.isPageGuard(name) { continue }
                    if Self.speaksForOrigin(name) { continue }
                    if isRedirect, equalsIgnoringCase(name, "location") { continue }
                    if limits.hidesUpstreams, LimitFields.speaksOfLimits(name) { continue }
                    if isUpload, let led = ledBack(field: name, field.value.bytes(in: bytes)) {
                        led.withUnsafeBytes { cursor.line(name, $0) }
                        continue
                    }
                    cursor.line(name, field.value.bytes(in: bytes))
                }
            }
            // Here, so that it holds whatever form the head goes out in. An error's is masked with its body.
            if traits.status < 400 { cursor.change(from: start) { maskEcho(in: $0) } }
            limits.write(into: &cursor)
            if isStream { cursor.field("x-accel-buffering", "no") }
            if isPage, !leavesType {
                cursor.field("x-content-type-options", "nosniff")
                cursor.field("content-security-policy", "sandbox; default-src 'none'")
            }
            exchange.writeIdentity(of: self, into: &cursor)
        }
    }

    private static func isPageGuard(_ name: UnsafeRawBufferPointer) -> Bool {
        equalsIgnoringCase(name, "content-security-policy") || equalsIgnoringCase(name, "x-content-type-options")
    }

    /// What a browser, or a server before this one, takes for the word of this origin: an upstream has none to say for it.
    private static func speaksForOrigin(_ name: UnsafeRawBufferPointer) -> Bool {
        switch name.count {
        case 3: equalsIgnoringCase(name, "nel")
        case 7: equalsIgnoringCase(name, "alt-svc") || equalsIgnoringCase(name, "refresh")
        case 9: equalsIgnoringCase(name, "report-to")
        case 10: equalsIgnoringCase(name, "x-sendfile")
        case 15: equalsIgnoringCase(name, "clear-site-data") || equalsIgnoringCase(name, "public-key-pins")
        case 16: equalsIgnoringCase(name, "x-accel-redirect")
        case 19: equalsIgnoringCase(name, "reporting-endpoints")
        case 22: equalsIgnoringCase(name, "service-worker-allowed")
        case 25: equalsIgnoringCase(name, "strict-transport-security")
        default: false
        }
    }

    func draftConvertedHead() {
        let isArray = changes.isConverted && changes.conversion?.streamsAsArray == true
        let isEventStream = traits.isEventStream && !isArray
        let isStreamedArray = isArray && request.content.streams
        let limits = exchange.limitFields()
        let upstreams = limits.hidesUpstreams ? FieldBlock() : traits.limits
        draft = exchange.writer.draft(
            status: 200, room: 512 + exchange.identityRoom(self) + limits.room + upstreams.count
        ) { cursor in
            limits.write(into: &cursor)
            cursor.block(upstreams)
            if isEventStream {
                cursor.field("content-type", "text/event-stream; charset=utf-8")
                cursor.field("cache-control", "no-cache")
                cursor.field("x-accel-buffering", "no")
            } else {
                cursor.field("content-type", "application/json")
                if isStreamedArray { cursor.field("x-accel-buffering", "no") }
            }
            exchange.writeIdentity(of: self, into: &cursor)
        }
    }

    /// Says in the head what its body proved to be.
    func drafts(events isEvents: Bool, streams: Bool = false) {
        guard traits.lacksContentType else { return }
        traits.lacksContentType = false
        draft.add(room: 128) { cursor in
            if isEvents {
                cursor.field("content-type", "text/event-stream; charset=utf-8")
            } else {
                cursor.field("content-type", "application/json")
            }
            if streams { cursor.field("x-accel-buffering", "no") }
        }
    }

    /// Sends the head on its way: from here on there is no other attempt.
    func commit() {
        noteSuccess()
        relay.commit()
        resetIdleTimer()
        exchange.figures.status = traits.status
        let length: Int?
        switch traits.framing {
        case .length(let count) where !changes.isConverted && !(body.pipe?.mayChangeLength ?? false): length = count
        case .none, .length, .chunked, .untilClose: length = nil
        }
        exchange.writer.frame(&draft, length: length)
        exchange.writer.send(&draft)
        estimatePrompt()
        // A stream may last for an hour: what was for attempts goes.
        exchange.request.release()
        connection?.releaseWrittenRequest()
        // What is long but no stream comes in large ones until its client lags behind.
        if body.pipe != nil { connection?.readInSmallPieces() }
        exchange.markFirstByte()
    }

    /// The whole held response, in one go.
    func sendWhole() {
        exchange.figures.status = traits.status
        if draft.bodyStart != nil {
            exchange.figures.amounts.bytesOut = draft.bodyCount
            exchange.figures.isSentAtOnce = true
            exchange.writer.send(&draft)
            exchange.markFirstByte()
            return
        }
        let isBodiless = request.isHead || traits.status == 204 || traits.status == 304
        exchange.writer.frame(&draft, length: isBodiless ? nil : body.held.readableBytes)
        exchange.writer.send(&draft)
        exchange.markFirstByte()
        guard !request.isHead else { return }
        let held = body.held
        body.held = ByteBuffer()
        held.withUnsafeReadableBytes { emit($0) }
    }

    /// A piece of body for the client.
    func emit(_ bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty, !request.isHead else { return }
        exchange.figures.amounts.bytesOut &+= bytes.count
        exchange.writer.write(bytes)
    }

    /// The attempt has brought a response.
    func noteSuccess() {
        guard traits.status < 400 else { return }
        target.successes.increment()
        exchange.keepAffinity(to: candidate, target)
        let known = loop.knownAccounts
        if !known.value.windows.isEmpty { noteQuotaServed(known.value) }
        accountServed(known.value)
        // A stream may last for an hour before it is told what it served.
        if traits.isEventStream, exchange.reach == .generations { _ = loop.shared.models.status(ofAnswered: candidate.model) }
    }
}
