import Glibc
import NIOCore
import NIOPosix
import Testing

@testable import ProxyCore

/// Over sockets: it is about what NIO reads of them by itself.
@Suite struct UnreadEndTests {
    /// Notes what comes; it asks once, and from `goOn` on always.
    private final class Reader: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private(set) var bytes: [UInt8] = []
        private(set) var events: [String] = []
        private(set) var knowsEnd = false
        private var goesOn = false

        func goOn(_ context: ChannelHandlerContext) {
            goesOn = true
            context.read()
            // Once is enough.
            context.read()
        }

        func channelActive(context: ChannelHandlerContext) { context.read() }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) { bytes += Array(buffer: unwrapInboundIn(data)) }

        func channelReadComplete(context: ChannelHandlerContext) {
            events.append("complete \(bytes.count)")
            if goesOn { context.read() }
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if event is UnreadEnd.Ending { knowsEnd = true } else { events.append("\(event)") }
        }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { events.append("error") }
        func channelInactive(context: ChannelHandlerContext) { events.append("inactive") }
    }

    /// One end of a connection on whose other end `sent` was written before that was closed.
    private func socket(_ sent: [UInt8]) throws -> CInt {
        let listener = Glibc.socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        defer { close(listener) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let client = Glibc.socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        try withUnsafeMutablePointer(to: &address) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                try #require(bind(listener, address, size) == 0 && listen(listener, 1) == 0)
                try #require(getsockname(listener, address, &size) == 0 && connect(client, address, size) == 0)
            }
        }
        let server = accept(listener, nil, nil)
        try #require(write(server, sent, sent.count) == sent.count && close(server) == 0)
        return client
    }

    /// A connection on whose other end `sent` was written before that was closed, with a `Reader`.
    private func connection(_ sent: [UInt8]) async throws -> any Channel {
        try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.autoRead, value: false)
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 4096))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers([UnreadEnd(), Reader()])
                }
            }
            .withConnectedSocket(try socket(sent)).get()
    }

    @Test("Whoever closes waits for nothing that is kept")
    func closing() async throws {
        let channel = try await connection(Array(repeating: 1, count: 3 * 4096))
        let loop = channel.eventLoop
        func knowsEnd() async throws -> Bool {
            try await loop.submit { try channel.pipeline.syncOperations.handler(type: Reader.self).knowsEnd }.get()
        }
        while try await !knowsEnd() { await Task.yield() }
        #expect(channel.isActive)
        try await channel.triggerUserOutboundEvent(UnreadEnd.Closing()).get()
        try await channel.closeFuture.get()
    }

    @Test("What was sent before a close is read as it is asked for, to its end, and then the connection ends", arguments: [1, 9])
    func end(pieces: Int) async throws {
        let sent = (0..<pieces * 4096 + 100).map { UInt8(truncatingIfNeeded: $0 / 7) }
        let channel = try await connection(sent)
        let loop = channel.eventLoop
        func look() async throws -> (bytes: [UInt8], events: [String]) {
            try await loop.submit {
                let reader = try channel.pipeline.syncOperations.handler(type: Reader.self)
                return (reader.bytes, reader.events)
            }.get()
        }
        while try await look().bytes.isEmpty { await Task.yield() }
        let before = try await look()
        #expect(before.bytes.count == 4096 && before.events == ["complete 4096"] && channel.isActive)
        let reader = try await loop.submit {
            let context = try channel.pipeline.syncOperations.context(handlerType: Reader.self)
            let reader = try channel.pipeline.syncOperations.handler(type: Reader.self)
            reader.goOn(context)
            return NIOLoopBound(reader, eventLoop: loop)
        }.get()
        try await channel.closeFuture.get()
        let (bytes, events) = try await loop.submit { (reader.value.bytes, reader.value.events) }.get()
        #expect(bytes == sent)
        #expect(events.first == "complete 4096" && events.suffix(2) == ["complete \(sent.count)", "inactive"])
        #expect(!events.contains("error") && !events.contains("\(ChannelEvent.inputClosed)"))
    }
}
