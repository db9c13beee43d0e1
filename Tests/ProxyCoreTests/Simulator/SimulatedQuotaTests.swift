import Testing

@testable import Simulator

@Suite("Simulated quotas")
struct SimulatedQuotaTests {
    private static func options(drain: Double = 0.25, refill: Double = 0.5) -> SimulatorOptions {
        var options = SimulatorOptions()
        options.models = ["m", "n"]
        options.drainPerRequest = drain
        options.refillPerMinute = refill
        return options
    }

    private static let first = "first@example.com"
    private static let second = "second@example.com"

    @Test("each answer drains the fullest account, until none can pay")
    func drains() {
        var quotas = SimulatedQuotas(options: Self.options(refill: 0))
        var answered: [String] = []
        while let account = quotas.account(for: "m", own: nil, now: 0), answered.count < 100 {
            quotas.use(account: account, model: "m", now: 0)
            answered.append(account)
        }
        #expect(answered.count == 8)
        #expect(answered.filter { $0 == Self.first }.count == 4)
        #expect(quotas.remaining(account: Self.first, model: "m", now: 0) == 0)
        #expect(quotas.remaining(account: Self.first, model: "n", now: 0) == 1)
        #expect(quotas.account(for: "n", own: nil, now: 0) != nil)
    }

    @Test("what was used comes back with time, and no more than all")
    func refills() {
        var quotas = SimulatedQuotas(options: Self.options())
        quotas.set(0, account: Self.first, model: "m", now: 100)
        #expect(quotas.remaining(account: Self.first, model: "m", now: 100) == 0)
        #expect(quotas.remaining(account: Self.first, model: "m", now: 130) == 0.25)
        #expect(quotas.remaining(account: Self.first, model: "m", now: 10_000) == 1)
        #expect(quotas.reset(account: Self.first, model: "m", now: 160) == 220)
        #expect(quotas.reset(account: Self.first, model: "m", now: 10_000) == nil)
        quotas.set(0.1, account: "*", model: "*", now: 100)
        #expect(quotas.remaining(account: Self.second, model: "n", now: 100) == 0.1)
        #expect(quotas.wait(model: "m", now: 100) == 18)
        #expect(quotas.account(for: "m", own: nil, now: 117) == nil)
        #expect(quotas.account(for: "m", own: nil, now: 119) != nil)
    }

    @Test("an account that is not ok answers nothing, and a key's own account is the only one for it")
    func accounts() {
        var quotas = SimulatedQuotas(options: Self.options())
        #expect(quotas.account(for: "m", own: Self.second, now: 0) == Self.second)
        quotas.set(.invalid, account: Self.second)
        #expect(quotas.account(for: "m", own: Self.second, now: 0) == nil)
        #expect(quotas.account(for: "m", own: nil, now: 0) == Self.first)
        quotas.set(.error, account: "*")
        #expect(quotas.account(for: "m", own: nil, now: 0) == nil)
        quotas.clear()
        #expect(quotas.account(for: "m", own: Self.second, now: 0) == Self.second)
    }

    @Test("a quota that is not known is used without being counted")
    func unknown() {
        var quotas = SimulatedQuotas(options: Self.options())
        quotas.set(nil, account: "*", model: "m", now: 0)
        #expect(quotas.remaining(account: Self.first, model: "m", now: 1000) == nil)
        quotas.use(account: Self.first, model: "m", now: 0)
        #expect(quotas.remaining(account: Self.first, model: "m", now: 0) == nil)
        #expect(quotas.account(for: "m", own: nil, now: 0) != nil)
    }

    @Test("models that nobody configured are remembered, but not without bound")
    func models() {
        var quotas = SimulatedQuotas(options: Self.options())
        for number in 0..<1000 { quotas.use(account: Self.first, model: "model-\(number)", now: 0) }
        #expect(quotas.models.count == 200)
        #expect(quotas.remaining(account: Self.first, model: "model-0", now: 0) == 0.75)
    }
}
