import Foundation

/// What an Antigravity-style upstream says of its accounts (conversion.md 9.1).
struct HealthReport {
    private let quotas: SimulatedQuotas
    private let options: SimulatorOptions
    /// Seconds since 1970.
    private let now: Double

    init(quotas: SimulatedQuotas, options: SimulatorOptions, now: Double) {
        self.quotas = quotas
        self.options = options
        self.now = now
    }

    var text: String {
        let names = options.accounts.map(\.name)
        let invalid = names.filter { quotas.status(of: $0) != .ok }.count
        let limited = names.filter { quotas.status(of: $0) == .ok && !limitedModels(of: $0).isEmpty }.count
        let available = names.count - invalid - limited
        // `ok` whatever the accounts are, as the original says it: who wants to know looks at the accounts.
        return #"{"status":"ok","timestamp":\#(iso(now)),"latencyMs":0,"#
            + #""summary":"\#(names.count) total, \#(available) available, \#(limited) rate-limited, \#(invalid) invalid","#
            + #""counts":{"total":\#(names.count),"available":\#(available),"rateLimited":\#(limited),"invalid":\#(invalid)},"#
            + #""accounts":[\#(names.map(account).joined(separator: ","))]}"#
    }

    private func account(_ name: String) -> String {
        let head = #"{"email":\#(quoted(name)),"lastUsed":\#(orNull(quotas.lastUsed[name].map(iso))),"#
        switch quotas.status(of: name) {
        case .invalid:
            return head
                + #""modelRateLimits":{},"rateLimitCooldownRemaining":0,"status":"invalid","error":"invalid_grant","models":{}}"#
        case .error:
            return #"{"email":\#(quoted(name)),"status":"error","error":"fetch failed","modelRateLimits":{}}"#
        case .ok:
            let limited = limitedModels(of: name)
            let limits = limited.map { limit($0, account: name) }.joined(separator: ",")
            let models = quotas.models.map { model($0, account: name) }.joined(separator: ",")
            let status = limited.isEmpty ? "ok" : "rate-limited"
            return head
                + #""modelRateLimits":{\#(limits)},"rateLimitCooldownRemaining":0,"status":"\#(status)","models":{\#(models)}}"#
        }
    }

    private func limit(_ model: String, account: String) -> String {
        let reset = quotas.reset(account: account, model: model, now: now).map { Int($0 * 1000) }
        return #"\#(quoted(model)):{"isRateLimited":true,"resetTime":\#(orNull(reset))}"#
    }

    private func model(_ model: String, account: String) -> String {
        let remaining = quotas.remaining(account: account, model: model, now: now)
        let reset = quotas.reset(account: account, model: model, now: now).map(iso)
        let percent = remaining.map { "\(Int(($0 * 100).rounded()))%" } ?? "N/A"
        return #"\#(quoted(model)):{"remaining":"\#(percent)","remainingFraction":\#(orNull(remaining)),"#
            + #""resetTime":\#(orNull(reset))}"#
    }

    private func limitedModels(of account: String) -> [String] {
        quotas.models.filter { quotas.remaining(account: account, model: $0, now: now) == 0 }
    }

    private func iso(_ time: Double) -> String { quoted(Date(timeIntervalSince1970: time).ISO8601Format()) }
}
