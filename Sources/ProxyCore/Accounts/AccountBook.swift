/// Keeps the live state of accounts: written when something happens, read by every loop through `states`.
public final class AccountBook: Sendable {
    public let states = Published(AccountStates())

    /// How long a refused credential is not offered before others. It comes back by itself then, or by a success,
    /// since what was refused for want of credit is often mended at the vendor's.
    static let refusalMilliseconds = 5 * 60 * 1000

    public init() {}

    /// An account failed in a way that sends requests elsewhere.
    public func cool(_ id: AccountID, model: String, until: Int, reason: String) {
        states.update { states in
            states.accounts[id, default: AccountState()].cooldowns[model] = AccountState.Cooldown(until: until, reason: reason)
        }
    }

    /// The upstream refused the credential of an account.
    public func refuse(_ id: AccountID, now: Int) {
        states.update { states in
            states.accounts[id, default: AccountState()].refusedUntil = now + Self.refusalMilliseconds
        }
    }

    /// An account served a model: what was held against it is over.
    public func succeed(_ id: AccountID, model: String) {
        states.update { states in
            guard var state = states.accounts[id] else { return }
            state.refusedUntil = nil
            state.cooldowns[model] = nil
            states.accounts[id] = state.isPlain ? nil : state
        }
    }

    /// A poll gave a new reading: cooldowns of models that have quota again end.
    public func record(_ reading: QuotaReading, upstream: String, threshold: Double, now: Int) {
        states.update { states in
            states.quotas[upstream] = reading
            guard reading.error == nil else { return }
            for (id, state) in states.accounts where id.upstream == upstream {
                var state = state
                state.cooldowns = state.cooldowns.filter { model, cooldown in
                    guard cooldown.until > now, case .known(let share) = reading.share(of: model, now: now) else {
                        return cooldown.until > now
                    }
                    return share < threshold || share == 0
                }
                states.accounts[id] = state.isPlain ? nil : state
            }
        }
    }

    /// Forgets upstreams and accounts that the configuration no longer has, and refusals of credentials that changed.
    public func keepOnly(_ upstreams: [Upstream], changedCredentials: Set<AccountID> = []) {
        let known = Set(
            upstreams.flatMap { upstream in
                upstream.accounts.map { AccountID(upstream: upstream.name, account: $0.name) }
            })
        let polled = Set(upstreams.filter { $0.quota?.poll != nil }.map(\.name))
        states.update { states in
            states.quotas = states.quotas.filter { polled.contains($0.key) }
            states.accounts = states.accounts.filter { known.contains($0.key) && !changedCredentials.contains($0.key) }
        }
    }
}
