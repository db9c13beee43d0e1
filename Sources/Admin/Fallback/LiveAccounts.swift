import Basics
import Foundation
import ProxyCore

/// Live state of accounts at one moment, as people look at it: in seconds, by what an upstream calls its accounts.
struct LiveAccounts {
    var states: AccountStates
    /// The moment, as `SteadyClock` counts.
    let now: Int
    /// How far the time of day is ahead of it, in milliseconds.
    private let wallAhead: Int

    init(states: AccountStates, now: Date, steady: Int) {
        self.states = states
        self.now = steady
        let seconds = Int(clamping: now)
        let rest = now.timeIntervalSince1970 - Double(seconds)
        wallAhead = seconds * 1000 + (0..<1 ~= rest ? Int((rest * 1000).rounded()) : 0) - steady
    }

    /// Whether the upstream's account may be asked for `model`, quota not considered.
    func availability(upstream: String, account: String, model: String) -> Availability {
        states.availability(of: AccountID(upstream: upstream, account: account), model: model, now: now)
    }

    func quotaLevel(upstream: String, model: String) -> QuotaLevel {
        states.quotaLevel(upstream: upstream, model: model, now: now)
    }

    /// Remaining share 0–1 of `model` on the upstream's best account; nil when unknown.
    func remaining(upstream: String, model: String) -> Double? {
        switch quotaLevel(upstream: upstream, model: model) {
        case .known(let share): share
        case .unknown: nil
        }
    }

    /// What is held against a configured account; only what is still to end.
    func condition(upstream: String, account: String) -> AccountCondition {
        guard let state = states.accounts[AccountID(upstream: upstream, account: account)] else { return AccountCondition() }
        let cooldowns = state.cooldowns.filter { $0.value.until > now }.inKeyOrder()
        var condition = AccountCondition(
            cooldowns: cooldowns.map {
                AccountCondition.Cooldown(model: $0.key, until: wallSeconds($0.value.until), reason: $0.value.reason)
            })
        // In `if`s: the optimizer of Swift 6.3 fails over the same in closures of an optional.
        if let refusal = state.refusal, refusal.until > now { condition.refusal = refusal }
        if let until = state.refusedUntil, until > now { condition.refusedUntil = wallSeconds(until) }
        if let failing = state.failing, failing.until > now { condition.failing = failing }
        condition.isDrained = state.isDrained
        return condition
    }

    /// Whether the upstream can serve anything: some account is neither refused, drained nor found unreachable. One that is out
    /// of quota for a model can.
    func isServing(_ upstream: Upstream) -> Bool {
        upstream.accounts.contains { account in
            let condition = condition(upstream: upstream.name, account: account.name)
            let isUnreachable = condition.cooldowns.contains { $0.reason.isUnreachable }
            return condition.refusedUntil == nil && condition.failing == nil && !condition.isDrained && !isUnreachable
        }
    }

    /// Whether nobody has ever been reached at its address, and the last try came to nothing. It is no reason against sending requests
    /// to this process: only the next one shows whether somebody is there.
    func isSilent(_ upstream: Upstream) -> Bool {
        guard states.unreachable(upstream) != nil else { return false }
        return !upstream.accounts.contains { (load(upstream: upstream.name, account: $0.name)?.successes ?? 0) > 0 }
    }

    /// What the last poll of the upstream said; nil when it was never polled.
    func poll(of upstream: String) -> PollReport? {
        guard let reading = states.quotas[upstream] else { return nil }
        var accounts: [String: [PollReport.Model]] = [:]
        for (name, model) in reading.models {
            for share in model.accounts {
                let used = share.emptyUntil.map { $0 > now } ?? false
                accounts[share.account, default: []].append(
                    PollReport.Model(name: name, remaining: used ? 0 : share.fraction, reset: share.resetAt.map(Self.seconds)))
            }
        }
        return PollReport(
            time: reading.takenAt > 0 ? Self.seconds(reading.takenAt) : nil, failure: reading.error,
            accounts: accounts.inKeyOrder().map { PollReport.Account(name: $0.key, models: $0.value) })
    }

    /// The models that polls of the upstream named, also when the last one failed.
    func polledModels(of upstream: String) -> some Collection<String> {
        (states.quotas[upstream]?.models ?? [:]).keys
    }

    private static func seconds(_ milliseconds: Int) -> Int { milliseconds / 1000 }

    /// The time of day of an instant of the steady clock: the second that is nearest, since the two clocks differ by some more or
    /// fewer milliseconds at every look, and what a vendor tells is whole seconds mostly.
    func wallSeconds(_ steady: Int) -> Int { (steady &+ wallAhead &+ 500) / 1000 }
}

/// Why an account is not asked; quota is not considered. Times are seconds since 1970 and still to come.
struct AccountCondition: Hashable {
    /// Why the upstream refused the account.
    var refusal: AccountState.Refusal?
    /// When the account comes back; nil where it is not out.
    var refusedUntil: Int?
    /// Its breaker is open; the time is `SteadyClock`'s.
    var failing: AccountState.Failing?
    /// An operator took it out.
    var isDrained = false
    /// The models that rest, in the order of their names.
    var cooldowns: [Cooldown] = []

    struct Cooldown: Hashable {
        var model: String
        var until: Int
        /// What brought it about: `429`, `connect_timeout`.
        var reason: CooldownReason
    }
}

/// One response of an upstream's quota address. Accounts are called what the upstream calls them.
struct PollReport: Hashable {
    /// Seconds since 1970; nil while no poll succeeded.
    var time: Int?
    /// Why the last poll failed; nil when it did not.
    var failure: String?
    var accounts: [Account]

    struct Account: Hashable {
        var name: String
        var models: [Model]
    }

    struct Model: Hashable {
        var name: String
        /// 0–1; nil is unknown.
        var remaining: Double?
        /// Seconds since 1970.
        var reset: Int?
    }
}
