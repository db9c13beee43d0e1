import Testing

@testable import Dialects

@Suite("Kinds of upstreams")
struct UpstreamFormatTests {
    /// The table of the program, and one row more: what a new kind adds to `UpstreamDialect.allCases`.
    static let table = UpstreamDialect.allCases + [UpstreamDialect(TelegraphUpstream())]

    private let asked = #"{"model":"x","max_tokens":9,"top_k":3,"messages":[{"role":"user","content":"Where are you?"}]}"#

    private func telegraph() throws -> UpstreamDialect {
        try #require(UpstreamDialect(rawValue: "telegraph", in: Self.table))
    }

    private func converted(_ stream: String) throws -> ConvertedRequest {
        let upstream = try telegraph()
        return try withBytes(stream) {
            try RequestConverter.convert(body: $0, from: .anthropic, to: upstream, model: "m", options: ConversionOptions())
        }
    }

    @Test("a word is one row's, and finds it")
    func words() {
        #expect(Set(Self.table.map(\.rawValue)).count == Self.table.count)
        for row in Self.table { #expect(UpstreamDialect(rawValue: row.rawValue, in: Self.table) == row) }
        #expect(UpstreamDialect(rawValue: "telegraph") == nil)
        #expect(ClientDialect.allCases.allSatisfy { UpstreamDialect($0).native == [$0] })
        #expect(UpstreamDialect.azure.native == [.openai, .responses] && UpstreamDialect.azure.nativeCounts.isEmpty)
    }

    @Test("a made-up kind is asked in its own words")
    func request() throws {
        let converted = try converted(asked)
        #expect(try JSONValue(parsing: converted.body) == ["to": "m", "lines": [["ask": "Where are you?"]]])
        #expect(converted.pathSuffix == "/letter" && converted.lossy.map(\.description) == ["top_k=dropped"])
        let place = UpstreamPlace(basePath: "/post")
        #expect(try telegraph().target(converted: "/letter", model: "m", at: place) == Array("/post/letter".utf8))
    }

    @Test("its stream becomes the client's, by a framing and a reader of its own", arguments: [1, 3, 1_000])
    func stream(_ size: Int) throws {
        var converter = StreamConverter(try converted(asked).context)
        var out: [UInt8] = []
        let said = Array("from far\nsay Here\nsay  and there\nwords 4\nstop\n".utf8)
        for start in stride(from: 0, to: said.count, by: size) {
            let piece = Array(said[start..<min(start + size, said.count)])
            _ = piece.withUnsafeBytes { converter.consume($0, into: &out) }
        }
        _ = converter.finish(into: &out)
        #expect(converter.isComplete && converter.usage?.output == 4 && converter.model == "far")
        let client = ConversionContext(client: .anthropic, upstream: .anthropic)
        let read = try out.withUnsafeBytes { bytes throws(UpstreamError) in try ResponseConverter.fold(stream: bytes, client) }
        #expect(try JSONValue(parsing: read.body)["content"]?.array?.first?["text"] == "Here and there")
    }

    @Test("its errors are errors, in a stream, in a head and in a success's place")
    func errors() throws {
        let context = try converted(asked).context
        for (said, message) in [("say He\nfault cut\n", "cut"), ("say He\n", UpstreamError.truncated.message)] {
            var converter = StreamConverter(context)
            var out: [UInt8] = []
            withBytes(said) { _ = converter.consume($0, into: &out) }
            _ = converter.finish(into: &out)
            #expect(converter.error?.message == message && !converter.isComplete)
        }
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        let busy = try telegraph().error(status: 400, body: nothing) { _ in "queue" }
        #expect(busy.errorClass == .overloaded)
        #expect(throws: UpstreamError.broken("the wire is dead")) { try withBytes("{}") { try read(whole: $0, context) } }
    }

    private func read(whole body: UnsafeRawBufferPointer, _ context: ConversionContext) throws(UpstreamError) -> WholeResponse {
        try ResponseConverter.convertWhole(body, context)
    }

    @Test("its whole answers and its counts are the client's")
    func wholes() throws {
        let context = try converted(asked).context
        let response = try withBytes(#"{"say":"Here","words":2}"#) { try read(whole: $0, context) }
        #expect(response.usage?.output == 2 && text(response.body).contains("Here"))
        let upstream = try telegraph()
        let counted = withBytes(#"{"words":7}"#) { TokenCounting.response($0, from: upstream, to: .gemini) }
        #expect(counted.map(text) == #"{"totalTokens":7}"#)
    }

    @Test("it signs each request for itself; the others' credentials are the same for all")
    func credentials() throws {
        func request(_ now: Int) -> RequestToSign {
            RequestToSign(method: "POST", host: "h", target: Array("/".utf8), body: [1], now: now)
        }
        let signer = try telegraph().signer("s")
        #expect(signer.fields(for: request(1)) != signer.fields(for: request(2)))
        #expect(signer.fields(for: request(1)).first == CredentialField("x-time", "1"))
        let names = UpstreamDialect.allCases.map { $0.signer("s").fields(for: request(1)).map { "\($0.name): \($0.value)" } }
        #expect(
            names == [
                ["x-api-key: s"], ["authorization: Bearer s"], ["authorization: Bearer s"], ["x-goog-api-key: s"],
                ["api-key: s"],
            ])
    }
}
