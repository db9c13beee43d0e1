import Dialects
import Foundation
import ProxyCore
import RuleEngine
import Testing

@Suite struct ModelCallTests {
    private static let anthropic = [(name: "anthropic-version", value: "2023-06-01")]

    private func respond(
        _ target: String, _ headers: [(name: String, value: String)] = [], key: ClientKey? = FakeKeys.alice,
        _ change: (inout AdminFixture) -> Void = { _ in }
    ) async -> LocalResponse {
        var fixture = AdminFixture()
        change(&fixture)
        return await fixture.respond(to: .to("GET", target, headers: headers, key: key))
    }

    @Test("The list, in each client's shape")
    func lists() async {
        let list = await respond("/v1/models").json
        #expect(list?["object"] == "list")
        #expect(
            list?["data"] == [
                ["id": "claude-opus-4-6-thinking", "object": "model", "created": 1_770_786_200, "owned_by": "proxyd"],
                ["id": "gpt-4o", "object": "model", "created": 1_770_786_200, "owned_by": "proxyd"],
            ])
        #expect(list?["models"]?.array?.map { $0["slug"] } == ["claude-opus-4-6-thinking", "gpt-4o"])
        #expect(
            await respond("/v1/models", Self.anthropic).text == """
                {"data":[{"type":"model","id":"claude-opus-4-6-thinking","display_name":"claude-opus-4-6-thinking",\
                "created_at":"2026-02-11T05:03:20Z","lifecycle":"active"},\
                {"type":"model","id":"gpt-4o","display_name":"gpt-4o","created_at":"2026-02-11T05:03:20Z","lifecycle":"active"}],\
                "has_more":false,"first_id":"claude-opus-4-6-thinking","last_id":"gpt-4o"}
                """)
        #expect(
            await respond("/v1beta/models").text == """
                {"models":[{"name":"models/claude-opus-4-6-thinking","displayName":"claude-opus-4-6-thinking","description":"",\
                "version":"001","supportedGenerationMethods":["generateContent","countTokens"]},\
                {"name":"models/gpt-4o","displayName":"gpt-4o","description":"","version":"001",\
                "supportedGenerationMethods":["generateContent","countTokens"]}]}
                """)
    }

    @Test("One model, in each client's shape")
    func one() async {
        #expect(
            await respond("/v1/models/gpt-4o").text
                == #"{"id":"gpt-4o","object":"model","created":1770786200,"owned_by":"proxyd"}"#)
        #expect(await respond("/v1/models/gpt-4o", Self.anthropic).json?["type"] == "model")
        #expect(await respond("/v1beta/models/gpt-4o").json?["name"] == "models/gpt-4o")
    }

    @Test(
        "Refusals, in each client's shape",
        arguments: [
            ("/v1/models", nil as String?, ErrorClass.authentication, 401), ("/v1/models", "disabled", .permission, 403),
            ("/v1/models", "expired", .permission, 403), ("/v1/models/unheard-of", "alice", .notFound, 404),
            ("/v1/models?limit=0", "alice", .badRequest, 400), ("/v1/models?after_id=unheard-of", "alice", .badRequest, 400),
        ])
    func refusals(target: String, who: String?, errorClass: ErrorClass, status: Int) async {
        let key: ClientKey? =
            switch who {
            case "disabled": FakeKeys.alice.with(enabled: false)
            case "expired": FakeKeys.alice.with(expires: AdminFixture.now)
            case nil: nil
            default: FakeKeys.alice
            }
        let response = await respond(target, Self.anthropic, key: key)
        #expect(response.status == status)
        #expect(response.json?["type"] == "error")
        #expect(response.json?["request_id"] == "req_1")
        guard !target.contains("?") else { return }
        let openAI = await respond(target, key: key)
        #expect(openAI.status == status)
        #expect(openAI.json?["error"]?["type"] == "invalid_request_error")
        let gemini = await respond(target.replacing("/v1/", with: "/v1beta/"), key: key)
        #expect(gemini.status == status)
        #expect(gemini.json?["error"]?["code"]?.int == status)
    }

    @Test("A policy shows only what it allows")
    func policy() async {
        let response = await respond("/v1/models", key: FakeKeys.ci)
        #expect(response.json?["data"]?.array?.map { $0["id"]?.string } == ["gpt-4o"])
        #expect(await respond("/v1/models/claude-opus-4-6-thinking", key: FakeKeys.ci).status == 404)
    }

    @Test("A policy's addresses hold here too")
    func addresses() async {
        let response = await respond("/v1/models", key: FakeKeys.ci) { fixture in
            fixture.configuration.policies["free"]?.allowFrom = [AddressRange("10.0.0.0/8")].compactMap(\.self)
        }
        #expect(response.status == 403)
    }

    @Test("Polls and deployments add the models that a rule leads somewhere")
    func further() async {
        let now = AdminFixture.now * 1000
        let body = #"{"accounts":[{"status":"ok","models":{"claude-opus-4-5":{},"unrouted":{},"claude-2":{}}}]}"#
        let response = await respond("/v1/models") { fixture in
            fixture.configuration.upstreams[1].deployments = ["gpt-5": "d1", "whisper": "d2"]
            guard let reading = QuotaReading(health: Array(body.utf8), takenAt: now, goodUntil: now) else { return }
            fixture.accounts.record(reading, upstream: "antigravity", threshold: 0, now: now)
        }
        #expect(
            response.json?["data"]?.array?.map { $0["id"]?.string }
                == ["claude-opus-4-5", "claude-opus-4-6-thinking", "gpt-4o", "gpt-5"])
    }

    @Test(
        "Where nobody names a model, a star shows those of the vendor whose format the upstream speaks",
        arguments: [(UpstreamDialect.anthropic, "claude-"), (.openai, "gpt-"), (.responses, "gpt-"), (.gemini, "gemini-")])
    func wellKnown(dialect: UpstreamDialect, prefix: String) async {
        let response = await respond("/v1/models") { fixture in
            fixture.configuration.upstreams[1].dialect = dialect
            fixture.rules = RuleSet([
                Rule(
                    name: "r", models: [Glob("*")], condition: nil,
                    action: .route([Tier(text: "openai", targets: [Tier.Target(upstream: "openai", model: nil)])]))
            ])
        }
        let names = response.json?["data"]?.array?.compactMap { $0["id"]?.string } ?? []
        #expect(names.contains { $0.hasPrefix(prefix) })
        let others = ["claude-", "gpt-", "gemini-"].filter { $0 != prefix }
        #expect(!names.contains { name in others.contains { name.hasPrefix($0) } })
    }

    @Test("Model names may hold slashes")
    func slashes() async {
        for path in ["/v1/models/openai/gpt-4o", "/v1/models/openai%2Fgpt-4o"] {
            let response = await respond(path) { fixture in
                fixture.rules = RuleSet([
                    Rule(
                        name: "r", models: [Glob("openai/gpt-4o")], condition: nil,
                        action: .route([Tier(text: "openai", targets: [Tier.Target(upstream: "openai", model: nil)])]))
                ])
            }
            #expect(response.json?["id"] == "openai/gpt-4o")
        }
    }

    @Test(
        "Pages, as each vendor turns them",
        arguments: [
            ("/v1/models?limit=2", "anthropic", ["m0", "m1"], true),
            ("/v1/models?limit=2&after_id=m1", "anthropic", ["m2", "m3"], true),
            ("/v1/models?limit=2&after_id=m3", "anthropic", ["m4"], false),
            ("/v1/models?limit=2&before_id=m4", "anthropic", ["m2", "m3"], true),
            ("/v1/models?before_id=m1", "anthropic", ["m0"], false), ("/v1/models?after_id=m4", "anthropic", [], false),
            ("/v1beta/models?pageSize=3", "gemini", ["m0", "m1", "m2"], true),
            ("/v1beta/models?pageSize=3&pageToken=3", "gemini", ["m3", "m4"], false),
            ("/v1beta/models?pageSize=0", "gemini", ["m0", "m1", "m2", "m3", "m4"], false),
            ("/v1beta/models?pageSize=5000", "gemini", ["m0", "m1", "m2", "m3", "m4"], false),
        ])
    func pages(target: String, dialect: String, expected: [String], hasMore: Bool) async {
        let response = await respond(target, dialect == "anthropic" ? Self.anthropic : []) { fixture in
            fixture.rules = RuleSet([
                Rule(
                    name: "r", models: (0..<5).map { Glob("m\($0)") }, condition: nil,
                    action: .route([Tier(text: "openai", targets: [Tier.Target(upstream: "openai", model: nil)])]))
            ])
        }
        let list = response.json?["data"]?.array ?? response.json?["models"]?.array
        #expect(list?.compactMap { $0["id"]?.string ?? $0["displayName"]?.string } == expected)
        #expect((response.json?["has_more"]?.bool ?? (response.json?["nextPageToken"] != nil)) == hasMore)
    }

    @Test("Writing to the list is not possible")
    func methods() async {
        let response = await AdminFixture().respond(to: .to("POST", "/v1/models", key: FakeKeys.alice))
        #expect(response.status == 405)
        #expect(response.header("allow") == "GET, HEAD")
        #expect(response.json?["error"]?["type"] == "invalid_request_error")
    }
}
