/// What one loop found when it compared the accounts of a snapshot's upstreams, for each model and word of `choose`.
final class ChooseMemory {
    /// By the upstream's index.
    private var rosters: [[Roster]] = []
    /// How many accounts the choice that is made may still look at anew: a tier of several compares the accounts of each.
    private var left = Roster.mostAtOnce

    /// Rosters of an upstream, as clients choose models; the one that was not asked for longest gives way.
    static let most = 32

    /// The next choice is made.
    func begin() { left = Roster.mostAtOnce }

    /// The accounts of an upstream as they stand now, near enough (`Roster`).
    func roster(_ question: Roster.Question, of accounts: UpstreamAccounts, upstream: Int, _ states: AccountStates, now: Int)
        -> Roster
    {
        while rosters.count <= upstream { rosters.append([]) }
        if let known = rosters[upstream].first(where: { $0.question == question }) {
            known.follow(states, now: now, left: &left)
            return known
        }
        let roster = Roster(question, of: accounts, states, now: now)
        if rosters[upstream].count >= Self.most,
            let oldest = rosters[upstream].indices.min(by: { rosters[upstream][$0].followedAt < rosters[upstream][$1].followedAt }
            )
        {
            rosters[upstream].remove(at: oldest)
        }
        rosters[upstream].append(roster)
        return roster
    }
}

@available(*, unavailable)
extension ChooseMemory: Sendable {}
