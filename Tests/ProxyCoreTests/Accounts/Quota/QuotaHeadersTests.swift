import Basics
import Testing

@testable import ProxyCore

/// What heads of responses tell of quota, and what of it is believed.
struct QuotaHeadersTests {
    static let now = 5_000_000
    /// 2027-01-15T08:00:00Z
    static let wall = 1_800_000_000_000

    /// A window in few words, so that tables can be read.
    struct Told: Equatable, CustomStringConvertible {
        var kind: String
        /// `*` for all models, `m` for the model asked for, `opus:m` for a family that refused it.
        var models: String
        var share: Double
        /// Milliseconds from now.
        var reset: Int?
        var numbers: [Int?] = [nil, nil]

        init(
            _ kind: String, _ models: String, _ share: Double, _ reset: Int? = nil, _ remaining: Int? = nil, of limit: Int? = nil
        ) {
            (self.kind, self.models, self.share, self.reset) = (kind, models, share, reset)
            numbers = [remaining, limit]
        }

        init(_ window: QuotaWindow) {
            kind = window.kind
            switch window.models {
            case .all: models = "*"
            case .model(let name): models = name
            case .family(let name, let refused): models = "\(name):\(refused.sorted().joined(separator: ","))"
            }
            share = ((window.share ?? -1) * 10_000).rounded() / 10_000
            reset = window.resetsAt.map { $0 - QuotaHeadersTests.now }
            numbers = [window.remaining, window.limit]
        }

        var description: String { "\(kind) \(models) \(share) \(reset.map(String.init) ?? "-") \(numbers)" }
    }

    static func read(
        _ lines: [(String, String)], status: Int = 200, names: [QuotaHeaderNames] = [], known: AccountWindows? = nil,
        keepsModel: Bool = true, now: Int = QuotaHeadersTests.now
    ) -> (news: [QuotaWindow], isOdd: Bool) {
        let all = readAll(lines, status: status, names: names, known: known, keepsModel: keepsModel, now: now)
        return (all.news, all.isOdd)
    }

    /// And how long a refusal lasts.
    static func readAll(
        _ lines: [(String, String)], status: Int = 200, names: [QuotaHeaderNames] = [], known: AccountWindows? = nil,
        keepsModel: Bool = true, now: Int = QuotaHeadersTests.now, asked: Int = .max
    ) -> (news: [QuotaWindow], isOdd: Bool, until: Int?) {
        var headers = QuotaHeaders()
        // The values are looked at until the windows are made, so all lines stay in one piece of memory.
        let bytes = Array(lines.flatMap { Array($0.0.utf8) + Array($0.1.utf8) })
        return bytes.withUnsafeBytes { all in
            var start = 0
            for (name, value) in lines {
                let middle = start + name.utf8.count
                let end = middle + value.utf8.count
                let nameBytes = UnsafeRawBufferPointer(rebasing: all[start..<middle])
                let valueBytes = UnsafeRawBufferPointer(rebasing: all[middle..<end])
                if QuotaHeaders.mayTell(nameBytes) { headers.read(name: nameBytes, value: valueBytes) }
                for kind in names {
                    for own in kind.names where own.text == Array(name.lowercased().utf8) {
                        headers.read(valueBytes, as: own.part, of: kind.kind)
                    }
                }
                start = end
            }
            let moment = QuotaHeaders.Moment(
                model: "m", status: status, now: now, wall: wall, threshold: 0.05, keepsModel: keepsModel, asked: asked)
            let news = headers.news(moment, known: known)
            let until = headers.refusedUntil(moment)
            return (news, headers.isOdd, until)
        }
    }

    @Test("What is used in hundredths leaves hundredths: exactly a threshold is enough")
    func hundredths() throws {
        for used in 0...100 {
            let text = used < 10 ? "0.0\(used)" : used < 100 ? "0.\(used)" : "1.00"
            let window = try #require(Self.read([("anthropic-ratelimit-unified-5h-utilization", text)]).news.first)
            #expect(window.share == Double(100 - used) / 100, "\(text)")
        }
    }

    @Test(
        "A refusal lasts until the last of the windows that it blames is full again",
        arguments: [
            (
                [
                    ("anthropic-ratelimit-input-tokens-remaining", "0"),
                    ("anthropic-ratelimit-input-tokens-reset", "2027-01-15T08:00:04Z"),
                ], 4_000
            ),
            (
                [
                    ("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "2s"),
                    ("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "6m0s"),
                ], 360_000
            ),
            ([("x-ratelimit-remaining-requests", "3"), ("x-ratelimit-reset-requests", "2s")], nil),
            ([("x-ratelimit-remaining-requests", "0")], nil),
            ([("anthropic-ratelimit-unified-status", "rejected"), ("anthropic-ratelimit-unified-reset", "1800000005")], 5_000),
            (
                [
                    ("anthropic-ratelimit-unified-status", "rejected"), ("anthropic-ratelimit-unified-reset", "1800000009"),
                    ("anthropic-ratelimit-unified-representative-claim", "five_hour"),
                    ("anthropic-ratelimit-unified-7d_opus-utilization", "1.0"),
                    ("anthropic-ratelimit-unified-7d_opus-reset", "1800345600"),
                ], 9_000
            ),
            ([("x-codex-primary-used-percent", "100"), ("x-codex-primary-reset-after-seconds", "4")], 4_000),
            (
                [
                    ("anthropic-ratelimit-unified-status", "rejected"), ("anthropic-ratelimit-unified-reset", "1800000007"),
                    ("anthropic-ratelimit-unified-5h-status", "rejected"),
                ], 7_000
            ),
        ] as [([(String, String)], Int?)])
    func refusedUntil(lines: [(String, String)], wait: Int?) {
        #expect(Self.readAll(lines, status: 429).until.map { $0 - Self.now } == wait)
    }

    // MARK: The vendors

    @Test(
        "Every family of headers gives its windows",
        arguments: [
            (
                [
                    ("anthropic-ratelimit-requests-limit", "50"), ("anthropic-ratelimit-requests-remaining", "49"),
                    ("anthropic-ratelimit-requests-reset", "2027-01-15T08:00:01Z"),
                    ("anthropic-ratelimit-tokens-limit", "80000"), ("Anthropic-Ratelimit-Tokens-Remaining", "20000"),
                    ("anthropic-ratelimit-tokens-reset", "2027-01-15T08:00:45.5Z"),
                    ("anthropic-ratelimit-input-tokens-limit", "100"), ("anthropic-ratelimit-input-tokens-remaining", "0"),
                    ("anthropic-ratelimit-output-tokens-remaining", "0"),
                ], 200,
                [
                    Told("requests", "m", 0.98, 1_000, 49, of: 50), Told("tokens", "m", 0.25, 45_500, 20_000, of: 80_000),
                    Told("input_tokens", "m", 0, nil, 0, of: 100), Told("output_tokens", "m", 0, nil, 0),
                ]
            ),
            (
                [
                    ("anthropic-ratelimit-unified-status", "allowed_warning"),
                    ("anthropic-ratelimit-unified-reset", "1800003600"),
                    ("anthropic-ratelimit-unified-representative-claim", "five_hour"),
                    ("anthropic-ratelimit-unified-fallback-percentage", "0.5"),
                    ("anthropic-ratelimit-unified-overage-status", "rejected"),
                    ("anthropic-ratelimit-unified-5h-status", "allowed_warning"),
                    ("anthropic-ratelimit-unified-5h-reset", "1800003600"),
                    ("anthropic-ratelimit-unified-5h-utilization", "0.91"),
                    ("anthropic-ratelimit-unified-5h-surpassed-threshold", "0.9"),
                    ("anthropic-ratelimit-unified-7d-utilization", "0.25"),
                    ("anthropic-ratelimit-unified-7d-reset", "1800345600"),
                    ("anthropic-ratelimit-unified-7d_sonnet-utilization", "0.5"),
                ], 200,
                [
                    Told("5h", "*", 0.09, 3_600_000), Told("7d", "*", 0.75, 345_600_000), Told("7d:sonnet", "sonnet:", 0.5),
                ]
            ),
            // A family holds what it refuses; one that nobody knows does so too.
            (
                [
                    ("anthropic-ratelimit-unified-status", "rejected"), ("anthropic-ratelimit-unified-7d-utilization", "0.5"),
                    ("anthropic-ratelimit-unified-7d_opus-status", "rejected"),
                    ("anthropic-ratelimit-unified-7d_opus-reset", "1800086400"),
                    ("anthropic-ratelimit-unified-7d_opus-utilization", "0.99"),
                    ("anthropic-ratelimit-unified-lunar-status", "rejected"),
                ], 429,
                [
                    Told("7d", "*", 0.5), Told("7d:opus", "opus:m", 0, 86_400_000), Told("lunar", "lunar:m", 0),
                ]
            ),
            // A refusal that blames no window in its own header blames the one it names.
            (
                [
                    ("anthropic-ratelimit-unified-status", "rejected"), ("anthropic-ratelimit-unified-reset", "1800003600"),
                    ("anthropic-ratelimit-unified-representative-claim", "seven_day_opus"),
                    ("anthropic-ratelimit-unified-5h-utilization", "0.5"),
                ], 429, [Told("5h", "*", 0.5), Told("7d:opus", "opus:m", 0, 3_600_000)]
            ),
            (
                [
                    ("anthropic-ratelimit-unified-status", "rejected"), ("anthropic-ratelimit-unified-reset", "1800003600"),
                    ("anthropic-ratelimit-unified-representative-claim", "five_hour"),
                ], 429, [Told("5h", "*", 0, 3_600_000)]
            ),
            (
                [("anthropic-ratelimit-unified-status", "rejected"), ("anthropic-ratelimit-unified-reset", "1800003600")], 429,
                [Told("unified", "*", 0, 3_600_000)]
            ),
            // One request may go a little over.
            ([("anthropic-ratelimit-unified-5h-utilization", "1.02")], 200, [Told("5h", "*", 0)]),
            (
                [
                    ("x-ratelimit-limit-requests", "10000"), ("x-ratelimit-remaining-requests", "9999"),
                    ("x-ratelimit-reset-requests", "12ms"), ("x-ratelimit-limit-tokens", "200000"),
                    ("X-RateLimit-Remaining-Tokens", "100000"), ("x-ratelimit-reset-tokens", "6m0s"),
                    ("x-ratelimit-remaining-tokens_usage_based", "1"),
                ], 200,
                [
                    Told("requests", "m", 0.9999, 12, 9_999, of: 10_000), Told("tokens", "m", 0.5, 360_000, 100_000, of: 200_000),
                ]
            ),
            (
                [
                    ("x-codex-primary-used-percent", "30"), ("x-codex-primary-window-minutes", "300"),
                    ("x-codex-primary-reset-after-seconds", "7200"), ("x-codex-secondary-used-percent", "77.5"),
                    ("x-codex-secondary-reset-at", "1800086400"), ("x-codex-credits-balance", "0"),
                ], 200, [Told("primary", "*", 0.7, 7_200_000), Told("secondary", "*", 0.225, 86_400_000)]
            ),
            ([("x-codex-secondary-used-percent", "0"), ("x-codex-secondary-window-minutes", "0")], 200, []),
            // Nothing of quota.
            (
                [
                    ("strict-transport-security", "max-age=1"), ("anthropic-organization-id", "x"),
                    ("x-request-id-of-some-length-or-other", "1"), ("x-ratelimit-limit-requests", ""),
                    ("anthropic-ratelimit-unified-fallback", "available"), ("x-ratelimit-limit-images", "5"),
                    ("anthropic-ratelimit-unified-a.b-status", "rejected"),
                ], 200, []
            ),
        ] as [([(String, String)], Int, [Told])])
    func families(lines: [(String, String)], status: Int, windows: [Told]) {
        let (news, isOdd) = Self.read(lines, status: status)
        #expect(news.map { Told($0) } == windows)
        #expect(!isOdd)
        #expect(news.allSatisfy { $0.source == .headers && $0.takenAt == Self.now })
    }

    @Test func `headers of other names are read where the file names them`() {
        let names = [
            QuotaHeaderNames(
                kind: "requests", limit: "X-RateLimit-Limit", remaining: "X-RateLimit-Remaining", reset: "X-RateLimit-Reset"),
            QuotaHeaderNames(kind: "tokens", limit: nil, remaining: "left", reset: nil),
        ]
        let lines = [
            ("x-ratelimit-limit", "20"), ("x-ratelimit-remaining", "5"), ("x-ratelimit-reset", "1800000060000"), ("Left", "0"),
        ]
        #expect(
            Self.read(lines, names: names).news.map { Told($0) } == [
                Told("requests", "m", 0.25, 60_000, 5, of: 20), Told("tokens", "m", 0, nil, 0),
            ])
        #expect(Self.read(lines).news.isEmpty)
    }

    @Test(
        "A family holds what is refused for its lack, and nothing that is refused for another reason",
        arguments: [
            // The window that the refusal names, the share used of five hours, whether the family is to blame
            ("seven_day_opus", "1", true), ("five_hour", "1", false), ("five_hour", "0.5", false), (nil, "1", false),
            (nil, "0.5", true), ("overage", "0.5", true),
        ] as [(String?, String, Bool)])
    func blame(claim: String?, used: String, isBlamed: Bool) {
        var lines = [
            ("anthropic-ratelimit-unified-status", "rejected"), ("anthropic-ratelimit-unified-5h-utilization", used),
            ("anthropic-ratelimit-unified-7d_opus-status", "rejected"),
        ]
        if let claim { lines.append(("anthropic-ratelimit-unified-representative-claim", claim)) }
        let family = Self.read(lines, status: 429).news.filter { $0.kind == "7d:opus" }
        #expect(family.map { Told($0) } == [Told("7d:opus", isBlamed ? "opus:m" : "opus:", 0)])
    }

    @Test func `what was refused for the lack of nobody knows what is over once nothing is refused`() {
        var known = AccountWindows()
        let refusal = [("anthropic-ratelimit-unified-status", "rejected"), ("anthropic-ratelimit-unified-reset", "1800003600")]
        _ = known.take(Self.read(refusal, status: 429).news, now: Self.now)
        #expect(known.emptyUntil("m", now: Self.now) == Self.now + 3_600_000)
        let allowed = [("anthropic-ratelimit-unified-status", "allowed_warning")]
        #expect(Self.read(allowed, status: 400, known: known).news.isEmpty)
        let news = Self.read(allowed, known: known).news
        #expect(news.map { Told($0) } == [Told("unified", "*", 1)])
        #expect(known.returned(news, now: Self.now) == news)
        _ = known.take(news, now: Self.now)
        #expect(known.emptyUntil("m", now: Self.now) == nil)
        #expect(Self.read(allowed, known: known).news.isEmpty)
    }

    @Test func `money is told in dollars and kept in nano-dollars`() {
        let names = [QuotaHeaderNames(kind: "cost", limit: "all", remaining: "left", reset: nil)]
        func read(_ limit: String, _ left: String) -> [Told] {
            Self.read([("all", limit), ("left", left)], names: names).news.map { Told($0) }
        }
        #expect(read("20", "0.5") == [Told("cost", "m", 0.025, nil, 500_000_000, of: 20_000_000_000)])
        #expect(read("1000000000000000", "500000000000000").map(\.share) == [0.5])
    }

    @Test func `a model that takes no place leaves the windows of all models`() {
        let lines = [
            ("x-ratelimit-limit-requests", "10"), ("x-ratelimit-remaining-requests", "0"),
            ("anthropic-ratelimit-unified-5h-utilization", "1"), ("anthropic-ratelimit-unified-7d_opus-status", "rejected"),
        ]
        let news = Self.read(lines, status: 429, keepsModel: false).news
        #expect(news.map { Told($0) } == [Told("5h", "*", 0), Told("7d:opus", "opus:", 0)])
    }

    // MARK: Lies

    @Test(
        "What cannot be is nobody's",
        arguments: [
            ("10", "-1"), ("10", "NaN"), ("10", "inf"), ("10", "1e3"), ("10", "0x1"), ("10", "11"), ("-10", "5"),
            ("10", "99999999999999999999"), ("10", "five"), ("10", "1.2.3"), ("10", "."), ("10", "5,10"),
        ])
    func lies(limit: String, remaining: String) {
        let (news, isOdd) = Self.read([("x-ratelimit-limit-requests", limit), ("x-ratelimit-remaining-requests", remaining)])
        #expect(news.isEmpty && isOdd)
    }

    @Test(
        "A utilization that cannot be leaves what was known",
        arguments: ["-0.5", "87", "NaN", "1e-3", "0.5%"])
    func lyingShares(used: String) {
        let (news, isOdd) = Self.read([("anthropic-ratelimit-unified-5h-utilization", used)])
        #expect(news.isEmpty && isOdd)
    }

    @Test func `more headers than any vendor has are not all kept`() {
        let lines = (0..<200).map { ("anthropic-ratelimit-unified-family\($0)-status", "rejected") }
        #expect(Self.read(lines, status: 429).news.count <= 24)
    }

    @Test func `no bytes trap`() {
        var random = SplitMix64(state: 11)
        let names = [
            "x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests",
            "anthropic-ratelimit-unified-7d_opus-utilization", "anthropic-ratelimit-unified-5h-reset",
            "anthropic-ratelimit-tokens-reset", "x-codex-primary-used-percent", "x-codex-primary-reset-at",
        ]
        let letters = Array("0123456789.-+eENa:TZ smhd,\u{e9}")
        for _ in 0..<5_000 {
            let lines = (0..<4).map { _ in
                let value = String((0..<Int(random.next() % 30)).map { _ in letters[Int(random.next() % UInt64(letters.count))] })
                return (names[Int(random.next() % UInt64(names.count))], value)
            }
            for window in Self.read(lines, status: 429).news {
                #expect(window.share.map { (0...1).contains($0) } ?? false)
                #expect(window.resetsAt.map { (Self.now...(Self.now + QuotaWindow.longest)).contains($0) } ?? true)
            }
        }
    }

    // MARK: News

    @Test(
        "Only what others should hear of is news",
        arguments: [
            // What is known, what is told, milliseconds later
            (0.50, "50", 10, false), (0.505, "50", 10, false), (0.52, "50", 10, true), (0.50, "50", 1_000, true),
            (0.05, "4.9", 10, true), (0.05, "5", 10, false), (0.005, "0", 10, true), (0.0, "0", 10, false),
            (0.0, "0.1", 10, true),
        ])
    func news(known: Double, told: String, later: Int, isNews: Bool) {
        var windows = AccountWindows()
        _ = windows.take(
            [
                QuotaWindow(
                    .model("m"), kind: "requests", share: known, resetsAt: Self.now + 60_000, source: .headers, takenAt: Self.now)
            ],
            now: Self.now)
        let lines = [("x-ratelimit-limit-requests", "100"), ("x-ratelimit-remaining-requests", told)]
        #expect(Self.read(lines, known: windows, now: Self.now + later).news.isEmpty == !isNews)
    }

    @Test func `what is too old, reset, or from elsewhere is news whatever it says`() {
        for (source, reset) in [(QuotaWindow.Source.headers, Self.now - 1), (.refusal, Self.now + 60_000)] {
            var windows = AccountWindows()
            _ = windows.take(
                [QuotaWindow(.model("m"), kind: "requests", share: 0.5, resetsAt: reset, source: source, takenAt: Self.now)],
                now: Self.now - 10)
            let lines = [("x-ratelimit-limit-requests", "100"), ("x-ratelimit-remaining-requests", "50")]
            #expect(Self.read(lines, known: windows).news.count == 1)
        }
    }

    @Test(
        "What was asked before what is known was, or before its reset, is older, but for a refusal",
        arguments: [
            // Status, when it was asked, whether the window was reset meanwhile
            (200, -1, false, false), (200, 0, false, true), (200, 1, false, true), (429, -1, false, true), (200, 4, true, false),
            (200, 5, true, true),
        ])
    func older(status: Int, asked: Int, isReset: Bool, isNews: Bool) {
        var known = QuotaWindow(
            .model("m"), kind: "requests", share: 0.5, resetsAt: Self.now + (isReset ? 5 : 60_000), source: .headers,
            takenAt: Self.now)
        known.askedAt = Self.now
        var windows = AccountWindows()
        _ = windows.take([known], now: Self.now)
        let lines = [("x-ratelimit-limit-requests", "100"), ("x-ratelimit-remaining-requests", "0")]
        let told = Self.readAll(lines, status: status, known: windows, now: Self.now + 10, asked: Self.now + asked)
        #expect(told.news.isEmpty == !isNews)
    }
}
