/// What is wrong with the server, in words for operators.
public enum LimitServerTrouble: Error, Sendable, Hashable, CustomStringConvertible {
    case off
    case connecting
    case unreachable(String)
    case timedOut
    case closed
    case wrongPassword
    case passwordNeeded
    case noPermission(String)
    case readOnlyReplica
    case noMaster(String)
    case outOfMemory
    case cannotWriteDisk
    case loading
    case tooOld(String)
    case clusterMode
    case protocolError
    case tls(String)
    case refused(String)

    public var description: String {
        switch self {
        case .off: "no server is configured"
        case .connecting: "it is being connected"
        case .unreachable(let why): "it cannot be reached: \(why)"
        case .timedOut: "it does not answer"
        case .closed: "it closed the connection"
        case .wrongPassword: "wrong user or password"
        case .passwordNeeded: "it asks for a password, and the file has none"
        case .noPermission(let what): "no permission: \(what)"
        case .readOnlyReplica: "it is a read-only replica, not the master"
        case .noMaster(let why): "no master is found: \(why)"
        case .outOfMemory: "its memory is full (OOM)"
        case .cannotWriteDisk: "it takes no writes because it cannot write its disk (MISCONF)"
        case .loading: "it is still loading its data"
        case .tooOld(let version): "its version \(version) is too old; Redis 6 or Valkey 7.2 is needed"
        case .clusterMode: "it is a node of a Redis Cluster, which is not supported; use one server or Sentinels"
        case .protocolError: "what it says is not Redis' protocol"
        case .tls(let why): "TLS fails: \(why)"
        case .refused(let words): "it refuses: \(words)"
        }
    }

    /// What an error reply says of the server itself; nil where it is about the command alone.
    init?(refusal words: String) {
        let code = words.prefix { $0 != " " }
        switch code {
        case "WRONGPASS": self = .wrongPassword
        case "NOAUTH": self = .passwordNeeded
        case "NOPERM": self = .noPermission(Self.bounded(words.dropFirst(7)))
        case "READONLY": self = .readOnlyReplica
        case "OOM": self = .outOfMemory
        case "MISCONF": self = .cannotWriteDisk
        case "LOADING", "MASTERDOWN": self = .loading
        case "BUSY", "TRYAGAIN", "NOREPLICAS": self = .refused(Self.bounded(words[...]))
        default: return nil
        }
    }

    /// Words of a server, as far as a line shows them.
    static func bounded(_ words: Substring) -> String {
        String(String.UnicodeScalarView(words.unicodeScalars.prefix(160).map { $0.value < 0x20 || $0.value == 0x7F ? " " : $0 }))
    }
}
