import Dialects
import Foundation
import Logging
import Synchronization

/// Which accounts an operator has taken out, kept in the state directory: a restart does not bring them back.
public final class DrainedAccounts: Sendable {
    private let path: String
    /// What the file has. One writes at a time.
    private let kept: Mutex<Set<AccountID>>

    /// A file that is damaged is told and set aside; what can be read of it is kept.
    /// - Parameter directory: the state directory.
    public init(directory: String, logger: Logger? = nil) {
        path = directory + "/drained.json"
        let found = Self.read(path)
        kept = Mutex(found.accounts)
        if let damage = found.damage { setAside(damage, logger) }
    }

    /// The accounts as they were last kept.
    var accounts: Set<AccountID> { kept.withLock { $0 } }

    /// Writes who is out, where that is others than before.
    /// - Parameter current: who is; asked where nobody else writes, so that what was asked last is what stays.
    func keep(_ current: () -> Set<AccountID>) throws {
        try kept.withLock { kept in
            let accounts = current()
            guard accounts != kept else { return }
            try write(accounts)
            kept = accounts
        }
    }

    private func write(_ accounts: Set<AccountID>) throws {
        let partial = path + ".new"
        try? FileManager.default.removeItem(atPath: partial)
        let file = try OutputFile(partial)
        try file.write(Self.json(accounts).bytes)
        try file.replace(path, mode: 0o600)
    }

    private func setAside(_ damage: String, _ logger: Logger?) {
        var number = Int(Date().timeIntervalSince1970)
        while StateFiles.size("\(path).damaged-\(number)") != nil { number += 1 }
        let aside = "\(path).damaged-\(number)"
        let accounts = accounts
        logger?.error(
            "the list of drained accounts is damaged; it is set aside, and accounts that cannot be read of it are no longer drained",
            metadata: [LogKeys.file: "\(path)", LogKeys.keptAs: "\(aside)", LogKeys.reason: "\(damage)"])
        do {
            try StateFiles.move(path, to: aside)
            if !accounts.isEmpty { try write(accounts) }
        } catch {
            logger?.error("what is damaged cannot be set aside", metadata: [LogKeys.reason: "\(error)"])
        }
    }

    private static let largest = 16 << 20

    /// Who is out, and what keeps the file from being what `keep` writes; nothing where there is none.
    private static func read(_ path: String) -> (accounts: Set<AccountID>, damage: String?) {
        guard let size = StateFiles.size(path) else { return ([], nil) }
        guard size <= largest else { return ([], "it has \(size) bytes") }
        guard let data = FileManager.default.contents(atPath: path) else { return ([], "it cannot be read") }
        guard let document = try? JSONValue(parsing: [UInt8](data), limits: .init(depth: 8, count: 500_000)) else {
            return ([], "it is no JSON")
        }
        guard let entries = document["drained"]?.array else { return ([], "it has no list 'drained'") }
        let accounts = entries.compactMap { entry -> AccountID? in
            guard let upstream = entry["upstream"]?.string, let account = entry["account"]?.string else { return nil }
            return AccountID(upstream: upstream, account: account)
        }
        return (Set(accounts), accounts.count == entries.count ? nil : "an entry of it names no account")
    }

    private static func json(_ accounts: Set<AccountID>) -> JSONValue {
        let sorted = accounts.sorted { ($0.upstream, $0.account) < ($1.upstream, $1.account) }
        let entries = sorted.map { JSONValue.members(("upstream", .string($0.upstream)), ("account", .string($0.account))) }
        return .members(("drained", .array(entries)))
    }
}
