import Basics
import Dialects
import HTTP1
import Testing

@testable import ProxyCore

/// Names of models: short, visible, one segment of a path.
struct ModelNameTests {
    @Test(arguments: ["m", "claude-opus-4-6", "openai/gpt-4o", "a b", "é", String(repeating: "g", count: 256)])
    func `a name that lines can carry`(name: String) {
        #expect(ModelName.problem(name) == nil)
    }

    @Test(arguments: [
        "a\r\nb", "a\nb", "\u{0}", "a\u{7F}", "a\u{85}b", "a\u{9F}", "a\u{2028}b", "a\u{2029}", "a\u{FFFD}", "*", "\t",
        String(repeating: "g", count: 257), String(repeating: "é", count: 129),
    ])
    func `a name that no line can carry`(name: String) {
        #expect(ModelName.problem(name) != nil)
    }

    @Test(arguments: [
        ("gpt-4o", "gpt-4o"), ("a/b", "a%2Fb"), ("a/../b", "a%2F..%2Fb"), ("a?b#c", "a%3Fb%23c"), ("a b", "a%20b"),
        ("a%2e", "a%252e"),
        ("a:b;c&d=e", "a%3Ab%3Bc%26d%3De"), ("é", "%C3%A9"), ("~._-", "~._-"), ("...", "..."), ("a\r\nb", "a%0D%0Ab"),
    ])
    func `a name is one segment of a path`(name: String, segment: String) {
        #expect(PathSegment.encoded(name) == segment)
    }

    @Test(arguments: ["", ".", ".."])
    func `what means a step or nothing is no segment`(name: String) {
        #expect(PathSegment.encoded(name) == nil)
    }

    @Test(arguments: ["", "x", "/a b", "/a\r\nb", "/a#b", "/\u{e9}", "/a\u{7f}", "/a\tb"])
    func `a target that our parser would not read back is not written`(target: String) {
        #expect(!RequestTarget.isWritable(Array(target.utf8)))
    }

    /// Whatever a name holds, the request line that comes of it is one.
    @Test func `hostile names make one request`() throws {
        let url = try #require(UpstreamURL(absolute: "https://h/base"))
        let gemini = Upstream(name: "g", url: url, dialect: .gemini)
        var azure = Upstream(name: "a", url: url, dialect: .azure)
        azure.apiVersion = "2024-10-21"
        let pieces = ["\r\n", " HTTP/1.1", "/", "..", "%2e", "?", "#", ":", "a", "\u{0}", "é", "&x=", ";", "\\", "\t", "host: x"]
        var rng = SplitMix64(state: 11)
        for _ in 0..<4_000 {
            let name = (0..<Int(rng.next() % 7)).map { _ in pieces[Int(rng.next() % UInt64(pieces.count))] }.joined()
            let path = Array("/v1beta/models/x:generateContent".utf8)
            let targets = [
                path.withUnsafeBytes { gemini.dialect.target(passing: $0, model: name, at: gemini.place) },
                azure.dialect.target(converted: "/v1/chat/completions", model: name, at: azure.place),
            ]
            for target in targets {
                guard let target else { continue }
                let wire = Array("POST ".utf8) + target + Array(" HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\n\r\n".utf8)
                var head = HTTPRequestHead()
                var parser = HTTPRequestParser()
                let (result, read) = wire.withUnsafeBytes { bytes in
                    let result = parser.parse(bytes, into: &head)
                    return (result, Array(head.target.bytes(in: bytes)))
                }
                let isOne = result == .complete && head.byteCount == wire.count && head.fields.count == 2 && read == target
                let slashes = target.count { $0 == UInt8(ascii: "/") }
                guard RequestTarget.isWritable(target), isOne, slashes == (target == targets[0] ? 4 : 6) else {
                    Issue.record("\(name.debugDescription): \(String(decoding: target, as: UTF8.self).debugDescription)")
                    return
                }
            }
        }
    }
}
