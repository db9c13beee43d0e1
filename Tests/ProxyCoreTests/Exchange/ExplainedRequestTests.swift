import HTTP1
import NIOCore
import Testing

@testable import ProxyCore

/// `x-proxyd-explain` on the data path: nobody is asked, whoever shows what.
@Suite struct ExplainedRequestTests {
    private static func request(_ fields: String) -> String {
        Wire.head("content-length: \(Wire.body.utf8.count)\r\n" + fields) + Wire.body
    }

    @Test(
        "No upstream is asked, nobody explains where no service does",
        arguments: [
            "x-proxyd-explain: true\r\n", "X-Proxyd-Explain: TRUE\r\n", "x-proxyd-explain: 1\r\n",
            "x-proxyd-explain: true\r\nauthorization: Bearer sk-user\r\n", "x-proxyd-explain: true\r\nx-admin-key: guessed\r\n",
        ])
    func explained(fields: String) throws {
        let stage = try WireStage()
        let client = try stage.client()
        client.send(Self.request(fields))
        stage.turn()
        #expect(client.takeStatuses() == [403])
        #expect(stage.upstreams.isEmpty)
    }

    @Test("False asks nothing, and the field does not go upstream")
    func passed() throws {
        let stage = try WireStage()
        let client = try stage.client()
        client.send(Self.request("x-proxyd-explain: false\r\n"))
        stage.turn()
        let asked = WireMessage.requests(try stage.upstream().take())
        #expect(asked.count == 1 && asked.first?["x-proxyd-explain"] == nil)
    }

    @Test(
        "Beside an admin's key the client's is where its client puts it otherwise",
        arguments: [
            ("x-api-key: c\r\nauthorization: Bearer a\r\n", "c"), ("authorization: Bearer a\r\n", nil),
            ("x-admin-key: a\r\nauthorization: Bearer c\r\n", "c"), ("api-key: c\r\nauthorization: Bearer a\r\n", "c"),
            ("x-proxyd-key: c\r\nx-api-key: other\r\nauthorization: Bearer a\r\n", "c"),
        ] as [(String, String?)])
    func keys(fields: String, key: String?) throws {
        let bytes = Array(("POST /v1/chat/completions HTTP/1.1\r\nhost: h\r\n" + fields + "\r\n").utf8)
        var parser = HTTPRequestParser()
        var head = HTTPRequestHead()
        bytes.withUnsafeBytes { raw in
            _ = parser.parse(raw, into: &head)
            let found = PresentedCredential.besideAdmin(in: head, bytes: raw, dialect: .openai)
            #expect(found.map { String(decoding: $0, as: UTF8.self) } == key)
        }
    }
}
