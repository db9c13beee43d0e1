import Logging
import NIOCore

#if canImport(Glibc)
import Glibc
#endif

/// Stops accepting for a moment where the system has nothing left for another connection.
///
/// The connection stays in the kernel's queue and keeps the listener readable, so that accepting again at once would only burn
/// the processor. Idle connections are closed meanwhile: what they hold is what is missing.
final class AcceptPause: ChannelInboundHandler {
    typealias InboundIn = any Channel

    private static let pause = TimeAmount.milliseconds(100)
    /// After some have given way, their descriptors are free in a moment.
    private static let shortPause = TimeAmount.milliseconds(20)
    private static let evictedAtOnce = 16

    private let shared: ProxyContext
    private let slots: ConnectionSlots

    init(shared: ProxyContext, slots: ConnectionSlots) {
        self.shared = shared
        self.slots = slots
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let failure = error as? IOError else {
            context.fireErrorCaught(error)
            return
        }
        switch failure.errnoCode {
        // The client has gone before it was accepted.
        case ECONNABORTED, EINTR, EPROTO: return
        case EMFILE, ENFILE, ENOBUFS, ENOMEM: wait(context, failure.errnoCode)
        default: context.fireErrorCaught(error)
        }
    }

    private func wait(_ context: ChannelHandlerContext, _ code: Int32) {
        shared.connectionEvents.acceptFailed(code)
        let evicted = shared.makeRoom(Self.evictedAtOnce, preferring: slots)
        let channel = context.channel
        // A read that has failed stays pending, and only this makes the loop look at the listener no more.
        try? channel.syncOptions?.setOption(.autoRead, value: false)
        context.eventLoop.assumeIsolated().scheduleTask(in: evicted > 0 ? Self.shortPause : Self.pause) {
            try? channel.syncOptions?.setOption(.autoRead, value: true)
        }
    }
}

@available(*, unavailable)
extension AcceptPause: Sendable {}
