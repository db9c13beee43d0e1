import Foundation
import Logging
import Testing

@testable import ProxyCore

/// The last who blocks a bucket, or lets it through, is right, on all nodes.
@Suite struct BlockSharingTests {
    private static func sharing(_ server: FakeLimitServer, _ ledger: UsageLedger) -> BlockSharing {
        BlockSharing(server: server, ledger: ledger, instance: "a", logger: nil)
    }

    @Test func aBlockIsKeptAtTheServerAndToldWithItsTime() async throws {
        let server = FakeLimitServer { _, _ in .success(.array([.integer(1), .text("42")])) }
        let (here, there) = (try UsageLedger.open(try ScratchDirectory()), try UsageLedger.open(try ScratchDirectory()))
        await Self.sharing(server, here).tell(limit: "l", bucket: "b", until: 99, title: "t")
        let hint = try #require(server.published.first.flatMap { Hint($0) })
        let key = try #require(BlockKey(limit: "l", bucket: "b"))
        #expect(hint.subject == .block(key, SharedBlock(until: 99, title: "t", stamp: 42)) && server.published.count == 1)
        let other = Self.sharing(FakeLimitServer(), there)
        // What was done before somebody else has done it again is no news, and neither is the end of what never was.
        other.take(key, SharedBlock(until: 0, title: "", stamp: 41))
        #expect(!there.limits.knows(limit: "l", bucket: "b"))
        other.take(key, SharedBlock(until: 99, title: "t", stamp: 42))
        #expect(there.limits.knows(limit: "l", bucket: "b"))
        await here.close()
        await there.close()
    }

    @Test func whatSomebodyElseDidLaterHolds() async throws {
        let server = FakeLimitServer { _, _ in .success(.array([.integer(0), .text("50 77 other")])) }
        let ledger = try UsageLedger.open(try ScratchDirectory())
        let sharing = Self.sharing(server, ledger)
        sharing.take(try #require(BlockKey(limit: "l", bucket: "b")), SharedBlock(until: 5, title: "t", stamp: 1))
        await sharing.tell(limit: "l", bucket: "c", until: 99, title: "t")
        #expect(server.published.isEmpty && server.scripts(BlockScripts.put) == 1)
        await ledger.close()
    }

    @Test func whatTheServerHasNotHeardOutlivesTheProcess() async throws {
        let directory = try ScratchDirectory()
        let ledger = try UsageLedger.open(try ScratchDirectory())
        let key = try #require(BlockKey(limit: "l", bucket: "b"))
        func sharing(_ server: FakeLimitServer) -> BlockSharing {
            BlockSharing(
                server: server, ledger: ledger, instance: "a", untold: UntoldChanges(directory: directory.path), logger: nil)
        }
        await sharing(FakeLimitServer()).tell(limit: "l", bucket: "b", until: 0, title: "t")
        let kept = UntoldChanges(directory: directory.path).all.blocks
        #expect(kept[key]?.until == 0 && kept[key]?.title == "t" && kept.count == 1)
        // What others have is older: it is told, and nothing is left to be told.
        let server = FakeLimitServer { script, _ in
            script == BlockScripts.all
                ? .success(.array([.text("9"), .bytes(key.field), .text("5 9223372036854775807 t")]))
                : .success(.array([.integer(1), .text("42")]))
        }
        let next = sharing(server)
        let running = Task { await next.run() }
        for _ in 0..<2_000 where UntoldChanges(directory: directory.path).all != UntoldChanges.Kept() {
            try await Task.sleep(for: .milliseconds(2))
        }
        running.cancel()
        await running.value
        #expect(UntoldChanges(directory: directory.path).all == UntoldChanges.Kept())
        #expect(server.scripts(BlockScripts.put) == 1 && !ledger.limits.knows(limit: "l", bucket: "b"))
        await ledger.close()
    }

    @Test func resetsAreKeptForADay() throws {
        let directory = try ScratchDirectory()
        let now = LoopContext.wallClock()
        let resets = [
            LimitReset(limit: "l", bucket: "b\u{0}\"", kind: nil, window: nil, time: now),
            LimitReset(limit: "m", bucket: "", kind: .cost, window: .month, time: now - 1_000),
        ]
        let old = LimitReset(limit: "l", bucket: "b", kind: .tokens, window: .day, time: now - 90_000_000)
        UntoldChanges(directory: directory.path).keep { $0.resets = [old] + resets }
        let read = UntoldChanges(directory: directory.path)
        #expect(read.all.resets == resets)
        read.keep { $0.resets = [] }
        #expect(!FileManager.default.fileExists(atPath: directory.path + "/untold.json"))
        // Nowhere to be written: it is told as ever.
        UntoldChanges(directory: directory.path + "/none").keep { $0.resets = resets }
    }

    @Test func whatIsOlderChangesNothing() throws {
        let first = SharedBlock(until: 50, title: "t", stamp: 10)
        #expect(SharedBlock(first.text) == first)
        #expect(SharedBlock("10 50 ") == SharedBlock(until: 50, title: "", stamp: 10))
        #expect(SharedBlock("10 50") == nil && SharedBlock("a b c") == nil && SharedBlock("") == nil)
        let key = try #require(BlockKey(limit: "l", bucket: "a\0b"))
        #expect(BlockKey(field: key.field) == key && BlockKey(field: [97]) == nil && BlockKey(limit: "", bucket: "") == nil)
    }

    @Test(arguments: [
        (1_800_000_000_000, 3_600_000, 1_800_003_600_000), (1_800_000_000_000, -3_600_000, 1_799_996_400_000), (5, -100, 1),
        (0, 3_600_000, 0), (.max, 3_600_000, .max), (.max, -3_600_000, .max),
    ])
    func `the end of a block goes by the server's clock between nodes`(until: Int, offset: Int, moved: Int) {
        #expect(BlockSharing.moved(until, by: offset) == moved)
    }

    @Test(arguments: [
        (1_800_000_000_003, 0, 1_800_000_000_000), (1_800_000_000_997, -2, 1_800_000_001_000), (0, 7, 0), (.max, 7, .max),
        (3, 0, 1),
    ])
    func `a block ends at one second on all nodes`(until: Int, offset: Int, here: Int) {
        #expect(BlockSharing.here(until, offset: offset) == here)
    }
}
