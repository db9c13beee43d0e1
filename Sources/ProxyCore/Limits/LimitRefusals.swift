/// What each limit says that refuses a request; there is at least one.
public struct LimitRefusals: Error, Sendable {
    public let all: [LimitRefusal]

    /// The one that the client hears of: it lasts longest.
    public var worst: LimitRefusal? {
        all.dropFirst().reduce(all.first) { worst, next in next.outweighs(worst) ? next : worst }
    }
}
