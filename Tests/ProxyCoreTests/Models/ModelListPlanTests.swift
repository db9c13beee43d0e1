import Foundation
import Testing

@testable import ProxyCore

@Suite struct ModelListPlanTests {
    private func fields(_ more: String) throws -> [String: String] {
        let file = """
            upstreams:
              a: {url: "http://127.0.0.1:1", dialect: openai, key: "k-1"\(more)}
            rules:
              - {tiers: [a]}
            """
        let snapshot = try #require(ConfigurationFixture.load(file).snapshot)
        let request = try #require(ModelListPlan.all(of: snapshot).first?.requests.first)
        return Dictionary(request.headers.map { ($0.name.lowercased(), $0.value) }) { first, _ in first }
    }

    @Test func theKeyIsWhereTheUpstreamLooksForIt() throws {
        #expect(try fields("")["authorization"] == "Bearer k-1")
        let own = try fields(", key_header: x-own-key")
        #expect(own["x-own-key"] == "k-1")
        #expect(own["authorization"] == nil)
    }

    @Test(
        arguments: [
            ("openai", "", "/v1/models"), ("openai", "/api/v3", "/api/v3/models"), ("responses", "", "/v1/models"),
            ("anthropic", "", "/v1/models?limit=1000"), ("anthropic", "/v1", "/v1/models?limit=1000"),
            ("gemini", "", "/v1beta/models?pageSize=1000"), ("gemini", "/v1", "/v1/models?pageSize=1000"),
            ("gemini", "/x/v1beta", "/x/v1beta/models?pageSize=1000"),
        ])
    func theListIsAskedForAsTheFormatHasIt(dialect: String, base: String, target: String) throws {
        let file = """
            upstreams:
              a: {url: "http://127.0.0.1:1\(base)", dialect: \(dialect), key: "k-1"}
            rules:
              - {tiers: [a]}
            """
        let snapshot = try #require(ConfigurationFixture.load(file).snapshot)
        #expect(ModelListPlan.all(of: snapshot).first?.requests.first?.target == target)
    }

    @Test(arguments: [
        ("", true), (", models: {list: [x]}", true), (", models: {discover: false}", false),
        (", url: \"http://127.0.0.1:2\"", false), (", url: \"http://127.0.0.1:1/other\"", false), (", dialect: gemini", false),
        (", headers: {x-a: b}", true),
    ])
    func aListIsShownWhileItsUpstreamIsAskedThere(_ more: String, _ isShown: Bool) throws {
        func snapshot(_ more: String) throws -> Snapshot {
            let url = more.contains("url:") ? "" : ", url: \"http://127.0.0.1:1\""
            let dialect = more.contains("dialect:") ? "" : ", dialect: openai"
            let file = "upstreams:\n  a: {key: k-1\(url)\(dialect)\(more)}\nrules: [{tiers: [a]}]\n"
            return try #require(ConfigurationFixture.load(file).snapshot)
        }
        let plan = try #require(ModelListPlan(try snapshot("").configuration.upstreams[0]))
        let directory = ModelDirectory()
        directory.record([ListedModel(id: "m")], of: "a", at: 1, source: plan.source)
        #expect(directory.listings(in: try snapshot(more)).isEmpty != isShown)
        directory.keepOnly(try snapshot(more).configuration)
        #expect(directory.listings.isEmpty != isShown)
        #expect(directory.has("m", at: "a") == isShown)
    }

    @Test func theAddressThatWasAskedIsKeptWithTheList() throws {
        let folder = NSTemporaryDirectory() + "models-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let directory = ModelDirectory(directory: folder)
        directory.record([ListedModel(id: "m")], of: "a", at: 1, source: "0a1b")
        try directory.save()
        #expect(ModelDirectory(directory: folder).listing(of: "a")?.source == "0a1b")
    }

    @Test func listsThatComeAtOnceAreKeptTogether() async throws {
        let folder = NSTemporaryDirectory() + "models-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let directory = ModelDirectory(directory: folder)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<16 {
                group.addTask {
                    directory.record([], of: "u\(index)", at: 1)
                    try directory.save()
                }
            }
            try await group.waitForAll()
        }
        #expect(ModelDirectory(directory: folder).listings.count == 16)
    }
}
