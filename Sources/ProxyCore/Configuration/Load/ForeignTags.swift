/// Tags before lists and mappings, which other programs read: left alone they would change nothing, and nobody would be told. Those
/// before single values are told where these are read.
struct ForeignTags {
    let context: LoadContext

    func refuse(in root: YAMLNode) {
        guard case .mapping(let entries) = root.content else { return }
        // The user's own, at the top: nothing reads it.
        for entry in entries where !entry.key.hasPrefix("x-") && Self.isIn(entry.value) { look(at: entry.value, entry.shownKey) }
    }

    /// The tree is no deeper than the reader allows.
    private static func isIn(_ node: YAMLNode) -> Bool {
        switch node.content {
        case .scalar: false
        case .sequence(let items): node.tag != nil || items.contains { isIn($0) }
        case .mapping(let entries): node.tag != nil || entries.contains { isIn($0.value) }
        }
    }

    private func look(at node: YAMLNode, _ path: String) {
        switch node.content {
        case .scalar: return
        case .sequence(let items):
            for (index, item) in items.enumerated() { look(at: item, "\(path)[\(index)]") }
        case .mapping(let entries):
            for entry in entries { look(at: entry.value, context.path(path, entry.shownKey)) }
        }
        guard node.tag != nil else { return }
        // It may be the beginning of a secret that needs quotes.
        context.hide(node)
        context.error(at: node, path, "a tag before a list or mapping is another program's and means nothing here; leave it out")
    }
}
