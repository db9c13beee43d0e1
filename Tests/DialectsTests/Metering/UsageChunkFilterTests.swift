import Testing

@testable import Dialects

@Suite("Usage chunk filter")
struct UsageChunkFilterTests {
    private func filtered(_ pieces: [[UInt8]]) -> String {
        var filter = UsageChunkFilter()
        var out: [UInt8] = []
        for piece in pieces {
            piece.withUnsafeBytes { bytes in
                var replaced: [UInt8] = []
                if filter.consume(bytes, into: &replaced) {
                    #expect(replaced.isEmpty)
                    out.append(contentsOf: bytes)
                } else {
                    out.append(contentsOf: replaced)
                }
            }
        }
        filter.finish(into: &out)
        return text(out)
    }

    @Test("withholds the usage chunk and nothing else, however the stream is cut", arguments: Cut.allCases)
    func cuts(_ cut: Cut) {
        let usage = Streams.chat.split(separator: "\n\n").first { $0.contains("\"choices\":[]") }
        let expected = Streams.chat.replacing((usage.map(String.init) ?? "?") + "\n\n", with: "")
        for seed in 1...(cut == .random || cut == .crRandom ? 50 : 1) {
            let ending = cut.pieces(of: "\n").first.map(text) ?? "\n"
            let seen = filtered(cut.pieces(of: Streams.chat, seed: UInt64(seed)))
            #expect(seen == expected.replacing("\n", with: ending.count > 1 ? "\r\n" : lineEnd(cut)), "\(cut), seed \(seed)")
        }
    }

    private func lineEnd(_ cut: Cut) -> String {
        switch cut {
        case .whole, .bytewise, .random: "\n"
        case .crlf, .crlfBytewise: "\r\n"
        case .cr, .crRandom: "\r"
        }
    }

    @Test("a chunk with choices and usage passes, as does an empty one without usage")
    func others() {
        let stream = """
            data: {"choices":[],"prompt_filter_results":[]}

            data: {"choices":[{"index":0,"delta":{"content":"x"}}],"usage":{"prompt_tokens":1}}

            data: {"choices":[],"usage":null}

            : comment

            data: [DONE]


            """
        #expect(filtered(Cut.whole.pieces(of: stream)) == stream)
        #expect(filtered(Cut.bytewise.pieces(of: stream)) == stream)
    }

    @Test("an event too long to be a usage chunk passes while it comes, and the one after it is still seen")
    func longEvent() {
        let long =
            "data: {\"choices\":[{\"delta\":{\"content\":\"" + String(repeating: "x", count: 200_000) + "\"}}],\"usage\":{}}\n\n"
        let usage = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1}}\n\n"
        let pieces = Cut.random.pieces(of: long + usage + "data: [DONE]\n\n")
        #expect(filtered(pieces) == long + "data: [DONE]\n\n")
    }

    @Test("line ends of every kind, mixed, keep their order")
    func mixedLineEnds() {
        let stream = "data: 1\r\r: x\r\n\r\ndata\r\r\n\ndata: 2\n\n\r\r\n"
        for cut in 1..<stream.utf8.count {
            let bytes = Array(stream.utf8)
            #expect(filtered([Array(bytes[..<cut]), Array(bytes[cut...])]) == stream)
        }
        #expect(filtered(bytes(stream)) == stream)
    }

    private func bytes(_ stream: String) -> [[UInt8]] { stream.utf8.map { [$0] } }

    @Test("a usage chunk that lacks its blank line is withheld at the end")
    func unfinished() {
        #expect(filtered(Cut.bytewise.pieces(of: "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1}}\n")) == "")
        #expect(filtered(Cut.bytewise.pieces(of: "data: {\"choi")) == "data: {\"choi")
    }
}
