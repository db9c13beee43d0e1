import Foundation
import GRDB
import Testing

@testable import ProxyCore

@Suite struct RequestRowTests {
    @Test func anOutcomeIsKeptInAByte() {
        #expect(RecordedOutcome(.done(in: .relay)) == .answered)
        for party in Outcome.Party.allCases {
            for stage in Outcome.Stage.allCases {
                let kept = RecordedOutcome(code: RecordedOutcome(Outcome(party, in: stage)).code)
                #expect(kept.description == "\(party.label)/\(stage.label)" && kept != .crash)
            }
        }
        #expect(RecordedOutcome(code: 250).description == "unknown")
    }

    @Test func everyMemberOfARecordComesBack() async throws {
        let directory = try ScratchDirectory()
        let ledger = try UsageLedger.open(directory)
        try ledger.append(contentsOf: [.full, .sample(1)])
        let records = try await ledger.requests(RequestFilter()).records
        #expect(records.first?.requestID == "req_1")
        #expect(records.last == .full)
        #expect(records.last?.attempts.map(\.reason) == ["cooldown", "5xx"])
        #expect(records.last?.tags == ["team": "infra", "job": "nightly"])
        await ledger.close()
    }

    @Test func pagesFollowOneAnotherWithoutAGap() async throws {
        let directory = try ScratchDirectory()
        let ledger = try UsageLedger.open(directory)
        for number in 0..<700 {
            try ledger.append(Self.numbered(number))
            if number % 150 == 0 { await ledger.flush() }
        }
        for size in [1, 7, 100, 699, 700, 1_000] {
            var filter = RequestFilter()
            filter.limit = size
            var seen: [String] = []
            repeat {
                let page = try await ledger.requests(filter)
                #expect(page.records.count <= size)
                seen += page.records.map(\.requestID)
                filter.before = try page.next.map { try #require(RequestCursor($0.description)) }
                if size == 1, seen.count == 50 { break }
            } while filter.before != nil
            let expected = (0..<700).reversed().map { "req_\($0)" }
            #expect(seen == Array(expected.prefix(size == 1 ? 50 : 700)))
        }
        await ledger.close()
    }

    /// However rare what is asked for is, one call looks at a bounded stretch only; the pages together have all of it, and once.
    @Test func aSearchGoesOnWhereItsTimeWasUp() async throws {
        let directory = try ScratchDirectory()
        let ledger = try UsageLedger.open(directory)
        for number in 0..<900 {
            try ledger.append(Self.numbered(number))
            if number % 20 == 0 { await ledger.flush() }
        }
        await ledger.flush()
        let changes: [(inout RequestFilter) -> Void] = [
            { _ in }, { $0.status = 429...429 }, { $0.session = "session_4" }, { $0.session = "nobody's" },
            { ($0.keyIDs, $0.since) = (["key_3"], (noon + 100) * 1000) }, { $0.until = (noon + 700) * 1000 },
        ]
        for change in changes {
            var filter = RequestFilter()
            filter.limit = 1_000
            change(&filter)
            let whole = try ledger.store.requests(filter)
            #expect(whole.next == nil)
            for (work, limit) in [(1, 1_000), (1, 1), (100, 7), (400, 1_000)] {
                (filter.mostWork, filter.limit, filter.before) = (work, limit, nil)
                var (seen, pages) = ([UsageRecord](), 0)
                repeat {
                    let page = try ledger.store.requests(filter)
                    // No more than one block beyond the work.
                    #expect(page.records.count <= min(limit, work + RequestBlock.maximumCount))
                    seen += page.records
                    pages += 1
                    filter.before = page.next
                } while filter.before != nil && pages < 2_000
                #expect(seen == whole.records)
                if work == 1 { #expect(pages > 30) }
            }
        }
        await ledger.close()
    }

    @Test func requestsAreFoundByWhatIsAsked() async throws {
        let directory = try ScratchDirectory()
        let ledger = try UsageLedger.open(directory)
        for number in 0..<100 {
            try ledger.append(Self.numbered(number))
            if number % 10 == 0 { await ledger.flush() }
        }
        func numbers(_ change: (inout RequestFilter) -> Void) async throws -> [Int] {
            var filter = RequestFilter()
            change(&filter)
            return try await ledger.requests(filter).records.compactMap { Int($0.requestID.dropFirst(4)) }.reversed()
        }
        #expect(try await numbers { $0.keyIDs = ["key_3"] } == Array(stride(from: 3, to: 100, by: 10)))
        #expect(try await numbers { $0.keyIDs = ["key_3", "key_4"] }.count == 20)
        #expect(try await numbers { $0.keyIDs = [] } == [])
        #expect(try await numbers { $0.model = "model_1" } == Array(stride(from: 1, to: 100, by: 3)))
        #expect(try await numbers { $0.session = "session_4" } == Array(stride(from: 4, to: 100, by: 5)))
        #expect(try await numbers { $0.session = "session_9" } == [])
        #expect(try await numbers { $0.status = 400...499 } == Array(stride(from: 0, to: 100, by: 4)))
        #expect(try await numbers { $0.since = (noon + 90) * 1000 } == Array(90..<100))
        #expect(try await numbers { $0.until = (noon + 5) * 1000 } == Array(0...5))
        #expect(
            try await numbers {
                ($0.model, $0.keyIDs, $0.status) = ("model_0", ["key_6"], 200...299)
            } == [6, 66])
        await ledger.close()
    }

    @Test func oldOnesAreDeletedAndNewOnesStay() async throws {
        let directory = try ScratchDirectory()
        let ledger = try UsageLedger.open(directory)
        for day in 0..<20 {
            try ledger.append(.sample(day, time: noon + day * 86_400))
            await ledger.flush()
        }
        let before = (noon + 10 * 86_400) * 1000
        #expect(try ledger.store.deleteRequests(before: before, limit: 4))
        #expect(try ledger.store.deleteRequests(before: before, limit: 4))
        #expect(try !ledger.store.deleteRequests(before: before, limit: 4))
        #expect(try await ledger.requests(RequestFilter()).records.map(\.requestID) == (10..<20).reversed().map { "req_\($0)" })
        #expect(try await ledger.totals().requests == 20)
        await ledger.close()
    }

    /// A clock that is put back, and one that is absurd, lose no request and mix up no page.
    @Test func clocksMayJump() async throws {
        let directory = try ScratchDirectory()
        let ledger = try UsageLedger.open(directory)
        for (number, time) in [noon, noon - 90_000, noon + 5, 0, .max, noon].enumerated() {
            try ledger.append(.sample(number, time: time))
            await ledger.flush()
        }
        let records = try await ledger.requests(RequestFilter()).records
        #expect(records.map(\.requestID) == (0..<6).reversed().map { "req_\($0)" })
        await ledger.close()
    }

    @Test func damagedBlocksHoldWhatIsWhole() throws {
        let bytes: [UInt8] = [2, 0, 0, 0, 8, 9, 3, 0, 0, 0, 1]
        #expect(bytes.withUnsafeBytes { RequestBlock.payloads(in: $0).map { Array($0) } } == [[8, 9]])
        for cut in bytes.indices { _ = bytes[..<cut].withUnsafeBytes { RequestBlock.payloads(in: $0).count } }
        #expect([255, 255, 255, 255, 1].withUnsafeBytes { RequestBlock.payloads(in: $0).isEmpty })
    }

    @Test(arguments: ["", "1", "-", "1-", "-1", "a-1", "1-2-3", "-1-2", "99999999999999999999-1", "1--1"])
    func whatIsNoCursorIsTold(_ text: String) {
        #expect(RequestCursor(text) == nil)
    }

    // MARK: -

    private static func numbered(_ number: Int) -> UsageRecord {
        var record = UsageRecord.sample(number, key: "key_\(number % 10)", model: "model_\(number % 3)", time: noon + number)
        record.question.session = "session_\(number % 5)"
        record.course.status = number % 4 == 0 ? 429 : 200
        return record
    }
}
