import Basics
import ProxyCore
import Testing

@testable import ProxyCore

@Suite("Limit table")
struct LimitTableTests {
    /// 2026-02-11 14:03:20 in Singapore.
    static let noon = 1_770_789_800_000

    static func limit(_ rates: LimitRate..., cached: Bool = false) -> UsageLimit {
        UsageLimit(.policy, name: "team", rates: rates, countsCached: cached, noun: "key")
    }

    /// As many buckets as the tests that fill a table have time for.
    private static let mostBuckets = 3_000

    static func table() -> LimitTable { LimitTable(timeZone: Zone("Asia/Singapore") ?? .utc, mostBuckets: mostBuckets) }

    static func used(_ table: LimitTable, _ limit: UsageLimit, now: Int) -> [Int] {
        table.figures([limit], bucket: "k", listsUntouched: true, now: .at(now)).map(\.used)
    }

    @Test("Whatever comes in whatever order: nothing is passed, nothing is left behind", arguments: 1...8)
    func keeps(seed: Int) throws {
        var rng = SplitMix64(state: UInt64(seed))
        let limits = [
            UsageLimit(
                .policy, name: "a",
                rates: [
                    LimitRate(.tokens, per: .minute, most: 5_000), LimitRate(.requests, per: .minute, most: 40),
                    LimitRate(.concurrency, per: .now, most: 8),
                ], noun: "key"),
            UsageLimit(.entry, name: "b", rates: [LimitRate(.cost, per: .total, most: 90_000)], noun: "team"),
        ]
        let uses = limits.map { LimitUse($0, bucket: "k") }
        let table = Self.table()
        var now = Self.noon
        var running: [(LimitReservation, LimitAmounts)] = []
        var spent = 0
        for _ in 0..<2_000 {
            now += Int(rng.next() % 400)
            if rng.next() % 2 == 0 {
                let need = LimitAmounts(
                    requests: 1, tokens: 1 + Int(rng.next() % 600), nanoDollars: 1 + Int(rng.next() % 900))
                if let reservation = try? table.reserve(uses, { _ in need }, now: .at(now)) {
                    running.append((reservation, need))
                }
            } else if !running.isEmpty {
                let (reservation, need) = running.remove(at: Int(rng.next() % UInt64(running.count)))
                let isFailed = rng.next() % 4 == 0
                var used = LimitAmounts.zero
                if !isFailed {
                    used = LimitAmounts(
                        requests: 1, tokens: Int(rng.next() % UInt64(need.tokens + 1)),
                        nanoDollars: Int(rng.next() % UInt64(need.nanoDollars + 1)))
                }
                spent += used.nanoDollars
                table.settle(reservation, used: used, now: .at(now))
            }
            for figure in table.figures(limits, now: .at(now)) {
                #expect(figure.used + figure.reserved <= figure.rate.most, "\(figure)")
            }
        }
        #expect(running.count <= 8)
        for (reservation, _) in running { table.settle(reservation, used: .zero, now: .at(now)) }
        for figure in table.figures(limits, now: .at(now)) { #expect(figure.reserved == 0, "\(figure)") }
        #expect(table.figures([limits[1]], now: .at(now)).map(\.used) == [spent])
    }

    @Test("All limits of a request are reserved, or none")
    func allOrNone() throws {
        let wide = UsageLimit(.entry, name: "wide", rates: [LimitRate(.tokens, per: .day, most: 1_000)], noun: "team")
        let narrow = UsageLimit(.entry, name: "narrow", rates: [LimitRate(.tokens, per: .day, most: 10)], noun: "session")
        let table = Self.table()
        let uses = [LimitUse(wide, bucket: "k"), LimitUse(narrow, bucket: "k")]
        #expect(throws: LimitRefusals.self) {
            try table.reserve(uses, { _ in LimitAmounts(requests: 1, tokens: 11) }, now: .at(Self.noon))
        }
        #expect(table.figures([wide, narrow], bucket: "k", now: .at(Self.noon)).allSatisfy { $0.reserved == 0 && $0.used == 0 })
    }

    @Test("A minute is any sixty seconds")
    func slides() throws {
        let limit = Self.limit(LimitRate(.requests, per: .minute, most: 2))
        let table = Self.table()
        let uses = [LimitUse(limit, bucket: "k")]
        func ask(_ time: Int) -> LimitRefusal? {
            do throws(LimitRefusals) {
                let reservation = try table.reserve(uses, { _ in LimitAmounts(requests: 1) }, now: .at(time))
                table.settle(reservation, used: LimitAmounts(requests: 1), now: .at(time))
                return nil
            } catch {
                return error.worst
            }
        }
        #expect(ask(Self.noon) == nil)
        #expect(ask(Self.noon + 30_000) == nil)
        let refusal = ask(Self.noon + 45_000)
        #expect(refusal?.wait == .milliseconds(15_000))
        #expect(refusal?.resetsAt == Self.noon + 60_000)
        #expect(ask(Self.noon + 59_999) != nil)
        #expect(ask(Self.noon + 60_000) == nil)
        #expect(ask(Self.noon + 89_999) != nil)
    }

    @Test("A request of which nothing came gives its request back")
    func givesBack() throws {
        let limit = Self.limit(LimitRate(.requests, per: .minute, most: 1), LimitRate(.requests, per: .day, most: 1))
        let table = Self.table()
        for _ in 0..<3 {
            let reservation = try table.reserve(
                [LimitUse(limit, bucket: "k")], { _ in LimitAmounts(requests: 1) }, now: .at(Self.noon))
            table.settle(reservation, used: .zero, now: .at(Self.noon + 10))
        }
        #expect(Self.used(table, limit, now: Self.noon + 20) == [0, 0])
    }

    @Test("Days and months begin in the time zone; a total does not end")
    func calendar() throws {
        let limit = Self.limit(
            LimitRate(.tokens, per: .day, most: 100), LimitRate(.tokens, per: .month, most: 100),
            LimitRate(.cost, per: .total, most: 100))
        let table = Self.table()
        let reservation = try table.reserve(
            [LimitUse(limit, bucket: "k")], { _ in LimitAmounts(requests: 1) }, now: .at(Self.noon))
        table.settle(reservation, used: LimitAmounts(requests: 1, tokens: 7, nanoDollars: 3), now: .at(Self.noon))
        #expect(Self.used(table, limit, now: Self.noon) == [7, 7, 3])
        // 2026-02-12 00:00 in Singapore, and the second before.
        #expect(Self.used(table, limit, now: 1_770_825_599_999) == [7, 7, 3])
        #expect(Self.used(table, limit, now: 1_770_825_600_000) == [0, 7, 3])
        // 2026-03-01 00:00 in Singapore.
        #expect(Self.used(table, limit, now: 1_772_294_399_999) == [0, 7, 3])
        #expect(Self.used(table, limit, now: 1_772_294_400_000) == [0, 0, 3])
    }

    @Test("A clock that is put back gives nothing anew")
    func clockBack() throws {
        let limit = Self.limit(LimitRate(.requests, per: .day, most: 1))
        let table = Self.table()
        let reservation = try table.reserve(
            [LimitUse(limit, bucket: "k")], { _ in LimitAmounts(requests: 1) }, now: .at(Self.noon))
        table.settle(reservation, used: LimitAmounts(requests: 1), now: .at(Self.noon - 86_400_000))
        #expect(throws: LimitRefusals.self) {
            try table.reserve(
                [LimitUse(limit, bucket: "k")], { _ in LimitAmounts(requests: 1) }, now: .at(Self.noon - 86_400_000))
        }
    }

    @Test("A clock that leaps and comes back finds what was used and blocked before it is booked", arguments: [2, 40, -40])
    func clockLeaps(days: Int) throws {
        let limit = Self.limit(
            LimitRate(.requests, per: .day, most: 9), LimitRate(.requests, per: .month, most: 9),
            LimitRate(.requests, per: .total, most: 9))
        let table = Self.table()
        func use(_ bucket: String, _ now: LimitTime) throws {
            let reservation = try table.reserve([LimitUse(limit, bucket: bucket)], { _ in LimitAmounts(requests: 1) }, now: now)
            table.settle(reservation, used: LimitAmounts(requests: 1), now: now)
        }
        func used(_ bucket: String, _ now: LimitTime) -> [Int] {
            table.figures([limit], bucket: bucket, listsUntouched: true, now: now).map(\.used)
        }
        let begin = LimitTime(wall: Self.noon, steady: 0)
        for bucket in ["a", "b", "b", "c", "c", "c"] { try use(bucket, begin) }
        for bucket in ["a", "c"] { table.block(LimitUse(limit, bucket: bucket), until: Self.noon + 60_000) }
        let ahead = LimitTime(wall: Self.noon + days * 86_400_000, steady: 100)
        try use("b", ahead)
        for _ in 0..<9 { _ = used("a", ahead) }
        // On a day before, it counts with what was used on the later one until that is looked up.
        #expect(used("b", ahead)[0] == (days < 0 ? 3 : 1))
        table.reset(limit: limit.id, bucket: "c", kind: nil)
        table.block(LimitUse(limit, bucket: "c"), until: 0)
        let back = LimitTime(wall: Self.noon + 200, steady: 200)
        #expect(used("a", back) == [1, 1, 1])
        // More than a month off, what was used meanwhile is forgotten: it comes back when it is booked.
        #expect(used("b", back) == (days == 2 ? [2, 3, 3] : [2, 2, 2]))
        #expect(used("c", back) == [0, 0, 0])
        #expect(throws: LimitRefusals.self) { try use("a", back) }
        #expect(throws: Never.self) { try use("c", back) }
    }

    /// What the day and all days have used of one bucket, each time one request more, by a clock that is so many hours ahead.
    private static func leaps(_ hours: [(since: Int, ahead: Int)]) throws -> [[Int]] {
        let limit = limit(LimitRate(.requests, per: .day, most: 99), LimitRate(.requests, per: .total, most: 99))
        let table = table()
        return try hours.map { since, ahead in
            let now = LimitTime(wall: noon + (since + ahead) * 3_600_000, steady: since * 3_600_000)
            let reservation = try table.reserve([LimitUse(limit, bucket: "k")], { _ in LimitAmounts(requests: 1) }, now: now)
            table.settle(reservation, used: LimitAmounts(requests: 1), now: now)
            return table.figures([limit], bucket: "k", listsUntouched: true, now: now).map(\.used)
        }
    }

    @Test("A clock that was ahead over a midnight is back on the day that it left")
    func clockPassesMidnight() throws {
        #expect(try Self.leaps([(0, 0), (0, 0), (0, 13), (0, 0), (1, 0)]) == [[1, 1], [2, 2], [1, 3], [3, 4], [4, 5]])
    }

    @Test("A leap is remembered behind another from which the clock has not come back")
    func clockLeapsTwice() throws {
        // Set right for good after it was slow by two days; then ahead by two, and back.
        let hours = [(0, -48), (1, 0), (2, 0), (3, 48), (4, 0), (5, 0)]
        #expect(try Self.leaps(hours).map(\.last) == [1, 2, 3, 4, 5, 6])
        #expect(try Self.leaps(hours).map(\.first).suffix(2) == [3, 4])
    }

    @Test("A clock that is put back changes no minute", arguments: [-3_600_000, 0, 3_600_000])
    func minuteIsSteady(step: Int) throws {
        let limit = Self.limit(LimitRate(.requests, per: .minute, most: 2))
        let table = Self.table()
        func ask(_ time: Int, step: Int) throws {
            let now = LimitTime(wall: Self.noon + time + step, steady: time)
            let reservation = try table.reserve([LimitUse(limit, bucket: "k")], { _ in LimitAmounts(requests: 1) }, now: now)
            table.settle(reservation, used: LimitAmounts(requests: 1), now: now)
        }
        for begin in [0, 60_000, 120_000] {
            for time in [begin, begin + 200] { try ask(time, step: begin == 0 ? 0 : step) }
            let refusal = #expect(throws: LimitRefusals.self) { try ask(begin + 59_999, step: step) }
            #expect(refusal?.worst?.wait == .milliseconds(1))
            #expect(refusal?.worst?.resetsAt == Self.noon + begin + 60_000 + step)
        }
        let figures = table.figures([limit], now: LimitTime(wall: Self.noon + 179_999 + step, steady: 179_999))
        #expect(figures.map(\.resetsAt) == [Self.noon + 180_200 + step])
    }

    @Test("A block lasts as long as the clock says, also after it was put back")
    func blockAfterClockBack() throws {
        let limit = Self.limit(LimitRate(.requests, per: .day, most: 9))
        let (table, use) = (Self.table(), LimitUse(limit, bucket: "k"))
        _ = table.figures([limit], now: .at(Self.noon))
        let back = LimitTime(wall: Self.noon - 3_600_000, steady: Self.noon + 1)
        table.block(use, until: back.wall + 60_000)
        let refusal = #expect(throws: LimitRefusals.self) {
            try table.reserve([use], { _ in LimitAmounts(requests: 1) }, now: back)
        }
        #expect(refusal?.worst?.wait == .milliseconds(60_000))
    }

    @Test("A clock that was far ahead keeps no day for ever")
    func clockFarAhead() throws {
        let limit = Self.limit(LimitRate(.requests, per: .day, most: 1), LimitRate(.requests, per: .month, most: 9))
        let table = Self.table()
        func ask(_ wall: Int) throws {
            let reservation = try table.reserve(
                [LimitUse(limit, bucket: "k")], { _ in LimitAmounts(requests: 1) }, now: .at(wall))
            table.settle(reservation, used: LimitAmounts(requests: 1), now: .at(wall))
        }
        try ask(Self.noon + 365 * 86_400_000)
        // What was counted in the year ahead stays for this day, and goes with it.
        #expect(throws: LimitRefusals.self) { try ask(Self.noon) }
        try ask(Self.noon + 86_400_000)
        #expect(throws: LimitRefusals.self) { try ask(Self.noon + 86_400_000) }
    }

    @Test("Cache reads count where a limit says so", arguments: [(false, 5), (true, 25)])
    func cached(counts: Bool, expected: Int) throws {
        let limit = Self.limit(LimitRate(.tokens, per: .day, most: 100), cached: counts)
        let table = Self.table()
        let reservation = try table.reserve(
            [LimitUse(limit, bucket: "k")], { _ in LimitAmounts(requests: 1) }, now: .at(Self.noon))
        table.settle(reservation, used: LimitAmounts(requests: 1, tokens: 5, cachedTokens: 20), now: .at(Self.noon))
        #expect(Self.used(table, limit, now: Self.noon) == [expected])
    }

    @Test("A dearer target reserves the difference, or nothing changes")
    func reprices() throws {
        let limit = Self.limit(LimitRate(.cost, per: .day, most: 100))
        let table = Self.table()
        let uses = [LimitUse(limit, bucket: "k")]
        var reservation: LimitReservation? = try table.reserve(
            uses, { _ in LimitAmounts(requests: 1, nanoDollars: 40) }, now: .at(Self.noon))
        #expect(
            table.change(&reservation, uses, to: { _ in LimitAmounts(requests: 1, nanoDollars: 101) }, now: .at(Self.noon)) != nil
        )
        #expect(table.figures([limit], now: .at(Self.noon)).map(\.reserved) == [40])
        #expect(
            table.change(&reservation, uses, to: { _ in LimitAmounts(requests: 1, nanoDollars: 100) }, now: .at(Self.noon)) == nil
        )
        #expect(table.figures([limit], now: .at(Self.noon)).map(\.reserved) == [100])
        #expect(
            table.change(&reservation, uses, to: { _ in LimitAmounts(requests: 1, nanoDollars: 1) }, now: .at(Self.noon)) == nil)
        #expect(table.figures([limit], now: .at(Self.noon)).map(\.reserved) == [1])
    }

    @Test("A blocked bucket refuses, ends what is in flight, and opens again")
    func blocks() throws {
        let limit = Self.limit(LimitRate(.requests, per: .day, most: 10))
        let table = Self.table()
        let use = LimitUse(limit, bucket: "k")
        let reservation = try table.reserve([use], { _ in LimitAmounts(requests: 1) }, now: .at(Self.noon))
        let before = table.blockCount
        #expect(table.block(of: reservation, [use], now: .at(Self.noon)) == nil)
        table.block(use, until: Self.noon + 1_000)
        #expect(table.blockCount != before)
        #expect(table.block(of: reservation, [use], now: .at(Self.noon))?.wait == .milliseconds(1_000))
        #expect(throws: LimitRefusals.self) { try table.reserve([use], { _ in LimitAmounts(requests: 1) }, now: .at(Self.noon)) }
        #expect(table.share(left: use, now: .at(Self.noon)) == 0)
        _ = try table.reserve([use], { _ in LimitAmounts(requests: 1) }, now: .at(Self.noon + 1_000))
        table.block(use, until: .max)
        #expect(table.block(of: reservation, [use], now: .at(Self.noon + 2_000))?.wait == .never)
        table.block(use, until: 0)
        _ = try table.reserve([use], { _ in LimitAmounts(requests: 1) }, now: .at(Self.noon + 3_000))
    }

    @Test("What is reset begins at zero; what is in flight stays reserved", arguments: [LimitRate.Kind?.none, .tokens])
    func resets(kind: LimitRate.Kind?) throws {
        let limit = Self.limit(LimitRate(.tokens, per: .day, most: 100), LimitRate(.cost, per: .month, most: 100))
        let table = Self.table()
        let use = LimitUse(limit, bucket: "k")
        let need = LimitAmounts(requests: 1, tokens: 9, nanoDollars: 4)
        let first = try table.reserve([use], { _ in need }, now: .at(Self.noon))
        _ = try table.reserve([use], { _ in need }, now: .at(Self.noon))
        table.settle(first, used: need, now: .at(Self.noon))
        table.reset(limit: limit.id, bucket: "k", kind: kind)
        let figures = table.figures([limit], now: .at(Self.noon))
        #expect(figures.map(\.used) == [0, kind == nil ? 0 : 4])
        #expect(figures.map(\.reserved) == [9, 4])
    }

    @Test("What is reset of one window stands in the others", arguments: [LimitRate.Window.minute, .day, .month, .total])
    func resetsOfOneWindow(window: LimitRate.Window) throws {
        let windows: [LimitRate.Window] = [.minute, .day, .month, .total]
        let limit = UsageLimit(
            .entry, name: "team", rates: windows.map { LimitRate(.tokens, per: $0, most: 100) }, noun: "team")
        let (table, use) = (Self.table(), LimitUse(limit, bucket: "k"))
        let need = LimitAmounts(requests: 1, tokens: 9)
        let first = try table.reserve([use], { _ in need }, now: .at(Self.noon))
        table.settle(first, used: need, now: .at(Self.noon))
        table.reset(limit: limit.id, bucket: "k", kind: .tokens, window: window)
        let used = table.figures([limit], now: .at(Self.noon)).map { ($0.rate.window, $0.used) }
        #expect(used.count == 4)
        for (each, amount) in used { #expect(amount == (each == window ? 0 : 9), "\(each)") }
    }

    @Test("What comes after a reset keeps its request when one from before gives its own back")
    func resetWithRequestsInFlight() throws {
        let limit = Self.limit(LimitRate(.requests, per: .minute, most: 100))
        let (table, use) = (Self.table(), LimitUse(limit, bucket: "k"))
        func ask(_ time: Int) throws -> LimitReservation {
            try table.reserve([use], { _ in LimitAmounts(requests: 1) }, now: .at(Self.noon + time))
        }
        let before = [try ask(0), try ask(1)]
        table.reset(limit: limit.id, bucket: "k", kind: nil)
        // Within the same tenth of a second, and one of its own.
        let after = [try ask(10), try ask(500)]
        for reservation in before { table.settle(reservation, used: .zero, now: .at(Self.noon + 600)) }
        #expect(Self.used(table, limit, now: Self.noon + 600) == [2])
        for reservation in after { table.settle(reservation, used: .zero, now: .at(Self.noon + 700)) }
        #expect(Self.used(table, limit, now: Self.noon + 700) == [0])
    }

    /// Many buckets, so that a list is made of several pieces.
    @Test("All buckets are listed, in order of their names, of the limits that are asked for")
    func lists() throws {
        let limit = UsageLimit(.entry, name: "s", rates: [LimitRate(.requests, per: .day, most: 9)], noun: "session")
        let other = UsageLimit(.entry, name: "o", rates: [LimitRate(.requests, per: .day, most: 9)], noun: "session")
        let table = Self.table()
        let names = (0..<(2 * LimitTable.mostAtOnce + 7)).map { "s\($0)" }
        for name in names {
            let uses = [LimitUse(limit, bucket: name), LimitUse(other, bucket: "o" + name)]
            let reservation = try table.reserve(uses, { _ in LimitAmounts(requests: 1) }, now: .at(Self.noon))
            table.settle(reservation, used: LimitAmounts(requests: 1), now: .at(Self.noon))
        }
        let figures = table.figures([limit], now: .at(Self.noon))
        #expect(figures.map(\.bucket) == names.sorted())
        #expect(figures.allSatisfy { $0.limit == "s" && $0.used == 1 })
        #expect(table.figures([other, limit], now: .at(Self.noon)).count == 2 * names.count)
    }

    @Test("What has no price goes on while any money is left, and is refused where none is")
    func unpriced() throws {
        let limit = Self.limit(LimitRate(.cost, per: .day, most: 10))
        let (uses, table) = ([LimitUse(limit, bucket: "k")], Self.table())
        var free = LimitAmounts(requests: 1)
        free.isUnpriced = true
        for spent in [9, 1] {
            table.settle(try table.reserve(uses, { _ in free }, now: .at(Self.noon)), used: free, now: .at(Self.noon))
            let paid = LimitAmounts(requests: 1, nanoDollars: spent)
            table.settle(try table.reserve(uses, { _ in paid }, now: .at(Self.noon)), used: paid, now: .at(Self.noon))
        }
        let refused = #expect(throws: LimitRefusals.self) { try table.reserve(uses, { _ in free }, now: .at(Self.noon)) }
        #expect(refused?.worst?.name == "team.budget_per_day")
        guard case .milliseconds(let wait)? = refused?.worst?.wait else {
            Issue.record("waits for the next day")
            return
        }
        #expect(wait > 3_600_000)
        // A price of nothing is a price.
        _ = try table.reserve(uses, { _ in LimitAmounts(requests: 1) }, now: .at(Self.noon))
    }

    @Test("Neither a refused request nor a look makes a bucket")
    func makesNone() throws {
        let mine = UsageLimit(.policy, name: "team", rates: [LimitRate(.requests, per: .day, most: 1)], noun: "key")
        let sessions = UsageLimit(.entry, name: "s", rates: [LimitRate(.cost, per: .total, most: 9)], noun: "session")
        let table = Self.table()
        let need = LimitAmounts(requests: 1, nanoDollars: 1)
        let first = try table.reserve([LimitUse(mine, bucket: "k")], { _ in need }, now: .at(Self.noon))
        for index in 0..<50 {
            let uses = [LimitUse(mine, bucket: "k"), LimitUse(sessions, bucket: "s\(index)")]
            #expect(throws: LimitRefusals.self) { try table.reserve(uses, { _ in need }, now: .at(Self.noon)) }
            _ = table.standing(uses, now: .at(Self.noon))
            #expect(table.share(left: uses[1], now: .at(Self.noon)) == 1)
            #expect(table.figures([sessions], bucket: "s\(index)", listsUntouched: true, now: .at(Self.noon)).count == 1)
            #expect(!table.knows(limit: sessions.id, bucket: "s\(index)"))
        }
        table.settle(first, used: need, now: .at(Self.noon))
        #expect(table.figures([mine, sessions], now: .at(Self.noon)).map(\.used) == [1])
    }

    @Test("Of a request's own reservation what is asked is told as taken, of others' all")
    func tellsWhatIsLeft() throws {
        let limit = Self.limit(LimitRate(.tokens, per: .minute, most: 1_000), LimitRate(.requests, per: .day, most: 9))
        let (table, uses) = (Self.table(), [LimitUse(limit, bucket: "k")])
        let need = LimitAmounts(requests: 1, tokens: 300)
        let mine = try table.reserve(uses, { _ in need }, now: .at(Self.noon))
        func told(_ held: LimitReservation?, _ asked: Int) -> [Int?] {
            let standing = table.standing(uses, held, asked: asked, now: .at(Self.noon))
            return [standing.tokens?.remaining, standing.requests?.remaining]
        }
        #expect(told(mine, 20) == [980, 8] && told(mine, 5_000) == [700, 8] && told(nil, 20) == [700, 8])
        let other = try table.reserve(uses, { _ in need }, now: .at(Self.noon))
        #expect(told(mine, 20) == [680, 7])
        table.settle(other, used: LimitAmounts(requests: 1, tokens: 50), now: .at(Self.noon))
        #expect(told(mine, 20) == [930, 7])
    }

    @Test("A key that was refused its first request is told of")
    func tellsOfTheRefused() throws {
        let limit = Self.limit(LimitRate(.requests, per: .day, most: 1), LimitRate(.cost, per: .day, most: 1))
        let table = Self.table()
        for _ in 0..<3 {
            #expect(throws: LimitRefusals.self) {
                try table.reserve(
                    [LimitUse(limit, bucket: "k")], { _ in LimitAmounts(requests: 1, nanoDollars: 9) }, now: .at(Self.noon))
            }
        }
        #expect(table.figures([limit], now: .at(Self.noon)).map { [$0.used, $0.reserved] } == [[0, 0], [0, 0]])
    }

    @Test("What holds nothing gives way first, and is told of")
    func makesRoom() throws {
        let limit = UsageLimit(.entry, name: "s", rates: [LimitRate(.cost, per: .total, most: 9)], noun: "session")
        let table = Self.table()
        let (need, used) = (LimitAmounts(requests: 1), LimitAmounts(requests: 1, nanoDollars: 1))
        func ask(_ bucket: String, _ used: LimitAmounts, _ time: Int) throws -> Bool {
            let reservation = try table.reserve(
                [LimitUse(limit, bucket: bucket)], { _ in need }, now: .at(Self.noon + time))
            table.settle(reservation, used: used, now: .at(Self.noon + time))
            return reservation.displaces === limit
        }
        // Every second one gave all back, and was used last.
        let displaced = try (0..<Self.mostBuckets).count { index in
            try ask("s\(index)", index % 2 == 0 ? used : .zero, index % 2 == 0 ? 0 : 1_000)
        }
        #expect(displaced == 0)
        #expect(try (0..<100).count { try ask("new\($0)", used, 2_000) } == 100)
        let spent = table.figures([limit], now: .at(Self.noon + 2_000)).reduce(0) { $0 + $1.used }
        #expect(spent == Self.mostBuckets / 2 + 100)
    }

    @Test("What happens with every request is told once a minute, with how often it did")
    func notices() {
        let notices = LimitNotices()
        #expect(notices.happened("a", now: 5) == 1)
        for _ in 0..<7 { #expect(notices.happened("a", now: 60_004) == nil) }
        #expect(notices.happened("b", now: 60_004) == 1)
        #expect(notices.happened("a", now: 60_005) == 8)
        for index in 0..<2_000 { #expect(notices.happened("n\(index)", now: 60_006) == 1) }
    }

    @Test("Names that clients choose fill nothing for ever")
    func bounded() throws {
        let limit = UsageLimit(.entry, name: "s", rates: [LimitRate(.requests, per: .day, most: 9)], noun: "session")
        let table = Self.table()
        for index in 0..<(Self.mostBuckets + 500) {
            let reservation = try table.reserve(
                [LimitUse(limit, bucket: "s\(index)")], { _ in LimitAmounts(requests: 1) }, now: .at(Self.noon + index))
            table.settle(reservation, used: LimitAmounts(requests: 1), now: .at(Self.noon + index))
        }
        let kept = table.state.withLock { ($0.limits[limit.id]?.count ?? 0, $0.slots.count) }
        #expect(kept.0 <= Self.mostBuckets && kept.1 <= Self.mostBuckets + 1)
    }

    @Test("What other nodes used within the minute comes back with it")
    func othersMinute() {
        var moment = LimitMoment()
        moment.advance(to: .at(Self.noon), LocalClock(.utc))
        var bucket = LimitBucket(at: moment)
        let rate = LimitRate(.requests, per: .minute, most: 10)
        #expect(moment.standing(rate, bucket, Self.limit(rate)).resetsAt == Self.noon)
        bucket.others.tell(.requests, used: [10, 10, 10, 10], held: 0, wait: 0, now: Self.noon, lasts: 2_000)
        moment.advance(to: .at(Self.noon + 20_000), LocalClock(.utc))
        bucket.advance(to: moment)
        let standing = moment.standing(rate, bucket, Self.limit(rate))
        #expect(standing.remaining == 0 && standing.resetsAt == Self.noon + 60_000)
        #expect(moment.figures(of: Self.limit(rate), "k", bucket).map(\.resetsAt) == [Self.noon + 60_000])
        bucket.others.tell(.requests, used: [0, 10, 10, 10], held: 0, wait: 0, now: moment.steady, lasts: 2_000)
        #expect(moment.standing(rate, bucket, Self.limit(rate)).resetsAt == moment.wall)
    }

    @Test("Of a minute each kind is there again when the last of it has passed, and at once where none is used")
    func resetsByKind() throws {
        let limit = Self.limit(LimitRate(.requests, per: .minute, most: 9), LimitRate(.tokens, per: .minute, most: 1_000))
        let (table, uses) = (Self.table(), [LimitUse(limit, bucket: "k")])
        func ask(_ tokens: Int, at time: Int) throws -> [Int] {
            let used = LimitAmounts(requests: 1, tokens: tokens)
            let held = try table.reserve(uses, { _ in used }, now: .at(Self.noon + time))
            table.settle(held, used: used, now: .at(Self.noon + time))
            let standing = table.standing(uses, now: .at(Self.noon + time))
            return [standing.requests, standing.tokens].map { ($0?.resetsAt ?? 0) - Self.noon }
        }
        #expect(try ask(0, at: 0) == [60_000, 0])
        #expect(try ask(5, at: 10_000) == [70_000, 70_000])
        #expect(try ask(0, at: 20_000) == [80_000, 70_000])
        table.reset(limit: limit.id, bucket: "k", kind: nil)
        let figures = table.figures([limit], now: .at(Self.noon + 21_000))
        #expect(figures.map(\.resetsAt) == [Self.noon + 21_000, Self.noon + 21_000])
    }

    @Test("A bucket is forgotten after thirty days, and never within its month")
    func forgets() throws {
        let limit = Self.limit(LimitRate(.cost, per: .total, most: 100))
        let table = Self.table()
        let reservation = try table.reserve(
            [LimitUse(limit, bucket: "k")], { _ in LimitAmounts(requests: 1) }, now: .at(Self.noon))
        table.settle(reservation, used: LimitAmounts(requests: 1, nanoDollars: 5), now: .at(Self.noon))
        #expect(Self.used(table, limit, now: Self.noon + 29 * 86_400_000) == [5])
        let later = Self.noon + 32 * 86_400_000
        for _ in 0..<4 { _ = table.standing([], now: .at(later)) }
        #expect(Self.used(table, limit, now: later) == [0])
    }

    @Test("Of many buckets each is forgotten after thirty days, whichever is asked for first", arguments: 0..<5)
    func forgetsEach(first: Int) throws {
        let limit = Self.limit(LimitRate(.cost, per: .total, most: 100))
        let table = Self.table()
        let (need, used) = (LimitAmounts(requests: 1, nanoDollars: 1), LimitAmounts(requests: 1, nanoDollars: 100))
        for index in 0..<5 {
            let reservation = try table.reserve([LimitUse(limit, bucket: "s\(index)")], { _ in need }, now: .at(Self.noon))
            table.settle(reservation, used: used, now: .at(Self.noon))
        }
        let later = LimitTime.at(Self.noon + 32 * 86_400_000)
        for index in 0..<5 {
            let use = LimitUse(limit, bucket: "s\((first + index) % 5)")
            let reservation = try table.reserve([use], at: [(first + index) % 5], { _ in need }, now: later)
            table.settle(reservation, used: need, now: later)
        }
    }
}

extension LimitTime {
    /// Both clocks agree.
    static func at(_ milliseconds: Int) -> LimitTime { LimitTime(wall: milliseconds, steady: milliseconds) }
}
