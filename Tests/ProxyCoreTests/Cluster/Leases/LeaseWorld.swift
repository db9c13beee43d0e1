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
        events[now + max(1, milliseconds), default: []].append(event)
    }

    // MARK: What happens

    /// One millisecond passes.
    mutating func step() {
        now += 1
        for event in events.removeValue(forKey: now) ?? [] { happen(event) }
        for index in nodes.indices where nodes[index].isUp { tick(index) }
    }

    mutating func run(for milliseconds: Int) { for _ in 0..<milliseconds { step() } }

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
        let oldest = nodes[index].underWay.values.min() ?? now
        let patience = nodes[index].roundTrip.patience
        let silence = LeaseSilence(
            isLate: nodes[index].hasFailed || now - oldest > patience, learnsFor: nodes[index].learnsSince.map { now - $0 },
            isKnown: nodes[index].memory != 0, silentFor: now - nodes[index].heardAt, patience: patience)
        nodes[index].table.setAway(silence.divides, isGone: silence.isGone)
        if silence.divides { wake(index, Array(nodes[index].waiting.keys)) }
        let isBeat = now - nodes[index].sentAt >= (nodes[index].learnsSince != nil ? 50 : 500)
        let isTick = (now + index) % 50 == 0
        while nodes[index].underWay.count < 4 * patience / LeaseTerms.patience
            && (isTick || isBeat || nodes[index].table.hasOutgoing)
        {
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
            nodes[index].underWay[number] = nil
            nodes[index].hasFailed = true
            nodes[index].table.failed(outgoing)
            nodes[index].table.setAway(true, isGone: false)
            wake(index, outgoing.slots)
        case .settle(let index, let process, let reservation, let request):
            guard nodes[index].process == process, nodes[index].isUp else { return }
            for use in request.uses { inFlight[use.bucket, default: 1] -= 1 }
            nodes[index].table.settle(reservation, used: request.used, now: time)
        case .hint(let index, let memory):
            if nodes[index].memory != memory { nodes[index].sentAt = Int.min / 2 }
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
