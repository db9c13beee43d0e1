import Basics
import Testing

@testable import ProxyCore

/// Which account served a conversation: bounded, and forgotten in time.
struct AffinityTableTests {
    @Test func `what was bound is found, for an hour`() {
        let table = AffinityTable(most: 100, shards: 4)
        table.bind(7, to: 1, before: nil, now: 1_000)
        #expect(table.find(7, now: 1_000 + AffinityTable.lifetime - 1) == AffinityBinding(mark: 1, usedAt: 1_000))
        #expect(table.find(7, now: 1_000 + AffinityTable.lifetime) == nil)
        #expect(table.find(8, now: 1_000) == nil)
    }

    @Test func `its use is noted once a minute, and what moves at once`() {
        let table = AffinityTable(most: 100, shards: 1)
        table.bind(7, to: 1, before: nil, now: 0)
        func serve(_ mark: UInt64, at time: Int) -> AffinityTable.Result {
            table.bind(7, to: mark, before: table.find(7, now: time), now: time)
        }
        #expect(serve(1, at: 59_999) == .kept)
        #expect(table.find(7, now: 59_999)?.usedAt == 0)
        #expect(serve(1, at: 60_000) == .kept)
        #expect(table.find(7, now: 60_000)?.usedAt == 60_000)
        #expect(serve(2, at: 60_001) == .moved)
        #expect(table.find(7, now: 60_001) == AffinityBinding(mark: 2, usedAt: 60_001))
        #expect(table.bind(8, to: 1, before: nil, now: 60_001) == .begun)
    }

    @Test func `whoever is over forgets the one that was not used for longest`() {
        let table = AffinityTable(most: 3, shards: 1)
        for (time, key) in [1, 2, 3].enumerated() { table.bind(UInt64(key), to: 9, before: nil, now: time) }
        // The first is used again; so the second is the oldest.
        table.bind(1, to: 8, before: nil, now: 3)
        table.bind(4, to: 9, before: nil, now: 4)
        #expect([1, 2, 3, 4].map { table.find($0, now: 4) != nil } == [true, false, true, true])
        table.bind(5, to: 9, before: nil, now: 5)
        #expect([1, 2, 3, 4, 5].map { table.find($0, now: 5) != nil } == [true, false, false, true, true])
        #expect(table.count == 3)
    }

    /// Against a plain list, with keys that share chains.
    @Test func `it says what a list would say`() {
        let table = AffinityTable(most: 20, shards: 1)
        var list: [(key: UInt64, mark: UInt64)] = []
        var random = SplitMix64(state: 4)
        for time in 0..<5_000 {
            let key = 1 + (random.next() % 40) * 16
            let mark = 1 + random.next() % 5
            table.bind(key, to: mark, before: nil, now: time)
            list.removeAll { $0.key == key }
            list.append((key, mark))
            if list.count > 20 { list.removeFirst() }
            let asked = 1 + (random.next() % 40) * 16
            #expect(table.find(asked, now: time)?.mark == list.first { $0.key == asked }?.mark)
        }
    }

    @Test func `it holds a hundred thousand and no more`() {
        let table = AffinityTable()
        var random = SplitMix64(state: 1)
        for time in 0..<150_000 { table.bind(random.next(), to: 1, before: nil, now: time) }
        #expect((95_000...AffinityTable.most).contains(table.count))
    }

    @Test func `names that are cut otherwise are other names`() {
        #expect(TextMark.of("ab", "c") != TextMark.of("a", "bc"))
        #expect(TextMark.of("a", "") != TextMark.of("a"))
        #expect(TextMark.of("12345678") != TextMark.of("1234567", "8"))
        #expect(TextMark.of("u", "a") == TextMark.of("u", "a"))
    }
}
