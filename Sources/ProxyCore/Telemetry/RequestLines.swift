/// Formats request lines. A struct, so that the writes within a line are not checked for exclusive access one by one.
///
/// Before each value room is made for it and for all names and numbers that may follow, so these are written without looking.
struct RequestLines: ~Copyable {
    var buffer: LogBuffer
    private var timestamp = LogTimestamp()
    private let textNames = FieldNames(before: " ", after: "=")
    private let jsonNames = FieldNames(before: ",\"", after: "\":")
    private var isJSON = false

    /// Bytes of a text from outside.
    static let textLimit = 512
    /// More than all names, numbers, quotes and words of a line.
    private static let fixedRoom = 1024

    init(capacity: Int) {
        buffer = LogBuffer(capacity: capacity)
    }

    mutating func append(_ entry: borrowing RequestLogEntry, settings: LogSettings) {
        isJSON = settings.format == .json
        let level = entry.level
        if settings.marksPriority { buffer.append(level == .warning ? "<4>" : "<6>") }
        if isJSON { buffer.append("{\"time\":\"") }
        timestamp.append(milliseconds: entry.timeMilliseconds, to: &buffer, settings: settings)
        buffer.append(isJSON ? "\",\"level\":\"" : " ")
        buffer.append(level.label)
        buffer.append(isJSON ? "\",\"message\":\"request\"" : " request")
        if entry.isAdmin { buffer.append(isJSON ? ",\"event\":\"admin\"" : " event=admin") }
        buffer.makeRoom(Self.fixedRoom)

        text(.id, entry.requestID)
        if let key = entry.key { fields(key) }
        if let call = entry.call { fields(call) }
        text(.model, entry.modelAsked)
        if let labels = entry.labels?.fields { fields(labels) }
        text(.answered, entry.modelServed)
        if entry.status > 0 { number(.status, entry.status) }
        if entry.attempts > 0 { number(.attempts, entry.attempts) }
        name(.stream)
        buffer.appendWithinRoom(entry.isStream ? "true" : "false")
        number(.inputTokens, entry.amounts.inputTokens)
        number(.outputTokens, entry.amounts.outputTokens)
        cost(entry.amounts.cost)
        number(.bytesIn, entry.amounts.bytesIn)
        number(.bytesOut, entry.amounts.bytesOut)
        duration(.total, entry.totalMicroseconds)
        duration(.firstByte, entry.firstByteMicroseconds)
        outcome(entry.outcome)
        text(.reason, entry.reason)
        text(.tried, entry.tried)

        if isJSON { buffer.appendWithinRoom(UInt8(ascii: "}")) }
        buffer.appendWithinRoom(UInt8(ascii: "\n"))
    }

    @inline(__always)
    private mutating func name(_ field: FieldNames.Field) {
        if isJSON { jsonNames.append(field, to: &buffer) } else { textNames.append(field, to: &buffer) }
    }

    private mutating func fields(_ fields: LogFields) {
        if isJSON {
            fields.json.withUnsafeBufferPointer { buffer.append($0) }
        } else {
            fields.text.withUnsafeBufferPointer { buffer.append($0) }
        }
        buffer.makeRoom(Self.fixedRoom)
    }

    @inline(__always)
    private mutating func text(_ field: FieldNames.Field, _ value: borrowing String) {
        guard !value.isEmpty else { return }
        name(field)
        append(value)
    }

    @inline(never)
    private mutating func append(_ value: borrowing String) {
        value.utf8Span.span.withUnsafeBufferPointer { bytes in
            if isJSON {
                buffer.appendQuoted(bytes, limit: Self.textLimit)
            } else {
                buffer.appendValue(bytes, limit: Self.textLimit)
            }
        }
        buffer.makeRoom(Self.fixedRoom)
    }

    @inline(__always)
    private mutating func number(_ field: FieldNames.Field, _ value: Int) {
        guard value >= 0 else { return }
        name(field)
        buffer.appendWithinRoom(value)
    }

    @inline(__always)
    private mutating func cost(_ nanoDollars: Int) {
        guard nanoDollars >= 0 else { return }
        name(.cost)
        buffer.appendWithinRoom(dollars: nanoDollars)
    }

    @inline(__always)
    private mutating func duration(_ field: FieldNames.Field, _ microseconds: Int) {
        guard microseconds >= 0 else { return }
        name(field)
        buffer.appendWithinRoom(milliseconds: microseconds)
    }

    @inline(__always)
    private mutating func outcome(_ outcome: Outcome) {
        name(.outcome)
        if isJSON { buffer.appendWithinRoom(UInt8(ascii: "\"")) }
        buffer.appendWithinRoom(outcome.party.label)
        buffer.appendWithinRoom(UInt8(ascii: "/"))
        buffer.appendWithinRoom(outcome.stage.label)
        if isJSON { buffer.appendWithinRoom(UInt8(ascii: "\"")) }
    }
}

/// The names of a request line's fields with what is around them, each in a slot of one size: copied whole, in one go.
struct FieldNames: ~Copyable {
    enum Field: Int, CaseIterable {
        case id, model, answered, status, attempts, stream, inputTokens, outputTokens, cost, bytesIn, bytesOut, total, firstByte,
            outcome, reason, tried

        fileprivate var name: StaticString {
            typealias Key = LogKeys.Request
            return switch self {
            case .id: Key.id
            case .model: Key.model
            case .answered: Key.answered
            case .status: Key.status
            case .attempts: Key.attempts
            case .stream: Key.stream
            case .inputTokens: Key.inputTokens
            case .outputTokens: Key.outputTokens
            case .cost: Key.cost
            case .bytesIn: Key.bytesIn
            case .bytesOut: Key.bytesOut
            case .total: Key.total
            case .firstByte: Key.firstByte
            case .outcome: Key.outcome
            case .reason: Key.reason
            case .tried: Key.tried
            }
        }
    }

    /// The longest name and what is around it take 18.
    typealias Slot = SIMD32<UInt8>
    private let slots: UnsafeMutablePointer<Slot>
    private let lengths: UnsafeMutablePointer<Int>

    init(before: StaticString, after: StaticString) {
        let count = Field.allCases.count
        slots = .allocate(capacity: count)
        lengths = .allocate(capacity: count)
        for field in Field.allCases {
            let text = Array("\(before)\(field.name)\(after)".utf8).prefix(Slot.scalarCount)
            var slot = Slot()
            for (index, byte) in text.enumerated() { slot[index] = byte }
            (slots + field.rawValue).initialize(to: slot)
            (lengths + field.rawValue).initialize(to: text.count)
        }
    }

    deinit {
        slots.deallocate()
        lengths.deallocate()
    }

    @inline(__always)
    func append(_ field: Field, to buffer: inout LogBuffer) {
        buffer.appendWithinRoom(slots[field.rawValue], count: lengths[field.rawValue])
    }
}
