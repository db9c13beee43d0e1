import Crypto
import ProxyCore
import Synchronization

import enum Basics.Base64

/// The sessions of people who have logged in, in memory: a restart ends them all. A cookie holds a random id and nothing else; what
/// is kept of it is its hash.
///
/// Bounded: whoever logs in again and again loses the oldest of his own, and past the capacity the one that was used longest ago
/// gives way.
final class LoginSessions: Sendable {
    static let capacity = 10_000
    /// How many sessions one person, or one admin key, may have.
    static let capacityOfOne = 64
    /// How long a session lasts after the login, whatever is done.
    static let lifetimeSeconds = 12 * 3_600
    /// How long a session lasts without a call.
    static let idleSeconds = 2 * 3_600

    struct Session: Sendable {
        /// The person's or the key's name, as the audit log says it.
        let name: String
        let role: AdminRole
        let means: Means
        /// Seconds of a clock that never goes back.
        let began: Int
    }

    /// What a session follows from. When the file no longer says so, the session is over.
    enum Means: Sendable, Hashable {
        case key(AdminKey)
        case oidc(Configuration.OIDC)
        case lark(Configuration.LarkLogin)

        /// Whether this file still lets in whoever logged in so.
        func holds(in admin: Configuration.Admin) -> Bool {
            switch self {
            case .key(let key): admin.keys.contains(key)
            case .oidc(let provider): admin.oidc == provider
            case .lark(let login): admin.lark == login
            }
        }
    }

    private struct Entry {
        let session: Session
        var used: Int
    }

    private typealias ID = SHA256Digest

    private let entries = Mutex<[ID: Entry]>([:])

    /// Begins a session; gives the cookie's value.
    func begin(name: String, role: AdminRole, means: Means, now: Int) -> String {
        let id = Base64.encodeURL(SymmetricKey(size: .bits256).withUnsafeBytes { Array($0) })
        let entry = Entry(session: Session(name: name, role: role, means: means, began: now), used: now)
        entries.withLock { entries in
            Self.makeRoom(for: name, now, &entries)
            entries[Self.hash(id)] = entry
        }
        return id
    }

    /// nil where there is none, it is over, or the file no longer lets its owner in. A look is a use.
    func find(_ id: String, in admin: Configuration.Admin, now: Int) -> Session? {
        guard id.utf8.count <= 64 else { return nil }
        let hash = Self.hash(id)
        return entries.withLock { entries in
            guard let entry = entries[hash] else { return nil }
            guard Self.isAlive(entry, now), entry.session.means.holds(in: admin) else {
                entries[hash] = nil
                return nil
            }
            entries[hash]?.used = now
            return entry.session
        }
    }

    /// Ends a session; gives whose it was.
    func end(_ id: String) -> Session? {
        guard id.utf8.count <= 64 else { return nil }
        return entries.withLock { $0.removeValue(forKey: Self.hash(id))?.session }
    }

    private static func hash(_ id: String) -> ID { SHA256.hash(data: Array(id.utf8)) }

    private static func isAlive(_ entry: Entry, _ now: Int) -> Bool {
        now - entry.session.began < lifetimeSeconds && now - entry.used < idleSeconds
    }

    private static func makeRoom(for name: String, _ now: Int, _ entries: inout [ID: Entry]) {
        let own = entries.filter { $0.value.session.name == name }
        if own.count >= capacityOfOne, let oldest = own.min(by: { $0.value.used < $1.value.used }) { entries[oldest.key] = nil }
        guard entries.count >= capacity else { return }
        entries = entries.filter { isAlive($0.value, now) }
        guard entries.count >= capacity else { return }
        for (id, _) in entries.sorted(by: { $0.value.used < $1.value.used }).prefix(capacity / 16) { entries[id] = nil }
    }
}
