import Foundation
import GRDB
import Testing

@testable import ProxyCore

@Suite struct DatabaseRescueTests {
    /// Bytes anywhere in the file are written over: the process starts, says so, and has all that can still be read.
    @Test func aDamagedDatabaseIsSetAsideAndBuiltAnew() async throws {
        let directory = try await Self.filled()
        var (rescued, unreadable) = (0, 0)
        try await Self.forEachPage(of: directory) { page, copy in
            let log = LogLines()
            let reopened = try UsageLedger.open(copy, logger: log.logger)
            let aside = try copy.files().contains { $0.hasPrefix("proxyd.sqlite.damaged-") }
            #expect(log.all.contains { $0.contains("is damaged; it is set aside") } == aside, "page \(page)")
            if aside { rescued += 1 }
            #expect(try copy.files().allSatisfy { !$0.contains(".rescue") }, "page \(page)")
            // One page holds a part of one table, or of what says which tables there are.
            let there = try Self.counts(reopened)
            // Of a lost place its number is known, and it gets a name.
            let less = Self.rows.filter { $0.key != "place" && there[$0.key] != $0.value }.map(\.key)
            if log.all.contains(where: { $0.contains("nothing can be read") }) {
                unreadable += 1
            } else {
                #expect(less.count <= 1, "page \(page): \(less)")
            }
            #expect(less.isEmpty || log.all.contains { $0.contains("missing") }, "page \(page): \(less)")
            let requests = try await reopened.totals().requests
            #expect(requests == Self.records || less == ["usage_key"], "page \(page)")
            try reopened.append(.sample(99_999))
            #expect(try await reopened.totals().requests == requests + 1)
            // Reports have all of it, also where the name of a place is lost.
            let store = try #require(reopened.store as? SQLiteStore)
            let booked = try store.read { try Int.fetchOne($0, sql: "SELECT CAST(total(requests) AS INTEGER) FROM usage_place") }
            let byHour = try store.grouped(by: [.hour], from: nil, to: nil).reduce(0) { $0 + $1.amounts.requests }
            let byModel = try store.grouped(by: [.model], from: nil, to: nil).reduce(0) { $0 + $1.amounts.requests }
            #expect(byHour == booked, "page \(page)")
            #expect(byModel == Self.records + 1, "page \(page)")
            await reopened.close()
        }
        #expect(rescued > 0)
        #expect(unreadable < 5)
    }

    /// Each table of the schema is saved, and looked at when a database is opened.
    @Test func everyTableIsSaved() throws {
        let directory = try ScratchDirectory()
        let store = try SQLiteStore(path: directory.path + "/x.sqlite")
        defer { try? store.close() }
        let tables = try store.read { database in
            let sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE 'grdb%'"
            return try String.fetchSet(database, sql: sql)
        }
        #expect(tables == Set(SQLiteStore.tables))
        #expect(SQLiteStore.tables.count == tables.count)
    }

    // MARK: - A rescue that does not come to its end

    /// The disk is full at any moment of it: the start is refused, the damaged database is where it was, and a start with room for
    /// it saves what there is.
    @Test func aRescueWithoutRoomChangesNothing() async throws {
        let directory = try await Self.filled()
        let path = directory.path + "/proxyd.sqlite"
        try Self.damage(path, page: Self.pages(path) / 2)
        let damaged = try Data(contentsOf: URL(fileURLWithPath: path))
        let expected = try await Self.rescued(directory.copy())
        var refused = 0
        for pages in stride(from: 2, to: damaged.count / 4_096 - 1, by: 23) {
            let copy = try directory.copy()
            let log = LogLines()
            let path = copy.path + "/proxyd.sqlite"
            var rescue = DatabaseRescue(path: path, logger: log.logger, now: noon)
            rescue.prepare = { try $0.execute(sql: "PRAGMA max_page_count = \(pages)") }
            do {
                try rescue.open({ try SQLiteStore(path: $0) }, { _ in }).store.close()
            } catch {
                refused += 1
                #expect("\(error)".contains("cannot be built anew"), "\(error)")
                #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == damaged, "\(pages) pages")
                #expect(try copy.files().allSatisfy { !$0.contains("damaged-") && !$0.contains("rescue") }, "\(pages) pages")
                #expect(!log.all.contains { $0.contains("rows saved") })
            }
            #expect(try await Self.rescued(copy) == expected, "\(pages) pages")
        }
        #expect(refused > 2)
    }

    /// The process ends after any step: what the next one finds is what the rescue would have come to.
    @Test func aRescueThatWasInterruptedIsFinished() async throws {
        let directory = try await Self.filled()
        let path = directory.path + "/proxyd.sqlite"
        try Self.damage(path, page: Self.pages(path) / 2)
        for suffix in ["-wal", "-shm"] { try Data("old".utf8).write(to: URL(fileURLWithPath: path + suffix)) }
        let done = try directory.copy()
        let expected = try await Self.rescued(done)
        #expect((expected["audit"] ?? 0) + (expected["key"] ?? 0) > 0)
        let whole = try Data(contentsOf: URL(fileURLWithPath: done.path + "/proxyd.sqlite"))
        func file(_ folder: ScratchDirectory, _ name: String) -> URL {
            URL(fileURLWithPath: folder.path + "/proxyd.sqlite" + name)
        }
        // Steps: a part of the new one; all of it, but no name; its name; the old one's files away, one by one.
        for step in 0..<6 {
            let copy = try directory.copy()
            switch step {
            case 0: try whole.prefix(whole.count / 2).write(to: file(copy, ".rescue"))
            case 1: try whole.write(to: file(copy, ".rescue"))
            default: try whole.write(to: file(copy, ".rescued-\(noon)"))
            }
            for suffix in ["-wal", "-shm", ""].prefix(max(0, step - 2)) {
                try FileManager.default.moveItem(at: file(copy, suffix), to: file(copy, ".damaged-\(noon)" + suffix))
            }
            #expect(!StateFiles.isEmpty(copy.path), "step \(step)")
            // The next process made an empty one, and ended too.
            if step == 5 { try Data().write(to: file(copy, "")) }
            #expect(try await Self.rescued(copy) == expected, "step \(step)")
            let names = try copy.files()
            #expect(names.contains("proxyd.sqlite.damaged-\(noon)"), "step \(step)")
            #expect(!names.contains { $0.contains(".rescue") }, "step \(step)")
        }
    }

    /// A database that is damaged a second time does not cost what was set aside the first time.
    @Test func whatWasSetAsideIsKept() async throws {
        let directory = try await Self.filled()
        let path = directory.path + "/proxyd.sqlite"
        for count in 1...3 {
            try Data("nonsense \(count)".utf8).write(to: URL(fileURLWithPath: path))
            try await UsageLedger.open(directory).close()
            #expect(try directory.files().count { $0.hasPrefix("proxyd.sqlite.damaged-") } == count)
        }
    }

    // MARK: - Damage that no start looks for

    /// Of a great database only what is read anyway is looked at: wherever the damage is, no start fails for it, and what is met
    /// while it is in use the next start mends. Nothing that was appended is lost.
    @Test func damageThatIsMetLateIsMendedByTheNextStart() async throws {
        let directory = try await Self.filled()
        try await Self.forEachPage(of: directory) { page, copy in _ = try await Self.meetsLate(page, copy) }
        // The one of these that is in the middle of what reports add up is read by no start, and by no booking.
        var met = 0
        for page in try Self.pages(directory.path + "/proxyd.sqlite", holding: "model 181") {
            let copy = try directory.copy()
            try Self.damage(copy.path + "/proxyd.sqlite", page: page)
            if try await Self.meetsLate(page, copy) { met += 1 }
        }
        #expect(met > 0)
    }

    /// Uses a great database of which a page is damaged, and opens it again. Whether the damage was met while it was in use.
    private static func meetsLate(_ page: Int, _ copy: ScratchDirectory) async throws -> Bool {
        var options = UsageLedger.Options.manual
        options.openStore = { try SQLiteStore(path: $0, small: 0) }
        let ledger = try UsageLedger.open(copy, options: options)
        let before = try await ledger.totals().requests
        try ledger.append(.sample(99_999, key: "key_1"))
        await ledger.flush()
        #expect(
            ledger.health == .ok || "\(ledger.health)".contains("the next start builds it anew"),
            "page \(page): \(ledger.health)")
        _ = try? await ledger.grouped(by: [.model], from: nil, to: nil)
        await ledger.close()
        let isMet = try copy.files().contains("proxyd.sqlite.is-damaged")
        let reopened = try UsageLedger.open(copy, options: options)
        await reopened.flush()
        #expect(reopened.health == .ok, "page \(page): \(reopened.health)")
        #expect(throws: Never.self, "page \(page)") { _ = try reopened.store.grouped(by: [.model], from: nil, to: nil) }
        #expect(throws: Never.self, "page \(page)") { _ = try reopened.store.keys() }
        #expect(try await reopened.totals().requests == before + 1, "page \(page)")
        await reopened.close()
        #expect(try !isMet || copy.files().contains { $0.hasPrefix("proxyd.sqlite.damaged-") }, "page \(page)")
        return isMet
    }

    /// Without the position that the journal is booked up to, what the store has of its records is not booked again.
    @Test(arguments: [
        "DELETE FROM journal_position", "UPDATE journal_position SET segment = 'x'", "UPDATE journal_position SET offset = -1",
    ])
    func aPositionThatIsLostBooksNothingTwice(_ sql: String) async throws {
        let directory = try await Self.filled()
        let store = try SQLiteStore(path: directory.path + "/proxyd.sqlite")
        try store.write { try $0.execute(sql: sql) }
        try store.close()
        #expect(try !directory.files(in: "journal").isEmpty)
        let ledger = try UsageLedger.open(directory)
        #expect(try await ledger.totals().requests == Self.records)
        let reopened = try #require(ledger.store as? SQLiteStore)
        let charged = try reopened.read { try Int.fetchOne($0, sql: "SELECT CAST(total(requests) AS INTEGER) FROM limit_day") }
        #expect(charged == Self.records)
        try ledger.append(.sample(99_999))
        #expect(try await ledger.totals().requests == Self.records + 1)
        await ledger.close()
    }

    // MARK: - What is damaged

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

    /// What the upgrade makes of old rows it makes of those that are saved.
    @Test func whatIsSavedOfAnOldDatabaseIsBroughtUpToDate() async throws {
        let directory = try ScratchDirectory()
        let (path, fresh) = (directory.path + "/old", directory.path + "/new")
        let database = try DatabaseQueue(path: path)
        try SQLiteStore.migrator.migrate(database, upTo: "1: keys and usage")
        try await database.write { database in
            try database.execute(
                sql: """
                    INSERT INTO key VALUES ('k', 'name', NULL, '', 'default', '{"team":"infra"}', 1, 5, NULL, 'declared', NULL);
                    INSERT INTO usage_key VALUES ('k', 9, 2, 10, 0, 0, 5, 0, 100, 0, 0);
                    INSERT INTO usage_hour VALUES (2026021112, 'k', 'm', 2, 10, 0, 0, 5, 0, 100, 0, 0);
                    INSERT INTO journal_position VALUES (1, 7, 8);
                    """)
        }
        try database.close()
        let salvage = try DatabaseSalvage(of: path, into: fresh) { _ in }
        #expect(salvage.isWhole)
        let store = try SQLiteStore(path: fresh)
        let groups = try store.grouped(by: [.tag("team")], from: nil, to: nil)
        #expect(groups.map(\.values) == [["infra"]])
        #expect(groups.first?.amounts.requests == 2)
        #expect(try store.totals().requests == 2)
        #expect(try store.bookedPosition() == JournalPosition(segment: 7, offset: 8))
        try store.close()
    }

    // MARK: -

    /// Rows by table of what `filled` makes.
    private static let rows = [
        "key": 40, "retired_secret": 40, "audit": 200, "usage_key": 150, "limit_day": 150, "usage_hour": records,
        "place": 100, "usage_place": records, "usage_place_day": records, "limit_block": 40, "limit_reset": 40,
        "journal_position": 1,
    ]
    private static let records = 450

    private static func counts(_ ledger: UsageLedger) throws -> [String: Int] {
        let store = try #require(ledger.store as? SQLiteStore)
        return try store.read { database in
            try rows.reduce(into: [:]) {
                $0[$1.key] = try Int.fetchOne(database, sql: "SELECT count(*) FROM (SELECT * FROM \($1.key) NOT INDEXED)") ?? 0
            }
        }
    }

    /// What there is once a ledger was opened.
    private static func rescued(_ directory: ScratchDirectory) async throws -> [String: Int] {
        let ledger = try UsageLedger.open(directory)
        let counts = try counts(ledger)
        await ledger.close()
        return counts
    }

    /// A state of which every table has rows: it is made once, and each who asks has a copy.
    private static func filled() async throws -> ScratchDirectory { try await whole.value.copy() }

    private static let whole = Task { try await made().keep() }

    private static func made() async throws -> ScratchDirectory {
        let directory = try ScratchDirectory()
        let ledger = try UsageLedger.open(directory)
        for number in 0..<records {
            var record = UsageRecord.sample(number, key: "key_\(number % 150)", model: "model \(number)", time: noon - number)
            record.labels = UsageLabels(
                upstream: "up", account: "main", rule: "rule \(number % 100) " + String(repeating: "r", count: 50))
            record.charges = [LimitCharge(limit: "policy default", bucket: "key_\(number % 150)")]
            try ledger.append(record)
        }
        let keys = (0..<40).map { number in
            StoredKey(
                id: "key_\(number)", name: "name \(number)", digest: KeyDigest(hashing: "sk-\(number)"), masked: "sk…",
                policy: "default", tags: [:], enabled: true, created: noon, source: .admin,
                retired: [RetiredSecret(digest: KeyDigest(hashing: "old-\(number)"), until: noon + 9_999)])
        }
        await ledger.flush()
        try ledger.store.save(keys)
        for number in 0..<200 {
            try ledger.store.add(
                AuditEntry(time: noon, who: "ops", address: "::1", action: "key.create", target: "\(number)", result: "ok"))
        }
        for number in 0..<40 {
            try ledger.store.setLimitBlock("limit \(number)", bucket: "b", until: noon * 2_000, title: "")
            try ledger.store.resetLimit(
                LimitReset(limit: "limit \(number)", bucket: "b", kind: nil, time: noon * 1_000),
                on: LocalDate(number: 20_260_211))
        }
        await ledger.close()
        return directory
    }

    private static func pages(_ path: String) throws -> Int { try Data(contentsOf: URL(fileURLWithPath: path)).count / 4_096 }

    /// The pages that hold a text.
    private static func pages(_ path: String, holding text: String) throws -> [Int] {
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        return (0..<bytes.count / 4_096).filter { page in
            bytes.range(of: Data(text.utf8), in: page * 4_096..<(page + 1) * 4_096) != nil
        }
    }

    private static func damage(_ path: String, page: Int) throws {
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        bytes.replaceSubrange(page * 4_096..<page * 4_096 + 64, with: [UInt8](repeating: 0xA5, count: 64))
        try bytes.write(to: URL(fileURLWithPath: path))
    }

    /// Shows a copy of the directory for each page of its database, in which that page is damaged.
    private static func forEachPage(
        of directory: ScratchDirectory, _ body: (_ page: Int, _ copy: ScratchDirectory) async throws -> Void
    ) async throws {
        // Each of them is a start of a whole ledger: of 28 pages one, other ones each time.
        for page in stride(from: Int.random(in: 0..<28), to: try pages(directory.path + "/proxyd.sqlite"), by: 28) {
            let copy = try directory.copy()
            try damage(copy.path + "/proxyd.sqlite", page: page)
            try await body(page, copy)
        }
    }
}
