import Foundation
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
        for number in 0..<1_200 {
            book.cool(
                Self.id, model: "made-up-\(number)", until: Self.now + 60_000, reason: .response(.statusClass(5)),
                modelStatus: .stranger,
                now: Self.now + 1 + number)
        }
        let table = Self.cooldowns(book)
        #expect(table.count == AccountHealth.restingModels)
        #expect(table["real"] != nil)
        #expect(table["made-up-1199"] != nil)
        #expect(table["made-up-0"] == nil)
    }

    @Test func `who is drained stays so over a restart and away from the file, until somebody frees it`() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "proxyd-drained-\(UUID())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let other = AccountID(upstream: "a", account: "two")
        func start() -> AccountBook { AccountBook(drained: DrainedAccounts(directory: folder)) }
        func drained(_ book: AccountBook) -> [String] {
            book.states.current.accounts.filter(\.value.isDrained).map(\.key.account).sorted()
        }
        let book = start()
        #expect(drained(book) == [])
        book.drain(Self.id)
        book.drain(other)
        book.refuse(other, AccountState.Refusal(until: Self.now + 1000), now: Self.now)
        #expect(drained(start()) == ["one", "two"])
        book.free(Self.id)
        let second = start()
        #expect(drained(second) == ["two"])
        second.refuse(other, AccountState.Refusal(until: Self.now + 1000), now: Self.now)
        second.keepOnly([])
        #expect(second.states.current.accounts[other]?.refusal == nil, "of who is gone nothing else is kept")
        let third = start()
        third.keepOnly([])
        #expect(drained(second) == ["two"] && drained(third) == ["two"])
        third.free(other)
        #expect(drained(third) == [] && drained(start()) == [])
    }

    @Test(
        "A damaged list of drained accounts is told and set aside; what can be read of it stays",
        arguments: [
            ("", []), ("no JSON", []), ("[]", []), (#"{"drained":{}}"#, []),
            (#"{"drained":[{"upstream":"a"},{"upstream":"a","account":"two"}]}"#, ["two"]),
        ])
    func damagedList(text: String, left: [String]) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "proxyd-drained-\(UUID())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Data(text.utf8).write(to: URL(filePath: folder + "/drained.json"))
        for isFirst in [true, false] {
            let log = LogLines()
            let book = AccountBook(drained: DrainedAccounts(directory: folder, logger: log.logger))
            #expect(book.states.current.accounts.filter(\.value.isDrained).map(\.key.account) == left)
            #expect(log.all.contains { $0.contains("the list of drained accounts is damaged") } == isFirst)
        }
        let aside = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasPrefix("drained.json.damaged-") }
        #expect(aside.count == 1)
        #expect(FileManager.default.contents(atPath: folder + "/" + (aside.first ?? "")) == Data(text.utf8))
    }

    @Test func `what is over makes room before anybody gives way`() {
        let book = AccountBook()
        for number in 0..<AccountHealth.restingModels {
            let until = number < 500 ? Self.now + 1 : Self.now + 60_000
            book.cool(Self.id, model: "m\(number)", until: until, reason: .response(.status(429)), now: Self.now)
        }
        book.cool(Self.id, model: "last", until: Self.now + 60_000, reason: .response(.status(429)), now: Self.now + 10)
        #expect(Self.cooldowns(book).count == AccountHealth.restingModels - 500 + 1)
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
            #expect(Self.availability(book) == .refused(until: Self.now + 300_000))
            #expect(Self.availability(book, "other") == .refused(until: Self.now + 300_000))
            #expect(Self.availability(book, at: Self.now + 300_000) == .ready)
            book.keepOnly([Self.upstream])
            #expect(Self.availability(book) == .refused(until: Self.now + 300_000))
            end(book)
            #expect(Self.availability(book) == .ready)
        }
    }

    @Test func `a list of models proves a credential, not a balance`() {
        let book = AccountBook()
        book.refuse(Self.id, AccountState.Refusal(until: Self.now + 300_000, kind: .money, status: 402))
        book.succeed(Self.id, model: "*", proves: .access)
        #expect(Self.availability(book) == .outOfMoney(until: Self.now + 300_000))
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

    // MARK: Event tables

    /// Something that befalls account `one` of upstream `a`, ten milliseconds after what was before it.
    enum Event: Sendable {
        /// Model, and for how long.
        case cool(String, Int)
        case refuse(Int)
        case succeed(String)
        case free
        /// What a poll of upstream `a` says is left of `m`; nil for a poll that failed.
        case reading(Double?)
        /// What a poll of another upstream says.
        case strangeReading(Double)
        case pass(Int)
    }

    @Test(
        "What an account may be asked for follows from what befell it",
        arguments: [
            ([], .ready, .ready), ([.cool("m", 100)], .cooling(until: 110), .ready),
            // A rest is over at its time, not after it.
            ([.cool("m", 100), .pass(89)], .cooling(until: 110), .ready), ([.cool("m", 100), .pass(90)], .ready, .ready),
            ([.cool("m", 100), .cool("m", 500)], .cooling(until: 520), .ready),
            ([.cool("m", 100), .succeed("m")], .ready, .ready),
            ([.cool("m", 100), .succeed("n")], .cooling(until: 110), .ready),
            ([.cool("m", 100), .cool("n", 100), .free], .ready, .ready),
            // A refusal weighs more than a rest, and leaves it as it was.
            ([.cool("m", 500), .refuse(100)], .refused(until: 120), .refused(until: 120)),
            ([.cool("m", 500), .refuse(100), .pass(90)], .cooling(until: 510), .ready),
            ([.refuse(100), .cool("m", 500), .succeed("n")], .cooling(until: 520), .ready),
            ([.refuse(100), .cool("m", 500), .free], .ready, .ready),
            // A poll that finds quota again ends a rest; nothing else that it says does.
            ([.cool("m", 100), .reading(0.5)], .ready, .ready), ([.cool("m", 100), .reading(0.1)], .ready, .ready),
            ([.cool("m", 100), .reading(0.09)], .cooling(until: 110), .ready),
            ([.cool("m", 100), .reading(0)], .cooling(until: 110), .ready),
            ([.cool("n", 100), .reading(0.5)], .ready, .cooling(until: 110)),
            ([.cool("m", 100), .reading(nil)], .cooling(until: 110), .ready),
            ([.cool("m", 100), .strangeReading(0.5)], .cooling(until: 110), .ready),
            ([.refuse(100), .reading(0.5)], .refused(until: 110), .refused(until: 110)), ([.reading(0)], .ready, .ready),
        ] as [([Event], Availability, Availability)])
    func availability(_ events: [Event], ofM: Availability, ofN: Availability) {
        let book = AccountBook()
        // Counted from a time of its own, as the steady clock is.
        var now = 0
        for event in events {
            now += 10
            Self.apply(event, to: book, now: now)
            if case .pass(let time) = event { now += time }
        }
        #expect(Self.availability(book, "m", at: now) == ofM)
        #expect(Self.availability(book, "n", at: now) == ofN)
        let other = AccountID(upstream: "a", account: "two")
        #expect(book.states.current.availability(of: other, model: "m", now: now) == .ready)
        // Nothing is kept of an account that nothing is held against.
        if ofM == .ready, ofN == .ready, !events.contains(where: { if case .pass = $0 { true } else { false } }) {
            #expect(book.states.current.accounts.isEmpty)
        }
    }

    private static func apply(_ event: Event, to book: AccountBook, now: Int) {
        switch event {
        case .cool(let model, let time):
            book.cool(id, model: model, until: now + time, reason: .response(.status(429)), now: now)
        case .refuse(let time): book.refuse(id, AccountState.Refusal(until: now + time), now: now)
        case .succeed(let model): book.succeed(id, model: model)
        case .free: book.free(id)
        case .reading(let fraction): book.record(reading(fraction), upstream: "a", threshold: 0.1, now: now)
        case .strangeReading(let fraction): book.record(reading(fraction), upstream: "b", threshold: 0.1, now: now)
        case .pass: break
        }
    }

    private static func reading(_ fraction: Double?) -> QuotaReading {
        var reading = QuotaReading(takenAt: 0, goodUntil: .max)
        var share = QuotaReading.AccountQuota(account: "one")
        share.fraction = fraction ?? 1
        reading.models["m"] = QuotaReading.Model(accounts: [share])
        reading.error = fraction == nil ? "timeout" : nil
        return reading
    }

    @Test func `the least level is that of all readings, and goes with them`() {
        let book = AccountBook()
        #expect(book.states.current.leastLevel == 1)
        book.record(Self.reading(0.5), upstream: "a", threshold: 0.1, now: 0)
        book.record(Self.reading(0.25), upstream: "b", threshold: 0.1, now: 0)
        #expect(book.states.current.leastLevel == 0.25)
        #expect(book.states.current.quotaLevel(upstream: "a", model: "m", now: 0) == .known(0.5))
        #expect(book.states.current.quotaLevel(upstream: "c", model: "m", now: 0) == .unknown)
        var polled = Self.upstream
        polled.quota = QuotaSource()
        polled.quota?.poll = "/q"
        book.keepOnly([polled])
        #expect(book.states.current.leastLevel == 0.5)
        // An upstream that is polled no more has no quota that anybody knows.
        book.keepOnly([Self.upstream])
        #expect(book.states.current.leastLevel == 1)
        #expect(book.states.current.quotaLevel(upstream: "a", model: "m", now: 0) == .unknown)
    }

    @Test func `a table of nothing but known models gives up the one that has rested longest`() {
        let book = AccountBook()
        for number in 0...AccountHealth.restingModels {
            book.cool(
                Self.id, model: "m\(number)", until: Self.now + 60_000, reason: .response(.status(429)), now: Self.now + number)
        }
        let table = Self.cooldowns(book)
        #expect(table.count == AccountHealth.restingModels && table["m0"] == nil && table["m1"] != nil)
    }

    // MARK: What lasts, and what is told

    private static func fail(_ book: AccountBook, times: Int = Breaker.row) {
        for _ in 0..<times {
            let failure = AccountFailure(reason: .failure(.unreachable(.refused)), model: "m", modelStatus: .known)
            book.fail(id, failure, now: now)
        }
    }

    @Test func `failures that take nobody out are not published, and no loop looks for them`() {
        let book = AccountBook()
        Self.fail(book, times: Breaker.row - 1)
        #expect(book.states.current.accounts.isEmpty)
        Self.fail(book, times: 1)
        #expect(Self.availability(book, "any") == .failing(until: Self.now + Breaker.firstRest))
    }

    @Test func `what is held against an account, and what it did, survives a reload that keeps it`() {
        let book = AccountBook()
        Self.fail(book, times: Breaker.row - 1)
        book.load(of: Self.id).fail("it answered 429", now: 1)
        book.keepOnly([Self.upstream])
        #expect(book.states.current.load(of: Self.id)?.failures == 1)
        Self.fail(book, times: 1)
        book.drain(Self.id)
        book.keepOnly([Self.upstream], changedCredentials: [Self.id])
        #expect(Self.availability(book) == .drained)
        #expect(book.states.current.accounts[Self.id]?.failing != nil)
        book.keepOnly([])
        #expect(book.states.current.load(of: Self.id) == nil && Self.availability(book) == .drained)
        #expect(book.states.current.accounts[Self.id]?.failing == nil)
        // Nor is the row of failures kept of an account that went.
        Self.fail(book, times: 1)
        #expect(book.states.current.accounts[Self.id]?.failing == nil)
    }

    @Test func `every change is one line: for the worse a warning, for the better and of an operator a notice`() {
        let lines = LogLines()
        let book = AccountBook(logger: lines.logger)
        Self.fail(book, times: 40)
        book.succeed(Self.id, model: "m")
        book.succeed(Self.id, model: "m")
        for _ in 0..<3 {
            book.cool(Self.id, model: "m", until: Self.now + 60_000, reason: .response(.status(429)), now: Self.now)
        }
        book.succeed(Self.id, model: "m")
        book.drain(Self.id)
        book.drain(Self.id)
        book.free(Self.id)
        book.free(Self.id)
        let expected = [
            ("warning: an account is out", ["state", "failing", "refused", "until"]),
            ("notice: an account is back", [#""state": ready"#, "served"]),
            ("warning: a model rests at an account", ["cooling", "429", "m", "until"]),
            ("notice: a model is back at an account", [#""state": ready"#, "served"]),
            ("notice: an account is out", ["drained"]), ("notice: an account is back", [#""state": ready"#, "freed"]),
        ]
        let all = lines.all
        #expect(all.count == expected.count)
        for (line, (message, words)) in zip(all, expected) {
            #expect(line.hasPrefix(message))
            for word in words + ["a", "one"] { #expect(line.contains(word)) }
        }
    }

    @Test func `a used-up window is one line, the rest that comes of it none, that it is back one more`() {
        let lines = LogLines()
        let book = AccountBook(logger: lines.logger)
        book.keepOnly([Self.upstream])
        let window = QuotaWindow(
            .all, kind: "5h", share: 0, resetsAt: Self.now + 60_000, source: .headers, takenAt: Self.now)
        book.quota.record(Self.id, [window], now: Self.now)
        for _ in 0..<3 {
            book.tellQuota(now: Self.now)
            book.cool(Self.id, model: "m", until: Self.now + 30_000, reason: .response(.status(429)), now: Self.now)
        }
        #expect(lines.all.count == 1)
        let worse = lines.all.first ?? ""
        #expect(worse.hasPrefix("warning: an account is out"))
        for word in ["out_of_quota", "5h", "until"] { #expect(worse.contains(word)) }
        book.quota.expire(now: Self.now + 60_000)
        book.tellQuota(now: Self.now + 60_000)
        book.succeed(Self.id, model: "m", now: Self.now + 60_001)
        #expect(lines.all.count == 2)
        #expect(lines.all.last?.hasPrefix("notice: an account is back") == true)
    }

    @Test func `who is freed is one line, whatever was used up, and what is used up again is told again`() {
        let lines = LogLines()
        let book = AccountBook(logger: lines.logger)
        book.keepOnly([Self.upstream])
        func useUp(at time: Int) {
            let window = QuotaWindow(
                .all, kind: "5h", share: 0, resetsAt: Self.now + 60_000, source: .headers, takenAt: time)
            book.quota.record(Self.id, [window], now: time)
            book.tellUsedUp(now: time)
            book.cool(Self.id, model: "m", until: Self.now + 60_000, reason: .response(.status(429)), now: time)
        }
        for round in 0..<3 {
            useUp(at: Self.now + round * 100)
            book.free(Self.id, now: Self.now + round * 100 + 50)
        }
        book.tellQuota(now: Self.now + 1_000)
        #expect(lines.all.count == 6)
        for (index, line) in lines.all.enumerated() {
            let isOut = index % 2 == 0
            #expect(line.hasPrefix(isOut ? "warning: an account is out" : "notice: an account is back"), "\(line)")
            #expect(line.contains(isOut ? "out_of_quota" : "ready"), "\(line)")
        }
    }

    @Test func `a rest that is over is told, though nobody asks`() {
        let lines = LogLines()
        let book = AccountBook(logger: lines.logger)
        for (model, rest) in [("m", 2_000), ("n", 60_000)] {
            book.cool(Self.id, model: model, until: Self.now + rest, reason: .response(.status(429)), now: Self.now)
        }
        book.expireCooldowns(now: Self.now + 1_999)
        #expect(lines.all.count == 2)
        for _ in 0..<2 { book.expireCooldowns(now: Self.now + 2_000) }
        #expect(lines.all.count == 3)
        #expect(lines.all.last?.hasPrefix("notice: a model is back at an account") == true)
        #expect(Array(Self.cooldowns(book).keys) == ["n"])
    }

    @Test func `a name that only a client has said is no alarm`() {
        let lines = LogLines()
        let book = AccountBook(logger: lines.logger)
        book.cool(
            Self.id, model: "made-up", until: Self.now + 1, reason: .response(.status(429)), modelStatus: .stranger, now: Self.now
        )
        #expect(lines.all.map { $0.hasPrefix("info:") } == [true])
    }

    @Test func `one of few that were limited lately is told as any other, and says nothing of the account`() {
        let lines = LogLines()
        let book = AccountBook(logger: lines.logger)
        book.cool(
            Self.id, model: "new", until: Self.now + 60_000, reason: .response(.status(429)), modelStatus: .newcomer,
            now: Self.now)
        #expect(lines.all.map { $0.hasPrefix("warning:") } == [true])
        #expect(book.states.current.accounts[Self.id]?.isHealthy(now: Self.now) == true)
    }

    private static let upstream: Upstream = {
        var upstream = Upstream(
            name: "a", url: UpstreamURL(isTLS: false, host: "127.0.0.1", port: 1, basePath: ""), dialect: .openai)
        upstream.accounts = [Account(name: "one", key: nil)]
        return upstream
    }()
}
