import NIOCore
import Synchronization

/// One connection's place among those of its listener.
///
/// Its own loop says when it begins and ends to be idle; whoever needs room claims it from any loop. Both do it by one exchange of
/// a number, so that a connection is either given away or at work, never both, and an ordinary request locks nothing.
final class ConnectionSlot: Sendable {
    /// When it became idle, on a scale that only grows; or one of the two below.
    private let state: Atomic<UInt64>
    private static let busy = UInt64.max
    private static let givenAway = UInt64.max - 1

    /// The hash of the key that it has shown; 0 before it has shown one.
    let owner = Atomic<UInt64>(0)
    /// What it is idle for: the rest of a body. It gives way to another key's request only, where its own key has more than its share.
    private let awaitsBody = Atomic(false)

    /// Where it sits; under the lock of `ConnectionSlots` alone.
    let bench = Atomic<UInt8>(ConnectionSlots.Bench.none.rawValue)
    let place = Atomic<Int>(-1)
    private let channel: (any Channel)?

    init(channel: (any Channel)?, idleSince mark: UInt64) {
        self.channel = channel
        state = Atomic(min(mark, Self.givenAway - 1))
    }

    /// A request is there whole, as far as it is needed to know that it is one. False: the slot is given away, the connection goes.
    func beginWork() -> Bool {
        let idle = state.load(ordering: .relaxed)
        if idle == Self.busy { return true }
        guard idle != Self.givenAway else { return false }
        guard state.compareExchange(expected: idle, desired: Self.busy, ordering: .relaxed).exchanged else { return false }
        awaitsBody.store(false, ordering: .relaxed)
        return true
    }

    /// The head of a client with a key is here, its body is not.
    func awaitBody(_ mark: UInt64) {
        awaitsBody.store(true, ordering: .relaxed)
        _ = state.compareExchange(expected: Self.busy, desired: min(mark, Self.givenAway - 1), ordering: .relaxed)
    }

    /// Nothing is asked for any more. What is given away stays so.
    func becomeIdle(_ mark: UInt64) {
        awaitsBody.store(false, ordering: .relaxed)
        _ = state.compareExchange(expected: Self.busy, desired: min(mark, Self.givenAway - 1), ordering: .relaxed)
    }

    /// nil while it works or is gone.
    var idleSince: UInt64? { awaitsBody.load(ordering: .relaxed) ? nil : mark }

    /// nil while it waits for no body of a client with a key.
    var awaitsBodySince: UInt64? { awaitsBody.load(ordering: .relaxed) ? mark : nil }

    private var mark: UInt64? {
        let idle = state.load(ordering: .relaxed)
        return idle < Self.givenAway ? idle : nil
    }

    /// Takes it from its connection, if that has been idle since `mark` all the time.
    func claim(idleSince mark: UInt64) -> Bool {
        state.compareExchange(expected: mark, desired: Self.givenAway, ordering: .relaxed).exchanged
    }

    /// Closes the connection, on its own loop.
    func evict() {
        guard let channel else { return }
        // Not through TLS, which would wait for the other side to say goodbye.
        channel.eventLoop.execute { channel.pipeline.fireUserInboundEventTriggered(ConnectionEviction()) }
    }
}

/// Tells a connection that its slot has another owner.
struct ConnectionEviction: Sendable {}
