/// Tags before lists and mappings, which other programs read: left alone they would change nothing, and nobody would be told. Those
/// before single values are told where these are read.
struct ForeignTags {
    let context: LoadContext

    /// The entries, in which what was to come from another file is no list or mapping: what it would be is not known.
    func refuse(in entries: [YAMLEntry]) -> [YAMLEntry] {
        entries.map { entry in
            // The user's own, at the top: nothing reads it.
            guard !entry.key.hasPrefix("x-"), Self.isIn(entry.value) else { return entry }
            var entry = entry
            entry.value = look(at: entry.value, entry.shownKey)
            return entry
        }
    }

    /// What is wrong with a value for its tag alone, whatever else would be said of it.
    static func problem(with node: YAMLNode) -> String? {
        guard let tag = node.tag else { return nil }
        if includes(tag) {
            return "the tag '\(tag)' means nothing here; further files are named at the top, as include: [conf.d/*.yaml], and "
                + "have whole keys such as 'upstreams:'"
        }
        guard case .scalar = node.content else {
            return "a tag before a list or mapping is another program's and means nothing here; leave it out"
        }
        return nil
    }

    /// Whether another program would take the value from a file.
    private static func includes(_ tag: String) -> Bool { tag.hasPrefix("!include") || tag.hasPrefix("!import") }

    /// The tree is no deeper than the reader allows.
    private static func isIn(_ node: YAMLNode) -> Bool {
        switch node.content {
        case .scalar: false
        case .sequence(let items): node.tag != nil || items.contains { isIn($0) }
        case .mapping(let entries): node.tag != nil || entries.contains { isIn($0.value) }
        }
    }

    private func look(at node: YAMLNode, _ path: String) -> YAMLNode {
        var node = node
        let problem = Self.problem(with: node)
        if let tag = node.tag, Self.includes(tag) { node.content = .scalar(YAMLScalar(text: tag, style: .plain)) }
        switch node.content {
        case .scalar: break
        case .sequence(let items):
            node.content = .sequence(items.enumerated().map { look(at: $1, "\(path)[\($0)]") })
        case .mapping(let entries):
            node.content = .mapping(
                entries.map { entry in
                    var entry = entry
                    entry.value = look(at: entry.value, context.path(path, entry.shownKey))
                    return entry
                })
        }
        guard let problem else { return node }
        // It may be the beginning of a secret that needs quotes.
        context.hide(node)
        context.error(at: node, path, problem)
        return node
    }
}
