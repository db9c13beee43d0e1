import Dialects
import Foundation
import RuleEngine
import Testing

@testable import ProxyCore

@Suite struct PresetTests {
    /// catalog.md has them.
    private static let promised = [
        "anthropic", "antigravity", "azure", "cerebras", "cohere", "deepseek", "fireworks", "gemini", "gemini-openai",
        "github-models", "groq", "litellm", "llamacpp", "lmstudio", "minimax", "mistral", "moonshot", "moonshot-cn", "nvidia",
        "ollama", "openai", "openai-responses", "openrouter", "perplexity", "proxyd", "qwen", "sglang", "together", "vllm", "xai",
        "zai", "zhipu", "zhipu-coding",
    ]

    private static func file(_ upstream: String) -> String {
        """
        upstreams:
          a: \(upstream)
        rules:
          - {name: all, tiers: [a]}
        """
    }

    private func load(_ upstream: String, _ presets: PresetCatalog = .builtIn) -> LoadResult {
        ConfigurationLoader.load(text: Self.file(upstream), file: "proxy.yaml", environment: [:], presets: presets)
    }

    private func upstream(_ text: String, _ presets: PresetCatalog = .builtIn) throws -> Upstream {
        let result = load(text, presets)
        return try #require(result.snapshot, "\(ConfigurationFixture.messages(result))").configuration.upstreams[0]
    }

    // MARK: What is shipped

    @Test func allPresetsThatArePromisedAreThere() {
        #expect(Set(Self.promised).subtracting(PresetCatalog.builtIn.names) == [])
        #expect(PresetCatalog.builtIn["nobody"] == nil)
    }

    @Test func thePresetsAreCompiledInAsTheirFilesAre() throws {
        let folder = "Sources/ProxyCore/Configuration/Presets"
        let names = SourceTree.files(in: folder, ending: ".yaml").map { String($0.dropFirst(folder.count + 1).dropLast(5)) }
        #expect(names.sorted() == PresetCatalog.builtIn.names.sorted())
        for name in names {
            let file = "\(folder)/\(name).yaml"
            #expect(SourceTree.text(file) == PresetCatalog.builtIn[name]?.text, "\(file): make catalog")
        }
    }

    @Test(arguments: PresetCatalog.builtIn.names)
    func aPresetLoadsWithoutAWordOfComplaint(_ name: String) throws {
        let preset = try #require(PresetCatalog.builtIn[name])
        #expect(preset.problems.isEmpty)
        let url = preset.needsURL ? ", url: \"https://mine.openai.azure.com\"" : ""
        let result = load("{preset: \(name), key: \"${K:-k}\"\(url)}")
        let told = result.diagnostics.filter { $0.message != preset.warning }
        #expect(told.isEmpty, "\(ConfigurationFixture.messages(result))")
        let upstream = try #require(result.snapshot).configuration.upstreams[0]
        #expect(upstream.preset == name)
        #expect(upstream.accounts.count == 1)
    }

    /// A preset printed is the body of an upstream, and means what it means by its name.
    @Test(arguments: PresetCatalog.builtIn.names)
    func aPresetCanStandInTheFileInstead(_ name: String) throws {
        let preset = try #require(PresetCatalog.builtIn[name])
        let body = preset.text.split(separator: "\n", omittingEmptySubsequences: false).map { "    \($0)" }.joined(
            separator: "\n")
        var pasted = try upstream("\n" + body)
        let url = preset.needsURL ? ", url: \"\(preset.url ?? "")\"" : ""
        let named = try upstream("{preset: \(name)\(url)}")
        #expect(preset.needsURL || pasted.preset != nil)
        pasted.preset = named.preset
        // Whose server it is, is known by its address then.
        pasted.vendorHost = named.vendorHost
        pasted.namesPreset = true
        #expect(pasted == named)
    }

    @Test(arguments: PresetCatalog.builtIn.names)
    func aPresetSaysWhoseItIsAndWhereThatIsWritten(_ name: String) throws {
        let preset = try #require(PresetCatalog.builtIn[name])
        #expect(!preset.title.isEmpty)
        let lines = preset.text.split(separator: "\n").prefix { $0.hasPrefix("#") }
        #expect(lines.contains { $0.hasSuffix("(2026-11)") }, "\(name) names no page and date")
    }

    // MARK: What it does

    @Test func aPresetFillsAddressFormatAndQuirks() throws {
        let kimi = try upstream("{preset: moonshot, key: \"${K:-k}\"}")
        #expect(kimi.url.description == "https://api.moonshot.ai/v1")
        #expect(kimi.dialect == .openai)
        #expect(kimi.preset == "moonshot")
        #expect(kimi.capabilities(of: "kimi-k2.5").openAI.reasoningEcho == "reasoning_content")
        let mistral = try upstream("{preset: mistral}")
        #expect(mistral.capabilities(of: "mistral-large-latest").openAI.streamUsage == false)
        #expect(mistral.quota?.headerNames.map(\.kind) == ["requests", "tokens"])
        for name in ["mistral", "cerebras", "openrouter"] {
            #expect(try upstream("{preset: \(name), quota: {headers: false}}").quota?.headers == false)
        }
        let antigravity = try upstream("{preset: antigravity}")
        #expect(antigravity.quota?.poll == "/health")
    }

    @Test func whatIsWrittenBesideAPresetWins() throws {
        let upstream = try upstream(
            """
            {preset: moonshot, url: "http://127.0.0.1:9/v1", headers: {x-a: b}, models: {list: [m]},
                 capabilities: {"kimi-*": {oai.reasoning_echo: reasoning, oai.top_k: true}}}
            """)
        #expect(upstream.url.description == "http://127.0.0.1:9/v1")
        #expect(upstream.preset == "moonshot")
        #expect(upstream.headers == [Upstream.Header(name: "x-a", value: "b")])
        #expect(upstream.models.list == ["m"])
        // Also over an entry of the preset's that is about fewer models.
        let able = upstream.capabilities(of: "kimi-k2.5").openAI
        #expect(able.reasoningEcho == "reasoning")
        #expect(able.topK)
    }

    private static let own = PresetCatalog([
        (
            "acme",
            """
            # Acme
            url: https://api.acme.test/v1
            dialect: openai
            key_header: X-Acme-Key
            headers: {X-One: "1", X-Two: "2"}
            quota: {poll: /left, interval: 10s}
            models: {list: [acme-1], hide: ["acme-0*"]}
            capabilities:
              "*": {oai.top_k: true}
            """
        ),
        ("needy", "# Needy\nurl: https://YOURS.needy.test\ndialect: openai\n"),
    ])

    /// One text, and nothing else.
    @Test func aPresetIsAddedByATextAlone() throws {
        let acme = try upstream("{preset: acme, key: \"${K:-k}\", headers: {x-two: b}, quota: {interval: 20s}}", Self.own)
        #expect(acme.url.description == "https://api.acme.test/v1")
        #expect(acme.headers.map(\.name) == ["X-One", "x-two"])
        #expect(acme.headers.map(\.value) == ["1", "b"])
        #expect(acme.quota?.poll == "/left")
        #expect(acme.quota?.interval == .seconds(20))
        #expect(acme.models.list == ["acme-1"])
        #expect(!acme.models.shows("acme-0.5"))
        #expect(acme.models.shows("acme-1"))
        #expect(acme.capabilities(of: "any").openAI.topK)
        guard case .fixed(let lines) = acme.signer("k") else { return #expect(Bool(false), "no line of its own") }
        #expect(lines == [CredentialField("x-acme-key", "k")])
    }

    @Test func aHeaderCalledAuthorizationCarriesABearerToken() throws {
        let upstream = try upstream("{preset: anthropic, key_header: Authorization}")
        guard case .fixed(let lines) = upstream.signer("k") else { return #expect(Bool(false), "no line of its own") }
        #expect(lines == [CredentialField("authorization", "Bearer k")])
    }

    @Test func aPresetMayBeAFileOfOnesOwn() throws {
        try ConfigurationFixture.withFolder { folder in
            try "# Mine\nurl: http://127.0.0.1:9\ndialect: gemini\n".write(
                toFile: folder.path + "/mine.yaml", atomically: true, encoding: .utf8)
            let text = Self.file("{preset: mine.yaml}")
            let result = ConfigurationLoader.load(text: text, file: folder.path + "/proxy.yaml", environment: [:])
            let upstream = try #require(result.snapshot, "\(ConfigurationFixture.messages(result))").configuration.upstreams[0]
            #expect(upstream.dialect == .gemini)
            #expect(upstream.preset == "mine")
            // It is watched as the file itself is.
            #expect(result.files.contains(folder.path + "/mine.yaml"))
        }
    }

    @Test(arguments: ["${PLACE}", "${PLACE}/v1", "http://${HOST}:9"])
    func aReferenceInAPresetOfOnesOwnIsReadForItsAddressToo(_ url: String) throws {
        try ConfigurationFixture.withFolder { folder in
            try "url: \"\(url)\"\ndialect: openai\n".write(
                toFile: folder.path + "/mine.yaml", atomically: true, encoding: .utf8)
            let text = Self.file("{preset: mine.yaml}")
            let result = ConfigurationLoader.load(
                text: text, file: folder.path + "/proxy.yaml", environment: ["PLACE": "http://127.0.0.1:9", "HOST": "127.0.0.1"])
            let upstream = try #require(result.snapshot, "\(ConfigurationFixture.messages(result))").configuration.upstreams[0]
            #expect(upstream.url.host == "127.0.0.1" && upstream.url.port == 9)
        }
    }

    /// A vendor's preset with another address is a way to that vendor.
    @Test func aPresetSaysWhoseServerItIsAtWhateverAddress() throws {
        #expect(try upstream("{preset: openai, url: \"http://gateway.test/v1\"}").isFirstParty)
        #expect(try upstream("{preset: openai}").isFirstParty)
        #expect(try !upstream("{preset: mistral}").isFirstParty)
        #expect(try !upstream("{url: \"http://gateway.test/v1\", dialect: openai}").isFirstParty)
    }

    @Test func anUpstreamWithAPresetsAddressIsItsVendors() throws {
        #expect(try upstream("{url: \"https://api.openai.com/v1/\", dialect: openai}").preset == "openai")
        #expect(try upstream("{url: \"https://api.openai.com/v1\", dialect: responses}").preset == "openai-responses")
        #expect(try upstream("{url: \"https://api.deepseek.com\", dialect: openai}").preset == "deepseek")
        #expect(try upstream("{url: \"https://api.openai.test/v1\", dialect: openai}").preset == nil)
    }

    @Test func whatRunsIsShownWithWhatThePresetSaid() throws {
        let result = load("{preset: acme, capabilities: {\"*\": {oai.max_stops: 2}}}", Self.own)
        let shown = try JSONValue(parsing: try #require(result.snapshot).shown)
        let upstream = try #require(shown["upstreams"]?["a"])
        #expect(upstream["preset"]?.string == "acme")
        #expect(upstream["url"]?.string == "https://api.acme.test/v1")
        #expect(upstream["models"]?["list"]?.array?.count == 1)
        #expect(upstream["capabilities"]?["*"]?["oai.top_k"]?.string == "true")
        #expect(upstream["capabilities"]?["*"]?["oai.max_stops"]?.string == "2")
    }

    // MARK: What it refuses

    @Test(
        arguments: [
            (
                "{preset: moonshoot}",
                "proxy.yaml:2:15: error: upstreams.a.preset: there is no preset 'moonshoot' (did you mean 'moonshot'?)"
            ),
            (
                "{preset: zzzzzzzzz}",
                "proxy.yaml:2:15: error: upstreams.a.preset: there is no preset 'zzzzzzzzz'; `proxyd presets` lists them"
            ),
            (
                "{preset: azure}",
                "proxy.yaml:2:6: error: upstreams.a: 'url' is missing; the preset 'azure' cannot know yours, such as "
                    + "https://RESOURCE.openai.azure.com"
            ),
            ("{preset: openai, url: h}", "proxy.yaml:2:28: error: upstreams.a.url: a URL begins with http:// or https://"),
            (
                "{preset: openai, capabilities: {\"*\": {zzz.nothing: true}}}",
                "proxy.yaml:2:44: error: upstreams.a.capabilities[\"*\"][\"zzz.nothing\"]: there is no such capability; "
                    + "docs/conversion.md has their names"
            ),
            (
                "{preset: openai, capabilities: {\"*\": {oai.topk: true}}}",
                "proxy.yaml:2:44: error: upstreams.a.capabilities[\"*\"][\"oai.topk\"]: there is no such capability (did you mean "
                    + "'oai.top_k'?)"
            ),
            (
                "{preset: openai, capabilities: {\"*\": {max_stops: 3}}}",
                "proxy.yaml:2:44: error: upstreams.a.capabilities[\"*\"].max_stops: there is no such capability (did you mean "
                    + "'oai.max_stops' or 'gem.max_stops'?)"
            ),
            (
                "{preset: openai, capabilities: {\"*\": {oai.top_k: yes}}}",
                "proxy.yaml:2:44: error: upstreams.a.capabilities[\"*\"][\"oai.top_k\"]: does not take this value "
                    + "(docs/conversion.md has those it takes)"
            ),
            ("{url: \"http://h\"}", "proxy.yaml:2:6: error: upstreams.a: 'dialect' is missing"),
            (
                "{preset: deepseek, dialect: anthropic}",
                "proxy.yaml:2:34: warning: upstreams.a.dialect: the preset 'deepseek' is for 'openai': its address may not speak "
                    + "another format; write the 'url' that does"
            ),
        ])
    func aMistakeIsToldOnceAtItsPlace(_ upstream: String, _ message: String) {
        #expect(ConfigurationFixture.messages(load(upstream)) == [message])
    }

    @Test func aPresetThatCannotKnowItsAddressTakesOne() throws {
        #expect(try upstream("{preset: needy, url: \"https://me.needy.test\"}", Self.own).url.host == "me.needy.test")
        #expect(ConfigurationFixture.messages(load("{preset: needy}", Self.own)).count == 1)
    }

    @Test func aVendorThatIsGoneIsTold() {
        let messages = ConfigurationFixture.messages(load("{preset: github-models, key: \"${K:-k}\"}"))
        #expect(messages.count == 1)
        #expect(messages.first?.contains("retired") == true)
    }
}
