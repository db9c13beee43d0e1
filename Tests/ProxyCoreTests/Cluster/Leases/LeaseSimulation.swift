import Foundation
import Testing

@testable import ProxyCore

/// What sharing costs, and what is wasted, in virtual time: the figures of docs/cluster-limits.md. It takes a while, and is run where
/// somebody asks for it.
@Suite(
    .enabled(if: ProcessInfo.processInfo.environment["PROXYD_SIMULATE"] != nil, "PROXYD_SIMULATE=1 asks for it"),
    .serialized)
struct LeaseSimulation {
    private static let seconds = 4

    @Test(arguments: [(3, 1, 500), (10, 100, 10_000), (3, 1_000, 5_000), (100, 10_000, 10_000)])
    func whatSharingCosts(_ nodes: Int, _ buckets: Int, _ requestsInASecond: Int) {
        let limit = LeaseTests.limit(LimitRate(.requests, per: .day, most: 1_000))
        var world = LeaseWorld(nodes: nodes, limits: [limit])
        world.run(for: 600)
        let (exchanges, messages) = (world.exchanges, world.messages)
        var asked = 0
        for time in 1...Self.seconds * 1_000 {
            world.pass(1)
            while asked < time * requestsInASecond / 1_000 {
                world.ask(world.pick(nodes), limit, bucket: "b\(world.pick(buckets))")
                asked += 1
            }
        }
        let batches = (world.exchanges - exchanges) / Self.seconds
        let told = (world.messages - messages) / Self.seconds
        let most = world.held
        var converged = 0
        while world.held > 0, converged < 10_000 {
            world.run(for: 50)
            converged += 50
        }
        let passed = world.admitted.values.reduce(0) { $0 + max(0, $1.count - 1_000) }
        print(
            "\(nodes) nodes × \(buckets) buckets, \(requestsInASecond) requests a second:",
            "\(batches) batches and \(told) buckets in them a second,",
            "\(100 * world.waited / max(1, asked)) % waited, \(world.longestWait) ms at most,",
            "\(most) held idly at the end, given back after \(converged) ms; \(passed) passed, \(world.refused) refused")
        #expect(passed == 0)
        #expect(most <= nodes * buckets * LeaseTerms().lease(of: 1_000) && converged < 10_000)
    }
}
