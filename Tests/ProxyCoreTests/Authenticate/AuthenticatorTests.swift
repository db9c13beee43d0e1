import RuleEngine
import Testing

@testable import ProxyCore

@Suite struct AuthenticatorTests {
    @Test func digestsAreSHA256() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        #expect(KeyDigest(hashing: "abc").hex == expected)
        #expect(Array("abc".utf8).withUnsafeBytes { KeyDigest(hashing: $0) } == KeyDigest(hashing: "abc"))
        #expect(KeyDigest(bytes: KeyDigest(hashing: "abc").bytes) == KeyDigest(hashing: "abc"))
    }

    @Test(
        arguments: [
            ("sk-good", 0, "good"), ("sk-off", 0, "disabled"), ("sk-old", 99, "old"), ("sk-old", 100, "expired"),
            ("sk-old", 101, "expired"),
            ("sk-off-old", 200, "disabled"), ("", 0, "unknown"), ("sk-goo", 0, "unknown"), ("sk-good ", 0, "unknown"),
            ("SK-GOOD", 0, "unknown"),
            (String(repeating: "x", count: 4_096), 0, "long"), (String(repeating: "x", count: 4_097), 0, "unknown"),
        ] as [(String, Int, String)])
    func aCredentialIsLookedUp(_ credential: String, _ now: Int, _ expected: String) {
        let keys = KnownKeys(made: [
            key("good", "sk-good"), key("off", "sk-off", enabled: false), key("old", "sk-old", expires: 100),
            key("off-old", "sk-off-old", enabled: false, expires: 100), key("long", String(repeating: "x", count: 4_096)),
            key("too long", String(repeating: "x", count: 4_097)),
        ])
        var cache = CredentialCache()
        // The second time it comes from the cache.
        for _ in 0..<2 {
            switch authenticate(credential, keys, &cache, now: now) {
            case .granted(let key): #expect(key.name == expected)
            case .unknown: #expect(expected == "unknown")
            case .disabled: #expect(expected == "disabled")
            case .expired: #expect(expected == "expired")
            }
        }
    }

    @Test func aCacheKnowsOneKeyOfOneVersion() {
        let first = KnownKeys(made: [key("a", "sk-a"), key("b", "sk-b")], version: 1)
        let second = KnownKeys(made: [key("b", "sk-b")], version: 2)
        var cache = CredentialCache()
        #expect(authenticate("sk-a", first, &cache) == .granted(key("a", "sk-a")))
        #expect(authenticate("sk-a", first, &cache) == .granted(key("a", "sk-a")))
        #expect(authenticate("sk-b", first, &cache) == .granted(key("b", "sk-b")))
        #expect(authenticate("sk-x", first, &cache) == .unknown)
        #expect(authenticate("sk-a", first, &cache) == .granted(key("a", "sk-a")))
        #expect(authenticate("sk-a", second, &cache) == .unknown)
        #expect(authenticate("sk-b", second, &cache) == .granted(key("b", "sk-b")))
    }

    @Test func aDeclaredKeyChangesWithItsSnapshotAndWithWhatIsRegistered() {
        let old = declared("a", "sk-a", policy: "old")
        let new = declared("a", "sk-a", policy: "new")
        var cache = CredentialCache()
        #expect(authenticate("sk-a", KnownKeys(declared: [old], generation: 1), &cache) == .granted(old))
        #expect(authenticate("sk-a", KnownKeys(declared: [new], generation: 2), &cache) == .granted(new))
        // An exchange that began before the swap keeps the keys it began with.
        #expect(authenticate("sk-a", KnownKeys(declared: [old], generation: 1), &cache) == .granted(old))
        let disabled = KnownKeys(declared: [new], generation: 2, disabled: ["declared:a"], version: 1)
        #expect(authenticate("sk-a", disabled, &cache) == .disabled(new))
        #expect(authenticate("sk-a", disabled, &cache) == .disabled(new))
        #expect(authenticate("sk-a", KnownKeys(declared: [new], generation: 2, version: 2), &cache) == .granted(new))
        #expect(authenticate("sk-a", KnownKeys(generation: 3, version: 2), &cache) == .unknown)
    }

    @Test(
        arguments: [
            (nil, "anything", true), ([], "anything", false), (["claude-*"], "claude-opus", true), (["claude-*"], "gpt-5", false),
            (["claude-*", "gpt-5"], "gpt-5", true), (["claude-*", "gpt-5"], "gpt-5-mini", false), (["*"], "", true),
        ] as [([String]?, String, Bool)])
    func aPolicyAllowsModels(_ globs: [String]?, _ model: String, _ expected: Bool) {
        var policy = KeyPolicy(name: "p")
        policy.models = globs
        #expect(KeyPolicyCheck(policy).allows(model: model) == expected)
    }

    @Test(
        arguments: [
            ([], "1.2.3.4", true), (["10.0.0.0/8"], "10.9.9.9", true), (["10.0.0.0/8"], "11.0.0.1", false),
            (["10.0.0.0/8"], "::ffff:10.0.0.1", true),
            (["::1", "192.168.1.7"], "192.168.1.7", true), (["::1"], "::2", false),
        ] as [([String], String, Bool)])
    func aPolicyAllowsAddresses(_ ranges: [String], _ address: String, _ expected: Bool) throws {
        var policy = KeyPolicy(name: "p")
        policy.allowFrom = ranges.compactMap { AddressRange($0) }
        #expect(KeyPolicyCheck(policy).allows(address: try #require(AddressRange.Address(address))) == expected)
    }

    @Test func aPolicyThatIsNotConfiguredIsNotFound() {
        let table = PolicyTable(["team": KeyPolicy(name: "team")])
        #expect(table["team"]?.policy.name == "team")
        #expect(table["gone"] == nil)
    }

    @Test(arguments: [("sk-abcdefghijklmnopqrstuvwxyz", "sk-abcde...wxyz"), ("short", "..."), ("", "...")])
    func aMaskShowsLittle(_ text: String, _ expected: String) {
        #expect(KeyText.masked(text) == expected)
    }

    @Test func generatedKeysDiffer() {
        let keys = (0..<200).map { _ in KeyText.generate() }
        #expect(Set(keys).count == 200)
        // Every character of the alphabet turns up among 9,600, or the generator leaves some out.
        #expect(Set(keys.joined()).count >= 62)
    }

    // MARK: -

    private func key(_ name: String, _ text: String, enabled: Bool = true, expires: Int? = nil) -> ClientKey {
        ClientKey(
            id: "key_" + name, name: name, digest: KeyDigest(hashing: text), masked: "...", enabled: enabled, created: 0,
            expires: expires, source: .admin)
    }

    private func declared(_ name: String, _ text: String, policy: String) -> ClientKey {
        ClientKey(
            id: "declared:" + name, name: name, digest: KeyDigest(hashing: text), masked: "...", policy: policy, created: 0,
            source: .declared)
    }

    private func authenticate(_ text: String, _ keys: KnownKeys, _ cache: inout CredentialCache, now: Int = 0) -> Authentication {
        Array(text.utf8).withUnsafeBytes { Authenticator.authenticate($0, keys: keys, cache: &cache, now: now) }
    }
}

extension KnownKeys {
    fileprivate init(
        declared: [ClientKey] = [], generation: Int = 1, made: [ClientKey] = [], disabled: Set<String> = [], version: Int = 0
    ) {
        var table = MadeKeys()
        for key in made { table.insert(key) }
        self.init(
            declared: KeyTable(declared), generation: generation,
            RegisteredKeys(made: table, disabled: disabled, version: version))
    }
}
