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

    /// Literals that are keys of a dictionary of metadata, each with its line.
    static func literalKeys(in tokens: [SwiftTokens.Token]) -> [(key: String, line: Int)] {
        var found: [(key: String, line: Int)] = []
        for index in tokens.indices.dropFirst(2) where tokens[index].isSign("[") {
            let (name, sign) = (tokens[index - 2].word, tokens[index - 1])
            let isList = (name == "metadata" && sign.isSign(":")) || (name == "Metadata" && sign.isSign("="))
            if sign.word == "metadata", index + 2 < tokens.count, case .literal(let key) = tokens[index + 1].kind,
                tokens[index + 2].isSign("]")
            {
                found.append((key, tokens[index + 1].line))
            }
            guard isList else { continue }
            var depth = 0
            for place in tokens.indices[index...] {
                if tokens[place].isSign("[") { depth += 1 }
                if tokens[place].isSign("]") { depth -= 1 }
                if depth == 0 { break }
                guard case .literal(let key) = tokens[place].kind, place + 1 < tokens.count else { continue }
                let isFirst = tokens[place - 1].isSign("[") || tokens[place - 1].isSign(",")
                if isFirst, tokens[place + 1].isSign(":") { found.append((key, tokens[place].line)) }
            }
        }
        return found
    }

    @Test("no line has a key that is not listed")
    func listed() {
        for file in SourceTree.swiftFiles(in: "Sources") where file.text.contains("etadata") {
            for (key, line) in Self.literalKeys(in: SourceTree.tokens(file)) {
                Issue.record("\(file.path):\(line): \"\(key)\" is for LogKeys to spell")
            }
        }
    }

    @Test(
        "a key that is spelt is found",
        arguments: [
            (#"log(metadata: ["a": "x", LogKeys.b: "\(c ? "d" : "e")", "f": "y"])"#, ["a", "f"]),
            (#"line.metadata["g"] = "x""#, ["g"]), (#"let metadata: Logger.Metadata = ["h": "x"]"#, ["h"]),
            (#"metadata[LogKeys.i] = "x""#, []), (#"let other = ["j": "x"]"#, []),
        ] as [(String, [String])])
    func finds(text: String, keys: [String]) {
        #expect(Self.literalKeys(in: SwiftTokens(text).tokens).map { $0.key } == keys)
    }
}
