import Testing

@testable import ProxyCore

@Suite("The page about the log")
struct LogPageTests {
    @Test("every key that a line can have is on the page")
    func keys() throws {
        let page = SourceTree.text("docs/logging.md")
        let source = SourceTree.text("Sources/ProxyCore/Telemetry/LogKeys.swift")
        let words = source.split(separator: "\n").compactMap { line -> String? in
            guard line.contains(" static "), let end = line.lastIndex(of: "\""),
                let start = line[..<end].lastIndex(of: "\"")
            else { return nil }
            return String(line[line.index(after: start)..<end])
        }
        #expect(words.count > 40)
        #expect(words.filter { !page.contains("`\($0)`") } == [])
    }
}
