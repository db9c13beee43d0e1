import Basics
import HTTP1
import NIOCore

/// Off the data path: proxyd answers by itself.
extension Exchange {
    func serveLocally() {
        if isProbe { return answerProbe() }
        guard let service = loop.shared.local.withLock({ $0 }), service.serves(path: request.path) else {
            return reply(LocalReply(.notFound, "there is nothing at this path", code: "not_found", stage: .accept))
        }
        let call = makeLocalRequest()
        let exchange = NIOLoopBound(self, eventLoop: loop.eventLoop)
        let eventLoop = loop.eventLoop
        Task {
            let response = await service.respond(to: call)
            eventLoop.execute { exchange.value.answerLocally(response) }
        }
    }

    /// Clients ask at their start whether anybody is there: Claude Code for `/api/hello`, others for the root.
    private var isProbe: Bool {
        request.isHead && request.settings.plane != .admin && (request.path == "/" || request.path == "/api/hello")
    }

    /// A probe, a scrape or a call of the admin API, and no traffic of clients.
    var isAdminCall: Bool {
        guard request.endpoint == .local else { return asksForExplanation }
        let path = request.path.hasSuffix("/") ? String(request.path.dropLast()) : request.path
        return path.hasPrefix("/admin/") || path.hasPrefix("/oauth/")
            || ["/admin", "/metrics", "/health", "/healthz", "/readyz"].contains(path) || isProbe
    }

    private func answerProbe() {
        writer.reply(status: 200, room: 256, body: []) { writeRequestID(into: &$0) }
        replied(200, [], .done(in: .accept))
    }

    /// Whether the body of a local call is waited for: only where something is done with it, and for who may do it. Everybody else
    /// is answered at the head, so that no stranger's bytes are kept.
    func takesLocalBody(_ bytes: UnsafeRawBufferPointer) -> Bool {
        switch request.head.framing {
        case .none, .length(0): return true
        case .length, .chunked, .untilClose: break
        }
        if request.path == "/oauth/callback" { return configuration.lark != nil }
        // The key may be in the body, which is as small as that.
        if request.path == Self.loginPath { return configuration.admin?.takesCalls == true }
        return request.path.hasPrefix("/admin/") && (showsAdminKey(bytes) || showsSession(bytes))
    }

    /// Whether the body is one that anybody may send: Lark's callbacks.
    var takesStrangersBody: Bool { caller == nil && request.endpoint == .local && request.path == "/oauth/callback" }

    static let loginPath = "/admin/login"

    /// Whether the cookie is that of a session that may do something with a body.
    private func showsSession(_ bytes: UnsafeRawBufferPointer) -> Bool {
        for field in request.head.fields where field.known == .cookie {
            guard let session = Cookies.value(of: Cookies.session, in: field.value.string(in: bytes)) else { continue }
            return loop.shared.local.withLock { $0 }?.takesBody(session: session, path: request.path) ?? false
        }
        return false
    }

    /// Whether one of the keys is shown that may change something; what the others may ask has no body, but for an explanation.
    func showsAdminKey(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let isQuestion = request.path == "/admin/explain" || asksForExplanation
        let keys = (configuration.admin?.keys ?? []).filter { $0.role == .admin || (isQuestion && $0.role == .viewer) }
            .map { Array($0.key.reveal().utf8) }
        return keys.reduce(false) { shows($1, bytes) || $0 }
    }

    private func shows(_ key: [UInt8], _ bytes: UnsafeRawBufferPointer) -> Bool {
        guard !key.isEmpty else { return false }
        var isShown = false
        for field in request.head.fields {
            var value = field.value.bytes(in: bytes)
            switch field.known {
            case .xApiKey, .apiKey: break
            case .authorization:
                guard value.count > 7, equalsIgnoringCase(UnsafeRawBufferPointer(rebasing: value[..<7]), "bearer ") else {
                    continue
                }
                value = trimmed(UnsafeRawBufferPointer(rebasing: value[7...]))
            default: guard equalsIgnoringCase(field.name.bytes(in: bytes), "x-admin-key") else { continue }
            }
            // All bytes are looked at, so that time says nothing about where they differ.
            guard value.count == key.count else { continue }
            if zip(value, key).reduce(0, { $0 | ($1.0 ^ $1.1) }) == 0 { isShown = true }
        }
        return isShown
    }

    func makeLocalRequest() -> LocalRequest {
        request.withHead { bytes in
            let (_, query) = splitTarget(request.head.target.bytes(in: bytes))
            var call = LocalRequest(
                method: request.head.methodToken.string(in: bytes), path: request.path,
                query: query.map { String(decoding: $0, as: UTF8.self) } ?? "",
                headers: request.head.fields.map { ($0.name.string(in: bytes).lowercased(), $0.value.string(in: bytes)) },
                body: Array(request.body.readableBytesView), clientAddress: request.client.text, requestID: requestID,
                key: caller?.key, plane: request.settings.plane)
            call.isSecure = request.isSecure
            return call
        }
    }

    func answerLocally(_ response: LocalResponse) {
        guard !isOver else { return }
        let contentType = response.headers.last { $0.name.lowercased() == "content-type" }?.value
        let limits = limitFields()
        writer.reply(status: response.status, room: 1024 + limits.room, body: response.body) { fields in
            limits.write(into: &fields)
            if let contentType { fields.field("content-type", text: HeaderText.encode(contentType)) }
            for (name, value) in response.headers where name.lowercased() != "content-type" {
                fields.field(HeaderLine(name: name, value: value))
            }
            writeRequestID(into: &fields)
        }
        replied(response.status, request.isHead ? [] : response.body, .done(in: .accept))
    }
}
