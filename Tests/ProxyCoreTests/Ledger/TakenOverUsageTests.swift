import Dialects
import GRDB
import Testing

@testable import ProxyCore

/// Usage that was booked by an older version or by another system.
@Suite struct TakenOverUsageTests {
    /// A state of the first schema, with two keys of policies and one that is deleted.
    private static func old() throws -> ScratchDirectory {
        let directory = try ScratchDirectory()
        let database = try DatabaseQueue(path: directory.path + "/proxyd.sqlite")
        try SQLiteStore.migrator.migrate(database, upTo: "1: keys and usage")
        try database.write { database in
            try database.execute(
                sql: """
                    INSERT INTO key VALUES ('k', 'name', NULL, '', 'team', '{"team":"infra"}', 1, 5, NULL, 'declared', NULL);
                    INSERT INTO key VALUES ('l', 'other', NULL, '', 'default', '{}', 1, 5, NULL, 'admin', NULL);
                    INSERT INTO key VALUES ('d', 'left', NULL, '', 'default', '{}', 0, 5, NULL, 'admin', 9);
                    INSERT INTO usage_key VALUES ('k', \(noon - 60), 7, 37, 40, 5, 16, 1, 500, 0, 0);
                    INSERT INTO usage_key VALUES ('l', \(noon), 4, 4, 0, 0, 4, 0, 0, 1, 1);
                    INSERT INTO usage_key VALUES ('d', \(noon), 1, 1, 0, 0, 1, 0, 1, 0, 0);
                    INSERT INTO usage_hour VALUES (2026021112, 'k', 'm', 1, 10, 40, 5, 5, 1, 100, 0, 0);
                    INSERT INTO usage_hour VALUES (2026021109, 'k', 'n', 2, 20, 0, 0, 5, 0, 200, 0, 0);
                    INSERT INTO usage_hour VALUES (2026020200, 'k', 'm', 1, 3, 0, 0, 3, 0, 100, 0, 0);
                    INSERT INTO usage_hour VALUES (2026013123, 'k', 'm', 3, 4, 0, 0, 3, 0, 100, 0, 0);
                    INSERT INTO usage_hour VALUES (2026021100, 'l', 'free', 3, 4, 0, 0, 4, 0, 0, 1, 0);
                    INSERT INTO usage_hour VALUES (2026021100, 'l', 'mute', 1, 0, 0, 0, 0, 0, 0, 0, 1);
                    INSERT INTO usage_hour VALUES (2026021100, 'd', 'm', 1, 1, 0, 0, 1, 0, 1, 0, 0);
                    """)
        }
        try database.close()
        return directory
    }

    private static let imported: [(key: StoredKey, usage: ImportedKey)] = [
        (
            StoredKey(
                id: "i", name: "imported", digest: KeyDigest(hashing: "sk-i"), masked: "sk…", policy: "default", tags: [:],
                enabled: true, created: noon, source: .admin),
            ImportedKey(
                name: "imported", text: Secret("sk-i"), enabled: true, created: noon, lastUsed: noon - 5,
                totals: .init(requests: 14, input: 70, output: 27),
                rows: [
                    .init(
                        when: .hour(LocalDate(number: 20_260_211), 9), model: "m",
                        amounts: .init(requests: 2, input: 30, output: 5)),
                    .init(
                        when: .hour(LocalDate(number: 20_260_211), 9), model: "m",
                        amounts: .init(requests: 1, input: 1, output: 1)),
                    .init(
                        when: .day(LocalDate(number: 20_260_211)), model: "m", amounts: .init(requests: 1, input: 9, output: 1)),
                    .init(
                        when: .day(LocalDate(number: 20_260_110)), model: "", amounts: .init(requests: 4, input: 10, output: 10)),
                    .init(when: .ever, model: "m", amounts: .init(requests: 6, input: 20, output: 10)),
                ])
        )
    ]

    private static func sums(_ ledger: UsageLedger) async throws -> [String: LimitSums] {
        let sums = try await ledger.limitSums(day: LocalDate(number: 20_260_211), monthStart: LocalDate(number: 20_260_201))
        return Dictionary(uniqueKeysWithValues: sums.map { ("\($0.limit)/\($0.bucket)", $0) })
    }

    @Test func limitsGoOnFromWhatKeysHadUsedBeforeTheUpgrade() async throws {
        let ledger = try UsageLedger.open(try Self.old())
        let sums = try await Self.sums(ledger)
        #expect(sums.keys.sorted() == ["policy default/l", "policy team/k"])
        let key = try #require(sums["policy team/k"])
        #expect(key.day == LimitAmounts(requests: 3, tokens: 45, cachedTokens: 40, nanoDollars: 300))
        #expect(key.month == LimitAmounts(requests: 4, tokens: 51, cachedTokens: 40, nanoDollars: 400))
        #expect(key.total == LimitAmounts(requests: 7, tokens: 58, cachedTokens: 40, nanoDollars: 500))
        #expect(key.lastUsed == noon - 60)
        let limit = UsageLimit(.policy, name: "team", rates: [LimitRate(.cost, per: .month, most: 1_000)], noun: "key")
        let figures = ledger.limits.figures([limit], bucket: "k", listsUntouched: true, now: .at(noon * 1000))
        #expect(figures.map(\.used) == [400])
        await ledger.close()
    }

    @Test func limitsGoOnFromWhatImportedKeysHadUsed() async throws {
        let directory = try ScratchDirectory()
        let store = try SQLiteStore(path: directory.path + "/proxyd.sqlite")
        try store.add(Self.imported)
        try store.close()
        let ledger = try UsageLedger.open(directory)
        let sums = try #require(try await Self.sums(ledger)["policy default/i"])
        #expect(sums.day == LimitAmounts(requests: 4, tokens: 47))
        #expect(sums.month == sums.day)
        #expect(sums.total == LimitAmounts(requests: 14, tokens: 97))
        await ledger.close()
    }

    enum Origin: CaseIterable { case old, imported, new }

    private static func state(_ origin: Origin) async throws -> ScratchDirectory {
        switch origin {
        case .old: return try old()
        case .imported:
            let directory = try ScratchDirectory()
            let store = try SQLiteStore(path: directory.path + "/proxyd.sqlite")
            try store.add(imported)
            try store.close()
            return directory
        case .new:
            let directory = try ScratchDirectory()
            let ledger = try UsageLedger.open(directory)
            for number in 0..<20 {
                var record = UsageRecord.sample(
                    number, key: "key_\(number % 3)", model: "model_\(number % 4)", time: noon + number * 7_200)
                record.priced = number % 5 != 0
                record.provenance = [.reported, .partial, .estimated, .unknown][number % 4]
                if record.provenance == .unknown { (record.usage, record.cost) = (TokenUsage(), 0) }
                if !record.priced { record.cost = 0 }
                record.labels = UsageLabels(upstream: "up", account: "main", rule: "rule_\(number % 2)")
                try ledger.append(record)
            }
            await ledger.close()
            return directory
        }
    }

    /// However usage came here and however it is told, it comes to the same.
    @Test(arguments: Origin.allCases)
    func everyReportAddsUpToTheSame(_ origin: Origin) async throws {
        let ledger = try UsageLedger.open(try await Self.state(origin))
        let totals = Self.members(try await ledger.totals())
        #expect(totals[0] > 0 && totals[7] > 0)
        func expect(_ name: String, _ amounts: [UsageAmounts]) {
            #expect(Self.members(amounts.reduce(into: UsageAmounts()) { $0 += $1 }) == totals, "\(name)")
        }
        let keys = try await ledger.keyTotals()
        expect("keys", keys.values.map(\.amounts))
        var models: [UsageAmounts] = []
        for id in keys.keys {
            let usage = try await ledger.usage(ofKey: id)
            #expect(Self.members(usage.totals.amounts) == keys[id].map { Self.members($0.amounts) })
            models += usage.byModel.map(\.amounts)
        }
        expect("models of keys", models)
        // What is on no day is on none of these.
        let days = try await ledger.daily()
        let dayless = try await ledger.grouped(by: [.day], from: nil, to: nil).filter { $0.values == [""] }.map(\.amounts)
        expect("days", days.map(\.amounts) + dayless)
        expect("keys of days", days.flatMap(\.keys).map(\.amounts) + dayless)
        let today = try #require(days.first { $0.date == LocalDate(number: 20_260_211) })
        for key in today.keys {
            let counted = ledger.today(keyID: key.id)
            let told = [key.amounts.requests, key.amounts.total, key.amounts.costNanoDollars]
            #expect([counted.requests, counted.tokens, counted.nanoDollars] == told, "today of \(key.id)")
        }
        let groupings: [[UsageGroup]] = [
            [], [.key], [.model], [.day], [.hour], [.rule], [.day, .model], [.tag("team")],
        ]
        for groups in groupings + (origin == .new ? [[.session]] : []) {
            expect("\(groups)", try await ledger.grouped(by: groups, from: nil, to: nil).map(\.amounts))
        }
        await ledger.close()
    }

    /// Sums per day are read where no hour is asked for: they are those of the hours, whatever is asked and from when to when.
    @Test(arguments: Origin.allCases)
    func daysAreTheSumsOfTheirHours(_ origin: Origin) async throws {
        let ledger = try UsageLedger.open(try await Self.state(origin))
        let days = [nil] + [20_260_110, 20_260_131, 20_260_211, 20_260_212, 20_260_213].map { LocalDate(number: $0) }
        for groups in [[], [.day], [.day, .model], [.key, .rule], [.tag("team"), .day, .account]] as [[UsageGroup]] {
            for first in days {
                for last in days {
                    var expected: [[String]: GroupedUsage] = [:]
                    for row in try await ledger.grouped(by: groups + [.hour], from: first, to: last) {
                        let values = Array(row.values.dropLast())
                        expected[values, default: GroupedUsage(values: values)].add(row)
                    }
                    let rows = try await ledger.grouped(by: groups, from: first, to: last)
                    #expect(rows == expected.values.sorted { $0.values.lexicographicallyPrecedes($1.values) })
                }
            }
        }
        await ledger.close()
    }

    /// Without what groupings count in another way: requests whose usage is known in part, or not.
    private static func members(_ amounts: UsageAmounts) -> [Int] {
        [
            amounts.requests, amounts.uncachedInput, amounts.cacheRead, amounts.cacheWrite, amounts.output, amounts.reasoning,
            amounts.costNanoDollars, amounts.unpriced,
        ]
    }
}
