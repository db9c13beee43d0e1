/// What one loop found when it compared the accounts of a snapshot's upstreams, for each model and word of `choose`.
final class ChooseMemory {
    /// By the upstream's index.
    private var rosters: [[Roster]] = []
    private var next = 0

    /// Rosters of an upstream: clients choose models.
    static let most = 32

    /// The accounts of an upstream as they stand now, near enough (`Roster`).
    func roster(_ question: Roster.Question, of accounts: UpstreamAccounts, upstream: Int, _ states: AccountStates, now: Int)
        -> Roster
    {
        while rosters.count <= upstream { rosters.append([]) }
        if let known = rosters[upstream].first(where: { $0.question == question }) {
            known.follow(states, now: now)
            return known
        }
        let roster = Roster(question, of: accounts, states, now: now)
        if rosters[upstream].count < Self.most {
            rosters[upstream].append(roster)
        } else {
            rosters[upstream][next % Self.most] = roster
            next &+= 1
        }
        return roster
    }
}

@available(*, unavailable)
extension ChooseMemory: Sendable {}
