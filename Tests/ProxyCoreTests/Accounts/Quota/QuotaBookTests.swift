import Testing

@testable import ProxyCore

/// How what is told of accounts becomes what is left of them.
struct QuotaBookTests {
    private static let now = 1_000_000
    private static let wallAhead = 1_800_000_000_000
    private static let hour = 3_600_000
    private static let one = AccountID(upstream: "a", account: "one")
    private static let two = AccountID(upstream: "a", account: "two")

    private static func upstream(_ accounts: [String], change: (inout Upstream) -> Void = { _ in }) -> Upstream {
        var upstream = Upstream(
            name: "a", url: UpstreamURL(isTLS: false, host: "127.0.0.1", port: 1, basePath: ""), dialect: .openai,
            accounts: accounts.map { Account(name: $0, key: nil) })
        var quota = QuotaSource()
        quota.poll = "/q"
        upstream.quota = quota
        change(&upstream)
        return upstream
    }

    private static func book(_ accounts: [String] = ["one", "two"]) -> AccountBook {
        let book = AccountBook()
        book.keepOnly([upstream(accounts)])
        return book
    }

    private static func poll(_ accounts: String, at time: Int = now, into book: AccountBook) throws {
        let body = Array(#"{"accounts":\#(accounts)}"#.utf8)
        let reading = try #require(
            QuotaReading(health: body, takenAt: time + wallAhead, goodUntil: time + 90_000, wallAhead: wallAhead))
        book.record(reading, upstream: "a", threshold: 0.05, now: time, wallAhead: wallAhead)
    }

    private static func shares(_ book: AccountBook, _ model: String = "m", at time: Int = now) -> [QuotaLevel] {
        [one, two].map { book.states.current.share(of: $0, model: model, now: time) }
    }

    // MARK: Polls

    @Test(
        "A poll's names are those of accounts, or count together",
        arguments: [
            // accounts of the poll, share of account one, of two, of the best
            (
                #"[{"name":"one","models":{"m":{"remainingFraction":0.2}}},{"name":"two","models":{"m":{"remainingFraction":0.7}}}]"#,
                .known(0.2), .known(0.7), .known(0.7)
            ),
            (
                #"[{"email":"two@x.test","models":{"m":{"remainingFraction":0.7}}},{"email":"one@y.test","models":{"m":{"remainingFraction":0}}}]"#,
                .known(0), .known(0.7), .known(0.7)
            ),
            // A name weighs more than an address.
            (#"[{"name":"one","email":"two@x.test","models":{"m":{"remainingFraction":0.2}}}]"#, .known(0.2), .unknown, .unknown),
            (
                #"[{"email":"x@x.test","models":{"m":{"remainingFraction":0.2}}},{"email":"y@x.test","models":{"m":{"remainingFraction":0.6}}}]"#,
                .known(0.6), .known(0.6), .known(0.6)
            ),
            // One has its own, the other what the strangers have together.
            (
                #"[{"name":"one","models":{"m":{"remainingFraction":0.2}}},{"name":"x","models":{"m":{"remainingFraction":0.6}}}]"#,
                .known(0.2), .known(0.6), .known(0.6)
            ),
            // One that the poll calls broken has nothing of the strangers', and does not count.
            (
                #"[{"name":"one","status":"error","models":{"m":{"remainingFraction":1}}},{"name":"x","models":{"m":{"remainingFraction":0.6}}}]"#,
                .unknown, .known(0.6), .known(0.6)
            ),
            (
                #"[{"name":"one","status":"invalid","models":{"m":{"remainingFraction":1}}},{"name":"two","status":"ok","models":{"m":{"remainingFraction":0.04}}}]"#,
                .unknown, .known(0.04), .known(0.04)
            ),
            // Where that would be all, nothing is known.
            (
                #"[{"name":"one","status":"invalid","models":{"m":{"remainingFraction":1}}},{"name":"two","status":"error","models":{"m":{"remainingFraction":0.04}}}]"#,
                .unknown, .unknown, .unknown
            ),
            // Of two that have one name the less counts.
            (
                #"[{"name":"one","models":{"m":{"remainingFraction":0.9}}},{"name":"one","models":{"m":{"remainingFraction":0.1}}},{"name":"two","models":{"m":{"remainingFraction":1}}}]"#,
                .known(0.1), .known(1), .known(1)
            ),
            (#"[{"name":"one","models":{"n":{"remainingFraction":0}}}]"#, .unknown, .unknown, .unknown),
            (#"[]"#, .unknown, .unknown, .unknown),
        ] as [(String, QuotaLevel, QuotaLevel, QuotaLevel)])
    func names(accounts: String, ofOne: QuotaLevel, ofTwo: QuotaLevel, best: QuotaLevel) throws {
        let book = Self.book()
        try Self.poll(accounts, into: book)
        #expect(Self.shares(book) == [ofOne, ofTwo])
        #expect(book.states.current.quotaLevel(upstream: "a", model: "m", now: Self.now) == best)
        #expect(Self.shares(book, at: Self.now + 90_001) == [.unknown, .unknown])
    }

    @Test func `who does not count does so until the poll calls it well, it is freed, or the poll is old`() throws {
        let broken = #"[{"name":"one","status":"error"},{"name":"two","models":{"m":{"remainingFraction":0.5}}}]"#
        let ends: [(AccountBook) throws -> Int] = [
            { _ in Self.now + 90_001 },
            {
                $0.free(Self.one, now: Self.now + 1)
                return Self.now + 1
            },
            {
                try Self.poll(#"[{"name":"one","models":{}},{"name":"two","models":{}}]"#, at: Self.now + 1, into: $0)
                return Self.now + 1
            },
            {
                $0.keepOnly([Self.upstream(["one", "two"]) { $0.quota = nil }])
                return Self.now
            },
        ]
        for end in ends {
            let book = Self.book()
            try Self.poll(broken, into: book)
            #expect(book.states.current.isUnusable(Self.one, now: Self.now))
            #expect(!book.states.current.isUnusable(Self.two, now: Self.now))
            let time = try end(book)
            #expect(!book.states.current.isUnusable(Self.one, now: time))
        }
    }

    @Test func `a polled window is full after its reset, as long as the poll is believed`() throws {
        let book = Self.book(["one"])
        let reset = Self.now + Self.wallAhead + 30_000
        try Self.poll(#"[{"models":{"m":{"remainingFraction":0.0,"resetTime":\#(reset)}}}]"#, into: book)
        let states = book.states.current
        #expect(states.share(of: Self.one, model: "m", now: Self.now + 29_999) == .known(0))
        #expect(states.windows[Self.one]?.emptyUntil("m", now: Self.now) == Self.now + 30_000)
        #expect(states.share(of: Self.one, model: "m", now: Self.now + 30_000) == .known(1))
        #expect(states.share(of: Self.one, model: "m", now: Self.now + 90_001) == .unknown)
    }

    @Test func `what a poll does not tell any more is unknown`() throws {
        let book = Self.book(["one"])
        try Self.poll(#"[{"models":{"m":{"remainingFraction":0.0}}}]"#, into: book)
        #expect(Self.shares(book)[0] == .known(0))
        try Self.poll(#"[{"models":{"m":{"remainingFraction":null}}}]"#, at: Self.now + 1_000, into: book)
        #expect(Self.shares(book, at: Self.now + 1_000)[0] == .unknown)
    }

    @Test func `a poll that fails leaves the windows of the one before`() throws {
        let book = Self.book(["one"])
        try Self.poll(#"[{"models":{"m":{"remainingFraction":0.5}}}]"#, into: book)
        var failed = try #require(book.states.current.quotas["a"])
        failed.error = "timeout"
        book.record(failed, upstream: "a", threshold: 0.05, now: Self.now + 30_000, wallAhead: Self.wallAhead)
        #expect(Self.shares(book, at: Self.now + 30_000)[0] == .known(0.5))
    }

    // MARK: Refusals

    @Test func `a refusal for the lack of a window that is known adds none`() {
        for (later, kinds) in [(0, ["5h"]), (999, ["5h"]), (Self.hour, ["5h", "share"])] {
            let book = Self.book(["one"])
            let window = QuotaWindow(
                .all, kind: "5h", share: 0, resetsAt: Self.now + Self.hour, source: .headers, takenAt: Self.now)
            book.quota.record(Self.one, [window], now: Self.now)
            book.quota.refused(Self.one, model: "m", until: Self.now + Self.hour + later, now: Self.now)
            #expect(book.states.current.windows[Self.one]?.list(now: Self.now).map(\.kind) == kinds)
        }
    }

    @Test func `a refusal empties a model until its time, a success, or a poll that knows better`() throws {
        let ends: [(AccountBook) throws -> Void] = [
            { $0.quota.served(Self.one, model: "m") },
            { try Self.poll(#"[{"models":{"m":{"remainingFraction":1}}}]"#, at: Self.now + 1, into: $0) },
        ]
        for end in ends {
            let book = Self.book(["one"])
            book.quota.refused(Self.one, model: "m", until: Self.now + Self.hour, now: Self.now)
            #expect(Self.shares(book)[0] == .known(0))
            #expect(Self.shares(book, "n")[0] == .unknown)
            #expect(Self.shares(book, at: Self.now + Self.hour)[0] == .known(1))
            let version = book.states.current.version
            book.quota.served(Self.one, model: "n")
            #expect(book.states.current.version == version, "published though nothing changed")
            #expect(Self.shares(book)[0] == .known(0))
            try end(book)
            #expect(Self.shares(book, at: Self.now + 1)[0] != .known(0))
        }
    }

    @Test func `what the head of a refusal calls used up is not where the model is served and nothing else is told`() {
        func told(isRefused: Bool) -> AccountBook {
            let book = Self.book(["one"])
            var windows = [QuotaWindow.Models.all, .model("m"), .model("n")].map {
                QuotaWindow($0, kind: "5h", share: 0, resetsAt: Self.now + Self.hour, source: .headers, takenAt: Self.now)
            }
            for index in windows.indices { windows[index].isRefused = isRefused }
            book.quota.record(Self.one, windows, now: Self.now)
            return book
        }
        let served = told(isRefused: true)
        served.quota.served(Self.one, model: "m", tellsQuota: true, now: Self.now)
        #expect(Self.shares(served)[0] == .known(0))
        served.quota.served(Self.one, model: "m", tellsQuota: false, now: Self.now)
        #expect(Self.shares(served)[0] == .unknown && Self.shares(served, "n")[0] == .known(0))
        let late = told(isRefused: true)
        late.quota.served(Self.one, model: "m", tellsQuota: false, asked: Self.now - 1, now: Self.now)
        #expect(Self.shares(late)[0] == .known(0))
        late.quota.served(Self.one, model: "m", tellsQuota: false, asked: Self.now, now: Self.now)
        #expect(Self.shares(late)[0] == .unknown)
        let said = told(isRefused: false)
        said.quota.served(Self.one, model: "m", tellsQuota: false, now: Self.now)
        #expect(Self.shares(said)[0] == .known(0))
    }

    @Test func `no refusal lasts longer than any window, and a name that no vendor has is not kept`() {
        let book = Self.book(["one"])
        book.quota.refused(Self.one, model: "m", until: .max, now: Self.now)
        #expect(book.states.current.windows[Self.one]?.emptyUntil("m", now: Self.now) == Self.now + QuotaWindow.longest)
        book.quota.refused(Self.one, model: String(repeating: "x", count: 257), until: .max, now: Self.now)
        #expect(book.states.current.windows[Self.one]?.list(now: Self.now).count == 1)
    }

    // MARK: Declared windows

    @Test func `declared numbers are counted from response to response, minute by minute`() throws {
        let book = AccountBook()
        book.keepOnly(
            Self.declaring([LimitRate(.requests, per: .minute, most: 4), LimitRate(.tokens, per: .day, most: 1_000)]))
        // 2027-01-15T08:00:00Z: a day in UTC has 16 hours left.
        func count(_ tokens: Int, at time: Int) {
            book.quota.count(
                Self.one, LimitAmounts(requests: 1, tokens: tokens, cachedTokens: 50),
                time: LimitTime(wall: Self.wallAhead + time, steady: time), zone: .utc)
        }
        count(150, at: 0)
        #expect(Self.shares(book, at: 0)[0] == .known(0.75))
        for time in [1, 2, 3] { count(50, at: time) }
        #expect(Self.shares(book, at: 3)[0] == .known(0))
        #expect(book.states.current.windows[Self.one]?.emptyUntil("m", now: 3) == 60_000)
        // The minute is over, the day is not.
        #expect(Self.shares(book, at: 60_000)[0] == .known(0.5))
        let windows = try #require(book.states.current.windows[Self.one]?.list(now: 60_000))
        #expect(windows.map(\.kind) == ["requests", "tokens"])
        #expect(windows[1].resetsAt == 16 * Self.hour && windows[1].remaining == 500 && windows[1].limit == 1_000)
        #expect(book.states.current.windows[Self.one]?.soonestReset(of: "m", now: 3) == 16 * Self.hour)
    }

    @Test func `declared numbers are whole before the first request, and no more requests are sent than they allow`() {
        let book = AccountBook()
        book.quota.keepOnly(Self.declaring([LimitRate(.requests, per: .minute, most: 2)]), changedCredentials: [], now: 0)
        let windows = book.states.current.windows[Self.one]?.list(now: 0) ?? []
        #expect(windows.map(\.remaining) == [2] && windows.map(\.limit) == [2] && windows.map(\.share) == [1])
        #expect(windows.first?.resetsAt == nil && windows.first?.source == .declared)
        #expect(book.states.current.quotaLevel(upstream: "a", model: "m", now: 0) == .known(1))
        func request(at time: Int, anyway: Bool = false) -> Bool {
            book.quota.countRequest(
                Self.one, anyway: anyway, time: LimitTime(wall: Self.wallAhead + time, steady: time), zone: .utc)
        }
        #expect((0..<10).map { request(at: $0) } == [true, true] + Array(repeating: false, count: 8))
        #expect(book.states.current.availability(of: Self.one, model: "m", now: 10) == .outOfQuota(until: 60_000))
        #expect(request(at: 11, anyway: true))
        #expect(request(at: 60_000))
    }

    @Test func `what changes by less than a point is published a moment later`() {
        let book = AccountBook()
        book.quota.keepOnly(Self.declaring([LimitRate(.tokens, per: .day, most: 1_000_000)]), changedCredentials: [], now: 0)
        func remaining() -> Int? { book.states.current.windows[Self.one]?.list(now: 100).first?.remaining }
        for time in 1...5 {
            book.quota.count(
                Self.one, LimitAmounts(tokens: 10), time: LimitTime(wall: Self.wallAhead + time, steady: time), zone: .utc)
        }
        book.quota.flush(now: 6)
        #expect(remaining() == 999_950)
        func window(_ left: Int, at time: Int) -> QuotaWindow {
            QuotaWindow(
                .all, kind: "5h", share: Double(left) / 1_000, source: .headers, takenAt: time, limit: 1_000, remaining: left)
        }
        book.quota.record(Self.one, [window(500, at: 10)], now: 10)
        for left in 1...5 { book.quota.hold(Self.one, [window(500 - left, at: 10 + left)]) }
        func left() -> Int? { book.states.current.windows[Self.one]?.list(now: 100).first { $0.kind == "5h" }?.remaining }
        #expect(left() == 500)
        book.quota.flush(now: 20)
        #expect(left() == 495)
        // What was told later counts.
        book.quota.hold(Self.one, [window(490, at: 21)])
        book.quota.record(Self.one, [window(300, at: 22)], now: 22)
        book.quota.flush(now: 23)
        #expect(left() == 300)
    }

    private static func declaring(_ rates: [LimitRate]) -> [Upstream] {
        [upstream(["one"]) { $0.accounts[0].declared = rates }]
    }

    @Test func `what is counted goes on when the file allows another number of it, at once`() {
        let book = AccountBook()
        func rates(_ tokens: Int) -> [LimitRate] {
            [LimitRate(.requests, per: .day, most: 10), LimitRate(.tokens, per: .day, most: tokens)]
        }
        func count(_ tokens: Int) {
            book.quota.count(
                Self.one, LimitAmounts(requests: 1, tokens: tokens), time: LimitTime(wall: Self.wallAhead, steady: 0), zone: .utc)
        }
        func remaining() -> [Int?]? { book.states.current.windows[Self.one]?.list(now: 1).map(\.remaining) }
        book.quota.keepOnly(Self.declaring(rates(100)), changedCredentials: [], now: 0)
        count(100)
        #expect(book.states.current.availability(of: Self.one, model: "m", now: 1) == .outOfQuota(until: 16 * Self.hour))
        book.quota.keepOnly(Self.declaring(rates(400)), changedCredentials: [], now: 1)
        #expect(book.states.current.availability(of: Self.one, model: "m", now: 1) == .ready)
        #expect(remaining() == [9, 300])
        count(100)
        #expect(remaining() == [8, 200])
        // A number that the file no longer has holds nobody out, though another of the same length is there.
        book.quota.keepOnly(Self.declaring([rates(400)[0]]), changedCredentials: [], now: 1)
        #expect(remaining() == [8])
        // Another credential has used nothing.
        book.quota.keepOnly(Self.declaring(rates(400)), changedCredentials: [Self.one], now: 1)
        #expect(remaining() == [10, 400])
        count(100)
        #expect(remaining() == [9, 300])
        book.quota.keepOnly(Self.declaring([]), changedCredentials: [], now: 1)
        #expect(remaining() == nil)
        // A response to what was asked under the file before.
        count(100)
        #expect(remaining() == nil)
    }

    // MARK: What ends

    @Test func `an operator frees an account of what is used up, until it is said again`() {
        let book = Self.book(["one"])
        func tell() {
            book.quota.record(
                Self.one,
                [
                    QuotaWindow(.all, kind: "5h", share: 0, resetsAt: Self.hour, source: .headers, takenAt: 0),
                    QuotaWindow(.all, kind: "7d", share: 0.25, resetsAt: Self.hour, source: .headers, takenAt: 0),
                    QuotaWindow(.model("m"), kind: "share", share: 0.5, source: .poll, takenAt: 0),
                    QuotaWindow(.model("n"), kind: "share", share: 0, source: .poll, takenAt: 0),
                ], now: 0)
        }
        tell()
        book.quota.refused(Self.one, model: "o", until: Self.hour, now: 0)
        book.free(Self.one, now: 1)
        #expect(book.states.current.availability(of: Self.one, model: "m", now: 1) == .ready)
        for model in ["m", "n", "o"] { #expect(Self.shares(book, model, at: 1)[0] == .known(0.25)) }
        tell()
        #expect(book.states.current.availability(of: Self.one, model: "m", now: 1) == .outOfQuota(until: Self.hour))
    }

    @Test func `a window that is back before its reset ends what was refused for its lack`() {
        let book = Self.book(["one"])
        let back = QuotaWindow(.all, kind: "5h", share: 0.5, source: .headers, takenAt: 1)
        for model in ["m", "n"] {
            book.cool(Self.one, model: model, until: Self.hour, reason: .response(.status(429)), now: 0)
            book.quota.refused(Self.one, model: model, until: Self.hour, now: 0)
        }
        // Of one of them something else says that it is used up.
        book.quota.record(
            Self.one,
            [back, QuotaWindow(.model("n"), kind: "requests", share: 0, resetsAt: 60_000, source: .headers, takenAt: 1)],
            now: 1)
        book.returned(Self.one, [back], threshold: 0.05, now: 1)
        let states = book.states.current
        #expect(states.availability(of: Self.one, model: "m", now: 1) == .ready)
        #expect(states.availability(of: Self.one, model: "n", now: 1) == .cooling(until: Self.hour))
        #expect(states.windows[Self.one]?.hasRefusals == false)
    }

    // MARK: Waste

    @Test func `what was left at a reset is summed up by account and window`() {
        let book = Self.book()
        func tell(_ id: AccountID, _ share: Double, at time: Int, resets: Int) {
            book.quota.record(
                id, [QuotaWindow(.all, kind: "5h", share: share, resetsAt: resets, source: .headers, takenAt: time)], now: time)
        }
        tell(Self.one, 0.25, at: 0, resets: 1_000)
        tell(Self.two, 0.5, at: 0, resets: 5_000)
        book.quota.expire(now: 999)
        #expect(book.quota.wasted.isEmpty)
        book.quota.expire(now: 1_000)
        book.quota.expire(now: 2_000)
        tell(Self.one, 0.75, at: 3_000, resets: 4_000)
        tell(Self.one, 0.9, at: 4_500, resets: 9_000)
        let wasted = book.quota.wasted
        #expect(wasted.map(\.account) == [Self.one] && wasted.map(\.kind) == ["5h"] && wasted.map(\.shares) == [1])
    }

    // MARK: The file

    @Test func `a reload keeps the windows of the accounts that stay as they are`() {
        func told() -> AccountBook {
            let book = Self.book()
            for id in [Self.one, Self.two] {
                book.quota.record(
                    id,
                    [
                        QuotaWindow(.all, kind: "5h", share: 0.5, source: .headers, takenAt: 0),
                        QuotaWindow(.model("m"), kind: "share", share: 0.25, source: .poll, takenAt: 0),
                    ], now: 0)
            }
            return book
        }
        var book = told()
        book.keepOnly([Self.upstream(["one", "two"])], changedCredentials: [Self.two])
        #expect(Self.shares(book, at: 0) == [.known(0.25), .unknown])
        book = told()
        book.keepOnly([Self.upstream(["two"])])
        #expect(Self.shares(book, at: 0) == [.unknown, .known(0.25)])
        book = told()
        book.keepOnly([Self.upstream(["one", "two"]) { $0.quota?.headers = false }])
        #expect(
            Self.shares(book, "n", at: 0) == [.unknown, .unknown] && Self.shares(book, at: 0) == [.known(0.25), .known(0.25)])
        book = told()
        book.keepOnly([Self.upstream(["one", "two"]) { $0.quota = nil }])
        #expect(Self.shares(book, at: 0) == [.known(0.5), .known(0.5)])
    }

    @Test func `what an account has left that may not be asked is nobody's`() throws {
        let book = Self.book()
        func best(at time: Int = Self.now) -> QuotaLevel { book.states.current.quotaLevel(upstream: "a", model: "m", now: time) }
        try Self.poll(
            #"[{"name":"one","models":{"m":{"remainingFraction":0.9}}},{"name":"two","models":{"m":{"remainingFraction":0.1}}}]"#,
            into: book)
        #expect(best() == .known(0.9))
        book.refuse(Self.one, AccountState.Refusal(until: Self.now + 1_000), now: Self.now)
        #expect(best() == .known(0.1))
        // Somebody has to try whether it is well again.
        #expect(best(at: Self.now + 1_000) == .known(0.9))
        book.drain(Self.one)
        #expect(best(at: Self.now + 1_000) == .known(0.1))
        book.drain(Self.two)
        #expect(best() == .unknown)
        book.free(Self.one, now: Self.now)
        #expect(best() == .known(0.9))
    }

    @Test func `the best account's forecast is the upstream's`() {
        let book = Self.book()
        func tell(_ id: AccountID, _ share: Double, at time: Int) {
            book.quota.record(
                id, [QuotaWindow(.all, kind: "5h", share: share, resetsAt: 5 * Self.hour, source: .headers, takenAt: time)],
                now: time)
        }
        // To the nearest second.
        func runsOut() -> Int? {
            book.states.current.runsOutAt(upstream: "a", model: "m", now: 600_000).map { ($0 + 500) / 1_000 }
        }
        for (id, rate) in [(Self.one, 0.1), (Self.two, 0.05)] {
            tell(id, 1, at: 0)
            tell(id, 1 - rate, at: 600_000)
        }
        #expect(runsOut() == 12_000)
        book.quota.record(
            Self.two, [QuotaWindow(.all, kind: "5h", share: 1, resetsAt: 9 * Self.hour, source: .headers, takenAt: 600_000)],
            now: 600_000)
        #expect(runsOut() == nil)
    }

    @Test func `the least level is that of all windows`() {
        let book = Self.book()
        #expect(book.states.current.leastLevel == 1)
        book.quota.record(
            Self.one, [QuotaWindow(.all, kind: "5h", share: 0.25, source: .headers, takenAt: 0)], now: 0)
        #expect(book.states.current.leastLevel == 0.25)
        book.keepOnly([])
        #expect(book.states.current.leastLevel == 1)
    }
}
