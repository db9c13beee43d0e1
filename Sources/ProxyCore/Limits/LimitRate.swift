/// One number of a limit: `tokens_per_day: 20M`.
public struct LimitRate: Sendable, Hashable {
    public enum Kind: String, Sendable, CaseIterable { case requests, tokens, cost, concurrency }
    /// `now` is what is in flight.
    public enum Window: String, Sendable, CaseIterable { case minute, day, month, total, now }

    public let kind: Kind
    public let window: Window
    /// Requests, tokens, or nano-dollars.
    public let most: Int

    public init(_ kind: Kind, per window: Window, most: Int) {
        (self.kind, self.window, self.most) = (kind, window, most)
    }

    /// The name that the file has for it.
    public var key: String {
        switch (kind, window) {
        case (.concurrency, _): "concurrent_requests"
        case (.cost, .total): "budget_total"
        case (.cost, _): "budget_per_\(window.rawValue)"
        case (_, .total): "\(kind.rawValue)_total"
        case (_, _): "\(kind.rawValue)_per_\(window.rawValue)"
        }
    }
}
