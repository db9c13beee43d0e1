/// What a configuration is made of, as far as a watcher cares.
public struct WatchedInputs: Sendable, Hashable {
    public var files: Set<String>
    /// Globs; a file that comes to match one belongs to the configuration.
    public var patterns: Set<String>

    public init(files: some Sequence<String>, patterns: some Sequence<String> = []) {
        self.files = Set(files)
        self.patterns = Set(patterns)
    }

    public func union(_ other: WatchedInputs) -> WatchedInputs {
        WatchedInputs(files: files.union(other.files), patterns: patterns.union(other.patterns))
    }
}
