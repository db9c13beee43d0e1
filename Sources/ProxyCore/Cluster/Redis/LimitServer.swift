/// The server that nodes share limits, blocks and hints by: what is asked of a client of Redis or Valkey.
///
/// Nothing here waits: a command is handed over, and its reply comes to a closure, on any thread and always. While there is no
/// connection it fails at once.
public protocol LimitServer: Sendable {
    /// What is known of the server now.
    var state: LimitServerState { get }

    /// Called with every change, from any thread, in order; first with what is now. It must not wait.
    func onChange(_ handler: @escaping @Sendable (LimitServerState) -> Void)

    func send(_ words: [[UInt8]], _ reply: @escaping @Sendable (Result<RESPValue, LimitServerFailure>) -> Void)

    /// Runs a script by its digest; where the server does not have it, it is loaded, and run.
    func run(
        _ script: LimitScript, keys: [[UInt8]], arguments: [[UInt8]],
        _ reply: @escaping @Sendable (Result<RESPValue, LimitServerFailure>) -> Void)

    /// What others publish there, over every connection from now on. The handler must not wait.
    func subscribe(_ channel: String, _ handler: @escaping @Sendable ([UInt8]) -> Void)

    /// Best effort: it is not told whether anybody heard it.
    func publish(_ channel: String, _ message: [UInt8])
}

extension LimitServer {
    /// - Throws: also what the server refuses with an error.
    public func call(_ words: [[UInt8]]) async throws(LimitServerFailure) -> RESPValue {
        try await withCheckedContinuation { continuation in
            send(words) { continuation.resume(returning: $0) }
        }.get()
    }

    /// - Throws: also what the server, or the script, refuses with an error.
    public func script(
        _ script: LimitScript, keys: [[UInt8]], arguments: [[UInt8]]
    ) async throws(LimitServerFailure) -> RESPValue {
        try await withCheckedContinuation { continuation in
            run(script, keys: keys, arguments: arguments) { continuation.resume(returning: $0) }
        }.get()
    }

    public func call(_ words: String...) async throws(LimitServerFailure) -> RESPValue {
        try await call(words.map { Array($0.utf8) })
    }
}

/// A Lua script and its digest.
public struct LimitScript: Sendable, Hashable {
    public let source: [UInt8]
    /// SHA-1 in hexadecimal: what `EVALSHA` calls it.
    public let digest: [UInt8]
    /// Whether that it was done says that the server takes writes.
    let writes: Bool

    /// One that writes.
    public init(_ source: String) {
        self.init(Array(source.utf8), writes: true)
    }

    public static func reading(_ source: String) -> LimitScript { LimitScript(Array(source.utf8), writes: false) }

    private init(_ source: [UInt8], writes: Bool) {
        self.source = source
        self.writes = writes
        digest = SHA1Digest.hex(source)
    }
}

/// How this node stands with the server of limits.
public enum LimitServerState: Sendable, Hashable {
    /// The file names no server.
    case off
    /// The first connection is on its way.
    case connecting
    /// It answers. The number grows with every time that it comes back: its memory may be empty then.
    case up(Int)
    case down(LimitServerTrouble)

    public var isUp: Bool {
        if case .up = self { true } else { false }
    }
}

/// Why there is no reply.
public enum LimitServerFailure: Error, Sendable, Hashable {
    /// There is no connection.
    case away(LimitServerTrouble)
    /// The connection ended before the reply came: whether it was done is not known.
    case lost(LimitServerTrouble)
    /// Too much waits for replies already.
    case full
    /// The server's own words: `OOM command not allowed …`.
    case refused(String)

    /// The first word of what the server refused with: `NOSCRIPT`, `OOM`.
    public var code: Substring? {
        if case .refused(let words) = self { words.prefix { $0 != " " } } else { nil }
    }
}

extension LimitServerTrouble {
    /// What the server says of the command alone; nil where it did not say no.
    init?(_ error: any Error) {
        guard case .refused(let words)? = error as? LimitServerFailure else { return nil }
        let inner = RedisLink.innerRefusal(words)
        // A server that does not know a command repeats all of it: that is left out.
        let asked = inner.firstRange(of: ", with args beginning with")
        self = .refused(Self.bounded(inner[..<(asked?.lowerBound ?? inner.endIndex)]))
    }
}
