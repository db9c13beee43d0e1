/// References in the keys of mappings, as in `prices: {"${MODEL}": …}`: resolved before anything looks a key up.
struct KeyReferences {
    let context: LoadContext

    /// The file's tree with such keys resolved; one that cannot be is told and left out.
    func resolve(_ root: YAMLNode) -> YAMLNode {
        Self.isIn(root) ? resolved(root, "") : root
    }

    /// The tree is no deeper than the reader allows.
    private static func isIn(_ node: YAMLNode) -> Bool {
        switch node.content {
        case .scalar: false
        case .sequence(let items): items.contains { isIn($0) }
        case .mapping(let entries): entries.contains { $0.key.utf8.contains(UInt8(ascii: "$")) || isIn($0.value) }
        }
    }

    private func resolved(_ node: YAMLNode, _ path: String) -> YAMLNode {
        var result = node
        switch node.content {
        case .scalar: break
        case .sequence(let items):
            result.content = .sequence(items.enumerated().map { resolved($1, "\(path)[\($0)]") })
        case .mapping(let entries):
            result.content = .mapping(resolved(entries, path))
        }
        return result
    }

    private func resolved(_ entries: [YAMLEntry], _ path: String) -> [YAMLEntry] {
        var result: [YAMLEntry] = []
        var places: [String: SourceLocation] = [:]
        for entry in entries {
            // The user's own, at the top: nothing reads it.
            if path.isEmpty, entry.key.hasPrefix("x-") {
                result.append(entry)
                continue
            }
            guard var entry = context.resolvingKey(of: entry, path) else { continue }
            if let first = places[entry.key] {
                context.error(
                    at: entry.keyLocation, path, "stands for the same key as the one at \(first)", length: entry.keyLength)
                continue
            }
            places[entry.key] = entry.keyLocation
            entry.value = resolved(entry.value, context.path(path, entry.shownKey))
            result.append(entry)
        }
        return result
    }
}
