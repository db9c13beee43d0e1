import Basics
import Testing

@Suite struct UTF8ScanTests {
    private func firstInvalid(_ bytes: [UInt8]) -> Int? { bytes.withUnsafeBytes { UTF8Scan.firstInvalid(in: $0) } }

    @Test func everyCharacterIsText() {
        // All of one and two bytes, the last of each 4,096, and of all others every 61st.
        var values = Array(UInt32(0)..<0x900) + Array(stride(from: UInt32(0x900), through: 0x10FFFF, by: 61))
        for last in stride(from: UInt32(0xFFF), through: 0x10FFFF, by: 0x1000) { values += last - 14...last }
        for scalar in values.compactMap({ Unicode.Scalar($0) }) {
            guard firstInvalid([0x61] + Array(String(Character(scalar)).utf8)) != nil else { continue }
            Issue.record("\(scalar.value)")
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
        let (after, other) = ([UInt8](repeating: 0x79, count: 20), Array("grüß 日本 🌊".utf8))
        for before in 0..<40 {
            let text = [UInt8](repeating: 0x78, count: before)
            let found = [
                firstInvalid(text + wrong), firstInvalid(text + wrong + after), firstInvalid(other + text + wrong),
            ]
            guard found != [before, before, 18 + before] else { continue }
            Issue.record("\(found) after \(before)")
        }
    }
}
