/// Whatever the world does with a response (heads, pieces, ends and failures of the upstream, the ledger, the client, the process,
/// the time), in whatever order: the machine reaches no impossible state, commits, records and completes at most once, and
/// nothing is waited for that cannot come.
func fuzzRelayMachine(_ input: FuzzInput) {
    var world = RelayWorld()
    for byte in input.bytes { world.happens(byte) }
    world.drain()
}

/// An attempt, its upstream and its client, as far as the machine meets them.
private struct RelayWorld {
    var machine = RelayMachine()
    /// The upstream's connection still reports.
    var isConnected = true
    var hasHead = false
    var isRecording = false
    var commits = 0
    var records = 0
    var completions = 0

    mutating func happens(_ byte: UInt8) {
        let before = machine.state
        let choice = byte >> 3
        switch byte & 7 {
        case 0 where isConnected && !hasHead: head(choice)
        case 1 where isConnected && hasHead: piece(choice)
        case 2 where isConnected && hasHead: ended(choice)
        case 3 where isConnected: failed(choice)
        case 4 where isRecording: recorded()
        case 5: gone()
        case 6: shutDown(choice)
        case 7: tick(choice)
        default: break
        }
        if before == .over || before == .failed { require(machine.state == before, "what is over stays so") }
        require(commits <= 1 && records <= 1 && completions <= 1, "once is enough")
        require(machine.isRecorded || records == 0 || isDone, "what was booked is known to be")
        require(!machine.awaitsLedger || isRecording, "no ledger is waited for that was not asked")
    }

    /// All that was begun comes to its end.
    mutating func drain() {
        if isConnected, hasHead { ended(0) } else if isConnected { failed(0) }
        if isRecording { recorded() }
        require(isDone, "nothing is left waiting")
    }

    private var isDone: Bool { machine.state == .over || machine.state == .failed }

    private mutating func head(_ choice: UInt8) {
        hasHead = true
        machine.headCame([.judge, .hold, .peek][Int(choice % 3)])
        // A redirect, or what no client can read.
        if choice == 31 { leave() }
    }

    private mutating func piece(_ choice: UInt8) {
        switch machine.state {
        case .judging: if choice == 1 { leave() } else if choice == 2 { commit() }
        case .holding: if choice & 3 == 1 { machine.turnsToEvents() } else if choice & 3 == 2 { commit() }
        case .peeking:
            if choice & 3 == 1 { commit() } else if choice & 3 == 2 { leave() }
            if choice & 4 != 0 { record() }
        case .passing: if choice & 1 != 0 { record() }
        case .awaitingHead, .recording, .over, .failed: break
        }
    }

    private mutating func ended(_ choice: UInt8) {
        isConnected = false
        switch machine.sourceEnded() {
        case .judge: leave()
        case .endWhole: if choice & 1 == 0 { record() } else { leave() }
        case .endPeeked:
            guard choice & 1 == 0 else { return leave() }
            commit()
            endStream(choice >> 1)
        case .endStream: endStream(choice)
        case .ignore: break
        }
    }

    private mutating func endStream(_ choice: UInt8) {
        if choice & 1 != 0 { cut(choice) } else { endPassing() }
    }

    private mutating func failed(_ choice: UInt8) {
        switch machine.sourceFailed() {
        case .giveUp:
            isConnected = false
            machine.fail()
        case .judge: leave()
        case .cut: cut(choice)
        case .ignore: break
        }
    }

    private mutating func cut(_ choice: UInt8) {
        isConnected = false
        if machine.isRecorded, choice & 2 != 0 { machine.endsAsComplete() } else { machine.cut(isReported: choice & 4 != 0) }
        endPassing()
    }

    private mutating func commit() {
        commits += 1
        machine.commit()
    }

    private mutating func record() {
        guard machine.usageKnown() else { return }
        records += 1
        isRecording = true
    }

    private mutating func endPassing() {
        switch machine.endPassing() {
        case .record: record()
        case .complete: complete()
        case .wait: require(isRecording || isDone, "it waits for the ledger")
        }
    }

    private mutating func recorded() {
        isRecording = false
        switch machine.recorded() {
        case .sendWhole, .complete: complete()
        case .flush, .ignore: break
        }
    }

    private mutating func complete() {
        completions += 1
        isConnected = false
        machine.end()
    }

    /// Judged, and others are asked; or the client is told by ourselves.
    private mutating func leave() {
        isConnected = false
        machine.end()
    }

    private mutating func gone() {
        if machine.leavesUnrecorded {
            require(records == 0, "what was booked is not booked again")
            records += 1
        }
        isConnected = false
        isRecording = false
        machine.fail()
    }

    private mutating func shutDown(_ choice: UInt8) {
        switch machine.processEnds {
        case .cut: cut(choice)
        case .wait: break
        case .answer: if !isDone { leave() }
        }
        if !machine.awaitsLedger { isRecording = false }
    }

    private mutating func tick(_ choice: UInt8) {
        switch machine.lateness {
        case .ignore: break
        case .giveUp: failed(choice)
        case .cut: if choice & 1 != 0 { cut(choice >> 1) } else { gone() }
        }
    }
}
