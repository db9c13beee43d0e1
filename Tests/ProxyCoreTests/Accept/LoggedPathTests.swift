import Testing

@testable import ProxyCore

struct LoggedPathTests {
    @Test(arguments: [
        ("/v1/messages", "/v1/messages"), ("/admin/keys", "/admin/keys"),
        ("/admin/keys/key_a1/usage", "/admin/keys/key_a1/usage"),
        ("/admin/keys/sk-secret/usage", "/admin/keys/*/usage"), ("/admin/keys/anything", "/admin/keys/*"),
        ("/v1/sk-secret", "/v1/*"),
        ("/admin/keys/sk%2Dsecret", "/admin/keys/*"), ("", ""), ("/", "/"),
    ])
    func `a key in a path is not logged`(path: String, expected: String) {
        #expect(LoggedPath.text(path) == expected)
    }
}
