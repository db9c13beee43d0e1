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
    /// All of the stream came, or as much as will come, and its end waits for the ledger.
    private static let ending = machine {
        $0.headCame(.peek)
        $0.commit()
        _ = $0.sourceEnded()
        _ = $0.usageKnown()
    }
    private static let cutShort = machine {
        $0.headCame(.peek)
        $0.commit()
        $0.cut(isReported: true)
        _ = $0.usageKnown()
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
        let first = machine.sourceEnded()
        #expect(first == action)
        guard action == .endStream else { return }
        let second = machine.sourceEnded()
        #expect(second == .ignore)
    }

    @Test(
        "a failure sends on what has not gone out, and cuts what has",
        arguments: [
            (Machine(), .giveUp), (judging, .judge), (holding, .giveUp), (peeking, .giveUp), (passing, .cut), (awaiting, .cut),
            (recorded, .cut), (recording, .ignore), (over, .ignore), (failed, .ignore),
        ] as [(Machine, Machine.FailureAction)])
    func fails(machine: Machine, action: Machine.FailureAction) {
        var machine = machine
        let told = machine.sourceFailed()
        #expect(told == action)
    }

    @Test(
        "usage is booked once, and not before the response is committed or whole",
        arguments: [
            (Machine(), false), (judging, false), (holding, false), (peeking, false), (passing, true), (awaiting, false),
            (recorded, false), (recording, false), (over, false), (failed, false),
        ] as [(Machine, Bool)])
    func records(machine: Machine, isRecorded: Bool) {
        var machine = machine
        let first = machine.usageKnown()
        #expect(first == isRecorded)
        let second = machine.usageKnown()
        #expect(!second)
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
        let first = machine.recorded()
        #expect(first == action)
        let second = machine.recorded()
        #expect(second == .ignore)
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
        "a process that ends waits for the ledger where all is there, and cuts what still comes",
        arguments: [
            (Machine(), .answer), (judging, .answer), (holding, .answer), (peeking, .answer), (passing, .cut),
            (awaiting, .cut), (recorded, .cut), (ending, .wait), (cutShort, .wait), (recording, .wait), (over, .answer),
            (failed, .answer),
        ] as [(Machine, Machine.ProcessEnd)])
    func processEnds(machine: Machine, action: Machine.ProcessEnd) {
        #expect(machine.processEnds == action)
    }

    @Test("a response that is sent whole is over")
    func sendsOnce() {
        var machine = Self.recording
        let action = machine.recorded()
        #expect(action == .sendWhole && machine.state == .over)
        machine.end()
        #expect(machine.state == .over)
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
        var waiting = Self.awaiting
        let waitingEnd = waiting.sourceEnded()
        #expect(waitingEnd == .endStream)
        #expect(waiting.endPassing() == .wait)
        let waitingWritten = waiting.recorded()
        #expect(waitingWritten == .complete)
        var written = Self.recorded
        let writtenEnd = written.sourceEnded()
        #expect(writtenEnd == .endStream)
        #expect(written.endPassing() == .complete)
        var unknown = Self.passing
        let unknownEnd = unknown.sourceEnded()
        #expect(unknownEnd == .endStream)
        #expect(unknown.endPassing() == .record)
        let isKnown = unknown.usageKnown()
        #expect(isKnown)
        let unknownWritten = unknown.recorded()
        #expect(unknownWritten == .complete)
    }

    @Test("a cut is told or not until the response is over", arguments: [true, false])
    func cuts(isReported: Bool) {
        var machine = Self.awaiting
        machine.cut(isReported: isReported)
        #expect(machine.cut == (isReported ? .reported : .unreported))
        #expect(machine.endPassing() == .wait)
        let written = machine.recorded()
        #expect(written == .complete)
        machine.end()
        #expect(machine.cut == nil)
    }

    @Test("a connection that goes behind a whole response cuts nothing")
    func goesBehindTheEnd() {
        var machine = Self.recorded
        let action = machine.sourceFailed()
        #expect(action == .cut)
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
