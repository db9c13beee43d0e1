import Foundation
import ProxyCore
import Testing

@testable import Admin

@Suite struct KeyPageTests {
    private func fixture(_ count: Int) -> AdminFixture {
        var fixture = AdminFixture()
        fixture.keys = FakeKeys([FakeKeys.ci] + (0..<count).map(Self.key))
        return fixture
    }

    /// Several are made in one second, and two at the same moment: the id decides then.
    private static func key(_ number: Int) -> ClientKey {
        let half = number % 4 / 2
        return ClientKey(
            id: "key_\(number)", name: "made \(number)", digest: AdminFixture.digest(of: "sk-\(number)"), masked: "...",
            policy: number.isMultiple(of: 2) ? "free" : "default", tags: ["team": "t\(number % 3)"],
            created: 1_770_000_000 + number / 4, createdMicroseconds: half * 250, source: .admin)
    }

    @Test("Pages hold every key once, the newest first, and the last has no next", arguments: [1, 7, 10, 1_000])
    func pages(limit: Int) async throws {
        let fixture = fixture(25)
        var seen: [String] = []
        var created: [String] = []
        var before = ""
        for _ in 0..<30 {
            let page = try #require(await fixture.admin("GET", "/admin/keys?limit=\(limit)\(before)").json)
            let keys = page["keys"]?.array ?? []
            #expect(keys.count <= limit)
            #expect(page["total"]?.int == 26)
            seen += keys.compactMap { $0["id"]?.string }
            created += keys.compactMap { $0["created"]?.string }
            guard let next = page["next"]?.string else { break }
            before = "&before=\(next)"
        }
        #expect(seen.count == 26)
        #expect(Set(seen).count == 26)
        #expect(created == created.sorted(by: >))
        #expect(created.contains { $0.contains(".000250") })
    }

    @Test("A key that goes meanwhile neither hides nor repeats another")
    func deletedMeanwhile() async throws {
        let fixture = fixture(20)
        let first = try #require(await fixture.admin("GET", "/admin/keys?limit=5").json)
        let ids = (first["keys"]?.array ?? []).compactMap { $0["id"]?.string }
        #expect(await fixture.admin("DELETE", "/admin/keys/\(try #require(ids.last))").status == 200)
        let next = try #require(first["next"]?.string)
        let rest = try #require(await fixture.admin("GET", "/admin/keys?limit=100&before=\(next)").json)
        let others = (rest["keys"]?.array ?? []).compactMap { $0["id"]?.string }
        #expect(others.count == 16)
        #expect(Set(others).isDisjoint(with: ids))
    }

    @Test(
        "Words are looked for in all that the list shows",
        arguments: [("MADE%201", 11), ("policy", 0), ("free", 11), ("team=t2", 6), ("key_19", 1), ("build", 1), ("nothing", 0)])
    func searched(words: String, count: Int) async {
        let response = await fixture(20).admin("GET", "/admin/keys?q=\(words)")
        #expect(response.json?["keys"]?.array?.count == count, "\(response.text)")
        #expect(response.json?["next"] == nil)
    }

    @Test("What is no page is told", arguments: ["limit=0", "limit=1001", "limit=x", "limit=-1", "before=x", "before=1"])
    func refused(query: String) async {
        #expect(await fixture(1).admin("GET", "/admin/keys?\(query)").status == 400)
    }

    // MARK: Changes

    @Test("A rotation gives a new text, and says until when the old one works")
    func rotates() async {
        let fixture = AdminFixture()
        for (body, seconds) in [("", 86_400), ("{}", 86_400), (#"{"overlap":"90m"}"#, 5_400), (#"{"overlap":"1500ms"}"#, 2)] {
            let response = await fixture.admin("POST", "/admin/keys/alice/rotate", body)
            #expect(response.status == 200, "\(response.text)")
            #expect(response.json?["api_key"] == "sk-rotated-0123456789")
            #expect(response.json?["id"] == "key_alice")
            let until = response.json?["old_key_until"]?.string.flatMap(AdminTime.seconds)
            #expect(until == AdminFixture.now + seconds)
        }
    }

    @Test(
        "What is no rotation is told",
        arguments: [
            ("/admin/keys/alice/rotate", #"{"overlap":"1y"}"#, 400), ("/admin/keys/alice/rotate", #"{"overlap":86400}"#, 400),
            ("/admin/keys/alice/rotate", #"{"overlap":"91d"}"#, 400), ("/admin/keys/alice/rotate", #"{"over":"1h"}"#, 400),
            ("/admin/keys/ci/rotate", "", 409), ("/admin/keys/nobody/rotate", "", 404),
        ])
    func rotationRefused(path: String, body: String, status: Int) async {
        #expect(await AdminFixture().admin("POST", path, body).status == status)
    }

    @Test(
        "A key is changed",
        arguments: [
            (#"{"name":" bob "}"#, "name", "bob"), (#"{"policy":"free"}"#, "policy", "free"),
            (#"{"expires":"2027-01-31T00:00:00+08:00"}"#, "expires", "2027-01-31T00:00:00+08:00"),
        ])
    func changes(body: String, member: String, value: String) async {
        let response = await AdminFixture().admin("PATCH", "/admin/keys/key_alice", body)
        #expect(response.status == 200)
        #expect(response.json?[member]?.string == value, "\(response.text)")
    }

    @Test(
        "What cannot be changed is told",
        arguments: [
            (#"{"name":"ci"}"#, 409), (#"{"name":""}"#, 400), (#"{"policy":"none"}"#, 400), (#"{"enabled":false}"#, 400),
            (#"{"expires":1}"#, 400), ("[]", 400),
        ])
    func changeRefused(body: String, status: Int) async {
        #expect(await AdminFixture().admin("PATCH", "/admin/keys/key_alice", body).status == status)
    }
}
