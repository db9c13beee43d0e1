import Basics
import Testing

/// Each search finds what a loop over the bytes finds, wherever the wanted byte lies in a run of sixteen.
@Suite struct ByteSearchTests {
    private static func texts(of bytes: [UInt8]) -> [[UInt8]] {
        var random = SplitMix64(state: 7)
        return (0..<400).map { _ in
            (0..<Int(random.next() % 80)).map { _ in
                random.next() % 23 == 0 ? bytes[Int(random.next() % UInt64(bytes.count))] : UInt8(0x61 + random.next() % 26)
            }
        }
    }

    private func expectSame(
        _ wanted: [UInt8], _ search: (UnsafeRawPointer, Int) -> Int, _ isFound: (UInt8) -> Bool
    ) {
        for text in Self.texts(of: wanted) where !text.isEmpty {
            let expected = text.firstIndex(where: isFound) ?? text.count
            let found = text.withUnsafeBytes { bytes in bytes.baseAddress.map { search($0, bytes.count) } }
            #expect(found == expected, "\(text)")
        }
    }

    @Test func searchesAgreeWithPlainLoops() {
        expectSame([0x0A, 0x0D], { ByteSearch.lineEnd($0, from: 0, to: $1) }) { $0 == 0x0A || $0 == 0x0D }
        expectSame([0x22, 0x5C, 0x01], { ByteSearch.plainEnd($0, from: 0, to: $1) }) { $0 == 0x22 || $0 == 0x5C || $0 < 0x20 }
        expectSame([0x22, 0x5C], { ByteSearch.quoteOrEscape($0, from: 0, to: $1) }) { $0 == 0x22 || $0 == 0x5C }
        expectSame([0x22, 0x7B, 0x5D], { ByteSearch.structure($0, from: 0, to: $1) }) {
            [0x22, 0x7B, 0x7D, 0x5B, 0x5D].contains($0)
        }
        expectSame([0x5C, 0xC3], { ByteSearch.simpleEnd($0, from: 0, to: $1) }) { $0 == 0x5C || $0 >= 0x80 }
    }

    @Test func aKeyIsFoundWhereverItsQuoteLies() {
        for text in Self.texts(of: [0x22]) + (0..<120).map({ [UInt8](repeating: 0x20, count: $0) + [0x22, 0x72] }) {
            for start in [0, 1, text.count / 2] where start <= text.count && !text.isEmpty {
                let expected = (start..<text.count).first {
                    $0 + 1 < text.count && text[$0] == 0x22 && [0x72, 0x69, 0x63].contains(text[$0 + 1])
                }
                let found = text.withUnsafeBytes { bytes in
                    bytes.baseAddress.map { ByteSearch.quoted($0, from: start, to: bytes.count, 0x72, 0x69, 0x63) }
                }
                #expect(found == expected ?? text.count, "\(text) from \(start)")
            }
        }
    }

    @Test(arguments: [("X-Api-Key", "x-api-key", true), ("x-api-kez", "x-api-key", false), ("", "", true), ("é", "É", false)])
    func lettersAreComparedWithoutTheirCase(_ left: String, _ right: String, _ expected: Bool) {
        Array(left.utf8).withUnsafeBytes { left in
            Array(right.utf8).withUnsafeBytes { right in
                #expect(ASCII.equalsIgnoringCase(left, right) == expected)
            }
        }
    }
}
