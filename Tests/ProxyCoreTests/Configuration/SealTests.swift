import Testing

@testable import ProxyCore

@Suite struct SealTests {
    @Test func aSealedSecretOpensWithItsKeyOnly() throws {
        let key = Seal.makeKey()
        let sealed = try Seal.seal("sk-live-1", key: key)
        #expect(sealed.hasPrefix("v1:"))
        #expect(!sealed.contains("live"))
        #expect(try Seal.open(sealed, key: key).reveal() == "sk-live-1")
        #expect(throws: Seal.Failure.self) { try Seal.open(sealed, key: Seal.makeKey()) }
    }

    @Test func theSameSecretIsSealedDifferentlyEachTime() throws {
        let key = Seal.makeKey()
        #expect(try Seal.seal("x", key: key) != Seal.seal("x", key: key))
    }

    @Test(arguments: ["", "v1:", "v2:AAAA", "v1:AAAA", "v1:*"])
    func damagedTextIsRefused(_ text: String) {
        #expect(throws: Seal.Failure.self) { try Seal.open(text, key: Seal.makeKey()) }
    }

    @Test(arguments: ["", "short", "zz"])
    func aBadKeyIsRefused(_ key: String) {
        #expect(throws: Seal.Failure.self) { try Seal.seal("x", key: key) }
    }

    @Test func aKeyMayBeBase64() throws {
        let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
        let hex = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
        #expect(try Seal.open(Seal.seal("x", key: key), key: hex).reveal() == "x")
    }
}
