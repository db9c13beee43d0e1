/// The attempts of an exchange that did not serve it.
struct AttemptTrail {
    /// Candidates that were asked.
    var attempts = 0
    /// Where the ledger keeps the request until it has ended.
    var inFlight: Int?
    var failures: [AttemptFailure] = []
    /// Why proxyd itself ended the attempt that was under way; nil where it did not.
    var stopped: Outcome.Reason?
    /// Who got the client's own login at its vendor.
    var loginWentTo: String?
    /// What was used beside what an answer tells.
    var untold: [UntoldUsage] = []
    /// The failure that was reported to the client, where nobody served it.
    var reported: AttemptFailure?
    /// It waits, or has waited, until somebody has quota.
    var waiting: Exchange.Waiting?
    /// nil where nobody traces.
    var trace: RequestTrace?
    /// nil where nobody records decisions.
    var note: DecisionNote?
    /// What rules read, for the request's row; mostly nothing.
    var inputs: [UInt8] = []

    /// Why the request moved on from the last one.
    mutating func markLast(_ reason: CooldownReason) {
        guard !failures.isEmpty else { return }
        failures[failures.count - 1].reason = reason
    }

    /// Which failure tells the client most; of equals the first.
    var worst: AttemptFailure? {
        failures.enumerated().max(by: { ($0.element.severity, $1.offset) < ($1.element.severity, $0.offset) })?.element
    }

    /// Attempts that came to nothing and who was passed over, as the request's row tells them. Mostly none.
    func steps(_ plan: RoutePlan?, _ snapshot: Snapshot) -> [UsageRecord.Step] {
        let passed = plan?.attempts.passedOver ?? []
        var steps: [UsageRecord.Step] = []
        var next = 0
        func passOver(before attempt: Int) {
            while next < passed.count, passed[next].attempts <= attempt {
                let (candidate, reason) = (passed[next].candidate, passed[next].reason)
                next += 1
                steps.append(
                    UsageRecord.Step(
                        tier: plan?.route.tiers[candidate.tier].text ?? "",
                        account: snapshot.accountIDs[candidate.upstream][candidate.account].account, reason: reason.rawValue))
            }
        }
        for (index, failure) in failures.enumerated() {
            passOver(before: index)
            steps.append(failure.step)
        }
        passOver(before: .max)
        return steps
    }

    /// Why the request moved on, from whom it did.
    var reasons: String { failures.compactMap(\.reason?.description).joined(separator: ",") }

    /// Who was asked and did not serve it, and what came of it: `openai/main 503 server_error, azure/main connect_timeout`.
    var tried: String { failures.map { "\($0.target.id.upstream)/\($0.target.id.account) \($0.end)" }.joined(separator: ", ") }
}
