import Synchronization

/// Tells the agent that a message is due. Rung from any thread; it never waits.
final class LeaseBell: Sendable {
    private let listener: Mutex<AsyncStream<Void>.Continuation?> = Mutex(nil)

    func ring() { listener.withLock { $0 }?.yield() }

    /// - Parameter listener: nil where nobody listens any more.
    func set(_ listener: AsyncStream<Void>.Continuation?) { self.listener.withLock { $0 = listener } }
}

/// Whether a request may wait for the server of limits.
public enum LeasePatience: Sendable {
    case asks
    /// It has waited for as long as it may.
    case isOver
}

/// What a request asks the server of limits for before it can be let through.
struct LeaseAsks: Sendable, Hashable {
    /// The buckets' slots.
    var slots: [Int] = []
    /// The server is away, and the file says that requests are refused then.
    var isUnreachable = false
    /// A message is due.
    var isDue = false
}
