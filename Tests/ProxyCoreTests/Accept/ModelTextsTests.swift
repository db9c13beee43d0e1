import Testing

@testable import ProxyCore

struct ModelTextsTests {
    private func read(_ json: String, _ memory: ClientMemory) -> String? {
        var name: String?
        let problem = Array(json.utf8).withUnsafeBytes { memory.modelName($0, into: &name) }
        return problem == nil ? name : nil
    }

    @Test func `every connection reads the name that its client wrote, however many others there are`() {
        let texts = ModelTexts()
        let (one, other) = (ClientMemory(texts), ClientMemory(texts))
        // Composed and decomposed they are equal texts, and not the same name.
        let names = ["m", "\u{E9}", "e\u{301}", String(repeating: "n", count: 200)] + (0..<600).map { "model-\($0)" }
        for _ in 0..<2 {
            for name in names {
                for memory in [one, other] { #expect(read("\"\(name)\"", memory).map { Array($0.utf8) } == Array(name.utf8)) }
            }
        }
        #expect(read(#""\u006d""#, one) == "m")
        #expect(read(#""""#, one) == nil)
        #expect(read("\"m\"", one) == "m")
    }
}
