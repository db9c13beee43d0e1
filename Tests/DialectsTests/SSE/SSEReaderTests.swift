import Testing

@testable import Dialects

@Suite("SSE reader")
struct SSEReaderTests {
    private func events(_ pieces: [[UInt8]], limit: Int = 1 << 20) -> [String] {
        var reader = SSEReader(maxEventBytes: limit)
        var seen: [String] = []
        let show: (SSEEvent) -> Void = { event in
            seen.append(text(Array(event.name)) + "|" + text(Array(event.data)))
        }
        for piece in pieces { piece.withUnsafeBytes { reader.consume($0, show) } }
        reader.finish(show)
        return seen
    }

    static let stream = """
        \u{FEFF}: a comment
        event: one
        data: {"a":1}

        data:two
        data: lines
        id: 7
        retry: 10
        unknown: x

        event: none

        event:late
        event: last
        data

        data:  é\u{2028}😀


        :
        data: [DONE]

        data: {"no":"blank line"}
        """

    @Test("the same events however the stream is cut and whatever ends its lines", arguments: Cut.allCases)
    func cuts(_ cut: Cut) {
        let expected = ["one|{\"a\":1}", "|two\nlines", "last|", "| é\u{2028}😀", "|[DONE]", "|{\"no\":\"blank line\"}"]
        for seed in 1...(cut == .random || cut == .crRandom ? 50 : 1) {
            let seen = events(cut.pieces(of: Self.stream, seed: UInt64(seed)))
            #expect(seen == expected, "\(cut), seed \(seed)")
        }
    }

    @Test("an unfinished event that is no JSON is dropped at the end")
    func unfinished() {
        #expect(events([Array("data: {\"a\":".utf8)]) == [])
        #expect(events([Array("data: [DONE]".utf8)]) == ["|[DONE]"])
    }

    @Test(
        "where the mark of the end begins",
        arguments: [
            ("data: {}\n\ndata: [DONE]\n\n", 10), ("data:[DONE]\n\n", 0), ("data: {}\r\n\r\ndata: [DONE]\r\n\r\n", 12),
            ("data: {}\n\ndata: [DONE]", 10), ("data: {}\n\n", nil), ("", nil), ("id: 1\ndata: [DONE]\n\n", nil),
            ("data: {}\n\n: [DONE]\n\n", nil),
        ] as [(String, Int?)])
    func mark(_ events: String, _ place: Int?) {
        #expect(SSEReader.mark(in: Array(events.utf8)) == place)
    }

    @Test("an event over the limit is dropped, the next one is not")
    func limit() {
        let long = "data: " + String(repeating: "x", count: 5_000) + "\n\ndata: {}\n\n"
        #expect(events(long.utf8.map { [$0] }, limit: 1_000) == ["|{}"])
    }

    @Test("of an event that grew too long nothing is shown at the end either")
    func limitAtTheEnd() {
        let long = "data: {}\ndata: " + String(repeating: "x", count: 5_000)
        #expect(events(long.utf8.map { [$0] }, limit: 1_000) == [])
        #expect(events([Array((long + "\n").utf8)], limit: 1_000) == [])
    }
}
