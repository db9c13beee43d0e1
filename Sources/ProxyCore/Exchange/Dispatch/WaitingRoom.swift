import Synchronization

/// Where requests wait until an account has quota again: first come, first served, and not all at once.
///
/// Each waits in the lane of what it waits for, an account's model. When that can serve, the first goes; a quarter of a second later
/// two may have gone, then four, and so on, as long as the account is not found out of quota again: then those behind stay.
final class WaitingRoom: Sendable {
    /// A place in it. The number tells who came first.
    struct Ticket: Sendable, Hashable {
        let number: Int
    }

    private struct Place {
        var lane: UInt64
        let wake: @Sendable () -> Void
    }

    private struct Lane {
        /// The numbers of those who wait, in their order.
        var queue: [Int] = []
        /// When it could serve first; nil while it cannot.
        var openedAt: Int?
        var released = 0
    }

    private struct State {
        var next = 0
        var places: [Int: Place] = [:]
        var lanes: [UInt64: Lane] = [:]
    }

    /// Milliseconds in which the number of those who may have gone doubles.
    static let doubling = 250

    private let state = Mutex(State())
    private let count = Atomic<Int>(0)

    init() {}

    /// Whether anybody waits: all that is asked while nobody does.
    var isOccupied: Bool { occupancy > 0 }
    /// How many wait.
    var occupancy: Int { count.load(ordering: .relaxed) }

    /// Whether somebody waits for what `lane` stands for.
    func hasQueue(_ lane: UInt64) -> Bool { state.withLock { $0.lanes[lane] != nil } }

    /// Takes a place, the last of its lane; nil where all are taken.
    /// - Parameters:
    ///   - most: how many may wait.
    ///   - again: the ticket of one who was woken for nothing: it gets the place that it had, and is not counted.
    ///   - wake: called once, on any thread, when it is the request's turn. It must not call back.
    func enter(_ lane: UInt64, most: Int, again: Ticket? = nil, wake: @escaping @Sendable () -> Void) -> Ticket? {
        state.withLock { state in
            if again == nil, state.places.count >= most { return nil }
            let number = again?.number ?? state.next
            if again == nil { state.next &+= 1 }
            guard state.places[number] == nil else { return again }
            state.places[number] = Place(lane: lane, wake: wake)
            Self.queue(number, in: lane, &state)
            count.store(state.places.count, ordering: .relaxed)
            return Ticket(number: number)
        }
    }

    /// It waits no more, whoever decided that.
    func leave(_ ticket: Ticket) {
        state.withLock { state in
            guard let place = state.places.removeValue(forKey: ticket.number) else { return }
            Self.unqueue(ticket.number, from: place.lane, &state)
            count.store(state.places.count, ordering: .relaxed)
        }
    }

    /// One who waits has looked: whether what it waits for can serve. Wakes those whose turn it is.
    func look(_ ticket: Ticket, lane: UInt64, isOpen: Bool, now: Int) {
        let woken = state.withLock { state -> [@Sendable () -> Void] in
            guard let place = state.places[ticket.number] else { return [] }
            if place.lane != lane {
                Self.unqueue(ticket.number, from: place.lane, &state)
                state.places[ticket.number]?.lane = lane
                Self.queue(ticket.number, in: lane, &state)
            }
            guard var found = state.lanes[lane] else { return [] }
            guard isOpen else {
                (found.openedAt, found.released) = (nil, 0)
                state.lanes[lane] = found
                return []
            }
            let openedAt = found.openedAt ?? now
            let doublings = min(max(now &- openedAt, 0) / Self.doubling, 20)
            let going = found.queue.prefix(max((1 << doublings) - found.released, 0))
            found.queue.removeFirst(going.count)
            found.openedAt = openedAt
            found.released += going.count
            state.lanes[lane] = found.queue.isEmpty ? nil : found
            let woken = going.compactMap { state.places.removeValue(forKey: $0)?.wake }
            count.store(state.places.count, ordering: .relaxed)
            return woken
        }
        for wake in woken { wake() }
    }

    private static func queue(_ number: Int, in lane: UInt64, _ state: inout State) {
        var queue = state.lanes[lane]?.queue ?? []
        let place = queue.lastIndex { $0 < number }.map { $0 + 1 } ?? 0
        queue.insert(number, at: place)
        state.lanes[lane, default: Lane()].queue = queue
    }

    private static func unqueue(_ number: Int, from lane: UInt64, _ state: inout State) {
        state.lanes[lane]?.queue.removeAll { $0 == number }
        if state.lanes[lane]?.queue.isEmpty == true { state.lanes[lane] = nil }
    }
}
