import Logging
import NIOCore

#if canImport(Glibc)
import Glibc
#endif

/// Stops accepting for a moment where the system has nothing left for another connection, or only what others need.
///
/// The connection stays in the kernel's queue and keeps the listener readable, so that accepting again at once would only burn
/// the processor. Idle connections are closed meanwhile: what they hold is what is missing.
final class AcceptPause: ChannelInboundHandler {
    typealias InboundIn = any Channel

    private static let pause = TimeAmount.milliseconds(100)
    /// The pause after some have given way: their descriptors are free in a moment.
    private static let shortPause = TimeAmount.milliseconds(20)
    private static let evictedAtOnce = 16

    private let shared: ProxyContext
    private let slots: ConnectionSlots
    private var isPaused = false

    init(shared: ProxyContext, slots: ConnectionSlots) {
        self.shared = shared
        self.slots = slots
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        context.fireChannelRead(data)
        if Self.isScarce { wait(context.channel, EMFILE) }
    }

    private static var isScarce: Bool { DescriptorLimit.isReached(keeping: DescriptorLimit.keptFromClients) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let failure = error as? IOError else {
            context.fireErrorCaught(error)
            return
        }
        switch failure.errnoCode {
        // The client has gone before it was accepted.
        case ECONNABORTED, EINTR, EPROTO: return
        case EMFILE, ENFILE, ENOBUFS, ENOMEM: wait(context.channel, failure.errnoCode)
        default: context.fireErrorCaught(error)
        }
    }

    private func wait(_ channel: any Channel, _ code: Int32) {
        guard !isPaused else { return }
        isPaused = true
        shared.connectionEvents.acceptFailed(code)
        let evicted = shared.makeRoom(Self.evictedAtOnce, preferring: slots)
        // A read that has failed stays pending, and only this makes the loop look at the listener no more.
        try? channel.syncOptions?.setOption(.autoRead, value: false)
        channel.eventLoop.assumeIsolated().scheduleTask(in: evicted > 0 ? Self.shortPause : Self.pause) { [self] in
            isPaused = false
            guard channel.isActive else { return }
            if Self.isScarce { return wait(channel, EMFILE) }
            try? channel.syncOptions?.setOption(.autoRead, value: true)
        }
    }
}

@available(*, unavailable)
extension AcceptPause: Sendable {}
