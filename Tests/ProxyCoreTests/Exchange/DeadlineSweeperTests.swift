import Basics
import NIOCore
import NIOEmbedded
import Testing

@testable import ProxyCore

/// The sweeper on a loop whose time a test moves.
@Suite struct DeadlineSweeperTests {
    private final class Member: Sweepable {
        var sweepIndex = -1
        private(set) var sweeps: [NIODeadline] = []
        var whenSwept: () -> Void = {}

        func sweep(now: NIODeadline) {
            sweeps.append(now)
            whenSwept()
        }
    }

    private let loop = EmbeddedEventLoop()
    private let sweeper: DeadlineSweeper

    init() { sweeper = DeadlineSweeper(eventLoop: loop) }

    private static func time(_ milliseconds: UInt64) -> NIODeadline { NIODeadline.uptimeNanoseconds(milliseconds * 1_000_000) }

    private func pass(_ periods: Int = 1) { loop.advanceTime(by: .milliseconds(100 * Int64(periods))) }

    @Test("Every member is looked at in every period, with that period's time")
    func everyPeriod() {
        let members = (0..<3).map { _ in Member() }
        for member in members { sweeper.add(member) }
        pass(5)
        let periods: [NIODeadline] = [Self.time(100), Self.time(200), Self.time(300), Self.time(400), Self.time(500)]
        for member in members { #expect(member.sweeps == periods) }
        #expect(sweeper.now == Self.time(500))
    }

    @Test(
        "Whoever goes while a sweep is under way, itself or another, none is missed and none is seen twice", arguments: 0..<5,
        0..<5)
    func removal(by remover: Int, of removed: Int) {
        let members = (0..<5).map { _ in Member() }
        for member in members { sweeper.add(member) }
        members[remover].whenSwept = { [sweeper] in sweeper.remove(members[removed]) }
        pass()
        for (index, member) in members.enumerated() {
            // From the last to the first: who is removed before its turn is not looked at any more.
            #expect(member.sweeps.count == (index == removed && removed < remover ? 0 : 1), "\(index)")
        }
        pass()
        #expect(members[removed].sweeps.count == (removed < remover ? 0 : 1))
        #expect(sweeper.all.count == 4 && members[removed].sweepIndex == -1)
    }

    @Test("Who joins while a sweep is under way is looked at from the next one on")
    func joining() {
        let (first, late) = (Member(), Member())
        sweeper.add(first)
        first.whenSwept = { [sweeper] in if late.sweepIndex < 0 { sweeper.add(late) } }
        pass()
        #expect(late.sweeps.isEmpty)
        pass()
        #expect(late.sweeps.count == 1)
    }

    @Test("Nothing runs while there is nobody, and the time is right when somebody comes")
    func resting() {
        let member = Member()
        sweeper.add(member)
        sweeper.remove(member)
        sweeper.remove(member)
        pass(20)
        #expect(sweeper.now == Self.time(100))
        sweeper.add(member)
        #expect(sweeper.now == Self.time(2_000))
        pass()
        #expect(member.sweeps == [Self.time(2_100)])
    }

    @Test("Who goes and comes back between two sweeps is looked at once a period")
    func returning() {
        let member = Member()
        sweeper.add(member)
        loop.advanceTime(by: .milliseconds(50))
        sweeper.remove(member)
        sweeper.add(member)
        pass(2)
        #expect(member.sweeps.count == 2)
    }

    @Test(
        "However many go and come while sweeps are under way, who stays is looked at once in each",
        arguments: 1...20 as ClosedRange<UInt64>)
    func randomWalk(seed: UInt64) {
        var random = SplitMix64(state: seed)
        var present: [Member] = []
        func change() {
            if random.next() % 2 == 0, !present.isEmpty {
                sweeper.remove(present.remove(at: Int(random.next() % UInt64(present.count))))
            } else {
                let member = Member()
                member.whenSwept = { if random.next() % 3 == 0 { change() } }
                present.append(member)
                sweeper.add(member)
            }
        }
        for _ in 0..<30 { change() }
        for _ in 0..<50 {
            let before = present.map { (member: $0, sweeps: $0.sweeps.count) }
            pass()
            for (member, sweeps) in before where present.contains(where: { $0 === member }) {
                #expect(member.sweeps.count == sweeps + 1 && member.sweeps.last == sweeper.now)
            }
            // Each knows its place, and nobody else is there.
            #expect(sweeper.all.enumerated().allSatisfy { $0.element.sweepIndex == $0.offset })
            #expect(sweeper.all.count == present.count)
            #expect(present.allSatisfy { member in sweeper.all.contains { $0 === member } })
            change()
        }
    }

    @Test("A sweeper that goes is not kept by its next sweep")
    func goes() {
        let member = Member()
        var short: DeadlineSweeper? = DeadlineSweeper(eventLoop: loop)
        weak let gone = short
        short?.add(member)
        pass()
        short = nil
        #expect(gone == nil)
        pass(2)
        #expect(member.sweeps.count == 1)
    }
}
