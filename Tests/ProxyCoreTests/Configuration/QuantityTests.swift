import Basics
import Testing

@testable import ProxyCore

@Suite struct QuantityTests {
    @Test(arguments: [
        ("500ms", 500_000_000), ("30s", 30_000_000_000), ("1.5s", 1_500_000_000), ("5m", 300_000_000_000),
        ("7d", 604_800_000_000_000),
        ("1.5d", 129_600_000_000_000), ("0s", 0),
    ])
    func durationsAreNanoseconds(_ text: String, _ expected: Int) throws {
        #expect(try Quantity.withUnit(text, units: Quantity.durations) == expected)
    }

    @Test(arguments: [("32KiB", 32_768), ("10MB", 10_000_000), ("1.5KiB", 1536), ("7B", 7), ("1GiB", 1 << 30)])
    func sizesAreBytes(_ text: String, _ expected: Int) throws {
        #expect(try Quantity.withUnit(text, units: Quantity.sizes) == expected)
    }

    @Test(arguments: [("400k", 400_000), ("20M", 20_000_000), ("120", 120), ("1.5k", 1500)])
    func countsAreNumbers(_ text: String, _ expected: Int) throws {
        #expect(try Quantity.withUnit(text, units: Quantity.counts) == expected)
    }

    @Test(arguments: [
        "", "-5s", "+5s", "5 s", "1e3s", "s", "5x", "5", ".5s", "5.s", "1.2.3s", "99999999999999999999d", "0x10s", "٣s",
    ])
    func otherTextIsNoDuration(_ text: String) {
        #expect(throws: Quantity.Failure.self) { try Quantity.withUnit(text, units: Quantity.durations) }
    }

    @Test(arguments: [
        ("15", 15_000_000_000), ("18.75", 18_750_000_000), ("0.075", 75_000_000), ("0.000000001", 1), ("1.50", 1_500_000_000),
    ])
    func decimalsAreExact(_ text: String, _ expected: Int) throws {
        #expect(try Quantity.decimal(text, places: 9) == expected)
    }

    @Test(
        arguments: [
            (0, 9, "0"), (1, 9, "0.000000001"), (75_000_000, 9, "0.075"), (1_500_000_000, 9, "1.5"),
            (12_000_000_000, 9, "12"), (.max, 9, "9223372036.854775807"), (.min, 9, "-9223372036.854775808"), (1_500, 3, "1.5"),
            (1_010, 3, "1.01"), (10, 3, "0.01"), (-5, 3, "-0.005"), (120, 0, "120"), (500_000_000_000, 12, "0.5"),
        ] as [(Int, Int, String)])
    func numbersAreShownWithTheDecimalsThatTheyHave(_ value: Int, _ places: Int, _ expected: String) {
        #expect(Quantity.text(value, places: places) == expected)
    }

    @Test(arguments: ["1.0000000001", "", "1.", ".1", "1,5", "-1", "10000000000000000000"])
    func decimalsThatDoNotFitAreRefused(_ text: String) {
        #expect(throws: Quantity.Failure.self) { try Quantity.decimal(text, places: 9) }
    }

    @Test(arguments: [
        (Duration.seconds(90), "90s"), (.seconds(120), "2m"), (.milliseconds(1500), "1500ms"), (.seconds(604_800), "7d"),
        (.zero, "0s"),
    ])
    func durationsAreShownInTheLargestUnitThatSaysThemWhole(_ duration: Duration, _ expected: String) {
        #expect(Quantity.text(duration) == expected)
    }

    @Test(
        arguments: [
            ("antigravty", "antigravity"), ("dialekt", "dialect"), ("stat", "state"), ("tires", "tiers"), ("surprise", nil),
            ("x", nil),
            ("Listen", "listen"), ("rulse", "rules"),
        ] as [(String, String?)])
    func theNameThatWasMeantIsFound(_ word: String, _ expected: String?) {
        let names = ["listen", "state", "antigravity", "dialect", "tiers", "rules", "timeouts"]
        #expect(Suggestion.nearest(to: word, among: names) == expected)
    }
}
