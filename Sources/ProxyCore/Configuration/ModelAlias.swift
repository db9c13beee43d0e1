/// A name of the operator's own for a model.
public struct ModelAlias: Sendable, Hashable {
    public var name: String
    /// The model it stands for.
    public var model: String
    /// nil: the request goes on through the rules under `model`.
    public var upstream: String?
    public var displayName: String?

    public init(name: String, model: String, upstream: String? = nil, displayName: String? = nil) {
        self.name = name
        self.model = model
        self.upstream = upstream
        self.displayName = displayName
    }
}
