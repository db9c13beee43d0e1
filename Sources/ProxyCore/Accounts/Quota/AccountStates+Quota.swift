/// Quota as the windows of all accounts tell it.
extension AccountStates {
    /// The share of `model` that one account has left; unknown where nothing told of it.
    public func share(of id: AccountID, model: String, now: Int) -> QuotaLevel {
        if !pretended.isEmpty, let level = pretended[id.upstream]?[model] { return level }
        if !windows.isEmpty, let own = windows[id], case .known(let share) = own.share(of: model, now: now) {
            return .known(share)
        }
        guard !quotas.isEmpty, accountIDs[id.upstream] == nil else { return .unknown }
        return quotas[id.upstream]?.level(of: model, now: now) ?? .unknown
    }

    /// Whether an account does not count: its upstream's poll calls it unusable, and others not. They are asked before it.
    public func isUnusable(_ id: AccountID, now: Int) -> Bool {
        guard !unusable.isEmpty, pretended[id.upstream] == nil, let until = unusable[id] else { return false }
        return now <= until
    }

    /// The share of `model` that the best account of an upstream has left, of those that count; unknown as long as one of them is.
    public func quotaLevel(upstream: String, model: String, now: Int) -> QuotaLevel {
        if !pretended.isEmpty, let level = pretended[upstream]?[model] { return level }
        if windows.isEmpty || accountIDs[upstream] == nil, let reading = quotas[upstream] {
            return reading.level(of: model, now: now)
        }
        guard !windows.isEmpty else { return .unknown }
        var best: Double?
        for id in accountsOrHeard(upstream) where counts(id, now: now) {
            guard case .known(let left) = share(of: id, model: model, now: now) else { return .unknown }
            best = max(best ?? 0, left)
        }
        return best.map { .known($0) } ?? .unknown
    }

    /// When the last of an upstream's accounts runs out of a model at the present rate; nil while one of them does not.
    public func runsOutAt(upstream: String, model: String, now: Int) -> Int? {
        var last: Int?
        for id in accountsOrHeard(upstream) where counts(id, now: now) {
            guard let time = windows[id]?.runsOutAt(model, now: now) else { return nil }
            last = max(last ?? time, time)
        }
        return last
    }

    /// Whether anybody could spend what an account has left: not while its upstream refuses it, nor where an operator took it out.
    private func counts(_ id: AccountID, now: Int) -> Bool {
        guard !isUnusable(id, now: now) else { return false }
        guard !accounts.isEmpty, let state = accounts[id] else { return true }
        if let until = state.refusal?.until, until > now { return false }
        return !state.isDrained
    }

    /// Takes over what is newer of an account's windows, and tells what was lost at resets meanwhile.
    mutating func take(_ news: [QuotaWindow], of id: AccountID, now: Int) -> [AccountWindows.Waste] {
        if windows[id] == nil { self[windowsOf: id] = AccountWindows() }
        return self[windowsOf: id]?.take(news, now: now) ?? []
    }

    /// When the next reset is to be noticed.
    var nextChange: Int { windows.values.map(\.nextChange).min() ?? .max }

    private func accountsOrHeard(_ upstream: String) -> [AccountID] {
        accountIDs[upstream] ?? windows.keys.filter { $0.upstream == upstream }
    }
}
