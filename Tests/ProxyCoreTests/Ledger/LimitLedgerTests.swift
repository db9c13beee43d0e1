import Dialects
import Foundation
import Testing

@testable import ProxyCore

@Suite struct LimitLedgerTests {
    @Test func chargesAreSummedPerDayMonthAndInAll() async throws {
        let directory = try ScratchDirectory()
        let ledger = try UsageLedger.open(directory)
        // The 11th of February; the 2nd; the 31st of January.
        for (number, time) in [noon, noon, noon - 9 * 86_400, noon - 11 * 86_400].enumerated() {
            try ledger.append(Self.charged(number, time: time))
        }
        let sums = try await Self.sums(ledger)
        #expect(sums.map { "\($0.limit)/\($0.bucket)" } == ["limit team/infra", "policy default/key_a"])
        for sum in sums {
            #expect(sum.day == LimitAmounts(requests: 2, tokens: 2 * 18, cachedTokens: 2 * 4, nanoDollars: 2 * 100))
            #expect(sum.month.requests == 3)
            #expect(sum.total.requests == 4)
            #expect(sum.lastUsed == noon)
        }
        await ledger.close()

        let reopened = try UsageLedger.open(directory)
        #expect(try await Self.sums(reopened) == sums)
        try await reopened.resetLimit(LimitReset(limit: "limit team", bucket: "infra", time: noon * 1000))
        #expect(try await Self.sums(reopened).map(\.limit) == ["policy default"])
        try reopened.append(Self.charged(9, time: noon))
        #expect(try await Self.sums(reopened).first?.total.requests == 1)
        await reopened.close()
    }

    /// No total of usage has a count of tokens; the limits that it was charged to do, and its row is there.
    @Test func whatIsNotCountedIsCharged() async throws {
        let directory = try ScratchDirectory()
        let ledger = try UsageLedger.open(directory)
        var record = Self.charged(1, time: noon)
        record.isCounted = false
        try ledger.append(record)
        #expect(try await ledger.totals() == UsageAmounts())
        #expect(ledger.today(keyID: "key_a") == KeyToday())
        #expect(try await Self.sums(ledger).map(\.total.requests) == [1, 1])
        #expect(try await ledger.requests(RequestFilter()).records == [record])
        await ledger.close()
    }

    @Test func aBucketThatNobodyUsedForAMonthIsForgotten() async throws {
        let directory = try ScratchDirectory()
        let ledger = try UsageLedger.open(directory)
        try ledger.append(Self.charged(1, time: noon - 31 * 86_400))
        #expect(try await Self.sums(ledger).isEmpty)
        // What is used again before it is deleted begins anew, as it does in memory.
        try ledger.append(Self.charged(2, time: noon))
        #expect(try await Self.sums(ledger).map(\.total.requests) == [1, 1])
        await ledger.close()
        let reopened = try UsageLedger.open(directory)
        #expect(try await Self.sums(reopened).map(\.total.requests) == [1, 1])
        await reopened.close()
    }

    /// A clock that is a year ahead for a while makes everything look unused; what was used is there again when it is right.
    @Test func aClockThatWasAheadForgetsNothing() async throws {
        let directory = try ScratchDirectory()
        let year = 365 * 86_400
        let limit = UsageLimit(
            .entry, name: "team",
            rates: [LimitRate(.requests, per: .day, most: 100), LimitRate(.requests, per: .total, most: 100)], noun: "team")
        for (ahead, number, used) in [(0, 1, [1, 1]), (year, 2, [1, 1]), (0, 3, [2, 3]), (0, 4, [3, 4])] {
            var options = UsageLedger.Options.manual
            options.now = { noon + ahead }
            options.limitTime = { .at((noon + ahead) * 1_000) }
            let ledger = try UsageLedger.open(directory, options: options)
            try ledger.append(Self.charged(number, time: noon + ahead))
            await ledger.flush()
            await ledger.close()
            let restarted = try UsageLedger.open(directory, options: options)
            let figures = restarted.limits.figures(
                [limit], bucket: "infra", listsUntouched: true, now: .at((noon + ahead) * 1_000))
            #expect(figures.map(\.used) == used, "after request \(number)")
            await restarted.close()
        }
    }

    /// The first of January, unused until the end of the thirty-first: the month's budget is as used as it was.
    @Test(arguments: ["UTC", "Asia/Singapore", "America/New_York"])
    func aMonthIsKeptToItsEnd(_ name: String) async throws {
        let zone = try #require(Zone(name))
        let (directory, clock) = (try ScratchDirectory(), Clock())
        let month = LocalClock(zone).month(of: LocalDate(number: 20_260_131))
        clock.now = month.upperBound / 1_000 - 60
        var options = UsageLedger.Options.manual
        options.now = { clock.now }
        options.limitTime = { .at(clock.now * 1_000) }
        let ledger = try UsageLedger.open(directory, timeZone: zone, options: options)
        try ledger.append(Self.charged(1, time: month.lowerBound / 1_000))
        await ledger.close()
        let limit = UsageLimit(.entry, name: "team", rates: [LimitRate(.requests, per: .month, most: 100)], noun: "team")
        for (later, used, isKept) in [(0, [1], true), (120, [0], false)] {
            clock.now = month.upperBound / 1_000 - 60 + later
            let reopened = try UsageLedger.open(directory, timeZone: zone, options: options)
            let figures = reopened.limits.figures(
                [limit], bucket: "infra", listsUntouched: true, now: .at(clock.now * 1_000))
            #expect(figures.map(\.used) == used)
            try reopened.store.forgetLimits(unusedSince: UsageLedger.limitsAreKept(since: clock.now, zone))
            #expect(try reopened.store.knowsLimit("limit team", bucket: "infra") == isKept)
            await reopened.close()
        }
    }

    /// Noon of the 11th of February in UTC is the same day in New York, and the 12th in Kiritimati; at the end of the month it is the
    /// next one there.
    @Test(
        arguments: [
            ("America/New_York", 0, [1, 1]), ("Pacific/Kiritimati", 0, [0, 1]), ("Pacific/Kiritimati", 17, [0, 0]),
        ] as [(String, Int, [Int])])
    func aNewTimeZoneCountsAsARestartDoes(_ name: String, _ days: Int, _ expected: [Int]) async throws {
        let (directory, zone) = (try ScratchDirectory(), try #require(Zone(name)))
        let time = noon + days * 86_400
        var options = UsageLedger.Options.manual
        options.now = { time }
        options.limitTime = { .at(time * 1_000) }
        let before = try UsageLedger.open(directory, options: options)
        try before.append(Self.charged(1, time: time))
        await before.close()
        let limit = UsageLimit(
            .entry, name: "team",
            rates: [LimitRate(.requests, per: .day, most: 100), LimitRate(.requests, per: .month, most: 100)], noun: "team")
        func used(_ ledger: UsageLedger) -> [Int] {
            ledger.limits.figures([limit], bucket: "infra", listsUntouched: true, now: .at(time * 1_000)).map(\.used)
        }
        let running = try UsageLedger.open(directory, options: options)
        #expect(used(running) == [1, 1])
        await running.setTimeZone(zone)
        #expect(used(running) == expected)
        // And back: what is booked of the day is there.
        await running.setTimeZone(.utc)
        #expect(used(running) == [1, 1])
        await running.close()
        let restarted = try UsageLedger.open(directory, timeZone: zone, options: options)
        #expect(used(restarted) == expected)
        await restarted.close()
    }

    /// What was booked of a day further east counts when that day comes further west: live as after a restart.
    @Test(arguments: [false, true])
    func whatIsBookedOfADayToComeCountsOnIt(restarts: Bool) async throws {
        let (directory, clock, east) = (try ScratchDirectory(), Clock(), try #require(Zone("Pacific/Kiritimati")))
        var options = UsageLedger.Options.manual
        options.now = { clock.now }
        options.limitTime = { .at(clock.now * 1_000) }
        // Noon of the 28th of February in UTC, the 1st of March there.
        clock.now = noon + 17 * 86_400
        let before = try UsageLedger.open(directory, timeZone: east, options: options)
        for number in 0..<2 { try before.append(Self.charged(number, time: clock.now)) }
        await before.close()
        let running = try UsageLedger.open(directory, timeZone: restarts ? .utc : east, options: options)
        await running.setTimeZone(.utc)
        #expect(Self.used(running, clock) == [0, 2])
        #expect(running.today(keyID: "key_a").requests == 0)
        clock.now = noon + 17 * 86_400 + 43_202
        #expect(Self.used(running, clock) == [2, 2])
        #expect(running.today(keyID: "key_a").requests == 2)
        clock.now += 86_400
        #expect(Self.used(running, clock) == [0, 2])
        await running.close()
        let restarted = try UsageLedger.open(directory, options: options)
        #expect(Self.used(restarted, clock) == [0, 2])
        await restarted.close()
    }

    /// A clock that is put back by days and stays: the day that it shows is as used as the ledger has it.
    @Test func aClockThatIsPutBackByDaysFindsWhatIsBooked() async throws {
        let (directory, clock) = (try ScratchDirectory(), Clock())
        var options = UsageLedger.Options.manual
        options.now = { clock.now }
        options.limitTime = { .at(clock.now * 1_000) }
        let before = try UsageLedger.open(directory, options: options)
        for number in 0..<3 { try before.append(Self.charged(number, time: clock.now)) }
        await before.close()
        clock.now = noon + 2 * 86_400
        let ahead = try UsageLedger.open(directory, options: options)
        try ahead.append(Self.charged(3, time: clock.now))
        await ahead.close()
        let running = try UsageLedger.open(directory, options: options)
        #expect(Self.used(running, clock) == [1, 4])
        clock.now = noon
        _ = Self.used(running, clock)
        await running.flush()
        #expect(Self.used(running, clock) == [3, 4])
        clock.now = noon + 2 * 86_400
        #expect(Self.used(running, clock) == [1, 4])
        await running.close()
    }

    /// A clock that was ahead by more than a month, for a while: what it had forgotten meanwhile counts again, and a block stands.
    @Test(arguments: [false, true])
    func aClockThatWasAMonthAheadFindsWhatIsBooked(isUsedAhead: Bool) async throws {
        let (directory, clock) = (try ScratchDirectory(), Clock())
        var options = UsageLedger.Options.manual
        options.now = { clock.now }
        options.limitTime = { .at(clock.now * 1_000) }
        let before = try UsageLedger.open(directory, options: options)
        for number in 0..<3 { try before.append(Self.charged(number, time: clock.now)) }
        try await before.setLimitBlock(limit: "limit team", bucket: "infra", until: (noon + 3_600) * 1_000)
        await before.close()
        let running = try UsageLedger.open(directory, options: options)
        let limit = UsageLimit(
            .entry, name: "team",
            rates: [LimitRate(.requests, per: .month, most: 9), LimitRate(.requests, per: .total, most: 9)], noun: "team")
        func figures() -> [LimitFigure] {
            running.limits.figures([limit], bucket: "infra", listsUntouched: true, now: .at(clock.now * 1_000))
        }
        #expect(figures().map(\.used) == [3, 3])
        clock.now = noon + 40 * 86_400
        #expect(figures().map(\.used) == [0, 0] && figures()[0].blockedUntil == nil)
        if isUsedAhead { try running.append(Self.charged(3, time: clock.now)) }
        await running.flush()
        clock.now = noon
        _ = figures()
        await running.flush()
        let more = isUsedAhead ? 1 : 0
        #expect(figures().map(\.used) == [3 + more, 3 + more])
        #expect(figures()[0].blockedUntil == (noon + 3_600) * 1_000)
        await running.close()
    }

    /// Requests of the day and the month.
    private static func used(_ ledger: UsageLedger, _ clock: Clock) -> [Int] {
        let limit = UsageLimit(
            .entry, name: "team",
            rates: [LimitRate(.requests, per: .day, most: 100), LimitRate(.requests, per: .month, most: 100)], noun: "team")
        return ledger.limits.figures([limit], bucket: "infra", listsUntouched: true, now: .at(clock.now * 1_000)).map(\.used)
    }

    @Test func blocksOutliveTheProcess() async throws {
        let directory = try ScratchDirectory()
        let ledger = try UsageLedger.open(directory)
        try await ledger.setLimitBlock(limit: "limit a", bucket: "x", until: 5)
        try await ledger.setLimitBlock(limit: "limit a", bucket: "x", until: 7, title: "a.requests_per_day")
        try await ledger.setLimitBlock(limit: "limit b", bucket: "y", until: .max)
        await ledger.close()
        let reopened = try UsageLedger.open(directory)
        #expect(
            try await reopened.limitBlocks() == [
                LimitBlock(limit: "limit a", bucket: "x", until: 7, title: "a.requests_per_day"),
                LimitBlock(limit: "limit b", bucket: "y", until: .max),
            ])
        try await reopened.setLimitBlock(limit: "limit a", bucket: "x", until: nil)
        #expect(try await reopened.limitBlocks().map(\.limit) == ["limit b"])
        await reopened.close()
    }

    /// Booked or not, of this process's journal or of the one before: a restart within the minute knows them all, and once.
    @Test func theLastMinuteComesFromTheJournal() async throws {
        let directory = try ScratchDirectory()
        let ledger = try UsageLedger.open(directory)
        try ledger.append(Self.charged(1, time: noon - 61))
        try ledger.append(Self.charged(2, time: noon - 30))
        await ledger.flush()
        try ledger.append(Self.charged(3, time: noon - 10))
        let killed = try directory.copy()
        await ledger.close()
        for _ in 0..<3 {
            let reopened = try UsageLedger.open(killed)
            // Requests count from when they came, tokens from when they were settled.
            for (second, requests, tokens) in [(0, 2, 36), (28, 2, 36), (29, 1, 36), (31, 1, 18), (49, 0, 18), (51, 0, 0)] {
                let used = Self.lastMinute(reopened, at: (noon + second) * 1000)
                #expect(used == [requests, tokens], "after \(second) s")
            }
            #expect(try await Self.sums(reopened).first?.total.requests == 3)
            await reopened.close()
        }
        var later = UsageLedger.Options.manual
        later.now = { noon + 100 }
        later.limitTime = { .at((noon + 100) * 1000) }
        let last = try UsageLedger.open(killed, options: later)
        #expect(Self.lastMinute(last, at: (noon + 100) * 1000) == [0, 0])
        #expect(try killed.files(in: "journal").count == 1)
        await last.close()
    }

    @Test func aResetStandsOverARestartAlsoForTheMinute() async throws {
        let directory = try ScratchDirectory()
        let ledger = try UsageLedger.open(directory)
        // Asked and settled before the reset; asked before and settled after; after.
        try ledger.append(Self.charged(1, time: noon - 30))
        try await ledger.resetLimit(LimitReset(limit: "limit team", bucket: "infra", time: (noon - 20) * 1000))
        try ledger.append(Self.charged(2, time: noon - 19))
        try ledger.append(Self.charged(3, time: noon - 10))
        let killed = try directory.copy()
        await ledger.close()
        let reopened = try UsageLedger.open(killed)
        #expect(Self.lastMinute(reopened, at: noon * 1000) == [1, 36])
        #expect(Self.lastMinute(reopened, at: noon * 1000, "policy default", "key_a") == [3, 54])
        await reopened.close()
    }

    @Test func aResetOfOneKindLeavesTheOthersInTheMinute() async throws {
        let directory = try ScratchDirectory()
        let ledger = try UsageLedger.open(directory)
        try ledger.append(Self.charged(1, time: noon - 30))
        try await ledger.resetLimit(LimitReset(limit: "limit team", bucket: "infra", kind: .tokens, time: noon * 1000))
        // By a clock that was ahead: it is of no time that has been.
        try await ledger.resetLimit(LimitReset(limit: "policy default", bucket: "key_a", time: (noon + 3_600) * 1000))
        await ledger.close()
        let reopened = try UsageLedger.open(directory)
        #expect(Self.lastMinute(reopened, at: noon * 1000) == [1, 0])
        #expect(Self.lastMinute(reopened, at: noon * 1000, "policy default", "key_a") == [1, 18])
        await reopened.close()
    }

    /// What is reset of one window of one kind stands in the others, also where all of it is summed up.
    @Test(
        arguments: [
            (.day, [1, 4, 5]), (.month, [2, 1, 5]), (.total, [2, 4, 1]), (.minute, [2, 4, 5]), (nil, [1, 1, 1]),
        ] as [(LimitRate.Window?, [Int])])
    func aResetOfOneWindowLeavesTheOthers(_ window: LimitRate.Window?, _ expected: [Int]) async throws {
        let directory = try ScratchDirectory()
        let ledger = try UsageLedger.open(directory)
        // The 11th of February; twice the 2nd; the 31st of January.
        for (number, time) in [noon, noon - 9 * 86_400, noon - 9 * 86_400, noon - 11 * 86_400].enumerated() {
            try ledger.append(Self.charged(number, time: time))
        }
        var reset = LimitReset(limit: "limit team", bucket: "infra", kind: .requests, time: noon * 1000)
        reset.window = window
        // A second time there is nothing more to take.
        for _ in 0..<2 { try await ledger.resetLimit(reset) }
        #expect(try ledger.store.limitResets().count == (window == nil || window == .minute ? 1 : 0))
        try ledger.append(Self.charged(9, time: noon))
        for _ in 0..<2 {
            let sum = try #require(try await Self.sums(ledger).first)
            #expect([sum.day.requests, sum.month.requests, sum.total.requests] == expected)
            let tokens = [36, 72, 90]
            #expect([sum.day.tokens, sum.month.tokens, sum.total.tokens] == tokens)
            _ = try ledger.store.foldLimits(before: LocalDate(number: 20_260_201), limit: 1_000)
        }
        #expect(try await Self.sums(ledger).last?.total.requests == 5)
        await ledger.close()
    }

    /// The journal has them in the order in which they ended; a minute wants them in order of time.
    @Test func aRequestThatCameEarlierAndEndedLaterPassesInItsTime() async throws {
        let directory = try ScratchDirectory()
        let ledger = try UsageLedger.open(directory)
        try ledger.append(Self.charged(1, time: noon - 10))
        var long = Self.charged(2, time: noon - 9)
        long.course.durationMilliseconds = 40_000
        try ledger.append(long)
        await ledger.close()
        let reopened = try UsageLedger.open(directory)
        // Asked 48.75 seconds ago, and 11.75.
        for (second, requests) in [(11, 2), (12, 1), (48, 1), (49, 0)] {
            #expect(Self.lastMinute(reopened, at: (noon + second) * 1000)[0] == requests, "after \(second) s")
        }
        await reopened.close()
    }

    /// A clock that was set back says nothing of the minute: what is restored lies behind, not ahead.
    @Test func chargesOfAClockThatWasAheadPassWithinAMinute() async throws {
        let directory = try ScratchDirectory()
        let ledger = try UsageLedger.open(directory)
        try ledger.append(Self.charged(1, time: noon + 1_000))
        await ledger.close()
        let reopened = try UsageLedger.open(directory)
        #expect(Self.lastMinute(reopened, at: noon * 1000) == [1, 18])
        #expect(Self.lastMinute(reopened, at: (noon + 60) * 1000) == [0, 0])
        await reopened.close()
    }

    @Test func theLedgerKnowsWhatItHas() async throws {
        let directory = try ScratchDirectory()
        let ledger = try UsageLedger.open(directory)
        try ledger.append(Self.charged(1, time: noon - 90 * 86_400))
        try await ledger.setLimitBlock(limit: "limit a", bucket: "x", until: 5)
        for (limit, bucket, isKnown) in [
            ("limit team", "infra", true), ("limit team", "web", false), ("limit other", "infra", false),
            ("limit a", "x", true), ("limit a", "y", false),
        ] {
            #expect(try await ledger.knowsLimit(limit: limit, bucket: bucket) == isKnown, "\(limit) \(bucket)")
        }
        await ledger.close()
    }

    @Test func whatIsNotAtHandIsLookedUp() async throws {
        let directory = try ScratchDirectory()
        let before = try UsageLedger.open(directory)
        try before.append(Self.charged(1, time: noon - 90 * 86_400))
        await before.close()
        let ledger = try UsageLedger.open(directory)
        let limit = UsageLimit(.entry, name: "team", rates: [], noun: "team")
        #expect(!ledger.limits.knows(limit: limit.id, bucket: "infra"))
        #expect(try await ledger.knowsLimit(limit: limit.id, bucket: "infra"))
        #expect(try await !ledger.knowsLimit(limit: limit.id, bucket: "web"))
        await ledger.close()
    }

    /// The clock ticks every few milliseconds: a request after a reset must not have its time.
    @Test func whatComesAfterAResetHasALaterTime() async throws {
        let directory = try ScratchDirectory()
        let ledger = try UsageLedger.open(directory)
        let limit = UsageLimit(.entry, name: "team", rates: [], noun: "team")
        for _ in 0..<10 {
            try await LimitBook(ledger).reset(limit, bucket: "infra", kind: nil, window: nil)
            let returned = LoopContext.wallClock()
            #expect(try await ledger.afterFlush { try $0.limitResets() }.allSatisfy { $0.time < returned })
        }
        await ledger.close()
    }

    @Test func aResetIsKeptForAnHour() async throws {
        let directory = try ScratchDirectory()
        let ledger = try UsageLedger.open(directory)
        for (bucket, kind, time) in [
            ("a", nil, 0), ("a", .cost, 1), ("b", nil, 2), ("b", nil, 3_599), ("c", nil, 3_601),
        ] as [(String, LimitRate.Kind?, Int)] {
            try await ledger.resetLimit(LimitReset(limit: "limit s", bucket: bucket, kind: kind, time: (noon + time) * 1000))
        }
        #expect(
            try await ledger.afterFlush { try $0.limitResets() }.map { "\($0.bucket) \($0.kind?.rawValue ?? "all")" }
                == ["a cost", "b all", "c all"])
        await ledger.close()
    }

    /// Segments that are full stay for their minute, and no longer.
    @Test func aSegmentStaysWhileItsChargesAreOfTheLastMinute() async throws {
        let directory = try ScratchDirectory()
        let clock = Clock()
        var options = UsageLedger.Options.manual
        options.journal.segmentBytes = 300
        options.now = { clock.now }
        let ledger = try UsageLedger.open(directory, options: options)
        for number in 0..<10 { try ledger.append(Self.charged(number, time: noon)) }
        await ledger.flush()
        #expect(try directory.files(in: "journal").count > 3)
        clock.now = noon + 62
        await ledger.flush()
        #expect(try directory.files(in: "journal").count == 1)
        // A clock that is put back keeps nothing for ever.
        for number in 10..<20 { try ledger.append(Self.charged(number, time: noon + 62)) }
        clock.now = noon - 86_400
        await ledger.flush()
        #expect(try directory.files(in: "journal").count == 1)
        await ledger.close()
    }

    // MARK: -

    private static func charged(_ number: Int, time: Int) -> UsageRecord {
        var record = UsageRecord.sample(number, time: time)
        record.usage = TokenUsage(uncachedInput: 10, cacheRead: 4, cacheWrite: 3, output: 5, reasoning: 2)
        record.question.model = record.model
        record.course.millisecond = 250
        record.course.durationMilliseconds = 2_000
        record.charges = [
            LimitCharge(limit: "policy default", bucket: "key_a"), LimitCharge(limit: "limit team", bucket: "infra"),
        ]
        return record
    }

    /// Requests and tokens of the last minute in a bucket that `charged` counts in.
    private static func lastMinute(
        _ ledger: UsageLedger, at now: Int, _ id: String = "limit team", _ bucket: String = "infra"
    ) -> [Int] {
        let rates = [
            LimitRate(.requests, per: .minute, most: 100), LimitRate(.tokens, per: .minute, most: 100),
        ]
        let name = String(id.drop { $0 != " " }.dropFirst())
        let limit = UsageLimit(id.hasPrefix("policy ") ? .policy : .entry, name: name, rates: rates, noun: "team")
        return ledger.limits.figures([limit], bucket: bucket, listsUntouched: true, now: .at(now)).map(\.used)
    }

    private static func sums(_ ledger: UsageLedger) async throws -> [LimitSums] {
        let (day, month) = (LocalDate("2026-02-11"), LocalDate("2026-02-01"))
        return try await ledger.limitSums(day: #require(day), monthStart: #require(month)).sorted { $0.limit < $1.limit }
    }
}
