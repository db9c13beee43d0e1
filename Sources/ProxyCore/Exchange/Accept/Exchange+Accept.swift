import Dialects
import HTTP1
import NIOCore

/// What becomes of a request, as far as its head tells.
enum HeadVerdict {
    /// Its body is to be read; then `bodyArrived` is called.
    case takeBody
    /// proxyd's own services answer it, whatever follows the head.
    case serve
    case reply(LocalReply)
    /// A browser's question is answered with these fields.
    case preflight(FieldBlock)

    var takesBody: Bool { if case .takeBody = self { true } else { false } }
}

/// Stage Accept: is this a request that is served here at all.
extension Exchange {
    /// Bodies for proxyd's own services are small.
    static let localBodyLimit = 1 << 20
    /// What strangers may send to Lark's callback before its signature is looked at.
    static let callbackBodyLimit = 64 << 10
    /// Whoever logs in says a key and no more.
    static let loginBodyLimit = 4 << 10

    /// Nil: the next stage decides.
    func accept(_ bytes: UnsafeRawBufferPointer, bodyLength: Int) throws(LocalReply) -> HeadVerdict? {
        if request.rare.hasOrigin {
            if let block = CrossOrigin.preflight(request, bytes: bytes) { return .preflight(block) }
            request.crossOrigin = CrossOrigin(request, bytes: bytes)
        }
        if request.crossOrigin == nil { request.crossOrigin = CrossOrigin.forOthers(request) }
        if request.rare.wantsWebSocket {
            var reply = LocalReply(
                .unsupported, status: 426, "WebSocket connections are not served here; send the request over HTTP",
                code: "upgrade_not_supported", stage: .accept)
            // RFC 9110 §15.5.22: what it is to be upgraded to.
            reply.fields = [HeaderLine(name: "upgrade", value: "HTTP/1.1"), HeaderLine(name: "connection", value: "upgrade")]
            throw reply
        }
        if let problem = request.call.problem { throw LocalReply(problem) }
        let isLocal = request.endpoint == .local
        if !isLocal, request.settings.plane == .admin {
            throw LocalReply(.notFound, "this address serves only the admin plane", stage: .accept)
        }
        guard bodyLength <= bodyLimit else { throw tooLarge }
        return asksForExplanation ? try questionArrived(bytes) : nil
    }

    var bodyLimit: Int {
        guard request.endpoint == .local else { return configuration.limits.body }
        let limit =
            switch request.path {
            case "/oauth/callback": Self.callbackBodyLimit
            case Self.loginPath: Self.loginBodyLimit
            default: Self.localBodyLimit
            }
        return min(limit, configuration.limits.body)
    }

    private var tooLarge: LocalReply {
        LocalReply(.tooLarge, "the request body is larger than the limit of \(bodyLimit) bytes", stage: .accept)
    }

    /// What is served though all slots are at work: health is, so that nobody takes a full house for a dead one.
    func verdictForGuest(_ verdict: HeadVerdict) -> HeadVerdict {
        switch (request.path, verdict) {
        case ("/healthz", _), ("/readyz", _), ("/health", _): verdict
        default:
            .reply(
                LocalReply(
                    .overloaded, status: 503, "too many connections: all of them are at work", code: "too_many_connections",
                    retryAfterSeconds: 1, stage: .accept))
        }
    }

    /// Answers a request whose body is not taken.
    func answer(_ verdict: HeadVerdict) {
        switch verdict {
        case .takeBody: break
        case .serve where asksForExplanation: explain(nil)
        case .serve: serveLocally()
        case .reply(let reply): self.reply(reply)
        case .preflight(let block): answerPreflight(block)
        }
    }

    // MARK: Bodies that cannot be taken

    func bodyFailed(_ violation: HTTPViolation) {
        reply(LocalReply(.badRequest, status: violation.status, violation.message, stage: .accept))
    }

    func bodyTooLarge() { reply(tooLarge) }

    func bodyOfTooMany() {
        reply(
            LocalReply(
                .overloaded, status: 503, "too many long request bodies are on their way", code: "too_many_bodies",
                retryAfterSeconds: 1, stage: .accept))
    }

    func bodyTooSlow() {
        reply(LocalReply(.timeout, status: 408, "the request body did not arrive in time", stage: .accept))
    }

    // MARK: Answering by ourselves

    /// Writes an error in the client's dialect and ends the exchange.
    func reply(_ reply: LocalReply) {
        settleLimits()
        if let limit = reply.limit { loop.metrics.limitRefused(limit) }
        let dialect = request.dialect
        let status = reply.status ?? reply.errorClass.status(for: dialect)
        let body = request.endpoint == .local && isAdminCall ? reply.operatorsBody(status) : asElement(clientsBody(reply, status))
        if let rule = reply.rule { figures.rejectedBy = rule }
        let limits = limitFields()
        let room = reply.fields.reduce(512 + limits.room) { $0 + $1.name.utf8.count + 3 * $1.value.utf8.count + 4 }
        writer.reply(status: status, room: room, body: body) { fields in
            limits.write(into: &fields)
            fields.field("content-type", "application/json")
            writeRequestID(into: &fields)
            for field in reply.fields { fields.field(field) }
            if let seconds = reply.retryAfterSeconds { fields.field("retry-after", decimal: seconds) }
            if status == 401 { fields.field("www-authenticate", "Bearer") }
        }
        replied(status, body, Outcome(.proxy, in: reply.stage, reply.reason ?? .refused(reply.errorClass)))
    }

    private func clientsBody(_ reply: LocalReply, _ status: Int) -> [UInt8] {
        ErrorBody.bytes(
            reply.errorClass, status: status, message: reply.message, code: reply.code, type: reply.type, param: reply.param,
            details: request.dialect == .gemini ? reply.retryAfterSeconds.map { ErrorBody.retryInfo(seconds: $0) } : nil,
            requestID: requestID, dialect: request.dialect)
    }

    private func answerPreflight(_ block: FieldBlock) {
        writer.reply(status: 204, room: block.count + 128, body: []) { fields in
            fields.block(block)
            fields.field("x-request-id", text: requestID)
        }
        replied(204, [], .done(in: .accept))
    }

    /// A whole response has been written.
    func replied(_ status: Int, _ body: [UInt8], _ outcome: Outcome) {
        figures.status = status
        figures.amounts.bytesOut = body.count
        markFirstByte()
        finish(outcome)
    }

    /// `x-request-id`, and `request-id` for Anthropic's clients; what pages of other origins are told.
    func writeRequestID(into fields: inout HeadCursor) {
        fields.field("x-request-id", text: requestID)
        if request.dialect == .anthropic { fields.field("request-id", text: requestID) }
        if let crossOrigin = request.crossOrigin { fields.block(crossOrigin.block) }
    }

    func markFirstByte() {
        guard figures.firstByteMicroseconds < 0 else { return }
        figures.firstByteMicroseconds = figures.elapsedMicroseconds
    }
}

extension LocalReply {
    init(_ problem: DataPath.Problem) {
        // What is no model is not said to be one.
        self.init(
            problem.errorClass, problem.message, code: problem.errorClass == .notFound ? "not_found" : nil, stage: .accept)
        if let allow = problem.allow { fields = [HeaderLine(name: "allow", value: allow)] }
    }
}
