import Testing

@testable import Dialects

@Suite("What Anthropic-compatible servers say wrongly")
struct MessagesQuirkTests {
    static func repaired(_ text: String) -> String? {
        Array(text.utf8).withUnsafeBytes { MessagesQuirks.repaired($0) }.map { String(decoding: $0, as: UTF8.self) }
    }

    @Test("an end with a call is tool_use, and nothing grows or shrinks")
    func reason() {
        let said = #"{"content":[{"type":"text","text":"a"},{"type":"tool_use","id":"t"}],"stop_reason":"end_turn"}"#
        #expect(
            Self.repaired(said)
                == #"{"content":[{"type":"text","text":"a"},{"type":"tool_use","id":"t"}],"stop_reason":"tool_use"}"#)
        #expect(Self.repaired(#"{"content":[{"type":"text","text":"\"tool_use\""}],"stop_reason":"end_turn"}"#) == nil)
        #expect(Self.repaired(#"{"content":[{"type":"tool_use"}],"stop_reason":"tool_use"}"#) == nil)
    }

    static func response(_ block: String) -> String { #"{"content":[\#(block)],"stop_reason":"tool_use"}"# }

    @Test(
        "a block's own thoughtSignature is blotted out, wherever it stands",
        arguments: [
            (#"{"type":"tool_use","thoughtSignature":"a\"b"}"#, #"{"type":"tool_use"}"#),
            (#"{"thoughtSignature" : "x" , "type":"tool_use"}"#, #"{"type":"tool_use"}"#),
            (#"{"thoughtSignature":"x","thoughtSignature":["y"],"type":"tool_use"}"#, #"{"type":"tool_use"}"#),
            (#"{"type":"tool_use","thoughtSignature":null,"a":1,"thoughtSignature":"y"}"#, #"{"type":"tool_use","a":1}"#),
            (#"{"type":"tool_use"},{"thoughtSignature":"x","thoughtSignature":"y"}"#, #"{"type":"tool_use"},{}"#),
            (
                #"{"type":"tool_use","input":{"thoughtSignature":"mine"},"thoughtSignature":"x"}"#,
                #"{"type":"tool_use","input":{"thoughtSignature":"mine"}}"#
            ),
        ])
    func signature(_ said: String, _ kept: String) throws {
        let repaired = try #require(Self.repaired(Self.response(said)))
        #expect(repaired.utf8.count == Self.response(said).utf8.count)
        #expect(repaired.filter { $0 != " " } == Self.response(kept))
    }

    @Test(
        "what only looks like it stays",
        arguments: [
            response(#"{"type":"tool_use","input":{"thoughtSignature":"mine"}}"#),
            response(#"{"type":"tool_use","thoughtsignature":"x","ThoughtSignature":"y"}"#),
            response(#"{"type":"tool_use","text":"\"thoughtSignature\":\"x\""}"#),
            response(#"[{"type":"tool_use","thoughtSignature":"x"}]"#),
            #"{"type":"tool_use","thoughtSignature":"x"}"#,
            #"{"content":[{"type":"tool_use","thoughtSignature":"x"}],"stop_reason":"end_turn""#,
            #"{"content":[{"type":"tool_use","thoughtSignature":"x"}]} and more"#,
            #"no JSON: "tool_use" {"thoughtSignature":"x","a":1}"#,
        ])
    func others(_ said: String) {
        #expect(Self.repaired(said) == nil)
    }

    @Test("a block of thousands of them ends right, at either end of the block")
    func many() throws {
        let keys = Array(repeating: #""thoughtSignature":"x""#, count: 6_000).joined(separator: ",")
        for block in [#"{\#(keys),"type":"tool_use"}"#, #"{"type":"tool_use",\#(keys)}"#] {
            let repaired = try #require(Self.repaired(Self.response(block)))
            #expect(repaired.utf8.count == Self.response(block).utf8.count)
            #expect(try JSONValue(parsing: repaired) == JSONValue(parsing: Self.response(#"{"type":"tool_use"}"#)))
            let event = #"data: {"type":"content_block_start","content_block":\#(block)}"# + "\n\n"
            let kept = Self.filtered([Array(event.utf8)])
            #expect(kept.utf8.count == event.utf8.count && !kept.contains("Signature") && kept.contains("tool_use"))
        }
    }

    static func filtered(_ pieces: [[UInt8]]) -> String {
        var filter = UsageChunkFilter(.thoughtSignatures)
        var got: [UInt8] = []
        for piece in pieces {
            var out: [UInt8] = []
            let isUnchanged = piece.withUnsafeBytes { filter.consume($0, into: &out) }
            got += isUnchanged ? piece : out
        }
        filter.finish(into: &got)
        return String(decoding: got, as: UTF8.self)
    }

    @Test("a stream loses it where a block starts and nowhere else, however it is cut", arguments: Cut.allCases)
    func stream(_ cut: Cut) {
        let said = """
            event: content_block_start
            data: {"type":"content_block_start","content_block":{"type":"tool_use","thoughtSignature":"secret","id":"t","input":{"thoughtSignature":"mine"}}}

            event: content_block_start
            data: {"content_block":{"id":"u","thoughtSignature"
            : in two
            data: :"secret"},
            data: "type":"content_block_start"}

            event: content_block_delta
            data: {"type":"content_block_delta","content_block":{"thoughtSignature":"other"}}

            data: no JSON {"type":"content_block_start","content_block":{"thoughtSignature":"text"}}


            """
        let wanted = said.replacing(#","thoughtSignature":"secret""#, with: "").replacing(#","thoughtSignature""#, with: "")
            .replacing(#":"secret"}"#, with: "}")
        let ends = cut.pieces(of: wanted).flatMap { $0 }.filter { $0 != 0x20 }
        let got = Self.filtered(cut.pieces(of: said, seed: 1))
        #expect(got.utf8.count == cut.pieces(of: said).flatMap { $0 }.count)
        #expect(got.filter { $0 != " " } == String(decoding: ends, as: UTF8.self))
    }
}
