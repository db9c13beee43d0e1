import Testing

@testable import Dialects

@Suite("Conversations that are kept")
struct KeptHistoryTests {
    private static let id = "resp_0123456789abcdef0123456789abcdef"
    private static let kept = #"{"role":"user","content":"a"},{"type":"message","role":"assistant","content":[]}"#

    private func opened(_ body: String, kept: String = KeptHistoryTests.kept) -> String? {
        withBytes(body) { bytes in
            KeptHistory.opened(bytes) { $0 == Self.id ? Array(kept.utf8) : nil }.map { text($0) }
        }
    }

    @Test(
        "what is kept goes before the input, whatever form that has",
        arguments: [
            (#""b""#, #",{"role":"user","content":"b"}"#),
            (#"[{"role":"user","content":"b"}]"#, #",{"role":"user","content":"b"}"#),
            ("[ ]", ""), ("null", ""),
        ])
    func input(_ given: String, _ behind: String) {
        let body = #"{"model":"m","previous_response_id":"\#(Self.id)","input":\#(given),"n":1.0}"#
        #expect(opened(body) == #"{"model":"m","input":[\#(Self.kept)\#(behind)],"n":1.0}"#)
    }

    @Test("an input that is not there is what is kept")
    func noInput() {
        #expect(opened(#"{"previous_response_id":"\#(Self.id)"}"#) == #"{"input":[\#(Self.kept)]}"#)
        #expect(
            opened(#"{"previous_response_id":"\#(Self.id)","input":"b"}"#, kept: "")
                == #"{"input":[{"role":"user","content":"b"}]}"#)
    }

    @Test(
        "what is not kept, and a vendor's own, stays as it is",
        arguments: [
            #"{"input":"b"}"#, #"{"previous_response_id":null,"input":"b"}"#, #"{"previous_response_id":"resp_1","input":"b"}"#,
            #"{"previous_response_id":"resp_00000000000000000000000000000000","input":"b"}"#, "[]",
        ])
    func others(_ body: String) { #expect(opened(body) == nil) }

    @Test("a request to be estimated must go on from something that is kept, or from nothing")
    func checked() throws {
        let known = #"{"previous_response_id":"\#(Self.id)","input":"b"}"#
        for body in [known, #"{"input":"b"}"#] {
            try withBytes(body) { try KeptHistory.check($0) { $0 == Self.id ? [] : nil } }
        }
        let problem = #expect(throws: ConversionProblem.self) { try withBytes(known) { try KeptHistory.check($0) { _ in nil } } }
        #expect(problem?.param == "previous_response_id")
    }
}
