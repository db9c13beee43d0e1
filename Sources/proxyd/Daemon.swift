import Admin
import ArgumentParser
import CSwiftRuntime
import Foundation
import Logging
import ProxyCore

/// Puts the parts together and runs them until a signal says stop.
struct Daemon {
    let path: String
    let environment: [String: String]
    let snapshot: Snapshot
    let first: LoadResult
    /// Called once everything listens.
    var onReady: @Sendable ([(host: String, port: Int, isAdmin: Bool)]) -> Void = { _ in }

    func run() async throws {
        #if !DEBUG
        // Debug builds look for overlapping access, and so do the unit tests; what that costs, Package.swift says.
        skip_exclusivity_checks()
        #endif
        let configuration = snapshot.configuration
        let settings = LogSettings(
            configuration.log, timeZone: configuration.timeZone, marksPriority: LogSettings.isJournal(environment: environment))
        let log = try openLog(configuration.log, settings)
        let sink = log.sink
        defer { sink.close() }
        LoggingSystem.bootstrap { _ in ProxyLogHandler(sink: sink, settings: settings) }
        let logger = Logger(label: "proxyd")
        let descriptors = DescriptorLimit.raise()
        let notifier = SystemdNotifier(environment: environment)

        // Trapped before anything listens: whoever sees an open port may send a signal.
        let signals = await Signals()
        let parts = try await assemble(sink, settings, logger)
        try await listen(parts, logger)
        await addHooks(parts, log, settings, notifier, logger)
        await parts.reloader.start()
        tellOfStart(parts.server.addresses, descriptors, logger)

        let running = Task { [services = services(parts, signals, notifier, logger)] in await services.run() }
        // What is told outside goes on until the last request has ended.
        let delivering = Task { await parts.deliveries.run() }
        await signals.stops.next()
        // Whoever asks a second time does not want to wait.
        let impatience = Task {
            await signals.stops.next()
            if !Task.isCancelled { parts.server.forceStop() }
        }
        running.cancel()
        await running.value

        notifier.stopping()
        logger.notice("proxyd stops", metadata: [LogKeys.requestsInFlight: "\(parts.context.activeRequests)"])
        await parts.shutDown(delivering)
        impatience.cancel()
        await parts.context.ledger.close()
        logger.notice("proxyd has stopped")
    }

    /// Makes all parts, and takes the node's name in its cluster. Nothing listens yet.
    private func assemble(_ sink: LogSink, _ settings: LogSettings, _ logger: Logger) async throws -> Parts {
        let configuration = snapshot.configuration
        let metrics = MetricsRegistry()
        let reloader = ConfigurationReloader(
            path: path, environment: environment, snapshot: snapshot, first: first, logger: logger)
        // Authorities are read while the state waits for the disk; what is wrong with them comes up again, and is told, in `start`.
        let tlsContexts = TLSContexts()
        async let read: Void? = try? tlsContexts.prepare(for: configuration.upstreams)
        let (ledger, keys) = try await openState(reloader.store, logger)
        let accounts = AccountBook(
            logger: logger, settings: settings, drained: DrainedAccounts(directory: configuration.statePath, logger: logger))
        let context = ProxyContext(
            snapshots: reloader.store, keys: keys, accounts: accounts, ledger: ledger, logSink: sink, logSettings: settings,
            metrics: metrics, logger: logger, items: itemSeal(logger), tlsContexts: tlsContexts)
        _ = await read
        let server = try await start(context, logger)
        let cluster = server.makeCluster(version: Version.number)
        let linking = try await join(cluster, server, ledger, logger)
        context.outlets.apply(configuration, caller: server.caller, version: Version.number)
        let directory = ModelDirectory(directory: configuration.statePath)
        context.models.consult(directory)
        let limits = LimitBook(ledger, sharing: cluster.blocks)
        let alerts = AlertWatch(
            snapshots: reloader.store, keys: keys, limits: limits, accounts: accounts, reload: reloader, usage: ledger,
            caller: server.caller, dropped: metrics.counter(.alertsDropped), logger: logger)
        context.serve(
            AdminService(
                snapshots: reloader.store, keys: keys, usage: ledger, limits: limits, audit: AuditLog(storedWith: ledger),
                state: ledger, accounts: accounts, reload: reloader, metrics: metrics, caller: server.caller, logger: logger,
                directory: directory, alerts: alerts, cluster: cluster, stateDirectory: configuration.statePath))
        ProcessMetrics.install(in: metrics, version: Version.number)
        OperatingMetrics.install(in: metrics, context: context, server: server, status: reloader.status)
        ClusterMetrics.install(in: metrics, cluster: cluster)
        return Parts(
            context: context, reloader: reloader, server: server, cluster: cluster, linking: linking, directory: directory,
            alerts: alerts)
    }

    /// Opens the ports. What is asked to reload before everything runs waits.
    private func listen(_ parts: Parts, _ logger: Logger) async throws {
        await parts.reloader.holdUntilStart()
        do throws(BindFailure) {
            try await parts.server.bind(snapshot.configuration)
        } catch {
            tell(logger, "cannot listen", [LogKeys.reason: "\(error)"])
            await parts.server.shutDown(gracePeriod: .zero)
            await parts.context.ledger.close()
            throw ExitCode(Exit.unavailable)
        }
        parts.server.tellOfUnusedSockets()
    }

    /// All that a reload is to change, in the order in which it does.
    private func addHooks(
        _ parts: Parts, _ log: LogOutput, _ settings: LogSettings, _ notifier: SystemdNotifier, _ logger: Logger
    ) async {
        let (reloader, cluster, context) = (parts.reloader, parts.cluster, parts.context)
        await wire(reloader, to: parts.server, context, settings)
        await reloader.add(cluster.renaming)
        await reloader.add(log.hook())
        await reloader.use(context.keys, context.accounts) { [status = reloader.status] in
            notifier.ready(status: Self.status(status.current, context))
        }
        await reloader.keep(
            ConfigurationHistory(state: snapshot.configuration.statePath, environment: environment, logger: logger), first)
        await reloader.add(
            ReloadHook(
                name: "cluster",
                commit: { _, new in
                    cluster.apply(new.configuration)
                    cluster.limits.apply(new.configuration.cluster)
                }))
    }

    /// The first lines of the log: what the file is warned about, what the process lacks, and where it listens.
    private func tellOfStart(
        _ addresses: [(host: String, port: Int, isAdmin: Bool)], _ descriptors: DescriptorLimit?, _ logger: Logger
    ) {
        for warning in snapshot.warnings {
            logger.warning("configuration", metadata: [LogKeys.at: "\(warning.location)", LogKeys.what: "\(warning.message)"])
        }
        let connections = snapshot.configuration.limits.connections
        if let descriptors, !descriptors.holds(connections: connections) {
            logger.warning(
                "the process may open fewer files than limits.connections needs, two for each: raise LimitNOFILE= or ulimit -n",
                metadata: [
                    LogKeys.files: "\(descriptors.soft)", LogKeys.connections: "\(connections)",
                    LogKeys.needed: "\(DescriptorLimit.needed(connections: connections))",
                ])
        }
        logger.notice(
            "proxyd runs",
            metadata: [
                LogKeys.version: "\(Version.number)",
                LogKeys.listen: "\(addresses.map { $0.port == 0 ? $0.host : "\($0.host):\($0.port)" }.joined(separator: ","))",
                LogKeys.config: "\(path)", LogKeys.hash: "\(snapshot.hash.prefix(12))",
            ])
    }

    /// What runs beside the loops until the process is asked to stop.
    private func services(
        _ parts: Parts, _ signals: Signals, _ notifier: SystemdNotifier, _ logger: Logger
    ) -> [any Service] {
        let (reloader, context, server) = (parts.reloader, parts.context, parts.server)
        let addresses = server.addresses
        return [
            Announcing { [onReady] in
                notifier.ready(status: Self.status(reloader.status.current, context))
                onReady(addresses)
            },
            QuotaPoller(snapshots: reloader.store, accounts: context.accounts, caller: server.caller, logger: logger),
            ModelPoller(snapshots: reloader.store, directory: parts.directory, caller: server.caller, logger: logger),
            Watching(reloader: reloader, notifier: notifier, context: context, logger: logger),
            HangupSignals(signals: signals.hangups, reloader: reloader, notifier: notifier, context: context),
            LogRotations(
                signals: signals.rotations, redirected: signals.redirectedLog, sink: context.logSink,
                snapshots: reloader.store, logger: logger),
            EventRotations(signals: signals.eventRotations, outlets: context.outlets),
            Watchdog(server: server, notifier: notifier),
            MemoryRelease(context: context),
            parts.alerts,
            CertificateWatch(snapshots: reloader.store, logger: logger),
            parts.cluster,
        ]
    }

    /// Links this node with the others, and takes its name among them.
    private func join(
        _ cluster: Cluster, _ server: ProxyServer, _ ledger: UsageLedger, _ logger: Logger
    ) async throws -> Task<Void, Never> {
        cluster.apply(snapshot.configuration)
        cluster.roster.setLag { ledger.lag }
        let linking = Task { await cluster.link.run() }
        if case .taken(let instance) = await cluster.roster.claim() {
            tell(
                logger, "another node of the cluster has this name and lives; give each node its own by cluster.node",
                [LogKeys.node: "\(cluster.roster.name ?? "")", LogKeys.instance: "\(instance)"])
            linking.cancel()
            await server.shutDown(gracePeriod: .zero)
            await ledger.close()
            throw ExitCode(Exit.unavailable)
        }
        // Only who has the name may hold what is its.
        cluster.limits.apply(snapshot.configuration.cluster)
        return linking
    }

    /// Why it does not start: in the log, and before who started it where the log is a file.
    private func tell(_ logger: Logger, _ what: String, _ metadata: [String: String]) {
        logger.critical("\(what)", metadata: metadata.mapValues { "\($0)" })
        guard snapshot.configuration.log.file != nil else { return }
        let details = metadata.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        Terminal.error("proxyd: \(what): \(metadata[LogKeys.reason] ?? details)\n")
    }

    private func openLog(_ log: Configuration.Log, _ settings: LogSettings) throws -> LogOutput {
        do throws(OpenedLogFile.Failure) {
            return try LogOutput(log, settings: settings)
        } catch {
            Terminal.error("proxyd: log.file: \(error)\n")
            throw ExitCode(Exit.configuration)
        }
    }

    private func openState(_ snapshots: SnapshotStore, _ logger: Logger) async throws -> (UsageLedger, KeyRegistry) {
        do {
            let ledger = try UsageLedger(
                directory: snapshot.configuration.statePath, timeZone: snapshot.configuration.timeZone,
                keepsRequests: snapshot.configuration.usage.keepsRequests, shared: try sharing(), logger: logger)
            await ledger.apply(snapshot.configuration.usage)
            let keys = try KeyRegistry(storedWith: ledger, snapshots: snapshots, logger: logger)
            await keys.followOthers()
            await keys.declare(snapshot.configuration.keys)
            return (ledger, keys)
        } catch let failure as SharedLibraryFailure {
            tell(logger, "the shared store cannot be used", [LogKeys.reason: "\(failure)"])
            throw ExitCode(Exit.unavailable)
        } catch {
            tell(
                logger, "the state directory cannot be used",
                [LogKeys.path: "\(snapshot.configuration.statePath)", LogKeys.reason: "\(error)"])
            throw ExitCode((error as? StateFailure)?.exitCode ?? Exit.unavailable)
        }
    }

    /// The store that nodes share, if the file has one.
    /// - Throws: where its library is not there: nothing that comes back by itself.
    private func sharing() throws -> SharedBooking.Settings? {
        guard let settings = SharedBooking.Settings(snapshot.configuration.cluster) else { return nil }
        try SharedBooking.loadLibrary()
        return settings
    }

    /// What seals items for clients. Without a key that lasts they open until the next start.
    private func itemSeal(_ logger: Logger) -> ItemSeal {
        do {
            return try ItemSeal.of(directory: snapshot.configuration.statePath, environment: environment)
        } catch {
            logger.warning(
                "summaries of conversations open until the next start only", metadata: [LogKeys.reason: "\(error)"])
            return .passing()
        }
    }

    private func start(_ context: ProxyContext, _ logger: Logger) async throws -> ProxyServer {
        do {
            try context.prepare(snapshot)
        } catch {
            tell(logger, "TLS towards upstreams cannot be set up", [LogKeys.reason: "\(error)"])
            throw ExitCode(Exit.configuration)
        }
        return try await ProxyServer(context: context, passed: PassedSockets(environment: environment, logger: logger))
    }

    /// What must happen around a reload: listeners bound before, keys and live state brought in line after.
    private func wire(_ reloader: ConfigurationReloader, to server: ProxyServer, _ context: ProxyContext, _ settings: LogSettings)
        async
    {
        await reloader.add(.stateStays)
        await reloader.add(.sharedStoreStays)
        await reloader.add(
            ReloadHook(
                name: "listeners",
                prepare: { _, new throws(ReloadRefusal) in
                    do {
                        try context.prepare(new)
                    } catch {
                        throw ReloadRefusal(key: "upstreams", message: "TLS towards upstreams cannot be set up: \(error)")
                    }
                    do throws(BindFailure) {
                        try await server.bind(new.configuration)
                    } catch {
                        throw ReloadRefusal(key: error.key, message: error.description)
                    }
                },
                rollback: { await server.withdraw(allBut: reloader.store.current.configuration) },
                commit: { _, new in await server.apply(new.configuration) }))
        await reloader.add(
            ReloadHook(
                name: "state",
                commit: { old, new in
                    await context.keys.declare(new.configuration.keys)
                    context.accounts.keepOnly(new.configuration.upstreams, changedCredentials: Self.changedCredentials(old, new))
                    context.models.declare(new)
                    settings.apply(new.configuration.log, timeZone: new.configuration.timeZone)
                    context.outlets.apply(new.configuration, caller: server.caller, version: Version.number)
                    if old.configuration.usage != new.configuration.usage {
                        await context.ledger.apply(new.configuration.usage)
                    }
                    if old.configuration.timeZone != new.configuration.timeZone {
                        await context.ledger.setTimeZone(new.configuration.timeZone)
                    }
                }))
    }

    /// Accounts that have another credential than before, or are of another vendor.
    private static func changedCredentials(_ old: Snapshot, _ new: Snapshot) -> Set<AccountID> {
        struct Credential: Equatable {
            let key: Secret?
            let url: UpstreamURL
        }
        func credentials(_ snapshot: Snapshot) -> [AccountID: Credential] {
            var credentials: [AccountID: Credential] = [:]
            for upstream in snapshot.configuration.upstreams {
                for account in upstream.accounts {
                    let id = AccountID(upstream: upstream.name, account: account.name)
                    credentials[id] = Credential(key: account.key, url: upstream.url)
                }
            }
            return credentials
        }
        let before = credentials(old)
        return Set(credentials(new).filter { before[$0.key] != $0.value }.keys)
    }

    /// The line that `systemctl status` shows.
    static func status(_ status: ReloadStatus, _ context: ProxyContext) -> String {
        if let trial = status.trial {
            return "running generation \(status.generation); generation \(trial.snapshot.generation) is on trial"
        }
        if let error = status.lastError { return "running generation \(status.generation); last reload refused: \(error)" }
        return "running generation \(status.generation)"
    }
}
