import Testing

@testable import ProxyCore

@Suite struct ThoughtScopesTests {
    @Test(
        "an id that another conversation may have as well is that conversation's alone",
        arguments: [
            ("functions.look:0", true), ("functions.get_the_weather_of:12", true), ("call_0", true), ("", true),
            ("a-b-c-d-e-f-g-h", true),
            ("call_24abcDEF0123", false), ("toolu_01AbCdEfGh", false), ("chatcmpl-tool-0123456789abcdef", false),
            ("a1B2c3D4e", false),
        ])
    func mayRepeat(_ id: String, _ isShared: Bool) {
        let (one, other) = (ThoughtScopes(key: "k", conversation: 1), ThoughtScopes(key: "k", conversation: 2))
        #expect((one.scope(of: id) != other.scope(of: id)) == isShared)
        #expect(one.scope(of: id) != ThoughtScopes(key: "l", conversation: 1).scope(of: id))
    }
}
