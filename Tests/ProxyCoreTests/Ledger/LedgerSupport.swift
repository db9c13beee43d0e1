import Dialects
import Foundation
import Glibc
import Logging
import Synchronization
import Testing

@testable import ProxyCore

/// A directory of its own for one test, gone with the last reference.
final class ScratchDirectory: Sendable {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("proxyd-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// What a process killed at this moment would leave behind.
    func copy() throws -> ScratchDirectory {
        let other = try ScratchDirectory()
        try FileManager.default.removeItem(atPath: other.path)
        try FileManager.default.copyItem(atPath: path, toPath: other.path)
        return other
    }

    func files(in folder: String = "") throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path + "/" + folder).sorted()
    }
}

/// Keeps what is logged.
final class LogLines: Sendable {
    private let lines = Mutex<[String]>([])

    var all: [String] { lines.withLock { $0 } }
    var logger: Logger { Logger(label: "test") { _ in Handler(lines: self) } }

    private struct Handler: LogHandler {
        let lines: LogLines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.info

        init(lines: LogLines) { self.lines = lines }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            lines.lines.withLock { $0.append("\(event.level): \(event.message) \(event.metadata ?? [:])") }
        }
    }
}

/// Midday of the 11th of February 2026, UTC.
let noon = 1_770_811_200

extension UsageRecord {
    static func sample(
        _ number: Int, key: String = "key_a", model: String = "claude", time: Int = noon, input: Int = 10, output: Int = 5
    ) -> UsageRecord {
        UsageRecord(
            requestID: "req_\(number)", keyID: key, time: time, model: model,
            labels: UsageLabels(upstream: "antigravity", account: "main", rule: "opus"),
            usage: TokenUsage(uncachedInput: input, output: output), provenance: .reported, cost: 100)
    }
}

extension UsageRecord {
    /// One of which every member says something.
    static var full: UsageRecord {
        var record = UsageRecord(
            requestID: "req_full", keyID: "key_1", time: noon, model: "served",
            labels: UsageLabels(
                upstream: "up", account: "main", rule: "rule", tags: ["team": "rule's", "job": "nightly"], tier: "up/served"),
            usage: TokenUsage(
                uncachedInput: 10, cacheRead: 200, cacheWrite: 3_000, output: 40_000, reasoning: 5, cacheWriteHour: 1_000),
            provenance: .estimated, cost: 77, key: KeyLabels(policy: "team", tags: ["team": "infra"]))
        (record.priced, record.isCounted) = (false, false)
        record.question = Question(dialect: .responses, model: "asked", session: "session-1", agent: "agent-1")
        record.course.steps = [
            Step(tier: "first", account: "a", reason: "cooldown"), Step(tier: "second", account: "", status: 529, reason: "5xx"),
        ]
        record.course.isAnswered = false
        record.course.status = 503
        record.course.outcome = RecordedOutcome(Outcome(.client, in: .relay, .gone))
        record.course.firstByteMilliseconds = 0
        record.course.durationMilliseconds = 12_345
        record.course.millisecond = 678
        record.charges = [
            LimitCharge(limit: "limit team budget", bucket: "infra"), LimitCharge(limit: "policy team", bucket: "key_1"),
        ]
        return record
    }
}

extension UsageJournal {
    func append(_ record: UsageRecord) throws(LedgerFailure) { try append(PendingUsage([record])) }
    func append(contentsOf records: [UsageRecord]) throws(LedgerFailure) { try append(PendingUsage(records)) }
}

extension UsageLedger {
    func append(contentsOf records: [UsageRecord]) throws(LedgerFailure) { try append(PendingUsage(records)) }
}

extension UsageLedger.Options {
    /// Nothing is booked but by a flush, nobody is reminded, and it is noon.
    static var manual: UsageLedger.Options {
        var options = UsageLedger.Options()
        options.bookingDelayMilliseconds = 1 << 30
        options.reminderSeconds = 1 << 20
        options.now = { noon }
        options.limitTime = { .at(noon * 1000) }
        return options
    }
}

extension UsageLedger {
    static func open(
        _ directory: ScratchDirectory, timeZone: Zone = .utc, logger: Logger = LogLines().logger, options: Options = .manual
    ) throws -> UsageLedger {
        // The ledger keeps its directory from being cleaned up.
        var options = options
        let now = options.now
        options.now = { withExtendedLifetime(directory) { now() } }
        return try UsageLedger(directory: directory.path, timeZone: timeZone, logger: logger, options: options)
    }
}

/// A store in memory, which can be made to fail.
final class MemoryStore: Store {
    struct Refused: Error {}

    struct State {
        var position: JournalPosition?
        var rows: [UsageBatch.Row] = []
        var keys: [String: StoredKey] = [:]
        var audit: [AuditEntry] = []
        var isFailing = false
        /// How often all keys were read.
        var keyReads = 0
    }

    let state = Mutex(State())

    var requests: Int { state.withLock { $0.rows.reduce(0) { $0 + $1.amounts.requests } } }

    func bookedPosition() -> JournalPosition? { state.withLock { $0.position } }

    func book(_ batch: UsageBatch) throws {
        try state.withLock {
            if $0.isFailing { throw Refused() }
            guard $0.position ?? batch.from < batch.upTo else { return }
            $0.rows += batch.rows
            $0.position = batch.upTo
        }
    }

    func move(to position: JournalPosition) { state.withLock { $0.position = position } }
    func checkpoint() {}

    func totals() -> UsageAmounts {
        state.withLock { $0.rows.reduce(into: UsageAmounts()) { $0 += $1.amounts } }
    }

    func keyTotals() -> [String: KeyTotals] { [:] }
    func usage(ofKey id: String, mostHours: Int) -> KeyUsage { KeyUsage() }
    func keyAmounts(on date: LocalDate) -> [String: UsageAmounts] { [:] }
    func latestDay() -> LocalDate? { nil }
    func days(_ date: LocalDate?, before end: LocalDate?, limit: Int, names: [String: String]) -> [DayUsage] { [] }
    func hours(_ date: LocalDate?, before end: LocalHour?, limit: Int) -> [HourUsage] { [] }
    func grouped(by groups: [UsageGroup], from first: LocalDate?, to last: LocalDate?) -> [GroupedUsage] { [] }
    func limitSums(day: LocalDate, monthStart: LocalDate, usedSince since: Int) -> [LimitSums] { [] }
    func limitDays(after day: LocalDate) -> [LimitDay] { [] }
    func knowsLimit(_ limit: String, bucket: String) -> Bool { false }
    func resetLimit(_ reset: LimitReset, on day: LocalDate) {}
    func limitResets() -> [LimitReset] { [] }
    func setLimitBlock(_ limit: String, bucket: String, until: Int?, title: String) {}
    func limitBlocks() -> [LimitBlock] { [] }
    func reviveLimits(usedSince since: Int) {}
    func forgetLimits(unusedSince: Int) {}
    func foldLimits(before day: LocalDate, limit: Int) -> Bool { false }
    func requests(_ filter: RequestFilter) -> RequestPage { RequestPage() }
    func forEachRequest(_ filter: RequestFilter, _ body: (EncodedUsage) -> Void) -> RequestCursor? { nil }
    func forEachRequest(ofLatest most: Int, _ body: (EncodedUsage) -> Void) {}
    func newestRequest() -> Int? { nil }
    func deleteRequests(before: Int, limit: Int) -> Bool { false }
    func keyNames() -> [String: String] { state.withLock { $0.keys.mapValues(\.name) } }

    func keys() -> [StoredKey] {
        state.withLock {
            $0.keyReads += 1
            return Array($0.keys.values)
        }
    }

    func save(_ keys: [StoredKey]) throws {
        try state.withLock {
            if $0.isFailing { throw Refused() }
            for key in keys { $0.keys[key.id] = key }
        }
    }

    func add(_ keys: [(key: StoredKey, usage: ImportedKey)]) throws { try save(keys.map(\.key)) }

    func close() {}

    func copy(to path: String) throws { throw Refused() }
    func check() -> [String] { [] }
    func counts() -> (keys: Int, requests: Int)? { (keys().count, requests) }

    func add(_ entry: AuditEntry) throws {
        try state.withLock {
            if $0.isFailing { throw Refused() }
            $0.audit.append(entry)
        }
    }

    func auditEntries(_ query: AuditQuery) -> [AuditEntry] { state.withLock { Array($0.audit.reversed().prefix(query.limit)) } }
}

/// A disk of so many bytes.
final class SmallDisk: Sendable {
    private let free: Mutex<Int>
    /// Of one write; nil for no bound.
    private let mostAtOnce: Int?
    private let interruptions: Mutex<Int>

    init(free: Int, mostAtOnce: Int? = nil, interruptions: Int = 0) {
        self.free = Mutex(free)
        self.mostAtOnce = mostAtOnce
        self.interruptions = Mutex(interruptions)
    }

    func setFree(_ bytes: Int) { free.withLock { $0 = bytes } }

    @Sendable func write(_ file: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
        let isInterrupted = interruptions.withLock { left in
            left -= 1
            return left >= 0
        }
        if isInterrupted { return -Int(EINTR) }
        return free.withLock { free in
            let count = min(bytes.count, free, mostAtOnce ?? .max)
            guard count > 0 else { return -Int(ENOSPC) }
            free -= count
            return Glibc.write(file, bytes.baseAddress, count)
        }
    }
}

/// A clock that a test sets.
final class Clock: Sendable {
    private let time = Mutex(noon)

    /// Seconds since 1970.
    var now: Int {
        get { time.withLock { $0 } }
        set { time.withLock { $0 = newValue } }
    }
}
