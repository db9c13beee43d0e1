import RuleEngine

/// Who served before what a request belongs to: for requests that are only described.
public struct RememberedAccounts: Sendable {
    let table: AffinityTable

    /// A conversation is known by its session alone here: what it begins with is not described.
    func bound(_ facts: Facts, _ traits: RouteTraits, now: Int) -> BoundAccounts {
        var keys = AffinityKeys()
        let key = facts.key.id
        guard !key.isEmpty else { return BoundAccounts() }
        if traits.keepsKeys { keys.key = AffinityKeys.mark(ofKey: key) }
        let session = facts.request.session
        if traits.keepsConversations, !session.isEmpty {
            keys.conversation = AffinityKeys.mark(ofSession: session, key: key, model: facts.request.model)
        }
        return BoundAccounts(keys, in: traits.keyScopes, table, now: now)
    }
}

extension AccountBook {
    /// What `POST /admin/explain` looks up.
    public var remembered: RememberedAccounts { RememberedAccounts(table: affinity) }
}
