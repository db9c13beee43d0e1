import Testing

@testable import ProxyCore

@Suite struct AuditLogTests {
    private func entry(_ number: Int, time: Int? = nil) -> AuditEntry {
        AuditEntry(
            time: time ?? noon + number, who: "ops", address: "127.0.0.1", action: "key.disable", target: "key_\(number)",
            detail: number.isMultiple(of: 2) ? "alice" : nil, result: "ok")
    }

    @Test func entriesOutliveTheProcessAndAreReadFromTheNewest() async throws {
        let directory = try ScratchDirectory()
        let ledger = try UsageLedger.open(directory)
        let log = AuditLog(storedWith: ledger)
        for number in 1...5 { try await log.record(entry(number)) }
        await ledger.close()
        await #expect(throws: (any Error).self) { try await log.record(entry(6)) }

        let again = try UsageLedger.open(directory)
        let later = AuditLog(storedWith: again)
        try await later.record(entry(6))
        let all = try await later.entries(AuditQuery())
        #expect(all.map(\.id) == [6, 5, 4, 3, 2, 1])
        #expect(all.map(\.target) == (1...6).reversed().map { "key_\($0)" })
        #expect(all.map(\.detail) == ["alice", nil, "alice", nil, "alice", nil])
        #expect(try await later.entries(AuditQuery(since: noon + 3, before: 6)).map(\.id) == [5, 4, 3])
        #expect(try await later.entries(AuditQuery(beforeTime: noon + 3)).map(\.id) == [2, 1])
        #expect(try await later.entries(AuditQuery(limit: 2)).map(\.id) == [6, 5])
        await again.close()
    }

    @Test(arguments: ["UPDATE audit SET who = 'nobody'", "DELETE FROM audit", "DELETE FROM audit WHERE id = 1"])
    func whatIsInTheLogStaysAsItIs(_ sql: String) throws {
        let directory = try ScratchDirectory()
        let store = try SQLiteStore(path: directory.path + "/proxyd.sqlite")
        try store.add(entry(1))
        #expect(throws: (any Error).self) { try store.write { try $0.execute(sql: sql) } }
        #expect(try store.auditEntries(AuditQuery()).map(\.who) == ["ops"])
        try store.close()
    }
}
