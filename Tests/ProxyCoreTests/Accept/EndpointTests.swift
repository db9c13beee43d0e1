import Dialects
import HTTP1
import Testing

@testable import ProxyCore

struct EndpointTests {
    private func endpoint(_ method: HTTPMethod, _ path: String) -> Endpoint {
        Array(path.utf8).withUnsafeBytes { Endpoint.of(method: method, path: $0) }
    }

    @Test(arguments: [
        (HTTPMethod.post, "/v1/messages", Endpoint.generate(.anthropic)),
        (.post, "/v1/messages/count_tokens", .countTokens(.anthropic)),
        (.post, "/v1/chat/completions", .generate(.openai)), (.post, "/v1/responses", .generate(.responses)),
        (.post, "/v1/embeddings", .named), (.post, "/v1/completions", .named), (.post, "/v1/audio/speech", .other),
        (.get, "/v1/files", .other), (.get, "/v1/models", .local), (.get, "/v1/models/x", .local),
        (.delete, "/v1/files/1", .other),
        (.post, "/v1beta/models/g:generateContent", .generate(.gemini)),
        (.post, "/v1beta/models/g:countTokens", .countTokens(.gemini)),
        (.post, "/v1beta/models/g:streamGenerateContent", .generate(.gemini)), (.get, "/v1beta/models", .local),
        (.get, "/health", .local), (.get, "/", .local), (.post, "/v1", .local), (.post, "", .local),
        (.post, "/v10/messages", .local),
    ])
    func `method and path tell what is asked for`(method: HTTPMethod, path: String, expected: Endpoint) {
        #expect(endpoint(method, path) == expected)
    }

    @Test(arguments: [
        (HTTPMethod.post, "/v1/images/generations", NamedModels.any), (.post, "/v1/audio/speech", .any), (.post, "/v1/x", .any),
        (.post, "/v1/responses/compact", .any), (.post, "/v1/fine_tuning/jobs", .any), (.post, "/v1/filesystem", .any),
        (.post, "/v1beta/cachedContents", .any), (.post, "/v1beta/models/g:batchGenerateContent", .any),
        (.post, "/v1/messages/batches", .ofRequests), (.post, "/v1/batches", .ofRequests),
        (.get, "/v1/x", .none), (.head, "/v1/x", .none), (.delete, "/v1/x", .none), (.get, "/v1/messages/batches", .none),
        (.post, "/v1/files", .none), (.post, "/v1/files/f/content", .none), (.post, "/v1/Files/f", .none),
        (.post, "/v1/responses/r/cancel", .none), (.post, "/v1/chat/completions/c", .none),
        (.post, "/v1/batches/b/cancel", .none),
        (.post, "/v1/messages/batches/b/cancel", .none), (.post, "/v1/conversations", .none),
        (.post, "/v1/vector_stores/v/search", .none), (.post, "/v1/assistants", .none),
        (.post, "/v1/organization/users/u", .none),
        (.post, "/v1/fine_tuning/jobs/j/cancel", .none), (.post, "/v1beta/files:register", .none),
        (.patch, "/v1beta/cachedContents/c", .none), (.post, "/v1beta/batches/b:cancel", .none),
        (.post, "/upload/v1beta/files", .none), (.post, "/openai/v1/files", .none), (.post, "/openai/files/f", .none),
        (.post, "/files", .none), (.post, "/threads/t/runs", .none), (.post, "/openai/deployments/d/chat/completions", .any),
        (.post, "/rerank", .any),
    ])
    func `what belongs to the account is asked for without a model`(method: HTTPMethod, path: String, expected: NamedModels) {
        #expect(NamedModels(method: method, path: path) == expected)
    }

    @Test(arguments: [
        ("http://h", "/v1/messages", UpstreamDialect.anthropic, "/v1/messages"),
        ("http://h/v1", "/v1/messages", .anthropic, "/v1/messages"),
        ("http://h/base", "/v1/messages", .anthropic, "/base/v1/messages"),
        ("http://h", "/v1/chat/completions", .openai, "/v1/chat/completions"),
        ("http://h/v1", "/v1/chat/completions", .openai, "/v1/chat/completions"),
        ("http://h/api/paas/v4", "/v1/chat/completions", .openai, "/api/paas/v4/chat/completions"),
    ])
    func `the version is said once`(base: String, path: String, dialect: UpstreamDialect, expected: String) throws {
        let url = try #require(UpstreamURL(absolute: base))
        let upstream = Upstream(name: "u", url: url, dialect: dialect)
        let joined = Array(path.utf8).withUnsafeBytes { upstream.dialect.target(passing: $0, model: "m", at: upstream.place) }
        let target = try #require(joined)
        #expect(String(decoding: target, as: UTF8.self) == expected)
    }

    @Test func `a key in the query is taken out and the rest kept`() {
        let query = Array("alt=sse&key=secret&beta=true".utf8)
        query.withUnsafeBytes { bytes in
            #expect(String(decoding: QueryString.removing(["key"], from: bytes), as: UTF8.self) == "alt=sse&beta=true")
            #expect(QueryString.value(of: "key", in: bytes).map { String(decoding: $0, as: UTF8.self) } == "secret")
            #expect(QueryString.value(of: "k", in: bytes) == nil)
        }
    }

    @Test(arguments: ["key=a", "KEY=a", "%6bey=a", "k%65y", "key", "a=1;key=b", "+key=a", "api-version=x", "API%2Dversion=x"])
    func `no spelling of an operator's parameter passes`(part: String) {
        Array("a=b&\(part)&c=d".utf8).withUnsafeBytes { bytes in
            let kept = QueryString.removing(["key", "api-version"], from: bytes)
            #expect(String(decoding: kept, as: UTF8.self) == "a=b&c=d")
        }
    }

    @Test(arguments: [
        "X-HTTP-Method-Override", "x_api_key", "Content_Length", "X-Original-URL", "http2-settings", "X-Admin-Key", "x_admin_key",
        "X-Forwarded-Port", "X_Forwarded_For", "x-forwarded_access-token", "X-Forwarded-Client-Cert-Chain-Of-The-Balancer",
        "X_HTTP_Method_Override", "x-api_key", "X_Original-URL", "True_Client_IP", "x_proxyd_key",
    ])
    func `fields that stand for another request line or a key are not passed on`(name: String) {
        Array(name.utf8).withUnsafeBytes { #expect(DisguisedField.isOne($0)) }
        for other in [
            "session_id", "x-stainless-lang", "x-forwarded", "y-forwarded-for", "x-original", "",
            String(repeating: "x", count: 90),
        ] {
            Array(other.utf8).withUnsafeBytes { #expect(!DisguisedField.isOne($0)) }
        }
    }
}
