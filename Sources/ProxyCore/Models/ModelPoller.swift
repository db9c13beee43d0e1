import Basics
import Crypto
import Dialects
import Logging

/// Asks upstreams for their own lists of models, each at its own interval. Nobody waits for it but, for a moment, the first to look.
///
/// Those that name a preset or `models` are asked as soon as they appear, all others once somebody looks at a list: a server that
/// nobody wants a list of gets no requests but clients'.
public final class ModelPoller: Sendable {
    private let snapshots: SnapshotStore
    private let directory: ModelDirectory
    private let caller: any OutgoingCaller
    private let logger: Logger
    private let clock: PollClock

    /// Lists longer than so many pages are cut.
    private static let mostPages = 20
    /// Accounts that are tried, one after the other.
    private static let mostAccounts = 3

    public init(
        snapshots: SnapshotStore, directory: ModelDirectory, caller: any OutgoingCaller, logger: Logger,
        clock: PollClock = .system
    ) {
        self.snapshots = snapshots
        self.directory = directory
        self.caller = caller
        self.logger = logger
        self.clock = clock
    }

    /// Runs until it is cancelled.
    public func run() async {
        var tasks: [String: (plan: ModelListPlan, task: Task<Void, Never>)] = [:]
        defer { for running in tasks.values { running.task.cancel() } }
        var plans: [String: ModelListPlan] = [:]
        var generation = -1
        async let ticks: Void = tick()
        for await _ in directory.wakeups {
            let snapshot = snapshots.current
            if snapshot.generation != generation {
                generation = snapshot.generation
                directory.keepOnly(snapshot.configuration)
                plans = Dictionary(ModelListPlan.all(of: snapshot).map { ($0.upstream.name, $0) }) { first, _ in first }
                for (name, running) in tasks where plans[name] != running.plan {
                    running.task.cancel()
                    tasks[name] = nil
                }
            }
            for (name, plan) in plans where tasks[name] == nil && (plan.isWanted || directory.isWanted) {
                tasks[name] = (plan, Task { [self] in await poll(plan) })
            }
        }
        await ticks
    }

    /// A reload is noticed by and by, the first look at once.
    private func tick() async {
        while !Task.isCancelled {
            directory.wake()
            await clock.sleep(clock.now() + .milliseconds(250))
        }
    }

    private func poll(_ plan: ModelListPlan) async {
        let every = plan.upstream.models.every
        var wait = Duration.seconds(30)
        while !Task.isCancelled {
            let name = plan.upstream.name
            let failure = await ask(plan)
            if Task.isCancelled { return }
            if let failure {
                if directory.listing(of: name)?.error == nil {
                    logger.info("no list of models", metadata: [LogKeys.upstream: "\(name)", LogKeys.reason: "\(failure)"])
                }
                directory.record(failure: failure, of: name)
                // An upstream that was away may be back long before its list would be asked for again.
                wait = min(wait * 2, every)
            } else {
                wait = .seconds(30)
                save()
            }
            await clock.sleep(clock.now() + (failure == nil ? every : wait))
        }
    }

    private func save() {
        do {
            try directory.save()
        } catch {
            logger.warning("the lists of models cannot be kept", metadata: [LogKeys.reason: "\(error)"])
        }
    }

    /// Why no list came; nil when one did.
    func ask(_ plan: ModelListPlan) async -> String? {
        var failure = "the upstream has no account"
        for request in plan.requests.prefix(Self.mostAccounts) {
            switch await list(request) {
            case .success(let models):
                directory.record(models, of: plan.upstream.name, at: clock.wall() / 1000, source: plan.source)
                return nil
            case .failure(let reason): failure = reason.text
            }
        }
        return failure
    }

    private struct Failed: Error { let text: String }

    private func list(_ first: OutgoingRequest) async -> Result<[ListedModel], Failed> {
        var (request, models) = (first, [ListedModel]())
        for _ in 0..<Self.mostPages {
            let response: OutgoingResponse
            do {
                response = try await caller.call(request)
            } catch OutgoingFailure.timeout {
                return .failure(Failed(text: "timeout"))
            } catch OutgoingFailure.unreachable(let text), OutgoingFailure.brokenResponse(let text) {
                return .failure(Failed(text: text))
            } catch {
                return .failure(Failed(text: "cancelled"))
            }
            // Nothing of the answer is repeated: it may echo the credential.
            guard response.status == 200 else { return .failure(Failed(text: "the upstream answered \(response.status)")) }
            guard let page = ModelPage(response.body) else { return .failure(Failed(text: "the answer is no list of models")) }
            models += page.models
            guard let next = page.next, models.count < ModelPage.mostModels else { break }
            let separator = first.target.contains("?") ? "&" : "?"
            request.target = first.target + separator + next.name + "=" + PercentEncoding.text(next.value)
        }
        return .success(models)
    }

}

/// How one upstream is asked for its list.
struct ModelListPlan: Equatable {
    let upstream: Upstream

    /// The lists of the upstreams that some rule sends more names to than it spells out.
    static func all(of snapshot: Snapshot) -> [ModelListPlan] {
        var open: Set<Int> = []
        for (rule, route) in zip(snapshot.rules.rules, snapshot.routes) {
            guard rule.models.isEmpty || rule.models.contains(where: { $0.text.contains("*") }) else { continue }
            for target in route.tiers.flatMap(\.targets) {
                guard target.tierTarget.model?.contains("*") ?? true else { continue }
                open.insert(target.upstream)
            }
        }
        return open.sorted().compactMap { index in
            snapshot.configuration.upstreams.indices.contains(index)
                ? ModelListPlan(snapshot.configuration.upstreams[index]) : nil
        }
    }

    init?(_ upstream: Upstream) {
        guard upstream.models.discover, !upstream.dialect.hasDeployments else { return nil }
        self.upstream = upstream
    }

    /// Tells one address that is asked from another, and nothing else: an address may hold a secret.
    var source: String {
        let address = "\(upstream.dialect.rawValue) \(upstream.url) \(upstream.dialect.modelList(at: upstream.place))"
        return String(Hex.text(SHA256.hash(data: Array(address.utf8))).prefix(32))
    }

    /// Whether the list is asked for from the start on.
    var isWanted: Bool { upstream.namesPreset || upstream.models.isWritten }

    /// One for each account, signed for now: a signature with a time in it does not last until the list is asked for again.
    var requests: [OutgoingRequest] {
        let target = upstream.dialect.modelList(at: upstream.place)
        return upstream.accounts.map { account in
            var headers: [(name: String, value: String)] = upstream.headers.map { ($0.name, $0.value) }
            if upstream.dialect.wantsAnthropicVersion, !headers.contains(where: { $0.name.lowercased() == "anthropic-version" }) {
                headers.append(("anthropic-version", "2023-06-01"))
            }
            if let key = account.key {
                let signed = RequestToSign(
                    method: "GET", host: upstream.url.authority, target: Array(target.utf8), body: [],
                    now: LoopContext.wallClock() / 1000)
                headers += upstream.signer(key.reveal()).fields(for: signed).map { ($0.name, $0.value) }
            }
            var request = OutgoingRequest(
                url: upstream.url, target: target, headers: headers, timeout: .seconds(20),
                trustedAuthorities: upstream.trustedAuthorities)
            request.way = .upstreams(upstream.proxy)
            return request
        }
    }

    static func == (a: ModelListPlan, b: ModelListPlan) -> Bool { a.upstream == b.upstream }
}
