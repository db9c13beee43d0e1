import Basics
import RuleEngine
import Synchronization
import Testing

@testable import ProxyCore

/// What a loop found a moment ago when it compared accounts.
struct ChooseMemoryTests {
    private typealias Fixture = ChoosingFixture
    private static let now = ChoosingFixture.now

    @Test func `what is published counts at once`() {
        let upstreams = [Fixture.upstream(3, .mostQuota)]
        let memory = ChooseMemory()
        var states = AccountStates()
        func first() -> String? {
            var plan = Fixture.plan(Fixture.route(upstreams), upstreams)
            plan.memory = memory
            return Fixture.walk(plan, upstreams, states).first
        }
        #expect(first() == "u/0")
        states.windows[Fixture.id("0")] = Fixture.windows([("5h", 0.4, Self.now + 3_600_000)])
        #expect(first() == "u/1")
        states.windows[Fixture.id("1")] = Fixture.windows([("5h", 0.3, Self.now + 3_600_000)])
        states.windows[Fixture.id("2")] = Fixture.windows([("5h", 0.2, Self.now + 3_600_000)])
        #expect(first() == "u/0")
    }

    @Test func `models that clients think of are not all kept`() {
        let memory = ChooseMemory()
        let accounts = UpstreamAccounts(Fixture.upstream(3, .mostQuota))
        func roster(_ number: Int) -> Roster {
            let question = Roster.Question(choice: .mostQuota, threshold: 0.05, hasFallback: true, model: "m\(number)")
            return memory.roster(question, of: accounts, upstream: 2, AccountStates(), now: Self.now)
        }
        let first = roster(0)
        #expect(roster(0) === first)
        for number in 1..<ChooseMemory.most { _ = roster(number) }
        #expect(roster(0) === first)
        for number in ChooseMemory.most..<1_000 { _ = roster(number) }
        #expect(roster(0) !== first)
        #expect(roster(999) === roster(999))
    }

    /// One of whatever can befall accounts.
    private static func happen(to book: AccountBook, among count: Int, now: Int, _ rng: inout SplitMix64) {
        let id = Fixture.id("\(rng.position(below: count))")
        switch rng.position(below: 9) {
        case 0: book.cool(id, model: "m", until: now + rng.position(below: 2_000), reason: .response(.status(429)), now: now)
        case 1: book.cool(id, model: "n", until: now + rng.position(below: 2_000), reason: .response(.status(429)), now: now)
        case 2: book.succeed(id, model: "m", now: now)
        case 3: book.drain(id, now: now)
        case 4: book.free(id, now: now)
        case 5: book.quota.refused(id, model: "m", until: now + rng.position(below: 5_000), now: now)
        case 6:
            let kinds = ["5h", "7d", "requests"]
            book.quota.record(
                id,
                [
                    QuotaWindow(
                        rng.position(below: 3) == 0 ? .model("m") : .all, kind: kinds[rng.position(below: 3)],
                        share: Double(rng.position(below: 11)) / 10, resetsAt: now + rng.position(below: 10_000),
                        source: .headers, takenAt: now)
                ], now: now)
        case 7: book.load(of: id).cell(of: book).enter()
        default: book.load(of: id).cell(of: book).succeed(firstByte: rng.position(below: 500), now: now)
        }
    }

    @Test(arguments: Tier.Choice.allCases)
    func `who remembers chooses as who looks at all anew`(choice: Tier.Choice) {
        // Two upstreams, so that members of `any` are compared too; more accounts than are looked at for one choice.
        let count = 20
        let upstreams = [Fixture.upstream(count, choice), Fixture.upstream("v", [("0", 1), ("1", 2)], choice)]
        let route = Fixture.route(upstreams, choice)
        let accounts = upstreams.map { UpstreamAccounts($0) }
        let (memory, book) = (ChooseMemory(), AccountBook())
        book.keepOnly(upstreams)
        var rng = SplitMix64(state: 7)
        var now = Fixture.now
        for step in 0..<400 {
            for _ in 0..<rng.position(below: 4) { Self.happen(to: book, among: count, now: now, &rng) }
            now += [0, 1, 60, 700, 40_000][rng.position(below: 5)]
            book.quota.expire(now: now)
            var plan = Fixture.plan(route, accounts, seed: UInt64(step))
            let anew = Fixture.walk(plan, upstreams, book.states.current, now: now)
            plan.memory = memory
            #expect(Fixture.walk(plan, upstreams, book.states.current, now: now) == anew, "step \(step)")
        }
    }

    @Test func `who comes back is chosen, however many before it stay out and however seldom anybody asks`() {
        let count = 12
        let upstreams = [Fixture.upstream(count, .mostQuota)]
        let (memory, book) = (ChooseMemory(), AccountBook())
        for account in 0..<count {
            let id = Fixture.id("\(account)")
            if account < Roster.mostAtOnce { book.drain(id, now: Self.now) }
            book.cool(id, model: "m", until: Self.now + 10_000, reason: .response(.status(429)), now: Self.now)
        }
        func first(_ now: Int) -> Candidate? {
            var plan = Fixture.plan(Fixture.route(upstreams), upstreams)
            plan.memory = memory
            let first = plan.next(book.states.current, now: now)
            return plan.isLastResort ? nil : first
        }
        #expect(first(Self.now) == nil)
        // At once after the rest as well as long after it.
        #expect(first(Self.now + 9_990) == nil)
        #expect(first(Self.now + 10_000)?.account == Roster.mostAtOnce)
        #expect(first(Self.now + 20_000)?.account == Roster.mostAtOnce)
    }

    @Test func `what is published of the last is noticed, though as much is of those before it each time`() {
        let count = 50
        let upstreams = [Fixture.upstream(count, .mostQuota)]
        let memory = ChooseMemory()
        var states = AccountStates()
        func publish(_ account: Int, _ share: Double) {
            states[windowsOf: Fixture.id("\(account)")] = Fixture.windows([("5h", share, Self.now + 3_600_000)])
        }
        for account in 0..<count { publish(account, 0.5) }
        var firsts: [Int?] = []
        for turn in 0..<10 {
            for account in 0..<Roster.mostAtOnce { publish(account, 0.4 + Double(turn) / 1_000) }
            if turn == 1 { publish(count - 1, 0.9) }
            var plan = Fixture.plan(Fixture.route(upstreams), upstreams)
            plan.memory = memory
            firsts.append(plan.next(states, now: Self.now + turn)?.account)
        }
        #expect(firsts.first != count - 1 && firsts.last == count - 1, "\(firsts)")
    }

    @Test func `of many that change at once a choice looks at a few, and soon at all`() {
        let count = 50
        let upstreams = [Fixture.upstream(count, .mostQuota)]
        let memory = ChooseMemory()
        var states = AccountStates()
        func first() -> String? {
            var plan = Fixture.plan(Fixture.route(upstreams), upstreams)
            plan.memory = memory
            return plan.next(states, now: Self.now).map { "\($0.account)" }
        }
        #expect(first() == "0")
        for account in 0..<count {
            let share = 0.1 + Double(account) / 100
            states.windows[Fixture.id("\(account)")] = Fixture.windows([("5h", share, Self.now + 3_600_000)])
        }
        // The others are not looked at yet, and what nobody knows counts as full.
        #expect(first() == "\(Roster.mostAtOnce)")
        for _ in 0..<count / Roster.mostAtOnce { _ = first() }
        #expect(first() == "49")
    }

    @Test func `of several upstreams a choice looks at as many as of one, and at one of each`() {
        let (count, most) = (20, Roster.mostAtOnce)
        let accounts = ["u", "v", "w"].map { name in
            UpstreamAccounts(Fixture.upstream(name, (0..<count).map { (String($0), 1) }, .mostQuota))
        }
        let question = Roster.Question(choice: .mostQuota, threshold: 0.05, hasFallback: true, model: "m")
        let memory = ChooseMemory()
        var states = AccountStates()
        /// How many of each are known to have little.
        func looks() -> [Int] {
            memory.begin()
            return accounts.enumerated().map { index, accounts in
                let roster = memory.roster(question, of: accounts, upstream: index, states, now: Self.now)
                return roster.order.firstIndex { $0 < roster.order[0] } ?? 0
            }
        }
        #expect(looks() == [0, 0, 0])
        for name in ["u", "v", "w"] {
            for account in 0..<count {
                states[windowsOf: Fixture.id("\(account)", of: name)] = Fixture.windows([("5h", 0.1, Self.now + 3_600_000)])
            }
        }
        // Who was looked at stands behind the others.
        #expect(looks() == [count - most, count - 1, count - 1])
    }

    @Test(arguments: Tier.Choice.allCases)
    func `who was found and cannot serve any more is not asked`(choice: Tier.Choice) {
        let upstreams = [Fixture.upstream(3, choice)]
        let memory = ChooseMemory()
        func first(_ states: AccountStates, seed: UInt64) -> String? {
            var plan = Fixture.plan(Fixture.route(upstreams), upstreams, seed: seed)
            plan.memory = memory
            return Fixture.walk(plan, upstreams, states).first
        }
        let book = AccountBook()
        _ = first(book.states.current, seed: 1)
        for account in ["0", "1"] {
            book.cool(
                Fixture.id(account), model: "m", until: Self.now + 60_000, reason: .response(.status(429)), now: Self.now)
        }
        for seed in 0..<20 { #expect(first(book.states.current, seed: UInt64(seed)) == "u/2") }
    }

    @Test(arguments: Tier.Choice.allCases)
    func `all are still tried, each once`(choice: Tier.Choice) {
        let upstreams = [Fixture.upstream(7, choice)]
        let memory = ChooseMemory()
        for seed in 0..<20 {
            var plan = Fixture.plan(Fixture.route(upstreams), upstreams, seed: UInt64(seed))
            plan.memory = memory
            let order = Fixture.walk(plan, upstreams)
            #expect(order.count == 7)
            #expect(Set(order).count == 7)
        }
    }
}
