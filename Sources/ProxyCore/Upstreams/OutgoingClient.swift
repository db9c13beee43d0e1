import HTTP1
import NIOCore

/// Calls beside the data path, over its connections: whole responses, one deadline.
final class OutgoingClient: OutgoingCaller {
    private let eventLoop: any EventLoop
    private let loop: NIOLoopBound<LoopContext>

    init(eventLoop: any EventLoop, loop: NIOLoopBound<LoopContext>) {
        self.eventLoop = eventLoop
        self.loop = loop
    }

    func call(_ request: OutgoingRequest) async throws -> OutgoingResponse {
        try await eventLoop.flatSubmit { [loop] in
            let call = OutgoingCall(request, loop: loop.value)
            return call.start()
        }.get()
    }
}

/// One such call. It is gone with its end: its timeout does not keep it.
final class OutgoingCall: UpstreamReceiver {
    private let request: OutgoingRequest
    private let loop: LoopContext
    private let promise: EventLoopPromise<OutgoingResponse>
    private var response = OutgoingResponse(status: 0)
    private var connection: UpstreamConnection?
    private var timeout: Scheduled<Void>?
    private var isDone = false
    private var isRetry = false

    init(_ request: OutgoingRequest, loop: LoopContext) {
        self.request = request
        self.loop = loop
        promise = loop.eventLoop.makePromise()
    }

    func start() -> EventLoopFuture<OutgoingResponse> {
        guard isWritable else {
            finish(.failure(OutgoingFailure.unreachable("the request holds what no request can carry")))
            return promise.futureResult
        }
        timeout = loop.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(request.timeout)) { [self] in
            finish(.failure(connection == nil ? Self.outgoing(.connectTimeout) : OutgoingFailure.timeout))
        }
        dispatch()
        return promise.futureResult
    }

    /// Whether our own parser would read back what `write` writes; values are encoded there.
    private var isWritable: Bool {
        !request.method.isEmpty && request.method.utf8.allSatisfy(ByteScan.isToken)
            && RequestTarget.isWritable(Array(request.target.utf8))
            && request.headers.allSatisfy { !$0.name.isEmpty && $0.name.utf8.allSatisfy(ByteScan.isToken) }
    }

    /// The proxy on the way, where the request does not name one itself.
    private var proxy: ForwardProxy? {
        switch request.way {
        case .upstreams(let proxy): proxy
        case .byRule: loop.view.snapshot.configuration.proxies.proxy(for: request.url)
        }
    }

    private var pool: ConnectionPool {
        loop.pool(PoolKey(request.url, trustedAuthorities: request.trustedAuthorities, proxy: proxy))
    }

    private func dispatch() {
        if !isRetry, let idle = pool.takeIdle() {
            write(on: idle)
            return
        }
        pool.connect(timeout: TimeAmount(request.timeout)) { [self] result in
            switch result {
            case .success(let connection):
                if isDone { pool.putBack(connection) } else { write(on: connection) }
            case .failure(let failure): finish(.failure(Self.outgoing(failure)))
            }
        }
    }

    private func write(on connection: UpstreamConnection) {
        self.connection = connection
        connection.send(method: request.method == "HEAD" ? .head : .get, to: self, body: nil) { out in
            out.writeHead(room: 1024) { writeHead(to: &$0) }
            out.writeBytes(request.body)
        }
    }

    private func writeHead(to cursor: inout HeadCursor) {
        let lines = ProxiedLines(request.url, proxy)
        cursor.requestLine(method: request.method, target: lines.targetPrefix + request.target)
        cursor.field("host", text: request.url.authority)
        cursor.block(lines.credentials)
        cursor.field("accept", "application/json, */*")
        cursor.field("user-agent", "proxyd")
        for (name, value) in request.headers { cursor.field(HeaderLine(name: name, value: value)) }
        if !request.body.isEmpty || request.method == "POST" { cursor.field("content-length", decimal: request.body.count) }
        cursor.endHead()
    }

    func received(head: borrowing HTTPResponseHead, bytes: UnsafeRawBufferPointer) {
        response.status = head.status
        response.headers = head.fields.map { ($0.name.string(in: bytes).lowercased(), $0.value.string(in: bytes)) }
    }

    func received(body: UnsafeRawBufferPointer) {
        guard response.body.count + body.count <= request.maximumResponse else {
            finish(.failure(OutgoingFailure.brokenResponse("the answer is too large")))
            return
        }
        response.body.append(contentsOf: body)
    }

    func readComplete() {}

    func ended() {
        connection = nil
        finish(.success(response))
    }

    func failed(_ failure: UpstreamFailure) {
        let wasReused = (connection?.served ?? 0) > 0 && connection?.hasReceived == false
        connection = nil
        if wasReused, !isRetry, !isDone {
            isRetry = true
            dispatch()
        } else {
            finish(.failure(Self.outgoing(failure)))
        }
    }

    private func finish(_ result: Result<OutgoingResponse, any Error>) {
        guard !isDone else { return }
        isDone = true
        timeout?.cancel()
        timeout = nil
        connection?.cancel()
        connection = nil
        promise.completeWith(result)
    }

    private static func outgoing(_ failure: UpstreamFailure) -> OutgoingFailure {
        switch failure {
        case .unreachable, .tls, .noDescriptors, .connectTimeout: .unreachable(failure.message)
        case .firstByteTimeout, .idleTimeout: .timeout
        case .disconnected, .truncated, .protocolError, .emptyResponse, .tooLong, .shutDown, .blocked:
            .brokenResponse(failure.message)
        }
    }
}
