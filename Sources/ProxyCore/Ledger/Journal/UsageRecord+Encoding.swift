import Dialects

/// A record's payload in the journal. Numbers are LEB128, strings have their length in bytes before them.
///
/// Version 2: version, provenance, flags, dialect, outcome (a byte each); time in milliseconds, uncached input, cache read, cache
/// write, output, reasoning, cost, cache write for an hour, milliseconds to the first byte and one (0: none went out),
/// milliseconds in all, status; key id, model; upstream, account, rule, count of tags, tags (name, value), tier; policy, count of
/// tags, tags; request id, model asked for (empty for the one that served), session, agent; where the flags say so the count of
/// steps and steps (tier, account, status, reason), the count of charges and charges (limit, bucket), images and milliseconds of
/// audio, and the count of parts and parts (number, bytes, content). A reader that does not know a flag or a part passes over it;
/// `Parts` has the parts.
///
/// Version 1: version, provenance; time in seconds, uncached input, cache read, cache write, output, reasoning, cost; key id,
/// model, request id; upstream, account, rule, count of tags, tags.
extension UsageRecord {
    /// Greater numbers are kept as this one: no real count comes near, and sums of a few stay in range.
    static let maximumNumber = 1 << 59
    /// Bytes of one string; what is longer is cut.
    static let maximumString = 1_024
    static let maximumTags = 64
    /// How many steps a record may have.
    static let maximumEntries = 64
    static let maximumCharges = 256
    static let version: UInt8 = 2
    static let firstVersion: UInt8 = 1

    struct Flags: OptionSet {
        let rawValue: UInt8
        static let isCounted = Flags(rawValue: 1)
        static let isPriced = Flags(rawValue: 2)
        static let isAnswered = Flags(rawValue: 4)
        static let hasSteps = Flags(rawValue: 8)
        static let hasCharges = Flags(rawValue: 16)
        /// The model that served is the one asked for.
        static let hasModelAsked = Flags(rawValue: 32)
        static let hasMedia = Flags(rawValue: 64)
        static let hasParts = Flags(rawValue: 128)
    }

    /// What may stand at the end, by its number.
    enum Parts {
        /// For each attempt in order: milliseconds from the request's head on and one (0: nothing is known, and nothing follows),
        /// milliseconds to the response's head and one (0: none came), milliseconds in all.
        static let times = 1
        /// JSON: what rules read, `RecordedInputs`.
        static let inputs = 2
    }

    private var flags: Flags {
        var flags: Flags = []
        if isCounted { flags.insert(.isCounted) }
        if priced { flags.insert(.isPriced) }
        if course.isAnswered { flags.insert(.isAnswered) }
        if !course.steps.isEmpty { flags.insert(.hasSteps) }
        if !charges.isEmpty { flags.insert(.hasCharges) }
        if question.model == model { flags.insert(.hasModelAsked) }
        if media != MediaUsage() { flags.insert(.hasMedia) }
        if hasTimes || !question.inputs.isEmpty { flags.insert(.hasParts) }
        return flags
    }

    /// No encoding of this record is larger.
    var maximumEncodedSize: Int {
        var size = 5 + 13 * 10 + 6 * 10 + requestID.utf8.count + keyID.utf8.count + model.utf8.count
        size += labels.encoded.count + key.encoded.count
        size += question.model.utf8.count + question.session.utf8.count + question.agent.utf8.count
        if !course.steps.isEmpty {
            size += course.steps.reduce(10) { $0 + 40 + $1.tier.utf8.count + $1.account.utf8.count + $1.reason.utf8.count }
        }
        if hasTimes { size += 40 + 30 * (1 + course.steps.count) }
        if !question.inputs.isEmpty { size += 30 + question.inputs.count }
        if !charges.isEmpty { size += charges.reduce(10) { $0 + 20 + $1.limit.utf8.count + $1.bucket.utf8.count } }
        return size
    }

    /// Writes the payload to the beginning of `target`, which holds `maximumEncodedSize` bytes, and gives its size.
    func encode(into target: UnsafeMutableRawBufferPointer) -> Int {
        var writer = PayloadWriter(target: target)
        let flags = flags
        writer.put(byte: Self.version)
        writer.put(byte: provenance.rawValue)
        writer.put(byte: flags.rawValue)
        writer.put(byte: question.dialect?.code ?? ClientDialect.noCode)
        writer.put(byte: course.outcome.code)
        writer.put(number: min(max(time, 0), Self.maximumNumber / 1000) * 1000 + min(max(course.millisecond, 0), 999))
        writer.put(number: usage.uncachedInput)
        writer.put(number: usage.cacheRead)
        writer.put(number: usage.cacheWrite)
        writer.put(number: usage.output)
        writer.put(number: usage.reasoning)
        writer.put(number: cost)
        writer.put(number: usage.cacheWriteHour)
        writer.put(number: course.firstByteMilliseconds.map(Self.afterZero) ?? 0)
        writer.put(number: course.durationMilliseconds)
        writer.put(number: course.status)
        writer.put(string: keyID)
        writer.put(string: model)
        labels.encoded.withUnsafeBytes { writer.put(raw: $0) }
        key.encoded.withUnsafeBytes { writer.put(raw: $0) }
        writer.put(string: requestID)
        if flags.contains(.hasModelAsked) { writer.put(byte: 0) } else { writer.put(string: question.model) }
        writer.put(string: question.session)
        writer.put(string: question.agent)
        if flags.contains(.hasSteps) { put(steps: &writer) }
        if flags.contains(.hasCharges) { put(charges: &writer) }
        if flags.contains(.hasMedia) {
            writer.put(number: media.images)
            writer.put(number: media.audioMilliseconds)
        }
        if flags.contains(.hasParts) { put(parts: &writer) }
        return writer.count
    }

    private var hasTimes: Bool {
        course.times != nil || (!course.steps.isEmpty && course.steps.contains { $0.times != nil })
    }

    private func put(parts writer: inout PayloadWriter) {
        let hasInputs = !question.inputs.isEmpty
        writer.put(number: hasTimes && hasInputs ? 2 : 1)
        if hasTimes {
            var size = 0
            forEachTime { size += PayloadWriter.size(of: $0) }
            writer.put(number: Parts.times)
            writer.put(number: size)
            forEachTime { writer.put(number: $0) }
        }
        guard hasInputs else { return }
        writer.put(number: Parts.inputs)
        writer.put(number: question.inputs.count)
        question.inputs.withUnsafeBytes { writer.put(raw: $0) }
    }

    /// The numbers of the times of all attempts that are written.
    private func forEachTime(_ body: (Int) -> Void) {
        func tell(_ times: Times?) {
            guard let times else { return body(0) }
            body(Self.afterZero(times.start))
            body(times.firstByte.map(Self.afterZero) ?? 0)
            body(times.duration)
        }
        for step in course.steps.prefix(Self.maximumEntries) { tell(step.times) }
        if course.isAnswered { tell(course.times) }
    }

    private static func afterZero(_ number: Int) -> Int { min(max(number, 0), maximumNumber - 1) + 1 }

    private func put(steps writer: inout PayloadWriter) {
        writer.put(number: min(course.steps.count, Self.maximumEntries))
        for step in course.steps.prefix(Self.maximumEntries) {
            writer.put(string: step.tier)
            writer.put(string: step.account)
            writer.put(number: step.status)
            writer.put(string: step.reason)
        }
    }

    private func put(charges writer: inout PayloadWriter) {
        writer.put(number: min(charges.count, Self.maximumCharges))
        for charge in charges.prefix(Self.maximumCharges) {
            writer.put(string: charge.limit)
            writer.put(string: charge.bucket)
        }
    }

    /// Texts and what is the same for all records from one place.
    static func encode(_ texts: [String], tags: [String: String]) -> [UInt8] {
        let tags = tags.sorted { $0.key < $1.key }.prefix(maximumTags)
        let count = [UInt8](unsafeUninitializedCapacity: 10) { target, size in
            var writer = PayloadWriter(target: UnsafeMutableRawBufferPointer(target))
            writer.put(number: tags.count)
            size = writer.count
        }
        return encode(texts) + count + encode(tags.flatMap { [$0.key, $0.value] })
    }

    static func encode(_ texts: [String]) -> [UInt8] {
        guard !texts.isEmpty else { return [] }
        let room = texts.reduce(0) { $0 + 10 + $1.utf8.count }
        return [UInt8](unsafeUninitializedCapacity: room) { target, count in
            var writer = PayloadWriter(target: UnsafeMutableRawBufferPointer(target))
            for text in texts { writer.put(string: text) }
            count = writer.count
        }
    }
}

extension ClientDialect {
    static let noCode: UInt8 = 255

    /// What the journal has for it.
    var code: UInt8 {
        switch self {
        case .anthropic: 0
        case .openai: 1
        case .responses: 2
        case .gemini: 3
        }
    }

    init?(code: UInt8) {
        switch code {
        case 0: self = .anthropic
        case 1: self = .openai
        case 2: self = .responses
        case 3: self = .gemini
        default: return nil
        }
    }
}
