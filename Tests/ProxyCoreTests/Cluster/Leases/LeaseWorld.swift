@testable import ProxyCore

/// Nodes, a server of limits and the net between them, in virtual time: what is held, told and lost, without a socket or a sleep.
struct LeaseWorld {
    struct Net {
        /// Milliseconds, one way; twice as long at most.
        var latency = 1
        /// Of a thousand messages, and of a thousand answers, so many are lost.
        var lost = 0
        /// Milliseconds after which a node takes a batch for lost.
        var timeout = 1_000
    }

    struct Node {
        var name: String
        var process: String
        var directory: String
        var table: LimitTable
        var isUp = true
        var underWay: [Int: Int] = [:]
        var sentAt = Int.min / 2
        var heardAt: Int
        var hasFailed = false
        var learnsSince: Int?
        var roundTrip = LeaseRoundTrip()
        var nodes = 0
        var memory = 0
        var waiting: [Int: [Request]] = [:]
        /// It has nothing to do before that.
        var dueAt = Int.min
    }

    struct Request {
        let node: Int
        let uses: [LimitUse]
        let need: LimitAmounts
        let used: LimitAmounts
        let lasts: Int
        let began: Int
        let patience: Int
    }

    private enum Event {
        case atServer(Int, String, Int, LimitTable.Outgoing)
        case answer(Int, String, Int, LimitTable.Outgoing, LeaseAnswers)
        case failure(Int, String, Int, LimitTable.Outgoing)
        case settle(Int, String, LimitReservation, Request)
        case patience(Request)
        case hint(Int, Int)
    }

    let net: Net
    /// nil: each node has limits of its own.
    let terms: LeaseTerms?
    let limits: [UsageLimit]
    var server: LeaseServerModel
    var isServerUp = true
    /// Nodes whose messages do not reach the server.
    var cutOff: Set<Int> = []
    private(set) var nodes: [Node] = []
    private(set) var now = 0
    private var events: [Int: [Event]] = [:]
    /// When there are events, the next one last.
    private var moments: [Int] = []
    private var random: SplitMix
    private var batches = 0
    /// Messages to the server, and buckets that they were about.
    private(set) var exchanges = 0
    private(set) var messages = 0
    private(set) var admitted: [String: [Int]] = [:]
    private(set) var refused = 0
    /// Requests that waited for the server, and for how long at most.
    private(set) var waited = 0
    private(set) var longestWait = 0
    private(set) var inFlight: [String: Int] = [:]
    private(set) var mostInFlight: [String: Int] = [:]

    struct SplitMix {
        var state: UInt64
        mutating func next(_ bound: Int) -> Int {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return Int((mixed ^ (mixed >> 31)) % UInt64(max(1, bound)))
        }
    }

    /// 2026-02-11 in milliseconds since 1970.
    static let start = 1_770_800_000_000

    init(nodes count: Int, limits: [UsageLimit], terms: LeaseTerms? = LeaseTerms(), net: Net = Net(), seed: UInt64 = 1) {
        (self.net, self.terms, self.limits) = (net, terms, limits)
        server = LeaseServerModel(now: Self.start)
        random = SplitMix(state: seed)
        for index in 0..<count { nodes.append(Self.node("node-\(index)", "first of \(index)", "of \(index)", terms, now: 0)) }
    }

    private static func node(_ name: String, _ process: String, _ directory: String, _ terms: LeaseTerms?, now: Int) -> Node {
        let table = LimitTable(timeZone: .utc)
        table.share(by: terms)
        return Node(name: name, process: process, directory: directory, table: table, heardAt: now)
    }

    var time: LimitTime { LimitTime(wall: Self.start + now, steady: now + 1_000_000) }

    /// Requests that wait at a node.
    func waiting(at node: Int) -> Int { nodes[node].waiting.values.reduce(0) { $0 + $1.count } }

    mutating func pick(_ bound: Int) -> Int { random.next(bound) }

    private mutating func schedule(_ event: Event, in milliseconds: Int) {
        let time = now + max(1, milliseconds)
        guard events[time]?.append(event) == nil else { return }
        events[time] = [event]
        var (first, end) = (0, moments.count)
        while first < end {
            let middle = (first + end) / 2
            if moments[middle] > time { first = middle + 1 } else { end = middle }
        }
        moments.insert(time, at: first)
    }

    // MARK: What happens

    /// Time passes, whatever somebody did to the nodes' tables before.
    mutating func run(for milliseconds: Int) {
        for index in nodes.indices { nodes[index].dueAt = Int.min }
        pass(milliseconds)
    }

    /// Time passes, and nothing but requests came since it did last: milliseconds in which nothing happens are passed over.
    mutating func pass(_ milliseconds: Int) {
        let end = now + milliseconds
        while now < end {
            var next = min(end, moments.last ?? end)
            for index in nodes.indices { next = min(next, nodes[index].dueAt) }
            now = max(now + 1, next)
            if moments.last == now {
                moments.removeLast()
                for event in events.removeValue(forKey: now) ?? [] { happen(event) }
            }
            for index in nodes.indices where nodes[index].dueAt <= now { tick(index) }
        }
    }

    /// One request every so many milliseconds to any of the nodes.
    mutating func go(
        _ limit: UsageLimit, for milliseconds: Int, every: Int, need: LimitAmounts, used: LimitAmounts, lasts: Int
    ) {
        guard milliseconds > 0 else { return }
        for index in nodes.indices { nodes[index].dueAt = Int.min }
        for time in stride(from: 0, to: milliseconds, by: every) {
            pass(time == 0 ? 1 : every)
            ask(pick(nodes.count), limit, bucket: "b", need: need, used: used, lasts: lasts)
        }
        pass((milliseconds - 1) % every)
    }

    /// A request comes to a node.
    /// - Returns: whether it was let through at once.
    @discardableResult
    mutating func ask(
        _ node: Int, _ limit: UsageLimit, bucket: String, need: LimitAmounts = LimitAmounts(requests: 1),
        used: LimitAmounts = LimitAmounts(requests: 1), lasts: Int = 20
    ) -> Bool {
        guard nodes[node].isUp else { return false }
        return admit(
            Request(
                node: node, uses: [LimitUse(limit, bucket: bucket)], need: need, used: used, lasts: lasts, began: now,
                patience: nodes[node].roundTrip.wait))
    }

    @discardableResult
    private mutating func admit(_ request: Request) -> Bool {
        let index = request.node
        nodes[index].dueAt = Int.min
        let isOver = now - request.began >= request.patience
        do throws(LimitRefusals) {
            let reservation = try nodes[index].table.reserve(
                request.uses, patience: isOver ? .isOver(since: request.began) : .asks, { _ in request.need }, now: time)
            for use in request.uses {
                admitted[use.bucket, default: []].append(now)
                inFlight[use.bucket, default: 0] += 1
                mostInFlight[use.bucket] = max(mostInFlight[use.bucket] ?? 0, inFlight[use.bucket] ?? 0)
            }
            longestWait = max(longestWait, now - request.began)
            schedule(.settle(index, nodes[index].process, reservation, request), in: request.lasts)
            return true
        } catch {
            guard error.all.isEmpty, !error.asks.isUnreachable, !isOver else {
                refused += 1
                return false
            }
            if request.began == now {
                waited += 1
                schedule(.patience(request), in: request.patience)
            }
            for slot in error.asks.slots { nodes[index].waiting[slot, default: []].append(request) }
            return false
        }
    }

    private mutating func tick(_ index: Int) {
        // One that shares nothing has nobody to talk to.
        guard nodes[index].isUp, terms != nil else { return nodes[index].dueAt = Int.max }
        let patience = nodes[index].roundTrip.patience
        let divides = listen(index, patience)
        talk(index, patience)
        let waits = divides && !nodes[index].waiting.isEmpty
        let hasMore = nodes[index].table.hasOutgoing && mayTalk(index, patience)
        nodes[index].dueAt = waits || hasMore ? now + 1 : due(index, patience)
    }

    /// When a node has something to do next, if nothing happens to it before.
    private func due(_ index: Int, _ patience: Int) -> Int {
        var next = min(now + 50 - (now + index) % 50, nodes[index].sentAt + beat(index))
        let silences = [
            nodes[index].underWay.values.min().map { $0 + patience }, nodes[index].learnsSince.map { $0 + patience },
            nodes[index].heardAt + LeaseSilence.longest,
        ]
        for case let silence? in silences where silence >= now { next = min(next, silence + 1) }
        return max(now + 1, next)
    }

    private func beat(_ index: Int) -> Int { nodes[index].learnsSince != nil ? 50 : 500 }

    private func mayTalk(_ index: Int, _ patience: Int) -> Bool {
        nodes[index].underWay.count < 4 * patience / LeaseTerms.patience
    }

    /// What it makes of the server's silence.
    /// - Returns: whether what limits allow is divided.
    private mutating func listen(_ index: Int, _ patience: Int) -> Bool {
        let oldest = nodes[index].underWay.values.min() ?? now
        let silence = LeaseSilence(
            isLate: nodes[index].hasFailed || now - oldest > patience, learnsFor: nodes[index].learnsSince.map { now - $0 },
            isKnown: nodes[index].memory != 0, silentFor: now - nodes[index].heardAt, patience: patience)
        nodes[index].table.setAway(silence.divides, isGone: silence.isGone)
        if silence.divides { wake(index, Array(nodes[index].waiting.keys)) }
        return silence.divides
    }

    private mutating func talk(_ index: Int, _ patience: Int) {
        let isBeat = now - nodes[index].sentAt >= beat(index)
        let isTick = (now + index) % 50 == 0
        while mayTalk(index, patience), isTick || isBeat || nodes[index].table.hasOutgoing {
            guard
                let outgoing = nodes[index].table.outgoing(
                    node: nodes[index].name, process: nodes[index].process, directory: nodes[index].directory,
                    expected: nodes[index].nodes, memory: nodes[index].memory, most: 64, now: time),
                isBeat && nodes[index].sentAt != now || !outgoing.slots.isEmpty
            else { return }
            send(outgoing, index)
        }
    }

    private mutating func send(_ outgoing: LimitTable.Outgoing, _ index: Int) {
        batches += 1
        exchanges += 1
        messages += outgoing.slots.count
        nodes[index].underWay[batches] = now
        nodes[index].sentAt = now
        let process = nodes[index].process
        if isServerUp, !cutOff.contains(index), pick(1_000) >= net.lost {
            schedule(.atServer(index, process, batches, outgoing), in: net.latency + pick(net.latency + 1))
        }
        schedule(.failure(index, process, batches, outgoing), in: net.timeout)
    }

    private mutating func happen(_ event: Event) {
        switch event {
        case .atServer(let index, let process, let number, let outgoing):
            guard isServerUp else { return }
            let answers = server.exchange(outgoing.batch, now: Self.start + now)
            guard pick(1_000) >= net.lost else { return }
            schedule(.answer(index, process, number, outgoing, answers), in: net.latency + pick(net.latency + 1))
        case .answer(let index, let process, let number, let outgoing, let answers):
            guard nodes[index].process == process, nodes[index].isUp, let sentAt = nodes[index].underWay[number] else { return }
            nodes[index].dueAt = Int.min
            nodes[index].underWay[number] = nil
            nodes[index].roundTrip.note(now - sentAt)
            (nodes[index].hasFailed, nodes[index].heardAt, nodes[index].nodes) = (false, now, answers.nodes)
            nodes[index].learnsSince = answers.isLearning ? nodes[index].learnsSince ?? now : nil
            let incoming = nodes[index].table.take(answers, to: outgoing, now: time)
            if nodes[index].memory != answers.memory {
                if nodes[index].memory != 0 { tellOthers(index, of: answers.memory) }
                nodes[index].memory = answers.memory
                nodes[index].table.tellAll(limits)
            }
            wake(index, incoming.answered)
        case .failure(let index, let process, let number, let outgoing):
            guard nodes[index].process == process, nodes[index].underWay[number] != nil else { return }
            nodes[index].dueAt = Int.min
            nodes[index].underWay[number] = nil
            nodes[index].hasFailed = true
            nodes[index].table.failed(outgoing)
            nodes[index].table.setAway(true, isGone: false)
            wake(index, outgoing.slots)
        case .settle(let index, let process, let reservation, let request):
            guard nodes[index].process == process, nodes[index].isUp else { return }
            nodes[index].dueAt = Int.min
            for use in request.uses { inFlight[use.bucket, default: 1] -= 1 }
            nodes[index].table.settle(reservation, used: request.used, now: time)
        case .hint(let index, let memory):
            guard nodes[index].memory != memory else { return }
            (nodes[index].sentAt, nodes[index].dueAt) = (Int.min / 2, Int.min)
        case .patience(let request):
            for slot in nodes[request.node].waiting.keys {
                guard
                    let place = nodes[request.node].waiting[slot]?.firstIndex(where: {
                        $0.began == request.began && $0.uses[0].bucket == request.uses[0].bucket
                    })
                else { continue }
                nodes[request.node].waiting[slot]?.remove(at: place)
                admit(request)
                return
            }
        }
    }

    /// By a hint, which takes as long as an answer.
    private mutating func tellOthers(_ index: Int, of memory: Int) {
        for other in nodes.indices where other != index {
            schedule(.hint(other, memory), in: 2 * net.latency)
        }
    }

    private mutating func wake(_ index: Int, _ slots: [Int]) {
        for slot in slots { for request in nodes[index].waiting.removeValue(forKey: slot) ?? [] { admit(request) } }
    }

    // MARK: What befalls them

    /// The node ends at once; what it was doing is gone, and what it knew.
    mutating func kill(_ index: Int) {
        nodes[index].isUp = false
        // Nobody counts what is in flight there any more.
        nodes[index].process += " gone"
    }

    /// - Parameter name: another one than before.
    mutating func restart(_ index: Int, as name: String? = nil) {
        nodes[index] = Self.node(name ?? nodes[index].name, "at \(now) of \(index)", nodes[index].directory, terms, now: now)
    }

    /// As its ledger has what it used.
    func restore(_ index: Int, _ limit: UsageLimit, bucket: String, requests: Int, lastUsed: Int) {
        let booked = LimitAmounts(requests: requests)
        let sums = LimitSums(
            limit: limit.id, bucket: bucket, day: booked, month: booked, total: booked,
            lastUsed: (Self.start + lastUsed) / 1_000)
        nodes[index].table.restore([sums], [], [], [], now: time)
    }

    /// What is held and not used, by all nodes.
    var held: Int { nodes.filter(\.isUp).reduce(0) { $0 + $1.table.held(now: time).reduce(0) { $0 + $1.amount } } }

    /// The most requests of a bucket that were let through within any 60 seconds.
    func mostInAMinute(_ bucket: String) -> Int {
        let times = admitted[bucket] ?? []
        var (first, most) = (0, 0)
        for (index, time) in times.enumerated() {
            while time - times[first] >= SlidingMinute.length { first += 1 }
            most = max(most, index - first + 1)
        }
        return most
    }
}
