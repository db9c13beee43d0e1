import NIOCore
import NIOSSL

/// One connection's commands and their replies, on its event loop. Replies come in the order of commands; what does not come in
/// time ends the connection, for nothing behind it would come either.
final class RedisHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    struct Waiter {
        /// Answered by what the server says unasked, or by an error.
        var isSubscription = false
        var deadline: NIODeadline
        var reply: (Result<RESPValue, LimitServerFailure>) -> Void
    }

    private let timeout: TimeAmount
    private let onPush: ([RESPValue]) -> Void
    private let onEnd: (LimitServerTrouble) -> Void
    private var parser = RESPParser()
    private var waiters = CircularBuffer<Waiter>()
    private var context: ChannelHandlerContext?
    private var timer: Scheduled<Void>?
    private var answered = 0
    private var isFlushing = false
    private var end: LimitServerTrouble?

    init(
        timeout: TimeAmount, onPush: @escaping ([RESPValue]) -> Void, onEnd: @escaping (LimitServerTrouble) -> Void
    ) {
        self.timeout = timeout
        self.onPush = onPush
        self.onEnd = onEnd
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelInactive(context: ChannelHandlerContext) {
        finish(.closed)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        finish(RedisDial.trouble(of: error))
    }

    func send(_ bytes: [UInt8], isSubscription: Bool, _ reply: @escaping (Result<RESPValue, LimitServerFailure>) -> Void) {
        guard end == nil, let context else {
            reply(.failure(.away(end ?? .closed)))
            return
        }
        waiters.append(Waiter(isSubscription: isSubscription, deadline: .now() + timeout, reply: reply))
        context.write(wrapOutboundOut(context.channel.allocator.buffer(bytes: bytes)), promise: nil)
        watch(context)
        guard !isFlushing else { return }
        isFlushing = true
        context.eventLoop.assumeIsolated().execute { [self] in
            isFlushing = false
            self.context?.flush()
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        parser.append(unwrapInboundIn(data).readableBytesView)
        do throws(RESPParser.Violation) {
            while end == nil, let value = try parser.next() { take(value) }
        } catch {
            finish(.protocolError)
        }
    }

    private func take(_ value: RESPValue) {
        guard case .push(let items) = value else {
            answer(value)
            return
        }
        // That a subscription stands is told the same way as what is published.
        if waiters.first?.isSubscription == true, items.first?.bytes == Array("subscribe".utf8) {
            answer(value)
            return
        }
        onPush(items)
    }

    private func answer(_ value: RESPValue) {
        guard let waiter = waiters.popFirst() else {
            finish(.protocolError)
            return
        }
        answered &+= 1
        if case .error(let words) = value {
            waiter.reply(.failure(.refused(words)))
        } else {
            waiter.reply(.success(value))
        }
    }

    /// Looks when the first reply is due. As long as replies come, late ones are waited for: it may be this side that was busy.
    private func watch(_ context: ChannelHandlerContext, at time: NIODeadline? = nil) {
        guard timer == nil, let first = waiters.first else { return }
        let seen = answered
        timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: time ?? first.deadline) { [self] in
            timer = nil
            guard let context = self.context, let first = waiters.first else { return }
            if first.deadline > .now() {
                watch(context)
            } else if time != nil, answered == seen {
                finish(.timedOut)
            } else {
                watch(context, at: .now() + Self.patience)
            }
        }
    }

    /// How long no reply may come once the first is late.
    private static let patience = TimeAmount.milliseconds(500)

    /// The connection has ended, or is to end.
    func finish(_ trouble: LimitServerTrouble) {
        guard end == nil else { return }
        end = trouble
        timer?.cancel()
        timer = nil
        let left = waiters
        waiters.removeAll()
        context?.close(promise: nil)
        for waiter in left { waiter.reply(.failure(.lost(trouble))) }
        onEnd(trouble)
    }
}

@available(*, unavailable)
extension RedisHandler: Sendable {}
