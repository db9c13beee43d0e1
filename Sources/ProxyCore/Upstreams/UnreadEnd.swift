import Glibc
import NIOCore

/// Leaves in the kernel what the other side had sent when it closed, until somebody asks for it.
///
/// NIO reads to the end as soon as it hears of a close, whether anybody asked or not: for a client that does not read, memory would
/// hold all that the kernel held. So the first piece that nobody asked for ends NIO's reading, and what is behind it is read from
/// the socket here. Nothing more comes to it, so that no read of it ever has to wait.
///
/// It stands before all other handlers: with TLS from the beginning, without from the first such piece on. A Unix socket has none: of
/// one whose other side has closed NIO knows nothing but that it is to be closed at once.
final class UnreadEnd: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Told by whoever closes the connection: what TLS waits for then, nobody asks for.
    struct Closing {}

    /// Told to the connection: the other side has closed, and there may be more to read.
    struct Ending {}

    private enum State {
        /// NIO reads.
        case open
        /// NIO reads, and all of it passes: the connection is being closed.
        case passing
        /// NIO has read `first`, and no more.
        case kept(first: ByteBuffer?)
        case over
    }

    /// How much is read at once.
    private static let pieceBytes = 16 << 10

    private var state = State.open
    /// A read has been asked for and has not brought anything.
    private var isAsked = false
    /// What had come unasked before this handler was there.
    private var unasked: ByteBuffer?

    init(unasked: ByteBuffer? = nil) {
        self.unasked = unasked
    }

    func handlerAdded(context: ChannelHandlerContext) {
        guard let first = unasked else { return }
        unasked = nil
        keep(first, context)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        state = .over
    }

    /// Whether the other side has closed in order. What a connection that broke still holds is gone once NIO has closed the socket, so
    /// NIO reads that itself. A channel without a socket is a test's.
    static func hasEnded(_ context: ChannelHandlerContext) -> Bool {
        let found = try? context.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { socket in
            var asked = pollfd(fd: socket, events: closedForReading, revents: 0)
            return poll(&asked, 1, 0) > 0 ? asked.revents : 0
        }
        guard let found else { return true }
        return found & closedForReading != 0 && found & Int16(POLLHUP | POLLERR) == 0
    }

    /// Linux's POLLRDHUP.
    private static let closedForReading: Int16 = 0x2000

    /// NIO takes it that its reading has met the end, and that this side may still write.
    private func keep(_ first: ByteBuffer, _ context: ChannelHandlerContext) {
        state = .kept(first: first)
        context.fireUserInboundEventTriggered(Ending())
        allowHalfClosure(true, context)
        context.channel._channelCore.close0(error: ChannelError.eof, mode: .input, promise: nil)
    }

    private func allowHalfClosure(_ isAllowed: Bool, _ context: ChannelHandlerContext) {
        try? context.channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: isAllowed)
    }

    // MARK: What NIO tells

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch state {
        case .open where !isAsked && Self.hasEnded(context): keep(unwrapInboundIn(data), context)
        case .open, .passing: context.fireChannelRead(data)
        case .kept, .over: break
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        switch state {
        case .open, .passing:
            isAsked = false
            context.fireChannelReadComplete()
        // What was kept is nothing that anybody has seen.
        case .kept, .over: break
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .kept = state, let event = event as? ChannelEvent, event == .inputClosed { return }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        if case .kept = state {
            // The connection broke before all of it was read.
            state = .over
            context.fireErrorCaught(IOError(errnoCode: ECONNRESET, reason: "read"))
        }
        context.fireChannelInactive()
    }

    // MARK: What is asked for

    func read(context: ChannelHandlerContext) {
        switch state {
        case .open, .passing:
            isAsked = true
            context.read()
        case .kept:
            guard !isAsked else { return }
            isAsked = true
            // Not from within the call of whoever asks.
            context.eventLoop.assumeIsolated().execute { [self] in readKept(context) }
        case .over: break
        }
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if case .all = mode { state = .over }
        context.close(mode: mode, promise: promise)
    }

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard event is Closing else { return context.triggerUserOutboundEvent(event, promise: promise) }
        switch state {
        case .open: state = .passing
        case .kept:
            state = .over
            context.channel._channelCore.close0(error: ChannelError.eof, mode: .all, promise: nil)
        case .passing, .over: break
        }
        promise?.succeed()
    }

    private func readKept(_ context: ChannelHandlerContext) {
        guard case .kept(let first) = state else { return }
        isAsked = false
        // It is of use to NIO alone, and TLS ends otherwise where it is set.
        allowHalfClosure(false, context)
        if let first {
            state = .kept(first: nil)
            return pass(first, context)
        }
        switch readSocket(context) {
        case .some(let piece) where piece.readableBytes > 0: pass(piece, context)
        case .some:
            state = .over
            context.channel._channelCore.close0(error: ChannelError.eof, mode: .all, promise: nil)
        case nil: context.channel._channelCore.close0(error: ChannelError.eof, mode: .all, promise: nil)
        }
    }

    private func pass(_ piece: ByteBuffer, _ context: ChannelHandlerContext) {
        context.fireChannelRead(wrapInboundOut(piece))
        context.fireChannelReadComplete()
    }

    /// The next piece, which is empty at the end; nil: the connection is broken.
    private func readSocket(_ context: ChannelHandlerContext) -> ByteBuffer? {
        var piece = context.channel.allocator.buffer(capacity: Self.pieceBytes)
        let count = try? context.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { socket in
            var count = 0
            piece.writeWithUnsafeMutableBytes(minimumWritableBytes: Self.pieceBytes) { bytes in
                repeat { count = Glibc.read(socket, bytes.baseAddress, bytes.count) } while count < 0 && errno == EINTR
                return max(0, count)
            }
            return count
        }
        guard let count, count >= 0 else { return nil }
        return piece
    }
}

@available(*, unavailable)
extension UnreadEnd: Sendable {}
