import Admin
import Foundation
import RuleEngine
import Synchronization

@testable import ProxyCore

/// Keys in memory: one of the file, one made here.
final class FakeKeys: KeyAdministration {
    private let keys: Mutex<[ClientKey]>
    /// What was taken over.
    let imported = Mutex<[ImportedKey]>([])

    static let aliceKey = "sk-alice-0123456789-0123456789"
    static let alice = ClientKey(
        id: "key_alice", name: "alice", digest: AdminFixture.digest(of: aliceKey), masked: "sk-alice...6789",
        created: 1_770_000_000,
        source: .admin)
    static let ci = ClientKey(
        id: "declared:ci", name: "ci", digest: AdminFixture.digest(of: "sk-declared-key-of-ci"), masked: "sk-decla...f-ci",
        policy: "free", tags: ["team": "build"], created: 1_769_000_000, source: .declared)

    init(_ keys: [ClientKey] = [ci, alice]) { self.keys = Mutex(keys) }

    func list() -> [ClientKey] { keys.withLock { $0 } }

    func find(reference: String) -> ClientKey? {
        let found = list().first { $0.id == reference || $0.digest == AdminFixture.digest(of: reference) }
        let named = keys(named: reference)
        return found ?? (named.count == 1 ? named.first : nil)
    }

    func keys(named name: String) -> [ClientKey] { list().filter { $0.name == name } }

    /// Of names alone.
    var clashes: [String] {
        list().filter { $0.source == .declared && keys(named: $0.name).count > 1 }.map { "'\($0.name)' is the name of two keys" }
    }

    func create(
        name: String, policy: String?, tags: [String: String], expires: Int?
    ) async throws -> (key: ClientKey, plaintext: Secret) {
        guard name != "full" else { throw KeyFailure.storage("disk full at /secret/path") }
        guard !name.isEmpty else { throw KeyFailure.invalid("a key needs a name") }
        let plaintext = "sk-new-\(name)-0123456789"
        let key = ClientKey(
            id: "key_\(name)", name: name, digest: AdminFixture.digest(of: plaintext), masked: "sk-new-...6789",
            policy: policy ?? "default", tags: tags, created: AdminFixture.now, expires: expires, source: .admin)
        keys.withLock { $0.append(key) }
        return (key, Secret(plaintext))
    }

    /// Keeps what it is given, beside the keys; whoever is called `full` fails all.
    func add(_ keys: [ImportedKey]) async throws -> ImportResult {
        guard !keys.contains(where: { $0.name == "full" }) else { throw KeyFailure.storage("disk full at /secret/path") }
        return imported.withLock { imported in
            var result = ImportResult()
            for key in keys {
                if imported.contains(where: { $0.digest == key.digest }) {
                    result.known.append(key.name)
                } else {
                    imported.append(key)
                    result.imported.append(key.name)
                }
            }
            return result
        }
    }

    func setEnabled(_ isEnabled: Bool, id: String) async throws -> ClientKey {
        try keys.withLock { keys in
            guard let index = keys.firstIndex(where: { $0.id == id }) else { throw KeyFailure.notFound }
            keys[index] = keys[index].with(enabled: isEnabled)
            return keys[index]
        }
    }

    func rotate(id: String, overlapSeconds: Int) async throws -> (key: ClientKey, plaintext: Secret) {
        try keys.withLock { keys in
            guard let index = keys.firstIndex(where: { $0.id == id }) else { throw KeyFailure.notFound }
            guard keys[index].source == .admin else { throw KeyFailure.fixed(name: keys[index].name) }
            keys[index] = keys[index].with(overlapEnds: AdminFixture.now + overlapSeconds)
            return (keys[index], Secret("sk-rotated-0123456789"))
        }
    }

    func change(id: String, to change: KeyChange) async throws -> ClientKey {
        try keys.withLock { keys in
            if let other = keys.first(where: { $0.name == change.name && $0.id != id }) {
                throw KeyFailure.taken(name: other.name, id: other.id)
            }
            guard let index = keys.firstIndex(where: { $0.id == id }) else { throw KeyFailure.notFound }
            let old = keys[index]
            keys[index] = ClientKey(
                id: id, name: change.name ?? old.name, digest: old.digest, masked: old.masked,
                policy: change.policy ?? old.policy,
                tags: change.tags ?? old.tags, enabled: old.enabled, created: old.created, expires: change.expires ?? old.expires,
                source: old.source)
            return keys[index]
        }
    }

    func delete(id: String) async throws -> ClientKey {
        try keys.withLock { keys in
            guard let index = keys.firstIndex(where: { $0.id == id }) else { throw KeyFailure.notFound }
            guard keys[index].source == .admin else { throw KeyFailure.declared(name: keys[index].name) }
            return keys.remove(at: index)
        }
    }
}

extension ClientKey {
    func with(enabled: Bool? = nil, policy: String? = nil, expires: Int? = nil, overlapEnds: Int? = nil) -> ClientKey {
        ClientKey(
            id: id, name: name, digest: digest, masked: masked, policy: policy ?? self.policy, tags: tags,
            enabled: enabled ?? self.enabled, created: created, expires: expires ?? self.expires,
            overlapEnds: overlapEnds ?? self.overlapEnds, source: source)
    }
}

/// A little usage of alice, on one afternoon.
struct FakeUsage: UsageQueries {
    var health = LedgerHealth.ok
    var failure: (any Error)?

    var records: [UsageRecord] = []

    static let opus = amounts(requests: 2, input: 120, output: 30, cost: 1_500_000_000)
    static let gemini = amounts(requests: 1, input: 7, output: 5, cost: 150)

    static func amounts(requests: Int, input: Int, output: Int, cost: Int = 0) -> UsageAmounts {
        var amounts = UsageAmounts()
        amounts.requests = requests
        amounts.uncachedInput = input - 1
        amounts.cacheRead = 1
        amounts.output = output
        amounts.costNanoDollars = cost
        return amounts
    }

    private static var both: UsageAmounts {
        var both = opus
        both += gemini
        both.unpriced = 1
        return both
    }

    private static let day = LocalDate("2026-02-11")
    private static let hour = LocalHour(number: 2_026_021_114)

    func totals() async throws -> UsageAmounts {
        if let failure { throw failure }
        return Self.both
    }

    func keyTotals() async throws -> [String: KeyTotals] {
        if let failure { throw failure }
        return ["key_alice": KeyTotals(amounts: Self.both, lastUsed: AdminFixture.now - 60)]
    }

    func usage(ofKey id: String, mostHours: Int) async throws -> KeyUsage {
        var usage = KeyUsage()
        guard id == "key_alice", let day = Self.day else { return usage }
        usage.totals = KeyTotals(amounts: Self.both, lastUsed: AdminFixture.now - 60)
        usage.daily = [PeriodUsage(day, Self.both, ["claude-opus-4-6-thinking": Self.opus, "gemini-3-pro-high": Self.gemini])]
        usage.hourly = [
            PeriodUsage(Self.hour, Self.both, ["claude-opus-4-6-thinking": Self.opus, "gemini-3-pro-high": Self.gemini])
        ]
        usage.byModel = [("claude-opus-4-6-thinking", Self.opus), ("gemini-3-pro-high", Self.gemini)]
        return usage
    }

    func grouped(by groups: [UsageGroup], from first: LocalDate?, to last: LocalDate?) async throws -> [GroupedUsage] {
        var row = GroupedUsage(values: groups.map { $0 == .key ? "key_alice" : "=1+\($0.name),x" })
        row.amounts = Self.both
        row.countedRequests = 2
        return [row]
    }

    func requests(_ filter: RequestFilter) async throws -> RequestPage {
        var page = RequestPage()
        page.records = Array(records.prefix(filter.limit))
        page.next = page.records.isEmpty ? nil : RequestCursor(block: 7, index: 3)
        return page
    }

    func keyNames() async throws -> [String: String] { ["key_alice": "alice", "key_gone": "gone"] }

    func today(keyID id: String) -> KeyToday {
        var today = KeyToday()
        if id == "key_alice" { today.requests = 3 }
        return today
    }

    func daily(_ date: LocalDate?, limit: Int) async throws -> [DayUsage] {
        guard let day = Self.day, date == nil || date == day else { return [] }
        return [
            DayUsage(
                date: day, amounts: Self.both,
                byModel: ["gemini-3-pro-high": Self.gemini, "claude-opus-4-6-thinking": Self.opus],
                keys: [DayUsage.Key(id: "key_alice", name: "alice", amounts: Self.both)])
        ]
    }

    func hourly(_ date: LocalDate?, limit: Int) async throws -> [HourUsage] {
        guard date == nil || date == Self.day else { return [] }
        return [HourUsage(hour: Self.hour, byModel: ["claude-opus-4-6-thinking": Self.opus])]
    }
}

/// An audit log in memory, which can be made to fail.
final class FakeAudit: AuditTrail {
    private let kept: Mutex<[AuditEntry]> = Mutex([])
    private let isFailing: Bool

    init(isFailing: Bool = false) { self.isFailing = isFailing }

    /// In the order in which things happened: `who action target detail result`.
    var lines: [String] {
        kept.withLock { $0 }.map { "\($0.who) \($0.action) \($0.target ?? "-") \($0.detail ?? "-") \($0.result)" }
    }

    func record(_ entry: AuditEntry) async throws {
        if isFailing { throw KeyFailure.storage("disk full") }
        kept.withLock { entries in
            var entry = entry
            entry.id = entries.count + 1
            entries.append(entry)
        }
    }

    func entries(_ query: AuditQuery) async throws -> [AuditEntry] {
        let found = kept.withLock { $0 }.reversed().filter {
            $0.id < query.before ?? .max && $0.time >= query.since ?? .min && $0.time < query.beforeTime ?? .max
        }
        return Array(found.prefix(query.limit))
    }
}

/// A state of ten bytes.
struct FakeState: StateKeeping {
    var report = LedgerReport()

    func beginCopy() async throws -> UsageLedger.Copy { UsageLedger.Copy(id: "copy1", bytes: 10) }

    func piece(ofCopy id: String, offset: Int, count: Int) -> [UInt8]? {
        id == "copy1" ? Array(Array("0123456789".utf8).dropFirst(offset).prefix(count)) : nil
    }

    func endCopy(_ id: String) {}
    func verify() async throws -> LedgerReport { report }
}

struct FakeReload: ReloadControl {
    var outcome = ReloadOutcome.unchanged
    let status: Published<ReloadStatus>

    static let diagnostic = Diagnostic(
        .error, at: SourceLocation(file: "/etc/proxyd/proxy.yaml", line: 41, column: 9), path: "rules[2].tiers[0]",
        message: "no upstream is called 'antigravty' (did you mean 'antigravity'?)", sourceLine: "   - antigravty/secret")

    /// - Parameter errors: of the last attempt, at the fixture's moment.
    init(errors: [Diagnostic] = []) {
        var status = ReloadStatus(
            Snapshot(generation: 3, hash: "9f86d0", configuration: Configuration(), rules: RuleSet([]), routes: []))
        status.lastErrors = errors
        status.lastAttempt = Date(timeIntervalSince1970: Double(AdminFixture.now))
        self.status = Published(status)
    }

    var history: ConfigurationHistory? { get async { nil } }

    func reload(trigger: ReloadTrigger, by call: ReloadCall) async -> ReloadOutcome { trigger == .admin ? outcome : .unchanged }
}

/// Answers outgoing calls from a script, and remembers them.
final class FakeCaller: OutgoingCaller {
    private let answer: @Sendable (OutgoingRequest) throws -> OutgoingResponse
    private let seen = Mutex<[OutgoingRequest]>([])

    init(
        _ answer: @escaping @Sendable (OutgoingRequest) throws -> OutgoingResponse = { _ in
            throw OutgoingFailure.unreachable("nobody")
        }
    ) {
        self.answer = answer
    }

    var requests: [OutgoingRequest] { seen.withLock { $0 } }

    func call(_ request: OutgoingRequest) async throws -> OutgoingResponse {
        seen.withLock { $0.append(request) }
        return try answer(request)
    }
}

extension OutgoingResponse {
    static func json(_ text: String, status: Int = 200) -> OutgoingResponse {
        OutgoingResponse(status: status, headers: [("content-type", "application/json")], body: Array(text.utf8))
    }
}
