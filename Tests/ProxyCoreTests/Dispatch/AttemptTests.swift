import Dialects
import Testing

@testable import ProxyCore

/// The machine of one attempt, the judge of its response, and the budget of further ones.
struct AttemptTests {
    @Test func `a reused connection that was closed under us is replaced once`() {
        var machine = AttemptStateMachine()
        machine.begin()
        machine.requestWritten(isReused: true)
        #expect(machine.failed(hasReceived: false, isTimeout: false) == .tryFreshConnection)
        machine.requestWritten(isReused: false)
        #expect(machine.failed(hasReceived: false, isTimeout: false) == .giveUp)
        #expect(machine.failed(hasReceived: false, isTimeout: false) == .ignore)
    }

    @Test(arguments: [(true, false), (false, true)])
    func `a reused connection that spoke, or that kept silent for too long, is not replaced`(hasReceived: Bool, isTimeout: Bool) {
        var machine = AttemptStateMachine()
        machine.begin()
        machine.requestWritten(isReused: true)
        #expect(machine.failed(hasReceived: hasReceived, isTimeout: isTimeout) == .giveUp)
    }

    @Test func `before it begins and after it ends nothing fails`() {
        var machine = AttemptStateMachine()
        #expect(machine.failed(hasReceived: false, isTimeout: false) == .ignore)
        machine.begin()
        machine.end()
        #expect(machine.failed(hasReceived: false, isTimeout: false) == .ignore)
    }

    /// A machine that has come so far.
    private static func machine(_ events: (inout AttemptStateMachine) -> Void) -> AttemptStateMachine {
        var machine = AttemptStateMachine()
        events(&machine)
        return machine
    }

    private static let idle = AttemptStateMachine()
    private static let connecting = machine { $0.begin() }
    private static let waiting = machine {
        $0.begin()
        $0.requestWritten(isReused: false)
    }
    private static let answering = machine {
        $0.begin()
        $0.requestWritten(isReused: false)
        $0.headCame()
    }
    private static let over = machine { $0.end() }

    @Test(arguments: [connecting, waiting, answering, over])
    func `an attempt begins once`(machine: AttemptStateMachine) {
        var changed = machine
        changed.begin()
        #expect(changed == machine)
    }

    @Test(arguments: [idle, waiting, answering, over], [true, false])
    func `a request is written where a connection was waited for`(machine: AttemptStateMachine, isReused: Bool) {
        var changed = machine
        changed.requestWritten(isReused: isReused)
        #expect(changed == machine)
    }

    @Test(arguments: [idle, connecting, answering, over])
    func `a head comes where a request was written`(machine: AttemptStateMachine) {
        var changed = machine
        changed.headCame()
        #expect(changed == machine)
    }

    @Test(arguments: [idle, connecting, waiting, answering, over])
    func `every attempt can end`(machine: AttemptStateMachine) {
        var changed = machine
        changed.end()
        #expect(changed == Self.over)
    }

    @Test(
        arguments: [
            (429, "", "429"), (500, "", "5xx"), (503, "", "5xx"), (529, "", "5xx"), (401, "", "unauthorized"),
            (402, "", "unauthorized"),
            (403, "", "unauthorized"), (400, #"{"error":{"message":"You have exhausted your capacity on m."}}"#, "exhausted"),
            (400, #"{"error":{"message":"Your credit balance is too low"}}"#, "exhausted"),
            (400, #"{"error":{"code":"Arrearage","message":"Access denied, please make sure that it is paid."}}"#, "exhausted"),
            (400, #"{"error":{"message":"Billing hard limit has been reached"}}"#, "exhausted"),
            (403, #"{"error":{"message":"API rate limit exceeded for user"}}"#, "exhausted"),
            (403, #"{"error":{"message":"Out of call volume quota."}}"#, "exhausted"),
            (401, #"{"error":{"message":"Your quota is exhausted"}}"#, "exhausted"),
            (403, #"{"detail":"User is locked. Reason: Exhausted balance."}"#, "unauthorized"),
            (400, #"{"error":{"message":"bad field"}}"#, nil),
            (404, "", nil), (413, "", nil), (422, "", nil),
        ] as [(Int, String, String?)])
    func `the default policy moves on for what another may serve`(status: Int, body: String, reason: String?) {
        let error = Array(body.utf8).withUnsafeBytes { UpstreamError.read(status: status, body: $0) }
        switch RetryPolicy.verdict(on: error, policy: FallbackPolicy()) {
        case .deliver: #expect(reason == nil)
        case .moveOn(let word, _): #expect(word.description == reason)
        }
    }

    static let missingScope = "You have insufficient permissions for this operation. Missing scopes: api.usage.read."
    static let noModel = "Project `proj_x` does not have access to model `gpt-5-pro`"

    @Test(
        arguments: [
            (401, "Incorrect API key provided", .generations, .account(.credential)),
            (401, "Incorrect API key provided", .request, .account(.credential)),
            (401, missingScope, .generations, .nothing), (401, missingScope, .request, .nothing),
            (402, "Insufficient Balance", .generations, .account(.money)),
            (402, "This request requires more credits, or fewer max_tokens.", .generations, .nothing),
            (403, missingScope, .generations, .nothing), (403, noModel, .generations, .model), (403, noModel, .limits, .nothing),
            (403, "The key has been revoked", .generations, .account(.credential)),
            (403, "The key has been revoked", .request, .nothing), (403, "no", .generations, .account(.credential)),
            (403, "no", .limits, .nothing), (403, "no", .request, .nothing),
            (403, "Your team has used all available credits", .generations, .account(.money)),
            (400, "API key not valid. Please pass a valid API key.", .generations, .account(.credential)),
            (400, "Your credit balance is too low to access the API", .generations, .account(.money)),
            (400, "You have reached your specified API usage limits. You will regain access on", .generations, .account(.money)),
            (429, "Request too large for gpt-4o on tokens per min", .generations, .nothing),
            (403, "Resource exhausted", .generations, .model), (403, "Resource exhausted", .limits, .model),
            (403, "Resource exhausted", .request, .nothing), (401, "Your quota is exhausted", .generations, .model),
            (403, "User is locked. Reason: Exhausted balance.", .generations, .account(.money)),
            (429, "Your prepayment credits are depleted.", .generations, .account(.money)),
            (429, "slow down", .generations, .model), (429, "slow down", .limits, .model), (429, "slow down", .request, .nothing),
            (500, "oops", .generations, .breaker), (529, "Overloaded", .generations, .breaker),
            (503, "You have exhausted your capacity", .generations, .model), (500, "oops", .limits, .nothing),
            (500, "oops", .request, .nothing),
        ] as [(Int, String, RetryPolicy.Reach, RetryPolicy.Rest)])
    func `an error rests what it is about and no more`(
        status: Int, message: String, reach: RetryPolicy.Reach, rests: RetryPolicy.Rest
    ) {
        let body = Array(#"{"error":{"message":"\#(message)","type":"some_error"}}"#.utf8)
        let error = body.withUnsafeBytes { UpstreamError.read(status: status, body: $0) }
        switch RetryPolicy.verdict(on: error, policy: FallbackPolicy(), reach: reach) {
        case .deliver: Issue.record("it is delivered")
        case .moveOn(_, let found): #expect(found == rests)
        }
    }

    @Test(
        arguments: [
            (#"{"error":{"message":"no"}}"#, .account(.credential)), (#"{"error":"no","code":"x"}"#, .account(.credential)),
            (#"{"message":"You may not"}"#, .account(.credential)), ("", .account(.credential)), (" \n", .account(.credential)),
            ("<html><body>Forbidden</body></html>", .model), ("error code: 1020", .model), (#"{"message":"Forbidden"}"#, .model),
        ] as [(String, RetryPolicy.Rest)])
    func `a 403 without a reason takes the account out where it is the vendor's own`(body: String, rests: RetryPolicy.Rest) {
        let error = Array(body.utf8).withUnsafeBytes { UpstreamError.read(status: 403, body: $0) }
        #expect(RetryPolicy.verdict(on: error, policy: FallbackPolicy()) == .moveOn(reason: .unauthorized, rests: rests))
    }

    @Test(arguments: [400, 403])
    func `what a vendor flagged is asked of nobody else, whatever it quotes`(status: Int) {
        let body = Array(
            #"{"error":{"message":"Your input was flagged: quota, credit, revoked","metadata":{"flagged_input":"quota"}}}"#.utf8)
        let error = body.withUnsafeBytes { UpstreamError.read(status: status, body: $0) }
        #expect(RetryPolicy.verdict(on: error, policy: FallbackPolicy()) == .deliver)
    }

    @Test(
        arguments: [
            (nil, .hint, 60_000), (2, .hint, 2_000), (0, .hint, 0), (-5, .hint, 0), (3_600, .hint, 3_600_000),
            (3_601, .hint, 3_600_000), (.max, .hint, 3_600_000), (.max, .window, 8 * 86_400_000), (86_400, .window, 86_400_000),
            (.min, .window, 0),
        ] as [(Int?, FallbackPolicy.WaitSubject, Int)])
    func `a told wait rests for max_cooldown at most, a window's reset for eight days`(
        seconds: Int?, subject: FallbackPolicy.WaitSubject, milliseconds: Int
    ) {
        #expect(FallbackPolicy().rest(statedSeconds: seconds, as: subject) == milliseconds)
    }

    @Test(
        arguments: [
            (7, false, 7), (7_200, false, 3_600), (.max, false, 3_600), (7_200, true, 7_200), (.max, true, 8 * 86_400),
            (nil, false, nil),
        ] as [(Int?, Bool, Int?)])
    func `a client is told to wait for max_cooldown at most, for a quota's reset eight days`(
        seconds: Int?, tellsReset: Bool, shown: Int?
    ) {
        let error = UpstreamError(
            errorClass: .rateLimit, status: 429, message: "", retryAfterSeconds: seconds, tellsReset: tellsReset)
        #expect(FallbackPolicy().shownSeconds(of: error) == shown)
    }

    @Test func `a wait that nobody told is max_cooldown at most, too`() {
        var policy = FallbackPolicy()
        policy.cooldown = .seconds(7_200)
        policy.maxCooldown = .seconds(3_600)
        #expect(policy.rest(statedSeconds: nil, as: .hint) == 3_600_000)
        policy.cooldown = .seconds(7)
        #expect(policy.rest(statedSeconds: nil, as: .window) == 7_000)
    }

    @Test(
        arguments: [
            (401, "no", .credential), (403, "This organization has been disabled.", .credential), (402, "no", .money),
            (429, "Your credit balance is too low", .money), (400, "API key not valid", .credential),
            (429, "slow down", nil), (403, "Your quota is exhausted", nil), (403, "You may not use this model", nil),
            (403, "Permission denied", nil), (403, "Missing scopes: api.usage.read", nil),
            (503, "oops", nil), (400, "messages: field required", nil),
        ] as [(Int, String, AccountState.Refusal.Kind?)])
    func `what refuses an account does so whether it sends the request on or not`(
        status: Int, message: String, kind: AccountState.Refusal.Kind?
    ) {
        let error = Array(#"{"error":{"message":"\#(message)"}}"#.utf8).withUnsafeBytes {
            UpstreamError.read(status: status, body: $0)
        }
        #expect(RetryPolicy.refusal(in: error) == kind)
    }

    @Test func `a status that is not listed goes to the client`() {
        var policy = FallbackPolicy()
        policy.on = [.status(503)]
        let error = UpstreamError(errorClass: .rateLimit, status: 429, message: "")
        #expect(RetryPolicy.verdict(on: error, policy: policy) == .deliver)
    }

    @Test(
        arguments: [
            (400, "max_tokens: must be less than 4096", .nothing), (404, "no such page", .nothing), (408, "late", .nothing),
            (409, "busy", .nothing), (422, "cannot be", .nothing),
            (429, "slow down", .model), (503, "oops", .breaker),
        ] as [(Int, String, RetryPolicy.Rest)])
    func `what the file sends on besides takes nobody out`(status: Int, message: String, rests: RetryPolicy.Rest) {
        var policy = FallbackPolicy()
        policy.on = [.statusClass(4), .statusClass(5)]
        let error = Array(#"{"error":{"message":"\#(message)"}}"#.utf8).withUnsafeBytes {
            UpstreamError.read(status: status, body: $0)
        }
        guard case .moveOn(_, let found) = RetryPolicy.verdict(on: error, policy: policy) else {
            Issue.record("it is delivered")
            return
        }
        #expect(found == rests)
    }

    @Test(
        arguments: [
            (401, "Incorrect API key provided", .status(401), .account(.credential)),
            (401, "Incorrect API key provided", .statusClass(4), .account(.credential)),
            (402, "Insufficient Balance", .status(402), .account(.money)),
            (403, "This organization has been disabled.", .status(403), .account(.credential)),
            (403, noModel, .statusClass(4), .model), (403, missingScope, .status(403), .nothing),
            (400, "API key not valid. Please pass a valid API key.", .status(400), .account(.credential)),
        ] as [(Int, String, FallbackPolicy.Trigger, RetryPolicy.Rest)])
    func `a refusal is about the account by whichever word it is sent on`(
        status: Int, message: String, word: FallbackPolicy.Trigger, rests: RetryPolicy.Rest
    ) {
        var policy = FallbackPolicy()
        policy.on = [word]
        let error = Array(#"{"error":{"message":"\#(message)"}}"#.utf8).withUnsafeBytes {
            UpstreamError.read(status: status, body: $0)
        }
        #expect(RetryPolicy.verdict(on: error, policy: policy) == .moveOn(reason: .unauthorized, rests: rests))
    }

    @Test func `what was taken from the budget and not used can be given back`() {
        let budget = RetryBudget()
        let now = 1_000_000
        for _ in 0..<50 {
            #expect(budget.spend(nowMilliseconds: now))
            budget.giveBack()
        }
        #expect((0..<100).count { _ in budget.spend(nowMilliseconds: now) } == 10)
    }

    @Test func `further attempts are bounded to a fifth of the requests and ten a second`() {
        let budget = RetryBudget()
        var now = 1_000_000
        let atOnce = (0..<100).count { _ in budget.spend(nowMilliseconds: now) }
        #expect(atOnce == 10)
        for _ in 0..<1000 { budget.countRequest() }
        #expect((0..<1000).count { _ in budget.spend(nowMilliseconds: now) } == 200)
        now += 1000
        #expect((0..<100).count { _ in budget.spend(nowMilliseconds: now) } == 10)
        now += 100_000
        #expect((0..<100).count { _ in budget.spend(nowMilliseconds: now) } == 10)
    }
}
