import Testing

@testable import ProxyCore

@Suite struct LeaseTests {
    static func limit(_ rates: LimitRate...) -> UsageLimit { UsageLimit(.entry, name: "team", rates: rates, noun: "team") }

    /// Three nodes that have met, and one request every so many milliseconds to any of them.
    static func run(
        _ limit: UsageLimit, nodes: Int = 3, for milliseconds: Int, every: Int, need: LimitAmounts = LimitAmounts(requests: 1),
        used: LimitAmounts = LimitAmounts(requests: 1), lasts: Int = 20
    ) -> LeaseWorld {
        var world = LeaseWorld(nodes: nodes, limits: [limit])
        world.run(for: 600)
        go(&world, limit, for: milliseconds, every: every, need: need, used: used, lasts: lasts)
        return world
    }

    static func go(
        _ world: inout LeaseWorld, _ limit: UsageLimit, for milliseconds: Int, every: Int,
        need: LimitAmounts = LimitAmounts(requests: 1), used: LimitAmounts = LimitAmounts(requests: 1), lasts: Int = 20
    ) {
        world.go(limit, for: milliseconds, every: every, need: need, used: used, lasts: lasts)
    }

    @Test func aTotalIsLetThroughToTheLastRequestAndNotOneMore() {
        let world = Self.run(Self.limit(LimitRate(.requests, per: .total, most: 300)), for: 2_000, every: 2)
        #expect(world.admitted["b"]?.count == 300)
        #expect(world.longestWait < LeaseTerms.patience)
    }

    @Test func requestsInFlightAreNeverMoreThanAllNodesMayHave() {
        let world = Self.run(Self.limit(LimitRate(.concurrency, per: .now, most: 7)), for: 10_000, every: 5, lasts: 120)
        #expect(world.mostInFlight["b"] == 7)
    }

    @Test func whatIsReservedAndNotUsedIsThereForOthers() {
        let limit = Self.limit(LimitRate(.tokens, per: .total, most: 1_000_000))
        let world = Self.run(
            limit, nodes: 5, for: 6_000, every: 1, need: LimitAmounts(requests: 1, tokens: 2_000),
            used: LimitAmounts(requests: 1, tokens: 500))
        let used = (world.admitted["b"]?.count ?? 0) * 500
        #expect(used <= 1_000_000)
        #expect(used >= 980_000)
    }

    @Test func whatAnAnswerUsedBeyondItsReservationIsKnownElsewhereAtOnce() {
        let limit = Self.limit(LimitRate(.tokens, per: .day, most: 1_000))
        var world = LeaseWorld(nodes: 3, limits: [limit])
        world.run(for: 600)
        world.ask(
            0, limit, bucket: "b", need: LimitAmounts(requests: 1, tokens: 70), used: LimitAmounts(requests: 1, tokens: 800))
        // To the server, its answer, the request's twenty milliseconds, and what it used to the server.
        world.run(for: 2 + 2 + 20 + 3)
        for node in 0..<3 {
            for _ in 0..<21 {
                let amounts = LimitAmounts(requests: 1, tokens: 65)
                world.ask(node, limit, bucket: "b", need: amounts, used: amounts)
            }
        }
        world.run(for: 500)
        // What is left comes to three of them, and is with one node or with several.
        #expect([1 + 2, 1 + 3].contains(world.admitted["b"]?.count ?? 0))
    }

    @Test func whatLeasesCoverIsNoReasonForAMessage() {
        // Answers use tokens and money, of which the limit says nothing.
        let used = LimitAmounts(requests: 1, tokens: 900, nanoDollars: 700)
        let world = Self.run(
            Self.limit(LimitRate(.requests, per: .day, most: 100_000)), for: 3_000, every: 1, need: used, used: used)
        #expect(world.admitted["b"]?.count ?? 0 > 2_900)
        #expect(world.messages < 100)
    }

    @Test func aServerThatNeverAnsweredRefusesWhereTheFileSaysSo() {
        let limit = Self.limit(LimitRate(.requests, per: .day, most: 300))
        var world = LeaseWorld(nodes: 1, limits: [limit], terms: LeaseTerms(whenAway: .refuse))
        world.isServerUp = false
        Self.go(&world, limit, for: 300, every: 10)
        world.run(for: 200)
        #expect(world.refused == 30)
    }

    @Test func ofALimitSmallerThanTheNodesTheLastIsLetThroughToo() {
        let world = Self.run(Self.limit(LimitRate(.requests, per: .day, most: 2)), nodes: 5, for: 6_000, every: 20)
        #expect(world.admitted["b"]?.count == 2)
    }

    // MARK: Resets, and nodes that are others than before

    /// What the server knows to be used of each number.
    static func used(_ world: LeaseWorld, _ limit: UsageLimit) -> [Int] {
        world.server.buckets.values.flatMap { bucket in limit.rates.map { bucket.used($0) } }
    }

    private static let numbers = limit(LimitRate(.requests, per: .day, most: 100), LimitRate(.requests, per: .month, most: 100))

    /// So many requests, and time for the server to hear of them.
    private static func ask(_ world: inout LeaseWorld, _ node: Int, _ count: Int) {
        for _ in 0..<count {
            world.ask(node, numbers, bucket: "b")
            world.run(for: 30)
        }
        world.run(for: 3_000)
    }

    @Test func aResetOfOneWindowLeavesTheOthersOnAllNodes() throws {
        var world = LeaseWorld(nodes: 2, limits: [Self.numbers])
        world.run(for: 600)
        Self.ask(&world, 0, 3)
        Self.ask(&world, 1, 4)
        let key = try #require(world.server.buckets.keys.first)
        world.server.reset(key, .requests, .day, now: LeaseWorld.start + world.now)
        world.run(for: 10_000)
        for node in world.nodes {
            #expect(node.table.figures([Self.numbers], bucket: "b", now: world.time).map(\.used) == [0, 7])
        }
        Self.ask(&world, 0, 1)
        #expect(Self.used(world, Self.numbers) == [1, 8])
    }

    @Test func aResetReachesANodeThatWasStoppedMeanwhile() throws {
        var world = LeaseWorld(nodes: 2, limits: [Self.numbers])
        world.run(for: 600)
        Self.ask(&world, 0, 3)
        Self.ask(&world, 1, 4)
        world.kill(1)
        let key = try #require(world.server.buckets.keys.first)
        world.server.reset(key, .requests, .day, now: LeaseWorld.start + world.now)
        world.restart(1)
        world.restore(1, Self.numbers, bucket: "b", requests: 4, lastUsed: world.now)
        Self.ask(&world, 1, 1)
        #expect(Self.used(world, Self.numbers) == [1, 8])
        Self.ask(&world, 1, 2)
        #expect(Self.used(world, Self.numbers) == [3, 10])
        #expect(world.nodes[1].table.figures([Self.numbers], bucket: "b", now: world.time).map(\.used) == [3, 10])
    }

    @Test func aNodeThatStartsByAnotherNameHasUsedNothingTwice() {
        var world = LeaseWorld(nodes: 2, limits: [Self.numbers])
        world.run(for: 600)
        Self.ask(&world, 0, 3)
        Self.ask(&world, 1, 4)
        // They change places.
        for (node, used) in [(0, 3), (1, 4)] {
            world.kill(node)
            world.restart(node, as: "node-\(1 - node)")
            world.restore(node, Self.numbers, bucket: "b", requests: used, lastUsed: world.now)
        }
        Self.ask(&world, 0, 1)
        Self.ask(&world, 1, 1)
        #expect(Self.used(world, Self.numbers) == [9, 9])
    }

    /// What was made while the server was away is told before anybody tells one with an empty memory what was used before.
    @Test func aResetHoldsWhereTheServerHasLostItsMemoryMeanwhile() throws {
        var world = LeaseWorld(nodes: 4, limits: [Self.numbers])
        world.run(for: 600)
        for node in world.nodes.indices { Self.ask(&world, node, 3) }
        let key = try #require(world.server.buckets.keys.first)
        world.isServerUp = false
        world.run(for: 2_000)
        let reset = LimitReset(limit: Self.numbers.id, bucket: "b", kind: nil, time: world.time.wall)
        world.nodes[0].table.reset(limit: reset.limit, bucket: "b", kind: nil)
        world.kill(3)
        world.restart(3)
        world.restore(3, Self.numbers, bucket: "b", requests: 3, lastUsed: world.now - 3_000)
        world.server.forget(now: LeaseWorld.start + world.now)
        let known = world.server.reset(key, at: reset.time, now: LeaseWorld.start + world.now)
        world.nodes[0].table.knows(reset, since: known)
        world.isServerUp = true
        Self.ask(&world, 0, 2)
        #expect(Self.used(world, Self.numbers) == [2, 2])
        for node in [1, 2, 3] { Self.ask(&world, node, 1) }
        #expect(Self.used(world, Self.numbers) == [5, 5])
        for node in world.nodes {
            #expect(node.table.figures([Self.numbers], bucket: "b", now: world.time).map(\.used) == [5, 5])
        }
    }

    @Test func whatWasUsedIsKeptWhereLimitsAreSharedAnew() {
        var world = LeaseWorld(nodes: 1, limits: [Self.numbers])
        world.run(for: 600)
        Self.ask(&world, 0, 5)
        world.nodes[0].table.share(by: nil)
        world.nodes[0].table.share(by: LeaseTerms())
        Self.ask(&world, 0, 10)
        #expect(Self.used(world, Self.numbers) == [15, 15])
    }

    @Test func anotherCalendarLosesNothingOfADayThatGoesOn() throws {
        var world = LeaseWorld(nodes: 2, limits: [Self.numbers])
        world.run(for: 600)
        Self.ask(&world, 0, 3)
        Self.ask(&world, 1, 4)
        // Where the day has begun an hour ago, eight hours after the one that goes by Greenwich.
        let zone = try #require(Zone("Etc/GMT+8"))
        for node in world.nodes {
            node.table.setTimeZone(zone, [], now: world.time)
            world.run(for: 3_000)
        }
        #expect(Self.used(world, Self.numbers) == [7, 7])
        for node in world.nodes {
            #expect(node.table.figures([Self.numbers], bucket: "b", now: world.time).map(\.used) == [7, 7])
        }
    }

    @Test func whatCountsOtherwiseThanBeforeIsToldAnew() {
        var world = LeaseWorld(nodes: 1, limits: [])
        world.run(for: 600)
        let amounts = LimitAmounts(requests: 1, tokens: 10, cachedTokens: 5)
        var tellers: [String] = []
        for countsCached in [false, false, true] {
            let limit = UsageLimit(
                .entry, name: "team", rates: [LimitRate(.tokens, per: .day, most: 1_000)], countsCached: countsCached,
                noun: "team")
            world.ask(0, limit, bucket: "b", need: amounts, used: amounts)
            world.run(for: 3_000)
            tellers += world.server.buckets.values.compactMap { $0.nodes["node-0"]?.process }
            #expect(Self.used(world, limit) == [tellers.count * 10 + (countsCached ? 15 : 0)])
        }
        #expect(tellers.count == 3 && tellers[0] == tellers[1] && tellers[1] != tellers[2])
    }

    @Test func whatIsAskedAheadIsKnownBeforeTheFirstRequest() {
        var world = LeaseWorld(nodes: 2, limits: [Self.numbers])
        world.run(for: 600)
        Self.ask(&world, 0, 30)
        let (table, use) = (world.nodes[1].table, LimitUse(Self.numbers, bucket: "b"))
        #expect(table.share(left: use, now: world.time) == 1)
        #expect(table.askAhead([use], now: world.time).count == 1)
        world.run(for: 60)
        #expect(table.share(left: use, now: world.time) == 0.7)
        // It is known now, and what a request takes came with it.
        #expect(table.askAhead([use], now: world.time).isEmpty)
        let isLetThrough = world.ask(1, Self.numbers, bucket: "b")
        #expect(isLetThrough)
    }

    @Test func ofWhatIsTooLittleToBeSharedNobodyHoldsMoreThanItNeeds() {
        let two = Self.limit(LimitRate(.concurrency, per: .now, most: 2))
        var world = LeaseWorld(nodes: 2, limits: [two])
        world.run(for: 600)
        for node in [0, 1, 0, 1] {
            world.ask(node, two, bucket: "b", lasts: 5_000)
            world.run(for: 300)
        }
        #expect(world.inFlight["b"] == 2 && world.mostInFlight["b"] == 2)
        let one = Self.limit(LimitRate(.concurrency, per: .now, most: 1))
        for turn in 0..<6 {
            world.ask(turn % 2, one, bucket: "c")
            world.run(for: 300)
        }
        #expect(world.admitted["c"]?.count == 6)
    }

    @Test func whatAnIdleNodeHoldsIsGivenBack() {
        let limit = Self.limit(LimitRate(.requests, per: .day, most: 100))
        var world = Self.run(limit, for: 200, every: 50)
        #expect(world.held > 0)
        world.run(for: LeaseTerms().lasts)
        #expect(world.held == 0)
    }

    @Test func whatIsHeldBeyondAShareAndNotUsedGoesBackWhileTheNodeIsInUse() {
        let limit = Self.limit(LimitRate(.tokens, per: .day, most: 1_000))
        var world = LeaseWorld(nodes: 1, limits: [limit])
        world.run(for: 600)
        let (much, little) = (LimitAmounts(requests: 1, tokens: 500), LimitAmounts(requests: 1, tokens: 5))
        world.ask(0, limit, bucket: "b", need: much, used: little)
        world.run(for: 100)
        #expect(world.held > 400)
        Self.go(&world, limit, for: 1_500, every: 100, need: little, used: little)
        #expect(world.held <= 100 && world.refused == 0)
    }

    @Test func requestsThatComeAtOnceWaitForOneAnswerNotForOneEach() {
        let limit = Self.limit(LimitRate(.concurrency, per: .now, most: 40))
        var net = LeaseWorld.Net()
        net.latency = 5
        var world = LeaseWorld(nodes: 3, limits: [limit], net: net)
        world.run(for: 600)
        for _ in 0..<40 { world.ask(1, limit, bucket: "b", lasts: 100) }
        world.run(for: 60)
        #expect(world.refused == 0)
        #expect(world.mostInFlight["b"] == 40)
        #expect(world.longestWait <= 40)
    }

    @Test func aBucketThatIsNewWhileTheServerLearnsGoesByThePartOfItsNode() {
        let limit = Self.limit(LimitRate(.requests, per: .day, most: 100))
        var world = LeaseWorld(nodes: 2, limits: [limit])
        world.run(for: 600)
        world.kill(1)
        world.server.forget(now: LeaseWorld.start + world.now)
        world.run(for: 510)
        for _ in 0..<20 {
            world.ask(0, limit, bucket: "b")
            world.run(for: 20)
        }
        #expect(world.refused == 0)
        #expect(world.admitted["b"]?.count == 20)
    }

    @Test func nodesThatMeetForTheFirstTimeShareALimitAtOnce() {
        let limit = Self.limit(LimitRate(.requests, per: .day, most: 20))
        var world = LeaseWorld(nodes: 2, limits: [limit])
        world.run(for: 60)
        Self.go(&world, limit, for: 1_200, every: 20)
        #expect(world.admitted["b"]?.count == 20)
    }

    @Test func whatAKilledNodeHoldsIsFreeAgainAndNoMoreThanALeaseIsPassed() {
        let limit = Self.limit(LimitRate(.requests, per: .day, most: 200))
        var world = Self.run(limit, for: 300, every: 3)
        world.kill(1)
        world.run(for: 500)
        world.restart(1)
        Self.go(&world, limit, for: 5_000, every: 3)
        let admitted = world.admitted["b"]?.count ?? 0
        #expect(admitted >= 200)
        #expect(admitted <= 200 + 20)
    }

    @Test func aLateAnswerRefusesNobodyWhereAnAbsentServerDoes() {
        let limit = Self.limit(LimitRate(.requests, per: .day, most: 300))
        var net = LeaseWorld.Net()
        net.latency = LeaseTerms.patience
        var world = LeaseWorld(nodes: 3, limits: [limit], terms: LeaseTerms(whenAway: .refuse), net: net)
        world.run(for: 600)
        Self.go(&world, limit, for: 300, every: 10)
        world.run(for: 200)
        #expect(world.refused == 0)
        #expect(world.admitted["b"]?.count == 30)
        world.isServerUp = false
        world.run(for: 5_000)
        Self.go(&world, limit, for: 300, every: 10)
        #expect(world.refused == 30)
    }

    @Test func whileTheServerIsAwayEachNodeGoesOnWithItsPartAndNothingWaits() {
        let limit = Self.limit(LimitRate(.requests, per: .day, most: 300))
        var world = Self.run(limit, for: 300, every: 3)
        world.isServerUp = false
        world.run(for: 60)
        Self.go(&world, limit, for: 4_000, every: 3)
        let admitted = world.admitted["b"]?.count ?? 0
        #expect(admitted > 200)
        // What is left is divided as each heard it last: less than a lease apart.
        #expect(admitted < 300 + 30)
    }

    @Test func nodesThatHaveUsedAlikePassNothingWhileTheServerIsAway() {
        let limit = Self.limit(LimitRate(.requests, per: .day, most: 30))
        var world = LeaseWorld(nodes: 3, limits: [limit])
        world.run(for: 600)
        for turn in 0..<6 {
            world.ask(turn % 3, limit, bucket: "b")
            world.run(for: 10)
        }
        world.isServerUp = false
        for turn in 0..<300 {
            world.ask(turn % 3, limit, bucket: "b")
            world.run(for: 10)
        }
        let admitted = world.admitted["b"]?.count ?? 0
        #expect(admitted <= 30)
        #expect(admitted >= 24)
    }

    @Test func aNodeThatIsLateItselfWaitsLongerAndComesBack() {
        #expect(LeaseTerms.patience(late: -3, before: 50) == 50)
        #expect(LeaseTerms.patience(late: 20, before: 50) == 130)
        #expect(LeaseTerms.patience(late: Int.max, before: 50) == LeaseTerms.longestPatience)
        var patience = LeaseTerms.longestPatience
        for _ in 0..<90 { patience = LeaseTerms.patience(late: 0, before: patience) }
        #expect(patience == 50)
    }

    @Test func aServerThatHasLostItsMemoryHearsWhatWasUsed() {
        let limit = Self.limit(LimitRate(.requests, per: .day, most: 500))
        var world = Self.run(limit, for: 900, every: 3)
        world.isServerUp = false
        world.run(for: 2_000)
        world.server.forget(now: LeaseWorld.start + world.now)
        world.isServerUp = true
        Self.go(&world, limit, for: 6_000, every: 3)
        let admitted = world.admitted["b"]?.count ?? 0
        #expect(admitted >= 450)
        #expect(admitted <= 525)
    }

    @Test func aNodeThatUsedNothingKeepsWhatItHeardWhenTheServerIsGone() {
        for rate in [LimitRate(.requests, per: .day, most: 20), LimitRate(.requests, per: .total, most: 20)] {
            let limit = Self.limit(rate)
            var world = LeaseWorld(nodes: 2, limits: [limit])
            world.run(for: 600)
            Self.use(20, &world, limit, at: [0])
            world.run(for: 3_000)
            Self.use(3, &world, limit, at: [1])
            // Others ask for much else meanwhile: all places of the table are looked at.
            for turn in 0..<200 {
                world.ask(1, limit, bucket: "other \(turn % 5)")
                world.run(for: 20)
            }
            world.isServerUp = false
            world.run(for: 200)
            Self.use(24, &world, limit, at: [1, 0])
            #expect(world.admitted["b"]?.count == 20)
        }
    }

    @Test func whatOthersUsedIsForgottenWhenItsWindowIsOver() throws {
        let limit = Self.limit(LimitRate(.requests, per: .minute, most: 20))
        var world = LeaseWorld(nodes: 2, limits: [limit])
        world.run(for: 600)
        Self.use(20, &world, limit, at: [0])
        Self.use(1, &world, limit, at: [1])
        world.run(for: 5_000)
        #expect(world.nodes[1].table.figures([limit], now: world.time).map(\.used) == [20])
        world.run(for: 61_000)
        #expect(world.nodes[1].table.figures([limit], now: world.time).isEmpty)
        #expect(world.nodes[1].table.state.withLock { $0.slots.allSatisfy(\.isFree) })
    }

    @Test func aNodeThatIsNotAskedHearsFromTimeToTimeWhatOthersUse() {
        let limit = Self.limit(LimitRate(.requests, per: .day, most: 100))
        var world = LeaseWorld(nodes: 2, limits: [limit])
        world.run(for: 600)
        Self.use(10, &world, limit, at: [1])
        world.run(for: 8_000)
        Self.use(80, &world, limit, at: [0])
        world.run(for: 8_000)
        let use = LimitUse(limit, bucket: "b")
        #expect(world.nodes[1].table.share(left: use, now: world.time) == 0.1)
        #expect(world.nodes[1].table.figures([limit], now: world.time).map(\.used) == [90])
        // It goes by that where the server is gone.
        world.isServerUp = false
        world.run(for: 100)
        Self.use(50, &world, limit, at: [1])
        #expect(world.admitted["b"]?.count ?? 0 <= 100)
    }

    @Test func whatANodeWasNeverAskedForItHearsOfWhenSomebodyLooks() {
        let limit = Self.limit(LimitRate(.requests, per: .day, most: 100))
        var world = LeaseWorld(nodes: 2, limits: [limit])
        world.run(for: 600)
        Self.use(40, &world, limit, at: [0])
        world.run(for: 3_000)
        let table = world.nodes[1].table
        let looked = ["b", "nobody's"].map { LimitUse(limit, bucket: $0) }
        #expect(table.figures([limit], bucket: "b", now: world.time).isEmpty)
        let slots = table.refresh(looked, now: world.time)
        let isAwaited = slots.allSatisfy(table.isAwaited)
        #expect(slots.count == 2 && isAwaited)
        world.run(for: 10)
        #expect(!slots.contains(where: table.isAwaited))
        #expect(table.figures([limit], bucket: "b", now: world.time).map(\.used) == [40])
        #expect(table.share(left: looked[0], now: world.time) == 0.6)
        // What nobody has used leaves nothing behind, and what was just heard of is not asked for again.
        #expect(table.figures([limit], bucket: "nobody's", now: world.time).isEmpty)
        #expect(!table.knows(limit: limit.id, bucket: "nobody's"))
        #expect(table.refresh([looked[0]], now: world.time).isEmpty)
    }

    /// So many requests, one after the other, to some of the nodes in turn.
    private static func use(_ count: Int, _ world: inout LeaseWorld, _ limit: UsageLimit, at nodes: [Int]) {
        for turn in 0..<count {
            world.ask(nodes[turn % nodes.count], limit, bucket: "b")
            world.run(for: 10)
        }
    }

    @Test(arguments: [0, 1, 10])
    func whatWasUsedCountsWhenTheServerLosesItsMemory(elsewhere: Int) {
        let limit = Self.limit(LimitRate(.requests, per: .day, most: 100))
        for seed in 1...8 as ClosedRange<UInt64> {
            var world = LeaseWorld(nodes: 2, limits: [limit], seed: seed)
            world.run(for: 600)
            Self.use(elsewhere, &world, limit, at: [1])
            Self.use(90 - elsewhere, &world, limit, at: [0])
            world.run(for: 3_000 + Int(seed) * 37)
            world.server.forget(now: LeaseWorld.start + world.now)
            Self.go(&world, limit, for: 2_000, every: 3)
            world.run(for: 3_000)
            Self.use(10, &world, limit, at: [0])
            #expect(world.admitted["b"]?.count == 100, "\(seed)")
        }
    }

    @Test(arguments: [1, 20])
    func whatANodeUsedThatIsCutOffIsToldByOneThatHeardOfIt(heard: Int) {
        let limit = Self.limit(LimitRate(.requests, per: .day, most: 100))
        var world = LeaseWorld(nodes: 3, limits: [limit])
        world.run(for: 600)
        Self.use(60, &world, limit, at: [0])
        Self.use(heard, &world, limit, at: [1])
        world.run(for: 3_000)
        world.cutOff = [0]
        world.server.forget(now: LeaseWorld.start + world.now)
        world.run(for: 2_500)
        Self.use(40, &world, limit, at: [1, 2])
        // What is left, but for what one of the two holds.
        let admitted = world.admitted["b"]?.count ?? 0
        #expect((90...100).contains(admitted))
        // It comes back, and tells what it used: that counts once.
        world.cutOff = []
        world.run(for: 3_000)
        Self.use(200, &world, limit, at: [1, 2, 0])
        #expect(world.admitted["b"]?.count == 100)
    }

    @Test(arguments: [28, 40, 80, 100])
    func aSlowServerIsNoneThatIsAway(latency: Int) {
        let limit = Self.limit(LimitRate(.requests, per: .day, most: 60))
        var net = LeaseWorld.Net()
        net.latency = latency
        var world = LeaseWorld(nodes: 2, limits: [limit], net: net)
        world.run(for: 5_000)
        for _ in 0..<6_000 {
            world.pass(1)
            // Two requests at a time at each node.
            for node in 0..<2 where world.waiting(at: node) < 2 && world.pick(4) == 0 { world.ask(node, limit, bucket: "b") }
        }
        world.run(for: 3_000)
        Self.use(60, &world, limit, at: [0])
        world.run(for: 2_000)
        let admitted = world.admitted["b"]?.count ?? 0
        #expect(admitted == 60, "\(latency) ms")
        #expect(world.longestWait <= LeaseTerms.longestPatience)
    }

    @Test func whereASlowServerIsGoneNobodyWaitsTwice() {
        let limit = Self.limit(LimitRate(.requests, per: .day, most: 6_000))
        var net = LeaseWorld.Net()
        net.latency = 60
        var world = LeaseWorld(nodes: 1, limits: [limit], net: net)
        world.run(for: 5_000)
        world.isServerUp = false
        world.ask(0, limit, bucket: "b")
        world.run(for: LeaseTerms.longestPatience + 1)
        #expect(world.admitted["b"]?.count == 1)
        for _ in 0..<50 {
            let isLetThrough = world.ask(0, limit, bucket: "b")
            #expect(isLetThrough)
            world.run(for: 100)
        }
        #expect(world.refused == 0)
    }

    @Test func patienceFollowsTheServersRoundTrip() {
        var trip = LeaseRoundTrip()
        #expect(trip.patience == LeaseTerms.patience && trip.wait == LeaseTerms.patience)
        for _ in 0..<20 { trip.note(1) }
        #expect(trip.patience == LeaseTerms.patience && trip.wait == LeaseTerms.patience)
        for _ in 0..<40 { trip.note(80) }
        #expect((81...120).contains(trip.patience) && (161...200).contains(trip.wait))
        // Half a minute of silence makes it no slower than half a second, and not for long.
        trip.note(30_000)
        #expect(trip.patience == LeaseTerms.longestPatience)
        for _ in 0..<40 { trip.note(1) }
        #expect(trip.patience == LeaseTerms.patience)
    }

    @Test func withoutAServerEachNodeHasItsPart() {
        #expect(LimitRate(.requests, per: .day, most: 100).divided(by: 3).most == 33)
        #expect(LimitRate(.requests, per: .day, most: 2).divided(by: 3).most == 0)
    }
}
