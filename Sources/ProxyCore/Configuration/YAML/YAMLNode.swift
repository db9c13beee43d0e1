/// One value of a YAML document, with its place. Aliases are expanded and merge keys merged.
struct YAMLNode: Sendable {
    enum Content: Sendable {
        case scalar(YAMLScalar)
        case sequence([YAMLNode])
        case mapping([YAMLEntry])
    }

    var content: Content
    /// Where the text of the value begins; for an alias, where its anchor's value does.
    var start: SourceLocation
    /// The place after its last character.
    var end: SourceLocation
    /// An explicit tag other than YAML's own (`!secret`).
    var tag: String?
    /// How many nodes the subtree holds, aliases expanded.
    var count = 1
    /// How many levels the subtree holds.
    var height = 1

    var isNull: Bool {
        if case .scalar(let scalar) = content { scalar.isNull } else { false }
    }

    /// `a list`, `a mapping`, `text`: for messages, without the value.
    var noun: String {
        switch content {
        case .scalar(let scalar): scalar.isNull ? "nothing" : "a single value"
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }

    func entry(_ key: String) -> YAMLEntry? {
        guard case .mapping(let entries) = content else { return nil }
        return entries.first { $0.key == key }
    }
}

/// Text of a scalar, and how it was written.
struct YAMLScalar: Sendable {
    enum Style: Sendable { case plain, singleQuoted, doubleQuoted, literal, folded }

    var text: String
    var style: Style

    var isNull: Bool {
        guard style == .plain else { return false }
        switch text.utf8.count {
        case 0: return true
        case 1: return text == "~"
        case 4: return text == "null" || text == "Null" || text == "NULL"
        default: return false
        }
    }
}

/// One key of a mapping and its value.
struct YAMLEntry: Sendable {
    var key: String
    var keyLocation: SourceLocation
    var value: YAMLNode
    /// The key as the file has it where it holds a reference; nil elsewhere. What that stands for is shown nowhere: it may be a
    /// secret put into the wrong place.
    var writtenKey: String?

    /// What may be shown of the key.
    var shownKey: String { writtenKey ?? key }
    /// Unicode scalars of the key in the file, without its quotes.
    var keyLength: Int { shownKey.unicodeScalars.count }
}
