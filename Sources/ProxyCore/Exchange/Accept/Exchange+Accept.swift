import Dialects
import NIOCore

extension Exchange {
    /// Bodies for proxyd's own services are small.
    static let localBodyLimit = 1 << 20
    /// What strangers may send to Lark's callback before its signature is looked at.
    static let callbackBodyLimit = 64 << 10

    /// Stages Accept and Authenticate, as far as the head allows. False: the request is refused, `answerRefusal` says so.
    func headArrived(_ head: borrowing HTTPRequestHead, bytes: UnsafeRawBufferPointer, bodyLength: Int) -> Bool {
        method = head.method
        isHead = head.method == .head
        clientSpeaksHTTP11 = head.minorVersion == 1
        clientKeepsAlive = head.keepsAlive
        if view.trustsProxies || connection.speaksForOthers { connection.findClient(head, bytes: bytes, view.trustedProxies) }
        let call = connection.call(head, bytes: bytes)
        self.call = call
        endpoint = call.endpoint
        clientDialect = call.dialect

        rare = RareFields(head, bytes: bytes)
        if rare.hasOrigin {
            if answersPreflight(head, bytes: bytes) { return false }
            noteOrigin(head, bytes: bytes)
        }
        guard !rare.wantsWebSocket else {
            refusal = Refusal(
                .unsupported, status: 426, "WebSocket connections are not served here; send the request over HTTP",
                code: "upgrade_not_supported", stage: "accept")
            return false
        }
        if let problem = call.problem {
            refuse(problem)
            return false
        }
        let isLocal = endpoint == .local
        if !isLocal, connection.settings.plane == .admin {
            refusal = Refusal(.notFound, "this address serves only the admin plane", stage: "accept")
            return false
        }
        guard bodyLength <= bodyLimit else {
            refuseTooLarge()
            return false
        }
        if isLocal, !takesLocalBody(head, bytes: bytes) {
            servesWithoutBody = true
            return false
        }
        return authenticate(head, bytes: bytes) && admitsCoding()
    }

    private func refuse(_ problem: DataPath.Problem) {
        // What is no model is not said to be one.
        let code = problem.errorClass == .notFound ? "not_found" : nil
        var refusal = Refusal(problem.errorClass, problem.message, code: code, stage: "accept")
        if let allow = problem.allow { refusal.headers = [("allow", allow)] }
        self.refusal = refusal
    }

    func refuse(_ violation: HTTPViolation) {
        refusal = Refusal(.badRequest, status: violation.status, violation.message, stage: "accept")
    }

    func refuseTooLarge() {
        refusal = Refusal(.tooLarge, "the request body is larger than the limit of \(bodyLimit) bytes", stage: "accept")
    }

    var bodyLimit: Int {
        guard endpoint == .local else { return configuration.limits.body }
        return min(path == "/oauth/callback" ? Self.callbackBodyLimit : Self.localBodyLimit, configuration.limits.body)
    }

    func refuseSlowBody() {
        refusal = Refusal(.timeout, status: 408, "the request body did not arrive in time", stage: "accept")
    }

    /// Writes the refusal in the client's dialect and ends the exchange.
    func answerRefusal(keepAlive: Bool) {
        if let preflight { return answerPreflight(preflight, keepAlive: keepAlive) }
        if servesWithoutBody {
            // Once: what is not served is refused, and that comes back here.
            servesWithoutBody = false
            if !keepAlive { clientKeepsAlive = false }
            return serveLocally()
        }
        guard let refusal else { return }
        let status = refusal.status ?? refusal.errorClass.status(for: clientDialect)
        let body = ErrorBody.bytes(
            refusal.errorClass, status: status, message: refusal.message, code: refusal.code, param: refusal.param,
            requestID: requestID, dialect: clientDialect)
        var headers = identityHeaders + refusal.headers
        if let seconds = refusal.retryAfterSeconds { headers.append(("retry-after", String(seconds))) }
        if status == 401 { headers.append(("www-authenticate", "Bearer")) }
        LocalAnswer.write(
            status: status, contentType: "application/json", body: body, keepAlive: keepAlive && clientKeepsAlive,
            headers: headers,
            omitBody: isHead, to: &connection.outbound)
        figures.status = status
        figures.bytesOut = body.count
        markFirstByte()
        finish(by: "proxy", in: refusal.stage, reason: refusal.errorClass.rawValue, keepAlive: keepAlive)
    }

    func refuse(_ refusal: Refusal) {
        self.refusal = refusal
        answerRefusal(keepAlive: true)
    }

    /// `x-request-id`, and `request-id` for Anthropic's clients.
    var identityHeaders: [(name: String, value: String)] {
        let own =
            clientDialect == .anthropic
            ? [("x-request-id", requestID), ("request-id", requestID)] : [("x-request-id", requestID)]
        return crossOriginLines.isEmpty ? own : own + crossOriginHeaders
    }

    func markFirstByte() {
        guard figures.firstByteMicroseconds < 0 else { return }
        figures.firstByteMicroseconds = Int(clamping: (NIODeadline.now() - startedAt).nanoseconds / 1000)
    }
}
