import Dialects

/// An encoded record, its fields looked at in place.
struct EncodedUsage {
    let payload: UnsafeRawBufferPointer
    let provenance: UsageRecord.Provenance
    /// Milliseconds since 1970.
    let endMilliseconds: Int
    let usage: TokenUsage
    let cost: Int
    let keyID: UnsafeRawBufferPointer
    let model: UnsafeRawBufferPointer
    let requestID: UnsafeRawBufferPointer
    let question: Question
    let course: Course
    let flags: UsageRecord.Flags
    /// Key id, model and labels with their lengths, in up to two pieces: equal for records of one key, model and place only.
    let identity: (UnsafeRawBufferPointer, UnsafeRawBufferPointer)
    private let labels: UnsafeRawBufferPointer
    /// nil in a record of the first version.
    private let keyLabels: UnsafeRawBufferPointer?
    /// Steps and charges.
    private let lists: UnsafeRawBufferPointer

    struct Question {
        var dialect: ClientDialect?
        var model = UnsafeRawBufferPointer(start: nil, count: 0)
        var session = UnsafeRawBufferPointer(start: nil, count: 0)
        var agent = UnsafeRawBufferPointer(start: nil, count: 0)
    }

    struct Course {
        var outcome = RecordedOutcome.answered
        var firstByteMilliseconds: Int?
        var durationMilliseconds = 0
        var status = 0
    }

    /// Seconds since 1970.
    var time: Int { endMilliseconds / 1000 }

    /// Whether a payload, whose checksum fits, was written by a later proxyd.
    static func isOfNewerVersion(_ payload: UnsafeRawBufferPointer) -> Bool {
        payload.first.map { $0 > UsageRecord.version } ?? false
    }

    /// nil when the payload is none of the versions known.
    init?(_ payload: UnsafeRawBufferPointer) {
        switch payload.first {
        case UsageRecord.version: self.init(second: payload)
        case UsageRecord.firstVersion: self.init(first: payload)
        default: return nil
        }
    }

    private init?(second payload: UnsafeRawBufferPointer) {
        var reader = PayloadReader(source: payload)
        guard reader.byte() != nil, let kind = reader.byte(), let provenance = UsageRecord.Provenance(rawValue: kind),
            let flags = reader.byte(), let dialect = reader.byte(), let outcome = reader.byte(), let time = reader.number(),
            var usage = Self.usage(&reader), let cost = reader.number(), let hour = reader.number(),
            let firstByte = reader.number(), let duration = reader.number(), let status = reader.number()
        else { return nil }
        usage.cacheWriteHour = hour
        let begin = reader.position
        guard let keyID = reader.string(), let model = reader.string() else { return nil }
        let labels = reader.position
        guard reader.skipTexts(3), reader.skipTags(), reader.skipTexts(1) else { return nil }
        let keyLabels = reader.position
        guard reader.skipTexts(1), reader.skipTags() else { return nil }
        let end = reader.position
        guard let requestID = reader.string(), let asked = reader.string(), let session = reader.string(),
            let agent = reader.string()
        else { return nil }
        self.payload = payload
        self.flags = UsageRecord.Flags(rawValue: flags)
        self.provenance = provenance
        endMilliseconds = time
        self.usage = usage
        self.cost = cost
        self.keyID = keyID
        self.model = model
        self.requestID = requestID
        question = Question(
            dialect: ClientDialect(code: dialect), model: self.flags.contains(.hasModelAsked) ? model : asked, session: session,
            agent: agent)
        course = Course(
            outcome: RecordedOutcome(code: outcome), firstByteMilliseconds: firstByte > 0 ? firstByte - 1 : nil,
            durationMilliseconds: duration, status: status)
        identity = (UnsafeRawBufferPointer(rebasing: payload[begin..<end]), UnsafeRawBufferPointer(start: nil, count: 0))
        self.labels = UnsafeRawBufferPointer(rebasing: payload[labels..<keyLabels])
        self.keyLabels = UnsafeRawBufferPointer(rebasing: payload[keyLabels..<end])
        lists = UnsafeRawBufferPointer(rebasing: payload[reader.position...])
        guard hasWholeLists else { return nil }
    }

    private init?(first payload: UnsafeRawBufferPointer) {
        var reader = PayloadReader(source: payload)
        guard reader.byte() != nil, let kind = reader.byte(), let provenance = UsageRecord.Provenance(rawValue: kind),
            let time = reader.number(), let usage = Self.usage(&reader), let cost = reader.number()
        else { return nil }
        let begin = reader.position
        guard let keyID = reader.string(), let model = reader.string() else { return nil }
        let end = reader.position
        guard let requestID = reader.string() else { return nil }
        let labels = reader.position
        guard reader.skipTexts(3), reader.skipTags() else { return nil }
        self.payload = payload
        self.provenance = provenance
        endMilliseconds = UsageAmounts.clamped(time) * 1000
        self.usage = usage
        self.cost = cost
        self.keyID = keyID
        self.model = model
        self.requestID = requestID
        question = Question(model: model)
        course = Course()
        flags = [.isCounted, .isPriced, .isAnswered, .hasModelAsked]
        self.labels = UnsafeRawBufferPointer(rebasing: payload[labels..<reader.position])
        identity = (UnsafeRawBufferPointer(rebasing: payload[begin..<end]), self.labels)
        keyLabels = nil
        lists = UnsafeRawBufferPointer(start: nil, count: 0)
    }

    private static func usage(_ reader: inout PayloadReader) -> TokenUsage? {
        guard let uncachedInput = reader.number(), let cacheRead = reader.number(), let cacheWrite = reader.number(),
            let output = reader.number(), let reasoning = reader.number()
        else { return nil }
        return TokenUsage(
            uncachedInput: uncachedInput, cacheRead: cacheRead, cacheWrite: cacheWrite, output: output, reasoning: reasoning)
    }

    // MARK: What is rarely asked

    /// Key, model and where it was served, as text.
    func place() -> UsagePlace {
        let (labels, key) = (decodedLabels, decodedKeyLabels)
        return UsagePlace(
            keyID: Self.text(keyID), model: Self.text(model), upstream: labels.upstream, account: labels.account,
            rule: labels.rule, tags: labels.tags.merging(key.tags) { $1 })
    }

    /// What the limits that it is charged to count of it.
    var limitAmounts: LimitAmounts {
        LimitAmounts(
            requests: 1, tokens: UsageAmounts.sum(UsageAmounts.sum(usage.uncachedInput, usage.cacheWrite), usage.output),
            cachedTokens: usage.cacheRead, nanoDollars: cost)
    }

    /// Gives each limit and bucket to `body`.
    func forEachCharge(_ body: (_ limit: UnsafeRawBufferPointer, _ bucket: UnsafeRawBufferPointer) -> Void) {
        guard flags.contains(.hasCharges) else { return }
        var reader = PayloadReader(source: lists)
        guard !flags.contains(.hasSteps) || Self.steps(&reader) != nil, let count = reader.number() else { return }
        for _ in 0..<min(count, UsageRecord.maximumCharges) {
            guard let limit = reader.string(), let bucket = reader.string() else { return }
            body(limit, bucket)
        }
    }

    /// The whole record.
    func record() -> UsageRecord? {
        var reader = PayloadReader(source: lists)
        var record = UsageRecord(
            requestID: Self.text(requestID), keyID: Self.text(keyID), time: time, model: Self.text(model),
            labels: decodedLabels, usage: usage, provenance: provenance, cost: cost, key: decodedKeyLabels)
        record.priced = flags.contains(.isPriced)
        record.isCounted = flags.contains(.isCounted)
        record.question = UsageRecord.Question(
            dialect: question.dialect, model: Self.text(question.model), session: Self.text(question.session),
            agent: Self.text(question.agent))
        record.course.isAnswered = flags.contains(.isAnswered)
        record.course.outcome = course.outcome
        record.course.firstByteMilliseconds = course.firstByteMilliseconds
        record.course.durationMilliseconds = course.durationMilliseconds
        record.course.status = course.status
        record.course.millisecond = endMilliseconds % 1000
        if flags.contains(.hasSteps) {
            guard let steps = Self.steps(&reader) else { return nil }
            record.course.steps = steps
        }
        forEachCharge { record.charges.append(LimitCharge(limit: Self.text($0), bucket: Self.text($1))) }
        record.media = media
        readTimes(into: &record)
        if let inputs = part(UsageRecord.Parts.inputs) { record.question.inputs = Array(inputs.source) }
        return record
    }

    private func readTimes(into record: inout UsageRecord) {
        guard var reader = part(UsageRecord.Parts.times) else { return }
        func times() -> UsageRecord.Times? {
            guard let start = reader.number(), start > 0, let firstByte = reader.number(), let duration = reader.number() else {
                return nil
            }
            return UsageRecord.Times(start: start - 1, firstByte: firstByte > 0 ? firstByte - 1 : nil, duration: duration)
        }
        for index in record.course.steps.indices { record.course.steps[index].times = times() }
        if record.course.isAnswered { record.course.times = times() }
    }

    /// One of the parts at the end; nil where the record has none of that number.
    private func part(_ number: Int) -> PayloadReader? {
        guard flags.contains(.hasParts), var reader = behindLists else { return nil }
        if flags.contains(.hasMedia), reader.number() == nil || reader.number() == nil { return nil }
        guard let count = reader.number(), count <= UsageRecord.maximumEntries else { return nil }
        for _ in 0..<count {
            guard let found = reader.number(), let size = reader.number(), let content = reader.bytes(size) else { return nil }
            if found == number { return PayloadReader(source: content) }
        }
        return nil
    }

    /// Where the lists end; nil where they are not whole.
    private var behindLists: PayloadReader? {
        var reader = PayloadReader(source: lists)
        if flags.contains(.hasSteps), Self.steps(&reader) == nil { return nil }
        if flags.contains(.hasCharges) {
            guard let count = reader.number(), count <= UsageRecord.maximumCharges, reader.skipTexts(2 * count) else {
                return nil
            }
        }
        return reader
    }

    /// What stands behind the lists, where the record has it.
    var media: MediaUsage {
        guard flags.contains(.hasMedia), var reader = behindLists else { return MediaUsage() }
        guard let images = reader.number(), let audio = reader.number() else { return MediaUsage() }
        return MediaUsage(images: images, audioMilliseconds: audio)
    }

    private var hasWholeLists: Bool {
        guard !flags.isDisjoint(with: [.hasSteps, .hasCharges]) else { return true }
        return behindLists != nil
    }

    private static func steps(_ reader: inout PayloadReader) -> [UsageRecord.Step]? {
        guard let count = reader.number(), count <= UsageRecord.maximumEntries else { return nil }
        var steps: [UsageRecord.Step] = []
        for _ in 0..<count {
            guard let tier = reader.text(), let account = reader.text(), let status = reader.number(),
                let reason = reader.text()
            else { return nil }
            steps.append(UsageRecord.Step(tier: tier, account: account, status: status, reason: reason))
        }
        return steps
    }

    private var decodedLabels: UsageLabels {
        var reader = PayloadReader(source: labels)
        let (upstream, account, rule) = (reader.text() ?? "", reader.text() ?? "", reader.text() ?? "")
        let tags = reader.tags() ?? [:]
        return UsageLabels(upstream: upstream, account: account, rule: rule, tags: tags, tier: reader.text() ?? "")
    }

    private var decodedKeyLabels: KeyLabels {
        guard let keyLabels else { return .none }
        var reader = PayloadReader(source: keyLabels)
        let policy = reader.text() ?? ""
        return KeyLabels(policy: policy, tags: reader.tags() ?? [:])
    }

    static func text(_ bytes: UnsafeRawBufferPointer) -> String { String(decoding: bytes, as: UTF8.self) }
}
