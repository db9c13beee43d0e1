import Basics
import Testing

@Suite struct UTF8ScanTests {
    private func firstInvalid(_ bytes: [UInt8]) -> Int? { bytes.withUnsafeBytes { UTF8Scan.firstInvalid(in: $0) } }

    @Test func everyCharacterIsText() {
        for value in UInt32(0)...0x10FFFF {
            guard let scalar = Unicode.Scalar(value), value < 0x900 || value % 61 == 0 || value & 0xFFF > 0xFF0 else { continue }
            #expect(firstInvalid(Array("a\(Character(scalar))".utf8)) == nil, "\(value)")
        }
        #expect(firstInvalid([]) == nil)
    }

    @Test(
        arguments: [
            [0xFF], [0xFE], [0x80], [0xBF], [0xC0, 0xAF], [0xC1, 0xBF], [0xC2], [0xC2, 0x20], [0xE0, 0x9F, 0xBF], [0xE2, 0x82],
            [0xE2, 0x82, 0x20], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xF0, 0x8F, 0xBF, 0xBF], [0xF0, 0x9F, 0x98],
            [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xF8, 0x88, 0x80, 0x80, 0x80],
        ] as [[UInt8]])
    func whatIsNoTextIsFoundWhereverItStands(_ wrong: [UInt8]) {
        for before in 0..<40 {
            let text = Array(String(repeating: "x", count: before).utf8)
            #expect(firstInvalid(text + wrong) == before)
            #expect(firstInvalid(text + wrong + Array(String(repeating: "y", count: 20).utf8)) == before)
            #expect(firstInvalid(Array("grüß 日本 🌊".utf8) + text + wrong) == 18 + before)
        }
    }
}
