import NIOCore

/// What a connection's handler asks of its channel for every message.
///
/// Without TLS the handler is alone in its pipeline, and its calls go straight to the channel, as the pipeline's head would
/// pass them on: a request makes six of them, and the way through the pipeline costs as much as half of a parser.
struct ChannelOutlet {
    private let context: ChannelHandlerContext
    private let core: (any ChannelCore)?

    init(_ context: ChannelHandlerContext, isAlone: Bool) {
        self.context = context
        core = isAlone ? context.channel._channelCore : nil
    }

    func close() { context.close(promise: nil) }

    func read() {
        if let core { core.read0() } else { context.read() }
    }

    /// How much is read at once from now on.
    func readPieces(_ allocator: any RecvByteBufferAllocator) {
        try? context.channel.syncOptions?.setOption(.recvAllocator, value: allocator)
    }

    func write(_ buffer: ByteBuffer) {
        if let core { core.write0(NIOAny(buffer), promise: nil) } else { context.write(NIOAny(buffer), promise: nil) }
    }

    func writeAndFlush(_ buffer: ByteBuffer) {
        if let core {
            core.write0(NIOAny(buffer), promise: nil)
            core.flush0()
        } else {
            context.writeAndFlush(NIOAny(buffer), promise: nil)
        }
    }
}
