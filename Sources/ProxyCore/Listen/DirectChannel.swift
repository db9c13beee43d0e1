import NIOCore

/// What a connection's handler asks of its channel for every message.
///
/// Where no other handler of the pipeline looks at what goes out, as without TLS, the calls go straight to the channel, as the
/// pipeline's head would pass them on: a request makes six of them, and the way through the pipeline costs as much as half of a
/// parser. Whoever makes the pipeline knows.
struct DirectChannel {
    private let context: ChannelHandlerContext
    private let core: (any ChannelCore)?

    /// TLS makes one buffer of all that is flushed at once, and keeps it until something else is written: that may be hours. With what
    /// it adds it still fits into 32 KiB.
    static let pieceBytes = (32 << 10) - 256

    init(_ context: ChannelHandlerContext, isDirect: Bool) {
        self.context = context
        core = isDirect ? context.channel._channelCore : nil
    }

    func close() { context.close(promise: nil) }

    /// Closes what was read only as it was asked for: TLS waits for the other side's end, unasked.
    func closeUnread() {
        if core == nil { context.triggerUserOutboundEvent(UnreadEnd.Closing(), promise: nil) }
        close()
    }

    func read() {
        if let core { core.read0() } else { context.read() }
    }

    /// How much is read at once from now on.
    func readPieces(_ allocator: any RecvByteBufferAllocator) {
        try? context.channel.syncOptions?.setOption(.recvAllocator, value: allocator)
    }

    func write(_ buffer: ByteBuffer) {
        if let core {
            core.write0(NIOAny(buffer), promise: nil)
        } else if buffer.readableBytes < Self.pieceBytes / 2 {
            context.write(NIOAny(buffer), promise: nil)
        } else {
            flushPieces(buffer)
        }
    }

    func writeAndFlush(_ buffer: ByteBuffer) {
        if let core {
            core.write0(NIOAny(buffer), promise: nil)
            core.flush0()
        } else {
            flushPieces(buffer)
        }
    }

    private func flushPieces(_ buffer: ByteBuffer) {
        var rest = buffer
        while rest.readableBytes > Self.pieceBytes, let piece = rest.readSlice(length: Self.pieceBytes) {
            context.writeAndFlush(NIOAny(piece), promise: nil)
        }
        context.writeAndFlush(NIOAny(rest), promise: nil)
    }
}
