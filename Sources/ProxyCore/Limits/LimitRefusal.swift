import Basics

/// Why a request is refused by a limit, and until when.
public struct LimitRefusal: Error, Sendable {
    public enum Wait: Sendable, Hashable {
        /// Milliseconds; the request would fit then.
        case milliseconds(Int)
        /// Nobody knows: what is in flight has to end.
        case unknown
        /// It fits at no time, or only when an operator says so.
        case never
    }

    public let limit: UsageLimit
    /// nil where the bucket is blocked as a whole.
    public let rate: LimitRate?
    /// What the operator called the limit who blocked it; empty where nobody did.
    public var title = ""
    public let label: String
    public let used: Int
    public let reserved: Int
    public let needed: Int
    /// Milliseconds since 1970: when the window begins anew, or the block ends.
    public let resetsAt: Int?
    public let wait: Wait

    /// `team budget`, `team.requests_per_minute`; of a bucket that is blocked as a whole the entry's or the policy's.
    public var name: String { rate.map { limit.title($0) } ?? (title.isEmpty ? limit.name : title) }

    /// What it is that is used up; of a bucket that is blocked what the number counts that it was blocked by, or all its numbers.
    public var kind: LimitRate.Kind {
        if let rate { return rate.kind }
        let named = limit.rates.filter { limit.title($0) == name }
        let kinds = Set((named.isEmpty ? limit.rates : named).map(\.kind))
        return kinds.count == 1 ? kinds.first ?? .requests : .requests
    }

    /// - Parameter instant: writes milliseconds since 1970 in the configured time zone.
    public func message(_ instant: (Int) -> String) -> String {
        guard let rate else {
            let until = resetsAt.map { " until \(instant($0))" } ?? ""
            return "the limit '\(name)' (\(limit.noun) \(label)) is blocked\(until)"
        }
        func form(_ number: Int) -> String { rate.kind == .cost ? Self.money(number, isExact: true) : "\(number)" }
        let most = rate.kind == .cost ? Self.money(rate.most) : "\(rate.most)"
        var text = "the limit '\(limit.title(rate))' (\(rate.key) \(most), \(limit.noun) \(label)) is used up: "
        if rate.kind == .concurrency { return text + "\(used) in flight" }
        text += "\(form(used)) used"
        if reserved > 0 { text += ", \(form(reserved)) reserved" }
        text += ", \(form(needed)) needed"
        if needed > rate.most { return text + ", more than it ever has" }
        if let resetsAt { text += ", begins anew \(instant(resetsAt))" }
        return text
    }

    /// `1999.20 USD`: two places, more where the number has them, at most six.
    /// - Parameter isExact: two places of a whole number too: `2.00 USD`, else `2 USD` as files have it.
    static func money(_ nanoDollars: Int, isExact: Bool = false) -> String {
        let micros = max(0, nanoDollars) / 1_000 + (max(0, nanoDollars) % 1_000 >= 500 ? 1 : 0)
        var places = RFC3339.padded(micros % 1_000_000, 6)
        while places.utf8.count > 2, places.hasSuffix("0") { places.removeLast() }
        let whole = micros / 1_000_000
        return places == "00" && !isExact ? "\(whole) USD" : "\(whole).\(places) USD"
    }
}
