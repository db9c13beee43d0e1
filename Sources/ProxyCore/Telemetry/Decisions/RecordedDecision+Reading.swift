import Dialects
import RuleEngine

/// Reads the line of a decision back: a million of them are replayed, so they are read in place, not as trees.
extension RecordedDecision {
    /// Why a line is no decision.
    public enum Unreadable: Error, Sendable, Hashable, CustomStringConvertible {
        case notJSON
        case notADecision
        case version(Int)

        public var description: String {
            switch self {
            case .notJSON: "it is not JSON"
            case .notADecision: "it is no recorded decision"
            case .version(let number): "it is of version \(number), and this proxyd reads version \(RecordedDecision.version)"
            }
        }
    }

    /// Reads a line back, as `lines` writes it. What it does not have is as in a decision of which nothing is known.
    /// - Throws: why it is none, as one of more than 4 MiB is.
    public init(line: UnsafeRawBufferPointer) throws(Unreadable) {
        guard line.count <= 4 << 20 else { throw .notADecision }
        var object: RecordedObject
        do throws(JSONScan.Problem) { object = try RecordedObject(line) } catch {
            if case .notAContainer = error { throw .notADecision }
            throw .notJSON
        }
        guard let version = object.int("v") else { throw .notADecision }
        guard version == Self.version else { throw .version(version) }
        id = object.string("id") ?? ""
        guard let time = object.int("time_ms"), var request = object.object("request") else { throw .notADecision }
        self.time = time
        facts.now = Facts.Timestamp(seconds: time.floored(by: 1_000), nanoseconds: time.modulo(1_000) * 1_000_000)
        facts.request = Facts.Request(recorded: &request)
        facts.request.id = id
        if var key = object.object("key") {
            facts.key = Facts.Key(recorded: &key)
            isDeclared = key.bool("declared") ?? false
        }
        if var client = object.object("client") { facts.clientIP = client.string("ip") ?? "" }
        if var dropped = object.object("dropped") {
            if dropped.bool("headers") ?? false { known.remove(.headers) }
            if dropped.bool("metadata") ?? false { known.remove(.metadata) }
        }
        if let accounts = object.object("accounts") { moment.read(accounts: accounts) }
        if var reads = object.object("reads") { moment.read(reads: &reads) }
        guard object.has("decision") else { throw .notADecision }
        if var decision = object.object("decision") { decided = Decided(recorded: &decision) }
        if var used = object.object("used") { self.used = Used(recorded: &used) }
    }
}

extension Int {
    fileprivate func floored(by divisor: Int) -> Int { self >= 0 ? self / divisor : -1 }
    fileprivate func modulo(_ divisor: Int) -> Int { self >= 0 ? self % divisor : 0 }
}

extension RecordedDecision.Decided {
    fileprivate init(recorded json: inout RecordedObject) {
        self.init()
        rule = json.string("rule")
        let tier = json.string("tier")
        if let upstream = json.string("upstream"), let model = json.string("model") {
            target = RecordedDecision.Target(
                tier: tier ?? "", upstream: upstream, model: model, account: json.string("account") ?? "")
        }
        refusal = json.string("refusal")
        status = json.int("status") ?? 0
    }
}

extension RecordedDecision.Used {
    fileprivate init?(recorded json: inout RecordedObject) {
        guard let upstream = json.string("upstream"), let model = json.string("model") else { return nil }
        var usage = TokenUsage()
        usage.uncachedInput = json.count("input")
        usage.output = json.count("output")
        usage.cacheRead = json.count("cache_read")
        usage.cacheWrite = json.count("cache_write")
        usage.cacheWriteHour = json.count("cache_write_1h")
        usage.reasoning = json.count("reasoning")
        self.init(
            upstream: upstream, model: model, usage: usage,
            cost: json.int("cost_nano").map { min(max($0, 0), UsageRecord.maximumNumber) })
    }
}

extension RecordedMoment {
    fileprivate mutating func read(accounts json: RecordedObject) {
        json.each { upstream, accounts in
            RecordedObject(json, accounts)?.each { account, models in
                RecordedObject(json, models)?.each { model, standing in
                    guard var standing = RecordedObject(json, standing) else { return }
                    self.accounts[upstream, default: [:]][account, default: [:]][model] = Account(
                        obstacle: standing.string("state"), milliseconds: standing.int("for_ms"), share: standing.double("share"))
                }
            }
        }
    }

    fileprivate mutating func read(reads json: inout RecordedObject) {
        if let shares = json.object("quota") { shares.each { quota[$0] = shares.double($1) } }
        if let times = json.object("runs_out") { times.each { runsOut[$0] = times.int($1) } }
        if let upstreams = json.object("healthy") { upstreams.each { healthy[$0] = upstreams.bool($1) } }
        if let shares = json.object("limits") { shares.each { limits[$0] = shares.double($1) } }
    }
}

extension Facts.Request {
    fileprivate init(recorded json: inout RecordedObject) {
        self.init()
        model = json.string("model") ?? ""
        path = json.string("path") ?? ""
        method = json.string("method") ?? ""
        dialect = json.string("dialect") ?? ""
        stream = json.bool("stream") ?? false
        hasTools = json.bool("has_tools") ?? false
        hasImages = json.bool("has_images") ?? false
        thinking = json.bool("thinking") ?? false
        size = json.int("size") ?? 0
        inputTokens = json.int("input_tokens") ?? 0
        maxTokens = json.int("max_tokens") ?? 0
        messages = json.int("messages") ?? 0
        session = json.string("session") ?? ""
        agent = json.string("agent") ?? ""
        parentAgent = json.string("parent_agent") ?? ""
        headers = json.texts("headers")
        metadata = json.texts("metadata")
    }
}

extension Facts.Key {
    fileprivate init(recorded json: inout RecordedObject) {
        self.init()
        id = json.string("id") ?? ""
        name = json.string("name") ?? ""
        policy = json.string("policy") ?? ""
        tags = json.texts("tags")
        tokensToday = json.int("tokens_today") ?? 0
        requestsToday = json.int("requests_today") ?? 0
        spendToday = json.double("spend_today") ?? 0
    }
}

/// One object of a line. Its members are quickest asked for in the order in which they are written.
private struct RecordedObject {
    private let bytes: UnsafeRawBufferPointer
    private let outline: JSONOutline
    /// Where its members are.
    private let range: Range<Int>
    /// The member behind the one that was asked for last.
    private var next: Int

    init(_ line: UnsafeRawBufferPointer) throws(JSONScan.Problem) {
        bytes = line
        outline = try JSONOutline(line)
        range = 0..<outline.nodes.count
        next = 0
    }

    /// The object that a member of `other` is; nil where it is none.
    init?(_ other: RecordedObject, _ index: Int) {
        let node = other.outline.nodes[index]
        guard node.member.kind == .object else { return nil }
        (bytes, outline) = (other.bytes, other.outline)
        range = index + 1..<node.end
        next = range.lowerBound
    }

    mutating func has(_ name: StaticString) -> Bool { member(name) != nil }
    mutating func string(_ name: StaticString) -> String? { member(name).flatMap { string($0) } }
    mutating func int(_ name: StaticString) -> Int? { member(name).flatMap { int($0) } }
    mutating func double(_ name: StaticString) -> Double? { member(name).flatMap { double($0) } }
    mutating func bool(_ name: StaticString) -> Bool? { member(name).flatMap { bool($0) } }
    mutating func object(_ name: StaticString) -> RecordedObject? { member(name).flatMap { RecordedObject(self, $0) } }

    /// 0 where there is none.
    mutating func count(_ name: StaticString) -> Int { min(max(int(name) ?? 0, 0), UsageRecord.maximumNumber) }

    /// The texts of an object of texts.
    mutating func texts(_ name: StaticString) -> [String: String] {
        guard let object = object(name), !object.range.isEmpty else { return [:] }
        var texts: [String: String] = [:]
        object.each { texts[$0] = object.string($1) }
        return texts
    }

    func each(_ body: (String, Int) -> Void) {
        var index = range.lowerBound
        while index < range.upperBound {
            let node = outline.nodes[index]
            body(node.member.keyString(in: bytes), index)
            index = node.end
        }
    }

    func string(_ index: Int) -> String? {
        let member = outline.nodes[index].member
        return member.kind == .string ? JSONScan.string(of: bytes, in: member.value) : nil
    }

    func int(_ index: Int) -> Int? {
        let member = outline.nodes[index].member
        return member.kind == .number ? JSONScan.integer(of: bytes, in: member.value) : nil
    }

    func double(_ index: Int) -> Double? {
        let member = outline.nodes[index].member
        return member.kind == .number ? Double(String(decoding: bytes[member.value], as: UTF8.self)) : nil
    }

    func bool(_ index: Int) -> Bool? {
        switch outline.nodes[index].member.kind {
        case .true: true
        case .false: false
        case .string, .number, .null, .object, .array: nil
        }
    }

    private mutating func member(_ name: StaticString) -> Int? {
        guard let index = index(name, from: next, to: range.upperBound) ?? index(name, from: range.lowerBound, to: next) else {
            return nil
        }
        next = outline.nodes[index].end
        return index
    }

    private func index(_ name: StaticString, from start: Int, to end: Int) -> Int? {
        var index = start
        while index < end {
            if outline.nodes[index].member.key(equals: name, in: bytes) { return index }
            index = outline.nodes[index].end
        }
        return nil
    }
}
