/// Which certificates of listeners end soon, or have ended: each is told once, until it is another one.
public struct CertificateEnds: Sendable {
    public enum Change: Sendable, Hashable { case endsSoon, ended }

    /// What was told, by the digest of the files.
    private var told: [String: Change] = [:]

    public init() {}

    /// - Parameters:
    ///   - listeners: each with the digest of its credentials and when its own certificate ends.
    ///   - now: seconds since 1970.
    ///   - soon: how many seconds before its end a certificate is told.
    /// - Returns: what is to be told now, by the listeners' places.
    public mutating func look(
        at listeners: [(digest: String, notAfter: Int)], now: Int, soon: Int
    ) -> [(index: Int, change: Change)] {
        var standing: [String: Change] = [:]
        var changes: [(index: Int, change: Change)] = []
        for (index, listener) in listeners.enumerated() where listener.notAfter - now < soon {
            let change: Change = listener.notAfter <= now ? .ended : .endsSoon
            if told[listener.digest] != change, standing[listener.digest] == nil { changes.append((index, change)) }
            standing[listener.digest] = change
        }
        told = standing
        return changes
    }
}
