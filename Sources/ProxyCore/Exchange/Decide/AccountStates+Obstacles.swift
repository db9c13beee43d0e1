/// What keeps requests from accounts.
extension AccountStates {
    /// Nothing is held against anybody, and nothing is used up: mostly all that is asked.
    var isPlain: Bool { accounts.isEmpty && leastLevel > 0 }

    /// Why an account is not asked for a model now, and until when that is so at the longest (`Int.max`: nobody knows); nil when it
    /// is asked. Without fallback the first answers, whatever is known of it; an operator's word counts all the same.
    func obstacle(
        to id: AccountID, model: String, threshold: Double, hasFallback: Bool, now: Int
    ) -> (reason: AttemptPlan.PassedOver.Reason, until: Int)? {
        if !isPlain {
            let availability = availability(of: id, model: model, now: now)
            guard hasFallback else { return availability == .drained ? (.drained, .max) : nil }
            switch availability {
            case .ready: break
            case .cooling(let until): return (.cooldown, until)
            case .failing(let until): return (.failing, until)
            case .refused(let until): return (.refused, until)
            case .outOfMoney(let until): return (.money, until)
            case .outOfQuota(let until): return (.quota, until)
            case .drained: return (.drained, .max)
            }
            if isUnusable(id, now: now) { return (.quota, unusable[id].map { $0 &+ 1 } ?? .max) }
        }
        guard hasFallback, leastLevel < threshold else { return nil }
        return share(of: id, model: model, now: now).isUnder(threshold) ? (.quota, .max) : nil
    }
}
