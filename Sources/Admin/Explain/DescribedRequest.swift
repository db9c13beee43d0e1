import Dialects
import Foundation
import ProxyCore
import RuleEngine

/// The body of `POST /admin/explain`: a request described by the variables that rules have.
///
/// ```
/// {"request": {"model", "path"?, "method"?, "dialect"?, "id"?, "stream"?, "has_tools"?, "has_images"?, "thinking"?,
///              "size"?, "input_tokens"?, "max_tokens"?, "messages"?, "headers"?, "metadata"?, "session"?, "agent"?,
///              "parent_agent"?},
///  "body"?: …, "key"?: "<id or whole key>" or {"id"?, "name"?, "policy"?, "tags"?, "tokens_today"?, …},
///  "client"?: {"ip"} or the address alone, "at"? (or "now"): "2026-02-11T14:00:00+08:00" or seconds,
///  "quota"?: {"<upstream>/<model>": "3%" or 0.03 or null for unknown} or ["<upstream>/<model>=3%"]}
/// ```
///
/// `model` and its siblings may also stand at the top. The dialect follows from the path, the path from the dialect, both from what
/// `body` looks like. From `body`, a request's real body, what is left out is read, and session and agents from the headers too.
struct DescribedRequest {
    private(set) var facts = Facts()
    /// The key that was named, by id or in clear.
    private(set) var keyReference: String?
    private(set) var dialect: ClientDialect
    /// The real body, where one was given; else empty.
    private(set) var body: [UInt8] = []
    /// What models are pretended to have left, whatever is known.
    private(set) var quotas: [PretendedQuota] = []

    /// A request that came, as the data path read it.
    init(_ facts: Facts, dialect: ClientDialect, body: [UInt8]) {
        self.facts = facts
        self.dialect = dialect
        self.body = body
    }

    init(_ bytes: [UInt8], now: Date) throws(AdminFailure) {
        let root = try AdminBody.object(bytes)
        if let request = root["request"], request.object == nil { throw AdminFailure(.badRequest, "request must be an object") }
        let described = Reader(root["request"]?.object ?? root)
        let guess = BodyForm.path(of: root["body"])
        dialect = try described.dialect(guess: guess)
        if let body = root["body"], !body.isNull {
            self.body = body.string.map { Array($0.utf8) } ?? body.bytes
            read(body: self.body, dialect: dialect)
        }
        try read(described, dialect, guess: guess)
        try read(key: root["key"])
        try read(client: root)
        facts.now = try Self.time(root, now)
        quotas = try PretendedQuota.read(root["quota"])
        guard !facts.request.model.isEmpty else {
            throw AdminFailure(.badRequest, "say which model is asked for: {\"model\": …}")
        }
    }

    /// Takes the place of what was said of the key by reference.
    mutating func take(_ key: ClientKey, _ today: KeyToday) {
        facts.key.take(today)
        facts.key.take(key)
    }

    /// What was shown is no key: nobody's policy and tags.
    mutating func takeUnknownKey() { facts.key = Facts.Key() }

    private mutating func read(body: [UInt8], dialect: ClientDialect) {
        var members: [JSONMember] = []
        let found = body.withUnsafeBytes { bytes -> RequestFacts? in
            guard (try? JSONScan.members(of: bytes, into: &members)) != nil else { return nil }
            return RequestFacts(body: bytes, members: members, dialect: dialect)
        }
        guard let found else { return }
        facts.request.model = found.model
        facts.request.stream = found.stream
        facts.request.size = body.count
        facts.request.take(found)
    }

    private mutating func read(_ described: Reader, _ dialect: ClientDialect, guess: String?) throws(AdminFailure) {
        try described.read("model", into: &facts.request.model)
        facts.request.path = guess.flatMap { Reader.dialect(ofPath: $0) == dialect ? $0 : nil } ?? Self.path(for: dialect)
        facts.request.method = "POST"
        facts.request.dialect = dialect.rawValue
        var path = ""
        try described.read("path", into: &path)
        guard path.isEmpty || path.hasPrefix("/") else {
            throw AdminFailure(.badRequest, "path must begin with /, as /v1/messages")
        }
        if !path.isEmpty { facts.request.path = path }
        if facts.request.model.isEmpty { facts.request.model = Self.model(inPath: facts.request.path) }
        try described.read("method", into: &facts.request.method)
        try described.read("id", into: &facts.request.id)
        try described.read("stream", into: &facts.request.stream)
        try described.read("has_tools", into: &facts.request.hasTools)
        try described.read("has_images", into: &facts.request.hasImages)
        try described.read("thinking", into: &facts.request.thinking)
        try described.read("size", into: &facts.request.size)
        try described.read("input_tokens", into: &facts.request.inputTokens)
        try described.read("max_tokens", into: &facts.request.maxTokens)
        try described.read("messages", into: &facts.request.messages)
        try described.read("headers", into: &facts.request.headers)
        try described.read("metadata", into: &facts.request.metadata)
        facts.request.takeOrigin(headers: facts.request.headers, body: body)
        try described.read("session", into: &facts.request.session)
        try described.read("agent", into: &facts.request.agent)
        try described.read("parent_agent", into: &facts.request.parentAgent)
        facts.request.headers = Dictionary(
            facts.request.headers.map { ($0.key.lowercased(), $0.value) }, uniquingKeysWith: { first, _ in first })
    }

    private mutating func read(key: JSONValue?) throws(AdminFailure) {
        facts.key.policy = "default"
        guard let key, !key.isNull else { return }
        if let reference = key.string {
            keyReference = reference
            return
        }
        guard let object = key.object else { throw AdminFailure(.badRequest, "key must be an id, a key or an object") }
        let described = Reader(object)
        try described.read("id", into: &facts.key.id)
        try described.read("name", into: &facts.key.name)
        try described.read("policy", into: &facts.key.policy)
        try described.read("tags", into: &facts.key.tags)
        try described.read("tokens_today", into: &facts.key.tokensToday)
        try described.read("requests_today", into: &facts.key.requestsToday)
        try described.read("spend_today", into: &facts.key.spendToday)
    }

    private mutating func read(client root: JSONObject) throws(AdminFailure) {
        facts.clientIP = "127.0.0.1"
        guard let client = root["client"], !client.isNull else { return }
        if let object = client.object {
            try Reader(object).read("ip", into: &facts.clientIP)
        } else if let text = client.string {
            facts.clientIP = text
        } else {
            throw AdminFailure(.badRequest, "client must be an object with an ip")
        }
        // Who comes by a socket of the machine has no address.
        guard !facts.clientIP.isEmpty, facts.clientIP != "unix" else { return }
        guard let address = AddressRange.Address(facts.clientIP) else {
            throw AdminFailure(.badRequest, "client: '\(facts.clientIP)' is no address, as 10.0.0.1 or 2001:db8::1")
        }
        facts.clientIP = address.description
    }

    private static func time(_ root: JSONObject, _ now: Date) throws(AdminFailure) -> Facts.Timestamp {
        let name = root["at"].map { !$0.isNull } ?? false ? "at" : "now"
        guard let value = root[name], !value.isNull else { return Facts.Timestamp(seconds: Int(clamping: now)) }
        let seconds = value.int ?? value.string.flatMap { Int($0) ?? AdminTime.seconds($0) }
        guard let seconds, (0...AdminTime.lastSecond).contains(seconds) else {
            throw AdminFailure(.badRequest, "\(name) must be seconds since 1970 or a time like 2027-01-31T00:00:00+08:00")
        }
        return Facts.Timestamp(seconds: seconds)
    }

    /// Gemini's paths name the model: `/v1beta/models/{model}:generateContent`.
    private static func model(inPath path: String) -> String {
        guard path.hasPrefix("/v1beta/models/"), let name = path.dropFirst(15).split(separator: ":").first else { return "" }
        return String(name)
    }

    private static func path(for dialect: ClientDialect) -> String {
        switch dialect {
        case .anthropic: "/v1/messages"
        case .openai: "/v1/chat/completions"
        case .responses: "/v1/responses"
        case .gemini: "/v1beta/models"
        }
    }
}

/// Reads optional members into variables, and says which one is of the wrong kind.
private struct Reader {
    let object: JSONObject

    init(_ object: JSONObject) { self.object = object }

    /// The one that is named, else the one whose path it is or seems to be, else Anthropic's.
    func dialect(guess: String?) throws(AdminFailure) -> ClientDialect {
        var name = ""
        var path = ""
        try read("dialect", into: &name)
        try read("path", into: &path)
        guard name.isEmpty else {
            if let dialect = ClientDialect(rawValue: name) { return dialect }
            let known = ClientDialect.allCases.map(\.rawValue).joined(separator: ", ")
            throw AdminFailure(.badRequest, "'\(name)' is no dialect; there are \(known)")
        }
        return Self.dialect(ofPath: path.isEmpty ? guess ?? "/v1/messages" : path)
    }

    static func dialect(ofPath path: String) -> ClientDialect {
        if path.hasPrefix("/v1beta/") { return .gemini }
        if path.hasPrefix("/v1/responses") { return .responses }
        return path.hasPrefix("/v1/messages") ? .anthropic : .openai
    }

    func read(_ name: String, into value: inout String) throws(AdminFailure) { try read(name, "a text", &value) { $0.string } }
    func read(_ name: String, into value: inout Bool) throws(AdminFailure) { try read(name, "true or false", &value) { $0.bool } }
    func read(_ name: String, into value: inout Int) throws(AdminFailure) {
        try read(name, "a whole number, 0 or more", &value) { $0.int.flatMap { $0 < 0 ? nil : $0 } }
    }
    func read(_ name: String, into value: inout Double) throws(AdminFailure) { try read(name, "a number", &value) { $0.double } }
    func read(_ name: String, into value: inout [String: String]) throws(AdminFailure) {
        try read(name, "an object of texts", &value) { $0.stringMap }
    }

    private func read<Value>(
        _ name: String, _ kind: String, _ value: inout Value, _ convert: (JSONValue) -> Value?
    ) throws(AdminFailure) {
        guard let found = object[name], !found.isNull else { return }
        guard let converted = convert(found) else { throw AdminFailure(.badRequest, "\(name) must be \(kind)") }
        value = converted
    }
}
