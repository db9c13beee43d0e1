/// The leases of all buckets of a table, each in the place that its bucket has there.
struct Leasing: Sendable {
    var terms: LeaseTerms
    var leases: [BucketLease]
    /// No answer comes: what limits allow is divided.
    var isAway = false
    /// None has come for so long that it is no mere delay, or none ever.
    var isGone = true
    /// How many nodes share the limits, by the file or as seen last.
    var nodes = 1
    /// The server's clock less this node's, in milliseconds.
    var offset = 0
    /// Slots whose message goes out next.
    private(set) var queue: [Int] = []
    /// Slots that hold something, or have something to tell.
    var watched: [Int] = []
    var hand = 0
    /// When buckets that others may use were asked for last, and where it goes on.
    var refreshedAt = Int.min / 2
    var refreshHand = 0
    /// Buckets of which the server has not heard yet since it lost its memory.
    var untold = 0
    /// How many leases there have been: by its number the server tells one from those before it.
    private(set) var births = 0

    /// - Parameter births: of leases that there were before limits were this node's alone.
    init(_ terms: LeaseTerms, slots: Int, after births: Int = 0) {
        self.terms = terms
        leases = (0..<slots).map { BucketLease(birth: births + $0 + 1) }
        self.births = births + slots
        nodes = terms.nodes ?? 1
    }

    /// The slot is another bucket's, or nobody's.
    mutating func begin(_ slot: Int) {
        births += 1
        if slot == leases.count { return leases.append(BucketLease(birth: births)) }
        guard leases.indices.contains(slot) else { return }
        if leases[slot].isUntold { untold -= 1 }
        let (isQueued, isWatched) = (leases[slot].isQueued, leases[slot].isWatched)
        leases[slot] = BucketLease(birth: births)
        (leases[slot].isQueued, leases[slot].isWatched) = (isQueued, isWatched)
    }

    /// It is a bucket of this limit.
    mutating func apply(_ slot: Int, _ limit: UsageLimit, bucket: String) {
        if let before = leases[slot].limit, before.countsCached != limit.countsCached { tellAnew(slot) }
        leases[slot].apply(limit, bucket: bucket)
    }

    /// What was told of a bucket counts otherwise now: what is used of it is told as if by another process.
    mutating func tellAnew(_ slot: Int) {
        let before = leases[slot]
        guard before.limit != nil else { return }
        begin(slot)
        (leases[slot].key, leases[slot].limit) = (before.key, before.limit)
        (leases[slot].askedAt, leases[slot].memory, leases[slot].resets) = (before.askedAt, before.memory, before.resets)
        if before.isUntold {
            leases[slot].mustTell = true
            untold += 1
        }
        // Nothing of it is told, so that it is due until it is answered.
        leases[slot].told.requests = -1
        watch(slot)
    }

    /// The calendar is another.
    mutating func tellAllAnew() { for slot in leases.indices { tellAnew(slot) } }

    mutating func reserve(_ slot: Int, _ need: LimitAmounts) {
        leases[slot].reserve(need)
        watch(slot)
    }

    mutating func settle(_ slot: Int, _ need: LimitAmounts, used: LimitAmounts) {
        leases[slot].settle(need, used: used)
        watch(slot)
    }

    mutating func watch(_ slot: Int) {
        guard !leases[slot].isWatched else { return }
        leases[slot].isWatched = true
        watched.append(slot)
    }

    /// Its message goes out next.
    mutating func enqueue(_ slot: Int) {
        guard !leases[slot].isQueued else { return }
        leases[slot].isQueued = true
        queue.append(slot)
    }

    /// Those whose turn it is.
    mutating func takeQueue(_ most: Int) -> [Int] {
        let taken = Array(queue.prefix(most))
        queue.removeFirst(taken.count)
        for slot in taken { leases[slot].isQueued = false }
        return taken
    }
}

extension LimitBucket {

    func reservedByKind(_ countsCached: Bool) -> [Int] {
        LimitRate.Kind.allCases.map { leaseReserved($0, countsCached) }
    }

    /// What this node has used of each window, by kind; requests with those in flight.
    func ownByKind(_ countsCached: Bool) -> [[Int]] {
        LimitRate.Kind.allCases.map { kind in
            var used = usedHere(of: kind, countsCached: countsCached)
            if kind == .requests { for window in 1..<used.count { used[window] += reserved.requests } }
            return used
        }
    }
}
