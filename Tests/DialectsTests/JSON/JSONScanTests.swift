import Testing

@testable import Dialects

@Suite("JSON scan")
struct JSONScanTests {
    @Test("lists the members of the top level with their places")
    func members() throws {
        let body = #" {"model":"m-1", "n" : -1.5e3,"a":[1,{"model":2}],"t":true,"f":false,"z":null,"o":{}} "#
        try withBytes(body) { bytes in
            var members: [JSONMember] = []
            let object = try JSONScan.members(of: bytes, into: &members)
            #expect(object == 1..<body.utf8.count - 1)
            #expect(members.map { $0.keyString(in: bytes) } == ["model", "n", "a", "t", "f", "z", "o"])
            #expect(members.map(\.kind) == [.string, .number, .array, .true, .false, .null, .object])
            #expect(
                members.map { String(decoding: bytes.slice($0.value), as: UTF8.self) }
                    == [#""m-1""#, "-1.5e3", #"[1,{"model":2}]"#, "true", "false", "null", "{}"])
            #expect(members[0].key(equals: "model", in: bytes))
        }
    }

    @Test("reads nested objects by their range")
    func nested() throws {
        let body = #"{"usage":{"input_tokens":12,"x":[{"input_tokens":99}],"output_tokens":3.0}}"#
        withBytes(body) { bytes in
            let usage = JSONScan.find("usage", of: bytes)
            let input = usage.flatMap { JSONScan.find("input_tokens", of: bytes, in: $0.value) }
            let output = usage.flatMap { JSONScan.find("output_tokens", of: bytes, in: $0.value) }
            #expect(input.flatMap { JSONScan.integer(of: bytes, in: $0.value) } == 12)
            #expect(output.flatMap { JSONScan.integer(of: bytes, in: $0.value) } == 3)
        }
    }

    @Test(
        "says what is wrong and where",
        arguments: [
            ("", JSONScan.Problem.empty), ("  \n", .empty), ("[1]", .notAContainer(.array)), ("\"x\"", .notAContainer(.string)),
            ("{\"a\":1,\"a\":2}", .duplicateKey(offset: 8)), ("{\"a\":1,\"\\u0061\":2}", .duplicateKey(offset: 8)),
            ("{\"a\":1}x", .trailing(offset: 7)), ("{\"a\":1,}", .syntax(offset: 7, expected: .key)),
            ("{\"a\" 1}", .syntax(offset: 5, expected: .colon)), ("{\"a\":01}", .syntax(offset: 6, expected: .commaOrEnd)),
            ("{\"a\":\"\\x\"}", .syntax(offset: 6, expected: .escape)),
            ("{\"a\":\"\n\"}", .syntax(offset: 6, expected: .stringEnd)),
            ("\u{FEFF}{}", .syntax(offset: 0, expected: .value)), ("{\"a\":[1 2]}", .syntax(offset: 8, expected: .commaOrEnd)),
        ])
    func problems(_ body: String, _ expected: JSONScan.Problem) {
        withBytes(body) { bytes in
            var members: [JSONMember] = []
            #expect(throws: expected) { try JSONScan.members(of: bytes, into: &members) }
        }
    }

    @Test("a key twice among very many is found too")
    func manyDuplicates() {
        let body = "{" + (0..<2_000).map { "\"k\($0)\":0" }.joined(separator: ",") + ",\"k7\":1}"
        withBytes(body) { bytes in
            var members: [JSONMember] = []
            #expect(throws: JSONScan.Problem.self) { try JSONScan.members(of: bytes, into: &members) }
            #expect(throws: Never.self) { try JSONScan.members(of: bytes, duplicates: .allow, into: &members) }
        }
    }

    @Test("512 containers pass, 513 do not, a hundred thousand do not trap")
    func depth() {
        for (depth, isFine) in [(511, true), (512, false), (100_000, false)] {
            let body = "{\"a\":" + String(repeating: "[", count: depth) + String(repeating: "]", count: depth) + "}"
            withBytes(body) { bytes in
                var members: [JSONMember] = []
                #expect(((try? JSONScan.members(of: bytes, into: &members)) != nil) == isFine)
            }
        }
    }

    @Test(
        "undoes escapes, and repairs what no text can hold",
        arguments: [
            (#"plain"#, "plain"), (#"a\n\t\"\\\/\b\f\r"#, "a\n\t\"\\/\u{8}\u{C}\r"), (#"\u00e9\u4e2d"#, "é中"),
            (#"\ud83d\ude00"#, "😀"), (#"\ud83d"#, "\u{FFFD}"), (#"x\ude00y"#, "x\u{FFFD}y"), (#"\ud83d\u0041"#, "\u{FFFD}A"),
        ])
    func decoding(_ raw: String, _ expected: String) {
        withBytes(raw) { #expect(JSONText.decode($0) == expected) }
    }

    @Test(
        "integers are read exactly or not at all",
        arguments: [
            ("12", 12), ("-7", -7), ("12.0", 12), ("1.5", nil), ("1e3", nil), ("9223372036854775807", Int.max),
            ("9223372036854775808", nil), ("-0", 0),
        ] as [(String, Int?)])
    func integers(_ text: String, _ expected: Int?) {
        withBytes(text) { #expect(JSONScan.integer(of: $0, in: 0..<$0.count) == expected) }
    }
}

@Suite("JSON value")
struct JSONValueTests {
    @Test(
        "comes out as it went in",
        arguments: [
            #"{"z":12345678901234567890,"a":1.0,"b":[1e5,-0,true,null],"s":"\ud83d"}"#, #"["\ud83d\u0041","/é\"\\"]"#, "{}",
            "[[],{}]",
            #""\u001f""#, #"{"a":1,"a":2}"#,
        ])
    func roundTrip(_ text: String) throws {
        #expect(try JSONValue(parsing: text).text == text)
    }

    @Test("keeps within its limits")
    func limits() {
        #expect(throws: JSONScan.Problem.tooMany) {
            try JSONValue(parsing: "[1,2,3]", limits: JSONValue.Limits(count: 3))
        }
        #expect(throws: JSONScan.Problem.tooDeep(offset: 2)) {
            try JSONValue(parsing: "[[[]]]", limits: JSONValue.Limits(depth: 2))
        }
        #expect(throws: JSONScan.Problem.duplicateKey(offset: 13)) {
            try JSONValue(parsing: #"{"a":{"b":1,"b":2}}"#, limits: JSONValue.Limits(duplicates: .refuse))
        }
    }
}
