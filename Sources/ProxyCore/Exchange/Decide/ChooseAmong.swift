import Basics
import RuleEngine

/// An upstream's accounts, as a plan chooses among them.
final class UpstreamAccounts: Sendable {
    /// In the file's order.
    let ids: [AccountID]
    let weights: [Int]
    let choice: Tier.Choice
    let affinity: AffinityKind
    /// What stands for the upstream where a client key stays with one of its accounts.
    let scope: UInt64
    /// What stands for each on every node.
    let lots: [UInt64]
    private let positions: [AccountID: Int]
    /// `AccountID.mark`s.
    private let marks: [UInt64]

    init(_ upstream: Upstream) {
        ids = upstream.accountIDs
        positions = Dictionary(zip(ids, ids.indices)) { first, _ in first }
        marks = ids.map(\.mark)
        lots = ids.map { id in
            var mark = TextMark(.everywhere)
            mark.add(id.upstream)
            mark.add(id.account)
            return mark.value
        }
        weights = upstream.accounts.map { max($0.weight, 1) }
        choice = upstream.choice
        affinity = upstream.accounts.count > 1 ? upstream.affinity : .none
        scope = TextMark.of("upstream", upstream.name)
    }

    /// Where in the file's order an account stands; nil for one of another upstream.
    func position(of id: AccountID) -> Int? { positions[id] }

    /// The same of whom a mark stands for.
    func position(of mark: UInt64) -> Int? { marks.firstIndex(of: mark) }
}

/// What the choices of a route ask for, found out once for a snapshot: most routes ask for nothing.
struct RouteTraits: Sendable, Equatable {
    /// Something is drawn at random.
    var drawsLots = false
    /// Prices of what a request will probably use are compared.
    var comparesPrices = false
    /// Several accounts of an upstream, or the upstreams of a tier, are compared by what is known of them at the moment.
    var comparesAccounts = false
    /// The conversation, or the key, stays with who served it.
    var keepsConversations = false
    /// The upstreams, and tiers of several, in each of which a key stays with one.
    var keyScopes: [UInt64] = []
    /// Requests wait where nobody has quota.
    var waits = false

    var keepsKeys: Bool { !keyScopes.isEmpty }
    var isPlain: Bool { !comparesPrices && !comparesAccounts && !keepsConversations && !keepsKeys }

    init() {}

    init(_ route: Route, _ upstreams: [UpstreamAccounts]) {
        waits = route.fallback.waits
        for tier in route.tiers {
            keep(tier.affinity(upstreams), in: tier.scope(upstreams))
            for target in tier.targets {
                guard let own = tier.ownAffinity(of: target.upstream, upstreams) else { continue }
                keep(own, in: upstreams[target.upstream].scope)
            }
            if tier.targets.count > 1 {
                drawsLots = drawsLots || tier.choice.drawsLots
                comparesPrices = comparesPrices || tier.choice == .cheapest
                comparesAccounts = comparesAccounts || tier.choice.comparesAccounts
            }
            for target in tier.targets where upstreams.indices.contains(target.upstream) {
                let accounts = upstreams[target.upstream]
                guard accounts.ids.count > 1 else { continue }
                drawsLots = drawsLots || accounts.choice.drawsLots
                comparesAccounts = comparesAccounts || accounts.choice.comparesAccounts
            }
        }
    }
}

extension RouteTraits {
    private mutating func keep(_ kind: AffinityKind, in scope: UInt64) {
        switch kind {
        case .conversation: keepsConversations = true
        case .key: if !keyScopes.contains(scope) { keyScopes.append(scope) }
        case .none: break
        }
    }
}

extension ResolvedTier {
    /// What stands for the tier where a client key stays with one of its upstreams; of a single one, for that.
    func scope(_ upstreams: [UpstreamAccounts]) -> UInt64 {
        guard targets.count == 1, let only = targets.first, upstreams.indices.contains(only.upstream) else { return severalScope }
        return upstreams[only.upstream].scope
    }

    /// What stays with whom within the tier.
    func affinity(_ upstreams: [UpstreamAccounts]) -> AffinityKind {
        if targets.count > 1 { return affinity }
        guard let only = targets.first, upstreams.indices.contains(only.upstream) else { return .none }
        return upstreams[only.upstream].affinity
    }

    /// What stays with the accounts of one of several upstreams, where that is not what stays with the upstream. A key stays with
    /// the same one whoever of the tier is asked.
    func ownAffinity(of upstream: Int, _ upstreams: [UpstreamAccounts]) -> AffinityKind? {
        guard targets.count > 1, upstreams.indices.contains(upstream), upstreams[upstream].ids.count > 1 else { return nil }
        let own = upstreams[upstream].affinity
        return own == affinity && own != .key ? nil : own
    }
}

extension Tier.Choice {
    var drawsLots: Bool {
        switch self {
        case .weighted, .fastest, .leastBusy: true
        case .first, .cheapest, .mostQuota, .soonestReset: false
        }
    }

    var comparesAccounts: Bool { self != .first && self != .weighted }
}

/// Positions of a list that were looked at. The first 64 need no memory of their own.
struct TakenPositions {
    private var first: UInt64 = 0
    private var others: [UInt64] = []

    var isEmpty: Bool { first == 0 && others.allSatisfy { $0 == 0 } }

    func contains(_ position: Int) -> Bool {
        if position < 64 { return first & (1 << UInt64(position)) != 0 }
        let word = position / 64 - 1
        return word < others.count && others[word] & (1 << UInt64(position % 64)) != 0
    }

    mutating func insert(_ position: Int) {
        if position < 64 {
            first |= 1 << UInt64(position)
            return
        }
        let word = position / 64 - 1
        while others.count <= word { others.append(0) }
        others[word] |= 1 << UInt64(position % 64)
    }
}

extension SplitMix64 {
    /// One of so many positions, each as likely; `count` is more than 0.
    mutating func position(below count: Int) -> Int { Int(truncatingIfNeeded: next() >> 1) % count }
}
