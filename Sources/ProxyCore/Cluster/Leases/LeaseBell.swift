import Synchronization

/// Tells the agent that a table has a message due. It is rung from any thread, and never waits.
final class LeaseBell: Sendable {
    private struct Listener {
        var agent: LeaseAgent?
        var ring: AsyncStream<Void>.Continuation?
    }

    private let listener = Mutex(Listener())

    /// nil where limits are this node's alone.
    var agent: LeaseAgent? { listener.withLock { $0.agent } }

    func ring() { listener.withLock { $0.ring }?.yield() }

    func set(_ agent: LeaseAgent, _ ring: AsyncStream<Void>.Continuation) {
        listener.withLock { $0 = Listener(agent: agent, ring: ring) }
    }

    /// It listens no more; another one may do already.
    func clear(_ agent: LeaseAgent) {
        listener.withLock { listener in
            if listener.agent === agent { listener = Listener() }
        }
    }
}

/// Whether a request may wait for the server of limits.
public enum LeasePatience: Sendable {
    case asks
    /// It has waited for as long as it may, since then; by the steady clock.
    case isOver(since: Int)
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
