import Dialects
import HTTP1
import NIOCore

/// Telling the client that nobody served it.
extension Exchange {
    /// Every candidate failed: the client gets the failure that tells it most.
    func answerFailure(_ reason: Outcome.Reason) {
        if case .countTokens = request.endpoint, let last = trail.failures.last, trail.failures.allSatisfy(cannotCount) {
            return answerEstimate(after: last)
        }
        guard let worst = trail.newest.worst else {
            let isEnd = reason == .shutDown
            var nobody = LocalReply(
                .upstreamBroken, status: isEnd ? nil : 502, isEnd ? UpstreamFailure.shutDown.message : whyNobody, stage: .dispatch
            )
            if isEnd { nobody.reason = reason }
            return reply(nobody)
        }
        answer(with: worst, reason)
    }

    /// Why nobody was asked.
    private var whyNobody: String { Self.whyNobody(plan?.attempts.passedOver ?? [], configuration, loop.states) }

    /// What a client is told where nobody was asked because the plan has passed over all of them.
    static func whyNobody(
        _ passedOver: [AttemptPlan.PassedOver], _ configuration: Configuration, _ states: AccountStates
    ) -> String {
        if let refused = passedOver.first(where: { $0.reason == .refused }) {
            let account = configuration.upstreams[refused.candidate.upstream].accountIDs[refused.candidate.account]
            return refusal(states.accounts[account]?.refusal)
        }
        return passedOver.contains { $0.reason == .drained }
            ? "the operator of the proxy has taken the accounts that could serve this request out of service"
            : "no upstream can serve this request"
    }

    /// What a client is told of an account that rests, in the upstream's own words.
    static func refusal(_ refusal: AccountState.Refusal?) -> String {
        guard let refusal else { return credentialRefused + "; this is not about your key" }
        return self.refusal(ofMoney: refusal.kind == .money, refusal.status, refusal.message)
    }

    private static func refusal(ofMoney: Bool, _ status: Int, _ words: String) -> String {
        let what = ofMoney ? outOfMoney : credentialRefused
        return "\(what) (status \(status)); this is not about your key\(words.isEmpty ? "" : ": \(words)")"
    }

    private static let credentialRefused = "the upstream refused the credential that proxyd has for it"
    private static let outOfMoney = "the account that proxyd has at the upstream is out of money"

    func answer(with failure: AttemptFailure, _ reason: Outcome.Reason) {
        trail.reported = failure
        switch failure.cause {
        case .failure(let cause):
            answerError(
                cause.errorClass, status: cause.status, message: cause.message, failure,
                Outcome(cause.party, in: .dispatch, .failure(cause)))
        case .conversion(let problem):
            answerError(
                problem.errorClass, message: problem.message, param: problem.param,
                details: request.dialect == .anthropic ? problem.details : nil, failure,
                Outcome(.proxy, in: .dispatch, .conversion))
        case .response(let error, let body, let contentType, let dialect):
            answer(error, body: body, contentType: contentType, from: dialect, failure, reason)
        }
    }

    private func answer(
        _ error: UpstreamError, body: [UInt8], contentType: String, from dialect: ClientDialect, _ failure: AttemptFailure,
        _ reason: Outcome.Reason
    ) {
        if failure.refusesCredential {
            let isMoney = error.subject == .money || error.errorClass == .billing
            let message = Self.refusal(ofMoney: isMoney, error.status, error.message)
            // Asking again finds the same account.
            return answerError(
                .upstreamBroken, status: 502, message: message, retry: .no, failure,
                Outcome(.upstream, in: .dispatch, .unauthorized))
        }
        let outcome = Outcome(.upstream, in: .dispatch, reason)
        let client = request.dialect
        let isSameFormat = dialect == client || request.endpoint == .other
        // Some upstreams call used-up capacity a bad request or a refusal; clients need the 429.
        guard isSameFormat, !failure.isDisguisedLimit, !body.isEmpty, !hasForeignShape(failure) else {
            return answerError(
                error.errorClass, status: failure.isDisguisedLimit ? 429 : isSameFormat ? error.status : nil,
                message: error.message, retryAfterSeconds: failure.retryAfterSeconds,
                retry: failure.reason == .response(.unauthorized) ? .no : .byClass, failure, outcome)
        }
        write(
            ErrorResponse(
                status: error.status, body: body, contentType: request.isGenerating ? "application/json" : contentType,
                retryAfterSeconds: failure.retryAfterSeconds,
                mayRetry: error.errorClass != .billing && failure.reason != .response(.unauthorized)),
            failure, outcome)
    }

    /// Whether a client may ask again.
    private enum Retry { case byClass, no }

    private func answerError(
        _ errorClass: ErrorClass, status: Int? = nil, message: String, param: String? = nil, details: JSONValue? = nil,
        retryAfterSeconds: Int? = nil, retry: Retry = .byClass, _ failure: AttemptFailure, _ outcome: Outcome
    ) {
        let dialect = request.dialect
        let retryInfo = dialect == .gemini ? retryAfterSeconds.map { ErrorBody.retryInfo(seconds: $0) } : nil
        let status = status ?? errorClass.status(for: dialect)
        let body = ErrorBody.bytes(
            errorClass, status: status, message: message, param: param, details: details ?? retryInfo, requestID: requestID,
            dialect: dialect)
        write(
            ErrorResponse(
                status: status, body: asElement(body), contentType: "application/json", retryAfterSeconds: retryAfterSeconds,
                mayRetry: retry == .byClass && errorClass != .billing),
            failure, outcome)
    }

    /// A Gemini client that expects an array of chunks gets its error as one of them.
    func asElement(_ body: [UInt8]) -> [UInt8] {
        request.wantsArray ? [UInt8(ascii: "[")] + body + [UInt8(ascii: "]")] : body
    }

    /// What a client is told when its request failed at the upstreams.
    private struct ErrorResponse {
        var status: Int
        var body: [UInt8]
        var contentType: String
        var retryAfterSeconds: Int?
        var mayRetry: Bool
    }

    private func write(_ error: ErrorResponse, _ failure: AttemptFailure, _ outcome: Outcome) {
        attempt?.end()
        settleLimits()
        let limits = limitFields()
        // What was changed for the last one asked says nothing of another.
        let lossy = attempt?.candidate == failure.candidate ? attempt?.changes.lossy ?? [] : []
        let room =
            512 + limits.room + 3 * error.contentType.utf8.count + identityRoom(failure.candidate, failure.target, lossy)
        writer.reply(status: error.status, room: room, body: error.body) { fields in
            fields.field(
                "content-type", text: error.contentType.isEmpty ? "application/json" : HeaderText.encode(error.contentType))
            if let seconds = error.retryAfterSeconds { fields.field("retry-after", decimal: seconds) }
            if !error.mayRetry { fields.field("x-should-retry", "false") }
            limits.write(into: &fields)
            writeIdentity(failure.candidate, failure.target, lossy, into: &fields)
        }
        replied(error.status, error.body, outcome)
    }

    /// Whether an error is in a shape in which the client would read nothing: a balancer's page, a web framework's `detail`, text.
    func hasForeignShape(_ failure: AttemptFailure) -> Bool {
        guard case .response(_, let body, let contentType, _) = failure.cause else { return false }
        switch request.endpoint {
        case .generate, .countTokens, .named:
            return !body.withUnsafeBytes { ErrorBody.hasShape($0, of: request.dialect, isList: request.wantsArray) }
        // SDKs ask for compaction and read what comes as Responses' error.
        case .other where DataPath.isBesideResponses(request.path):
            return !body.withUnsafeBytes { ErrorBody.hasShape($0, of: .responses, isList: false) }
        case .other where !request.isHead && body.count <= RelayLimits.errorBytes && Endpoint.hasFormat(request.path):
            return !body.withUnsafeBytes { ErrorBody.hasShape($0, of: request.dialect) }
        case .other, .local:
            return contentType.utf8.withContiguousStorageIfAvailable { ContentKind(UnsafeRawBufferPointer($0)) } == .page
        }
    }

    // MARK: Counts

    /// Whether a failure only says that the upstream does not count tokens: another may, and an estimate is worth more than an error.
    func cannotCount(_ error: UpstreamError) -> Bool {
        guard case .countTokens = request.endpoint else { return false }
        return [404, 405, 501].contains(error.status)
    }

    private func cannotCount(_ failure: AttemptFailure) -> Bool {
        switch failure.cause {
        // What a conversation goes on from is no matter of counting: without it any count is wrong.
        case .conversion(let problem): problem.param != KeptHistory.field
        case .response(let error, _, _, _): cannotCount(error)
        case .failure: false
        }
    }

    /// No tier can count tokens: an estimate is worth more to the client than an error (conversion.md 8.1).
    /// - Parameter last: who was to count last.
    private func answerEstimate(after last: AttemptFailure) {
        let (recall, showsWho) = (recallResponse(), request.settings.showsProxydHeaders)
        let tokens = request.withBody { bytes in
            if request.dialect == .responses, let opened = KeptHistory.opened(bytes, recall: recall) {
                return opened.withUnsafeBytes { PromptEstimate.tokens(body: $0) } ?? 1
            }
            let prompt = UnsafeRawBufferPointer(rebasing: bytes[TokenCounting.prompt(of: bytes, request.dialect)])
            return PromptEstimate.tokens(body: prompt) ?? 1
        }
        let body = TokenCounting.body(tokens: tokens, for: request.dialect)
        grant?.used = LimitAmounts(requests: 1)
        settleLimits()
        let limits = limitFields()
        let room = 512 + limits.room + identityRoom(last.candidate, last.target, [])
        writer.reply(status: 200, room: room, body: body) { fields in
            limits.write(into: &fields)
            fields.field("content-type", "application/json")
            writeIdentity(last.candidate, last.target, [], into: &fields)
            if showsWho { fields.field("x-proxyd-estimated", "tokens") }
        }
        replied(200, body, Outcome(.done, in: .dispatch, .estimated))
    }

    // MARK: Who answers

    /// About how many bytes `writeIdentity` writes.
    func identityRoom(_ candidate: Candidate, _ target: TargetRuntime, _ lossy: [LossyNote]) -> Int {
        let crossOrigin = request.crossOrigin?.block.count ?? 0
        guard request.settings.showsProxydHeaders else { return 128 + crossOrigin }
        let lossyRoom = lossy.isEmpty ? 0 : lossy.reduce(64) { $0 + 3 * $1.description.utf8.count + 2 }
        return 256 + crossOrigin + target.identity.count + 3 * candidate.model.utf8.count + lossyRoom
    }

    func identityRoom(_ attempt: Attempt) -> Int { identityRoom(attempt.candidate, attempt.target, attempt.changes.lossy) }

    /// `x-request-id`, and who answered.
    func writeIdentity(
        _ candidate: Candidate, _ target: TargetRuntime, _ lossy: [LossyNote], into fields: inout HeadCursor
    ) {
        writeRequestID(into: &fields)
        guard request.settings.showsProxydHeaders else { return }
        fields.block(target.identity)
        fields.block(target.modelBlock(candidate.model))
        fields.field("x-proxyd-attempts", decimal: trail.attempts)
        if !lossy.isEmpty, let header = LossyNote.header(lossy) {
            fields.field("x-proxyd-lossy", text: HeaderText.encode(header))
        }
    }

    func writeIdentity(of attempt: Attempt, into fields: inout HeadCursor) {
        writeIdentity(attempt.candidate, attempt.target, attempt.changes.lossy, into: &fields)
    }
}
