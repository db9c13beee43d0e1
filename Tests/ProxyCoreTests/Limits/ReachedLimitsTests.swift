import Testing

@testable import ProxyCore

@Suite("Limits that are reached")
struct ReachedLimitsTests {
    private static let day = UsageLimit(
        .policy, name: "team", rates: [LimitRate(.requests, per: .day, most: 1), LimitRate(.requests, per: .minute, most: 1)],
        noun: "key")

    private static func time(_ milliseconds: Int) -> LimitTime { LimitTime(wall: 1_000_000 + milliseconds, steady: milliseconds) }

    private static func refusal(_ rate: Int, label: String = "alice", resetsAt: Int? = nil) -> LimitRefusal {
        LimitRefusal(
            limit: day, rate: day.rates[rate], label: label, used: 1, reserved: 0, needed: 1, resetsAt: resetsAt, wait: .unknown)
    }

    private static func admitted(_ reached: ReachedLimits, label: String = "alice", at milliseconds: Int) -> [String] {
        reached.admitted([LimitUse(day, bucket: "k", label: label)], now: time(milliseconds)).map(\.limit)
    }

    @Test("a limit is reached once for each bucket, however many requests it refuses")
    func once() {
        let reached = ReachedLimits()
        #expect(!reached.areAny)
        #expect(reached.refused(by: Self.refusal(0), now: Self.time(0)))
        #expect(!reached.refused(by: Self.refusal(0), now: Self.time(1)))
        #expect(reached.refused(by: Self.refusal(1), now: Self.time(1)))
        #expect(reached.refused(by: Self.refusal(0, label: "bob"), now: Self.time(1)))
        #expect(reached.areAny)
    }

    @Test("it is free again with the first request after its window, or after a minute without a refusal; others stay")
    func free() {
        let reached = ReachedLimits()
        _ = reached.refused(by: Self.refusal(0, resetsAt: 1_005_000), now: Self.time(0))
        _ = reached.refused(by: Self.refusal(1, resetsAt: 1_005_000), now: Self.time(0))
        #expect(Self.admitted(reached, at: 4_999) == [])
        #expect(Self.admitted(reached, label: "bob", at: 5_000) == [])
        #expect(Self.admitted(reached, at: 5_000) == ["team.requests_per_day"])
        #expect(Self.admitted(reached, at: 59_999) == [])
        #expect(Self.admitted(reached, at: 60_000) == ["team.requests_per_minute"])
        #expect(!reached.areAny)
        #expect(reached.refused(by: Self.refusal(0), now: Self.time(60_001)))
    }

    @Test("an operator's reset frees it")
    func reset() {
        let reached = ReachedLimits()
        _ = reached.refused(by: Self.refusal(1), now: Self.time(0))
        reached.reset(limit: "another")
        #expect(Self.admitted(reached, at: 1) == [])
        reached.reset(limit: Self.day.id)
        #expect(Self.admitted(reached, at: 2) == ["team.requests_per_minute"])
    }

    @Test("clients that name buckets fill no memory")
    func bounded() {
        let reached = ReachedLimits()
        for number in 0..<2 * ReachedLimits.most {
            _ = reached.refused(by: Self.refusal(0, label: "\(number)"), now: Self.time(0))
        }
        #expect(!reached.refused(by: Self.refusal(0, label: "x"), now: Self.time(1)))
        #expect(reached.refused(by: Self.refusal(0, label: "x"), now: Self.time(ReachedLimits.quiet)))
    }
}
