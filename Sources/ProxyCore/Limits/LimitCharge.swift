/// A bucket of a limit that a request counts in, as its record names it.
public struct LimitCharge: Sendable, Hashable {
    /// `UsageLimit.id`.
    public let limit: String
    public let bucket: String

    public init(limit: String, bucket: String) {
        (self.limit, self.bucket) = (limit, bucket)
    }
}
