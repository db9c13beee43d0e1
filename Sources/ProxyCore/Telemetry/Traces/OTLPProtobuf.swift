/// Spans as protobuf; the field numbers are those of `opentelemetry/proto/trace/v1/trace.proto` and its neighbours.
enum OTLPProtobuf {
    static func body(_ traces: [FinishedTrace], version: String) -> [UInt8] {
        body(room: traces.reduce(0) { $0 + $1.count }, version: version) { spans in
            for trace in traces { trace.write(into: &spans) }
        }
    }

    /// - Parameter room: about how many spans `write` writes.
    static func body(room spans: Int, version: String, _ write: (inout ProtobufWriter) -> Void) -> [UInt8] {
        ProtobufWriter.bytes(room: 256 + 1024 * spans) { request in
            request.message(1) { resourceSpans in
                resourceSpans.message(1) { resource in
                    resource.attribute(1, "service.name", "proxyd")
                    resource.attribute(1, "service.version", version)
                }
                resourceSpans.message(2) { scopeSpans in
                    scopeSpans.message(1) { scope in
                        scope.string(1, "proxyd")
                        scope.string(2, version)
                    }
                    write(&scopeSpans)
                }
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

extension ProtobufWriter: SpanWriter {
    mutating func begin(_ span: OTLPSpan) {
        openSpan = open(2)
        id(1, span.trace)
        id(2, span.span)
        string(3, span.state)
        if span.parent != 0 { id(4, span.parent) }
        text(5, span.action, span.subject)
        varint(6, UInt64(span.kind.rawValue))
        fixed64(7, span.start)
        fixed64(8, span.end)
        flags = span.flags
    }

    mutating func add(_ name: StaticString, _ text: String) {
        if !text.isEmpty { attribute(9, name, text) }
    }

    mutating func add(_ name: StaticString, _ number: Int) {
        guard number >= 0 else { return }
        let value = UInt64(number)
        begin(attribute: 9, name, valueSize: 1 + Self.size(of: value))
        varint(3, value)
    }

    mutating func add(_ name: StaticString, _ number: Double) {
        guard number >= 0, number.isFinite else { return }
        begin(attribute: 9, name, valueSize: 9)
        fixed64(4, number.bitPattern)
    }

    mutating func end(error: String?) {
        if let error {
            message(15) { status in
                status.string(2, error)
                status.varint(3, 2)
            }
        }
        fixed32(16, flags)
        close(openSpan)
    }

    /// Dozens for each span: their lengths are known before they are written.
    fileprivate mutating func attribute(_ field: Int, _ name: StaticString, _ value: String) {
        begin(attribute: field, name, valueSize: Self.size(ofText: value.utf8.count))
        // One of several: written even where it is what its kind has by default.
        text(1, value)
    }

    private mutating func begin(attribute field: Int, _ name: StaticString, valueSize: Int) {
        let nameSize = Self.size(ofText: name.utf8CodeUnitCount)
        begin(field, length: nameSize + 1 + Self.size(of: UInt64(valueSize)) + valueSize)
        text(1, name)
        begin(2, length: valueSize)
    }
}

/// Writes protobuf's wire format (https://protobuf.dev/programming-guides/encoding/). An empty text is left out.
struct ProtobufWriter: ~Copyable {
    private var out: RoomWriter
    /// Where the span that is being written began, and what is written at its end.
    fileprivate var openSpan = 0
    fileprivate var flags: UInt32 = 0

    private init(_ out: consuming RoomWriter) { self.out = out }

    /// The bytes of what `write` writes.
    /// - Parameter room: how many they are likely to be; more are found when they are needed.
    static func bytes(room: Int, _ write: (inout ProtobufWriter) -> Void) -> [UInt8] {
        RoomWriter.bytes(room: room) { room in
            var writer = ProtobufWriter(room)
            write(&writer)
            return writer.out
        }
    }

    mutating func varint(_ field: Int, _ value: UInt64) {
        tag(field, 0)
        out.append(varint: value)
    }

    mutating func fixed64(_ field: Int, _ value: UInt64) {
        tag(field, 1)
        out.append(value.littleEndian)
    }

    mutating func fixed32(_ field: Int, _ value: UInt32) {
        tag(field, 5)
        out.append(value.littleEndian)
    }

    /// The bytes of a span's number, the highest first.
    mutating func id(_ field: Int, _ span: UInt64) {
        tag(field, 2)
        out.append(varint: 8)
        out.append(span.bigEndian)
    }

    /// The bytes of a trace's number, the highest first.
    mutating func id(_ field: Int, _ trace: TraceID) {
        tag(field, 2)
        out.append(varint: 16)
        out.append(trace.high.bigEndian)
        out.append(trace.low.bigEndian)
    }

    mutating func string(_ field: Int, _ value: String) {
        if !value.isEmpty { text(field, value) }
    }

    /// A text that is written even where it is empty.
    mutating func text(_ field: Int, _ value: String) {
        tag(field, 2)
        out.append(varint: UInt64(value.utf8.count))
        out.append(text: value)
    }

    mutating func text(_ field: Int, _ value: StaticString) {
        tag(field, 2)
        out.append(varint: UInt64(value.utf8CodeUnitCount))
        out.append(value)
    }

    /// Two words with a space between them, or the first alone.
    mutating func text(_ field: Int, _ first: String, _ second: String) {
        guard !second.isEmpty else { return text(field, first) }
        tag(field, 2)
        out.append(varint: UInt64(first.utf8.count + 1 + second.utf8.count))
        out.append(text: first)
        out.append(UInt8(ascii: " "))
        out.append(text: second)
    }

    /// A message within this one.
    mutating func message(_ field: Int, _ write: (inout ProtobufWriter) -> Void) {
        let start = open(field)
        write(&self)
        close(start)
    }

    /// Begins a message within this one, which `close` ends.
    mutating func open(_ field: Int) -> Int {
        tag(field, 2)
        out.append(UInt8(0))
        return out.count - 1
    }

    /// The length is written once it is known; what is behind it gives way where one byte is too little.
    mutating func close(_ start: Int) {
        guard !out.isOverfull else { return }
        let length = UInt64(out.count - start - 1)
        out.insert(Self.size(of: length) - 1, at: start) { $0.append(varint: length) }
    }

    /// Begins a message within this one of which it is known how long it is.
    mutating func begin(_ field: Int, length: Int) {
        tag(field, 2)
        out.append(varint: UInt64(length))
    }

    /// What a number takes.
    static func size(of number: UInt64) -> Int { max(1, (70 - number.leadingZeroBitCount) / 7) }

    /// What a text of so many bytes takes, its length and the tag of a field under 16 included.
    static func size(ofText count: Int) -> Int { 1 + size(of: UInt64(count)) + count }

    private mutating func tag(_ field: Int, _ type: UInt64) { out.append(varint: UInt64(field) << 3 | type) }
}

extension RoomWriter {
    fileprivate mutating func append(varint value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(truncatingIfNeeded: rest))
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
