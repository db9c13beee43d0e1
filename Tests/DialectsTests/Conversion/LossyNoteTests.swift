import Testing

@testable import Dialects

@Suite("Lossy notes")
struct LossyNoteTests {
    @Test("a name of the client's is cut and printable, and no label")
    func names() {
        #expect(LossyNote("top_k", .dropped).description == "top_k=dropped")
        let long = LossyNote(String(repeating: "z", count: 100_000), .dropped)
        #expect(long.param.utf8.count == 64)
        #expect(long.label == "other")
        #expect(LossyNote("a;b\r\nc: é", .dropped).param == "a?b??c:???")
        #expect(LossyNote("tools.mine", .dropped).label == "tools")
        #expect(LossyNote("messages.content.x", .dropped).label == "messages")
    }

    @Test("the header is bounded and says how much it does not name")
    func header() throws {
        let notes = (0..<64).map { LossyNote(String(repeating: "y", count: 50) + String($0), .dropped) }
        let header = try #require(LossyNote.header(notes))
        #expect(header.utf8.count <= 1_024)
        #expect(header.hasSuffix("-more"))
    }

    @Test("text that is no UTF-8, and halves of pairs, become U+FFFD in names too")
    func repaired() {
        let raw: [UInt8] = [0x41, 0x9C, 0x42] + Array(#"\ud83dx\ude00"#.utf8) + [0xE6]
        #expect(text(raw.withUnsafeBytes { $0.repaired }) == "A\u{FFFD}B\u{FFFD}x\u{FFFD}\u{FFFD}")
    }
}
