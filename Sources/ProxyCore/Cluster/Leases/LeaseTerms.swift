/// The terms by which a node takes leases of limits.
public struct LeaseTerms: Sendable, Hashable {
    public enum WhenAway: String, Sendable, CaseIterable { case local, refuse }

    /// Millionths of what is left of a limit that a node takes at a time.
    public var share: Int
    /// Milliseconds that a lease lasts.
    public var lasts: Int
    /// How many nodes the file says there are; nil goes by those that were seen last.
    public var nodes: Int?
    public var whenAway: WhenAway

    public init(share: Int = 100_000, lasts: Int = 2_000, nodes: Int? = nil, whenAway: WhenAway = .local) {
        self.share = min(max(1, share), 1_000_000)
        self.lasts = min(max(200, lasts), 3_600_000)
        self.nodes = nodes.map { max(1, $0) }
        self.whenAway = whenAway
    }

    /// nil where the file names no server.
    public init?(_ cluster: ClusterSettings?) {
        guard let cluster, !cluster.limits.isEmpty else { return nil }
        self.init(
            share: Int((min(max(cluster.lease.share, 0), 1) * 1_000_000).rounded()),
            lasts: cluster.lease.duration.milliseconds, nodes: cluster.nodes,
            whenAway: cluster.whenUnreachable.limits == .refuse ? .refuse : .local)
    }

    /// What a node holds of a number at most and does not use.
    func lease(of most: Int) -> Int { max(1, kept(of: most)) }

    /// What it keeps of that while requests come: nothing of what is too little to be shared.
    func kept(of most: Int) -> Int { most / 1_000_000 * share + most % 1_000_000 * share / 1_000_000 }

    /// What is left of an amount when each of so many nodes has taken its share of what the ones before have left.
    func untaken(of amount: Int, by nodes: Int) -> Int {
        var left = max(0, amount)
        for _ in 0..<min(max(0, nodes), 100) where left > 0 { left -= min(left, lease(of: left)) }
        return left
    }

    /// Milliseconds that a request waits for an answer at most.
    static let patience = 50
    /// The same where the server is slow, or this machine short of time.
    static let longestPatience = 500

    /// A node whose own timers are late takes no answer's delay for the server's absence: it waits longer, and comes back to what is
    /// usual within seconds.
    /// - Parameters:
    ///   - late: milliseconds that its last timer came too late.
    ///   - before: what was waited until now.
    static func patience(late: Int, before: Int) -> Int {
        let wanted = patience + 4 * min(max(0, late), longestPatience)
        return max(patience, min(longestPatience, max(wanted, before - 5)))
    }

    /// Milliseconds for which what the server has told of a limit is the answer to a request that does not fit.
    static let fresh = 100

    /// Milliseconds after which so many buckets that others may use are asked for anew.
    static let refreshes = 500
    static let refreshed = 16

    /// What one of `nodes` may use of a number by itself. The shares of all are together no more than the number.
    public static func share(of most: Int, nodes: Int) -> Int { max(0, most) / max(1, nodes) }
}

extension LimitRate.Kind {
    /// The kind's index, 0 to 3, in scripts and in what buckets keep of others.
    var place: Int {
        switch self {
        case .requests: 0
        case .tokens: 1
        case .cost: 2
        case .concurrency: 3
        }
    }
}

extension LimitRate.Window {
    /// The window's index, 0 to 4, in scripts and in what buckets keep of others; the last is what is held at the moment.
    var place: Int {
        switch self {
        case .minute: 0
        case .day: 1
        case .month: 2
        case .total: 3
        case .now: 4
        }
    }
}
