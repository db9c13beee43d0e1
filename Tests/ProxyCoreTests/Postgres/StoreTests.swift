import Dialects
import Foundation
import Testing

@testable import ProxyCore

/// What a store has to do, over SQLite and over PostgreSQL.
@Suite struct StoreTests {
    private static func record(_ number: Int, time: Int) -> UsageRecord {
        var record = UsageRecord.sample(number, key: "key_\(number % 5)", model: "model\(number % 3)", time: time, input: number)
        record.labels = UsageLabels(
            upstream: ["a", "b\"\\{,}"][number % 2], account: "main", rule: "r\(number % 3)",
            tags: number % 4 == 0 ? ["team": "t\(number % 2)"] : [:])
        record.priced = number % 5 != 0
        record.provenance = number % 7 == 0 ? .partial : .reported
        record.charges = [LimitCharge(limit: "policy team", bucket: record.keyID)]
        return record
    }

    private static let many = (0..<600).map { record($0, time: noon - ($0 % 40) * 7_200) }

    @Test("Reports over {0}", arguments: StoreKind.here) func reports(_ kind: StoreKind) async throws {
        let directory = try ScratchDirectory()
        let address = try kind.address()
        let ledger = try UsageLedger.open(directory, options: kind.options(address, state: "one"))
        for (index, record) in Self.many.enumerated() {
            try ledger.append(record)
            if index % 97 == 0 { await ledger.flush() }
        }
        #expect(ledger.health == .ok)
        #expect(try await ledger.totals().requests == 600)
        #expect(try await ledger.totals().uncachedInput == 600 * 599 / 2)
        #expect(
            try await ledger.keyTotals().mapValues(\.amounts.requests)
                == Dictionary(uniqueKeysWithValues: (0..<5).map { ("key_\($0)", 120) }))
        #expect(try await ledger.keyTotals()["key_0"]?.lastUsed == noon)
        let usage = try await ledger.usage(ofKey: "key_1")
        #expect(usage.totals.amounts.requests == 120)
        #expect(usage.byModel.map(\.model) == ["model0", "model1", "model2"])
        #expect(usage.daily.map(\.period) == usage.daily.map(\.period).sorted())
        #expect(usage.daily.reduce(0) { $0 + $1.amounts.requests } == 120)
        let days = try await ledger.daily()
        #expect(days.map(\.date.description) == ["2026-02-08", "2026-02-09", "2026-02-10", "2026-02-11"])
        #expect(days.reduce(0) { $0 + $1.amounts.requests } == 600)
        #expect(days.allSatisfy { $0.keys.map(\.id) == $0.keys.map(\.id).sorted() })
        #expect(try await ledger.daily(limit: 2).map(\.date.description) == ["2026-02-10", "2026-02-11"])
        #expect(try await ledger.hourly().count == 40)
        #expect(try await ledger.hourly(LocalDate("2026-02-11")).count == 7)
        let all = try await ledger.grouped(by: [], from: nil, to: nil)
        #expect(all.count == 1 && all.first?.amounts.requests == 600 && all.first?.amounts.unpriced == 120)
        #expect(all.first?.countedRequests == Self.many.count { $0.provenance == .partial })
        let tags = try await ledger.grouped(by: [.tag("team"), .upstream], from: nil, to: nil)
        #expect(tags.map(\.values) == [["", "a"], ["", "b\"\\{,}"], ["t0", "a"]])
        #expect(tags.map(\.amounts.requests) == [150, 300, 150])
        #expect(try await ledger.grouped(by: [.key], from: LocalDate("2030-01-01"), to: nil).isEmpty)
        #expect(try await ledger.grouped(by: [], from: LocalDate("2030-01-01"), to: nil).isEmpty)
        await ledger.close()
        let again = try UsageLedger.open(directory, options: kind.options(address, state: "one"))
        #expect(try await again.totals().requests == 600)
        await again.close()
    }

    @Test("Records over {0}", arguments: StoreKind.here) func records(_ kind: StoreKind) async throws {
        let directory = try ScratchDirectory()
        let ledger = try UsageLedger.open(directory, options: kind.options(try kind.address(), state: "one"))
        try ledger.append(contentsOf: [.full] + Self.many)
        var filter = RequestFilter()
        filter.limit = 7
        filter.keyIDs = ["key_3"]
        var seen: [String] = []
        repeat {
            let page = try await ledger.requests(filter)
            seen += page.records.map(\.requestID)
            filter.before = page.next
        } while filter.before != nil
        #expect(seen == Self.many.filter { $0.keyID == "key_3" }.reversed().map(\.requestID))
        var one = RequestFilter()
        one.session = "session-1"
        #expect(try await ledger.requests(one).records == [.full])
        #expect(try ledger.store.newestRequest().map { $0 >= noon * 1_000 } == true)
        var count = 0
        try ledger.store.forEachRequest(ofLatest: 10_000) { _ in count += 1 }
        #expect(count == 601)
        #expect(try !ledger.store.deleteRequests(before: (noon + 60 * 86_400) * 1_000, limit: 100))
        #expect(try await ledger.requests(RequestFilter()).records.isEmpty)
        try ledger.append(.sample(9_999))
        #expect(try await ledger.requests(RequestFilter()).records.map(\.requestID) == ["req_9999"])
        await ledger.close()
    }

    @Test("Limits over {0}", arguments: StoreKind.here) func limits(_ kind: StoreKind) async throws {
        let directory = try ScratchDirectory()
        let ledger = try UsageLedger.open(directory, options: kind.options(try kind.address(), state: "one"))
        try ledger.append(contentsOf: Self.many)
        let (day, month) = (LocalDate(number: 20_260_211), LocalDate(number: 20_260_201))
        let sums = try await ledger.limitSums(day: day, monthStart: month)
        #expect(sums.count == 5 && sums.allSatisfy { $0.total.requests == 120 && $0.month == $0.total && $0.day.requests < 120 })
        #expect(try ledger.store.foldLimits(before: day, limit: 3))
        #expect(try !ledger.store.foldLimits(before: day, limit: 1_000))
        #expect(
            try await ledger.limitSums(day: day, monthStart: month).allSatisfy { $0.total.requests == 120 && $0.month == $0.day })
        try await ledger.resetLimit(LimitReset(limit: "policy team", bucket: "key_1", kind: .tokens, time: noon * 1_000))
        let after = try await ledger.limitSums(day: day, monthStart: month).first { $0.bucket == "key_1" }
        #expect(after?.total.tokens == 0 && after?.total.requests == 120)
        #expect(try ledger.store.limitResets().map(\.kind) == [.tokens])
        try await ledger.setLimitBlock(limit: "l", bucket: "b", until: 5)
        #expect(try await ledger.knowsLimit(limit: "l", bucket: "b"))
        #expect(try await ledger.limitBlocks() == [LimitBlock(limit: "l", bucket: "b", until: 5)])
        try await ledger.setLimitBlock(limit: "l", bucket: "b", until: nil)
        #expect(try await ledger.limitBlocks().isEmpty)
        try ledger.store.forgetLimits(unusedSince: noon + 1)
        #expect(try await ledger.limitSums(day: day, monthStart: month).isEmpty)
        await ledger.close()
    }

    /// What is used again after it was forgotten begins anew; what was there before is gone when it is deleted, and not sooner.
    @Test("Forgotten limits over {0}", arguments: StoreKind.here) func forgottenLimits(_ kind: StoreKind) async throws {
        let directory = try ScratchDirectory()
        let ledger = try UsageLedger.open(directory, options: kind.options(try kind.address(), state: "one"))
        let (day, month) = (LocalDate(number: 20_260_211), LocalDate(number: 20_260_201))
        func requests() async throws -> [Int] {
            try await ledger.limitSums(day: day, monthStart: month).sorted { $0.bucket < $1.bucket }.map(\.total.requests)
        }
        let long = 40 * 86_400
        for (number, time) in [(0, noon - long), (1, noon - 29 * 86_400), (5, noon), (6, noon)] {
            try ledger.append(Self.record(number, time: time))
            await ledger.flush()
        }
        #expect(try await requests() == [1, 2])
        try ledger.store.reviveLimits(usedSince: noon - long + 1)
        #expect(try await requests() == [1, 2])
        try ledger.store.reviveLimits(usedSince: noon - long)
        #expect(try await requests() == [2, 2])
        try ledger.append(Self.record(10, time: noon + long))
        #expect(try await requests() == [1, 2])
        try ledger.store.forgetLimits(unusedSince: noon + 1)
        try ledger.store.reviveLimits(usedSince: 0)
        #expect(try await requests() == [1])
        await ledger.close()
    }

    @Test("Keys and the audit log over {0}", arguments: StoreKind.here) func keys(_ kind: StoreKind) async throws {
        let directory = try ScratchDirectory()
        let ledger = try UsageLedger.open(directory, options: kind.options(try kind.address(), state: "one"))
        var key = StoredKey(
            id: "key_1", name: "anna", digest: KeyDigest(hashing: "text"), masked: "t…", policy: "default", tags: ["a": "b\"\\"],
            enabled: true, created: 7, expires: 9, source: .admin, deleted: nil,
            retired: [RetiredSecret(digest: KeyDigest(hashing: "old"), until: 77)])
        try ledger.store.save([key])
        #expect(try ledger.store.keys() == [key])
        (key.digest, key.deleted, key.retired, key.expires) = (nil, 8, [], nil)
        try ledger.store.save([key])
        #expect(try ledger.store.keys() == [key])
        #expect(try ledger.store.keyNames() == ["key_1": "anna"])
        var declared = StoredKey(
            id: "declared:ci", name: "ci", digest: nil, masked: "…", policy: "default", tags: [:], enabled: true, created: 7,
            expires: nil, source: .declared, deleted: nil, retired: [RetiredSecret(digest: KeyDigest(hashing: "ci"), until: 0)])
        try ledger.store.save([declared])
        // Whoever does not know what was booked for it takes nothing of that away.
        let booked = declared.retired
        (declared.retired, declared.enabled) = ([], false)
        try ledger.store.save([declared])
        let kept = try ledger.store.keys().first { $0.id == declared.id }
        #expect(kept?.enabled == false)
        #expect(kept?.retired == booked)
        for who in ["a", "b", "c"] {
            try ledger.store.add(
                AuditEntry(
                    time: noon, who: who, address: "::1", action: "key.create", target: nil, detail: "d\u{0}", result: "ok"))
        }
        let entries = try ledger.store.auditEntries(AuditQuery(limit: 2))
        #expect(entries.map(\.who) == ["c", "b"])
        #expect(try ledger.store.auditEntries(AuditQuery(before: entries.last?.id)).map(\.who) == ["a"])
        await ledger.close()
    }

    /// A commit that was reported as failed may have happened all the same; what was lost there is no part of what is booked.
    @Test("A batch is booked once over {0}", arguments: StoreKind.here) func onceOnly(_ kind: StoreKind) async throws {
        let directory = try ScratchDirectory()
        let ledger = try UsageLedger.open(directory, options: kind.options(try kind.address(), state: "one"))
        let start = try #require(try ledger.store.bookedPosition())
        let row = UsageBatch.Row(
            hour: LocalHour(number: 2_026_021_112), keyID: "k", model: "m",
            amounts: UsageAmounts(TokenUsage(cacheWrite: 5, cacheWriteHour: 3), costNanoDollars: 1),
            lastUsed: noon)
        let batch = UsageBatch(from: start, upTo: .startOf(segment: start.segment + 1), rows: [row, row])
        try ledger.store.book(batch)
        try ledger.store.book(batch)
        #expect(try ledger.store.totals().requests == 2)
        #expect(throws: (any Error).self) {
            try ledger.store.book(UsageBatch(from: .startOf(segment: 90), upTo: .startOf(segment: 91), rows: [row]))
        }
        #expect(try ledger.store.totals().requests == 2)
        for groups in [[UsageGroup.day], [.hour]] {
            let told = try #require(try ledger.store.grouped(by: groups, from: nil, to: nil).first?.amounts)
            #expect(told.cacheWrite == 10 && told.cacheWriteHour == 6)
        }
        await ledger.close()
    }
}
