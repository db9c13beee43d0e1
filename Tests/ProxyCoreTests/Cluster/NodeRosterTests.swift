import Synchronization
import Testing

@testable import ProxyCore

/// What a node makes of what the server tells of others.
@Suite struct NodeRosterTests {
    private static let hash = String(repeating: "a", count: 64)

    /// Where nodes are listed as a test has it.
    private final class FakeBoard: NodeBoard {
        private let names: Mutex<[[String]]>
        private let gone = Mutex<[String]>([])

        /// - Parameter names: of each heartbeat; the last ones go on.
        init(_ names: [[String]]) { self.names = Mutex(names) }

        var left: [String] { gone.withLock { $0 } }

        func beat(_ name: String, instance: String, record: String, force: Bool) async throws -> [RESPValue] {
            let now = LoopContext.wallClock()
            let next = names.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] }
            return [.integer(1), .integer(now)] + next.flatMap { [.text($0), NodeRosterTests.stored(now, version: "2.0")] }
        }

        func leave(_ name: String, instance: String) async throws { gone.withLock { $0.append(name) } }
    }

    private static func roster(_ server: FakeLimitServer, _ store: (any NodeBoard)? = nil) throws -> NodeRoster {
        let file = ConfigurationFixture.load(
            """
            upstreams:
              a: {url: "http://localhost:8080", dialect: openai}
            rules:
              - {name: all, tiers: [a]}
            cluster: {node: me, limits: 'redis://localhost'}
            """)
        let snapshot = try #require(file.snapshot)
        return NodeRoster(
            identity: NodeIdentity(instance: "0011223344556677", process: "b|n|1|2"), server: server, store: store,
            snapshots: SnapshotStore(snapshot), version: "1.0")
    }

    private static func stored(
        _ seenAt: Int, _ instance: String = "ffff", version: String = "1.0", hash: String = hash, ahead: Int? = 0,
        process: String = ""
    ) -> RESPValue {
        let record = NodeRecord(
            version: version, generation: 2, hash: hash, startedAt: 0, clockAhead: ahead, ledgerLag: 5, process: process)
        return .text("\(seenAt) \(instance) \(record.text)")
    }

    @Test func withoutAServerANodeListsItself() throws {
        let roster = try Self.roster(FakeLimitServer())
        #expect(roster.nodes.map(\.name) == ["me"] && roster.live == 1 && roster.nodes.allSatisfy { $0.isSelf })
        #expect(roster.warnings.isEmpty)
    }

    @Test func thoseWhoBeatAreListedAndWhatIsOddOfThemIsSaid() async throws {
        let server = FakeLimitServer { _, _ in
            let now = LoopContext.wallClock()
            return .success(
                .array([
                    .integer(1), .text("\(now)"), .text("fast"), Self.stored(now - 10, ahead: 3_600_000 * 2), .text("gone"),
                    Self.stored(now - 60_000), .text("me"), Self.stored(now, "0011223344556677"), .text("new"),
                    Self.stored(now - 900, version: "1.1"), .text("bad name"), Self.stored(now), .text("odd"), .text("nonsense"),
                    .text("late"),
                ]))
        }
        let roster = try Self.roster(server)
        // What was told ages; where the tests have the machine to themselves for once, it is looked at in time.
        var (nodes, told) = ([ClusterNode](), "")
        for _ in 0..<200 where nodes.filter(\.isLive).count < 3 {
            #expect(await roster.claim() == .granted)
            (nodes, told) = (roster.nodes, roster.warnings.joined(separator: "\n"))
        }
        #expect(nodes.map(\.name) == ["fast", "gone", "me", "new"])
        #expect(nodes.filter(\.isLive).map(\.name) == ["fast", "me", "new"])
        #expect(told.contains("the clock of node 'fast' is 2 hours ahead of the server's"), "\(told)")
        #expect(told.contains("'fast', 'new' run another configuration than 'me'"), "\(told)")
        #expect(told.contains("several versions: 1.0, 1.1"), "\(told)")
    }

    /// It can be reached, and nobody is listed there.
    @Test func whatTheServerRefusesHeartbeatsWithIsSaid() async throws {
        let server = FakeLimitServer { _, _ in
            .failure(.refused("ERR unknown command 'EVALSHA', with args beginning with: 'abc'"))
        }
        let roster = try Self.roster(server)
        #expect(await roster.claim() == .unknown)
        #expect(
            roster.warnings == [
                "the server of limits takes no heartbeats, so that nodes do not know of one another: it refuses: "
                    + "ERR unknown command 'EVALSHA'"
            ])
        server.becomes(.down(.closed))
        #expect(roster.warnings.isEmpty)
    }

    /// Those who have lost the server of limits know of one another at the store that they share.
    @Test func whileTheServerIsAwayTheStoreTellsOfOthers() async throws {
        let server = FakeLimitServer { _, _ in
            let now = LoopContext.wallClock()
            return .success(
                .array([.integer(1), .text("\(now)"), .text("b"), Self.stored(now), .text("c"), Self.stored(now)]))
        }
        let store = FakeBoard([["b", "d"], ["b"]])
        let roster = try Self.roster(server, store)
        func versions() -> [String] { roster.nodes.map { "\($0.name) \($0.version)" } }
        #expect(await roster.claim() == .granted)
        #expect(versions() == ["b 1.0", "c 1.0"])
        server.becomes(.down(.off))
        #expect(await roster.claim() == .granted)
        // Who is not there has been heard of before, and grows old.
        #expect(versions() == ["b 2.0", "c 1.0", "d 2.0"])
        // Who was there has said that it goes.
        #expect(await roster.claim() == .granted)
        #expect(versions() == ["b 2.0", "c 1.0"])
        #expect(server.scripts(NodeScripts.beat) == 1 && store.left.isEmpty)
        server.becomes(.up(2))
        #expect(await roster.claim() == .granted)
        #expect(versions() == ["b 1.0", "c 1.0"])
        for _ in 0..<10_000 where store.left.isEmpty { try await Task.sleep(for: .milliseconds(2)) }
        #expect(store.left == ["me"])
    }

    /// A node that has lost the server does not know whether the others have.
    @Test func whoWasLiveIsUnknownWhereNobodyTellsOfItAnyMore() {
        let record = NodeRecord(version: "1.0", generation: 1, hash: Self.hash, startedAt: 0, process: "")
        func node(_ age: Int) -> ClusterNode { ClusterNode(name: "b", instance: "ffff", record, age: age, isSelf: false) }
        #expect(node(10).aged(by: 900, isUnheard: false).state == "live")
        #expect(node(10).aged(by: 2_000, isUnheard: true).state == "live")
        #expect(node(2_900).aged(by: 900, isUnheard: false).state == "gone")
        #expect(node(10).aged(by: 4_000, isUnheard: true).state == "unknown")
        #expect(node(10).aged(by: 1_000, isUnheard: true).aged(by: 3_000, isUnheard: false).state == "unknown")
        #expect(node(5_000).aged(by: 4_000, isUnheard: true).state == "gone")
        // It had missed its beat while others were told of: what was gone stays so.
        #expect(node(2_500).aged(by: 4_000, isUnheard: true).state == "gone")
    }

    @Test func aNodeThatBeatsOnKeepsItsName() async throws {
        let server = FakeLimitServer { _, _ in
            let now = LoopContext.wallClock()
            return .success(.array([.integer(0), .text("\(now)"), Self.stored(LoopContext.wallClock(), "abcd")]))
        }
        let roster = try Self.roster(server)
        #expect(await roster.claim() == .taken("abcd"))
        #expect(roster.warnings.joined().contains("another node is called 'me' too (instance abcd)"))
    }

    @Test func aNameForTheNextFileIsRefusedWhereANodeOfItLives() async throws {
        let now = LoopContext.wallClock()
        let server = FakeLimitServer { script, arguments in
            guard script == NodeScripts.beat else { return .success(.integer(1)) }
            let isFree = arguments.first == Array("free".utf8)
            return .success(
                .array(isFree ? [.integer(1), .text("\(now)")] : [.integer(0), .text("\(now)"), Self.stored(now, "abcd")]))
        }
        let roster = try Self.roster(server)
        #expect(await roster.takeNext("other") == "abcd")
        await roster.giveNextBack()
        #expect(server.scripts(NodeScripts.leave) == 0)
        #expect(await roster.takeNext("free") == nil)
        await roster.giveNextBack()
        #expect(server.scripts(NodeScripts.leave) == 1 && !roster.hasRival)
    }

    @Test func aNameWhoseProcessHasEndedIsTakenAtOnce() async throws {
        let now = LoopContext.wallClock()
        // The process beside this one that had the number of a kernel's thread.
        let own = NodeIdentity()
        let gone =
            own.process.split(separator: "|", omittingEmptySubsequences: false).prefix(2).joined(separator: "|") + "|4194304|1"
        #expect(NodeIdentity.hasEnded(gone) && !NodeIdentity.hasEnded(own.process) && !NodeIdentity.hasEnded("x|y|4194304|1"))
        let server = FakeLimitServer { script, arguments in
            guard script == NodeScripts.beat else { return .success(.integer(1)) }
            let isForced = arguments.indices.contains(4) && arguments[4] == Array("1".utf8)
            return .success(
                .array(
                    isForced
                        ? [.integer(1), .text("\(now)")]
                        : [.integer(0), .text("\(now)"), Self.stored(now, "abcd", process: gone)]))
        }
        #expect(await (try Self.roster(server)).claim() == .granted)
        #expect(server.scripts(NodeScripts.beat) == 2)
    }

    @Test(
        arguments: [
            RESPValue.null, .integer(1), .array([]), .array([.integer(1)]), .array([.integer(0), .text("1")]),
            .array([.integer(0), .text("1"), .text("1 2")]), .array([.text("x"), .text("y")]),
        ])
    func aReplyThatIsNoneHoldsNobodyUp(_ reply: RESPValue) async throws {
        let roster = try Self.roster(FakeLimitServer { _, _ in .success(reply) })
        #expect(await roster.claim() == .unknown)
        #expect(roster.nodes.map(\.name) == ["me"])
    }

    @Test(arguments: [
        "", "1", "1 a", "x a {}", "1 a {}", "1 a b {\"version\":\"1\"}", "1 a {\"version\":\"\u{1}\",\"hash\":\"h\"}",
    ])
    func whatNoNodeWouldStoreIsNoNode(_ text: String) {
        #expect(StoredNode(Array(text.utf8)) == nil)
    }
}
