import HTTP1
import NIOCore

/// Responses in HTTP/1.1: their framing, and what waits to be flushed.
struct HTTP1ResponseWriter {
    /// What goes out with the next flush.
    var outbound = ByteBuffer()
    /// What goes out before that: pieces of a long body, each of which is gone as soon as the kernel has it.
    private var pieces: [ByteBuffer] = []
    /// Bytes given to the channel; grows only.
    private(set) var bytesFlushed = 0

    // What the request asks for.
    private var isHead = false
    private var speaksHTTP11 = true
    private(set) var keepsAlive = true

    // How far its response is, and how it is framed.
    private var isChunked = false
    private var isOmitted = false
    private var closesAfter = false
    private var flushedBefore = 0

    /// Above this the memory of a buffer is not kept.
    private static let keptBytes = 64 << 10
    /// A buffer is given to the kernel as a whole before its memory goes, and some clients do not read.
    /// As a chunk it fits into 32 KiB.
    private static let pieceBytes = DirectChannel.pieceBytes - 32

    /// A request has come.
    mutating func begin(_ head: borrowing HTTPRequestHead) {
        isHead = head.method == .head
        speaksHTTP11 = head.minorVersion == 1
        keepsAlive = head.keepsAlive
        isChunked = false
        isOmitted = false
        closesAfter = false
        endsByClose = false
    }

    /// What came is no request: it is answered, and nothing else.
    mutating func beginRefusal() { (isHead, speaksHTTP11, keepsAlive) = (false, true, false) }

    /// No further request is to come.
    mutating func stopKeepingAlive() { keepsAlive = false }

    /// Whether nothing but the connection's end tells where the body of the response ends.
    private(set) var endsByClose = false

    /// Whether the connection may live on after the response as it was framed.
    var canGoOn: Bool { keepsAlive && !closesAfter }

    mutating func draft(status: Int, room: Int, _ fields: (inout HeadCursor) -> Void) -> ResponseDraft {
        var draft = ResponseDraft(status: status)
        // Written where it will go out from, if nothing else waits there.
        if outbound.readableBytes == 0 { swap(&draft.bytes, &outbound) }
        draft.bytes.clear()
        draft.bytes.writeHead(room: room) { cursor in
            cursor.statusLine(status)
            fields(&cursor)
        }
        return draft
    }

    /// RFC 9112 §6.3: what ends the body.
    mutating func frame(_ draft: inout ResponseDraft, length: Int?) {
        guard !draft.isFramed else { return }
        draft.isFramed = true
        let hasBody = draft.status != 204 && draft.status != 304
        let isCounted = length != nil && (hasBody || isHead)
        isOmitted = isHead || !hasBody
        isChunked = !isCounted && hasBody && speaksHTTP11 && !isHead
        endsByClose = !isCounted && hasBody && !speaksHTTP11 && !isHead
        closesAfter = !keepsAlive || endsByClose
        let (isChunked, closesAfter, speaksHTTP11) = (isChunked, closesAfter, speaksHTTP11)
        draft.bytes.writeHead(room: 128) { cursor in
            if isCounted, let length {
                cursor.field("content-length", decimal: length)
            } else if isChunked {
                cursor.field("transfer-encoding", "chunked")
            }
            if closesAfter {
                cursor.field("connection", "close")
            } else if !speaksHTTP11 {
                cursor.field("connection", "keep-alive")
            }
            cursor.endHead()
        }
    }

    mutating func send(_ draft: inout ResponseDraft) {
        flushedBefore = bytesFlushed
        if outbound.readableBytes == 0 {
            outbound = ByteBuffer()
            swap(&outbound, &draft.bytes)
        } else {
            outbound.writeBuffer(&draft.bytes)
        }
        draft = ResponseDraft()
    }

    mutating func write(_ bytes: UnsafeRawBufferPointer) {
        guard !isOmitted, !bytes.isEmpty else { return }
        if bytes.count <= Self.pieceBytes { return writePiece(bytes) }
        for start in stride(from: 0, to: bytes.count, by: Self.pieceBytes) {
            writePiece(UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + Self.pieceBytes, bytes.count)]))
        }
    }

    private mutating func writePiece(_ bytes: UnsafeRawBufferPointer) {
        if outbound.readableBytes >= Self.pieceBytes {
            pieces.append(outbound)
            outbound = ByteBuffer()
        }
        guard isChunked else {
            outbound.writeBytes(bytes)
            return
        }
        outbound.writeHead(room: bytes.count + 24) { cursor in
            cursor.chunkSize(bytes.count)
            cursor.append(bytes)
            cursor.chunkEnd()
        }
    }

    mutating func end() {
        if isChunked { outbound.writeStaticString("0\r\n\r\n") }
        isChunked = false
    }

    mutating func withdraw() -> Bool {
        pieces = []
        outbound.clear()
        return bytesFlushed == flushedBefore
    }

    mutating func continues() { outbound.writeStaticString("HTTP/1.1 100 Continue\r\n\r\n") }

    mutating func flush(to outlet: DirectChannel) {
        guard outbound.readableBytes > 0 else { return }
        if !pieces.isEmpty { writePieces(to: outlet) }
        bytesFlushed &+= outbound.readableBytes
        outlet.writeAndFlush(outbound)
        // What the kernel has not taken yet has the memory.
        let isBack: Void? = outbound.modifyIfUniquelyOwned { $0.clear() }
        if isBack == nil || outbound.capacity > Self.keptBytes { outbound = ByteBuffer() }
    }

    private mutating func writePieces(to outlet: DirectChannel) {
        let pieces = pieces
        self.pieces = []
        for piece in pieces {
            bytesFlushed &+= piece.readableBytes
            outlet.write(piece)
        }
    }

    /// Nothing has been asked for a while, or nothing was read.
    mutating func releaseMemory() {
        if outbound.readableBytes == 0, outbound.capacity > 0 { outbound = ByteBuffer() }
    }
}
