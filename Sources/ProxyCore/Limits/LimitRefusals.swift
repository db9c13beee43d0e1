/// What each limit says that refuses a request; there is at least one, or a bucket that is asked for.
public struct LimitRefusals: Error, Sendable {
    public let all: [LimitRefusal]
    /// What the server of limits is asked first; where it is, nothing is refused yet.
    var asks = LeaseAsks()

    init(all: [LimitRefusal], asks: LeaseAsks = LeaseAsks()) {
        (self.all, self.asks) = (all, asks)
    }

    /// The one that the client hears of: it lasts longest.
    public var worst: LimitRefusal? {
        all.dropFirst().reduce(all.first) { worst, next in next.outweighs(worst) ? next : worst }
    }
}
