/// What a configuration is made of, as far as a watcher cares.
public struct WatchedInputs: Sendable, Hashable {
    public var files: Set<String>
    /// Globs; a file that comes to match one belongs to the configuration.
    public var patterns: Set<String>
    /// Grows with every read that no watcher asked for. What a watcher saw last may be there again, and something else have been
    /// read in between: then it counts as changed.
    public var otherReads = 0

    public init(files: some Sequence<String>, patterns: some Sequence<String> = []) {
        self.files = Set(files)
        self.patterns = Set(patterns)
    }

    /// The files and patterns of both.
    public func union(_ other: WatchedInputs) -> WatchedInputs {
        WatchedInputs(files: files.union(other.files), patterns: patterns.union(other.patterns))
    }
}
