import Testing

@testable import ProxyCore

@Suite struct IdleMemoryTests {
    /// What is looked at: megabytes, requests in flight, and how many have ended.
    private func looks(_ memory: inout IdleMemory, _ moments: [(Int, Int, Int)]) -> [Bool] {
        moments.map { memory.isDue(resident: $0.0 << 20, active: $0.1, ended: $0.2) }
    }

    @Test("Memory is given back once, when a burst has ended and nobody has asked for a second")
    func burst() {
        var memory = IdleMemory()
        let before = looks(&memory, [(40, 0, 1), (40, 0, 1), (120, 9, 1), (120, 0, 10)])
        #expect(before == [false, false, false, false])
        // One came and went meanwhile, and another is in flight.
        let between = looks(&memory, [(120, 0, 11), (120, 1, 11), (120, 0, 11), (120, 0, 11)])
        #expect(between == [false, false, false, true])
        memory.gaveBack(resident: 110 << 20)
        let after = looks(&memory, [(110, 0, 11), (110, 0, 11), (125, 0, 11), (125, 0, 11)])
        #expect(after == [false, false, false, false])
        // The least that was there is the measure of the next burst.
        let next = looks(&memory, [(50, 0, 11), (70, 0, 12), (70, 0, 12)])
        #expect(next == [false, false, true])
    }

    @Test("Nobody counts requests while there is nothing to give back")
    func calm() {
        var memory = IdleMemory()
        var counts = 0
        func count() -> Int {
            counts += 1
            return 0
        }
        let due = [40, 45, 55, 40].map { memory.isDue(resident: $0 << 20, active: 0, ended: count()) }
        #expect(due == [false, false, false, false])
        #expect(counts == 0)
        #expect(ProcessMetrics.residentBytes > 1 << 20)
    }
}
