/// A metric as it is declared: what it is called, what it counts, by which labels.
public struct Metric: Sendable, Hashable {
    /// Prometheus' name, with unit and `_total`.
    public let name: String
    /// One sentence for `# HELP`.
    public let help: String
    public let kind: Kind
    /// Names of the labels; series name their values in this order.
    public let labels: [String]
    /// Series that it may have beside those of all others; nil: it shares their bound.
    let bound: Int?
    /// The label whose values nobody lists beforehand; it becomes `other` where there would be too many series.
    var openLabel: String? { labels.first { $0 == "model" || $0 == "parameter" } }

    public enum Kind: Sendable, Hashable {
        /// Counts up in whole numbers.
        case counter
        /// Counts up in fractions.
        case sum
        case gauge
        /// Upper bounds of the buckets, rising; at most `MetricHistogram.maximumBounds`, further ones are left out.
        case histogram([Double])
    }

    public init(_ name: String, _ help: String, _ kind: Kind, labels: [String] = [], bound: Int? = nil) {
        self.name = name
        self.help = help
        self.kind = kind
        self.labels = labels
        self.bound = bound
    }
}
