/// What one loop found when it last compared the accounts of an upstream for a model.
///
/// To compare fifty costs more than to relay a short answer; what it finds is as good a few moments later, as long as nothing new is
/// published. Whoever is taken from here is still asked whether it can serve.
final class ChooseMemory {
    struct Finding {
        let upstream: Int
        let model: String
        let madeAt: Int
        /// The version of the states that were looked at.
        let version: Int
        /// Those that could serve, who comes first by the upstream's word first.
        let order: [Int]
        /// What they are doing, in the same order; nil for who was never asked.
        let loads: [AccountLoad?]
    }

    /// Milliseconds.
    static let lifetime = 50
    /// Clients choose models.
    private static let most = 32

    private var findings: [Finding] = []
    private var next = 0

    /// - Parameter version: of the states as they are now.
    func find(upstream: Int, model: String, version: Int, now: Int) -> Finding? {
        findings.first { $0.upstream == upstream && $0.model == model }
            .flatMap { $0.version == version && now &- $0.madeAt < Self.lifetime ? $0 : nil }
    }

    func keep(_ finding: Finding) {
        if let known = findings.firstIndex(where: { $0.upstream == finding.upstream && $0.model == finding.model }) {
            findings[known] = finding
        } else if findings.count < Self.most {
            findings.append(finding)
        } else {
            findings[next] = finding
            next = (next + 1) % Self.most
        }
    }
}

@available(*, unavailable)
extension ChooseMemory: Sendable {}
