import Testing

@testable import ProxyCore

/// How many models of a key the store keeps apart.
struct BookedModelsTests {
    private static func row(_ model: String, key: String = "k", hour: Int = 2_026_021_114) -> UsageBatch.Row {
        UsageBatch.Row(hour: LocalHour(number: hour), keyID: key, model: model, amounts: UsageAmounts(), lastUsed: 0)
    }

    @Test func `what is beyond the bound is other, for that key and that day alone`() {
        var models = BookedModels()
        for number in 0..<BookedModels.limit {
            #expect(models.name(for: Self.row("m\(number)"), load: { _ in [] }) == "m\(number)")
        }
        #expect(models.name(for: Self.row("one more"), load: { _ in [] }) == BookedModels.other)
        #expect(models.name(for: Self.row("m7", hour: 2_026_021_123), load: { _ in [] }) == "m7")
        #expect(models.name(for: Self.row("one more", key: "another"), load: { _ in [] }) == "one more")
        #expect(models.name(for: Self.row("one more", hour: 2_026_021_200), load: { _ in [] }) == "one more")
    }

    @Test func `what a day has already is asked of the store once`() {
        var models = BookedModels()
        var days: [Int] = []
        for _ in 0..<3 {
            let name = models.name(for: Self.row("new")) { day in
                days.append(day)
                return (0..<BookedModels.limit).map { "old\($0)" }
            }
            #expect(name == BookedModels.other)
        }
        #expect(models.name(for: Self.row("old3"), load: { _ in [] }) == "old3")
        #expect(days == [20_260_211])
    }
}
