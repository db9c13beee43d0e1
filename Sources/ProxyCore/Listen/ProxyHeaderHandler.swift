import NIOCore

/// Takes the PROXY header off the front of a connection, before TLS and HTTP see a byte.
///
/// Without one, or from elsewhere than `trusted_proxies`, the connection is closed: whoever could leave it out could also pretend
/// to be anybody. The time in which it has to come is `timeouts.head`, which the connection behind it counts.
final class ProxyHeaderHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let loop: LoopContext
    private var gathered = ByteBuffer()
    private var isRefused = false

    init(loop: LoopContext) {
        self.loop = loop
    }

    func channelActive(context: ChannelHandlerContext) {
        let peer = PeerAddress(of: context.channel)
        guard peer.isAmong(loop.view.trustedProxies) else {
            refuse(context, .untrusted)
            return
        }
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isRefused else { return }
        var incoming = unwrapInboundIn(data)
        if gathered.readableBytes == 0 { gathered = incoming } else { gathered.writeBuffer(&incoming) }
        switch gathered.withUnsafeReadableBytes({ ProxyHeader.read($0) }) {
        case .incomplete: break
        case .invalid: refuse(context, .malformed)
        case .complete(let header):
            context.fireUserInboundEventTriggered(header.source)
            gathered.moveReaderIndex(forwardBy: header.byteCount)
            if gathered.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(gathered)) }
            gathered = ByteBuffer()
            context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
        }
    }

    private func refuse(_ context: ChannelHandlerContext, _ fault: ConnectionEvents.ProxyFault) {
        isRefused = true
        gathered = ByteBuffer()
        loop.shared.connectionEvents.refusedProxy(PeerAddress(of: context.channel).text, because: fault)
        context.close(promise: nil)
    }
}

@available(*, unavailable)
extension ProxyHeaderHandler: Sendable {}
