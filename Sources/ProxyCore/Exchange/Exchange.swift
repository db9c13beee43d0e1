import Dialects
import NIOCore
import RuleEngine

/// One client request, from head to ledger line.
///
/// Six stages, six folders, in the order of the flow; each is an extension of this class beside the types that it uses. The first
/// three say no by throwing a `LocalReply`; from Dispatch on an `Attempt` does the work, one for each candidate that is asked.
///
/// Everything happens on the client's event loop. An exchange reads the snapshot once and keeps it, or the one that is on trial beside it.
final class Exchange {
    /// The client's connection. Each keeps the other until the exchange is over, or the client gone.
    var writer: any ResponseWriter
    let loop: LoopContext
    /// Which file it goes by; settled once it is known who asks, since some keys try a new one.
    var view: LoopSnapshot
    let requestID: String
    var request: ClientRequest
    var caller: Caller?
    var plan: RoutePlan?
    /// The candidate that is being asked, or that answers.
    var attempt: Attempt?
    /// What limits have reserved for it; nil where none applies.
    var grant: LimitGrant?
    var trail = AttemptTrail()
    var figures = Figures()
    /// Reported, and nothing of it is waited for.
    var isOver = false

    init(_ request: consuming ClientRequest, writer: any ResponseWriter, loop: LoopContext, view: LoopSnapshot) {
        self.request = request
        self.writer = writer
        self.loop = loop
        self.view = view
        // By what is kept: then what was handed over goes there, and is counted up for nobody else.
        requestID = self.loop.makeRequestID()
        self.loop.metrics.exchangeBegan()
    }

    /// The request's head is here.
    /// - Parameters:
    ///   - bytes: what its slices count from.
    ///   - bodyLength: as the head tells it; 0 where it does not.
    func headArrived(_ bytes: UnsafeRawBufferPointer, bodyLength: Int) -> HeadVerdict {
        do throws(LocalReply) {
            if let verdict = try accept(bytes, bodyLength: bodyLength) { return verdict }
        } catch {
            recognise(bytes)
            return .reply(error)
        }
        do throws(LocalReply) {
            try authenticate(bytes)
            if request.endpoint == .local, !takesLocalBody(bytes) { return .serve }
            if request.endpoint == .other { try admitPath(bodyLength: bodyLength) }
            if let coding = request.rare.unknownCoding { throw RequestCodings.refusal(of: coding) }
            return .takeBody
        } catch {
            return .reply(error)
        }
    }

    /// Head and body are here, in `request`.
    func bodyArrived() {
        figures.amounts.bytesIn = request.body.readableBytes
        if loop.tellsBytes { tellRead() }
        if request.endpoint != .local, isTraced { beginTrace() }
        do throws(LocalReply) {
            if !request.rare.codings.isEmpty {
                request.body = try RequestCodings.decode(request.body, request.rare, limit: bodyLimit)
            }
            if request.endpoint == .local { return serveLocally() }
            try request.readContent()
            request.readOrigin()
            if asksForExplanation { return explain(gatherFacts(reads: .described)) }
            if waitsForShares() { return }
        } catch {
            return reply(error)
        }
        goOn()
    }

    /// All that is known before is known: who is asked is decided.
    func goOn() {
        do throws(LocalReply) {
            try decide()
            grant = try findLimits()
        } catch {
            return reply(error)
        }
        // Relay and Settle follow from what the attempt's upstream answers.
        dispatch()
    }

    // MARK: While a response is on its way

    /// The client's connection takes bytes again.
    func clientHasRoom() { attempt?.clientHasRoom() }

    /// A moment has passed.
    func sweep(now: NIODeadline) {
        lookForBlocks()
        if trail.waiting != nil { sweepWaiting() }
        attempt?.sweep(now: now)
    }

    var snapshot: Snapshot { view.snapshot }
    var configuration: Configuration { view.snapshot.configuration }

    /// What the log line will say, as far as it is numbers.
    struct Figures {
        let startedAt = NIODeadline.now()
        var status = 0
        var amounts = RequestLogEntry.Amounts()
        var firstByteMicroseconds = -1
        /// All of the response went out with its first byte.
        var isSentAtOnce = false
        /// What the request's input may have cost, by an estimate; 0 where the upstream has told.
        var promptTokens = 0
        /// A record of it is on its way to the ledger.
        var isRecorded = false
        /// The rule that refused.
        var rejectedBy = -1

        var elapsedMicroseconds: Int { Int(clamping: (NIODeadline.now() - startedAt).nanoseconds / 1000) }
    }
}

@available(*, unavailable)
extension Exchange: Sendable {}
