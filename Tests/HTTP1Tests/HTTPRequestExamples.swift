import Testing

@testable import HTTP1

/// A request head, and what is in it; `expected.byteCount` is filled in by the test.
struct GoodRequest: Sendable, CustomTestStringConvertible {
    var text: String
    var expected: ReadHead

    var testDescription: String { text.debugDescription }

    init(
        _ text: String, _ method: String, _ target: String, minor: UInt8 = 1, _ fields: [String] = ["Host: a"],
        framing: BodyFraming = .none, keepsAlive: Bool = true, expects: Bool = false
    ) {
        self.text = text
        expected = ReadHead(
            start: [method, target], minorVersion: minor, fields: fields, framing: framing, keepsAlive: keepsAlive,
            expectsContinue: expects, byteCount: 0)
    }
}

/// A message and why it is refused.
struct BadMessage: Sendable, CustomTestStringConvertible {
    var bytes: [UInt8]
    var violation: HTTPViolation

    var testDescription: String { "\(violation): \(String(decoding: bytes, as: UTF8.self).debugDescription)" }

    init(_ text: String, _ violation: HTTPViolation) {
        bytes = Array(text.utf8)
        self.violation = violation
    }

    init(_ bytes: [UInt8], _ violation: HTTPViolation) {
        self.bytes = bytes
        self.violation = violation
    }
}

extension HTTPRequestParserTests {
    static let good: [GoodRequest] =
        forms + framings + connections + [
            GoodRequest("GET / HTTP/1.1\r\nHost:a\r\n\r\n", "GET", "/"),
            GoodRequest("GET / HTTP/1.1\r\nHost: \t a \t \r\n\r\n", "GET", "/"),
            GoodRequest(
                "GET / HTTP/1.1\r\nHost: a\r\nEmpty:\r\nBlank: \t \r\n\r\n", "GET", "/", ["Host: a", "Empty: ", "Blank: "]),
            GoodRequest("GET / HTTP/1.1\r\nHost: a\r\nT: a\tb  c\r\n\r\n", "GET", "/", ["Host: a", "T: a\tb  c"]),
            GoodRequest("GET / HTTP/1.1\r\nHost: a\r\nU: größe\r\n\r\n", "GET", "/", ["Host: a", "U: größe"]),
            GoodRequest(
                "GET / HTTP/1.1\r\nHost: a\r\n!#$%&'*+-.^_`|~1: x:y\r\n\r\n", "GET", "/", ["Host: a", "!#$%&'*+-.^_`|~1: x:y"]),
            GoodRequest(
                "GET / HTTP/1.1\r\nHost: a\r\nA-Name-That-Is-Longer-Than-Sixteen_Bytes: v\r\n\r\n", "GET", "/",
                ["Host: a", "A-Name-That-Is-Longer-Than-Sixteen_Bytes: v"]),
            GoodRequest("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/"),
            GoodRequest("get / HTTP/1.1\r\nHost: a\r\n\r\n", "get", "/"),
            GoodRequest("M-SEARCH / HTTP/1.1\r\nHost: a\r\n\r\n", "M-SEARCH", "/"),
        ]

    private static let forms: [GoodRequest] = [
        GoodRequest("GET /a/b?c=d&e=%20{x}|\"<>\\^` HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/a/b?c=d&e=%20{x}|\"<>\\^`"),
        GoodRequest("GET //a HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "//a"),
        GoodRequest("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS", "*"),
        GoodRequest("GET http://b:80/x?y HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "http://b:80/x?y"),
        GoodRequest("GET HTTPS://[::1]:8443 HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "HTTPS://[::1]:8443"),
        GoodRequest("GET http://b?q HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "http://b?q"),
        GoodRequest("CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n", "CONNECT", "b:443", ["Host: b:443"]),
        GoodRequest("CONNECT /v1/x HTTP/1.1\r\nHost: b\r\n\r\n", "CONNECT", "/v1/x", ["Host: b"]),
        GoodRequest("GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n", "GET", "/", ["Host: [2001:db8::1]:80"]),
        GoodRequest("GET / HTTP/1.1\r\nHost: [v1.a_b]\r\n\r\n", "GET", "/", ["Host: [v1.a_b]"]),
        GoodRequest("GET / HTTP/1.1\r\nHost: x-y_z.example.:65535\r\n\r\n", "GET", "/", ["Host: x-y_z.example.:65535"]),
        GoodRequest("GET / HTTP/1.1\r\nHost: a%2Db:\r\n\r\n", "GET", "/", ["Host: a%2Db:"]),
    ]

    private static let framings: [GoodRequest] = [
        GoodRequest(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "POST", "/", ["Host: a", "Content-Length: 0"],
            framing: .length(0)),
        GoodRequest(
            "POST / HTTP/1.1\r\nHost: a\r\nCONTENT-LENGTH: 007\r\n\r\n", "POST", "/", ["Host: a", "CONTENT-LENGTH: 007"],
            framing: .length(7)),
        GoodRequest(
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775807\r\n\r\n", "GET", "/",
            ["Host: a", "Content-Length: 9223372036854775807"], framing: .length(.max)),
        GoodRequest(
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "POST", "/",
            ["Host: a", "Transfer-Encoding: chunked"], framing: .chunked),
        GoodRequest(
            "POST / HTTP/1.1\r\nHost: a\r\ntransfer-encoding:CHUNKED \r\n\r\n", "POST", "/",
            ["Host: a", "transfer-encoding: CHUNKED"], framing: .chunked),
        GoodRequest(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-Continue\r\n\r\n", "POST", "/",
            ["Host: a", "Content-Length: 1", "Expect: 100-Continue"], framing: .length(1), expects: true),
        // Without a body there is nothing to wait with.
        GoodRequest(
            "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n", "GET", "/", ["Host: a", "Expect: 100-continue"]),
        // HTTP/1.0 does not know it (RFC 9110 §10.1.1).
        GoodRequest(
            "POST / HTTP/1.0\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n", "POST", "/", minor: 0,
            ["Content-Length: 1", "Expect: 100-continue"], framing: .length(1), keepsAlive: false),
    ]

    private static let connections: [GoodRequest] = [
        GoodRequest(
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "GET", "/", ["Host: a", "Connection: close"],
            keepsAlive: false),
        GoodRequest(
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: te,, keep-alive , CLOSE\r\n\r\n", "GET", "/",
            ["Host: a", "Connection: te,, keep-alive , CLOSE"], keepsAlive: false),
        GoodRequest(
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: te\r\nConnection: close\r\n\r\n", "GET", "/",
            ["Host: a", "Connection: te", "Connection: close"], keepsAlive: false),
        GoodRequest(
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: closed, not-close\r\n\r\n", "GET", "/",
            ["Host: a", "Connection: closed, not-close"]),
        GoodRequest("GET / HTTP/1.0\r\n\r\n", "GET", "/", minor: 0, [], keepsAlive: false),
        GoodRequest(
            "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "GET", "/", minor: 0, ["Connection: Keep-Alive"], keepsAlive: true
        ),
        GoodRequest(
            "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", "GET", "/", minor: 0, ["Connection: keep-alive, close"],
            keepsAlive: false),
    ]

    static let bad: [BadMessage] = badStartLines + badFields + badFraming + badHosts

    private static let badStartLines: [BadMessage] = [
        BadMessage("GET /\r\n", .requestLine),
        BadMessage("GET\r\n", .requestLine),
        BadMessage("GET \r\n", .requestLine),
        BadMessage(" GET / HTTP/1.1\r\n", .method),
        BadMessage("\nGET / HTTP/1.1\r\n", .method),
        BadMessage("(GET) / HTTP/1.1\r\n", .method),
        BadMessage("GE(T / HTTP/1.1\r\n", .method),
        BadMessage("GET\t/ HTTP/1.1\r\n", .method),
        BadMessage("GET  / HTTP/1.1\r\n", .target),
        BadMessage("GET /  HTTP/1.1\r\n", .requestLine),
        BadMessage("GET / HTTP/1.1 \r\n", .requestLine),
        BadMessage("GET /\tHTTP/1.1\r\n", .target),
        BadMessage("GET /a b HTTP/1.1\r\n", .requestLine),
        BadMessage("GET /a\u{7f} HTTP/1.1\r\n", .target),
        BadMessage("GET /\u{1} HTTP/1.1\r\n", .target),
        BadMessage("GET /\0 HTTP/1.1\r\n", .target),
        BadMessage("GET /größe HTTP/1.1\r\n", .target),
        BadMessage("GET /a#b HTTP/1.1\r\n", .target),
        BadMessage("GET /a\rb HTTP/1.1\r\n", .target),
        BadMessage("GET a HTTP/1.1\r\n", .target),
        BadMessage("GET * HTTP/1.1\r\n", .target),
        BadMessage("OPTIONS ** HTTP/1.1\r\n", .target),
        BadMessage("GET ?a HTTP/1.1\r\n", .target),
        BadMessage("GET ftp://a/ HTTP/1.1\r\n", .target),
        BadMessage("GET http:/a HTTP/1.1\r\n", .target),
        BadMessage("GET http:///a HTTP/1.1\r\n", .target),
        BadMessage("GET http://u@a/ HTTP/1.1\r\n", .target),
        BadMessage("GET http://a:b/ HTTP/1.1\r\n", .target),
        BadMessage("GET http://a:65536/ HTTP/1.1\r\n", .target),
        BadMessage("GET http://[::1/ HTTP/1.1\r\n", .target),
        BadMessage("GET http://a,b/ HTTP/1.1\r\n", .target),
        BadMessage("CONNECT a HTTP/1.1\r\n", .target),
        BadMessage("CONNECT a: HTTP/1.1\r\n", .target),
        BadMessage("CONNECT http://a:80/ HTTP/1.1\r\n", .target),
        BadMessage("GET / HTTP/1.1\n", .bareLineBreak),
        BadMessage("GET / HTTP/1.1\nHost: a\r\n\r\n", .bareLineBreak),
        BadMessage("GET / HTTP/1.1\rHost: a\r\n\r\n", .requestLine),
        BadMessage("GET / HTTP/1.1\r\r\n", .requestLine),
        BadMessage("GET / HTTP/1.1x\r\n", .requestLine),
        BadMessage("GET / http/1.1\r\n", .requestLine),
        BadMessage("GET / HTTP/1\r\n", .requestLine),
        BadMessage("GET / HTTP/1.10\r\n", .requestLine),
        BadMessage("GET / HTTP/a.1\r\n", .requestLine),
        BadMessage("GET / HTTPS/1.1\r\n", .requestLine),
        BadMessage("GET / HTTP/1.2\r\n", .version),
        BadMessage("GET / HTTP/0.9\r\n", .version),
        BadMessage("GET / HTTP/3.0\r\n", .version),
        BadMessage("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .version),
        BadMessage("\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n", .requestLine),
        BadMessage("\rGET / HTTP/1.1\r\n", .bareLineBreak),
    ]

    private static let start = "GET / HTTP/1.1\r\nHost: a\r\n"

    private static let badFields: [BadMessage] = [
        BadMessage(start + " folded: x\r\n\r\n", .foldedField),
        BadMessage(start + "\tfolded\r\n\r\n", .foldedField),
        BadMessage("GET / HTTP/1.1\r\n Host: a\r\n\r\n", .foldedField),
        BadMessage(start + "A: b\r\n c\r\n\r\n", .foldedField),
        BadMessage(start + " \r\n\r\n", .foldedField),
        BadMessage(start + "A : b\r\n\r\n", .fieldName),
        BadMessage(start + "A\t: b\r\n\r\n", .fieldName),
        BadMessage(start + "A b: c\r\n\r\n", .fieldName),
        BadMessage(start + ": b\r\n\r\n", .fieldName),
        BadMessage(start + "A\r\n\r\n", .fieldName),
        BadMessage(start + "A(: b\r\n\r\n", .fieldName),
        BadMessage(start + "A\0: b\r\n\r\n", .fieldName),
        BadMessage(start + "Größe: b\r\n\r\n", .fieldName),
        BadMessage(start + "\"A\": b\r\n\r\n", .fieldName),
        BadMessage(start + "A[0]: b\r\n\r\n", .fieldName),
        BadMessage(start + "A-long-name-with-a-late@sign: b\r\n\r\n", .fieldName),
        BadMessage(start + "A: b\0c\r\n\r\n", .fieldValue),
        BadMessage(start + "A: b\u{1b}c\r\n\r\n", .fieldValue),
        BadMessage(start + "A: b\u{7f}\r\n\r\n", .fieldValue),
        BadMessage(start + "A: a value of more than sixteen bytes with a \u{b} in it\r\n\r\n", .fieldValue),
        BadMessage(start + "A: b\nC: d\r\n\r\n", .bareLineBreak),
        BadMessage(start + "A: b\n\r\n", .bareLineBreak),
        BadMessage(start + "A:\n\r\n", .bareLineBreak),
        BadMessage(start + "A\n\r\n", .bareLineBreak),
        BadMessage(start + "A: b\rC: d\r\n\r\n", .bareLineBreak),
        BadMessage(start + "A: b\r\r\n\r\n", .bareLineBreak),
        BadMessage(start + "\n", .bareLineBreak),
        BadMessage(start + "A: b\n", .bareLineBreak),
        BadMessage(start + "A:\n", .bareLineBreak),
        BadMessage(start + "A\n", .bareLineBreak),
        BadMessage(start + "A: b\r\n\n", .bareLineBreak),
        BadMessage(start + "\rX\r\n", .bareLineBreak),
        BadMessage(start + "\r\r\n", .bareLineBreak),
    ]

    private static let badFraming: [BadMessage] =
        [
            "", "+1", "-1", "1 2", "0x10", "1a", "1.0", "1,1", "1, 1", "9223372036854775808", "99999999999999999999999", "\"1\"",
            "١",
        ].map { BadMessage(start + "Content-Length: \($0)\r\n\r\n", .contentLength) }
        + [
            "", ",", "chunked,", ",chunked", "chunked, chunked", "chunked, gzip", "chunked;a=b", "chun ked", "gzip chunked",
            "\"chunked\"",
            "chunked\u{e9}",
        ].map { BadMessage(start + "Transfer-Encoding: \($0)\r\n\r\n", .transferEncoding) }
        + ["identity", "gzip", "gzip, chunked", "xchunked", "chunked1", "identity , chunked"].map {
            BadMessage(start + "Transfer-Encoding: \($0)\r\n\r\n", .unknownTransferCoding)
        } + [
            BadMessage(start + "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", .repeatedContentLength),
            BadMessage(start + "Content-Length: 1\r\nX: y\r\ncontent-length: 2\r\n\r\n", .repeatedContentLength),
            BadMessage(start + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", .lengthAndTransferEncoding),
            BadMessage(start + "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", .lengthAndTransferEncoding),
            BadMessage(start + "Content-Length: 1\r\nTransfer-Encoding: gzip\r\n\r\n", .lengthAndTransferEncoding),
            BadMessage(start + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", .repeatedTransferEncoding),
            BadMessage("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", .transferEncodingInHTTP10),
        ]

    private static let badHosts: [BadMessage] =
        [
            "", "a b", "a/b", "u@a", "a:b", "a:80:80", "a:-1", "a:99999", "[::1", "[]", "[::1]x", "::1", "a,b", "%zz", "%4",
            "a\"", "[g]", ":80",
        ]
        .map { BadMessage("GET / HTTP/1.1\r\nHost: \($0)\r\n\r\n", .host) } + [
            BadMessage("GET / HTTP/1.1\r\n\r\n", .missingHost),
            BadMessage("GET / HTTP/1.1\r\nHosts: a\r\n\r\n", .missingHost),
            BadMessage("GET http://a/ HTTP/1.1\r\n\r\n", .missingHost),
            BadMessage("GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", .repeatedHost),
            BadMessage("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", .repeatedHost),
        ]
}
