import Dialects

/// A record's payload in the journal. Numbers are LEB128, strings have their length in bytes before them:
///
/// version (1), provenance, time, uncached input, cache read, cache write, output, reasoning, cost,
/// key id, model, request id, upstream, account, rule, count of tags, tags (name, value).
extension UsageRecord {
    /// Greater numbers are kept as this one: no real count comes near, and sums of a few stay in range.
    static let maximumNumber = 1 << 59
    /// Bytes of one string; what is longer is cut.
    static let maximumString = 1_024
    static let maximumTags = 64
    fileprivate static let version: UInt8 = 1

    /// No encoding of this record is larger.
    var maximumEncodedSize: Int {
        2 + 7 * 10 + 3 * 10 + requestID.utf8.count + keyID.utf8.count + model.utf8.count + labels.encoded.count
    }

    /// Writes the payload to the beginning of `target`, which holds `maximumEncodedSize` bytes, and gives its size.
    func encode(into target: UnsafeMutableRawBufferPointer) -> Int {
        var writer = PayloadWriter(target: target)
        writer.put(byte: Self.version)
        writer.put(byte: provenance.rawValue)
        writer.put(number: time)
        writer.put(number: usage.uncachedInput)
        writer.put(number: usage.cacheRead)
        writer.put(number: usage.cacheWrite)
        writer.put(number: usage.output)
        writer.put(number: usage.reasoning)
        writer.put(number: cost)
        writer.put(string: keyID)
        writer.put(string: model)
        writer.put(string: requestID)
        labels.encoded.withUnsafeBytes { writer.put(raw: $0) }
        return writer.count
    }

    /// The part of a payload that is the same for all records from one place.
    static func encode(upstream: String, account: String, rule: String, tags: [String: String]) -> [UInt8] {
        let tags = tags.sorted { $0.key < $1.key }.prefix(maximumTags)
        let texts = [upstream, account, rule] + tags.flatMap { [$0.key, $0.value] }
        let room = texts.reduce(10) { $0 + 10 + $1.utf8.count }
        return [UInt8](unsafeUninitializedCapacity: room) { target, count in
            var writer = PayloadWriter(target: UnsafeMutableRawBufferPointer(target))
            for text in texts.prefix(3) { writer.put(string: text) }
            writer.put(number: tags.count)
            for text in texts.dropFirst(3) { writer.put(string: text) }
            count = writer.count
        }
    }
}

/// The fields of an encoded record that the roll-up looks at, in place.
struct EncodedUsage {
    let provenance: UsageRecord.Provenance
    let time: Int
    let usage: TokenUsage
    let cost: Int
    let keyID: UnsafeRawBufferPointer
    let model: UnsafeRawBufferPointer
    let requestID: UnsafeRawBufferPointer
    /// Key id and model with their lengths: equal for equal pairs only.
    let keyAndModel: UnsafeRawBufferPointer
    private let rest: UnsafeRawBufferPointer

    /// Whether a payload, whose checksum fits, was written by a later proxyd.
    static func isOfNewerVersion(_ payload: UnsafeRawBufferPointer) -> Bool {
        payload.first.map { $0 > UsageRecord.version } ?? false
    }

    /// nil when the payload is none of this version.
    init?(_ payload: UnsafeRawBufferPointer) {
        var reader = PayloadReader(source: payload)
        guard reader.byte() == UsageRecord.version, let kind = reader.byte(),
            let provenance = UsageRecord.Provenance(rawValue: kind),
            let time = reader.number(), let uncachedInput = reader.number(), let cacheRead = reader.number(),
            let cacheWrite = reader.number(), let output = reader.number(), let reasoning = reader.number(),
            let cost = reader.number()
        else { return nil }
        let begin = reader.position
        guard let keyID = reader.string(), let model = reader.string() else { return nil }
        let end = reader.position
        guard let requestID = reader.string() else { return nil }
        self.provenance = provenance
        self.time = time
        usage = TokenUsage(
            uncachedInput: uncachedInput, cacheRead: cacheRead, cacheWrite: cacheWrite, output: output, reasoning: reasoning)
        self.cost = cost
        self.keyID = keyID
        self.model = model
        self.requestID = requestID
        keyAndModel = UnsafeRawBufferPointer(rebasing: payload[begin..<end])
        rest = UnsafeRawBufferPointer(rebasing: payload[reader.position...])
    }

    /// The whole record; nil when its end is damaged.
    func record() -> UsageRecord? {
        var reader = PayloadReader(source: rest)
        guard let upstream = reader.string(), let account = reader.string(), let rule = reader.string(),
            let count = reader.number(), count <= UsageRecord.maximumTags
        else { return nil }
        var tags: [String: String] = [:]
        for _ in 0..<count {
            guard let name = reader.string(), let value = reader.string() else { return nil }
            tags[Self.text(name)] = Self.text(value)
        }
        return UsageRecord(
            requestID: Self.text(requestID), keyID: Self.text(keyID), time: time, model: Self.text(model),
            labels: UsageLabels(
                upstream: Self.text(upstream), account: Self.text(account), rule: Self.text(rule), tags: tags),
            usage: usage, provenance: provenance, cost: cost)
    }

    static func text(_ bytes: UnsafeRawBufferPointer) -> String { String(decoding: bytes, as: UTF8.self) }
}

/// Its user has made room for all that is put.
private struct PayloadWriter {
    let target: UnsafeMutableRawBufferPointer
    private(set) var count = 0

    init(target: UnsafeMutableRawBufferPointer) {
        self.target = target
    }

    mutating func put(byte: UInt8) {
        target[count] = byte
        count &+= 1
    }

    mutating func put(number: Int) {
        var rest = UInt64(min(max(number, 0), UsageRecord.maximumNumber))
        while rest >= 0x80 {
            put(byte: UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        put(byte: UInt8(truncatingIfNeeded: rest))
    }

    /// Bytes that are encoded already.
    mutating func put(raw bytes: UnsafeRawBufferPointer) {
        UnsafeMutableRawBufferPointer(rebasing: target[count...]).copyMemory(from: bytes)
        count &+= bytes.count
    }

    mutating func put(string: String) {
        let done: Void? = string.utf8.withContiguousStorageIfAvailable { put(bytes: UnsafeRawBufferPointer($0)) }
        if done == nil { Array(string.utf8).withUnsafeBytes { put(bytes: $0) } }
    }

    private mutating func put(bytes: UnsafeRawBufferPointer) {
        var length = bytes.count
        if length > UsageRecord.maximumString {
            length = UsageRecord.maximumString
            // Never within a scalar: its further bytes begin with the bits 10.
            while length > 0, bytes[length] & 0xc0 == 0x80 { length -= 1 }
        }
        put(number: length)
        UnsafeMutableRawBufferPointer(rebasing: target[count...]).copyMemory(
            from: UnsafeRawBufferPointer(rebasing: bytes[..<length]))
        count &+= length
    }
}

private struct PayloadReader {
    let source: UnsafeRawBufferPointer
    private(set) var position = 0

    init(source: UnsafeRawBufferPointer) {
        self.source = source
    }

    mutating func byte() -> UInt8? {
        guard position < source.count else { return nil }
        defer { position &+= 1 }
        return source[position]
    }

    /// At most nine bytes, at most `maximumNumber`.
    mutating func number() -> Int? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 63, by: 7) {
            guard let byte = byte() else { return nil }
            value |= UInt64(byte & 0x7f) << shift
            if byte & 0x80 == 0 { return value <= UInt64(UsageRecord.maximumNumber) ? Int(value) : nil }
        }
        return nil
    }

    mutating func string() -> UnsafeRawBufferPointer? {
        guard let length = number(), length <= UsageRecord.maximumString, length <= source.count - position else { return nil }
        defer { position &+= length }
        return UnsafeRawBufferPointer(rebasing: source[position..<(position + length)])
    }
}
