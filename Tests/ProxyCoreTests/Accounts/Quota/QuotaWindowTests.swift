import Testing

@testable import ProxyCore

/// A window's life: its age, its reset by reckoning, what was lost of it, and when it runs out.
struct QuotaWindowTests {
    private static let hour = 3_600_000

    private static func window(
        _ share: Double?, _ kind: String = "5h", at time: Int = 0, resets: Int? = nil, _ source: QuotaWindow.Source = .headers
    ) -> QuotaWindow {
        QuotaWindow(.all, kind: kind, share: share, resetsAt: resets, source: source, takenAt: time)
    }

    @Test func `after its reset a window is full by reckoning`() {
        var window = Self.window(0.2, resets: 1_000)
        (window.limit, window.remaining) = (10, 2)
        #expect(window.share(now: 999) == 0.2)
        #expect(window.reckoned(now: 999) == window)
        #expect(window.share(now: 1_000) == 1)
        let full = window.reckoned(now: 1_500)
        #expect(full.share == 1 && full.source == .reset && full.takenAt == 1_000 && full.resetsAt == nil)
        #expect(full.limit == 10 && full.remaining == 10)
    }

    @Test func `what is too old is unknown, its reset too`() {
        var window = Self.window(0.2, resets: 1_000)
        window.goodUntil = 500
        #expect(window.share(now: 500) == 0.2)
        #expect(window.share(now: 501) == nil)
        #expect(window.share(now: 2_000) == nil)
        #expect(window.reckoned(now: 501).share == nil)
        #expect(!window.isUsedUp(now: 501) && window.runsOutAt(now: 501) == nil)
    }

    // MARK: Waste

    @Test(
        "What is left when a window is reset is lost, and counted once",
        arguments: [
            // kind, what is known and its reset, what is told and its reset, now, what is lost
            ("5h", 0.4, 1_000, 0.9, 20_000_000, 2_000, 0.4), ("5h", 0.0, 1_000, 0.9, 20_000_000, 2_000, 0.0),
            // It empties as it should.
            ("5h", 0.4, hour, 0.3, hour, 2_000, nil),
            // It is reset before its time: the reset moves, and there is more.
            ("7d", 0.4, hour, 1.0, 100 * hour, 2_000, 0.4),
            // The reset moves alone, or there is more of a sudden: that is no reset.
            ("primary", 0.4, hour, 0.4, hour + 90_000, 2_000, nil), ("primary", 0.4, hour, 0.9, hour + 1_000, 2_000, nil),
            // Rates refill all the time.
            ("requests", 0.4, 1_000, 1.0, 3_000, 2_000, nil), ("tokens", 0.4, 1_000, 1.0, 3_000, 2_000, nil),
            // A day's requests are no rate.
            ("requests", 0.4, hour, 1.0, 30 * hour, hour + 1, 0.4),
        ] as [(String, Double, Int, Double, Int, Int, Double?)])
    func waste(kind: String, known: Double, reset: Int, told: Double, next: Int, now: Int, lost: Double?) {
        var window = Self.window(known, kind, resets: reset)
        #expect(window.take(window, now: 0) == nil)
        #expect(window.take(Self.window(told, kind, at: now, resets: next), now: now) == lost)
        #expect(window.take(Self.window(told, kind, at: now + 1, resets: next), now: now + 1) == nil)
        #expect(window.share == told && window.resetsAt == next)
    }

    @Test func `a refusal that ends has lost nothing, and what was full by reckoning neither`() {
        var refusal = Self.window(0, "share", resets: 1_000, .refusal)
        #expect(refusal.take(Self.window(1, "share", at: 2_000, resets: 9_000_000, .poll), now: 2_000) == nil)
        var full = Self.window(0.5, resets: 1_000).reckoned(now: 1_000)
        #expect(full.take(Self.window(0.9, at: 2_000, resets: 9_000_000), now: 2_000) == nil)
    }

    @Test func `what was too old to be known at the reset is no loss`() {
        var window = Self.window(0.5, resets: Self.hour)
        window.goodUntil = Self.hour - 1
        #expect(window.take(Self.window(1, at: Self.hour + 5, resets: 6 * Self.hour), now: Self.hour + 5) == nil)
    }

    // MARK: Forecast

    @Test func `what nobody asks empties no further, and is never forecast for the past`() throws {
        var window = Self.window(1, resets: 100 * Self.hour)
        _ = window.take(Self.window(0.5, at: Self.hour, resets: 100 * Self.hour), now: Self.hour)
        let end = try #require(window.runsOutAt(now: Self.hour))
        #expect(abs(end - 2 * Self.hour) <= 1)
        // Of three hours one was busy.
        let later = try #require(window.runsOutAt(now: 3 * Self.hour))
        #expect(abs(later - 6 * Self.hour) <= 1)
    }

    @Test func `a window runs out at the rate of late`() throws {
        // One percent a minute of a window of five hours.
        var window = Self.window(1, resets: 5 * Self.hour)
        for minute in 1...30 {
            let time = minute * 60_000
            _ = window.take(Self.window(1 - Double(minute) / 100, at: time, resets: 5 * Self.hour), now: time)
        }
        let end = try #require(window.runsOutAt(now: 30 * 60_000))
        #expect(abs(end - 100 * 60_000) < 60_000, "\(end)")
        // Then ten times slower: what was before is forgotten after a while, and the reset comes first.
        for minute in 31...90 {
            let time = minute * 60_000
            _ = window.take(Self.window(0.7 - Double(minute - 30) / 1_000, at: time, resets: 5 * Self.hour), now: time)
        }
        #expect(window.runsOutAt(now: 90 * 60_000) == nil)
    }

    @Test func `a window that does not empty, or of which one value is known, runs out never`() {
        var window = Self.window(0.5, resets: 5 * Self.hour)
        #expect(window.runsOutAt(now: 0) == nil)
        for minute in 1...60 {
            _ = window.take(Self.window(0.5, at: minute * 60_000, resets: 5 * Self.hour), now: minute * 60_000)
        }
        #expect(window.runsOutAt(now: Self.hour) == nil)
    }

    @Test func `what comes of the first moments is taken as that of a minute, or of a tenth of a shorter window`() throws {
        var window = Self.window(1, resets: 5 * Self.hour)
        _ = window.take(Self.window(0.99, at: 100, resets: 5 * Self.hour), now: 100)
        // One request is no pace: a percent a minute.
        let end = try #require(window.runsOutAt(now: 100))
        #expect(abs(end - 99 * 60_000) < 1_000, "\(end)")
        var rate = Self.window(1, "requests", resets: 60_000)
        _ = rate.take(Self.window(0.8, "requests", at: 100, resets: 60_000), now: 100)
        let soon = try #require(rate.runsOutAt(now: 100))
        #expect(abs(soon - 24_000) < 1_000, "\(soon)")
    }

    @Test func `a window that is used up has run out, until its reset`() {
        let window = Self.window(0, at: 500, resets: 1_000)
        #expect(window.runsOutAt(now: 600) == 500)
        #expect(window.runsOutAt(now: 1_000) == nil)
    }

    @Test func `after a reset the old rate counts no more`() throws {
        var window = Self.window(1, resets: Self.hour)
        _ = window.take(Self.window(0.1, at: 1_800_000, resets: Self.hour), now: 1_800_000)
        let end = try #require(window.runsOutAt(now: 1_800_000))
        #expect(abs(end - 2_000_000) <= 1)
        _ = window.take(Self.window(0.99, at: Self.hour + 1, resets: 6 * Self.hour), now: Self.hour + 1)
        #expect(window.runsOutAt(now: Self.hour + 1) == nil)
    }

    // MARK: Families

    @Test func `a family holds what it was seen refusing, up to a bound`() {
        func family(_ models: Set<String>) -> QuotaWindow {
            QuotaWindow(.family("opus", refused: models), kind: "7d:opus", share: 0, source: .headers, takenAt: 0)
        }
        var window = family(["a"])
        #expect(window.isOutdated(by: family(["b"]), threshold: 0, now: 0))
        #expect(!window.isOutdated(by: family([]), threshold: 0, now: 0))
        _ = window.take(family(["b"]), now: 0)
        _ = window.take(family([]), now: 0)
        #expect(window.models.holds("a") && window.models.holds("b") && !window.models.holds("c"))
        _ = window.take(family(Set((0..<1_000).map(String.init))), now: 0)
        guard case .family(_, let refused) = window.models else {
            Issue.record("the family is one no more")
            return
        }
        #expect(refused.count == QuotaWindow.mostRefused)
    }
}
