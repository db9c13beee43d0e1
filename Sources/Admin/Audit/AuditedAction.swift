import Dialects
import ProxyCore

/// A call that changes something, as the audit log names it.
struct AuditedAction {
    let name: String
    /// What it is done to. A key is told by its id: what the path has may be the key itself.
    var target: String?
    var detail: String?

    init(_ name: String, target: String? = nil, detail: String? = nil) {
        self.name = name
        self.target = target
        self.detail = detail
    }

    /// nil for a call that only looks.
    init?(_ call: LocalEndpoint.AdminCall, _ request: LocalRequest, keys: any KeyAdministration) {
        func ofKey(_ name: String, _ reference: String) -> AuditedAction {
            let key = keys.find(reference: reference)
            return AuditedAction(name, target: key?.id, detail: key?.name)
        }
        guard request.method != "GET", request.method != "HEAD" else { return nil }
        switch call {
        case .keys:
            // The text or the id of a key is no name; one that is taken is.
            let name = Self.text("name", of: request).flatMap { text in
                keys.find(reference: text).map { $0.name == text } ?? true ? Self.harmless(text) : nil
            }
            self.init("key.create", detail: name)
        case .key("import") where request.method == "POST": self.init("key.import")
        case .key(let reference) where request.method == "PATCH":
            self = ofKey("key.change", reference)
            let changes = Self.changes(in: request, from: keys.find(reference: reference)?.policy)
            if let name = detail, !changes.isEmpty { detail = "\(name) (\(changes))" }
        case .key(let reference): self = ofKey("key.delete", reference)
        case .keyDisabling(let reference): self = ofKey("key.disable", reference)
        case .keyEnabling(let reference): self = ofKey("key.enable", reference)
        case .keyRotation(let reference): self = ofKey("key.rotate", reference)
        case .accountFreeing(let upstream, let account): self.init("account.free", target: "\(upstream)/\(account)")
        case .accountDraining(let upstream, let account): self.init("account.drain", target: "\(upstream)/\(account)")
        case .limitChange(let limit, let change):
            // The bucket of a policy's limit may be told by the key itself.
            let bucket = Self.text("bucket", of: request)
            var detail = bucket.flatMap { keys.find(reference: $0)?.id ?? Self.harmless($0) }
            let time = change == .block ? Self.text("for", of: request).flatMap(Self.harmless) : nil
            if let bucket = detail, let time { detail = "\(bucket) for \(time)" }
            self.init("limit.\(change)", target: Self.harmless(limit), detail: detail)
        case .reload:
            let isForced = RequestQuery(request.query)["force"].map { $0 != "false" && $0 != "0" } ?? false
            self.init("config.reload", detail: isForced ? "force" : nil)
        case .backup: self.init("state.backup", target: "state")
        case .dashboard, .dashboardWithoutSlash, .fallback, .keyUsage, .usage, .dailyUsage, .hourlyUsage, .configuration, .alerts,
            .audit, .backupPiece, .ledgerCheck, .limits, .requests, .explanation, .login, .logout, .oidcLogin, .oidcCallback,
            .whoami, .live, .configurationHistory, .configurationVersion, .larkLogin, .larkCallback, .modelRoutes, .nodes,
            .unknown:
            return nil
        }
    }

    /// A text of the request's body: a name, the bucket of a limit. It is cut where nobody would read on.
    static func text(_ member: String, of request: LocalRequest) -> String? {
        guard request.body.count <= AdminBody.maximumSize, let body = try? JSONValue(parsing: request.body) else { return nil }
        return body[member]?.string.map { String($0.prefix(200)) }
    }

    /// What a body changes of a key: its policy from what to what, of everything else the member.
    private static func changes(in request: LocalRequest, from policy: String?) -> String {
        guard request.body.count <= AdminBody.maximumSize, let body = try? JSONValue(parsing: request.body),
            let members = body.object?.members
        else { return "" }
        return members.compactMap { member -> String? in
            switch member.key {
            case "policy":
                "policy \(policy ?? "?") → \(member.value.isNull ? "default" : member.value.string.flatMap(harmless) ?? "?")"
            case "name", "tags", "expires": member.key
            default: nil
            }
        }.joined(separator: ", ")
    }

    /// nil for what looks like a key: somebody put it into the wrong place. Else the beginning of it.
    private static func harmless(_ text: String) -> String? {
        text.lowercased().contains("sk-") ? nil : String(text.prefix(200))
    }

    /// How it went. What was made is known by the answer alone.
    func entry(by caller: AdminGate.Caller, at time: Int, result: String, answer: JSONValue?) -> AuditEntry {
        AuditEntry(
            time: time, who: caller.name, address: caller.address, action: name, target: target ?? answer?["id"]?.string,
            detail: detail ?? Self.taken(answer), result: result)
    }

    /// How many keys there are after an import; nil for the answer to another call.
    private static func taken(_ answer: JSONValue?) -> String? {
        guard let result = answer.flatMap({ ImportResult($0) }) else { return nil }
        if let next = answer?["next_part"]?.int { return "part \(next) of a key's history" }
        let booked = result.booked.isEmpty ? "" : ", \(result.booked.count) booked for keys of the file"
        return "\(result.imported.count) taken over, \(result.known.count) there already\(booked)"
    }
}
