import Testing

@testable import Dialects

@Suite("What Anthropic-compatible servers say wrongly")
struct MessagesQuirkTests {
    static func mended(_ text: String) -> String? {
        Array(text.utf8).withUnsafeBytes { MessagesQuirks.mended($0) }.map { String(decoding: $0, as: UTF8.self) }
    }

    @Test("an end with a call is tool_use, and nothing grows or shrinks")
    func reason() {
        let said = #"{"content":[{"type":"text","text":"a"},{"type":"tool_use","id":"t"}],"stop_reason":"end_turn"}"#
        #expect(
            Self.mended(said)
                == #"{"content":[{"type":"text","text":"a"},{"type":"tool_use","id":"t"}],"stop_reason":"tool_use"}"#)
        #expect(Self.mended(#"{"content":[{"type":"text","text":"\"tool_use\""}],"stop_reason":"end_turn"}"#) == nil)
        #expect(Self.mended(#"{"content":[{"type":"tool_use"}],"stop_reason":"tool_use"}"#) == nil)
    }

    @Test(
        "thoughtSignature is blotted out, wherever it stands",
        arguments: [
            #"{"type":"tool_use","thoughtSignature":"a\"b"}"#, #"{"thoughtSignature" : "x", "type":"tool_use"}"#,
            #"{"thoughtSignature":"x","b":{"thoughtSignature":"y"},"type":"tool_use"}"#,
        ])
    func signature(_ said: String) throws {
        let mended = try #require(Self.mended(said))
        #expect(mended.utf8.count == said.utf8.count)
        #expect(!mended.contains("Signature"))
        #expect(try JSONValue(parsing: mended)["type"] == "tool_use")
    }

    @Test("a stream loses it however it is cut", arguments: Cut.allCases)
    func stream(_ cut: Cut) {
        let said =
            "event: a\ndata: {\"type\":\"tool_use\",\"thoughtSignature\":\"secret\",\"id\":\"t\"}\n\n"
            + "event: b\ndata: {\"text\":\"thoughtSignature is a word\"}\n\n"
        var filter = UsageChunkFilter(.thoughtSignatures)
        var got: [UInt8] = []
        for piece in cut.pieces(of: said, seed: 1) {
            var out: [UInt8] = []
            let isUnchanged = piece.withUnsafeBytes { filter.consume($0, into: &out) }
            got += isUnchanged ? piece : out
        }
        filter.finish(into: &got)
        let text = String(decoding: got, as: UTF8.self)
        #expect(!text.contains("secret"))
        #expect(text.contains("\"id\":\"t\"") && text.contains("thoughtSignature is a word"))
    }
}
