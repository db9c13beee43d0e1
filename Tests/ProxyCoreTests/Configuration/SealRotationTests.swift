import Testing

@testable import ProxyCore

@Suite struct SealRotationTests {
    private let old = Seal.makeKey()
    private let new = Seal.makeKey()

    @Test func eitherKeyOpensWhileBothAreThere() throws {
        for key in [old, new] {
            let sealed = try Seal.seal("secret", key: key)
            #expect(
                try Seal.open(sealed, environment: ["PROXYD_SEAL_KEY": new, "PROXYD_SEAL_KEY_OLD": old]).reveal() == "secret")
            #expect(throws: Seal.Failure.self) { try Seal.open(sealed, environment: ["PROXYD_SEAL_KEY": Seal.makeKey()]) }
            #expect(throws: Seal.Failure.self) { try Seal.open(sealed, environment: [:]) }
        }
        let sealed = try Seal.seal("sk-secret-0123456789abcdef", key: old)
        let file = ConfigurationFixture.file("admin: {key: \"${sealed:\(sealed)}\"}")
        for environment in [
            ["PROXYD_SEAL_KEY": old], ["PROXYD_SEAL_KEY": new, "PROXYD_SEAL_KEY_OLD": old], ["PROXYD_SEAL_KEY_OLD": old],
        ] {
            let keys = ConfigurationFixture.load(file, environment: environment).snapshot?.configuration.admin?.keys
            #expect(keys?.first?.key.reveal() == "sk-secret-0123456789abcdef")
        }
        #expect(ConfigurationFixture.load(file, environment: ["PROXYD_SEAL_KEY": new]).snapshot == nil)
    }

    @Test func aTextIsSealedAnewAndOtherwiseStays() throws {
        let (a, b) = (try Seal.seal("one", key: old), try Seal.seal("two", key: new))
        let text = "x: ${sealed:\(a)}\n# $${sealed:\(a)} is none\ny: \"pre${sealed:\(b)}post\"\nz: ${OTHER} ${sealed:"
        let (fresh, count) = try Seal.reseal(text, from: old, to: new)
        #expect(count == 1)
        #expect(fresh.contains("# $${sealed:\(a)} is none"))
        #expect(fresh.contains("pre${sealed:\(b)}post"))
        #expect(fresh.hasSuffix("z: ${OTHER} ${sealed:"))
        let sealed = try #require(fresh.split(separator: "\n").first?.dropFirst("x: ${sealed:".count).dropLast())
        #expect(try Seal.open(String(sealed), key: new).reveal() == "one")
        // A second time there is nothing to do.
        let again = try Seal.reseal(fresh, from: old, to: new)
        #expect(again.text == fresh)
        #expect(again.count == 0)
    }

    @Test func whatDoesNotOpenIsToldWithItsLine() throws {
        let foreign = try Seal.seal("three", key: Seal.makeKey())
        for (text, line) in [("a\nb: ${sealed:\(foreign)}", 2), ("${sealed:v1:damaged}", 1)] {
            do {
                _ = try Seal.reseal(text, from: old, to: new)
                Issue.record("it opened")
            } catch {
                #expect(error.line == line)
            }
        }
    }
}
