import Dialects
import NIOCore

/// The client's side of Relay: heads, framing, bytes.
extension Exchange {
    /// What the head says that the relay must know.
    func readFacts(of head: borrowing HTTPResponseHead, bytes: UnsafeRawBufferPointer) {
        for index in head.fields.indices {
            let field = head.fields[index]
            switch field.known {
            case .contentType:
                relay.kind = ContentKind(field.value.bytes(in: bytes))
                relay.isEventStream = relay.kind == .events
                if relay.kind == .page { relay.isHTML = field.value.string(in: bytes).lowercased().contains("html") }
                if head.status >= 400 { relay.contentType = field.value.string(in: bytes) }
            case .contentEncoding:
                let coding = ContentCoding(field.value.bytes(in: bytes))
                if coding == .none { continue }
                relay.coding = relay.coding == .none ? coding : .unknown
                relay.codingName += (relay.codingName.isEmpty ? "" : ",") + field.value.string(in: bytes)
            case .retryAfter:
                relay.retryAfterSeconds = RetryAfter.seconds(field.value.bytes(in: bytes), now: LoopContext.wallClock() / 1000)
            case .retryAfterMs where relay.retryAfterSeconds == nil:
                relay.retryAfterSeconds = RetryAfter.seconds(
                    milliseconds: field.value.bytes(in: bytes), now: LoopContext.wallClock() / 1000)
            default: break
            }
        }
    }

    /// Writes the client's head, all but its framing, from the upstream's.
    ///
    /// A page is shown by no browser as one of this origin, where the dashboard lives. What is decoded before it goes out has lost
    /// its coding.
    func renderHead(_ head: borrowing HTTPResponseHead, bytes: UnsafeRawBufferPointer) {
        if conversion != nil {
            renderConvertedHead()
            return
        }
        let listed = head.connectionOptions(in: bytes)
        let fields = head.fields
        let status = head.status
        let isStream = relay.isEventStream
        let isPage = relay.kind == .page
        let isDecoded = relay.takesCodingOff || (status >= 400 && relay.isCompressed)
        let leavesType = relay.lacksContentType
        prepareHead()
        relay.head.writeHead(room: head.byteCount + 24 * fields.count + identityRoom + 192) { cursor in
            cursor.statusLine(status)
            for field in fields {
                let name = field.name.bytes(in: bytes)
                if !listed.isEmpty, listed.contains(where: { equalsIgnoringCase(name, $0) }) { continue }
                switch field.known {
                case .contentLength where isHead:
                    // How long the body would be; there is none that could contradict it.
                    cursor.line(name, field.value.bytes(in: bytes))
                case .contentLength, .transferEncoding, .connection, .keepAlive, .proxyConnection, .proxyAuthenticate, .te,
                    .trailer,
                    .upgrade, .setCookie, .server, .proxyd, .accessControl, .openaiOrganization, .openaiProject,
                    .anthropicOrganizationID,
                    .anthropicWorkspaceID:
                    continue
                case .contentType where leavesType, .contentEncoding where isDecoded: continue
                case .requestID, .xRequestID:
                    cursor.append("x-upstream-request-id: ")
                    cursor.append(field.value.bytes(in: bytes))
                    cursor.append("\r\n")
                default:
                    if isStream, equalsIgnoringCase(name, "x-accel-buffering") { continue }
                    if isPage, Self.isPageGuard(name) { continue }
                    cursor.line(name, field.value.bytes(in: bytes))
                }
            }
            if isStream { cursor.append("x-accel-buffering: no\r\n") }
            if isPage, !leavesType {
                cursor.append("x-content-type-options: nosniff\r\ncontent-security-policy: sandbox; default-src 'none'\r\n")
            }
            writeIdentity(into: &cursor)
        }
        if status < 400 { maskEcho() }
    }

    private static func isPageGuard(_ name: UnsafeRawBufferPointer) -> Bool {
        equalsIgnoringCase(name, "content-security-policy") || equalsIgnoringCase(name, "x-content-type-options")
    }

    /// Says in the head what its body proved to be.
    func writeContentType(_ lines: StaticString) {
        guard relay.lacksContentType else { return }
        relay.lacksContentType = false
        relay.head.writeHead(room: 128) { $0.append(lines) }
    }

    func renderConvertedHead() {
        prepareHead()
        let isEventStream = relay.isEventStream && conversion?.streamsAsArray != true
        relay.head.writeHead(room: 512 + identityRoom + limitLines.count) { cursor in
            cursor.statusLine(200)
            cursor.append(limitLines)
            if isEventStream {
                cursor.append(
                    "content-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\nx-accel-buffering: no\r\n")
            } else {
                cursor.append("content-type: application/json\r\n")
            }
            writeIdentity(into: &cursor)
        }
    }

    /// The head is written where it will go out from, if nothing else waits there.
    private func prepareHead() {
        if connection.outbound.readableBytes == 0 {
            relay.head = ByteBuffer()
            swap(&relay.head, &connection.outbound)
        }
        relay.head.clear()
    }

    /// Bytes that `writeIdentity` may write.
    var identityRoom: Int {
        guard connection.settings.showsProxydHeaders, let candidate, let origin else { return 128 + crossOriginLines.count }
        let lossyRoom = lossy.isEmpty ? 0 : lossy.reduce(64) { $0 + 3 * $1.description.utf8.count + 2 }
        return 256 + crossOriginLines.count + origin.headerLines.count + 3 * candidate.model.utf8.count + lossyRoom
    }

    /// `x-request-id`, and who answered.
    func writeIdentity(into out: inout HeadCursor) {
        out.append("x-request-id: ")
        out.append(text: requestID)
        if clientDialect == .anthropic {
            out.append("\r\nrequest-id: ")
            out.append(text: requestID)
        }
        out.append("\r\n")
        if !crossOriginLines.isEmpty { out.append(crossOriginLines) }
        guard connection.settings.showsProxydHeaders, let candidate, let origin else { return }
        out.append(origin.headerLines)
        out.append(origin.modelLine(candidate.model))
        out.append("x-proxyd-attempts: ")
        out.append(decimal: attempts)
        out.append("\r\n")
        if !lossy.isEmpty, let header = LossyNote.header(lossy) {
            out.append("x-proxyd-lossy: ")
            out.append(text: HeaderText.encode(header))
            out.append("\r\n")
        }
    }

    /// Sends the head on its way: from here on there is no other attempt.
    func open() {
        noteSuccess()
        relay.mode = .passing
        touch()
        bytesFlushedBefore = connection.bytesFlushed
        figures.status = relay.status
        let length: Int?
        switch relay.framing {
        case .length(let count) where conversion == nil && relay.filter == nil: length = count
        case .none, .length, .chunked, .untilClose: length = nil
        }
        writeOpening(length: length)
        estimatePrompt()
        // There is no other attempt from here on, and a stream may last for an hour: what was for attempts goes.
        connection.releaseRequest()
        upstream?.releaseWrittenRequest()
        plan = nil
        markFirstByte()
    }

    private func writeOpening(length: Int?) {
        endHead(length: length)
        connection.append(&relay.head)
    }

    /// Ends the head with what says how the body is framed.
    func endHead(length: Int?) {
        let hasBody = relay.status != 204 && relay.status != 304
        let isCounted = length != nil && (hasBody || isHead)
        if !isCounted, hasBody {
            if clientSpeaksHTTP11 { relay.isChunked = !isHead } else if !isHead { relay.closesAfter = true }
        }
        if !clientKeepsAlive { relay.closesAfter = true }
        let closes = relay.closesAfter
        relay.head.writeHead(room: 128) { cursor in
            if isCounted, let length {
                cursor.append("content-length: ")
                cursor.append(decimal: length)
                cursor.append("\r\n")
            } else if hasBody, clientSpeaksHTTP11, !isHead {
                cursor.append("transfer-encoding: chunked\r\n")
            }
            if closes {
                cursor.append("connection: close\r\n")
            } else if !clientSpeaksHTTP11 {
                cursor.append("connection: keep-alive\r\n")
            }
            cursor.append("\r\n")
        }
    }

    /// A piece of body, framed for the client.
    func emit(_ bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty, !isHead else { return }
        figures.bytesOut &+= bytes.count
        if relay.isChunked {
            connection.outbound.writeChunkSize(bytes.count)
            connection.outbound.writeBytes(bytes)
            connection.outbound.writeStaticString("\r\n")
        } else {
            connection.outbound.writeBytes(bytes)
        }
    }

    /// The whole held answer, in one go.
    func writeHeld() {
        relay.mode = .passing
        figures.status = relay.status
        if relay.bodyStart != nil {
            figures.bytesOut = relay.heldCount
            markFirstByte()
            connection.append(&relay.head)
            return
        }
        writeOpening(length: isHead || relay.status == 204 || relay.status == 304 ? nil : relay.held.readableBytes)
        markFirstByte()
        if !isHead {
            figures.bytesOut = relay.held.readableBytes
            connection.outbound.writeBuffer(&relay.held)
        }
    }
}
