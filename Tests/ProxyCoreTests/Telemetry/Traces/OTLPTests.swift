import Basics
import Dialects
import Testing

@testable import ProxyCore

/// Spans as they travel. The bytes of protobuf are worked out by hand from the public definitions.
struct OTLPTests {
    private func write(into spans: inout some SpanWriter & ~Copyable) {
        spans.begin(
            OTLPSpan(
                trace: TraceID(high: 0x0102_0304_0506_0708, low: 0x090A_0B0C_0D0E_0F10), span: 0x1112_1314_1516_1718, parent: 1,
                hasRemoteParent: true, state: "a=1", action: "chat", subject: "m", kind: .server, start: 1, end: 0x0100))
        spans.add("k", "v")
        spans.add("n", 300)
        spans.add("none", -1)
        spans.add("empty", "")
        spans.end(error: "e")
    }

    @Test func `a span as JSON has ids in hexadecimal and 64-bit numbers as strings`() throws {
        let body = try JSONValue(parsing: OTLPJSON.body(room: 1, version: "1") { write(into: &$0) })
        let resource = try #require(body["resourceSpans"]?.array?.first)
        let scope = try #require(resource["scopeSpans"]?.array?.first)
        #expect(scope["scope"]?["name"]?.string == "proxyd")
        let written = try #require(scope["spans"]?.array?.first)
        #expect(
            written.text == #"{"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"1112131415161718","traceState":"a=1","#
                + #""parentSpanId":"0000000000000001","flags":769,"name":"chat m","kind":2,"startTimeUnixNano":"1","#
                + #""endTimeUnixNano":"256","attributes":[{"key":"k","value":{"stringValue":"v"}},"#
                + #"{"key":"n","value":{"intValue":"300"}}],"status":{"code":2,"message":"e"}}"#)
        #expect(resource["resource"]?["attributes"]?.array?.first?["value"]?["stringValue"]?.string == "proxyd")
    }

    /// The bytes are those of the protocol's own classes in Python.
    @Test func `a span as protobuf is these bytes`() {
        #expect(
            Hex.text(OTLPProtobuf.body(room: 1, version: "1") { write(into: &$0) })
                == "0aad010a320a180a0c736572766963652e6e616d6512080a0670726f7879640a160a0f736572766963652e76657273696f6e"
                + "12030a013112770a0b0a0670726f7879641201311268"
                + "0a100102030405060708090a0b0c0d0e0f1012081112131415161718"
                + "1a03613d31220800000000000000012a0663686174206d30023901000000000000004100010000000000004a080a016b1203"
                + "0a01764a080a016e120318ac027a051201651802850101030000")
    }

    @Test(
        arguments: [
            (0, "0800"), (1, "0801"), (127, "087f"), (128, "088001"), (300, "08ac02"), (UInt64.max, "08ffffffffffffffffff01"),
        ] as [(UInt64, String)])
    func `numbers of protobuf`(number: UInt64, bytes: String) {
        let written = ProtobufWriter.bytes(room: 0) { $0.varint(1, number) }
        #expect(Hex.text(written) == bytes)
        var reader = ProtobufReader(written[...])
        let field = reader.next()
        #expect(field?.number == 1)
        #expect(field?.value == .varint(number))
        #expect(reader.next() == nil)
    }

    @Test(arguments: [0, 1, 124, 125, 126, 127, 128, 16_380, 16_381, 16_383, 16_384, 2_097_150, 2_097_152])
    func `a message of any length, within another`(length: Int) throws {
        let text = String(repeating: "x", count: length)
        let written = ProtobufWriter.bytes(room: length) { writer in
            writer.message(1) { outer in
                outer.varint(1, 7)
                outer.message(2) { $0.text(3, text) }
                outer.varint(4, 8)
            }
            writer.varint(2, 9)
        }
        func fields(_ bytes: ArraySlice<UInt8>) -> [(number: UInt64, value: ProtobufReader.Value)] {
            var reader = ProtobufReader(bytes)
            return Array(sequence(state: ()) { _ in reader.next() })
        }
        func message(_ value: ProtobufReader.Value?) -> ArraySlice<UInt8> {
            if case .bytes(let bytes)? = value { bytes } else { [] }
        }
        let whole = fields(written[...])
        #expect(whole.map(\.number) == [1, 2])
        #expect(whole.last?.value == .varint(9))
        let outer = fields(message(whole.first?.value))
        #expect(outer.map(\.number) == [1, 2, 4])
        #expect(outer.last?.value == .varint(8))
        let inner = fields(message(outer[1].value))
        let read = message(inner.first?.value)
        #expect(read.elementsEqual(text.utf8))
    }

    @Test(
        arguments: [
            ([], 0), ([0x0A, 0x02, 0x08, 0x05], 5), ([0x0A, 0x00], 0), ([0x0A, 0x05, 0x08], 0), ([0x08, 0x05], 0),
            ([0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], 0),
            ([0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F], 0),
            ([0x0D, 1, 2, 3, 4, 0x09, 1, 2, 3, 4, 5, 6, 7, 8, 0x0A, 0x02, 0x08, 0x03], 3), ([0x0B], 0),
        ] as [([UInt8], Int)])
    func `what a collector says it has thrown away, whatever it sends`(body: [UInt8], count: Int) {
        #expect(OTLPForm.protobuf.refused(body) == count)
    }

    @Test(arguments: [
        ("", 0), ("{}", 0), (#"{"partialSuccess":{}}"#, 0), (#"{"partialSuccess":{"rejectedSpans":"4"}}"#, 4),
        (#"{"partialSuccess":{"rejectedSpans":4}}"#, 4), (#"{"partialSuccess":{"rejectedSpans":-4}}"#, 0), ("[", 0),
    ])
    func `the same as JSON`(body: String, count: Int) {
        #expect(OTLPForm.json.refused(Array(body.utf8)) == count)
    }

    @Test(
        arguments: [
            ("anthropic", nil, "anthropic"), ("openai", nil, "openai"), ("responses", nil, "openai"),
            ("gemini", nil, "gcp.gemini"),
            ("azure", "azure", "azure.ai.openai"), ("openai", "mistral", "mistral_ai"), ("openai", "deepseek", "deepseek"),
        ] as [(String, String?, String)])
    func `providers are called by the conventions' names`(dialect: String, preset: String?, name: String) throws {
        var upstream = Upstream(
            name: "u", url: try #require(UpstreamURL(base: "http://127.0.0.1:1")),
            dialect: try #require(UpstreamDialect(rawValue: dialect)))
        upstream.preset = preset
        #expect(ProviderName.of(preset: upstream.preset, dialect: upstream.dialect.rawValue) == name)
    }
}
