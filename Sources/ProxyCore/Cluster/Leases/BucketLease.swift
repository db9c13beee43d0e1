/// What this node holds of one bucket of a limit that several nodes share, and what it has told the server of its use.
///
/// For each kind of number there is one lease: an amount that covers what is reserved, and what is used since it was told. It
/// counts against all windows of the kind, so that no window is passed whenever one begins anew. The states of each:
///
///     nothing held ──ask──▶ asked ──granted──▶ held ──renew──▶ held …
///                             │                  ├──give back──▶ nothing held
///                             └──no answer──▶    └──its time is over──▶ nothing held
///
/// One message is under way at a time. What it gives back is not used from the moment it is sent; what it keeps, the server keeps.
struct BucketLease: Sendable {
    /// The lease of one kind.
    struct Part: Sendable, Hashable {
        /// What had been used when the message was sent that was answered last.
        var base = 0
        /// Covers what is reserved, and what is used since `base`.
        var held = 0
        /// How much of `held` was not reserved at that time.
        var granted = 0
        /// What nobody holds, as told last.
        var unheld = 0
    }

    /// What was sent and is not answered.
    struct Sending: Sendable, Hashable {
        var number = 0
        /// When it was sent, by the steady clock.
        var at = 0
        var spent = LimitAmounts.zero
        var reserved: [Int] = []
        /// What this node has used, by kind and then by window.
        var own: [[Int]] = []
        /// All that was not used is given back.
        var isReturn = false
        var tellsAll = false
        /// Requests wait for what it asks for.
        var isAsked = false
    }

    /// Names the bucket at the server.
    var key = ""
    /// Tells it from others of the same bucket that were forgotten.
    var birth = 0
    var limit: UsageLimit?
    /// Used since this process began; requests from their admission on.
    var spent = LimitAmounts.zero
    /// How much of `spent` the server knows.
    var told = LimitAmounts.zero
    var parts = [Part](repeating: Part(), count: 4)
    /// Until when what is held may be used, by the steady clock.
    var validUntil = Int.min
    /// When the message was sent that was answered last; by the steady clock.
    var toldAt = Int.min
    private(set) var sending: Sending?
    private var sent = 0
    /// The same by the wall clock.
    var toldWall = Int.min
    /// A request came last; by the steady clock.
    var askedAt = Int.min
    /// What requests wait for: what all of them need, and the least that one does.
    private(set) var need = [Int](repeating: 0, count: 4)
    private(set) var least = [Int](repeating: 0, count: 4)
    private var marks = Marks()
    /// When each of `LeaseReset.all` was, as far as is known; nil before the first answer.
    var resets: [Int]?

    init(birth: Int) { self.birth = birth }

    var isUntold: Bool { mustTell || sending?.tellsAll == true }

    private struct Marks: Sendable {
        var isKnown = false
        var mustTell = false
        var isWatched = false
        var isQueued = false
        var heardAt = Int.min
        /// A request did not fit last.
        var lackedAt = Int.min
        var wasAsked = false
        var memory = 0
    }

    /// The server has heard of the bucket.
    var isKnown: Bool { marks.isKnown }
    /// Requests waited for what was answered last: it says how long they have to.
    var wasAsked: Bool { marks.wasAsked }
    /// All is told with the next message, whether it is news or not.
    var mustTell: Bool {
        get { marks.mustTell }
        set { marks.mustTell = newValue }
    }
    /// It is looked at from time to time.
    var isWatched: Bool {
        get { marks.isWatched }
        set { marks.isWatched = newValue }
    }
    /// The last answer came; by the steady clock.
    var heardAt: Int {
        get { marks.heardAt }
        set { marks.heardAt = newValue }
    }
    /// The memory of the server that what is known of others is from, or was told to.
    var memory: Int {
        get { marks.memory }
        set { marks.memory = newValue }
    }
    /// It is in the queue of those whose message goes out next.
    var isQueued: Bool {
        get { marks.isQueued }
        set { marks.isQueued = newValue }
    }

    /// Its message is to go out, or was sent.
    var isUnderWay: Bool { isQueued || sending != nil }

    /// Whether the server has not told of it for so many milliseconds, and is not being asked.
    func isOld(for milliseconds: Int, now: Int) -> Bool {
        !isUnderWay && (heardAt == Int.min || now - heardAt >= milliseconds)
    }

    // MARK: Requests

    /// What of a kind is neither used nor reserved; 0 where nothing is held.
    func free(_ kind: LimitRate.Kind, reserved: Int, countsCached: Bool, now: Int) -> Int {
        guard now < validUntil, sending?.isReturn != true else { return 0 }
        return covered(kind, reserved: reserved, countsCached: countsCached)
    }

    /// The same, however old the lease is.
    private func covered(_ kind: LimitRate.Kind, reserved: Int, countsCached: Bool) -> Int {
        let part = parts[kind.place]
        return max(0, part.held - (spent.value(of: kind, countsCached: countsCached) - part.base) - reserved)
    }

    /// What this node may use of a kind while the server is away: what it holds, and its part of what nobody held. Others may have
    /// taken of that since: where it has had its part of the whole, it leaves them as much as they may take.
    /// - Parameter left: of its part of the whole.
    func divided(
        _ kind: LimitRate.Kind, reserved: Int, countsCached: Bool, left: Int, nodes: Int, _ terms: LeaseTerms
    ) -> Int {
        let part = parts[kind.place]
        let free = part.held - (spent.value(of: kind, countsCached: countsCached) - part.base) - reserved
        let most = LeaseTerms.share(of: part.unheld, nodes: nodes)
        let least = LeaseTerms.share(of: terms.untaken(of: part.unheld, by: nodes - 1), nodes: nodes)
        return max(0, free + min(most, max(left &- free, least)))
    }

    mutating func reserve(_ need: LimitAmounts) { spent += LimitAmounts(requests: need.requests) }

    mutating func settle(_ need: LimitAmounts, used: LimitAmounts) {
        var more = used
        more.requests = 0
        spent += more
        spent.requests += max(-spent.requests, min(0, used.requests - need.requests))
    }

    /// A request does not fit into what is held.
    mutating func ask(_ kind: LimitRate.Kind, _ needed: Int, now: Int) {
        marks.lackedAt = now
        let place = kind.place
        need[place] = UsageAmounts.sum(need[place], needed)
        least[place] = least[place] == 0 ? needed : min(least[place], needed)
    }

    /// Whether requests wait for more.
    var isAsked: Bool { need.contains { $0 > 0 } }

    // MARK: Messages

    /// Whether a message is due, and none is under way.
    /// - Parameter reserved: by kind.
    func isDue(_ reserved: [Int], countsCached: Bool, isAway: Bool, _ terms: LeaseTerms, now: Int) -> Bool {
        guard limit != nil, sending == nil else { return false }
        if isAsked || mustTell { return true }
        let isHeld = now < validUntil && parts.contains { $0.held > 0 }
        let usesIt = reserved.contains { $0 > 0 } || isInUse(terms, now: now)
        if isHeld, usesIt, !isAway, mayGiveBack(now: now), surplus(reserved, terms, now: now) > 0 { return true }
        if isHeld, usesIt ? validUntil - now <= terms.lasts / 2 : holdsMore(than: reserved, countsCached) { return true }
        if usesIt, isHeld, isRunningLow(reserved, countsCached: countsCached) { return true }
        // What was used is told some time, whether anything is held or not.
        return (told != spent || reserved.contains { $0 > 0 } && !isHeld) && now - max(toldAt, Int.min / 2) >= terms.lasts / 4
    }

    /// Whether there is anything that the server has to know, or this node has to give back.
    func isQuiet(_ reserved: [Int], now: Int) -> Bool {
        sending == nil && !isAsked && !mustTell && told == spent && !reserved.contains { $0 > 0 }
            && (now >= validUntil || !parts.contains { $0.held > 0 })
    }

    private func isInUse(_ terms: LeaseTerms, now: Int) -> Bool { askedAt > Int.min && now - askedAt < terms.lasts / 2 }

    private func holdsMore(than reserved: [Int], _ countsCached: Bool) -> Bool {
        LimitRate.Kind.allCases.contains { covered($0, reserved: reserved[$0.place], countsCached: countsCached) > 0 }
    }

    /// Half of what was granted is used.
    func isRunningLow(_ reserved: [Int], countsCached: Bool) -> Bool {
        LimitRate.Kind.allCases.contains { kind in
            let part = parts[kind.place]
            return part.granted > 0
                && covered(kind, reserved: reserved[kind.place], countsCached: countsCached) * 2 < part.granted
        }
    }

    /// More of a kind is used and reserved than is held, and the server does not know yet what is used. Requests and those in flight are
    /// covered before they are let through.
    func isOverdrawn(_ bucket: LimitBucket) -> Bool {
        guard told != spent, let limit else { return false }
        return limit.rates.contains { rate in
            guard rate.kind == .tokens || rate.kind == .cost else { return false }
            let (part, counts) = (parts[rate.kind.place], limit.countsCached)
            return spent.value(of: rate.kind, countsCached: counts) - part.base + bucket.leaseReserved(rate.kind, counts)
                > part.held
        }
    }

    /// The next message goes out now.
    /// - Parameters:
    ///   - own: what this node has used of each window, by kind: minute, day, month, total.
    ///   - others: what others have, as told last.
    ///   - unused: milliseconds since this node used it last.
    ///   - isAway: the server was silent: this node goes by division, and gives nothing back.
    mutating func send(
        _ reserved: [Int], own: [[Int]], others: OthersUse, unused: Int, nodes: Int, isAway: Bool, _ terms: LeaseTerms, now: Int
    ) -> LeaseMessage? {
        guard let limit, sending == nil else { return nil }
        sent += 1
        let isReturn = !isAway && !isAsked && !isInUse(terms, now: now)
        var parts: [LeaseMessage.Part] = []
        for kind in LimitRate.Kind.allCases {
            let rates = limit.rates.filter { $0.kind == kind }
            guard !rates.isEmpty else { continue }
            let place = kind.place
            if !isAway, !isReturn { giveSurplusBack(kind, reserved: reserved[place], terms, now: now) }
            let kept = free(kind, reserved: reserved[place], countsCached: limit.countsCached, now: now)
            let left = Self.left(of: rates, reserved: reserved[place], own: own[place], nodes: nodes)
            // While nothing is known of a bucket, it waits for what others tell.
            let part =
                isKnown
                ? divided(
                    kind, reserved: reserved[place], countsCached: limit.countsCached, left: left, nodes: nodes, terms)
                : 0
            parts.append(
                LeaseMessage.Part(
                    kind: kind, spent: spent.value(of: kind, countsCached: limit.countsCached), own: own[place],
                    heard: mustTell ? others.used(of: kind) : [0, 0, 0, 0], reserved: reserved[place], kept: isReturn ? 0 : kept,
                    part: isReturn ? 0 : part, need: need[place],
                    least: least[place],
                    wants: !isReturn, rates: rates))
        }
        sending = Sending(
            number: sent, at: now, spent: spent, reserved: reserved, own: own, isReturn: isReturn, tellsAll: mustTell,
            isAsked: isAsked)
        mustTell = false
        forgetNeed()
        return LeaseMessage(
            key: key, birth: birth, number: sent, knownReset: resets?.max() ?? -1, unused: unused, parts: parts)
    }

    /// What is left of this node's part of the whole; below zero where it has used more.
    private static func left(of rates: [LimitRate], reserved: Int, own: [Int], nodes: Int) -> Int {
        let least = rates.map { rate in
            let used = own.indices.contains(rate.window.place) ? own[rate.window.place] : 0
            return LeaseTerms.share(of: rate.most, nodes: nodes) - used
        }.min()
        return (least ?? 0) &- reserved
    }

    /// What was granted to a request that did not fit is left until it had the time to take it.
    private func mayGiveBack(now: Int) -> Bool {
        marks.lackedAt == Int.min || now - marks.lackedAt > 2 * LeaseTerms.patience
    }

    /// What is held of all kinds beyond a share of the limit, since what was reserved was not used.
    private func surplus(_ reserved: [Int], _ terms: LeaseTerms, now: Int) -> Int {
        LimitRate.Kind.allCases.reduce(0) { UsageAmounts.sum($0, surplus($1, reserved: reserved[$1.place], terms, now: now)) }
    }

    private func surplus(_ kind: LimitRate.Kind, reserved: Int, _ terms: LeaseTerms, now: Int) -> Int {
        guard let limit, parts[kind.place].held > 0 else { return 0 }
        var most = Int.max
        for rate in limit.rates where rate.kind == kind { most = min(most, rate.most) }
        let free = free(kind, reserved: reserved, countsCached: limit.countsCached, now: now)
        return max(0, free - terms.kept(of: most))
    }

    /// It goes back with the message that is sent. From then on it is not used.
    private mutating func giveSurplusBack(_ kind: LimitRate.Kind, reserved: Int, _ terms: LeaseTerms, now: Int) {
        guard mayGiveBack(now: now) else { return }
        let place = kind.place
        parts[place].held -= surplus(kind, reserved: reserved, terms, now: now)
        parts[place].granted = min(parts[place].granted, parts[place].held)
    }

    /// The server has answered.
    /// - Returns: the message that it is the answer to; nil where it is none that is waited for.
    mutating func answered(_ answer: LeaseAnswer, isLearning: Bool, _ terms: LeaseTerms, now: Int) -> Sending? {
        guard let sending, sending.number == answer.number, let limit else { return nil }
        self.sending = nil
        forgetNeed()
        told = sending.spent
        toldAt = sending.at
        // One that has lost its memory knows no more of the bucket than this node did.
        marks.isKnown = isKnown || !isLearning
        if sending.isAsked { marks.lackedAt = now }
        marks.wasAsked = sending.isAsked
        validUntil = sending.at + terms.lasts - terms.lasts / 20
        for part in answer.parts {
            let place = part.kind.place
            let reserved = place < sending.reserved.count ? sending.reserved[place] : 0
            parts[place] = Part(
                base: sending.spent.value(of: part.kind, countsCached: limit.countsCached), held: part.held,
                granted: max(0, part.held - reserved), unheld: isLearning ? 0 : max(0, part.unheld))
        }
        return sending
    }

    /// Who waits is told of every answer, and asks anew.
    private mutating func forgetNeed() {
        need = [0, 0, 0, 0]
        least = [0, 0, 0, 0]
    }

    /// It is a bucket of this limit: of one that the file has changed nothing is held.
    mutating func apply(_ limit: UsageLimit, bucket: String) {
        guard self.limit !== limit else { return }
        if self.limit == nil {
            key = Self.key(limit: limit.id, bucket: bucket)
        } else if self.limit?.rates != limit.rates || self.limit?.countsCached != limit.countsCached {
            validUntil = Int.min
        }
        self.limit = limit
    }

    /// The bucket's key at the server. It is hashed: names of buckets are people's, and not for others to read.
    static func key(limit: String, bucket: String) -> String {
        "proxyd:limit:" + String(KeyDigest(hashing: limit + "\u{0}" + bucket).hex.prefix(40))
    }

    /// No answer will come. What was given back may be given back already.
    mutating func failed(number: Int) {
        guard let sending, sending.number == number else { return }
        self.sending = nil
        forgetNeed()
        if sending.tellsAll { mustTell = true }
        if sending.isReturn { validUntil = Int.min }
    }
}
