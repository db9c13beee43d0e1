import Dialects
import Logging

/// What an attempt does to its account: it is in flight there, may be the one that tries, and tells what came of it.
extension Attempt {
    struct AccountShare {
        /// It counts as a request in flight.
        fileprivate var isInFlight = false
        /// It was let through to try, and has not told anything yet.
        fileprivate var isProbe = false
        /// When it was asked, as `SteadyClock` counts.
        fileprivate(set) var askedAt = 0
        /// What its stream told late was judged.
        var hasTold = false
    }

    /// Whether the account may be asked; not where another request tries already whether it is well again.
    func mayEnterAccount(_ states: AccountStates, now: Int) -> Bool {
        share.askedAt = now
        guard !states.accounts.isEmpty, states.accounts[target.id]?.awaitsProbe == true, exchange.fallback.enabled else {
            return true
        }
        let claim = loop.shared.accounts.claim(target.id, now: now)
        share.isProbe = claim == .probe
        return claim != .taken
    }

    /// Counts the request where the file declares how many the account may have.
    /// - Returns: false where it may have no more; who tries whether it is well, and who is asked for want of anybody else, is sent.
    func countDeclaredRequest(isLastResort: Bool) -> Bool {
        guard exchange.reach != .request || !request.content.batch.isEmpty,
            !upstream.upstream.accounts[candidate.account].declared.isEmpty
        else { return true }
        let isSent = isLastResort || share.isProbe || !exchange.fallback.enabled
        return loop.shared.accounts.quota.countRequest(
            target.id, anyway: isSent, time: .now, zone: exchange.configuration.timeZone)
    }

    /// The account is asked.
    func enterAccount() {
        share.isInFlight = true
        target.load.enter()
    }

    /// The account has nothing to do with it any more.
    func leaveAccount() {
        if share.isInFlight {
            share.isInFlight = false
            target.load.leave()
        }
        if share.isProbe {
            share.isProbe = false
            loop.shared.accounts.dropProbe(target.id)
        }
    }

    // MARK: Who knows the model

    /// Who has served anybody within so long, in milliseconds, is not out for names that only a client has said.
    private static let lately = 10 * 60_000

    /// Whether somebody else than the client knows the model that the account is asked for.
    var modelStatus: ModelStatus {
        let (models, model, upstream) = (loop.shared.models, candidate.model, target.id.upstream)
        let isKnown =
            models.status(of: model) == .known || loop.states.quotas[upstream]?.models[model] != nil
            || exchange.view.prices.names(model, at: candidate.upstream) || models.isListed(model, at: upstream)
        return isKnown ? .known : .stranger
    }

    /// The same of a model that was limited.
    func limitedStatus(now: Int) -> ModelStatus {
        let status = modelStatus
        return status == .known ? status : loop.shared.models.status(ofLimited: candidate.model, now: now)
    }

    // MARK: What came of it

    /// It served.
    func accountServed(_ states: AccountStates) {
        let now = SteadyClock.milliseconds
        let isGeneration = exchange.reach == .generations
        if isGeneration { target.load.succeed(firstByte: now &- share.askedAt, now: now) }
        guard states.accounts[target.id]?.isTouched(byServing: candidate.model) == true, keepsCredential else { return }
        if isGeneration { share.isProbe = false }
        loop.shared.accounts.succeed(
            target.id, model: candidate.model, proves: isGeneration ? .generation : .access, asked: share.askedAt, now: now)
    }

    /// It gave an error that says that somebody is there.
    func accountResponded() {
        guard exchange.reach == .generations else { return }
        target.load.objections.wrappingAdd(1, ordering: .relaxed)
        guard loop.states.accounts[target.id]?.failing != nil else { return }
        loop.shared.accounts.respond(target.id)
    }

    /// It gave no response, or one that says that something is wrong there.
    func accountFailed(_ reason: CooldownReason) {
        // What proxyd itself lacks or wants is nothing that an account should rest for.
        guard !reason.isOurs else { return }
        let (accounts, now, model) = (loop.shared.accounts, SteadyClock.milliseconds, candidate.model)
        let load = accounts.load(of: target.id)
        load.fail(reason.words, now: now)
        accounts.fail(
            target.id,
            AccountFailure(
                reason: reason, model: model, modelStatus: modelStatus, isProbe: share.isProbe, successes: load.signsOfLife,
                servesOthers: load.hasServed(within: Self.lately, now: now)),
            now: now)
        share.isProbe = false
    }

    /// It broke off what it had begun. Where only the end is missing nothing is wrong with the connection: some vendors never say it.
    func accountBroke(_ failure: UpstreamFailure) {
        switch failure {
        case .disconnected, .protocolError, .idleTimeout:
            if exchange.reach == .generations { accountFailed(.failure(failure)) }
        case .truncated, .tooLong, .emptyResponse, .unreachable, .connectTimeout, .tls, .firstByteTimeout, .noDescriptors,
            .shutDown, .blocked:
            break
        }
    }

    /// An error that sends requests on takes out what it is about.
    func takeOut(_ rests: RetryPolicy.Rest, by error: UpstreamError, reason: CooldownReason) {
        switch rests {
        case .nothing: break
        case .model: accountLimited(by: error, reason: reason)
        case .breaker:
            accountFailed(reason)
            // A wait that it asks for is kept, besides.
            if error.retryAfterSeconds != nil { restModel(after: error, reason: reason) }
        case .account(let kind): accountRefused(kind, by: error)
        }
    }

    /// It answered with an error that nobody else is asked about: it counts as it would otherwise, and no model rests for it.
    func accountAnswered(_ error: UpstreamError) {
        guard exchange.reach == .generations, error.subject != .request, error.subject != .content else { return }
        let isLimit = error.isLimit
        if !takesClientLogin, let kind = RetryPolicy.refusal(in: error) { return accountRefused(kind, by: error) }
        if (500..<600).contains(error.status), !isLimit, error.subject != .money {
            accountFailed(.response(.status(error.status)))
        } else if isLimit || error.subject == .money || [.authentication, .billing].contains(error.errorClass) {
            noteFailure(.response(.status(error.status)))
        }
    }

    /// It is counted, and nothing more.
    private func noteFailure(_ reason: CooldownReason) {
        loop.shared.accounts.load(of: target.id).fail(reason.words, now: SteadyClock.milliseconds)
    }

    /// It does not serve the model for a while.
    private func accountLimited(by error: UpstreamError, reason: CooldownReason) {
        noteFailure(reason)
        restModel(after: error, reason: reason)
    }

    /// The model rests there, for as long as the error says or the file does.
    private func restModel(after error: UpstreamError, reason: CooldownReason) {
        let (policy, now, model) = (exchange.fallback, SteadyClock.milliseconds, candidate.model)
        guard policy.enabled, keepsCredential else { return }
        let rest = policy.rest(statedSeconds: error.retryAfterSeconds, as: error.tellsReset ? .window : .hint)
        let accounts = loop.shared.accounts
        let usedUpFor = error.retryAfterSeconds == nil ? min(rest, QuotaWindow.lifeWithoutReset) : rest
        accounts.quota.date(target.id, model: model, until: now &+ usedUpFor, now: now)
        guard rest > 0 else { return }
        let modelStatus = limitedStatus(now: now)
        accounts.tellUsedUp(now: now)
        accounts.cool(target.id, model: model, until: now &+ rest, reason: reason, modelStatus: modelStatus, now: now)
        if error.tellsReset, modelStatus != .stranger {
            accounts.quota.refused(target.id, model: model, until: now &+ rest, now: now)
        }
    }

    /// It refuses the account, whatever it is asked for.
    private func accountRefused(_ kind: AccountState.Refusal.Kind, by error: UpstreamError) {
        guard keepsCredential else { return }
        let (accounts, now) = (loop.shared.accounts, SteadyClock.milliseconds)
        var rest = AccountHealth.refusalRest(probes: 0)
        if kind == .money, let stated = error.retryAfterSeconds, stated > 0 {
            rest = exchange.fallback.rest(statedSeconds: stated, as: error.tellsReset ? .window : .hint)
        }
        accounts.load(of: target.id).fail(kind == .money ? "it is out of money" : "it refused the credential", now: now)
        accounts.refuse(
            target.id, AccountState.Refusal(until: now &+ rest, kind: kind, status: error.status, message: error.message),
            isProbe: share.isProbe, now: now)
        share.isProbe = false
    }

    /// Whether the account is asked at the address still, and with the credential, that it was asked with: what is said of an old one is
    /// nothing to the new one.
    var keepsCredential: Bool {
        let newest = loop.shared.snapshots.current
        return exchange.snapshot.isInForce(where: newest) || newest.configuration.upstreams.contains(where: isOwn)
    }

    /// The same of heads that are read.
    var keepsQuota: Bool {
        if loop.isCurrent(exchange.view) { return true }
        return loop.shared.snapshots.current.configuration.upstreams.contains { isOwn($0) && $0.quota?.headers ?? true }
    }

    private func isOwn(_ other: Upstream) -> Bool {
        let key = upstream.upstream.accounts[candidate.account].key
        return other.name == target.id.upstream && other.url == upstream.upstream.url
            && other.accounts.contains { $0.name == target.id.account && $0.key == key }
    }
}

extension CooldownReason {
    /// It is about proxyd.
    fileprivate var isOurs: Bool {
        switch self {
        case .failure(let failure): failure.party == .proxy
        case .response: false
        }
    }
}

extension Exchange {
    /// A request goes on to another account: who failed, how, and who takes over.
    func tellFallback(to next: Attempt) {
        guard let failure = trail.failures.last else { return }
        let before = failure.target.id
        // Who is limited was told, and rests; what failed is worth a look.
        loop.shared.logger.log(
            level: failure.isRoutine ? .info : .warning, "a request goes on elsewhere",
            metadata: [
                LogKeys.requestID: "\(requestID)", LogKeys.from: "\(before.upstream)/\(before.account)",
                LogKeys.upstream: "\(next.target.id.upstream)", LogKeys.account: "\(next.target.id.account)",
                LogKeys.model: "\(Router.shown(next.candidate.model))", LogKeys.reason: "\(failure.step.reason)",
                LogKeys.what: "\(failure.end)",
            ])
    }
}
