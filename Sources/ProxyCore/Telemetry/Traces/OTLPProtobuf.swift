/// Spans as protobuf; the field numbers are those of `opentelemetry/proto/trace/v1/trace.proto` and its neighbours.
enum OTLPProtobuf {
    static func body(_ spans: [OTLPSpan], version: String) -> [UInt8] {
        var request = ProtobufWriter()
        request.message(1) { resourceSpans in
            resourceSpans.message(1) { resource in
                resource.message(1) { attribute("service.name", .text("proxyd"), into: &$0) }
                resource.message(1) { attribute("service.version", .text(version), into: &$0) }
            }
            resourceSpans.message(2) { scopeSpans in
                scopeSpans.message(1) { scope in
                    scope.string(1, "proxyd")
                    scope.string(2, version)
                }
                for span in spans { scopeSpans.message(2) { write(span, into: &$0) } }
            }
        }
        return request.bytes
    }

    private static func write(_ span: OTLPSpan, into out: inout ProtobufWriter) {
        out.bytes(1, span.trace.bytes)
        out.bytes(2, span.span.bigEndianBytes)
        out.string(3, span.state)
        if span.parent != 0 { out.bytes(4, span.parent.bigEndianBytes) }
        out.string(5, span.name)
        out.varint(6, UInt64(span.kind.rawValue))
        out.fixed64(7, span.start)
        out.fixed64(8, span.end)
        for (name, value) in span.attributes { out.message(9) { attribute(name, value, into: &$0) } }
        if let error = span.error {
            out.message(15) { status in
                status.string(2, error)
                status.varint(3, 2)
            }
        }
        out.fixed32(16, span.flags)
    }

    private static func attribute(_ name: String, _ value: OTLPSpan.Value, into out: inout ProtobufWriter) {
        out.string(1, name)
        out.message(2) { any in
            // One of several: written even where it is what its kind has by default.
            switch value {
            case .text(let text): any.bytes(1, Array(text.utf8))
            case .integer(let number): any.varint(3, UInt64(bitPattern: Int64(number)))
            case .number(let number): any.fixed64(4, number.bitPattern)
            }
        }
    }

    /// `partial_success.rejected_spans` of the answer.
    static func refused(_ body: [UInt8]) -> Int {
        var answer = ProtobufReader(body[...])
        while let field = answer.next() {
            guard field.number == 1, case .bytes(let message) = field.value else { continue }
            var partial = ProtobufReader(message)
            while let field = partial.next() {
                if field.number == 1, case .varint(let count) = field.value { return Int(clamping: count) }
            }
        }
        return 0
    }
}

/// Writes protobuf's wire format (https://protobuf.dev/programming-guides/encoding/). An empty text is left out.
struct ProtobufWriter {
    private(set) var bytes: [UInt8] = []

    mutating func varint(_ field: Int, _ value: UInt64) {
        tag(field, 0)
        append(varint: value)
    }

    mutating func fixed64(_ field: Int, _ value: UInt64) {
        tag(field, 1)
        for index in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * UInt64(index)))) }
    }

    mutating func fixed32(_ field: Int, _ value: UInt32) {
        tag(field, 5)
        for index in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * UInt32(index)))) }
    }

    mutating func bytes(_ field: Int, _ value: [UInt8]) {
        tag(field, 2)
        append(varint: UInt64(value.count))
        bytes.append(contentsOf: value)
    }

    mutating func string(_ field: Int, _ value: String) {
        if !value.isEmpty { bytes(field, Array(value.utf8)) }
    }

    mutating func message(_ field: Int, _ write: (inout ProtobufWriter) -> Void) {
        var message = ProtobufWriter()
        write(&message)
        bytes(field, message.bytes)
    }

    private mutating func tag(_ field: Int, _ type: UInt64) { append(varint: UInt64(field) << 3 | type) }

    private mutating func append(varint value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}

/// Reads the fields of one message, as far as they can be read.
struct ProtobufReader {
    enum Value: Equatable {
        case varint(UInt64)
        case fixed64
        case fixed32
        case bytes(ArraySlice<UInt8>)
    }

    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    /// nil at the end, and where no field can be read.
    mutating func next() -> (number: UInt64, value: Value)? {
        guard !rest.isEmpty, let tag = varint() else { return nil }
        let value: Value? =
            switch tag & 7 {
            case 0: varint().map(Value.varint)
            case 1: take(8).map { _ in .fixed64 }
            case 2: varint().flatMap { take($0) }.map(Value.bytes)
            case 5: take(4).map { _ in .fixed32 }
            default: nil
            }
        return value.map { (tag >> 3, $0) }
    }

    private mutating func take(_ count: UInt64) -> ArraySlice<UInt8>? {
        guard count <= UInt64(rest.count) else { return nil }
        defer { rest = rest.dropFirst(Int(count)) }
        return rest.prefix(Int(count))
    }

    private mutating func varint() -> UInt64? {
        var (value, shift) = (UInt64(0), UInt64(0))
        while let byte = rest.popFirst(), shift < 64 {
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        return nil
    }
}
