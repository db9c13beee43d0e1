import Dialects
import HTTP1
import Testing

@testable import ProxyCore

struct PathAliasTests {
    private func alias(_ path: String) -> PathAlias? { Array(path.utf8).withUnsafeBytes { PathAlias($0) } }

    @Test(arguments: [
        ("/chat/completions", "/v1/chat/completions"), ("/completions", "/v1/completions"), ("/embeddings", "/v1/embeddings"),
        ("/responses", "/v1/responses"), ("/responses/resp_1", "/v1/responses/resp_1"), ("/models", "/v1/models"),
        ("/models/gpt-5", "/v1/models/gpt-5"), ("/chat/completions/", "/v1/chat/completions"),
        ("/v1/chat/completions/", "/v1/chat/completions"), ("/v1/messages/", "/v1/messages"),
        ("/openai/v1/chat/completions", "/v1/chat/completions"), ("/openai/v1/responses/", "/v1/responses"),
        ("/openai/responses", "/v1/responses"), ("/v1beta/openai/chat/completions", "/v1/chat/completions"),
        ("/v1beta1/publishers/google/models/gemini-2.5-pro:generateContent", "/v1beta/models/gemini-2.5-pro:generateContent"),
        ("/v1/projects/p/locations/l/publishers/google/models/g:countTokens", "/v1beta/models/g:countTokens"),
        ("/v1alpha/models", "/v1beta/models"),
    ])
    func `an address in another spelling is read as what it means`(path: String, meant: String) {
        #expect(alias(path).map { String(decoding: $0.path, as: UTF8.self) } == meant)
        #expect(alias(path)?.model == nil)
    }

    @Test(arguments: ["chat/completions", "embeddings", "audio/transcriptions"])
    func `a deployment's address names its model`(call: String) {
        let alias = alias("/openai/deployments/my-gpt4o/\(call)")
        #expect(alias.map { String(decoding: $0.path, as: UTF8.self) } == "/v1/\(call)")
        #expect(alias?.model == "my-gpt4o")
    }

    @Test(arguments: [
        "/v1/chat/completions", "/v1/files/", "/v1/messages/batches/x", "/", "/health", "/admin/keys", "/chat", "/model",
        "/openai/", "/openai/deployments/a", "/openai/deployments//chat/completions",
        "/openai/deployments/a%2Fb/chat/completions",
        "/v1beta1/publishers/anthropic/models/x:rawPredict", "/v1beta/models", "/models/", "",
    ])
    func `everything else means what it says`(path: String) {
        let meant = alias(path).map { String(decoding: $0.path, as: UTF8.self) }
        #expect(meant == nil || (path == "/models/" && meant == "/v1/models"))
    }

    @Test(arguments: [
        (HTTPMethod.post, "/v1beta/models/e:embedContent"), (.post, "/v1beta/models/e:batchEmbedContents"),
        (.post, "/v1/models/e:embedContent"), (.post, "/v1beta/models/g:batchGenerateContent"), (.post, "/v1beta/files"),
        (.delete, "/v1beta/files/f"), (.patch, "/v1beta/cachedContents/c"), (.post, "/upload/v1beta/files"),
        (.get, "/v1beta/models/v/operations/o"), (.post, "/v1alpha/auth_tokens"), (.get, "/v1beta/batches/b"),
    ])
    func `Gemini's addresses beside generation pass, and err in its words`(method: HTTPMethod, path: String) {
        Array(path.utf8).withUnsafeBytes { bytes in
            #expect(Endpoint.of(method: method, path: bytes) == .other)
            #expect(DataPath.problem(method: method, path: bytes) == nil)
            #expect(Endpoint.errorDialect(path: bytes, saysAnthropicVersion: false) == .gemini)
        }
    }

    @Test func `the alpha version generates, and its model is read`() {
        Array("/v1alpha/models/g:generateContent".utf8).withUnsafeBytes { bytes in
            #expect(Endpoint.of(method: .post, path: bytes) == .generate(.gemini))
        }
        #expect(GeminiPath("/v1alpha/models/g:generateContent")?.model == "g")
    }

    @Test(arguments: [
        ("http://h", "/v1beta/models/a:embedContent", "/v1beta/models/m:embedContent"),
        ("http://h/v1beta", "/v1beta/models/a:embedContent", "/v1beta/models/m:embedContent"),
        ("http://h", "/v1alpha/models/a:generateContent", "/v1alpha/models/m:generateContent"),
        ("http://h", "/v1beta/files", "/v1beta/files"), ("http://h/v1beta", "/v1beta/files", "/v1beta/files"),
        ("http://h/v1beta", "/upload/v1beta/files", "/upload/v1beta/files"),
        ("http://h/v1", "/v1beta/files/f", "/v1beta/files/f"),
    ])
    func `a Gemini upstream is asked under the version that is meant`(base: String, path: String, expected: String) throws {
        let url = try #require(UpstreamURL(absolute: base))
        let upstream = Upstream(name: "u", url: url, dialect: .gemini)
        let target = Array(path.utf8).withUnsafeBytes { upstream.dialect.target(passing: $0, model: "m", at: upstream.place) }
        #expect(target.map { String(decoding: $0, as: UTF8.self) } == expected)
    }
}
