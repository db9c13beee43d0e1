/// Who served before what a request belongs to.
struct BoundAccounts: Sendable, Equatable {
    var conversation: AffinityBinding?
    /// Who serves the key in each scope that was looked at, and nobody where nobody does. The first needs no memory of its own.
    private var first: Key?
    private var others: [Key] = []

    private struct Key: Sendable, Equatable {
        let scope: UInt64
        let binding: AffinityBinding?
    }

    init() {}

    /// - Parameters:
    ///   - keys: under what numbers the table knows the request.
    ///   - scopes: in which its key stays with one.
    init(_ keys: AffinityKeys, in scopes: [UInt64], _ table: AffinityTable, now: Int) {
        if keys.conversation != 0 { conversation = table.find(keys.conversation, now: now) }
        guard keys.key != 0 else { return }
        for scope in scopes { bind(key: table.find(keys.mark(.key, in: scope), now: now), in: scope) }
    }

    var isEmpty: Bool { conversation == nil && first?.binding == nil && others.allSatisfy { $0.binding == nil } }

    /// Whether somebody serves the key in each of its scopes.
    var hasAllKeys: Bool { first?.binding != nil && others.allSatisfy { $0.binding != nil } }

    mutating func bind(key binding: AffinityBinding?, in scope: UInt64) {
        let key = Key(scope: scope, binding: binding)
        if first == nil { first = key } else { others.append(key) }
    }

    func find(_ kind: AffinityKind, in scope: UInt64) -> AffinityBinding? {
        switch kind {
        case .conversation: return conversation
        case .key:
            if let first, first.scope == scope { return first.binding }
            return others.first { $0.scope == scope }?.binding
        case .none: return nil
        }
    }
}

extension ResolvedTier {
    /// What stands for an account in the table of affinities. Where a tier has several targets the model is part of it: what one
    /// model has in its cache is nothing to another.
    func mark(of id: AccountID, model: String) -> UInt64 {
        guard targets.count > 1 else { return id.mark }
        var mark = TextMark()
        mark.add(id.mark)
        mark.add(model)
        return mark.value
    }
}
