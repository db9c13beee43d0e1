import HTTP1
import NIOCore

/// Asks a forward proxy for a way to an upstream (CONNECT, RFC 9110 §9.3.6), and leaves the pipeline once there is one.
///
/// Until then nothing passes: what the proxy says belongs to nobody behind.
final class ProxyTunnel: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Why there is no way.
    struct Failure: Error, Equatable {
        let obstacle: ConnectObstacle
    }

    /// A head of more than that is none.
    private static let headLimit = 16 << 10

    private let authority: String
    private let credentials: Secret?
    private let open: (ChannelHandlerContext) throws -> Void
    private var inbound = ByteBuffer()
    private var parser = HTTPResponseParser(limits: HTTPLimits(headBytes: ProxyTunnel.headLimit, fieldCount: 128))
    private var head = HTTPResponseHead()
    private var isOver = false
    private var hasAsked = false

    /// - Parameters:
    ///   - authority: host and port of the upstream.
    ///   - open: what takes this handler's place when the way is free.
    init(to authority: String, credentials: Secret?, open: @escaping (ChannelHandlerContext) throws -> Void) {
        self.authority = authority
        self.credentials = credentials
        self.open = open
    }

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { ask(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        ask(context)
        context.fireChannelActive()
    }

    private func ask(_ context: ChannelHandlerContext) {
        guard !hasAsked else { return }
        hasAsked = true
        var request = ByteBuffer()
        request.writeHead(room: 256) { cursor in
            cursor.requestLine(method: "CONNECT", target: authority)
            cursor.field("host", text: authority)
            if let credentials { cursor.field(HeaderLine(name: "proxy-authorization", value: credentials.reveal())) }
            cursor.endHead()
        }
        context.writeAndFlush(wrapOutboundOut(request), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isOver else { return }
        var incoming = unwrapInboundIn(data)
        inbound.writeBuffer(&incoming)
        while true {
            switch inbound.withUnsafeReadableBytes({ parser.parse($0, request: .connect, into: &head) }) {
            case .incomplete: return
            case .invalid:
                fail(.proxyRefused, context)
                return
            case .complete:
                inbound.moveReaderIndex(forwardBy: head.byteCount)
                if (100..<200).contains(head.status) { continue }
                answered(context)
                return
            }
        }
    }

    private func answered(_ context: ChannelHandlerContext) {
        switch head.status {
        case 200..<300:
            // In TLS the client speaks first: no server has sent the bytes that are here already.
            guard inbound.readableBytes == 0 else { return fail(.proxyRefused, context) }
            isOver = true
            do {
                try open(context)
                _ = context.pipeline.syncOperations.removeHandler(context: context)
            } catch {
                context.fireErrorCaught(error)
            }
        case 407: fail(.proxyCredentials, context)
        default: fail(.proxyRefused, context)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        fail(.proxyRefused, context)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard !isOver else { return context.fireErrorCaught(error) }
        fail(.proxyRefused, context)
    }

    private func fail(_ obstacle: ConnectObstacle, _ context: ChannelHandlerContext) {
        guard !isOver else { return }
        isOver = true
        context.fireErrorCaught(Failure(obstacle: obstacle))
    }
}

@available(*, unavailable)
extension ProxyTunnel: Sendable {}
