import Dialects
import Foundation
import ProxyCore
import RuleEngine
import Testing

@testable import Admin

@Suite struct LimitCallTests {
    /// Alice is of `default`, `ci` of `free`; sessions have an entry.
    private func fixture() throws -> AdminFixture {
        var fixture = AdminFixture()
        for name in ["default", "free"] {
            var policy = fixture.configuration.policies[name] ?? KeyPolicy(name: name)
            policy.numbers = LimitNumbers(rates: [
                LimitRate(.requests, per: .day, most: 10), LimitRate(.cost, per: .month, most: 5_000_000_000),
            ])
            fixture.configuration.policies[name] = policy
        }
        let limit = UsageLimit(.entry, name: "session", rates: [LimitRate(.cost, per: .total, most: 1)], noun: "session")
        fixture.configuration.usageLimits = [LimitEntry(limit: limit, per: try BucketExpression("request.session"))]
        return fixture
    }

    private func use(_ fixture: AdminFixture, _ limit: UsageLimit, _ bucket: String) throws {
        let need = LimitAmounts(requests: 1)
        let reservation = try fixture.limits.table.reserve(
            [LimitUse(limit, bucket: bucket)], { _ in need }, now: FakeLimits.now)
        fixture.limits.table.settle(reservation, used: need, now: FakeLimits.now)
    }

    @Test(
        "A key that is not of the policy has no bucket of its limit, and none is made for it",
        arguments: ["reset", "block", "unblock"], ["free", "free.requests_per_day"])
    func keyOfAnotherPolicy(call: String, limit: String) async throws {
        let fixture = try fixture()
        for reference in ["alice", "key_alice", FakeKeys.aliceKey] {
            let answer = await fixture.admin("POST", "/admin/limits/\(limit)/\(call)", #"{"bucket":"\#(reference)"}"#)
            #expect(answer.status == 404)
            #expect(!answer.text.contains(FakeKeys.aliceKey))
        }
        #expect(await fixture.admin("GET", "/admin/limits").json?["limits"]?.array?.isEmpty == true)
    }

    @Test(
        "A key of the policy that has asked nothing can be reset, blocked and let through",
        arguments: [("reset", "reset"), ("block", "blocked"), ("unblock", "unblocked")])
    func keyThatAskedNothing(call: String, status: String) async throws {
        let fixture = try fixture()
        let answer = await fixture.admin("POST", "/admin/limits/default/\(call)", #"{"bucket":"alice"}"#)
        #expect(answer.status == 200)
        #expect(answer.json?["status"]?.string == status && answer.json?["bucket"]?.string == "key_alice")
    }

    @Test(
        "A change that cannot be stored holds all the same, and is a 503 that says so",
        arguments: ["reset", "block", "unblock"])
    func changeThatIsNotStored(call: String) async throws {
        struct Full: Error {}
        var fixture = try fixture()
        fixture.limits.failure = Full()
        let answer = await fixture.admin("POST", "/admin/limits/default/\(call)", #"{"bucket":"alice"}"#)
        #expect(answer.status == 503)
        #expect(answer.text.contains("a restart forgets it"))
        let figures = await fixture.admin("GET", "/admin/limits?key=alice").json?["limits"]?.array
        #expect(figures?.first?["blocked_until"]?.isNull == (call != "block"))
    }

    @Test(
        "What is asked for by key or bucket is heard of from other nodes first",
        arguments: ["key=alice", "bucket=key_alice", "bucket=key_alice&bucket=other"])
    func othersAreHeardOf(query: String) async throws {
        var fixture = try fixture()
        let table = fixture.limits.table
        fixture.limits.onRefresh = { limits, buckets in
            guard buckets.contains("key_alice"), let limit = limits.first(where: { $0.name == "default" }) else { return }
            let need = LimitAmounts(requests: 1)
            guard
                let reservation = try? table.reserve(
                    [LimitUse(limit, bucket: "key_alice")], { _ in need }, now: FakeLimits.now)
            else { return }
            table.settle(reservation, used: need, now: FakeLimits.now)
        }
        let answer = await fixture.admin("GET", "/admin/limits?\(query)")
        let used = answer.json?["limits"]?.array?.filter { $0["kind"]?.string == "requests" }.map { $0["used"]?.int }
        #expect(used == [1])
    }

    @Test("Of an entry a bucket that nobody has used can be reset, blocked and let through", arguments: ["new", "used"])
    func bucketOfAnEntry(bucket: String) async throws {
        let fixture = try fixture()
        let limit = try #require(fixture.configuration.usageLimits.first?.limit)
        try use(fixture, limit, "used")
        for call in ["reset", "unblock", "block", "unblock"] {
            let answer = await fixture.admin("POST", "/admin/limits/session/\(call)", #"{"bucket":"\#(bucket)"}"#)
            #expect(answer.status == 200, "\(call)")
        }
        #expect(fixture.audit.lines.allSatisfy { $0.hasSuffix("session \(bucket) ok") } && fixture.audit.lines.count == 4)
    }

    @Test("A bucket whose text is long is meant by its text", arguments: ["reset", "block", "unblock"])
    func longBucket(call: String) async throws {
        let fixture = try fixture()
        let limit = try #require(fixture.configuration.usageLimits.first?.limit)
        let text = String(repeating: "x", count: 300)
        let bucket = LimitEntry.bucket(text)
        try use(fixture, limit, bucket)
        let answer = await fixture.admin("POST", "/admin/limits/session/\(call)", #"{"bucket":"\#(text)"}"#)
        #expect(answer.status == 200)
        #expect(answer.json?["bucket"]?.string == bucket && bucket.hasPrefix("sha256:"))
        let rows = await fixture.admin("GET", "/admin/limits?limit=session&bucket=\(text)").json?["limits"]?.array ?? []
        #expect(rows.map { $0["bucket"]?.string } == [bucket])
    }

    @Test("A filter that is empty is none")
    func emptyFilters() async throws {
        let fixture = try fixture()
        let limit = try #require(fixture.configuration.usageLimits.first?.limit)
        try use(fixture, limit, "used")
        let rows = await fixture.admin("GET", "/admin/limits?limit=&key=&bucket=").json?["limits"]?.array ?? []
        #expect(rows.map { $0["bucket"]?.string } == ["used"])
    }

    @Test("An entry that is called like a policy is what its name means", arguments: ["reset", "block", "unblock"])
    func entryCalledLikeAPolicy(call: String) async throws {
        var fixture = try fixture()
        let limit = UsageLimit(.entry, name: "default", rates: [LimitRate(.cost, per: .total, most: 1)], noun: "session")
        fixture.configuration.usageLimits = [LimitEntry(limit: limit, per: try BucketExpression("request.session"))]
        try use(fixture, limit, "s")
        let rows = await fixture.admin("GET", "/admin/limits?limit=default").json?["limits"]?.array ?? []
        #expect(rows.map { $0["bucket"]?.string } == ["s"])
        #expect(await fixture.admin("POST", "/admin/limits/default/\(call)", #"{"bucket":"s"}"#).status == 200)
    }

    @Test(
        "Of a key are its policy's limits, used or not, and the buckets that bear its id",
        arguments: [
            ("key=alice", ["default.requests_per_day key_alice", "default.budget_per_month key_alice", "session key_alice"]),
            ("key=ci", ["free.requests_per_day declared:ci", "free.budget_per_month declared:ci"]),
            ("key=alice&limit=session", ["session key_alice"]), ("key=alice&bucket=other", []),
            ("key=alice&limit=default.requests_per_day", ["default.requests_per_day key_alice"]),
            ("limit=session", ["session key_alice", "session other"]), ("bucket=other", ["session other"]),
            ("key=ci&limit=default", []),
            ("bucket=declared:ci", ["free.requests_per_day declared:ci", "free.budget_per_month declared:ci"]),
            ("bucket=declared:ci&limit=free.requests_per_day", ["free.requests_per_day declared:ci"]),
            ("bucket=declared:ci&limit=default", []),
            (
                "bucket=key_alice",
                ["default.requests_per_day key_alice", "default.budget_per_month key_alice", "session key_alice"]
            ),
        ] as [(String, [String])])
    func ofKey(query: String, expected: [String]) async throws {
        let fixture = try fixture()
        let limit = try #require(fixture.configuration.usageLimits.first?.limit)
        for bucket in ["other", "key_alice"] { try use(fixture, limit, bucket) }
        let rows = await fixture.admin("GET", "/admin/limits?\(query)").json?["limits"]?.array ?? []
        #expect(rows.map { "\($0["limit"]?.string ?? "") \($0["bucket"]?.string ?? "")" } == expected)
    }
}
