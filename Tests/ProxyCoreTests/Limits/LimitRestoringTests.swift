import ProxyCore
import Testing

@testable import ProxyCore

@Suite("Limits restored")
struct LimitRestoringTests {
    private static let limit = UsageLimit(
        .entry, name: "team",
        rates: [LimitRate(.requests, per: .minute, most: 100), LimitRate(.tokens, per: .minute, most: 100)], noun: "team")
    /// The steady clock has counted from a beginning of its own, as after a reboot.
    private static let now = LimitTime(wall: LimitTableTests.noon, steady: 5_000)

    /// - Parameter admitted: milliseconds before now, as `ended`.
    private static func charge(admitted: Int, ended: Int) -> [RecentCharge] {
        [
            RecentCharge(
                limit: limit.id, bucket: "infra", amounts: LimitAmounts(requests: 1), time: now.wall - admitted),
            RecentCharge(limit: limit.id, bucket: "infra", amounts: LimitAmounts(tokens: 10), time: now.wall - ended),
        ]
    }

    private static func reset(_ kind: LimitRate.Kind? = nil, ago: Int) -> LimitReset {
        LimitReset(limit: limit.id, bucket: "infra", kind: kind, time: now.wall - ago)
    }

    /// Requests and tokens of the last minute, so many milliseconds later.
    private static func used(_ charges: [RecentCharge], _ resets: [LimitReset] = [], after time: Int = 0) -> [Int] {
        let table = LimitTable(timeZone: .utc)
        table.restore([], [], charges, resets, now: now)
        let later = LimitTime(wall: now.wall + time, steady: now.steady + time)
        return table.figures([limit], bucket: "infra", listsUntouched: true, now: later).map(\.used)
    }

    @Test("Each piece passes sixty seconds after its time, in whatever order the records lie")
    func passes() {
        // One came early and ended late, one came and ended between.
        let long = Self.charge(admitted: 50_000, ended: 1_000)
        let short = Self.charge(admitted: 20_000, ended: 19_000)
        for charges in [long + short, short + long] {
            for (time, expected) in [
                (0, [2, 20]), (9_999, [2, 20]), (10_000, [1, 20]), (40_000, [0, 20]), (40_999, [0, 20]), (41_000, [0, 10]),
                (58_999, [0, 10]), (59_000, [0, 0]),
            ] {
                #expect(Self.used(charges, after: time) == expected, "after \(time)")
            }
        }
    }

    @Test("A reset takes what was before it, of its kind and its bucket")
    func resets() {
        let charges = Self.charge(admitted: 30_000, ended: 29_000) + Self.charge(admitted: 21_000, ended: 18_000)
        #expect(Self.used(charges, [Self.reset(ago: 20_000)]) == [0, 10])
        #expect(Self.used(charges, [Self.reset(.requests, ago: 20_000)]) == [0, 20])
        #expect(Self.used(charges, [Self.reset(.tokens, ago: 20_000)]) == [2, 10])
        #expect(Self.used(charges, [Self.reset(.tokens, ago: 20_000), Self.reset(.requests, ago: 25_000)]) == [1, 10])
        #expect(Self.used(charges, [Self.reset(ago: 18_000)]) == [0, 0])
        #expect(Self.used(charges, [Self.reset(ago: 18_001)]) == [0, 10])
        #expect(Self.used(charges, [Self.reset(ago: 60_000)]) == [2, 20])
        #expect(Self.used(charges, [Self.reset(ago: -1)]) == [2, 20])
        var other = Self.reset(ago: 0)
        other.bucket = "web"
        #expect(Self.used(charges, [other]) == [2, 20])
    }

    @Test("What a clock that was ahead has stamped counts from now on")
    func ahead() {
        let charges = Self.charge(admitted: -3_600_000, ended: -3_600_000)
        #expect(Self.used(charges, after: 59_999) == [1, 10])
        #expect(Self.used(charges, after: 60_000) == [0, 0])
    }
}
