import Testing

@testable import ProxyCore

@Suite("What an answer's head says of its body")
struct ResponseHeadTests {
    @Test(
        "codings",
        arguments: [
            ("", ContentCoding.none), ("identity", .none), ("gzip", .gzip), ("X-GZIP", .gzip), ("deflate", .deflate),
            ("gzip, identity", .gzip), (" identity ,gzip", .gzip), (",,", .none), ("br", .unknown), ("gzip, gzip", .unknown),
            ("gzip;q=1", .unknown),
        ])
    func coding(_ value: String, _ coding: ContentCoding) {
        #expect(Array(value.utf8).withUnsafeBytes { ContentCoding($0) } == coding)
    }

    @Test(
        "types",
        arguments: [
            ("application/json; charset=utf-8", ContentKind.json), ("application/problem+json", .json),
            ("text/event-stream", .events), ("text/html", .page), ("application/stream+json", .other),
            ("application/json-seq", .other), ("application/x-ndjson", .other), ("application/jsonl", .other), ("", .unsaid),
        ])
    func kind(_ value: String, _ kind: ContentKind) {
        #expect(Array(value.utf8).withUnsafeBytes { ContentKind($0) } == kind)
    }
}
