/// What stays with the account that served it.
public enum AffinityKind: String, Sendable, Hashable, CaseIterable {
    /// `request.session`, else what a conversation begins with.
    case conversation
    /// All that one client key asks.
    case key
    case none
}

/// By what numbers a request is known to the table of affinities; 0 where none is asked for.
struct AffinityKeys: Sendable, Equatable {
    var conversation: UInt64 = 0
    var key: UInt64 = 0

    var isEmpty: Bool { conversation == 0 && key == 0 }

    /// 0 for none.
    subscript(_ kind: AffinityKind) -> UInt64 {
        switch kind {
        case .conversation: conversation
        case .key: key
        case .none: 0
        }
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
