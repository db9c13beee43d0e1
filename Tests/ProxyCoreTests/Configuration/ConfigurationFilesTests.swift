import Foundation
import HTTP1
import Testing

@testable import ProxyCore

/// What is shipped: every example is valid, every page that is made from the schema is fresh.
@Suite struct ConfigurationFilesTests {
    static let examples: [String] = {
        let folder = ConfigurationFixture.root.appendingPathComponent("etc/examples")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return ["etc/proxy.yaml"] + names.filter { $0.hasSuffix(".yaml") }.sorted().map { "etc/examples/\($0)" }
    }()

    /// Something behind each of the variables that a file refers to.
    private static func environment(of text: String) -> [String: String] {
        var environment = ["VALKEY_URL": "redis://127.0.0.1:9/0", "POSTGRES_URL": "postgres://proxyd@127.0.0.1:9/proxyd"]
        for reference in text.matches(of: /\$\{([A-Z][A-Z0-9_]*)\}/) where environment[String(reference.1)] == nil {
            environment[String(reference.1)] = "sk-of-the-environment-\(reference.1)"
        }
        return environment
    }

    @Test func thereAreExamples() {
        #expect(Self.examples.count >= 9)
    }

    @Test(arguments: examples)
    func everyShippedFileIsValidAndUsesOnlyWhatIsActive(_ name: String) throws {
        let text = try String(contentsOf: ConfigurationFixture.root.appendingPathComponent(name), encoding: .utf8)
        try ConfigurationFixture.withFolder { folder in
            try FileManager.default.createDirectory(atPath: folder.path + "/tls", withIntermediateDirectories: true)
            for file in [
                "openai-spare.key", "openai-vault", "admin-key", "anthropic", "agents",
            ] {
                try "sk-of-the-file-\(file)\n".write(toFile: "\(folder.path)/\(file)", atomically: true, encoding: .utf8)
            }
            for (file, fixture) in [
                ("tls/fullchain.pem", "server.pem"), ("tls/privkey.pem", "server.key"), ("tls/internal-ca.pem", "root.pem"),
            ] {
                let source = ConfigurationFixture.root.appendingPathComponent("Tests/Certificates/\(fixture)")
                try FileManager.default.copyItem(at: source, to: folder.appendingPathComponent(file))
            }
            var environment = Self.environment(of: text)
            environment["CREDENTIALS_DIRECTORY"] = folder.path
            let moved = text.replacingOccurrences(of: "/run/secrets/proxyd/", with: folder.path + "/")
            let result = ConfigurationLoader.load(text: moved, file: folder.path + "/proxy.yaml", environment: environment)
            #expect(result.errors.isEmpty, "\(ConfigurationFixture.messages(result))")
            // What a vendor's subscription costs, nobody has a list of.
            let warnings = result.diagnostics.filter {
                !$0.message.contains("without TLS") && !$0.message.contains("has no price")
            }
            #expect(warnings.isEmpty, "\(warnings)")
        }
    }

    @Test func theEmbeddedExampleIsValid() {
        let result = ConfigurationFixture.load(EmbeddedDefaults.example)
        #expect(result.snapshot != nil)
        #expect(result.diagnostics.isEmpty, "\(ConfigurationFixture.messages(result))")
    }

    @Test(arguments: ["docs/reference/configuration.md", "docs/reference/proxy.schema.json"])
    func generatedPagesAreFresh(_ name: String) throws {
        let made = name.hasSuffix(".md") ? ConfigurationReference.markdown() : ConfigurationReference.jsonSchema()
        let url = ConfigurationFixture.root.appendingPathComponent(name)
        guard ProcessInfo.processInfo.environment["PROXYD_RECORD"] == nil else {
            try made.write(to: url, atomically: true, encoding: .utf8)
            Issue.record("\(name) was recorded")
            return
        }
        #expect((try? String(contentsOf: url, encoding: .utf8)) == made, "\(name) is stale: make reference")
    }

    @Test func theJSONSchemaIsJSON() throws {
        let value = try JSONSerialization.jsonObject(with: Data(ConfigurationReference.jsonSchema().utf8))
        let properties = (value as? [String: Any])?["properties"] as? [String: Any]
        #expect(Set(properties?.keys ?? [:].keys) == Set(Schema.Root.mapping.keys.map(\.name)))
    }

    /// The schema says by a pattern what the checker says by a table.
    @Test func aHeadersNameIsTheSameToTheSchemaAndTheChecker() throws {
        func matches(_ text: String, _ pattern: String) throws -> Bool {
            let whole = try NSRegularExpression(pattern: "^(?:\(pattern))$")
            return whole.firstMatch(in: text, range: NSRange(location: 0, length: text.utf16.count)) != nil
        }
        for byte in UInt8(0x20)..<0x7f {
            let text = String(UnicodeScalar(byte))
            #expect(try matches(text, Schema.Pattern.fieldName) == ByteScan.isToken(byte), "\(text)")
        }
        for name in ["host", "Host", "hosts", "Transfer-Encoding", "te", "content-type", "x-key", "x key", ""] {
            #expect(try matches(name, Schema.Pattern.headerName) == Schema.UpstreamKeys.isHeaderName(name), "\(name)")
        }
    }

    @Test func theReferenceNamesEveryKey() {
        let page = ConfigurationReference.markdown()
        for path in [
            "rules[].tiers[].any[]", "upstreams.<upstream>.accounts[]", "listen[].tls", "policies.<policy>", "rules[].fallback",
        ] {
            #expect(page.contains("## `\(path)`"), "\(path)")
        }
    }
}
