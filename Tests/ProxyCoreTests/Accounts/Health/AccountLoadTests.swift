import Testing

@testable import ProxyCore

/// What an account is doing, as loops write and others read it.
struct AccountLoadTests {
    private final class Loop {}

    @Test func `what loops count is summed up`() {
        let load = AccountLoad()
        let loops = (0..<20).map { _ in Loop() }
        for loop in loops { load.cell(of: loop).enter() }
        #expect(load.inFlight == 20)
        for loop in loops.prefix(15) {
            load.cell(of: loop).succeed(firstByte: 10, now: 0)
            load.cell(of: loop).leave()
        }
        #expect(load.inFlight == 5 && load.successes == 15)
    }

    @Test func `an error of the client's is a sign of life, and no success`() {
        let load = AccountLoad()
        let loops = (0..<3).map { _ in Loop() }
        for loop in loops { load.cell(of: loop).objections.wrappingAdd(1, ordering: .relaxed) }
        load.cell(of: loops[0]).succeed(firstByte: 1, now: 0)
        load.fail("no", now: 0)
        #expect(load.signsOfLife == 4 && load.successes == 1)
        #expect(load.successRate(now: 0) == 0.5)
    }

    @Test func `a peak of one loop is everybody's`() {
        let load = AccountLoad()
        let loops = (0..<20).map { _ in Loop() }
        #expect(load.firstByteMilliseconds(now: 0) == nil)
        for (number, loop) in loops.enumerated() { load.cell(of: loop).succeed(firstByte: number == 7 ? 900 : 10, now: 0) }
        #expect((700...900).contains(load.firstByteMilliseconds(now: 0) ?? 0))
        #expect(load.firstByteMilliseconds(now: 60_001) == nil)
    }

    @Test func `failures are counted, and the last one is told`() {
        let load = AccountLoad()
        #expect(load.lastFailure == nil && load.failures == 0)
        load.fail("it answered 429", now: 5)
        load.fail("it answered 5xx", now: 9)
        #expect(load.failures == 2)
        #expect(load.lastFailure == AccountLoad.Failure(words: "it answered 5xx", time: 9))
    }

    @Test func `the rate of successes is that of the last minute or more`() {
        let load = AccountLoad()
        let cell = load.cell(of: Loop())
        #expect(load.successRate(now: 0) == nil)
        for _ in 0..<3 { cell.succeed(firstByte: 1, now: 0) }
        load.fail("no", now: 0)
        #expect(load.successRate(now: 1_000) == 0.75)
        // A minute later what was before the first look is forgotten, another one later what was before the second.
        #expect(load.successRate(now: 60_000) == 0.75)
        load.fail("no", now: 60_001)
        #expect(load.successRate(now: 120_000) == 0)
        cell.succeed(firstByte: 1, now: 120_001)
        #expect(load.successRate(now: 120_002) == 0.5)
        #expect(load.successRate(now: 180_000) == 1)
    }

    @Test func `a time to first byte that is a peak counts at once, a shorter one by and by`() {
        var mean = FirstByte()
        #expect(mean.milliseconds(now: 0) == nil)
        mean = mean.adding(100, now: 1_000)
        #expect(mean.milliseconds(now: 1_000) == 100)
        mean = mean.adding(2_000, now: 1_100)
        #expect(mean.milliseconds(now: 1_100) == 2_000)
        mean = mean.adding(100, now: 11_100)
        #expect(mean.milliseconds(now: 11_100) == 1_050)
        for second in 12..<60 { mean = mean.adding(100, now: second * 1_000) }
        #expect((100...150).contains(mean.milliseconds(now: 59_000) ?? 0))
        #expect(mean.milliseconds(now: 119_000) != nil && mean.milliseconds(now: 119_001) == nil)
        #expect(mean.adding(7, now: 200_000).milliseconds(now: 200_000) == 7)
    }

    @Test(arguments: [(Int.max, 0), (0, Int.max), (Int.min, Int.min), (-1, -1), (Int.max, Int.max)])
    func `no number is too large for it`(milliseconds: Int, now: Int) {
        var mean = FirstByte().adding(50, now: 0)
        mean = mean.adding(milliseconds, now: now)
        #expect((0...1_048_576).contains(mean.milliseconds(now: now) ?? 0))
    }
}
