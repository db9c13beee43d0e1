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

    @Test func `a rate that keeps requests away is told once, and once that it does not, and not again for a minute`() {
        func rate(_ share: Double, at time: Int, source: QuotaWindow.Source = .headers) -> QuotaWindow {
            Self.window(.model("m"), "requests", share: share, source: source, at: time, resets: time + 2_000)
        }
        var known = QuotaThresholds()
        known.add(0.05, of: "m", at: "a")
        var low = LowWindows(ofRates: true)
        low.follow(known)
        var states = Self.states([rate(0.5, at: Self.now)])
        #expect(low.look(at: states, now: Self.now).isEmpty)
        var told: [Int: [Bool]] = [:]
        for second in [1, 2, 10, 11, 62] {
            let time = Self.now + second * 1_000
            _ = states.windows[Self.id]?.take([rate(0.02, at: time)], now: time)
            told[second] = low.look(at: states, now: time).map(\.isLow)
            _ = states.windows[Self.id]?.take([rate(0.01, at: time + 1)], now: time + 1)
            told[second]? += low.look(at: states, now: time + 1).map(\.isLow)
            guard second != 1 else { continue }
            _ = states.windows[Self.id]?.take([rate(0.9, at: time + 2)], now: time + 2)
            told[second]? += low.look(at: states, now: time + 2).map(\.isLow)
        }
        #expect(told == [1: [true], 2: [false], 10: [], 11: [], 62: [true, false]])
    }

    @Test func `a rate that is used up is told, one that is declared is not, nor one of a model that rests`() {
        func told(_ source: QuotaWindow.Source, rests: Bool = false) -> Int {
            var low = LowWindows(ofRates: true)
            low.follow(QuotaThresholds())
            var states = Self.states([
                Self.window(.model("m"), "tokens", share: 0, source: source, resets: Self.now + 30_000)
            ])
            if rests {
                var state = AccountState()
                state.isDrained = true
                states.accounts[Self.id] = state
            }
            return low.look(at: states, now: Self.now).count
        }
        #expect(told(.headers) == 1)
        #expect(told(.declared) == 0)
        #expect(told(.headers, rests: true) == 0)
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
