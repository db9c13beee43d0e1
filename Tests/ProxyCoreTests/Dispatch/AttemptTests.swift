import Dialects
import Testing

@testable import ProxyCore

/// The machine of one attempt, the judge of its answer, and the budget of further ones.
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

    @Test(
        arguments: [
            (429, "", "429"), (500, "", "5xx"), (503, "", "5xx"), (529, "", "5xx"), (401, "", "unauthorized"),
            (402, "", "unauthorized"),
            (403, "", "unauthorized"), (400, #"{"error":{"message":"You have exhausted your capacity on m."}}"#, "exhausted"),
            (400, #"{"error":{"message":"Your credit balance is too low"}}"#, "exhausted"),
            (400, #"{"error":{"message":"bad field"}}"#, nil),
            (404, "", nil), (413, "", nil), (422, "", nil),
        ] as [(Int, String, String?)])
    func `the default policy moves on for what another may serve`(status: Int, body: String, reason: String?) {
        let error = Array(body.utf8).withUnsafeBytes { UpstreamError.read(status: status, body: $0, dialect: .anthropic) }
        switch AnswerJudge.judge(error, policy: FallbackPolicy()) {
        case .deliver: #expect(reason == nil)
        case .moveOn(let word, let refuses):
            #expect(word == reason)
            #expect(refuses == (reason == "unauthorized"))
        }
    }

    @Test func `a status that is not listed goes to the client`() {
        var policy = FallbackPolicy()
        policy.on = [.status(503)]
        let error = UpstreamError(errorClass: .rateLimit, status: 429, message: "")
        #expect(AnswerJudge.judge(error, policy: policy) == .deliver)
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
