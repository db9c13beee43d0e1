import Synchronization

/// What befell accounts here and others may want to know, until somebody tells it. Bounded: of what is too much the rest is not
/// told.
public final class AccountNews: Sendable {
    struct Items: Sendable {
        var cooldowns: [Cooldown] = []
        var freed: Set<AccountID> = []
        /// Accounts whose windows have changed.
        var windows: Set<AccountID> = []

        var isEmpty: Bool { cooldowns.isEmpty && freed.isEmpty && windows.isEmpty }
    }

    struct Cooldown: Sendable, Equatable {
        var account: AccountID
        var model: String
        /// `SteadyClock`'s.
        var until: Int
        /// What the account answered.
        var trigger: FallbackPolicy.Trigger
    }

    static let most = 500

    private let isWanted = Atomic<Bool>(false)
    private let items = Mutex(Items())

    init() {}

    /// Whether somebody tells it; what is noted otherwise is forgotten.
    func want(_ wanted: Bool) {
        isWanted.store(wanted, ordering: .relaxed)
        if !wanted { items.withLock { $0 = Items() } }
    }

    func cooled(_ id: AccountID, model: String, until: Int, reason: CooldownReason) {
        // That nobody is reached from here says little of what others reach.
        guard isWanted.load(ordering: .relaxed), case .response(let trigger) = reason else { return }
        items.withLock { items in
            guard items.cooldowns.count < Self.most else { return }
            items.cooldowns.append(Cooldown(account: id, model: model, until: until, trigger: trigger))
        }
    }

    func freed(_ id: AccountID) {
        guard isWanted.load(ordering: .relaxed) else { return }
        items.withLock { items in
            if items.freed.count < Self.most { items.freed.insert(id) }
        }
    }

    func changed(windowsOf id: AccountID) {
        guard isWanted.load(ordering: .relaxed) else { return }
        items.withLock { items in
            if items.windows.count < Self.most { items.windows.insert(id) }
        }
    }

    func take() -> Items {
        items.withLock { items in
            defer { items = Items() }
            return items
        }
    }
}
