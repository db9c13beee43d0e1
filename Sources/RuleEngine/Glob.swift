/// A pattern over model names: `*` takes any run of characters, everything else itself.
public struct Glob: Sendable, Hashable {
    public let text: String

    public init(_ text: String) {
        self.text = text
    }
}
