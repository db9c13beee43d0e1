import Basics
import Dialects
import RuleEngine

/// The line of a decision.
///
/// ```
/// {"v":1,"id","time_ms","now","request":{…},"key":{…},"client":{"ip"},
///  "accounts":{upstream:{account:{model:{"state"?,"for_ms"?,"share"?}}}},
///  "reads":{"quota":{"upstream/model":share},"runs_out":{…},"healthy":{upstream:bool},"limits":{name:share}},
///  "decision":{"rule","tier","upstream","model","account","refusal","status"},
///  "used":{"upstream","model","input","output","cache_read","cache_write","cache_write_1h","reasoning","cost_nano"}}
/// ```
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

    var json: JSONValue {
        let (request, key) = (facts.request, facts.key)
        var members: [(String, JSONValue)] = [
            ("v", .int(Self.version)), ("id", .string(id)), ("time_ms", .int(time)), ("now", .int(facts.now.seconds)),
            (
                "request",
                .members(
                    ("model", .string(request.model)), ("path", .string(request.path)), ("method", .string(request.method)),
                    ("dialect", .string(request.dialect)), ("stream", .bool(request.stream)),
                    ("has_tools", .bool(request.hasTools)), ("has_images", .bool(request.hasImages)),
                    ("thinking", .bool(request.thinking)), ("size", .int(request.size)),
                    ("input_tokens", .int(request.inputTokens)), ("max_tokens", .int(request.maxTokens)),
                    ("messages", .int(request.messages)), ("session", .string(request.session)),
                    ("agent", .string(request.agent)), ("parent_agent", .string(request.parentAgent)),
                    ("headers", .texts(request.headers)), ("metadata", .texts(request.metadata)))
            ),
            (
                "key",
                .members(
                    ("id", .string(key.id)), ("name", .string(key.name)), ("policy", .string(key.policy)),
                    ("tags", .texts(key.tags)), ("tokens_today", .int(key.tokensToday)),
                    ("requests_today", .int(key.requestsToday)), ("spend_today", .share(key.spendToday)),
                    ("declared", .bool(isDeclared)))
            ),
            ("client", .members(("ip", .string(facts.clientIP)))),
        ]
        if !moment.accounts.isEmpty { members.append(("accounts", moment.accountsJSON)) }
        if let reads = moment.readsJSON { members.append(("reads", reads)) }
        members.append(("decision", decided.json))
        if let used { members.append(("used", used.json)) }
        return .object(JSONObject(members.map { JSONObject.Member(key: $0.0, value: $0.1) }))
    }

    /// Reads a line back.
    public init(line: UnsafeRawBufferPointer) throws(Unreadable) {
        guard let json = try? JSONValue(parsing: line, limits: JSONParserLimits.line) else { throw .notJSON }
        guard let version = json["v"]?.int else { throw .notADecision }
        guard version == Self.version else { throw .version(version) }
        guard let request = json["request"]?.object, let decision = json["decision"], let time = json["time_ms"]?.int else {
            throw .notADecision
        }
        id = json["id"]?.string ?? ""
        self.time = time
        facts.request = Facts.Request(recorded: request)
        facts.key = Facts.Key(recorded: json["key"]?.object ?? JSONObject())
        isDeclared = json["key"]?["declared"]?.bool ?? false
        facts.clientIP = json["client"]?["ip"]?.string ?? ""
        facts.now = Facts.Timestamp(seconds: time.floored(by: 1_000), nanoseconds: time.modulo(1_000) * 1_000_000)
        if let accounts = json["accounts"] { moment.read(accounts: accounts) }
        if let reads = json["reads"] { moment.read(reads: reads) }
        decided = Decided(decision)
        used = json["used"].flatMap(Used.init)
    }
}

private enum JSONParserLimits {
    static let line = JSONValue.Limits(depth: 16, count: 200_000)
}

extension Int {
    fileprivate func floored(by divisor: Int) -> Int { self >= 0 ? self / divisor : -1 }
    fileprivate func modulo(_ divisor: Int) -> Int { self >= 0 ? self % divisor : 0 }
}

extension RecordedDecision.Decided {
    fileprivate var json: JSONValue {
        .members(
            ("rule", .text(rule)), ("tier", .text(target?.tier)), ("upstream", .text(target?.upstream)),
            ("model", .text(target?.model)), ("account", .text(target?.account)), ("refusal", .text(refusal)),
            ("status", .int(status)))
    }

    fileprivate init(_ json: JSONValue) {
        rule = json["rule"]?.string
        refusal = json["refusal"]?.string
        status = json["status"]?.int ?? 0
        if let upstream = json["upstream"]?.string, let model = json["model"]?.string {
            target = RecordedDecision.Target(
                tier: json["tier"]?.string ?? "", upstream: upstream, model: model, account: json["account"]?.string ?? "")
        }
    }
}

extension RecordedDecision.Used {
    fileprivate var json: JSONValue {
        .members(
            ("upstream", .string(upstream)), ("model", .string(model)), ("input", .int(usage.uncachedInput)),
            ("output", .int(usage.output)), ("cache_read", .int(usage.cacheRead)), ("cache_write", .int(usage.cacheWrite)),
            ("cache_write_1h", .int(usage.cacheWriteHour)), ("reasoning", .int(usage.reasoning)),
            ("cost_nano", cost.map { .int($0) } ?? .null))
    }

    fileprivate init?(_ json: JSONValue) {
        guard let upstream = json["upstream"]?.string, let model = json["model"]?.string else { return nil }
        func count(_ name: String) -> Int { max(json[name]?.int ?? 0, 0) }
        self.init(
            upstream: upstream, model: model,
            usage: TokenUsage(
                uncachedInput: count("input"), cacheRead: count("cache_read"), cacheWrite: count("cache_write"),
                output: count("output"), reasoning: count("reasoning"), cacheWriteHour: count("cache_write_1h")),
            cost: json["cost_nano"]?.int)
    }
}

extension RecordedMoment {
    fileprivate var accountsJSON: JSONValue {
        .sorted(
            accounts.map { upstream, accounts in
                (
                    upstream,
                    .sorted(accounts.map { account, models in (account, .sorted(models.map { ($0.key, $0.value.json) })) })
                )
            })
    }

    fileprivate var readsJSON: JSONValue? {
        var members: [(String, JSONValue)] = []
        if !quota.isEmpty { members.append(("quota", .sorted(quota.map { ($0.key, .share($0.value)) }))) }
        if !runsOut.isEmpty { members.append(("runs_out", .sorted(runsOut.map { ($0.key, .int($0.value)) }))) }
        if !healthy.isEmpty { members.append(("healthy", .sorted(healthy.map { ($0.key, .bool($0.value)) }))) }
        if !limits.isEmpty { members.append(("limits", .sorted(limits.map { ($0.key, .share($0.value)) }))) }
        return members.isEmpty ? nil : .sorted(members)
    }

    fileprivate mutating func read(accounts json: JSONValue) {
        for upstream in json.object?.members ?? [] {
            for account in upstream.value.object?.members ?? [] {
                for model in account.value.object?.members ?? [] {
                    accounts[upstream.key, default: [:]][account.key, default: [:]][model.key] = Account(
                        obstacle: model.value["state"]?.string, milliseconds: model.value["for_ms"]?.int,
                        share: model.value["share"]?.double)
                }
            }
        }
    }

    fileprivate mutating func read(reads json: JSONValue) {
        for member in json["quota"]?.object?.members ?? [] { quota[member.key] = member.value.double }
        for member in json["runs_out"]?.object?.members ?? [] { runsOut[member.key] = member.value.int }
        for member in json["healthy"]?.object?.members ?? [] { healthy[member.key] = member.value.bool }
        for member in json["limits"]?.object?.members ?? [] { limits[member.key] = member.value.double }
    }
}

extension RecordedMoment.Account {
    fileprivate var json: JSONValue {
        var members: [(String, JSONValue)] = []
        if let obstacle { members.append(("state", .string(obstacle))) }
        if let milliseconds { members.append(("for_ms", .int(milliseconds))) }
        if let share { members.append(("share", .share(share))) }
        return .object(JSONObject(members.map { JSONObject.Member(key: $0.0, value: $0.1) }))
    }
}

extension Facts.Request {
    fileprivate init(recorded json: JSONObject) {
        self.init()
        for member in json.members {
            let value = member.value
            switch member.key {
            case "model": model = value.string ?? ""
            case "path": path = value.string ?? ""
            case "method": method = value.string ?? ""
            case "dialect": dialect = value.string ?? ""
            case "stream": stream = value.bool ?? false
            case "has_tools": hasTools = value.bool ?? false
            case "has_images": hasImages = value.bool ?? false
            case "thinking": thinking = value.bool ?? false
            case "size": size = value.int ?? 0
            case "input_tokens": inputTokens = value.int ?? 0
            case "max_tokens": maxTokens = value.int ?? 0
            case "messages": messages = value.int ?? 0
            case "session": session = value.string ?? ""
            case "agent": agent = value.string ?? ""
            case "parent_agent": parentAgent = value.string ?? ""
            case "headers": headers = value.texts
            case "metadata": metadata = value.texts
            default: continue
            }
        }
    }
}

extension Facts.Key {
    fileprivate init(recorded json: JSONObject) {
        self.init()
        for member in json.members {
            let value = member.value
            switch member.key {
            case "id": id = value.string ?? ""
            case "name": name = value.string ?? ""
            case "policy": policy = value.string ?? ""
            case "tags": tags = value.texts
            case "tokens_today": tokensToday = value.int ?? 0
            case "requests_today": requestsToday = value.int ?? 0
            case "spend_today": spendToday = value.double ?? 0
            default: continue
            }
        }
    }
}

extension JSONValue {
    fileprivate static func text(_ value: String?) -> JSONValue { value.map(JSONValue.string) ?? .null }

    /// In as many digits as it has: a threshold may lie between two that are near.
    fileprivate static func share(_ value: Double) -> JSONValue { value.isFinite ? .number("\(value)") : .int(-1) }

    /// Members in the order of their names.
    fileprivate static func texts(_ values: [String: String]) -> JSONValue {
        values.isEmpty ? .object(JSONObject()) : sorted(values.map { ($0.key, .string($0.value)) })
    }

    fileprivate static func sorted(_ members: [(String, JSONValue)]) -> JSONValue {
        .object(JSONObject(members.sorted { $0.0 < $1.0 }.map { JSONObject.Member(key: $0.0, value: $0.1) }))
    }

    fileprivate var texts: [String: String] {
        guard let object, !object.isEmpty else { return [:] }
        let texts = object.members.compactMap { member in member.value.string.map { (member.key, $0) } }
        return Dictionary(texts) { first, _ in first }
    }
}
