import Dialects
import Logging
import NIOCore
import Synchronization

/// What all loops share: the snapshot, live state, the ledger, and where things are said.
public final class ProxyContext: Sendable {
    public let snapshots: SnapshotStore
    public let keys: KeyRegistry
    public let accounts: AccountBook
    public let ledger: UsageLedger
    private let told: Told
    public let metrics: MetricsRegistry
    /// The keys and models that metrics know by name.
    public let models: ModelNames
    public let logger: Logger
    let local: Mutex<(any LocalService)?> = Mutex(nil)
    let tlsContexts: TLSContexts
    let troubles: UpstreamTroubles
    let retryBudget = RetryBudget()
    let memory: ConversionMemory
    let draining = Atomic<Bool>(false)
    let clients: ClientRoom

    public init(
        snapshots: SnapshotStore, keys: KeyRegistry, accounts: AccountBook, ledger: UsageLedger, logSink: LogSink,
        logSettings: LogSettings, metrics: MetricsRegistry, logger: Logger, items: ItemSeal = .passing(),
        tlsContexts: TLSContexts = TLSContexts()
    ) {
        self.snapshots = snapshots
        self.keys = keys
        self.accounts = accounts
        self.tlsContexts = tlsContexts
        troubles = UpstreamTroubles(publishing: accounts.states)
        self.ledger = ledger
        told = Told(sink: logSink, settings: logSettings, outlets: Outlets(metrics: metrics, logger: logger))
        self.metrics = metrics
        memory = ConversionMemory(sealing: items.sealing)
        models = ModelNames(registry: metrics)
        models.declare(snapshots.current)
        accounts.keepOnly(snapshots.current.configuration.upstreams)
        self.logger = logger
        clients = ClientRoom(ConnectionEvents(metrics: metrics, logger: logger))
    }

    /// Where things are said.
    private struct Told: Sendable {
        let sink: LogSink
        let settings: LogSettings
        let outlets: Outlets
    }

    public var logSink: LogSink { told.sink }
    public var logSettings: LogSettings { told.settings }
    /// Events and traces of requests.
    public var outlets: Outlets { told.outlets }

    var limits: LimitTable { ledger.limits }

    var connectionEvents: ConnectionEvents { clients.events }

    func add(_ slots: ConnectionSlots) { clients.add(slots) }

    /// Closes up to `count` idle connections of clients, those of one listener before others', for the sake of their descriptors.
    func makeRoom(_ count: Int, preferring preferred: ConnectionSlots? = nil) -> Int {
        clients.makeRoom(count, preferring: preferred)
    }

    /// What answers off the data path. Set once, before the first listener is bound.
    public func serve(_ service: any LocalService) {
        local.withLock { $0 = service }
    }

    /// Makes ready what a configuration needs before it is published.
    public func prepare(_ snapshot: Snapshot) throws {
        try tlsContexts.prepare(for: snapshot.configuration.upstreams)
    }

    /// Requests that are being answered at this moment.
    public var activeRequests: Int { Int(metrics.gauge(.activeRequests).value) }
    public var connections: Int { clients.open.load(ordering: .relaxed) }
}
