import Basics
import Testing

@Suite struct EncodingTests {
    @Test(arguments: [0, 1, 9, 10, 15, 16, 0x0123_4567, 0x89AB_CDEF, 0x9A9A_A9A9, 0xF0F0_0F0F, UInt32.max])
    func `digits of a number all at once are those of its bytes`(number: UInt32) {
        let digits = withUnsafeBytes(of: Hex.digits(number)) { String(decoding: $0, as: UTF8.self) }
        #expect(digits == withUnsafeBytes(of: number.bigEndian) { Hex.text($0) })
    }

    @Test("digests are those of FIPS 180-4")
    func digests() {
        #expect(SHA256.hex("", 64) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(SHA256.hex("abc", 64) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(SHA256.hex(String(repeating: "a", count: 119), 8) == "31eba51c")
    }

    @Test(
        arguments: [
            ("", ""), ("a%20b", "a b"), ("a+b", "a+b"), ("%e2%82%AC", "€"), ("%2F%2f", "//"), ("%", nil), ("%2", nil),
            ("%zz", nil),
            ("%00", nil), ("%ff", nil), ("a%2", nil),
        ] as [(String, String?)])
    func `percent-encoding is undone, or refused as a whole`(text: String, expected: String?) {
        #expect(Array(text.utf8).withUnsafeBytes { PercentEncoding.decoded($0) } == expected)
    }

    @Test func `everything but unreserved characters is percent-encoded`() {
        #expect(PercentEncoding.text("az-._~09 /?&=+€") == "az-._~09%20%2F%3F%26%3D%2B%E2%82%AC")
    }

    @Test(arguments: UInt8.min...UInt8.max)
    func `letters and digits are those of ASCII`(byte: UInt8) {
        let scalar = Unicode.Scalar(byte)
        #expect(ASCII.isDigit(byte) == ("0"..."9").contains(scalar))
        #expect(ASCII.isLetter(byte) == (("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)))
    }

    @Test(arguments: 0..<70)
    func bytesComeBackFromBase64AndHex(_ count: Int) {
        var random = SplitMix64(state: UInt64(count))
        let bytes = (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        #expect(Base64.decode(Base64.encode(bytes)) == bytes)
        #expect(Base64.decodeStrictly(Base64.encode(bytes)) == bytes)
        #expect(Base64.decode(Base64.encodeURL(bytes)) == bytes)
        #expect(Base64.standard(Base64.encodeURL(bytes)) == Base64.encode(bytes))
        #expect(Hex.bytes(Hex.text(bytes)) == bytes)
    }

    @Test(arguments: ["a", "ab_-", "ab=", "=", "abc=d", "a b=", "é"])
    func strictBase64RefusesWhatTheStandardAlphabetDoesNotWrite(_ text: String) {
        #expect(Base64.decodeStrictly(text) == nil)
    }

    @Test(arguments: ["a", "0g", "é0"])
    func whatAreNoPairsOfHexDigitsIsRefused(_ text: String) {
        #expect(Hex.bytes(text) == nil)
    }

    @Test(
        arguments: [
            ("tires", "tiers"), ("upstreams", "upstreams"), ("xyzzy", nil), (String(repeating: "a", count: 70), nil),
        ] as [(String, String?)])
    func theNearestNameIsTheOneThatWasMeant(_ word: String, _ expected: String?) {
        #expect(Suggestion.nearest(to: word, among: ["tiers", "upstreams", "rules"]) == expected)
    }

    @Test func smallJSONIsEscapedAndLaidOut() {
        let value = SmallJSON.object([("a\"", .array([.literal("1"), .string("\u{1}\n")])), ("b", .object([]))])
        #expect(value.text() == #"{"a\"":[1,"\u0001\n"],"b":{}}"#)
        #expect(value.text(.indented).hasPrefix("{\n  \"a\\\"\": [\n    1,\n"))
    }
}
