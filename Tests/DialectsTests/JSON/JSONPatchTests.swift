import Testing

@testable import Dialects

@Suite("JSON patch")
struct JSONPatchTests {
    private func patched(_ body: String, _ change: (inout JSONPatch, UnsafeRawBufferPointer) -> Void) throws -> String {
        try withBytes(body) { bytes in
            var members: [JSONMember] = []
            let object = try JSONScan.members(of: bytes, into: &members)
            var patch = JSONPatch(object: object, members: members)
            change(&patch, bytes)
            return text(patch.apply(to: bytes))
        }
    }

    @Test("nothing changed is nothing changed")
    func identity() throws {
        let body = " { \"a\" : 1 ,\n \"b\":{} } "
        #expect(try patched(body) { _, _ in } == body)
    }

    @Test("sets where the member stands, or at the end")
    func setting() throws {
        #expect(
            try patched(#"{ "model": "a", "x":1 }"#) { $0.set("model", toString: "b\"c", in: $1) }
                == #"{ "model": "b\"c", "x":1 }"#)
        #expect(try patched(#"{"x":1 }"#) { $0.set("n", to: 5, in: $1) } == #"{"x":1,"n":5 }"#)
        #expect(try patched("{}") { $0.set("n", to: 5, in: $1) } == #"{"n":5}"#)
        #expect(
            try patched("{ }") {
                $0.set("a", to: 1, in: $1); $0.set("b", to: 2, in: $1); $0.set("a", to: 3, in: $1)
            }
                == #"{"a":3,"b":2 }"#)
    }

    @Test(
        "takes members out and leaves commas right",
        arguments: [
            (["a"], #"{"b":2,"c":3}"#), (["b"], #"{"a":1,"c":3}"#), (["c"], #"{"a":1,"b":2}"#), (["a", "b"], #"{"c":3}"#),
            (["b", "c"], #"{"a":1}"#), (["a", "c"], #"{"b":2}"#), (["a", "b", "c"], "{}"), (["nothing"], #"{"a":1,"b":2,"c":3}"#),
        ])
    func removing(_ keys: [String], _ expected: String) throws {
        #expect(try patched(#"{"a":1,"b":2,"c":3}"#) { patch, bytes in keys.forEach { patch.remove($0, in: bytes) } } == expected)
        let added = expected == "{}" ? #"{"n":1}"# : expected.dropLast() + #","n":1}"#
        #expect(
            try patched(#"{"a":1,"b":2,"c":3}"#) { patch, bytes in
                keys.forEach { patch.remove($0, in: bytes) }
                patch.set("n", to: 1, in: bytes)
            } == added)
    }

    @Test("lowers a number above its cap, and nothing else")
    func capping() throws {
        #expect(try patched(#"{"max_tokens":9000}"#) { $0.cap("max_tokens", at: 100, in: $1) } == #"{"max_tokens":100}"#)
        #expect(try patched(#"{"max_tokens":99}"#) { $0.cap("max_tokens", at: 100, in: $1) } == #"{"max_tokens":99}"#)
        #expect(try patched(#"{"x":1}"#) { $0.cap("max_tokens", at: 100, in: $1) } == #"{"x":1}"#)
        #expect(try patched(#"{"max_tokens":1e9}"#) { $0.cap("max_tokens", at: 100, in: $1) } == #"{"max_tokens":100}"#)
    }

    @Test(
        "asks for usage once, other stream options kept",
        arguments: [
            (#"{"stream":true}"#, #"{"stream":true,"stream_options":{"include_usage":true}}"#, false),
            (#"{"stream_options":{}}"#, #"{"stream_options":{"include_usage":true}}"#, false),
            (#"{"stream_options":null}"#, #"{"stream_options":{"include_usage":true}}"#, false),
            (#"{"stream_options":{"x":1}}"#, #"{"stream_options":{"include_usage":true,"x":1}}"#, false),
            (#"{"stream_options":{"include_usage":false,"x":1}}"#, #"{"stream_options":{"include_usage":true,"x":1}}"#, false),
            (#"{"stream_options":{"include_usage": true}}"#, #"{"stream_options":{"include_usage": true}}"#, true),
        ])
    func usage(_ body: String, _ expected: String, _ asked: Bool) throws {
        var hadAsked = false
        #expect(try patched(body) { hadAsked = $0.includeUsage(in: $1) } == expected)
        #expect(hadAsked == asked)
    }
}
