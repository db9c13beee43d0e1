import Testing

@testable import Dialects

@Suite("Stop sequences that are looked for here")
struct StopScannerTests {
    private func scan(_ stops: [String], _ pieces: [String]) -> (text: String, stop: String?) {
        var scanner = StopScanner(stops)
        var out: [UInt8] = []
        for piece in pieces {
            withBytes(piece) { scanner.feed($0) }
            out += scanner.take(isLast: false)
        }
        out += scanner.take(isLast: true)
        return (text(out), scanner.matched.map { text($0) })
    }

    @Test(
        "the first that is whole ends the text",
        arguments: [
            (["stop"], "a stop b", "a ", "stop"), (["x"], "abc", "abc", nil), (["ab", "b"], "xaby", "x", "ab"),
            (["abcd", "bc"], "xabcd", "xa", "bc"), (["aab"], "aaaab", "aa", "aab"), (["é!", "ü"], "caé!x", "ca", "é!"),
            (["\n\n"], "a\\n\\nb", "a", "\\n\\n"), (["", "z"], "az", "a", "z"),
        ] as [([String], String, String, String?)])
    func matches(_ stops: [String], _ input: String, _ wanted: String, _ stop: String?) {
        #expect(scan(stops, [input]) == (wanted, stop))
        // Cut between characters, escapes whole.
        guard !input.contains("\\") else { return }
        #expect(scan(stops, input.map { String($0) }) == (wanted, stop))
    }

    @Test("only what may begin a sequence waits")
    func waits() {
        var scanner = StopScanner(["END"])
        withBytes("wordsE") { scanner.feed($0) }
        #expect(text(scanner.take(isLast: false)) == "words")
        withBytes("x") { scanner.feed($0) }
        #expect(text(scanner.take(isLast: false)) == "Ex")
    }
}
