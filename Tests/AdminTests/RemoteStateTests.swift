import Dialects
import ProxyCore
import Testing

@testable import Admin

@Suite struct RemoteStateTests {
    private func scripted(_ body: String, status: Int = 200) throws -> AdminClient {
        let caller = FakeCaller { _ in OutgoingResponse.json(body, status: status) }
        return try AdminClient(address: "http://127.0.0.1:8180", key: Secret("k"), caller: caller)
    }

    @Test("A reload is told as applied, unchanged or refused")
    func reload() async throws {
        let applied = try scripted(
            #"{"status":"reloaded","generation":4,"changed":true,"changes":"rules: opus changed","warnings":[{"text":"w:1:1: x"}]}"#
        )
        #expect(try await applied.reload() == .applied("applied: generation 4: rules: opus changed\nw:1:1: x\n"))
        let unchanged = try scripted(#"{"status":"unchanged","generation":3,"changed":false,"changes":null,"warnings":[]}"#)
        #expect(try await unchanged.reload() == .applied("unchanged: generation 3\n"))
        let refused = try scripted(
            #"{"status":"refused","generation":3,"diagnostics":[{"text":"f:1:2: error: x","shown":"f:1:2: error: x\n    1 | x\n"#
                + #"      | ^"}]}"#, status: 422)
        #expect(
            try await refused.reload()
                == .refused("f:1:2: error: x\n    1 | x\n      | ^\nproxyd: refused; generation 3 goes on\n"))
        let wrong = try scripted(#"{"error":{"message":"this is not the admin key"}}"#, status: 403)
        await #expect(throws: RemoteFailure.forbidden("this is not the admin key")) { _ = try await wrong.reload() }
    }

    @Test(
        "Health is one line",
        arguments: [
            (200, #"{"status":"ok","config":{"generation":3,"error":null}}"#, true, "ready; configuration generation 3"),
            (
                503, #"{"status":"degraded","upstreams":[{"name":"a","status":"down"},{"name":"b","status":"ok"}]}"#, false,
                "degraded; upstreams down: a"
            ),
            (
                503, #"{"status":"degraded","upstreams":[{"name":"a","status":"down","reason":"every account is refused"}]}"#,
                false,
                "degraded; upstreams down: a (every account is refused)"
            ),
            (
                200, #"{"status":"ok","services":{"storage":"degraded"},"config":{"error":"proxy.yaml:1:1: error: x"}}"#, true,
                "ready; storage is degraded; the file was refused: proxy.yaml:1:1: error: x"
            ),
            (503, #"{"status":"not ready","reason":"usage cannot be stored"}"#, false, "not ready; usage cannot be stored"),
        ])
    func health(_ status: Int, _ body: String, _ isReady: Bool, _ text: String) async throws {
        let url = try #require(UpstreamURL(base: "http://127.0.0.1:8180"))
        let probe = HealthProbe(url: url, caller: FakeCaller { _ in OutgoingResponse.json(body, status: status) })
        #expect(try await probe.ask() == HealthProbe.Health(isReady: isReady, text: text))
    }

    @Test("What is no proxyd is not ready; nobody is a failure; a path that tells health is asked as it is")
    func strangers() async throws {
        let url = try #require(UpstreamURL(base: "http://127.0.0.1:8180/readyz"))
        let page = FakeCaller { _ in OutgoingResponse(status: 200, body: Array("<html>".utf8)) }
        let health = try await HealthProbe(url: url, caller: page).ask()
        #expect(!health.isReady)
        #expect(page.requests.map { $0.url.basePath + $0.target } == ["/readyz"])
        await #expect(throws: RemoteFailure.self) { _ = try await HealthProbe(url: url, caller: FakeCaller()).ask() }
        let slow = FakeCaller { _ in throw OutgoingFailure.timeout }
        #expect(try await HealthProbe(url: url, caller: slow).ask().isReady == false)
        #expect(throws: RemoteFailure.self) { _ = try HealthProbe(address: "nonsense") }
    }

    @Test("Models are listed with where they go")
    func models() async throws {
        let response = await AdminFixture().admin("GET", "/admin/models")
        #expect(response.status == 200)
        let models = try #require(response.json?["models"]?.array)
        #expect(models.compactMap { $0["model"]?.string } == ["claude-opus-4-6-thinking", "gpt-4o"])
        #expect(models.allSatisfy { ($0["routes"]?.array?.isEmpty ?? true) == false })
        #expect(await AdminFixture().admin("GET", "/admin/models?policy=nobodys").status == 404)
        let client = try scripted(
            #"{"models":[{"model":"m","alias_of":null,"routes":[{"rule":"night","when":"now > x","tiers":["a/m"],"reject":null},"#
                + #"{"rule":"all","when":null,"tiers":["a/m | b/m","c/m"],"reject":null}]}]}"#)
        let lines = try await client.models(policy: nil, .table).split(separator: "\n").map(String.init)
        #expect(lines.count == 3)
        #expect(lines[1].hasPrefix("m") && lines[1].contains("now > x"))
        #expect(lines[2].hasSuffix("a/m | b/m, then c/m"))
    }

    @Test("An explanation is read in both of its shapes")
    func explanation() throws {
        let answer = try JSONValue(
            parsing: Array(
                (#"{"request":{"model":"m"},"key":{"name":"alice"},"admission":{"allowed":true,"reason":null},"rule":"all","#
                    + #""rules":[{"name":"all","matches":true,"when":{"text":"a && b","value":true,"parts":[{"text":"a","value":true}]}}],"#
                    + #""limits":[{"limit":"day","bucket":"alice","used":5,"max":10,"fits":true}],"tiers":[{"tier":"a/m","upstream":"a","#
                    + #""model":"m","available":true,"obstacle":null,"accounts":[{"account":"main","state":"well","reason":"only one","#
                    + #""share":0.8,"chosen":true}]}],"decision":"route","status":200}"#).utf8))
        let text = ExplanationText(answer).text
        #expect(text.hasPrefix("it is sent on, by rule 'all'\nmodel: m\nkey: alice\n"))
        for part in ["a && b", "day", "alice", "main", "80%", "only one"] { #expect(text.contains(part), "\(text)") }
        let old = try JSONValue(
            parsing: Array(#"{"model":"m","decision":{"action":"no_match","rule":null,"status":404},"rules":[],"tiers":[]}"#.utf8)
        )
        #expect(ExplanationText(old).text == "no rule takes it: 404\nmodel: m\n")
    }

    @Test("A request is described by what was typed")
    func described() throws {
        var call = AdminClient.DescribedCall()
        call.model = "m"
        call.key = "alice"
        call.isStreaming = true
        call.headers = ["x-a": "1"]
        #expect(
            try call.json().text
                == #"{"request":{"model":"m","stream":true,"headers":{"x-a":"1"}},"key":"alice"}"#)
        call.body = Array("{".utf8)
        #expect(throws: RemoteFailure.usage("the body is no JSON")) { _ = try call.json() }
    }
}
