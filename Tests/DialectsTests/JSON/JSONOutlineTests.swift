import Testing

@testable import Dialects

@Suite("JSON outline")
struct JSONOutlineTests {
    @Test("lists the members of objects behind the member that they are the value of")
    func nested() throws {
        try withBytes(#" {"a":{"b":{"c":1},"d":[{"e":2}]},"f":{},"g":"x"} "#) { bytes in
            let nodes = try JSONOutline(bytes).nodes
            #expect(nodes.map { $0.member.keyString(in: bytes) } == ["a", "b", "c", "d", "f", "g"])
            #expect(nodes.map(\.end) == [4, 3, 3, 4, 5, 6])
            #expect(nodes.map(\.member.kind) == [.object, .object, .number, .array, .object, .string])
            #expect(
                nodes.map { String(decoding: bytes.slice($0.member.value), as: UTF8.self) }
                    == [#"{"b":{"c":1},"d":[{"e":2}]}"#, #"{"c":1}"#, "1", #"[{"e":2}]"#, "{}", #""x""#])
        }
    }

    @Test(
        "says what is wrong and where",
        arguments: [
            ("", JSONScan.Problem.empty), ("[1]", .notAContainer(.array)), (#"{"a":{"b":1,"b":2}}"#, .duplicateKey(offset: 13)),
            (#"{"a":{"b":1},"a":2}"#, .duplicateKey(offset: 14)), (#"{"a":1,"\u0061":2}"#, .duplicateKey(offset: 8)),
            (#"{"a":{"b":1}}x"#, .trailing(offset: 13)), (#"{"a":{"b":1,}}"#, .syntax(offset: 12, expected: .key)),
            (#"{"a":{"b":1]}"#, .syntax(offset: 11, expected: .commaOrEnd)),
        ])
    func problems(text: String, problem: JSONScan.Problem) {
        withBytes(text) { bytes in
            _ = #expect(throws: problem) { _ = try JSONOutline(bytes) }
        }
    }

    @Test("takes keys of one name in different objects, and many keys", arguments: [1, 24, 25, 2_000])
    func keys(count: Int) throws {
        let members = (0..<count).map { "\"k\($0)\":{\"k\":\($0)}" }.joined(separator: ",")
        try withBytes("{\(members)}") { bytes in
            let nodes = try JSONOutline(bytes).nodes
            #expect(nodes.count == 2 * count)
        }
        withBytes("{\(members),\"k0\":1}") { bytes in
            _ = #expect(throws: JSONScan.Problem.self) { _ = try JSONOutline(bytes) }
        }
    }

    @Test("passes over what is deeper than any form, to the bound of all documents", arguments: [(100, true), (600, false)])
    func deep(levels: Int, isRead: Bool) {
        let text = String(repeating: "{\"a\":", count: levels) + "1" + String(repeating: "}", count: levels)
        withBytes(text) { bytes in
            let nodes = try? JSONOutline(bytes).nodes
            #expect((nodes != nil) == isRead)
            #expect((nodes?.count ?? 6) == 6)
        }
    }
}
