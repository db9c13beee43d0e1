import Testing

@testable import ProxyCore

/// What is held against accounts, its bounds, and its ends.
struct AccountBookTests {
    private static let id = AccountID(upstream: "a", account: "one")
    private static let now = 1_000_000

    private static func availability(_ book: AccountBook, _ model: String = "m", at time: Int = now) -> Availability {
        book.states.current.availability(of: id, model: model, now: time)
    }

    private static func cooldowns(_ book: AccountBook) -> [String: AccountState.Cooldown] {
        book.states.current.accounts[id]?.cooldowns ?? [:]
    }

    @Test func `a table of resting models has a bound, and the oldest stranger goes first`() {
        let book = AccountBook()
        book.cool(
            Self.id, model: "real", until: Self.now + 60_000, reason: .response(.status(429)), modelStatus: .known, now: Self.now)
        for number in 0..<3_000 {
            book.cool(
                Self.id, model: "made-up-\(number)", until: Self.now + 60_000, reason: .response(.statusClass(5)),
                modelStatus: .stranger,
                now: Self.now + 1 + number)
        }
        let table = Self.cooldowns(book)
        #expect(table.count == AccountBook.restingModels)
        #expect(table["real"] != nil)
        #expect(table["made-up-2999"] != nil)
        #expect(table["made-up-0"] == nil)
    }

    @Test func `what is over makes room before anybody gives way`() {
        let book = AccountBook()
        for number in 0..<AccountBook.restingModels {
            let until = number < 500 ? Self.now + 1 : Self.now + 60_000
            book.cool(Self.id, model: "m\(number)", until: until, reason: .response(.status(429)), now: Self.now)
        }
        book.cool(Self.id, model: "last", until: Self.now + 60_000, reason: .response(.status(429)), now: Self.now + 10)
        #expect(Self.cooldowns(book).count == AccountBook.restingModels - 500 + 1)
    }

    @Test func `a name that no vendor would have is not kept`() {
        let book = AccountBook()
        book.cool(
            Self.id, model: String(repeating: "x", count: 257), until: Self.now + 60_000, reason: .response(.status(429)),
            now: Self.now)
        #expect(Self.cooldowns(book).isEmpty)
    }

    @Test func `a stranger's rest says nothing of the account, but where nobody is there`() {
        let book = AccountBook()
        book.cool(
            Self.id, model: "x", until: Self.now + 60_000, reason: .response(.statusClass(5)), modelStatus: .stranger,
            now: Self.now)
        #expect(book.states.current.accounts[Self.id]?.isHealthy(now: Self.now) == true)
        book.cool(
            Self.id, model: "y", until: Self.now + 60_000, reason: .failure(.unreachable(.other)), modelStatus: .stranger,
            now: Self.now)
        #expect(book.states.current.accounts[Self.id]?.isHealthy(now: Self.now) == false)
    }

    @Test func `a refusal takes all models out until a success, its time, a free, or a new credential`() throws {
        let refusal = AccountState.Refusal(until: Self.now + 300_000, message: "no")
        let ends: [(AccountBook) -> Void] = [
            { $0.succeed(Self.id, model: "m") }, { $0.free(Self.id) },
            { $0.keepOnly([Self.upstream], changedCredentials: [Self.id]) }, { $0.keepOnly([]) },
        ]
        for end in ends {
            let book = AccountBook()
            book.refuse(Self.id, refusal)
            #expect(Self.availability(book) == .refused)
            #expect(Self.availability(book, "other") == .refused)
            #expect(Self.availability(book, at: Self.now + 300_000) == .ready)
            book.keepOnly([Self.upstream])
            #expect(Self.availability(book) == .refused)
            end(book)
            #expect(Self.availability(book) == .ready)
        }
    }

    @Test func `a list of models proves a credential, not a balance`() {
        let book = AccountBook()
        book.refuse(Self.id, AccountState.Refusal(until: Self.now + 300_000, kind: .money, status: 402))
        book.succeed(Self.id, model: "*", proves: .access)
        #expect(Self.availability(book) == .refused)
        book.succeed(Self.id, model: "m", proves: .generation)
        #expect(Self.availability(book) == .ready)
        book.refuse(Self.id, AccountState.Refusal(until: Self.now + 300_000))
        book.succeed(Self.id, model: "*", proves: .access)
        #expect(Self.availability(book) == .ready)
    }

    @Test func `the steady clock does not go back`() {
        var last = SteadyClock.milliseconds
        for _ in 0..<1_000 {
            let now = SteadyClock.milliseconds
            #expect(now >= last)
            last = now
        }
    }

    @Test func `a reading keeps no more than its bounds, whatever an upstream tells`() throws {
        let models = (0..<3_000).map { #""m\#($0)":{"remainingFraction":0.5}"# }.joined(separator: ",")
        let long = String(repeating: "x", count: 300)
        let repeated = (0..<30_000).map { _ in #""m1":{"remainingFraction":0.1}"# }.joined(separator: ",")
        let body =
            #"{"accounts":[{"name":"a","models":{"\#(long)":{"remainingFraction":0},\#(models)}},{"name":"b","models":{\#(repeated)}}]}"#
        let reading = try #require(QuotaReading(health: Array(body.utf8), takenAt: Self.now, goodUntil: Self.now))
        #expect(reading.models.count == QuotaReading.maximumModels)
        #expect(reading.models[long] == nil)
        #expect(reading.models.values.reduce(0) { $0 + $1.accounts.count } <= QuotaReading.maximumShares)
    }

    @Test func `an empty model is empty by the steady clock, for eight days at most`() throws {
        let wallAhead = 1_700_000_000_000
        let wall = Self.now + wallAhead
        for (reset, until) in [(wall + 60_000, Self.now + 60_000), (wall + 900 * 86_400_000, Self.now + 8 * 86_400_000)] {
            let body = #"{"accounts":[{"models":{"m":{"remainingFraction":null,"resetTime":\#(reset)}}}]}"#
            let reading = try #require(
                QuotaReading(health: Array(body.utf8), takenAt: wall, goodUntil: .max, wallAhead: wallAhead))
            #expect(reading.level(of: "m", now: until - 1) == .known(0))
            #expect(reading.level(of: "m", now: until) == .unknown)
            #expect(reading.models["m"]?.accounts.first?.resetAt == reset)
        }
    }

    private static let upstream: Upstream = {
        var upstream = Upstream(
            name: "a", url: UpstreamURL(isTLS: false, host: "127.0.0.1", port: 1, basePath: ""), dialect: .openai)
        upstream.accounts = [Account(name: "one", key: nil)]
        return upstream
    }()
}
