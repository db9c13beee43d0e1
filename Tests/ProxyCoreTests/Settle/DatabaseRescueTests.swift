import Foundation
import GRDB
import Testing

@testable import ProxyCore

@Suite struct DatabaseRescueTests {
    /// Bytes anywhere in the file are written over: the process starts, says so, and has all that can still be read.
    @Test func aDamagedDatabaseIsSetAsideAndBuiltAnew() async throws {
        let directory = try ScratchDirectory()
        let ledger = try UsageLedger.open(directory)
        for number in 0..<3_000 { try ledger.append(.sample(number, key: "key_\(number % 300)", time: noon + number * 60)) }
        let key = StoredKey(
            id: "key_1", name: "one", digest: KeyDigest(hashing: "sk-1"), masked: "sk…", policy: "default", tags: [:],
            enabled: true, created: noon, source: .admin)
        await ledger.flush()
        try ledger.store.save([key])
        await ledger.close()
        let whole = try Data(contentsOf: URL(fileURLWithPath: directory.path + "/proxyd.sqlite"))
        var rescued = 0
        for page in 0..<(whole.count / 4_096) {
            let copy = try directory.copy()
            var bytes = whole
            bytes.replaceSubrange(page * 4_096..<page * 4_096 + 64, with: [UInt8](repeating: 0xA5, count: 64))
            try bytes.write(to: URL(fileURLWithPath: copy.path + "/proxyd.sqlite"))
            let log = LogLines()
            let reopened = try UsageLedger.open(copy, logger: log.logger)
            let aside = try copy.files().contains { $0.hasPrefix("proxyd.sqlite.damaged-") }
            #expect(log.all.contains { $0.contains("is damaged; it is set aside") } == aside, "page \(page)")
            if aside { rescued += 1 }
            // One page holds a part of one table.
            let keys = try reopened.store.keys().count
            let requests = try await reopened.totals().requests
            #expect(page == 0 || keys == 1 || requests == 3_000, "page \(page)")
            try reopened.append(.sample(9_999))
            #expect(try await reopened.totals().requests == requests + 1)
            await reopened.close()
        }
        #expect(rescued > 10)
    }

    @Test(arguments: ["nonsense", String(repeating: "SQLite format 3\u{0}", count: 300)])
    func whatIsNoDatabaseIsSetAside(_ text: String) async throws {
        let directory = try ScratchDirectory()
        try Data(text.utf8).write(to: URL(fileURLWithPath: directory.path + "/proxyd.sqlite"))
        let log = LogLines()
        let ledger = try UsageLedger.open(directory, logger: log.logger)
        #expect(try await ledger.totals().requests == 0)
        let aside = try directory.files().filter { $0.contains("damaged") }
        #expect(aside == ["proxyd.sqlite.damaged-\(noon)"])
        #expect(log.all.contains { $0.contains("missing") })
        await ledger.close()
    }

    /// Usage that was booked before there were places is in the grouped reports, too.
    @Test func anOldDatabaseIsBroughtUpToDate() async throws {
        let directory = try ScratchDirectory()
        let path = directory.path + "/proxyd.sqlite"
        let database = try DatabaseQueue(path: path)
        try SQLiteStore.migrator.migrate(database, upTo: "1: keys and usage")
        try await database.write { database in
            try database.execute(
                sql: """
                    INSERT INTO key VALUES ('k', 'name', NULL, '', 'default', '{"team":"infra"}', 1, 5, NULL, 'declared', NULL);
                    INSERT INTO usage_key VALUES ('k', 9, 2, 10, 0, 0, 5, 0, 100, 0, 0);
                    INSERT INTO usage_hour VALUES (2026021112, 'k', 'm', 1, 10, 0, 0, 5, 0, 100, 0, 0);
                    INSERT INTO usage_hour VALUES (2026021112, 'gone', 'm', 1, 1, 0, 0, 1, 0, 0, 0, 0);
                    """)
        }
        try database.close()
        let ledger = try UsageLedger.open(directory)
        #expect(try await ledger.totals().requests == 2)
        let store = try #require(ledger.store as? SQLiteStore)
        let places = try store.read { database in
            try String.fetchAll(
                database,
                sql: "SELECT key_id || tags || cost || '/' || unpriced FROM usage_place JOIN place ON id = place ORDER BY key_id")
        }
        #expect(places == ["gone{}0/1", #"k{"team":"infra"}100/0"#])
        await ledger.close()
    }
}
