import Foundation
import Testing

@testable import ProxyCore

@Suite struct ForwardProxyTests {
    @Test(
        "A proxy's address",
        arguments: [
            ("http://proxy:3128", "proxy:3128", nil), ("http://proxy", "proxy:80", nil),
            ("http://proxy:3128/", "proxy:3128", nil),
            ("HTTP://10.0.0.1:8080", "10.0.0.1:8080", nil), ("http://[::1]:3128", "[::1]:3128", nil),
            ("http://u:p@proxy:1", "proxy:1", "Basic dTpw"), ("http://u@proxy:1", "proxy:1", "Basic dTo="),
            ("http://u:a%40b%3A@proxy:1", "proxy:1", "Basic dTphQGI6"), ("http://u:p@q@proxy:1", "proxy:1", "Basic dTpwQHE="),
        ] as [(String, String, String?)])
    func address(text: String, authority: String, credentials: String?) throws {
        let proxy = try ForwardProxy.parse(text, needsScheme: true)
        #expect(proxy.authority == authority)
        #expect(proxy.credentials?.reveal() == credentials)
    }

    @Test(arguments: [
        "", "proxy:3128", "https://proxy:3128", "socks5://proxy", "http://", "http://:3128", "http://a b", "http://h:0",
        "http://u:%0d%0ax@h", "http://u:%zz@h", "http://h/path",
    ])
    func whatIsNoProxyIsRefused(_ text: String) {
        #expect(throws: Schema.Problem.self) { try ForwardProxy.parse(text, needsScheme: true) }
    }

    private static func isDirect(_ url: String, except: String) throws -> Bool {
        var rules = ProxyRules()
        rules.https = ForwardProxy(host: "proxy", port: 1)
        rules.exceptions = except.split(separator: ",").compactMap { ProxyRules.Exception(String($0)) }
        return rules.proxy(for: try #require(UpstreamURL(absolute: url))) == nil
    }

    @Test(
        "Which hosts are reached directly",
        arguments: [
            ("https://api.example", "", false), ("http://api.example", "", true),
            ("https://localhost", "", true), ("https://x.localhost", "", true), ("https://127.0.0.9", "", true),
            ("https://[::1]", "", true), ("https://api.example", "*", true),
            ("https://api.example", "api.example", true), ("https://API.example", "api.EXAMPLE", true),
            ("https://deep.api.example", "api.example", true), ("https://deep.api.example", ".api.example", true),
            ("https://api.example", ".api.example", false), ("https://api.example", "*.api.example", false),
            ("https://myapi.example", "api.example", false), ("https://api.example", "api.example:443", true),
            ("https://api.example:8443", "api.example:443", false), ("https://10.1.2.3", "10.0.0.0/8", true),
            ("https://11.1.2.3", "10.0.0.0/8", false), ("https://10.1.2.3", "10.1.2.3", true),
            ("https://[fd00::1]", "fd00::/8", true), ("https://[fd00::1]", "[fd00::1]", true),
            ("https://api.example", "api.example.", true), ("https://api.example.", "api.example", true),
            ("https://deep.api.example", ".api.example.", true), ("https://api.example", "api.example.:443", true),
            ("https://[fd00::1]", "[fd00::1]:443", true), ("https://[fd00::1]", "[fd00::1]:8443", false),
        ])
    func exceptions(url: String, except: String, isDirect: Bool) throws {
        #expect(try Self.isDirect(url, except: except) == isDirect)
    }

    @Test(arguments: [
        "", ".", "*.", "10.0.0.0/33", "10.0.0/8", "fd00::/129", "a.example/8", "https://a.example", "a.example:", "a.example:x",
        "a.example:0", "a.example:65536", "a.*.example", "*a.example", "a.example..", "..example",
    ])
    func whatNamesNoHostIsNoException(_ text: String) {
        #expect(ProxyRules.Exception(text) == nil)
    }

    @Test(
        "A file's exception that names no host is an error at its place",
        arguments: ["10.0.0.0/33", "a.example, https://b.example", "a.example:port"])
    func exceptionsOfAFile(_ text: String) {
        let loaded = ConfigurationFixture.load(
            """
            no_proxy: [good.example, '\(text)']
            upstreams: {a: {url: "http://127.0.0.1:1", dialect: anthropic}}
            rules: [{tiers: [a]}]
            """)
        let errors = loaded.diagnostics.filter { $0.severity == .error && $0.message.contains("names no host") }
        #expect(errors.map(\.path) == ["no_proxy[1]"])
    }

    @Test("The environment's is a warning, where there is a proxy", arguments: [true, false])
    func exceptionsOfTheEnvironment(_ hasProxy: Bool) {
        let file = """
            upstreams: {a: {url: "http://127.0.0.1:1", dialect: anthropic}}
            rules: [{tiers: [a]}]
            """
        let proxy = hasProxy ? ["HTTPS_PROXY": "http://proxy:1"] : [:]
        let loaded = ConfigurationFixture.load(
            file, environment: proxy.merging(["NO_PROXY": "a.example, 169.254/16"]) { $1 })
        let told = loaded.diagnostics.filter { $0.message.contains("the environment's NO_PROXY has '169.254/16'") }
        #expect(told.map(\.severity) == (hasProxy ? [.warning] : []))
        #expect(loaded.snapshot != nil)
    }

    /// What a generator of passwords gives is no part of an address: it is taken as it is.
    @Test(
        "A password that a reference stands for is written as it is",
        arguments: [("p@s/w?o#r%d[:+= é", "p@s/w?o#r%d[:+= é"), ("100%", "100%"), ("p%40s", "p@s")])
    func referencedPassword(password: String, means: String) throws {
        let file = """
            upstreams: {a: {url: "https://api.example", dialect: anthropic, proxy: "http://u:${WORD}@own:1"}}
            https_proxy: "http://u:${WORD}@proxy:1"
            rules: [{tiers: [a]}]
            """
        let loaded = ConfigurationFixture.load(file, environment: ["WORD": password])
        let snapshot = try #require(loaded.snapshot, "\(loaded.diagnostics)")
        let credentials = "Basic \(Data("u:\(means)".utf8).base64EncodedString())"
        #expect(snapshot.configuration.upstreams.first?.proxy?.credentials?.reveal() == credentials)
        #expect(!snapshot.shown.contains("s/w") && !snapshot.shown.contains("p@s") && snapshot.shown.contains("own:1"))
        let other = ConfigurationFixture.load(
            file.replacing(", proxy: \"http://u:${WORD}@own:1\"", with: ""), environment: ["WORD": password])
        #expect(other.snapshot?.configuration.upstreams.first?.proxy?.credentials?.reveal() == credentials)
    }

    @Test(
        "A socket of this machine is an upstream",
        arguments: [
            ("unix:/run/a.sock", "/run/a.sock", ""), ("unix:///run/a.sock", "/run/a.sock", ""),
            ("unix:/run/a.sock:/v1", "/run/a.sock", "/v1"), ("unix:/run/a.sock:/v1/", "/run/a.sock", "/v1"),
        ])
    func sockets(text: String, path: String, base: String) throws {
        let url = try UpstreamURL.parse(text, shown: "", .base)
        #expect((url.socketPath, url.basePath, url.authority) == (path, base, "localhost"))
    }

    @Test(arguments: [
        "unix:", "unix:a.sock", "unix://run/a.sock", "unix:/", "unix:/a:v1", "unix:/a:/v1?x", "unix:/a:/ b",
        "unix:/\(String(repeating: "a", count: 107))",
    ])
    func whatIsNoSocketIsRefused(_ text: String) {
        #expect(throws: Schema.Problem.self) { try UpstreamURL.parse(text, shown: "", .base) }
    }
}
