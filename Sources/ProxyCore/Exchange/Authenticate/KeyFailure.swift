/// Why a change to the keys was not made.
public enum KeyFailure: Error, Sendable, Hashable, CustomStringConvertible {
    case notFound
    /// Deleting a key that the file declares: it would be back with the next start.
    case declared(name: String)
    /// Changing what the file says of a key that it declares.
    case fixed(name: String)
    /// So many earlier texts of the key still open.
    case busy(name: String, count: Int)
    /// Another key has the name; its id.
    case taken(name: String, id: String)
    /// A key cannot be as it is asked for; says what is wrong.
    case invalid(String)
    /// The store could not be written; says why.
    case storage(String)

    public var description: String {
        switch self {
        case .notFound: "no such key"
        case .declared(let name): "key '\(name)' is declared in the configuration file: remove it there, or disable it"
        case .fixed(let name): "key '\(name)' is declared in the configuration file: change it there"
        case .busy(let name, let count):
            "key '\(name)' was rotated \(count) times, and all its earlier texts still work: wait until one of them ends"
        case .taken(let name, let id): "there is a key called '\(name)' already (\(id))"
        case .invalid(let reason): reason
        case .storage(let reason): "keys cannot be stored: \(reason)"
        }
    }
}
