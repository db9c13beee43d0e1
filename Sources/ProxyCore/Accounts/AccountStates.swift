/// One credential of one upstream, by name: what live state is keyed by, so that it outlives a reload.
public struct AccountID: Sendable, Hashable {
    public let upstream: String
    public let account: String
    /// Tells it from others at a glance, in this process.
    let mark: UInt64

    public init(upstream: String, account: String) {
        self.upstream = upstream
        self.account = account
        mark = TextMark.of(upstream, account)
    }

    private init(_ other: AccountID, mark: UInt64) {
        upstream = other.upstream
        account = other.account
        self.mark = mark
    }

    /// The same account as a file on trial asks it: told alike, known apart.
    var onTrial: AccountID { AccountID(self, mark: ~TextMark.of(upstream, account)) }
    var isOnTrial: Bool { mark != TextMark.of(upstream, account) }

    // Many are looked up for one choice: what is hashed, and told apart, is mostly the mark.
    public static func == (a: AccountID, b: AccountID) -> Bool {
        a.mark == b.mark && a.account == b.account && a.upstream == b.upstream
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(mark) }

    // The mark is a hash already, of a secret of this process: to hash it once more is half of what it costs to look one up.
    public func _rawHashValue(seed: Int) -> Int { Int(truncatingIfNeeded: mark) ^ seed }
}

extension Upstream {
    /// The ids of its accounts, in the file's order.
    var accountIDs: [AccountID] {
        accounts.map { account in
            let id = AccountID(upstream: name, account: account.name)
            return isOnTrial ? id.onTrial : id
        }
    }
}

/// What is known at this moment of upstreams and accounts: quota, cooldowns, refused credentials.
///
/// A value: the event loops read it, `AccountBook` replaces it. Times are milliseconds of `SteadyClock`.
public struct AccountStates: Sendable {
    /// All of it behind one reference: every request copies it several times.
    private var known = Known(Fields())

    private final class Known: Sendable {
        let fields: Fields

        init(_ fields: Fields) { self.fields = fields }

        /// What stands there while the fields are changed, so that nobody else has them.
        static let nothing = Known(Fields())
    }

    private struct Fields: Sendable {
        var quotas: [String: QuotaReading] = [:]
        var windows: [AccountID: AccountWindows] = [:]
        var accountIDs: [String: [AccountID]] = [:]
        var unusable: [AccountID: Int] = [:]
        var accounts: [AccountID: AccountState] = [:]
        var loads: [AccountID: AccountLoad] = [:]
        var unreachable: [String: UpstreamFailure] = [:]
        var pretended: [String: [String: QuotaLevel]] = [:]
        var changes = AccountChanges()
        var leastLevel = 1.0

        mutating func findLeast() {
            let polled = quotas.values.map(\.leastLevel).min() ?? 1
            leastLevel = min(polled, windows.values.map(\.leastShare).min() ?? 1)
            for level in pretended.values.lazy.flatMap(\.values) { leastLevel = min(leastLevel, level.rank) }
            if !unusable.isEmpty { leastLevel = 0 }
        }
    }

    public internal(set) var quotas: [String: QuotaReading] {
        get { known.fields.quotas }
        _modify {
            var fields = take()
            defer { put(&fields, isLevel: true) }
            yield &fields.quotas
        }
    }
    /// What is left of each account's windows.
    public internal(set) var windows: [AccountID: AccountWindows] {
        get { known.fields.windows }
        _modify {
            var fields = take()
            defer { put(&fields, isLevel: true) }
            yield &fields.windows
        }
    }
    /// The accounts that a poll calls unusable beside others of their upstream that it does not, and until when that is believed.
    var unusable: [AccountID: Int] {
        get { known.fields.unusable }
        _modify {
            var fields = take()
            defer { put(&fields, isLevel: true) }
            yield &fields.unusable
        }
    }
    /// The accounts that the file has, by upstream.
    public internal(set) var accountIDs: [String: [AccountID]] {
        get { known.fields.accountIDs }
        _modify {
            var fields = take()
            defer { known = Known(fields) }
            yield &fields.accountIDs
        }
    }
    public internal(set) var accounts: [AccountID: AccountState] {
        get { known.fields.accounts }
        _modify {
            var fields = take()
            defer { put(&fields) }
            yield &fields.accounts
        }
    }
    /// What accounts are doing; of those that were asked since the start.
    public internal(set) var loads: [AccountID: AccountLoad] {
        get { known.fields.loads }
        _modify {
            var fields = take()
            defer { put(&fields) }
            yield &fields.loads
        }
    }
    /// Why no connection comes about, by address; until one does.
    var unreachable: [String: UpstreamFailure] {
        get { known.fields.unreachable }
        _modify {
            var fields = take()
            defer { known = Known(fields) }
            yield &fields.unreachable
        }
    }
    /// What somebody who asks pretends that an upstream's models have left; nothing of it is ever published.
    public private(set) var pretended: [String: [String: QuotaLevel]] {
        get { known.fields.pretended }
        _modify {
            var fields = take()
            defer { put(&fields, isLevel: true) }
            yield &fields.pretended
        }
    }
    /// Grows with every change of what is published.
    var version: Int { known.fields.changes.version }

    /// Which accounts something was last published of.
    var changes: AccountChanges { known.fields.changes }

    /// No model of any account has less left than this, now or later, while nothing new is told: mostly all that is asked.
    var leastLevel: Double { known.fields.leastLevel }

    public init() {}

    /// One account's windows: whoever compares accounts looks at no other anew.
    subscript(windowsOf id: AccountID) -> AccountWindows? {
        get { windows[id] }
        _modify {
            var fields = take()
            defer { put(&fields, isLevel: true, of: id) }
            yield &fields.windows[id]
        }
    }

    /// One account's health, in the same way.
    subscript(stateOf id: AccountID) -> AccountState? {
        get { accounts[id] }
        _modify {
            var fields = take()
            defer { put(&fields, of: id) }
            yield &fields.accounts[id]
        }
    }

    /// What one account is doing, in the same way.
    subscript(loadOf id: AccountID) -> AccountLoad? {
        get { loads[id] }
        _modify {
            var fields = take()
            defer { put(&fields, of: id) }
            yield &fields.loads[id]
        }
    }

    /// Nothing is known of a file's accounts.
    public init(_ upstreams: [Upstream]) {
        accountIDs = Dictionary(upstreams.map { ($0.name, $0.accountIDs) }) { first, _ in first }
    }

    private mutating func take() -> Fields {
        let fields = known.fields
        known = .nothing
        return fields
    }

    /// - Parameters:
    ///   - isLevel: what was changed says how much is left.
    ///   - id: whom alone it is about.
    private mutating func put(_ fields: inout Fields, isLevel: Bool = false, of id: AccountID? = nil) {
        fields.changes.note(id)
        if isLevel { fields.findLeast() }
        known = Known(fields)
    }

    /// Every account of an upstream has so much of a model, whatever is known: for requests that are only described.
    public mutating func pretend(_ level: QuotaLevel, of model: String, at upstream: String) {
        pretended[upstream, default: [:]][model] = level
    }

    /// Whether an account may be asked for a model now; thresholds are not considered.
    public func availability(of id: AccountID, model: String, now: Int) -> Availability {
        if !accounts.isEmpty, let state = accounts[id] {
            let held = state.availability(of: model, now: now)
            guard held == .ready else { return held }
        }
        if !pretended.isEmpty, let level = pretended[id.upstream]?[model] {
            return level.rank <= 0 ? .outOfQuota(until: now &+ Self.pretendedRest) : .ready
        }
        guard leastLevel <= 0, let until = windows[id]?.emptyUntil(model, now: now), until > now else { return .ready }
        return .outOfQuota(until: until)
    }

    /// Who is pretended to have nothing left is out so long, in milliseconds.
    private static let pretendedRest = 3_600_000

    /// Why no connection to an upstream comes about, and its address; nil where one does, or nobody has tried.
    public func unreachable(_ upstream: Upstream) -> (address: String, failure: UpstreamFailure)? {
        guard !unreachable.isEmpty else { return nil }
        let address = PoolKey(upstream.url, trustedAuthorities: upstream.trustedAuthorities, proxy: upstream.proxy).address
        return unreachable[address].map { (address, $0) }
    }

    /// What an account is doing; nil where it was never asked.
    public func load(of id: AccountID) -> AccountLoad? { loads[id] }
}

/// Remaining quota, 0–1.
public enum QuotaLevel: Sendable, Hashable {
    case known(Double)
    /// Counts as available.
    case unknown

    public func isUnder(_ threshold: Double) -> Bool {
        switch self {
        case .known(let share): share < threshold
        case .unknown: false
        }
    }

    /// The number by which the fullest is chosen; unknown counts as full.
    var rank: Double {
        switch self {
        case .known(let share): share
        case .unknown: 1
        }
    }
}
