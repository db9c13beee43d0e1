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
