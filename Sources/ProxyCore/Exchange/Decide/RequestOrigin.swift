import Basics
import Dialects
import HTTP1
import RuleEngine

/// The conversation a request belongs to and the agent that sends it, as far as its client says. Empty texts: not known.
struct RequestOrigin: Sendable, Hashable {
    var session = ""
    var agent = ""
    var parentAgent = ""

    /// Bytes of a name; a longer one, or one that could not stand in a line, is none.
    static let mostBytes = 256

    static func isName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= mostBytes
            && text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F && !(0x80..<0xA0).contains($0.value) }
    }
}

extension ClientRequest {
    /// Finds who asks within the key. Of several places that name a session the first in this order counts: Claude Code's header,
    /// the session part of `metadata.user_id`, Codex' header, `prompt_cache_key`, `x-proxyd-session`.
    mutating func readOrigin() {
        // Most heads have none of them: then nothing is made that holds half a dozen texts.
        var heard: OriginHeaders?
        withHead { bytes in
            for field in head.fields where field.known == .other || field.known == .proxyd {
                let name = field.name.bytes(in: bytes)
                guard Self.originField(name) != nil else { continue }
                if heard == nil { heard = OriginHeaders() }
                heard?.take(name) { field.value.string(in: bytes) }
            }
        }
        if content.object == nil || heard?.found.session.isEmpty == false {
            if let heard { origin = heard.origin(user: "", cacheKey: "") }
            return
        }
        let user = withBody { Self.userSession($0, members) }
        if heard == nil, !user.isEmpty {
            origin.session = user
            return
        }
        let cacheKey = withBody { Self.cacheKey($0, members) }
        if let heard { origin = heard.origin(user: user, cacheKey: cacheKey) } else { origin.session = cacheKey }
    }

    /// The same of a request that is described: by its headers, and by its body where there is one.
    fileprivate static func origin(headers: [String: String], body: [UInt8]) -> RequestOrigin {
        var heard = OriginHeaders()
        for (name, value) in headers { Array(name.utf8).withUnsafeBytes { heard.take($0) { value } } }
        return body.withUnsafeBytes { bytes in
            var members: [JSONMember] = []
            guard (try? JSONScan.members(of: bytes, into: &members)) != nil else { return heard.origin(user: "", cacheKey: "") }
            return heard.origin(user: userSession(bytes, members), cacheKey: cacheKey(bytes, members))
        }
    }

    /// What headers tell of who asks.
    private struct OriginHeaders {
        private(set) var found = RequestOrigin()
        private var (codex, hyphened, ours) = ("", "", "")

        mutating func take(_ name: UnsafeRawBufferPointer, _ text: () -> String) {
            guard let kind = ClientRequest.originField(name) else { return }
            let value = text()
            guard RequestOrigin.isName(value) else { return }
            switch kind {
            case .session: if found.session.isEmpty { found.session = value }
            case .agent: if found.agent.isEmpty { found.agent = value }
            case .parentAgent: if found.parentAgent.isEmpty { found.parentAgent = value }
            case .codex: if codex.isEmpty { codex = value }
            case .hyphened: if hyphened.isEmpty { hyphened = value }
            case .ours: if ours.isEmpty { ours = value }
            }
        }

        /// - Parameters:
        ///   - user: the session that the body's `metadata.user_id` has.
        ///   - cacheKey: its `prompt_cache_key`.
        func origin(user: String, cacheKey: String) -> RequestOrigin {
            guard found.session.isEmpty else { return found }
            var origin = found
            if !user.isEmpty {
                origin.session = user
            } else if !codex.isEmpty {
                origin.session = codex
            } else if !hyphened.isEmpty {
                origin.session = hyphened
            } else {
                origin.session = cacheKey.isEmpty ? ours : cacheKey
            }
            return origin
        }
    }

    private enum OriginField { case session, agent, parentAgent, codex, hyphened, ours }

    /// Names are told apart by their lengths: most heads have none of them.
    private static func originField(_ name: UnsafeRawBufferPointer) -> OriginField? {
        switch name.count {
        case 10 where equalsIgnoringCase(name, "session_id"): .codex
        case 10 where equalsIgnoringCase(name, "session-id"): .hyphened
        case 16 where equalsIgnoringCase(name, "x-proxyd-session"): .ours
        case 22 where equalsIgnoringCase(name, "x-claude-code-agent-id"): .agent
        case 24 where equalsIgnoringCase(name, "x-claude-code-session-id"): .session
        case 29 where equalsIgnoringCase(name, "x-claude-code-parent-agent-id"): .parentAgent
        default: nil
        }
    }

    /// `user_…_account_…_session_…`, or JSON with `session_id`.
    private static func userSession(_ body: UnsafeRawBufferPointer, _ members: [JSONMember]) -> String {
        guard let metadata = members.first(where: { $0.kind == .object && $0.key(equals: "metadata", in: body) }),
            let user = JSONScan.find("user_id", of: body, in: metadata.value), user.kind == .string, user.value.count <= 4_096
        else { return "" }
        let raw = UnsafeRawBufferPointer(rebasing: body[(user.value.lowerBound + 1)..<(user.value.upperBound - 1)])
        let session: String
        if !user.isValueEscaped {
            session = afterLast("session_", in: raw)
        } else {
            guard let text = JSONScan.string(of: body, in: user.value) else { return "" }
            session = Array(text.utf8).withUnsafeBytes { bytes in
                guard bytes.first(where: { $0 > 0x20 }) == UInt8(ascii: "{") else { return afterLast("session_", in: bytes) }
                guard let member = JSONScan.find("session_id", of: bytes), member.kind == .string else { return "" }
                return JSONScan.string(of: bytes, in: member.value) ?? ""
            }
        }
        return RequestOrigin.isName(session) ? session : ""
    }

    private static func afterLast(_ mark: StaticString, in text: UnsafeRawBufferPointer) -> String {
        let count = mark.utf8CodeUnitCount
        var start = text.count - count
        while start >= 0 {
            let isWord = start == 0 || text[start - 1] == UInt8(ascii: "_")
            if isWord, text[start] == mark.utf8Start.pointee {
                let piece = UnsafeRawBufferPointer(rebasing: text[start..<(start + count)])
                let words = UnsafeRawBufferPointer(start: mark.utf8Start, count: count)
                if piece.elementsEqual(words) { return String(decoding: text[(start + count)...], as: UTF8.self) }
            }
            start -= 1
        }
        return ""
    }

    private static func cacheKey(_ body: UnsafeRawBufferPointer, _ members: [JSONMember]) -> String {
        guard let member = members.first(where: { $0.kind == .string && $0.key(equals: "prompt_cache_key", in: body) }),
            member.value.count <= 4 * RequestOrigin.mostBytes, let text = JSONScan.string(of: body, in: member.value)
        else { return "" }
        return RequestOrigin.isName(text) ? text : ""
    }
}

extension Facts.Request {
    /// Session and agents of a request that is described, as the data path reads them.
    public mutating func takeOrigin(headers: [String: String], body: [UInt8]) {
        take(ClientRequest.origin(headers: headers, body: body))
    }
}
