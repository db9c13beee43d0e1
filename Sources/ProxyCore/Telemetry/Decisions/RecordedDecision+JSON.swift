import Basics
import Dialects
import RuleEngine

/// The line of a decision.
///
/// ```
/// {"v":1,"id","time_ms","now","request":{…},"key":{…},"client":{"ip"},"dropped"?:{"headers"?:true,"metadata"?:true},
///  "accounts":{upstream:{account:{model:{"state"?,"for_ms"?,"share"?}}}},
///  "reads":{"quota":{"upstream/model":share},"runs_out":{…},"healthy":{upstream:bool},"limits":{name:share}},
///  "decision":{"rule","tier","upstream","model","account","refusal","status"},
///  "used":{"upstream","model","input","output","cache_read","cache_write","cache_write_1h","reasoning","cost_nano"}}
/// ```
extension RecordedDecision {
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
        if let dropped = droppedJSON { members.append(("dropped", dropped)) }
        if !moment.accounts.isEmpty { members.append(("accounts", moment.accountsJSON)) }
        if let reads = moment.readsJSON { members.append(("reads", reads)) }
        members.append(("decision", decided.json))
        if let used { members.append(("used", used.json)) }
        return .object(JSONObject(members.map { JSONObject.Member(key: $0.0, value: $0.1) }))
    }
}

extension RecordedDecision {
    /// The parts that are not written whole.
    private var droppedJSON: JSONValue? {
        var members: [(String, JSONValue)] = []
        if !known.contains(.headers) { members.append(("headers", .bool(true))) }
        if !known.contains(.metadata) { members.append(("metadata", .bool(true))) }
        return members.isEmpty ? nil : .sorted(members)
    }
}

extension RecordedDecision.Decided {
    fileprivate var json: JSONValue {
        .members(
            ("rule", .text(rule)), ("tier", .text(target?.tier)), ("upstream", .text(target?.upstream)),
            ("model", .text(target?.model)), ("account", .text(target?.account)), ("refusal", .text(refusal)),
            ("status", .int(status)))
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

extension JSONValue {
    fileprivate static func text(_ value: String?) -> JSONValue { value.map(JSONValue.string) ?? .null }

    /// A share in as many digits as it has: a threshold may lie between two that are near.
    fileprivate static func share(_ value: Double) -> JSONValue { value.isFinite ? .number("\(value)") : .int(-1) }

    /// Members in the order of their names.
    fileprivate static func texts(_ values: [String: String]) -> JSONValue {
        values.isEmpty ? .object(JSONObject()) : sorted(values.map { ($0.key, .string($0.value)) })
    }

    fileprivate static func sorted(_ members: [(String, JSONValue)]) -> JSONValue {
        .object(JSONObject(members.sorted { $0.0 < $1.0 }.map { JSONObject.Member(key: $0.0, value: $0.1) }))
    }
}
