import Foundation
import Glibc
import Synchronization
import Testing

@testable import ProxyCore

@Suite struct RetentionTests {
    private static func settings(keep days: Int, _ durability: Configuration.Durability = .crash) -> Configuration.Usage {
        var usage = Configuration.Usage()
        usage.keepRequests = .seconds(days * 86_400)
        usage.durability = durability
        return usage
    }

    @Test func recordsAreKeptAsLongAsTheFileSays() async throws {
        let (directory, clock) = (try ScratchDirectory(), Clock())
        var options = UsageLedger.Options.manual
        options.now = { clock.now }
        options.limitTime = { .at(clock.now * 1_000) }
        let ledger = try UsageLedger.open(directory, options: options)
        await ledger.apply(Self.settings(keep: 2))
        for day in 0..<5 {
            clock.now = noon + day * 86_400
            try ledger.append(.sample(day, time: clock.now))
            clock.now += 60
            await ledger.flush()
        }
        clock.now += 1
        await ledger.apply(Self.settings(keep: 3))
        await ledger.apply(Self.settings(keep: 2))
        await ledger.flush()
        func left() async throws -> [String] { try await ledger.requests(RequestFilter()).records.map(\.requestID) }
        #expect(try await left() == ["req_4", "req_3"])
        // Sums are kept for ever.
        #expect(try await ledger.totals().requests == 5)
        // Longer from now on: what is gone is gone.
        await ledger.apply(Self.settings(keep: 9))
        #expect(try await left() == ["req_4", "req_3"])
        await ledger.apply(Self.settings(keep: 0))
        clock.now += 1
        await ledger.flush()
        #expect(try await left() == [])
        try ledger.append(.sample(5, time: clock.now))
        #expect(try await left() == [])
        #expect(try await ledger.totals().requests == 6)
        await ledger.apply(Self.settings(keep: 1))
        try ledger.append(.sample(6, time: clock.now))
        #expect(try await left() == ["req_6"])
        await ledger.close()
    }

    /// A report by session tells of what has no record any more that it is there.
    @Test func whatHasNoRecordAnyMoreIsInReportsBySession() async throws {
        let (directory, clock) = (try ScratchDirectory(), Clock())
        var options = UsageLedger.Options.manual
        options.now = { clock.now }
        options.limitTime = { .at(clock.now * 1_000) }
        let ledger = try UsageLedger.open(directory, options: options)
        await ledger.apply(Self.settings(keep: 0))
        for number in 0..<3 { try ledger.append(Self.asked(number, session: "old", time: clock.now)) }
        await ledger.apply(Self.settings(keep: 2))
        for number in 3..<5 { try ledger.append(Self.asked(number, session: "new", time: clock.now)) }
        try ledger.append(Self.asked(5, session: "", time: clock.now))
        func requests(_ groups: [UsageGroup]) async throws -> [[String]: Int] {
            let rows = try await ledger.grouped(by: groups, from: nil, to: nil)
            return Dictionary(uniqueKeysWithValues: rows.map { ($0.values, $0.amounts.requests) })
        }
        #expect(try await requests([.session]) == [["new"]: 2, [""]: 4])
        #expect(try await requests([.agent]) == [[""]: 6])
        let expected = [["key_0", "", "claude"]: 2, ["key_1", "", "claude"]: 2, ["key_0", "new", "claude"]: 1]
        #expect(
            try await requests([.key, .session, .model]) == expected.merging([["key_1", "new", "claude"]: 1]) { a, _ in a })
        #expect(try await ledger.grouped(by: [.session], from: nil, to: nil).map(\.amounts.costNanoDollars) == [400, 200])
        #expect(try await ledger.grouped(by: [.session], from: LocalDate("2030-01-01"), to: nil).isEmpty)
        await ledger.close()
    }

    private static func asked(_ number: Int, session: String, time: Int) -> UsageRecord {
        var record = UsageRecord.sample(number, key: "key_\(number % 2)", time: time)
        record.question.session = session
        return record
    }

    /// A stopped directory that is copied, and whatever else opens one, deletes nothing: how long records are kept was never said.
    @Test func nothingIsDeletedBeforeItIsSaidWhat() async throws {
        let (directory, files) = (try ScratchDirectory(), try ScratchDirectory())
        let ledger = try UsageLedger.open(directory)
        // By the clock of this machine they are old.
        for number in 0..<3 { try ledger.append(.sample(number, time: 1_000_000_000)) }
        let killed = try directory.copy()
        await ledger.close()
        for state in [directory, killed] {
            let file = "\(files.path)/\(UUID().uuidString)"
            try await StoppedState(state.path).backUp(to: file, timeZone: .utc, logger: LogLines().logger)
            for path in [file, state.path + "/proxyd.sqlite"] {
                let store = try SQLiteStore(path: path)
                #expect(try store.requests(RequestFilter()).records.count == 3)
                try store.close()
            }
        }
    }

    /// What the process before left in its journal is not kept where nothing is.
    @Test func recoveryKeepsNoRecordsWhereNoneAreKept() async throws {
        let directory = try ScratchDirectory()
        let ledger = try UsageLedger.open(directory)
        try ledger.append(.sample(1))
        let killed = try directory.copy()
        await ledger.close()
        var options = UsageLedger.Options.manual
        options.keepsRequests = false
        let reopened = try UsageLedger.open(killed, options: options)
        #expect(try await reopened.requests(RequestFilter()).records.isEmpty)
        #expect(try await reopened.totals().requests == 1)
        await reopened.close()
    }

    /// However much is too old, no booking deletes more than a little of it.
    @Test func muchIsDeletedALittleAtATime() throws {
        var retention = Retention()
        retention.keep(seconds: 60)
        let directory = try ScratchDirectory()
        let store = try SQLiteStore(path: directory.path + "/x.sqlite")
        var rounds = 0
        for number in 0..<250 { try Self.book(.sample(number), into: store, number) }
        while try retention.tidy(store, now: .at((noon + 3_600) * 1_000), .utc) { rounds += 1 }
        #expect(rounds == 2)
        #expect(try store.requests(RequestFilter()).records.isEmpty)
        // Nothing more is looked for within the minute.
        #expect(try !retention.tidy(store, now: .at((noon + 3_610) * 1_000), .utc))
        try store.close()
    }

    /// One block with one record.
    private static func book(_ record: UsageRecord, into store: SQLiteStore, _ number: Int) throws {
        var blocks = RequestBlocks()
        let bytes = PendingUsage([record]).withFrames { Array($0) }
        bytes.withUnsafeBytes { frames in
            _ = JournalFrames.read(frames) { blocks.append($0) }
        }
        let start = JournalPosition.startOf(segment: 1).offset
        try store.book(
            UsageBatch(
                from: JournalPosition(segment: 1, offset: start + number),
                upTo: JournalPosition(segment: 1, offset: start + number + 1), rows: [], requests: blocks.take()))
    }

    /// A clock that is ahead, at the start or for a moment, costs no record and no limit; when it goes on undisturbed, what is too
    /// old goes.
    @Test func aClockThatIsAheadForAMomentDeletesNothing() throws {
        var retention = Retention()
        retention.keep(seconds: 86_400)
        let directory = try ScratchDirectory()
        let store = try SQLiteStore(path: directory.path + "/x.sqlite")
        try Self.book(.sample(0), into: store, 0)
        let charge = UsageBatch.Charge(
            limit: "limit team", bucket: "infra", day: LocalDate(number: 20_260_211), amounts: LimitAmounts(requests: 1),
            lastUsed: noon)
        try store.write { try SQLiteStore.book([charge], $0) }
        let tenYears = 10 * 365 * 86_400
        // Seconds that have passed, and what the clock is ahead.
        for (passed, ahead, isKept) in [
            (0, tenYears, true), (300, tenYears, true), (301, 0, true), (902, 0, true), (1_000, tenYears, true),
            (1_500, tenYears, true), (1_599, tenYears, true), (1_600, 0, true), (90_000, 0, false),
        ] {
            let now = LimitTime(wall: (noon + passed + ahead) * 1_000, steady: passed * 1_000)
            #expect(try !retention.tidy(store, now: now, .utc))
            #expect(try store.requests(RequestFilter()).records.isEmpty != isKept, "after \(passed) s")
            #expect(try store.knowsLimit("limit team", bucket: "infra"), "after \(passed) s")
        }
        #expect(try !retention.tidy(store, now: LimitTime(wall: (noon + tenYears) * 1_000, steady: tenYears * 1_000), .utc))
        #expect(try !store.knowsLimit("limit team", bucket: "infra"))
        try store.close()
    }

    /// One record by a clock that was ahead keeps none of those after it.
    @Test func recordsAfterAClockThatWasAheadGoInTheirTime() throws {
        let directory = try ScratchDirectory()
        let store = try SQLiteStore(path: directory.path + "/x.sqlite")
        let tenYears = 10 * 365 * 86_400
        for (number, time) in [noon, noon + tenYears, noon + 10, noon + 20, noon + 30].enumerated() {
            try Self.book(.sample(number, time: time), into: store, number)
        }
        var filter = RequestFilter()
        filter.since = (noon + 15) * 1_000
        #expect(try store.requests(filter).records.map(\.requestID) == ["req_4", "req_3", "req_1"])
        #expect(try store.deleteRequests(before: (noon + 25) * 1_000, limit: 2))
        #expect(try !store.deleteRequests(before: (noon + 25) * 1_000, limit: 2))
        #expect(try store.requests(RequestFilter()).records.map(\.requestID) == ["req_4", "req_1"])
        try store.close()
    }

    /// However long a limit is used, its days are kept for a month or two; no number that is asked for changes.
    @Test func limitsAreKeptInFewRows() throws {
        let directory = try ScratchDirectory()
        let store = try SQLiteStore(path: directory.path + "/x.sqlite")
        var clock = LocalClock(.utc)
        var charges: [UsageBatch.Charge] = []
        for day in 0..<400 {
            let time = noon - day * 86_400
            for bucket in 0..<40 where (day + bucket) % 3 > 0 {
                charges.append(
                    UsageBatch.Charge(
                        limit: "limit \(bucket % 2)", bucket: "b\(bucket)", day: clock.hour(at: time).date,
                        amounts: LimitAmounts(
                            requests: day + 1, tokens: day * 7, cachedTokens: bucket, nanoDollars: 1_000_000_007 * day),
                        lastUsed: time))
            }
        }
        try store.write { try SQLiteStore.book(charges, $0) }
        func sums() throws -> [String: LimitSums] {
            let sums = try store.limitSums(
                day: LocalDate(number: 20_260_211), monthStart: LocalDate(number: 20_260_201), usedSince: noon - 30 * 86_400)
            return Dictionary(uniqueKeysWithValues: sums.map { ($0.bucket, $0) })
        }
        let before = try sums()
        #expect(before.count == 40)
        var retention = Retention()
        retention.keep(seconds: 0)
        func look(_ minutes: Int) throws -> Bool {
            let now = LimitTime(wall: (noon + minutes * 60) * 1_000, steady: minutes * 60_000)
            return try retention.tidy(store, now: now, .utc)
        }
        // Not all at once.
        #expect(try look(0))
        #expect(try !look(1))
        #expect(try sums() == before)
        func rows() throws -> Int {
            try store.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM limit_day") ?? 0 }
        }
        #expect(try rows() <= 40 * 12)
        // What is used on is added to it, and a later month is folded into the same sum.
        #expect(try !store.foldLimits(before: LocalDate(number: 20_260_205), limit: 10_000))
        #expect(try !store.foldLimits(before: LocalDate(number: 20_260_205), limit: 10_000))
        #expect(try sums().mapValues(\.total) == before.mapValues(\.total))
        #expect(try sums().mapValues(\.day) == before.mapValues(\.day))
        #expect(try rows() <= 40 * 8)
        try store.close()
    }

    /// What is asked for and comes to nothing is no charge; the total it is refused by stays all the same.
    @Test func aBucketThatIsAskedForIsKept() throws {
        let directory = try ScratchDirectory()
        let store = try SQLiteStore(path: directory.path + "/proxyd.sqlite")
        defer { try? store.close() }
        let month = 31 * 86_400
        try store.write { database in
            let charges = ["asked", "left"].map { bucket in
                UsageBatch.Charge(
                    limit: "limit team", bucket: bucket, day: LocalDate(number: 20_260_211), amounts: LimitAmounts(requests: 3),
                    lastUsed: noon)
            }
            try SQLiteStore.book(charges, database)
        }
        var retention = Retention()
        retention.keep(seconds: 0)
        // It runs all the time: the clock is one to delete by.
        #expect(try retention.look(store, .at(noon * 1_000)))
        let now = noon + month
        let asked: (LimitCharge) -> Int? = { $0.bucket == "asked" ? now - 5 : nil }
        _ = try retention.tidy(store, now: .at(now * 1_000), .utc, lastUsed: asked)
        let sums = try store.limitSums(
            day: LocalDate(number: 20_260_314), monthStart: LocalDate(number: 20_260_301), usedSince: now - month)
        #expect(sums.map(\.bucket) == ["asked"])
        #expect(sums.first?.total.requests == 3)
        #expect(sums.first?.lastUsed == now - 5)
    }

    @Test func blocksThatEndedLongAgoAreForgotten() throws {
        let directory = try ScratchDirectory()
        let store = try SQLiteStore(path: directory.path + "/x.sqlite")
        for (bucket, until) in [("old", noon * 1_000 - 1), ("later", noon * 1_000), ("ever", .max)] {
            try store.setLimitBlock("limit team", bucket: bucket, until: until, title: "")
        }
        try store.forgetLimits(unusedSince: noon)
        #expect(try store.limitBlocks().map(\.bucket) == ["ever", "later"])
        try store.close()
    }

    /// Nothing is appended and nobody asks: what is too old goes all the same.
    @Test func whatIsTooOldGoesByItself() async throws {
        let (directory, clock) = (try ScratchDirectory(), Clock())
        var options = UsageLedger.Options.manual
        options.now = { clock.now }
        options.limitTime = { .at(clock.now * 1_000) }
        options.tidyPauseMilliseconds = 1
        let ledger = try UsageLedger.open(directory, options: options)
        try ledger.append(.sample(1))
        await ledger.flush()
        await ledger.apply(Self.settings(keep: 2))
        clock.now += 3 * 86_400
        func isGone() throws -> Bool { try ledger.store.requests(RequestFilter()).records.isEmpty }
        for _ in 0..<10_000 where try !isGone() { try await Task.sleep(for: .milliseconds(2)) }
        #expect(try isGone())
        await ledger.close()
    }

    /// With `durability: power` an answer waits for the disk, and all that wait at once wait for one sync.
    @Test func aRecordIsOnTheDiskBeforeItsAnswerEnds() async throws {
        final class Counter: Sendable { let count = Mutex(0) }
        let counter = Counter()
        var options = UsageLedger.Options.manual
        options.journal.syncDelayMilliseconds = 1 << 30
        options.journal.sync = { file in
            counter.count.withLock { $0 += 1 }
            usleep(20_000)
            return fdatasync(file) == 0 ? 0 : errno
        }
        let ledger = try UsageLedger.open(try ScratchDirectory(), options: options)
        #expect(!ledger.waitsForDisk)
        await ledger.apply(Self.settings(keep: 1, .power))
        #expect(ledger.waitsForDisk)
        await withTaskGroup(of: LedgerFailure?.self) { group in
            for number in 0..<40 {
                group.addTask {
                    try? ledger.append(.sample(number))
                    return await withCheckedContinuation { done in ledger.sync { done.resume(returning: $0) } }
                }
            }
            for await failure in group { #expect(failure == nil) }
        }
        let count = counter.count.withLock { $0 }
        #expect((1...20).contains(count))
        await ledger.close()
    }

    @Test func aDiskThatDoesNotSyncIsTold() async throws {
        var options = UsageLedger.Options.manual
        options.journal.sync = { _ in EIO }
        let ledger = try UsageLedger.open(try ScratchDirectory(), options: options)
        try ledger.append(.sample(1))
        let failure = await withCheckedContinuation { done in ledger.sync { done.resume(returning: $0) } }
        #expect(failure != nil)
        await ledger.close()
    }
}
