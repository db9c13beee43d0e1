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
                let value = field.value.bytes(in: bytes)
                relay.isEventStream = value.count >= 17 && equalsIgnoringCase(UnsafeRawBufferPointer(rebasing: value[..<17]), "text/event-stream")
                if head.status >= 400 { relay.contentType = field.value.string(in: bytes) }
            case .contentEncoding:
                relay.isCompressed = !equalsIgnoringCase(field.value.bytes(in: bytes), "identity")
            case .retryAfter:
                relay.retryAfterSeconds = RetryAfter.seconds(field.value.bytes(in: bytes), now: LoopContext.wallClock() / 1000)
            case .retryAfterMs where relay.retryAfterSeconds == nil:
                relay.retryAfterSeconds = RetryAfter.seconds(milliseconds: field.value.bytes(in: bytes))
            default: break
            }
        }
    }

    /// Writes the client's head, all but its framing, from the upstream's.
    func renderHead(_ head: borrowing HTTPResponseHead, bytes: UnsafeRawBufferPointer) {
        if conversion != nil {
            renderConvertedHead()
            return
        }
        var out = relay.head
        out.clear(minimumCapacity: head.byteCount + 512)
        out.writeStatusLine(head.status)
        for index in head.fields.indices {
            let field = head.fields[index]
            switch field.known {
            case .contentLength, .transferEncoding, .connection, .keepAlive, .proxyConnection, .proxyAuthenticate, .te, .trailer, .upgrade,
                .setCookie, .server, .proxyd:
                continue
            case .requestID, .xRequestID:
                out.writeStaticString("x-upstream-request-id: ")
            default:
                out.writeBytes(field.name.bytes(in: bytes))
                out.writeStaticString(": ")
            }
            out.writeBytes(field.value.bytes(in: bytes))
            out.writeStaticString("\r\n")
        }
        writeIdentity(into: &out)
        relay.head = out
    }

    func renderConvertedHead() {
        var out = relay.head
        out.clear(minimumCapacity: 512)
        out.writeStatusLine(200)
        if relay.isEventStream {
            out.writeStaticString("content-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\nx-accel-buffering: no\r\n")
        } else {
            out.writeStaticString("content-type: application/json\r\n")
        }
        writeIdentity(into: &out)
        relay.head = out
    }

    /// `x-request-id`, and who answered.
    func writeIdentity(into out: inout ByteBuffer) {
        out.writeStaticString("x-request-id: ")
        out.writeString(requestID)
        out.writeStaticString("\r\n")
        if clientDialect == .anthropic {
            out.writeStaticString("request-id: ")
            out.writeString(requestID)
            out.writeStaticString("\r\n")
        }
        guard connection.listener.configuration.proxydHeaders, let candidate, route >= 0 else { return }
        out.writeBytes(view.originLines(route: route, candidate: candidate))
        out.writeStaticString("x-proxyd-model: ")
        out.writeHeaderText(candidate.model)
        out.writeStaticString("\r\nx-proxyd-attempts: ")
        out.writeDecimal(attempts)
        out.writeStaticString("\r\n")
        if let header = LossyNote.header(lossy) {
            out.writeStaticString("x-proxyd-lossy: ")
            out.writeHeaderText(header)
            out.writeStaticString("\r\n")
        }
    }

    /// Sends the head on its way: from here on there is no other attempt.
    func open() {
        relay.mode = .passing
        log.status = relay.status
        let length: Int?
        switch relay.framing {
        case .length(let count) where conversion == nil && relay.filter == nil: length = count
        case .none, .length, .chunked, .untilClose: length = nil
        }
        writeOpening(length: length)
        connection.releaseRequest()
        markFirstByte()
    }

    private func writeOpening(length: Int?) {
        connection.outbound.writeBuffer(&relay.head)
        let hasBody = relay.status != 204 && relay.status != 304
        if let length, hasBody || isHead {
            connection.outbound.writeStaticString("content-length: ")
            connection.outbound.writeDecimal(length)
            connection.outbound.writeStaticString("\r\n")
        } else if hasBody {
            if clientSpeaksHTTP11 {
                relay.isChunked = !isHead
                connection.outbound.writeStaticString("transfer-encoding: chunked\r\n")
            } else {
                relay.closesAfter = true
            }
        }
        if !clientKeepsAlive || relay.closesAfter {
            relay.closesAfter = true
            connection.outbound.writeStaticString("connection: close\r\n")
        } else if !clientSpeaksHTTP11 {
            connection.outbound.writeStaticString("connection: keep-alive\r\n")
        }
        connection.outbound.writeStaticString("\r\n")
        // The head is out; its memory is not needed while a stream is silent.
        relay.head = ByteBuffer()
    }

    /// A piece of body, framed for the client.
    func emit(_ bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty, !isHead else { return }
        log.bytesOut &+= bytes.count
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
        log.status = relay.status
        let length: Int
        if isHead, case .length(let count) = relay.framing { length = count } else { length = relay.held.readableBytes }
        writeOpening(length: relay.status == 204 || relay.status == 304 ? nil : length)
        markFirstByte()
        if !isHead {
            log.bytesOut = relay.held.readableBytes
            connection.outbound.writeBuffer(&relay.held)
        }
    }
}
