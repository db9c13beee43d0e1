/// What a name of the operator's own stands for, resolved.
public struct AliasTarget: Sendable, Hashable {
    public let model: String
    /// The index of its own route; nil where the rules decide on `model`.
    public let route: Int?

    /// The routes of aliases are the last ones, in the order of the aliases that name an upstream.
    static func table(_ aliases: [ModelAlias], routes: [Route]) -> [String: AliasTarget] {
        guard !aliases.isEmpty else { return [:] }
        var next = routes.count - aliases.count { $0.upstream != nil }
        var table: [String: AliasTarget] = [:]
        for alias in aliases {
            var route: Int?
            if alias.upstream != nil {
                route = routes.indices.contains(next) ? next : nil
                next += 1
            }
            table[alias.name] = table[alias.name] ?? AliasTarget(model: alias.model, route: route)
        }
        return table
    }
}
