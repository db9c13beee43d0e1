import Basics
import RuleEngine

/// The accounts of one upstream, compared for one model: who can serve, in the order of a word of `choose`.
///
/// To compare fifty costs more than to relay a short answer. So what was found of an account stays until something is published of it
/// or its time is up, and where choices follow one another none looks at more than a few anew: the next ones look at the others.
/// Whoever is taken from here is still asked whether it can serve.
final class Roster {
    /// What accounts are compared for.
    struct Question: Equatable {
        let choice: Tier.Choice
        let threshold: Double
        let hasFallback: Bool
        let model: String
    }

    private struct Entry {
        /// Why the account cannot serve.
        var obstacle: AttemptPlan.PassedOver.Reason?
        /// The lowest comes first; of the words that go by what accounts are doing at the moment always 0.
        var figure = 0.0
        /// When it is looked at anew, whatever is published.
        var dueAt = Int.min
    }

    let question: Question
    let accounts: UpstreamAccounts
    /// In the file's order.
    private var entries: [Entry]
    /// Where the accounts are on the board of what they are doing, in the file's order; nil for who was never asked.
    private var places: [LoadPlace?]
    /// The same by the board's pages, of which there is mostly one.
    private var pages: [(page: LoadPage, accounts: [LoadPlace.Position])] = []
    /// And by account, as it is read for one: a page's number and where on it, -1 for who was never asked.
    private var spots: [(page: Int32, index: Int32)] = []
    /// Requests in flight, in the file's order, as they were last counted.
    private var counts: [Int32]
    /// Who can serve, the first to be asked first.
    private(set) var order: [Int] = []
    /// What was published, as far as it has been noticed.
    private var version: Int
    /// When the first is to be looked at anew.
    private var dueAt = Int.min
    /// The account that is looked at first where there are more than can be.
    private var hand = 0
    /// When it was last asked for.
    private(set) var followedAt: Int

    /// So many are looked at anew for one choice, and one of each upstream besides: nobody is left out for long.
    static let mostAtOnce = 8
    /// Where there was no choice for so long, all are looked at anew that are due, in milliseconds.
    static let pause = 250
    /// The longest that anything is believed, in milliseconds.
    static let longest = 30_000
    /// How long something is believed whose time is up and of which nothing new is published yet, in milliseconds.
    private static let shortest = 50
    /// More than any reset of quota.
    private static let afterQuota = 1e15

    init(_ question: Question, of accounts: UpstreamAccounts, _ states: AccountStates, now: Int) {
        self.question = question
        self.accounts = accounts
        entries = [Entry](repeating: Entry(), count: accounts.ids.count)
        places = accounts.ids.map { states.load(of: $0)?.place }
        counts = [Int32](repeating: 0, count: accounts.ids.count)
        version = states.version
        followedAt = now
        for account in entries.indices { entries[account] = entry(of: account, states, now: now) }
        order = entries.indices.filter { entries[$0].obstacle == nil }.sorted(by: precedes)
        dueAt = entries.map(\.dueAt).min() ?? .max
        turnPages()
    }

    /// Takes notice of what was published and of what time has brought.
    /// - Parameter left: how many may still be looked at for the choice.
    func follow(_ states: AccountStates, now: Int, left: inout Int) {
        let most = now &- followedAt < Self.pause ? max(left, 1) : entries.count
        followedAt = now
        if states.version != version { notice(states) }
        guard dueAt <= now else { return }
        var looks = 0
        var place = hand
        for _ in entries.indices where looks < most {
            if entries[place].dueAt <= now {
                looks += 1
                renew(place, states, now: now)
            }
            place = place + 1 < entries.count ? place + 1 : 0
        }
        left = max(left - looks, 0)
        hand = place
        dueAt = entries.reduce(.max) { min($0, $1.dueAt) }
    }

    /// Whoever something was published of is due.
    private func notice(_ states: AccountStates) {
        let changed = states.changes.since(version)
        version = states.version
        guard let changed else {
            for account in entries.indices { entries[account].dueAt = .min }
            dueAt = .min
            return
        }
        for case let id? in changed {
            guard let account = accounts.position(of: id) else { continue }
            entries[account].dueAt = .min
            dueAt = .min
        }
    }

    private func renew(_ account: Int, _ states: AccountStates, now: Int) {
        let (old, new) = (entries[account], entry(of: account, states, now: now))
        entries[account] = new
        let place = states.load(of: accounts.ids[account])?.place
        if places[account] !== place {
            places[account] = place
            turnPages()
        }
        guard old.obstacle != new.obstacle || old.figure != new.figure else { return }
        order.removeAll { $0 == account }
        guard new.obstacle == nil else { return }
        order.insert(account, at: order.firstIndex { precedes(account, $0) } ?? order.count)
    }

    private func turnPages() {
        pages.removeAll(keepingCapacity: true)
        spots.removeAll(keepingCapacity: true)
        for (account, place) in places.enumerated() {
            guard let place else {
                spots.append((-1, 0))
                continue
            }
            let number = pages.firstIndex { $0.page === place.page } ?? pages.count
            if number == pages.count { pages.append((place.page, [])) }
            pages[number].accounts.append(LoadPlace.Position(account: account, index: place.index))
            spots.append((Int32(number), Int32(place.index)))
        }
    }

    /// Of equals the first of the file.
    private func precedes(_ a: Int, _ b: Int) -> Bool { (entries[a].figure, a) < (entries[b].figure, b) }

    // MARK: Looking at one

    private func entry(of account: Int, _ states: AccountStates, now: Int) -> Entry {
        let (id, model) = (accounts.ids[account], question.model)
        let obstacle = states.obstacle(
            to: id, model: model, threshold: question.threshold, hasFallback: question.hasFallback, now: now)
        var entry = Entry(obstacle: obstacle?.reason, dueAt: min(obstacle?.until ?? .max, now &+ Self.longest))
        let windows = states.windows[id]
        if let windows {
            entry.dueAt = min(entry.dueAt, windows.nextChange > now ? windows.nextChange : now &+ Self.shortest)
        }
        switch question.choice {
        case .first, .weighted, .leastBusy, .fastest, .cheapest: break
        case .mostQuota: entry.figure = -states.share(of: id, model: model, now: now).rank
        case .soonestReset:
            // Who was never asked, of whom nobody knows, comes first.
            entry.figure =
                windows.map { Self.figure($0.expiry(of: model, now: now)) } ?? (states.load(of: id) == nil ? 0 : .infinity)
        }
        return entry
    }

    /// Whose quota has not begun to run comes first: with a request it does. After those whose quota expires come those that have
    /// rates alone, the next to be reset first, and last of whom no reset is known.
    private static func figure(_ expiry: AccountWindows.Expiry) -> Double {
        if let reset = expiry.quota.soonest { return Double(reset) }
        if expiry.isLasting { return expiry.quota.isUnbegun ? 0 : .infinity }
        if expiry.rates.isUnbegun { return afterQuota }
        return expiry.rates.soonest.map { afterQuota + Double($0) } ?? .infinity
    }

    // MARK: Answers

    /// Whether all can serve.
    var isComplete: Bool { order.count == entries.count }

    func obstacle(to account: Int) -> AttemptPlan.PassedOver.Reason? { entries[account].obstacle }

    /// The figure of whoever is best.
    var leastFigure: Double { order.first.map { entries[$0].figure } ?? .infinity }

    /// Requests in flight of all that can serve.
    func inFlight() -> Int {
        countInFlight()
        return order.reduce(0) { $0 &+ Int(max(counts[$1], 0)) }
    }

    private func countInFlight() {
        for account in counts.indices { counts[account] = 0 }
        for page in pages { page.page.addInFlight(of: page.accounts, to: &counts) }
    }

    /// The shortest time to first byte of those that can serve. Who was not asked for a minute is asked once more: nobody knows how
    /// fast it is by now.
    func leastFirstByte(now: Int) -> Double {
        order.reduce(.infinity) { min($0, firstByte(of: $1, now: now)) }
    }

    private func firstByte(of account: Int, now: Int) -> Double {
        let spot = spots[account]
        guard spot.page >= 0 else { return 0 }
        return Double(pages[Int(spot.page)].page.firstByteMilliseconds(Int(spot.index), now: now) ?? 0)
    }

    /// Who is to be asked of those that can serve and are not taken; nil when nobody is left.
    func best(besides taken: TakenPositions, now: Int, _ rng: inout SplitMix64) -> Int? {
        switch question.choice {
        case .first, .weighted, .cheapest, .mostQuota, .soonestReset:
            return order.first { !taken.contains($0) }
        case .leastBusy: return leastBusy(besides: taken, &rng)
        case .fastest:
            // Of two that are drawn the one that was faster.
            let left = taken.isEmpty ? order : order.filter { !taken.contains($0) }
            guard left.count > 1 else { return left.first }
            let first = rng.position(below: left.count)
            let other = rng.position(below: left.count - 1)
            let (one, two) = (left[first], left[other < first ? other : other + 1])
            return firstByte(of: two, now: now) < firstByte(of: one, now: now) ? two : one
        }
    }

    /// Of idle equals not always the first is asked.
    private func leastBusy(besides taken: TakenPositions, _ rng: inout SplitMix64) -> Int? {
        guard !order.isEmpty else { return nil }
        countInFlight()
        let start = rng.position(below: order.count)
        var best: (account: Int, count: Int, weight: Int)?
        for place in 0..<order.count {
            let account = order[place < order.count - start ? place + start : place + start - order.count]
            guard !taken.contains(account) else { continue }
            let (count, weight) = (Int(max(counts[account], 0)), accounts.weights[account])
            // Which of the two has fewer for its weight, without a division.
            if let best, best.count &* weight <= count &* best.weight { continue }
            best = (account, count, weight)
        }
        return best?.account
    }
}

@available(*, unavailable)
extension Roster: Sendable {}
