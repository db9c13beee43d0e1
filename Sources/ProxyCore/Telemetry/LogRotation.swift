/// When a file of log lines gives way to the next, and how many are kept.
public struct LogRotation: Sendable, Hashable {
    /// Bytes; nil: however large it is.
    public var bytes: Int?
    /// The age from which it is begun anew; nil: however old it is.
    public var age: Duration?
    /// Rotated files, `FILE.1` the newest.
    public var keep = Schema.LogKeys.keep.byDefault

    public init(bytes: Int? = nil, age: Duration? = nil) {
        self.bytes = bytes
        self.age = age
    }
}
