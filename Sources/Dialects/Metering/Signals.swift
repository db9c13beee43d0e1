/// What the bytes just read mean for the exchange. Each is raised once in the life of a stream.
public struct Signals: OptionSet, Sendable, Hashable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// A meaningful first event has come (conversion.md 6.2): once it goes out, a fallback is no longer possible.
    public static let content = Signals(rawValue: 1)
    /// The upstream reported an error inside the stream; `error` holds it.
    public static let error = Signals(rawValue: 2)
    /// The response is complete for a client once these bytes go out: the usage must be on record before them.
    public static let terminal = Signals(rawValue: 4)
}
