import Synchronization

/// Which account served a conversation last.
///
/// Bounded: 100,000 conversations of less than 64 bytes each, of which the longest unused one gives way, and an hour. It is divided
/// into shards with a lock each, held for a few dozen nanoseconds: two requests meet there about as often as two cores ask for one
/// line of memory.
final class AffinityTable: Sendable {
    /// An hour, as `SteadyClock` counts.
    static let lifetime = 3_600_000
    static let most = 100_000
    /// So long a binding that was used is not noted as used again.
    private static let freshness = 60_000

    private let shards: [AffinityShard]

    /// - Parameter most: conversations that are kept, about.
    init(most: Int = AffinityTable.most, shards count: Int = 64) {
        shards = (0..<max(count, 1)).map { _ in AffinityShard(most: most / max(count, 1)) }
    }

    /// How many are kept, those too whose hour is over.
    var count: Int { shards.reduce(0) { $0 + $1.count } }

    /// The mark of the account that serves what `key` stands for; nil when nothing is bound.
    func find(_ key: UInt64, now: Int) -> AffinityBinding? {
        guard let found = shard(of: key).find(key), now &- found.usedAt < Self.lifetime else { return nil }
        return found
    }

    /// What became of what an account has served: its raw value is the label of the metric.
    enum Result: String, CaseIterable {
        /// The same served it before; another one; nobody.
        case kept, moved, begun
    }

    /// An account has served what `key` stands for.
    /// - Parameter before: what `find` gave when the request came.
    @discardableResult
    func bind(_ key: UInt64, to mark: UInt64, before: AffinityBinding?, now: Int) -> Result {
        let result: Result = before.map { $0.mark == mark ? .kept : .moved } ?? .begun
        if result == .kept, let before, now &- before.usedAt < Self.freshness { return result }
        shard(of: key).bind(key, to: mark, now: now)
        return result
    }

    private func shard(of key: UInt64) -> AffinityShard { shards[Int(key >> 40) % shards.count] }
}

/// An account by its mark, and when it last served; times as `SteadyClock` counts.
struct AffinityBinding: Sendable, Equatable {
    let mark: UInt64
    let usedAt: Int
}

/// One part of the table: slots in a list from the newest to the oldest, found by chains.
private final class AffinityShard: Sendable {
    private struct Slot {
        var key: UInt64
        var mark: UInt64
        var usedAt: Int
        /// Slots by number, -1 for none: those used next later and next earlier, and the next of the chain.
        var newer: Int32
        var older: Int32
        var chained: Int32
    }

    private struct State {
        var slots: [Slot] = []
        /// The first slot of each chain.
        var chains: [Int32] = []
        var newest: Int32 = -1
        var oldest: Int32 = -1
    }

    private let most: Int
    private let chainCount: Int
    private let state = Mutex(State())

    init(most: Int) {
        // A chain's number has 24 bits, a slot's 31.
        self.most = min(max(most, 1), 1 << 20)
        var count = 16
        while count < self.most { count *= 2 }
        chainCount = count
    }

    var count: Int { state.withLock { $0.slots.count } }

    func find(_ key: UInt64) -> AffinityBinding? {
        state.withLock { state in
            slot(of: key, state).map { AffinityBinding(mark: state.slots[$0].mark, usedAt: state.slots[$0].usedAt) }
        }
    }

    func bind(_ key: UInt64, to mark: UInt64, now: Int) {
        state.withLock { state in
            if state.chains.isEmpty { state.chains = Array(repeating: -1, count: chainCount) }
            let index: Int
            if let known = slot(of: key, state) {
                index = known
                unlink(index, &state)
            } else if state.slots.count < most {
                index = state.slots.count
                state.slots.append(Slot(key: key, mark: mark, usedAt: now, newer: -1, older: -1, chained: -1))
                chain(index, &state)
            } else {
                index = Int(state.oldest)
                unlink(index, &state)
                unchain(index, &state)
                state.slots[index].key = key
                chain(index, &state)
            }
            state.slots[index].mark = mark
            state.slots[index].usedAt = now
            link(index, &state)
        }
    }

    private func slot(of key: UInt64, _ state: borrowing State) -> Int? {
        guard !state.chains.isEmpty else { return nil }
        var next = state.chains[place(of: key)]
        while next >= 0 {
            if state.slots[Int(next)].key == key { return Int(next) }
            next = state.slots[Int(next)].chained
        }
        return nil
    }

    private func place(of key: UInt64) -> Int { Int(key & UInt64(chainCount - 1)) }

    private func chain(_ index: Int, _ state: inout State) {
        let place = place(of: state.slots[index].key)
        state.slots[index].chained = state.chains[place]
        state.chains[place] = Int32(index)
    }

    private func unchain(_ index: Int, _ state: inout State) {
        let place = place(of: state.slots[index].key)
        let following = state.slots[index].chained
        var next = Int(state.chains[place])
        if next == index {
            state.chains[place] = following
            return
        }
        while next >= 0 {
            let after = Int(state.slots[next].chained)
            if after == index { state.slots[next].chained = following }
            next = after == index ? -1 : after
        }
    }

    private func link(_ index: Int, _ state: inout State) {
        state.slots[index].newer = -1
        state.slots[index].older = state.newest
        if state.newest >= 0 { state.slots[Int(state.newest)].newer = Int32(index) }
        state.newest = Int32(index)
        if state.oldest < 0 { state.oldest = Int32(index) }
    }

    private func unlink(_ index: Int, _ state: inout State) {
        let (newer, older) = (state.slots[index].newer, state.slots[index].older)
        if newer >= 0 { state.slots[Int(newer)].older = older } else { state.newest = older }
        if older >= 0 { state.slots[Int(older)].newer = newer } else { state.oldest = newer }
    }
}
