import Dialects
import Testing

@testable import ProxyCore

@Suite struct DropTests {
    private static func file(_ drop: String) -> String {
        """
        listen: 127.0.0.1:8180
        upstreams:
          a: {url: "http://localhost:1", dialect: openai, drop: \(drop), capabilities: {"m-*": {oai.stream_usage: false}}}
        rules:
          - {models: ["*"], tiers: [a]}
        """
    }

    @Test func anUpstreamsRefusedFieldsHoldForAllItsModels() throws {
        let result = ConfigurationFixture.load(Self.file("[user, tools.function.strict]"))
        let upstream = try #require(result.snapshot?.configuration.upstreams.first)
        #expect(upstream.conversion.drop.map(\.description) == ["user", "tools.function.strict"])
        let able = AbleModel("llama", at: upstream, without: [])
        #expect(able.takesStreamOptions)
        for dialect in [ClientDialect.openai, .responses, .anthropic, .gemini] {
            #expect(able.quirks(of: dialect)?.value.drops.map(\.description) == ["user", "tools.function.strict"])
        }
        #expect(!AbleModel("m-1", at: upstream, without: []).takesStreamOptions)
    }

    @Test(arguments: ["[a..b]", "[messages]"])
    func whatIsNoFieldIsAnError(_ drop: String) {
        #expect(ConfigurationFixture.load(Self.file(drop)).snapshot == nil)
    }

    @Test func mostModelsHaveNothingToLose() throws {
        let upstream = try #require(ConfigurationFixture.load(Self.file("[]")).snapshot?.configuration.upstreams.first)
        #expect(AbleModel("llama", at: upstream, without: []).quirks(of: .openai) == nil)
        #expect(AbleModel("mistral-large", at: upstream, without: []).quirks(of: .openai) != nil)
    }
}
