import RuleEngine

/// Where the names of an upstream's models come from, for lists of models.
public struct ModelSource: Sendable, Hashable {
    /// Ask the upstream for its own list.
    public var discover = Schema.ModelSourceKeys.discover.byDefault
    /// How often it is asked.
    public var every = Schema.ModelSourceKeys.every.byDefault
    /// Models that it has, whether it lists them or not.
    public var list: [String] = []
    /// Those of its own list that are not shown.
    public var hide: [Glob] = []
    /// The file says something of it: then its list is wanted from the start on.
    var isWritten = false

    public init() {}

    /// Whether a name of the upstream's own list is shown.
    public func shows(_ model: String) -> Bool { !hide.contains { $0.matches(model) } }
}
