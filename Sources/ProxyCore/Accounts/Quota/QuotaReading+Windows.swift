/// What a poll says of the accounts that the file names.
extension QuotaReading {
    /// The windows of each account. Where the poll's names are those of accounts, each gets its own; the others count together.
    /// - Parameter wallAhead: how far the time of day is ahead of `SteadyClock`, in milliseconds.
    func windows(of accounts: [AccountID], now: Int, wallAhead: Int) -> [AccountID: [QuotaWindow]] {
        let names = Set(accounts.map(\.account))
        var windows: [AccountID: [QuotaWindow]] = [:]
        // Who does not count has nothing of what others have.
        var matched = unusable.intersection(names)
        for (_, model) in models {
            for quota in model.accounts where names.contains(quota.handle) { matched.insert(quota.handle) }
        }
        for (name, model) in models {
            let pool = model.accounts.filter { !matched.contains($0.handle) }
            let pooled = window(name, pool, now: now, wallAhead: wallAhead)
            for id in accounts {
                // Where two windows have one name, the one that has less left counts.
                let found =
                    matched.contains(id.account)
                    ? model.accounts.filter { $0.handle == id.account }
                        .compactMap { window(name, [$0], now: now, wallAhead: wallAhead) }
                        .min { ($0.share ?? 1) < ($1.share ?? 1) }
                    : pooled
                if let found { windows[id, default: []].append(found) }
            }
        }
        return windows
    }

    /// The accounts that do not count, by their own names; none where that would be all.
    func unusable(of accounts: [AccountID]) -> [AccountID] {
        guard !unusable.isEmpty else { return [] }
        let found = accounts.filter { id in
            unusable.contains(id.account)
                && !models.values.contains { $0.accounts.contains { $0.handle == id.account } }
        }
        return found.count < accounts.count ? found : []
    }

    /// The names of accounts that the poll has more than once for a model; the first of them, for one line of the log.
    func doubleName(among accounts: [AccountID]) -> String? {
        for account in accounts.map(\.account) {
            if models.values.contains(where: { $0.accounts.count { $0.handle == account } > 1 }) { return account }
        }
        return nil
    }

    private func window(_ model: String, _ accounts: [AccountQuota], now: Int, wallAhead: Int) -> QuotaWindow? {
        guard case .known(let share) = Self.best(of: accounts, now: now) else { return nil }
        // Among accounts that have as much left, the first to be reset brings more.
        let reset = accounts.filter { $0.level(now: now) == .known(share) }
            .compactMap { quota -> Int? in
                if let until = quota.emptyUntil, until > now { return until }
                return quota.resetAt.map { $0 &- wallAhead }
            }
            .filter { $0 > now }.min()
        var window = QuotaWindow(
            .model(model), kind: "share", share: share, resetsAt: reset.map { min($0, now &+ QuotaWindow.longest) },
            source: .poll,
            takenAt: now)
        window.goodUntil = goodUntil
        return window
    }
}
