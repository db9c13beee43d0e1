import Testing

@testable import ProxyCore

/// Replies of a server, whole and in pieces, and what is none.
@Suite struct RESPParserTests {
    private static func read(_ text: String, piece: Int) throws(RESPParser.Violation) -> [RESPValue] {
        var parser = RESPParser()
        var values: [RESPValue] = []
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            parser.append(rest.prefix(piece))
            rest = rest.dropFirst(piece)
            while let value = try parser.next() { values.append(value) }
        }
        return values
    }

    private static let replies: [(String, RESPValue)] = [
        ("+OK\r\n", .bytes(Array("OK".utf8))),
        ("-WRONGPASS invalid\r\n", .error("WRONGPASS invalid")),
        (":-42\r\n", .integer(-42)),
        ("$5\r\na\r\nbc\r\n", .bytes(Array("a\r\nbc".utf8))),
        ("$-1\r\n", .null), ("*-1\r\n", .null), ("_\r\n", .null),
        ("#t\r\n", .boolean(true)), (",1.5\r\n", .double(1.5)),
        ("(123456789012345678901\r\n", .bigNumber(Array("123456789012345678901".utf8))),
        ("!3\r\nERR\r\n", .error("ERR")), ("=6\r\ntxt:ab\r\n", .bytes(Array("ab".utf8))),
        ("*2\r\n:1\r\n*1\r\n+a\r\n", .array([.integer(1), .array([.bytes([97])])])),
        ("~1\r\n:1\r\n", .set([.integer(1)])), (">1\r\n+x\r\n", .push([.bytes([120])])),
        ("%1\r\n+mode\r\n+standalone\r\n", .map([(.bytes(Array("mode".utf8)), .bytes(Array("standalone".utf8)))])),
        ("|1\r\n+ttl\r\n:3\r\n:7\r\n", .integer(7)),
    ]

    @Test(arguments: [1, 2, 3, 1_000])
    func everyKindIsReadInPiecesOfAnySize(_ piece: Int) throws {
        let text = Self.replies.map(\.0).joined()
        #expect(try Self.read(text, piece: piece) == Self.replies.map(\.1))
    }

    @Test(
        arguments: [
            "x\r\n", ":1a\r\n", "$-2\r\n", "*-2\r\n", "$1\r\nabc", "#x\r\n", "+a\rb", ",x\r\n", "_x\r\n", "=1\r\na\r\n",
            ":99999999999999999999\r\n",
        ])
    func whatIsNoReplyIsRefused(_ text: String) {
        #expect(throws: RESPParser.Violation.malformed) { try Self.read(text, piece: 1_000) }
    }

    @Test(
        arguments: [
            "$9999999999\r\n", "*9999999999\r\n", "%9999999999\r\n", "*9223372036854775807\r\n",
            String(repeating: "*1\r\n", count: 20),
        ])
    func whatIsTooLargeIsRefusedBeforeItComes(_ text: String) {
        #expect(throws: RESPParser.Violation.tooLarge) { try Self.read(text, piece: 1_000) }
    }

    @Test func aLineWithoutEndIsRefused() {
        #expect(throws: RESPParser.Violation.tooLarge) {
            try Self.read("+" + String(repeating: "a", count: 5 << 20), piece: 65_536)
        }
    }

    @Test func aMapAndAListOfPairsAnswerByName() {
        let map = RESPValue.map([(.bytes(Array("port".utf8)), .integer(6379))])
        let list = RESPValue.array([.bytes(Array("port".utf8)), .bytes(Array("6379".utf8)), .null])
        #expect(map["port"]?.integer == 6379 && list["port"]?.integer == 6379 && list["ip"] == nil)
    }

    @Test func aCommandIsAListOfBulks() {
        #expect(
            RESPCommand.encode([Array("GET".utf8), [0, 255]]) == Array("*2\r\n$3\r\nGET\r\n$2\r\n".utf8) + [0, 255, 13, 10])
    }

    @Test func aScriptIsCalledByItsDigest() {
        #expect(String(decoding: LimitScript("return 1").digest, as: UTF8.self) == "e0e1f9fabfc9d4800c877a703b823ac0578ff8db")
    }

    @Test(
        arguments: [
            ("WRONGPASS invalid", LimitServerTrouble.wrongPassword), ("READONLY You can't", .readOnlyReplica),
            ("OOM command not allowed", .outOfMemory), ("MISCONF Redis is configured", .cannotWriteDisk),
            ("NOPERM this user has no permissions", .noPermission("this user has no permissions")),
            ("ERR Error running script (call to f_1): @user_script:3: -OOM command not allowed", .outOfMemory),
        ])
    func whatAServerRefusesWithHasAName(_ words: String, _ trouble: LimitServerTrouble) {
        #expect(LimitServerTrouble(refusal: RedisLink.innerRefusal(words)) == trouble)
    }

    @Test func whatIsAboutACommandAloneIsNoTroubleOfTheServer() {
        #expect(LimitServerTrouble(refusal: RedisLink.innerRefusal("ERR wrong number of arguments")) == nil)
    }
}
