import Foundation

/// `/simulate`: how a failure is asked for from outside.
///
///     POST   /simulate        {"fail": "429", "model": "claude-*", "account": …, "times": 3, "retry_after": 5,
///                              "delay": 2.5, "after_words": 4}
///     POST   /simulate/quota  {"account": "*", "model": "*", "remainingFraction": 0.02 | null, "status": "ok|invalid|error"}
///     GET    /simulate        what is set
///     DELETE /simulate        everything works again
extension Provider {
    func control(_ request: Request, now: Double) -> SimulatedResponse {
        do throws(Prompt.Refusal) {
            switch (request.method, request.path) {
            case ("GET", "/simulate"): break
            case ("DELETE", "/simulate"): clear()
            case ("POST", "/simulate"): inject(try failure(in: members(of: request)))
            case ("POST", _): try setQuota(members(of: request), now: now)
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
        let known = ["fail", "model", "account", "times", "retry_after", "delay", "after_words"]
        if let unknown = members.keys.sorted().first(where: { !known.contains($0) }) {
            throw Prompt.Refusal(message: "'\(unknown)' is not known; there are \(known.joined(separator: ", "))")
        }
        let word = members["fail"].map { "\($0)" } ?? ""
        guard let kind = SimulatedFailure.Kind(word: word) else {
            let words = SimulatedFailure.Kind.words.map(\.0).joined(separator: ", ")
            throw Prompt.Refusal(message: "fail is a status from 400 to 599 or one of \(words), not '\(word)'")
        }
        var failure = SimulatedFailure(kind)
        failure.model = members["model"] as? String ?? "*"
        failure.account = members["account"] as? String
        failure.times = try count(members, "times", from: 1)
        failure.retryAfter = try count(members, "retry_after", from: 0)
        failure.afterWords = try count(members, "after_words", from: 0)
        if let delay = members["delay"] {
            guard let seconds = delay as? Double, (0...3600).contains(seconds) else {
                throw Prompt.Refusal(message: "delay is a number of seconds, at most 3600")
            }
            failure.delay = seconds
        }
        return failure
    }

    private func count(_ members: [String: Any], _ name: String, from least: Int) throws(Prompt.Refusal) -> Int? {
        guard let value = members[name] else { return nil }
        guard let count = value as? Int, (least...1_000_000).contains(count) else {
            throw Prompt.Refusal(message: "\(name) is a whole number from \(least)")
        }
        return count
    }

    private func setQuota(_ members: [String: Any], now: Double) throws(Prompt.Refusal) {
        let account = members["account"] as? String ?? "*"
        guard account == "*" || options.accounts.contains(where: { SimulatedFailure.matches(account, $0.name) }) else {
            throw Prompt.Refusal(message: "no account is called '\(account)'")
        }
        guard members["remainingFraction"] != nil || members["status"] != nil else {
            throw Prompt.Refusal(message: "remainingFraction or status is needed")
        }
        if let word = members["status"] {
            guard let status = (word as? String).flatMap(AccountStatus.init) else {
                throw Prompt.Refusal(message: "status is ok, invalid or error")
            }
            setStatus(status, account: account)
        }
        switch members["remainingFraction"] {
        case nil: break
        case is NSNull: setRemaining(nil, account: account, model: members["model"] as? String ?? "*", now: now)
        case let share as Double where (0...1).contains(share):
            setRemaining(share, account: account, model: members["model"] as? String ?? "*", now: now)
        default: throw Prompt.Refusal(message: "remainingFraction is a number from 0 to 1, or null")
        }
    }

    private func report(now: Double) -> String {
        withState { state in
            let quotas = state.quotas
            let failures = state.failures.map(Self.report).joined(separator: ",")
            let accounts = options.accounts.map { Self.report($0.name, quotas, now) }.joined(separator: ",")
            return #"{"name":\#(quoted(options.name)),"requests":\#(state.requestCount),"#
                + #""failures":[\#(failures)],"accounts":[\#(accounts)]}"#
        }
    }

    private static func report(_ failure: SimulatedFailure) -> String {
        #"{"fail":"\#(failure.kind.label)","model":\#(quoted(failure.model)),"#
            + #""account":\#(orNull(failure.account.map(quoted))),"times":\#(orNull(failure.times))}"#
    }

    private static func report(_ account: String, _ quotas: SimulatedQuotas, _ now: Double) -> String {
        let models = quotas.models.map { model -> String in
            "\(quoted(model)):\(orNull(quotas.remaining(account: account, model: model, now: now)))"
        }
        return #"{"account":\#(quoted(account)),"status":"\#(quotas.status(of: account).rawValue)","#
            + #""remaining":{\#(models.joined(separator: ","))}}"#
    }
}
