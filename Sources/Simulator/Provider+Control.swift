import Foundation

/// `/simulate`: how a failure is asked for from outside.
///
///     POST   /simulate          {"fail": "429", "model": "claude-*", "account": …, "times": 3, "retry_after": 5,
///                                "delay": 2.5, "after_words": 4}
///     POST   /simulate/quota    {"account": "*", "model": "*", "remainingFraction": 0.02 | null, "status": "ok|invalid|error"}
///     POST   /simulate/windows  {"account": "*", "kind": "5h", "model": "*", "limit": 200, "period": 18000, "remaining": 3,
///                                "resets_in": 60}
///     POST   /simulate/headers  {"account": "*", "family": "unified", "set": {"x-ratelimit-remaining-requests": "-5"}}
///     POST   /simulate/money    {"account": "*", "usd": 0.05, "per_request": 0.01}
///     GET    /simulate          what is set
///     DELETE /simulate          everything works again
extension Provider {
    func control(_ request: Request, now: Double) -> SimulatedResponse {
        do throws(Prompt.Refusal) {
            switch (request.method, request.path) {
            case ("GET", "/simulate"): break
            case ("DELETE", "/simulate"): clear()
            case ("POST", "/simulate"): inject(try failure(in: members(of: request)))
            case ("POST", "/simulate/quota"): try setQuota(members(of: request), now: now)
            case ("POST", "/simulate/windows"): try setWindow(DrillMembers(members(of: request)), now: now)
            case ("POST", "/simulate/headers"): try setHeaders(DrillMembers(members(of: request)))
            case ("POST", "/simulate/money"): try setMoney(DrillMembers(members(of: request)))
            case ("POST", _): return .json(WireFormat.messages.error(404, "no drill is called \(request.path)"), status: 404)
            default: return .json(WireFormat.messages.error(405, "\(request.path) takes GET, POST and DELETE"), status: 405)
            }
        } catch {
            return .json(WireFormat.messages.error(400, error.message), status: 400)
        }
        return .json(report(now: now))
    }

    private func members(of request: Request) throws(Prompt.Refusal) -> [String: Any] {
        guard let object = (try? JSONSerialization.jsonObject(with: Data(request.body))) as? [String: Any] else {
            throw Prompt.Refusal(message: "the body is not a JSON object")
        }
        return object
    }

    private func failure(in members: [String: Any]) throws(Prompt.Refusal) -> SimulatedFailure {
        let drill = DrillMembers(members)
        try drill.allow(["fail", "model", "account", "times", "retry_after", "delay", "after_words"])
        let word = members["fail"].map { "\($0)" } ?? ""
        guard let kind = SimulatedFailure.Kind(word: word) else {
            let words = SimulatedFailure.Kind.words.map(\.0).joined(separator: ", ")
            throw Prompt.Refusal(message: "fail is a status from 400 to 599 or one of \(words), not '\(word)'")
        }
        var failure = SimulatedFailure(kind)
        failure.model = try drill.text("model") ?? "*"
        failure.account = try drill.text("account")
        failure.times = try drill.count("times", from: 1)
        failure.retryAfter = try drill.count("retry_after", from: 0)
        failure.afterWords = try drill.count("after_words", from: 0)
        if let delay = try drill.number("delay", in: 0...3600) { failure.delay = delay }
        return failure
    }

    private func setQuota(_ members: [String: Any], now: Double) throws(Prompt.Refusal) {
        let drill = DrillMembers(members)
        try drill.allow(["account", "model", "remainingFraction", "status"])
        let (account, model) = (try self.account(drill), try drill.text("model") ?? "*")
        guard members["remainingFraction"] != nil || members["status"] != nil else {
            throw Prompt.Refusal(message: "remainingFraction or status is needed")
        }
        if let word = members["status"] {
            guard let status = (word as? String).flatMap(AccountStatus.init) else {
                throw Prompt.Refusal(message: "status is ok, invalid or error")
            }
            setStatus(status, account: account)
        }
        if members["remainingFraction"] is NSNull {
            setRemaining(nil, account: account, model: model, now: now)
        } else if let share = try drill.number("remainingFraction", in: 0...1) {
            setRemaining(share, account: account, model: model, now: now)
        }
    }

    // MARK: What accounts may use

    private func setWindow(_ drill: DrillMembers, now: Double) throws(Prompt.Refusal) {
        try drill.allow(["account", "kind", "model", "limit", "period", "remaining", "resets_in"])
        let (account, model) = (try self.account(drill), try drill.text("model") ?? "*")
        guard let kind = try drill.text("kind"), SimulatedWindow.isKind(kind) else {
            throw Prompt.Refusal(
                message: "kind is requests, tokens, input_tokens, output_tokens, 5h, 7d, 7d_FAMILY, primary, secondary or burst")
        }
        let limit = try drill.number("limit", in: 1...1e12)
        let period = try drill.number("period", in: 0.1...1e8)
        let remaining = try drill.number("remaining", in: 0...1e12)
        let resetsIn = try drill.number("resets_in", in: 0...1e8)
        let isKept = change(account) { allowance -> Bool in
            var window = allowance.window(kind, model: model) ?? SimulatedWindow(kind: kind, limit: limit ?? 100, model: model)
            if let limit { window.limit = limit }
            if let period { window.period = period }
            if remaining != nil || resetsIn != nil || limit != nil {
                window.set(remaining: remaining ?? window.remaining(now), resetsIn: resetsIn, now: now)
            }
            return allowance.put(window)
        }
        guard isKept else { throw Prompt.Refusal(message: "an account has at most 100 windows") }
    }

    private func setHeaders(_ drill: DrillMembers) throws(Prompt.Refusal) {
        try drill.allow(["account", "family", "set"])
        let account = try self.account(drill)
        let word = try drill.text("family")
        let family = word.flatMap(LimitHeaderFamily.init)
        guard word == nil || word == "usual" || family != nil else {
            let words = LimitHeaderFamily.allCases.map(\.rawValue).joined(separator: ", ")
            throw Prompt.Refusal(message: "family is usual, \(words)")
        }
        let overrides = try drill.headers("set")
        _ = change(account) { allowance in
            if word != nil { allowance.headers = family }
            if let overrides { allowance.overrides = overrides }
            return true
        }
    }

    private func setMoney(_ drill: DrillMembers) throws(Prompt.Refusal) {
        try drill.allow(["account", "usd", "per_request"])
        let account = try self.account(drill)
        let dollars = try drill.number("usd", in: 0...1e9)
        let price = try drill.number("per_request", in: 0...1e6)
        guard dollars != nil || price != nil else { throw Prompt.Refusal(message: "usd or per_request is needed") }
        _ = change(account) { allowance in
            if let dollars { allowance.balance = dollars }
            if let price { allowance.price = price }
            return true
        }
    }

    /// The accounts that are meant: a name, `*`, or a beginning and `*`.
    private func account(_ drill: DrillMembers) throws(Prompt.Refusal) -> String {
        let account = try drill.text("account") ?? "*"
        guard account == "*" || options.accounts.contains(where: { SimulatedFailure.matches(account, $0.name) }) else {
            throw Prompt.Refusal(message: "no account is called '\(account)'")
        }
        return account
    }

    /// Whether all of them could be changed.
    private func change(_ pattern: String, _ body: (inout SimulatedAllowance) -> Bool) -> Bool {
        withState { state in
            var isDone = true
            for name in options.accounts.map(\.name) where SimulatedFailure.matches(pattern, name) {
                guard var allowance = state.allowances[name] else { continue }
                if !body(&allowance) { isDone = false }
                state.allowances[name] = allowance
            }
            return isDone
        }
    }

    // MARK: What is set

    private func report(now: Double) -> String {
        withState { state in
            let failures = state.failures.map(Self.report).joined(separator: ",")
            let accounts = options.accounts.map { Self.report($0.name, state, now) }.joined(separator: ",")
            return #"{"name":\#(quoted(options.name)),"requests":\#(state.requestCount),"#
                + #""failures":[\#(failures)],"accounts":[\#(accounts)]}"#
        }
    }

    private static func report(_ failure: SimulatedFailure) -> String {
        #"{"fail":"\#(failure.kind.label)","model":\#(quoted(failure.model)),"#
            + #""account":\#(orNull(failure.account.map(quoted))),"times":\#(orNull(failure.times))}"#
    }

    private static func report(_ account: String, _ state: State, _ now: Double) -> String {
        let models = state.quotas.models.map { model -> String in
            "\(quoted(model)):\(orNull(state.quotas.remaining(account: account, model: model, now: now)))"
        }
        let windows = (state.allowances[account]?.windows ?? []).map { window in
            #"{"kind":\#(quoted(window.kind)),"model":\#(quoted(window.model)),"limit":\#(window.limit),"#
                + #""remaining":\#(window.remaining(now)),"resets_in":\#(window.reset(now) - now)}"#
        }
        return #"{"account":\#(quoted(account)),"status":"\#(state.quotas.status(of: account).rawValue)","#
            + #""remaining":{\#(models.joined(separator: ","))},"windows":[\#(windows.joined(separator: ","))],"#
            + #""usd":\#(orNull(state.allowances[account]?.balance))}"#
    }
}
