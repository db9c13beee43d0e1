import Testing

@testable import ProxyCore

@Suite struct ConfigurationDifferenceTests {
    @Test(
        "What differs is told by its path",
        arguments: [
            (#"{"a":1}"#, #"{"a":1}"#, []),
            (#"{"a":{"b":1}}"#, #"{"a":{"b":2}}"#, ["a.b: 1 → 2"]),
            (#"{"a":1}"#, #"{"b":"x"}"#, [#"a: 1 → –"#, #"b: – → "x""#]),
            (
                #"{"r":[{"name":"x","n":1},{"name":"y"}]}"#, #"{"r":[{"name":"y"},{"name":"x","n":2}]}"#,
                ["r[x].n: 1 → 2", #"r: ["x","y"] → ["y","x"]"#]
            ),
            (#"{"r":[{"name":"x"}]}"#, #"{"r":[{"name":"x"},{"name":"z"}]}"#, [#"r[z]: – → {"name":"z"}"#]),
            (#"{"l":[1,2]}"#, #"{"l":[1]}"#, ["l: [1,2] → [1]"]),
            ("{", "{}", []),
        ])
    func paths(old: String, new: String, expected: [String]) {
        let found = ConfigurationDifference.between(old, new).map { "\($0.path): \($0.old ?? "–") → \($0.new ?? "–")" }
        #expect(found == expected)
    }

    @Test("A long value is cut, and many are not all told")
    func bounds() {
        let many = (0..<1_000).map { #""k\#($0)":1"# }.joined(separator: ",")
        #expect(ConfigurationDifference.between("{}", "{\(many)}").count == ConfigurationDifference.most)
        let long = ConfigurationDifference.between("{}", #"{"a":"\#(String(repeating: "x", count: 1_000))"}"#)
        #expect(long.first?.new?.count == 201)
    }
}
