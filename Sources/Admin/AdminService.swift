import Dialects
import Foundation
import Logging
import ProxyCore

/// What proxyd answers itself: admin plane, health, metrics, model lists, Lark's callbacks.
///
/// One endpoint, one case in `answer`; what an endpoint does is in the folder that bears its name. Every call reads the
/// snapshot once.
public struct AdminService: LocalService {
    private let snapshots: SnapshotStore
    private let keys: any KeyAdministration
    private let usage: any UsageQueries
    private let limits: any LimitAdministration
    private let audit: any AuditTrail
    private let state: any StateKeeping
    private let accounts: AccountBook
    private let reload: any ReloadControl
    private let metrics: MetricsRegistry
    private let directory: ModelDirectory
    private let alerts: AlertWatch?
    private let cluster: Cluster?
    /// Calls Lark and issuers; who asks is an `AdminGate.Caller`.
    private let outgoing: any OutgoingCaller
    private let logger: Logger
    private let now: @Sendable () -> Date
    private let steady: @Sendable () -> Int
    private let larkStates = LarkStates()
    private let larkSignatures: LarkSignatures
    private let brake = GuessBrake()
    private let importParts = ImportParts()
    private let forbidden = LinesPerMinute()
    private let logins = LoginMemory()

    public init(
        snapshots: SnapshotStore, keys: any KeyAdministration, usage: any UsageQueries, limits: any LimitAdministration,
        audit: any AuditTrail, state: any StateKeeping, accounts: AccountBook, reload: any ReloadControl,
        metrics: MetricsRegistry, caller: any OutgoingCaller, logger: Logger, directory: ModelDirectory = ModelDirectory(),
        alerts: AlertWatch? = nil, cluster: Cluster? = nil, stateDirectory: String? = nil,
        now: @escaping @Sendable () -> Date = { Date() }, steady: @escaping @Sendable () -> Int = { SteadyClock.milliseconds }
    ) {
        self.snapshots = snapshots
        self.keys = keys
        self.usage = usage
        self.limits = limits
        self.audit = audit
        self.state = state
        self.accounts = accounts
        self.reload = reload
        self.metrics = metrics
        self.directory = directory
        self.alerts = alerts
        self.cluster = cluster
        larkSignatures = LarkSignatures(directory: stateDirectory, logger: logger)
        outgoing = caller
        self.logger = logger
        self.now = now
        self.steady = steady
    }

    public func serves(path: String) -> Bool { LocalEndpoint.mayServe(path) }

    public func takesBody(session: String, path: String) -> Bool {
        guard let admin = snapshots.current.configuration.admin,
            let session = logins.sessions.find(session, in: admin, now: steady() / 1_000)
        else { return false }
        return session.role == .admin || (session.role == .viewer && path == "/admin/explain")
    }

    public func respond(to request: LocalRequest) async -> LocalResponse {
        do {
            guard let endpoint = LocalEndpoint(path: request.path) else { throw AdminFailure.nothingHere }
            return try await answer(endpoint, request, snapshots.current)
        } catch let failure as AdminFailure {
            return .failure(failure)
        } catch let failure as SharedStoreFailure {
            return .failure(AdminFailure(.unavailable, failure.description))
        } catch {
            logger.error("local call failed", metadata: [LogKeys.request: "\(request.requestID)", LogKeys.error: "\(error)"])
            return .failure(AdminFailure(.internalError, "something went wrong here; the log says what"))
        }
    }

    public func explain(_ question: LocalQuestion) async -> LocalResponse {
        let snapshot = snapshots.current
        do {
            let asked = LiveQuestion(question, gate: gate(snapshot))
            return .json(try await explanation(snapshot) { try asked.answer($0, keys: keys) })
        } catch let failure as AdminFailure {
            return LiveQuestion.refusal(failure, of: question)
        } catch {
            logger.error(
                "an explanation failed", metadata: [LogKeys.request: "\(question.request.requestID)", LogKeys.error: "\(error)"])
            return LiveQuestion.refusal(
                AdminFailure(.internalError, "something went wrong here; the log says what"), of: question)
        }
    }

    private func answer(
        _ endpoint: LocalEndpoint, _ request: LocalRequest, _ snapshot: Snapshot
    ) async throws -> LocalResponse {
        switch endpoint {
        case .health:
            try checkMethod(endpoint, request)
            return health(snapshot).health()
        case .liveness:
            try checkMethod(endpoint, request)
            return HealthReport.liveness()
        case .readiness:
            try checkMethod(endpoint, request)
            return health(snapshot).readiness()
        case .metrics:
            try AdminGate.check(.metrics, of: try gate(snapshot).admit(request, .metrics))
            try checkMethod(endpoint, request)
            return LocalResponse(
                status: 200, headers: [("content-type", MetricsRegistry.contentType)] + LocalResponse.uncached,
                body: metrics.render())
        case .admin(let call):
            let right = call.right(method: request.method)
            let caller = try gate(snapshot).admit(request, right)
            return try await audited(call, request, caller) {
                try AdminGate.check(right, of: caller)
                guard call != .unknown else { throw AdminFailure.nothingHere }
                try checkMethod(endpoint, request)
                if !call.isVisited { try RequestQuery(request.query).check(repeatable: call.repeatable) }
                if call == .whoami { return .json(WhoAmI.shape(caller)) }
                return try await answer(call, request, snapshot, caller)
            }
        case .models: return try await models(endpoint, request, snapshot, id: nil)
        case .model(let id): return try await models(endpoint, request, snapshot, id: id)
        case .geminiModels: return try await models(endpoint, request, snapshot, id: nil)
        case .geminiModel(let id): return try await models(endpoint, request, snapshot, id: id)
        case .larkLogin:
            let handler = try larkHandler(request, snapshot)
            try checkMethod(endpoint, request)
            return handler.login(request)
        case .larkCallback:
            let handler = try larkHandler(request, snapshot)
            try checkMethod(endpoint, request)
            return request.method == "POST" ? try await handler.receive(request) : await handler.finishLogin(request)
        }
    }

    private func answer(
        _ call: LocalEndpoint.AdminCall, _ request: LocalRequest, _ snapshot: Snapshot, _ caller: AdminGate.Caller?
    ) async throws -> LocalResponse {
        let query = RequestQuery(request.query)
        switch call {
        case .dashboard: return Dashboard.page
        case .dashboardWithoutSlash: return LocalResponse(status: 308, headers: [("location", "admin/")] + LocalResponse.uncached)
        case .whoami: throw AdminFailure.nothingHere
        case .live: return .json(LiveReport(metrics: metrics, zone: snapshot.configuration.timeZone, now: now()).json())
        case .fallback:
            directory.want()
            let listings = directory.listings(in: snapshot)
            return .json(FallbackReport(snapshot: snapshot, accounts: liveAccounts, listings: listings).json())
        case .accountFreeing(let upstream, let account):
            return .json(try AccountHandler(accounts: accounts, configuration: snapshot.configuration).free(upstream, account))
        case .accountDraining(let upstream, let account):
            return .json(try AccountHandler(accounts: accounts, configuration: snapshot.configuration).drain(upstream, account))
        case .keys where request.method == "POST": return .json(try await keyHandler(snapshot).create(request.body))
        case .keys: return .json(try await keyHandler(snapshot).list(query))
        case .key("import") where request.method == "POST":
            return .json(try await ImportHandler(keys: keys, parts: importParts, logger: logger).take(request.body))
        case .key(let reference) where request.method == "PATCH":
            return .json(try await keyHandler(snapshot).change(reference, request.body))
        case .key(let reference): return .json(try await keyHandler(snapshot).delete(reference))
        case .keyUsage(let reference): return .json(try await keyHandler(snapshot).usage(reference))
        case .keyDisabling(let reference): return .json(try await keyHandler(snapshot).disable(reference))
        case .keyRotation(let reference): return .json(try await keyHandler(snapshot).rotate(reference, request.body))
        case .keyEnabling(let reference): return .json(try await keyHandler(snapshot).enable(reference))
        case .usage where GroupedReport.isAsked(by: query): return try await usageHandler(snapshot).grouped(query)
        case .usage: return .json(try await usageHandler(snapshot).total())
        case .dailyUsage: return try await usageHandler(snapshot).daily(query)
        case .hourlyUsage: return .json(try await usageHandler(snapshot).hourly(query))
        case .requests:
            let handler = RequestHandler(usage: usage, keys: keys, zone: snapshot.configuration.timeZone)
            return .json(try await handler.list(query))
        case .limits: return .json(try await limitHandler(snapshot).list(query))
        case .modelRoutes: return .json(try modelRoutes(query, snapshot))
        case .limitChange(let limit, let change):
            return .json(try await limitHandler(snapshot).change(limit, change, request.body))
        case .backup: return .json(try await stateHandler.begin())
        case .backupPiece(let id) where request.method == "DELETE": return .json(stateHandler.end(id))
        case .backupPiece(let id): return try stateHandler.piece(id, query)
        case .ledgerCheck: return .json(try await stateHandler.verify())
        case .nodes:
            let standing = cluster.map { $0.standing ?? $0.alone }
            return .json(NodeReport(standing: standing, zone: snapshot.configuration.timeZone, now: now()).json())
        case .alerts: return .json(AlertHandler(watch: alerts, configuration: snapshot.configuration).list())
        case .audit:
            return .json(try await AuditHandler(audit: audit, zone: snapshot.configuration.timeZone).list(query))
        case .configuration: return .json(configurationHandler.show())
        case .configurationHistory: return .json(await configurationHandler.history())
        case .configurationVersion(let number): return .json(try await configurationHandler.version(number))
        case .reload: return try await configurationHandler.apply(query, who: caller?.name)
        case .explanation:
            return .json(try await explanation(snapshot) { try $0.explain(request.body) })
        case .login where request.method == "POST": return try await loginHandler(snapshot).login(request)
        case .login: return .json(loginHandler(snapshot).ways())
        case .logout: return try await loginHandler(snapshot).logout(request)
        case .oidcLogin: return try await loginHandler(snapshot).beginOIDC(request)
        case .oidcCallback: return try await loginHandler(snapshot).finishOIDC(request)
        case .larkLogin: return try await loginHandler(snapshot).beginLark(request)
        case .larkCallback: return try await loginHandler(snapshot).finishLark(request)
        case .unknown: throw AdminFailure.nothingHere
        }
    }

    /// Does `work`, and notes in the audit log what was done or refused.
    private func audited(
        _ call: LocalEndpoint.AdminCall, _ request: LocalRequest, _ caller: AdminGate.Caller?,
        _ work: () async throws -> LocalResponse
    ) async throws -> LocalResponse {
        guard let caller, let action = AuditedAction(call, request, keys: keys) else { return try await work() }
        let result: String
        let outcome: Result<LocalResponse, any Error>
        do {
            let response = try await work()
            result = response.status < 400 ? "ok" : AdminFailure.Kind.refused.rawValue
            outcome = .success(response)
        } catch {
            let kind = (error as? AdminFailure)?.kind ?? .internalError
            if kind == .roleForbidden, !forbidden.isNoted(of: caller.name, now: steady() / 1_000) { throw error }
            result = kind.rawValue
            outcome = .failure(error)
        }
        let answer = (try? outcome.get()).flatMap { try? JSONValue(parsing: $0.body) }
        do {
            try await audit.record(action.entry(by: caller, at: Int(clamping: now()), result: result, answer: answer))
        } catch {
            logger.error(
                "the audit log cannot be written",
                metadata: [
                    LogKeys.who: "\(caller.name)", LogKeys.action: "\(action.name)", LogKeys.result: "\(result)",
                    LogKeys.error: "\(error)",
                ])
        }
        return try outcome.get()
    }

    private func models(
        _ endpoint: LocalEndpoint, _ request: LocalRequest, _ snapshot: Snapshot, id: String?
    ) async throws -> LocalResponse {
        try refuseOnAdminListener(request)
        let dialect: ClientDialect
        switch endpoint {
        case .geminiModels, .geminiModel: dialect = .gemini
        default:
            // The path is OpenAI's, Anthropic's and, in its stable version, Google's; each client shows itself by a header.
            let isGoogles = request.header("x-goog-api-key") != nil
            dialect = request.header("anthropic-version") != nil ? .anthropic : isGoogles ? .gemini : .openai
        }
        guard isAllowed(request.method, endpoint) else {
            let refused = AdminFailure.methodNotAllowed(request.method, allowed: endpoint.methods)
            return ClientError(dialect: dialect, requestID: request.requestID)
                .response(.methodNotAllowed, refused.message, headers: refused.headers)
        }
        if request.key?.enabled == true, id == nil { await directory.look(in: snapshot) }
        let catalog = ModelCatalog(snapshot: snapshot, accounts: liveAccounts, listings: directory.listings(in: snapshot))
        return ModelLists(catalog: catalog, now: now()).respond(to: request, dialect: dialect, id: id)
    }

    private func modelRoutes(_ query: RequestQuery, _ snapshot: Snapshot) throws(AdminFailure) -> JSONValue {
        directory.want()
        let name = query["policy"] ?? "default"
        guard let policy = snapshot.configuration.policies[name] else {
            throw AdminFailure(.notFound, "there is no policy '\(name)'")
        }
        let catalog = ModelCatalog(snapshot: snapshot, accounts: liveAccounts, listings: directory.listings(in: snapshot))
        return ModelReport(catalog: catalog).json(for: policy)
    }

    private func larkHandler(_ request: LocalRequest, _ snapshot: Snapshot) throws(AdminFailure) -> LarkHandler {
        try refuseOnAdminListener(request)
        guard let lark = snapshot.configuration.lark else { throw AdminFailure.nothingHere }
        return LarkHandler(
            lark: lark, caller: outgoing, states: larkStates, signatures: larkSignatures, now: now(), logger: logger)
    }

    private func gate(_ snapshot: Snapshot) -> AdminGate {
        AdminGate(
            configuration: snapshot.configuration, brake: brake, metrics: metrics, logger: logger, now: now(),
            sessions: logins.sessions, steady: steady() / 1_000)
    }

    private func loginHandler(_ snapshot: Snapshot) -> LoginHandler {
        LoginHandler(
            memory: logins, gate: gate(snapshot), audit: audit, caller: outgoing, logger: logger, now: now(),
            steady: steady() / 1_000)
    }

    private func health(_ snapshot: Snapshot) -> HealthReport {
        HealthReport(
            snapshot: snapshot, accounts: liveAccounts, reload: reload.status.current, storage: usage.health,
            sharedStore: usage.sharedStoreState, cluster: cluster?.standing)
    }

    private var liveAccounts: LiveAccounts {
        accounts.quota.flush(now: steady())
        return LiveAccounts(states: accounts.states.current, now: now(), steady: steady())
    }

    private func keyHandler(_ snapshot: Snapshot) -> KeyHandler {
        KeyHandler(keys: keys, usage: usage, configuration: snapshot.configuration, now: now(), logger: logger)
    }

    private func explanationHandler(_ snapshot: Snapshot) -> ExplanationHandler {
        var known = ExplanationHandler.KnownThings { [keys] in keys.find(reference: $0) }
        known.today = { [usage] in usage.today(keyID: $0) }
        known.limits = limits.look
        if case .failing = usage.health { known.canRecord = false }
        known.remembered = accounts.remembered
        return ExplanationHandler(snapshot: snapshot, accounts: liveAccounts, now: now(), known: known)
    }

    /// What a request would meet that comes now: where several nodes share limits, what others have used of its buckets is asked for.
    private func explanation(
        _ snapshot: Snapshot, _ answer: (ExplanationHandler) throws -> JSONValue
    ) async throws -> JSONValue {
        let first = try answer(explanationHandler(snapshot))
        guard snapshot.configuration.cluster?.limits.isEmpty == false, let met = first["limits"]?.array, !met.isEmpty else {
            return first
        }
        for each in met {
            guard let title = each["limit"]?.string, let bucket = each["bucket"]?.string, let found = snapshot.limits.find(title)
            else { continue }
            await limits.refresh([found.limit], buckets: [bucket])
        }
        return try answer(explanationHandler(snapshot))
    }

    private func limitHandler(_ snapshot: Snapshot) -> LimitHandler {
        LimitHandler(limits: limits, keys: keys, snapshot: snapshot, now: now(), logger: logger)
    }
    private var stateHandler: StateHandler { StateHandler(state: state, logger: logger) }

    private func usageHandler(_ snapshot: Snapshot) -> UsageHandler {
        UsageHandler(usage: usage, keys: keys, zone: snapshot.configuration.timeZone, now: now())
    }

    private var configurationHandler: ConfigurationHandler {
        ConfigurationHandler(snapshots: snapshots, reload: reload, keys: keys, metrics: metrics, now: now())
    }

    private func isAllowed(_ method: String, _ endpoint: LocalEndpoint) -> Bool { endpoint.methods.contains(method) }

    private func checkMethod(_ endpoint: LocalEndpoint, _ request: LocalRequest) throws(AdminFailure) {
        guard isAllowed(request.method, endpoint) else {
            throw AdminFailure.methodNotAllowed(request.method, allowed: endpoint.methods)
        }
    }

    /// The admin plane's own listener carries nothing for clients.
    private func refuseOnAdminListener(_ request: LocalRequest) throws(AdminFailure) {
        guard request.plane != .admin else { throw AdminFailure.nothingHere }
    }
}
