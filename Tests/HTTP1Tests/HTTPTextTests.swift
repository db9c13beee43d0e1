import Testing

@testable import HTTP1

@Suite("Small readings of bytes")
struct HTTPTextTests {
    @Test(
        "Decimal digits are a number, and nothing else is",
        arguments: [
            ("0", 0), ("7", 7), ("0042", 42), ("9223372036854775807", Int.max), ("9223372036854775808", nil), ("", nil),
            ("-1", nil),
            ("+1", nil), (" 1", nil), ("1 ", nil), ("1a", nil), ("0x1", nil), ("99999999999999999999", nil),
        ] as [(String, Int?)])
    func parsesDecimals(_ text: String, _ expected: Int?) {
        #expect(Array(text.utf8).withUnsafeBytes { parseDecimal($0) } == expected)
    }

    @Test("Case does not matter, everything else does")
    func comparesIgnoringCase() {
        func equal(_ text: String, _ other: StaticString) -> Bool {
            Array(text.utf8).withUnsafeBytes { equalsIgnoringCase($0, other) }
        }
        #expect(equal("chunked", "chunked"))
        #expect(equal("ChUnKeD", "chunked"))
        #expect(equal("chunked", "Chunked"))
        #expect(equal("", ""))
        #expect(!equal("chunke", "chunked"))
        #expect(!equal("chunkedd", "chunked"))
        // `@` and `` ` `` differ by the bit that tells the cases of letters apart.
        #expect(!equal("@", "`"))
        #expect(!equal("100\rcontinue", "100-continue"))
    }

    @Test(
        "Members of a list are found whatever surrounds them",
        arguments: [
            ("close", true), ("Close", true), ("keep-alive, close", true), (" close\t,x", true), (",,close,", true),
            ("x,close", true),
            ("", false), ("closed", false), ("not close", false), ("clo,se", false), ("\"close\"", false),
        ])
    func findsListMembers(_ list: String, _ expected: Bool) {
        var found = false
        Array(list.utf8).withUnsafeBytes { bytes in
            forEachListMember(bytes) { if equalsIgnoringCase($0, "close") { found = true } }
        }
        #expect(found == expected)
    }

    @Test(
        "A target is taken apart at its first question mark",
        arguments: [
            ("/", "/", nil), ("/a/b?c=d?e", "/a/b", "c=d?e"), ("/?", "/", ""), ("*", "*", nil), ("http://h/a?b", "/a", "b"),
            ("https://h:1", "/", nil), ("HTTP://h?b", "/", "b"), ("", "", nil), ("//h/a", "//h/a", nil), ("a:443", "a:443", nil),
        ] as [(String, String, String?)])
    func splitsTargets(_ target: String, _ path: String, _ query: String?) {
        Array(target.utf8).withUnsafeBytes { bytes in
            let parts = splitTarget(bytes)
            #expect(String(decoding: parts.path, as: UTF8.self) == path)
            #expect(parts.query.map { String(decoding: $0, as: UTF8.self) } == query)
        }
    }

    @Test("A slice that does not fit its buffer is cut to what is there")
    func clampsSlices() {
        [UInt8](1...8).withUnsafeBytes { bytes in
            #expect(Array(ByteSlice(start: 2, count: 3).bytes(in: bytes)) == [3, 4, 5])
            #expect(Array(ByteSlice(start: 6, count: 30).bytes(in: bytes)) == [7, 8])
            #expect(ByteSlice(start: 8, count: 1).bytes(in: bytes).isEmpty)
            #expect(ByteSlice(start: .max, count: .max).bytes(in: bytes).isEmpty)
            #expect(ByteSlice(start: 0, count: 1).bytes(in: UnsafeRawBufferPointer(start: nil, count: 0)).isEmpty)
        }
    }

    @Test("Every known name is recognized in any case, and nothing that is one byte off", arguments: FieldName.allCases)
    func recognizesNames(_ name: FieldName) {
        func recognized(_ text: String) -> FieldName { Array(text.utf8).withUnsafeBytes { FieldName($0) } }
        guard name != .other else {
            #expect(recognized("") == .other)
            #expect(recognized("x-something-else-entirely-that-is-long") == .other)
            return
        }
        // These are beginnings of names.
        let isPrefix = name == .proxyd || name == .accessControl
        let text = isPrefix ? name.text + "tier" : name.text
        #expect(recognized(text) == name)
        #expect(recognized(text.uppercased()) == name)
        #expect(recognized("x" + text) == .other)
        #expect(recognized(String(text.dropFirst())) != name)
        if !isPrefix {
            #expect(recognized(text + "x") != name)
            for index in text.indices {
                var changed = text
                changed.replaceSubrange(index...index, with: "_")
                #expect(recognized(changed) != name, "\(changed)")
            }
        }
    }

    @Test("Every method is recognized, and only in capitals", arguments: HTTPMethod.allCases)
    func recognizesMethods(_ method: HTTPMethod) {
        func recognized(_ text: String) -> HTTPMethod {
            Array(text.utf8).withUnsafeBytes { bytes in bytes.baseAddress.map { HTTPMethod($0, count: bytes.count) } ?? .other }
        }
        #expect(recognized(method.text) == method)
        #expect(recognized(method.text.lowercased()) == .other)
        #expect(recognized(method.text + "S") == .other)
    }

    @Test("Every violation has a status of its own kind and a sentence", arguments: HTTPViolation.allCases)
    func describesViolations(_ violation: HTTPViolation) {
        #expect([400, 414, 431, 501, 505].contains(violation.status))
        #expect(!violation.message.isEmpty)
        #expect(HTTPViolation.allCases.filter { $0.message == violation.message }.count == 1)
    }

    @Test("Sixteen bytes at once see what one byte at a time sees")
    func scansLikeScalars() {
        let tokens = Set("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8)
        for byte in UInt8.min...UInt8.max {
            #expect(ByteScan.isToken(byte) == tokens.contains(byte), "\(byte)")
            for (length, place) in [(1, 0), (16, 0), (16, 7), (16, 8), (16, 15), (17, 16), (40, 23), (40, 39)] {
                var bytes = [UInt8](repeating: UInt8(ascii: "a"), count: length)
                bytes[place] = byte
                bytes.withUnsafeBytes { buffer in
                    guard let base = buffer.baseAddress else { return }
                    let isControl = (byte < 32 && byte != 9) || byte == 127
                    let isNoTarget = byte <= 32 || byte >= 127 || byte == 35
                    #expect(ByteScan.firstControl(base, from: 0, to: length) == (isControl ? place : length))
                    #expect(ByteScan.firstNonTarget(base, from: 0, to: length) == (isNoTarget ? place : length))
                    #expect(ByteScan.firstNonToken(base, from: 0, to: length) == (tokens.contains(byte) ? length : place))
                    #expect(ByteScan.firstIndex(of: byte, base, from: 0, to: length) == (byte == UInt8(ascii: "a") ? 0 : place))
                }
            }
        }
    }
}
