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

    static func table() -> LimitTable { LimitTable(timeZone: Zone("Asia/Singapore") ?? .utc) }

    static func used(_ table: LimitTable, _ limit: UsageLimit, now: Int) -> [Int] {
        table.figures([limit], bucket: "k", listsUntouched: true, now: now).map(\.used)
    }

    @Test("Whatever comes in whatever order: nothing is passed, nothing is left behind", arguments: 1...20)
    func keeps(seed: Int) throws {
        var rng = ProxyCore.SplitMix64(state: UInt64(seed))
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
                if let reservation = try? table.reserve(uses, { _ in need }, now: now) { running.append((reservation, need)) }
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
                table.settle(reservation, used: used, now: now)
            }
            for figure in table.figures(limits, now: now) {
                #expect(figure.used + figure.reserved <= figure.rate.most, "\(figure)")
            }
        }
        #expect(running.count <= 8)
        for (reservation, _) in running { table.settle(reservation, used: .zero, now: now) }
        for figure in table.figures(limits, now: now) { #expect(figure.reserved == 0, "\(figure)") }
        #expect(table.figures([limits[1]], now: now).map(\.used) == [spent])
    }

    @Test("All limits of a request are reserved, or none")
    func allOrNone() throws {
        let wide = UsageLimit(.entry, name: "wide", rates: [LimitRate(.tokens, per: .day, most: 1_000)], noun: "team")
        let narrow = UsageLimit(.entry, name: "narrow", rates: [LimitRate(.tokens, per: .day, most: 10)], noun: "session")
        let table = Self.table()
        let uses = [LimitUse(wide, bucket: "k"), LimitUse(narrow, bucket: "k")]
        #expect(throws: LimitRefusals.self) {
            try table.reserve(uses, { _ in LimitAmounts(requests: 1, tokens: 11) }, now: Self.noon)
        }
        #expect(table.figures([wide, narrow], bucket: "k", now: Self.noon).allSatisfy { $0.reserved == 0 && $0.used == 0 })
    }

    @Test("A minute is any sixty seconds")
    func slides() throws {
        let limit = Self.limit(LimitRate(.requests, per: .minute, most: 2))
        let table = Self.table()
        let uses = [LimitUse(limit, bucket: "k")]
        func ask(_ time: Int) -> LimitRefusal? {
            do throws(LimitRefusals) {
                let reservation = try table.reserve(uses, { _ in LimitAmounts(requests: 1) }, now: time)
                table.settle(reservation, used: LimitAmounts(requests: 1), now: time)
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
                [LimitUse(limit, bucket: "k")], { _ in LimitAmounts(requests: 1) }, now: Self.noon)
            table.settle(reservation, used: .zero, now: Self.noon + 10)
        }
        #expect(Self.used(table, limit, now: Self.noon + 20) == [0, 0])
    }

    @Test("Days and months begin in the time zone; a total does not end")
    func calendar() throws {
        let limit = Self.limit(
            LimitRate(.tokens, per: .day, most: 100), LimitRate(.tokens, per: .month, most: 100),
            LimitRate(.cost, per: .total, most: 100))
        let table = Self.table()
        let reservation = try table.reserve([LimitUse(limit, bucket: "k")], { _ in LimitAmounts(requests: 1) }, now: Self.noon)
        table.settle(reservation, used: LimitAmounts(requests: 1, tokens: 7, nanoDollars: 3), now: Self.noon)
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
        let reservation = try table.reserve([LimitUse(limit, bucket: "k")], { _ in LimitAmounts(requests: 1) }, now: Self.noon)
        table.settle(reservation, used: LimitAmounts(requests: 1), now: Self.noon - 86_400_000)
        #expect(throws: LimitRefusals.self) {
            try table.reserve([LimitUse(limit, bucket: "k")], { _ in LimitAmounts(requests: 1) }, now: Self.noon - 86_400_000)
        }
    }

    @Test("Cache reads count where a limit says so", arguments: [(false, 5), (true, 25)])
    func cached(counts: Bool, expected: Int) throws {
        let limit = Self.limit(LimitRate(.tokens, per: .day, most: 100), cached: counts)
        let table = Self.table()
        let reservation = try table.reserve([LimitUse(limit, bucket: "k")], { _ in LimitAmounts(requests: 1) }, now: Self.noon)
        table.settle(reservation, used: LimitAmounts(requests: 1, tokens: 5, cachedTokens: 20), now: Self.noon)
        #expect(Self.used(table, limit, now: Self.noon) == [expected])
    }

    @Test("A dearer target reserves the difference, or nothing changes")
    func reprices() throws {
        let limit = Self.limit(LimitRate(.cost, per: .day, most: 100))
        let table = Self.table()
        let uses = [LimitUse(limit, bucket: "k")]
        var reservation: LimitReservation? = try table.reserve(
            uses, { _ in LimitAmounts(requests: 1, nanoDollars: 40) }, now: Self.noon)
        #expect(table.change(&reservation, uses, to: { _ in LimitAmounts(requests: 1, nanoDollars: 101) }, now: Self.noon) != nil)
        #expect(table.figures([limit], now: Self.noon).map(\.reserved) == [40])
        #expect(table.change(&reservation, uses, to: { _ in LimitAmounts(requests: 1, nanoDollars: 100) }, now: Self.noon) == nil)
        #expect(table.figures([limit], now: Self.noon).map(\.reserved) == [100])
        #expect(table.change(&reservation, uses, to: { _ in LimitAmounts(requests: 1, nanoDollars: 1) }, now: Self.noon) == nil)
        #expect(table.figures([limit], now: Self.noon).map(\.reserved) == [1])
    }

    @Test("A blocked bucket refuses, ends what is in flight, and opens again")
    func blocks() throws {
        let limit = Self.limit(LimitRate(.requests, per: .day, most: 10))
        let table = Self.table()
        let use = LimitUse(limit, bucket: "k")
        let reservation = try table.reserve([use], { _ in LimitAmounts(requests: 1) }, now: Self.noon)
        let before = table.blockCount
        #expect(table.block(of: reservation, [use], now: Self.noon) == nil)
        table.block(use, until: Self.noon + 1_000)
        #expect(table.blockCount != before)
        #expect(table.block(of: reservation, [use], now: Self.noon)?.wait == .milliseconds(1_000))
        #expect(throws: LimitRefusals.self) { try table.reserve([use], { _ in LimitAmounts(requests: 1) }, now: Self.noon) }
        #expect(table.share(left: use, now: Self.noon) == 0)
        _ = try table.reserve([use], { _ in LimitAmounts(requests: 1) }, now: Self.noon + 1_000)
        table.block(use, until: .max)
        #expect(table.block(of: reservation, [use], now: Self.noon + 2_000)?.wait == .never)
        table.block(use, until: 0)
        _ = try table.reserve([use], { _ in LimitAmounts(requests: 1) }, now: Self.noon + 3_000)
    }

    @Test("What is reset begins at zero; what is in flight stays reserved", arguments: [LimitRate.Kind?.none, .tokens])
    func resets(kind: LimitRate.Kind?) throws {
        let limit = Self.limit(LimitRate(.tokens, per: .day, most: 100), LimitRate(.cost, per: .month, most: 100))
        let table = Self.table()
        let use = LimitUse(limit, bucket: "k")
        let need = LimitAmounts(requests: 1, tokens: 9, nanoDollars: 4)
        let first = try table.reserve([use], { _ in need }, now: Self.noon)
        _ = try table.reserve([use], { _ in need }, now: Self.noon)
        table.settle(first, used: need, now: Self.noon)
        table.reset(limit: limit.id, bucket: "k", kind: kind)
        let figures = table.figures([limit], now: Self.noon)
        #expect(figures.map(\.used) == [0, kind == nil ? 0 : 4])
        #expect(figures.map(\.reserved) == [9, 4])
    }

    @Test("Names that clients choose fill nothing for ever")
    func bounded() throws {
        let limit = UsageLimit(.entry, name: "s", rates: [LimitRate(.requests, per: .day, most: 9)], noun: "session")
        let table = Self.table()
        for index in 0..<(LimitTable.mostBuckets + 5_000) {
            let reservation = try table.reserve(
                [LimitUse(limit, bucket: "s\(index)")], { _ in LimitAmounts(requests: 1) }, now: Self.noon + index)
            table.settle(reservation, used: LimitAmounts(requests: 1), now: Self.noon + index)
        }
        let kept = table.state.withLock { ($0.limits[limit.id]?.count ?? 0, $0.slots.count) }
        #expect(kept.0 <= LimitTable.mostBuckets && kept.1 <= LimitTable.mostBuckets + 1)
    }

    @Test("A bucket is forgotten after thirty days, and never within its month")
    func forgets() throws {
        let limit = Self.limit(LimitRate(.cost, per: .total, most: 100))
        let table = Self.table()
        let reservation = try table.reserve([LimitUse(limit, bucket: "k")], { _ in LimitAmounts(requests: 1) }, now: Self.noon)
        table.settle(reservation, used: LimitAmounts(requests: 1, nanoDollars: 5), now: Self.noon)
        #expect(Self.used(table, limit, now: Self.noon + 29 * 86_400_000) == [5])
        let later = Self.noon + 32 * 86_400_000
        for _ in 0..<4 { _ = table.standing([], now: later) }
        #expect(Self.used(table, limit, now: later) == [0])
    }
}
