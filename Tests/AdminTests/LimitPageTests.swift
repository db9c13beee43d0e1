import Dialects
import Foundation
import ProxyCore
import RuleEngine
import Testing

@testable import Admin

@Suite struct LimitPageTests {
    /// Two entries, of which each has buckets; names that clients choose are odd.
    private func fixture(_ buckets: Int) throws -> AdminFixture {
        var fixture = AdminFixture()
        let limits = ["session", "agent"].map { name in
            UsageLimit(
                .entry, name: name, rates: [LimitRate(.cost, per: .total, most: 1), LimitRate(.requests, per: .day, most: 9)],
                noun: name)
        }
        fixture.configuration.usageLimits = try limits.map { LimitEntry(limit: $0, per: try BucketExpression("request.session")) }
        let need = LimitAmounts(requests: 1)
        for number in 0..<buckets {
            for limit in limits {
                let use = LimitUse(limit, bucket: "é+&=/\u{1}\(number)")
                let reservation = try fixture.limits.table.reserve([use], { _ in need }, now: FakeLimits.now)
                fixture.limits.table.settle(reservation, used: need, now: FakeLimits.now)
            }
        }
        return fixture
    }

    private func names(_ answer: JSONValue?) -> [String] {
        (answer?["limits"]?.array ?? []).map {
            "\($0["limit"]?.string ?? "") \($0["bucket"]?.string ?? "") \($0["kind"]?.string ?? "")"
        }
    }

    @Test("Pages hold what the whole list holds, in its order, and the last has no next", arguments: [1, 7, 40, 1_000])
    func pages(count: Int) async throws {
        let fixture = try fixture(20)
        let all = names(await fixture.admin("GET", "/admin/limits").json)
        #expect(all.count == 80)
        var seen: [String] = []
        var before = ""
        for _ in 0..<50 {
            let page = try #require(await fixture.admin("GET", "/admin/limits?count=\(count)\(before)").json)
            #expect(names(page).count <= 2 * count)
            seen += names(page)
            guard let next = page["next"]?.string else { break }
            before = "&before=\(next)"
        }
        #expect(seen == all)
    }

    @Test("Without count nothing is added to the list")
    func whole() async throws {
        let fixture = try fixture(1)
        #expect(await fixture.admin("GET", "/admin/limits").json?["next"] == nil)
    }

    @Test("A page of one limit begins and ends with it")
    func ofOneLimit() async throws {
        let fixture = try fixture(3)
        let first = try #require(await fixture.admin("GET", "/admin/limits?limit=agent&count=2").json)
        let next = try #require(first["next"]?.string)
        let rest = try #require(await fixture.admin("GET", "/admin/limits?limit=agent&before=\(next)").json)
        #expect(names(first).count == 4)
        #expect(names(rest).count == 2)
        #expect((names(first) + names(rest)).allSatisfy { $0.hasPrefix("agent ") })
        #expect(rest["next"]?.string == nil)
        // The place is another limit's.
        #expect(await fixture.admin("GET", "/admin/limits?limit=session&before=\(next)").status == 400)
    }

    @Test(
        "What is no page is refused",
        arguments: ["count=0", "count=1001", "count=x", "before=x", "before=AA", "count=1&before=_"])
    func refused(query: String) async throws {
        let fixture = try fixture(1)
        #expect(await fixture.admin("GET", "/admin/limits?\(query)").status == 400)
    }
}
