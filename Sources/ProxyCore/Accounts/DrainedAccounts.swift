import Dialects
import Foundation
import Synchronization

/// Which accounts an operator has taken out, kept in the state directory: a restart does not bring them back.
public final class DrainedAccounts: Sendable {
    private let path: String
    /// What the file has. One writes at a time.
    private let kept: Mutex<Set<AccountID>>

    /// - Parameter directory: the state directory.
    public init(directory: String) {
        path = directory + "/drained.json"
        kept = Mutex(Self.read(path))
    }

    /// As they were kept last.
    var accounts: Set<AccountID> { kept.withLock { $0 } }

    /// Writes who is out, where that is others than before.
    /// - Parameter current: who is; asked where nobody else writes, so that what was asked last is what stays.
    func keep(_ current: () -> Set<AccountID>) throws {
        try kept.withLock { kept in
            let accounts = current()
            guard accounts != kept else { return }
            let partial = path + ".new"
            try? FileManager.default.removeItem(atPath: partial)
            let file = try OutputFile(partial)
            try file.write(Self.json(accounts).bytes)
            try file.replace(path, mode: 0o600)
            kept = accounts
        }
    }

    private static let largest = 16 << 20

    private static func read(_ path: String) -> Set<AccountID> {
        guard let size = StateFiles.size(path), size <= largest, let data = FileManager.default.contents(atPath: path),
            let document = try? JSONValue(parsing: [UInt8](data), limits: .init(depth: 8, count: 500_000))
        else { return [] }
        var accounts: Set<AccountID> = []
        for entry in document["drained"]?.array ?? [] {
            guard let upstream = entry["upstream"]?.string, let account = entry["account"]?.string else { continue }
            accounts.insert(AccountID(upstream: upstream, account: account))
        }
        return accounts
    }

    private static func json(_ accounts: Set<AccountID>) -> JSONValue {
        let sorted = accounts.sorted { ($0.upstream, $0.account) < ($1.upstream, $1.account) }
        let entries = sorted.map { JSONValue.members(("upstream", .string($0.upstream)), ("account", .string($0.account))) }
        return .members(("drained", .array(entries)))
    }
}
