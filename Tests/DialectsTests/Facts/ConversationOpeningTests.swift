import Testing

@testable import Dialects

/// What a conversation is known by where its client does not name it.
struct ConversationOpeningTests {
    private static func opening(_ body: String) -> [String] {
        Array(body.utf8).withUnsafeBytes { bytes in
            var members: [JSONMember] = []
            _ = try? JSONScan.members(of: bytes, into: &members)
            var pieces: [String] = []
            ConversationOpening.visit(bytes, members) { piece, length in
                pieces.append("\(String(decoding: piece, as: UTF8.self))/\(length)")
            }
            return pieces
        }
    }

    @Test(arguments: [
        // A later turn has more messages, and its mark of the cache elsewhere.
        (
            #"{"system":[{"type":"text","text":"S"}],"messages":[{"role":"user","content":[{"type":"text","text":"Q","cache_control":{"type":"ephemeral"}}]}]}"#,
            #"{"system":[{"type":"text","text":"S","cache_control":{}}],"messages":[{"role":"user","content":[{"type":"text","text":"Q"}]},{"role":"assistant","content":"A"},{"role":"user","content":"R"}]}"#
        ),
        (
            #"{"messages":[{"role":"system","content":"S"},{"role":"user","content":"Q"}]}"#,
            #"{"temperature":1,"messages":[{"role":"system","content":"S"},{"role":"user","content":"Q"},{"role":"assistant","content":null,"tool_calls":[]}]}"#
        ),
        (
            #"{"instructions":"S","input":[{"role":"user","content":[{"type":"input_text","text":"Q"}]}]}"#,
            #"{"instructions":"S","input":[{"role":"user","content":[{"type":"input_text","text":"Q"}]},{"type":"function_call_output"}]}"#
        ),
        (
            #"{"systemInstruction":{"parts":[{"text":"S"}]},"contents":[{"role":"user","parts":[{"text":"Q"}]}]}"#,
            #"{"systemInstruction":{"parts":[{"text":"S"}]},"contents":[{"role":"user","parts":[{"text":"Q"}]},{"role":"model","parts":[]}]}"#
        ),
        (
            #"{"tools":[{"name":"t"}],"system":"S","messages":[{"role":"user","content":"Q"}]}"#,
            #"{"messages":[{"content":"Q","role":"user"},{"role":"assistant","content":"A"}],"system":"S","tools":[{"name":"t"}]}"#
        ),
        (
            #"{"contents":[{"parts":[{"text":"Q"}]}]}"#,
            #"{"contents":[{"parts":[{"text":"Q"}]},{"role":"model","parts":[{"text":"A"}]},{"parts":[{"text":"R"}]}]}"#
        ),
    ])
    func `a later turn begins as the first did`(first: String, later: String) {
        #expect(!Self.opening(first).isEmpty)
        #expect(Self.opening(first) == Self.opening(later))
    }

    @Test(arguments: [
        #"{"messages":[{"role":"user","content":"Q"}]}"#, #"{"messages":[{"role":"user","content":"R"}]}"#,
        #"{"system":"S","messages":[{"role":"user","content":"Q"}]}"#,
        #"{"tools":[{}],"messages":[{"role":"user","content":"Q"}]}"#,
        #"{"input":"Q2"}"#,
    ])
    func `another beginning is another conversation`(body: String) {
        let others = [
            #"{"messages":[{"role":"user","content":"Z"}]}"#, #"{"system":"T","messages":[{"role":"user","content":"Q"}]}"#,
            #"{"input":"Z"}"#,
        ]
        for other in others { #expect(Self.opening(body) != Self.opening(other)) }
    }

    @Test func `of what is long its beginning and its length count`() {
        let long = String(repeating: "x", count: 100_000)
        let pieces = Self.opening(#"{"system":"\#(long)","messages":[]}"#)
        #expect(pieces == ["\"" + String(repeating: "x", count: (16 << 10) - 1) + "/100002"])
    }

    @Test(arguments: [
        "", "[]", "{", #"{"messages":[1,2]}"#, #"{"messages":{"role":"user"}}"#, #"{"messages":[{"role":7,"content":[[]]}]}"#,
        #"{"system":null,"tools":3,"contents":[{}]}"#, #"{"messages":[[[[]]]]}"#,
    ])
    func `what is no conversation does no harm`(body: String) {
        #expect(Self.opening(body).count <= 4)
    }

    @Test func `of a first message that is long its beginning counts, whatever follows it`() {
        let long = String(repeating: "y", count: 100_000)
        let first = #"{"messages":[{"role":"user","content":"\#(long)"}]}"#
        let later = #"{"messages":[{"role":"user","content":"\#(long)"},{"role":"assistant","content":"A"}]}"#
        #expect(!Self.opening(first).isEmpty)
        #expect(Self.opening(first) == Self.opening(later))
        let other = #"{"messages":[{"role":"user","content":"z\#(long)"}]}"#
        #expect(Self.opening(first) != Self.opening(other))
    }

    @Test func `a thousand messages before the user's are not all looked at`() {
        let message = #"{"role":"system","content":"S"}"#
        let body = #"{"messages":[\#(Array(repeating: message, count: 1_000).joined(separator: ","))]}"#
        #expect(Self.opening(body).count == 16)
    }
}
