/// A span as the OpenTelemetry protocol has it (https://opentelemetry.io/docs/specs/otlp/), but for its attributes and its error.
struct OTLPSpan: Sendable, Equatable {
    enum Kind: Int, Sendable {
        case server = 2
        case client = 3
    }

    var trace: TraceID
    var span: UInt64
    /// 0: none.
    var parent: UInt64 = 0
    /// Whether the parent is a span of somebody else's.
    var hasRemoteParent = false
    var state = ""
    /// What was done, and with what: `chat` and `claude-x`. Its name is both, or the first where the other is empty.
    var action: String
    var subject = ""
    var kind: Kind
    /// Nanoseconds since 1970.
    var start: UInt64
    var end: UInt64

    /// Sampled, and of the parent where it is known.
    var flags: UInt32 { 1 | 0x100 | (hasRemoteParent ? 0x200 : 0) }
}

/// Takes spans, each as its head, its attributes and its end. An attribute with an empty text or a number below zero is left out.
protocol SpanWriter: ~Copyable {
    mutating func begin(_ span: OTLPSpan)
    mutating func add(_ name: StaticString, _ text: String)
    mutating func add(_ name: StaticString, _ number: Int)
    mutating func add(_ name: StaticString, _ number: Double)
    /// - Parameter error: nil where nothing failed.
    mutating func end(error: String?)
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
    func body(_ traces: [FinishedTrace], version: String) -> [UInt8] {
        switch self {
        case .json: OTLPJSON.body(traces, version: version)
        case .protobuf: OTLPProtobuf.body(traces, version: version)
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
