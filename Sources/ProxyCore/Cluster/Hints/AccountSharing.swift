import Synchronization

/// Tells other nodes what befalls accounts here, and takes over what they tell: best effort, several times a second, and never in
/// a request's path.
final class AccountSharing: Sendable {
    static let interval = Duration.milliseconds(200)

    private let server: any LimitServer
    private let accounts: AccountBook
    private let instance: String
    /// When an account's windows were told last, as `SteadyClock` counts.
    private let toldAt = Mutex<[AccountID: Int]>([:])

    init(server: any LimitServer, accounts: AccountBook, instance: String) {
        self.server = server
        self.accounts = accounts
        self.instance = instance
    }

    /// Tells others, and takes what they tell, until its task is cancelled.
    func run() async {
        while !Task.isCancelled {
            accounts.news.want(server.state.isUp)
            if server.state.isUp { tell(accounts.news.take(), now: SteadyClock.milliseconds) }
            try? await Task.sleep(for: Self.interval)
        }
        accounts.news.want(false)
    }

    func tell(_ items: AccountNews.Items, now: Int) {
        guard !items.isEmpty else { return }
        for cooldown in items.cooldowns {
            publish(.cooldown(cooldown.account, model: cooldown.model, rest: cooldown.until &- now, cooldown.trigger))
        }
        for id in items.freed { publish(.freed(id)) }
        let current = accounts.states.current
        for id in items.windows {
            let before = toldAt.withLock { times in
                if times.count > 4 * AccountNews.most { times = [:] }
                return times.updateValue(now, forKey: id)
            }
            let fresh = (current.windows[id]?.told ?? []).filter { $0.takenAt >= (before ?? .min) }
            let windows = fresh.prefix(SharedWindow.most).compactMap { SharedWindow($0, now: now) }
            if !windows.isEmpty { publish(.windows(id, windows)) }
        }
    }

    private func publish(_ subject: Hint.Subject) {
        let bytes = Hint(from: instance, subject: subject).bytes
        if bytes.count <= Hint.most { server.publish(Hint.channel, bytes) }
    }

    // MARK: Others

    /// Takes over what another node has told, as far as it is news of accounts that this one has too.
    func take(_ subject: Hint.Subject, now: Int) {
        let current = accounts.states.current
        switch subject {
        case .block, .memory: break
        case .cooldown(let id, let model, let rest, let trigger):
            guard current.has(id), rest > 0 else { return }
            let until = now &+ rest
            // One that lasts as long is known.
            if let known = current.accounts[id]?.cooldowns[model], known.until &+ 500 >= until { return }
            accounts.cool(sharedFrom: id, model: model, until: until, reason: .response(trigger), now: now)
        case .freed(let id):
            if current.has(id) { accounts.free(shared: id, now: now) }
        case .windows(let id, let told):
            guard current.has(id) else { return }
            let known = current.windows[id]
            let news = told.map { $0.window(now: now) }.filter { window in
                guard let before = known?.known(window) else { return true }
                return before.takenAt &+ 20 < window.takenAt
            }
            if !news.isEmpty { accounts.quota.record(shared: id, news, now: now) }
        }
    }
}

extension AccountStates {
    /// Whether the file has the account.
    fileprivate func has(_ id: AccountID) -> Bool { accountIDs[id.upstream]?.contains(id) ?? false }
}
