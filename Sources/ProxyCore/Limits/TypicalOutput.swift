import Synchronization

/// What answers mostly have, by model: a moving average that the last twenty or so decide.
final class TypicalOutput: Sendable {
    /// Clients can name models.
    private static let mostModels = 1_000
    private let averages = Mutex<[String: Double]>([:])

    /// - Parameter output: tokens of an answer that was reported.
    func note(_ model: String, output: Int) {
        let output = Double(min(max(0, output), UsageRecord.maximumNumber))
        averages.withLock { averages in
            if let before = averages[model] {
                averages[model] = before + (output - before) / 20
            } else if averages.count < Self.mostModels {
                averages[model] = output
            }
        }
    }

    /// Tokens, rounded up; nil for a model of which no answer has come.
    func average(_ model: String) -> Int? {
        averages.withLock { $0[model] }.map { Int($0.rounded(.up)) }
    }
}
