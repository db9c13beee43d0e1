import Foundation
import RuleEngine
import Testing

@testable import ProxyCore

@Suite struct TrialTests {
    private static func snapshot(_ more: String = "", _ generation: Int = 1) throws -> Snapshot {
        // A file of its own: what is counted for one hangs on its snapshot.
        let reload = "reload: {canary: {share: 50%, for: 1m}}  # \(UUID())\n"
        return try #require(ConfigurationFixture.load(ConfigurationFixture.file(reload + more)).snapshot).withGeneration(
            generation)
    }

    private static func trial(_ more: String = "timezone: UTC", rollbackIf: String? = nil) throws -> Trial {
        let old = try snapshot()
        var canary = try #require(old.configuration.reload.canary)
        if let rollbackIf { canary.rollbackIf = try RollbackExpression(rollbackIf) }
        return Trial(of: try snapshot(more, 2), beside: old, canary: canary, keyIDs: [])
    }

    private static func count(_ figures: RequestFigures, _ number: Int, _ sample: RequestFigures.Sample = .init()) {
        for _ in 0..<number { figures.count(sample) }
    }

    @Test func aShareIsTheSameKeysEachTimeAndAtLeastOne() {
        let ids = (0..<1_000).map { "key_\($0)" }
        let share = KeyShare(0.05, of: ids)
        let taken = ids.filter(share.takes)
        #expect(taken.count == 50)
        #expect(Set(taken) == Set(ids.reversed().filter(KeyShare(0.05, of: ids.reversed()).takes)))
        #expect(Set(taken).isSubset(of: ids.filter(KeyShare(0.2, of: ids).takes)))
        #expect(["a", "b", "c"].filter(KeyShare(0.05, of: ["a", "b", "c"]).takes).count == 1)
        #expect(ids.filter(KeyShare(0, of: ids).takes).isEmpty)
        #expect(ids.filter(KeyShare(1, of: ids).takes).count == 1_000)
        // Without any key known, about as many of those that come.
        #expect((350...650).contains(ids.filter(KeyShare(0.5).takes).count))
    }

    @Test(arguments: [0, 1, 3, 4, 5, 7, 8, 100, 1_000, 12_345, 999_999, 60_000_000, Int.max])
    func aBucketIsNearItsTimes(_ microseconds: Int) {
        let bucket = RequestFigures.bucket(of: microseconds)
        #expect((0..<128).contains(bucket))
        guard bucket < 127 else { return }
        let shown = RequestFigures.milliseconds(ofBucket: bucket) * 1_000
        #expect(abs(shown - Double(microseconds)) <= max(1, Double(microseconds) * 0.15))
    }

    @Test func oneErrorTakesNothingBackAndManyDo() throws {
        let trial = try Self.trial()
        Self.count(trial.old.others, 100)
        Self.count(trial.new.chosen, 9)
        var failed = RequestFigures.Sample()
        failed.end = .failed
        Self.count(trial.new.chosen, 1, failed)
        #expect(trial.objection() == nil)
        Self.count(trial.new.chosen, 4, failed)
        #expect(trial.objection()?.contains("error_rate") == true)
    }

    @Test func anExpressionOfOnesOwnSeesTheFiguresAsTheyAre() throws {
        let trial = try Self.trial(rollbackIf: "new.error_rate >= 0.5 && new.cost_per_request > 0.0009")
        #expect(trial.objection() == nil)
        var failed = RequestFigures.Sample()
        (failed.end, failed.cost) = (.failed, 2_000_000)
        trial.new.chosen.count(failed)
        Self.count(trial.new.chosen, 1)
        #expect(trial.objection()?.contains("after 2 of its requests and 0 others: error_rate 0.500 against 0.000") == true)
    }

    @Test func fewRequestsTellNothing() throws {
        let trial = try Self.trial()
        var failed = RequestFigures.Sample()
        failed.end = .failed
        Self.count(trial.new.chosen, Trial.fewestRequests - 1, failed)
        #expect(trial.objection() == nil)
        Self.count(trial.new.chosen, 1, failed)
        #expect(trial.objection() != nil)
    }

    @Test func aTenfoldPriceTakesBackAndAnExpensiveRequestDoesNot() throws {
        var sample = RequestFigures.Sample()
        sample.cost = 1_000_000
        let dear = try Self.trial()
        Self.count(dear.old.others, 20, sample)
        sample.cost = 10_000_000
        Self.count(dear.new.chosen, 10, sample)
        #expect(dear.objection() != nil)
        let one = try Self.trial()
        sample.cost = 1_000_000
        Self.count(one.old.others, 20, sample)
        Self.count(one.new.chosen, 12, sample)
        sample.cost = 900_000_000
        one.new.chosen.count(sample)
        #expect(one.objection() == nil)
    }

    @Test func withNothingToCompareWithCostsSpeakAgainstNothing() throws {
        var sample = RequestFigures.Sample()
        (sample.cost, sample.firstByteMicroseconds) = (10_000_000, 5_000_000)
        let trial = try Self.trial()
        Self.count(trial.new.chosen, 20, sample)
        #expect(trial.objection() == nil)
    }

    @Test func whatTheSameKeysCostBeforeCountsToo() throws {
        let old = try Self.snapshot()
        let figures = try #require(old.figures)
        var sample = RequestFigures.Sample()
        sample.cost = 100_000_000
        Self.count(figures.chosen, 20, sample)
        let canary = try #require(old.configuration.reload.canary)
        let trial = Trial(of: try Self.snapshot("timezone: UTC", 2), beside: old, canary: canary, keyIDs: [])
        Self.count(trial.new.chosen, 20, sample)
        sample.cost = 1_000
        Self.count(trial.old.others, 50, sample)
        #expect(trial.objection() == nil)
    }

    @Test func accountsThatAreAskedOtherwiseAreKnownApart() throws {
        let same = try Self.trial("policies: {team: {}}")
        #expect(same.snapshot.accountIDs.joined().allSatisfy { !$0.isOnTrial })
        let slower = try Self.trial("timeouts: {first_byte: 1ms}")
        let ids = Array(slower.snapshot.accountIDs.joined())
        #expect(!ids.isEmpty)
        #expect(ids.allSatisfy { $0.isOnTrial })
        let real = AccountID(upstream: ids[0].upstream, account: ids[0].account)
        #expect(real != ids[0])
        #expect(real.onTrial == ids[0])
    }

    @Test func aTrialIsInForceWhileItRuns() throws {
        let old = try Self.snapshot()
        let trial = try Self.trial()
        let running = old.trying(trial)
        #expect(trial.snapshot.isInForce(where: running))
        #expect(old.isInForce(where: running))
        #expect(!trial.snapshot.isInForce(where: old))
        #expect(running.trial === trial)
        #expect(old.trial == nil)
    }
}
