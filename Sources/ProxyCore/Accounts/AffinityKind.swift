/// What stays with the account that served it.
public enum AffinityKind: String, Sendable, Hashable, CaseIterable {
    /// `request.session`, else what a conversation begins with.
    case conversation
    /// All that one client key asks.
    case key
    case none
}

/// The numbers under which the table of affinities knows a request; 0 where none is asked for.
struct AffinityKeys: Sendable, Equatable {
    var conversation: UInt64 = 0
    var key: UInt64 = 0

    var isEmpty: Bool { conversation == 0 && key == 0 }

    /// 0 for none.
    /// - Parameter scope: of an upstream, or of a tier of several: a client key has an account in each.
    func mark(_ kind: AffinityKind, in scope: UInt64) -> UInt64 {
        switch kind {
        case .conversation: conversation
        case .key: key == 0 ? 0 : Self.mark(ofKey: key, in: scope)
        case .none: 0
        }
    }

    static func mark(ofKey key: UInt64, in scope: UInt64) -> UInt64 {
        var mark = TextMark()
        mark.add(key)
        mark.add(scope)
        return mark.value
    }

    /// What stands for all that a client key asks.
    static func mark(ofKey id: String) -> UInt64 { TextMark.of("key", id) }

    /// What stands for a session that a client names: of one key, and for one model, since a prompt cache is of one model.
    static func mark(ofSession session: String, key: String, model: String, _ begun: TextMark = TextMark()) -> UInt64 {
        var mark = begun
        mark.add(key)
        mark.add(model)
        mark.add(session)
        return mark.value
    }
}
