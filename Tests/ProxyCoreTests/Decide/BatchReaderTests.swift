import Dialects
import Testing

@testable import ProxyCore

@Suite struct BatchReaderTests {
    private func models(_ text: String, isMessages: Bool = true) throws -> [String] {
        try read(text, isMessages: isMessages).map(\.name)
    }

    private func read(_ text: String, isMessages: Bool = true) throws -> [BatchModel] {
        try Array(text.utf8).withUnsafeBytes { bytes in
            var members: [JSONMember] = []
            _ = try JSONScan.outline(of: bytes, into: &members)
            return try BatchReader.models(in: bytes, members, isMessages: isMessages)
        }
    }

    @Test func `every request's model is found`() throws {
        #expect(try models(#"{"requests":[{"params":{"model":"a"}},{"custom_id":"x","params":{"model":"b"}}]}"#) == ["a", "b"])
        #expect(
            try models(#"{"requests":[{"model":"models/a"},{"body":{"model":"b"}}]}"#, isMessages: false) == ["models/a", "b"])
        #expect(try models(#"{"model":"a"}"#) == [])
        #expect(try models(#"{"requests":{"a":1}}"#, isMessages: false) == [])
    }

    @Test func `what each request may come to is found`() throws {
        let prompt = String(repeating: "hello ", count: 60)
        let params = #""messages":[{"role":"user","content":"\#(prompt)"}]"#
        let batch = try read(
            #"{"requests":[{"params":{"model":"a","max_tokens":700,\#(params)}},{"params":{"model":"b"}},{"body":{"model":"c","n":3}}]}"#
        )
        #expect(batch.map { $0.allowance?.tokens } == [700, nil, nil])
        #expect(batch.map { $0.allowance?.choices } == [1, 1, 3])
        #expect((100...200).contains(batch[0].input))
        // What stands beside the content is asked of no model that writes.
        #expect(try read(#"{"requests":[{"model":"models/a"}]}"#, isMessages: false).allSatisfy { $0.allowance == nil })
    }

    @Test(arguments: [
        #"{"requests":[{"params":{"model":"a"},"Params":{"model":"b"}}]}"#,
        #"{"requests":[{"params":{"model":"a"}}],"Requests":[{"params":{"model":"b"}}]}"#,
        #"{"requests":[{"params":{"Model":"a"}}]}"#, #"{"requests":[{"params":{"model":5}}]}"#, #"{"requests":[{"params":{}}]}"#,
        #"{"requests":[{"custom_id":"x"}]}"#, #"{"requests":{"params":{"model":"a"}}}"#,
        #"{"requests":[{"PARAMS":{"model":"a"}}]}"#,
        #"{"requests":[{"params":{"model":"a\u0000"}}]}"#, #"{"requests":[{"params":{"model":""}}]}"#,
    ])
    func `what some reader sees otherwise is refused`(text: String) {
        #expect(throws: BatchReader.Malformed.self) { try models(text) }
    }
}
