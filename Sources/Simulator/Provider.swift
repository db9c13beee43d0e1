import Foundation
import Synchronization

/// The pretended provider: requests in, responses out; everything it remembers is here.
final class Provider: Sendable {
    let options: SimulatorOptions
    private let state: Mutex<State>

    struct State {
        var quotas: SimulatedQuotas
        /// What accounts may ask, by their names.
        var allowances: [String: SimulatedAllowance]
        var failures: [SimulatedFailure] = []
        var requestCount = 0
    }

    struct Request {
        var method: String
        /// The path without the query.
        var path: String
        /// The account of the key that the request shows.
        var key: String?
        var isAnthropicClient = false
        var body: [UInt8] = []
    }

    init(options: SimulatorOptions) {
        self.options = options
        state = Mutex(State(quotas: SimulatedQuotas(options: options), allowances: Self.allowances(options)))
    }

    /// - Parameter now: seconds since 1970.
    func answer(_ request: Request, now: Double) -> SimulatedResponse {
        switch (request.method, request.path) {
        case ("GET", "/health"): return .json(withState { HealthReport(quotas: $0.quotas, options: options, now: now).text })
        case (_, let path) where path == "/simulate" || path.hasPrefix("/simulate/"): return control(request, now: now)
        case ("GET", "/v1/models"): return models(request, now: now)
        default: break
        }
        guard let format = WireFormat(path: request.path), request.method == "POST" else {
            return .json(WireFormat.messages.error(404, "Endpoint \(request.method) \(request.path) not found"), status: 404)
        }
        return generate(request, format: format, now: now)
    }

    // MARK: Responses

    /// Who answers a request, or why nobody does.
    private struct Chosen {
        var number: Int
        var account: String?
        var failure: SimulatedFailure?
        /// Seconds until some account has quota again.
        var wait: Int
        var ownStatus: AccountStatus
        /// What the account's allowance says against it, and whose allowance that is.
        var refused: (account: String, refusal: SimulatedAllowance.Refusal)?
    }

    private func generate(_ request: Request, format: WireFormat, now: Double) -> SimulatedResponse {
        guard let caller = caller(of: request.key) else { return Self.refusedKey(format) }
        let prompt: Prompt
        do {
            prompt = try Prompt(body: request.body, format: format)
        } catch {
            return .json(format.error(400, error.message), status: 400)
        }
        if request.path.hasSuffix("/count_tokens") { return .json(#"{"input_tokens":\#(prompt.inputTokens)}"#) }

        let named = SimulatedFailure.inModelName(prompt.model)
        let model = named?.model ?? prompt.model
        let chosen = choose(model: model, own: caller.account, named: named?.failure, now: now)
        func told(_ response: SimulatedResponse, of account: String?) -> SimulatedResponse {
            var response = response
            let lines = account.flatMap { name in withState { $0.allowances[name]?.lines(model: model, format: format, now: now) }
            }
            response.headers += lines ?? []
            return response
        }
        if let failure = chosen.failure, let response = Self.instead(of: model, failure, format, isStream: prompt.isStream) {
            return told(response, of: chosen.account ?? caller.account)
        }
        if let refused = chosen.refused { return told(Self.refusal(refused.refusal, model, format), of: refused.account) }
        guard let account = chosen.account else {
            switch chosen.ownStatus {
            case .ok: return Self.exhausted(model, seconds: chosen.wait, format)
            case .invalid: return Self.refusedKey(format)
            case .error: return .json(format.error(503, "All endpoints failed"), status: 503)
            }
        }
        let reply = Reply(
            to: prompt, model: model, account: account, provider: options.name, number: chosen.number, created: Int(now))
        withState { $0.allowances[account]?.use(reply, now: now) }
        return told(Self.answer(reply, format, isStream: prompt.isStream, chosen.failure), of: account)
    }

    private func choose(model: String, own: String?, named: SimulatedFailure?, now: Double) -> Chosen {
        withState { state in
            state.requestCount += 1
            let refusals = state.allowances.compactMapValues { $0.refusal(of: model, now: now) }
            let account = state.quotas.account(for: model, own: own, besides: Set(refusals.keys), now: now)
            // Where several are refused, the one that is back soonest is told.
            let refused =
                own.flatMap { refusals[$0] == nil ? nil : $0 } ?? refusals.min { $0.value.isSooner(than: $1.value) }?.key
            let failure = named ?? state.takeFailure(model: model, account: account ?? own)
            if let account, failure?.kind.isAnswered ?? true { state.quotas.use(account: account, model: model, now: now) }
            var chosen = Chosen(
                number: state.requestCount, account: account, failure: failure, wait: state.quotas.wait(model: model, now: now),
                ownStatus: own.map { state.quotas.status(of: $0) } ?? .ok)
            if account == nil, chosen.ownStatus == .ok, let refused, own == nil || own == refused {
                chosen.refused = refusals[refused].map { (refused, $0) }
            }
            return chosen
        }
    }

    /// The response, with what a failure does to it.
    private static func answer(_ reply: Reply, _ format: WireFormat, isStream: Bool, _ failure: SimulatedFailure?)
        -> SimulatedResponse
    {
        var response = isStream ? SimulatedResponse.stream(format.frames(reply)) : .json(format.whole(reply))
        response.headers.append(("request-id", reply.id("req_", length: 24)))
        switch failure?.kind {
        case .slow: response.delay = failure?.delay ?? 0
        case .cut, .errorEvent:
            response.isCut = failure?.kind == .cut
            switch response.body {
            case .whole(let text, let length): response.body = .whole(String(text.prefix(text.count / 2)), length: length)
            case .frames(let frames):
                let words = failure?.afterWords ?? (response.isCut ? reply.words.count / 2 : 0)
                let firstWord = frames.firstIndex(where: \.isPaced) ?? frames.count
                // Before the first word nothing at all has been sent: that is how providers fail at once.
                var kept = words > 0 ? Array(frames.prefix(firstWord + words)) : []
                if !response.isCut { kept.append(SimulatedResponse.Frame(text: format.errorEvent(529, "Overloaded"))) }
                response.body = .frames(kept)
            case .nothing: break
            }
        case .status, .exhausted, .unauthorized, .disabled, .forbiddenModel, .money, .burst, .garbage, .drop, nil: break
        }
        return response
    }

    /// Models in both vendors' shapes at once; either's clients overlook what the other has.
    private func models(_ request: Request, now: Double) -> SimulatedResponse {
        guard caller(of: request.key) != nil else { return Self.refusedKey(request.isAnthropicClient ? .messages : .chat) }
        let models = withState { $0.quotas.models }
        let entries = models.map {
            #"{"type":"model","id":\#(quoted($0)),"display_name":\#(quoted($0)),"created_at":"2026-01-01T00:00:00Z","#
                + #""object":"model","created":1767225600,"owned_by":\#(quoted(options.name))}"#
        }
        return .json(
            #"{"object":"list","data":[\#(entries.joined(separator: ","))],"has_more":false,"#
                + #""first_id":\#(orNull(models.first.map(quoted))),"last_id":\#(orNull(models.last.map(quoted)))}"#)
    }

    private struct Caller {
        /// The one its key belongs to; nil for one who may use all.
        var account: String?
    }

    private func caller(of key: String?) -> Caller? {
        if let key, let account = options.accounts.first(where: { $0.key == key }) { return Caller(account: account.name) }
        if let required = options.requiredKey { return key == required ? Caller() : nil }
        return options.accounts.contains { $0.key != nil } ? nil : Caller()
    }

    // MARK: Fire drills

    func inject(_ failure: SimulatedFailure) { withState { $0.failures.append(failure) } }

    func setRemaining(_ share: Double?, account: String, model: String, now: Double = Date().timeIntervalSince1970) {
        withState { $0.quotas.set(share, account: account, model: model, now: now) }
    }

    func setStatus(_ status: AccountStatus, account: String) { withState { $0.quotas.set(status, account: account) } }

    func clear() {
        withState { state in
            state.failures = []
            state.quotas.clear()
            state.allowances = Self.allowances(options)
        }
    }

    var requestCount: Int { withState { $0.requestCount } }

    /// The allowances while nobody has asked for a drill.
    static func allowances(_ options: SimulatorOptions) -> [String: SimulatedAllowance] {
        Dictionary(options.accounts.map { ($0.name, SimulatedAllowance(options)) }, uniquingKeysWith: { first, _ in first })
    }

    func withState<Result: Sendable>(_ body: (inout State) -> Result) -> Result { state.withLock { body(&$0) } }
}

extension Provider.State {
    /// The first failure that concerns the request; it is spent by that.
    mutating func takeFailure(model: String, account: String?) -> SimulatedFailure? {
        guard let index = failures.firstIndex(where: { $0.concerns(model: model, account: account) }) else { return nil }
        let failure = failures[index]
        if let times = failure.times {
            if times > 1 { failures[index].times = times - 1 } else { failures.remove(at: index) }
        }
        return failure
    }
}

extension SimulatedFailure.Kind {
    /// Whether the model works all the same, so that quota is used.
    var isAnswered: Bool {
        switch self {
        case .slow, .cut: true
        case .status, .exhausted, .unauthorized, .disabled, .forbiddenModel, .money, .burst, .errorEvent, .garbage, .drop: false
        }
    }
}
