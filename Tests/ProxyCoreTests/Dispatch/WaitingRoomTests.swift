import Synchronization
import Testing

@testable import ProxyCore

/// Who waits for quota: in order, not all at once, none forgotten.
struct WaitingRoomTests {
    /// Notes who was woken, in order.
    private final class Woken: Sendable {
        private let order = Mutex<[Int]>([])
        var all: [Int] { order.withLock { $0 } }

        func add(_ number: Int) { order.withLock { $0.append(number) } }
    }

    private static func fill(_ room: WaitingRoom, _ woken: Woken, _ count: Int, lane: UInt64 = 1) -> [WaitingRoom.Ticket] {
        (0..<count).compactMap { number in room.enter(lane, most: 256) { woken.add(number) } }
    }

    @Test func `256 wake in their order, few at first, and all of them`() {
        let (room, woken) = (WaitingRoom(), Woken())
        let tickets = Self.fill(room, woken, 256)
        #expect(tickets.count == 256)
        #expect(room.occupancy == 256)
        // All look ten times a second, in whatever order.
        func look(at time: Int, isOpen: Bool) {
            for ticket in tickets.reversed() { room.look(ticket, lane: 1, isOpen: isOpen, now: time) }
        }
        look(at: 0, isOpen: false)
        #expect(woken.all.isEmpty)
        var counts: [Int] = []
        for time in stride(from: 1_000, through: 3_000, by: 250) {
            look(at: time, isOpen: true)
            counts.append(woken.all.count)
        }
        #expect(counts == [1, 2, 4, 8, 16, 32, 64, 128, 256])
        #expect(woken.all == Array(0..<256))
        #expect(!room.isOccupied)
        #expect(!room.hasQueue(1))
    }

    @Test func `where the first is refused again the others stay`() {
        let (room, woken) = (WaitingRoom(), Woken())
        let tickets = Self.fill(room, woken, 10)
        room.look(tickets[5], lane: 1, isOpen: true, now: 0)
        #expect(woken.all == [0])
        // It found nothing, and takes its old place.
        #expect(room.enter(1, most: 256, again: tickets[0]) { woken.add(0) } == tickets[0])
        room.look(tickets[5], lane: 1, isOpen: false, now: 300)
        room.look(tickets[5], lane: 1, isOpen: false, now: 5_000)
        #expect(woken.all == [0])
        room.look(tickets[5], lane: 1, isOpen: true, now: 9_000)
        #expect(woken.all == [0, 0])
        room.look(tickets[5], lane: 1, isOpen: true, now: 9_250)
        #expect(woken.all == [0, 0, 1])
    }

    @Test func `one more than may wait finds no place, until another leaves`() {
        let (room, woken) = (WaitingRoom(), Woken())
        let first = room.enter(1, most: 2) { woken.add(1) }
        let second = room.enter(2, most: 2) { woken.add(2) }
        #expect(first != nil && second != nil)
        #expect(room.enter(1, most: 2) { woken.add(3) } == nil)
        if let second { room.leave(second) }
        #expect(room.enter(1, most: 2) { woken.add(3) } != nil)
        #expect(!room.hasQueue(2))
    }

    @Test func `who waits for something else waits for nobody`() {
        let (room, woken) = (WaitingRoom(), Woken())
        _ = Self.fill(room, woken, 3, lane: 1)
        let other = room.enter(2, most: 256) { woken.add(100) }
        if let other { room.look(other, lane: 2, isOpen: true, now: 0) }
        #expect(woken.all == [100])
        #expect(room.hasQueue(1))
        #expect(room.occupancy == 3)
    }

    @Test func `who finds another account ready waits in its lane, behind those who came before`() {
        let (room, woken) = (WaitingRoom(), Woken())
        let tickets = Self.fill(room, woken, 2, lane: 1)
        let late = room.enter(2, most: 256) { woken.add(50) }
        room.look(tickets[1], lane: 2, isOpen: true, now: 0)
        #expect(woken.all == [1], "it came before the one who was in that lane")
        if let late { room.look(late, lane: 2, isOpen: true, now: 250) }
        #expect(woken.all == [1, 50])
        #expect(room.occupancy == 1)
    }

    @Test func `who has left is not woken, and leaves once`() {
        let (room, woken) = (WaitingRoom(), Woken())
        let tickets = Self.fill(room, woken, 3)
        room.leave(tickets[0])
        room.leave(tickets[0])
        room.look(tickets[0], lane: 1, isOpen: true, now: 0)
        #expect(woken.all.isEmpty)
        room.look(tickets[2], lane: 1, isOpen: true, now: 0)
        #expect(woken.all == [1])
        #expect(room.occupancy == 1)
    }
}
