import ProxyCore

/// What the admin plane needs of limits. Changes hold from the next request on, and outlive the process.
public protocol LimitAdministration: Sendable {
    /// Where several nodes share the limits, what others have used of these buckets is asked for, and waited for a moment.
    func refresh(_ limits: [UsageLimit], buckets: [String]) async
    /// What is used and reserved, in order of the limits given and of their buckets.
    /// - Parameters:
    ///   - bucket: only this one.
    ///   - listsUntouched: of a bucket that nobody has used figures are given too.
    func figures(_ limits: [UsageLimit], bucket: String?, listsUntouched: Bool) -> [LimitFigure]
    /// The same of so many buckets, those that come after one; and the last of them, where more follow.
    func figures(
        _ limits: [UsageLimit], count: Int, after last: LimitCharge?
    ) -> (figures: [LimitFigure], next: LimitCharge?)
    /// The limits at this moment, for a request that is only described.
    var look: LimitLook { get }
    /// Counts begin at zero; what is in flight stays reserved.
    /// - Parameters:
    ///   - kind: only these numbers; nil for all that the bucket counts.
    ///   - window: only of this one; nil for all.
    func reset(_ limit: UsageLimit, bucket: String, kind: LimitRate.Kind?, window: LimitRate.Window?) async throws
    /// Refuses the bucket, and ends its requests in flight.
    /// - Parameters:
    ///   - until: milliseconds since 1970; 0 lets it through again, the greatest number is for ever.
    ///   - title: what refusals call the limit.
    func block(_ limit: UsageLimit, bucket: String, until: Int, as title: String) async throws
}

extension LimitBook: LimitAdministration {}
