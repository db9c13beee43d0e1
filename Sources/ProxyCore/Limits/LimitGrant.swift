import RuleEngine

/// What one exchange holds of its limits. Made when limits apply to a request, settled once.
final class LimitGrant {
    /// In the file's order, the policy's first.
    private(set) var uses: [LimitUse]
    var demand: LimitDemand
    /// nil before the first upstream is asked and after the end.
    var reservation: LimitReservation?
    /// Said when nobody is left who is cheap enough: no upstream has been asked.
    var refusal: LocalReply?
    /// What the request came to; all zero where it counts for nothing.
    var used = LimitAmounts.zero
    /// The table's count of blocks that was looked at last.
    var seenBlocks = 0

    init(uses: [LimitUse], demand: LimitDemand, seenBlocks: Int) {
        (self.uses, self.demand, self.seenBlocks) = (uses, demand, seenBlocks)
    }

    var usesTypical: Bool { uses.contains { $0.limit.reserve == .typical } }

    /// A limit sends the request elsewhere: it does not count there.
    func drop(_ limit: UsageLimit) { uses.removeAll { $0.limit === limit } }

    var charges: [LimitCharge] { uses.map { LimitCharge(limit: $0.limit.id, bucket: $0.bucket) } }
}

@available(*, unavailable)
extension LimitGrant: Sendable {}

extension LimitEntry {
    enum Application {
        case none
        case use(LimitUse)
        /// `per` or `when` could not be computed.
        case failed(String)
    }

    /// Whether the limit applies to a request, and in which bucket.
    func application(_ facts: Facts) -> Application {
        if let condition {
            switch condition.evaluate(facts) {
            case .true: break
            case .false: return .none
            case .failed(let why): return .failed("'when' \(why)")
            }
        }
        switch per.evaluate(facts) {
        case .failed(let why): return .failed("'per' \(why)")
        case .text(""): return .none
        case .text(let text): return .use(LimitUse(limit, bucket: Self.bucket(text)))
        }
    }

    /// Bytes of a bucket's name. Clients can choose it: a longer one goes by its digest.
    private static let mostBytes = 256

    private static func bucket(_ text: String) -> String {
        text.utf8.count <= mostBytes ? text : "sha256:" + KeyDigest(hashing: text).hex
    }
}

extension LimitSet {
    /// What of a limit's bucket a request has left, for the rules' `limit(…)`.
    /// - Parameters:
    ///   - facts: what the entries look at, of the request.
    func share(_ title: String, _ facts: Facts, keyID: String, policy: String, _ table: LimitTable, now: LimitTime) -> Double {
        guard let found = find(title) else { return 1 }
        if let rate = found.rate {
            guard policies[policy] === found.limit else { return 1 }
            return table.share(left: LimitUse(found.limit, bucket: keyID), of: rate, now: now)
        }
        guard let entry = entries.first(where: { $0.limit === found.limit }) else { return 1 }
        switch entry.application(facts) {
        case .none: return 1
        // The request will be refused: nothing is left.
        case .failed: return 0
        case .use(let use): return table.share(left: use, now: now)
        }
    }
}
