import RuleEngine

/// Who served before what a request belongs to: for requests that are only described.
public struct RememberedAccounts: Sendable {
    let table: AffinityTable

    /// A conversation is known by its session alone here: what it begins with is not described.
    func bound(_ facts: Facts, _ traits: RouteTraits, now: Int) -> BoundAccounts {
        var bound = BoundAccounts()
        let key = facts.key.id
        guard !key.isEmpty else { return bound }
        if traits.keepsKeys { bound.key = table.find(AffinityKeys.mark(ofKey: key), now: now) }
        let session = facts.request.session
        if traits.keepsConversations, !session.isEmpty {
            bound.conversation = table.find(
                AffinityKeys.mark(ofSession: session, key: key, model: facts.request.model), now: now)
        }
        return bound
    }
}

extension AccountBook {
    /// For `POST /admin/explain`.
    public var remembered: RememberedAccounts { RememberedAccounts(table: affinity) }
}
