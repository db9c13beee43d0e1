/// A span as the OpenTelemetry protocol has it (https://opentelemetry.io/docs/specs/otlp/).
struct OTLPSpan: Sendable, Equatable {
    enum Kind: Int, Sendable {
        case server = 2
        case client = 3
    }

    enum Value: Sendable, Equatable {
        case text(String)
        case integer(Int)
        case number(Double)
    }

    var trace: TraceID
    var span: UInt64
    /// 0: none.
    var parent: UInt64 = 0
    /// Whether the parent is a span of somebody else's.
    var hasRemoteParent = false
    var state = ""
    var name: String
    var kind: Kind
    /// Nanoseconds since 1970.
    var start: UInt64
    var end: UInt64
    var attributes: [(name: String, value: Value)] = []
    /// nil where nothing failed.
    var error: String?

    /// Sampled, and of the parent where it is known.
    var flags: UInt32 { 1 | 0x100 | (hasRemoteParent ? 0x200 : 0) }

    static func == (a: OTLPSpan, b: OTLPSpan) -> Bool {
        a.trace == b.trace && a.span == b.span && a.parent == b.parent && a.flags == b.flags && a.state == b.state
            && a.name == b.name && a.kind == b.kind && a.start == b.start && a.end == b.end && a.error == b.error
            && a.attributes.elementsEqual(b.attributes, by: ==)
    }

    mutating func add(_ name: String, _ text: String) {
        if !text.isEmpty { attributes.append((name, .text(text))) }
    }

    /// A number below zero is none.
    mutating func add(_ name: String, _ number: Int) {
        if number >= 0 { attributes.append((name, .integer(number))) }
    }
}

/// How spans travel, by the words of OpenTelemetry's own settings.
public enum OTLPForm: String, Sendable, CaseIterable {
    case json = "http/json"
    case protobuf = "http/protobuf"

    var contentType: String {
        switch self {
        case .json: "application/json"
        case .protobuf: "application/x-protobuf"
        }
    }

    /// The body of a call of `/v1/traces`.
    func body(_ spans: [OTLPSpan], version: String) -> [UInt8] {
        switch self {
        case .json: OTLPJSON.body(spans, version: version)
        case .protobuf: OTLPProtobuf.body(spans, version: version)
        }
    }

    /// How many spans a collector says it has thrown away.
    func refused(_ body: [UInt8]) -> Int {
        switch self {
        case .json: OTLPJSON.refused(body)
        case .protobuf: OTLPProtobuf.refused(body)
        }
    }
}
