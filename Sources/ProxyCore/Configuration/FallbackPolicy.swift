/// What sends a request on to the next account or tier, and when a tier is passed over.
public struct FallbackPolicy: Sendable, Hashable {
    public var enabled = Schema.FallbackKeys.enabled.byDefault
    /// Share 0–1.
    public var threshold = Schema.FallbackKeys.threshold.byDefault
    public var on = Set(Schema.FallbackKeys.on.byDefault)
    public var cooldown = Schema.FallbackKeys.cooldown.byDefault
    /// No wait that an upstream asks for rests a tier for longer, but for the reset of a quota.
    public var maxCooldown = Schema.FallbackKeys.maxCooldown.byDefault
    /// How long a request waits where nobody has quota and somebody has it again within that time; zero: not at all.
    public var wait = Schema.FallbackKeys.wait.byDefault

    var waits: Bool { enabled && wait > .zero }

    public init() {}

    public enum Trigger: Sendable, Hashable, LosslessStringConvertible {
        case status(Int)
        /// 4 or 5: every 4xx or 5xx.
        case statusClass(Int)
        case exhausted
        case unauthorized
        case unreachable
        case timeout

        /// Those that are no status.
        static let kinds: [Trigger] = [.exhausted, .unauthorized, .unreachable, .timeout]

        /// `429`, `5xx`, `exhausted`
        public var description: String {
            switch self {
            case .status(let status): "\(status)"
            case .statusClass(let digit): "\(digit)xx"
            case .exhausted: "exhausted"
            case .unauthorized: "unauthorized"
            case .unreachable: "unreachable"
            case .timeout: "timeout"
            }
        }

        public init?(_ text: String) {
            let classes = [Trigger.statusClass(4), .statusClass(5)]
            if let kind = Self.kinds.first(where: { $0.description == text }) {
                self = kind
            } else if let known = classes.first(where: { text == $0.description || text == $0.description.uppercased() }) {
                self = known
            } else if let status = try? Quantity.decimal(text, places: 0), (400...599).contains(status) {
                self = .status(status)
            } else {
                return nil
            }
        }
    }
}
