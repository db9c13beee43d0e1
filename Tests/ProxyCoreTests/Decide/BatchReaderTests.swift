import Dialects
import Testing

@testable import ProxyCore

@Suite struct BatchReaderTests {
    private func models(_ text: String, isMessages: Bool = true) throws -> [String] {
        try Array(text.utf8).withUnsafeBytes { bytes in
            var members: [JSONMember] = []
            _ = try JSONScan.outline(of: bytes, into: &members)
            return try BatchReader.models(in: bytes, members, isMessages: isMessages).map(\.name)
        }
    }

    @Test func `every request's model is found`() throws {
        #expect(try models(#"{"requests":[{"params":{"model":"a"}},{"custom_id":"x","params":{"model":"b"}}]}"#) == ["a", "b"])
        #expect(
            try models(#"{"requests":[{"model":"models/a"},{"body":{"model":"b"}}]}"#, isMessages: false) == ["models/a", "b"])
        #expect(try models(#"{"model":"a"}"#) == [])
        #expect(try models(#"{"requests":{"a":1}}"#, isMessages: false) == [])
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
