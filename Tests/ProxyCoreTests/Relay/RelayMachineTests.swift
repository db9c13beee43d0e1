import Testing

@testable import ProxyCore

/// The machine's table: what each event does in each state. A random walk through all of them is the fuzz target `relay_machine`.
@Suite struct RelayMachineTests {
    typealias Machine = RelayMachine

    /// A machine that has come so far.
    private static func machine(_ events: (inout Machine) -> Void) -> Machine {
        var machine = Machine()
        events(&machine)
        return machine
    }

    private static let judging = machine { $0.headCame(.judge) }
    private static let holding = machine { $0.headCame(.hold) }
    private static let peeking = machine { $0.headCame(.peek) }
    private static let passing = machine {
        $0.headCame(.peek)
        $0.commit()
    }
    private static let awaiting = machine {
        $0.headCame(.peek)
        $0.commit()
        _ = $0.usageKnown()
    }
    private static let recorded = machine {
        $0.headCame(.peek)
        $0.commit()
        _ = $0.usageKnown()
        _ = $0.recorded()
    }
    private static let recording = machine {
        $0.headCame(.hold)
        _ = $0.sourceEnded()
        _ = $0.usageKnown()
    }
    private static let over = machine {
        $0.headCame(.hold)
        $0.end()
    }
    private static let failed = machine { $0.fail() }

    @Test(
        "the end of the body asks for what the state needs, once",
        arguments: [
            (Machine(), .ignore), (judging, .judge), (holding, .endWhole), (peeking, .endPeeked), (passing, .endStream),
            (awaiting, .endStream), (recorded, .endStream), (recording, .ignore), (over, .ignore), (failed, .ignore),
        ] as [(Machine, Machine.EndAction)])
    func ends(machine: Machine, action: Machine.EndAction) {
        var machine = machine
        let outcome1 = machine.sourceEnded()
        #expect(outcome1 == action)
        guard action == .endStream else { return }
        let outcome2 = machine.sourceEnded()
        #expect(outcome2 == .ignore)
    }

    @Test(
        "a failure sends on what has not gone out, and cuts what has",
        arguments: [
            (Machine(), .giveUp), (judging, .judge), (holding, .giveUp), (peeking, .giveUp), (passing, .cut), (awaiting, .cut),
            (recorded, .cut), (recording, .ignore), (over, .ignore), (failed, .ignore),
        ] as [(Machine, Machine.FailureAction)])
    func fails(machine: Machine, action: Machine.FailureAction) {
        var machine = machine
        let outcome3 = machine.sourceFailed()
        #expect(outcome3 == action)
    }

    @Test(
        "usage is booked once, and not before the response is committed or whole",
        arguments: [
            (Machine(), false), (judging, false), (holding, false), (peeking, false), (passing, true), (awaiting, false),
            (recorded, false), (recording, false), (over, false), (failed, false),
        ] as [(Machine, Bool)])
    func records(machine: Machine, isRecorded: Bool) {
        var machine = machine
        let outcome4 = machine.usageKnown()
        #expect(outcome4 == isRecorded)
        let outcome5 = machine.usageKnown()
        #expect(!outcome5)
    }

    @Test(
        "the ledger releases what waits for it, and nothing else",
        arguments: [
            (Machine(), .ignore), (judging, .ignore), (holding, .ignore), (peeking, .ignore), (passing, .ignore),
            (awaiting, .flush),
            (recorded, .ignore), (recording, .sendWhole), (over, .ignore), (failed, .ignore),
        ] as [(Machine, Machine.Recorded)])
    func records(machine: Machine, action: Machine.Recorded) {
        var machine = machine
        let outcome6 = machine.recorded()
        #expect(outcome6 == action)
    }

    @Test(
        "silence is held against who owes bytes",
        arguments: [
            (Machine(), .giveUp), (judging, .giveUp), (holding, .giveUp), (peeking, .giveUp), (passing, .cut),
            (awaiting, .ignore),
            (recorded, .cut), (recording, .ignore), (over, .ignore), (failed, .ignore),
        ] as [(Machine, Machine.Lateness)])
    func lateness(machine: Machine, lateness: Machine.Lateness) {
        #expect(machine.lateness == lateness)
    }

    @Test(
        "who leaves in the middle leaves something to be booked, once",
        arguments: [
            (Machine(), false), (judging, false), (holding, true), (peeking, true), (passing, true), (awaiting, false),
            (recorded, false), (recording, false), (over, false), (failed, false),
        ] as [(Machine, Bool)])
    func leaves(machine: Machine, isRecorded: Bool) {
        #expect(machine.leavesUnrecorded == isRecorded)
    }

    @Test("the end of a stream waits for the ledger, whichever comes first")
    func endsAndRecords() {
        var first = Self.awaiting
        let outcome7 = first.sourceEnded()
        #expect(outcome7 == .endStream)
        #expect(first.endPassing() == .wait)
        let outcome8 = first.recorded()
        #expect(outcome8 == .complete)
        var second = Self.recorded
        let outcome9 = second.sourceEnded()
        #expect(outcome9 == .endStream)
        #expect(second.endPassing() == .complete)
        var third = Self.passing
        let outcome10 = third.sourceEnded()
        #expect(outcome10 == .endStream)
        #expect(third.endPassing() == .record)
        let outcome11 = third.usageKnown()
        #expect(outcome11)
        let outcome12 = third.recorded()
        #expect(outcome12 == .complete)
    }

    @Test("a cut is told or not until the response is over", arguments: [true, false])
    func cuts(isReported: Bool) {
        var machine = Self.awaiting
        machine.cut(isReported: isReported)
        #expect(machine.cut == (isReported ? .reported : .unreported))
        #expect(machine.endPassing() == .wait)
        let outcome13 = machine.recorded()
        #expect(outcome13 == .complete)
        machine.end()
        #expect(machine.cut == nil)
    }

    @Test("a connection that goes behind a whole response cuts nothing")
    func goesBehindTheEnd() {
        var machine = Self.recorded
        let outcome14 = machine.sourceFailed()
        #expect(outcome14 == .cut)
        machine.endsAsComplete()
        #expect(machine.cut == nil)
        #expect(machine.endPassing() == .complete)
    }

    @Test(
        "what has been told names who told it",
        arguments: [
            (Machine(), false), (judging, false), (holding, false), (peeking, false), (passing, true), (awaiting, true),
            (recorded, true), (recording, false), (over, true), (failed, false),
        ] as [(Machine, Bool)])
    func answers(machine: Machine, hasAnswered: Bool) {
        #expect(machine.hasAnswered == hasAnswered)
        var machine = machine
        machine.fail()
        #expect(machine.hasAnswered == hasAnswered)
    }
}
