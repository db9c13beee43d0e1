import Testing

@testable import ProxyCore

@Suite("Log buffer")
struct LogBufferTests {
    @Test(
        "a value is bare where that is unambiguous, else quoted, and never ends the line",
        arguments: [
            ("claude-opus", "claude-opus"),
            ("", #""""#),
            ("two words", #""two words""#),
            ("a=b", #""a=b""#),
            (#"say "hi""#, #""say \"hi\"""#),
            (#"back\slash"#, #""back\\slash""#),
            ("line\nlevel=error", #""line\nlevel=error""#),
            ("\r\t\u{0}\u{1B}[31m\u{7F}", #""\r\t\u0000\u001b[31m\u007f""#),
            ("next\u{85}line", #""next\u0085line""#),
            ("a\u{2028}b\u{2029}c", #""a\u2028b\u2029c""#),
            ("\u{202E}evil\u{2066}", #""\u202eevil\u2066""#),
            ("größer", #""größer""#),
            ("你好", #""你好""#),
            ("€\u{A0}", "\"€\u{A0}\""),
            ("exactly8", "exactly8"),
            ("exactly 16 bytes", #""exactly 16 bytes""#),
        ])
    func values(_ value: String, _ expected: String) {
        #expect(Self.value(value) == expected)
    }

    @Test("the fast path finds every byte that is not plain, wherever it stands")
    func everyByteEverywhere() {
        for length in 1...20 {
            for place in 0..<length {
                for byte in UInt8.min...0x7F {
                    var bytes = [UInt8](repeating: UInt8(ascii: "x"), count: length)
                    bytes[place] = byte
                    let text = String(decoding: bytes, as: UTF8.self)
                    let isBare = byte > 0x20 && byte < 0x7F && !#""\="#.utf8.contains(byte)
                    #expect((Self.value(text) == text) == isBare, "byte \(byte) at \(place) of \(length)")
                    let isPlain = byte >= 0x20 && byte < 0x7F && !#""\"#.utf8.contains(byte)
                    #expect((Self.quoted(text) == "\"\(text)\"") == isPlain, "byte \(byte) at \(place) of \(length)")
                }
            }
        }
    }

    @Test(
        "a long text is cut at a character's border",
        arguments: [
            ("abcdef", 6, "abcdef"), ("abcdefg", 6, #""abcdef…""#), ("abcdäf", 5, #""abcd…""#), ("€€", 3, #""€…""#),
            ("€€", 2, #""…""#),
        ])
    func cuts(_ text: String, _ limit: Int, _ expected: String) {
        #expect(Self.value(text, limit: limit) == expected)
    }

    @Test("numbers are written as they are", arguments: [0, 9, 10, 99, 100, -1, -10, 1_234_567_890, Int.max, Int.min])
    func numbers(_ number: Int) {
        var buffer = LogBuffer()
        buffer.append(number)
        #expect(String(decoding: buffer.bytes, as: UTF8.self) == String(number))
    }

    @Test(
        "microseconds are shown as milliseconds",
        arguments: [(0, "0.000"), (7, "0.007"), (999, "0.999"), (1000, "1.000"), (1_234_567, "1234.567")])
    func milliseconds(_ microseconds: Int, _ expected: String) {
        var buffer = LogBuffer()
        buffer.append(milliseconds: microseconds)
        #expect(String(decoding: buffer.bytes, as: UTF8.self) == expected)
    }

    @Test("it grows past its first capacity without losing a byte")
    func grows() {
        var buffer = LogBuffer(capacity: 64)
        var expected = ""
        for number in 0..<2000 {
            buffer.append(number)
            buffer.appendQuoted("a \"b\"")
            expected += "\(number)\"a \\\"b\\\"\""
        }
        #expect(String(decoding: buffer.bytes, as: UTF8.self) == expected)
    }

    private static func value(_ text: String, limit: Int = .max) -> String {
        var buffer = LogBuffer()
        buffer.appendValue(text, limit: limit)
        return String(decoding: buffer.bytes, as: UTF8.self)
    }

    private static func quoted(_ text: String) -> String {
        var buffer = LogBuffer()
        buffer.appendQuoted(text)
        return String(decoding: buffer.bytes, as: UTF8.self)
    }
}
