import Dialects
import NIOCore
import RuleEngine

/// One client request, from head to ledger line.
///
/// Six stages, six folders, in the order of the flow; each is an extension of this class beside the types it uses:
///
/// 1. `Accept`: the head is read, its endpoint found, its size checked (`headArrived`).
/// 2. `Authenticate`: the key it shows becomes a policy (`headArrived`, before the body is read).
/// 3. `Decide`: the body's model and the live state become a route and a plan (`bodyArrived`).
/// 4. `Dispatch`: the plan's candidates are asked until one answers (`attemptNext`).
/// 5. `Relay`: its answer goes to the client as it comes, or converted (`received`, `ended`).
/// 6. `Settle`: usage is booked before the answer's end is released; log and metrics follow (`settled`, `finish`).
///
/// Everything happens on the client's event loop. An exchange reads the snapshot once and keeps it.
final class Exchange: UpstreamReceiver {
    // Whose, where, since when.
    /// The connection owns its exchange and lets go of it before it goes itself (`channelInactive`).
    unowned(unsafe) let connection: ClientConnection
    let loop: LoopContext
    let view: LoopSnapshot
    let requestID: String
    let startedAt = NIODeadline.now()

    // 1 Accept
    var endpoint = Endpoint.local
    var clientDialect = Dialect.openai
    var method = HTTPMethod.post
    var call: ClientCall?
    var refusal: Refusal?
    /// Answered at the head, whatever follows it.
    var servesWithoutBody = false
    /// Fields that few requests have.
    var rare = RareFields()
    /// The answer to a browser's question, which needs no key.
    var preflight: [(name: String, value: String)]?
    /// What `access-control-allow-origin` says to the page that asks; empty where none does, or it may not read.
    var crossOrigin = ""
    /// What every answer to it carries.
    var crossOriginLines: [UInt8] = []
    var isHead = false
    var clientSpeaksHTTP11 = true
    var clientKeepsAlive = true

    // 2 Authenticate
    var key: ClientKey?
    var policy: KeyPolicyCheck?

    // 3 Decide
    var request = RequestLine()
    var route = -1
    var plan: AttemptPlan?

    // 4 Dispatch
    var candidate: Candidate?
    /// Of the candidate.
    var origin: AnswerOrigin?
    var attempts = 0
    var attempt = AttemptStateMachine()
    var upstream: UpstreamConnection?
    /// Tells callbacks of an attempt that was given up from those of the one at hand.
    var attemptSerial = 0
    var deadline = NIODeadline.distantFuture
    /// Of the candidate at hand.
    var times = AttemptTimes()
    var failures: [AttemptFailure] = []
    var conversion: ConversionContext?
    var lossy: [LossyNote] = []
    var hidesUsageChunk = false
    /// The upstream's rate limits in the client's words, for a converted answer.
    var limitLines: [UInt8] = []

    // 5 Relay
    var relay = RelayState()
    var gatedSignals: Signals = []
    /// A long whole answer is kept beside its way out, for the usage at its end.
    var largeBody: ByteBuffer?
    var cutReason: UpstreamFailure?
    var bytesAtInputClosed = 0
    /// When a silent stream's client was last told that it lives.
    var saidAliveAt = NIODeadline.uptimeNanoseconds(0)
    /// What the connection had sent before this answer.
    var bytesFlushedBefore = 0
    /// Converters write here; the memory is kept.
    var loopScratch: [UInt8] = []

    // 6 Settle
    var isBooked = false
    /// The end of the answer waits for the ledger.
    var isSealed = false
    var isOver = false
    var isClientGone = false
    var figures = Figures()

    init(connection: ClientConnection, loop: LoopContext) {
        self.connection = connection
        self.loop = loop
        view = loop.view
        requestID = loop.makeRequestID()
        loop.metrics.exchangeBegan()
    }

    var snapshot: Snapshot { view.snapshot }
    /// The request's path, without the query.
    var path: String { call?.path ?? "" }
    var configuration: Configuration { view.snapshot.configuration }

    /// What the log line will say, as far as it is numbers.
    struct Figures {
        var status = 0
        var bytesIn = 0
        var bytesOut = 0
        var inputTokens = -1
        var outputTokens = -1
        var firstByteMicroseconds = -1
        /// What the request's input may have cost, by an estimate; 0 where the upstream has told.
        var promptTokens = 0
        /// Of a rule that refused.
        var rejectedBy = -1
    }

    /// What the scan of the body found.
    struct RequestLine {
        /// As asked for; `*` where the path has no model and the body neither.
        var model = "*"
        var streams = false
        /// Where the body's object lies, when it is one; its members are the connection's `members`.
        var object: Range<Int>?
        /// The body names a model, so a tier's can take its place.
        var namesModel = false
        /// No client can ask for a model of that name.
        var namesNoModel: Bool { model == "*" }
        /// Where the model stands in a form.
        var form: FormModel?
        /// The models of a batch's requests.
        var batch: [BatchModel] = []
        /// It has an object called `thinking`.
        var thinks = false
        /// Some string in it begins as our envelopes do.
        var holdsEnvelopes = false
    }
}

@available(*, unavailable)
extension Exchange: Sendable {}
