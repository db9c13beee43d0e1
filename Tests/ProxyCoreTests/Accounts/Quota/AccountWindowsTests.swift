import Basics
import Testing

@testable import ProxyCore

/// What the windows of one account say together.
struct AccountWindowsTests {
    private static let now = 1_000_000
    private static let hour = 3_600_000

    private static func window(
        _ models: QuotaWindow.Models, _ kind: String, _ share: Double?, resets: Int? = nil,
        _ source: QuotaWindow.Source = .headers
    ) -> QuotaWindow {
        QuotaWindow(models, kind: kind, share: share, resetsAt: resets.map { now + $0 }, source: source, takenAt: now)
    }

    private static func account(_ windows: [QuotaWindow]) -> AccountWindows {
        var account = AccountWindows()
        _ = account.take(windows, now: now)
        return account
    }

    private static let mixed = account([
        window(.all, "5h", 0.5, resets: hour), window(.all, "7d", 0.3, resets: 50 * hour),
        window(.family("opus", refused: ["opus-4"]), "7d:opus", 0, resets: 20 * hour),
        window(.model("haiku"), "requests", 0.1, resets: 500),
    ])

    @Test(
        arguments: [
            ("sonnet", 0, 0.3), ("haiku", 0, 0.1), ("haiku", 500, 0.3), ("opus-4", 0, 0), ("opus-4", 20 * hour, 0.3),
            ("sonnet", 60 * hour, 1),
        ] as [(String, Int, Double)])
    func `a model has what the tightest window leaves it`(model: String, later: Int, share: Double) {
        #expect(Self.mixed.share(of: model, now: Self.now + later) == .known(share))
    }

    @Test func `nothing is known of an account of which nothing was told`() {
        #expect(AccountWindows().share(of: "m", now: 0) == .unknown)
        #expect(Self.account([Self.window(.model("a"), "share", 0.5)]).share(of: "b", now: Self.now) == .unknown)
        #expect(AccountWindows().emptyUntil("m", now: 0) == nil && AccountWindows().soonestReset(of: "m", now: 0) == nil)
    }

    @Test func `what expires soonest is quota and no rate`() {
        #expect(Self.mixed.soonestReset(of: "haiku", now: Self.now) == Self.now + Self.hour)
        #expect(Self.mixed.soonestReset(of: "opus-4", now: Self.now + 2 * Self.hour) == Self.now + 20 * Self.hour)
        #expect(Self.mixed.soonestReset(of: "sonnet", now: Self.now + 60 * Self.hour) == nil)
    }

    @Test func `a model is empty until the last of its empty windows is reset`() {
        #expect(Self.mixed.emptyUntil("opus-4", now: Self.now) == Self.now + 20 * Self.hour)
        #expect(Self.mixed.emptyUntil("sonnet", now: Self.now) == nil)
        let two = Self.account([Self.window(.all, "5h", 0, resets: 100), Self.window(.all, "7d", 0, resets: 300)])
        #expect(two.emptyUntil("m", now: Self.now) == Self.now + 300)
        #expect(two.emptyUntil("m", now: Self.now + 300) == nil)
    }

    @Test func `no model ever has less than the least share`() {
        var random = SplitMix64(state: 3)
        for _ in 0..<300 {
            let windows = (0..<6).map { number -> QuotaWindow in
                let share = random.next() % 4 == 0 ? nil : Double(random.next() % 101) / 100
                let reset = random.next() % 3 == 0 ? nil : Int(random.next() % 100)
                let models: QuotaWindow.Models = number % 2 == 0 ? .all : .model("m\(number)")
                var window = Self.window(models, "k\(number)", share, resets: reset)
                if random.next() % 3 == 0 { window.goodUntil = Self.now + Int(random.next() % 100) }
                return window
            }
            var account = Self.account(windows)
            let least = account.leastShare
            for now in stride(from: Self.now, through: Self.now + 120, by: 10) {
                for model in ["m1", "m3", "m5", "x"] {
                    let before = account.share(of: model, now: now)
                    #expect(before.rank >= least)
                    var noticed = account
                    _ = noticed.expire(now: now)
                    // To notice what has come changes nothing of what is left.
                    #expect(noticed.share(of: model, now: now) == before)
                }
                if random.next() % 5 == 0 { _ = account.expire(now: now) }
            }
        }
    }

    @Test func `a reset is noticed once, with what was lost`() {
        var account = Self.mixed
        #expect(account.nextChange == Self.now + 500)
        #expect(account.expire(now: Self.now + 499).isEmpty)
        #expect(account.expire(now: Self.now + 500).isEmpty, "a rate was taken for quota")
        #expect(account.expire(now: Self.now + Self.hour).map(\.share) == [0.5])
        #expect(account.expire(now: Self.now + 2 * Self.hour).isEmpty)
        // What was empty is no loss.
        #expect(account.expire(now: Self.now + 60 * Self.hour).map(\.kind) == ["7d"])
        #expect(account.nextChange == .max)
        #expect(account.list(now: Self.now + 61 * Self.hour).allSatisfy { $0.source == .reset && $0.share == 1 })
    }

    @Test func `what names no reset goes when its time is over; what a poll told stays, as unknown`() {
        var told = [Self.window(.all, "5h", 0.5), Self.window(.model("m"), "share", 0.5, .poll)]
        for index in told.indices { told[index].goodUntil = Self.now + 100 }
        var account = Self.account(told)
        _ = account.expire(now: Self.now + 101)
        #expect(account.list(now: Self.now + 101).map(\.kind) == ["share"])
        #expect(account.share(of: "m", now: Self.now + 101) == .unknown)
        #expect(account.leastShare == 1)
    }

    @Test func `a refusal's wait is the reset of what is used up without one, and of nothing else`() {
        var told = [
            Self.window(.all, "5h", 0), Self.window(.all, "7d", 0, resets: Self.hour), Self.window(.model("m"), "tokens", 0),
            Self.window(.model("m"), "requests", 0.5), Self.window(.model("n"), "tokens", 0),
            Self.window(.model("m"), "share", 0, .poll),
        ]
        for index in told.indices where told[index].resetsAt == nil { told[index].goodUntil = Self.now + 100 }
        var account = Self.account(told)
        #expect(account.isUndated("m", now: Self.now) && !account.isUndated("m", now: Self.now + 101))
        account.date("m", until: Self.now + 500, now: Self.now)
        let resets = account.list(now: Self.now).map { "\($0.models) \($0.kind) \($0.resetsAt.map { $0 - Self.now } ?? -1)" }
        #expect(
            resets == [
                "all 5h 500", "all 7d \(Self.hour)", "model(\"m\") tokens 500", "model(\"m\") requests -1",
                "model(\"m\") share -1", "model(\"n\") tokens -1",
            ])
        #expect(!account.isUndated("m", now: Self.now) && account.isUndated("n", now: Self.now))
        #expect(account.emptyUntil("x", now: Self.now + 101) == Self.now + Self.hour)
    }

    @Test func `a burst that is over leaves nothing; a quota that was refused is full again`() {
        var account = Self.account([
            Self.window(.model("m"), "share", 0, resets: 60_000, .refusal),
            Self.window(.model("n"), "share", 0, resets: Self.hour, .refusal),
        ])
        #expect(account.soonestReset(of: "m", now: Self.now) == nil)
        #expect(account.soonestReset(of: "n", now: Self.now) == Self.now + Self.hour)
        _ = account.expire(now: Self.now + 60_000)
        #expect(account.list(now: Self.now + 60_000).map(\.models) == [.model("n")] && account.isLasting)
        _ = account.expire(now: Self.now + Self.hour)
        #expect(account.share(of: "n", now: Self.now + Self.hour) == .known(1) && account.isLasting)
        #expect(account.share(of: "m", now: Self.now + Self.hour) == .unknown && !account.hasRefusals)
    }

    @Test func `one source can be forgotten`() {
        var account = Self.account([
            Self.window(.all, "5h", 0.5), Self.window(.model("m"), "share", 0, .refusal),
            Self.window(.model("n"), "share", 0, .refusal),
        ])
        #expect(account.hasRefusals)
        account.drop(.refusal) { $0.models.holds("m") }
        #expect(account.share(of: "m", now: Self.now) == .known(0.5) && account.share(of: "n", now: Self.now) == .known(0))
        account.drop(.refusal)
        #expect(!account.hasRefusals && account.list(now: Self.now).count == 1)
    }

    @Test func `a model that is served was not refused rightly, and no other is meant`() {
        var account = Self.account([
            Self.window(.all, "5h", 0), Self.window(.model("m"), "share", 0, .refusal),
            Self.window(.model("n"), "share", 0, .refusal),
            Self.window(.family("opus", refused: ["m", "o"]), "7d:opus", 0),
            Self.window(.family("lunar", refused: ["m"]), "7d:lunar", 0.5),
        ])
        #expect(["m", "n", "o", "x"].map { account.refuses($0) } == [true, true, true, false])
        account.endRefusals { $0 == "m" }
        #expect(["m", "n", "o", "x"].map { account.refuses($0) } == [false, true, true, false])
        // What a window of all models says is not a refusal; a family that has something left keeps whom it held.
        #expect(account.share(of: "m", now: Self.now) == .known(0))
        #expect(account.list(now: Self.now).contains { $0.kind == "7d:lunar" && $0.models.holds("m") })
        account.endRefusals { _ in true }
        #expect(!account.hasRefusals)
    }

    @Test func `windows of several models that are back before their reset are told`() {
        let account = Self.account([
            Self.window(.all, "5h", 0, resets: Self.hour), Self.window(.model("m"), "requests", 0, resets: Self.hour),
            Self.window(.all, "7d", 0.5, resets: Self.hour),
        ])
        let news = [
            Self.window(.all, "5h", 0.5), Self.window(.model("m"), "requests", 1), Self.window(.all, "7d", 1),
            Self.window(.all, "new", 1),
        ]
        #expect(account.returned(news, now: Self.now).map(\.kind) == ["5h"])
        #expect(account.returned(news, now: Self.now + Self.hour).isEmpty, "the reset has come")
        #expect(account.returned([Self.window(.all, "5h", 0)], now: Self.now).isEmpty)
        #expect(account.isUsedUp("5h", now: Self.now) && !account.isUsedUp("7d", now: Self.now))
        #expect(!account.isUsedUp("requests", now: Self.now), "it is a model's own")
    }

    @Test func `whatever vendors and clients name, an account's table has a bound`() {
        var account = AccountWindows()
        for number in 0..<1_060 {
            var window = Self.window(.model("m\(number)"), "share", 0.5)
            window.takenAt += number
            _ = account.take([window], now: Self.now)
        }
        for number in 0..<100 {
            _ = account.take([Self.window(.family("f\(number)", refused: []), "f\(number)", 0.5)], now: Self.now)
            _ = account.take([Self.window(.model("m1059"), "k\(number)", 0.5)], now: Self.now)
        }
        _ = account.take([Self.window(.model(String(repeating: "x", count: 257)), "share", 0)], now: Self.now)
        #expect(
            account.list(now: Self.now).count <= AccountWindows.mostModels + AccountWindows.mostWide + AccountWindows.mostOfModel)
        #expect(account.knows("m1059") && !account.knows("m0"))
        #expect(account.leastShare == 0.5)
    }
}
