import Dialects

/// One answered request, as it is booked.
public struct UsageRecord: Sendable, Hashable {
    /// The exchange's id; booking the same id twice counts once.
    public var requestID: String
    public var keyID: String
    /// Seconds since 1970, when the response ended.
    public var time: Int
    /// The model that served.
    public var model: String
    public var labels: UsageLabels
    public var usage: TokenUsage
    public var provenance: Provenance
    /// Nano-dollars.
    public var cost: Int

    public enum Provenance: UInt8, Sendable, Hashable {
        case reported = 0
        /// The response was cut or left before its last word on usage: what had been reported is booked, or what had come by an
        /// estimate, whichever is more.
        case partial = 1
        /// The response told nothing.
        case unknown = 2
    }

    public init(
        requestID: String, keyID: String, time: Int, model: String, labels: UsageLabels, usage: TokenUsage,
        provenance: Provenance, cost: Int = 0
    ) {
        self.requestID = requestID
        self.keyID = keyID
        self.time = time
        self.model = model
        self.labels = labels
        self.usage = usage
        self.provenance = provenance
        self.cost = cost
    }
}
