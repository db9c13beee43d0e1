import Dialects
import NIOCore

/// Browsers' pages of other origins (the Fetch standard's CORS protocol), on the data plane.
extension Exchange {
    /// Answers a browser's question whether it may ask. Nil: this is none.
    func answersPreflight(_ head: borrowing HTTPRequestHead, bytes: UnsafeRawBufferPointer) -> Bool {
        guard method == .options, let call, call.isDataPlane, call.problem?.errorClass != .badRequest,
            let origin = allowedOrigin(head, bytes: bytes)
        else { return false }
        var asksForMethod = false
        var askedFields: String?
        for field in head.fields where field.known == .accessControl {
            let name = field.name.bytes(in: bytes)
            if equalsIgnoringCase(name, "access-control-request-method") { asksForMethod = true }
            if equalsIgnoringCase(name, "access-control-request-headers") {
                // Said back as it came: it passed the parser, and is bounded here.
                let value = field.value.bytes(in: bytes)
                askedFields = value.count <= 2048 ? String(decoding: value, as: UTF8.self) : "*"
            }
        }
        guard asksForMethod else { return false }
        var headers = [
            ("access-control-allow-origin", origin), ("access-control-allow-methods", DataPath.methods),
            ("access-control-allow-headers", askedFields ?? "*"), ("access-control-max-age", "7200"),
        ]
        if origin != "*" { headers.append(("vary", "origin, access-control-request-headers")) }
        preflight = headers
        return true
    }

    func answerPreflight(_ headers: [(name: String, value: String)], keepAlive: Bool) {
        LocalAnswer.write(
            status: 204, contentType: nil, body: [], keepAlive: keepAlive && clientKeepsAlive,
            headers: headers + [("x-request-id", requestID)], to: &connection.outbound)
        figures.status = 204
        markFirstByte()
        finish(by: "done", in: "accept", reason: "", keepAlive: keepAlive)
    }

    /// Notes whose page asks, where the listener lets it read the answers.
    func noteOrigin(_ head: borrowing HTTPRequestHead, bytes: UnsafeRawBufferPointer) {
        guard rare.hasOrigin, call?.isDataPlane == true, let origin = allowedOrigin(head, bytes: bytes) else { return }
        crossOrigin = origin
        crossOriginLines = Self.crossOriginHeaders(origin).reduce(into: []) { lines, header in
            lines += Array("\(header.name): \(header.value)\r\n".utf8)
        }
    }

    /// The same for answers that are written otherwise.
    var crossOriginHeaders: [(name: String, value: String)] {
        guard !crossOriginLines.isEmpty else { return [] }
        return Self.crossOriginHeaders(crossOrigin)
    }

    private static func crossOriginHeaders(_ origin: String) -> [(name: String, value: String)] {
        let own = [
            "x-request-id", "request-id", "retry-after", "x-should-retry", "x-proxyd-rule", "x-proxyd-tier", "x-proxyd-upstream",
            "x-proxyd-account", "x-proxyd-model", "x-proxyd-attempts", "x-proxyd-lossy", "x-ratelimit-limit-requests",
            "x-ratelimit-limit-tokens", "x-ratelimit-remaining-requests", "x-ratelimit-remaining-tokens",
            "x-ratelimit-reset-requests", "x-ratelimit-reset-tokens", "anthropic-ratelimit-requests-remaining",
            "anthropic-ratelimit-tokens-remaining",
        ]
        var headers = [
            ("access-control-allow-origin", origin), ("access-control-expose-headers", own.joined(separator: ", ")),
        ]
        if origin != "*" { headers.append(("vary", "origin")) }
        return headers
    }

    /// What `access-control-allow-origin` says to this page; nil where it may not read.
    private func allowedOrigin(_ head: borrowing HTTPRequestHead, bytes: UnsafeRawBufferPointer) -> String? {
        guard let origin = head.first(.origin), connection.settings.plane != .admin else { return nil }
        switch connection.settings.cors {
        case .any: return "*"
        case .none: return nil
        case .only(let origins):
            let asking = origin.string(in: bytes)
            return origins.contains(asking) ? asking : nil
        }
    }
}
