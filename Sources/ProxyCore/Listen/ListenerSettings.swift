/// What a listener serves.
public enum ListenerPlane: Sendable, Hashable {
    /// Clients of models.
    case data
    /// /admin, /metrics and the dashboard alone.
    case admin
    case both
}

/// Everything about a listener but its address. A reload publishes another one, and the socket stays.
///
/// A connection's TLS is that of the moment it is accepted at, the rest that of the moment an exchange begins at.
final class ListenerSettings: Sendable {
    /// nil: plain HTTP.
    let tls: ServerCredentials?
    /// Whether responses say which rule, tier and account they come from.
    let showsProxydHeaders: Bool
    let plane: ListenerPlane
    /// Whether a connection begins with a PROXY header.
    let takesProxyHeader: Bool
    /// The origins whose pages may read responses of the data plane.
    let cors: CrossOrigins

    init(_ listener: Listener, plane: ListenerPlane) {
        tls = listener.tls?.credentials
        showsProxydHeaders = listener.proxydHeaders
        self.plane = plane
        takesProxyHeader = listener.proxyProtocol
        cors = listener.cors
    }

    /// Whether a connection that was accepted under `other` meets what is asked of connections now: it is encrypted where
    /// others have to be, and its client has shown a certificate where others have to. A renewed certificate alone changes
    /// nothing for it.
    func goesOnServing(_ other: ListenerSettings) -> Bool {
        (tls == nil) == (other.tls == nil) && tls?.clientAuthorities == other.tls?.clientAuthorities
    }
}

/// A listener that is bound: its address, and what a reload may change about it.
final class BoundListener: Sendable {
    let id: ListenerID
    let settings: Published<ListenerSettings>
    let slots = ConnectionSlots()

    init(id: ListenerID, settings: ListenerSettings) {
        self.id = id
        self.settings = Published(settings)
    }
}

/// The listeners that a configuration asks for, each once.
struct ListenerPlan {
    struct Entry {
        let id: ListenerID
        let settings: ListenerSettings
        let listener: Listener
        /// Its place in the file.
        let key: String
    }

    private(set) var entries: [Entry] = []

    init(_ configuration: Configuration) {
        let adminListener = configuration.admin?.listener
        var isShared = false
        for (index, listener) in configuration.listeners.enumerated() {
            // An admin address that is also one of `listen` is one listener that serves both.
            let takesAdmin = adminListener.map { $0.hasAddress(of: listener) } ?? true
            if adminListener != nil, takesAdmin { isShared = true }
            add(listener, takesAdmin ? .both : .data, "listen[\(index)]")
        }
        if let adminListener, !isShared { add(adminListener, .admin, "admin.listen") }
    }

    private mutating func add(_ listener: Listener, _ plane: ListenerPlane, _ key: String) {
        let settings = ListenerSettings(listener, plane: plane)
        entries.append(Entry(id: id(of: listener), settings: settings, listener: listener, key: key))
    }

    private func id(of listener: Listener) -> ListenerID {
        if let path = listener.unixPath { return .unix(path: path) }
        var ordinal = 0
        while listener.port == 0 {
            let id = ListenerID.tcp(host: listener.host, port: 0, ordinal: ordinal)
            guard entries.contains(where: { $0.id == id }) else { break }
            ordinal += 1
        }
        return .tcp(host: listener.host, port: listener.port, ordinal: ordinal)
    }

    subscript(id: ListenerID) -> Entry? { entries.first { $0.id == id } }
}
