import NIOCore
import NIOEmbedded
import Testing

@testable import ProxyCore

/// What is written through a pipeline, as through TLS.
@Suite struct DirectChannelTests {
    /// How many bytes were flushed at once, each time.
    private final class Flushes: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer
        var counts: [Int] = []
        private var waiting = 0

        func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
            waiting += unwrapOutboundIn(data).readableBytes
            context.write(data, promise: promise)
        }

        func flush(context: ChannelHandlerContext) {
            counts.append(waiting)
            waiting = 0
            context.flush()
        }
    }

    private final class Writer: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        var outlet: DirectChannel?

        func handlerAdded(context: ChannelHandlerContext) { outlet = DirectChannel(context, isDirect: false) }
    }

    @Test("What is long is flushed in pieces, in its order; a head goes out with the first of them")
    func pieces() throws {
        let (channel, flushes, writer) = (EmbeddedChannel(), Flushes(), Writer())
        try channel.pipeline.syncOperations.addHandlers([flushes, writer])
        let outlet = try #require(writer.outlet)
        let (head, body) = ([UInt8](repeating: 1, count: 500), (0..<100_000).map { UInt8(truncatingIfNeeded: $0) })
        outlet.write(ByteBuffer(bytes: head))
        outlet.writeAndFlush(ByteBuffer(bytes: body))
        outlet.write(ByteBuffer(bytes: body))
        outlet.writeAndFlush(ByteBuffer(bytes: head))
        #expect(flushes.counts == [33_012, 32_512, 32_512, 2_464, 32_512, 32_512, 32_512, 2_464, 500])
        var out: [UInt8] = []
        while let buffer = try channel.readOutbound(as: ByteBuffer.self) { out += buffer.readableBytesView }
        #expect(out == head + body + body + head)
    }
}
