import Synchronization

/// The connections of all clients, whichever listener they came in on.
final class ClientRoom: Sendable {
    /// How many are open.
    let open = Atomic<Int>(0)
    /// Where it is told what becomes of them.
    let events: ConnectionEvents
    /// What long responses take together.
    let responses = ResponseRoom()
    /// The slots of every listener that is bound.
    private let slots = Mutex<[ConnectionSlots]>([])

    init(_ events: ConnectionEvents) {
        self.events = events
    }

    func add(_ slots: ConnectionSlots) {
        self.slots.withLock { all in
            if !all.contains(where: { $0 === slots }) { all.append(slots) }
        }
    }

    func makeRoom(_ count: Int, preferring preferred: ConnectionSlots?) -> Int {
        var evicted = preferred?.evictIdle(count) ?? 0
        for slots in slots.withLock({ $0 }) where evicted < count && slots !== preferred {
            evicted += slots.evictIdle(count - evicted)
        }
        events.gaveWay(evicted)
        return evicted
    }
}
