/// What the way back of an exchange must know of its way there.
public struct ConversionContext: Sendable {
    public var client: Dialect
    public var upstream: Dialect
    /// The client wants a stream.
    public var isStreaming = false

    public init(client: Dialect, upstream: Dialect) {
        self.client = client
        self.upstream = upstream
    }
}
