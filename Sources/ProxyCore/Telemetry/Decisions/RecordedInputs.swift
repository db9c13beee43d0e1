import Basics
import Dialects
import RuleEngine

/// What a request's row keeps of what rules read of it, beside what every row has: that `replay --since` can decide it anew.
///
/// ```
/// {"request":{"path","method","stream","max_tokens","size","has_tools","has_images","thinking","input_tokens","messages",
///  "headers":{…},"metadata":{…}},"key":{"tokens_today","requests_today","spend_today"},"client":{"ip"}}
/// ```
///
/// Only what the file's rules read is in it. Credentials are not, and of headers or metadata nothing where not all may be kept.
enum RecordedInputs {
    private static let groups: FactSet = [.line, .parameters, .body, .headers, .metadata, .usage, .client]
    /// Bytes of a row's; where there would be more, headers and metadata are left out.
    static let longest = 4_096

    /// Empty where rules read nothing that a row does not have.
    static func encoded(_ facts: Facts, reads: FactSet) -> [UInt8] {
        let kept = reads.intersection(groups)
        guard !kept.isEmpty else { return [] }
        let bytes = bytes(facts, kept)
        if bytes.count <= longest { return bytes }
        let short = self.bytes(facts, kept.subtracting([.headers, .metadata]))
        return short.count <= longest ? short : []
    }

    private static func bytes(_ facts: Facts, _ kept: FactSet) -> [UInt8] {
        var members: [(String, JSONValue)] = []
        let request = request(facts.request, kept)
        if !request.isEmpty { members.append(("request", object(request))) }
        if kept.contains(.usage) {
            let key = facts.key
            let spend = key.spendToday.isFinite ? JSONValue.number("\(key.spendToday)") : .int(0)
            members.append(
                (
                    "key",
                    object([
                        ("tokens_today", .int(key.tokensToday)), ("requests_today", .int(key.requestsToday)),
                        ("spend_today", spend),
                    ])
                ))
        }
        if kept.contains(.client) { members.append(("client", object([("ip", .string(facts.clientIP))]))) }
        guard !members.isEmpty else { return [] }
        var bytes: [UInt8] = []
        object(members).write(to: &bytes)
        return bytes
    }

    private static func request(_ request: Facts.Request, _ kept: FactSet) -> [(String, JSONValue)] {
        var members: [(String, JSONValue)] = []
        if kept.contains(.line) { members += [("path", .string(request.path)), ("method", .string(request.method))] }
        if kept.contains(.parameters) || kept.contains(.body) {
            members += [
                ("stream", .bool(request.stream)), ("max_tokens", .int(request.maxTokens)), ("size", .int(request.size)),
                ("has_tools", .bool(request.hasTools)), ("has_images", .bool(request.hasImages)),
                ("thinking", .bool(request.thinking)), ("input_tokens", .int(request.inputTokens)),
                ("messages", .int(request.messages)),
            ]
        }
        let headers = Exchange.harmless(request.headers)
        if kept.contains(.headers), headers.count == request.headers.count { members.append(("headers", texts(headers))) }
        let metadata = Exchange.bounded(request.metadata)
        if kept.contains(.metadata), metadata.count == request.metadata.count { members.append(("metadata", texts(metadata))) }
        return members
    }

    private static func texts(_ values: [String: String]) -> JSONValue {
        object(values.inKeyOrder().map { ($0.key, .string($0.value)) })
    }

    private static func object(_ members: [(String, JSONValue)]) -> JSONValue {
        .object(JSONObject(members.map { JSONObject.Member(key: $0.0, value: $0.1) }))
    }
}

extension RecordedDecision {
    /// Takes what a row keeps of what rules read.
    public mutating func take(inputs: JSONValue) {
        if let request = inputs["request"] {
            if let path = request["path"]?.string, let method = request["method"]?.string {
                (facts.request.path, facts.request.method) = (path, method)
                facts.request.id = id
                known.insert(.line)
            }
            if let stream = request["stream"]?.bool {
                facts.request.stream = stream
                facts.request.maxTokens = request["max_tokens"]?.int ?? 0
                facts.request.size = request["size"]?.int ?? 0
                facts.request.hasTools = request["has_tools"]?.bool ?? false
                facts.request.hasImages = request["has_images"]?.bool ?? false
                facts.request.thinking = request["thinking"]?.bool ?? false
                facts.request.inputTokens = request["input_tokens"]?.int ?? 0
                facts.request.messages = request["messages"]?.int ?? 0
                known.formUnion([.parameters, .body])
            }
            if let headers = request["headers"]?.object {
                facts.request.headers = Self.texts(headers)
                known.insert(.headers)
            }
            if let metadata = request["metadata"]?.object {
                facts.request.metadata = Self.texts(metadata)
                known.insert(.metadata)
            }
        }
        if let key = inputs["key"] {
            facts.key.tokensToday = key["tokens_today"]?.int ?? 0
            facts.key.requestsToday = key["requests_today"]?.int ?? 0
            facts.key.spendToday = key["spend_today"]?.double ?? 0
            known.insert(.usage)
        }
        if let address = inputs["client"]?["ip"]?.string {
            facts.clientIP = address
            known.insert(.client)
        }
    }

    private static func texts(_ object: JSONObject) -> [String: String] {
        Dictionary(object.members.map { ($0.key, $0.value.string ?? "") }) { _, last in last }
    }
}
