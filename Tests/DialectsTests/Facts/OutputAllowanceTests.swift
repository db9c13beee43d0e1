import Dialects
import Testing

@Suite("Output allowance")
struct OutputAllowanceTests {
    @Test(
        "A request says how much its answer may be",
        arguments: [
            (#"{}"#, nil, 1), (#"{"max_tokens":64}"#, 64, 1), (#"{"max_completion_tokens":64,"n":3}"#, 64, 3),
            (#"{"max_tokens":10,"max_completion_tokens":20}"#, 20, 1), (#"{"max_output_tokens":7}"#, 7, 1),
            (#"{"generationConfig":{"maxOutputTokens":9,"candidateCount":2}}"#, 9, 2),
            (#"{"generationConfig":{"candidateCount":"3"}}"#, nil, 3),
            (#"{"generation_config":{"max_output_tokens":9}}"#, 9, 1), (#"{"generationConfig":{"maxOutputTokens":"9"}}"#, 9, 1),
            (#"{"max_tokens":"64"}"#, nil, 1),
            (#"{"max_tokens":-5}"#, nil, 1), (#"{"max_tokens":2e5}"#, 200_000, 1), (#"{"max_tokens":1.5}"#, 2, 1),
            (#"{"max_tokens":123456789012345678901234}"#, 1_000_000_000_000_000, 1), (#"{"best_of":4,"n":2}"#, nil, 4),
            (#"{"prompt":["a","b","c"],"n":2}"#, nil, 6), (#"{"prompt":[1,2,3]}"#, nil, 1), (#"{"prompt":[[1],[2]]}"#, nil, 2),
            (#"{"prompt":"a"}"#, nil, 1), (#"{"n":-5}"#, nil, 1), (#"{"n":100000}"#, nil, 128),
            (#"{"n":"3"}"#, nil, 3), (#"{"n":"many","best_of":""}"#, nil, 1),
        ] as [(String, Int?, Int)])
    func reads(body: String, tokens: Int?, choices: Int) throws {
        let allowance = try Self.allowance(body)
        #expect(allowance.tokens == tokens)
        #expect(allowance.choices == choices)
    }

    @Test("What the proxy sets takes the place of the client's")
    func set() throws {
        #expect(try Self.allowance(#"{"max_tokens":64}"#, set: [("max_tokens", Array("8".utf8))]).tokens == 8)
        #expect(
            try Self.allowance(
                #"{"max_output_tokens":64,"n":2}"#, set: [("max_tokens", Array("8".utf8)), ("n", Array("3".utf8))])
                == Self.allowance(#"{"max_tokens":8,"n":3}"#))
        #expect(
            try Self.allowance(
                #"{"generationConfig":{"maxOutputTokens":64}}"#,
                set: [("generationConfig", Array(#"{"maxOutputTokens":8}"#.utf8))]
            ).tokens == 8)
    }

    static func allowance(_ body: String, set: [(member: String, json: [UInt8])] = []) throws -> OutputAllowance {
        try Array(body.utf8).withUnsafeBytes { bytes in
            var members: [JSONMember] = []
            _ = try JSONScan.members(of: bytes, into: &members)
            let set = RequestOverrides(set)
            return OutputAllowance(body: bytes, members: members, most: set.maxTokens, count: set.choices)
        }
    }
}
