import Testing

@testable import ProxyCore

/// What of thresholds is worth a line of the log.
struct LowWindowsTests {
    private static let now = 1_000_000
    private static let hour = 3_600_000
    private static let id = AccountID(upstream: "a", account: "one")

    private static func window(
        _ models: QuotaWindow.Models, _ kind: String = "share", share: Double?, source: QuotaWindow.Source = .poll,
        at time: Int = now, resets: Int? = now + hour
    ) -> QuotaWindow {
        QuotaWindow(models, kind: kind, share: share, resetsAt: resets, source: source, takenAt: time)
    }

    private static func states(_ windows: [QuotaWindow]) -> AccountStates {
        var states = AccountStates()
        states.accountIDs = ["a": [id]]
        var account = AccountWindows()
        _ = account.take(windows, now: now)
        states.windows[id] = account
        return states
    }

    private static func watch(_ thresholds: [(String?, Double)]) -> LowWindows {
        var known = QuotaThresholds()
        for (model, threshold) in thresholds { known.add(threshold, of: model, at: "a") }
        var low = LowWindows()
        low.follow(known)
        return low
    }

    @Test func `a window under its threshold is told once, and once that it is over it again`() {
        var low = Self.watch([("m", 0.2)])
        var states = Self.states([Self.window(.model("m"), share: 0.5)])
        #expect(low.look(at: states, now: Self.now).isEmpty)
        _ = states.windows[Self.id]?.take([Self.window(.model("m"), share: 0.2, at: Self.now + 1)], now: Self.now + 1)
        #expect(low.look(at: states, now: Self.now + 1).isEmpty, "exactly the threshold is enough")
        _ = states.windows[Self.id]?.take([Self.window(.model("m"), share: 0.15, at: Self.now + 2)], now: Self.now + 2)
        let worse = LowWindows.Change(
            account: Self.id, kind: "share", isLow: true, model: "m", share: 0.15, threshold: 0.2, resetsAt: Self.now + Self.hour)
        #expect(low.look(at: states, now: Self.now + 2) == [worse])
        _ = states.windows[Self.id]?.take([Self.window(.model("m"), share: 0.1, at: Self.now + 3)], now: Self.now + 3)
        #expect(low.look(at: states, now: Self.now + 3).isEmpty)
        _ = states.windows[Self.id]?.expire(now: Self.now + Self.hour)
        let better = low.look(at: states, now: Self.now + Self.hour)
        #expect(better.map(\.isLow) == [false] && better.map(\.share) == [1] && better.map(\.threshold) == [0.2])
    }

    @Test func `what is used up is told as such, and what has a little again as low`() {
        var low = Self.watch([(nil, 0.2)])
        var states = Self.states([Self.window(.all, "5h", share: 0.1, source: .headers)])
        #expect(low.look(at: states, now: Self.now).map(\.isLow) == [true])
        _ = states.windows[Self.id]?.take(
            [Self.window(.all, "5h", share: 0, source: .headers, at: Self.now + 1)], now: Self.now + 1)
        #expect(low.look(at: states, now: Self.now + 1).isEmpty)
        _ = states.windows[Self.id]?.take(
            [Self.window(.all, "5h", share: 0.1, source: .headers, at: Self.now + 2)], now: Self.now + 2)
        #expect(low.look(at: states, now: Self.now + 2).map(\.isLow) == [true])
    }

    @Test func `rates, refusals and models that no rule asks for are no news`() {
        func told(_ window: QuotaWindow) -> [LowWindows.Change] {
            var low = Self.watch([("m", 0.2), ("other*", 0.0)])
            return low.look(at: Self.states([window]), now: Self.now)
        }
        #expect(told(Self.window(.model("m"), "requests", share: 0.1, source: .headers, resets: Self.now + 60_000)).isEmpty)
        #expect(told(Self.window(.model("m"), share: 0.1, source: .refusal)).isEmpty)
        #expect(told(Self.window(.model("unasked"), share: 0.1)).isEmpty)
        #expect(told(Self.window(.model("m"), share: nil)).isEmpty)
        #expect(told(Self.window(.model("m"), share: 0.1)).count == 1)
    }

    @Test func `models that pass it together are one line, by the one that has least`() {
        var low = Self.watch([(nil, 0.2)])
        let states = Self.states([("c", 0.15), ("b", 0.05), ("d", 0.1)].map { Self.window(.model($0.0), share: $0.1) })
        let told = low.look(at: states, now: Self.now)
        #expect(told.map(\.model) == ["b"] && told.map(\.others) == [2] && told.map(\.share) == [0.05])
    }

    @Test func `another file's thresholds are looked at anew, and an account that is gone is forgotten`() {
        var low = Self.watch([(nil, 0.2)])
        var states = Self.states([Self.window(.all, "5h", share: 0.1, source: .headers)])
        #expect(low.look(at: states, now: Self.now).count == 1)
        low.follow(QuotaThresholds())
        let better = low.look(at: states, now: Self.now)
        #expect(better.map(\.isLow) == [false] && better.map(\.threshold) == [0])
        var known = QuotaThresholds()
        known.add(0.2, of: nil, at: "a")
        low.follow(known)
        #expect(low.look(at: states, now: Self.now).count == 1)
        states.accountIDs = [:]
        states.windows = [:]
        #expect(low.look(at: states, now: Self.now).isEmpty)
    }

    @Test(arguments: [(0.15, "15%"), (0.025, "2.5%"), (0.19999, "19.9%"), (1, "100%"), (0, "0%"), (nil, "unknown")])
    func `a share as the log has it`(share: Double?, text: String) {
        #expect(LogShare.text(share) == text)
    }
}
