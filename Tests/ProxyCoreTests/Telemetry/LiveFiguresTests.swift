import Testing

@testable import ProxyCore

@Suite struct LiveFiguresTests {
    private func entry(status: Int = 200, firstByte: Int = -1, _ party: Outcome = .done(in: .relay)) -> RequestLogEntry {
        var entry = RequestLogEntry()
        entry.status = status
        entry.outcome = party
        entry.firstByteMicroseconds = firstByte < 0 ? -1 : firstByte * 1_000
        return entry
    }

    @Test("Slots of all loops are added up, and what is older than an hour is gone")
    func slots() {
        let figures = LiveFigures()
        let (one, two) = (figures.part(), figures.part())
        one.count(entry().ended(at: 1_000_000_000))
        two.count(entry(status: 500).ended(at: 1_000_005_000))
        let now = figures.slots(now: 1_000_009)
        #expect(now.count == LiveFigures.slots)
        #expect(now.last?.requests == 2)
        #expect(figures.counted == 2)
        #expect(now.last?.errors == 1)
        #expect(figures.slots(now: 1_000_000 + 3_600).first?.requests == 2)
        #expect(figures.slots(now: 1_000_000 + 3_610).allSatisfy { $0.requests == 0 })
        // An hour later the place is another slot's.
        one.count(entry().ended(at: 1_003_610_000))
        #expect(figures.slots(now: 1_003_610).reduce(0) { $0 + $1.requests } == 1)
    }

    @Test("A clock before 1970 counts nothing")
    func oldClock() {
        let figures = LiveFigures()
        figures.part().count(entry().ended(at: -5))
        #expect(figures.slots(now: 0).allSatisfy { $0.requests == 0 })
    }

    @Test(
        "Errors are 5xx and what was cut, refusals 4xx, and who left is neither",
        arguments: [
            (200, Outcome.done(in: .relay), 0, 0), (503, .done(in: .dispatch), 1, 0), (429, .done(in: .decide), 0, 1),
            (200, Outcome(.upstream, in: .relay), 1, 0), (200, Outcome(.client, in: .relay), 0, 0),
            (404, Outcome(.proxy, in: .decide), 0, 1),
        ])
    func kinds(status: Int, outcome: Outcome, errors: Int, refused: Int) {
        var slot = LiveFigures.Slot(number: 0)
        slot.count(entry(status: status, outcome))
        #expect((slot.errors, slot.refused) == (errors, refused))
    }

    @Test(
        "Times to the first byte are told within a factor of √2", arguments: [0, 1, 2, 3, 7, 50, 90, 1_000, 30_000, 10_000_000])
    func firstBytes(milliseconds: Int) throws {
        var slot = LiveFigures.Slot(number: 0)
        #expect(slot.firstByte(share: 0.5) == nil)
        for _ in 0..<100 { slot.count(entry(firstByte: milliseconds)) }
        let (half, most) = (try #require(slot.firstByte(share: 0.5)), try #require(slot.firstByte(share: 0.95)))
        #expect(half <= most)
        guard milliseconds < 200_000 else { return }
        #expect(Double(half) >= Double(milliseconds) / 1.42 - 1)
        #expect(Double(most) <= Double(milliseconds) * 1.42 + 1)
    }
}

extension RequestLogEntry {
    /// - Parameter milliseconds: since 1970.
    fileprivate func ended(at milliseconds: Int) -> RequestLogEntry {
        var entry = self
        entry.timeMilliseconds = milliseconds
        return entry
    }
}
