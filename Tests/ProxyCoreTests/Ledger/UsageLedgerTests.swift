import Dialects
import Foundation
import Testing

@testable import ProxyCore

@Suite struct UsageLedgerTests {
    @Test func aQuerySeesWhatWasAppendedBeforeIt() async throws {
        let directory = try ScratchDirectory()
        let ledger = try UsageLedger.open(directory)
        #expect(try await ledger.totals() == UsageAmounts())
        var record = UsageRecord.sample(1)
        record.usage = TokenUsage(uncachedInput: 1, cacheRead: 20, cacheWrite: 300, output: 4_000, reasoning: 50)
        try ledger.append(record)
        let totals = try await ledger.totals()
        #expect(totals == UsageAmounts(record.usage, costNanoDollars: 100, provenance: .reported))
        #expect(totals.requests == 1)
        #expect(totals.input == 321)
        #expect(totals.total == 4_321)
        await ledger.close()
    }

    @Test func usageIsToldPerKeyModelDayAndHour() async throws {
        let directory = try ScratchDirectory()
        let singapore = try #require(Zone("Asia/Singapore"))
        let ledger = try UsageLedger.open(directory, timeZone: singapore)
        let evening = noon + 3 * 3_600 + 1_800  // 23:30 in Singapore
        try ledger.append(contentsOf: [
            .sample(1, key: "a", model: "opus", time: evening), .sample(2, key: "a", model: "gpt", time: evening + 1),
            .sample(3, key: "b", model: "opus", time: evening + 2), .sample(4, key: "a", model: "opus", time: evening + 3_600),
        ])

        let usage = try await ledger.usage(ofKey: "a")
        #expect(usage.totals.amounts.requests == 3)
        #expect(usage.totals.lastUsed == evening + 3_600)
        #expect(usage.daily.map { "\($0.period) \($0.amounts.requests)" } == ["2026-02-11 2", "2026-02-12 1"])
        #expect(usage.hourly.map { "\($0.period) \($0.amounts.input)" } == ["2026-02-11 23:00 20", "2026-02-12 00:00 10"])
        #expect(usage.byModel.map { "\($0.model) \($0.amounts.total)" } == ["gpt 15", "opus 30"])

        let days = try await ledger.daily()
        #expect(days.map(\.date.description) == ["2026-02-11", "2026-02-12"])
        #expect(days[0].amounts.requests == 3)
        #expect(days[0].byModel.mapValues(\.total) == ["opus": 30, "gpt": 15])
        #expect(days[0].keys.map { "\($0.name) \($0.amounts.requests)" } == ["a 2", "b 1"])
        #expect(try await ledger.daily(LocalDate("2026-02-12")).map(\.amounts.requests) == [1])
        #expect(try await ledger.daily(LocalDate("2026-02-13")).isEmpty)
        #expect(try await ledger.daily(limit: 1).map(\.date.description) == ["2026-02-12"])

        let hours = try await ledger.hourly()
        #expect(hours.map(\.hour.description) == ["2026-02-11 23:00", "2026-02-12 00:00"])
        #expect(hours[0].byModel.mapValues(\.requests) == ["opus": 2, "gpt": 1])
        #expect(try await ledger.hourly(LocalDate("2026-02-11")).count == 1)
        #expect(try await ledger.hourly(LocalDate("2026-02-10")).isEmpty)

        #expect(try await ledger.keyTotals().mapValues(\.amounts.requests) == ["a": 3, "b": 1])
        #expect(try await ledger.usage(ofKey: "nobody").totals == KeyTotals())
        await ledger.close()
    }

    /// What is much is read in pieces: all of it is told, in order and once.
    @Test func manyDaysAndHoursAreTold() async throws {
        let directory = try ScratchDirectory()
        let ledger = try UsageLedger.open(directory)
        // Two hours of every other day.
        for day in 0..<100 {
            let time = noon - day * 2 * 86_400
            try ledger.append(contentsOf: [
                .sample(3 * day, key: "b", model: "opus", time: time), .sample(3 * day + 1, key: "a", model: "gpt", time: time),
                .sample(3 * day + 2, key: "a", model: "opus", time: time + 3_600),
            ])
        }
        for limit in [0, 1, 30, 31, 32, 61, 62, 63, 99, 100, 101, 366] {
            let days = try await ledger.daily(limit: limit)
            let dates = days.map(\.date)
            #expect(dates.count == min(limit, 100) && dates == Set(dates).sorted(), "\(limit) days")
            #expect(limit == 0 || dates.last == LocalDate("2026-02-11"))
            #expect(days.allSatisfy { $0.amounts.requests == 3 })
            #expect(days.allSatisfy { $0.byModel.mapValues(\.requests) == ["opus": 2, "gpt": 1] })
            #expect(days.allSatisfy { $0.keys.map { "\($0.id) \($0.amounts.total)" } == ["a 30", "b 15"] })
        }
        for limit in [0, 1, 95, 96, 97, 191, 192, 193, 199, 200, 744] {
            let hours = try await ledger.hourly(limit: limit)
            let numbers = hours.map(\.hour)
            #expect(numbers.count == min(limit, 200) && numbers == Set(numbers).sorted(), "\(limit) hours")
            #expect(limit == 0 || numbers.last?.description == "2026-02-11 13:00")
            #expect(hours.allSatisfy { $0.byModel["opus"]?.requests == 1 })
        }
        await ledger.close()
    }

    /// A report names all keys there ever were, and reads nothing else of them: there may be many, and it is asked for often.
    @Test func keysAreNamedWithoutTheRestOfThem() async throws {
        let (directory, store) = (try ScratchDirectory(), MemoryStore())
        var options = UsageLedger.Options.manual
        options.openStore = { _ in store }
        let ledger = try UsageLedger.open(directory, options: options)
        let saved = (0..<3).map { number in
            StoredKey(
                id: "key_\(number)", name: "name \(number)", digest: nil, masked: "", policy: "default", tags: [:],
                enabled: true, created: noon, source: .admin)
        }
        try store.save(saved)
        #expect(try await ledger.keyNames() == ["key_0": "name 0", "key_1": "name 1", "key_2": "name 2"])
        #expect(store.state.withLock { $0.keyReads } == 0)
        await ledger.close()
        let tables = try SQLiteStore(path: directory.path + "/x.sqlite")
        try tables.save(saved)
        #expect(try tables.keyNames() == store.keyNames())
        try tables.close()
    }

    @Test func hoursOfOneKeyAreTold() async throws {
        let directory = try ScratchDirectory()
        let ledger = try UsageLedger.open(directory)
        try ledger.append(contentsOf: [.sample(1, time: noon - 200 * 86_400), .sample(2, time: noon)])
        let hours = try await ledger.usage(ofKey: "key_a").hourly
        #expect(hours.count == 2)
        #expect(try await ledger.usage(ofKey: "key_a", mostHours: 1).hourly.map(\.period) == hours.suffix(1).map(\.period))
        #expect(try await ledger.usage(ofKey: "key_a", mostHours: 1).daily.count == 2)
        await ledger.close()
    }

    @Test func aRequestBookedTwiceCountsOnce() async throws {
        let directory = try ScratchDirectory()
        let log = LogLines()
        let ledger = try UsageLedger.open(directory, logger: log.logger)
        try ledger.append(contentsOf: [.sample(1), .sample(2), .sample(1)])
        await ledger.flush()
        try ledger.append(.sample(2))
        #expect(try await ledger.totals().requests == 2)
        #expect(log.all.count { $0.contains("booked twice") } == 2)
        await ledger.close()
    }

    @Test func aBatchBookedTwiceCountsOnceAndAGapIsRefused() throws {
        let directory = try ScratchDirectory()
        let store = try SQLiteStore(path: directory.path + "/x.sqlite")
        let amounts = UsageAmounts(TokenUsage(output: 1), costNanoDollars: 0, provenance: .reported)
        let row = UsageBatch.Row(hour: LocalHour(number: 2_026_021_112), keyID: "a", model: "m", amounts: amounts, lastUsed: noon)
        let batch = UsageBatch(from: .startOf(segment: 1), upTo: JournalPosition(segment: 1, offset: 50), rows: [row])
        try store.book(batch)
        try store.book(batch)
        #expect(try store.totals().requests == 1)
        let later = UsageBatch(
            from: JournalPosition(segment: 1, offset: 60), upTo: JournalPosition(segment: 1, offset: 70), rows: [row])
        #expect(throws: SQLiteStore.BookingFailure.self) { try store.book(later) }
        #expect(try store.totals().requests == 1)
        try store.close()
    }

    @Test func absurdNumbersStopAtALimitAndCanStillBeShown() async throws {
        let directory = try ScratchDirectory()
        let ledger = try UsageLedger.open(directory)
        for round in 0..<3 {
            try ledger.append(
                contentsOf: (0..<20).map { .sample(round * 20 + $0, key: "key_\($0)", input: .max, output: .max) })
            await ledger.flush()
        }
        let totals = try await ledger.totals()
        #expect(totals.requests == 60)
        #expect(totals.uncachedInput > 1 << 62)
        #expect(try await ledger.daily().count == 1)
        #expect(try await ledger.usage(ofKey: "key_1").totals.amounts.requests == 3)
        #expect(ledger.today(keyID: "key_1").requests == 3)
        await ledger.close()
    }

    @Test func eightThreadsBookThroughManySegments() async throws {
        let directory = try ScratchDirectory()
        var options = UsageLedger.Options()
        options.now = { noon }
        options.bookingDelayMilliseconds = 20
        options.journal.segmentBytes = 1 << 18
        let ledger = try UsageLedger.open(directory, options: options)
        await withTaskGroup { group in
            for thread in 0..<8 {
                group.addTask {
                    for index in stride(from: 0, to: 2_500, by: 5) {
                        let number = thread * 2_500 + index
                        if index.isMultiple(of: 2) {
                            try? ledger.append(contentsOf: (0..<5).map { .sample(number + $0, key: "key_\($0)") })
                        } else {
                            for offset in 0..<5 { try? ledger.append(.sample(number + offset, key: "key_\(offset)")) }
                        }
                    }
                }
            }
        }
        #expect(ledger.today(keyID: "key_3").requests == 4_000)
        let totals = try await ledger.totals()
        #expect(totals.requests == 20_000)
        #expect(totals.input == 200_000)
        #expect(try await ledger.usage(ofKey: "key_0").totals.amounts.requests == 4_000)
        #expect(ledger.health == .ok)
        #expect(try directory.files(in: "journal").count == 1)
        await ledger.close()

        let reopened = try UsageLedger.open(directory)
        #expect(try await reopened.totals().requests == 20_000)
        #expect(reopened.today(keyID: "key_3").requests == 4_000)
        await reopened.close()
    }

    @Test func aFullDiskIsToldAndForgottenWhenThereIsSpace() async throws {
        let directory = try ScratchDirectory()
        let disk = SmallDisk(free: .max)
        var options = UsageLedger.Options.manual
        options.journal.write = disk.write
        let ledger = try UsageLedger.open(directory, options: options)
        try ledger.append(.sample(1))
        disk.setFree(20)
        #expect(throws: LedgerFailure.diskFull) { try ledger.append(.sample(2)) }
        #expect(!ledger.canRecord)
        #expect(ledger.health == .failing("no space left for the usage journal"))
        #expect(ledger.today(keyID: "key_a").requests == 1)
        #expect(try await ledger.totals().requests == 1)
        disk.setFree(.max)
        try ledger.append(.sample(3))
        #expect(ledger.canRecord)
        #expect(ledger.health == .ok)
        #expect(try await ledger.totals().requests == 2)
        await ledger.close()
    }

    @Test func aStoreThatFailsCatchesUpLater() async throws {
        let directory = try ScratchDirectory()
        let (store, log) = (MemoryStore(), LogLines())
        var options = UsageLedger.Options.manual
        options.openStore = { _ in store }
        options.journal.segmentBytes = 300
        let ledger = try UsageLedger.open(directory, logger: log.logger, options: options)
        try ledger.append(.sample(0))
        await ledger.flush()
        store.state.withLock { $0.isFailing = true }
        for number in 1..<10 {
            try ledger.append(.sample(number))
            await ledger.flush()
        }
        #expect(store.requests == 1)
        #expect(ledger.canRecord)
        guard case .degraded = ledger.health else {
            Issue.record("the ledger is well while its store is not")
            return
        }
        #expect(log.all.count { $0.hasPrefix("error") } == 1)
        store.state.withLock { $0.isFailing = false }
        await ledger.flush()
        #expect(store.requests == 10)
        #expect(ledger.health == .ok)
        #expect(try directory.files(in: "journal").count == 1)
        await ledger.close()
    }

    @Test func bookingHappensWithoutBeingAskedFor() async throws {
        let directory = try ScratchDirectory()
        let store = MemoryStore()
        var options = UsageLedger.Options()
        options.openStore = { _ in store }
        options.bookingDelayMilliseconds = 1
        let ledger = try UsageLedger.open(directory, options: options)
        for number in 1...3 {
            try ledger.append(.sample(number))
            for _ in 0..<2_000 where store.requests < number { try await Task.sleep(for: .milliseconds(5)) }
            #expect(store.requests == number)
        }
        await ledger.close()
    }

    @Test func aClosedLedgerTakesNothing() async throws {
        let directory = try ScratchDirectory()
        let ledger = try UsageLedger.open(directory)
        let registry = try KeyRegistry(storedWith: ledger, snapshots: .declaring(), logger: LogLines().logger)
        await ledger.close()
        await ledger.close()
        #expect(throws: LedgerFailure.closed) { try ledger.append(.sample(1)) }
        await #expect(throws: LedgerFailure.closed) { try await ledger.totals() }
        await ledger.flush()
        await #expect(throws: KeyFailure.self) { _ = try await registry.create(name: "late") }
    }

    @Test func oneDirectoryHasOneLedger() async throws {
        let directory = try ScratchDirectory()
        let ledger = try UsageLedger.open(directory)
        #expect(throws: StateFailure.inUse(directory: directory.path, process: Int(getpid()))) {
            _ = try UsageLedger.open(directory)
        }
        await ledger.close()
        let next = try UsageLedger.open(directory)
        await next.close()
    }

    @Test func onlyTheOwnerCanReadWhatIsCreated() async throws {
        let parent = try ScratchDirectory()
        let path = parent.path + "/a/b"
        let ledger = try UsageLedger(directory: path, timeZone: .utc, logger: LogLines().logger)
        try ledger.append(.sample(1))
        await ledger.flush()
        let names = try FileManager.default.subpathsOfDirectory(atPath: parent.path)
        for name in names {
            let attributes = try FileManager.default.attributesOfItem(atPath: parent.path + "/" + name)
            let mode = try #require(attributes[.posixPermissions] as? NSNumber).intValue
            let isDirectory = attributes[.type] as? FileAttributeType == .typeDirectory
            #expect(mode == (isDirectory ? 0o700 : 0o600), "\(name)")
        }
        #expect(names.count >= 7)
        await ledger.close()
    }

    @Test(arguments: ["/dev/null/state", "/proc/proxyd-state"])
    func aDirectoryThatCannotBeMadeIsAnErrorWithItsPath(_ path: String) {
        #expect {
            _ = try UsageLedger(directory: path, timeZone: .utc, logger: LogLines().logger)
        } throws: { error in
            "\(error)".contains(path.prefix(5)) && error is StateFailure
        }
    }

    @Test func aNewTimeZoneCountsFromThenOn() async throws {
        let directory = try ScratchDirectory()
        let ledger = try UsageLedger.open(directory)
        try ledger.append(.sample(1, time: noon + 11 * 3_600))
        let singapore = try #require(Zone("Asia/Singapore"))
        await ledger.setTimeZone(singapore)
        try ledger.append(.sample(2, time: noon + 11 * 3_600))
        #expect(try await ledger.daily().map(\.date.description) == ["2026-02-11", "2026-02-12"])
        await ledger.close()
    }

    @Test func todayBeginsAtLocalMidnight() throws {
        let counters = TodayCounters(timeZone: try #require(Zone("Asia/Singapore")))
        let midnight = noon + 4 * 3_600
        counters.add(PendingUsage([.sample(1, time: midnight - 2)]).days)
        counters.add(PendingUsage([.sample(2, time: midnight - 1, input: 100)]).days)
        #expect(counters.today(keyID: "key_a", now: midnight - 1).tokens == 120)
        #expect(counters.today(keyID: "key_a", now: midnight - 1).nanoDollars == 200)
        #expect(counters.today(keyID: "key_b", now: midnight - 1) == KeyToday())
        #expect(counters.today(keyID: "key_a", now: midnight) == KeyToday())
        counters.add(PendingUsage([.sample(3, time: midnight), .sample(4, time: midnight - 1)]).days)
        #expect(counters.today(keyID: "key_a", now: midnight).requests == 1)
    }

    /// What was used on the real day counts when the clock is set right, whatever it showed meanwhile.
    @Test func todayOutlivesAClockThatIsAheadForAMoment() throws {
        let counters = TodayCounters(timeZone: .utc)
        let ahead = noon + 10 * 365 * 86_400
        counters.add(PendingUsage([.sample(1)]).days)
        counters.add(PendingUsage([.sample(2, time: ahead)]).days)
        #expect(counters.today(keyID: "key_a", now: ahead).requests == 1)
        #expect(counters.today(keyID: "key_a", now: noon).requests == 1)
        counters.add(PendingUsage([.sample(3, time: noon + 1)]).days)
        #expect(counters.today(keyID: "key_a", now: noon + 1).requests == 2)
        #expect(!counters.takeDoubt())
        // The days that follow are counted as ever, and the false one gives way.
        for day in 1..<5 {
            let time = noon + day * 86_400
            counters.add(PendingUsage([.sample(10 + day, time: time)]).days)
            #expect(counters.today(keyID: "key_a", now: time).requests == 1)
        }
        #expect(counters.today(keyID: "key_a", now: ahead) == KeyToday())
    }

    /// What a clock that was days ahead has booked counts on its day, when that has come.
    @Test func todayHasWhatWasBookedDaysAhead() async throws {
        let (directory, clock) = (try ScratchDirectory(), Clock())
        var options = UsageLedger.Options.manual
        options.now = { clock.now }
        clock.now = noon + 5 * 86_400
        let ledger = try UsageLedger.open(directory, options: options)
        try ledger.append(.sample(1, time: clock.now))
        await ledger.close()
        clock.now = noon
        let reopened = try UsageLedger.open(directory, options: options)
        for day in 0...5 {
            clock.now = noon + day * 86_400
            try reopened.append(.sample(10 + day, time: clock.now))
            await reopened.flush()
            #expect(reopened.today(keyID: "key_a").requests == (day == 5 ? 2 : 1), "day \(day)")
        }
        await reopened.close()
    }

    /// A process that began when the clock was ahead knows what was booked on the real day.
    @Test func todayIsReadAnewWhenTheClockGoesBackToADayThatIsNotAtHand() async throws {
        let (directory, clock) = (try ScratchDirectory(), Clock())
        var options = UsageLedger.Options.manual
        options.now = { clock.now }
        let ledger = try UsageLedger.open(directory, options: options)
        for number in 0..<3 { try ledger.append(.sample(number)) }
        await ledger.close()
        clock.now = noon + 10 * 365 * 86_400
        let reopened = try UsageLedger.open(directory, options: options)
        try reopened.append(.sample(3, time: clock.now))
        clock.now = noon + 60
        try reopened.append(.sample(4, time: clock.now))
        await reopened.flush()
        #expect(reopened.today(keyID: "key_a").requests == 4)
        try reopened.append(.sample(5, time: clock.now))
        await reopened.flush()
        #expect(reopened.today(keyID: "key_a").requests == 5)
        await reopened.close()
    }

    @Test func theRecentRequestsAreBounded() {
        var recent = RecentRequests()
        func insert(_ number: Int) -> Bool {
            var text = "req_\(number)"
            return text.withUTF8 { recent.insert(UnsafeRawBufferPointer($0)) }
        }
        let capacity = RecentRequests.capacity
        for number in 0..<(2 * capacity) { #expect(insert(number)) }
        #expect(!insert(2 * capacity - 1))
        #expect(!insert(capacity))
        #expect(insert(0))
        for _ in 0..<2 {
            let isNew = recent.insert(UnsafeRawBufferPointer(start: nil, count: 0))
            #expect(isNew)
        }
    }
}
