import Synchronization

/// The connections of one listener, at most `limits.connections`.
///
/// Where there is no room, the connection that has been idle longest gives way at once: strangers, who have shown no valid key,
/// before those who have. Where all are at work, a few guests are let in all the same: what they ask is answered 503, health is
/// answered, and a guest gets a slot that has become free meanwhile. No key's unfinished bodies keep the others out: a guest with
/// another key gets the slot of one of them, as long as its own key has fewer connections.
final class ConnectionSlots: Sendable {
    enum Bench: UInt8 { case none, stranger, acquainted, guest }

    enum Admission: Equatable {
        case slot
        /// All are at work.
        case guest
        /// There are too many guests even.
        case refused
    }

    /// How many may stand in the door of a full house.
    static let mostGuests = 32

    private let state = Mutex(State())

    /// Strangers whose bodies are long and not here yet.
    private let longBodies = Atomic(0)

    /// False: as many as may be are on their way.
    func takeLongBody() -> Bool {
        guard longBodies.wrappingAdd(1, ordering: .relaxed).newValue > ClientLimits.longStrangers else { return true }
        leaveLongBody()
        return false
    }

    func leaveLongBody() { longBodies.wrappingSubtract(1, ordering: .relaxed) }

    private struct Row {
        private(set) var members: [ConnectionSlot] = []
        /// Idle ones with their marks, the longest idle last; a look at all of them serves many.
        private var candidates: [(slot: ConnectionSlot, mark: UInt64)] = []
        private static let mostCandidates = 64

        mutating func add(_ slot: ConnectionSlot, to bench: Bench) {
            slot.bench.store(bench.rawValue, ordering: .relaxed)
            slot.place.store(members.count, ordering: .relaxed)
            members.append(slot)
        }

        mutating func remove(_ slot: ConnectionSlot) {
            let place = slot.place.load(ordering: .relaxed)
            guard members.indices.contains(place), members[place] === slot else { return }
            let last = members.removeLast()
            if last !== slot {
                members[place] = last
                last.place.store(place, ordering: .relaxed)
            }
            slot.bench.store(Bench.none.rawValue, ordering: .relaxed)
            slot.place.store(-1, ordering: .relaxed)
        }

        /// Claims the one that has been idle longest and takes it out.
        mutating func claimIdle() -> ConnectionSlot? {
            if let slot = claimCandidate() { return slot }
            candidates = members.compactMap { slot in slot.idleSince.map { (slot, $0) } }
            candidates.sort { $0.mark > $1.mark }
            if candidates.count > Self.mostCandidates { candidates.removeFirst(candidates.count - Self.mostCandidates) }
            return claimCandidate()
        }

        /// What one key has.
        private struct Share {
            var connections = 0
            /// The one that has waited longest for its body.
            var waiting: (slot: ConnectionSlot, mark: UInt64)?
        }

        /// Claims a connection that waits for a body, of the key that has the most, and takes it out. Nil where `owner` would then have
        /// more.
        mutating func claimUnfinished(for owner: UInt64) -> ConnectionSlot? {
            var shares: [UInt64: Share] = [:]
            for slot in members {
                let whose = slot.owner.load(ordering: .relaxed)
                shares[whose, default: Share()].connections += 1
                guard let mark = slot.awaitsBodySince else { continue }
                if let longest = shares[whose]?.waiting, longest.mark <= mark { continue }
                shares[whose]?.waiting = (slot, mark)
            }
            let own = shares.removeValue(forKey: owner)?.connections ?? 0
            let largest = shares.values.filter { $0.waiting != nil }.max { $0.connections < $1.connections }
            guard let largest, largest.connections > own + 1, let (slot, mark) = largest.waiting,
                slot.claim(idleSince: mark)
            else { return nil }
            remove(slot)
            return slot
        }

        private mutating func claimCandidate() -> ConnectionSlot? {
            while let candidate = candidates.popLast() {
                // Whoever left, or has worked since, is passed over.
                let place = candidate.slot.place.load(ordering: .relaxed)
                guard members.indices.contains(place), members[place] === candidate.slot,
                    candidate.slot.claim(idleSince: candidate.mark)
                else { continue }
                remove(candidate.slot)
                return candidate.slot
            }
            return nil
        }
    }

    private struct State {
        var strangers = Row()
        var acquainted = Row()
        var guests = Row()

        var taken: Int { strangers.members.count + acquainted.members.count }

        mutating func claimIdle() -> ConnectionSlot? { strangers.claimIdle() ?? acquainted.claimIdle() }

        /// Makes room for one; false where all are at work.
        mutating func makeRoom(limit: Int, _ victims: inout [ConnectionSlot]) -> Bool {
            while taken >= max(limit, 1) {
                guard let victim = claimIdle() else { return false }
                victims.append(victim)
            }
            return true
        }

        mutating func remove(_ slot: ConnectionSlot) {
            switch Bench(rawValue: slot.bench.load(ordering: .relaxed)) {
            case .stranger: strangers.remove(slot)
            case .acquainted: acquainted.remove(slot)
            case .guest: guests.remove(slot)
            case nil, Bench.none?: break
            }
        }
    }

    /// A new connection. `evicted` are those that gave way to it.
    func enter(_ slot: ConnectionSlot, limit: Int) -> (admission: Admission, evicted: Int) {
        var victims: [ConnectionSlot] = []
        let admission = state.withLock { state -> Admission in
            if state.makeRoom(limit: limit, &victims) {
                state.strangers.add(slot, to: .stranger)
                return .slot
            }
            if state.guests.members.count >= Self.mostGuests {
                guard let idle = state.guests.claimIdle() else { return .refused }
                victims.append(idle)
            }
            state.guests.add(slot, to: .guest)
            return .guest
        }
        for victim in victims { victim.evict() }
        return (admission, victims.count)
    }

    /// A guest has a request. False: still all are at work.
    /// - Parameter owner: the key that it shows; nil where none is known.
    func promote(_ slot: ConnectionSlot, limit: Int, owner: UInt64? = nil) -> (isIn: Bool, evicted: Int) {
        var victims: [ConnectionSlot] = []
        let isIn = state.withLock { state in
            if !state.makeRoom(limit: limit, &victims) {
                guard let owner, state.taken <= max(limit, 1), let victim = state.acquainted.claimUnfinished(for: owner) else {
                    return false
                }
                victims.append(victim)
            }
            state.remove(slot)
            state.strangers.add(slot, to: .stranger)
            return true
        }
        for victim in victims { victim.evict() }
        return (isIn, victims.count)
    }

    /// It has shown a valid key.
    func acquaint(_ slot: ConnectionSlot, owner: UInt64 = 0) {
        slot.owner.store(owner, ordering: .relaxed)
        state.withLock { state in
            guard slot.bench.load(ordering: .relaxed) == Bench.stranger.rawValue else { return }
            state.strangers.remove(slot)
            state.acquainted.add(slot, to: .acquainted)
        }
    }

    func leave(_ slot: ConnectionSlot) {
        state.withLock { $0.remove(slot) }
    }

    /// Closes up to `count` idle connections, so that their descriptors become free. Gives how many.
    func evictIdle(_ count: Int) -> Int {
        let victims = state.withLock { state in
            var victims: [ConnectionSlot] = []
            while victims.count < count, let victim = state.claimIdle() { victims.append(victim) }
            return victims
        }
        for victim in victims { victim.evict() }
        return victims.count
    }

    /// Connections that have a slot.
    var taken: Int { state.withLock { $0.taken } }
}
