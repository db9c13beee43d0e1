import Glibc
import HTTP1
import NIOCore
import NIOPosix
import NIOSSL

/// One call over a connection of its own: what the command line asks a running proxyd. There are no loops, pools and settings of a
/// server behind it.
public struct SingleCaller: OutgoingCaller {
    /// Who is taken for the other side of TLS.
    public enum Trust: Sendable, Hashable {
        /// Servers that an authority vouches for, as in a browser.
        case authorities
        /// Who shows the first certificate of this PEM file, whatever the name: a proxyd of this machine.
        case certificate(file: String)
        /// Whoever answers. For calls that tell nothing and believe little.
        case anyone
    }

    private let trust: Trust
    /// Whether a PROXY header of nobody comes first, as a balancer's own checks have it.
    private let sendsProxyHeader: Bool

    public init(trust: Trust = .authorities, sendsProxyHeader: Bool = false) {
        self.trust = trust
        self.sendsProxyHeader = sendsProxyHeader
    }

    /// Gives the whole response, whatever its status; throws `OutgoingFailure`.
    public func call(_ request: OutgoingRequest) async throws -> OutgoingResponse {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let promise = loop.makePromise(of: OutgoingResponse.self)
        let channel: any Channel
        do {
            channel = try await Self.dial(request, loop) { [self] channel in
                channel.eventLoop.makeCompletedFuture {
                    if sendsProxyHeader { try channel.pipeline.syncOperations.addHandler(ProxyHeaderWriter()) }
                    if request.url.isTLS { try channel.pipeline.syncOperations.addHandler(tls(request)) }
                    try channel.pipeline.syncOperations.addHandler(SingleCall(request, promise))
                }
            }
        } catch {
            let failure = OutgoingFailure.unreachable(Self.reason(error))
            promise.fail(failure)
            throw failure
        }
        let deadline = loop.scheduleTask(in: TimeAmount(request.timeout)) {
            promise.fail(OutgoingFailure.timeout)
            channel.close(promise: nil)
        }
        defer { deadline.cancel() }
        return try await promise.futureResult.get()
    }

    private static func dial(
        _ request: OutgoingRequest, _ loop: any EventLoop,
        _ prepare: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
    ) async throws -> any Channel {
        let bootstrap = ClientBootstrap(group: loop)
            .connectTimeout(TimeAmount(request.timeout))
            .channelInitializer(prepare)
        if let path = request.url.socketPath { return try await bootstrap.connect(unixDomainSocketPath: path).get() }
        if let address = try? SocketAddress(ipAddress: request.url.host, port: request.url.port) {
            return try await bootstrap.connect(to: address).get()
        }
        return try await bootstrap.connect(host: request.url.host, port: request.url.port).get()
    }

    private func tls(_ request: OutgoingRequest) throws -> NIOSSLClientHandler {
        var configuration = TLSConfiguration.makeClientConfiguration()
        TLSContexts.restrict(&configuration)
        if let authorities = request.trustedAuthorities { configuration.trustRoots = .certificates(authorities.certificates) }
        let host = request.url.host
        let isAddress = AddressRange.Address(host) != nil || request.url.socketPath != nil
        let name = isAddress ? nil : host
        switch trust {
        case .authorities:
            return try NIOSSLClientHandler(context: NIOSSLContext(configuration: configuration), serverHostname: name)
        case .anyone:
            configuration.certificateVerification = .none
            return try NIOSSLClientHandler(context: NIOSSLContext(configuration: configuration), serverHostname: name)
        case .certificate(let file):
            let own = try Self.certificate(file)
            return try NIOSSLClientHandler(context: NIOSSLContext(configuration: configuration), serverHostname: name) {
                $1.succeed($0.first == own ? .certificateVerified : .failed)
            }
        }
    }

    private static func certificate(_ file: String) throws -> NIOSSLCertificate {
        switch InputFiles().read(file) {
        case .failure(let failure): throw OutgoingFailure.unreachable("\(file): \(failure.message)")
        case .success(let content):
            do throws(PEMProblem) {
                guard let first = try PEMFile.certificates(content.bytes).first else { throw PEMProblem(message: "is empty") }
                return first
            } catch {
                throw OutgoingFailure.unreachable("\(file) \(error.message)")
            }
        }
    }

    /// Why nobody was reached, in words.
    fileprivate static func reason(_ error: any Error) -> String {
        switch error {
        case let error as IOError: String(cString: strerror(error.errnoCode))
        case let error as NIOConnectionError:
            error.connectionErrors.last.map { reason($0.error) } ?? "there is no address of \(error.host)"
        case OutgoingFailure.unreachable(let reason): reason
        case NIOSSLError.handshakeFailed(.sslError(let stack)) where stack.contains { $0.description.contains("VERIFY_FAILED") }:
            "its TLS certificate is not trusted"
        case NIOSSLError.handshakeFailed(.sslError(let stack)), BoringSSLError.sslError(let stack):
            "no TLS connection came about\(tlsWords(stack))"
        case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError: "no TLS connection came about"
        case ChannelError.connectTimeout: "it does not answer in time"
        default: "\(error)"
        }
    }

    /// What the library calls it, in people's letters, without its numbers and places.
    static func tlsWords(_ texts: some Sequence<some CustomStringConvertible>) -> String {
        for text in texts {
            // Error: 268436596 error:10000474:SSL routines:OPENSSL_internal:TLSV1_CERTIFICATE_REQUIRED at /…/tls_record.cc:592
            guard let mark = text.description.firstRange(of: "OPENSSL_internal:") else { continue }
            let name = text.description[mark.upperBound...].prefix { $0 != " " }
            if name.contains("CERTIFICATE_REQUIRED") { return ": it asks for a client's certificate" }
            if name == "WRONG_VERSION_NUMBER" || name == "HTTP_REQUEST" { return ": it does not speak TLS there" }
            return ": " + name.lowercased().replacing("_", with: " ")
        }
        return ""
    }
}

/// Says before all else that the connection is for nobody.
private final class ProxyHeaderWriter: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    func channelActive(context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: BalancerLine.ofNobody)), promise: nil)
        context.fireChannelActive()
    }
}

/// Writes the request, collects what comes until the other side closes, and reads it then.
private final class SingleCall: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// What a head may have beyond the body.
    private static let headRoom = 64 << 10

    private let request: OutgoingRequest
    private let promise: EventLoopPromise<OutgoingResponse>
    private var received = ByteBuffer()

    init(_ request: OutgoingRequest, _ promise: EventLoopPromise<OutgoingResponse>) {
        self.request = request
        self.promise = promise
    }

    func channelActive(context: ChannelHandlerContext) {
        var buffer = context.channel.allocator.buffer(capacity: 1024 + request.body.count)
        buffer.writeHead(room: 1024) { cursor in
            cursor.requestLine(method: request.method, target: request.url.basePath + request.target)
            cursor.field("host", text: request.url.authority)
            cursor.field("user-agent", "proxyd")
            cursor.field("connection", "close")
            for (name, value) in request.headers { cursor.field(HeaderLine(name: name, value: value)) }
            if !request.body.isEmpty || request.method == "POST" {
                cursor.field("content-length", decimal: request.body.count)
            }
            cursor.endHead()
        }
        buffer.writeBytes(request.body)
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var piece = unwrapInboundIn(data)
        guard received.readableBytes + piece.readableBytes <= request.maximumResponse + Self.headRoom else {
            return fail(.brokenResponse("the answer is too large"), context)
        }
        received.writeBuffer(&piece)
    }

    func channelInactive(context: ChannelHandlerContext) {
        do throws(OutgoingFailure) {
            promise.succeed(
                try received.withUnsafeReadableBytes { bytes throws(OutgoingFailure) in try Self.read(bytes, request) })
        } catch {
            promise.fail(error)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A peer that closes without TLS's goodbye has said all the same what it said: the body's length tells whether it was all.
        if case NIOSSLError.uncleanShutdown = error { return }
        fail(.unreachable(SingleCaller.reason(error)), context)
    }

    private func fail(_ failure: OutgoingFailure, _ context: ChannelHandlerContext) {
        promise.fail(failure)
        context.close(promise: nil)
    }

    private static func read(
        _ bytes: UnsafeRawBufferPointer, _ request: OutgoingRequest
    ) throws(OutgoingFailure) -> OutgoingResponse {
        guard !bytes.isEmpty else { throw .brokenResponse("there was no answer") }
        var parser = HTTPResponseParser(limits: HTTPLimits(headBytes: headRoom, fieldCount: 256))
        var head = HTTPResponseHead()
        guard case .complete = parser.parse(bytes, request: request.method == "HEAD" ? .head : .get, into: &head) else {
            throw .brokenResponse("the answer is no HTTP")
        }
        let rest = UnsafeRawBufferPointer(rebasing: bytes[head.byteCount...])
        var response = OutgoingResponse(status: head.status)
        response.headers = head.fields.map { ($0.name.string(in: bytes).lowercased(), $0.value.string(in: bytes)) }
        switch head.framing {
        case .none: break
        case .untilClose: response.body = Array(rest)
        case .length(let length):
            guard rest.count == length else { throw .brokenResponse("the answer broke off") }
            response.body = Array(rest)
        case .chunked: response.body = try chunked(rest)
        }
        return response
    }

    private static func chunked(_ bytes: UnsafeRawBufferPointer) throws(OutgoingFailure) -> [UInt8] {
        var (decoder, body) = (ChunkedDecoder(), [UInt8]())
        let (pass, _) = decoder.forEach(in: bytes) { piece in
            body.append(contentsOf: piece)
            return true
        }
        guard case .ended = pass else { throw .brokenResponse("the answer broke off") }
        return body
    }
}
