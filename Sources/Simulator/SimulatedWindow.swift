/// A limit of an account for a while, as a vendor keeps it: it begins with its first use, and is full again when it is over.
/// Pure: the time comes from outside, in seconds since 1970.
public struct SimulatedWindow: Sendable, Hashable {
    /// `requests`, `tokens`, `input_tokens`, `output_tokens`; `5h`, `7d`, `7d_opus` of a subscription; Codex' `primary` and
    /// `secondary`; `burst`, which no header tells.
    public var kind: String
    /// The models that it holds together: a name, `*`, or a beginning and `*`.
    public var model: String
    /// The limit in what the kind counts: tokens, or requests.
    public var limit: Double
    /// Seconds.
    public var period: Double
    private var used = 0.0
    /// nil while nothing is used.
    private var endsAt: Double?

    /// - Parameter period: seconds; nil for what is usual of the kind.
    public init(kind: String, limit: Double, period: Double? = nil, model: String = "*") {
        self.kind = kind
        self.model = model
        self.limit = max(limit, 1)
        self.period = period ?? Self.usualPeriod(of: kind)
    }

    /// `5h=200`, `requests=50/1m`, `tokens=40k/60s`; nil for what is none.
    public init?(text: String) {
        let halves = text.split(separator: "=", maxSplits: 1)
        guard halves.count == 2, Self.isKind(String(halves[0])) else { return nil }
        let numbers = halves[1].split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let limit = Self.number(numbers[0], units: ["": 1, "k": 1e3, "M": 1e6]) else { return nil }
        var period: Double?
        if numbers.count == 2 {
            let units = ["s": 1.0, "m": 60, "h": 3600, "d": 86_400]
            let text = numbers[1].first?.isNumber == true ? numbers[1] : "1\(numbers[1])"
            guard let seconds = Self.number(Substring(text), units: units) else { return nil }
            period = seconds
        }
        self.init(kind: String(halves[0]), limit: limit, period: period)
    }

    private static let kinds = ["requests", "tokens", "input_tokens", "output_tokens", "primary", "secondary", "burst"]

    static func isKind(_ kind: String) -> Bool {
        kinds.contains(kind) || kind == "5h" || kind == "7d" || kind.hasPrefix("7d_") && kind.count < 40
    }

    /// Whether it is one of a subscription's: a share of it is told, not a number.
    var isSubscription: Bool { !Self.kinds.contains(kind) }
    var isCodex: Bool { kind == "primary" || kind == "secondary" }

    private static func usualPeriod(of kind: String) -> Double {
        switch kind {
        case "5h", "primary": 5 * 3600
        case "secondary": 7 * 86_400
        case "burst": 10
        default: kind.hasPrefix("7d") ? 7 * 86_400 : 60
        }
    }

    private static func number(_ text: Substring, units: [String: Double]) -> Double? {
        let digits = text.prefix { $0.isNumber || $0 == "." }
        guard let number = Double(digits), let unit = units[String(text.dropFirst(digits.count))] else { return nil }
        let product = number * unit
        return product > 0 && product < 1e12 ? product : nil
    }

    // MARK: Reading

    private func isOver(_ now: Double) -> Bool { endsAt.map { $0 <= now } ?? true }

    func remaining(_ now: Double) -> Double { isOver(now) ? limit : max(0, limit - used) }
    /// 0–1.
    func utilization(_ now: Double) -> Double { 1 - remaining(now) / limit }
    /// When it is full again.
    func reset(_ now: Double) -> Double { isOver(now) ? now + period : endsAt ?? now + period }
    func isUsedUp(_ now: Double) -> Bool { remaining(now) < 1 }
    func holds(_ asked: String) -> Bool { SimulatedFailure.matches(model, asked) }

    // MARK: Using

    mutating func use(_ reply: Reply, now: Double) {
        let amount: Double =
            switch kind {
            case "tokens": Double(reply.inputTokens + reply.outputTokens)
            case "input_tokens": Double(reply.inputTokens)
            case "output_tokens": Double(reply.outputTokens)
            default: 1
            }
        set(remaining: remaining(now) - amount, resetsIn: nil, now: now)
    }

    /// - Parameter resetsIn: seconds; nil leaves the end where it is.
    mutating func set(remaining: Double, resetsIn: Double?, now: Double) {
        let end = isOver(now) ? nil : endsAt
        used = limit - remaining.clamped(to: 0...limit)
        endsAt = resetsIn.map { now + $0 } ?? end ?? now + period
    }
}
