import ProxyCore

/// Accounts as a whole: how each stands, what is left of its windows, what it is doing.
extension LiveAccounts {
    /// The worst that is to be said of an account: what is held against it, else the windows that it has used up, else its rests.
    func standing(upstream: String, account: String) -> AccountStanding {
        let id = AccountID(upstream: upstream, account: account)
        let held = states.accounts[id]?.standing(now: now) ?? AccountStanding(.ready)
        switch held.word {
        case .drained, .refused, .outOfMoney, .failing, .outOfQuota: return held
        case .ready, .cooling: break
        }
        return usedUp(upstream: upstream, account: account) ?? held
    }

    /// The window that is used up, of several the one that ends last; nil where there is none.
    /// - Parameter model: only windows that hold it; nil for all.
    func usedUp(upstream: String, account: String, model: String? = nil) -> AccountStanding? {
        let empty = windows(upstream: upstream, account: account).filter { window in
            guard let share = window.share(now: now), share <= 0 else { return false }
            if let model { return window.models.holds(model) }
            // A family that was not seen refusing any model takes none out.
            return !Self.models(of: window).isEmpty
        }
        guard let last = empty.max(by: { ($0.usedUpUntil ?? .max) < ($1.usedUpUntil ?? .max) }) else { return nil }
        let models = Self.models(of: last)
        let whose = models == ["*"] ? "" : " of \(models.first ?? "a model")"
        return AccountStanding(.outOfQuota, reason: "its window \(last.kind)\(whose) is used up", until: last.usedUpUntil)
    }

    /// Each as it is at this moment: those of all models first.
    func windows(upstream: String, account: String) -> [QuotaWindow] {
        states.windows[AccountID(upstream: upstream, account: account)]?.list(now: now) ?? []
    }

    /// The share of `model` that an account has left.
    func share(upstream: String, account: String, model: String) -> QuotaLevel {
        states.share(of: AccountID(upstream: upstream, account: account), model: model, now: now)
    }

    func isUnusable(upstream: String, account: String) -> Bool {
        states.isUnusable(AccountID(upstream: upstream, account: account), now: now)
    }

    /// nil for an account that was never asked.
    func load(upstream: String, account: String) -> AccountLoad? {
        states.load(of: AccountID(upstream: upstream, account: account))
    }

    /// The models that an upstream's polls, windows and rests know by name.
    func knownModels(of upstream: String) -> Set<String> {
        var models = Set(polledModels(of: upstream))
        for (id, windows) in states.windows where id.upstream == upstream {
            for window in windows.list(now: now) { models.formUnion(Self.models(of: window)) }
        }
        for (id, state) in states.accounts where id.upstream == upstream {
            models.formUnion(state.cooldowns.filter { $0.value.until > now }.keys)
        }
        models.remove("*")
        return models
    }

    /// `*` for all of them; of a family those that it was seen refusing.
    static func models(of window: QuotaWindow) -> [String] {
        switch window.models {
        case .all: ["*"]
        case .model(let model): [model]
        case .family(_, let refused): refused.sorted()
        }
    }
}
