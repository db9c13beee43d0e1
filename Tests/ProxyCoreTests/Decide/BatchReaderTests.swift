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

    @Test func `models that a request names beside its own are found, and stand for no request`() throws {
        let batch = try read(
            #"{"requests":[{"params":{"models":["b",{"x":1}],"model":"a","fallbacks":[{"model":"c"}]}},{"params":{"model":"d"}}]}"#
        )
        #expect(batch.map(\.name) == ["a", "b", "c", "d"])
        #expect(batch.map(\.isNamed) == [true, false, false, true])
        #expect(batch.map { $0.allowance == nil } == [false, true, true, false])
    }

    @Test func `a request that names no model is none, whatever else it names`() throws {
        #expect(try read(#"{"requests":[{"body":{"models":["a"],"fallbacks":["b"]}}]}"#, isMessages: false).isEmpty)
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
        #"{"requests":[{"params":{"models":["a"]}}]}"#, #"{"requests":[{"params":{"model":"a","models":[""]}}]}"#,
    ])
    func `what some reader sees otherwise is refused`(text: String) {
        #expect(throws: BatchReader.Malformed.self) { try models(text) }
    }

    private func geminiModels(_ text: String) throws -> [String] {
        try Array(text.utf8).withUnsafeBytes { bytes in
            var members: [JSONMember] = []
            _ = try JSONScan.outline(of: bytes, into: &members)
            return try BatchReader.geminiModels(in: bytes, members).map(\.name)
        }
    }

    @Test(arguments: ["inputConfig", "input_config"])
    func `models within a Gemini batch are found`(config: String) throws {
        let requests =
            #"[{"request":{"model":"models/a"},"metadata":{"model":"x"}},{"request":{}},{"request":{"model":"b"}}]"#
        let body = #"{"batch":{"model":"models/c","displayName":"d","\#(config)":{"requests":{"requests":\#(requests)}}}}"#
        #expect(try geminiModels(body).sorted() == ["b", "models/a", "models/c"])
        #expect(try geminiModels(#"{"batch":{"\#(config)":{"fileName":"files/f"}}}"#) == [])
        #expect(try geminiModels(#"{"contents":[],"batch":7}"#) == [])
    }

    @Test func `a request of a Gemini batch that wants an answer counts, though it names no model`() throws {
        let asked = #"{"contents":[{"parts":[{"text":"x"}]}],"generationConfig":{"maxOutputTokens":7}}"#
        let body = #"{"batch":{"inputConfig":{"requests":{"requests":[{"request":\#(asked)},{"request":{"content":{}}}]}}}}"#
        try Array(body.utf8).withUnsafeBytes { bytes in
            var members: [JSONMember] = []
            _ = try JSONScan.outline(of: bytes, into: &members)
            let found = try BatchReader.geminiModels(in: bytes, members)
            #expect(found.map(\.isNamed) == [false])
            #expect(found.first?.allowance?.tokens == 7)
            #expect(found.first?.holder.map { String(decoding: bytes[$0.place], as: UTF8.self) } == asked)
        }
    }

    @Test(arguments: [
        #"{"Batch":{"model":"a"}}"#, #"{"batch":{"Model":"a"}}"#, #"{"batch":{"INPUTCONFIG":{}}}"#, #"{"batch":{"model":5}}"#,
        #"{"batch":{"inputConfig":{"Requests":{}}}}"#, #"{"batch":{"inputConfig":{"requests":{"requests":[{"Request":{}}]}}}}"#,
        #"{"batch":{"inputConfig":{"requests":{"requests":[{"request":{"model":"a","model":"b"}}]}}}}"#,
    ])
    func `what some reader sees otherwise in a Gemini batch is refused`(text: String) {
        #expect(throws: BatchReader.Malformed.self) { try geminiModels(text) }
    }
}
