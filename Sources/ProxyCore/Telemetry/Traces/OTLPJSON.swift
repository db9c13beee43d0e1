import Dialects

/// Spans as JSON: ids in hexadecimal, 64-bit numbers as strings, enumerations as numbers.
enum OTLPJSON {
    static func body(_ spans: [OTLPSpan], version: String) -> [UInt8] {
        let resource: JSONValue = [
            "attributes": [
                attribute("service.name", .text("proxyd")), attribute("service.version", .text(version)),
            ]
        ]
        let scope: JSONValue = ["name": "proxyd", "version": .string(version)]
        let body: JSONValue = [
            "resourceSpans": [["resource": resource, "scopeSpans": [["scope": scope, "spans": .array(spans.map(json))]]]]
        ]
        return body.bytes
    }

    private static func json(_ span: OTLPSpan) -> JSONValue {
        var object = JSONObject()
        object.append("traceId", .string(span.trace.hex))
        object.append("spanId", .string(span.span.hex))
        if !span.state.isEmpty { object.append("traceState", .string(span.state)) }
        if span.parent != 0 { object.append("parentSpanId", .string(span.parent.hex)) }
        object.append("flags", .int(Int(span.flags)))
        object.append("name", .string(span.name))
        object.append("kind", .int(span.kind.rawValue))
        object.append("startTimeUnixNano", .string(String(span.start)))
        object.append("endTimeUnixNano", .string(String(span.end)))
        object.append("attributes", .array(span.attributes.map(attribute)))
        if let error = span.error { object.append("status", ["code": 2, "message": .string(error)]) }
        return .object(object)
    }

    private static func attribute(_ name: String, _ value: OTLPSpan.Value) -> JSONValue {
        let written: JSONValue =
            switch value {
            case .text(let text): ["stringValue": .string(text)]
            case .integer(let number): ["intValue": .string(String(number))]
            case .number(let number): ["doubleValue": number.isFinite ? .number(number.description) : .string("NaN")]
            }
        return ["key": .string(name), "value": written]
    }

    static func refused(_ body: [UInt8]) -> Int {
        guard !body.isEmpty, let answer = try? JSONValue(parsing: body),
            let count = answer["partialSuccess"]?["rejectedSpans"]
        else { return 0 }
        return max(0, count.int ?? count.string.flatMap { Int($0) } ?? 0)
    }
}
