import Basics
import ProxyCore

/// What is wrong at one moment, by what is published: nothing is asked of anybody, and nothing waits.
struct AlertConditions {
    let snapshot: Snapshot
    let accounts: LiveAccounts
    let reload: ReloadStatus
    let storage: LedgerHealth
    let zone: ZonedTime
    /// Seconds since 1970.
    let now: Int

    /// All but budgets and quotas, which cost more.
    /// - Parameter since: since when an alert holds.
    func plain(since: (Alert.ID) -> Int?) -> [Alert] {
        storageAlerts + configurationAlerts + upstreamAlerts(since) + certificateAlerts
    }

    // MARK: This process

    private var storageAlerts: [Alert] {
        let (severity, state, reason): (Alert.Severity, String, String)
        switch storage {
        case .ok: return []
        case .degraded(let why): (severity, state, reason) = (.warning, "degraded", why)
        case .failing(let why): (severity, state, reason) = (.critical, "failing", why)
        }
        let words = state == "failing" ? "usage cannot be written" : "usage is written, and not safe yet"
        return [
            Alert(
                kind: .storageFailing, subject: [], severity: severity, text: "\(words): \(reason)",
                ending: "usage is written again", labels: [("state", state)])
        ]
    }

    private var configurationAlerts: [Alert] {
        guard let error = reload.lastErrors.firstError else { return [] }
        let file = error.location.file.split(separator: "/").last.map(String.init) ?? ""
        return [
            Alert(
                kind: .configurationRefused, subject: [], severity: .warning,
                text: "the changed configuration is refused, and generation \(reload.generation) goes on: \(error.publicLine)",
                ending: "the configuration's files are in order again: generation \(reload.generation) runs",
                labels: [("file", file), ("line", "\(error.location.line)"), ("generation", "\(reload.generation)")])
        ]
    }

    private var certificateAlerts: [Alert] {
        let configuration = snapshot.configuration
        let listeners = configuration.listeners + [configuration.admin?.listener].compactMap(\.self)
        let within = Int(clamping: configuration.alerts.certificate.components.seconds)
        return listeners.compactMap { listener in
            guard let end = listener.tls?.credentials.notAfter else { return nil }
            let left = end - now
            guard left <= within else { return nil }
            let when = zone.iso(seconds: end)
            let isOver = left <= 0
            return Alert(
                kind: .certificateEnds, subject: [listener.text], severity: isOver ? .critical : .warning,
                text: "the certificate of the listener \(listener.text) \(isOver ? "ended" : "ends") at \(when)",
                ending: "the listener \(listener.text) has a certificate that lasts",
                labels: [("listener", listener.text), ("not_after", when)])
        }
    }

    // MARK: What is gone

    /// What is told of the end of an alert whose subject is not there any more, or was taken out by an operator; nil where it is
    /// there.
    func departure(of alert: Alert.ID) -> String? {
        switch alert.kind {
        case .accountOut, .upstreamDead, .quotaRunsOut: departure(ofUpstream: alert)
        case .budget: departure(ofBudget: alert)
        case .certificateEnds: departure(ofListener: alert)
        case .configurationRefused, .storageFailing: nil
        }
    }

    private func departure(ofUpstream alert: Alert.ID) -> String? {
        guard let name = alert.subject.first else { return nil }
        guard let upstream = snapshot.configuration.upstreams.first(where: { $0.name == name }) else {
            return "the upstream '\(name)' is no longer in the file"
        }
        func isDrained(_ account: String) -> Bool {
            accounts.states.accounts[AccountID(upstream: name, account: account)]?.standing(now: accounts.now).word == .drained
        }
        guard alert.subject.count > 1 else {
            let isOut = upstream.accounts.allSatisfy { isDrained($0.name) }
            return isOut ? "every account of the upstream '\(name)' is drained" : nil
        }
        let account = alert.subject[1]
        guard upstream.accounts.contains(where: { $0.name == account }) else {
            return "the account '\(account)' of '\(name)' is no longer in the file"
        }
        guard alert.kind == .accountOut, isDrained(account) else { return nil }
        return "the account '\(account)' of '\(name)' is drained"
    }

    /// Also that its share is none any more that `alerts` of the file tells of: it is not below that.
    private func departure(ofBudget alert: Alert.ID) -> String? {
        guard let name = alert.subject.first else { return nil }
        let limits = snapshot.limits.policies.map(\.value) + snapshot.limits.entries.map(\.limit)
        let isThere = limits.contains { limit in limit.rates.contains { $0.kind == .cost && limit.title($0) == name } }
        guard isThere else { return "the budget '\(name)' is no longer in the file" }
        let shares = snapshot.configuration.alerts.budgets.map(Percent.text)
        guard alert.subject.count > 3, !shares.contains(alert.subject[3]) else { return nil }
        return "the budget '\(name)' is no longer told of at \(alert.subject[3])"
    }

    private func departure(ofListener alert: Alert.ID) -> String? {
        guard let address = alert.subject.first else { return nil }
        let listeners = snapshot.configuration.listeners + [snapshot.configuration.admin?.listener].compactMap(\.self)
        guard let listener = listeners.first(where: { $0.text == address }) else {
            return "the listener \(address) is no longer in the file"
        }
        return listener.tls == nil ? "the listener \(address) has no certificate any more" : nil
    }

    // MARK: Upstreams

    private func upstreamAlerts(_ since: (Alert.ID) -> Int?) -> [Alert] {
        snapshot.configuration.upstreams.flatMap { upstream in
            let isHeld = since(Alert.ID(kind: .upstreamDead, subject: [upstream.name])) != nil
            let silence = silence(of: upstream, isHeld: isHeld)
            let out = upstream.accounts.compactMap { outage(of: $0.name, at: upstream.name) }
            // One fault, one alert: that an only account is out says all, and of an upstream that nobody reached it is no news that
            // its accounts fail.
            let isOnly = upstream.accounts.count == 1
            let isOut = (!isOnly || isHeld && out.allSatisfy { $0.state == .failing }) && isDead(upstream)
            guard let why = silence ?? (isOut ? outages(of: upstream) : nil) else { return out }
            let news = out.filter { since($0.id) != nil || (silence == nil ? !isOnly : $0.state != .failing) }
            let dead = Alert(
                kind: .upstreamDead, subject: [upstream.name], severity: .critical,
                text: "the upstream '\(upstream.name)' can serve nothing: \(why)",
                ending: "the upstream '\(upstream.name)' serves again", labels: [("upstream", upstream.name)])
            return news + [dead]
        }
    }

    /// Nobody is at its address: it has not served before, or no account can serve. What was told once holds until a connection
    /// comes about: that nobody asks for a while takes nothing back.
    private func silence(of upstream: Upstream, isHeld: Bool) -> String? {
        guard let trouble = accounts.states.unreachable(upstream) else { return nil }
        guard isHeld || accounts.isSilent(upstream) || !accounts.isServing(upstream) else { return nil }
        return "it cannot be connected to (\(trouble.address)): \(trouble.failure.message)"
    }

    private func outages(of upstream: Upstream) -> String {
        let whys = upstream.accounts.lazy.compactMap { account -> String? in
            let id = AccountID(upstream: upstream.name, account: account.name)
            guard let standing = accounts.states.accounts[id]?.standing(now: accounts.now), standing.word != .drained else {
                return nil
            }
            return "'\(account.name)': \(standing.reason.map { String($0.prefix(Self.longestReason)) } ?? standing.word.rawValue)"
        }
        return "every account of it is out" + (whys.first.map { "; \($0)" } ?? "")
    }

    /// Whether each account is out until one has served, and it is not the operator alone who took them out.
    private func isDead(_ upstream: Upstream) -> Bool {
        let words = upstream.accounts.map { account in
            accounts.states.accounts[AccountID(upstream: upstream.name, account: account.name)]?.standing(now: accounts.now).word
        }
        let isOut = words.allSatisfy { word in
            switch word {
            case .refused, .outOfMoney, .failing, .drained: true
            case .ready, .cooling, .outOfQuota, nil: false
            }
        }
        return isOut && words.contains { $0 != .drained }
    }

    /// What an operator did is no news to operators.
    private func outage(of account: String, at upstream: String) -> Alert? {
        let id = AccountID(upstream: upstream, account: account)
        let held = accounts.states.accounts[id]?.standing(now: accounts.now)
        let usedUp = accounts.states.windows[id]?.usedUp(now: accounts.now)
        let words: String
        var (state, reason) = (held?.word, held?.reason)
        switch state {
        case .refused: words = "is refused"
        case .outOfMoney: words = "is out of money"
        case .failing: words = "fails"
        case .drained: return nil
        case .ready, .cooling, .outOfQuota, nil:
            guard let usedUp else { return nil }
            (words, state, reason) = ("is out of quota", .outOfQuota, "its window \(usedUp.kind) is used up")
        }
        let why = reason.map { ": \($0.prefix(Self.longestReason))" } ?? ""
        return Alert(
            kind: .accountOut, subject: [upstream, account], severity: .warning,
            text: "the account '\(account)' of '\(upstream)' \(words)\(why)",
            ending: "the account '\(account)' of '\(upstream)' is back",
            labels: [("upstream", upstream), ("account", account), ("state", state?.rawValue ?? "")])
    }

    /// Characters of a vendor's words.
    private static let longestReason = 300

    // MARK: Quotas

    /// Windows that run out before their reset.
    /// - Parameter since: since when an alert holds.
    func quotas(since: (Alert.ID) -> Int?) -> [Alert] {
        var alerts: [Alert] = []
        for upstream in snapshot.configuration.upstreams {
            for account in upstream.accounts {
                guard let windows = accounts.states.windows[AccountID(upstream: upstream.name, account: account.name)] else {
                    continue
                }
                for window in windows.list(now: accounts.now) {
                    guard alerts.count < AlertBoard.most else { return alerts }
                    let subject = [upstream.name, account.name, window.kind] + LiveAccounts.models(of: window).prefix(1)
                    let held = since(Alert.ID(kind: .quotaRunsOut, subject: subject))
                    guard let forecast = forecast(window, held: held) else { continue }
                    // That it is used up is told of the account already.
                    let isUsedUp = forecast.runsOutAt <= accounts.now
                    if isUsedUp, held == nil, outage(of: account.name, at: upstream.name)?.state == .outOfQuota { continue }
                    alerts.append(alert(window, forecast, subject))
                }
            }
        }
        return alerts
    }

    /// What was told once is not taken back because nobody asks for a moment.
    private func forecast(_ window: QuotaWindow, held: Int?) -> QuotaForecast? {
        if let forecast = window.forecast(now: accounts.now) { return forecast }
        guard let held, now - held < Self.steadiness else { return nil }
        return window.waveringForecast(now: accounts.now)
    }

    /// Seconds.
    private static let steadiness = 600

    private func alert(_ window: QuotaWindow, _ forecast: QuotaForecast, _ subject: [String]) -> Alert {
        let (upstream, account) = (subject[0], subject[1])
        let models = LiveAccounts.models(of: window)
        let whose = models == ["*"] ? "" : " for \(models.first ?? "a model")"
        let what = "the quota '\(window.kind)'\(whose) of the account '\(account)' of '\(upstream)'"
        let left = Percent.text(window.share(now: accounts.now))
        let reset = zone.iso(seconds: accounts.wallSeconds(forecast.resetsAt))
        let end =
            forecast.runsOutAt <= accounts.now
            ? "is used up" : "runs out at \(zone.iso(seconds: accounts.wallSeconds(forecast.runsOutAt)))"
        var labels = [("upstream", upstream), ("account", account), ("window", window.kind)]
        if models != ["*"] { labels.append(("model", models.first ?? "")) }
        return Alert(
            kind: .quotaRunsOut, subject: subject, severity: .warning,
            text: "\(what) \(end), before its reset at \(reset); \(left) is left", ending: "\(what) lasts until its reset",
            labels: labels)
    }

    // MARK: Budgets

    /// Buckets of budgets that are spent to a share that the file names.
    /// - Parameter keyName: of a key's id.
    func budgets(_ look: LimitLook, keyName: (String) -> String?) -> [Alert] {
        let shares = snapshot.configuration.alerts.budgets.filter { $0 > 0 }
        guard let least = shares.first else { return [] }
        let limits = snapshot.limits.policies.inKeyOrder().map(\.value) + snapshot.limits.entries.map(\.limit)
        return look.spent(limits, from: least, most: AlertBoard.most).flatMap { spent in
            let key = keyName(spent.bucket)
            return shares.filter { spent.reaches($0) }.map { budget(spent, share: $0, key: key) }
        }
    }

    private func budget(_ spent: SpentBudget, share: Double, key: String?) -> Alert {
        let shown = Percent.text(share)
        let whose = key.map { "key \($0)" } ?? "\(spent.noun) \(spent.bucket)"
        let what = "the budget '\(spent.limit)' (\(whose))"
        let amounts = "\(UsageAmounts.dollars(spent.used)) of \(UsageAmounts.dollars(spent.rate.most)) USD"
        let refusing = share >= 1 && spent.used < spent.rate.most ? ", and requests are refused for it" : ""
        var labels = [("limit", spent.limit), ("bucket", spent.bucket)]
        if let key { labels.append(("key", key)) }
        labels += [("share", shown), ("window", spent.rate.window.rawValue)]
        return Alert(
            // `departure` reads the share out of it.
            kind: .budget, subject: [spent.limit, spent.bucket, spent.rate.key, shown],
            severity: share >= 1 ? .critical : .warning,
            text: "\(what) is spent to \(shown): \(amounts)\(refusing)", ending: "\(what) is below \(shown) again",
            labels: labels)
    }
}

extension Alert {
    /// The state of an account that is out.
    fileprivate var state: AccountStanding.Word? {
        labels.first { $0.name == "state" }.flatMap { AccountStanding.Word(rawValue: $0.value) }
    }
}
