import Testing

@testable import ProxyCore

@Suite struct QuotaForecastTests {
    private static let hour = 3_600_000
    private static let now = 100 * hour

    private static func window(_ kind: String, _ share: Double?, resetsIn: Int?, takenAt: Int = now) -> QuotaWindow {
        QuotaWindow(
            .all, kind: kind, share: share, resetsAt: resetsIn.map { now + $0 }, source: .headers, takenAt: takenAt)
    }

    @Test(
        arguments: [
            // Three of five hours have used four fifths: the last fifth lasts for three quarters of an hour.
            ("5h", 0.2, 2 * hour, hour * 3 / 4),
            // So much is left that it lasts.
            ("5h", 0.5, 2 * hour, nil),
            ("5h", 1, 2 * hour, nil),
            // The first minutes tell nothing.
            ("5h", 0.9, 5 * hour - 100_000, nil),
            ("7d:opus", 0.1, 84 * hour, 84 * hour / 9),
            // It has run out.
            ("5h", 0, hour, 0),
            // A minute's rate refills all the time; nothing is known of a pace.
            ("requests", 0.1, 30_000, nil),
            ("share", 0.9, 4 * hour, nil),
        ] as [(String, Double, Int, Int?)])
    func aWindowIsForecastByItsUseSinceItsBeginning(_ kind: String, _ share: Double, _ resetsIn: Int, _ runsOutIn: Int?) {
        let forecast = Self.window(kind, share, resetsIn: resetsIn).forecast(now: Self.now)
        #expect(forecast.map { $0.runsOutAt - Self.now } == runsOutIn)
        if forecast != nil { #expect(forecast?.resetsAt == Self.now + resetsIn) }
    }

    @Test func withoutALengthThePaceOfTheLastMinutesCountsWhenItWasLookedAt() {
        var window = Self.window("share", 0.9, resetsIn: 10 * Self.hour)
        func tell(_ share: Double, after seconds: Int) -> Int? {
            let time = Self.now + seconds * 1_000
            _ = window.take(
                QuotaWindow(
                    .all, kind: "share", share: share, resetsAt: Self.now + 10 * Self.hour, source: .headers, takenAt: time),
                now: time)
            return window.forecast(now: time).map { ($0.runsOutAt - Self.now) / 1_000 }
        }
        #expect(tell(0.8, after: 30) == nil)
        #expect(tell(0.5, after: 240) == 240 + 300)
        // Where little is left nobody waits.
        var other = Self.window("share", 0.9, resetsIn: 10 * Self.hour)
        swap(&window, &other)
        #expect(tell(0.15, after: 10) != nil)
    }

    @Test func whatWasSaidToRunOutWaversUntilItIsFullAgain() {
        #expect(Self.window("5h", 0.3, resetsIn: Self.hour).waveringForecast(now: Self.now) != nil)
        #expect(Self.window("5h", 0.6, resetsIn: Self.hour).waveringForecast(now: Self.now) == nil)
        #expect(Self.window("5h", 0.3, resetsIn: -1).waveringForecast(now: Self.now) == nil)
        #expect(Self.window("5h", nil, resetsIn: Self.hour).waveringForecast(now: Self.now) == nil)
    }
}
