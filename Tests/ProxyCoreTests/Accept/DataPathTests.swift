import Basics
import Dialects
import HTTP1
import Testing

@testable import ProxyCore

/// A path is what it looks like, or it is refused.
struct DataPathTests {
    private func problem(_ method: HTTPMethod, _ path: String) -> DataPath.Problem? {
        Array(path.utf8).withUnsafeBytes { DataPath.problem(method: method, path: $0) }
    }

    @Test(arguments: [
        (HTTPMethod.post, "/v1/messages"), (.post, "/v1/chat/completions"), (.post, "/v1/responses"),
        (.get, "/v1/responses/resp_1"),
        (.get, "/v1/files"), (.get, "/v1/files/"), (.delete, "/v1/files/file-1"), (.get, "/v1/models"), (.get, "/v1/models/"),
        (.get, "/v1/models/vendor%2Fmodel"), (.get, "/v1/models/my%20model"), (.head, "/v1/models/my%20model"),
        (.get, "/v1beta/models/my%20model"), (.post, "/v1beta/models/g-2.5:generateContent"),
        (.post, "/v1beta/models/openai%2Fgpt-4:generateContent"), (.get, "/v1beta/models/openai%2Fx"),
        (.post, "/v1beta/models/a%20b:generateContent"), (.post, "/v1alpha/models/a%2fb:embedContent"),
        (.get, "/v1beta/models/g-2.5"),
        (.get, "/v1/messages/batches"), (.post, "/v1/messages/batches"), (.post, "/v1/x%C3%A9"), (.get, "/health"),
        (.get, "/admin/keys/a;b%41//"), (.get, "/.well-known/x"), (.options, "/v1/files"), (.patch, "/v1/x"), (.put, "/v1/x"),
    ])
    func `plain paths are served`(method: HTTPMethod, path: String) {
        #expect(problem(method, path) == nil)
    }

    /// Each is one of the data plane's for somebody who forgives.
    static let ambiguous = [
        "/v1//chat/completions", "//v1/chat/completions", "/v1/chat//completions", "/v1/./chat/completions",
        "/v1/x/../chat/completions", "/v1/..", "/v1/.", "/v1/chat/%2e%2e/completions", "/v1/%2E/chat/completions",
        "/v1/%63hat/completions", "/v1/chat/completion%73", "/v1/c%7Eat", "/v1/chat%2fcompletions", "/v1/chat%5Ccompletions",
        "/v1/chat\\completions", "/v1\\chat/completions", "/v1/chat/completions;x=1", "/v1/chat;/completions",
        "/v1/chat%3Bx/completions",
        "/v1/chat/completions%00", "/v1/chat/completions%20", "/v1/chat/completions%0d%0a", "/v1/%2563hat/completions", "/v1/%",
        "/v1/%4", "/v1/%zz", "/%76%31/chat/completions", "/x/../v1/chat/completions", "/%2e/v1/messages", "/v1%2fmessages",
        "/v1;x/messages", "/v1beta/models/a/../b:generateContent", "/v1beta//models/a:generateContent",
        "/v1beta/models/a%2f..%2fb:generateContent", "/v1beta/models/a%2f%2fb:generateContent", "/v1beta/files/a%2fb",
        "/v1beta/models%2fa:generateContent", "/v1beta/models/a/operations/b%2fc",
        "/v1beta/models/%61:generateContent", "/V1;/messages", "/.//v1/messages",
        "/chat//completions", "/chat/%2e/completions", "/chat\\completions", "/x/../openai/v1/responses",
        "/openai/deployments//m/chat/completions", "//host/v1/messages", "//host/chat/completions", "/Chat;a=b/completions",
    ]

    static let foreign = [
        "/v1/files/%c0%ae%c0%ae/x", "/v1/files/%ff", "/v1/files/%C2%85", "/v1/files/%E2%80%8B", "/v1/files/%EF%BC%8E%EF%BC%8E/x",
        "/v1/files/%EF%BC%8Fx", "/v1/messages%3Fx", "/v1/messages%23", "/v1/a\"b", "/v1/a<b", "/v1/{x}", "/v1/a^b", "/v1/a`b",
    ]

    @Test(arguments: foreign)
    func `what some reader folds into another path is a 400`(path: String) {
        for method in [HTTPMethod.get, .post] { #expect(problem(method, path)?.errorClass == .badRequest, "\(method)") }
    }

    @Test(arguments: [
        "/v1/engines/opus/completions", "/v1/deployments/opus/chat/completions", "/v1/tunedModels/opus:generateContent",
        "/v1/projects/p/models/opus:generateContent", "/v1/publishers/anthropic/models/opus:rawPredict", "/v1/models/opus/x",
        "/v1/Engines/opus/embeddings", "/v1/v1/messages", "/v1/x:predict",
        "/v1beta/dynamic/opus:generateContent", "/v1beta/tunedModels/opus:generateContent",
    ])
    func `a model that only the path names is asked for nowhere`(path: String) {
        #expect(problem(.post, path)?.errorClass == .notFound)
    }

    @Test func `a base URL that ends with the version is told`() {
        #expect(problem(.post, "/v1/v1/messages")?.message.contains("/v1 stands in it twice") == true)
    }

    @Test(arguments: [
        "/v1/engines/opus", "/v1/organization/projects/p/users", "/v1/fine_tuning/jobs/j/cancel", "/v1/threads/t/runs",
    ])
    func `what names none, or asks for nothing, is served`(path: String) {
        #expect(problem(.get, path) == nil)
        #expect(path.contains("engines") || problem(.post, path) == nil)
    }

    @Test(arguments: ambiguous)
    func `what can be read in two ways is a 400`(path: String) {
        for method in [HTTPMethod.get, .post, .put, .delete, .patch, .head, .options] {
            #expect(problem(method, path)?.errorClass == .badRequest, "\(method)")
        }
    }

    @Test(arguments: [
        "/v1/Chat/Completions", "/v1/chat/completions/", "/v1/MESSAGES", "/v1/messages/", "/v1/Messages/Batches",
        "/v1/responses/",
        "/v1/Models", "/v1/Models/x", "/v1/embeddings/", "/v1/models/x:GenerateContent", "/v1/models/x:generateContent/",
    ])
    func `a known endpoint in another spelling is nobody's`(path: String) {
        #expect(problem(.post, path)?.errorClass == .notFound)
    }

    @Test(arguments: [
        (HTTPMethod.get, "/v1/messages", "POST"), (.put, "/v1/chat/completions", "POST"), (.head, "/v1/responses", "POST"),
        (.delete, "/v1/embeddings", "POST"), (.options, "/v1/messages", "POST"),
        (.get, "/v1beta/models/x:generateContent", "POST"),
        (.get, "/v1/models/x:streamGenerateContent", "POST"), (.post, "/v1/models", "GET, HEAD"),
        (.trace, "/v1/x", DataPath.methods), (.connect, "/v1/x", DataPath.methods), (.other, "/admin/keys", DataPath.methods),
    ])
    func `a method that a path does not have is a 405`(method: HTTPMethod, path: String, allow: String) {
        let problem = problem(method, path)
        #expect(problem?.errorClass == .methodNotAllowed)
        #expect(problem?.allow == allow)
    }

    /// Every spelling of every endpoint that a lenient reader takes for it: refused, or the endpoint itself.
    @Test func `no spelling of an endpoint is another path`() {
        let endpoints = [
            "/v1/messages", "/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/embeddings",
            "/v1/messages/count_tokens", "/v1/messages/batches",
            // A digit has one case only: another letter would be another model.
            "/v1beta/models/0:generateContent",
        ]
        var rng = SplitMix64(state: 7)
        for endpoint in endpoints {
            for _ in 0..<1500 {
                var spelled = ""
                for byte in endpoint.utf8 {
                    let character = String(UnicodeScalar(byte))
                    switch rng.next() % 24 {
                    case 0: spelled += "%" + String(byte, radix: 16)
                    case 1: spelled += character.uppercased()
                    case 2 where byte == 0x2F: spelled += "//"
                    case 3 where byte == 0x2F: spelled += "/./"
                    case 4 where byte == 0x2F: spelled += "/x/../"
                    case 5 where byte == 0x2F: spelled += "\\"
                    case 6 where byte == 0x2F: spelled += ";a=b/"
                    case 7 where byte == 0x2F: spelled += "%2f"
                    default: spelled += character
                    }
                }
                if rng.next() % 4 == 0 { spelled += ["/", "%20", ";", "/.", "%2f", "%00"][Int(rng.next() % 6)] }
                guard spelled != endpoint else { continue }
                let bytes = Array(spelled.utf8)
                let (problem, isNobodys) = bytes.withUnsafeBytes {
                    (DataPath.problem(method: .post, path: $0), Endpoint.of(method: .post, path: $0) == .local)
                }
                #expect(problem != nil || isNobodys, "\(spelled)")
            }
        }
    }
}
