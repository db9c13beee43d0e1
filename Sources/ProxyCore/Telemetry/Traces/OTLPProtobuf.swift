/// Spans as protobuf; the field numbers are those of `opentelemetry/proto/trace/v1/trace.proto` and its neighbours.
enum OTLPProtobuf {
    static func body(_ spans: [OTLPSpan], version: String) -> [UInt8] {
        ProtobufWriter.bytes(room: 256 + 1024 * spans.count) { request in
            request.message(1) { resourceSpans in
                resourceSpans.message(1) { resource in
                    attribute(1, "service.name", .text("proxyd"), into: &resource)
                    attribute(1, "service.version", .text(version), into: &resource)
                }
                resourceSpans.message(2) { scopeSpans in
                    scopeSpans.message(1) { scope in
                        scope.string(1, "proxyd")
                        scope.string(2, version)
                    }
                    for span in spans { scopeSpans.message(2) { write(span, into: &$0) } }
                }
            }
        }
    }

    private static func write(_ span: OTLPSpan, into out: inout ProtobufWriter) {
        out.id(1, span.trace)
        out.id(2, span.span)
        out.string(3, span.state)
        if span.parent != 0 { out.id(4, span.parent) }
        out.string(5, span.name)
        out.varint(6, UInt64(span.kind.rawValue))
        out.fixed64(7, span.start)
        out.fixed64(8, span.end)
        for (name, value) in span.attributes { attribute(9, name, value, into: &out) }
        if let error = span.error {
            out.message(15) { status in
                status.string(2, error)
                status.varint(3, 2)
            }
        }
        out.fixed32(16, span.flags)
    }

    /// Dozens for each span: their lengths are known before they are written.
    private static func attribute(_ field: Int, _ name: String, _ value: OTLPSpan.Value, into out: inout ProtobufWriter) {
        let size =
            switch value {
            case .text(let text): ProtobufWriter.size(ofText: text)
            case .integer(let number): 1 + ProtobufWriter.size(of: UInt64(bitPattern: Int64(number)))
            case .number: 9
            }
        let nameSize = ProtobufWriter.size(ofText: name)
        out.begin(field, length: nameSize + 1 + ProtobufWriter.size(of: UInt64(size)) + size)
        out.text(1, name)
        out.begin(2, length: size)
        // One of several: written even where it is what its kind has by default.
        switch value {
        case .text(let text): out.text(1, text)
        case .integer(let number): out.varint(3, UInt64(bitPattern: Int64(number)))
        case .number(let number): out.fixed64(4, number.bitPattern)
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

/// Writes protobuf's wire format (https://protobuf.dev/programming-guides/encoding/) into room that was made beforehand: spans are
/// many small pieces. An empty text is left out.
struct ProtobufWriter: ~Copyable {
    private let base: UnsafeMutableRawPointer
    private let capacity: Int
    private(set) var count = 0
    /// Something did not fit: what is written is worth nothing.
    private(set) var isOverfull = false

    private init(_ room: UnsafeMutableBufferPointer<UInt8>, _ base: UnsafeMutablePointer<UInt8>) {
        self.base = UnsafeMutableRawPointer(base)
        capacity = room.count
    }

    /// The bytes of what `write` writes.
    /// - Parameter room: how many they are likely to be; more are found when they are needed.
    static func bytes(room: Int, _ write: (inout ProtobufWriter) -> Void) -> [UInt8] {
        var room = max(room, 16)
        while true {
            var isWhole = false
            let bytes = [UInt8](unsafeUninitializedCapacity: room) { target, count in
                guard let base = target.baseAddress else { return }
                var writer = ProtobufWriter(target, base)
                write(&writer)
                isWhole = !writer.isOverfull
                count = isWhole ? writer.count : 0
            }
            if isWhole { return bytes }
            room *= 2
        }
    }

    mutating func varint(_ field: Int, _ value: UInt64) {
        tag(field, 0)
        append(varint: value)
    }

    mutating func fixed64(_ field: Int, _ value: UInt64) {
        tag(field, 1)
        append(value.littleEndian)
    }

    mutating func fixed32(_ field: Int, _ value: UInt32) {
        tag(field, 5)
        append(value.littleEndian)
    }

    /// The bytes of a span's number, the highest first.
    mutating func id(_ field: Int, _ span: UInt64) {
        tag(field, 2)
        append(varint: 8)
        append(span.bigEndian)
    }

    /// The bytes of a trace's number, the highest first.
    mutating func id(_ field: Int, _ trace: TraceID) {
        tag(field, 2)
        append(varint: 16)
        append(trace.high.bigEndian)
        append(trace.low.bigEndian)
    }

    mutating func string(_ field: Int, _ value: String) {
        if !value.isEmpty { text(field, value) }
    }

    /// A text that is written even where it is empty.
    mutating func text(_ field: Int, _ value: String) {
        var value = value
        tag(field, 2)
        value.withUTF8 { utf8 in
            append(varint: UInt64(utf8.count))
            append(UnsafeRawBufferPointer(utf8))
        }
    }

    /// A message within this one. Its length is written once it is known; what is behind it gives way where one byte is too little.
    mutating func message(_ field: Int, _ write: (inout ProtobufWriter) -> Void) {
        tag(field, 2)
        let start = count
        append(UInt8(0))
        write(&self)
        guard !isOverfull else { return }
        let length = count - start - 1
        let size = Self.size(of: UInt64(length))
        guard size == 1 || makes(size - 1) else { return }
        if size > 1 { (base + start + size).copyMemory(from: base + start + 1, byteCount: length) }
        count = start
        append(varint: UInt64(length))
        count += length
    }

    /// Begins a message within this one of which it is known how long it is.
    mutating func begin(_ field: Int, length: Int) {
        tag(field, 2)
        append(varint: UInt64(length))
    }

    /// What a number takes.
    static func size(of number: UInt64) -> Int { max(1, (70 - number.leadingZeroBitCount) / 7) }

    /// What a text takes, its length and the tag of a field under 16 included.
    static func size(ofText text: String) -> Int { 1 + size(of: UInt64(text.utf8.count)) + text.utf8.count }

    private mutating func tag(_ field: Int, _ type: UInt64) { append(varint: UInt64(field) << 3 | type) }

    private mutating func append(varint value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(truncatingIfNeeded: rest))
    }

    private mutating func append(_ number: some FixedWidthInteger) {
        let size = number.bitWidth / 8
        guard makes(size) else { return }
        base.storeBytes(of: number, toByteOffset: count, as: type(of: number))
        count += size
    }

    private mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress, makes(bytes.count) else { return }
        (base + count).copyMemory(from: start, byteCount: bytes.count)
        count += bytes.count
    }

    /// Whether so many bytes have room.
    private mutating func makes(_ more: Int) -> Bool {
        if more > capacity - count { isOverfull = true }
        return !isOverfull
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
