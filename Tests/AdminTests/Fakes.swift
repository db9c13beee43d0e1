import Admin
import Foundation
import RuleEngine
import Synchronization

@testable import ProxyCore

/// Keys in memory: one of the file, one made here.
final class FakeKeys: KeyAdministration {
    private let keys: Mutex<[ClientKey]>

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
        list().first { $0.id == reference || $0.digest == AdminFixture.digest(of: reference) }
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

    func setEnabled(_ isEnabled: Bool, id: String) async throws -> ClientKey {
        try keys.withLock { keys in
            guard let index = keys.firstIndex(where: { $0.id == id }) else { throw KeyFailure.notFound }
            keys[index] = keys[index].with(enabled: isEnabled)
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
    func with(enabled: Bool? = nil, policy: String? = nil, expires: Int? = nil) -> ClientKey {
        ClientKey(
            id: id, name: name, digest: digest, masked: masked, policy: policy ?? self.policy, tags: tags,
            enabled: enabled ?? self.enabled, created: created, expires: expires ?? self.expires, source: source)
    }
}

/// A little usage of alice, on one afternoon.
struct FakeUsage: UsageQueries {
    var health = LedgerHealth.ok
    var failure: (any Error)?

    static let opus = amounts(requests: 2, input: 120, output: 30)
    static let gemini = amounts(requests: 1, input: 7, output: 5)

    static func amounts(requests: Int, input: Int, output: Int) -> UsageAmounts {
        var amounts = UsageAmounts()
        amounts.requests = requests
        amounts.uncachedInput = input - 1
        amounts.cacheRead = 1
        amounts.output = output
        return amounts
    }

    private static var both: UsageAmounts {
        var both = opus
        both += gemini
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

    func usage(ofKey id: String, hourlyDays: Int) async throws -> KeyUsage {
        var usage = KeyUsage()
        guard id == "key_alice", let day = Self.day else { return usage }
        usage.totals = KeyTotals(amounts: Self.both, lastUsed: AdminFixture.now - 60)
        usage.daily = [(day, Self.both)]
        usage.hourly = [(Self.hour, Self.both)]
        usage.byModel = [("claude-opus-4-6-thinking", Self.opus), ("gemini-3-pro-high", Self.gemini)]
        return usage
    }

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

    func reload(trigger: ReloadTrigger) async -> ReloadOutcome { trigger == .admin ? outcome : .unchanged }
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
