import Basics
import Foundation
import Testing

/// The system's own zones, with Foundation, which brings a database of its own, as the oracle.
@Suite struct ZoneRulesTests {
    private static func zone(_ name: String) -> ZoneRules? {
        (try? Data(contentsOf: URL(fileURLWithPath: "/usr/share/zoneinfo/\(name)"))).flatMap { ZoneRules(tzif: Array($0)) }
    }

    @Test(arguments: [
        "UTC", "Asia/Singapore", "Asia/Kolkata", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Europe/Berlin",
        "Europe/Dublin", "Africa/Casablanca", "Asia/Kathmandu", "Pacific/Auckland", "America/St_Johns", "Asia/Tehran",
    ])
    func offsetsAreThoseOfAnotherReader(_ name: String) throws {
        let rules = try #require(Self.zone(name))
        let oracle = try #require(TimeZone(identifier: name))
        var instant = 315_532_800
        // 1980 to 2030, every 30 hours and a bit.
        while instant < 1_893_456_000 {
            let expected = oracle.secondsFromGMT(for: Date(timeIntervalSince1970: Double(instant)))
            guard rules.utcOffset(at: instant) == expected else {
                Issue.record("\(name) at \(instant): \(rules.utcOffset(at: instant)), not \(expected)")
                return
            }
            instant += 108_061
        }
    }

    @Test func anHourBeginsAndEndsToTheSecond() throws {
        let newYork = try #require(Self.zone("America/New_York"))
        #expect(newYork.utcOffset(at: 1_762_063_199) == -14_400)
        #expect(newYork.utcOffset(at: 1_762_063_200) == -18_000)
        // By rule alone, long after the last instant that is written out.
        #expect(newYork.utcOffset(at: 4_110_523_199) == -14_400)
        let lordHowe = try #require(Self.zone("Australia/Lord_Howe"))
        #expect(Set((0..<365).map { lordHowe.utcOffset(at: 1_767_225_600 + $0 * 86_400) }) == [37_800, 39_600])
    }

    @Test func noBytesTrapAndHalfAFileIsNone() throws {
        let whole = Array(try Data(contentsOf: URL(fileURLWithPath: "/usr/share/zoneinfo/America/New_York")))
        for end in 0..<whole.count { _ = ZoneRules(tzif: Array(whole[..<end])) }
        var random = SplitMix64(state: 3)
        for _ in 0..<500 {
            var bytes = whole
            for _ in 0..<3 { bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next()) }
            if let rules = ZoneRules(tzif: bytes) {
                for instant in [Int.min, -1, 0, 1_762_063_200, 4_110_523_199, .max] {
                    guard rules.utcOffset(at: instant).magnitude >= 700_000 else { continue }
                    Issue.record("\(rules.utcOffset(at: instant)) at \(instant)")
                }
            }
        }
        #expect(ZoneRules(tzif: []) == nil)
        #expect(ZoneRules(tzif: Array("TZif1".utf8) + [UInt8](repeating: 0, count: 60)) == nil)
    }
}
