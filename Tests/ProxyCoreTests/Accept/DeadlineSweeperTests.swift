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

    private func pass(_ periods: Int = 1) { loop.advanceTime(by: .milliseconds(100 * Int64(periods))) }

    @Test("Every member is looked at in every period, with that period's time")
    func everyPeriod() {
        let members = (0..<3).map { _ in Member() }
        for member in members { sweeper.add(member) }
        pass(5)
        for member in members { #expect(member.sweeps == (1...5).map { .uptimeNanoseconds(0) + .milliseconds(100 * $0) }) }
        #expect(sweeper.now == .uptimeNanoseconds(0) + .milliseconds(500))
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
        #expect(sweeper.now == .uptimeNanoseconds(0) + .milliseconds(100))
        sweeper.add(member)
        #expect(sweeper.now == .uptimeNanoseconds(0) + .milliseconds(2000))
        pass()
        #expect(member.sweeps == [.uptimeNanoseconds(0) + .milliseconds(2100)])
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
}
