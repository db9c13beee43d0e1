import Basics
import Testing

@testable import RuleEngine

@Suite struct ValueTests {
    @Test(arguments: [
        (0.1, 20, "0.10000000000000000555"), (2.5, 0, "2"), (3.5, 0, "4"), (0.5, 0, "0"), (1.5, 0, "2"), (999.996, 2, "1000.00"),
        (0.0, 2, "0.00"),
        (1e21, 1, "1000000000000000000000.0"), (Double.leastNonzeroMagnitude, 3, "0.000"), (-0.05, 1, "-0.1"), (0.05, 1, "0.1"),
        (0.25, 1, "0.2"),
        (123456.0, 0, "123456"),
        (0.0009765625, 10, "0.0009765625"),
    ])
    func writesFixedPointExactly(_ value: Double, _ precision: Int, _ expected: String) {
        #expect(DecimalText.fixed(value, precision: precision) == expected)
    }

    @Test(arguments: [
        (1052.032911275, 6, "1.052033e+03"), (0.0, 2, "0.00e+00"), (9.9999, 2, "1.00e+01"),
        (Double.leastNonzeroMagnitude, 2, "4.94e-324"),
        (1.7976931348623157e308, 3, "1.798e+308"),
        (0.00012345, 0, "1e-04"), (-2.0, 1, "-2.0e+00"), (1e22, 1, "1.0e+22"),
    ])
    func writesScientificExactly(_ value: Double, _ precision: Int, _ expected: String) {
        #expect(DecimalText.scientific(value, precision: precision) == expected)
    }

    @Test(
        arguments: [
            ("1h30m", 5_400_000_000_000), ("-1.5s", -1_500_000_000), ("300ms", 300_000_000), ("1us", 1_000), ("2µs", 2_000),
            ("0", 0), ("1m1ms", 60_001_000_000),
            (".5s", 500_000_000), ("1", nil), ("", nil), ("s", nil), ("1d", nil), ("--1s", nil), ("9223372036854775807ns", .max),
            ("9223372036854775808ns", nil),
        ] as [(String, Int?)])
    func readsDurations(_ text: String, _ expected: Int?) {
        #expect(TimeText.parse(duration: text) == expected)
    }

    @Test(
        arguments: [
            ("10.0.0.1", "10.0.0.1"), ("256.0.0.1", nil), ("01.2.3.4", nil), ("1.2.3", nil), ("::", "::"), ("::1", "::1"),
            ("1::", "1::"), ("2001:DB8::8:0:0:1", "2001:db8::8:0:0:1"),
            ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"), ("1:2:3:4:5:6:7", nil), ("1::2::3", nil), (":1", nil), ("1:", nil),
            (":::", nil), ("::12345", nil), ("::ffff:1.2.3.4", nil),
            ("fe80::1%en0", nil), ("1:0:0:2:0:0:0:3", "1:0:0:2::3"), ("", nil), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
            ("1:2:3:4:5:6:7:8::", nil),
        ] as [(String, String?)])
    func readsAndWritesAddresses(_ text: String, _ expected: String?) {
        #expect(IPAddress(text)?.text == expected)
    }

    @Test(
        arguments: [
            ("polcy", "policy"), ("tag", "tags"), ("nmae", "name"), ("zzzzzz", nil), ("Policy", "policy"),
        ] as [(String, String?)])
    func suggestsTheNearestName(_ name: String, _ expected: String?) {
        #expect(Suggestion.nearest(to: name, among: ["id", "name", "policy", "tags"]) == expected)
    }
}
