import Dialects
import ProxyCore

/// What `POST /admin/explain` and `GET /admin/models` say, as people read it.
extension AdminClient {
    /// A request that is only thought of.
    public struct DescribedCall: Sendable {
        public var model: String?
        /// A key's id, name or text.
        public var key: String?
        public var policy: String?
        public var dialect: String?
        public var path: String?
        public var tags: [String: String] = [:]
        public var headers: [String: String] = [:]
        public var client: String?
        public var now: String?
        public var isStreaming = false
        public var hasTools = false
        public var inputTokens: Int?
        public var maxTokens: Int?
        public var session: String?
        /// What models are pretended to have left, each as `upstream/model=3%`.
        public var quotas: [String] = []
        /// A real request's body.
        public var body: [UInt8]?

        public init() {}

        /// - Throws: `RemoteFailure.usage`.
        func json() throws(RemoteFailure) -> JSONValue {
            var request = JSONObject()
            func add(_ name: String, _ value: String?) { if let value { request.append(name, .string(value)) } }
            add("model", model)
            add("dialect", dialect)
            add("path", path)
            add("session", session)
            if isStreaming { request.append("stream", true) }
            if hasTools { request.append("has_tools", true) }
            if let inputTokens { request.append("input_tokens", .int(inputTokens)) }
            if let maxTokens { request.append("max_tokens", .int(maxTokens)) }
            if !headers.isEmpty { request.append("headers", .map(headers)) }
            var whole: JSONObject = ["request": .object(request)]
            if let key {
                whole.append("key", .string(key))
            } else if policy != nil || !tags.isEmpty {
                var described = JSONObject()
                if let policy { described.append("policy", .string(policy)) }
                if !tags.isEmpty { described.append("tags", .map(tags)) }
                whole.append("key", .object(described))
            }
            if let client { whole.append("client", ["ip": .string(client)]) }
            if let now { whole.append("at", .string(now)) }
            if !quotas.isEmpty { whole.append("quota", .strings(quotas)) }
            if let body {
                guard let value = try? JSONValue(parsing: body) else { throw .usage("the body is no JSON") }
                whole.append("body", value)
            }
            return .object(whole)
        }
    }

    public func explain(_ call: DescribedCall, _ format: RemoteFormat) async throws -> String {
        ExplanationText(try await json("POST", ["explain"], body: try call.json())).text(format)
    }

    /// - Parameter policy: nil for the default one.
    public func models(policy: String?, _ format: RemoteFormat) async throws -> String {
        let answer = try await json("GET", ["models"], query: [("policy", policy)])
        guard format == .table else { return String(decoding: answer.bytes, as: UTF8.self) + "\n" }
        var table = TextTable(["MODEL", "ALIAS OF", "RULE", "WHEN", "GOES TO"])
        for model in answer["models"]?.array ?? [] {
            for (index, route) in (model["routes"]?.array ?? []).enumerated() {
                let rejected = route["reject"]?.int.map { "rejected with \($0)" }
                let tiers = (route["tiers"]?.array ?? []).compactMap(\.string).joined(separator: ", then ")
                table.add([
                    .text(index == 0 ? model["model"]?.string ?? "" : ""),
                    .text(index == 0 ? model["alias_of"]?.string ?? "" : ""),
                    .text(route["rule"]?.string ?? "-"), .text(route["when"]?.string ?? ""), .text(rejected ?? tiers),
                ])
            }
        }
        return table.text
    }
}

/// An explanation as lines and tables.
struct ExplanationText {
    private let answer: JSONValue

    init(_ answer: JSONValue) { self.answer = answer }

    func text(_ format: RemoteFormat) -> String {
        switch format {
        case .table: text
        case .json: String(decoding: answer.bytes, as: UTF8.self) + "\n"
        }
    }

    var text: String {
        var text = head.map { TextTable.harmless($0) + "\n" }.joined()
        text += section("rules, in order", rules) + section("limits", limits) + section("tiers, in order", tiers)
        return text
    }

    private var head: [String] {
        // What is decided is a word, or an object with its particulars.
        let decided = answer["decision"]
        let word = decided?.string ?? decided?["action"]?.string ?? "?"
        let rule = answer["rule"]?.string ?? decided?["rule"]?.string
        let status = (answer["status"] ?? decided?["status"])?.int
        var lines: [String] = []
        switch word {
        case "route":
            lines.append("it is sent on" + (rule.map { ", by rule '\($0)'" } ?? ""))
            if let first = answer["attempts"]?.array?.first {
                let place = [first["upstream"], first["account"]].compactMap { $0?.string }.joined(separator: "/")
                lines.append("  first to \(place), model \(first["model"]?.string ?? "?")")
            } else if let until = answer["waits_for"]?["until"]?.string {
                lines.append("  nobody can serve it now: it waits until \(until)")
            } else if let status, status >= 400 {
                lines.append("  nobody can serve it: the client gets \(status)")
            }
        case "reject":
            lines.append("it is rejected" + (rule.map { ", by rule '\($0)'" } ?? "") + (status.map { ", with \($0)" } ?? ""))
        case "no_match": lines.append("no rule takes it" + (status.map { ": \($0)" } ?? ""))
        case "refuse", "refused": lines.append("it is refused" + (status.map { " with \($0)" } ?? ""))
        default: lines.append(word)
        }
        let message = answer["message"] ?? decided?["message"] ?? answer["admission"]?["reason"]
        if let message = message?.string { lines.append("  \(message)") }
        let model = answer["request"]?["model"]?.string ?? answer["model"]?.string
        if let model { lines.append("model: \(model)" + (answer["alias_of"]?.string.map { ", an alias of \($0)" } ?? "")) }
        if let name = answer["key"]?["name"]?.string, !name.isEmpty { lines.append("key: \(name)") }
        for quota in answer["quota"]?.object?.members ?? [] {
            let left = quota.value.double.map { Percent.text($0) } ?? "an unknown share"
            lines.append("pretended: \(quota.key) has \(left) left")
        }
        for note in answer["notes"]?.array ?? [] { lines.append("note: \(note.string ?? "")") }
        return lines
    }

    private var rules: TextTable {
        var table = TextTable(["RULE", "MATCHES", "WHEN", "VALUE"])
        for rule in answer["rules"]?.array ?? [] {
            let matches = rule["matches"].map { $0.bool.map { $0 ? "yes" : "no" } ?? $0.string ?? "not tried" }
            let when = rule["when"]
            table.add([
                .text(rule["name"]?.string ?? ""), .text(matches ?? rule["outcome"]?.string ?? ""),
                .text(when?.string ?? when?["text"]?.string ?? ""), .text(Self.plain(when?["value"])),
            ])
            // A term that is the whole condition says nothing more.
            for part in when?["parts"]?.array ?? [] where part["text"] != when?["text"] {
                table.add([.text(""), .text(""), .text("  " + (part["text"]?.string ?? "")), .text(Self.plain(part["value"]))])
            }
        }
        return table
    }

    private var limits: TextTable {
        var table = TextTable(["LIMIT", "BUCKET", "USED", "MAX", "FITS"])
        for limit in answer["limits"]?.array ?? [] {
            let fits = limit["fits"]?.bool == false ? "no" : "yes"
            table.add([
                .text(limit["limit"]?.string ?? ""), .text(limit["bucket"]?.string ?? ""), .number(Self.plain(limit["used"])),
                .number(Self.plain(limit["max"])), .text(limit["error"]?.string.map { "\(fits): \($0)" } ?? fits),
            ])
        }
        return table
    }

    private var tiers: TextTable {
        var table = TextTable(["TIER", "UPSTREAM", "MODEL", "ACCOUNT", "STATE", "LEFT", "CHOSEN", "WHY"])
        for tier in answer["tiers"]?.array ?? [] {
            let name = tier["tier"]?.string ?? tier["name"]?.string ?? ""
            let state = tier["available"]?.bool == false ? tier["obstacle"]?.string ?? "not available" : "available"
            table.add([
                .text(name), .text(tier["upstream"]?.string ?? ""), .text(tier["model"]?.string ?? ""), .text(""), .text(state),
                .text(""), .text(""), .text(""),
            ])
            let accounts = tier["accounts"]?.array ?? (tier["targets"]?.array ?? []).flatMap { $0["accounts"]?.array ?? [] }
            for account in accounts {
                let share = account["share"]?.double.map { "\(Int((min(max($0, 0), 1) * 100).rounded()))%" }
                table.add([
                    .text(""), .text(""), .text(""), .text(account["account"]?.string ?? account["name"]?.string ?? ""),
                    .text(account["state"]?.string ?? ""), .text(share ?? account["remaining"]?.string ?? "-"),
                    .text(account["chosen"]?.bool == true ? "first" : ""),
                    .text(account["because"]?.string ?? account["reason"]?.string ?? ""),
                ])
            }
        }
        return table
    }

    private func section(_ title: String, _ table: TextTable) -> String {
        table.isEmpty ? "" : "\n\(title)\n" + table.text
    }

    /// A value as it is written in a condition.
    private static func plain(_ value: JSONValue?) -> String {
        guard let value, !value.isNull else { return "" }
        return value.string ?? String(decoding: value.bytes, as: UTF8.self)
    }
}
