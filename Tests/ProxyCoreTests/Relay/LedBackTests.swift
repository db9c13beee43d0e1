import Testing

@testable import ProxyCore

struct LedBackTests {
    private let origin = Array("https://proxy:8443".utf8)

    private func results(_ body: String) -> String? {
        Array(body.utf8).withUnsafeBytes { LedBack.results(in: $0, to: origin) }.map { String(decoding: $0, as: UTF8.self) }
    }

    @Test(
        arguments: [
            (
                #"{"id":"b","results_url":"https://api.anthropic.com/v1/messages/batches/b/results"}"#,
                #"{"id":"b","results_url":"https://proxy:8443/v1/messages/batches/b/results"}"#
            ),
            (
                #"{"data":[{"results_url" : "http://h:1/x/v1/messages/batches/b/results","z":1},{"results_url":null}]}"#,
                #"{"data":[{"results_url" : "https://proxy:8443/v1/messages/batches/b/results","z":1},{"results_url":null}]}"#
            ),
            (#"{"results_url":null}"#, nil), (#"{"results_url":"https://elsewhere/y"}"#, nil), (#"{"results_url":"#, nil),
            ("", nil),
            (#"{"a":"\"results_url\":\"http://h/v1/messages/batches/x\""}"#, nil),
        ] as [(String, String?)])
    func `a batch's results are fetched through proxyd`(body: String, expected: String?) {
        #expect(results(body) == expected)
    }

    @Test func `an upload goes on through proxyd, under a ticket`() throws {
        let url = Array(
            "https://generativelanguage.googleapis.com/upload/v1beta/files?upload_id=u&upload_protocol=resumable".utf8)
        let led = url.withUnsafeBytes { LedBack.upload($0, to: origin, ticket: "t") }
        #expect(
            led.map { String(decoding: $0, as: UTF8.self) }
                == "https://proxy:8443/upload/v1beta/files?upload_id=u&upload_protocol=resumable&proxyd_upload=t")
        Array("https://h/elsewhere".utf8).withUnsafeBytes { #expect(LedBack.upload($0, to: origin, ticket: "t") == nil) }
    }

    @Test func `a ticket is its key's, for a day, and nobody else makes one`() {
        let ticket = UploadTicket.make(keyID: "key_ü.1", now: 1000)
        func id(_ text: String, now: Int) -> String? { Array(text.utf8).withUnsafeBytes { UploadTicket.keyID($0, now: now) } }
        #expect(id(ticket, now: 1001) == "key_ü.1")
        #expect(id(ticket, now: 1000 + 24 * 3600) == nil)
        #expect(id(ticket.replacing("6b", with: "6c"), now: 1001) == nil)
        for forged in ["", ".", "..", "a.b.c", "6b.9999999999.", "6b.99999999999999999999999.00"] {
            #expect(id(forged, now: 1) == nil)
        }
    }

    @Test(arguments: [
        ("h", true), ("h:1", true), ("[::1]:80", true), ("", false), ("a/b", false), ("a\"b", false), ("a@b", false),
    ])
    func `only a host and a port stand in an address`(host: String, isOne: Bool) {
        #expect(Array(host.utf8).withUnsafeBytes { LedBack.isAuthority($0) } == isOne)
    }
}
