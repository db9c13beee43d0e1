/// How far the response of one attempt has come on its way to the client. Pure: no I/O, no clock.
///
///     awaitingHead ─┬→ judging ──┬→ over                      an error: told, or asked for elsewhere
///                   ├→ holding ──┼→ recording → over          a whole response, kept until it is complete
///                   └→ peeking ──┴→ passing ──→ over          a stream, kept until its first event; or what is too long to keep
///     any state before `passing` → failed                     no response came of it
///
/// A response is committed at most once, recorded at most once and completed at most once. Its end waits for the ledger:
/// `recording` and `passing(_, .awaited)` are left by `recorded` alone, or by a client or a process that does not wait.
struct RelayMachine: Equatable {
    /// What is still to come of the upstream.
    enum Source: Equatable {
        case open
        case ended
        /// It ended too early. `isReported`: the client was told so within the stream, whose framing may then be completed.
        case cut(isReported: Bool)
    }

    /// Whether the response's usage has been recorded.
    enum Ledger: Equatable {
        case open, awaited, written
    }

    enum State: Equatable {
        case awaitingHead
        /// An error's body is read before it is decided who gets it.
        case judging(Source)
        /// A whole response is kept until it is complete, so that one that is cut can still be asked for elsewhere.
        case holding(Source)
        /// A stream is kept until its first meaningful event.
        case peeking(Source)
        /// The head has gone out; bytes go out as they come.
        case passing(Source, Ledger)
        /// A whole response waits for the ledger.
        case recording
        /// It was told, or judged and left behind.
        case over
        /// Nothing that could be told came of it.
        case failed
    }

    private(set) var state = State.awaitingHead

    /// The response's head is here, and says what has to be done with the body.
    enum Treatment { case judge, hold, peek }

    mutating func headCame(_ treatment: Treatment) {
        switch (state, treatment) {
        case (.awaitingHead, .judge): state = .judging(.open)
        case (.awaitingHead, .hold): state = .holding(.open)
        case (.awaitingHead, .peek): state = .peeking(.open)
        // A connection hands over one head for each request, and none to an attempt that was given up.
        default: preconditionFailure("a head came in the state \(state)")
        }
    }

    /// What was held as a whole response proves to be a stream.
    mutating func turnsToEvents() {
        guard case .holding(let source) = state else { preconditionFailure("\(state) turned to events") }
        state = .peeking(source)
    }

    /// The head goes out: from here on there is no other attempt.
    mutating func commit() {
        switch state {
        case .judging(let source), .holding(let source), .peeking(let source): state = .passing(source, .open)
        case .awaitingHead, .passing, .recording, .over, .failed: preconditionFailure("committed in the state \(state)")
        }
    }

    /// The body has ended as its framing said. What is to be done with what is held, or to end what passes.
    enum EndAction { case judge, endWhole, endPeeked, endStream, ignore }

    mutating func sourceEnded() -> EndAction {
        switch state {
        case .judging:
            state = .judging(.ended)
            return .judge
        case .holding:
            state = .holding(.ended)
            return .endWhole
        case .peeking:
            state = .peeking(.ended)
            return .endPeeked
        case .passing(.open, let ledger):
            state = .passing(.ended, ledger)
            return .endStream
        case .awaitingHead, .passing, .recording, .over, .failed:
            return .ignore
        }
    }

    /// The connection failed, or was silent for too long.
    enum FailureAction {
        /// Nothing went out: another may be asked.
        case giveUp
        /// The status is known, and says more than how the connection ended.
        case judge
        case cut
        case ignore
    }

    mutating func sourceFailed() -> FailureAction {
        switch state {
        case .awaitingHead, .holding, .peeking: return .giveUp
        case .judging:
            state = .judging(.ended)
            return .judge
        case .passing(.open, _): return .cut
        case .passing, .recording, .over, .failed: return .ignore
        }
    }

    /// What passes ends here, with words to the client or without; `endPassing` follows.
    mutating func cut(isReported: Bool) {
        guard case .passing(_, let ledger) = state else { preconditionFailure("cut in the state \(state)") }
        state = .passing(.cut(isReported: isReported), ledger)
    }

    /// The connection went, but all of the response was there.
    mutating func endsAsComplete() {
        guard case .passing(_, let ledger) = state else { preconditionFailure("completed in the state \(state)") }
        state = .passing(.ended, ledger)
    }

    /// What the end of a response that passes waits for.
    enum PassingEnd { case record, wait, complete }

    func endPassing() -> PassingEnd {
        switch state {
        case .passing(_, .open): .record
        case .passing(_, .awaited): .wait
        case .passing(_, .written): .complete
        case .awaitingHead, .judging, .holding, .peeking, .recording, .over, .failed: .wait
        }
    }

    /// What the response cost is known. Says whether it is to be recorded: once.
    mutating func usageKnown() -> Bool {
        switch state {
        case .holding(.ended):
            state = .recording
            return true
        case .passing(let source, .open):
            state = .passing(source, .awaited)
            return true
        case .awaitingHead, .judging, .holding, .peeking, .passing, .recording, .over, .failed:
            return false
        }
    }

    /// The ledger has written, or could not.
    enum Recorded { case sendWhole, flush, complete, ignore }

    mutating func recorded() -> Recorded {
        switch state {
        case .recording:
            state = .over
            return .sendWhole
        case .passing(let source, .awaited):
            state = .passing(source, .written)
            return source == .open ? .flush : .complete
        // Its client went meanwhile.
        case .awaitingHead, .judging, .holding, .peeking, .passing, .over, .failed: return .ignore
        }
    }

    /// What happens when the deadline has passed.
    enum Lateness { case giveUp, cut, ignore }

    var lateness: Lateness {
        switch state {
        case .awaitingHead, .judging, .holding, .peeking: .giveUp
        case .passing(_, .awaited), .recording, .over, .failed: .ignore
        case .passing: .cut
        }
    }

    /// What happens when the process ends.
    enum ProcessEnd {
        /// Nothing went out: the client is told.
        case answer
        case cut
        /// All of it is here, and goes out once the ledger has written.
        case wait
    }

    var processEnds: ProcessEnd {
        switch state {
        case .passing(.ended, .awaited), .passing(.cut, .awaited), .recording: .wait
        case .passing: .cut
        case .awaitingHead, .judging, .holding, .peeking, .over, .failed: .answer
        }
    }

    /// All of the response that there will be is with the client's connection; or it was judged, and others are asked.
    mutating func end() {
        switch state {
        case .over, .failed: break
        case .awaitingHead, .judging, .holding, .peeking, .passing, .recording: state = .over
        }
    }

    /// Nothing that could be told came of the attempt.
    mutating func fail() {
        switch state {
        case .over, .failed: break
        case .passing: state = .over
        case .awaitingHead, .judging, .holding, .peeking, .recording: state = .failed
        }
    }

    // MARK: Looking

    var isPassing: Bool { if case .passing = state { true } else { false } }
    var isPeeking: Bool { if case .peeking = state { true } else { false } }
    var isHolding: Bool { if case .holding = state { true } else { false } }
    var isJudging: Bool { if case .judging = state { true } else { false } }

    /// Some of the response came to be told: the log names the model that gave it.
    var hasAnswered: Bool {
        switch state {
        case .passing, .over: true
        case .awaitingHead, .judging, .holding, .peeking, .recording, .failed: false
        }
    }

    /// The response is one that the client gets, or would.
    var isTaken: Bool {
        switch state {
        case .peeking, .recording, .passing, .over: true
        case .awaitingHead, .judging, .holding, .failed: false
        }
    }

    /// All of the body is here.
    var hasEnded: Bool {
        switch state {
        case .judging(let source), .holding(let source), .peeking(let source), .passing(let source, _): source != .open
        case .recording, .over: true
        case .awaitingHead, .failed: false
        }
    }

    var isRecorded: Bool {
        switch state {
        case .recording, .passing(_, .awaited), .passing(_, .written): true
        case .awaitingHead, .judging, .holding, .peeking, .passing, .over, .failed: false
        }
    }

    var awaitsLedger: Bool {
        switch state {
        case .recording, .passing(_, .awaited): true
        case .awaitingHead, .judging, .holding, .peeking, .passing, .over, .failed: false
        }
    }

    /// What passed ended too early.
    enum Cut { case reported, unreported }

    var cut: Cut? {
        if case .passing(.cut(let isReported), _) = state { isReported ? .reported : .unreported } else { nil }
    }

    /// What has come of a response that nobody waits for any more is to be recorded.
    var leavesUnrecorded: Bool {
        switch state {
        case .holding, .peeking, .passing(_, .open): true
        case .awaitingHead, .judging, .passing, .recording, .over, .failed: false
        }
    }
}
