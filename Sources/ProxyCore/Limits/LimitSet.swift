import RuleEngine

/// The numbers of a limit as the file has them.
public struct LimitNumbers: Sendable, Hashable {
    public var rates: [LimitRate]
    /// Whether input that a cache served counts as tokens.
    public var countsCached: Bool
    public var reserve: UsageLimit.Reserve

    public init(rates: [LimitRate] = [], countsCached: Bool = false, reserve: UsageLimit.Reserve = .full) {
        (self.rates, self.countsCached, self.reserve) = (rates, countsCached, reserve)
    }
}

/// An entry of `usage_limits`, ready to be asked.
public struct LimitEntry: Sendable {
    public let limit: UsageLimit
    public let per: BucketExpression
    public let condition: Condition?
    /// An index into the snapshot's routes: where a request goes that the limit would refuse; nil to refuse it.
    public let exhausted: Int?

    public init(limit: UsageLimit, per: BucketExpression, condition: Condition? = nil, exhausted: Int? = nil) {
        (self.limit, self.per, self.condition, self.exhausted) = (limit, per, condition, exhausted)
    }

    var reads: FactSet { per.reads.union(condition?.reads ?? []) }
}

/// All limits of one configuration.
public final class LimitSet: Sendable {
    /// The limits of policies, by their names; a policy without numbers has none.
    public let policies: [String: UsageLimit]
    public let entries: [LimitEntry]
    /// What the entries look at.
    let reads: FactSet
    /// Whether any reserves what answers mostly have.
    let reservesTypical: Bool
    /// Whether which limits apply is told by the key alone.
    let goByKey: Bool

    /// - Parameter nodes: that have a part each of every number.
    public init(policies: [String: KeyPolicy], entries: [LimitEntry], dividedBy nodes: Int = 1) {
        self.policies = policies.compactMapValues { policy in
            let numbers = policy.numbers
            guard !numbers.rates.isEmpty else { return nil }
            return UsageLimit(
                .policy, name: policy.name, rates: numbers.rates.map { $0.divided(by: nodes) },
                countsCached: numbers.countsCached, reserve: numbers.reserve,
                noun: "key")
        }
        self.entries = nodes == 1 ? entries : entries.map { $0.divided(by: nodes) }
        reservesTypical =
            policies.values.contains { $0.numbers.reserve == .typical } || entries.contains { $0.limit.reserve == .typical }
        let reads = entries.reduce(into: FactSet()) { $0.formUnion($1.reads) }
        self.reads = reads
        goByKey = reads.isSubset(of: .key)
    }

    public var isEmpty: Bool { policies.isEmpty && entries.isEmpty }

    /// A limit of which cannot be told whether it applies, and why.
    struct Uncomputable: Error {
        let limit: UsageLimit
        let why: String

        /// What a client is told.
        var message: String { "the limit '\(limit.name)' cannot be computed for this request: \(why)" }
    }

    /// The limits that apply to a request: its key's policy's, and each entry that is for it.
    /// - Parameter facts: gathered where an entry asks for them.
    func uses(policy: String, id: String, name: String, _ facts: () -> Facts) throws(Uncomputable) -> [LimitUse] {
        var uses: [LimitUse] = []
        if let own = policies[policy] { uses.append(LimitUse(own, bucket: id, label: name)) }
        guard !entries.isEmpty else { return uses }
        let facts = facts()
        for entry in entries {
            switch entry.application(facts) {
            case .none: break
            case .use(let use): uses.append(use)
            case .failed(let why): throw Uncomputable(limit: entry.limit, why: why)
            }
        }
        if let beyond = Self.beyond(uses) { throw beyond }
        return uses
    }

    /// What is in no record would be forgotten by a restart: a limit that has no room there lets nothing through.
    private static func beyond(_ uses: [LimitUse]) -> Uncomputable? {
        let most = UsageRecord.maximumCharges
        guard uses.count > most else { return nil }
        return Uncomputable(limit: uses[most].limit, why: "\(uses.count) limits apply to it, and at most \(most) can")
    }

    /// The same for who wants to see all of them: those that apply, and those of which that cannot be told.
    /// - Parameter known: entries that ask for anything else are left out; nil where all is known.
    func look(
        policy: String, id: String, name: String, _ facts: Facts, knowing known: FactSet? = nil
    ) -> (uses: [LimitUse], failed: [Uncomputable]) {
        var uses = policies[policy].map { [LimitUse($0, bucket: id, label: name)] } ?? []
        var failed: [Uncomputable] = []
        for entry in entries where known.map({ entry.reads.isSubset(of: $0) }) ?? true {
            switch entry.application(facts) {
            case .none: break
            case .use(let use): uses.append(use)
            case .failed(let why): failed.append(Uncomputable(limit: entry.limit, why: why))
            }
        }
        if let beyond = Self.beyond(uses) { failed.append(beyond) }
        return (uses, failed)
    }

    /// Where a request goes that these limits refuse: where each of them names a chain, the first one's; nil to refuse it.
    func exhausted(by refusals: [LimitRefusal]) -> Int? {
        var next: Int?
        for refusal in refusals {
            guard refusal.rate != nil, let chain = entries.first(where: { $0.limit === refusal.limit })?.exhausted else {
                return nil
            }
            next = next ?? chain
        }
        return next
    }

    /// The limits that go by a title: an entry's name, or `team.requests_per_minute`, with the number that is meant then.
    public func find(_ title: String) -> (limit: UsageLimit, rate: LimitRate?)? {
        if let entry = entries.first(where: { $0.limit.name == title }) { return (entry.limit, nil) }
        for limit in policies.values {
            if let rate = limit.rates.first(where: { limit.title($0) == title }) { return (limit, rate) }
        }
        return nil
    }
}
