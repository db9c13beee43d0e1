import Testing

@testable import ProxyCore

/// What follows from what befalls an account. The clock is a number.
struct AccountHealthTests {
    private static let minute = 60_000

    private static func failure(
        _ reason: CooldownReason = .response(.statusClass(5)), model: String = "m", status: ModelStatus = .known,
        isProbe: Bool = false, servesOthers: Bool = true
    ) -> AccountFailure {
        AccountFailure(reason: reason, model: model, modelStatus: status, isProbe: isProbe, servesOthers: servesOthers)
    }

    private static func refusal(_ now: Int, kind: AccountState.Refusal.Kind = .credential) -> AccountState.Refusal {
        AccountState.Refusal(until: now + AccountHealth.refusalRest(probes: 0), kind: kind, status: 401, message: "no")
    }

    private static func failing(at now: Int = 0) -> AccountHealth {
        var health = AccountHealth()
        for _ in 0..<Breaker.row { _ = health.failed(failure(), now: now) }
        return health
    }

    // MARK: Failing

    @Test func `five failures take the account out for every model, which is told once`() {
        var health = AccountHealth()
        var changes: [AccountChange] = []
        for number in 0..<20 { changes += health.failed(Self.failure(), now: number) }
        #expect(changes.map(\.state) == [.failing] && changes.map(\.direction) == [.worse])
        #expect(changes.first?.reason == "5xx" && changes.first?.until == 4 + Breaker.firstRest)
        for model in ["m", "n"] {
            #expect(health.state.availability(of: model, now: 20) == .failing(until: 4 + Breaker.firstRest))
        }
        #expect(!health.state.isHealthy(now: 20) && health.state.standing(now: 20).word == .failing)
    }

    @Test func `its probe decides: back, or out for longer, which is told only when it is back`() {
        var health = Self.failing()
        #expect(health.claim(now: 4_999) == .taken)
        #expect(health.claim(now: 5_000) == .probe)
        #expect(health.claim(now: 5_001) == .taken)
        #expect(health.state.availability(of: "m", now: 5_001) == .failing(until: 5_000 + Breaker.probeTime))
        #expect(health.failed(Self.failure(isProbe: true), now: 5_100) == [])
        #expect(health.state.availability(of: "m", now: 5_101) == .failing(until: 15_100))
        #expect(health.claim(now: 15_100) == .probe)
        let changes = health.succeeded("n", proves: .generation)
        #expect(changes == [.better(.failing, reason: "served")])
        #expect(health.state.isPlain && health.faults.isPlain)
        #expect(health.claim(now: 15_101) == .free)
    }

    @Test func `what was asked before a limit was told says nothing of it`() {
        var health = AccountHealth()
        _ = health.cool("m", until: 60_000, reason: .response(.status(429)), modelStatus: .known, now: 100)
        #expect(health.succeeded("m", proves: .generation, asked: 99) == [])
        #expect(health.state.availability(of: "m", now: 200) == .cooling(until: 60_000))
        #expect(health.succeeded("m", proves: .generation, asked: 100).map(\.direction) == [.better])
        #expect(health.state.availability(of: "m", now: 200) == .ready)
        // Nor of a refusal; a probe is asked later.
        for time in [300, 400] { _ = health.refused(Self.refusal(time), isProbe: false, now: time) }
        #expect(health.succeeded("m", proves: .generation, asked: 299) == [] && health.state.refusal != nil)
        #expect(health.succeeded("m", proves: .generation, asked: 300) == [.better(.refused, reason: "served")])
    }

    @Test func `whoever answers is there, be it with an error of the client's`() {
        var health = Self.failing()
        #expect(health.responded() == [.better(.failing, reason: "answered")])
        #expect(health.state.isPlain)
        #expect(health.responded() == [])
    }

    @Test func `a list of models does not prove that generations are served`() {
        var health = Self.failing()
        #expect(health.succeeded("*", proves: .access) == [])
        #expect(health.state.failing != nil)
    }

    @Test func `a probe whose client has left gives its place away`() {
        var health = Self.failing()
        #expect(health.claim(now: 5_000) == .probe)
        health.dropProbe(now: 5_200)
        #expect(health.state.availability(of: "m", now: 5_200) == .ready)
        #expect(health.claim(now: 5_200) == .probe)
    }

    @Test func `a probe for a name that only a client has said gives its place away, however it fails`() {
        var health = Self.failing()
        _ = health.refused(Self.refusal(0), isProbe: false, now: 0)
        let due = 5 * Self.minute
        #expect(health.claim(now: due) == .probe)
        _ = health.failed(Self.failure(model: "made-up", status: .stranger, isProbe: true), now: due + 9)
        #expect(health.claim(now: due + 9) == .probe)
        // One that was not let through to try takes nobody's place.
        _ = health.failed(Self.failure(model: "made-up", status: .stranger), now: due + 10)
        #expect(health.claim(now: due + 10) == .taken)
    }

    @Test(
        arguments: [
            (.response(.statusClass(5)), .stranger, false), (.response(.statusClass(5)), .known, true),
            (.failure(.firstByteTimeout), .stranger, false), (.failure(.disconnected), .stranger, false),
            (.failure(.unreachable(.refused)), .stranger, true), (.failure(.connectTimeout), .stranger, true),
        ] as [(CooldownReason, ModelStatus, Bool)])
    func `a name that only a client has said fails for itself, but where nobody is there`(
        reason: CooldownReason, status: ModelStatus, isAboutAccount: Bool
    ) {
        var health = AccountHealth()
        for _ in 0..<Breaker.row { _ = health.failed(Self.failure(reason, model: "made-up", status: status), now: 0) }
        #expect((health.state.failing != nil) == isAboutAccount)
        #expect((health.state.cooldowns["made-up"] != nil) == !isAboutAccount)
        #expect((health.state.availability(of: "m", now: 1) == .ready) == !isAboutAccount)
    }

    @Test(
        arguments: [(.response(.statusClass(5)), Breaker.row), (.failure(.firstByteTimeout), Breaker.timeouts)]
            as [(CooldownReason, Int)])
    func `where nothing tells that the account is well, a name that only a client has said counts for it`(
        reason: CooldownReason, row: Int
    ) {
        var health = AccountHealth()
        var changes: [AccountChange] = []
        for _ in 0..<row {
            changes += health.failed(Self.failure(reason, model: "new", status: .stranger, servesOthers: false), now: 0)
        }
        #expect(changes.map(\.state) == [.failing])
        #expect(health.state.cooldowns.isEmpty && health.faults.strangers.isEmpty)
        // Its probe decides, like any other.
        #expect(health.claim(now: 5_000) == .probe)
        _ = health.failed(
            Self.failure(reason, model: "new", status: .stranger, isProbe: true, servesOthers: false), now: 5_100)
        #expect(health.state.availability(of: "m", now: 5_101) == .failing(until: 15_100))
    }

    @Test func `names that clients think of are few, and short`() {
        var health = AccountHealth()
        for number in 0..<1_000 {
            _ = health.failed(Self.failure(model: "made-up-\(number)", status: .stranger), now: number)
        }
        #expect(health.faults.strangers.count == AccountFaults.strangerNames)
        #expect(health.faults.strangers["made-up-999"] != nil && health.state.isPlain)
        let long = String(repeating: "x", count: 100_000)
        for number in 0..<10 { _ = health.failed(Self.failure(model: long, status: .stranger), now: number) }
        #expect(health.faults.strangers[long] == nil && health.state.cooldowns.isEmpty)
    }

    // MARK: Refused

    @Test func `a refused account is tried after 5, 10, 20, 40 and 60 minutes`() {
        var health = AccountHealth()
        var now = 0
        #expect(health.refused(Self.refusal(now), isProbe: false, now: now).map(\.state) == [.refused])
        for minutes in [5, 10, 20, 40, 60, 60] {
            let due = now + minutes * Self.minute
            #expect(health.state.availability(of: "m", now: due - 1) == .refused(until: due))
            #expect(health.claim(now: due - 1) == .taken)
            #expect(health.claim(now: due) == .probe)
            #expect(health.claim(now: due) == .taken)
            now = due + 50
            #expect(health.refused(Self.refusal(now), isProbe: true, now: now) == [])
        }
        #expect(health.claim(now: now + 60 * Self.minute) == .probe)
        #expect(health.succeeded("m", proves: .access) == [.better(.refused, reason: "served")])
        #expect(health.state.isPlain)
    }

    @Test func `requests that were under way when it was refused make it no longer`() {
        var health = AccountHealth()
        for number in 0..<50 { _ = health.refused(Self.refusal(number), isProbe: false, now: number) }
        #expect(health.state.refusal?.until == 5 * Self.minute)
        #expect(health.state.refusal?.probes == 0)
    }

    @Test func `what it is refused for may change, and is told`() {
        var health = AccountHealth()
        _ = health.refused(Self.refusal(0), isProbe: false, now: 0)
        #expect(health.refused(Self.refusal(1, kind: .money), isProbe: false, now: 1).map(\.state) == [.outOfMoney])
        #expect(health.state.availability(of: "m", now: 2) == .outOfMoney(until: 5 * Self.minute))
        #expect(health.succeeded("*", proves: .access) == [])
        #expect(health.succeeded("m", proves: .generation) == [.better(.outOfMoney, reason: "served")])
    }

    @Test func `a longer wait that the upstream names is kept`() {
        var health = AccountHealth()
        var refusal = Self.refusal(0, kind: .money)
        refusal.until = 86_400_000
        _ = health.refused(refusal, isProbe: false, now: 0)
        #expect(health.state.availability(of: "m", now: 86_399_999) == .outOfMoney(until: 86_400_000))
    }

    @Test func `a probe of a refused account that tells nothing lets the next one try`() {
        var health = AccountHealth()
        _ = health.refused(Self.refusal(0), isProbe: false, now: 0)
        #expect(health.claim(now: 5 * Self.minute) == .probe)
        health.dropProbe(now: 5 * Self.minute + 9)
        #expect(health.claim(now: 5 * Self.minute + 9) == .probe)
        #expect(health.state.refusal?.probes == 0)
    }

    // MARK: Limited

    @Test func `a model that rests is told when it begins to, not every time`() {
        var health = AccountHealth()
        func cool(_ until: Int, _ reason: CooldownReason, now: Int) -> Int {
            health.cool("m", until: until, reason: reason, modelStatus: .known, now: now).count
        }
        #expect(cool(100, .response(.status(429)), now: 0) == 1)
        #expect(cool(200, .response(.status(429)), now: 50) == 0)
        #expect(cool(300, .response(.exhausted), now: 60) == 1)
        #expect(cool(900, .response(.exhausted), now: 300) == 1)
        #expect(health.state.availability(of: "m", now: 400) == .cooling(until: 900))
        #expect(health.state.availability(of: "n", now: 400) == .ready)
        let changes = health.succeeded("m", proves: .generation)
        #expect(changes.map(\.model) == ["m"] && changes.map(\.direction) == [.better])
        #expect(health.state.isPlain)
    }

    @Test func `a rest that was told otherwise is no line, nor is its end, until something else is why`() {
        var health = AccountHealth()
        func cool(isTold: Bool, now: Int) -> Int {
            health.cool(
                "m", until: now + 100, reason: .response(.status(429)), modelStatus: .known, isTold: isTold, now: now
            ).count
        }
        #expect(cool(isTold: false, now: 0) == 0)
        #expect(health.state.availability(of: "m", now: 50) == .cooling(until: 100))
        #expect(health.succeeded("m", proves: .generation) == [])
        #expect(cool(isTold: false, now: 200) == 0)
        #expect(cool(isTold: true, now: 210) == 1)
        // What was told once has an end that is told, whatever comes of it.
        #expect(cool(isTold: false, now: 220) == 0)
        #expect(health.succeeded("m", proves: .generation).count == 1)
    }

    @Test func `quota that is back ends a rest at once, and the end of what is over is told`() {
        var health = AccountHealth()
        for (model, until) in [("m", 100), ("n", 1_000), ("o", 1_000)] {
            _ = health.cool(model, until: until, reason: .response(.status(429)), modelStatus: .known, now: 0)
        }
        let changes = health.endCooldowns(now: 500) { $0 != "o" }
        #expect(changes.compactMap(\.model).sorted() == ["m", "n"] && changes.allSatisfy { $0.direction == .better })
        #expect(health.state.cooldowns.keys.sorted() == ["o"])
    }

    // MARK: Operators

    @Test func `a drained account stays out until it is freed, whatever it serves meanwhile`() {
        var health = AccountHealth()
        #expect(health.drain().map(\.state) == [.drained])
        #expect(health.drain() == [])
        _ = health.succeeded("m", proves: .generation)
        _ = health.changeCredential()
        #expect(health.state.availability(of: "m", now: .max) == .drained)
        #expect(health.claim(now: .max) == .taken)
        #expect(health.free(now: 0) == [.better(.drained, reason: "freed")])
        #expect(health.state.isPlain)
        #expect(health.free(now: 0) == [])
    }

    @Test func `an operator's word ends everything that is held against an account`() {
        var health = Self.failing()
        _ = health.refused(Self.refusal(0), isProbe: false, now: 0)
        _ = health.cool("m", until: 1_000, reason: .response(.status(429)), modelStatus: .known, now: 0)
        #expect(health.free(now: 1).map(\.state) == [.refused])
        #expect(health.state.isPlain && health.faults.isPlain)
    }

    @Test func `a new credential ends a refusal and rests, not that nobody is there`() {
        var health = Self.failing()
        _ = health.refused(Self.refusal(0), isProbe: false, now: 0)
        _ = health.cool("m", until: 1_000, reason: .response(.status(429)), modelStatus: .known, now: 0)
        let changes = health.changeCredential()
        #expect(changes.map(\.state) == [.refused, .cooling] && changes.map(\.model) == [nil, "m"])
        #expect(changes.allSatisfy { $0.direction == .better && $0.reason == "its credential changed" })
        #expect(health.state.refusal == nil && health.state.cooldowns.isEmpty && health.state.failing != nil)
    }

    @Test func `what weighs most is what is told of an account`() {
        var health = AccountHealth()
        #expect(health.state.standing(now: 0) == AccountStanding(.ready))
        _ = health.cool("m", until: 100, reason: .response(.status(429)), modelStatus: .known, now: 0)
        #expect(health.state.standing(now: 0) == AccountStanding(.cooling, reason: "it answered 429", until: 100))
        #expect(health.state.standing(now: 100) == AccountStanding(.ready))
        for _ in 0..<Breaker.timeouts { _ = health.failed(Self.failure(.failure(.firstByteTimeout)), now: 0) }
        #expect(health.state.standing(now: 0).word == .failing)
        _ = health.refused(Self.refusal(0), isProbe: false, now: 0)
        #expect(health.state.standing(now: 0) == AccountStanding(.refused, reason: "no", until: 5 * Self.minute))
        _ = health.drain()
        #expect(health.state.standing(now: 0).word == .drained)
    }
}
