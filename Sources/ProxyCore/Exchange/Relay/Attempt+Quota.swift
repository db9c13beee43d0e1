import HTTP1
import NIOCore

/// What an account's responses tell of its quota.
extension Attempt {
    /// Reads what the head says is left. Most responses say nothing that the loops do not know, and leave everything as it is.
    func readQuota(of head: borrowing HTTPResponseHead, bytes: UnsafeRawBufferPointer) {
        // What is left of a client's own plan says nothing of others'.
        guard upstream.readsQuota, !takesClientLogin else { return }
        let names = upstream.quotaNames
        var headers: QuotaHeaders?
        for index in head.fields.indices {
            let field = head.fields[index]
            guard field.known == .other || !names.isEmpty else { continue }
            let name = field.name.bytes(in: bytes)
            if field.known == .other, QuotaHeaders.mayTell(name) {
                if headers == nil { headers = QuotaHeaders() }
                headers?.read(name: name, value: field.value.bytes(in: bytes))
            }
            if names.isEmpty { continue }
            // Which may be one that is known for something else, such as `retry-after`.
            for kind in names {
                for own in kind.names where equalsIgnoringCase(name, own.text) {
                    if headers == nil { headers = QuotaHeaders() }
                    headers?.read(field.value.bytes(in: bytes), as: own.part, of: kind.kind)
                }
            }
        }
        guard let headers else { return }
        traits.tellsQuota = true
        // Such as what remains, and not of how much.
        if traits.status < 400, headers.tellsNothing { return }
        take(headers)
    }

    private func take(_ read: QuotaHeaders) {
        // What was asked before a reload may have been asked with another credential, or of another vendor.
        guard keepsQuota else { return }
        var headers = read
        let (now, id, model) = (SteadyClock.milliseconds, target.id, candidate.model)
        let known = loop.states.windows[id]
        // A path without a model says nothing of one, and of the names that only a client has said few take a place.
        let keepsModel =
            headers.concernsModel(status: traits.status) && exchange.reach != .request
            && model.utf8.count <= AccountWindows.longestModel
            && (known?.knows(model) == true || hasPlace(now: now))
        let moment = QuotaHeaders.Moment(
            model: model, status: traits.status, now: now, wall: LoopContext.wallClock(),
            threshold: route.tiers[candidate.tier].targets[candidate.target].threshold, keepsModel: keepsModel,
            asked: share.askedAt)
        let news = headers.news(moment, known: known)
        if moment.status == 429 { waitForReset(headers.refusedUntil(moment), now: now) }
        let accounts = loop.shared.accounts
        if !news.isEmpty {
            accounts.quota.record(id, news, now: now)
            let returned = known?.returned(news, now: now) ?? []
            if !returned.isEmpty { accounts.returned(id, returned, threshold: moment.threshold, now: now) }
        }
        if !headers.quiet.isEmpty { accounts.quota.hold(id, headers.quiet) }
        if headers.isOdd { accounts.quota.tellOdd(id) }
    }

    /// A refusal that says in no other words how long to wait is for as long as the windows that are used up.
    private func waitForReset(_ until: Int?, now: Int) {
        guard let until, traits.retryAfterSeconds == nil || traits.tellsReset else { return }
        traits.retryAfterSeconds = max(traits.retryAfterSeconds ?? 0, (until &- now &+ 999) / 1000)
        traits.tellsReset = true
    }

    /// Whether the model has a place among those of which windows are kept: it is known, answers, or is one of few that are limited.
    private func hasPlace(now: Int) -> Bool {
        switch traits.status {
        case ..<400: loop.shared.models.status(ofAnswered: candidate.model) == .known || modelStatus == .known
        case 429: limitedStatus(now: now) != .stranger
        default: modelStatus == .known
        }
    }

    /// The account has served the model: what it was said to have used up was not so.
    func noteQuotaServed(_ states: AccountStates) {
        let model = candidate.model
        guard exchange.reach != .request, let windows = states.windows[target.id], windows.leastShare <= 0 else { return }
        let now = SteadyClock.milliseconds
        guard windows.refuses(model) || (!traits.tellsQuota && windows.isRefused(model, now: now)), keepsCredential else {
            return
        }
        loop.shared.accounts.quota.served(
            target.id, model: model, tellsQuota: traits.tellsQuota, asked: share.askedAt, now: now)
    }

    /// Counts what a response used in the windows that the file declares for its account; the request itself was counted when it was
    /// sent.
    func countDeclared(_ used: LimitAmounts) {
        guard !upstream.upstream.accounts[candidate.account].declared.isEmpty else { return }
        var amounts = used
        amounts.requests = 0
        loop.shared.accounts.quota.count(target.id, amounts, time: .now, zone: exchange.configuration.timeZone)
    }
}
