import Testing

@testable import ProxyCore

/// When a breaker opens, for how long, and who closes it.
struct BreakerTests {
    /// Something that befalls an account.
    enum Event: Sendable {
        case fail(Breaker.Fault)
        /// So many failures, one after the other.
        case fails(Int, Breaker.Fault)
        /// A success that the breaker only hears of by the count.
        case serve(Int)
        case pass(Int)
    }

    /// The breaker after events, each a millisecond after the one before; the time, and whether it opened.
    private static func play(_ events: [Event]) -> (breaker: Breaker, now: Int) {
        var breaker = Breaker()
        var (now, successes) = (1_000, 0)
        for event in events {
            now += 1
            switch event {
            case .fail(let fault): _ = breaker.failed(fault, isProbe: false, successes: successes, now: now)
            case .fails(let count, let fault):
                for _ in 0..<count {
                    _ = breaker.failed(fault, isProbe: false, successes: successes, now: now)
                    now += 1
                }
            case .serve(let count): successes += count
            case .pass(let time): now += time
            }
        }
        return (breaker, now)
    }

    @Test(
        arguments: [
            ([], false), ([.fails(4, .connection)], false), ([.fails(5, .connection)], true), ([.fails(5, .response)], true),
            ([.fails(2, .connection), .fails(3, .response)], true),
            // A success between two failures ends the row.
            ([.fails(4, .response), .serve(1), .fails(4, .response)], false),
            ([.fails(4, .response), .serve(1), .fails(5, .response)], true),
            // However long the row takes.
            ([.fails(4, .response), .pass(3_600_000), .fail(.response)], true),
            ([.fail(.timeout)], false), ([.fails(2, .timeout)], true), ([.fail(.timeout), .serve(1), .fail(.timeout)], false),
            ([.fail(.timeout), .fail(.response), .fail(.timeout)], true), ([.fail(.timeout), .fails(3, .response)], false),
            // Half of twenty within half a minute.
            (halves(served: 1), true), (halves(served: 2), false), (halves(served: 1, pause: 3_000), true),
            (halves(served: 1, pause: 3_400), false),
        ] as [([Event], Bool)])
    func `it opens after too many failures`(_ events: [Event], _ isOpen: Bool) {
        #expect((Self.play(events).breaker.until != nil) == isOpen)
    }

    /// Ten failures, and `served` successes between each two.
    private static func halves(served: Int, pause: Int = 0) -> [Event] {
        (0..<10).flatMap { [Event.fail($0 % 2 == 0 ? .response : .connection), .serve(served), .pass(pause)] }
    }

    @Test func `it rests for five seconds, and twice as long after every probe that fails, a minute at most`() {
        var (breaker, now) = Self.play([.fails(5, .response)])
        var rests: [Int] = []
        var opened = now - 1
        for _ in 0..<6 {
            let until = breaker.until ?? 0
            rests.append(until - opened)
            let isEarly = breaker.claimProbe(now: until - 1)
            let isInTime = breaker.claimProbe(now: until)
            #expect(!isEarly && isInTime)
            now = until + 10
            let opens = breaker.failed(.response, isProbe: true, successes: 0, now: now)
            #expect(opens)
            opened = now
        }
        #expect(rests == [5_000, 10_000, 20_000, 40_000, 60_000, 60_000])
    }

    @Test func `one request at a time probes, and what others find out meanwhile changes nothing`() {
        var (breaker, now) = Self.play([.fails(5, .connection)])
        now = breaker.until ?? 0
        let first = breaker.claimProbe(now: now)
        let second = breaker.claimProbe(now: now + 1)
        #expect(first && !second && breaker.isProbing)
        let until = breaker.until
        let opens = breaker.failed(.timeout, isProbe: false, successes: 0, now: now + 2)
        #expect(!opens && breaker.until == until)
        // One that never comes back holds nobody up for ever.
        let third = breaker.claimProbe(now: now + Breaker.probeTime)
        #expect(third)
    }

    @Test func `a probe that tells nothing leaves its place to the next request`() {
        var (breaker, now) = Self.play([.fails(5, .connection)])
        now = breaker.until ?? 0
        _ = breaker.claimProbe(now: now)
        breaker.dropProbe(now: now + 5)
        #expect(!breaker.isProbing)
        let next = breaker.claimProbe(now: now + 5)
        #expect(next)
    }

    @Test func `what fails while it is open, for want of anybody else, makes it no longer`() {
        var (breaker, now) = Self.play([.fails(5, .connection)])
        let until = breaker.until
        for _ in 0..<100 {
            now += 1
            let opens = breaker.failed(.connection, isProbe: false, successes: 0, now: now)
            #expect(!opens)
        }
        #expect(breaker.until == until)
    }

    @Test func `a success closes it, and all is forgotten`() {
        var (breaker, now) = Self.play([.fails(5, .connection)])
        let wasOpen = breaker.succeeded()
        #expect(wasOpen && breaker == Breaker())
        for _ in 0..<4 {
            now += 1
            let opens = breaker.failed(.connection, isProbe: false, successes: 1, now: now)
            #expect(!opens)
        }
        let opens = breaker.failed(.connection, isProbe: false, successes: 1, now: now)
        #expect(opens && breaker.until == now + Breaker.firstRest)
        let wasOpenAgain = breaker.succeeded()
        let wasStillOpen = breaker.succeeded()
        #expect(wasOpenAgain && !wasStillOpen)
    }

    @Test func `a count that starts anew is no row`() {
        var breaker = Breaker()
        for number in 0..<4 { _ = breaker.failed(.response, isProbe: false, successes: 70, now: number) }
        let opens = breaker.failed(.response, isProbe: false, successes: 0, now: 5)
        #expect(!opens)
    }
}
