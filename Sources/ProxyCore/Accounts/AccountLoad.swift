import Synchronization

/// What is under way at an account and how it has answered.
public final class AccountLoad: Sendable {
    public let inFlightCount = Atomic<Int>(0)
    let firstByte = Atomic<Int>(0)

    public var inFlight: Int { inFlightCount.load(ordering: .relaxed) }

    /// Milliseconds; nil where nothing came within the last minute.
    public func firstByteMilliseconds(now: Int) -> Double? {
        let time = firstByte.load(ordering: .relaxed)
        return time > 0 ? Double(time) : nil
    }
}

extension AccountStates {
    public func load(of id: AccountID) -> AccountLoad? { loads[id] }

    public func share(of id: AccountID, model: String, now: Int) -> QuotaLevel {
        if let windows = windows[id] { return windows.share(of: model, now: now) }
        return quotaLevel(upstream: id.upstream, model: model, now: now)
    }
}

/// Windows of one account.
public struct AccountWindows: Sendable {
    var windows: [(length: Int, share: Double, resetsAt: Int)] = []

    public func share(of model: String, now: Int) -> QuotaLevel {
        windows.map { $0.resetsAt > now ? $0.share : 1 }.min().map { .known($0) } ?? .unknown
    }

    public func soonestReset(of model: String, now: Int) -> Int? {
        windows.filter { $0.resetsAt > now && $0.share < 1 }.map(\.resetsAt).min()
    }

    public func emptyUntil(_ model: String, now: Int) -> Int? {
        windows.filter { $0.resetsAt > now && $0.share <= 0 }.map(\.resetsAt).max()
    }
}
