import NIOCore
import Synchronization
import Testing

@testable import ProxyCore

enum NIOCoreUnix {
    static func address() throws -> SocketAddress { try SocketAddress(unixDomainSocketPath: "/tmp/x") }
}

struct ConnectionSlotsTests {
    private let slots = ConnectionSlots()

    private func enter(_ mark: UInt64, limit: Int = 3) -> (slot: ConnectionSlot, admission: ConnectionSlots.Admission) {
        let slot = ConnectionSlot(channel: nil, idleSince: mark)
        return (slot, slots.enter(slot, limit: limit).admission)
    }

    @Test func `the one that has been idle longest gives way`() {
        let (a, b, c) = (enter(3).slot, enter(1).slot, enter(2).slot)
        #expect(enter(9).admission == .slot)
        #expect(!b.beginWork() && a.beginWork() && c.beginWork())
        #expect(slots.taken == 3)
    }

    @Test func `whoever works keeps the slot, and what was given away stays so`() {
        let all = [enter(1).slot, enter(2).slot, enter(3).slot]
        for slot in all { #expect(slot.beginWork()) }
        #expect(enter(9).admission == .guest)
        all[1].becomeIdle(10)
        #expect(enter(11).admission == .slot)
        #expect(!all[1].beginWork())
        all[1].becomeIdle(12)
        #expect(!all[1].beginWork() && all[1].idleSince == nil)
        #expect(slots.taken == 3)
    }

    @Test func `strangers give way before those with a key, however fresh`() {
        let known = enter(1).slot
        slots.acquaint(known)
        let stranger = enter(100).slot
        _ = enter(101)
        #expect(enter(102).admission == .slot)
        #expect(!stranger.beginWork())
        #expect(known.idleSince == 1)
    }

    @Test func `acquaintances give way when there is no stranger`() {
        let known = (1...3).map { enter(UInt64($0)).slot }
        for slot in known { slots.acquaint(slot) }
        #expect(enter(9).admission == .slot)
        #expect(known.map { $0.idleSince == nil } == [true, false, false])
        // The next one displaces the stranger, not a second acquaintance.
        #expect(enter(10).admission == .slot)
        #expect(known.map { $0.idleSince == nil } == [true, false, false])
    }

    @Test func `another key's guest gets the slot of a body that is waited for, its own does not`() {
        let all = (1...3).map { enter(UInt64($0)).slot }
        for slot in all {
            #expect(slot.beginWork())
            slots.acquaint(slot, owner: 7)
        }
        all[1].awaitBody(10)
        all[2].awaitBody(11)
        let (guest, admission) = enter(20)
        #expect(admission == .guest && guest.beginWork())
        #expect(!slots.promote(guest, limit: 3).isIn)
        #expect(!slots.promote(guest, limit: 3, owner: 7).isIn)
        #expect(slots.promote(guest, limit: 3, owner: 9).isIn)
        #expect(!all[1].beginWork() && all[2].beginWork() && slots.taken == 3)
        // Nobody waits for a body any more.
        let next = enter(21).slot
        #expect(next.beginWork())
        #expect(!slots.promote(next, limit: 3, owner: 9).isIn)
        all[2].awaitBody(30)
        slots.acquaint(guest, owner: 9)
        // With two each nobody has more than the other.
        #expect(!slots.promote(next, limit: 3, owner: 9).isIn)
    }

    @Test func `a guest gets a slot that has become free, and there are few guests`() {
        let working = enter(1, limit: 1).slot
        #expect(working.beginWork())
        let guests = (0..<ConnectionSlots.mostGuests).map { enter(UInt64(10 + $0), limit: 1) }
        #expect(guests.allSatisfy { $0.admission == .guest })
        #expect(slots.taken == 1)
        #expect(!slots.promote(guests[5].slot, limit: 1).isIn)
        // The guest that has waited longest gives way to a further one.
        #expect(enter(99, limit: 1).admission == .guest)
        #expect(guests[0].slot.idleSince == nil)
        slots.leave(working)
        #expect(slots.promote(guests[5].slot, limit: 1).isIn)
        #expect(slots.taken == 1)
        for guest in guests where guest.slot.idleSince != nil { _ = guest.slot.beginWork() }
    }

    @Test func `guests that all work leave no room`() {
        #expect(enter(1, limit: 1).slot.beginWork())
        for number in 0..<ConnectionSlots.mostGuests { #expect(enter(UInt64(number + 2), limit: 1).slot.beginWork()) }
        #expect(enter(99, limit: 1).admission == .refused)
    }

    @Test func `a lower limit closes what is above it, as far as it is idle`() {
        for mark in 1...10 { _ = enter(UInt64(mark), limit: 10) }
        #expect(slots.enter(ConnectionSlot(channel: nil, idleSince: 11), limit: 4).evicted == 7)
        #expect(slots.taken == 4)
    }

    @Test func `leaving twice, and after giving way, changes nothing`() {
        let (a, b) = (enter(1).slot, enter(2).slot)
        slots.leave(a)
        slots.leave(a)
        #expect(slots.taken == 1)
        #expect(slots.evictIdle(5) == 1)
        slots.leave(b)
        #expect(slots.taken == 0)
    }

    private final class Most: Sendable {
        let count = Atomic<Int>(0)
    }

    @Test func `many loops at once never take more than there are`() async {
        let limit = 50
        let most = Most()
        await withTaskGroup(of: Void.self) { group in
            for worker in 0..<8 {
                group.addTask { [slots, most] in
                    var mine: [ConnectionSlot] = []
                    for round in 0..<2000 {
                        let slot = ConnectionSlot(channel: nil, idleSince: UInt64(round * 8 + worker))
                        if slots.enter(slot, limit: limit).admission != .refused { mine.append(slot) }
                        if round % 3 == 0, let some = mine.randomElement(), some.beginWork() {
                            slots.acquaint(some)
                            some.becomeIdle(UInt64(round * 8 + worker))
                        }
                        if round % 5 == 0, !mine.isEmpty { slots.leave(mine.removeFirst()) }
                        let taken = slots.taken
                        if taken > most.count.load(ordering: .relaxed) { most.count.store(taken, ordering: .relaxed) }
                    }
                }
            }
        }
        #expect(most.count.load(ordering: .relaxed) == limit)
    }

    @Test func `what happens often is told now and then, with its number`() {
        let events = Occasionally()
        let second: UInt64 = 1_000_000_000
        #expect(events.note(at: .uptimeNanoseconds(5 * second)) == 1)
        #expect(events.note(at: .uptimeNanoseconds(6 * second)) == nil)
        #expect(events.note(at: .uptimeNanoseconds(14 * second)) == nil)
        #expect(events.note(at: .uptimeNanoseconds(15 * second)) == 3)
    }

    @Test(arguments: [
        (UInt64(1024), 480, true), (1024, 481, false), (64, 0, true), (20_064, 10_000, true), (4096, 10_000, false),
    ])
    func `two files for each connection and some more`(soft: UInt64, connections: Int, holds: Bool) {
        #expect(DescriptorLimit(soft: soft, hard: soft).holds(connections: connections) == holds)
        #expect((soft >= DescriptorLimit.needed(connections: connections)) == holds)
    }

    @Test func `descriptors are scarce before there are none`() {
        #expect(!DescriptorLimit.isReached())
        #expect(DescriptorLimit.isReached(keeping: .max))
    }
}

struct PassedSocketsTests {
    private static let pairs: [(String, Int, String, Int, Bool)] = [
        ("10.0.0.1", 80, "10.0.0.1", 80, true), ("10.0.0.1", 80, "10.0.0.1", 81, false), ("10.0.0.1", 80, "10.0.0.2", 80, false),
        ("0.0.0.0", 80, "0.0.0.0", 80, true), ("::", 80, "0.0.0.0", 80, true), ("::", 80, "::", 80, true),
        ("0.0.0.0", 80, "::", 80, false), ("::", 80, "127.0.0.1", 80, false), ("::1", 80, "0:0::1", 80, true),
    ]
    private static let environments: [([String: String], Range<Int32>)] = [
        (["LISTEN_PID": "77", "LISTEN_FDS": "2"], 3..<5), (["LISTEN_PID": "78", "LISTEN_FDS": "2"], 3..<3),
        (["LISTEN_FDS": "2"], 3..<3), (["LISTEN_PID": "77"], 3..<3), (["LISTEN_PID": "77", "LISTEN_FDS": "-1"], 3..<3),
        (["LISTEN_PID": "77", "LISTEN_FDS": "99999999999"], 3..<3), (["LISTEN_PID": "77", "LISTEN_FDS": "2147483647"], 3..<3),
        (["LISTEN_PID": "77", "LISTEN_FDS": "x"], 3..<3),
    ]

    private func tcp(_ host: String, _ port: Int) throws -> PassedSockets.Address {
        .tcp(host: try #require(AddressRange.Address(host)), port: port)
    }

    @Test(arguments: pairs)
    func `a passed socket serves the listener of its address`(
        host: String, port: Int, wanted: String, wantedPort: Int, serves: Bool
    ) throws {
        let id = ListenerID.tcp(host: wanted, port: wantedPort, ordinal: 0)
        #expect(PassedSockets.serves(try tcp(host, port), id) == serves)
    }

    @Test func `a Unix socket serves its path`() throws {
        #expect(PassedSockets.serves(.unix(path: "/run/a"), .unix(path: "/run/a")))
        #expect(!PassedSockets.serves(.unix(path: "/run/a"), .unix(path: "/run/b")))
        #expect(!PassedSockets.serves(try tcp("::", 80), .unix(path: "/run/b")))
    }

    @Test(arguments: environments)
    func `descriptors are taken where they are meant for this process`(environment: [String: String], expected: Range<Int32>) {
        #expect(PassedSockets.descriptors(environment, process: 77) == expected)
    }
}
