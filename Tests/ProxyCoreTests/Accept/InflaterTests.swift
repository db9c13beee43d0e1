import Testing

@testable import ProxyCore

/// Bodies whose coding is taken off, whole and in pieces.
@Suite struct InflaterTests {
    static let text = #"{"model":"claude-opus-4-6","max_tokens":1}"#

    static let whole: [(name: String, format: Inflater.Format, hex: String)] = [
        (
            "gzip", .gzip,
            "1f8b0800000000000203ab56cacd4f49cd51b2524ace492c4d49d5cd2f282dd635d13553d251ca4dac882fc9cf"
                + "4ecd2b56b232ac05003a354b032a000000"
        ),
        (
            "gzip of two members", .gzip,
            "1f8b0800000000000203ab56cacd4f49cd51b252020083c5730f0a0000001f8b08000000000002034bce492c4d"
                + "49d5cd2f282dd635d13553d251ca4dac882fc9cf4ecd2b56b232ac05005613219520000000"
        ),
        (
            "deflate with zlib's frame", .deflate,
            "789cab56cacd4f49cd51b2524ace492c4d49d5cd2f282dd635d13553d251ca4dac882fc9cf4ecd2b56b232ac05"
                + "002f0d0e06"
        ),
        (
            "deflate without a frame", .deflate,
            "ab56cacd4f49cd51b2524ace492c4d49d5cd2f282dd635d13553d251ca4dac882fc9cf4ecd2b56b232ac0500"
        ),
    ]

    @Test("A body is the same whole, byte by byte and cut anywhere", arguments: whole)
    func everyCut(name: String, format: Inflater.Format, hex: String) throws {
        let bytes = Self.bytes(hex)
        #expect(try Self.inflate([bytes], format) == Self.text)
        #expect(try Self.inflate(bytes.map { [$0] }, format) == Self.text)
        for cut in 1..<bytes.count {
            #expect(try Self.inflate([Array(bytes[..<cut]), Array(bytes[cut...])], format) == Self.text, "cut at \(cut)")
        }
    }

    @Test("A body that breaks off is not complete", arguments: whole)
    func cutOff(name: String, format: Inflater.Format, hex: String) throws {
        let bytes = Self.bytes(hex)
        // Between its members a body of two is whole.
        let middle = name.contains("two") ? bytes[1...].firstRange(of: [0x1F, 0x8B])?.lowerBound : nil
        for cut in 0..<bytes.count where cut != middle {
            #expect(try Self.inflate([Array(bytes[..<cut])], format) == nil, "cut at \(cut)")
        }
    }

    @Test("What is no compressed body is corrupt, and stays so", arguments: whole)
    func corrupt(name: String, format: Inflater.Format, hex: String) {
        let inflater = Inflater(format)
        for _ in 0..<2 {
            #expect(throws: InflateFailure.corrupt) {
                try Array(#"{"model":"x"}"#.utf8).withUnsafeBytes { try inflater.inflate($0, limit: 1 << 20) { _ in } }
            }
        }
        #expect(throws: InflateFailure.corrupt) { try Self.inflate([Self.bytes(hex) + [1, 2, 3]], format) }
    }

    @Test("Nothing past the limit is made, whatever the ratio", arguments: whole)
    func limited(name: String, format: Inflater.Format, hex: String) throws {
        let size = Self.text.utf8.count
        #expect(try Self.inflate([Self.bytes(hex)], format, limit: size) == Self.text)
        #expect(throws: InflateFailure.tooLarge) { try Self.inflate([Self.bytes(hex)], format, limit: size - 1) }
    }

    @Test("A flipped bit never traps") func flipped() {
        for (_, format, hex) in Self.whole {
            var bytes = Self.bytes(hex)
            for index in bytes.indices {
                for bit in 0..<8 {
                    bytes[index] ^= 1 << bit
                    _ = try? Self.inflate([bytes], format, limit: 4096)
                    bytes[index] ^= 1 << bit
                }
            }
        }
    }

    private static func bytes(_ hex: String) -> [UInt8] {
        let digits = Array(hex)
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(String(digits[$0...$0 + 1]), radix: 16) ?? 0 }
    }

    /// The text, or nil where it is not complete.
    private static func inflate(_ pieces: [[UInt8]], _ format: Inflater.Format, limit: Int = 1 << 20) throws -> String? {
        let inflater = Inflater(format)
        var made: [UInt8] = []
        for piece in pieces {
            try piece.withUnsafeBytes { try inflater.inflate($0, limit: limit) { made.append(contentsOf: $0) } }
        }
        return inflater.isComplete ? String(decoding: made, as: UTF8.self) : nil
    }
}
