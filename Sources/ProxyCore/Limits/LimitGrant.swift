import RuleEngine

/// The limits that apply to a request. Of limits that look at nothing but the key there is one for all of a key's requests on a loop.
final class LimitUses {
    /// The uses in the file's order, the policy's first.
    let uses: [LimitUse]
    /// What records say of them.
    let charges: [LimitCharge]
    let usesTypical: Bool
    /// Whether any counts tokens or money.
    let countsTokens: Bool
    /// Where the table had their buckets last: most likely they are there still.
    var slots: [Int]
    /// Memory of a reservation that is settled.
    private var room: [LimitReservation.Entry] = []

    init(_ uses: [LimitUse]) {
        self.uses = uses
        charges = uses.map { LimitCharge(limit: $0.limit.id, bucket: $0.bucket) }
        usesTypical = uses.contains { $0.limit.reserve == .typical }
        countsTokens = uses.contains { $0.limit.rates.contains { $0.kind == .tokens || $0.kind == .cost } }
        slots = uses.map { _ in -1 }
    }

    /// What the next reservation is put into: empty, with room where one has been settled.
    func takeRoom() -> [LimitReservation.Entry] {
        var taken: [LimitReservation.Entry] = []
        swap(&taken, &room)
        return taken
    }

    func keepRoom(of settled: inout LimitReservation) {
        swap(&room, &settled.entries)
        room.removeAll(keepingCapacity: true)
    }
}

@available(*, unavailable)
extension LimitUses: Sendable {}

/// What one exchange holds of its limits. Made when limits apply to a request, settled once.
final class LimitGrant {
    private(set) var limits: LimitUses
    var demand: LimitDemand
    /// nil before the first upstream is asked and after the end.
    var reservation: LimitReservation?
    /// Tokens that the answer of the candidate at hand may have, where its format gives thoughts room beside what the request asks for.
    var raisedOutput: Int?
    /// Said when nobody is left who is cheap enough: no upstream has been asked.
    var refusal: LocalReply?
    /// What the request came to; all zero where it counts for nothing.
    var used = LimitAmounts.zero
    /// How it waits, or has waited, for the server that shares limits; nil where it has not.
    var lease: LeaseWait?
    /// The table's count of blocks that was looked at last.
    var seenBlocks = 0

    init(_ limits: LimitUses, demand: LimitDemand, seenBlocks: Int) {
        (self.limits, self.demand, self.seenBlocks) = (limits, demand, seenBlocks)
    }

    var uses: [LimitUse] { limits.uses }

    /// A limit sends the request elsewhere: it does not count there.
    func drop(_ limit: UsageLimit) { limits = LimitUses(uses.filter { $0.limit !== limit }) }
}

@available(*, unavailable)
extension LimitGrant: Sendable {}

/// A request that waits for a lease of a limit.
struct LeaseWait {
    /// Who is asked once it is there; nil where that is to be found anew.
    var candidate: Candidate?
    /// It waits now.
    var isWaiting = true
    /// It waits no more, whatever comes.
    var isOver = false
    /// When it began to wait; by the steady clock.
    var since = SteadyClock.milliseconds

    var patience: LeasePatience { isOver ? .isOver(since: since) : .asks }
}

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

    /// What a bucket goes by of which this is the text.
    public static func bucket(_ text: String) -> String {
        text.utf8.count <= mostBytes ? text : "sha256:" + KeyDigest(hashing: text).hex
    }
}

extension LimitSet {
    /// What of a limit's bucket a request has left, for `limit(…)`.
    /// - Parameters:
    ///   - facts: what the entries look at, of the request.
    ///   - end: only the entries before this one are looked at: one asks for those above it, so that none asks for itself.
    func share(
        _ title: String, _ facts: Facts, keyID: String, policy: String, _ table: LimitTable, now: LimitTime,
        before end: Int = .max
    ) -> Double {
        guard let found = find(title) else { return 1 }
        if let rate = found.rate {
            guard policies[policy] === found.limit else { return 1 }
            return table.share(left: LimitUse(found.limit, bucket: keyID), of: rate, now: now)
        }
        guard let index = entries.firstIndex(where: { $0.limit === found.limit }), index < end else { return 1 }
        var asked = facts
        if entries[index].condition?.reads.contains(.limits) == true {
            asked.limit = { [self] in share($0, facts, keyID: keyID, policy: policy, table, now: now, before: index) }
        }
        switch entries[index].application(asked) {
        case .none: return 1
        // The request will be refused: nothing is left.
        case .failed: return 0
        case .use(let use): return table.share(left: use, now: now)
        }
    }
}
