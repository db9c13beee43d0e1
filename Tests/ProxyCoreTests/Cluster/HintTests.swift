import Testing

@testable import ProxyCore

/// What nodes tell one another: read back as it was written, and ignored where no node would write it.
@Suite struct HintTests {
    private static let id = AccountID(upstream: "up", account: "one")
    private static let now = 10_000_000

    private static func windows() -> [SharedWindow] {
        let told = [
            QuotaWindow(.all, kind: "5h", share: 0.25, resetsAt: now + 60_000, source: .headers, takenAt: now - 100),
            QuotaWindow(.model("m"), kind: "tokens", share: 0, source: .refusal, takenAt: now, limit: 10, remaining: 0),
            QuotaWindow(.family("f", refused: ["a", "b"]), kind: "7d:f", share: 0.5, source: .poll, takenAt: now - 1_000),
        ]
        return told.compactMap { SharedWindow($0, now: now) }
    }

    private static var hints: [Hint.Subject] {
        let key = BlockKey(limit: "team.requests_per_day", bucket: "k\n\"x\"")
        return [
            .cooldown(id, model: "m", rest: 5_000, .status(429)), .freed(id), .windows(id, windows()),
            .memory(1_795_850_414_128_122),
        ] + (key.map { [.block($0, SharedBlock(until: .max, title: "Team budget", stamp: 7))] } ?? [])
    }

    @Test func eachIsReadBackAsItWasWritten() {
        #expect(Self.windows().count == 3 && Self.hints.count == 5)
        for subject in Self.hints {
            let hint = Hint(from: "0123456789abcdef", subject: subject)
            #expect(Hint(hint.bytes) == hint)
        }
    }

    private static let head = "{\"v\":1,\"from\":\"a\",\"upstream\":\"u\",\"account\":\"a\","

    @Test func aWindowComesToTheSameByAnotherClock() throws {
        let window = try #require(Self.windows().first).window(now: 500_000)
        #expect(window.takenAt == 499_900 && window.resetsAt == 560_000 && window.share == 0.25 && window.source == .headers)
    }

    @Test func aWindowIsBelievedNoLongerElsewhereAndEndedByASuccess() throws {
        var told = QuotaWindow(.all, kind: "5h", share: 0, source: .headers, takenAt: Self.now - 10_000)
        told.goodUntil = Self.now + 50_000
        told.isRefused = true
        let hint = Hint(from: "a", subject: .windows(Self.id, [try #require(SharedWindow(told, now: Self.now))]))
        guard case .windows(_, let read)? = Hint(hint.bytes)?.subject else { throw HintFailure() }
        let book = Self.book()
        let sharing = AccountSharing(server: FakeLimitServer(), accounts: book, instance: "b")
        sharing.take(.windows(Self.id, read), now: 1_000_000)
        let windows = try #require(book.states.current.windows[Self.id])
        #expect(windows.emptyUntil("m", now: 1_000_000) == 1_050_000)
        #expect(windows.isRefused("m", now: 1_000_000))
        book.quota.served(Self.id, model: "m", tellsQuota: false, now: 1_000_001)
        #expect(book.states.current.windows[Self.id]?.emptyUntil("m", now: 1_000_001) == nil)
        // What names no end, as older nodes tell it, is for good nowhere; what is past is not told.
        let endless = try #require(
            SharedWindow(QuotaWindow(.all, kind: "x", share: 0, source: .headers, takenAt: Self.now), now: Self.now))
        #expect(endless.window(now: 5_000).goodUntil == 5_000 + QuotaWindow.lifeWithoutReset)
        #expect(SharedWindow(told, now: Self.now + 50_001) == nil)
    }

    private struct HintFailure: Error {}

    @Test func whatEveryNodeCountsItselfIsNotTold() {
        var declared = QuotaWindow(.all, kind: "requests", share: 0.5, source: .declared, takenAt: Self.now)
        declared.length = 60_000
        let old = QuotaWindow(.all, kind: "5h", share: 0.5, source: .headers, takenAt: Self.now - 2 * SharedWindow.oldest)
        let full = QuotaWindow(.all, kind: "5h", share: 1, source: .reset, takenAt: Self.now)
        #expect([declared, old, full].allSatisfy { SharedWindow($0, now: Self.now) == nil })
    }

    @Test(
        arguments: [
            "", "{}", "[]", "{\"v\":2,\"from\":\"a\",\"kind\":\"freed\",\"upstream\":\"u\",\"account\":\"a\"}",
            "{\"v\":1,\"kind\":\"freed\",\"upstream\":\"u\",\"account\":\"a\"}",
            "{\"v\":1,\"from\":\"a\",\"kind\":\"freed\",\"upstream\":\"u\",\"account\":\"\"}",
            Self.head + "\"kind\":\"cooldown\",\"model\":\"m\",\"rest\":99999999999,\"reason\":\"429\"}",
            Self.head + "\"kind\":\"cooldown\",\"model\":\"m\",\"rest\":1,\"reason\":\"maybe\"}",
            Self.head + "\"kind\":\"windows\",\"windows\":[{\"kind\":\"5h\",\"share\":7,\"age\":0,\"source\":\"poll\"}]}",
            Self.head + "\"kind\":\"windows\",\"windows\":[{\"kind\":\"5h\",\"share\":1,\"age\":-1,\"source\":\"poll\"}]}",
            Self.head + "\"kind\":\"windows\",\"windows\":[{\"kind\":\"5h\",\"share\":1,\"age\":1,\"source\":\"declared\"}]}",
            "{\"v\":1,\"from\":\"a\",\"kind\":\"block\",\"limit\":\"\",\"bucket\":\"b\",\"block\":\"1 2 t\"}",
            "{\"v\":1,\"from\":\"a\",\"kind\":\"block\",\"limit\":\"l\",\"bucket\":\"b\",\"block\":\"-1 2 t\"}",
            "{\"v\":1,\"from\":\"a\",\"kind\":\"launch\"}", Self.head + "\"kind\":\"memory\",\"memory\":\"new\"}",
        ])
    func whatNoNodeWouldSayIsIgnored(_ text: String) {
        #expect(Hint(Array(text.utf8)) == nil)
    }

    @Test func whatIsTooLongIsIgnored() {
        let long = Self.head + "\"kind\":\"freed\",\"x\":\"\(String(repeating: "y", count: Hint.most))\"}"
        #expect(Hint(Array(long.utf8)) == nil)
    }

    // MARK: Accounts

    private static func book() -> AccountBook {
        let book = AccountBook()
        let url = UpstreamURL(isTLS: false, host: "localhost", port: 80, basePath: "")
        book.keepOnly([Upstream(name: "up", url: url, dialect: .openai, accounts: [Account(name: "one", key: nil)])])
        return book
    }

    @Test func whatBefallsAnAccountHereIsToldAndWhatOthersToldIsNot() {
        let (here, there) = (Self.book(), Self.book())
        let server = FakeLimitServer()
        let (sharing, other) = (
            AccountSharing(server: server, accounts: here, instance: "a"),
            AccountSharing(server: server, accounts: there, instance: "b")
        )
        here.news.want(true)
        there.news.want(true)
        let now = Self.now
        here.cool(Self.id, model: "m", until: now + 30_000, reason: .response(.status(429)), now: now)
        here.quota.record(Self.id, [QuotaWindow(.all, kind: "5h", share: 0.25, source: .headers, takenAt: now)], now: now)
        sharing.tell(here.news.take(), now: now)
        #expect(server.published.count == 2)
        for hint in server.published.compactMap({ Hint($0) }) { other.take(hint.subject, now: now + 5) }
        #expect(there.states.current.accounts[Self.id]?.cooldowns["m"]?.until == now + 30_005)
        #expect(there.states.current.windows[Self.id]?.share(of: "m", now: now + 5) == .known(0.25))
        #expect(there.news.take().isEmpty)
        // The same once more, and what is older, changes nothing.
        let version = there.states.current.version
        for hint in server.published.compactMap({ Hint($0) }) { other.take(hint.subject, now: now + 9) }
        #expect(there.states.current.version == version)
        here.free(Self.id, now: now + 10)
        sharing.tell(here.news.take(), now: now + 10)
        for hint in server.published.suffix(1).compactMap({ Hint($0) }) { other.take(hint.subject, now: now + 10) }
        #expect(there.states.current.accounts[Self.id]?.cooldowns["m"] == nil)
    }

    @Test func anAccountThatTheFileDoesNotHaveIsNobody() {
        let book = Self.book()
        let sharing = AccountSharing(server: FakeLimitServer(), accounts: book, instance: "a")
        let stranger = AccountID(upstream: "other", account: "one")
        sharing.take(.cooldown(stranger, model: "m", rest: 1_000, .status(429)), now: Self.now)
        sharing.take(.windows(stranger, Self.windows()), now: Self.now)
        #expect(book.states.current.accounts.isEmpty && book.states.current.windows.isEmpty)
    }

    @Test func withoutOthersNothingIsKept() {
        let book = Self.book()
        book.cool(Self.id, model: "m", until: Self.now + 1, reason: .response(.status(429)), now: Self.now)
        #expect(book.news.take().isEmpty)
    }
}
