import Testing

@testable import ProxyCore

/// What of quota is worth a line of the log.
struct UsedUpWindowsTests {
    private static let now = 1_000_000
    private static let hour = 3_600_000
    private static let id = AccountID(upstream: "a", account: "one")

    private static func window(
        _ models: QuotaWindow.Models, _ kind: String, share: Double = 0, source: QuotaWindow.Source = .headers,
        in time: Int = hour
    ) -> QuotaWindow {
        QuotaWindow(models, kind: kind, share: share, resetsAt: now + time, source: source, takenAt: now)
    }

    private static func states(_ windows: [QuotaWindow]) -> AccountStates {
        var states = AccountStates()
        states.accountIDs = ["a": [id]]
        var account = AccountWindows()
        _ = account.take(windows, now: now)
        states.windows[id] = account
        return states
    }

    private static func told(_ windows: [QuotaWindow]) -> [AccountChange] {
        var usedUp = UsedUpWindows()
        return usedUp.look(at: states(windows), now: now).map(\.change)
    }

    @Test func `an account whose quota is used up is out, and so is a model, or the models of a family that were refused`() {
        var all = AccountChange.worse(
            .outOfQuota, reason: "5h", words: "what it has of it is used up", until: Self.now + Self.hour)
        #expect(Self.told([Self.window(.all, "5h")]) == [all])
        all.model = "m"
        #expect(Self.told([Self.window(.model("m"), "5h")]) == [all])
        let family = Self.told([Self.window(.family("opus", refused: ["z", "b"]), "7d:opus")])
        #expect(family.map(\.model) == ["b"] && family.map(\.reason) == ["7d:opus"])
        #expect(Self.told([Self.window(.family("opus", refused: []), "7d:opus")]).isEmpty)
    }

    @Test func `a vendor's rate that is used up is no news, nor is what a refusal says; a declared one is`() {
        #expect(Self.told([Self.window(.model("m"), "requests", in: 60_000)]).isEmpty)
        let declared = Self.told([Self.window(.all, "requests", source: .declared, in: 60_000)])
        #expect(declared.map(\.state) == [.outOfQuota] && declared.first?.until == Self.now + 60_000)
        #expect(Self.told([Self.window(.model("m"), "share", source: .refusal)]).isEmpty)
        #expect(Self.told([Self.window(.all, "5h", share: 0.01)]).isEmpty)
    }

    @Test func `each change is told once, that it is back too, also by its time alone`() {
        var usedUp = UsedUpWindows()
        var states = Self.states([Self.window(.all, "5h"), Self.window(.model("m"), "share", source: .poll)])
        #expect(usedUp.look(at: states, now: Self.now).map(\.change.state) == [.outOfQuota, .outOfQuota])
        #expect(usedUp.look(at: states, now: Self.now).isEmpty)
        _ = states.windows[Self.id]?.take([Self.window(.model("m"), "share", share: 0.5, source: .poll)], now: Self.now + 1)
        let polled = usedUp.look(at: states, now: Self.now + 1).map(\.change)
        #expect(polled.map(\.direction) == [.better] && polled.map(\.model) == ["m"])
        _ = states.windows[Self.id]?.expire(now: Self.now + Self.hour)
        let reset = usedUp.look(at: states, now: Self.now + Self.hour).map(\.change)
        #expect(reset == [.better(.outOfQuota, reason: "quota")])
    }

    @Test func `models that run out together are one line, and so are those that are back`() {
        var usedUp = UsedUpWindows()
        var states = Self.states((0..<300).map { Self.window(.model("m\($0)"), "share", source: .poll) })
        let worse = usedUp.look(at: states, now: Self.now).map(\.change)
        #expect(worse.map(\.model) == ["m0"])
        #expect(worse.first?.words.contains("299 more models") == true)
        #expect(usedUp.covers(Self.id, model: "m299"))
        states.windows[Self.id] = nil
        let better = usedUp.look(at: states, now: Self.now).map(\.change)
        #expect(better.map(\.model) == ["m0"] && better.map(\.direction) == [.better])
    }

    @Test func `nothing is told of an account that is gone`() {
        var usedUp = UsedUpWindows()
        var states = Self.states([Self.window(.all, "5h")])
        #expect(usedUp.look(at: states, now: Self.now).count == 1)
        states.accountIDs = [:]
        states.windows = [:]
        #expect(usedUp.look(at: states, now: Self.now).isEmpty)
        #expect(!usedUp.covers(Self.id, model: "m"))
    }

    @Test func `what was told covers the models that it is about`() {
        var usedUp = UsedUpWindows()
        #expect(!usedUp.covers(Self.id, model: "m"))
        var states = Self.states([Self.window(.model("m"), "5h")])
        _ = usedUp.look(at: states, now: Self.now)
        #expect(usedUp.covers(Self.id, model: "m") && !usedUp.covers(Self.id, model: "n"))
        #expect(!usedUp.covers(AccountID(upstream: "a", account: "two"), model: "m"))
        _ = states.windows[Self.id]?.take([Self.window(.all, "5h")], now: Self.now)
        _ = usedUp.look(at: states, now: Self.now)
        #expect(usedUp.covers(Self.id, model: "n"))
    }
}
