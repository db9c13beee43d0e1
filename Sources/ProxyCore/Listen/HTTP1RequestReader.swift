import Dialects
import HTTP1
import NIOCore

/// Takes requests off an HTTP/1.1 connection's bytes, one at a time. Those that come early wait in it, so responses go out in
/// order.
struct HTTP1RequestReader: ~Copyable {
    private var parser = HTTPRequestParser()
    private var inbound = ByteBuffer()
    private var chunks = ChunkedDecoder()
    /// The head that was parsed last, until it becomes a request's. Its slices count from the first byte that waits.
    private(set) var head = HTTPRequestHead()
    /// Memory of the request before.
    private var members: [JSONMember] = []

    /// A head comes next: what waits, if anything does, begins with it.
    mutating func expectHead(limit: Int) { parser.expectHead(HTTPLimits(headBytes: limit)) }

    var count: Int { inbound.readableBytes }
    var isEmpty: Bool { inbound.readableBytes == 0 }

    mutating func take(_ incoming: inout ByteBuffer) {
        if isEmpty { inbound = incoming } else { inbound.writeBuffer(&incoming) }
    }

    /// Gives memory back that holds nothing.
    mutating func release() {
        if isEmpty { inbound = ByteBuffer() }
    }

    /// What waits is no request.
    mutating func discard() { inbound = ByteBuffer() }

    /// What waits, for as long as nothing of it is taken.
    var waiting: ByteBuffer { inbound }

    // MARK: Heads

    enum Head { case incomplete, complete, invalid(HTTPViolation) }

    mutating func nextHead() -> Head {
        guard !isEmpty else { return .incomplete }
        return switch inbound.withUnsafeReadableBytes({ parser.parse($0, into: &head) }) {
        case .incomplete: .incomplete
        case .complete: .complete
        case .invalid(let violation): .invalid(violation)
        }
    }

    /// Makes the head at hand what its request line says and no more. Whether that is known.
    mutating func keepRequestLine() -> Bool { inbound.withUnsafeReadableBytes { head.readRequestLine(of: $0) } }

    /// The length of the body of the head at hand; nil where its chunks will say.
    var bodyLength: Int? {
        switch head.framing {
        case .none: 0
        case .length(let count): count
        case .chunked, .untilClose: nil
        }
    }

    /// Whether head and body are here.
    func holds(bodyLength: Int?) -> Bool {
        guard let bodyLength else { return false }
        return inbound.readableBytes - head.byteCount >= bodyLength
    }

    /// Makes the head at hand a request. Its memory goes along, and comes back with `takeBack`.
    mutating func makeRequest(
        call: ClientCall, rare: RareFields, client: PeerAddress, settings: ListenerSettings, memory: ClientMemory
    ) -> ClientRequest {
        var request = ClientRequest(
            call: call, method: head.method, rare: rare, client: client, settings: settings, memory: memory,
            head: HTTPRequestHead())
        swap(&request.head, &head)
        swap(&request.members, &members)
        return request
    }

    /// A request is over: what it was kept in serves the next one.
    mutating func takeBack(_ request: inout ClientRequest) {
        request.release()
        request.members.removeAll(keepingCapacity: true)
        swap(&request.head, &head)
        swap(&request.members, &members)
    }

    // MARK: Bodies

    /// Gives the request its bytes once all of them are here. Whether they are.
    mutating func takeMessage(bodyLength: Int, into request: inout ClientRequest) -> Bool {
        let headLength = request.head.byteCount
        guard inbound.readableBytes - headLength >= bodyLength else { return false }
        request.headBytes = inbound.readSlice(length: headLength) ?? ByteBuffer()
        request.body = inbound.readSlice(length: bodyLength) ?? ByteBuffer()
        return true
    }

    /// Makes room for a body of which more is to come: as much as is told, within reason.
    mutating func expect(bodyLength: Int, _ request: borrowing ClientRequest) {
        inbound.reserveCapacity(min(request.head.byteCount + bodyLength, 1 << 20))
    }

    /// Passes over a request that is answered at its head.
    /// - Parameter bodyLength: nil: nothing behind the head is looked at.
    mutating func skipMessage(_ request: borrowing ClientRequest, bodyLength: Int?) {
        guard let bodyLength else { return discard() }
        inbound.moveReaderIndex(forwardBy: request.head.byteCount + bodyLength)
    }

    /// Gives the request its head, where the body is not waited for.
    func copyHead(into request: inout ClientRequest) {
        request.headBytes = ByteBuffer(bytes: inbound.readableBytesView.prefix(request.head.byteCount))
    }

    mutating func beginChunks(_ request: inout ClientRequest) {
        // A copy: `inbound` is written to while the body arrives.
        copyHead(into: &request)
        inbound.moveReaderIndex(forwardBy: request.head.byteCount)
        chunks = ChunkedDecoder()
    }

    enum Chunks { case needsMore, ended, invalid(HTTPViolation), tooLarge }

    /// Takes what there is of a chunked body.
    mutating func nextChunks(into body: inout ByteBuffer, limit: Int) -> Chunks {
        let (pass, used) = inbound.withUnsafeReadableBytes { bytes in
            chunks.forEach(in: bytes) { piece in
                guard body.readableBytes + piece.count <= limit else { return false }
                body.writeBytes(piece)
                return true
            }
        }
        inbound.moveReaderIndex(forwardBy: used)
        return switch pass {
        case .needsMore: .needsMore
        case .ended: .ended
        case .stopped: .tooLarge
        case .invalid(let violation): .invalid(violation)
        }
    }
}
