@testable import ProxyCore

/// What `LeaseScript.exchange` does, in Swift and in virtual time.
struct LeaseServerModel: Sendable {
    struct Entry: Sendable {
        var process = ""
        var directory = ""
        /// The process from which this one has taken it over, by the state directory alone.
        var takenFrom = ""
        var number = 0
        var spent: [Int: Int] = [:]
        var told: [Int: [Int]] = [:]
        /// What it had told before a reset that it has not told anything since.
        var gone: [Int: [Int]] = [:]
        var toldAt = 0
        var held: [Int: Int] = [:]
        var until = 0
    }

    struct Bucket: Sendable {
        var day = 0
        var month = 0
        var sums: [Int: [Int]] = [:]
        var minutes: [Int: [Int: Int]] = [:]
        var nodes: [String: Entry] = [:]
        var resets = [0, 0, 0]
        /// By kind, of one window: minute, day, month, total.
        var windowResets: [Int: [Int]] = [:]
        /// The same of all resets, as they were made.
        var made: [Int: [Int]] = [:]
        /// Of the sums what was told by those who had heard of it alone: minute, day, month, total; and the second of the first.
        var extras: [Int: [Int]] = [:]
    }

    private(set) var buckets: [String: Bucket] = [:]
    private var memory = 0
    private var began = 0
    private var last = 0
    private var from = 0
    private var till = 0
    private var expected = 0
    private var seen: [String: Int] = [:]
    private var told: Set<String> = []
    private(set) var exchanges = 0

    /// - Parameter now: milliseconds since 1970.
    init(now: Int) { forget(now: now) }

    /// It comes up anew, with nothing in its memory.
    mutating func forget(now: Int) {
        buckets = [:]
        memory = now
        (began, last, from, till, expected, seen, told) = (now, now, 0, 0, 0, [:], [])
    }

    mutating func exchange(_ batch: LeaseBatch, now: Int) -> LeaseAnswers {
        exchanges += 1
        let lasts = batch.terms.lasts
        if abs(now - last) > lasts / 2 { (from, till) = (last, now) }
        last = now
        seen[batch.node] = now
        let nodes = seen.values.count { now - $0 <= 5_000 }
        if batch.told == memory { told.insert(batch.node) } else { expected = max(expected, batch.expected) }
        let heard = seen.count { now - $0.value <= 5_000 && told.contains($0.key) }
        let isLearning = now - began < 1_500 && heard < expected
        var answers = LeaseAnswers(time: now, memory: memory, nodes: nodes, isLearning: isLearning)
        for message in batch.messages {
            answers.answers.append(take(message, batch, isLearning: isLearning, now: now))
        }
        return answers
    }

    private func isAlive(_ entry: Entry, _ lasts: Int, now: Int) -> Bool {
        if entry.until == 0 { return false }
        if entry.until > now, entry.until - now <= lasts { return true }
        return till > 0 && entry.until > from && now < till + lasts
    }

    private mutating func take(_ message: LeaseMessage, _ batch: LeaseBatch, isLearning: Bool, now: Int) -> LeaseAnswer? {
        var bucket = buckets[message.key] ?? Bucket()
        bucket.begin(day: batch.day, month: batch.month, now: now)
        bucket.find(batch)
        let known = bucket.nodes[batch.node]
        var entry = known ?? Entry()
        let teller = "\(batch.process):\(message.birth)"
        let isSame = entry.process == teller
        if isSame, message.number <= entry.number { return nil }
        if !isSame { entry.spent = [:] }
        let isMine = isSame && isAlive(entry, batch.terms.lasts, now: now)
        let toldBefore = isSame ? 0 : entry.toldAt
        (entry.process, entry.number, entry.toldAt) = (teller, message.number, now)
        if !batch.directory.isEmpty { entry.directory = batch.directory }
        for (name, other) in bucket.nodes where name != batch.node && !isAlive(other, batch.terms.lasts, now: now) {
            bucket.nodes[name]?.held = [:]
            bucket.nodes[name]?.until = 0
        }
        var answer = LeaseAnswer(number: message.number, resets: bucket.resets)
        for part in message.parts {
            let void = bucket.void(part, of: message, now: now)
            let misses = known == nil && message.knownReset < 0 && void.contains(true)
            bucket.count(part, void, message.knownReset, &entry, isNew: known == nil, now: now)
            bucket.claim(part, void, isNew: known == nil, batch, now: now)
            let kind = part.kind.place
            let others = bucket.nodes.filter { $0.key != batch.node }.values.reduce(0) { $0 + ($1.held[kind] ?? 0) }
            let left = part.rates.map { $0.most - bucket.used($0) - others - part.reserved }.min() ?? 0
            let kept = max(isMine ? part.kept : 0, isLearning ? min(part.part, max(0, left)) : 0)
            let granted = isLearning ? kept : Self.grant(part, kept: kept, left: max(0, left), batch.terms)
            entry.held[kind] = part.reserved + granted
            answer.parts.append(
                LeaseAnswer.Part(
                    kind: part.kind, held: part.reserved + granted, others: others, unheld: max(0, left - granted),
                    used: LimitRate.Window.allCases.filter { $0 != .now }.map {
                        bucket.used(LimitRate(part.kind, per: $0, most: 0))
                    },
                    wait: 0, resets: bucket.windowResets[kind] ?? [0, 0, 0, 0],
                    toldBefore: misses ? max(1, now - message.unused) : toldBefore,
                    rest: bucket.rest(kind, now: now)))
        }
        entry.gone = [:]
        entry.until = now + batch.terms.lasts
        bucket.nodes[batch.node] = entry
        buckets[message.key] = bucket
        return answer
    }

    private static func grant(_ part: LeaseMessage.Part, kept: Int, left: Int, _ terms: LeaseTerms) -> Int {
        guard part.wants || part.need > 0 else { return kept }
        let wanted = max(kept, part.need, left * terms.share / 1_000_000)
        guard wanted > left else { return wanted }
        return part.need > 0 && part.least > left ? kept : max(kept, left)
    }

    /// - Parameters:
    ///   - kind: only these; nil for all.
    ///   - window: only of this one; nil for all.
    ///   - at: when it was made.
    /// - Returns: by when a node knows of it.
    @discardableResult
    mutating func reset(
        _ key: String, _ kind: LimitRate.Kind? = nil, _ window: LimitRate.Window? = nil, at: Int? = nil, now: Int
    ) -> Int {
        var bucket = buckets[key] ?? Bucket()
        var latest = 0
        for kind in kind.map({ [$0.place] }) ?? [0, 1, 2] {
            for place in window.map({ [$0.place] }) ?? [0, 1, 2, 3] {
                bucket.clear(kind, place)
                bucket.made[kind, default: [0, 0, 0, 0]][place] = at ?? now
            }
            if let window {
                var times = bucket.windowResets[kind] ?? [0, 0, 0, 0]
                times[window.place] = max(now, times[window.place] + 1)
                bucket.windowResets[kind] = times
                latest = max(latest, times[window.place])
            } else {
                bucket.resets[kind] = max(now, bucket.resets[kind] + 1)
                latest = max(latest, bucket.resets[kind])
            }
        }
        buckets[key] = bucket
        return latest
    }
}

extension LeaseServerModel.Bucket {
    /// A node is its state directory, whatever it was called; of whom had its name before it is kept apart.
    fileprivate mutating func find(_ batch: LeaseBatch) {
        let hasDirectory = !batch.directory.isEmpty
        if let entry = nodes[batch.node] {
            guard hasDirectory, !entry.directory.isEmpty, entry.directory != batch.directory else { return }
            nodes["~" + entry.directory] = entry
            nodes[batch.node] = nil
        }
        let former = nodes.first { $0.value.process.hasPrefix(batch.process + ":") }?.key
        let before = nodes.first {
            hasDirectory && $0.value.directory == batch.directory && $0.value.takenFrom != batch.process
        }?.key
        guard let name = former ?? before, var entry = nodes[name] else { return }
        if former == nil { entry.takenFrom = entry.process.split(separator: ":").first.map(String.init) ?? "" }
        nodes[name] = nil
        nodes[batch.node] = entry
    }

    private func knows(_ kind: Int, _ place: Int, _ known: Int) -> Bool {
        known >= max(resets[kind], windowResets[kind]?[place] ?? 0)
    }

    /// Of which windows what is told is of before a reset that the node has not heard of.
    fileprivate func void(_ part: LeaseMessage.Part, of message: LeaseMessage, now: Int) -> [Bool] {
        let kind = part.kind.place
        return (0..<4).map { place in
            guard part.kind != .concurrency, part.own[place] + part.heard[place] > 0 else { return false }
            if message.knownReset >= 0 { return !knows(kind, place, message.knownReset) }
            return made[kind]?[place] ?? 0 > now - message.unused
        }
    }

    fileprivate mutating func begin(day: Int, month: Int, now: Int) {
        let second = now / 1_000
        if day > self.day, day <= now {
            self.day = day
            clear(0)
        }
        if month > self.month, month <= now {
            self.month = month
            clear(1)
        }
        for (kind, slots) in minutes { minutes[kind] = slots.filter { second - $0.key <= 60 && $0.value > 0 } }
    }

    private mutating func clear(_ window: Int) {
        for kind in extras.keys { extras[kind]?[window + 1] = 0 }
        for kind in sums.keys { sums[kind]?[window] = 0 }
        for name in nodes.keys {
            for kind in nodes[name]?.told.keys.map({ $0 }) ?? [] { nodes[name]?.told[kind]?[window] = 0 }
            for kind in nodes[name]?.gone.keys.map({ $0 }) ?? [] { nodes[name]?.gone[kind]?[window] = 0 }
        }
    }

    /// - Parameter place: of a window: minute, day, month, total.
    fileprivate mutating func clear(_ kind: Int, _ place: Int) {
        extras[kind]?[place] = 0
        guard place > 0 else {
            minutes[kind] = [:]
            return
        }
        sums[kind]?[place - 1] = 0
        for name in nodes.keys {
            guard let told = nodes[name]?.told[kind] else { continue }
            nodes[name]?.gone[kind, default: [0, 0, 0]][place - 1] += told[place - 1]
            nodes[name]?.told[kind]?[place - 1] = 0
        }
    }

    func used(_ rate: LimitRate) -> Int {
        switch rate.window {
        case .now: 0
        case .minute: minutes[rate.kind.place]?.values.reduce(0, +) ?? 0
        case .day, .month, .total: sums[rate.kind.place]?[rate.window.place - 1] ?? 0
        }
    }

    /// Milliseconds until all of the minute has passed.
    fileprivate func rest(_ kind: Int, now: Int) -> Int {
        let newest = minutes[kind]?.filter { $0.value > 0 }.keys.max()
        return newest.map { max(0, ($0 + 61) * 1_000 - now) } ?? 0
    }

    fileprivate mutating func count(
        _ part: LeaseMessage.Part, _ void: [Bool], _ known: Int, _ entry: inout LeaseServerModel.Entry, isNew: Bool, now: Int
    ) {
        let kind = part.kind.place
        guard part.kind != .concurrency else { return }
        defer { entry.spent[kind] = part.spent }
        let own = zip(part.own, void).map { isNew && $1 ? 0 : $0 }
        var told = entry.told[kind] ?? [0, 0, 0]
        var gone = entry.gone[kind] ?? [0, 0, 0]
        for window in 0..<3 where knows(kind, window + 1, known) { gone[window] = 0 }
        var changes: [Int]
        var minute: Int
        if let before = entry.spent[kind] {
            let change = part.spent - before
            changes = [change, change, change]
            minute = change > 0 ? min(change, own[0]) : change
        } else {
            changes = (0..<3).map { max(0, own[$0 + 1] - told[$0] - gone[$0]) }
            minute = isNew ? own[0] : min(own[0], changes[2])
        }
        var sum = sums[kind] ?? [0, 0, 0]
        if isNew, var extra = extras[kind] {
            if now / 1_000 - extra[4] > 60 { extra[0] = 0 }
            for window in 0..<3 {
                let known = min(extra[window + 1], changes[window])
                extra[window + 1] -= known
                sum[window] = max(0, sum[window] - known)
            }
            let known = min(extra[0], minute)
            extra[0] -= known
            minute -= known
            extras[kind] = extra
        }
        for window in 0..<3 {
            sum[window] = max(0, sum[window] + changes[window])
            told[window] = max(0, told[window] + changes[window])
            if entry.spent[kind] == nil, gone[window] > 0 { told[window] = 0 }
        }
        (sums[kind], entry.told[kind]) = (sum, told)
        var slots = minutes[kind] ?? [:]
        if minute > 0 { slots[now / 1_000, default: 0] += minute }
        var rest = max(0, -minute)
        for second in slots.keys.sorted() where rest > 0 {
            let taken = min(rest, slots[second] ?? 0)
            slots[second]? -= taken
            rest -= taken
        }
        minutes[kind] = slots
    }

    /// What others had used by what a node heard, as far as nobody has told it himself.
    fileprivate mutating func claim(_ part: LeaseMessage.Part, _ void: [Bool], isNew: Bool, _ batch: LeaseBatch, now: Int) {
        let kind = part.kind.place
        let heard = zip(part.heard, void).map { $1 ? 0 : $0 }
        let own = zip(part.own, void).map { isNew && $1 ? 0 : $0 }
        guard part.kind != .concurrency, heard.contains(where: { $0 > 0 }) else { return }
        var extra = extras[kind] ?? [0, 0, 0, 0, now / 1_000]
        if now / 1_000 - extra[4] > 60 { extra[0] = 0 }
        for window in 0..<3 where window == 2 || (window == 0 ? batch.day == day : batch.month == month) {
            let missing = max(0, own[window + 1] + heard[window + 1] - (sums[kind]?[window] ?? 0))
            sums[kind]?[window] += missing
            extra[window + 1] += missing
        }
        let missing = max(0, own[0] + heard[0] - (minutes[kind]?.values.reduce(0, +) ?? 0))
        if missing > 0 {
            minutes[kind]?[now / 1_000, default: 0] += missing
            extra[0] += missing
            extra[4] = now / 1_000
        }
        extras[kind] = extra
    }
}
