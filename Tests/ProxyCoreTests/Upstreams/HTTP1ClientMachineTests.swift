import HTTP1
import Testing

@testable import ProxyCore

/// The machine alone: what an event means in each state.
@Suite struct HTTP1ClientMachineTests {
    /// The states, each brought about by events.
    enum Stage: String, CaseIterable, Sendable {
        case opening, idle, awaitingHead, length, chunked, untilClose, closed
    }

    private static func machine(_ stage: Stage) -> HTTP1ClientMachine {
        var machine = HTTP1ClientMachine(isTLS: stage == .opening)
        switch stage {
        case .opening, .idle: break
        case .awaitingHead: _ = machine.requestBegan()
        case .length: arrive(&machine, .length(5))
        case .chunked: arrive(&machine, .chunked)
        case .untilClose: arrive(&machine, .untilClose)
        case .closed: _ = machine.closed()
        }
        return machine
    }

    private static func arrive(_ machine: inout HTTP1ClientMachine, _ framing: BodyFraming, keepsAlive: Bool = true) {
        _ = machine.requestBegan()
        var head = HTTPResponseHead()
        head.status = 200
        head.framing = framing
        head.keepsAlive = keepsAlive
        let verdict = machine.headArrived(head, asksProxy: false)
        #expect(verdict == .response(hasBody: framing != .none))
    }

    @Test(
        "The end of a connection means what its state makes of it",
        arguments: [
            (.opening, .neverOpened(.tls(.closed)), .neverOpened(.tls(.untrusted))), (.idle, .leavesPool, .leavesPool),
            (.awaitingHead, .fails(.disconnected), .fails(.disconnected)),
            (.length, .fails(.disconnected), .fails(.disconnected)),
            (.chunked, .fails(.disconnected), .fails(.disconnected)), (.untilClose, .completesBody, .fails(.truncated)),
            (.closed, .nothing, .nothing),
        ] as [(Stage, HTTP1ClientMachine.Ending, HTTP1ClientMachine.Ending)])
    func endings(_ stage: Stage, _ closed: HTTP1ClientMachine.Ending, _ broken: HTTP1ClientMachine.Ending) {
        var machine = Self.machine(stage)
        #expect(machine.disconnected() == closed)
        // Whatever comes after the first end is nobody's business.
        #expect(machine.isClosed && machine.disconnected() == .nothing)
        machine = Self.machine(stage)
        #expect(machine.broke { .tls(.untrusted) } == broken)
        #expect(machine.isClosed && machine.broke { .disconnected } == .nothing)
    }

    @Test("Only what waits can idle too long", arguments: Stage.allCases)
    func idling(_ stage: Stage) {
        var machine = Self.machine(stage)
        let ending = machine.idledTooLong()
        switch stage {
        case .opening: #expect(ending == .neverOpened(.tls(.closed)))
        case .idle: #expect(ending == .leavesPool)
        case .awaitingHead, .length, .chunked, .untilClose, .closed: #expect(ending == .nothing)
        }
        #expect(machine.isClosed == (ending != .nothing || stage == .closed))
    }

    @Test("A request begins on an idle connection alone", arguments: Stage.allCases)
    func beginning(_ stage: Stage) {
        var machine = Self.machine(stage)
        #expect(machine.requestBegan() == (stage == .idle))
        #expect(machine.handshakeCompleted() == (stage == .opening))
        #expect(machine.closed() == (stage != .closed))
        let closesTwice = machine.closed()
        #expect(!closesTwice)
    }

    @Test(
        "Bytes are read by what the state awaits",
        arguments: [
            (.opening, .unasked), (.idle, .unasked), (.awaitingHead, .parseHead), (.length, .body(3, isLast: false)),
            (.chunked, .parseChunks), (.untilClose, .bodyUntilClose), (.closed, .nothing),
        ] as [(Stage, HTTP1ClientMachine.Reading)])
    func reading(_ stage: Stage, _ reading: HTTP1ClientMachine.Reading) {
        var machine = Self.machine(stage)
        #expect(machine.read(available: 0) == .nothing)
        #expect(machine.read(available: 3) == reading)
        if stage == .length { #expect(machine.read(available: 3) == .body(2, isLast: true)) }
    }

    @Test("A response that leaves the connection in order gives it back", arguments: [true, false], [true, false])
    func ending(keepsAlive: Bool, isClean: Bool) {
        for framing in [BodyFraming.none, .length(2), .chunked] {
            var machine = HTTP1ClientMachine(isTLS: false)
            Self.arrive(&machine, framing, keepsAlive: keepsAlive)
            if framing == .length(2) { #expect(machine.read(available: 9) == .body(2, isLast: true)) }
            #expect(machine.responseEnded(isClean: isClean) == (keepsAlive && isClean))
            #expect(machine.requestBegan() == (keepsAlive && isClean))
        }
    }
}
