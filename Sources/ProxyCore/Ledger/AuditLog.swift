import Dispatch

/// One thing that somebody did over the admin API, or tried to.
public struct AuditEntry: Sendable, Hashable {
    /// Counts from 1, in the order in which things happened; 0 before it is kept.
    public var id: Int
    /// Seconds since 1970.
    public var time: Int
    /// The name of the admin key.
    public var who: String
    public var address: String
    /// `key.create`, `limit.block`.
    public var action: String
    /// What it was done to: a key's id, `upstream/account`, a limit's name. Never a key.
    public var target: String?
    /// A key's name, a limit's bucket.
    public var detail: String?
    /// `ok`, or the type of the refusal.
    public var result: String

    public init(
        id: Int = 0, time: Int, who: String, address: String, action: String, target: String?, detail: String? = nil,
        result: String
    ) {
        self.id = id
        self.time = time
        self.who = who
        self.address = address
        self.action = action
        self.target = target
        self.detail = detail
        self.result = result
    }
}

/// Which entries are asked for.
public struct AuditQuery: Sendable, Hashable {
    /// Seconds since 1970; the first moment that counts.
    public var since: Int?
    /// Entries with a smaller id.
    public var before: Int?
    /// Seconds since 1970; entries from before this moment.
    public var beforeTime: Int?
    public var limit: Int

    public init(since: Int? = nil, before: Int? = nil, beforeTime: Int? = nil, limit: Int = 100) {
        self.since = since
        self.before = before
        self.beforeTime = beforeTime
        self.limit = limit
    }
}

/// What operators did, in the order in which they did it. Entries are added and never changed.
public final class AuditLog: Sendable {
    private let store: any AuditStore
    private let queue = DispatchQueue(label: "proxyd.audit", qos: .userInitiated)
    /// The ledger whose shared store has the entries of all nodes, if it has one.
    private let ledger: UsageLedger?

    /// Kept beside the ledger.
    public convenience init(storedWith ledger: UsageLedger) {
        self.init(store: ledger.store, sharedBy: ledger)
    }

    init(store: any AuditStore, sharedBy ledger: UsageLedger? = nil) {
        self.store = store
        self.ledger = ledger
    }

    /// The entry is kept when it returns.
    public func record(_ entry: AuditEntry) async throws {
        try await onQueue { try $0.add(entry) }
        ledger?.shared?.wake()
    }

    /// The newest first; of all nodes, where they share a store.
    public func entries(_ query: AuditQuery) async throws -> [AuditEntry] {
        if let ledger, ledger.shared != nil { return try await ledger.reported { try $0.auditEntries(query) } }
        return try await onQueue { try $0.auditEntries(query) }
    }

    private func onQueue<Result: Sendable>(_ work: @escaping @Sendable (any AuditStore) throws -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { [store] in continuation.resume(with: Swift.Result { try work(store) }) }
        }
    }
}

/// Where the audit log is kept.
protocol AuditStore: Sendable {
    func add(_ entry: AuditEntry) throws
    /// The newest first.
    func auditEntries(_ query: AuditQuery) throws -> [AuditEntry]
}
