/// A share in a log line: `15%`, `2.5%`.
enum LogShare {
    /// Cut to a tenth of a percent; `unknown` for nil.
    static func text(_ share: Double?) -> String {
        guard let share, share.isFinite else { return "unknown" }
        // What is a hair under a threshold does not look like it; what is typed as a decimal does not lose its last digit.
        let (whole, tenths) = Int(min(max(share, 0), 1) * 1_000 + 1e-6).quotientAndRemainder(dividingBy: 10)
        return tenths == 0 ? "\(whole)%" : "\(whole).\(tenths)%"
    }
}
