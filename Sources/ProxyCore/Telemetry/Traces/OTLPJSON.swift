import Basics
import Dialects

/// Spans as JSON: ids in hexadecimal, 64-bit numbers as strings, enumerations as numbers.
enum OTLPJSON {
    static func body(_ traces: [FinishedTrace], version: String) -> [UInt8] {
        body(room: traces.reduce(0) { $0 + $1.count }, version: version) { spans in
            for trace in traces { trace.write(into: &spans) }
        }
    }

    /// - Parameter room: about how many spans `write` writes.
    static func body(room spans: Int, version: String, _ write: (inout JSONSpanWriter) -> Void) -> [UInt8] {
        RoomWriter.bytes(room: 512 + 2048 * spans) { room in
            var spans = JSONSpanWriter(room)
            spans.out.append(#"{"resourceSpans":[{"resource":{"attributes":["#)
            spans.out.append(#"{"key":"service.name","value":{"stringValue":"proxyd"}},"#)
            spans.out.append(#"{"key":"service.version","value":{"stringValue":"#)
            spans.out.append(jsonString: version)
            spans.out.append(#"}}]},"scopeSpans":[{"scope":{"name":"proxyd","version":"#)
            spans.out.append(jsonString: version)
            spans.out.append(#"},"spans":["#)
            write(&spans)
            spans.out.append("]}]}]}")
            return spans.out
        }
    }

    static func refused(_ body: [UInt8]) -> Int {
        guard !body.isEmpty, let answer = try? JSONValue(parsing: body),
            let count = answer["partialSuccess"]?["rejectedSpans"]
        else { return 0 }
        return max(0, count.int ?? count.string.flatMap { Int($0) } ?? 0)
    }
}

/// Writes spans as the elements of a list in JSON.
struct JSONSpanWriter: SpanWriter, ~Copyable {
    fileprivate(set) var out: RoomWriter
    private var isFirstSpan = true
    private var isFirstAttribute = true

    fileprivate init(_ out: consuming RoomWriter) { self.out = out }

    mutating func begin(_ span: OTLPSpan) {
        out.append(isFirstSpan ? #"{"traceId":""# : #",{"traceId":""#)
        out.append(hexadecimal: span.trace.high)
        out.append(hexadecimal: span.trace.low)
        out.append(#"","spanId":""#)
        out.append(hexadecimal: span.span)
        if !span.state.isEmpty {
            out.append(#"","traceState":""#)
            out.append(escaping: span.state)
        }
        if span.parent != 0 {
            out.append(#"","parentSpanId":""#)
            out.append(hexadecimal: span.parent)
        }
        out.append(#"","flags":"#)
        out.append(decimal: Int(span.flags))
        out.append(#","name":""#)
        out.append(escaping: span.action)
        if !span.subject.isEmpty {
            out.append(" ")
            out.append(escaping: span.subject)
        }
        out.append(#"","kind":"#)
        out.append(decimal: span.kind.rawValue)
        out.append(#","startTimeUnixNano":""#)
        out.append(decimal: Int(clamping: span.start))
        out.append(#"","endTimeUnixNano":""#)
        out.append(decimal: Int(clamping: span.end))
        out.append(#"","attributes":["#)
        (isFirstSpan, isFirstAttribute) = (false, true)
    }

    mutating func add(_ name: StaticString, _ text: String) {
        guard !text.isEmpty else { return }
        begin(attribute: name)
        out.append(#""stringValue":"#)
        out.append(jsonString: text)
        out.append("}}")
    }

    mutating func add(_ name: StaticString, _ number: Int) {
        guard number >= 0 else { return }
        begin(attribute: name)
        out.append(#""intValue":""#)
        out.append(decimal: number)
        out.append(#""}}"#)
    }

    mutating func add(_ name: StaticString, _ number: Double) {
        guard number >= 0, number.isFinite else { return }
        begin(attribute: name)
        out.append(#""doubleValue":"#)
        out.append(text: number.description)
        out.append("}}")
    }

    private mutating func begin(attribute name: StaticString) {
        out.append(isFirstAttribute ? #"{"key":""# : #",{"key":""#)
        out.append(name)
        out.append(#"","value":{"#)
        isFirstAttribute = false
    }

    mutating func end(error: String?) {
        out.append("]")
        if let error {
            out.append(#","status":{"code":2,"message":"#)
            out.append(jsonString: error)
            out.append("}")
        }
        out.append("}")
    }
}

extension RoomWriter {
    fileprivate mutating func append(jsonString text: String) {
        append(UInt8(ascii: "\""))
        append(escaping: text)
        append(UInt8(ascii: "\""))
    }

    /// Appends the inside of a JSON string. Next to none has anything to be escaped.
    fileprivate mutating func append(escaping text: String) {
        var text = text
        text.withUTF8 { utf8 in
            let bytes = UnsafeRawBufferPointer(utf8)
            guard let base = bytes.baseAddress else { return }
            if ByteSearch.plainEnd(base, from: 0, to: bytes.count) == bytes.count { return append(bytes) }
            var escaped: [UInt8] = []
            JSONText.append(escaping: bytes, to: &escaped)
            escaped.withUnsafeBytes { append($0) }
        }
    }
}
