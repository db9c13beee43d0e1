import NIOCore
import Synchronization

/// A connection to one server, from any thread.
final class RedisConnection: Sendable {
    /// Commands that may wait for their replies at once.
    static let mostPending = 4_096

    private let eventLoop: any EventLoop
    private let handler: NIOLoopBound<RedisHandler>
    private let pending = Atomic<Int>(0)

    init(eventLoop: any EventLoop, handler: NIOLoopBound<RedisHandler>) {
        self.eventLoop = eventLoop
        self.handler = handler
    }

    /// - Parameter reply: called always, on the connection's event loop or, where too much waits, at once.
    func send(
        _ words: [[UInt8]], as kind: Kind = .command, _ reply: @escaping @Sendable (Result<RESPValue, LimitServerFailure>) -> Void
    ) {
        guard pending.wrappingAdd(1, ordering: .relaxed).newValue <= Self.mostPending else {
            pending.wrappingSubtract(1, ordering: .relaxed)
            reply(.failure(.full))
            return
        }
        let bytes = RESPCommand.encode(words)
        eventLoop.execute { [self] in
            handler.value.send(bytes, isSubscription: kind == .subscription) { [self] result in
                pending.wrappingSubtract(1, ordering: .relaxed)
                reply(result)
            }
        }
    }

    enum Kind { case command, subscription }

    func call(_ words: String...) async throws(LimitServerFailure) -> RESPValue {
        let words = words.map { Array($0.utf8) }
        return try await withCheckedContinuation { continuation in
            send(words) { continuation.resume(returning: $0) }
        }.get()
    }

    func close(_ trouble: LimitServerTrouble = .closed) {
        eventLoop.execute { [handler] in handler.value.finish(trouble) }
    }
}
