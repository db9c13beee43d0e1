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
        var book = QuotaBook(options: Self.options(refill: 0))
        var answered: [String] = []
        while let account = book.account(for: "m", own: nil, now: 0), answered.count < 100 {
            book.use(account: account, model: "m", now: 0)
            answered.append(account)
        }
        #expect(answered.count == 8)
        #expect(answered.filter { $0 == Self.first }.count == 4)
        #expect(book.remaining(account: Self.first, model: "m", now: 0) == 0)
        #expect(book.remaining(account: Self.first, model: "n", now: 0) == 1)
        #expect(book.account(for: "n", own: nil, now: 0) != nil)
    }

    @Test("what was used comes back with time, and no more than all")
    func refills() {
        var book = QuotaBook(options: Self.options())
        book.set(0, account: Self.first, model: "m", now: 100)
        #expect(book.remaining(account: Self.first, model: "m", now: 100) == 0)
        #expect(book.remaining(account: Self.first, model: "m", now: 130) == 0.25)
        #expect(book.remaining(account: Self.first, model: "m", now: 10_000) == 1)
        #expect(book.reset(account: Self.first, model: "m", now: 160) == 220)
        #expect(book.reset(account: Self.first, model: "m", now: 10_000) == nil)
        book.set(0.1, account: "*", model: "*", now: 100)
        #expect(book.remaining(account: Self.second, model: "n", now: 100) == 0.1)
        #expect(book.wait(model: "m", now: 100) == 18)
        #expect(book.account(for: "m", own: nil, now: 117) == nil)
        #expect(book.account(for: "m", own: nil, now: 119) != nil)
    }

    @Test("an account that is not ok answers nothing, and a key's own account is the only one for it")
    func accounts() {
        var book = QuotaBook(options: Self.options())
        #expect(book.account(for: "m", own: Self.second, now: 0) == Self.second)
        book.set(.invalid, account: Self.second)
        #expect(book.account(for: "m", own: Self.second, now: 0) == nil)
        #expect(book.account(for: "m", own: nil, now: 0) == Self.first)
        book.set(.error, account: "*")
        #expect(book.account(for: "m", own: nil, now: 0) == nil)
        book.clear()
        #expect(book.account(for: "m", own: Self.second, now: 0) == Self.second)
    }

    @Test("a quota that is not known is used without being counted")
    func unknown() {
        var book = QuotaBook(options: Self.options())
        book.set(nil, account: "*", model: "m", now: 0)
        #expect(book.remaining(account: Self.first, model: "m", now: 1000) == nil)
        book.use(account: Self.first, model: "m", now: 0)
        #expect(book.remaining(account: Self.first, model: "m", now: 0) == nil)
        #expect(book.account(for: "m", own: nil, now: 0) != nil)
    }

    @Test("models that nobody configured are remembered, but not without bound")
    func models() {
        var book = QuotaBook(options: Self.options())
        for number in 0..<1000 { book.use(account: Self.first, model: "model-\(number)", now: 0) }
        #expect(book.models.count == 200)
        #expect(book.remaining(account: Self.first, model: "model-0", now: 0) == 0.75)
    }
}
