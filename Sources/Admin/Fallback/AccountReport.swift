import Dialects
import ProxyCore

/// One account as it is now: its state and why, what it is doing, what is left of its windows, what rests.
struct AccountReport {
    let upstream: String
    let account: String
    let live: LiveAccounts
    let zone: ZonedTime

    /// So many of a list that clients or upstreams make long are shown; how many more there are is told.
    private static let shown = 50
    /// Models of a family's window.
    private static let shownModels = 10
    /// Characters of a vendor's words.
    private static let longestReason = 300

    func json() -> JSONValue {
        let standing = live.standing(upstream: upstream, account: account)
        let load = live.load(upstream: upstream, account: account)
        let condition = live.condition(upstream: upstream, account: account)
        var members: [(String, JSONValue)] = [
            ("upstream", .string(upstream)),
            ("account", .string(account)),
            // The word of scripts that were written before there were others.
            ("name", .string(account)),
            ("state", .string(standing.word.rawValue)),
            ("reason", .text(standing.reason.map { String($0.prefix(Self.longestReason)) })),
            ("until", time(standing.until)),
        ]
        members += doing(load)
        members += windows()
        members.append(("refused_until", .text(condition.refusedUntil.map { zone.iso(seconds: $0) })))
        if let refusal = condition.refusal { members.append(("status", .count(refusal.status))) }
        members += cooldowns(condition)
        return .ordered(members)
    }

    private func doing(_ load: AccountLoad?) -> [(String, JSONValue)] {
        var rate = JSONValue.null
        var firstByte = JSONValue.null
        var last = JSONValue.null
        if let share = load?.successRate(now: live.now) { rate = .fraction(share) }
        if let milliseconds = load?.firstByteMilliseconds(now: live.now) { firstByte = .int(Int(milliseconds)) }
        if let failure = load?.lastFailure { last = ["at": time(failure.time), "reason": .string(failure.words)] }
        return [
            ("in_flight", .int(load?.inFlight ?? 0)),
            ("failures", .int(load?.failures ?? 0)),
            ("success_rate", rate),
            ("first_byte_ms", firstByte),
            ("last_error", last),
        ]
    }

    // MARK: Windows

    private func windows() -> [(String, JSONValue)] {
        let all = live.windows(upstream: upstream, account: account)
        // The tightest say most; in the order in which they are kept.
        let order = all.indices.sorted { (all[$0].share ?? 2, $0) < (all[$1].share ?? 2, $1) }
        let shown = order.prefix(Self.shown).sorted().map { window(all[$0]) }
        let more = all.count - shown.count
        return [("windows", .array(shown))] + (more > 0 ? [("more_windows", .count(more))] : [])
    }

    private func window(_ window: QuotaWindow) -> JSONValue {
        let models = LiveAccounts.models(of: window)
        let age = max(0, live.now &- window.takenAt) / 1000
        let isMoney = window.kind == "cost"
        func amount(_ value: Int?) -> JSONValue { isMoney ? value.map { .dollars($0) } ?? .null : .count(value) }
        return [
            "models": .strings(models.prefix(Self.shownModels)),
            "kind": .string(window.kind),
            "limit": amount(window.limit),
            "remaining": amount(window.remaining),
            "share": window.share.map { .fraction($0) } ?? .null,
            "resets_at": time(window.resetsAt),
            "source": .string(window.source.rawValue),
            "age_s": .int(age),
            "runs_out_at": time(window.runsOutAt(now: live.now)),
        ]
    }

    // MARK: Rests

    private func cooldowns(_ condition: AccountCondition) -> [(String, JSONValue)] {
        // Those that last longest say most; in the order of their names.
        let shown = condition.cooldowns.sorted { $0.until > $1.until }.prefix(Self.shown).sorted { $0.model < $1.model }
        let rests = shown.map { rest -> JSONValue in
            [
                "model": .string(rest.model), "until": .string(zone.iso(seconds: rest.until)),
                "reason": .string(rest.reason.description),
            ]
        }
        let more = condition.cooldowns.count - shown.count
        return [("cooldowns", .array(rests))] + (more > 0 ? [("more_cooldowns", .count(more))] : [])
    }

    /// An instant of `SteadyClock`, as the configured zone has it.
    private func time(_ steady: Int?) -> JSONValue { .text(steady.map { zone.iso(seconds: live.wallSeconds($0)) }) }
}
