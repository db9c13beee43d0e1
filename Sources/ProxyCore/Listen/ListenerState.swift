/// What the listener of a connection says.
struct ListenerState {
    /// The listener's settings as of the request at hand.
    var settings: ListenerSettings
    /// When the connection was accepted.
    let acceptedUnder: ListenerSettings
    private var published: Published<ListenerSettings>.Reader

    init(_ listener: BoundListener, acceptedUnder: ListenerSettings) {
        published = Published.Reader(listener.settings)
        settings = acceptedUnder
        self.acceptedUnder = acceptedUnder
    }

    /// Reads what it says by now. Whether what is asked of connections has changed: then the next request comes on another.
    mutating func hasMovedOn() -> Bool {
        settings = published.read()
        return settings !== acceptedUnder && !settings.goesOnServing(acceptedUnder)
    }
}
