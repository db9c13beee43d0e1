import ProxyCore
import RuleEngine

/// Why an account is asked before the others of its upstream, in words.
struct ChoiceReason {
    let upstream: Upstream
    let account: String
    let model: String
    /// The word by which its tier chooses among equals; nil where there are none.
    let equals: Tier.Choice?
    let live: LiveAccounts
    let zone: ZonedTime

    /// `soonest_reset: its quota expires first, at 2026-02-11T15:03:20+08:00`; what its tier goes by comes first.
    var text: String {
        var reasons: [String] = []
        if let equals { reasons.append("among equals \(equals.rawValue): \(words(equals))") }
        if upstream.accounts.count > 1 { reasons.append("\(upstream.choice.rawValue): \(words(upstream.choice))") }
        return reasons.isEmpty ? "it is the only account" : reasons.joined(separator: "; ")
    }

    private func words(_ choice: Tier.Choice) -> String {
        let load = live.load(upstream: upstream.name, account: account)
        switch choice {
        case .first: return "the first of the file that can serve"
        case .weighted: return "drawn by weight"
        case .leastBusy: return "\(load?.inFlight ?? 0) in flight, fewest for its weight"
        case .fastest:
            guard let milliseconds = load?.firstByteMilliseconds(now: live.now) else { return "not asked within a minute" }
            return "\(milliseconds) ms to the first byte"
        case .cheapest: return "the lowest price of what the request will probably use"
        case .mostQuota:
            guard case .known(let share) = live.share(upstream: upstream.name, account: account, model: model) else {
                return "what it has left is not known, which counts as all"
            }
            return "\(Percent.text(share)) left, the largest share"
        case .soonestReset:
            guard let windows = live.states.windows[AccountID(upstream: upstream.name, account: account)] else {
                return load == nil ? "it was never asked, and nobody knows what it has" : "no quota is known that expires"
            }
            if let reset = windows.soonestReset(of: model, now: live.now) {
                return "its quota expires first, at \(zone.iso(seconds: live.wallSeconds(reset)))"
            }
            guard !windows.isLasting, let reset = windows.soonestReset(of: model, rates: true, now: live.now) else {
                return "no window of it runs now"
            }
            return "it has rates alone, and is reset first, at \(zone.iso(seconds: live.wallSeconds(reset)))"
        }
    }
}
