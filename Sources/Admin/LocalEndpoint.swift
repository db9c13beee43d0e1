/// Every path that proxyd answers itself, and the methods it takes there.
enum LocalEndpoint: Sendable, Hashable {
    case health
    case liveness
    case readiness
    case metrics
    case admin(AdminCall)
    /// OpenAI's or Anthropic's list.
    case models
    case model(String)
    case geminiModels
    case geminiModel(String)
    case larkLogin
    case larkCallback

    enum AdminCall: Sendable, Hashable {
        case dashboard
        /// `/admin`, whose relative links would miss.
        case dashboardWithoutSlash
        case whoami
        /// The last hour, minute by minute.
        case live
        case fallback
        case accountFreeing(upstream: String, account: String)
        case accountDraining(upstream: String, account: String)
        case keys
        case key(String)
        case keyUsage(String)
        case keyDisabling(String)
        case keyEnabling(String)
        case keyRotation(String)
        case usage
        case dailyUsage
        case hourlyUsage
        case requests
        case limits
        /// What can be asked for, and where it goes.
        case modelRoutes
        case limitChange(String, LimitHandler.Change)
        case audit
        case alerts
        /// The nodes of the cluster.
        case nodes
        case backup
        case backupPiece(String)
        case ledgerCheck
        case configuration
        case configurationHistory
        case configurationVersion(String)
        case reload
        case explanation
        case login
        case logout
        case oidcLogin
        case oidcCallback
        case larkLogin
        case larkCallback
        case unknown
    }

    /// nil for a path that is not ours. Segments are decoded; a slash at the end is forgiven.
    init?(path: String) {
        guard Self.mayServe(path), let path = RequestPath(path) else { return nil }
        switch path.segments {
        case ["health"]: self = .health
        case ["healthz"]: self = .liveness
        case ["readyz"]: self = .readiness
        case ["metrics"]: self = .metrics
        case ["oauth", "login"]: self = .larkLogin
        case ["oauth", "callback"]: self = .larkCallback
        case ["admin"]: self = .admin(path.hasTrailingSlash ? .dashboard : .dashboardWithoutSlash)
        case ["v1", "models"]: self = .models
        case ["v1beta", "models"]: self = .geminiModels
        default:
            if path.segments.first == "admin" {
                self = .admin(AdminCall(Array(path.segments.dropFirst())))
            } else if path.segments.starts(with: ["v1", "models"]) {
                self = .model(path.segments.dropFirst(2).joined(separator: "/"))
            } else if path.segments.starts(with: ["v1beta", "models"]) {
                self = .geminiModel(path.segments.dropFirst(2).joined(separator: "/"))
            } else {
                return nil
            }
        }
    }

    /// Whether a path, percent-encoded, is one of ours: a look at its beginning, cheap enough for an event loop.
    static func mayServe(_ path: String) -> Bool {
        let path = path.utf8
        let whole = path.last == UInt8(ascii: "/") ? path.dropLast() : path[...]
        if exact.contains(where: { whole.elementsEqual($0.utf8) }) { return true }
        if path.starts(with: "/admin/".utf8) || path.starts(with: "/v1/models/".utf8) { return true }
        // A colon begins a Gemini action (`…:generateContent`), which belongs to the data path.
        return path.starts(with: "/v1beta/models/".utf8) && !path.contains(UInt8(ascii: ":"))
    }

    private static let exact = [
        "/health", "/healthz", "/readyz", "/metrics", "/admin", "/v1/models", "/v1beta/models", "/oauth/login", "/oauth/callback",
    ]

    /// What the `Allow` field lists; HEAD stands for GET wherever looking twice changes nothing.
    var methods: [String] {
        switch self {
        case .health, .liveness, .readiness, .metrics, .models, .model, .geminiModels, .geminiModel: ["GET", "HEAD"]
        case .larkLogin: ["GET", "HEAD"]
        case .larkCallback: ["GET", "POST"]
        case .admin(let call): call.methods
        }
    }
}

extension LocalEndpoint.AdminCall {
    /// A browser comes here, from somewhere: what its query has is for the page, or is whatever a login's issuer puts there.
    var isVisited: Bool {
        switch self {
        case .dashboard, .dashboardWithoutSlash, .oidcLogin, .oidcCallback, .larkLogin, .larkCallback: true
        default: false
        }
    }

    /// What its query may hold several times.
    var repeatable: Set<String> {
        switch self {
        case .limits: ["bucket"]
        case .usage: ["only"]
        default: []
        }
    }

    init(_ segments: [String]) {
        switch segments.count {
        case 1:
            switch segments[0] {
            case "whoami": self = .whoami
            case "now": self = .live
            case "fallback": self = .fallback
            case "keys": self = .keys
            case "usage": self = .usage
            case "limits": self = .limits
            case "models": self = .modelRoutes
            case "requests": self = .requests
            case "audit": self = .audit
            case "alerts": self = .alerts
            case "nodes": self = .nodes
            case "backup": self = .backup
            case "config": self = .configuration
            case "reload": self = .reload
            case "explain": self = .explanation
            case "login": self = .login
            case "logout": self = .logout
            default: self = .unknown
            }
        case 2 where segments == ["usage", "daily"]: self = .dailyUsage
        case 2 where segments == ["usage", "hourly"]: self = .hourlyUsage
        case 2 where segments == ["config", "history"]: self = .configurationHistory
        case 3 where segments[0] == "config" && segments[1] == "history": self = .configurationVersion(segments[2])
        case 2 where segments == ["ledger", "verify"]: self = .ledgerCheck
        case 2 where segments == ["oidc", "login"]: self = .oidcLogin
        case 2 where segments == ["oidc", "callback"]: self = .oidcCallback
        case 2 where segments == ["lark", "login"]: self = .larkLogin
        case 2 where segments == ["lark", "callback"]: self = .larkCallback
        case 2 where segments[0] == "backup": self = .backupPiece(segments[1])
        case 2 where segments[0] == "keys": self = .key(segments[1])
        case 3 where segments[0] == "keys" && segments[2] == "usage": self = .keyUsage(segments[1])
        case 3 where segments[0] == "keys" && segments[2] == "disable": self = .keyDisabling(segments[1])
        case 3 where segments[0] == "keys" && segments[2] == "enable": self = .keyEnabling(segments[1])
        case 3 where segments[0] == "limits" && segments[2] == "reset": self = .limitChange(segments[1], .reset)
        case 3 where segments[0] == "limits" && segments[2] == "block": self = .limitChange(segments[1], .block)
        case 3 where segments[0] == "limits" && segments[2] == "unblock": self = .limitChange(segments[1], .unblock)
        case 3 where segments[0] == "keys" && segments[2] == "rotate": self = .keyRotation(segments[1])
        case 4 where segments[0] == "accounts" && segments[3] == "free":
            self = .accountFreeing(upstream: segments[1], account: segments[2])
        case 4 where segments[0] == "accounts" && segments[3] == "drain":
            self = .accountDraining(upstream: segments[1], account: segments[2])
        default: self = .unknown
        }
    }

    /// Empty for a path that is none.
    var methods: [String] {
        switch self {
        case .dashboard, .dashboardWithoutSlash, .fallback, .keyUsage, .usage, .dailyUsage, .hourlyUsage, .audit, .ledgerCheck,
            .configuration, .limits, .requests, .oidcLogin, .whoami, .live, .alerts, .nodes, .configurationHistory,
            .configurationVersion, .larkLogin,
            .modelRoutes:
            ["GET", "HEAD"]
        // A code is exchanged once.
        case .oidcCallback, .larkCallback: ["GET"]
        case .keys, .login: ["GET", "HEAD", "POST"]
        // A key may be called so all the same.
        case .key("import"): ["DELETE", "PATCH", "POST"]
        case .key: ["DELETE", "PATCH"]
        case .backupPiece: ["GET", "HEAD", "DELETE"]
        case .backup, .accountFreeing, .accountDraining, .keyDisabling, .keyEnabling, .keyRotation, .reload, .explanation,
            .limitChange, .logout:
            ["POST"]
        case .unknown: []
        }
    }

    /// What a key must be allowed to do for it.
    func right(method: String) -> AdminGate.Right {
        switch self {
        case .dashboard, .dashboardWithoutSlash, .login, .logout, .oidcLogin, .oidcCallback, .larkLogin, .larkCallback: .page
        // A copy of the whole state holds what no report shows.
        case .backup, .backupPiece: .change
        // It is asked with a body, and changes nothing.
        case .explanation: .look
        default: method == "GET" || method == "HEAD" ? .look : .change
        }
    }
}
