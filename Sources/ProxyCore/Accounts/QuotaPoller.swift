import Dialects
import Logging

/// Asks every upstream with `quota.poll` how much is left, each at its own interval, at once when it appears.
public final class QuotaPoller: Sendable {
    private let snapshots: SnapshotStore
    private let accounts: AccountBook
    private let caller: any OutgoingCaller
    private let logger: Logger
    private let clock: PollClock
    private let onReading: @Sendable (_ upstream: String, QuotaReading) -> Void

    public init(
        snapshots: SnapshotStore, accounts: AccountBook, caller: any OutgoingCaller, logger: Logger,
        clock: PollClock = .system,
        onReading: @escaping @Sendable (_ upstream: String, QuotaReading) -> Void = { _, _ in }
    ) {
        self.snapshots = snapshots
        self.accounts = accounts
        self.caller = caller
        self.logger = logger
        self.clock = clock
        self.onReading = onReading
    }

    /// Runs until it is cancelled. Looks for changes of the configuration, and for resets and ends of cooldowns, four times a second.
    public func run() async {
        var tasks: [String: (plan: PollPlan, task: Task<Void, Never>)] = [:]
        defer { for running in tasks.values { running.task.cancel() } }
        var generation = -1
        while !Task.isCancelled {
            let snapshot = snapshots.current
            if snapshot.generation != generation {
                generation = snapshot.generation
                accounts.follow(QuotaThresholds(snapshot))
                let plans = Dictionary(
                    snapshot.configuration.upstreams.compactMap { PollPlan($0, fallback: snapshot.configuration.fallback) }.map {
                        ($0.upstream.name, $0)
                    },
                    uniquingKeysWith: { first, _ in first })
                for (name, running) in tasks where plans[name] != running.plan {
                    running.task.cancel()
                    tasks[name] = nil
                }
                for (name, plan) in plans where tasks[name] == nil {
                    tasks[name] = (plan, Task { [self] in await poll(plan) })
                }
            }
            accounts.quota.flush(now: clock.steady())
            accounts.quota.expire(now: clock.steady())
            accounts.expireCooldowns(now: clock.steady())
            accounts.tellQuota(now: clock.steady())
            await clock.sleep(clock.now() + .milliseconds(250))
        }
    }

    private func poll(_ plan: PollPlan) async {
        var hadError = false
        while !Task.isCancelled {
            let began = clock.now()
            let reading = await ask(plan)
            if Task.isCancelled { return }
            let now = clock.steady()
            accounts.record(
                reading, upstream: plan.upstream.name, threshold: plan.threshold, now: now, wallAhead: clock.wall() &- now)
            onReading(plan.upstream.name, reading)
            if let error = reading.error, !hadError {
                logger.warning(
                    "quota poll failed", metadata: [LogKeys.upstream: "\(plan.upstream.name)", LogKeys.reason: "\(error)"])
            } else if reading.error == nil, hadError {
                logger.notice("quota poll works again", metadata: [LogKeys.upstream: "\(plan.upstream.name)"])
            }
            hadError = reading.error != nil
            await clock.sleep(began + plan.source.interval)
        }
    }

    private func ask(_ plan: PollPlan) async -> QuotaReading {
        var failure = "nobody was asked"
        do {
            for request in plan.requests {
                let response = try await caller.call(request)
                if let reading = reading(response, plan) { return reading }
                failure = Self.complaint(about: response)
                // Where one account's credential is refused another's may not be.
                guard response.status == 401 || response.status == 403 else { break }
            }
        } catch let error as OutgoingFailure {
            switch error {
            case .timeout: failure = "timeout"
            case .unreachable(let text), .brokenResponse(let text): failure = text
            }
        } catch {
            failure = "cancelled"
        }
        var before = accounts.states.current.quotas[plan.upstream.name] ?? QuotaReading(takenAt: 0, goodUntil: 0)
        before.error = failure
        return before
    }

    private func reading(_ response: OutgoingResponse, _ plan: PollPlan) -> QuotaReading? {
        guard response.status == 200 else { return nil }
        let (now, wall) = (clock.steady(), clock.wall())
        // A reading that was not renewed for three intervals says nothing any more.
        let interval = max(plan.source.interval.milliseconds, 1000)
        // The call that comes last may take a while.
        let goodUntil = now &+ 3 * interval &+ min(plan.source.timeout.milliseconds, interval)
        return QuotaReading(health: response.body, takenAt: wall, goodUntil: goodUntil, wallAhead: wall - now)?
            .called(plan.source.models)
    }
}

extension QuotaPoller {
    /// Why a response is no reading. Nothing of it is repeated.
    private static func complaint(about response: OutgoingResponse) -> String {
        guard response.status == 200 else { return "the upstream answered \(response.status)" }
        let encoding = response.headers.first { $0.name == "content-encoding" }?.value.lowercased() ?? "identity"
        return encoding == "identity" ? "the answer has no accounts" : "the answer is compressed, which was not asked for"
    }
}

/// One upstream's poll.
private struct PollPlan: Equatable {
    let upstream: Upstream
    let source: QuotaSource
    let threshold: Double
    /// The requests with the first account's credential, and with those that are shown where it is refused.
    let requests: [OutgoingRequest]

    /// Accounts that are tried for one answer.
    private static let mostAsked = 4

    init?(_ upstream: Upstream, fallback: FallbackPolicy) {
        guard let source = upstream.quota, let poll = source.poll else { return nil }
        self.upstream = upstream
        self.source = source
        threshold = upstream.threshold ?? fallback.threshold
        var url = upstream.url
        var target = poll
        // An absolute path belongs to the origin, as in any reference (RFC 3986 §5.2); a relative one to the base.
        if poll.hasPrefix("http://") || poll.hasPrefix("https://"), let absolute = UpstreamURL(absolute: poll) {
            target = absolute.basePath.isEmpty ? "/" : absolute.basePath
            url = absolute
        } else if !poll.hasPrefix("/") {
            target = "\(upstream.url.basePath)/\(poll)"
        }
        // What is configured for an upstream goes to its origin alone.
        let isOwnOrigin =
            url.isTLS == upstream.url.isTLS && url.port == upstream.url.port
            && url.host.lowercased() == upstream.url.host.lowercased()
        let keys: [Secret?] = isOwnOrigin ? upstream.accounts.prefix(Self.mostAsked).map(\.key) : []
        requests = (keys.isEmpty ? [nil] : keys).map { [url, target] key in
            var headers: [(name: String, value: String)] = isOwnOrigin ? upstream.headers.map { ($0.name, $0.value) } : []
            if let key {
                let signed = RequestToSign(
                    method: "GET", host: url.authority, target: Array(target.utf8), body: [],
                    now: LoopContext.wallClock() / 1000)
                headers += upstream.signer(key.reveal()).fields(for: signed).map { ($0.name, $0.value) }
            }
            var request = OutgoingRequest(
                url: url, target: target, headers: headers, timeout: source.timeout,
                trustedAuthorities: upstream.trustedAuthorities)
            if url.host == upstream.url.host { request.way = .upstreams(upstream.proxy) }
            return request
        }
    }

    static func == (a: PollPlan, b: PollPlan) -> Bool {
        a.upstream.name == b.upstream.name && a.source == b.source && a.threshold == b.threshold
            && a.requests.elementsEqual(b.requests, by: isSame)
    }

    private static func isSame(_ a: OutgoingRequest, _ b: OutgoingRequest) -> Bool {
        a.url == b.url && a.trustedAuthorities == b.trustedAuthorities && a.way == b.way && a.target == b.target
            && a.headers.elementsEqual(b.headers, by: ==)
    }
}
