import Testing

@testable import ProxyCore

@Suite struct ByteIndexTests {
    private static func find(_ index: inout ByteIndex, _ first: String, _ second: String = "", salt: Int = 0) -> Int {
        Array(first.utf8).withUnsafeBytes { first in
            Array(second.utf8).withUnsafeBytes { second in index.find((first, second), salt: salt) }
        }
    }

    @Test func eachIsNumberedOnceInOrder() {
        var index = ByteIndex()
        // Shorter than a word, a word, longer; many times as many as there is room for at first.
        let texts = (0..<3_000).map { String(repeating: "x", count: $0 % 20) + "\($0)" }
        for _ in 0..<2 {
            for (number, text) in texts.enumerated() { #expect(Self.find(&index, text, "\(number % 7)") == number) }
        }
        index.removeAll()
        #expect(Self.find(&index, texts[9], "2") == 0)
        #expect(Self.find(&index, texts[8], "1") == 1)
        #expect(Self.find(&index, texts[9], "2") == 0)
    }

    @Test func whatDiffersAnywhereIsAnother() {
        var index = ByteIndex()
        let pieces = [
            ("", ""), ("a", ""), ("", "a"), ("ab", ""), ("a", "b"), ("", "ab"), ("a\0", ""), ("\0a", ""), ("12345678", ""),
            ("123456789", ""), ("12345678", "9"), ("1234567", "89"), ("923456781", ""), ("12345678\0", ""),
        ]
        for salt in [0, 1, 20_260_211] {
            for (first, second) in pieces { _ = Self.find(&index, first, second, salt: salt) }
        }
        #expect(Self.find(&index, "one more") == 3 * pieces.count)
        #expect(Self.find(&index, "a", "b", salt: 1) == pieces.count + 4)
    }
}
