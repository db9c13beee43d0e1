import Dialects

/// What a request may have used that no answer tells of, and that its vendor bills.
///
/// An attempt was asked and then given up: it was silent for too long, or its answer was cut before any of it went out. Or a
/// batch was taken in, whose answers come later and in files.
struct UntoldUsage: Sendable, Hashable {
    let model: String
    let usage: TokenUsage
    /// Nano-dollars; nil where the model has no price.
    let cost: Int?
}

extension UsageRecord {
    /// Adds what no answer told. The record is one request all the same, and none of its numbers is exact any more.
    mutating func add(_ untold: [UntoldUsage]) {
        guard !untold.isEmpty else { return }
        for one in untold {
            usage.add(one.usage)
            cost = UsageAmounts.sum(cost, one.cost ?? 0)
            if one.cost == nil { priced = false }
        }
        switch provenance {
        case .reported, .partial: provenance = .partial
        case .unknown, .estimated: provenance = .estimated
        }
        isCounted = true
    }
}

extension TokenUsage {
    mutating func add(_ other: TokenUsage) {
        uncachedInput = UsageAmounts.sum(uncachedInput, other.uncachedInput)
        cacheRead = UsageAmounts.sum(cacheRead, other.cacheRead)
        cacheWrite = UsageAmounts.sum(cacheWrite, other.cacheWrite)
        output = UsageAmounts.sum(output, other.output)
        reasoning = UsageAmounts.sum(reasoning, other.reasoning)
        cacheWriteHour = UsageAmounts.sum(cacheWriteHour, other.cacheWriteHour)
    }
}

extension Attempt {
    /// Keeps what a response that does not reach the client may have used, for the request's record and its limits.
    func abandonUsage() {
        guard traits.status < 400, let usage = partialUsage(body.pipe?.usage ?? body.usage), usage != TokenUsage() else { return }
        let cost = exchange.view.prices.knownCost(model: candidate.model, at: candidate.upstream, usage: usage)
        countDeclared(LimitAmounts(usage, nanoDollars: cost ?? 0))
        exchange.abandon(UntoldUsage(model: candidate.model, usage: usage, cost: cost))
    }
}

extension Exchange {
    fileprivate func abandon(_ untold: UntoldUsage) {
        trail.untold.append(untold)
        grant?.used.requests = 1
        var more = LimitAmounts(untold.usage, nanoDollars: untold.cost ?? 0)
        more.requests = 0
        grant?.used += more
    }

    /// Adds to the request's record what no answer told.
    func addUntold(to record: inout UsageRecord) {
        guard !trail.untold.isEmpty, let key = caller?.key else { return }
        let wasPriced = record.priced
        record.add(trail.untold)
        for one in trail.untold {
            loop.metrics.used(one.usage, one.cost ?? 0, by: key, model: one.model, isAnswered: false)
        }
        // One request, of one model: that of the answer, else the first of those before it.
        if wasPriced, let one = trail.untold.first(where: { $0.cost == nil }) { loop.metrics.unpriced(model: one.model) }
        figures.amounts.cost = record.knownCost ?? -1
    }
}
